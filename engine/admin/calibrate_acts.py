"""`rfqctl calibrate`: a desk's past asked which numbers it speaks for; files to review, and nothing else changed."""

from __future__ import annotations

import argparse
import dataclasses
import sys
import time
from pathlib import Path
from typing import Any, Final

import orjson

from engine.admin.days import period_ns
from engine.admin.extra import research
from engine.admin.tables import Column, Paper, table, wrapped
from engine.clock import iso_timestamp
from engine.config import MarketConfig, ScoringConfig, numbers

NOTHING_PROPOSED: Final = "# `rfqctl calibrate` proposes nothing: the numbers in force stand.\n"


def calibrate(given: argparse.Namespace, config: Path | None, journal: Path | None, paper: Paper) -> int:
    """0 whatever was found, 1 where the past speaks for nothing at all."""
    sources, calibrating, impact = research("sources"), research("calibrating"), research("impact")
    progress_line, spread = research("progress").progress_line, research("spread")
    known_numbers = numbers(config) if config is not None else None
    scoring = known_numbers.scoring if known_numbers is not None else ScoringConfig()
    market = known_numbers.market if known_numbers is not None else MarketConfig()
    for path in (given.out, _beside(given.out), given.html):
        if path is not None:
            research("page").refuse_taken(path, given.force)
    begin_ns, end_ns = period_ns(given.begin, given.end)
    bonds = sources.bonds_of(known_numbers)
    with research("past").Past() as past:
        told = past.read(
            sources.sources_of(given.source, journal),
            progress_line(sys.stderr, "rows"),
            sources.known_of(known_numbers, bonds),
        )
        found, why_none = None, ""
        try:
            where = spread.Where(given.processes, given.scheduler)
            walked = progress_line(sys.stderr, "rounds walked")
            found = calibrating.calibrate(past, scoring, begin_ns, end_ns, where, walked, kept=given.keep)
        except calibrating.TooLittleError as error:
            why_none = str(error)
        issued = {each.security_id: each.issue_date for each in bonds.values() if each.issue_date is not None}
        law = impact.fit(impact.trades_of(past.rounds(begin_ns, end_ns), issued), market.impact.parameters)
    names = tuple(str(each.path) for each in told)
    proposal = research("proposal").Proposal(found, why_none, law, names, iso_timestamp(time.time_ns()))
    written = _write(given, proposal)
    if given.json:
        print(orjson.dumps(_plain(proposal, told), option=orjson.OPT_INDENT_2 | orjson.OPT_SERIALIZE_NUMPY).decode())
    else:
        for each in told:
            for line in _of_source(each):
                print(line)
        print("\n".join(_lines(paper, proposal)))
        for path in written:
            print(f"written to {path}: to review; nothing reads it by itself")
    return 1 if found is None and not law.judged.n else 0


def _beside(out: Path | None) -> Path | None:
    """Where what is for engine.toml goes."""
    return None if out is None else out.with_name(f"{out.stem}.engine{out.suffix}")


def _write(given: argparse.Namespace, proposal: Any) -> list[Path]:
    pages = research("page")
    written: list[Path] = []
    beside = _beside(given.out)
    for path, text in ((given.out, proposal.scoring), (beside, proposal.engine)):
        # What an earlier run proposed there is not proposed any more.
        if path is not None and (text or path.exists()):
            pages.save(text or NOTHING_PROPOSED, path, given.force)
            written.append(path)
    if given.html is not None:
        pages.save(pages.html(research("calibration_page").page(proposal)), given.html, given.force)
        written.append(given.html)
    return written


def _of_source(told: Any) -> list[str]:
    lines = [f"{told.path}: {told.rounds:,} rounds, {told.known:,} of them told before, {told.refused:,} rows refused"]
    lines += [f"  line {each.line}: {each.reason}" for each in told.why]
    if told.refused > len(told.why):
        lines.append(f"  and {told.refused - len(told.why):,} more")
    return lines


def _lines(paper: Paper, proposal: Any) -> list[str]:
    lines: list[str] = []
    found, law = proposal.calibration, proposal.impact
    if found is None:
        lines.append(paper.styled("cannot tell", "yellow") + f": {proposal.why_none}")
    else:
        lines.append(
            f"{found.asks:,} asks on {found.days} days; judged by the last {found.judged_asks:,} on {found.judged_days}"
        )
        columns = [Column("number"), Column("in force", right=True), Column("found", right=True),
                   Column("less loss is better"), Column("")]  # fmt: skip
        rows = []
        for each in found.findings:
            verdict = paper.styled("propose", "green") if each.is_proposed else "keep"
            said = each.judged.words(4, each.knob.unit) if each.judged.n else "not judged"
            rows.append([each.knob.key, f"{each.knob.now:g}", f"{each.found:g}", said, f"{verdict}: {each.why}"])
        lines += table(paper, columns, rows)
        if found.together is not None:
            lines.append(f"all that is proposed together: {found.together.words(4, 'nats')} an ask")
        lines += _calibrated(found.report)
    verdict = paper.styled("propose", "green") if law.is_proposed else "keep"
    lines += wrapped(f"expected impact: {verdict}: {law.why}", paper.width or 120)
    if law.judged.n:
        lines.append(
            f"  off by {law.before.words(1, 'bps')} as in force, by {law.after.words(1, 'bps')} as fitted; "
            f"the loss changes by {law.judged.words(4)}"
        )
    return lines


def _calibrated(report: Any) -> list[str]:
    met = {True: "met", False: "not met", None: "cannot tell"}
    few = "" if report.is_enough else f"; {report.rows:,} asks are too few for a verdict of the model itself"
    return [
        f"as it stands: the chance of a quote by decile within .03 beyond two standard errors: "
        f"{met[report.answers_met]}; the 90 % interval of an edge holds {report.coverage.words(3)}: "
        f"{met[report.coverage_met]}{few}"
    ]


def _plain(proposal: Any, told: Any) -> dict[str, Any]:
    found, law = proposal.calibration, proposal.impact
    return {
        "sources": [
            {"path": str(each.path), "rounds": each.rounds, "known": each.known, "refused": each.refused}
            for each in told
        ],
        "why_none": proposal.why_none or None,
        "numbers": [] if found is None else [_plain_finding(each) for each in found.findings],
        "proposed": {} if found is None else found.proposed,
        "together": None if found is None or found.together is None else found.together.plain(),
        "impact": {
            "proposed": law.is_proposed,
            "why": law.why,
            "trades": law.trades,
            "days": law.days,
            "now": dataclasses.asdict(law.now),
            "found": dataclasses.asdict(law.found),
            "ranges": {name: list(ends) for name, ends in law.ranges.items()},
            "judged": law.judged.plain(),
            "before_bps": law.before.plain(),
            "after_bps": law.after.plain(),
        },
    }


def _plain_finding(found: Any) -> dict[str, Any]:
    return {
        "key": found.knob.key,
        "now": found.knob.now,
        "found": found.found,
        "unit": found.knob.unit,
        "proposed": found.is_proposed,
        "why": found.why,
        "chosen": found.chosen.plain(),
        "judged": found.judged.plain(),
        "before": found.before.plain(),
        "after": found.after.plain(),
    }
