"""What becomes of an input over which our own code failed: its number is used up, the peer is told, a person looks.

Repetition pauses the session that it comes over, and that one alone; so does an input that cannot even be refused.
"""

from __future__ import annotations

from typing import Final

from engine.domain import events as e
from engine.domain.keys import TimerKind
from engine.domain.messages import BusinessReject
from engine.fix.session import protocol as session
from engine.fix.session.reasons import DisconnectReason, Ending
from engine.fix.wire.message import Message
from engine.masking import masked
from engine.turn.draft import TurnDraft
from engine.turn.inputs import Input, TimerDue
from engine.turn.outcome import Close, Turn

REFUSALS_MAX: Final = 5
"""So many inputs of one session in a row that could not be handled pause that session."""
INPUT_KEPT_MAX: Final = 4096
"""Characters of a refused input that its event keeps; the whole message stands in the journal's own table."""
ENGINE: Final = "engine"
"""The actor of what nobody asked for."""
PAUSED_BY_ONE: Final = "paused: an input could not be handled at all"


def give_up(draft: TurnDraft) -> Turn:
    """Not even the refusal could be made: record the input and pause the session it came over.

    A stranger's connection is closed. Raises for an input that came over neither: there is nobody left to isolate.
    """
    given, error = draft.given, draft.refused
    assert error is not None
    number: int | None = getattr(given, "connection", None)
    connection = None if number is None else draft.standing.connections.get(number)
    key = _session_of(given) or (connection.session if connection is not None else None)
    if not key and number is None:
        raise error
    frame = getattr(given, "frame", b"")
    text = frame.decode("latin-1") if isinstance(frame, bytes) else str(frame)
    reason = masked(f"{type(error).__name__}: {error}")[:INPUT_KEPT_MAX]
    draft.desk.record(e.InputRefused(draft.now.utc_ns, key or "", masked(text)[:INPUT_KEPT_MAX], reason))
    if isinstance(given, TimerDue) and given.key.kind is TimerKind.schedule:
        draft.touch(given.key)  # Its next boundary comes all the same.
    if not key:
        assert number is not None
        draft.close(number, DisconnectReason.INPUT_REFUSED, reason)
        return draft.sealed()
    draft.desk.record(e.SessionSwitched(draft.now.utc_ns, key, False, ENGINE, PAUSED_BY_ONE))
    link = draft.link(key)
    draft.keep(key, link._replace(refusals=REFUSALS_MAX))
    draft.warn(key, "input_refused", reason)
    if link.state.connection is not None:
        draft.turn.effects.append(Close(link.state.connection, DisconnectReason.INPUT_REFUSED, PAUSED_BY_ONE))
    return draft.sealed()


def refuse_message(draft: TurnDraft, key: str, message: Message, error: Exception) -> session.Step | None:
    """Our own failure over a good message: its number is used up, the peer hears j 380=4, a person looks.

    Returns the step that pauses the session, if this was one too many.
    """
    text = f"{type(error).__name__}: {error}"
    draft.standing.application.refuse(draft.desk, key, message.raw.decode("latin-1"), error, None)
    reject = BusinessReject(message.msg_type, message.seq_num, 4, "this message could not be handled; a person looks")
    draft.say(key, reject)
    link = draft.link(key)
    count = link.refusals + 1
    draft.keep(key, link._replace(refusals=count))
    draft.warn(key, "input_refused", text)
    if count < REFUSALS_MAX:
        return None
    text = f"paused: {count} messages in a row could not be handled"
    draft.desk.record(e.SessionSwitched(draft.now.utc_ns, key, False, ENGINE, text))
    paused = Ending(DisconnectReason.INPUT_REFUSED, text)
    return session.dismiss(draft.settings(key), link.state, paused, draft.now)


def _session_of(given: Input) -> str:
    """The session that an input names: by its key, or by the timer that is the session's own. Empty if none."""
    if isinstance(given, TimerDue):
        return given.key.ident if given.key.of_a_session else ""
    key: str = getattr(given, "session", "")
    return key
