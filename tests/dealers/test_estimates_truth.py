"""Estimates against the truth of drawn dealers: unbiased, as wrong as they say, intervals that hold nine of ten."""

from __future__ import annotations

import math

import pytest
from estimates_against_truth import MEASURES, measured

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
