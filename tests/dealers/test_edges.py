"""Dealers told apart from rounds: as with every round's effect spelt out; what a round did is nobody's merit."""

from __future__ import annotations

import math
import random
from dataclasses import replace

import pytest
from seen_rounds import BUY, SELL, asked, asking, seen

from engine.dealers import edges
from engine.dealers.edges import EdgeSums, Spreads, descend
from engine.dealers.estimate_parameters import EstimateParameters
from engine.dealers.estimates import Estimates
from engine.dealers.noise import Noise, Parts
from engine.domain.observation import RoundSeen

SPREADS = Spreads(
    noise=3.0, rounds=0.0, dealers=(8.0,), scopes=(20.0,), level=-10.0, noises=Noise(Parts(own=3.0, old=0.1))
)
ROUND_SD = 6.0


def moves_of(round_number: int) -> float:
    """What the bond of a round moves by in a day, over its width."""
    return 10.0 if round_number % 2 else 80.0


def solved_by_hand(rounds: list[dict[str, float]], spreads: Spreads) -> dict[str, tuple[float, float]]:
    """(mean, sd): every unknown spelt out (level, dealers, rounds) and the normal equations eliminated."""
    dealers = sorted({name for one in rounds for name in one})
    size = 1 + len(dealers) + len(rounds)
    # Beside the equations their right-hand sides, and one column each for the inverse.
    matrix = [[0.0] * (size + 1) + [float(i == j) for j in range(size)] for i in range(size)]

    def believe(row: dict[int, float], value: float, sd: float) -> None:
        for i, x in row.items():
            for j, y in row.items():
                matrix[i][j] += x * y / sd**2
            matrix[i][size] += x * value / sd**2

    believe({0: 1.0}, SPREADS.level, SPREADS.scopes[0])
    for i in range(len(dealers)):
        believe({1 + i: 1.0, 0: -1.0}, 0.0, SPREADS.dealers[0])
    for i, one in enumerate(rounds):
        believe({1 + len(dealers) + i: 1.0}, 0.0, ROUND_SD)
        for name, edge in one.items():
            believe(
                {1 + dealers.index(name): 1.0, 1 + len(dealers) + i: 1.0}, edge, spreads.noises.of(name, moves_of(i))
            )
    for i in range(size):
        matrix[i] = [x / matrix[i][i] for x in matrix[i]]
        for j in range(size):
            if j != i:
                matrix[j] = [x - matrix[j][i] * y for x, y in zip(matrix[j], matrix[i], strict=True)]
    return {name: (matrix[1 + i][size], math.sqrt(matrix[1 + i][size + 2 + i])) for i, name in enumerate(dealers)}


def of_the_whole_model(rounds: list[dict[str, float]], spreads: Spreads = SPREADS) -> None:
    """The effects and their errors are those of every unknown spelt out."""
    sums = EdgeSums()
    for i, one in enumerate(rounds):
        beliefs = [spreads.belief(name, moves_of(i)) for name in one]
        pull = ROUND_SD**2 / (spreads.noise**2 + sum(beliefs) * ROUND_SD**2)
        sums.add(tuple(one.items()), pull, 2.0, beliefs)
    solved = descend(edges.begin(spreads), 0, sums, None, spreads, 0.5)
    for name, (mean, sd) in solved_by_hand(rounds, spreads).items():
        found, variance = solved.expected(name)
        assert (found, math.sqrt(variance)) == pytest.approx((mean, sd), abs=1e-9), name


def test_effects_are_those_of_the_whole_model() -> None:
    rng = random.Random(1)
    of_the_whole_model(
        [
            {
                name: rng.gauss(-12, 9)
                for name in rng.sample(["alder", "birch", "cedar", "elm", "fir"], rng.randint(1, 4))
            }
            for _ in range(12)
        ]
    )


def test_a_dealer_whose_quotes_scatter_more_is_believed_less() -> None:
    rng = random.Random(3)
    noises = {"alder": 1.0, "birch": 3.0, "cedar": 30.0}
    rounds = [
        {name: rng.gauss(-12, noises.get(name, 3.0)) for name in rng.sample(["alder", "birch", "cedar", "elm"], 3)}
        for _ in range(12)
    ]
    parts = {name: Parts(own, 0.3 if name == "birch" else 0.01) for name, own in noises.items()}
    of_the_whole_model(rounds, replace(SPREADS, noises=Noise(Parts(3.0, 0.1), parts)))


@pytest.mark.parametrize("panels", [("ab", "cd", "ef"), ("ab", "bc", "cd", "de"), ("abc", "abd", "efg", "ehg")])
def test_errors_are_told_in_full_where_panels_hardly_mix(panels: tuple[str, ...]) -> None:
    """Fixed pairs, a chain, two blocks: what one group's rounds say of the level says little of another's."""
    rng = random.Random(2)
    of_the_whole_model([{name: rng.gauss(-12, 9) for name in panel} for panel in panels for _ in range(8)])


def test_what_was_seen_in_a_finer_scope_counts_once() -> None:
    rng = random.Random(2)
    coarse, fine = EdgeSums(), EdgeSums()
    for _ in range(10):
        edges_seen = [(name, rng.gauss(-5, 5)) for name in ("alder", "birch")]
        coarse.add(edges_seen, 0.4, 1.0, (1.0, 1.0))
        fine.add(edges_seen, 0.4, 1.0, (1.0, 1.0))
    nothing = descend(edges.begin(SPREADS), 0, coarse, fine, SPREADS, 1.0)
    assert nothing.expected("alder") == pytest.approx(edges_of_nobody())


def test_of_one_finer_scope_many_quotes_say_no_more_of_the_coarser_than_it_does() -> None:
    spreads = replace(SPREADS, dealers=(8.0, 3.0), scopes=(20.0, 5.0))
    sums = EdgeSums()
    for _ in range(1_000):
        sums.add([("alder", -30.0)], 0.0, 1.0, (1.0,))
    below = [edges.finer_in(1, [sums])]
    mean, variance = descend(edges.begin(spreads), 0, sums, None, spreads, 1.0, below).expected("alder")
    # As one observation whose errors are the dealer's and everybody's own part in the finer scope.
    prior, error = 8.0**2 + 20.0**2, 3.0**2 + 5.0**2
    assert variance == pytest.approx(prior * error / (prior + error), rel=0.01)
    assert mean == pytest.approx(-10.0 - 20.0 * prior / (prior + error), rel=0.01)


def edges_of_nobody() -> tuple[float, float]:
    return SPREADS.level, SPREADS.dealers[0] ** 2 + SPREADS.scopes[0] ** 2


def edge_of(estimates: Estimates, dealer: str, segment: str = BUY) -> float:
    return estimates.outlook(dealer, asking(1, segment)).e.value


def told(rounds: list[RoundSeen], **parameters: float) -> Estimates:
    estimates = Estimates(replace(EstimateParameters(), **parameters))
    for one in rounds:
        estimates.learn(one)
    return estimates


def test_a_marks_error_shared_by_a_round_is_no_dealers_merit() -> None:
    # A mark that is off by 40 bps now this way, now that: dealers 6 bps apart are told apart to a fraction of it.
    rng = random.Random(5)
    rounds = []
    for number in range(60):
        off = rng.gauss(0.0, 40.0)
        rounds.append(
            seen(f"r{number}", [asked("alder", 0.0, -5 + off + rng.gauss(0, 2)), asked("birch", 0.0, -11 + off)])
        )
    estimates = told(rounds, mark_sd_bps=40.0)
    assert edge_of(estimates, "alder") - edge_of(estimates, "birch") == pytest.approx(6.0, abs=1.0)
    # The level is known as well as 60 such marks know it, at best.
    assert estimates.outlook("alder", asking(1)).e.sd > 40 / 60**0.5 / 1.5


def test_who_is_asked_with_whom_makes_nobody_better() -> None:
    # Alder and birch are alike; alder is asked when marks are kind, birch when they are not; cedar is asked with both.
    rng = random.Random(6)
    rounds = []
    for number in range(200):
        name, off = ("alder", 8.0) if number % 2 else ("birch", -8.0)
        asks = [
            asked(name, 0.0, -10 + off + rng.gauss(0, 3)),
            asked("cedar", 0.0, -20 + off + rng.gauss(0, 3)),
        ]
        rounds.append(seen(f"r{number}", asks))
    estimates = told(rounds, mark_sd_bps=15.0)
    estimates.daily(asking(1).now_ns)
    assert edge_of(estimates, "alder") - edge_of(estimates, "birch") == pytest.approx(0.0, abs=2.0)
    assert edge_of(estimates, "alder") - edge_of(estimates, "cedar") == pytest.approx(10.0, abs=2.0)


def test_a_panel_that_never_changes_is_anchored_to_the_mark() -> None:
    rounds = [seen(f"r{n}", [asked("alder", 0.0, -42.0), asked("birch", 0.0, -38.0)]) for n in range(60)]
    estimates = told(rounds, mark_sd_bps=2.0)
    assert edge_of(estimates, "alder") == pytest.approx(-42.0, abs=2.0)
    assert edge_of(estimates, "birch") == pytest.approx(-38.0, abs=2.0)


def test_one_quote_alone_is_held_against_the_mark() -> None:
    estimates = told([seen(f"r{n}", [asked("alder", 0.0, -30.0)]) for n in range(40)])
    outlook = estimates.outlook("alder", asking(1))
    assert outlook.e.value == pytest.approx(-30.0, abs=1.5)
    assert outlook.e.n_eff == pytest.approx(40)


def test_what_is_seen_on_one_side_speaks_for_the_other_and_for_newcomers() -> None:
    rounds = [seen(f"r{n}", [asked("alder", 0.0, -40.0), asked("birch", 0.0, -20.0)]) for n in range(60)]
    estimates = told(rounds)
    alder, birch, nobody = (estimates.outlook(name, asking(1, SELL)) for name in ("alder", "birch", "nobody"))
    assert alder.e.value < nobody.e.value < birch.e.value < -15
    known = estimates.outlook("alder", asking(1))
    # Of their errors, what they do not share: that of the bond's width goes with the edge.
    own = [math.sqrt(each.e.sd**2 - each.e_common_sd**2) for each in (nobody, alder, known)]
    assert own == sorted(own, reverse=True)


def test_scales_follow_what_was_seen() -> None:
    rng = random.Random(8)
    estimates = Estimates()
    for day in range(20):
        for number in range(10):
            asks = [asked(f"D{n}", day, -5.0 * n + rng.gauss(0, 1.0)) for n in rng.sample(range(6), 3)]
            estimates.learn(seen(f"r{day}-{number}", asks, day))
        estimates.daily(asking(day).now_ns)
    outlook = estimates.outlook("D0", asking(20))
    # The parameter says 6; what is seen says 1.
    assert outlook.e_noise_sd == pytest.approx(1.0, abs=0.3)
    assert outlook.e_df > 100


@pytest.mark.parametrize(
    ("df", "exact", "off"), [(3, 2.353363, 0.007), (5, 2.015048, 0.001), (10, 1.812461, 1e-4), (30, 1.697261, 1e-6)]
)
def test_the_quantile_is_students(df: int, exact: float, off: float) -> None:
    """Against a table of t, 95 %."""
    assert edges.t_quantile(df) == pytest.approx(exact, abs=off)


def test_old_prices_of_one_dealer_are_its_own_noise() -> None:
    """Fir's prices are old: that is told of fir, makes nobody else's quotes less sure, and moves fir itself little."""
    rng = random.Random(9)
    names = ("alder", "birch", "cedar", "fir")
    noises = {"fir": 30.0}
    estimates = Estimates()
    for number in range(150):
        day, off = number // 10, rng.gauss(0.0, 5.0)
        if number % 10 == 0:
            estimates.daily(asking(day).now_ns)
        asks = [asked(name, day, -10 + off + rng.gauss(0, noises.get(name, 3.0))) for name in names]
        estimates.learn(seen(f"r{number}", asks, day))
    estimates.daily(asking(15).now_ns)
    outlooks = {name: estimates.outlook(name, asking(15)) for name in (*names, "gorse")}
    for name in names:
        assert outlooks[name].e_noise_sd == pytest.approx(noises.get(name, 3.0), rel=0.35), name
    # Who was never asked has a usual dealer's.
    assert outlooks["gorse"].e_noise_sd == pytest.approx(3.0, rel=0.4)
    assert outlooks["alder"].e.value - outlooks["birch"].e.value == pytest.approx(0.0, abs=1.0)
    own = {name: math.sqrt(each.e.sd**2 - each.e_common_sd**2) for name, each in outlooks.items()}
    assert own["fir"] > 3 * own["alder"]


def test_a_few_wild_quotes_of_a_wild_dealer_do_not_make_it_bad() -> None:
    """Asked seldom, and known to scatter: as the mean of its few quotes says, it is not taken to be."""
    rng = random.Random(10)
    found = []
    for world in range(12):
        rounds = []
        for number in range(120):
            day = number // 12
            asks = [asked(name, day, -10 + rng.gauss(0, 3.0)) for name in ("alder", "birch", "cedar")]
            if number % 20 == 0:
                asks.append(asked("fir", day, -10 + rng.gauss(0, 40.0)))
            rounds.append(seen(f"w{world}-{number}", asks, day))
        estimates = Estimates()
        for at, one in enumerate(rounds):
            if at % 12 == 0:
                estimates.daily(asking(at // 12).now_ns)
            estimates.learn(one)
        estimates.daily(asking(10).now_ns)
        outlook = estimates.outlook("fir", asking(10))
        found.append((outlook.e.value + 10.0) / outlook.e.sd)
    assert math.sqrt(sum(each * each for each in found) / len(found)) < 1.6
