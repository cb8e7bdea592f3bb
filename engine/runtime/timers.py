"""Deadlines: one heap of our own behind one timer of the loop. They only wake; whoever is woken looks at the time.

Create 0.5 us, cancel 0.1 us; a cancelled entry is dropped when it comes up or when half of the heap is such.
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from engine.clock import Clock

K = TypeVar("K", bound=Any)
"""Of keys with a hash and an order: what falls due at once rings in it."""

_SLACK_NS = 1_000_000
"""The loop's timers move by a millisecond and may fire early: what is due within this is due."""


class Deadlines(Generic[K]):
    """A monotonic time per key. `due(key)` is called once when it has passed, never before."""

    def __init__(self, loop: asyncio.AbstractEventLoop, clock: Clock, due: Callable[[K], None]) -> None:
        self._loop = loop
        self._clock = clock
        self._due = due
        self._at: dict[K, int] = {}
        self._heap: list[tuple[int, K]] = []
        self._timer: asyncio.TimerHandle | None = None
        self._timer_ns = 0

    def __len__(self) -> int:
        return len(self._at)

    def set(self, key: K, at_ns: int | None) -> None:
        """Wake at `at_ns` of the clock's monotonic time; None cancels."""
        if at_ns is None:
            self._at.pop(key, None)
            return
        if self._at.get(key) == at_ns:
            return
        self._at[key] = at_ns
        heapq.heappush(self._heap, (at_ns, key))
        if len(self._heap) > 64 and len(self._heap) > 2 * len(self._at):
            self._heap = [(at, name) for name, at in self._at.items()]
            heapq.heapify(self._heap)
        self._arm()

    def close(self) -> None:
        """Forget everything."""
        self._at.clear()
        self._heap.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _arm(self) -> None:
        while self._heap and self._at.get(self._heap[0][1]) != self._heap[0][0]:
            heapq.heappop(self._heap)
        if not self._heap:
            return
        first = self._heap[0][0]
        if self._timer is not None:
            if self._timer_ns <= first:
                return
            self._timer.cancel()
        self._timer_ns = first
        delay_ns = first - self._clock.now().monotonic_ns + _SLACK_NS
        self._timer = self._loop.call_later(self._clock.real_delay_s(delay_ns), self._wake)

    def _wake(self) -> None:
        self._timer = None
        now_ns = self._clock.now().monotonic_ns
        ready: list[K] = []
        while self._heap and self._heap[0][0] <= now_ns:
            at_ns, key = heapq.heappop(self._heap)
            if self._at.get(key) == at_ns:
                del self._at[key]
                ready.append(key)
        for key in ready:
            self._due(key)
        self._arm()
