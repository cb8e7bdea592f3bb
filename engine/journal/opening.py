"""The journal file before its first commit: set up the connection, create what is missing, read where it ended."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from typing import Final, Literal, TypeAlias

from engine.errors import JournalError, StartError
from engine.journal import anchor
from engine.journal.batch import RULE_BOOK, Head
from engine.journal.chain import genesis
from engine.journal.schema import APPLICATION_ID, SCHEMA_VERSION, TABLES, guards
from engine.journal.views import views

Durability: TypeAlias = Literal["full", "normal"]

_ANCHOR_TAIL_BYTES: Final = 4096  # A line has about 200.


def anchor_path(journal: Path) -> Path:
    return Path(f"{journal}.anchor")


def configure(connection: sqlite3.Connection, path: Path, durability: Durability) -> None:
    """The pragmas of the writing connection."""
    mode = connection.execute("PRAGMA journal_mode=WAL").fetchone()[0]
    if mode != "wal":
        raise StartError(f"{path}: journal_mode is {mode!r}, expected 'wal'; is it on a network drive?")
    connection.execute(f"PRAGMA synchronous={'FULL' if durability == 'full' else 'NORMAL'}")
    connection.execute("PRAGMA wal_autocheckpoint=0")
    connection.execute("PRAGMA recursive_triggers=ON")
    connection.execute("PRAGMA temp_store=MEMORY")


def create_missing(connection: sqlite3.Connection, path: Path, previous_head: str) -> bool:
    """Create tables, guards and, always anew, views: these may change without a migration. False if it was empty.

    Raises StartError if the file is another program's or another schema's.
    """
    tables = connection.execute("SELECT count(*) FROM sqlite_master WHERE type = 'table'").fetchone()[0]
    if tables:
        application = connection.execute("PRAGMA application_id").fetchone()[0]
        if application != APPLICATION_ID:
            raise StartError(f"{path}: an SQLite file, but no journal (application_id {application:#x})")
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version != SCHEMA_VERSION:
            raise StartError(
                f"{path}: journal schema {version}, this build writes {SCHEMA_VERSION}; begin a new file, "
                "the old one stays readable with the build that wrote it"
            )
    script = ["BEGIN IMMEDIATE;"]
    if not tables:
        journal_id = os.urandom(16).hex()
        previous_head = bytes.fromhex(previous_head).hex()  # It goes into a script: hexadecimal digits, nothing else.
        meta = {
            "schema_version": str(SCHEMA_VERSION),
            "journal_id": journal_id,
            "previous_head": previous_head,
            "genesis": genesis(journal_id, SCHEMA_VERSION, previous_head).hex(),
        }
        script += [TABLES, guards()]
        script += [f"INSERT INTO meta VALUES ('{key}', '{value}');" for key, value in meta.items()]
        script += [f"PRAGMA application_id={APPLICATION_ID};", f"PRAGMA user_version={SCHEMA_VERSION};"]
    script += [views(), "COMMIT;"]
    try:
        connection.executescript("\n".join(script))
    except sqlite3.Error:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    return bool(tables)


def read_meta(connection: sqlite3.Connection, path: Path) -> dict[str, str]:
    """Raises JournalError if the file does not say what it is."""
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if "meta" not in tables:
        raise JournalError(f"{path}: no journal: {'another SQLite file' if tables else 'the file is empty'}")
    meta = dict(connection.execute("SELECT key, value FROM meta"))
    missing = [key for key in ("schema_version", "journal_id", "previous_head", "genesis") if key not in meta]
    if missing:
        raise JournalError(f"{path}: table meta lacks {', '.join(missing)}: damaged, or no journal; run an audit")
    return meta


def read_head(connection: sqlite3.Connection, path: Path) -> Head:
    turn = connection.execute("SELECT turn_seq, hash FROM turns ORDER BY turn_seq DESC LIMIT 1").fetchone()
    if turn is None:
        turn = (0, bytes.fromhex(read_meta(connection, path)["genesis"]))
    event_seq, outbox_id, answered = connection.execute(
        "SELECT coalesce((SELECT max(seq) FROM events), 0), coalesce((SELECT max(id) FROM outbox), 0), coalesce("
        "(SELECT outbox_id FROM turns WHERE outbox_id IS NOT NULL ORDER BY turn_seq DESC LIMIT 1), 0)"
    ).fetchone()
    return Head(turn[0], event_seq, max(outbox_id, answered, _last_entry_sent(connection)), turn[1])


def _last_entry_sent(connection: sqlite3.Connection) -> int:
    """The highest outbox number in `fix_sent`: one of the last turn that has any there, in whatever order."""
    highest = last_turn = 0
    for entry, turn_seq in connection.execute(
        "SELECT outbox_id, turn_seq FROM fix_sent WHERE msg_type IS NOT NULL ORDER BY position DESC"
    ):
        if last_turn not in (0, turn_seq):
            break
        highest, last_turn = max(highest, entry), turn_seq
    return highest


def read_texts(connection: sqlite3.Connection) -> set[tuple[str, str]]:
    """(kind, hash) of every text that is stored already."""
    rows = connection.execute("SELECT ?, hash FROM rule_books UNION ALL SELECT kind, hash FROM configs", (RULE_BOOK,))
    return {(kind, text_hash) for kind, text_hash in rows}


def agrees_with_anchor(connection: sqlite3.Connection, anchors_at: Path, journal_id: str) -> bool:
    """False if the last anchor of this journal saw a turn that is not here, or a different one: a restored backup."""
    try:
        with anchors_at.open("rb") as file:
            start = max(0, file.seek(0, os.SEEK_END) - _ANCHOR_TAIL_BYTES)
            file.seek(start)
            lines = file.read().splitlines(keepends=True)
    except FileNotFoundError:
        return True
    anchors, _ = anchor.from_lines(lines)
    for last in reversed(anchors):
        if last.journal_id == journal_id:
            row = connection.execute("SELECT hash FROM turns WHERE turn_seq = ?", (last.turn_seq,)).fetchone()
            return row is not None and row[0] == last.hash
    return True
