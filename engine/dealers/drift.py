"""Drift: a dealer that answers, prices or holds to its price worse than it did is said so within weeks.

One CUSUM a dealer and measure (Page 1954): the log likelihood of the worse against the usual, summed, never below 0.
The usual is the dealer's own record in each segment, net of panel size and size. What came since the sum last was 0 is
held back from that record: it may be of the new kind, and joins it when the sum is back at 0. After an alarm the
record begins anew with what was held back.

Thresholds are set for the desk as a whole: fewer than one false alarm a quarter of all dealers and measures together,
over the years, for 50 dealers, 15 rounds a day and four asked in each, whose rates lie where dealers' do (Beta(6, 3)).
A dealer with a record of 200 asks that halves its response is found in nine of ten cases within 30 asks from a rate of
.75, 60 from .5, 120 from .3: thresholds are lowest there, and higher in between. The two bounds leave hardly room for
each other, and a short record, which is itself in error, none: it is watched for a collapse alone. `caution` adds to
all thresholds: ln 2 for a desk of twice as many asks, less for a smaller one.

Imported rounds are learnt from and raise nothing: `raises` says whether a step may.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from typing import Final

from engine.domain.rows import row

_RECORD_MIN: Final = 40.0
"""Observations before anything is said."""
_RECORD_SHORT: Final = 130.0
"""A shorter record is watched for a collapse alone."""
_RECORD_MAX: Final = 500.0
"""Observations that a record is worth at most: older ones fade."""
_RECORD_LEFT: Final = 30.0
"""Observations that the old record is worth after an alarm."""
_SEGMENT_STRENGTH: Final = 10.0
"""Of a dealer's record at large, in the record of one segment."""
_HELD_MAX: Final = 400
_LOOKED_FOR: Final = 0.63
"""Of the usual rate. A half is found in time more often by looking for this than for a half."""
_COLLAPSE: Final = 0.3
"""Of the usual rate: what is looked for while the record is short, ..."""
_COLLAPSE_AT: Final = 9.0
"""... with this threshold, which is that of firmness, too."""
_RESPONSE_AT: Final = (
    (0.15, 5.5),
    (0.27, 4.9),
    (0.33, 4.9),
    (0.38, 8.0),
    (0.43, 8.0),
    (0.465, 4.95),
    (0.535, 4.95),
    (0.58, 8.0),
    (0.67, 8.5),
    (0.72, 5.7),
    (0.78, 5.7),
    (0.82, 8.6),
    (0.90, 10.0),
)
"""(rate, threshold): between two of them straight."""
_EDGE_THRESHOLD: Final = 12.0
_EDGE_SHIFT: Final = 1.0
"""The worse edge that is looked for, in sds of one quote."""
_EDGE_SDS_MAX: Final = 3.0


class Drifting(StrEnum):
    """What can drift."""

    response = "response"
    edge = "edge"
    firmness = "firmness"


@row
@dataclass(frozen=True, slots=True)
class Drift:
    """A dealer is not what it was: `before` and `since` are rates, or edges in bps against the round's others.

    `observations` is how many came since it began, as far as can be told.
    """

    dealer: str
    measure: Drifting
    at_ns: int
    before: float
    since: float
    observations: int


class _Record:
    """Sums of one measure of one dealer, at large and by segment, and what is held back from them."""

    __slots__ = ("at_large", "held", "is_short", "score", "segments")

    def __init__(self) -> None:
        self.at_large = [0.0, 0.0, 0.0]
        """Weight, sum, sum of squares."""
        self.segments: dict[str, list[float]] = {}
        self.held: list[tuple[str, float, float, float]] = []
        self.score = 0.0
        self.is_short = True

    def mean(self, segment: str, start: float) -> float:
        weight, total, _ = self.at_large
        at_large = (_SEGMENT_STRENGTH * start + total) / (_SEGMENT_STRENGTH + weight)
        own = self.segments.get(segment)
        if own is None:
            return at_large
        return (_SEGMENT_STRENGTH * at_large + own[1]) / (_SEGMENT_STRENGTH + own[0])

    def grown(self) -> bool:
        """True if the record is long enough by now to be watched for less than a collapse."""
        return self.at_large[0] + sum(weight for _, weight, _, _ in self.held) >= _RECORD_SHORT

    def begin(self) -> None:
        """The record is long: the sum of what was looked for before says nothing of what is looked for now."""
        self.is_short, self.score = False, 0.0
        self._join()

    def step(self, score: float, segment: str, weight: float, total: float, square: float) -> None:
        self.score = score
        self.held.append((segment, weight, total, square))
        if score <= 0.0 or len(self.held) > _HELD_MAX:
            self._join()

    def restart(self) -> None:
        """Begin anew with what was held back, and a little of the old."""
        self.score, self.is_short = 0.0, True
        share = min(1.0, _RECORD_LEFT / self.at_large[0])
        self.at_large = [x * share for x in self.at_large]
        self.segments.clear()
        self._join()

    def since(self) -> float:
        weight = sum(weight for _, weight, _, _ in self.held)
        return sum(total for _, _, total, _ in self.held) / weight if weight > 0 else 0.0

    def _join(self) -> None:
        for segment, weight, total, square in self.held:
            for sums in (self.at_large, self.segments.setdefault(segment, [0.0, 0.0, 0.0])):
                fading = 1.0 - weight / _RECORD_MAX if sums[0] > _RECORD_MAX else 1.0
                sums[0] = sums[0] * fading + weight
                sums[1] = sums[1] * fading + total
                sums[2] = sums[2] * fading + square
        self.held.clear()


@dataclass(frozen=True, slots=True)
class Step:
    """One observation: of a rate, `seen` is 1 or 0 and `offset` what the round adds to the logit; of an edge, bps.

    `weight` and `total` are how it counts in the record; of an edge 1 and the bps.
    """

    measure: Drifting
    segment: str
    seen: float
    start: float
    """What is believed of a dealer without a record: a rate, or bps."""
    scale: float = 1.0
    """Of an edge without a record: the sd of a quote, in bps."""
    offset: float = 0.0
    weight: float = 1.0
    total: float = 0.0


class Watch:
    """The records of one desk. `look` changes nothing and says what `step` would raise."""

    __slots__ = ("_records", "caution")

    def __init__(self, caution: float = 0.0) -> None:
        self._records: dict[tuple[str, Drifting], _Record] = {}
        self.caution = caution

    def look(self, dealer: str, step: Step, at_ns: int) -> Drift | None:
        """The alarm that this observation raises, if any."""
        record = self._records.get((dealer, step.measure))
        if record is None or record.at_large[0] < _RECORD_MIN or (record.is_short and record.grown()):
            # A sum that is about to begin anew raises nothing.
            return None
        mean = record.mean(step.segment, step.start)
        if _score(record, step, mean) < self._threshold(record, step.measure, mean):
            return None
        weight = step.weight + sum(weight for _, weight, _, _ in record.held)
        total = step.total + sum(total for _, _, total, _ in record.held)
        return Drift(dealer, step.measure, at_ns, mean, total / weight if weight > 0 else 0.0, len(record.held) + 1)

    def step(self, dealer: str, step: Step, raises: bool = True) -> None:
        """Take in one observation."""
        record = self._records.get((dealer, step.measure))
        if record is None:
            record = self._records[dealer, step.measure] = _Record()
        mean, raised, score = record.mean(step.segment, step.start), False, 0.0
        # Too short a record to judge by, or others' word: everything joins it.
        if record.at_large[0] >= _RECORD_MIN and raises:
            begun = record.is_short and record.grown()
            if begun:
                record.begin()
                mean = record.mean(step.segment, step.start)
            score = _score(record, step, mean)
            raised = not begun and score >= self._threshold(record, step.measure, mean)
        record.step(score, step.segment, step.weight, step.total, step.total * step.total)
        if raised:
            record.restart()

    def scores(self, dealer: str) -> dict[Drifting, float]:
        """How far each measure is on its way to an alarm: 1 is one."""
        found: dict[Drifting, float] = {}
        for measure in Drifting:
            record = self._records.get((dealer, measure))
            if record is not None:
                found[measure] = record.score / self._threshold(record, measure, record.mean("", 0.5))
        return found

    def dump(self) -> list[tuple[str, str, list[float], list[tuple[str, list[float]]], float]]:
        """Every record, in the order of names: for a digest."""
        return [
            (dealer, measure.value, record.at_large, sorted(record.segments.items()), record.score)
            for (dealer, measure), record in sorted(self._records.items())
        ]

    def _threshold(self, record: _Record, measure: Drifting, mean: float) -> float:
        if measure is Drifting.edge:
            return self.caution + _EDGE_THRESHOLD
        if record.is_short or measure is Drifting.firmness:
            return self.caution + _COLLAPSE_AT
        return self.caution + _response_threshold(mean)

    def let_go(self) -> None:
        """Forget everything."""
        self._records.clear()


def _score(record: _Record, step: Step, mean: float) -> float:
    if step.measure is Drifting.edge:
        sd = _sd(record, step.scale)
        off = max(-_EDGE_SDS_MAX, min(_EDGE_SDS_MAX, (mean - step.seen) / sd))
        return max(0.0, record.score + _EDGE_SHIFT * off - 0.5 * _EDGE_SHIFT * _EDGE_SHIFT)
    usual = min(max(mean, 0.02), 0.98)
    if step.offset:
        odds = usual / (1.0 - usual) * math.exp(step.offset)
        usual = odds / (1.0 + odds)
    share = _COLLAPSE if record.is_short else _LOOKED_FOR
    if step.seen > 0.5:
        return max(0.0, record.score + math.log(share))
    return record.score + math.log((1.0 - share * usual) / (1.0 - usual))


def _sd(record: _Record, scale: float) -> float:
    """The sd of what a dealer's quotes scatter by within segments."""
    within, count = _SEGMENT_STRENGTH * scale * scale, _SEGMENT_STRENGTH
    for weight, total, squares in record.segments.values():
        if weight > 1.0:
            within += max(0.0, squares - total * total / weight)
            count += weight - 1.0
    return max(math.sqrt(within / count), 1e-3)


def _response_threshold(rate: float) -> float:
    points = _RESPONSE_AT
    if rate <= points[0][0]:
        return points[0][1]
    for (low, start), (high, end) in pairwise(points):
        if rate <= high:
            return start + (end - start) * (rate - low) / (high - low)
    return points[-1][1]
