"""How values wander: a path by name that can be asked for any moment, in any order, and is always the same one.

Its daily steps are independent and normal; between two days it is filled in by halves, each middle drawn around the
mean of its ends (Levy's construction of Brownian motion), down to a second. So what is asked for does not depend
on what was asked before.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

from worlds.chance import Chance
from worlds.world import DAY_S

_HALVINGS: Final = 15
"""A day in pieces of a second; between their ends a straight line."""


class Paths:
    """All wandering values of one world. A path starts at 0 and has a variance of 1 a day, `pace` of that day squared.

    Streets of one world may share them: what one has asked for is then at hand for the next.
    """

    __slots__ = ("_chance", "_days", "_middles", "_pace")

    def __init__(self, chance: Chance, pace: Callable[[int], float] = lambda day: 1.0) -> None:
        self._chance = chance
        self._pace = pace
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
            today = len(ends) - 1
            ends.append(ends[-1] + self._pace(today) * self._chance.normal("path", name, today))
        return ends

    def _middle(self, name: str, day: int, level: int, place: int, left: float, right: float) -> float:
        key = (name, day, level, place)
        found = self._middles.get(key)
        if found is None:
            drawn = self._chance.normal("path", name, day, level, place)
            found = self._middles[key] = (left + right) / 2 + self._pace(day) * drawn * math.sqrt(2.0 ** -(level + 2))
        return found
