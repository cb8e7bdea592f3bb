"""A fill is booked: once, with its money, told to OMS and drop copy, and what it moves of its order.

What the dealer left out is computed and named; what it sent and we compute otherwise is told.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Final

from engine.desk.draft import Draft
from engine.desk.order import changing, reporting
from engine.desk.order.reporting import close_round, return_to_trader
from engine.desk.placement.counting import Fit, weigh
from engine.desk.placement.ending import differs, end_placement, last_words, settle_last_word
from engine.desk.placement.quarantine import waiting_of
from engine.desk.round.seen import Amending
from engine.desk.settlement import is_told, settlement_of, trade_date_of
from engine.domain import events as e
from engine.domain.currencies import decimals_of
from engine.domain.keys import Timer, TimerKind
from engine.domain.messages import DealerReport, ReportKind
from engine.domain.order import CancelProblem, Order, OrderState
from engine.domain.placement import Fill, Placement
from engine.market.bonds import Unknown, accrued_interest, principal
from engine.market.calendars import wire_date
from engine.market.tca import price_improvement_bps

_TOLERANCE: Final = Decimal(2)
"""Two cents, or of the smallest amount of a currency: what rounding may make of the same money."""


def book(
    draft: Draft,
    placement: Placement,
    heard: DealerReport,
    key: str,
    quantity: Decimal,
    price: Decimal,
    *,
    note: str = "",
) -> Fill:
    """Record the fill with its money, tell OMS and drop copy, set the timer of its reversion.

    `note` is what they are told besides.
    """
    order = draft.state.orders[placement.order_id]
    fill, said = with_money(
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
            trade_date=heard.trade_date or _trade_date(draft, order, placement, heard),
            settl_date=heard.settl_date or _asked_for(draft, order, placement),
            transact_ns=heard.transact_ns or draft.now_ns,
            accrued=heard.accrued,
            gross=heard.gross,
            net=heard.net,
            counted=heard.cum_quantity,
            dealer_order_id=heard.order_id,
            worth=placement.worth,
            secondary_exec_id=heard.secondary_exec_id,
            match_id=heard.match_id,
            trade_report_ids=(heard.trade_report_id,) if heard.trade_report_id else (),
            in_execution_report=not heard.trade_report_id,
        ),
    )
    said = "; ".join(filter(None, (settles_otherwise(draft, fill), paid_otherwise(draft, fill, heard), said)))
    arrival = order.arrival
    improvement = None
    if arrival is not None and arrival.price > 0:
        improvement = price_improvement_bps(order.terms.side.sign, price, arrival.price)
    amending = Amending(draft, placement.rfq_id)
    draft.record(
        e.FillBooked(
            draft.now_ns,
            fill=fill,
            segment=order.facts.segment,
            improvement_bps=improvement,
            mark=draft.mark_of(placement.security_id),
            reversion_due_ns=draft.now_ns + draft.desk.clocks.reversion_ns,
            day_ends=draft.desk.day_ends_of(placement.security_id, draft.now_ns),
            half_spread_bps=draft.desk.half_spread_bps_of(placement.security_id, draft.now_ns),
        )
    )
    amending.done("filled after the round")
    draft.wake(Timer(TimerKind.reversion, fill.exec_id))
    draft.wake(Timer(TimerKind.marks, fill.exec_id))
    draft.wake(Timer(TimerKind.placement, placement.placement_id))
    dealer = draft.desk.dealers.get(placement.dealer)
    executing = dealer.lei if dealer is not None else placement.dealer
    order = draft.state.orders[order.order_id]
    said = "; ".join(filter(None, (note, said)))
    reporting.report(draft, order, ReportKind.trade, text=said, fill=fill, executing=executing)
    return fill


def _trade_date(draft: Draft, order: Order, placement: Placement, heard: DealerReport) -> str:
    """The trading day of the dealer's TransactTime(60), as far as that lies between our D and now.

    A fill may come days late.
    """
    sent_ns = placement.sent_ns
    traded_ns = min(max(heard.transact_ns or sent_ns, sent_ns), draft.now_ns)
    return wire_date(trade_date_of(draft.desk, order.terms, traded_ns))


def _asked_for(draft: Draft, order: Order, placement: Placement) -> str:
    """The SettlDate(64) of our D; one of an older journal is reckoned by the calendar of today."""
    return placement.settl_date or wire_date(settlement_of(draft.desk, order.terms, placement.sent_ns))


def settles_otherwise(draft: Draft, fill: Fill) -> str:
    """What the dealer's day of settlement is, where another one was asked for, and a page; empty where it is that."""
    order, placement = draft.state.orders[fill.order_id], draft.state.placements[fill.placement_id]
    asked = _asked_for(draft, order, placement)
    if asked == fill.settl_date or not is_told(draft.desk, order.terms, date.fromisoformat(asked)):
        return ""
    otherwise = f"SettlDate(64) is {fill.settl_date}, asked for was {asked}"
    draft.page("settlement differs", order_id=fill.order_id, dealer=fill.dealer, reason=otherwise)
    return otherwise


def paid_otherwise(draft: Draft, fill: Fill, heard: DealerReport) -> str:
    """In which other currency the dealer says that it settles, and a page; empty where it says none, or the bond's."""
    currency = draft.state.orders[fill.order_id].terms.currency
    if heard.settl_currency in ("", currency):
        return ""
    otherwise = f"SettlCurrency(120) is {heard.settl_currency}, the bond settles in {currency}"
    draft.page("settlement differs", order_id=fill.order_id, dealer=fill.dealer, reason=otherwise)
    return otherwise


def with_money(draft: Draft, fill: Fill) -> tuple[Fill, str]:
    """The fill with missing money fields computed, and a text that names them, and those that nobody can tell and why.

    Sent ones that differ from ours are told. Of a bond that left the securities after its order had ended nothing is
    computed: the fill is booked all the same.
    """
    gross, accrued = _money_of(draft, fill)
    net = _net(gross, accrued)
    tolerance = _TOLERANCE.scaleb(-decimals_of(draft.state.orders[fill.order_id].terms.currency))
    sent = (("gross", fill.gross, gross), ("accrued", fill.accrued, accrued), ("net", fill.net, net))
    for name, theirs, ours in sent:
        if theirs is not None and not isinstance(ours, Unknown) and abs(theirs - ours) > tolerance:
            draft.record(e.MoneyDiffered(draft.now_ns, fill.exec_id, fill.order_id, name, theirs, ours))
    booked_gross = gross if fill.gross is None else fill.gross
    booked_accrued = accrued if fill.accrued is None else fill.accrued
    booked_net = _net(booked_gross, booked_accrued) if fill.net is None else fill.net
    booked = (
        ("gross", fill.gross, booked_gross),
        ("accrued", fill.accrued, booked_accrued),
        ("net", fill.net, booked_net),
    )
    computed = tuple(name for name, theirs, ours in booked if theirs is None and not isinstance(ours, Unknown))
    unknown = [(name, ours.reason) for name, _, ours in booked if isinstance(ours, Unknown)]
    said = [f"computed by us: {', '.join(computed)}"] if computed else []
    for reason in dict.fromkeys(reason for _, reason in unknown):
        names = ", ".join(name for name, why in unknown if why == reason)
        said.append(f"not known: {names}: {reason}")
    fill = replace(
        fill,
        gross=_known(booked_gross),
        accrued=_known(booked_accrued),
        net=_known(booked_net),
        computed=computed,
    )
    return fill, "; ".join(said)


def _money_of(draft: Draft, fill: Fill) -> tuple[Decimal | Unknown, Decimal | Unknown]:
    """What gross and accrued are by the bond's terms."""
    security = draft.desk.securities.get(draft.state.orders[fill.order_id].terms.security_id)
    if security is None:
        gone = Unknown("the bond is in the securities no more")
        return gone, gone
    gross = principal(security, fill.quantity, fill.price)
    settlement, traded = _settlement(draft, fill), _day(fill.trade_date)
    business_days = draft.desk.calendars.of(security).settling
    if traded is not None and settlement < traded:
        return gross, Unknown(f"SettlDate(64) {fill.settl_date} is before TradeDate(75) {fill.trade_date}")
    accrued = accrued_interest(security, fill.quantity, settlement, business_day_before=business_days.before)
    return gross, accrued


def _net(gross: Decimal | Unknown, accrued: Decimal | Unknown) -> Decimal | Unknown:
    if isinstance(gross, Unknown):
        return gross
    return accrued if isinstance(accrued, Unknown) else gross + accrued


def _known(amount: Decimal | Unknown) -> Decimal | None:
    return None if isinstance(amount, Unknown) else amount


def _settlement(draft: Draft, fill: Fill) -> date:
    """When the fill settles, as the dealer says; where that cannot be read, as was asked for."""
    order, placement = draft.state.orders[fill.order_id], draft.state.placements[fill.placement_id]
    return _day(fill.settl_date) or date.fromisoformat(_asked_for(draft, order, placement))


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def after_booking(draft: Draft, placement_id: str, heard: DealerReport) -> str | None:
    """What a fill that was booked moves: its order, and what else its report says of the acceptance."""
    settle_order(draft, placement_id)
    return weigh_fill(draft, placement_id, heard)


def settle_order(draft: Draft, placement_id: str) -> None:
    """What more of a fill does to the order: it is done, or its acceptance is and something is left."""
    placement = draft.state.placements[placement_id]
    order = draft.state.orders[placement.order_id]
    if order.state is OrderState.filled:
        _settle_cancel(draft, order)
        changing.settle(draft, order.order_id)
        close_round(draft, order, "executed")
        draft.wake(Timer(TimerKind.order, order.order_id))
    elif not placement.unanswered and order.placement_id == placement_id and order.state is OrderState.placed:
        close_round(draft, order, "executed")
        changing.settle(draft, order.order_id)
        order = draft.state.orders[order.order_id]
        if order.open:
            _go_on(draft, order)


def weigh_fill(draft: Draft, placement_id: str, heard: DealerReport) -> str | None:
    """What else the report of a fill that is booked says of the acceptance; the round it moved."""
    placement = draft.state.placements[placement_id]
    weighed = weigh(placement, waiting_of(draft, placement_id), heard)
    if weighed.fit is Fit.agrees and weighed.ends_as is not None:
        return end_placement(draft, placement, weighed.ends_as, last_words(heard, weighed.ends_as))
    if weighed.fit in (Fit.more, Fit.contradicts):
        # Less is no wonder: fills may come in the wrong order, and each tells what was counted at its own time.
        differs(draft, placement, heard, weighed)
    return settle_last_word(draft, placement_id)


def _go_on(draft: Draft, order: Order) -> None:
    """A round is executed and something is left. The rule book looks at what was asked for after the round began."""
    rfq = draft.state.rfqs[order.rfq_id]
    placements = [each for each in draft.state.placements_of(order.order_id) if each.rfq_id == rfq.rfq_id]
    if sum((each.filled for each in placements), Decimal(0)) < rfq.quantity:
        return_to_trader(draft, order, f"{order.leaves} left after a partial fill")
        return
    grown = f"{order.leaves} left: the order became larger while it was asked for"
    return_to_trader(draft, order, grown, again_ns=draft.now_ns)


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
