"""Rows that go away again: the same in the state, in a draft over it, in a draft over that, and in the digest."""

from __future__ import annotations

import random
from typing import Any

import pytest

from engine.desk.state import DeskState
from engine.desk.state_rows import MarksDue
from engine.domain.observation import Horizon

pytestmark = pytest.mark.starts("noon")
"""Nothing here is about the time."""


def due(number: int) -> MarksDue:
    return MarksDue("bond", "segment", number, ((Horizon.hour, number),))


def rows(state: DeskState) -> dict[str, MarksDue]:
    return dict(state.marks_due.items())


def test_a_row_that_is_dropped_is_gone_for_the_draft_alone_until_it_is_adopted() -> None:
    state = DeskState()
    state.marks_due.put("a", due(1))
    draft = DeskState(below=state)
    draft.marks_due.drop("a")
    assert (draft.marks_due.get("a"), state.marks_due.get("a")) == (None, due(1))
    assert ("a" in draft.marks_due, len(draft.marks_due), rows(draft)) == (False, 0, {})
    with pytest.raises(KeyError):
        draft.marks_due["a"]
    assert draft.marks_due.written() == ["a"]
    state.adopt(draft)
    assert (rows(state), len(state.marks_due)) == ({}, 0)


def test_a_draft_that_is_let_go_of_leaves_the_row() -> None:
    state = DeskState()
    state.marks_due.put("a", due(1))
    DeskState(below=state).marks_due.drop("a")
    assert rows(state) == {"a": due(1)}


def test_what_was_dropped_may_come_again() -> None:
    state = DeskState()
    state.marks_due.put("a", due(1))
    draft = DeskState(below=state)
    draft.marks_due.drop("a")
    draft.marks_due.put("a", due(2))
    assert rows(draft) == {"a": due(2)}
    state.adopt(draft)
    assert rows(state) == {"a": due(2)}


def test_to_drop_what_is_not_there_is_nothing() -> None:
    state = DeskState()
    draft = DeskState(below=state)
    draft.marks_due.drop("a")
    assert not draft.marks_due.is_written()
    assert state.digest() == DeskState().digest()


def test_a_state_whose_rows_are_all_gone_hashes_to_none() -> None:
    state = DeskState()
    state.marks_due.put("a", due(1))
    before = state.digest()
    state.marks_due.drop("a")
    assert state.digest() == DeskState().digest() != before
    state.marks_due.put("b", due(2))
    state.marks_due.drop("b")
    assert state.digest() == DeskState().digest()


@pytest.mark.parametrize("seed", range(20))
def test_whatever_is_put_and_dropped_a_plain_dictionary_says_the_same(seed: int) -> None:
    """At three levels at once; the digest, taken now and then, is that of a state that has only what is left."""
    rng, state, known = random.Random(seed), DeskState(), dict[str, MarksDue]()
    for _ in range(60):
        levels: list[tuple[DeskState, dict[str, Any]]] = [(state, dict(known))]
        for _ in range(rng.randrange(3)):
            levels.append((DeskState(below=levels[-1][0]), dict(levels[-1][1])))
        top, mine = levels[-1]
        for number in range(rng.randrange(6)):
            key = rng.choice("abcdef")
            if rng.random() < 0.5:
                top.marks_due.put(key, due(number))
                mine[key] = due(number)
            else:
                top.marks_due.drop(key)
                mine.pop(key, None)
        assert rows(top) == mine
        assert len(top.marks_due) == len(mine)
        if rng.random() < 0.7 or len(levels) == 1:
            while len(levels) > 1:
                draft, _ = levels.pop()
                levels[-1][0].adopt(draft)
            known = mine
        assert rows(state) == known
        if rng.random() < 0.2:
            fresh = DeskState()
            for key, row in known.items():
                fresh.marks_due.put(key, row)
            assert state.digest() == fresh.digest()
