"""Whoever floods, drips, never reads or asks for everything again: the real daemon's memory stays where it was, and a
session beside it hears its heartbeats in time.

Hostile connections come from 127.0.0.2, so that what keeps them out by their address is theirs alone.
"""

from __future__ import annotations

import contextlib
import shutil
import socket
import ssl
import tempfile
import threading
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from builders.certificates import Authority
from builders.sent_reports import write_sent_reports
from interop_daemon import Desk, Peer, Rfqd
from interop_link import PATIENCE_S, Board, free_port
from interop_raw import Fields, RawPeer
from interop_wire import make, utc_now

HOST, ELSEWHERE = "127.0.0.1", "127.0.0.2"
HEART_BT_INT_S = 2
REPORTS = 20_000
MIB = 1024 * 1024
GROWTH_MAX = 48 * MIB
"""What the daemon may grow by under any of this: far below what is sent at it or asked of it."""
WRITE_TIMEOUT_S = 4.0
"""Twice the heartbeat interval: a peer that begins to read with the next heartbeat has not used it up."""
PIECE_BYTES = 65_536
PULSE_S = 0.05


class Stamped:
    """A socket that notes when bytes came."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self.at_s: list[float] = [time.monotonic()]

    def recv(self, size: int) -> bytes:
        data = self._connection.recv(size)
        self.at_s.append(time.monotonic())
        return data

    def sendall(self, data: bytes) -> None:
        self._connection.sendall(data)

    def shutdown(self, how: int) -> None:
        self._connection.shutdown(how)

    def close(self) -> None:
        self._connection.close()


class Pulse:
    """When this machine let its programs run: a thread that would like to every 50 ms notes when it did."""

    def __init__(self) -> None:
        self._at_s = [time.monotonic()]
        self._ended = threading.Event()
        threading.Thread(target=self._beat, daemon=True).start()

    def stopped_s(self, begin_s: float, end_s: float) -> float:
        """For how long it did not, between these times."""
        gaps = pairwise([*self._at_s, time.monotonic()])
        return sum(b - a - PULSE_S for a, b in gaps if b - a > 2 * PULSE_S and b > begin_s and a < end_s)

    def end(self) -> None:
        self._ended.set()

    def _beat(self) -> None:
        while not self._ended.wait(PULSE_S):
            self._at_s.append(time.monotonic())


class Witness:
    """A session beside all of it, and when it heard something."""

    def __init__(self, port: int) -> None:
        self.pulse = Pulse()
        connection = socket.create_connection((HOST, port), PATIENCE_S)
        connection.settimeout(None)
        self._stamped = Stamped(connection)
        self.peer = RawPeer(self._stamped, "DROPCOPY")  # type: ignore[arg-type]
        self.peer.say("A", [(98, "0"), (108, str(HEART_BT_INT_S)), (141, "Y")])
        self.peer.expect(t35="A")

    def beats(self, times: int) -> None:
        """Wait until so many more heartbeats have come."""
        before = len(self._stamped.at_s)
        Board().until("the witness to hear its heartbeats", lambda: len(self._stamped.at_s) >= before + times)

    @property
    def gap_s(self) -> float:
        """The longest silence it had to bear, but for what nobody had while the machine stood still."""
        at_s = [*self._stamped.at_s, time.monotonic()]
        return max(later - earlier - self.pulse.stopped_s(earlier, later) for earlier, later in pairwise(at_s))


class Caller:
    """A hostile connection. What comes back is read and counted by a thread, if it is read at all."""

    def __init__(
        self,
        port: int,
        comp_id: str = "OMS",
        *,
        reads: bool = True,
        source: str = ELSEWHERE,
        context: ssl.SSLContext | None = None,
    ) -> None:
        self._comp_id = comp_id
        self.socket = socket.socket()
        if not reads:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.socket.bind((source, 0))
        self.socket.settimeout(PATIENCE_S)
        self.socket.connect((HOST, port))
        if context is not None:
            self.socket = context.wrap_socket(self.socket, server_hostname=HOST)
        self.heard = bytearray()
        self.heard_bytes = 0
        self.over = False
        self._board = Board()
        if reads:
            self.read()

    def read(self) -> None:
        threading.Thread(target=self._listen, daemon=True).start()

    def frame(self, kind: str, number: int, body: Fields = ()) -> bytes:
        head = [(35, kind), (34, str(number)), (49, self._comp_id), (52, utc_now()), (56, "BUYSIDE")]
        return make([*head, *body])

    def send(self, data: bytes) -> bool:
        """False once the daemon has ended it; it may take its time, a piece at a time."""
        whole = memoryview(data)
        try:
            for at in range(0, len(data), PIECE_BYTES):
                self.socket.sendall(whole[at : at + PIECE_BYTES])
        except OSError:
            return False
        return True

    def until_heard(self, data: bytes, times: int = 1) -> None:
        """However long it takes, as long as more of it comes."""
        while (heard := self.heard.count(data)) < times:
            more = f"more than {heard} of {times} x {data!r}"
            self._board.until(more, lambda before=heard: self.heard.count(data) > before)  # type: ignore[misc]

    def until_over(self) -> None:
        self._board.until("the connection to be ended", lambda: self.over)

    def close(self) -> None:
        self.socket.close()

    def _listen(self) -> None:
        with contextlib.suppress(OSError):
            while data := self.socket.recv(MIB):
                self.heard += data
                self.heard_bytes += len(data)
                self._board.tell()
        self.over = True
        self._board.tell()


class Daemon:
    """The daemon, its witness, and how much it has grown."""

    def __init__(self, desk: Desk, rfqd: Rfqd, witness: Witness) -> None:
        self.desk, self.rfqd, self.witness = desk, rfqd, witness
        self._began = self.resident_bytes

    @property
    def port(self) -> int:
        return self.desk.fix_port

    @property
    def resident_bytes(self) -> int:
        status = Path(f"/proc/{self.rfqd.pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0]) * 1024

    @property
    def descriptors(self) -> int:
        return len(list(Path(f"/proc/{self.rfqd.pid}/fd").iterdir()))

    def is_unharmed(self) -> None:
        """As it was: the witness is answered and has not waited, and the memory is where it was."""
        self.witness.peer.still_answered()
        assert self.witness.gap_s < 2.4 * HEART_BT_INT_S, "a peer would have hung up"
        assert self.resident_bytes - self._began < GROWTH_MAX

    def logged_on(self, *, reads: bool = True) -> Caller:
        """The OMS, from where it usually comes; with `reads` False it reads its Logon(A) and nothing more."""
        caller = Caller(self.port, reads=reads, source=HOST)
        assert caller.send(caller.frame("A", 1, [(98, "0"), (108, "30"), (141, "Y")]))
        if reads:
            caller.until_heard(b"\x0135=A\x01")
        else:
            assert b"\x0135=A\x01" in caller.socket.recv(1024)
        return caller


@contextlib.contextmanager
def running(folder: Path, reports: int = 0, tls: str = "") -> Iterator[Daemon]:
    """With a journal of so many reports to the OMS, and lines for a table [fix.tls]."""
    run_dir = Path(tempfile.mkdtemp(prefix="rfq-"))
    fix = f"write_timeout_s = {WRITE_TIMEOUT_S}\nlogon_timeout_s = 2.0\noutgoing_bytes_max = 1_048_576"
    desk = Desk(
        folder,
        run_dir,
        free_port(),
        [Peer("oms", "oms"), Peer("dropcopy", "dropcopy"), Peer("alder", "dealer", free_port())],
        more={"fix": fix, "journal": 'durability = "normal"'},
    )
    if tls:
        desk.more["fix.tls"] = tls
    if reports:
        write_sent_reports(desk.journal, "oms", "OMS", reports)
    rfqd = Rfqd(desk.write())
    try:
        rfqd.start()
        witness = Witness(desk.fix_port)
        yield Daemon(desk, rfqd, witness)
        witness.pulse.end()
        assert rfqd.stop() == 0
        assert not rfqd.complaints
    finally:
        rfqd.end()
        shutil.rmtree(run_dir)


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    with running(tmp_path_factory.mktemp("load")) as made:
        yield made


@pytest.mark.parametrize("count", [5_000, pytest.param(200_000, marks=pytest.mark.full)])
def test_a_flood_of_messages_is_answered_and_harms_nobody(daemon: Daemon, count: int) -> None:
    caller = daemon.logged_on()
    flood = b"".join(caller.frame("1", number, [(112, "T")]) for number in range(2, count + 2))
    assert caller.send(flood)
    caller.until_heard(b"\x01112=T\x01", count)
    daemon.is_unharmed()
    caller.send(caller.frame("5", count + 2))
    caller.until_over()


def test_a_flood_whose_answers_nobody_reads_ends_at_the_bound(daemon: Daemon) -> None:
    caller = daemon.logged_on(reads=False)
    number, name = 1, "x" * 8_000
    while caller.send(b"".join(caller.frame("1", number := number + 1, [(112, name)]) for _ in range(10))):
        assert number < 20_000, "8 KiB each"
    line = daemon.rfqd.until_said("reason=slow_consumer")
    assert "bytes unsent" in line
    daemon.is_unharmed()
    caller.close()


@pytest.mark.parametrize("logged_on", [pytest.param(True, id="logged on"), pytest.param(False, id="a stranger")])
@pytest.mark.parametrize(
    ("piece", "said"),
    [
        pytest.param(b"\x00noise\xff" * (MIB // 7), "", id="noise"),
        pytest.param(b"8=FIX.4.4\x019=60000\x0135=B\x01148=" + b"x" * MIB, "no end of message", id="one without end"),
        pytest.param(b"8=FIX.4.4\x019=900000000\x0135=B\x01" + b"x" * MIB, "is more than the", id="a huge length"),
    ],
)  # fmt: skip
def test_a_hundred_megabytes_without_a_message(daemon: Daemon, piece: bytes, said: str, logged_on: bool) -> None:
    """A stranger is closed after its first few bytes; a session hears why it ends, and noise is passed over."""
    caller = daemon.logged_on() if logged_on else Caller(daemon.port)
    going = True
    for _ in range(100):
        going = going and caller.send(piece)
    if logged_on and not said:
        assert going
        caller.send(caller.frame("1", 2, [(112, "STILL")]) + caller.frame("5", 3))
        caller.until_heard(b"\x01112=STILL\x01")
    caller.until_over()
    assert bool(caller.heard) is logged_on
    assert not logged_on or said.encode() in caller.heard
    daemon.is_unharmed()


def test_a_flood_of_garbage_that_looks_like_messages(daemon: Daemon) -> None:
    """Each of it is counted and none of it kept."""
    caller = daemon.logged_on()
    assert caller.send(b"8=FIX" * 20_000)
    assert caller.send(b"=\x01" + caller.frame("1", 2, [(112, "STILL")]) + caller.frame("5", 3))
    caller.until_heard(b"\x01112=STILL\x01")
    caller.until_over()
    daemon.is_unharmed()


@pytest.mark.parametrize("again", [0, *(pytest.param(n, marks=pytest.mark.full) for n in range(1, 6))])
def test_a_thousand_connections_leave_no_trace(daemon: Daemon, again: int) -> None:
    before = daemon.descriptors
    callers = [Caller(daemon.port, reads=False) for _ in range(1000)]
    daemon.rfqd.until_said("are open from there, fix.connections_per_address_max")
    daemon.is_unharmed()
    oms = daemon.logged_on()
    oms.send(oms.frame("5", 2))
    oms.until_over()
    for caller in callers:
        caller.close()
    Board().until("all of them to be over", lambda: daemon.descriptors <= before)
    daemon.is_unharmed()


def test_strangers_that_drip_are_closed_in_the_time_for_a_logon(daemon: Daemon) -> None:
    """A byte every tenth of a second: each is something, and none of it is a Logon(A)."""
    callers = [Caller(daemon.port, source="127.0.0.3") for _ in range(5)]
    logon = callers[0].frame("A", 1, [(98, "0"), (108, "30")])
    said, pace = 0, threading.Event()
    while not all(caller.over for caller in callers):
        for caller in callers:
            caller.send(logon[said : said + 1])
        said += 1
        assert said < len(logon) - 1, "they were let in"
        pace.wait(0.1)
    assert not any(caller.heard for caller in callers)
    daemon.is_unharmed()


# --- a resend of everything ------------------------------------------------------------------------


def everything_again(daemon: Daemon, reports: int, port: int, context: ssl.SSLContext | None = None) -> None:
    """Twice: by a peer that begins to read late, and again by one that never does."""
    asks = Caller(port, reads=False, source=HOST, context=context)
    asks.send(asks.frame("A", 1, [(98, "0"), (108, "30")]) + asks.frame("2", 2, [(7, "1"), (16, "0")]))
    daemon.witness.beats(1)
    daemon.is_unharmed()
    seen = Reader(asks.socket, reports)
    seen.read()
    assert seen.numbers == reports
    daemon.is_unharmed()
    asks.send(asks.frame("1", 3, [(112, "HERE")]))
    seen.until(b"\x01112=HERE\x01")
    for number, begin in enumerate(range(1, 12), 4):
        asks.send(asks.frame("2", number, [(7, str(begin)), (16, "0")]))
    line = daemon.rfqd.until_said("reason=slow_consumer")
    assert "took nothing for" in line
    daemon.is_unharmed()
    asks.close()


class Reader:
    """Takes reports off a socket and looks that their numbers go on without a gap, each once."""

    def __init__(self, connection: socket.socket, reports: int) -> None:
        self._connection = connection
        self._rest = b""
        self._reports = reports
        self.numbers = 0

    def read(self) -> None:
        """Until the last report of the resend is here."""
        while self.numbers < self._reports:
            self._take()

    def until(self, data: bytes) -> None:
        while data not in self._rest:
            self._rest += self._connection.recv(MIB)

    def _take(self) -> None:
        data = self._connection.recv(MIB)
        assert data, "it was hung up on"
        *whole, self._rest = (self._rest + data).split(b"8=FIX.4.4\x01")
        for message in whole:
            if b"\x0135=8\x01" in message:
                self.numbers += 1
                assert f"\x0134={self.numbers}\x0143=Y\x01".encode() in message
        if b"\x0110=" in self._rest and self._rest.endswith(b"\x01"):
            self._rest, last = b"", self._rest
            if b"\x0135=8\x01" in last:
                self.numbers += 1
                assert f"\x0134={self.numbers}\x0143=Y\x01".encode() in last


def test_a_resend_of_everything_goes_as_fast_as_it_is_read(tmp_path: Path) -> None:
    with running(tmp_path, REPORTS) as daemon:
        everything_again(daemon, REPORTS, daemon.port)


@pytest.mark.full
def test_a_resend_of_everything_over_tls(tmp_path: Path) -> None:
    authority, port = Authority(tmp_path / "tls"), free_port()
    issued = authority.issue(HOST)
    tls = f'listen_port = {port}\ncertificate = "{issued.certificate}"\nkey = "{issued.key}"'
    with running(tmp_path / "rfqd", 3 * REPORTS, tls) as daemon:
        everything_again(daemon, 3 * REPORTS, port, ssl.create_default_context(cafile=str(authority.ca)))


@pytest.mark.full
def test_a_resend_of_a_million_messages(tmp_path: Path) -> None:
    with running(tmp_path, 1_000_000) as daemon:
        everything_again(daemon, 1_000_000, daemon.port)
        assert daemon.witness.gap_s <= 1.2 * HEART_BT_INT_S
