"""`rfqctl history ...`: a blotter into the engine, and what the engine saw into a file."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any, Final

import orjson

from engine.admin.client import AdminClient
from engine.admin.history_read import rounds_of
from engine.admin.tables import Paper
from engine.clock import NS_PER_DAY
from engine.desk.past.writing import rows_of
from engine.errors import ConfigError
from engine.history.files import Blotter, deliver, read_blotter, write_rows
from engine.research.progress import progress_line

_EPOCH: Final = date(1970, 1, 1)


def import_file(given: argparse.Namespace, socket: Path, paper: Paper) -> int:
    """0 where every row was taken or is known, 1 where some were refused."""
    path: Path = given.file
    blotter = read_blotter(given.mapping) if given.mapping is not None else Blotter()
    with AdminClient(socket, given.timeout) as desk:

        def send(rows: list[dict[str, Any]]) -> Mapping[str, Any]:
            origin = blotter.source or path.stem
            answer: Mapping[str, Any] = desk.call("history.add", rows=rows, origin=origin, dry_run=given.dry_run)
            return answer

        done = deliver(path, blotter, send, progress_line(sys.stderr, "rows"))
    if given.json:
        print(orjson.dumps({**done.plain(), "dry_run": given.dry_run}, option=orjson.OPT_INDENT_2).decode())
        return 1 if done.refused else 0
    for each in done.refused:
        print(f"line {each.line}: {each.reason}")
    would = "would be " if given.dry_run else ""
    words = [f"{done.taken:,} of {done.rows:,} rows {would}taken, in {done.rounds:,} rounds"]
    if done.known:
        words.append(f"{done.known:,} known before")
    refused = paper.styled(f"{len(done.refused):,} refused", "yellow" if done.refused else "")
    print(", ".join([*words, refused if done.refused else "none refused"]))
    if done.taken and not given.dry_run:
        print("the engine learns from them aside and takes the new estimates up within seconds: see `rfqctl status`")
    return 1 if done.refused else 0


def export_file(given: argparse.Namespace, journal: Path, name: str) -> int:
    """What this engine saw, and what it was told, in the form that it takes in."""
    since, until = _day_ns(given.begin, 0), _day_ns(given.end, 1)
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


def _day_ns(text: str | None, days: int) -> int | None:
    """The beginning of a day, UTC ns, or of the one after."""
    if text is None:
        return None
    return ((date.fromisoformat(text) - _EPOCH).days + days) * NS_PER_DAY
