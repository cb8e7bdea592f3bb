"""The report of a calibration: what is proposed and why, and how good the numbers in force are, with pictures."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Final

from engine.research.bootstrap import Interval
from engine.research.calibrating import Calibration, Finding
from engine.research.impact import ImpactFit, plain
from engine.research.page import Block, Column, Definitions, Notes, Page, Paragraph, Picture, Section, Table
from engine.research.pictures import Share, Valued, along, intervals, reliability
from engine.research.proposal import Proposal, may_be, shown
from engine.research.scores import COVERAGE, OFF_MAX, ROWS_MIN, Decile, Report

_MET: Final = {True: "met", False: "not met", None: "cannot tell"}


def page(proposal: Proposal) -> Page:
    """All that a calibration came to."""
    found = proposal.calibration
    sections = [Section("Numbers of the estimates", tuple(_numbers(proposal)))]
    if found is not None:
        sections += [
            Section("How good the estimates in force are", tuple(_scores(found.report))),
            Section("Chances that came true", tuple(_chances(found.report))),
            Section("Edges", tuple(_coverage(found.report))),
        ]
    sections.append(Section("Expected impact", tuple(_impact(proposal.impact))))
    sections.append(Section("How to read this", (Notes(_NOTES),)))
    return Page(
        title="Calibration",
        subject=", ".join(proposal.sources),
        verdict=tuple(_verdict(proposal)),
        sections=tuple(sections),
        about=(f"made {proposal.made}",),
    )


def _verdict(proposal: Proposal) -> Iterator[str]:
    found, law = proposal.calibration, proposal.impact
    if found is None:
        yield f"Cannot tell: {proposal.why_none}."
    elif not found.proposed:
        yield "Keep the numbers of the estimates: none other was better on days that had no say in choosing it."
    else:
        told = ", ".join(f"{each.knob.key} {each.knob.now:g} -> {each.found:g}" for each in _proposed(found))
        yield f"Proposed: {told}."
        if found.together is not None:
            yield f"All of it together changes the loss by {found.together.words(4, 'nats')} an ask."
    yield f"Expected impact: {'a law of your own is proposed' if law.is_proposed else 'keep'}; {law.why}."
    if found is not None:
        report = found.report
        enough = "" if report.is_enough else f" ({ROWS_MIN:,} asks are what a verdict takes; here are {report.rows:,})"
        yield (
            f"As it stands, on {report.rows:,} asks of {report.days} days{enough}: chance of a quote by decile "
            f"{_MET[report.answers_met]}, 90 % interval of an edge {_MET[report.coverage_met]}."
        )


def _proposed(found: Calibration) -> list[Finding]:
    return [each for each in found.findings if each.is_proposed]


def _numbers(proposal: Proposal) -> Iterator[Block]:
    found = proposal.calibration
    if found is None:
        yield Paragraph(f"Not tried: {proposal.why_none}.")
        return
    yield Definitions(
        (
            ("Asks", f"{found.asks:,} on {found.days} days"),
            ("Judged by", f"the last {found.judged_asks:,} on {found.judged_days} days"),
            ("Intervals of differences", f"{100 * found.level:.3g} %: of all numbers together, one in twenty errs"),
        )
    )
    yield Table(
        (Column("number"), Column("in force", True), Column("found", True), Column("difference", True), Column("")),
        [
            [
                each.knob.key.removeprefix("estimates."),
                f"{each.knob.now:g}",
                f"{each.found:g}",
                each.judged.words(4, each.knob.unit) if each.judged.n else "not judged",
                "propose" if each.is_proposed else "keep",
            ]
            for each in found.findings
        ],
        "An ask's mean loss with what was found, less that in force, on the days that judge: below 0 is better",
    )
    yield Notes([_reason(each) for each in found.findings])


def _reason(each: Finding) -> str:
    losses = f"; {each.before.words(4, each.knob.unit)} an ask in force, {each.after.words(4)} with what was found"
    return f"{each.knob.key}, {each.knob.about}: {each.why}{losses if each.judged.n else ''}."


def _scores(report: Report) -> Iterator[Block]:
    yield Table(
        (Column("score"), Column("estimates", True), Column("against"), Column("its own", True),
         Column("difference", True), Column("")),
        [
            [each.name, each.ours.words(3), each.against, each.simple.words(3), each.difference.words(3), each.words]
            for each in report.scores
        ],
        "Less is better; below 0 the difference is for the estimates. Against the desk's mean so far, the dealer's own",
    )  # fmt: skip


def _chances(report: Report) -> Iterator[Block]:
    for title, deciles, of in (
        ("Chance of an executable quote in time", report.answers, "quotes"),
        ("Chance that an accepted quote is filled", report.fills, "fills"),
    ):
        shares = _shares(deciles)
        if not shares:
            yield Paragraph(f"{title}: cannot tell, there are too few days or cases.")
            continue
        yield reliability(title, shares, of)
        yield Table(
            (Column("predicted", True), Column("happened", True), Column("off", True), Column("cases", True),
             Column(f"within {OFF_MAX:g}")),
            [
                [f"{each.predicted:.3f}", each.happened.words(3), each.off.words(3), f"{each.happened.n:,}",
                 _MET[each.is_met]]
                for each in deciles
            ],
            f"Off by no more than {OFF_MAX:g} beyond two standard errors?",
        )  # fmt: skip


def _shares(deciles: Sequence[Decile]) -> list[Share]:
    found: list[Share] = []
    for each in deciles:
        happened = each.happened
        if happened.low is not None and happened.high is not None:
            found.append(Share(each.predicted, happened.value, happened.low, happened.high, happened.n))
    return found


def _coverage(report: Report) -> Iterator[Block]:
    rows = [_valued("all", report.coverage)]
    rows += [_valued(f"sd of {width:.1f} bps", each) for width, each in report.coverage_by_width]
    yield intervals("What the 90 % interval of an edge holds", rows, "%", 0.9, COVERAGE)
    yield Paragraph(
        f"Wanted are {100 * COVERAGE[0]:.0f} to {100 * COVERAGE[1]:.0f} %: {_MET[report.coverage_met]}, "
        f"{report.coverage.words(3)} of {report.coverage.n:,} quotes with a mark on {report.coverage.days} days."
    )


def _valued(label: str, interval: Interval) -> Valued:
    if not interval.is_told:
        return Valued(label, None, None, None, interval.n)
    return Valued(label, interval.value, interval.low, interval.high, interval.n)


def _impact(law: ImpactFit) -> Iterator[Block]:
    yield Paragraph(f"{'Proposed' if law.is_proposed else 'Keep'}: {law.why}.")
    if not law.judged.n:
        return
    yield Definitions(
        (
            ("Trades", f"{law.trades:,} on {law.days} days"),
            ("Off by, in force", law.before.words(1, "bps")),
            ("Off by, as fitted", law.after.words(1, "bps")),
            ("The loss changes by", law.judged.words(4)),
        )
    )
    now, found = plain(law.now), plain(law.found)
    yield Table(
        (Column("market.impact"), Column("in force", True), Column("fitted", True), Column("95 %", True)),
        [[name, shown(now[name]), shown(found[name]), may_be(law, name).rstrip(", ")] for name in found],
        "The law that all trades fit; y_ln_sd is its error, cap_bps what the dearest one in two hundred trades cost",
    )
    yield _curve(law)


def _curve(law: ImpactFit) -> Picture:
    points = [(each.ln_of_adv / math.log(10), _valued("", each.cost)) for each in law.points]
    lines = {
        "in force": [(each.ln_of_adv / math.log(10), each.in_force_bps) for each in law.points],
        "fitted": [(each.ln_of_adv / math.log(10), each.fitted_bps) for each in law.points],
    }
    return along("What trades cost beyond half a spread", points, lines, "size over ADV, logarithm to 10", "bps")


_NOTES: Final = (
    "Every prediction is made with what was known before its round was sent; see config/research/README.md.",
    "Losses are proper scores: log loss in nats, CRPS in bps. Intervals hold 95 % and are of days drawn again; those "
    "of differences between numbers are wider, so that all of them together err once in twenty.",
    "A value is chosen on some days and judged on later ones. One that was chosen may still be kept: it may be no "
    "better, as far as these days can tell.",
    "Nothing is changed by a calibration. What is proposed is a file to review.",
    "Costs are those of trades that were done: what was left for its price is in no fit.",
)
