"""A journal into a warehouse's files, from where the last run ended to what was durable when this one began.

The journal is opened for reading alone and read a page at a time, each its own short read transaction: beside a daemon
its log can be emptied in between, and nothing waits.
"""

from __future__ import annotations

import datetime
import fcntl
from collections import Counter, OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from engine.errors import ConfigError, JournalError
from engine.journal.archive import ReadOnly
from engine.journal.batch import EventRow
from engine.market.calendars import utc_date
from engine.research.past import desk_named
from engine.research.progress import Progress
from engine.research.warehouse.parts import (
    Committed,
    Parts,
    check_desk,
    committed_of,
    forget_unfinished,
    short,
)
from engine.research.warehouse.rows import Found, Row, Rows
from engine.research.warehouse.tables import EVENTS, TABLES, Table

PAGE: Final = 1_000
"""Events read in one transaction."""
ROWS_AT_ONCE: Final = 50_000
"""Rows that are held before they go into files."""
WRITERS: Final = 4
"""Files that are written at the same time."""
KEPT_MAX: Final = 8_192
"""Rows of one table of late that are at hand when something becomes of them; older ones are read from the files."""
_EVENTS: Final = "SELECT seq, turn_seq, type, version, utc_ns, body FROM events WHERE seq > ? AND seq <= ? ORDER BY seq"


@dataclass(frozen=True, slots=True)
class Exported:
    """What one run came to for one journal: the last event that was in before, the last that is now."""

    journal: Path
    desk: str
    begun_at: int
    upto: int
    files: int
    rows: Counter[str]
    """By table."""


def export(journals: Sequence[Path], folder: Path, desk: str | None, progress: Progress) -> list[Exported]:
    """Every journal, the earliest first. `desk` is whose they are; None: as the configuration in each names it.

    Raises ConfigError where a folder cannot be used or a journal belongs to somebody else, JournalError where one
    cannot be read.
    """
    begun = sorted((*_begun(path), path) for path in journals)
    done: list[Exported] = []
    for _, named, path in begun:
        name = check_desk(desk if desk is not None else named)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with _alone(folder, name):
                forget_unfinished(folder, name)
                done.append(_export(path, folder, name, progress))
        except OSError as error:
            raise ConfigError(f"{error.filename or folder}: cannot be written: {error.strerror}") from error
    return done


def _export(path: Path, folder: Path, desk: str, progress: Progress) -> Exported:
    with ReadOnly(path) as file:
        journal = file.meta["journal_id"]
        others = committed_of(folder, desk)
        begun = others.pop(short(journal), Committed(journal=journal))
        _is_that_journal(file, path, begun)
        before = _before(file, others)
        if not before:
            _follows(file, path, folder, desk, others)
        if not begun.seq:
            source = _source(desk, short(journal), others, before)
            begun = replace(begun, source=source, early=others[before[0]].early if before else {})
        upto = max(file.head().event_seq, begun.seq)
        parts = Parts(folder, desk, journal, before)
        held = _Held(parts, file, begun)
        rows = Rows(held, held.early)
        at = begun.seq
        if at < upto:
            parts.begin(utc_date(held.first_ns))
        while at < upto:
            last = min(at + PAGE, upto)
            for each in file.query(_EVENTS, (at, last)):
                row = EventRow(*each)
                held.begin(row)
                rows.take(row)
                held.end()
            at = last
            progress(at - begun.seq, upto - begun.seq)
        held.flush()
        return Exported(path, desk, begun.seq, upto, parts.written, held.counts)


class _Held:
    """Rows on their way into files, and those of late, to make others of."""

    def __init__(self, parts: Parts, file: ReadOnly, begun: Committed) -> None:
        self.early = {rfq_id: list(marks) for rfq_id, marks in begun.early.items()}
        self.counts: Counter[str] = Counter()
        self._parts, self._file = parts, file
        self._journal = short(file.meta["journal_id"])
        self.first_ns = begun.first_ns or _first_ns(file)
        """When the journal begins."""
        self._committed = begun
        self._event: EventRow | None = None
        self._upto = begun.seq
        """Events of which all rows are here or in files."""
        self._turn, self._last_ns = begun.turn, begun.last_ns
        self._rows: dict[tuple[str, datetime.date], list[tuple[Any, ...]]] = {}
        self._over: dict[tuple[str, datetime.date], dict[tuple[Any, ...], int]] = {}
        self._now: list[tuple[Table, datetime.date, tuple[Any, ...]]] = []
        self._over_now: list[tuple[Table, datetime.date, tuple[Any, ...]]] = []
        self._count = 0
        self._late: dict[str, OrderedDict[tuple[Any, ...], Found]] = {name: OrderedDict() for name in TABLES}
        self._let_go: set[str] = set()
        """Tables of which not every row that is held is of late."""
        self._unknown: set[tuple[Any, ...]] = set()

    # --- one event ---------------------------------------------------------------------------------

    def begin(self, event: EventRow) -> None:
        self._event = event

    def end(self) -> None:
        """All rows of the event are here."""
        assert self._event is not None
        seq = self._event.seq
        for table, date, values in self._now:
            self._rows.setdefault((table.name, date), []).append(values)
            self.counts[table.name] += 1
        for table, date, key in self._over_now:
            self._over.setdefault((table.name, date), {})[key] = seq
        self._count += len(self._now)
        self._upto, self._turn, self._last_ns = seq, self._event.turn_seq, self._event.utc_ns
        self._now, self._over_now = [], []
        self._event = None
        if self._count >= ROWS_AT_ONCE:
            self.flush()

    # --- `Kept` ------------------------------------------------------------------------------------

    def put(self, table: Table, date: datetime.date, row: Row, *, known_by: tuple[str, ...] = ()) -> None:
        assert self._event is not None
        values = (self._journal, self._event.seq, self._event.utc_ns, *map(row.get, table.names))
        self._now.append((table, date, values))
        if known_by:
            self._remember(table, tuple(row[each] for each in known_by), Found(date, row))

    def over(self, table: Table, date: datetime.date, key: tuple[Any, ...]) -> None:
        self._over_now.append((table, date, key))

    def find(self, table: Table, since: datetime.date | None = None, **known_by: Any) -> Found | None:
        assert self._event is not None
        name = tuple(known_by.values())
        late = self._late[table.name]
        found = late.get(name)
        if found is not None or (table.name, *name) in self._unknown:
            return found
        if table.name in self._let_go:
            self.flush()
        there = self._parts.find(table, known_by, self._event.seq, since)
        if there is None:
            if len(self._unknown) >= KEPT_MAX:
                self._unknown.clear()
            self._unknown.add((table.name, *name))
            return None
        return self._remember(table, name, Found(*there))

    def _remember(self, table: Table, name: tuple[Any, ...], found: Found) -> Found:
        late = self._late[table.name]
        late[name] = found
        late.move_to_end(name)
        self._unknown.discard((table.name, *name))
        if len(late) > KEPT_MAX:
            late.popitem(last=False)
            self._let_go.add(table.name)
        return found

    # --- into files --------------------------------------------------------------------------------

    def flush(self) -> None:
        """Put what is held into files; the last of them says how far all have come."""
        if self._upto == self._committed.seq:
            return
        before, after = self._committed, self._now_committed()
        days = sorted({*self._rows, *self._over})
        events = [each for each in days if each[0] == EVENTS.name]

        def add(day: tuple[str, datetime.date], committed: Committed) -> None:
            rows, over = self._rows.get(day, ()), self._over.get(day, {})
            self._parts.add(TABLES[day[0]], day[1], rows, over, self._upto, committed)

        # Most of the time goes by until a file is on the disk.
        with ThreadPoolExecutor(WRITERS) as writers:
            for done in [writers.submit(add, day, before) for day in days if day not in events]:
                done.result()
        # Events last, by their days: the last of their files is what says that all is in.
        for day in events:
            if day is events[-1]:
                self._parts.sync()
            add(day, after if day is events[-1] else before)
        self._parts.sync()
        self._committed = after
        self._rows, self._over, self._count = {}, {}, 0
        self._let_go.clear()

    def _now_committed(self) -> Committed:
        return Committed(
            journal=self._file.meta["journal_id"],
            seq=self._upto,
            turn=self._turn,
            turn_hash=self._file.turn_hash(self._turn).hex(),
            first_ns=self.first_ns,
            last_ns=self._last_ns,
            source=self._committed.source,
            early={rfq_id: list(marks) for rfq_id, marks in self.early.items()},
        )


# --- is it the right one? ------------------------------------------------------------------------


def _begun(path: Path) -> tuple[int, str]:
    """When a journal begins, and what its desk is called."""
    with ReadOnly(path) as file:
        return _first_ns(file), desk_named(file)


def _first_ns(file: ReadOnly) -> int:
    """When its first event happened, 0 while there is none."""
    rows = file.query("SELECT utc_ns FROM events ORDER BY seq LIMIT 1")
    return int(rows[0][0]) if rows else 0


def _is_that_journal(file: ReadOnly, path: Path, begun: Committed) -> None:
    """Does it still have the turn that was exported last? One that was restored from a backup may have another."""
    if not begun.turn or file.head().turn_seq < begun.turn:
        return  # A copy from before: there is nothing in it that is not in the files.
    if file.turn_hash(begun.turn).hex() != begun.turn_hash:
        raise JournalError(
            f"{path}: turn {begun.turn} is not the one that was exported: a journal that was restored and went on "
            "otherwise; export it to a new folder"
        )


def _follows(file: ReadOnly, path: Path, folder: Path, desk: str, others: Mapping[str, Committed]) -> None:
    """Journals of one desk follow each other: two that tell of the same time are two desks'."""
    span = [file.query(f"SELECT utc_ns FROM events ORDER BY seq {way} LIMIT 1") for way in ("ASC", "DESC")]
    if not all(span):
        return  # It is empty.
    first_ns, last_ns = (rows[0][0] for rows in span)
    for other in others.values():
        if other.seq and first_ns <= other.last_ns and other.first_ns <= last_ns:
            raise ConfigError(
                f"{path}: desk '{desk}' has another journal of the same time in {folder}: if this one is another "
                "desk's, name it with --desk"
            )


def _before(file: ReadOnly, others: Mapping[str, Committed]) -> tuple[str, ...]:
    """The journals that this one goes on from, the latest first, as far as they are in the files."""
    previous = file.meta["previous_head"]
    for name, other in others.items():
        if previous and other.turn_hash == previous:
            earlier = [(each.first_ns, key) for key, each in others.items() if each.source == other.source]
            return (name, *(key for _, key in sorted(earlier, reverse=True) if key != name))
    return ()


def _source(desk: str, journal: str, others: Mapping[str, Committed], before: Sequence[str]) -> str:
    """What a journal's own rounds come from: one that begins anew numbers them anew."""
    if before:
        return others[before[0]].source
    return f"{desk}@{journal}" if others else desk


@contextmanager
def _alone(folder: Path, desk: str) -> Iterator[None]:
    """One export of a desk at a time."""
    with (folder / f".{desk}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ConfigError(f"{folder}: another export of desk '{desk}' is running") from None
        yield
