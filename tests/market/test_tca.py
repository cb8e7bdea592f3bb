"""Costs of trades: the worked sell, its mirror, and what has no answer."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal as D

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.domain.order import Side
from engine.market import tca

BUY, SELL = Side.buy.sign, Side.sell.sign

# Arrival 98.45, execution 98.40, mid 30 minutes later 98.30.
WORKED: list[tuple[Callable[[int], float], float]] = [
    (lambda s: tca.price_improvement_bps(s, D("98.40"), D("98.45")), -5.08),
    (lambda s: tca.adverse_drift_bps(s, D("98.45"), D("98.30")), 15.24),
]


@pytest.mark.parametrize(("figure", "expected"), WORKED)
def test_worked_sell(figure: Callable[[int], float], expected: float) -> None:
    assert round(figure(SELL), 2) == expected


@pytest.mark.parametrize(("figure", "expected"), WORKED)
def test_same_trade_as_a_buy_flips_every_sign(figure: Callable[[int], float], expected: float) -> None:
    assert round(figure(BUY), 2) == -expected


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        pytest.param(tca.quote_edge_bps(BUY, D("99.90"), D(100)), 10.0, id="bought below mid is better"),
        pytest.param(tca.quote_edge_bps(SELL, D("99.90"), D(100)), -10.0, id="sold below mid is worse"),
        pytest.param(tca.classic_reversion_bps(BUY, D(100), D("100.02")), -2.0, id="price went on: adverse to a buyer"),
        pytest.param(
            tca.classic_reversion_bps(SELL, D(100), D("99.98")), -2.0, id="price went on: adverse to a seller"
        ),
        pytest.param(tca.classic_reversion_bps(BUY, D(100), D("100.02"), 2.0), 0.0, id="the index moved as much"),
        pytest.param(tca.classic_reversion_bps(SELL, D(100), D("99.98"), -2.0), 0.0, id="and for a seller"),
    ],
)
def test_signs(result: float, expected: float) -> None:
    assert result == pytest.approx(expected, abs=1e-9)


@given(
    st.sampled_from([BUY, SELL]),
    st.decimals(1, 200, places=3, allow_nan=False),
    st.decimals(1, 200, places=3, allow_nan=False),
)
def test_what_is_better_for_the_buyer_is_as_much_worse_for_the_seller(s: int, price: D, mid: D) -> None:
    assert tca.price_improvement_bps(s, price, mid) == -tca.price_improvement_bps(-s, price, mid)
    assert tca.quote_edge_bps(s, price, mid) == tca.price_improvement_bps(s, price, mid)


@pytest.mark.parametrize("mid", [D(0), D(-1), D("NaN"), D("Infinity")], ids=str)
def test_a_reference_that_is_no_price_is_refused(mid: D) -> None:
    with pytest.raises(tca.BenchmarkError, match="more than 0"):
        tca.price_improvement_bps(BUY, D(100), mid)


def test_a_quantity_given_for_a_sign_is_refused() -> None:
    with pytest.raises(ValueError, match="sign of a side"):
        tca.price_improvement_bps(1_000_000, D(100), D(100))
