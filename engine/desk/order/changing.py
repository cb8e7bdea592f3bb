"""Other terms for an order: carried out at once where no dealer may have filled the old ones, else after its answer.

A replace never leaves more with a dealer than the order has. Where an unanswered acceptance is for more than would be
left, or beyond the new limit, it is called back and the replace waits: 150=E now, and 150=5, or 9 if the dealer was
faster, when its answer is here. What comes of the order afterwards is `intake`'s and the round's.

Reference: FIX 4.4 Vol 4, order state change matrices, "Cancel/Replace".
"""

from __future__ import annotations

from dataclasses import replace

from engine.desk.draft import Draft
from engine.desk.order import reporting
from engine.domain import events as e
from engine.domain.keys import Timer, TimerKind
from engine.domain.messages import ReportKind
from engine.domain.order import CancelProblem, Order, OrderFacts, OrderTerms
from engine.domain.placement import Placement


def holds_both(order: Order, wanted: OrderTerms, placement: Placement) -> bool:
    """Would everything that the dealer may still fill be within the new terms, too?"""
    limit = wanted.limit_price
    within = limit is None or (placement.price - limit) * wanted.side.sign <= 0
    return within and order.filled + placement.reserved <= wanted.quantity


def settle(draft: Draft, order_id: str) -> bool:
    """A replace that waited for a dealer's word: carried out, or refused where the order has ended meanwhile.

    True if it was carried out now: what the order is to be worked by has changed.
    """
    order = draft.state.orders[order_id]
    if order.wanted is None:
        return False
    if not order.open:
        refuse_waiting(draft, order, f"too late: the order is {order.state}")
        return False
    if draft.state.open_placement(order_id) is not None:
        return False
    carry_out(draft, order, order.wanted, None, order.manual_reason)
    return True


def carry_out(draft: Draft, order: Order, wanted: OrderTerms, facts: OrderFacts | None, manual_reason: str) -> None:
    """The new terms stand, and are told with 150=5. Less than is filled becomes what is filled: then it is done."""
    before, text = order.terms, ""
    terms = wanted
    if wanted.quantity < order.filled:
        text = f"OrderQty(38) {wanted.quantity} is less than is filled: amended to {order.filled}"
        terms = replace(wanted, quantity=order.filled)
    draft.record(e.OrderReplaced(draft.now_ns, order.order_id, terms, facts, manual_reason))
    draft.wake(Timer(TimerKind.order, order.order_id))
    order = draft.state.orders[order.order_id]
    if not order.open:
        reporting.close_round(draft, order, "replaced")
    reporting.report(draft, order, ReportKind.replaced, text=text, orig_cl_ord_id=before.cl_ord_id)


def refuse_waiting(draft: Draft, order: Order, reason: str) -> None:
    """A replace that was pending is answered by OrderCancelReject(9): the order stays on its terms."""
    wanted = order.wanted
    assert wanted is not None
    draft.record(e.ReplaceSettled(draft.now_ns, order.order_id, reason))
    order = draft.state.orders[order.order_id]
    reporting.refuse_cancel(
        draft,
        wanted.session,
        order,
        wanted.cl_ord_id,
        order.terms.cl_ord_id,
        CancelProblem.too_late,
        reason,
        to_replace=True,
    )
