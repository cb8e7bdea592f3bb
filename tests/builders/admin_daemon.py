"""A seeded desk behind a real admin socket, in a thread of its own: what rfqctl and the client talk to in tests."""

from __future__ import annotations

import asyncio
import shlex
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from pathlib import Path
from typing import Any, Protocol

from desk_builder import seeded_desk

from engine.admin.server import AdminServer, Watcher
from engine.clock import Instant
from engine.config.tables import AdminConfig, Role
from engine.desk.draft import Page
from engine.desk.notices import Notice, Topic
from engine.domain import events as e


class World(Protocol):
    """What stands behind the socket."""

    now: Instant
    events: list[e.Event]
    notices: list[Notice]

    def command(self, name: str, actor: str = ..., role: str = ..., **params: Any) -> Any: ...


class Daemon:
    """What it speaks of is `world`; commands and `do` happen in the thread that owns it."""

    def __init__(self, folder: Path, world: World | None = None) -> None:
        self.socket = folder / "rfqd.sock"
        self.world: Any = world if world is not None else seeded_desk()
        self._watchers: list[Watcher] = []
        self._told = 0
        self._started = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()))
        self._thread.start()
        assert self._started.wait(30)

    async def submit(self, name: str, params: Mapping[str, Any], actor: str, role: str) -> Any:
        try:
            return {**self.world.command(name, actor, role, **params), "seq": len(self.world.events)}
        finally:
            self.tell()

    def tell(self) -> None:
        """Everything that was noticed since the last time, to whoever watches."""
        fresh, self._told = self.world.notices[self._told :], len(self.world.notices)
        for notice in fresh:
            for watcher in self._watchers:
                watcher(self.world.now.utc_ns, notice)

    def page(self, page: Page) -> None:
        """Call a person."""
        self.tell_all(Notice(self.seq, Topic.page, page.body))

    def tell_all(self, *told: Notice) -> None:
        """Tell whoever watches just this, in the thread of the desk."""
        self._in_its_thread(
            lambda: [watcher(self.world.now.utc_ns, each) for each in told for watcher in self._watchers]
        )

    def do(self, line: str) -> None:
        """One `!` line, in the thread of the desk."""
        self._in_its_thread(lambda: self._do(line))

    def _in_its_thread(self, action: Callable[[], object]) -> None:
        done: Future[None] = Future()

        def act() -> None:
            try:
                action()
                done.set_result(None)
            except BaseException as error:
                done.set_exception(error)

        self._loop.call_soon_threadsafe(act)
        done.result(30)

    def _do(self, line: str) -> None:
        verb, *words = shlex.split(line)
        if verb == "quote":
            self.world.quote(words[1], words[2], order_id=words[0])
        elif verb == "fill":
            self.world.fill(words[0], **dict(zip(("price", "exec_id"), words[1:], strict=False)))
        elif verb == "log_on":
            self.world.log_on(words[0])
        elif verb == "say":
            fields = ((int(tag), value) for tag, _, value in (word.partition("=") for word in words[2:]))
            self.world.say(words[0], words[1], *fields)
        elif verb == "cut":
            self.world.cut(words[0])
        elif verb == "mark":
            self.world.mark()
        elif verb == "advance":
            self.world.advance(float(words[0]))
        else:
            raise AssertionError(f"unknown line ! {line}")
        self.tell()

    @property
    def seq(self) -> int:
        return len(self.world.events)

    def watch(self, watcher: Watcher) -> Any:
        self._watchers.append(watcher)
        return lambda: self._watchers.remove(watcher)

    def subscribers(self) -> int:
        return self._server.subscribers

    def close(self) -> None:
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join(30)
        assert not self._thread.is_alive()

    async def _serve(self) -> None:
        self._loop, self._end = asyncio.get_running_loop(), asyncio.Event()
        config = AdminConfig(socket=self.socket, own_role=Role.OPERATOR)
        self._server = AdminServer(config, self.submit, self)
        await self._server.start()
        self._started.set()
        await self._end.wait()
        self._server.close()
