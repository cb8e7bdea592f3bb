"""A dealer's advertised interest in a bond: what it wants to buy or sell, how much, until when."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from engine.domain.order import Side
from engine.domain.rows import row


class AxeSize(StrEnum):
    """IOIQty(27) in words, where the dealer gives no number."""

    small = "small"
    medium = "medium"
    large = "large"


class AxeQuality(StrEnum):
    """IOIQltyInd(25)."""

    low = "low"
    medium = "medium"
    high = "high"


@row
@dataclass(frozen=True, slots=True)
class Axe:
    """One interest of one dealer. `axe_id` is the dealer's own word for it, IOIid(23).

    `side` is what the dealer wants to do: its `sell` is of use to a desk that buys. `quantity` is face amount, None
    where the dealer says a `size` or nothing; `price` clean percent of par. It lives until `until_ns`. `source` is the
    session it came over, or the feed that delivered it.
    """

    dealer: str
    axe_id: str
    security_id: str
    side: Side
    quantity: Decimal | None
    size: AxeSize | None
    price: Decimal | None
    quality: AxeQuality | None
    since_ns: int
    until_ns: int
    source: str

    @property
    def desk_side(self) -> Side:
        """The side of the orders that it is of use to."""
        return Side.buy if self.side is Side.sell else Side.sell


@row
@dataclass(frozen=True, slots=True)
class Axes:
    """The interests of one dealer in one bond, oldest first; those that have ended go when the next one comes."""

    dealer: str
    security_id: str
    axes: tuple[Axe, ...]

    def live(self, now_ns: int) -> tuple[Axe, ...]:
        return tuple(axe for axe in self.axes if now_ns < axe.until_ns)
