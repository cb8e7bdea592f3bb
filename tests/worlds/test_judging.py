"""Whether the street can tell policies apart, and does not where there is nothing to tell."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
from worlds.street import Piece, Said, Street
from worlds.world import Dealer, Kind, World, draw

Policy = Callable[[World, Piece], Sequence[Dealer]]
ASKED, WAIT_S = 3, 120.0


def trade(world: World, policy: Policy, rounds: int) -> list[float]:
    """By round what it cost against the mid when its order came, in bps; what nobody trades is traded days later."""
    street, began_s, costs = Street(world), dict[int, float](), []
    for piece in street.pieces(rounds):
        began = began_s.setdefault(piece.order, piece.at_s)
        panel = street.panel(piece, policy(world, piece))
        answers = [each for each in street.ask(piece, panel) if each.seconds <= WAIT_S]
        decided_s = max((each.seconds for each in answers), default=WAIT_S) + 2.0
        mark = street.mark(piece.bond, piece.at_s).price
        quotes = [each for each in answers if each.said is Said.QUOTE]
        usable = [each for each in quotes if piece.side * 100 * (each.price - mark) <= piece.limit_bps]
        winner, price = None, street.later(piece)[1]
        for quote in sorted(usable, key=lambda each: piece.side * each.price)[:2]:
            fill = street.accept(piece, quote, decided_s)
            if fill.size:
                winner, price = quote.dealer, fill.price
                break
        costs.append(street.cost_bps(piece, price, began))
        street.over(piece, panel, winner, decided_s)
    return costs


def saved(
    kind: Kind, policy: Policy, than: Policy, *, seeds: int, rounds: int = 250, alike: bool = False
) -> tuple[float, float]:
    """Mean bps a round that `policy` saves against `than` in the same worlds; its standard error over worlds."""
    found = []
    for seed in range(1, seeds + 1):
        world = draw(kind, seed)
        if alike:
            one = world.dealers[0]
            same = tuple(replace(one, name=each.name, leak_bps=each.leak_bps) for each in world.dealers)
            world = replace(world, dealers=same)
        pairs = zip(trade(world, than, rounds), trade(world, policy, rounds), strict=True)
        found.append(statistics.fmean(other - ours for other, ours in pairs))
    return statistics.fmean(found), statistics.stdev(found) / math.sqrt(seeds)


def shuffled(world: World, piece: Piece) -> list[Dealer]:
    return sorted(world.dealers, key=lambda each: world.chance.uniform("test", piece.order, piece.number, each.name))


def anybody(world: World, piece: Piece) -> Sequence[Dealer]:
    return shuffled(world, piece)[:ASKED]


def the_same(world: World, piece: Piece) -> Sequence[Dealer]:
    return world.dealers[-ASKED:]


def the_best(world: World, piece: Piece) -> Sequence[Dealer]:
    """By what nobody can know."""
    bond = piece.bond
    return sorted(
        world.dealers, key=lambda each: each.markups[bond.style] * bond.half_spread_bps - 10 * each.reach[bond.style]
    )[:ASKED]


def the_silent(world: World, piece: Piece) -> Sequence[Dealer]:
    return sorted(shuffled(world, piece), key=lambda each: each.leak_bps)[:ASKED]


def the_loud(world: World, piece: Piece) -> Sequence[Dealer]:
    return sorted(shuffled(world, piece), key=lambda each: -each.leak_bps)[:ASKED]


def test_among_equal_dealers_no_choice_is_better_than_another() -> None:
    mean, error = saved(Kind.EQUAL, the_same, anybody, seeds=12)
    assert abs(mean) < 3 * error, f"{mean:.2f} bps, standard error {error:.2f}"


def test_who_knows_the_truth_trades_for_less() -> None:
    mean, error = saved(Kind.QUIET, the_best, anybody, seeds=6)
    assert mean > 4 * error, f"{mean:.2f} bps, standard error {error:.2f}"


def test_where_nobody_leaks_it_does_not_matter_who_would() -> None:
    assert saved(Kind.QUIET, the_silent, the_loud, seeds=2, alike=True) == (0.0, 0.0)


@pytest.mark.parametrize(
    "kind",
    [
        Kind.LOSERS,
        *(pytest.param(kind, marks=pytest.mark.full) for kind in (Kind.TOLD, Kind.EARLY)),
    ],
)
def test_who_asks_those_who_leak_pays_for_it(kind: Kind) -> None:
    """Where three know too few to matter (`MANY`), or later orders pay (`LATE`), it takes more worlds than these."""
    mean, error = saved(kind, the_silent, the_loud, seeds=8, alike=True)
    assert mean > 3 * error, f"{mean:.2f} bps, standard error {error:.2f}"
