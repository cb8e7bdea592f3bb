"""fix/sockets/dialer.py over loopback: which address when, and how soon again; by a clock that only notes its waits."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Sequence
from typing import Any, cast

import pytest

from engine.clock import NS_PER_S, Clock
from engine.errors import GarbledMessage
from engine.fix.session.reasons import DisconnectReason, Ending
from engine.fix.sockets import dialer as dialing
from engine.fix.sockets.dialer import Destination, Dialer
from engine.fix.sockets.transport import FixConnection

HOST = "127.0.0.1"
PATIENCE_S = 30.0
"""A failing test ends after this; a passing one never waits that long."""


class NotingClock:
    """Whoever waits for something finds it over at once; how long it would have been is noted."""

    speed = 1.0

    def __init__(self) -> None:
        self.waits: list[float] = []

    def real_delay_s(self, delay_ns: int) -> float:
        self.waits.append(delay_ns / NS_PER_S)
        return 0.0


class Line:
    """One session's dialer, and the hub of its connections; `on_up` says what becomes of each."""

    def __init__(self, ports: list[int], on_up: Callable[[FixConnection], None], **more: Any) -> None:
        self.clock, self.became = NotingClock(), []
        self.called: list[str] = []
        self._on_up = on_up
        self._target = 0
        self._reached = asyncio.Event()
        self.dialer = Dialer(
            Destination("alder", tuple((HOST, port) for port in ports), 1.0, 60.0, 5.0),
            lambda: FixConnection(self, 1, "alder", max_message_bytes=1024, outgoing_bytes_max=65_536),
            cast(Clock, self.clock),
            count=self._count,
            **more,
        )

    def _count(self, outcome: str) -> None:
        self.became.append(str(outcome))
        if len(self.became) >= self._target:
            self._reached.set()

    def connection_up(self, connection: FixConnection) -> bool:
        self.called.append(connection.peer)
        self._on_up(connection)
        return True

    def frames_received(self, connection: FixConnection, frames: Sequence[bytes | GarbledMessage]) -> None:
        pass

    def bytes_received(self, connection: FixConnection) -> None:
        pass

    def connection_down(self, connection: FixConnection, ending: Ending) -> None:
        self.dialer.freed()

    async def go(self, times: int) -> None:
        """Until so many attempts are over."""
        self._target = times
        task = asyncio.ensure_future(self.dialer.run())
        try:
            async with asyncio.timeout(PATIENCE_S):
                await self._reached.wait()
                await asyncio.sleep(0)
        finally:
            task.cancel()


@pytest.fixture(autouse=True)
def without_jitter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dialing.random, "random", lambda: 0.5)


@pytest.fixture
async def server() -> Any:
    """A peer that closes each connection at once, unless it is told otherwise."""
    made = await asyncio.start_server(lambda _, writer: writer.close(), HOST, 0)
    yield made
    made.close()


def port_of(server: Any) -> int:
    return int(server.sockets[0].getsockname()[1])


def nothing(connection: FixConnection) -> None:
    pass


async def test_a_peer_that_closes_at_once_is_left_alone_longer_and_longer(server: Any) -> None:
    line = Line([port_of(server)], nothing)
    await line.go(8)
    assert line.became[:8] == ["no_logon"] * 8
    assert line.clock.waits[:8] == [1, 2, 4, 8, 16, 32, 60, 60]


async def test_addresses_are_tried_in_turn(server: Any) -> None:
    with socket.socket() as deaf:
        deaf.bind((HOST, 0))  # Nobody listens there, and nobody else can meanwhile.
        line = Line([deaf.getsockname()[1], port_of(server)], nothing)
        await line.go(4)
    assert line.became[:4] == ["no_connection", "no_logon", "no_connection", "no_logon"]
    assert line.clock.waits[:4] == [1, 2, 4, 8]


async def test_a_session_that_is_logged_out_at_once_is_left_alone_longer_and_longer(server: Any) -> None:
    line = Line([port_of(server)], lambda connection: connection.welcome())
    await line.go(4)
    assert line.became[:4] == ["logged_on"] * 4
    assert line.clock.waits[:4] == [1, 2, 4, 8]


async def test_a_session_that_has_lived_is_connected_again_at_once(server: Any) -> None:
    def has_lived(connection: FixConnection) -> None:
        connection.welcome()
        assert connection.logged_on_s is not None
        connection.logged_on_s -= 1000.0

    line = Line([port_of(server)], has_lived)
    await line.go(3)
    assert line.clock.waits[:3] == [1, 1, 1]


async def test_a_peer_that_expects_other_numbers_is_left_alone_for_long(server: Any) -> None:
    line = Line([port_of(server)], lambda connection: connection.welcome(), behind=lambda: True)
    await line.go(2)
    assert line.became[:2] == ["wrong_numbers"] * 2
    assert line.clock.waits[:2] == [300, 300]


async def test_an_operator_in_a_hurry_ends_a_pause(server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    line = Line([port_of(server)], nothing)
    monkeypatch.setattr(line.clock, "real_delay_s", lambda delay_ns: 3600.0)
    task = asyncio.ensure_future(line.go(2))
    async with asyncio.timeout(PATIENCE_S):
        while len(line.became) < 1:  # noqa: ASYNC110
            await asyncio.sleep(0.001)
        line.dialer.hurry()
        await task
    assert line.became == ["no_logon"] * 2


async def test_a_session_that_is_not_wanted_waits_until_it_is(server: Any) -> None:
    wanted: list[bool] = []
    line = Line([port_of(server)], nothing, wanted=lambda: bool(wanted))
    task = asyncio.ensure_future(line.go(1))
    for _ in range(20):
        await asyncio.sleep(0)
    assert not line.called
    wanted.append(True)
    line.dialer.hurry()
    await task
    assert line.became[0] == "no_logon"


async def test_a_refused_connection_of_ours_counts_as_none(server: Any) -> None:
    """What the core closes before the Logon(A), over a pin say, is no better than a peer that closes."""
    line = Line([port_of(server)], lambda connection: connection.close(DisconnectReason.NOT_ALLOWED, "pinned"))
    await line.go(2)
    assert line.became[:2] == ["no_logon"] * 2
    assert line.clock.waits[:2] == [1, 2]
