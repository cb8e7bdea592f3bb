"""A reload of a large desk's files under the real runtime: how late the loop comes meanwhile, and what its turn costs.

Reading takes a second and happens in a thread. What everybody else sees of it is that the two take turns at the
interpreter, and one turn that puts everything in place at once.
"""

from __future__ import annotations

import asyncio
import dataclasses
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar

import uvloop

from benchmarks import house
from benchmarks.installation import install
from benchmarks.measuring import Effort, Line
from engine.boot import configured, take_over
from engine.boot.memory import settle_memory
from engine.boot.reload import Reloading
from engine.clock import Clock
from engine.config import load
from engine.domain.instrument import Security, isin_check_digit
from engine.journal.archive import ReadOnly
from engine.journal.lock import Boot
from engine.journal.reader import JournalReader
from engine.journal.writer import Journal
from engine.market.securities import format_securities
from engine.metrics.collector import Metrics
from engine.runtime.hub import Patience
from engine.runtime.loop import Limits, Runtime

T = TypeVar("T")

BONDS: Final = 5_000
DEALERS: Final = 500
TURN_MS_MAX: Final = 10.0
LATE_MS_MAX: Final = 50.0
_TICK_S: Final = 0.001


def measure(effort: Effort) -> list[Line]:
    with tempfile.TemporaryDirectory() as folder:
        found = uvloop.run(_reloads(Path(folder), 2 if effort.quick else effort.rounds))
    what = f"reload of {BONDS:,} bonds, {DEALERS} dealers, {house.RULES} rules"
    took = f"read beside the work in {found['whole']:.0f} ms"
    return [
        Line(f"{what}: its turn", "ms", found["turn"], f"bar of {TURN_MS_MAX:g} ms", TURN_MS_MAX, 1.0, note=took),
        Line(f"{what}: loop late by p99", "ms", found["late"], f"bar of {LATE_MS_MAX:g} ms", LATE_MS_MAX, 1.0),
    ]


async def _reloads(folder: Path, rounds: int) -> Mapping[str, float]:
    """Milliseconds, each the median of the rounds; every other one has another text of securities."""
    config = load(install(folder, DEALERS, durability="normal", port=9_880, dealers_port=9_901))
    config.reference.securities.write_text(format_securities(_bonds("")))
    start = configured.read(config)
    with Journal(config.journal.path, "normal", reserve_bytes=0) as journal:
        with ReadOnly(config.journal.path) as file:
            taken = take_over.take_over(start.configured.parts(), file)
        reader = await JournalReader.open(config.journal.path)
        loop = asyncio.get_running_loop()
        metrics = Metrics("benchmark")
        rest = (Clock(), metrics, Limits(), Patience(), loop, partial(print, "failed:"))
        runtime = Runtime(taken.machine, taken.trading, taken.recorder, journal, reader, *rest)
        Reloading(start.configured, runtime, taken.trading, lambda now: None)
        take_over.begin(runtime, taken, Boot.CLEAN, start.configured.in_force())
        await runtime.idle()
        settle_memory()
        found: dict[str, list[float]] = {"whole": [], "turn": [], "late": []}
        turns_ms: list[float] = []
        machine: Any = taken.machine
        machine.take = timed(machine.take, turns_ms)
        for number in range(rounds):
            if number % 2:
                config.reference.securities.write_text(format_securities(_bonds(f" {number}")))
            turns_ms.clear()
            late_ms: list[float] = []
            ticking = loop.create_task(tick(late_ms))
            began = time.perf_counter()
            await runtime.command("reload", {"reason": "a benchmark"}, "bench", "operator")
            found["whole"].append((time.perf_counter() - began) * 1_000)
            ticking.cancel()
            found["turn"].append(max(turns_ms))
            found["late"].append(statistics.quantiles(late_ms, n=100)[98])
        runtime.stop()
        await reader.close()
    return {name: statistics.median(times) for name, times in found.items()}


async def tick(late_ms: list[float]) -> None:
    """Ask to be woken again and again; by how much later that comes."""
    while True:
        asked = time.perf_counter()
        await asyncio.sleep(_TICK_S)
        late_ms.append((time.perf_counter() - asked - _TICK_S) * 1_000)


def timed(call: Callable[[Any], T], took_ms: list[float]) -> Callable[[Any], T]:
    def measured(given: Any) -> T:
        began = time.perf_counter()
        result = call(given)
        took_ms.append((time.perf_counter() - began) * 1_000)
        return result

    return measured


def _bonds(suffix: str) -> list[Security]:
    """ISINs of the range kept free for private use."""
    bodies = [f"US99Z{number:04d}Z1" for number in range(BONDS)]
    return [
        dataclasses.replace(house.bond(), security_id=body + isin_check_digit(body), name=f"Varnholt {number}{suffix}")
        for number, body in enumerate(bodies)
    ]
