"""What the OMS sends in the demonstration, as steps of the paper OMS, and what the trader enters himself."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from engine.domain.instrument import AssetClass, Security

Step = dict[str, Any]


@dataclass(frozen=True, slots=True)
class TraderOrder:
    """An order that a trader enters: it exists on the drop copy only."""

    security_id: str
    side: str
    quantity: int
    account: str


@dataclass(frozen=True, slots=True)
class Day:
    """The steps of the OMS, the trader's own orders, and the ClOrdIDs that must be refused."""

    steps: tuple[Step, ...]
    own: tuple[TraderOrder, ...]
    refused: tuple[str, ...]
    cancelled: tuple[str, ...]


def _new(name: str, security_id: str, side: str, quantity: int, **more: Any) -> Step:
    return {
        "do": "new",
        "name": name,
        "cl_ord_id": f"DAY-{name}",
        "security_id": security_id,
        "side": side,
        "quantity": quantity,
        **more,
    }


def sample_day(interval_s: float) -> Day:
    """Orders in the shipped sample bonds that take every mode of asking and every kind of end."""
    steps = [
        _new("liquid-1", "US99B001AB35", "buy", 400_000, account="CORE"),
        _new("liquid-2", "US99H007AH14", "buy", 300_000, account="CORE"),
        _new("agency", "US99T071AH44", "sell", 450_000, account="CORE"),
        _new("issuer-history", "US99K010AC26", "buy", 250_000, account="INCOME"),
        _new("round-lot", "US99H007AH14", "buy", 1_200_000, account="INCOME"),
        _new("large-for-volume", "US99I008AA34", "buy", 1_000_000, account="CORE", price=106),
        _new("large-high-yield", "US99G032AA53", "buy", 6_000_000, account="HIGHYIELD"),
        _new("unknown-bond", "US0000000000", "buy", 1_000_000, account="CORE"),
        _new("negative-size", "US99B001AB35", "buy", -5, account="CORE"),
        _new("unrated-muni", "US99Q068AE06", "buy", 2_500_000, account="MUNI"),
        _new("rated-muni", "US99X049AB82", "sell", 500_000, account="MUNI"),
        _new("by-hand", "US99V021AF01", "buy", 500_000, account="CORE", handl_inst="3"),
        _new("euro-without-rate", "XS9900000225", "buy", 500_000, account="CORE"),
        _new("liquid-3", "US99E004AE82", "buy", 350_000, account="CORE"),
        _new("liquid-4", "US99O014AG12", "sell", 200_000, account="INCOME"),
        _new("changed-mind", "US99R017AB25", "sell", 900_000, account="CORE"),
        {"do": "cancel", "of": "changed-mind", "after_s": 4},
        _new("whisper-sale", "US99L011AD71", "sell", 12_000_000, account="INCOME"),
        _new("liquid-5", "US99P015AH58", "buy", 450_000, account="CORE"),
    ]
    return Day(
        tuple({"after_s": interval_s, **step} for step in steps),
        (TraderOrder("US99A026AC94", "buy", 600_000, "INCOME"), TraderOrder("US99N039AH71", "sell", 150_000, "CORE")),
        ("DAY-unknown-bond", "DAY-negative-size"),
        ("DAY-changed-mind",),
    )


def drawn_day(bonds: Sequence[Security], seed: int, interval_s: float, count: int = 12) -> Day:
    """Orders drawn from other bonds: those with a price, in the base currency, sizes as they are traded."""
    rng = random.Random(seed)
    usable = [bond for bond in bonds if bond.price is not None and bond.currency == "USD"]
    if not usable:
        return Day((), (), (), ())
    sizes = {
        AssetClass.MUNICIPAL: (50_000, 100_000, 250_000, 2_500_000),
    }
    steps: list[Step] = []
    for number in range(1, count + 1):
        bond = rng.choice(usable)
        size = rng.choice(sizes.get(bond.asset_class, (200_000, 500_000, 1_000_000, 2_000_000, 6_000_000, 12_000_000)))
        side = rng.choice(("buy", "sell"))
        more: Step = {}
        if rng.random() < 0.4 and bond.price is not None:
            room = Decimal("1.02") if side == "buy" else Decimal("0.98")
            more["price"] = str((bond.price * room).quantize(Decimal("0.001")))
        steps.append(_new(f"{number:02d}", bond.security_id, side, size, account="CORE", **more))
    own = rng.choice(usable)
    return Day(
        tuple({"after_s": interval_s, **step} for step in steps),
        (TraderOrder(own.security_id, "buy", 100_000, "CORE"),),
        (),
        (),
    )
