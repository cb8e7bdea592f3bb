"""What it costs not to trade: how much worse an order was filled later, after a round that left all of it open.

A round that ends without a trade puts the order off; when a later round of the same order fills, that price against the
mark at the end of the first is what failing has cost, in bps, positive is a cost. Orders that never trade again tell
nothing: nobody knows at which price they would have.

    C_fail = (strength x prior + sum of weight x cost) / (strength + sum of weights)

Weights halve per half-life, by whole days; a cost is clipped at a bound, so that one wild price moves it by little.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from engine.dealers.outlook import Measure

_Z90: Final = 1.6448536269514722
WAITING_MAX: Final = 4_096
"""Orders whose first round failed and that may trade yet; the oldest is forgotten first."""


@dataclass(frozen=True, slots=True)
class FailingParameters:
    """`prior_bps` is what failing is taken to cost before anything was seen, worth `strength` observations."""

    prior_bps: float = 20.0
    strength: float = 10.0
    sd_bps: float = 25.0
    """What one order's cost scatters by, before enough were seen to say."""
    half_life_days: int = 90
    clip_bps: float = 150.0


class Failing:
    """Orders that were put off, and what came of it."""

    __slots__ = ("_costs", "_day", "_open", "_squared_costs", "_squares", "_weights", "parameters")

    def __init__(self, parameters: FailingParameters | None = None) -> None:
        self.parameters = FailingParameters() if parameters is None else parameters
        self._open: dict[str, tuple[int, float]] = {}
        """By order, the side's sign and the mark when its first round failed."""
        self._day = 0
        self._weights = self._squares = self._costs = self._squared_costs = 0.0

    def failed(self, order: str, sign: int, mark: float) -> None:
        """A round of the order ended, and nothing of it was traded. Only the first such round counts."""
        if order not in self._open:
            while len(self._open) >= WAITING_MAX:
                del self._open[next(iter(self._open))]
            self._open[order] = (sign, mark)

    def traded(self, order: str, price: float, day: int) -> None:
        """A later round of the order was filled; of an order that never failed, nothing is learnt."""
        put_off = self._open.pop(order, None)
        if put_off is None:
            return
        sign, mark = put_off
        clip = self.parameters.clip_bps
        self._pass(day)
        cost = min(max(sign * (price - mark) / mark * 1e4, -clip), clip)
        self._weights += 1.0
        self._squares += 1.0
        self._costs += cost
        self._squared_costs += cost * cost

    def measure(self, prior_bps: float | None = None) -> Measure:
        """C_fail, in bps; `prior_bps` in place of the parameters' own."""
        p = self.parameters
        total = p.strength + self._weights
        mean = (p.strength * (p.prior_bps if prior_bps is None else prior_bps) + self._costs) / total
        # What is scattered around the estimate, drawn to the prior's own scatter.
        around = self._squared_costs - 2 * mean * self._costs + self._weights * mean * mean
        variance = (p.strength * p.sd_bps**2 + max(around, 0.0)) / total
        sd = math.sqrt(variance / total)
        n_eff = self._weights**2 / self._squares if self._squares > 0 else 0.0
        return Measure(mean, sd, mean - _Z90 * sd, mean + _Z90 * sd, n_eff)

    def _pass(self, day: int) -> None:
        if day > self._day:
            factor = 0.5 ** ((day - self._day) / self.parameters.half_life_days) if self._day else 1.0
            self._weights *= factor
            self._squares *= factor * factor
            self._costs *= factor
            self._squared_costs *= factor
            self._day = day
