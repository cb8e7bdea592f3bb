"""What engine.toml says of connections and of the anchor, held against the real program."""

from __future__ import annotations

import contextlib
import shutil
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from interop_daemon import Desk, Peer, Rfqd, run
from interop_link import PATIENCE_S, free_port
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
