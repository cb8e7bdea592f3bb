"""How long dealers take to answer: discounted life tables on ten logarithmic bins.

Of those answers that came in time. Each was seen only because its deadline let it, so the table is read backwards:
of the answers that came by the end of a bin and would have been seen had they come in it, the share that did come in
it (Lynden-Bell, 1971). With one deadline for all that is the plain share. Silence is no latency: `q` counts it once,
and the chance of an answer within a wait is q x `Table.within`.

A table is drawn to that of all dealers by a strength in answers, as a rate is.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from engine.dealers.evidence import BINS, ENDS, QUICK, Cell

_FIRST_S: Final = 1.0
BOUNDS_S: Final = tuple(_FIRST_S * 2.0**place for place in range(BINS - 1))
"""Upper bounds of the bins, 1 s to 256 s; the last is open."""
LONGEST_S: Final = 2.0 * BOUNDS_S[-1]
"""Where the open bin is taken to end."""
_SHAPE: Final = (0.02, 0.03, 0.07, 0.14, 0.22, 0.24, 0.16, 0.08, 0.03, 0.01)
"""What is believed before anything was seen: half of the answers within 20 s."""


def bin_of(seconds: float) -> int:
    """The bin of a latency; a deadline's is the one that it ends in."""
    if seconds <= _FIRST_S:
        return 0
    return min(BINS - 1, math.ceil(math.log2(seconds / _FIRST_S) - 1e-12))


@dataclass(frozen=True, slots=True)
class Table:
    """Shares of the answers by the end of each bin; the last is 1."""

    by_bin: tuple[float, ...]

    def within(self, seconds: float) -> float:
        """The share of answers that come within so many seconds, straight on the logarithm between two bounds."""
        if seconds <= 0.0:
            return 0.0
        place = bin_of(seconds)
        start = self.by_bin[place - 1] if place else 0.0
        if place == 0:
            return self.by_bin[0] * seconds / _FIRST_S
        through = min(1.0, math.log2(seconds / BOUNDS_S[place - 1]))
        return start + (self.by_bin[place] - start) * through

    def quantile(self, share: float) -> float:
        """The seconds by which `share` of the answers have come."""
        start = 0.0
        for place, end in enumerate(self.by_bin):
            if end >= share and end > start:
                part = (share - start) / (end - start)
                return _FIRST_S * part if place == 0 else BOUNDS_S[place - 1] * 2.0**part
            start = end
        return LONGEST_S


def _table(events: Sequence[float], ends: Sequence[float]) -> Table:
    shares = [1.0] * BINS
    at_risk = sum(events)
    # At the last bin everybody whose deadline was later; nobody's, by then.
    seen_by = at_risk
    ended_before = sum(ends) - ends[-1]
    share = 1.0
    for place in range(BINS - 1, 0, -1):
        at_risk = seen_by - ended_before
        if at_risk > 1e-12:
            share *= 1.0 - min(1.0, max(0.0, events[place] / at_risk))
        shares[place - 1] = share
        seen_by -= events[place]
        ended_before -= ends[place - 1]
    return Table(tuple(shares))


PRIOR: Final = _table(_SHAPE, (0.0,) * (BINS - 1) + (1.0,))


def answers(cell: Cell, unit: float) -> tuple[list[float], list[float]]:
    """(answers by bin, the same by the bin of their deadline), as of a day."""
    return [x * unit for x in cell[QUICK:ENDS]], [x * unit for x in cell[ENDS : ENDS + BINS]]


def table(cells: Iterable[Cell], unit: float, prior: Table, strength: float) -> Table:
    """The life table of some cells together, drawn to `prior` by `strength` answers that no deadline would have cut."""
    before = 0.0
    events, ends = [], [0.0] * BINS
    for share in prior.by_bin:
        events.append(strength * (share - before))
        before = share
    ends[-1] = strength
    for cell in cells:
        for place in range(BINS):
            events[place] += cell[QUICK + place] * unit
            ends[place] += cell[ENDS + place] * unit
    return _table(events, ends)
