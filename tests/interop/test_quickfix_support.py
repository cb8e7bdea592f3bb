"""FIX support at work with `rfqctl session` while QuickFIX is at the other end: it follows, and nothing is doubled."""

from __future__ import annotations

import shutil
from pathlib import Path

from interop_daemon import ISIN
from interop_market import order, status
from interop_scene import Scene, SceneOf

from engine.admin import cli

VENDORS = ("quickfix",)


def rfqctl(market: Scene, *words: str) -> None:
    arguments = ["session", *words, "--reason", "agreed with Jo", "--socket", str(market.desk.socket)]
    assert cli.main(arguments) == 0


def test_a_dealer_is_logged_out_and_on_again_where_it_was(scene_of: SceneOf) -> None:
    # Left to itself our side would dial again long after the test has looked: it is the command that brings it back.
    market = scene_of(peer_more={"alder": "reconnect_min_s = 30"})
    market.start()
    market.oms.send("D", order("A-1", ISIN, 1_000_000))
    market.heard("oms", t11="A-1", t150="F")
    rfqctl(market, "logout", "alder")
    assert market.until_passed("alder", out=True, t35="5")[58] == "agreed with Jo"
    market.until_passed("alder", out=False, t35="5")
    market.until_off("alder")
    rfqctl(market, "logon", "alder")
    market.until_on("alder")
    market.oms.send("D", order("A-2", ISIN, 1_000_000))
    market.heard("oms", t11="A-2", t150="F")
    assert not [said for said in (*market.to_engine("alder"), *market.from_engine("alder")) if said.kind == "2"]
    market.end_well()


def test_an_oms_proves_what_it_has_and_takes_reports_sent_again_for_what_they_are(scene_of: SceneOf) -> None:
    market = scene_of()
    market.start()
    market.oms.send("D", order("A-1", ISIN, 1_000_000))
    market.heard("oms", t11="A-1", t150="F")
    rfqctl(market, "test-request", "oms")
    asked = market.until_passed("oms", out=True, t35="1")
    market.until_passed("oms", out=False, t35="0", t112=asked[112])
    before = list(market.oms.heard)
    rfqctl(market, "resend", "oms", "2", "4")
    for said in before:
        market.until_passed("oms", out=True, t17=said[17], t43="Y")
    market.oms.send("H", status("A-1", ISIN))
    market.heard("oms", t150="I")
    assert market.oms.heard[:-1] == before, "numbers it had before are nothing new to it"
    assert market.links["oms"].connections == 1
    market.end_well()


def test_an_oms_that_lost_its_store_begins_anew_once_both_sides_agree(scene_of: SceneOf, tmp_path: Path) -> None:
    market = scene_of()
    market.start()
    market.oms.send("D", order("A-1", ISIN, 1_000_000))
    fill = market.heard("oms", t11="A-1", t150="F")
    market.leave("oms")
    shutil.rmtree(tmp_path / "stores/oms")
    rfqctl(market, "disable", "oms")
    rfqctl(market, "reset", "oms")
    rfqctl(market, "enable", "oms")
    market.join("oms")
    # Nobody said 141=Y; what the OMS was not known to have comes again, marked, under its ExecID.
    assert market.heard("oms", t17=fill[17], t97="Y").get(43) is None
    logons = [said for said in (*market.to_engine("oms"), *market.from_engine("oms")) if said.kind == "A"]
    assert [(said.seq_num, said.get(141)) for said in logons] == [(1, None)] * 4
    market.oms.send("D", order("A-2", ISIN, 1_000_000))
    assert market.heard("oms", t11="A-2", t150="F")[17] != fill[17]
    market.end_well()
