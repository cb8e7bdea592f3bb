"""QuickFIX and its settings against our sessions: what most counterparties run, as they may have set it up.

What any engine does is in `test_interop_session`; here are its own store, resets, 789, time stamps and FIX 5.0 SP2.
"""

from __future__ import annotations

from functools import partial

import pytest
from interop_daemon import ISIN
from interop_market import order, status
from interop_quickfix import QuickfixParty
from interop_scene import Scene, SceneOf
from test_interop_session import STAMPS, admin, fills

VENDORS = ("quickfix",)
LONG = partial(pytest.param, marks=pytest.mark.full)

FIXT = {"begin_string": "FIXT.1.1", "appl_ver_id": "9"}
OURS_FIXT = 'begin_string = "FIXT.1.1"\nappl_ver_id = "9"'


def quickfix(market: Scene, key: str) -> QuickfixParty:
    party = market.parties[key]
    assert isinstance(party, QuickfixParty)
    return party


def die(market: Scene, key: str) -> None:
    """Its process is killed; nobody listens and nobody dials until it joins again."""
    market.links[key].block()
    market.parties[key].end()
    market.until_off(key)


def placed(market: Scene) -> list[str]:
    """ClOrdIDs of the orders on record, in the order they were taken."""
    taken = "SELECT json_extract(body, '$.terms.cl_ord_id') FROM events WHERE type = 'OrderReceived' ORDER BY seq"
    return [row[0] for row in market.query(taken)]


def test_everybody_over_fixt_and_fix_5_sp2(scene_of: SceneOf) -> None:
    keys = ("oms", "dropcopy", "marks", "alder")
    market = scene_of(peer_more=dict.fromkeys(keys, OURS_FIXT), identity_more=dict.fromkeys(keys, FIXT))
    market.start()
    market.oms.send("D", order("A-1", ISIN, 1_000_000))
    fill = market.heard("oms", t150="F")
    assert fill.has(t8="FIXT.1.1", t39="2")
    assert market.heard("dropcopy", t150="F")[17] == fill[17]
    market.oms.send("D", order("A-2", "XS0000000ZZ0", 1_000_000))
    assert market.heard("oms", t11="A-2", t150="8")[39] == "8"
    market.oms.send("H", status("A-1", ISIN))
    assert market.heard("oms", t150="I")[39] == "2"
    for key in ("oms", "dropcopy", "alder"):
        assert [said[1137] for said in admin(market, key, "A")] == ["9", "9"]
    market.end_well()


@pytest.mark.parametrize("version", [{}, LONG(FIXT)], ids=["4.4", "5.0SP2"])
def test_gaps_of_both_sides_at_one_logon(scene_of: SceneOf, version: dict[str, str]) -> None:
    """Reports lost on their way out, orders on their way in: both ask at once, and each serves while it waits."""
    market = scene_of(peer_more={"oms": OURS_FIXT if version else ""}, identity_more={"oms": version})
    market.links["oms"].lose_from(market.way_out("oms"), lambda said: said.has(t150="0"))
    market.start()
    market.oms.send("D", order("A-1", ISIN, 1_000_000))
    market.links["oms"].until_lost(market.way_out("oms"), t150="F")
    market.links["oms"].lose_from(market.way_in("oms"), lambda said: said.has(t11="A-2"))
    market.oms.send("D", order("A-2", ISIN, 500_000))
    market.oms.send("H", status("A-1", ISIN))
    market.links["oms"].until_lost(market.way_in("oms"), t35="H")
    market.links["oms"].cut()
    market.heard("oms", t11="A-2", t150="F")
    assert market.heard("oms", t11="A-1", t150="I")[39] == "2"
    assert [said[150] for said in market.oms.heard if said[11] == "A-1"] == ["A", "0", "F", "I"]
    assert placed(market) == ["A-1", "A-2"]
    # QuickFIX asks once more for our ResendRequest(2), which it has served out of turn and not counted.
    assert [said[7] for said in market.from_engine("oms") if said.kind == "2"] == ["3"]
    market.end_well()


def test_an_oms_that_is_killed_sends_from_its_store_what_was_lost(scene_of: SceneOf) -> None:
    market = scene_of()
    market.start()
    market.oms.send("D", order("A-1", ISIN, 1_000_000))
    market.heard("oms", t150="F")
    market.links["oms"].lose_from(market.way_in("oms"), lambda said: said.has(t11="A-2"))
    market.oms.send("D", order("A-2", ISIN, 1_000_000))
    market.oms.send("D", order("A-3", ISIN, 1_000_000))
    market.links["oms"].until_lost(market.way_in("oms"), t11="A-3")
    die(market, "oms")
    market.join("oms")
    for name in ("A-2", "A-3"):
        market.heard("oms", t11=name, t150="F")
        assert market.until_passed("oms", out=False, t11=name).has(t43="Y")
    assert placed(market) == ["A-1", "A-2", "A-3"]
    assert len(fills(market)) == 3
    market.end_well()


def test_an_oms_that_is_killed_before_its_reports_asks_for_them(scene_of: SceneOf) -> None:
    market = scene_of()
    market.links["oms"].lose_from(market.way_out("oms"), lambda said: said.has(t150="0"))
    market.start()
    market.oms.send("D", order("A-1", ISIN, 1_000_000))
    lost = [market.links["oms"].until_lost(market.way_out("oms"), t150=kind) for kind in ("0", "F")]
    die(market, "oms")
    market.join("oms")
    market.heard("oms", t150="F")
    again = [said for said in market.oms.heard if said.get(43) == "Y"]
    assert [said.without(*STAMPS) for said in again] == [said.without(*STAMPS) for said in lost]
    assert len(fills(market)) == 1
    market.end_well()


def test_a_dealer_that_is_killed_sends_its_fill_from_its_store(scene_of: SceneOf) -> None:
    market = scene_of()
    market.links["alder"].lose_from(market.way_in("alder"), lambda said: said.has(t150="F"))
    market.start()
    market.oms.send("D", order("A-1", ISIN, 1_000_000))
    lost = market.links["alder"].until_lost(market.way_in("alder"))
    die(market, "alder")
    market.join("alder")
    assert market.heard("oms", t150="F")[527] == lost[17]
    assert len(market.desks["alder"].orders) == 1
    assert len(fills(market)) == 1
    market.end_well()


def test_an_oms_that_asks_for_all_from_the_first_number_gets_the_same_again(scene_of: SceneOf) -> None:
    market = scene_of()
    market.start()
    for number in range(5):
        market.oms.send("D", order(f"A-{number}", ISIN, 1_000_000))
        market.heard("oms", t11=f"A-{number}", t150="F")
    first = list(market.oms.heard)
    assert len(first) == 15
    quickfix(market, "oms").settle(first[-1].seq_num + 1)
    quickfix(market, "oms").forget()
    market.oms.send("H", status("A-0", ISIN))
    market.until_passed("oms", out=False, t35="2", t7="1")
    market.heard("oms", t150="I")
    again = market.oms.heard[15:30]
    assert [said.without(*STAMPS) for said in again] == [said.without(*STAMPS) for said in first]
    assert [(said[34], said[43], said[122]) for said in again] == [(said[34], "Y", said[52]) for said in first]
    assert len(market.oms.heard) == 31
    # Our Logon(A) before them was filled over.
    assert market.until_passed("oms", out=True, t35="4").has(t34="1", t36="2", t123="Y")
    market.end_well()


def test_an_oms_that_keeps_no_messages_fills_over_its_lost_order(scene_of: SceneOf) -> None:
    market = scene_of(identity_more={"oms": {"more": {"PersistMessages": "N"}}})
    market.start()
    market.links["oms"].drop(market.way_in("oms"), lambda said: said.has(t11="A-1"))
    market.oms.send("D", order("A-1", ISIN, 1_000_000))
    market.oms.send("D", order("A-2", ISIN, 1_000_000))
    assert market.until_passed("oms", out=False, t35="4").has(t123="Y", t43="Y", t36="4")
    market.oms.send("D", order("A-3", ISIN, 1_000_000))
    market.heard("oms", t11="A-3", t150="F")
    # What its sender fills over is not to be done, though the second had come.
    assert placed(market) == ["A-3"]
    market.end_well()


def test_a_reset_within_a_live_session(scene_of: SceneOf) -> None:
    market = scene_of()
    market.start()
    market.oms.send("D", order("A-1", ISIN, 1_000_000))
    fill = market.heard("oms", t150="F")
    quickfix(market, "oms").settle(fill.seq_num + 1)
    market.oms.send("A", [(98, "0"), (108, "30"), (141, "Y")])
    answer = market.until_passed("oms", out=True, t35="A", t141="Y")
    assert answer.seq_num == 1
    # What it had not confirmed comes again under new numbers, the same reports, marked.
    assert market.heard("oms", t17=fill[17], t97="Y").get(43) is None
    market.oms.send("D", order("A-2", ISIN, 1_000_000))
    market.heard("oms", t11="A-2", t150="F")
    assert market.until_passed("oms", out=False, t11="A-2").seq_num == 2
    assert market.links["oms"].connections == 1
    assert market.query("SELECT max(epoch) FROM fix_sessions WHERE session = 'oms'") == [(2,)]
    market.end_well()


def test_an_oms_that_resets_whenever_it_was_cut_off(scene_of: SceneOf) -> None:
    market = scene_of(identity_more={"oms": {"more": {"ResetOnDisconnect": "Y"}}})
    market.links["oms"].lose_from(market.way_out("oms"), lambda said: said.has(t150="F"))
    market.start()
    market.oms.send("D", order("A-1", ISIN, 1_000_000))
    lost = market.links["oms"].until_lost(market.way_out("oms"))
    market.links["oms"].cut()
    assert market.heard("oms", t150="F").has(t17=lost[17], t97="Y", t43=None)
    assert [said.get(141) for said in admin(market, "oms", "A")] == ["Y"] * 4
    assert {said[17] for said in fills(market)} == {lost[17]}
    market.end_well()


@pytest.mark.parametrize("version", [{}, LONG(FIXT)], ids=["4.4", "5.0SP2"])
def test_a_report_lost_just_before_our_logout_arrives_all_the_same(scene_of: SceneOf, version: dict[str, str]) -> None:
    """QuickFIX counts a Logout(5) above a gap it does not know of as the first message missing, and never asks."""
    market = scene_of(peer_more={"oms": OURS_FIXT if version else ""}, identity_more={"oms": version})
    market.start()
    market.links["oms"].drop(market.way_out("oms"), lambda said: said.has(t150="F"))
    market.oms.send("D", order("A-1", ISIN, 1_000_000))
    lost = market.links["oms"].until_lost(market.way_out("oms"))
    market.end_well()
    assert market.heard("oms", t150="F").has(t17=lost[17], t43="Y")
    said = [said.kind for said in market.from_engine("oms")]
    assert said[-5:] == ["1", "8", "4", "1", "5"], "asked, served, asked anew, and only then logged out"
    market.until_off("oms")
    market.rfqd.start()
    market.until_on("oms")
    market.oms.send("D", order("A-2", ISIN, 1_000_000))
    market.heard("oms", t11="A-2", t150="F")
    assert [said[7] for said in market.to_engine("oms") if said.kind == "2"] == ["4"], "the one for the lost report"
    assert len(fills(market)) == 2
    market.end_well()


@pytest.mark.parametrize("version", [{}, LONG(FIXT)], ids=["4.4", "5.0SP2"])
def test_next_expected_numbers_at_logon_spare_the_asking(scene_of: SceneOf, version: dict[str, str]) -> None:
    offering = {**version, "more": {"SendNextExpectedMsgSeqNum": "Y"}}
    market = scene_of(peer_more={"oms": OURS_FIXT if version else ""}, identity_more={"oms": offering})
    market.links["oms"].lose_from(market.way_out("oms"), lambda said: said.has(t150="0"))
    market.start()
    market.oms.send("D", order("A-1", ISIN, 1_000_000))
    market.links["oms"].until_lost(market.way_out("oms"), t150="F")
    market.links["oms"].lose_from(market.way_in("oms"), lambda said: said.has(t11="A-2"))
    market.oms.send("D", order("A-2", ISIN, 500_000))
    market.links["oms"].until_lost(market.way_in("oms"))
    market.links["oms"].cut()
    market.heard("oms", t11="A-2", t150="F")
    assert [said[150] for said in market.oms.heard if said[11] == "A-1"] == ["A", "0", "F"]
    assert placed(market) == ["A-1", "A-2"]
    logons = admin(market, "oms", "A")
    assert all(said.get(789) for said in logons)
    assert not admin(market, "oms", "2"), "neither side had to ask"
    market.end_well()


@pytest.mark.parametrize("decimals", [LONG("0"), "6", LONG("9")])
def test_time_stamps_of_any_precision(scene_of: SceneOf, decimals: str) -> None:
    market = scene_of(identity_more={key: {"more": {"TimestampPrecision": decimals}} for key in ("oms", "alder")})
    market.start("marks", "alder", "oms")
    market.oms.send("D", order("A-1", ISIN, 1_000_000))
    market.heard("oms", t150="F")
    stamp = market.until_passed("oms", out=False, t11="A-1")[52]
    assert len(stamp.partition(".")[2]) == int(decimals)
    # The original time of a resend goes back as it came.
    market.links["oms"].drop(market.way_in("oms"), lambda said: said.has(t11="A-2"))
    for name in ("A-2", "A-3"):
        market.oms.send("D", order(name, ISIN, 1_000_000))
    market.heard("oms", t11="A-3", t150="F")
    lost = market.links["oms"].lost[market.way_in("oms")][0]
    assert market.until_passed("oms", out=False, t11="A-2").has(t43="Y", t122=lost[52])
    assert placed(market) == ["A-1", "A-2", "A-3"]
    market.end_well()


def test_messages_as_large_as_are_allowed(scene_of: SceneOf) -> None:
    market = scene_of()
    market.start()
    text = "as discussed; " * 4_500  # 63 kB of the 64 that a message may have.
    market.links["oms"].drop(market.way_in("oms"), lambda said: said.has(t11="A-1"))
    market.oms.send("D", [*order("A-1", ISIN, 1_000_000), (58, text)])
    market.oms.send("D", [*order("A-2", ISIN, 1_000_000), (58, text)])
    for name in ("A-1", "A-2"):
        market.heard("oms", t11=name, t150="F")
    assert placed(market) == ["A-1", "A-2"]
    assert market.links["oms"].connections == 1
    market.end_well()
