"""Who is first: dealers in the order of their scores, kept current.

`rank` is the definition: score everybody, sort. `Rankings` gives the same answer from numbers it keeps, one
kept order per (segment, scorer): only dealers that were observed since the last time are scored again.

Why groups. A dealer that lacks a metric gets the segment's mean, and the mean moves with every observation of
anybody: naively all their scores would have to be redone each time. But dealers that lack the same metrics get
the same addition. So there is one sorted list per set of lacking metrics (16 at most for four metrics, plus one
for dealers without data; usually one to three are in use), by the dealers' own sums, which nobody else can move;
the additions are made when the lists are merged, and only for as many places as are asked for.

Order: total; then dealers with data before those without; then the larger own sum; then dealer id.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass
from heapq import merge
from typing import Final

from engine.dealers.classic import ASKED, Score, WeightedScorer, combine, neutral, total_of, transform
from engine.dealers.segments import Segment
from engine.dealers.stats import DealerStats, Source, Value

_NO_DATA: Final = -1
"""The group of dealers without any observation; others are bit masks of lacking metrics."""

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
    everybody again (1,000 dealers: 20-60 ms); `warming` does it in slices, outside a decision.
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


class _Kept:
    """One kept order: sorted lists of (-own sum, dealer), one per set of lacking metrics."""

    __slots__ = (
        "_dealers",
        "_groups",
        "_means",
        "_places",
        "_rest",
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
        self._places: dict[str, tuple[int, float]] = {}
        self._groups: dict[int, list[tuple[float, str]]] = {}
        self._means: list[Value | None] = []
        self._rest: dict[int, float] = {}
        self._without: set[int] = set()
        self._scores: dict[str, Score] = {}
        self._today = -1
        self._version = -1

    def refresh(self, today: int) -> None:
        """Score again whoever was observed since the last time, or everybody on another day."""
        if today != self._today:
            self._rebase(today)
        elif self._stats.version != self._version:
            # 10 dealers x (4 metrics x 0.6 us + 2 us to move in a list of 1,000) = 45 us.
            for dealer in self._stats.touched_since(self._version):
                place = self._places.get(dealer)
                if place is None:
                    continue
                group, own = place
                entries = self._groups[group]
                del entries[bisect_left(entries, (own, dealer))]
                self._scores.pop(dealer, None)
                place = self._places[dealer] = self._place(dealer, today)
                insort(self._groups.setdefault(place[0], []), (place[1], dealer))
        else:
            return
        self._version = self._stats.version
        self._finish(today)

    def walk(self) -> Iterator[str]:
        """Dealers best first."""
        lists = [self._keys(group, entries) for group, entries in self._groups.items() if entries]
        return (key[3] for key in (lists[0] if len(lists) == 1 else merge(*lists)))

    def score(self, dealer: str) -> Score:
        """The score by parts; kept as long as only the dealer itself can change it."""
        score = self._scores.get(dealer)
        if score is None:
            stats, scorer, days = self._stats, self._scorer, self._scorer.window_days
            own = stats.own(dealer, scorer.plan, self._segment, days, self._today)
            group = self._places[dealer][0]
            score = combine(scorer.terms, own, self._means, is_known=group != _NO_DATA)
            if group == 0:
                self._scores[dealer] = score
        return score

    def warming(self, today: int, slice_dealers: int) -> Iterator[None]:
        """`refresh` in slices: only the last one changes what is kept."""
        version, day, places = self._stats.version, self._today, dict[str, tuple[int, float]]()
        if today == self._today:
            self.refresh(today)
            return
        for start in range(0, len(self._dealers), slice_dealers):
            for dealer in self._dealers[start : start + slice_dealers]:
                places[dealer] = self._place(dealer, today)
            yield
            if self._today != day:
                return  # Somebody could not wait and ranked.
        self._settle(today, places)
        self._version = version
        self._finish(today)
        self.refresh(today)

    def _rebase(self, today: int) -> None:
        self._settle(today, {dealer: self._place(dealer, today) for dealer in self._dealers})

    def _settle(self, today: int, places: dict[str, tuple[int, float]]) -> None:
        self._today, self._places, self._groups = today, places, {}
        self._scores.clear()
        for dealer, (group, own) in places.items():
            self._groups.setdefault(group, []).append((own, dealer))
        for entries in self._groups.values():
            entries.sort()

    def _finish(self, today: int) -> None:
        self._means = self._stats.means(self._scorer.plan, self._segment, self._scorer.window_days, today)
        self._rest, self._without = self._additions()

    def _place(self, dealer: str, today: int) -> tuple[int, float]:
        """(group, minus the own sum): the hot loop, 3 us."""
        stats, scopes, scorer = self._stats, self._segment.scopes, self._scorer
        cells = stats.cells_of(dealer)
        if cells is None:
            return _NO_DATA, 0.0
        lacking, bit, own = 0, 1, 0.0
        values = stats.values(cells, scorer.plan, scopes, scorer.window_days, today)
        for (metric, weight), value in zip(scorer.terms, values, strict=True):
            if value is None:
                lacking |= bit
            else:
                own += weight * transform(metric.unit, value[0])
            bit <<= 1
        if lacking == bit - 1 and stats.values(cells, ASKED, scopes, scorer.window_days, today)[0] is None:
            return _NO_DATA, 0.0
        return lacking, -own

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

    def _keys(self, group: int, entries: list[tuple[float, str]]) -> Iterator[_Key]:
        rest, without = self._rest[group], group in self._without
        return ((-total_of(-own, rest), without, own, dealer) for own, dealer in entries)


def _key(dealer: str, score: Score) -> _Key:
    without = all(part.source is Source.NO_DATA for part in score.parts)
    return -score.total, without, -score.own, dealer
