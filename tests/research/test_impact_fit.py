"""engine/research/impact.py: a planted law is found within its errors, and the one in force stays where it is right."""

from __future__ import annotations

from decimal import Decimal

import pytest
from costly_trades import costly, trade
from told_past import day_ns

from engine.domain.observation import RoundTold, Taken
from engine.domain.rows import changed
from engine.market.impact import Circumstances, ImpactParameters, expected_impact
from engine.research.impact import TRADES_MIN, ImpactFit, Trades, fit, law_bps, trades_of

pytestmark = pytest.mark.starts("noon")
"""Nothing here is about the time."""

SHIPPED = ImpactParameters()


def made(seed: int, count: int, law: ImpactParameters) -> Trades:
    trades = Trades()
    for told, issued in costly(seed, count, law):
        trades.add(told, issued)
    return trades


def judged(law: ImpactParameters, seed: int = 1, count: int = 2_000) -> ImpactFit:
    return fit(made(seed, count, law), SHIPPED)


def test_a_dearer_law_is_found() -> None:
    found = judged(ImpactParameters(y=1.2, cap_bps=1_000))
    assert found.is_proposed
    assert found.after.value < found.before.value
    assert found.found.y == pytest.approx(1.2, rel=0.15)
    assert found.found.power == pytest.approx(0.5, abs=0.06)
    assert found.found.high_yield == pytest.approx(0.0, abs=0.12)
    assert found.found.y_ln_sd < 0.3
    # Of 300 bps are the slips, and no trade.
    assert found.found.cap_bps < 250


def test_powers_rating_and_side_are_found() -> None:
    found = judged(ImpactParameters(y=0.8, power=0.35, high_yield=0.5, sell=0.3, cap_bps=1_000)).found
    assert found.power == pytest.approx(0.35, abs=0.06)
    assert found.high_yield == pytest.approx(0.5, abs=0.15)
    assert found.sell == pytest.approx(0.3, abs=0.12)
    assert found.y == pytest.approx(0.8, rel=0.2)


def test_intervals_of_its_numbers_hold_the_truth() -> None:
    """Nine in ten of seven numbers in six pasts: the priors of those that are 0 in truth help."""
    law = ImpactParameters(y=0.8, power=0.42, high_yield=0.3, sell=0.2, cap_bps=1_000)
    held = 0
    for seed in range(6):
        found = judged(law, 20 + seed, 1_500)
        held += sum(low <= getattr(law, name) <= high for name, (low, high) in found.ranges.items())
    assert held >= 37


@pytest.mark.parametrize("seed", range(5))
def test_the_law_in_force_is_kept_where_it_is_right(seed: int) -> None:
    found = judged(SHIPPED, seed, 1_500)
    assert not found.is_proposed
    assert "no nearer" in found.why


def test_what_trades_cost_stands_beside_both_laws() -> None:
    found = judged(ImpactParameters(y=1.2, cap_bps=1_000))
    assert len(found.points) == 8
    assert sum(each.cost.n for each in found.points) == found.trades
    held = sum(each.cost.holds(each.fitted_bps) for each in found.points)
    assert held >= 5
    assert found.points[-1].fitted_bps > 2 * found.points[-1].in_force_bps * 0.7


def test_few_trades_and_sizes_that_are_all_alike_are_refused_in_words() -> None:
    few = judged(SHIPPED, count=100)
    assert not few.is_proposed
    assert few.why.startswith(f"a law of impact needs {TRADES_MIN:,} trades on 24 days")
    assert few.found == few.now
    alike = Trades()
    for at in range(600):
        one = changed(trade(5.0 + at % 7, 8e6, 1e6, 35.0, False, False), sent_ns=day_ns(at % 60 + 0.5))
        alike.add(RoundTold(one))
    assert "about the same share of what trades" in fit(alike, SHIPPED).why


def test_the_law_of_many_is_the_law_of_each() -> None:
    law = ImpactParameters(1.1, 0.2, 60.0, 0.4, 0.1, 1.3, 0.15, 0.4, -0.2)
    trades = made(3, 50, law)
    many = law_bps(trades.columns(), law)
    for at, row in enumerate(trades.columns().T):
        _, _, quantity, of_adv, volatility, age, high_yield, sale = row
        known = Circumstances(bool(sale), bool(high_yield), age)
        size, adv = Decimal(repr(float(quantity))), Decimal(repr(float(quantity / of_adv)))
        one = expected_impact(size, adv, float(volatility), law, 0.0, known)
        assert one is not None
        assert one.bps == pytest.approx(many[at], rel=1e-9)


def test_only_trades_with_all_that_is_needed_count() -> None:
    good = trade(5.0, 8e6, 1e6, 35.0, False, False)
    [ask] = good.asks
    assert len(trades_of([RoundTold(good)])) == 1
    for bad in (
        changed(good, adv=None),
        changed(good, adv=Decimal(0)),
        changed(good, volatility_bps=None),
        changed(good, asks=(changed(ask, taken=Taken.rejected),)),
        changed(good, asks=(changed(ask, mark_sent=None),)),
        changed(good, asks=(changed(ask, fill_price=Decimal(1)),)),
    ):
        assert len(trades_of([RoundTold(bad)])) == 0
