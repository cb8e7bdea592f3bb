"""What can happen to the engine: the closed set of inputs, each with its instant and its entropy.

Whatever happens may make the desk say something to somebody new, under identifiers nobody can guess and none that was
used before: a page of a resend can show that a request never left, and the next dealer is accepted in the same turn.
So every input brings 16 random bytes of its own, and no turn draws from anything else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from engine.clock import Instant
from engine.domain.events import Event, LeakSolved
from engine.domain.keys import Timer
from engine.errors import GarbledMessage
from engine.fix.session.entrance import LOCAL, Origin
from engine.fix.session.reasons import Ending
from engine.fix.session.step import SentRow
from engine.turn.outcome import Change


@dataclass(frozen=True, slots=True)
class Noted:
    """Something about the process itself: started, stopped, its clock was set back."""

    now: Instant
    what: str
    events: tuple[Event, ...]
    entropy: bytes


@dataclass(frozen=True, slots=True)
class DigestDue:
    """The state is to be hashed and noted: when this has its turn, for other inputs may be waiting before it."""

    now: Instant
    logic_version: int
    entropy: bytes


@dataclass(frozen=True, slots=True)
class HoldChanged:
    """Nobody new may be asked, because of `reason`; empty: they may again. Nothing of it is recorded."""

    now: Instant
    reason: str
    entropy: bytes


@dataclass(frozen=True, slots=True)
class LogoutWanted:
    """End a session in good order."""

    now: Instant
    session: str
    ending: Ending
    entropy: bytes


@dataclass(frozen=True, slots=True)
class ProofWanted:
    """Ask the peer by TestRequest(1) to prove that it has everything: a reset must not repeat more than need be."""

    now: Instant
    session: str
    entropy: bytes


@dataclass(frozen=True, slots=True)
class CallFailed:
    """A session that we initiate could not be connected; `reason` says where to and why."""

    now: Instant
    session: str
    reason: str
    entropy: bytes


@dataclass(frozen=True, slots=True)
class ConnectionUp:
    """A connection; `session` is known for an initiator, empty for an acceptor until its Logon(A)."""

    now: Instant
    connection: int
    session: str
    entropy: bytes
    origin: Origin = LOCAL


@dataclass(frozen=True, slots=True)
class ConnectionDown:
    now: Instant
    connection: int
    ending: Ending
    entropy: bytes


class Received(NamedTuple):
    """One whole frame, or what was dropped as garbage."""

    now: Instant
    connection: int
    frame: bytes | GarbledMessage
    entropy: bytes


@dataclass(frozen=True, slots=True)
class HeldDue:
    """A held message has become the expected one."""

    now: Instant
    session: str
    entropy: bytes


@dataclass(frozen=True, slots=True)
class TimerDue:
    """`key` is a session's own, or one of the application's.

    Of a session: `heard_ns` is when bytes last came that made no whole message (monotonic), if any have; without
    `reading` no peer is judged silent.
    """

    now: Instant
    key: Timer
    entropy: bytes
    reading: bool = True
    heard_ns: int | None = None


class Traffic(NamedTuple):
    """What only the shell knows of a connection."""

    unsent_bytes: int = 0
    """What was written and its peer has not read yet."""
    heard_ns: int | None = None
    """When bytes last came that made no whole message (monotonic), if any have."""


@dataclass(frozen=True, slots=True)
class CommandGiven:
    """A person's or program's command over the admin socket."""

    now: Instant
    name: str
    params: Mapping[str, Any]
    actor: str
    role: str
    ref: int
    entropy: bytes
    traffic: Mapping[int, Traffic] = field(default_factory=dict)
    """Per connection; empty where nobody asked."""


@dataclass(frozen=True, slots=True)
class FilesRead:
    """What `ReadFiles` asked for. With any `problems` there is no `change`: nothing of it can be used."""

    now: Instant
    ref: int
    kinds: tuple[str, ...]
    actor: str
    reason: str
    problems: tuple[str, ...]
    change: Change | None
    entropy: bytes


@dataclass(frozen=True, slots=True)
class LeaksFound:
    """A batch is over: what it `found`, or the `problem` with it. `refs` are the commands that wait for it."""

    now: Instant
    refs: tuple[int, ...]
    actor: str
    found: LeakSolved | None
    problem: str
    entropy: bytes


@dataclass(frozen=True, slots=True)
class SentPage:
    """Some of the rows that `ReadSentRows` asked for, from the first on; `last` if these are all up to `end`."""

    now: Instant
    session: str
    epoch: int
    connection: int
    rows: Sequence[SentRow]
    end: int
    last: bool
    entropy: bytes


@dataclass(frozen=True, slots=True)
class UndeliveredPage:
    """What `ReadUndelivered` asked for: (outbox id, MsgType, body, was it ever sent), in order."""

    now: Instant
    session: str
    epoch: int
    up_to: int
    rows: Sequence[tuple[int, str, bytes, bool]]
    entropy: bytes


@dataclass(frozen=True, slots=True)
class BindDue:
    """The peer has read what `BindMore` waited for: the next part of what waits for a number may leave."""

    now: Instant
    session: str
    connection: int
    entropy: bytes


@dataclass(frozen=True, slots=True)
class NotSent:
    """Committed requests and acceptances that the release step withheld."""

    now: Instant
    outbox_ids: tuple[int, ...]
    reason: str
    entropy: bytes


Input = (
    Noted
    | DigestDue
    | HoldChanged
    | LogoutWanted
    | ProofWanted
    | CallFailed
    | ConnectionUp
    | ConnectionDown
    | Received
    | HeldDue
    | TimerDue
    | CommandGiven
    | FilesRead
    | LeaksFound
    | SentPage
    | UndeliveredPage
    | BindDue
    | NotSent
)
