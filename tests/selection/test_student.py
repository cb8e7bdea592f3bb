"""The tables of Student's t: against the normal law's own formulas and against quantiles of printed tables."""

from __future__ import annotations

import math

import pytest

from engine.selection.student import REACH, student


@pytest.mark.parametrize("t", [-3.0, -1.23, -0.2, 0.0, 0.517, 1.96, 4.4])
def test_the_normal_law(t: float) -> None:
    law = student(math.inf)
    above = 0.5 * math.erfc(t / math.sqrt(2))
    density = math.exp(-t * t / 2) / math.sqrt(2 * math.pi)
    assert law.above(t) == pytest.approx(above, abs=5e-5)
    assert law.excess_above(t) == pytest.approx(density - t * above, abs=1e-5)


@pytest.mark.parametrize(
    ("degrees", "quantile", "above"),
    [
        pytest.param(5, 2.015, 0.05, id="5 df, 95 %"),
        pytest.param(5, 2.571, 0.025, id="5 df, 97.5 %"),
        pytest.param(10, 1.812, 0.05, id="10 df, 95 %"),
        pytest.param(30, 2.042, 0.025, id="30 df, 97.5 %"),
    ],
)
def test_printed_quantiles_stretched_to_a_standard_deviation_of_one(
    degrees: float, quantile: float, above: float
) -> None:
    assert student(degrees).above(quantile * math.sqrt((degrees - 2) / degrees)) == pytest.approx(above, abs=1e-4)


@pytest.mark.parametrize(
    ("asked", "as_if"),
    [(1.0, 4.0), (4.5, 4.0), (7.9, 6.0), (25.0, 20.0), (199.0, 60.0), (200.0, math.inf), (1e9, math.inf)],
)
def test_degrees_between_tables_get_the_heavier_tail(asked: float, as_if: float) -> None:
    assert student(asked) is student(as_if)


def test_both_fall_and_end() -> None:
    law = student(4)
    ts = [at / 10 for at in range(-170, 171)]
    above, excess = [law.above(t) for t in ts], [law.excess_above(t) for t in ts]
    assert above == sorted(above, reverse=True)
    assert excess == sorted(excess, reverse=True)
    assert (above[0], above[-1], excess[-1]) == (1.0, 0.0, 0.0)
    assert law.excess_above(-REACH - 4) == REACH + 4
