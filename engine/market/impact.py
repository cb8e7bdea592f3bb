"""What an order is expected to cost before anybody is asked: half a spread, and what its own size moves.

    impact = Y x sigma x (quantity / ADV) ^ 1/2         sigma: sd of a day's change of price, in bps

The square-root law is a prior: its evidence is from equities and futures, and a bond that hardly trades is far outside
the range it was found in. So Y is a parameter with a wide prior of its own, the result never exceeds a cap (what the
dearest orders of a desk cost), and every value comes with a 90 % interval. What a desk's own trades say of Y, the cap,
the powers and of what else moves a price, `rfqctl calibrate` finds (`ImpactParameters`).

Reference: B. Toth et al., "Anomalous Price Impact and the Critical Nature of Liquidity in Financial Markets", 2011.
Example: Y 0.5, sigma 35 bps, 10mm of a bond of which 5mm trade a day: 24.7 bps.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

VOLATILITY_BPS: Final = 35.0
"""The volatility of a usual bond: at that its power makes no difference."""
SIZE: Final = 1_000_000.0
"""The usual size, face amount: at that its power makes no difference."""

_Z90: Final = 1.6449
"""Half the width of a 90 % interval, in standard deviations."""


@dataclass(frozen=True, slots=True)
class ImpactParameters:
    """`y_ln_sd` is the standard deviation of ln Y: 0.7 is a factor of three either way at 90 %.

        impact = y x sigma x (quantity / ADV) ^ power x (quantity / 1mm) ^ size_power
                 x (sigma / 35) ^ (volatility_power - 1) x (1 + years since issue) ^ age_power
                 x exp(high_yield, if rated below BBB-) x exp(sell, of a sale)

    at most `cap_bps`. What is not known of a bond makes no difference.
    """

    y: float = 0.5
    y_ln_sd: float = 0.7
    cap_bps: float = 150.0
    power: float = 0.5
    size_power: float = 0.0
    volatility_power: float = 1.0
    age_power: float = 0.0
    high_yield: float = 0.0
    sell: float = 0.0


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What moves a price beside size and volume; None is not known."""

    is_sale: bool | None = None
    is_high_yield: bool | None = None
    age_years: float | None = None


UNKNOWN: Final = Circumstances()


@dataclass(frozen=True, slots=True)
class Expected:
    """A cost in bps of the price, positive is worse, with its 90 % interval."""

    bps: float
    low_bps: float
    high_bps: float


@dataclass(frozen=True, slots=True)
class ExpectedCost:
    """What it is made of: half the distance of bid and offer, and the impact."""

    half_spread_bps: float
    impact: Expected

    @property
    def total(self) -> Expected:
        half = self.half_spread_bps
        return Expected(half + self.impact.bps, half + self.impact.low_bps, half + self.impact.high_bps)


def expected_impact(
    quantity: Decimal,
    adv: Decimal | None,
    volatility_bps: float | None,
    parameters: ImpactParameters,
    volatility_ln_sd: float = 0.0,
    circumstances: Circumstances = UNKNOWN,
) -> Expected | None:
    """By the law of the parameters, capped; None where the bond's ADV or volatility is unknown.

    An ADV of zero is known: any size is out of range, and the cap is what can be said. `volatility_ln_sd` is the
    standard error of ln sigma.
    """
    if adv is None or volatility_bps is None:
        return None
    cap = parameters.cap_bps
    factor = math.exp(_Z90 * math.hypot(parameters.y_ln_sd, volatility_ln_sd))
    if adv <= 0:
        return Expected(cap, cap / factor, cap)
    bps = _law(float(quantity), float(quantity / adv), volatility_bps, parameters, circumstances)
    return Expected(min(bps, cap), min(bps / factor, cap), min(bps * factor, cap))


def _law(quantity: float, of_adv: float, volatility_bps: float, p: ImpactParameters, known: Circumstances) -> float:
    if volatility_bps <= 0.0 or quantity <= 0.0:
        return 0.0
    bps: float = p.y * volatility_bps * of_adv**p.power
    logs = p.size_power * math.log(quantity / SIZE)
    logs += (p.volatility_power - 1.0) * math.log(volatility_bps / VOLATILITY_BPS)
    logs += p.age_power * math.log1p(max(0.0, known.age_years or 0.0))
    logs += p.high_yield * (known.is_high_yield is True) + p.sell * (known.is_sale is True)
    # No law of powers is believed so far out that it overflows: the cap is far below.
    return bps * math.exp(min(logs, 50.0)) if logs else bps


def expected_cost(half_spread_bps: float | None, impact: Expected | None) -> ExpectedCost | None:
    """None where one of its parts is unknown."""
    if half_spread_bps is None or impact is None:
        return None
    return ExpectedCost(half_spread_bps, impact)
