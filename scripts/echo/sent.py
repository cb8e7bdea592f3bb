"""What a session has sent in this epoch, for resends: bytes in an unnamed file, where they stand in memory.

Sixteen bytes of memory a message, whatever its length; gone with the process.
"""

from __future__ import annotations

import tempfile
from array import array
from typing import IO

from engine.errors import JournalError
from engine.fix.session.protocol import SentRow


class SentStore:
    """The numbers of one epoch from `first` on, in order and without a hole."""

    def __init__(self, first: int = 1) -> None:
        self._file: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 (open as long as the session)
        self._first = first
        self._starts = array("Q")
        self._lengths = array("Q")  # 0: a session message, whose bytes are never sent again
        self._end = 0

    def begin(self, first: int) -> None:
        """A new epoch: what was sent in the old one is never asked for again."""
        self._file.seek(0)
        self._file.truncate()
        self._first, self._end = first, 0
        del self._starts[:]
        del self._lengths[:]

    def append(self, seq_num: int, data: bytes | None) -> None:
        """Keep the next number; `data` is None for a session message."""
        expected = self._first + len(self._starts)
        if seq_num != expected:
            raise JournalError(f"number {seq_num} was sent where {expected} comes next")
        kept = data or b""
        self._starts.append(self._end)
        self._lengths.append(len(kept))
        if kept:
            self._file.seek(self._end)
            self._file.write(kept)
            self._end += len(kept)

    def page(self, begin: int, end: int, rows_max: int) -> list[SentRow]:
        """The rows from `begin` on, `end` included, at most `rows_max` of them."""
        rows = []
        for seq_num in range(begin, min(end, begin + rows_max - 1) + 1):
            at = seq_num - self._first
            if not 0 <= at < len(self._starts):
                break
            length = self._lengths[at]
            self._file.seek(self._starts[at])
            rows.append(SentRow(seq_num, self._file.read(length) if length else None))
        return rows

    def close(self) -> None:
        self._file.close()
