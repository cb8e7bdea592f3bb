"""What leaves right behind our Logon(A) lies above the gap that the peer asks for, and is filled over with it.

The real program: an acceptance, what was asked about it and a subscription are lost with a connection. The peer logs
on, asks for what it lacks, and drops what stood above it, as engines do. It has to hear all of it again.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from interop_daemon import ISIN, Desk, Peer, Rfqd
from interop_link import free_port
from interop_market import DealerDesk, cancel, order
from interop_raw import Fields, RawListener, RawPeer
from interop_wire import Body, Said, utc_now


@pytest.fixture
def listeners() -> Iterator[dict[str, RawListener]]:
    made = {name: RawListener(name.upper()) for name in ("alder", "marks")}
    yield made
    for listener in made.values():
        listener.close()


@pytest.fixture
def desk(tmp_path: Path, listeners: dict[str, RawListener]) -> Iterator[Desk]:
    run_dir = Path(tempfile.mkdtemp(prefix="rfq-"))
    peers = [Peer("oms", "oms"), *(Peer(key, "dealer", listeners[key].port) for key in ("alder",))]
    peers.append(Peer("marks", "market", listeners["marks"].port))
    yield Desk(tmp_path, run_dir, free_port(), peers)
    shutil.rmtree(run_dir)


@pytest.fixture
def daemon(desk: Desk) -> Iterator[Rfqd]:
    running = Rfqd(desk.write())
    running.start()
    yield running
    running.end()


def flat(body: Body) -> list[tuple[int, str]]:
    return [(tag, value) for tag, value in body if isinstance(value, str)]


def quoted(marks: RawPeer, asked: Said) -> None:
    """The answer to a subscription: one price of the bond."""
    sides: Fields = [(268, "2"), (269, "0"), (270, "99.45"), (269, "1"), (270, "99.55")]
    marks.say("W", [(262, asked[262]), (55, "[N/A]"), (48, ISIN), (22, "4"), *sides])


def resent(peer: RawPeer, begin: int) -> tuple[Said, int]:
    """Have everything from `begin` on sent again: the gap fill over it, and the number that it leads to."""
    peer.say("2", [(7, str(begin)), (16, "0")])
    fill = peer.expect(t35="4", t34=str(begin))
    assert (fill[123], fill[43]) == ("Y", "Y")
    return fill, int(fill[36])


def test_the_peers_hear_it_again(desk: Desk, daemon: Rfqd, listeners: dict[str, RawListener]) -> None:
    alder, marks = listeners["alder"].accept(), listeners["marks"].accept()
    quoted(marks, marks.expect(t35="V"))
    oms = RawPeer.dial(desk.fix_port, "OMS").logon()
    oms.say("D", order("A-1", ISIN, 1_000_000))
    dealer = DealerDesk("alder")
    alder.say("S", flat(dealer.quote(alder.expect(t35="R"))[1]))
    lost = int(alder.expect(t35="D")[34])
    oms.say("F", flat(cancel("C-1", "A-1", ISIN, 1_000_000)))
    alder.expect(t35="F")
    for peer in (alder, marks):
        peer.close()

    again = listeners["alder"].accept(alder.next_out)
    at_logon = {kind: int(again.expect(t35=kind)[34]) for kind in ("H", "F")}
    _, begins_at = resent(again, lost)
    assert begins_at > max(at_logon.values()), "they were filled over"
    asked = again.expect(t35="H", t34=str(begins_at))
    again.expect(t35="F", t34=str(begins_at + 1))
    again.still_answered()
    assert [said[34] for said in again.heard if said.kind == "H"] == [str(at_logon["H"]), str(begins_at)]

    priced = listeners["marks"].accept(marks.next_out)
    first = priced.expect(t35="V")
    _, begins_at = resent(priced, 2)
    assert begins_at > int(first[34])
    anew = priced.expect(t35="V", t34=str(begins_at))
    assert (anew[262] != first[262], anew.all(48)) == (True, first.all(48))
    priced.still_answered()
    assert len([said for said in priced.heard if said.kind == "V"]) == 2, "what was asked for before is over"

    # The dealer never saw the order: it is over, and so is what it was of.
    unknown = [(37, "NONE"), (17, "0"), (11, asked[11]), (150, "I"), (39, "8"), (55, "[N/A]"), (48, ISIN), (22, "4")]
    zero = [(54, "1"), (38, "0"), (151, "0"), (14, "0"), (6, "0"), (103, "5"), (60, utc_now())]
    again.say("8", [*unknown, *zero])
    oms.expect(t35="8", t150="4")
    assert not daemon.complaints
    assert daemon.stop() == 0
