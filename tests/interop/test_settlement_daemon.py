"""Settlement over Thanksgiving by the real program, over real sockets, with a calendar that changes meanwhile.

Its clock stands at three in the afternoon, UTC, of the day before and runs sixty times as fast.
"""

from __future__ import annotations

import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from interop_daemon import ISIN, Desk, Peer, Rfqd, run
from interop_link import PATIENCE_S, free_port
from interop_raw import RawListener, RawPeer

from engine.admin.client import AdminClient
from engine.clock import NS_PER_MS, NS_PER_S, Clock, fix_timestamp, iso_timestamp

SPEED = 60
WEDNESDAY_NS = int(datetime(2026, 11, 25, 15, tzinfo=UTC).timestamp()) * NS_PER_S
CALENDAR = Path(__file__).resolve().parents[2] / "config/calendars/us-bond.toml"
RULES = """rule "by hand"
  when true
  ask everyone in {alder}
  wait 7200s
"""


@pytest.fixture
def origin_ns() -> int:
    """Such that it is Wednesday afternoon there, whatever it is here."""
    real_ns = time.time_ns()
    return (real_ns + (real_ns - WEDNESDAY_NS) // (SPEED - 1)) // NS_PER_MS * NS_PER_MS


@pytest.fixture
def now(origin_ns: int) -> Callable[[], str]:
    """The time there, as FIX writes it."""
    clock = Clock(SPEED, origin_ns)
    return lambda: fix_timestamp(clock.now().utc_ns)


@pytest.fixture
def alder(now: Callable[[], str]) -> Iterator[RawListener]:
    made = RawListener("ALDER", now=now)
    yield made
    made.close()


@pytest.fixture
def desk(tmp_path: Path, origin_ns: int, alder: RawListener) -> Iterator[Desk]:
    run_dir = Path(tempfile.mkdtemp(prefix="rfq-"))
    peers = [Peer("oms", "oms", more="heart_bt_int_s = 3600"), Peer("alder", "dealer", alder.port)]
    more = {
        "clock": f"speed = {SPEED}\norigin = {iso_timestamp(origin_ns)}",
        "fix": "logon_timeout_s = 600.0\nheart_bt_int_s_min = 3600\nheart_bt_int_s_max = 3600",
        "rfq": "stale_order_s = 86_400.0",
        "reference": 'calendars = ["us-bond.toml"]',
    }
    made = Desk(tmp_path / "desk", run_dir, free_port(), peers, rules=RULES, heart_bt_int_s=3600, more=more)
    made.write()
    shutil.copy(CALENDAR, made.folder)
    yield made
    shutil.rmtree(run_dir)


@pytest.fixture
def running(desk: Desk) -> Iterator[Rfqd]:
    daemon = Rfqd(desk.write())
    daemon.start()
    yield daemon
    daemon.end()


def test_settlement_over_thanksgiving(
    desk: Desk, running: Rfqd, now: Callable[[], str], origin_ns: int, alder: RawListener
) -> None:
    clock, dealer = Clock(SPEED, origin_ns), alder.accept()
    oms = RawPeer.dial(desk.fix_port, "OMS", now).logon()

    def order(name: str, *terms: tuple[int, str]) -> None:
        oms.say("D", [
            (11, name), (21, "1"), (55, "[N/A]"), (48, ISIN), (22, "4"), (54, "1"),
            (60, now()), (38, "1000000"), (40, "1"), (59, "0"), *terms,
        ])  # fmt: skip
        oms.expect(t35="8", t11=name)

    def asked(client: AdminClient, times: int) -> Any:
        client.call("send", order=client.call("orders")["orders"][0]["order"])
        return dealer.expect(times, t35="R")

    with AdminClient(desk.socket) as client:
        [york] = client.call("calendars")["calendars"]
        assert (york["trade_date"], york["settlement"]) == ("2026-11-25", "2026-11-27")

        order("REFUSED", (64, "20261126"))
        refusal = oms.expect(t35="8", t11="REFUSED", t150="8")
        assert refusal[103] == "11"
        assert refusal[58] == "SettlDate(64)=20261126 is no business day of calendar us-bond"

        order("REGULAR")
        first = asked(client, 1)
        assert first[64] == "20261127"
        stands = fix_timestamp(clock.now().utc_ns + 7200 * NS_PER_S)
        dealer.say("S", [
            (131, first[131]), (117, "Q1"), (537, "1"), (55, "[N/A]"), (48, ISIN), (22, "4"), (64, "20261127"),
            (133, "99.60"), (135, "1000000"), (62, stands), (423, "1"),
        ])  # fmt: skip
        [regular] = client.call("orders")["orders"]
        until(lambda: client.call("order.show", order=regular["order"])["rfqs"][0]["asks"][0]["quotes"])
        client.call("execute", order=regular["order"])
        taken = dealer.expect(t35="D")
        assert taken[64] == "20261127"

        text = (desk.folder / CALENDAR.name).read_text()
        (desk.folder / CALENDAR.name).write_text(text.replace("closed = [", "closed = [\n    2026-11-27,", 1).replace(
            '[[early]]  # Friday, after Thanksgiving Day\nday = 2026-11-27\nclose = "14:00"\n', ""
        ))  # fmt: skip
        assert client.call("reload", kinds=["limits"], reason="a day of mourning")["changed"] == ["calendars"]

        dealer.say("8", [
            (37, "A1"), (11, taken[11]), (17, "E1"), (150, "F"), (39, "2"), (55, "[N/A]"), (48, ISIN), (22, "4"),
            (54, "1"), (38, "1000000"), (32, "1000000"), (31, "99.60"), (151, "0"), (14, "1000000"), (6, "99.60"),
            (423, "1"), (44, "99.60"),
        ])  # fmt: skip
        done = oms.expect(t35="8", t11="REGULAR", t150="F")
        assert (done[75], done[64]) == ("20261125", "20261127"), "what was asked for stands"

        order("NEXT", (63, "2"))
        assert asked(client, 2)[64] == "20261130", "T+1 by the calendar as it is now"
    assert running.stop() == 0
    assert running.complaints == []
    replayed = run(["--config", str(desk.folder / "engine.toml"), "replay", str(desk.journal)], desk.folder)
    assert replayed.returncode == 0, replayed.stderr
    assert "0 different" in replayed.stdout


def until(done: Callable[[], object]) -> None:
    waiting, ends = threading.Event(), time.monotonic() + PATIENCE_S
    while not done():
        assert time.monotonic() < ends
        waiting.wait(0.1)
