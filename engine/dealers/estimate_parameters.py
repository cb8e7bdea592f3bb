"""What estimates of dealers are made with: one value, of which a table of `scoring.toml` is made."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from engine.dealers import evidence as ev
from engine.dealers.edges import Spreads
from engine.dealers.leak import PRIOR_IN, PRIOR_POST, LeakPrior
from engine.dealers.noise import Noise, Parts
from engine.dealers.rates import Counting
from engine.dealers.widths import Widths

_OWN_LEAST: Final = 0.25
"""Of the square of the noise: what no price's age accounts for."""


@dataclass(frozen=True, slots=True)
class EstimateParameters:
    """What estimates are made with; another set means another object, built aside and swapped in.

    `*_mean` are the desk's priors. `strengths` are asks that a prior is worth, by level: the dealer at large, in the
    asset class, in the segment, for side and size; joined like resistors the shipped ones are worth 10.
    `strength_dealers` is how many dealers it takes to move strengths half the way to what they say.
    `z_spread` is how much the share of the size that is quoted varies, over the variance of all or nothing.

    Slopes are of the logit of answering, by ln(how many are asked / `panel_reference`) and ln(size /
    `size_reference`); the first is estimated, with `panel_slope_sd` as its prior's error. `edge_dealers_bps` and
    `edge_scopes_bps` are the sds of dealers and of whole scopes, by the same levels; `edge_round_bps` that of what all
    quotes of a round have in common beside the mark's error, which is `mark_sd_bps` where the mark does not say. A
    quote scatters by `edge_noise_bps` beside that, in it what a bond moves, `volatility_bps` a day where nobody knows
    it, in `price_age_days` (`noise`). Edges are of a bond of the usual width at a size of `width_reference` of its ADV;
    `width_slope` is the power of the size in a width, before it is estimated; a bond's own width is drawn to the usual
    one by `width_strength` quotes.
    `drift_alarms` is how many false alarms a quarter, of all dealers and measures together, the desk puts up with.
    """

    half_life_days: int = 30
    window_days: int = 365
    rounds_max: int = 100_000
    q_mean: float = 0.6
    f_mean: float = 0.95
    z_mean: float = 0.95
    r_mean: float = 0.15
    strengths: tuple[float, ...] = (20.0, 80.0, 40.0, 80.0)
    strength_dealers: float = 10.0
    z_spread: float = 0.3
    panel_slope: float = -0.3
    panel_slope_sd: float = 0.3
    panel_reference: float = 3.0
    size_slope: float = -0.1
    size_reference: float = 1_000_000.0
    latency_strength: float = 10.0
    edge_level_bps: float = -10.0
    edge_scopes_bps: tuple[float, ...] = (20.0, 10.0, 8.0, 5.0)
    edge_dealers_bps: tuple[float, ...] = (8.0, 2.0, 3.0, 2.0)
    edge_noise_bps: float = 6.0
    price_age_days: float = 0.01
    edge_noise_strength: float = 10.0
    edge_round_bps: float = 5.0
    mark_sd_bps: float = 5.0
    volatility_bps: float = 35.0
    edge_clip_sds: float = 5.0
    width_slope: float = 0.3
    width_reference: float = 0.3
    width_strength: float = 5.0
    reject_move_bps: float = 1.0
    drift_alarms: float = 1.0
    leak_in: LeakPrior = PRIOR_IN
    leak_post: LeakPrior = PRIOR_POST


@dataclass(frozen=True, slots=True)
class Scales:
    """What changes only by a daily event: how rates are counted, how far edges spread, the slope of answering."""

    rates: dict[str, Counting]
    spreads: Spreads
    panel_slope: float
    widths: Widths


def usual_noise(p: EstimateParameters) -> Parts:
    """What a usual dealer's quotes scatter by, before anything was seen: `edge_noise_bps` in all, in a usual bond."""
    old = math.sqrt(p.price_age_days)
    rest = p.edge_noise_bps**2 - (old * p.volatility_bps) ** 2
    return Parts(math.sqrt(max(rest, _OWN_LEAST * p.edge_noise_bps**2)), old)


def scales_before(p: EstimateParameters) -> Scales:
    """Before anything was seen."""
    q, asks, squares = ev.Q_WEIGHT, ev.ASKS, ev.ASKS_SQUARED
    rates = {
        "q": Counting(q, ev.Q_SUM, asks, squares, p.q_mean, p.strengths),
        "f": Counting(ev.F_WEIGHT, ev.F_SUM, ev.F_WEIGHT, ev.F_SQUARED, p.f_mean, p.strengths),
        "z": Counting(ev.Z_WEIGHT, ev.Z_SUM, ev.Z_WEIGHT, ev.Z_SQUARED, p.z_mean, p.strengths, p.z_spread),
        "r": Counting(asks, ev.TRADES, asks, squares, p.r_mean, p.strengths),
    }
    noise = Noise(usual_noise(p))
    spreads = Spreads(
        noise.usual.at(p.volatility_bps),
        p.edge_round_bps,
        p.edge_dealers_bps,
        p.edge_scopes_bps,
        p.edge_level_bps,
        noise,
    )
    return Scales(rates, spreads, p.panel_slope, Widths(p.width_slope, p.width_reference, p.size_reference, {}, {}))
