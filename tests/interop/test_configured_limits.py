"""What engine.toml says of connections and of the anchor, held against the real program."""

from __future__ import annotations

import contextlib
import shutil
import socket
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from interop_daemon import Desk, Peer, Rfqd, run
from interop_link import PATIENCE_S, Board, free_port
from interop_raw import RawPeer

from engine.journal.archive import audit


@pytest.fixture
def run_dir() -> Iterator[Path]:
    """A folder whose path is short enough for a socket."""
    path = Path(tempfile.mkdtemp(prefix="rfq-"))
    yield path
    shutil.rmtree(path)


@pytest.fixture
def desk(tmp_path: Path, run_dir: Path) -> Desk:
    return Desk(tmp_path / "rfqd", run_dir, free_port(), [Peer("oms", "oms"), Peer("alder", "dealer", free_port())])


@pytest.fixture
def running(desk: Desk) -> Iterator[Rfqd]:
    daemon = Rfqd(desk.folder / "engine.toml")
    yield daemon
    daemon.end()


def closed_at_once(port: int) -> bool:
    """Does the daemon close this connection before its time for a Logon(A) is over?"""
    with socket.create_connection(("127.0.0.1", port), PATIENCE_S) as connection:
        with contextlib.suppress(ConnectionResetError):
            return connection.recv(1) == b""
        return True


def test_connections_beyond_the_bound_are_closed_at_once(desk: Desk, running: Rfqd) -> None:
    desk.more["fix"] = "connections_max = 2\nlogon_timeout_s = 600.0"
    desk.write()
    running.start()
    oms = RawPeer.dial(desk.fix_port, "OMS").logon()
    silent = socket.create_connection(("127.0.0.1", desk.fix_port), PATIENCE_S)
    running.until_said("connection up connection=", times=2)
    assert closed_at_once(desk.fix_port)
    running.until_said("2 are open, fix.connections_max")
    # Nobody who was there before is disturbed, and there is room again when one of them leaves.
    oms.say("1", [(112, "still-there")])
    oms.expect(t35="0", t112="still-there")
    silent.close()
    running.until_said("connection down ")
    with socket.create_connection(("127.0.0.1", desk.fix_port), PATIENCE_S):
        running.until_said("connection up connection=", times=3)
    assert running.stop() == 0
    assert not running.complaints


def logs_on(port: int, comp_id: str, source: str) -> bool:
    """Is a good Logon(A) from this address answered? If it is not, nothing at all is said."""
    peer = RawPeer(socket.create_connection(("127.0.0.1", port), PATIENCE_S, source_address=(source, 0)), comp_id)
    with contextlib.suppress(OSError):
        peer.say("A", [(98, "0"), (108, "30"), (141, "Y")])
    Board().until("an answer or the end", lambda: peer.heard or peer.over)
    answered = [said.kind for said in peer.heard]
    assert answered in ([], ["A"])
    return bool(answered)


def test_only_addresses_that_are_allowed_are_heard(desk: Desk, running: Rfqd) -> None:
    desk.more["fix"] = 'allow = ["127.0.0.2", "127.0.0.8/30"]'
    desk.peers = [
        Peer("oms", "oms", more='allow = ["127.0.0.9"]'),
        Peer("dropcopy", "dropcopy"),
        Peer("alder", "dealer", free_port()),
    ]
    desk.write()
    running.start()
    assert closed_at_once(desk.fix_port)
    running.until_said("code=address: not among fix.allow")
    assert not logs_on(desk.fix_port, "OMS", "127.0.0.2")
    running.until_said("code=not_allowed text=address 127.0.0.2 is not among those that session oms allows")
    assert logs_on(desk.fix_port, "DROPCOPY", "127.0.0.2")
    assert logs_on(desk.fix_port, "OMS", "127.0.0.9")
    assert running.stop() == 0
    assert not running.complaints


def test_a_peer_that_is_too_early_is_not_shut_out_when_its_hours_begin(desk: Desk, running: Rfqd) -> None:
    """Its right Logon(A) is no stranger's: it is refused in silence, and not held against its address."""
    half_a_day_s = 43_200
    opens, closes = (time.strftime("%H:%M", time.gmtime(time.time() + half_a_day_s + more)) for more in (0, 3600))
    desk.more["fix"] = "logon_failures_max = 1"
    hours = f'schedule = {{ time_zone = "UTC", start = "{opens}", end = "{closes}" }}'
    desk.peers = [Peer("oms", "oms", more=hours), Peer("alder", "dealer", free_port())]
    desk.write()
    running.start()
    for _ in range(4):
        assert not logs_on(desk.fix_port, "OMS", "127.0.0.2")
    running.until_said("code=outside_schedule text=closed until", times=4)
    # A stranger from there is, and is soon heard no more.
    for _ in range(2):
        assert not logs_on(desk.fix_port, "NOBODY", "127.0.0.2")
    running.until_said("reason=unknown_session", times=2)
    assert not logs_on(desk.fix_port, "OMS", "127.0.0.2")
    running.until_said("code=failures: 2 without a logon from there")
    assert running.stop() == 0


def test_a_session_that_hangs_in_the_middle_of_a_message_is_told_so(desk: Desk, running: Rfqd) -> None:
    """Each byte is a sign of life, but one message has its time."""
    desk.more["fix"] = "frame_timeout_s = 0.5"
    desk.write()
    running.start()
    oms = RawPeer.dial(desk.fix_port, "OMS").logon()
    begun, pace = oms.frame("1", [(112, "x" * 600)], 2), threading.Event()
    for at in range(len(begun)):
        if oms.over:
            break
        with contextlib.suppress(OSError):
            oms.send(begun[at : at + 1])
        pace.wait(0.05)
    assert oms.expect(t35="5")[58] == "bytes came for 0.5 s without making a whole message"
    oms.expect_end()
    running.until_said("reason=stalled: bytes came for 0.5 s")
    assert running.stop() == 0


def test_a_dealer_that_expects_other_numbers_is_left_alone_and_told_of(desk: Desk, running: Rfqd) -> None:
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as server:
        desk.peers = [Peer("oms", "oms"), Peer("alder", "dealer", server.getsockname()[1])]
        desk.write()
        running.start()
        connection, _ = server.accept()
        dealer = RawPeer(connection, "ALDER")
        assert dealer.expect(t35="A")[34] == "1"
        dealer.say("5", [(58, "MsgSeqNum too low, expecting 50 but received 1")])
        dealer.expect_end()
    line = running.until_said("code=numbers_differ")
    assert " ERROR " in line
    assert "the peer expects MsgSeqNum(34) 50, our next is 2" in line
    # 5 x reconnect_max_s of these tests, give or take a fifth.
    again = running.until_said("connecting again session=alder").partition("in=")[2]
    assert again.endswith("after=wrong_numbers")
    assert 1.9 <= float(again.partition("s ")[0]) <= 3.1


def test_the_anchor_is_kept_where_the_configuration_says(desk: Desk, running: Rfqd, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere/rfq.anchor"
    desk.more["journal"] = f'anchor = "{elsewhere}"'
    desk.write()
    running.start()
    assert running.stop() == 0
    assert not Path(f"{desk.journal}.anchor").exists()
    verdict = audit(desk.journal, elsewhere)
    assert (verdict.holds, verdict.unanchored_since_ns is not None, verdict.notes) == (True, True, ())
    # A journal put back from before that anchor is recognised by it.
    shutil.copy(desk.journal, tmp_path / "backup.db")
    running.start()
    assert running.stop() == 0
    (tmp_path / "backup.db").replace(desk.journal)
    running.start()
    running.until_said("reconcile: the journal is a copy, was restored")


@pytest.mark.parametrize(
    ("line", "text"),
    [
        pytest.param(
            'accept = "response"',
            "dealers: alder.accept: expected 'order', found 'response': "
            "accepting by QuoteResponse(AJ) is not available yet",
            id="AJ",
        ),
        pytest.param(
            'loser_notice = "cover"',
            "dealers: alder.loser_notice: expected 'none', found 'cover': "
            "telling losers by QuoteResponse(AJ) is not available yet",
            id="loser notice",
        ),
        pytest.param(
            'route = "ALDER"',
            "dealers: alder.route: expected '', found 'ALDER': reaching a dealer behind a hub is not available yet",
            id="hub",
        ),
    ],
)
def test_what_is_not_available_yet_is_refused_and_not_ignored(desk: Desk, line: str, text: str) -> None:
    desk.write()
    dealers = desk.folder / "dealers.toml"
    dealers.write_text(f"{dealers.read_text()}{line}\n")
    for arguments in ([], ["check"]):
        ended = run(["--config", str(desk.folder / "engine.toml"), *arguments], desk.folder)
        assert ended.returncode == 2
        assert ended.stderr.splitlines()[0] == text
        assert not desk.journal.exists()
