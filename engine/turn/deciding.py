"""One turn while it is being decided: sessions step, the application speaks, messages get their numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from engine.desk.draft import Delivery, Draft
from engine.domain import events as e
from engine.domain.messages import BusinessReject
from engine.errors import CommandError, EngineError, GarbledMessage, ProtocolError
from engine.fix import codec, entrance, session
from engine.fix import step as stepping
from engine.fix.actions import (
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
from engine.fix.dictionary import Dictionary
from engine.fix.directory import described
from engine.fix.entrance import LOCAL
from engine.fix.message import Message
from engine.fix.phases import Phase
from engine.fix.reasons import DisconnectReason, Ending
from engine.fix.refusal import NotTaken
from engine.fix.sequence import SessionState
from engine.fix.settings import SessionSettings
from engine.masking import for_keeping, masked
from engine.turn import session_commands
from engine.turn.effects import (
    BindMore,
    Close,
    Gate,
    Publish,
    ReadSentRows,
    ReadUndelivered,
    Reply,
    Welcome,
    Withhold,
    Write,
)
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
    UndeliveredPage,
)
from engine.turn.outcome import (
    Bound,
    Inbound,
    Turn,
    Waiting,
)

if TYPE_CHECKING:
    from engine.turn.machine import Machine

NO_CONNECTION: Final = -1
NUMBERS_DIFFER: Final = "numbers_differ"
"""Code of the warning that a person has to agree sequence numbers with the peer."""
REFUSALS_MAX: Final = 5
"""So many inputs of one session in a row that could not be handled pause that session."""
BIND_BYTES_MAX: Final = 262_144
"""Bytes of what waited for a session that leave at once; the rest in parts, as the peer reads them."""
INPUT_KEPT_MAX: Final = 4096
"""Characters of a refused input that its event keeps; the whole message stands in the journal's own table."""
BEHIND_RESEND_MAX: Final = 1_000
"""Messages of one session that may wait for a resend to end; further requests and acceptances are withheld."""
_NO_LEDGER: Final[Mapping[int, int]] = {}


ENGINE: Final = "engine"
"""The actor of what nobody asked for."""
PAUSED_BY_ONE: Final = "paused: an input could not be handled at all"


class Deciding:
    """One turn while it is being decided."""

    __slots__ = ("_draft", "_placed", "given", "machine", "now", "out", "refused")

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
                self._place_sends(draft)
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

    def give_up(self) -> Turn:
        """Not even the refusal could be made: record the input and pause the session it came over.

        A stranger's connection is closed. Raises for an input that came over neither: there is nobody left to isolate.
        """
        given, error = self.given, self.refused
        assert error is not None
        stranger = getattr(given, "connection", NO_CONNECTION)
        key = _session_of(given) or self.machine.connections.get(stranger, "")
        if not key and stranger == NO_CONNECTION:
            raise error
        frame = getattr(given, "frame", b"")
        text = frame.decode("latin-1") if isinstance(frame, bytes) else str(frame)
        reason = masked(f"{type(error).__name__}: {error}")[:INPUT_KEPT_MAX]
        self.out.events.append(e.InputRefused(self.now.utc_ns, key, masked(text)[:INPUT_KEPT_MAX], reason))
        if not key:
            self.close(stranger, DisconnectReason.INPUT_REFUSED, reason)
            return self.out
        self.out.events.append(e.SessionSwitched(self.now.utc_ns, key, False, ENGINE, PAUSED_BY_ONE))
        self.out.refusals[key] = REFUSALS_MAX
        self.out.warnings.append((key, "input_refused", reason))
        connection = self.machine.sessions[key].connection
        if connection is not None:
            self.out.effects.append(Close(connection, DisconnectReason.INPUT_REFUSED, PAUSED_BY_ONE))
        return self.out

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

    def on_connection_up(self, given: ConnectionUp) -> None:
        self.out.ref = given.session
        self.out.origins = {given.connection: given.origin}
        if not given.session:
            self.out.connections[given.connection] = ""
            return
        flaw = entrance.flaw(self.settings(given.session), given.origin)
        if flaw is not None:
            self.close(given.connection, DisconnectReason.NOT_ALLOWED, flaw, given.session)
            return
        if not self.machine.may_log_on(given.session) or self.state(given.session).phase is not Phase.DISCONNECTED:
            self.close(
                given.connection, DisconnectReason.NOT_WANTED, f"session {given.session} takes no connection now"
            )
            return
        self.out.connections[given.connection] = given.session
        self.carry(
            given.session,
            session.connected(self.settings(given.session), self.state(given.session), given.connection, self.now),
        )

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
            self._first_of_connection(given.connection, frame)
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
            self._message(key, message)
        if not self.out.ref:  # What was delivered has said which message it is.
            self.out.ref = f"{key}:{state.epoch}:{state.next_in}"

    def _first_of_connection(self, connection: int, frame: bytes | GarbledMessage) -> None:
        """A stranger's first message: a valid Logon(A) of a session we have, or the connection is closed unanswered."""
        if isinstance(frame, GarbledMessage):
            self.out.garbled = (("", frame.reason),)
            self.close(connection, DisconnectReason.LOGON_REFUSED, f"the first message is garbled: {frame}")
            return
        try:
            message = codec.decode(frame, _any_dictionary(self.machine))
        except GarbledMessage as error:
            self.out.garbled = (("", error.reason),)
            self.close(connection, DisconnectReason.LOGON_REFUSED, f"the first message is garbled: {error}")
            return
        key = self.machine.find(message)
        if key is None:
            self.close(connection, DisconnectReason.UNKNOWN_SESSION, f"no session for {described(message)}")
        elif self.settings(key).initiator:
            self.close(connection, DisconnectReason.WRONG_DIRECTION, f"session {key} connects by itself", key)
        elif (flaw := entrance.flaw(self.settings(key), self.machine.origins.get(connection, LOCAL))) is not None:
            self.close(connection, DisconnectReason.NOT_ALLOWED, flaw, key)
        elif not self.machine.may_log_on(key):
            self.close(connection, DisconnectReason.DISABLED, f"session {key} is disabled", key)
        elif self.state(key).phase is not Phase.DISCONNECTED:
            text = f"session {key} has a connection already"
            self.close(connection, DisconnectReason.ALREADY_CONNECTED, text, key)
        else:
            self._logon(key, connection, frame)

    def _logon(self, key: str, connection: int, frame: bytes) -> None:
        """A first message that names a session of ours, read anew with that session's own dictionary.

        Which fields are data is its word: what any dictionary could read may be garbled by this one.
        """
        try:
            message = codec.decode(frame, self.machine.dictionaries[key])
        except GarbledMessage as error:
            self.close(connection, DisconnectReason.LOGON_REFUSED, f"the first message is garbled: {error}", key)
            return
        flaw = session.logon_flaw(self.settings(key), message, self.now, self.machine.dictionaries[key])
        if flaw is not None:
            # The session is not touched: it is free for whom it belongs to, and its hours and numbers stand.
            self.close(connection, DisconnectReason.LOGON_REFUSED, flaw, key)
            return
        self.out.ref = key
        self.out.connections[connection] = key
        self.carry(key, session.connected(self.settings(key), self.state(key), connection, self.now))
        self._message(key, message)

    def _message(self, key: str, message: Message) -> None:
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
            if given.name in session_commands.COMMANDS:
                result = session_commands.run(self, given)
            else:
                result = self.machine.application.command(self.draft(), given, self.machine)
        except CommandError as error:
            self._draft = None  # Nothing of a refused command stays.
            self.out = Turn(given.now, type(given).__name__)
            self.out.ref, self.out.actor = given.name, given.actor
            self.out.effects.append(Reply(given.ref, error=str(error), code=error.code))
            return
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

    def on_undelivered_page(self, given: UndeliveredPage) -> None:
        key = given.session
        self.out.ref = key
        if self.state(key).epoch != given.epoch or self.machine.rebinding.get(key) != given.up_to:
            return
        kept = (w for w in self._queue(key) if w.outbox_id > given.up_to or w.delivery is not Delivery.at_least_once)
        self.out.requeued[key] = tuple(
            sorted((*(Waiting(*row) for row in given.rows), *kept), key=lambda waiting: waiting.outbox_id)
        )
        self.out.rebinding[key] = 0
        self.flush(key)

    def on_bind_due(self, given: BindDue) -> None:
        key = given.session
        self.out.ref = key
        if self.state(key).connection == given.connection == self.machine.in_parts.get(key):
            self.out.in_parts = {key: NO_CONNECTION}
            self.flush(key)

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
        could_send = before.can_send and not self._rebinding(key)
        for action in actions:
            if type(action) is Deliver:
                self._deliver(key, action.message)
                continue
            if type(action) is EpochBegan:
                epoch = action.epoch
            self._act(key, epoch, action)
        if after.phase is Phase.ACTIVE and (before.phase is not Phase.ACTIVE or epoch != before.epoch):
            # Asked once: until the answer is there nothing is bound, however much goes on meanwhile.
            up_to = self._rebinding(key)
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
                self._write(key, numbered.data)
            case Retransmit(data):
                self._write(key, data)
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
                self._leave_reports(key)
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
            kept = for_keeping(message.raw) if message.layout.has_passwords else message.raw
            self.out.inbound.append(Inbound(key, state.epoch, seq_num, kept))
        if self.refused is not None:
            self._refuse(key, message, self.refused)
            return
        if machine.waiting and message.msg_type == "D" and settings.role == "oms" and (full := machine.full()):
            text = f"no new orders: {len(machine.waiting[full])} reports wait for {full}, which is not logged on"
            self.out.warnings.append((key, "orders_refused", text))
            self._say(key, BusinessReject("D", seq_num, 4, text, message.get(11) or ""))
            return
        try:
            application.hear(self.draft(), settings, message, machine.ledger.get(key, _NO_LEDGER).get)
            if machine.refusals.get(key):
                self.out.refusals[key] = 0  # In a row: this one was handled.
        except ProtocolError as error:
            drafted = stepping.Draft(settings, state, self.now)
            drafted.reject(message, error)
            self.carry(key, drafted.step())
        except NotTaken as refusal:
            self._say(key, refusal.reject)

    def _refuse(self, key: str, message: Message, error: Exception) -> None:
        """Our own failure over a good message: its number is used up, the peer hears j 380=4, a person looks."""
        text = f"{type(error).__name__}: {error}"
        self.machine.application.refuse(self.draft(), key, message.raw.decode("latin-1"), error, "")
        reject = BusinessReject(
            message.msg_type, message.seq_num, 4, "this message could not be handled; a person looks"
        )
        self._say(key, reject)
        count = self.machine.refusals.get(key, 0) + 1
        self.out.refusals[key] = count
        self.out.warnings.append((key, "input_refused", text))
        if count >= REFUSALS_MAX:
            text = f"paused: {count} messages in a row could not be handled"
            self.draft().record(e.SessionSwitched(self.now.utc_ns, key, False, ENGINE, text))
            paused = Ending(DisconnectReason.INPUT_REFUSED, text)
            self.carry(key, session.logout(self.settings(key), self.out.sessions[key], paused, self.now))

    def _say(self, key: str, reject: BusinessReject) -> None:
        self.draft().send(key, reject, Delivery.at_least_once)

    # --- numbers ---------------------------------------------------------------------------------

    def _place_sends(self, draft: Draft) -> None:
        """Give every message of the draft to its session: a number now, or a place in its queue."""
        speak, out = self.machine.application.speak, self.out
        while self._placed < len(draft.sends):
            send = draft.sends[self._placed]
            self._placed += 1
            msg_type, body = speak(send)
            out.sends.append((send, msg_type, body))
            gate = None
            if send.delivery is Delivery.at_most_once:
                gate = Gate(send.outbox_id, 0, send.not_after_ns, send.kill_scopes)
            self._place(send.session, Waiting(send.outbox_id, msg_type, body, False, send.delivery, gate))

    def _place(self, key: str, waiting: Waiting) -> None:
        if self._can_send(key) and not self._waits(key):
            self._bind(key, waiting)
            return
        is_up = self.state(key).phase is Phase.ACTIVE
        if waiting.delivery is Delivery.at_least_once or (is_up and len(self._queue(key)) < BEHIND_RESEND_MAX):
            self.out.queued.setdefault(key, []).append(waiting)
        elif waiting.gate is not None:
            reason = f"full: {BEHIND_RESEND_MAX} messages wait for a resend to end" if is_up else "session: it is down"
            self.out.effects.append(Withhold(waiting.outbox_id, reason))

    def flush(self, key: str) -> None:
        """Bind what waits for this session, if it can send and nothing older is still to be read."""
        if not self._can_send(key) or self._binds_more(key):
            return
        queue, size = self._take_queue(key), 0
        for at, waiting in enumerate(queue):
            if size > BIND_BYTES_MAX:
                self._bind_more(key, queue[at:])
                return
            size += len(waiting.body)
            if waiting.gate is None or self.machine.application.wanted(waiting.outbox_id):
                self._bind(key, waiting)
            else:
                self.out.effects.append(Withhold(waiting.outbox_id, "over: nobody wanted it any more"))

    def _bind_more(self, key: str, rest: Sequence[Waiting]) -> None:
        """The rest of a long queue: a day's reports at once would be more than may wait for a peer to read them."""
        connection = self.state(key).connection
        assert connection is not None  # It can send.
        self.out.requeued[key] = tuple(rest)
        self.out.in_parts = {**self.out.in_parts, key: connection}
        self.out.effects.append(BindMore(key, connection))

    def _binds_more(self, key: str) -> bool:
        """Is the next part of what waits to be taken up by itself?"""
        found = self.out.in_parts.get(key, self.machine.in_parts.get(key))
        return found is not None and found == self.state(key).connection

    def _leave_reports(self, key: str) -> None:
        """The session is down: reports go on waiting, a request was for now, and the rest is said anew later."""
        queue = self._take_queue(key)
        self.out.requeued[key] = tuple(each for each in queue if each.delivery is Delivery.at_least_once)
        for waiting in queue:
            if waiting.gate is not None:
                reason = "session: it went down before a resend had ended"
                self.out.effects.append(Withhold(waiting.outbox_id, reason))

    def _bind(self, key: str, waiting: Waiting) -> None:
        outbox_id, msg_type, body, poss_resend, delivery, gate = waiting
        out = self.out
        out.sessions[key], (seq_num, data, _, _) = session.bind(
            self.machine.settings[key], self.state(key), msg_type, body, self.now, poss_resend=poss_resend
        )
        out.bound.append(Bound(key, out.sessions[key].epoch, seq_num, outbox_id, data, poss_resend, delivery))
        if gate is not None:
            gate = Gate(gate.outbox_id, seq_num, gate.not_after_ns, gate.kill_scopes)
        self._write(key, data, gate)

    def _can_send(self, key: str) -> bool:
        return self.state(key).can_send and not self._rebinding(key)

    def _rebinding(self, key: str) -> int:
        if not self.out.rebinding and not self.machine.rebinding:
            return 0
        found = self.out.rebinding.get(key)
        return self.machine.rebinding.get(key, 0) if found is None else found

    def _waits(self, key: str) -> bool:
        """Is there anything older for this session without a number?"""
        if not (self.out.queued or self.out.requeued or self.machine.waiting):
            return False
        queue = self.out.requeued.get(key)
        return bool(self.out.queued.get(key) or (self.machine.waiting.get(key) if queue is None else queue))

    def _queue(self, key: str) -> list[Waiting]:
        """What waits for a number, oldest first."""
        queue = self.out.requeued.get(key)
        return [*(self.machine.waiting.get(key, ()) if queue is None else queue), *self.out.queued.get(key, ())]

    def _take_queue(self, key: str) -> list[Waiting]:
        if not self._waits(key):
            return []
        queue = self._queue(key)
        self.out.requeued[key] = ()
        self.out.queued.pop(key, None)
        return queue

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

    def state(self, key: str) -> SessionState:
        return self.out.sessions.get(key) or self.machine.sessions[key]

    def close(self, connection: int, code: DisconnectReason, text: str, key: str = "") -> None:
        """Close a connection that is no session's; `key` is the one it asked for, if it is known."""
        self.out.connections[connection] = None
        self.out.warnings.append((key, code, text))
        self.out.effects.append(Close(connection, code, text))

    def _write(self, key: str, data: bytes, gate: Gate | None = None) -> None:
        connection = self.state(key).connection
        if connection is not None:
            self.out.effects.append(Write(key, connection, data, gate))


def _session_of(given: Input) -> str:
    """The session that an input names: by its key, or by the timer that is the session's own. Empty if none."""
    if isinstance(given, TimerDue):
        kind, _, ident = given.key.partition(":")
        return ident if kind in ("session", "schedule") else ""
    key: str = getattr(given, "session", "")
    return key


def _any_dictionary(machine: Machine) -> Dictionary:
    """Enough to read who a Logon(A) is from: its header fields stand in every dictionary."""
    for dictionary in machine.dictionaries.values():
        return dictionary
    raise EngineError("no session is configured, so nobody can log on")


_HANDLERS: Final[Mapping[type, Callable[[Deciding, Any], None]]] = {
    Noted: Deciding.on_noted,
    LogoutWanted: Deciding.on_logout_wanted,
    ProofWanted: Deciding.on_proof_wanted,
    CallFailed: Deciding.on_call_failed,
    ConnectionUp: Deciding.on_connection_up,
    ConnectionDown: Deciding.on_connection_down,
    Received: Deciding.on_received,
    HeldDue: Deciding.on_held_due,
    TimerDue: Deciding.on_timer_due,
    CommandGiven: Deciding.on_command,
    SentPage: Deciding.on_sent_page,
    UndeliveredPage: Deciding.on_undelivered_page,
    BindDue: Deciding.on_bind_due,
    NotSent: Deciding.on_not_sent,
}
