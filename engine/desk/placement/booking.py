"""Fills: booked once with their money, or kept for a person where they cannot be booked as they stand. Never dropped.

Reference: FIX 4.4 Vol 4, ExecutionReport; the key of a fill is (session, dealer, our ClOrdID, ExecID, TradeDate).
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Final

from engine.desk.apply import economics
from engine.desk.draft import Draft
from engine.desk.order import reporting
from engine.desk.order.ending import close_round, return_to_trader
from engine.desk.placement.unanswered import cancel_at_dealer
from engine.domain import events as e
from engine.domain.keys import Timer, TimerKind
from engine.domain.messages import DealerReport, ReportKind
from engine.domain.order import CancelProblem, Order, OrderState
from engine.domain.placement import Fill, Placement
from engine.market.bonds import accrued_interest, principal
from engine.market.calendars import settlement_date, trade_date, wire_date
from engine.market.tca import price_improvement_bps

_MONEY_TOLERANCE: Final = Decimal("0.02")
"""Two cents: what rounding may make of the same money."""


def on_fill(draft: Draft, session: str, placement: Placement | None, heard: DealerReport) -> str | None:
    """A fill, by a trade's own word; the round it moved."""
    if placement is None:
        quarantine(draft, session, None, heard, "a fill for nothing we ordered")
        return None
    key = fill_key(session, placement.dealer, placement.placement_id, heard)
    quantity, price = heard.last_quantity, heard.last_price
    booked = draft.state.fills.get(key)
    if booked is not None:
        if quantity is not None and price is not None and booked.economics == economics(quantity, price):
            draft.record(e.FillRepeated(draft.now_ns, key))
        else:
            quarantine(draft, session, placement, heard, f"same ExecID, other economics than {booked.economics}")
        return None
    problem = _fill_problem(draft, placement, heard)
    if problem:
        quarantine(draft, session, placement, heard, problem)
        return None
    assert quantity is not None
    assert price is not None
    book(draft, placement, heard, key, quantity, price)
    if not placement.unanswered:
        _after_the_end(draft, placement)
    return _after_fill(draft, placement.placement_id)


def _after_the_end(draft: Draft, placement: Placement) -> None:
    """A fill of what was over: the dealer's word is booked, but what was done since needs a person."""
    reason = f"filled although it was {placement.state}"
    draft.page("fill after the end", order_id=placement.order_id, dealer=placement.dealer, reason=reason)
    other = draft.state.open_placement(placement.order_id)
    if other is not None:
        cancel_at_dealer(draft, other)


def fill_key(session: str, dealer: str, placement_id: str, heard: DealerReport) -> str:
    """(session, dealer, our ClOrdID, ExecID, TradeDate): what makes a fill the same one."""
    return f"{session}|{dealer}|{placement_id}|{heard.exec_id}|{heard.trade_date}"


def _fill_problem(draft: Draft, placement: Placement, heard: DealerReport) -> str:
    """Why a fill cannot be booked as it stands; empty when it can."""
    quantity, price = heard.last_quantity, heard.last_price
    if quantity is None or price is None or not quantity.is_finite() or not price.is_finite():
        return "no LastQty(32) or LastPx(31)"
    if quantity <= 0 or price <= 0:
        return f"LastQty(32) {quantity} at LastPx(31) {price}"
    if heard.security_id and heard.security_id != placement.security_id:
        return f"for {heard.security_id}, we ordered {placement.security_id}"
    if heard.side is not None and heard.side is not placement.side:
        return f"{heard.side}, we ordered to {placement.side}"
    order = draft.state.orders[placement.order_id]
    if quantity > placement.quantity - placement.filled:
        return f"{quantity} is more than the {placement.quantity - placement.filled} that was left"
    if quantity > order.terms.quantity - order.filled:
        return f"{quantity} is more than the {order.terms.quantity - order.filled} that was left of the order"
    if (price - placement.price) * placement.side.sign > 0:
        return f"{price} is worse than the quoted {placement.price}"
    return ""


def book(draft: Draft, placement: Placement, heard: DealerReport, key: str, quantity: Decimal, price: Decimal) -> None:
    """Record the fill with its money, tell OMS and drop copy, set the timer of its reversion."""
    order = draft.state.orders[placement.order_id]
    fill = _with_money(
        draft,
        Fill(
            exec_id=reporting.next_exec_id(draft),
            key=key,
            order_id=order.order_id,
            placement_id=placement.placement_id,
            dealer=placement.dealer,
            dealer_exec_id=heard.exec_id,
            quantity=quantity,
            price=price,
            trade_date=heard.trade_date or wire_date(trade_date(draft.now_ns)),
            settl_date=heard.settl_date or wire_date(settlement_date(draft.now_ns)),
            transact_ns=heard.transact_ns or draft.now_ns,
            accrued=heard.accrued,
            gross=heard.gross,
            net=heard.net,
        ),
    )
    arrival = order.arrival
    improvement = None
    if arrival is not None and arrival.price > 0:
        improvement = price_improvement_bps(order.terms.side.sign, price, arrival.price)
    draft.record(
        e.FillBooked(
            draft.now_ns,
            fill=fill,
            segment=order.facts.segment,
            improvement_bps=improvement,
            mark=draft.desk.mark(placement.security_id, draft.now_ns),
            reversion_due_ns=draft.now_ns + draft.desk.clocks.reversion_ns,
        )
    )
    draft.wake(Timer(TimerKind.reversion, fill.exec_id))
    draft.wake(Timer(TimerKind.placement, placement.placement_id))
    dealer = draft.desk.dealers.get(placement.dealer)
    executing = dealer.lei if dealer is not None else placement.dealer
    text = f"computed by us: {', '.join(fill.computed)}" if fill.computed else ""
    order = draft.state.orders[order.order_id]
    reporting.report(draft, order, ReportKind.trade, text=text, fill=fill, executing=executing)


def _with_money(draft: Draft, fill: Fill) -> Fill:
    """Missing money fields computed and named; sent ones that differ from ours are told.

    Of a bond that left the securities after its order had ended nothing is computed: the fill is booked all the same.
    """
    order = draft.state.orders[fill.order_id]
    security = draft.desk.securities.get(order.terms.security_id)
    gross = accrued = None
    if security is not None:
        gross = principal(fill.quantity * security.factor, fill.price)
        accrued = accrued_interest(security, fill.quantity, _settlement(draft, fill))
    net = gross + accrued if gross is not None and accrued is not None else None
    money = (("gross", fill.gross, gross), ("accrued", fill.accrued, accrued), ("net", fill.net, net))
    for name, sent, ours in money:
        if sent is not None and ours is not None and abs(sent - ours) > _MONEY_TOLERANCE:
            draft.record(e.MoneyDiffered(draft.now_ns, fill.exec_id, fill.order_id, name, sent, ours))
    computed = ["gross"] if fill.gross is None and gross is not None else []
    if fill.accrued is None and accrued is not None:
        computed.append("accrued")
    fill = replace(
        fill,
        gross=gross if fill.gross is None else fill.gross,
        accrued=accrued if fill.accrued is None else fill.accrued,
    )
    if fill.net is None and fill.gross is not None and fill.accrued is not None:
        computed.append("net")
        fill = replace(fill, net=fill.gross + fill.accrued)
    return replace(fill, computed=tuple(computed))


def _settlement(draft: Draft, fill: Fill) -> date:
    """When the fill settles, as the dealer says; a day that cannot be read is the usual one."""
    try:
        return date.fromisoformat(fill.settl_date)
    except ValueError:
        return settlement_date(draft.now_ns)


def _after_fill(draft: Draft, placement_id: str) -> str | None:
    placement = draft.state.placements[placement_id]
    order = draft.state.orders[placement.order_id]
    if order.state is OrderState.filled:
        _settle_cancel(draft, order)
        close_round(draft, order, "executed")
        draft.wake(Timer(TimerKind.order, order.order_id))
    elif not placement.unanswered and order.placement_id == placement_id and order.state is OrderState.placed:
        close_round(draft, order, "executed")
        return_to_trader(draft, order, f"{order.leaves} left after a partial fill")
    return None


def _settle_cancel(draft: Draft, order: Order) -> None:
    """A cancel that waited for the dealer's word: the fill was faster, so it is refused as too late."""
    if not order.cancel_cl_ord_id:
        return
    cl_ord_id = order.cancel_cl_ord_id
    draft.record(e.CancelSettled(draft.now_ns, order.order_id, "filled before the cancel"))
    order = draft.state.orders[order.order_id]
    if order.terms.session and cl_ord_id != "-":
        reporting.refuse_cancel(
            draft,
            order.terms.session,
            order,
            cl_ord_id,
            order.terms.cl_ord_id,
            CancelProblem.too_late,
            "too late: the order is filled",
        )


def quarantine(draft: Draft, session: str, placement: Placement | None, heard: DealerReport, reason: str) -> None:
    """Keep what cannot be booked, once, and page."""
    dealer = placement.dealer if placement is not None else ""
    placement_id = placement.placement_id if placement is not None else heard.cl_ord_id
    key = fill_key(session, dealer, placement_id, heard)
    known = draft.state.quarantine.get(key)
    quantity, price = heard.last_quantity or Decimal(0), heard.last_price or Decimal(0)
    if known is not None and (known.reason, known.quantity, known.price) == (reason, quantity, price):
        return
    draft.record(
        e.FillQuarantined(
            draft.now_ns,
            session=session,
            dealer=dealer,
            key=key,
            placement_id=placement_id,
            dealer_exec_id=heard.exec_id,
            quantity=quantity,
            price=price,
            reason=reason,
        )
    )
    draft.page("fill quarantined", session=session, reference=heard.cl_ord_id, reason=reason)
