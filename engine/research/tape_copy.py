"""The tape of a journal, copied: what was heard of the market, for a pass that takes long.

One look as long as the pass would keep the writer from shortening its log, and in short ones the oldest of the tape
could leave it before it is wanted. A tape at its bound of two million marks takes some six seconds.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from engine.journal.archive import ReadOnly
from engine.journal.batch import MarkRow, TradeRow

_LAST_HEARD: Final = "SELECT max(heard_ns) FROM marks UNION ALL SELECT max(heard_ns) FROM trades"


class TapeCopy:
    """Rows in the order in which they were heard. Use in one thread."""

    def __init__(self, file: ReadOnly) -> None:
        self._file = sqlite3.connect("", isolation_level=None)  # No name: temporary, on disk where it is large.
        self._put("marks", MarkRow._fields, file.tape_marks())
        self._put("trades", TradeRow._fields, file.tape_trades())
        self.last_ns = max((heard_ns or 0 for (heard_ns,) in self._file.execute(_LAST_HEARD)), default=0)
        """When something was heard last; 0 for never."""

    def marks(self) -> Iterator[MarkRow]:
        return map(MarkRow._make, self._file.execute("SELECT * FROM marks ORDER BY rowid"))

    def trades(self) -> Iterator[TradeRow]:
        return map(TradeRow._make, self._file.execute("SELECT * FROM trades ORDER BY rowid"))

    def _put(self, table: str, columns: Sequence[str], rows: Iterable[tuple[object, ...]]) -> None:
        self._file.execute(f"CREATE TABLE {table}({', '.join(columns)})")
        self._file.execute("BEGIN")
        self._file.executemany(f"INSERT INTO {table} VALUES({', '.join('?' * len(columns))})", rows)
        self._file.execute("COMMIT")
