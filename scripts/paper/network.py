"""Sockets: connections that feed sessions, a listener for acceptors, a stubborn dialler for initiators."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from .party import Party
from .session import LOGON_TIMEOUT_REAL_S, FixSession
from .wire import FrameOverflow, Framer, Garbled, Message

log = logging.getLogger(__name__)

FLUSH_TIMEOUT_REAL_S = 1.0
BACKOFF_REAL_S_MIN = 0.05
BACKOFF_REAL_S_MAX = 1.0


class Connection(asyncio.Protocol):
    """One socket. An acceptor's connection learns from the Logon which session it is."""

    def __init__(self, party: Party, sessions: Sequence[FixSession], session: FixSession | None = None) -> None:
        self.closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._party = party
        self._sessions = sessions
        self._session = session
        self._framer = Framer()
        self._transport: asyncio.Transport | None = None
        self._deadline: asyncio.TimerHandle | None = None
        self._abort: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        if self._session is not None:
            self._session.connected(self)
        else:
            self._deadline = asyncio.get_running_loop().call_later(LOGON_TIMEOUT_REAL_S, self.close)

    def data_received(self, data: bytes) -> None:
        with self._party.turn():
            try:
                items = self._framer.feed(data)
            except FrameOverflow as error:
                log.warning("connection closed party=%s reason=%s", self._party.name, error)
                self.close()
                return
            for item in items:
                if self._session is None:
                    self._identify(item)
                if self._session is None:
                    self.close()
                    return
                self._session.received(item)

    def connection_lost(self, exc: Exception | None) -> None:
        for timer in (self._deadline, self._abort):
            if timer is not None:
                timer.cancel()
        if self._session is not None:
            self._session.disconnected(str(exc) if exc else "connection closed")
        if not self.closed.done():
            self.closed.set_result(None)

    def write(self, data: bytes) -> None:
        if self._transport is not None:
            self._transport.write(data)

    def close(self) -> None:
        """Close once what was written has left; a peer that does not read is cut off."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.close()
            self._abort = asyncio.get_running_loop().call_later(FLUSH_TIMEOUT_REAL_S, self._transport.abort)

    def _identify(self, item: Message | Garbled) -> None:
        """Find the session a Logon(A) is for; anything else, or a second one, is told nothing."""
        if isinstance(item, Garbled) or item.msg_type != "A":
            return
        for session in self._sessions:
            settings = session.settings
            ours = (settings.begin_string, settings.target, settings.sender)
            if ours == (item.get(8), item.get(49), item.get(56)):
                if session.linked or session.stopping:
                    return
                self._session = session
                if self._deadline is not None:
                    self._deadline.cancel()
                session.connected(self)
                return


async def listen(party: Party, sessions: Sequence[FixSession], host: str, port: int) -> asyncio.Server:
    """Accept connections for `sessions`; with port 0 the system chooses one, told as event `listening`."""
    server = await asyncio.get_running_loop().create_server(lambda: Connection(party, sessions), host, port)
    party.tell("listening", host=host, port=bound_port(server))
    return server


def bound_port(server: asyncio.Server) -> int:
    return int(server.sockets[0].getsockname()[1])


async def dial(party: Party, session: FixSession, host: str, port: int) -> None:
    """Connect, stay connected, and connect again until the session is told to stop."""
    loop = asyncio.get_running_loop()
    backoff_s = BACKOFF_REAL_S_MIN
    while not session.stopping:
        try:
            _, connection = await loop.create_connection(lambda: Connection(party, (), session), host, port)
        except OSError as error:
            log.debug("no connection party=%s host=%s port=%d error=%s", party.name, host, port, error)
        else:
            epoch_and_number = session.numbers
            await connection.closed
            if session.numbers.next_in != epoch_and_number.next_in:
                backoff_s = BACKOFF_REAL_S_MIN
        await asyncio.sleep(backoff_s)
        backoff_s = min(backoff_s * 2, BACKOFF_REAL_S_MAX)
