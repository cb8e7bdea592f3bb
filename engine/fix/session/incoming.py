"""A message of the peer in a live session: who sent it and when, then its number, then what it says.

Owns the order of those checks and what each session message means. Expected numbers are handled, too high ones
held, too low ones end the session or are known duplicates; a message that is refused still uses up its number.

Reference: FIX 4.4, Volume 2, session-level test cases 2 to 13.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from engine.errors import ProtocolError
from engine.fix.session import liveness, logon, sequence, serving
from engine.fix.session.phases import LOGGED_ON, TRANSITIONS, Phase, kind_of
from engine.fix.session.reasons import DisconnectReason, Ending
from engine.fix.session.step import TRADE_REPORTS, Deliver, NotReceived, PeerExpects, StepDraft, Warn
from engine.fix.standard.tags import MsgType, SessionRejectReason, Tag
from engine.fix.wire import validation
from engine.fix.wire.message import SEQ_NUM_MAX, Message
from engine.masking import masked, one_line

if TYPE_CHECKING:
    from engine.fix.standard.dictionary import Dictionary

# "MsgSeqNum too low, expecting 5 but received 1", and as other engines word it: the number at once, or a word about
# sequence numbers somewhere. Not "expected a heartbeat within 60 s".
_EXPECTS: Final = re.compile(
    r"\bexpect(?:ing|ed|s)?\W{1,4}(\d{1,18})|(?=.*seq).*?\bexpect(?:ing|ed|s)?\b[^\d]{0,24}(\d{1,18})",
    re.IGNORECASE | re.DOTALL,
)

TEXT_KEPT_MAX: Final = 500
"""Characters of a peer's Text(58) that become the reason of an ending or a warning: it may be as long as a message."""

# CompID and SendingTime problems: the peer is not who it was, or does not know what time it is.
_DISMISSED: Final[Mapping[int, DisconnectReason]] = {
    SessionRejectReason.CompIDProblem: DisconnectReason.COMP_ID,
    SessionRejectReason.SendingTimeAccuracyProblem: DisconnectReason.SENDING_TIME,
}


def on_message(draft: StepDraft, message: Message, dictionary: Dictionary) -> None:
    phase = draft.state.phase
    if phase in (Phase.DISCONNECTED, Phase.CLOSED):
        return  # Was on its way when the connection was given up; it is asked for again after the next Logon(A).
    kind = kind_of(message.msg_type)
    if phase is Phase.AWAITING_LOGON:
        logon.on_first(draft, message, dictionary)
    elif (phase, kind) not in TRANSITIONS:
        _on_unexpected(draft, message)
    elif message.begin_string != draft.settings.begin_string:
        draft.logout_and_close(DisconnectReason.BEGIN_STRING, "Incorrect BeginString")
    elif phase is Phase.LOGON_SENT:
        if kind == MsgType.Logon:
            logon.on_answer(draft, message, dictionary)
        else:
            _on_logout(draft, message)
    else:
        try:
            _on_session(draft, message, kind, dictionary)
        except ProtocolError as error:
            _refuse(draft, message, error)


def _on_session(draft: StepDraft, message: Message, kind: str, dictionary: Dictionary) -> None:
    """A message within a session: first who and when, then its number, then what it says."""
    settings = draft.settings
    if message.seq_num < 1 and message.get(Tag.MsgSeqNum) is None:
        draft.logout_and_close(DisconnectReason.NO_SEQ_NUM, "Required tag missing: MsgSeqNum(34)")
        return
    # One that is not there at all is a missing field, not somebody else.
    if message.sender_comp_id and message.target_comp_id and not logon.identity_fits(settings, message):
        raise ProtocolError("CompID problem", reason=SessionRejectReason.CompIDProblem)
    if not logon.is_on_time(settings, message, draft.now):
        raise ProtocolError("SendingTime accuracy problem", reason=SessionRejectReason.SendingTimeAccuracyProblem)
    if kind == MsgType.Logon:
        logon.on_live(draft, message, dictionary)
    elif kind == MsgType.Logout:
        _on_logout(draft, message)
    elif kind == MsgType.SequenceReset and message.get(Tag.GapFillFlag) != "Y":
        _on_reset(draft, message, dictionary)
    elif kind == MsgType.ResendRequest and not (message.poss_dup and message.seq_num < draft.state.next_in):
        _on_resend_request(draft, message, dictionary)
    elif message.seq_num > draft.state.next_in:
        _on_too_high(draft, message)
    elif message.seq_num < draft.state.next_in:
        _on_too_low(draft, message)
    else:
        on_expected(draft, message, dictionary)


def tolerated(message: Message, warnings: Sequence[str]) -> list[Warn]:
    """What was wrong with a message that is taken all the same."""
    return [Warn("tolerated", f"35={message.msg_type} 34={message.seq_num}: {warning}") for warning in warnings]


def on_expected(draft: StepDraft, message: Message, dictionary: Dictionary) -> None:
    """The message with the expected number. Its number is used up whatever becomes of it."""
    expected = message.seq_num + 1
    try:
        if message.poss_dup:
            _check_original(draft, message)
        draft.actions += tolerated(message, _checked(draft, message, dictionary))
        if message.msg_type == MsgType.SequenceReset:
            expected = _gap_fill_to(draft, message)
        draft.advance(expected)
        HANDLERS.get(message.msg_type, _on_application)(draft, message)
    except ProtocolError as error:
        _refuse(draft, message, error)


def _checked(draft: StepDraft, message: Message, dictionary: Dictionary) -> list[str]:
    """Warnings about what a message says; ProtocolError if it is refused, or does not say whom it is from and for."""
    warnings = validation.validate(message, dictionary, draft.settings.validation)
    message.require(Tag.SenderCompID)
    message.require(Tag.TargetCompID)
    return warnings


def _on_too_high(draft: StepDraft, message: Message) -> None:
    """Keep it and ask once for what is missing."""
    if draft.state.phase in LOGGED_ON:  # Else our Logout(5) is out: the next Logon(A) will show the gap.
        _hold(draft, message)


def _hold(draft: StepDraft, message: Message) -> bool:
    """Keep a too high message and ask once for what is missing; False if there was no room for it."""
    state = draft.state
    held = sequence.with_held(state, message, draft.settings.held_messages_max)
    if held is None:
        draft.warn("held_full", f"34={message.seq_num} is dropped to be asked for again: {len(state.held)} are held")
    else:
        draft.state = held
    if draft.state.held[0].seq_num > state.next_in:
        draft.ask(message.seq_num - 1)
    return held is not None


def _on_too_low(draft: StepDraft, message: Message) -> None:
    """Had before: fine for a resend, the end of the session otherwise."""
    if not message.poss_dup:
        text = f"MsgSeqNum too low, expecting {draft.state.next_in} but received {message.seq_num}"
        draft.logout_and_close(DisconnectReason.SEQ_TOO_LOW, text)
    else:
        _check_original(draft, message)


def _check_original(draft: StepDraft, message: Message) -> None:
    """A possible duplicate has an OrigSendingTime(122) not later than its SendingTime(52); else ProtocolError.

    SequenceReset(4) has no original.
    """
    if message.msg_type == MsgType.SequenceReset:
        return
    try:
        original_ns = message.timestamp_ns(Tag.OrigSendingTime)
        if original_ns is None:
            raise ProtocolError(
                "43=Y without OrigSendingTime(122)",
                reason=SessionRejectReason.RequiredTagMissing,
                tag=Tag.OrigSendingTime,
            )
    except ProtocolError:
        # A trade is booked all the same, unless the session is strict.
        if message.msg_type not in TRADE_REPORTS or draft.settings.validation == "strict":
            raise
        draft.actions += tolerated(message, ["43=Y without an OrigSendingTime(122) that is a time"])
        return
    sent_ns = message.timestamp_ns(Tag.SendingTime)
    if sent_ns is not None and original_ns > sent_ns:
        raise ProtocolError(
            "OrigSendingTime(122) is later than SendingTime(52)", reason=SessionRejectReason.SendingTimeAccuracyProblem
        )


def _on_resend_request(draft: StepDraft, message: Message, dictionary: Dictionary) -> None:
    """Served whatever its own number is, and before we ask for anything ourselves."""
    _checked(draft, message, dictionary)
    number, expected = message.seq_num, draft.state.next_in
    serving.on_resend_request(draft, message)
    if number == expected:
        draft.advance(number + 1)
    elif number > expected:
        _on_too_high(draft, message)


def _on_reset(draft: StepDraft, message: Message, dictionary: Dictionary) -> None:
    """SequenceReset(4) without gap fill: its own number means nothing, NewSeqNo(36) alone counts."""
    _checked(draft, message, dictionary)
    expected = draft.state.next_in
    new_seq_num = _new_seq_num(message, expected)
    draft.warn("sequence_reset", f"SequenceReset(4) from {expected} to {new_seq_num}")
    draft.advance(new_seq_num)


def _gap_fill_to(draft: StepDraft, message: Message) -> int:
    """The number a SequenceReset-GapFill(4) in order goes on to."""
    new_seq_num = _new_seq_num(message, message.seq_num)
    if new_seq_num == message.seq_num:
        draft.warn("empty_gap_fill", f"gap fill 34={message.seq_num} fills nothing")
    return new_seq_num


def _new_seq_num(message: Message, expected: int) -> int:
    new_seq_num = message.integer(Tag.NewSeqNo)
    if new_seq_num is None:
        raise ProtocolError("NewSeqNo(36) is missing", reason=SessionRejectReason.RequiredTagMissing, tag=Tag.NewSeqNo)
    if new_seq_num < expected:
        raise ProtocolError(
            f"NewSeqNo(36)={new_seq_num} is below the expected {expected}", reason=SessionRejectReason.ValueIncorrect
        )
    if new_seq_num > SEQ_NUM_MAX:
        raise ProtocolError(
            f"NewSeqNo(36)={new_seq_num} is more than any number is", reason=SessionRejectReason.ValueIncorrect
        )
    return new_seq_num


def _on_logout(draft: StepDraft, message: Message) -> None:
    """Answer it unless it is an answer; its number is not held against it.

    Above a gap what is missing is asked for first: it may be a fill, and the peer may not be back for a day. A peer
    that says it again has waited long enough, and one that refuses our numbers sends nothing again.
    """
    state = draft.state
    text = _said(message)
    code = DisconnectReason.LOGGED_OUT
    expects = _EXPECTS.search(text)
    if expects is not None:
        wanted = int(expects[1] or expects[2])
        if wanted >= state.next_out:
            code = DisconnectReason.PEER_SEQ_TOO_LOW
        draft.do(PeerExpects(wanted))
        if wanted < state.next_out:
            draft.do(NotReceived(wanted))
    ending = Ending(code, text or "the peer logged out")
    above = state.phase in (Phase.ACTIVE, Phase.LEAVING) and message.seq_num > state.next_in
    if above and code is DisconnectReason.LOGGED_OUT and _hold(draft, message):
        draft.await_missing(ending)
        return
    if state.phase in LOGGED_ON:
        draft.send(MsgType.Logout, [])
    if message.seq_num == state.next_in:
        draft.state = sequence.advanced(draft.state, message.seq_num + 1, draft.now.monotonic_ns)
    draft.end(ending)


def _said(message: Message) -> str:
    """What the peer says in Text(58), fit to be recorded and shown: one line, of some length, no credentials."""
    return one_line(masked((message.get(Tag.Text) or "")[:TEXT_KEPT_MAX]))


def _on_unexpected(draft: StepDraft, message: Message) -> None:
    text = f"MsgType(35)={message.msg_type} is not expected now"
    detail = _said(message)
    draft.warn("unexpected", f"{draft.state.phase}: {text}" + (f": {detail}" if detail else ""))
    draft.logout_and_close(DisconnectReason.UNEXPECTED, text)


def _refuse(draft: StepDraft, message: Message, error: ProtocolError) -> None:
    """Reject(3), and use the number up if it was the expected one. A Reject is never answered by another.

    A peer that is not who it was, or whose clock is off, is logged out as well: by a Logout(5) without a text, the
    Reject having said it, whose answer is awaited.
    """
    if message.msg_type == MsgType.Reject:
        draft.warn("bad_reject", f"34={message.seq_num}: {error}")
    else:
        draft.reject(message, error)
    is_reset = message.msg_type == MsgType.SequenceReset and message.get(Tag.GapFillFlag) != "Y"
    if message.seq_num == draft.state.next_in and not is_reset:
        draft.advance(message.seq_num + 1)
    dismissed = _DISMISSED.get(error.reason)
    if dismissed is not None:
        draft.begin_logout(Ending(dismissed, error.text), tell=False)


def _on_application(draft: StepDraft, message: Message) -> None:
    draft.do(Deliver(message))


def _on_reject(draft: StepDraft, message: Message) -> None:
    """The peer refused something of ours: the application may have said it and must know."""
    draft.warn("reject_received", f"peer rejected our 34={message.get(Tag.RefSeqNum)}: {_said(message)}")
    draft.do(Deliver(message))


def _on_gap_fill(draft: StepDraft, message: Message) -> None:
    """Its number and those it fills are counted already."""


# What a message in order does once its number is counted; any other type goes to the application.
HANDLERS: Final[Mapping[str, Callable[[StepDraft, Message], None]]] = {
    MsgType.Heartbeat: liveness.on_heartbeat,
    MsgType.TestRequest: liveness.on_test_request,
    MsgType.Reject: _on_reject,
    MsgType.SequenceReset: _on_gap_fill,
}
