"""When each thing has to be looked at again, derived from the state; whoever is woken is an input like any other.

Those of FIX sessions and their hours, and those of `desk.decide`. One asyncio task per open RFQ waits for its next
deadline; every decision is the desk's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from engine.clock import Clock, Instant
from engine.desk.decide import open_keys
from engine.domain.keys import Timer, TimerKind
from engine.fix.session import protocol
from engine.runtime.timers import Deadlines
from engine.turn import Input, Machine, TimerDue
from engine.turn.trading import Trading

CLOCK_MOVED_NS: Final = 10_000_000
"""A wall clock that has moved by this much against the monotonic one was set, or has drifted for long enough."""


class Alarms:
    """One alarm per key. `reading` says whether bytes are taken in: while they are not, no peer is judged silent."""

    def __init__(
        self,
        machine: Machine,
        trading: Trading,
        clock: Clock,
        entropy: Callable[[], bytes],
        loop: asyncio.AbstractEventLoop,
        submit: Callable[[Input], None],
        heard_ns: Callable[[int | None], int | None],
    ) -> None:
        """`heard_ns` says of a connection when bytes last came that made no message (see `hub`)."""
        self.reading = True
        self._machine = machine
        self._trading = trading
        self._clock = clock
        self._entropy = entropy
        self._loop = loop
        self._submit = submit
        self._heard_ns = heard_ns
        self._deadlines = Deadlines(loop, clock, self._ring)
        self._rfq_tasks: dict[Timer, tuple[asyncio.Task[None], asyncio.Event]] = {}
        self._apart_ns = self._apart()

    def set_all(self) -> None:
        """Set every alarm anew. Of a state that was taken over none is set: they do not outlive their process."""
        self._apart_ns = self._apart()
        now = self._clock.now()
        for key in open_keys(self._trading.state):
            self.set(key, now)
        self.look_at_schedules()

    def look_at_schedules(self) -> None:
        """A boundary may have passed while nobody was here, or because the wall clock was set: see, and wait anew."""
        for key in self.scheduled():
            self._submit(TimerDue(self._clock.now(), key, self._entropy()))

    def follow_clock(self) -> int:
        """Set every alarm anew if the wall clock was set: deadlines are UTC. By how many ns it was, 0 if it was not."""
        moved_ns = self._apart() - self._apart_ns
        if abs(moved_ns) < CLOCK_MOVED_NS:
            return 0
        self.set_all()
        return moved_ns

    def scheduled(self) -> list[Timer]:
        """The timers of sessions that have hours."""
        known = self._machine.known()
        return [Timer(TimerKind.schedule, key) for key, each in known.items() if each.schedule is not None]

    def set(self, key: Timer, now: Instant) -> None:
        """Set the alarm of a key to what the state says, or drop it."""
        kind, ident = key
        if kind is TimerKind.session:
            self._deadlines.set(key, self._session_due_ns(ident))
            return
        if kind is TimerKind.schedule:
            schedule = self._machine.settings[ident].schedule
            if schedule is None:
                self._deadlines.set(key, None)  # It had one before its file was read again.
                return
            self._deadlines.set(key, self._monotonic_ns(schedule.next_boundary(now.utc_ns), now))
            return
        due_ns = self._trading.deadline_of(key, self._machine.session_up, now.utc_ns)
        due = None if due_ns is None else self._monotonic_ns(due_ns, now)
        self._deadlines.set(key, due)
        if kind is TimerKind.rfq:
            self._rfq_task(key, due is not None)

    def close(self) -> None:
        """No alarm rings any more."""
        self._deadlines.close()
        for task, _ in self._rfq_tasks.values():
            task.cancel()

    def _monotonic_ns(self, utc_ns: int, now: Instant) -> int:
        """When it will be that time, at once if it is past. A wall clock that was set back has to catch up first."""
        left_ns = utc_ns - now.utc_ns
        return now.monotonic_ns + (left_ns + self._clock.ahead_ns() if left_ns > 0 else 0)

    def _apart(self) -> int:
        """How far the wall clock is from the monotonic one."""
        now = self._clock.now()
        return now.utc_ns - self._clock.ahead_ns() - now.monotonic_ns

    def _rfq_task(self, key: Timer, waits: bool) -> None:
        """The timeout task of an open RFQ: begun with its first deadline, ended with its last."""
        found = self._rfq_tasks.get(key)
        if waits and found is None:
            event = asyncio.Event()
            task = self._loop.create_task(self._watch_rfq(key, event), name=str(key))
            self._rfq_tasks[key] = (task, event)
        elif not waits and found is not None:
            rfq = self._trading.state.rfqs.get(key.ident)
            if rfq is None or not rfq.open:
                del self._rfq_tasks[key]
                found[0].cancel()

    async def _watch_rfq(self, key: Timer, due: asyncio.Event) -> None:
        while True:
            await due.wait()
            due.clear()
            self._submit(TimerDue(self._clock.now(), key, self._entropy()))

    def _ring(self, key: Timer) -> None:
        watched = self._rfq_tasks.get(key)
        if watched is not None:
            watched[1].set()
        elif not self._moved_on(key):
            of_session = key.kind is TimerKind.session
            heard_ns = self._heard_ns(self._machine.state(key.ident).connection) if of_session else None
            self._submit(TimerDue(self._clock.now(), key, self._entropy(), self.reading, heard_ns))

    def _session_due_ns(self, key: str) -> int | None:
        """When a session is to be looked at, by all that was heard of its peer."""
        state = self._machine.state(key)
        heard = protocol.heard(state, self._heard_ns(state.connection))
        return protocol.next_deadline_ns(self._machine.settings[key], heard, reading=self.reading)

    def _moved_on(self, key: Timer) -> bool:
        """Has a session's deadline become a later one since its alarm was set? Messages do not set it anew."""
        kind, ident = key
        if kind is not TimerKind.session:
            return False
        due = self._session_due_ns(ident)
        if due is None or due <= self._clock.now().monotonic_ns:
            return False
        self._deadlines.set(key, due)
        return True
