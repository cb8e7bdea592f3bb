# mypy: disable-error-code="import-untyped, misc, no-any-return"
"""fixcore-engine as a party: pure Python, its own codec, session layer, file store and FIX 4.4 dictionary."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from fixcore import Application, SessionID
from fixcore.log.base import Log, LogFactory
from fixcore.message import Group, Message
from fixcore.session.session import Session
from fixcore.session.session_settings import SessionSettings
from fixcore.store.factory import FileStoreFactory
from fixcore.transport.acceptor import SocketAcceptor
from fixcore.transport.initiator import SocketInitiator
from interop_link import Board, LoopThread
from interop_party import Answer, Identity
from interop_wire import Body, Said, read

RECONNECT_S = 0.2
"""Its own setting knows whole seconds only."""


class FixcoreParty(Application):
    """One session. Callbacks and sending happen on the loop's thread."""

    def __init__(self, loop: LoopThread, board: Board, identity: Identity, answer: Answer | None = None) -> None:
        self._loop = loop
        self._board = board
        self._identity = identity
        self._answer = answer
        self._transport: SocketAcceptor | SocketInitiator | None = None
        self._sending: set[asyncio.Task[None]] = set()
        self.heard: list[Said] = []
        self.events: list[str] = []
        """What its session layer notes about itself."""

    # --- the party ---------------------------------------------------------------------------------

    @property
    def session(self) -> Session:
        assert self._transport is not None
        return next(iter(self._transport.sessions.values()))

    @property
    def logged_on(self) -> bool:
        return self._transport is not None and self.session.is_logged_on

    def start(self) -> None:
        self._loop.run(self._start())

    def stop(self) -> None:
        if self._transport is None:
            return
        if self.logged_on:
            self._loop.run(self.session.send_logout())
            self._board.until(f"{self._identity.comp_id} to be logged out", lambda: not self._connected)
        self.end()

    def end(self) -> None:
        if self._transport is not None:
            self._loop.run(self._transport.stop())
            self.session.close()
            self._transport = None

    def send(self, kind: str, body: Body) -> None:
        self._loop.run(self.session.send_app(message(kind, body)))

    @property
    def _connected(self) -> bool:
        return self.session.state.name != "DISCONNECTED"

    async def _start(self) -> None:
        settings = SessionSettings.from_string(_ini(self._identity))
        stores, logs = FileStoreFactory(self._identity.folder), _Logs(self)
        if self._identity.listens:
            self._transport = SocketAcceptor(settings, self, stores, logs)
        else:
            self._transport = _Initiator(settings, self, stores, logs)
        await self._transport.start()

    # --- fixcore.Application -----------------------------------------------------------------------

    def on_logon(self, session_id: SessionID) -> None:
        # It says so just before it has counted the Logon(A); whoever waits looks again with the next event.
        self._board.tell()

    def on_logout(self, session_id: SessionID) -> None:
        self._board.tell()

    def from_app(self, message: Message, session_id: SessionID) -> None:
        said = read(message.encode())
        self.heard.append(said)
        if self._answer is not None:
            self._say(self._answer(said))
        self._board.tell()

    def _say(self, answers: Iterable[tuple[str, Body]]) -> None:
        async def send_all() -> None:
            for kind, body in answers:
                await self.session.send_app(message(kind, body))

        task = asyncio.get_running_loop().create_task(send_all())
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)

    def note(self, text: str) -> None:
        self.events.append(text)
        self._board.tell()


class _Initiator(SocketInitiator):
    async def _interruptible_sleep(self, seconds: float) -> None:
        await super()._interruptible_sleep(RECONNECT_S)


class _Logs(LogFactory):
    def __init__(self, party: FixcoreParty) -> None:
        self._party = party

    def create(self, session_id: SessionID) -> Log:
        return _Notes(self._party)


class _Notes(Log):
    def __init__(self, party: FixcoreParty) -> None:
        self._party = party

    def on_incoming(self, message: str) -> None: ...

    def on_outgoing(self, message: str) -> None: ...

    def on_event(self, text: str) -> None:
        self._party.note(text)


def message(kind: str, body: Body) -> Message:
    made = Message()
    made.header.set(35, kind)
    for tag, value in body:
        if isinstance(value, str):
            made.set_field(tag, value)
            continue
        for entry in value:
            group = Group()
            for inner_tag, inner in entry:
                group.set_field(inner_tag, inner)
            made.add_group(tag, group)
    return made


def _ini(identity: Identity) -> str:
    """Its dictionary checks every message of ours, enumerations included, and refuses what it finds wrong."""
    address = (
        f"ConnectionType=acceptor\nSocketAcceptHost=127.0.0.1\nSocketAcceptPort={identity.port}\n"
        if identity.listens
        else f"ConnectionType=initiator\nSocketConnectHost=127.0.0.1\nSocketConnectPort={identity.port}\n"
    )
    dictionary = "UseDataDictionary=Y\nDataDictionary=FIX44.xml\n"
    if identity.appl_ver_id:
        dictionary = f"UseDataDictionary=Y\nDefaultApplVerID={identity.appl_ver_id}\n"
    return (
        f"[SESSION]\nBeginString={identity.begin_string}\nSenderCompID={identity.comp_id}\nTargetCompID={identity.target_comp_id}\n"
        f"HeartBtInt={identity.heart_bt_int_s}\nResetOnLogon={'Y' if identity.reset_on_logon else 'N'}\n"
        f"{dictionary}ValidateFieldsOutOfRange=Y\nCheckLatency=Y\n{address}"
    )
