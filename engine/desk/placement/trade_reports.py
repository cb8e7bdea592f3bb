"""A dealer's TradeCaptureReport(AE): a trade that is told of beside the ExecutionReport(8), or in its place.

What it tells is taken as an 8's fill would be: booked once, quarantined where an 8 would be. Of its sides ours is the
one that bears an identifier of ours. Each is answered by a TradeCaptureReportAck(AR): accepted where the trade is in
the books, by this report or by an earlier one; rejected where a person has to decide, in words that tell the dealer
nothing of us.

Reference: FIX 4.4 Vol 5, TradeCaptureReport, TradeCaptureReportAck.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from engine.desk.draft import Draft
from engine.desk.placement.acknowledging import acknowledge
from engine.desk.placement.answers import Taken, placement_of, take_again, take_fill
from engine.desk.placement.changes import on_reported_change
from engine.desk.placement.quarantine import quarantine
from engine.domain.messages import DealerReport, ReportProblem, TradeAct, TradeReport, TradeSide
from engine.domain.placement import Placement

_NOTHING_OF_OURS: Final = "no order of ours is named: kept for a person"
_KEPT: Final = "cannot be booked as it stands: kept for a person"


def on_trade_report(draft: Draft, session: str, heard: TradeReport) -> str | None:
    """TradeCaptureReport(AE) of a dealer; the round it moved."""
    placement, told = _ours(draft, session, heard)
    taken = _take(draft, session, placement, told, heard)
    problem = None
    if taken.kept:
        problem = ReportProblem.trade_type if heard.odd else ReportProblem.other
    text = "" if problem is None else heard.odd or (_KEPT if placement is not None else _NOTHING_OF_OURS)
    acknowledge(draft, session, told, problem, text)
    return taken.moved


def _take(draft: Draft, session: str, placement: Placement | None, told: DealerReport, heard: TradeReport) -> Taken:
    if heard.act in (TradeAct.cancel, TradeAct.correct):
        changed = on_reported_change(draft, session, placement, told)
        return Taken(changed.moved, not changed.is_carried_out)
    if placement is None or heard.act is TradeAct.new:
        return take_fill(draft, session, placement, told)
    if heard.act is TradeAct.addendum:
        again = take_again(draft, session, placement, told)
        if again is not None:
            return again
        reason = "an addendum to a trade that was not reported"
    else:
        reason = heard.odd
    quarantine(draft, session, placement, told, reason)
    return Taken(kept=True)


def _ours(draft: Draft, session: str, heard: TradeReport) -> tuple[Placement | None, DealerReport]:
    """The acceptance that it is of, and the trade in the words of our side.

    By our ClOrdID(11) in a side; else by our side and the dealer's OrderID(37), the QuoteID(117) that we took, or the
    ExecID(17) of a fill. Without any, the words of the first side.
    """
    state = draft.state
    told = [_as_told(heard, side) for side in heard.sides]
    for each in told:
        if state.placements.get(state.cancels.get(each.cl_ord_id) or each.cl_ord_id) is not None:
            return placement_of(draft, session, each), each
    sought = [(each, state.known_as(session, each.order_id)) for each in told if each.order_id]
    nameless = [each for each in told if not each.cl_ord_id]
    sought += [(each, state.taking_quote(session, heard.quote_id)) for each in nameless if heard.quote_id]
    sought += [(each, state.filled_as(session, each.exec_id)) for each in nameless]
    found = ((_the_one(placements, each), each) for each, placements in sought)
    return next((pair for pair in found if pair[0] is not None), (None, told[0]))


def _the_one(found: list[Placement], told: DealerReport) -> Placement | None:
    """The one of these whose bond and side it is; of several the one that is unanswered."""
    fit = [each for each in found if told.security_id in ("", each.security_id) and told.side in (None, each.side)]
    open_ = [each for each in fit if each.unanswered]
    fit = open_ if len(fit) > 1 else fit
    return fit[0] if len(fit) == 1 else None


def _as_told(heard: TradeReport, side: TradeSide) -> DealerReport:
    return replace(
        heard.trade,
        cl_ord_id=side.cl_ord_id,
        order_id=side.order_id,
        side=side.side,
        cum_quantity=side.cum_quantity,
        leaves_quantity=side.leaves_quantity,
        accrued=side.accrued,
        gross=side.gross,
        net=side.net,
        currency=side.currency,
        settl_currency=side.settl_currency,
        text=side.text,
        status=side.status,
    )
