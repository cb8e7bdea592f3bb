"""Who is let to a session: a connection that we opened, or a stranger whose first message names one of ours.

Nobody touches a session before everything about them is found good: until then a stranger gets no answer, and the
connection is closed with the reason kept on our side.
"""

from __future__ import annotations

from engine.errors import EngineError, GarbledMessage
from engine.fix.session import entrance
from engine.fix.session import protocol as session
from engine.fix.session.directory import described
from engine.fix.session.phases import Phase
from engine.fix.session.reasons import DisconnectReason
from engine.fix.standard.dictionary import Dictionary
from engine.fix.wire import codec
from engine.turn import steps
from engine.turn.draft import TurnDraft
from engine.turn.inputs import ConnectionUp
from engine.turn.outcome import Connection
from engine.turn.standing import Standing


def on_connection_up(draft: TurnDraft, given: ConnectionUp) -> None:
    key, number = given.session, given.connection
    draft.turn.ref = key
    if not key:
        draft.own(number, Connection(None, given.origin))
        return
    flaw = entrance.flaw(draft.settings(key), given.origin)
    if flaw is not None:
        draft.close(number, DisconnectReason.NOT_ALLOWED, flaw, key)
        return
    if not draft.standing.may_log_on(key) or draft.state(key).phase is not Phase.DISCONNECTED:
        draft.close(number, DisconnectReason.NOT_WANTED, f"session {key} takes no connection now")
        return
    draft.own(number, Connection(key, given.origin))
    steps.take(draft, key, session.connected(draft.settings(key), draft.state(key), number, draft.now))


def first_message(draft: TurnDraft, number: int, stranger: Connection, frame: bytes | GarbledMessage) -> None:
    """A stranger's first message: a valid Logon(A) of a session we have, or the connection is closed unanswered."""
    if isinstance(frame, GarbledMessage):
        draft.turn.garbled = (("", frame.reason),)
        draft.close(number, DisconnectReason.LOGON_REFUSED, f"the first message is garbled: {frame}")
        return
    try:
        message = codec.decode(frame, _any_dictionary(draft.standing))
    except GarbledMessage as error:
        draft.turn.garbled = (("", error.reason),)
        draft.close(number, DisconnectReason.LOGON_REFUSED, f"the first message is garbled: {error}")
        return
    key = draft.standing.find(message)
    if key is None:
        draft.close(number, DisconnectReason.UNKNOWN_SESSION, f"no session for {described(message)}")
    elif draft.settings(key).initiator:
        draft.close(number, DisconnectReason.WRONG_DIRECTION, f"session {key} connects by itself", key)
    elif (flaw := entrance.flaw(draft.settings(key), stranger.origin)) is not None:
        draft.close(number, DisconnectReason.NOT_ALLOWED, flaw, key)
    elif not draft.standing.may_log_on(key):
        draft.close(number, DisconnectReason.DISABLED, f"session {key} is disabled", key)
    elif draft.state(key).phase is not Phase.DISCONNECTED:
        text = f"session {key} has a connection already"
        draft.close(number, DisconnectReason.ALREADY_CONNECTED, text, key)
    else:
        _logon(draft, key, number, stranger, frame)


def _logon(draft: TurnDraft, key: str, number: int, stranger: Connection, frame: bytes) -> None:
    """A first message that names a session of ours, read anew with that session's own dictionary.

    Which fields are data is its word: what any dictionary could read may be garbled by this one.
    """
    dictionary = draft.standing.dictionaries[key]
    try:
        message = codec.decode(frame, dictionary)
    except GarbledMessage as error:
        draft.close(number, DisconnectReason.LOGON_REFUSED, f"the first message is garbled: {error}", key)
        return
    flaw = session.logon_flaw(draft.settings(key), message, draft.now, dictionary)
    if flaw is not None:
        # The session is not touched: it is free for whom it belongs to, and its hours and numbers stand.
        draft.close(number, DisconnectReason.LOGON_REFUSED, flaw, key)
        return
    draft.turn.ref = key
    draft.own(number, stranger._replace(session=key))
    steps.take(draft, key, session.connected(draft.settings(key), draft.state(key), number, draft.now))
    steps.receive(draft, key, message)


def _any_dictionary(standing: Standing) -> Dictionary:
    """Enough to read who a Logon(A) is from: its header fields stand in every dictionary."""
    for dictionary in standing.dictionaries.values():
        return dictionary
    raise EngineError("no session is configured, so nobody can log on")
