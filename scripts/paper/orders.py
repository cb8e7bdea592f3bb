"""What the order system sends: steps read from JSON lines, or orders drawn from a seed.

A step is an object: {"do": "new", "security_id": ..., "side": "buy", "quantity": 1000000, "price": 99.5,
"name": "a", "after_s": 2}, or {"do": "cancel" | "replace" | "status", "of": "a"}. `after_s` waits on the scaled
clock; `name` is how later steps refer to an order. A new order without a price is a market order.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from .prices import Security, draw, to_tick

ACTIONS = ("new", "cancel", "replace", "status")
SIDES = {"buy": "1", "sell": "2", "1": "1", "2": "2"}
SIZES = (250_000, 500_000, 1_000_000, 2_000_000, 5_000_000)
ACCOUNTS = ("CORE", "INCOME", "MUNI")


class ScriptError(Exception):
    """A line of the script is no step."""


@dataclass(frozen=True, slots=True)
class Step:
    """One thing the order system does; empty strings and None are left out of the message."""

    do: str
    after_s: float
    name: str = ""
    of: str = ""
    security_id: str = ""
    side: str = ""
    quantity: Decimal | None = None
    price: Decimal | None = None
    account: str = ""
    time_in_force: str = "0"
    handl_inst: str = "1"
    expire_time: str = ""
    cl_ord_id: str = ""


def read_script(path: Path, interval_s: float) -> list[Step]:
    """The steps of a file of JSON lines; blank lines and lines with # are passed over."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        byte = f"byte {error.object[error.start]:#04x} at offset {error.start}"
        raise ScriptError(f"{path}: expected UTF-8, found {byte}: save it as UTF-8") from None
    return parse_script(((n, line) for n, line in enumerate(lines, 1)), interval_s)


def parse_script(lines: Iterable[tuple[int, str]], interval_s: float) -> list[Step]:
    steps: list[Step] = []
    for number, line in lines:
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        try:
            steps.append(_step(json.loads(line, parse_float=Decimal), interval_s))
        except (ValueError, ArithmeticError, KeyError, TypeError) as error:
            raise ScriptError(f"line {number}: {error}") from error
    return steps


def _step(raw: dict[str, Any], interval_s: float) -> Step:
    known = {field: raw[field] for field in Step.__slots__ if field in raw}
    unknown = sorted(set(raw) - set(known))
    if unknown:
        raise ValueError(f"unknown key {unknown[0]!r}")
    known["do"] = raw.get("do", "new")
    if known["do"] not in ACTIONS:
        raise ValueError(f"'do' is one of {', '.join(ACTIONS)}, found {known['do']!r}")
    if known["do"] == "new":
        known["side"] = SIDES[str(raw["side"]).lower()]
        known["security_id"] = str(raw["security_id"])
    elif not raw.get("of"):
        raise ValueError("'of' names the order")
    for field in ("quantity", "price"):
        if known.get(field) is not None:
            known[field] = Decimal(str(known[field]))
    known["after_s"] = float(raw.get("after_s", interval_s))
    return Step(**known)


def seeded_orders(securities: Mapping[str, Security], seed: int, count: int, interval_s: float) -> list[Step]:
    """`count` new orders: any bond, either side, half of them with a limit a point from the base price."""
    ids = sorted(securities)
    steps: list[Step] = []
    for number in range(1, count + 1) if ids else ():
        dice = draw(seed, "order", number)
        security = securities[dice.choice(ids)]
        side = dice.choice("12")
        limit = to_tick(security.price + (1 if side == "1" else -1)) if dice.random() < 0.5 else None
        steps.append(
            Step(
                "new",
                interval_s * dice.uniform(0.5, 1.5),
                name=f"n{number}",
                security_id=security.security_id,
                side=side,
                quantity=Decimal(dice.choice(SIZES)),
                price=limit,
                account=dice.choice(ACCOUNTS),
            )
        )
    return steps
