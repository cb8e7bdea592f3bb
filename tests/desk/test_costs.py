"""What trades cost: the worked sell by the desk itself, every figure by whom it counts under, and outside results."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from desk_scene import BOND, MM, Scene, scene

from engine.clock import NS_PER_DAY
from engine.desk.apply import apply
from engine.desk.costs import DAYS_MAX, By, Costs, OrderCosted, Tally
from engine.desk.state import DeskState
from engine.domain import events as e
from engine.market.marks import Mark, Quality

pytestmark = pytest.mark.starts("noon", "second noon")
"""Days that begin and end meanwhile are a matter of calendars."""

WORKED = {
    "shortfall": 10.15,
    "improvement": -5.08,
    "cover": 5.08,
    "markout_30m": 10.16,
    "adverse_30m": 15.24,
    "regret": 0.0,
}
"""DOMAIN 4: decision 98.50, arrival 98.45, execution 98.40, cover 98.35, mid 30 minutes later 98.30."""


def worked(side: str = "sell") -> tuple[Scene, str]:
    """The worked trade. As a buy the same prices flip every sign."""
    world = scene()
    world.price(BOND, "98.50")
    order_id = world.order(BOND, side, MM, account="HAND")
    world.advance(5)
    world.price(BOND, "98.45")
    world.command("send", order=order_id)
    world.advance(5)
    world.says("ash", "98.40", order_id)
    world.says("beech", "98.35", order_id)
    world.command("execute", order=order_id, dealer="ash")
    world.fills(order_id)
    world.advance(1_799)
    world.price(BOND, "98.30")
    world.advance(1)
    return world, order_id


def costed(world: Scene, order_id: str) -> OrderCosted:
    found = world.desk.costs.of_order(order_id)
    assert found is not None
    return found


def figures(found: OrderCosted) -> dict[str, float]:
    parts = [found.order, *found.fills.values(), *found.rounds.values()]
    return {name: value for part in parts for name, value in part.figures.items()}


def test_the_worked_sell_by_the_desk_itself() -> None:
    world, order_id = worked()
    found = figures(costed(world, order_id))
    assert {name: round(found[name], 2) for name in WORKED} == WORKED


def test_the_same_as_a_buy_flips_every_sign() -> None:
    """The best live quote of a buy is the other one: what was paid beside it is the regret."""
    world, order_id = worked("buy")
    found = figures(costed(world, order_id))
    assert {name: round(found[name], 2) for name in WORKED if name != "regret"} == {
        name: -value for name, value in WORKED.items() if name != "regret"
    }
    assert round(found["regret"], 2) == 5.08


def test_each_counts_under_its_dealer_rule_trader_and_segment() -> None:
    world, order_id = worked()
    day = world.now.utc_ns // NS_PER_DAY
    costs = world.desk.costs
    by_dealer = costs.by(By.dealer, day, day)
    assert by_dealer["ash"]["improvement"].ours.mean == pytest.approx(-5.0787, abs=1e-3)
    assert "improvement" not in by_dealer["beech"], "it has not traded"
    edge = by_dealer["beech"]["edge"].ours
    assert (edge.n, edge.mean) == (1, pytest.approx(-10 / 98.45 * 100))
    assert [*costs.by(By.rule, day, day)] == ["by hand"]
    assert [*costs.by(By.trader, day, day)] == ["kim"]
    assert [*costs.by(By.segment, day, day)] == [world.the(order_id).facts.segment]
    assert costs.by(By.rule, day, day)["by hand"]["adverse_30m"].ours.n == 1
    assert costs.by(By.dealer, day + 1, day + 9) == {}


def test_what_is_not_filled_is_held_against_the_mark_at_the_end() -> None:
    world = scene()
    world.price(BOND, "98.50")
    order_id = world.order(BOND, "sell", MM, account="PARALLEL")
    world.says("ash", "98.40", order_id)
    world.command("execute", order=order_id)
    world.fills(order_id, 500_000)
    world.rejects(order_id)
    world.price(BOND, "98.20")
    world.cancel(order_id)
    assert costed(world, order_id).order.figures["shortfall"] == pytest.approx(20 / 98.5 * 100)


def test_what_is_not_known_costs_nothing_and_says_why() -> None:
    world = scene()
    world.no_price()
    order_id = world.order(BOND, "sell", MM, account="PARALLEL")
    world.says("ash", "98.40", order_id)
    world.command("execute", order=order_id)
    world.fills(order_id)
    world.advance(120)
    found = costed(world, order_id)
    assert figures(found) == {"regret": 0.0}
    assert found.order.missing == {"shortfall": "no mark when the order came"}
    [fill] = found.fills.values()
    assert fill.missing["cover"] == "no second quote"
    assert fill.missing["markout_1m"] == "no mark when it was due"
    assert fill.missing["improvement"] == "no mark when first asked"
    assert world.desk.costs.by(By.dealer, 0, 10**6)["ash"].keys() == {"regret"}


def test_spread_capture_needs_both_sides() -> None:
    world = scene()
    mark = Mark(BOND.security_id, Decimal(100), world.now.utc_ns, "marks", Quality.COMPOSITE, Decimal("0.2"))
    world.desk.marks.update(mark)
    order_id = world.order(BOND, "buy", MM, account="PARALLEL")
    world.says("ash", "100.05", order_id)
    world.command("execute", order=order_id)
    world.fills(order_id)
    assert figures(costed(world, order_id))["capture"] == pytest.approx(0.75)


def test_what_is_taken_back_of_a_round_is_taken_back_of_the_edges() -> None:
    world = scene()
    order_id = world.order(BOND, "buy", MM, account="PARALLEL")
    world.says("ash", "99.95", order_id)
    world.command("execute", order=order_id)
    world.fills(order_id)
    world.advance(10)
    world.says("beech", "100.1", order_id)
    world.says("beech", "100.2", order_id)
    edge = world.desk.costs.by(By.dealer, 0, 10**6)["beech"]["edge"].ours
    assert (edge.n, edge.mean) == (1, pytest.approx(-20.0))


# --- another provider's -----------------------------------------------------------------------------


def outside(world: Scene, figures: tuple[str, ...], *bps: float | None, exec_id: str) -> None:
    draft = world.draft()
    draft.record(e.TcaReceived(draft.now_ns, "house", figures, (e.TcaResult(exec_id, bps),), "feed"))
    world.keep(draft)


def test_outside_results_stand_beside_ours_and_count_where_they_are_preferred() -> None:
    world, order_id = worked()
    [exec_id] = costed(world, order_id).fills
    outside(world, ("improvement", "markout_1h"), -6.0, 3.0, exec_id=exec_id)
    outside(world, ("improvement", "markout_1h"), -7.0, None, exec_id=exec_id)
    cell = world.desk.costs.by(By.dealer, 0, 10**6)["ash"]
    both = cell["improvement"]
    assert (both.theirs.n, both.theirs.mean) == (1, -7.0), "what comes again replaces what came"
    assert both.difference.mean == pytest.approx(-7.0 + 5.0787, abs=1e-3)
    assert both.told(False).mean == pytest.approx(-5.0787, abs=1e-3)
    assert both.told(True).mean == pytest.approx(-7.0)
    assert (cell["markout_1h"].told(False).n, cell["markout_1h"].told(True).mean) == (0, 3.0)
    assert costed(world, order_id).fills[exec_id].outside == {
        "improvement": ("house", -7.0),
        "markout_1h": ("house", 3.0),
    }
    # Ours that comes later is taken beside it.
    world.advance(1_799)
    world.price(BOND, "98.25")
    world.advance(1)
    both = world.desk.costs.by(By.dealer, 0, 10**6)["ash"]["markout_1h"]
    assert (both.ours.n, both.replaced.n, both.difference.n) == (1, 1, 1)


# --- the fold -------------------------------------------------------------------------------------


def plain(costs: Costs) -> Any:
    return {
        day: {name: {figure: repr(both) for figure, both in cell.items()} for name, cell in cells.items()}
        for day, cells in costs._days.items()
    }, {order_id: repr(found) for order_id, found in costs._orders.items()}


def test_a_restart_comes_out_at_the_same_costs() -> None:
    """Live a whole turn is there when its events are taken in, on a restart one event after another."""
    world, _ = worked()
    other = world.order(BOND, "buy", 2 * MM, account="AUTO")
    world.advance(200)
    world.cancel(other, "c2")
    costs, state = Costs(), DeskState()
    for event in [*world.before, *world.events]:
        apply(state, event)
        costs.fold(state, event)
    mine = plain(costs)
    if world.before:  # What the scene's yesterday cost nobody asks the scene.
        assert all(mine[1][order] == found for order, found in plain(world.desk.costs)[1].items())
        return
    assert mine == plain(world.desk.costs)


def test_days_are_kept_so_many() -> None:
    costs = Costs()
    for day in range(DAYS_MAX + 3):
        costs._cell(day, (By.rule, "x"), "edge").ours.add(1.0)
    assert (len(costs._days), min(costs._days)) == (DAYS_MAX, 3)


@pytest.mark.parametrize(
    ("values", "mean", "se"),
    [
        pytest.param([], None, None, id="nothing"),
        pytest.param([3.0], 3.0, None, id="one has no error"),
        pytest.param([1.0, 2.0, 3.0, 4.0], 2.5, 0.6455, id="four"),
        pytest.param([2.0, 2.0, 2.0], 2.0, 0.0, id="alike"),
    ],
)
def test_a_mean_with_its_standard_error(values: list[float], mean: float | None, se: float | None) -> None:
    tally = Tally()
    for value in values:
        tally.add(value)
    assert tally.mean == mean
    assert tally.se == (pytest.approx(se, abs=1e-4) if se is not None else None)
    tally.add(7.0)
    tally.add(7.0, -1)
    assert tally.n == len(values)
