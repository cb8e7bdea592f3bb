"""Counts inputs and what became of them, times each, keeps the findings, watches for hangs and for memory.

Time is processor time of this thread: what else runs on the machine is no input's fault. Nor is what Python's
collector does just then: it runs between inputs only.
"""

from __future__ import annotations

import gc
import resource
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Final

FINDINGS_MAX: Final = 50
"""Distinct findings after which a run ends: there is enough to do."""
HUNG_TICK_S: Final = 1.0
HUNG_TICKS: Final = 5
"""An input that is still the same after so many ticks of processor time is ended."""
PROGRESS_S: Final = 1.0
PROGRESS_FILE_S: Final = 15.0
WARM_UP: Final = 0.3
"""Part of the inputs after which memory must have come to rest."""
PER_BYTE_SIZE_MIN: Final = 200
"""Of shorter inputs it is the cost of any input at all that is seen."""
COLLECT_EVERY: Final = 5_000
"""Inputs between two collections."""
LEAK_BYTES: Final = 64 * 1024 * 1024
"""Growth after the warm-up that no bounded memo explains."""
LEAK_INPUTS_MIN: Final = 50_000
"""Fewer inputs do not fill the memos."""


class Violation(AssertionError):
    """Something that must never be: said in words."""


class Hung(BaseException):
    """Raised in the middle of an input that does not end; no `except Exception` may have it."""


def hold(true: object, text: str) -> None:
    """An invariant. Not `assert`: this program says what it found also under -O."""
    if not true:
        raise Violation(text)


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found first, and how to see it again."""

    what: str
    text: str
    reproduction: str


@dataclass(frozen=True, slots=True)
class Slowest:
    """The input that took longest."""

    ns: int = 0
    size: int = 0
    reproduction: str = ""


class Meter:
    """One target's run. `begin` an input, `end` it with its outcome; the rest is looked after."""

    def __init__(self, name: str, inputs: int, seconds: float, slow_s: float) -> None:
        self.name = name
        self.inputs = inputs
        self.count = 0
        self.outcomes: Counter[str] = Counter()
        self.findings: dict[str, Finding] = {}
        self.slowest = Slowest()
        self.slowest_per_byte = Slowest()
        self.rss_after_warm_up = 0
        self.rss_begun = rss_bytes()
        self.rss_ended = 0
        self.notes: list[str] = []
        """What else is worth saying of the run."""
        self._slow_ns = int(slow_s * 1e9)
        self._until = time.monotonic() + seconds
        self._began_s = time.monotonic()
        self.took_s = 0.0
        self._said_s = self._began_s
        self._every_s = PROGRESS_S if sys.stderr.isatty() else PROGRESS_FILE_S
        self._began_ns = 0
        self._seen = -1
        self._strikes = 0
        self._over = False
        self._collect_at = COLLECT_EVERY

    # --- one input -------------------------------------------------------------------------------

    def begin(self) -> None:
        self._began_ns = time.thread_time_ns()

    def end(self, outcome: str, size: int, reproduction: str) -> None:
        """`size` are bytes of the input, `reproduction` the command that makes it again."""
        took = time.thread_time_ns() - self._began_ns
        self.count += 1
        self.outcomes[outcome] += 1
        if took > self.slowest.ns:
            self.slowest = Slowest(took, size, reproduction)
            if took > self._slow_ns:
                self.found("slow", f"{took / 1e9:.2f} s for {size} bytes", reproduction)
        if size >= PER_BYTE_SIZE_MIN and took * self.slowest_per_byte.size >= self.slowest_per_byte.ns * size:
            self.slowest_per_byte = Slowest(took, size, reproduction)
        if self.count & 0x3F == 0:
            self._look()

    def found(self, what: str, text: str, reproduction: str) -> None:
        """A finding; of each kind the first stands."""
        self.outcomes["FOUND"] += 1
        if what not in self.findings:
            self.findings[what] = Finding(what, text, reproduction)
            print(f"fuzz: FOUND {what}: {text[:1500]}\n      {reproduction}", file=sys.stderr, flush=True)

    @property
    def over(self) -> bool:
        return self._over or self.count >= self.inputs or len(self.findings) >= FINDINGS_MAX

    def close(self) -> None:
        """The end: has memory come to rest?"""
        self.took_s = time.monotonic() - self._began_s
        gc.collect()
        self.rss_ended = rss_bytes()
        grown = self.rss_ended - self.rss_after_warm_up
        if self.rss_after_warm_up and self.count >= LEAK_INPUTS_MIN and grown > LEAK_BYTES:
            self.found("leak", f"{grown >> 20} MiB more than after the warm-up", f"scripts/fuzz --only {self.name}")

    # --- the whole -------------------------------------------------------------------------------

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Ends an input that does not end by itself."""
        gc.disable()
        before = signal.signal(signal.SIGPROF, self._tick)
        signal.setitimer(signal.ITIMER_PROF, HUNG_TICK_S, HUNG_TICK_S)
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
            signal.signal(signal.SIGPROF, before)
            gc.enable()

    def _tick(self, number: int, frame: FrameType | None) -> None:
        if self.count != self._seen:
            self._seen, self._strikes = self.count, 0
        else:
            self._strikes += 1
            if self._strikes >= HUNG_TICKS:
                self._strikes = 0
                raise Hung(f"no end within {HUNG_TICKS * HUNG_TICK_S:g} s")

    def _look(self) -> None:
        now = time.monotonic()
        if self.count >= self._collect_at:
            self._collect_at = self.count + COLLECT_EVERY
            gc.collect()
        if not self.rss_after_warm_up and (
            self.count >= self.inputs * WARM_UP or now > self._began_s + (self._until - self._began_s) * WARM_UP
        ):
            gc.collect()
            self.rss_after_warm_up = rss_bytes()
        if now >= self._until:
            self._over = True
        if now - self._said_s >= self._every_s:
            self._said_s = now
            rate = self.count / (now - self._began_s)
            left_s = min((self.inputs - self.count) / rate, self._until - now)
            print(
                f"fuzz: {self.name} {self.count:,} of {self.inputs:,}, {rate:,.0f}/s, {left_s:,.0f} s to go, "
                f"{rss_bytes() >> 20} MiB, findings {len(self.findings)}",
                file=sys.stderr,
                flush=True,
            )


def rss_bytes() -> int:
    """Memory this process holds."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
