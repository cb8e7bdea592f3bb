"""`rfqctl history ...`: a blotter into the engine, and what the engine saw into a file."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import orjson

from engine.admin import tables
from engine.admin.client import AdminClient
from engine.admin.days import period_ns
from engine.admin.extra import research
from engine.admin.history_read import rounds_of
from engine.admin.tables import Paper
from engine.config import numbers
from engine.desk.past.writing import rows_of
from engine.errors import ConfigError
from engine.history.delivery import RefusedRows, deliver
from engine.history.files import HistoryFile, write_rows
from engine.history.mapping import Blotter, read_blotter
from engine.research.progress import progress_line

REFUSED_SHOWN: Final = 20
REASONS_SHOWN: Final = 20
REFUSED_SHOWN_APART: Final = 3
"""Of each source of a report."""
REST_S_A_ROW: Final = 0.000_2
"""What a row takes, and no more: an engine that waits for its disk holds nobody up."""


def import_file(given: argparse.Namespace, socket: Path, paper: Paper) -> int:
    """0 where every row was taken or is known, 1 where some were refused."""
    path: Path = given.file
    blotter = read_blotter(given.mapping) if given.mapping is not None else Blotter()
    with AdminClient(socket, given.timeout) as desk, RefusedRows(given.refused) as refused:
        engine = _Running(desk, blotter.source or path.stem, given.dry_run)
        done = deliver(HistoryFile(path, blotter), engine, refused, progress_line(sys.stderr, "rows"))
    if given.json:
        print(orjson.dumps({**done.plain(), "dry_run": given.dry_run}, option=orjson.OPT_INDENT_2).decode())
        return 1 if refused.count else 0
    for line in _refused(refused, given.refused):
        print(line)
    would = "would be " if given.dry_run else ""
    words = [f"{done.taken:,} of {done.rows:,} rows {would}taken, in {done.rounds:,} rounds"]
    if done.known:
        words.append(f"{done.known:,} known before")
    count = paper.styled(f"{refused.count:,} refused", "yellow" if refused.count else "")
    print(", ".join([*words, count if refused.count else "none refused"]))
    if done.taken and not given.dry_run:
        print("the engine learns from them aside and then takes the new estimates up: see `rfqctl status`")
    return 1 if refused.count else 0


class _Running:
    """The daemon at the other end; it has the time between two pieces for others."""

    def __init__(self, desk: AdminClient, origin: str, dry_run: bool) -> None:
        self._desk, self._origin, self._dry_run = desk, origin, dry_run

    def known(self, rounds: list[dict[str, Any]]) -> Sequence[bool]:
        answer = self._desk.call("history.known", rows=rounds, origin=self._origin)
        known: Sequence[bool] = answer["known"]
        return known

    def add(self, rows: list[dict[str, Any]]) -> Mapping[str, Any]:
        began = time.monotonic()
        answer: Mapping[str, Any] = self._desk.call(
            "history.add", rows=rows, origin=self._origin, dry_run=self._dry_run
        )
        time.sleep(min(time.monotonic() - began, len(rows) * REST_S_A_ROW))
        return answer


def _refused(refused: RefusedRows, file: Path | None) -> Iterator[str]:
    """The first lines that were refused, and of many how many there are by reason."""
    for each in sorted(refused.kept)[:REFUSED_SHOWN]:
        yield f"line {each.line}: {each.reason}"
    more = refused.count - REFUSED_SHOWN
    if more > 0:
        yield (
            f"and {more:,} more: {file} has them all" if file else f"and {more:,} more: --refused FILE writes them all"
        )
        for reason, count in refused.reasons.most_common(REASONS_SHOWN):
            yield f"{count:>9,}  {reason}"


def export_file(given: argparse.Namespace, journal: Path, name: str) -> int:
    """What this engine saw, and what it was told, in the form that it takes in."""
    since, until = period_ns(given.begin, given.end)
    progress = progress_line(sys.stderr, "events")

    def rows() -> Iterator[Mapping[str, str]]:
        for told in rounds_of(journal, progress):
            sent_ns = told.seen.sent_ns
            if (since is None or sent_ns >= since) and (until is None or sent_ns < until):
                yield from rows_of(told, name)

    if str(given.file) == "-":
        write_rows(rows(), sys.stdout)
        return 0
    path: Path = given.file
    if path.exists() and not given.force:
        raise ConfigError(f"{path} is there already: name another file, or --force to write over it")
    # Whole or not at all: a journal that cannot be read leaves no half of a history.
    part = path.with_name(f"{path.name}.part")
    try:
        with part.open("w", encoding="utf-8", newline="") as out:
            count = write_rows(rows(), out)
        part.replace(path)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be written: {error.strerror}") from error
    finally:
        part.unlink(missing_ok=True)
    print(f"{count:,} rows written to {given.file}")
    return 0


def report(given: argparse.Namespace, journal: Path, config: Path | None, paper: Paper) -> int:
    """What histories can support: the journal's, or those of the sources that were named.

    The configured bonds say what rows of history files do not, as they do when these are imported.
    """
    pasts, sources, support, pages = research("past"), research("sources"), research("support"), research("page")
    if given.html is not None:
        pages.refuse_taken(given.html, given.force)
    known = numbers(config) if config is not None else None
    with pasts.Past() as past:
        told = past.read(
            sources.sources_of(given.sources, journal),
            progress_line(sys.stderr, "rows"),
            sources.known_of(known, sources.bonds_of(known)),
        )
        found = support.gathered(past.rounds())
    within = given.within / 100
    refused = sum(each.refused for each in told)
    if given.html is not None:
        names = ", ".join(each.path.name for each in told)
        about = [f"Made by rfqctl history report of {names}."]
        pages.save(pages.html(support.page(found, names, within, about)), given.html, given.force)
    if given.json:
        print(orjson.dumps({**support.plain(found, within), "refused": refused}, option=orjson.OPT_INDENT_2).decode())
        return 0
    for line in _report(found, support, within, paper):
        print(line)
    if refused:
        print(f"{refused:,} rows were refused and are no part of it; the first of them:")
        for path, why in [(each.path, why) for each in told for why in each.why[:REFUSED_SHOWN_APART]]:
            print(f"  {path.name}, line {why.line}: {why.reason}")
    if given.html is not None:
        print(f"written to {given.html}")
    return 0


def _report(found: Any, support: ModuleType, within: float, paper: Paper) -> Iterator[str]:
    asks = sum(each.asks for each in found.dealers.values())
    if found.rounds:
        facts = support.plain(found, within)
        yield f"{found.rounds:,} rounds, {asks:,} dealers asked, {facts['from']} to {facts['to']}"
    for sentence in support.verdict(found, within):
        yield from tables.wrapped(sentence, paper.width, "  ")
    if found.rounds:
        yield ""
        columns = [tables.Column(each.title, each.is_number) for each in support.DEALER_COLUMNS]
        yield from tables.table(paper, columns, support.dealer_rows(found, within))
