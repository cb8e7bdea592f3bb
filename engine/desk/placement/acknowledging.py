"""The answer to a dealer's TradeCaptureReport(AE): when it is heard, and when what was kept of it is decided."""

from __future__ import annotations

from engine.desk.draft import Delivery, Draft
from engine.domain.messages import DealerReport, ReportProblem, TradeReportAck


def acknowledge(
    draft: Draft, session: str, report: DealerReport, problem: ReportProblem | None = None, text: str = ""
) -> None:
    """TradeCaptureReportAck(AR): accepted, or rejected with a reason. Nothing where no trade report told of it."""
    if report.report_words is not None:
        said = TradeReportAck(report.report_words, draft.now_ns, problem, text)
        draft.send(session, said, Delivery.at_least_once)
