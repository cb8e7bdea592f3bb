"""What a dealer counts as filled, held against what is booked of it: the one place where an 8 is weighed.

Every ExecutionReport(8) says up to four things of an order: CumQty(14), LeavesQty(151), OrdStatus(39), ExecType(150).
Where they agree with each other and with what is booked, a last word ends the acceptance. Where the dealer counts more,
something has traded that we do not know of, or that waits in quarantine; where it counts less, something is booked that
it does not know of. Nothing ends then, and a person hears of it.

Reference: FIX 4.4 Vol 4, ExecutionReport: OrdStatus(39) is always the order's current state; LeavesQty(151) "could be
0" once the order is over, so that another number there says nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from enum import StrEnum
from typing import Final, NamedTuple

from engine.domain.messages import DealerReport, DealerWord
from engine.domain.order import ZERO, OrderStatus
from engine.domain.placement import Fill, Placement, PlacementState

CHANGES: Final = frozenset({DealerWord.trade_canceled, DealerWord.corrected})
"""What a dealer says of a fill that it told before."""


class Fit(StrEnum):
    """How a report and what is booked go together."""

    agrees = "agrees"
    more = "more"
    """The dealer counts more than is booked."""
    less = "less"
    contradicts = "contradicts"
    """Its own words do not go together."""


class Waiting(NamedTuple):
    """The fills of an acceptance that wait in quarantine."""

    quantity: Decimal
    """Face amount of them together."""
    counted: Decimal
    """The most that the dealer counted as filled with one of them; 0 where none of them says."""


class Weighed(NamedTuple):
    fit: Fit
    counted: Decimal | None
    """What the dealer counts as filled, face amount; None where it does not say how much."""
    ends_as: PlacementState | None
    """What the order has become there, if the report is its last word."""
    words: str
    """What does not go together; empty where it agrees."""
    awaits_quarantine: bool = False
    """Nothing but what waits in quarantine keeps it from being believed."""


_ENDS_BY_WORD: Final = {
    DealerWord.rejected: PlacementState.rejected,
    DealerWord.canceled: PlacementState.canceled,
}
_ENDS_BY_STATUS: Final = {
    OrderStatus.rejected: PlacementState.rejected,
    OrderStatus.canceled: PlacementState.canceled,
    OrderStatus.expired: PlacementState.canceled,
}
GOES_ON: Final = frozenset({OrderStatus.pending_new, OrderStatus.new, OrderStatus.partially_filled, OrderStatus.filled})
"""No last word by itself."""


def weigh(placement: Placement, waiting: Waiting, heard: DealerReport) -> Weighed:
    """One report against what is booked of the acceptance and what waits in quarantine of it.

    Of a fill it is weighed after the fill has been booked.
    """
    ends_as, counted, booked = _ends_as(heard), _counted(placement, heard), placement.filled
    if ends_as is None and _is_over_with_less(placement, counted, heard):
        ends_as = PlacementState.canceled
    if counted is None and ends_as is not None:
        counted = placement.counted  # That it is over takes nothing back of what it said was filled.
    if counted is not None and counted > booked:
        return Weighed(Fit.more, counted, ends_as, _more(counted, booked, waiting, heard))
    if counted is not None and counted < booked:
        words = f"the dealer counts {counted:f} as filled, {booked:f} is booked"
        return Weighed(Fit.less, counted, ends_as, words)
    if not counted and heard.status == OrderStatus.partially_filled and not booked:
        return Weighed(Fit.more, None, ends_as, "the dealer says that a part is filled; the fill itself has not come")
    if counted is None and ends_as is not None and waiting.quantity:
        words = f"{ends_as} without CumQty(14), and {waiting.quantity:f} waits in quarantine"
        return Weighed(Fit.more, None, ends_as, words, awaits_quarantine=not _contradicts(heard))
    if counted is not None and ends_as is not None and counted < waiting.counted:
        words = f"{ends_as} with {counted:f} counted as filled; with a fill in quarantine it was {waiting.counted:f}"
        return Weighed(Fit.more, None, ends_as, words, awaits_quarantine=not _contradicts(heard))
    if _contradicts(heard):
        words = f"{heard.word} with OrdStatus(39) {heard.status}: it cannot be both"
        return Weighed(Fit.contradicts, counted, ends_as, words)
    return Weighed(Fit.agrees, counted, ends_as, "")


def _is_over_with_less(placement: Placement, counted: Decimal | None, heard: DealerReport) -> bool:
    """Is nothing left as a fill is taken back or corrected? There are those that leave OrdStatus(39) at filled."""
    if heard.word not in CHANGES or heard.leaves_quantity != ZERO or counted == placement.quantity:
        return False
    return heard.status in (None, OrderStatus.filled)


def lives_on(heard: DealerReport) -> bool:
    """Does it say, as it takes a fill back, that the order may be filled once more?"""
    if _ends_as(heard) is not None or heard.leaves_quantity == ZERO:
        return False
    if heard.leaves_quantity is not None:
        return True
    return heard.status in GOES_ON and heard.status is not OrderStatus.filled


def _ends_as(heard: DealerReport) -> PlacementState | None:
    """OrdStatus(39) ends an order under any ExecType(150), as an ExecType that is a last word does under any status."""
    if heard.unknown_order:
        return PlacementState.undelivered
    by_word = _ENDS_BY_WORD.get(heard.word)
    if by_word is not None or heard.status is None:
        return by_word
    return _ENDS_BY_STATUS.get(heard.status)


def _counted(placement: Placement, heard: DealerReport) -> Decimal | None:
    """CumQty(14). A filled order counts whole whatever 14 says; of a part without 14 LeavesQty(151) says the rest.

    Not so where a fill is taken back or corrected: OrdStatus(39) may be left as it was.
    """
    counted, whole, leaves = heard.cum_quantity, placement.quantity, heard.leaves_quantity
    if heard.word in CHANGES:
        return counted
    if heard.status == OrderStatus.filled and (counted is None or counted < whole):
        return whole
    if counted is None and heard.status == OrderStatus.partially_filled and leaves is not None and leaves < whole:
        return whole - leaves
    return counted


def _contradicts(heard: DealerReport) -> bool:
    """A last word by ExecType(150) of an order that goes on by OrdStatus(39), unless its counts say that it is over."""
    if heard.word not in _ENDS_BY_WORD or heard.status not in GOES_ON:
        return False
    return heard.cum_quantity is None or heard.leaves_quantity != ZERO


def _more(counted: Decimal, booked: Decimal, waiting: Waiting, heard: DealerReport) -> str:
    said = f"the dealer says {counted:f} is filled"
    if heard.cum_quantity is not None and heard.cum_quantity < counted:
        said += f" by OrdStatus(39), {heard.cum_quantity:f} by CumQty(14)"
    if waiting.quantity:
        return f"{said}; {booked:f} is booked, {waiting.quantity:f} waits in quarantine"
    return f"{said}; the fill itself has not come"


def uncounted(booked: Iterable[Fill], heard: DealerReport, quantity: Decimal) -> str:
    """Why the dealer's CumQty(14) does not count this fill beside those booked; empty where it may.

    Each fill takes the stretch from CumQty - LastQty to CumQty of the dealer's count. Fills may come in the wrong
    order: what matters is that no two take the same stretch, and that what came before this one fits before it. One
    that only a trade report has told of may be in a gap behind it, or behind the latest count. Who takes a booked fill
    back moves the stretches behind it down by as much.
    """
    counted = heard.cum_quantity
    if counted is None:
        return ""
    fills = list(booked)
    begins, total = counted - quantity, sum((fill.quantity for fill in fills), ZERO)
    later, overlaps = _placed(fills, begins, counted)
    free = sum((fill.quantity for fill in fills if _has_no_place(fill)), ZERO)
    if later:
        latest = max(fill.counted for fill in fills if fill.counted is not None)
        free = min(free, latest - counted - later)
    if begins < 0 or overlaps or total - later - free > begins:
        return f"CumQty(14) {counted:f} does not count it: {total:f} is booked, LastQty(32) is {quantity:f}"
    return ""


def counts_beside(booked: Iterable[Fill], heard: DealerReport, quantity: Decimal) -> bool:
    """Is the dealer's CumQty(14) exactly what is booked, but for what it counts behind, and this fill?"""
    counted = heard.cum_quantity
    if counted is None:
        return False
    fills = list(booked)
    begins, total = counted - quantity, sum((fill.quantity for fill in fills), ZERO)
    later, overlaps = _placed(fills, begins, counted)
    return not overlaps and total - later == begins


def _placed(fills: Iterable[Fill], begins: Decimal, ends: Decimal) -> tuple[Decimal, bool]:
    """How much of the fills is counted behind a stretch of the dealer's count, and whether any takes a part of it."""
    placed = [(fill.counted - fill.quantity, fill.counted) for fill in fills if fill.counted is not None]
    later = sum((end - start for start, end in placed if start >= ends), ZERO)
    return later, any(start < ends and end > begins for start, end in placed)


def _has_no_place(fill: Fill) -> bool:
    return fill.counted is None and not fill.in_execution_report
