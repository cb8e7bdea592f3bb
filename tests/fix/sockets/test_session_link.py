"""Two sessions of ours on a link that garbles, stalls and breaks: nothing is lost, doubled or out of order."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.clock import NS_PER_S, Instant
from engine.errors import GarbledMessage
from engine.fix.session import protocol as session
from engine.fix.session.protocol import Phase, SentRow, SessionSettings, SessionState, Step
from engine.fix.session.reasons import DisconnectReason, Ending
from engine.fix.standard.dictionaries import built_in
from engine.fix.standard.dictionary import Dictionary
from engine.fix.wire import codec

PAGE_ROWS = 3
ROUNDS_MAX = 400
LOST = Ending(DisconnectReason.CONNECTION_LOST, "")


@dataclass
class End:
    """One end of the link: a session, its store, what it wants to say and what it was told."""

    settings: SessionSettings
    dictionary: Dictionary
    state: SessionState = field(default_factory=SessionState.fresh)
    rows: dict[tuple[int, int], SentRow] = field(default_factory=dict)
    waiting: deque[str] = field(default_factory=deque)
    said: list[str] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    confirmed: int = 0
    # Turns the runtime would make by itself: held messages, pages of a resend; of this connection only.
    tasks: deque[tuple[int | None, object]] = field(default_factory=deque)

    def say(self, text: str) -> None:
        self.said.append(text)
        self.waiting.append(text)


class Link:
    """Both ends, the bytes between them and the time."""

    def __init__(self, left: End, right: End) -> None:
        self.ends = (left, right)
        self.flying: tuple[deque[bytes], deque[bytes]] = (deque(), deque())  # by receiver
        self.closing: set[int] = set()  # ends whose peer has closed
        self.connection = 0
        self.elapsed_ns = 0

    @property
    def now(self) -> Instant:
        return Instant(self.elapsed_ns, 1_790_000_000 * NS_PER_S + self.elapsed_ns)

    # What can happen

    def connect(self) -> None:
        if all(end.state.phase is Phase.DISCONNECTED for end in self.ends):
            self.connection += 1
            self.closing.clear()
            for flying in self.flying:
                flying.clear()  # Sent into the old connection after the other end had gone.
            for side, end in enumerate(self.ends):
                self.take(side, session.connected(end.settings, end.state, self.connection, self.now))

    def cut(self) -> None:
        for side in (0, 1):
            self.lose(side)

    def arrive(self, side: int, *, garble: bool = False) -> None:
        end = self.ends[side]
        if self.flying[side]:
            data = self.flying[side].popleft()
            if garble:
                error = GarbledMessage("noise", reason="checksum")
                self.take(side, session.garbled(end.settings, end.state, error, self.now))
            else:
                message = codec.decode(data, end.dictionary)
                self.take(side, session.received(end.settings, end.state, message, self.now, dictionary=end.dictionary))
        elif side in self.closing:
            self.lose(side)

    def work(self, side: int) -> None:
        end = self.ends[side]
        if not end.tasks:
            return
        connection, task = end.tasks.popleft()
        if connection != end.state.connection:
            return
        if isinstance(task, session.DrainHeld):
            self.take(side, session.drain(end.settings, end.state, self.now, dictionary=end.dictionary))
        elif isinstance(task, session.ReadSent):
            until = min(task.begin + PAGE_ROWS - 1, task.end)
            rows = [end.rows[end.state.epoch, number] for number in range(task.begin, until + 1)]
            if until < task.end:
                end.tasks.appendleft((connection, session.ReadSent(until + 1, task.end)))
            self.take(side, session.resend_page(end.settings, end.state, rows, until == task.end, self.now))

    def say(self, side: int, text: str) -> None:
        self.ends[side].say(text)
        self.flush(side)

    def probe(self, side: int) -> None:
        end = self.ends[side]
        self.take(side, session.send_test_request(end.settings, end.state, self.now))

    def logout(self, side: int) -> None:
        end = self.ends[side]
        self.take(
            side,
            session.logout(end.settings, end.state, Ending(DisconnectReason.OPERATOR_LOGOUT, "good night"), self.now),
        )

    def wait(self, seconds: float) -> None:
        self.elapsed_ns += int(seconds * NS_PER_S)
        for side, end in enumerate(self.ends):
            self.take(side, session.tick(end.settings, end.state, self.now))

    # What comes of it

    def take(self, side: int, step: Step) -> None:
        end = self.ends[side]
        end.state = step.state
        for action in step.actions:
            match action:
                case session.Transmit(numbered):
                    self.keep(end, SentRow(numbered.seq_num, None))
                    self.flying[1 - side].append(numbered.data)
                case session.Retransmit(data):
                    self.flying[1 - side].append(data)
                case session.Deliver(message):
                    end.told.append(message.require(58))
                case session.Confirmed(seq_num):
                    end.confirmed = max(end.confirmed, seq_num)
                case session.DrainHeld() | session.ReadSent():
                    end.tasks.append((end.state.connection, action))
                case session.CloseConnection():
                    self.closing.add(1 - side)
                    self.lose(side)
                case _:
                    pass
        self.flush(side)
        self.check()

    def flush(self, side: int) -> None:
        end = self.ends[side]
        while end.waiting and end.state.can_send:
            text = end.waiting.popleft()
            body = codec.encode_body([(58, text)])
            seq_num = end.state.next_out
            end.state, data = session.bind(end.settings, end.state, "B", body, self.now)
            self.keep(end, SentRow(seq_num, data))
            self.flying[1 - side].append(data)

    def keep(self, end: End, row: SentRow) -> None:
        key = (end.state.epoch, row.seq_num)
        assert key not in end.rows, f"number {key} was used twice"
        end.rows[key] = row

    def lose(self, side: int) -> None:
        """This end has no connection any more; what was flying to it is lost."""
        end = self.ends[side]
        self.flying[side].clear()
        self.closing.add(1 - side)
        if end.state.phase is not Phase.DISCONNECTED:
            end.state = session.disconnected(end.settings, end.state, LOST, self.now).state

    def check(self) -> None:
        for end, other in (self.ends, self.ends[::-1]):
            assert end.told == other.said[: len(end.told)], "delivered out of order, twice, or never said"
            assert end.confirmed < other.state.next_in, "the peer is said to have what it has not counted"

    def settle(self) -> None:
        """No more noise: let both ends talk until everything said has been told."""
        for _ in range(ROUNDS_MAX):
            self.connect()
            for side in (0, 1):
                while self.flying[side] or self.ends[side].tasks or side in self.closing:
                    closing = side in self.closing
                    self.work(side)
                    self.arrive(side)
                    if closing and self.ends[side].state.phase is Phase.DISCONNECTED:
                        break
            if all(not end.waiting and end.told == other.said for end, other in (self.ends, self.ends[::-1])):
                return
            self.wait(5)
        raise AssertionError(f"not settled: {[end.state for end in self.ends]}")


def make_link(*, next_expected: bool = False, held_messages_max: int = 1000) -> Link:
    def end(ours: str, peer: str, initiator: bool) -> End:
        agreed = SessionSettings(
            key=peer,
            begin_string="FIX.4.4",
            sender_comp_id=ours,
            target_comp_id=peer,
            role="oms",
            initiator=initiator,
            validation="off",
            next_expected=next_expected,
            held_messages_max=held_messages_max,
        )
        return End(agreed, built_in("FIX.4.4"))

    return Link(end("LEFT", "RIGHT", True), end("RIGHT", "LEFT", False))


SIDES = st.integers(0, 1)
EVENTS = st.one_of(
    st.tuples(st.just("say"), SIDES),
    st.tuples(st.just("arrive"), SIDES),
    st.tuples(st.just("arrive"), SIDES),
    st.tuples(st.just("work"), SIDES),
    st.tuples(st.just("garble"), SIDES),
    st.tuples(st.just("probe"), SIDES),
    st.tuples(st.just("logout"), SIDES),
    st.tuples(st.just("cut"), SIDES),
    st.tuples(st.just("connect"), SIDES),
    st.tuples(st.just("connect"), SIDES),
    st.tuples(st.just("wait"), st.sampled_from([0.1, 3.0, 31.0, 40.0])),
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    events=st.lists(EVENTS, max_size=80), next_expected=st.booleans(), held_messages_max=st.sampled_from([1, 2, 1000])
)
def test_everything_said_is_told_once_and_in_order(
    events: list[tuple[str, float]], next_expected: bool, held_messages_max: int
) -> None:
    link = make_link(next_expected=next_expected, held_messages_max=held_messages_max)
    link.connect()
    for count, (event, argument) in enumerate(events):
        match event:
            case "say":
                link.say(int(argument), f"{argument}-{count}")
            case "arrive":
                link.arrive(int(argument))
            case "garble":
                link.arrive(int(argument), garble=True)
            case "work":
                link.work(int(argument))
            case "probe":
                link.probe(int(argument))
            case "logout":
                link.logout(int(argument))
            case "cut":
                link.cut()
            case "connect":
                link.connect()
            case "wait":
                link.wait(argument)
    link.settle()


@pytest.mark.parametrize("next_expected", [False, True], ids=["by ResendRequest", "by 789"])
def test_a_long_conversation_lost_at_once_is_caught_up(next_expected: bool) -> None:
    link = make_link(next_expected=next_expected)
    link.connect()
    link.arrive(1)
    link.arrive(0)
    for count in range(200):
        link.say(0, f"l{count}")
        link.say(1, f"r{count}")
    link.cut()
    link.settle()
    assert len(link.ends[0].told) == len(link.ends[1].told) == 200
