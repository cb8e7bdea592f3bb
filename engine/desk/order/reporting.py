"""What the OMS and the drop copy are told, and how a round or an order ends or comes back to the trader.

One `OrderReport` a change, the same ExecID(17) to both. A trader-entered order has no order session, so its reports
exist on the drop copy only.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from engine.desk.draft import Delivery, Draft
from engine.desk.round import seen
from engine.domain import events as e
from engine.domain.instrument import id_source_of
from engine.domain.keys import Timer, TimerKind
from engine.domain.messages import CancelRefusal, OrderReport, ReportKind
from engine.domain.order import (
    ZERO,
    CancelProblem,
    Order,
    OrderRefusal,
    OrderState,
    OrderStatus,
    OrderTerms,
    Side,
    TimeInForce,
)
from engine.domain.placement import Fill


def ord_status(order: Order) -> OrderStatus:
    """The order as the OMS sees it (FIX 4.4 Vol 4, OrdStatus precedence)."""
    if order.state is OrderState.filled:
        return OrderStatus.filled
    if order.state is OrderState.canceled:
        return OrderStatus.canceled
    if order.state is OrderState.expired:
        return OrderStatus.expired
    if order.cancel_cl_ord_id:
        return OrderStatus.pending_cancel
    if order.wanted is not None:
        return OrderStatus.pending_replace
    return OrderStatus.partially_filled if order.filled else OrderStatus.new


def report(
    draft: Draft,
    order: Order,
    kind: ReportKind,
    *,
    text: str = "",
    fill: Fill | None = None,
    executing: str = "",
    cl_ord_id: str = "",
    orig_cl_ord_id: str = "",
    exec_ref_id: str = "",
) -> None:
    """Record and send one report of the order as it stands.

    `cl_ord_id` is that of a cancel or a replace being answered, `orig_cl_ord_id` the name that a replace has changed;
    `exec_ref_id` the ExecID(17) of the trade that is taken back or corrected.
    """
    status = ord_status(order)
    if kind is ReportKind.pending_new:
        status = OrderStatus.pending_new
    said = _report(draft, order, kind, status, text=text)
    if cl_ord_id and cl_ord_id != order.terms.cl_ord_id:
        said = replace(said, cl_ord_id=cl_ord_id, orig_cl_ord_id=order.terms.cl_ord_id)
    elif orig_cl_ord_id:
        said = replace(said, orig_cl_ord_id=orig_cl_ord_id)
    if fill is not None:
        said = replace(
            said,
            dealer=executing,
            dealer_exec_id=fill.dealer_exec_id,
            trade_date=fill.trade_date,
            settl_date=fill.settl_date,
            exec_ref_id=exec_ref_id,
        )
        if kind is not ReportKind.trade_canceled:
            # What is taken back is no trade: LastQty(32) would be 0 (matrix J.1.b).
            said = replace(
                said,
                exec_id=fill.last_told_as,
                last_quantity=fill.quantity,
                last_price=fill.price,
                accrued=fill.accrued,
                gross=fill.gross,
                net=fill.net,
            )
    publish(draft, said)


def publish(draft: Draft, said: OrderReport) -> None:
    """Record a report and give it to the order session and to every drop copy."""
    draft.record(e.OrderReported(draft.now_ns, said))
    _say(draft, said)


def _say(draft: Draft, said: OrderReport) -> None:
    if said.session:
        draft.send(said.session, said, Delivery.at_least_once)
    for session in draft.desk.drop_copies:
        draft.send(session, said, Delivery.at_least_once, copy=True)


def tell(draft: Draft, order: Order, text: str) -> None:
    """What concerns the order and changes nothing of it: ExecType(150)=I with a text, to OMS and drop copy.

    The event that it is about stands before it.
    """
    _say(draft, replace(_report(draft, order, ReportKind.status, ord_status(order), text=text), exec_id="0"))


def answer_status(draft: Draft, session: str, order: Order, *, copy: bool = False) -> None:
    """An answer to OrderStatusRequest(H): ExecType(150)=I to whoever asked, no event."""
    said = replace(_report(draft, order, ReportKind.status, ord_status(order)), exec_id="0")
    draft.send(session, said, Delivery.at_least_once, copy=copy)


def answer_unknown(draft: Draft, session: str, cl_ord_id: str, security_id: str, *, copy: bool = False) -> None:
    """An answer to OrderStatusRequest(H) for an order we do not know: rejected, as unknown."""
    said = OrderReport(
        exec_id="0",
        order_id="NONE",
        session=session,
        cl_ord_id=cl_ord_id,
        orig_cl_ord_id="",
        kind=ReportKind.status,
        ord_status=OrderStatus.rejected,
        account="",
        trader="",
        security_id=security_id,
        id_source=id_source_of(security_id),
        side=Side.buy,
        quantity=ZERO,
        limit_price=None,
        tif=TimeInForce.day,
        currency="",
        cum_quantity=ZERO,
        leaves_quantity=ZERO,
        average_price=ZERO,
        transact_ns=draft.now_ns,
        code=OrderRefusal.unknown_order,
        text=f"unknown order: no order {cl_ord_id} today on this session",
    )
    draft.send(session, said, Delivery.at_least_once, copy=copy)


def refuse_order(
    draft: Draft, terms: OrderTerms, code: OrderRefusal, reason: str, id_source: str | None = None
) -> None:
    """A report that says why, with a text; never silence. `id_source` is SecurityIDSource(22) where it is known."""
    draft.record(e.OrderRefused(draft.now_ns, terms.session, terms.cl_ord_id, terms.security_id, code, reason))
    said = OrderReport(
        exec_id=_exec_id(draft),
        order_id="NONE",
        session=terms.session,
        cl_ord_id=terms.cl_ord_id,
        orig_cl_ord_id="",
        kind=ReportKind.rejected,
        ord_status=OrderStatus.rejected,
        account=terms.account,
        trader=terms.trader,
        security_id=terms.security_id,
        id_source=id_source or id_source_of(terms.security_id),
        side=terms.side,
        quantity=terms.quantity,
        limit_price=terms.limit_price,
        tif=terms.tif,
        currency=terms.currency,
        cum_quantity=ZERO,
        leaves_quantity=ZERO,
        average_price=ZERO,
        transact_ns=draft.now_ns,
        code=code,
        text=reason,
        cusip=terms.cusip,
    )
    publish(draft, said)


def refuse_cancel(
    draft: Draft,
    session: str,
    order: Order | None,
    cl_ord_id: str,
    orig_cl_ord_id: str,
    code: CancelProblem,
    text: str,
    *,
    to_replace: bool = False,
) -> None:
    """OrderCancelReject(9)."""
    said = CancelRefusal(
        order_id=order.order_id if order is not None else "NONE",
        cl_ord_id=cl_ord_id,
        orig_cl_ord_id=orig_cl_ord_id,
        ord_status=ord_status(order) if order is not None else OrderStatus.rejected,
        code=code,
        text=text,
        to_replace=to_replace,
    )
    draft.send(session, said, Delivery.at_least_once)


def next_exec_id(draft: Draft) -> str:
    """The ExecID(17) that the next report will carry."""
    return _exec_id(draft)


def _exec_id(draft: Draft) -> str:
    return draft.state.next_id("reports", "E")


def _report(draft: Draft, order: Order, kind: ReportKind, status: OrderStatus, *, text: str = "") -> OrderReport:
    terms = order.terms
    security = draft.desk.securities.get(terms.security_id)
    return OrderReport(  # The first ones by place: a call with more than fifteen names takes three times as long.
        _exec_id(draft),
        order.order_id,
        terms.session,
        terms.cl_ord_id,
        "",
        kind,
        status,
        terms.account,
        terms.trader,
        terms.security_id,
        security.id_source if security is not None else "4",
        terms.side,
        terms.quantity,
        limit_price=terms.limit_price,
        tif=terms.tif,
        currency=terms.currency,
        cum_quantity=order.filled,
        leaves_quantity=order.leaves,
        average_price=_rounded(order.average_price),
        transact_ns=draft.now_ns,
        settl_date=terms.settl_date,
        text=text,
        cusip=terms.cusip,
    )


def _rounded(price: Decimal) -> Decimal:
    """AvgPx(6) to eight places: a mean of prices has no end."""
    return price.quantize(Decimal("1e-8")).normalize() if price else ZERO


# --- ends -----------------------------------------------------------------------------------------


def close_round(draft: Draft, order: Order, outcome: str) -> None:
    """End the order's open round, if it has one. Dealers are told nothing: the requests run out."""
    rfq = draft.state.rfqs.get(order.rfq_id) if order.rfq_id else None
    if rfq is not None and rfq.open:
        draft.record(e.RfqClosed(draft.now_ns, rfq.rfq_id, outcome))
        seen.observe(draft, rfq.rfq_id)
        draft.wake(Timer(TimerKind.rfq, rfq.rfq_id))


def return_to_trader(draft: Draft, order: Order, reason: str, *, again_ns: int = 0) -> None:
    """Back to the trader, still New or Partially filled at the OMS; IOC and FOK orders end instead.

    `again_ns` is when the rule book is to look at it once more, 0 for never.
    """
    close_round(draft, order, "no execution")
    draft.record(e.OrderReturned(draft.now_ns, order.order_id, reason, again_ns))
    draft.wake(Timer(TimerKind.order, order.order_id))
    order = draft.state.orders[order.order_id]
    if order.cancel_cl_ord_id:
        finish_cancel(draft, order.order_id)
    elif order.immediate and order.rounds:
        expire(draft, order.order_id)


def finish_cancel(draft: Draft, order_id: str) -> None:
    """The order ends here: its round is closed and the OMS told with 150=4. What a dealer may still fill keeps it."""
    order = draft.state.orders[order_id]
    if draft.state.open_placement(order_id) is not None:
        return
    cl_ord_id = order.cancel_cl_ord_id
    close_round(draft, order, "canceled")
    mark = draft.mark_of(order.terms.security_id)
    draft.record(e.OrderCanceled(draft.now_ns, order_id, "canceled on request", mark))
    order = draft.state.orders[order_id]
    draft.wake(Timer(TimerKind.order, order_id))
    report(draft, order, ReportKind.canceled, cl_ord_id="" if cl_ord_id == "-" else cl_ord_id)


def expire(draft: Draft, order_id: str, why: str = "") -> None:
    """TimeInForce ran out, `why` in words; while a dealer's answer is open the order waits for it."""
    order = draft.state.orders[order_id]
    if not order.open or draft.state.open_placement(order_id) is not None:
        return
    close_round(draft, order, "expired")
    reason, mark = why or f"time in force {order.terms.tif} ran out", draft.mark_of(order.terms.security_id)
    draft.record(e.OrderExpired(draft.now_ns, order_id, reason, mark))
    draft.wake(Timer(TimerKind.order, order_id))
    report(draft, draft.state.orders[order_id], ReportKind.expired, text=why)
