"""Intervals of means and ratios, by drawing days again.

What happens on one day hangs together: one market, one mood, rounds in one bond. So a day is what is drawn, with
everything in it: as many days as there are, from those that there are, many times over. A statistic is a ratio of sums
over days (a mean is one, over how many rows a day has), so a drawing is two sums, not a pass over rows.

The interval is Student's, with the standard deviation that the drawings have: where days are few, the drawings' own
quantiles are too close together (they hold 90 % instead of 95 % with ten days). Below `DAYS_MIN` days nothing can be
told, and `Interval.low` and `high` are None.

Drawings come from a seed, and the same days are drawn for all statistics of one `Days`: differences are of the same
days.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, TypeAlias

import numpy as np
from scipy.special import stdtrit

from engine.research.words import counted

DAYS_MIN: Final = 8
"""Fewer days say nothing of how days differ."""
DRAWS: Final = 1_000
LEVEL: Final = 0.95
"""What an interval holds."""

Floats: TypeAlias = "np.ndarray[Any, np.dtype[np.float64]]"
Ints: TypeAlias = "np.ndarray[Any, np.dtype[np.int64]]"


@dataclass(frozen=True, slots=True)
class Interval:
    """A figure with what it may be: `low` and `high` are None where nobody can tell.

    `n` rows on `days` days; `se` is the standard error, not a number where nobody can tell.
    """

    value: float
    low: float | None
    high: float | None
    n: int
    days: int
    se: float = math.nan

    @property
    def is_told(self) -> bool:
        return self.low is not None

    def is_above(self, bound: float) -> bool:
        """Is the whole of it?"""
        return self.low is not None and self.low > bound

    def is_below(self, bound: float) -> bool:
        return self.high is not None and self.high < bound

    def is_within(self, low: float, high: float) -> bool | None:
        """Is the whole of it between these, or none of it? None where nobody can tell."""
        if self.is_below(low) or self.is_above(high):
            return False
        return True if self.is_above(low) and self.is_below(high) else None

    def holds(self, value: float) -> bool:
        return self.low is not None and self.high is not None and self.low <= value <= self.high

    def words(self, decimals: int = 3, unit: str = "") -> str:
        """`0.412 (0.398 to 0.425)`, or why not: there is no figure without its interval."""
        unit = f" {unit}" if unit else ""
        if not self.n:
            return "nothing to tell of"
        if self.low is None or self.high is None:
            return f"cannot tell from {counted(self.days, 'day')}"
        return f"{self.value:.{decimals}f}{unit} ({self.low:.{decimals}f} to {self.high:.{decimals}f})"

    def plain(self) -> dict[str, float | int | None]:
        """As JSON has it: without an interval there is no value."""
        return {
            "value": self.value if self.is_told and math.isfinite(self.value) else None,
            "low": self.low,
            "high": self.high,
            "n": self.n,
            "days": self.days,
        }


NOTHING: Final = Interval(math.nan, None, None, 0, 0)


class Days:
    """The days of some rows, and the drawings of them. `day` is the day of each row, in any numbering."""

    def __init__(self, day: Ints | Sequence[int], seed: int = 0, draws: int = DRAWS) -> None:
        self._all, place = np.unique(np.asarray(day, dtype=np.int64), return_inverse=True)
        self._place = place.astype(np.int64).ravel()
        count = len(self._all)
        drawn = (
            np.random.default_rng(seed).multinomial(count, np.full(count, 1.0 / count), size=draws) if count else None
        )
        self._drawn: Floats = np.zeros((draws, 0)) if drawn is None else drawn.astype(np.float64)

    @property
    def count(self) -> int:
        return len(self._all)

    def mean(self, values: Floats | Sequence[float], where: Any = None, level: float = LEVEL) -> Interval:
        """Of the rows that are in `where` (all of them): values that are no numbers do not count."""
        given = np.asarray(values, dtype=np.float64)
        counts = np.isfinite(given) if where is None else np.isfinite(given) & np.asarray(where, dtype=bool)
        return self.ratio(np.where(counts, given, 0.0), counts.astype(np.float64), level)

    def ratio(self, above: Floats | Sequence[float], below: Floats | Sequence[float], level: float = LEVEL) -> Interval:
        """Sum of `above` over sum of `below`; a row whose `below` is 0 is none."""
        tops, bottoms = self._sums(above), self._sums(below)
        rows = int(np.count_nonzero(np.asarray(below, dtype=np.float64)))
        days = int(np.count_nonzero(bottoms))
        if not rows or not bottoms.sum():
            return NOTHING
        value = float(tops.sum() / bottoms.sum())
        if days < DAYS_MIN:
            return Interval(value, None, None, rows, days)
        drawn_below = self._drawn @ bottoms
        fit = drawn_below > 0
        drawn = (self._drawn @ tops)[fit] / drawn_below[fit]
        # The variance of drawings is short by a day's share: what deviates is held against its own mean.
        se = float(drawn.std(ddof=1)) * math.sqrt(days / (days - 1))
        half = float(stdtrit(days - 1, 0.5 + level / 2)) * se
        return Interval(value, value - half, value + half, rows, days, se)

    def share(
        self, happened: Floats | Sequence[float], where: Any = None, chance: Floats | None = None, level: float = LEVEL
    ) -> Interval:
        """How often something happened, or, with the `chance` that was given to it, how much more often than that.

        Where it always happened, or never, all drawings are alike, and say less than that it is certain: an interval is
        no narrower than that of so many independent rows of which one more had come each way.
        """
        given = np.asarray(happened, dtype=np.float64)
        found = self.mean(given if chance is None else given - chance, where, level)
        if not found.is_told:
            return found
        often = given[np.isfinite(given) & (True if where is None else np.asarray(where, dtype=bool))]
        rate = (float(often.sum()) + 1.0) / (len(often) + 2.0)
        se = max(found.se, math.sqrt(rate * (1.0 - rate) / len(often)))
        half = float(stdtrit(found.days - 1, 0.5 + level / 2)) * se
        low, high = (-1.0, 1.0) if chance is not None else (0.0, 1.0)
        return replace(found, low=max(low, found.value - half), high=min(high, found.value + half), se=se)

    def _sums(self, values: Floats | Sequence[float]) -> Floats:
        found: Floats = np.bincount(
            self._place, weights=np.asarray(values, dtype=np.float64), minlength=self.count
        ).astype(np.float64)
        return found
