"""Where a session stands, and every legal move by a message of the peer.

Moves by our own doing (a connection, a timer, an operator) are made by `protocol` and `liveness` beside it.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from engine.fix.standard.tags import MsgType


class Phase(StrEnum):
    """Named by what is true now."""

    DISCONNECTED = "disconnected"
    AWAITING_LOGON = "awaiting_logon"  # acceptor: connected, nothing valid heard yet
    LOGON_SENT = "logon_sent"  # initiator: our Logon(A) is unanswered
    ACTIVE = "active"
    LEAVING = "leaving"  # an orderly end has begun: before our Logout(5) the peer is to prove that it lacks nothing
    LOGOUT_RECEIVED = "logout_received"  # the peer's Logout(5) came above a gap: ours waits for what is missing
    LOGOUT_SENT = "logout_sent"  # our Logout(5) is unanswered
    CLOSED = "closed"  # the connection is being closed: nothing read from it counts any more


# Both sides are logged on and we have not said Logout(5): whatever comes is handled, and what is missing asked for.
LOGGED_ON: Final = (Phase.ACTIVE, Phase.LEAVING, Phase.LOGOUT_RECEIVED)
# What comes in order is still handled behind our own Logout(5), but nothing is asked for any more.
IN_SESSION: Final = (*LOGGED_ON, Phase.LOGOUT_SENT)

# Stands for every MsgType(35) that is not the session layer's own.
APPLICATION: Final = "application"

SESSION_TYPES: Final[frozenset[str]] = frozenset("A012345")

_HEARD: Final = (
    MsgType.Heartbeat,
    MsgType.TestRequest,
    MsgType.ResendRequest,
    MsgType.Reject,
    MsgType.SequenceReset,
    APPLICATION,
)

# Every legal move; a pair that is missing here ends the session with Logout(5). While AWAITING_LOGON the
# connection is closed instead and nothing is said: the peer is a stranger.
TRANSITIONS: Final[Mapping[tuple[Phase, str], Phase]] = {
    (Phase.AWAITING_LOGON, MsgType.Logon): Phase.ACTIVE,
    (Phase.LOGON_SENT, MsgType.Logon): Phase.ACTIVE,
    (Phase.LOGON_SENT, MsgType.Logout): Phase.CLOSED,
    # Only with ResetSeqNumFlag(141)=Y; the handler looks.
    (Phase.ACTIVE, MsgType.Logon): Phase.ACTIVE,
    # Above a gap LOGOUT_RECEIVED comes between; the handler looks.
    (Phase.ACTIVE, MsgType.Logout): Phase.CLOSED,
    (Phase.LEAVING, MsgType.Logon): Phase.LEAVING,
    (Phase.LEAVING, MsgType.Logout): Phase.CLOSED,
    (Phase.LOGOUT_RECEIVED, MsgType.Logon): Phase.LOGOUT_RECEIVED,
    (Phase.LOGOUT_RECEIVED, MsgType.Logout): Phase.CLOSED,
    (Phase.LOGOUT_SENT, MsgType.Logout): Phase.CLOSED,
    **{(phase, kind): phase for phase in IN_SESSION for kind in _HEARD},
}


def kind_of(msg_type: str) -> str:
    """The second half of a key of TRANSITIONS."""
    return msg_type if msg_type in SESSION_TYPES else APPLICATION
