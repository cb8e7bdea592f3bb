"""How large an amount of an order is to limits: they are in the base currency, whatever the bond is in.

A limit is held against the rate of its own moment: of the request, of the acceptance. Without a rate, or by one that is
too old, nobody knows how large an order is, and no limit can be kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from engine.desk.draft import Draft
from engine.domain.exchange import RateUsed, converted
from engine.domain.order import Order
from engine.market.rates import NoRate


@dataclass(frozen=True, slots=True)
class Size:
    """An amount of a bond's currency, and what it is in the base currency."""

    quantity: Decimal
    base: Decimal
    rate: RateUsed | None = None
    base_currency: str = ""

    @property
    def words(self) -> str:
        """With the rate, where it is of another currency. Made for whoever is told: hardly any size is."""
        if self.rate is None:
            return f"{self.quantity:,}"
        worth = f"{self.base:,} {self.base_currency} at {self.rate.words}"
        return f"{self.quantity:,} {self.rate.currency} ({worth})"


def size_of(draft: Draft, order: Order, quantity: Decimal) -> Size | NoRate:
    """The size of so much face of an order's bond."""
    rate = draft.rate_of(order.terms.currency)
    if isinstance(rate, NoRate):
        return rate
    if rate is None:
        return Size(quantity, quantity)
    return Size(quantity, converted(quantity, rate.worth), rate, draft.desk.base_currency)


def rate_or_none(draft: Draft, currency: str) -> RateUsed | None:
    """The rate that an event keeps beside what was decided by it; None of the base currency, or where there is none."""
    rate = draft.rate_of(currency)
    return None if isinstance(rate, NoRate) else rate
