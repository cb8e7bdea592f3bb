"""What dealers advertise: its life, replaced and withdrawn, its bounds, what is refused, and that it is state."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from desk_past import HIGH_YIELD
from desk_scene import BOND, MM, Scene, rows, scene

from engine.clock import NS_PER_S, iso_timestamp
from engine.desk.apply import apply
from engine.desk.setting import AxeLimits
from engine.desk.state import DeskState
from engine.domain import events as e
from engine.domain import messages as m
from engine.domain.axe import Axe, AxeSize
from engine.domain.instrument import isin_of_cusip
from engine.domain.messages import AxeAction, AxeSaid
from engine.domain.order import Side
from engine.errors import CommandError

LIFE_S = 100


@pytest.fixture
def world() -> Scene:
    made = scene()
    made.desk.axes = AxeLimits(LIFE_S * NS_PER_S, 1_000 * NS_PER_S, per_dealer_max=5, per_bond_max=2)
    return made


def say(world: Scene, axe_id: str = "A1", dealer: str = "ash", **changes: Any) -> str:
    """An IOI(6); the text of the BusinessMessageReject(j) that it brought, empty for none."""
    values: dict[str, Any] = {
        "action": AxeAction.new,
        "refers_to": "",
        "security_id": BOND.security_id,
        "seq_num": 9,
        "side": Side.sell,
        "quantity": Decimal(5 * MM),
    }
    before = len(world.said(m.BusinessReject))
    world.hear(dealer, AxeSaid(axe_id=axe_id, **{**values, **changes}))
    rejects = world.said(m.BusinessReject)[before:]
    return rejects[0].text if rejects else ""


def live(world: Scene, dealer: str = "ash") -> list[str]:
    return [each.axe_id for each in world.state.axes_of_dealer(dealer, world.now.utc_ns)]


def axe_of(world: Scene, side: Side, dealer: str = "ash") -> Axe | None:
    return world.state.axe_of(dealer, BOND.security_id, side, world.now.utc_ns)


# --- life ----------------------------------------------------------------------------------------


def test_a_sell_is_of_use_to_a_buy_alone(world: Scene) -> None:
    assert say(world) == ""
    found = axe_of(world, Side.buy)
    assert found is not None
    assert (found.axe_id, found.quantity, found.source) == ("A1", 5 * MM, "ash")
    assert axe_of(world, Side.sell) is None
    assert axe_of(world, Side.buy, "beech") is None


def test_it_lives_as_long_as_it_says_or_as_is_set(world: Scene) -> None:
    say(world, "short", valid_until_ns=world.now.utc_ns + 10 * NS_PER_S)
    say(world, "set", security_id=HIGH_YIELD.security_id)
    say(world, "long", dealer="beech", valid_until_ns=world.now.utc_ns + 10**9 * NS_PER_S)
    world.advance(9.999)
    assert sorted(live(world)) == ["set", "short"]
    world.advance(0.001)
    assert live(world) == ["set"]
    world.advance(LIFE_S - 10)
    assert live(world) == []
    assert live(world, "beech") == ["long"]
    world.advance(1_000)
    assert live(world, "beech") == []


def test_the_latest_of_several_counts(world: Scene) -> None:
    say(world, "A1", quantity=Decimal(1))
    world.advance(1)
    say(world, "A2", quantity=None, size=AxeSize.large)
    found = axe_of(world, Side.buy)
    assert found is not None
    assert (found.axe_id, found.size) == ("A2", AxeSize.large)


def test_the_same_identifier_again_takes_its_own_place(world: Scene) -> None:
    say(world, quantity=Decimal(1))
    say(world, quantity=Decimal(2))
    found = axe_of(world, Side.buy)
    assert found is not None
    assert (live(world), found.quantity, world.state.axes_kept("ash")) == (["A1"], 2, 1)


# --- replaced and withdrawn ----------------------------------------------------------------------


def test_a_replacement_ends_what_it_replaces(world: Scene) -> None:
    say(world, "A1")
    assert say(world, "A2", action=AxeAction.replacement, refers_to="A1", side=Side.buy) == ""
    assert live(world) == ["A2"]
    assert axe_of(world, Side.buy) is None
    assert axe_of(world, Side.sell) is not None
    (ended,) = world.recorded(e.AxeWithdrawn)
    assert (ended.axe_id, ended.reason) == ("A1", "replaced by A2")


def test_a_replacement_may_be_in_another_bond_and_under_the_same_name(world: Scene) -> None:
    say(world, "A1")
    say(world, "A1", action=AxeAction.replacement, refers_to="A1", security_id=HIGH_YIELD.security_id)
    assert axe_of(world, Side.buy) is None
    assert [each.security_id for each in world.state.axes_of_dealer("ash", world.now.utc_ns)] == [
        HIGH_YIELD.security_id
    ]


def test_a_replacement_that_is_over_when_it_comes_still_ends_the_other(world: Scene) -> None:
    say(world, "A1")
    say(world, "A2")
    past = world.now.utc_ns - 1
    assert say(world, "A3", action=AxeAction.replacement, refers_to="A1", valid_until_ns=past) == ""
    assert say(world, "A2", action=AxeAction.replacement, refers_to="A2", valid_until_ns=past) == ""
    assert live(world) == []


def test_one_that_is_over_when_it_comes_changes_nothing(world: Scene) -> None:
    assert say(world, valid_until_ns=world.now.utc_ns) == ""
    assert not world.recorded(e.AxeAdvertised)


def test_a_cancel_needs_no_bond_and_is_of_its_own_dealer_alone(world: Scene) -> None:
    say(world, "A1")
    say(world, "A1", dealer="beech")
    cancel: dict[str, Any] = {"action": AxeAction.cancel, "refers_to": "A1", "side": None, "quantity": None}
    assert say(world, "A9", **cancel, security_id="") == ""
    assert (live(world), live(world, "beech")) == ([], ["A1"])


# --- refused -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "reason", "text"),
    [
        pytest.param({"security_id": "US0000000000"}, 2, "this desk does not know the bond", id="an unknown bond"),
        pytest.param(
            {"action": AxeAction.replacement, "refers_to": "A7"},
            1,
            "IOIRefID(26)=A7: there is no such",
            id="a replacement",
        ),
        pytest.param(
            {"action": AxeAction.cancel, "refers_to": "A7", "side": None},
            1,
            "IOIRefID(26)=A7: there is no",
            id="a cancel",
        ),
    ],
)
def test_what_cannot_be_taken_is_answered_and_kept(
    world: Scene, changes: dict[str, Any], reason: int, text: str
) -> None:
    assert text in say(world, **changes)
    (reject,) = world.said(m.BusinessReject)
    assert (reject.ref_msg_type, reject.ref_seq_num, reject.reason, reject.ref_id) == ("6", 9, reason, "A1")
    (kept,) = world.recorded(e.StrayMessage)
    assert (kept.session, kept.kind, kept.reference) == ("ash", "IOI", "A1")
    assert not world.recorded(e.AxeAdvertised)


def test_a_session_without_a_dealer_advertises_nothing(world: Scene) -> None:
    assert "no dealer of this desk is at session oms" in say(world, dealer="oms")
    assert world.said(m.BusinessReject)[0].reason == 6


def test_a_bond_may_be_named_by_its_cusip(world: Scene) -> None:
    isin = isin_of_cusip("037833AK6")
    world.desk.know(isin, replace(BOND, security_id=isin))
    assert say(world, security_id="037833AK6") == ""
    assert [each.security_id for each in world.state.axes_of_dealer("ash", world.now.utc_ns)] == [isin]
    assert "does not know the bond" in say(world, security_id="594918BW3")


def test_so_many_of_a_dealer_in_a_bond_and_no_more(world: Scene) -> None:
    say(world, "A1")
    say(world, "A2")
    assert "2 interests in " in say(world, "A3")
    assert say(world, "A2", quantity=Decimal(7)) == ""  # Its own place.
    assert say(world, "A4", action=AxeAction.replacement, refers_to="A1") == ""
    assert sorted(live(world)) == ["A2", "A4"]
    assert say(world, "A3", dealer="beech") == ""


def test_so_many_of_a_dealer_and_no_more_until_some_are_over(world: Scene) -> None:
    bonds = list(world.desk.securities)[:7]
    for number, bond in enumerate(bonds[:5]):
        end_ns = world.now.utc_ns + (10 + number) * NS_PER_S
        assert say(world, f"A{number}", security_id=bond, valid_until_ns=end_ns) == ""
    assert "5 interests are live, axes.per_dealer_max is 5" in say(world, "B", security_id=bonds[5])
    assert not world.recorded(e.AxesExpired)
    assert say(world, "B", security_id=bonds[5], action=AxeAction.replacement, refers_to="A4") == ""
    world.advance(11.5)
    assert say(world, "C", security_id=bonds[6]) == ""
    assert len(world.recorded(e.AxesExpired)) == 1
    assert sorted(live(world)) == ["A2", "A3", "B", "C"]
    assert world.state.axes_kept("ash") == 4


# --- state, screens and feed ---------------------------------------------------------------------


def test_they_come_out_of_their_events_again(world: Scene) -> None:
    test_so_many_of_a_dealer_and_no_more_until_some_are_over(world)
    say(world, "D", dealer="beech", action=AxeAction.new)
    folded = DeskState()
    for event in (*world.before, *world.events):
        apply(folded, event)
    assert folded.digest() == world.state.digest()
    assert rows(folded)["axes"] == rows(world.state)["axes"]


def test_the_list_is_of_a_dealer_of_a_bond_or_of_all(world: Scene) -> None:
    say(world, "A1")
    world.advance(1)
    say(world, "B1", dealer="beech", security_id=HIGH_YIELD.security_id, side=Side.buy)
    listed = [(each["dealer"], each["serves"]) for each in world.command("axes", role="viewer")["axes"]]
    assert listed == [("beech", "sell"), ("ash", "buy")]
    of_ash = world.command("axes", role="viewer", of="ash")
    assert [each["axe_id"] for each in of_ash["axes"]] == ["A1"]
    in_bond = world.command("axes", role="viewer", of=HIGH_YIELD.security_id)
    assert [each["axe_id"] for each in in_bond["axes"]] == ["B1"]
    assert world.command("axes", role="viewer", limit=1)["live"] == 2
    with pytest.raises(CommandError, match="unknown security 'asch'"):
        world.command("axes", role="viewer", of="asch")
    assert [each["axe_id"] for each in world.command("dealer.show", role="viewer", dealer="ash")["axes"]] == ["A1"]


def test_a_recommendation_keeps_what_was_advertised_then(world: Scene) -> None:
    say(world, "A1", price=Decimal("99.9"))
    say(world, "A2", dealer="beech", side=Side.buy)
    order = world.order(BOND, "buy", MM, account="PARALLEL")
    advice = world.state.recommendations[order]
    assert [(each.dealer, each.axe_id) for each in advice.axes] == [("ash", "A1")]
    world.advance(LIFE_S + 1)
    shown = world.command("rules.explain", role="viewer", order=order)
    assert [(each["dealer"], each["price"]) for each in shown["axes"]] == [("ash", "99.9")]


def test_a_feed_delivers_what_is_right_and_is_told_what_is_not(world: Scene) -> None:
    row = {"dealer": "ash", "axe_id": "F1", "security": BOND.security_id, "side": "sell", "quantity": "5mm"}
    until = iso_timestamp(world.now.utc_ns + 10 * NS_PER_S)
    wrong: list[tuple[dict[str, Any], str]] = [
        ({**row, "dealer": "asch"}, "no dealer 'asch' (did you mean 'ash'?)"),
        ({**row, "security": "US0000000000"}, "does not know the bond"),
        ({**row, "side": "offer"}, "parameter 'side': expected one of buy, sell"),
        ({**row, "quantity": -1}, "parameter 'quantity': expected an amount above 0"),
        ({**row, "size": "huge"}, "parameter 'size': expected one of small, medium, large"),
        ({**row, "price": "par"}, "parameter 'price': expected a price in percent of par"),
        ({**row, "valid_until": "2026-11-30T15:00:00"}, "parameter 'valid_until': expected a time with its zone"),
        ({**row, "valid_until": 7}, "parameter 'valid_until': expected a time with its zone"),
        ({**row, "valid_until": "2026-01-01T15:00:00Z"}, "valid_until: 2026-01-01T15:00:00.000Z is over"),
        ({**row, "acton": "new"}, "unknown parameter 'acton' (did you mean 'action'?)"),
        ({"axe_id": "F1"}, "missing parameter 'dealer'"),
        ({"dealer": "ash", "axe_id": "F1"}, "security and side missing"),
        ({**row, "action": "replace"}, "refers_to is missing: replace needs it"),
        ({**row, "action": "cancel"}, "refers_to is missing: cancel needs it"),
        ({**row, "action": "cancel", "refers_to": "F7"}, "IOIRefID(26)=F7: there is no such interest"),
    ]
    delivery = [each for each, _ in wrong] + [{**row, "valid_until": until, "quality": "low"}]
    told = world.command("axes.put", actor="tape", role="feed", rows=delivery)
    assert told["taken"] == 1
    assert [each["line"] for each in told["refused"]] == list(range(1, len(wrong) + 1))
    for each, (_, words) in zip(told["refused"], wrong, strict=True):
        assert words in each["reason"]
    (event,) = world.recorded(e.AxeAdvertised)
    assert (event.actor, event.axe.source, event.axe.quantity) == ("person:tape", "feed:tape", 5 * MM)
    assert event.axe.until_ns == world.now.utc_ns + 10 * NS_PER_S
    for action in ("replace", "cancel"):
        told = world.command(
            "axes.put", actor="tape", role="feed", rows=[{**row, "axe_id": "F2", "action": action, "refers_to": "F1"}]
        )
        assert told == {"taken": 1, "refused": []}
        row = {**row, "axe_id": "F1"}
        if action == "replace":
            assert live(world) == ["F2"]
            world.command("axes.put", actor="tape", role="feed", rows=[row])
    assert live(world) == ["F2"]


def test_only_a_feed_or_an_operator_delivers(world: Scene) -> None:
    for role in ("viewer", "trader"):
        with pytest.raises(CommandError, match="needs role feed"):
            world.command("axes.put", role=role, rows=[{}])


def test_an_axe_is_a_value() -> None:
    axe = Axe("ash", "A1", "X", Side.sell, None, AxeSize.small, None, None, 0, 10, "ash")
    assert axe.desk_side is Side.buy
    assert replace(axe, side=Side.buy).desk_side is Side.sell
