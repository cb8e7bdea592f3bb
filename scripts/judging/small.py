"""The measurements of decision quality: small worlds in which the answer is known, each with its bar.

They go through the engine's choice and its statistics alone, with the seeds, noise and counts that the bars name.
"""

from __future__ import annotations

import random
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from judging.little import Little
from judging.policies import ENGINES_OWN

Measurement = Callable[[int | None], Iterator["Line"]]
"""Given how many seeds (None: as many as the bar asks for)."""


@dataclass(frozen=True, slots=True)
class Line:
    """One number against its bar: met within `low` and `high`."""

    what: str
    measured: float
    low: float
    high: float
    counted: str
    """What it is a mean of."""

    @property
    def met(self) -> bool:
        return self.low <= self.measured <= self.high

    def __str__(self) -> str:
        low, high = self.low, self.high
        bar = f">= {low:g}" if high == INFINITE else f"<= {high:g}" if low == -INFINITE else f"{low:g} to {high:g}"
        return f"{self.what:<62}{self.measured:>9.3f}  {bar:<14}{'met' if self.met else 'NOT MET':<9}{self.counted}"


INFINITE: Final = float("inf")


# --- discovery -----------------------------------------------------------------------------------

GOOD: Final = (2.0, 3.0)


def discovery(seeds: int | None) -> Iterator[Line]:
    """Five dealers 40, 45, 50, 2 and 3 bps from fair; which of them would be asked, but for draws of exploration."""
    distances = (40.0, 45.0, 50.0, *GOOD)
    count = seeds or 200
    for scorer, first, low in (("classic", 21, 0.80), ("model", 26, 0.90)):
        found = [_found(seed, distances, scorer, first, 40) for seed in range(1, count + 1)]
        yield Line(
            f"discovery, 5 dealers, {scorer}: both good ones asked, orders {first}-40",
            statistics.fmean(found),
            low,
            INFINITE,
            f"{count} seeds",
        )


def discovery_among_many(seeds: int | None) -> Iterator[Line]:
    """Fifty dealers, two of them good."""
    count = seeds or 40
    found = []
    for seed in range(1, count + 1):
        chance = random.Random(f"distances {seed}")
        distances = [40.0 + 10.0 * chance.random() for _ in range(48)]
        for good in GOOD:
            distances.insert(chance.randrange(len(distances) + 1), good)
        found.append(_found(seed, distances, "model", 481, 500))
    yield Line(
        "discovery, 50 dealers, model: both good ones asked, orders 481-500",
        statistics.fmean(found),
        0.90,
        INFINITE,
        f"{count} seeds",
    )


def _found(seed: int, distances: Sequence[float], scorer: str, first: int, last: int) -> float:
    """The share of orders from `first` to `last` in whose panel, before any draw, both good dealers are."""
    little = Little(seed, distances, noise_bps=3.0)
    good = {name for name, distance in zip(little.dealers, distances, strict=True) if distance in GOOD}
    policy = ENGINES_OWN[scorer](little.dealers)
    both = 0
    for order in range(1, last + 1):
        panel = little.trade(policy, order)
        both += order >= first and good <= set(panel.base)
    return both / (last - first + 1)


MEASUREMENTS: Final[Mapping[str, Measurement]] = {
    "discovery": discovery,
    "discovery-50": discovery_among_many,
}
