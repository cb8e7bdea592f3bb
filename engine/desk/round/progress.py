"""A round of asking from its opening to its end: asking and placing, one after the other, until nothing is due."""

from __future__ import annotations

from engine.desk.draft import Draft
from engine.desk.gate import risk
from engine.desk.order.reporting import expire, finish_cancel, return_to_trader
from engine.desk.placement import placing
from engine.desk.round import asking
from engine.domain import events as e
from engine.domain.order import Order
from engine.domain.rfq import AskPlan, Rfq, RfqState


def open_round(draft: Draft, order: Order, plan: AskPlan, *, opened_by: str) -> str | None:
    """Begin a round and make its first requests; its number, or None when the gate keeps it from beginning."""
    blocked = risk.order_blocked(draft, order)
    if blocked is not None:
        return_to_trader(draft, order, f"risk {blocked.check}: {blocked.reason}")
        return None
    rfq_id = draft.state.next_id("rfqs", "Q")
    draft.record(
        e.RfqOpened(
            draft.now_ns,
            rfq_id=rfq_id,
            order_id=order.order_id,
            round=order.rounds + 1,
            plan=plan,
            quantity=order.leaves,
            fair=draft.desk.mark(order.terms.security_id, draft.now_ns),
            opened_by=opened_by,
        )
    )
    advance(draft, rfq_id)
    return rfq_id


def advance(draft: Draft, rfq_id: str | None) -> None:
    """Do everything that is due in this round; afterwards it has a deadline, waits for a dealer's word, or is over."""
    if rfq_id is None or _ended(draft, draft.state.rfqs[rfq_id]):
        return
    asking.drive(draft, rfq_id)
    placing.take_best(draft, rfq_id)


def _ended(draft: Draft, rfq: Rfq) -> bool:
    """An order that is being canceled, out of time or a person's ends its round before anybody else is asked."""
    if rfq.state not in (RfqState.asking, RfqState.deciding):
        return False
    order = draft.state.orders[rfq.order_id]
    if order.cancel_cl_ord_id:
        finish_cancel(draft, order.order_id)
    elif order.out_of_time(draft.now_ns):
        expire(draft, order.order_id)
    elif reason := placing.given_up(draft, order):
        return_to_trader(draft, order, reason)
    else:
        return False
    return True
