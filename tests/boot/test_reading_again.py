"""Reloads one at a time, and what becomes of one that fails in a way nobody thought of."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from engine.boot import configured
from engine.boot.configured import KINDS, Configured
from engine.boot.reload import BUSY, Reloading
from engine.clock import Clock
from engine.config import ConfigProblems
from engine.turn import FilesRead, ReadFiles, Settled

WANTED = ReadFiles(7, ("rules",), "kim", "a test")


class World:
    """As much of an engine as a reload sees."""

    def __init__(self, read: Any) -> None:
        self.submitted: list[FilesRead] = []
        self.counted: list[tuple[tuple[str, ...], str]] = []
        self.followed = False
        self.release = SimpleNamespace()
        self.clock = Clock(1.0, 0)
        self.event_seq = 0
        self.metrics = SimpleNamespace(reloaded=lambda kinds, outcome, _: self.counted.append((kinds, outcome)))
        self.reloading = Reloading(
            cast(Configured, None), cast(Any, self), cast(Any, self), lambda taken: None, cast(Any, read)
        )

    def entropy(self) -> bytes:
        return bytes(16)

    def submit(self, given: FilesRead, rows: Sequence[Any] = ()) -> None:
        self.submitted.append(given)

    def follow(self) -> None:
        self.followed = True

    def unfollow(self) -> None:
        self.followed = False


async def until(found: Any) -> None:
    async with asyncio.timeout(30):
        while not found():  # noqa: ASYNC110 (what is waited for knows of no event)
            await asyncio.sleep(0)


def test_one_at_a_time_and_the_next_when_that_is_settled() -> None:
    go_on = threading.Event()

    def read(before: Configured, kinds: Sequence[str]) -> Configured:
        go_on.wait(30)
        raise ConfigProblems(["nothing to read"])

    async def play() -> None:
        world = World(read)
        world.release.on_files_wanted(WANTED)
        world.release.on_files_wanted(ReadFiles(8, (), "kim", "again"))
        assert [(given.ref, given.problems, given.kinds) for given in world.submitted] == [(8, BUSY, KINDS)]
        await until(lambda: world.followed)
        world.release.on_files_settled(Settled(KINDS, None, BUSY))
        assert world.followed, "the one under way goes on"
        go_on.set()
        await until(lambda: len(world.submitted) == 2)
        assert (world.submitted[1].ref, world.submitted[1].problems) == (7, ("nothing to read",))
        assert world.submitted[1].change is None
        world.release.on_files_settled(Settled(("rules",), None, ("nothing to read",)))
        assert not world.followed
        assert world.counted == [(("rules",), "refused")]
        world.release.on_files_wanted(WANTED)
        await until(lambda: len(world.submitted) == 3)

    asyncio.run(play())


def test_a_failure_of_ours_is_told_and_leaves_what_is_in_force(caplog: pytest.LogCaptureFixture) -> None:
    def read(before: Configured, kinds: Sequence[str]) -> Configured:
        raise RuntimeError("no such day")

    async def play() -> None:
        world = World(read)
        world.release.on_files_wanted(WANTED)
        await until(lambda: world.submitted)
        assert world.submitted[0].problems == ("RuntimeError: no such day",)

    asyncio.run(play())
    assert "this is a bug of the engine" in caplog.text


def test_a_kind_that_there_is_not_is_named_with_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(ConfigProblems, match="no such thing as 'rulez': known are rules, scoring, dealers"):
        configured.read_again(cast(Configured, None), ["rulez"])
