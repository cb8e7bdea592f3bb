"""A hundred thousand deadlines: created, cancelled, expired; ours beside the loop's own `call_later`.

Lateness is judged on our side only: never early, and late by less than 5 ms when 20,000 fall due within a second.
"""

from __future__ import annotations

import asyncio
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import uvloop

from benchmarks.measuring import Effort, Line, medians
from engine.clock import NS_PER_S, Clock
from engine.runtime.timers import Deadlines

COUNT: Final = 100_000
EXPIRING: Final = 20_000
LATE_MS_MAX: Final = 5.0
_MEMORY: Final = "memory"
_FAR_S: Final = 3_600.0


def measure(effort: Effort) -> list[Line]:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        loop = runner.get_loop()
        rounds = [{**_ours_timed(loop), **_theirs_timed(loop)} for _ in range(effort.rounds)]
        found = medians(rounds)
        late = sorted(runner.run(_lateness()))
    peer = "uvloop call_later"
    ours_mib, theirs_mib = _resident("ours"), _resident("theirs")
    early = sum(each < 0 for each in late)
    p99 = late[int(len(late) * 0.99)]
    note = f"{early} early, worst {late[-1]:.1f} ms late, p99 {p99:.1f} ms, of {EXPIRING:,} within a second"
    return [
        Line(f"deadline created, {COUNT:,} open", "us", found["create"], peer, found["loop create"], 1.0),
        Line(f"deadline cancelled, {COUNT:,} open", "us", found["cancel"], peer, found["loop cancel"], 1.0),
        Line(f"memory of {COUNT:,} deadlines", "MiB", ours_mib, peer, theirs_mib, 0.5),
        Line("deadline expired, late by p99", "ms", p99, "bar of 5 ms, never early", LATE_MS_MAX, 1.0, note=note),
    ]


def _ours_timed(loop: asyncio.AbstractEventLoop) -> dict[str, float]:
    clock = Clock()
    deadlines: Deadlines[str] = Deadlines(loop, clock, lambda key: None)
    keys = [f"rfq:Q-{number:06d}" for number in range(COUNT)]
    begin = clock.now().monotonic_ns + int(_FAR_S * NS_PER_S)
    times = [begin + number * 7919 % COUNT * 1_000_000 for number in range(COUNT)]
    began = time.process_time_ns()
    for key, at in zip(keys, times, strict=True):
        deadlines.set(key, at)
    created = time.process_time_ns()
    for key in keys:
        deadlines.set(key, None)
    cancelled = time.process_time_ns()
    deadlines.close()
    return {"create": (created - began) / COUNT / 1_000, "cancel": (cancelled - created) / COUNT / 1_000}


def _theirs_timed(loop: asyncio.AbstractEventLoop) -> dict[str, float]:
    times = [_FAR_S + number * 7919 % COUNT / 1_000 for number in range(COUNT)]
    callback = _nothing
    began = time.process_time_ns()
    handles = [loop.call_later(at, callback, "rfq") for at in times]
    created = time.process_time_ns()
    for handle in handles:
        handle.cancel()
    cancelled = time.process_time_ns()
    return {"loop create": (created - began) / COUNT / 1_000, "loop cancel": (cancelled - created) / COUNT / 1_000}


async def _lateness() -> list[float]:
    """Milliseconds after its time at which each deadline came up."""
    clock = Clock()
    due: dict[str, int] = {}
    late: list[float] = []
    done = asyncio.get_running_loop().create_future()

    def woken(key: str) -> None:
        late.append((clock.now().monotonic_ns - due[key]) / 1e6)
        if len(late) == EXPIRING:
            done.set_result(None)

    deadlines = Deadlines(asyncio.get_running_loop(), clock, woken)
    begin = clock.now().monotonic_ns + NS_PER_S // 2
    for number in range(EXPIRING):
        key = f"rfq:Q-{number:06d}"
        due[key] = begin + number * 7919 % EXPIRING * (NS_PER_S // EXPIRING)
        deadlines.set(key, due[key])
    await done
    return late


def _resident(which: str) -> float:
    """MiB that so many deadlines add to a fresh process; the median of three."""
    found = []
    for _ in range(3):
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.waiting", _MEMORY, which], capture_output=True, text=True, check=True
        )
        found.append(float(done.stdout))
    return statistics.median(found)


def _add(which: str) -> Callable[[], object]:
    loop = uvloop.new_event_loop()
    if which == "theirs":
        return lambda: [loop.call_later(_FAR_S + number / 1_000, _nothing, "rfq") for number in range(COUNT)]
    clock = Clock()
    deadlines = Deadlines(loop, clock, _nothing)
    begin = clock.now().monotonic_ns + int(_FAR_S * NS_PER_S)

    def add() -> Deadlines[str]:
        for number in range(COUNT):
            deadlines.set(f"rfq:Q-{number:06d}", begin + number * 1_000_000)
        return deadlines

    return add


def _nothing(key: str) -> None:
    pass


def _resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4_096


def _main() -> None:
    add = _add(sys.argv[2])
    before = _resident_bytes()
    kept = add()
    print((_resident_bytes() - before) / 2**20)
    assert kept is not None


if __name__ == "__main__":
    _main()
