"""Numbers, times and prices as reports write them: UTC, face amounts with separators, bps with a sign."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

from engine.clock import NS_PER_S, utc_day
from engine.domain.order import MarkUsed

_ROWS: Final = {
    "shortfall": ("implementation shortfall", "+ cost, against the mark when the desk had the order"),
    "improvement": ("price improvement", "+ good, against the mark when the first dealer was asked"),
    "cover": ("cover distance", "+ saved against the second-best price"),
    "capture": ("spread capture", "1 at mid, 0 at the far touch"),
    "regret": ("best-quote regret", "0: the best price that could be had was taken"),
    "drift": ("RFQ drift", "+ adverse: the market moved before the trade"),
    "markout": ("markout", "+ the market moved our way after the trade"),
    "reversion": ("reversion", "+ the market gave back, - it went on"),
    "adverse": ("adverse drift", "+ adverse, from the first request on, beyond the benchmark"),
    "classic_reversion": ("classic reversion", "- adverse, as the score `classic` counts it"),
    "edge": ("quote edge", "+ better than the mark when it came"),
}
HORIZONS: Final = {
    "1m": "1 minute", "5m": "5 minutes", "30m": "30 minutes", "1h": "1 hour", "eod": "end of day", "1d": "next day",
}  # fmt: skip


def figure(name: str) -> str:
    """`markout, 30 minutes` for `markout_30m`."""
    if name in _ROWS:
        return _ROWS[name][0]
    kind, _, horizon = name.partition("_")
    return f"{_ROWS[kind][0]}, {HORIZONS[horizon]}"


def meaning(name: str) -> str:
    return _ROWS.get(name, _ROWS.get(name.partition("_")[0], ("", "")))[1]


def amount(value: Decimal | None) -> str:
    """`5,000,000`; empty for none."""
    if value is None:
        return ""
    return f"{value.normalize():,f}" if value else "0"


def price(value: Decimal | None) -> str:
    """A price with as many digits as somebody gave it, an average with six at most; empty for none."""
    if value is None:
        return ""
    exponent = value.as_tuple().exponent
    return f"{value:f}" if isinstance(exponent, int) and exponent >= -6 else f"{value:.6f}".rstrip("0")


def bp(value: float | None, unit: str = " bp") -> str:
    """`+10.2 bp`; empty for none, and never `-0.0`."""
    return "" if value is None else f"{round(value, 1) + 0.0:+.1f}{unit}"


def percent(value: float) -> str:
    return f"{100 * value:.0f} %"


def seconds(ns: int) -> str:
    """`0.8 s`, `12 min`, `3.5 h`, `2 d`."""
    value = ns / NS_PER_S
    for limit, unit, size in ((120, "s", 1), (7_200, "min", 60), (172_800, "h", 3_600)):
        if value < limit:
            return f"{value / size:.{1 if value / size < 10 else 0}f} {unit}"
    return f"{value / 86_400:.0f} d"


def day(at_ns: int) -> str:
    return f"{datetime.fromtimestamp(at_ns // NS_PER_S, UTC):%Y-%m-%d}"


def moment(at_ns: int) -> str:
    """`2026-11-30 16:30:05 UTC`."""
    return f"{datetime.fromtimestamp(at_ns // NS_PER_S, UTC):%Y-%m-%d %H:%M:%S} UTC"


def clock(at_ns: int, since_ns: int) -> str:
    """`16:30:05`, with its day where that is not the one of `since_ns`."""
    found = datetime.fromtimestamp(at_ns // NS_PER_S, UTC)
    return f"{found:%H:%M:%S}" if utc_day(at_ns) == utc_day(since_ns) else f"{found:%Y-%m-%d %H:%M:%S}"


def mark(used: MarkUsed | None) -> str:
    """`98.50 (composite of marks, 12 s old)`."""
    if used is None:
        return "unknown"
    return f"{price(used.price)} ({used.quality} of {used.source}, {seconds(used.age_ns)} old)"


def by(actor: str) -> str:
    """`rule "auto"`, `trader ann`, `the engine`."""
    kind, _, name = actor.partition(":")
    if kind == "rule":
        return f'rule "{name}"' if name else "the rule"
    if kind == "person":
        return name
    return "the engine" if actor in ("", "engine") else actor


def counted(number: int, what: str) -> str:
    """`1 day`, `2,000 days`."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def listed(names: tuple[str, ...] | list[str], nobody: str = "nobody") -> str:
    """`a, b and c`."""
    if not names:
        return nobody
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
