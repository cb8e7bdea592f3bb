"""What no bond has, and what hardly any bond has: values of a securities file that are well written and still wrong.

`impossible` says what must not be dealt on: a line with it is an error, its bond is not used. `doubtful` says what a
person should look at: the bond is used, and a warning names it. Each names the column, the value and what was expected.

The bounds are wide on purpose. Bonds with coupons of 80 % and prices of 2 or 300 exist; a coupon of 475 is 4.75 in
basis points, a price of 9900 is 99 times a hundred, and a price of 0.99 of an investment grade bond is a share of par.
"""

from __future__ import annotations

import datetime
from decimal import Decimal
from typing import Final

from engine.domain.currencies import currency_problem
from engine.domain.instrument import Security, is_cusip, is_investment_grade

COUPON_PCT_MAX: Final = 100
FACTOR_MAX: Final = 2
"""What is outstanding of a face of 1. Above 1 is principal that grew, by inflation or unpaid interest."""
PRICE_MAX: Final = 400
DV01_MAX: Final = 1
"""Per 100 face; a zero coupon bond of fifty years has some 0.3."""
LOWEST_OF_GOOD_CREDIT: Final = 5
"""No investment grade bond is worth less, in percent of par."""
FIRST_YEAR: Final = 1900

_COUPON_PCT_HIGH: Final = 25
_COUPON_PCT_LOW: Final = Decimal("0.1")
_LOW_COUPONS_USUAL: Final = frozenset({"JPY", "EUR", "CHF", "DKK", "SEK"})
_PRICE_HIGH: Final = 200
_YEARS_MAX: Final = 101
_AMOUNT_SMALL: Final = 100_000
_DV01_SHARE_MAX: Final = Decimal("1.5")
"""Of price x years: no bond's price moves by more for a basis point."""
_DATES: Final = (
    "issue_date",
    "dated_date",
    "first_coupon",
    "last_coupon",
    "maturity",
    "last_trade_date",
    "called",
    "defaulted",
)
_EMBEDDING_CUSIP: Final = ("US", "CA")


def impossible(security: Security) -> list[str]:
    """Every reason why no bond is as this one is said to be."""
    found = []
    if expected := currency_problem(security.currency):
        found.append(f"currency: expected {expected}, found '{security.currency}'")
    if security.coupon_pct is not None and security.coupon_pct > COUPON_PCT_MAX:
        found.append(_wrong("coupon_pct", f"a coupon of at most {COUPON_PCT_MAX}, in percent", security.coupon_pct))
    if security.factor > FACTOR_MAX:
        found.append(_wrong("factor", f"what is outstanding of 1, at most {FACTOR_MAX}", security.factor))
    price = security.price
    if price is not None and price > PRICE_MAX:
        found.append(_wrong("price", f"a clean price of at most {PRICE_MAX}, in percent of par", price))
    if price is not None and price < LOWEST_OF_GOOD_CREDIT and is_investment_grade(security.rating):
        expected = f"a clean price in percent of par, {LOWEST_OF_GOOD_CREDIT} or more of a bond rated {security.rating}"
        found.append(_wrong("price", expected, price))
    if security.dv01 is not None and security.dv01 > DV01_MAX:
        expected = f"a price change for a basis point, per 100 face, of at most {DV01_MAX}"
        found.append(_wrong("dv01", expected, security.dv01))
    if (inside := cusip_of(security.security_id)) and security.cusip is not None and security.cusip != inside:
        found.append(f"cusip: expected {inside}, as in the ISIN {security.security_id}, found '{security.cusip}'")
    for column in _DATES:
        day = getattr(security, column)
        if day is not None and day.year < FIRST_YEAR:
            found.append(f"{column}: expected a date from {FIRST_YEAR} on, found '{day}'")
    return found


def doubtful(security: Security, as_of: datetime.date | None) -> list[str]:
    """Every reason to look at this bond again; `as_of` is the day that the file is of."""
    return [*_doubtful_terms(security), *_doubtful_dates(security, as_of), *_doubtful_market(security)]


def cusip_of(isin: str) -> str:
    """The CUSIP inside an ISIN of the United States or Canada; empty where there is none."""
    inside = isin[2:11]
    return inside if isin[:2] in _EMBEDDING_CUSIP and is_cusip(inside) else ""


def _doubtful_terms(security: Security) -> list[str]:
    found = []
    coupon = security.coupon_pct
    if coupon is not None and coupon > _COUPON_PCT_HIGH:
        found.append(_wrong("coupon_pct", f"a coupon of {_COUPON_PCT_HIGH} or less, in percent", coupon))
    if coupon is not None and 0 < coupon < _COUPON_PCT_LOW and security.currency not in _LOW_COUPONS_USUAL:
        found.append(_wrong("coupon_pct", f"0, or {_COUPON_PCT_LOW} or more in percent, not a share of 1", coupon))
    if 1 < security.factor <= FACTOR_MAX:
        found.append(_wrong("factor", "1 or less, unless its principal grows", security.factor))
    amount = security.amount_outstanding
    if amount is not None and 0 < amount < _AMOUNT_SMALL:
        found.append(_wrong("amount_outstanding", f"a face amount of {_AMOUNT_SMALL} or more, not in millions", amount))
    if amount is not None and security.adv_30d is not None and security.adv_30d > amount > 0:
        expected = f"a business day's volume of at most what is outstanding, {amount:f}"
        found.append(_wrong("adv_30d", expected, security.adv_30d))
    return found


def _doubtful_dates(security: Security, as_of: datetime.date | None) -> list[str]:
    found = []
    maturity, issued, traded = security.maturity, security.issue_date, security.last_trade_date
    if maturity is not None and as_of is not None and maturity <= as_of:
        found.append(f"maturity: expected a date after {as_of}, found '{maturity}': it has matured")
    if maturity is not None and issued is not None and maturity.year - issued.year > _YEARS_MAX:
        found.append(f"maturity: expected within {_YEARS_MAX} years of the issue date {issued}, found '{maturity}'")
    told_of = security.liquidity_as_of
    if traded is not None and told_of is not None and traded > told_of:
        found.append(f"last_trade_date: expected a date up to {told_of}, found '{traded}'")
    if told_of is not None and as_of is not None and told_of > as_of:
        found.append(f"liquidity_as_of: expected a date up to {as_of}, found '{told_of}'")
    return found


def _doubtful_market(security: Security) -> list[str]:
    found = []
    price, dv01 = security.price, security.dv01
    if price is not None and price < LOWEST_OF_GOOD_CREDIT and not is_investment_grade(security.rating):
        found.append(_wrong("price", f"{LOWEST_OF_GOOD_CREDIT} or more in percent of par, unless in default", price))
    if price is not None and price > _PRICE_HIGH:
        found.append(_wrong("price", f"{_PRICE_HIGH} or less in percent of par", price))
    maturity, told_of = security.maturity, security.liquidity_as_of
    if price is not None and dv01 is not None and maturity is not None and told_of is not None:
        years = Decimal(max((maturity - told_of).days, 0)) / 365
        highest = _DV01_SHARE_MAX * price * years / 10_000
        if dv01 > highest + Decimal("0.005"):
            expected = f"at most {highest:.4f} of a bond with {years:.1f} years at a price of {price}"
            found.append(_wrong("dv01", expected, dv01))
        if dv01 == 0 and years > 1 and price >= LOWEST_OF_GOOD_CREDIT:
            found.append(_wrong("dv01", f"above 0 of a bond with {years:.1f} years (empty where unknown)", dv01))
    return found


def _wrong(column: str, expected: str, found: Decimal) -> str:
    return f"{column}: expected {expected}, found '{found:f}'"
