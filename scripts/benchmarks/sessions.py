"""The session layer behind a socket: round trip with one order outstanding, throughput with a hundred.

Ours is journaled before the answer leaves; so is the floor. Peers keep what they keep: QuickFIX writes files and never
fsyncs them, fixcore keeps messages in memory for `normal` and fsyncs files for `full`.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

from benchmarks import peers
from benchmarks.client import Server, Trader, Unanswered, median_us
from benchmarks.measuring import Effort, Line, medians, say

OUTSTANDING: Final = 100
TRIPS: Final = 300
WARM_UP: Final = 500

_PEERS: Final = {"normal": ("floor", "by_quickfix", "by_fixcore"), "full": ("floor", "by_fixcore")}
_NAMES: Final = {
    ("by_quickfix", "normal"): "QuickFIX Python, FileStore",
    ("by_fixcore", "normal"): "fixcore, memory",
    ("by_fixcore", "full"): "fixcore, FileStore",
    ("floor", "normal"): "bare floor",
    ("floor", "full"): "bare floor",
}
_PACKAGES: Final = {"by_quickfix": "quickfix", "by_fixcore": "fixcore"}
# Orders a second, and round trips: times at most, rates at least.
_RATE_BARS: Final = {
    ("by_quickfix", "normal"): 2.0,
    ("by_fixcore", "normal"): 2.0,
    ("floor", "normal"): 0.5,
    ("by_fixcore", "full"): 20.0,
    ("floor", "full"): 0.5,
}
_TRIP_BARS: Final = {("by_quickfix", "normal"): 1.0, ("by_fixcore", "normal"): 1.0, ("by_fixcore", "full"): 1 / 3}


def measure(effort: Effort) -> list[Line]:
    lines: list[Line] = []
    for durability in ("normal", "full"):
        trips, rates = _measured(durability, effort)
        for peer in _PEERS[durability]:
            key = peer, durability
            bar = _RATE_BARS[key]
            lines.append(
                Line(
                    f"orders answered, {OUTSTANDING} outstanding",
                    "orders/s",
                    rates["ours"],
                    _NAMES[key],
                    rates.get(peer),
                    bar,
                    durability,
                )
            )
        if durability == "normal":
            lines.append(
                Line(
                    f"orders answered, {OUTSTANDING} outstanding",
                    "orders/s",
                    rates["ours"],
                    peers.ENGINE_CPP,
                    None,
                    None,
                    durability,
                )
            )
        for peer in _PEERS[durability]:
            key = peer, durability
            lines.append(
                Line(
                    "round trip p50, one outstanding",
                    "us",
                    trips["ours"],
                    _NAMES[key],
                    trips.get(peer),
                    _TRIP_BARS.get(key),
                    durability,
                )
            )
    return lines


def _measured(durability: str, effort: Effort) -> tuple[dict[str, float], dict[str, float]]:
    """Round trips in microseconds and orders a second, by acceptor."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        traders: dict[str, Trader] = {}
        for name in ("ours", *_PEERS[durability]):
            if name in _PACKAGES and peers.find(_PACKAGES[name]) is None:
                continue
            try:
                arguments = ["benchmarks.acceptors", name, str(folder / name), durability]
                server = stack.enter_context(Server(arguments, folder / name))
                trader = Trader(server.port)
            except (Unanswered, OSError) as error:
                if name == "ours":
                    raise
                say(f"{name}, {durability}: {error}")
                continue
            stack.callback(trader.close)
            traders[name] = trader
        counts = {name: _warm_up(trader, effort.seconds * 2) for name, trader in traders.items()}
        trips = _rounds(traders, effort, lambda name, trader: median_us(trader.latencies(min(TRIPS, counts[name]))))
        rates = _rounds(traders, effort, lambda name, trader: trader.rate(counts[name], OUTSTANDING))
    return medians(trips), medians(rates)


def _rounds(
    traders: dict[str, Trader], effort: Effort, measured: Callable[[str, Trader], float]
) -> list[dict[str, float]]:
    return [{name: measured(name, trader) for name, trader in traders.items()} for _ in range(effort.rounds)]


def _warm_up(trader: Trader, seconds: float) -> int:
    """How many orders fill `seconds`."""
    rate = trader.rate(WARM_UP // 5, OUTSTANDING)
    rate = trader.rate(max(50, min(4 * WARM_UP, int(rate * seconds / 4))), OUTSTANDING)
    return max(100, int(rate * seconds))
