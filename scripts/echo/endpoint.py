"""FIX sessions behind sockets without a journal: what `engine.fix.session.protocol` asks for is done at once, in order.

Sessions, framing, dictionaries and transport are the engine's; there is no desk, no turn and nothing durable. Numbers
live as long as the process. Both ends of a connection can be had: acceptors share one port, initiators connect.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from echo.reflector import Answer
from echo.sent import SentStore
from engine.clock import Clock, Instant
from engine.errors import GarbledMessage
from engine.fix.session import protocol as session
from engine.fix.session.directory import Directory, described
from engine.fix.session.protocol import Phase, SessionSettings, SessionState, Step
from engine.fix.session.reasons import DisconnectReason, Ending
from engine.fix.sockets.transport import FixConnection
from engine.fix.standard.dictionary import Dictionary
from engine.fix.wire import codec
from engine.fix.wire.message import Message
from engine.runtime.timers import Deadlines

log = logging.getLogger(__name__)

RESEND_PAGE: Final = 200
UNSENT_BYTES_MAX: Final = 262_144
"""A resend waits while more than this is on its way to its peer."""
LOOK_AGAIN_S: Final = 0.01
WAITING_MAX: Final = 10_000
"""Messages of one session that may wait for a number; further ones are dropped, and said so."""
WAITING_BYTES_MAX: Final = 1_048_576
"""Beyond this a connection is read no further until what waits has left: an echo has as many bytes as its order."""
RECONNECT_S: Final = 1.0
_STOPPING: Final = Ending(DisconnectReason.STOPPING, "stopping")


class Application(Protocol):
    """What stands behind one session."""

    def logged_on(self) -> None: ...

    def answer(self, message: Message) -> Answer | None: ...


@dataclass(slots=True)
class Line:
    """One session, its store and what waits for it."""

    settings: SessionSettings
    dictionary: Dictionary
    application: Application
    state: SessionState = field(default_factory=SessionState.fresh)
    sent: SentStore = field(default_factory=SentStore)
    waiting: deque[Answer] = field(default_factory=deque)
    connection: FixConnection | None = None
    waiting_bytes: int = 0
    is_read: bool = True
    """False while its connection is read no further."""


class Endpoint:
    """Every session of one process; the hub of its connections (`engine.fix.sockets.transport.Hub`)."""

    def __init__(
        self,
        sessions: Mapping[str, tuple[SessionSettings, Dictionary, Application]],
        *,
        connections_max: int,
        max_message_bytes: int,
        outgoing_bytes_max: int,
        clock: Clock | None = None,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._clock = clock or Clock()
        self.lines = {key: Line(*parts) for key, parts in sessions.items()}
        self._directory = Directory(line.settings for line in self.lines.values() if not line.settings.initiator)
        self._strangers: dict[int, FixConnection] = {}
        self._numbers = 0
        self._connections_max = connections_max
        self._max_message_bytes = max_message_bytes
        self._outgoing_bytes_max = outgoing_bytes_max
        self._logon_timeout_s = max((line.settings.logon_timeout_s for line in self.lines.values()), default=10.0)
        self._deadlines = Deadlines(self._loop, self._clock, self._due)
        self._server: asyncio.Server | None = None
        self._stopping = False
        self._quiet = asyncio.Event()

    # --- start and end -----------------------------------------------------------------------------

    async def listen(self, host: str, port: int) -> tuple[str, int]:
        """Accept connections; the address that is listened on. Raises OSError."""
        self._server = await self._loop.create_server(lambda: self.connection(""), host, port)
        bound = self._server.sockets[0].getsockname()
        return bound[0], bound[1]

    async def keep_connected(self, key: str, host: str, port: int, pause_s: float = RECONNECT_S) -> None:
        """Connect an initiator's session, and again whenever its connection has ended."""
        line = self.lines[key]
        while True:
            if line.connection is None and line.state.phase is Phase.DISCONNECTED:
                try:
                    await self._loop.create_connection(lambda: self.connection(key), host, port)
                except OSError as error:
                    log.warning("cannot connect session=%s address=%s:%d error=%s", key, host, port, error)
            await asyncio.sleep(pause_s)

    async def stop(self, patience_s: float) -> None:
        """Log out of every session and close. Peers have that long to prove that they lack nothing, and to answer."""
        self._stopping = True
        if self._server is not None:
            self._server.close()
        for connection in list(self._strangers.values()):
            connection.abort(DisconnectReason.STOPPING, "stopping")
        for _ in range(2):  # Wanted again, a Logout(5) that still waits for its proof leaves without.
            for line in self.lines.values():
                if line.state.phase is not Phase.DISCONNECTED:
                    self._carry(line, session.logout(line.settings, line.state, _STOPPING, self._now))
            self._look_quiet()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._quiet.wait(), patience_s)
        for line in self.lines.values():
            if line.connection is not None:
                line.connection.abort(DisconnectReason.STOPPING, "stopping")
        self._deadlines.close()
        for line in self.lines.values():
            line.sent.close()

    def connection(self, key: str) -> FixConnection:
        """The protocol of a new connection; `key` names the session of one that we opened."""
        self._numbers += 1
        return FixConnection(
            self,
            self._numbers,
            key,
            max_message_bytes=self._max_message_bytes,
            outgoing_bytes_max=self._outgoing_bytes_max,
        )

    def say(self, key: str, message: Answer) -> None:
        """Send an application message; it waits while its session is not there or serves a resend."""
        line = self.lines[key]
        self._keep(line, message)
        self._loop.call_soon(self._flush, line)  # Whoever calls may stand in the middle of a step.

    # --- connections (engine.fix.sockets.transport.Hub) ------------------------------------------------------

    def connection_up(self, connection: FixConnection) -> bool:
        accepted = len(self._strangers) + sum(line.connection is not None for line in self.lines.values())
        if self._stopping or (not connection.session and accepted >= self._connections_max):
            log.warning("connection refused peer=%s: %d are open, fix.connections_max", connection.peer, accepted)
            return False
        if connection.session:
            line = self.lines[connection.session]
            line.connection = connection
            self._carry(line, session.connected(line.settings, line.state, connection.number, self._now))
        else:
            self._strangers[connection.number] = connection
            self._loop.call_later(self._logon_timeout_s, self._no_logon, connection.number)
        return True

    def frames_received(self, connection: FixConnection, frames: Sequence[bytes | GarbledMessage]) -> None:
        for frame in frames:
            self._heard(connection, frame)

    def _heard(self, connection: FixConnection, frame: bytes | GarbledMessage) -> None:
        if connection.number in self._strangers:
            self._first(connection, frame)
            return
        line = self._line_of(connection)
        if line is None:
            return  # It was on its way when the connection was given up.
        if isinstance(frame, bytes):
            try:
                message = codec.decode(frame, line.dictionary)
            except GarbledMessage as error:
                frame = error
        if isinstance(frame, GarbledMessage):
            self._carry(line, session.garbled(line.settings, line.state, frame, self._now))
        else:
            self._received(line, message)

    def bytes_received(self, connection: FixConnection) -> None:
        line = self._line_of(connection)
        if line is not None:
            line.state = session.heard(line.state, self._now.monotonic_ns)

    def connection_down(self, connection: FixConnection, ending: Ending) -> None:
        self._strangers.pop(connection.number, None)
        line = self._line_of(connection)
        if line is not None:
            log.info("disconnected session=%s reason=%s", line.settings.key, ending)
            line.connection = None
            self._carry(line, session.disconnected(line.settings, line.state, ending, self._now))
        self._look_quiet()

    def _first(self, connection: FixConnection, frame: bytes | GarbledMessage) -> None:
        """A stranger's first message: a Logon(A) of a session that is free, or the connection is closed unanswered."""
        del self._strangers[connection.number]
        any_dictionary = next(iter(self.lines.values())).dictionary
        try:
            if isinstance(frame, GarbledMessage):
                raise frame
            message = codec.decode(frame, any_dictionary)
        except GarbledMessage as error:
            self._refuse(connection, DisconnectReason.LOGON_REFUSED, f"the first message is garbled: {error}")
            return
        key = self._directory.find(message)
        if key is None:
            self._refuse(connection, DisconnectReason.UNKNOWN_SESSION, f"no session for {described(message)}")
        elif self.lines[key].state.phase is not Phase.DISCONNECTED:
            self._refuse(connection, DisconnectReason.ALREADY_CONNECTED, f"session {key} has a connection already")
        else:
            self._log_on(self.lines[key], connection, message.raw)

    def _log_on(self, line: Line, connection: FixConnection, frame: bytes) -> None:
        """A first message that names a session, read anew with its own dictionary: which fields are data, that says."""
        try:
            message = codec.decode(frame, line.dictionary)
        except GarbledMessage as error:
            self._refuse(connection, DisconnectReason.LOGON_REFUSED, f"the first message is garbled: {error}")
            return
        connection.session = line.settings.key
        line.connection = connection
        self._carry(line, session.connected(line.settings, line.state, connection.number, self._now))
        self._received(line, message)

    def _refuse(self, connection: FixConnection, code: DisconnectReason, text: str) -> None:
        log.warning("logon refused peer=%s code=%s text=%s", connection.peer, code, text)
        connection.close(code, text)

    def _no_logon(self, number: int) -> None:
        connection = self._strangers.pop(number, None)
        if connection is not None:
            self._refuse(connection, DisconnectReason.LOGON_TIMEOUT, f"no Logon(A) within {self._logon_timeout_s:g} s")

    def _line_of(self, connection: FixConnection) -> Line | None:
        line = self.lines.get(connection.session)
        return line if line is not None and line.connection is connection else None

    # --- steps -------------------------------------------------------------------------------------

    def _received(self, line: Line, message: Message) -> None:
        self._carry(line, session.received(line.settings, line.state, message, self._now, dictionary=line.dictionary))

    def _due(self, key: str) -> None:
        line = self.lines[key]
        self._carry(line, session.tick(line.settings, line.state, self._now, reading=line.is_read))

    def _carry(self, line: Line, step: Step) -> None:
        """Take a step, do what it asks for in order, then answer what it delivered."""
        line.state = step.state
        answers: list[Answer] = []
        for action in step.actions:
            answer = self._act(line, action)
            if answer is not None:
                answers.append(answer)
        for answer in answers:
            self._keep(line, answer)
        self._flush(line)

    def _keep(self, line: Line, message: Answer) -> None:
        if len(line.waiting) < WAITING_MAX:
            line.waiting.append(message)
            line.waiting_bytes += len(message.body)
        else:
            log.error("message dropped session=%s: %d wait for a number", line.settings.key, WAITING_MAX)

    def _flush(self, line: Line) -> None:
        while line.waiting and line.state.can_send:
            answer = line.waiting.popleft()
            line.waiting_bytes -= len(answer.body)
            self._bind(line, answer)
        self._settle_reading(line)
        due_ns = session.next_deadline_ns(line.settings, line.state, reading=line.is_read)
        self._deadlines.set(line.settings.key, due_ns)

    def _settle_reading(self, line: Line) -> None:
        """Read a connection as fast as what it brings can be answered: none of it is dropped or fills the memory."""
        connection = line.connection
        is_full = len(line.waiting) >= WAITING_MAX // 2 or line.waiting_bytes > WAITING_BYTES_MAX
        if line.is_read and is_full and line.state.resending and connection is not None:
            line.is_read = False
            connection.hold()
        elif not line.is_read and not (is_full and line.state.resending):
            line.is_read = True
            if connection is not None:
                line.state = session.heard(line.state, self._now.monotonic_ns)
                connection.let_go()

    def _act(self, line: Line, action: session.Action) -> Answer | None:
        key = line.settings.key
        match action:
            case session.Transmit(numbered):
                line.sent.append(numbered.seq_num, None)
                self._write(line, numbered.data)
            case session.Retransmit(data):
                self._write(line, data)
            case session.Deliver(message):
                if message.msg_type != "3":
                    return line.application.answer(message)
            case session.ReadSent(begin, end):
                self._loop.call_soon(self._serve, line, line.state.epoch, line.connection, begin, end)
            case session.EpochBegan():
                line.sent.begin(line.state.first_out)
                line.waiting_bytes = 0
                line.waiting.clear()  # Answers to what was said before the numbers began anew.
            case session.LoggedOn():
                log.info("logged on session=%s", key)
                line.application.logged_on()
            case session.LoggedOut(ending):
                log.info("logged out session=%s reason=%s", key, ending)
            case session.Warn(code, text):
                log.warning("session warning session=%s code=%s text=%s", key, code, text)
            case session.CloseConnection(code, text):
                if line.connection is not None:
                    line.connection.close(code, text)
            case session.DrainHeld():
                self._loop.call_soon(self._drain, line, line.connection)
            case _:
                pass  # Evidence of what arrived is for applications that keep accounts.
        return None

    def _bind(self, line: Line, answer: Answer) -> None:
        seq_num = line.state.next_out
        line.state, data = session.bind(
            line.settings, line.state, answer.msg_type, answer.body, self._now, extra=answer.header
        )
        line.sent.append(seq_num, data)
        self._write(line, data)

    def _drain(self, line: Line, connection: FixConnection | None) -> None:
        if line.connection is connection:
            self._carry(line, session.drain(line.settings, line.state, self._now, dictionary=line.dictionary))

    def _serve(self, line: Line, epoch: int, connection: FixConnection | None, begin: int, end: int) -> None:
        """One page of a resend; the next when the peer has read what is on its way."""
        if connection is None or line.connection is not connection or line.state.epoch != epoch:
            return
        if connection.unsent_bytes > UNSENT_BYTES_MAX:
            self._loop.call_later(LOOK_AGAIN_S, self._serve, line, epoch, connection, begin, end)
            return
        rows = line.sent.page(begin, end, RESEND_PAGE)
        begin += len(rows)
        last = begin > end
        self._carry(line, session.resend_page(line.settings, line.state, rows, last, self._now))
        if not last:
            self._loop.call_soon(self._serve, line, epoch, connection, begin, end)

    def _write(self, line: Line, data: bytes) -> None:
        if line.connection is not None:
            line.connection.write([data])

    def _look_quiet(self) -> None:
        if self._stopping and all(line.connection is None for line in self.lines.values()):
            self._quiet.set()

    @property
    def _now(self) -> Instant:
        return self._clock.now()
