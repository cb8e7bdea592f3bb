"""The socket side of a FIX connection: bytes in, framed and handed on; bytes out when release says so.

Writes nothing on its own account. `write` is called by the release step of `engine.runtime` and by nobody else.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Final, Protocol, cast

from engine.errors import GarbledMessage
from engine.fix.framing import FrameOverflow, Framer
from engine.fix.reasons import DisconnectReason, Ending

LINGER_S: Final = 2.0
"""How long a connection that we end is read, and what comes thrown away, until the peer has closed it too."""
FRAMES_AT_ONCE: Final = 32
"""Frames of one connection that are handled before others get their turn: some 3 ms of work."""


class Hub(Protocol):
    """What a connection reports to: the runtime."""

    def connection_up(self, connection: FixConnection) -> bool:
        """False: there is no room for it. It is closed, and nothing more is heard of it."""
        ...

    def frame_received(self, connection: FixConnection, frame: bytes | GarbledMessage) -> None: ...

    def bytes_received(self, connection: FixConnection) -> None: ...

    def connection_down(self, connection: FixConnection, ending: Ending) -> None: ...


class FixConnection(asyncio.Protocol):
    """One TCP connection. `session` is set for an initiator's own; an acceptor learns it from the Logon(A)."""

    def __init__(self, hub: Hub, number: int, session: str, *, max_message_bytes: int, outgoing_bytes_max: int) -> None:
        self.number = number
        self.session = session
        self.peer = ""
        self._hub = hub
        self._framer = Framer(max_message_bytes)
        self._outgoing_bytes_max = outgoing_bytes_max
        self._transport: asyncio.Transport | None = None
        self._ending: Ending | None = None
        self._backlog: deque[bytes | GarbledMessage] = deque()
        self._held_back = False
        self._refused = False
        self._has_written = False
        self._is_over = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are no subclasses of asyncio's; the interface is the same.
        self._transport = cast("asyncio.Transport", transport)
        host, port = (transport.get_extra_info("peername") or ("?", 0))[:2]
        self.peer = f"{host}:{port}"
        if not self._hub.connection_up(self):
            self._refused = True
            self.abort(DisconnectReason.NO_ROOM, "")

    def data_received(self, data: bytes) -> None:
        if self._refused or self._is_over:
            return
        frames = self._framer.feed(data)
        if not frames:
            self._hub.bytes_received(self)
        if self._backlog:
            self._backlog.extend(frames)
        elif len(frames) <= FRAMES_AT_ONCE:
            self._hand_on(frames)
        else:
            # A burst must not hold the loop: others' heartbeats come between two slices of it.
            self._backlog.extend(frames)
            self.pause()
            self._slice()

    def _slice(self) -> None:
        """Hand on a few frames of a burst and come back for the rest after everybody else had a turn."""
        backlog = self._backlog
        if not backlog:
            return  # It was dropped meanwhile: the connection is over.
        self._hand_on([backlog.popleft() for _ in range(min(FRAMES_AT_ONCE, len(backlog)))])
        if backlog:
            asyncio.get_running_loop().call_soon(self._slice)
        elif not self._held_back:
            self.resume()

    def _hand_on(self, frames: list[bytes | GarbledMessage]) -> None:
        for frame in frames:
            if self._is_over:
                return
            self._hub.frame_received(self, frame)
            if isinstance(frame, FrameOverflow):
                self.abort(DisconnectReason.TOO_LONG, str(frame))

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        if self._refused or self._is_over:
            return
        while self._backlog:  # what came before the end counts
            self._hub.frame_received(self, self._backlog.popleft())
        self._hub.connection_down(self, self._ending or _ended_by_the_other_side(exc))

    @property
    def alive(self) -> bool:
        return self._transport is not None and not self._is_over and not self._transport.is_closing()

    @property
    def unsent_bytes(self) -> int:
        return self._transport.get_write_buffer_size() if self._transport is not None else 0

    def write(self, messages: Sequence[bytes]) -> bool:
        """Send; False if nobody is there any more, or the peer reads so slowly that the bound is reached."""
        transport = self._transport
        if transport is None or self._is_over or transport.is_closing():
            return False
        if transport.get_write_buffer_size() > self._outgoing_bytes_max:
            self.abort(DisconnectReason.SLOW_CONSUMER, f"{transport.get_write_buffer_size()} bytes unsent")
            return False
        self._has_written = True
        if len(messages) == 1:
            transport.write(messages[0])
        else:
            transport.writelines(messages)  # One system call: 32 answers take 6 us, one by one 42.
        return True

    def hold(self) -> None:
        """Read no further bytes until `let_go`: nothing can be committed just now."""
        self._held_back = True
        self.pause()

    def let_go(self) -> None:
        self._held_back = False
        if not self._backlog:
            self.resume()

    def pause(self) -> None:
        if self.alive:
            assert self._transport is not None
            self._transport.pause_reading()

    def resume(self) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()

    def close(self, code: DisconnectReason, text: str) -> None:
        """Say and hear no more; close once what was written has left and the peer has closed too, or soon after.

        A socket that is closed over bytes nobody read is reset, and what the peer had not read yet is lost to it: the
        Logout(5) that says why. So we end our half only, and throw away what still comes.
        """
        self._ending = self._ending or Ending(code, text)
        transport = self._transport
        if transport is None or self._is_over:
            return
        if not self._has_written or transport.is_closing() or not transport.can_write_eof():
            transport.close()  # Nothing was said that could be lost, or TLS ends it its own way.
            return
        self._is_over = True
        self._backlog.clear()
        transport.write_eof()
        transport.resume_reading()
        loop = asyncio.get_running_loop()
        loop.call_soon(self._hub.connection_down, self, self._ending)
        loop.call_later(LINGER_S, transport.abort)

    def abort(self, code: DisconnectReason, text: str) -> None:
        """Close now."""
        self._ending = self._ending or Ending(code, text)
        if self._transport is not None:
            self._transport.abort()


def _ended_by_the_other_side(error: Exception | None) -> Ending:
    if error is None:
        return Ending(DisconnectReason.CLOSED_BY_PEER, "")
    return Ending(DisconnectReason.CONNECTION_LOST, str(error))
