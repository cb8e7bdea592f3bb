"""Leaks solved by the child process beside the real runtime: how long it takes, how late the loop comes meanwhile."""

from __future__ import annotations

import asyncio
import random
import resource
import statistics
import tempfile
import time
from collections.abc import Iterator, Mapping
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any, Final

import uvloop

from benchmarks.installation import install
from benchmarks.measuring import Effort, Line
from benchmarks.reloading import tick, timed
from engine.boot import configured, take_over
from engine.boot.leak_batch import LeakBatch
from engine.boot.memory import settle_memory
from engine.clock import NS_PER_S, Clock
from engine.config import load
from engine.domain import events as e
from engine.domain.observation import (
    Answer,
    AskSeen,
    BondSeen,
    Horizon,
    MarkAfter,
    Protocol,
    RoundSeen,
    RoundTold,
    Taken,
)
from engine.domain.order import MarkUsed, Side
from engine.journal.archive import ReadOnly
from engine.journal.batch import EventRow, StagedTurn
from engine.journal.events import events_codec
from engine.journal.lock import Boot
from engine.journal.reader import JournalReader
from engine.journal.writer import Journal
from engine.metrics.collector import Metrics
from engine.runtime.hub import Patience
from engine.runtime.loop import Limits, Runtime

SIZES: Final = ((200, 10_000, 60.0), (1_000, 50_000, 600.0))
"""Dealers, rounds of a year, seconds it may take."""
TURN_MS_MAX: Final = 10.0
LATE_MS_MAX: Final = 50.0
_ROUNDS_TOLD: Final = 100
"""In one event."""
_SEGMENTS: Final = [
    f"corporate|{rating}|{years}|2mm-5mm|buy"
    for rating in ("HY", "BBB", "AAA-A")
    for years in ("1-3y", "3-7y", "7-12y", "12y+")
]


def measure(effort: Effort) -> list[Line]:
    lines = []
    for dealers, rounds, limit_s in SIZES[: 1 if effort.quick else 2]:
        with tempfile.TemporaryDirectory() as folder:
            found = uvloop.run(_solved(Path(folder), dealers, rounds))
        what = f"leaks of {dealers:,} dealers, {rounds:,} rounds"
        whole = f"{found['whole'] / 1_000:.0f} s until it was told"
        bars = (
            ("", "took", limit_s * 1_000),
            (": its turn", "turn", TURN_MS_MAX),
            (": loop late by p99", "late", LATE_MS_MAX),
        )
        for of, name, bar in bars:
            note = whole if name == "took" else ""
            lines.append(Line(what + of, "ms", found[name], f"bar of {bar:,g} ms", bar, 1.0, note=note))
    return lines


async def _solved(folder: Path, dealers: int, rounds: int) -> Mapping[str, float]:
    """Milliseconds of one batch; `took` is the child's processor time."""
    config = load(install(folder, 20, durability="normal", port=9_880, dealers_port=9_901))
    start = configured.read(config)
    with Journal(config.journal.path, "normal", reserve_bytes=0) as journal:
        _tell(journal, dealers, rounds)
        with ReadOnly(config.journal.path) as file:
            taken = take_over.take_over(start.configured.parts(), file)
        reader = await JournalReader.open(config.journal.path)
        loop = asyncio.get_running_loop()
        rest = (Clock(), Metrics("benchmark"), Limits(), Patience(), loop, partial(print, "failed:"))
        runtime = Runtime(taken.machine, taken.trading, taken.recorder, journal, reader, *rest)
        LeakBatch(runtime, taken.trading, lambda: config)
        take_over.begin(runtime, taken, Boot.CLEAN, start.configured.in_force())
        await runtime.idle()
        settle_memory()
        turns_ms: list[float] = []
        late_ms: list[float] = []
        machine: Any = taken.machine
        machine.take = timed(machine.take, turns_ms)
        ticking = loop.create_task(tick(late_ms))
        began, used = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
        told = await runtime.command("leak.solve", {"reason": "a benchmark"}, "bench", "operator")
        whole_ms = (time.perf_counter() - began) * 1_000
        uses = resource.getrusage(resource.RUSAGE_CHILDREN)
        took_ms = (uses.ru_utime + uses.ru_stime - used.ru_utime - used.ru_stime) * 1_000
        ticking.cancel()
        assert told["rounds"] == rounds
        runtime.stop()
        await reader.close()
    return {"took": took_ms, "whole": whole_ms, "turn": max(turns_ms), "late": statistics.quantiles(late_ms, n=100)[98]}


def _tell(journal: Journal, dealers: int, rounds: int) -> None:
    """A journal in which another system has told of a year."""
    encode, told = events_codec().encode, list(rounds_told(dealers, rounds))
    now_ns = time.time_ns()
    with ReadOnly(journal.path) as file:
        head = file.head()
    for number, first in enumerate(range(0, rounds, _ROUNDS_TOLD), 1):
        turn, seq = head.turn_seq + number, head.event_seq + number
        event = e.HistoryAdded(now_ns, tuple(told[first : first + _ROUNDS_TOLD]), "benchmark", "engine")
        name, version, body = encode(event)
        row = EventRow(seq, turn, name, version, now_ns, body)
        journal.insert([StagedTurn(turn, now_ns, "Noted", "", "", events=(row,))])
        journal.finish()


def rounds_told(dealers: int, rounds: int) -> Iterator[RoundTold]:
    rng = random.Random(1)
    names, began_ns = [f"d{at:04}" for at in range(dealers)], time.time_ns() - 364 * 86_400 * NS_PER_S
    for at in range(rounds):
        sent_ns = began_ns + at * (363 * 86_400 * NS_PER_S // rounds)
        decided_ns = sent_ns + 60 * NS_PER_S
        panel = rng.sample(names, rng.choice((3, 4, 5, 8)))
        asks = tuple(
            AskSeen(name, place, sent_ns, None, Answer.quote, mark_sent=_mark(0.0), taken=Taken.no)
            for place, name in enumerate(panel, 1)
        )
        seen = RoundSeen(
            source="benchmark",
            rfq_id=f"B{at}",
            round=1,
            parent_id=f"P{at // 2}",
            sent_ns=sent_ns,
            closed_ns=decided_ns,
            bond=BondSeen(f"bond{at % 500}", f"issuer{at % 200}", "corporate"),
            segment=_SEGMENTS[at % len(_SEGMENTS)],
            side=Side.buy,
            quantity=Decimal(rng.randrange(1, 20) * 500_000),
            residual=None,
            protocol=Protocol.parallel,
            n_asked=len(panel),
            asks=asks,
            adv=Decimal(rng.randrange(1, 40) * 500_000),
            volatility_bps=rng.lognormvariate(3.0, 0.4),
            decided_ns=decided_ns,
            mark_decision=_mark(rng.gauss(0.0, 4.0)),
        )
        yield RoundTold(seen, (MarkAfter(Horizon.half_hour, _mark(rng.gauss(0.0, 8.0))),))


def _mark(off_bps: float) -> MarkUsed:
    return MarkUsed(Decimal(f"{100 + off_bps / 100:.4f}"), "composite", 0, "composite", 2.0)
