"""Who handles what: one entry for every message heard, timer due, session change and outbox message that did not go.

`deadline_of` says when each open thing must be looked at again: derived from the state, so that no restart loses a
timer. Times are UTC nanoseconds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from engine.desk import aftermath, axes, deliveries, exchange
from engine.desk.draft import Delivery, Draft
from engine.desk.order import again, intake, reporting
from engine.desk.placement import answers, doubting, ending, placing, trade_reports, verdict
from engine.desk.round import asking
from engine.desk.round.asking import advance, next_deadline_ns
from engine.desk.setting import RfqClocks
from engine.desk.state import DeskState
from engine.domain import events as e
from engine.domain import messages as m
from engine.domain.exchange import is_pair
from engine.domain.keys import Timer, TimerKind
from engine.domain.order import OrderState
from engine.domain.rfq import RfqState

_SUBSCRIBE_AT_ONCE = 100


def hear(draft: Draft, session: str, role: str, heard: m.Heard) -> None:
    """An application message of a counterparty; `role` is what the session is to us."""
    copy = role == "dropcopy"
    match heard:
        case m.NewOrder():
            intake.on_new_order(draft, session, heard)
        case m.UnacceptableOrder():
            intake.on_unacceptable(draft, session, heard)
        case m.CancelOrder():
            intake.on_cancel(draft, session, heard)
        case m.ReplaceOrder():
            intake.on_replace(draft, session, heard)
        case m.AskOrderStatus():
            intake.on_status(draft, session, heard, copy=copy)
        case m.QuoteAnswer():
            advance(draft, asking.on_quote(draft, session, heard))
        case m.QuoteDecline():
            advance(draft, asking.on_decline(draft, session, heard))
        case m.QuoteWithdrawal():
            for moved in asking.on_withdrawal(draft, session, heard):
                advance(draft, moved)
        case m.DealerReport():
            advance(draft, answers.on_report(draft, session, heard))
        case m.TradeReport():
            advance(draft, trade_reports.on_trade_report(draft, session, heard))
        case m.DealerCancelRefused():
            advance(draft, answers.on_cancel_refused(draft, session, heard))
        case m.AxeSaid():
            axes.on_said(draft, session, heard)
        case m.MarketPrice() if is_pair(heard.security_id):
            exchange.on_price(draft, session, heard)
        case m.MarketPrice():
            deliveries.on_price(draft, session, heard)
        case m.MarketChanges():
            deliveries.on_changes(draft, session, heard)
            exchange.on_changes(draft, session, heard)
        case m.RefusedByPeer():
            _stray(draft, session, heard.ref_msg_type, heard.text)
        case m.Ignored():
            draft.record(e.MessageIgnored(draft.now_ns, session, heard.kind, heard.text))


def refused(draft: Draft, session: str, heard: m.RefusedByPeer, outbox_id: int | None) -> None:
    """Reject(3) or BusinessMessageReject(j) of a message of ours, found again by its number."""
    sent = draft.state.sent.get(str(outbox_id)) if outbox_id is not None else None
    if sent is None:
        _stray(draft, session, heard.ref_msg_type, heard.text)
    elif sent.fill_id:
        verdict.not_delivered(draft, sent.fill_id, outbox_id, f"refused by the dealer's engine: {heard.text}")
    elif sent.placement_id:
        advance(draft, answers.on_refused_by_peer(draft, sent.placement_id, heard.text))
    else:
        ask = draft.state.rfqs[sent.rfq_id].ask_of(sent.dealer)
        assert ask is not None
        decline = m.QuoteDecline(ask.quote_req_id, f"refused by the dealer's engine: {heard.text}")
        advance(draft, asking.on_decline(draft, session, decline))


def due(draft: Draft, key: Timer) -> None:
    """A timer woke: whoever it belongs to compares with its own deadline."""
    kind, ident = key
    if kind is TimerKind.rfq and ident in draft.state.rfqs:
        advance(draft, ident)
    elif kind is TimerKind.placement:
        placement = draft.state.placements[ident]
        since = max(placement.sent_ns, placement.status_asked_ns)
        if draft.now_ns >= since + draft.desk.clocks.undelivered_ask_ns:
            doubting.doubt(draft, placement, placement.evidence or "no answer")
    elif kind is TimerKind.order:
        order = draft.state.orders[ident]
        if order.out_of_time(draft.now_ns):
            reporting.expire(draft, ident)
        elif order.state is OrderState.with_trader and 0 < order.again_ns <= draft.now_ns:
            intake.work(draft, ident, waits=False)
    elif kind is TimerKind.waiting:
        again.look_on(draft)
    elif kind is TimerKind.reversion:
        aftermath.measure(draft, ident)
    elif kind is TimerKind.marks:
        aftermath.take_marks(draft, ident)
    elif kind is TimerKind.quarantine:
        verdict.tell_again(draft, ident)


def session_up(draft: Draft, session: str, role: str, epoch: int) -> None:
    """A session is active: ask again about what is unanswered there, subscribe to prices."""
    draft.record(e.SessionUp(draft.now_ns, session, epoch))
    if role == "dealer":
        verdict.session_back(draft, session)
        doubting.session_back(draft, session)
        asking.session_back(draft, session)
        again.somebody_came_up(draft)
    elif role == "market":
        _subscribe(draft, session)


def session_down(draft: Draft, session: str, code: str, reason: str, by: str) -> None:
    """A session ceased to be active; unanswered acceptances there stay reserved."""
    draft.record(e.SessionDown(draft.now_ns, session, reason, code, by))


def not_sent(draft: Draft, outbox_id: int, reason: str) -> None:
    """A committed R, D or Q was withheld at release: it never left."""
    sent = draft.state.sent.get(str(outbox_id))
    if sent is None:
        return
    if sent.fill_id:
        verdict.not_sent(draft, sent.fill_id, reason)
    elif sent.placement_id:
        advance(draft, ending.withhold(draft, sent.placement_id, reason))
    else:
        advance(draft, asking.on_withheld(draft, sent.rfq_id, sent.dealer, reason, never_left=True))


def gap_filled(draft: Draft, outbox_id: int) -> None:
    """A committed R, D, Q, H or F was filled over in a resend: it never arrived, as far as anybody can tell."""
    sent = draft.state.sent.get(str(outbox_id))
    if sent is None:
        asked_after = draft.state.follow_ups.get(str(outbox_id))
        if asked_after is not None:
            doubting.filled_over(draft, draft.state.placements[asked_after], outbox_id)
        return
    reason = "filled over in a resend: it never arrived"
    if sent.fill_id:
        verdict.not_delivered(draft, sent.fill_id, outbox_id, reason)
    elif sent.placement_id:
        # Evidence is not proof: it stays in doubt until the dealer or a person says so. What was asked about it until
        # now stands behind it and was filled over, too.
        doubting.doubt(draft, draft.state.placements[sent.placement_id], reason, afresh=True)
    else:
        advance(draft, asking.on_withheld(draft, sent.rfq_id, sent.dealer, reason, never_left=False))


def subscription_filled_over(draft: Draft, session: str) -> None:
    """A market session's subscription was filled over in a resend: nobody there knows of it."""
    _subscribe(draft, session)


def subscribe_to(draft: Draft, session: str, securities: Sequence[str]) -> None:
    """Ask a market session for the prices of these bonds, and for their trades where it tells them."""
    with_trades = session in draft.desk.appraisal.parameters.trades_from
    for start in range(0, len(securities), _SUBSCRIBE_AT_ONCE):
        wanted = tuple(securities[start : start + _SUBSCRIBE_AT_ONCE])
        draft.send(session, m.SubscribeMarketData(draft.fresh_id(), wanted, with_trades), Delivery.afresh)


def _subscribe(draft: Draft, session: str) -> None:
    known = draft.desk.appraisal.parameters
    subscribe_to(draft, session, list(draft.desk.securities))
    # Of a benchmark the level is wanted; by the provider's own name, unless it is one of the bonds.
    levels = tuple(dict.fromkeys(each for each in known.benchmarks.values() if each not in draft.desk.securities))
    if levels:
        subscription = m.SubscribeMarketData(draft.fresh_id(), levels, are_benchmarks=True)
        draft.send(session, subscription, Delivery.afresh)
    pairs = draft.desk.rate_pairs.get(session, ())
    if pairs:
        draft.send(session, m.SubscribeRates(draft.fresh_id(), pairs), Delivery.afresh)


def _stray(draft: Draft, session: str, kind: str, text: str) -> None:
    draft.record(e.StrayMessage(draft.now_ns, session, kind, "", text))


# --- deadlines ------------------------------------------------------------------------------------


def deadline_of(
    state: DeskState, key: Timer, clocks: RfqClocks, session_up: Callable[[str], bool], now_ns: int
) -> int | None:
    """The next time this key wants to be looked at; None while nothing but an input can move it."""
    kind, ident = key
    if kind is TimerKind.rfq:
        rfq = state.rfqs.get(ident)
        if rfq is None or rfq.state is not RfqState.deciding:
            return next_deadline_ns(rfq) if rfq is not None else None
        return placing.next_look_ns(rfq, state.orders[rfq.order_id].terms.expire_ns, clocks.guard_ns, now_ns)
    if kind is TimerKind.placement:
        placement = state.placements.get(ident)
        if placement is None or not placement.unanswered or placement.person_needed:
            return None
        if not session_up(placement.session):
            return None
        return max(placement.sent_ns, placement.status_asked_ns) + clocks.undelivered_ask_ns
    if kind is TimerKind.order:
        order = state.orders.get(ident)
        if order is None or not order.open or order.state is OrderState.placed:
            return None
        again_ns = order.again_ns if order.state is OrderState.with_trader else 0
        return min((each for each in (order.terms.expire_ns, again_ns) if each), default=None)
    if kind is TimerKind.waiting:
        return now_ns if state.to_look_at() else None
    if kind is TimerKind.marks:
        return aftermath.marks_due_ns(state, ident, now_ns)
    if kind is TimerKind.quarantine:
        return verdict.deadline_ns(state, ident, session_up, clocks.undelivered_ask_ns)
    return aftermath.reversion_due_ns(state, ident, now_ns)


def open_keys(state: DeskState) -> Iterator[Timer]:
    """Everything that may have a deadline, for a process that has just taken the state over."""
    yield from (Timer(TimerKind.rfq, rfq.rfq_id) for rfq in state.open_rounds())
    yield from (Timer(TimerKind.placement, p.placement_id) for p in state.unanswered())
    yield from (Timer(TimerKind.order, order.order_id) for order in state.open_orders())
    yield Timer(TimerKind.waiting, "")
    yield from (Timer(TimerKind.reversion, p.exec_id) for p in state.pending_reversions())
    yield from (Timer(TimerKind.marks, key) for key in state.rounds_and_fills_to_mark())
    yield from (Timer(TimerKind.quarantine, kept.fill_id) for kept in state.dealers_to_tell())
