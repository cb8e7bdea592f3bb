"""A round of asking, from its opening to its end: requests made as their time comes, answers taken.

`advance` does what is due, until the round has a deadline, waits for a dealer's word, or is over. A handler returns
the round that its message moved, None when it moved none; whoever called it advances that round.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from datetime import date
from typing import Final

from engine.dealers.book import Dealer
from engine.desk.draft import Draft
from engine.desk.gate import risk
from engine.desk.gate.risk import Blocked
from engine.desk.gate.size import rate_or_none
from engine.desk.order import changing
from engine.desk.order.reporting import expire, finish_cancel, return_to_trader
from engine.desk.placement import placing
from engine.desk.returning import due_until_ns
from engine.desk.round.quotes import fair_enough, judge, live_quotes
from engine.desk.round.seen import SESSION_WAS_DOWN, Amending
from engine.desk.settlement import is_told, settlement_of
from engine.desk.state_rows import AskRef
from engine.domain import events as e
from engine.domain.keys import Timer, TimerKind
from engine.domain.messages import AskDealer, QuoteAnswer, QuoteDecline, QuoteWithdrawal
from engine.domain.order import Order, OrderState
from engine.domain.placement import PlacementState
from engine.domain.rfq import Ask, AskPlan, AskState, Quote, Rfq, RfqState
from engine.market.calendars import wire_date
from engine.rules.plan import Mode

_NS_PER_S = 1_000_000_000

_CALLED_BACK: Final = (
    PlacementState.canceled,
    PlacementState.rejected,
    PlacementState.undelivered,
    PlacementState.withheld,
)
"""How an acceptance may end that we wanted back, unless it was filled all the same."""

HEARD_WITHIN_NS: Final = 2 * _NS_PER_S
"""So long after a logon, what was missed until then has been asked for and sent again."""

Stops = Callable[[Quote], bool]
"""Does this executable quote end a one-at-a-time search?"""


def open_round(draft: Draft, order: Order, plan: AskPlan, *, opened_by: str) -> str:
    """Begin a round and make its first requests; its number. Whoever calls has asked the gate, as each request does."""
    rfq_id = draft.state.next_id("rfqs", "Q")
    draft.record(
        e.RfqOpened(
            draft.now_ns,
            rfq_id=rfq_id,
            order_id=order.order_id,
            round=order.rounds + 1,
            plan=plan,
            quantity=order.leaves,
            fair=draft.mark_of(order.terms.security_id),
            opened_by=opened_by,
            index=draft.index_of(order.facts.segment),
            rate=rate_or_none(draft, order.terms.currency),
        )
    )
    draft.wake(Timer(TimerKind.order, order.order_id))  # The rule book need not look at it again.
    advance(draft, rfq_id)
    return rfq_id


def advance(draft: Draft, rfq_id: str | None) -> None:
    """Do everything that is due in this round; afterwards it has a deadline, waits for a dealer's word, or is over."""
    if rfq_id is None:
        return
    # A replace that waited for the dealer's word comes first: it may end the order, or change when that is to end.
    # Where the acceptance was called back for it, the rule book looks at the new terms; what a person has released
    # stays a person's.
    order_id = draft.state.rfqs[rfq_id].order_id
    replaced = changing.settle(draft, order_id)
    again_ns = draft.now_ns if replaced and not _released(draft, draft.state.orders[order_id]) else 0
    if _ended(draft, draft.state.rfqs[rfq_id], again_ns):
        return
    if not draft.state.rfqs[rfq_id].open:
        _after_its_end(draft, draft.state.rfqs[rfq_id], again_ns)
        return
    _drive(draft, rfq_id)
    if draft.state.rfqs[rfq_id].state is RfqState.deciding:
        placing.take_best(draft, rfq_id)


def _ended(draft: Draft, rfq: Rfq, again_ns: int) -> bool:
    """An order that is being canceled, out of time or a person's ends its round before anybody else is asked.

    `again_ns` is when the rule book is to look at what comes back once more, 0 for never.
    """
    if rfq.state not in (RfqState.asking, RfqState.deciding):
        return False
    order = draft.state.orders[rfq.order_id]
    if order.cancel_cl_ord_id:
        finish_cancel(draft, order.order_id)
    elif order.out_of_time(draft.now_ns):
        expire(draft, order.order_id)
    elif reason := _given_up(draft, order):
        return_to_trader(draft, order, reason, again_ns=again_ns)
    else:
        return False
    return True


def _after_its_end(draft: Draft, rfq: Rfq, again_ns: int) -> None:
    """An acceptance of a round that is over has its last word: the order is the trader's again, or ends.

    A person took a quote that outlived the round, in vain; or a dealer took a fill back, and lived on until now.
    """
    order = draft.state.orders[rfq.order_id]
    if not order.open or draft.state.open_placement(order.order_id) is not None:
        return
    current = draft.state.rfqs[order.rfq_id]
    if current.open:
        advance(draft, current.rfq_id)
    elif order.cancel_cl_ord_id:
        finish_cancel(draft, order.order_id)
    elif order.out_of_time(draft.now_ns):
        expire(draft, order.order_id)
    elif order.state is OrderState.asking:
        last = draft.state.placements[order.placement_id]
        reason = _given_up(draft, order) or f"the acceptance at {last.dealer} was {last.state}"
        return_to_trader(draft, order, reason, again_ns=again_ns)


def _given_up(draft: Draft, order: Order) -> str:
    """Why the rest of the round is a person's: we called the last acceptance back, or a person released it."""
    last = draft.state.placements.get(order.placement_id) if order.placement_id else None
    if last is None or last.rfq_id != order.rfq_id:
        return ""
    if _released(draft, order):
        return f"the acceptance at {last.dealer} was released by a person"
    if last.cancel_id and last.state in _CALLED_BACK:
        return f"the acceptance at {last.dealer} was called back"
    return ""


def _released(draft: Draft, order: Order) -> bool:
    """Is it a person's word alone that the last acceptance is over?"""
    last = draft.state.placements.get(order.placement_id) if order.placement_id else None
    return last is not None and last.state is PlacementState.forced


# --- requests -------------------------------------------------------------------------------------


def _drive(draft: Draft, rfq_id: str) -> None:
    """Everything that is due in a collecting round now: silence noted, requests made, collection ended."""
    guard_ns = draft.desk.clocks.guard_ns
    draft.wake(Timer(TimerKind.rfq, rfq_id))
    rfq = draft.state.rfqs[rfq_id]
    if rfq.state is not RfqState.asking:
        return
    _note_silence(draft, rfq)
    awaited: set[str] = set()
    while True:
        rfq = draft.state.rfqs[rfq_id]
        due = [each for each in due_dealers(rfq, draft.now_ns, _stopping(draft, rfq), guard_ns) if each not in awaited]
        if not due:
            break
        awaited.update([dealer for dealer in due if not _ask(draft, rfq_id, dealer)])
    stops = _stopping(draft, rfq)
    if stopped(rfq, draft.now_ns, stops, guard_ns):
        _decide(draft, rfq)
    elif collected(rfq, draft.now_ns, stops, guard_ns) and not _may_be_heard(draft, rfq):
        _decide(draft, draft.state.rfqs[rfq_id])


def _stopping(draft: Draft, rfq: Rfq) -> Stops:
    """Does a quote end this one-at-a-time search?

    Within the rule's tolerance of fair, and worth more than to ask on where the plan says from what edge it is; where
    fair is unknown, any executable quote inside the order's limit.
    """
    order = draft.state.orders[rfq.order_id]
    limit, sign = order.terms.limit_price, rfq.side.sign
    enough_bps = stop_bps(rfq)

    def stops(quote: Quote) -> bool:
        assert quote.price is not None
        if limit is not None and (quote.price - limit) * sign > 0:
            return False
        if quote.edge_bps is not None and quote.edge_bps < enough_bps:
            return False
        if rfq.plan.accept is None:
            return True
        verdict = fair_enough(draft, rfq, quote, rfq.plan.accept)
        return verdict is None or verdict

    return stops


def _note_silence(draft: Draft, rfq: Rfq) -> None:
    """Whoever's wait is over without a word was silent, whether its timer or its late word comes first."""
    segment = draft.state.orders[rfq.order_id].facts.segment
    for ask in overdue(rfq, draft.now_ns):
        asked = draft.desk.dealers.get(ask.dealer)
        if asked is None or not draft.session_up(asked.session):
            # Nobody was listening: whether the request arrived is in doubt, and that says nothing of the dealer.
            draft.record(e.AskWithheld(draft.now_ns, rfq.rfq_id, ask.dealer, SESSION_WAS_DOWN, never_left=False))
            continue
        # The wait that was granted, and not how late we looked: it can be taken back to the digit.
        waited_ns = ask.wait_until_ns - ask.asked_ns
        draft.record(e.DealerSilent(draft.now_ns, rfq.rfq_id, ask.dealer, segment, waited_ns))


def _decide(draft: Draft, rfq: Rfq) -> None:
    """Collection is over: what is live may be executed while it lives, at most `rfq.decide_s`."""
    clocks = draft.desk.clocks
    live = live_quotes(rfq, draft.now_ns, clocks.guard_ns)
    latest = draft.now_ns + clocks.decide_ns
    ends = [min(latest, (quote.firm_until_ns or latest) - clocks.guard_ns) for _, quote in live]
    reason = f"{len(live)} executable quote(s) of {len(rfq.asks)} dealer(s)"
    draft.record(e.RfqDeciding(draft.now_ns, rfq.rfq_id, max(ends, default=draft.now_ns), reason))


def _ask(draft: Draft, rfq_id: str, dealer_id: str) -> bool:
    """Ask a dealer, or record why it cannot be; False if its session is waited for."""
    rfq = draft.state.rfqs[rfq_id]
    order = draft.state.orders[rfq.order_id]
    dealer = draft.desk.dealers.get(dealer_id)
    if dealer is None:
        draft.record(e.AskBlocked(draft.now_ns, rfq_id, dealer_id, "dealer", f"{dealer_id} is no longer known"))
        return True
    if rfq.opened_by.startswith("rule:") and (stopped := draft.state.rules_stopped()):
        draft.record(e.AskBlocked(draft.now_ns, rfq_id, dealer_id, "kill", stopped))
        return True
    clocks = draft.desk.clocks
    wait_until = draft.now_ns + rfq.plan.wait_ns
    security = draft.desk.securities[order.terms.security_id]
    quote_req_id = draft.fresh_id()
    settl_date = wire_date(settlement_of(draft.desk, order.terms, draft.now_ns))
    said = AskDealer(
        dealer=dealer_id,
        quote_req_id=quote_req_id,
        security_id=security.security_id,
        id_source=security.id_source,
        side=rfq.side,
        quantity=rfq.quantity,
        currency=order.terms.currency,
        settl_date=settl_date,
        collect_until_ns=wait_until,
        firm_until_ns=wait_until + clocks.decide_ns,
        transact_ns=draft.now_ns,
    )
    # A request is worth nothing to a dealer once half its time is gone.
    cleared = risk.clear_ask(draft, order, dealer, said, draft.now_ns + rfq.plan.wait_ns // 2)
    if isinstance(cleared, Blocked):
        if cleared.check == "session" and _is_awaited(draft, rfq, dealer):
            return False
        draft.record(e.AskBlocked(draft.now_ns, rfq_id, dealer_id, cleared.check, cleared.reason))
        return True
    later = draft.now_ns != rfq.opened_ns  # Else the round's opening has both.
    draft.record(
        e.DealerAsked(
            draft.now_ns,
            rfq_id,
            dealer_id,
            order.facts.segment,
            quote_req_id,
            draft.next_outbox_id(),
            wait_until,
            mark=draft.mark_of(order.terms.security_id) if later else None,
            index=draft.index_of(order.facts.segment) if later else None,
            settl_date=settl_date,
            rate=rate_or_none(draft, order.terms.currency) if later else None,
        )
    )
    draft.send_cleared(cleared)
    return True


def _is_awaited(draft: Draft, rfq: Rfq, dealer: Dealer) -> bool:
    """Is this dealer's session due, so that the round waits for it? Once, and for no longer than an answer may take."""
    until_ns = rfq.awaited_until_ns(dealer.id)
    if until_ns is None:
        until_ns = min(due_until_ns(draft, dealer.session), draft.now_ns + rfq.plan.wait_ns)
        if until_ns > draft.now_ns:
            draft.record(e.AskAwaited(draft.now_ns, rfq.rfq_id, dealer.id, until_ns))
    return draft.now_ns < until_ns


def _may_be_heard(draft: Draft, rfq: Rfq) -> bool:
    """Has a dealer perhaps answered while we were not there? What it has said comes once its session is back.

    Not for longer than what others have quoted can be had.
    """
    guard_ns, is_awaited = draft.desk.clocks.guard_ns, False
    ends = [quote.firm_until_ns for _, quote in live_quotes(rfq, draft.now_ns, guard_ns) if quote.firm_until_ns]
    last_ns = min(ends, default=draft.now_ns + rfq.plan.wait_ns) - guard_ns - placing.TAKEN_AHEAD_NS
    for ask in unheard(rfq):
        dealer, until_ns = draft.desk.dealers.get(ask.dealer), rfq.awaited_until_ns(ask.dealer)
        if until_ns is None and dealer is not None:
            until_ns = min(due_until_ns(draft, dealer.session), last_ns)
            if until_ns > draft.now_ns:
                draft.record(e.AskAwaited(draft.now_ns, rfq.rfq_id, ask.dealer, until_ns))
        is_awaited = is_awaited or (until_ns is not None and draft.now_ns < until_ns)
    return is_awaited


# --- what is due: pure questions about a round and a time -----------------------------------------


def due_dealers(rfq: Rfq, now_ns: int, stops: Stops, guard_ns: int) -> tuple[str, ...]:
    """Whom to ask now; only while the round is collecting."""
    if rfq.state is not RfqState.asking:
        return ()
    left = rfq.unasked
    if not left or rfq.plan.mode is Mode.PARALLEL:
        return left
    due = _stagger_due_ns(rfq)
    if due is not None and now_ns < due:
        return ()
    if rfq.plan.mode is Mode.ONE_AT_A_TIME and (
        any(not ask.answered for ask in rfq.asks) or stopped(rfq, now_ns, stops, guard_ns)
    ):
        return ()
    return left[:1]


def stopped(rfq: Rfq, now_ns: int, stops: Stops, guard_ns: int) -> bool:
    """Has a one-at-a-time search found what it looked for?"""
    if rfq.plan.mode is not Mode.ONE_AT_A_TIME:
        return False
    return any(stops(quote) for _, quote in live_quotes(rfq, now_ns, guard_ns))


def collected(rfq: Rfq, now_ns: int, stops: Stops, guard_ns: int) -> bool:
    """Nobody is left to ask or to wait for, or the search has found what it looked for."""
    if stopped(rfq, now_ns, stops, guard_ns):
        return True
    return not rfq.unasked and all(ask.answered for ask in rfq.asks)


def stop_bps(rfq: Rfq) -> float:
    """The edge from which a quote is worth more than to ask on, by the plan; minus infinity where it says nothing."""
    plan = rfq.plan
    if not plan.stops_bps:
        return -math.inf
    asked = {ask.dealer for ask in rfq.asks}
    reached = [stop for dealer, stop in zip(plan.dealers, plan.stops_bps, strict=True) if dealer in asked]
    return reached[-1] if reached else math.inf


def overdue(rfq: Rfq, now_ns: int) -> tuple[Ask, ...]:
    """Asked dealers whose wait is over without a word."""
    return tuple(ask for ask in rfq.asks if not ask.answered and now_ns >= ask.wait_until_ns)


def unheard(rfq: Rfq) -> tuple[Ask, ...]:
    """Dealers whose session was down when their wait was over, and of whom nothing has come since."""
    return tuple(ask for ask in rfq.asks if ask.note == SESSION_WAS_DOWN and not ask.quotes)


def waits_for(draft: Draft, rfq: Rfq) -> str:
    """Whose session an open round waits for just now, in words; empty where it waits for none."""
    if rfq.state is RfqState.deciding:
        return placing.waits_for(draft, draft.state.orders[rfq.order_id], rfq)
    if rfq.state is not RfqState.asking:
        return ""
    missed = {ask.dealer for ask in unheard(rfq)}
    names = [dealer for dealer, until_ns in rfq.awaited if draft.now_ns < until_ns]
    to_ask = [name for name in names if name in rfq.unasked]
    to_hear = [name for name in names if name in missed]
    said = [f"{', '.join(to_ask)} to log on"] if to_ask else []
    return "; ".join(said + ([f"what {', '.join(to_hear)} may have said meanwhile"] if to_hear else []))


def next_deadline_ns(rfq: Rfq) -> int | None:
    """UTC time at which the round must be looked at again; None while only an answer can move it."""
    if rfq.state is RfqState.deciding:
        return rfq.decide_until_ns
    if rfq.state is not RfqState.asking:
        return None
    times = [ask.wait_until_ns for ask in rfq.asks if not ask.answered]
    unasked, due = rfq.unasked, _stagger_due_ns(rfq)
    if unasked and (awaited := [until_ns for dealer, until_ns in rfq.awaited if dealer in unasked]):
        times += awaited
    elif not unasked and all(ask.answered for ask in rfq.asks):
        silent = [ask.dealer for ask in unheard(rfq)]
        times += sorted([until_ns for dealer, until_ns in rfq.awaited if dealer in silent])[-1:]
    elif due is not None and unasked and not (rfq.plan.mode is Mode.ONE_AT_A_TIME and times):
        times.append(due)
    return min(times, default=None)


def _stagger_due_ns(rfq: Rfq) -> int | None:
    """When the next request may leave: so long after the last one that was made."""
    if not rfq.plan.stagger_ns:
        return None
    made = [ask.asked_ns for ask in rfq.asks if ask.state is not AskState.blocked]
    return max(made) + rfq.plan.stagger_ns if made else None


# --- answers --------------------------------------------------------------------------------------


def on_quote(draft: Draft, session: str, heard: QuoteAnswer) -> str | None:
    """Quote(S). One that answers nothing we asked is kept and told, never dropped."""
    ref = draft.state.asks.get(heard.quote_req_id)
    if ref is None or not _from(draft, session, ref.dealer):
        _stray(draft, session, "Quote", heard.quote_req_id, f"quote {heard.quote_id} answers no request of ours")
        return None
    rfq, ask, moved = _at_its_time(draft, ref)
    order = draft.state.orders[rfq.order_id]
    fresh = all(known.quote_id != heard.quote_id for known in ask.quotes)
    if fresh and sum(len(known.quotes) for known in rfq.asks) >= draft.desk.clocks.quotes_per_rfq_max:
        _stray(draft, session, "Quote", heard.quote_req_id, "rfq.quotes_per_rfq_max is reached: not taken")
        return moved
    dealer = draft.desk.dealers.get(ref.dealer)
    firm_s = dealer.firm_time_s if dealer is not None else None
    fair = draft.fair_of(rfq)
    quote = judge(
        heard,
        side=rfq.side,
        quantity=rfq.quantity,
        security_id=order.terms.security_id,
        settl_date=_settl_date_of(draft, order, ask),
        currency=order.terms.currency,
        fair=fair,
        asked_ns=ask.asked_ns,
        now_ns=draft.now_ns,
        firm_time_ns=int(firm_s * _NS_PER_S) if firm_s is not None else None,
        guard_ns=draft.desk.clocks.guard_ns,
    )
    late = rfq.state is not RfqState.asking or ask.state not in (AskState.asked, AskState.quoted)
    first, firmed = _firsts(ask, quote)
    amending = Amending(draft, ref.rfq_id)
    draft.record(e.QuoteReceived(draft.now_ns, ref.rfq_id, ref.dealer, order.facts.segment, quote, late, first, firmed))
    amending.done("a price came after the round")
    return ref.rfq_id


def _settl_date_of(draft: Draft, order: Order, ask: Ask) -> str:
    """The SettlDate(64) that the dealer's prices have to be for; empty where any will do."""
    asked = ask.settl_date
    return asked if asked and is_told(draft.desk, order.terms, date.fromisoformat(asked)) else ""


def _firsts(ask: Ask, quote: Quote) -> tuple[bool, bool]:
    """Is it the dealer's first price, in its time? Is it its first executable one, after another?

    Somebody else may have been faster and have the trade: within its own time it is an answer all the same.
    """
    in_time = (
        ask.state in (AskState.asked, AskState.quoted, AskState.declined) and quote.received_ns < ask.wait_until_ns
    )
    if not in_time or quote.price is None:
        return False, False
    first = not ask.priced
    return first, not first and not ask.firm and not quote.problem


def on_decline(draft: Draft, session: str, heard: QuoteDecline) -> str | None:
    """QuoteRequestReject(AG), or a refusal of the request itself. After a price it withdraws the price."""
    ref = draft.state.asks.get(heard.quote_req_id)
    if ref is None or not _from(draft, session, ref.dealer):
        _stray(draft, session, "QuoteRequestReject", heard.quote_req_id, heard.reason)
        return None
    rfq, ask, moved = _at_its_time(draft, ref)
    if ask.state is AskState.asked:
        _declined(draft, rfq, ask, heard.reason)
        return ref.rfq_id
    if any(not quote.withdrawn for quote in ask.quotes):
        _withdraw(draft, ref.rfq_id, ref.dealer, "")
        return ref.rfq_id
    _stray(draft, session, "QuoteRequestReject", heard.quote_req_id, f"came when the dealer was {ask.state}")
    return moved


def on_withdrawal(draft: Draft, session: str, heard: QuoteWithdrawal) -> tuple[str, ...]:
    """QuoteCancel(Z); the rounds it moved. Without QuoteReqID(131) all quotes of the session's dealers are meant.

    A request is of one bond: which ones the withdrawal names beside it says nothing more.
    """
    if not heard.quote_req_id:
        return _withdraw_all(draft, session, heard)
    ref = draft.state.asks.get(heard.quote_req_id)
    if ref is None or not _from(draft, session, ref.dealer):
        _stray(draft, session, "QuoteCancel", heard.quote_req_id, "withdraws nothing we know")
        return ()
    rfq, ask, moved = _at_its_time(draft, ref)
    if any(heard.quote_id in ("", quote.quote_id) for quote in ask.quotes):
        _withdraw(draft, ref.rfq_id, ref.dealer, heard.quote_id)
    elif heard.widely and ask.quotes:
        _withdraw(draft, ref.rfq_id, ref.dealer, "")
    elif ask.state is AskState.asked:
        _declined(draft, rfq, ask, "withdrew before any price")
    else:
        _stray(draft, session, "QuoteCancel", heard.quote_req_id, f"withdraws {heard.quote_id}, which we do not know")
        return () if moved is None else (moved,)
    return (ref.rfq_id,)


def _withdraw_all(draft: Draft, session: str, heard: QuoteWithdrawal) -> tuple[str, ...]:
    """By QuoteID(117), wherever it is said; by bond, or all, where that names none."""
    dealers = [dealer.id for dealer in draft.desk.dealers.on_session(session)]
    quoted = [
        (rfq, ask)
        for rfq in (*reversed(draft.state.open_rounds()), *_outlived(draft))
        for ask in rfq.asks
        if ask.dealer in dealers and ask.quotes
    ]
    quote_id = heard.quote_id
    meant = [(rfq, ask) for rfq, ask in quoted if quote_id in [quote.quote_id for quote in ask.quotes]]
    if not meant and (not quote_id or heard.widely):
        quote_id = ""
        meant = [(rfq, ask) for rfq, ask in quoted if _is_of(draft, rfq, heard.bonds)]
    for rfq, ask in meant:
        _withdraw(draft, rfq.rfq_id, ask.dealer, quote_id)
    if not meant:
        named = heard.quote_id or ", ".join(text for _, text in heard.bonds)
        _stray(draft, session, "QuoteCancel", named, "withdraws nothing we know")
    return tuple(dict.fromkeys(rfq.rfq_id for rfq, _ in meant))


def _outlived(draft: Draft) -> list[Rfq]:
    """Rounds that are over, whose quotes a person may still take."""
    last = [draft.state.rfqs.get(order.rfq_id) for order in draft.state.open_orders() if order.rfq_id]
    return [rfq for rfq in last if rfq is not None and not rfq.open]


def _is_of(draft: Draft, rfq: Rfq, bonds: Sequence[tuple[str, str]]) -> bool:
    """Is the round about one of these bonds? Where there are none, it is meant all the same."""
    security_id = draft.state.orders[rfq.order_id].terms.security_id
    naming = draft.desk.naming
    return not bonds or any(naming.agrees(security_id, source, text) for source, text in bonds)


def _withdraw(draft: Draft, rfq_id: str, dealer: str, quote_id: str) -> None:
    amending = Amending(draft, rfq_id)
    draft.record(e.QuoteWithdrawn(draft.now_ns, rfq_id, dealer, quote_id))
    amending.done("it withdrew after the round")


def _declined(draft: Draft, rfq: Rfq, ask: Ask, reason: str) -> None:
    segment = draft.state.orders[rfq.order_id].facts.segment
    latency_ns = draft.now_ns - ask.asked_ns
    amending = Amending(draft, rfq.rfq_id)
    draft.record(e.DealerDeclined(draft.now_ns, rfq.rfq_id, ask.dealer, segment, reason, latency_ns))
    amending.done("it declined after the round")


def session_back(draft: Draft, session: str) -> None:
    """A dealer's session is up again: rounds may have waited for it, to ask it or to take its quote."""
    dealers = {dealer.id for dealer in draft.desk.dealers.on_session(session)}
    for rfq in draft.state.open_rounds():
        _heard_soon(draft, rfq, dealers)
        to_ask = rfq.state is RfqState.asking and not dealers.isdisjoint([name for name, _ in rfq.awaited])
        to_take = rfq.state is RfqState.deciding and any(ask.quotes and ask.dealer in dealers for ask in rfq.asks)
        if to_ask or to_take:
            advance(draft, rfq.rfq_id)


def _heard_soon(draft: Draft, rfq: Rfq, dealers: set[str]) -> None:
    """Whatever these have said while they were not logged on is on its way now: no need to wait for longer."""
    soon_ns = draft.now_ns + HEARD_WITHIN_NS
    for ask in unheard(rfq) if rfq.state is RfqState.asking else ():
        until_ns = rfq.awaited_until_ns(ask.dealer)
        if ask.dealer in dealers and until_ns is not None and until_ns > soon_ns:
            draft.record(e.AskAwaited(draft.now_ns, rfq.rfq_id, ask.dealer, soon_ns))


def on_withheld(draft: Draft, rfq_id: str, dealer: str, reason: str, *, never_left: bool) -> str | None:
    """A committed request did not leave, or was filled over in a resend: it is no observation."""
    rfq = draft.state.rfqs[rfq_id]
    ask = rfq.ask_of(dealer)
    if ask is not None and ask.state in (AskState.asked, AskState.silent):
        silent = ask.state is AskState.silent
        amending = Amending(draft, rfq_id)
        draft.record(e.AskWithheld(draft.now_ns, rfq_id, dealer, reason, never_left, silent))
        amending.done(reason)
        return rfq_id
    return None


def _at_its_time(draft: Draft, ref: AskRef) -> tuple[Rfq, Ask, str | None]:
    """The round and the entry that a dealer's word is for, silence noted where a wait is over.

    Noting it moved the round, whatever the word is worth: its number is third, or None. Whoever is silent has no
    deadline any more, so that nothing but this turn may ever look at the round again.
    """
    before = rfq = draft.state.rfqs[ref.rfq_id]
    if rfq.state is RfqState.asking:
        _note_silence(draft, rfq)
        rfq = draft.state.rfqs[ref.rfq_id]
    ask = rfq.ask_of(ref.dealer)
    assert ask is not None  # `asks` and the round's entries are written together
    return rfq, ask, ref.rfq_id if rfq is not before else None


def _from(draft: Draft, session: str, dealer_id: str) -> bool:
    """Did it come over the session of the dealer it speaks for?"""
    dealer = draft.desk.dealers.get(dealer_id)
    return dealer is not None and dealer.session == session


def _stray(draft: Draft, session: str, kind: str, reference: str, text: str) -> None:
    draft.record(e.StrayMessage(draft.now_ns, session, kind, reference, text))
