"""What the record says of an order when it was decided, in place of what can be made of the journal's tape.

A decision keeps every value that its rules and protections read, and an order what was looked up as it came. The tape
keeps less: of the prices of one commit the last one, and of all of them only so many. So a book that decides again
reads what was read then, and only what nobody looked at then is made anew.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any, Final

from engine.desk.fields import OrderSubject
from engine.domain.order import MarkUsed, Order
from engine.domain.recommendation import Recommendation
from engine.market.appraisal import FILE_WINDOW_DAYS
from engine.rules import Book
from engine.rules.program import read_back
from engine.rules.resolved import Slot
from engine.rules.signature import Catalogue, Field

_Key = tuple[str, int | None]

_BY_SIZE: Final = frozenset({"quantity", "notional", "market_value", "expected_impact", "expected_cost"})
"""Fields that say another thing of the whole exposure than of the order alone."""


class FactsThen:
    """The facts of one moment, read by every book whose catalogue was put `over` these. Empty: as things stand."""

    def __init__(self) -> None:
        self._own: Mapping[_Key, Any] = {}
        self._whole: Mapping[_Key, Any] = {}
        self._quantity: Decimal | None = None
        self.mark: MarkUsed | None = None
        """The order's own, where the record has it."""
        self.has_mark = False
        """Does the record say what the mark was, be it that there was none?"""

    def over(self, known: Catalogue) -> Catalogue:
        """The same catalogue, its fields of the order read from here where the record has them."""
        fields = {name: replace(each, getter=self._read(each)) for name, each in known.order_fields.items()}
        return replace(known, order_fields=fields)

    def forget(self) -> None:
        self._own, self._whole, self._quantity = {}, {}, None
        self.mark, self.has_mark = None, False

    def recall(self, order: Order, at_ns: int, made: Recommendation, book: Book | None, base_currency: str) -> None:
        """What the record says of the order as `made` was decided, by `book` if its text is still at hand."""
        own: dict[_Key, Any] = {}
        whole: dict[_Key, Any] = {}
        self._quantity = order.terms.quantity
        self.mark, self.has_mark = None, False
        if at_ns == order.received_ns:
            own |= _as_it_came(order, base_currency)
            self.mark, self.has_mark = order.arrival, True
        if book is not None:
            own |= _read(book.slots, made.read or {})
            whole |= _read(book.protection_slots, made.exposure or {})
        expected = made.selection.expected if made.selection is not None else None
        if expected is not None:
            self.mark, self.has_mark = expected.mark, True
        shared = {key: value for key, value in {**whole, **own}.items() if key[0] not in _BY_SIZE}
        self._own, self._whole = {**shared, **own}, {**shared, **whole}

    def _read(self, known: Field) -> Callable[..., Any]:
        name, getter = known.name, known.getter

        def told(subject: OrderSubject, window_days: int | None = None) -> Any:
            values = self._own if subject.quantity == self._quantity else self._whole
            key = (name, window_days)
            if key in values:
                return values[key]
            return getter(subject) if window_days is None else getter(subject, window_days)

        return told


def _read(slots: tuple[Slot, ...], kept: Mapping[str, Any]) -> dict[_Key, Any]:
    """By field and window. Money and sizes are made anew: they follow from the order and the rate, to the digit."""
    values = read_back(slots, kept)
    return {
        (slot.field.name, slot.window_days): value
        for slot, value in zip(slots, values, strict=True)
        if slot.shown in kept and slot.field.name not in ("quantity", "notional")
    }


def _as_it_came(order: Order, base_currency: str) -> dict[_Key, Any]:
    """What was looked up of the bond in the turn that took the order."""
    facts = order.facts
    found: dict[_Key, Any] = {
        ("liquidity_score", None): facts.liquidity_score,
        ("days_since_trade", None): facts.days_since_trade,
        ("volatility", None): facts.volatility_bps,
        ("expected_impact", None): facts.impact_bps,
        ("expected_cost", None): facts.cost_bps,
        ("fair", None): None if order.arrival is None else order.arrival.price,
    }
    adv, rate = facts.adv_30d, facts.rate
    if adv is not None and order.terms.currency != base_currency:
        adv = None if rate is None else adv * rate.worth
    return {**found, ("adv", FILE_WINDOW_DAYS): adv}
