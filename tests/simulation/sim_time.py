"""Virtual time: one heap of (time, order, action), and an asyncio loop that lives on it.

The engine's own runtime, tasks and timers run on a `VirtualLoop`; counterparties and the network put plain actions on
the same heap. Nothing here waits: the clock jumps to the next action. A loop that was killed runs nothing any more.
"""

from __future__ import annotations

import asyncio
import heapq
from asyncio import events
from collections.abc import Callable, Coroutine
from contextvars import Context
from typing import Any

from engine.clock import Instant

NS = 1_000_000_000
MS = 1_000_000


class Entry:
    """One action on the heap; also the handle that asyncio cancels."""

    __slots__ = ("action", "args", "label", "loop", "when_ns")

    def __init__(
        self, when_ns: int, label: str, action: Callable[..., Any], args: tuple[Any, ...], loop: VirtualLoop | None
    ) -> None:
        self.when_ns = when_ns
        self.label = label
        self.action: Callable[..., Any] | None = action
        self.args = args
        self.loop = loop

    def cancel(self) -> None:
        self.action = None
        self.args = ()

    def cancelled(self) -> bool:
        return self.action is None

    def when(self) -> float:
        return self.when_ns / NS


class Timeline:
    """The heap. `now_ns` counts from 0; `utc_ns` is what everybody's wall clock shows."""

    def __init__(self, utc_base_ns: int) -> None:
        self.now_ns = 0
        self.clock_was_set = False
        self._utc_base_ns = utc_base_ns
        self._heap: list[tuple[int, int, Entry]] = []
        self._order = 0

    @property
    def utc_ns(self) -> int:
        return self._utc_base_ns + self.now_ns

    def set_clock(self, by_ns: int) -> None:
        """Everybody's wall clock jumps; what is to happen after a while happens after that while all the same."""
        self._utc_base_ns += by_ns
        self.clock_was_set = True

    def later(self, delay_ns: int, label: str, action: Callable[..., Any], *args: Any) -> Entry:
        """Do something `delay_ns` from now."""
        return self.put(self.now_ns + max(0, delay_ns), label, action, args, None)

    def put(
        self, when_ns: int, label: str, action: Callable[..., Any], args: tuple[Any, ...], loop: VirtualLoop | None
    ) -> Entry:
        entry = Entry(when_ns, label, action, args, loop)
        self._order += 1
        heapq.heappush(self._heap, (when_ns, self._order, entry))
        return entry

    def peek_ns(self) -> int | None:
        """When the next action is due; cancelled ones do not count."""
        heap = self._heap
        while heap and heap[0][2].action is None:
            heapq.heappop(heap)
        return heap[0][0] if heap else None

    def step(self) -> Entry:
        """Carry out the next action; what it raises goes to the caller."""
        when_ns, _, entry = heapq.heappop(self._heap)
        self.now_ns = max(self.now_ns, when_ns)
        action, loop = entry.action, entry.loop
        if action is None:
            return entry
        if loop is None:
            action(*entry.args)
        elif loop.alive:
            events._set_running_loop(loop)  # type: ignore[arg-type]
            try:
                action(*entry.args)
            finally:
                events._set_running_loop(None)
        return entry


class VirtualLoop:
    """As much of an event loop as the runtime uses. A job for an executor takes virtual time and no thread."""

    def __init__(self, timeline: Timeline, job_ns: Callable[[], tuple[int, int]]) -> None:
        """`job_ns` draws how long until an executor's job is done, and until its end is noticed."""
        self.alive = True
        self._timeline = timeline
        self._job_ns = job_ns
        self.problems: list[str] = []
        self._begun: list[tuple[asyncio.Task[Any], Coroutine[Any, Any, Any]]] = []

    def time(self) -> float:
        return self._timeline.now_ns / NS

    def call_soon(self, callback: Callable[..., Any], *args: Any, context: Context | None = None) -> Any:
        return self._put(0, callback, args, context)

    call_soon_threadsafe = call_soon

    def call_later(self, delay: float, callback: Callable[..., Any], *args: Any, context: Context | None = None) -> Any:
        return self._put(round(delay * NS), callback, args, context)

    def call_at(self, when: float, callback: Callable[..., Any], *args: Any, context: Context | None = None) -> Any:
        return self._put(round(when * NS) - self._timeline.now_ns, callback, args, context)

    def call_at_ns(self, when_ns: int, label: str, callback: Callable[..., Any], *args: Any) -> Entry:
        return self._timeline.put(when_ns, label, callback, args, self)

    def _put(self, delay_ns: int, callback: Callable[..., Any], args: tuple[Any, ...], context: Context | None) -> Any:
        when_ns = self._timeline.now_ns + max(0, delay_ns)
        if context is None:
            return self._timeline.put(when_ns, "", callback, args, self)
        return self._timeline.put(when_ns, "", context.run, (callback, *args), self)

    def create_future(self) -> asyncio.Future[Any]:
        return asyncio.Future(loop=self)  # type: ignore[arg-type]

    def create_task(
        self, coro: Coroutine[Any, Any, Any], *, name: str | None = None, context: Context | None = None
    ) -> asyncio.Task[Any]:
        task: asyncio.Task[Any] = asyncio.Task(coro, loop=self, name=name)  # type: ignore[arg-type]
        self._begun.append((task, coro))
        return task

    def die(self) -> None:
        """Nothing that was begun goes on."""
        self.alive = False
        for task, coro in self._begun:
            if not task.done():
                coro.close()

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> asyncio.Future[Any]:
        future = self.create_future()
        done_ns, noticed_ns = self._job_ns()

        def run() -> None:
            try:
                result = func(*args)
            except Exception as error:
                failure = error
                self._put(noticed_ns, lambda: future.set_exception(failure), (), None)
            else:
                self._put(noticed_ns, future.set_result, (result,), None)

        self._put(done_ns, run, (), None)
        return future

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        if self.alive:
            self.problems.append(f"{context.get('message')}: {context.get('exception')!r}")

    def get_debug(self) -> bool:
        return False

    def is_running(self) -> bool:
        return True

    def is_closed(self) -> bool:
        return False


class VirtualClock:
    """What the runtime reads; both clocks are the heap's, the monotonic one with a start of its own."""

    def __init__(self, timeline: Timeline, monotonic_base_ns: int) -> None:
        self._timeline = timeline
        self._monotonic_base_ns = monotonic_base_ns

    def now(self) -> Instant:
        return Instant(self._monotonic_base_ns + self._timeline.now_ns, self._timeline.utc_ns)

    def ahead_ns(self) -> int:
        return 0

    def real_delay_s(self, delay_ns: int) -> float:
        return max(0.0, delay_ns / NS)
