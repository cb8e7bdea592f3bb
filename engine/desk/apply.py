"""What each event makes of the state. The same live, in a draft and on restart.

`apply` is total. It reads no clock, no configuration, no rule text: whatever it needs stands in the event. What an
event teaches about dealers is read from the state as it leaves it: `classic_lessons`, `learning`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from engine.clock import utc_day
from engine.desk.apply_executions import EXECUTIONS
from engine.desk.moving import count, end_order, follow, keep_due, move_ask
from engine.desk.state import DeskState
from engine.desk.state_rows import (
    TOLD_APART,
    AskRef,
    Exposure,
    Kill,
    MarksDue,
    Pause,
    Sent,
    Switch,
    alike_key,
    axe_key,
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
from engine.domain.order import Order, OrderState
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
    count(state, "orders")
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
    count(state, "reports")


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
        end_order(state, moves.move_order(order, OrderState.filled), event.at_ns)
    else:
        state.orders.put(event.order_id, order)


def _order_canceled(state: DeskState, event: e.OrderCanceled) -> None:
    # What was carried out is pending no more: a fill that comes after the end has no cancel to answer.
    order = changed(state.orders[event.order_id], cancel_cl_ord_id="")
    end_order(state, moves.move_order(order, OrderState.canceled, event.reason), event.at_ns)


def _order_expired(state: DeskState, event: e.OrderExpired) -> None:
    end_order(state, moves.move_order(state.orders[event.order_id], OrderState.expired, event.reason), event.at_ns)


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
    count(state, "rfqs")
    count(state, "open_rfqs")


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
    move_ask(state, event.rfq_id, event.dealer, became, event.reason)


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
    move_ask(state, event.rfq_id, event.dealer, AskState.declined, event.reason, declined_ns=event.at_ns)


def _dealer_silent(state: DeskState, event: e.DealerSilent) -> None:
    move_ask(state, event.rfq_id, event.dealer, AskState.silent)


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
    count(state, "open_rfqs", -1)


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
    count(state, f"axes:{row.dealer}", len(row.axes) - (len(before.axes) if before is not None else 0))


def _axes_besides(state: DeskState, dealer: str, security_id: str, axe_id: str, now_ns: int) -> tuple[Axe, ...]:
    known = state.axes.get(axe_key(dealer, security_id))
    return tuple(axe for axe in known.live(now_ns) if axe.axe_id != axe_id) if known is not None else ()


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
        follow(state, seen.rfq_id, seen.bond.security_id, seen.segment, event.at_ns, event.day_ends)
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
        keep_due(state, rfq_id, changed(known, settle_ns=min(ends, default=0)))


def _marked(state: DeskState, event: e.RoundMarked | e.FillMarked) -> None:
    key = event.rfq_id if isinstance(event, e.RoundMarked) else event.exec_id
    known = state.marks_due[key]
    waiting = tuple([each for each in known.waiting if each[0] is not event.horizon])
    keep_due(state, key, changed(known, waiting=waiting))


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


def _name(state: DeskState, order: Order, cl_ord_id: str, day: int) -> None:
    """A ClOrdID(11) that the order can be asked about by; a trader's own order has its name for the drop copy."""
    session = order.terms.session
    state.oms_ids.put(oms_key(session, day, cl_ord_id), order.order_id)
    state.oms_ids.put(oms_latest_key(session, cl_ord_id), order.order_id)


_HANDLERS: Final[Mapping[type[e.Event], Callable[[DeskState, Any], None]]] = {
    **EXECUTIONS,
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
