"""When trading days end: by a clock on the wall, over weekends and changes of that clock."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

import pytest

from engine.clock import NS_PER_S
from engine.domain.instrument import AssetClass, Security
from engine.market.calendars import EVERY_WEEKDAY, Calendar, Calendars, Cycle, DayEnd

NEW_YORK = DayEnd(time(17), ZoneInfo("America/New_York"))


def utc(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * NS_PER_S


@pytest.mark.parametrize(
    ("now", "today", "next_day"),
    [
        pytest.param("2026-11-23T15:00", "2026-11-23T22:00", "2026-11-24T22:00", id="a Monday"),
        pytest.param("2026-11-23T21:59", "2026-11-23T22:00", "2026-11-24T22:00", id="a minute before the end"),
        pytest.param("2026-11-23T22:00", "2026-11-24T22:00", "2026-11-25T22:00", id="at the end it is the next day"),
        pytest.param("2026-11-24T02:00", "2026-11-24T22:00", "2026-11-25T22:00", id="evening there, morning here"),
        pytest.param("2026-11-20T15:00", "2026-11-20T22:00", "2026-11-23T22:00", id="a Friday: the next is Monday"),
        pytest.param("2026-11-20T23:00", "2026-11-23T22:00", "2026-11-24T22:00", id="Friday night"),
        pytest.param("2026-11-21T15:00", "2026-11-23T22:00", "2026-11-24T22:00", id="a Saturday"),
        pytest.param("2026-10-30T15:00", "2026-10-30T21:00", "2026-11-02T22:00", id="the clocks go back between them"),
        pytest.param("2026-03-06T15:00", "2026-03-06T22:00", "2026-03-09T21:00", id="the clocks go forward"),
    ],
)
def test_the_end_of_a_trading_day_and_of_the_next(now: str, today: str, next_day: str) -> None:
    assert NEW_YORK.after(utc(now)) == (utc(today), utc(next_day))


def test_seconds_of_a_minute_belong_to_the_same_day() -> None:
    before = utc("2026-11-23T21:59") + 59 * NS_PER_S + 999_999_999
    assert NEW_YORK.after(before)[0] == utc("2026-11-23T22:00")


THANKSGIVING = Calendar(
    name="us",
    zone=ZoneInfo("America/New_York"),
    close=time(17),
    currencies=("USD",),
    first=date(2026, 1, 1),
    last=date(2026, 12, 31),
    closed=frozenset({date(2026, 11, 26), date(2026, 12, 25)}),
    no_settlement=frozenset(),
    early={date(2026, 11, 27): time(14)},
)


@pytest.mark.parametrize(
    ("now", "today", "next_day"),
    [
        pytest.param("2026-11-25T15:00", "2026-11-25T22:00", "2026-11-27T19:00", id="the day before a holiday"),
        pytest.param("2026-11-26T15:00", "2026-11-27T19:00", "2026-11-30T22:00", id="on a holiday"),
        pytest.param("2026-11-27T18:59", "2026-11-27T19:00", "2026-11-30T22:00", id="before an early close"),
        pytest.param("2026-11-27T19:00", "2026-11-30T22:00", "2026-12-01T22:00", id="after an early close"),
        pytest.param("2027-01-01T15:00", "2027-01-01T22:00", "2027-01-04T22:00", id="beyond its end, weekends alone"),
    ],
)
def test_days_end_by_the_calendar_of_their_market(now: str, today: str, next_day: str) -> None:
    assert NEW_YORK.after(utc(now), THANKSGIVING) == (utc(today), utc(next_day))


def test_an_early_close_is_by_the_clock_of_its_market() -> None:
    in_london = DayEnd(time(23), ZoneInfo("Europe/London"))
    assert in_london.after(utc("2026-11-27T15:00"), THANKSGIVING)[0] == utc("2026-11-27T19:00")
    before = DayEnd(time(16), ZoneInfo("Europe/London"))
    assert before.after(utc("2026-11-27T15:00"), THANKSGIVING)[0] == utc("2026-11-27T16:00")


def test_a_calendar_says_how_far_it_is_known() -> None:
    assert THANKSGIVING.is_known(date(2026, 12, 31))
    assert not THANKSGIVING.is_known(date(2027, 1, 1))
    assert THANKSGIVING.why_unknown(date(2027, 1, 1)) == "calendar us is known from 2026-01-01 to 2026-12-31 only"


# --- which day a trade is of, and when it settles ----------------------------------------------------


def market(name: str, zone: str, close: time, *closed: str) -> Calendar:
    off = frozenset(map(date.fromisoformat, closed))
    return replace(THANKSGIVING, name=name, zone=ZoneInfo(zone), close=close, currencies=(), closed=off, early={})


TOKYO = market("tokyo", "Asia/Tokyo", time(17), "2026-11-23")
LONDON = market("london", "Europe/London", time(18), "2026-12-25", "2026-12-28")
YORK = replace(THANKSGIVING, close=time(18, 30))


@pytest.mark.parametrize(
    ("calendar", "now", "expected"),
    [
        pytest.param(TOKYO, "2026-11-24T23:30", "2026-11-25", id="half past eight in the morning of the next day"),
        pytest.param(LONDON, "2026-11-24T23:30", "2026-11-25", id="late in the evening: of the next day"),
        pytest.param(YORK, "2026-11-24T23:29", "2026-11-24", id="a minute before the close"),
        pytest.param(YORK, "2026-11-24T23:30", "2026-11-25", id="at the close"),
        pytest.param(YORK, "2026-07-21T22:29", "2026-07-21", id="in summer an hour earlier"),
        pytest.param(YORK, "2026-07-21T22:30", "2026-07-22", id="at the close in summer"),
        pytest.param(YORK, "2026-11-26T15:00", "2026-11-27", id="on Thanksgiving"),
        pytest.param(YORK, "2026-11-25T23:45", "2026-11-27", id="on the evening before it"),
        pytest.param(YORK, "2026-11-27T20:00", "2026-11-27", id="after an early close: of the day all the same"),
        pytest.param(YORK, "2026-11-28T15:00", "2026-11-30", id="on a Saturday"),
        pytest.param(TOKYO, "2026-11-22T23:30", "2026-11-24", id="on a holiday there"),
        pytest.param(EVERY_WEEKDAY, "2026-11-24T23:59", "2026-11-24", id="without a calendar the UTC day"),
        pytest.param(EVERY_WEEKDAY, "2026-11-28T12:00", "2026-11-28", id="without a calendar a Saturday, too"),
    ],
)
def test_a_trade_is_of_the_trading_day_of_its_market(calendar: Calendar, now: str, expected: str) -> None:
    assert calendar.trade_date(utc(now)) == date.fromisoformat(expected)


def test_what_trades_and_does_not_settle_is_skipped_by_settlement_alone() -> None:
    """SIFMA, 20 March 2026: Good Friday is traded until noon and nothing settles."""
    friday = date(2026, 4, 3)
    calendar = replace(THANKSGIVING, closed=frozenset(), no_settlement=frozenset({friday}))
    assert calendar.trades_on(friday)
    assert not calendar.settles_on(friday)
    assert calendar.settlement(date(2026, 4, 2)) == date(2026, 4, 6)
    assert calendar.settlement(friday) == date(2026, 4, 6)
    assert calendar.settlement(friday, 0) == friday


def test_regular_settlement_changes_on_the_day_its_market_names() -> None:
    calendar = replace(LONDON, cycles=(Cycle(date.min, 2), Cycle(date(2026, 10, 12), 1)))
    assert calendar.settlement(date(2026, 10, 9)) == date(2026, 10, 13)
    assert calendar.settlement(date(2026, 10, 12)) == date(2026, 10, 13)
    assert calendar.settlement(date(2026, 10, 12), 3) == date(2026, 10, 15)


# --- which calendar a bond goes by -------------------------------------------------------------------

BOND = Security(
    security_id="US0000000002", name="B", issuer="I", asset_class=AssetClass.CORPORATE, currency="USD"
)  # fmt: skip


def test_a_bond_goes_by_the_calendar_of_its_currency_or_by_the_one_it_names() -> None:
    known = Calendars([THANKSGIVING, LONDON])
    assert known.of(BOND) is THANKSGIVING
    assert known.of(replace(BOND, calendar="london")) is LONDON


def test_calendars_that_are_joined_trade_by_the_first_and_settle_where_all_do() -> None:
    london = replace(LONDON, cycles=(Cycle(date.min, 2), Cycle(date(2027, 10, 11), 1)), last=date(2026, 12, 30))
    both = Calendars([THANKSGIVING, london]).of(replace(BOND, calendar="us+london"))
    assert both.name == "us+london"
    boxing_day, thanksgiving = date(2026, 12, 28), date(2026, 11, 26)
    assert (both.trades_on(boxing_day), both.settles_on(boxing_day)) == (True, False)
    assert (both.trades_on(thanksgiving), both.settles_on(thanksgiving)) == (False, False)
    assert both.settlement(date(2026, 12, 24)) == date(2026, 12, 30)
    assert both.regular_days(date(2027, 10, 11)) == 1
    assert both.is_known(date(2026, 12, 30))
    assert not both.is_known(date(2026, 12, 31))
    assert Calendars([THANKSGIVING, london]).named("us+london").zone is THANKSGIVING.zone


@pytest.mark.parametrize(
    ("bond", "why"),
    [
        (replace(BOND, calendar="tokyo"), "calendar tokyo is not in reference.calendars"),
        (replace(BOND, calendar="us+tokyo"), "calendar tokyo is not in reference.calendars"),
        (replace(BOND, currency="CHF"), "no calendar of reference.calendars is for CHF"),
    ],
)
def test_where_a_calendar_is_missing_nothing_is_known(bond: Security, why: str) -> None:
    found = Calendars([THANKSGIVING]).of(bond)
    assert found.why_unknown(date(2026, 11, 26)) == why
    assert found.settlement(date(2026, 11, 27)) == date(2026, 11, 30)


def test_without_any_calendar_nobody_is_missed() -> None:
    found = Calendars().of(replace(BOND, currency="CHF"))
    assert (found, found.why_unknown(date(2026, 11, 26))) == (EVERY_WEEKDAY, "")
    assert not found.is_known(date(2026, 11, 26))


@pytest.mark.parametrize(
    ("calendar", "expected"),
    [
        pytest.param(YORK, "2027-01-01T05:00", id="New York"),
        pytest.param(TOKYO, "2026-12-31T15:00", id="Tokyo"),
    ],
)
def test_a_calendar_ends_with_its_last_day_at_its_own_midnight(calendar: Calendar, expected: str) -> None:
    assert calendar.ends_ns == utc(expected)
