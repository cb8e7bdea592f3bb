"""A session's whole life, every phase of it: a peer that mostly knows the protocol and sometimes does anything.

The state machine is driven as the runtime drives it, with a store of what it sent and a clock that only moves when it
is told to. After every step the invariants below are held; they are written from the standard and from what
`engine.fix.session.protocol` promises, not from its code.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from random import Random
from typing import Final

from echo.reflector import REFLECTED, Reflector

from engine.clock import NS_PER_S, Instant
from engine.errors import CommandError, GarbledMessage
from engine.fix.session import protocol as session
from engine.fix.session.phases import IN_SESSION, LOGGED_ON, TRANSITIONS, Phase, kind_of
from engine.fix.session.protocol import SentRow, SessionState, Step
from engine.fix.session.reasons import DisconnectReason, Ending
from engine.fix.wire import codec, validation
from engine.fix.wire.codec import Framer
from engine.fix.wire.message import Message
from fuzzing.corpus import Corpus
from fuzzing.meter import Meter, hold
from fuzzing.mutation import Mutator
from fuzzing.session_peer import SessionPeer, agreed

STEPS: Final = 150
"""Inputs of one life."""
PAGE_ROWS: Final = 3
START_UTC_NS: Final = 1_790_000_000 * NS_PER_S

# Phases that begin by a message although TRANSITIONS does not lead there: we log out by ourselves.
_BY_OURSELVES: Final = (Phase.CLOSED, Phase.LOGOUT_SENT)


class Sessions:
    """One life a case."""

    name = "session"
    inputs = 100_000

    def __init__(self, corpus: Corpus, rng: Random) -> None:
        self._corpus = corpus
        self._rng = rng
        self._mutator = Mutator(rng, corpus.samples)

    def case(self, meter: Meter, reproduction: str) -> None:
        life = Life(self._rng, self._mutator, self._corpus)
        for _ in range(STEPS):
            if meter.over:
                break
            what = life.choose()
            meter.begin()
            try:
                what()
            finally:
                meter.end(str(life.state.phase), life.size, reproduction)
            life.hold_always()

    def close(self) -> None:
        pass


class Life:
    """One session of ours, its store, its clock and a peer."""

    def __init__(self, rng: Random, mutator: Mutator, corpus: Corpus) -> None:
        self._rng = rng
        self.settings = agreed(rng)
        self.dictionary = corpus.dictionaries[self.settings.begin_string]
        self._reflector = Reflector(self.dictionary)
        self._peer = SessionPeer(rng, mutator, self.settings)
        self.state = SessionState.fresh()
        self.size = 0
        self._elapsed_ns = NS_PER_S
        self._connections = 0
        self._rows: dict[tuple[int, int], SentRow] = {}
        self._tasks: deque[object] = deque()
        self._delivered: set[tuple[int, int]] = set()
        self._logged_on = False
        self._closed = False

    @property
    def now(self) -> Instant:
        return Instant(self._elapsed_ns, START_UTC_NS + self._elapsed_ns)

    # --- what happens next -----------------------------------------------------------------------

    def choose(self) -> Callable[[], None]:
        """What happens next; sessions are kept alive for most of their steps."""
        rng, phase = self._rng, self.state.phase
        self.size = 0
        if phase is Phase.DISCONNECTED:
            kind = rng.random()
            administered = self._reset if rng.random() < 0.3 else self._numbers
            return administered if kind < 0.05 else self._wait if kind < 0.1 else self._connect
        if phase is Phase.CLOSED:
            return self._disconnect if rng.random() < 0.7 else self._hear_anything
        if self._tasks and rng.random() < 0.5:
            return self._work
        kind = rng.random()
        if phase is Phase.AWAITING_LOGON:
            return self._hear_logon if kind < 0.6 else self._hear_anything if kind < 0.9 else self._wait
        if phase is Phase.LOGON_SENT:
            return self._hear_logon if kind < 0.7 else self._hear_anything if kind < 0.9 else self._wait
        if kind < 0.5:
            return self._hear_good
        if kind < 0.74:
            return self._hear_bent
        if kind < 0.76:
            return self._hear_anything
        if kind < 0.80:
            return self._garble
        if kind < 0.88:
            return self._wait
        if kind < 0.95:
            return self._say
        return rng.choice((self._disconnect, self._logout, self._reset, self._probe))

    def _connect(self) -> None:
        self._connections += 1
        self._tasks.clear()
        self._closed = False
        self._take(session.connected(self.settings, self.state, self._connections, self.now))

    def _disconnect(self) -> None:
        self._tasks.clear()
        ending = Ending(DisconnectReason.CONNECTION_LOST, "cut")
        self._take(session.disconnected(self.settings, self.state, ending, self.now))
        hold(self.state.phase is Phase.DISCONNECTED, "no connection, and not disconnected")

    def _wait(self) -> None:
        self._elapsed_ns += int(self._rng.choice((0.01, 1, 8, 13, 31, 40)) * NS_PER_S)
        self._take(session.keep_schedule(self.settings, self.state, self.now))
        reading = self._rng.random() < 0.9
        self._take(session.tick(self.settings, self.state, self.now, reading=reading))
        due = session.next_deadline_ns(self.settings, self.state)
        waits = self.state.phase not in (Phase.DISCONNECTED, Phase.CLOSED)
        hold((due is not None) is waits, f"{self.state.phase}: the next deadline is {due}")
        if due is not None and reading:
            hold(due > self.now.monotonic_ns, f"{self.state.phase}: a timer that is due again at once")

    def _logout(self) -> None:
        self._take(session.logout(self.settings, self.state, Ending(DisconnectReason.OPERATOR_LOGOUT, "bye"), self.now))

    def _reset(self) -> None:
        try:
            self._take(session.reset(self.settings, self.state, self.now))
        except CommandError:
            hold(self.state.phase is not Phase.DISCONNECTED, "a session that is logged off cannot be reset")

    def _numbers(self) -> None:
        next_in, next_out = (self._rng.choice((None, 1, self.state.next_in, 1000)) for _ in range(2))
        self._take(session.set_numbers(self.settings, self.state, self.now, next_in=next_in, next_out=next_out))

    def _probe(self) -> None:
        self._take(session.send_test_request(self.settings, self.state, self.now))

    def _say(self) -> None:
        """An application message of ours, if the session takes one."""
        if not self.state.can_send:
            return
        body = codec.encode_body([(45, 1), (58, "x"), (372, "D"), (380, 0)])
        before = self.state
        self.state, data = session.bind(self.settings, before, "j", body, self.now)
        seq_num = before.next_out
        hold(b"\x0134=%d\x01" % seq_num in data, f"not 34={seq_num}: {data!r}")
        resend = self._rng.random() < 0.7
        self._keep(before.epoch, SentRow(seq_num, data, resend))
        self._sent(data, seq_num)

    def _work(self) -> None:
        """What the runtime does by itself: held messages, pages of a resend."""
        task = self._tasks.popleft()
        if isinstance(task, session.DrainHeld):
            self._take(session.drain(self.settings, self.state, self.now, dictionary=self.dictionary))
            return
        assert isinstance(task, tuple)
        epoch, begin, end = task
        if epoch != self.state.epoch:
            return
        until = min(begin + PAGE_ROWS - 1, end)
        rows = [self._rows[epoch, number] for number in range(begin, until + 1)]
        if until < end:
            self._tasks.appendleft((epoch, until + 1, end))
        self._take(session.resend_page(self.settings, self.state, rows, until == end, self.now))

    # --- what the peer says ----------------------------------------------------------------------

    def _hear_logon(self) -> None:
        self._hear(self._peer.logon(self.state, self.now))

    def _hear_good(self) -> None:
        self._hear(self._peer.good(self.state, self.now))

    def _hear_bent(self) -> None:
        self._hear(self._peer.bent(self.state, self.now))

    def _hear_anything(self) -> None:
        self._hear(self._peer.anything(self.state, self.now))

    def _garble(self) -> None:
        error = GarbledMessage("CheckSum(10)=000, computed 001", reason="checksum")
        before = self.state
        self._take(session.garbled(self.settings, before, error, self.now))
        hold(self.state.next_in == before.next_in, "a garbled message has used up a number")

    # --- what comes of it ------------------------------------------------------------------------

    def _hear(self, data: bytes) -> None:
        self.size = len(data)
        (frame,) = Framer().feed(data)[:1] or (None,)
        if not isinstance(frame, bytes):
            return
        try:
            message = codec.decode(frame, self.dictionary)
        except GarbledMessage as error:
            self._take(session.garbled(self.settings, self.state, error, self.now))
            return
        before = self.state
        step = session.received(self.settings, before, message, self.now, dictionary=self.dictionary)
        self._hold_received(before, message, step)
        self._take(step)

    def _hold_received(self, before: SessionState, message: Message, step: Step) -> None:
        """What must be true of any step that a message of the peer leads to."""
        after, kind = step.state, kind_of(message.msg_type)
        speaks = any(isinstance(action, (session.Transmit, session.Retransmit)) for action in step.actions)
        if before.phase in (Phase.DISCONNECTED, Phase.CLOSED):
            heard = after._replace(last_received_ns=before.last_received_ns)
            hold(heard == before and not step.actions, f"{before.phase}: a message did something")
            return
        if before.phase is Phase.AWAITING_LOGON:
            hold(not speaks or self._is_our_peer(message), f"a stranger was told something: {message.raw!r}")
            hold(after.phase in (Phase.ACTIVE, Phase.CLOSED), f"{after.phase} after a first message")
        expected = TRANSITIONS.get((before.phase, kind))
        allowed = {before.phase, *_BY_OURSELVES} | ({expected} if expected is not None else set())
        if kind == "5" and before.phase in LOGGED_ON:
            allowed.add(Phase.LOGOUT_RECEIVED)
        hold(after.phase in allowed, f"{before.phase} -> {after.phase} by 35={message.msg_type}")
        if expected is None:
            hold(after.phase is Phase.CLOSED, f"{before.phase}: 35={message.msg_type} is no legal move")
        in_order = message.seq_num == before.next_in and before.phase in IN_SESSION
        if in_order and after.epoch == before.epoch and after.phase in IN_SESSION:
            moved = after.next_in - before.next_in
            hold(
                moved == 1 or message.msg_type == "4" or after.phase is Phase.LOGOUT_SENT,
                f"35={message.msg_type} in order: {before.next_in} became {after.next_in}",
            )

    def _is_our_peer(self, message: Message) -> bool:
        """Said with another hand than `fix.session.logon`'s: a Logon(A) of our peer with the right credentials."""
        settings, read = self.settings, dict(reversed(message.fields))
        agreed = {
            8: settings.begin_string, 35: "A", 49: settings.target_comp_id, 56: settings.sender_comp_id,
            50: settings.target_sub_id, 553: settings.username, 554: settings.password,
        }  # fmt: skip
        return all(value is None or read.get(tag) == value.encode() for tag, value in agreed.items())

    def _take(self, step: Step) -> None:
        """Carry the actions out, as the runtime does, in order."""
        before, after = self.state, step.state
        epoch, number = before.epoch, before.next_out
        heard: list[Message] = []
        for action in step.actions:
            match action:
                case session.Transmit(numbered):
                    hold(not self._closed, "a word after the connection was closed")
                    hold(numbered.seq_num == number, f"34={numbered.seq_num} was given out instead of {number}")
                    self._keep(epoch, SentRow(numbered.seq_num, None))
                    self._sent(numbered.data, number)
                    number += 1
                case session.Retransmit(data):
                    hold(not self._closed, "a resend after the connection was closed")
                    self._resent(epoch, data, number)
                case session.EpochBegan(new_epoch, _):
                    hold(new_epoch == epoch + 1, f"epoch {epoch} was followed by {new_epoch}")
                    epoch, number = new_epoch, after.first_out
                case session.ReadSent(begin, end):
                    hold(after.first_out <= begin <= end < after.next_out, f"asked for rows {begin} to {end}")
                    self._tasks.append((epoch, begin, end))
                case session.DrainHeld():
                    self._tasks.append(action)
                case session.Deliver(message):
                    key = (epoch, message.seq_num)
                    hold(key not in self._delivered, f"34={message.seq_num} was delivered twice")
                    hold(self._logged_on, "a message was delivered before the logon")
                    self._delivered.add(key)
                    if message.msg_type != "3":
                        heard.append(message)
                case session.LoggedOn():
                    hold(not self._logged_on, "logged on twice")
                    self._logged_on = True
                case session.LoggedOut():
                    hold(self._logged_on, "logged out without a logon")
                case session.CloseConnection():
                    hold(not self._closed, "closed twice")
                    self._closed = True
                case session.Warn(code, _):
                    hold(code.replace("_", "").isalpha(), f"a code that is no label: {code}")
        hold(after.epoch == epoch, f"epoch {after.epoch} without a word")
        hold(after.next_out == number, f"next_out {after.next_out}, given out up to {number}")
        hold(after.epoch > before.epoch or after.next_in >= before.next_in, "next_in fell within an epoch")
        hold(self._closed == (after.phase is Phase.CLOSED) or after.phase is Phase.DISCONNECTED, f"{after.phase}")
        if after.phase not in IN_SESSION and after.phase is not Phase.CLOSED:
            self._logged_on = False
        self.state = after
        for message in heard:
            self._reflect(message)

    def _reflect(self, message: Message) -> None:
        """What the echo acceptor answers: the same fields, in a message that can be read again."""
        answer = self._reflector.answer(message)
        if answer is None or not self.state.can_send:
            return
        before = self.state
        self.state, data = session.bind(
            self.settings, before, answer.msg_type, answer.body, self.now, extra=answer.header
        )
        self._keep(before.epoch, SentRow(before.next_out, data))
        hold(Framer().feed(data) == [data], f"no frame: {data!r} for {message.raw!r}")
        said = codec.decode(data, self.dictionary)
        if message.msg_type in REFLECTED and message.layout.flaws == ():
            hold(_told(said) == _told(message), f"{message.raw!r} came back as {data!r}")

    def _keep(self, epoch: int, row: SentRow) -> None:
        hold((epoch, row.seq_num) not in self._rows, f"number {row.seq_num} of epoch {epoch} was given out twice")
        self._rows[epoch, row.seq_num] = row

    def _sent(self, data: bytes, seq_num: int) -> None:
        message = self._ours(data)
        hold(message.seq_num == seq_num and not message.poss_dup, f"34={message.get(34)} instead of {seq_num}")

    def _resent(self, epoch: int, data: bytes, next_out: int) -> None:
        message = self._ours(data) if b"\x0135=4\x01" in data else codec.decode(data, self.dictionary)
        hold(message.poss_dup and message.get(122), f"sent again without 43=Y and 122: {data!r}")
        hold(message.seq_num < next_out, f"34={message.seq_num} was never sent")
        if message.msg_type != "4":
            row = self._rows[epoch, message.seq_num]
            hold(row.data is not None and row.resend, f"34={message.seq_num} must not be sent again")
        else:
            fill_to = message.integer(36) or 0
            kept = [self._rows.get((epoch, number)) for number in range(message.seq_num, fill_to)]
            hold(fill_to <= next_out, f"filled up to {fill_to}, sent up to {next_out}")
            hold(
                not any(row is not None and row.data is not None and row.resend for row in kept),
                "filled over a message",
            )

    def _ours(self, data: bytes) -> Message:
        """Whatever we send is right by the dictionary."""
        hold(Framer().feed(data) == [data], f"no frame: {data!r}")
        message = codec.decode(data, self.dictionary)
        try:
            validation.validate(message, self.dictionary, "strict")
        except validation.FlawedMessage as flaw:
            if flaw.tag == 789 and message.msg_type == "A":
                return message  # FIX.4.2 has none; a peer that sends one all the same is answered in kind
            raise AssertionError(f"we sent {data!r}: {flaw}") from flaw
        return message

    # --- what must always be true ----------------------------------------------------------------

    def hold_always(self) -> None:
        state, settings = self.state, self.settings
        numbers = [message.seq_num for message in state.held]
        hold(numbers == sorted(set(numbers)), f"held out of order: {numbers}")
        hold(len(numbers) <= settings.held_messages_max, f"{len(numbers)} are held")
        hold(len(state.to_serve) <= settings.resend_queue_max, f"{len(state.to_serve)} requests wait")
        hold(state.next_in < 2**63 and state.next_out < 2**63, f"next_in {state.next_in} fits no journal")
        hold((state.connection is None) == (state.phase is Phase.DISCONNECTED), "a connection, and disconnected")
        if state.phase in LOGGED_ON and numbers:
            drains = any(isinstance(task, session.DrainHeld) for task in self._tasks)
            hold(numbers[0] >= state.next_in, f"{numbers[0]} is held, {state.next_in} expected")
            hold(drains or numbers[0] > state.next_in, f"{numbers[0]} is held and could be handled")
            hold(drains or state.gap is not None, f"{numbers} are held and nothing was asked for")
        if state.phase is Phase.LEAVING:
            hold(state.probe is not None or state.lacking, "leaving, and nothing is waited for")
        if state.phase is Phase.LOGOUT_RECEIVED:
            hold(state.gap is not None or bool(state.held), "a Logout is in, and nothing is waited for")
        if state.serving is not None and state.phase in IN_SESSION:
            reads = any(isinstance(task, tuple) and task[0] == state.epoch for task in self._tasks)
            hold(reads, f"{state.serving} is served and nothing is read")


def _told(message: Message) -> list[tuple[int, bytes]]:
    """What a message says beyond its session's own fields, in no order; an empty field says nothing."""
    own = {8, 9, 10, 34, 35, 43, 49, 50, 52, 56, 57, 122, 142, 143, 627, 628, 629, 630}
    return sorted((tag, value) for tag, value in message.fields if tag not in own and value)
