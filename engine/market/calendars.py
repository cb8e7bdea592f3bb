"""Settlement and business days, and when trading days end. Weekends are known, holidays are not.

A date of settlement that matters is the dealer's to confirm. A day is a number here, counted from 1970-01-01 in UTC, as
`clock.utc_day` gives it, but for the end of a trading day.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache
from typing import Final

from engine.clock import NS_PER_S, utc_day

_EPOCH: Final = date(1970, 1, 1)
_EPOCH_WEEKDAY: Final = _EPOCH.weekday()


@dataclass(frozen=True, slots=True)
class DayEnd:
    """When a trading day ends, by the clock on the wall of a zone; Saturdays and Sundays are none."""

    at: time
    zone: tzinfo

    def after(self, utc_ns: int) -> tuple[int, int]:
        """The end of the trading day that this instant belongs to, and of the next one; UTC nanoseconds.

        What is later than the end of a day, or on no trading day, belongs to the next.
        """
        return _ends(self, utc_ns // NS_PER_S // _LOOKED_UP_S)


_LOOKED_UP_S: Final = 60
"""Days end on a whole minute: within one, everything belongs to the same day."""


@lru_cache(maxsize=64)
def _ends(day_end: DayEnd, minute: int) -> tuple[int, int]:
    now = datetime.fromtimestamp(minute * _LOOKED_UP_S, UTC)
    ends: list[int] = []
    day = now.astimezone(day_end.zone).date()
    while len(ends) < 2:
        end = datetime.combine(day, day_end.at, day_end.zone)
        if day.weekday() < 5 and end > now:
            ends.append(int(end.timestamp()) * NS_PER_S)
        day += timedelta(days=1)
    return ends[0], ends[1]


def trade_date(utc_ns: int) -> date:
    """The UTC day of an instant."""
    return _date(utc_day(utc_ns))


def settlement_date(utc_ns: int, days: int = 1) -> date:
    """So many weekdays after the trade date: T+1 for US corporates and municipals."""
    return _settlement(utc_day(utc_ns), days)


def day_number(day: date) -> int:
    """The number of a date."""
    return (day - _EPOCH).days


def day_of(number: int) -> date:
    """The date of a day's number."""
    return _date(number)


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
