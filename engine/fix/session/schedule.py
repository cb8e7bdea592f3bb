"""When a session is open: windows of local time, the period that an instant belongs to, the next boundary.

Owns how local time becomes instants, both DST changes included. Reads no clock: every question comes with its UTC
nanoseconds. What a session does at a boundary is the business of `fix.session.hours`.

A window begins on certain weekdays at one local time and ends at another, on the same day or some days later:

    daily      start 08:00, end 17:30, on mon to fri       five windows a week
    overnight  start 18:00, end 06:00                      ends on the day after the one it began on
    24 hours   start and end 17:00                         each window begins as the one before it ends: a seam
    weekly     sun 17:00 to fri 17:00                      one window a week

A period begins with a window and lasts until the next one begins, so that every instant belongs to exactly one.

Where clocks are put forward, a local time that is skipped means the instant that skips it: windows that would begin or
end in the hour that is missing do so at its end, and one that lies in it does not take place that day. Where they are
put back, a local time that comes twice means the first of the two. So windows of one schedule never overlap, and a
window over a change is an hour shorter or longer by the stop watch.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, NamedTuple, Self
from zoneinfo import ZoneInfo

from engine.clock import NS_PER_S

EVERY_DAY: Final = frozenset(range(7))
DAY_NAMES: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")

# A window may be skipped by a clock change, and one zone has skipped a whole day: two weeks and the days around the
# instant always hold the window before it and the one after it.
_DAYS_SEARCHED: Final = 16
_ONE_S: Final = datetime.timedelta(seconds=1)
_EPOCH: Final = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)


class Window(NamedTuple):
    """UTC nanoseconds; open from `start_ns` up to, not including, `end_ns`."""

    start_ns: int
    end_ns: int


@dataclass(frozen=True, slots=True)
class Schedule:
    """Windows that begin at `start` on `days` (0 is Monday) and end at `end`, `length_days` days later.

    `reset` asks for both sequence numbers to begin anew once in every period. Raises ValueError if the windows cannot
    be told apart: no day, or an end that lies before the start or beyond the next one.
    """

    zone: ZoneInfo
    start: datetime.time
    end: datetime.time
    days: frozenset[int] = EVERY_DAY
    length_days: int = 0
    reset: bool = False

    def __post_init__(self) -> None:
        if not self.days or not self.days <= EVERY_DAY:
            raise ValueError(f"days: expected some of 0 to 6, found {sorted(self.days)}")
        longest = 1 if len(self.days) > 1 else 7
        if not 0 <= self.length_days <= longest:
            raise ValueError(f"length_days: expected 0 to {longest}, found {self.length_days}")
        if self.length_days == 0 and self.end <= self.start:
            raise ValueError(f"end: expected a time after {self.start}, found {self.end}")
        if self.length_days == longest and self.end > self.start:
            raise ValueError(f"end: expected at most {self.start}, when the next window may begin, found {self.end}")

    @classmethod
    def daily(
        cls,
        zone: ZoneInfo,
        start: datetime.time,
        end: datetime.time,
        *,
        days: frozenset[int] = EVERY_DAY,
        reset: bool = False,
    ) -> Self:
        """A window on each of `days`; one whose end is not after its start runs into the following day."""
        return cls(zone, start, end, days, 0 if end > start else 1, reset)

    @classmethod
    def weekly(
        cls,
        zone: ZoneInfo,
        start_day: int,
        start: datetime.time,
        end_day: int,
        end: datetime.time,
        *,
        reset: bool = False,
    ) -> Self:
        """One window a week; it lasts the whole week if it ends when it starts."""
        length = (end_day - start_day) % 7
        if length == 0 and end <= start:
            length = 7
        return cls(zone, start, end, frozenset((start_day,)), length, reset)

    # --- instants --------------------------------------------------------------------------------

    def is_open(self, utc_ns: int) -> bool:
        return utc_ns < self._latest(utc_ns).end_ns

    def period_start(self, utc_ns: int) -> int:
        """When the period of this instant began: the start of the last window that has begun by then."""
        return self._latest(utc_ns).start_ns

    def next_start(self, utc_ns: int) -> int:
        """When the next window, and with it the next period, begins; always later than `utc_ns`."""
        return self._next(utc_ns).start_ns

    def next_boundary(self, utc_ns: int) -> int:
        """The first later instant at which a window ends or begins; at a seam both at once."""
        end_ns = self._latest(utc_ns).end_ns
        return end_ns if utc_ns < end_ns else self.next_start(utc_ns)

    # --- words -----------------------------------------------------------------------------------

    def closed(self, utc_ns: int) -> str:
        """`closed until 08:00 America/New_York`, with the weekday unless that is today; empty while it is open."""
        if self.is_open(utc_ns):
            return ""
        return f"closed until {self._spoken(self.next_start(utc_ns), utc_ns)}"

    def describe(self, utc_ns: int) -> str:
        """Open or closed, until when, and when the numbers begin anew: one line for people."""
        words = [self.closed(utc_ns) or self._open_until(utc_ns)]
        if self.reset:
            words.append(f"numbers begin anew {self._spoken(self.next_start(utc_ns), utc_ns)}")
        return "; ".join(words)

    def _open_until(self, utc_ns: int) -> str:
        """Seams do not close a session: the end is where no window follows at once."""
        window = self._latest(utc_ns)
        for _ in range(7):
            following = self._next(window.start_ns)
            if following.start_ns > window.end_ns:
                return f"open until {self._spoken(window.end_ns, utc_ns)}"
            window = following
        return "always open"

    def _spoken(self, then_ns: int, now_ns: int) -> str:
        then, now = self._local(then_ns), self._local(now_ns)
        time = f"{then:%H:%M}" if then.second == 0 else f"{then:%H:%M:%S}"
        day = "" if then.date() == now.date() else f"{DAY_NAMES[then.weekday()]} "
        return f"{day}{time} {self.zone.key}"

    # --- windows ---------------------------------------------------------------------------------

    def _latest(self, utc_ns: int) -> Window:
        """The last window that has begun; whether it has ended is another question."""
        today = self._local(utc_ns).toordinal()
        for ordinal in range(today + 1, today - _DAYS_SEARCHED, -1):
            window = _window(self, ordinal)
            if window is not None and window.start_ns <= utc_ns:
                return window
        raise AssertionError("a schedule has a window every week")

    def _next(self, utc_ns: int) -> Window:
        today = self._local(utc_ns).toordinal()
        for ordinal in range(today - 1, today + _DAYS_SEARCHED):
            window = _window(self, ordinal)
            if window is not None and window.start_ns > utc_ns:
                return window
        raise AssertionError("a schedule has a window every week")

    def _local(self, utc_ns: int) -> datetime.datetime:
        return (_EPOCH + datetime.timedelta(seconds=utc_ns // NS_PER_S)).astimezone(self.zone)


@lru_cache(maxsize=1024)
def _window(schedule: Schedule, ordinal: int) -> Window | None:
    """The window that begins on this day of the calendar; None if none does, or if a clock change swallows it."""
    date = datetime.date.fromordinal(ordinal)
    if date.weekday() not in schedule.days:
        return None
    last = date + datetime.timedelta(days=schedule.length_days)
    start_ns = _instant_ns(schedule.zone, datetime.datetime.combine(date, schedule.start))
    end_ns = _instant_ns(schedule.zone, datetime.datetime.combine(last, schedule.end))
    return Window(start_ns, end_ns) if start_ns < end_ns else None


def _instant_ns(zone: ZoneInfo, wall: datetime.datetime) -> int:
    """UTC nanoseconds of a local time: of two the first, of none the change that skips it."""
    instant = wall.replace(tzinfo=zone, fold=0).astimezone(datetime.UTC)
    if instant.astimezone(zone).replace(tzinfo=None, fold=0) != wall:
        # Skipped. Read with the offset after the change the time lies before it, with the one before it after it.
        before = wall.replace(tzinfo=zone, fold=1).astimezone(datetime.UTC)
        offset = before.astimezone(zone).utcoffset()
        while instant - before > _ONE_S:
            middle = before + (instant - before) // _ONE_S // 2 * _ONE_S
            if middle.astimezone(zone).utcoffset() == offset:
                before = middle
            else:
                instant = middle
    since = instant - _EPOCH
    return (since.days * 86_400 + since.seconds) * NS_PER_S
