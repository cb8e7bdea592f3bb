"""What dealers advertise: taken, replaced, withdrawn, refused. It comes by IOI(6) or from a feed, to the same end.

Everything has a life: the one it names, at most `axes.life_max_s`, else `axes.life_s`. There are at most so many of a
dealer, and so many of a dealer in one bond; one more is refused. Those that are over are of no use to anybody from that
moment on and leave the state when room is needed.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import IntEnum

from engine.desk.draft import Delivery, Draft
from engine.domain import events as e
from engine.domain.axe import Axe, AxeQuality, AxeSize
from engine.domain.messages import AxeAction, AxeSaid, BusinessReject
from engine.domain.order import Side


class Unfit(IntEnum):
    """Why an interest is not taken: BusinessRejectReason(380)."""

    other = 0
    unknown_reference = 1
    unknown_bond = 2
    nobody = 6


@dataclass(frozen=True, slots=True)
class NotFit:
    """Not taken: why, and in words."""

    why: Unfit
    text: str


@dataclass(frozen=True, slots=True)
class Offered:
    """An interest as somebody delivered it; `refers_to` is the one that it takes the place of, empty for none."""

    dealer: str
    axe_id: str
    refers_to: str
    security_id: str
    side: Side
    quantity: Decimal | None
    size: AxeSize | None
    price: Decimal | None
    quality: AxeQuality | None
    valid_until_ns: int | None
    source: str
    actor: str = ""


def on_said(draft: Draft, session: str, said: AxeSaid) -> None:
    """IOI(6) of the dealer at this session. What cannot be taken is answered by BusinessMessageReject(j)."""
    dealer = draft.desk.dealers.addressed(session)
    if dealer is None:
        unfit: NotFit | None = NotFit(Unfit.nobody, f"no dealer of this desk is at session {session}")
    elif said.action is AxeAction.cancel:
        unfit = withdraw(draft, dealer.id, said.refers_to, said.security_id, "withdrawn by the dealer")
    else:
        assert said.side is not None  # Only a cancel has none.
        replaced = said.refers_to if said.action is AxeAction.replacement else ""
        how = (said.quantity, said.size, said.price, said.quality, said.valid_until_ns)
        unfit = offer(
            draft, Offered(dealer.id, said.axe_id, replaced, said.security_id, said.side, *how, source=session)
        )
    if unfit is not None:
        draft.send(
            session, BusinessReject("6", said.seq_num, unfit.why, unfit.text, said.axe_id), Delivery.at_least_once
        )
        draft.record(e.StrayMessage(draft.now_ns, session, "IOI", said.axe_id, unfit.text))


def offer(draft: Draft, offered: Offered) -> NotFit | None:
    """Take an interest, in the place of the one it replaces; None where it was taken."""
    dealer, limits = offered.dealer, draft.desk.axes
    security_id = draft.desk.naming.bond_of("", offered.security_id)
    if security_id is None:
        return NotFit(Unfit.unknown_bond, f"SecurityID(48)={offered.security_id}: this desk does not know the bond")
    replaced = None
    if offered.refers_to:
        replaced = draft.state.axe(dealer, offered.refers_to, security_id)
        if replaced is None:
            return NotFit(Unfit.unknown_reference, f"IOIRefID(26)={offered.refers_to}: there is no such interest")
    end_ns = offered.valid_until_ns if offered.valid_until_ns is not None else draft.now_ns + limits.life_ns
    axe = Axe(
        dealer,
        offered.axe_id,
        security_id,
        offered.side,
        offered.quantity,
        offered.size,
        offered.price,
        offered.quality,
        draft.now_ns,
        min(end_ns, draft.now_ns + limits.life_ns_max),
        offered.source,
    )
    if unfit := _no_room(draft, axe, replaced):
        return unfit
    if replaced is not None and (replaced.axe_id, replaced.security_id) != (axe.axe_id, security_id):
        _end(draft, replaced, f"replaced by {axe.axe_id}", offered.actor)
    # One that is over when it comes still ends the one it replaces.
    if axe.until_ns > draft.now_ns:
        draft.record(e.AxeAdvertised(draft.now_ns, axe, offered.actor))
    elif replaced is not None and replaced.axe_id == axe.axe_id:
        _end(draft, replaced, "its life is over", offered.actor)
    return None


def withdraw(draft: Draft, dealer: str, axe_id: str, security_id: str, reason: str, actor: str = "") -> NotFit | None:
    """End an interest; None where there was one."""
    axe = draft.state.axe(dealer, axe_id, security_id)
    if axe is None:
        return NotFit(Unfit.unknown_reference, f"IOIRefID(26)={axe_id}: there is no such interest")
    _end(draft, axe, reason, actor)
    return None


def _end(draft: Draft, axe: Axe, reason: str, actor: str) -> None:
    draft.record(e.AxeWithdrawn(draft.now_ns, axe.dealer, axe.security_id, axe.axe_id, reason, actor))


def _no_room(draft: Draft, axe: Axe, replaced: Axe | None) -> NotFit | None:
    """Is one of the bounds reached, those apart that it takes the place of?"""
    limits, state, dealer = draft.desk.axes, draft.state, axe.dealer
    known = state.axes_of(dealer, axe.security_id, draft.now_ns)
    if any(each.axe_id == axe.axe_id for each in known):
        return None
    besides = sum(each is not replaced for each in known)
    if besides >= limits.per_bond_max:
        text = f"{besides} interests in {axe.security_id} are live, axes.per_bond_max is {limits.per_bond_max}"
        return NotFit(Unfit.other, text)
    kept = state.axes_kept(dealer)
    if kept < limits.per_dealer_max:
        return None
    live = state.axes_of_dealer(dealer, draft.now_ns)
    if len(live) < kept:
        draft.record(e.AxesExpired(draft.now_ns, dealer))
    besides = sum(each is not replaced for each in live)
    if besides < limits.per_dealer_max:
        return None
    return NotFit(Unfit.other, f"{besides} interests are live, axes.per_dealer_max is {limits.per_dealer_max}")
