"""What one quote of a dealer is off by, beside what all quotes of a round have in common.

It has two causes, and dealers differ in both:

    noise^2 = own^2 width^2 + old^2 volatility^2                                          [bps^2]

`own` is how a dealer's prices scatter, as edges do a share of the bond's width (`widths`). `old`^2 is how old they are,
in days: a price that is half a day old is off by what the bond has moved since, in a narrow bond as in a wide one. Over
the width that is own^2 + old^2 `moves`^2, with `moves` = volatility / width: what a quote tells depends on its bond.

Seen are squares of what quotes were off by (`tally.scatter`), by dealer and `moves` in bins of a factor of two. Both
parts of a dealer are drawn to those of the usual one, by expectation and maximisation: a square is divided into the two
parts as they were thought to be, and gives each its share (Dempster, Laird, Rubin 1977, two components of variance).
Begun from the day before, so that a few steps a day are enough. 50 dealers: 0.4 ms a step.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

_BINS: Final = 8
_FIRST_BIN: Final = 4.0
"""`moves` up to which the first one goes, in bps."""
_STEPS: Final = 20
_STRENGTH: Final = 2.0
"""Quotes that each part of the usual dealer's noise is worth: dealers scatter by a factor of two this way and that."""
_DEALERS: Final = 2.0
"""Dealers that a parameter is worth."""
_OFF_MAX: Final = 10.0
"""What dealers scatter by is within this factor of its parameter."""
_OLD_LEAST, _OLD_MOST = 0.01, 1.5
"""Prices are some seconds old at least, two days at most."""
_LEAST: Final = 1e-9


class Parts(NamedTuple):
    """The two causes of one dealer's noise."""

    own: float
    """Over the width, in bps."""
    old: float
    """Over a day's volatility."""

    def at(self, moves: float) -> float:
        """The noise over the width, in bps, of a quote for a bond of such `moves`."""
        moved = self.old * moves
        return math.sqrt(self.own * self.own + moved * moved)


@dataclass(frozen=True, slots=True)
class Noise:
    """That of a usual dealer, and of those that were seen."""

    usual: Parts
    dealers: Mapping[str, Parts] = field(default_factory=dict)

    def of(self, dealer: str, moves: float) -> float:
        """The noise of a quote over the width, in bps."""
        return self.dealers.get(dealer, self.usual).at(moves)


class Off(NamedTuple):
    """What one quote was off by: its square over `noise2`, as far as it is its noise, and the weight that it has.

    `noise2` is what was expected of it, over the width: where that is right, `square` is `weight` on average.
    """

    square: float
    weight: float
    noise2: float


class NoiseSums:
    """By dealer and bin: squares, their weights, and `moves`^2 by weight. Grows and shrinks by rounds."""

    __slots__ = ("_of",)

    def __init__(self) -> None:
        self._of: dict[str, list[float]] = {}

    def add(self, dealer: str, off: Off, moves: float, weight: float) -> None:
        """One quote; a negative weight takes it back."""
        sums = self._of.get(dealer)
        if sums is None:
            sums = self._of[dealer] = [0.0] * (3 * _BINS)
        place = 3 * _bin(moves)
        sums[place] += weight * off.square * off.noise2
        sums[place + 1] += weight * off.weight
        sums[place + 2] += weight * off.weight * moves * moves

    def still(self) -> NoiseSums:
        """The sums as they are now."""
        copy = NoiseSums()
        copy._of = {dealer: sums.copy() for dealer, sums in self._of.items()}
        return copy

    def scale(self, factor: float) -> None:
        """Multiply every sum."""
        for sums in self._of.values():
            sums[:] = [x * factor for x in sums]

    def keep(self, dealers: Collection[str]) -> None:
        """Forget what rounding left of all others."""
        for dealer in [each for each in self._of if each not in dealers]:
            del self._of[dealer]

    def dump(self) -> list[tuple[str, list[float]]]:
        return sorted(self._of.items())

    def seen(self, unit: float) -> list[tuple[str, list[tuple[float, float, float]]]]:
        """By dealer (mean square, its weight, `moves`^2) of each bin in which it was seen."""
        found: list[tuple[str, list[tuple[float, float, float]]]] = []
        for dealer, sums in self._of.items():
            bins = [
                (max(sums[at], 0.0) / sums[at + 1], sums[at + 1] * unit, max(sums[at + 2], 0.0) / sums[at + 1])
                for at in range(0, 3 * _BINS, 3)
                if sums[at + 1] * unit > _LEAST
            ]
            if bins:
                found.append((dealer, bins))
        return found


def _bin(moves: float) -> int:
    return min(max(math.frexp(moves / _FIRST_BIN)[1], 0), _BINS - 1)


def fitting(before: Noise, sums: NoiseSums, unit: float, start: Parts) -> Generator[None, None, Noise]:
    """The noise of the next day, in steps; `start` is what the parameters say of the usual one."""
    seen = sums.seen(unit)
    if not seen:
        return Noise(start)
    usual = before.usual
    own = [before.dealers.get(dealer, usual) for dealer, _ in seen]
    lowest, highest = start.own / _OFF_MAX, start.own * _OFF_MAX
    for _ in range(_STEPS):
        own = [_drawn(parts, usual, bins) for parts, (_, bins) in zip(own, seen, strict=True)]
        usual = Parts(
            min(max(_usual_own(own, start.own), lowest), highest), _usual_old([parts.old for parts in own], start.old)
        )
        yield
    dealers = {
        dealer: Parts(min(max(parts.own, lowest), highest), parts.old)
        for (dealer, _), parts in zip(seen, own, strict=True)
    }
    return Noise(usual, dealers)


def _drawn(parts: Parts, usual: Parts, bins: Sequence[tuple[float, float, float]]) -> Parts:
    """One step for one dealer: each square is divided by what was thought of its causes."""
    a, b = max(parts.own * parts.own, _LEAST), max(parts.old * parts.old, _LEAST)
    own, old = _STRENGTH * usual.own * usual.own, _STRENGTH * usual.old * usual.old
    own_weight = old_weight = _STRENGTH
    for square, weight, moves2 in bins:
        noise2 = a + b * moves2
        # By how much more or less than it should be the square changes what is thought of a part.
        more = (square / noise2 - 1.0) / noise2
        own += weight * a * (1.0 + a * more)
        own_weight += weight
        # What can be told of a part that is small beside the other is next to nothing.
        old += weight * b * (1.0 + b * moves2 * more)
        old_weight += weight
    return Parts(math.sqrt(own / own_weight), min(max(math.sqrt(old / old_weight), _OLD_LEAST), _OLD_MOST))


def _usual_own(own: Sequence[Parts], start: float) -> float:
    """The precision is the mean: a dealer who scatters widely is no measure for the others."""
    precisions = sum(1.0 / max(parts.own * parts.own, _LEAST) for parts in own)
    return math.sqrt((_DEALERS + len(own)) / (_DEALERS / (start * start) + precisions))


def _usual_old(old: Sequence[float], start: float) -> float:
    """The logarithm is the mean: prices are seconds old or hours."""
    return math.exp((_DEALERS * math.log(start) + sum(map(math.log, old))) / (_DEALERS + len(old)))
