"""QuickFIX's Python binding: its threaded acceptor, its file store (which never fsyncs), its dictionary on."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import quickfix

from benchmarks.acceptors.answering import answer_fields
from benchmarks.acceptors.quickfix_settings import write_settings
from benchmarks.messages import stamp


class _Answering(quickfix.Application):
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
    config, port = write_settings(folder)
    settings = quickfix.SessionSettings(str(config))
    application = _Answering()
    acceptor = quickfix.SocketAcceptor(application, quickfix.FileStoreFactory(settings), settings)
    acceptor.start()
    tell(port)
    while True:
        time.sleep(60)  # noqa: ASYNC251 (its own threads serve)
