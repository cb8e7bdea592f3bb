"""Logon(A): who is there, on what terms, from which numbers.

Owns what a Logon(A) must be, the answer to it, and resets by ResetSeqNumFlag(141). Credentials are checked before
anything in the message is obeyed. To a stranger nothing is ever said: the connection is closed.
"""

from __future__ import annotations

import hmac
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from engine.clock import NS_PER_MS, Instant
from engine.errors import ProtocolError
from engine.fix.session import sequence, serving
from engine.fix.session.phases import Phase
from engine.fix.session.reasons import DisconnectReason
from engine.fix.session.settings import SessionSettings
from engine.fix.session.step import Field, LoggedOn, PeerExpects, StepDraft, ns
from engine.fix.standard.tags import MsgType, SessionRejectReason, Tag
from engine.fix.wire import validation
from engine.fix.wire.message import SEQ_NUM_MAX, Message, timestamp_ns
from engine.masking import one_line

if TYPE_CHECKING:
    from engine.fix.standard.dictionary import Dictionary


def send_first(draft: StepDraft) -> None:
    """Initiator, just connected: open with Logon(A)."""
    if draft.settings.reset_on_logon:
        draft.begin_epoch("reset_on_logon")
    _send(draft, draft.settings.heart_bt_int_s, reset=draft.settings.reset_on_logon, offer=draft.settings.next_expected)
    draft.enter(Phase.LOGON_SENT)


def on_first(draft: StepDraft, message: Message, dictionary: Dictionary) -> None:
    """Acceptor: the first message of a connection. Anything but a valid Logon(A) closes it and nothing is said."""
    flaw = flaw_of(draft.settings, message, draft.now, dictionary)
    if flaw is not None:
        draft.warn("logon_refused", flaw)
        draft.close(DisconnectReason.LOGON_REFUSED, flaw)
        return
    reset = message.get(Tag.ResetSeqNumFlag) == "Y"
    if reset or draft.settings.reset_on_logon:
        draft.begin_epoch("reset_seq_num_flag" if reset else "reset_on_logon")
    expected = draft.state.next_in
    if message.seq_num < expected:
        _too_low(draft, message)
        return
    wanted = None if reset else message.integer(Tag.NextExpectedMsgSeqNum)
    sent_before = draft.state.next_out
    if wanted is not None and _beyond(draft, wanted):
        return
    _take_terms(draft, message)
    if message.seq_num == expected:
        draft.advance(expected + 1)
    _send(
        draft,
        draft.state.heart_bt_int_s,
        reset=reset,
        offer=wanted is not None,
        appl_ver_id=message.get(Tag.DefaultApplVerID),
    )
    draft.follow(MsgType.Logon)
    draft.do(LoggedOn())
    _settle_numbers(draft, message, wanted, sent_before, mutual=wanted is not None)


def on_answer(draft: StepDraft, message: Message, dictionary: Dictionary) -> None:
    """Initiator: the answer to our Logon(A)."""
    flaw = flaw_of(draft.settings, message, draft.now, dictionary)
    if flaw is not None:
        draft.logout_and_close(DisconnectReason.LOGON_REFUSED, flaw)
        return
    reset = message.get(Tag.ResetSeqNumFlag) == "Y"
    state = draft.state
    # Our own Logon with 34=1 on a new epoch is what 141=Y says: nothing more to do then.
    if reset and not (state.next_in == 1 and state.next_out == 2):
        draft.begin_epoch("reset_seq_num_flag")
    if message.seq_num < draft.state.next_in:
        _too_low(draft, message)
        return
    wanted = None if reset else message.integer(Tag.NextExpectedMsgSeqNum)
    if wanted is not None and _beyond(draft, wanted):
        return
    _take_terms(draft, message)
    if message.seq_num == draft.state.next_in:
        draft.advance(draft.state.next_in + 1)
    draft.follow(MsgType.Logon)
    draft.do(LoggedOn())
    mutual = wanted is not None and draft.settings.next_expected
    _settle_numbers(draft, message, wanted, draft.state.next_out, mutual=mutual)


def on_live(draft: StepDraft, message: Message, dictionary: Dictionary) -> None:
    """Logon(A) in a live session: only ResetSeqNumFlag(141)=Y makes sense of it."""
    flaw = flaw_of(draft.settings, message, draft.now, dictionary)
    if flaw is None and message.get(Tag.ResetSeqNumFlag) != "Y":
        flaw = "Logon(A) in a live session without ResetSeqNumFlag(141)=Y"
    if flaw is not None:
        draft.logout_and_close(DisconnectReason.LOGON_REFUSED, flaw)
        return
    draft.begin_epoch("reset_seq_num_flag")
    _take_terms(draft, message)
    if message.seq_num == draft.state.next_in:
        draft.advance(draft.state.next_in + 1)
    _send(draft, draft.state.heart_bt_int_s, reset=True, offer=False, appl_ver_id=message.get(Tag.DefaultApplVerID))
    draft.follow(MsgType.Logon)
    _settle_numbers(draft, message, None, draft.state.next_out, mutual=False)


def identity_fits(settings: SessionSettings, message: Message) -> bool:
    """The CompIDs, and the SubIDs and LocationIDs where the session has them, are those agreed."""
    get = message.get
    if get(49) != settings.target_comp_id or get(56) != settings.sender_comp_id:
        return False
    if not settings.route:
        return True
    return all(
        agreed is None or get(tag) == agreed
        for tag, agreed in (
            (Tag.SenderSubID, settings.target_sub_id),
            (Tag.TargetSubID, settings.sender_sub_id),
            (Tag.SenderLocationID, settings.target_location_id),
            (Tag.TargetLocationID, settings.sender_location_id),
        )
    )


def is_on_time(settings: SessionSettings, message: Message, now: Instant) -> bool:
    """SendingTime(52) lies within the tolerance of our clock. Raises ProtocolError if it is missing or no time."""
    text = message.get(52)
    if not text:
        raise ProtocolError(
            "SendingTime(52) is missing", reason=SessionRejectReason.RequiredTagMissing, tag=Tag.SendingTime
        )
    # Checked on every message: whole seconds are read once, milliseconds are looked up.
    milliseconds_ns = _MILLISECONDS_NS.get(text[17:])
    try:
        sent_ns = timestamp_ns(text) if milliseconds_ns is None else _second_ns(text[:17]) + milliseconds_ns
    except ValueError:
        raise ProtocolError(
            "Incorrect data format for value", reason=SessionRejectReason.IncorrectDataFormat, tag=Tag.SendingTime
        ) from None
    return -settings.sending_time_tolerance_ns <= sent_ns - now.utc_ns <= settings.sending_time_tolerance_ns


@lru_cache(maxsize=256)
def _second_ns(text: str) -> int:
    return timestamp_ns(text)


_MILLISECONDS_NS: Final = {f".{milliseconds:03d}": milliseconds * NS_PER_MS for milliseconds in range(1_000)}


def flaw_of(settings: SessionSettings, message: Message, now: Instant, dictionary: Dictionary) -> str | None:
    """What is wrong with a Logon(A), in words fit for the peer, or None. Never tells which credential failed.

    An acceptor asks before it lets anybody near the session: a stranger changes nothing of it.
    """
    try:
        if message.msg_type != MsgType.Logon:
            return f"expected Logon(A), received MsgType(35)={message.msg_type}"
        if message.begin_string != settings.begin_string:
            return "Incorrect BeginString"
        if not identity_fits(settings, message):
            return "CompID problem"
        if not is_on_time(settings, message, now):
            return "SendingTime accuracy problem"
        if message.seq_num < 1:
            return "MsgSeqNum(34) is missing"
        validation.validate(message, dictionary, settings.validation)
        if message.require(Tag.EncryptMethod) != "0":
            return "EncryptMethod(98) must be 0"
        heart_bt_int_s = message.integer(Tag.HeartBtInt)
        if heart_bt_int_s is None or heart_bt_int_s < 0:
            return "HeartBtInt(108) must be a number of seconds"
        if settings.is_fixt and not message.get(Tag.DefaultApplVerID):
            return "DefaultApplVerID(1137) is missing"
        wanted = message.integer(Tag.NextExpectedMsgSeqNum)
        if wanted is not None and not 1 <= wanted <= SEQ_NUM_MAX:
            return "NextExpectedMsgSeqNum(789) is no sequence number"
    except ProtocolError as error:
        # Neither values nor details: this may be sent, and a Logon has secrets in it.
        return error.text if error.tag is None else f"{error.text}: {int(error.tag)}"
    if not settings.initiator and not _credentials_fit(settings, message):
        return "Username(553) or Password(554) is wrong"
    return None


def _credentials_fit(settings: SessionSettings, message: Message) -> bool:
    """Both are always compared, in time that does not tell how much of them was right."""
    if settings.username is None:
        return True
    fits = True
    for tag, agreed in ((Tag.Username, settings.username), (Tag.Password, settings.password or "")):
        fits &= hmac.compare_digest((message.get(tag) or "").encode(), agreed.encode())
    return fits


def _take_terms(draft: StepDraft, message: Message) -> None:
    """Take HeartBtInt(108) over, within our bounds.

    Another DefaultApplVerID(1137) than agreed is warned of: messages are still read and written as agreed.
    """
    settings = draft.settings
    version = message.get(Tag.DefaultApplVerID)
    if settings.is_fixt and version != settings.appl_ver_id:
        draft.warn(
            "appl_ver_id", f"DefaultApplVerID(1137)={one_line(version or '')[:20]}, agreed is {settings.appl_ver_id}"
        )
    offered = message.integer(Tag.HeartBtInt)
    assert offered is not None  # _flaw has looked.
    taken = min(max(offered, settings.heart_bt_int_s_min), settings.heart_bt_int_s_max)
    if taken != offered:
        draft.warn("heart_bt_int", f"HeartBtInt(108)={offered} is out of bounds, taken as {taken}")
    draft.state = draft.state._replace(heart_bt_int_s=taken)


def _send(draft: StepDraft, heart_bt_int_s: int, *, reset: bool, offer: bool, appl_ver_id: str | None = None) -> None:
    """Send Logon(A). `offer` adds NextExpectedMsgSeqNum(789); an initiator adds its credentials."""
    settings = draft.settings
    fields: list[Field] = [(Tag.EncryptMethod, 0), (Tag.HeartBtInt, heart_bt_int_s)]
    if reset:
        fields.append((Tag.ResetSeqNumFlag, "Y"))
    if settings.initiator and settings.username is not None:
        fields.append((Tag.Username, settings.username))
        if settings.password is not None:
            fields.append((Tag.Password, settings.password))
    if offer:
        fields.append((Tag.NextExpectedMsgSeqNum, draft.state.next_in))
    if settings.is_fixt:
        # An answer carries the version that came; an opening one the version agreed.
        fields.append((Tag.DefaultApplVerID, appl_ver_id or settings.appl_ver_id or ""))
    draft.send(MsgType.Logon, fields)


def _settle_numbers(draft: StepDraft, message: Message, wanted: int | None, sent_before: int, *, mutual: bool) -> None:
    """After the session became active: close the gaps that the two Logon(A) have shown.

    `wanted` is what the peer expected, `sent_before` what our next number was when it said so. With
    NextExpectedMsgSeqNum(789) on both sides each sends what the other lacks unasked: no ResendRequest(2).
    """
    if wanted is not None:
        serving.note_evidence(draft, wanted, sent_before)
        if mutual and wanted < sent_before:
            # Our own Logon(A) included: the peer may have taken it for a message above the gap.
            serving.serve(draft, wanted, draft.state.next_out - 1)
    expected = draft.state.next_in
    if message.seq_num <= expected - 1:
        return
    # Kept in its place, so that numbers go on after it whether or not the peer fills over it.
    held = sequence.with_held(draft.state, message, draft.settings.held_messages_max)
    assert held is not None  # Nothing else is held this early.
    draft.state = held
    if mutual:
        draft.expect_fill(message.seq_num - 1)
    else:
        draft.ask(message.seq_num - 1)


def _beyond(draft: StepDraft, wanted: int) -> bool:
    """The peer expects a number we have not come to: our record of what was sent is not the one it talked to."""
    if wanted <= draft.state.next_out:
        return False
    draft.do(PeerExpects(wanted))
    text = f"NextExpectedMsgSeqNum(789) too high, expecting {draft.state.next_out} but received {wanted}"
    draft.logout_and_close(DisconnectReason.NEXT_EXPECTED_TOO_HIGH, text)
    return True


def _too_low(draft: StepDraft, message: Message) -> None:
    text = f"MsgSeqNum too low, expecting {draft.state.next_in} but received {message.seq_num}"
    draft.logout_and_close(DisconnectReason.SEQ_TOO_LOW, text)


def logon_deadline_ns(settings: SessionSettings, since_ns: int) -> int:
    """When a connection without a finished logon is given up (monotonic)."""
    return since_ns + ns(settings.logon_timeout_s)
