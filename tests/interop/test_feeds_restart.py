"""What feeds, dealers and people said of bonds, credit and dealers: the same after a kill -9, over real sockets."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from interop_daemon import ISIN, Desk, Peer, Rfqd
from interop_link import free_port
from interop_raw import RawListener

from engine.admin.client import AdminClient

NEW_BOND = {"isin": "US0378331005", "name": "Orchard", "issuer": "Orchard", "asset_class": "corporate"}


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[tuple[Desk, Rfqd, RawListener]]:
    run_dir = Path(tempfile.mkdtemp(prefix="rfq-"))
    alder = RawListener("ALDER")
    made = Desk(tmp_path / "desk", run_dir, free_port(), [Peer("oms", "oms"), Peer("alder", "dealer", alder.port)])
    rfqd = Rfqd(made.write())
    rfqd.start()
    try:
        yield made, rfqd, alder
        assert rfqd.stop() == 0
    finally:
        rfqd.end()
        alder.close()
        shutil.rmtree(run_dir)


def picture(desk: Desk) -> dict[str, Any]:
    """All that was said, as anybody sees it."""
    with AdminClient(desk.socket) as client:
        profile = client.call("dealer.show", dealer="alder")
        return {
            "credit": client.call("credit")["limits"],
            "axes": client.call("axes")["axes"],
            "paused": profile["paused_by_person"],
            "bond": client.call("recommend", security="US0378331005", side="buy", quantity=1)["name"],
        }


def test_all_of_it_is_the_same_after_a_kill_and_a_cursor_goes_on(desk: tuple[Desk, Rfqd, RawListener]) -> None:
    made, rfqd, listener = desk
    alder = listener.accept()
    alder.say("6", [(23, "A1"), (28, "N"), (55, "[N/A]"), (48, ISIN), (22, "4"), (54, "2"), (27, "5000000")])
    alder.say("6", [(23, "A2"), (28, "N"), (55, "[N/A]"), (48, "US0000000000"), (22, "4"), (54, "2"), (27, "L")])
    refused = alder.expect(t35="j", t379="A2")
    assert (refused[372], refused[380]) == ("6", "2")
    alder.still_answered()
    with AdminClient(made.socket) as client:
        assert client.call("securities.put", rows=[NEW_BOND])["added"] == 1
        limits = [{"scope": "dealer:alder", "day_max": "5mm"}, {"scope": "issuer:Orchard", "request_max": 0}]
        assert client.call("credit_limits.put", rows=limits)["taken"] == 2
        row = {"dealer": "alder", "axe_id": "F1", "security": "US0378331005", "side": "buy", "size": "large"}
        assert client.call("axes.put", rows=[row])["taken"] == 1
        client.call("dealer.pause", dealer="alder", reason="they are moving house")
        page = client.call("events")
    told = [each["type"] for each in page["events"]]
    for kind in ("AxeAdvertised", "SecuritiesPut", "CreditLimitsPut", "DealerPaused"):
        assert kind in told
    before = picture(made)
    assert sorted(each["axe_id"] for each in before["axes"]) == ["A1", "F1"]
    rfqd.kill()
    rfqd.start()
    assert picture(made) == before
    with AdminClient(made.socket) as client:
        later = client.call("events", after=page["next"], wait_s=10)
        assert "EngineStarted" in [each["type"] for each in later["events"]]
        assert [each["seq"] for each in later["events"]] == list(range(page["next"] + 1, later["next"] + 1))
        history = client.call("dealer.history", dealer="alder")["history"]
        assert [each["what"] for each in history] == ["paused", "listed"]
