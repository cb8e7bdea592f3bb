"""The one client of all acceptors: a blocking socket, orders spelt before the clock starts, answers counted."""

from __future__ import annotations

import contextlib
import os
import random
import select
import socket
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Final, Self

from benchmarks.acceptors.answering import BEGIN_STRING, OURS, THEIRS
from benchmarks.messages import Field, order_fields, stamp, wire

SCRIPTS: Final = Path(__file__).resolve().parents[1]
START_TIMEOUT_S: Final = 30.0
ANSWER_TIMEOUT_S: Final = 30.0
_REPORT: Final = b"\x0135=8\x01"


class Unanswered(Exception):
    """A server that does not start or does not answer: its line says so, the others go on."""


class Daemon:
    """A Python module as a process, its log in `folder`; ended with the block."""

    def __init__(self, arguments: list[str], folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._log = folder / "log"
        path = os.pathsep.join(filter(None, [str(SCRIPTS), os.environ.get("PYTHONPATH")]))
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", *arguments],
                stdout=subprocess.PIPE,
                stderr=log,
                env={**os.environ, "PYTHONPATH": path},
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    @property
    def log(self) -> str:
        return self._log.read_text(errors="replace")

    @property
    def private_bytes(self) -> int:
        """Resident memory of its own: without mapped files, of which SQLite's index of its log is one."""
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        return int(status.partition("RssAnon:")[2].split()[0]) * 1024

    @property
    def processor_s(self) -> float:
        """Processor time of all its threads so far."""
        threads = Path(f"/proc/{self._process.pid}/task").glob("*/schedstat")
        return sum(int(thread.read_text().split()[0]) for thread in threads) / 1e9

    def said(self) -> str:
        """The end of its log."""
        return self.log[-2000:]


class Server(Daemon):
    """An acceptor: prints `port N` on its first line."""

    def __init__(self, arguments: list[str], folder: Path) -> None:
        super().__init__(arguments, folder)
        assert self._process.stdout is not None
        ready, _, _ = select.select([self._process.stdout], [], [], START_TIMEOUT_S)
        line = self._process.stdout.readline().decode() if ready else ""
        if not line.startswith("port "):
            self.close()
            raise Unanswered(f"did not start: {self.said()}")
        self.port = int(line.split()[1])


class Trader:
    """A logged-on FIX session; `trader.rate(...)` and `trader.latencies(...)` measure with it."""

    def __init__(self, port: int, ours: str = THEIRS, theirs: str = OURS) -> None:
        self._socket = _connected(port)
        self._ids: tuple[Field, Field] = ((49, ours), (56, theirs))
        self._seq_num = 0
        self._orders = 0
        self._tail = b""
        self._socket.sendall(self._message("A", [(98, 0), (108, 30), (141, "Y")]))
        answer = self._socket.recv(65_536)
        if b"\x0135=A\x01" not in answer:
            raise Unanswered(f"did not log on: {answer!r}")

    def close(self) -> None:
        self._socket.close()

    def latencies(self, count: int) -> list[float]:
        """Seconds from an order to its answer, `count` times, one outstanding."""
        frames = self._frames(count)
        found = []
        for frame in frames:
            began = time.perf_counter()
            self._socket.sendall(frame)
            self._answers(1)
            found.append(time.perf_counter() - began)
        return found

    def rate(self, count: int, outstanding: int) -> float:
        """Orders answered a second with `outstanding` on their way."""
        frames = self._frames(count)
        began = time.perf_counter()
        self._socket.sendall(b"".join(frames[:outstanding]))
        sent, answered = min(outstanding, count), 0
        while answered < count:
            came = self._answers(1)
            answered += came
            if sent < count:
                self._socket.sendall(b"".join(frames[sent : sent + came]))
                sent = min(count, sent + came)
        return count / (time.perf_counter() - began)

    def paced(self, rate: int, count: int) -> list[float]:
        """Seconds from when an order was due to its answer, `rate` orders a second, whatever is unanswered.

        From when it was due, not from when it left: a server that falls behind makes the client wait, and that counts.
        """
        frames = self._frames(count)
        found: list[float] = []
        sent = 0
        self._socket.setblocking(False)
        try:
            began = last = time.perf_counter()
            while len(found) < count:
                now = time.perf_counter()
                due = min(count, int((now - began) * rate) + 1)
                if sent < due:
                    self._send(b"".join(frames[sent:due]))
                    sent = due
                if select.select([self._socket], [], [], 0 if sent < count else 0.05)[0]:
                    came, last = self._answers(1), time.perf_counter()
                    found += [last - (began + number / rate) for number in range(len(found), len(found) + came)]
                elif now - last > ANSWER_TIMEOUT_S:
                    raise Unanswered("no answer in time")
        finally:
            self._socket.settimeout(ANSWER_TIMEOUT_S)
        return found

    def _send(self, data: bytes) -> None:
        """All of it over a socket that does not block."""
        while data:
            try:
                data = data[self._socket.send(data) :]
            except BlockingIOError:
                select.select([], [self._socket], [], ANSWER_TIMEOUT_S)

    def _frames(self, count: int) -> list[bytes]:
        first = self._orders
        self._orders += count
        return [self._message("D", order_fields(number)) for number in range(first, first + count)]

    def _message(self, msg_type: str, body: list[Field]) -> bytes:
        self._seq_num += 1
        sender, target = self._ids
        return wire(BEGIN_STRING, [(35, msg_type), (34, self._seq_num), sender, (52, stamp()), target, *body])

    def _answers(self, wanted: int) -> int:
        """Read until at least `wanted` answers have begun to come; how many did."""
        came = 0
        while came < wanted:
            try:
                data = self._socket.recv(262_144)
            except TimeoutError:
                raise Unanswered("no answer in time") from None
            except BlockingIOError:
                break
            if not data:
                raise Unanswered("the connection was closed")
            whole = self._tail + data
            came += whole.count(_REPORT)
            self._tail = whole[-(len(_REPORT) - 1) :]
        return came


def percentile_ms(latencies: list[float], share: float) -> float:
    """The value that `share` of all do not exceed."""
    return sorted(latencies)[min(len(latencies) - 1, int(len(latencies) * share))] * 1e3


def median_us(latencies: list[float]) -> float:
    return statistics.median(latencies) * 1e6


def free_port() -> int:
    """A port nobody listens on just now, below those the system gives to outgoing connections: nobody takes it soon."""
    while True:
        port = random.randrange(20_000, 32_000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def _connected(port: int) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port), timeout=ANSWER_TIMEOUT_S)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection
