"""A figure: a value with its interval and what it rests on. A world is one observation, however many rounds it has.

Its policies met the same luck, so differences are taken world by world. Intervals hold 95 %, by Student's t with a
degree of freedom less than there are worlds; of a ratio of sums (a share of all quotes, say) by the spread of each
world around it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from judging.table import interval


@dataclass(frozen=True, slots=True)
class Figure:
    """`worlds` is how many told of it. An end is infinite where one world alone did; without any there is no value."""

    value: float
    low: float
    high: float
    worlds: int

    @property
    def is_told(self) -> bool:
        return self.worlds > 0

    @property
    def is_above(self) -> bool:
        """Beyond doubt more than 0."""
        return self.is_told and self.low > 0

    @property
    def is_below(self) -> bool:
        return self.is_told and self.high < 0

    def times(self, factor: float) -> Figure:
        low, high = sorted((self.low * factor, self.high * factor))
        return Figure(self.value * factor, low, high, self.worlds)

    def less(self, reference: float) -> Figure:
        return Figure(self.value - reference, self.low - reference, self.high - reference, self.worlds)


NOTHING = Figure(math.nan, -math.inf, math.inf, 0)


def mean(values: Iterable[float]) -> Figure:
    """Of one value a world."""
    known = list(values)
    return Figure(*interval(known), len(known)) if known else NOTHING


def ratio(pairs: Iterable[tuple[float, float]]) -> Figure:
    """Of two sums a world: what, and of how much. Worlds that have none of it tell nothing."""
    known = [(what, of) for what, of in pairs if of]
    if not known:
        return NOTHING
    whole = math.fsum(of for _, of in known)
    value = math.fsum(what for what, _ in known) / whole
    # The spread of sums: each world's own distance from the ratio, in shares of the mean world.
    apart = [value + (what - value * of) * len(known) / whole for what, of in known]
    _, low, high = interval(apart)
    return Figure(value, low, high, len(known))


def share(pairs: Iterable[tuple[float, float]]) -> Figure:
    """A ratio that is between 0 and 1. Where no world has any, or all have all, one that looked once could still miss
    it: the other end is where 95 % of so many worlds would have shown one."""
    found = ratio(pairs)
    if not found.is_told or found.low < found.high:
        return Figure(found.value, max(found.low, 0.0), min(found.high, 1.0), found.worlds)
    rare = 1 - 0.05 ** (1 / found.worlds)
    return Figure(found.value, max(found.low - rare, 0.0), min(found.high + rare, 1.0), found.worlds)


def told(figure: Figure, form: str = ".2f") -> str:
    """`1.20 (0.43, 1.97)`; of a single world no interval can be told, of none nothing."""
    if not figure.is_told:
        return "nothing"
    if figure.worlds == 1:
        return f"{figure.value:{form}} (one world)"
    return f"{figure.value:{form}} ({figure.low:{form}}, {figure.high:{form}})"


def share_told(figure: Figure) -> str:
    return told(figure, ".1%")
