"""What each event makes of the state. The same live, in a draft and on restart.

`apply` is total. It reads no clock, no configuration, no rule text: whatever it needs stands in the event. What an
event teaches about dealers is read from the state as it leaves it: `classic_lessons`, `learning`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final

from engine.clock import utc_day
from engine.desk.state import (
    BY_REPORT,
    TOLD_APART,
    AskRef,
    BookedFill,
    DeskState,
    Exposure,
    Kill,
    MarksDue,
    Pause,
    PendingReversion,
    Quarantined,
    Sent,
    Switch,
    TradeChange,
    alike_key,
    axe_key,
    dealt_key,
    exposure_key,
    oms_key,
    oms_latest_key,
    override_key,
    rate_key,
    told_key,
)
from engine.domain import events as e
from engine.domain import moves
from engine.domain.axe import Axe, Axes
from engine.domain.credit import CreditKind, CreditScope
from engine.domain.observation import Horizon, horizons
from engine.domain.order import ZERO, MarkUsed, Order, OrderState
from engine.domain.placement import Placement, PlacementState, Telling
from engine.domain.rfq import Ask, AskState, Rfq, RfqState
from engine.domain.rows import changed


def apply(state: DeskState, event: e.Event) -> None:
    """Fold one event into the state. An event without an effect on the desk is a fact for the record.

    Raises IllegalMove, with the event's name, for a change of state that is in no table of `engine.domain.moves`.
    """
    handler = _HANDLERS.get(type(event))
    if handler is not None:
        try:
            handler(state, event)
        except moves.IllegalMove as error:
            raise moves.IllegalMove(f"{type(event).__name__}: {error}") from error


# --- orders --------------------------------------------------------------------------------------


def _order_received(state: DeskState, event: e.OrderReceived) -> None:
    terms, facts = event.terms, event.facts
    order = Order(
        order_id=event.order_id,
        terms=terms,
        facts=facts,
        state=OrderState.with_trader,
        received_ns=event.at_ns,
        arrival=event.arrival,
        manual_reason=event.manual_reason,
        duplicate_of=event.duplicate_of,
    )
    state.orders.put(event.order_id, moves.begin_order(state.orders.get(event.order_id), order))
    state.alike.put(alike_key(terms), event.order_id)
    _count(state, "orders")
    _name(state, order, terms.cl_ord_id, facts.day)
    key = exposure_key(terms.security_id, terms.side, facts.day)
    known = state.exposures.get(key) or Exposure()
    state.exposures.put(key, changed(known, quantity=known.quantity + terms.quantity))


def _duplicate_allowed(state: DeskState, event: e.DuplicateAllowed) -> None:
    state.orders.put(event.order_id, changed(state.orders[event.order_id], duplicate_of=""))


def _order_rated(state: DeskState, event: e.OrderRated) -> None:
    order = state.orders[event.order_id]
    facts = changed(order.facts, rate=event.rate, segment=event.segment)
    state.orders.put(event.order_id, changed(order, facts=facts))


def _order_recommended(state: DeskState, event: e.OrderRecommended) -> None:
    state.recommendations.put(event.order_id, event.recommendation)
    order = state.orders[event.order_id]
    if order.again_ns:
        order = changed(order, again_ns=0)
        state.orders.put(event.order_id, order)
    key = exposure_key(order.terms.security_id, order.terms.side, order.facts.day)
    known = state.exposures.get(key) or Exposure()
    fresh = tuple(name for name in event.recommendation.protections if name not in known.protections)
    if fresh:
        state.exposures.put(key, changed(known, protections=known.protections + fresh))


def _order_overridden(state: DeskState, event: e.OrderOverridden) -> None:
    order = state.orders[event.order_id]
    state.overrides.put(override_key(event.order_id, order.rounds + 1), event)


def _order_reported(state: DeskState, event: e.OrderReported) -> None:
    _count(state, "reports")


def _order_returned(state: DeskState, event: e.OrderReturned) -> None:
    order = state.orders[event.order_id]
    returned = moves.move_order(order, OrderState.with_trader, event.reason, again_ns=event.again_ns)
    state.orders.put(event.order_id, returned)


def _sessions_awaited(state: DeskState, event: e.SessionsAwaited) -> None:
    order = state.orders[event.order_id]
    note = f"waits for {', '.join(event.dealers)} to log on"
    state.orders.put(event.order_id, changed(order, note=note, again_ns=event.until_ns))


def _orders_looked_at(state: DeskState, event: e.OrdersLookedAt) -> None:
    state.counters.put("to_look_at", event.next)


def _cancel_asked(state: DeskState, event: e.CancelAsked) -> None:
    order = state.orders[event.order_id]
    state.orders.put(event.order_id, changed(order, cancel_cl_ord_id=event.cl_ord_id or "-"))
    if event.cl_ord_id:
        _name(state, order, event.cl_ord_id, utc_day(event.at_ns))


def _cancel_settled(state: DeskState, event: e.CancelSettled) -> None:
    state.orders.put(event.order_id, changed(state.orders[event.order_id], cancel_cl_ord_id=""))


def _replace_asked(state: DeskState, event: e.ReplaceAsked) -> None:
    order = state.orders[event.order_id]
    state.orders.put(event.order_id, changed(order, wanted=event.terms, manual_reason=event.manual_reason))
    _name(state, order, event.terms.cl_ord_id, utc_day(event.at_ns))


def _replace_settled(state: DeskState, event: e.ReplaceSettled) -> None:
    state.orders.put(event.order_id, changed(state.orders[event.order_id], wanted=None))


def _order_replaced(state: DeskState, event: e.OrderReplaced) -> None:
    before, terms = state.orders[event.order_id], event.terms
    facts = event.facts if event.facts is not None else before.facts
    order = changed(before, terms=terms, facts=facts, wanted=None, manual_reason=event.manual_reason)
    _name(state, order, terms.cl_ord_id, utc_day(event.at_ns))
    state.alike.put(alike_key(terms), event.order_id)
    more = terms.quantity - before.terms.quantity
    if more > 0:
        # What was wanted once stays seen, as it does of an order that is canceled: only more of it counts.
        key = exposure_key(terms.security_id, terms.side, facts.day)
        known = state.exposures.get(key) or Exposure()
        state.exposures.put(key, changed(known, quantity=known.quantity + more))
    if order.filled >= terms.quantity:
        _end(state, moves.move_order(order, OrderState.filled), event.at_ns)
    else:
        state.orders.put(event.order_id, order)


def _order_canceled(state: DeskState, event: e.OrderCanceled) -> None:
    # What was carried out is pending no more: a fill that comes after the end has no cancel to answer.
    order = changed(state.orders[event.order_id], cancel_cl_ord_id="")
    _end(state, moves.move_order(order, OrderState.canceled, event.reason), event.at_ns)


def _order_expired(state: DeskState, event: e.OrderExpired) -> None:
    _end(state, moves.move_order(state.orders[event.order_id], OrderState.expired, event.reason), event.at_ns)


# --- asking --------------------------------------------------------------------------------------


def _rfq_opened(state: DeskState, event: e.RfqOpened) -> None:
    order = state.orders[event.order_id]
    rfq = Rfq(
        rfq_id=event.rfq_id,
        order_id=event.order_id,
        round=event.round,
        state=RfqState.asking,
        plan=event.plan,
        side=order.terms.side,
        quantity=event.quantity,
        fair=event.fair,
        opened_ns=event.at_ns,
        opened_by=event.opened_by,
        index=event.index,
    )
    state.rfqs.put(event.rfq_id, moves.begin_round(state.rfqs.get(event.rfq_id), rfq))
    asking = moves.move_order(order, OrderState.asking, rfq_id=event.rfq_id, rounds=event.round)
    state.orders.put(order.order_id, asking)
    _count(state, "rfqs")
    _count(state, "open_rfqs")


def _dealer_asked(state: DeskState, event: e.DealerAsked) -> None:
    rfq = state.rfqs[event.rfq_id]
    at_the_opening = event.at_ns == rfq.opened_ns
    order = state.orders[rfq.order_id]
    key = exposure_key(order.terms.security_id, order.terms.side, order.facts.day)
    known = state.exposures.get(key) or Exposure()
    knew = event.dealer in known.dealers
    if not knew:
        state.exposures.put(key, changed(known, dealers=(*known.dealers, event.dealer)))
    ask = Ask(
        dealer=event.dealer,
        state=AskState.asked,
        quote_req_id=event.quote_req_id,
        outbox_id=event.outbox_id,
        asked_ns=event.at_ns,
        wait_until_ns=event.wait_until_ns,
        mark=rfq.fair if at_the_opening else event.mark,
        index=rfq.index if at_the_opening else event.index,
        knew=knew,
        settl_date=event.settl_date,
    )
    state.rfqs.put(event.rfq_id, moves.begin_ask(rfq, ask))
    state.asks.put(event.quote_req_id, AskRef(event.rfq_id, event.dealer))
    state.sent.put(str(event.outbox_id), Sent(event.rfq_id, event.dealer))


def _ask_awaited(state: DeskState, event: e.AskAwaited) -> None:
    rfq = state.rfqs[event.rfq_id]
    others = [each for each in rfq.awaited if each[0] != event.dealer]
    state.rfqs.put(event.rfq_id, changed(rfq, awaited=(*others, (event.dealer, event.until_ns))))


def _ask_blocked(state: DeskState, event: e.AskBlocked) -> None:
    ask = Ask(event.dealer, AskState.blocked, "", 0, event.at_ns, event.at_ns, note=event.reason)
    state.rfqs.put(event.rfq_id, moves.begin_ask(state.rfqs[event.rfq_id], ask))


def _ask_withheld(state: DeskState, event: e.AskWithheld) -> None:
    became = AskState.withheld if event.never_left else AskState.not_delivered
    _move_ask(state, event.rfq_id, event.dealer, became, event.reason)


def _quote_received(state: DeskState, event: e.QuoteReceived) -> None:
    rfq = state.rfqs[event.rfq_id]
    ask = rfq.ask_of(event.dealer)
    assert ask is not None  # the quote was matched to this entry by its QuoteReqID(131)
    state.rfqs.put(event.rfq_id, moves.with_ask(rfq, moves.with_quote(ask, event.quote)))


def _quote_withdrawn(state: DeskState, event: e.QuoteWithdrawn) -> None:
    rfq = state.rfqs[event.rfq_id]
    ask = rfq.ask_of(event.dealer)
    assert ask is not None
    gone = {quote.quote_id for quote in ask.quotes if event.quote_id in ("", quote.quote_id)}
    quotes = tuple(changed(quote, withdrawn=True) if quote.quote_id in gone else quote for quote in ask.quotes)
    rfq = moves.with_ask(rfq, changed(ask, quotes=quotes))
    lost = rfq.state is RfqState.deciding and rfq.alerted in {f"{ask.dealer}|{quote_id}" for quote_id in gone}
    if lost and rfq.unasked:
        # What the decision was about is gone: whoever has not been asked yet may be of use.
        rfq = moves.move_round(rfq, RfqState.asking)
    state.rfqs.put(event.rfq_id, rfq)


def _dealer_declined(state: DeskState, event: e.DealerDeclined) -> None:
    _move_ask(state, event.rfq_id, event.dealer, AskState.declined, event.reason, declined_ns=event.at_ns)


def _dealer_silent(state: DeskState, event: e.DealerSilent) -> None:
    _move_ask(state, event.rfq_id, event.dealer, AskState.silent)


def _rfq_deciding(state: DeskState, event: e.RfqDeciding) -> None:
    rfq = state.rfqs[event.rfq_id]
    state.rfqs.put(event.rfq_id, moves.move_round(rfq, RfqState.deciding, decide_until_ns=event.decide_until_ns))


def _trader_alerted(state: DeskState, event: e.TraderAlerted) -> None:
    alerted = f"{event.dealer}|{event.quote_id}"
    state.rfqs.put(event.rfq_id, changed(state.rfqs[event.rfq_id], alerted=alerted))


def _rfq_closed(state: DeskState, event: e.RfqClosed) -> None:
    rfq = state.rfqs[event.rfq_id]
    over = RfqState.done if event.outcome == "executed" else RfqState.closed
    state.rfqs.put(event.rfq_id, moves.move_round(rfq, over, outcome=event.outcome))
    _count(state, "open_rfqs", -1)


# --- what feeds deliver ---------------------------------------------------------------------------


def _securities_put(state: DeskState, event: e.SecuritiesPut) -> None:
    for bond in event.bonds:
        state.bonds.put(bond.security_id, bond)
    for security_id in event.removed:
        state.bonds.drop(security_id)


def _credit_limits_put(state: DeskState, event: e.CreditLimitsPut) -> None:
    for limit in event.limits:
        state.credit.put(limit.scope, limit)


def _rates_put(state: DeskState, event: e.RatesPut) -> None:
    for rate in event.rates:
        state.rates.put(rate_key(rate), rate)
    for rate in event.removed:
        state.rates.drop(rate_key(rate))


def _deal(state: DeskState, order: Order, dealer: str, quantity: Decimal, at_ns: int) -> None:
    """What credit limits of a day are held against; `quantity` is in the base currency."""
    day = utc_day(at_ns)
    for kind, name in (
        (CreditKind.dealer, dealer),
        (CreditKind.account, order.terms.account),
        (CreditKind.issuer, order.facts.issuer),
    ):
        key = dealt_key(CreditScope(kind, name), day)
        state.dealt.put(key, (state.dealt.get(key) or ZERO) + quantity)


# --- what dealers advertise ------------------------------------------------------------------------


def _axe_advertised(state: DeskState, event: e.AxeAdvertised) -> None:
    axe = event.axe
    others = _axes_besides(state, axe.dealer, axe.security_id, axe.axe_id, event.at_ns)
    _keep_axes(state, Axes(axe.dealer, axe.security_id, (*others, axe)))


def _axe_withdrawn(state: DeskState, event: e.AxeWithdrawn) -> None:
    left = _axes_besides(state, event.dealer, event.security_id, event.axe_id, event.at_ns)
    _keep_axes(state, Axes(event.dealer, event.security_id, left))


def _axes_expired(state: DeskState, event: e.AxesExpired) -> None:
    for row in state.axes_by_dealer(event.dealer):
        live = row.live(event.at_ns)
        if len(live) < len(row.axes):
            _keep_axes(state, changed(row, axes=live))


def _keep_axes(state: DeskState, row: Axes) -> None:
    key = axe_key(row.dealer, row.security_id)
    before = state.axes.get(key)
    state.axes.put(key, row)
    _count(state, f"axes:{row.dealer}", len(row.axes) - (len(before.axes) if before is not None else 0))


def _axes_besides(state: DeskState, dealer: str, security_id: str, axe_id: str, now_ns: int) -> tuple[Axe, ...]:
    known = state.axes.get(axe_key(dealer, security_id))
    return tuple(axe for axe in known.live(now_ns) if axe.axe_id != axe_id) if known is not None else ()


# --- executing -----------------------------------------------------------------------------------


def _quote_accepted(state: DeskState, event: e.QuoteAccepted) -> None:
    rfq = state.rfqs[event.rfq_id]
    ask = rfq.ask_of(event.dealer)
    assert ask is not None
    quotes = tuple(changed(q, spent=True) if q.quote_id == event.quote_id else q for q in ask.quotes)
    rfq = moves.with_ask(rfq, changed(ask, quotes=quotes))
    was_open = rfq.open
    # A round that is over stays so when a person takes a quote that outlives it.
    state.rfqs.put(event.rfq_id, moves.move_round(rfq, RfqState.placed) if was_open else rfq)
    order = state.orders[event.order_id]
    state.orders.put(event.order_id, moves.move_order(order, OrderState.placed, placement_id=event.placement_id))
    placement = Placement(
        placement_id=event.placement_id,
        order_id=event.order_id,
        rfq_id=event.rfq_id,
        dealer=event.dealer,
        session=event.session,
        side=order.terms.side,
        quantity=event.quantity,
        price=event.price,
        quote_id=event.quote_id,
        security_id=event.security_id,
        outbox_id=event.outbox_id,
        sent_ns=event.at_ns,
        mark=event.mark,
        index=event.index,
        settl_date=event.settl_date,
        worth=None if event.rate is None else event.rate.worth,
    )
    known = state.placements.get(event.placement_id)
    state.placements.put(event.placement_id, moves.begin_placement(known, placement))
    state.sent.put(str(event.outbox_id), Sent(event.rfq_id, event.dealer, event.placement_id))
    last = state.placements.get(order.placement_id)
    if was_open and (last is None or last.rfq_id != event.rfq_id):
        # The first acceptance of a round is its decision.
        _follow(state, event.rfq_id, event.security_id, order.facts.segment, event.at_ns, event.day_ends)


def _accept_withheld(state: DeskState, event: e.AcceptWithheld) -> None:
    placement = state.placements[event.placement_id]
    state.placements.put(event.placement_id, moves.move_placement(placement, PlacementState.withheld))
    _free_round(state, placement)


def _placement_acknowledged(state: DeskState, event: e.PlacementAcknowledged) -> None:
    placement = state.placements[event.placement_id]
    acknowledged = moves.move_placement(placement, PlacementState.acknowledged, dealer_order_id=event.dealer_order_id)
    state.placements.put(event.placement_id, acknowledged)


def _placement_doubted(state: DeskState, event: e.PlacementDoubted) -> None:
    placement = state.placements[event.placement_id]
    asked = event.status_asked
    state.placements.put(
        event.placement_id,
        changed(
            placement,
            evidence=event.evidence or placement.evidence,
            status_asked_ns=event.at_ns if asked else placement.status_asked_ns,
            status_asks=placement.status_asks + asked,
            status_outbox_id=event.outbox_id if asked else placement.status_outbox_id,
            person_needed=placement.person_needed or event.person_needed,
            person_counts=_is_for_its_count(placement, event),
            counted=placement.counted if event.counted is None else event.counted,
            ends_as=event.ends_as or placement.ends_as,
            awaits_quarantine=event.awaits_quarantine or placement.awaits_quarantine,
        ),
    )
    if event.outbox_id:
        state.follow_ups.put(str(event.outbox_id), event.placement_id)


def _is_for_its_count(placement: Placement, event: e.PlacementDoubted) -> bool:
    if not event.person_needed:
        return placement.person_counts
    return event.counted is not None and (placement.person_counts or not placement.person_needed)


def _placement_count_agreed(state: DeskState, event: e.PlacementCountAgreed) -> None:
    agreed = changed(
        state.placements[event.placement_id], counted=None, evidence="", person_needed=False, person_counts=False
    )
    state.placements.put(event.placement_id, agreed)


def _placement_ended(state: DeskState, event: e.PlacementEnded) -> None:
    placement = state.placements[event.placement_id]
    ended = {"ended_ns": event.at_ns, "ended_mark": event.mark, "note": event.reason}
    state.placements.put(event.placement_id, moves.move_placement(placement, PlacementState(event.state), **ended))
    _free_round(state, placement)


def _placement_cancel_asked(state: DeskState, event: e.PlacementCancelAsked) -> None:
    placement = state.placements[event.placement_id]
    asked = changed(placement, cancel_id=event.cancel_id, cancel_outbox_id=event.outbox_id)
    state.placements.put(event.placement_id, asked)
    state.cancels.put(event.cancel_id, event.placement_id)
    if event.outbox_id:
        state.follow_ups.put(str(event.outbox_id), event.placement_id)


def _fill_booked(state: DeskState, event: e.FillBooked) -> None:
    fill = event.fill
    # One ExecID(17) may stand for two fills: a person has booked the second one, or an engine that took TradeDate(75)
    # into the key has told both.
    key = fill.key if fill.key not in state.fills else f"{fill.key}|{fill.exec_id}"
    state.fills.put(key, BookedFill(fill, economics(fill.quantity, fill.price)))
    placement = state.placements.get(fill.placement_id)
    if placement is not None:
        known_as = placement.dealer_order_id or fill.dealer_order_id
        placement = changed(placement, filled=placement.filled + fill.quantity, dealer_order_id=known_as)
        if placement.filled >= placement.quantity and placement.state is not PlacementState.filled:
            ended = {"ended_ns": event.at_ns, "ended_mark": event.mark}
            placement = moves.move_placement(placement, PlacementState.filled, **ended)
        state.placements.put(fill.placement_id, placement)
    order = moves.with_fill(state.orders[fill.order_id], fill.quantity, fill.price)
    if order.open:
        state.orders.put(fill.order_id, order)
    else:
        _end(state, order, event.at_ns)
    state.reversions.put(
        fill.exec_id,
        PendingReversion(
            exec_id=fill.exec_id,
            order_id=fill.order_id,
            dealer=fill.dealer,
            segment=event.segment,
            security_id=order.terms.security_id,
            side=order.terms.side,
            traded_ns=event.at_ns,
            due_ns=event.reversion_due_ns,
            mark=event.mark.price if event.mark is not None else None,
        ),
    )
    _deal(state, order, fill.dealer, fill.quantity_in_base, event.at_ns)
    _follow(state, fill.exec_id, order.terms.security_id, event.segment, event.at_ns, event.day_ends)


def _fill_confirmed(state: DeskState, event: e.FillConfirmed) -> None:
    key = event.key
    if state.fills[key].fill.exec_id != event.exec_id:
        key = f"{key}|{event.exec_id}"
    booked = state.fills[key]
    fill = booked.fill
    names = fill.trade_report_ids
    if event.trade_report_id and event.trade_report_id not in names:
        names = (*names, event.trade_report_id)
    fill = changed(
        fill,
        dealer_exec_id=event.dealer_exec_id or fill.dealer_exec_id,
        secondary_exec_id=fill.secondary_exec_id or event.secondary_exec_id,
        match_id=fill.match_id or event.match_id,
        trade_report_ids=names,
        in_execution_report=fill.in_execution_report or event.in_execution_report,
        counted=event.counted if fill.counted is None else fill.counted,
    )
    state.fills.put(key, changed(booked, fill=fill))


def _fill_canceled(state: DeskState, event: e.FillCanceled) -> None:
    fill = event.fill
    _change(state, event, (fill.quantity, fill.price), (ZERO, ZERO))
    state.fills.put(event.key, changed(state.fills[event.key], canceled=True))
    pending = state.reversions[fill.exec_id]
    state.reversions.put(fill.exec_id, changed(pending, done=True, reason="the trade was canceled"))
    state.marks_due.drop(fill.exec_id)


def _fill_corrected(state: DeskState, event: e.FillCorrected) -> None:
    was, fill = event.was, event.fill
    _change(state, event, (was.quantity, was.price), (fill.quantity, fill.price), event.mark)
    state.fills.put(event.key, changed(state.fills[event.key], fill=fill))


def _change(
    state: DeskState,
    event: e.FillCanceled | e.FillCorrected,
    was: tuple[Decimal, Decimal],
    now: tuple[Decimal, Decimal],
    mark: MarkUsed | None = None,
) -> None:
    """Quantity and price of a fill are not what they `was`: order, acceptance and what was dealt on its day follow."""
    fill, more = event.fill, now[0] - was[0]
    before_in_base = event.was.quantity_in_base if isinstance(event, e.FillCorrected) else fill.quantity_in_base
    in_base = (fill.quantity_in_base if isinstance(event, e.FillCorrected) else ZERO) - before_in_base
    _move_counts(state, event.key, more)
    placement = state.placements[fill.placement_id]
    order = moves.with_other_fill(state.orders[fill.order_id], was, now)
    before, to = placement, PlacementState(event.becomes)
    placement = moves.with_more_filled(placement, more)
    if to is PlacementState.in_doubt and not before.unanswered:
        placement = _alive_again(placement, before.quantity - before.filled, event.at_ns)
        if order.state is OrderState.with_trader:
            order = moves.move_order(order, OrderState.placed, placement_id=placement.placement_id)
    elif to is not before.state:
        ended = {"ended_ns": event.at_ns, "ended_mark": mark} if before.unanswered else {}
        placement = moves.move_placement_back(placement, to, **ended)
    state.placements.put(placement.placement_id, placement)
    if order.open:
        state.orders.put(order.order_id, order)
    else:
        _end(state, order, event.at_ns)
    _deal(state, order, fill.dealer, in_base, state.reversions[fill.exec_id].traded_ns)
    said = economics(*now) if isinstance(event, e.FillCorrected) else ""
    _keep_change(state, event.key, event.change, said)


def _trade_change_confirmed(state: DeskState, event: e.TradeChangeConfirmed) -> None:
    _keep_change(state, event.key, event.change, event.economics)
    if not event.becomes:
        return
    fill = state.fills[event.key].fill
    placement = state.placements[fill.placement_id]
    placement = _alive_again(placement, placement.quantity - placement.filled - fill.quantity, event.at_ns)
    state.placements.put(placement.placement_id, placement)
    order = state.orders[fill.order_id]
    if order.state is OrderState.with_trader:
        order = moves.move_order(order, OrderState.placed, placement_id=placement.placement_id)
        state.orders.put(order.order_id, order)


def _keep_change(state: DeskState, fill_key: str, change: str, said: str) -> None:
    session, _, _, exec_id = change.split("|")[:4]
    state.changes.put(change, TradeChange(fill_key, session, exec_id, said, change.endswith(BY_REPORT)))


def _move_counts(state: DeskState, key: str, more: Decimal) -> None:
    """The dealer counts so much more, or less, since this fill: those that it counted behind it move by as much."""
    fill = state.fills[key].fill
    executions = state.executions_of(fill.order_id)
    place = [each for each, _ in executions].index(key)
    for at, (other, booked) in enumerate(executions):
        counted = booked.fill.counted
        if other == key or booked.canceled or booked.fill.placement_id != fill.placement_id or counted is None:
            continue
        behind = at > place if fill.counted is None else counted - booked.fill.quantity >= fill.counted
        if behind:
            state.fills.put(other, changed(booked, fill=changed(booked.fill, counted=counted + more)))


def _alive_again(placement: Placement, called_off: Decimal, at_ns: int) -> Placement:
    """It may be filled once more: in doubt as if it had just been sent, but for what it was not to fill by then."""
    return moves.move_placement_back(
        placement,
        PlacementState.in_doubt,
        called_off=max(called_off, ZERO),
        ended_ns=0,
        ended_mark=None,
        note="",
        cancel_id="",
        cancel_outbox_id=0,
        counted=None,
        ends_as="",
        evidence="",
        person_needed=False,
        person_counts=False,
        status_asks=0,
        status_asked_ns=at_ns,
    )


def _fill_quarantined(state: DeskState, event: e.FillQuarantined) -> None:
    known = state.quarantined_as(event.key)
    if known is not None and known.open:
        fill_id = known.fill_id
    else:
        fill_id = state.next_id("quarantined", "F")
        _count(state, "quarantined")
    kept = Quarantined(
        fill_id=fill_id,
        key=event.key,
        reason=event.reason,
        dk=event.dk,
        session=event.session,
        dealer=event.dealer,
        quantity=event.quantity,
        price=event.price,
        since_ns=event.at_ns,
        placement_id=event.placement_id,
        report=event.report,
    )
    state.quarantine.put(fill_id, kept)


def _quarantine_settled(state: DeskState, event: e.QuarantineSettled) -> None:
    kept = state.quarantine[event.fill_id]
    state.quarantine.put(
        event.fill_id,
        changed(
            kept,
            verdict=event.verdict,
            settled_ns=event.at_ns,
            settled_by=event.actor,
            settled_reason=event.reason,
            exec_id=event.exec_id,
            beyond=event.beyond,
            dk=event.dk if event.told_until_ns else kept.dk,
            telling=Telling.waits if event.told_until_ns else Telling.nothing,
            told_until_ns=event.told_until_ns,
        ),
    )


def _dont_know_trade_sent(state: DeskState, event: e.DontKnowTradeSent) -> None:
    kept = state.quarantine[event.fill_id]
    sent = changed(kept, telling=Telling.sent, told_outbox_id=event.outbox_id, untold="")
    state.quarantine.put(event.fill_id, sent)
    state.sent.put(str(event.outbox_id), Sent("", kept.dealer, fill_id=event.fill_id))


def _dont_know_trade_unsent(state: DeskState, event: e.DontKnowTradeUnsent) -> None:
    kept = state.quarantine[event.fill_id]
    telling = Telling.lost if event.lost else Telling.waits
    state.quarantine.put(event.fill_id, changed(kept, telling=telling, untold=event.reason, untold_ns=event.at_ns))


def _quarantine_repeated(state: DeskState, event: e.QuarantineRepeated) -> None:
    kept = state.quarantine[event.fill_id]
    state.quarantine.put(event.fill_id, changed(kept, repeats=kept.repeats + 1))


def _reversion_measured(state: DeskState, event: e.ReversionMeasured) -> None:
    pending = state.reversions[event.exec_id]
    measured = changed(pending, done=True, reversion_bps=event.reversion_bps, reason=event.reason)
    state.reversions.put(event.exec_id, measured)


def _dealer_drifted(state: DeskState, event: e.DealerDrifted) -> None:
    state.drifts.put(f"{event.dealer}|{event.measure}", event)


def _history_added(state: DeskState, event: e.HistoryAdded) -> None:
    for told in event.rounds:
        seen = told.seen
        key = told_key(seen.source, seen.rfq_id, seen.round)
        known = state.told.get(key)
        dealers = TOLD_APART.join(ask.dealer for ask in seen.asks)
        state.told.put(key, dealers if known is None else f"{known}{TOLD_APART}{dealers}")


# --- what follows a round and a fill --------------------------------------------------------------


def _round_observed(state: DeskState, event: e.RoundObserved) -> None:
    seen = event.round
    if seen.rfq_id not in state.marks_due and seen.decided_ns == event.at_ns:
        _follow(state, seen.rfq_id, seen.bond.security_id, seen.segment, event.at_ns, event.day_ends)
    rfq, told = state.rfqs[seen.rfq_id], {ask.dealer: ask for ask in seen.asks}
    asks = tuple(
        changed(ask, chosen_by=told[ask.dealer].chosen_by, p=told[ask.dealer].p) if ask.dealer in told else ask
        for ask in rfq.asks
    )
    state.rfqs.put(rfq.rfq_id, changed(rfq, asks=asks))
    _settle(state, seen.rfq_id, event.at_ns)


def _round_amended(state: DeskState, event: e.RoundAmended) -> None:
    if event.settles:
        _settle(state, event.rfq_id, event.at_ns)


def _settle(state: DeskState, rfq_id: str, now_ns: int) -> None:
    """Whoever has said nothing yet and has time left, has until then."""
    rfq = state.rfqs[rfq_id]
    ends = [ask.wait_until_ns for ask in rfq.asks if ask.state is AskState.asked and ask.wait_until_ns > now_ns]
    known = state.marks_due.get(rfq_id)
    if known is None and ends:
        order = state.orders[rfq.order_id]
        known = MarksDue(order.terms.security_id, order.facts.segment, rfq.opened_ns, ())
    if known is not None:
        _keep_due(state, rfq_id, changed(known, settle_ns=min(ends, default=0)))


def _marked(state: DeskState, event: e.RoundMarked | e.FillMarked) -> None:
    key = event.rfq_id if isinstance(event, e.RoundMarked) else event.exec_id
    known = state.marks_due[key]
    waiting = tuple([each for each in known.waiting if each[0] is not event.horizon])
    _keep_due(state, key, changed(known, waiting=waiting))


def _follow(
    state: DeskState, key: str, security_id: str, segment: str, since_ns: int, day_ends: tuple[int, ...]
) -> None:
    """Marks are to follow from `since_ns` on; where no end of a day is known, none are: an older engine took none."""
    if day_ends:
        waiting = sorted(horizons(since_ns, day_ends), key=_due_ns)
        state.marks_due.put(key, MarksDue(security_id, segment, since_ns, tuple(waiting)))


def _due_ns(waiting: tuple[Horizon, int]) -> int:
    return waiting[1]


def _keep_due(state: DeskState, key: str, due: MarksDue) -> None:
    if due.over:
        state.marks_due.drop(key)
    else:
        state.marks_due.put(key, due)


# --- control -------------------------------------------------------------------------------------


def _kill_switched(state: DeskState, event: e.KillSwitched) -> None:
    state.kills.put(str(event.scope), Kill(event.on, event.actor, event.reason, event.at_ns))


def _dealer_paused(state: DeskState, event: e.DealerPaused) -> None:
    state.pauses.put(event.dealer, Pause(event.on, event.actor, event.reason, event.at_ns))


def _session_switched(state: DeskState, event: e.SessionSwitched) -> None:
    state.switches.put(event.session, Switch(event.enabled, event.actor, event.reason, event.at_ns))


def _engine_started(state: DeskState, event: e.EngineStarted) -> None:
    state.lost.put("", event.at_ns)


def _session_down(state: DeskState, event: e.SessionDown) -> None:
    state.lost.put(event.session, event.at_ns)


# --- shared --------------------------------------------------------------------------------------


def economics(quantity: Decimal, price: Decimal) -> str:
    """What makes two reports of one ExecID(17) the same trade, however its numbers are spelt."""
    return f"{quantity.normalize():f}@{price.normalize():f}"


def _name(state: DeskState, order: Order, cl_ord_id: str, day: int) -> None:
    """A ClOrdID(11) that the order can be asked about by; a trader's own order has its name for the drop copy."""
    session = order.terms.session
    state.oms_ids.put(oms_key(session, day, cl_ord_id), order.order_id)
    state.oms_ids.put(oms_latest_key(session, cl_ord_id), order.order_id)


def _end(state: DeskState, order: Order, at_ns: int) -> None:
    state.orders.put(order.order_id, changed(order, ended_ns=order.ended_ns or at_ns))


def _count(state: DeskState, name: str, by: int = 1) -> None:
    state.counters.put(name, (state.counters.get(name) or 0) + by)


def _move_ask(state: DeskState, rfq_id: str, dealer: str, to: AskState, note: str = "", **changes: int) -> None:
    state.rfqs.put(rfq_id, moves.move_ask(state.rfqs[rfq_id], dealer, to, note, **changes))


def _free_round(state: DeskState, placement: Placement) -> None:
    """The dealer did not take it: the order and its round may look at the other quotes again."""
    order = state.orders[placement.order_id]
    if order.state is OrderState.placed and state.open_placement(order.order_id) is None:
        state.orders.put(order.order_id, moves.move_order(order, OrderState.asking))
    rfq = state.rfqs[placement.rfq_id]
    if rfq.state is RfqState.placed:
        # Whoever was not asked yet, or has not answered, may still be of use: collecting goes on if there is any.
        state.rfqs.put(rfq.rfq_id, moves.move_round(rfq, RfqState.asking))


_HANDLERS: Final[Mapping[type[e.Event], Callable[[DeskState, Any], None]]] = {
    e.OrderReceived: _order_received,
    e.DuplicateAllowed: _duplicate_allowed,
    e.OrderRated: _order_rated,
    e.OrderRecommended: _order_recommended,
    e.OrderOverridden: _order_overridden,
    e.OrderReported: _order_reported,
    e.OrderReturned: _order_returned,
    e.SessionsAwaited: _sessions_awaited,
    e.OrdersLookedAt: _orders_looked_at,
    e.CancelAsked: _cancel_asked,
    e.CancelSettled: _cancel_settled,
    e.ReplaceAsked: _replace_asked,
    e.ReplaceSettled: _replace_settled,
    e.OrderReplaced: _order_replaced,
    e.OrderCanceled: _order_canceled,
    e.OrderExpired: _order_expired,
    e.RfqOpened: _rfq_opened,
    e.DealerAsked: _dealer_asked,
    e.AskAwaited: _ask_awaited,
    e.AskBlocked: _ask_blocked,
    e.AskWithheld: _ask_withheld,
    e.QuoteReceived: _quote_received,
    e.QuoteWithdrawn: _quote_withdrawn,
    e.DealerDeclined: _dealer_declined,
    e.DealerSilent: _dealer_silent,
    e.RfqDeciding: _rfq_deciding,
    e.TraderAlerted: _trader_alerted,
    e.RfqClosed: _rfq_closed,
    e.QuoteAccepted: _quote_accepted,
    e.AcceptWithheld: _accept_withheld,
    e.PlacementAcknowledged: _placement_acknowledged,
    e.PlacementDoubted: _placement_doubted,
    e.PlacementCountAgreed: _placement_count_agreed,
    e.PlacementEnded: _placement_ended,
    e.PlacementCancelAsked: _placement_cancel_asked,
    e.FillBooked: _fill_booked,
    e.FillConfirmed: _fill_confirmed,
    e.FillCanceled: _fill_canceled,
    e.FillCorrected: _fill_corrected,
    e.TradeChangeConfirmed: _trade_change_confirmed,
    e.FillQuarantined: _fill_quarantined,
    e.QuarantineSettled: _quarantine_settled,
    e.DontKnowTradeSent: _dont_know_trade_sent,
    e.DontKnowTradeUnsent: _dont_know_trade_unsent,
    e.QuarantineRepeated: _quarantine_repeated,
    e.ReversionMeasured: _reversion_measured,
    e.HistoryAdded: _history_added,
    e.DealerDrifted: _dealer_drifted,
    e.RoundObserved: _round_observed,
    e.RoundAmended: _round_amended,
    e.RoundMarked: _marked,
    e.FillMarked: _marked,
    e.SecuritiesPut: _securities_put,
    e.CreditLimitsPut: _credit_limits_put,
    e.RatesPut: _rates_put,
    e.AxeAdvertised: _axe_advertised,
    e.AxeWithdrawn: _axe_withdrawn,
    e.AxesExpired: _axes_expired,
    e.KillSwitched: _kill_switched,
    e.DealerPaused: _dealer_paused,
    e.SessionSwitched: _session_switched,
    e.EngineStarted: _engine_started,
    e.SessionDown: _session_down,
}
