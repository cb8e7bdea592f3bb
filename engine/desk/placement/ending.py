"""How an acceptance ends: by the dealer's last word once its count is what is booked, by a person's, or withheld.

A last word over another count than what is booked ends nothing: it is kept, and takes effect once they agree.
"""

from __future__ import annotations

from engine.desk.draft import Draft
from engine.desk.placement.counting import Fit, Weighed
from engine.desk.placement.doubting import page
from engine.desk.round.seen import Amending
from engine.domain import events as e
from engine.domain.keys import Timer, TimerKind
from engine.domain.messages import DealerReport, DealerWord
from engine.domain.placement import Placement, PlacementState


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


def settle_last_word(draft: Draft, placement_id: str) -> str | None:
    """What is booked, or waits in quarantine, has changed: a last word that was held back may take effect now."""
    placement = draft.state.placements[placement_id]
    if not placement.unanswered:
        return None
    if not placement.ends_as:
        if placement.person_counts and placement.filled == placement.counted:
            _count_agreed(draft, placement)
        return None
    if placement.counted is None:
        settled = placement.awaits_quarantine and not draft.state.in_quarantine(placement_id)
    else:
        settled = placement.filled == placement.counted
    if not settled:
        return None
    return end_placement(draft, placement, PlacementState(placement.ends_as), placement.evidence)


def _count_agreed(draft: Draft, placement: Placement) -> None:
    """The dealer counted what has come since, as fills do in the wrong order: no person is needed for that."""
    if not draft.state.in_quarantine(placement.placement_id):
        draft.record(e.PlacementCountAgreed(draft.now_ns, placement.placement_id))
        draft.wake(Timer(TimerKind.placement, placement.placement_id))


def differs(draft: Draft, placement: Placement, heard: DealerReport, weighed: Weighed) -> None:
    """The dealer's report and what is booked do not go together: nothing ends, and a person is told.

    A fill that has not come comes by the session's resend, or is in quarantine: only under its own ExecID can it be
    booked. Once what is booked is what the dealer counts, its last word takes effect: `settle_last_word`.
    """
    if heard.word is DealerWord.acknowledged and weighed.fit is Fit.less and weighed.ends_as is None:
        # It was overtaken by the fill: an acknowledgement tells of the beginning.
        stray(draft, placement.session, heard, weighed.words)
        return
    if not placement.unanswered:
        stray(draft, placement.session, heard, weighed.words)
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
            draft.now_ns,
            placement.placement_id,
            weighed.words,
            False,
            True,
            counted=counted,
            ends_as=ends_as,
            awaits_quarantine=weighed.awaits_quarantine,
        )
    )
    draft.wake(Timer(TimerKind.placement, placement.placement_id))
    page(draft, placement, weighed.words)


def last_words(heard: DealerReport, ends_as: PlacementState) -> str:
    if heard.unknown_order and heard.word is DealerWord.status:
        return f"never arrived: the dealer does not know it {heard.text}"
    return heard.text or (heard.word.value if ends_as is PlacementState.undelivered else ends_as.value)


def stray(draft: Draft, session: str, heard: DealerReport, text: str) -> None:
    kind = "TradeCaptureReport" if heard.trade_report_id else "ExecutionReport"
    draft.record(e.StrayMessage(draft.now_ns, session, kind, heard.cl_ord_id, text))
