"""What a turn may cause once it is durable: the closed set of effects, carried out in order by the runtime."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from engine.desk.draft import Page
from engine.domain.keys import Scope
from engine.fix.session.reasons import DisconnectReason


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
class Settled:
    """A reload is over: `taken` is what came with `FilesRead` and is in force now, None if nothing was taken up."""

    kinds: tuple[str, ...]
    taken: Any
    problems: tuple[str, ...] = ()


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
    | Settled
    | SetLogLevel
    | Page
)
