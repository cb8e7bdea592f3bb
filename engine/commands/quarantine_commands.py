"""Fills in quarantine: looked at, and booked or rejected by a person."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from engine.commands import as_json
from engine.commands.desk_call import Call
from engine.desk.draft import Draft
from engine.desk.placement import verdict
from engine.desk.round.asking import advance
from engine.desk.state_rows import Quarantined
from engine.domain.order import Order, OrderStatus
from engine.domain.placement import DkReason, Fill, Telling, Verdict
from engine.errors import CommandError


def listed(call: Call) -> dict[str, Any]:
    """Those that wait first, the oldest of them first; then what became of others, the latest first."""
    state, wanted = call.draft.state, call.given["state"]
    waiting = state.open_quarantine() if wanted != "settled" else []
    settled = [each for each in state.quarantine.latest() if not each.open] if wanted != "open" else []
    chosen = [*waiting, *settled][: call.given["limit"]]
    return {"waiting": state.quarantine_waits(), "fills": [_line(call.draft, each) for each in chosen]}


def show(call: Call) -> dict[str, Any]:
    """All that is known of one: the report as it came, what is booked, what the dealer counts, what a person may do."""
    draft, kept = call.draft, _kept(call)
    return _story(draft, kept)


def book(call: Call) -> dict[str, Any]:
    """It is a fill of ours."""
    draft, given, kept = call.draft, call.given, _waiting(call)
    order = call.order() if given["order"] is not None else None
    advance(
        draft,
        verdict.book(
            draft,
            kept,
            call.by,
            given["reason"],
            order=order,
            quantity=given["quantity"],
            price=given["price"],
            over=given["over"],
            second=given["second"],
        ),
    )
    return _story(draft, draft.state.quarantine[kept.fill_id])


def reject(call: Call) -> dict[str, Any]:
    """It is none: the dealer is told. Said again where it did not arrive."""
    draft, given = call.draft, call.given
    kept = _kept(call)
    if kept.verdict is not Verdict.rejected or kept.telling is not Telling.lost:
        kept = _waiting(call)
    dk = DkReason[given["dk"]] if given["dk"] is not None else None
    advance(draft, verdict.reject(draft, kept, call.by, given["reason"], dk, untold=given["untold"]))
    return _story(draft, draft.state.quarantine[kept.fill_id])


def _kept(call: Call) -> Quarantined:
    """The fill that the command names: F-000003, or 3 for short."""
    word: str = call.given["fill"]
    key = f"F-{int(word):06d}" if word.isascii() and word.isdigit() else word.upper()
    kept = call.draft.state.quarantine.get(key)
    if kept is None:
        raise CommandError(f"no fill {word} in quarantine: 'quarantine list' shows them", code="unknown")
    return kept


def _waiting(call: Call) -> Quarantined:
    kept = _kept(call)
    if not kept.open:
        raise CommandError(f"{kept.fill_id} waits no more: {_settled_words(kept)}", code="state")
    return kept


# --- as plain values ------------------------------------------------------------------------------


def _line(draft: Draft, kept: Quarantined) -> dict[str, Any]:
    order = _order_of(draft, kept)
    report = kept.report
    return {
        "fill": kept.fill_id,
        "state": kept.verdict.value if kept.verdict is not None else "waits",
        "since": as_json.at(kept.since_ns),
        "age_s": as_json.seconds(max(0, draft.now_ns - kept.since_ns)) if kept.open else None,
        "session": kept.session,
        "dealer": kept.dealer or None,
        "order": order.order_id if order is not None else None,
        "security": report.security_id or (order.terms.security_id if order is not None else None),
        "side": str(report.side) if report.side is not None else None,
        "quantity": as_json.amount(kept.quantity) if kept.quantity else None,
        "price": as_json.amount(kept.price) if kept.price else None,
        "exec_id": report.exec_id,
        "reason": kept.reason,
        "dk": kept.dk.name,
        "settled": None if kept.open else _settled(kept),
    }


def _settled(kept: Quarantined) -> dict[str, Any]:
    told = kept.telling is not Telling.nothing
    return {
        "at": as_json.at(kept.settled_ns),
        "by": kept.settled_by,
        "reason": kept.settled_reason,
        "exec_id": kept.exec_id or None,
        "beyond": as_json.amount(kept.beyond) if kept.beyond else None,
        "dealer_told": kept.telling.value if told else None,
        "told_until": as_json.at(kept.told_until_ns) if kept.telling is Telling.waits else None,
        "untold": kept.untold or None,
        "repeats": kept.repeats,
        "words": _settled_words(kept),
    }


def _settled_words(kept: Quarantined) -> str:
    words = f"{kept.verdict} at {as_json.at(kept.settled_ns)} by {kept.settled_by.removeprefix('person:')}"
    if kept.exec_id:
        words += f" as {kept.exec_id}"
    return f"{words}: {kept.settled_reason}"


def _story(draft: Draft, kept: Quarantined) -> dict[str, Any]:
    report, order = kept.report, _order_of(draft, kept)
    placement = draft.state.placements.get(kept.placement_id)
    booked = draft.state.fills_of(order.order_id) if order is not None else []
    return {
        **_line(draft, kept),
        "key": kept.key,
        "names": kept.placement_id or None,
        "report": report.as_came or None,
        "accepted": as_json.placement(placement) if placement is not None else None,
        "filled": None
        if order is None
        else {
            "quantity": as_json.amount(order.terms.quantity),
            "filled": as_json.amount(order.filled),
            "state": order.state.value,
        },
        "booked": [_booked(each) for each in booked],
        "dealer_counts": {
            "status": OrderStatus(report.status).name if report.status is not None else None,
            "filled": as_json.amount(report.cum_quantity),
            "left": as_json.amount(report.leaves_quantity),
            "last_counted": as_json.amount(placement.counted) if placement is not None else None,
        },
        "book": _what_book_does(draft, kept) if kept.open else None,
        "reject": _what_reject_does(draft, kept) if kept.open else None,
    }


def _booked(fill: Fill) -> dict[str, Any]:
    return {
        "exec_id": fill.exec_id,
        "dealer": fill.dealer,
        "dealer_exec_id": fill.dealer_exec_id,
        "quantity": as_json.amount(fill.quantity),
        "price": as_json.amount(fill.price),
        "dealer_counted": as_json.amount(fill.counted),
    }


def _order_of(draft: Draft, kept: Quarantined) -> Order | None:
    """The order that it fills, as far as anybody can tell."""
    if kept.exec_id:
        booked = draft.state.fill_named(kept.key, kept.exec_id)
        if booked is not None:
            return draft.state.orders[booked.order_id]
    placement = draft.state.placements.get(kept.placement_id)
    if placement is None or placement.session != kept.session:
        return None
    return draft.state.orders[placement.order_id]


def _what_book_does(draft: Draft, kept: Quarantined) -> str:
    """Tried on a draft that nobody keeps."""
    trial = draft.scratch()
    try:
        verdict.book(trial, kept, "person:", "as it came")
    except CommandError as error:
        return str(error)
    order = _order_of(trial, trial.state.quarantine[kept.fill_id])
    assert order is not None
    filled, quantity = order.filled, order.terms.quantity
    words = f"a fill of {_said(kept.quantity, kept.price)} for {order.order_id}: {filled:,f} of {quantity:,f} filled"
    return f"{words}, order {order.state.value.replace('_', ' ')}; told to OMS and drop copy"


def _what_reject_does(draft: Draft, kept: Quarantined) -> str:
    trial = draft.scratch()
    try:
        verdict.reject(trial, kept, "person:", "not ours")
    except CommandError as error:
        return str(error)
    trouble = draft.session_trouble(kept.session)
    words = f"DontKnowTrade(Q) with DKReason(127)={kept.dk.value} ({kept.dk.name.replace('_', ' ')}) to {kept.session}"
    if kept.report.report_words is not None:
        words = f"TradeCaptureReportAck(AR) with TrdRptStatus(939)=1 to {kept.session}"
    if trouble:
        words += f" once it is back: {trouble}"
    placement, after = draft.state.placements.get(kept.placement_id), trial.state.placements.get(kept.placement_id)
    if placement is None or after is None or not placement.unanswered:
        return words
    if not after.unanswered:
        return f"{words}; the acceptance ends {after.state.value}, {placement.reserved:,f} is free again"
    return f"{words}; {placement.reserved:,f} stays reserved until {placement.dealer} answers for it"


def _said(quantity: Decimal, price: Decimal) -> str:
    return f"{quantity:,f} at {price:f}"
