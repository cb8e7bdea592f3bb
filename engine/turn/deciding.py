"""One turn while it is being decided: the input is handled, the sessions step, the application hears and speaks.

Who is let to a session is decided in `newcomers`, what our own failure comes to in `refusing`; what is said gets its
number by `numbering`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from engine.desk.draft import Delivery, Draft
from engine.domain import events as e
from engine.domain.messages import BusinessReject
from engine.errors import CommandError, GarbledMessage, ProtocolError
from engine.fix.flows.refusal import NotTaken
from engine.fix.session import protocol as session
from engine.fix.session import step as stepping
from engine.fix.session.actions import (
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
    PeerExpects,
    ProbeAnswered,
    ReadSent,
    Retransmit,
    Transmit,
    Warn,
)
from engine.fix.session.phases import Phase
from engine.fix.session.reasons import DisconnectReason
from engine.fix.session.settings import SessionSettings
from engine.fix.wire import codec
from engine.fix.wire.message import Message
from engine.masking import for_keeping
from engine.turn import commands, newcomers, refusing, tls_commands
from engine.turn.effects import Close, Publish, ReadSentRows, ReadUndelivered, Reply, Welcome
from engine.turn.history import CANNOT_CONNECT
from engine.turn.inputs import (
    BindDue,
    CallFailed,
    CommandGiven,
    ConnectionDown,
    ConnectionUp,
    HeldDue,
    Input,
    LogoutWanted,
    Noted,
    NotSent,
    ProofWanted,
    Received,
    SentPage,
    TimerDue,
    TlsFilesRead,
    UndeliveredPage,
)
from engine.turn.numbering import Numbering
from engine.turn.outcome import Bound, Inbound, Turn

if TYPE_CHECKING:
    from engine.turn.machine import Machine

NUMBERS_DIFFER: Final = "numbers_differ"
"""Code of the warning that a person has to agree sequence numbers with the peer."""
FOR_PEOPLE: Final = frozenset({NUMBERS_DIFFER, stepping.TRADE_REFUSED})
"""Codes of what does not heal by itself."""
_NO_LEDGER: Final[Mapping[int, int]] = {}


class Deciding(Numbering):
    """One turn while it is being decided."""

    __slots__ = ("_draft", "given", "refused")

    def __init__(self, machine: Machine, given: Input, refused: Exception | None) -> None:
        self.machine = machine
        self.given = given
        self.now = given.now
        self.refused = refused
        self.out = Turn(given.now, type(given).__name__)
        self._draft: Draft | None = None
        self._placed = 0

    def turn(self) -> Turn:
        _HANDLERS[type(self.given)](self, self.given)
        out = self.out
        if self._draft is not None:
            draft = self._draft
            if draft.sends:
                self.place_sends(draft)
            out.events = draft.events
            out.marks = draft.marks
            if draft.touched:
                out.touched.update(draft.touched)
            if draft.notices:
                out.effects.extend(Publish(notice) for notice in draft.notices)
        sessions = self.machine.sessions
        for key, state in out.sessions.items():
            # Where only numbers and times moved on the next deadline became later: whoever is woken looks again.
            if not state.moved_on_from(sessions[key]):
                out.touched[f"session:{key}"] = None
        return out

    # --- inputs ----------------------------------------------------------------------------------

    def on_noted(self, given: Noted) -> None:
        self.out.ref = given.what
        given.record(self.draft())

    def on_logout_wanted(self, given: LogoutWanted) -> None:
        key = given.session
        self.out.ref = key
        self.carry(key, session.logout(self.settings(key), self.state(key), given.ending, self.now))

    def on_proof_wanted(self, given: ProofWanted) -> None:
        key = given.session
        self.out.ref = key
        self.carry(key, session.send_test_request(self.settings(key), self.state(key), self.now))

    def on_call_failed(self, given: CallFailed) -> None:
        self.out.ref = given.session
        self.out.notes.append((given.session, CANNOT_CONNECT, given.reason))

    def on_connection_down(self, given: ConnectionDown) -> None:
        key = self.machine.connections.get(given.connection)
        self.out.connections[given.connection] = None
        if not key or self.state(key).connection != given.connection:
            self.out.endings.append(("", given.ending))
            return
        self.out.ref = key
        step = session.disconnected(self.settings(key), self.state(key), given.ending, self.now)
        assert step.state.ending is not None
        self.out.endings.append((key, step.state.ending))
        self.carry(key, step)

    def on_received(self, given: Received) -> None:
        key = self.machine.connections.get(given.connection)
        if key is None:
            return  # Bytes that were on their way when the connection was given up.
        frame = given.frame
        if key == "":
            newcomers.first_message(self, given.connection, frame)
            return
        state = self.state(key)
        if isinstance(frame, bytes):
            try:
                message = codec.decode(frame, self.machine.dictionaries[key])
            except GarbledMessage as error:
                frame = error
        if isinstance(frame, GarbledMessage):
            self.out.garbled = ((key, frame.reason),)
            self.carry(key, session.garbled(self.settings(key), state, frame, self.now))
        else:
            self.take_in(key, message)
        if not self.out.ref:  # What was delivered has said which message it is.
            self.out.ref = f"{key}:{state.epoch}:{state.next_in}"

    def take_in(self, key: str, message: Message) -> None:
        machine = self.machine
        self.carry(
            key,
            session.received(
                machine.settings[key], self.state(key), message, self.now, dictionary=machine.dictionaries[key]
            ),
        )

    def on_held_due(self, given: HeldDue) -> None:
        key = given.session
        self.out.ref = key
        dictionary = self.machine.dictionaries[key]
        self.carry(key, session.drain(self.settings(key), self.state(key), self.now, dictionary=dictionary))

    def on_timer_due(self, given: TimerDue) -> None:
        self.out.ref = given.key
        kind, _, ident = given.key.partition(":")
        if kind == "session":
            step = session.tick(self.settings(ident), self.state(ident), self.now, reading=given.reading)
            self.carry(ident, step)
        elif kind == "schedule":
            self.carry(ident, session.keep_schedule(self.settings(ident), self.state(ident), self.now))
        elif self.refused is None:
            self.machine.application.due(self.draft(), given.key)
        else:
            self.machine.application.refuse(self.draft(), "timer", given.key, self.refused, given.key)
        self.out.touched[given.key] = None

    def on_command(self, given: CommandGiven) -> None:
        self.out.ref, self.out.actor = given.name, given.actor
        if self.refused is not None:
            text = f"{given.name}: {type(self.refused).__name__}: {self.refused}"
            self.machine.application.refuse(self.draft(), "command", text, self.refused, "")
            self.out.effects.append(Reply(given.ref, error=f"this command could not be handled: {text}", code="bug"))
            return
        try:
            if given.name in commands.COMMANDS:
                result = commands.run(self, given)
            else:
                result = self.machine.application.command(self.draft(), given, self.machine)
        except CommandError as error:
            self._draft = None  # Nothing of a refused command stays.
            self.out = Turn(given.now, type(given).__name__)
            self.out.ref, self.out.actor = given.name, given.actor
            self.out.effects.append(Reply(given.ref, error=str(error), code=error.code))
            return
        if result is not None:
            self.out.effects.append(Reply(given.ref, result=result))

    def on_sent_page(self, given: SentPage) -> None:
        key, state = given.session, self.state(given.session)
        self.out.ref = key
        if state.epoch != given.epoch or state.connection != given.connection:
            return  # Read for a connection that has ended or an epoch that is over.
        self.carry(key, session.resend_page(self.settings(key), state, given.rows, given.last, self.now))
        if not given.last:
            # The next page is asked for behind this one: it is read once the peer has taken what is on its way.
            begin = given.rows[-1].seq_num + 1
            self.out.effects.append(ReadSentRows(key, given.epoch, given.connection, begin, given.end))

    def on_not_sent(self, given: NotSent) -> None:
        self.out.ref = ",".join(str(outbox_id) for outbox_id in given.outbox_ids)
        for outbox_id in given.outbox_ids:
            self.machine.application.not_sent(self.draft(), outbox_id, given.reason)

    # --- what a session asks for -----------------------------------------------------------------

    def carry(self, key: str, step: session.Step) -> None:
        """Take a session's step into the turn and see to its actions, in order."""
        before = self.state(key)
        epoch = before.epoch
        after, actions = step
        self.out.sessions[key] = after
        could_send = before.can_send and not self.rebinding(key)
        for action in actions:
            if type(action) is Deliver:
                self._deliver(key, action.message)
                continue
            if type(action) is EpochBegan:
                epoch = action.epoch
            self._act(key, epoch, action)
        if after.phase in (Phase.ACTIVE, Phase.DISCONNECTED) and (
            after.phase is not before.phase or epoch != before.epoch
        ):
            # Asked once: until the answer is there nothing is bound, however much goes on meanwhile. Of a session that
            # is off, too: what is to be said again counts among what waits.
            up_to = self.rebinding(key)
            if up_to:
                self.out.effects.append(ReadUndelivered(key, epoch, up_to))
        if after.can_send and not could_send:
            self.flush(key)  # What could not go before goes now, behind everything the session itself had to say.

    def _act(self, key: str, epoch: int, action: Action) -> None:
        """One action of a step; `epoch` is the one it belongs to, which a reset in the same step leaves behind."""
        out, state = self.out, self.out.sessions[key]
        match action:
            case Transmit(numbered):
                out.bound.append(Bound(key, epoch, numbered.seq_num))
                self.emit(key, numbered.data)
            case Retransmit(data):
                self.emit(key, data)
            case ReadSent(begin, end):
                assert state.connection is not None
                out.effects.append(ReadSentRows(key, epoch, state.connection, begin, end))
                out.notes.append((key, "resend", f"sending {begin} to {end} again"))
            case ProbeAnswered(round_trip_ns):
                out.round_trips = {key: round_trip_ns}
            case Confirmed(seq_num):
                out.confirmed[key] = max(self._confirmed(key), (epoch, seq_num))
            case NotReceived(begin):
                # Whatever it had before: a reset is to repeat it. The resend that follows names each message to the
                # desk, see GapFilled.
                if self._confirmed(key) >= (epoch, begin):
                    out.confirmed[key] = (epoch, begin - 1)
            case GapFilled(begin, end):
                ledger = self.machine.ledger.get(key, {})
                for seq_num in range(begin, end + 1):
                    if seq_num in ledger:
                        self.machine.application.gap_filled(self.draft(), ledger[seq_num])
            case LoggedOn():
                self.machine.application.session_up(self.draft(), self.settings(key), state.epoch)
                out.refusals[key] = 0
                if key in self.machine.peer_expects:
                    out.peer_expects[key] = 0  # It has taken our number after all.
                out.notes.append((key, "logon", f"epoch {state.epoch}, HeartBtInt(108)={state.heart_bt_int_s}"))
                if state.connection is not None:
                    out.effects.append(Welcome(state.connection))
            case LoggedOut(ending):
                self.leave_reports(key)
                self.machine.application.session_down(self.draft(), self.settings(key), ending)
            case EpochBegan(epoch, cause):
                self.draft().record(e.SessionReset(self.now.utc_ns, key, epoch, cause))
                out.rebinding[key] = self.machine.outbox_id
                if key in self.machine.peer_expects:
                    out.peer_expects[key] = 0  # It was said of numbers that are over.
                out.notes.append((key, "reset", f"{cause}: epoch {epoch}"))
            case PeerExpects(seq_num):
                self._peer_expects(key, seq_num)
                out.notes.append((key, "peer_expects", str(seq_num)))
            case Warn(code, text):
                out.warnings.append((key, code, text))
                if code == stepping.TRADE_REFUSED and self.settings(key).role == "dealer":
                    self.draft().notify("page", what="trade refused", session=key, reason=text)
            case CloseConnection(code, text):
                connection = state.connection
                if connection is not None:
                    at_once = code is DisconnectReason.OPERATOR_DISCONNECT
                    out.effects.append(Close(connection, code, text, at_once))
            case DrainHeld():
                out.held_due = key

    def _peer_expects(self, key: str, seq_num: int) -> None:
        """Kept to be shown. Beyond our own next number it is a matter for people: no logon will be taken before."""
        self.out.peer_expects[key] = seq_num
        next_out = self.state(key).next_out
        if seq_num > next_out:
            text = (
                f"the peer expects MsgSeqNum(34) {seq_num}, our next is {next_out}: nothing is reset by itself; agree "
                f"the numbers with the peer, then `rfqctl session set-seq {key} --out {seq_num}` or `reset`"
            )
            self.out.warnings.append((key, NUMBERS_DIFFER, text))
            self.draft().notify("page", what="numbers differ", session=key, peer_expects=seq_num, next_out=next_out)

    def _deliver(self, key: str, message: Message) -> None:
        machine, state, seq_num = self.machine, self.out.sessions[key], message.seq_num
        self.out.ref = f"{key}:{state.epoch}:{seq_num}"
        application, settings = machine.application, machine.settings[key]
        if settings.role != "market":
            # Prices are a conflated tape of their own; the mark that was used stands in the event that used it.
            kept = for_keeping(message.fields) if message.layout.has_secrets else message.raw
            self.out.inbound.append(Inbound(key, state.epoch, seq_num, kept))
        if self.refused is not None:
            refusing.refuse_message(self, key, message, self.refused)
            return
        if machine.waiting and message.msg_type == "D" and settings.role == "oms" and (full := machine.full()):
            text = f"no new orders: {len(machine.waiting[full])} reports wait for {full}, which is not logged on"
            self.out.warnings.append((key, "orders_refused", text))
            self.say(key, BusinessReject("D", seq_num, 4, text, message.get(11) or ""))
            return
        try:
            application.hear(self.draft(), settings, message, machine.ledger.get(key, _NO_LEDGER).get)
            if machine.refusals.get(key):
                self.out.refusals[key] = 0  # In a row: this one was handled.
        except ProtocolError as error:
            drafted = stepping.StepDraft(settings, state, self.now)
            drafted.reject(message, error)
            self.carry(key, drafted.step())
        except NotTaken as refusal:
            self.say(key, refusal.reject)

    def say(self, key: str, reject: BusinessReject) -> None:
        self.draft().send(key, reject, Delivery.at_least_once)

    def _confirmed(self, key: str) -> tuple[int, int]:
        return self.out.confirmed.get(key) or self.machine.confirmed.get(key, (0, 0))

    # --- small things ----------------------------------------------------------------------------

    def draft(self) -> Draft:
        """The application's draft, begun when it is first needed: a heartbeat needs none."""
        if self._draft is None:
            machine = self.machine
            kept, changed = machine.sessions, self.out.sessions

            # A method of this object would make a ring of it, its draft and all that was decided, for the garbage
            # collector to find: a turn is to be gone when it is done.
            def session_up(key: str) -> bool:
                state = changed.get(key) or kept.get(key)
                return state is not None and state.phase is Phase.ACTIVE

            self._draft = machine.application.draft(self.now, self.given.entropy, machine.outbox_id, session_up)
        return self._draft

    def settings(self, key: str) -> SessionSettings:
        return self.machine.settings[key]

    def close(self, connection: int, code: DisconnectReason, text: str, key: str = "") -> None:
        """Close a connection that is no session's; `key` is the one it asked for, if it is known."""
        self.out.connections[connection] = None
        self.out.warnings.append((key, code, text))
        self.out.effects.append(Close(connection, code, text))


_HANDLERS: Final[Mapping[type, Callable[[Deciding, Any], None]]] = {
    Noted: Deciding.on_noted,
    LogoutWanted: Deciding.on_logout_wanted,
    ProofWanted: Deciding.on_proof_wanted,
    CallFailed: Deciding.on_call_failed,
    ConnectionUp: newcomers.on_connection_up,
    ConnectionDown: Deciding.on_connection_down,
    Received: Deciding.on_received,
    HeldDue: Deciding.on_held_due,
    TimerDue: Deciding.on_timer_due,
    CommandGiven: Deciding.on_command,
    TlsFilesRead: tls_commands.files_read,
    SentPage: Deciding.on_sent_page,
    UndeliveredPage: Deciding.on_undelivered_page,
    BindDue: Deciding.on_bind_due,
    NotSent: Deciding.on_not_sent,
}
