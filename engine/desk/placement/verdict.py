"""What a person decides of a fill in quarantine: it is booked after all, or the dealer is told that it is not ours.

A fill that is booked takes the way of every other one, under its own ExecID(17). One that is rejected is answered by
DontKnowTrade(Q), once: it waits for a session that is down, and where it did not arrive a person has to say it again.
OMS and drop copy hear of both.

Reference: FIX 4.4 Vol 4, "Don't Know Trade (DK)".
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Final

from engine.clock import NS_PER_DAY
from engine.desk.draft import Draft
from engine.desk.order import reporting
from engine.desk.placement.acknowledging import acknowledge
from engine.desk.placement.booking import after_booking
from engine.desk.placement.booking import book as book_fill
from engine.desk.placement.changes import carry_out_waiting
from engine.desk.placement.doubting import call_others_back
from engine.desk.placement.ending import settle_last_word
from engine.desk.placement.quarantine import settle_alike
from engine.desk.placement.recognising import recognise
from engine.desk.state import DeskState
from engine.desk.state_rows import Quarantined
from engine.domain import events as e
from engine.domain.instrument import id_source_of
from engine.domain.keys import Timer, TimerKind
from engine.domain.messages import DealerReport, DealerWord, DontKnowTrade, ReportProblem
from engine.domain.order import ZERO, Order
from engine.domain.placement import DkReason, Placement, Telling, Verdict
from engine.errors import CommandError

_PROBLEM_OF: Final = {DkReason.unknown_symbol: ReportProblem.unknown_instrument}
TOLD_WITHIN_NS: Final = NS_PER_DAY
"""How long a dealer is told no after it was decided: whoever hears it later has settled the trade."""


# --- booking --------------------------------------------------------------------------------------


def book(
    draft: Draft,
    kept: Quarantined,
    actor: str,
    reason: str,
    *,
    order: Order | None = None,
    quantity: Decimal | None = None,
    price: Decimal | None = None,
    over: bool = False,
    second: bool = False,
) -> str | None:
    """Book the fill as it was reported, with what a person says in place of what nobody could read.

    `order` says whose it is where the report does not; `over` that it is more than was ordered, `second` that it is
    another one than the fill that is booked under its name. The round it moved.
    Raises CommandError where it cannot be a fill of that order.
    """
    placement = _placement_of(draft, kept, order)
    heard = _as_booked(draft, kept, placement, quantity, price)
    quantity, price = heard.last_quantity, heard.last_price
    assert quantity is not None
    assert price is not None
    standing = (each for _, each in draft.state.executions_at(placement) if not each.canceled)
    booked = recognise(standing, heard)
    if booked is not None and not second:
        words = f"{booked.quantity:,f} at {booked.price:f} under ExecID {booked.dealer_exec_id}"
        raise CommandError(
            f"{kept.fill_id}: {booked.exec_id} is booked of it already, {words}. "
            "If the dealer traded both, book it with --second",
            code="refused",
        )
    beyond = _beyond(draft, placement, quantity)
    if beyond > 0 and not over:
        raise CommandError(f"{kept.fill_id}: {_overfilled(draft, placement, quantity, beyond)}", code="refused")
    words = f"booked from quarantine by {_who(actor)}: {reason}"
    order = draft.state.orders[placement.order_id]
    filled_beyond = max(ZERO, order.filled + quantity - max(order.terms.quantity, order.filled))
    if filled_beyond:
        words = f"{filled_beyond:f} beyond the order; {words}"
    fill = book_fill(draft, placement, heard, kept.key, quantity, price, note=words)
    settled = (kept.fill_id, Verdict.booked, actor, reason, fill.exec_id, filled_beyond)
    draft.record(e.QuarantineSettled(draft.now_ns, *settled))
    settle_alike(draft, fill)
    acknowledge(draft, kept.session, kept.report)
    if beyond > 0:
        call_others_back(draft, placement)
    moved = after_booking(draft, placement.placement_id, heard)
    # The dealer may have canceled or corrected meanwhile what it had told.
    return carry_out_waiting(draft, placement.session, placement.placement_id, heard) or moved


def _placement_of(draft: Draft, kept: Quarantined, order: Order | None) -> Placement:
    """Whose fill it is: what the report names, else the order's latest acceptance over its session."""
    placement = draft.state.placements.get(kept.placement_id)
    if placement is not None and placement.session == kept.session:
        if order is not None and order.order_id != placement.order_id:
            raise CommandError(f"{kept.fill_id} is a fill of order {placement.order_id}, not of {order.order_id}")
        return placement
    if order is None:
        raise CommandError(
            f"{kept.fill_id} names nothing we ordered ({kept.placement_id or 'no ClOrdID(11)'}): say whose fill it is "
            f"with --order, or reject it",
            code="params",
        )
    found = [each for each in draft.state.placements_of(order.order_id) if each.session == kept.session]
    if not found:
        raise CommandError(
            f"nothing was accepted over session {kept.session} for order {order.order_id}: it cannot have filled it",
            code="state",
        )
    return next((each for each in found if each.unanswered), found[-1])


def _as_booked(
    draft: Draft, kept: Quarantined, placement: Placement, quantity: Decimal | None, price: Decimal | None
) -> DealerReport:
    """The report with what a person says of it. Raises CommandError where it is no fill of what was accepted."""
    report, order = kept.report, draft.state.orders[placement.order_id]
    if report.word is not DealerWord.filled:
        raise CommandError(
            f"{kept.fill_id} is a trade cancel or correction: it cannot be booked as a fill. Have the dealer say it "
            "anew, as it can be carried out, or reject it",
            code="state",
        )
    if report.security_id and report.security_id != placement.security_id:
        told, ordered = report.security_id, placement.security_id
        raise CommandError(
            f"{kept.fill_id} is of {told}, order {order.order_id} is of {ordered}: have the dealer report it anew, "
            "or reject it",
            code="refused",
        )
    if report.side is not None and report.side is not placement.side:
        raise CommandError(
            f"{kept.fill_id} is a {report.side}, order {order.order_id} is to {placement.side}: have the dealer report "
            "it anew, or reject it",
            code="refused",
        )
    quantity = quantity if quantity is not None else _positive(report.last_quantity)
    price = price if price is not None else _positive(report.last_price)
    missing = [f"--{name}" for name, value in (("quantity", quantity), ("price", price)) if value is None]
    if missing:
        raise CommandError(
            f"{kept.fill_id} cannot be read ({kept.reason}): say what the dealer traded with {' and '.join(missing)}",
            code="params",
        )
    heard = replace(report, last_quantity=quantity, last_price=price, unread=())
    if report.currency not in ("", order.terms.currency):
        # Its amounts are in that currency, too; ours are computed.
        heard = replace(heard, accrued=None, gross=None, net=None)
    return heard


def _positive(value: Decimal | None) -> Decimal | None:
    return value if value is not None and value.is_finite() and value > 0 else None


def _beyond(draft: Draft, placement: Placement, quantity: Decimal) -> Decimal:
    """By how much accepted, filled and in doubt would be more than the order."""
    order = draft.state.orders[placement.order_id]
    doubt = max(ZERO, placement.reserved - quantity) + sum(each.reserved for each in _others(draft, placement))
    return order.filled + quantity + doubt - max(order.terms.quantity, order.filled)


def _others(draft: Draft, placement: Placement) -> list[Placement]:
    """What else of the order may still be filled."""
    placements = draft.state.placements_of(placement.order_id)
    return [each for each in placements if each.unanswered and each.placement_id != placement.placement_id]


def _overfilled(draft: Draft, placement: Placement, quantity: Decimal, beyond: Decimal) -> str:
    order = draft.state.orders[placement.order_id]
    stands = f"{order.filled:,f} of {order.terms.quantity:,f} is filled"
    for other in _others(draft, placement):
        stands += f", {other.reserved:,f} is unanswered at {other.dealer}"
    return (
        f"{quantity:,f} is {beyond:,f} more than order {order.order_id} has left ({stands}). "
        "If the dealer did trade it, book it with --over"
    )


# --- rejecting ------------------------------------------------------------------------------------


def reject(
    draft: Draft, kept: Quarantined, actor: str, reason: str, dk: DkReason | None = None, *, untold: bool = False
) -> str | None:
    """It is no trade of ours: the dealer is told, OMS and drop copy too. The round it moved.

    What came by a TradeCaptureReport(AE) is answered by a TradeCaptureReportAck(AR), all else by DontKnowTrade(Q).
    `untold`: the dealer knows it otherwise. Raises CommandError where Q would name a fill that is booked.
    """
    by_report = kept.report.report_words is not None
    by_dk = not untold and not by_report
    if by_dk:
        _hold_apart(draft, kept)
    told_until_ns = draft.now_ns + TOLD_WITHIN_NS if by_dk else 0
    code = dk if dk is not None else kept.dk
    settled = e.QuarantineSettled(
        draft.now_ns, kept.fill_id, Verdict.rejected, actor, reason, dk=code, told_until_ns=told_until_ns
    )
    draft.record(settled)
    if by_dk:
        _tell(draft, draft.state.quarantine[kept.fill_id])
    elif not untold:
        acknowledge(draft, kept.session, kept.report, _PROBLEM_OF.get(code, ReportProblem.other), reason)
    placement = draft.state.placements.get(kept.placement_id)
    if placement is None or placement.session != kept.session:
        return None
    if not kept.open:
        return None  # Said once more: OMS and drop copy have heard it.
    order = draft.state.orders[placement.order_id]
    what = f"{kept.quantity:f} at {kept.price:f}" if kept.quantity and kept.price else "a fill that cannot be read"
    said = f"not booked: {what} that {placement.dealer} reported as {kept.report.exec_id}"
    reporting.tell(draft, order, f"{said}; rejected by {_who(actor)}: {reason}")
    moved = settle_last_word(draft, placement.placement_id)
    placement = draft.state.placements[placement.placement_id]
    if placement.unanswered and placement.counted is not None and placement.counted > placement.filled:
        evidence = (
            f"the dealer says {placement.counted:f} is filled, {placement.filled:f} is booked; {kept.quantity:f} was "
            f"rejected by {_who(actor)}: the dealer has to take it back"
        )
        draft.record(e.PlacementDoubted(draft.now_ns, placement.placement_id, evidence, False, True))
    return moved


def _hold_apart(draft: Draft, kept: Quarantined) -> None:
    """The dealer would take our no for one to the fill that is booked under the same name."""
    placement = draft.state.placements.get(kept.placement_id)
    fills = draft.state.fills_at(placement) if placement is not None else []
    booked = next((each for each in fills if each.dealer_exec_id == kept.report.exec_id), None)
    if booked is not None:
        words = f"ExecID {booked.dealer_exec_id}, under which {booked.exec_id} is booked"
        raise CommandError(
            f"{kept.fill_id}: DontKnowTrade(Q) would name {words}: "
            "agree on it with the dealer, and reject it with --untold",
            code="refused",
        )


def _tell(draft: Draft, kept: Quarantined) -> None:
    """DontKnowTrade(Q), now or once the session is back."""
    draft.wake(Timer(TimerKind.quarantine, kept.fill_id))
    if not draft.session_up(kept.session):
        return
    draft.record(e.DontKnowTradeSent(draft.now_ns, kept.fill_id, draft.next_outbox_id()))
    draft.send_until(kept.session, _said(draft, kept), kept.told_until_ns)


def _said(draft: Draft, kept: Quarantined) -> DontKnowTrade:
    report, placement = kept.report, draft.state.placements.get(kept.placement_id)
    source, security_id = report.bond_named
    if not security_id and placement is not None:
        security_id = placement.security_id
    ordered = placement.quantity if placement is not None else report.order_quantity or report.last_quantity
    return DontKnowTrade(
        dealer=kept.dealer,
        order_id=report.order_id,
        exec_id=report.exec_id,
        reason=kept.dk,
        security_id=security_id,
        id_source=source or id_source_of(security_id),
        side=report.side or (placement.side if placement is not None else None),
        quantity=ordered or ZERO,
        last_quantity=report.last_quantity,
        last_price=report.last_price,
        text=kept.settled_reason,
    )


def session_back(draft: Draft, session: str) -> None:
    """Its dealers are told what has waited for it."""
    for kept in draft.state.dealers_to_tell(session):
        tell_again(draft, kept.fill_id)


def tell_again(draft: Draft, fill_id: str) -> None:
    """A dealer that waits to be told is told, unless its time is over: then a person is."""
    kept = draft.state.quarantine[fill_id]
    if kept.telling is not Telling.waits:
        return
    if draft.now_ns >= kept.told_until_ns:
        _lost(draft, kept, kept.untold or f"session {kept.session} was down for too long")
    else:
        _tell(draft, kept)


def deadline_ns(state: DeskState, fill_id: str, session_up: Callable[[str], bool], again_ns: int) -> int | None:
    """When to look at it again: `again_ns` after Q could not leave though the session is up, or when it is too late."""
    kept = state.quarantine.get(fill_id)
    if kept is None or kept.telling is not Telling.waits:
        return None
    return min(kept.untold_ns + again_ns, kept.told_until_ns) if session_up(kept.session) else kept.told_until_ns


def not_sent(draft: Draft, fill_id: str, reason: str) -> None:
    """Q was committed and never left: it waits once more, unless its time is over."""
    kept = draft.state.quarantine[fill_id]
    if kept.telling is not Telling.sent:
        return
    if draft.now_ns >= kept.told_until_ns:
        _lost(draft, kept, reason)
        return
    draft.record(e.DontKnowTradeUnsent(draft.now_ns, fill_id, reason, False))
    draft.wake(Timer(TimerKind.quarantine, fill_id))


def not_delivered(draft: Draft, fill_id: str, outbox_id: int | None, reason: str) -> None:
    """Q was filled over in a resend, or refused: it is not said again by itself."""
    kept = draft.state.quarantine[fill_id]
    if kept.telling is Telling.sent and kept.told_outbox_id == outbox_id:
        _lost(draft, kept, reason)


def _lost(draft: Draft, kept: Quarantined, reason: str) -> None:
    draft.record(e.DontKnowTradeUnsent(draft.now_ns, kept.fill_id, reason, True))
    draft.page("rejection not delivered", fill=kept.fill_id, session=kept.session, reason=reason)


def _who(actor: str) -> str:
    return actor.removeprefix("person:")
