"""An acceptance that the dealer has not answered: it is asked, then a person, or it is called back.

An acceptance is in doubt from its commit until its answer. While it is, its quantity stays reserved and nobody else is
asked to fill it: accepted + filled + in doubt never exceeds the order.
"""

from __future__ import annotations

from engine.desk.draft import Delivery, Draft
from engine.domain import events as e
from engine.domain.keys import Timer, TimerKind
from engine.domain.messages import AskPlacementStatus, CancelPlacement
from engine.domain.placement import Placement


def doubt(
    draft: Draft, placement: Placement, evidence: str, *, afresh: bool = False, is_cancel_answered: bool = False
) -> None:
    """No answer: ask the dealer (H) while that may help, then a person. The quantity stays reserved throughout.

    `afresh` asks once more however often it was asked before. A cancel that is still wanted goes out again too, but not
    where the dealer has just answered it: it would answer in the same way, and so on for ever.
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
    outbox_id = draft.next_outbox_id() if ask else 0
    draft.record(e.PlacementDoubted(draft.now_ns, placement.placement_id, evidence, ask, person, outbox_id=outbox_id))
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
    if placement.cancel_id and not is_cancel_answered and (ask or (afresh and person)):
        _send_cancel(draft, placement)  # A cancel is asked for whatever becomes of a status request.
    if person and not placement.person_needed:
        page(draft, placement, evidence)


def session_back(draft: Draft, session: str) -> None:
    """A dealer's session is up again: whatever is unanswered there is asked about."""
    for placement in draft.state.unanswered_at(session):
        evidence = placement.evidence or "the session was interrupted before an answer"
        doubt(draft, placement, evidence, afresh=True)


def filled_over(draft: Draft, placement: Placement, outbox_id: int) -> None:
    """Our H or F was filled over in a resend: it never arrived, and is said again while it is still wanted.

    Only the last of each: where another one was sent since, that is the one that counts.
    """
    if not placement.unanswered:
        return
    if outbox_id == placement.status_outbox_id:
        doubt(draft, placement, placement.evidence or "no answer", afresh=True)
    elif outbox_id == placement.cancel_outbox_id:
        _send_cancel(draft, placement)


def cancel_at_dealer(draft: Draft, placement: Placement) -> None:
    """OrderCancelRequest(F) for an acceptance that has not been answered."""
    if placement.unanswered and not placement.cancel_id:
        _send_cancel(draft, placement)


def call_others_back(draft: Draft, placement: Placement) -> None:
    """More was filled of one than it had left: what may be filled elsewhere of the order might be too much."""
    for other in draft.state.placements_of(placement.order_id):
        if other.placement_id != placement.placement_id:
            cancel_at_dealer(draft, other)


def _send_cancel(draft: Draft, placement: Placement) -> None:
    cancel_id = draft.fresh_id()
    outbox_id = draft.next_outbox_id()
    draft.record(e.PlacementCancelAsked(draft.now_ns, placement.placement_id, cancel_id, outbox_id))
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
