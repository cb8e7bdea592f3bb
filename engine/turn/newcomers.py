"""Who is let to a session: a connection that we opened, or a stranger whose first message names one of ours.

Nobody touches a session before everything about them is found good: until then a stranger gets no answer, and the
connection is closed with the reason kept on our side.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.errors import EngineError, GarbledMessage
from engine.fix.session import entrance
from engine.fix.session import protocol as session
from engine.fix.session.directory import described
from engine.fix.session.entrance import LOCAL
from engine.fix.session.phases import Phase
from engine.fix.session.reasons import DisconnectReason
from engine.fix.standard.dictionary import Dictionary
from engine.fix.wire import codec
from engine.turn.inputs import ConnectionUp

if TYPE_CHECKING:
    from engine.turn.deciding import Deciding
    from engine.turn.machine import Machine


def on_connection_up(turn: Deciding, given: ConnectionUp) -> None:
    turn.out.ref = given.session
    turn.out.origins = {given.connection: given.origin}
    if not given.session:
        turn.out.connections[given.connection] = ""
        return
    flaw = entrance.flaw(turn.settings(given.session), given.origin)
    if flaw is not None:
        turn.close(given.connection, DisconnectReason.NOT_ALLOWED, flaw, given.session)
        return
    if not turn.machine.may_log_on(given.session) or turn.state(given.session).phase is not Phase.DISCONNECTED:
        turn.close(given.connection, DisconnectReason.NOT_WANTED, f"session {given.session} takes no connection now")
        return
    turn.out.connections[given.connection] = given.session
    turn.carry(
        given.session,
        session.connected(turn.settings(given.session), turn.state(given.session), given.connection, turn.now),
    )


def first_message(turn: Deciding, connection: int, frame: bytes | GarbledMessage) -> None:
    """A stranger's first message: a valid Logon(A) of a session we have, or the connection is closed unanswered."""
    if isinstance(frame, GarbledMessage):
        turn.out.garbled = (("", frame.reason),)
        turn.close(connection, DisconnectReason.LOGON_REFUSED, f"the first message is garbled: {frame}")
        return
    try:
        message = codec.decode(frame, _any_dictionary(turn.machine))
    except GarbledMessage as error:
        turn.out.garbled = (("", error.reason),)
        turn.close(connection, DisconnectReason.LOGON_REFUSED, f"the first message is garbled: {error}")
        return
    key = turn.machine.find(message)
    if key is None:
        turn.close(connection, DisconnectReason.UNKNOWN_SESSION, f"no session for {described(message)}")
    elif turn.settings(key).initiator:
        turn.close(connection, DisconnectReason.WRONG_DIRECTION, f"session {key} connects by itself", key)
    elif (flaw := entrance.flaw(turn.settings(key), turn.machine.origins.get(connection, LOCAL))) is not None:
        turn.close(connection, DisconnectReason.NOT_ALLOWED, flaw, key)
    elif not turn.machine.may_log_on(key):
        turn.close(connection, DisconnectReason.DISABLED, f"session {key} is disabled", key)
    elif turn.state(key).phase is not Phase.DISCONNECTED:
        text = f"session {key} has a connection already"
        turn.close(connection, DisconnectReason.ALREADY_CONNECTED, text, key)
    else:
        _logon(turn, key, connection, frame)


def _logon(turn: Deciding, key: str, connection: int, frame: bytes) -> None:
    """A first message that names a session of ours, read anew with that session's own dictionary.

    Which fields are data is its word: what any dictionary could read may be garbled by this one.
    """
    try:
        message = codec.decode(frame, turn.machine.dictionaries[key])
    except GarbledMessage as error:
        turn.close(connection, DisconnectReason.LOGON_REFUSED, f"the first message is garbled: {error}", key)
        return
    flaw = session.logon_flaw(turn.settings(key), message, turn.now, turn.machine.dictionaries[key])
    if flaw is not None:
        # The session is not touched: it is free for whom it belongs to, and its hours and numbers stand.
        turn.close(connection, DisconnectReason.LOGON_REFUSED, flaw, key)
        return
    turn.out.ref = key
    turn.out.connections[connection] = key
    turn.carry(key, session.connected(turn.settings(key), turn.state(key), connection, turn.now))
    turn.take_in(key, message)


def _any_dictionary(machine: Machine) -> Dictionary:
    """Enough to read who a Logon(A) is from: its header fields stand in every dictionary."""
    for dictionary in machine.dictionaries.values():
        return dictionary
    raise EngineError("no session is configured, so nobody can log on")
