"""The outcome of one input as a value: what is recorded, what the state becomes, what leaves afterwards."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from engine.clock import Instant
from engine.desk.draft import Delivery, Send
from engine.domain import events as e
from engine.fix.session.certificates import TlsFile
from engine.fix.session.entrance import Origin
from engine.fix.session.reasons import Ending
from engine.fix.session.sequence import SessionState
from engine.turn.effects import Effect, Gate

NOTHING: Final[Mapping[Any, Any]] = MappingProxyType({})
"""Stands in a turn for what hardly any turn has: replaced, never added to."""
NO_CONNECTION: Final = -1
"""The number of no connection."""


class Waiting(NamedTuple):
    """An outbox message without a number: its session is not able to take it.

    A report waits for however long it takes, on disk too. Anything else waits only while its session is up, for a
    resend to end, and `gate` is what release will look at. `follows` is the acceptance it is about, 0 for none.
    """

    outbox_id: int
    msg_type: str
    body: bytes
    poss_resend: bool = False
    delivery: Delivery = Delivery.at_least_once
    gate: Gate | None = None
    follows: int = 0


class Bound(NamedTuple):
    """One of our numbers given out; `data` is None for a session message, whose bytes are not kept."""

    session: str
    epoch: int
    seq_num: int
    outbox_id: int | None = None
    data: bytes | None = None
    poss_resend: bool = False
    delivery: Delivery | None = None


class Inbound(NamedTuple):
    """One application message taken in under its number."""

    session: str
    epoch: int
    seq_num: int
    data: bytes


@dataclass(slots=True, init=False)
class Turn:
    """The outcome of one input, complete: what is recorded, what the state becomes, what leaves afterwards."""

    now: Instant
    kind: str
    ref: str
    actor: str
    events: list[e.Event]
    sends: list[tuple[Send, str, bytes]]
    """Each outbox message with its MsgType(35) and body."""
    bound: list[Bound]
    inbound: list[Inbound]
    sessions: dict[str, SessionState]
    confirmed: dict[str, tuple[int, int]]
    requeued: dict[str, tuple[Waiting, ...]]
    """Queues that are another one now: emptied because all was bound, or read anew from the store."""
    queued: dict[str, list[Waiting]]
    """What joins the end of a queue."""
    rebinding: dict[str, int]
    connections: dict[int, str | None]
    effects: list[Effect]
    marks: list[Any]
    touched: dict[str, None]
    peer_expects: dict[str, int]
    refusals: dict[str, int]
    held_due: str
    """A session whose next held message can be handled, as `HeldDue`. Nothing leaves by it: it waits for no commit."""
    garbled: tuple[tuple[str, str], ...]
    """What was no message: session, empty for a stranger, and what is wrong with it."""
    endings: list[tuple[str, Ending]]
    """Connections that ended, with their session; empty for one that never had any."""
    origins: Mapping[int, Origin]
    round_trips: Mapping[str, int]
    in_parts: Mapping[str, int]
    """Connections over which a long queue leaves in parts: the next one once the peer has read this one."""
    pins: Mapping[str, tuple[str, ...]]
    """Fingerprints that the peers of these sessions may show from now on."""
    tls_files: tuple[TlsFile, ...] | None
    """The files of certificates in use from now on; None: as before."""
    notes: list[tuple[str, str, str]]
    """(session, what, text), for people who look at it; warnings are noted by themselves."""
    warnings: list[tuple[str, str, str]]
    """(session, code, text), for the log and for metrics."""

    def __init__(self, now: Instant, kind: str) -> None:
        # Written out: every input makes one, and default factories take four times as long.
        self.now = now
        self.kind = kind
        self.ref = self.actor = self.held_due = ""
        self.events = []
        self.sends = []
        self.bound = []
        self.inbound = []
        self.sessions = {}
        self.confirmed = {}
        self.requeued = {}
        self.queued = {}
        self.rebinding = {}
        self.connections = {}
        self.effects = []
        self.marks = []
        self.touched = {}
        self.peer_expects = {}
        self.refusals = {}
        self.endings = []
        self.origins = self.round_trips = self.in_parts = self.pins = NOTHING
        self.tls_files = None
        self.garbled = ()
        self.notes = []
        self.warnings = []

    @property
    def records(self) -> bool:
        """Is there anything to make durable?"""
        return bool(self.events or self.sends or self.bound or self.inbound or self.sessions or self.marks)
