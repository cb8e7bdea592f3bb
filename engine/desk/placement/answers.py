"""What a dealer says of an acceptance of ours, the fills that are booked of it, and what is done while it is silent.

Fills are booked once with their money, or kept for a person where they cannot be booked as they stand; never dropped.
An acceptance is in doubt from its commit until its answer: the dealer is asked, then a person, or it is called back.
While it is, its quantity stays reserved and nobody else is asked to fill it: accepted + filled + in doubt never exceeds
the order. Each handler returns the round that it moved.

Reference: FIX 4.4 Vol 4, ExecutionReport; the key of a fill is (session, dealer, our ClOrdID, ExecID).
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Final

from engine.desk.apply import economics
from engine.desk.draft import Delivery, Draft
from engine.desk.order import changing, reporting
from engine.desk.order.reporting import close_round, return_to_trader
from engine.desk.placement.counting import GOES_ON, Fit, Weighed, uncounted, weigh
from engine.desk.round.seen import Amending
from engine.desk.settlement import settlement_of
from engine.domain import events as e
from engine.domain.keys import Timer, TimerKind
from engine.domain.messages import (
    AskPlacementStatus,
    CancelPlacement,
    DealerCancelRefused,
    DealerReport,
    DealerWord,
    ReportKind,
)
from engine.domain.order import CancelProblem, Order, OrderState
from engine.domain.placement import Fill, Placement, PlacementState
from engine.market.bonds import Unknown, accrued_interest, principal
from engine.market.calendars import trade_date, wire_date
from engine.market.tca import price_improvement_bps


def on_report(draft: Draft, session: str, heard: DealerReport) -> str | None:
    """ExecutionReport(8) of a dealer; the round it moved."""
    placement = _placement_of(draft, session, heard)
    if heard.word is DealerWord.filled:
        return on_fill(draft, session, placement, heard)
    if placement is None:
        _stray(draft, session, heard, f"{heard.word} for nothing we ordered: {heard.text}")
        return None
    if heard.word is DealerWord.corrected:
        quarantine(draft, session, placement, heard, "trade cancel or correction: a person must book it")
        return None
    weighed = weigh(placement, draft.state.in_quarantine(placement.placement_id), heard)
    if weighed.fit is not Fit.agrees:
        _differs(draft, placement, heard, weighed)
        return None
    if weighed.ends_as is not None:
        if odd := _odd(placement, heard, weighed.ends_as):
            _stray(draft, session, heard, odd)
        return end_placement(draft, placement, weighed.ends_as, _last_words(heard, weighed.ends_as))
    if placement.state is PlacementState.in_doubt:
        draft.record(e.PlacementAcknowledged(draft.now_ns, placement.placement_id, heard.order_id))
    return None


def _placement_of(draft: Draft, session: str, heard: DealerReport) -> Placement | None:
    """By our ClOrdID in 11 or 41, that of the order or of a cancel; else by the dealer's own OrderID(37)."""
    state = draft.state
    for name in (heard.cl_ord_id, heard.orig_cl_ord_id):
        placement = state.placements.get(state.cancels.get(name) or name)
        if placement is not None:
            return placement if placement.session == session else None
    if not heard.order_id:
        return None
    found = [
        each
        for each in state.unanswered_as(session, heard.order_id)
        if heard.security_id in ("", each.security_id) and heard.side in (None, each.side)
    ]
    return found[0] if len(found) == 1 else None


def _last_words(heard: DealerReport, ends_as: PlacementState) -> str:
    if heard.unknown_order and heard.word is DealerWord.status:
        return f"never arrived: the dealer does not know it {heard.text}"
    return heard.text or (heard.word.value if ends_as is PlacementState.undelivered else ends_as.value)


def _odd(placement: Placement, heard: DealerReport, ends_as: PlacementState) -> str:
    """What a last word that is believed says besides; empty for most."""
    if not placement.unanswered:
        return f"{ends_as} after it was {placement.state}: {heard.text}" if placement.state is not ends_as else ""
    if heard.status in GOES_ON:
        return f"{ends_as} with OrdStatus(39) {heard.status}, believed for its counts: {heard.text}"
    return ""


def _differs(draft: Draft, placement: Placement, heard: DealerReport, weighed: Weighed) -> None:
    """The dealer's report and what is booked do not go together: nothing ends, and a person is told.

    A fill that has not come comes by the session's resend, or is in quarantine: only under its own ExecID can it be
    booked. Once what is booked is what the dealer counts, its last word takes effect: `settle_last_word`.
    """
    if heard.word is DealerWord.acknowledged and weighed.fit is Fit.less and weighed.ends_as is None:
        # It was overtaken by the fill: an acknowledgement tells of the beginning.
        _stray(draft, placement.session, heard, weighed.words)
        return
    if not placement.unanswered:
        _stray(draft, placement.session, heard, weighed.words)
        page(draft, placement, weighed.words)
        return
    counted = weighed.counted
    if heard.word is DealerWord.filled and counted is not None and placement.counted is not None:
        counted = max(counted, placement.counted)  # A fill tells of its own time: the dealer may have counted on.
    ends_as = weighed.ends_as.value if weighed.ends_as is not None else ""
    known = (placement.evidence, placement.counted, placement.ends_as)
    if placement.person_needed and known == (weighed.words, counted, ends_as or placement.ends_as):
        return
    draft.record(
        e.PlacementDoubted(
            draft.now_ns, placement.placement_id, weighed.words, False, True, counted=counted, ends_as=ends_as
        )
    )
    draft.wake(Timer(TimerKind.placement, placement.placement_id))
    page(draft, placement, weighed.words)


def settle_last_word(draft: Draft, placement_id: str) -> str | None:
    """What is booked has changed: a last word that was held back over its count may take effect now."""
    placement = draft.state.placements[placement_id]
    if not placement.unanswered or not placement.ends_as or placement.filled != placement.counted:
        return None
    return end_placement(draft, placement, PlacementState(placement.ends_as), placement.evidence)


def on_cancel_refused(draft: Draft, session: str, heard: DealerCancelRefused) -> str | None:
    """OrderCancelReject(9) of a dealer: our cancel came too late, or it knows no such order."""
    state = draft.state
    placement = state.placements.get(heard.orig_cl_ord_id or state.cancels.get(heard.cl_ord_id) or "")
    if placement is None or not placement.unanswered or placement.session != session:
        return None
    if heard.unknown_order:
        reason = f"the dealer does not know the order: {heard.text}"
        return end_placement(draft, placement, PlacementState.undelivered, reason)
    draft.record(
        e.PlacementDoubted(draft.now_ns, placement.placement_id, f"cancel refused: {heard.text}", False, False)
    )
    return None


def on_refused_by_peer(draft: Draft, placement_id: str, text: str) -> str | None:
    """Reject(3) or BusinessMessageReject(j) of our D: it never became an order there."""
    placement = draft.state.placements[placement_id]
    return end_placement(draft, placement, PlacementState.undelivered, f"refused by the dealer's engine: {text}")


def end_placement(
    draft: Draft, placement: Placement, state: PlacementState, reason: str, actor: str = ""
) -> str | None:
    """The dealer's last word, or a person's: what is not filled is free again."""
    if not placement.unanswered:
        return None
    order = draft.state.orders[placement.order_id]
    segment = order.facts.segment
    mark = draft.mark_of(placement.security_id)
    amending = Amending(draft, placement.rfq_id)
    draft.record(e.PlacementEnded(draft.now_ns, placement.placement_id, state.value, reason, segment, actor, mark))
    amending.done(reason)
    draft.wake(Timer(TimerKind.placement, placement.placement_id))
    draft.wake(Timer(TimerKind.order, order.order_id))
    return placement.rfq_id


def withhold(draft: Draft, placement_id: str, reason: str) -> str | None:
    """Our D never left: the quantity is free again and the round goes on."""
    placement = draft.state.placements[placement_id]
    if placement.state is not PlacementState.in_doubt:
        return None
    amending = Amending(draft, placement.rfq_id)
    draft.record(e.AcceptWithheld(draft.now_ns, placement_id, reason))
    amending.done(reason)
    draft.wake(Timer(TimerKind.placement, placement_id))
    draft.wake(Timer(TimerKind.order, placement.order_id))
    return placement.rfq_id


def _stray(draft: Draft, session: str, heard: DealerReport, text: str) -> None:
    draft.record(e.StrayMessage(draft.now_ns, session, "ExecutionReport", heard.cl_ord_id, text))


# --- fills ----------------------------------------------------------------------------------------


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
    return after_booking(draft, placement.placement_id, heard)


def _after_the_end(draft: Draft, placement: Placement) -> None:
    """A fill of what was over: the dealer's word is booked, but what was done since needs a person."""
    reason = f"filled although it was {placement.state}"
    draft.page("fill after the end", order_id=placement.order_id, dealer=placement.dealer, reason=reason)
    other = draft.state.open_placement(placement.order_id)
    if other is not None:
        cancel_at_dealer(draft, other)


def fill_key(session: str, dealer: str, placement_id: str, heard: DealerReport) -> str:
    """(session, dealer, our ClOrdID, ExecID): what makes a fill the same one. TradeDate(75) is not in every copy."""
    return f"{session}|{dealer}|{placement_id}|{heard.exec_id}"


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
    better_bps = float(abs(price - placement.price) / placement.price) * 10_000
    if better_bps > draft.desk.risk.fill_better_bps_max:
        most = f"risk.fill_better_bps_max is {draft.desk.risk.fill_better_bps_max:g}"
        return f"{price} is {better_bps:.1f} bps better than the quoted {placement.price}, {most}"
    fills = draft.state.fills_of(order.order_id)
    return uncounted((each for each in fills if each.placement_id == placement.placement_id), heard, quantity)


def book(draft: Draft, placement: Placement, heard: DealerReport, key: str, quantity: Decimal, price: Decimal) -> None:
    """Record the fill with its money, tell OMS and drop copy, set the timer of its reversion."""
    order = draft.state.orders[placement.order_id]
    fill, said = _with_money(
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
            settl_date=heard.settl_date or wire_date(settlement_of(order.terms, draft.now_ns)),
            transact_ns=heard.transact_ns or draft.now_ns,
            accrued=heard.accrued,
            gross=heard.gross,
            net=heard.net,
            counted=heard.cum_quantity,
            dealer_order_id=heard.order_id,
        ),
    )
    otherwise = _settles_otherwise(order, placement, fill)
    if otherwise:
        said = f"{otherwise}; {said}" if said else otherwise
        draft.page("settlement differs", order_id=order.order_id, dealer=placement.dealer, reason=otherwise)
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
            day_ends=draft.desk.clocks.day_end.after(draft.now_ns),
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
    reporting.report(draft, order, ReportKind.trade, text=said, fill=fill, executing=executing)


def _settles_otherwise(order: Order, placement: Placement, fill: Fill) -> str:
    """What the dealer's day of settlement is, where the order asked for another one; empty where it is that."""
    terms = order.terms
    if not terms.settl_date and terms.settl_days is None:
        return ""
    asked = wire_date(settlement_of(terms, placement.sent_ns))
    return "" if asked == fill.settl_date else f"SettlDate(64) is {fill.settl_date}, asked for was {asked}"


def _with_money(draft: Draft, fill: Fill) -> tuple[Fill, str]:
    """The fill with missing money fields computed, and a text that names them, and those that nobody can tell and why.

    Sent ones that differ from ours are told. Of a bond that left the securities after its order had ended nothing is
    computed: the fill is booked all the same.
    """
    gross, accrued = _money_of(draft, fill)
    net = _net(gross, accrued)
    sent = (("gross", fill.gross, gross), ("accrued", fill.accrued, accrued), ("net", fill.net, net))
    for name, theirs, ours in sent:
        if theirs is not None and not isinstance(ours, Unknown) and abs(theirs - ours) > _MONEY_TOLERANCE:
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
    if traded is not None and settlement < traded:
        return gross, Unknown(f"SettlDate(64) {fill.settl_date} is before TradeDate(75) {fill.trade_date}")
    return gross, accrued_interest(security, fill.quantity, settlement)


def _net(gross: Decimal | Unknown, accrued: Decimal | Unknown) -> Decimal | Unknown:
    if isinstance(gross, Unknown):
        return gross
    return accrued if isinstance(accrued, Unknown) else gross + accrued


def _known(amount: Decimal | Unknown) -> Decimal | None:
    return None if isinstance(amount, Unknown) else amount


def _settlement(draft: Draft, fill: Fill) -> date:
    """When the fill settles, as the dealer says; a day that cannot be read is the usual one."""
    return _day(fill.settl_date) or settlement_of(draft.state.orders[fill.order_id].terms, draft.now_ns)


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def after_booking(draft: Draft, placement_id: str, heard: DealerReport) -> str | None:
    """What a fill that was booked moves: its order, and what else its report says of the acceptance."""
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
    weighed = weigh(placement, draft.state.in_quarantine(placement_id), heard)
    if weighed.fit is Fit.agrees and weighed.ends_as is not None:
        return end_placement(draft, placement, weighed.ends_as, _last_words(heard, weighed.ends_as))
    if weighed.fit in (Fit.more, Fit.contradicts):
        # Less is no wonder: fills may come in the wrong order, and each tells what was counted at its own time.
        _differs(draft, placement, heard, weighed)
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


# --- no answer yet --------------------------------------------------------------------------------


def doubt(draft: Draft, placement: Placement, evidence: str, *, afresh: bool = False) -> None:
    """No answer: ask the dealer (H) while that may help, then a person. The quantity stays reserved throughout.

    `afresh` asks once more however often it was asked before. A cancel that is still wanted goes out again too.
    """
    if not placement.unanswered:
        return
    dealer = draft.desk.dealers.get(placement.dealer)
    ask = (
        dealer is not None
        and dealer.undelivered == "ask"
        and (afresh or placement.status_asks < draft.desk.clocks.status_asks_max)
        and draft.session_up(placement.session)
    )
    person = not ask and draft.session_up(placement.session)
    if not ask and not person and evidence == placement.evidence:
        return  # Nothing new is known and nobody can be asked: the session's return, or its next look, comes.
    draft.record(e.PlacementDoubted(draft.now_ns, placement.placement_id, evidence, ask, person))
    draft.wake(Timer(TimerKind.placement, placement.placement_id))
    if ask:
        security = draft.desk.securities.get(placement.security_id)
        said = AskPlacementStatus(
            dealer=placement.dealer,
            placement_id=placement.placement_id,
            security_id=placement.security_id,
            id_source=security.id_source if security is not None else "4",
            side=placement.side,
        )
        draft.send(placement.session, said, Delivery.afresh, follows=placement.outbox_id)
        if placement.cancel_id:
            _send_cancel(draft, placement)
    if person and not placement.person_needed:
        page(draft, placement, evidence)


def session_back(draft: Draft, session: str) -> None:
    """A dealer's session is up again: whatever is unanswered there is asked about."""
    for placement in draft.state.unanswered_at(session):
        evidence = placement.evidence or "the session was interrupted before an answer"
        doubt(draft, placement, evidence, afresh=True)


def cancel_at_dealer(draft: Draft, placement: Placement) -> None:
    """OrderCancelRequest(F) for an acceptance that has not been answered."""
    if placement.unanswered and not placement.cancel_id:
        _send_cancel(draft, placement)


def _send_cancel(draft: Draft, placement: Placement) -> None:
    cancel_id = draft.fresh_id()
    draft.record(e.PlacementCancelAsked(draft.now_ns, placement.placement_id, cancel_id))
    security = draft.desk.securities.get(placement.security_id)
    said = CancelPlacement(
        dealer=placement.dealer,
        cancel_id=cancel_id,
        placement_id=placement.placement_id,
        security_id=placement.security_id,
        id_source=security.id_source if security is not None else "4",
        side=placement.side,
        quantity=placement.quantity,
        transact_ns=draft.now_ns,
    )
    draft.send(placement.session, said, Delivery.afresh, follows=placement.outbox_id)


def page(draft: Draft, placement: Placement, reason: str) -> None:
    """Somebody must look at an acceptance."""
    draft.page("order in doubt", order_id=placement.order_id, dealer=placement.dealer, reason=reason)
