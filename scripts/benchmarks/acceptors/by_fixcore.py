"""fixcore's acceptor under uvloop, without a dictionary, as it is when nothing is configured.

`normal` keeps messages in memory only; `full` is its file store, which fsyncs each message and number.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fixcore import Application, SessionID
from fixcore.log.base import Log, LogFactory
from fixcore.message.message import Message
from fixcore.session.session_settings import SessionSettings
from fixcore.store.factory import FileStoreFactory, MemoryStoreFactory
from fixcore.transport import SocketAcceptor

from benchmarks.acceptors.answering import BEGIN_STRING, OURS, THEIRS, answer_fields
from benchmarks.messages import stamp

_CONFIG = """[DEFAULT]
ConnectionType=acceptor
SocketAcceptPort={port}
SocketAcceptHost=127.0.0.1
HeartBtInt=30
ResetOnLogon=Y

[SESSION]
BeginString={begin_string}
SenderCompID={ours}
TargetCompID={theirs}
"""


class _Silent(Log, LogFactory):
    def on_incoming(self, message: str) -> None:
        pass

    def on_outgoing(self, message: str) -> None:
        pass

    def on_event(self, text: str) -> None:
        pass

    def create(self, session_id: SessionID) -> Log:
        return self


class _Answering(Application):
    def __init__(self) -> None:
        self.session: Any = None
        self._answered = 0
        self._orders: asyncio.Queue[Message] = asyncio.Queue()

    def from_app(self, message: Message, session_id: SessionID) -> None:
        if message.get_field(35) == "D":
            self._orders.put_nowait(message)

    async def answer(self) -> None:
        """One task sends: its sessions take messages from coroutines only, and answers stay in order."""
        while True:
            order = await self._orders.get()
            self._answered += 1
            answer = Message()
            answer.set_field(35, "8")
            for tag, value in answer_fields(order.get_field, self._answered, stamp()):
                answer.set_field(tag, value)
            await self.session.send_app(answer)


async def serve(folder: Path, durability: str, tell: Callable[[int], None]) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    config = folder / "fixcore.cfg"
    config.write_text(_CONFIG.format(port=port, begin_string=BEGIN_STRING, ours=OURS, theirs=THEIRS))
    application = _Answering()
    stores = FileStoreFactory(folder / "store") if durability == "full" else MemoryStoreFactory()
    acceptor = SocketAcceptor(SessionSettings.from_file(config), application, stores, _Silent())
    async with acceptor:
        application.session = next(iter(acceptor._sessions.values()))
        tell(port)
        await application.answer()
