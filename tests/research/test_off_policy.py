"""Estimates of another policy's cost against worlds whose truth is known: what they come to, and what is refused."""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
import pytest

from engine.research.bootstrap import Floats
from engine.research.off_policy import DAYS_MIN, Compared, Lacking, Scored, Verdict, compare, ess_of

pytestmark = pytest.mark.starts("noon")
"""Nothing here is about the time."""

DAYS: Final = 60
ROUNDS: Final = 1_500
C_FAIL: Final = 20.0
TRUTH: Final = -2.0
"""The other policy is cheaper by this in the rounds in which they differ."""
DIFFER: Final = 0.6


def world(
    seed: int,
    *,
    model_off_bps: float = 0.0,
    told_p: float = 1.0,
    p_other: float = 0.15,
    differ: float = DIFFER,
    truth: float = TRUTH,
    days: int = DAYS,
    impossible: float = 0.0,
) -> Compared:
    """Rounds whose choice is asked with 0.7, the other policy's panel with `p_other`. Odd rounds cost more.

    The model is off by `model_off_bps` where the round is odd; chances are told as `told_p` times what they are.
    """
    chance = np.random.default_rng(seed)
    day = np.sort(chance.integers(0, days, ROUNDS))
    odd = chance.random(ROUNDS) < 0.5
    shared = chance.normal(0, 2, days)[day] + chance.normal(0, 4, ROUNDS)
    same = chance.random(ROUNDS) >= differ
    possible = chance.random(ROUNDS) >= impossible
    drawn = chance.random(ROUNDS)
    p_one = np.where(same, 0.7, np.where(possible, p_other, 0.0))
    is_chosen, is_other = drawn < 0.7, (drawn >= 0.7) & (drawn < 0.7 + p_one) & ~same

    def policy(mean_bps: Floats, came: Any, p: Floats, is_possible: Any) -> Scored:
        unfilled = (chance.random(ROUNDS) < 0.1).astype(np.float64)
        price = np.where(unfilled > 0, 0.0, (mean_bps - 2.0) / 0.9 + shared)
        return Scored(
            np.where(odd, model_off_bps, 0.0) + (mean_bps - 2.0),
            np.full(ROUNDS, 0.1),
            np.where(came, price, np.nan),
            np.where(came, unfilled, np.nan),
            p * told_p,
            is_possible,
        )

    base = np.where(odd, 9.0, 5.0)
    chosen = policy(base, is_chosen, np.full(ROUNDS, 0.7), np.full(ROUNDS, True))
    other = policy(base + np.where(same, 0.0, truth), np.where(same, is_chosen, is_other), p_one, possible | same)
    drawn_from = np.full(ROUNDS, True)
    return compare(other, chosen, same, drawn_from, day.astype(np.int64), np.full(ROUNDS, C_FAIL), seed)


@pytest.mark.parametrize(
    ("off_bps", "told_p"),
    [
        pytest.param(0.0, 1.0, id="all is right"),
        pytest.param(8.0, 1.0, id="the model is wrong"),
        pytest.param(0.0, 1.3, id="the chances are wrong"),
    ],
)
def test_right_if_either_is_right(off_bps: float, told_p: float) -> None:
    """200 worlds: the mean is the truth within 4 standard errors; the interval holds it in 95 % of them within 3."""
    found = [world(seed, model_off_bps=off_bps, told_p=told_p).difference for seed in range(200)]
    truth, values = TRUTH * DIFFER, np.array([each.value for each in found if each is not None])
    assert abs(values.mean() - truth) < 4 * values.std() / math.sqrt(len(values))
    held = np.mean([each is not None and each.holds(truth) for each in found])
    assert 0.95 - 3 * 0.0154 < held < 0.95 + 3 * 0.0154
    errors = np.array([each.se for each in found if each is not None])
    assert errors.mean() == pytest.approx(values.std(), rel=0.15)


def test_both_wrong_is_wrong() -> None:
    """So the cases before prove something: no luck of the world."""
    off = [world(seed, model_off_bps=12.0, told_p=2.0).cost for seed in range(60)]
    assert abs(np.mean([each.value for each in off if each is not None]) - (7.0 + TRUTH * DIFFER)) > 1.0


def test_where_policies_nearly_agree_weights_tell_too() -> None:
    found = [world(seed, differ=0.05).snips for seed in range(300)]
    values = np.array([each.value for each in found if each is not None])
    assert len(values) == 300
    assert abs(values.mean() - TRUTH * 0.05) < 4 * values.std() / math.sqrt(300)
    assert 0.9 < np.mean([each is not None and each.holds(TRUTH * 0.05) for each in found]) < 0.99
    assert world(1).snips is None


def test_what_is_claimed_has_the_sign_of_the_truth() -> None:
    said = [world(seed, truth=-8.0).verdict for seed in range(40)]
    assert said.count(Verdict.cheaper) > 36
    assert Verdict.dearer not in said
    assert [world(seed, truth=8.0).verdict for seed in range(40)].count(Verdict.dearer) > 36


def test_of_equal_policies_a_difference_is_claimed_no_more_often_than_the_interval_allows() -> None:
    said = [world(seed, truth=0.0).verdict for seed in range(300)]
    assert said.count(Verdict.cannot_tell) > 0.915 * len(said)


@pytest.mark.parametrize(
    ("given", "lacking"),
    [
        pytest.param({"p_other": 0.02}, {Lacking.ess}, id="few rounds matched"),
        pytest.param({"impossible": 0.1}, {Lacking.support}, id="some panels could not be drawn"),
        pytest.param({"days": 15}, {Lacking.days}, id="few days"),
        pytest.param({"p_other": 0.0, "impossible": 1.0}, {Lacking.support, Lacking.ess}, id="nothing could be drawn"),
        pytest.param({"impossible": 0.02}, set(), id="nearly all could"),
    ],
)
def test_without_support_nothing_is_claimed(given: dict[str, Any], lacking: set[Lacking]) -> None:
    found = world(3, truth=-30.0, **given)
    assert set(found.lacking) == lacking
    assert (found.verdict is Verdict.refused) == bool(lacking)
    assert DAYS_MIN > 15


def test_the_effective_sample_is_of_the_rounds_in_which_policies_differ() -> None:
    found = world(5, differ=0.1)
    assert found.ess == pytest.approx(found.matched)
    assert 8 < found.matched < 45
    assert found.differing == pytest.approx(150, abs=35)
    assert ess_of(np.array([2.0, 2.0, 0.0])) == 2.0
    assert ess_of(np.array([3.0, 1.0])) == pytest.approx(1.6)
    assert ess_of(np.zeros(3)) == 0.0


def test_two_that_agree_everywhere_have_nothing_to_tell_apart() -> None:
    found = world(1, differ=0.0)
    assert (found.verdict, found.differing, found.lacking) == (Verdict.same, 0, ())
    assert found.difference is not None
    assert (found.difference.value, found.difference.low, found.difference.high) == (0.0, 0.0, 0.0)


def test_a_record_without_a_draw_is_refused_whatever_it_shows() -> None:
    """Both panels seen in every round, ten thousand bps apart: nothing was left to chance."""
    count = 600
    zeros, ones = np.zeros(count), np.ones(count)
    cheap = Scored(zeros, zeros, zeros - 1e4, zeros, ones, ones > 0)
    dear = Scored(zeros, zeros, zeros, zeros, ones, ones > 0)
    day = np.arange(count, dtype=np.int64) % 60
    found = compare(cheap, dear, zeros > 0, zeros > 0, day, ones * C_FAIL, 1)
    assert (found.verdict, found.lacking) == (Verdict.refused, (Lacking.draw,))
    assert found.replay is not None
    assert found.replay.value == -1e4


@pytest.mark.parametrize(("drawn", "is_refused"), [(49, True), (60, False)])
def test_draws_elsewhere_say_nothing_of_rounds_without_one(drawn: int, is_refused: bool) -> None:
    """Both panels seen in every round: some rounds with a draw are to be among those in which they differ."""
    count = 600
    zeros, ones, place = np.zeros(count), np.ones(count), np.arange(count)
    cheap = Scored(zeros, zeros, zeros - 5.0, zeros, ones, ones > 0)
    dear = Scored(zeros, zeros, zeros, zeros, ones, ones > 0)
    same = place >= 400
    found = compare(cheap, dear, same, (place < drawn) | same, place % 60, ones * C_FAIL, 1)
    assert found.drawn == drawn
    assert (found.verdict is Verdict.refused) is is_refused
    assert found.lacking == ((Lacking.draw,) if is_refused else ())


def test_no_rounds_are_no_figures() -> None:
    none = np.zeros(0)
    scored = Scored(none, none, none, none, none, none > 0)
    found = compare(scored, scored, none > 0, none > 0, none.astype(np.int64), none, 1)
    assert (found.verdict, found.lacking) == (Verdict.refused, (Lacking.rounds,))
    assert (found.cost, found.difference, found.replay, found.snips) == (None, None, None, None)


def test_what_not_trading_costs_moves_the_difference_as_it_should() -> None:
    """One never trades, the other always at 10: beside each other it is c_fail less 10."""
    count = 400
    zeros, ones = np.zeros(count), np.ones(count)
    never = Scored(zeros, ones, zeros, ones, ones, ones > 0)
    always = Scored(ones * 10, zeros, ones * 10, zeros, ones, ones > 0)
    found = compare(never, always, zeros > 0, ones > 0, np.arange(count) % 40, ones * C_FAIL, 1)
    assert found.difference is not None
    assert found.at_half is not None
    assert found.at_twice is not None
    figures = (found.difference.value, found.at_half.value, found.at_twice.value)
    assert figures == pytest.approx((C_FAIL - 10, C_FAIL / 2 - 10, 2 * C_FAIL - 10))
