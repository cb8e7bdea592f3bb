"""When trading days end: by a clock on the wall, over weekends and changes of that clock."""

from __future__ import annotations

from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

import pytest

from engine.clock import NS_PER_S
from engine.market.calendars import DayEnd

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
