"""When trading days end: by a clock on the wall, over weekends and changes of that clock."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

import pytest

from engine.clock import NS_PER_S
from engine.market.calendars import Calendar, DayEnd

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
    day_end = DayEnd(time(17), ZoneInfo("America/New_York"), THANKSGIVING)
    assert day_end.after(utc(now)) == (utc(today), utc(next_day))


def test_an_early_close_is_by_the_clock_of_its_market() -> None:
    day_end = DayEnd(time(23), ZoneInfo("Europe/London"), THANKSGIVING)
    assert day_end.after(utc("2026-11-27T15:00"))[0] == utc("2026-11-27T19:00")
    assert DayEnd(time(16), ZoneInfo("Europe/London"), THANKSGIVING).after(utc("2026-11-27T15:00"))[0] == utc(
        "2026-11-27T16:00"
    )


def test_a_calendar_says_how_far_it_is_known() -> None:
    assert THANKSGIVING.knows(date(2026, 12, 31))
    assert not THANKSGIVING.knows(date(2027, 1, 1))
