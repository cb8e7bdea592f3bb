"""Trades of others in the paper market: the same in every process, from seed, ISIN and day alone.

On a weekday a bond trades as often as its average daily volume asks for, one to a few times for a liquid one and now
and then for another, in round lots around a million, half a spread from fair. A bond of which the file says no volume
never trades.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from decimal import Decimal

from .clock import NS_PER_S
from .prices import BPS, FairPrices, draw, to_tick

NS_PER_DAY = 86_400 * NS_PER_S
LOT = Decimal(1_000_000)
TRADES_A_DAY_MAX = 3
OPENS_S, CLOSES_S = 13 * 3600, 21 * 3600
"""A trading day in UTC: New York's."""


@dataclass(frozen=True, slots=True)
class Print:
    """One trade: when, at what clean price, how much face."""

    utc_ns: int
    price: Decimal
    size: Decimal


class Prints:
    """The trades of a set of securities under one seed."""

    def __init__(self, prices: FairPrices, seed: int, half_spread_bps: Decimal = Decimal(12)) -> None:
        self._prices = prices
        self._seed = seed
        self._half_spread_bps = half_spread_bps

    def between(self, security_id: str, after_ns: int, upto_ns: int) -> list[Print]:
        """Those after the one moment and up to the other, in their order."""
        days = range(after_ns // NS_PER_DAY, upto_ns // NS_PER_DAY + 1)
        trades = [trade for day in days for trade in self._of_day(security_id, day)]
        return [trade for trade in trades if after_ns < trade.utc_ns <= upto_ns]

    def _of_day(self, security_id: str, day: int) -> list[Print]:
        adv = self._prices.securities[security_id].adv
        if not adv or (day + 3) % 7 >= 5:
            return []
        size = max(LOT, (adv / TRADES_A_DAY_MAX / LOT).to_integral_value() * LOT)
        dice = draw(self._seed, "prints", security_id, day)
        trades = []
        for _ in range(_poisson(dice, float(adv / size))):
            utc_ns = day * NS_PER_DAY + dice.randrange(OPENS_S * 1_000, CLOSES_S * 1_000) * (NS_PER_S // 1_000)
            fair = self._prices.fair(security_id, utc_ns)
            assert fair is not None, "only known securities are asked for"
            side = dice.choice((-1, 1))
            trades.append(Print(utc_ns, to_tick(fair * (1 + side * self._half_spread_bps * BPS)), size))
        return sorted(trades, key=lambda trade: trade.utc_ns)


def _poisson(dice: random.Random, mean: float) -> int:
    """How often something happens that happens `mean` times on average."""
    count, left = 0, dice.random()
    limit = math.exp(-mean)
    while left > limit:
        count += 1
        left *= dice.random()
    return count
