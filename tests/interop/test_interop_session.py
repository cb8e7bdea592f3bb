"""Another vendor's session layer against ours: heartbeats, gaps both ways, logouts, restarts, resets, lost stores.

Links between the parties record every frame and lose what a broken connection loses, so what is asserted is what
passed on the wire and what the other engine gave its application, never our own account of it.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from interop_daemon import ISIN
from interop_market import order, status
from interop_scene import Scene, SceneOf
from interop_wire import Said

STAMPS = (9, 10, 34, 43, 52, 97, 122)
"""What may differ between a message and the same message sent again."""


def admin(market: Scene, key: str, kind: str) -> list[Said]:
    """Session messages of a type that passed on a link, either way."""
    return [said for said in (*market.to_engine(key), *market.from_engine(key)) if said.kind == kind]


def fills(market: Scene) -> list[Said]:
    return [said for said in market.oms.heard if said.get(150) == "F"]


def test_heartbeats_and_test_requests_both_ways(scene_of: SceneOf) -> None:
    keys = ("alder", "oms")
    market = scene_of(heart_bt_int_s=2)
    market.start(*keys)
    for key in keys:
        market.until_passed(key, out=True, t35="0", t112=None)
    # We hear nothing: we ask, and their answer names our question.
    for key in keys:
        market.links[key].hold(market.way_in(key))
    for key in keys:
        asked = market.until_passed(key, out=True, t35="1")
        market.links[key].release(market.way_in(key))
        market.until_passed(key, out=False, t35="0", t112=asked[112])
    # They hear nothing: they ask, and our answer names theirs.
    for key in keys:
        market.links[key].hold(market.way_out(key))
    for key in keys:
        asked = market.until_passed(key, out=False, t35="1")
        market.links[key].release(market.way_out(key))
        market.until_passed(key, out=True, t35="0", t112=asked[112])
    for key in keys:
        assert market.links[key].connections == 1, "nobody lost patience"
        assert not admin(market, key, "2")
    market.end_well()


@pytest.mark.full_with("quickfix")
def test_a_logout_of_theirs_is_answered_and_numbers_go_on(scene_of: SceneOf) -> None:
    market = scene_of()
    market.start()
    for key in ("oms", "alder"):
        market.leave(key)
        market.until_passed(key, out=False, t35="5")
        market.until_passed(key, out=True, t35="5")
        market.join(key)
    market.oms.send("D", order("A-1", ISIN, 1_000_000))
    market.heard("oms", t150="F")
    for key in ("oms", "alder"):
        logons = [said for said in market.from_engine(key) if said.kind == "A"]
        assert [said.get(141) for said in logons] == [None] * len(logons)
        assert logons[-1].seq_num > 1
        assert not admin(market, key, "2")
    market.end_well()


def test_a_restart_of_ours_in_good_order_leaves_no_gap(scene_of: SceneOf) -> None:
    market = scene_of()
    market.start()
    market.oms.send("D", order("A-1", ISIN, 1_000_000))
    market.heard("dropcopy", t150="F")
    assert market.rfqd.stop() == 0
    for key in ("oms", "dropcopy", "alder"):
        assert market.from_engine(key)[-1].kind == "5"
        market.until_off(key)
    market.rfqd.start()
    for key in ("oms", "dropcopy", "alder"):
        market.until_on(key)
    market.oms.send("H", status("A-1", ISIN))
    assert market.heard("oms", t150="I")[14] == "1000000"
    assert len(fills(market)) == 1
    # Attempts while we were away used up numbers of theirs; none of ours is missing.
    for key in ("oms", "dropcopy", "alder"):
        assert not [said for said in market.to_engine(key) if said.kind == "2"]
    market.end_well()


def test_reports_lost_on_the_way_to_an_oms_are_sent_again(scene_of: SceneOf) -> None:
    market = scene_of()
    market.links["oms"].lose_from(market.way_out("oms"), lambda said: said.has(t150="0"))
    market.start()
    market.oms.send("D", order("A-1", ISIN, 1_000_000))
    new = market.links["oms"].until_lost(market.way_out("oms"), t150="0")
    fill = market.links["oms"].until_lost(market.way_out("oms"), t150="F")
    market.links["oms"].cut()
    assert market.heard("oms", t150="F").has(t43="Y")
    again = [market.until_passed("oms", out=True, t43="Y", t17=said[17]) for said in (new, fill)]
    for first, second in zip((new, fill), again, strict=True):
        assert second.without(*STAMPS) == first.without(*STAMPS)
        assert (second[34], second[122]) == (first[34], first[52])
    assert [said[150] for said in market.oms.heard] == ["A", "0", "F"]
    # A session message among them, our Logon(A), is filled over rather than sent again.
    filled = market.until_passed("oms", out=True, t35="4", t123="Y")
    assert (filled[43], filled.get(122) is not None) == ("Y", True)
    assert market.heard("dropcopy", t150="F")[17] == fill[17]
    market.end_well()


def test_a_gap_within_a_live_session_is_asked_for_and_filled_in_order(scene_of: SceneOf) -> None:
    market = scene_of()
    market.links["oms"].drop(market.way_out("oms"), lambda said: said.has(t150="0"))
    market.links["alder"].drop(market.way_in("alder"), lambda said: said.kind == "S")
    market.start()
    market.oms.send("D", order("A-1", ISIN, 1_000_000))
    # The quote never came; the next message of the dealer shows the gap.
    market.links["alder"].until_lost(market.way_in("alder"))
    market.parties["alder"].send("B", [(148, "colour"), (33, [[(58, "two-way flow")]])])
    assert market.until_passed("alder", out=True, t35="2")[7] == "2"
    market.until_passed("alder", out=False, t35="S", t43="Y")
    market.heard("oms", t150="F")
    assert [said[150] for said in market.oms.heard] == ["A", "0", "F"]
    assert market.links["oms"].connections == market.links["alder"].connections == 1
    market.end_well()


@pytest.mark.full_with("quickfix")
def test_a_request_that_was_lost_is_filled_over_and_never_repeated(scene_of: SceneOf) -> None:
    market = scene_of()
    market.links["alder"].lose_from(market.way_out("alder"), lambda said: said.kind == "R")
    market.start()
    market.oms.send("D", order("A-1", ISIN, 1_000_000))
    lost = market.links["alder"].until_lost(market.way_out("alder"))
    market.links["alder"].cut()
    filled = market.until_passed("alder", out=True, t35="4", t123="Y")
    assert filled.seq_num <= lost.seq_num < int(filled[36])
    market.until_recorded("AskWithheld")
    market.oms.send("H", status("A-1", ISIN))
    assert market.heard("oms", t150="I")[39] == "0", "the order is the trader's, still new"
    assert not market.desks["alder"].asked
    assert not [said for said in market.from_engine("alder") if said.kind == "R"]
    market.end_well()


@pytest.mark.full_with("quickfix")
def test_orders_decided_when_a_lost_request_comes_to_light_are_accepted_under_names_of_their_own(
    scene_of: SceneOf,
) -> None:
    """The page of a resend that fills over a request is what decides: two such turns, two acceptances."""
    market = scene_of(dealers=("alder", "birch"))
    market.start()
    for number in (1, 2):
        market.links["alder"].lose_from(market.way_out("alder"), lambda said: said.kind == "R")
        market.oms.send("D", order(f"A-{number}", ISIN, 1_000_000))
        market.links["alder"].until_lost(market.way_out("alder"), number, t35="R")
        market.until_passed("birch", out=False, times=number, t35="S")
        market.links["alder"].cut()
        assert market.heard("oms", t11=f"A-{number}", t150="F")[527].startswith("birch")
    assert len(market.desks["birch"].orders) == 2
    market.end_well()


@pytest.mark.full_with("quickfix")
def test_an_acceptance_that_was_lost_is_asked_after_before_anybody_else_may_fill(scene_of: SceneOf) -> None:
    market = scene_of(dealers=("alder", "birch"))
    market.desks["alder"].offer = "99.55"
    market.links["alder"].lose_from(market.way_out("alder"), lambda said: said.kind == "D")
    market.start()
    market.oms.send("D", order("A-1", ISIN, 1_000_000))
    lost = market.links["alder"].until_lost(market.way_out("alder"))
    assert not market.desks["birch"].orders
    market.links["alder"].cut()
    assert market.heard("oms", t150="F")[527].startswith("birch")
    asked = market.desks["alder"].status_asked[0]
    assert asked[11] == lost[11]
    assert not market.desks["alder"].orders
    assert not [said for said in market.from_engine("alder") if said.kind == "D"]
    assert len(fills(market)) == 1
    market.end_well()


def test_a_fill_lost_on_its_way_to_us_is_asked_for_and_booked_once(scene_of: SceneOf) -> None:
    market = scene_of()
    market.links["alder"].lose_from(market.way_in("alder"), lambda said: said.has(t150="F"))
    market.start()
    market.oms.send("D", order("A-1", ISIN, 1_000_000))
    lost = market.links["alder"].until_lost(market.way_in("alder"))
    market.links["alder"].cut()
    fill = market.heard("oms", t150="F")
    assert fill[527] == lost[17]
    assert market.until_passed("alder", out=False, t43="Y", t35="8")[17] == lost[17]
    assert len(market.desks["alder"].orders) == 1
    assert len(fills(market)) == 1
    assert market.heard("dropcopy", t150="F")[17] == fill[17]
    market.end_well()


def test_a_reset_by_an_oms_brings_what_it_may_lack_as_possible_resends(scene_of: SceneOf) -> None:
    market = scene_of()
    market.links["oms"].lose_from(market.way_out("oms"), lambda said: said.has(t150="F"))
    market.start()
    market.oms.send("D", order("A-1", ISIN, 1_000_000))
    lost = market.links["oms"].until_lost(market.way_out("oms"))
    market.links["oms"].block()
    market.links["oms"].cut()
    market.until_off("oms")
    market.leave("oms")
    market.join("oms", reset_on_logon=True)
    fill = market.heard("oms", t150="F")
    assert (fill[17], fill[97], fill.get(43)) == (lost[17], "Y", None)
    assert fill.without(*STAMPS) == lost.without(*STAMPS)
    logon = [said for said in market.from_engine("oms") if said.kind == "A"][-1]
    assert (logon[141], logon.seq_num) == ("Y", 1)
    # Its own memory is shorter than ours: the same order again under 97=Y is no second order.
    market.oms.send("D", [*order("A-1", ISIN, 1_000_000), (97, "Y")])
    assert market.heard("oms", t150="I").has(t11="A-1", t39="2")
    assert len(market.desks["alder"].orders) == 1
    market.end_well()


def test_a_session_of_ours_that_resets_on_every_logon(scene_of: SceneOf) -> None:
    market = scene_of(peer_more={"alder": "reset_on_logon = true"})
    market.start()
    for number in range(2):
        market.oms.send("D", order(f"A-{number}", ISIN, 1_000_000))
        market.heard("oms", t11=f"A-{number}", t150="F")
        market.links["alder"].cut()
        market.until_passed("alder", out=False, t35="A", times=number + 2)
        market.until_on("alder")
    for said in admin(market, "alder", "A"):
        assert (said[141], said.seq_num) == ("Y", 1)
    assert not admin(market, "alder", "2")
    market.end_well()


@pytest.mark.full_with("quickfix")
def test_an_oms_that_lost_its_store_is_told_the_number_and_nothing_is_reset(scene_of: SceneOf, tmp_path: Path) -> None:
    market = scene_of()
    market.start()
    market.oms.send("D", order("A-1", ISIN, 1_000_000))
    market.heard("oms", t150="F")
    market.leave("oms")
    expected = market.to_engine("oms")[-1].seq_num + 1
    shutil.rmtree(tmp_path / "stores/oms")
    market.join("oms", wait=False)
    said = market.until_passed("oms", out=True, t35="5", t58=f"MsgSeqNum too low, expecting {expected} but received 1")
    assert said.get(141) is None
    market.leave("oms")
    # As agreed over the telephone: both begin anew.
    market.join("oms", reset_on_logon=True)
    market.oms.send("H", status("A-1", ISIN))
    assert market.heard("oms", t150="I")[39] == "2"
    market.end_well()


def test_a_dealer_that_lost_its_store_is_not_reset_behind_its_back(scene_of: SceneOf, tmp_path: Path) -> None:
    market = scene_of()
    market.start()
    market.leave("alder")
    expected = market.to_engine("alder")[-1].seq_num + 1
    shutil.rmtree(tmp_path / "stores/alder")
    market.join("alder", wait=False)
    text = f"MsgSeqNum too low, expecting {expected} but received 1"
    market.until_passed("alder", out=True, t35="5", t58=text)
    assert not [said for said in market.from_engine("alder") if said.get(141) == "Y"]


def test_a_dealer_that_expects_more_than_we_know_of_is_shown_and_not_reset(scene_of: SceneOf) -> None:
    market = scene_of()
    market.start("alder")
    market.rfqd.stop()
    market.until_off("alder")
    for path in market.desk.journal.parent.iterdir():
        path.unlink()
    market.rfqd.start()
    market.until_passed("alder", out=False, t35="5")
    logons = [said for said in market.from_engine("alder") if said.kind == "A"]
    assert [said.get(141) for said in logons] == [None] * len(logons)
    market.rfqd.until_said("expects")


@pytest.mark.full_with("quickfix")
def test_an_oms_over_fixt_and_fix_5_sp2(scene_of: SceneOf) -> None:
    market = scene_of(
        peer_more={"oms": 'begin_string = "FIXT.1.1"\nappl_ver_id = "9"'},
        identity_more={"oms": {"begin_string": "FIXT.1.1", "appl_ver_id": "9"}},
    )
    market.start()
    market.oms.send("D", order("A-1", ISIN, 1_000_000))
    assert market.heard("oms", t150="F").has(t39="2", t8="FIXT.1.1")
    assert [said[1137] for said in admin(market, "oms", "A")] == ["9", "9"]
    market.end_well()
