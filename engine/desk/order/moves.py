"""The moves an order can make, and what FIX calls each place.

One table; a move that is not in it is our bug and raises.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Final

from engine.domain.order import Order, OrderState

_S = OrderState

# What the order does -> from where it may do it. Fills may come in any state: a dealer's word is booked.
MOVES: Final[Mapping[OrderState, frozenset[OrderState]]] = {
    _S.with_trader: frozenset({_S.with_trader, _S.asking, _S.placed}),
    _S.asking: frozenset({_S.with_trader, _S.placed}),
    _S.placed: frozenset({_S.asking}),
    _S.filled: frozenset(_S),
    _S.canceled: frozenset({_S.with_trader, _S.asking, _S.placed}),
    _S.expired: frozenset({_S.with_trader, _S.asking, _S.placed}),
}


def move(order: Order, to: OrderState, note: str = "") -> Order:
    """The order in its new state. Raises ValueError for a move that the table does not know."""
    if order.state not in MOVES[to]:
        raise ValueError(f"order {order.order_id}: no move from {order.state} to {to}")
    return replace(order, state=to, note=note)


def with_fill(order: Order, quantity: Decimal, price: Decimal) -> Order:
    """The order after one more fill; `filled` once nothing is left."""
    filled = order.filled + quantity
    after = replace(order, filled=filled, filled_value=order.filled_value + quantity * price)
    if filled >= order.terms.quantity:
        return replace(after, state=OrderState.filled, note="")
    return after


def ord_status(order: Order) -> str:
    """OrdStatus(39) as the OMS sees the order (FIX 4.4 Vol 4, OrdStatus precedence)."""
    if order.state is OrderState.filled:
        return "2"
    if order.state is OrderState.canceled:
        return "4"
    if order.state is OrderState.expired:
        return "C"
    if order.cancel_cl_ord_id:
        return "6"
    return "1" if order.filled else "0"
