"""Estimates against the truth of drawn dealers: unbiased, as wrong as they say, intervals that hold nine of ten."""

from __future__ import annotations

import math
import statistics

import pytest
from estimates_against_truth import DEALERS, MEASURES, looking_best, measured

SCALES = {"q": 0.25, "e": 8.0, "f": 0.07, "z": 0.13}
"""How far dealers lie apart: what a bias is measured by."""


@pytest.mark.parametrize(("asks", "worlds"), [(20, 12), (100, 4)])
def test_intervals_of_ninety_percent_hold_the_truth(asks: int, worlds: int) -> None:
    _held(asks, worlds)


@pytest.mark.full
@pytest.mark.parametrize(("asks", "worlds"), [(20, 100), (100, 40), (500, 16)])
def test_intervals_hold_the_truth_over_many_worlds(asks: int, worlds: int) -> None:
    _held(asks, worlds)


def _held(asks: int, worlds: int) -> None:
    """Two standard errors about 90 %, and three points for two reasons.

    Below: dealers of one world share one slope of panel size, whose own error is in no interval, and it is learnt from
    few asks at first (87 % for q at 20). Above: rates allow for dealers that differ between segments, which those that
    are drawn here do not in f and z.
    """
    found = measured(asks, worlds)
    for name in MEASURES:
        one = found[name]
        error = math.sqrt(0.09 / one.count)
        assert abs(one.coverage - 0.9) < 2 * error + 0.03 + (0.04 if name in "fz" else 0.0), (name, one.coverage)
        # The shipped prior of f is .95, that of those drawn here .92: half of that is left after 20 asks.
        prior = 0.015 if name == "f" else 0.0
        assert abs(one.bias) < 2 * one.rms / math.sqrt(one.count) + 0.1 * SCALES[name] + prior, (name, one.bias)
        assert one.rms == pytest.approx(sum(one.sds) / one.count, rel=0.25), name


@pytest.mark.parametrize("mark_sd_bps", [1.0, 5.0])
@pytest.mark.parametrize("worlds", [12, pytest.param(100, marks=pytest.mark.full)])
def test_who_looks_best_is_as_good_as_it_looks(worlds: int, mark_sd_bps: float) -> None:
    """Whom a panel is made of was chosen for its estimate: neither luck nor shrinking may be left in it.

    Of so many quotes a dealer has some fourteen. Rounds that stay divided by the width that was believed in the first
    days put all of them .6 bps too low.
    """
    found = [looking_best(130, mark_sd_bps, f"best {world}") for world in range(worlds)]
    for which, allowed in ((slice(DEALERS // 3), 0.1), (slice(None), 0.15)):
        means = [statistics.fmean(offs[which]) for offs in found]
        error = statistics.stdev(means) / math.sqrt(worlds)
        assert abs(statistics.fmean(means)) < 2 * error + allowed, (which, statistics.fmean(means), error)
