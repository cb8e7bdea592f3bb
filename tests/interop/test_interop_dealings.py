"""What counterparties do with orders, quotes and trades, by other vendors' engines as OMS, drop copy and dealers.

Parts and what is left of them, cancels and replaces that race with fills, quotes taken back, orders said twice, gaps,
all on real sockets. QuickFIX holds every message of ours against its own FIX 4.4 dictionary and rejects what that does
not have: `end_well` finds it.
"""

from __future__ import annotations

import pytest
from interop_daemon import ISIN
from interop_market import Outgoing, cancel, order, replace, status
from interop_scene import Scene, SceneOf
from interop_wire import Said
from test_interop_crash import kill_and_restart

pytestmark = pytest.mark.full_with("fixcore")
MM = 1_000_000


def say(market: Scene, key: str, *outgoing: Outgoing) -> None:
    for kind, body in outgoing:
        market.parties[key].send(kind, body)


def placed(market: Scene, key: str = "alder", times: int = 1) -> str:
    """Our ClOrdID(11) of the D that a dealer has, once it has so many."""
    desk = market.desks[key]
    return market.board.until(f"{key} to have {times} orders", lambda: [*desk.orders][times - 1 : times])[0]


def held(scene_of: SceneOf, quantity: int = MM, **how: str) -> Scene:
    """A market where alder has our order and says nothing by itself."""
    market = scene_of(**how)
    market.desks["alder"].filling = market.desks["alder"].canceling = "hold"
    market.start()
    market.oms.send("D", order("A-1", ISIN, quantity))
    return market


def agree(market: Scene) -> None:
    """The drop copy was told what the OMS was of every change of an order, under the same ExecIDs."""

    def told(key: str) -> list[tuple[str | None, ...]]:
        heard = [said for said in market.parties[key].heard if said.kind == "8" and said[150] != "I"]
        return [tuple(said.get(tag) for tag in (17, 150, 39, 11, 19, 32, 31, 14, 151)) for said in heard]

    market.board.until("the drop copy to have heard what the OMS has", lambda: told("oms") == told("dropcopy") or None)


def shown(said: Said, *tags: int) -> tuple[str | None, ...]:
    return tuple(said.get(tag) for tag in tags)


# --- parts, and what is left of them ---------------------------------------------------------------------


def test_a_dealer_fills_a_part_and_cancels_the_rest_which_the_next_best_fills(scene_of: SceneOf) -> None:
    market = scene_of(dealers=("alder", "birch"))
    market.desks["alder"].offer, market.desks["alder"].filling = "99.52", "hold"
    market.start()
    market.oms.send("D", order("A-1", ISIN, MM))
    taken, desk = placed(market), market.desks["alder"]
    say(market, "alder", desk.fill(taken, 300_000, 300_000, 700_000), desk.fill(taken, 100_000, 400_000, 600_000))
    say(market, "alder", desk.tell(taken, "4", "4", 400_000, 0))
    fills = [market.heard("oms", times, t150="F") for times in (1, 2, 3)]
    assert [shown(said, 39, 32, 31, 14, 151) for said in fills] == [
        ("1", "300000", "99.52", "300000", "700000"),
        ("1", "100000", "99.52", "400000", "600000"),
        ("2", "600000", "99.60", "1000000", "0"),
    ]
    assert fills[2][6] == "99.568"
    agree(market)
    market.end_well()


def test_a_cancel_that_finds_a_part_filled_ends_the_order_with_it(scene_of: SceneOf) -> None:
    market = held(scene_of)
    taken, desk = placed(market), market.desks["alder"]
    say(market, "alder", desk.fill(taken, 400_000, 400_000, 600_000))
    market.heard("oms", t150="F")
    market.oms.send("F", cancel("A-2", "A-1", ISIN, MM))
    assert shown(market.heard("oms", t150="6"), 39, 11, 41, 14, 151) == ("6", "A-2", "A-1", "400000", "600000")
    asked = market.heard("alder", t35="F")
    # One more part while our cancel was on its way.
    say(market, "alder", desk.fill(taken, 100_000, 500_000, 500_000))
    assert market.heard("oms", 2, t150="F")[14] == "500000"
    say(market, "alder", desk.tell(taken, "4", "4", 500_000, 0, [(11, asked[11]), (41, taken)]))
    assert shown(market.heard("oms", t150="4"), 39, 11, 41, 14, 151) == ("4", "A-2", "A-1", "500000", "0")
    agree(market)
    market.end_well()


# --- replaces in every state -----------------------------------------------------------------------------


def test_a_replace_of_an_order_that_nobody_works_on(scene_of: SceneOf) -> None:
    market = scene_of()
    market.desks["alder"].quoting = "decline"
    market.start()
    market.oms.send("D", order("A-1", ISIN, MM))
    market.until_passed("alder", out=False, t35="AG")
    market.oms.send("G", replace("A-2", "A-1", ISIN, 2 * MM, limit="99.75"))
    done = market.heard("oms", t150="5")
    assert shown(done, 39, 11, 41, 38, 44, 151) == ("0", "A-2", "A-1", "2000000", "99.75", "2000000")
    market.oms.send("G", replace("A-4", "NOPE", ISIN, MM))
    assert shown(market.heard("oms", t35="9"), 11, 41, 434, 102, 39, 37) == ("A-4", "NOPE", "2", "1", "8", "NONE")
    market.oms.send("F", cancel("A-5", "A-2", ISIN, 2 * MM))
    assert shown(market.heard("oms", t150="4"), 11, 41, 14) == ("A-5", "A-2", "0")
    market.oms.send("G", replace("A-6", "A-2", ISIN, MM))
    assert shown(market.heard("oms", t35="9", t11="A-6"), 434, 102, 39) == ("2", "0", "4")
    agree(market)
    market.end_well()


def test_a_smaller_replace_waits_for_the_dealer_and_is_carried_out(scene_of: SceneOf) -> None:
    market = held(scene_of)
    taken, desk = placed(market), market.desks["alder"]
    market.oms.send("G", replace("A-2", "A-1", ISIN, 600_000))
    assert shown(market.heard("oms", t150="E"), 39, 11, 41, 151) == ("E", "A-2", "A-1", "1000000")
    asked = market.heard("alder", t35="F")
    say(market, "alder", desk.tell(taken, "4", "4", 0, 0, [(11, asked[11]), (41, taken)]))
    assert shown(market.heard("oms", t150="5"), 39, 11, 41, 38, 151) == ("0", "A-2", "A-1", "600000", "600000")
    # Whoever is asked now is asked for what is wanted now.
    again = placed(market, times=2)
    assert desk.orders[again][38] == "600000"
    say(market, "alder", desk.fill(again, 600_000, 600_000, 0))
    assert shown(market.heard("oms", t150="F"), 39, 11, 14, 151) == ("2", "A-2", "600000", "0")
    agree(market)
    market.end_well()


def test_a_fill_is_faster_than_a_replace(scene_of: SceneOf) -> None:
    market = held(scene_of)
    taken, desk = placed(market), market.desks["alder"]
    market.oms.send("G", replace("A-2", "A-1", ISIN, 600_000))
    market.heard("alder", t35="F")
    say(market, "alder", desk.fill(taken, MM, MM, 0))
    assert shown(market.heard("oms", t150="F"), 39, 14, 151) == ("2", "1000000", "0")
    assert shown(market.heard("oms", t35="9"), 11, 41, 434, 102, 39) == ("A-2", "A-1", "2", "0", "2")
    agree(market)
    market.end_well()


def test_a_replace_below_what_is_filled_becomes_what_is_filled(scene_of: SceneOf) -> None:
    market = held(scene_of)
    taken, desk = placed(market), market.desks["alder"]
    say(market, "alder", desk.fill(taken, 400_000, 400_000, 600_000))
    market.heard("oms", t150="F")
    market.oms.send("G", replace("A-2", "A-1", ISIN, 200_000))
    asked = market.heard("alder", t35="F")
    say(market, "alder", desk.tell(taken, "4", "4", 400_000, 0, [(11, asked[11]), (41, taken)]))
    done = market.heard("oms", t150="5")
    assert shown(done, 39, 11, 38, 14, 151) == ("2", "A-2", "400000", "400000", "0")
    market.oms.send("G", replace("A-3", "A-2", ISIN, 2 * MM))
    assert shown(market.heard("oms", t35="9"), 11, 434, 102, 39) == ("A-3", "2", "0", "2")
    agree(market)
    market.end_well()


def test_a_bigger_replace_of_an_order_at_a_dealer_is_carried_out_at_once(scene_of: SceneOf) -> None:
    market = held(scene_of)
    taken, desk = placed(market), market.desks["alder"]
    market.oms.send("G", replace("A-2", "A-1", ISIN, 1_500_000))
    assert shown(market.heard("oms", t150="5"), 39, 11, 41, 38, 151) == ("0", "A-2", "A-1", "1500000", "1500000")
    say(market, "alder", desk.fill(taken, MM, MM, 0))
    assert shown(market.heard("oms", t150="F"), 39, 11, 14, 151) == ("1", "A-2", "1000000", "500000")
    assert not [said for said in market.parties["alder"].heard if said.kind == "F"]
    market.oms.send("H", status("A-2", ISIN))
    assert shown(market.heard("oms", t150="I"), 39, 38, 14, 151) == ("1", "1500000", "1000000", "500000")
    agree(market)
    market.end_well()


def test_one_request_at_a_time_waits_for_the_dealer(scene_of: SceneOf) -> None:
    market = held(scene_of)
    taken, desk = placed(market), market.desks["alder"]
    market.oms.send("G", replace("A-2", "A-1", ISIN, 600_000))
    market.heard("oms", t150="E")
    market.oms.send("G", replace("A-3", "A-1", ISIN, 700_000))
    assert shown(market.heard("oms", t35="9", t11="A-3"), 41, 434, 102, 39) == ("A-1", "2", "3", "E")
    market.oms.send("F", cancel("A-4", "A-1", ISIN, MM))
    # A cancel goes before a replace that waits: what was to be changed is to be ended.
    assert shown(market.heard("oms", t35="9", t11="A-2"), 41, 434, 102, 39) == ("A-1", "2", "0", "0")
    assert shown(market.heard("oms", t150="6"), 39, 11, 41) == ("6", "A-4", "A-1")
    asked = market.heard("alder", t35="F")
    say(market, "alder", desk.tell(taken, "4", "4", 0, 0, [(11, asked[11]), (41, taken)]))
    assert shown(market.heard("oms", t150="4"), 39, 11, 41, 14, 151) == ("4", "A-4", "A-1", "0", "0")
    agree(market)
    market.end_well()


def test_a_replace_that_waits_is_carried_out_after_a_kill(scene_of: SceneOf) -> None:
    market = held(scene_of)
    taken, desk = placed(market), market.desks["alder"]
    market.oms.send("G", replace("A-2", "A-1", ISIN, 600_000))
    market.heard("oms", t150="E")
    asked = market.heard("alder", t35="F")
    kill_and_restart(market)
    say(market, "alder", desk.tell(taken, "4", "4", 0, 0, [(11, asked[11]), (41, taken)]))
    assert shown(market.heard("oms", t150="5"), 39, 11, 41, 38) == ("0", "A-2", "A-1", "600000")
    again = placed(market, times=2)
    assert desk.orders[again][38] == "600000"
    say(market, "alder", desk.fill(again, 600_000, 600_000, 0))
    assert shown(market.heard("oms", t150="F"), 39, 11, 14, 151) == ("2", "A-2", "600000", "0")
    agree(market)
    market.end_well()
    market.replay_well()


# --- said twice, taken back, lost on the way -------------------------------------------------------------


def test_an_order_that_is_said_twice_is_one_order(scene_of: SceneOf) -> None:
    market = held(scene_of)
    taken = placed(market)
    market.oms.send("D", [(97, "Y"), *order("A-1", ISIN, MM)])
    market.oms.send("H", status("A-1", ISIN))
    assert shown(market.heard("oms", t150="I"), 39, 151) == ("0", "1000000")
    assert len(market.query("SELECT 1 FROM events WHERE type = 'OrderReceived'")) == 1
    say(market, "alder", market.desks["alder"].fill(taken, MM, MM, 0))
    market.heard("oms", t150="F")
    market.oms.send("D", order("A-1", ISIN, 500_000))
    assert shown(market.heard("oms", t150="8"), 11, 39, 103) == ("A-1", "8", "6")
    agree_but_for_refusals(market)
    market.end_well()


def agree_but_for_refusals(market: Scene) -> None:
    fill = market.heard("oms", t150="F")
    assert market.heard("dropcopy", t150="F")[17] == fill[17]
    assert len([said for said in market.oms.heard if said.get(150) == "F"]) == 1


@pytest.mark.parametrize("by", ["quote", "bond", "all"])
def test_a_quote_that_was_withdrawn_is_not_taken(scene_of: SceneOf, by: str) -> None:
    market = scene_of(dealers=("alder", "birch"))
    market.desks["alder"].offer, market.desks["birch"].quoting = "99.52", "hold"
    market.start()
    market.oms.send("D", order("A-1", ISIN, MM))
    quoted = market.until_passed("alder", out=False, t35="S")
    bond = [(55, "[N/A]"), (48, ISIN), (22, "4")]
    if by == "bond":
        body = [(117, "NONE"), (298, "1"), (295, [bond])]
    else:
        body = [(117, quoted[117] if by == "quote" else "NONE"), (298, "1" if by == "quote" else "4")]
    market.parties["alder"].send("Z", [(131, quoted[131]), *body] if by == "quote" else body)
    market.until_recorded("QuoteWithdrawn")
    say(market, "birch", market.desks["birch"].quote(market.desks["birch"].asked[0]))
    assert shown(market.heard("oms", t150="F"), 31, 39) == ("99.60", "2")
    assert not market.desks["alder"].orders
    agree(market)
    market.end_well()


def test_fills_lost_with_the_connection_come_again_and_are_booked_once(scene_of: SceneOf) -> None:
    market = held(scene_of)
    taken, desk = placed(market), market.desks["alder"]
    say(market, "alder", desk.fill(taken, 300_000, 300_000, 700_000))
    market.heard("oms", t150="F")
    market.links["alder"].lose_from(market.way_in("alder"), lambda said: said.has(t150="F", t14="500000"))
    say(market, "alder", desk.fill(taken, 200_000, 500_000, 500_000))
    market.links["alder"].until_lost(market.way_in("alder"), t14="500000")
    market.cut("alder")
    market.until_on("alder")
    # Above the gap comes the last one; in order they are booked.
    say(market, "alder", desk.fill(taken, 500_000, MM, 0))
    assert [market.heard("oms", times, t150="F")[14] for times in (1, 2, 3)] == ["300000", "500000", "1000000"]
    assert market.until_passed("alder", out=True, t35="2")
    assert len([said for said in market.oms.heard if said.get(150) == "F"]) == 3
    agree(market)
    market.end_well()


def test_a_logout_above_a_gap_is_answered_once_the_gap_is_filled(scene_of: SceneOf) -> None:
    market = held(scene_of)
    taken, desk = placed(market), market.desks["alder"]
    market.links["alder"].drop(market.way_in("alder"), lambda said: said.has(t150="F"))
    say(market, "alder", desk.fill(taken, 300_000, 300_000, 700_000))
    lost = market.links["alder"].until_lost(market.way_in("alder"), t150="F")
    market.links["alder"].block()
    market.parties["alder"].stop()
    kinds = [said.kind for said in market.from_engine("alder") if said.kind in "25"]
    assert kinds == ["2", "5"]
    asked = next(said for said in market.from_engine("alder") if said.kind == "2")
    assert asked[7] == lost[34]
    assert shown(market.heard("oms", t150="F"), 32, 14) == ("300000", "300000")
    market.join("alder")
    say(market, "alder", desk.fill(taken, 700_000, MM, 0))
    assert shown(market.heard("oms", 2, t150="F"), 39, 14) == ("2", "1000000")
    agree(market)
    market.end_well()


# --- trades taken back and corrected ---------------------------------------------------------------------


def filled(scene_of: SceneOf) -> tuple[Scene, str, Said, str]:
    """An order that alder has filled: the market, our order at it, what the OMS was told, alder's own ExecID(17)."""
    market = held(scene_of)
    taken = placed(market)
    say(market, "alder", market.desks["alder"].fill(taken, MM, MM, 0))
    fill = market.heard("oms", t150="F")
    return market, taken, fill, fill[527]


def test_a_trade_that_is_taken_back_opens_the_order_again(scene_of: SceneOf) -> None:
    market, taken, fill, exec_id = filled(scene_of)
    bust = market.desks["alder"].tell(taken, "H", "4", 0, 0, [(19, exec_id), (31, "99.60"), (32, str(MM))])
    say(market, "alder", bust)
    told = market.heard("oms", t150="H")
    assert shown(told, 39, 11, 19, 14, 151, 6) == ("0", "A-1", fill[17], "0", "1000000", "0")
    assert told[17] != fill[17]
    # The same once more, with PossResend(97)=Y: nothing.
    say(market, "alder", ("8", [(97, "Y"), *bust[1]]))
    market.oms.send("H", status("A-1", ISIN))
    assert shown(market.heard("oms", t150="I"), 39, 14, 151) == ("0", "0", "1000000")
    market.oms.send("F", cancel("A-2", "A-1", ISIN, MM))
    assert shown(market.heard("oms", t150="4"), 39, 14, 151) == ("4", "0", "0")
    assert len([said for said in market.oms.heard if said.get(150) == "H"]) == 1
    agree(market)
    market.end_well()
    market.replay_well()


def test_a_trade_is_corrected_in_price_then_in_quantity_then_taken_back(scene_of: SceneOf) -> None:
    market, taken, fill, exec_id = filled(scene_of)
    desk = market.desks["alder"]
    dearer = desk.tell(taken, "G", "2", MM, 0, [(19, exec_id), (31, "99.55"), (32, str(MM))])
    say(market, "alder", dearer)
    first = market.heard("oms", t150="G")
    assert shown(first, 39, 19, 32, 31, 14, 151, 6) == ("2", fill[17], "1000000", "99.55", "1000000", "0", "99.55")
    # A correction of the correction names what the latter left behind.
    latest = dict(dearer[1])[17]
    smaller = desk.tell(taken, "G", "4", 600_000, 0, [(19, str(latest)), (31, "99.55"), (32, "600000")])
    say(market, "alder", smaller)
    second = market.heard("oms", 2, t150="G")
    assert shown(second, 39, 19, 32, 14, 151) == ("1", first[17], "600000", "600000", "400000")
    say(market, "alder", desk.tell(taken, "H", "4", 0, 0, [(19, exec_id), (31, "99.55"), (32, "600000")]))
    assert shown(market.heard("oms", t150="H"), 39, 19, 14, 151) == ("0", second[17], "0", "1000000")
    agree(market)
    market.end_well()
    market.replay_well()


def test_a_trade_is_taken_back_after_a_kill_of_an_order_that_was_canceled(scene_of: SceneOf) -> None:
    market = held(scene_of)
    taken, desk = placed(market), market.desks["alder"]
    say(market, "alder", desk.fill(taken, 400_000, 400_000, 600_000))
    fill = market.heard("oms", t150="F")
    market.oms.send("F", cancel("A-2", "A-1", ISIN, MM))
    asked = market.heard("alder", t35="F")
    say(market, "alder", desk.tell(taken, "4", "4", 400_000, 0, [(11, asked[11]), (41, taken)]))
    market.heard("oms", t150="4")
    kill_and_restart(market)
    say(market, "alder", desk.tell(taken, "H", "4", 0, 0, [(19, fill[527]), (31, fill[31]), (32, "400000")]))
    told = market.heard("oms", t150="H")
    assert shown(told, 39, 19, 14, 151) == ("4", fill[17], "0", "0")
    agree(market)
    market.end_well()
    market.replay_well()


def test_a_trade_that_was_never_made_is_kept_for_a_person(scene_of: SceneOf) -> None:
    market, taken, _, _ = filled(scene_of)
    say(market, "alder", market.desks["alder"].tell(taken, "H", "4", 0, 0, [(19, "NOPE"), (31, "99.60"), (32, "500")]))
    market.until_recorded("FillQuarantined")
    market.oms.send("H", status("A-1", ISIN))
    assert shown(market.heard("oms", t150="I"), 39, 14, 151) == ("2", "1000000", "0")
    assert not [said for said in market.oms.heard if said.get(150) == "H"]
    agree(market)
    market.end_well()
