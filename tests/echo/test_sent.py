"""What a session of the echo acceptor has sent, kept for resends."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "scripts"))

from echo.sent import SentStore

from engine.errors import JournalError
from engine.fix.session.protocol import SentRow


def test_pages_give_back_what_was_kept() -> None:
    store = SentStore()
    rows = [SentRow(1, None), SentRow(2, b"two"), SentRow(3, None), SentRow(4, b"four")]
    for row in rows:
        store.append(row.seq_num, row.data)
    assert store.page(1, 4, 3) == rows[:3]
    assert store.page(4, 4, 3) == rows[3:]
    assert store.page(3, 9, 9) == rows[2:], "no more than there is"


def test_a_new_epoch_begins_where_it_says() -> None:
    store = SentStore()
    store.append(1, b"old")
    store.begin(10)
    store.append(10, b"new")
    assert store.page(10, 10, 9) == [SentRow(10, b"new")]
    assert store.page(1, 10, 9) == []


def test_a_hole_is_refused() -> None:
    store = SentStore()
    with pytest.raises(JournalError, match="number 2 was sent where 1 comes next"):
        store.append(2, None)
