"""All rounds that journals, history files and warehouses tell of, each once, in the order in which they were sent.

What is read goes into a file of its own in the folder for temporary files, some 2 kB a round, and comes out of it
sorted, as often as it is wanted: years of rounds never stand in memory. Held there are `HELD_MAX` of the latest rounds
of the journal that is being read, lines of the history file that is being read, and what SQLite caches.

A round has one key: where it comes from, its rfq_id and its number. A journal's own rounds come from its desk, by the
name that its configuration gives it; a second desk of that name is told apart by the name of its file. Two sources that
tell of one round give it once: a dealer's answer is the one of who was read first, and journals are read before
warehouses, those before history files.
"""

from __future__ import annotations

import hashlib
import pickle
import sqlite3
import tempfile
import time
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from engine.desk.past.reading import Known, Refused, read_rows
from engine.desk.past.telling import TELLING, Early, answered, tell
from engine.domain.observation import RoundTold
from engine.domain.rows import changed
from engine.errors import ConfigError
from engine.history.files import HistoryFile
from engine.history.mapping import Blotter, read_blotter
from engine.journal.archive import ReadOnly
from engine.journal.events import events_in
from engine.research.progress import Progress, silent

HELD_MAX: Final = 2_000
"""Rounds of a journal that wait in memory for marks and last words; those before wait in the file."""
REFUSED_KEPT: Final = 20
"""Refused rows of a source that are kept with their reasons; the others are counted."""

_MARK_AGE_NS: Final = 900 * 10**9
_SQLITE: Final = b"SQLite format 3\0"
_NAMES: Final = frozenset(each.__name__ for each in TELLING)
_TABLE: Final = """
CREATE TABLE rounds(source TEXT, rfq_id TEXT, round INTEGER, sent_ns INTEGER, asks INTEGER, body BLOB,
                    PRIMARY KEY(source, rfq_id, round));
"""
_SORT: Final = "CREATE INDEX IF NOT EXISTS in_order ON rounds(sent_ns, source, rfq_id, round);"
_PUT: Final = "INSERT OR REPLACE INTO rounds VALUES(?, ?, ?, ?, ?, ?)"
_GET: Final = "SELECT body FROM rounds WHERE source = ? AND rfq_id = ? AND round = ?"
_GET_OWN: Final = "SELECT body FROM rounds WHERE source = ? AND rfq_id = ?"
_IN_ORDER: Final = """
SELECT body FROM rounds WHERE sent_ns >= ? AND sent_ns < ? ORDER BY sent_ns, source, rfq_id, round
"""
_COUNT: Final = "SELECT count(*), total(asks), min(sent_ns), max(sent_ns) FROM rounds"
_FROM: Final = -(1 << 62)
_UNTIL: Final = 1 << 62


@dataclass(frozen=True, slots=True)
class Source:
    """A journal, a history file with the mapping of its names, or the folder of a warehouse."""

    path: Path
    blotter: Blotter | None = None

    @property
    def is_warehouse(self) -> bool:
        return self.path.is_dir()

    @property
    def is_journal(self) -> bool:
        try:
            with self.path.open("rb") as file:
                return file.read(len(_SQLITE)) == _SQLITE
        except OSError as error:
            raise ConfigError(f"{self.path}: cannot be read: {error.strerror}") from error


def source_of(text: str) -> Source:
    """`FILE`, or `FILE.csv:MAPPING.toml`. Raises ConfigError where there is no such file."""
    path, mapping = _parted(text)
    return Source(_there(path)) if mapping is None else Source(_there(path), read_blotter(mapping))


def wherever(text: str) -> str:
    """The same source as a process in another folder has to name it."""
    path, mapping = _parted(text)
    return str(path.absolute()) if mapping is None else f"{path.absolute()}:{mapping.absolute()}"


def _parted(text: str) -> tuple[Path, Path | None]:
    path, _, mapping = text.rpartition(":")
    return (Path(path), Path(mapping)) if path and mapping.endswith(".toml") else (Path(text), None)


def _there(path: Path) -> Path:
    if not path.exists():
        raise ConfigError(f"{path}: no such journal, history file or warehouse")
    return path


@dataclass(slots=True)
class Told:
    """What one source came to: its rounds, those of them that others had told before, and what was refused."""

    path: Path
    desk: str = ""
    """Of a journal: what the rounds that it asked itself come from."""
    rounds: int = 0
    known: int = 0
    refused: int = 0
    why: list[Refused] = field(default_factory=list)
    """The first of them."""


def known_to_nobody(now_ns: int) -> Known:
    """What a desk knows for what rows cannot say, where there is no desk."""
    return Known({}, now_ns, _MARK_AGE_NS)


def past_of(
    sources: Sequence[Source],
    begin_ns: int | None = None,
    end_ns: int | None = None,
    progress: Progress = silent,
    known: Known | None = None,
) -> Iterator[RoundTold]:
    """The rounds that were sent from `begin_ns` on and before `end_ns`, for one pass: see `Past`."""
    with Past() as past:
        past.read(sources, progress, known)
        yield from past.rounds(begin_ns, end_ns)


class Past:
    """Rounds of many sources, sorted in a file that is gone with this. Use in one thread."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="rfq-past-")
        self.path = Path(self._folder.name) / "rounds.sqlite"
        """The file: `rounds_in` reads it, in another process too."""
        self._file = _connected(self.path)
        self._file.executescript(_TABLE)
        self._heads: dict[str, tuple[str, int]] = {}
        """By journal: the name of its desk, and the last event that was read."""
        self._desks: dict[str, str] = {}
        """By the name of a desk, the journal that it began with."""
        self._count: tuple[int, int, int | None, int | None] = (0, 0, None, None)

    def read(self, sources: Sequence[Source], progress: Progress = silent, known: Known | None = None) -> list[Told]:
        """Take in all that the sources tell. `progress` is told of each source for itself.

        `known` completes rows of history files. Raises ConfigError or JournalError for a source that cannot be read.
        """
        told: list[Told] = []
        journals = [each for each in sources if not each.is_warehouse and each.is_journal]
        folders = [each for each in sources if each.is_warehouse]
        files = [each for each in sources if each not in journals and each not in folders]
        for source in journals:
            told.append(self._journal(source.path, progress))
        for source in folders:
            told.append(self._warehouse(source.path, progress))
        for source in files:
            told.append(self._history(source, progress, known or known_to_nobody(time.time_ns())))
        self._file.execute(_SORT)
        self._file.commit()
        rounds, asks, first, last = self._file.execute(_COUNT).fetchone()
        self._count = rounds, int(asks), first, last
        return told

    def rounds(self, begin_ns: int | None = None, end_ns: int | None = None) -> Iterator[RoundTold]:
        """In the order of sent_ns."""
        return rounds_in(self.path, begin_ns, end_ns)

    @property
    def count(self) -> int:
        return self._count[0]

    @property
    def asks(self) -> int:
        return self._count[1]

    @property
    def span_ns(self) -> tuple[int, int] | None:
        """When the first and the last round was sent; None where there is none."""
        _, _, first, last = self._count
        return None if first is None or last is None else (first, last)

    def digest(self) -> str:
        """Of all rounds: another past has another."""
        found = hashlib.sha256()
        for (body,) in self._file.execute(_IN_ORDER, (_FROM, _UNTIL)):
            found.update(body)
        return found.hexdigest()[:16]

    def close(self) -> None:
        self._file.close()
        self._folder.cleanup()

    def __enter__(self) -> Past:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # --- sources -----------------------------------------------------------------------------------

    def _journal(self, path: Path, progress: Progress) -> Told:
        told = Told(path)
        with ReadOnly(path) as journal:
            journal_id, desk, after = self._desk_of(journal)
            told.desk = desk
            own = _Own(self, desk, told)
            early: Early = {}
            head = journal.head()
            for event in events_in(journal, _NAMES, head.event_seq, after, progress):
                for each in tell(event, own, early):
                    self._put(each, told)
            own.let_go()
            self._heads[journal_id] = desk, max(after, head.event_seq)
            self._heads[head.hash.hex()] = desk, 0
        return told

    def _desk_of(self, journal: ReadOnly) -> tuple[str, str, int]:
        """(the journal's own id, the name of its desk, the last event of it that was read from a copy of it)"""
        journal_id, previous = journal.meta["journal_id"], journal.meta["previous_head"]
        if journal_id in self._heads:
            return journal_id, *self._heads[journal_id]
        if previous in self._heads:  # It goes on where another one ended.
            return journal_id, self._heads[previous][0], 0
        name = desk_named(journal)
        if self._desks.setdefault(name, journal_id) != journal_id:
            name = f"{name}@{journal.path.stem}"
            self._desks[name] = journal_id
        return journal_id, name, 0

    def _warehouse(self, folder: Path, progress: Progress) -> Told:
        from engine.research.warehouse.reading import rounds_of  # Half a second of imports, for those who have one.

        told = Told(folder)
        for each in rounds_of(folder, progress=progress):
            self._put(each, told)
        return told

    def _history(self, source: Source, progress: Progress, known: Known) -> Told:
        told = Told(source.path)
        blotter = source.blotter or Blotter()
        file, done = HistoryFile(source.path, blotter), 0
        file.look()
        for rows in file.rounds(lambda one: _refuse(told, (one,))):
            rounds, refused = read_rows(rows, known, blotter.source or source.path.stem)
            _refuse(told, refused)
            for each in rounds:
                self._put(each, told)
            done += len(rows)
            progress(done, file.rows)
        progress(file.rows, file.rows)
        return told

    # --- rounds ------------------------------------------------------------------------------------

    def _put(self, one: RoundTold, told: Told) -> None:
        """A round as a source tells of it: of what is known of it already, only what is new."""
        told.rounds += 1
        before = self._get(one)
        if before is not None:
            told.known += 1
            one = _together(before, one)
            if one is before:
                return
        self._write(one)

    def _get(self, one: RoundTold) -> RoundTold | None:
        seen = one.seen
        row = self._file.execute(_GET, (seen.source, seen.rfq_id, seen.round)).fetchone()
        return None if row is None else _unpacked(row[0])

    def _write(self, one: RoundTold) -> None:
        seen = one.seen
        body = pickle.dumps(one, protocol=pickle.HIGHEST_PROTOCOL)
        self._file.execute(_PUT, (seen.source, seen.rfq_id, seen.round, seen.sent_ns, len(seen.asks), body))

    def _get_own(self, desk: str, rfq_id: str) -> RoundTold | None:
        row = self._file.execute(_GET_OWN, (desk, rfq_id)).fetchone()
        return None if row is None else _unpacked(row[0])


class _Own:
    """A journal's own rounds: the latest in memory, the others in the file, where marks find them too."""

    def __init__(self, past: Past, desk: str, told: Told) -> None:
        self._past, self._desk, self._told = past, desk, told
        self._held: dict[str, RoundTold] = {}

    def get(self, rfq_id: str) -> RoundTold | None:
        held = self._held.get(rfq_id)
        return held if held is not None else self._past._get_own(self._desk, rfq_id)

    def __setitem__(self, rfq_id: str, one: RoundTold) -> None:
        if one.seen.source != self._desk:
            self._told.rounds += 1
            one = changed(one, seen=changed(one.seen, source=self._desk))
        self._held.pop(rfq_id, None)
        while len(self._held) >= HELD_MAX:
            self._past._write(self._held.pop(next(iter(self._held))))
        self._held[rfq_id] = one

    def let_go(self) -> None:
        for one in self._held.values():
            self._past._write(one)
        self._held.clear()


def rounds_in(path: Path, begin_ns: int | None = None, end_ns: int | None = None) -> Iterator[RoundTold]:
    """The rounds in the file of a `Past`, in the order of sent_ns. Raises ConfigError where it is not to be seen."""
    if not path.is_file():
        raise ConfigError(
            f"{path}: not to be seen from here: set TMPDIR to a folder that this program and all workers share"
        )
    span = (_FROM if begin_ns is None else begin_ns, _UNTIL if end_ns is None else end_ns)
    with closing(_connected(path)) as file:
        for (body,) in file.execute(_IN_ORDER, span):
            one = answered(_unpacked(body))
            if one is not None:
                yield one


def _connected(path: Path) -> sqlite3.Connection:
    """Nothing of it is to last: it need not survive a crash."""
    file = sqlite3.connect(path, isolation_level="DEFERRED")
    file.execute("PRAGMA journal_mode=OFF")
    file.execute("PRAGMA synchronous=OFF")
    return file


def _unpacked(body: bytes) -> RoundTold:
    """Of bytes that `Past` wrote itself."""
    one: RoundTold = pickle.loads(body)
    return one


def _together(before: RoundTold, one: RoundTold) -> RoundTold:
    """`before` with the dealers and marks that only `one` tells of; the very same where there are none."""
    names = {ask.dealer for ask in before.seen.asks}
    more = [ask for ask in one.seen.asks if ask.dealer not in names]
    horizons = {each.horizon for each in before.after}
    marks = [each for each in one.after if each.horizon not in horizons]
    if not more and not marks:
        return before
    asks = tuple(sorted((*before.seen.asks, *more), key=lambda ask: (ask.position, ask.sent_ns, ask.dealer)))
    seen = changed(before.seen, asks=asks, n_asked=max(before.seen.n_asked, one.seen.n_asked, len(asks)))
    return changed(before, seen=seen, after=(*before.after, *marks))


def _refuse(told: Told, refused: Iterable[Refused]) -> None:
    for each in refused:
        told.refused += 1
        if len(told.why) < REFUSED_KEPT:
            told.why.append(each)


_ENGINE: Final = "[engine]"


def desk_named(journal: ReadOnly) -> str:
    """What the desk of a journal is called, by the configuration that it began with."""
    for text in journal.texts():
        if _ENGINE in text.text:  # Its file may be called anything.
            try:
                found: Any = tomllib.loads(text.text).get("engine", {}).get("name")
            except tomllib.TOMLDecodeError:
                continue
            if isinstance(found, str):
                return found
    return "rfq"
