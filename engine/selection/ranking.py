"""Who is first: dealers in the order of their scores, kept current.

`rank` is the definition: score everybody, sort. `Rankings` gives the same answer from numbers it keeps, one
kept order per (segment, scorer): only dealers that were observed since the last time are scored again.

Why groups. A dealer that lacks a metric gets the segment's mean, and the mean moves with every observation of
anybody: naively all their scores would have to be redone each time. But dealers that lack the same metrics get
the same addition. So there is one sorted list per set of lacking metrics (16 at most for four metrics, plus one
for dealers without data; usually one to three are in use), by the dealers' own sums, which nobody else can move;
the additions are made when the lists are merged, and only for as many places as are asked for.

Measured beside numpy's scores of 1,000 dealers alone: the first five of 1,000, 30 % of them ineligible, with
parts, take a quarter of that when nothing happened, and 2.5 times it after 10 observations of 10 dealers.

Order: total; then dealers with data before those without; then the larger own sum; then dealer id.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass
from heapq import merge
from typing import Final

from engine.dealers.measures import Source, Value
from engine.dealers.segments import Segment
from engine.dealers.stats import DealerStats
from engine.domain.recommendation import ScorePart
from engine.selection.classic import ASKED, Score, WeightedScorer, lacking_part, neutral, own_part, total_of, transform

_NO_DATA: Final = -1
"""The group of dealers without any observation; others are bit masks of lacking metrics."""

_Contributions = list[float | None]
_Key = tuple[float, bool, float, str]


@dataclass(frozen=True, slots=True)
class Line:
    """One place of a ranking; `rank` counts from 1."""

    rank: int
    dealer: str
    score: Score


def rank(
    dealers: Iterable[str], scorer: WeightedScorer, stats: DealerStats, segment: Segment, now_ns: int
) -> tuple[Line, ...]:
    """All `dealers`, best first, with scores by parts; what any kept ranking must agree with."""
    scored = [(dealer, scorer.score(stats, dealer, segment, now_ns)) for dealer in dealers]
    scored.sort(key=lambda entry: _key(*entry))
    return tuple(Line(place, dealer, score) for place, (dealer, score) in enumerate(scored, 1))


class Rankings:
    """Kept orders of all dealers of the book, per segment and scorer; the oldest used goes at `kept_max`.

    A kept order lives for one UTC day: windows lose a day at midnight, so the first ranking after it scores
    everybody again (1,000 dealers: 30-100 ms); `warming` does it in slices, outside a decision.
    """

    __slots__ = ("_dealers", "_kept", "_kept_max", "_stats")

    def __init__(self, stats: DealerStats, dealers: Sequence[str], kept_max: int = 64) -> None:
        self._stats = stats
        self._dealers = tuple(sorted(dealers))
        self._kept: dict[tuple[str, str], _Kept] = {}
        self._kept_max = kept_max

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
        for dealer in kept.walk():
            if eligible is None or dealer in eligible:
                lines.append(Line(len(lines) + 1, dealer, kept.score(dealer)))
                if len(lines) == count:
                    break
        return tuple(lines)

    def order(self, scorer: WeightedScorer, segment: Segment, now_ns: int) -> Iterator[str]:
        """Dealers best first, one at a time: for filters that cost something. Use it up before observing more."""
        return self._current(scorer, segment, now_ns).walk()

    def score(self, dealer: str, scorer: WeightedScorer, segment: Segment, now_ns: int) -> Score:
        """One dealer's score, kept or not in the book."""
        return scorer.score(self._stats, dealer, segment, now_ns)

    def warming(self, now_ns: int, slice_dealers: int = 50) -> Iterator[None]:
        """Bring every kept order up to date, a slice at a time; for the quiet minute after midnight.

        Others may rank and observe between two slices.
        """
        today = self._stats.today(now_ns)
        for kept in list(self._kept.values()):
            yield from kept.warming(today, slice_dealers)

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


class _Kept:
    """One kept order: sorted lists of (-own sum, dealer), one per set of lacking metrics."""

    __slots__ = (
        "_contributions",
        "_dealers",
        "_groups",
        "_means",
        "_own_parts",
        "_places",
        "_reading",
        "_rest",
        "_rest_parts",
        "_scorer",
        "_scores",
        "_segment",
        "_stats",
        "_today",
        "_version",
        "_without",
    )

    def __init__(self, stats: DealerStats, dealers: tuple[str, ...], scorer: WeightedScorer, segment: Segment) -> None:
        self._stats = stats
        self._dealers = dealers
        self._scorer = scorer
        self._segment = segment
        self._contributions: dict[str, _Contributions] = {}
        self._places: dict[str, tuple[int, float]] = {}
        self._groups: dict[int, _Group] = {}
        self._means: list[Value | None] = []
        self._reading = stats.reading(scorer.window_days, 0)
        self._rest: dict[int, float] = {}
        self._without: set[int] = set()
        self._scores: dict[str, Score] = {}
        self._own_parts: dict[str, tuple[ScorePart | None, ...]] = {}
        self._rest_parts: dict[int, tuple[ScorePart, ...]] = {}
        self._today = -1
        self._version = -1

    def refresh(self, today: int) -> None:
        """Score again whoever was observed since the last time, or everybody on another day."""
        if today != self._today:
            self._settle(today, {dealer: self._contributed(dealer, today) for dealer in self._dealers})
        elif self._stats.version != self._version:
            # 10 dealers x (1-2 metrics x 1-4 us, as the cache has them, + 5 us to move in a list of 1,000): 70-150 us.
            for dealer, versions in self._stats.touches(self._version):
                if dealer in self._places:
                    self._move(dealer, versions)
        else:
            return
        self._version = self._stats.version
        self._finish(today)

    def walk(self) -> Iterator[str]:
        """Dealers best first."""
        lists = [self._keys(group, entries) for group, entries in self._groups.items() if entries.names]
        return (key[3] for key in (lists[0] if len(lists) == 1 else merge(*lists)))

    def score(self, dealer: str) -> Score:
        """The score by parts; kept whole as long as only the dealer itself can change it, else put together from kept
        parts: its own, and those of everybody who lacks the same metrics.
        """
        score = self._scores.get(dealer)
        if score is None:
            group, minus_own = self._places[dealer]
            mine, rest = self._own_parts_of(dealer), self._rest_parts_of(group)
            parts = tuple([theirs if own is None else own for own, theirs in zip(mine, rest, strict=True)])
            score = Score(total_of(-minus_own, self._rest[group]), -minus_own, parts)
            if group == 0:
                self._scores[dealer] = score
        return score

    def _own_parts_of(self, dealer: str) -> tuple[ScorePart | None, ...]:
        parts = self._own_parts.get(dealer)
        if parts is None:
            scorer = self._scorer
            own = self._stats.own(dealer, scorer.plan, self._segment, scorer.window_days, self._today)
            parts = tuple(
                None if value is None else own_part(metric, weight, value)
                for (metric, weight), value in zip(scorer.terms, own, strict=True)
            )
            self._own_parts[dealer] = parts
        return parts

    def _rest_parts_of(self, group: int) -> tuple[ScorePart, ...]:
        parts = self._rest_parts.get(group)
        if parts is None:
            parts = tuple(
                lacking_part(metric, weight, mean, is_known=group != _NO_DATA)
                for (metric, weight), mean in zip(self._scorer.terms, self._means, strict=True)
            )
            self._rest_parts[group] = parts
        return parts

    def warming(self, today: int, slice_dealers: int) -> Iterator[None]:
        """`refresh` in slices: only the last one changes what is kept."""
        if today == self._today:
            self.refresh(today)
            return
        version, day = self._stats.version, self._today
        contributions: dict[str, _Contributions] = {}
        for start in range(0, len(self._dealers), slice_dealers):
            for dealer in self._dealers[start : start + slice_dealers]:
                contributions[dealer] = self._contributed(dealer, today)
            yield
            if self._today != day:
                return  # Somebody could not wait and ranked.
        self._settle(today, contributions)
        self._version = version
        self._finish(today)
        self.refresh(today)

    def _settle(self, today: int, contributions: dict[str, _Contributions]) -> None:
        """Begin a day: sort everybody into the groups."""
        self._reading = self._stats.reading(self._scorer.window_days, today)
        self._today, self._contributions, self._places, self._groups = today, contributions, {}, {}
        self._scores.clear()
        self._own_parts.clear()
        for dealer, known in contributions.items():
            self._places[dealer] = self._placed(dealer, known)
        for own, dealer, group in sorted((own, dealer, group) for dealer, (group, own) in self._places.items()):
            entries = self._group(group)
            entries.sums.append(own)
            entries.names.append(dealer)

    def _finish(self, today: int) -> None:
        """What the dealers that lack something get, which any observation of anybody moves."""
        self._means = self._stats.means(self._scorer.plan, self._segment, self._scorer.window_days, today)
        self._rest, self._without = self._additions()
        self._rest_parts.clear()

    def _move(self, dealer: str, versions: list[int]) -> None:
        """Redo the terms that an observation after the kept version went into, and find the dealer's new place."""
        cells, scopes, kept = self._stats.cells_of(dealer), self._segment.scopes, self._version
        known = self._contributions[dealer]
        self._scores.pop(dealer, None)
        self._own_parts.pop(dealer, None)
        if cells is None:
            return
        for term, (metric, weight) in enumerate(self._scorer.terms):
            if versions[metric.denominator] > kept or versions[metric.numerator] > kept:
                value = self._stats.value(cells, self._scorer.plan[term], scopes, self._reading)
                known[term] = None if value is None else weight * transform(metric.unit, value[0])
        before, place = self._places[dealer], self._placed(dealer, known)
        if place != before:
            self._places[dealer] = place
            self._groups[before[0]].remove(before[1], dealer)
            self._group(place[0]).add(place[1], dealer)

    def _group(self, group: int) -> _Group:
        found = self._groups.get(group)
        if found is None:
            found = self._groups[group] = _Group()
        return found

    def _changed(self, versions: list[int]) -> list[int]:
        """The terms whose sums an observation after the kept version went into."""
        kept = self._version
        return [
            term
            for term, (_, numerator, denominator, _) in enumerate(self._scorer.plan)
            if versions[numerator] > kept or versions[denominator] > kept
        ]

    def _contributed(self, dealer: str, today: int) -> _Contributions:
        """Weight x transformed of each term, None where the dealer lacks the metric."""
        cells, scorer = self._stats.cells_of(dealer), self._scorer
        if cells is None:
            return [None] * len(scorer.terms)
        reading = self._stats.reading(scorer.window_days, today)
        values = self._stats.values(cells, scorer.plan, self._segment.scopes, reading)
        return [
            None if value is None else weight * transform(metric.unit, value[0])
            for (metric, weight), value in zip(scorer.terms, values, strict=True)
        ]

    def _placed(self, dealer: str, known: _Contributions) -> tuple[int, float]:
        """(group, minus the own sum), the sum in the order of the weights."""
        lacking, bit, own = 0, 1, 0.0
        for contribution in known:
            if contribution is None:
                lacking |= bit
            else:
                own += contribution
            bit <<= 1
        if lacking == bit - 1 and not self._was_asked(dealer):
            return _NO_DATA, 0.0
        return lacking, -own

    def _was_asked(self, dealer: str) -> bool:
        days = self._scorer.window_days
        return self._stats.own(dealer, ASKED, self._segment, days, self._today)[0] is not None

    def _additions(self) -> tuple[dict[int, float], set[int]]:
        """What each group gets for the metrics it lacks, in the order of the weights; groups left without data."""
        additions: dict[int, float] = {}
        without = {_NO_DATA}
        for group in self._groups:
            rest, everything_unknown = 0.0, True
            for place, (metric, weight) in enumerate(self._scorer.terms):
                known = self._means[place]
                mean = None if known is None else known[0]
                if group != _NO_DATA and not group >> place & 1:
                    everything_unknown = False
                elif group == _NO_DATA or mean is None:
                    rest += weight * neutral(metric.unit, mean)
                else:
                    rest += weight * transform(metric.unit, mean)
                    everything_unknown = False
            additions[group] = rest
            if everything_unknown:
                without.add(group)
        return additions, without

    def _keys(self, group: int, entries: _Group) -> Iterator[_Key]:
        rest, without = self._rest[group], group in self._without
        return (
            (-total_of(-own, rest), without, own, dealer)
            for own, dealer in zip(entries.sums, entries.names, strict=True)
        )


def _key(dealer: str, score: Score) -> _Key:
    without = all(part.source is Source.NO_DATA for part in score.parts)
    return -score.total, without, -score.own, dealer
