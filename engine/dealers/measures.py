"""The measures of a dealer: their names, units and formulas, and the values that carry them.

Every one is a weighted sum over a weighted count of what `window` counts. `classic` puts them on the house
scales, rule books weigh them by these names.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Final

from engine.dealers import window as w


class Unit(StrEnum):
    """What a metric's value is: a fraction, basis points, seconds."""

    RATE = "rate"
    BPS = "bps"
    SECONDS = "s"


@dataclass(frozen=True, slots=True)
class Metric:
    """One number about a dealer: a weighted sum over a weighted count."""

    name: str
    unit: Unit
    numerator: int
    denominator: int
    doc: str
    synonyms: tuple[str, ...] = ()
    """Other words for it."""


METRICS: Final[dict[str, Metric]] = {
    metric.name: metric
    for metric in (
        Metric("fill_rate", Unit.RATE, w.TRADES, w.ASKS, "trades / RFQs sent"),
        Metric("hit_rate", Unit.RATE, w.TRADES, w.QUOTES, "trades / executable quotes"),
        Metric("quote_rate", Unit.RATE, w.QUOTES, w.ASKS, "executable quotes / RFQs sent"),
        Metric("firmness", Unit.RATE, w.TRADES, w.ACCEPTS, "trades / accepted quotes"),
        Metric("price_improvement", Unit.BPS, w.IMPROVEMENT_SUM, w.IMPROVEMENTS, "against the arrival price"),
        Metric("edge", Unit.BPS, w.EDGE_SUM, w.EDGES, "every executable quote against the mid at receipt"),
        Metric(
            "leakage",
            Unit.BPS,
            w.REVERSION_SUM,
            w.REVERSIONS,
            "classic reversion, 30 min; negative is adverse",
            ("reversion",),
        ),
        Metric(
            "speed",
            Unit.SECONDS,
            w.RESPONSE_SUM,
            w.RESPONSES,
            "to an executable quote; silence at its timeout",
            ("response_time",),
        ),
    )
}
"""Every metric by name: the one place that says what there is, its unit, its formula and every word for it."""

CLASSIC_WEIGHTS: Final[tuple[tuple[str, Decimal], ...]] = (
    ("fill_rate", Decimal(30)),
    ("price_improvement", Decimal(40)),
    ("leakage", Decimal(20)),
    ("speed", Decimal(10)),
)
"""The house score's own weights, in percent; `scoring.toml` gives a desk's."""

PlanEntry = tuple[bool, int, int, bool]
"""A metric as the inner loop wants it: (is a rate, numerator, denominator, decays slowly)."""

Plan = tuple[PlanEntry, ...]

Value = tuple[float, int, str]
"""(value, observations, scope)"""

METRIC_SYNONYMS: Final[dict[str, str]] = {word: metric.name for metric in METRICS.values() for word in metric.synonyms}


def plan_of(metrics: Iterable[Metric]) -> Plan:
    """What `DealerStats.values` takes."""
    return tuple((m.unit is Unit.RATE, m.numerator, m.denominator, w.is_slow(m.denominator)) for m in metrics)


class Source(StrEnum):
    """Where a number about a dealer came from."""

    OWN = "own"
    SEGMENT_MEAN = "segment mean"
    NO_DATA = "no data"


@dataclass(frozen=True, slots=True)
class Estimate:
    """A metric's value, from how many observations of which scope; value None goes with NO_DATA."""

    value: float | None
    n: int
    scope: str
    source: Source


UNKNOWN: Final = Estimate(None, 0, "", Source.NO_DATA)


@dataclass(frozen=True, slots=True)
class Metrics:
    """A dealer's own figures over one window; a rate or mean is None when unknown.

    Counts are whole and undecayed, of `scope`. Each metric may come from a coarser scope; `estimates` says which.
    `n_eff` is the number of asks that decayed ones are worth.
    """

    scope: str
    asks: int
    answers: int
    quotes: int
    declines: int
    silences: int
    trades: int
    manual_trades: int
    rejects: int
    n_eff: float
    fill_rate: float | None
    hit_rate: float | None
    quote_rate: float | None
    firmness: float | None
    price_improvement_bps: float | None
    edge_bps: float | None
    leakage_bps: float | None
    response_s: float | None
    estimates: tuple[tuple[str, Estimate], ...]
