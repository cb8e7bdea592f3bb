"""Commits that succeed, commits that fail, and who may write at all."""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from journal_rows import turn_after, turns_after

from engine.errors import StartError
from engine.journal.archive import ReadOnly, audit
from engine.journal.batch import SessionRow, StagedTurn
from engine.journal.lock import Boot
from engine.journal.schema import APPEND_ONLY
from engine.journal.writer import CommitFatal, CommitRetry, Journal

SMALL = 64 * 1024


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


@pytest.fixture
def journal(path: Path) -> Iterator[Journal]:
    with Journal(path, "normal", reserve_bytes=SMALL) as journal:
        yield journal


def count(path: Path, table: str) -> int:
    with ReadOnly(path) as journal:
        return int(journal.query(f"SELECT count(*) FROM {table}")[0][0])


def raw(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, isolation_level=None)


def chained(turn: StagedTurn) -> StagedTurn:
    """What the append-only tables give back of a turn: rule books before other texts, nothing of mutable tables."""
    texts = tuple(sorted(turn.texts, key=lambda text: text.kind != "rule_book"))
    return turn._replace(texts=texts, sessions=(), marks=(), trades=())


@pytest.mark.parametrize("durability", ["normal", "full"])
def test_what_was_committed_is_there_after_reopening(path: Path, durability: Any) -> None:
    with Journal(path, durability, reserve_bytes=SMALL) as journal:
        assert journal.boot is Boot.NEW
        turns = turns_after(journal.head, 12)
        journal.commit(turns[:7])
        journal.commit(turns[7:])
        head = journal.head
    assert (head.turn_seq, head.event_seq, head.outbox_id) == (12, 24, 12)
    with Journal(path, durability, reserve_bytes=SMALL) as journal:
        assert journal.boot is Boot.CLEAN
        assert journal.head == head
        journal.commit([turn_after(journal.head)])
    with ReadOnly(path) as record:
        assert [kept.turn for kept in record.turns()][:12] == [chained(turn) for turn in turns]
        assert record.sessions() == [SessionRow("alder", 1, 1, 14, 0, 0), SessionRow("oms", 1, 14, 1, 0, 0)]
        assert record.marks()[0].heard_ns == 1_700_000_000_000_000_013
    assert audit(path).turns == 13


def test_pragmas_are_what_durability_promises(path: Path) -> None:
    for durability, expected in (("normal", 1), ("full", 2)):
        with Journal(path, durability, reserve_bytes=SMALL) as journal:  # type: ignore[arg-type]
            connection = journal._connection
            assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
            assert connection.execute("PRAGMA synchronous").fetchone() == (expected,)
            assert connection.execute("PRAGMA wal_autocheckpoint").fetchone() == (0,)
            assert connection.execute("PRAGMA recursive_triggers").fetchone() == (1,)


def test_the_file_is_not_for_everybody(journal: Journal) -> None:
    assert stat.S_IMODE(journal.path.stat().st_mode) & 0o007 == 0


def test_a_text_is_kept_once(journal: Journal) -> None:
    first = turn_after(journal.head)
    journal.commit([first])
    second = turn_after(journal.head)
    again = tuple(text._replace(turn_seq=2) for text in first.texts)
    journal.commit([second._replace(texts=again + again)])
    assert journal.knows_text(first.texts[0].kind, first.texts[0].hash)
    assert (count(journal.path, "rule_books"), count(journal.path, "configs")) == (1, 1)
    assert audit(journal.path).holds


def test_an_epoch_keeps_its_last_numbers(journal: Journal) -> None:
    turn = turn_after(journal.head)
    old, new = SessionRow("oms", 1, 5, 6, 4, 0), SessionRow("oms", 2, 1, 1, 0, 9)
    journal.commit([turn._replace(sessions=(old, new))])
    with ReadOnly(journal.path) as record:
        assert record.sessions() == [new]
        assert record.query("SELECT epoch, next_out, confirmed_out FROM fix_sessions") == [(1, 6, 4), (2, 1, 0)]


# --- guards --------------------------------------------------------------------------------------


def test_entries_numbered_at_once_count_for_the_head_in_whatever_order_they_stand(path: Path) -> None:
    """As they would stand if what was decided first was given its number last: no number may be given out again."""
    with Journal(path, "normal") as journal:
        journal.commit(turns_after(journal.head, 3))
        turn = turn_after(journal.head)
        (sent,) = turn.sent
        first = sent._replace(outbox_id=sent.outbox_id + 1)
        journal.commit([turn._replace(sent=(first, sent._replace(seq=50)))])
        head = journal.head
        assert head.outbox_id == first.outbox_id
    with Journal(path, "normal") as journal:
        assert journal.head == head
        journal.commit(turns_after(journal.head, 1))
    assert audit(path).holds


@pytest.mark.parametrize("recursive", [False, True], ids=["plain connection", "recursive triggers"])
@pytest.mark.parametrize("table", APPEND_ONLY)
def test_append_only_tables_refuse_every_change(journal: Journal, table: str, recursive: bool) -> None:
    journal.commit(turns_after(journal.head, 3))
    stranger = raw(journal.path)
    stranger.execute(f"PRAGMA recursive_triggers={'ON' if recursive else 'OFF'}")
    before = stranger.execute(f"SELECT * FROM {table}").fetchall()
    columns = [row[1] for row in stranger.execute(f"PRAGMA table_info({table})")]
    for statement in (
        f"UPDATE {table} SET {columns[-1]} = {columns[-1]}",
        f"UPDATE OR REPLACE {table} SET {columns[0]} = {columns[0]}",
        f"DELETE FROM {table}",
        f"INSERT INTO {table} SELECT * FROM {table}",
        f"INSERT OR REPLACE INTO {table} SELECT * FROM {table}",
        f"REPLACE INTO {table} ({', '.join(columns[1:])}) SELECT {', '.join(columns[1:])} FROM {table}",
        f"INSERT INTO {table} SELECT * FROM {table} WHERE true ON CONFLICT DO UPDATE SET {columns[-1]} = 0",
    ):
        if table in ("meta", "turns", "events", "outbox") and statement.startswith("REPLACE"):
            continue  # Without its key it is a new row, not a replaced one.
        with pytest.raises(sqlite3.IntegrityError, match=table):
            stranger.execute(statement)
    assert stranger.execute(f"SELECT * FROM {table}").fetchall() == before
    stranger.close()


@pytest.mark.parametrize(("table", "key"), [("turns", "turn_seq"), ("events", "seq"), ("outbox", "id")])
def test_a_gap_cannot_be_filled_in_later(journal: Journal, table: str, key: str) -> None:
    journal.commit(turns_after(journal.head, 5))
    stranger = raw(journal.path)
    stranger.execute(f"DROP TRIGGER {table}_no_delete")
    row = stranger.execute(f"SELECT * FROM {table} WHERE {key} = 3").fetchone()
    stranger.execute(f"DELETE FROM {table} WHERE {key} = 3")
    with pytest.raises(sqlite3.IntegrityError, match="before the last row"):
        stranger.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(row))})", row)
    stranger.close()


# --- one writer ----------------------------------------------------------------------------------


def test_a_second_writer_is_refused_by_pid(journal: Journal) -> None:
    with pytest.raises(StartError, match=f"process {os.getpid()} is writing"):
        Journal(journal.path)
    script = "import sys; from engine.journal.writer import Journal; Journal(sys.argv[1])"
    child = subprocess.run(
        [sys.executable, "-c", script, str(journal.path)], capture_output=True, text=True, timeout=60
    )
    assert child.returncode != 0
    assert f"process {os.getpid()} is writing" in child.stderr


def test_the_lock_is_free_again_after_a_refused_start(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    with raw(path) as other:
        other.execute("CREATE TABLE t (x)")
    for _ in range(2):
        with pytest.raises(StartError, match="no journal"):
            Journal(path)


def test_another_schema_is_refused(path: Path) -> None:
    Journal(path, reserve_bytes=SMALL).close()
    connection = raw(path)
    connection.execute("PRAGMA user_version=99")
    connection.close()
    with pytest.raises(StartError, match="schema 99"):
        Journal(path)


def test_a_file_that_is_no_database_is_refused(path: Path) -> None:
    path.write_bytes(b"not a database" * 1000)
    with pytest.raises(StartError, match="cannot be opened as a journal"):
        Journal(path)


# --- how it was left -----------------------------------------------------------------------------


def test_a_copy_is_noticed(path: Path, tmp_path: Path) -> None:
    with Journal(path, reserve_bytes=SMALL) as journal:
        journal.commit(turns_after(journal.head, 2))
    copy = tmp_path / "copy.db"
    copy.write_bytes(path.read_bytes())
    with Journal(copy, reserve_bytes=SMALL) as journal:
        assert journal.boot is Boot.FOREIGN
    Path(f"{copy}.lock").write_bytes(Path(f"{path}.lock").read_bytes())
    with Journal(copy, reserve_bytes=SMALL) as journal:
        assert journal.boot is Boot.FOREIGN
    with Journal(path, reserve_bytes=SMALL) as journal:
        assert journal.boot is Boot.CLEAN


def test_a_backup_put_back_in_place_is_noticed(path: Path) -> None:
    with Journal(path, reserve_bytes=SMALL) as journal:
        journal.commit(turns_after(journal.head, 2))
    backup = path.read_bytes()
    with Journal(path, reserve_bytes=SMALL) as journal:
        journal.commit(turns_after(journal.head, 2))
        journal.anchor(5)
    path.write_bytes(backup)  # Same inode; the head is behind what the lock file and the anchor saw.
    lock = Path(f"{path}.lock").read_bytes()
    with Journal(path, reserve_bytes=SMALL) as journal:
        assert journal.boot is Boot.FOREIGN
    Path(f"{path}.lock").write_bytes(lock.replace(b'"turn_seq":4', b'"turn_seq":2'))
    with Journal(path, reserve_bytes=SMALL) as journal:
        assert journal.boot is Boot.FOREIGN


def test_a_first_start_that_died_before_its_first_turn_is_still_new(path: Path) -> None:
    Journal(path, reserve_bytes=SMALL).close()
    Path(f"{path}.lock").write_bytes(b"")
    with Journal(path, reserve_bytes=SMALL) as journal:
        assert journal.boot is Boot.NEW


def test_an_unreadable_lock_file_is_not_trusted(path: Path) -> None:
    with Journal(path, reserve_bytes=SMALL) as journal:
        journal.commit(turns_after(journal.head, 1))
    Path(f"{path}.lock").write_bytes(b"{torn")
    with Journal(path, reserve_bytes=SMALL) as journal:
        assert journal.boot is Boot.FOREIGN


def test_anchors_follow_the_head(journal: Journal) -> None:
    assert not journal.anchor(1)
    journal.commit(turns_after(journal.head, 2))
    assert journal.anchor(2)
    assert not journal.anchor(3)
    journal.commit(turns_after(journal.head, 1))
    assert journal.anchor(4)
    verdict = audit(journal.path)
    assert (verdict.holds, verdict.turns, verdict.unanchored_since_ns, verdict.notes) == (True, 3, 4, ())


# --- commits that fail ---------------------------------------------------------------------------


def test_busy_keeps_nothing_and_may_be_tried_again(journal: Journal) -> None:
    turns = turns_after(journal.head, 3)
    stranger = raw(journal.path)
    stranger.execute("BEGIN IMMEDIATE")
    for _ in range(3):
        with pytest.raises(CommitRetry) as failure:
            journal.commit(turns)
        assert failure.value.code & 0xFF == sqlite3.SQLITE_BUSY
        assert not failure.value.disk_full
        assert journal.head.turn_seq == 0
    stranger.execute("ROLLBACK")
    stranger.close()
    journal.commit(turns)
    assert audit(journal.path).turns == 3


def test_a_full_disk_gives_up_the_reserve_once_and_loses_nothing(journal: Journal) -> None:
    journal.commit(turns_after(journal.head, 1))
    reserve = Path(f"{journal.path}.reserve")
    assert journal.reserve_held
    assert reserve.stat().st_size == SMALL
    assert reserve.stat().st_blocks * 512 >= SMALL
    pages = journal._connection.execute("PRAGMA page_count").fetchone()[0]
    journal._connection.execute(f"PRAGMA max_page_count={pages}")
    turns = turns_after(journal.head, 3, padding=20_000)
    with pytest.raises(CommitRetry) as first:
        journal.commit(turns)
    assert (first.value.disk_full, first.value.reserve_spent) == (True, False)
    assert not journal.reserve_held
    assert not reserve.exists()
    with pytest.raises(CommitRetry) as second:
        journal.commit(turns)
    assert second.value.reserve_spent
    assert count(journal.path, "turns") == 1
    journal._connection.execute("PRAGMA max_page_count=100000")
    journal.commit(turns)
    assert journal.head.turn_seq == 4
    assert audit(journal.path).turns == 4


def test_the_reserve_is_filled_up_again_at_the_next_start(path: Path) -> None:
    Journal(path, reserve_bytes=SMALL).close()
    Path(f"{path}.reserve").unlink()
    with Journal(path, reserve_bytes=SMALL) as journal:
        assert journal.reserve_held


class Failing(sqlite3.Connection):
    """A connection whose chosen statement fails; with `after`, only once it has been carried out."""

    statement = "COMMIT"
    code = sqlite3.SQLITE_IOERR_FSYNC
    after = False

    def execute(self, sql: str, *rest: Any) -> sqlite3.Cursor:  # type: ignore[override]
        if sql != self.statement:
            return super().execute(sql, *rest)
        if self.after:
            super().execute(sql, *rest)
        error = sqlite3.OperationalError("disk I/O error")
        error.sqlite_errorcode = self.code
        raise error


class FailingAfter(Failing):
    after = True


class FailingToMoveTheLog(Failing):
    statement = "PRAGMA wal_checkpoint(PASSIVE)"


def test_a_commit_has_happened_though_the_log_cannot_be_begun_anew_after_it(path: Path) -> None:
    with Journal(path, "normal", reserve_bytes=SMALL, factory=FailingToMoveTheLog) as journal:
        journal.begin_log_anew()
        for _ in range(2):
            journal.commit(turns_after(journal.head, 2))
        assert journal.head.turn_seq == 4
    assert audit(path).turns == 4


class Corrupt(Failing):
    code = sqlite3.SQLITE_CORRUPT


class Nameless(Failing):
    code = 0


class FailsToRollBack(Failing):
    statement = "ROLLBACK"


@pytest.mark.parametrize(
    ("factory", "kept"),
    [
        pytest.param(Failing, 1, id="commit failed"),
        pytest.param(FailingAfter, 3, id="commit failed and happened"),
        pytest.param(Corrupt, 1, id="corrupt"),
        pytest.param(Nameless, 1, id="unknown"),
    ],
)
def test_after_an_io_error_nothing_is_tried_again(path: Path, factory: type[Failing], kept: int) -> None:
    with Journal(path, reserve_bytes=SMALL) as journal:
        journal.commit(turns_after(journal.head, 1))
    journal = Journal(path, reserve_bytes=SMALL, factory=factory)
    turns = turns_after(journal.head, 2)
    with pytest.raises(CommitFatal) as failure:
        journal.commit(turns)
    with pytest.raises(CommitFatal) as again:
        journal.commit(turns)
    assert again.value is failure.value
    assert journal.head.turn_seq == 1
    journal.close()
    with Journal(path, reserve_bytes=SMALL) as journal:  # The next start takes what the file shows, either way.
        assert journal.boot is Boot.UNCLEAN
        assert journal.head.turn_seq == kept
        journal.commit([turn_after(journal.head)])
    assert audit(path).turns == kept + 1


def test_a_rollback_that_fails_is_fatal(path: Path) -> None:
    journal = Journal(path, "normal", reserve_bytes=SMALL, factory=FailsToRollBack)
    pages = journal._connection.execute("PRAGMA page_count").fetchone()[0]
    journal._connection.execute(f"PRAGMA max_page_count={pages}")
    with pytest.raises(CommitFatal, match="rollback failed"):
        journal.commit(turns_after(journal.head, 3, padding=20_000))
    journal.close()


def test_turns_that_do_not_follow_stop_the_writer_before_a_row_is_written(journal: Journal) -> None:
    turns = turns_after(journal.head, 3)
    with pytest.raises(CommitFatal, match="turn 3 does not follow turn 1"):
        journal.commit([turns[0], turns[2]])
    assert count(journal.path, "turns") == 0


def test_a_row_that_cannot_be_spelt_stops_the_writer_before_a_row_is_written(journal: Journal) -> None:
    turn = turn_after(journal.head)
    beyond = turn.events[1]._replace(utc_ns=2**63)
    with pytest.raises(CommitFatal):
        journal.commit([turn._replace(events=(turn.events[0], beyond))])
    assert count(journal.path, "turns") == 0


def test_phases_are_told_in_order(path: Path) -> None:
    phases: list[str] = []
    with Journal(path, reserve_bytes=SMALL, on_phase=phases.append) as journal:
        journal.commit(turns_after(journal.head, 2))
    assert phases == ["begin", "staged_rows", "before_commit", "committed"]
