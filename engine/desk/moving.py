"""Moves that several events make: an order ends, a count changes, an ask or a round goes on, marks are to follow."""

from __future__ import annotations

from engine.desk.state import DeskState
from engine.desk.state_rows import MarksDue
from engine.domain import moves
from engine.domain.observation import Horizon, horizons
from engine.domain.order import Order, OrderState
from engine.domain.placement import Placement
from engine.domain.rfq import AskState, RfqState
from engine.domain.rows import changed


def end_order(state: DeskState, order: Order, at_ns: int) -> None:
    state.orders.put(order.order_id, changed(order, ended_ns=order.ended_ns or at_ns))


def count(state: DeskState, name: str, by: int = 1) -> None:
    state.counters.put(name, (state.counters.get(name) or 0) + by)


def move_ask(state: DeskState, rfq_id: str, dealer: str, to: AskState, note: str = "", **changes: int) -> None:
    state.rfqs.put(rfq_id, moves.move_ask(state.rfqs[rfq_id], dealer, to, note, **changes))


def free_round(state: DeskState, placement: Placement) -> None:
    """The dealer did not take it: the order and its round may look at the other quotes again."""
    order = state.orders[placement.order_id]
    if order.state is OrderState.placed and state.open_placement(order.order_id) is None:
        state.orders.put(order.order_id, moves.move_order(order, OrderState.asking))
    rfq = state.rfqs[placement.rfq_id]
    if rfq.state is RfqState.placed:
        # Whoever was not asked yet, or has not answered, may still be of use: collecting goes on if there is any.
        state.rfqs.put(rfq.rfq_id, moves.move_round(rfq, RfqState.asking))


def follow(
    state: DeskState, key: str, security_id: str, segment: str, since_ns: int, day_ends: tuple[int, ...]
) -> None:
    """Marks are to follow from `since_ns` on; where no end of a day is known, none are: an older engine took none."""
    if day_ends:
        waiting = sorted(horizons(since_ns, day_ends), key=_due_ns)
        state.marks_due.put(key, MarksDue(security_id, segment, since_ns, tuple(waiting)))


def _due_ns(waiting: tuple[Horizon, int]) -> int:
    return waiting[1]


def keep_due(state: DeskState, key: str, due: MarksDue) -> None:
    if due.over:
        state.marks_due.drop(key)
    else:
        state.marks_due.put(key, due)
