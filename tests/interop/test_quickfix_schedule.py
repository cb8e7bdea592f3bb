"""QuickFIX with StartTime and EndTime against our schedules: each side opens, closes and begins anew by its clock."""

from __future__ import annotations

import math
import time
from typing import Any

import pytest
from interop_daemon import ISIN
from interop_market import order
from interop_scene import Scene, SceneOf
from test_interop_session import admin

VENDORS = ("quickfix",)
OPEN_S = 25
"""From the test's beginning to the end of the window: everybody has logged on by then, on the busiest machine."""
CLOSED_S = 4
PATIENCE_S = OPEN_S + 30

pytestmark = pytest.mark.full  # Windows open and close on full seconds of the real clock.


def hours() -> tuple[str, str]:
    """Start and end of a window that is open now, closes soon and opens again a little later, in UTC."""
    end_s = math.ceil(time.time()) + OPEN_S
    start, end = (time.strftime("%H:%M:%S", time.gmtime(at)) for at in (end_s + CLOSED_S, end_s))
    return start, end


def kept_by(*keys: str) -> dict[str, Any]:
    """These sessions keep hours on both sides, and begin anew with every window."""
    start, end = hours()
    ours = f'schedule = {{ time_zone = "UTC", start = "{start}", end = "{end}", reset = "period" }}'
    theirs = {"more": {"StartTime": start, "EndTime": end}}
    return {"peer_more": dict.fromkeys(keys, ours), "identity_more": dict.fromkeys(keys, theirs)}


def until_closed(market: Scene, key: str) -> None:
    market.board.until(f"{key} to be closed", lambda: not market.parties[key].logged_on, PATIENCE_S)
    down = f"SELECT 1 FROM events WHERE type = 'SessionDown' AND json_extract(body, '$.session') = '{key}'"
    market.board.until(f"our session {key} to be down", lambda: market.query(down) or None)


def resets(market: Scene) -> list[tuple[str, str]]:
    reset = (
        "SELECT json_extract(body, '$.session'), json_extract(body, '$.cause') FROM events WHERE type = 'SessionReset'"
    )
    return sorted(market.query(reset))


def test_oms_and_dealer_close_open_and_begin_anew(scene_of: SceneOf) -> None:
    market = scene_of(**kept_by("oms", "alder"))
    market.start()
    market.oms.send("D", order("A-1", ISIN, 1_000_000))
    market.heard("oms", t150="F")
    until_closed(market, "oms")
    until_closed(market, "alder")
    market.until_on("oms")
    market.until_on("alder")
    market.oms.send("D", order("A-2", ISIN, 1_000_000))
    market.heard("oms", t11="A-2", t150="F")
    assert resets(market) == [("alder", "schedule"), ("oms", "schedule")]
    for key in ("oms", "alder"):
        assert [said[34] for said in admin(market, key, "A")] == ["1"] * 4, "both Logons of both windows"
    assert not [said for said in market.oms.heard if said.get(43) == "Y"]
    market.end_well()


def test_a_drop_copy_gets_in_its_next_window_what_happened_outside_it(scene_of: SceneOf) -> None:
    market = scene_of(**kept_by("dropcopy"))
    market.start()
    until_closed(market, "dropcopy")
    market.oms.send("D", order("A-1", ISIN, 1_000_000))
    market.heard("oms", t150="F")
    market.until_on("dropcopy")
    copy = market.heard("dropcopy", t150="F")
    assert copy[17] == market.heard("oms", t150="F")[17]
    assert not copy.get(97), "it never left before"
    assert resets(market) == [("dropcopy", "schedule")]
    market.end_well()
