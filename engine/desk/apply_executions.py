"""What each event of acceptances, fills and quarantine makes of the state: `apply` knows these by `EXECUTIONS`.

As there, no clock is read and nothing is looked up: whatever is needed stands in the event.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final

from engine.clock import utc_day
from engine.desk.moving import count, end_order, follow, free_round
from engine.desk.state import DeskState
from engine.desk.state_rows import BY_REPORT, BookedFill, PendingReversion, Quarantined, Sent, TradeChange, dealt_key
from engine.domain import events as e
from engine.domain import moves
from engine.domain.credit import CreditKind, CreditScope
from engine.domain.order import ZERO, MarkUsed, Order, OrderState
from engine.domain.placement import Placement, PlacementState, Telling, economics
from engine.domain.rfq import RfqState
from engine.domain.rows import changed


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
        follow(state, event.rfq_id, event.security_id, order.facts.segment, event.at_ns, event.day_ends)


def _accept_withheld(state: DeskState, event: e.AcceptWithheld) -> None:
    placement = state.placements[event.placement_id]
    state.placements.put(event.placement_id, moves.move_placement(placement, PlacementState.withheld))
    free_round(state, placement)


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
    free_round(state, placement)


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
        end_order(state, order, event.at_ns)
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
    follow(state, fill.exec_id, order.terms.security_id, event.segment, event.at_ns, event.day_ends)


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
        end_order(state, order, event.at_ns)
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
        count(state, "quarantined")
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


EXECUTIONS: Final[Mapping[type[e.Event], Callable[[DeskState, Any], None]]] = {
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
}
