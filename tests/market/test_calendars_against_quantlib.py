"""The shipped calendars against QuantLib's, which other hands have written: every day, every trade date, T+0 to T+5.

Where the two differ by intent, `DIFFERENCES` has the day and the reason; beyond those there are none.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final

import pytest

from engine.config import load
from engine.market.calendars import Calendar, joint

ql = pytest.importorskip("QuantLib", reason="QuantLib has no wheel for this platform")

ROOT = Path(__file__).resolve().parents[2]
SHIPPED: Final = {each.name: each for each in load(ROOT / "engine.toml", {}).calendars}
FIRST, LAST = date(2026, 1, 1), date(2029, 12, 31)
THEIRS: Final = {
    "us-bond": ql.UnitedStates(ql.UnitedStates.GovernmentBond),
    "target": ql.TARGET(),
    "london": ql.UnitedKingdom(ql.UnitedKingdom.Settlement),
}
DIFFERENCES: Final[dict[str, dict[date, str]]] = {
    "us-bond": {
        date(
            2026, 4, 3
        ): "Good Friday with an employment report: QuantLib knows that it is traded; SIFMA, 20 March 2026:"
        ' "not be treated as a good settlement day"'
    },
}
"""By calendar, days on which one of the two settles and the other does not, and why."""
TPLUS: Final = range(6)


def days(first: date = FIRST, last: date = LAST) -> Iterator[date]:
    for number in range((last - first).days + 1):
        yield first + timedelta(days=number)


def ql_day(day: date) -> Any:
    return ql.Date(day.day, day.month, day.year)


def with_ours(name: str) -> Any:
    """QuantLib's calendar, with the days that differ by intent as ours has them."""
    theirs = ql.BespokeCalendar(name)
    theirs.addWeekend(ql.Saturday)
    theirs.addWeekend(ql.Sunday)
    for day in days(last=LAST + timedelta(days=60)):
        settles = THEIRS[name].isBusinessDay(ql_day(day))
        if day in DIFFERENCES.get(name, {}):
            settles = not settles
        if not settles and day.weekday() < 5:
            theirs.addHoliday(ql_day(day))
    return theirs


@pytest.mark.parametrize("name", THEIRS)
def test_every_day_settles_in_both_or_the_difference_is_explained(name: str) -> None:
    ours, theirs = SHIPPED[name], THEIRS[name]
    differ = {day for day in days() if ours.settles_on(day) is not theirs.isBusinessDay(ql_day(day))}
    assert differ == set(DIFFERENCES.get(name, {}))


def dates(ours: Calendar, theirs: Any) -> Iterator[tuple[date, int, date, date]]:
    """Every trading day and every T+n that lands where the calendar is known: ours and QuantLib's."""
    for traded in filter(ours.trades_on, days()):
        for count in TPLUS:
            found = ours.settlement(traded, count)
            if count and ours.is_known(found):
                their = theirs.advance(ql_day(traded), count, ql.Days)
                yield traded, count, found, date(their.year(), their.month(), their.dayOfMonth())


@pytest.mark.parametrize("name", THEIRS)
def test_settlement_of_every_trade_date(name: str) -> None:
    ours = SHIPPED[name]
    compared = list(dates(ours, with_ours(name)))
    assert [each for each in compared if each[2] != each[3]] == []
    trading = sum(map(ours.trades_on, days()))
    assert len(compared) > 5 * trading - 16, "all but the last few, whose T+5 is in 2030"
    assert all(ours.settlement(day, 0) == day for day in days())


@pytest.mark.parametrize("names", [("us-bond", "target"), ("target", "us-bond"), ("london", "target", "us-bond")])
def test_settlement_by_several_calendars(names: tuple[str, ...]) -> None:
    ours = joint([SHIPPED[name] for name in names])
    theirs = ql.JointCalendar(*map(with_ours, names), ql.JoinHolidays)
    compared = list(dates(ours, theirs))
    assert [each for each in compared if each[2] != each[3]] == []
    assert len(compared) > 4_900


@pytest.mark.parametrize("name", THEIRS)
def test_business_days_between_and_before(name: str) -> None:
    """Windows of every length up to 60 from each month's first day, by the days on which it settles."""
    ours, theirs = SHIPPED[name].settling, with_ours(name)
    epoch = date(1970, 1, 1)
    for day in (each for each in days() if each.day == 1 and each > date(2026, 4, 1)):
        number = (day - epoch).days
        for count in range(1, 61):
            begin = epoch + timedelta(days=ours.before(number, count))
            assert theirs.businessDaysBetween(ql_day(begin), ql_day(day), True, False) == count
            assert theirs.isBusinessDay(ql_day(begin))
            assert ours.between((begin - epoch).days, number) == count
