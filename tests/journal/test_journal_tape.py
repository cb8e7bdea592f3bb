"""The tape in the file: what is added is read back in its order, what is too much or too old goes, a bit at a time."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.clock import NS_PER_DAY
from engine.journal.archive import ReadOnly, audit
from engine.journal.batch import CloseRow, MarkRow, StagedTurn, TradeRow
from engine.journal.tape import CLOSES_DAYS, TapeBounds, last_of_each
from engine.journal.writer import CommitRetry, Journal

START = 20_600 * NS_PER_DAY


def mark(heard_ns: int, bond: str = "A", source: str = "marks", price: str | None = "99.5", of_ns: int = -1) -> MarkRow:
    return MarkRow(heard_ns, bond, source, heard_ns if of_ns < 0 else of_ns, price, None, "composite")


def trade(heard_ns: int, number: int = 0) -> TradeRow:
    return TradeRow(heard_ns, "trade", "A", "corporate", "feed", str(number), heard_ns - 5, "99", "1000000")


def put(journal: Journal, marks: tuple[MarkRow, ...] = (), trades: tuple[TradeRow, ...] = ()) -> None:
    heard_ns = max(row.heard_ns for row in (*marks, *trades))
    journal.commit([StagedTurn(journal.head.turn_seq + 1, heard_ns, "Quiet", "", "", marks=marks, trades=trades)])


def opened(path: Path, **bounds: int) -> Journal:
    return Journal(path, "normal", reserve_bytes=0, tape=TapeBounds(**bounds))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


def test_what_was_heard_is_read_back_in_its_order(path: Path) -> None:
    with opened(path) as journal:
        put(journal, (mark(START + 1), mark(START + 2, "B")), (trade(START + 1, 1), trade(START + 2, 2)))
        put(journal, (mark(START + 3, price="99.6"),), (trade(START + 3, 3),))
    with ReadOnly(path) as file:
        assert [row.heard_ns - START for row in file.tape_marks()] == [1, 2, 3]
        assert [row.trade_id for row in file.tape_trades()] == ["1", "2", "3"]
        assert [row.trade_id for row in file.tape_trades(START + 2)] == ["2", "3"]
        assert [(row.security_id, row.price) for row in file.marks()] == [("A", "99.6"), ("B", "99.5")]
    assert audit(path).holds


def test_marks_of_one_commit_are_conflated_by_bond_source_and_day_and_trades_never() -> None:
    rows = [
        mark(START + 1, price="99.1"),
        mark(START + 2, price="99.2"),
        mark(START + 2, source="other", price="98"),
        mark(START + 3, price="90", of_ns=START - 1),
        mark(START + 4, price="99.15", of_ns=START + 1),
        mark(START + 5, price=None),
    ]
    assert [(row.source, row.price) for row in last_of_each(rows)] == [
        ("marks", "99.2"),
        ("other", "98"),
        ("marks", "90"),
        ("marks", None),
    ]


def test_the_last_mark_of_each_day_stays_though_its_row_is_gone(path: Path) -> None:
    with opened(path, marks_max=2) as journal:
        for day in range(4):
            put(journal, (mark(START + day * NS_PER_DAY, price=f"{90 + day}"),))
        put(journal, (mark(START + 3 * NS_PER_DAY + 7, price="80", of_ns=START + 9),))
        put(journal, (mark(START + 3 * NS_PER_DAY + 8, price="70", of_ns=START + 8),))
    with ReadOnly(path) as file:
        assert [row.price for row in file.tape_marks()] == ["80", "70"]
        day = START // NS_PER_DAY
        assert [(row.day - day, row.price) for row in file.closes()] == [(0, "80"), (1, "91"), (2, "92"), (3, "93")]


def test_a_price_that_was_withdrawn_is_none_after_a_start(path: Path) -> None:
    with opened(path) as journal:
        put(journal, (mark(START + 1), mark(START + 1, price=None), mark(START + 1, "B")))
        put(journal, (mark(START + 2, "B", price=None),))
        put(journal, (mark(START + 3, "B"),))
    with ReadOnly(path) as file:
        assert [(row.security_id, row.price) for row in file.marks()] == [("A", None), ("B", "99.5")]


@given(st.lists(st.integers(1, 40), min_size=1, max_size=12), st.integers(1, 60))
def test_no_more_rows_are_kept_than_may_be(counts: list[int], most: int) -> None:
    """And those are the latest, over starts too."""
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "journal.db"
        number = 0
        for at, count in enumerate(counts):
            with opened(path, trades_max=most) as journal:
                put(journal, trades=tuple(trade(START + at, number + each) for each in range(count)))
            number += count
        with ReadOnly(path) as file:
            kept = [int(row.trade_id) for row in file.tape_trades()]
    assert kept == list(range(max(0, number - most), number))


def test_what_is_older_than_its_days_goes_a_bit_at_a_time(path: Path) -> None:
    with opened(path, days=10) as journal:
        put(journal, trades=tuple(trade(START, number) for number in range(500)))
        put(journal, trades=(trade(START + 9 * NS_PER_DAY, 500),))
        left = []
        for number in range(10):
            put(journal, trades=(trade(START + 11 * NS_PER_DAY, 501 + number),))
            with ReadOnly(path) as file:
                left.append(len(list(file.tape_trades())))
    assert left[0] == 502 - 68  # Of each commit 64 rows, and four for each that it brings.
    assert left[-1] == 11
    with opened(path, days=10) as journal:
        put(journal, trades=(trade(START + 40 * NS_PER_DAY, 600),))
    with ReadOnly(path) as file:
        assert [row.trade_id for row in file.tape_trades()] == ["600"]


def test_closes_go_after_their_days(path: Path) -> None:
    with opened(path) as journal:
        put(journal, tuple(mark(START, bond=f"B{number}") for number in range(200)))
        for more in range(4):
            put(journal, (mark(START + (CLOSES_DAYS + 1) * NS_PER_DAY + more),))
    with ReadOnly(path) as file:
        assert list(file.closes()) == [
            CloseRow(20_600 + CLOSES_DAYS + 1, "A", "marks", START + (CLOSES_DAYS + 1) * NS_PER_DAY + 3, "99.5")
        ]


class Full(sqlite3.Connection):
    """A disk that is full now and then."""

    full = False

    def execute(self, sql: str, *parameters: object) -> sqlite3.Cursor:  # type: ignore[override]
        if sql == "COMMIT" and Full.full:
            error = sqlite3.OperationalError("database or disk is full")
            error.sqlite_errorcode = sqlite3.SQLITE_FULL
            raise error
        return super().execute(sql, *parameters)  # type: ignore[arg-type]


def test_a_commit_that_is_tried_again_puts_nothing_twice(path: Path) -> None:
    with Journal(path, "normal", reserve_bytes=0, tape=TapeBounds(trades_max=3), factory=Full) as journal:
        put(journal, trades=tuple(trade(START, number) for number in range(3)))
        Full.full = True
        with pytest.raises(CommitRetry):
            put(journal, (mark(START + 1),), (trade(START + 1, 3),))
        Full.full = False
        put(journal, (mark(START + 1),), (trade(START + 1, 3),))
    with ReadOnly(path) as file:
        assert [row.trade_id for row in file.tape_trades()] == ["1", "2", "3"]
        assert len(list(file.tape_marks())) == 1
    assert audit(path).holds
