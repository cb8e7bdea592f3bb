"""Reading a whole journal in the caller's own thread, live or closed: replay, audits, people's tools.

A reader sees what is committed, never the writer's open batch.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from engine.errors import JournalError
from engine.journal import anchor
from engine.journal.batch import (
    CloseRow,
    EventRow,
    Head,
    MarkRow,
    NumberRow,
    OutboxRow,
    SessionRow,
    TextRow,
    TradeRow,
)
from engine.journal.opening import anchor_path, read_head, read_meta
from engine.journal.queries import (
    EVENT,
    LATEST_MARKS,
    MISFILED,
    NUMBER,
    OUTBOX,
    SESSIONS,
    TAPE_MARKS,
    TAPE_TRADES,
    TEXTS,
    UNDELIVERED,
    Undelivered,
    as_undelivered,
)
from engine.journal.recover import BadRow, KeptTurn, Rows, Sent, TurnRow, Verdict, group, verify
from engine.journal.schema import SCHEMA_VERSION

_PAGE: Final = 2_000
"""Events of one short read."""
_LOWEST: Final = -(1 << 62)
"""Below every key there may be: a row where none belongs is to be found, too."""


class ReadOnly:
    """A journal opened for reading alone, live or closed. Use in one thread; keep its iterations short if live."""

    __slots__ = ("_closed", "_connection", "meta", "path")

    def __init__(self, path: Path | str) -> None:
        """Raises JournalError if there is no journal to read."""
        self.path = Path(path)
        self._connection = _connect(self.path)
        self._closed = False
        try:
            self.meta = read_meta(self._connection, self.path)
            version = self.meta["schema_version"]
            if version != str(SCHEMA_VERSION):
                raise JournalError(
                    f"{self.path}: journal schema {version}, this build reads {SCHEMA_VERSION}: "
                    "read and audit it with the build that wrote it"
                )
        except sqlite3.Error as error:
            self._connection.close()
            raise JournalError(f"{self.path}: no journal: {error}") from error
        except JournalError:
            self._connection.close()
            raise

    @property
    def genesis(self) -> bytes:
        return bytes.fromhex(self.meta["genesis"])

    def head(self) -> Head:
        return read_head(self._connection, self.path)

    def sessions(self) -> list[SessionRow]:
        """The newest epoch of every session, by session."""
        return [SessionRow(*row) for row in self._connection.execute(SESSIONS)]

    def marks(self) -> list[MarkRow]:
        """The latest of each source for each bond, by bond."""
        return [MarkRow(*row) for row in self._connection.execute(LATEST_MARKS)]

    def tape_marks(self, since_ns: int = 0) -> Iterator[MarkRow]:
        """The marks of the tape that were heard since then, in the order in which they were heard."""
        return map(MarkRow._make, self._connection.execute(TAPE_MARKS, (since_ns,)))

    def tape_trades(self, since_ns: int = 0) -> Iterator[TradeRow]:
        """The trades of the tape that were heard since then, in the order in which they were heard."""
        return map(TradeRow._make, self._connection.execute(TAPE_TRADES, (since_ns,)))

    def closes(self) -> Iterator[CloseRow]:
        """The last mark of each bond, source and day, by day."""
        return map(CloseRow._make, self._connection.execute("SELECT * FROM tape_closes ORDER BY day"))

    def undelivered(self, destination: str) -> list[Undelivered]:
        """Outbox entries for `destination` that are not confirmed, in order."""
        return [as_undelivered(row) for row in self._connection.execute(UNDELIVERED, {"to": destination})]

    def events(self, after_seq: int = 0) -> Iterator[EventRow]:
        """Events in order, as rows: not verified."""
        query = f"SELECT {EVENT} FROM events WHERE seq > ? ORDER BY seq"
        return map(EventRow._make, self._connection.execute(query, (after_seq,)))

    def events_until(self, last_seq: int, after_seq: int = 0) -> Iterator[EventRow]:
        """Events up to one, in order, in short reads: between two of them a writer can shorten its log."""
        while after_seq < last_seq:
            page = list(islice(self.events(after_seq), _PAGE))
            yield from (row for row in page if row.seq <= last_seq)
            if not page:
                return
            after_seq = page[-1].seq

    def texts(self) -> Iterator[TextRow]:
        """Rule books and configurations, as they were stored."""
        return map(TextRow._make, self._connection.execute(TEXTS))

    def turns(self, after: int = 0) -> Iterator[KeptTurn]:
        """Turns beyond `after`, with their rows, as of one moment. Raises JournalError where the file is unreadable.

        Until the iteration ends the writer's log cannot be truncated.
        """
        try:
            self._connection.execute("BEGIN")
            try:
                yield from group(self._rows(after))
            finally:
                if not self._closed:  # An iteration given up may be finished late, by the garbage collector.
                    self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            raise JournalError(f"{self.path}: {error}") from error

    def turn_hash(self, turn_seq: int) -> bytes:
        """The chain hash of a turn, the genesis hash for 0. Raises JournalError if there is no such turn."""
        if turn_seq == 0:
            return self.genesis
        row = self._connection.execute("SELECT hash FROM turns WHERE turn_seq = ?", (turn_seq,)).fetchone()
        if row is None:
            raise JournalError(f"{self.path}: no turn {turn_seq}")
        return bytes(row[0])

    def query(self, sql: str, parameters: tuple[object, ...] | Mapping[str, object] = ()) -> list[tuple[Any, ...]]:
        """All rows of a query, for tools."""
        return self._connection.execute(sql, parameters).fetchall()

    def close(self) -> None:
        self._closed = True
        self._connection.close()

    def __enter__(self) -> ReadOnly:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _rows(self, after: int) -> Rows:
        """Every table from its first row beyond turn `after`, by its own key: an index by turn would cost inserts."""
        execute = self._connection.execute
        entry, number = self._first("outbox", "id", after), self._first("fix_sent", "position", after)
        return Rows(
            map(
                TurnRow._make, execute("SELECT * FROM turns WHERE turn_seq > ? ORDER BY turn_seq", (after or _LOWEST,))
            ),
            self.events(self._first("events", "seq", after) - 1),
            map(
                OutboxRow._make,
                execute(f"SELECT {OUTBOX} FROM outbox AS o WHERE id >= ? ORDER BY id", (entry,)),
            ),
            (
                Sent(row[0], NumberRow(*row[1:]))
                for row in execute(f"SELECT {NUMBER} FROM fix_sent WHERE position >= ? ORDER BY position", (number,))
            ),
            (text for text in self.texts() if after == 0 or text.turn_seq > after),
        )

    def _first(self, table: str, key: str, after: int) -> int:
        """The key of the first row beyond turn `after`, by bisection: rows are in turn order."""
        if after == 0:
            return _LOWEST
        low, high = 1, self._connection.execute(f"SELECT coalesce(max({key}), 0) + 1 FROM {table}").fetchone()[0]
        while low < high:
            middle = (low + high) // 2
            row = self._connection.execute(
                f"SELECT turn_seq FROM {table} WHERE {key} >= ? ORDER BY {key} LIMIT 1", (middle,)
            ).fetchone()
            if row is None or row[0] > after:
                high = middle
            else:
                low = middle + 1
        return int(low)


def audit(path: Path | str, anchor_file: Path | str | None = None) -> Verdict:
    """Check the whole file against its chain and its anchors (`<path>.anchor` if not said otherwise).

    Raises JournalError if it cannot be read at all.
    """
    with ReadOnly(path) as journal:
        file = anchor_path(journal.path) if anchor_file is None else Path(anchor_file)
        notes: list[str] = []
        anchors: list[anchor.Anchor] = []
        try:
            with file.open("rb") as lines:
                anchors, unreadable = anchor.from_lines(lines)
        except FileNotFoundError:
            notes.append(f"{file}: no anchors")
        else:
            notes += [f"{file}: line {number} cannot be read" for number in unreadable]
        mine = [one for one in anchors if one.journal_id == journal.meta["journal_id"]]
        if len(mine) < len(anchors):
            notes.append(f"{file}: {len(anchors) - len(mine)} anchors of another journal")
        verdict = verify(journal.genesis, journal.turns(), mine, notes)
        if verdict.holds:
            # No part of the chain, for it only repeats: but what is not found cannot be sent again.
            for turn_seq, session, epoch, seq in journal.query(MISFILED)[:1]:
                row = f"{session} epoch {epoch} out {seq}"
                bad = BadRow(turn_seq, "answered", row, f"changed: turn {turn_seq} and this table do not agree on it")
                verdict = replace(verdict, bad=bad)
        return verdict


def uri(path: Path, mode: str) -> str:
    """`mode` is `mode=ro` or `immutable=1`."""
    return f"file:{quote(str(path.absolute()))}?{mode}"


def _connect(path: Path) -> sqlite3.Connection:
    if not path.exists():
        raise JournalError(f"{path}: no such journal")
    connection = sqlite3.connect(uri(path, "mode=ro"), uri=True, isolation_level=None)
    try:
        connection.execute("SELECT 1 FROM sqlite_master").fetchone()
    except sqlite3.OperationalError as error:
        connection.close()
        if Path(f"{path}-wal").exists():
            raise JournalError(f"{path}: cannot be read: {error}; its -wal and -shm files must be readable") from error
        # Closed, and in a folder where the shared memory file cannot be made: nobody writes it, read it as it is.
        connection = sqlite3.connect(uri(path, "immutable=1"), uri=True, isolation_level=None)
    except sqlite3.DatabaseError as error:
        connection.close()
        raise JournalError(f"{path}: no journal: {error}") from error
    connection.execute("PRAGMA query_only=ON")
    return connection
