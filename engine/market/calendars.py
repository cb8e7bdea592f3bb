"""Settlement and business days, and when trading days end.

Trading days end by a market's calendar where one is configured; settlement and business days know weekends alone. A
date of settlement that matters is the dealer's to confirm. A day is a number here, counted from 1970-01-01 in UTC, as
`clock.utc_day` gives it, but for the end of a trading day.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache
from typing import Final

from engine.clock import NS_PER_S, utc_day

_EPOCH: Final = date(1970, 1, 1)
_EPOCH_WEEKDAY: Final = _EPOCH.weekday()


@dataclass(frozen=True, slots=True)
class Calendar:
    """The days of one market, as its file has them, from `first` to `last`; beyond them weekends alone are known.

    It trades until `close`, or until what `early` has for a day, by the clock of `zone`. On the days of `closed` it
    does not trade and nothing settles; on those of `no_settlement` it trades and nothing settles.
    """

    name: str
    zone: tzinfo
    close: time
    currencies: tuple[str, ...]
    first: date
    last: date
    closed: frozenset[date]
    no_settlement: frozenset[date]
    early: Mapping[date, time] = field(hash=False)

    def trades_on(self, day: date) -> bool:
        return day.weekday() < 5 and day not in self.closed

    def knows(self, day: date) -> bool:
        """Are the holidays of that day's time known?"""
        return self.first <= day <= self.last


@dataclass(frozen=True, slots=True)
class DayEnd:
    """When a trading day ends, by the clock on the wall of a zone; Saturdays, Sundays and holidays are none.

    Where the market of `calendar` closes early, by its own clock, the day ends then.
    """

    at: time
    zone: tzinfo
    calendar: Calendar | None = None

    def on(self, day: date) -> datetime | None:
        """The end of this day; None where it is no trading day."""
        usual = datetime.combine(day, self.at, self.zone)
        if self.calendar is None:
            return usual if day.weekday() < 5 else None
        if not self.calendar.trades_on(day):
            return None
        early = self.calendar.early.get(day)
        return usual if early is None else min(usual, datetime.combine(day, early, self.calendar.zone))

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
        end = day_end.on(day)
        if end is not None and end > now:
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
