"""Sessions on a clock of ours: a real machine, peers that say what they are told to, operators beside them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from desk_builder import make_desk

from engine.clock import NS_PER_S, Instant, fix_timestamp
from engine.commands.answering import Answering
from engine.desk.draft import Delivery, Draft
from engine.desk.notices import notices
from engine.desk.setting import Desk
from engine.domain import events as e
from engine.domain.keys import Timer, TimerKind
from engine.errors import CommandError, GarbledMessage
from engine.fix.session.entrance import Origin
from engine.fix.session.phases import Phase
from engine.fix.session.reasons import DisconnectReason, Ending
from engine.fix.session.sequence import SessionState
from engine.fix.session.settings import SessionSettings
from engine.fix.session.step import SentRow
from engine.fix.standard.dictionaries import built_in
from engine.fix.wire import codec
from engine.metrics.collector import Metrics
from engine.turn import (
    BindDue,
    BindMore,
    Close,
    CommandGiven,
    Connect,
    ConnectionDown,
    ConnectionUp,
    HeldDue,
    Input,
    Machine,
    Page,
    ReadSentRows,
    Received,
    Reply,
    SentPage,
    TimerDue,
    Traffic,
    Turn,
    Write,
)
from engine.turn.trading import Trading

START_NS = 1_795_446_000 * NS_PER_S  # 2026-11-23T15:00:00Z
ENTROPY = bytes(16)
SAYING = Timer(TimerKind.order, "says")
"""The timer key of what a test has the desk say."""
SESSIONS: Sequence[tuple[str, str, bool]] = (
    ("oms", "oms", False),
    ("dropcopy", "dropcopy", False),
    ("ash", "dealer", True),
)
"""Key, role, do we connect? CompIDs of peers are the key in capitals."""


class Speaking(Trading):
    """A desk that besides says what a test has it say, when the timer of that is due."""

    def __init__(self, desk: Desk | None = None) -> None:
        super().__init__(make_desk() if desk is None else desk)
        self.saying: list[Callable[[Draft], None]] = []

    def due(self, draft: Draft, key: str) -> None:
        if key == SAYING:
            self.saying.pop(0)(draft)
        else:
            super().due(draft, key)


class SessionWorld:
    """`out` is what each session's peer was sent on its present connection; `notices`, `events`, `wanted` add up."""

    def __init__(
        self,
        sessions: Sequence[tuple[str, str, bool]] = SESSIONS,
        *,
        monotonic_ns: int = 1_000 * NS_PER_S,
        desk: Desk | None = None,
        **settings: Any,
    ) -> None:
        self.now = Instant(monotonic_ns, START_NS)
        known = {
            key: SessionSettings(key, "FIX.4.4", "BUYSIDE", key.upper(), role, initiator=initiator, **settings)  # type: ignore[arg-type]
            for key, role, initiator in sessions
        }
        self.trading = Speaking(desk)
        self.machine = Machine(self.trading, known, dict.fromkeys(known, built_in("FIX.4.4")), commands=Answering())
        self.metrics = Metrics("9.9")
        self.metrics.state(self.machine, self.trading)
        self.out: dict[str, list[bytes]] = {key: [] for key in known}
        self.rows: dict[tuple[str, int], dict[int, SentRow]] = {}
        self.events: list[e.Event] = []
        self.notices: list[Any] = []
        self.wanted: list[str] = []
        """Sessions that were asked to connect."""
        self.traffic: dict[int, Traffic] = {}
        self.turns: list[Turn] = []
        self._peer_seq: dict[str, int] = dict.fromkeys(known, 0)
        self._connections = 0
        self._replies: dict[int, Reply] = {}

    # --- inputs ----------------------------------------------------------------------------------

    def entropy(self) -> bytes:
        """What the next input brings to draw identifiers from: always the same, unless the desk has a use for them."""
        return ENTROPY

    def take(self, given: Input) -> Turn:
        before = dict(self.machine.links)
        turn = self.machine.take(given)
        for key, link in turn.links.items():
            if key in before and not link.state.moved_on_from(before[key].state):
                assert Timer(TimerKind.session, key) in turn.touched, f"the deadline of {key} may be another one"
        self.turns.append(turn)
        self.metrics.turn(turn)
        self.events += turn.events
        pages = [effect for effect in turn.effects if isinstance(effect, Page)]
        self.notices += notices(turn.events, pages, self.trading.state, len(self.events))
        for bound in turn.bound:
            rows = self.rows.setdefault((bound.session, bound.epoch), {})
            repeated = bound.delivery is None or bound.delivery is Delivery.at_least_once
            rows[bound.seq_num] = SentRow(bound.seq_num, bound.data, repeated)
        for effect in turn.effects:
            self._carry_out(effect)
        if turn.held_due is not None:
            self.take(HeldDue(self.now, turn.held_due, self.entropy()))
        return turn

    def note(self, record: Callable[[Draft], None]) -> None:
        """Have the desk do something out of itself."""
        assert isinstance(self.machine.application, Speaking)
        self.machine.application.saying.append(record)
        self.take(TimerDue(self.now, SAYING, self.entropy()))

    def rebinds(self, key: str) -> bool:
        """Is anything for this session still to be read from the store?"""
        return self.machine.links[key].rebinding is not None

    def _carry_out(self, effect: Any) -> None:
        if isinstance(effect, Write):
            self.out[effect.session].append(effect.data)
            self.metrics.wrote(effect.session, [effect.data])
        elif isinstance(effect, Close):
            self.down(effect.connection, Ending(effect.code, effect.text))
        elif isinstance(effect, BindMore):
            self.take(BindDue(self.now, effect.session, effect.connection, self.entropy()))
        elif isinstance(effect, ReadSentRows):
            rows = self.rows[effect.session, effect.epoch]
            page = [rows[number] for number in range(effect.begin, effect.end + 1)]
            self.take(
                SentPage(
                    self.now,
                    effect.session,
                    effect.epoch,
                    effect.connection,
                    page,
                    effect.end,
                    last=True,
                    entropy=self.entropy(),
                )
            )
        elif isinstance(effect, Connect):
            self.wanted.append(effect.session)
        elif isinstance(effect, Reply):
            self._replies[effect.ref] = effect

    def command(self, name: str, actor: str = "kim", role: str = "operator", **params: Any) -> Any:
        """A person's command. Raises CommandError."""
        ref = len(self.turns) + 1
        self.take(CommandGiven(self.now, name, params, actor, role, ref, self.entropy(), self.traffic))
        reply = self._replies.pop(ref)
        if reply.error:
            raise CommandError(reply.error, code=reply.code)
        return reply.result

    # --- peers -----------------------------------------------------------------------------------

    def connect(self, key: str, origin: Origin | None = None) -> int:
        """A connection: ours for a session that we initiate, a stranger's otherwise."""
        self._connections += 1
        self.out[key].clear()
        ours = key if self.machine.settings[key].initiator else ""
        origin = origin or Origin("192.0.2.7", port=40_000 + self._connections)
        self.take(ConnectionUp(self.now, self._connections, ours, self.entropy(), origin))
        return self._connections

    def log_on(self, key: str, *extra: tuple[int, str], seq: int | None = None) -> None:
        connection = self.connect(key)
        self.say(key, "A", (98, "0"), (108, "30"), *extra, seq=seq, connection=connection)

    def say(
        self,
        key: str,
        msg_type: str,
        *fields: tuple[int, str],
        seq: int | None = None,
        connection: int | None = None,
    ) -> bytes:
        """A message of the peer, with its next number unless `seq` says another."""
        if seq is None:
            seq = self._peer_seq[key] + 1
        self._peer_seq[key] = seq
        frame = codec.frame(
            begin_string="FIX.4.4",
            msg_type=msg_type,
            seq_num=seq,
            sender=key.upper(),
            target="BUYSIDE",
            sending_time=fix_timestamp(self.now.utc_ns),
            body=codec.encode_body(fields),
        )
        self.receive(key, frame, connection)
        return frame

    def receive(self, key: str, frame: bytes | GarbledMessage, connection: int | None = None) -> None:
        number = self.state(key).connection if connection is None else connection
        assert number is not None, f"{key} has no connection"
        self.take(Received(self.now, number, frame, self.entropy()))

    def prove(self, key: str) -> None:
        """The peer answers our last TestRequest(1)."""
        asked = [said for said in self.sent(key) if said[35] == "1"][-1]
        self.say(key, "0", (112, asked[112]))

    def order(self, key: str = "oms") -> None:
        """A D that is answered by reports, whatever comes of it."""
        number = self._peer_seq[key] + 1
        self.say(
            key,
            "D",
            (11, f"order-{number}"),
            (21, "1"),
            (55, "[N/A]"),
            (48, "US0000000000"),
            (22, "4"),
            (54, "1"),
            (38, "1000000"),
            (40, "1"),
            (60, fix_timestamp(self.now.utc_ns)),
        )

    def cut(self, key: str, ending: Ending | None = None) -> None:
        """The connection goes."""
        number = self.state(key).connection
        assert number is not None
        self.down(number, ending or Ending(DisconnectReason.CLOSED_BY_PEER, ""))

    def down(self, connection: int, ending: Ending) -> None:
        self.take(ConnectionDown(self.now, connection, ending, self.entropy()))

    def advance(self, seconds: float) -> None:
        """Let time pass, second by second, with every session's timers."""
        for _ in range(int(seconds)):
            self.now = Instant(self.now.monotonic_ns + NS_PER_S, self.now.utc_ns + NS_PER_S)
            for key in self.machine.settings:
                self.take(TimerDue(self.now, Timer(TimerKind.session, key), self.entropy()))
                self.take(TimerDue(self.now, Timer(TimerKind.schedule, key), self.entropy()))

    def step_clock(self, seconds: float) -> None:
        """Everybody's wall clock is set; no time passes."""
        self.now = Instant(self.now.monotonic_ns, self.now.utc_ns + int(seconds * NS_PER_S))

    # --- looking ---------------------------------------------------------------------------------

    def state(self, key: str) -> SessionState:
        return self.machine.state(key)

    @property
    def last_connection(self) -> int:
        return self._connections

    def phase(self, key: str) -> Phase:
        return self.machine.state(key).phase

    def sent(self, key: str) -> list[Mapping[int, str]]:
        """Everything the peer was sent on this connection, as tags and values."""
        found = []
        for data in self.out[key]:
            fields = (field.partition("=") for field in data.decode().split("\x01") if field)
            found.append({int(tag): value for tag, _, value in fields})
        return found

    def recorded(self, kind: type) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]

    def metric(self, name: str, **labels: str) -> float | None:
        return self.metrics.registry.get_sample_value(name, labels)
