"""Time: the value every decision is given, and the one place that reads a clock.

`Instant` is what cores see. `Clock` belongs to the shell; it can run faster than the wall so that a
demonstration lives through a trading day in minutes. All processes that share an origin and a speed
agree on the time, also after a restart.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final, NamedTuple

NS_PER_S = 1_000_000_000
NS_PER_MS = 1_000_000
NS_PER_DAY = 86_400 * NS_PER_S


class Instant(NamedTuple):
    """One reading of both clocks: subtract `monotonic_ns`, print `utc_ns`.

    A tuple, like all that every message makes anew: a frozen dataclass takes four times as long.
    """

    monotonic_ns: int
    utc_ns: int


class Clock:
    """Reads both clocks, scaled: `utc = origin + (real utc - origin) * speed`."""

    __slots__ = ("_last_utc_ns", "_mono_base_ns", "_origin_utc_ns", "speed")

    def __init__(self, speed: float = 1.0, origin_utc_ns: int = 0) -> None:
        if speed <= 0:
            raise ValueError(f"clock speed must be positive, found {speed}")
        self.speed = speed
        self._origin_utc_ns = origin_utc_ns
        self._mono_base_ns = time.monotonic_ns()
        self._last_utc_ns = 0

    def now(self) -> Instant:
        """Both clocks. UTC never goes back here, whatever the wall clock does: events keep their order."""
        monotonic_ns, utc_ns = time.monotonic_ns(), time.time_ns()
        if self.speed != 1.0:
            monotonic_ns = self._mono_base_ns + int((monotonic_ns - self._mono_base_ns) * self.speed)
            utc_ns = self._origin_utc_ns + int((utc_ns - self._origin_utc_ns) * self.speed)
        if utc_ns < self._last_utc_ns:
            utc_ns = self._last_utc_ns
        else:
            self._last_utc_ns = utc_ns
        return _instant(Instant, (monotonic_ns, utc_ns))

    def not_before(self, utc_ns: int) -> None:
        """Begin no earlier than the last thing that was recorded."""
        self._last_utc_ns = max(self._last_utc_ns, utc_ns)

    def ahead_ns(self) -> int:
        """How far the time given out is ahead of the wall clock: what a step back has left."""
        utc_ns = self._origin_utc_ns + int((time.time_ns() - self._origin_utc_ns) * self.speed)
        return max(0, self._last_utc_ns - utc_ns)

    def real_delay_s(self, delay_ns: int) -> float:
        """Real seconds to wait until `delay_ns` of this clock have passed; never negative."""
        return max(0.0, delay_ns / NS_PER_S / self.speed)


_instant: Final = tuple.__new__  # In half the time that its constructor takes.


def utc_day(utc_ns: int) -> int:
    """Whole UTC days since 1970-01-01: the bucket every window and every trading day uses."""
    return utc_ns // NS_PER_DAY


def fix_timestamp(utc_ns: int, *, micros: bool = False) -> str:
    """UTCTimestamp as FIX writes it: `YYYYMMDD-HH:MM:SS.sss`, or six decimals with `micros`."""
    if micros:
        seconds, rest = divmod(utc_ns, NS_PER_S)
        return f"{_fix_second(seconds)}.{rest // 1000:06d}"
    return _fix_millisecond(utc_ns // NS_PER_MS)


# Times are spelled from the coarse to the fine and kept: the messages of one turn share their millisecond,
# those of a burst their second, and the calendar costs several times what the rest does.
@lru_cache(maxsize=256)
def _fix_millisecond(ms: int) -> str:
    seconds, rest = divmod(ms, 1000)
    return f"{_fix_second(seconds)}.{rest:03d}"


@lru_cache(maxsize=64)
def _fix_second(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y%m%d-%H:%M:%S")


def iso_timestamp(utc_ns: int) -> str:
    """`2026-11-22T10:15:30.123Z`, for people and for views."""
    seconds, rest = divmod(utc_ns, NS_PER_S)
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S") + f".{rest // NS_PER_MS:03d}Z"


def span(ns: int) -> str:
    """A length of time in whole hours, else in whole minutes, else in seconds: `26 h`."""
    seconds = ns // NS_PER_S
    if seconds >= 3_600:
        return f"{seconds // 3_600} h"
    return f"{seconds // 60} min" if seconds >= 60 else f"{seconds} s"
