"""engine/market/business_days.py: counted without walking, against counting day by day."""

from __future__ import annotations

import random
from datetime import date, timedelta

import pytest

from engine.market.business_days import WEEKDAYS, BusinessDays

EPOCH = date(1970, 1, 1)


def number(text: str) -> int:
    return (date.fromisoformat(text) - EPOCH).days


def is_one(day: int, off: set[date]) -> bool:
    found = EPOCH + timedelta(days=day)
    return found.weekday() < 5 and found not in off


@pytest.mark.parametrize("seed", range(8))
def test_it_counts_as_walking_over_the_days_does(seed: int) -> None:
    dice = random.Random(seed)
    begin = number("2026-01-01")
    off = {EPOCH + timedelta(days=begin + dice.randrange(200)) for _ in range(dice.choice([0, 3, 40]))}
    days = BusinessDays(off)
    for _ in range(200):
        first, end = begin + dice.randrange(-20, 220), begin + dice.randrange(-20, 220)
        walked = sum(is_one(day, off) for day in range(min(first, end), max(first, end)))
        assert days.between(first, end) == (walked if first <= end else -walked)
        count = dice.randrange(12)
        found = days.before(first, count)
        assert is_one(found, off)
        assert days.between(found, first) == count or count == 0
        found = days.after(first, count)
        assert is_one(found, off)
        if count:
            assert sum(is_one(day, off) for day in range(first + 1, found + 1)) == count
        else:
            assert not any(is_one(day, off) for day in range(first, found))
        assert days.has(first) is is_one(first, off)


@pytest.mark.parametrize(
    ("day", "count", "expected"),
    [
        pytest.param("2026-11-25", 1, "2026-11-27", id="over Thanksgiving"),
        pytest.param("2026-11-26", 1, "2026-11-27", id="from the holiday itself"),
        pytest.param("2026-11-26", 0, "2026-11-27", id="none after a holiday is the next day"),
        pytest.param("2026-11-27", 0, "2026-11-27", id="none after a day is the day"),
        pytest.param("2026-11-27", 1, "2026-11-30", id="over a weekend"),
        pytest.param("2026-11-28", 1, "2026-11-30", id="from a Saturday"),
    ],
)
def test_days_after(day: str, count: int, expected: str) -> None:
    assert BusinessDays([date(2026, 11, 26)]).after(number(day), count) == number(expected)


def test_a_holiday_on_a_weekend_takes_no_day() -> None:
    first, end = number("2026-07-01"), number("2026-07-10")
    assert BusinessDays([date(2026, 7, 4)]).between(first, end) == WEEKDAYS.between(first, end) == 7
