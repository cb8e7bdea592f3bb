"""Inputs in, effects out: the shell around `engine.turn`.

Every input becomes a turn at once; turns that are ready together commit together, and while a batch is on its way
to the disk the next one fills. Effects are carried out after the commit of their turn, in turn order, by `release`
and nobody else.

`normal` commits on the loop (no fsync: 15 us beats a hop to a thread of 150 us), `full` waits for the disk on one
worker thread with turns pipelined behind it, and so does `normal` where a commit begins the log anew. Inputs come from
connections by `hub`, from deadlines by `alarms`, from the journal by `readback`, and from people and the process by
the methods below.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Final

from engine.clock import Clock, Instant
from engine.domain.events import Event
from engine.domain.keys import Timer, TimerKind
from engine.errors import CommandError, JournalError
from engine.fix.session.phases import Phase
from engine.fix.session.reasons import Ending
from engine.journal.batch import StagedTurn, TextRow
from engine.journal.reader import JournalReader
from engine.journal.writer import CommitRetry, Journal
from engine.metrics.collector import Metrics
from engine.runtime.alarms import Alarms
from engine.runtime.entropy import Entropy
from engine.runtime.hub import ConnectionHub, Patience
from engine.runtime.readback import Readback
from engine.runtime.release import Release, Staged
from engine.runtime.staging import Latest, Recorder
from engine.runtime.watchers import NO_NOTICES, Watchers
from engine.turn import (
    CallFailed,
    CommandGiven,
    DigestDue,
    HeldDue,
    HoldChanged,
    Input,
    LogoutWanted,
    Machine,
    Noted,
    ProofWanted,
    Reply,
    Write,
)
from engine.turn.steps import FOR_PEOPLE
from engine.turn.trading import Trading

log = logging.getLogger(__name__)

_SHOWN: Final = ("session.show",)
"""Commands that show what the shell knows of connections."""
TURN_BYTES: Final = 512
"""What a turn that waits for its commit counts for besides its bytes: an empty one takes memory too."""
RETRY_S: Final = 0.01
"""Pause before a commit that the disk refused is tried again."""
_made: Any = tuple.__new__  # In half the time that a constructor takes.
STUCK_S: Final = 1.0
"""A command that only looks waits so long for the commit before its answer."""
INPUTS_HELD_MAX: Final = 10_000
"""Inputs that may wait while nothing can be committed; reading is paused long before."""


@dataclass(slots=True)
class Limits:
    """Bounds of what is between memory and disk; see [journal] of engine.toml."""

    batch_turns_max: int = 512
    staged_bytes_max: int = 67_108_864
    commit_stall_max_s: float = 30.0


@dataclass(slots=True)
class _Batch:
    turns: list[Staged] = field(default_factory=list)
    rows: list[StagedTurn] = field(default_factory=list)
    latest: Latest = field(default_factory=Latest)
    size: int = 0


class Runtime:
    """Owns the order of things: one turn at a time, one commit at a time, effects behind it."""

    def __init__(
        self,
        machine: Machine,
        trading: Trading,
        recorder: Recorder,
        journal: Journal,
        reader: JournalReader,
        clock: Clock,
        metrics: Metrics,
        limits: Limits,
        patience: Patience,
        loop: asyncio.AbstractEventLoop,
        on_fatal: Callable[[str], None],
        on_phase: Callable[[str], None] | None = None,
        entropy: Callable[[], bytes] | None = None,
    ) -> None:
        """`on_phase` is told `decided`, `staged`, `unsent`, `sending` and `sent`: where a kill test strikes."""
        self.machine = machine
        self.clock = clock
        self.metrics = metrics
        self.entropy = entropy or Entropy().draw
        self.hub = ConnectionHub(machine, clock, patience, self.entropy, loop, self.submit)
        self.alarms = Alarms(machine, trading, clock, self.entropy, loop, self.submit, self.hub.heard_ns)
        self.hub.on_part_heard = self._part_heard
        self._readback = Readback(reader, machine, self.hub.open, clock, self.entropy, loop, self.submit, self._fatal)
        self.release = Release(
            machine,
            trading,
            self.hub,
            self._readback,
            clock,
            metrics,
            self.entropy,
            loop,
            self.submit,
            on_phase,
        )
        self.watchers = Watchers(trading, lambda: recorder.event_seq)
        self._recorder = recorder
        self._journal = journal
        self._limits = limits
        self._loop = loop
        self._on_fatal = on_fatal
        self._on_phase = on_phase
        self._touched: dict[Timer, Instant] = {}
        """Timers to look at again, and when it was decided."""
        self._open = _Batch()
        self._full: deque[_Batch] = deque()
        """Batches that wait before the open one: with as many rows as one commit takes."""
        self._in_flight: _Batch | None = None
        self._staged_bytes = 0
        self._commit_asked = False
        self._retrying_since: float | None = None
        self.only_look: frozenset[str] = frozenset()
        """Commands that change nothing: answered though the journal takes nothing."""
        self._refused = ""
        """Why the journal took nothing the last time."""
        self._commit_began = 0.0
        self._held: deque[tuple[Input, Sequence[TextRow]]] = deque()
        self._writer = ThreadPoolExecutor(1, "journal")
        self._paused = False
        self._dead = False
        self._idle: asyncio.Event = asyncio.Event()
        self._idle.set()

    # --- inputs ----------------------------------------------------------------------------------

    def submit(self, given: Input, texts: Sequence[TextRow] = ()) -> None:
        """Decide one input now and stage its turn; while nothing can be committed it waits in order."""
        if self._dead:
            return
        if self._retrying_since is not None or self._held:
            if len(self._held) >= INPUTS_HELD_MAX:
                self._fatal("too many inputs wait for a journal that takes nothing")
                return
            self._held.append((given, texts))
            return
        self._take(given, texts)

    def _take(self, given: Input, texts: Sequence[TextRow] = ()) -> None:
        # A session order takes some 38 us of processor time (3.11, a quiet core), 17 of them what the barest program
        # would: deciding 20 (decode 3, session and validation 3, body and frame 8), rows and chain 4, SQLite 5,
        # metrics 1, the way in and out 8. `scripts/bench --only session` measures it.
        batch = self._open
        if len(batch.rows) >= self._limits.batch_turns_max:
            # What it leaves is settled before anything later is staged: its own commit has to have its numbers.
            self._recorder.settle(batch.rows, batch.latest, self.clock.now().utc_ns)
            self._full.append(batch)
            batch = self._open = _Batch()
        try:
            turn = self.machine.take(given)
            if self._on_phase is not None:
                self._on_phase("decided")
            rows = self._recorder.stage(turn, batch.latest, texts)
        except Exception:
            log.exception("turn failed input=%s: this is a bug of the engine, it stops here", type(given).__name__)
            self._fatal("a turn could not be applied")
            return
        size = TURN_BYTES
        if rows is not None:
            batch.rows.append(rows)
            size += rows.size
        if rows is None or turn.stepped:
            # What is sent again waits in memory, too, and the answer to a TestRequest(1): no row has it.
            size += sum([len(effect.data) for effect in turn.effects if type(effect) is Write])
        seq = self._recorder.event_seq
        notices = self.watchers.notices(turn, seq) if self.watchers.anybody else NO_NOTICES
        batch.turns.append(_made(Staged, (turn.now, turn.effects, seq, size, notices)))
        batch.size += size
        self._staged_bytes += size
        try:
            self.metrics.turn(turn)
        except Exception:
            log.exception("turn not counted input=%s: this is a bug of the engine", turn.kind)
        if self._on_phase is not None:
            self._on_phase("staged")
        if turn.warnings:
            for key, code, text in turn.warnings:
                level = logging.ERROR if code in FOR_PEOPLE else logging.WARNING
                log.log(level, "session warning session=%s code=%s text=%s", key or "-", code, text)
        if turn.held_due is not None:
            self._loop.call_soon(self._held_due, turn.held_due)
        if self._staged_bytes > self._limits.staged_bytes_max:
            self._pause()
        if not self._commit_asked and self._in_flight is None:
            self._commit_asked = True
            self._idle.clear()
            self._loop.call_soon(self._commit)
        if turn.touched:
            if not self._touched:
                self._loop.call_soon(self._set_alarms)
            self._touched.update(dict.fromkeys(turn.touched, turn.now))

    def _set_alarms(self) -> None:
        """Set the alarms of what was decided on, behind the commit: no deadline is so near, and a dealer waits."""
        touched, self._touched = self._touched, {}
        if self._dead:
            return
        try:
            for timer, now in touched.items():
                self.alarms.set(timer, now)
        except Exception:
            log.exception("no alarm could be set: this is a bug of the engine, it stops here")
            self._fatal("a deadline could not be set")

    def _held_due(self, key: str) -> None:
        self.submit(HeldDue(self.clock.now(), key, self.entropy()))

    async def command(self, name: str, params: Any, actor: str, role: str) -> Any:
        """A person's command; its result once the turn is durable. Raises CommandError."""
        if self._dead:
            raise CommandError("the daemon is stopping", code="stopping")
        ref, future = self.release.expect()
        traffic = self.hub.traffic() if name in _SHOWN else {}
        given = CommandGiven(self.clock.now(), name, params, actor, role, ref, self.entropy(), traffic)
        if name not in self.only_look:
            self.submit(given)
            return await future
        if not self.stuck:
            self.submit(given)
            await asyncio.wait((future,), timeout=STUCK_S)
            if future.done() or not self.stuck:
                return await future
            future.cancel()
            ref, future = self.release.expect()
            given = CommandGiven(self.clock.now(), name, params, actor, role, ref, self.entropy(), traffic)
        self._look(given)
        answer = await future
        stuck = self.stuck
        return {**answer, "banner": stuck} if stuck and isinstance(answer, dict) else answer

    def _look(self, given: Input) -> None:
        """Answer a command that only looks, though the journal takes nothing: from memory, and the answer says so.

        It is the one answer that does not wait for a commit. One that recorded something waits all the same.
        """
        batch, rows = self._open, len(self._open.rows)
        self._take(given)
        if self._dead or self._open is not batch or len(batch.rows) != rows:
            return
        for effect in batch.turns[-1].effects:
            if type(effect) is Reply:
                self.release.reply(effect, batch.turns[-1].seq)

    @property
    def stuck(self) -> str:
        """What is wrong with a journal that takes nothing now, and what to do; empty while it does."""
        if self._retrying_since is None and self.commit_pending_s < STUCK_S:
            return ""
        why = self._refused if self._retrying_since is not None else "the disk does not answer"
        since_s = time.monotonic() - (self._retrying_since or self._commit_began)
        return (
            f"THE JOURNAL HAS TAKEN NOTHING for {since_s:.0f} s ({why}): messages wait, nothing is sent, and what is "
            f"shown here may not be on disk yet. Make room on its disk: after {self._limits.commit_stall_max_s:g} s "
            "the daemon stops, and the next start goes on from what was kept"
        )

    def note(self, what: str, events: Callable[[int], Sequence[Event]], texts: Sequence[TextRow] = ()) -> None:
        """Record something about the process itself: `events` makes it, of the UTC time that it is noted at."""
        now = self.clock.now()
        self.submit(Noted(now, what, tuple(events(now.utc_ns)), self.entropy()), texts)

    def note_digest(self, logic_version: int) -> None:
        """Record a hash of the state, once what is submitted already has had its turn."""
        self.submit(DigestDue(self.clock.now(), logic_version, self.entropy()))

    def hold(self, reason: str) -> None:
        """Have nobody new asked from now on; with an empty reason they may be again."""
        self.submit(HoldChanged(self.clock.now(), reason, self.entropy()))

    @property
    def event_seq(self) -> int:
        """The last event that was decided, durable or not."""
        return self._recorder.event_seq

    def logout(self, key: str, ending: Ending) -> None:
        self.submit(LogoutWanted(self.clock.now(), key, ending, self.entropy()))

    def call_failed(self, key: str, reason: str) -> None:
        """A session that we initiate could not be connected."""
        self.submit(CallFailed(self.clock.now(), key, reason, self.entropy()))

    def ask_for_proof(self) -> None:
        """TestRequest(1) to every OMS and drop copy that was sent reports nobody has confirmed."""
        for key, settings in self.machine.known().items():
            if settings.role in ("oms", "dropcopy") and self.machine.unproven(key):
                self.submit(ProofWanted(self.clock.now(), key, self.entropy()))

    # --- commit ------------------------------------------------------------------------------------

    def _commit(self) -> None:
        """Send what is open on its way to the disk."""
        self._commit_asked = False
        if self._in_flight is not None or self._dead or not self._waits:
            return
        if self._full:
            batch = self._full.popleft()
        else:
            batch, self._open = self._open, _Batch()
            self._recorder.settle(batch.rows, batch.latest, self.clock.now().utc_ns)
        self._in_flight = batch
        self._commit_began = time.monotonic()
        self._write_batch(batch)

    @property
    def _waits(self) -> bool:
        """Is there any turn that is not on its way to the disk yet?"""
        return bool(self._open.turns or self._full)

    def _write_batch(self, batch: _Batch) -> None:
        if not batch.rows:
            self._committed(batch, None)
            return
        in_thread = self._journal.waits_for_disk
        try:
            self._journal.insert(batch.rows)
            if not in_thread:
                self._journal.finish()
        except JournalError as error:
            self._committed(batch, error)
            return
        if not in_thread:
            self._committed(batch, None)
        else:
            future = self._loop.run_in_executor(self._writer, self._journal.finish)
            future.add_done_callback(lambda done: self._committed(batch, done.exception()))

    def _committed(self, batch: _Batch, error: BaseException | None) -> None:
        if self._dead:
            return
        if isinstance(error, CommitRetry):
            self._retry(batch, error)
            return
        if error is not None:
            # It is not known whether this happened: nothing of it leaves, the next start reads what the file shows.
            self.metrics.commit_failed()
            self._fatal(f"the journal failed, nothing of this batch was released: {error}")
            return
        self._retrying_since = None
        self._in_flight = None
        self._staged_bytes -= batch.size
        if batch.rows:
            try:
                self.metrics.committed(time.monotonic() - self._commit_began, len(batch.turns))
            except Exception:
                log.exception("commit not counted: this is a bug of the engine")
        if self._journal.waits_for_disk and (self._full or self._open.rows):
            # The disk is at work on the next batch while this one leaves. One without rows would be released at once,
            # before this one: it waits for its turn.
            self._commit()
            if self._dead:
                return
        if self._on_phase is not None:
            self._on_phase("unsent")
        try:
            self.release.turns(batch.turns)
            self.release.write_out()
        except Exception:
            log.exception("release failed: this is a bug of the engine, it stops here")
            self._fatal("a turn that is durable could not be released: the next start sees to what did not leave")
            return
        for staged in batch.turns:
            if staged.notices:
                self.watchers.tell(staged.now, staged.notices)
        if self._on_phase is not None:
            self._on_phase("sent")
        if self._paused and self._retrying_since is None and self._staged_bytes <= self._limits.staged_bytes_max // 2:
            self._resume()
        while self._held and self._retrying_since is None and not self._dead:
            self._take(*self._held.popleft())
        if self._in_flight is None:
            if not self._waits:
                self._idle.set()
            elif not self._commit_asked:
                self._commit_asked = True
                self._loop.call_soon(self._commit)

    def _retry(self, batch: _Batch, error: CommitRetry) -> None:
        """Nothing was kept: the same rows again, in the same order; meanwhile nothing new is decided."""
        now = time.monotonic()
        if self._retrying_since is None:
            self._retrying_since = now
            self._refused = str(error)
            log.error("journal takes nothing, trying again: %s", error)
            self.metrics.commit_failed()
            self._pause()
        if now - self._retrying_since > self._limits.commit_stall_max_s:
            self._fatal(f"the journal took nothing for {self._limits.commit_stall_max_s:g} s: {error}")
            return
        self._loop.call_later(RETRY_S, self._write_batch, batch)

    async def idle(self) -> None:
        """Wait until everything staged is durable and released."""
        while self._waits or self._in_flight is not None:
            self._idle.clear()
            await self._idle.wait()

    @property
    def commit_pending_s(self) -> float:
        """How long the batch in flight has been on its way."""
        return time.monotonic() - self._commit_began if self._in_flight is not None else 0.0

    # --- pausing and ending ------------------------------------------------------------------------

    def _pause(self) -> None:
        if not self._paused:
            self._paused, self.alarms.reading = True, False
            log.warning("reading paused staged_bytes=%d", self._staged_bytes)
            self.hub.hold()
            self._set_sessions_alarms()

    def _resume(self) -> None:
        self._paused, self.alarms.reading = False, True
        self.hub.let_go()
        self._set_sessions_alarms()
        log.info("reading resumed")

    def _part_heard(self, key: str) -> None:
        """A peer in doubt has been heard after all: it is owed heartbeats again, sooner than our patience would end."""
        if self.machine.links[key].state.probe is not None:
            self.alarms.set(Timer(TimerKind.session, key), self.clock.now())

    def _set_sessions_alarms(self) -> None:
        """A peer whose silence is not held against it is owed heartbeats, which one in doubt is not."""
        now = self.clock.now()
        for key, link in self.machine.links.items():
            if link.state.phase is not Phase.DISCONNECTED:
                self.alarms.set(Timer(TimerKind.session, key), now)

    def _fatal(self, reason: str) -> None:
        """Release nothing more and end the process; the next start reads what the file shows."""
        if not self._dead:
            self._dead = True
            log.critical("stopping: %s", reason)
            self.release.give_up(CommandError("the daemon is stopping", code="stopping"))
            self._on_fatal(reason)

    def stop(self) -> None:
        """End timers and tasks; call after `idle`."""
        self._dead = True
        self.alarms.close()
        self._readback.close()
        self._writer.shutdown(wait=True)
