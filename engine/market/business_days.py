"""Days of business: weekdays without the holidays of a list. How many there are, and the day so many before or after.

A day is a number here, counted from 1970-01-01, as `clock.utc_day` gives it. Nothing walks over the days of a window.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from datetime import date
from typing import Final

_EPOCH: Final = date(1970, 1, 1)
_EPOCH_WEEKDAY: Final = _EPOCH.weekday()


class BusinessDays:
    """Weekdays but for the days of `off`."""

    __slots__ = ("_off",)

    def __init__(self, off: Iterable[date] = ()) -> None:
        self._off = sorted({(day - _EPOCH).days for day in off if day.weekday() < 5})

    def has(self, day: int) -> bool:
        return self.between(day, day + 1) == 1

    def between(self, first: int, end: int) -> int:
        """How many there are from `first` on and before `end`; negative where `end` comes first."""
        return self._before(end) - self._before(first)

    def before(self, day: int, count: int) -> int:
        """The one from which on there are `count` of them before `day`; for 0 the first from `day` on."""
        return self._at(self._before(day) - count)

    def after(self, day: int, count: int) -> int:
        """The `count`th after `day`, whether or not that is one itself; for 0 the first from `day` on."""
        return self._at(self._before(day + 1) + count - 1) if count else self.before(day, 0)

    def _before(self, day: int) -> int:
        """How many come before this day, counted from the Monday of the week in which counting begins."""
        weeks, rest = divmod(day + _EPOCH_WEEKDAY, 7)
        return 5 * weeks + min(rest, 5) - bisect_left(self._off, day)

    def _at(self, place: int) -> int:
        """The day that has so many before it."""
        skipped = 0
        while True:
            weeks, rest = divmod(place + skipped, 5)
            day = 7 * weeks + rest - _EPOCH_WEEKDAY
            # One holiday more may lie before a day that is later by those known so far; the day may be one itself.
            found = bisect_left(self._off, day + 1)
            if found == skipped:
                return day
            skipped = found


WEEKDAYS: Final = BusinessDays()
"""Where no holiday is known."""
