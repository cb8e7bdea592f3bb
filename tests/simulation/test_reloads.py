"""Files read again while everything goes on: crashes, cuts and commands, and a fold that gives the same afterwards.

What a reload comes to is the real code; only the files are made up, and the thread is an action of the world.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from random import Random
from types import SimpleNamespace
from typing import Any, cast

import pytest
from sim_engine import Life
from sim_time import NS
from world import World

from engine.boot.assembly import Parts, SecurityFile
from engine.boot.configured import Configured, InForce
from engine.boot.reload import Reloading
from engine.boot.take_over import take_over
from engine.dealers.book import DealerBook
from engine.dealers.stats import DealerStats, StatsParameters
from engine.desk.fields import catalogue
from engine.domain import events as e
from engine.journal.archive import ReadOnly
from engine.rules.program import compile_book
from engine.rules.source import Source
from engine.selection.ranking import Rankings
from engine.turn import ReadFiles

SEEDS = 8
RELOADS = 12
OTHER_RULES = """
rule "by a short memory" when notional <= 1mm
  rank by 60% hit_rate + 40% price_improvement over {days}d
  ask top 3  wait 8s  send automatically
  execute automatically when within 60bp price of fair and at least 1 quotes, else ask trader
rule "everything else" when true
  ask top 2  wait 15s  send automatically
"""


@dataclass(frozen=True)
class Draw:
    """Another setting: what a number stands for."""

    number: int

    def parts(self, life: Life) -> Parts:
        world, number = life.world, self.number
        machine = life.machine
        desk = world.setting.desk()
        desk.hours = dict(world.scenario.schedules)
        desk.risk = replace(desk.risk, notional_max=Decimal(50_000_000 if number % 2 else 700_000))
        paused = {"birch"} if number % 3 == 0 else set()
        desk.dealers = DealerBook(replace(each, paused=each.id in paused) for each in desk.dealers)
        if number % 4:
            days = 7 * (number % 4)
            text = OTHER_RULES.format(days=days)
            desk.book = compile_book([Source("other.rules", text)], catalogue(list(desk.dealers.ids), "USD"))
            desk.stats = DealerStats(StatsParameters(windows_days=tuple(sorted({*desk.book.windows(), 90, 180}))))
            desk.rankings = Rankings(desk.stats, desk.dealers.ids)
        return Parts(desk, machine.known(), machine.dictionaries, {}, {})

    def configured(self, life: Life) -> Configured:
        reference = SimpleNamespace(securities=life.world.path, calendar_months_min=0)
        journal = SimpleNamespace(path=life.world.path)
        config = SimpleNamespace(sessions=[], journal=journal, reference=reference, calendars={})
        return MadeUp(cast(Any, config), cast(Any, None), SecurityFile("", {}), *[cast(Any, None)] * 2, self, life)


@dataclass(frozen=True)
class MadeUp(Configured):
    """As if it had been read."""

    draw: Draw
    life: Life

    def parts(self) -> Parts:
        return self.draw.parts(self.life)

    def in_force(self) -> InForce:
        return InForce("c", (e.TextInForce("rules", f"{self.draw.number}"),))


class Reloads:
    """Gives reloads to whatever life there is, and carries them out."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.rng = Random(world.seed)
        self.done = 0
        self.under_way: Life | None = None
        for _ in range(RELOADS):
            at_s = self.rng.uniform(1, world.scenario.noise_s)
            world.timeline.later(int(at_s * NS), "reload", self._give)

    def _give(self) -> None:
        life = self.world.life
        if life is None or life.dead or not life.started or self.under_way is life:
            return
        self.under_way = life
        draw = Draw(self.rng.randrange(12))
        life.runtime.release.on_files_wanted = lambda wanted: self._begin(life, draw, wanted)
        life.command("reload", {"kinds": ["rules"], "reason": "the world wants it"})

    def _begin(self, life: Life, draw: Draw, wanted: ReadFiles) -> None:
        reloading = Reloading(
            draw.configured(life),
            life.runtime,
            life.trading,
            lambda _: self._count(),
            lambda _, kinds: draw.configured(life),
        )
        up_to = life.runtime.event_seq
        life.trading.follow()
        self._later(life, reloading, wanted, up_to)

    def _later(self, life: Life, reloading: Reloading, wanted: ReadFiles, up_to: int) -> None:
        life.loop.call_later(self.rng.uniform(0.1, 2.0), self._look, life, reloading, wanted, up_to)

    def _look(self, life: Life, reloading: Reloading, wanted: ReadFiles, up_to: int) -> None:
        with ReadOnly(self.world.path) as file:
            durable = file.head().event_seq
        if durable < up_to:
            self._later(life, reloading, wanted, up_to)
            return
        _, change = reloading._look(wanted.kinds, up_to)
        # Much may happen until the turn comes.
        life.loop.call_later(self.rng.uniform(0, 4), reloading._submit, wanted, (), change)

    def _count(self) -> None:
        self.done += 1
        self.under_way = None


def same_as_folded_anew(world: World) -> None:
    """Statistics that were exchanged while observations came in are those of a fold of the whole journal."""
    life = world.engine
    world.until(lambda: life.settled)
    desk = life.trading.desk
    fresh = world.setting.desk()
    fresh.stats = DealerStats(desk.stats.parameters)
    with ReadOnly(world.path) as file:
        again = take_over(Parts(fresh, life.machine.known(), life.machine.dictionaries, {}, {}), file)
    assert again.trading.state.digest() == life.trading.state.digest()
    assert again.trading.desk.stats.dump() == desk.stats.dump()


@pytest.mark.parametrize("seed", range(SEEDS))
def test_reloads_amid_everything_change_no_fold(seed: int) -> None:
    world = World(seed)
    with world:
        reloads = Reloads(world)
        world._schedule_noise()
        world.run(world.scenario.noise_s)
        world.calm()
        same_as_folded_anew(world)
        world.reckon()
    assert reloads.done
    assert len(world.events(e.Reloaded)) >= reloads.done
