"""The outcome of one input as a value: what is recorded, what the state becomes, what leaves afterwards."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from engine.clock import Instant
from engine.desk.draft import Send
from engine.domain import events as e
from engine.fix.reasons import Ending
from engine.fix.sequence import SessionState
from engine.turn.effects import Effect


@dataclass(frozen=True, slots=True)
class Waiting:
    """An outbox message without a number: its session was not able to take it."""

    outbox_id: int
    msg_type: str
    body: bytes
    poss_resend: bool = False


@dataclass(frozen=True, slots=True)
class Bound:
    """One of our numbers given out; `data` is None for a session message, whose bytes are not kept."""

    session: str
    epoch: int
    seq_num: int
    outbox_id: int | None
    data: bytes | None
    poss_resend: bool


@dataclass(frozen=True, slots=True)
class Inbound:
    """One application message taken in under its number."""

    session: str
    epoch: int
    seq_num: int
    data: bytes


@dataclass(slots=True)
class Turn:
    """The outcome of one input, complete: what is recorded, what the state becomes, what leaves afterwards."""

    now: Instant
    kind: str
    ref: str = ""
    actor: str = ""
    events: list[e.Event] = field(default_factory=list)
    sends: list[tuple[Send, str, bytes]] = field(default_factory=list)
    """Each outbox message with its MsgType(35) and body."""
    bound: list[Bound] = field(default_factory=list)
    inbound: list[Inbound] = field(default_factory=list)
    sessions: dict[str, SessionState] = field(default_factory=dict)
    confirmed: dict[str, tuple[int, int]] = field(default_factory=dict)
    requeued: dict[str, tuple[Waiting, ...]] = field(default_factory=dict)
    """Queues that are another one now: emptied because all was bound, or read anew from the store."""
    queued: dict[str, list[Waiting]] = field(default_factory=dict)
    """What joins the end of a queue."""
    rebinding: dict[str, int] = field(default_factory=dict)
    connections: dict[int, str | None] = field(default_factory=dict)
    effects: list[Effect] = field(default_factory=list)
    marks: list[Any] = field(default_factory=list)
    touched: dict[str, None] = field(default_factory=dict)
    peer_expects: dict[str, int] = field(default_factory=dict)
    refusals: dict[str, int] = field(default_factory=dict)
    endings: list[tuple[str, Ending]] = field(default_factory=list)
    """Connections that ended, with their session; empty for one that never had any."""
    warnings: list[tuple[str, str, str]] = field(default_factory=list)
    """(session, code, text), for the log and for metrics."""

    @property
    def records(self) -> bool:
        """Is there anything to make durable?"""
        return bool(self.events or self.sends or self.bound or self.inbound or self.sessions or self.marks)
