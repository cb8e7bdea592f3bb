"""A valuation as a report: what may be said of each policy first, then what it rests on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from engine.research.off_policy import Compared, Verdict
from engine.research.page import Block, Column, Definitions, Notes, Page, Paragraph, Section, Table
from engine.research.pictures import Valued, intervals
from engine.research.value_words import (
    COLUMNS,
    LEFT_WORDS,
    capital,
    headline_of,
    named,
    notes_of,
    reasons_of,
    rows_of,
    verdict_of,
)
from engine.research.valuing import Valuation


def page_of(found: Valuation, about: Sequence[str]) -> Page:
    """The report: what may be said first."""
    told = [each for each in found.policies if each.compared.verdict is not Verdict.same]
    bars = [_valued(each.policy, each.compared) for each in told]
    other = named(found.policies[0].against) if found.policies else ""
    blocks: list[Block] = [
        Table(
            [Column(title, is_number=0 < at < len(COLUMNS) - 1) for at, title in enumerate(COLUMNS)],
            [[cell or "-" for cell in row] for row in rows_of(found)],
            "A dash: not told.",
        )
    ]
    if bars:
        title = f"Cost beside {other}, leaks apart"
        caption = f"{title}: left of the line is cheaper. To the right the ESS; lines hold 95 %."
        blocks.append(replace(intervals(title, bars, "bps"), caption=caption))
    sections = [Section("What policies cost", blocks)]
    for each in found.policies:
        reasons = reasons_of(each)
        body: list[Block] = [Paragraph(verdict_of(each))]
        if reasons:
            body.append(Notes([capital(reason) for reason in reasons]))
        sections.append(Section(each.policy, body))
    counts = [
        ("rounds of the period", f"{found.told:,}"),
        ("judged", f"{found.judged:,}"),
        ("drawn", f"{found.drawn:,}"),
    ]
    left = [(f"left out: {LEFT_WORDS[why]}", f"{count:,}") for why, count in sorted(found.left.items())]
    sections.append(
        Section("What it rests on", [Definitions([*counts, *left]), Notes([capital(note) for note in notes_of(found)])])
    )
    return Page("Back-test", headline_of(found), [verdict_of(each) for each in found.policies], sections, about)


def _valued(policy: str, compared: Compared) -> Valued:
    difference = compared.difference
    if compared.verdict is Verdict.refused or difference is None or difference.low is None:
        return Valued(f"{policy}: no claim", None, None, None, round(compared.ess))
    return Valued(policy, difference.value, difference.low, difference.high, round(compared.ess))
