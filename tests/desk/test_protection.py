"""Information protection: what it looks at, that it stays on, whom it counts, and who may go past it.

RULES.md of the house: every protection whose condition is true applies, on top of the rule and of a trader's override;
it looks at the order's original size and at the same bond's other orders on that side, open or done that day.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from desk_past import UNKNOWN_VOLUME
from desk_scene import BOND, MM, PROTECT, RULES, Scene, exposure_of, scene
from desk_start import start

from engine.clock import NS_PER_DAY, NS_PER_S
from engine.desk.explaining import tell
from engine.domain import events as e
from engine.domain.order import OrderState, TimeInForce
from engine.errors import CommandError

PROTECTED = PROTECT + RULES
"""From 2mm on: at most two dealers, five seconds apart."""


def protected(world: Scene, order_id: str) -> bool:
    return world.state.recommendations[order_id].protections == ("large",)


def dealers(world: Scene, order_id: str) -> list[str]:
    plan = world.state.recommendations[order_id].plan
    return list(plan.dealers) if plan is not None else []


def reasons(world: Scene, order_id: str) -> dict[str, str]:
    return {line.dealer: line.reason for line in tell(world.desk.book_of, world.state.recommendations[order_id]).lines}


@pytest.mark.parametrize(
    ("quantity", "held"),
    [pytest.param(2 * MM - 1, False, id="below"), pytest.param(2 * MM, True, id="at its size")],
)
def test_it_looks_at_the_orders_size(quantity: int, held: bool) -> None:
    world = scene(PROTECTED)
    order_id = world.order(BOND, "buy", quantity, account="PARALLEL")
    assert protected(world, order_id) is held
    plan = world.rfq(order_id).plan
    assert (plan.mode, plan.stagger_ns // NS_PER_S, plan.dealers) == (
        ("stagger", 5, ("ash", "beech")) if held else ("parallel", 0, ("ash", "beech", "cedar"))
    )
    world.advance(60)
    assert world.asked() == (["ash", "beech"] if held else ["ash", "beech", "cedar"])


def test_it_looks_at_the_original_size_also_for_the_rest() -> None:
    """2mm of which 1.5mm are done: what is left is small, the exposure is not."""
    world = scene(PROTECTED)
    order_id = world.order(BOND, "buy", 2 * MM, account="PARALLEL")
    world.says("ash", "100", order_id)
    world.command("execute", order=order_id)
    world.fills(order_id, 1_500_000)
    world.command("order__force_state", role="operator", order=order_id, reason="they are done")
    world.command("send", order=order_id, fresh=True)
    assert protected(world, order_id)
    assert world.rfq(order_id).quantity == 500_000


@pytest.mark.parametrize(
    ("second", "held"),
    [
        pytest.param({}, True, id="same bond, same side"),
        pytest.param({"side": "sell"}, False, id="the other side"),
        pytest.param({"security": UNKNOWN_VOLUME}, False, id="another bond"),
        pytest.param({"account": "SPACED"}, True, id="another account is the same exposure"),
    ],
)
def test_it_adds_up_the_orders_of_the_day(second: dict[str, Any], held: bool) -> None:
    world = scene(PROTECTED)
    first = world.order(BOND, "buy", MM, account="PARALLEL")
    values: dict[str, Any] = {"security": BOND, "side": "buy", "account": "PARALLEL", **second}
    other = world.order(values.pop("security"), values.pop("side"), MM + 1, **values)
    assert not protected(world, first)
    assert protected(world, other) is held


def test_what_is_done_counts() -> None:
    world = scene(PROTECTED)
    first = world.order(BOND, "buy", MM, account="PARALLEL")
    world.says("ash", "100", first)
    world.command("execute", order=first)
    world.fills(first)
    assert protected(world, world.order(BOND, "buy", MM + 1, account="PARALLEL"))


def test_yesterdays_orders_are_another_exposure_unless_they_are_open() -> None:
    world = scene(PROTECTED)
    done = world.order(BOND, "buy", MM, account="PARALLEL")
    world.cancel(done)
    world.advance(86_400)
    today = world.order(BOND, "buy", MM + 1, account="PARALLEL")
    assert not protected(world, today)
    world.cancel(today, "c9")

    world = scene(PROTECTED)
    days = {"tif": TimeInForce.gtd, "expire_ns": start().utc_ns + 30 * NS_PER_DAY}
    world.order(BOND, "buy", MM, **days)
    world.advance(5 * 86_400)
    assert protected(world, world.order(BOND, "buy", MM + 1, account="PARALLEL"))


def test_an_order_of_days_ago_is_held_by_what_is_open_today() -> None:
    world = scene(PROTECTED)
    old = world.order(BOND, "buy", MM, tif=TimeInForce.gtd, expire_ns=start().utc_ns + 30 * NS_PER_DAY)
    world.advance(86_400)
    world.order(BOND, "buy", MM + 1)
    world.command("send", order=old, fresh=True)
    assert protected(world, old)


def test_once_on_it_stays_on_for_that_exposure() -> None:
    """A protection that looks at something that changes: on once, it holds for the orders that follow."""
    by_fair = """
protect "above par" when fair > 100
  at most 1 dealers
"""
    world = scene(by_fair + RULES)
    world.price(BOND, "101")
    first = world.order(BOND, "buy", MM, account="PARALLEL")
    assert world.asked() == ["ash"]
    world.price(BOND, "99")
    second = world.order(BOND, "buy", MM + 1, account="PARALLEL")
    assert world.state.recommendations[second].protections == ("above par",)
    other_side = world.order(BOND, "sell", MM, account="PARALLEL")
    assert world.state.recommendations[other_side].protections == ()
    assert world.state.exposures[exposure_of(world, world.the(first))].protections == ("above par",)


def test_a_known_unknown_is_protected() -> None:
    """In a protection unknown counts as true: no price, no pass."""
    world = scene('protect "above par" when fair > 100\n  at most 1 dealers\n' + RULES)
    world.no_price()
    world.order(BOND, "buy", MM, account="PARALLEL")
    assert world.asked() == ["ash"]


# --- whom it counts ------------------------------------------------------------------------------


def test_its_limit_counts_distinct_dealers_over_all_rounds() -> None:
    world = scene(PROTECTED)
    order_id = world.order(BOND, "buy", 2 * MM, account="PARALLEL")
    world.advance(70)
    assert world.asked() == ["ash", "beech"]
    assert world.the(order_id).state is OrderState.with_trader
    world.command("send", order=order_id, fresh=True)
    world.advance(70)
    assert world.asked() == ["ash", "beech"] * 2, "the same two may be asked again, a third may not"
    assert reasons(world, order_id)["cedar"] == 'at most 2 dealers: protect "large"'


def test_it_counts_over_all_orders_of_the_exposure() -> None:
    """Ash and beech know of the first order; the second cannot go to others in their place."""
    world = scene(PROTECTED)
    world.order(BOND, "buy", 2 * MM, account="PARALLEL")
    world.advance(70)
    world.command("kill", scope="dealer:ash", on=True, reason="test")
    second = world.order(BOND, "buy", 2 * MM + 1, account="PARALLEL")
    assert dealers(world, second) == ["beech"]
    assert reasons(world, second)["cedar"] == 'at most 2 dealers: protect "large"'


def test_more_than_its_limit_who_know_already_are_not_asked_again_beyond_it() -> None:
    """Three heard of the first, small order. The second makes it large: two of the three, and nobody new."""
    world = scene(PROTECTED)
    world.order(BOND, "buy", MM, account="PARALLEL")
    assert world.asked() == ["ash", "beech", "cedar"]
    second = world.order(BOND, "buy", MM + 1, account="PARALLEL")
    assert protected(world, second)
    assert dealers(world, second) == ["ash", "beech"]


# --- going past it -------------------------------------------------------------------------------


def returned() -> tuple[Scene, str]:
    world = scene(PROTECTED)
    return world, world.order(BOND, "buy", 2 * MM)


def test_an_override_within_the_protection_needs_a_reason_only() -> None:
    world, order_id = returned()
    with pytest.raises(CommandError, match="missing parameter 'reason'"):
        world.command("override", order=order_id, dealers=["hazel", "fir"])
    world.command("override", order=order_id, dealers=["hazel", "fir"], reason="they have it")
    world.advance(10)
    assert world.asked() == ["hazel", "fir"]
    assert world.rfq(order_id).plan.mode == "stagger", "the delay holds for a trader's list too"
    [event] = world.recorded(e.OrderOverridden)
    assert (event.actor, event.reason, event.before, event.after) == (
        "person:kim",
        "they have it",
        ("ash", "beech"),
        ("hazel", "fir"),
    )
    assert event.past_protections == ()


@pytest.mark.parametrize(
    ("role", "changes", "text"),
    [
        pytest.param("trader", {}, "a protection holds: cedar: at most 2 dealers", id="a trader"),
        pytest.param(
            "operator", {}, "a protection holds: cedar: at most 2 dealers", id="an operator who did not say so"
        ),
        pytest.param("trader", {"past_protection": True}, "needs role operator", id="a trader who says so"),
    ],
)
def test_nobody_goes_past_a_protection_without_the_right_and_the_word(
    role: str, changes: dict[str, Any], text: str
) -> None:
    world, order_id = returned()
    before = len(world.events)
    with pytest.raises(CommandError, match=text):
        world.command(
            "override", role=role, order=order_id, dealers=["ash", "beech", "cedar"], reason="I must", **changes
        )
    assert (world.asked(), len(world.events)) == ([], before)


def test_going_past_a_protection_is_recorded_with_its_name_and_reason() -> None:
    world, order_id = returned()
    world.command(
        "override",
        role="operator",
        order=order_id,
        dealers=["ash", "beech", "cedar"],
        reason="fund closes today",
        past_protection=True,
    )
    world.advance(30)
    assert world.asked() == ["ash", "beech", "cedar"]
    [event] = world.recorded(e.OrderOverridden)
    assert event.past_protections == ('cedar: at most 2 dealers: protect "large"',)
    assert event.reason == "fund closes today"
    assert world.rfq(order_id).plan.stagger_ns == 5 * NS_PER_S


def test_never_ask_of_a_protection_holds_for_an_override() -> None:
    world = scene('protect "leaks" when true\n  never ask {ash}\n' + RULES)
    order_id = world.order(BOND, "buy", MM)
    assert dealers(world, order_id) == ["beech", "cedar", "fir"], "the next in rank takes the place"
    with pytest.raises(CommandError, match='ash: never asked: protect "leaks"'):
        world.command("override", order=order_id, dealers=["ash"], reason="mine")


def test_send_says_when_the_recommendation_no_longer_holds() -> None:
    """Another order made the exposure large after the list was shown."""
    world = scene(PROTECTED)
    first = world.order(BOND, "buy", MM)
    assert dealers(world, first) == ["ash", "beech", "cedar"]
    world.order(BOND, "buy", MM + 1)
    with pytest.raises(CommandError, match="no longer holds"):
        world.command("send", order=first)
    world.command("send", order=first, fresh=True)
    assert world.rfq(first).plan.dealers == ("ash", "beech")


def test_the_size_of_an_exposure_is_what_its_orders_add_up_to() -> None:
    world = scene(PROTECTED)
    first = world.order(BOND, "buy", MM)
    world.order(BOND, "buy", 3 * MM)
    world.order(BOND, "sell", 7 * MM)
    assert world.state.exposures[exposure_of(world, world.the(first))].quantity == Decimal(4 * MM)
