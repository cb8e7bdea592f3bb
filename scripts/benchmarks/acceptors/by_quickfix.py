"""QuickFIX's Python binding: its threaded acceptor, its file store (which never fsyncs), its dictionary on."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import quickfix

from benchmarks import peers
from benchmarks.acceptors.answering import BEGIN_STRING, OURS, THEIRS, answer_fields
from benchmarks.messages import stamp

_CONFIG = """[DEFAULT]
ConnectionType=acceptor
SocketAcceptPort={port}
SocketReuseAddress=Y
SocketNodelay=Y
StartTime=00:00:00
EndTime=00:00:00
HeartBtInt=30
FileStorePath={store}
UseDataDictionary=Y
DataDictionary={dictionary}
ResetOnLogon=Y

[SESSION]
BeginString={begin_string}
SenderCompID={ours}
TargetCompID={theirs}
"""


class _Answering(quickfix.Application):  # type: ignore[misc]
    def __init__(self) -> None:
        super().__init__()
        self._answered = 0

    def onCreate(self, session: Any) -> None:
        pass

    def onLogon(self, session: Any) -> None:
        pass

    def onLogout(self, session: Any) -> None:
        pass

    def toAdmin(self, message: Any, session: Any) -> None:
        pass

    def fromAdmin(self, message: Any, session: Any) -> None:
        pass

    def toApp(self, message: Any, session: Any) -> None:
        pass

    def fromApp(self, message: Any, session: Any) -> None:
        if message.getHeader().getField(35) != "D":
            return
        self._answered += 1
        answer = quickfix.Message()
        answer.getHeader().setField(35, "8")
        for tag, value in answer_fields(message.getField, self._answered, stamp()):
            answer.setField(tag, value)
        quickfix.Session.sendToTarget(answer, session)


async def serve(folder: Path, durability: str, tell: Callable[[int], None]) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    config = folder / "quickfix.cfg"
    config.write_text(
        _CONFIG.format(
            port=port,
            store=folder / "store",
            dictionary=peers.quickfix_dictionary(),
            begin_string=BEGIN_STRING,
            ours=OURS,
            theirs=THEIRS,
        )
    )
    settings = quickfix.SessionSettings(str(config))
    application = _Answering()
    acceptor = quickfix.SocketAcceptor(application, quickfix.FileStoreFactory(settings), settings)
    acceptor.start()
    tell(port)
    while True:
        time.sleep(60)  # noqa: ASYNC251 (its own threads serve)
