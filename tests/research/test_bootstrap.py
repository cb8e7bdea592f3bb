"""engine/research/bootstrap.py: intervals hold what they say, and say nothing where nothing can be told."""

from __future__ import annotations

import math

import numpy as np
import pytest

from engine.research.bootstrap import DAYS_MIN, Days, Interval

pytestmark = pytest.mark.starts("noon")
"""Nothing here is about the time."""


@pytest.mark.parametrize("days", [DAYS_MIN, 15, 60])
def test_an_interval_holds_the_truth_as_often_as_it_says(days: int) -> None:
    """Days of unequal size that have a mood of their own: rows drawn one by one would be far too sure."""
    rng = np.random.default_rng(days)
    held, runs = 0, 600
    for _ in range(runs):
        count = rng.integers(3, 15, days)
        day = np.repeat(np.arange(days), count)
        values = 2.0 + rng.normal(0, 1, days)[day] + rng.normal(0, 1, len(day))
        held += Days(day, draws=400).mean(values).holds(2.0)
    # 95 % of 600: the standard error is .9 %.
    assert 0.92 <= held / runs <= 0.98


def test_a_ratio_is_of_sums() -> None:
    day = np.repeat(np.arange(20), 5)
    found = Days(day).ratio(np.arange(100.0), np.full(100, 2.0))
    assert found.value == pytest.approx(np.arange(100).sum() / 200)
    assert (found.n, found.days) == (100, 20)
    assert found.low is not None
    assert found.high is not None
    assert found.low < found.value < found.high


def test_what_is_no_number_or_left_out_does_not_count() -> None:
    day = np.arange(40) // 2
    values = np.where(np.arange(40) % 2 == 0, 1.0, math.nan)
    assert Days(day).mean(values).n == 20
    assert Days(day).mean(np.arange(40.0), np.arange(40) < 20).value == pytest.approx(9.5)


def test_few_days_tell_nothing() -> None:
    found = Days(np.arange(DAYS_MIN - 1)).mean(np.arange(DAYS_MIN - 1.0))
    assert not found.is_told
    assert found.words(1, "bps") == f"cannot tell from {DAYS_MIN - 1} days"
    count = DAYS_MIN - 1
    assert found.plain() == {"value": None, "low": None, "high": None, "n": count, "days": count}
    assert not found.is_above(-1e9)
    assert not found.is_below(1e9)
    assert not found.holds(found.value)
    none = Days(np.array([], dtype=np.int64)).mean(np.array([]))
    assert (none.n, none.words()) == (0, "nothing to tell of")


def test_rows_that_stand_on_few_of_many_days_tell_nothing() -> None:
    day = np.arange(100)
    assert not Days(day).mean(np.ones(100), day < 5).is_told


def test_what_always_happened_is_not_certain() -> None:
    day = np.repeat(np.arange(12), 3)
    always = Days(day).share(np.ones(36))
    assert (always.value, always.high) == (1.0, 1.0)
    assert always.low is not None
    assert 0.93 < always.low < 0.96
    # A chance of 97 % was not wrong about that.
    off = Days(day).share(np.ones(36), None, np.full(36, 0.97))
    assert off.value == pytest.approx(0.03)
    assert off.holds(0.0)
    never = Days(day).share(np.zeros(36))
    assert never.low == 0.0
    assert not Days(day).share(np.ones(36), day < 3).is_told


def test_shares_that_vary_have_the_interval_of_their_days() -> None:
    rng = np.random.default_rng(2)
    day = np.repeat(np.arange(60), 40)
    happened = (rng.uniform(size=len(day)) < np.repeat(rng.choice([0.2, 0.8], 60), 40)).astype(float)
    days = Days(day)
    assert days.share(happened).se == days.mean(happened).se
    assert days.share(happened, day < 30).n == 1_200


def test_the_same_seed_gives_the_same_and_differences_are_of_the_same_days() -> None:
    day = np.repeat(np.arange(30), 4)
    ours = np.random.default_rng(1).normal(0, 5, 120)
    days, again = Days(day, seed=3), Days(day, seed=3)
    assert days.mean(ours) == again.mean(ours)
    assert Days(day, seed=4).mean(ours) != days.mean(ours)
    # However noisy both are: what differs by 1 each time differs by 1 for sure.
    difference = days.mean((ours + 1.0) - ours)
    assert difference.low == pytest.approx(1.0)


def test_words_and_plain_values() -> None:
    found = Interval(1.2345, 1.0, 1.5, 120, 30, 0.1)
    assert found.words(2, "bps") == "1.23 bps (1.00 to 1.50)"
    assert found.plain() == {"value": 1.2345, "low": 1.0, "high": 1.5, "n": 120, "days": 30}
    assert found.is_above(0.9)
    assert not found.is_above(1.1)
    assert found.is_below(1.6)
