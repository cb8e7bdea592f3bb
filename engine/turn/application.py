"""What speaks over the sessions, as the turn sees it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from engine.clock import Instant
from engine.desk.draft import Draft, Send, SessionsUp
from engine.desk.state_rows import Switch
from engine.domain.keys import Scope, Timer
from engine.fix.session.reasons import Ending
from engine.fix.session.settings import SessionSettings
from engine.fix.wire.message import Message
from engine.turn.outcome import Change

SentAs = Callable[[int], int | None]


class Application(Protocol):
    """What speaks over the sessions. Decisions go through a `Draft`; only `adopt` changes the live state."""

    def draft(self, now: Instant, entropy: bytes, outbox_id: int, session_up: SessionsUp) -> Draft: ...

    def hear(self, draft: Draft, settings: SessionSettings, message: Message, sent: SentAs) -> None:
        """Raises ProtocolError for Reject(3), NotTaken for BusinessMessageReject(j)."""

    def speak(self, send: Send) -> tuple[str, bytes]: ...

    def session_up(self, draft: Draft, settings: SessionSettings, epoch: int) -> None: ...

    def switch(self, session: str) -> Switch | None:
        """What an operator, or the engine, last said about whether this session may log on."""
        ...

    def session_down(self, draft: Draft, settings: SessionSettings, ending: Ending) -> None: ...

    def due(self, draft: Draft, key: Timer) -> None: ...

    def wanted(self, outbox_id: int) -> bool:
        """Is a request or an acceptance that has waited for its number still to go?"""
        ...

    def not_sent(self, draft: Draft, outbox_id: int, reason: str) -> None: ...

    def gap_filled(self, draft: Draft, outbox_id: int) -> None: ...

    def subscription_filled_over(self, draft: Draft, settings: SessionSettings) -> None:
        """What was said to a market session since it logged on was filled over."""
        ...

    def hold(self, reason: str) -> None:
        """From now on nobody new is asked, for this reason; empty: they may be."""
        ...

    def digest(self) -> str:
        """The state as a hash."""
        ...

    def refuse(self, draft: Draft, source: str, text: str, error: Exception, key: Timer | None) -> None: ...

    def adopt(self, decided: Draft) -> None:
        """What was decided on a draft becomes the state: the same as to fold its events."""
        ...

    def objections(self, change: Change, sessions_gone: Sequence[str]) -> list[str]:
        """What is open and speaks against a change, as lines."""
        ...

    def take_up(self, change: Change) -> None:
        """Decide by `change.application` from now on."""
        ...

    def files_taken(self, draft: Draft, kinds: Sequence[str]) -> None:
        """Files of these kinds will be in force once this turn is adopted."""
        ...

    def file_switch(self, kind: str) -> Scope | None:
        """The kill switch that is on because files of this kind were broken at the start."""
        ...
