"""What a dealer says of an acceptance of ours. Each handler returns the round that it moved.

Reference: FIX 4.4 Vol 4, ExecutionReport.
"""

from __future__ import annotations

from typing import NamedTuple

from engine.desk.draft import Draft
from engine.desk.placement.booking import after_booking, book, weigh_fill
from engine.desk.placement.changes import carry_out_waiting, on_change, placement_named
from engine.desk.placement.counting import CHANGES, GOES_ON, Fit, weigh
from engine.desk.placement.doubting import call_others_back, doubt, page
from engine.desk.placement.ending import differs, end_placement, last_words, stray
from engine.desk.placement.quarantine import (
    Problem,
    fill_key,
    hear_rejected,
    problem_of,
    quarantine,
    settle_alike,
    settled_as,
    waiting_of,
)
from engine.desk.placement.recognising import is_alike, is_news, recognise
from engine.domain import events as e
from engine.domain.keys import Timer, TimerKind
from engine.domain.messages import DealerCancelRefused, DealerReport, DealerWord
from engine.domain.order import OrderStatus
from engine.domain.placement import DkReason, Fill, Placement, PlacementState, Verdict, economics


def on_report(draft: Draft, session: str, heard: DealerReport) -> str | None:
    """ExecutionReport(8) of a dealer; the round it moved."""
    if heard.word in CHANGES:
        return on_change(draft, session, heard)
    placement = placement_of(draft, session, heard)
    if heard.word is DealerWord.filled:
        return on_fill(draft, session, placement, heard)
    if placement is None:
        stray(draft, session, heard, f"{heard.word} for nothing we ordered: {heard.text}")
        return None
    weighed = weigh(placement, waiting_of(draft, placement.placement_id), heard)
    if weighed.fit is not Fit.agrees:
        differs(draft, placement, heard, weighed)
        return None
    if weighed.ends_as is not None:
        if odd := _odd(placement, heard, weighed.ends_as):
            stray(draft, session, heard, odd)
        return end_placement(draft, placement, weighed.ends_as, last_words(heard, weighed.ends_as))
    if placement.state is PlacementState.in_doubt:
        draft.record(e.PlacementAcknowledged(draft.now_ns, placement.placement_id, heard.order_id))
    return None


def placement_of(draft: Draft, session: str, heard: DealerReport) -> Placement | None:
    """By our ClOrdID in 11 or 41, that of the order or of a cancel; else by the dealer's own OrderID(37)."""
    state, named = draft.state, placement_named(draft, heard)
    if named is not None:
        return named if named.session == session else None
    if not heard.order_id:
        return None
    found = [
        each
        for each in state.unanswered_as(session, heard.order_id)
        if heard.security_id in ("", each.security_id) and heard.side in (None, each.side)
    ]
    return found[0] if len(found) == 1 else None


def _odd(placement: Placement, heard: DealerReport, ends_as: PlacementState) -> str:
    """What a last word that is believed says besides; empty for most."""
    if not placement.unanswered:
        return f"{ends_as} after it was {placement.state}: {heard.text}" if placement.state is not ends_as else ""
    if heard.status in GOES_ON:
        return f"{ends_as} with OrdStatus(39) {heard.status}, believed for its counts: {heard.text}"
    return ""


def on_cancel_refused(draft: Draft, session: str, heard: DealerCancelRefused) -> str | None:
    """OrderCancelReject(9) of a dealer: our cancel came too late, or it knows no such order."""
    state = draft.state
    placement = state.placements.get(heard.orig_cl_ord_id or state.cancels.get(heard.cl_ord_id) or "")
    if placement is None or placement.session != session:
        _stray_refusal(draft, session, heard, "refuses no cancel of ours")
        return None
    if not placement.unanswered:
        _stray_refusal(draft, session, heard, f"came when the order was {placement.state}")
        return None
    if heard.unknown_order:
        text = f": {heard.text}" if heard.text else ""
        return _never_arrived(draft, placement, f"the dealer does not know the order{text}")
    refused = f"cancel refused: {heard.text}" if heard.text else "cancel refused"
    draft.record(e.PlacementDoubted(draft.now_ns, placement.placement_id, refused, False, False))
    if heard.status is OrderStatus.rejected:
        return _never_arrived(draft, state.placements[placement.placement_id], refused)
    return _weigh_status(draft, state.placements[placement.placement_id], heard, refused)


def _stray_refusal(draft: Draft, session: str, heard: DealerCancelRefused, came: str) -> None:
    text = f"{came}: {heard.text}" if heard.text else came
    draft.record(e.StrayMessage(draft.now_ns, session, "OrderCancelReject", heard.cl_ord_id, text))


def _weigh_status(draft: Draft, placement: Placement, heard: DealerCancelRefused, refused: str) -> str | None:
    """Its OrdStatus(39) says of the order what that of an 8 without any count would."""
    ids, nothing = (heard.cl_ord_id, heard.orig_cl_ord_id), (None,) * 6
    said = DealerReport(DealerWord.status, *ids, "", "", "", *nothing, "", "", None, status=heard.status)
    weighed = weigh(placement, waiting_of(draft, placement.placement_id), said)
    if weighed.fit is not Fit.agrees:
        # Its fill may be on the way, or lost: the dealer is asked, and a person if that brings nothing.
        doubt(draft, placement, f"{refused}; {weighed.words}", afresh=True, is_cancel_answered=True)
    elif weighed.ends_as is not None:
        return end_placement(draft, placement, weighed.ends_as, refused)
    return None


def on_refused_by_peer(draft: Draft, placement_id: str, text: str) -> str | None:
    """Reject(3) or BusinessMessageReject(j) of our D: it never became an order there."""
    return _never_arrived(draft, draft.state.placements[placement_id], f"refused by the dealer's engine: {text}")


def _never_arrived(draft: Draft, placement: Placement, reason: str) -> str | None:
    """The dealer says, without a count, that it has no such order: believed unless it has told of the order before."""
    told = _told_of(draft, placement)
    if not told:
        return end_placement(draft, placement, PlacementState.undelivered, reason)
    words = f"{reason}; but {told}"
    if placement.unanswered and placement.evidence != words:
        draft.record(e.PlacementDoubted(draft.now_ns, placement.placement_id, words, False, True))
        draft.wake(Timer(TimerKind.placement, placement.placement_id))
        page(draft, placement, words)
    return None


def _told_of(draft: Draft, placement: Placement) -> str:
    """What the dealer has said by which it has the order; empty where it was silent."""
    if placement.filled:
        return f"{placement.filled:f} of it is booked"
    if waiting := draft.state.in_quarantine(placement.placement_id):
        return f"{waiting:f} of it waits in quarantine"
    if placement.counted:
        return f"it counted {placement.counted:f} as filled"
    return "it was acknowledged" if placement.state is PlacementState.acknowledged else ""


def on_fill(draft: Draft, session: str, placement: Placement | None, heard: DealerReport) -> str | None:
    """A fill, by a trade's own word; the round it moved."""
    return take_fill(draft, session, placement, heard).moved


class Taken(NamedTuple):
    """What became of a fill that was reported."""

    moved: str | None = None
    """The round it moved."""
    kept: bool = False
    """It waits in quarantine, or a person has rejected it."""


def take_fill(draft: Draft, session: str, placement: Placement | None, heard: DealerReport) -> Taken:
    """Book a fill that is reported, unless it is booked already; keep it for a person where it cannot be."""
    dealer, placement_id = ("", heard.cl_ord_id) if placement is None else (placement.dealer, placement.placement_id)
    key = fill_key(session, dealer, placement_id, heard)
    settled = settled_as(draft, key, heard)
    if settled is not None and settled.verdict is Verdict.rejected:
        hear_rejected(draft, settled, heard)
        return Taken(kept=True)
    if settled is not None and (placement is None or not _is_booked(draft, placement, heard)):
        draft.record(e.FillRepeated(draft.now_ns, key))  # Booked as a person has said.
        return Taken()
    if placement is None:
        quarantine(draft, session, None, heard, "a fill for nothing we ordered", DkReason.no_matching_order)
        return Taken(kept=True)
    quantity, price = heard.last_quantity, heard.last_price
    if (again := take_again(draft, session, placement, heard)) is not None:
        return again
    problem = _taken_back(draft, key) or problem_of(draft, placement, heard)
    if problem is not None:
        quarantine(draft, session, placement, heard, *problem)
        return Taken(kept=True)
    assert quantity is not None
    assert price is not None
    fill = book(draft, placement, heard, key, quantity, price)
    settle_alike(draft, fill)
    if not placement.unanswered or quantity > placement.reserved:
        _after_the_end(draft, placement)
    moved = after_booking(draft, placement_id, heard)
    return Taken(carry_out_waiting(draft, session, placement_id, heard) or moved)


def _taken_back(draft: Draft, key: str) -> Problem | None:
    """A fill that its dealer took back while it waited in quarantine is not booked because it comes again."""
    kept = draft.state.taken_back_as(key)
    return Problem(f"the dealer took it back when it was {kept.fill_id}") if kept is not None else None


def _is_booked(draft: Draft, placement: Placement, heard: DealerReport) -> bool:
    """Is the very fill booked that the report tells of?"""
    booked = recognise((each for _, each in draft.state.executions_at(placement)), heard)
    return booked is not None and is_alike(booked, heard)


def take_again(draft: Draft, session: str, placement: Placement, heard: DealerReport) -> Taken | None:
    """A report of a fill that is booked; None where it tells of none of these."""
    booked = recognise((each for _, each in draft.state.executions_at(placement)), heard)
    if booked is None:
        return None
    if is_alike(booked, heard):
        return Taken(_hear_again(draft, booked, heard))
    differs_from = economics(booked.quantity, booked.price)
    quarantine(draft, session, placement, heard, f"same ExecID, other economics than {differs_from}")
    return Taken(kept=True)


def _hear_again(draft: Draft, fill: Fill, heard: DealerReport) -> str | None:
    """A fill that is booked is reported once more: a copy changes nothing, another kind of report has its own words."""
    if not is_news(fill, heard):
        draft.record(e.FillRepeated(draft.now_ns, fill.key))
        return None
    by_report = bool(heard.trade_report_id)
    named = not by_report or (heard.exec_id != heard.trade_report_id and not fill.in_execution_report)
    draft.record(
        e.FillConfirmed(
            draft.now_ns,
            exec_id=fill.exec_id,
            key=fill.key,
            dealer_exec_id=heard.exec_id if named else "",
            secondary_exec_id=heard.secondary_exec_id,
            match_id=heard.match_id,
            trade_report_id=heard.trade_report_id,
            in_execution_report=not by_report,
            counted=heard.cum_quantity,
        )
    )
    moved = weigh_fill(draft, fill.placement_id, heard)
    session = draft.state.placements[fill.placement_id].session
    return carry_out_waiting(draft, session, fill.placement_id, heard) or moved


def _after_the_end(draft: Draft, placement: Placement) -> None:
    """A fill of what was over: the dealer's word is booked, but what was done since needs a person."""
    reason = f"filled although it was {placement.state}"
    if placement.unanswered:
        reason = f"more is filled than the {placement.reserved:f} that was left when it lived again"
    draft.page("fill after the end", order_id=placement.order_id, dealer=placement.dealer, reason=reason)
    call_others_back(draft, placement)
