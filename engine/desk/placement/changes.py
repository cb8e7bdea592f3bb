"""A dealer takes a fill back (150=H) or gives it other terms (150=G), by an ExecutionReport(8), by a
TradeCaptureReport(AE), or by both: the second word of one change is its copy.

An 8 names the fill by ExecRefID(19): the ExecID(17) of the fill, or of an earlier correction of it. An AE names it by
TradeReportRefID(572), a name of a report, or by the fill's own ExecID(17). Order, acceptance
and all that was counted follow, OMS and drop copy are told, and a person is called. What the dealer says besides, its
counts and its status, is weighed as of any report: an acceptance that was over is in doubt again where the dealer says
that it may fill it once more, or counts more than is booked. Whatever cannot be carried out as it stands is kept for a
person; the fill stays as it is.

Reference: FIX 4.4 Vol 4, ExecutionReport; order state change matrices J.1.a and J.1.b: an order that was canceled stays
so, one that was filled is open again.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Final, NamedTuple

from engine.desk.draft import Draft
from engine.desk.order import reporting
from engine.desk.order.reporting import return_to_trader
from engine.desk.placement.acknowledging import acknowledge
from engine.desk.placement.booking import (
    book,
    paid_otherwise,
    settle_order,
    settles_otherwise,
    with_money,
)
from engine.desk.placement.counting import Fit, lives_on, weigh
from engine.desk.placement.doubting import call_others_back, cancel_at_dealer, page
from engine.desk.placement.ending import differs, end_placement, last_words, settle_last_word, stray
from engine.desk.placement.quarantine import fill_key, problem_of, quarantine, settle, settle_alike, waiting_of
from engine.desk.round.seen import Amending
from engine.desk.state_rows import BookedFill, Quarantined
from engine.domain import events as e
from engine.domain.keys import Timer, TimerKind
from engine.domain.messages import DealerReport, DealerWord, ReportKind
from engine.domain.moves import with_more_filled
from engine.domain.order import OrderState
from engine.domain.placement import Fill, Placement, PlacementState, Verdict, economics

_NAME: Final = {DealerWord.trade_canceled: "trade cancel", DealerWord.corrected: "trade correction"}


def on_change(draft: Draft, session: str, heard: DealerReport) -> str | None:
    """A trade cancel or correction; the round it moved."""
    what, placement = _NAME[heard.word], placement_named(draft, heard)
    if placement is not None and placement.session != session:
        quarantine(draft, session, None, heard, f"{what} of a trade at {placement.dealer}, over another session")
        return None
    if placement is None:
        placement = _placement_of(draft, session, heard)
    if _takes_back_what_waits(draft, session, placement, heard):
        return weigh_the_rest(draft, placement.placement_id, heard) if placement is not None else None
    if placement is None:
        quarantine(draft, session, None, heard, f"{what} of nothing we ordered")
        return None
    return change(draft, placement, heard, _fill_named(draft, placement, heard.refers_to))


def on_reported_change(draft: Draft, session: str, placement: Placement | None, heard: DealerReport) -> Changed:
    """The same by a TradeCaptureReport(AE), in an 8's words."""
    if placement is None:
        quarantine(draft, session, None, heard, f"{_NAME[heard.word]} of nothing we ordered")
        return Changed(None, False)
    fill = _fill_reported(draft, placement, heard)
    moved = change(draft, placement, heard, fill)
    return Changed(moved, fill is not None and _is_carried_out(draft, placement, heard, fill))


class Changed(NamedTuple):
    moved: str | None
    """The round it moved."""
    is_carried_out: bool
    """Now, or before; else it is kept for a person."""


def change(draft: Draft, placement: Placement, heard: DealerReport, fill: Fill | None) -> str | None:
    """Carry out what is said of a fill of this acceptance; the round that it moved."""
    session = placement.session
    if _is_repeated(draft, placement, heard, fill):
        return None
    if fill is not None and _is_copy(draft, placement, heard, fill):
        if draft.state.placements[placement.placement_id].unanswered and not placement.unanswered:
            _call_back(draft, placement.placement_id, "trade canceled by the dealer")
        return None
    if fill is None and _is_bookable_now(draft, placement, heard):
        return _book_as_corrected(draft, placement, heard)
    if fill is None:
        quarantine(draft, session, placement, heard, _unknown(draft, placement, heard))
        if heard.word is DealerWord.corrected and heard.cum_quantity is None:
            return None  # What it corrects was traded: nothing is free.
        return weigh_the_rest(draft, placement.placement_id, heard)
    if heard.word is DealerWord.corrected:
        return correct(draft, fill, heard)
    return take_back(draft, fill, heard)


def carry_out_waiting(draft: Draft, session: str, placement_id: str, heard: DealerReport) -> str | None:
    """A fill has come, or another name of it: what was said of it before is carried out now."""
    moved: str | None = None
    names = dict.fromkeys((heard.exec_id, heard.trade_report_id or heard.exec_id))
    for kept in [each for name in names for each in draft.state.changes_waiting_for(session, name)]:
        placement, named = draft.state.placements[placement_id], placement_named(draft, kept.report)
        if named is not None and named.placement_id != placement_id:
            continue
        by_report = bool(kept.report.trade_report_id)
        fill = (
            _fill_reported(draft, placement, kept.report)
            if by_report
            else _fill_named(draft, placement, kept.report.refers_to)
        )
        moved = change(draft, placement, kept.report, fill) or moved
        done = fill_key(session, placement.dealer, placement_id, kept.report)
        still = draft.state.quarantine[kept.fill_id]
        if done in draft.state.changes and still.open:
            settle(draft, still, Verdict.came_again, f"dealer:{placement.dealer}", "carried out: its fill has come")
            acknowledge(draft, session, kept.report)
    return moved


def take_back(draft: Draft, fill: Fill, heard: DealerReport) -> str | None:
    """A booked fill is canceled by the dealer; the round that it moved. Once: again, it is a stray word.

    `heard` says it in an ExecutionReport's words, whatever message it came by: its own ExecID is that of the cancel.
    """
    placement = draft.state.placements[fill.placement_id]
    key, booked = _booked(draft, placement, fill)
    if booked.canceled:
        stray(draft, placement.session, heard, f"takes {fill.dealer_exec_id} back, which was canceled before")
        return weigh_the_rest(draft, placement.placement_id, heard)
    problem = _against(booked, placement, heard)
    if problem:
        quarantine(draft, placement.session, placement, heard, problem)
        return weigh_the_rest(draft, placement.placement_id, heard)
    words = f"trade canceled by the dealer: {fill.quantity:f} at {fill.price:f}"
    reason = f"{words}: {heard.text}" if heard.text else words
    becomes = _becomes(draft, placement, with_more_filled(placement, -fill.quantity), heard)
    was_filled = draft.state.orders[fill.order_id].state is OrderState.filled
    amending = Amending(draft, placement.rfq_id)
    change = fill_key(placement.session, placement.dealer, placement.placement_id, heard)
    draft.record(e.FillCanceled(draft.now_ns, fill, key, change, becomes.value, reason))
    kept = draft.state.quarantined_as(fill.key)
    if kept is not None and kept.open:  # Other economics of it: they are canceled, too.
        settle(draft, kept, Verdict.taken_back, f"dealer:{fill.dealer}", reason)
    amending.done("its trade was canceled")
    _wake(draft, placement)
    draft.wake(Timer(TimerKind.reversion, fill.exec_id))
    draft.wake(Timer(TimerKind.marks, fill.exec_id))
    _tell(draft, ReportKind.trade_canceled, fill, heard, reason)
    draft.page("trade canceled", order_id=fill.order_id, dealer=fill.dealer, reason=reason)
    return _after_less(draft, placement, heard, reason, was_filled=was_filled)


def correct(draft: Draft, was: Fill, heard: DealerReport) -> str | None:
    """A booked fill has other terms by the dealer's word; the round that it moved.

    Held to what a fill is held to: in the place of the old one it must be bookable. `heard` is as of `take_back`.
    """
    placement = draft.state.placements[was.placement_id]
    key, booked = _booked(draft, placement, was)
    if booked.canceled:
        quarantine(draft, placement.session, placement, heard, f"corrects {was.dealer_exec_id}, which was canceled")
        return weigh_the_rest(draft, placement.placement_id, heard)
    problem = problem_of(draft, placement, heard, was)
    if problem is not None:
        quarantine(draft, placement.session, placement, heard, *problem)
        return weigh_the_rest(draft, placement.placement_id, heard)
    quantity, price = heard.last_quantity, heard.last_price
    assert quantity is not None
    assert price is not None
    told_as = was.last_told_as
    fill, said = with_money(
        draft,
        replace(
            was,
            quantity=quantity,
            price=price,
            trade_date=heard.trade_date or was.trade_date,
            settl_date=heard.settl_date or was.settl_date,
            accrued=heard.accrued,
            gross=heard.gross,
            net=heard.net,
            counted=None if was.counted is None else was.counted + quantity - was.quantity,
            told_as=reporting.next_exec_id(draft),
        ),
    )
    before = f"trade corrected by the dealer: it was {was.quantity:f} at {was.price:f}"
    if fill.settl_date != was.settl_date:
        before += f", to settle on {was.settl_date}"
        said = "; ".join(filter(None, (settles_otherwise(draft, fill), said)))
    said = "; ".join(filter(None, (paid_otherwise(draft, fill, heard), said)))
    reason = f"{before}: {heard.text}" if heard.text else before
    less = quantity < was.quantity
    after = with_more_filled(placement, quantity - was.quantity)
    becomes = _becomes(draft, placement, after, heard) if less else _filled_by(placement, after)
    was_filled = draft.state.orders[was.order_id].state is OrderState.filled
    amending = Amending(draft, placement.rfq_id)
    change = fill_key(placement.session, placement.dealer, placement.placement_id, heard)
    ends = placement.unanswered and becomes is PlacementState.filled
    mark = draft.mark_of(placement.security_id) if ends else None
    draft.record(e.FillCorrected(draft.now_ns, was, fill, key, change, becomes.value, reason, mark))
    amending.done("its trade was corrected")
    _wake(draft, placement)
    _tell(draft, ReportKind.trade_corrected, fill, heard, f"{reason}; {said}" if said else reason, told_as)
    now = f"{quantity:f} at {price:f}, {reason}"
    draft.page("trade corrected", order_id=was.order_id, dealer=was.dealer, reason=now)
    if less:
        moved = _after_less(draft, placement, heard, reason, was_filled=was_filled)
    else:
        if quantity > was.quantity:
            settle_order(draft, placement.placement_id)
            if not placement.unanswered or quantity - was.quantity > placement.reserved:
                _may_be_too_much(draft, placement, f"corrected to {quantity:f} although it was {placement.state}")
        moved = weigh_the_rest(draft, placement.placement_id, heard)
    return carry_out_waiting(draft, placement.session, placement.placement_id, heard) or moved


def _may_be_too_much(draft: Draft, placement: Placement, reason: str) -> None:
    """More is filled than was left: who may fill more of the order is called back, and a person is told of it."""
    placements = draft.state.placements_of(placement.order_id)
    if any(each.unanswered and each.placement_id != placement.placement_id for each in placements):
        draft.page("fill after the end", order_id=placement.order_id, dealer=placement.dealer, reason=reason)
    call_others_back(draft, placement)


def _as_fill(heard: DealerReport) -> DealerReport:
    """A correction as the fill that it names would be told now."""
    return replace(heard, word=DealerWord.filled, exec_id=heard.refers_to, refers_to="")


def _waiting_fill(draft: Draft, placement: Placement, heard: DealerReport) -> Quarantined | None:
    """The fill in quarantine that the dealer's word is about."""
    key = fill_key(placement.session, placement.dealer, placement.placement_id, _as_fill(heard))
    kept = draft.state.quarantined_as(key) if heard.refers_to else None
    return kept if kept is not None and kept.open and kept.is_fill else None


def _is_bookable_now(draft: Draft, placement: Placement, heard: DealerReport) -> bool:
    """Is it a correction that makes a fill in quarantine one that can be booked?"""
    if heard.word is not DealerWord.corrected or heard.trade_report_id:
        return False  # What a trade report names may have other names, too.
    if _waiting_fill(draft, placement, heard) is None:
        return False
    return problem_of(draft, placement, _as_fill(heard)) is None


def _book_as_corrected(draft: Draft, placement: Placement, heard: DealerReport) -> str | None:
    """Of a fill in quarantine OMS and drop copy know nothing yet: they are told of it as it is now."""
    kept, told = _waiting_fill(draft, placement, heard), _as_fill(heard)
    quantity, price = told.last_quantity, told.last_price
    assert kept is not None
    assert quantity is not None
    assert price is not None
    words = "corrected by the dealer before it was booked"
    fill = book(draft, placement, told, kept.key, quantity, price, note=words)
    settle(draft, kept, Verdict.came_again, f"dealer:{placement.dealer}", words, fill.exec_id)
    settle_alike(draft, fill)
    change = fill_key(placement.session, placement.dealer, placement.placement_id, heard)
    draft.record(e.TradeChangeConfirmed(draft.now_ns, fill.key, change, _said(heard)))
    draft.page("trade corrected", order_id=fill.order_id, dealer=fill.dealer, reason=words)
    if not placement.unanswered or quantity > placement.reserved:
        _may_be_too_much(draft, placement, f"booked as corrected although it was {placement.state}")
    settle_order(draft, placement.placement_id)
    moved = weigh_the_rest(draft, placement.placement_id, heard)
    return carry_out_waiting(draft, placement.session, placement.placement_id, heard) or moved


def weigh_the_rest(draft: Draft, placement_id: str, heard: DealerReport) -> str | None:
    """What else the report says of the acceptance, once its trade is done with."""
    placement = draft.state.placements[placement_id]
    weighed = weigh(placement, waiting_of(draft, placement_id), heard)
    if weighed.fit is not Fit.agrees:
        differs(draft, placement, heard, weighed)
    elif weighed.ends_as is not None and placement.unanswered:
        return end_placement(draft, placement, weighed.ends_as, last_words(heard, weighed.ends_as))
    return settle_last_word(draft, placement_id)


# --- which fill -----------------------------------------------------------------------------------


def placement_named(draft: Draft, heard: DealerReport) -> Placement | None:
    """By our ClOrdID in 11 or 41, that of the order or of a cancel, whoever's it is."""
    state = draft.state
    for name in (heard.cl_ord_id, heard.orig_cl_ord_id):
        placement = state.placements.get(state.cancels.get(name) or name)
        if placement is not None:
            return placement
    return None


def _booked(draft: Draft, placement: Placement, fill: Fill) -> tuple[str, BookedFill]:
    return next(each for each in draft.state.executions_at(placement) if each[1].fill.exec_id == fill.exec_id)


def _placement_of(draft: Draft, session: str, heard: DealerReport) -> Placement | None:
    """By ExecRefID(19) alone: the one acceptance at the session that has such a fill."""
    if not heard.refers_to:
        return None
    named = draft.state.fills_named(session, heard.refers_to)
    found = {fill.placement_id: draft.state.placements[fill.placement_id] for fill in named}
    meant = [each for each in found.values() if not _mismatch(each, heard)]
    return meant[0] if len(meant) == 1 else None


def _fill_named(draft: Draft, placement: Placement, exec_id: str) -> Fill | None:
    """The acceptance's fill with this ExecID(17), or that was corrected under it."""
    fills = [booked.fill for _, booked in draft.state.executions_at(placement)]
    named = [each for each in fills if exec_id and each.dealer_exec_id == exec_id]
    if named:
        return named[0]
    corrected = {each.exec_id for each in draft.state.fills_named(placement.session, exec_id)}
    return next((each for each in fills if each.exec_id in corrected), None)


def _is_repeated(draft: Draft, placement: Placement, heard: DealerReport, fill: Fill | None) -> bool:
    """The same word once more changes nothing; under the same ExecID another one is kept for a person."""
    change = fill_key(placement.session, placement.dealer, placement.placement_id, heard)
    known = draft.state.changes.get(change)
    if known is None:
        return False
    told_as = _booked(draft, placement, fill)[1].economics if fill is not None else ""
    # Of the fill that it names, or of the one that it was taken for: see `_is_copy`.
    if (draft.state.fills[known.fill_key].economics, known.economics) == (told_as, _said(heard)):
        draft.record(e.FillRepeated(draft.now_ns, change))
    else:
        what = _NAME[heard.word]
        quarantine(draft, placement.session, placement, heard, f"same ExecID as another {what}, and not the same")
    return True


def _fill_reported(draft: Draft, placement: Placement, heard: DealerReport) -> Fill | None:
    """The acceptance's fill that a trade report calls by a name of a report, or of the execution."""
    fills = [booked.fill for _, booked in draft.state.executions_at(placement)]
    for name in filter(None, (heard.trade_report_ref, heard.trade_report_id)):
        if reported := next((each for each in fills if name in each.trade_report_ids), None):
            return reported
    # A report that corrected it, or an execution by its ExecID(17).
    for name in filter(None, (heard.trade_report_ref, heard.refers_to, heard.secondary_exec_id)):
        if named := _fill_named(draft, placement, name):
            return named
    matched = [each for each in fills if heard.match_id and each.match_id == heard.match_id]
    return matched[0] if len(matched) == 1 else None


def _is_copy(draft: Draft, placement: Placement, heard: DealerReport, fill: Fill) -> bool:
    """The other kind of report has said so before: noted, so that it is known by this name too.

    Each change takes one word of each kind, as each fill does. Of fills that were told alike a report without
    ExecID(17) may have been taken for the other one: the same change of either is this one.
    """
    by_report, said = bool(heard.trade_report_id), _said(heard)
    key, booked = _booked(draft, placement, fill)
    alike = [each for each, other in draft.state.executions_at(placement) if other.economics == booked.economics]
    changed = next((each for each in (key, *alike) if _is_told_otherwise(draft, each, said, by_report)), None)
    if changed is None:
        return False
    change = fill_key(placement.session, placement.dealer, placement.placement_id, heard)
    # A trade report has hardly a word of the order: what its cancel has freed may be filled once more after all. One
    # behind its 8 tells of the time of that: the dealer may have ended the order since.
    cancels = heard.word is DealerWord.trade_canceled and not by_report
    lives = cancels and not placement.unanswered and lives_on(heard)
    becomes = PlacementState.in_doubt.value if lives else ""
    draft.record(e.TradeChangeConfirmed(draft.now_ns, changed, change, said, becomes))
    return True


def _is_told_otherwise(draft: Draft, key: str, said: str, by_report: bool) -> bool:
    """Has the other kind of report said so of a fill more often than this kind?"""
    same = [each.by_report for each in draft.state.changes_of(key) if each.economics == said]
    return same.count(not by_report) > same.count(by_report)


def _is_carried_out(draft: Draft, placement: Placement, heard: DealerReport, fill: Fill) -> bool:
    """Under this name, or a cancel under any: the trade is gone, as it says."""
    if heard.word is DealerWord.trade_canceled and _booked(draft, placement, fill)[1].canceled:
        return True
    key = fill_key(placement.session, placement.dealer, placement.placement_id, heard)
    known = draft.state.changes.get(key)
    return known is not None and known.economics == _said(heard)


def _said(heard: DealerReport) -> str:
    """The economics of a correction that can be read, nothing of a cancel."""
    if heard.word is DealerWord.corrected and heard.last_quantity is not None and heard.last_price is not None:
        return economics(heard.last_quantity, heard.last_price)
    return ""


def _takes_back_what_waits(draft: Draft, session: str, placement: Placement | None, heard: DealerReport) -> bool:
    """A cancel of a fill that is in quarantine, or was rejected: nothing is to be taken back, and nobody is needed."""
    if heard.word is not DealerWord.trade_canceled or not heard.refers_to:
        return False
    named = replace(heard, word=DealerWord.filled, exec_id=heard.refers_to)
    dealer, name = ("", heard.cl_ord_id) if placement is None else (placement.dealer, placement.placement_id)
    key = fill_key(session, dealer, name, named)
    kept = draft.state.quarantined_as(key)
    if kept is None or key in draft.state.fills:
        return False
    if kept.open:
        settle(draft, kept, Verdict.taken_back, f"dealer:{dealer or session}", heard.text or "trade canceled")
        return True
    if kept.verdict is Verdict.rejected:
        stray(draft, session, heard, f"takes {heard.refers_to} back, which was rejected")
        return True
    return kept.verdict is Verdict.taken_back


def _unknown(draft: Draft, placement: Placement, heard: DealerReport) -> str:
    what = _NAME[heard.word]
    if heard.trade_report_id:
        ref = heard.trade_report_ref
        named = f"with TradeReportRefID(572)={ref}" if ref else "without TradeReportRefID(572)"
        return f"{what} {named}: no such trade is booked"
    if not heard.refers_to:
        return f"{what} without ExecRefID(19)"
    if draft.state.fills_named(placement.session, heard.refers_to):
        return f"{what} with ExecRefID(19)={heard.refers_to}: a fill of another order than ClOrdID(11) names"
    return f"{what} with ExecRefID(19)={heard.refers_to}: no such fill is booked"


def _against(booked: BookedFill, placement: Placement, heard: DealerReport) -> str:
    """Why a fill is not the one that is taken back; empty where it is. LastQty(32) says what it was, 0, or nothing."""
    quantity = heard.last_quantity
    if quantity and quantity not in (booked.fill.quantity, Decimal(booked.economics.partition("@")[0])):
        return f"trade cancel of LastQty(32) {quantity:f}: the fill is of {booked.fill.quantity:f}"
    return _mismatch(placement, heard)


def _mismatch(placement: Placement, heard: DealerReport) -> str:
    if heard.security_id and heard.security_id != placement.security_id:
        return f"SecurityID(48)={heard.security_id}: expected {placement.security_id}"
    if heard.side is not None and heard.side is not placement.side:
        return f"Side(54) is {heard.side}: expected {placement.side}"
    return ""


# --- what comes of it -----------------------------------------------------------------------------


def _becomes(draft: Draft, placement: Placement, after: Placement, heard: DealerReport) -> PlacementState:
    """What an acceptance is once it has less filled: `after` has that already."""
    if placement.unanswered:
        return placement.state
    waiting = waiting_of(draft, placement.placement_id)
    if lives_on(heard) or weigh(after, waiting, heard).fit is Fit.more:
        return PlacementState.in_doubt
    taken = (PlacementState.filled, PlacementState.canceled, PlacementState.rejected)
    if not after.filled and placement.state in taken:
        return PlacementState.busted
    return PlacementState.canceled if placement.state is PlacementState.filled else placement.state


def _filled_by(placement: Placement, after: Placement) -> PlacementState:
    return PlacementState.filled if after.filled >= after.quantity else placement.state


def _tell(draft: Draft, kind: ReportKind, fill: Fill, heard: DealerReport, text: str, told_as: str = "") -> None:
    """OMS and drop copy: 150=H or G with 19, the trade as they know it so far."""
    order = draft.state.orders[fill.order_id]
    dealer = draft.desk.dealers.get(fill.dealer)
    reporting.report(
        draft,
        order,
        kind,
        text=text,
        fill=replace(fill, dealer_exec_id=heard.exec_id),
        executing=dealer.lei if dealer is not None else fill.dealer,
        exec_ref_id=told_as or fill.last_told_as,
    )


def _wake(draft: Draft, placement: Placement) -> None:
    draft.wake(Timer(TimerKind.placement, placement.placement_id))
    draft.wake(Timer(TimerKind.order, placement.order_id))


def _after_less(draft: Draft, was: Placement, heard: DealerReport, reason: str, *, was_filled: bool) -> str | None:
    """Less is filled than was told: the order may be open again, and the acceptance alive."""
    placement_id = was.placement_id
    placement, order = draft.state.placements[placement_id], draft.state.orders[was.order_id]
    if placement.unanswered and not was.unanswered and lives_on(heard):
        _call_back(draft, placement_id, reason)
    elif was_filled and order.state is OrderState.with_trader:
        return_to_trader(draft, order, reason)
        order = draft.state.orders[order.order_id]
        if order.out_of_time(draft.now_ns):
            reporting.expire(draft, order.order_id)
    return weigh_the_rest(draft, placement_id, heard)


def _call_back(draft: Draft, placement_id: str, reason: str) -> None:
    """The dealer may fill once more what was to be filled at once or not at all: nobody wants it to stand there."""
    words = f"{reason}; the dealer may fill it once more: it is called back"
    draft.record(e.PlacementDoubted(draft.now_ns, placement_id, words, False, False))
    page(draft, draft.state.placements[placement_id], words)
    cancel_at_dealer(draft, draft.state.placements[placement_id])
