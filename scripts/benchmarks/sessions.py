"""The session layer behind a socket: round trip with one order outstanding, throughput with a hundred, and the 99th
percentile of 5,000 orders a second that come whether or not those before them are answered.

Ours is journaled before the answer leaves; so is the floor. Peers keep what they keep: QuickFIX writes files and never
fsyncs them, fixcore keeps messages in memory for `normal` and fsyncs files for `full`.
"""

from __future__ import annotations

import contextlib
import statistics
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks import peers
from benchmarks.client import Server, Trader, Unanswered, median_us, percentile_ms
from benchmarks.measuring import Effort, Line, Unit, medians, say

OUTSTANDING: Final = 100
TRIPS: Final = 300
WARM_UP: Final = 500
PACE: Final = 5_000
"""Orders a second of the paced measurement."""

_PEERS: Final = {
    "normal": ("floor", "by_quickfix", "by_fixcore", "by_quickfix_cpp"),
    "full": ("floor", "by_fixcore"),
}
_NAMES: Final = {
    ("by_quickfix", "normal"): "QuickFIX Python, FileStore",
    ("by_quickfix_cpp", "normal"): "QuickFIX C++, FileStore",
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
_COST_BARS: Final = {("floor", "normal"): 2.0}
_TRIP_BARS: Final = {("by_quickfix", "normal"): 1.0, ("by_fixcore", "normal"): 1.0, ("by_fixcore", "full"): 1 / 3}


@dataclass(frozen=True, slots=True)
class _Found:
    """By acceptor; `paced_ms` is empty where it was not measured."""

    trips_us: dict[str, float]
    rates: dict[str, float]
    costs_us: dict[str, float]
    """Processor time of an order, all threads of the acceptor together: what a machine's other work does not change."""
    paced_ms: dict[str, float]


def measure(effort: Effort) -> list[Line]:
    lines: list[Line] = []
    for durability in ("normal", "full"):
        found = _measured(durability, effort)

        def line(
            what: str, unit: Unit, values: dict[str, float], peer: str, bar: float | None, durability: str = durability
        ) -> Line:
            return Line(what, unit, values["ours"], _NAMES[peer, durability], values.get(peer), bar, durability)

        rate, trip = f"orders answered, {OUTSTANDING} outstanding", "round trip p50, one outstanding"
        lines += [
            line(rate, "orders/s", found.rates, peer, _RATE_BARS.get((peer, durability))) for peer in _PEERS[durability]
        ]
        cost = "the same, processor time an order"
        lines += [
            line(cost, "us", found.costs_us, peer, _COST_BARS.get((peer, durability))) for peer in _PEERS[durability]
        ]
        lines += [
            line(trip, "us", found.trips_us, peer, _TRIP_BARS.get((peer, durability))) for peer in _PEERS[durability]
        ]
        if found.paced_ms:
            lines += [
                line(f"paced, {PACE:,} orders/s, p99", "ms", found.paced_ms, peer, bar)
                for peer, bar in (("floor", None), ("by_quickfix", 1.0), ("by_fixcore", 1.0), ("by_quickfix_cpp", None))
            ]
    return lines


def _measured(durability: str, effort: Effort) -> _Found:
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        servers: dict[str, Server] = {}
        traders: dict[str, Trader] = {}
        for name in ("ours", *_PEERS[durability]):
            if name in _PACKAGES and peers.find(_PACKAGES[name]) is None:
                continue
            if name == "by_quickfix_cpp" and peers.quickfix_cpp() is None:
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
            servers[name], traders[name] = server, trader
        counts = {name: _warm_up(trader, effort.seconds * 2) for name, trader in traders.items()}
        costs: dict[str, list[float]] = {name: [] for name in traders}

        def rate(name: str, trader: Trader) -> float:
            before = servers[name].processor_s
            found = trader.rate(counts[name], OUTSTANDING)
            costs[name].append((servers[name].processor_s - before) / counts[name] * 1e6)
            return found

        trips = _rounds(traders, effort, lambda name, trader: median_us(trader.latencies(min(TRIPS, counts[name]))))
        rates = _rounds(traders, effort, rate)
        paced: dict[str, float] = {}
        if durability == "normal":
            count = int(PACE * effort.seconds * 2)
            paced = medians(_rounds(traders, effort, lambda _, trader: percentile_ms(trader.paced(PACE, count), 0.99)))
    median_costs = {name: statistics.median(each) for name, each in costs.items()}
    return _Found(medians(trips), medians(rates), median_costs, paced)


def _rounds(
    traders: dict[str, Trader], effort: Effort, measured: Callable[[str, Trader], float]
) -> list[dict[str, float]]:
    return [{name: measured(name, trader) for name, trader in traders.items()} for _ in range(effort.rounds)]


def _warm_up(trader: Trader, seconds: float) -> int:
    """How many orders fill `seconds`."""
    rate = trader.rate(WARM_UP // 5, OUTSTANDING)
    rate = trader.rate(max(50, min(4 * WARM_UP, int(rate * seconds / 4))), OUTSTANDING)
    return max(100, int(rate * seconds))
