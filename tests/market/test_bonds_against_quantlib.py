"""Accrued interest, prices and yields of random bonds against QuantLib's, which other hands have written.

QuantLib builds its own coupon dates, from the same terms. What it is asked for:

- 30/360 with its end-of-month rule is its USA for a bond that pays at the ends of months, its BondBasis for others.
- A yield is compounded over coupon periods: by their thirty-day months where interest is counted so, by actual days of
  actual periods (ActualActual ISMA) where it is not.
- In the last period, and where all interest is paid at maturity, interest on the yield is simple.

Where the two differ by intent, or QuantLib has no answer, `Differs` names the reason, and the amount is not compared;
how often that is stands in the test. Beyond that there are no differences.
"""

from __future__ import annotations

import calendar
import random
from collections import Counter
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final

import pytest

from engine.domain.instrument import AssetClass, Security
from engine.market.bonds import Unknown, accrued_interest, price_of_yield
from engine.market.day_count import DayCount, is_month_end

ql = pytest.importorskip("QuantLib", reason="QuantLib has no wheel for this platform")

MILLION: Final = Decimal(1_000_000)
CENT: Final = 0.0051
"""What rounding one of the two makes, and a little of a float's."""
PRICE: Final = 2e-6
YIELD: Final = 2e-5
"""In percent a year, of bonds with a month or more left: what rounding the price to 0.000001 makes."""


@dataclass(frozen=True, slots=True)
class Case:
    """A bond, the day it settles, the yield it is asked for."""

    bond: Security
    settlement: date
    yield_pct: Decimal


def random_case(dice: random.Random) -> Case:
    frequency = dice.choice([0, 1, 1, 2, 2, 2, 2, 3, 4, 4, 6, 12])
    counted = dice.choice([each for each in DayCount if frequency or each is not DayCount.ACT_ACT_ICMA])
    maturity = random_day(dice, date(2027, 1, 1), date(2060, 12, 31))
    settlement = random_day(dice, date(2024, 1, 1), min(maturity - timedelta(days=1), date(2040, 12, 31)))
    months = 12 // (frequency or 1)
    issued = first = last = None
    if dice.random() < 0.6 or frequency == 0:
        issued = settlement - timedelta(days=dice.choice([1, 10, 100, 200, 1000, 5000]))
    if frequency and issued is not None and dice.random() < 0.5:
        # On the steps before maturity, as QuantLib counts them: the next after issue, or the one after that.
        month_end = is_month_end(maturity) and dice.random() < 0.8
        dates = [each for each in steps_before(maturity, months, month_end) if each > issued + timedelta(days=1)]
        at = dice.choice([0, 0, 1])
        if len(dates) > at + 1:
            first = sorted(dates)[at]
    if frequency and first is None and dice.random() < 0.15:
        last = maturity - timedelta(days=dice.randrange(5, 30 * months + 40))
        regular = last in steps_before(maturity, months, is_month_end(maturity))
        if regular or (issued is not None and last <= issued) or last.day > 28:
            last = None
    # Where months have thirty days QuantLib takes the days that are left for what is given back, which are not always
    # those that the coupon lacks.
    ex_dividend = None if not frequency or counted.has_thirty_day_months else dice.choice([None, None, "6bd", "7d"])
    bond = Security(
        security_id="US99O014AG12", name="Acme", issuer="Acme", asset_class=AssetClass.CORPORATE,
        coupon_pct=Decimal(dice.randrange(0, 100)) / 8 if dice.random() < 0.95 else Decimal(0),
        coupon_frequency=frequency, day_count=counted.value, issue_date=issued, maturity=maturity, first_coupon=first,
        last_coupon=last, ex_dividend=ex_dividend,
    )  # fmt: skip
    if dice.random() < 0.3:
        settlement = near_a_coupon(dice, bond, settlement)
    return Case(bond, settlement, Decimal(dice.randrange(-50, 1500)) / 100)


def random_day(dice: random.Random, first: date, last: date) -> date:
    found = first + timedelta(days=dice.randrange((last - first).days + 1))
    if dice.random() < 0.35:
        # Ends of months are where conventions differ.
        found = min(max(found.replace(day=1) - timedelta(days=dice.choice([1, 1, 2])), first), last)
    return found


def near_a_coupon(dice: random.Random, bond: Security, settlement: date) -> date:
    assert bond.maturity is not None
    months = 12 // (bond.coupon_frequency or 1)
    dates = steps_before(bond.last_coupon or bond.maturity, months, is_month_end(bond.last_coupon or bond.maturity))
    near = min(dates, key=lambda each: abs((each - settlement).days)) + timedelta(days=dice.randrange(-12, 3))
    return near if near < bond.maturity and (bond.issue_date is None or near > bond.issue_date) else settlement


def steps_before(maturity: date, months: int, month_end: bool) -> list[date]:
    """Coupon dates counted back to 2005, the latest first."""
    found = []
    for number in range(maturity.year * 12 + maturity.month - 1, 2005 * 12, -months):
        year, month = divmod(number, 12)
        days = calendar.monthrange(year, month + 1)[1]
        found.append(date(year, month + 1, days if month_end else min(maturity.day, days)))
    return found


def ql_day(day: date) -> Any:
    return ql.Date(day.day, day.month, day.year)


class Differs(StrEnum):
    """Why an amount is not compared."""

    UNEQUAL_STEPS = (
        "a yield where QuantLib's steps of thirty-day months pay the days to February, not equal parts of a year"
    )
    FEBRUARY = "an odd first period over the end of February: QuantLib counts back from a 28th, not from a 29th or 30th"
    ONE_PERIOD = "days of steps where the only period is odd: QuantLib's ActualActual does not know the steps"
    NO_ANSWER = "QuantLib raises"


def differs(case: Case, price: bool) -> Differs | None:
    """Why the price of a yield, or the interest, is not compared; None where it is."""
    bond = case.bond
    anchor = bond.last_coupon or bond.maturity
    assert anchor is not None
    counted = DayCount(bond.day_count or "")
    first = bond.first_coupon
    month_end = is_month_end(anchor) and (first is None or is_month_end(first))
    frequency = bond.coupon_frequency or (0 if bond.coupon_pct else 2)
    if not frequency:
        return None
    if counted.has_thirty_day_months:
        last_of_all = 27 if counted is DayCount.THIRTY_E_360_ISDA else 28
        late = anchor.day > last_of_all or is_month_end(anchor)
        return Differs.UNEQUAL_STEPS if price and late else None
    if not price and counted is not DayCount.ACT_ACT_ICMA:
        return None
    dates = steps_before(anchor, 12 // frequency, month_end)
    if bond.issue_date is not None:
        ends = min([each for each in dates if each > bond.issue_date], default=anchor) if first is None else first
        if ends == bond.maturity:
            return Differs.ONE_PERIOD
        february = any(each.month == 2 and bond.issue_date < each <= ends for each in dates)
        if february and anchor.day > 28 and not month_end and case.settlement < ends:
            return Differs.FEBRUARY
    return None


@dataclass(frozen=True, slots=True)
class Theirs:
    """The same bond as QuantLib has it: for its interest, and for its yield."""

    bond: Any
    yields_by: Any
    simple: bool
    steps: int
    at: Any

    @property
    def compounded(self) -> tuple[Any, Any]:
        return (ql.Simple, ql.Annual) if self.simple else (ql.Compounded, self.steps)

    def accrued(self) -> float:
        found: float = self.bond.accruedAmount(self.at) * 10_000
        return found

    def price(self, yield_pct: Decimal) -> float:
        rate = float(yield_pct) / 100
        found: float = ql.BondFunctions.cleanPrice(self.bond, rate, self.yields_by, *self.compounded, self.at)
        return found

    def yield_pct(self, price: Decimal, near: Decimal) -> float:
        """Searched for from two percent off."""
        clean = ql.BondPrice(float(price), ql.BondPrice.Clean)
        start = float(near) / 100 + 0.02
        found: float = 100 * ql.BondFunctions.bondYield(
            self.bond, clean, self.yields_by, *self.compounded, self.at, 1e-12, 1000, start
        )
        return found


def theirs(case: Case) -> Theirs:
    bond = case.bond
    assert bond.maturity is not None
    assert bond.coupon_pct is not None
    frequency = bond.coupon_frequency or (0 if bond.coupon_pct else 2)
    maturity, first, last = bond.maturity, bond.first_coupon, bond.last_coupon
    anchor = last or maturity
    month_end = is_month_end(anchor) and (first is None or is_month_end(first))
    months = 12 // frequency if frequency else 0
    begins = bond.issue_date
    if begins is None:
        begins = min(steps_before(anchor, months, month_end))
    if frequency:
        schedule = ql.Schedule(
            ql_day(begins), ql_day(maturity), ql.Period(months, ql.Months), ql.NullCalendar(), ql.Unadjusted,
            ql.Unadjusted, ql.DateGeneration.Backward, month_end, ql_day(first) if first else ql.Date(),
            ql_day(last) if last else ql.Date(),
        )  # fmt: skip
    else:
        schedule = ql.Schedule([ql_day(begins), ql_day(maturity)])
    counter = {
        DayCount.THIRTY_360: lambda: ql.Thirty360(ql.Thirty360.USA if month_end else ql.Thirty360.BondBasis),
        DayCount.THIRTY_E_360: lambda: ql.Thirty360(ql.Thirty360.EurobondBasis),
        DayCount.THIRTY_E_360_ISDA: lambda: ql.Thirty360(ql.Thirty360.ISDA, ql_day(maturity)),
        DayCount.ACT_ACT_ICMA: lambda: ql.ActualActual(ql.ActualActual.ISMA, schedule),
        DayCount.ACT_ACT_ISDA: lambda: ql.ActualActual(ql.ActualActual.ISDA),
        DayCount.ACT_360: ql.Actual360,
        DayCount.ACT_365F: ql.Actual365Fixed,
    }[DayCount(bond.day_count or "")]()
    ex_dividend = {
        None: (ql.Period(), ql.NullCalendar()),
        "6bd": (ql.Period(6, ql.Days), ql.WeekendsOnly()),
        "7d": (ql.Period(7, ql.Days), ql.NullCalendar()),
    }[bond.ex_dividend]
    found = ql.FixedRateBond(
        0, 100.0, schedule, [float(bond.coupon_pct) / 100], counter, ql.Unadjusted, 100.0, ql_day(begins),
        ql.NullCalendar(), *ex_dividend,
    )  # fmt: skip
    at = ql_day(case.settlement)
    thirty = DayCount(bond.day_count or "").has_thirty_day_months
    left = [flow.date() for flow in found.cashflows() if flow.date() > at]
    return Theirs(
        bond=found,
        yields_by=counter if thirty or not frequency else ql.ActualActual(ql.ActualActual.ISMA, schedule),
        simple=not frequency or len(set(map(str, left))) == 1,
        steps=frequency,
        at=at,
    )


def compare(seed: int, count: int) -> Counter[str]:
    """How many accrued amounts, prices and yields were held together, and were not. Fails at the first that differs."""
    dice = random.Random(seed)
    held: Counter[str] = Counter()
    for number in range(count):
        case = random_case(dice)
        other = theirs(case)
        told = f"seed {seed}, bond {number}: {case}"
        ours = accrued_interest(case.bond, MILLION, case.settlement)
        assert not isinstance(ours, Unknown), f"{told}: {ours}"
        reason = differs(case, price=False)
        if reason is None:
            try:
                wanted = other.accrued()
            except RuntimeError:
                held[Differs.NO_ANSWER] += 1
                continue
            assert abs(float(ours) - wanted) < CENT, f"{told}: accrued {ours}, QuantLib {wanted}"
        held[reason or "accrued"] += 1
        price = price_of_yield(case.bond, case.yield_pct, case.settlement)
        assert not isinstance(price, Unknown), f"{told}: {price}"
        reason = differs(case, price=True)
        if reason is None:
            try:
                wanted = other.price(case.yield_pct)
                found = other.yield_pct(price, case.yield_pct)
            except RuntimeError:
                reason = Differs.NO_ANSWER
        held[reason or "prices"] += 1
        if reason is not None:
            continue
        assert abs(float(price) - wanted) < PRICE, f"{told}: price {price}, QuantLib {wanted}"
        assert case.bond.maturity is not None
        if (case.bond.maturity - case.settlement).days >= 31:
            assert abs(found - float(case.yield_pct)) < YIELD, f"{told}: yield {case.yield_pct}, QuantLib {found}"
            held["yields"] += 1
    return held


def check(held: Counter[str], count: int) -> None:
    print(*(f"{number} {what}" for what, number in held.most_common()), sep="\n")
    assert held["accrued"] > count * 0.98
    assert held["prices"] > count * 0.8
    assert held["yields"] > count * 0.75
    assert held[Differs.NO_ANSWER] < count * 0.01


def test_two_thousand_bonds() -> None:
    check(compare(seed=1, count=2_000), 2_000)


@pytest.mark.full
def test_a_hundred_thousand_bonds() -> None:
    check(compare(seed=2, count=100_000), 100_000)
