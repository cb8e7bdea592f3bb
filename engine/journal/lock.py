"""One writer per journal: `flock` on `<journal>.lock`, which also tells how the last writer left.

The kernel drops the lock when the process dies, so a stale file never keeps anybody out. What is written in it
lets the next start tell a clean end from a crash, and the file itself from a copy or a restored backup.
"""

from __future__ import annotations

import fcntl
import os
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

import orjson

from engine.errors import StartError
from engine.journal.batch import Head


class Boot(StrEnum):
    """What is true of the file that was opened. Anything but `NEW` and `CLEAN` deserves a second look."""

    NEW = "new"
    """There was no journal, or only an empty one of a start that never got further."""
    CLEAN = "clean"
    """The last writer closed it, and it is the same file with the same head."""
    UNCLEAN = "unclean"
    """The last writer died: under `normal` a power loss may have taken the last turns."""
    FOREIGN = "foreign"
    """Copied, restored or moved here, or somebody else wrote to it: its numbers may be behind the peers'."""


NEVER: Final = "never"


@dataclass(frozen=True, slots=True)
class LastWriter:
    """What the lock file said: None where it could not be read, state `NEVER` if nothing was ever written to it."""

    pid: int | None
    state: str | None
    journal: str | None
    """Device and inode of the journal, so that a copy is noticed."""
    turn_seq: int | None
    hash: str | None


class WriterLock:
    """Holds the lock from construction to `release`. Raises StartError naming the holder's pid."""

    __slots__ = ("_fd", "last", "path")

    def __init__(self, journal: Path) -> None:
        self.path = Path(f"{journal}.lock")
        try:
            self._fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
        except OSError as error:
            raise StartError(
                f"{self.path}: cannot be opened ({error.strerror}); the daemon must own its folder"
            ) from error
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = _read(self._fd).pid
            os.close(self._fd)
            who = f"process {holder}" if holder is not None else "another process"
            raise StartError(f"{journal}: {who} is writing this journal; stop it first") from None
        self.last = _read(self._fd)

    def boot(self, journal: Path, existed: bool, head: Head) -> Boot:
        """How the file was left, judged by what the last writer noted."""
        last = self.last
        # A first start that died before its note was written left an empty journal and an empty lock file.
        if not existed or (head.turn_seq == 0 and last.state == NEVER):
            return Boot.NEW
        if last.journal != _identity(journal):
            return Boot.FOREIGN
        if last.state == "open":
            return Boot.UNCLEAN
        if last.state == "closed" and (last.turn_seq, last.hash) == (head.turn_seq, head.hash.hex()):
            return Boot.CLEAN
        return Boot.FOREIGN

    def note_open(self, journal: Path) -> None:
        """From here on an end without `note_closed` is unclean."""
        self._write({"pid": os.getpid(), "state": "open", "journal": _identity(journal)})

    def note_closed(self, journal: Path, head: Head) -> None:
        self._write(
            {
                "pid": os.getpid(),
                "state": "closed",
                "journal": _identity(journal),
                "turn_seq": head.turn_seq,
                "hash": head.hash.hex(),
            }
        )

    def release(self) -> None:
        os.close(self._fd)

    def _write(self, record: dict[str, object]) -> None:
        # One write of fixed length: a crash leaves the old record or the new one, or one that cannot be read.
        os.pwrite(self._fd, orjson.dumps(record).ljust(_RECORD_BYTES), 0)
        os.fsync(self._fd)


_RECORD_BYTES = 512


def _identity(journal: Path) -> str:
    status = os.stat(journal)
    return f"{status.st_dev}:{status.st_ino}"


def _read(fd: int) -> LastWriter:
    text = os.pread(fd, _RECORD_BYTES, 0)
    if not text:
        return LastWriter(None, NEVER, None, None, None)
    try:
        record = orjson.loads(text)
    except orjson.JSONDecodeError:
        return LastWriter(None, None, None, None, None)
    if not isinstance(record, dict):
        return LastWriter(None, None, None, None, None)
    return LastWriter(
        record.get("pid"), record.get("state"), record.get("journal"), record.get("turn_seq"), record.get("hash")
    )
