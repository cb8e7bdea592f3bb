"""A batch of leaks as the turn sees it: asked for by an operator, taken up from an event, refused without a trace."""

from __future__ import annotations

from dataclasses import replace

import pytest
from leak_rounds import LEAKER, solved, victim_rounds
from session_world import ENTROPY, SessionWorld

from engine.domain import events as e
from engine.domain.measure import Identified
from engine.errors import CommandError
from engine.turn import CommandGiven, LeaksFound, Reply, SolveLeaks, Turn

FOUND = e.LeakSolved(5, solved(victim_rounds(1)), 150, 400, 300, 1.25, "person:kim", "to see")


def found(
    world: SessionWorld, refs: tuple[int, ...] = (), problem: str = "", leaks: e.LeakSolved | None = FOUND
) -> Turn:
    return world.take(LeaksFound(world.now, refs, "person:kim", leaks, problem, ENTROPY))


def test_an_operator_asks_for_a_batch_and_nothing_is_recorded_yet() -> None:
    world = SessionWorld()
    turn = world.take(CommandGiven(world.now, "leak.solve", {"reason": "to see"}, "kim", "operator", 9, ENTROPY))
    assert list(turn.effects) == [SolveLeaks(9, "kim", "to see")]
    assert not turn.events
    with pytest.raises(CommandError, match="kim is trader"):
        world.command("leak.solve", role="trader", reason="to see")


def test_what_was_found_is_recorded_taken_up_and_told_to_all_who_asked() -> None:
    world = SessionWorld()
    turn = found(world, (7, 8))
    assert list(turn.events) == [replace(FOUND, at_ns=world.now.utc_ns)]
    told = {"rounds": 150, "rows_in": 150, "rows_post": 0, "dealers": 5, "took_s": 1.25}
    assert list(turn.effects) == [Reply(7, result=told), Reply(8, result=told)]
    learning = world.trading.desk.learning
    assert learning.leaks is not None
    assert learning.leaks.of(LEAKER)[0].value > 5
    assert learning.observations_solved == 300


def test_what_came_to_nothing_changes_nothing() -> None:
    world = SessionWorld()
    found(world)
    before = world.trading.desk.learning.leaks
    turn = found(world, (7,), "the child ended with 1: no such luck", None)
    assert not turn.events
    assert list(turn.effects) == [Reply(7, error="the child ended with 1: no such luck", code="leak")]
    assert world.trading.desk.learning.leaks is before


def test_metrics_tell_of_the_last_batch() -> None:
    world = SessionWorld()
    found(world)

    def read(name: str, **labels: str) -> float | None:
        return world.metrics.registry.get_sample_value(name, labels)

    assert read("leak_solve_seconds") == 1.25
    assert read("leak_rows", outcome="in") == 150
    assert read("leak_rows", outcome="post") == 0
    assert [read("leak_dealers", outcome="in", identified=each.value) for each in Identified] == [0, 5, 0]
    assert read("leak_solved_timestamp_seconds") == FOUND.table.at_ns / 1e9
    world.metrics.leak_batch("late")
    assert read("leak_batches_total", outcome="late") == 1
    assert read("leak_batches_total", outcome="solved") == 0


def test_the_table_is_shown_worst_first() -> None:
    world = SessionWorld()
    assert world.command("leak.show", role="viewer") == {
        "as_of": None,
        "leak_in": None,
        "leak_post": None,
        "digest": None,
    }
    found(world)
    shown = world.command("leak.show", role="viewer")
    dealers = shown["leak_in"]["dealers"]
    assert dealers[0]["dealer"] == LEAKER
    assert [each["bps"] for each in dealers] == sorted((each["bps"] for each in dealers), reverse=True)
    assert shown["leak_post"]["rows"] == 0
