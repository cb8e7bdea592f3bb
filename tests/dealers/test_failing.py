"""What not trading costs: against a planted truth, with its error."""

from __future__ import annotations

import math
from random import Random

import pytest

from engine.dealers.failing import WAITING_MAX, Failing, FailingParameters


def test_before_anything_was_seen_it_is_the_prior() -> None:
    found = Failing().measure()
    assert (found.value, found.n_eff) == (20.0, 0.0)
    assert found.low < 20.0 < found.high


@pytest.mark.parametrize(("sign", "price", "cost"), [(1, 100.5, 50.0), (-1, 99.5, 50.0), (1, 99.9, -10.0)])
def test_a_later_fill_says_what_waiting_has_cost(sign: int, price: float, cost: float) -> None:
    failing = Failing(FailingParameters(strength=1.0))
    failing.failed("O-1", sign, 100.0)
    failing.traded("O-1", price, 5)
    assert failing.measure().value == pytest.approx((20.0 + cost) / 2)


def test_only_the_first_failure_of_an_order_counts_and_only_until_it_trades() -> None:
    failing = Failing(FailingParameters(strength=1.0))
    failing.failed("O-1", 1, 100.0)
    failing.failed("O-1", 1, 101.0)
    failing.traded("O-1", 101.0, 5)
    once = failing.measure()
    failing.traded("O-1", 150.0, 5)
    failing.traded("O-2", 150.0, 5)
    assert failing.measure() == once


def test_a_wild_price_moves_it_by_its_clip_at_most() -> None:
    failing = Failing()
    failing.failed("O-1", 1, 100.0)
    failing.traded("O-1", 900.0, 5)
    assert failing.measure().value == pytest.approx((10 * 20.0 + 150.0) / 11)


def test_an_old_observation_counts_half_after_a_half_life() -> None:
    failing = Failing(FailingParameters(prior_bps=0.0, strength=1.0, half_life_days=30))
    failing.failed("O-1", 1, 100.0)
    failing.traded("O-1", 101.0, 100)
    failing.failed("O-2", 1, 100.0)
    failing.traded("O-2", 100.0, 130)
    found = failing.measure()
    assert found.value == pytest.approx(0.5 * 100 / 2.5)
    assert found.n_eff == pytest.approx(1.5**2 / 1.25)


def test_orders_that_never_trade_again_are_forgotten_at_the_bound() -> None:
    failing = Failing()
    for number in range(WAITING_MAX + 1):
        failing.failed(f"O-{number}", 1, 100.0)
    failing.traded("O-0", 200.0, 1)
    assert failing.measure().n_eff == 0.0


def test_the_interval_holds_the_truth_nine_times_in_ten() -> None:
    """300 desks whose truth is drawn from the prior, 40 orders each: 90 % within 3 binomial standard errors."""
    dice, held, desks = Random(11), 0, 300
    p = FailingParameters(half_life_days=10_000, clip_bps=1_000.0)
    for _ in range(desks):
        truth = dice.gauss(p.prior_bps, p.sd_bps / math.sqrt(p.strength))
        failing = Failing(p)
        for number in range(40):
            failing.failed(f"O-{number}", 1, 100.0)
            failing.traded(f"O-{number}", 100 * (1 + dice.gauss(truth, p.sd_bps) / 1e4), 1)
        found = failing.measure()
        held += found.low <= truth <= found.high
    assert abs(held / desks - 0.9) < 3 * math.sqrt(0.9 * 0.1 / desks)
