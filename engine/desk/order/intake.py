"""Orders coming in: taken, refused with a reason, cancelled, asked about. Every message gets its answer.

Reference: FIX 4.4 Vol 4, NewOrderSingle, OrderCancelRequest, OrderStatusRequest; order state change matrices.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal

from engine.clock import NS_PER_DAY, fix_timestamp, utc_day
from engine.dealers.segments import segment_of
from engine.desk.draft import Draft
from engine.desk.explaining import problem
from engine.desk.gate import risk
from engine.desk.gate.size import rate_or_none, size_of
from engine.desk.order import changing, reporting
from engine.desk.order.reporting import finish_cancel, return_to_trader
from engine.desk.order.waiting import await_sessions
from engine.desk.placement.doubting import cancel_at_dealer
from engine.desk.recommend import Supposing, recommend, sizing_of
from engine.desk.round.asking import advance, open_round
from engine.desk.settlement import a_persons, settlement_of, unsettleable
from engine.desk.state import DeskState
from engine.desk.state_rows import alike_key, oms_key, oms_latest_key
from engine.domain import events as e
from engine.domain.exchange import RateUsed, converted
from engine.domain.instrument import Security
from engine.domain.keys import Timer, TimerKind
from engine.domain.messages import (
    AskOrderStatus,
    CancelOrder,
    NewOrder,
    ReplaceOrder,
    ReportKind,
    UnacceptableOrder,
)
from engine.domain.order import (
    CancelProblem,
    Handling,
    Order,
    OrderFacts,
    OrderRefusal,
    OrderState,
    OrderTerms,
    TimeInForce,
)
from engine.domain.recommendation import Recommendation
from engine.errors import CommandError
from engine.market.appraisal import FILE_WINDOW_DAYS
from engine.market.calendars import utc_date
from engine.market.rates import NoRate
from engine.selection.sizing import Sizing

_NS_PER_S = 1_000_000_000
_CLOCKS_APART_NS = 5 * _NS_PER_S
"""A time of the order system's that lies no further ahead is now, by its clock."""
_BY_HAND = "HandlInst 3: manual execution only"


def on_new_order(draft: Draft, session: str, heard: NewOrder) -> None:
    """NewOrderSingle(D) of an OMS."""
    terms = _terms(draft, session, heard)
    known = _known(draft, session, heard.cl_ord_id)
    if known is not None:
        if heard.possible_resend and _same(known.terms, terms):
            # PossResend(97)=Y of an order we have: the answer is where it stands, not a second order.
            reporting.answer_status(draft, session, known)
            return
        reporting.refuse_order(
            draft,
            terms,
            OrderRefusal.duplicate,
            f"duplicate order: ClOrdID {heard.cl_ord_id} is {known.order_id} already",
        )
        return
    refusal = _refusal(draft, terms) or _unkept(draft, terms, heard)
    if refusal is not None:
        reporting.refuse_order(draft, terms, *refusal)
        return
    order = _take(draft, terms, _manual(draft, terms, heard), actor=f"session:{session}")
    reporting.report(draft, order, ReportKind.pending_new)
    reporting.report(draft, order, ReportKind.new)
    work(draft, order.order_id)


def on_unacceptable(draft: Draft, session: str, heard: UnacceptableOrder) -> None:
    """A D that cannot be an order: refused with what is wrong in it."""
    terms = OrderTerms(
        cl_ord_id=heard.cl_ord_id,
        session=session,
        account=heard.account,
        trader="",
        security_id=heard.security_id,
        side=heard.side,
        quantity=heard.quantity,
        limit_price=None,
        tif=TimeInForce.day,
        handling=Handling.automatic,
        currency=heard.currency or draft.desk.base_currency,
        transact_ns=draft.now_ns,
    )
    reporting.refuse_order(draft, terms, heard.code, heard.text, heard.id_source)


def enter_order(draft: Draft, terms: OrderTerms, actor: str) -> str:
    """A trader's own order: drop copy only. Raises CommandError with what is wrong."""
    refusal = _refusal(draft, terms)
    if refusal is not None:
        raise CommandError(refusal[1])
    bond = draft.desk.securities[terms.security_id]
    manual = (
        "held by its trader" if terms.handling is Handling.manual else a_persons(draft.desk, bond, terms, draft.now_ns)
    )
    order = _take(draft, terms, manual, actor=actor)
    reporting.report(draft, order, ReportKind.new)
    work(draft, order.order_id)
    return order.order_id


@dataclass(frozen=True, slots=True)
class Tried:
    """An order as if it had come: what is recommended and advised, and what the gate says against asking."""

    order: Order
    advice: Recommendation
    sizing: Sizing
    blocked: str


def try_order(draft: Draft, terms: OrderTerms, actor: str, supposing: Supposing | None = None) -> Tried:
    """What would come of `enter_order`; the draft stays as it is. Raises CommandError with what is wrong."""
    refusal = _refusal(draft, terms)
    if refusal is not None:
        raise CommandError(refusal[1])
    scratch = draft.scratch()
    order = _take(scratch, terms, "", actor=actor)
    return look_at(scratch, order, supposing)


def look_at(draft: Draft, order: Order, supposing: Supposing | None) -> Tried:
    """What would be recommended for an order now."""
    blocked = risk.order_blocked(draft, order)
    advice = recommend(draft, order, supposing=supposing)
    words = "" if blocked is None else f"risk {blocked.check}: {blocked.reason}"
    return Tried(order, advice, Sizing() if supposing is None else sizing_of(draft, order, advice, supposing), words)


def work(draft: Draft, order_id: str, *, waits: bool = True) -> None:
    """Recommend, and send if the rule says so and nothing speaks against it.

    Where dealers would be asked whose sessions are due, that is once they are up, if it `waits`.
    """
    _rate(draft, order_id)
    order = draft.state.orders[order_id]
    advice = recommend(draft, order, draws=True)
    draft.record(e.OrderRecommended(draft.now_ns, order_id, advice))
    draft.wake(Timer(TimerKind.order, order_id))
    order = draft.state.orders[order_id]
    stopped = draft.state.rules_stopped()
    if waits and await_sessions(draft, order):
        return
    by_itself = advice.sends_itself and not order.manual_reason and not stopped
    if advice.plan is None:
        _nobody_to_ask(draft, order, problem(draft.desk.book_of, advice), by_itself=by_itself)
        return
    unsized = size_of(draft, order, order.leaves)
    if isinstance(unsized, NoRate):
        reason = f"risk notional: size in {draft.desk.base_currency} is unknown: {unsized.reason}"
        _nobody_to_ask(draft, order, reason, by_itself=by_itself)
        return
    blocked = risk.order_blocked(draft, order) if by_itself else None
    if blocked is not None:
        _held(draft, order, f"risk {blocked.check}: {blocked.reason}")
    elif by_itself:
        open_round(draft, order, advice.plan, opened_by=f"rule:{advice.rule}")
    else:
        why = stopped if advice.sends_itself else f"rule “{advice.rule}” sends after approval"
        _held(draft, order, order.manual_reason or why)


def _held(draft: Draft, order: Order, reason: str) -> None:
    """A person is to decide. IOC and FOK wait for that no longer than for anybody who could be asked."""
    until_ns = order.received_ns + draft.desk.clocks.unasked_ns if order.immediate and not order.rounds else 0
    return_to_trader(draft, order, reason, again_ns=until_ns)
    if until_ns and draft.now_ns >= until_ns:
        reporting.expire(draft, order.order_id, f"nobody decided: {reason}")


def _rate(draft: Draft, order_id: str) -> None:
    """Look up what its currency is worth where nobody knew it yet and nobody was asked."""
    order = draft.state.orders[order_id]
    if order.facts.rate is not None or order.rounds:
        return
    rate = rate_or_none(draft, order.terms.currency)
    if rate is not None:
        draft.record(e.OrderRated(draft.now_ns, order_id, rate, _segment(draft, order.terms, rate)))


def look_again(draft: Draft) -> None:
    """There will be other rates after this turn: orders whose size nobody could tell are looked at in the next one."""
    orders = unsized(draft.state, draft.desk.base_currency)
    for order in [each for each in orders if not each.cancel_cl_ord_id and not each.out_of_time(draft.now_ns)]:
        draft.record(e.OrderReturned(draft.now_ns, order.order_id, order.note, again_ns=draft.now_ns))
        draft.wake(Timer(TimerKind.order, order.order_id))


def unsized(state: DeskState, base_currency: str) -> list[Order]:
    """Orders that are with the trader, and whose size nobody could tell when the rule book looked at them last."""

    def is_unsized(order: Order) -> bool:
        advice = state.recommendations.get(order.order_id)
        return advice is not None and advice.rate is None

    foreign = [each for each in state.open_orders() if each.terms.currency != base_currency]
    return [each for each in foreign if each.state is OrderState.with_trader and is_unsized(each)]


def _nobody_to_ask(draft: Draft, order: Order, reason: str, *, by_itself: bool) -> None:
    """It is the trader's. IOC and FOK end soon: at once if no person is to decide."""
    unasked = order.immediate and not order.rounds
    until_ns = order.received_ns + draft.desk.clocks.unasked_ns if unasked and not by_itself else 0
    return_to_trader(draft, order, reason, again_ns=until_ns)
    if unasked and draft.now_ns >= until_ns:
        reporting.expire(draft, order.order_id, f"nobody can be asked: {reason}")


def on_cancel(draft: Draft, session: str, heard: CancelOrder) -> None:
    """OrderCancelRequest(F)."""
    order = _known(draft, session, heard.orig_cl_ord_id)
    refuse = reporting.refuse_cancel
    ids = (heard.cl_ord_id, heard.orig_cl_ord_id)
    if order is None:
        text = f"unknown order: no order {heard.orig_cl_ord_id} today on this session"
        refuse(draft, session, None, *ids, CancelProblem.unknown_order, text)
    elif not order.open:
        refuse(draft, session, order, *ids, CancelProblem.too_late, f"too late: the order is {order.state}")
    elif order.cancel_cl_ord_id:
        refuse(draft, session, order, *ids, CancelProblem.already_pending, "a cancel is pending already")
    elif _known(draft, session, heard.cl_ord_id) is not None:
        refuse(draft, session, order, *ids, CancelProblem.duplicate, f"duplicate ClOrdID {heard.cl_ord_id}")
    else:
        cancel(draft, order, heard.cl_ord_id, actor=f"session:{session}")


def cancel(draft: Draft, order: Order, cl_ord_id: str, *, actor: str) -> None:
    """Cancel now, or as soon as the dealer that may have filled it has answered."""
    if order.wanted is not None:
        changing.refuse_waiting(draft, order, "too late: a cancel came before it was carried out")
    draft.record(e.CancelAsked(draft.now_ns, order.order_id, cl_ord_id, actor))
    placement = draft.state.open_placement(order.order_id)
    if placement is None:
        finish_cancel(draft, order.order_id)
        return
    order = draft.state.orders[order.order_id]
    reporting.report(
        draft,
        order,
        ReportKind.pending_cancel,
        text=f"{placement.reserved} is unanswered at a dealer",
        cl_ord_id=cl_ord_id,
    )
    cancel_at_dealer(draft, placement)


def on_replace(draft: Draft, session: str, heard: ReplaceOrder) -> None:
    """OrderCancelReplaceRequest(G): other quantity, limit, time in force or handling, in whatever state it finds."""
    order = _known(draft, session, heard.orig_cl_ord_id)
    taken = _known(draft, session, heard.cl_ord_id)
    if heard.possible_resend and taken is not None and taken is order and heard.cl_ord_id != heard.orig_cl_ord_id:
        # PossResend(97)=Y of a request that we have: the answer is where the order stands, not a second change.
        reporting.answer_status(draft, session, order)
        return
    wanted = _wanted(order, heard) if order is not None else None
    refusal = _replace_refusal(draft, order, wanted, heard, taken)
    if order is None or wanted is None or refusal is not None:
        code, text = refusal or (CancelProblem.other, "the order cannot be replaced")
        ids = (heard.cl_ord_id, heard.orig_cl_ord_id)
        reporting.refuse_cancel(draft, session, order, *ids, code, text, to_replace=True)
        return
    manual = _manual(draft, wanted, heard) or ("" if order.manual_reason == _BY_HAND else order.manual_reason)
    placement = draft.state.open_placement(order.order_id)
    if placement is not None and not changing.holds_both(order, wanted, placement):
        draft.record(e.ReplaceAsked(draft.now_ns, order.order_id, wanted, manual))
        text = f"{placement.reserved} is unanswered at a dealer"
        order = draft.state.orders[order.order_id]
        reporting.report(draft, order, ReportKind.pending_replace, text=text, cl_ord_id=wanted.cl_ord_id)
        cancel_at_dealer(draft, placement)
        return
    facts = None
    if not order.rounds:
        # Nobody was asked on the old terms: nothing has been learnt under what was looked up for them.
        looked_up = _facts(draft, wanted, draft.desk.securities[wanted.security_id])
        facts = replace(looked_up, day=order.facts.day)
    before = order
    changing.carry_out(draft, order, wanted, facts, manual)
    order = draft.state.orders[order.order_id]
    if not order.open or placement is not None:
        return
    rfq = draft.state.rfqs.get(order.rfq_id) if order.rfq_id else None
    if rfq is not None and rfq.open:
        advance(draft, rfq.rfq_id)
    elif _may_find_more(before, order):
        work(draft, order.order_id)


def _wanted(order: Order, heard: ReplaceOrder) -> OrderTerms:
    """The order's terms with what the request says in their place."""
    tif, expire_ns = order.terms.tif, order.terms.expire_ns
    if heard.tif is not None:
        tif = heard.tif
        # A day's order stays that day's: it ends when it would have.
        was_of_the_day = order.terms.tif is not TimeInForce.gtd
        kept = order.terms.expire_ns if was_of_the_day else _day_end(tif, heard.transact_ns)
        expire_ns = heard.expire_ns if tif is TimeInForce.gtd else kept
    elif tif is TimeInForce.gtd and heard.expire_ns is not None:
        expire_ns = heard.expire_ns
    return replace(
        order.terms,
        cl_ord_id=heard.cl_ord_id,
        quantity=heard.quantity,
        limit_price=heard.limit_price,
        tif=tif,
        expire_ns=expire_ns,
        handling=order.terms.handling if heard.handling is None else heard.handling,
        transact_ns=heard.transact_ns,
        noted=heard.noted or order.terms.noted,
    )


def _replace_refusal(
    draft: Draft, order: Order | None, wanted: OrderTerms | None, heard: ReplaceOrder, taken: Order | None
) -> tuple[CancelProblem, str] | None:
    """Why an order is not replaced, with the text; None for a request that can be carried out."""
    if order is None or wanted is None:
        text = f"unknown order: no order {heard.orig_cl_ord_id} today on this session"
        return CancelProblem.unknown_order, text
    if not order.open:
        return CancelProblem.too_late, f"too late: the order is {order.state}"
    if order.cancel_cl_ord_id:
        return CancelProblem.already_pending, "a cancel is pending already"
    if order.wanted is not None:
        return CancelProblem.already_pending, f"replace {order.wanted.cl_ord_id} is pending already"
    if taken is not None:
        return CancelProblem.duplicate, f"duplicate ClOrdID {heard.cl_ord_id}"
    if heard.problem:
        return CancelProblem.other, heard.problem
    fixed = (
        ("Side(54)", heard.side, order.terms.side),
        ("SecurityID(48)", heard.security_id, order.terms.security_id),
        ("Account(1)", heard.account, order.terms.account),
        ("Currency(15)", heard.currency, order.terms.currency),
        ("SettlDate(64)", heard.settl_date, order.terms.settl_date or "none"),
    )
    for name, asked, stands in fixed:
        if asked and asked != stands:
            return CancelProblem.other, f"{name} cannot be replaced: the order has {stands}, found {asked}"
    if heard.settl_days not in (None, order.terms.settl_days):
        stands = "none" if order.terms.settl_days is None else f"T+{order.terms.settl_days}"
        text = f"SettlType(63) cannot be replaced: the order has {stands}, found T+{heard.settl_days}"
        return CancelProblem.other, text
    if heard.settl_is_regular and _settles_otherwise(draft, order.terms):
        text = f"SettlType(63) cannot be replaced: the order has T+{order.terms.settl_days}, found 0 (regular)"
        return CancelProblem.other, text
    refusal = _unkept(draft, wanted, heard) or _refusal(draft, wanted)
    if refusal is None:
        return None
    its_time_is_over = refusal[0] is OrderRefusal.too_late and wanted.expire_ns == order.terms.expire_ns
    return CancelProblem.too_late if its_time_is_over else CancelProblem.other, refusal[1]


def _settles_otherwise(draft: Draft, terms: OrderTerms) -> bool:
    """Does an order that asks for so many days to settlement settle on another day than is regular?"""
    if terms.settl_date or terms.settl_days is None:
        return False
    regular = settlement_of(draft.desk, replace(terms, settl_days=None), draft.now_ns)
    return settlement_of(draft.desk, terms, draft.now_ns) != regular


def _may_find_more(before: Order, order: Order) -> bool:
    """Is there something in the new terms that nobody was asked for on the old ones?"""
    was, now = before.terms, order.terms
    if now.quantity > was.quantity or now.tif is not was.tif or bool(before.manual_reason) > bool(order.manual_reason):
        return True
    if now.limit_price is None or was.limit_price is None:
        return now.limit_price is None and was.limit_price is not None
    return (now.limit_price - was.limit_price) * now.side.sign > 0


def on_status(draft: Draft, session: str, heard: AskOrderStatus, *, copy: bool) -> None:
    """OrderStatusRequest(H), from an OMS or a drop-copy consumer (who sees every session's orders)."""
    sessions = (session,) if not copy else draft.state.order_sessions()
    for owner in sessions:
        order = _known(draft, owner, heard.cl_ord_id)
        if order is not None:
            reporting.answer_status(draft, session, order, copy=copy)
            return
    reporting.answer_unknown(draft, session, heard.cl_ord_id, heard.security_id, copy=copy)


def _take(draft: Draft, terms: OrderTerms, manual: str, *, actor: str) -> Order:
    order_id = draft.state.next_id("orders", "O")
    security = draft.desk.securities[terms.security_id]
    draft.record(
        e.OrderReceived(
            draft.now_ns,
            order_id=order_id,
            terms=terms,
            facts=_facts(draft, terms, security),
            arrival=draft.mark_of(terms.security_id),
            manual_reason=manual,
            duplicate_of=_duplicate_of(draft, terms),
            actor=actor,
        )
    )
    return draft.state.orders[order_id]


def _facts(draft: Draft, terms: OrderTerms, security: Security) -> OrderFacts:
    now_ns, known = draft.now_ns, draft.desk.appraisal
    moves = known.volatility(security.security_id, now_ns)
    half_spread_bps = draft.desk.half_spread_bps_of(security.security_id, now_ns)
    impact = known.expected_impact(security, terms.quantity, now_ns, terms.side)
    rate = rate_or_none(draft, terms.currency)
    return OrderFacts(
        security.issuer,
        security.asset_class.value,
        segment=_segment(draft, terms, rate),
        similar="",
        rating=security.rating,
        adv_30d=known.adv(security, FILE_WINDOW_DAYS, now_ns),
        liquidity_score=known.liquidity_score(security, now_ns),
        day=utc_day(now_ns),
        traits=security.traits,
        days_since_trade=known.days_since_trade(security, now_ns),
        volatility_bps=None if moves is None else moves.bps,
        volatility_n=0 if moves is None else moves.n,
        half_spread_bps=half_spread_bps,
        impact_bps=None if impact is None else impact.bps,
        impact_low_bps=None if impact is None else impact.low_bps,
        impact_high_bps=None if impact is None else impact.high_bps,
        rate=rate,
    )


def _segment(draft: Draft, terms: OrderTerms, rate: RateUsed | None) -> str:
    """By its size in the base currency: where nobody knows the rate, by its number, until somebody does."""
    quantity = converted(terms.quantity, None if rate is None else rate.worth)
    security = draft.desk.securities[terms.security_id]
    return segment_of(security, quantity, terms.side.value, utc_date(draft.now_ns)).key


def _duplicate_of(draft: Draft, terms: OrderTerms) -> str:
    other_id = draft.state.alike.get(alike_key(terms))
    if other_id is None:
        return ""
    other = draft.state.orders[other_id]
    if alike_key(other.terms) != alike_key(terms):
        return ""  # It was alike until it was replaced.
    return other_id if draft.now_ns - other.received_ns < draft.desk.risk.duplicate_window_ns else ""


def _refusal(draft: Draft, terms: OrderTerms) -> tuple[OrderRefusal, str] | None:
    """Why it is refused, with the text; None for an order that can be taken."""
    if terms.security_id not in draft.desk.securities:
        return (
            OrderRefusal.unknown_security,
            f"unknown security {terms.security_id!r}: it is not in the security master",
        )
    bond_currency = draft.desk.securities[terms.security_id].currency
    if terms.currency != bond_currency:
        return OrderRefusal.other, f"Currency(15) is {terms.currency}, the bond is in {bond_currency}"
    if not terms.quantity.is_finite() or terms.quantity <= 0:
        return OrderRefusal.incorrect_quantity, f"quantity must be positive, found {terms.quantity}"
    limit = terms.limit_price
    if limit is not None and not (limit.is_finite() and Decimal(0) < limit < Decimal(1000)):
        return OrderRefusal.other, f"limit price must be in percent of par, found {limit}"
    if terms.expire_ns is not None and terms.expire_ns <= draft.now_ns:
        return OrderRefusal.too_late, "the order's time is over already"
    return unsettleable(draft.desk, draft.desk.securities[terms.security_id], terms, draft.now_ns)


def _unkept(draft: Draft, terms: OrderTerms, heard: NewOrder | ReplaceOrder) -> tuple[OrderRefusal, str] | None:
    """A term of the message that only an order of another time or currency could keep."""
    if heard.settl_currency not in ("", terms.currency):
        text = f"SettlCurrency(120)={heard.settl_currency}: the bond settles in {terms.currency}"
        return OrderRefusal.unsupported, text
    if heard.effective_ns is not None and heard.effective_ns > draft.now_ns + _CLOCKS_APART_NS:
        text = f"EffectiveTime(168)={fix_timestamp(heard.effective_ns)} lies ahead: an order is worked from its receipt"
        return OrderRefusal.unsupported, text
    return None


def _known(draft: Draft, session: str, cl_ord_id: str) -> Order | None:
    """The order of this ClOrdID today, or the latest of an earlier day if it still lives."""
    today = draft.state.oms_ids.get(oms_key(session, utc_day(draft.now_ns), cl_ord_id))
    if today is not None:
        return draft.state.orders[today]
    latest = draft.state.oms_ids.get(oms_latest_key(session, cl_ord_id))
    if latest is None or not draft.state.orders[latest].open:
        return None
    return draft.state.orders[latest]


def _same(one: OrderTerms, other: OrderTerms) -> bool:
    return _told(one) == _told(other)


def _told(terms: OrderTerms) -> tuple[object, ...]:
    settlement = (terms.settl_date, terms.settl_days)
    return terms.security_id, terms.side, terms.quantity, terms.limit_price, terms.account, settlement


def _terms(draft: Draft, session: str, heard: NewOrder) -> OrderTerms:
    security = draft.desk.securities.get(heard.security_id)
    return OrderTerms(
        cl_ord_id=heard.cl_ord_id,
        session=session,
        account=heard.account,
        trader="",
        security_id=heard.security_id,
        side=heard.side,
        quantity=heard.quantity,
        limit_price=heard.limit_price,
        tif=heard.tif,
        handling=heard.handling,
        currency=heard.currency or (security.currency if security is not None else draft.desk.base_currency),
        transact_ns=heard.transact_ns,
        expire_ns=heard.expire_ns if heard.expire_ns is not None else _day_end(heard.tif, heard.transact_ns),
        settl_date=heard.settl_date,
        settl_days=heard.settl_days,
        noted=heard.noted,
        cusip=heard.cusip,
    )


def _day_end(tif: TimeInForce, transact_ns: int) -> int | None:
    """A day order ends with its UTC day; IOC and FOK end with their first round, or with the day if there is none."""
    if tif is TimeInForce.gtd:
        return None
    return (utc_day(transact_ns) + 1) * NS_PER_DAY


def _manual(draft: Draft, terms: OrderTerms, heard: NewOrder | ReplaceOrder) -> str:
    """Why no rule may send an order on these terms by itself; empty when one may."""
    stale_ns = draft.desk.clocks.stale_order_ns
    if terms.handling is Handling.manual:
        return _BY_HAND
    if draft.now_ns - min(heard.transact_ns, heard.sent_ns or heard.transact_ns) > stale_ns:
        return f"stale: entered more than {stale_ns // _NS_PER_S} s ago"
    return a_persons(draft.desk, draft.desk.securities[terms.security_id], terms, draft.now_ns)
