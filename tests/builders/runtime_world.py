"""The real runtime over a journal in a file; its transports keep what is written, its clock is set by hand."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

from session_world import SessionWorld

from engine.clock import NS_PER_S, Clock, Instant
from engine.fix.sockets.transport import FixConnection
from engine.journal.events import events_codec
from engine.journal.opening import Durability
from engine.journal.reader import JournalReader
from engine.journal.writer import Journal
from engine.metrics.collector import Metrics
from engine.runtime.hub import Patience
from engine.runtime.loop import Limits, Runtime
from engine.runtime.staging import Recorder


class SetClock(Clock):
    """A clock that stands until it is set: what is sent says the same time, whenever it leaves."""

    def __init__(self, at: Instant) -> None:
        super().__init__()
        self.at = at

    def now(self) -> Instant:
        return self.at

    def advance(self, seconds: float) -> None:
        self.at = Instant(self.at.monotonic_ns + int(seconds * NS_PER_S), self.at.utc_ns + int(seconds * NS_PER_S))


class Wire:
    """A transport that keeps what is written."""

    def __init__(self) -> None:
        self.written = b""

    def write(self, data: bytes) -> None:
        self.written += data

    def writelines(self, data: list[bytes]) -> None:
        self.written += b"".join(data)

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return ("192.0.2.7", 40_001) if name == "peername" else default

    def get_write_buffer_size(self) -> int:
        return 0

    def is_closing(self) -> bool:
        return False

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...


class RuntimeWorld:
    def __init__(self, runtime: Runtime, sessions: SessionWorld, clock: SetClock, journal: Journal) -> None:
        self.runtime = runtime
        self.journal = journal
        self.sessions = sessions
        self.clock = clock
        self.wires: dict[str, Wire] = {}
        self._connections: dict[str, FixConnection] = {}

    def connect(self, key: str) -> None:
        """A peer connects; who it is its first message says."""
        number = len(self.wires) + 1
        self.wires[key] = Wire()
        connection = FixConnection(self.runtime.hub, number, "", max_message_bytes=65_536, outgoing_bytes_max=1 << 20)
        self._connections[key] = connection
        connection.connection_made(cast(asyncio.BaseTransport, self.wires[key]))

    def send(self, key: str, data: bytes) -> None:
        """Bytes of this peer; they are decided on, and nothing of it is on its way to the disk yet."""
        self._connections[key].data_received(data)

    async def hear(self, key: str, data: bytes) -> None:
        """Bytes of this peer; what comes of them is durable and written when this returns."""
        self.send(key, data)
        await self.runtime.idle()


@asynccontextmanager
async def runtime_world(
    path: Path, *, limits: Limits | None = None, durability: Durability = "normal"
) -> AsyncIterator[RuntimeWorld]:
    """Sessions as in `SessionWorld`, nobody connected. Fails if the runtime did."""
    loop = asyncio.get_running_loop()
    sessions = SessionWorld()
    clock = SetClock(sessions.now)
    failed: asyncio.Future[str] = loop.create_future()
    journal = Journal(path, durability, reserve_bytes=0)
    reader = await JournalReader.open(path)
    runtime = Runtime(
        sessions.machine,
        sessions.trading,
        Recorder(journal.head, events_codec()),
        journal,
        reader,
        clock,
        Metrics("test"),
        limits or Limits(),
        Patience(),
        loop,
        failed.set_result,
        entropy=lambda: bytes(16),
    )
    try:
        yield RuntimeWorld(runtime, sessions, clock, journal)
        assert not failed.done(), failed.result()
    finally:
        runtime.stop()
        await reader.close()
        journal.close()
