"""Keeps an initiator's session connected: over its addresses in turn, with the pauses that `backoff` says."""

from __future__ import annotations

import asyncio
import logging
import random
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from engine.clock import NS_PER_S, Clock
from engine.fix.sockets import backoff
from engine.fix.sockets.backoff import Outcome
from engine.fix.sockets.tls import why
from engine.fix.sockets.transport import TLS_CLOSE_PATIENCE_S, FixConnection

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Destination:
    """Whom to call: over TLS a `server_name`, or else the host itself by its name."""

    session: str
    addresses: tuple[tuple[str, int], ...]
    pause_s_min: float
    pause_s_max: float
    timeout_s: float
    server_name: str | None = None


class Dialer:
    """One session's connections, one after the other."""

    def __init__(
        self,
        destination: Destination,
        connection: Callable[[], FixConnection],
        clock: Clock,
        *,
        context: Callable[[], ssl.SSLContext | None] = lambda: None,
        wanted: Callable[[], bool] = lambda: True,
        until_open: Callable[[], Awaitable[bool]] | None = None,
        behind: Callable[[], bool] = lambda: False,
        count: Callable[[str], None] = lambda outcome: None,
        failed: Callable[[str], None] = lambda reason: None,
    ) -> None:
        """`context` is asked for that of each connection; without one it is not over TLS.

        `wanted`: may the session be connected at all? If not, `hurry` tells that it may now.

        `until_open` waits until the session's hours have come and says whether they had to be waited for.
        `behind`: does its peer expect a higher number than our next one? `count` is told what became of each attempt,
        `failed` where and why there was no connection.
        """
        self._destination = destination
        self._connection = connection
        self._clock = clock
        self._context = context
        self._wanted = wanted
        self._until_open = until_open
        self._behind = behind
        self._count = count
        self._failed = failed
        self._loop = asyncio.get_running_loop()
        self._free = asyncio.Event()
        self._hurry = asyncio.Event()

    def freed(self) -> None:
        """Its connection is over."""
        self._free.set()

    def hurry(self) -> None:
        """Wait no longer: somebody has seen to what was in the way."""
        self._hurry.set()

    async def run(self) -> None:
        """Connect, and again whenever there is no connection, until cancelled."""
        destination = self._destination
        pause_s, attempt = destination.pause_s_min, 0
        while True:
            if not self._wanted():
                self._hurry.clear()
                await self._hurry.wait()
                pause_s = destination.pause_s_min
                continue
            if self._until_open is not None and await self._until_open():
                pause_s = destination.pause_s_min
                continue  # Much may have been said meanwhile.
            host, port = destination.addresses[attempt % len(destination.addresses)]
            attempt += 1
            connection = await self._connect(host, port)
            outcome, lived_s = Outcome.NO_CONNECTION, 0.0
            if connection is not None:
                await self._free.wait()
                outcome, lived_s = self._became(connection)
            self._count(outcome)
            pause = backoff.after(
                outcome,
                lived_s,
                pause_s,
                min_s=destination.pause_s_min,
                max_s=destination.pause_s_max,
                draw=random.random(),
            )
            pause_s = pause.next_s
            log.info("connecting again session=%s in=%.1fs after=%s", destination.session, pause.wait_s, outcome)
            if await self._wait(pause.wait_s):
                pause_s = destination.pause_s_min

    async def _connect(self, host: str, port: int) -> FixConnection | None:
        destination = self._destination
        connection = self._connection()
        self._free.clear()
        secured: dict[str, Any] = {}
        context = self._context()
        if context is not None:
            secured = {
                "ssl": context,
                "server_hostname": destination.server_name or host,
                "ssl_handshake_timeout": destination.timeout_s,
                "ssl_shutdown_timeout": TLS_CLOSE_PATIENCE_S,
            }
        try:
            async with asyncio.timeout(destination.timeout_s):
                await self._loop.create_connection(lambda: connection, host, port, **secured)
        except asyncio.CancelledError:
            connection.given_up()
            raise
        except (OSError, ValueError) as error:  # ValueError: a server name that no certificate can have.
            reason = f"no answer within {destination.timeout_s:g} s" if isinstance(error, TimeoutError) else why(error)
            log.warning("cannot connect session=%s address=%s:%d error=%s", destination.session, host, port, reason)
            self._failed(f"{host}:{port}: {reason}")
            connection.given_up()
            return None
        return connection

    def _became(self, connection: FixConnection) -> tuple[Outcome, float]:
        """What became of a connection that is over, and how long its session was logged on."""
        if self._behind():
            return Outcome.WRONG_NUMBERS, 0.0
        if connection.logged_on_s is None:
            return Outcome.NO_LOGON, 0.0
        # By the engine's clock, as pauses are: a scaled one lives faster.
        return Outcome.LOGGED_ON, (self._loop.time() - connection.logged_on_s) * self._clock.speed

    async def _wait(self, seconds: float) -> bool:
        """True if somebody was in a hurry."""
        self._hurry.clear()
        try:
            async with asyncio.timeout(self._clock.real_delay_s(int(seconds * NS_PER_S))):
                await self._hurry.wait()
        except TimeoutError:
            return False
        return True
