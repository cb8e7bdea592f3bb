"""Executions that cannot be booked as they stand: why, and kept once for a person; never dropped.

The key of a fill is (session, dealer, our ClOrdID, ExecID).
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final, NamedTuple

from engine.desk.draft import Draft
from engine.desk.placement.acknowledging import acknowledge
from engine.desk.placement.counting import Waiting, uncounted
from engine.desk.placement.recognising import is_alike, recognise
from engine.desk.state_rows import BY_REPORT, Quarantined
from engine.domain import events as e
from engine.domain.messages import DealerReport, DealerWord
from engine.domain.order import ZERO
from engine.domain.placement import DkReason, Fill, Placement, Verdict, economics


def waiting_of(draft: Draft, placement_id: str) -> Waiting:
    """What of an acceptance waits for a person."""
    fills = (each for each in draft.state.quarantined_of(placement_id) if each.is_fill)
    counted = max((each.report.cum_quantity or ZERO for each in fills), default=ZERO)
    return Waiting(draft.state.in_quarantine(placement_id), counted)


def fill_key(session: str, dealer: str, placement_id: str, heard: DealerReport) -> str:
    """(session, dealer, our ClOrdID, ExecID): what makes a fill the same one. TradeDate(75) is not in every copy.

    What takes a fill back or corrects it may come under the fill's own ExecID: it has a key of its own.
    """
    key = f"{session}|{dealer}|{placement_id}|{heard.exec_id}"
    if heard.word not in _CHANGES:
        return key
    return f"{key}|{_CHANGES[heard.word]}{BY_REPORT if heard.trade_report_id else ''}"


_CHANGES: Final = {DealerWord.trade_canceled: "H", DealerWord.corrected: "G"}


class Problem(NamedTuple):
    """Why a fill cannot be booked as it stands: in words, and as the dealer would be told."""

    words: str
    dk: DkReason = DkReason.other


def problem_of(
    draft: Draft, placement: Placement, heard: DealerReport, instead_of: Fill | None = None
) -> Problem | None:
    """Why a fill cannot be booked as it stands; None when it can. A correction stands in the place of a fill."""
    quantity, price = heard.last_quantity, heard.last_price
    if heard.unread:
        return Problem("; ".join(heard.unread))
    if quantity is None or price is None or not quantity.is_finite() or not price.is_finite():
        return Problem("no LastQty(32) or LastPx(31)")
    if quantity <= 0 or price <= 0:
        return Problem(f"LastQty(32) {quantity} at LastPx(31) {price}")
    order = draft.state.orders[placement.order_id]
    if heard.currency and heard.currency != order.terms.currency:
        return Problem(f"Currency(15)={heard.currency}: expected {order.terms.currency}")
    if heard.security_id and heard.security_id != placement.security_id:
        words = f"SecurityID(48)={heard.security_id}: expected {placement.security_id}"
        return Problem(words, DkReason.unknown_symbol)
    if heard.side is not None and heard.side is not placement.side:
        return Problem(f"Side(54) is {heard.side}: expected {placement.side}", DkReason.wrong_side)
    before = instead_of.quantity if instead_of is not None else Decimal(0)
    left, left_of_order = placement.quantity - placement.filled + before, order.terms.quantity - order.filled + before
    if quantity > left:
        words = f"{quantity} is more than the {left} that was left"
        return Problem(words, DkReason.quantity_exceeds_order)
    if quantity > left_of_order:
        words = f"{quantity} is more than the {left_of_order} that was left of the order"
        return Problem(words, DkReason.quantity_exceeds_order)
    if (price - placement.price) * placement.side.sign > 0:
        return Problem(f"{price} is worse than the quoted {placement.price}", DkReason.price_exceeds_limit)
    better_bps = float(abs(price - placement.price) / placement.price) * 10_000
    if better_bps > draft.desk.risk.fill_better_bps_max:
        most = f"risk.fill_better_bps_max is {draft.desk.risk.fill_better_bps_max:g}"
        return Problem(f"{price} is {better_bps:.1f} bps better than the quoted {placement.price}, {most}")
    if instead_of is not None:
        return None
    words = uncounted(draft.state.fills_at(placement), heard, quantity)
    return Problem(words) if words else None


def quarantine(
    draft: Draft,
    session: str,
    placement: Placement | None,
    heard: DealerReport,
    reason: str,
    dk: DkReason = DkReason.other,
) -> None:
    """Keep what cannot be booked, once, and page."""
    dealer = placement.dealer if placement is not None else ""
    placement_id = placement.placement_id if placement is not None else heard.cl_ord_id
    key = fill_key(session, dealer, placement_id, heard)
    known = draft.state.quarantined_as(key)
    quantity, price = heard.last_quantity or Decimal(0), heard.last_price or Decimal(0)
    if known is not None and known.open and (known.reason, known.quantity, known.price) == (reason, quantity, price):
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
            dk=dk,
            report=heard,
        )
    )
    kept = draft.state.quarantined_as(key)
    assert kept is not None
    draft.page("fill quarantined", fill=kept.fill_id, session=session, reference=heard.cl_ord_id, reason=reason)


def settled_as(draft: Draft, key: str, heard: DealerReport) -> Quarantined | None:
    """What a person has booked or rejected, where a report says the same of it again."""
    kept = draft.state.quarantined_as(key)
    if kept is None or kept.verdict not in (Verdict.booked, Verdict.rejected):
        return None
    was, known = kept.report, (heard.word, heard.last_quantity, heard.last_price, heard.unread)
    return kept if known == (was.word, was.last_quantity, was.last_price, was.unread) else None


def hear_rejected(draft: Draft, kept: Quarantined, heard: DealerReport) -> None:
    """The dealer reports again what was rejected. A person hears of it once, unless it says that it is a copy."""
    draft.record(e.QuarantineRepeated(draft.now_ns, kept.fill_id))
    if not kept.repeats and not heard.possible_resend:
        reason = f"{kept.settled_by.removeprefix('person:')} rejected it: {kept.settled_reason}"
        draft.page("rejected fill reported again", fill=kept.fill_id, session=kept.session, reason=reason)


def settle_alike(draft: Draft, fill: Fill) -> None:
    """A fill is booked: whatever waits and tells of the same execution waits no more."""
    waiting = draft.state.quarantined_of(fill.placement_id)
    if not waiting:
        return
    executions = draft.state.executions_of(fill.order_id)
    booked = [each for _, each in executions if each.fill.exec_id == fill.exec_id]
    for kept in waiting:
        told = kept.report
        if kept.key == fill.key or (kept.is_fill and recognise(booked, told) is not None and is_alike(fill, told)):
            reason = f"booked as {economics(fill.quantity, fill.price)}"
            settle(draft, kept, Verdict.came_again, f"dealer:{fill.dealer}", reason, fill.exec_id)
            if told.trade_report_id not in fill.trade_report_ids:
                acknowledge(draft, kept.session, told)  # It was rejected; what it tells of is booked now.


def settle(draft: Draft, kept: Quarantined, verdict: Verdict, actor: str, reason: str, exec_id: str = "") -> None:
    """It waits for a person no more, whoever saw to it."""
    draft.record(e.QuarantineSettled(draft.now_ns, kept.fill_id, verdict, actor, reason, exec_id))
