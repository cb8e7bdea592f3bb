"""A listening port: accepts, lets in or closes without a word, shakes hands over TLS, hands on to a `FixConnection`.

Whoever is not admitted is closed before anything is read from it. A handshake that fails or takes too long is logged
with its reason and counted, as a failure of its address; it harms nobody else.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from collections.abc import Callable
from typing import Any, Final

from engine.clock import NS_PER_S
from engine.fix.session.reasons import DisconnectReason
from engine.fix.sockets.admission import Admission, Refusal
from engine.fix.sockets.tls import why
from engine.fix.sockets.transport import TLS_CLOSE_PATIENCE_S, FixConnection

log = logging.getLogger(__name__)

BACKLOG: Final = 128
ACCEPT_PAUSE_S: Final = 0.2
"""Before the next attempt when nothing can be accepted: out of descriptors, as a rule."""

STRANGERS_ENDS: Final = frozenset(
    {
        DisconnectReason.LOGON_REFUSED,
        DisconnectReason.UNKNOWN_SESSION,
        DisconnectReason.WRONG_DIRECTION,
        DisconnectReason.NOT_ALLOWED,
        DisconnectReason.LOGON_TIMEOUT,
        DisconnectReason.CLOSED_BY_PEER,
        DisconnectReason.CONNECTION_LOST,
    }
)
"""What is held against an address. A peer that is known and comes outside its hours, say, or while its last connection
is not over yet, must not have to wait for longer than that."""


class Listener:
    """One port, plain or over TLS: then `context` is asked for each handshake's. Several may share one `admission`."""

    def __init__(
        self,
        connection: Callable[[], FixConnection],
        admission: Admission,
        *,
        handshake_timeout_s: float,
        context: Callable[[], ssl.SSLContext | None] | None = None,
        count: Callable[[str], None] = lambda refusal: None,
        on_failure: Callable[[BaseException], None],
    ) -> None:
        """`count` is told each refusal, `on_failure` what can only be a bug of ours: the port may be deaf then."""
        self._connection = connection
        self._admission = admission
        self._handshake_timeout_s = handshake_timeout_s
        self._context = context
        self._count = count
        self._on_failure = on_failure
        self._loop = asyncio.get_running_loop()
        self._sockets: list[socket.socket] = []
        self._tasks: set[asyncio.Task[None]] = set()

    async def listen(self, host: str, port: int) -> tuple[str, int]:
        """Accept from now on; the first address that is listened on. Raises OSError."""
        found = await self._loop.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        try:
            for family, kind, protocol, _, address in dict.fromkeys(found):
                server = socket.socket(family, kind, protocol)
                self._sockets.append(server)
                server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if family == socket.AF_INET6:
                    server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                server.setblocking(False)
                server.bind(address)
                server.listen(BACKLOG)
        except OSError:
            self.close()
            raise
        for server in self._sockets:
            self._keep(self._accept(server))
        bound = self._sockets[0].getsockname()
        return bound[0], bound[1]

    def close(self) -> None:
        """Accept no more, and give up handshakes that are not finished. Open connections stay."""
        for task in self._tasks:
            task.cancel()
        for server in self._sockets:
            server.close()
        self._sockets.clear()

    async def _accept(self, server: socket.socket) -> None:
        while True:
            try:
                accepted, (host, port, *_) = await self._loop.sock_accept(server)
            except OSError as error:
                log.error("cannot accept connections: %s; raise the limit of open files if it repeats", error)
                await asyncio.sleep(ACCEPT_PAUSE_S)
                continue
            refused = self._admission.admit(host, self._now_ns())
            if refused is not None:
                accepted.close()
                refusal, text = refused
                self._count(refusal)
                log.warning("connection refused peer=%s:%d code=%s: %s", host, port, refusal, text)
                continue
            self._keep(self._let_in(accepted, host, port))

    async def _let_in(self, accepted: socket.socket, host: str, port: int) -> None:
        connection = self._connection()
        connection.opened_s = self._loop.time()
        connection.on_lost = lambda lost: self._left(host, lost)
        accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        secured: dict[str, Any] = {}
        if self._context is not None:
            secured = {
                "ssl": self._context(),
                "ssl_handshake_timeout": self._handshake_timeout_s,
                "ssl_shutdown_timeout": TLS_CLOSE_PATIENCE_S,
            }
        try:
            await self._loop.connect_accepted_socket(lambda: connection, accepted, **secured)
        except OSError as error:  # Those of ssl are of it too.
            self._count(Refusal.HANDSHAKE)
            log.warning("connection failed peer=%s:%d code=%s: %s", host, port, Refusal.HANDSHAKE, why(error))
            self._left(host, connection)
        except asyncio.CancelledError:
            accepted.close()
            self._left(host, connection)
            raise

    def _left(self, host: str, connection: FixConnection) -> None:
        connection.on_lost = None
        ending, logged_on = connection.ending, connection.logged_on_s is not None
        failed = not logged_on and (ending is None or ending.code in STRANGERS_ENDS)
        self._admission.left(host, self._now_ns(), logged_on=logged_on, failed=failed)

    def _now_ns(self) -> int:
        return int(self._loop.time() * NS_PER_S)

    def _keep(self, coroutine: Any) -> None:
        task = self._loop.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._on_failure(error)
