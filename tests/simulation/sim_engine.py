"""One life of the engine in the simulation: the real journal, machine, desk and runtime, from a start to a kill.

`Life` starts as `rfqd` does, from the journal alone, and connects as it does; everything between is the real code on
a virtual loop. It can be killed at every phase of a turn: `arm` names the phase, the next turn that comes there dies.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sim_network import Link
from sim_time import MS, NS, VirtualClock, VirtualLoop

from engine.boot.assembly import Parts
from engine.boot.configured import InForce
from engine.boot.take_over import LOGIC_VERSION, begin, take_over
from engine.desk.notices import Notice
from engine.errors import JournalError
from engine.fix.sockets.transport import FixConnection
from engine.journal.archive import ReadOnly
from engine.journal.batch import StagedTurn, TextRow
from engine.journal.events import events_codec
from engine.journal.queries import SentMessage
from engine.journal.reader import JournalReader
from engine.journal.writer import Journal
from engine.runtime.hub import Patience
from engine.runtime.loop import Limits, Runtime
from engine.runtime.staging import Latest
from engine.turn import Input, Reply, TimerDue, Turn

if TYPE_CHECKING:
    from sim_peer import Peer
    from world import World

PHASES: Final = (
    "decided",
    "staged",
    "begin",
    "staged_rows",
    "before_commit",
    "committed",
    "committed_unsent",
    "partly_released",
    "released",
)
"""Where a turn can be when the process dies; up to `before_commit` nothing of it is kept, from `committed` on all."""

CODEC: Final = events_codec()
PAGE_ROWS: Final = 3


class Killed(SystemExit):
    """The process died here. Not an Exception: nothing may catch it."""


class NoMetrics:
    """Takes whatever is counted."""

    def __getattr__(self, name: str) -> Callable[..., None]:
        return _nothing


def _nothing(*_: Any) -> None:
    return None


class SlowReader(JournalReader):
    """The daemon's own queries; each takes virtual time, pages are small."""

    def __init__(self, path: Path, delay_s: Callable[[], float]) -> None:
        self.path = path
        self._file = ReadOnly(path)
        self._delay_s = delay_s

    async def sent_page(self, session: str, epoch: int, begin: int, end: int, limit: int) -> list[SentMessage]:
        return await super().sent_page(session, epoch, begin, end, min(limit, PAGE_ROWS))

    async def _all(self, query: str, parameters: Any) -> list[Any]:
        await asyncio.sleep(self._delay_s())
        return self._file.query(query, parameters)

    def end(self) -> None:
        self._file.close()


class WatchedJournal:
    """The real journal; what it has committed is shown to the world."""

    def __init__(self, life: Life, journal: Journal) -> None:
        self._life = life
        self.real = journal
        self._turns: Sequence[StagedTurn] = ()

    @property
    def head(self) -> Any:
        return self.real.head

    @property
    def waits_for_disk(self) -> bool:
        return self.real.waits_for_disk

    def insert(self, turns: Sequence[StagedTurn]) -> None:
        self.real.insert(turns)
        self._turns = turns

    def finish(self) -> None:
        self.real.finish()
        self._life.world.committed(self._turns)


class Life:
    """One process."""

    def __init__(self, world: World, number: int) -> None:
        self.world = world
        self.number = number
        self.dead = False
        self.started = False
        self.turns = 0
        self.links: list[Link] = []
        self.armed = ""
        self._countdown = 0
        self._busy_left = 0
        self._staged_turn = 0
        self._notice_turn: dict[int, tuple[int, Notice]] = {}
        self._reply_turn: dict[int, int] = {}
        rng, timeline, scenario = world.rng, world.timeline, world.scenario
        self.loop = VirtualLoop(timeline, self._job_ns)
        self.clock = VirtualClock(timeline, rng.randrange(1, 1 << 50))
        real = Journal(
            world.path, scenario.durability, reserve_bytes=0, on_phase=self._on_phase, factory=world.connection
        )
        self.journal = WatchedJournal(self, real)
        with ReadOnly(world.path) as file:
            world.restarted(file)
            try:
                self.taken = take_over(self._parts(), file)
            except JournalError as error:
                world.fail(str(error))
        self.machine, self.trading, self.recorder = self.taken.machine, self.taken.trading, self.taken.recorder
        self.reader = SlowReader(world.path, lambda: rng.uniform(0, 0.3) if rng.random() < 0.2 else 0.001)
        self.runtime = Runtime(
            self.machine,
            self.trading,
            self.recorder,
            self.journal,  # type: ignore[arg-type]
            self.reader,
            self.clock,  # type: ignore[arg-type]
            NoMetrics(),  # type: ignore[arg-type]
            Limits(),
            Patience(logon_timeout_s=10.0),
            self.loop,  # type: ignore[arg-type]
            self._on_fatal,
            entropy=lambda: rng.randbytes(16),
        )
        self.runtime.hub.on_session_free = self._session_free
        self._hook()
        self.boot = real.boot
        self.call("start", self._start)

    def _parts(self) -> Parts:
        world, scenario = self.world, self.world.scenario
        desk = world.setting.desk()
        desk.hours = schedules = dict(scenario.schedules)
        sessions = world.setting.sessions(scenario.heart_bt_s, scenario.reset_on_logon)
        settings = {key: replace(each, schedule=schedules.get(key)) for key, each in sessions.items()}
        return Parts(desk, settings, world.setting.dictionaries, {}, {})

    def _start(self) -> None:
        begin(self.runtime, self.taken, self.boot, InForce("c", ()))
        self.started = True
        self.runtime.watchers.watch(self._seen)
        for key, settings in self.machine.settings.items():
            if settings.initiator:
                self._session_free(key)
        self.loop.call_later(20, self._keep_house)

    def _keep_house(self) -> None:
        """What the daemon does now and then, by its own code where there is something to get wrong."""
        self.note_digest()
        self.runtime.ask_for_proof()
        self.runtime.alarms.follow_clock()
        self.runtime.alarms.look_at_schedules()
        self.loop.call_later(20, self._keep_house)

    def note_digest(self) -> None:
        self.runtime.note_digest(LOGIC_VERSION)

    def call(self, label: str, action: Callable[..., Any], *args: Any) -> None:
        """Do something in the process, as an action of its own."""
        self.loop.call_at_ns(self.world.timeline.now_ns, label, action, *args)

    def command(self, name: str, params: dict[str, Any], actor: str = "sim", role: str = "operator") -> Answer:
        """Give a command as the admin socket does."""
        answer = Answer(name, params)

        async def ask() -> None:
            self.world.note(f"trader: {name} {params}")
            ref = self.runtime.release._last_ref + 1
            try:
                answer.result = await self.runtime.command(name, params, actor, role)
            except Exception as error:
                answer.error = error
            self.world.answered(answer, self._reply_turn.pop(ref, 0))

        self.call("command", lambda: answer.keep(self.loop.create_task(ask())))
        return answer

    # --- connections ---------------------------------------------------------------------------------

    def _session_free(self, key: str) -> None:
        self.loop.call_later(self.world.rng.uniform(0.5, 3.0), self._connect, key)

    def _connect(self, key: str) -> None:
        peer = self.world.peers[key]
        if peer.is_down or peer.link is not None:
            self._session_free(key)
        else:
            self.link(peer, key)

    def link(self, peer: Peer, session: str) -> Link:
        """A connection between the engine and a counterparty; `session` is empty if the peer made it."""
        connection = FixConnection(
            self.runtime.hub,
            self.runtime.hub.next_number(),
            session,
            max_message_bytes=65_536,
            outgoing_bytes_max=1 << 30,
        )
        link = Link(self.world, self.loop, connection, peer)
        self.links = [each for each in self.links if each.up]
        self.links.append(link)
        peer.connected(link)
        self.call("connected", link.end.begin)
        return link

    # --- how it ends -----------------------------------------------------------------------------------

    def arm(self, phase: str, nth: int = 1) -> None:
        """Die the `nth` time that a turn with something to keep is in this phase."""
        self.armed, self._countdown = phase, nth

    def at(self, phase: str) -> None:
        if self.armed == phase and not self.dead:
            self._countdown -= 1
            if self._countdown <= 0:
                self.world.crashes[phase] += 1
                self.world.note(f"CRASH at {phase}")
                self.dead = True
                self.loop.alive = False
                raise Killed(phase)

    def kill(self) -> None:
        """Kill it where it stands."""
        if not self.dead:
            self.world.note("CRASH")
        self.bury()

    def bury(self) -> None:
        """What the operating system does when a process is gone: files and sockets are closed."""
        self.dead = True
        self.loop.die()
        self.reader.end()
        self.journal.real._connection.close()
        self.journal.real._lock.release()
        for link in self.links:
            link.engine_died()

    def be_busy(self, times: int) -> None:
        """The next commits find the file locked."""
        self._busy_left = times

    def _on_fatal(self, reason: str) -> None:
        if not self.world.may_stop:
            self.world.fail(f"the engine stopped itself: {reason}")
        self.world.stopped.append(reason)
        self.world.timeline.later(0, "the engine ends", self.world.kill)

    def _on_phase(self, phase: str) -> None:
        if phase == "begin" and self._busy_left:
            self._busy_left -= 1
            error = sqlite3.OperationalError("database is locked")
            error.sqlite_errorcode = sqlite3.SQLITE_BUSY
            raise error
        self.at(phase)

    def _job_ns(self) -> tuple[int, int]:
        rng = self.world.rng
        if self.world.disk_s:
            return int(self.world.disk_s * NS), 0
        done_ms = rng.uniform(20, 600) if rng.random() < self.world.scenario.slow_commit else rng.uniform(0.2, 2)
        return int(done_ms * MS), int(rng.uniform(0, 1) * MS)

    # --- watching --------------------------------------------------------------------------------------

    def _hook(self) -> None:
        """Look in at every phase; nothing else of the runtime is changed."""
        take, adopt = self.machine.take, self.machine.adopt
        commit, done = self.runtime._commit, self.runtime._committed
        stage, notices = self.recorder.stage, self.runtime.watchers.notices

        def adopt_watched(turn: Turn) -> None:
            if turn.records:
                self.at("decided")
            adopt(turn)
            self.turns += 1

        def take_watched(given: Input) -> Turn:
            turn = take(given)
            if type(given) is TimerDue:
                self.world.checks.timers.woke(self, given)
            return turn

        def stage_watched(turn: Turn, latest: Latest, texts: Sequence[TextRow] = ()) -> StagedTurn | None:
            rows = stage(turn, latest, texts)
            seq = rows.turn_seq if rows is not None else 0
            for effect in turn.effects:
                if type(effect) is Reply:
                    self._reply_turn[effect.ref] = seq
            self._staged_turn = seq
            return rows

        def noticed(turn: Turn, last_seq: int) -> Sequence[Notice]:
            made = notices(turn, last_seq)
            self._notice_turn.update((id(notice), (self._staged_turn, notice)) for notice in made)
            return made

        def commit_watched() -> None:
            self.at("staged")
            commit()

        def done_watched(batch: Any, error: BaseException | None) -> None:
            if error is None and batch.rows:
                self.at("committed_unsent")
                done(batch, error)
                self.at("released")
            else:
                done(batch, error)

        self.machine.take = take_watched  # type: ignore[method-assign]
        self.machine.adopt = adopt_watched  # type: ignore[method-assign]
        self.recorder.stage = stage_watched  # type: ignore[method-assign]
        self.runtime.watchers.notices = noticed  # type: ignore[method-assign]
        self.runtime._commit = commit_watched  # type: ignore[method-assign]
        self.runtime._committed = done_watched  # type: ignore[method-assign]

    def _seen(self, utc_ns: int, notice: Notice) -> None:
        turn_seq, _ = self._notice_turn.pop(id(notice))
        self.world.published(turn_seq, notice)

    @property
    def rebinding(self) -> bool:
        """Is anything still to be read from the store and bound again?"""
        return any(link.rebinding is not None for link in self.machine.links.values())

    @property
    def settled(self) -> bool:
        """Is memory where the disk is, and has it read what it needs of it?"""
        runtime = self.runtime
        return not (runtime._waits or runtime._in_flight or runtime._held or self.rebinding)


class Answer:
    """What became of a command; nothing while it is under way, or if the process died over it."""

    def __init__(self, name: str, params: dict[str, Any]) -> None:
        self.name = name
        self.params = params
        self.result: dict[str, Any] | None = None
        self.error: Exception | None = None
        self._task: asyncio.Task[None] | None = None

    def keep(self, task: asyncio.Task[None]) -> None:
        self._task = task
