"""The daemon is killed with -9 while dealers stand by their quotes, started again, and decides once they are back.

The real program over sockets. Each dealer's session comes up when the test lets it: in whatever order they do, what
is bought is the best that lives, no round ends because nobody was logged on yet, and no order is asked of the first
dealer alone.
"""

from __future__ import annotations

import itertools
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import interop_daemon
import pytest
from interop_daemon import ISIN, OTHER_ISIN, Desk, Peer, Rfqd
from interop_link import free_port
from interop_market import DealerDesk, order
from interop_raw import RawListener, RawPeer
from interop_wire import Body, utc_now

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
if str(SCRIPTS) not in sys.path:
    sys.path.insert(0, str(SCRIPTS))

from crash.returned import count  # noqa: E402

DEALERS = {"alder": "99.60", "birch": "99.55", "cedar": ""}
"""What each quotes; cedar says nothing before it declines."""


def flat(body: Body) -> list[tuple[int, str]]:
    return [(tag, value) for tag, value in body if isinstance(value, str)]


class Market:
    """The daemon, and the other end of every session; numbers go on from one life to the next."""

    def __init__(self, folder: Path, run_dir: Path) -> None:
        self._listeners = {key: RawListener(key.upper()) for key in (*DEALERS, "marks")}
        peers = [Peer("oms", "oms"), *(Peer(key, "dealer", self._listeners[key].port) for key in DEALERS)]
        peers.append(Peer("marks", "market", self._listeners["marks"].port))
        self.desk = Desk(folder, run_dir, free_port(), peers)
        self.desk.more = {"rfq": "session_due_s = 30.0"}
        self.daemon = Rfqd(self.desk.write())
        self.peers: dict[str, RawPeer] = {}
        self.oms_number = 1
        self.desks = {key: DealerDesk(key, offer=price) for key, price in DEALERS.items()}

    def start(self, *keys: str) -> None:
        self.daemon.start()
        for key in keys:
            self.accept(key)

    def accept(self, key: str) -> RawPeer:
        before = self.peers.get(key)
        peer = self.peers[key] = self._listeners[key].accept(before.next_out if before is not None else 1)
        if key == "marks":
            subscribed = peer.expect(t35="V")
            sides = [(268, "2"), (269, "0"), (270, "99.45"), (269, "1"), (270, "99.65")]
            for bond in (ISIN, OTHER_ISIN):
                peer.say("W", [(262, subscribed[262]), (55, "[N/A]"), (48, bond), (22, "4"), *sides])
            peer.still_answered()
        return peer

    def oms(self) -> RawPeer:
        """The order system logs on, with its numbers of before."""
        peer = RawPeer.dial(self.desk.fix_port, "OMS")
        peer.next_out = self.oms_number
        peer.say("A", [(98, "0"), (108, "30")])
        peer.expect(t35="A")
        self.peers["oms"] = peer
        return peer

    def kill(self) -> None:
        for peer in self.peers.values():
            # An answer to a TestRequest(1) that the daemon no longer hears would be a gap in its next life.
            peer.is_mute = True
            peer.still_answered()
        self.daemon.kill()
        self.oms_number = self.peers["oms"].next_out
        for peer in self.peers.values():
            peer.expect_end()

    def quotes(self, key: str) -> None:
        """Its quote for the last request, for a minute and a half."""
        peer = self.peers[key]
        kind, body = self.desks[key].quote([said for said in peer.heard if said.kind == "R"][-1])
        peer.say(kind, flat(body))
        peer.still_answered()

    def declines(self, key: str, request: str) -> None:
        bond = [(146, "1"), (55, "[N/A]"), (48, ISIN), (22, "4")]
        self.peers[key].say("AG", [(131, request), (658, "9"), *bond, (60, utc_now())])
        self.peers[key].still_answered()

    def close(self) -> None:
        self.daemon.end()
        for listener in self._listeners.values():
            listener.close()


@pytest.fixture
def market(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Market]:
    monkeypatch.setitem(interop_daemon.LEIS, "cedar", "0000DEMOCEDAR0000080")
    run_dir = Path(tempfile.mkdtemp(prefix="rfq-"))
    made = Market(tmp_path, run_dir)
    yield made
    made.close()
    shutil.rmtree(run_dir)


def test_the_best_live_quote_is_taken_in_whatever_order_sessions_come_back(market: Market) -> None:
    """Six kills, one for each order in which three dealers can log on again: nothing is thrown away or bought worse."""
    market.start(*DEALERS, "marks")
    market.oms()
    comings = list(itertools.permutations(DEALERS))
    for number, coming in enumerate(comings, 1):
        oms = market.peers["oms"]
        oms.say("D", order(f"A-{number}", ISIN, 100_000 * number))
        requests = {key: market.peers[key].expect(number if number == 1 else 1, t35="R")[131] for key in DEALERS}
        market.quotes("alder")
        market.quotes("birch")
        market.kill()
        market.start()
        for key in coming:
            market.accept(key)
            if key == "cedar":
                market.declines("cedar", requests["cedar"])
        taken = market.peers["birch"].expect(t35="D")
        for kind, body in market.desks["birch"].answer(taken):
            market.peers["birch"].say(kind, flat(body))
        market.oms().expect(t150="F", t11=f"A-{number}")
        market.accept("marks")
    assert not [said for said in market.peers["alder"].heard if said.kind == "D"]
    assert market.daemon.stop() == 0
    found = count(market.desk.journal)
    assert (found.lives, found.rounds, found.thrown_away) == (len(comings) + 1, 0, [])
    assert not market.daemon.complaints


def test_an_order_that_comes_before_them_is_asked_of_all(market: Market) -> None:
    market.start()
    oms = market.oms()
    market.accept("marks")
    oms.say("D", order("A-1", ISIN, 1_000_000))
    oms.expect(t150="0")
    for key in ("cedar", "alder"):
        market.accept(key).still_answered()
    assert not [said for key in ("cedar", "alder") for said in market.peers[key].heard if said.kind == "R"]
    market.accept("birch")
    for key in DEALERS:
        market.peers[key].expect(t35="R")
    assert market.daemon.stop() == 0
