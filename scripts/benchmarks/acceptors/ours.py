"""Our session layer, turn and journal under the real runtime, with the smallest application there can be."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from benchmarks.acceptors.answering import BEGIN_STRING, OURS, THEIRS, answer_fields
from engine.boot.memory import settle_memory
from engine.clock import Clock, Instant, fix_timestamp
from engine.desk.draft import Delivery, Draft, Send, SessionsUp
from engine.desk.state import DeskState
from engine.desk.state_rows import Switch
from engine.domain.keys import Scope, Timer
from engine.fix.session.reasons import Ending
from engine.fix.session.settings import SessionSettings
from engine.fix.sockets.transport import FixConnection
from engine.fix.standard.dictionaries import built_in
from engine.fix.wire.codec import encode_body
from engine.fix.wire.message import Message
from engine.journal.events import events_codec
from engine.journal.reader import JournalReader
from engine.journal.writer import Journal
from engine.metrics.collector import Metrics
from engine.runtime.hub import Patience
from engine.runtime.loop import Limits, Runtime
from engine.runtime.staging import Recorder
from engine.turn import Change, Machine
from engine.turn.trading import Trading

SESSION = "trader"
NO_DESK: Any = None
CHECKPOINT_EVERY_S = 2.0
"""As the daemon does it."""


@dataclass(slots=True)
class Answering:
    """An application without a desk: each order is answered, nothing is remembered.

    What is said is the order itself; `speak` makes the answer of it.
    """

    state: DeskState = field(default_factory=DeskState)
    answered: int = 0

    def draft(self, now: Instant, entropy: bytes, outbox_id: int, session_up: SessionsUp) -> Draft:
        return Draft(NO_DESK, now, entropy, outbox_id, session_up, self.state)

    def hear(
        self, draft: Draft, settings: SessionSettings, message: Message, sent: Callable[[int], int | None]
    ) -> None:
        if message.msg_type == "D":
            said: Any = (message, draft.now_ns)
            draft.send(settings.key, said, Delivery.at_least_once)

    def speak(self, send: Send) -> tuple[str, bytes]:
        said: Any = send.said
        message, now_ns = said
        self.answered += 1
        return "8", encode_body(answer_fields(message.require, self.answered, fix_timestamp(now_ns)))

    def session_up(self, draft: Draft, settings: SessionSettings, epoch: int) -> None:
        pass

    def session_down(self, draft: Draft, settings: SessionSettings, ending: Ending) -> None:
        pass

    def switch(self, session: str) -> Switch | None:
        return None

    def due(self, draft: Draft, key: Timer) -> None:
        pass

    def wanted(self, outbox_id: int) -> bool:
        return True

    def not_sent(self, draft: Draft, outbox_id: int, reason: str) -> None:
        pass

    def gap_filled(self, draft: Draft, outbox_id: int) -> None:
        pass

    def subscription_filled_over(self, draft: Draft, settings: SessionSettings) -> None:
        pass

    def hold(self, reason: str) -> None:
        pass

    def digest(self) -> str:
        return ""

    def refuse(self, draft: Draft, source: str, text: str, error: Exception, key: Timer | None) -> None:
        raise error

    def adopt(self, decided: Draft) -> None:
        pass

    def objections(self, change: Change, sessions_gone: Sequence[str]) -> list[str]:
        return []

    def take_up(self, change: Change) -> None:
        pass

    def files_taken(self, draft: Draft, kinds: Sequence[str]) -> None:
        pass

    def file_switch(self, kind: str) -> Scope | None:
        return None

    def deadline_of(self, key: Timer, session_up: Callable[[str], bool], now_ns: int) -> int | None:
        return None

    def withheld_by(self, scopes: Sequence[Scope]) -> str:
        return ""


def settings() -> SessionSettings:
    return SessionSettings(SESSION, BEGIN_STRING, OURS, THEIRS, "oms", initiator=False)


async def serve(folder: Path, durability: str, tell: Callable[[int], None]) -> None:
    loop = asyncio.get_running_loop()
    path = folder / "journal.db"
    journal = Journal(path, durability)  # type: ignore[arg-type]
    application = Answering()
    machine = Machine(application, {SESSION: settings()}, {SESSION: built_in(BEGIN_STRING)})
    failed = loop.create_future()
    reader = await JournalReader.open(path)
    runtime = Runtime(
        machine,
        cast(Trading, application),
        Recorder(journal.head, events_codec()),
        journal,
        reader,
        Clock(),
        Metrics("benchmark"),
        Limits(),
        Patience(),
        loop,
        failed.set_result,
    )

    def connection() -> FixConnection:
        return FixConnection(
            runtime.hub, runtime.hub.next_number(), "", max_message_bytes=65_536, outgoing_bytes_max=8_388_608
        )

    async def checkpoints() -> None:
        while True:
            await asyncio.sleep(CHECKPOINT_EVERY_S)
            await reader.checkpoint()

    server = await loop.create_server(connection, "127.0.0.1", 0)
    settle_memory()
    tell(server.sockets[0].getsockname()[1])
    checkpointing = loop.create_task(checkpoints())
    raise SystemExit(await failed or checkpointing)
