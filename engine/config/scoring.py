"""config/scoring.toml: the desk's weights, and how long the past counts."""

# ruff: noqa: RUF009 (setting() gives a dataclass field, not a shared default)

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from decimal import Decimal

from engine.config.reading import setting
from engine.dealers.stats import CLASSIC_WEIGHTS

_HOUSE = {metric: weight / 100 for metric, weight in CLASSIC_WEIGHTS}


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassicWeights:
    """Weights of the house's composite score; they add to 1."""

    fill_rate: Decimal = setting(_HOUSE["fill_rate"], at_least=0, at_most=1)
    price_improvement: Decimal = setting(_HOUSE["price_improvement"], at_least=0, at_most=1)
    leakage: Decimal = setting(_HOUSE["leakage"], at_least=0, at_most=1)
    speed: Decimal = setting(_HOUSE["speed"], at_least=0, at_most=1)

    @property
    def percent(self) -> tuple[tuple[str, Decimal], ...]:
        """(metric, weight in percent) in the order of the formula, without those that do not count."""
        weights = ((field.name, 100 * getattr(self, field.name)) for field in dataclasses.fields(self))
        return tuple((metric, weight) for metric, weight in weights if weight)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoringConfig:
    """The parameter set of every score: part of what makes a projection reproducible."""

    half_life_days: float = setting(30.0, above=0, at_most=3650)
    window_days: int = setting(90, at_least=1, at_most=3650)
    classic: ClassicWeights = setting(ClassicWeights())


def scoring_problems(scoring: ScoringConfig) -> list[tuple[str, str]]:
    """Weights that do not add to exactly 1, as (key, text) pairs."""
    total = sum((weight for _, weight in scoring.classic.percent), Decimal(0)) / 100
    if total == 1:
        return []
    return [("classic", f"expected weights that add to 1, found {total.normalize():f}")]
