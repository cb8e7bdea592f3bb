"""Figures of reports in words: each with its interval, and none where days are too few to tell."""

from __future__ import annotations

from typing import Final

from engine.research.bootstrap import Interval
from engine.research.normal import Z95, wilson

_UNITS: Final = {"%": " %", "s": " s", "bp": " bp", "face": " mm"}


def as_share(found: Interval) -> Interval:
    """A share with an interval that is no surer than independent cases would make it.

    Where all cases went one way, days drawn again all do, too: their interval alone would call it certain.
    """
    if found.low is None or found.high is None:
        return found
    least, most = wilson(found.value, found.n, Z95)
    low, high = max(0.0, min(found.low, least)), min(1.0, max(found.high, most))
    return Interval(found.value, low, high, found.n, found.days, found.se)


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
