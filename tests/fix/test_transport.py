"""A connection under the runtime: how it ends without losing what was said."""

from __future__ import annotations

import asyncio
from typing import cast

import pytest

from engine.errors import GarbledMessage
from engine.fix.reasons import DisconnectReason, Ending
from engine.fix.transport import FixConnection

PATIENCE_S = 10.0


class Recorder:
    """A hub that answers the first frame and closes, as after a Logon(A) with the wrong number."""

    def __init__(self) -> None:
        self.frames: list[bytes] = []
        self.endings: list[Ending] = []
        self.connection: FixConnection | None = None

    def connection_up(self, connection: FixConnection) -> bool:
        self.connection = connection
        return True

    def frame_received(self, connection: FixConnection, frame: bytes | GarbledMessage) -> None:
        self.frames.append(cast(bytes, frame))
        connection.write([b"x" * 100_000])
        connection.close(DisconnectReason.SEQ_TOO_LOW, "too low")

    def bytes_received(self, connection: FixConnection) -> None:
        pass

    def connection_down(self, connection: FixConnection, ending: Ending) -> None:
        self.endings.append(ending)


FRAME = b"8=FIX.4.4\x019=5\x0135=0\x0110=163\x01"


async def test_what_was_said_arrives_whatever_the_peer_still_sends() -> None:
    hub = Recorder()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: FixConnection(hub, 1, "", max_message_bytes=65_536, outgoing_bytes_max=1_000_000), "127.0.0.1", 0
    )
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    # Far more than is read before the close: a socket closed over it would be reset, and the peer's reads with it.
    writer.write(FRAME * 20_000)
    data = await asyncio.wait_for(reader.read(-1), PATIENCE_S)
    assert data == b"x" * 100_000
    assert len(hub.frames) == 1, "nothing that came after the end counts"
    assert hub.endings == [Ending(DisconnectReason.SEQ_TOO_LOW, "too low")]
    assert hub.connection is not None
    assert not hub.connection.alive
    assert not hub.connection.write([b"more"])
    writer.close()
    server.close()


async def test_a_peer_that_never_closes_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.fix.transport.LINGER_S", 0.01)
    hub = Recorder()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: FixConnection(hub, 1, "", max_message_bytes=65_536, outgoing_bytes_max=1_000_000), "127.0.0.1", 0
    )
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    writer.write(FRAME)
    await asyncio.wait_for(reader.read(-1), PATIENCE_S)

    async def go_on_sending() -> None:
        while True:
            writer.write(FRAME * 1_000)
            await writer.drain()

    with pytest.raises(ConnectionError):
        await asyncio.wait_for(go_on_sending(), PATIENCE_S)
    assert hub.endings == [Ending(DisconnectReason.SEQ_TOO_LOW, "too low")], "ended once"
    server.close()
