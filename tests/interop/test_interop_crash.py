"""The daemon is killed with -9 between two messages of another vendor's engines, started again, and goes on."""

from __future__ import annotations

import pytest
from interop_daemon import ISIN
from interop_market import order, status
from interop_scene import Scene, SceneOf


def kill_and_restart(market: Scene) -> None:
    market.rfqd.kill()
    for key in market.parties:
        market.until_off(key)
    market.rfqd.start()
    for key in market.parties:
        market.until_on(key)


def one_fill_everywhere(market: Scene) -> None:
    """One execution on record, and OMS and drop copy know it under one ExecID."""
    fill = market.heard("oms", t150="F")
    copy = market.heard("dropcopy", t150="F", t17=fill[17])
    assert copy[797] == "Y"
    for key in ("oms", "dropcopy"):
        assert {said[17] for said in market.parties[key].heard if said.get(150) == "F"} == {fill[17]}
    assert market.query("SELECT count(*) FROM v_executions") == [(1,)]


@pytest.mark.full_with("quickfix")
def test_killed_between_request_and_quote(scene_of: SceneOf) -> None:
    market = scene_of()
    market.desks["alder"].quoting = "hold"
    market.start()
    market.oms.send("D", order("A-1", ISIN, 1_000_000))
    market.heard("oms", t150="0")
    market.heard("alder", t35="R")
    kill_and_restart(market)
    market.parties["alder"].send(*market.desks["alder"].quote(market.desks["alder"].asked[0]))
    one_fill_everywhere(market)
    assert len(market.desks["alder"].asked) == 1, "a request leaves at most once"
    assert len(market.desks["alder"].orders) == 1
    market.end_well()
    market.replay_well()


@pytest.mark.full_with("quickfix")
def test_killed_between_acceptance_and_fill(scene_of: SceneOf) -> None:
    market = scene_of()
    market.desks["alder"].filling = "hold"
    market.start()
    market.oms.send("D", order("A-1", ISIN, 1_000_000))
    taken = market.heard("alder", t35="D")
    kill_and_restart(market)
    # It is in doubt until the dealer speaks, so the dealer is asked; it knows the order and has not done it yet.
    assert market.heard("alder", t35="H")[11] == taken[11]
    market.oms.send("H", status("A-1", ISIN))
    assert market.heard("oms", t150="I").has(t14="0", t151="1000000")
    for kind, body in market.desks["alder"].release(taken[11]):
        market.parties["alder"].send(kind, body)
    one_fill_everywhere(market)
    assert len(market.desks["alder"].orders) == 1, "an acceptance leaves at most once"
    market.end_well()
    market.replay_well()


@pytest.mark.full_with("quickfix")
def test_killed_while_the_fill_is_on_its_way_to_us(scene_of: SceneOf) -> None:
    market = scene_of()
    market.links["alder"].lose_from(market.way_in("alder"), lambda said: said.has(t150="F"))
    market.start()
    market.oms.send("D", order("A-1", ISIN, 1_000_000))
    market.links["alder"].until_lost(market.way_in("alder"))
    kill_and_restart(market)
    one_fill_everywhere(market)
    assert len(market.desks["alder"].orders) == 1
    market.end_well()
    market.replay_well()


def test_killed_while_the_report_is_on_its_way_to_the_oms(scene_of: SceneOf) -> None:
    market = scene_of()
    for key in ("oms", "dropcopy"):
        market.links[key].lose_from(market.way_out(key), lambda said: said.has(t150="F"))
    market.start()
    market.oms.send("D", order("A-1", ISIN, 1_000_000))
    lost = [market.links[key].until_lost(market.way_out(key)) for key in ("oms", "dropcopy")]
    kill_and_restart(market)
    one_fill_everywhere(market)
    assert market.heard("oms", t150="F").has(t17=lost[0][17], t43="Y", t122=lost[0][52])
    assert market.heard("dropcopy", t150="F").has(t17=lost[1][17], t43="Y", t122=lost[1][52])
    market.end_well()
    market.replay_well()


@pytest.mark.full_with("quickfix")
def test_killed_while_an_oms_is_away_that_gets_its_fill_when_it_is_back(scene_of: SceneOf) -> None:
    market = scene_of()
    market.desks["alder"].quoting = "hold"
    market.start()
    market.oms.send("D", order("A-1", ISIN, 1_000_000))
    market.heard("alder", t35="R")
    market.heard("oms", t150="0")
    market.leave("oms")
    market.parties["alder"].send(*market.desks["alder"].quote(market.desks["alder"].asked[0]))
    fill = market.heard("dropcopy", t150="F")
    market.rfqd.kill()
    market.rfqd.start()
    market.join("oms")
    assert market.heard("oms", t150="F").has(t17=fill[17], t43=None)
    one_fill_everywhere(market)
    market.end_well()
    market.replay_well()
