"""What worlds are made of: the same from the same seed, within ranges that say where they come from."""

from __future__ import annotations

import ast
import itertools
import math
import statistics
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from worlds.chance import Chance
from worlds.paths import Paths
from worlds.ranges import RANGES
from worlds.world import DAY_S, FIRST_DAY, NO_LEAK, Kind, draw

WORLDS = Path(__file__).parents[2] / "scripts" / "worlds"


def test_luck_depends_on_its_purpose_and_on_nothing_drawn_before() -> None:
    one, other = Chance("losers", 7), Chance("losers", 7)
    first = [one.normal("mood", name, 3) for name in ("ash", "birch", "cedar")]
    other.uniform("something else")
    assert [other.normal("mood", name, 3) for name in ("cedar", "birch", "ash")] == first[::-1]
    assert Chance("losers", 8).normal("mood", "ash", 3) != first[0] != one.normal("mood", "ash", 4)


def test_draws_have_the_moments_they_promise() -> None:
    """20,000 of each: means within four standard errors, spreads within three percent."""
    chance, count = Chance("moments"), 20_000
    normal = [chance.normal("n", at) for at in range(count)]
    laplace = [chance.laplace("l", at) for at in range(count)]
    waiting = [chance.waiting(5.0, "w", at) for at in range(count)]
    for drawn in (normal, laplace):
        assert abs(statistics.fmean(drawn)) < 4 / math.sqrt(count)
        assert statistics.pstdev(drawn) == pytest.approx(1, rel=0.03)
    assert statistics.fmean(waiting) == pytest.approx(5, rel=4 / math.sqrt(count))
    assert sum(each > 3 for each in map(abs, laplace)) > 3 * sum(each > 3 for each in map(abs, normal)), "heavier tails"
    share = sum(chance.happens(0.3, "h", at) for at in range(count)) / count
    assert share == pytest.approx(0.3, abs=4 * math.sqrt(0.21 / count))


def test_a_path_is_the_same_in_whatever_order_its_moments_are_asked_for() -> None:
    moments = [at * 1_234.5 for at in range(1, 100)]
    forth, back = Paths(Chance(1)), Paths(Chance(1))
    values = [forth.at("bond 3", at) for at in moments]
    assert [back.at("bond 3", at) for at in reversed(moments)] == values[::-1]
    assert forth.at("bond 3", 0) == forth.at("bond 3", -5) == 0
    assert forth.at("bond 4", moments[5]) != values[5]


@pytest.mark.parametrize("step_s", [DAY_S, DAY_S / 2, DAY_S / 256, 4.0])
def test_a_path_wanders_by_the_square_root_of_time(step_s: float) -> None:
    """Brownian: what it does in a step has that part of a day's variance, whether the step ends with a day or not."""
    paths = Paths(Chance("wanders"))
    moved = [paths.at("x", (at + 1) * step_s) - paths.at("x", at * step_s) for at in range(2_000)]
    expected = step_s / DAY_S
    assert statistics.fmean(each * each for each in moved) == pytest.approx(expected, rel=4 * math.sqrt(2 / 2_000))
    pairs = statistics.fmean(a * b for a, b in itertools.pairwise(moved))
    assert abs(pairs) < 4 * expected / math.sqrt(2_000), "what it does next does not depend on what it did"


@pytest.mark.parametrize("kind", Kind)
def test_a_world_is_always_the_same_and_no_other_is_like_it(kind: Kind) -> None:
    one, again, other = draw(kind, 3), draw(kind, 3), draw(kind, 4)
    assert (one.bonds, one.insides, one.dealers, one.values) == (
        again.bonds,
        again.insides,
        again.dealers,
        again.values,
    )
    assert one.bonds != other.bonds
    assert one.dealers != other.dealers


def test_worlds_of_a_seed_are_twins_but_for_what_is_special_about_each() -> None:
    quiet, losers = draw(Kind.QUIET, 3), draw(Kind.LOSERS, 3)
    assert (quiet.bonds, quiet.insides, quiet.values) == (losers.bonds, losers.insides, losers.values)
    silenced = {name: replace(dealer, leak_bps=0.0) for name, dealer in losers.dealers.items()}
    assert silenced == quiet.dealers
    assert losers.dealers != quiet.dealers


def test_a_part_of_what_dealers_like_can_be_seen_by_rating_and_maturity() -> None:
    """And a part cannot: knowing the segments of the files is worth something, and not everything."""
    seen = []
    for seed in range(40):
        world = draw(Kind.QUIET, seed)
        styles: dict[tuple[str, bool], list[int]] = {}
        for bond in world.bonds:
            styles.setdefault((bond.rating, bond.years > 11), []).append(world.inside(bond).style)
        alike = [Counter(each).most_common(1)[0][1] for each in styles.values()]
        seen.append(sum(alike) / len(world.bonds))
    assert min(seen) < 0.6 < max(seen)
    assert statistics.fmean(seen) < 0.9


@pytest.mark.parametrize("kind", Kind)
def test_who_leaks_and_who_is_alike_is_as_the_kind_says(kind: Kind) -> None:
    worlds = [draw(kind, seed) for seed in range(20)]
    talkers = [sum(dealer.leak_bps > 0 for dealer in world.dealers.values()) / len(world.dealers) for world in worlds]
    if kind in NO_LEAK:
        assert set(talkers) == {0}
        assert not any(world.leaks for world in worlds)
    else:
        assert 0.1 < statistics.fmean(talkers) < 0.5
    alike = Counter(len({dealer.markups for dealer in world.dealers.values()}) == 1 for world in worlds)
    assert alike == {kind is Kind.EQUAL: 20}
    hedgers = {any(dealer.hedge_bps for dealer in world.dealers.values()) for world in worlds}
    assert hedgers == {kind is Kind.HEDGE}
    stressed = {any(world.stress(day) > 1 for day in range(90)) for world in worlds}
    assert stressed == {kind is Kind.REGIMES}


def test_every_range_says_what_it_is_of_and_where_it_comes_from() -> None:
    used = "".join((WORLDS / f"{name}.py").read_text() for name in ("world", "street"))
    chance = Chance("ranges")
    for name, each in RANGES.items():
        assert each.low < each.high
        assert each.unit
        assert len(each.source) >= len("range ours")
        assert f'"{name}"' in used, f"nothing is drawn from {name}"
        drawn = [each.draw(chance, name, at) for at in range(200)]
        assert each.low <= min(drawn) <= max(drawn) <= each.high
        middle = math.sqrt(each.low * each.high) if each.by_ratio else (each.low + each.high) / 2
        assert sum(value < middle for value in drawn) == pytest.approx(100, abs=30)


def test_worlds_share_nothing_with_what_they_judge() -> None:
    for path in WORLDS.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [each.name for each in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not [name for name in names if name.split(".")[0] in ("engine", "benchmarks", "paper")], path.name


def test_some_dealers_come_during_the_year_and_are_the_same_ones_in_every_kind() -> None:
    later, all_told = 0, 0
    for seed in range(20):
        quiet, losers = draw(Kind.QUIET, seed), draw(Kind.LOSERS, seed)
        counts = [len(quiet.present(day * DAY_S)) for day in (FIRST_DAY, 60, 120, 250)]
        assert counts == sorted(counts)
        assert counts[-1] == len(quiet.dealers)
        assert [losers.present(day * DAY_S) for day in (10, 90)] == [quiet.present(day * DAY_S) for day in (10, 90)]
        later += counts[-1] - counts[0]
        all_told += counts[-1]
    assert 0.08 < later / all_told < 0.27


def test_buying_and_selling_are_not_the_same() -> None:
    """Dealer by dealer and for all of them: about a tenth of a half spread either way."""
    found = []
    for seed in range(20):
        world = draw(Kind.QUIET, seed)
        bond, dealer = world.bonds[0], next(iter(world.dealers.values()))
        size = world.inside(bond).adv / 2
        half = world.half_spread_bps(bond, size, 0.0)
        found.append(
            (world.offset_bps(dealer, bond, 1, size, 0.0) - world.offset_bps(dealer, bond, -1, size, 0.0)) / half
        )
        buys, sells = (world.interest(dealer, bond, side, size, 1) for side in (1, -1))
        assert buys != sells or buys in (0.0, 1.0)
    assert 0.1 < statistics.pstdev(found) < 0.5
    assert min(found) < 0 < max(found)
