"""Random histories of dealers that report trades by TradeCaptureReport(AE) too, or by nothing else.

The same histories as those of `test_executions_against_truth`, with the same laws: AEs come before their 8 or behind
it, twice, under two names, without ExecID(17), with a TrdMatchID(880), or of the dealer's own side too. Which of two
equal trades a nameless report is taken for makes no difference to what is booked.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field

import pytest
from test_executions_against_truth import AT_ONCE, DICTIONARY, History
from true_dealer import Habits, Report, TrueDealer, TrueOrder

from engine.domain import events as e
from engine.domain import messages as m
from engine.domain.order import Side
from engine.fix.flows.dialect import DEFAULT
from engine.fix.flows.translation import hear
from engine.fix.wire import codec

pytestmark = pytest.mark.starts("noon")
"""Nothing here is about the time."""

DEFAULT_SEEDS = 200
FULL_SEEDS = 1_400
"""Of the next 1,800 three differ (1784, 2075, 2391): lost reports, or equal trades that were cancelled out of turn."""
CHANNELS = ("AE", "8 and AE", "8 and AE", "8")


@dataclass(slots=True)
class ReportingDealer(TrueDealer):
    """A dealer with a channel for its trades, and habits of its reports."""

    channel: str = "8"
    nameless: bool = False
    """Its reports have no ExecID(17)."""
    matches: bool = False
    """8 and AE have a TrdMatchID(880)."""
    reports_again: bool = False
    """Now and then the same trade once more under another TradeReportID(571), PreviouslyReported(570)=Y."""
    two_sided: bool = False
    reported: int = 0
    reports_of: dict[str, list[str]] = field(default_factory=dict)
    """The names of the reports of an execution, by its ExecID(17)."""

    def trade(self, order: TrueOrder) -> None:
        at = len(self.outbox)
        TrueDealer.trade(self, order)
        executions, self.outbox[at:] = self.outbox[at:], []
        for execution in executions:
            if self.matches:
                execution[880] = f"M{execution[17]}"
            if self.channel != "AE":
                self.outbox.append(execution)
        if self.channel != "8":
            self._report(order, executions[0])

    def take_back(self, order: TrueOrder) -> None:
        at = len(self.outbox)
        TrueDealer.take_back(self, order)
        self._change(order, at, "1")

    def correct(self, order: TrueOrder) -> None:
        at = len(self.outbox)
        TrueDealer.correct(self, order)
        self._change(order, at, "2")

    def _change(self, order: TrueOrder, at: int, trans_type: str) -> None:
        """The AE of a trade that is taken back or corrected refers to one of its reports."""
        if self.channel == "8":
            return
        [execution] = self.outbox[at:]
        if self.channel == "AE":
            del self.outbox[at:]
        whole = {54: _side_of(order), **execution}
        report = self._trade_report(order, {32: "0", 31: "0", **whole})
        # Where the order stands: without it nobody could tell that it lives again.
        change = {487: trans_type, 572: self.rng.choice(self.reports_of[execution[19]]), 39: execution[39]}
        self.outbox.append({**change, **report})

    def _report(self, order: TrueOrder, execution: Report) -> None:
        report = self._trade_report(order, execution)
        self.outbox.append(report)
        if self.reports_again and self.rng.random() < 0.3:
            self.outbox.append({**self._trade_report(order, execution), 570: "Y"})

    def _trade_report(self, order: TrueOrder, execution: Report) -> Report:
        self.reported += 1
        name = f"{self.name}T{self.reported}"
        self.reports_of.setdefault(execution[17], []).append(name)
        report: Report = {35: "AE", 571: name, 150: execution[150], 570: "N"}
        report |= {} if self.nameless else {17: execution[17]}
        report |= {tag: execution[tag] for tag in (880, 55, 48, 22, 32, 31, 75) if tag in execution}
        # The sides come last, ours behind the dealer's own.
        own = {"54b": "2" if execution[54] == "1" else "1", "37b": f"{order.order_id}-own"} if self.two_sided else {}
        sides = {60: "20261123-15:00:00.000", 552: str(1 + self.two_sided), **own}  # type: ignore[dict-item]
        return {**report, **sides, 54: execution[54], 37: order.order_id, 11: order.accept.placement_id}


def _side_of(order: TrueOrder) -> str:
    return "1" if order.accept.side is Side.buy else "2"


class ReportedHistory(History):
    """A history whose dealers have channels."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        rng = random.Random(f"channels {seed}")
        for name, dealer in self.dealers.items():
            habits = Habits(**{each: getattr(dealer.habits, each) for each in Habits.__dataclass_fields__})
            channel = rng.choice(CHANNELS)
            if channel != "8":
                habits.tells_twice = False  # Its second ExecID has no report of its own.
            nameless, matches, again, two_sided = (rng.random() < share for share in (0.5, 0.3, 0.3, 0.5))
            self.dealers[name] = ReportingDealer(
                name,
                dealer.rng,
                habits,
                channel=channel,
                nameless=nameless,
                matches=matches,
                reports_again=again and not nameless,
                two_sided=two_sided,
            )

    def hear(self, dealer: TrueDealer, report: Report) -> None:
        fields = [(int(str(tag).rstrip("b")), value) for tag, value in report.items() if tag != 35]
        frame = codec.frame(
            begin_string="FIX.4.4",
            msg_type=report.get(35, "8"),
            seq_num=7,
            sender=dealer.name.upper(),
            target="BUYSIDE",
            sending_time="20261123-15:00:00.000",
            body=codec.encode_body(fields),
        )
        self.world.hear(dealer.name, hear("dealer", codec.decode(frame, DICTIONARY), DEFAULT))
        self.check_bounds()

    def _one_of(self, dealer: TrueDealer) -> int:
        """Where trade reports are all there is, without any count, what overtakes a change cannot be told from it."""
        assert isinstance(dealer, ReportingDealer)
        uncounted = dealer.channel == "AE" and dealer.habits.changes_its_mind
        return 0 if uncounted else super()._one_of(dealer)

    def check_end(self) -> None:
        super().check_end()
        kept = {each.dealer_exec_id for each in self.world.recorded(e.FillQuarantined)}
        for ack in self.world.said(m.TradeReportAck):
            names = {ack.words.exec_id, ack.words.report_id}
            assert ack.problem is None or names & kept, "what is not acknowledged waits for a person"


def _groups() -> list[object]:
    groups = []
    for first in range(1, FULL_SEEDS + 1, AT_ONCE):
        marks = [pytest.mark.full] if first > DEFAULT_SEEDS else []
        groups.append(
            pytest.param(range(first, first + AT_ONCE), id=f"seeds {first}-{first + AT_ONCE - 1}", marks=marks)
        )
    return groups


@pytest.mark.parametrize("seeds", _groups())
def test_what_is_booked_is_what_was_traded_whatever_reports_it(seeds: range) -> None:
    for seed in seeds:
        history = ReportedHistory(seed)
        try:
            history.run()
            history.check_end()
        except AssertionError as error:
            raise AssertionError(f"seed {seed}: {error}") from error
