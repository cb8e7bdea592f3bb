"""What rfqctl does without a daemon: check rule books, verify and read the journal file."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from engine.clock import iso_timestamp
from engine.config import Places
from engine.config.text_file import NotText, read_text
from engine.desk.fields import catalogue
from engine.desk.known_here import EVERYTHING, KnownHere
from engine.desk.setting import TellsOfBonds
from engine.errors import ConfigError
from engine.journal.archive import ReadOnly, audit
from engine.journal.batch import EventRow
from engine.masking import masked_values
from engine.rules import Book, Diagnostic, Source, compile_book

TAIL_PAUSE_S = 0.5


@dataclass(frozen=True, slots=True)
class Checked:
    """A book without mistakes: the files it was made of, and what is in it.

    `never_known` are the places that read what can only be unknown in this installation.
    """

    files: tuple[str, ...]
    book: Book
    never_known: tuple[Diagnostic, ...] = ()

    def plain(self) -> dict[str, Any]:
        return {
            "files": list(self.files),
            "book_hash": self.book.hash,
            "rules": [rule.name for rule in self.book.rules],
            "protections": [protection.name for protection in self.book.protections],
            "windows_days": list(self.book.windows()),
            "never_known": [
                {"file": each.source.name, "line": each.line, "column": each.column, "text": each.text}
                for each in self.never_known
            ],
        }


def check_rules(files: Sequence[Path], folder: Path | None, places: Places | None) -> Checked:
    """The book that `folder` would be with these files in place of those of the same name.

    Without `folder`, it is the folder of the first file; without files, the configured one. A folder among the files
    stands for every rule file in it. Raises RuleBookError with every mistake, ConfigError for what cannot be read.
    """
    files = [path for each in files for path in (_rule_files(each) if each.is_dir() else [each])]
    if folder is None:
        folder = files[0].parent if files else places.rules if places is not None else Path("config/rules")
    if not folder.is_dir():
        raise ConfigError(f"{folder} is no folder of rules")
    given = {path.name: path for path in files}
    paths = [path for _, path in sorted({**{path.name: path for path in folder.glob("*.rules")}, **given}.items())]
    if not paths:
        raise ConfigError(f"{folder} has no *.rules file")
    sources = [Source(str(path), _text(path)) for path in paths]
    dealers = places.dealers if places is not None else None
    currency = places.base_currency if places is not None else "USD"
    book = compile_book(sources, catalogue(dealers, currency))
    return Checked(tuple(str(path) for path in paths), book, book.never_known(known_here(places).never))


def known_here(places: Places | None) -> KnownHere:
    """What can be known in the installation that is configured; without one, or its securities, everything can."""
    if places is None or not places.securities.is_file():
        return EVERYTHING
    day = datetime.fromtimestamp(places.securities.stat().st_mtime, UTC).date()
    told = TellsOfBonds(*places.told_of_bonds)
    return KnownHere.by_files(_text(places.securities), day, places.file_days, told, time.time_ns())


def _rule_files(folder: Path) -> list[Path]:
    found = sorted(folder.glob("*.rules"))
    if not found:
        raise ConfigError(f"{folder} has no *.rules file")
    return found


def _text(path: Path) -> str:
    try:
        return read_text(path)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
    except NotText as error:
        raise ConfigError(f"{path}: {error}") from error


def verify_journal(journal: Path, anchor: Path | None) -> dict[str, Any]:
    """The verdict of an audit. Raises JournalError where there is nothing to read."""
    verdict = audit(journal, anchor)
    bad = verdict.bad
    since = verdict.unanchored_since_ns
    return {
        "journal": str(journal),
        "holds": verdict.holds,
        "turns": verdict.turns,
        "anchored_until": iso_timestamp(since) if since else None,
        "bad": None
        if bad is None
        else {"turn": bad.turn_seq, "table": bad.table, "row": bad.row, "problem": bad.problem},
        "notes": list(verdict.notes),
    }


def tail_journal(journal: Path, count: int, follow: bool) -> Iterator[dict[str, Any]]:
    """The last events, and with `follow` those to come; what is committed, as rows."""
    with ReadOnly(journal) as read:
        after = max(0, read.head().event_seq - count)
        while True:
            for row in read.events(after):
                after = row.seq
                yield event(row)
            if not follow:
                return
            time.sleep(TAIL_PAUSE_S)


def event(row: EventRow) -> dict[str, Any]:
    return {
        "seq": row.seq,
        "turn": row.turn_seq,
        "time": iso_timestamp(row.utc_ns),
        "type": row.type,
        "version": row.version,
        "body": masked_values(orjson.loads(row.body)),
    }
