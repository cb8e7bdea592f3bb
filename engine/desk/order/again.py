"""Orders that wait are looked at again: a session is up, a kill switch off, a pause over, a rate there.

There may be thousands, each as much work as a new order: a turn looks at so many, and a timer goes on with the rest,
so that whatever else comes is handled in between.
"""

from __future__ import annotations

from typing import Final

from engine.desk.draft import Draft
from engine.desk.gate.size import rate_or_none
from engine.desk.order.intake import unsized, work
from engine.desk.order.waiting import await_sessions
from engine.desk.recommend import recommend
from engine.domain import events as e
from engine.domain.keys import Timer, TimerKind
from engine.domain.order import Order, OrderState

LOOKED_AT_ONCE: Final = 20
"""Orders that one turn looks at: some 20 ms at worst."""


def somebody_came_up(draft: Draft) -> None:
    """A dealer that could not be asked may be asked now."""
    _look_at(draft, 1)


def rates_came(draft: Draft) -> None:
    """There are other rates: the size of some orders can be told now."""
    if _sized(draft):
        _look_at(draft, 1)


def look_on(draft: Draft) -> None:
    """Look at those that were left."""
    if next_number := draft.state.to_look_at():
        _look_at(draft, next_number)


def _look_at(draft: Draft, number: int) -> None:
    """The orders from this number on, as many as are looked at at once; the rest is left to the timer."""
    left, looked, sized = 0, 0, _sized(draft)
    for order in draft.state.open_orders():
        if _number(order) < number or not (order.order_id in sized or _waits(draft, order)):
            continue
        if looked == LOOKED_AT_ONCE:
            left = _number(order)
            break
        looked += 1
        if order.order_id in sized:
            work(draft, order.order_id)
        elif not await_sessions(draft, order) and recommend(draft, order).plan is not None:
            work(draft, order.order_id, waits=False)
    if left != draft.state.to_look_at():
        draft.record(e.OrdersLookedAt(draft.now_ns, left))
    draft.wake(Timer(TimerKind.waiting, ""))


def _waits(draft: Draft, order: Order) -> bool:
    """Is it with the trader because nobody could be asked, or because somebody is due?"""
    advice = draft.state.recommendations.get(order.order_id)
    if order.state is not OrderState.with_trader or advice is None:
        return False
    if _over(draft, order):
        return False
    by_itself = advice.sends_itself and not order.manual_reason and not draft.state.rules_stopped()
    return advice.plan is None or (by_itself and order.again_ns > draft.now_ns)


def _over(draft: Draft, order: Order) -> bool:
    return bool(order.cancel_cl_ord_id) or order.out_of_time(draft.now_ns)


def _sized(draft: Draft) -> frozenset[str]:
    """The orders whose size nobody could tell when the rule book looked at them last, and somebody can now."""
    orders = [each for each in unsized(draft.state, draft.desk.base_currency) if not _over(draft, each)]
    return frozenset(each.order_id for each in orders if rate_or_none(draft, each.terms.currency) is not None)


def _number(order: Order) -> int:
    return int(order.order_id.rpartition("-")[2])
