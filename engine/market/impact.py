"""What an order is expected to cost before anybody is asked: half a spread, and what its own size moves.

    impact = Y x sigma x sqrt(quantity / ADV)        sigma: sd of a day's change of price, in bps

The square-root law is a prior: its evidence is from equities and futures, and a bond that hardly trades is far outside
the range it was found in. So Y is a parameter with a wide prior of its own, the result never exceeds a cap (what the
dearest orders of a desk cost), and every value comes with a 90 % interval. `calibrate` is to find Y and the cap.

Reference: B. Toth et al., "Anomalous Price Impact and the Critical Nature of Liquidity in Financial Markets", 2011.
Example: Y 0.5, sigma 35 bps, 10mm of a bond of which 5mm trade a day: 24.7 bps.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

_Z90: Final = 1.6449
"""Half the width of a 90 % interval, in standard deviations."""


@dataclass(frozen=True, slots=True)
class ImpactParameters:
    """`y_ln_sd` is the standard deviation of ln Y: 0.7 is a factor of three either way at 90 %."""

    y: float = 0.5
    y_ln_sd: float = 0.7
    cap_bps: float = 150.0


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
) -> Expected | None:
    """By the square-root law, capped; None where the bond's ADV or volatility is unknown.

    An ADV of zero is known: any size is out of range, and the cap is what can be said. `volatility_ln_sd` is the
    standard error of ln sigma.
    """
    if adv is None or volatility_bps is None:
        return None
    cap = parameters.cap_bps
    factor = math.exp(_Z90 * math.hypot(parameters.y_ln_sd, volatility_ln_sd))
    if adv <= 0:
        return Expected(cap, cap / factor, cap)
    bps = parameters.y * volatility_bps * math.sqrt(quantity / adv)
    return Expected(min(bps, cap), min(bps / factor, cap), min(bps * factor, cap))


def expected_cost(half_spread_bps: float | None, impact: Expected | None) -> ExpectedCost | None:
    """None where one of its parts is unknown."""
    if half_spread_bps is None or impact is None:
        return None
    return ExpectedCost(half_spread_bps, impact)
