"""Settlement and business days. Weekends are known, holidays are not: a date that matters is the dealer's to confirm.

A day is a number here, counted from 1970-01-01 in UTC, as `clock.utc_day` gives it.
"""

from __future__ import annotations

from datetime import date, timedelta
from functools import lru_cache
from typing import Final

from engine.clock import utc_day

_EPOCH: Final = date(1970, 1, 1)
_EPOCH_WEEKDAY: Final = _EPOCH.weekday()


def trade_date(utc_ns: int) -> date:
    """The UTC day of an instant."""
    return _date(utc_day(utc_ns))


def settlement_date(utc_ns: int, days: int = 1) -> date:
    """So many weekdays after the trade date: T+1 for US corporates and municipals."""
    return _settlement(utc_day(utc_ns), days)


def business_days(first: int, end: int) -> int:
    """How many weekdays there are from `first` on and before `end`; negative where `end` comes first."""
    return _weekdays_before(end) - _weekdays_before(first)


def business_day_before(day: int, count: int) -> int:
    """The weekday from which on there are `count` weekdays before `day`."""
    weeks, rest = divmod(_weekdays_before(day) - count, 5)
    return 7 * weeks + rest - _EPOCH_WEEKDAY


def _weekdays_before(day: int) -> int:
    """Weekdays before `day`, counted from the Monday of the week in which counting begins."""
    weeks, rest = divmod(day + _EPOCH_WEEKDAY, 7)
    return 5 * weeks + min(rest, 5)


# Kept: a desk asks for the same few days all day long, several times an order.
@lru_cache(maxsize=1024)
def wire_date(day: date) -> str:
    """LocalMktDate as FIX writes it: `YYYYMMDD`."""
    return day.strftime("%Y%m%d")


@lru_cache(maxsize=1024)
def _date(day: int) -> date:
    return _EPOCH + timedelta(days=day)


@lru_cache(maxsize=1024)
def _settlement(day: int, days: int) -> date:
    found = _date(day)
    while days:
        found += timedelta(days=1)
        if found.weekday() < 5:
            days -= 1
    return found
