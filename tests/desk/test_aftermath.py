"""Half an hour after a trade: what the market did, measured once, and what is no measurement.

House sign: minus the adverse drift from the mark at execution, so negative means that it went on against us.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from desk_scene import BOND, MM, Scene, scene

from engine.clock import NS_PER_S
from engine.desk import decide
from engine.domain import events as e
from engine.domain.keys import Timer, TimerKind

HALF_HOUR = 1_800


def traded(side: str = "buy", fair: str = "100", **desk: Any) -> tuple[Scene, str]:
    world = scene(**desk)
    order_id = world.order(BOND, side, MM, account="PARALLEL")
    world.says("ash", "100", order_id)
    world.command("execute", order=order_id)
    world.price(BOND, fair)
    world.fills(order_id)
    return world, order_id


def half_an_hour(world: Scene) -> None:
    """The time until the measurement; the marks' source is still alive at its end."""
    world.advance(HALF_HOUR - 1)
    world.mark()
    world.advance(1)


def measured(world: Scene) -> e.ReversionMeasured:
    [event] = world.recorded(e.ReversionMeasured)
    assert isinstance(event, e.ReversionMeasured)
    return event


@pytest.mark.parametrize(
    ("side", "before", "after", "bps"),
    [
        pytest.param("buy", "100", "100.06", -6.0, id="it rose after our purchase: adverse"),
        pytest.param("buy", "100", "99.98", 2.0, id="it fell back after our purchase: good"),
        pytest.param("sell", "100", "99.94", -6.0, id="it fell after our sale: adverse"),
        pytest.param("sell", "100", "100.02", 2.0, id="it rose back after our sale: good"),
        pytest.param("buy", "50", "50.05", -10.0, id="in bps of the mark at execution"),
        pytest.param("buy", "100", "100", 0.0, id="it stood still"),
    ],
)
def test_the_sign_of_a_reversion(side: str, before: str, after: str, bps: float) -> None:
    world, _ = traded(side, before)
    world.advance(HALF_HOUR - 1)
    world.price(BOND, after)
    assert world.recorded(e.ReversionMeasured) == []
    world.advance(1)
    event = measured(world)
    assert event.reversion_bps == pytest.approx(bps)
    assert (event.dealer, event.traded_ns) == ("ash", event.at_ns - HALF_HOUR * NS_PER_S)
    leakage = world.desk.stats.metrics("ash", "*", 90, world.now.utc_ns).leakage_bps
    assert leakage == pytest.approx(bps)


def test_it_is_measured_once() -> None:
    world, _ = traded()
    half_an_hour(world)
    world.price(BOND, "105")
    half_an_hour(world)
    assert measured(world).reversion_bps == 0.0


def test_every_part_is_measured_from_its_own_mark() -> None:
    world = scene()
    order_id = world.order(BOND, "buy", MM, account="PARALLEL")
    world.says("ash", "100", order_id)
    world.command("execute", order=order_id)
    world.fills(order_id, 400_000)
    world.advance(10)
    world.price(BOND, "101")
    world.fills(order_id, 600_000)
    world.advance(HALF_HOUR - 11)
    world.mark()
    world.advance(11)
    found = [event.reversion_bps for event in world.recorded(e.ReversionMeasured)]
    assert found == [pytest.approx(-100.0), pytest.approx(0.0)]


def no_leakage(world: Scene) -> bool:
    return world.desk.stats.metrics("ash", "*", 90, world.now.utc_ns).leakage_bps is None


def test_no_mark_at_execution_is_no_observation() -> None:
    world = scene()
    order_id = world.order(BOND, "buy", MM, account="PARALLEL")
    world.says("ash", "100", order_id)
    world.command("execute", order=order_id)
    world.no_price()
    world.fills(order_id)
    world.price(BOND, "100")
    world.advance(HALF_HOUR)
    event = measured(world)
    assert (event.reversion_bps, event.reason) == (None, "no mark at execution")
    assert no_leakage(world)


def test_no_mark_when_it_is_due_waits_for_one_a_while() -> None:
    world, _ = traded()
    world.no_price()
    world.advance(HALF_HOUR + 120)
    assert world.recorded(e.ReversionMeasured) == []
    world.price(BOND, "100.03")
    world.advance(10)
    event = measured(world)
    assert event.reversion_bps == pytest.approx(-3.0)
    assert event.mark is not None


def test_no_mark_for_long_is_no_observation() -> None:
    world, _ = traded()
    world.no_price()
    world.advance(HALF_HOUR + 299)
    assert world.recorded(e.ReversionMeasured) == []
    world.advance(1)
    event = measured(world)
    assert (event.reversion_bps, event.mark, event.reason) == (None, None, "no mark when it was due")
    assert no_leakage(world)
    world.price(BOND, "90")
    world.advance(HALF_HOUR)
    assert measured(world) is event


def test_a_mark_from_before_the_trade_says_nothing_of_what_came_after() -> None:
    """Marks may be an hour old at this desk; the one at hand half an hour later is still the one from before."""
    world = scene()
    world.desk.clocks = replace(world.desk.clocks, mark_age_ns_max=3_600 * NS_PER_S)
    order_id = world.order(BOND, "buy", MM, account="PARALLEL")
    world.says("ash", "100", order_id)
    world.command("execute", order=order_id)
    world.fills(order_id)
    world.advance(HALF_HOUR + 300)
    assert (measured(world).reversion_bps, measured(world).reason) == (None, "no mark when it was due")


@pytest.mark.parametrize(
    ("seconds", "wanted"),
    [
        pytest.param(0, lambda due: due, id="before: when it is due"),
        pytest.param(HALF_HOUR + 7, lambda due: due + 12 * NS_PER_S, id="while it waits for a mark: now and then"),
        pytest.param(HALF_HOUR + 298, lambda due: due + 300 * NS_PER_S, id="at the latest when the grace ends"),
        pytest.param(HALF_HOUR + 500, lambda due: due + 500 * NS_PER_S, id="after a long stop: at once"),
    ],
)
def test_its_timer_is_derived_from_the_state(seconds: int, wanted: Callable[[int], int]) -> None:
    """Nothing but the state is needed: no restart loses the measurement."""
    world, _ = traded()
    [pending] = world.today("reversions").values()
    key = Timer(TimerKind.reversion, pending.exec_id)
    assert key in list(decide.open_keys(world.state))
    now_ns = pending.traded_ns + seconds * NS_PER_S
    found = decide.deadline_of(world.state, key, world.desk.clocks, lambda session: True, now_ns)
    assert found == wanted(pending.due_ns)


def test_what_is_measured_has_no_timer() -> None:
    world, _ = traded()
    half_an_hour(world)
    assert not [key for key in decide.open_keys(world.state) if key.kind is TimerKind.reversion]


def test_the_next_ranking_sees_it() -> None:
    world, _ = traded()
    world.price(BOND, "100.10")
    half_an_hour(world)
    advice = world.command("recommend", role="viewer", security=BOND.security_id, side="buy", quantity="1mm")
    line = next(each for each in advice["lines"] if each["dealer"] == "ash")
    leakage = next(part for part in line["parts"] if part["metric"] == "leakage")
    assert leakage["value"] == pytest.approx(-10.0)
    assert leakage["transformed"] == pytest.approx(0.0), "1 + bps / 10"
    assert Decimal(leakage["contribution"]) == 0
