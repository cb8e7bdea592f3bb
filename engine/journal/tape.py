"""The tape in the journal's file: rows are added at its end and, past its bounds, taken away at its beginning.

A ring by position: what is in it runs on without a gap, so how much there is and what is the oldest is known without
counting. With each commit that adds rows as many and some more may be taken away, never a whole day at once: nobody
waits for it. `tape_closes` keeps the last mark of each day for longer than the ring of marks may reach.

Knows SQL and no connection: `execute` is handed in, inside the transaction of the commit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from engine.clock import NS_PER_DAY, utc_day
from engine.journal.batch import CloseRow, MarkRow

Execute = Callable[[str, Sequence[Any]], Any]

CLOSES_DAYS: Final = 130
"""Calendar days whose closing marks are kept: a volatility looks back over 60 of them that had one."""
_GONE_AT_LEAST: Final = 64
_GONE_PER_ROW: Final = 4


@dataclass(frozen=True, slots=True)
class TapeBounds:
    """How much of the tape is kept: so many days, and so many rows at most."""

    days: int = 200
    marks_max: int = 2_000_000
    trades_max: int = 500_000


@dataclass(frozen=True, slots=True)
class Ring:
    """Where one table begins and ends. `first` > `last`: it is empty. `oldest_ns`: when its first row was heard."""

    table: str
    rows_max: int
    first: int
    last: int
    oldest_ns: int

    @classmethod
    def found(cls, execute: Execute, table: str, rows_max: int) -> Ring:
        first, last = execute(f"SELECT min(position), max(position) FROM {table}", ()).fetchone()
        if first is None:
            return cls(table, rows_max, 1, 0, 0)
        (oldest_ns,) = execute(f"SELECT heard_ns FROM {table} WHERE position = ?", (first,)).fetchone()
        return cls(table, rows_max, first, last, oldest_ns)

    def placed(self, rows: Sequence[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
        """The rows with their positions, behind those that are there."""
        return [(position, *row) for position, row in enumerate(rows, self.last + 1)]

    def added(self, rows: Sequence[tuple[Any, ...]]) -> Ring:
        oldest_ns = self.oldest_ns if self.first <= self.last else rows[0][0]
        return replace(self, last=self.last + len(rows), oldest_ns=oldest_ns)

    def trimmed(self, execute: Execute, before_ns: int, added: int) -> Ring:
        """Without what is too much or was heard before `before_ns`, as far as a commit has time for it."""
        most = self.first + _GONE_AT_LEAST + _GONE_PER_ROW * added - 1
        upto = min(most, self.last - self.rows_max)
        if self.oldest_ns < before_ns:
            (old,) = execute(
                f"SELECT max(position) FROM {self.table} WHERE position <= ? AND heard_ns < ?", (most, before_ns)
            ).fetchone()
            upto = max(upto, old or 0)
        if upto < self.first:
            return self
        execute(f"DELETE FROM {self.table} WHERE position <= ?", (upto,))
        left = execute(f"SELECT heard_ns FROM {self.table} WHERE position = ?", (upto + 1,)).fetchone()
        return replace(self, first=upto + 1, oldest_ns=left[0] if left is not None else 0)


@dataclass(frozen=True, slots=True)
class KeptTape:
    """Both rings and the oldest day of `tape_closes`, as they stand in the file."""

    marks: Ring
    trades: Ring
    days: int
    oldest_close: int

    @classmethod
    def found(cls, execute: Execute, bounds: TapeBounds) -> KeptTape:
        (oldest,) = execute("SELECT min(day) FROM tape_closes", ()).fetchone()
        return cls(
            Ring.found(execute, "tape_marks", bounds.marks_max),
            Ring.found(execute, "tape_trades", bounds.trades_max),
            bounds.days,
            oldest if oldest is not None else 0,
        )

    def added(
        self, marks: Sequence[tuple[Any, ...]], trades: Sequence[tuple[Any, ...]], closes: Sequence[CloseRow]
    ) -> KeptTape:
        oldest = min((close.day for close in closes), default=self.oldest_close)
        return replace(
            self,
            marks=self.marks.added(marks) if marks else self.marks,
            trades=self.trades.added(trades) if trades else self.trades,
            oldest_close=min(oldest, self.oldest_close) if self.oldest_close else oldest,
        )

    def trimmed(self, execute: Execute, now_ns: int, marks: int, trades: int) -> KeptTape:
        """What is left after a commit that added so many."""
        before_ns = now_ns - self.days * NS_PER_DAY
        kept = replace(
            self,
            marks=self.marks.trimmed(execute, before_ns, marks) if marks else self.marks,
            trades=self.trades.trimmed(execute, before_ns, trades) if trades else self.trades,
        )
        first_day = utc_day(now_ns) - CLOSES_DAYS
        if not marks or kept.oldest_close >= first_day:
            return kept
        execute(
            "DELETE FROM tape_closes WHERE (day, security_id, source) IN"
            " (SELECT day, security_id, source FROM tape_closes WHERE day < ? LIMIT ?)",
            (first_day, _GONE_AT_LEAST + _GONE_PER_ROW * marks),
        )
        (oldest,) = execute("SELECT min(day) FROM tape_closes", ()).fetchone()
        return replace(kept, oldest_close=oldest if oldest is not None else 0)


def last_of_each(rows: Iterable[MarkRow]) -> list[MarkRow]:
    """Of a bond's marks of one source and one day, the latest; of two of one time, the one heard last.

    That a price was withdrawn stands beside the day's last mark: it was its close all the same.
    """
    found: dict[tuple[str, str, int, bool], MarkRow] = {}
    for row in rows:
        key = row.security_id, row.source, utc_day(row.utc_ns), row.price is None
        before = found.get(key)
        if before is None or row.utc_ns >= before.utc_ns:
            found[key] = row
    return list(found.values())


def closes_of(rows: Iterable[MarkRow]) -> list[CloseRow]:
    """What these marks leave as the last of their days."""
    return [
        CloseRow(utc_day(row.utc_ns), row.security_id, row.source, row.utc_ns, row.price)
        for row in rows
        if row.price is not None
    ]
