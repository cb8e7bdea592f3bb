"""Drift: a dealer that answers, prices or holds to its price worse than it did is said so within weeks.

Response, by windows: the latest 28, 56 and 112 asks of a dealer are held against all before them. The odds are the
likelihood that since then the rate is half of what it was, over that of one rate for all asks, averaged over the rates
that it can be: so the record's own error counts. Promised of a dealer with a record of 200 asks, found in nine of ten
cases: within 30 asks from a rate of .75 or more, within 60 from .5, within 120 from .3. `_PROMISED` has the odds that
it takes at each rate, as high as the promise allows; a shorter record takes higher ones. Where so many asks are given,
a window of about that length serves best: a CUSUM has up to a third more false alarms. An ask counts net of panel
size, size and segment (`_Answers.counted`); where a segment answers much less than the dealer does at large, its asks
say less.

Edges and firmness, by a CUSUM each (Page 1954): the log likelihood of the worse against the usual, summed, never below
0. What came since the sum last was 0 is held back from the record: it may be of the new kind.

After an alarm the record begins anew with what came since the change: one change is one alarm. Better is none.

False alarms are budgeted for the desk as a whole: `alarms` a quarter of all dealers and measures together. The
thresholds are those of one a quarter, for 50 dealers whose rates lie where dealers' do (Beta(6, 3)), 15 rounds a day
and four asked in each, 3,780 asks a quarter: of it response takes .8, edges and firmness less than .05, the rest is
room. Of 50 dealers all at .75, .5 or .3 there would be .6 to .9 with their rates known, 1.2 to 2 with a record of 200
asks; at .65 or .85 hardly any, and few dealers are where a promise is hard to keep. A desk that asks more takes higher
odds (`expect`), one that asks less the same. Both promises and budget were set by simulation; the tests repeat it.

Imported rounds are learnt from and raise nothing: `raises` says whether a step may.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from engine.domain.rows import row

_RECORD_MIN: Final = 40.0
"""Observations before anything is said."""
_RECORD_SHORT: Final = 200.0
"""Asks, those of the window included, below which ..."""
_SHORT_PER: Final = 12.0
"""... so many that are missing make a threshold 1 higher."""
_RECORD_MAX: Final = 500.0
"""Observations that a record is worth at most: older ones fade."""
_RECORD_LEFT: Final = 30.0
"""Observations that the old record of edges or firmness is worth after an alarm."""
_SEGMENT_STRENGTH: Final = 10.0
"""Of a dealer's record at large, in the record of one segment, of edges and of firmness."""
_SEGMENT_ASKS: Final = 30.0
"""The same of answers: with less, what chance makes of a segment's first asks is taken for a drift more often."""
_PRIOR_STRENGTH: Final = 10.0
"""Asks that the desk's usual rate is worth."""
_ASKS_A_QUARTER: Final = 3_780.0
"""Of the desk that thresholds are for."""
_SHARE: Final = 0.5
"""Of the usual rate: what response is watched for."""
_NOT_LESS: Final = 0.8
"""Of the usual rate: with more answers than this a window is not looked at."""
_MISSED: Final = 8.5
"""The log odds of what a shorter window missed."""
_PROMISED: Final = (
    (28, ((0.75, 4.1), (0.8, 6.6), (0.85, 8.4), (0.9, 10.5), (0.95, 11.0))),
    (
        56,
        (
            *((0.5, 3.9), (0.55, 5.1), (0.6, 5.7), (0.65, 6.6)),
            *((rate, _MISSED) for rate in (0.7, 0.75, 0.8, 0.85, 0.9, 0.95)),
        ),
    ),
    (
        112,
        (
            *((0.2, 7.0), (0.25, 6.5), (0.3, 5.5), (0.35, 5.8), (0.4, 5.8), (0.45, 7.5)),
            *((rate, _MISSED) for rate in (0.5, 0.55, 0.6, 0.65, 0.7)),
        ),
    ),
)
"""By window: (usual rate, log odds that it takes)."""
_LATEST: Final = _PROMISED[-1][0]
"""Asks that are kept one by one."""
_SETTLED: Final = _PROMISED[0][0]
"""Asks after which one is of the record that others are held against, by segment."""

_FIRM_SHARE: Final = 0.63
"""Of the usual rate: what firmness is watched for, ..."""
_FIRM_THRESHOLD: Final = 9.0
"""... with this threshold."""
_EDGE_THRESHOLD: Final = 12.0
_EDGE_SHIFT: Final = 1.0
"""The worse edge that is looked for, in sds of one quote."""
_EDGE_SDS_MAX: Final = 3.0
_HELD_MAX: Final = 400


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


@dataclass(frozen=True, slots=True)
class Step:
    """One observation: of a rate, `seen` is 1 or 0 and `offset` what the round adds to the logit; of an edge, bps."""

    measure: Drifting
    segment: str
    seen: float
    start: float
    """What is believed of a dealer without a record: a rate, or bps."""
    scale: float = 1.0
    """Of an edge without a record: the sd of a quote, in bps."""
    offset: float = 0.0


class _Likelihood:
    """What a rate and its half make of answers: logarithms that are needed again and again."""

    __slots__ = ("half_no", "half_yes", "no", "threshold", "yes")

    def __init__(self, rate: float, threshold: float) -> None:
        self.threshold = threshold
        self.yes, self.no = math.log(rate), math.log(1.0 - rate)
        self.half_yes, self.half_no = math.log(_SHARE * rate), math.log(1.0 - _SHARE * rate)


_WINDOWS: Final = tuple((asks, tuple(_Likelihood(*each) for each in rates)) for asks, rates in _PROMISED)


class _Answers:
    """How one dealer answers: the latest asks one by one, older ones as sums, and those of the record by segment.

    Of each ask (weight, total): 1 and whether it answered, where nothing has to be netted.
    """

    __slots__ = ("_offset", "_older", "_plain", "_segments", "_totals", "_weights")

    def __init__(self) -> None:
        # What panels and sizes added to the logit when the record began: of how many, their mean.
        self._offset = [0.0, 0.0]
        self._older = [0.0, 0.0]
        self._weights: list[float] = []
        self._totals: list[float] = []
        # The latest, net of panel size and size alone, until they are settled: (segment, weight, total).
        self._plain: list[tuple[str, float, float]] = []
        self._segments: dict[str, list[float]] = {}

    def counted(self, step: Step) -> tuple[float, float, float, float]:
        """(weight, total) of an ask net of panel size, size and segment, and the same net of the first two alone.

        Against what panels and sizes this dealer's record began with, so that most asks are just 1 and yes or no.
        """
        usual = here = _inside(step.start)
        weight, total = self._settled()
        if weight >= _RECORD_MIN:
            usual = here = _inside(total / weight)
            own = self._segments.get(step.segment)
            if own is not None:
                here = _inside((_SEGMENT_ASKS * usual + own[1]) / (_SEGMENT_ASKS + own[0]))
        off = step.offset - self._offset[1]
        return *_netted(step.seen, usual, here, off), *_netted(step.seen, here, here, off)

    def level(self, start: float, caution: float, more: tuple[float, float] | None = None) -> float:
        """How far it is to an alarm, with one ask more: 1 is one, 0 is that nothing looks like a half."""
        weights, totals = self._weights, self._totals
        if more is not None:
            weights, totals = [*weights, more[0]], [*totals, more[1]]
        count, whole, answered = len(weights), self._older[0] + sum(weights), self._older[1] + sum(totals)
        level, one_rate = 0.0, None
        for asks, rates in _WINDOWS:
            if count < asks:
                break
            weight, total = sum(weights[-asks:]), sum(totals[-asks:])
            record, before = whole - weight, answered - total
            if record < _RECORD_MIN or total * record >= _NOT_LESS * before * weight:
                continue
            if one_rate is None:
                one_rate = _one_rate(whole, answered, start)
                caution += max(0.0, _RECORD_SHORT - whole) / _SHORT_PER
            silent, missed = record - before, weight - total
            for each in rates:
                halved = before * each.yes + silent * each.no + total * each.half_yes + missed * each.half_no
                level = max(level, (halved - one_rate) / (each.threshold + caution))
        return level

    def began(self, more: tuple[float, float]) -> tuple[float, float, int]:
        """(rate before the change, since, how many asks since): where a half explains the latest best."""
        weights, totals = [*self._weights, more[0]], [*self._totals, more[1]]
        settled = self._settled()
        usual = _inside(settled[1] / settled[0])
        yes, no = math.log(_SHARE), _of_silence(usual)
        best = score = weight = total = 0.0
        found = 1, weights[-1], totals[-1]
        for asks, (one, answered) in enumerate(zip(reversed(weights), reversed(totals), strict=True), 1):
            weight, total = weight + one, total + answered
            score += answered * yes + (one - answered) * no
            if score > best:
                best, found = score, (asks, weight, total)
        asks, weight, total = found
        before = self._older[0] + sum(weights[:-asks]), self._older[1] + sum(totals[:-asks])
        since = min(max(total / weight, 0.0), 1.0)
        return (before[1] / before[0] if before[0] > 0 else usual), since, asks

    def add(self, step: Step, counted: tuple[float, float, float, float]) -> None:
        """Take in one ask."""
        if self._offset[0] < _RECORD_MIN:
            self._offset[0] += 1.0
            self._offset[1] += (step.offset - self._offset[1]) / self._offset[0]
        self._weights.append(counted[0])
        self._totals.append(counted[1])
        self._plain.append((step.segment, counted[2], counted[3]))
        if len(self._plain) > _SETTLED:
            self._settle()
        if len(self._weights) > _LATEST:
            self._age()

    def join(self) -> None:
        """All of it is of the record: nothing of it can raise an alarm any more."""
        while self._plain:
            self._settle()
        while self._weights:
            self._age()

    def restart(self, asks: int) -> None:
        """Begin anew with so many of the latest."""
        self._older = [0.0, 0.0]
        del self._weights[:-asks], self._totals[:-asks]
        self._segments.clear()
        del self._plain[:-asks]
        self.join()

    def dump(self) -> list[float]:
        return [*self._offset, *self._older, *self._weights, *self._totals]

    def by_segment(self) -> list[tuple[str, list[float]]]:
        return sorted(self._segments.items())

    def _settled(self) -> tuple[float, float]:
        unsettled = len(self._plain)
        known = len(self._weights) - unsettled
        return self._older[0] + sum(self._weights[:known]), self._older[1] + sum(self._totals[:known])

    def _settle(self) -> None:
        segment, weight, total = self._plain.pop(0)
        _add(self._segments.setdefault(segment, [0.0, 0.0]), weight, total)

    def _age(self) -> None:
        _add(self._older, self._weights.pop(0), self._totals.pop(0))


class _Record:
    """Sums of one measure of one dealer, at large and by segment, and what is held back from them."""

    __slots__ = ("at_large", "held", "score", "segments")

    def __init__(self) -> None:
        self.at_large = [0.0, 0.0, 0.0]
        """How many, sum, sum of squares."""
        self.segments: dict[str, list[float]] = {}
        self.held: list[tuple[str, float]] = []
        self.score = 0.0

    def mean(self, segment: str, start: float) -> float:
        count, total, _ = self.at_large
        at_large = (_SEGMENT_STRENGTH * start + total) / (_SEGMENT_STRENGTH + count)
        own = self.segments.get(segment)
        if own is None:
            return at_large
        return (_SEGMENT_STRENGTH * at_large + own[1]) / (_SEGMENT_STRENGTH + own[0])

    def step(self, score: float, segment: str, seen: float) -> None:
        self.score = score
        self.held.append((segment, seen))
        if score <= 0.0 or len(self.held) > _HELD_MAX:
            self._join()

    def restart(self) -> None:
        """Begin anew with what was held back, and a little of the old."""
        self.score = 0.0
        share = min(1.0, _RECORD_LEFT / self.at_large[0])
        self.at_large = [x * share for x in self.at_large]
        self.segments.clear()
        self._join()

    def _join(self) -> None:
        for segment, seen in self.held:
            _add(self.at_large, 1.0, seen, seen * seen)
            _add(self.segments.setdefault(segment, [0.0, 0.0, 0.0]), 1.0, seen, seen * seen)
        self.held.clear()


class Watch:
    """The records of one desk. `look` changes nothing and says what `step` would raise.

    `alarms` is how many false ones a quarter the desk puts up with.
    """

    __slots__ = ("_alarms", "_answers", "_caution", "_records")

    def __init__(self, alarms: float = 1.0) -> None:
        self._records: dict[tuple[str, Drifting], _Record] = {}
        self._answers: dict[str, _Answers] = {}
        self._alarms = alarms
        self._caution = 0.0
        self.expect(0.0)

    def expect(self, asks: float) -> None:
        """How many asks a quarter the desk makes of all dealers: false alarms go by asks, and the budget is the desk's.

        A desk of fewer than the usual number has fewer false alarms and no lower thresholds: what is promised holds.
        """
        self._caution = math.log(max(1.0, asks / _ASKS_A_QUARTER) / self._alarms)

    def look(self, dealer: str, step: Step, at_ns: int) -> Drift | None:
        """The alarm that this observation raises, if any."""
        if step.measure is Drifting.response:
            answers = self._answers.get(dealer)
            if answers is None:
                return None
            more = answers.counted(step)[:2]
            if answers.level(step.start, self._caution, more) < 1.0:
                return None
            return Drift(dealer, step.measure, at_ns, *answers.began(more))
        record = self._records.get((dealer, step.measure))
        if record is None or record.at_large[0] < _RECORD_MIN:
            return None
        mean = record.mean(step.segment, step.start)
        if _score(record, step, mean) < self._threshold(step.measure):
            return None
        count = len(record.held) + 1
        since = (step.seen + sum(seen for _, seen in record.held)) / count
        return Drift(dealer, step.measure, at_ns, mean, since, count)

    def step(self, dealer: str, step: Step, raises: bool = True) -> None:
        """Take in one observation."""
        if step.measure is Drifting.response:
            self._answer(dealer, step, raises)
            return
        record = self._records.get((dealer, step.measure))
        if record is None:
            record = self._records[dealer, step.measure] = _Record()
        score = 0.0
        # Too short a record to judge by, or others' word: everything joins it.
        if record.at_large[0] >= _RECORD_MIN and raises:
            score = _score(record, step, record.mean(step.segment, step.start))
        record.step(score, step.segment, step.seen)
        if score >= self._threshold(step.measure):
            record.restart()

    def scores(self, dealer: str, start: float) -> dict[Drifting, float]:
        """How far each measure is on its way to an alarm: 1 is one. `start` is the desk's usual rate of answering."""
        found: dict[Drifting, float] = {}
        answers = self._answers.get(dealer)
        if answers is not None:
            found[Drifting.response] = answers.level(start, self._caution)
        for measure in (Drifting.edge, Drifting.firmness):
            record = self._records.get((dealer, measure))
            if record is not None:
                found[measure] = record.score / self._threshold(measure)
        return found

    def dump(self) -> list[tuple[str, str, list[float], list[tuple[str, list[float]]], float]]:
        """Every record, in the order of names: for a digest."""
        answers = [
            (dealer, Drifting.response.value, answers.dump(), answers.by_segment(), 0.0)
            for dealer, answers in sorted(self._answers.items())
        ]
        return answers + [
            (dealer, measure.value, record.at_large, sorted(record.segments.items()), record.score)
            for (dealer, measure), record in sorted(self._records.items())
        ]

    def let_go(self) -> None:
        """Forget everything."""
        self._records.clear()
        self._answers.clear()

    def _answer(self, dealer: str, step: Step, raises: bool) -> None:
        answers = self._answers.get(dealer)
        if answers is None:
            answers = self._answers[dealer] = _Answers()
        counted = answers.counted(step)
        more = counted[:2]
        began = 0
        if raises and answers.level(step.start, self._caution, more) >= 1.0:
            began = answers.began(more)[2]
        answers.add(step, counted)
        if began:
            answers.restart(began)
        elif not raises:
            answers.join()

    def _threshold(self, measure: Drifting) -> float:
        return self._caution + (_EDGE_THRESHOLD if measure is Drifting.edge else _FIRM_THRESHOLD)


def _score(record: _Record, step: Step, mean: float) -> float:
    if step.measure is Drifting.edge:
        sd = _sd(record, step.scale)
        off = max(-_EDGE_SDS_MAX, min(_EDGE_SDS_MAX, (mean - step.seen) / sd))
        return max(0.0, record.score + _EDGE_SHIFT * off - 0.5 * _EDGE_SHIFT * _EDGE_SHIFT)
    usual = _inside(mean)
    if step.seen > 0.5:
        return max(0.0, record.score + math.log(_FIRM_SHARE))
    return record.score + math.log((1.0 - _FIRM_SHARE * usual) / (1.0 - usual))


def _sd(record: _Record, scale: float) -> float:
    """The sd of what a dealer's quotes scatter by within segments."""
    within, count = _SEGMENT_STRENGTH * scale * scale, _SEGMENT_STRENGTH
    for weight, total, squares in record.segments.values():
        if weight > 1.0:
            within += max(0.0, squares - total * total / weight)
            count += weight - 1.0
    return max(math.sqrt(within / count), 1e-3)


def _netted(seen: float, usual: float, here: float, offset: float) -> tuple[float, float]:
    """(weight, total) of an ask, at the rate `here` and this offset of its logit, as one at the usual rate.

    The usual share answered of many stays the usual share, and a silence says as much for a half as it does here.
    """
    if here == usual and not offset:
        return 1.0, seen
    odds = here / (1.0 - here) * math.exp(offset)
    expected = _inside(odds / (1.0 + odds))
    no = expected / (1.0 - expected) * (1.0 - usual) / usual
    yes = _of_silence(expected) / (no * _of_silence(usual))
    return yes * (seen + (1.0 - seen) * no), yes * seen


def _of_silence(rate: float) -> float:
    """What a silence adds to the log likelihood of half of this rate against the whole."""
    return math.log((1.0 - _SHARE * rate) / (1.0 - rate))


def _one_rate(weight: float, total: float, start: float) -> float:
    """Log likelihood of these answers where all are of one rate, that nobody knows but for the desk's usual one."""
    yes, no = _PRIOR_STRENGTH * start, _PRIOR_STRENGTH * (1.0 - start)
    return _log_beta(yes + max(total, 0.0), no + max(weight - total, 0.0)) - _log_beta(yes, no)


def _log_beta(a: float, b: float) -> float:
    return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)


def _inside(rate: float) -> float:
    return min(max(rate, 0.02), 0.98)


def _add(sums: list[float], weight: float, *more: float) -> None:
    """Add to sums of which the first is how many there are; beyond a bound what is old fades."""
    fading = 1.0 - weight / _RECORD_MAX if sums[0] > _RECORD_MAX else 1.0
    for at, value in enumerate((weight, *more)):
        sums[at] = sums[at] * fading + value
