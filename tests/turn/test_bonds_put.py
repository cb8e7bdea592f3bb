"""Bonds that a feed delivers: checked as the file is, known at once, over a restart and over a reload of the file."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from desk_builder import make_desk
from desk_past import LIQUID
from desk_scene import scene
from session_world import SessionWorld

from engine.domain import events as e
from engine.domain import messages as m
from engine.domain.instrument import Security
from engine.errors import CommandError
from engine.journal.event_codec import Codec, event_types
from engine.turn.outcome import Change
from engine.turn.trading import DeskChange, Trading

CODEC = Codec(event_types(vars(e), e.Event))
ROW = {
    "isin": "US0378331005",
    "name": "Orchard 4 2031",
    "issuer": "Orchard",
    "asset_class": "corporate",
    "rating": "Aa1",
    "coupon_pct": "4",
    "maturity": "2031-06-15",
    "amount_outstanding": 500_000_000,
}


@pytest.fixture
def world() -> SessionWorld:
    made = SessionWorld()
    made.trading.desk.filed = dict(made.trading.desk.securities)
    return made


def put(world: SessionWorld, *rows: dict[str, Any]) -> Any:
    return world.command("securities.put", actor="master", role="feed", rows=list(rows))


def known(world: SessionWorld) -> dict[str, Security]:
    return world.trading.desk.securities


def test_a_bond_is_added_and_replaced(world: SessionWorld) -> None:
    told = put(world, ROW, {**ROW, "isin": LIQUID.security_id, "name": "Other"})
    assert (told["taken"], told["added"], told["refused"]) == (2, 1, [])
    bond = known(world)["US0378331005"]
    assert (bond.rating, bond.amount_outstanding, bond.issuer) == ("AA+", 500_000_000, "Orchard")
    assert known(world)[LIQUID.security_id].name == "Other"
    assert world.command("recommend", security="US0378331005", side="buy", quantity=1_000)["name"] == ROW["name"]
    (notice,) = [each for each in world.notices if each.topic == "feed"]
    assert notice.body == {"what": "securities", "rows": 2, "actor": "master"}


def test_what_no_bond_has_is_refused_and_what_hardly_any_has_is_told(world: SessionWorld) -> None:
    told = put(world, {**ROW, "coupon_pct": "475"}, {**ROW, "price": "250"})
    assert told["refused"] == [
        {"line": 1, "reason": "coupon_pct: expected a coupon of at most 100, in percent, found '475'"}
    ]
    assert told["doubtful"] == [{"line": 2, "reason": "price: expected 200 or less in percent of par, found '250'"}]
    assert known(world)["US0378331005"].price == 250


def test_a_cusip_is_one_bonds_alone(world: SessionWorld) -> None:
    other = {**ROW, "isin": "XS0378331002", "cusip": "037833100"}
    told = put(world, ROW, other, {**ROW, "cusip": "037833100"})
    assert [each["reason"] for each in told["refused"]] == [
        "cusip: expected its own, found '037833100', the CUSIP of US0378331005",
        "US0378331005 is in this delivery already",
    ]
    assert put(world, other)["refused"] != []
    assert put(world, {**ROW, "cusip": "037833100"})["refused"] == []


def test_one_is_given_back_to_the_file(world: SessionWorld) -> None:
    put(world, ROW, {**ROW, "isin": LIQUID.security_id})
    told = put(world, {"isin": LIQUID.security_id, "remove": True}, {"isin": "US0378331005", "remove": True})
    assert (told["taken"], told["removed"], told["refused"]) == (2, 2, [])
    assert known(world)[LIQUID.security_id] == LIQUID
    assert "US0378331005" not in known(world)
    (refused,) = put(world, {"isin": "US0378331005", "remove": True})["refused"]
    assert refused == {"line": 1, "reason": "US0378331005 was not delivered"}


def test_one_that_an_order_is_open_in_stays(world: SessionWorld) -> None:
    put(world, ROW)
    world.command("order.new", side="buy", quantity=1_000, security="US0378331005", hold=True)
    (refused,) = put(world, {"isin": "US0378331005", "remove": True})["refused"]
    assert refused["reason"] == "US0378331005 is in no file, and O-000001 in it is open"


WRONG: list[tuple[dict[str, Any], str]] = [
    ({**ROW, "isin": "US0378331006"}, "isin: expected an ISIN with the right check digit, found 'US0378331006'"),
    ({**ROW, "asset_class": "bond"}, "asset_class: expected one of "),
    ({**ROW, "rating": "good"}, "rating: expected a rating from AAA"),
    ({**ROW, "maturity": "soon"}, "maturity: expected a date as in 2031-06-15, found 'soon'"),
    ({**ROW, "maturity": "2031-06-15", "issue_date": "2031-06-15"}, "is not after the issue date"),
    ({**ROW, "coupon_pct": 4.5}, "coupon_pct: expected text, or a whole number"),
    ({**ROW, "coupon_pct": [4]}, "coupon_pct: expected text, or a whole number"),
    ({**ROW, "copon_pct": "4"}, "unknown column 'copon_pct' (did you mean 'coupon_pct'?)"),
    ({"isin": ROW["isin"]}, "name is empty; issuer is empty; asset_class is empty"),
    ({**ROW, "name": " ", "issuer": ""}, "name is empty; issuer is empty"),
    ({**ROW, "remove": True}, "remove goes with isin alone"),
    ({"remove": True}, "remove goes with isin alone"),
    ({"isin": ROW["isin"], "remove": "yes"}, "remove: expected true or false"),
    ({"isin": LIQUID.security_id, "remove": True}, "was not delivered"),
]


def test_a_row_that_is_wrong_is_named_and_stops_no_other(world: SessionWorld) -> None:
    told = put(world, *(row for row, _ in WRONG), ROW, ROW)
    assert told["taken"] == 1
    for place, (each, (_, words)) in enumerate(zip(told["refused"], WRONG, strict=False), 1):
        assert each["line"] == place
        assert words in each["reason"], each
    assert told["refused"][-1] == {"line": len(WRONG) + 2, "reason": "US0378331005 is in this delivery already"}
    for role in ("viewer", "trader"):
        with pytest.raises(CommandError, match="needs role feed"):
            world.command("securities.put", role=role, rows=[ROW])


def test_a_restart_knows_them_again(world: SessionWorld) -> None:
    put(world, ROW, {**ROW, "isin": LIQUID.security_id})
    put(world, {"isin": LIQUID.security_id, "remove": True})
    begun = Trading(make_desk())
    begun.desk.filed = dict(begun.desk.securities)
    for event in world.events:
        name, version, body = CODEC.encode(event)
        begun.fold(CODEC.decode(name, version, body))
    assert begun.desk.securities == known(world)
    assert begun.digest() == world.trading.digest()


def test_a_reload_of_the_file_leaves_them_in_place(world: SessionWorld) -> None:
    put(world, ROW, {**ROW, "isin": LIQUID.security_id, "name": "Delivered"})
    world.command("order.new", side="buy", quantity=1_000, security="US0378331005", hold=True)
    renamed = replace(LIQUID, name="Of the file")
    after = make_desk(securities=[renamed])
    after.filed = dict(after.securities)
    change = Change((), (), DeskChange(after, {}, {}))
    assert world.trading.objections(change, []) == []
    world.trading.take_up(change)
    assert known(world)[LIQUID.security_id].name == "Delivered"
    put(world, {"isin": LIQUID.security_id, "remove": True})
    assert known(world) == {LIQUID.security_id: renamed, "US0378331005": known(world)["US0378331005"]}


def test_prices_of_a_new_one_are_asked_for_where_a_market_is_up() -> None:
    desk = scene()
    desk.desk.market_sessions = ("marks", "gone")
    desk.down.add("gone")
    for isin in ("US0378331005", LIQUID.security_id):
        desk.command("securities.put", role="feed", rows=[{**ROW, "isin": isin}])
    (asked,) = [send for send in desk.sends if isinstance(send.said, m.SubscribeMarketData)]
    assert (asked.session, asked.said.securities) == ("marks", ("US0378331005",))


def test_a_new_one_is_as_liquid_as_those_like_it(world: SessionWorld) -> None:
    put(world, ROW)
    groups = world.trading.desk.appraisal.groups
    group = groups.of("US0378331005")
    assert group is not None
    assert "US0378331005" in groups.members(group)
    put(world, {"isin": "US0378331005", "remove": True})
    assert groups.of("US0378331005") is None
    assert "US0378331005" not in groups.members(group)
