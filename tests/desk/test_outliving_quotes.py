"""A quote that is firm for longer than the round: a person may take it while it lives, a rule may not."""

from __future__ import annotations

from decimal import Decimal

import pytest
from desk_scene import BOND, MM, Scene, scene

from engine.domain import events as e
from engine.domain import messages as m
from engine.domain.order import OrderState
from engine.domain.placement import PlacementState
from engine.domain.rfq import RfqState
from engine.errors import CommandError


def outlived() -> tuple[Scene, str]:
    """An order whose round is over with two quotes that live for longer."""
    world = scene()
    order_id = world.order(BOND, "buy", MM, account="PARALLEL")
    world.quote("ash", "99.95", order_id=order_id, firm_s=300)
    world.quote("beech", "99.97", order_id=order_id, firm_s=300)
    world.declines("cedar", order_id)
    world.advance(world.desk.clocks.decide_ns / 1e9 + 1)
    order, rfq = world.the(order_id), world.rfq(order_id)
    assert (order.state, rfq.state) == (OrderState.with_trader, RfqState.closed)
    return world, order_id


def test_a_person_takes_it_and_it_is_filled() -> None:
    world, order_id = outlived()
    world.command("execute", order=order_id)
    assert (world.the(order_id).state, world.rfq(order_id).state) == (OrderState.placed, RfqState.closed)
    assert world.placement(order_id).dealer == "ash"
    world.fills(order_id)
    assert world.the(order_id).state is OrderState.filled
    assert len(world.recorded(e.RoundObserved)) == 1
    assert [each.dealer for each in world.recorded(e.RoundAmended)[-1].now] == ["ash"]
    assert world.state.open_rfqs() == 0


def test_refused_it_is_the_traders_again_and_the_other_quote_still_stands() -> None:
    world, order_id = outlived()
    world.command("execute", order=order_id)
    world.rejects(order_id)
    assert world.placement(order_id).state is PlacementState.rejected
    assert world.the(order_id).state is OrderState.with_trader
    world.command("execute", order=order_id)
    assert world.placement(order_id).dealer == "beech"


def test_not_after_its_end_nor_when_it_is_withdrawn_nor_when_the_gate_says_no() -> None:
    world, order_id = outlived()
    world.withdraws("ash", order_id)
    world.hear("beech", m.QuoteWithdrawal("", ""))
    with pytest.raises(CommandError, match="withdrawn"):
        world.command("execute", order=order_id)
    world, order_id = outlived()
    world.advance(300)
    with pytest.raises(CommandError, match="over"):
        world.command("execute", order=order_id)


def test_no_rule_takes_it() -> None:
    world = scene()
    order_id = world.order(BOND, "buy", MM, account="AUTO")
    world.quote("ash", "99.95", order_id=order_id, firm_s=300)  # The rule wants two.
    world.declines("beech", order_id)
    world.declines("cedar", order_id)
    world.advance(world.desk.clocks.decide_ns / 1e9 + 1)
    assert world.the(order_id).state is OrderState.with_trader
    world.quote("beech", "99.96", order_id=order_id, firm_s=300)
    assert world.the(order_id).state is OrderState.with_trader
    world.command("execute", order=order_id)
    assert world.placement(order_id).price == Decimal("99.95")


def test_a_cancel_that_comes_meanwhile_ends_the_order() -> None:
    world, order_id = outlived()
    world.command("execute", order=order_id)
    world.cancel(order_id)
    world.reports_of(order_id, m.DealerWord.canceled, status="4", cum_quantity=Decimal(0))
    assert world.the(order_id).state is OrderState.canceled


class TestSessionsThatAreDue:
    """A round waits for the session of a quote that lives: after a restart nobody is logged on yet."""

    def interrupted(self, world: Scene, closed: str = "") -> str:
        order_id = world.order(BOND, "buy", MM, account="SINGLE")
        world.quote("ash", "99.95", order_id=order_id, firm_s=60)
        world.declines("beech", order_id)
        world.drop("ash")
        if closed:
            world.close("ash", closed)
        world.declines("cedar", order_id)
        return order_id

    def test_it_is_taken_once_its_session_is_back(self) -> None:
        world = scene()
        order_id = self.interrupted(world)
        assert world.rfq(order_id).state is RfqState.deciding
        world.restore("ash")
        assert world.placement(order_id).dealer == "ash"
        world.fills(order_id)
        assert world.the(order_id).state is OrderState.filled

    def test_not_longer_than_decide_s_allows(self) -> None:
        world = scene()
        order_id = self.interrupted(world)
        world.advance(world.desk.clocks.decide_ns / 1e9 + 1)
        assert world.the(order_id).state is OrderState.with_trader
        assert "not logged on" in world.the(order_id).note

    def test_nor_for_a_session_that_is_closed(self) -> None:
        world = scene()
        order_id = self.interrupted(world, "closed until 08:00 UTC")
        assert world.the(order_id).state is OrderState.with_trader

    def test_nor_once_the_quote_is_over(self) -> None:
        world = scene()
        order_id = self.interrupted(world)
        world.hear("ash", m.QuoteWithdrawal("", ""))
        assert world.the(order_id).state is OrderState.with_trader
