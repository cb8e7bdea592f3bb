"""`rfqctl best-execution`, `rfqctl scorecard`: reports of a journal, each one file that can be handed over."""

from __future__ import annotations

import argparse
import sys
import time
from datetime import date
from pathlib import Path
from typing import Any

import orjson

from engine.admin.extra import research
from engine.admin.tables import Paper
from engine.errors import ConfigError


def best_execution(given: argparse.Namespace, journal: Path, paper: Paper) -> int:
    """The report of one order, or of the orders of some days."""
    reports, pages = research("reports"), research("page")
    pages.refuse_taken(given.html, given.force)
    if given.order is not None:
        if given.begin is not None or given.end is not None:
            raise ConfigError("best-execution: expected an ORDER, or --from and --to, found both")
        page = reports.of_order(journal, given.order, time.time_ns(), _progress())
    else:
        page = reports.of_period(journal, _day(given.begin), _day(given.end), time.time_ns(), _progress())
    return _write(given, page, paper)


def scorecard(given: argparse.Namespace, journal: Path, paper: Paper) -> int:
    """What the desk shows a dealer of itself."""
    reports, pages = research("reports"), research("page")
    pages.refuse_taken(given.html, given.force)
    begin, end = _day(given.begin), _day(given.end)
    return _write(given, reports.of_dealer(journal, given.dealer, begin, end, time.time_ns(), _progress()), paper)


def _day(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)


def _progress() -> Any:
    return research("progress").progress_line(sys.stderr, "events")


def _write(given: argparse.Namespace, page: Any, paper: Paper) -> int:
    """The file, and its verdict on the screen."""
    pages = research("page")
    pages.save(pages.html(page), given.html, given.force)
    if given.json:
        said = {"file": str(given.html), "title": page.title, "verdict": list(page.verdict)}
        print(orjson.dumps(said, option=orjson.OPT_INDENT_2).decode())
    else:
        print("\n".join((paper.styled(page.title, "bold"), *(f"  {line}" for line in page.verdict))))
        print(f"written to {given.html}")
    return 0
