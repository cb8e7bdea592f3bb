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

# Decision 98.50, arrival 98.45, execution 98.40, mid 30 minutes later 98.30, second best 98.35.
WORKED: list[tuple[Callable[[int], float], float]] = [
    (lambda s: tca.implementation_shortfall_bps(s, D("98.40"), D("98.50")), 10.15),
    (lambda s: tca.price_improvement_bps(s, D("98.40"), D("98.45")), -5.08),
    (lambda s: tca.slippage_bps(s, D("98.40"), D("98.45")), 5.08),
    (lambda s: tca.markout_bps(s, D("98.40"), D("98.30")), 10.16),
    (lambda s: tca.adverse_drift_bps(s, D("98.45"), D("98.30")), 15.24),
    (lambda s: tca.cover_bps(s, D("98.40"), D("98.35")), 5.08),
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
        pytest.param(tca.regret_bps(BUY, D("100.10"), D(100)), 10.0, id="a better offer was left"),
        pytest.param(tca.rfq_drift_bps(BUY, D(100), D("100.05")), 5.0, id="market rose while we asked to buy"),
        pytest.param(tca.reversion_bps(BUY, D(100), D("99.98")), 2.0, id="impact of a buy gave back"),
        pytest.param(tca.classic_reversion_bps(BUY, D(100), D("100.02")), -2.0, id="price went on: adverse to a buyer"),
        pytest.param(
            tca.classic_reversion_bps(SELL, D(100), D("99.98")), -2.0, id="price went on: adverse to a seller"
        ),
        pytest.param(tca.classic_reversion_bps(BUY, D(100), D("100.02"), 2.0), 0.0, id="the index moved as much"),
        pytest.param(tca.classic_reversion_bps(SELL, D(100), D("99.98"), -2.0), 0.0, id="and for a seller"),
        pytest.param(tca.spread_capture(SELL, D("99.75"), D(100), D("0.25")), 0.0, id="sold at the bid"),
        pytest.param(tca.spread_capture(BUY, D(100), D(100), D("0.25")), 1.0, id="bought at the mid"),
    ],
)
def test_signs(result: float, expected: float) -> None:
    assert result == pytest.approx(expected, abs=1e-9)


@given(
    st.sampled_from([BUY, SELL]),
    st.decimals(1, 200, places=3, allow_nan=False),
    st.decimals(1, 200, places=3, allow_nan=False),
)
def test_slippage_is_minus_price_improvement(s: int, fill: D, mid: D) -> None:
    assert tca.slippage_bps(s, fill, mid) == -tca.price_improvement_bps(s, fill, mid)


def test_unfilled_rest_counts_at_the_end_price() -> None:
    fills = ((D("98.40"), D(6)), (D("98.30"), D(2)))
    whole = tca.shortfall_with_rest_bps(SELL, fills, D(10), D("98.00"), D("98.50"))
    by_hand = (6 * (98.50 - 98.40) + 2 * (98.50 - 98.30) + 2 * (98.50 - 98.00)) / 10 / 98.50 * 1e4
    assert whole == pytest.approx(by_hand)


@pytest.mark.parametrize("ordered", [D(7), D(0)], ids=["more filled than ordered", "nothing ordered"])
def test_a_shortfall_of_an_impossible_order_is_refused(ordered: D) -> None:
    with pytest.raises(ValueError, match="ordered"):
        tca.shortfall_with_rest_bps(SELL, ((D("98.40"), D(8)),), ordered, D(98), D(98))


@pytest.mark.parametrize("mid", [D(0), D(-1), D("NaN"), D("Infinity")], ids=str)
def test_a_reference_that_is_no_price_is_refused(mid: D) -> None:
    with pytest.raises(tca.BenchmarkError, match="more than 0"):
        tca.slippage_bps(BUY, D(100), mid)


def test_a_quantity_given_for_a_sign_is_refused() -> None:
    with pytest.raises(ValueError, match="sign of a side"):
        tca.slippage_bps(1_000_000, D(100), D(100))


def test_measure_of_the_worked_sell() -> None:
    costs = tca.measure(
        tca.TradePrices(
            s=SELL,
            fill=D("98.40"),
            decision=D("98.50"),
            arrival_mid=D("98.45"),
            mid_at_send=D("98.45"),
            mid_at_execution=D("98.42"),
            mid_after=D("98.30"),
            cover=D("98.35"),
            best_live_quote=D("98.40"),
            half_spread=D("0.10"),
        )
    )
    assert costs.implementation_shortfall_bps == pytest.approx(10.15, abs=0.005)
    assert costs.price_improvement_bps == pytest.approx(-5.08, abs=0.005)
    assert costs.adverse_drift_bps == pytest.approx(15.24, abs=0.005)
    assert costs.regret_bps == 0
    assert costs.spread_capture == pytest.approx(0.8)
    assert costs.rfq_drift_bps == pytest.approx(3.05, abs=0.005)
    assert costs.classic_reversion_bps == pytest.approx(-12.19, abs=0.005)


def test_a_missing_mark_is_unknown_and_never_zero() -> None:
    costs = tca.measure(tca.TradePrices(s=BUY, fill=D(100), arrival_mid=D(100)))
    assert costs.slippage_bps == 0
    assert costs.markout_bps is None
    assert costs.classic_reversion_bps is None
    assert costs.cover_bps is None
    assert costs.implementation_shortfall_bps is None
