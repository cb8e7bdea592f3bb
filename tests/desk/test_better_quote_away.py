"""A better quote whose session is down but may return: a rule waits for it while it may, a person is told of it."""

from __future__ import annotations

from decimal import Decimal

import pytest
from desk_scene import BOND, MM, Scene, scene

from engine.domain import events as e
from engine.domain import messages as m
from engine.domain.order import OrderState, TimeInForce
from engine.domain.placement import PlacementState
from engine.domain.rfq import RfqState
from engine.errors import CommandError


def restarted(account: str = "SINGLE", firm_s: int = 60, better_s: int = 60, **order: object) -> tuple[Scene, str]:
    """A round that is decided while nobody is logged on: beech stands at 99.90, ash at 99.95, cedar has declined."""
    world = scene()
    order_id = world.order(BOND, "buy", MM, account=account, **order)
    world.drop("cedar")
    for dealer, price, life_s in (("ash", "99.95", firm_s), ("beech", "99.90", better_s)):
        world.quote(dealer, price, order_id=order_id, firm_s=life_s)
        world.drop(dealer)
    world.down.discard("cedar")
    world.declines("cedar", order_id)
    assert world.rfq(order_id).state is RfqState.deciding
    assert world.accepted() == []
    return world, order_id


def test_the_rule_waits_for_the_better_one_whose_session_is_a_moment_away() -> None:
    world, order_id = restarted()
    world.restore("ash")
    assert (world.accepted(), world.rfq(order_id).alerted) == ([], "")
    world.advance(0.001)
    world.restore("beech")
    assert (world.accepted(), world.placement(order_id).price) == (["beech"], Decimal("99.90"))


def test_it_does_not_wait_for_a_worse_one() -> None:
    world, _ = restarted()
    world.restore("beech")
    assert world.accepted() == ["beech"]


@pytest.mark.parametrize(
    ("firm_s", "better_s", "at_s"),
    [
        pytest.param(20, 60, 20 - 0.25 - 0.5, id="the one that can be had is nearly over"),
        pytest.param(60, 20, 20 - 0.25, id="the better one is over"),
        pytest.param(60, 60, 30 - 0.5, id="the time to decide is nearly over"),
    ],
)
def test_how_long_it_waits(firm_s: int, better_s: int, at_s: float) -> None:
    world, order_id = restarted(firm_s=firm_s, better_s=better_s)
    world.restore("ash")
    world.advance(at_s - 0.01)
    assert world.accepted() == []
    world.advance(0.02)
    assert world.accepted() == ["ash"]
    assert world.the(order_id).state is OrderState.placed


@pytest.mark.starts("noon")  # The order's end is another one near midnight.
def test_not_beyond_the_end_of_the_order() -> None:
    world = scene()
    expire_ns = world.now.utc_ns + 10 * 1_000_000_000
    world, order_id = restarted(tif=TimeInForce.gtd, expire_ns=expire_ns)
    world.restore("ash")
    world.advance(9.49)
    assert world.accepted() == []
    world.advance(0.02)
    assert world.accepted() == ["ash"]
    world.fills(order_id)
    assert world.the(order_id).state is OrderState.filled


def test_nor_for_one_that_may_not_return_or_may_not_be_taken() -> None:
    closed, _ = restarted()
    closed.close("beech", "08:00 UTC")
    closed.restore("ash")
    assert closed.accepted() == ["ash"]
    off, _ = restarted()
    draft = off.draft()
    draft.record(e.SessionSwitched(off.now.utc_ns, "beech", False, "person:kim", "test"))
    off.keep(draft)
    off.restore("ash")
    assert off.accepted() == ["ash"]
    killed, _ = restarted()
    killed.command("kill", role="operator", scope="dealer:beech", on=True, reason="test")
    killed.restore("ash")
    assert killed.accepted() == ["ash"]


def test_withdrawn_meanwhile_the_other_one_is_taken() -> None:
    world, _ = restarted()
    world.restore("ash")
    world.hear("beech", m.QuoteWithdrawal("", ""))
    assert world.accepted() == ["ash"]


class TestCompetition:
    """`at least 2 quotes` are two that can be executed: one of a session that is down is not, but may be soon."""

    def test_it_waits_for_the_second_one(self) -> None:
        world, order_id = restarted("AUTO")
        world.restore("beech")
        assert (world.accepted(), world.rfq(order_id).alerted) == ([], "")
        world.restore("ash")
        assert world.accepted() == ["beech"]

    def test_and_asks_the_trader_when_it_does_not_come(self) -> None:
        world, order_id = restarted("AUTO")
        world.restore("beech")
        world.advance(29.6)
        assert world.accepted() == []
        assert world.recorded(e.TraderAlerted)[-1].reason == "1 executable quote(s), the rule wants 2"
        assert world.rfq(order_id).state is RfqState.deciding

    def test_one_that_was_tried_counts_wherever_its_session_is(self) -> None:
        world, order_id = restarted("AUTO")
        world.restore("ash")
        world.restore("beech")
        world.rejects(order_id)
        assert world.accepted() == ["beech", "ash"]
        assert world.placement(order_id).state is PlacementState.in_doubt

    def test_it_does_not_wait_for_less_than_the_rule_wants(self) -> None:
        """Three are wanted of two that could ever be had."""
        world = scene(
            'rule "three" when true ask top 3 wait 60s send automatically '
            "execute automatically when within 15bp price of fair and at least 3 quotes, else ask trader"
        )
        order_id = world.order(BOND, "buy", MM)
        world.quote("ash", "99.95", order_id=order_id, firm_s=60)
        world.quote("beech", "99.90", order_id=order_id, firm_s=60)
        world.drop("ash")
        world.declines("cedar", order_id)
        assert world.recorded(e.TraderAlerted)[-1].reason == "1 executable quote(s), the rule wants 3"


class TestAPerson:
    def test_is_told_and_not_made_to_wait(self) -> None:
        world, order_id = restarted("PARALLEL")
        world.restore("ash")
        told = "99.90 of beech is better, but its session is not logged on"
        assert world.recorded(e.TraderAlerted)[-1].reason == f"best of 1; {told}"
        answer = world.command("execute", order=order_id)
        assert (answer["dealer"], answer["note"]) == ("ash", told)
        assert world.accepted() == ["ash"]

    def test_hears_of_the_better_one_once_it_can_be_had(self) -> None:
        world, order_id = restarted("PARALLEL")
        world.restore("ash")
        world.restore("beech")
        assert [each.dealer for each in world.recorded(e.TraderAlerted)] == ["ash", "beech"]
        assert "note" not in world.command("execute", order=order_id)
        assert world.accepted() == ["beech"]

    def test_may_take_what_the_rule_waits_to_better(self) -> None:
        world, order_id = restarted()
        world.restore("ash")
        with pytest.raises(CommandError, match="not logged on"):
            world.command("execute", order=order_id, dealer="beech")
        assert world.command("execute", order=order_id)["note"].startswith("99.90 of beech")
        assert world.accepted() == ["ash"]
