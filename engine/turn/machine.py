"""What stands between turns, what each input comes to, and the one way to change anything: `take` an input.

Each handler fills the draft it is given: one function an input, and the table of them. Connections that are new and
what strangers say are in `newcomers`, what waits for a number in `numbering`, files read anew in `reloading`; what
people ask for is carried out by `Commands`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final, Protocol

from engine.domain import events as e
from engine.domain.keys import TimerKind
from engine.errors import CommandError, GarbledMessage
from engine.fix.session import protocol as session
from engine.fix.session.certificates import TlsFile
from engine.fix.session.settings import SessionSettings
from engine.fix.standard.dictionary import Dictionary
from engine.fix.wire import codec
from engine.turn import leaks, newcomers, numbering, refusing, reloading, steps
from engine.turn.application import Application
from engine.turn.draft import TurnDraft
from engine.turn.history import CANNOT_CONNECT, History
from engine.turn.inputs import (
    BindDue,
    CallFailed,
    CommandGiven,
    ConnectionDown,
    ConnectionUp,
    DigestDue,
    FilesRead,
    HeldDue,
    HoldChanged,
    Input,
    LeaksFound,
    LogoutWanted,
    Noted,
    NotSent,
    ProofWanted,
    Received,
    SentPage,
    TimerDue,
    UndeliveredPage,
)
from engine.turn.link import Link
from engine.turn.outcome import ReadSentRows, Reply, Turn
from engine.turn.standing import Standing


class Commands(Protocol):
    """What carries out what people and programs ask for; `boot` hands it to the machine."""

    def run(self, draft: TurnDraft, given: CommandGiven) -> dict[str, Any] | None:
        """Carry one command out on the draft; the answer, ready for JSON, or None if a later turn has it.

        Raises CommandError: nothing of it stays.
        """
        ...


class NoCommands:
    """For whom nobody asks anything."""

    def run(self, draft: TurnDraft, given: CommandGiven) -> dict[str, Any] | None:
        raise CommandError(f"no command '{given.name}'", code="unknown_command")


# --- the process ---------------------------------------------------------------------------------


def on_noted(draft: TurnDraft, given: Noted) -> None:
    draft.turn.ref = given.what
    for event in given.events:
        draft.desk.record(event)


def on_digest_due(draft: TurnDraft, given: DigestDue) -> None:
    draft.turn.kind, draft.turn.ref = Noted.__name__, "digest"  # As earlier builds have recorded it.
    digest = draft.standing.application.digest()
    draft.desk.record(e.StateDigested(draft.now.utc_ns, given.logic_version, digest))


def on_hold_changed(draft: TurnDraft, given: HoldChanged) -> None:
    draft.turn.hold = given.reason


def on_command(draft: TurnDraft, given: CommandGiven, commands: Commands) -> None:
    turn = _told_by(draft, given)
    if draft.refused is not None:
        text = f"{given.name}: {type(draft.refused).__name__}: {draft.refused}"
        draft.standing.application.refuse(draft.desk, "command", text, draft.refused, None)
        turn.effects.append(Reply(given.ref, error=f"this command could not be handled: {text}", code="bug"))
        return
    try:
        result = commands.run(draft, given)
    except CommandError as error:
        draft.begin_again()  # Nothing of a refused command stays.
        _told_by(draft, given).effects.append(Reply(given.ref, error=str(error), code=error.code))
        return
    if result is not None:
        turn.effects.append(Reply(given.ref, result=result))


def _told_by(draft: TurnDraft, given: CommandGiven) -> Any:
    draft.turn.ref, draft.turn.actor = given.name, given.actor
    return draft.turn


# --- sessions ------------------------------------------------------------------------------------


def on_logout_wanted(draft: TurnDraft, given: LogoutWanted) -> None:
    key = given.session
    draft.turn.ref = key
    steps.take(draft, key, session.logout(draft.settings(key), draft.state(key), given.ending, draft.now))


def on_proof_wanted(draft: TurnDraft, given: ProofWanted) -> None:
    key = given.session
    draft.turn.ref = key
    steps.take(draft, key, session.send_test_request(draft.settings(key), draft.state(key), draft.now))


def on_call_failed(draft: TurnDraft, given: CallFailed) -> None:
    draft.turn.ref = given.session
    draft.note(given.session, CANNOT_CONNECT, given.reason)


def on_connection_down(draft: TurnDraft, given: ConnectionDown) -> None:
    turn = draft.turn
    connection = draft.standing.connections.get(given.connection)
    key = None if connection is None else connection.session
    draft.own(given.connection, None)
    if key is None or draft.state(key).connection != given.connection:
        turn.endings = (("", given.ending),)
        return
    turn.ref = key
    step = session.disconnected(draft.settings(key), draft.state(key), given.ending, draft.now)
    assert step.state.ending is not None
    turn.endings = ((key, step.state.ending),)
    steps.take(draft, key, step)


def on_received(draft: TurnDraft, given: Received) -> None:
    connection = draft.standing.connections.get(given.connection)
    if connection is None:
        return  # Bytes that were on their way when the connection was given up.
    key, frame = connection.session, given.frame
    if key is None:
        newcomers.first_message(draft, given.connection, connection, frame)
        return
    standing = draft.standing
    link, settings, dictionary = standing.links[key], standing.settings[key], standing.dictionaries[key]
    state = link.state
    if isinstance(frame, bytes):
        try:
            message = codec.decode(frame, dictionary)
        except GarbledMessage as error:
            frame = error
    if isinstance(frame, GarbledMessage):
        draft.turn.garbled = ((key, frame.reason),)
        step = session.garbled(settings, state, frame, draft.now)
    else:
        taken = session.in_order(settings, state, message, draft.now, dictionary=dictionary)
        if taken is not None:
            steps.take_in(draft, key, link, taken, message)
            return
        step = session.seen_to(settings, state, message, draft.now, dictionary=dictionary)
    steps.take(draft, key, step)
    if not draft.turn.ref:  # What was delivered has said which message it is.
        draft.turn.ref = f"{key}:{state.epoch}:{state.next_in}"


def on_held_due(draft: TurnDraft, given: HeldDue) -> None:
    key = given.session
    draft.turn.ref = key
    dictionary = draft.standing.dictionaries[key]
    steps.take(draft, key, session.drain(draft.settings(key), draft.state(key), draft.now, dictionary=dictionary))


def on_sent_page(draft: TurnDraft, given: SentPage) -> None:
    key, state = given.session, draft.state(given.session)
    draft.turn.ref = key
    if state.epoch != given.epoch or state.connection != given.connection:
        return  # Read for a connection that has ended or an epoch that is over.
    steps.take(draft, key, session.resend_page(draft.settings(key), state, given.rows, given.last, draft.now))
    if not given.last:
        # The next page is asked for behind this one: it is read once the peer has taken what is on its way.
        begin = given.rows[-1].seq_num + 1
        draft.turn.effects.append(ReadSentRows(key, given.epoch, given.connection, begin, given.end))


def on_not_sent(draft: TurnDraft, given: NotSent) -> None:
    draft.turn.ref = ",".join(str(outbox_id) for outbox_id in given.outbox_ids)
    for outbox_id in given.outbox_ids:
        draft.standing.application.not_sent(draft.desk, outbox_id, given.reason)


# --- time ----------------------------------------------------------------------------------------


def on_timer_due(draft: TurnDraft, given: TimerDue) -> None:
    draft.turn.ref = str(given.key)
    kind, ident = given.key
    application = draft.standing.application
    if kind is TimerKind.session:
        state = session.heard(draft.state(ident), given.heard_ns)
        steps.take(draft, ident, session.tick(draft.settings(ident), state, draft.now, reading=given.reading))
    elif kind is TimerKind.schedule:
        steps.take(draft, ident, session.keep_schedule(draft.settings(ident), draft.state(ident), draft.now))
    elif draft.refused is None:
        application.due(draft.desk, given.key)
    else:
        application.refuse(draft.desk, "timer", str(given.key), draft.refused, given.key)
    draft.touch(given.key)


HANDLERS: Final[Mapping[type, Callable[[TurnDraft, Any], None]]] = {
    Noted: on_noted,
    DigestDue: on_digest_due,
    HoldChanged: on_hold_changed,
    LogoutWanted: on_logout_wanted,
    ProofWanted: on_proof_wanted,
    CallFailed: on_call_failed,
    ConnectionUp: newcomers.on_connection_up,
    ConnectionDown: on_connection_down,
    Received: on_received,
    HeldDue: on_held_due,
    TimerDue: on_timer_due,
    FilesRead: reloading.on_files_read,
    LeaksFound: leaks.on_leaks_found,
    SentPage: on_sent_page,
    UndeliveredPage: numbering.on_undelivered_page,
    BindDue: numbering.on_bind_due,
    NotSent: on_not_sent,
}
"""Of every input but `CommandGiven`, which needs `Commands` besides."""


# --- the machine ---------------------------------------------------------------------------------

NOBODY_ASKS: Final = NoCommands()


class Machine(Standing):
    """What stands, and the handler of every input; `commands` carries out what people ask for."""

    def __init__(
        self,
        application: Application,
        settings: Mapping[str, SessionSettings],
        dictionaries: Mapping[str, Dictionary],
        *,
        commands: Commands = NOBODY_ASKS,
        links: Mapping[str, Link] | None = None,
        outbox_id: int = 0,
        history: History | None = None,
        tls_files: Sequence[TlsFile] = (),
    ) -> None:
        super().__init__(
            application,
            settings,
            dictionaries,
            links=links,
            outbox_id=outbox_id,
            history=history,
            tls_files=tls_files,
        )
        self._handlers: dict[type, Callable[[TurnDraft, Any], None]] = {
            **HANDLERS,
            CommandGiven: partial(on_command, commands=commands),
        }

    def take(self, given: Input) -> Turn:
        """Decide and adopt. A second failure, or one while adopting, is ours and stops the process."""
        try:
            turn = self.decide(given)
        except Exception as error:
            try:
                turn = self.decide(given, refused=error)
            except Exception as again:
                turn = refusing.give_up(TurnDraft(self, given, again))
        self.adopt(turn)
        return turn

    def decide(self, given: Input, refused: Exception | None = None) -> Turn:
        """The turn that this input comes to; nothing is changed by it."""
        draft = TurnDraft(self, given, refused)
        self._handlers[type(given)](draft, given)
        desk = draft.desk_if_begun
        if desk is not None and desk.sends:
            numbering.place_sends(draft, desk)
        return draft.sealed()
