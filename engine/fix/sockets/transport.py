"""The socket side of a FIX connection: bytes in, framed and handed on; bytes out when release says so.

Writes nothing on its own account. `write` is called by `engine.runtime.release` and by nobody else.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Final, Protocol, cast

from engine.errors import GarbledMessage
from engine.fix.session.entrance import LOCAL, Origin
from engine.fix.session.reasons import DisconnectReason, Ending
from engine.fix.sockets.tls import shown
from engine.fix.wire.framing import Framer, StreamEnded

LINGER_S: Final = 2.0
"""How long a connection that we end is read, and what comes thrown away, until the peer has closed it too."""
FRAMES_AT_ONCE: Final = 64
"""Frames of one connection that are handled before others get their turn: some 3 ms of work, 30 where each is an order
that dealers are asked for."""
FRAMES_AT_ONE_TIME: Final = 8
"""Frames for which the clock is read once: 0.3 ms of work, 4 where each is an order that dealers are asked for."""
TLS_CLOSE_PATIENCE_S: Final = 0.5
"""How long the other end may take to say that TLS is over: many never do."""


class Hub(Protocol):
    """What a connection reports to: `engine.runtime.hub`."""

    def connection_up(self, connection: FixConnection) -> bool:
        """False: there is no room for it. It is closed, and nothing more is heard of it."""
        ...

    def frames_received(self, connection: FixConnection, frames: Sequence[bytes | GarbledMessage]) -> None:
        """Whole messages, and what is none, in the order they came: so close together that one time is true of all."""

    def bytes_received(self, connection: FixConnection) -> None:
        """More of a message that is not whole yet. Noise between messages is no sign of life, and not told."""
        ...

    def connection_down(self, connection: FixConnection, ending: Ending) -> None: ...


class FixConnection(asyncio.Protocol):
    """One TCP connection. `session` is set for an initiator's own; an acceptor learns it from the Logon(A).

    With `first_message_bytes_max` the other end is a stranger until `welcome`: one message of at most so many bytes is
    taken from it, and nothing is read behind that before it is known.
    """

    def __init__(
        self,
        hub: Hub,
        number: int,
        session: str,
        *,
        max_message_bytes: int,
        outgoing_bytes_max: int,
        first_message_bytes_max: int | None = None,
    ) -> None:
        self.number = number
        self.session = session
        self.peer = ""
        self.origin = LOCAL
        self.opened_s = 0.0
        """When it was begun, by the loop's clock: before a TLS handshake."""
        self.logged_on_s: float | None = None
        """When its session logged on, by the loop's clock; None if it has not."""
        self.unfinished_since_ns: int | None = None
        """Kept by the hub: since when bytes have come that make no whole message (monotonic)."""
        self.heard_ns: int | None = None
        """Kept by the hub: when such bytes last came, or reading went on after a pause (monotonic)."""
        self.on_lost: Callable[[FixConnection], None] | None = None
        """Told once it is over: whoever has accepted it."""
        self._hub = hub
        self._max_message_bytes = max_message_bytes
        stranger = first_message_bytes_max is not None
        self._framer = Framer(min(first_message_bytes_max or max_message_bytes, max_message_bytes))
        self._frames_at_once = 1 if stranger else FRAMES_AT_ONCE
        self._outgoing_bytes_max = outgoing_bytes_max
        self._transport: asyncio.Transport | None = None
        self._ending: Ending | None = None
        self._is_behind = False
        self._held_back = False
        self._goes_on_later = False
        self._refused = False
        self._has_written = False
        self._is_over = False
        self._writable = asyncio.Event()
        self._writable.set()
        self._written = 0
        self._taken = -1
        self._taken_s = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are no subclasses of asyncio's; the interface is the same.
        self._transport = cast("asyncio.Transport", transport)
        loop = asyncio.get_running_loop()
        host, port = (transport.get_extra_info("peername") or ("?", 0))[:2]
        self.peer = f"{host}:{port}"
        encrypted = transport.get_extra_info("ssl_object")
        certificate, ends_s = shown(encrypted) if encrypted is not None else ("", None)
        self.origin = Origin(str(host), encrypted is not None, certificate, port, ends_s)
        self.opened_s = self.opened_s or loop.time()
        if not self._hub.connection_up(self):
            self._refused = True
            self.abort(DisconnectReason.NO_ROOM, "")
        elif self._held_back:
            loop.call_soon(self.pause)  # uvloop begins to read once this has returned, whatever was asked for here.

    def data_received(self, data: bytes) -> None:
        if self._refused or self._is_over:
            return
        if not (self._is_behind or self._held_back):
            self._handle(data)
            return
        self._framer.feed(data, 0)  # It was on its way when reading was paused.
        if not self._is_behind:
            self._is_behind = self._goes_on_later = True

    def _handle(self, data: bytes) -> None:
        """Hand on the next few frames. A burst must not hold the loop: others' heartbeats come between two parts of it.

        What waits is kept as it came: as frames, or as complaints about what is none, it may take a hundred times as
        much memory.
        """
        frames = self._framer.feed(data, self._frames_at_once)
        if not frames and self._framer.is_unfinished:
            self._hub.bytes_received(self)
        self._hand_on(frames)
        if self._is_over:
            return
        if frames and isinstance(frames[-1], StreamEnded):
            self._fall_behind()  # For good: the session says why, if it may, and closes.
            return
        if len(frames) < self._frames_at_once:
            return
        if self._frames_at_once == 1:
            self._fall_behind()  # It has said who it is; whether it is heard any further is for the hub to say.
        elif self._framer.is_unfinished:
            self._fall_behind()
            asyncio.get_running_loop().call_soon(self._go_on)

    def _hand_on(self, frames: Sequence[bytes | GarbledMessage]) -> None:
        for at in range(0, len(frames), FRAMES_AT_ONE_TIME):
            if not self._is_over:
                self._hub.frames_received(self, frames[at : at + FRAMES_AT_ONE_TIME])

    def welcome(self) -> None:
        """Its session is logged on: messages may have their full size, and what came behind the Logon(A) is read."""
        loop = asyncio.get_running_loop()
        self.logged_on_s = loop.time()
        if self._frames_at_once == 1:
            self._framer.max_message_bytes = self._max_message_bytes
            self._frames_at_once = FRAMES_AT_ONCE
            loop.call_soon(self._go_on)

    def _fall_behind(self) -> None:
        self._is_behind = True
        self.pause()

    def _go_on(self) -> None:
        """Handle the next part of what is at hand; not while nothing can be committed: decided, it would only wait."""
        if self._held_back:
            self._goes_on_later = True
        elif self.alive:
            self._is_behind = False
            self._handle(b"")
            self._settle_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._writable.set()
        self._ending = self._ending or _ended_by_the_other_side(exc)
        if not (self._refused or self._is_over):
            # What came before the end counts, but for what a stranger has said behind its Logon(A), and while nothing
            # can be committed: the numbers of the next Logon(A) show what was not handled.
            counts = self._frames_at_once > 1 and not self._held_back
            while counts and (frames := self._framer.feed(b"", FRAMES_AT_ONCE)):
                self._hand_on(frames)
            self._hub.connection_down(self, self._ending)
        if self.on_lost is not None:
            self.on_lost(self)

    def given_up(self) -> None:
        """The attempt that made it was given up: uvloop closes such a transport and tells nobody."""
        if self._transport is not None:
            self._ending = self._ending or Ending(DisconnectReason.NOT_WANTED, "given up while it was made")
            self._transport.abort()
            self.connection_lost(None)
            self._is_over = True

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    @property
    def ending(self) -> Ending | None:
        """Why it has ended or is about to; None while it lives."""
        return self._ending

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
        self._written += sum(map(len, messages))
        return True

    async def drained(self) -> None:
        """Wait until the other end has taken most of what was written, or the connection is over."""
        await self._writable.wait()

    def take_stock(self, now_s: float, patience_s: float) -> None:
        """Disconnect a peer that has taken nothing of what waits for it for `patience_s`; call now and then."""
        unsent = self.unsent_bytes
        taken = self._written - unsent
        if not unsent or taken != self._taken:
            self._taken, self._taken_s = taken, now_s
        elif now_s - self._taken_s >= patience_s and self.alive:
            text = f"took nothing for {now_s - self._taken_s:.0f} s, {unsent} bytes unsent"
            self.abort(DisconnectReason.SLOW_CONSUMER, text)

    def hold(self) -> None:
        """Read no further bytes until `let_go`: nothing can be committed just now."""
        self._held_back = True
        self.pause()

    def let_go(self) -> None:
        self._held_back = False
        if self._goes_on_later:
            self._goes_on_later = False
            asyncio.get_running_loop().call_soon(self._go_on)
        self._settle_reading()

    def pause(self) -> None:
        if self.alive:
            assert self._transport is not None
            self._transport.pause_reading()

    def _settle_reading(self) -> None:
        """Read on, unless something is still to be handled first."""
        if not (self._held_back or self._is_behind) and self.alive:
            assert self._transport is not None
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
        if not self._has_written or transport.is_closing():
            transport.close()  # Nothing was said that could be lost.
            return
        self._is_over = True
        loop = asyncio.get_running_loop()
        loop.call_soon(self._hub.connection_down, self, self._ending)
        loop.call_later(LINGER_S, self._give_up)
        transport.resume_reading()
        if not transport.can_write_eof():
            transport.close()  # TLS ends it its own way.
            return
        try:
            transport.write_eof()
        except OSError:
            transport.abort()  # The peer has reset it, and we were not told yet: asyncio's own loop raises here.

    def abort(self, code: DisconnectReason, text: str) -> None:
        """Close now."""
        self._ending = self._ending or Ending(code, text)
        if self._transport is not None:
            self._transport.abort()

    def _give_up(self) -> None:
        if self._transport is not None:
            self._transport.abort()


def _ended_by_the_other_side(error: Exception | None) -> Ending:
    if error is None:
        return Ending(DisconnectReason.CLOSED_BY_PEER, "")
    return Ending(DisconnectReason.CONNECTION_LOST, str(error))
