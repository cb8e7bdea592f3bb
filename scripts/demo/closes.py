"""What the bonds of the paper market were worth at the end of each of the last days: what volatility is made of."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from paper.prices import FairPrices, load_securities

from engine.clock import NS_PER_DAY, iso_timestamp

CLOSES_DAYS: Final = 60
BONDS_MAX: Final = 500
"""Of more bonds nobody waits for the past."""
_CLOSE_NS: Final = 21 * 3_600 * 1_000_000_000


def closing_marks(securities: Path, seed: int, now_ns: int) -> list[dict[str, Any]]:
    """Rows of `marks.put`: the paper market's fair price of each bond on each weekday's evening."""
    bonds = load_securities(securities)
    if len(bonds) > BONDS_MAX:
        return []
    prices, today = FairPrices(bonds, seed), now_ns // NS_PER_DAY
    days = [day for day in range(today - CLOSES_DAYS, today) if (day + 3) % 7 < 5]
    return [
        {"security": security_id, "price": str(prices.fair(security_id, at_ns)), "time": iso_timestamp(at_ns)}
        for security_id in bonds
        for at_ns in (day * NS_PER_DAY + _CLOSE_NS for day in days)
    ]
