"""One party: its record, its clock, its sessions, and the turn that ties them together.

Everything a party does is a turn: an input is handled, the record is committed, and only then do bytes
leave and connections close. A party killed at any moment therefore never said what it does not know.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import sys
from collections.abc import Callable, Iterator
from typing import Any, Protocol

from .clock import PaperClock
from .store import Store

log = logging.getLogger(__name__)

Emit = Callable[[dict[str, Any]], None]


class Session(Protocol):
    """What a party asks of its sessions; `paper.session.FixSession` is one."""

    def release(self) -> None:
        """Let go what the committed turn decided."""

    def abandon(self) -> None:
        """The turn was undone: end the connection, the peer will ask again."""

    async def stop(self) -> None:
        """Log out, and wait until it is done or takes too long."""


def silent(event: dict[str, Any]) -> None:
    """Tell nobody."""


def json_lines(event: dict[str, Any]) -> None:
    """One JSON object per line on standard output; once nobody reads there, nothing more."""
    if sys.stdout.closed:
        return
    try:
        sys.stdout.write(json.dumps(event, default=str) + "\n")
        sys.stdout.flush()
    except BrokenPipeError:
        log.warning("nobody reads the events any more")
        # What is still buffered must not be tried again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.stdout.close()


class Party:
    """Owns a store and the sessions that write to it."""

    def __init__(self, name: str, role: str, store: Store, clock: PaperClock, emit: Emit = silent) -> None:
        self.name = name
        self.store = store
        self.clock = clock
        self.sessions: list[Session] = []
        self._emit = emit
        self._events: list[dict[str, Any]] = []
        self._depth = 0
        self._timers: set[asyncio.TimerHandle] = set()
        with self.turn():
            store.remember("party", "self", {"name": name, "role": role})

    @contextlib.contextmanager
    def turn(self) -> Iterator[None]:
        """Handle an input: commit at the end, then write. Turns within turns are one turn.

        What raises is undone as a whole and ends the connections: the peers will ask again.
        """
        self._depth += 1
        try:
            yield
            if self._depth == 1:
                self.store.commit()
        except BaseException:
            if self._depth == 1:
                self.store.rollback()
                self._events.clear()
                for session in self.sessions:
                    session.abandon()
            raise
        finally:
            self._depth -= 1
        if self._depth == 0:
            for session in self.sessions:
                session.release()
            events, self._events = self._events, []
            for event in events:
                self._emit(event)

    def tell(self, event: str, **details: Any) -> None:
        """Report an event once the turn it belongs to is durable."""
        with self.turn():
            self._events.append({"event": event, "party": self.name, "at": self.clock.timestamp(), **details})

    def later(self, scaled_s: float, action: Callable[[], None]) -> asyncio.TimerHandle:
        """Run `action` as a turn of its own after `scaled_s` seconds of the party's clock."""

        def run() -> None:
            self._timers.discard(handle)
            with self.turn():
                action()

        handle = asyncio.get_running_loop().call_later(self.clock.real_s(scaled_s), run)
        self._timers.add(handle)
        return handle

    def cancel(self, handle: asyncio.TimerHandle | None) -> None:
        if handle is not None:
            handle.cancel()
            self._timers.discard(handle)

    async def stop(self) -> None:
        """Log out of every session, then close the record."""
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()
        await asyncio.gather(*(session.stop() for session in self.sessions))
        self.store.close()
