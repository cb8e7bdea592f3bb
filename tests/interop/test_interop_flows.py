"""Another vendor's engine as OMS, drop copy and dealer of the real daemon: orders from beginning to end.

Every counterparty runs that vendor's codec, session layer, store and dictionary, which checks each message of ours.
"""

from __future__ import annotations

from decimal import Decimal

import pytest
from interop_daemon import ISIN, LEIS, OTHER_ISIN
from interop_market import cancel, order, status
from interop_scene import Scene, SceneOf


def drop_copies(market: Scene, count: int) -> list[str]:
    """The first ExecIDs on the drop copy, in order, once there are so many."""
    for time in range(count):
        market.heard("dropcopy", time + 1, t35="8")
    return [said[17] for said in market.parties["dropcopy"].heard if said.kind == "8"]


def test_order_quote_fill_report_and_copy(scene_of: SceneOf) -> None:
    market = scene_of(dealers=("alder", "birch"))
    market.desks["alder"].offer = "99.55"  # Best: 99.60 at birch.
    market.start()
    market.oms.send("D", order("A-1", ISIN, 1_000_000, limit="99.75"))

    pending, new, fill = (market.heard("oms", t11="A-1", t150=kind) for kind in "A0F")
    assert (pending[39], new[39], fill[39]) == ("A", "0", "2")
    assert (fill[31], fill[32], fill[14], fill[151], fill[6]) == ("99.55", "1000000", "1000000", "0", "99.55")
    assert (fill[37], fill[48], fill[22], fill[54], fill[1]) == (new[37], ISIN, "4", "1", "ACC1")
    assert fill[527].startswith("alder-X")
    assert fill[17] not in (new[17], pending[17])
    assert (fill[448], fill[447], fill[452]) == (LEIS["alder"], "N", "1")
    assert Decimal(fill[381]) == 995_500
    # The same reports, the same ExecIDs, on the drop copy, and there only they are marked as copies.
    assert drop_copies(market, 3) == [pending[17], new[17], fill[17]]
    assert all(said[797] == "Y" for said in market.parties["dropcopy"].heard)
    assert all(said.get(797) is None for said in market.oms.heard)

    # Both were asked, each under identifiers of its own; nothing said who else was, whose order it is, or its limit.
    asked = [market.desks[key].asked[0] for key in ("alder", "birch")]
    assert asked[0][131] != asked[1][131]
    for request in asked:
        assert (request[146], request[48], request[54], request[38], request[537]) == ("1", ISIN, "1", "1000000", "1")
        assert "A-1" not in str(request)
        assert not {1, 11, 44} & {tag for tag, _ in request.fields}
    taken = next(iter(market.desks["alder"].orders.values()))
    assert (taken[40], taken[44], taken[59], taken[38]) == ("D", "99.55", "4", "1000000")
    assert taken[117].startswith("alder-")
    assert not market.desks["birch"].orders

    market.oms.send("H", status("A-1", ISIN))
    answer = market.heard("oms", t150="I")
    assert (answer[39], answer[14], answer[17], answer[37]) == ("2", "1000000", "0", fill[37])
    market.parties["dropcopy"].send("H", status("A-1", ISIN))
    assert market.heard("dropcopy", t150="I")[39] == "2"
    market.end_well()
    assert market.from_engine("oms")[-1].kind == "5"


@pytest.mark.full_with("quickfix")
def test_a_refused_acceptance_goes_to_the_next_best(scene_of: SceneOf) -> None:
    market = scene_of(dealers=("alder", "birch"))
    market.desks["alder"].offer, market.desks["alder"].filling = "99.52", "reject"
    market.start()
    market.oms.send("D", order("A-1", ISIN, 500_000))
    fill = market.heard("oms", t150="F")
    assert (fill[31], fill[527][:5]) == ("99.60", "birch")
    assert len(market.desks["alder"].orders) == 1
    market.end_well()


@pytest.mark.full_with("quickfix")
def test_a_fill_in_two_parts(scene_of: SceneOf) -> None:
    market = scene_of()
    market.desks["alder"].filling = "parts"
    market.start()
    market.oms.send("D", order("A-1", ISIN, 1_000_000, side="2"))
    first, second = market.heard("oms", 1, t150="F"), market.heard("oms", 2, t150="F")
    assert [(said[39], said[32], said[14], said[151]) for said in (first, second)] == [
        ("1", "400000", "400000", "600000"),
        ("2", "600000", "1000000", "0"),
    ]
    assert first[17] != second[17]
    assert drop_copies(market, 4)[2:] == [first[17], second[17]]
    market.end_well()


@pytest.mark.full_with("quickfix")
def test_without_a_quote_the_order_stays_new_and_can_be_cancelled(scene_of: SceneOf) -> None:
    market = scene_of()
    market.desks["alder"].quoting = "decline"
    market.start()
    market.oms.send("D", order("A-1", ISIN, 1_000_000))
    market.until_passed("alder", out=False, t35="AG")
    market.oms.send("H", status("A-1", ISIN))
    assert market.heard("oms", t150="I")[39] == "0"
    market.oms.send("F", cancel("A-2", "A-1", ISIN, 1_000_000))
    canceled = market.heard("oms", t150="4")
    assert (canceled[39], canceled[11], canceled[41], canceled[14], canceled[151]) == ("4", "A-2", "A-1", "0", "0")
    market.oms.send("F", cancel("A-3", "A-1", ISIN, 1_000_000))
    refused = market.heard("oms", t35="9")
    assert (refused[11], refused[41], refused[39], refused[102]) == ("A-3", "A-1", "4", "0")
    assert market.desks["alder"].orders == {}
    market.end_well()


@pytest.mark.full_with("quickfix")
def test_a_cancel_while_a_dealer_has_not_answered(scene_of: SceneOf) -> None:
    market = scene_of()
    market.desks["alder"].filling = market.desks["alder"].canceling = "hold"
    market.start()
    market.oms.send("D", order("A-1", ISIN, 1_000_000))
    market.until_passed("alder", out=True, t35="D")
    market.oms.send("F", cancel("A-2", "A-1", ISIN, 1_000_000))
    assert market.heard("oms", t150="6")[39] == "6"
    market.until_passed("alder", out=True, t35="F")
    # The dealer fills all the same: the cancel came too late, and is told so.
    taken = market.board.until("the dealer to have the order", lambda: list(market.desks["alder"].orders))
    for kind, body in market.desks["alder"].release(taken[0]):
        market.parties["alder"].send(kind, body)
    assert market.heard("oms", t150="F")[39] == "2"
    assert market.heard("oms", t35="9").has(t11="A-2", t41="A-1", t39="2", t102="0")
    market.end_well()


@pytest.mark.full_with("quickfix")
def test_orders_that_cannot_be_taken_are_refused_with_a_reason(scene_of: SceneOf) -> None:
    market = scene_of()
    market.start()
    market.oms.send("D", order("A-1", "XS0000000ZZ0", 1_000_000))
    refused = market.heard("oms", t11="A-1", t150="8")
    assert (refused[39], refused[103], refused[37], refused[151]) == ("8", "1", "NONE", "0")
    assert "XS0000000ZZ0" in refused[58]
    market.oms.send("D", order("A-2", ISIN, 0))
    assert market.heard("oms", t11="A-2", t150="8")[103] == "13"
    market.oms.send("D", order("A-3", ISIN, 1_000_000))
    market.oms.send("D", order("A-3", OTHER_ISIN, 2_000_000))
    assert market.heard("oms", t11="A-3", t150="8")[103] == "6"
    market.oms.send("H", status("NOPE", ISIN))
    unknown = market.heard("oms", t11="NOPE", t150="I")
    assert (unknown[39], unknown[37], unknown[103]) == ("8", "NONE", "5")
    market.oms.send("F", cancel("A-4", "NOPE", ISIN, 1_000_000))
    assert market.heard("oms", t35="9", t11="A-4").has(t102="1", t39="8", t37="NONE")
    assert market.heard("oms", t11="A-3", t150="F")[32] == "1000000"
    market.end_well()


@pytest.mark.full_with("quickfix")
def test_a_drop_copy_may_ask_and_nothing_else(scene_of: SceneOf) -> None:
    market = scene_of()
    market.start()
    market.parties["dropcopy"].send("D", order("X-1", ISIN, 1_000_000))
    refused = market.heard("dropcopy", t35="j")
    assert (refused[372], refused[380], refused.get(379)) == ("D", "6", "X-1")
    assert not market.desks["alder"].asked
