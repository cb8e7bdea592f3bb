"""Days as people type them, as a span of time."""

from __future__ import annotations

from datetime import date
from typing import Final

from engine.clock import NS_PER_DAY
from engine.errors import ConfigError

_EPOCH: Final = date(1970, 1, 1)


def period_ns(begin: str | None, end: str | None) -> tuple[int | None, int | None]:
    """From the beginning of the first UTC day to the end of the last; None is without a bound.

    Raises ConfigError for a period that ends before it begins.
    """
    begin_ns, end_ns = _day_ns(begin, 0), _day_ns(end, 1)
    if begin_ns is not None and end_ns is not None and begin_ns >= end_ns:
        raise ConfigError(f"expected --from no later than --to, found {begin} and {end}")
    return begin_ns, end_ns


def _day_ns(text: str | None, days: int) -> int | None:
    """The beginning of a day, UTC ns, or of so many later; None: none was typed."""
    if text is None:
        return None
    return ((date.fromisoformat(text) - _EPOCH).days + days) * NS_PER_DAY
