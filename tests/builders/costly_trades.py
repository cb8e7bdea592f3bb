"""Trades that cost what a planted law says they do, as rounds of one dealer."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal

import numpy as np
from seen_rounds import SIZE, asked, seen

from engine.domain.observation import BondSeen, RoundSeen, RoundTold, Taken
from engine.domain.order import MarkUsed, Side
from engine.domain.rows import changed
from engine.market.calendars import utc_date
from engine.market.impact import ImpactParameters
from engine.research.impact import law_bps


def costly(
    seed: int, count: int, law: ImpactParameters, days: int = 120, noise_bps: float = 8.0, ages: bool = True
) -> Iterator[tuple[RoundTold, date | None]]:
    """Each costs half a spread, its impact, and what a day and a quote scatter by; one in fifty is a slip.

    With it when its bond was issued, where bonds have `ages`.
    """
    rng = np.random.default_rng(seed)
    day = 20_000 + np.sort(rng.integers(0, days, count))
    adv, quantity = np.exp(rng.normal(np.log(8e6), 1.2, count)), np.exp(rng.normal(np.log(1.5e6), 1.0, count))
    columns = np.array([
        day, np.zeros(count), quantity, quantity / adv, np.exp(rng.normal(np.log(35.0), 0.4, count)),
        rng.uniform(0, 10, count) * ages, rng.uniform(size=count) < 0.3, rng.uniform(size=count) < 0.5,
    ], dtype=np.float64)  # fmt: skip
    costs = 5.0 + 4.0 * columns[6] + law_bps(columns, law) + rng.normal(0, noise_bps, count)
    columns[1] = costs + rng.normal(0, 4.0, days)[day - 20_000] + 300.0 * (rng.uniform(size=count) < 0.02)
    for at, row in enumerate(columns.T.tolist()):
        one = trade(row[1], row[2] / row[3], row[2], row[4], bool(row[6]), bool(row[7]), f"Q-{at}")
        sent_ns = round((row[0] + 0.6) * 86_400e9) + at * 1_000_000
        issued = utc_date((int(row[0]) - round(row[5] * 365.25)) * 86_400 * 10**9) if ages else None
        yield RoundTold(changed(one, sent_ns=sent_ns, closed_ns=sent_ns + 60 * 10**9)), issued


def trade(
    cost_bps: float,
    adv: float,
    quantity: float,
    volatility_bps: float,
    is_high_yield: bool = False,
    is_sale: bool = False,
    name: str = "Q",
) -> RoundSeen:
    """One of them."""
    price = Decimal(repr(round(100.0 * (1 + (-1 if is_sale else 1) * cost_bps / 1e4), 9)))
    ask = asked(
        "ash", 0.6, 0.0, taken=Taken.filled, filled=SIZE, fill_price=price,
        mark_sent=MarkUsed(Decimal(100), "made", 0, "firm", 3.0),
    )  # fmt: skip
    return seen(
        name,
        [ask],
        0.6,
        quantity=Decimal(round(quantity)),
        adv=Decimal(round(adv)),
        volatility_bps=volatility_bps,
        side=Side.sell if is_sale else Side.buy,
        bond=BondSeen("B", "Acme", "corporate", rating="BB" if is_high_yield else "A"),
    )
