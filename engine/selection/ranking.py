"""Who is first: dealers in the order of a weighted sum of their metrics, kept current.

A score is a weighted sum on the house scales:

    a rate              as a fraction
    price, leakage      1 + bps / 10        (negative is adverse to us)
    speed               1 - seconds / 60    (not clamped: 90 s scores -0.5)

`classic()` weighs fill rate 30, price improvement 40, leakage 20, speed 10 %; a rule's own `rank by` weighs
what it names. With these formulas (88 %, +3.2, -0.5, 12 s) scores 1.062 and (95 %, +2.8, -0.2, 18 s) 1.063.

What is not known:
- A dealer that lacks a metric gets the worse of mean and median of the dealers that have it, each counted once, marked
  `typical`. Two of them because a mean follows one absurd value, and a median hides that half are far worse.
- A dealer that was not asked in any scope of the segment within the window gets the same, but nothing better than
  neutral, marked `no data`: a rate of 0, 0 bps, 60 s. So one that nobody has tried never gets ahead of one whose every
  result is at least neutral, nor of one that fills everything unless that costs more than filling is worth. Whoever
  was never tried is found by exploring, not by a score that nothing stands behind.
- A metric that no dealer has is left out for all, marked `left out`, and the other weights count for more: what is
  unknown about everyone is worth nothing. Where nobody has any, every score is 0.

`rank` is the definition of the order: score everybody, sort. `Rankings` gives the same answer from numbers it keeps,
one kept order per (segment, scorer): only dealers that were observed since the last time are scored again.

Why groups. What a dealer gets for a metric it lacks moves with every observation of anybody: naively all their scores
would have to be redone each time. But dealers that lack the same metrics get the same addition. So there is one sorted
list per set of lacking metrics (16 at most for four metrics, plus one for dealers without data; usually one to three
are in use), by the dealers' own sums, which nobody else can move; the additions are made when the lists are merged.
For the very same float in both ways, a total is two sums: the parts that rest on the dealer's own results, in the
order of the weights, then the others; then it is divided by the weights that count. It is rounded to 12 decimals: what
is smaller than that comes from adding in another order, not from a dealer.

What comes out is a `Table`: names, totals and values, no words and no parts. Whoever wants a score by parts
makes it of a table's numbers (`parts_at`).

Order: total; then dealers with data before those without; then the larger own sum; then dealer id.
"""

from __future__ import annotations

import math
from array import array
from bisect import bisect_left, bisect_right, insort
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from engine.dealers.segments import Segment
from engine.dealers.stats import (
    CLASSIC_WEIGHTS,
    METRIC_SYNONYMS,
    METRICS,
    DealerStats,
    Metric,
    Plan,
    Source,
    Unit,
    Value,
    plan_of,
)
from engine.domain.recommendation import ScorePart
from engine.domain.rows import row
from engine.errors import ConfigError

# Bound once: looking up a member of an enumeration costs more than the arithmetic it selects.
_RATE, _BPS, _SECONDS = Unit.RATE, Unit.BPS, Unit.SECONDS
_OWN, _TYPICAL, _NO_DATA, _LEFT_OUT = Source.OWN, Source.TYPICAL, Source.NO_DATA, Source.LEFT_OUT

ASKED: Final = plan_of((METRICS["fill_rate"],))
"""A plan whose value is known exactly if the dealer was asked."""

_NEUTRAL: Final[Mapping[Unit, float]] = {Unit.RATE: 0.0, Unit.BPS: 0.0, Unit.SECONDS: 60.0}

Values = tuple[float | None, ...]
"""A dealer's own value of each metric, None where it lacks it; empty for a dealer that nobody has tried."""

_EXACT_BITS: Final = 104
_EXACT: Final = float(1 << _EXACT_BITS)
"""Values are added as whole numbers of this part of one, so that the order in which they come does not show."""


_OBSERVED: Final = frozenset({Source.OWN, Source.TYPICAL})


@dataclass(frozen=True, slots=True)
class Score:
    """What a dealer is ranked by, and why: a part per metric, its contribution being weight x transformed."""

    total: float
    own: float
    parts: tuple[ScorePart, ...]

    @property
    def has_data(self) -> bool:
        """False when no part rests on the dealer's own results, or on others' who have what it lacks."""
        return any(part.source in _OBSERVED for part in self.parts)


@dataclass(frozen=True, slots=True)
class WeightedScorer:
    """A weighting of metrics over a window of days; weights in percent, adding to exactly 100.

    `key` says it in the rule language's words; two scorers with one key are the same but for their name. `metrics`,
    their `units` and `fractions` (weights that add to 1) are the terms apart.

    Raises ConfigError for an unknown or repeated metric, a weight that is not positive, or another sum.
    """

    name: str
    weights: tuple[tuple[str, Decimal], ...]
    window_days: int
    terms: tuple[tuple[Metric, float], ...] = field(init=False, repr=False, compare=False)
    plan: Plan = field(init=False, repr=False, compare=False)
    key: str = field(init=False, repr=False, compare=False)
    metrics: tuple[str, ...] = field(init=False, repr=False, compare=False)
    units: tuple[str, ...] = field(init=False, repr=False, compare=False)
    fractions: tuple[float, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        names = [METRIC_SYNONYMS.get(name, name) for name, _ in self.weights]
        for place, name in enumerate(names):
            if name not in METRICS:
                raise ConfigError(f"{self.name}: unknown metric {name!r}; known are {', '.join(METRICS)}")
            if name in names[:place]:
                raise ConfigError(f"{self.name}: {name} is weighted twice")
            if not self.weights[place][1] > 0:
                raise ConfigError(f"{self.name}: the weight of {name} is {self.weights[place][1]} %; leave it out")
        total = sum((weight for _, weight in self.weights), Decimal(0))
        if total != 100:
            raise ConfigError(f"{self.name}: weights add to {total} %, they must add to 100 %")
        if self.window_days < 1:
            raise ConfigError(f"{self.name}: a window has at least 1 day, found {self.window_days}")
        terms = tuple(
            (METRICS[name], float(weight / 100)) for name, (_, weight) in zip(names, self.weights, strict=True)
        )
        object.__setattr__(self, "terms", terms)
        object.__setattr__(self, "metrics", tuple(names))
        object.__setattr__(self, "units", tuple(METRICS[name].unit.value for name in names))
        object.__setattr__(self, "fractions", tuple(weight for _, weight in terms))
        object.__setattr__(self, "plan", plan_of(metric for metric, _ in terms))
        words = " + ".join(f"{weight}% {name}" for name, (_, weight) in zip(names, self.weights, strict=True))
        object.__setattr__(self, "key", f"{words} over {self.window_days}d")

    def score(
        self, stats: DealerStats, dealer: str, segment: Segment, now_ns: int, typical: Sequence[float | None]
    ) -> Score:
        """The dealer's score for a request in `segment`, with its parts; `typical` is for what it lacks."""
        today = stats.today(now_ns)
        own = stats.own(dealer, self.plan, segment, self.window_days, today)
        return combine(
            self.terms, own, typical, is_known=is_known(stats, dealer, own, segment, self.window_days, today)
        )

    def typical(self, stats: DealerStats, dealers: Iterable[str], segment: Segment, now_ns: int) -> Values:
        """What one of the `dealers` gets that lacks a metric, in the order of the weights."""
        today = stats.today(now_ns)
        found = [stats.own(dealer, self.plan, segment, self.window_days, today) for dealer in dealers]
        return tuple(
            worse_of_mean_and_median(metric.unit, [value[0] for own in found if (value := own[term]) is not None])
            for term, (metric, _) in enumerate(self.terms)
        )


def classic(
    weights: Sequence[tuple[str, Decimal | float]] = CLASSIC_WEIGHTS, window_days: int = 90, name: str = "classic"
) -> WeightedScorer:
    """The house scorer, with the desk's own weights (percent) if given."""
    return weighted(weights, window_days, name)


def weighted(
    weights: Sequence[tuple[str, Decimal | float]], window_days: int = 90, name: str = "weighted"
) -> WeightedScorer:
    """`rank by 60% hit_rate + 40% price_improvement over 90d` is weighted((("hit_rate", 60), ...), 90)."""
    return WeightedScorer(name, tuple((metric, Decimal(str(weight))) for metric, weight in weights), window_days)


def transform(unit: Unit, value: float) -> float:
    """A metric's value on the house scale of its unit."""
    if unit is _BPS:
        return 1.0 + value / 10.0
    return value if unit is _RATE else 1.0 - value / 60.0


def worse_of_mean_and_median(unit: Unit, values: Iterable[float]) -> float | None:
    """What a dealer gets that lacks a metric, from those who have it; None where nobody has."""
    column = _Column()
    for value in sorted(values):
        column.append(value)
    return column.typical(unit)


def untried(unit: Unit, typical: float) -> float:
    """What a metric counts as for a dealer that nobody has tried, on the house scale."""
    return min(transform(unit, _NEUTRAL[unit]), transform(unit, typical))


def counted(weights: Iterable[float], typical: Sequence[float | None]) -> float:
    """The sum of the weights that count, those of metrics that somebody has: exactly 1 where nothing is left out."""
    if None not in typical:
        return 1.0
    return math.fsum(weight for weight, value in zip(weights, typical, strict=True) if value is not None)


def total_of(own: float, rest: float, weights: float = 1.0) -> float:
    """A total from its two sums and the weights that count."""
    return round((own + rest) / weights, 12) if weights else 0.0


def is_known(
    stats: DealerStats,
    dealer: str,
    own: Sequence[Value | None],
    segment: Segment,
    window_days: int,
    today: int,
) -> bool:
    """True if the dealer has one of the weighted metrics, or was at least asked within the window."""
    if any(estimate is not None for estimate in own):
        return True
    return stats.own(dealer, ASKED, segment, window_days, today)[0] is not None


def combine(
    terms: Sequence[tuple[Metric, float]],
    own: Sequence[Value | None],
    typical: Sequence[float | None],
    *,
    is_known: bool,
) -> Score:
    """A score from a dealer's own values and what it gets for those that it lacks, both in the order of `terms`."""
    own_total = rest_total = 0.0
    for (metric, weight), mine, other in zip(terms, own, typical, strict=True):
        if mine is not None:
            own_total += weight * transform(metric.unit, mine[0])
        elif other is not None:
            rest_total += weight * (transform(metric.unit, other) if is_known else untried(metric.unit, other))
    parts = parts_at(
        [metric.name for metric, _ in terms],
        [metric.unit for metric, _ in terms],
        [weight for _, weight in terms],
        typical,
        [None if mine is None else mine[0] for mine in own] if is_known else (),
    )
    total = total_of(own_total, rest_total, counted((weight for _, weight in terms), typical))
    return Score(total, own_total, parts)


def own_part(metric: str, unit: Unit, weight: float, value: float) -> ScorePart:
    """The part of a metric that rests on the dealer's own results."""
    transformed = transform(unit, value)
    return ScorePart(metric, value, transformed, weight, weight * transformed, _OWN)


def lacking_part(metric: str, unit: Unit, weight: float, typical: float | None, *, is_known: bool) -> ScorePart:
    """The part of a metric that a dealer lacks: what is typical, nothing better than neutral, or nothing at all."""
    if typical is None:
        return ScorePart(metric, None, 0.0, 0.0, 0.0, _LEFT_OUT)
    if not is_known:
        transformed = untried(unit, typical)
        return ScorePart(metric, None, transformed, weight, weight * transformed, _NO_DATA)
    transformed = transform(unit, typical)
    return ScorePart(metric, typical, transformed, weight, weight * transformed, _TYPICAL)


# --- the order ------------------------------------------------------------------------------------

_UNOBSERVED: Final = -1
"""The group of dealers without any observation; others are bit masks of lacking metrics."""

_MERGED_ONE_BY_ONE: Final = 8
"""Groups that hold less than one dealer in so many are merged into the largest one dealer by dealer."""

_Contributions = list[float | None]
_Key = tuple[float, bool, float, str]


@dataclass(frozen=True, slots=True)
class Line:
    """One place of a ranking; `rank` counts from 1."""

    rank: int
    dealer: str
    score: Score


@row
@dataclass(frozen=True, slots=True)
class Table:
    """A ranking as numbers, best first: dealers, their totals, their own values of the weighted metrics.

    `weights` are fractions, as they were set. `typical` is what a dealer gets that lacks a metric, None where nobody
    has it.
    """

    metrics: tuple[str, ...]
    units: tuple[str, ...]
    weights: tuple[float, ...]
    window_days: int
    typical: Values
    dealers: tuple[str, ...]
    scores: tuple[float, ...]
    values: tuple[Values, ...]

    def has_data(self, place: int) -> bool:
        """False where no part of the score rests on the dealer's own results or on others'."""
        return has_data(self.values[place], self.typical)


def has_data(values: Values, typical: Values) -> bool:
    """Does a score of these values rest on anything that was observed?"""
    return bool(values) and any(value is not None for value in (*values, *typical))


def parts_at(
    metrics: Sequence[str],
    units: Sequence[str],
    weights: Sequence[float],
    typical: Sequence[float | None],
    values: Sequence[float | None],
) -> tuple[ScorePart, ...]:
    """A score by parts, from the numbers of a table. The weights of the parts are those that count, and add to 1.

    A scorer that leaves `typical` open though dealers have values leaves nothing out.
    """
    known, whole = bool(values), counted(weights, typical) or 1.0
    return tuple(
        own_part(name, Unit(unit), weight / whole, own)
        if own is not None
        else lacking_part(name, Unit(unit), weight / whole, other, is_known=known)
        for name, unit, weight, other, own in zip(
            metrics, units, weights, typical, values or (None,) * len(metrics), strict=True
        )
    )


def rank(
    dealers: Iterable[str], scorer: WeightedScorer, stats: DealerStats, segment: Segment, now_ns: int
) -> tuple[Line, ...]:
    """All `dealers`, best first, with scores by parts; what any kept ranking must agree with."""
    everybody = tuple(dealers)
    typical = scorer.typical(stats, everybody, segment, now_ns)
    scored = [(dealer, scorer.score(stats, dealer, segment, now_ns, typical)) for dealer in everybody]
    scored.sort(key=lambda entry: _key(*entry))
    return tuple(Line(place, dealer, score) for place, (dealer, score) in enumerate(scored, 1))


class Rankings:
    """Kept orders of all dealers of the book, per segment and scorer; the oldest used goes at `kept_max`.

    A kept order lives for one UTC day: windows lose a day at midnight, so the first ranking after it scores
    everybody again (1,000 dealers: 30-100 ms).
    """

    __slots__ = ("_dealers", "_kept", "_kept_max", "_stats")

    def __init__(self, stats: DealerStats, dealers: Sequence[str], kept_max: int = 64) -> None:
        self._stats = stats
        self._dealers = tuple(sorted(dealers))
        self._kept: dict[tuple[str, str], _Kept] = {}
        self._kept_max = kept_max

    def table(
        self, scorer: WeightedScorer, segment: Segment, now_ns: int, eligible: Container[str] | None = None
    ) -> Table:
        """The eligible dealers (None: all), best first, as numbers."""
        return self._current(scorer, segment, now_ns).table(eligible)

    def top(
        self,
        count: int,
        scorer: WeightedScorer,
        segment: Segment,
        now_ns: int,
        eligible: Container[str] | None = None,
    ) -> tuple[Line, ...]:
        """The first `count` of the eligible dealers (None: all), with their scores by parts."""
        if count <= 0:
            return ()
        kept = self._current(scorer, segment, now_ns)
        lines: list[Line] = []
        for dealer in kept.order():
            if eligible is None or dealer in eligible:
                lines.append(Line(len(lines) + 1, dealer, kept.score(dealer)))
                if len(lines) == count:
                    break
        return tuple(lines)

    def order(self, scorer: WeightedScorer, segment: Segment, now_ns: int) -> Iterator[str]:
        """Dealers best first, one at a time: for filters that cost something."""
        return iter(self._current(scorer, segment, now_ns).order())

    def _current(self, scorer: WeightedScorer, segment: Segment, now_ns: int) -> _Kept:
        key = (segment.key, scorer.key)
        kept = self._kept.pop(key, None)
        if kept is None:
            kept = _Kept(self._stats, self._dealers, scorer, segment)
            if len(self._kept) >= self._kept_max:
                del self._kept[next(iter(self._kept))]
        self._kept[key] = kept
        kept.refresh(self._stats.today(now_ns))
        return kept


class _Group:
    """Dealers that lack the same metrics, best first: minus their own sums, and beside them their names.

    Two flat lists rather than one of pairs: a search then touches one page instead of a pair per probe.
    """

    __slots__ = ("names", "sums")

    def __init__(self) -> None:
        self.sums: array[float] = array("d")
        self.names: list[str] = []

    def add(self, own: float, dealer: str) -> None:
        at = self._find(own, dealer)
        self.sums.insert(at, own)
        self.names.insert(at, dealer)

    def remove(self, own: float, dealer: str) -> None:
        at = self._find(own, dealer)
        del self.sums[at]
        del self.names[at]

    def _find(self, own: float, dealer: str) -> int:
        first = bisect_left(self.sums, own)
        return bisect_left(self.names, dealer, first, bisect_right(self.sums, own, first))


class _Column:
    """What the dealers have of one metric: sorted, and added up exactly, in whatever order they came."""

    __slots__ = ("sorted", "total")

    def __init__(self) -> None:
        self.sorted: array[float] = array("d")
        self.total = 0

    def append(self, value: float) -> None:
        """One more, not below any that is here."""
        self.sorted.append(value)
        self.total += int(value * _EXACT)

    def exchange(self, before: float | None, after: float | None) -> None:
        """A dealer's value has changed, come or gone."""
        if before is not None:
            del self.sorted[bisect_left(self.sorted, before)]
            self.total -= int(before * _EXACT)
        if after is not None:
            insort(self.sorted, after)
            self.total += int(after * _EXACT)

    def typical(self, unit: Unit) -> float | None:
        """The worse of mean and median; None where nobody has the metric."""
        count = len(self.sorted)
        if not count:
            return None
        half = count >> 1
        mean = self.total / (count << _EXACT_BITS)
        median = self.sorted[half] if count & 1 else (self.sorted[half - 1] + self.sorted[half]) / 2
        return max(mean, median) if unit is _SECONDS else min(mean, median)


class _Kept:
    """One kept order: sorted lists of (-own sum, dealer), one per set of lacking metrics."""

    __slots__ = (
        "_columns",
        "_contributions",
        "_counted",
        "_dealers",
        "_groups",
        "_order",
        "_places",
        "_reading",
        "_rest",
        "_scorer",
        "_segment",
        "_stats",
        "_today",
        "_totals",
        "_typical",
        "_values",
        "_version",
        "_without",
    )

    def __init__(self, stats: DealerStats, dealers: tuple[str, ...], scorer: WeightedScorer, segment: Segment) -> None:
        self._stats = stats
        self._dealers = dealers
        self._scorer = scorer
        self._segment = segment
        self._contributions: dict[str, _Contributions] = {}
        self._values: dict[str, Values] = {}
        self._places: dict[str, tuple[int, float]] = {}
        self._groups: dict[int, _Group] = {}
        self._totals: dict[str, float] = {}
        self._order: list[str] | None = None
        self._columns: list[_Column] = []
        self._typical: Values = ()
        self._counted = 1.0
        self._reading = stats.reading(scorer.window_days, 0)
        self._rest: dict[int, float] = {}
        self._without: set[int] = set()
        self._today = -1
        self._version = -1

    def refresh(self, today: int) -> None:
        """Score again whoever was observed since the last time, or everybody on another day."""
        moved: list[str] = []
        if today != self._today:
            self._settle(today)
        elif self._stats.version != self._version:
            # 10 dealers x (1-2 metrics x 1-4 us, as the cache has them, + 5 us to move in a list of 1,000): 70-150 us.
            for dealer, versions in self._stats.touches(self._version):
                if dealer in self._places:
                    self._move(dealer, versions)
                    moved.append(dealer)
        else:
            return
        self._version = self._stats.version
        self._finish(moved)

    def order(self) -> list[str]:
        """Dealers best first; made once until somebody is observed."""
        if self._order is None:
            self._order = self._merged()
        return self._order

    def table(self, eligible: Container[str] | None) -> Table:
        """The eligible dealers as numbers. 1,000 dealers: 60 us."""
        order, scorer = self.order(), self._scorer
        names = tuple(order if eligible is None else filter(eligible.__contains__, order))
        return Table(
            scorer.metrics,
            scorer.units,
            scorer.fractions,
            scorer.window_days,
            self._typical,
            names,
            tuple(map(self._totals.__getitem__, names)),
            tuple(map(self._values.__getitem__, names)),
        )

    def score(self, dealer: str) -> Score:
        """The score by parts, put together from what is kept."""
        scorer = self._scorer
        parts = parts_at(scorer.metrics, scorer.units, scorer.fractions, self._typical, self._values[dealer])
        return Score(self._totals[dealer], -self._places[dealer][1], parts)

    def _settle(self, today: int) -> None:
        """Begin a day: sort everybody into the groups."""
        self._reading = self._stats.reading(self._scorer.window_days, today)
        self._today, self._places, self._groups, self._rest = today, {}, {}, {}
        for dealer in self._dealers:
            self._contributed(dealer)
            self._places[dealer] = self._placed(dealer)
        for own, dealer, group in sorted((own, dealer, group) for dealer, (group, own) in self._places.items()):
            entries = self._group(group)
            entries.sums.append(own)
            entries.names.append(dealer)
        self._columns = [_Column() for _ in self._scorer.terms]
        for term, column in enumerate(self._columns):
            every = (values[term] for values in map(self._values.__getitem__, self._places) if values)
            for value in sorted(value for value in every if value is not None):
                column.append(value)

    def _finish(self, moved: Sequence[str]) -> None:
        """What the dealers that lack something get, which any observation of anybody moves; then the totals."""
        scorer, before, whole_before = self._scorer, self._rest, self._counted
        terms = zip(self._columns, scorer.terms, strict=True)
        self._typical = tuple([column.typical(metric.unit) for column, (metric, _) in terms])
        self._counted = whole = counted(scorer.fractions, self._typical)
        self._rest, self._without = self._additions()
        self._order = None
        places, totals = self._places, self._totals
        for dealer in moved:
            group, own = places[dealer]
            totals[dealer] = total_of(-own, self._rest[group], whole)
        for group, entries in self._groups.items():
            rest = self._rest[group]
            if before.get(group) != rest or whole != whole_before:
                for own, dealer in zip(entries.sums, entries.names, strict=True):
                    totals[dealer] = total_of(-own, rest, whole)

    def _move(self, dealer: str, versions: list[int]) -> None:
        """Redo the terms that an observation after the kept version went into, and find the dealer's new place."""
        cells, scopes, kept = self._stats.cells_of(dealer), self._segment.scopes, self._version
        if cells is None:
            return
        known, scorer = self._contributions[dealer], self._scorer
        values = list(self._values[dealer]) or [None] * len(scorer.terms)
        for term, (metric, weight) in enumerate(scorer.terms):
            if versions[metric.denominator] > kept or versions[metric.numerator] > kept:
                value = self._stats.value(cells, scorer.plan[term], scopes, self._reading)
                after = None if value is None else value[0]
                if after != values[term]:
                    self._columns[term].exchange(values[term], after)
                    values[term] = after
                known[term] = None if value is None else weight * transform(metric.unit, value[0])
        self._values[dealer] = tuple(values)
        before, place = self._places[dealer], self._placed(dealer)
        if place != before:
            self._places[dealer] = place
            self._groups[before[0]].remove(before[1], dealer)
            self._group(place[0]).add(place[1], dealer)

    def _group(self, group: int) -> _Group:
        found = self._groups.get(group)
        if found is None:
            found = self._groups[group] = _Group()
        return found

    def _contributed(self, dealer: str) -> None:
        """The dealer's value of each term, and weight x transformed of it; None where it lacks the metric."""
        cells, scorer = self._stats.cells_of(dealer), self._scorer
        found: Sequence[Value | None] = (None,) * len(scorer.terms)
        if cells is not None:
            found = self._stats.values(cells, scorer.plan, self._segment.scopes, self._reading)
        self._values[dealer] = tuple([None if value is None else value[0] for value in found])
        self._contributions[dealer] = [
            None if value is None else weight * transform(metric.unit, value[0])
            for (metric, weight), value in zip(scorer.terms, found, strict=True)
        ]

    def _placed(self, dealer: str) -> tuple[int, float]:
        """(group, minus the own sum), the sum in the order of the weights."""
        lacking, bit, own = 0, 1, 0.0
        for contribution in self._contributions[dealer]:
            if contribution is None:
                lacking |= bit
            else:
                own += contribution
            bit <<= 1
        if lacking == bit - 1 and not self._was_asked(dealer):
            self._values[dealer] = ()
            return _UNOBSERVED, 0.0
        return lacking, -own

    def _was_asked(self, dealer: str) -> bool:
        days = self._scorer.window_days
        return self._stats.own(dealer, ASKED, self._segment, days, self._today)[0] is not None

    def _additions(self) -> tuple[dict[int, float], set[int]]:
        """What each group gets for the metrics it lacks, in the order of the weights; groups left without data."""
        additions: dict[int, float] = {}
        without = {_UNOBSERVED}
        for group in self._groups:
            rest, everything_unknown = 0.0, True
            for place, (metric, weight) in enumerate(self._scorer.terms):
                typical = self._typical[place]
                if group == _UNOBSERVED:
                    rest += 0.0 if typical is None else weight * untried(metric.unit, typical)
                elif not group >> place & 1:
                    everything_unknown = False
                elif typical is not None:
                    rest += weight * transform(metric.unit, typical)
                    everything_unknown = False
            additions[group] = rest
            if everything_unknown:
                without.add(group)
        return additions, without

    def _merged(self) -> list[str]:
        """All groups in one order. The largest is taken as it stands; as a rule hardly anybody is in another."""
        groups = sorted(self._groups.items(), key=lambda entry: -len(entry[1].names))
        if not groups:
            return []
        (largest, base), others = groups[0], groups[1:]
        strangers = sorted(key for group, entries in others for key in self._keys(group, entries))
        if not strangers:
            return base.names.copy()
        if len(strangers) * _MERGED_ONE_BY_ONE > len(base.names):
            return [key[3] for key in sorted([*self._keys(largest, base), *strangers])]
        without, totals = largest in self._without, self._totals

        def key_at(place: int) -> _Key:
            dealer = base.names[place]
            return -totals[dealer], without, base.sums[place], dealer

        merged: list[str] = []
        at, places = 0, range(len(base.names))
        for stranger in strangers:
            before = bisect_left(places, stranger, at, key=key_at)
            merged += base.names[at:before]
            merged.append(stranger[3])
            at = before
        return merged + base.names[at:]

    def _keys(self, group: int, entries: _Group) -> Iterator[_Key]:
        without, totals = group in self._without, self._totals
        return (
            (-totals[dealer], without, own, dealer) for own, dealer in zip(entries.sums, entries.names, strict=True)
        )


def _key(dealer: str, score: Score) -> _Key:
    return -score.total, not score.has_data, -score.own, dealer
