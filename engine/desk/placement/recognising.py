"""Which execution a report tells of: one that is booked already, or a new one.

A dealer tells of a trade by an ExecutionReport(8), by a TradeCaptureReport(AE), or by both, in either order, and each
of them more than once. Of the fills of one acceptance a report tells of

1. the one of its name: ExecID(17), where both have one; else TradeReportID(571), or what TradeReportRefID(572) names.
   Another size or price under the same name is for a person;
2. else one of its size and price that only the other kind of report has told of, and that it shares a name with:
   SecondaryExecID(527) is the other's ExecID(17), TrdMatchID(880) is the same, a report is called as the execution is;
3. else one of its size and price that only the other kind of report has told of, and from which no name and no
   CumQty(14) tells it apart; one that counts exactly what is booked, and itself, is new;
4. else, where it says PreviouslyReported(570)=Y, one of its size and price;
5. else none: it is new.

Nothing is booked twice: the second copy of one kind has the first one's name (1), and the first of the other kind finds
the fill by 2 or 3. No second fill is swallowed: two fills of one size and price have two ExecIDs (1), or, where trade
reports have none, two TradeReportIDs, and each fill takes one kind of each report: the second finds the first fill told
by its own kind already. Which of two equal fills a nameless report is taken for makes no difference to what is booked.
What is left is a dealer that tells of one of two equal trades by an 8 alone and of the other by a nameless AE alone:
its CumQty(14) is then more than what is booked, nothing of the acceptance is free, and a person is told.

Reference: FIX 4.4 Vol 5, TradeCaptureReport; Vol 6, ExecID(17), SecondaryExecID(527), TrdMatchID(880).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from engine.desk.placement.counting import counts_beside, uncounted
from engine.desk.state_rows import BookedFill
from engine.domain.messages import DealerReport
from engine.domain.placement import TRADE_REPORTS_MAX, Fill


def recognise(executions: Iterable[BookedFill], heard: DealerReport) -> Fill | None:
    """The fill of these, all of one acceptance, that the report tells of; by its name alone it may differ otherwise.

    A copy tells of it as it was at first, whatever was corrected or taken back since. Only what stands is counted.
    """
    booked = list(executions)
    fills = [each.fill for each in booked if not each.canceled]
    told = [fill for each in booked for fill in ((each.fill, each.at_first) if each.fill.told_as else (each.fill,))]
    named = [each for each in told if is_named(each, heard)]
    alike = [each for each in told if is_alike(each, heard)]
    if named:
        return next((each for each in named if each in alike), named[0])
    untold = [each for each in alike if not _is_told(each, heard)]
    found = next((each for each in untold if _shares_a_name(each, heard)), None)
    if found is not None:
        return found
    quantity = heard.last_quantity
    if quantity is not None and counts_beside(fills, heard, quantity):
        # It is new, unless it tells of one that was taken back before it came.
        standing = {each.exec_id for each in fills}
        untold = [each for each in untold if each.exec_id not in standing]
    nameless = (each for each in untold if not _is_another(each, heard) and _may_count(fills, each, heard))
    found = next(nameless, None)
    if found is None and heard.reported_before:
        found = next((each for each in alike if not _is_another(each, heard)), None)
    return found


def is_named(fill: Fill, heard: DealerReport) -> bool:
    """Does the report call the fill by its name?"""
    if heard.trade_report_ref and heard.trade_report_ref in fill.trade_report_ids:
        return True
    ours, theirs = _exec_id(fill), _exec_id_of(heard)
    if ours and theirs:
        return ours == theirs
    return bool(heard.trade_report_id) and heard.trade_report_id in fill.trade_report_ids


def is_alike(fill: Fill, heard: DealerReport) -> bool:
    """Same size, same price."""
    return (fill.quantity, fill.price) == (heard.last_quantity, heard.last_price)


def is_news(fill: Fill, heard: DealerReport) -> bool:
    """Is it the first report of its kind, or under another name, that tells of this fill?"""
    if heard.trade_report_id:
        known = fill.trade_report_ids
        return heard.trade_report_id not in known and len(known) < TRADE_REPORTS_MAX
    return not fill.in_execution_report


def _is_told(fill: Fill, heard: DealerReport) -> bool:
    """Has a report of the same kind told of it?"""
    return bool(fill.trade_report_ids) if heard.trade_report_id else fill.in_execution_report


def _exec_id(fill: Fill) -> str:
    """The dealer's ExecID(17); empty where a trade report without one has told of it so far."""
    named_by_report = not fill.in_execution_report and fill.dealer_exec_id in fill.trade_report_ids
    return "" if named_by_report else fill.dealer_exec_id


def _exec_id_of(heard: DealerReport) -> str:
    """ExecID(17); of a trade report that is called the same, none: it is the report's own name."""
    return "" if heard.exec_id == heard.trade_report_id else heard.exec_id


def _shares_a_name(fill: Fill, heard: DealerReport) -> bool:
    executions = {heard.exec_id, heard.secondary_exec_id} - {"", heard.trade_report_id}
    if executions & ({fill.dealer_exec_id, fill.secondary_exec_id} - set(fill.trade_report_ids)):
        return True
    if _exec_id(fill) and _exec_id_of(heard):
        return False  # Two executions of one match, or two that count alike.
    if heard.match_id and heard.match_id == fill.match_id:
        return True
    if heard.trade_report_id:
        return heard.trade_report_id == fill.dealer_exec_id
    return heard.exec_id in fill.trade_report_ids


def _is_another(fill: Fill, heard: DealerReport) -> bool:
    """Do both have a name, or a count, of one kind, and not the same?"""
    pairs = (
        (_exec_id(fill), _exec_id_of(heard)),
        (fill.secondary_exec_id, heard.secondary_exec_id),
        (fill.match_id, heard.match_id),
        (fill.counted, heard.cum_quantity),
    )
    return any(ours and theirs and ours != theirs for ours, theirs in pairs)


def _may_count(fills: Sequence[Fill], fill: Fill, heard: DealerReport) -> bool:
    """May CumQty(14) count it beside those whose place is known, if it tells of `fill`?"""
    others = [each for each in fills if each.exec_id != fill.exec_id and each.counted is not None]
    quantity = heard.last_quantity
    return quantity is None or not uncounted(others, heard, quantity)
