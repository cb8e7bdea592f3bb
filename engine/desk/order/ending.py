"""How a round or an order ends, and how an order comes back to the trader."""

from __future__ import annotations

from engine.desk.draft import Draft
from engine.desk.order import reporting
from engine.domain import events as e
from engine.domain.keys import Timer, TimerKind
from engine.domain.messages import ReportKind
from engine.domain.order import Order, TimeInForce


def close_round(draft: Draft, order: Order, outcome: str) -> None:
    """End the order's open round, if it has one. Dealers are told nothing: the requests run out."""
    rfq = draft.state.rfqs.get(order.rfq_id) if order.rfq_id else None
    if rfq is not None and rfq.open:
        draft.record(e.RfqClosed(draft.now_ns, rfq.rfq_id, outcome))
        draft.wake(Timer(TimerKind.rfq, rfq.rfq_id))


def return_to_trader(draft: Draft, order: Order, reason: str) -> None:
    """Back to the trader, still New or Partially filled at the OMS; IOC and FOK orders end instead."""
    close_round(draft, order, "no execution")
    draft.record(e.OrderReturned(draft.now_ns, order.order_id, reason))
    draft.wake(Timer(TimerKind.order, order.order_id))
    order = draft.state.orders[order.order_id]
    if order.cancel_cl_ord_id:
        finish_cancel(draft, order.order_id)
    elif order.terms.tif in (TimeInForce.ioc, TimeInForce.fok) and order.rounds:
        expire(draft, order.order_id)


def finish_cancel(draft: Draft, order_id: str) -> None:
    """The order ends here: its round is closed and the OMS told with 150=4."""
    order = draft.state.orders[order_id]
    cl_ord_id = order.cancel_cl_ord_id
    close_round(draft, order, "canceled")
    draft.record(e.OrderCanceled(draft.now_ns, order_id, "canceled on request"))
    order = draft.state.orders[order_id]
    draft.wake(Timer(TimerKind.order, order_id))
    reporting.report(draft, order, ReportKind.canceled, cl_ord_id="" if cl_ord_id == "-" else cl_ord_id)


def expire(draft: Draft, order_id: str) -> None:
    """TimeInForce ran out; while a dealer's answer is open the order waits for it."""
    order = draft.state.orders[order_id]
    if not order.open or draft.state.open_placement(order_id) is not None:
        return
    close_round(draft, order, "expired")
    draft.record(e.OrderExpired(draft.now_ns, order_id, f"time in force {order.terms.tif} ran out"))
    reporting.report(draft, draft.state.orders[order_id], ReportKind.expired)
