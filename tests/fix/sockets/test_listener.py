"""fix/sockets/listener.py over loopback: who is let in, who is shut out unread, and that nobody waits for anybody."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from builders.certificates import Authority

from engine.errors import GarbledMessage
from engine.fix.session.entrance import source
from engine.fix.session.reasons import DisconnectReason, Ending
from engine.fix.sockets import tls
from engine.fix.sockets.admission import Admission, Bounds
from engine.fix.sockets.listener import Listener
from engine.fix.sockets.transport import FixConnection

HOST = "127.0.0.1"
BOUNDS = Bounds()
PATIENCE_S = 30.0
"""A failing test ends after this; a passing one never waits that long."""


class Door:
    """A listener, and the hub of what it lets in."""

    def __init__(self, bounds: Bounds, context: ssl.SSLContext | None, handshake_timeout_s: float) -> None:
        self.admission = Admission(bounds)
        self.open: list[FixConnection] = []
        self.refused: list[str] = []
        self.failures: list[BaseException] = []
        self.port = 0
        self.listener = Listener(
            self._connection,
            self.admission,
            handshake_timeout_s=handshake_timeout_s,
            context=None if context is None else lambda: context,
            count=self.refused.append,
            on_failure=self.failures.append,
        )

    def _connection(self) -> FixConnection:
        return FixConnection(self, 1, "", max_message_bytes=1024, outgoing_bytes_max=65_536)

    def connection_up(self, connection: FixConnection) -> bool:
        self.open.append(connection)
        return True

    def frames_received(self, connection: FixConnection, frames: Sequence[bytes | GarbledMessage]) -> None:
        connection.welcome()

    def bytes_received(self, connection: FixConnection) -> None:
        pass

    def connection_down(self, connection: FixConnection, ending: Ending) -> None:
        self.open.remove(connection)

    async def until(self, true: Any) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not true():  # noqa: ASYNC110 (sockets tell their own side alone)
                await asyncio.sleep(0.001)

    async def call(self, context: ssl.SSLContext | None = None) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        name = "localhost" if context is not None else None
        return await asyncio.open_connection(HOST, self.port, ssl=context, server_hostname=name)

    async def is_shut_out(self) -> bool:
        reader, writer = await self.call()
        try:
            async with asyncio.timeout(PATIENCE_S):
                return await reader.read(1) == b""
        except ConnectionResetError:
            return True
        finally:
            writer.close()


@asynccontextmanager
async def door(
    bounds: Bounds = BOUNDS, *, context: ssl.SSLContext | None = None, handshake_timeout_s: float = 10.0
) -> AsyncIterator[Door]:
    made = Door(bounds, context, handshake_timeout_s)
    _, made.port = await made.listener.listen(HOST, 0)
    try:
        yield made
    finally:
        made.listener.close()
        for connection in list(made.open):
            connection.abort(DisconnectReason.STOPPING, "")
        await made.until(lambda: made.admission.open == 0)
        assert not made.failures


async def test_a_connection_counts_until_it_is_over() -> None:
    async with door(Bounds(connections_max=1)) as there:
        _, first = await there.call()
        await there.until(lambda: there.open)
        assert await there.is_shut_out()
        assert there.refused == ["connections"]
        first.close()
        await there.until(lambda: there.admission.open == 0)
        await there.call()
        await there.until(lambda: there.open)


async def test_an_address_that_is_not_allowed_is_shut_out_unread() -> None:
    async with door(Bounds(allow=(ipaddress.ip_network("192.0.2.0/24"),))) as there:
        assert await there.is_shut_out()
        assert (there.refused, there.open, there.admission.open) == (["address"], [], 0)


async def test_whoever_never_logs_on_has_to_pause_and_a_logon_forgives() -> None:
    async with door(Bounds(failures_max=1)) as there:
        for _ in range(2):
            _, writer = await there.call()
            await there.until(lambda: there.open)
            writer.close()
            await there.until(lambda: there.admission.open == 0)
        assert await there.is_shut_out()
        assert there.refused == ["failures"]
        there.admission._known[source(HOST)].barred_until_ns = 0  # the pause is over
        _, writer = await there.call()
        writer.write(b"8=FIX.4.4\x019=5\x0135=0\x0110=163\x01")
        await there.until(lambda: there.open and there.open[0].logged_on_s is not None)
        writer.close()
        await there.until(lambda: there.admission.open == 0)
        assert there.admission._known[source(HOST)].failures == 0


async def test_a_known_peer_that_cannot_be_served_now_has_not_failed() -> None:
    async with door(Bounds(failures_max=1)) as there:
        for _ in range(5):
            await there.call()
            await there.until(lambda: there.open)
            there.open[0].close(DisconnectReason.ALREADY_CONNECTED, "")
            await there.until(lambda: there.admission.open == 0)
        assert there.refused == []


async def test_handshakes_that_fail_or_drip_harm_nobody(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    authority = Authority(tmp_path)
    issued = authority.issue("localhost")
    context = tls.server(tls.ServerTerms(tls.Identity(issued.certificate, issued.key))).context
    trusting = ssl.create_default_context(cafile=str(authority.ca))
    caplog.set_level(logging.WARNING)
    async with door(context=context, handshake_timeout_s=0.2) as there:
        drips = [await there.call() for _ in range(5)]
        for _, writer in drips:
            writer.write(b"\x16\x03\x01")
        await there.until(lambda: there.admission.open + len(there.refused) == 5)
        there.listener._handshake_timeout_s = 10.0  # Whoever means it has time, however slow this machine is.
        _, plain = await there.call()
        plain.write(b"8=FIX.4.4\x019=5\x0135=A\x0110=000\x01")
        with pytest.raises(ssl.SSLCertVerificationError):
            await there.call(ssl.create_default_context())
        _, good = await there.call(trusting)
        await there.until(lambda: there.open)
        assert there.open[0].origin.tls
        await there.until(lambda: there.admission.open == 1)
        assert there.refused == ["handshake"] * 7
        good.close()
    assert any("code=handshake: wrong version number" in record.getMessage() for record in caplog.records)
    assert sum("taking longer than 0.2 seconds" in record.getMessage() for record in caplog.records) == 5
    assert not [record for record in caplog.records if record.exc_info]


async def test_a_listener_that_closes_gives_up_handshakes(tmp_path: Path) -> None:
    issued = Authority(tmp_path).issue("localhost")
    context = tls.server(tls.ServerTerms(tls.Identity(issued.certificate, issued.key))).context
    async with door(context=context) as there:
        reader, _ = await there.call()
        await there.until(lambda: there.admission.open == 1)
        there.listener.close()
        async with asyncio.timeout(PATIENCE_S):
            with suppress(ConnectionResetError):
                assert await reader.read(1) == b""


async def test_a_port_that_is_taken_is_said_and_nothing_is_left_open() -> None:
    async with door() as there:
        other = Door(Bounds(), None, 1.0)
        with pytest.raises(OSError, match="already in use"):
            await other.listener.listen(HOST, there.port)


async def test_a_bug_that_leaves_the_port_deaf_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    made = Door(BOUNDS, None, 1.0)
    _, made.port = await made.listener.listen(HOST, 0)
    monkeypatch.setattr(made.admission, "admit", lambda address, now_ns: 1 / 0)
    await made.call()
    await made.until(lambda: made.failures)
    assert isinstance(made.failures[0], ZeroDivisionError)
    made.listener.close()
