"""A party's durable record: one SQLite file with its numbers, its messages and what it remembers.

Nothing is said before it is here: `commit` returns after an fsync. Every message received is kept with
what became of it; of messages sent, those that would be sent again. `reconcile` reads these files.

Tables
    numbers    per session: epoch and the next number in each direction
    messages   direction in|out, what it was (`fate`), the bytes
    notes      what happened to a session: logons, resets, gaps, garbled bytes, refusals
    facts      what the party itself remembers, as JSON under (kind, key)
"""

from __future__ import annotations

import fcntl
import json
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

SCHEMA = """
CREATE TABLE IF NOT EXISTS numbers (
    session TEXT PRIMARY KEY, epoch INTEGER NOT NULL, next_in INTEGER NOT NULL, next_out INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS messages (
    id INTEGER PRIMARY KEY, session TEXT NOT NULL, epoch INTEGER NOT NULL, direction TEXT NOT NULL,
    seq INTEGER NOT NULL, msg_type TEXT NOT NULL, fate TEXT NOT NULL, at_ns INTEGER NOT NULL, raw BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS messages_by_number ON messages (session, direction, epoch, seq);
CREATE TABLE IF NOT EXISTS notes (
    id INTEGER PRIMARY KEY, session TEXT NOT NULL, at_ns INTEGER NOT NULL, kind TEXT NOT NULL, text TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS facts (
    kind TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (kind, key)
) WITHOUT ROWID;
"""


class Fate(StrEnum):
    """What became of a message."""

    HANDLED = "handled"  # in order, given to the party
    HELD = "held"  # came before its turn and waits for a gap to be filled
    DUPLICATE = "duplicate"  # already had, and said so (43=Y)
    TOO_LOW = "too_low"  # a number already used, and not marked as a duplicate
    REFUSED = "refused"  # answered with a Reject(3) or the end of the session
    SENT = "sent"


class StoreInUse(Exception):
    """Another process has this file: two parties with one record would reuse numbers."""


@dataclass(frozen=True, slots=True)
class Numbers:
    """Where a session stands; both count within `epoch`, which a reset begins anew."""

    epoch: int = 1
    next_in: int = 1
    next_out: int = 1


@dataclass(frozen=True, slots=True)
class Stored:
    """One row of `messages`."""

    row: int
    session: str
    epoch: int
    direction: str
    seq: int
    msg_type: str
    fate: str
    at_ns: int
    raw: bytes


class Store:
    """The open file. Writes join the open transaction until `commit`."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self._lock = open(path.with_suffix(".lock"), "w")  # noqa: SIM115 - held as long as the store
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._lock.close()
            raise StoreInUse(f"{path} belongs to another running party") from None
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=FULL")
        self._db.executescript(SCHEMA)

    def close(self) -> None:
        self.rollback()
        self._db.close()
        self._lock.close()

    def commit(self) -> None:
        """Make everything written so far durable."""
        if self._db.in_transaction:
            self._db.execute("COMMIT")

    def rollback(self) -> None:
        if self._db.in_transaction:
            self._db.execute("ROLLBACK")

    def numbers(self, session: str) -> Numbers:
        row = self._db.execute("SELECT epoch, next_in, next_out FROM numbers WHERE session = ?", (session,)).fetchone()
        return Numbers(*row) if row else Numbers()

    def set_numbers(self, session: str, numbers: Numbers) -> None:
        self._write(
            "INSERT INTO numbers VALUES (?, ?, ?, ?) ON CONFLICT (session) DO UPDATE"
            " SET epoch = excluded.epoch, next_in = excluded.next_in, next_out = excluded.next_out",
            (session, numbers.epoch, numbers.next_in, numbers.next_out),
        )

    def keep(
        self, session: str, epoch: int, direction: str, seq: int, msg_type: str, fate: Fate, at_ns: int, raw: bytes
    ) -> int:
        """Keep a message; returns its row."""
        return self._write(
            "INSERT INTO messages (session, epoch, direction, seq, msg_type, fate, at_ns, raw)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (session, epoch, direction, seq, msg_type, fate, at_ns, raw),
        )

    def set_fate(self, row: int, fate: Fate) -> None:
        self._write("UPDATE messages SET fate = ? WHERE id = ?", (fate, row))

    def sent(self, session: str, epoch: int, begin: int, end: int) -> list[tuple[int, bytes]]:
        """The messages kept under numbers begin..end; a number without one was a session message."""
        return self._db.execute(
            "SELECT seq, raw FROM messages WHERE session = ? AND direction = 'out' AND epoch = ?"
            " AND seq BETWEEN ? AND ? ORDER BY seq",
            (session, epoch, begin, end),
        ).fetchall()

    def note(self, session: str, at_ns: int, kind: str, text: str = "") -> None:
        self._write("INSERT INTO notes (session, at_ns, kind, text) VALUES (?, ?, ?, ?)", (session, at_ns, kind, text))

    def remember(self, kind: str, key: str, value: Any) -> None:
        self._write(
            "INSERT INTO facts VALUES (?, ?, ?) ON CONFLICT (kind, key) DO UPDATE SET value = excluded.value",
            (kind, key, json.dumps(value)),
        )

    def forget(self, kind: str, key: str) -> None:
        self._write("DELETE FROM facts WHERE kind = ? AND key = ?", (kind, key))

    def recall(self, kind: str, key: str) -> Any:
        """What was remembered, or None."""
        row = self._db.execute("SELECT value FROM facts WHERE kind = ? AND key = ?", (kind, key)).fetchone()
        return json.loads(row[0]) if row else None

    def recall_all(self, kind: str) -> dict[str, Any]:
        rows = self._db.execute("SELECT key, value FROM facts WHERE kind = ? ORDER BY key", (kind,))
        return {key: json.loads(value) for key, value in rows}

    def count(self, name: str) -> int:
        """The next number of a durable counter, from 1."""
        number = (self.recall("counter", name) or 0) + 1
        self.remember("counter", name, number)
        return int(number)

    def _write(self, statement: str, values: tuple[Any, ...]) -> int:
        if not self._db.in_transaction:
            self._db.execute("BEGIN IMMEDIATE")
        return self._db.execute(statement, values).lastrowid or 0


class StoreReader:
    """Reads a party's file, also while the party runs."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._db = sqlite3.connect(f"file:{path}?mode=ro", uri=True)

    def close(self) -> None:
        self._db.close()

    def messages(self) -> Iterator[Stored]:
        rows = self._db.execute(
            "SELECT id, session, epoch, direction, seq, msg_type, fate, at_ns, raw FROM messages ORDER BY id"
        )
        return (Stored(*row) for row in rows)

    def notes(self) -> list[tuple[str, str, str]]:
        """(session, kind, text) of every note, in order."""
        return self._db.execute("SELECT session, kind, text FROM notes ORDER BY id").fetchall()

    def facts(self, kind: str) -> dict[str, Any]:
        rows = self._db.execute("SELECT key, value FROM facts WHERE kind = ? ORDER BY key", (kind,))
        return {key: json.loads(value) for key, value in rows}

    def fact(self, kind: str, key: str) -> Any:
        row = self._db.execute("SELECT value FROM facts WHERE kind = ? AND key = ?", (kind, key)).fetchone()
        return json.loads(row[0]) if row else None
