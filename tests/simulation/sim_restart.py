"""A second start beside the engine that still runs: whatever it derives from the journal has to come out the same.

`Watched` is a `World` whose engine counts metrics and recalls its history as the daemon does. `same_after_restart`
starts once more from the file, without a connection, and compares field by field. The fields are read from the
objects themselves, so that a new one is compared without a word here; what is not compared has its reason in `EXEMPT`.
"""

from __future__ import annotations

import math
from array import array
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, Final, cast

from sim_engine import Life
from world import OBEDIENT, QUIET, Scenario, Temper, World

from engine.boot.assembly import Parts
from engine.boot.take_over import take_over
from engine.clock import utc_day
from engine.dealers.quoted import QuotedBonds
from engine.dealers.window import Cell, Recollection
from engine.desk.costs import Costs
from engine.desk.draft import Delivery
from engine.desk.tables import Table
from engine.domain.keys import Timer, TimerKind
from engine.fix.session.phases import Phase
from engine.fix.session.sequence import SessionState
from engine.journal.archive import ReadOnly
from engine.market.appraisal import Quoting
from engine.market.marks import MarkBook
from engine.market.tape import Tape
from engine.market.volatility import Closes
from engine.metrics.collector import Metrics
from engine.metrics.tally import Distribution, Levels, Tally
from engine.runtime.alarms import Alarms
from engine.runtime.staging import Recorder
from engine.selection.ranking import Rankings
from engine.turn import Ledger, Link, Machine, Waiting
from engine.turn.history import History
from engine.turn.trading import Trading


class Links:
    """Each field of what is kept of the sessions, by session."""

    __slots__ = Link._fields

    def __init__(self, machine: Machine) -> None:
        for name in Link._fields:
            setattr(self, name, {key: getattr(link, name) for key, link in machine.links.items()})


@dataclass(slots=True)
class Engine:
    """One engine's memory, part by part."""

    machine: Machine
    trading: Trading
    recorder: Recorder
    metrics: Metrics
    alarms: Alarms
    rankings: Rankings
    """Those of the engine that runs: which orders of dealers it keeps."""
    connected: frozenset[str]
    """Sessions of the engine that runs whose last connection has not ended."""
    was_up: frozenset[str]
    """Sessions of the engine that runs whose last connection that has ended was logged on."""
    now_ns: int

    def parts(self) -> dict[str, object]:
        desk = self.trading.desk
        return {
            "machine": self.machine,
            "links": Links(self.machine),
            "trading": self.trading,
            "desk": desk,
            "state": self.trading.state,
            "appraisal": desk.appraisal,
            "stats": desk.stats,
            "learning": desk.learning,
            "costs": desk.costs,
            "recorder": self.recorder,
            "history": self.machine.history,
            "metrics": self.metrics,
            "levels": self.metrics._session_levels,
            "alarms": self.alarms,
        }


EXEMPT: Final[dict[str, str]] = {
    "machine.application": "a part of its own",
    "machine.history": "a part of its own",
    "machine.settings": "configuration",
    "machine.dictionaries": "configuration",
    "machine.tls_files": "configuration",
    "machine._directory": "configuration",
    "machine._handlers": "code",
    "machine.links": "a part of its own, field by field",
    "machine.waits": "an index of links.waiting",
    "machine.up": "no connection outlives its process",
    "machine.connections": "no connection outlives its process",
    "links.in_parts": "a connection over which a queue leaves in parts: no connection outlives its process",
    "links.subscribed_from": "since a logon: there is another one after a restart",
    "links.round_trip_ns": "measured on a connection, and measured again on the next one",
    "links.refusals": "refusals in a row: the session that is paused for them stands in the state",
    "links.peer_expects": "what a peer said when it refused us: shown to people, and said again at the next logon",
    "trading.desk": "a part of its own",
    "trading.state": "a part of its own",
    "desk.stats": "a part of its own",
    "desk.appraisal": "a part of its own",
    "desk.refusals": "deliveries counted by this process",
    "desk.neighbours": "looked up anew from what is compared",
    "desk.sides": "what a provider said on a connection, and says again after its next logon",
    "appraisal.bonds": "configuration",
    "appraisal.parameters": "configuration",
    "appraisal.groups": "configuration",
    "appraisal._day": "which scores are kept: made anew from what is compared",
    "appraisal._averages": "made anew from what is compared",
    "appraisal._made_of": "made anew from what is compared",
    "appraisal._scores": "made anew from what is compared",
    "desk.learning": "a part of its own",
    "desk.costs": "a part of its own",
    "learning._gathered": "while a journal is folded",
    "learning._sorted": "while a journal is folded",
    "learning._since": "while estimates are made anew aside",
    "learning._aside": "while estimates are made anew aside",
    "desk.dealers": "configuration",
    "desk.calendars": "configuration",
    "desk.filed_rates": "configuration",
    "appraisal.calendars": "configuration",
    "desk.hold": "a slow disk is no part of the record",
    "stats._touched": "which kept orders are out of date: the orders themselves are compared, as desk.rankings",
    "stats.version": "which kept orders are out of date: the orders themselves are compared, as desk.rankings",
    "recorder._codec": "configuration",
    "metrics.registry": "who serves the families",
    "metrics._classes": "which asset class has its scores told next",
    "metrics._families": "which families there are: each is compared",
    "metrics._session_levels": "a part of its own",
    "metrics._in": "messages counted by this process",
    "metrics._out": "messages counted by this process",
    "levels.families": "which families there are: each is compared",
    "levels._up": "no connection outlives its process",
    "levels._state": "no connection outlives its process",
    "levels._received": "no connection outlives its process",
    "levels._sent": "no connection outlives its process",
    "levels._round_trip": "no connection outlives its process",
    "levels._unsent": "no connection outlives its process",
    "levels._held": "no connection outlives its process: what was held is asked for again",
    "levels._peer_certificate": "no connection outlives its process",
    "alarms.reading": "whether bytes are taken in just now",
    "alarms._machine": "a part of its own",
    "alarms._trading": "a part of its own",
    "alarms._clock": "the machine's",
    "alarms._apart_ns": "the machine's two clocks, as they were looked at last",
    "alarms._entropy": "the machine's",
    "alarms._loop": "the machine's",
    "alarms._submit": "the machine's",
    "alarms._heard_ns": "the machine's",
}
"""What is not the same after a restart, or is compared elsewhere, and why."""

OF_A_CONNECTION: Final[dict[str, str]] = {
    "phase": "disconnected after a restart",
    "connection": "none after a restart",
    "phase_since_ns": "monotonic",
    "last_received_ns": "monotonic",
    "last_sent_ns": "monotonic",
    "heart_bt_int_s": "agreed at each logon",
    "gap": "seen again at the next logon",
    "held": "asked for again after the next logon",
    "probe": "asked anew: `Machine.unproven`",
    "serving": "asked for again by the peer",
    "to_serve": "asked for again by the peer",
    "repeat": "counted per connection",
    "ending": "kept by `History.endings` over a restart",
}
"""Fields of a session that end with its connection, and why nothing is lost by it."""


# --- what is compared, made plain ------------------------------------------------------------------------


def plain(value: Any) -> Any:
    """Anything that the engine keeps as values that can be compared; what nobody knows stays as it is."""
    if isinstance(value, Levels):
        return {labels: "nan" if math.isnan(level) else level for labels, level in value._levels.items()}
    if isinstance(value, Ledger):
        return dict(value)
    if isinstance(value, Table):
        groups = [{group: list(index.of(group)) for group in index.groups()} for index in value.indexes]
        return [dict(value.items()), *groups]
    if isinstance(value, MarkBook):
        return {security: value.marks(security) for security, known in value._by_security.items() if known}
    if isinstance(value, Tape | Closes | Quoting | QuotedBonds):
        return value.dump()
    if isinstance(value, Recollection | Costs):
        return value.dump()
    if isinstance(value, Cell):
        return {name: plain(getattr(value, name)) for name in Cell.__slots__ if name != "_shape"}
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items()}
    if isinstance(value, deque | array) or type(value) in (list, tuple):
        return [plain(each) for each in value]
    return value


def _sessions(engine: Engine) -> dict[str, Any]:
    """Sessions as far as they outlive a connection; without one, everything but the last ending."""
    found = {}
    for key, link in engine.machine.links.items():
        state = link.state
        gone = OF_A_CONNECTION if key in engine.connected else {"ending"}
        found[key] = {name: getattr(state, name) for name in SessionState._fields if name not in gone}
    return found


def _confirmed(machine: Machine) -> dict[str, int]:
    """The last number of the present epoch that each peer is known to have; what it had of earlier ones is over."""
    found = {key: (link.state.epoch, link.confirmed) for key, link in machine.links.items()}
    return {
        key: confirmed.seq_num
        for key, (epoch, confirmed) in found.items()
        if confirmed is not None and confirmed.seq_num and confirmed.epoch == epoch
    }


def _waiting(machine: Machine) -> dict[str, list[Waiting]]:
    """Reports without a number. Requests wait only while their session is up: see `take_over.never_numbered`."""
    reports = {
        key: [waiting for waiting in queue if waiting.delivery is Delivery.at_least_once]
        for key, queue in ((key, link.waiting) for key, link in machine.links.items())
    }
    return {key: queue for key, queue in reports.items() if queue}


def _endings(engine: Engine) -> dict[str, Any]:
    """How each session ended that was logged on; a connection that never was is no event."""
    return {key: ended.ending for key, ended in engine.machine.history.endings.items() if key in engine.was_up}


def _was_up(history: History) -> frozenset[str]:
    """Sessions whose last connection that has ended was logged on."""
    found = set()
    for key in history.endings:
        kinds = [note.what for note in history._notes[key] if note.what in ("logon", "disconnect")]
        del kinds[len(kinds) - kinds[::-1].index("disconnect") :]
        last = history.last(key, 50)[-1]
        if kinds[-2:] == ["logon", "disconnect"] and (last.what != "disconnect" or last.times == 1):
            found.add(key)
    return frozenset(found)


def _queues(engine: Engine) -> dict[Any, float]:
    """Reports that wait; what else does is over with its connection."""
    machine, found = engine.machine, plain(engine.metrics._session_levels._queue)
    for key, link in machine.links.items():
        found[(key,)] -= sum(each.delivery is not Delivery.at_least_once for each in link.waiting)
    return cast(dict[Any, float], found)


_RECALLED: Final = frozenset({"reset", "enabled", "disabled", "numbers_set", "command"})


def _notes(history: History) -> dict[str, dict[str, Any]]:
    """The latest of each kind of what the record knows; warnings are of their process, and logons are told shorter."""
    return {
        key: {note.what: (note.at_ns, note.text) for note in notes if note.what in _RECALLED}
        for key, notes in history._notes.items()
        if any(note.what in _RECALLED for note in notes)
    }


def _ranked(engine: Engine) -> dict[str, Any]:
    """Every order of dealers that the running engine keeps, and each dealer's score in it."""
    found = {}
    for name, kept in list(engine.rankings._kept.items()):
        scorer, segment, mine = kept._scorer, kept._segment, engine.trading.desk.rankings
        everybody = len(engine.trading.desk.dealers)
        found["|".join(name)] = list(mine.top(everybody, scorer, segment, engine.now_ns))
    return found


def _alarms(engine: Engine) -> dict[Timer, int]:
    """When the desk is woken, in UTC. An alarm with nothing to do is no difference; one overdue rings at once."""
    clock, state, found = engine.alarms._clock.now(), engine.trading.state, {}
    for key, at_ns in engine.alarms._deadlines._at.items():
        kind, ident = key
        due_ns = None if kind is TimerKind.session else clock.utc_ns + at_ns - clock.monotonic_ns
        if due_ns is None or (kind is not TimerKind.schedule and not _has_deadline(engine, key)):
            continue
        pending = state.reversions.get(ident) if kind is TimerKind.reversion else None
        if pending is not None and pending.due_ns <= engine.now_ns:
            due_ns = 0  # It waits for a mark and looks again and again.
        found[key] = max(due_ns, engine.now_ns)
    return found


def _has_deadline(engine: Engine, key: Timer) -> bool:
    return engine.trading.deadline_of(key, engine.machine.session_up, engine.now_ns) is not None


def _put_off(engine: Engine) -> Any:
    learning, day = engine.trading.desk.learning, utc_day(engine.now_ns)
    estimates = learning.estimates
    return learning.failing.cost(day + 30, estimates.widths, estimates.usual_edge)


SHAPES: Final[dict[str, Callable[[Engine], Any]]] = {
    "links.state": _sessions,
    "links.confirmed": lambda engine: _confirmed(engine.machine),
    "links.waiting": lambda engine: _waiting(engine.machine),
    "history.endings": _endings,
    "levels._queue": _queues,
    "history._notes": lambda engine: _notes(engine.machine.history),
    "desk.naming": lambda engine: engine.trading.desk.naming._by_cusip,
    "desk.rankings": _ranked,
    "state._sum": lambda engine: engine.trading.state.digest(),
    "learning.failing": _put_off,
    "learning._amendable": lambda engine: dict(engine.trading.desk.learning._amendable),
    "learning.estimates": lambda engine: engine.trading.desk.learning.estimates.digest(),
    "stats._shape": lambda engine: engine.trading.desk.stats._shape.windows_days,
    "metrics._sessions": lambda engine: sorted(engine.metrics._sessions),
    "metrics._sources": lambda engine: sorted(engine.metrics._sources),
    "metrics._dealers": lambda engine: sorted(engine.metrics._dealers),
    "alarms._deadlines": _alarms,
    # One whose round waits for a dealer's word alone goes on waiting, and is begun anew with the next deadline.
    "alarms._rfq_tasks": lambda engine: {key for key in engine.alarms._rfq_tasks if _has_deadline(engine, key)},
}
"""What is compared in a form of its own, because some of it is of its process."""


def fields_of(part: object) -> list[str]:
    """The attributes that an object has, whatever keeps them."""
    if is_dataclass(part):
        return [each.name for each in fields(part)]
    slots = [name for kind in type(part).__mro__ for name in getattr(kind, "__slots__", ())]
    # A method that somebody has replaced on the object, to look on, is none.
    return slots or [name for name in vars(part) if not callable(getattr(type(part), name, None))]


def derived(engine: Engine) -> Iterator[tuple[str, Any]]:
    """Everything that is to be the same after a restart, by part and field."""
    for name, part in engine.parts().items():
        for each in fields_of(part):
            path, value = f"{name}.{each}", getattr(part, each)
            if path in EXEMPT or isinstance(value, Tally | Distribution):  # Counts begin at 0 with the process.
                continue
            yield path, SHAPES[path](engine) if path in SHAPES else plain(value)


# --- the second start ------------------------------------------------------------------------------------


class NoLoop:
    """Takes timers and tasks, and never runs any."""

    def call_later(self, *_: Any) -> NoLoop:
        return self

    def create_task(self, coroutine: Any, **_: Any) -> NoLoop:
        coroutine.close()
        return self

    def cancel(self) -> None:
        return None


class Watched(World):
    """A world whose engine has real metrics and the history that the daemon gives it."""

    metrics: Metrics

    def __init__(self, scenario: Scenario = QUIET, temper: Temper | None = OBEDIENT, seed: int = 1) -> None:
        super().__init__(seed, scenario, temper)

    def start(self) -> Life:
        life = super().start()
        self.metrics = Metrics("a test")
        self.metrics.state(life.machine, life.trading)
        life.runtime.metrics = self.metrics
        return life

    @property
    def quiet(self) -> bool:
        """Is there an engine, and is its memory where the disk is?"""
        return self.life is not None and self.life.started and self.life.settled

    def same_after_restart(self) -> None:
        """Start from the file as it is now, beside the engine that runs, and compare the two. Waits for the disk."""
        self.until(lambda: self.quiet)
        life = self.engine
        live, again = self._running(life), self._again(life)
        before, after = dict(derived(live)), dict(derived(again))
        assert before.keys() == after.keys()
        problems = [f"{path}: {_unlike(before[path], after[path])}" for path in before if before[path] != after[path]]
        if problems:
            self.fail("\n  ".join(["after a restart it is another one:", *problems]))

    def _running(self, life: Life) -> Engine:
        machine, now = life.machine, life.clock.now()
        self.metrics.state(machine, life.trading)
        self.metrics.sessions(machine, now, {})
        return Engine(
            machine,
            life.trading,
            life.recorder,
            self.metrics,
            life.runtime.alarms,
            life.trading.desk.rankings,
            _connected(machine),
            _was_up(machine.history),
            now.utc_ns,
        )

    def _again(self, life: Life) -> Engine:
        now, desk = life.clock.now(), self.setting.desk()
        desk.hours = life.trading.desk.hours
        with ReadOnly(self.path) as file:
            taken = take_over(Parts(desk, life.machine.settings, life.machine.dictionaries, {}, {}), file)
        machine, trading, recorder = taken.machine, taken.trading, taken.recorder
        metrics = Metrics("a test")
        metrics.state(machine, trading)
        metrics.sessions(machine, now, {})
        # An acceptance at a session that is down has no alarm before it is back: compare as if it were.
        machine.session_up = life.machine.session_up  # type: ignore[method-assign]
        clock, loop = cast(Any, life.clock), cast(Any, NoLoop())
        alarms = Alarms(machine, trading, clock, lambda: bytes(16), loop, lambda given: None, lambda number: None)
        alarms.set_all()
        for key in alarms.scheduled():
            alarms.set(key, now)  # As the look at the schedules ends that was submitted.
        rankings, connected, was_up = (
            life.trading.desk.rankings,
            _connected(life.machine),
            _was_up(life.machine.history),
        )
        return Engine(machine, trading, recorder, metrics, alarms, rankings, connected, was_up, now.utc_ns)


def _connected(machine: Machine) -> frozenset[str]:
    return frozenset(key for key, link in machine.links.items() if link.state.phase is not Phase.DISCONNECTED)


def _unlike(before: Any, after: Any) -> str:
    """Where two values differ, for people."""
    if isinstance(before, dict) and isinstance(after, dict):
        keys = [key for key in {**before, **after} if before.get(key) != after.get(key)]
        return "; ".join(f"{key!r}: {_unlike(before.get(key), after.get(key))}" for key in keys[:3])
    return f"{before!r} became {after!r}"
