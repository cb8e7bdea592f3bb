"""Rounds that alternate between candidates, medians over rounds, and the lines that come of them."""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

Unit = Literal["us", "orders/s", "turns/s", "MiB", "ms", "bytes"]

_RATES: Final = ("orders/s", "turns/s")


@dataclass(frozen=True, slots=True)
class Effort:
    """How much is measured: `quick` is for a look, the other for a verdict."""

    rounds: int
    seconds: float
    """Of one candidate in one round."""
    quick: bool = False


QUICK: Final = Effort(rounds=3, seconds=0.15, quick=True)
WHOLE: Final = Effort(rounds=7, seconds=0.4)


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the table. `theirs` is None when the peer is not present; `bar` bounds the ratio ours / theirs."""

    what: str
    unit: Unit
    ours: float
    peer: str
    theirs: float | None
    bar: float | None
    """At most this for times and sizes, at least this for rates; None: shown, not judged."""
    durability: str = ""
    note: str = ""

    @property
    def is_rate(self) -> bool:
        return self.unit in _RATES

    @property
    def ratio(self) -> float | None:
        return None if self.theirs is None else self.ours / self.theirs

    @property
    def met(self) -> bool | None:
        """None where there is nothing to hold it against."""
        ratio = self.ratio
        if ratio is None or self.bar is None:
            return None
        return ratio >= self.bar if self.is_rate else ratio <= self.bar

    def as_json(self) -> dict[str, object]:
        return {
            "what": self.what,
            "durability": self.durability,
            "unit": self.unit,
            "ours": self.ours,
            "peer": self.peer,
            "theirs": self.theirs,
            "ratio": self.ratio,
            "bar": self.bar,
            "bar_is": "at least" if self.is_rate else "at most",
            "met": self.met,
            "note": self.note,
        }


def alternate(candidates: Mapping[str, Callable[[], object]], effort: Effort) -> dict[str, float]:
    """Microseconds of processor time a call: every candidate once a round, the median of the rounds.

    Processor time, because what else runs on the machine is no candidate's fault.
    A candidate that is to see different inputs takes them in turn by itself.
    """
    counts = {name: _count_for(call, effort.seconds) for name, call in candidates.items()}
    found: dict[str, list[float]] = {name: [] for name in candidates}
    for _ in range(effort.rounds):
        for name, call in candidates.items():
            found[name].append(_timed(call, counts[name]) / counts[name] / 1_000)
    return {name: statistics.median(times) for name, times in found.items()}


def microseconds(call: Callable[[], object], effort: Effort) -> float:
    """Microseconds a call of one candidate alone."""
    return alternate({"": call}, effort)[""]


def medians(rounds: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """The median per name over the rounds."""
    return {name: statistics.median(each[name] for each in rounds) for name in rounds[0]}


def say(text: str) -> None:
    """Progress, where it does not disturb what is printed."""
    print(f"bench: {text}", file=sys.stderr, flush=True)


def _timed(call: Callable[[], object], count: int) -> int:
    began = time.process_time_ns()
    for _ in range(count):
        call()
    return time.process_time_ns() - began


def _count_for(call: Callable[[], object], seconds: float) -> int:
    """How often `call` fits into `seconds`; calling it to find out warms it up, too."""
    count, took = 1, 0
    while took < seconds * 1e9 / 10:
        count = count * 2
        took = _timed(call, count)
    return max(1, int(count * seconds * 1e9 / took))
