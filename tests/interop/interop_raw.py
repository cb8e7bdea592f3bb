"""A counterparty without an engine: says exactly what a test tells it to, right or wrong."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterable
from typing import Self

from interop_link import PATIENCE_S, Board
from interop_wire import Said, frames, make, read, utc_now

Fields = Iterable[tuple[int, str]]


class RawPeer:
    """One connection to the daemon. Numbers its messages, answers TestRequests, keeps everything that comes."""

    def __init__(
        self, connection: socket.socket, comp_id: str, next_out: int = 1, now: Callable[[], str] = utc_now
    ) -> None:
        self._connection = connection
        self._now = now
        self._comp_id = comp_id
        self._board = Board()
        self._saying = threading.Lock()
        self.next_out = next_out
        self.heard: list[Said] = []
        self.heard_at_s: list[float] = []
        """When each of them had come, by the monotonic clock."""
        self.said: dict[int, str] = {}
        """MsgType(35) by number of what it has said."""
        self.over = False
        self.is_mute = False
        """It reads, and answers no TestRequest."""
        threading.Thread(target=self._listen, daemon=True).start()

    @classmethod
    def dial(cls, port: int, comp_id: str, now: Callable[[], str] = utc_now) -> Self:
        connection = socket.create_connection(("127.0.0.1", port), PATIENCE_S)
        connection.settimeout(None)
        return cls(connection, comp_id, now=now)

    def logon(self, **changed: str | None) -> Self:
        """Log on with a reset of both numbers and wait for the answer."""
        self.say("A", [(98, "0"), (108, "30"), (141, "Y")], **changed)
        self.expect(t35="A", t141="Y")
        return self

    def logon_refused(self) -> bool:
        """Try to log on; was the connection closed without a word?"""
        self.say("A", [(98, "0"), (108, "30")])
        return not self.expect_end()

    def say(self, kind: str, body: Fields = (), **changed: str | None) -> int:
        """Send a message under the next number; `t52=...` replaces a header field, None leaves it out. The number."""
        # The test says something, and the thread that listens answers a TestRequest(1): each under its own number.
        with self._saying:
            number = self.next_out
            self.send(self.frame(kind, body, number, **changed))
            self.said[number] = kind
            self.next_out += 1
            return number

    def frame(self, kind: str, body: Fields, number: int, **changed: str | None) -> bytes:
        header: dict[int, str | None] = {
            35: kind, 34: str(number), 49: self._comp_id, 52: self._now(), 56: "BUYSIDE"
        }  # fmt: skip
        header |= {int(name[1:]): value for name, value in changed.items()}
        return make([*((tag, value) for tag, value in header.items() if value is not None), *body])

    def send(self, data: bytes) -> None:
        self._connection.sendall(data)

    def expect(self, times: int = 1, **wanted: str | None) -> Said:
        """The `times`-th message with these values."""

        def found() -> Said | None:
            fitting = [said for said in self.heard if said.has(**wanted)]
            return fitting[times - 1] if len(fitting) >= times else None

        return self._board.until(f"{self._comp_id} to hear {wanted}", found)

    def expect_end(self) -> list[Said]:
        """Everything heard on this connection, once the daemon has closed it."""
        self._board.until("the connection to be closed", lambda: self.over)
        return self.heard

    def still_answered(self) -> None:
        """The session lives: a TestRequest(1) is answered."""
        name = f"STILL-{self.next_out}"
        self.say("1", [(112, name)])
        self.expect(t35="0", t112=name)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)
        self._connection.close()

    def _listen(self) -> None:
        buffer = bytearray()
        with contextlib.suppress(OSError):
            while data := self._connection.recv(65_536):
                buffer += data
                for frame in frames(buffer):
                    said = read(frame)
                    self.heard_at_s.append(time.monotonic())
                    self.heard.append(said)
                    if said.kind == "1" and not self.is_mute:
                        # What the daemon said before it hung up is heard all the same.
                        with contextlib.suppress(OSError):
                            self.say("0", [(112, said[112])])
                self._board.tell()
        self.over = True
        self._board.tell()


class RawListener:
    """A port where the daemon finds a `RawPeer` that has answered its Logon(A)."""

    def __init__(self, comp_id: str, port: int | None = 0, now: Callable[[], str] = utc_now) -> None:
        self._comp_id = comp_id
        self._now = now
        self._server = socket.create_server(("127.0.0.1", port or 0))
        self._server.settimeout(PATIENCE_S)
        self.port: int = self._server.getsockname()[1]

    def accept(self, next_out: int = 1) -> RawPeer:
        connection, _ = self._server.accept()
        connection.settimeout(None)
        peer = RawPeer(connection, self._comp_id, next_out, self._now)
        said = peer.expect(t35="A")
        peer.say("A", [(98, "0"), (108, said[108])])
        return peer

    def close(self) -> None:
        self._server.close()
