"""FIX session layer: a state, a message and an instant in; the next state and actions out.

Owns one session's numbers, logon, gap recovery, heartbeats and Logout(5). Reads no socket, clock or disk and changes
nothing it is given: the runtime stages each `Step` with the turn that made it and carries the actions out, in order,
after the commit. A peer's mistake becomes an action (Reject(3), Logout(5), CloseConnection); ours is an exception.

    phases     where a session stands, and the table of legal moves
    incoming   a message of the peer, sorted by who, when, number and type
    sequence   the state as a value          step      a step being made, and what the shell is asked to do
    logon      Logon(A) and resets           serving   the peer's ResendRequest(2)
    liveness   heartbeats and deadlines      logout    an orderly end: proof first, then Logout(5)
    schedule   windows of local time         hours     a session under its schedule

Reference: FIX 4.4, Volume 2, "FIX Session Protocol" and its session-level test cases.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from engine.clock import Instant
from engine.errors import CommandError, EngineError, GarbledMessage, ProtocolError
from engine.fix.session import hours, incoming, liveness, logon, sequence, serving
from engine.fix.session import logout as orderly
from engine.fix.session import step as stepping
from engine.fix.session.liveness import next_deadline_ns
from engine.fix.session.logon import flaw_of as logon_flaw
from engine.fix.session.phases import IN_SESSION, LOGGED_ON, SESSION_TYPES, Phase
from engine.fix.session.reasons import DisconnectReason, Ending
from engine.fix.session.sequence import SessionState
from engine.fix.session.serving import gap_fill
from engine.fix.session.settings import SessionSettings
from engine.fix.session.step import (
    Action,
    CloseConnection,
    Confirmed,
    Deliver,
    DrainHeld,
    EpochBegan,
    GapFilled,
    LoggedOn,
    LoggedOut,
    NotReceived,
    Numbered,
    PeerExpects,
    ProbeAnswered,
    ReadSent,
    Retransmit,
    SentRow,
    Step,
    StepDraft,
    Transmit,
    Warn,
)
from engine.fix.standard.tags import MsgType
from engine.fix.wire import validation
from engine.fix.wire.framing import FrameStalled, StreamEnded
from engine.fix.wire.message import Message

if TYPE_CHECKING:
    from engine.fix.standard.dictionary import Dictionary

__all__ = [
    "Action",
    "CloseConnection",
    "Confirmed",
    "Deliver",
    "DrainHeld",
    "EpochBegan",
    "GapFilled",
    "LoggedOn",
    "LoggedOut",
    "NotReceived",
    "Numbered",
    "PeerExpects",
    "Phase",
    "ProbeAnswered",
    "ReadSent",
    "Retransmit",
    "SentRow",
    "SessionSettings",
    "SessionState",
    "Step",
    "Transmit",
    "Warn",
    "bind",
    "connected",
    "disconnect",
    "disconnected",
    "dismiss",
    "drain",
    "gap_fill",
    "garbled",
    "heard",
    "in_order",
    "keep_schedule",
    "logon_flaw",
    "logout",
    "next_deadline_ns",
    "received",
    "resend_page",
    "reset",
    "seen_to",
    "send_again",
    "send_test_request",
    "set_numbers",
    "tick",
]


def bind(
    settings: SessionSettings,
    state: SessionState,
    msg_type: str,
    body: bytes,
    now: Instant,
    *,
    poss_resend: bool = False,
    extra: tuple[tuple[int, str | bytes], ...] = (),
) -> tuple[SessionState, bytes]:
    """Give an application message our next number; what it leaves as. `extra` are header fields of its own.

    Raises EngineError unless the session is active and no resend is being served (`state.can_send`): callers queue.
    """
    if state.phase is not _ACTIVE or state.serving is not None:
        raise EngineError(
            f"session {settings.key} cannot take a new message: {state.phase}, resending={state.resending}"
        )
    data = stepping.framed(settings, state, msg_type, body, now, poss_resend, extra)
    return sequence.gave_out(state, now.monotonic_ns), data


def in_order(
    settings: SessionSettings, state: SessionState, message: Message, now: Instant, *, dictionary: Dictionary
) -> SessionState | None:
    """The next application message and nothing else to see to: the state once it is taken in, to be delivered.

    None for whatever is unlike that in anything.
    """
    # Nearly every message, in 3 us: `seen_to` would find the same with a draft and a list of actions, and says what is
    # wrong where anything is.
    layout = message.layout
    if (
        state.phase is _ACTIVE
        and message.msg_type not in SESSION_TYPES
        and state.gap is None
        and not state.held
        and layout.get_names is not None
        and layout.get_names(message.texts) == (*settings.peer_names, str(state.next_in))
        and (43 not in layout.index or not message.poss_dup)
        and (not settings.route or logon.identity_fits(settings, message))
    ):
        try:
            if logon.is_on_time(settings, message, now) and validation.is_faultless(
                message, dictionary, settings.validation
            ):
                return sequence.took_in(state, now.monotonic_ns)
        except ProtocolError:
            pass
    return None


def seen_to(
    settings: SessionSettings, state: SessionState, message: Message, now: Instant, *, dictionary: Dictionary
) -> Step:
    """A message that may be anything, but for being garbled."""
    draft = StepDraft(settings, sequence.heard(state, now.monotonic_ns), now)
    incoming.on_message(draft, message, dictionary)
    orderly.go_on(draft, state)
    return draft.step()


def received(
    settings: SessionSettings, state: SessionState, message: Message, now: Instant, *, dictionary: Dictionary
) -> Step:
    """A whole, well-formed message came."""
    taken = in_order(settings, state, message, now, dictionary=dictionary)
    if taken is not None:
        return Step(taken, (Deliver(message),))
    return seen_to(settings, state, message, now, dictionary=dictionary)


_ACTIVE: Final = Phase.ACTIVE  # A member is looked up in its class in three times what a name takes.


def drain(settings: SessionSettings, state: SessionState, now: Instant, *, dictionary: Dictionary) -> Step:
    """Handle the next held message, if its number is the expected one by now."""
    draft = StepDraft(settings, state, now)
    held = state.held
    if held and held[0].seq_num == state.next_in and state.phase in IN_SESSION:
        message = held[0]
        if message.msg_type in (MsgType.Logon, MsgType.ResendRequest, MsgType.Logout):
            draft.advance(message.seq_num + 1)  # Obeyed when it came; only its number was still to be counted.
        else:
            incoming.on_expected(draft, message, dictionary)
        orderly.go_on(draft, state)
    return draft.step()


def garbled(settings: SessionSettings, state: SessionState, error: GarbledMessage, now: Instant) -> Step:
    """Bytes came that are no message: counted, dropped, and no number is used up. Behind some nothing can be read."""
    draft = StepDraft(settings, sequence.heard(state, now.monotonic_ns), now)
    draft.warn("garbled", str(error))
    if state.phase is Phase.AWAITING_LOGON:
        draft.close(DisconnectReason.LOGON_REFUSED, f"the first message is garbled: {error}")
    elif isinstance(error, StreamEnded) and state.phase not in (Phase.DISCONNECTED, Phase.CLOSED):
        stalled = isinstance(error, FrameStalled)
        draft.logout_and_close(DisconnectReason.STALLED if stalled else DisconnectReason.TOO_LONG, str(error))
    return draft.step()


def heard(state: SessionState, at_ns: int | None) -> SessionState:
    """Bytes came that are no whole message yet, or reading goes on after a pause: the peer is not silent.

    `at_ns` is when, None if never (monotonic); what was heard later than that counts.
    """
    return state if at_ns is None or at_ns <= state.last_received_ns else sequence.heard(state, at_ns)


def connected(settings: SessionSettings, state: SessionState, connection: int, now: Instant) -> Step:
    """A connection is up; an initiator sends its Logon(A), an acceptor waits for one. Closed outside the schedule.

    Raises EngineError if the session has a connection: a second one is closed by the shell and never comes here.
    """
    stepping.expect_phase(state, Phase.DISCONNECTED)
    at_ns = now.monotonic_ns
    begun = state._replace(
        phase=Phase.AWAITING_LOGON,
        connection=connection,
        phase_since_ns=at_ns,
        last_received_ns=at_ns,
        last_sent_ns=at_ns,
        heart_bt_int_s=settings.heart_bt_int_s,
        ending=None,
    )
    draft = StepDraft(settings, begun, now)
    if hours.refuse(draft):
        return draft.step()
    draft.state = begun._replace(began_utc_ns=begun.began_utc_ns or now.utc_ns)
    hours.begin_period(draft)
    if settings.initiator:
        logon.send_first(draft)
    return draft.step()


def disconnected(settings: SessionSettings, state: SessionState, ending: Ending, now: Instant) -> Step:
    """The connection is gone; numbers and epoch stay."""
    draft = StepDraft(settings, state, now)
    if state.phase is Phase.ACTIVE:
        draft.do(LoggedOut(ending))
    draft.state = sequence.disconnected(state, ending)
    hours.begin_period(draft)
    return draft.step()


def tick(settings: SessionSettings, state: SessionState, now: Instant, *, reading: bool = True) -> Step:
    """Do what is due; harmless at any time. Without `reading` the peer's silence is not held against it."""
    draft = StepDraft(settings, state, now)
    liveness.on_tick(draft, reading)
    return draft.step()


def keep_schedule(settings: SessionSettings, state: SessionState, now: Instant) -> Step:
    """A boundary of the schedule may have passed: log out, or begin anew; harmless at any time."""
    draft = StepDraft(settings, state, now)
    hours.keep(draft)
    return draft.step()


def resend_page(
    settings: SessionSettings, state: SessionState, rows: Sequence[SentRow], last: bool, now: Instant
) -> Step:
    """One page of the rows that ReadSent asked for, in order. Raises JournalError if one is missing.

    The caller drops pages read for a connection that has ended or an epoch that is over.
    """
    draft = StepDraft(settings, state, now)
    serving.page(draft, rows, last)
    orderly.go_on(draft, state)
    return draft.step()


def logout(settings: SessionSettings, state: SessionState, ending: Ending, now: Instant) -> Step:
    """End the session in good order, for the reason given, once the peer has proven that it lacks nothing.

    Wanted again meanwhile, the Logout(5) leaves at once. A peer that has not logged on yet is told nothing.
    """
    draft = StepDraft(settings, state, now)
    if state.phase is Phase.ACTIVE:
        orderly.begin(draft, ending)
    elif state.phase is Phase.LEAVING:
        orderly.finish(draft)
    elif state.phase is Phase.LOGOUT_RECEIVED:
        orderly.answer(draft)
    elif state.phase in (Phase.AWAITING_LOGON, Phase.LOGON_SENT):
        draft.end(ending)
    return draft.step()


def dismiss(settings: SessionSettings, state: SessionState, ending: Ending, now: Instant) -> Step:
    """Log the peer out at once, waiting for no proof: something is wrong. Nothing happens unless it is logged on."""
    draft = StepDraft(settings, state, now)
    if state.phase in LOGGED_ON:
        draft.begin_logout(ending)
    return draft.step()


def disconnect(settings: SessionSettings, state: SessionState, ending: Ending, now: Instant) -> Step:
    """Close the connection without Logout(5), whatever is on its way. Nothing happens without a connection."""
    draft = StepDraft(settings, state, now)
    if state.phase is not Phase.DISCONNECTED:
        draft.end(ending)
    return draft.step()


def send_again(settings: SessionSettings, state: SessionState, begin: int, end: int, now: Instant) -> Step:
    """Send our numbers `begin` to `end` again, as if the peer had asked for them by ResendRequest(2).

    Raises CommandError unless the session is active, these numbers were given out, and no resend is under way.
    """
    if state.phase is not Phase.ACTIVE:
        raise CommandError(f"session {settings.key} is {state.phase}: it has to be active", code="state")
    if state.serving is not None:
        raise CommandError(f"session {settings.key} is sending again already: wait for its end", code="state")
    if not state.first_out <= begin <= end < state.next_out:
        sent = f"{state.first_out} to {state.next_out - 1}"
        raise CommandError(f"session {settings.key} has sent {sent} in this epoch, not {begin} to {end}", code="params")
    draft = StepDraft(settings, state, now)
    serving.serve(draft, begin, end)
    return draft.step()


def send_test_request(settings: SessionSettings, state: SessionState, now: Instant) -> Step:
    """Ask the peer to prove that it has everything sent so far. Nothing happens unless the session is active."""
    draft = StepDraft(settings, state, now)
    if state.phase is Phase.ACTIVE:
        draft.probe()
    return draft.step()


def reset(settings: SessionSettings, state: SessionState, now: Instant) -> Step:
    """Restart both numbers at 1, silently, as agreed with the peer.

    Raises CommandError while the session is connected.
    """
    _expect_logged_off(settings, state)
    draft = StepDraft(settings, state, now)
    draft.begin_epoch("reset")
    return draft.step()


def set_numbers(
    settings: SessionSettings,
    state: SessionState,
    now: Instant,
    *,
    next_in: int | None = None,
    next_out: int | None = None,
) -> Step:
    """Set the numbers by hand. A new epoch begins unless only `next_in` is raised: no number means two messages.

    Raises CommandError for a number below 1, or while the session is connected.
    """
    _expect_logged_off(settings, state)
    wanted_in = state.next_in if next_in is None else next_in
    wanted_out = state.next_out if next_out is None else next_out
    if wanted_in < 1 or wanted_out < 1:
        raise CommandError(f"sequence numbers begin at 1, found next_in={wanted_in} next_out={wanted_out}")
    draft = StepDraft(settings, state, now)
    if wanted_in < state.next_in or wanted_out != state.next_out:
        draft.begin_epoch("set_numbers", next_in=wanted_in, next_out=wanted_out)
    else:
        draft.state = state._replace(next_in=wanted_in, began_utc_ns=state.began_utc_ns or now.utc_ns)
    return draft.step()


def _expect_logged_off(settings: SessionSettings, state: SessionState) -> None:
    if state.phase is not Phase.DISCONNECTED:
        raise CommandError(f"session {settings.key} is {state.phase}: disconnect it before its numbers are set")
