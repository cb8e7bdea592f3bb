"""What becomes of an input over which our own code failed: its number is used up, the peer is told, a person looks.

Repetition pauses the session that it comes over, and that one alone; so does an input that cannot even be refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from engine.domain import events as e
from engine.domain.messages import BusinessReject
from engine.fix.session import protocol as session
from engine.fix.session.reasons import DisconnectReason, Ending
from engine.fix.wire.message import Message
from engine.masking import masked
from engine.turn.effects import Close
from engine.turn.inputs import Input, TimerDue
from engine.turn.outcome import NO_CONNECTION, Turn

if TYPE_CHECKING:
    from engine.turn.deciding import Deciding

REFUSALS_MAX: Final = 5
"""So many inputs of one session in a row that could not be handled pause that session."""
INPUT_KEPT_MAX: Final = 4096
"""Characters of a refused input that its event keeps; the whole message stands in the journal's own table."""
ENGINE: Final = "engine"
"""The actor of what nobody asked for."""
PAUSED_BY_ONE: Final = "paused: an input could not be handled at all"


def give_up(turn: Deciding) -> Turn:
    """Not even the refusal could be made: record the input and pause the session it came over.

    A stranger's connection is closed. Raises for an input that came over neither: there is nobody left to isolate.
    """
    given, error = turn.given, turn.refused
    assert error is not None
    stranger = getattr(given, "connection", NO_CONNECTION)
    key = _session_of(given) or turn.machine.connections.get(stranger, "")
    if not key and stranger == NO_CONNECTION:
        raise error
    frame = getattr(given, "frame", b"")
    text = frame.decode("latin-1") if isinstance(frame, bytes) else str(frame)
    reason = masked(f"{type(error).__name__}: {error}")[:INPUT_KEPT_MAX]
    turn.out.events.append(e.InputRefused(turn.now.utc_ns, key, masked(text)[:INPUT_KEPT_MAX], reason))
    if not key:
        turn.close(stranger, DisconnectReason.INPUT_REFUSED, reason)
        return turn.out
    turn.out.events.append(e.SessionSwitched(turn.now.utc_ns, key, False, ENGINE, PAUSED_BY_ONE))
    turn.out.refusals[key] = REFUSALS_MAX
    turn.out.warnings.append((key, "input_refused", reason))
    connection = turn.machine.sessions[key].connection
    if connection is not None:
        turn.out.effects.append(Close(connection, DisconnectReason.INPUT_REFUSED, PAUSED_BY_ONE))
    return turn.out


def refuse_message(turn: Deciding, key: str, message: Message, error: Exception) -> None:
    """Our own failure over a good message: its number is used up, the peer hears j 380=4, a person looks."""
    text = f"{type(error).__name__}: {error}"
    turn.machine.application.refuse(turn.draft(), key, message.raw.decode("latin-1"), error, "")
    reject = BusinessReject(message.msg_type, message.seq_num, 4, "this message could not be handled; a person looks")
    turn.say(key, reject)
    count = turn.machine.refusals.get(key, 0) + 1
    turn.out.refusals[key] = count
    turn.out.warnings.append((key, "input_refused", text))
    if count >= REFUSALS_MAX:
        text = f"paused: {count} messages in a row could not be handled"
        turn.draft().record(e.SessionSwitched(turn.now.utc_ns, key, False, ENGINE, text))
        paused = Ending(DisconnectReason.INPUT_REFUSED, text)
        turn.carry(key, session.dismiss(turn.settings(key), turn.out.sessions[key], paused, turn.now))


def _session_of(given: Input) -> str:
    """The session that an input names: by its key, or by the timer that is the session's own. Empty if none."""
    if isinstance(given, TimerDue):
        kind, _, ident = given.key.partition(":")
        return ident if kind in ("session", "schedule") else ""
    key: str = getattr(given, "session", "")
    return key
