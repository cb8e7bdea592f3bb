"""`rfqctl backtest`: what another policy would have cost, by the record; or why nobody can tell."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

import orjson

from engine.admin.days import period_ns
from engine.admin.extra import research
from engine.admin.tables import Cell, Column, Paper, table, wrapped
from engine.research.progress import progress_line

_STYLES: Final = {"cheaper": "green", "dearer": "red", "no claim": "yellow"}


def backtest(given: argparse.Namespace, sources: Sequence[str], config: Path | None, paper: Paper) -> int:
    """0 where of every policy something could be told, 1 where a claim is refused."""
    made, words, page = research("backtest"), research("value_words"), research("page")
    begin_ns, end_ns = period_ns(given.begin, given.end)
    if given.html is not None:
        page.refuse_taken(given.html, given.force)
    asked = made.Asked(
        sources=tuple(sources),
        policies=tuple(given.policy),
        against=given.against,
        config=None if config is None else str(config),
        begin_ns=begin_ns,
        end_ns=end_ns,
        most=given.at_most,
        is_apart=given.by_desk,
    )
    where = made.where_of(given.processes, given.scheduler)
    found = made.backtest(asked, where, partial(progress_line, sys.stderr))
    about = [f"sources: {', '.join(sources)}", f"settings: {config or 'the defaults, for no engine.toml was named'}"]
    if given.html is not None:
        page.save(page.html(research("value_page").page_of(found, about)), given.html, given.force)
    if given.json:
        print(orjson.dumps({**words.plain_of(found), "about": about}, option=orjson.OPT_INDENT_2).decode())
    else:
        print("\n".join(_lines(found, words, about, paper)))
    return 1 if any(words.is_refused(each) for each in found.policies) else 0


def _lines(found: Any, words: Any, about: Sequence[str], paper: Paper) -> list[str]:
    columns = [Column(title, 0 < at < len(words.COLUMNS) - 1) for at, title in enumerate(words.COLUMNS)]
    rows = [(*row[:-1], Cell(row[-1], _STYLES.get(row[-1], ""))) for row in words.rows_of(found)]
    lines = [words.headline_of(found), "", *table(paper, columns, rows), ""]
    for each in found.policies:
        style = "yellow" if words.is_refused(each) else "bold"
        first, *rest = wrapped(words.verdict_of(each), paper.width)
        lines += [paper.styled(first, style), *(paper.styled(line, style) for line in rest)]
        for reason in words.reasons_of(each):
            lines += wrapped(reason, paper.width, "  ")
        lines.append("")
    for note in (*words.notes_of(found), *about):
        lines += [paper.styled(line, "dim") for line in wrapped(note, paper.width)]
    return lines
