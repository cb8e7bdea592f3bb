"""Bond arithmetic from the terms we know: accrued interest, principal, the price of a yield.

What cannot be computed is `Unknown`, with the reason in words that a person can be told: never 0.

Owns what a market does where the securities file is silent (`_CUSTOMS`, `_EX_DIVIDEND_CUSTOMS`). Dates of coupons are
`engine.market.coupons`, the counting of days is `engine.market.day_count`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Final

from engine.domain.currencies import decimals_of
from engine.domain.instrument import AssetClass, Security
from engine.market.business_days import WEEKDAYS
from engine.market.calendars import day_number, day_of
from engine.market.coupons import Coupons, Earned, Period, coupons_of
from engine.market.day_count import DayCount, day_count_of

FREQUENCIES: Final = (0, 1, 2, 3, 4, 6, 12)
"""Coupons a year that a bond may have; 0 pays all its interest at maturity, or none."""
_PRICE_STEP: Final = Decimal("0.000001")
_FIRST_YEAR, _LAST_YEAR = 1900, 9000
"""Outside of them a date is no day to settle on; a maturity after them is a file's word for none."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """What cannot be computed, and why: a clause that stands behind `accrued:`."""

    reason: str


@dataclass(frozen=True, slots=True)
class ExDividend:
    """How long before a coupon the bond trades without it: settlements from so many days before the coupon date on."""

    days: int
    of_business: bool

    def __str__(self) -> str:
        return f"{self.days}{'bd' if self.of_business else 'd'}"

    def begins(self, coupon: date, before: Callable[[int, int], int]) -> date:
        """The first settlement without the coupon; `before` counts business days back from a day."""
        if self.of_business:
            return day_of(before(day_number(coupon), self.days))
        return coupon - timedelta(days=self.days)


def ex_dividend_of(text: str) -> ExDividend | None:
    """What `6bd` (business days), `7d` (days) or `0` says; None if it says nothing."""
    if text == "0":
        return ExDividend(0, False)
    found = re.fullmatch(r"([0-9]{1,2})(bd|d)", text)
    return ExDividend(int(found[1]), found[2] == "bd") if found else None


# What bonds of a market have where nobody says otherwise: coupons a year, and how interest is counted.
_CUSTOMS: Final[Mapping[tuple[str, AssetClass], tuple[int, DayCount]]] = {
    ("USD", AssetClass.CORPORATE): (2, DayCount.THIRTY_360),
    ("USD", AssetClass.MUNICIPAL): (2, DayCount.THIRTY_360),
    ("USD", AssetClass.AGENCY): (2, DayCount.THIRTY_360),
    ("USD", AssetClass.GOVERNMENT): (2, DayCount.ACT_ACT_ICMA),
    ("EUR", AssetClass.CORPORATE): (1, DayCount.ACT_ACT_ICMA),
    ("EUR", AssetClass.AGENCY): (1, DayCount.ACT_ACT_ICMA),
    ("GBP", AssetClass.GOVERNMENT): (2, DayCount.ACT_ACT_ICMA),
}
# Gilts: ex-dividend is the seventh business day before the coupon, and a settlement on it still has the coupon.
# Australian government bonds: seven calendar days, a settlement on the first of them has it no more.
# Source: UK DMO, Formulae for Calculating Gilt Prices from Yields, 3rd edition; AOFM, terms of Treasury bonds.
_EX_DIVIDEND_CUSTOMS: Final[Mapping[tuple[str, AssetClass], ExDividend]] = {
    ("GBP", AssetClass.GOVERNMENT): ExDividend(6, True),
    ("AUD", AssetClass.GOVERNMENT): ExDividend(7, False),
}
_NO_EX_DIVIDEND: Final = ExDividend(0, False)


def accrued_interest(
    security: Security,
    quantity: Decimal,
    settlement: date,
    *,
    business_day_before: Callable[[int, int], int] = WEEKDAYS.before,
) -> Decimal | Unknown:
    """Accrued interest on `quantity` face at `settlement`, in the bond's currency, to the cent, half a cent up.

    Of a currency that has none, such as yen, to its smallest amount.

    Negative only where the bond settles without its next coupon. Source: MSRB rule G-33 (a), ICMA rule 251.
    """
    if security.factor <= 0:
        return Unknown("factor is 0: nothing of it is outstanding")
    if security.coupon_pct is None:
        return Unknown("coupon_pct is not known")
    wrong = _no_settlement(security, settlement)
    if wrong is not None:
        return wrong
    if security.coupon_pct == 0:
        return _to_the_cent(Fraction(0), security.currency)
    years = _accrued_years(security, settlement, business_day_before)
    if isinstance(years, Unknown):
        return years
    return _to_the_cent(
        Fraction(quantity) * Fraction(security.factor) * Fraction(security.coupon_pct) / 100 * years, security.currency
    )


def principal(security: Security, quantity: Decimal, price: Decimal) -> Decimal | Unknown:
    """Clean money of a trade: what is outstanding of its face x percent of par, to the cent, half a cent up."""
    if security.factor <= 0:
        return Unknown("factor is 0: nothing of it is outstanding")
    return _to_the_cent(Fraction(quantity) * Fraction(security.factor) * Fraction(price) / 100, security.currency)


def price_of_yield(
    security: Security,
    yield_pct: Decimal,
    settlement: date,
    *,
    business_day_before: Callable[[int, int], int] = WEEKDAYS.before,
) -> Decimal | Unknown:
    """The clean price, percent of par, at which the bond yields `yield_pct` a year to its maturity.

    Street convention: coupons compounded as often as they are paid (once or twice a year by the market's custom where
    none is), a broken period by its share; in the last period, and where all interest is paid at maturity, simple.
    Source: SIA Standard Securities Calculation Methods, vol. I; MSRB rule G-33 (b).
    """
    if security.coupon_pct is None:
        return Unknown("coupon_pct is not known")
    maturity = _maturity(security)
    if maturity is None:
        return Unknown("maturity is not known")
    wrong = _no_settlement(security, settlement)
    if wrong is not None:
        return wrong
    coupon, rate = float(security.coupon_pct), float(yield_pct) / 100
    frequency = _frequency(security)
    if coupon > 0 and frequency == 0:
        return _price_paid_at_maturity(security, coupon, rate, settlement)
    earned = _earned(security, steps=_steps_of_yield(security) if coupon == 0 else frequency)
    if isinstance(earned, Unknown):
        return earned
    period = earned.coupons.period_of(settlement)
    if period is None:
        return _NO_BEGINNING
    growth = 1 + rate / earned.coupons.frequency
    if growth <= 0:
        return Unknown(f"a yield of {yield_pct} % leaves nothing")
    accrued = coupon * float(earned.accrued(period, settlement))
    first = coupon * float(earned.whole(period))
    if _is_without_coupon(security, period, settlement, business_day_before):
        accrued, first = accrued - first, 0.0
    steps = float(earned.steps_left(period, settlement))
    following = earned.coupons.after(period)
    if following is None:
        return _price((100 + first) / (1 + steps * rate / earned.coupons.frequency) - accrued)
    dirty = first / growth**steps
    while following is not None:
        steps += float(earned.steps_left(following, following.start))
        paid = coupon * float(earned.whole(following))
        next_one = earned.coupons.after(following)
        dirty += (paid if next_one is not None else paid + 100) / growth**steps
        following = next_one
    return _price(dirty - accrued)


def interest_problem(security: Security) -> str:
    """What of its terms is missing, so that its interest can be computed on no day; empty where nothing is."""
    if security.coupon_pct is None:
        return "coupon_pct is not known"
    if security.coupon_pct == 0:
        return ""
    frequency = _frequency(security)
    if frequency == 0:
        found: object = _years_since_begin(security, _begins(security) or date.min)
    else:
        found = _earned(security, frequency)
    return found.reason if isinstance(found, Unknown) else ""


_NO_BEGINNING: Final = Unknown("settlement is before first_coupon, and dated_date and issue_date are not known")


def _accrued_years(security: Security, settlement: date, before: Callable[[int, int], int]) -> Fraction | Unknown:
    """What a settlement has earned, in years of the coupon."""
    frequency = _frequency(security)
    if isinstance(frequency, Unknown):
        return frequency
    if frequency == 0:
        return _years_since_begin(security, settlement)
    earned = _earned(security, frequency)
    if isinstance(earned, Unknown):
        return earned
    period = earned.coupons.period_of(settlement)
    if period is None:
        return _NO_BEGINNING
    years = earned.accrued(period, settlement)
    if _is_without_coupon(security, period, settlement, before):
        years -= earned.whole(period)
    return years


def _price_paid_at_maturity(security: Security, coupon: float, rate: float, settlement: date) -> Decimal | Unknown:
    """Source: MSRB rule G-33 (b)(i)(A)."""
    maturity = _maturity(security)
    assert maturity is not None
    passed, whole = _years_since_begin(security, settlement), _years_since_begin(security, maturity)
    if isinstance(passed, Unknown) or isinstance(whole, Unknown):
        return passed if isinstance(passed, Unknown) else Unknown("maturity is not known")
    growth = 1 + rate * float(whole - passed)
    if growth <= 0:
        return Unknown(f"a yield of {100 * rate:g} % leaves nothing")
    return _price((100 + coupon * float(whole)) / growth - coupon * float(passed))


def _years_since_begin(security: Security, day: date) -> Fraction | Unknown:
    """Of a bond that pays all its interest at maturity."""
    begins = _begins(security)
    if begins is None:
        return Unknown("interest is paid at maturity, and dated_date and issue_date are not known")
    counted = _day_count(security)
    if isinstance(counted, Unknown):
        return counted
    if counted is DayCount.ACT_ACT_ICMA:
        return Unknown(f"{counted} counts coupon periods, and coupon_frequency is 0")
    # One step that is a year long: what thirty-day months make of the last of February is the same.
    coupons = coupons_of(1, _maturity(security), begins=begins)
    if coupons is None:
        return Unknown("maturity is not known")
    return Earned(coupons, counted).accrued(Period(begins, day, False), day)


def _no_settlement(security: Security, settlement: date) -> Unknown | None:
    """Why nothing settles on that day."""
    maturity = _maturity(security)
    if maturity is not None and settlement >= maturity:
        return Unknown(f"settlement {settlement} is not before maturity {maturity}")
    begins = max((day for day in (security.issue_date, security.dated_date) if day is not None), default=None)
    if begins is not None and settlement < begins:
        name = "issue_date" if begins == security.issue_date else "dated_date"
        return Unknown(f"settlement {settlement} is before {name} {begins}")
    if not _FIRST_YEAR <= settlement.year < _LAST_YEAR:
        return Unknown(f"settlement {settlement} is no day to settle on")
    return None


def _is_without_coupon(security: Security, period: Period, settlement: date, before: Callable[[int, int], int]) -> bool:
    """Does a trade that settles then leave the next coupon with the seller?"""
    terms = _NO_EX_DIVIDEND
    if security.ex_dividend is not None:
        terms = ex_dividend_of(security.ex_dividend) or terms
    else:
        terms = _EX_DIVIDEND_CUSTOMS.get((security.currency, security.asset_class), terms)
    return terms.days > 0 and settlement >= terms.begins(period.end, before)


def _earned(security: Security, steps: int | Unknown) -> Earned | Unknown:
    """The bond's coupons in so many steps a year, and how their interest is counted."""
    if isinstance(steps, Unknown):
        return steps
    counted = _day_count(security)
    if isinstance(counted, Unknown):
        return counted
    coupons = coupons_of(
        steps,
        _maturity(security),
        begins=_begins(security),
        first=security.first_coupon,
        last=security.last_coupon,
    )
    if coupons is None:
        return Unknown("neither maturity nor first_coupon is known")
    return Earned(coupons, counted)


def _frequency(security: Security) -> int | Unknown:
    found = security.coupon_frequency
    if found is None:
        custom = _CUSTOMS.get((security.currency, security.asset_class))
        return custom[0] if custom is not None else Unknown("coupon_frequency is not known")
    if found not in FREQUENCIES:
        return Unknown(f"coupon_frequency {found} is none that bonds have")
    return found


def _steps_of_yield(security: Security) -> int:
    """How often the yield of a bond without coupons is compounded."""
    found = _frequency(security)
    if isinstance(found, int) and found > 0:
        return found
    return 1 if security.currency == "EUR" else 2


def _day_count(security: Security) -> DayCount | Unknown:
    if security.day_count is None:
        custom = _CUSTOMS.get((security.currency, security.asset_class))
        return custom[1] if custom is not None else Unknown("day_count is not known")
    return day_count_of(security.day_count) or Unknown(f"day_count '{security.day_count}' is none that we count")


def _begins(security: Security) -> date | None:
    """When interest begins."""
    return security.dated_date or security.issue_date


def _maturity(security: Security) -> date | None:
    found = security.maturity
    return None if found is None or found.year >= _LAST_YEAR else found


def coupon_dates_problem(security: Security) -> str:
    """Why the dates that interest is by cannot be what they say; empty where they can."""
    frequency = _frequency(security)
    begins, maturity = _begins(security), _maturity(security)
    named = (("first_coupon", security.first_coupon), ("last_coupon", security.last_coupon))
    known = [(name, day) for name, day in named if day is not None]
    if security.dated_date is not None and maturity is not None and security.dated_date >= maturity:
        return f"maturity {maturity} is not after dated_date {security.dated_date}"
    for name, day in known:
        if frequency == 0:
            return f"{name} {day}: a bond with coupon_frequency 0 has no coupon dates"
        if begins is not None and day <= begins:
            return f"{name} {day} is not after the day on which interest begins, {begins}"
        if maturity is not None and day > maturity:
            return f"{name} {day} is after maturity {maturity}"
    if security.last_coupon is not None and security.last_coupon == maturity:
        return f"last_coupon {maturity} is maturity: it is the last coupon date before it"
    first, last = security.first_coupon, security.last_coupon
    if first is not None and last is not None and first > last:
        return f"first_coupon {first} is after last_coupon {last}"
    if first is None or isinstance(frequency, Unknown):
        return ""
    coupons: Coupons | None = coupons_of(frequency, maturity, first=first, last=last)
    if coupons is not None and not coupons.stands_on_steps(first):
        back, months = f"{'last_coupon' if last is not None else 'maturity'} {coupons.anchor}", 12 // frequency
        return (
            f"first_coupon {first} is not reached from {back} in steps of {months} months: if the last period is "
            "shorter or longer than the others, last_coupon has to say so"
        )
    return ""


def _price(value: float) -> Decimal:
    return Decimal(value).quantize(_PRICE_STEP)


def _to_the_cent(amount: Fraction, currency: str) -> Decimal:
    """Half a cent goes away from zero: MSRB rule G-33 (d)."""
    decimals = decimals_of(currency)
    cents = (abs(amount) * 2 * 10**decimals + 1) // 2
    return Decimal(cents if amount >= 0 else -cents).scaleb(-decimals)
