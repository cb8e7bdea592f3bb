"""The answer everybody gives to an order: what it says, and which fields of the order it takes up."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

OURS: Final = "BROKER"
THEIRS: Final = "TRADER"
BEGIN_STRING: Final = "FIX.4.4"


def answer_fields(get: Callable[[int], str], number: int, transact_time: str) -> list[tuple[int, str]]:
    """The body of an ExecutionReport(8), 150=0: `get` reads the order's fields."""
    quantity = get(38)
    return [
        (37, f"O{number:06d}"),
        (11, get(11)),
        (17, f"X{number:06d}"),
        (150, "0"),
        (39, "0"),
        (1, get(1)),
        (55, get(55)),
        (48, get(48)),
        (22, get(22)),
        (54, get(54)),
        (38, quantity),
        (40, get(40)),
        (44, get(44)),
        (59, get(59)),
        (15, get(15)),
        (151, quantity),
        (14, "0"),
        (6, "0"),
        (60, transact_time),
    ]
