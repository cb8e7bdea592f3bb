"""How long dealers take to answer: discounted life tables on ten logarithmic bins.

Each answer was seen only because its deadline let it, so the table is read backwards: of the answers that came by the
end of a bin and would have been seen had they come in it, the share that did come in it (Lynden-Bell, 1971).

Silence is no latency: `q` counts it once, as no answer by the deadlines that there were. So `Table.within` is the
share of answers within a wait over the share within those deadlines, and the chance of an answer within a wait is q x
that. With one deadline for all it is the plain share, and 1 at the deadline.

A table is drawn to that of all dealers by a strength in answers, as a rate is.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from engine.dealers.evidence import BINS, ENDS, FIELDS, QUICK, Cell
from engine.dealers.outlook import Measure
from engine.dealers.rates import Z90

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
    """Shares of the answers by the end of each bin; the last is 1.

    `usual` is the share that comes within the deadlines that there were.
    """

    by_bin: tuple[float, ...]
    usual: float

    def within(self, seconds: float) -> float:
        """The share of answers that come within so many seconds, of those that come within the usual deadlines."""
        if seconds <= 0.0:
            return 0.0
        place = bin_of(seconds)
        if place == 0:
            return min(1.0, self.by_bin[0] * seconds / _FIRST_S / self.usual)
        # Straight on the logarithm between two bounds.
        start, through = self.by_bin[place - 1], min(1.0, math.log2(seconds / BOUNDS_S[place - 1]))
        return min(1.0, (start + (self.by_bin[place] - start) * through) / self.usual)

    def quantile(self, share: float) -> float:
        """The seconds by which `share` of the answers that come within the usual deadlines have come."""
        share *= self.usual
        start = 0.0
        for place, end in enumerate(self.by_bin):
            if end >= share and end > start:
                part = (share - start) / (end - start)
                return _FIRST_S * part if place == 0 else BOUNDS_S[place - 1] * 2.0**part
            start = end
        return LONGEST_S


def median(found: Table, answers: float, strength: float) -> Measure:
    """The median, with the interval of 90 % that so many answers, and what they were drawn to, leave it.

    Half of n answers come before the median, give or take sqrt(n) / 2 of them: the ends are those shares' quantiles.
    """
    value, off = found.quantile(0.5), Z90 / (2.0 * math.sqrt(answers + strength))
    low, high = found.quantile(max(0.01, 0.5 - off)), found.quantile(min(0.99, 0.5 + off))
    return Measure(value, (high - low) / (2.0 * Z90), low, high, answers)


def _shares(events: Sequence[float], ends: Sequence[float]) -> tuple[float, ...]:
    """Shares by the end of each bin, of answers by bin and the same answers by the bin of their deadlines."""
    shares = [1.0] * BINS
    seen_by = sum(events)
    ended_before = sum(ends) - ends[-1]
    share = 1.0
    for place in range(BINS - 1, 0, -1):
        # Answers by the end of the bin whose deadline was not over before it.
        at_risk = seen_by - ended_before
        if at_risk > 1e-12:
            share *= 1.0 - min(1.0, max(0.0, events[place] / at_risk))
        shares[place - 1] = share
        seen_by -= events[place]
        ended_before -= ends[place - 1]
    return tuple(shares)


PRIOR: Final = Table(_shares(_SHAPE, (0.0,) * (BINS - 1) + (1.0,)), 1.0)


def table(cells: Iterable[Cell], unit: float, prior: Table, strength: float) -> Table:
    """The life table of some cells together, drawn to `prior` by `strength` answers that no deadline would have cut."""
    by_bin = prior.by_bin
    events = [strength * (end - start) for start, end in zip((0.0, *by_bin), by_bin, strict=False)]
    answers = [0.0] * BINS
    for cell in cells:
        events = [x + y * unit for x, y in zip(events, cell[QUICK:ENDS], strict=True)]
        answers = [x + y * unit for x, y in zip(answers, cell[ENDS:FIELDS], strict=True)]
    ends = answers.copy()
    ends[-1] += strength
    shares = _shares(events, ends)
    # So many asks had that deadline as there were answers over the share of answers that it lets through. What is drawn
    # to the prior is drawn to its deadlines, too, but where nobody has seen any.
    count = sum(answers)
    drawn = strength if prior is not PRIOR else 0.0
    if count + drawn <= 0.0:
        return Table(shares, prior.usual)
    asks = sum(n / max(share, 1e-6) for n, share in zip(answers, shares, strict=True))
    return Table(shares, (count + drawn) / (asks + drawn / prior.usual))
