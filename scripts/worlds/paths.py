"""How values wander: a path by name that can be asked for any moment, in any order, and is always the same one.

Its daily steps are independent and normal; between two days it is filled in by halves, each middle drawn around the
mean of its ends (Levy's construction of Brownian motion), down to some seconds. So what is asked for does not depend
on what was asked before.
"""

from __future__ import annotations

import math
from typing import Final

from worlds.chance import Chance
from worlds.world import DAY_S

_HALVINGS: Final = 10
"""A day in pieces of 28 seconds; between their ends a straight line."""


class Paths:
    """All wandering values of one world. A path starts at 0 and has a variance of 1 a day."""

    __slots__ = ("_chance", "_days", "_middles")

    def __init__(self, chance: Chance) -> None:
        self._chance = chance
        self._days: dict[str, list[float]] = {}
        """By name the value at the end of each day, as far as anybody has asked."""
        self._middles: dict[tuple[str, int, int, int], float] = {}

    def at(self, name: str, time_s: float) -> float:
        """The value of the path at this moment, not before the first day."""
        if time_s <= 0:
            return 0.0
        day, rest = divmod(time_s, DAY_S)
        ends = self._until(name, int(day) + 1)
        left, right, within, place = ends[int(day)], ends[int(day) + 1], rest / DAY_S, 0
        for level in range(_HALVINGS):
            middle = self._middle(name, int(day), level, place, left, right)
            within *= 2
            place *= 2
            if within < 1:
                right = middle
            else:
                left, within, place = middle, within - 1, place + 1
        return left + (right - left) * within

    def _until(self, name: str, day: int) -> list[float]:
        ends = self._days.setdefault(name, [0.0])
        while len(ends) <= day:
            ends.append(ends[-1] + self._chance.normal("path", name, len(ends)))
        return ends

    def _middle(self, name: str, day: int, level: int, place: int, left: float, right: float) -> float:
        key = (name, day, level, place)
        found = self._middles.get(key)
        if found is None:
            drawn = self._chance.normal("path", name, day, level, place)
            found = self._middles[key] = (left + right) / 2 + drawn * math.sqrt(2.0 ** -(level + 2))
        return found
