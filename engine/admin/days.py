"""Days as people type them, as a span of time."""

from __future__ import annotations

from datetime import date
from typing import Final

from engine.clock import NS_PER_DAY

_EPOCH: Final = date(1970, 1, 1)


def day_ns(text: str | None, days: int) -> int | None:
    """The beginning of a day, UTC ns, or of so many later; None: none was typed."""
    if text is None:
        return None
    return ((date.fromisoformat(text) - _EPOCH).days + days) * NS_PER_DAY
