"""Files read again while the engine runs: off the loop, all of them or none, put in place between two turns.

`rfqctl reload`, `rfqctl tls reload` and SIGHUP come here by one effect, `ReadFiles`. A thread reads and checks what is
wanted and makes everything anew that is made of it, as a start does; what comes of it is an input, `FilesRead`. The
turn of that input has the last word: what is open may speak against it. Only once the turn is durable the shell's own
share is exchanged: who may connect, what handshakes are made with, whom we call.

Statistics kept for other windows than before are folded from the journal in the same thread, which rests often enough
to keep nobody waiting; what happened meanwhile is folded in by the turn. What others have told of is learnt by a child
process, and taken up from the file that it leaves.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain
from typing import Final

from engine.boot.child import Child, ChildFailed
from engine.boot.configured import KINDS, Configured, notices, read_again
from engine.boot.kept_learning import NotKept, path_of, reading
from engine.boot.learning_child import Wanted
from engine.boot.take_over import links, put_in_order
from engine.config import ConfigProblems
from engine.dealers.stats import DealerStats
from engine.desk.learning import Learning
from engine.desk.setting import Desk
from engine.domain import events as e
from engine.journal.archive import ReadOnly
from engine.journal.batch import TextRow
from engine.journal.events import events_codec
from engine.runtime.loop import Runtime
from engine.turn import Change, FilesRead, Link, ReadFiles, Settled
from engine.turn.trading import DeskChange, Trading

log = logging.getLogger(__name__)

BUSY: Final = ("another reload is under way: try again when it is done",)
STOPPING: Final = "the daemon is stopping"
FOLDED_AT_ONCE: Final = 100
"""Events that are folded before the thread rests: some 2 ms of work."""
REST_S: Final = 0.001
RESTS: Final = 5
"""Times as long as it has taken to learn anew, what is told next waits at least."""
BEHIND_MAX: Final = 200
"""Events that the turn may have to fold in: some 4 ms."""
LET_GO_AT_ONCE: Final = 100
"""Rows of an old state that are freed before the thread rests: some 1 ms."""
SWITCH_S: Final = 0.0005
"""How long the thread may keep the interpreter while the loop waits for it. By Python's own, 5 ms, an order that takes
three steps of the loop came 15 ms later while files were read."""


class Reloading:
    """One reload at a time. `on_taken_up` is told what is in force now, for the shell's own share."""

    def __init__(
        self,
        configured: Configured,
        runtime: Runtime,
        trading: Trading,
        on_taken_up: Callable[[Configured], None],
        read: Callable[[Configured, Sequence[str]], Configured] = read_again,
    ) -> None:
        self.configured = configured
        self._runtime = runtime
        self._trading = trading
        self._on_taken_up = on_taken_up
        self._read_again = read
        self._task: asyncio.Task[None] | None = None
        self._aside: tuple[Trading, DealerStats, Learning] | None = None
        """Of the reload under way: what was made anew from the journal, and the statistics until then."""
        self._letting_go: set[asyncio.Task[None]] = set()
        self._closed = threading.Event()
        self._rests_until = 0.0
        self._child = Child("engine.boot.learning_child")
        runtime.release.on_files_wanted = self._wanted
        runtime.release.on_files_settled = self._settled

    def close(self) -> None:
        """Take nothing up any more. The thread ends, too: a process does not end before its threads."""
        self._closed.set()
        self._child.close()
        if self._task is not None:
            self._task.cancel()

    def relearn(self) -> None:
        """Learn anew what others have told of, unless something of the kind is under way, or was a moment ago.

        It takes the longer the more there is to learn from: where rounds are told live, it is done now and then.
        """
        if self._task is None and not self._closed.is_set() and time.monotonic() >= self._rests_until:
            self._task = asyncio.get_running_loop().create_task(self._relearn())

    async def _relearn(self) -> None:
        up_to, learning = self._runtime.event_seq, self._trading.desk.learning
        learning.begin_aside()
        aside: Learning | None = None
        wanted = Wanted(str(self.configured.config.journal.path), up_to, learning.observations, learning.parameters)
        began = time.monotonic()
        try:
            with _soon_switching():
                aside = await asyncio.to_thread(self._learnt_anew, wanted, learning)
        except ConfigProblems:
            pass  # The daemon stops.
        except (ChildFailed, NotKept, OSError) as error:
            log.error("estimates not made anew, they go on as they are: %s", error)
        except Exception:
            log.exception("estimates not made anew, they go on as they are: this is a bug of the engine")
        finally:
            learning.end_aside(aside)
            self._task = None
            self._rests_until = time.monotonic() + RESTS * (time.monotonic() - began)
        if aside is not None:
            rebuilt, rounds, before = aside, learning.waiting, learning.estimates
            self._runtime.note(
                "estimates rebuilt",
                lambda at_ns: [e.EstimatesRebuilt(at_ns, rebuilt.observations, rounds, "rounds were told of")],
            )
            log.info(
                "estimates made anew observations=%d rounds_told=%d s=%.1f",
                rebuilt.observations,
                rounds,
                time.monotonic() - began,
            )
            if learning.estimates is not before:
                self._free(before.let_go())

    def keep_learnt(self) -> None:
        """Have what a start had to learn from the journal kept for the next one."""
        learning = self._trading.desk.learning
        wanted = Wanted(
            str(self.configured.config.journal.path),
            self._runtime.event_seq,
            learning.sorted_observations,
            learning.parameters,
        )

        async def keep() -> None:
            try:
                await asyncio.to_thread(self._child.run, wanted.as_json())
            except (ChildFailed, OSError) as error:
                log.warning("what was learnt is not kept, the next start learns it again: %s", error)

        task = asyncio.get_running_loop().create_task(keep())
        self._letting_go.add(task)
        task.add_done_callback(self._letting_go.discard)

    def _learnt_anew(self, wanted: Wanted, learning: Learning) -> Learning:
        """In a thread, which waits for a child: all that the journal has to learn from, in the order of its times.

        With it, what `learning` was told meanwhile.
        """
        self._child.run(wanted.as_json())
        path, aside = path_of(self.configured.config.journal.path), Learning(wanted.parameters)
        with _unlooked_at():
            for _ in reading(path, aside):
                self._rest()
        if aside.observations != wanted.observations:
            raise NotKept(f"{wanted.observations} observations were wanted, {aside.observations} were learnt")
        for _ in learning.catching_up(aside):
            self._rest()
        return aside

    def _wanted(self, wanted: ReadFiles) -> None:
        if self._closed.is_set():
            self._submit(wanted, (STOPPING,), None)
            return
        if self._task is not None:
            self._submit(wanted, BUSY, None)
            return
        self._task = asyncio.get_running_loop().create_task(self._read(wanted))

    async def _read(self, wanted: ReadFiles) -> None:
        # From here on, what happens is kept for statistics that are folded anew meanwhile.
        up_to = self._runtime.event_seq
        self._trading.follow()
        try:
            with _soon_switching():
                rows, change = await asyncio.to_thread(self._look, wanted.kinds or KINDS, up_to)
        except ConfigProblems as error:
            self._submit(wanted, error.problems, None)
        except Exception as error:
            # Whatever it is, what is in force stays in force, and whoever asked is told.
            log.exception("files not read again: this is a bug of the engine")
            self._submit(wanted, (f"{type(error).__name__}: {error}",), None)
        else:
            if change.application.folded is not None:
                desk = self._trading.desk
                self._aside = (change.application.folded[0], desk.stats, desk.learning)
            self._submit(wanted, (), change, rows)

    def _look(self, kinds: Sequence[str], up_to: int) -> tuple[Sequence[TextRow], Change]:
        """In a thread. The texts that are to be kept, and all that is to be put in place. Raises ConfigProblems."""
        before, found = self.configured, self._read_again(self.configured, kinds)
        parts = found.parts()
        old = {each.kind: each.hash for each in before.in_force().texts}
        in_force = found.in_force()
        new = {each.kind: each.hash for each in in_force.texts}
        folded = None
        if _learns_otherwise(parts.desk, self._trading.desk):
            with _unlooked_at():
                folded = self._folded(parts.desk, up_to)
        return in_force.rows, Change(
            in_force=in_force.texts,
            changed=tuple(kind for kind in new if new[kind] != old.get(kind)),
            application=DeskChange(
                parts.desk,
                parts.dialects,
                parts.session_dialects,
                None if folded is None else (folded[0], folded[1] - up_to),
            ),
            settings=parts.settings,
            dictionaries=parts.dictionaries,
            links=self._links(set(parts.settings) - {each.key for each in before.config.sessions}),
            tls_files=tuple(parts.tls_files),
            warnings=tuple(notices(found.config, found.securities, parts.desk, self._runtime.clock.now().utc_ns)),
            keep=found,
        )

    def _links(self, added: set[str]) -> Mapping[str, Link]:
        """Where sessions stand that were not configured: at the numbers that the journal has of them, if any."""
        if not added:
            return {}
        with ReadOnly(self.configured.config.journal.path) as file:
            return links(file, added)

    def _folded(self, desk: Desk, up_to: int) -> tuple[Trading, int]:
        """What the journal says, up to `up_to` at least and almost to its end, and the last event of it."""
        shadow, codec, seq = Trading(desk), events_codec(), 0
        with ReadOnly(self.configured.config.journal.path) as file:
            while file.head().event_seq < up_to:
                self._rest()
            # No other past is put in order while this goes on.
            shadow.desk.learning.expect(put_in_order(file), is_kept=False)
            while True:
                began = seq
                for row in file.events(after_seq=seq):
                    shadow.fold(codec.decode(row.type, row.version, row.body))
                    seq = row.seq
                    if seq % FOLDED_AT_ONCE == 0:
                        self._rest()
                if seq >= up_to and seq - began < BEHIND_MAX:
                    shadow.desk.learning.settle()
                    return shadow, seq
                # What is not durable yet is waited for: a journal that fails ends the daemon, and the wait with it.
                self._rest()

    def _free(self, parts: Iterator[None]) -> None:
        """Have freed, bit by bit, what nobody needs any more: at once it would hold everybody up."""
        task = asyncio.get_running_loop().create_task(asyncio.to_thread(self._let_go, parts))
        self._letting_go.add(task)  # The loop keeps only weak references to tasks.
        task.add_done_callback(self._letting_go.discard)

    def _let_go(self, parts: Iterator[None]) -> None:
        """In a thread."""
        for at, _ in enumerate(parts, 1):
            if at % LET_GO_AT_ONCE == 0 and self._closed.wait(REST_S):
                return

    def _rest(self) -> None:
        """Keep nobody waiting. Raises ConfigProblems when the daemon stops."""
        if self._closed.wait(REST_S):
            raise ConfigProblems([STOPPING])

    def _submit(
        self, wanted: ReadFiles, problems: tuple[str, ...], change: Change | None, rows: Sequence[TextRow] = ()
    ) -> None:
        runtime = self._runtime
        asked = (wanted.ref, wanted.kinds or KINDS, wanted.actor, wanted.reason)
        runtime.submit(FilesRead(runtime.clock.now(), *asked, problems, change, runtime.entropy()), rows)

    def _settled(self, settled: Settled) -> None:
        """The turn is durable."""
        if settled.problems == BUSY:
            return  # The one that is under way goes on.
        self._task = None
        self._trading.unfollow()
        if self._aside is not None:
            aside, stats, learning = self._aside
            self._aside = None
            if settled.taken is None:
                stats, learning = aside.desk.stats, aside.desk.learning
            self._free(chain(aside.state.let_go(), stats.let_go(), aside.desk.costs.let_go(), learning.let_go()))
        words = ",".join(settled.kinds)
        if settled.taken is None:
            log.warning("files not taken up kinds=%s: %s", words, "; ".join(settled.problems))
        else:
            assert isinstance(settled.taken, Configured)
            self.configured = settled.taken
            if not self._closed.is_set():  # Ports and calls are closed already, and stay so.
                self._on_taken_up(settled.taken)
            log.info("files taken up kinds=%s", words)
            for line in settled.warnings:
                log.warning("%s", line)
        outcome = "refused" if settled.taken is None else "taken_up"
        self._runtime.metrics.reloaded(settled.kinds, outcome, self._runtime.clock.now().utc_ns)


def _learns_otherwise(one: Desk, other: Desk) -> bool:
    return one.stats.parameters != other.stats.parameters or one.learning.parameters != other.learning.parameters


@contextmanager
def _unlooked_at() -> Iterator[None]:
    """Have the garbage collector look at nothing that is made meanwhile, no more than at what the start has made.

    A state that is folded has no rings, and each look at what came of 10,000 events held everybody up for 0.1 s.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


@contextmanager
def _soon_switching() -> Iterator[None]:
    """Let threads take turns sooner than by Python's own, while one of them works for long."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_S)
    try:
        yield
    finally:
        sys.setswitchinterval(before)
