"""Figures of reports in words: each with its interval, and none where days are too few to tell."""

from __future__ import annotations

import math
from typing import Final

from engine.research.bootstrap import Interval

_Z95: Final = 1.96
_UNITS: Final = {"%": " %", "s": " s", "bp": " bp", "face": " mm"}


def as_share(found: Interval) -> Interval:
    """A share with an interval that is no surer than independent cases would make it.

    Where all cases went one way, days drawn again all do, too: their interval alone would call it certain.
    """
    if found.low is None or found.high is None:
        return found
    least, most = _wilson(found.value, found.n)
    low, high = max(0.0, min(found.low, least)), min(1.0, max(found.high, most))
    return Interval(found.value, low, high, found.n, found.days, found.se)


def _wilson(share: float, count: int) -> tuple[float, float]:
    """The 95 % interval of a share of independent cases, by Wilson's score."""
    z2 = _Z95 * _Z95
    middle = (share + z2 / (2 * count)) / (1 + z2 / count)
    half = _Z95 * math.sqrt(max(0.0, share * (1 - share)) / count + z2 / (4 * count * count)) / (1 + z2 / count)
    return middle - half, middle + half


def told(found: Interval, unit: str, *, is_short: bool = False) -> str:
    """`82 % (78 to 86)`; of too few days `82 % (of 3 days: cannot tell)`, in short `82 % (3 days: ?)`."""
    if not found.n:
        return "nothing"
    value, low, high = (_value(each, unit) for each in (found.value, found.low, found.high))
    days = f"{found.days} {'day' if found.days == 1 else 'days'}"
    span = f"{low} to {high}" if found.is_told else f"{days}: ?" if is_short else f"of {days}: cannot tell"
    return f"{value}{_UNITS[unit]} ({span})"


def _value(value: float | None, unit: str) -> str:
    if value is None:
        return ""
    if unit == "%":
        return f"{100 * value:.0f}"
    if unit == "bp":
        return f"{round(value, 1) + 0.0:+.1f}"
    return f"{value:.1f}" if unit == "s" else f"{value / 1e6:.2f}"
