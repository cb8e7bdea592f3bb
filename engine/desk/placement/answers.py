"""What a dealer, or its engine, says of an acceptance of ours; each handler returns the round that it moved."""

from __future__ import annotations

from engine.desk.draft import Draft
from engine.desk.placement.booking import on_fill, quarantine
from engine.desk.placement.unanswered import page
from engine.domain import events as e
from engine.domain.keys import Timer, TimerKind
from engine.domain.messages import DealerCancelRefused, DealerReport, DealerWord
from engine.domain.order import OrderStatus
from engine.domain.placement import Placement, PlacementState


def on_report(draft: Draft, session: str, heard: DealerReport) -> str | None:
    """ExecutionReport(8) of a dealer; the round it moved."""
    placement = draft.state.placements.get(heard.cl_ord_id) or draft.state.placements.get(heard.orig_cl_ord_id)
    if placement is not None and placement.session != session:
        placement = None
    if heard.word is DealerWord.filled:
        return on_fill(draft, session, placement, heard)
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
        if _lacks_a_fill(draft, placement, heard):
            return None
        if not placement.unanswered and placement.state != heard.word.value:
            _stray(draft, session, heard, f"{heard.word} after it was {placement.state}: {heard.text}")
        state = PlacementState.undelivered if heard.unknown_order else PlacementState(heard.word.value)
        return end_placement(draft, placement, state, heard.text or heard.word.value)
    quarantine(draft, session, placement, heard, "trade cancel or correction: a person must book it")
    return None


def _on_status(draft: Draft, placement: Placement, heard: DealerReport) -> str | None:
    """The answer to our OrderStatusRequest(H)."""
    if _lacks_a_fill(draft, placement, heard):
        return None
    if heard.unknown_order:
        reason = f"never arrived: the dealer does not know it {heard.text}"
        return end_placement(draft, placement, PlacementState.undelivered, reason)
    if heard.status == OrderStatus.rejected:
        return end_placement(draft, placement, PlacementState.rejected, heard.text or "rejected")
    if heard.status in (OrderStatus.canceled, OrderStatus.expired):
        return end_placement(draft, placement, PlacementState.canceled, heard.text or "canceled")
    if placement.state is PlacementState.in_doubt:
        draft.record(e.PlacementAcknowledged(draft.now_ns, placement.placement_id, heard.order_id))
    return None


def _lacks_a_fill(draft: Draft, placement: Placement, heard: DealerReport) -> bool:
    """Does the dealer count more as filled than is booked? Then nothing ends here, whatever else it says.

    The fill itself comes by the session's resend, or is in quarantine: only under its own ExecID can it be booked.
    """
    if not heard.cum_quantity or heard.cum_quantity <= placement.filled:
        return False
    evidence = f"the dealer says {heard.cum_quantity} is filled; the fill itself has not come"
    if placement.unanswered:
        draft.record(e.PlacementDoubted(draft.now_ns, placement.placement_id, evidence, False, True))
    else:
        _stray(draft, placement.session, heard, evidence)
    page(draft, placement, evidence)
    return True


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
    draft.wake(Timer(TimerKind.placement, placement.placement_id))
    draft.wake(Timer(TimerKind.order, order.order_id))
    return placement.rfq_id


def withhold(draft: Draft, placement_id: str, reason: str) -> str | None:
    """Our D never left: the quantity is free again and the round goes on."""
    placement = draft.state.placements[placement_id]
    if placement.state is not PlacementState.in_doubt:
        return None
    draft.record(e.AcceptWithheld(draft.now_ns, placement_id, reason))
    draft.wake(Timer(TimerKind.placement, placement_id))
    draft.wake(Timer(TimerKind.order, placement.order_id))
    return placement.rfq_id


def _stray(draft: Draft, session: str, heard: DealerReport, text: str) -> None:
    draft.record(e.StrayMessage(draft.now_ns, session, "ExecutionReport", heard.cl_ord_id, text))
