"""When each open thing must be looked at again: derived from the state, so that no restart loses a timer.

Times are UTC nanoseconds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from engine.desk.aftermath import GRACE_NS
from engine.desk.round.lifecycle import next_deadline_ns
from engine.desk.setting import RfqClocks
from engine.desk.state import DeskState
from engine.domain.keys import Timer, TimerKind
from engine.domain.order import OrderState

_RECHECK_NS: Final = 5 * 1_000_000_000


def deadline_of(
    state: DeskState, key: Timer, clocks: RfqClocks, session_up: Callable[[str], bool], now_ns: int
) -> int | None:
    """The next time this key wants to be looked at; None while nothing but an input can move it."""
    kind, ident = key
    if kind is TimerKind.rfq:
        rfq = state.rfqs.get(ident)
        return next_deadline_ns(rfq) if rfq is not None else None
    if kind is TimerKind.placement:
        placement = state.placements.get(ident)
        if placement is None or not placement.unanswered or placement.person_needed:
            return None
        if not session_up(placement.session):
            return None
        return max(placement.sent_ns, placement.status_asked_ns) + clocks.undelivered_ask_ns
    if kind is TimerKind.order:
        order = state.orders.get(ident)
        waits = order is None or not order.open or order.state is OrderState.placed
        return None if order is None or waits else order.terms.expire_ns
    pending = state.reversions.get(ident)
    if pending is None or pending.done:
        return None
    if now_ns < pending.due_ns:
        return pending.due_ns
    return min(now_ns + _RECHECK_NS, max(now_ns, pending.due_ns + GRACE_NS))


def open_keys(state: DeskState) -> Iterator[Timer]:
    """Everything that may have a deadline, for a process that has just taken the state over."""
    yield from (Timer(TimerKind.rfq, rfq.rfq_id) for rfq in state.open_rounds())
    yield from (Timer(TimerKind.placement, p.placement_id) for p in state.unanswered())
    yield from (Timer(TimerKind.order, order.order_id) for order in state.open_orders())
    yield from (Timer(TimerKind.reversion, p.exec_id) for p in state.pending_reversions())
