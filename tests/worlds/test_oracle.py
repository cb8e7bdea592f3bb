"""The oracle: cheaper than whoever does not know, no better where there is nothing to know, and blind to luck."""

from __future__ import annotations

import statistics

import pytest
from worlds.oracle import Oracle
from worlds.paths import Paths
from worlds.street import Late, Outcome, Round, Said, Street
from worlds.world import Kind, World, draw

WAIT_S = 60.0


def cost_bps(world: World, at_most: int, *, knows: bool, rounds: int = 150) -> float:
    """Of a round on average, by the oracle's panels or by random ones of as many dealers."""
    street = Street(world, Paths(world.chance, world.stress))
    oracle, other, costs = Oracle(street), Oracle(street), []
    for event in street.events(rounds):
        if isinstance(event, Late):
            costs.append(street.cost_bps(event.piece, event.price, event.at_s) * event.size / event.piece.size)
        elif isinstance(event, Round):
            piece = event.piece
            panel = (oracle if knows else other).panel(piece, at_most)
            if not knows:
                names = world.present(piece.at_s)
                names.sort(key=lambda name: world.chance.uniform("test", piece.order, piece.number, name))
                panel = names[: len(panel)]
            answers = [answer for answer in event.ask(panel) if answer.came_s <= WAIT_S]
            decided_s = max((answer.came_s for answer in answers), default=WAIT_S) + 1.0
            for answer in sorted(answers, key=lambda each: piece.side * each.price):
                if answer.said is Said.QUOTE and event.open_size > 1e-9:
                    fill = event.accept(answer, decided_s)
                    if fill.outcome is Outcome.FILLED:
                        cost = street.cost_bps(piece, fill.price, piece.at_s)
                        costs.append(cost * fill.size / piece.size)
            event.close(decided_s)
            oracle.saw(event)
    return sum(costs) / rounds


@pytest.mark.parametrize("kind", [Kind.QUIET, Kind.LOSERS])
def test_it_trades_for_less(kind: Kind) -> None:
    saved = [
        cost_bps(draw(kind, seed), 5, knows=False) - cost_bps(draw(kind, seed), 5, knows=True) for seed in (1, 2, 3)
    ]
    assert min(saved) > 0.0
    assert statistics.fmean(saved) > 3.0


def test_among_equal_dealers_it_is_no_better_than_another() -> None:
    found = [
        cost_bps(draw(Kind.EQUAL, seed), 4, knows=False) - cost_bps(draw(Kind.EQUAL, seed), 4, knows=True)
        for seed in (1, 2, 3, 4)
    ]
    assert abs(statistics.fmean(found)) < 1.5


def test_it_asks_no_more_than_it_may_and_nobody_who_is_not_there() -> None:
    world = draw(Kind.LOSERS, 3)
    street = Street(world)
    oracle = Oracle(street)
    for event in street.events(60):
        if isinstance(event, Round):
            panel = oracle.panel(event.piece, 3)
            assert 1 <= len(set(panel)) == len(panel) <= 3
            assert set(panel) <= set(world.present(event.piece.at_s))
            event.ask(panel)
            event.close(60.0)
            oracle.saw(event)


def test_where_leaks_grow_with_how_many_know_it_asks_fewer() -> None:
    """In twins of the same luck: what asking more costs is known to it before anything has happened."""
    asked = {}
    for kind in (Kind.QUIET, Kind.MANY):
        world = draw(kind, 3)
        street = Street(world)
        oracle = Oracle(street)
        asked[kind] = sum(len(oracle.panel(event.piece, 8)) for event in street.events(80) if isinstance(event, Round))
    assert asked[Kind.MANY] < asked[Kind.QUIET]


def test_it_knows_neither_books_nor_prices() -> None:
    """Its panels are the same whatever the paths are that inventories, errors and mids take."""
    world = draw(Kind.LOSERS, 4)
    other = Paths(world.chance, lambda day: 3.0)
    panels = []
    for paths in (Paths(world.chance, world.stress), other):
        street = Street(world, paths)
        oracle = Oracle(street)
        panels.append([oracle.panel(event.piece, 5) for event in street.events(40) if isinstance(event, Round)])
    assert panels[0] == panels[1]
