"""What a tier rule is told about a dealer: its place among the dealers that have one.

`tier 1 when rank in top 20% and asks >= 20` is evaluated by the rule book; this module supplies rank, how
many were ranked, and the counts. Tiers are made per asset class: the segment is `Segment("corporate")`.

A dealer without data has no rank (None, so every comparison with it is unknown and no tier takes it), and is
not counted among those ranked: half of ten dealers that nobody knows is not a tier.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

from engine.dealers.measures import Metrics, Source
from engine.dealers.segments import Segment
from engine.dealers.stats import DealerStats
from engine.selection.classic import Score, WeightedScorer
from engine.selection.ranking import rank


@dataclass(frozen=True, slots=True)
class Standing:
    """A dealer's place in one ranking, `rank` of `ranked`; rank and percentile are None without data."""

    dealer: str
    rank: int | None
    ranked: int
    score: Score
    metrics: Metrics

    @property
    def percentile(self) -> float | None:
        """Percent of the ranked dealers that are at least this good: 20 for the 2nd of 10; small is good."""
        return None if self.rank is None else 100.0 * self.rank / self.ranked

    def in_top(self, percent: Fraction | int) -> bool | None:
        """`rank in top 20%`: among the first 20 % of the ranked, rounded up; None (unknown) without a rank.

        Rounded up, so that a small field has a best dealer: the top 20 % of 3 is 1.
        """
        return None if self.rank is None else (self.rank - 1) * 100 < percent * self.ranked


def standings(
    dealers: Iterable[str], scorer: WeightedScorer, stats: DealerStats, segment: Segment, now_ns: int
) -> tuple[Standing, ...]:
    """Every dealer's place by `scorer` in `segment`, best first, those without data last."""
    lines = rank(dealers, scorer, stats, segment, now_ns)
    known = [line for line in lines if any(part.source is Source.OWN for part in line.score.parts)]
    unknown = [line for line in lines if all(part.source is not Source.OWN for part in line.score.parts)]
    places = [(line, place) for place, line in enumerate(known, 1)] + [(line, None) for line in unknown]
    return tuple(
        Standing(
            line.dealer,
            place,
            len(known),
            line.score,
            stats.metrics(line.dealer, segment, scorer.window_days, now_ns),
        )
        for line, place in places
    )
