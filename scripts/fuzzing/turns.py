"""The whole desk behind its sessions, without sockets: bent messages on every session, and a journal that keeps them.

What runs is the shipped configuration's desk under rules that send and execute by themselves, the real `Machine`,
recorder and journal. Nothing that comes from outside may raise, be recorded as an input that could not be handled,
or touch another session; what was journaled must fold to the very state that memory has.
"""

from __future__ import annotations

import copy
import shutil
import tempfile
from collections import deque
from pathlib import Path
from random import Random
from typing import Final

from engine.boot import assembly
from engine.boot import take_over as recovery
from engine.clock import NS_PER_S, Instant, fix_timestamp
from engine.config import load
from engine.config.sessions import SessionRole
from engine.desk.decide import open_keys
from engine.desk.fields import catalogue
from engine.desk.setting import Desk
from engine.domain import events as e
from engine.domain.keys import Timer, TimerKind
from engine.errors import GarbledMessage
from engine.fix.session import protocol as fix_session
from engine.fix.session.phases import Phase
from engine.fix.session.reasons import DisconnectReason, Ending
from engine.fix.session.settings import SessionSettings
from engine.fix.session.step import SentRow
from engine.fix.standard.dictionary import Dictionary
from engine.fix.wire.codec import Framer
from engine.journal.archive import ReadOnly
from engine.journal.batch import StagedTurn
from engine.journal.events import events_codec
from engine.journal.writer import Journal
from engine.rules.program import compile_book
from engine.rules.source import Source
from engine.runtime.staging import Latest, Recorder
from engine.turn import (
    BindDue,
    BindMore,
    Close,
    ConnectionDown,
    ConnectionUp,
    HeldDue,
    Input,
    Machine,
    ReadSentRows,
    ReadUndelivered,
    Received,
    SentPage,
    TimerDue,
    Turn,
    UndeliveredPage,
    Write,
)
from engine.turn.trading import Trading
from fuzzing.corpus import ROOT, Corpus, Sample
from fuzzing.generating import SOH, sealed
from fuzzing.meter import Meter, hold
from fuzzing.mutation import Mutator
from fuzzing.street import Dealer, Oms, Party, Prices, heard

STEPS: Final = 400
"""Messages of one life of the desk."""
PAGE_ROWS: Final = 3
COMMIT_EVERY: Final = 20
ANSWERED: Final = 0.7
"""How often a dealer that was asked or given an order is the next to speak."""
FOLD_EVERY: Final = 8
"""Lives of which one is read back from its journal and folded anew."""
START_UTC_NS: Final = 1_790_000_000 * NS_PER_S
BONDS: Final = 6

RULES: Final = """
rule "small" when notional <= 500k
  ask top 4  wait 8s  send automatically
  execute automatically when within 60bp price of fair and at least 1 quotes, else ask trader
rule "one after the other" when notional <= 1mm
  ask top 3 one at a time, wait 5s, accept within 30bp price of fair
  send automatically
  execute automatically when within 100bp price of fair and at least 1 quotes, else ask trader
rule "staggered" when notional <= 2mm
  ask top 3  stagger 2s  wait 10s  send automatically
  execute automatically when within 100bp price of fair, else ask trader
rule "everything else" when true
  ask top 3  wait 15s
"""


class Turns:
    """One life of the desk a case."""

    name = "turn"
    inputs = 20_000

    def __init__(self, corpus: Corpus, rng: Random) -> None:
        self._rng = rng
        self._mutator = Mutator(rng, corpus.samples)
        self._plan = Plan(corpus)
        self._folder = Path(tempfile.mkdtemp(prefix="rfq-fuzz-"))
        self._lives = 0

    def case(self, meter: Meter, reproduction: str) -> None:
        self._lives += 1
        folder = self._folder / str(self._lives)
        folder.mkdir()
        life = DeskLife(self._plan, self._rng, self._mutator, folder / "journal.db")
        try:
            life.begin()
            for _ in range(STEPS):
                if meter.over:
                    break
                connection, frame = life.draw()
                meter.begin()
                try:
                    outcome = life.receive(connection, frame)
                except BaseException:
                    meter.end("RAISED", len(frame) if isinstance(frame, bytes) else 0, reproduction)
                    raise
                meter.end(outcome, len(frame) if isinstance(frame, bytes) else 0, reproduction)
                life.go_on()
            if self._lives % FOLD_EVERY == 1:
                life.fold_again()
        finally:
            life.end()
            shutil.rmtree(folder)

    def close(self) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)


class Plan:
    """What every life begins with: read once, copied."""

    def __init__(self, corpus: Corpus) -> None:
        config = load(ROOT / "engine.toml")
        bonds, _ = assembly.securities(config.reference.securities)
        known = {isin: bond for isin, bond in bonds.items() if bond.asset_class.value == "corporate" and bond.dv01}
        self.bonds = dict(list(known.items())[:BONDS])
        book = compile_book(
            [Source("fuzz.rules", RULES)], catalogue([each.id for each in config.dealers], config.engine.base_currency)
        )
        self._desk = assembly.desk(config, book, self.bonds)
        self._dialects = assembly.dialects(config)
        self._agreed = {each.key: each for each in config.sessions}
        self._dictionaries = dict(corpus.dictionaries)
        self.roles = {each.key: each.role for each in config.sessions}

    def desk(self) -> Desk:
        shared = {id(self._desk.book): self._desk.book, id(self._desk.securities): self._desk.securities}
        return copy.deepcopy(self._desk, shared)

    def trading(self) -> Trading:
        return Trading(self.desk(), *self._dialects)

    def sessions(self, rng: Random) -> tuple[dict[str, SessionSettings], dict[str, Dictionary]]:
        """Settings and dictionaries: versions, modes and dictionaries as a desk may have them side by side."""
        settings, dictionaries = {}, {}
        for key, agreed in self._agreed.items():
            is_fixt = key == "oms" and rng.random() < 0.3
            version = "FIXT.1.1" if is_fixt else "FIX.4.4"
            files = {"FIXT.1.1": "FIX50SP2.xml", "FIX.4.4": "FIX44.xml"}
            wanted = files[version] if rng.random() < 0.3 else version
            dictionaries[key] = self._dictionaries.get(wanted, self._dictionaries[version])
            settings[key] = SessionSettings(
                key=key,
                begin_string=version,
                sender_comp_id=agreed.sender_comp_id,
                target_comp_id=agreed.target_comp_id,
                role=agreed.role.value,
                initiator=agreed.initiator,
                validation=rng.choice(("strict", "tolerant", "off")),
                appl_ver_id="9" if is_fixt else None,
                held_messages_max=50,
            )
        return settings, dictionaries


class DeskLife:
    """One process, from an empty journal on."""

    def __init__(self, plan: Plan, rng: Random, mutator: Mutator, path: Path) -> None:
        self._plan = plan
        self._rng = rng
        self._mutator = mutator
        self._path = path
        settings, dictionaries = plan.sessions(rng)
        self.trading = plan.trading()
        self.machine = Machine(self.trading, settings, dictionaries)
        self._journal = Journal(path, "normal", reserve_bytes=0)
        self._codec = events_codec()
        self._recorder = Recorder(self._journal.head, self._codec)
        self._staged: list[StagedTurn] = []
        self._latest = Latest()
        self._elapsed_ns = NS_PER_S
        self._connections = 0
        self._framers: dict[int, Framer] = {}
        self._later: deque[Input] = deque()
        self._spoken_to: deque[str] = deque(maxlen=20)
        self._rows: dict[str, dict[tuple[int, int], tuple[SentRow, int]]] = {key: {} for key in settings}
        self._bodies: dict[int, tuple[str, str, bytes]] = {}
        isins = [isin.encode() for isin in plan.bonds]
        self._parties: dict[str, Party] = {key: _party(key, plan.roles[key], rng, isins) for key in settings}

    @property
    def now(self) -> Instant:
        return Instant(self._elapsed_ns, START_UTC_NS + self._elapsed_ns)

    def _time(self) -> bytes:
        return fix_timestamp(self.now.utc_ns).encode()

    # --- inputs ----------------------------------------------------------------------------------

    def begin(self) -> None:
        """Everybody logs on, prices are there."""
        for key in self.machine.settings:
            self._log_on(key)
        for _ in range(2 * BONDS):
            self._hear("marks", *self._parties["marks"].say(self._time()))

    def draw(self) -> tuple[int, bytes | GarbledMessage]:
        """The next message, and the connection it comes over."""
        rng = self._rng
        self._elapsed_ns += int(rng.random() * 0.05 * NS_PER_S)
        if rng.random() < 0.03:
            return self._stranger()
        if self._spoken_to and rng.random() < ANSWERED:
            key = self._spoken_to.popleft()
        else:
            key = rng.choice(tuple(self.machine.settings)) if rng.random() < 0.5 else "oms"
        state = self.machine.state(key)
        if state.phase is not Phase.ACTIVE:
            if state.connection is not None:
                self._drop(state.connection)
            self._log_on(key)
        state = self.machine.state(key)
        if state.connection is None:
            return self._stranger()
        kind = rng.random()
        said = self._parties[key].say(self._time())
        if kind < 0.35:
            frame = self._message(key, *said)
        elif kind < 0.8:
            frame = self._message(key, *said, bent=True)
        elif kind < 0.95:
            sample = self._mutator.sample()
            frame = self._message(key, sample.msg_type.encode("latin-1"), list(sample.fields[5:]), bent=True)
        else:
            return state.connection, self._mutator.message()
        return state.connection, frame

    def receive(self, connection: int, frame: bytes | GarbledMessage) -> str:
        """Feed it through a framer, as the transport does; what became of it."""
        found = self._framers[connection].feed(frame) if isinstance(frame, bytes) else [frame]
        outcome = "waits"
        for each in found:
            outcome = self._take(Received(self.now, connection, each, self._entropy()))
        if self._framers[connection].is_overflowed:
            self._drop(connection)
        return outcome

    def go_on(self) -> None:
        """What the runtime does by itself meanwhile: held messages, pages, timers; now and then time passes."""
        rng = self._rng
        while self._later and rng.random() < 0.9:
            self._take(self._later.popleft())
        if rng.random() < 0.05:
            self._elapsed_ns += int(rng.choice((0.2, 2, 6, 11)) * NS_PER_S)
            self._timers()

    def _stranger(self) -> tuple[int, bytes]:
        """Somebody new: a bent Logon(A) of a session we have, or anything."""
        rng = self._rng
        connection = self._connect("")
        key = rng.choice(tuple(self.machine.settings))
        if rng.random() < 0.5:
            return connection, self._message(key, b"A", [b"98=0", b"108=30", b"1137=9"], bent=True)
        if rng.random() < 0.5:
            sample = self._mutator.sample()
            return connection, self._message(key, b"A", [*sample.fields[5:]], bent=True)
        return connection, self._mutator.message()

    def _log_on(self, key: str) -> None:
        settings = self.machine.settings[key]
        initiates = settings.initiator
        connection = self._connect(key if initiates else "")
        body = [b"98=0", b"108=30"]
        if self._rng.random() < 0.05:
            body.append(b"141=Y")
        if settings.is_fixt:
            body.append(b"1137=9")
        state = self.machine.state(key)
        expected = 1 if b"141=Y" in body else state.next_in
        self.receive(connection, self._message(key, b"A", body, seq_num=expected))

    def _hear(self, key: str, msg_type: bytes, body: list[bytes]) -> None:
        connection = self.machine.state(key).connection
        assert connection is not None
        self.receive(connection, self._message(key, msg_type, body))

    def _message(
        self, key: str, msg_type: bytes, body: list[bytes], *, bent: bool = False, seq_num: int | None = None
    ) -> bytes:
        rng, settings = self._rng, self.machine.settings[key]
        number = self.machine.state(key).next_in if seq_num is None else seq_num
        if bent and rng.random() < 0.06:
            number += rng.choice((1, 2, -1))
        header = [
            b"34=%d" % number,
            b"49=" + settings.target_comp_id.encode(),
            b"52=" + self._time(),
            b"56=" + settings.sender_comp_id.encode(),
        ]
        begin = settings.begin_string.encode()
        fields = (b"35=" + msg_type, *header, *body)
        if not bent:
            return sealed(begin, SOH.join(fields) + SOH)
        if rng.random() < 0.4:
            return self._mutator.one_value(Sample(begin, fields), keep=1 + len(header))
        keep = 0 if rng.random() < 0.05 else len(header) + (rng.random() < 0.95)
        return self._mutator.right(Sample(begin, fields), keep=keep)

    def _connect(self, key: str) -> int:
        self._connections += 1
        self._framers[self._connections] = Framer()
        self._take(ConnectionUp(self.now, self._connections, key, self._entropy()))
        return self._connections

    def _drop(self, connection: int) -> None:
        lost = Ending(DisconnectReason.CONNECTION_LOST, "cut")
        self._take(ConnectionDown(self.now, connection, lost, self._entropy()))

    def _entropy(self) -> bytes:
        return self._rng.randbytes(16)

    def _timers(self) -> None:
        machine, state = self.machine, self.trading.state
        due = [key for key in open_keys(state) if self._is_due(key)]
        for key, settings in machine.settings.items():
            at = fix_session.next_deadline_ns(settings, machine.state(key))
            if at is not None and at <= self.now.monotonic_ns:
                due.append(Timer(TimerKind.session, key))
        for timer in due:
            self._take(TimerDue(self.now, timer, self._entropy()))

    def _is_due(self, key: Timer) -> bool:
        at = self.trading.deadline_of(key, self.machine.session_up, self.now.utc_ns)
        return at is not None and at <= self.now.utc_ns

    # --- one turn --------------------------------------------------------------------------------

    def _take(self, given: Input) -> str:
        machine = self.machine
        owner = getattr(given, "session", "") or _owner(machine, given)
        before = {key: link.state for key, link in machine.links.items()}
        turn = machine.take(given)
        self._keep(turn)
        for event in turn.events:
            if isinstance(event, e.InputRefused):
                hold(False, f"an input could not be handled: {event.error}: {event.input[:600]!r}")
        mine = {owner, *(key for key in before if machine.state(key).connection == _connection(given))}
        for key, was in before.items():
            state = machine.state(key)
            same = (was.phase, was.next_in, was.epoch, was.connection) == (
                state.phase, state.next_in, state.epoch, state.connection
            )  # fmt: skip
            hold(same or key in mine or isinstance(given, TimerDue), f"a message of {mine} touched {key}")
        hold(all(map(machine.may_log_on, before)), "a session was paused")
        self._release(turn)
        return _outcome(turn)

    def _keep(self, turn: Turn) -> None:
        rows = self._recorder.stage(turn, self._latest)
        if rows is not None:
            self._staged.append(rows)
        for send, msg_type, body in turn.sends:
            self._bodies[send.outbox_id] = (send.session, msg_type, body)
        once = {send.outbox_id for send, _, _ in turn.sends if send.delivery.value != "report"}
        for bound in turn.bound:
            data = None if bound.outbox_id is None else bound.data
            row = SentRow(bound.seq_num, data, bound.outbox_id not in once)
            key = (bound.epoch, bound.seq_num)
            hold(key not in self._rows[bound.session], f"{bound.session}: number {key} was given out twice")
            self._rows[bound.session][key] = (row, bound.outbox_id or 0)
        if len(self._staged) >= COMMIT_EVERY:
            self._commit()

    def _commit(self) -> None:
        self._recorder.settle(self._staged, self._latest, self.now.utc_ns)
        if self._staged:
            self._journal.commit(self._staged)
            self._staged = []
        self._latest = Latest()

    def _release(self, turn: Turn) -> None:
        if turn.held_due is not None:
            self._later.append(HeldDue(self.now, turn.held_due, self._entropy()))
        for effect in turn.effects:
            if isinstance(effect, Write):
                said = heard(effect.data)
                self._parties[effect.session].hear(said)
                if said[b"35"] in (b"R", b"D"):
                    self._spoken_to.append(effect.session)
            elif isinstance(effect, Close):
                self._later.append(
                    ConnectionDown(
                        self.now,
                        effect.connection,
                        Ending(DisconnectReason.CLOSED_BY_PEER, "closed"),
                        self._entropy(),
                    )
                )
            elif isinstance(effect, ReadSentRows):
                self._later.append(self._page(effect))
            elif isinstance(effect, ReadUndelivered):
                self._later.append(self._undelivered(effect))
            elif isinstance(effect, BindMore):
                self._later.append(BindDue(self.now, effect.session, effect.connection, self._entropy()))

    def _page(self, wanted: ReadSentRows) -> Input:
        end = min(wanted.end, wanted.begin + PAGE_ROWS - 1)
        rows = [self._rows[wanted.session][wanted.epoch, at][0] for at in range(wanted.begin, end + 1)]
        last, entropy = end == wanted.end, self._entropy()
        return SentPage(self.now, wanted.session, wanted.epoch, wanted.connection, rows, wanted.end, last, entropy)

    def _undelivered(self, wanted: ReadUndelivered) -> Input:
        known = self.machine.links[wanted.session].confirmed or (0, 0)
        last = {outbox_id: key for key, (_, outbox_id) in self._rows[wanted.session].items() if outbox_id}
        rows = [
            (outbox_id, msg_type, body, outbox_id in last)
            for outbox_id, (key, msg_type, body) in self._bodies.items()
            if key == wanted.session and outbox_id <= wanted.up_to and last.get(outbox_id, (9**9, 0)) > known
        ]
        return UndeliveredPage(self.now, wanted.session, wanted.epoch, wanted.up_to, rows, self._entropy())

    # --- the end ---------------------------------------------------------------------------------

    def fold_again(self) -> None:
        """A restart comes to the same state."""
        self._commit()
        again = self._plan.trading()
        reading = ReadOnly(self._path)
        try:
            recovery.fold(reading, again, self._codec)
        finally:
            reading.close()
        hold(again.state.digest() == self.trading.state.digest(), "the journal folds to another state")

    def end(self) -> None:
        self._journal.close()


def _party(key: str, role: SessionRole, rng: Random, isins: list[bytes]) -> Party:
    if role is SessionRole.MARKET:
        return Prices(rng, isins)
    return Dealer(rng, key.encode()) if role is SessionRole.DEALER else Oms(rng, isins)


def _owner(machine: Machine, given: Input) -> str:
    """The session over whose connection an input came; empty for a stranger's."""
    connection = machine.connections.get(getattr(given, "connection", -1))
    return (connection.session if connection is not None else None) or ""


def _connection(given: Input) -> int | None:
    return getattr(given, "connection", None)


def _outcome(turn: Turn) -> str:
    """What the desk made of a message, in a word."""
    kinds = dict.fromkeys(type(event).__name__ for event in turn.events)
    if kinds:
        return next(iter(kinds))
    codes = [code for _, code, _ in turn.warnings]
    return f"warned: {codes[0]}" if codes else "taken" if turn.inbound else "quiet"
