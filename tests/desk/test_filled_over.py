"""H and F that were filled over in a resend of ours never arrived: they are said again while they are wanted."""

from __future__ import annotations

from dataclasses import replace

import pytest
from desk_past import DEALERS
from desk_scene import BOND, MM, Scene, placed, scene

from engine.domain import events as e
from engine.domain import messages as m
from engine.domain.order import OrderState, TimeInForce
from engine.domain.placement import PlacementState


def asks(world: Scene) -> list[int]:
    """Outbox numbers of every OrderStatusRequest(H)."""
    return [send.outbox_id for send in world.sends if isinstance(send.said, m.AskPlacementStatus)]


def cancels(world: Scene) -> list[int]:
    """Outbox numbers of every OrderCancelRequest(F) to a dealer."""
    return [send.outbox_id for send in world.sends if isinstance(send.said, m.CancelPlacement)]


def lost_at_logon() -> tuple[Scene, str]:
    """D and both H were lost with the connection; at the logon H leaves again, above the peer's gap."""
    world, order_id = placed("AUTO")
    world.advance(10)
    world.drop("ash")
    world.restore("ash")
    assert len(asks(world)) == 3
    return world, order_id


def resend(world: Scene, order_id: str) -> None:
    """All that was sent at most once or afresh is filled over, lowest number first."""
    for outbox_id in sorted([world.placement(order_id).outbox_id, *asks(world), *cancels(world)]):
        world.fill_over(outbox_id)


def test_the_dealer_is_asked_again_once_and_no_person_is_called() -> None:
    world, order_id = lost_at_logon()
    resend(world, order_id)
    assert len(asks(world)) == 4
    assert (world.pages(), world.placement(order_id).person_needed) == ([], False)
    world.answers_status(order_id, "8", unknown_order=True)
    assert world.accepted() == ["ash", "beech"]


@pytest.mark.starts("noon")  # The order's end is another one near midnight.
def test_an_order_whose_time_is_over_meanwhile_ends_with_the_answer() -> None:
    world = scene()
    order_id = world.order(
        BOND, "buy", MM, account="PARALLEL", tif=TimeInForce.gtd, expire_ns=world.now.utc_ns + 20_000_000_000
    )
    world.says("ash", "99.95", order_id)
    world.command("execute", order=order_id)
    world.advance(60)
    world.drop("ash")
    world.restore("ash")
    resend(world, order_id)
    assert world.the(order_id).state is OrderState.placed
    world.answers_status(order_id, "8", unknown_order=True)
    assert (world.the(order_id).state, world.kinds()[-1]) == (OrderState.expired, "C/C")


def test_the_request_alone() -> None:
    """The acceptance arrived, what was asked about it did not."""
    world, order_id = placed("AUTO")
    world.advance(10)
    first, last = asks(world)
    world.fill_over(first)
    assert asks(world) == [first, last], "another one was sent since"
    world.fill_over(last)
    assert len(asks(world)) == 3
    world.fill_over(asks(world)[-1])
    assert len(asks(world)) == 4
    assert not world.placement(order_id).person_needed


def test_even_once_a_person_is_needed() -> None:
    world, order_id = placed("AUTO")
    world.advance(20)
    assert world.placement(order_id).person_needed
    world.fill_over(asks(world)[-1])
    assert len(asks(world)) == 3


def test_a_cancel_is_asked_for_again() -> None:
    world, order_id = placed("AUTO")
    world.reports_of(order_id, m.DealerWord.acknowledged, status="0")
    world.cancel(order_id)
    (first,) = cancels(world)
    world.fill_over(first)
    assert len(cancels(world)) == 2
    names = {each.cancel_id for each in world.said(m.CancelPlacement)}
    assert len(names) == 2, "each has a ClOrdID(11) of its own"
    world.fill_over(first)
    assert len(cancels(world)) == 2
    world.reports_of(order_id, m.DealerWord.canceled, status="4", cum_quantity=0)
    assert world.the(order_id).state is OrderState.canceled


def test_both_are_said_again_once() -> None:
    world, order_id = placed("AUTO")
    world.cancel(order_id)
    world.advance(5)
    resend(world, order_id)
    assert (len(asks(world)), len(cancels(world))) == (2, 3)


def test_nothing_is_said_of_what_was_answered() -> None:
    world, order_id = placed("AUTO")
    world.advance(5)
    world.cancel(order_id)
    said = len(world.sends)
    placement = world.placement(order_id)
    world.fills(order_id)
    told = len(world.sends)
    for outbox_id in (*asks(world), *cancels(world), placement.outbox_id):
        world.fill_over(outbox_id)
    assert told > said
    assert len(world.sends) == told


def test_a_cancel_that_had_no_session_leaves_at_the_logon_whoever_is_asked_about_doubt() -> None:
    """Where a person decides about doubt, the dealer is not asked for a status, but the cancel is still wanted."""
    world = scene(dealers=[replace(each, undelivered="person") for each in DEALERS])
    order_id = world.order(BOND, "buy", MM, account="PARALLEL")
    world.says("ash", "100", order_id)
    world.command("execute", order=order_id)
    world.drop("ash")
    world.cancel(order_id)
    world.restore("ash")
    assert len(cancels(world)) == 2
    assert asks(world) == []
    assert world.placement(order_id).state is PlacementState.in_doubt


def test_a_journal_that_names_no_outbox_numbers_is_read_as_before() -> None:
    world, order_id = placed("AUTO")
    placement_id = world.placement(order_id).placement_id
    draft = world.draft()
    draft.record(e.PlacementDoubted(world.now.utc_ns, placement_id, "no answer", True, False))
    draft.record(e.PlacementCancelAsked(world.now.utc_ns, placement_id, "F1"))
    world.keep(draft)
    placement = world.placement(order_id)
    assert (placement.status_asks, placement.status_outbox_id, placement.cancel_outbox_id) == (1, 0, 0)
    assert dict(world.state.follow_ups.items()) == {}
