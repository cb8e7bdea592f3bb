"""Events in short reads: all of them, in order, up to one, while a writer goes on."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from kept_journal import keep

from engine.domain import events as e
from engine.journal import archive
from engine.journal.archive import ReadOnly
from engine.journal.events import events_in


def some(begin: int, end: int) -> list[e.Event]:
    return [e.EngineStopped(at_ns, "test") for at_ns in range(begin, end)]


def test_pages_leave_nothing_out_and_say_nothing_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "_PAGE", 3)
    path = tmp_path / "j.db"
    keep(some(1, 11), path)
    with ReadOnly(path) as file:
        for last, after in ((10, 0), (10, 4), (7, 0), (99, 8), (3, 3), (0, 0)):
            found = [row.seq for row in file.events_until(last, after)]
            assert found == list(range(after + 1, min(last, 10) + 1))


def test_what_is_written_meanwhile_is_for_the_next_look(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "_PAGE", 2)
    path = tmp_path / "j.db"
    keep(some(1, 6), path)
    with ReadOnly(path) as file:
        rows = file.events_until(file.head().event_seq)
        found = [next(rows).seq]
        keep(some(6, 9), path, after=5)
        found += [row.seq for row in rows]
        assert found == [1, 2, 3, 4, 5]
        assert [row.seq for row in file.events_until(file.head().event_seq, 5)] == [6, 7, 8]


def test_of_some_types_alone_all_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "_PAGE", 2)
    path, told = tmp_path / "j.db", list[tuple[int, int]]()
    others = [e.LogLevelSet(at_ns, "info", "person:ann", "test") for at_ns in (6, 7, 8)]
    keep([*some(1, 6), *others, *some(9, 10)], path)
    with ReadOnly(path) as file:
        found = events_in(file, {"LogLevelSet"}, 9, 1, lambda seq, last: told.append((seq, last)))
        assert list(found) == others
        assert told == [(seq, 9) for seq in range(2, 10)]


def test_a_writer_can_shorten_its_log_beside_a_reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "_PAGE", 2)
    path = tmp_path / "j.db"
    keep(some(1, 6), path)
    with ReadOnly(path) as file, closing(sqlite3.connect(path)) as writer:
        rows = events_in(file, {"EngineStopped"}, file.head().event_seq)
        next(rows)
        keep(some(6, 9), path, after=5)
        busy, _, _ = writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        assert not busy
        assert len(list(rows)) == 4
