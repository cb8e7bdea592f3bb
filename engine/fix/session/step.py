"""One step of a session: what it asks of its shell, the value it becomes, and the step while it is being made.

`StepDraft` is the accumulator the handlers write on: the state so far and the actions in order. It never leaves the
session layer; what leaves is a `Step`. Gives session messages their numbers and bytes. Actions are a closed set, in
the order they are to be carried out; the runtime does so after the commit.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from engine.clock import NS_PER_S, Instant, fix_timestamp
from engine.errors import EngineError, ProtocolError
from engine.fix.session import sequence
from engine.fix.session.phases import IN_SESSION, LOGGED_ON, TRANSITIONS, Phase
from engine.fix.session.reasons import DisconnectReason, Ending
from engine.fix.session.sequence import Gap, Probe, SessionState
from engine.fix.session.settings import SessionSettings
from engine.fix.standard.tags import MsgType, SessionRejectReason, Tag
from engine.fix.wire import codec, validation
from engine.fix.wire.message import Message
from engine.masking import one_line

Field = tuple[int, str | int | bytes]

TEST_REQ_ID: Final = "TEST"

# SessionRejectReason(373) in the standard's own words: what a counterparty's tools look for in Text(58). The
# particulars are in RefTagID(371), and in our log.
REJECT_TEXTS: Final[Mapping[int, str]] = {
    **validation.TEXTS,
    SessionRejectReason.CompIDProblem: "CompID problem",
    SessionRejectReason.SendingTimeAccuracyProblem: "SendingTime accuracy problem",
}

TRADE_REFUSED: Final = "trade_refused"
"""Code of the warning that what may be a trade was answered with Reject(3): it is booked nowhere."""
TRADE_REPORTS: Final[frozenset[str]] = frozenset({MsgType.ExecutionReport, MsgType.TradeCaptureReport})
_NAMING_A_TRADE: Final = (Tag.ClOrdID, Tag.ExecID, Tag.TradeReportID, Tag.LastQty, Tag.LastPx)
_SHOWN_MAX: Final = 40

# A Reject(3) goes back the way the message came: OnBehalfOf.. becomes DeliverTo.. and the reverse.
REVERSED_ROUTE: Final = (
    (Tag.DeliverToCompID, Tag.OnBehalfOfCompID),
    (Tag.DeliverToSubID, Tag.OnBehalfOfSubID),
    (Tag.DeliverToLocationID, Tag.OnBehalfOfLocationID),
    (Tag.OnBehalfOfCompID, Tag.DeliverToCompID),
    (Tag.OnBehalfOfSubID, Tag.DeliverToSubID),
    (Tag.OnBehalfOfLocationID, Tag.DeliverToLocationID),
)


# --- what is asked of the shell ----------------------------------------------------------------


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


# --- the step ----------------------------------------------------------------------------------


class Step(NamedTuple):
    """What one input comes to: the next state, and what the shell has to do, in order."""

    state: SessionState
    actions: tuple[Action, ...] = ()


class StepDraft:
    """The step being made of one input."""

    __slots__ = ("actions", "now", "settings", "state")

    def __init__(self, settings: SessionSettings, state: SessionState, now: Instant) -> None:
        self.settings = settings
        self.state = state
        self.now = now
        self.actions: list[Action] = []

    def step(self) -> Step:
        return Step(self.state, tuple(self.actions))

    def do(self, action: Action) -> None:
        self.actions.append(action)

    def warn(self, code: str, text: str) -> None:
        self.actions.append(Warn(code, text))

    # Phases

    def follow(self, kind: str) -> None:
        """Make the move the table has for a message of this kind."""
        self.enter(TRANSITIONS[self.state.phase, kind])

    def enter(self, phase: Phase) -> None:
        if phase is not self.state.phase:
            self.state = self.state._replace(phase=phase, phase_since_ns=self.now.monotonic_ns)

    def close(self, code: DisconnectReason, text: str) -> None:
        """Close the connection without another word."""
        self.end(Ending(code, text))

    def end(self, ending: Ending) -> None:
        self._cease(ending)
        self.enter(Phase.CLOSED)
        self.do(CloseConnection(ending.code, ending.text))

    def logout_and_close(self, code: DisconnectReason, text: str) -> None:
        """Say why in a Logout(5), unless one is out already, and close, awaiting no answer.

        Nothing is said to a peer that is known to lack messages of ours: engines are about (QuickFIX) that count a
        Logout(5) above their gap in place of the first message missing, which they then never ask for again.
        """
        if self.state.phase is not Phase.LOGOUT_SENT and not self.state.resending:
            self.send(MsgType.Logout, [(Tag.Text, text)])
        self.close(code, text)

    def leave(self, ending: Ending) -> None:
        """The session is to end in good order; see `fix.session.logout`."""
        self._cease(ending)
        self.enter(Phase.LEAVING)

    def await_missing(self, ending: Ending) -> None:
        """The peer has said Logout(5) above a gap: ours waits for what is missing; see `fix.session.logout`."""
        self._cease(ending)
        self.enter(Phase.LOGOUT_RECEIVED)

    def begin_logout(self, ending: Ending, *, tell: bool = True) -> None:
        """Send Logout(5) and await the peer's; nothing if ours is on its way already. Its text says why if `tell`.

        In the middle of a resend the connection is closed instead, as by `logout_and_close`.
        """
        if self.state.phase is Phase.LOGOUT_SENT:
            return
        if self.state.resending:
            self.end(ending)
            return
        self.send(MsgType.Logout, [(Tag.Text, ending.text)] if tell and ending.text else [])
        self._cease(ending)
        self.enter(Phase.LOGOUT_SENT)

    def _cease(self, ending: Ending) -> None:
        """The session is to end; what was said first is why."""
        if self.state.ending is None:
            self.state = self.state._replace(ending=ending)
        if self.state.phase is Phase.ACTIVE:
            self.do(LoggedOut(ending))

    def begin_epoch(self, cause: str, *, next_in: int = 1, next_out: int = 1) -> None:
        self.state = sequence.new_epoch(self.state, self.now.utc_ns, next_in=next_in, next_out=next_out)
        self.do(EpochBegan(self.state.epoch, cause))

    # What we send

    def send(self, msg_type: MsgType, fields: Iterable[Field], extra: tuple[tuple[int, str], ...] = ()) -> int:
        """Give a session message the next number and send it; returns the number."""
        state = self.state
        data = framed(self.settings, state, msg_type, codec.encode_body(fields), self.now, extra=extra)
        self.state = sequence.gave_out(state, self.now.monotonic_ns)
        self.do(Transmit(Numbered(state.next_out, data, msg_type=msg_type)))
        return state.next_out

    def probe(self, *, anew: bool = False) -> None:
        """Send a TestRequest(1); its answer will prove that everything sent before it has arrived.

        Plain "TEST" is what people and tools look for. One that is sent while the answer to another may still come,
        `anew`, gets a name of its own, or that answer would confirm too much.
        """
        anew = anew or self.state.probe is not None
        test_req_id = f"{TEST_REQ_ID}-{self.state.next_out}" if anew else TEST_REQ_ID
        seq_num = self.send(MsgType.TestRequest, [(Tag.TestReqID, test_req_id)])
        self.state = self.state._replace(probe=Probe(test_req_id, seq_num, self.now.monotonic_ns))

    def reject(self, message: Message, error: ProtocolError) -> None:
        """Answer with Reject(3). The caller counts the number of what was rejected."""
        self.warn("rejected", f"rejected 35={message.msg_type} 34={message.seq_num}: {error}")
        if message.msg_type in TRADE_REPORTS:
            self.warn(TRADE_REFUSED, f"{_named(message)}: {error}")
        reason = int(error.reason)
        fields: list[Field] = [
            (Tag.RefSeqNum, max(message.seq_num, 0)),
            (Tag.Text, REJECT_TEXTS.get(reason, error.text)),
        ]
        if error.tag is not None:
            fields.append((Tag.RefTagID, int(error.tag)))
        if message.msg_type:
            fields.append((Tag.RefMsgType, message.msg_type))
        # The list of FIX.4.2 ends there.
        if reason <= SessionRejectReason.InvalidMsgType or self.settings.begin_string != "FIX.4.2":
            fields.append((Tag.SessionRejectReason, reason))
        self.send(MsgType.Reject, fields, _reversed_route(message))

    # What we expect

    def advance(self, next_in: int) -> None:
        """Expect `next_in` from now on, and see to what this makes possible: a held message, or the next gap."""
        self.state = state = sequence.advanced(self.state, next_in, self.now.monotonic_ns)
        if not state.held or state.phase not in IN_SESSION:
            return
        first = state.held[0].seq_num
        if first == next_in:
            self.do(DrainHeld())
        elif state.gap is None:
            self.ask(first - 1)

    def ask(self, end: int) -> None:
        """Ask for everything from the expected number on; `end` is the last number known to be missing.

        EndSeqNo(16)=0: the peer's numbers may have gone on meanwhile. Not asked again until the gap is filled.
        """
        if self.state.gap is not None or self.state.phase not in LOGGED_ON:
            return
        begin = self.state.next_in
        self.send(MsgType.ResendRequest, [(Tag.BeginSeqNo, begin), (Tag.EndSeqNo, 0)])
        self.expect_fill(end)
        self.warn("gap", f"asked for {begin} to {end}")

    def expect_fill(self, end: int) -> None:
        self.state = self.state._replace(gap=Gap(self.state.next_in, end, self.now.monotonic_ns))


def framed(
    settings: SessionSettings,
    state: SessionState,
    msg_type: str,
    body: bytes,
    now: Instant,
    poss_resend: bool = False,
    extra: tuple[tuple[int, str | bytes], ...] = (),
) -> bytes:
    """A message under our next number."""
    return codec.frame(
        settings.begin_string,
        msg_type,
        state.next_out,
        settings.sender_comp_id,
        settings.target_comp_id,
        fix_timestamp(now.utc_ns, micros=settings.micros),
        body,
        poss_resend=poss_resend,
        extra=settings.route + extra if extra else settings.route,
    )


def sending_time(settings: SessionSettings, now: Instant) -> str:
    """SendingTime(52) as this session writes it."""
    return fix_timestamp(now.utc_ns, micros=settings.micros)


def ns(seconds: float) -> int:
    """Nanoseconds of a duration of the settings."""
    return int(seconds * NS_PER_S)


def expect_phase(state: SessionState, *phases: Phase) -> None:
    """Raises EngineError if the caller is out of step with the session: our mistake, never the peer's."""
    if state.phase not in phases:
        raise EngineError(f"session is {state.phase}, expected {' or '.join(phases)}")


def _named(message: Message) -> str:
    """What a person needs to find a trade with the counterparty, as far as the message has it."""
    found = [(tag, one_line(message.get(tag) or "")[:_SHOWN_MAX]) for tag in _NAMING_A_TRADE]
    return " ".join([f"35={message.msg_type}", *(f"{tag.name}({int(tag)})={value}" for tag, value in found if value)])


def _reversed_route(message: Message) -> tuple[tuple[int, str], ...]:
    route = [(int(back), message.get(came)) for back, came in REVERSED_ROUTE]
    return tuple((tag, value) for tag, value in route if value)
