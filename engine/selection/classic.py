"""The house score: a weighted sum of a dealer's metrics on the house scales.

    a rate              as a fraction
    price, leakage      1 + bps / 10        (negative is adverse to us)
    speed               1 - seconds / 60    (not clamped: 90 s scores -0.5)

`classic()` weighs fill rate 30, price improvement 40, leakage 20, speed 10 %; a rule's own `rank by` weighs
what it names. With these formulas (88 %, +3.2, -0.5, 12 s) scores 1.062 and (95 %, +2.8, -0.2, 18 s) 1.063.

What is not known:
- A dealer that lacks a metric gets the mean over all dealers of the segment, marked `segment mean`.
- A dealer without any observation in any scope of the segment within the window, and a metric that no dealer has,
  get the neutral prior, marked `no data`: a rate of 0, 0 bps, 60 s; or the segment's mean where that is worse.
  So a dealer that nobody has tried never gets ahead of one whose every result is at least neutral, and what
  is unknown about everyone changes no order.

The total adds the parts that rest on the dealer's own results first, in the order of the weights, then the
others: two sums, so that `ranking` can add the second to a whole group and get the very same float. It is
rounded to 12 decimals: what is smaller than that comes from adding in another order, not from a dealer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
from engine.errors import ConfigError

# Bound once: looking up a member of an enumeration costs more than the arithmetic it selects.
_RATE, _BPS = Unit.RATE, Unit.BPS
_OWN, _SEGMENT_MEAN, _NO_DATA = Source.OWN, Source.SEGMENT_MEAN, Source.NO_DATA

ASKED: Final = plan_of((METRICS["fill_rate"],))
"""A plan whose value is known exactly if the dealer was asked."""

_NEUTRAL: Final[Mapping[Unit, float]] = {Unit.RATE: 0.0, Unit.BPS: 0.0, Unit.SECONDS: 60.0}


@dataclass(frozen=True, slots=True)
class Score:
    """What a dealer is ranked by, and why: a part per metric, its contribution being weight x transformed."""

    total: float
    own: float
    parts: tuple[ScorePart, ...]

    @property
    def has_data(self) -> bool:
        """False when no part rests on the dealer's own results or on its segment's."""
        return any(part.source is not Source.NO_DATA for part in self.parts)


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

    def score(self, stats: DealerStats, dealer: str, segment: Segment, now_ns: int) -> Score:
        """The dealer's score for a request in `segment`, with its parts."""
        today = stats.today(now_ns)
        own = stats.own(dealer, self.plan, segment, self.window_days, today)
        means = stats.means(self.plan, segment, self.window_days, today)
        return combine(self.terms, own, means, is_known=is_known(stats, dealer, own, segment, self.window_days, today))


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


def neutral(unit: Unit, mean: float | None) -> float:
    """What `no data` counts as, on the house scale: nothing good, nor better than the segment's mean."""
    prior = transform(unit, _NEUTRAL[unit])
    return prior if mean is None else min(prior, transform(unit, mean))


def total_of(own: float, rest: float) -> float:
    """A total from its two sums."""
    return round(own + rest, 12)


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
    means: Sequence[Value | None],
    *,
    is_known: bool,
) -> Score:
    """A score from a dealer's own values and its segment's means, both in the order of `terms`."""
    parts: list[ScorePart] = []
    own_total = rest_total = 0.0
    for (metric, weight), mine, mean in zip(terms, own, means, strict=True):
        if mine is not None and is_known:
            part = own_part(metric.name, metric.unit, weight, mine[0])
            own_total += part.contribution
        else:
            average = None if mean is None else mean[0]
            part = lacking_part(metric.name, metric.unit, weight, average, is_known=is_known)
            rest_total += part.contribution
        parts.append(part)
    return Score(total_of(own_total, rest_total), own_total, tuple(parts))


def own_part(metric: str, unit: Unit, weight: float, value: float) -> ScorePart:
    """The part of a metric that rests on the dealer's own results."""
    transformed = transform(unit, value)
    return ScorePart(metric, value, transformed, weight, weight * transformed, _OWN)


def lacking_part(metric: str, unit: Unit, weight: float, mean: float | None, *, is_known: bool) -> ScorePart:
    """The part of a metric that a dealer lacks: the segment's mean, or the neutral prior."""
    if mean is None or not is_known:
        transformed = neutral(unit, mean)
        return ScorePart(metric, None, transformed, weight, weight * transformed, _NO_DATA)
    transformed = transform(unit, mean)
    return ScorePart(metric, mean, transformed, weight, weight * transformed, _SEGMENT_MEAN)
