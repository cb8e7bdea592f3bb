"""The panel: the numbers for equal dealers, every subset, Monte Carlo, and what limits may and may not do."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prospect_support import equal, outlook, some, stakes_of

from engine.selection.panel import Panels
from engine.selection.prospect import SHARED, Prospect, Stakes, alone_bps, prospect
from engine.selection.student import student

CERTAIN = Stakes(c_fail_bps=1_000.0)
"""Not trading costs so much that what is got is the best of all quotes."""


# Source: DOMAIN 3.3, the mean of the highest of k normal quotes: order statistics.
GAINS = (0.564, 0.282, 0.183, 0.134, 0.104, 0.085, 0.071)


def test_what_the_kth_of_equal_dealers_adds() -> None:
    sigma = 10.0
    panels = Panels(equal(8, CERTAIN, noise=sigma), CERTAIN)
    gains = [step.gain_bps / sigma for step in panels.best(8).path[1:]]
    assert gains == pytest.approx(GAINS, abs=6e-4)


# Source: DOMAIN 3.3, the optimum at a quote sd of 10 bps.
@pytest.mark.parametrize(("leak_bps", "asked"), [(1.5, 4), (3.0, 2)])
def test_how_many_equal_dealers_are_asked(leak_bps: float, asked: int) -> None:
    found = Panels(equal(12, CERTAIN, noise=10.0, leak_in=leak_bps), CERTAIN).best(12)
    assert len(found.chosen) == asked


def test_a_wide_firm_dealer_comes_before_a_tight_one_that_rejects() -> None:
    """(e = -8, f = .99) before (e = -10, f = .50), and also where the other is the tighter one."""
    # Source: DOMAIN 3.3.
    for edge in (-10.0, -6.0):
        firm, flighty = (
            prospect(outlook("firm", edge=-8.0, firm=0.99), Stakes(20.0)),
            prospect(outlook("flighty", edge=edge, firm=0.5), Stakes(20.0)),
        )
        assert alone_bps(firm, Stakes(20.0)) > alone_bps(flighty, Stakes(20.0))


def cases(seeds: range, fewest: int, most: int) -> list[tuple[list[Prospect], Stakes, int]]:
    found = []
    for seed in seeds:
        draw = random.Random(seed)
        stakes = stakes_of(draw)
        found.append(
            ([prospect(each, stakes) for each in some(draw, draw.randint(fewest, most))], stakes, draw.randint(1, 5))
        )
    return found


def best_of_all(panels: Panels, count: int, most: int) -> float:
    return max(panels.worth(each) for size in range(most + 1) for each in combinations(range(count), size))


def assert_near_the_best(prospects: list[Prospect], stakes: Stakes, most: int) -> None:
    panels = Panels(prospects, stakes)
    best = best_of_all(panels, len(prospects), most)
    assert panels.best(most).worth_bps >= best - 0.01 * abs(best) - 1e-9


@pytest.mark.parametrize("seed", range(40))
def test_near_the_best_of_all_panels(seed: int) -> None:
    assert_near_the_best(*cases(range(seed, seed + 1), 5, 9)[0])


@pytest.mark.parametrize("seed", range(1_000, 1_003))
def test_near_the_best_of_all_1940_panels_of_at_most_4_of_15(seed: int) -> None:
    draw = random.Random(seed)
    stakes = stakes_of(draw)
    assert sum(math.comb(15, size) for size in range(1, 5)) == 1_940
    assert_near_the_best([prospect(each, stakes) for each in some(draw, 15)], stakes, 4)


@pytest.mark.full
@pytest.mark.parametrize("seed", range(2_000, 2_300))
def test_near_the_best_of_all_panels_of_up_to_12(seed: int) -> None:
    assert_near_the_best(*cases(range(seed, seed + 1), 10, 12)[0])


@pytest.mark.parametrize("seed", range(4))
def test_the_sum_over_the_grid_is_the_mean_of_many_draws(seed: int) -> None:
    """40,000 draws of every quote and every last look: within 4 standard errors."""
    draw = random.Random(seed)
    stakes = replace(stakes_of(draw), limit_edge_bps=-9.0 if seed % 2 else None)
    outlooks = [replace(each, e_df=math.inf, e=replace(each.e, sd=0.0), q_slope=-0.3) for each in some(draw, 4)]
    prospects = [prospect(each, stakes) for each in outlooks]
    worths = []
    for _ in range(40_000):
        tried = []
        for each in prospects:
            net = draw.gauss(each.net_bps, each.sd_bps)
            if draw.random() < each.answers(4) and net >= each.floor_in(0) and net > -stakes.c_fail_bps:
                tried.append((net, each))
        # Quotes are tried in falling net edge; each refusal costs its move, so that a fill is worth the true edge.
        got = 0.0
        for net, each in sorted(tried, key=lambda entry: -entry[0]):
            refusals = each.move_bps * (1 - each.firm) / each.firm
            if draw.random() < each.firm:
                got += net + refusals + stakes.c_fail_bps
                break
            got -= each.move_bps
        worths.append(got)
    mean = sum(worths) / len(worths)
    error = math.sqrt(sum((worth - mean) ** 2 for worth in worths)) / len(worths)
    expected = Panels(prospects, stakes).worth(range(4)) + sum(each.leak_bps for each in prospects)
    assert abs(expected - mean) < 4 * error + 0.01


def test_half_and_twice_the_cost_of_not_trading_are_the_same_as_computed_anew() -> None:
    prospects, stakes, _ = cases(range(7, 8), 8, 8)[0]
    panels = Panels(prospects, stakes)
    for factor in (0.5, 2.0):
        anew = Panels(prospects, replace(stakes, c_fail_bps=factor * stakes.c_fail_bps))
        there = panels.at_cost(factor * stakes.c_fail_bps)
        assert there.worth(range(4)) == pytest.approx(anew.worth(range(4)), abs=0.01)


def test_margins_are_differences_of_worth_and_winning_adds_up_to_a_fill() -> None:
    prospects, stakes, _ = cases(range(3, 4), 9, 9)[0]
    panels = Panels(prospects, stakes)
    chosen = panels.best(4).chosen
    margins = panels.margins(chosen)
    for at, margin in enumerate(margins):
        rest = [other for other in chosen if other != at]
        before, after = (rest, chosen) if at in chosen else (chosen, [*chosen, at])
        assert margin.gain_bps == pytest.approx(panels.worth(after) - panels.worth(before), abs=1e-9)
    assert sum(margins[at].p_win for at in chosen) == pytest.approx(panels.fill(chosen), abs=0.005)


def test_the_error_of_a_margin_is_what_the_errors_of_its_estimates_make() -> None:
    """By differences: one standard deviation of each estimate, up and down."""
    stakes = Stakes(15.0, 1.0, 0.5)
    base = [outlook("a", edge=-5, q=0.7, firm=0.8, noise=4, edge_sd=0.0), outlook("b", edge=-6, q=0.8, noise=5)]
    shaky = replace(
        base[0],
        e=replace(base[0].e, sd=1.0),
        q=replace(base[0].q, sd=0.05),
        f=replace(base[0].f, sd=0.04),
        leak_in=replace(base[0].leak_in, sd=0.3),
        leak_post=replace(base[0].leak_post, sd=0.4),
    )

    def margin(first: object) -> float:
        return Panels([prospect(first, stakes), prospect(base[1], stakes)], stakes).margins((0, 1))[0].gain_bps  # type: ignore[arg-type]

    def half(field: str, by: float) -> float:
        moved = [
            replace(shaky, **{field: replace(getattr(shaky, field), value=getattr(shaky, field).value + sign * by)})
            for sign in (1, -1)
        ]
        return (margin(moved[0]) - margin(moved[1])) / 2

    error = math.hypot(half("e", 1.0), half("q", 0.05), half("f", 0.04), 0.3, 0.5 * 0.4)
    found = Panels([prospect(shaky, stakes), prospect(base[1], stakes)], stakes).margins((0, 1))[0].gain_sd_bps
    assert found == pytest.approx(error, rel=0.03)


# --- limits ---------------------------------------------------------------------------------------


def test_limits_are_part_of_the_choice_and_the_curve_tells_what_they_cost() -> None:
    stakes = Stakes(20.0)
    panels = Panels([prospect(outlook(f"d{at}", edge=-float(at), leak_in=0.1), stakes) for at in range(6)], stakes)
    found = panels.best(6, never={0}, may_join=lambda at, beside: len(beside) < 2)
    assert found.chosen == (1, 2)
    assert [(step.at, step.allowed) for step in found.path] == [
        (1, True),
        (2, True),
        (3, False),
        (4, False),
        (5, False),
    ]


def test_the_forced_are_in_whatever_they_are_worth() -> None:
    stakes = Stakes(20.0)
    dealers = [outlook("a"), outlook("b", edge=-500.0, leak_in=2.0), outlook("c")]
    found = Panels([prospect(each, stakes) for each in dealers], stakes).best(2, forced=(1,))
    assert found.chosen[0] == 1
    assert len(found.chosen) == 2


def test_nobody_is_asked_where_everybody_leaks_more_than_it_adds() -> None:
    stakes = Stakes(1.0)
    found = Panels([prospect(outlook("a", edge=-30.0, noise=1.0, leak_in=1.0), stakes)], stakes).best(3)
    assert (found.chosen, found.worth_bps) == ((), 0.0)
    assert Panels([], stakes).best(3).chosen == ()


# --- properties -----------------------------------------------------------------------------------

seeds = st.integers(0, 10**6)


def chosen_of(outlooks: Sequence[object], stakes: Stakes, most: int) -> list[str]:
    prospects = [prospect(each, stakes) for each in outlooks]  # type: ignore[arg-type]
    return [prospects[at].dealer for at in Panels(prospects, stakes).best(most).chosen]


@given(seeds, st.integers(1, 5))
def test_a_useless_dealer_changes_nothing(seed: int, most: int) -> None:
    draw = random.Random(seed)
    stakes, dealers = stakes_of(draw), some(draw, 7)
    useless = outlook("z", edge=-400.0, noise=1.0, leak_in=0.5)
    assert chosen_of([*dealers, useless], stakes, most) == chosen_of(dealers, stakes, most)


@given(seeds, st.integers(1, 4))
def test_a_lower_limit_never_asks_more(seed: int, most: int) -> None:
    draw = random.Random(seed)
    stakes, dealers = stakes_of(draw), some(draw, 7)
    assert len(chosen_of(dealers, stakes, most)) <= len(chosen_of(dealers, stakes, most + 1))


@given(seeds, st.integers(1, 5), st.sampled_from(["e", "q", "f", "leak_in", "leak_post"]), st.floats(0.01, 3))
def test_a_dealer_that_gets_better_stays_in(seed: int, most: int, field: str, by: float) -> None:
    draw = random.Random(seed)
    stakes = stakes_of(draw)
    dealers = [replace(each, q_slope=0.0) for each in some(draw, 7)]
    before = chosen_of(dealers, stakes, most)
    if not before:
        return
    lucky = draw.choice(before)
    better = []
    for each in dealers:
        if each.dealer == lucky:
            own = getattr(each, field)
            sign = -1 if field.startswith("leak") else 1
            value = own.value + sign * by
            each = replace(each, **{field: replace(own, value=min(value, 1.0) if field in "qf" else value)})
        better.append(each)
    assert lucky in chosen_of(better, stakes, most)
    stakes_now = Stakes(stakes.c_fail_bps, 1.0, stakes.rho, stakes.limit_edge_bps)
    worth = {each.dealer: alone_bps(prospect(each, stakes_now), stakes_now) for each in dealers}
    assert (
        alone_bps(prospect(next(each for each in better if each.dealer == lucky), stakes_now), stakes_now)
        >= worth[lucky] - 1e-9
    )


def test_nobody_is_paid_for_a_leak_that_an_estimate_puts_below_nothing() -> None:
    stakes = Stakes(20.0)
    found, nothing = (prospect(outlook("a", leak_in=leak, leak_post=0.1), stakes) for leak in (-2.0, -0.05))
    assert (found.leak_bps, nothing.leak_bps) == (0.0, 0.0)


# --- a limit, and what all quotes share ----------------------------------------------------------


def shared(draw: random.Random, count: int) -> tuple[list[Prospect], Stakes]:
    """Dealers in a round whose mark is off, under a limit about where the quotes are."""
    limit = draw.uniform(-14, -2)
    stakes = replace(stakes_of(draw), limit_edge_bps=limit, mark_sd_bps=draw.choice([0.0, draw.uniform(1, 8)]))
    level, in_round = draw.uniform(0, 3), draw.uniform(0, 6)
    outlooks = [
        replace(each, e=replace(each.e, sd=math.hypot(each.e.sd, level)), e_common_sd=level, e_round_sd=in_round)
        for each in some(draw, count)
    ]
    return [prospect(each, stakes) for each in outlooks], stakes


def drawn(draw: random.Random, prospects: list[Prospect], stakes: Stakes, shared_bps: float) -> tuple[float, int]:
    """One round of all of them: (what is got beside not trading, who trades, -1 for nobody).

    What quotes share moves them against the limit, which is a price, and makes no trade worth more.
    """
    assert stakes.limit_edge_bps is not None
    tried = []
    for at, each in enumerate(prospects):
        net = draw.gauss(each.net_bps, each.sd_bps)
        refusals = each.move_bps * (1 - each.firm) / each.firm
        keeps = net + refusals + shared_bps >= stakes.limit_edge_bps
        if draw.random() < each.answers(len(prospects)) and keeps and net > -stakes.c_fail_bps:
            tried.append((net, at))
    for net, at in sorted(tried, reverse=True):
        if draw.random() < prospects[at].firm:
            return net + stakes.c_fail_bps, at
    return 0.0, -1


@pytest.mark.parametrize("seed", range(6))
def test_under_a_limit_a_panel_trades_as_often_as_it_says(seed: int) -> None:
    """20,000 rounds in which the mark is off for all: chances and worth within 4 standard errors of a simulation."""
    draw, rounds = random.Random(seed), 20_000
    prospects, stakes = shared(draw, 4)
    prospects = [replace(each, law=student(math.inf)) for each in prospects]
    level, mark = draw.uniform(0, 4), draw.uniform(2, 7)
    sd = math.hypot(level, mark)
    floors = [
        tuple(stakes.limit_edge_bps - each.move_bps * (1 - each.firm) / each.firm - case * sd for case, _ in SHARED)  # type: ignore[operator]
        for each in prospects
    ]
    prospects = [replace(each, floors=own) for each, own in zip(prospects, floors, strict=True)]
    found = [drawn(draw, prospects, stakes, draw.gauss(0.0, sd)) for _ in range(rounds)]
    panels, all_four = Panels(prospects, stakes), range(4)
    fill = sum(at >= 0 for _, at in found) / rounds
    assert abs(panels.fill(all_four) - fill) < 4 * math.sqrt(fill * (1 - fill) / rounds) + 0.002
    worths = [worth for worth, _ in found]
    mean = sum(worths) / rounds
    error = math.sqrt(sum((worth - mean) ** 2 for worth in worths)) / rounds
    expected = panels.worth(all_four) + sum(each.asking_bps for each in prospects)
    assert abs(expected - mean) < 4 * error + 0.002 * stakes.c_fail_bps
    for at, margin in enumerate(panels.margins(all_four)):
        wins = sum(who == at for _, who in found) / rounds
        # A refusal gives the next one its turn: what wins is the best that fills.
        assert abs(margin.p_win - wins) < 4 * math.sqrt(max(wins * (1 - wins), 1e-4) / rounds) + 0.006


@pytest.mark.parametrize(("noise", "within"), [(4.0, 0.005), (2.0, 0.05)])
def test_a_limit_that_is_out_of_the_dealers_reach_is_met_where_the_mark_is_wrong(noise: float, within: float) -> None:
    """Five dealers 8 bps from a mark that is off by 8, a limit 3 bps better than they quote."""
    stakes = Stakes(40.0, limit_edge_bps=-2.0, mark_sd_bps=8.0)
    five = [outlook(f"d{at}", edge=-8.0, noise=noise, q=0.9) for at in range(5)]
    blind = Panels([prospect(each, replace(stakes, mark_sd_bps=0.0)) for each in five], stakes).fill(range(5))
    draw, rounds, traded = random.Random(1), 40_000, 0
    for _ in range(rounds):
        off = draw.gauss(0.0, 8.0)
        traded += any(draw.random() < 0.9 and draw.gauss(-8.0, noise) + off >= -2.0 for _ in range(5))
    true = traded / rounds
    told = Panels([prospect(each, stakes) for each in five], stakes).fill(range(5))
    assert abs(told - true) < 3 * math.sqrt(true * (1 - true) / rounds) + within
    assert abs(blind - true) > 3 * abs(told - true)


@pytest.mark.parametrize("seed", range(20))
def test_near_the_best_of_all_panels_under_a_limit(seed: int) -> None:
    draw = random.Random(seed)
    prospects, stakes = shared(draw, 8)
    assert_near_the_best(prospects, stakes, draw.randint(1, 5))


@pytest.mark.parametrize("seed", range(10))
def test_under_a_limit_winning_adds_up_to_a_fill_and_half_the_cost_is_as_anew(seed: int) -> None:
    prospects, stakes = shared(random.Random(seed), 9)
    panels = Panels(prospects, stakes)
    chosen = panels.best(4).chosen
    assert sum(panels.margins(chosen)[at].p_win for at in chosen) == pytest.approx(panels.fill(chosen), abs=0.006)
    for factor in (0.5, 2.0):
        anew = Panels(prospects, replace(stakes, c_fail_bps=factor * stakes.c_fail_bps))
        there = panels.at_cost(factor * stakes.c_fail_bps)
        assert there.worth(range(4)) == pytest.approx(anew.worth(range(4)), abs=0.02)


def test_a_limit_far_from_everything_changes_nothing() -> None:
    five = [outlook(f"d{at}", edge=-8.0 + at, noise=2.0, q=0.9) for at in range(5)]
    free, far = Stakes(40.0, mark_sd_bps=8.0), Stakes(40.0, limit_edge_bps=-60.0, mark_sd_bps=8.0)
    without, within = (Panels([prospect(each, stakes) for each in five], stakes) for stakes in (free, far))
    assert within.worth(range(5)) == pytest.approx(without.worth(range(5)), abs=1e-3)
    assert within.fill(range(5)) == pytest.approx(without.fill(range(5)), abs=1e-6)
    assert all(len(prospect(each, far).floors) == 1 for each in five)


def test_what_is_shared_never_has_more_dealers_asked_where_there_is_no_limit() -> None:
    for level in (0.0, 10.0):
        dealers = [replace(outlook(f"d{at}", noise=10.0, leak_in=3.0), e_round_sd=level) for at in range(12)]
        stakes = replace(CERTAIN, mark_sd_bps=level)
        assert len(Panels([prospect(each, stakes) for each in dealers], stakes).best(12).chosen) == 2


@pytest.mark.parametrize("seed", [321, 488, 646, 708, 1213])
def test_every_step_is_whoever_adds_most_although_those_asked_answer_less_among_more(seed: int) -> None:
    """They leave more to the next one: what a dealer could add at best may grow with those asked before it."""
    draw = random.Random(seed)
    stakes = Stakes(draw.choice([15.0, 40.0]), 1.0, 0.5)
    prospects = [
        prospect(
            outlook(
                f"d{at:02}",
                q=draw.uniform(0.6, 0.99),
                slope=draw.choice([0.0, -draw.uniform(1.0, 6.0)]),
                edge=draw.gauss(-6, 1.5),
                noise=draw.uniform(0.5, 4),
            ),
            stakes,
        )
        for at in range(7)
    ]
    panels, before = Panels(prospects, stakes), list[int]()
    for step in panels.curve((), 7, (), lambda at, chosen: True):
        others = [at for at in range(7) if at not in before]
        most = max(panels.worth([*before, at]) for at in others)
        before.append(step.at)
        assert panels.worth(before) == pytest.approx(most, abs=1e-9)
