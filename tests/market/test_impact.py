"""Expected impact and cost: the reference number, the cap, the interval, the unknown."""

from __future__ import annotations

import math
from decimal import Decimal

import pytest

from engine.market.impact import Expected, ExpectedCost, ImpactParameters, expected_cost, expected_impact

D = Decimal
MM = 1_000_000


def test_the_reference_number() -> None:
    """Y 0.5, sigma 35 bps, 10mm against an ADV of 5mm: 24.7 bps."""
    # Source: DOMAIN 4, the square-root law.
    found = expected_impact(D(10 * MM), D(5 * MM), 35.0, ImpactParameters())
    assert found is not None
    assert found.bps == pytest.approx(24.7, abs=0.05)
    assert (found.low_bps, found.high_bps) == pytest.approx((24.75 / 3.163, 24.75 * 3.163), rel=1e-3)


@pytest.mark.parametrize(
    ("quantity", "adv", "volatility", "bps"),
    [
        pytest.param(D(5 * MM), D(5 * MM), 35.0, 17.5, id="a day's volume"),
        pytest.param(D(50_000), D(5 * MM), 35.0, 1.75, id="a hundredth of it: a tenth"),
        pytest.param(D(10 * MM), D(100), 35.0, 150.0, id="far out of range: the cap"),
        pytest.param(D(10 * MM), D(0), 35.0, 150.0, id="known not to trade: the cap"),
        pytest.param(D(10 * MM), D(5 * MM), 0.0, 0.0, id="a price that does not move"),
        pytest.param(D(10 * MM), None, 35.0, None, id="unknown volume"),
        pytest.param(D(10 * MM), D(5 * MM), None, None, id="unknown volatility"),
        pytest.param(D(10 * MM), D(0), None, None, id="known volume, unknown volatility"),
    ],
)
def test_the_law(quantity: Decimal, adv: Decimal | None, volatility: float | None, bps: float | None) -> None:
    found = expected_impact(quantity, adv, volatility, ImpactParameters())
    assert (None if found is None else found.bps) == (None if bps is None else pytest.approx(bps))
    if found is not None:
        assert found.low_bps <= found.bps <= found.high_bps <= 150.0


def test_where_nothing_trades_the_cap_is_no_certainty() -> None:
    found = expected_impact(D(MM), D(0), 35.0, ImpactParameters(y_ln_sd=0.7))
    assert found == Expected(150.0, pytest.approx(150 / math.exp(1.6449 * 0.7)), 150.0)


def test_parameters_are_used() -> None:
    found = expected_impact(D(4), D(1), 10.0, ImpactParameters(y=1.0, y_ln_sd=0.0, cap_bps=1_000))
    assert found == Expected(20.0, 20.0, 20.0)
    wide = expected_impact(D(4), D(1), 10.0, ImpactParameters(y=1.0, y_ln_sd=0.3, cap_bps=1_000), 0.4)
    assert wide is not None
    assert wide.high_bps == pytest.approx(20 * math.exp(1.6449 * 0.5))


def test_cost_is_half_a_spread_and_the_impact() -> None:
    cost = expected_cost(6.0, Expected(10.0, 4.0, 25.0))
    assert cost == ExpectedCost(6.0, Expected(10.0, 4.0, 25.0))
    assert cost is not None
    assert cost.total == Expected(16.0, 10.0, 31.0)


def test_cost_is_unknown_where_a_part_is() -> None:
    assert expected_cost(None, Expected(10.0, 4.0, 25.0)) is None
    assert expected_cost(6.0, None) is None
