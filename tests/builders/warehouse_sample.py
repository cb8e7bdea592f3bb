"""A day of a desk that trades with three dealers, for pages that show what can be asked of a warehouse.

Ash answers nearly always and quotes well, beech is slow and wide, cedar quotes best and often says no at last look. One
trade is corrected afterwards and one is taken back.
"""

from __future__ import annotations

import random
from decimal import Decimal

from desk_scene import BOND, MM, Scene, scene

from engine.domain.messages import DealerWord
from engine.domain.order import OrderState, Side

ORDERS = 40


def sample_day() -> Scene:
    rng = random.Random(7)
    day = scene()
    traded: list[str] = []
    name: dict[str, str] = {}
    """Of a trade, at its dealer."""
    middle = 100.0
    for number in range(ORDERS):
        middle += rng.gauss(0.0, 0.02)
        day.price(BOND, f"{middle:.3f}")
        side = rng.choice(("buy", "sell"))
        order_id = day.order(BOND, side, MM + number * 1_000, account="PARALLEL")
        worse = 1 if side == "buy" else -1
        for dealer, answers, wait_s, bps in (("ash", 0.95, 3, 1.0), ("cedar", 0.8, 4, 0.0), ("beech", 0.6, 15, 3.0)):
            day.advance(wait_s + rng.random())
            if rng.random() < answers:
                price = middle * (1.0 + worse * (bps + rng.gauss(0.0, 1.5)) / 1e4)
                day.says(dealer, f"{price:.3f}", order_id)
            else:
                day.declines(dealer, order_id, "no inventory")
        day.command("execute", order=order_id)
        day.advance(1)
        if day.the(order_id).state is OrderState.placed:
            if day.placement(order_id).dealer == "cedar" and rng.random() < 0.4:
                day.rejects(order_id)
            else:
                name[order_id] = f"E{number}"
                day.fills(order_id, exec_id=name[order_id])
                traded.append(order_id)
        day.advance(120)
    first, second = traded[3], traded[8]
    better = Decimal("0.05") if day.the(first).terms.side is Side.sell else -Decimal("0.05")
    corrected = {
        "exec_id": "C1",
        "last_quantity": day.placement(first).quantity,
        "last_price": day.placement(first).price + better,
        "text": "typed wrong",
    }
    day.reports_of(first, DealerWord.corrected, refers_to=name[first], cum_quantity=None, **corrected)
    day.reports_of(second, DealerWord.trade_canceled, refers_to=name[second], exec_id="C2", text="not our bond")
    day.advance(8 * 3_600)
    return day
