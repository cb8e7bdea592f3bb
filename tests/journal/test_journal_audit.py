"""Whatever is done to a journal's file, an audit says where; whatever is cut off, it says since when."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pytest
from journal_rows import turns_after

from engine.errors import JournalError
from engine.journal.archive import ReadOnly, audit
from engine.journal.event_codec import Codec
from engine.journal.recover import Verdict, fold
from engine.journal.schema import APPEND_ONLY
from engine.journal.writer import Journal


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve turns, anchored after the fourth (utc 40) and the eighth (utc 80)."""
    path = tmp_path_factory.mktemp("original") / "journal.db"
    with Journal(path, "normal", reserve_bytes=0) as journal:
        for turns in range(3):
            journal.commit(turns_after(journal.head, 4))
            if turns < 2:
                journal.anchor(40 * (turns + 1))
    return path


@pytest.fixture
def path(original: Path, tmp_path: Path) -> Path:
    for file in original.parent.iterdir():
        shutil.copy(file, tmp_path / file.name)
    return tmp_path / original.name


@dataclass(frozen=True, slots=True)
class OrderSeen:
    VERSION: ClassVar[int] = 1
    order_id: str


@dataclass(frozen=True, slots=True)
class DealerAsked:
    VERSION: ClassVar[int] = 2
    note: str


def tamper(path: Path, *statements: str) -> Verdict:
    """Do it as the owner of the file can: guards off. Then audit."""
    connection = sqlite3.connect(path, isolation_level=None)
    for table in APPEND_ONLY:
        for guard in ("no_update", "no_delete", "no_replace"):
            connection.execute(f"DROP TRIGGER {table}_{guard}")
    for statement in statements:
        connection.execute(statement)
        assert connection.execute("SELECT changes()").fetchone()[0] > 0, statement
    connection.close()
    return audit(path)


def test_an_untouched_file_holds(path: Path) -> None:
    verdict = audit(path)
    assert (verdict.holds, verdict.turns, verdict.unanchored_since_ns, verdict.notes) == (True, 12, 80, ())


@pytest.mark.parametrize(
    ("statement", "turn_seq", "table", "row", "problem"),
    [
        pytest.param(
            "UPDATE events SET body = replace(body, 'o3', 'o4') WHERE seq = 5",
            3, "events", "seq 5", "changed", id="one byte of an event",
        ),
        pytest.param(
            "UPDATE events SET version = 3 WHERE seq = 6", 3, "events", "seq 6", "changed", id="an event's version"
        ),
        pytest.param(
            "UPDATE events SET utc_ns = 'x' WHERE seq = 6",
            3, "events", "seq 6", "changed", id="a word as time",
        ),
        pytest.param(
            "UPDATE fix_sent SET bytes = CAST(replace(CAST(bytes AS TEXT), '35=R', '35=D') AS BLOB) "
            "WHERE session = 'alder' AND seq = 8",
            8, "fix_messages", "alder epoch 1 out 8", "changed", id="one byte of a message",
        ),
        pytest.param(
            "UPDATE turns SET message = CAST(message AS TEXT) WHERE session = 'oms' AND seq = 2",
            2, "turns", "turn 2, oms epoch 1 in 2, alder epoch 1 out 2", "changed", id="bytes that became text",
        ),
        pytest.param(
            "UPDATE turns SET message = NULL WHERE session = 'oms' AND seq = 2",
            2, "turns", "turn 2, oms epoch 1 in 2", "changed", id="bytes gone",
        ),
        pytest.param(
            "UPDATE outbox SET destination = 'birch' WHERE id = 7",
            7, "outbox", "id 7", "changed", id="outbox",
        ),
        *(
            pytest.param(
                f"UPDATE fix_sent SET {change} WHERE turn_seq = 8",
                8, "fix_messages", "alder epoch 1 out 8", "changed", id=f"an entry beside its message, {change}",
            )
            for change in (
                "class = 'afresh'", "class = NULL", "event_seq = 1", "event_seq = NULL", "not_after_ns = 5",
                "msg_type = 'D'", "body_at = body_at + 1",
            )
        ),
        *(
            pytest.param(
                f"UPDATE turns SET {change} WHERE turn_seq = 6",
                6, "turns", "turn 6, oms epoch 1 in 6", "changed", id=f"the answer in a turn's own row, {change}",
            )
            for change in (
                "class = 'afresh'", "class = NULL", "event_seq = 1", "event_seq = NULL", "outbox_id = 7",
                "msg_type = 'D'", "body_at = body_at + 1", "sent_seq = 7", "sent_session = 'ash'", "sent_seq = NULL",
                "sent = CAST(replace(CAST(sent AS TEXT), '35=R', '35=D') AS BLOB)", "sent = NULL",
            )
        ),
        pytest.param(
            "UPDATE turns SET sent_session = NULL, sent_epoch = NULL, sent_seq = NULL, outbox_id = NULL, sent = NULL, "
            "class = NULL, event_seq = NULL, msg_type = NULL, body_at = NULL WHERE turn_seq = 6",
            6, "turns", "turn 6, oms epoch 1 in 6", "changed", id="the answer gone",
        ),
        pytest.param(
            "UPDATE fix_sent SET event_seq = 1 WHERE turn_seq = 9",
            9, "fix_messages", "alder epoch 1 out 9", "changed", id="half an entry beside a message that is none",
        ),
        pytest.param(
            "UPDATE rule_books SET text = 'x' WHERE turn_seq = 6",
            6, "rule_books, configs", "rule_book", "changed", id="rule",
        ),
        pytest.param(
            "UPDATE configs SET text = 'x' WHERE turn_seq = 6",
            6, "rule_books, configs", "scoring", "changed", id="config",
        ),
        pytest.param("UPDATE turns SET actor = 'eve' WHERE turn_seq = 5", 5, "turns", "turn 5", "changed", id="actor"),
        pytest.param(
            "UPDATE turns SET hash = zeroblob(32) WHERE turn_seq = 5",
            5, "turns", "turn 5", "changed", id="hash",
        ),
        pytest.param(
            "UPDATE turns SET row_sums = zeroblob(16) WHERE turn_seq = 5",
            5, "turns", "turn 5", "row_sums changed", id="sums",
        ),
        pytest.param(
            "UPDATE turns SET row_sums = x'00' WHERE turn_seq = 5",
            5, "turns", "turn 5", "row_sums", id="torn sums",
        ),
        pytest.param("DELETE FROM events WHERE seq = 9", 5, "events", "seq 9", "missing", id="first event of a turn"),
        pytest.param("DELETE FROM events WHERE seq = 10", 5, "events", "seq 10", "missing", id="last event of a turn"),
        pytest.param(
            "DELETE FROM events WHERE turn_seq = 5",
            5, "events", "row 1 of turn 5", "missing", id="all its events",
        ),
        pytest.param("DELETE FROM outbox WHERE id = 7", 7, "outbox", "row 1 of turn 7", "missing", id="outbox entry"),
        pytest.param(
            "UPDATE turns SET session = NULL, epoch = NULL, seq = NULL, message = NULL WHERE turn_seq = 4",
            4, "turns", "turn 4", "changed", id="message taken in",
        ),
        pytest.param(
            "UPDATE turns SET seq = 5 WHERE turn_seq = 4",
            4, "turns", "turn 4, oms epoch 1 in 5", "changed", id="number of a message taken in",
        ),
        pytest.param(
            "DELETE FROM fix_sent WHERE session = 'alder' AND seq = 4",
            4, "fix_messages", "row 1 of turn 4", "missing", id="message sent",
        ),
        pytest.param(
            "DELETE FROM rule_books WHERE turn_seq = 6",
            6, "rule_books, configs", "row 1 of turn 6", "missing", id="rule book gone",
        ),
        pytest.param("DELETE FROM turns WHERE turn_seq = 5", 5, "turns", "turn 5", "missing", id="a turn"),
        pytest.param(
            "UPDATE events SET turn_seq = 2 WHERE seq = 9",
            4, "events", "seq 9", "out of place", id="event moved back",
        ),
        pytest.param(
            "UPDATE events SET turn_seq = 'x' WHERE seq = 9",
            4, "events", "seq 9", "changed", id="event of no turn",
        ),
        pytest.param(
            "INSERT INTO fix_sent SELECT 1000, 12, 'elm', epoch, 99, outbox_id, bytes, class, event_seq, msg_type, "
            "body_at, poss_resend, not_after_ns FROM fix_sent WHERE position = 3",
            12, "fix_messages", "elm epoch 1 out 99", "added", id="a message smuggled in",
        ),
    ],
)  # fmt: skip
def test_every_change_is_located(path: Path, statement: str, turn_seq: int, table: str, row: str, problem: str) -> None:
    verdict = tamper(path, statement)
    assert verdict.bad is not None
    assert (verdict.bad.turn_seq, verdict.bad.table) == (turn_seq, table)
    assert verdict.bad.row.startswith(row)
    assert problem in verdict.bad.problem
    assert verdict.turns == turn_seq - 1
    assert verdict.unanchored_since_ns == verdict.turns // 4 * 40


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO fix_sent SELECT -7, 1, 'elm', 1, 99, NULL, bytes, NULL, NULL, NULL, NULL, 0, NULL FROM fix_sent "
        "WHERE position = 3",
        "INSERT INTO rule_books SELECT 1000, 'f00d', 0, text FROM rule_books LIMIT 1",
        "INSERT INTO configs SELECT -1, kind, 'f00d', -1, text FROM configs LIMIT 1",
        "INSERT INTO outbox SELECT 0, 1, event_seq, destination, class, NULL, msg_type, body FROM outbox LIMIT 1",
        "INSERT INTO events SELECT 0, 1, type, version, utc_ns, body FROM events LIMIT 1",
        "INSERT INTO turns (turn_seq, utc_ns, input_kind, input_ref, actor, row_sums, hash) "
        "SELECT 0, utc_ns, input_kind, input_ref, actor, row_sums, hash FROM turns LIMIT 1",
    ],
)
def test_a_row_below_every_key_is_found(path: Path, statement: str) -> None:
    assert not tamper(path, statement).holds


CHAINED = ("turns", "events", "outbox", "fix_sent", "rule_books", "configs")


def test_a_whole_turn_with_its_rows_taken_out_is_located(path: Path) -> None:
    verdict = tamper(path, *(f"DELETE FROM {table} WHERE turn_seq = 5" for table in CHAINED[:4]))
    assert verdict.bad is not None
    assert (verdict.bad.turn_seq, verdict.bad.table, verdict.bad.row) == (5, "turns", "turn 5")


def cut(path: Path, after: int) -> Verdict:
    return tamper(
        path,
        *(f"DELETE FROM {table} WHERE turn_seq > {after}" for table in CHAINED),
    )


def test_a_tail_cut_behind_an_anchor_is_located(path: Path) -> None:
    verdict = cut(path, 5)
    assert verdict.bad is not None
    assert (verdict.bad.turn_seq, verdict.turns, verdict.unanchored_since_ns) == (6, 5, 40)
    assert "cut off" in verdict.bad.problem


def test_a_tail_cut_after_the_last_anchor_is_unanchored_since_then(path: Path) -> None:
    verdict = cut(path, 10)
    assert (verdict.holds, verdict.turns, verdict.unanchored_since_ns) == (True, 10, 80)


def test_a_tail_cut_by_the_turns_alone_is_located(path: Path) -> None:
    verdict = tamper(path, "DELETE FROM turns WHERE turn_seq > 10")
    assert verdict.bad is not None
    assert (verdict.bad.turn_seq, verdict.bad.table, verdict.bad.row) == (11, "turns", "turn 11")


def test_pages_damaged_on_disk_are_a_verdict_not_a_crash(path: Path) -> None:
    data = bytearray(path.read_bytes())
    start = data.index(b'{"order_id":"o7"}')
    page = start - start % 4096
    data[page : page + 64] = b"\xff" * 64
    path.write_bytes(data)
    verdict = audit(path)
    assert verdict.bad is not None
    assert verdict.bad.turn_seq <= 7


def test_torn_and_foreign_anchors_are_noted_and_do_not_hide_the_others(path: Path) -> None:
    anchors = Path(f"{path}.anchor")
    lines = anchors.read_bytes()
    anchors.write_bytes(
        b'{"utc_ns":1,"turn' + lines + lines.splitlines()[-1][:-10].replace(b"80", b"90") + b'ffffffff"}\n'
    )
    verdict = audit(path)
    assert (verdict.holds, verdict.unanchored_since_ns) == (True, 80)
    assert len(verdict.notes) == 2


def test_without_its_anchor_file_the_record_holds_but_is_not_anchored(path: Path) -> None:
    Path(f"{path}.anchor").unlink()
    verdict = audit(path)
    assert (verdict.holds, verdict.unanchored_since_ns, len(verdict.notes)) == (True, 0, 1)


def test_a_missing_file_is_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match="no such journal"):
        audit(tmp_path / "nothing.db")
    (tmp_path / "text.db").write_text("hello" * 2000)
    with pytest.raises(JournalError, match=r"text\.db"):
        audit(tmp_path / "text.db")
    (tmp_path / "empty.db").touch()
    with pytest.raises(JournalError, match=r"empty\.db: no journal: the file is empty"):
        audit(tmp_path / "empty.db")
    with closing(sqlite3.connect(tmp_path / "other.db")) as other:
        other.execute("CREATE TABLE songs(title)")
    with pytest.raises(JournalError, match=r"other\.db: no journal: another SQLite file"):
        audit(tmp_path / "other.db")


def test_a_file_of_another_schema_is_no_file_that_was_changed(path: Path) -> None:
    with pytest.raises(JournalError, match="schema 4, this build reads 6"):
        tamper(path, "UPDATE meta SET value = '4' WHERE key = 'schema_version'")


def test_a_row_that_says_of_an_answer_that_it_stands_elsewhere_too_is_found(tmp_path: Path) -> None:
    """No hash covers it: with it, what was sent would not be found again, or twice."""
    path = tmp_path / "journal.db"
    with Journal(path, "normal", reserve_bytes=0) as journal:
        journal.commit(turns_after(journal.head, 12))
    verdict = tamper(
        path,
        "INSERT INTO answered SELECT sent_session, sent_epoch, sent_seq, sent_seq, turn_seq, turn_seq FROM turns "
        "WHERE sent_seq IS NOT NULL ORDER BY turn_seq LIMIT 1",
    )
    assert verdict.bad is not None
    assert verdict.bad.table == "answered"


def test_replay_can_begin_in_the_middle(path: Path) -> None:
    with ReadOnly(path) as record:
        everything = list(record.turns())
        for after in range(13):
            assert list(record.turns(after)) == everything[after:]
            prior = record.turn_hash(after)
            assert prior == (everything[after - 1].hash if after else record.genesis)
        with pytest.raises(JournalError, match="no turn 13"):
            record.turn_hash(13)


def test_verified_replay_stops_at_the_first_row_that_does_not_hold(path: Path) -> None:
    tamper(path, "UPDATE events SET body = replace(body, 'o3', 'o4') WHERE seq = 5")
    with ReadOnly(path) as record, pytest.raises(JournalError, match="turn 3: events: seq 5: changed"):
        fold(record.turns(), Codec((OrderSeen, DealerAsked)), print, record.genesis)


def test_verified_replay_applies_every_event_in_order(path: Path) -> None:
    seen: list[object] = []
    with ReadOnly(path) as record:
        last = fold(record.turns(), Codec((OrderSeen, DealerAsked)), seen.append, record.genesis)
        assert last == record.head().hash
    assert seen == [event for n in range(1, 13) for event in (OrderSeen(f"o{n}"), DealerAsked(f"é{n}"))]
