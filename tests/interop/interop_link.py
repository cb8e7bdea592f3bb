"""What connects the parties of a test: one board to wait at, one event loop, and links that record, lose and break."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
import time
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, TypeVar

from interop_wire import Said, frames, read
from ports import free_port

PATIENCE_S = 60.0
"""A failing test ends after this; a passing one never waits that long."""
LOOK_AGAIN_S = 0.05
"""What another process does, in its journal say, tells nobody here."""

T = TypeVar("T")


class Board:
    """Whoever changes anything says so here; whoever waits for something looks again."""

    def __init__(self) -> None:
        self._changed = threading.Condition()

    def tell(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def until(self, what: str, found: Callable[[], T | None], patience_s: float = PATIENCE_S) -> T:
        """What `found` gives once that is something true."""
        deadline = time.monotonic() + patience_s
        with self._changed:
            while not (result := found()):
                left_s = deadline - time.monotonic()
                if left_s <= 0:
                    raise AssertionError(f"waited {patience_s:g} s for {what}")
                self._changed.wait(min(left_s, LOOK_AGAIN_S))
        return result


class LoopThread:
    """An asyncio loop in a thread of its own: these tests and QuickFIX both block."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, name="interop", daemon=True)
        self._thread.start()

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(PATIENCE_S)

    def close(self) -> None:
        async def cancel_all() -> None:
            others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)

        self.run(cancel_all())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(PATIENCE_S)
        self.loop.close()


class Way(Enum):
    """A direction on a link. `up` leads from the side that dials to the side that listens."""

    up = "up"
    down = "down"


@dataclass(frozen=True, slots=True)
class Line:
    """One connection through a link: where each direction goes on."""

    number: int
    writers: Mapping[Way, asyncio.StreamWriter]

    def abort(self) -> None:
        for writer in self.writers.values():
            writer.transport.abort()

    def reset(self) -> None:
        """End both sides by RST."""
        for writer in self.writers.values():
            at_once = struct.pack("ii", 1, 0)
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, at_once)
        self.abort()


class Link:
    """A TCP relay in front of a listening port. Frames pass whole; each is recorded when it has come this far.

    `lose_from` is what a connection that dies loses: a suffix. `drop` takes a single message out, as only a broken
    engine would. `hold` delays. Both sides notice a `cut` at once; after `block`, nobody gets in.
    """

    def __init__(self, loop: LoopThread, board: Board, target: Callable[[], int]) -> None:
        self._loop = loop
        self._board = board
        self._target = target
        self._rules: dict[Way, list[tuple[Callable[[Said], bool], bool]]] = {Way.up: [], Way.down: []}
        self._losing: set[Way] = set()
        self._gates = {Way.up: asyncio.Event(), Way.down: asyncio.Event()}
        for gate in self._gates.values():
            gate.set()
        self._open: dict[int, Line] = {}
        self.passed: dict[Way, list[Said]] = {Way.up: [], Way.down: []}
        self.lost: dict[Way, list[Said]] = {Way.up: [], Way.down: []}
        self.connections = 0
        self.port = free_port()
        self._server: asyncio.Server | None = None
        self.unblock()

    def lose_from(self, way: Way, match: Callable[[Said], bool]) -> None:
        """The first message that fits and everything behind it on this connection never arrives."""
        self._rules[way].append((match, True))

    def drop(self, way: Way, match: Callable[[Said], bool]) -> None:
        """The first message that fits never arrives."""
        self._rules[way].append((match, False))

    def hold(self, way: Way) -> None:
        """Nothing goes on in this direction until `release`; nothing is lost."""
        self._gates[way].clear()

    def release(self, way: Way) -> None:
        self._loop.loop.call_soon_threadsafe(self._gates[way].set)

    def until_lost(self, way: Way, times: int = 1, **wanted: str | None) -> Said:
        """The `times`-th lost message with these values. Name them: a TestRequest(1) may be lost among them."""

        def found() -> Said | None:
            fitting = [said for said in self.lost[way] if said.has(**wanted)]
            return fitting[times - 1] if len(fitting) >= times else None

        return self._board.until(f"{times} lost message(s) with {wanted}", found)

    def cut(self) -> None:
        """Break the connection."""

        async def abort() -> None:
            for line in list(self._open.values()):
                line.abort()

        self._loop.run(abort())

    def block(self) -> None:
        """Nobody listens here any more; who is connected stays so."""
        if self._server is not None:
            self._loop.loop.call_soon_threadsafe(self._server.close)
            self._server = None

    def unblock(self) -> None:
        if self._server is None:
            self._server = self._loop.run(asyncio.start_server(self._accepted, "127.0.0.1", self.port))

    def close(self) -> None:
        self.block()

        async def end() -> None:
            for line in list(self._open.values()):
                line.abort()

        self._loop.run(end())

    async def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target())
        except OSError:
            writer.transport.abort()
            return
        self.connections += 1
        self._losing.clear()
        line = Line(self.connections, {Way.up: far_writer, Way.down: writer})
        self._open[line.number] = line
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._pump(line, Way.up, reader))
                group.create_task(self._pump(line, Way.down, far_reader))
        finally:
            del self._open[line.number]

    async def _pump(self, line: Line, way: Way, reader: asyncio.StreamReader) -> None:
        buffer = bytearray()
        with contextlib.suppress(OSError):
            while data := await reader.read(65_536):
                buffer += data
                for frame in frames(buffer):
                    await self._gates[way].wait()
                    if self._passes(way, read(frame)):
                        await self._carry(line, way, frame)
                self._board.tell()
        with contextlib.suppress(OSError):
            line.writers[way].close()

    async def _carry(self, line: Line, way: Way, frame: bytes) -> None:
        """Send a frame on. Raises OSError if the connection is broken."""
        line.writers[way].write(frame)

    def _passes(self, way: Way, said: Said) -> bool:
        rules = self._rules[way]
        if way not in self._losing:
            hit = next((rule for rule in rules if rule[0](said)), None)
            if hit is None:
                self.passed[way].append(said)
                return True
            rules.remove(hit)
            if hit[1]:
                self._losing.add(way)
        self.lost[way].append(said)
        return False


class OpaqueLink(Link):
    """A `Link` for bytes it cannot read, under TLS say: it can be cut and blocked, and records nothing."""

    async def _pump(self, line: Line, way: Way, reader: asyncio.StreamReader) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65_536):
                line.writers[way].write(data)
        with contextlib.suppress(OSError):
            line.writers[way].close()
