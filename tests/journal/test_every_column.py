"""Every column of every row matters: the columns are those of the schema and of the rows' own types.

A column that is added is looked at without a word here, and one that the chain forgets is found.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, get_type_hints

import pytest
from journal_rows import advance, turn_after

from engine.journal.archive import ReadOnly, audit
from engine.journal.batch import (
    Answer,
    CloseRow,
    EventRow,
    Head,
    NumberRow,
    OutboxRow,
    SessionRow,
    StagedTurn,
    TakenIn,
    TextRow,
)
from engine.journal.chain import KINDS, row_spellings, seal
from engine.journal.schema import APPEND_ONLY, MUTABLE, TABLES
from engine.journal.writer import Journal

ROWS: Final = {"events": EventRow, "outbox": OutboxRow, "sent": NumberRow, "texts": TextRow}
NOT_IN_THE_CHAIN: Final = {
    ("meta", "key"),
    ("meta", "value"),
    ("fix_sent", "position"),
    ("rule_books", "position"),
    ("configs", "position"),
}
"""`meta` is checked by whoever opens the file, its `journal_id` by the genesis; positions keep an order."""


def columns() -> dict[str, list[tuple[str, bool]]]:
    """Every table of the schema with its columns, and whether each may be null."""
    connection = sqlite3.connect(":memory:")
    connection.executescript(TABLES)
    tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    return {
        table: [(row[1], not row[3]) for row in connection.execute(f"PRAGMA table_info({table})")] for table in tables
    }


COLUMNS: Final = columns()


def full_turns() -> list[StagedTurn]:
    """Turns in whose rows, taken together, every column has a value at least once, and an empty one where it may."""
    head, turns = Head(0, 0, 0, b""), []
    for _ in range(12):
        turn = turn_after(head)
        if turn.turn_seq in (3, 4):
            apart = [entry._replace(not_after_ns=turn.utc_ns + 5) for entry in turn.outbox]
            sent = [each._replace(not_after_ns=turn.utc_ns + 5) for each in turn.sent if each.msg_type is not None]
            kept = [each for each in turn.sent if each.msg_type is None]
            turn = turn._replace(outbox=tuple(apart), sent=(*kept, *sent))
        if turn.turn_seq == 5:
            turn = turn._replace(sent=(turn.sent[0]._replace(outbox_id=None, data=None),))
        if turn.turn_seq == 7:
            alone = turn.outbox[0]._replace(event_seq=None)
            turn = turn._replace(taken_in=None, sent=(), input_kind="timer", outbox=(alone,))
        if turn.turn_seq == 10 and turn.answer is not None:
            turn = turn._replace(answer=turn.answer._replace(event_seq=None))
        turns.append(turn)
        head = advance(head, turn)
    return turns


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("every-column") / "journal.db"
    with Journal(path, "normal", reserve_bytes=0) as journal:
        turns = full_turns()
        for at in range(0, len(turns), 4):
            journal.commit(turns[at : at + 4])
        journal.anchor(1)
    assert audit(path).holds
    return path


def unguarded(path: Path) -> sqlite3.Connection:
    """As the owner of the file can open it."""
    connection = sqlite3.connect(path, isolation_level=None)
    for table in APPEND_ONLY:
        for guard in ("no_update", "no_delete", "no_replace"):
            connection.execute(f"DROP TRIGGER {table}_{guard}")
    return connection


def others(value: Any, nullable: bool) -> Iterator[Any]:
    """Values as near to `value` as can be, of its own kind, and null or something in its place."""
    if value is None:
        yield from (0, 1, "", b"")
        return
    if isinstance(value, int):
        yield from (value + 1, value + (1 << 40))
    elif isinstance(value, str):
        yield from (value + "x", value[:-1], value.swapcase())
    else:
        yield from (bytes([value[0] ^ 1]) + value[1:], value[:-1] + bytes([value[-1] ^ 1]), value[:-1])
    if nullable:
        yield None


CHAINED: Final = [
    (table, column, nullable)
    for table, found in COLUMNS.items()
    if table in APPEND_ONLY
    for column, nullable in found
    if (table, column) not in NOT_IN_THE_CHAIN
]


KEYS: Final = {"answered": "last_seq"}
"""What tells the rows of a table apart that has no rowid."""


def test_every_table_is_either_append_only_or_mutable() -> None:
    assert set(COLUMNS) == {*APPEND_ONLY, *MUTABLE}
    assert {(table, column) for table, column in NOT_IN_THE_CHAIN} <= {
        (table, column) for table, found in COLUMNS.items() for column, _ in found
    }


@pytest.mark.parametrize(("table", "column", "nullable"), CHAINED, ids=lambda value: str(value))
def test_a_change_of_any_column_is_found(
    original: Path, tmp_path: Path, table: str, column: str, nullable: bool
) -> None:
    """In a row that has a value there, and in one that has none."""
    path = tmp_path / original.name
    for file in original.parent.iterdir():
        shutil.copy(file, tmp_path / file.name)
    connection = unguarded(path)
    key = KEYS.get(table, "rowid")
    found = connection.execute(f"SELECT {key}, {column} FROM {table} ORDER BY {key}").fetchall()
    values = [next((row for row in found[1:] if row[1] is not None), None)]
    if nullable:
        values.append(next((row for row in found if row[1] is None), None))
        assert values[-1] is not None, "a row without a value there is missing in the turns of this test"
    assert values[0] is not None, "a row with a value there is missing in the turns of this test"
    tried = 0
    for row in values:
        assert row is not None
        rowid, value = row
        for other in dict.fromkeys(others(value, nullable)):
            if other == value:
                continue
            try:
                connection.execute(f"UPDATE {table} SET {column} = ? WHERE {key} = ?", (other, rowid))
            except sqlite3.IntegrityError:
                continue  # A key that is there already.
            stored = connection.execute(f"SELECT {column} FROM {table} WHERE {column} IS ?", (other,)).fetchone()
            if stored is not None:
                tried += 1
                assert not audit(path).holds, f"{table}.{column}: {value!r} became {other!r} and nobody noticed"
            # A number that is its own row's key has moved it.
            moves = column == key or (key == "rowid" and COLUMNS[table][0][0] == column)
            moved = other if moves and isinstance(other, int) else rowid
            connection.execute(f"UPDATE {table} SET {column} = ? WHERE {key} = ?", (value, moved))
        assert audit(path).holds, "put back, it has to hold again"
    connection.close()
    assert tried, "nothing could be changed"


# --- the rows' own types -------------------------------------------------------------------------


def filled(kind: str) -> list[Any]:
    """Rows of one kind: with every field set, and with every field empty that may be."""
    hints = get_type_hints(ROWS[kind])
    some = {int: 7, str: "word", bytes: b"bytes"}
    full = {name: next(value for of, value in some.items() if of.__name__ in str(hint)) for name, hint in hints.items()}
    bare = {name: None if "None" in str(hint) else full[name] for name, hint in hints.items()}
    return [ROWS[kind](**full), ROWS[kind](**bare)]


def changed(value: Any, hint: Any) -> Iterator[Any]:
    if "None" in str(hint):
        yield from (None, 0 if "int" in str(hint) else "" if "str" in str(hint) else b"")
    if isinstance(value, int) or (value is None and "int" in str(hint)):
        yield from (1, 8, -7)
    elif isinstance(value, str) or (value is None and "str" in str(hint)):
        yield from ("in", "wordy", "Word")
    else:
        yield from (b"byte", b"bytez")


FIELDS: Final = [(kind, field) for kind in KINDS for field in ROWS[kind]._fields]


@pytest.mark.parametrize(("kind", "field"), FIELDS)
def test_any_field_of_a_row_changes_its_spelling_and_the_hash(kind: str, field: str) -> None:
    hint = get_type_hints(ROWS[kind])[field]
    for row in filled(kind):
        turn = StagedTurn(1, 2, "kind", "ref", "actor", **{kind: (row,)})
        variants = [row, *(row._replace(**{field: each}) for each in changed(getattr(row, field), hint))]
        variants = list(dict.fromkeys(variants))
        assert len(variants) > 1
        turns = [turn._replace(**{kind: (each,)}) for each in variants]
        assert len({row_spellings(each)[0] for each in turns}) == len(variants)
        assert len({seal(b"before", each).hash for each in turns}) == len(variants)


@pytest.mark.parametrize("field", StagedTurn._fields)
def test_any_field_of_a_turn_changes_the_hash_but_what_is_mutable(field: str) -> None:
    turn = full_turns()[0]
    value = getattr(turn, field)
    if field in OWN:
        other = None if value is not None else filled_own(field)
    else:
        other = value + 1 if isinstance(value, int) else value + "x" if isinstance(value, str) else value[1:]
    assert other != value
    same = seal(b"before", turn).hash == seal(b"before", turn._replace(**{field: other})).hash
    assert same is (field in ("sessions", "marks", "trades"))


OWN: Final = {"taken_in": TakenIn, "answer": Answer}
"""What stands in the turn's own row."""


def filled_own(part: str) -> Any:
    some = {int: 7, str: "word", bytes: b"bytes"}
    hints = get_type_hints(OWN[part])
    return OWN[part](*(next(v for of, v in some.items() if of.__name__ in str(hint)) for hint in hints.values()))


@pytest.mark.parametrize(("part", "field"), [(part, field) for part in OWN for field in OWN[part]._fields])
def test_any_field_in_the_row_of_a_turn_changes_the_hash(part: str, field: str) -> None:
    turn = StagedTurn(1, 2, "kind", "ref", "actor", taken_in=filled_own("taken_in"), answer=filled_own("answer"))
    own = getattr(turn, part)
    hint = get_type_hints(OWN[part])[field]
    variants = [own, *(own._replace(**{field: each}) for each in changed(getattr(own, field), hint))]
    if "None" not in str(hint):
        variants = [each for each in variants if getattr(each, field) is not None]
    if field == "event_seq":
        variants = [each for each in variants if each.event_seq != 0]  # Events count from 1.
    variants = list(dict.fromkeys(variants))
    assert len(variants) > 1
    assert len({seal(b"before", turn._replace(**{part: each})).hash for each in variants}) == len(variants)


def test_whatever_a_turn_carries_is_read_as_it_was_written(original: Path) -> None:
    """Field by field: what the chain covers, and what it does not (sessions and the tape)."""
    written = full_turns()
    with ReadOnly(original) as file:
        found = [kept.turn for kept in file.turns()]
        sessions = list(file.sessions())
        marks, trades, closes = list(file.tape_marks()), list(file.tape_trades()), list(file.closes())
    assert len(found) == len(written)
    for turn, kept in zip(written, found, strict=True):
        for name in (
            "turn_seq",
            "utc_ns",
            "input_kind",
            "input_ref",
            "actor",
            "events",
            "outbox",
            "taken_in",
            "answer",
            "sent",
        ):
            assert getattr(kept, name) == getattr(turn, name), name
        assert sorted(kept.texts) == sorted(turn.texts)
        assert kept.entries == turn.entries
    last: dict[tuple[str, int], SessionRow] = {}
    for turn in written:
        for row in turn.sessions:
            key = (row.session, row.epoch)
            # When its epoch began is that of its first row.
            last[key] = row._replace(created_utc_ns=last[key].created_utc_ns if key in last else row.created_utc_ns)
    assert sorted(sessions) == sorted(last.values())
    # Of a bond's marks of one commit the last is kept, of trades every one.
    assert marks == [written[at].marks[0] for at in (3, 7, 11)]
    assert trades == [trade for turn in written for trade in turn.trades]
    last_mark = written[-1].marks[0]
    assert closes == [CloseRow(19675, "US0000000001", "marks", last_mark.utc_ns, "99.5")]
