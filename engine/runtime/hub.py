"""The FIX connections there are, and what is heard of them: frames, bytes, beginnings and ends become inputs.

What leaves over them is written by the runtime's release and by nobody else.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from engine.clock import NS_PER_S, Clock
from engine.errors import GarbledMessage
from engine.fix.session.reasons import DisconnectReason, Ending
from engine.fix.sockets.transport import FixConnection
from engine.fix.wire.framing import FrameStalled
from engine.masking import wire
from engine.turn import ConnectionDown, ConnectionUp, Input, Machine, Received, Traffic

log = logging.getLogger(__name__)

_made: Any = tuple.__new__  # In half the time that a constructor takes.


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a peer may take; see [fix] of engine.toml."""

    logon_timeout_s: float = 10.0
    frame_timeout_s: float = 60.0
    write_timeout_s: float = 30.0


class ConnectionHub:
    """What a connection reports to (`fix.sockets.transport.Hub`). `open` holds those that are up, by their number."""

    def __init__(
        self,
        machine: Machine,
        clock: Clock,
        patience: Patience,
        entropy: Callable[[], bytes],
        loop: asyncio.AbstractEventLoop,
        submit: Callable[[Input], None],
    ) -> None:
        self.open: dict[int, FixConnection] = {}
        self.shows_wire = log.isEnabledFor(logging.DEBUG)
        self.on_session_free: Callable[[str], None] = lambda key: None
        """Called when an initiator's session has no connection any more."""
        self.on_part_heard: Callable[[str], None] = lambda key: None
        """Called when bytes of a session's peer came that make no message: no turn will look at its deadline."""
        self._machine = machine
        self._clock = clock
        self._patience = patience
        self._entropy = entropy
        self._loop = loop
        self._submit = submit
        self._last_number = 0
        self._holding = False

    def look_at_log(self) -> bool:
        """The log tells more or less than before: is the wire shown?"""
        self.shows_wire = log.isEnabledFor(logging.DEBUG)
        return self.shows_wire

    def next_number(self) -> int:
        """The number of a connection that is about to be."""
        self._last_number += 1
        return self._last_number

    # --- what is heard -----------------------------------------------------------------------------

    def connection_up(self, connection: FixConnection) -> bool:
        self.open[connection.number] = connection
        log.info(
            "connection up connection=%d peer=%s session=%s", connection.number, connection.peer, connection.session
        )
        if self._holding:
            connection.hold()
        self._submit(
            ConnectionUp(self._clock.now(), connection.number, connection.session, self._entropy(), connection.origin)
        )
        if not connection.session:
            # From when it was accepted on: a TLS handshake is part of it.
            delay = self._clock.real_delay_s(int(self._patience.logon_timeout_s * NS_PER_S))
            self._loop.call_at(connection.opened_s + delay, self._no_logon, connection.number)
        return True

    def frames_received(self, connection: FixConnection, frames: Sequence[bytes | GarbledMessage]) -> None:
        connection.unfinished_since_ns = None
        now, number = self._clock.now(), connection.number
        submit, draw = self._submit, self._entropy
        for frame in frames:
            if self.shows_wire:
                self.show("<", number, frame)
            submit(_made(Received, (now, number, frame, draw())))

    def bytes_received(self, connection: FixConnection) -> None:
        """No whole message yet, but the peer lives; unless it has been at this one for too long."""
        now = self._clock.now()
        since_ns = connection.unfinished_since_ns
        if since_ns is None:
            connection.unfinished_since_ns = since_ns = now.monotonic_ns
        if now.monotonic_ns - since_ns > self._patience.frame_timeout_s * NS_PER_S:
            text = f"bytes came for {self._patience.frame_timeout_s:g} s without making a whole message"
            self.frames_received(connection, [FrameStalled(text, reason="stalled")])
            return
        connection.heard_ns = now.monotonic_ns
        known = self._machine.connections.get(connection.number)
        if known is not None and known.session is not None:
            self.on_part_heard(known.session)

    def connection_down(self, connection: FixConnection, ending: Ending) -> None:
        self.open.pop(connection.number, None)
        log.info("connection down connection=%d peer=%s reason=%s", connection.number, connection.peer, ending)
        self._submit(ConnectionDown(self._clock.now(), connection.number, ending, self._entropy()))
        if connection.session:
            self.on_session_free(connection.session)

    def _no_logon(self, number: int) -> None:
        connection = self.open.get(number)
        known = self._machine.connections.get(number)
        if connection is not None and known is not None and known.session is None:
            text = f"no Logon(A) within {self._patience.logon_timeout_s:g} s"
            connection.close(DisconnectReason.LOGON_TIMEOUT, text)

    def show(self, way: str, number: int, frame: bytes | GarbledMessage) -> None:
        """The wire, at DEBUG; a Logon(A) without its credentials."""
        text = wire(frame) if isinstance(frame, bytes) else f"garbled: {frame}"
        log.debug("wire %s connection=%d %s", way, number, text)

    # --- all of them -------------------------------------------------------------------------------

    def traffic(self) -> dict[int, Traffic]:
        """Per connection what its peer has not read yet, and when something was heard of it that was no message."""
        return {number: Traffic(each.unsent_bytes, each.heard_ns) for number, each in self.open.items()}

    def heard_ns(self, number: int | None) -> int | None:
        """When bytes last came over this connection that made no whole message (monotonic), if any have.

        Reading that goes on after a pause counts as such: a peer that was not heard was not silent.
        """
        connection = self.open.get(number) if number is not None else None
        return connection.heard_ns if connection is not None else None

    def take_stock(self) -> None:
        """Disconnect who takes nothing of what waits for it; call once a second or so."""
        now_s = self._loop.time()
        patience_s = self._clock.real_delay_s(int(self._patience.write_timeout_s * NS_PER_S))
        for connection in list(self.open.values()):
            connection.take_stock(now_s, patience_s)

    def hold(self) -> None:
        """Read nothing, from whoever is here and whoever comes, until `let_go`."""
        self._holding = True
        for connection in self.open.values():
            connection.hold()

    def let_go(self) -> None:
        self._holding = False
        now_ns = self._clock.now().monotonic_ns
        for connection in self.open.values():
            connection.heard_ns = now_ns
            connection.let_go()

    def close(self, ending: Ending) -> None:
        for connection in list(self.open.values()):
            connection.close(ending.code, ending.text)
