"""Does an order cost more after many? Whole lives of orders in processes that have seen few of them, and many.

The real machine, desk, recorder and journal, without a loop or a socket: an order comes, three dealers are asked and
quote, the rule takes the best, the dealer fills, OMS and drop copy are told, and a minute later the reversion is
measured. Each process has its own number of orders behind it; then they trade in turns, so that what else runs on the
machine disturbs all of them alike. Time goes by by itself, a tenth of a second an order.

An order is the same work in all of them: the reversion of an earlier one falls due beside each, the state's digest is
taken and the journal's log moved into its file as often as the daemon does it. Commits to a log of gigabytes take up to
half as long again.
"""

from __future__ import annotations

import datetime
import itertools
import multiprocessing
import sqlite3
import statistics
import tempfile
import time
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from decimal import Decimal
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final

from benchmarks import house
from benchmarks.installation import install
from benchmarks.measuring import Effort, Line, say
from benchmarks.messages import Field, field_of, wire
from engine.boot import assembly, session_settings
from engine.boot.memory import settle_memory
from engine.boot.take_over import LOGIC_VERSION, take_over
from engine.clock import NS_PER_MS, NS_PER_S, Instant
from engine.config import load
from engine.domain import events as e
from engine.domain.keys import Timer, TimerKind
from engine.journal.archive import ReadOnly
from engine.journal.events import events_codec
from engine.journal.writer import Journal
from engine.market.marks import Mark, Quality
from engine.metrics.collector import Metrics
from engine.runtime.staging import Recorder
from engine.turn import ConnectionUp, DigestDue, Input, Received, TimerDue, Turn
from engine.turn.trading import Trading

DEALERS: Final = 6
ASKED: Final = 3
AFTER: Final = (1_000, 20_000, 100_000)
"""Orders behind each of the processes; `quick` makes do with a twentieth of the last two."""
PORTION: Final = 100
"""Orders that one process trades before it is another one's turn."""
ROUNDS: Final = 20
BAR: Final = 1.15
"""Flat: what two processes with as many orders behind them differ by, and a little more."""

_RULES: Final = """
rule "everything" when true
  ask top 3  wait 120s  send automatically
  execute automatically when within 50bp price of fair, else ask trader
"""
_BEGIN: Final = int(datetime.datetime(2026, 11, 23, 8, 0, tzinfo=datetime.UTC).timestamp()) * NS_PER_S
_BETWEEN_NS: Final = 100 * NS_PER_MS
_WORD_NS: Final = NS_PER_MS
"""Between two messages of one order's life."""
_REVERSION_S: Final = 60
"""How long after its fill an order's reversion is measured: some 600 orders, fewer than any process has behind it."""
_HASHED_EVERY: Final = 1
_DIGEST_EVERY: Final = 600
"""Orders between two: what comes in some of the daemon's twentieths of a second, and in its minute."""
_CHECKPOINT_EVERY: Final = 1_000
"""Orders between two checkpoints: what two seconds are enough for. They are no part of what an order takes."""


def measure(effort: Effort) -> list[Line]:
    first, *more = AFTER
    after = [first, *(count // 20 if effort.quick else count for count in more)]
    rounds = ROUNDS // 2 if effort.quick else ROUNDS
    with ExitStack() as stack:
        desks = [stack.enter_context(_process()) for _ in after]
        say(f"growing to {', '.join(f'{count:,}' for count in after)} orders")
        _together(desks, after)
        found = [[took / PORTION for took, _ in _in_turns(desks)] for _ in range(rounds)]
        slowest = [
            max(longest for _, longest in each) for each in zip(*[_in_turns(desks) for _ in range(3)], strict=True)
        ]
    base, *others = [statistics.median(each) for each in zip(*found, strict=True)]
    return [
        Line(
            f"an order's whole life after {count:,} orders",
            "us",
            took,
            f"after {first:,}",
            base,
            BAR,
            "normal",
            note=f"slowest turn {longest / 1_000:.1f} ms, {slowest[0] / 1_000:.1f} ms after {first:,}",
        )
        for count, took, longest in zip(after[1:], others, slowest[1:], strict=True)
    ]


def _together(desks: Iterable[Connection], counts: Iterable[int]) -> None:
    pairs = list(zip(desks, counts, strict=True))
    for desk, count in pairs:
        desk.send(count)
    for desk, _ in pairs:
        desk.recv()


def _in_turns(desks: Iterable[Connection]) -> list[tuple[float, float]]:
    """Per process the microseconds that a portion took, and those of its slowest turn."""
    found = []
    for desk in desks:
        desk.send(PORTION)
        found.append(desk.recv())
    return found


@contextmanager
def _process() -> Iterator[Connection]:
    """A desk in a process of its own: it is sent how many orders to trade."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs,), daemon=True)
    process.start()
    theirs.close()  # So that its death ends what waits for it here: `recv` raises EOFError.
    try:
        yield ours
    finally:
        with suppress(BrokenPipeError):
            ours.send(0)
        process.join()


def _serve(orders: Connection) -> None:
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        desk = _Desk(Path(folder))
        settle_memory()
        while count := orders.recv():
            desk.took_ns = desk.slowest_ns = 0
            for _ in range(count):
                desk.trade()
            orders.send((desk.took_ns / 1_000, desk.slowest_ns / 1_000))


class _Desk:
    """A machine with everybody logged on, its recorder and journal, and everybody else."""

    def __init__(self, folder: Path) -> None:
        path = install(folder, DEALERS, durability="normal", port=9_880, dealers_port=9_901)
        (folder / "rules" / "house.rules").write_text(_RULES)
        path.write_text(f"{path.read_text()}[tca]\nreversion_s = {_REVERSION_S}\n")
        config = load(path)
        bonds, _ = assembly.securities(config.reference.securities)
        self.journal = Journal(config.journal.path, "normal")
        self._checkpointer = sqlite3.connect(config.journal.path, isolation_level=None)
        with ReadOnly(config.journal.path) as file:
            parts = assembly.parts(config, assembly.rule_book(config), bonds, session_settings.dictionaries(config))
            self.machine = take_over(parts, file).machine
        assert isinstance(self.machine.application, Trading)
        self.trading = self.machine.application
        settings = self.machine.settings
        self.recorder = Recorder(self.journal.head, events_codec())
        self.metrics = Metrics("benchmark")
        self.took_ns = self.slowest_ns = 0
        self._utc_ns = _BEGIN
        self._numbers = itertools.count(1)
        self._entropy = itertools.count(1)
        self._next_in = dict.fromkeys(settings, 1)
        self._reversions: deque[tuple[int, Timer]] = deque()
        self._connections = {key: number for number, key in enumerate(settings, 1)}
        for key, number in self._connections.items():
            self._take(ConnectionUp(self._now(), number, key if settings[key].initiator else "", self._drawn()))
            self._hear(key, "A", [(98, 0), (108, 30)])
        assert all(self.machine.session_up(key) for key in settings)

    def trade(self) -> None:
        """One order from its D to its last report, and the reversions that are due meanwhile."""
        number = next(self._numbers)
        self._keep_house(number)
        self._utc_ns += _BETWEEN_NS
        self._price(number)
        while self._reversions and self._reversions[0][0] <= self._utc_ns:
            self._take(TimerDue(self._now(), self._reversions.popleft()[1], self._drawn()))
        turn = self._hear("oms", "D", self._order(number))
        asked = _said(turn, "R")
        assert len(asked) == ASKED
        for place, (session, request) in enumerate(asked):
            turn = self._hear(session, "S", self._quote(request, number, place))
        [(session, accepted)] = _said(turn, "D")
        turn = self._hear(session, "8", self._fill(accepted, number))
        [fill] = [event for event in turn.events if isinstance(event, e.FillBooked)]
        self._reversions.append((fill.reversion_due_ns, Timer(TimerKind.reversion, fill.fill.exec_id)))

    def _keep_house(self, number: int) -> None:
        """What the daemon does beside its turns. It hashes on its loop, so that counts; a thread moves the log."""
        if number % _CHECKPOINT_EVERY == 0:
            self._checkpointer.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        if number % _HASHED_EVERY == 0:
            began = time.process_time_ns()
            self.trading.state.hash_ahead()
            self.took_ns += time.process_time_ns() - began
        if number % _DIGEST_EVERY == 0:
            self._take(DigestDue(self._now(), LOGIC_VERSION, self._drawn()))

    # --- the engine ------------------------------------------------------------------------------

    def _take(self, given: Input) -> Turn:
        began = time.process_time_ns()
        turn = self.machine.take(given)
        rows = self.recorder.alone(turn)
        self.metrics.turn(turn)
        if rows:
            self.journal.commit(rows)
        took = time.process_time_ns() - began
        self.took_ns += took
        self.slowest_ns = max(self.slowest_ns, took)
        return turn

    def _hear(self, key: str, msg_type: str, body: list[Field]) -> Turn:
        settings = self.machine.settings[key]
        self._utc_ns += _WORD_NS
        header: list[Field] = [
            (35, msg_type),
            (34, self._next_in[key]),
            (49, settings.target_comp_id),
            (52, self._stamp()),
            (56, settings.sender_comp_id),
        ]
        self._next_in[key] += 1
        frame = wire(settings.begin_string, [*header, *body])
        return self._take(Received(self._now(), self._connections[key], frame, self._drawn()))

    def _now(self) -> Instant:
        return Instant(self._utc_ns - _BEGIN, self._utc_ns)

    def _drawn(self) -> bytes:
        return next(self._entropy).to_bytes(16, "big")

    # --- everybody else --------------------------------------------------------------------------

    def _price(self, number: int) -> None:
        """The source of the marks says what the bond of this order is worth."""
        security = house.isin(1 + number % house.BONDS)
        self.trading.desk.marks.update(Mark(security, Decimal(100), self._utc_ns, "marks", Quality.COMPOSITE))

    def _order(self, number: int) -> list[Field]:
        return [
            (11, f"ord{number:08d}"),
            (1, "FUND-A"),
            (21, "1"),
            (55, "[N/A]"),
            (48, house.isin(1 + number % house.BONDS)),
            (22, "4"),
            (54, "1"),
            (60, self._stamp()),
            (38, int(house.QUANTITY) + 1_000 * (number % 5_000)),
            (40, "1"),
            (15, "USD"),
            (59, "0"),
        ]

    def _quote(self, request: bytes, number: int, place: int) -> list[Field]:
        return [
            (131, field_of(request, 131)),
            (117, f"quote{number}-{place}"),
            (537, "1"),
            (55, "[N/A]"),
            (48, field_of(request, 48)),
            (22, "4"),
            (133, str(Decimal("99.90") + Decimal(place) / 100)),
            (135, field_of(request, 38)),
            (62, self._stamp(60)),
        ]

    def _fill(self, accepted: bytes, number: int) -> list[Field]:
        return [
            (37, f"dealer{number}"),
            (11, field_of(accepted, 11)),
            (17, f"exec{number}"),
            (150, "F"),
            (39, "2"),
            (55, "[N/A]"),
            (48, field_of(accepted, 48)),
            (22, "4"),
            (54, "1"),
            (38, field_of(accepted, 38)),
            (32, field_of(accepted, 38)),
            (31, field_of(accepted, 44)),
            (151, 0),
            (14, field_of(accepted, 38)),
            (6, field_of(accepted, 44)),
            (75, self._stamp()[:8]),
            (60, self._stamp()),
        ]

    def _stamp(self, seconds: int = 0) -> str:
        at = datetime.datetime.fromtimestamp(self._utc_ns // NS_PER_S + seconds, datetime.UTC)
        return f"{at:%Y%m%d-%H:%M:%S}.{self._utc_ns // NS_PER_MS % 1_000:03d}"


def _said(turn: Turn, kind: str) -> list[tuple[str, bytes]]:
    """The messages of this MsgType(35) that a turn has given a number, each with its session."""
    bound = [(each.session, each.data) for each in turn.bound]
    return [(session, data) for session, data in bound if data is not None and field_of(data, 35) == kind]
