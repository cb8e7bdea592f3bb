"""The daily fit in pieces: the same numbers as at once, whatever is learnt while it is under way."""

from __future__ import annotations

import random

import pytest
from seen_rounds import BUY, DAY_NS, FIRST_DAY, SELL, asking, drawn_dealers, drawn_round

from engine.dealers.estimates import Estimates
from engine.domain.observation import RoundSeen

DAYS = 6
SEGMENTS = (BUY, SELL, "corporate|HY|1-3y|0-500k|buy", "municipal|NR|7-12y|2mm-5mm|sell")


def some_rounds(day: int) -> list[RoundSeen]:
    rng = random.Random(day)
    dealers = drawn_dealers(random.Random(7), 8)
    return [
        drawn_round(rng, f"r{day}-{at}", rng.sample(sorted(dealers), 3), dealers, day, rng.choice(SEGMENTS))
        for at in range(12)
    ]


def day_ns(day: int) -> int:
    return (FIRST_DAY + day) * DAY_NS


def put_in_force(estimates: Estimates) -> None:
    """What is left of the fit, one event after another."""
    while estimates.fits is not None:
        estimates.fitted()


def test_a_fit_in_steps_comes_to_the_same_bits() -> None:
    at_once, in_steps = Estimates(), Estimates()
    for day in range(DAYS):
        at_once.daily(day_ns(day))
        in_steps.begin_day(day_ns(day))
        steps = 0
        while in_steps.fits is not None:
            while in_steps.go_on():
                steps += 1
            in_steps.fitted()
        if day > 1:
            assert steps > 20, "a piece is a small one"
        assert in_steps.digest() == at_once.digest()
        for one in some_rounds(day):
            at_once.learn(one)
            in_steps.learn(one)
    for segment in SEGMENTS:
        dealers = [f"d{at:02}" for at in range(8)]
        assert at_once.outlooks(dealers, asking(DAYS, segment)) == in_steps.outlooks(dealers, asking(DAYS, segment))


@pytest.mark.parametrize("steps", [0, 3, 1_000])
def test_what_is_learnt_and_taken_back_under_way_moves_no_fit(steps: int) -> None:
    """However far it has come by then: it rests on the sums of the moment it began."""
    estimates, other = Estimates(), Estimates()
    for each in (estimates, other):
        for day in range(3):
            each.daily(day_ns(day))
            for one in some_rounds(day):
                each.learn(one)
        each.begin_day(day_ns(3))
        assert each.fits == FIRST_DAY + 3
    while other.go_on():
        pass
    for _ in range(steps):
        estimates.go_on()
    for each in (estimates, other):
        for one in some_rounds(3):
            each.learn(one)
        each.forget("", "r2-1", 1, some_rounds(2)[1].asks[0].dealer)
        put_in_force(each)
    assert estimates.digest() == other.digest()


def test_nothing_is_different_until_it_is_in_force() -> None:
    estimates = Estimates()
    for one in (*some_rounds(0), *some_rounds(1)):
        estimates.learn(one)
    estimates.begin_day(day_ns(2))
    before, digest = estimates.outlook("d01", asking(2)), estimates.digest()
    while estimates.go_on():
        pass
    assert (estimates.outlook("d01", asking(2)), estimates.digest()) == (before, digest)
    put_in_force(estimates)
    assert estimates.digest() != digest


def test_a_fit_that_nobody_did_is_in_force_before_the_next_day() -> None:
    left, done = Estimates(), Estimates()
    for each in (left, done):
        for one in some_rounds(0):
            each.learn(one)
        each.begin_day(day_ns(1))
    put_in_force(done)
    for each in (left, done):
        each.begin_day(day_ns(9))
        assert each.fits == FIRST_DAY + 9
    assert left.digest() == done.digest()
    put_in_force(left)
    put_in_force(done)
    assert left.digest() == done.digest()
