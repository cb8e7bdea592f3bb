"""Order in to the first QuoteRequest(R) out, through the whole daemon: 50 dealers, 50 rules, a drop copy listening.

The daemon is the shipped one, on an installation of the size measured. The other side speaks bare FIX over sockets:
an OMS that sends one order at a time, a drop copy that reads, and dealers that decline what they are asked, so that
rounds end and the next order finds the desk as the last one did.
"""

from __future__ import annotations

import contextlib
import selectors
import socket
import tempfile
import time
from pathlib import Path
from typing import Final, Self

from benchmarks import house
from benchmarks.client import (
    ANSWER_TIMEOUT_S,
    START_TIMEOUT_S,
    Daemon,
    Server,
    Trader,
    Unanswered,
    free_port,
    median_us,
)
from benchmarks.installation import DESK, DROP_COPY, OMS, install
from benchmarks.measuring import Effort, Line, medians, say
from benchmarks.messages import Field, field_of, frames_in, order_fields, stamp, wire

DEALERS: Final = 50
BEGIN_STRING: Final = "FIX.4.4"
ORDERS: Final = 60
WARM_UP: Final = 40


def measure(effort: Effort) -> list[Line]:
    lines = []
    for durability in ("normal", "full"):
        try:
            found = _measured(durability, effort)
        except Unanswered as error:
            say(f"trading desk, {durability}: {error}")
            continue
        what = f"order to first request, {DEALERS} dealers, {house.RULES} rules"
        peer = "our session's round trip"
        lines.append(Line(what, "us", found["desk"], peer, found["session"], 2.5, durability))
    return lines


def _measured(durability: str, effort: Effort) -> dict[str, float]:
    """Microseconds from an order to the first request, and from an order to its answer where there is no desk."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=128))
        port = free_port()
        dealers_port = listener.getsockname()[1]
        config = install(folder, DEALERS, durability=durability, port=port, dealers_port=dealers_port)
        daemon = stack.enter_context(Daemon(["engine", "--config", str(config), "run"], folder))
        street = stack.enter_context(Street(listener))
        session = stack.enter_context(Server(["benchmarks.acceptors", "ours", str(folder), durability], folder))
        trader = Trader(session.port)
        stack.callback(trader.close)
        try:
            street.meet(DEALERS)
            street.log_on(port)
            for _ in range(WARM_UP):
                street.trade()
            trader.latencies(WARM_UP)
            rounds = []
            for _ in range(effort.rounds):
                desk = [street.trade() for _ in range(ORDERS)]
                rounds.append({"desk": median_us(desk), "session": median_us(trader.latencies(ORDERS))})
        except (OSError, Unanswered) as error:
            raise Unanswered(f"{error}; the daemon said: {daemon.said()}") from error
    return medians(rounds)


class _Connection:
    """One connection: numbers out, bytes that are no whole message yet."""

    __slots__ = ("next_out", "peer", "rest", "socket", "us")

    def __init__(self, connection: socket.socket, us: str = "", peer: str = "") -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.settimeout(ANSWER_TIMEOUT_S)
        self.socket = connection
        self.us, self.peer = us, peer
        self.next_out = 1
        self.rest = b""

    def send(self, msg_type: str, body: list[Field]) -> None:
        self.socket.sendall(self.spell(msg_type, body))

    def spell(self, msg_type: str, body: list[Field]) -> bytes:
        header: list[Field] = [(35, msg_type), (34, self.next_out), (49, self.us), (52, stamp()), (56, self.peer)]
        self.next_out += 1
        return wire(BEGIN_STRING, [*header, *body])

    def receive(self) -> list[bytes]:
        data = self.socket.recv(262_144)
        if not data:
            raise Unanswered(f"the daemon closed {self.us or 'a connection'}")
        whole, self.rest = frames_in(self.rest + data)
        return whole


class Street:
    """Everybody around the desk, in one thread."""

    def __init__(self, listener: socket.socket, heart_bt_int_s: int = 30) -> None:
        self._listener = listener
        self._heart_bt_int_s = heart_bt_int_s
        self._selector = selectors.DefaultSelector()
        self._lines: list[_Connection] = []
        self._orders = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for line in self._lines:
            line.socket.close()
        self._selector.close()

    def meet(self, dealers: int) -> None:
        """Take every dealer's connection and answer its Logon(A)."""
        self._listener.settimeout(START_TIMEOUT_S)
        for _ in range(dealers):
            line = self._add(_Connection(self._listener.accept()[0]))
            frame = line.receive()[0]
            line.us, line.peer = field_of(frame, 56), field_of(frame, 49)
            line.send("A", [(98, 0), (108, self._heart_bt_int_s)])

    def log_on(self, port: int) -> None:
        """The OMS and the drop copy come."""
        for name in (DROP_COPY, OMS):
            connection = socket.create_connection(("127.0.0.1", port), timeout=START_TIMEOUT_S)
            line = self._add(_Connection(connection, name, DESK))
            line.send("A", [(98, 0), (108, self._heart_bt_int_s)])
            if not any(field_of(frame, 35) == "A" for frame in line.receive()):
                raise Unanswered(f"{name} could not log on")
        self._oms = line

    def trade(self) -> float:
        """One order: seconds to the first request; afterwards every dealer that was asked declines."""
        self._orders += 1
        quantity = int(house.QUANTITY) + 1_000 * (self._orders % 500)
        order = self._oms.spell("D", order_fields(self._orders, house.isin(1 + self._orders % house.BONDS), quantity))
        began = time.perf_counter()
        self._oms.socket.sendall(order)
        took, asked = 0.0, 0
        while asked < 3:
            for line, frame in self._arrived():
                msg_type = field_of(frame, 35)
                if msg_type == "R":
                    took = took or time.perf_counter() - began
                    asked += 1
                    self._decline(line, frame)
                elif msg_type == "8" and field_of(frame, 39) == "8":
                    raise Unanswered(f"the order was refused: {field_of(frame, 58)}")
        self._settle()
        return took

    def _decline(self, line: _Connection, request: bytes) -> None:
        entry: list[Field] = [(146, 1), (55, "[N/A]"), (48, field_of(request, 48)), (22, "4")]
        line.send("AG", [(131, field_of(request, 131)), (658, 5), *entry])

    def _settle(self) -> None:
        """Wait until the desk has nothing left to do: it answers a TestRequest(1) after everything before."""
        for _ in range(2):
            self._oms.send("1", [(112, "settled")])
            while not any(
                line is self._oms and field_of(frame, 35) == "0" and field_of(frame, 112) == "settled"
                for line, frame in self._arrived()
            ):
                pass

    def _arrived(self) -> list[tuple[_Connection, bytes]]:
        """What came over any line, heartbeats and test requests answered."""
        ready = self._selector.select(ANSWER_TIMEOUT_S)
        if not ready:
            raise Unanswered("the daemon is silent")
        found = []
        for key, _ in ready:
            line: _Connection = key.data
            for frame in line.receive():
                found.append((line, frame))
                if field_of(frame, 35) == "1":
                    line.send("0", [(112, field_of(frame, 112))])
        return found

    def _add(self, line: _Connection) -> _Connection:
        self._lines.append(line)
        self._selector.register(line.socket, selectors.EVENT_READ, line)
        return line
