"""Executing: the best live quote taken by a trader's one action or by the rule, and what the dealer says to it.

An acceptance is in doubt from its commit until its answer. While it is, its quantity stays reserved and nobody
else is asked to fill it: accepted + filled + in doubt never exceeds the order.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

from engine.analytics.bonds import accrued_interest, principal
from engine.desk import reporting, risk
from engine.desk.apply import economics
from engine.desk.asking import fair_enough
from engine.desk.draft import Delivery, Draft
from engine.desk.ending import close_round, return_to_trader
from engine.desk.fair import fair_of
from engine.desk.risk import Blocked
from engine.domain import events as e
from engine.domain.messages import (
    AcceptQuote,
    AskPlacementStatus,
    CancelPlacement,
    DealerCancelRefused,
    DealerReport,
    DealerWord,
    ReportKind,
)
from engine.domain.order import Order, OrderState
from engine.domain.placement import Fill, Placement, PlacementState
from engine.domain.rfq import Ask, Quote, Rfq, RfqState
from engine.errors import CommandError
from engine.reference.calendars import settlement_date, trade_date
from engine.rfq.quotes import live_quotes

_MONEY_TOLERANCE = Decimal("0.02")


def take_best(draft: Draft, rfq_id: str) -> None:
    """A round that is deciding: the rule executes, the trader is alerted, or it ends without a trade."""
    rfq = draft.state.rfqs[rfq_id]
    if rfq.state is not RfqState.deciding:
        return
    order = draft.state.orders[rfq.order_id]
    draft.wake(f"rfq:{rfq_id}")
    live, killed = _takeable(draft, order, rfq)
    if not live:
        reason = f"kill switch {killed} is on" if killed else f"no executable quote: {_answers(draft, rfq)}"
        return_to_trader(draft, order, reason)
        return
    if draft.now_ns >= rfq.decide_until_ns:
        return_to_trader(draft, order, f"nobody executed: {len(live)} quote(s) left to run out")
        return
    execute = rfq.plan.execute
    if not execute.automatic or order.manual_reason:
        _alert(draft, rfq, live[0], f"best of {len(live)}")
        return
    reason = _against_automatic(draft, rfq, live)
    if reason == "":
        blocked = _accept(draft, order, rfq, *live[0], actor="rule")
        reason = "" if blocked is None else f"risk {blocked.check}: {blocked.reason}"
    if reason and execute.else_ask_trader:
        _alert(draft, rfq, live[0], reason)
    elif reason:
        return_to_trader(draft, order, f"not executed by the rule: {reason}")


def execute(draft: Draft, order: Order, dealer: str | None, *, actor: str) -> str:
    """The trader's one action: the best quote, or the named dealer's. The ClOrdID(11) it left under.

    Raises CommandError when there is nothing to execute or the gate says no.
    """
    rfq = draft.state.rfqs.get(order.rfq_id) if order.rfq_id else None
    if rfq is None or rfq.state not in (RfqState.asking, RfqState.deciding):
        raise CommandError(f"order {order.order_id} has no quotes to execute: it is {order.state}")
    live, killed = _takeable(draft, order, rfq)
    chosen = [entry for entry in live if dealer in (None, entry[0].dealer)]
    if not chosen:
        who = dealer or "any dealer"
        stopped = f" (kill switch {killed} is on)" if killed else ""
        raise CommandError(f"no executable quote of {who} on {rfq.rfq_id}{stopped}: {_answers(draft, rfq)}")
    if rfq.state is RfqState.asking:
        draft.record(e.RfqDeciding(draft.now_ns, rfq.rfq_id, draft.now_ns, f"{actor} decided before all had answered"))
        rfq = draft.state.rfqs[rfq.rfq_id]
    blocked = _accept(draft, order, rfq, *chosen[0], actor=actor)
    if blocked is not None:
        raise CommandError(f"risk {blocked.check}: {blocked.reason}", code="risk")
    return draft.state.orders[order.order_id].placement_id


def _takeable(draft: Draft, order: Order, rfq: Rfq) -> tuple[list[tuple[Ask, Quote]], str]:
    """Live quotes that can be taken, best first, and a kill switch that stops others; empty if none does."""
    takeable: list[tuple[Ask, Quote]] = []
    stopped = ""
    for ask, quote in live_quotes(rfq, draft.now_ns, draft.desk.clocks.guard_ns):
        killed = draft.state.kill_in_force(ask.dealer, order.terms.account)
        if killed is not None:
            stopped = stopped or killed[0]
        elif not _out_of_reach(draft, order, ask, quote):
            takeable.append((ask, quote))
    return takeable, stopped


def _out_of_reach(draft: Draft, order: Order, ask: Ask, quote: Quote) -> str:
    """Why a live quote cannot be taken as things are; empty when it can. A kill switch is another matter."""
    limit, dealer = order.terms.limit_price, draft.desk.dealers.get(ask.dealer)
    if limit is not None and quote.price is not None and (quote.price - limit) * order.terms.side.sign > 0:
        return f"beyond the limit of {limit}"
    if dealer is None or not draft.session_up(dealer.session):
        return "live, but it is not logged on"
    return ""


def given_up(draft: Draft, order: Order) -> str:
    """Why the rest of the round is a person's: we called the last acceptance back, or a person released it."""
    last = draft.state.placements.get(order.placement_id) if order.placement_id else None
    if last is None or last.rfq_id != order.rfq_id:
        return ""
    if last.state is PlacementState.forced:
        return f"the acceptance at {last.dealer} was released by a person"
    if last.cancel_id and last.state in (PlacementState.canceled, PlacementState.rejected, PlacementState.undelivered):
        return f"the acceptance at {last.dealer} was called back"
    return ""


def _against_automatic(draft: Draft, rfq: Rfq, live: list[tuple[Ask, Quote]]) -> str:
    """Why the rule may not execute the best quote itself; empty when it may."""
    execute, best = rfq.plan.execute, live[0][1]
    executable = _competing(draft, rfq)
    if executable < execute.quotes_min:
        return f"{executable} executable quote(s), the rule wants {execute.quotes_min}"
    if best.firm_until_ns is None:
        return "the quote does not say how long it stands"
    if execute.tolerance is None:
        return ""
    verdict = fair_enough(draft, rfq, best, execute.tolerance)
    if verdict is None:
        return "fair is unknown" if fair_of(draft, rfq) is None else "its DV01 is unknown"
    if not verdict:
        return f"{best.price} is not within {execute.tolerance.value} {execute.tolerance.unit} of fair"
    return ""


def _competing(draft: Draft, rfq: Rfq) -> int:
    """Dealers whose quote can be executed now, or could be when we tried it."""
    guard_ns = draft.desk.clocks.guard_ns
    latest = [ask.quotes[-1] for ask in rfq.asks if ask.quotes]
    return sum(quote.spent or quote.live(draft.now_ns, guard_ns) for quote in latest)


def _accept(draft: Draft, order: Order, rfq: Rfq, ask: Ask, quote: Quote, *, actor: str) -> Blocked | None:
    dealer = draft.desk.dealers.get(ask.dealer)
    assert quote.price is not None
    if dealer is None:
        return Blocked("dealer", f"{ask.dealer} is no longer known")
    security = draft.desk.securities[order.terms.security_id]
    placement_id = draft.fresh_id()
    said = AcceptQuote(
        dealer=ask.dealer,
        placement_id=placement_id,
        quote_id=quote.quote_id,
        security_id=security.security_id,
        id_source=security.id_source,
        side=rfq.side,
        quantity=min(rfq.quantity, order.leaves),
        price=quote.price,
        currency=order.terms.currency,
        settl_date=settlement_date(draft.now_ns).strftime("%Y%m%d"),
        transact_ns=draft.now_ns,
    )
    clocks = draft.desk.clocks
    not_after = (quote.firm_until_ns or draft.now_ns + clocks.decide_ns) - clocks.guard_ns
    cleared = risk.clear_accept(draft, order, rfq, dealer, said, not_after, by_rule=actor == "rule")
    if isinstance(cleared, Blocked):
        draft.record(e.AcceptBlocked(draft.now_ns, rfq.rfq_id, ask.dealer, cleared.check, cleared.reason))
        draft.notify("blocked", rfq_id=rfq.rfq_id, dealer=ask.dealer, check=cleared.check, reason=cleared.reason)
        return cleared
    draft.record(
        e.QuoteAccepted(
            draft.now_ns,
            placement_id=placement_id,
            rfq_id=rfq.rfq_id,
            order_id=order.order_id,
            dealer=ask.dealer,
            session=dealer.session,
            quote_id=quote.quote_id,
            security_id=security.security_id,
            quantity=said.quantity,
            price=quote.price,
            outbox_id=draft.next_outbox_id(),
            actor=actor,
        )
    )
    draft.send_cleared(cleared)
    draft.wake(f"placement:{placement_id}")
    draft.notify(
        "accepted", order_id=order.order_id, rfq_id=rfq.rfq_id, dealer=ask.dealer, price=str(quote.price), actor=actor
    )
    return None


# --- what the dealer says ------------------------------------------------------------------------


def on_report(draft: Draft, session: str, heard: DealerReport) -> str | None:
    """ExecutionReport(8) of a dealer; the round it moved."""
    placement = draft.state.placements.get(heard.cl_ord_id) or draft.state.placements.get(heard.orig_cl_ord_id)
    if placement is not None and placement.session != session:
        placement = None
    if heard.word is DealerWord.filled:
        return _on_fill(draft, session, placement, heard)
    if placement is None:
        _stray(draft, session, heard, f"{heard.word} for nothing we ordered: {heard.text}")
        return None
    if heard.word is DealerWord.status:
        return _on_status(draft, placement, heard)
    if heard.word is DealerWord.acknowledged:
        if placement.state is PlacementState.in_doubt:
            draft.record(e.PlacementAcknowledged(draft.now_ns, placement.placement_id, heard.order_id))
        return None
    if heard.word in (DealerWord.rejected, DealerWord.canceled):
        if not placement.unanswered and placement.state != heard.word.value:
            _stray(draft, session, heard, f"{heard.word} after it was {placement.state}: {heard.text}")
        state = PlacementState.undelivered if heard.unknown_order else PlacementState(heard.word.value)
        return end_placement(draft, placement, state, heard.text or heard.word.value)
    _quarantine(draft, session, placement, heard, "trade cancel or correction: a person must book it")
    return None


def on_cancel_refused(draft: Draft, session: str, heard: DealerCancelRefused) -> str | None:
    """OrderCancelReject(9) of a dealer: our cancel came too late, or it knows no such order."""
    placement = draft.state.placements.get(heard.orig_cl_ord_id)
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
    draft.record(e.PlacementEnded(draft.now_ns, placement.placement_id, state.value, reason, segment, actor))
    draft.wake(f"placement:{placement.placement_id}")
    draft.wake(f"order:{order.order_id}")
    draft.notify("placement", order_id=order.order_id, dealer=placement.dealer, state=state.value, reason=reason)
    return placement.rfq_id


def _on_status(draft: Draft, placement: Placement, heard: DealerReport) -> str | None:
    """The answer to our OrderStatusRequest(H)."""
    if heard.cum_quantity and heard.cum_quantity > placement.filled:
        # The fill itself comes by the session's resend; a status has no ExecID to book it under.
        evidence = f"the dealer says {heard.cum_quantity} is filled; the fill itself has not come"
        if placement.unanswered:
            draft.record(e.PlacementDoubted(draft.now_ns, placement.placement_id, evidence, False, True))
        else:
            _stray(draft, placement.session, heard, evidence)
        _page(draft, placement, evidence)
        return None
    if heard.unknown_order:
        reason = f"never arrived: the dealer does not know it {heard.text}"
        return end_placement(draft, placement, PlacementState.undelivered, reason)
    if heard.status == "8":
        return end_placement(draft, placement, PlacementState.rejected, heard.text or "rejected")
    if heard.status in ("4", "C"):
        return end_placement(draft, placement, PlacementState.canceled, heard.text or "canceled")
    if placement.state is PlacementState.in_doubt:
        draft.record(e.PlacementAcknowledged(draft.now_ns, placement.placement_id, heard.order_id))
    return None


def _on_fill(draft: Draft, session: str, placement: Placement | None, heard: DealerReport) -> str | None:
    if placement is None:
        _quarantine(draft, session, None, heard, "a fill for nothing we ordered")
        return None
    key = fill_key(session, placement.dealer, placement.placement_id, heard)
    quantity, price = heard.last_quantity, heard.last_price
    booked = draft.state.fills.get(key)
    if booked is not None:
        if quantity is not None and price is not None and booked.economics == economics(quantity, price):
            draft.record(e.FillRepeated(draft.now_ns, key))
        else:
            _quarantine(draft, session, placement, heard, f"same ExecID, other economics than {booked.economics}")
        return None
    problem = _fill_problem(draft, placement, heard)
    if problem:
        _quarantine(draft, session, placement, heard, problem)
        return None
    assert quantity is not None
    assert price is not None
    _book(draft, placement, heard, key, quantity, price)
    if not placement.unanswered:
        _after_the_end(draft, placement)
    return _after_fill(draft, placement.placement_id)


def _after_the_end(draft: Draft, placement: Placement) -> None:
    """A fill of what was over: the dealer's word is booked, but what was done since needs a person."""
    reason = f"filled although it was {placement.state}"
    draft.notify("page", what="fill after the end", order_id=placement.order_id, dealer=placement.dealer, reason=reason)
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


def _book(draft: Draft, placement: Placement, heard: DealerReport, key: str, quantity: Decimal, price: Decimal) -> None:
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
            trade_date=heard.trade_date or trade_date(draft.now_ns).strftime("%Y%m%d"),
            settl_date=heard.settl_date or settlement_date(draft.now_ns).strftime("%Y%m%d"),
            transact_ns=heard.transact_ns or draft.now_ns,
            accrued=heard.accrued,
            gross=heard.gross,
            net=heard.net,
        ),
    )
    arrival = order.arrival
    improvement = None
    if arrival is not None and arrival.price > 0:
        improvement = float((arrival.price - price) * order.terms.side.sign / arrival.price * 10_000)
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
    draft.wake(f"reversion:{fill.exec_id}")
    draft.wake(f"placement:{placement.placement_id}")
    dealer = draft.desk.dealers.get(placement.dealer)
    executing = dealer.lei if dealer is not None else placement.dealer
    text = f"computed by us: {', '.join(fill.computed)}" if fill.computed else ""
    order = draft.state.orders[order.order_id]
    reporting.report(draft, order, ReportKind.trade, text=text, fill=fill, executing=executing)
    draft.notify("fill", order_id=order.order_id, dealer=placement.dealer, quantity=str(quantity), price=str(price))


def _with_money(draft: Draft, fill: Fill) -> Fill:
    """Missing money fields computed and named; sent ones that differ from ours are told."""
    order = draft.state.orders[fill.order_id]
    security = draft.desk.securities[order.terms.security_id]
    gross = principal(fill.quantity * security.factor, fill.price)
    accrued = accrued_interest(security, fill.quantity, _settlement(draft, fill))
    net = gross + accrued if accrued is not None else None
    money = (("gross", fill.gross, gross), ("accrued", fill.accrued, accrued), ("net", fill.net, net))
    for name, sent, ours in money:
        if sent is not None and ours is not None and abs(sent - ours) > _MONEY_TOLERANCE:
            draft.notify("money", order_id=fill.order_id, field=name, sent=str(sent), ours=str(ours))
    computed = ["gross"] if fill.gross is None else []
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
        draft.wake(f"order:{order.order_id}")
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
            draft, order.terms.session, order, cl_ord_id, order.terms.cl_ord_id, 0, "too late: the order is filled"
        )


def _quarantine(draft: Draft, session: str, placement: Placement | None, heard: DealerReport, reason: str) -> None:
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
    draft.notify("page", what="fill quarantined", session=session, reference=heard.cl_ord_id, reason=reason)


# --- in doubt ------------------------------------------------------------------------------------


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
    draft.wake(f"placement:{placement.placement_id}")
    if ask:
        security = draft.desk.securities.get(placement.security_id)
        said = AskPlacementStatus(
            dealer=placement.dealer,
            placement_id=placement.placement_id,
            security_id=placement.security_id,
            id_source=security.id_source if security is not None else "4",
            side=placement.side,
        )
        draft.send(placement.session, said, Delivery.afresh)
        if placement.cancel_id:
            _send_cancel(draft, placement)
    if person and not placement.person_needed:
        _page(draft, placement, evidence)


def session_back(draft: Draft, session: str) -> None:
    """A dealer's session is up again: whatever is unanswered there is asked about."""
    for placement in list(draft.state.placements.values()):
        if placement.session == session and placement.unanswered:
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
    draft.send(placement.session, said, Delivery.afresh)


def withhold(draft: Draft, placement_id: str, reason: str) -> str | None:
    """Our D never left: the quantity is free again and the round goes on."""
    placement = draft.state.placements[placement_id]
    if placement.state is not PlacementState.in_doubt:
        return None
    draft.record(e.AcceptWithheld(draft.now_ns, placement_id, reason))
    draft.wake(f"placement:{placement_id}")
    draft.wake(f"order:{placement.order_id}")
    draft.notify("withheld", order_id=placement.order_id, dealer=placement.dealer, reason=reason)
    return placement.rfq_id


def _alert(draft: Draft, rfq: Rfq, best: tuple[Ask, Quote], reason: str) -> None:
    ask, quote = best
    if rfq.alerted == f"{ask.dealer}|{quote.quote_id}":
        return
    draft.record(e.TraderAlerted(draft.now_ns, rfq.rfq_id, ask.dealer, quote.quote_id, reason))
    draft.notify(
        "alert", rfq_id=rfq.rfq_id, order_id=rfq.order_id, dealer=ask.dealer, price=str(quote.price), reason=reason
    )


def _stray(draft: Draft, session: str, heard: DealerReport, text: str) -> None:
    draft.record(e.StrayMessage(draft.now_ns, session, "ExecutionReport", heard.cl_ord_id, text))
    draft.notify("stray", session=session, kind="ExecutionReport", reference=heard.cl_ord_id, text=text)


def _page(draft: Draft, placement: Placement, reason: str) -> None:
    draft.notify("page", what="order in doubt", order_id=placement.order_id, dealer=placement.dealer, reason=reason)


def _answers(draft: Draft, rfq: Rfq) -> str:
    """Each dealer's answer in a few words."""
    guard_ns, order = draft.desk.clocks.guard_ns, draft.state.orders[rfq.order_id]
    words: list[str] = []
    for ask in rfq.asks:
        last = ask.last_quote
        if last is not None and (last.problem or last.withdrawn or last.spent):
            words.append(f"{ask.dealer}: {last.problem or ('withdrawn' if last.withdrawn else 'taken and refused')}")
        elif last is not None and last.live(draft.now_ns, guard_ns):
            words.append(f"{ask.dealer}: {last.price} {_out_of_reach(draft, order, ask, last) or 'live'}")
        elif last is not None:
            words.append(f"{ask.dealer}: {last.price} over")
        else:
            words.append(f"{ask.dealer}: {ask.state}{f' ({ask.note})' if ask.note else ''}")
    return ", ".join(words) if words else "nobody was asked"
