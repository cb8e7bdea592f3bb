"""Leaks are solved off the loop, in a child process of low priority: daily, after an import, and when somebody asks.

A child and not a thread: a thread would take the interpreter from the loop for minutes. It reads the journal itself:
nothing has to be kept in the daemon between two batches, nothing to be handed over, and a batch rests on the record as
a replay would. What it finds comes back as an input (`LeaksFound`) and is recorded, so a replay needs no child. One
that fails, or takes longer than it may, changes nothing.
"""

from __future__ import annotations

import asyncio
import logging
import subprocess
from collections.abc import Callable
from typing import Final

from engine.boot.child import Child, ChildFailed
from engine.boot.leak_child import Wanted, codec
from engine.clock import NS_PER_DAY
from engine.config import Config
from engine.domain import events as e
from engine.errors import JournalError
from engine.runtime.loop import Runtime
from engine.turn import LeaksFound, SolveLeaks
from engine.turn.refusing import ENGINE
from engine.turn.trading import Trading

log = logging.getLogger(__name__)

CHILD: Final = "engine.boot.leak_child"
DAILY: Final = "the daily batch"
HISTORY: Final = "rounds of other systems were learnt"
STOPPING: Final = "the daemon is stopping"


class LeakBatch:
    """One batch at a time; who asks meanwhile gets what it finds."""

    def __init__(self, runtime: Runtime, trading: Trading, config: Callable[[], Config], module: str = CHILD) -> None:
        """`module` is for tests: a child that fails."""
        self._runtime = runtime
        self._trading = trading
        self._config = config
        self._child = Child(module)
        self._codec = codec()
        self._task: asyncio.Task[None] | None = None
        self._refs: list[int] = []
        self._closed = False
        learning = trading.desk.learning
        # What was there when the daemon came up may have missed its time; what comes from now on waits for the next.
        missed = learning.observations > learning.observations_solved
        self._looked_ns = 0 if missed else runtime.clock.now().utc_ns
        """Until when the daily time was looked for."""
        self._tried = 0
        """Of the events learnt from, those that the last batch was about, whatever came of it."""
        runtime.release.on_leaks_wanted = self._wanted

    def close(self) -> None:
        """End the child and take nothing up any more."""
        self._closed = True
        self._child.close()

    def look(self) -> None:
        """Begin a batch if it is time for one: called now and then."""
        if self._task is not None or self._closed:
            return
        learning, now_ns = self._trading.desk.learning, self._runtime.clock.now().utc_ns
        daily_ns = _last_daily_ns(now_ns, self._config().scoring.leak.solve_at_ns)
        is_time = daily_ns > self._looked_ns
        self._looked_ns = now_ns
        if learning.waiting:
            return  # Rounds of other systems are still to be learnt; that asks for a batch by itself.
        if learning.is_leak_due and learning.observations > self._tried:
            self._begin(ENGINE, HISTORY)
        elif is_time and learning.observations > learning.observations_solved and self._solved_ns() < daily_ns:
            self._begin(ENGINE, DAILY)

    def _solved_ns(self) -> int:
        leaks = self._trading.desk.learning.leaks
        return 0 if leaks is None else leaks.table.at_ns

    def _wanted(self, wanted: SolveLeaks) -> None:
        if self._closed:
            self._submit((wanted.ref,), wanted.actor, None, STOPPING)
            return
        self._refs.append(wanted.ref)
        if self._task is None:
            self._begin(f"person:{wanted.actor}", wanted.reason)

    def _begin(self, actor: str, reason: str) -> None:
        config = self._config()
        self._tried = self._trading.desk.learning.observations
        wanted = Wanted(
            journal=str(config.journal.path),
            up_to=self._runtime.event_seq,
            observations=self._trading.desk.learning.observations,
            now_ns=self._runtime.clock.now().utc_ns,
            actor=actor,
            reason=reason,
            limit_s=config.scoring.leak.time_limit_s,
            parameters=config.scoring.leak.parameters,
        )
        self._task = asyncio.get_running_loop().create_task(self._solve(wanted))

    async def _solve(self, wanted: Wanted) -> None:
        found: e.LeakSolved | None = None
        problem, outcome = "", "failed"
        try:
            found = await asyncio.to_thread(self._run, wanted)
        except subprocess.TimeoutExpired:
            outcome, problem = "late", f"it took more than {wanted.limit_s:g} s: scoring.toml, leak.time_limit_s"
        except (OSError, JournalError, ChildFailed) as error:
            problem = str(error)
        refs, self._refs = tuple(self._refs), []
        self._task = None
        if self._closed:
            problem = STOPPING
        elif found is None:
            log.warning("leaks not solved, those known before hold on: %s", problem)
            self._runtime.metrics.leak_batch(outcome)
        else:
            rows = (found.table.leak_in.rows, found.table.leak_post.rows)
            log.info(
                "leaks solved actor=%s rounds=%d rows=%d+%d s=%.1f", found.actor, found.rounds, *rows, found.took_s
            )
            self._runtime.metrics.leak_batch("solved")
        if found is not None or refs:
            self._submit(refs, wanted.actor, None if self._closed else found, problem)

    def _run(self, wanted: Wanted) -> e.LeakSolved:
        """In a thread, which waits. Raises TimeoutExpired, OSError, JournalError or ChildFailed."""
        body = self._child.run(wanted.as_json(), wanted.limit_s)
        solved = self._codec.decode(e.LeakSolved.__name__, e.LeakSolved.VERSION, body)
        assert isinstance(solved, e.LeakSolved)
        return solved

    def _submit(self, refs: tuple[int, ...], actor: str, found: e.LeakSolved | None, problem: str) -> None:
        runtime = self._runtime
        runtime.submit(LeaksFound(runtime.clock.now(), refs, actor, found, problem, runtime.entropy()))


def _last_daily_ns(now_ns: int, at_ns: int) -> int:
    """When it was last that time of a UTC day."""
    midnight_ns = now_ns - now_ns % NS_PER_DAY
    return midnight_ns + at_ns - (NS_PER_DAY if now_ns % NS_PER_DAY < at_ns else 0)
