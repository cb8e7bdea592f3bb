"""Why a connection ends: one closed set for every close, whoever decides it.

A reason is a code for counting, telling apart and looking up; its particulars are the text of an `Ending`. Whatever
closes a connection takes a `DisconnectReason`, so that none ends without one. Where the session is logged on the text
leaves as Text(58) of a Logout(5) before the close, except where nothing can be said any more: the connection is gone,
its peer is silent, does not read or has logged out first, it is known to lack messages of ours, in whose place it might
count the Logout, or an operator wants it so. Where a Reject(3) has just said it the Logout is bare. A stranger is never
told anything.

The first reason stands: what comes of it (an answered Logout, a closed socket) is no reason of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final, NamedTuple, Self


class Side(StrEnum):
    """Who ended it."""

    PEER = "peer"
    US = "us"
    OPERATOR = "operator"
    NETWORK = "network"


class DisconnectReason(StrEnum):
    """What a code means (`meaning`), what to do about it (`advice`), and whose doing it is (`side`)."""

    side: Side
    meaning: str
    advice: str

    def __new__(cls, code: str, side: Side, meaning: str, advice: str) -> Self:
        member = str.__new__(cls, code)
        member._value_ = code
        member.side = side
        member.meaning = meaning
        member.advice = advice
        return member

    # The peer, or what lies between

    LOGGED_OUT = (
        "logged_out",
        Side.PEER,
        "the peer sent Logout(5)",
        "nothing at the end of its day; otherwise its text says why",
    )
    CLOSED_BY_PEER = (
        "closed_by_peer",
        Side.PEER,
        "the peer closed the connection without Logout(5)",
        "if it repeats right after our Logon(A), the peer refuses us: compare CompIDs, address and credentials",
    )
    CONNECTION_LOST = (
        "connection_lost",
        Side.NETWORK,
        "the network broke the connection",
        "nothing if it comes back by itself; otherwise look at the line and the firewall",
    )
    SILENT = (
        "silent",
        Side.PEER,
        "nothing came for 2.4 x HeartBtInt(108), TestRequest(1) unanswered",
        "the peer hangs or the line is dead: ask its support desk",
    )
    SLOW_CONSUMER = (
        "slow_consumer",
        Side.PEER,
        "the peer read so slowly that fix.outgoing_bytes_max or fix.write_timeout_s was reached",
        "it catches up by resend after its next logon; if it repeats, ask its support desk",
    )

    # Logging on

    LOGON_REFUSED = (
        "logon_refused",
        Side.US,
        "what came instead of a good Logon(A), or what was wrong with it",
        "compare the text with what was agreed: CompIDs, BeginString, credentials, clocks",
    )
    UNKNOWN_SESSION = (
        "unknown_session",
        Side.US,
        "a Logon(A) for CompIDs that no session has",
        "nothing if it is a stranger; otherwise configure the session, or have the peer correct its CompIDs",
    )
    WRONG_DIRECTION = (
        "wrong_direction",
        Side.US,
        "a Logon(A) for a session that we initiate",
        "agree with the peer who connects: `initiator` of the session",
    )
    ALREADY_CONNECTED = (
        "already_connected",
        Side.US,
        "a second connection for a session that has one",
        "if the first is dead, it ends by itself within 2.4 x HeartBtInt(108), or `rfqctl session disconnect`",
    )
    NOT_WANTED = (
        "not_wanted",
        Side.US,
        "a connection of ours came up for a session that takes none now",
        "nothing: it was disabled, or is connected, meanwhile",
    )
    NO_ROOM = (
        "no_room",
        Side.US,
        "more connections than fix.connections_max",
        "find out who opens them; raise the bound if they are wanted",
    )
    LOGON_TIMEOUT = (
        "logon_timeout",
        Side.PEER,
        "no Logon(A), or no answer to ours, in time",
        "the peer does not know us or hangs: ask its support desk",
    )

    # What the peer did wrong while logged on

    SEQ_TOO_LOW = (
        "seq_too_low",
        Side.US,
        "the peer's MsgSeqNum(34) is below what was had",
        "its record is not ours: agree the numbers, then `rfqctl session set-seq` or `reset`",
    )
    PEER_SEQ_TOO_LOW = (
        "peer_seq_too_low",
        Side.PEER,
        "the peer logged us out because our MsgSeqNum(34) is below what it had",
        "nothing is reset by itself: agree the numbers, then `rfqctl session set-seq KEY --out N` or `reset`",
    )
    NEXT_EXPECTED_TOO_HIGH = (
        "next_expected_too_high",
        Side.US,
        "the peer's NextExpectedMsgSeqNum(789) is beyond what we sent",
        "its record is not ours: agree the numbers, then `rfqctl session set-seq` or `reset`",
    )
    NO_SEQ_NUM = (
        "no_seq_num",
        Side.US,
        "a message without MsgSeqNum(34)",
        "report it to the peer's support desk",
    )
    BEGIN_STRING = (
        "begin_string",
        Side.US,
        "a message of another FIX version than agreed",
        "report it to the peer's support desk",
    )
    COMP_ID = (
        "comp_id",
        Side.US,
        "a message with other CompIDs than agreed",
        "report it to the peer's support desk",
    )
    SENDING_TIME = (
        "sending_time",
        Side.US,
        "SendingTime(52) is too far from our clock, or before OrigSendingTime(122)",
        "compare both clocks with UTC",
    )
    UNEXPECTED = (
        "unexpected",
        Side.US,
        "a message that makes no sense where the session stands",
        "report it to the peer's support desk",
    )
    TOO_LONG = (
        "too_long",
        Side.US,
        "a message declared to be, or become, longer than fix.max_message_bytes",
        "report it to the peer's support desk; raise the bound if such messages are wanted",
    )
    STALLED = (
        "stalled",
        Side.US,
        "bytes came for fix.frame_timeout_s without making a whole message",
        "the peer hangs in the middle of a message, or sends what is no FIX: ask its support desk",
    )
    NOT_ALLOWED = (
        "not_allowed",
        Side.US,
        "a connection that may not speak for its session: not its address, not over TLS, or not its certificate",
        "nothing if it is a stranger; otherwise compare `allow`, `tls` and `tls_pin_sha256` of the session",
    )
    GAP_TIMEOUT = (
        "gap_timeout",
        Side.US,
        "our ResendRequest(2) was not answered in time",
        "the peer cannot send those again: agree the numbers, then `rfqctl session set-seq KEY --in N`",
    )
    RESEND_LOOP = (
        "resend_loop",
        Side.US,
        "the peer asked for the same messages again and again",
        "it does not take what we send again: ask its support desk before it logs on again",
    )
    INPUT_REFUSED = (
        "input_refused",
        Side.US,
        "the engine could not handle what came: the session is paused",
        "report it to us with the journal; `rfqctl session enable` lets it log on again",
    )

    # Our own doing

    LOGOUT_TIMEOUT = (
        "logout_timeout",
        Side.PEER,
        "our Logout(5) was not answered in time",
        "nothing: the connection was closed all the same",
    )
    OPERATOR_LOGOUT = (
        "operator_logout",
        Side.OPERATOR,
        "an operator logged it out (`rfqctl session logout`)",
        "nothing: an initiator connects again by itself; `rfqctl session disable` keeps it off",
    )
    OPERATOR_DISCONNECT = (
        "operator_disconnect",
        Side.OPERATOR,
        "an operator closed it at once, without Logout(5) (`rfqctl session disconnect`)",
        "nothing: what was on its way is settled by resend",
    )
    DISABLED = (
        "disabled",
        Side.OPERATOR,
        "the session is disabled",
        "`rfqctl session enable` lets it log on again",
    )
    OUTSIDE_SCHEDULE = (
        "outside_schedule",
        Side.US,
        "the session is closed at this hour, by its schedule",
        "nothing: it opens again by itself; if the peer keeps other hours, correct `schedule` of the session",
    )
    NEW_PERIOD = (
        "new_period",
        Side.US,
        "a new period of the schedule began: both sequence numbers begin anew",
        "nothing: the session logs on again with numbers from 1",
    )
    STOPPING = (
        "stopping",
        Side.US,
        "the daemon is stopping",
        "nothing: sessions resume with their numbers at the next start",
    )


BY_CODE: Final[Mapping[str, DisconnectReason]] = {str(reason): reason for reason in DisconnectReason}


class Ending(NamedTuple):
    """One end of a connection: the code, its particulars, and the person who wanted it, if one did."""

    code: DisconnectReason
    text: str
    actor: str = ""

    def __str__(self) -> str:
        return f"{self.code}: {self.text}" if self.text else str(self.code)

    @property
    def by(self) -> str:
        """Whose doing it was: a person by name, or a side."""
        return self.actor or str(self.code.side)
