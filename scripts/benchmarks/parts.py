"""Where the time of one order goes: the real functions, one by one, in microseconds of processor time.

Twice: an order that is answered by the smallest application, and one that the desk of 50 dealers and 50 rules takes
and asks three dealers about. What the parts do not explain is shown as the rest of the turn.
"""

from __future__ import annotations

import asyncio
import itertools
import socket
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from unittest.mock import patch

import uvloop

from benchmarks import house
from benchmarks.acceptors import ours
from benchmarks.acceptors.answering import BEGIN_STRING
from benchmarks.installation import install
from benchmarks.measuring import Effort
from benchmarks.messages import Field, field_of, order_fields, stamp, wire
from engine.boot import assembly, session_settings
from engine.boot.take_over import take_over
from engine.clock import Clock
from engine.config import load
from engine.desk.draft import AskedOneByOne, Draft
from engine.desk.order import intake
from engine.desk.recommend import recommend
from engine.domain.order import Order
from engine.domain.recommendation import Recommendation
from engine.fix.session import protocol as session
from engine.fix.session.settings import SessionSettings
from engine.fix.standard.dictionaries import built_in
from engine.fix.wire import codec, validation
from engine.fix.wire.framing import Framer
from engine.fix.wire.message import Message
from engine.journal.archive import ReadOnly
from engine.journal.batch import StagedTurn
from engine.journal.events import events_codec
from engine.journal.writer import Journal
from engine.metrics.collector import Metrics
from engine.runtime.staging import Recorder
from engine.turn import Application, ConnectionUp, Machine, Received, Turn

DEALERS: Final = 50
BATCH: Final = 50
"""Turns that commit together while a hundred orders are outstanding."""
ORDERS: Final = 150


@dataclass(frozen=True, slots=True)
class Part:
    """One step, how often an order takes it, and microseconds for all of that."""

    name: str
    times: int
    took_us: float


def measure(effort: Effort) -> dict[str, list[Part]]:
    """The parts by kind of order."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        bench = _Bench.smallest(Path(folder))
        answered = bench.parts(ORDERS * 2 if effort.quick else ORDERS * 8)
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        bench = _Bench.desk(Path(folder))
        asked = bench.parts(ORDERS if effort.quick else ORDERS * 3)
    return {
        "an order answered by the smallest application": answered,
        f"an order to three requests: {DEALERS} dealers, {house.RULES} rules, drop copy": asked,
    }


class _Bench:
    """A machine with sessions logged on, its recorder and its journal; time is taken around every step."""

    def __init__(self, machine: Machine, journal: Journal, order_session: str) -> None:
        self.machine = machine
        self.journal = journal
        self.clock = Clock()
        self.recorder = Recorder(journal.head, events_codec())
        self.metrics = Metrics("benchmark")
        self.key = order_session
        self._numbers = itertools.count(1)
        self._next: dict[str, int] = dict.fromkeys(machine.settings, 1)
        self._took: dict[str, list[int]] = {}
        for number, settings in enumerate(machine.settings.values(), 1):
            known = settings.key if settings.initiator else ""
            self._through(ConnectionUp(self.clock.now(), number, known, bytes(16)))
        self._connections = {key: number for number, key in enumerate(machine.settings, 1)}
        for key in machine.settings:
            self._through(self._received(key, "A", [(98, 0), (108, 30)]))
        assert all(machine.session_up(key) for key in machine.settings)

    @classmethod
    def smallest(cls, folder: Path) -> _Bench:
        machine = Machine(ours.Answering(), {ours.SESSION: ours.settings()}, {ours.SESSION: built_in(BEGIN_STRING)})
        return cls(machine, Journal(folder / "journal.db", "normal"), ours.SESSION)

    @classmethod
    def desk(cls, folder: Path) -> _Bench:
        config = load(install(folder, DEALERS, durability="normal", port=9_880, dealers_port=9_901))
        bonds, _ = assembly.securities(config.reference.securities)
        parts = assembly.parts(config, assembly.rule_book(config), bonds, session_settings.dictionaries(config))
        journal = Journal(config.journal.path, "normal")
        with ReadOnly(config.journal.path) as file:
            machine = take_over(parts, file).machine
        return cls(machine, journal, "oms")

    def parts(self, orders: int) -> list[Part]:
        for _ in range(30):
            self._trade()
        self._took.clear()
        staged = [rows for _ in range(orders) if (rows := self._trade(timed=True)) is not None]
        sends = len(staged[-1].entries)
        took = {name: statistics.median(times) / 1_000 for name, times in self._took.items()}
        inner = {name for name in took if name.startswith("  ")}
        rest = took.pop("turn") - sum(took[name] for name in inner)
        parts = [Part(name.strip(), sends if name in _PER_SEND else 1, us) for name, us in took.items()]
        parts.insert(len(inner) + 1, Part("rest of the turn", 1, rest))
        parts.append(Part(f"commit, {BATCH} such turns together", 1, self._commit_us(staged)))
        parts.append(Part("write to the socket", sends, sends * _write_us()))
        return parts

    def _trade(self, *, timed: bool = False) -> StagedTurn | None:
        given = self._received(self.key, "D", self._order())
        if timed:
            self._pieces(given)
        began = time.process_time_ns()
        turn = self.machine.take(given)
        decided = time.process_time_ns()
        (rows,) = self.recorder.alone(turn)
        staged = time.process_time_ns()
        self.metrics.turn(turn)
        counted = time.process_time_ns()
        if timed:
            self._note("turn", decided - began)
            self._note("stage: rows, events as JSON", staged - decided)
            self._note("metrics", counted - staged)
        self.journal.commit([rows])
        self._decline(turn)
        return rows

    def _pieces(self, given: Received) -> None:
        """The steps of a turn, each called beforehand by itself; nothing of it stays."""
        frame, machine, key, now = given.frame, self.machine, self.key, given.now
        assert isinstance(frame, bytes)
        settings, state, dictionary = machine.settings[key], machine.state(key), machine.dictionaries[key]
        framer = Framer()
        self._timed("framing", lambda: framer.feed(frame))
        message: Message = self._timed("  decode", lambda: codec.decode(frame, dictionary))
        self._timed("  validate", lambda: validation.validate(message, dictionary, settings.validation))
        validated = self._took["  validate"][-1]
        step = self._timed(
            "  session step", lambda: session.received(settings, state, message, now, dictionary=dictionary)
        )
        self._took["  session step"][-1] -= validated
        application, up = machine.application, AskedOneByOne(machine.session_up)
        draft: Draft = self._timed(
            "  begin a draft",
            lambda: application.draft(now, given.entropy, machine.outbox_id, up),
        )
        self._decide(application, draft, settings, message)
        spoken = self._timed("  speak", lambda: [application.speak(send) for send in draft.sends])
        states = {each: link.state for each, link in machine.links.items()}
        states[key] = step.state

        def bind() -> None:
            for send, (msg_type, body) in zip(draft.sends, spoken, strict=True):
                states[send.session], _ = session.bind(
                    machine.settings[send.session], states[send.session], msg_type, body, now
                )

        self._timed("  number and frame", bind)

    def _decide(self, application: Application, draft: Draft, settings: SessionSettings, message: Message) -> None:
        """The application's part, and how much of it is the recommendation: timed where the desk calls it."""

        def recommended(draft: Draft, order: Order, *, draws: bool) -> Recommendation:
            advice: Recommendation = self._timed("  recommend", lambda: recommend(draft, order, draws=draws))
            return advice

        with patch.object(intake, "recommend", recommended):
            began = time.process_time_ns()
            application.hear(draft, settings, message, lambda number: None)
            took = time.process_time_ns() - began
        if "  recommend" in self._took:
            took -= self._took["  recommend"][-1]
        self._note("  decide", took)

    def _commit_us(self, staged: list[StagedTurn]) -> float:
        """Of one turn, when so many like it commit together."""
        head = self.journal.head
        found = []
        for start in range(0, len(staged) - BATCH + 1, BATCH):
            turns = []
            for rows in staged[start : start + BATCH]:
                turns.append(_renumbered(rows, head))
                head = head._replace(
                    turn_seq=head.turn_seq + 1,
                    event_seq=head.event_seq + len(rows.events),
                    outbox_id=head.outbox_id + len(rows.entries),
                )
            began = time.process_time_ns()
            self.journal.commit(turns)
            found.append((time.process_time_ns() - began) / BATCH / 1_000)
            head = self.journal.head
        return statistics.median(found)

    # --- the other side --------------------------------------------------------------------------

    def _order(self) -> list[Field]:
        number = next(self._numbers)
        return order_fields(
            number, house.isin(1 + number % house.BONDS), int(house.QUANTITY) + 1_000 * (number % 5_000)
        )

    def _decline(self, turn: Turn) -> None:
        """Every dealer that was asked says no, so that the round ends."""
        for bound in turn.bound:
            if bound.data is not None and field_of(bound.data, 35) == "R":
                request = bound.data
                entry: list[Field] = [(146, 1), (55, "[N/A]"), (48, field_of(request, 48)), (22, "4")]
                body: list[Field] = [(131, field_of(request, 131)), (658, 5), *entry]
                self._through(self._received(bound.session, "AG", body))

    def _received(self, key: str, msg_type: str, body: list[Field]) -> Received:
        settings = self.machine.settings[key]
        header: list[Field] = [
            (35, msg_type),
            (34, self._next[key]),
            (49, settings.target_comp_id),
            (52, stamp()),
            (56, settings.sender_comp_id),
        ]
        self._next[key] += 1
        frame = wire(settings.begin_string, [*header, *body])
        return Received(self.clock.now(), self._connections[key], frame, self._next[key].to_bytes(16, "big"))

    def _through(self, given: Received | ConnectionUp) -> None:
        turn = self.machine.take(given)
        rows = self.recorder.alone(turn)
        self.metrics.turn(turn)
        if rows:
            self.journal.commit(rows)

    def _timed(self, name: str, call: Callable[[], Any]) -> Any:
        began = time.process_time_ns()
        result = call()
        self._note(name, time.process_time_ns() - began)
        return result

    def _note(self, name: str, took_ns: int) -> None:
        self._took.setdefault(name, []).append(took_ns)


_PER_SEND: Final = ("  speak", "  number and frame")


def _renumbered(rows: StagedTurn, head: Any) -> StagedTurn:
    """The same turn once more, behind the journal's head."""
    turn_seq = head.turn_seq + 1
    # No number is kept twice, and all of a session's are of one epoch: of its rows a batch keeps the last alone.
    epoch, first = 1_000, 100 * turn_seq
    entries = itertools.count(head.outbox_id + 1)
    return rows._replace(
        turn_seq=turn_seq,
        events=tuple(row._replace(seq=head.event_seq + at, turn_seq=turn_seq) for at, row in enumerate(rows.events, 1)),
        outbox=tuple(row._replace(id=next(entries), turn_seq=turn_seq) for row in rows.outbox),
        taken_in=rows.taken_in and rows.taken_in._replace(epoch=epoch, seq=first),
        answer=rows.answer and rows.answer._replace(epoch=epoch, seq=first, outbox_id=next(entries)),
        sent=tuple(
            row._replace(
                epoch=epoch, seq=first + at, outbox_id=next(entries) if row.msg_type is not None else row.outbox_id
            )
            for at, row in enumerate(rows.sent, 1)
        ),
        sessions=tuple(row._replace(epoch=epoch) for row in rows.sessions),
    )


def _write_us() -> float:
    """One write of an answer's size to a socket through uvloop, of a batch whose writes leave together."""
    answer = bytes(250)

    async def run() -> float:
        loop = asyncio.get_running_loop()
        near, far = socket.socketpair()
        transport, _ = await loop.create_connection(asyncio.Protocol, sock=near)
        found = []
        with far:
            far.setblocking(False)
            for _ in range(200):
                began = time.process_time_ns()
                for _ in range(BATCH):
                    transport.write(answer)
                await asyncio.sleep(0)
                found.append((time.process_time_ns() - began) / BATCH / 1_000)
                far.recv(1_048_576)
        transport.close()
        return statistics.median(found)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(run())


def text(kinds: dict[str, list[Part]]) -> str:
    lines = ["where the time goes (microseconds of processor time)"]
    for kind, parts in kinds.items():
        total = sum(part.took_us for part in parts)
        lines += ["", f"{kind}: {total:,.0f} us"]
        for part in parts:
            times = f" x {part.times}" if part.times > 1 else ""
            lines.append(f"  {part.name + times:<46}{part.took_us:>9,.1f}  {part.took_us / total:>5.1%}")
    return "\n".join(lines)
