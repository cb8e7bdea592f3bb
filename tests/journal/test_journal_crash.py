"""Killed in every phase of a commit, and cut off at every place of its log: the journal ends at a batch's end."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from journal_rows import turn_after, turns_after

from engine.journal.archive import ReadOnly, audit
from engine.journal.lock import Boot
from engine.journal.writer import Journal

CHILD = Path(__file__).with_name("journal_child.py")


@pytest.mark.parametrize("durability", ["normal", "full"])
@pytest.mark.parametrize(
    ("phase", "kept_beyond_released"),
    [("begin", 0), ("staged_rows", 0), ("before_commit", 0), ("committed", 3)],
)
@pytest.mark.parametrize("fatal_batch", [1, 4])
def test_kill_in_every_phase(
    tmp_path: Path, durability: str, phase: str, kept_beyond_released: int, fatal_batch: int
) -> None:
    path = tmp_path / "journal.db"
    child = subprocess.run(
        [sys.executable, str(CHILD), str(path), durability, phase, str(fatal_batch)],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "PYTHONPATH": str(CHILD.parent)},
    )
    assert child.returncode == -signal.SIGKILL, child.stderr
    released = [line.split() for line in child.stdout.splitlines()]
    assert len(released) == fatal_batch - 1
    with Journal(path, "normal", reserve_bytes=0) as journal:
        assert journal.boot is Boot.UNCLEAN
        assert journal.head.turn_seq == 3 * len(released) + kept_beyond_released
        journal.commit([turn_after(journal.head)])
    with ReadOnly(path) as record:
        for turn_seq, chain_hash in released:
            assert record.turn_hash(int(turn_seq)).hex() == chain_hash
    assert audit(path).holds


def test_log_cut_every_256_bytes_recovers_to_a_batch_boundary(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    writer = Journal(path, "full", reserve_bytes=0)
    with sqlite3.connect(path) as checkpointer:
        checkpointer.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    checkpointer.close()
    wal = Path(f"{path}-wal")
    # (bytes of log after which a batch is on disk, the head it leads to)
    boundaries = [(0, writer.head)]
    for batch in range(6):
        writer.commit(turns_after(writer.head, 1 + batch % 3, padding=500 * batch))
        boundaries.append((wal.stat().st_size, writer.head))
    database, log = path.read_bytes(), wal.read_bytes()
    writer.close()

    reached = set()
    for cut in [*range(0, len(log), 256), len(log)]:
        copy = tmp_path / "copy.db"
        copy.write_bytes(database)
        Path(f"{copy}-wal").write_bytes(log[:cut])
        Path(f"{copy}-shm").unlink(missing_ok=True)
        with ReadOnly(copy) as record:
            head = record.head()
        # Never behind what was released before the cut byte was written, never in the middle of a batch.
        expected = [boundary for size, boundary in boundaries if size <= cut][-1]
        assert head == expected, f"cut at {cut}"
        if head.turn_seq not in reached:
            reached.add(head.turn_seq)
            verdict = audit(copy)
            assert (verdict.holds, verdict.turns) == (True, head.turn_seq)
            with Journal(copy, "normal", reserve_bytes=0) as again:
                assert again.head == head
                again.commit([turn_after(again.head)])
            assert audit(copy).turns == head.turn_seq + 1
            Path(f"{copy}.lock").unlink()
            Path(f"{copy}-wal").unlink(missing_ok=True)
    assert reached == {boundary.turn_seq for _, boundary in boundaries}


def test_log_with_bits_flipped_recovers_to_a_batch_boundary(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    writer = Journal(path, "full", reserve_bytes=0)
    heads = {writer.head}
    for _ in range(5):
        writer.commit(turns_after(writer.head, 2))
        heads.add(writer.head)
    last = writer.head
    for file in (path, Path(f"{path}-wal")):
        shutil.copy(file, f"{file}.kept")
    writer.close()
    database, log = Path(f"{path}.kept").read_bytes(), Path(f"{path}-wal.kept").read_bytes()
    for at in range(len(log) // 2, len(log), 4099):
        copy = tmp_path / "copy.db"
        copy.write_bytes(database)
        damaged = bytearray(log)
        damaged[at] ^= 0x40
        Path(f"{copy}-wal").write_bytes(damaged)
        Path(f"{copy}-shm").unlink(missing_ok=True)
        with ReadOnly(copy) as record:
            head = record.head()
        assert head in heads
        assert head != last
        assert audit(copy).holds
