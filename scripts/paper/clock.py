"""Scaled time: `utc = origin + (real utc - origin) * speed`, alike in every process that shares both."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime

NS_PER_S = 1_000_000_000
NS_PER_MS = 1_000_000
NS_PER_DAY = 86_400 * NS_PER_S

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class PaperClock:
    """Reads and formats scaled time; `real_ns` can be replaced by a test."""

    __slots__ = ("_real_ns", "origin_ns", "speed")

    def __init__(self, speed: float = 1.0, origin_ns: int = 0, real_ns: Callable[[], int] = time.time_ns) -> None:
        if speed <= 0:
            raise ValueError(f"clock speed must be positive, found {speed}")
        self.speed = speed
        self.origin_ns = origin_ns
        self._real_ns = real_ns

    def now_ns(self) -> int:
        """Nanoseconds since 1970 on the scaled clock."""
        real = self._real_ns()
        return real if self.speed == 1.0 else self.origin_ns + int((real - self.origin_ns) * self.speed)

    def real_s(self, scaled_s: float) -> float:
        """How long to wait, in real seconds, for `scaled_s` seconds to pass on this clock; never negative."""
        return max(0.0, scaled_s / self.speed)

    def timestamp(self) -> str:
        """Now, as SendingTime(52) and TransactTime(60) want it."""
        return format_timestamp(self.now_ns())


def format_timestamp(utc_ns: int) -> str:
    """UTCTimestamp with milliseconds: `YYYYMMDD-HH:MM:SS.sss`."""
    seconds, rest = divmod(utc_ns, NS_PER_S)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y%m%d-%H:%M:%S}.{rest // NS_PER_MS:03d}"


def parse_timestamp(text: str) -> int:
    """Nanoseconds since 1970 of a UTCTimestamp with 0 to 9 decimals; ValueError if it is not one."""
    head, _, fraction = text.partition(".")
    if fraction and not (fraction.isdigit() and len(fraction) <= 9):
        raise ValueError(f"not a UTCTimestamp: {text!r}")
    whole = datetime.strptime(head, "%Y%m%d-%H:%M:%S").replace(tzinfo=UTC)
    since = whole - _EPOCH
    return (since.days * 86_400 + since.seconds) * NS_PER_S + int(fraction.ljust(9, "0") if fraction else 0)
