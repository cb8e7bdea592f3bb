"""config/scoring.toml: the desk's weights, and how long the past counts."""

# ruff: noqa: RUF009 (setting() gives a dataclass field, not a shared default)

from __future__ import annotations

import dataclasses
import datetime
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from engine.clock import NS_PER_S
from engine.config.reading import setting
from engine.config.schedules import minute_of_day
from engine.dealers.estimate_parameters import EstimateParameters
from engine.dealers.leak import LeakParameters, LeakPrior
from engine.dealers.stats import CLASSIC_WEIGHTS
from engine.domain.observation import Horizon

_SHIPPED = EstimateParameters()
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


class LeakHorizon(StrEnum):
    """How long after the decision the market is watched."""

    MINUTE = Horizon.minute.value
    FIVE_MINUTES = Horizon.five_minutes.value
    HALF_HOUR = Horizon.half_hour.value
    HOUR = Horizon.hour.value


@dataclass(frozen=True, slots=True, kw_only=True)
class LeakConfig:
    """[leak]: how what asking costs is found, and when."""

    half_life_days: float = setting(90.0, above=0, at_most=3650)
    window_days: int = setting(365, at_least=1, at_most=3650)
    watch: LeakHorizon = setting(LeakHorizon.HALF_HOUR)
    in_bps: float = setting(0.0, at_least=0, at_most=1_000)
    in_sd_bps: float = setting(0.05, above=0, at_most=1_000)
    in_own_bps: float = setting(0.1, above=0, at_most=1_000)
    post_bps: float = setting(0.0, at_least=0, at_most=1_000)
    post_sd_bps: float = setting(0.1, above=0, at_most=1_000)
    post_own_bps: float = setting(0.2, above=0, at_most=1_000)
    solve_at: str = setting("05:30", check=minute_of_day)
    time_limit_s: float = setting(900.0, at_least=1, at_most=86_400)

    @property
    def prior_in(self) -> LeakPrior:
        return LeakPrior(self.in_bps, self.in_sd_bps, self.in_own_bps)

    @property
    def prior_post(self) -> LeakPrior:
        return LeakPrior(self.post_bps, self.post_sd_bps, self.post_own_bps)

    @property
    def parameters(self) -> LeakParameters:
        return LeakParameters(
            leak_in=self.prior_in,
            leak_post=self.prior_post,
            half_life_days=self.half_life_days,
            window_days=self.window_days,
            horizon=Horizon(self.watch),
        )

    @property
    def solve_at_ns(self) -> int:
        """Since midnight UTC."""
        at = datetime.time.fromisoformat(self.solve_at)
        return (at.hour * 60 + at.minute) * 60 * NS_PER_S


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelConfig:
    """[model]: what money the model's choice is about."""

    c_fail_bps: float = setting(20.0, at_least=0, at_most=1_000)
    leak_weight: float = setting(1.0, at_least=0, at_most=100)
    rho: float = setting(0.5, at_least=0, at_most=10)
    unfilled: float = setting(0.15, at_least=0, at_most=1)
    wait_bps_per_s: float = setting(0.005, at_least=0, at_most=10)
    trade_share_min: float = setting(0.05, at_least=0, at_most=1)
    trade_share_bps: float = setting(0.2, at_least=0, at_most=100)
    two_way_share: float = setting(0.5, at_least=0, at_most=1)
    two_way_bps: float = setting(0.5, at_least=0, at_most=100)
    axe_logit: float = setting(0.8, at_least=0, at_most=10)
    axe_edge_bps: float = setting(1.5, at_least=0, at_most=100)


@dataclass(frozen=True, slots=True, kw_only=True)
class EstimatesConfig:
    """[estimates]: what is believed of a dealer before it was seen, and how strongly."""

    half_life_days: float | None = setting(None, above=0, at_most=3650)
    window_days: int = setting(365, at_least=1, at_most=3650)
    strength: float = setting(1.0, above=0, at_most=100)
    panel_slope: float = setting(_SHIPPED.panel_slope, at_least=-5, at_most=5)
    size_slope: float = setting(_SHIPPED.size_slope, at_least=-5, at_most=5)
    answers: float = setting(0.6, above=0, at_most=1)
    firm: float = setting(0.95, above=0, at_most=1)
    cost_bps: float = setting(10.0, at_least=0, at_most=1_000)
    edge_noise_bps: float = setting(6.0, above=0, at_most=1_000)
    mark_sd_bps: float = setting(5.0, above=0, at_most=1_000)
    drift_alarms: float = setting(1.0, above=0, at_most=20)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExploreConfig:
    """[explore]: how often a dealer is asked to learn of it."""

    epsilon: float = setting(0.05, at_least=0, at_most=0.5)
    epsilon_untried: float = setting(0.3, at_least=0, at_most=1)
    epsilon_drop: float = setting(0.01, at_least=0, at_most=0.5)
    quantity_max: Decimal = setting(Decimal(5_000_000), at_least=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoringConfig:
    """The parameter set of every score: part of what makes a projection reproducible."""

    half_life_days: float = setting(30.0, above=0, at_most=3650)
    window_days: int = setting(90, at_least=1, at_most=3650)
    classic: ClassicWeights = setting(ClassicWeights())
    leak: LeakConfig = setting(LeakConfig())
    model: ModelConfig = setting(ModelConfig())
    estimates: EstimatesConfig = setting(EstimatesConfig())
    explore: ExploreConfig = setting(ExploreConfig())

    @property
    def estimate_parameters(self) -> EstimateParameters:
        """What the model's estimates are made with: the half-life of every score, unless they have their own."""
        given = self.estimates
        half_life_days = self.half_life_days if given.half_life_days is None else given.half_life_days
        return EstimateParameters(
            half_life_days=max(1, round(half_life_days)),
            strengths=tuple(each * given.strength for each in _SHIPPED.strengths),
            panel_slope=float(given.panel_slope),
            size_slope=float(given.size_slope),
            window_days=given.window_days,
            q_mean=given.answers,
            f_mean=given.firm,
            edge_level_bps=-given.cost_bps,
            edge_noise_bps=given.edge_noise_bps,
            mark_sd_bps=given.mark_sd_bps,
            leak_in=self.leak.prior_in,
            leak_post=self.leak.prior_post,
            drift_alarms=given.drift_alarms,
        )


def scoring_problems(scoring: ScoringConfig) -> list[tuple[str, str]]:
    """Weights that do not add to exactly 1, as (key, text) pairs."""
    total = sum((weight for _, weight in scoring.classic.percent), Decimal(0)) / 100
    if total == 1:
        return []
    return [("classic", f"expected weights that add to 1, found {total.normalize():f}")]
