"""Orders decided again at their moments: what is known there is what was known then, to the last digit."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest
from sim_setting import DEALERS, RULES
from world import World

from engine.desk.fields import catalogue
from engine.desk.learning import Learning
from engine.desk.setting import Desk
from engine.domain import events as e
from engine.journal import archive
from engine.journal.archive import ReadOnly
from engine.research.facts import FactsThen
from engine.research.moments import Moments
from engine.rules import Book, Source, compile_book

FOREVER = 1 << 62
pytestmark = pytest.mark.starts("noon")  # Worlds have a clock of their own.


class DesksOfWorlds:
    """Every simulated engine has the same desk."""

    def __init__(self, facts: FactsThen, world: World) -> None:
        self._facts = facts
        self._world = world
        self.known = facts.over(catalogue(list(DEALERS), "USD"))
        own = compile_book([Source("simulation.rules", RULES)], self.known)
        self._books = {own.hash: own}

    def desk_of(self, event: e.EngineStarted | e.Reloaded) -> Desk:
        desk = self._world.setting.desk()
        desk.hours = dict(self._world.scenario.schedules)
        desk.learning = Learning(desk.learning.parameters)
        return desk

    def book(self, book_hash: str) -> Book | None:
        return self._books.get(book_hash)


@contextmanager
def pass_over(world: World) -> Iterator[tuple[Moments, DesksOfWorlds]]:
    facts = FactsThen()
    desks = DesksOfWorlds(facts, world)
    with ReadOnly(world.path) as file:
        yield Moments(file, desks, facts), desks


class DecidedAgain(World):
    """A world whose journal is looked at before it is thrown away."""

    decided = 0

    def reckon(self) -> None:
        with pass_over(self) as (moments, desks):
            for moment in moments.between(0, FOREVER):
                book = desks.book(moment.made.book_hash)
                assert book is not None
                assert moment.decide(book) == moment.made
                self.decided += 1
            assert not moments.skipped
        with ReadOnly(self.path) as file:
            [(count,)] = file.query("SELECT count(*) FROM events WHERE type = 'OrderRecommended'")
        assert self.decided == count


@pytest.mark.parametrize("seed", range(1, 25))
def test_the_book_of_then_says_again_what_it_said(seed: int) -> None:
    """Through crashes, cuts, killed dealers and clock steps: the whole selection, with every score and reason."""
    world = DecidedAgain(seed)
    world.play()
    assert world.decided


class WrittenMeanwhile(World):
    """A world whose journal is written on, and its log shortened, while it is looked at."""

    looked = 0

    def reckon(self) -> None:
        with pass_over(self) as (moments, _), closing(sqlite3.connect(self.path)) as writer:
            for _ in moments.between(0, FOREVER):
                self.looked += 1
                writer.execute(f"PRAGMA user_version = {self.looked}")  # It stands for a commit.
                busy, _, _ = writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
                assert not busy


def test_a_writer_can_shorten_its_log_beside_a_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "_PAGE", 5)
    world = WrittenMeanwhile(2)
    world.play()
    assert world.looked > 1
