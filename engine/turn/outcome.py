"""The outcome of one input as a value: what is recorded, what the state becomes, what leaves afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

from engine.clock import Instant
from engine.desk.draft import Delivery, Draft, Send
from engine.domain import events as e
from engine.domain.keys import Timer
from engine.fix.session.entrance import Origin
from engine.fix.session.reasons import Ending
from engine.turn.change import Change
from engine.turn.effects import Effect
from engine.turn.link import Link

Said: TypeAlias = tuple[Send, str, bytes]
"""An outbox message with its MsgType(35) and body."""


class Bound(NamedTuple):
    """One of our numbers given out; `data` is None for a session message, whose bytes are not kept.

    `said` is the outbox message if it was decided in the same turn.
    """

    session: str
    epoch: int
    seq_num: int
    outbox_id: int | None = None
    data: bytes | None = None
    poss_resend: bool = False
    delivery: Delivery | None = None
    said: Said | None = None


class Inbound(NamedTuple):
    """One application message taken in under its number."""

    session: str
    epoch: int
    seq_num: int
    data: bytes


class Connection(NamedTuple):
    """Whose a connection is: a session's, or a stranger's until its Logon(A) is found good."""

    session: str | None
    origin: Origin


@dataclass(slots=True, init=False)
class Turn:
    """The outcome of one input, complete: what is recorded, what the state becomes, what leaves afterwards."""

    now: Instant
    kind: str
    ref: str
    actor: str
    desk: Draft | None
    """What the desk decided; its rows become the state. None where it was not asked."""
    events: Sequence[e.Event]
    sends: list[Said]
    """What was decided to be said."""
    bound: list[Bound]
    inbound: list[Inbound]
    links: dict[str, Link]
    """Sessions of which anything is different now."""
    connections: tuple[tuple[int, Connection | None], ...]
    """Connections that are new or have become a session's; None: it is given up."""
    effects: list[Effect]
    marks: Sequence[Any]
    touched: tuple[Timer, ...]
    """Keys of the timers to look at again, in order."""
    held_due: str | None
    """A session whose next held message can be handled, as `HeldDue`. Nothing leaves by it: it waits for no commit."""
    garbled: tuple[tuple[str, str], ...]
    """What was no message: session, empty for a stranger, and what is wrong with it."""
    endings: tuple[tuple[str, Ending], ...]
    """Connections that ended, with their session; empty for one that never had any."""
    change: Change | None
    """What is in force from now on; None: as before."""
    hold: str | None
    """Why nobody new may be asked from now on, empty: they may; None: as before."""
    notes: tuple[tuple[str, str, str], ...]
    """(session, what, text), for people who look at it; warnings are noted by themselves."""
    warnings: tuple[tuple[str, str, str], ...]
    """(session, code, text), for the log and for metrics."""

    def __init__(self, now: Instant, kind: str) -> None:
        # Written out: every input makes one, and default factories take four times as long.
        self.now = now
        self.kind = kind
        self.ref = self.actor = ""
        self.sends = []
        self.bound = []
        self.inbound = []
        self.links = {}
        self.effects = []
        self.desk = self.held_due = self.change = self.hold = None
        # Hardly any turn has one of these, and a list of its own for each would be a third of what a turn takes.
        self.events = self.connections = self.marks = self.touched = ()
        self.garbled = self.endings = self.notes = self.warnings = ()

    @property
    def records(self) -> bool:
        """Is there anything to make durable?"""
        return bool(self.events or self.sends or self.bound or self.inbound or self.links or self.marks)
