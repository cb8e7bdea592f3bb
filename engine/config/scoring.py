"""config/scoring.toml: the desk's weights, and how long the past counts."""

# ruff: noqa: RUF009 (setting() gives a dataclass field, not a shared default)

from __future__ import annotations

import math
from dataclasses import dataclass

from engine.config.reading import setting


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassicWeights:
    """Weights of the house's composite score; they add to 1."""

    fill_rate: float = setting(0.30, at_least=0, at_most=1)
    price_improvement: float = setting(0.40, at_least=0, at_most=1)
    leakage: float = setting(0.20, at_least=0, at_most=1)
    speed: float = setting(0.10, at_least=0, at_most=1)

    @property
    def total(self) -> float:
        return math.fsum((self.fill_rate, self.price_improvement, self.leakage, self.speed))


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoringConfig:
    """The parameter set of every score: part of what makes a projection reproducible."""

    half_life_days: float = setting(30.0, above=0, at_most=3650)
    window_days: int = setting(90, at_least=1, at_most=3650)
    classic: ClassicWeights = setting(ClassicWeights())


def scoring_problems(scoring: ScoringConfig) -> list[tuple[str, str]]:
    """Weights that do not add to 1, as (key, text) pairs; a billionth is forgiven for decimals in binary."""
    total = scoring.classic.total
    if math.isclose(total, 1.0, abs_tol=1e-9):
        return []
    return [("classic", f"expected weights that add to 1, found {total:.10g}")]
