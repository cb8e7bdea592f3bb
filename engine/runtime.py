"""Inputs in, effects out: the shell around `engine.turn`.

Every input becomes a turn at once; turns that are ready together commit together, and while a batch is on its way
to the disk the next one fills. Effects are carried out after the commit of their turn, in turn order, here and
nowhere else.

`normal` commits on the loop (no fsync: 15 us beats a hop to a thread of 150 us), `full` waits for the disk on one
worker thread with turns pipelined behind it. One asyncio task per open RFQ waits for its next deadline; every decision
is the desk's.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Final

from engine.clock import NS_PER_S, Clock, Instant
from engine.desk.deadlines import open_keys
from engine.desk.draft import Draft, Notice
from engine.errors import CommandError, GarbledMessage, JournalError
from engine.fix import session as fix_session
from engine.fix.actions import SentRow
from engine.fix.framing import FrameStalled
from engine.fix.phases import Phase
from engine.fix.reasons import DisconnectReason, Ending
from engine.fix.resend import gap_fill
from engine.fix.transport import FixConnection
from engine.journal.batch import StagedTurn, TextRow
from engine.journal.reader import JournalReader
from engine.journal.writer import CommitRetry, Journal
from engine.masking import wire
from engine.metrics import Metrics
from engine.recording import Recorder
from engine.timers import Deadlines
from engine.trading import Trading
from engine.turn import (
    BindDue,
    BindMore,
    CallFailed,
    Close,
    CommandGiven,
    Connect,
    ConnectionDown,
    ConnectionUp,
    Effect,
    Gate,
    HeldDue,
    Input,
    LogoutWanted,
    Machine,
    Noted,
    NotSent,
    ProofWanted,
    Publish,
    ReadSentRows,
    ReadUndelivered,
    Received,
    Reply,
    SentPage,
    TimerDue,
    Turn,
    UndeliveredPage,
    Welcome,
    Withhold,
    Write,
)
from engine.turn.deciding import NUMBERS_DIFFER

log = logging.getLogger(__name__)

RESEND_PAGE: Final = 200
"""Rows of a resend that are read at a time."""
RESEND_PAGE_BYTES: Final = 262_144
"""Bytes of a resend that are sent at a time: far below what may wait for a peer, whatever the size of a row."""
_SHOWN: Final = ("session.show",)
"""Commands that show what the peers have not read yet."""
TURN_BYTES: Final = 512
"""What a turn that waits for its commit counts for besides its bytes: an empty one takes memory too."""
RETRY_S: Final = 0.01
"""Pause before a commit that the disk refused is tried again."""
INPUTS_HELD_MAX: Final = 10_000
"""Inputs that may wait while nothing can be committed; reading is paused long before."""


@dataclass(slots=True)
class Limits:
    """Bounds of what is between memory and disk; see [journal] and [fix] of engine.toml."""

    batch_turns_max: int = 512
    staged_bytes_max: int = 67_108_864
    commit_stall_max_s: float = 30.0
    logon_timeout_s: float = 10.0
    frame_timeout_s: float = 60.0
    write_timeout_s: float = 30.0


@dataclass(slots=True)
class _Staged:
    turn: Turn
    rows: StagedTurn | None
    seq: int
    size: int


def _leaving_bytes(turn: Turn) -> int:
    """What waits in memory to be written: the answer to a TestRequest(1) leaves no row behind, and may be long."""
    size = 0
    for effect in turn.effects:
        if type(effect) is Write:
            size += len(effect.data)
    return size


@dataclass(slots=True)
class _Batch:
    turns: list[_Staged] = field(default_factory=list)
    size: int = 0
    records: bool = False


def settle_memory() -> None:
    """What the start has made stays: have the garbage collector look at it no more, and seldomer at what comes.

    A turn makes some twenty objects that live until their batch is released, and no rings: at its defaults the
    collector walked over all open batches every forty turns, a twentieth of what an order costs.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 100)


class Runtime:
    """Owns the order of things: one turn at a time, one commit at a time, effects behind it."""

    def __init__(
        self,
        machine: Machine,
        trading: Trading,
        recorder: Recorder,
        journal: Journal,
        clock: Clock,
        metrics: Metrics,
        limits: Limits,
        loop: asyncio.AbstractEventLoop,
        on_fatal: Callable[[str], None],
        on_phase: Callable[[str], None] | None = None,
    ) -> None:
        """`on_phase` is told `decided`, `staged`, `unsent`, `sending` and `sent`: where a kill test strikes."""
        self.machine = machine
        self.trading = trading
        self.clock = clock
        self.metrics = metrics
        self.reader: JournalReader | None = None
        self._recorder = recorder
        self._journal = journal
        self._limits = limits
        self._loop = loop
        self._on_fatal = on_fatal
        self._on_phase = on_phase
        self._open = _Batch()
        self._in_flight: _Batch | None = None
        self._staged_bytes = 0
        self._commit_asked = False
        self._retrying_since: float | None = None
        self._commit_began = 0.0
        self._held: deque[tuple[Input, Sequence[TextRow]]] = deque()
        self._writer = ThreadPoolExecutor(1, "journal") if journal.durability == "full" else None
        self._connections: dict[int, FixConnection] = {}
        self._leaving: dict[int, tuple[str, list[bytes]]] = {}
        """Messages released, by connection and with its session, until `_write` a moment later."""
        self._last_connection = 0
        self._paused = False
        self._dead = False
        self._scheduled = [f"schedule:{key}" for key, each in machine.settings.items() if each.schedule is not None]
        self._deadlines = Deadlines(loop, clock, self._deadline)
        self._rfq_tasks: dict[str, tuple[asyncio.Task[None], asyncio.Event]] = {}
        self._replies: dict[int, asyncio.Future[Any]] = {}
        self._last_reply = 0
        self._watchers: dict[int, Callable[[int, Notice], None]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._entropy = b""
        self._shows_wire = log.isEnabledFor(logging.DEBUG)
        self._entropy_at = 0
        self._idle: asyncio.Event = asyncio.Event()
        self._idle.set()
        self.on_session_free: Callable[[str], None] = lambda key: None
        """Called when an initiator's session has no connection any more."""
        self.on_connect_wanted: Callable[[str], None] = lambda key: None
        """Called when an operator wants an initiator's session to connect now."""

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
        try:
            turn = self.machine.take(given)
            if self._on_phase is not None:
                self._on_phase("decided")
            rows = self._recorder.stage(turn, self.machine, texts)
        except Exception:
            log.exception("turn failed input=%s: this is a bug of the engine, it stops here", type(given).__name__)
            self._fatal("a turn could not be applied")
            return
        size = TURN_BYTES + max(rows.size if rows is not None else 0, _leaving_bytes(turn))
        self._open.turns.append(_Staged(turn, rows, self._recorder.event_seq, size))
        self._open.size += size
        self._staged_bytes += size
        for key in turn.touched:
            self.arm(key, turn.now)
        self.metrics.turn(turn)
        if self._on_phase is not None:
            self._on_phase("staged")
        if turn.warnings:
            for key, code, text in turn.warnings:
                level = logging.ERROR if code == NUMBERS_DIFFER else logging.WARNING
                log.log(level, "session warning session=%s code=%s text=%s", key or "-", code, text)
        if turn.held_due:
            self._loop.call_soon(self._held_due, turn.held_due)
        if self._staged_bytes > self._limits.staged_bytes_max:
            self._pause()
        if not self._commit_asked and self._in_flight is None:
            self._commit_asked = True
            self._idle.clear()
            self._loop.call_soon(self._commit)

    def _held_due(self, key: str) -> None:
        self.submit(HeldDue(self.clock.now(), key, self.entropy()))

    def entropy(self) -> bytes:
        """Sixteen fresh random bytes, from a block drawn ahead."""
        if self._entropy_at >= len(self._entropy):
            self._entropy, self._entropy_at = os.urandom(4096), 0
        at = self._entropy_at
        self._entropy_at = at + 16
        return self._entropy[at : at + 16]

    async def command(self, name: str, params: Any, actor: str, role: str) -> Any:
        """A person's command; its result once the turn is durable. Raises CommandError."""
        if self._dead:
            raise CommandError("the daemon is stopping", code="stopping")
        self._last_reply += 1
        ref = self._last_reply
        future: asyncio.Future[Any] = self._loop.create_future()
        self._replies[ref] = future
        unsent = self.unsent_bytes() if name in _SHOWN else {}
        self.submit(CommandGiven(self.clock.now(), name, params, actor, role, ref, self.entropy(), unsent))
        return await future

    def note(self, what: str, record: Callable[[Draft], None], texts: Sequence[TextRow] = ()) -> None:
        """Record something about the process itself."""
        self.submit(Noted(self.clock.now(), what, record, self.entropy()), texts)

    def logout(self, key: str, ending: Ending) -> None:
        self.submit(LogoutWanted(self.clock.now(), key, ending, self.entropy()))

    def call_failed(self, key: str, reason: str) -> None:
        """A session that we initiate could not be connected."""
        self.submit(CallFailed(self.clock.now(), key, reason, self.entropy()))

    def ask_for_proof(self) -> None:
        """TestRequest(1) to every OMS and drop copy that was sent reports nobody has confirmed."""
        for key, settings in self.machine.settings.items():
            if settings.role in ("oms", "dropcopy") and self.machine.unproven(key):
                self.submit(ProofWanted(self.clock.now(), key, self.entropy()))

    def watch(self, callback: Callable[[int, Notice], None]) -> Callable[[], None]:
        """Every notice with its UTC time, once durable. Returns what ends it."""
        self._last_reply += 1
        ref = self._last_reply
        self._watchers[ref] = callback
        return lambda: self._watchers.pop(ref, None) and None

    # --- connections (fix.transport.Hub) -----------------------------------------------------------

    def next_connection(self) -> int:
        self._last_connection += 1
        return self._last_connection

    def unsent_bytes(self) -> dict[int, int]:
        """Per connection what was written and its peer has not read yet."""
        return {number: each.unsent_bytes for number, each in self._connections.items()}

    def connection_up(self, connection: FixConnection) -> bool:
        self._connections[connection.number] = connection
        log.info(
            "connection up connection=%d peer=%s session=%s", connection.number, connection.peer, connection.session
        )
        if self._paused:
            connection.hold()
        self.submit(
            ConnectionUp(self.clock.now(), connection.number, connection.session, self.entropy(), connection.origin)
        )
        if not connection.session:
            # From when it was accepted on: a TLS handshake is part of it.
            delay = self.clock.real_delay_s(int(self._limits.logon_timeout_s * NS_PER_S))
            self._loop.call_at(connection.opened_s + delay, self._no_logon, connection.number)
        return True

    def frame_received(self, connection: FixConnection, frame: bytes | GarbledMessage) -> None:
        if self._shows_wire:
            self._show("<", connection.number, frame)
        connection.unfinished_since_ns = None
        self.submit(Received(self.clock.now(), connection.number, frame, self.entropy()))

    def _show(self, way: str, number: int, frame: bytes | GarbledMessage) -> None:
        """The wire, at DEBUG; a Logon(A) without its credentials."""
        text = wire(frame) if isinstance(frame, bytes) else f"garbled: {frame}"
        log.debug("wire %s connection=%d %s", way, number, text)

    def bytes_received(self, connection: FixConnection) -> None:
        """No whole message yet, but the peer lives; unless it has been at this one for too long."""
        now = self.clock.now()
        since_ns = connection.unfinished_since_ns
        if since_ns is None:
            connection.unfinished_since_ns = since_ns = now.monotonic_ns
        if now.monotonic_ns - since_ns > self._limits.frame_timeout_s * NS_PER_S:
            text = f"bytes came for {self._limits.frame_timeout_s:g} s without making a whole message"
            self.frame_received(connection, FrameStalled(text, reason="stalled"))
            return
        key = self.machine.connections.get(connection.number)
        if key:
            self.machine.sessions[key] = fix_session.heard(self.machine.sessions[key], now)

    def take_stock(self) -> None:
        """Disconnect who takes nothing of what waits for it; call once a second or so."""
        now_s = self._loop.time()
        patience_s = self.clock.real_delay_s(int(self._limits.write_timeout_s * NS_PER_S))
        for connection in list(self._connections.values()):
            connection.take_stock(now_s, patience_s)

    def connection_down(self, connection: FixConnection, ending: Ending) -> None:
        self._connections.pop(connection.number, None)
        log.info("connection down connection=%d peer=%s reason=%s", connection.number, connection.peer, ending)
        self.submit(ConnectionDown(self.clock.now(), connection.number, ending, self.entropy()))
        if connection.session:
            self.on_session_free(connection.session)

    def _no_logon(self, number: int) -> None:
        connection = self._connections.get(number)
        if connection is not None and self.machine.connections.get(number) == "":
            connection.close(DisconnectReason.LOGON_TIMEOUT, f"no Logon(A) within {self._limits.logon_timeout_s:g} s")

    # --- timers ------------------------------------------------------------------------------------

    def arm_all(self) -> None:
        """Set every timer of a state that was taken over: none of them outlives its process."""
        now = self.clock.now()
        for key in open_keys(self.trading.state):
            self.arm(key, now)
        self.look_at_schedules()

    def look_at_schedules(self) -> None:
        """A boundary may have passed while nobody was here, or because the wall clock was set: see, and wait anew."""
        for key in self._scheduled:
            self.submit(TimerDue(self.clock.now(), key, self.entropy()))

    def arm(self, key: str, now: Instant) -> None:
        """Set the timer of a key to what the state says, or drop it."""
        kind, _, ident = key.partition(":")
        if kind == "session":
            state, reading = self.machine.sessions[ident], not self._paused
            due = fix_session.next_deadline_ns(self.machine.settings[ident], state, reading=reading)
            self._deadlines.set(key, due)
            return
        if kind == "schedule":
            schedule = self.machine.settings[ident].schedule
            assert schedule is not None
            # A wall clock that was set back has to catch up first.
            wait_ns = schedule.next_boundary(now.utc_ns) - now.utc_ns + self.clock.ahead_ns()
            self._deadlines.set(key, now.monotonic_ns + wait_ns)
            return
        due_ns = self.trading.deadline_of(key, self.machine.session_up, now.utc_ns)
        due = None if due_ns is None else now.monotonic_ns + max(0, due_ns - now.utc_ns)
        self._deadlines.set(key, due)
        if kind == "rfq":
            self._rfq_task(key, due is not None)

    def _rfq_task(self, key: str, waits: bool) -> None:
        """The timeout task of an open RFQ: begun with its first deadline, ended with its last."""
        found = self._rfq_tasks.get(key)
        if waits and found is None:
            event = asyncio.Event()
            task = self._loop.create_task(self._watch_rfq(key, event), name=key)
            self._rfq_tasks[key] = (task, event)
        elif not waits and found is not None:
            rfq = self.trading.state.rfqs.get(key.partition(":")[2])
            if rfq is None or not rfq.open:
                del self._rfq_tasks[key]
                found[0].cancel()

    async def _watch_rfq(self, key: str, due: asyncio.Event) -> None:
        while True:
            await due.wait()
            due.clear()
            self.submit(TimerDue(self.clock.now(), key, self.entropy()))

    def _deadline(self, key: str) -> None:
        watched = self._rfq_tasks.get(key)
        if watched is not None:
            watched[1].set()
        elif not self._moved_on(key):
            self.submit(TimerDue(self.clock.now(), key, self.entropy(), reading=not self._paused))

    def _moved_on(self, key: str) -> bool:
        """Has a session's deadline become a later one since its timer was set? Messages do not set it anew."""
        kind, _, ident = key.partition(":")
        if kind != "session":
            return False
        now, reading = self.clock.now(), not self._paused
        due = fix_session.next_deadline_ns(self.machine.settings[ident], self.machine.sessions[ident], reading=reading)
        if due is None or due <= now.monotonic_ns:
            return False
        self._deadlines.set(key, due)
        return True

    # --- commit ------------------------------------------------------------------------------------

    def _commit(self) -> None:
        """Send what is open on its way to the disk."""
        self._commit_asked = False
        if self._in_flight is not None or self._dead or not self._open.turns:
            return
        batch, most = self._open, self._limits.batch_turns_max
        if len(batch.turns) <= most:
            self._open = _Batch()
        else:
            rest = batch.turns[most:]
            self._open = _Batch(rest, sum(staged.size for staged in rest))
            batch = _Batch(batch.turns[:most], batch.size - self._open.size)
        if not self._open.turns and self._recorder.has_quiet:
            quiet = self._recorder.settle(self.clock.now().utc_ns)
            if quiet is not None:
                batch.turns.append(_Staged(Turn(batch.turns[-1].turn.now, "Quiet"), quiet, self._recorder.event_seq, 0))
        self._in_flight = batch
        self._commit_began = time.monotonic()
        self._write_batch(batch)

    def _write_batch(self, batch: _Batch) -> None:
        rows = [staged.rows for staged in batch.turns if staged.rows is not None]
        batch.records = bool(rows)
        if not rows:
            self._committed(batch, None)
            return
        try:
            self._journal.insert(rows)
            if self._writer is None:
                self._journal.finish()
        except JournalError as error:
            self._committed(batch, error)
            return
        if self._writer is None:
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
        if batch.records:
            self.metrics.committed(time.monotonic() - self._commit_began, len(batch.turns))
        if self._writer is not None and self._open.turns and self._open.turns[0].rows is not None:
            # The disk is at work on the next batch while this one leaves. One without rows would be released at once,
            # before this one: it waits for its turn.
            self._commit()
            if self._dead:
                return
        if self._on_phase is not None:
            self._on_phase("unsent")
        for staged in batch.turns:
            self._release(staged)
        self._write()
        if self._on_phase is not None:
            self._on_phase("sent")
        if self._paused and self._staged_bytes <= self._limits.staged_bytes_max // 2:
            self._resume()
        while self._held and self._retrying_since is None and not self._dead:
            self._take(*self._held.popleft())
        if self._in_flight is None:
            if not self._open.turns:
                self._idle.set()
            elif not self._commit_asked:
                self._commit_asked = True
                self._loop.call_soon(self._commit)

    def _retry(self, batch: _Batch, error: CommitRetry) -> None:
        """Nothing was kept: the same rows again, in the same order; meanwhile nothing new is decided."""
        now = time.monotonic()
        if self._retrying_since is None:
            self._retrying_since = now
            log.error("journal takes nothing, trying again: %s", error)
            self.metrics.commit_failed()
            self._pause()
        if now - self._retrying_since > self._limits.commit_stall_max_s:
            self._fatal(f"the journal took nothing for {self._limits.commit_stall_max_s:g} s: {error}")
            return
        self._loop.call_later(RETRY_S, self._write_batch, batch)

    async def idle(self) -> None:
        """Wait until everything staged is durable and released."""
        while self._open.turns or self._in_flight is not None:
            self._idle.clear()
            await self._idle.wait()

    @property
    def commit_pending_s(self) -> float:
        """How long the batch in flight has been on its way."""
        return time.monotonic() - self._commit_began if self._in_flight is not None else 0.0

    # --- release -----------------------------------------------------------------------------------

    def _release(self, staged: _Staged) -> None:
        """Carry out a durable turn's effects, in order.

        What goes to one connection leaves in one write at the end of the batch, or before an effect of another kind.
        """
        not_sent: list[Withhold] = []
        for effect in staged.turn.effects:
            if type(effect) is Write:
                reason = self._admit(effect)
                if self._on_phase is not None:
                    self._write()
                    self._on_phase("sending")
                if reason:
                    assert effect.gate is not None
                    not_sent.append(Withhold(effect.gate.outbox_id, reason))
            elif type(effect) is Withhold:
                not_sent.append(effect)
            else:
                self._write()
                self._carry_out(effect, staged)
        for withheld in not_sent:
            self.withhold(withheld)

    def withhold(self, withheld: Withhold) -> None:
        """A committed request or acceptance did not leave, and will not."""
        self.metrics.withheld(withheld.reason.partition(":")[0])
        self.submit(NotSent(self.clock.now(), (withheld.outbox_id,), withheld.reason, self.entropy()))

    def _admit(self, effect: Write) -> str:
        """Put the bytes among those that leave; for a request or acceptance, why it was withheld instead."""
        session, number, data, gate = effect
        connection = self._connections.get(number)
        alive = connection is not None and connection.alive
        reason = ""
        if gate is not None:
            reason = self._withheld(effect, gate, alive)
            if reason:
                settings = self.machine.settings[session]
                data = gap_fill(settings, gate.seq_num, gate.seq_num + 1, self.clock.now(), poss_dup=False)
        if alive:
            leaving = self._leaving.get(number)
            if leaving is None:
                self._leaving[number] = (session, [data])
            else:
                leaving[1].append(data)
        return reason

    def _write(self) -> None:
        """Give the sockets what has been released for them: the only caller of `FixConnection.write`."""
        if self._leaving:
            for number, (session, messages) in self._leaving.items():
                connection = self._connections.get(number)
                if connection is not None and connection.write(messages):
                    for data in messages:
                        self.metrics.wrote(session, data)
                        if self._shows_wire:
                            self._show(">", number, data)
            self._leaving.clear()

    def _withheld(self, effect: Write, gate: Gate, alive: bool) -> str:
        """The last look before a request leaves: kill on, too late, or nobody there."""
        if not alive:
            return "session: its connection is gone"
        scope = self.trading.withheld_by(gate.kill_scopes)
        if scope:
            return f"kill: switch {scope} is on"
        if gate.not_after_ns is not None and self.clock.now().utc_ns > gate.not_after_ns:
            return "late: its time was over before it was durable"
        return ""

    def _carry_out(self, effect: Effect, staged: _Staged) -> None:
        if type(effect) is Publish:
            for watcher in list(self._watchers.values()):
                watcher(staged.turn.now.utc_ns, effect.notice)
        elif type(effect) is Reply:
            self._reply(effect, staged.seq)
        elif type(effect) is Close:
            connection = self._connections.get(effect.connection)
            if connection is not None:
                log.info("closing connection=%d code=%s text=%s", effect.connection, effect.code, effect.text)
                end = connection.abort if effect.at_once else connection.close
                end(effect.code, effect.text)
        elif type(effect) is Connect:
            self.on_connect_wanted(effect.session)
        elif type(effect) is Welcome:
            connection = self._connections.get(effect.connection)
            if connection is not None:
                connection.welcome()
        elif type(effect) is ReadSentRows:
            self._spawn(self._read_sent(effect))
        elif type(effect) is ReadUndelivered:
            self._spawn(self._read_undelivered(effect))
        elif type(effect) is BindMore:
            self._spawn(self._bind_more(effect))

    def _reply(self, effect: Reply, seq: int) -> None:
        future = self._replies.pop(effect.ref, None)
        if future is None or future.done():
            return
        if effect.error:
            future.set_exception(CommandError(effect.error, code=effect.code))
        else:
            result = effect.result
            future.set_result({**result, "seq": seq} if isinstance(result, dict) else {"result": result, "seq": seq})

    # --- reading the store -------------------------------------------------------------------------

    async def _read_sent(self, wanted: ReadSentRows) -> None:
        """Read one page of a resend, once the peer has taken what is on its way; its turn asks for the next one.

        The rows were committed before the request for them was released.
        """
        assert self.reader is not None
        connection = self._connections.get(wanted.connection)
        if connection is None:
            return
        await connection.drained()
        state = self.machine.sessions[wanted.session]
        if state.epoch != wanted.epoch or state.connection != wanted.connection:
            return
        rows = await self.reader.sent_page(wanted.session, wanted.epoch, wanted.begin, wanted.end, RESEND_PAGE)
        page: list[SentRow] = []
        size = 0
        for row in rows:
            data = None if row.admin else row.data
            size += len(data or b"")
            if page and size > RESEND_PAGE_BYTES:
                break
            page.append(SentRow(row.seq, data, row.message_class == "report"))
        last = page[-1].seq_num == wanted.end
        now, entropy = self.clock.now(), self.entropy()
        self.submit(SentPage(now, wanted.session, wanted.epoch, wanted.connection, page, wanted.end, last, entropy))

    async def _read_undelivered(self, wanted: ReadUndelivered) -> None:
        """What nobody is known to have, to be bound again in the new epoch: with 97=Y if it may have left before."""
        assert self.reader is not None
        found = await self.reader.undelivered(wanted.session)
        rows = [
            (entry.entry.id, entry.entry.msg_type, bytes(entry.entry.body), entry.numbered)
            for entry in found
            if entry.entry.id <= wanted.up_to and entry.entry.message_class == "report" and entry.epoch is None
        ]
        self.submit(UndeliveredPage(self.clock.now(), wanted.session, wanted.epoch, wanted.up_to, rows, self.entropy()))

    async def _bind_more(self, wanted: BindMore) -> None:
        connection = self._connections.get(wanted.connection)
        if connection is not None:
            await connection.drained()
            self.submit(BindDue(self.clock.now(), wanted.session, wanted.connection, self.entropy()))

    def _spawn(self, coroutine: Any) -> None:
        task = self._loop.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._task_done)

    def _task_done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self._fatal(f"reading the journal failed: {task.exception()}")

    # --- pausing and ending ------------------------------------------------------------------------

    def _pause(self) -> None:
        if not self._paused:
            self._paused = True
            log.warning("reading paused staged_bytes=%d", self._staged_bytes)
            for connection in self._connections.values():
                connection.hold()

    def _resume(self) -> None:
        self._paused = False
        now = self.clock.now()
        for key, state in self.machine.sessions.items():
            if state.phase is not Phase.DISCONNECTED:
                self.machine.sessions[key] = fix_session.heard(state, now)
                self.arm(f"session:{key}", now)
        for connection in self._connections.values():
            connection.let_go()
        log.info("reading resumed")

    def _fatal(self, reason: str) -> None:
        """Release nothing more and end the process; the next start reads what the file shows."""
        if not self._dead:
            self._dead = True
            log.critical("stopping: %s", reason)
            for future in self._replies.values():
                if not future.done():
                    future.set_exception(CommandError("the daemon is stopping", code="stopping"))
            self._on_fatal(reason)

    def close_connections(self, ending: Ending) -> None:
        for connection in list(self._connections.values()):
            connection.close(ending.code, ending.text)

    def stop(self) -> None:
        """End timers and tasks; call after `idle`."""
        self._dead = True
        self._deadlines.close()
        for task, _ in self._rfq_tasks.values():
            task.cancel()
        for task in self._tasks:
            task.cancel()
        if self._writer is not None:
            self._writer.shutdown(wait=True)
