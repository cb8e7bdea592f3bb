"""A dealer that a person, or its file, has paused: not asked, what is open goes on, the stricter of both holds."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from desk_builder import make_desk
from desk_past import DEALERS
from desk_scene import BOND, MM, RULES, Scene, book, scene

from engine.domain import events as e
from engine.domain import messages as m
from engine.domain.rfq import AskState
from engine.errors import CommandError


def pause(world: Scene, dealer: str = "ash", reason: str = "their system is slow", **who: Any) -> dict[str, Any]:
    return world.command("dealer.pause", dealer=dealer, reason=reason, **who)


def asked(world: Scene, order_id: str) -> list[str]:
    return [each.dealer for rfq in world.state.rounds_of(order_id) for each in rfq.asks]


def reasons(world: Scene) -> dict[str, str]:
    advice = world.command("recommend", security=BOND.security_id, side="buy", quantity=MM)
    return {line["dealer"]: line["reason"] for line in advice["lines"]}


def test_a_paused_dealer_is_left_out_with_who_and_why() -> None:
    world = scene()
    told = pause(world)
    assert (told["paused"], told["paused_by_file"]) == (True, False)
    assert told["paused_by_person"]["reason"] == "their system is slow"
    assert reasons(world)["ash"] == "paused by kim: their system is slow"
    order = world.order(BOND, "buy", MM, account="PARALLEL")
    assert "ash" not in asked(world, order)
    (notice,) = [each for each in world.notices if each.topic == "dealer"]
    assert notice.body == {"dealer": "ash", "state": "paused", "actor": "kim", "reason": "their system is slow"}


def test_it_is_asked_again_once_it_is_let_go() -> None:
    world = scene()
    pause(world)
    told = world.command("dealer.resume", role="operator", dealer="ash", reason="they called")
    assert (told["paused"], told["paused_by_person"]["on"]) == (False, False)
    assert asked(world, world.order(BOND, "buy", MM, account="PARALLEL"))[0] == "ash"


def test_what_is_open_goes_on_and_who_is_still_to_come_is_not_asked() -> None:
    world = scene()
    order = world.order(BOND, "buy", MM, account="SPACED")
    assert asked(world, order) == ["ash"]
    pause(world, "ash")
    pause(world, "beech")
    world.quote("ash", "99.95", order_id=order)
    world.advance(5)
    (rfq,) = world.state.rounds_of(order)
    states = {each.dealer: each.state for each in rfq.asks}
    assert (states["ash"], states["beech"]) == (AskState.quoted, AskState.blocked)
    (blocked,) = world.recorded(e.AskBlocked)
    assert (blocked.check, blocked.reason) == ("paused", "beech is paused by kim: their system is slow")
    world.command("execute", order=order, dealer="ash")
    assert [each.dealer for each in world.said(m.AcceptQuote)] == ["ash"]


def test_the_stricter_of_file_and_person_holds_and_both_are_shown() -> None:
    dealers = [replace(each, paused=each.id == "ash") for each in DEALERS]
    world = scene()
    world.desk.dealers = make_desk(dealers=dealers, book=book(RULES, [each.id for each in dealers])).dealers
    assert reasons(world)["ash"] == "paused"
    told = pause(world)
    assert (told["paused_by_file"], told["paused_by_person"]["on"]) == (True, True)
    told = world.command("dealer.resume", role="operator", dealer="ash", reason="they called")
    assert (told["paused"], told["paused_by_file"], told["paused_by_person"]["on"]) == (True, True, False)
    with pytest.raises(CommandError, match="no person has paused ash, its file has it paused"):
        world.command("dealer.resume", role="operator", dealer="ash", reason="again")


@pytest.mark.parametrize(
    ("name", "params", "role", "words"),
    [
        pytest.param("dealer.pause", {"dealer": "ash", "reason": "x"}, "viewer", "needs role trader", id="a viewer"),
        pytest.param("dealer.resume", {"dealer": "ash", "reason": "x"}, "trader", "needs role operator", id="a trader"),
        pytest.param("dealer.pause", {"dealer": "ash", "reason": "x"}, "feed", "needs role trader", id="a feed"),
        pytest.param("dealer.pause", {"dealer": "ahs", "reason": "x"}, "trader", "did you mean 'ash'", id="no dealer"),
        pytest.param("dealer.pause", {"dealer": "ash"}, "trader", "missing parameter 'reason'", id="no reason"),
        pytest.param("dealer.resume", {"dealer": "ash", "reason": "x"}, "operator", "no person has paused", id="none"),
    ],
)
def test_who_may_not_and_why(name: str, params: dict[str, str], role: str, words: str) -> None:
    world = scene()
    with pytest.raises(CommandError, match=words):
        world.command(name, role=role, **params)
    assert not world.recorded(e.DealerPaused)
