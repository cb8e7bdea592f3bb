"""A table that adopts a draft is as if every row had been written to it: rows, groups, and the order of both."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from desk_scene import BOND, MM, scene
from hypothesis import given
from hypothesis import strategies as st

from engine.desk.state import DeskState
from engine.desk.state_rows import AskRef
from engine.desk.tables import Table

pytestmark = pytest.mark.starts("noon")
"""Nothing here is about the time."""


@dataclass(frozen=True, slots=True)
class Row:
    """A row that is in a group of each of two indexes, or in none."""

    one: int | None
    other: int | None


def table(below: Table[Row] | None = None) -> Table[Row]:
    return Table(below, lambda row: row.one, lambda row: row.other)


some_group = st.none() | st.integers(0, 1)
writes = st.lists(st.tuples(st.sampled_from("abcd"), st.builds(Row, some_group, some_group)), max_size=12)


def looked_at(found: Table[Row]) -> object:
    groups = [[(group, [*index.of(group)]) for group in index.groups()] for index in found.indexes]
    return list(found.items()), groups, found.touched


@given(writes, st.lists(writes, max_size=3), st.booleans())
def test_adopting_is_as_good_as_writing(
    before: list[tuple[str, Row]], turns: list[list[tuple[str, Row]]], digested: bool
) -> None:
    adopting, writing = table(), table()
    for mine in (adopting, writing):
        for key, row in before:
            mine.put(key, row)
        if digested:
            mine.touched.clear()
    for turn in turns:
        draft = table(adopting)
        for key, row in turn:
            draft.put(key, row)
            writing.put(key, row)
        adopting.adopt(draft)
        assert looked_at(adopting) == looked_at(writing)


@given(writes, writes)
def test_a_group_has_the_keys_that_came_to_it_and_did_not_leave(
    before: list[tuple[str, Row]], drafted: list[tuple[str, Row]]
) -> None:
    """None, one, and more of them; in a draft, and where it was adopted."""
    groups: dict[int, list[str]] = {}
    known: dict[str, int | None] = {}
    live = table()
    draft = table(live)
    for written, rows in ((live, before), (draft, drafted)):
        for key, row in rows:
            written.put(key, row)
            if known.get(key) != row.one:
                for keys in groups.values():
                    if key in keys:
                        keys.remove(key)
                if row.one is not None:
                    groups.setdefault(row.one, []).append(key)
            known[key] = row.one
        for group in (0, 1):
            found = written.indexes[0]
            assert [*found.of(group)] == groups.get(group, [])
            assert found.count(group) == len(groups.get(group, []))
    live.adopt(draft)
    for group in (0, 1):
        assert [*live.indexes[0].of(group)] == groups.get(group, [])
        assert live.indexes[0].count(group) == len(groups.get(group, []))
        assert (group in live.indexes[0].groups()) == bool(groups.get(group))


@given(writes, writes, writes)
def test_a_draft_adopts_a_draft_over_it(
    before: list[tuple[str, Row]], first: list[tuple[str, Row]], second: list[tuple[str, Row]]
) -> None:
    live, writing = table(), table()
    for key, row in before:
        live.put(key, row)
    draft = table(live)
    upper = table(draft)
    for key, row in first:
        draft.put(key, row)
    for key, row in second:
        upper.put(key, row)
    draft.adopt(upper)
    live.adopt(draft)
    for key, row in (*before, *first, *second):
        writing.put(key, row)
    assert looked_at(live) == looked_at(writing)


some_rows = st.lists(st.tuples(st.sampled_from("abcd"), st.integers(0, 2)), max_size=6)


some_work = st.sampled_from([DeskState.digest, DeskState.hash_ahead, lambda state: None])


@given(st.lists(st.tuples(some_rows, st.booleans(), some_work), max_size=8), st.integers(0, 2))
def test_a_digest_is_of_the_rows_alone_whenever_others_were_taken(
    turns: list[tuple[list[tuple[str, int]], bool, Callable[[DeskState], object]]], left: int
) -> None:
    """Rows that are new, changed, changed back and left alone between two digests, in more than one table."""
    state, fresh = DeskState(), DeskState()
    for rows, drafted, work in turns:
        written = DeskState(below=state) if drafted else state
        for key, value in rows:
            written.counters.put(key, value)
            written.asks.put(key, AskRef(key, str(value)))
        if drafted:
            state.adopt(written)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("engine.desk.state._LEFT_TO_DIGEST", left)
            work(state)
    for key, count in state.counters.items():
        fresh.counters.put(key, count)
        fresh.asks.put(key, AskRef(key, str(count)))
    assert state.digest() == fresh.digest() == state.digest()
    assert fresh.digest() != DeskState().digest() or not len(fresh.counters)


def test_what_is_hashed_ahead_has_a_bound_and_leaves_what_was_written_last(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.desk.state._HASHED_AHEAD_MAX", 70)
    monkeypatch.setattr("engine.desk.state._LEFT_TO_DIGEST", 10)
    state = DeskState()
    for number in range(100):
        state.counters.put(str(number), number)
        state.alike.put(str(number), str(number))
    left = []
    for _ in range(4):
        state.hash_ahead()
        left.append((len(state.alike.touched), len(state.counters.touched)))
    assert left == [(30, 100), (10, 50), (10, 10), (10, 10)]
    assert list(state.counters.touched) == [str(number) for number in range(90, 100)]


def test_a_state_and_its_statistics_that_are_let_go_are_empty_when_it_is_over() -> None:
    """What is left in one piece would be freed in one, and hold everybody up as long as that takes."""
    day = scene()
    order_id = day.order(BOND, "buy", MM, account="PARALLEL")
    day.says("ash", "99.95", order_id)
    state, stats = day.state, day.desk.stats
    assert any(list(kept.keys()) for _, kept in state.tables())
    for _ in (*state.let_go(), *stats.let_go()):
        pass
    for name, kept in state.tables():
        left = [*kept.keys(), *kept.touched, *(group for index in kept.indexes for group in index.groups())]
        assert left == [], name
    assert not stats._touched
    assert not any(stats._cells.values())
    assert not any(kept._times for kept in (stats._asked, stats._quoted_issuer))
    assert stats.quoted.dump() == []
