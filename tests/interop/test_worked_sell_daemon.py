"""The worked sell by the real program: orders and quotes over real sockets, its timers, and what `tca.order` says then.

Decision at 98.50, arrival at 98.45, sold at 98.40 where another would have paid 98.35, mid 30 minutes later 98.30. The
clock of the program runs three hundred times as fast: half an hour is six seconds.
"""

from __future__ import annotations

import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from interop_daemon import ISIN, Desk, Peer, Rfqd
from interop_link import PATIENCE_S, free_port
from interop_raw import RawListener, RawPeer

from engine.admin.client import AdminClient
from engine.clock import NS_PER_DAY, NS_PER_MS, NS_PER_S, Clock, fix_timestamp, iso_timestamp

SPEED = 300
HOUR_NS = 3_600 * NS_PER_S
RULES = """rule "by hand"
  when true
  ask everyone in {alder, birch}
  wait 7200s
"""
# Source: DOMAIN 4, to three decimals.
WORKED = {
    "shortfall": 10.152,
    "improvement": -5.079,
    "cover": 5.081,
    "regret": 0.0,
    "markout_30m": 10.163,
    "adverse_30m": 15.236,
}


@pytest.fixture
def origin_ns() -> int:
    """Such that it is ten in the morning, UTC, of today: the end of no day is near."""
    real_ns = time.time_ns()
    ten_ns = real_ns // NS_PER_DAY * NS_PER_DAY + 10 * HOUR_NS
    return (real_ns + (real_ns - ten_ns) // (SPEED - 1)) // NS_PER_MS * NS_PER_MS


@pytest.fixture
def dealers() -> Iterator[dict[str, RawListener]]:
    made = {name: RawListener(name.upper()) for name in ("alder", "birch")}
    yield made
    for each in made.values():
        each.close()


@pytest.fixture
def desk(tmp_path: Path, origin_ns: int, dealers: dict[str, RawListener]) -> Iterator[Desk]:
    run_dir = Path(tempfile.mkdtemp(prefix="rfq-"))
    peers = [
        Peer("oms", "oms", more="heart_bt_int_s = 3600"),
        *(Peer(name, "dealer", each.port) for name, each in dealers.items()),
    ]
    # The parties of this test write the time of the wall into what they send, and a second of theirs is five minutes.
    patient = "sending_time_tolerance_s = 86_400.0\nlogon_timeout_s = 600.0\n"
    patient += "heart_bt_int_s_min = 3600\nheart_bt_int_s_max = 3600"
    more = {
        "clock": f"speed = {SPEED}\norigin = {iso_timestamp(origin_ns)}",
        "fix": patient,
        "rfq": "stale_order_s = 86_400.0\nmark_age_max_s = 3_600.0",
    }
    made = Desk(tmp_path / "desk", run_dir, free_port(), peers, rules=RULES, heart_bt_int_s=3600, more=more)
    yield made
    shutil.rmtree(run_dir)


@pytest.fixture
def running(desk: Desk) -> Iterator[Rfqd]:
    daemon = Rfqd(desk.write())
    daemon.start()
    yield daemon
    daemon.end()


def figures(answer: dict[str, Any]) -> dict[str, float]:
    parts = [answer, *answer["fills"], *answer["rounds"]]
    return {each["figure"]: each["ours"] for part in parts for each in part["figures"] if each["ours"] is not None}


def test_the_worked_sell(desk: Desk, running: Rfqd, origin_ns: int, dealers: dict[str, RawListener]) -> None:
    clock = Clock(SPEED, origin_ns)
    peers = {name: each.accept() for name, each in dealers.items()}
    oms = RawPeer.dial(desk.fix_port, "OMS").logon()
    with AdminClient(desk.socket) as client:

        def market(price: str) -> None:
            row = {"security": ISIN, "price": price, "quality": "composite"}
            assert client.call("marks.put", rows=[row])["taken"] == 1

        market("98.50")
        oms.say("D", [
            (11, "W1"), (21, "1"), (55, "[N/A]"), (48, ISIN), (22, "4"), (54, "2"),
            (60, fix_timestamp(clock.now().utc_ns)), (38, "3000000"), (40, "1"), (59, "0"),
        ])  # fmt: skip
        oms.expect(t35="8", t11="W1")
        [order] = client.call("orders")["orders"]
        market("98.45")
        client.call("send", order=order["order"])
        for name, bid in (("alder", "98.40"), ("birch", "98.35")):
            asked = peers[name].expect(t35="R")
            stands = fix_timestamp(clock.now().utc_ns + 2 * HOUR_NS)
            peers[name].say("S", [
                (131, asked[131]), (117, f"{name}-1"), (537, "1"), (55, "[N/A]"), (48, ISIN), (22, "4"), (54, "2"),
                (132, bid), (134, "3000000"), (62, stands), (423, "1"),
            ])  # fmt: skip
        until(lambda: len(quotes(client, order["order"])) == 2)
        client.call("execute", order=order["order"], dealer="alder")
        taken = peers["alder"].expect(t35="D")
        peers["alder"].say("8", [
            (37, "A1"), (11, taken[11]), (17, "E1"), (150, "F"), (39, "2"), (55, "[N/A]"), (48, ISIN), (22, "4"),
            (54, "2"), (38, "3000000"), (32, "3000000"), (31, "98.40"), (151, "0"), (14, "3000000"), (6, "98.40"),
            (423, "1"), (44, "98.40"),
        ])  # fmt: skip
        oms.expect(t35="8", t11="W1", t150="F")
        market("98.30")
        until(lambda: WORKED.keys() <= figures(client.call("tca.order", order=order["order"])).keys())
        found = figures(client.call("tca.order", order=order["order"]))
    assert {name: found[name] for name in WORKED} == WORKED
    assert running.stop() == 0
    assert running.complaints == []


def quotes(client: AdminClient, order: str) -> list[Any]:
    [round_] = client.call("order.show", order=order)["rfqs"]
    return [quote for ask in round_["asks"] for quote in ask["quotes"]]


def until(done: Callable[[], bool]) -> None:
    waiting, ends = threading.Event(), time.monotonic() + PATIENCE_S
    while not done():
        assert time.monotonic() < ends
        waiting.wait(0.1)
