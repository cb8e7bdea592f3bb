"""Whoever subscribes, looks, and goes on with the notices behind the seq of the answer has the picture of whoever looks
later: without a gap and without a double, whatever goes on meanwhile."""

from __future__ import annotations

from typing import Any, Final

import pytest
from order_states import states_in, tell
from sim_engine import Answer, Life
from sim_time import NS
from world import OBEDIENT, QUIET, World

from engine.desk.notices import Notice
from engine.domain import events as e

SEEDS: Final = 24
LOOKS_S: Final = 1.7
"""From one look to the next."""


class Follower:
    """A screen on one life of the engine: it subscribes in the middle of things, looks, and looks again."""

    def __init__(self, world: World, life: Life) -> None:
        self.world = world
        self.life = life
        self.looks = 0
        self.told = 0
        self.seq: int | None = None
        self.heard: list[Notice] = []
        self.states: dict[str, str] = {}
        self.begins = life.runtime.watchers.seq
        life.runtime.watchers.watch(lambda _, notice: self.heard.append(notice))
        self._look()

    def _look(self) -> None:
        if self.world.life is self.life and self.life.started:
            answer = self.life.command("orders", {"state": "all", "limit": 1_000})
            self.world.timeline.later(int(LOOKS_S * NS), "", self._looked, answer)

    def _looked(self, answer: Answer) -> None:
        if answer.result is not None:
            self._compare(answer.result)
        self._look()

    def _compare(self, picture: dict[str, Any]) -> None:
        seq = picture["seq"]
        found = states_in(picture)
        if self.seq is None:
            assert seq >= self.begins, "a picture from before the stream"
        else:
            for notice in self.heard:
                if self.seq < notice.seq <= seq and notice.topic != "page":
                    tell(self.states, notice.topic, notice.body)
                    self.told += 1
            assert self.states == found, f"at seq {seq}, from {self.seq}"
        self.heard = [notice for notice in self.heard if notice.seq > seq]
        self.seq, self.states = seq, found
        self.looks += 1


class Watched(World):
    """Every life of the engine has followers: one from the start, one from some time later."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self.followers: list[Follower] = []
        self.timeline.later(NS // 3, "", self._look_after)
        self._followed: Life | None = None

    def _look_after(self) -> None:
        life = self.life
        if life is not None and life.started and (life is not self._followed or len(self.followers) % 5):
            self._followed = life
            self.followers.append(Follower(self, life))
        self.timeline.later(int(2.3 * NS), "", self._look_after)


@pytest.mark.parametrize("seed", range(SEEDS))
def test_a_snapshot_and_the_notices_behind_it_are_a_later_snapshot(seed: int) -> None:
    world = Watched(seed)
    world.play()
    assert sum(each.looks for each in world.followers) > 20
    assert sum(each.told for each in world.followers) > 20


@pytest.mark.parametrize("what", ["made", "told"])
def test_a_failure_over_what_screens_are_told_costs_no_turn(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is adopted by then: were it not staged, memory would know of an order that the journal does not."""

    def broken(*_: object) -> None:
        raise RuntimeError("a bug")

    with World(1, QUIET, OBEDIENT).ready() as world:
        world.engine.runtime.watchers.watch(broken if what == "told" else lambda *_: None)
        if what == "made":
            monkeypatch.setattr("engine.runtime.watchers.notices", broken)
        world.oms.new_order(t38=100_000, t40="1", t44=None, t59="0")
        world.run(15)
        assert world.events(e.FillBooked)
        world.calm()
        world.reckon()
