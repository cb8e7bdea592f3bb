"""The admin socket: people and programs ask, the desk answers, watchers are told what happened.

Owns connections, who is at the other end, and the bounds. What a command means is the desk's; here it is text in
and text out. An answer is written when `submit` is done, which is when it is durable. A reader that does not keep
up is dropped, never waited for.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol, cast

from engine.admin import protocol
from engine.admin.listening import listen, peer_of, remove
from engine.admin.protocol import BadRequest, Request, read_request
from engine.admin.record import Record
from engine.commands.parameters import did_you_mean
from engine.commands.table import COMMANDS, By
from engine.config.tables import AdminConfig, AdminPerson, Role
from engine.desk.notices import Notice, Topic
from engine.errors import CommandError

log = logging.getLogger(__name__)

LINE_BYTES_MAX: Final = 1_048_576
IN_FLIGHT_MAX: Final = 32
"""Unanswered requests of one connection."""
OUTPUT_BYTES_MAX: Final = 8_388_608
"""Bytes that one reader may leave unread before it is dropped."""
TOPICS_MAX: Final = 64
TOPICS: Final = frozenset[str](Topic)


Submit = Callable[[str, Mapping[str, Any], str, str], Awaitable[Any]]
"""(command, params, actor, role) to its result, once durable. Raises CommandError."""

Watcher = Callable[[int, Notice], None]
"""Told of a notice with its UTC time in ns."""


class Notices(Protocol):
    """Where notices come from."""

    @property
    def seq(self) -> int:
        """Behind this journal seq whoever begins to watch now is told of everything."""
        ...

    def watch(self, watcher: Watcher) -> Callable[[], None]:
        """Tell of every notice from now on. Returns what ends it."""
        ...


@dataclass(frozen=True, slots=True)
class _Subscription:
    """What one connection hears: these topics, all of them if there are none, behind `seq`."""

    topics: frozenset[str]
    seq: int

    def takes(self, notice: Notice) -> bool:
        """A page is in no snapshot, and is never too old."""
        return (not self.topics or notice.topic in self.topics) and (
            notice.seq > self.seq or notice.topic is Topic.page
        )


class AdminServer:
    """`start` listens, `close` ends every connection and takes the socket file away."""

    def __init__(
        self,
        config: AdminConfig,
        submit: Submit,
        notices: Notices,
        *,
        record: Record | None = None,
        line_bytes_max: int = LINE_BYTES_MAX,
        in_flight_max: int = IN_FLIGHT_MAX,
        output_bytes_max: int = OUTPUT_BYTES_MAX,
    ) -> None:
        self.config = config
        self.submit = submit
        self.line_bytes_max = line_bytes_max
        self.in_flight_max = in_flight_max
        self.output_bytes_max = output_bytes_max
        self.notices = notices
        self._record = record
        self._unwatch: Callable[[], None] | None = None
        """While somebody subscribes: notices nobody hears are not made."""
        self._server: asyncio.Server | None = None
        self._inode = 0
        self.connections: set[_Connection] = set()
        self._subscribers: dict[_Connection, _Subscription] = {}
        self.dropped_total = 0
        """Connections that were dropped because they did not read."""

    async def start(self) -> None:
        """Raises StartError when the socket cannot be had."""
        listening = listen(self.config.socket, self.config.group)
        self._inode = os.stat(self.config.socket).st_ino
        self._server = await asyncio.get_running_loop().create_unix_server(lambda: _Connection(self), sock=listening)
        log.info("admin socket listening path=%s", self.config.socket)

    def take_up(self, config: AdminConfig) -> None:
        """Let in by these people from now on; whoever is another one by them, or nobody, has to connect again."""
        self.config = config
        for connection in tuple(self.connections):
            connection.look_again()

    def close(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
            remove(self.config.socket, self._inode)
        for connection in tuple(self.connections):
            self.unsubscribe(connection)
            connection.close()

    async def ask(self, method: str, params: Mapping[str, Any], actor: str, role: str) -> Any:
        """Answer from the journal's file what it answers; give everything else to the desk. Raises CommandError."""
        command = COMMANDS.get(method)
        if command is None or command.by is not By.record:
            return await self.submit(method, params, actor, role)
        if self._record is None:
            raise CommandError(f"{method}: there is no journal to read", code="state")
        return await self._record.answer(method, params, actor, role)

    # --- who is told -------------------------------------------------------------------------------

    @property
    def subscribers(self) -> int:
        return len(self._subscribers)

    def subscribe(self, connection: _Connection, topics: frozenset[str]) -> int:
        """Tell of these topics, or of all, from now on. The journal seq behind which everything will be told."""
        seq = self.notices.seq
        self._subscribers[connection] = _Subscription(topics, seq)
        if self._unwatch is None:
            self._unwatch = self.notices.watch(self._tell)
        return seq

    def unsubscribe(self, connection: _Connection) -> None:
        self._subscribers.pop(connection, None)
        if not self._subscribers and self._unwatch is not None:
            self._unwatch()
            self._unwatch = None

    def _tell(self, utc_ns: int, notice: Notice) -> None:
        """One line to everybody who subscribed; spelt once however many they are."""
        line = b""
        for connection, subscription in tuple(self._subscribers.items()):
            if subscription.takes(notice):
                line = line or protocol.notice_line(notice.topic, notice.seq, notice.body, utc_ns)
                connection.write(line)


class _Connection(asyncio.Protocol):
    """One person or program."""

    def __init__(self, server: AdminServer) -> None:
        self._server = server
        self._transport: asyncio.Transport | None = None
        self._person: AdminPerson | None = None
        self._uid = -1
        self._buffer = bytearray()
        self._in_flight: set[asyncio.Task[None]] = set()

    # --- the connection ------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are no subclasses of asyncio's; the interface is the same.
        self._transport = cast("asyncio.Transport", transport)
        server = self._server
        pid, uid, _ = peer_of(transport.get_extra_info("socket"))
        self._uid = uid
        person = server.config.person(uid, os.getuid())
        if person is None:
            log.warning("admin peer refused uid=%d pid=%d", uid, pid)
            self._refuse(f"user {uid} is not known here: add an [[admin.people]] entry to engine.toml", "forbidden")
        elif len(server.connections) >= server.config.connections_max:
            log.warning("admin connections at their bound max=%d", server.config.connections_max)
            self._refuse(f"{server.config.connections_max} connections are open, admin.connections_max", "busy")
        else:
            self._person = person
            server.connections.add(self)
            log.debug("admin peer connected actor=%s role=%s pid=%d", person.actor, person.role, pid)

    def connection_lost(self, exc: Exception | None) -> None:
        # What is in flight goes on: it may be recorded already. Its answer finds nobody.
        self._transport = None
        self._server.connections.discard(self)
        self._server.unsubscribe(self)

    def look_again(self) -> None:
        """Is this person still who it was? What is asked already is answered."""
        if self._server.config.person(self._uid, os.getuid()) != self._person:
            log.info("admin peer is another one now, or unknown: connection ended uid=%d", self._uid)
            if not self.eof_received() and self._transport is not None:
                self._transport.close()

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()
        for task in self._in_flight:
            task.cancel()

    def write(self, line: bytes) -> None:
        """Hand a line to the transport; drop the reader if it leaves too much unread."""
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        if transport.get_write_buffer_size() > self._server.output_bytes_max:
            actor = self._person.actor if self._person is not None else "?"
            log.warning("admin reader dropped actor=%s unread_bytes=%d", actor, transport.get_write_buffer_size())
            self._server.dropped_total += 1
            self._server.unsubscribe(self)
            transport.abort()
            return
        transport.write(line)

    def _refuse(self, text: str, word: str) -> None:
        assert self._transport is not None
        self._transport.write(protocol.error_line(None, protocol.FORBIDDEN, text, word))
        self._transport.close()

    # --- what comes in -------------------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        if self._person is None:
            return
        self._buffer += data
        while (end := self._buffer.find(b"\n")) >= 0 and end <= self._server.line_bytes_max:
            line = bytes(self._buffer[:end])
            del self._buffer[: end + 1]
            if line.strip():
                self._line(line)
        if len(self._buffer) > self._server.line_bytes_max:
            self._buffer.clear()
            self._refuse(f"a line has at most {self._server.line_bytes_max} bytes", "params")

    def eof_received(self) -> bool:
        """Half closed: what was asked is still answered, then the connection ends."""
        if not self._in_flight:
            return False
        for task in self._in_flight:
            task.add_done_callback(self._end_when_answered)
        return True

    def _end_when_answered(self, _: asyncio.Task[None]) -> None:
        if not self._in_flight and self._transport is not None:
            self._transport.close()

    def _line(self, line: bytes) -> None:
        try:
            request = read_request(line)
        except BadRequest as bad:
            self.write(protocol.error_line(bad.request_id, bad.code, str(bad), "request"))
            return
        if request.method == "subscribe":
            self._subscribe(request)
        elif len(self._in_flight) >= self._server.in_flight_max:
            text = f"busy: {self._server.in_flight_max} requests of this connection are unanswered, wait for them"
            self.write(protocol.refusal_line(request.id, text, "busy"))
        else:
            task = asyncio.get_running_loop().create_task(self._answer(request))
            self._in_flight.add(task)
            task.add_done_callback(self._in_flight.discard)

    async def _answer(self, request: Request) -> None:
        assert self._person is not None
        try:
            result = await self._server.ask(request.method, request.params, self._person.actor, self._person.role.value)
        except CommandError as error:
            self.write(protocol.refusal_line(request.id, str(error), error.code))
        except Exception:
            # Ours, and one bad command stops nobody: the log has it whole.
            log.exception("admin command failed method=%s", request.method)
            self.write(
                protocol.refusal_line(request.id, f"{request.method} failed inside the daemon: see its log", "bug")
            )
        else:
            self.write(protocol.result_line(request.id, result))

    def _subscribe(self, request: Request) -> None:
        """Notices of the named topics, or of all, from now on."""
        assert self._person is not None
        topics = request.params.get("topics", [])
        unknown = [name for name in request.params if name != "topics"]
        if unknown or not isinstance(topics, list) or len(topics) > TOPICS_MAX:
            text = f"subscribe: expected 'topics', a list of at most {TOPICS_MAX} words, or nothing"
            self.write(protocol.refusal_line(request.id, text, "params"))
        elif self._person.role is Role.FEED:
            text = f"subscribe needs role viewer; {self._person.actor} is feed"
            self.write(protocol.refusal_line(request.id, text, "role"))
        else:
            wanted = frozenset(str(topic) for topic in topics)
            strange = sorted(wanted - TOPICS)
            if strange:
                near = did_you_mean(strange[0], Topic) or f": known are {', '.join(Topic)}"
                self.write(protocol.refusal_line(request.id, f"subscribe: no topic '{strange[0]}'{near}", "params"))
            else:
                seq = self._server.subscribe(self, wanted)
                self.write(protocol.result_line(request.id, {"topics": sorted(wanted) or "all", "seq": seq}))
