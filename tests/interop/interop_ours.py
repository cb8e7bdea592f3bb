"""Our own session layer as a party: the sessions of `scripts/fix_echo`, with an application that says what it is told.

Numbers and what was sent live as long as the object; a party that left does not come back with them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from echo.endpoint import Endpoint
from echo.reflector import Answer as Outgoing
from echo.sent import SentStore
from interop_link import Board, LoopThread
from interop_party import Answer, Identity
from interop_wire import Body, Said, read

from engine.fix.session.phases import Phase
from engine.fix.session.settings import SessionSettings
from engine.fix.standard.dictionaries import built_in
from engine.fix.standard.dictionary import Dictionary
from engine.fix.wire.codec import encode_body
from engine.fix.wire.message import Message

RECONNECT_S = 0.1
STOP_S = 2.0


class Speaker:
    """One session's application: keeps what it hears, in that order, and gives the answers it was told to give."""

    def __init__(self, key: str, board: Board, answer: Answer | None = None) -> None:
        self._key = key
        self._board = board
        self._answer = answer
        self.endpoint: Endpoint | None = None
        self.heard: list[Said] = []

    def logged_on(self) -> None:
        self._board.tell()

    def answer(self, message: Message) -> None:
        said = read(message.raw)
        self.heard.append(said)
        if self._answer is not None:
            for kind, body in self._answer(said):
                self.say(kind, body)
        self._board.tell()

    def say(self, kind: str, body: Body) -> None:
        """On the loop's thread. What is said while nobody is connected waits for its number."""
        assert self.endpoint is not None
        self.endpoint.say(self._key, Outgoing(kind, encode_body(flat(body))))


class ShownStore(SentStore):
    """A store that shows the application messages in it: `said`, from any thread."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[Said] = []

    def append(self, seq_num: int, data: bytes | None) -> None:
        super().append(seq_num, data)
        if data is not None:
            self.said.append(read(data))


class OursParty:
    """One session of an `Endpoint` of its own."""

    def __init__(self, loop: LoopThread, board: Board, identity: Identity, answer: Answer | None = None) -> None:
        self._loop = loop
        self._identity = identity
        self._settings = settings_of(identity)
        self._application = Speaker(self._settings.key, board, answer)
        self._store = ShownStore()
        self._endpoint: Endpoint | None = None
        self._connecting: asyncio.Task[None] | None = None

    @property
    def heard(self) -> list[Said]:
        return self._application.heard

    @heard.setter
    def heard(self, heard: list[Said]) -> None:
        self._application.heard = heard

    @property
    def said(self) -> list[Said]:
        """The application messages it has given a number to."""
        return list(self._store.said)

    @property
    def logged_on(self) -> bool:
        if self._endpoint is None:
            return False
        return self._endpoint.lines[self._settings.key].state.phase is Phase.ACTIVE

    def start(self) -> None:
        self._loop.run(self._start())

    def stop(self) -> None:
        self._loop.run(self._stop(STOP_S))

    def end(self) -> None:
        self._loop.run(self._stop(0))

    def send(self, kind: str, body: Body) -> None:
        async def say() -> None:
            self._application.say(kind, body)

        self._loop.run(say())

    def post(self, kind: str, body: Body) -> None:
        """The same, whether or not anybody is connected."""
        self.send(kind, body)

    async def _start(self) -> None:
        key = self._settings.key
        self._endpoint = self._application.endpoint = endpoint_of({key: (self._settings, self._application)})
        self._endpoint.lines[key].sent = self._store
        if self._identity.listens:
            await self._endpoint.listen("127.0.0.1", self._identity.port)
        else:
            dialling = self._endpoint.keep_connected(key, "127.0.0.1", self._identity.port, RECONNECT_S)
            self._connecting = asyncio.create_task(dialling)

    async def _stop(self, patience_s: float) -> None:
        if self._connecting is not None:
            self._connecting.cancel()
        endpoint, self._endpoint = self._endpoint, None
        if endpoint is not None:
            await endpoint.stop(patience_s)


def endpoint_of(sessions: dict[str, tuple[SessionSettings, Speaker]]) -> Endpoint:
    """Sessions of ours with these applications. On the loop's thread."""
    endpoint = Endpoint(
        {key: (settings, _dictionary(settings), speaker) for key, (settings, speaker) in sessions.items()},
        connections_max=64,
        max_message_bytes=65_536,
        outgoing_bytes_max=8_388_608,
    )
    for _, speaker in sessions.values():
        speaker.endpoint = endpoint
    return endpoint


def settings_of(identity: Identity) -> SessionSettings:
    """A party's session as our session layer has it, under the name of the party."""
    return SessionSettings(
        key=identity.comp_id,
        begin_string=identity.begin_string,
        sender_comp_id=identity.comp_id,
        target_comp_id="BUYSIDE",
        role="echo",
        initiator=not identity.listens,
        heart_bt_int_s=identity.heart_bt_int_s,
        reset_on_logon=identity.reset_on_logon,
        validation="strict",
        appl_ver_id=identity.appl_ver_id or None,
        logon_timeout_s=float(identity.more.get("logon_timeout_s", 10)),
        gap_timeout_s=float(identity.more.get("gap_timeout_s", 60)),
    )


def flat(body: Body) -> Iterable[tuple[int, str]]:
    """The fields of a body one after the other: a group is its count, then its entries."""
    for tag, value in body:
        if isinstance(value, str):
            yield tag, value
        else:
            yield tag, str(len(value))
            for entry in value:
                yield from entry


def _dictionary(settings: SessionSettings) -> Dictionary:
    return built_in(settings.begin_string, settings.appl_ver_id)
