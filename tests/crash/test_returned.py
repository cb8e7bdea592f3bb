"""Rounds that threw a live quote away because its session was down: counted from the journal alone."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from crash.returned import Returned, count
from desk_scene import BOND, MM, Scene, scene

from engine.domain import events as e
from engine.journal.batch import EventRow, StagedTurn
from engine.journal.event_codec import Codec, event_types
from engine.journal.writer import Journal

CODEC = Codec(event_types(vars(e), e.Event))


def counted(folder: Path, world: Scene) -> Returned:
    path, turns = folder / "journal.db", []
    with Journal(path, "normal", reserve_bytes=0) as journal:
        for number, event in enumerate(world.events, 1):
            row = EventRow(number, number, *CODEC.encode(event)[:2], event.at_ns, CODEC.encode(event)[2])
            turns.append(StagedTurn(number, event.at_ns, "timer", "", "", events=(row,)))
        journal.commit(turns)
    return count(path)


def quoted(**order: object) -> tuple[Scene, str]:
    """ash stands by 99.95 for a minute, beech has declined, cedar is still to answer; all have logged on."""
    world = scene()
    for session in ("ash", "beech", "cedar"):
        world.restore(session)
    order_id = world.order(BOND, "buy", MM, account="SINGLE", **order)
    world.quote("ash", "99.95", order_id=order_id, firm_s=60)
    world.declines("beech", order_id)
    return world, order_id


def test_one_that_waits_for_the_session_throws_nothing_away(tmp_path: Path) -> None:
    world, order_id = quoted()
    world.drop("ash")
    world.declines("cedar", order_id)
    world.restore("ash")
    found = counted(tmp_path, world)
    assert (found.rounds, found.with_live, found.thrown_away) == (0, 0, [])


@pytest.mark.parametrize("decided", [True, False], ids=["its time was over", "there was time left"])
def test_only_what_there_was_time_left_for_is_thrown_away(tmp_path: Path, decided: bool) -> None:
    world, order_id = quoted()
    world.drop("ash")
    if not decided:  # As it was before rounds waited.
        world.close("ash", "08:00 UTC")
    world.declines("cedar", order_id)
    world.advance(40)
    found = counted(tmp_path, world)
    assert (found.rounds, found.with_live) == (1, 1)
    assert found.thrown_away == ([] if decided else [f"{order_id} Q-000001: 99.95 of ash for 60.0 s more"])


def test_a_quote_beyond_the_limit_is_none(tmp_path: Path) -> None:
    world, order_id = quoted(limit_price=Decimal(90))
    world.drop("ash")
    world.declines("cedar", order_id)
    found = counted(tmp_path, world)
    assert (found.rounds, found.with_live, found.thrown_away) == (1, 0, [])
