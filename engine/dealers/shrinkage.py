"""How far an estimate is believed, where most of what is estimated is next to nothing and some of it is not.

    estimate ~ N(own, variance),   own ~ N(0, sd^2),   the sd one of a grid, each with its chance

What an estimate says of its own part is the share of it that is not error: sd^2 / (sd^2 + variance), the mean over
sds by their chance once the estimate is known. A small estimate with a large error is next to nothing; one that no
small sd could have brought forth is believed nearly whole.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

_ROUNDS: Final = 30
Z90: Final = 1.6448536269514722
"""Quantile 95 % of the normal law."""


class Belief(NamedTuple):
    """The share of an estimate that is its own, and the standard deviation of that share."""

    share: float
    unsure: float


@dataclass(frozen=True, slots=True)
class Spreads:
    """How far things are from nothing: standard deviations, rising, and the chance of each."""

    sds: tuple[float, ...]
    chances: tuple[float, ...]

    @property
    def sd(self) -> float:
        """That of a normal law of which as much is within its 90 % interval."""
        low, high = 0.0, 10.0 * self.sds[-1]
        for _ in range(60):
            half = (low + high) / 2.0
            pairs = zip(self.chances, self.sds, strict=True)
            beyond = math.fsum([chance * math.erfc(half / sd / math.sqrt(2.0)) for chance, sd in pairs])
            low, high = (half, high) if beyond > 0.1 else (low, half)
        return high / Z90

    def believed(self, estimate: float, variance: float) -> Belief:
        """How much of an estimate with this variance of its error is its own."""
        shares = [sd * sd / (sd * sd + variance) for sd in self.sds]
        chances = _weighted(self.chances, self._likelihoods(estimate, variance))
        share = math.fsum([chance * each for chance, each in zip(chances, shares, strict=True)])
        spread = math.fsum([chance * (each - share) ** 2 for chance, each in zip(chances, shares, strict=True)])
        return Belief(share, math.sqrt(spread))

    def fitted(self, estimates: Sequence[tuple[float, float]], strength: float) -> Spreads:
        """With the chances that these estimates (each with its variance) make likely.

        The chances before are worth `strength` of them.
        """
        likelihoods = [self._likelihoods(*each) for each in estimates]
        total, chances = strength + len(estimates), self.chances
        for _ in range(_ROUNDS):
            sums = [strength * before for before in self.chances]
            for each in likelihoods:
                for at, chance in enumerate(_weighted(chances, each)):
                    sums[at] += chance
            chances = tuple([each / total for each in sums])
        return Spreads(self.sds, chances)

    def _likelihoods(self, estimate: float, variance: float) -> list[float]:
        """Of each sd, given one estimate, in proportion."""
        variances = [sd * sd + variance for sd in self.sds]
        return chances_of([-0.5 * (math.log(each) + estimate * estimate / each) for each in variances])


def _weighted(chances: Sequence[float], likelihoods: Sequence[float]) -> list[float]:
    weights = [chance * each for chance, each in zip(chances, likelihoods, strict=True)]
    total = sum(weights)
    return [each / total for each in weights]


def half_cauchy(sds: Sequence[float], scale: float) -> Spreads:
    """Half of all sds are below `scale`, a tenth above six times it. The grid is even in its logarithm."""
    weights = [sd / (1.0 + (sd / scale) ** 2) for sd in sds]
    total = math.fsum(weights)
    return Spreads(tuple(sds), tuple([weight / total for weight in weights]))


def chances_of(logarithms: Sequence[float]) -> list[float]:
    """Chances that add to 1, of logarithms of what they are in proportion to."""
    most = max(logarithms)
    weights = [math.exp(each - most) for each in logarithms]
    total = sum(weights)
    return [each / total for each in weights]
