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

# Source: DOMAIN 4, the worked sell.
# Decision 98.50, arrival 98.45, execution 98.40, mid 30 minutes later 98.30, cover 98.35.
WORKED: list[tuple[Callable[[int], float], float]] = [
    (lambda s: tca.shortfall_bps(s, D(1), D("98.50"), D(1), D("98.40"), None), 10.15),
    (lambda s: tca.price_improvement_bps(s, D("98.40"), D("98.45")), -5.08),
    # s (M_h - P_exec) / P_exec: the price went our way, down, after we had sold.
    (lambda s: tca.markout_bps(s, D("98.40"), D("98.30")), 10.16),
    (lambda s: tca.adverse_drift_bps(s, D("98.45"), D("98.30")), 15.24),
    (lambda s: tca.cover_distance_bps(s, D("98.40"), D("98.35")), 5.08),
    # The other rows from the same prices, the mid at execution taken to be 98.42.
    (lambda s: tca.rfq_drift_bps(s, D("98.45"), D("98.42")), 3.05),
    (lambda s: tca.reversion_bps(s, D("98.42"), D("98.30")), -12.19),
    (lambda s: tca.best_quote_regret_bps(s, D("98.40"), D("98.41")), 1.02),
    (lambda s: tca.quote_edge_bps(s, D("98.35"), D("98.42")), -7.11),
    (lambda s: tca.classic_reversion_bps(s, D("98.42"), D("98.30")), -12.19),
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


@pytest.mark.parametrize(
    ("filled", "average", "end", "fees", "expected"),
    [
        pytest.param("1", "98.40", None, 0.0, 10.15, id="all of it"),
        pytest.param("1", "98.40", None, 0.5, 10.65, id="with fees"),
        pytest.param("0.5", "98.40", "98.20", 0.0, 20.30, id="the other half at the end's price"),
        pytest.param("0", None, "98.20", 0.0, 30.46, id="nothing filled: the whole at the end's price"),
    ],
)
def test_shortfall_of_a_sell_decided_at_98_50(
    filled: str, average: str | None, end: str | None, fees: float, expected: float
) -> None:
    prices = (D(average) if average else None, D(end) if end else None)
    assert round(tca.shortfall_bps(SELL, D(1), D("98.50"), D(filled), *prices, fees), 2) == expected


@pytest.mark.parametrize(
    ("quantity", "filled", "average", "end"),
    [("1", "0.5", "98.40", None), ("1", "1", None, None), ("1", "2", "98.40", "98.40"), ("0", "0", None, None)],
)
def test_a_shortfall_without_its_prices_is_refused(
    quantity: str, filled: str, average: str | None, end: str | None
) -> None:
    prices = (D(average) if average else None, D(end) if end else None)
    with pytest.raises(tca.BenchmarkError):
        tca.shortfall_bps(SELL, D(quantity), D("98.50"), D(filled), *prices)


@pytest.mark.parametrize(
    ("s", "price", "captured"),
    [
        pytest.param(BUY, "100", 1.0, id="at mid"),
        pytest.param(BUY, "100.2", 0.0, id="bought at the offer"),
        pytest.param(SELL, "99.8", 0.0, id="sold at the bid"),
        pytest.param(SELL, "100.1", 1.5, id="sold above mid"),
        pytest.param(BUY, "100.3", -0.5, id="bought beyond the offer"),
    ],
)
def test_spread_capture(s: int, price: str, captured: float) -> None:
    assert tca.spread_capture(s, D(price), D(100), D("0.2")) == pytest.approx(captured)


def test_a_sell_while_only_the_index_moves_has_not_drifted() -> None:
    move = tca.index_move_bps(D(200), D("199.6"))
    assert move == pytest.approx(-20.0)
    assert tca.adverse_drift_bps(SELL, D(100), D("99.8"), move) == pytest.approx(0.0)
    assert tca.adverse_drift_bps(BUY, D(100), D("99.8"), move, beta=0.5) == pytest.approx(-10.0)


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
