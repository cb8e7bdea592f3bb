"""Whether the street can tell policies apart, and does not where there is nothing to tell."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
from worlds.paths import Paths
from worlds.street import Late, Outcome, Piece, Round, Said, Street
from worlds.world import Dealer, Kind, World, draw

Policy = Callable[[World, Piece], Sequence[str]]
ASKED, WAIT_S = 3, 60.0


def trade(world: World, policy: Policy, rounds: int, paths: Paths) -> float:
    """What a round cost on average, in bps of its size; what nobody would trade is traded later."""
    street, costs = Street(world, paths), []
    for event in street.events(rounds):
        if isinstance(event, Late):
            costs.append(street.cost_bps(event.piece, event.price, event.at_s) * event.size / event.piece.size)
        elif isinstance(event, Round):
            costs += _trade(event, policy(world, event.piece))
    return sum(costs) / rounds


def _trade(asked: Round, wanted: Sequence[str]) -> list[float]:
    street, piece = asked.street, asked.piece
    answers = [each for each in asked.ask(asked.panel(wanted)) if each.came_s <= WAIT_S]
    decided_s = max((each.came_s for each in answers), default=WAIT_S) + 1.0
    mark = street.mark(piece.bond, piece.at_s).price
    quotes = [each for each in answers if each.said is Said.QUOTE]
    usable = [each for each in quotes if piece.side * 100 * (each.price - mark) <= piece.limit_bps]
    costs = []
    for quote in sorted(usable, key=lambda each: piece.side * each.price):
        fill = asked.accept(quote, decided_s)
        if fill.outcome is Outcome.FILLED:
            costs.append(street.cost_bps(piece, fill.price, piece.at_s) * fill.size / piece.size)
        if asked.open_size <= 1e-9:
            break
    asked.close(decided_s)
    return costs


def saved(kind: Kind, policy: Policy, than: Policy, *, seeds: int, alike: bool = False) -> tuple[float, float]:
    """Mean bps a round that `policy` saves against `than` in the same worlds; its standard error over worlds."""
    found = []
    for seed in range(1, seeds + 1):
        world = draw(kind, seed)
        if alike:
            one = next(iter(world.dealers.values()))
            same = {name: _like(one, each) for name, each in world.dealers.items()}
            world = replace(world, dealers=same)
        paths = Paths(world.chance, world.stress)
        found.append(trade(world, than, 200, paths) - trade(world, policy, 200, paths))
    return statistics.fmean(found), statistics.stdev(found) / math.sqrt(seeds)


def _like(one: Dealer, other: Dealer) -> Dealer:
    """One in everything but in what it tells."""
    return replace(one, name=other.name, leak_bps=other.leak_bps, talks=other.talks, hedge_bps=other.hedge_bps)


def shuffled(world: World, piece: Piece) -> list[str]:
    names = world.present(piece.at_s)
    return sorted(names, key=lambda name: world.chance.uniform("test", piece.order, piece.number, name))


def anybody(world: World, piece: Piece) -> Sequence[str]:
    return shuffled(world, piece)[:ASKED]


def the_same(world: World, piece: Piece) -> Sequence[str]:
    return world.present(0.0)[-ASKED:]


def the_best(world: World, piece: Piece) -> Sequence[str]:
    """By what nobody can know: who is likely to answer, and well, at this moment."""

    def worth(name: str) -> float:
        dealer = world.dealers[name]
        late = world.half_spread_bps(piece.bond, piece.size, piece.at_s) * world.values["late_half_spreads"]
        answers = world.interest(dealer, piece.bond, piece.side, piece.size, ASKED)
        return -answers * (late - world.offset_bps(dealer, piece.bond, piece.side, piece.size, piece.at_s))

    return sorted(world.present(piece.at_s), key=worth)[:ASKED]


def the_silent(world: World, piece: Piece) -> Sequence[str]:
    return sorted(shuffled(world, piece), key=lambda name: _tells(world, name))[:ASKED]


def the_loud(world: World, piece: Piece) -> Sequence[str]:
    return sorted(shuffled(world, piece), key=lambda name: -_tells(world, name))[:ASKED]


def _tells(world: World, name: str) -> float:
    dealer = world.dealers[name]
    return dealer.leak_bps * dealer.talks + dealer.hedge_bps


def test_among_equal_dealers_no_choice_is_better_than_another() -> None:
    mean, error = saved(Kind.EQUAL, the_same, anybody, seeds=10)
    assert abs(mean) < 3 * error, f"{mean:.2f} bps, standard error {error:.2f}"


def test_who_knows_the_truth_trades_for_less() -> None:
    mean, error = saved(Kind.QUIET, the_best, anybody, seeds=8)
    assert mean > 3 * error, f"{mean:.2f} bps, standard error {error:.2f}"


def test_where_nobody_leaks_it_does_not_matter_who_would() -> None:
    assert saved(Kind.QUIET, the_silent, the_loud, seeds=2, alike=True) == (0.0, 0.0)


@pytest.mark.parametrize(
    ("kind", "seeds"),
    [
        (Kind.LOSERS, 8),
        *(
            pytest.param(kind, 16, marks=pytest.mark.full)
            for kind in (Kind.TOLD, Kind.EARLY, Kind.LATE, Kind.MANY, Kind.TRADERS, Kind.REGIMES)
        ),
    ],
)
def test_who_asks_those_who_leak_pays_for_it(kind: Kind, seeds: int) -> None:
    """What a winner's hedge costs the next part of an order takes more worlds to see than these."""
    mean, error = saved(kind, the_silent, the_loud, seeds=seeds, alike=True)
    assert mean > 2.5 * error, f"{mean:.2f} bps, standard error {error:.2f}"
