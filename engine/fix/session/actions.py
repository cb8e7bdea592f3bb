"""What a session asks of its shell: the closed set of actions, in the order they are to be carried out.

Owns only the vocabulary; `fix.session.protocol` produces it, the runtime carries it out after the commit.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from engine.fix.session.reasons import DisconnectReason, Ending

if TYPE_CHECKING:
    from engine.fix.wire.message import Message


class Numbered(NamedTuple):
    """A session message that has its number for good."""

    seq_num: int
    data: bytes
    msg_type: str = ""

    def __repr__(self) -> str:
        """Without the bytes: a Logon(A) has a Password(554) in it, and whatever is printed may be logged."""
        return f"Numbered({self.seq_num}, 35={self.msg_type}, {len(self.data)} bytes)"


class SentRow(NamedTuple):
    """One outbound number as the store has it.

    `data` is None for a session message. `resend` is False for what leaves at most once and for what was withheld.
    """

    seq_num: int
    data: bytes | None
    resend: bool = True

    def __repr__(self) -> str:
        kept = "admin" if self.data is None else f"{len(self.data)} bytes"
        return f"SentRow({self.seq_num}, {kept}, resend={self.resend})"


@dataclass(frozen=True, slots=True)
class Transmit:
    """Send a session message that used up a number."""

    numbered: Numbered


@dataclass(frozen=True, slots=True)
class Retransmit:
    """Send bytes made in answer to a ResendRequest(2); no new number was used."""

    data: bytes = field(repr=False)


class Deliver(NamedTuple):
    """Hand on a message received in order: an application message, or the peer's Reject(3) of one of ours."""

    message: Message


@dataclass(frozen=True, slots=True)
class ReadSent:
    """Read the outbound rows `begin` to `end`, both included, of this epoch and pass them to `resend_page`."""

    begin: int
    end: int


@dataclass(frozen=True, slots=True)
class Confirmed:
    """Evidence that the peer has everything up to and including our `seq_num`."""

    seq_num: int


@dataclass(frozen=True, slots=True)
class ProbeAnswered:
    """Our TestRequest(1) was answered, so long after it was made: the way to the disk and to the peer and back."""

    round_trip_ns: int


@dataclass(frozen=True, slots=True)
class NotReceived:
    """Evidence, not proof, that the peer has nothing of ours from `begin` on."""

    begin: int


@dataclass(frozen=True, slots=True)
class GapFilled:
    """Our application messages `begin` to `end` were filled over in a resend: the desk must know."""

    begin: int
    end: int


@dataclass(frozen=True, slots=True)
class LoggedOn:
    """The session became active."""


@dataclass(frozen=True, slots=True)
class LoggedOut:
    """The session ceased to be active; messages of the peer may still be delivered until the connection ends."""

    ending: Ending


@dataclass(frozen=True, slots=True)
class EpochBegan:
    """The numbers were reset: `state.next_in` and `next_out` count from new starts under a new epoch."""

    epoch: int
    cause: str


@dataclass(frozen=True, slots=True)
class PeerExpects:
    """The number the peer says it expects next: for display; nothing is ever reset because of it."""

    seq_num: int


@dataclass(frozen=True, slots=True)
class Warn:
    """Count by `code`, log `text`. Codes are a small closed set, fit for a metric label."""

    code: str
    text: str


@dataclass(frozen=True, slots=True)
class CloseConnection:
    """Close the connection once everything before this action has been written."""

    code: DisconnectReason
    text: str


@dataclass(frozen=True, slots=True)
class DrainHeld:
    """Call `drain` as a turn of its own: a held message has become the expected one."""


Action = (
    Transmit
    | Retransmit
    | Deliver
    | ReadSent
    | Confirmed
    | ProbeAnswered
    | NotReceived
    | GapFilled
    | LoggedOn
    | LoggedOut
    | EpochBegan
    | PeerExpects
    | Warn
    | CloseConnection
    | DrainHeld
)
