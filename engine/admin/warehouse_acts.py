"""`rfqctl warehouse ...`: journals as files for tools that count columns, and what many desks' files say together."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any, Final

import orjson

from engine.admin.days import period_ns
from engine.admin.extra import research
from engine.admin.tables import Column, Paper, table
from engine.config import ScoringConfig, numbers

FOLDER: Final = "warehouse"
"""Beside the journal, where no other one is named."""


def export_journals(given: argparse.Namespace, journals: list[Path]) -> int:
    """Each journal from where the last export ended; one line each."""
    export = research("warehouse.export")
    progress = research("progress").progress_line(sys.stderr, "events")
    folder: Path = given.out if given.out is not None else journals[0].with_name(FOLDER)
    done = export.export(journals, folder, given.desk, progress)
    if given.json:
        told = [
            {
                "journal": str(each.journal),
                "desk": each.desk,
                "begun_at": each.begun_at,
                "upto": each.upto,
                "files": each.files,
                "rows": dict(sorted(each.rows.items())),
            }
            for each in done
        ]
        print(orjson.dumps({"folder": str(folder), "journals": told}, option=orjson.OPT_INDENT_2).decode())
        return 0
    for each in done:
        if each.upto == each.begun_at:
            print(f"{each.journal}: nothing new since event {each.upto:,}, desk {each.desk}")
            continue
        print(
            f"{each.journal}: events {each.begun_at + 1:,} to {each.upto:,} of desk {each.desk}, "
            f"{each.rows.total():,} rows, {each.files:,} files written in {folder}"
        )
        print("  " + ", ".join(f"{count:,} {name}" for name, count in sorted(each.rows.items())))
    return 0


def scores(given: argparse.Namespace, folder: Path, config: Path | None, paper: Paper) -> int:
    """0 whatever was found, 1 where no round was judged."""
    scoring = research("warehouse.scoring")
    estimates = (numbers(config).scoring if config is not None else ScoringConfig()).estimate_parameters
    found = scoring.scores_of(
        folder,
        estimates,
        given.desk or (),
        *period_ns(given.begin, given.end),
        research("spread").Where(given.processes, given.scheduler),
        given.keep,
        research("progress").progress_line(sys.stderr, "days of desks"),
    )
    if given.json:
        print(orjson.dumps([_plain(each) for each in found], option=orjson.OPT_INDENT_2).decode())
    else:
        print("\n".join(line for each in found for line in _lines(paper, each)))
    return 0 if any(each.asks for each in found) else 1


def _plain(found: Any) -> dict[str, Any]:
    return {
        "desk": found.desk or None,
        "rounds": found.rounds,
        "asks": found.asks,
        "days": found.days,
        "coverage": found.coverage.plain(),
        "scores": [
            {
                "score": each.name,
                "against": each.against,
                "ours": each.ours.plain(),
                "simple": each.simple.plain(),
                "difference": each.difference.plain(),
                "words": each.words,
            }
            for each in found.scores
        ],
    }


def _lines(paper: Paper, found: Any) -> list[str]:
    name = f"desk {found.desk}" if found.desk else "all desks together"
    lines = [paper.styled(f"{name}: {found.asks:,} asks in {found.rounds:,} rounds on {found.days} days", "bold")]
    columns = [Column(""), Column("rows", right=True), Column("ours"), Column("against"), Column("ours less that")]
    rows = [
        [each.name, f"{each.ours.n:,}", each.ours.words(4), f"{each.against}: {each.simple.words(4)}",
         f"{each.difference.words(4)}: {each.words}"]
        for each in found.scores
    ]  # fmt: skip
    return [*lines, *table(paper, columns, rows), f"the 90 % interval of an edge held {found.coverage.words()}", ""]
