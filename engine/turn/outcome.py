"""The outcome of one input as a value: what is recorded, what the state becomes, what leaves afterwards.

`Turn` is all of it. What it may cause once it is durable is the closed set of effects, which the runtime carries out in
order; `Change` is what files that were read anew come to.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final, NamedTuple, TypeAlias

from engine.clock import Instant
from engine.desk.draft import Delivery, Draft, Page, Send
from engine.domain import events as e
from engine.domain.events import TextInForce
from engine.domain.keys import Scope, Timer
from engine.fix.session.certificates import TlsFile
from engine.fix.session.entrance import Origin
from engine.fix.session.reasons import DisconnectReason, Ending
from engine.fix.session.sequence import SessionState
from engine.fix.session.settings import SessionSettings
from engine.fix.standard.dictionary import Dictionary
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
    """One application message taken in under its number; the type is for who counts it."""

    session: str
    epoch: int
    seq_num: int
    data: bytes
    msg_type: str


class Connection(NamedTuple):
    """Whose a connection is: a session's, or a stranger's until its Logon(A) is found good."""

    session: str | None
    origin: Origin


_NONE: Final[Mapping[str, SessionState]] = MappingProxyType({})


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
    stepped: Mapping[str, SessionState]
    """Those of which more may be different than numbers and times, as they stood before."""
    connections: tuple[tuple[int, Connection | None], ...]
    """Connections that are new or have become a session's; None: it is given up."""
    effects: list[Effect]
    heard: Sequence[Any]
    """Prices and trades, for the tape."""
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
        self.stepped = _NONE
        self.effects = []
        self.desk = self.held_due = self.change = self.hold = None
        # Hardly any turn has one of these, and a list of its own for each would be a third of what a turn takes.
        self.events = self.connections = self.heard = self.touched = ()
        self.garbled = self.endings = self.notes = self.warnings = ()

    @property
    def records(self) -> bool:
        """Is there anything to make durable?"""
        return bool(self.events or self.sends or self.bound or self.inbound or self.links or self.heard)


@dataclass(frozen=True, slots=True)
class Change:
    """Made aside, as a start makes it.

    `in_force` are all texts from then on, `changed` the kinds of those that are another one. `settings` are of every
    session there is to be; None: as before. `links` are those of sessions that were not there, as the journal has them.
    `application` is for the application, `keep` for the shell that has read it, which gets it back by `Settled`.
    `warnings` are what is no mistake and a person should know, a line each.
    """

    in_force: tuple[TextInForce, ...] = ()
    changed: tuple[str, ...] = ()
    application: Any = None
    settings: Mapping[str, SessionSettings] | None = None
    dictionaries: Mapping[str, Dictionary] = field(default_factory=dict)
    links: Mapping[str, Link] = field(default_factory=dict)
    tls_files: tuple[TlsFile, ...] = ()
    warnings: tuple[str, ...] = ()
    keep: Any = None


# --- effects -----------------------------------------------------------------------------------


class Gate(NamedTuple):
    """What release looks at once more before a request or an acceptance leaves."""

    outbox_id: int
    seq_num: int
    not_after_ns: int | None
    kill_scopes: tuple[Scope, ...]


class Behind(NamedTuple):
    """What is about an acceptance leaves only if that did: the dealer is told nothing of what it never saw."""

    outbox_id: int
    """That of the acceptance."""
    seq_num: int


class Write(NamedTuple):
    """Bytes for a connection; with a `gate` they leave only if it still lets them."""

    session: str
    connection: int
    data: bytes
    gate: Gate | Behind | None = None
    msg_type: str = ""
    """MsgType(35) of an application message that leaves under a new number; empty: what the bytes say."""


@dataclass(frozen=True, slots=True)
class Close:
    connection: int
    code: DisconnectReason
    text: str
    at_once: bool = False
    """Without waiting for what was written to be read."""


@dataclass(frozen=True, slots=True)
class Connect:
    """A session that we initiate may and should connect now."""

    session: str


@dataclass(frozen=True, slots=True)
class Welcome:
    """The session of this connection is logged on: its peer is no stranger any more."""

    connection: int


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer to a command; `result` or an error text with its code."""

    ref: int
    result: Any = None
    error: str = ""
    code: str = ""


@dataclass(frozen=True, slots=True)
class ReadSentRows:
    session: str
    epoch: int
    connection: int
    begin: int
    end: int


@dataclass(frozen=True, slots=True)
class ReadUndelivered:
    """Everything for a session up to an outbox number that nobody is known to have, to be bound again."""

    session: str
    epoch: int
    up_to: int


@dataclass(frozen=True, slots=True)
class BindMore:
    """More waits for a number than leaves at once: `BindDue` takes up the rest, once the peer has read this part."""

    session: str
    connection: int


@dataclass(frozen=True, slots=True)
class ReadFiles:
    """Files of these kinds as they are now, without any all there are, for the command `ref`: comes as `FilesRead`."""

    ref: int
    kinds: tuple[str, ...]
    actor: str
    reason: str


@dataclass(frozen=True, slots=True)
class SolveLeaks:
    """A batch for the command `ref`, beside whatever is under way already: comes as `LeaksFound`."""

    ref: int
    actor: str
    reason: str


@dataclass(frozen=True, slots=True)
class Settled:
    """A reload is over: `taken` is what came with `FilesRead` and is in force now, None if nothing was taken up."""

    kinds: tuple[str, ...]
    taken: Any
    problems: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SetLogLevel:
    """What the log tells from now on."""

    level: str


class Withhold(NamedTuple):
    """A request or an acceptance will not leave: taken up as `NotSent` with this reason, once that is durable."""

    outbox_id: int
    reason: str


Effect = (
    Write
    | Withhold
    | Close
    | Connect
    | Welcome
    | Reply
    | ReadSentRows
    | ReadUndelivered
    | BindMore
    | ReadFiles
    | SolveLeaks
    | Settled
    | SetLogLevel
    | Page
)
