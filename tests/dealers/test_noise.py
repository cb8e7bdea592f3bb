"""What a dealer's quotes scatter by: its own share of the width and the age of its prices are told apart."""

from __future__ import annotations

import math
import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from seen_rounds import DAY_NS, FIRST_DAY, asked, asking, seen

from engine.dealers.backoff import finished
from engine.dealers.estimate_parameters import EstimateParameters
from engine.dealers.estimates import Estimates
from engine.dealers.noise import Noise, NoiseSums, Off, Parts, fitting

START = Parts(5.0, 0.1)
BONDS = {"calm": 5.0, "usual": 20.0, "wild": 80.0}
"""Volatility over width, in bps."""


def days_of(sums: NoiseSums, days: int = 40) -> Noise:
    """The same fit again and again, each day begun from the one before."""
    found = Noise(START)
    for _ in range(days):
        found = finished(fitting(found, sums, 1.0, START))
    return found


def squares_of(rng: random.Random, truth: dict[str, Parts], quotes: int) -> NoiseSums:
    sums = NoiseSums()
    for dealer, parts in truth.items():
        for _ in range(quotes):
            moves = rng.choice(list(BONDS.values())) * rng.uniform(0.8, 1.25)
            off = rng.gauss(0.0, parts.at(moves))
            sums.add(dealer, Off(off * off / 36.0, 1.0, 36.0), moves, 1.0)
    return sums


def test_both_causes_are_found() -> None:
    truth = {
        "quick": Parts(5.0, 0.0),
        "old": Parts(5.0, 0.7),
        "wide": Parts(15.0, 0.0),
        "both": Parts(15.0, 0.7),
        "sharp": Parts(2.5, 0.05),
    }
    found = days_of(squares_of(random.Random(1), truth, 1_500))
    for dealer, parts in truth.items():
        for moves in BONDS.values():
            assert found.of(dealer, moves) == pytest.approx(parts.at(moves), rel=0.2), (dealer, moves)
    assert found.dealers["quick"].old < 0.06 < 0.6 < found.dealers["old"].old


def test_a_few_quotes_move_it_a_little_and_none_not_at_all() -> None:
    few = days_of(squares_of(random.Random(2), {"old": Parts(5.0, 1.0)}, 3))
    many = days_of(squares_of(random.Random(2), {"old": Parts(5.0, 1.0)}, 300))
    at = BONDS["wild"]
    assert START.at(at) < few.of("old", at) < many.of("old", at)
    assert days_of(NoiseSums()) == Noise(START)
    # Of whoever never quoted the usual one is believed.
    assert many.of("nobody", at) == many.usual.at(at)


def test_one_whose_prices_are_old_is_no_measure_for_the_others() -> None:
    truth = {f"D{n}": Parts(5.0, 0.05) for n in range(8)} | {"old": Parts(30.0, 1.5)}
    usual = days_of(squares_of(random.Random(3), truth, 400)).usual
    assert usual.own == pytest.approx(5.0, rel=0.15)
    assert usual.old < 0.15


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["alder", "birch"]),
            st.floats(0.0, 1e4),
            st.floats(0.0, 1.0),
            st.floats(0.0, 1e3),
            st.floats(0.125, 8.0),
        ),
        max_size=12,
    )
)
def test_what_is_taken_back_is_gone_and_a_fit_is_finite(
    quotes: list[tuple[str, float, float, float, float]],
) -> None:
    sums = NoiseSums()
    for dealer, square, part, moves, weight in quotes:
        sums.add(dealer, Off(square, part, 36.0), moves, weight)
    found = days_of(sums, 2)
    for dealer in ("alder", "birch"):
        assert 0.0 < found.of(dealer, 30.0) < math.inf
    still = sums.still()
    for dealer, square, part, moves, weight in reversed(quotes):
        sums.add(dealer, Off(square, part, 36.0), moves, -weight)
    assert all(abs(x) < 1e-6 for _, each in sums.dump() for x in each)
    assert days_of(still, 2) == found


def test_an_old_price_says_less_in_a_bond_that_moves() -> None:
    """By rounds, as a desk sees them: one dealer's prices are three quarters of a day old, the others' are not."""
    rng, estimates = random.Random(4), Estimates(EstimateParameters(width_strength=1e6))
    volatility = {"calm": 10.0, "wild": 60.0}
    for day in range(40):
        for number in range(12):
            bond, moves = rng.choice(list(volatility.items()))
            asks = [asked(f"D{n}", day, -10.0 + rng.gauss(0, 3.0)) for n in range(4)]
            asks.append(asked("old", day, -10.0 + rng.gauss(0, 3.0) + rng.gauss(0, moves * math.sqrt(0.75))))
            one = seen(f"r{day}-{number}", asks, day)
            estimates.learn(replace(one, volatility_bps=moves, bond=replace(one.bond, security_id=bond)))
        estimates.daily((FIRST_DAY + day + 1) * DAY_NS)
    for bond, moves in volatility.items():
        request = replace(asking(40), bond=bond, volatility_bps=moves)
        old, other = estimates.outlooks(("old", "D0"), request)
        assert old.e_noise_sd == pytest.approx(math.hypot(3.0, moves * math.sqrt(0.75)), rel=0.3), bond
        assert other.e_noise_sd == pytest.approx(3.0, rel=0.3), bond
    # Of a bond of which nobody knows what it moves by, it is taken to move as usual.
    calm, unknown, wild = (
        estimates.outlook("old", replace(asking(40), bond="calm", volatility_bps=moves)).e_noise_sd
        for moves in (10.0, None, 60.0)
    )
    assert calm < unknown < wild
