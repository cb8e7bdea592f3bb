"""The real program while it stops: it logs out, and lets nobody in any more."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from interop_daemon import Desk, Peer, Rfqd
from interop_raw import RawListener, RawPeer
from ports import free_port


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    run_dir = Path(tempfile.mkdtemp(prefix="rfq-"))
    peers = [Peer("oms", "oms"), Peer("dropcopy", "dropcopy"), Peer("alder", "dealer")]
    # As long as it may wait for answers: nobody here leaves it waiting.
    yield Desk(tmp_path / "rfqd", run_dir, free_port(), peers, more={"fix": "logout_timeout_s = 5.0"})
    shutil.rmtree(run_dir)


@pytest.fixture
def running(desk: Desk) -> Iterator[Rfqd]:
    daemon = Rfqd(desk.write())
    daemon.start()
    yield daemon
    daemon.end()


def test_who_was_logged_out_finds_the_door_closed(desk: Desk, running: Rfqd) -> None:
    oms, copy = (RawPeer.dial(desk.fix_port, name).logon() for name in ("OMS", "DROPCOPY"))
    os.kill(running.pid, signal.SIGTERM)
    for peer in (oms, copy):
        assert peer.expect(t35="5")[58] == "the daemon is stopping"
    oms.say("5")
    oms.expect_end()
    # It waits for the other one yet.
    with pytest.raises(ConnectionRefusedError):
        RawPeer.dial(desk.fix_port, "OMS")
    copy.say("5")
    assert running.stop() == 0
    assert not running.complaints


def test_who_stood_at_the_door_is_logged_out_like_the_others(desk: Desk, running: Rfqd) -> None:
    oms = RawPeer.dial(desk.fix_port, "OMS").logon()
    dealer = RawPeer.dial(desk.fix_port, "ALDER")
    running.until_said("connection up connection=", times=2)
    os.kill(running.pid, signal.SIGTERM)
    oms.expect(t35="5")
    dealer.logon()
    assert dealer.expect(t35="5")[58] == "the daemon is stopping"
    for peer in (oms, dealer):
        peer.say("5")
    assert running.stop() == 0
    assert not running.complaints


def test_who_proves_nothing_hears_the_logout_all_the_same(desk: Desk, running: Rfqd) -> None:
    """The daemon waits for the proof no longer than for everything else."""
    assert running.stop() == 0
    desk.more["fix"] = "logout_timeout_s = 0.5"
    desk.write()
    running.start()
    oms = RawPeer.dial(desk.fix_port, "OMS").logon()
    oms.is_mute = True
    os.kill(running.pid, signal.SIGTERM)
    oms.expect(t35="1")
    assert oms.expect(t35="5")[58] == "the daemon is stopping"
    oms.expect_end()
    assert running.stop() == 0
    assert not running.complaints


def test_it_ends_while_it_calls_somebody(desk: Desk) -> None:
    """uvloop closes what a cancelled call has made, and tells nobody: nothing may be written there."""
    dealer = RawListener("BIRCH")
    desk.peers = [*desk.peers, Peer("birch", "dealer", dealer.port)]
    desk.more["fix"] = "logout_timeout_s = 0.2"
    daemon = Rfqd(desk.write())
    try:
        daemon.start()
        assert daemon.stop() == 0
        assert not daemon.complaints
    finally:
        daemon.end()
        dealer.close()
