"""What the OMS of a run sends: orders in any bond, some of them replaced or canceled while they are worked on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

from paper.orders import seeded_orders
from paper.prices import Security, draw

LOT = Decimal(50_000)
CHANGED_BY = (Decimal("0.4"), Decimal("0.7"), Decimal("1.5"), Decimal(2))
SOON_S, LATE_S = 2.0, 150.0
"""When an order is changed, after it was sent: while dealers are asked, at one of them, or in part or wholly done."""

Step = dict[str, Any]


def steps(
    securities: Mapping[str, Security], seed: int, count: int, interval_s: float, *, replaces: float, cancels: float
) -> list[Step]:
    """`count` orders as the paper OMS draws them, and what becomes of these shares of them, each at its own time."""
    timed: list[tuple[float, Step]] = []
    now_s = 0.0
    for number, order in enumerate(seeded_orders(securities, seed, count, interval_s), 1):
        now_s += order.after_s
        assert order.quantity is not None
        new: Step = {"do": "new", "name": order.name, "security_id": order.security_id, "side": order.side}
        new |= {"quantity": str(order.quantity), "account": order.account}
        timed.append((now_s, new | ({} if order.price is None else {"price": str(order.price)})))
        dice = draw(seed, "change", number)
        often = dice.choice((1, 1, 2)) if dice.random() < replaces else 0
        quantity, at_s = order.quantity, now_s
        for _ in range(often):
            at_s += dice.uniform(SOON_S, LATE_S)
            lots = quantity * dice.choice(CHANGED_BY) // LOT
            quantity = max(lots, Decimal(1)) * LOT
            timed.append((at_s, {"do": "replace", "of": order.name, "quantity": str(quantity)}))
        if dice.random() < cancels:
            at_s += dice.uniform(SOON_S, LATE_S)
            timed.append((at_s, {"do": "cancel", "of": order.name}))
    timed.sort(key=lambda each: each[0])
    waits = [after - before for (before, _), (after, _) in zip([(0.0, {}), *timed], timed, strict=False)]
    return [step | {"after_s": round(wait_s, 3)} for wait_s, (_, step) in zip(waits, timed, strict=True)]


def write(path: Path, script: list[Step]) -> None:
    path.write_text("".join(json.dumps(step) + "\n" for step in script), encoding="utf-8")
