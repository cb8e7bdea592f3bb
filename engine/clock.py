"""Time: the value every decision is given, and the one place that reads a clock.

`Instant` is what cores see. `Clock` belongs to the shell; it can run faster than the wall so that a
demonstration lives through a trading day in minutes. All processes that share an origin and a speed
agree on the time, also after a restart.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache

NS_PER_S = 1_000_000_000
NS_PER_MS = 1_000_000
NS_PER_DAY = 86_400 * NS_PER_S


@dataclass(frozen=True, slots=True)
class Instant:
    """One reading of both clocks: subtract `monotonic_ns`, print `utc_ns`."""

    monotonic_ns: int
    utc_ns: int


class Clock:
    """Reads both clocks, scaled: `utc = origin + (real utc - origin) * speed`."""

    __slots__ = ("_mono_base_ns", "_origin_utc_ns", "speed")

    def __init__(self, speed: float = 1.0, origin_utc_ns: int = 0) -> None:
        if speed <= 0:
            raise ValueError(f"clock speed must be positive, found {speed}")
        self.speed = speed
        self._origin_utc_ns = origin_utc_ns
        self._mono_base_ns = time.monotonic_ns()

    def now(self) -> Instant:
        if self.speed == 1.0:
            return Instant(time.monotonic_ns(), time.time_ns())
        since_base = time.monotonic_ns() - self._mono_base_ns
        since_origin = time.time_ns() - self._origin_utc_ns
        return Instant(
            self._mono_base_ns + int(since_base * self.speed),
            self._origin_utc_ns + int(since_origin * self.speed),
        )

    def real_delay_s(self, delay_ns: int) -> float:
        """Real seconds to wait until `delay_ns` of this clock have passed; never negative."""
        return max(0.0, delay_ns / NS_PER_S / self.speed)


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
