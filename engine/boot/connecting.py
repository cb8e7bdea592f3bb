"""From configuration to connections: ports listened on, sessions called."""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Callable
from typing import Final

from engine.boot.securing import Secured
from engine.clock import NS_PER_S, Clock
from engine.config import Config, FixConfig, SessionConfig
from engine.config.tls import networks
from engine.errors import StartError
from engine.fix.session.schedule import Schedule
from engine.fix.sockets.admission import Admission, Bounds
from engine.fix.sockets.dialer import Destination, Dialer
from engine.fix.sockets.listener import Listener
from engine.fix.sockets.transport import FixConnection
from engine.runtime.loop import Runtime

log = logging.getLogger(__name__)

HOURS_LOOKED_AT_EVERY_NS: Final = 60 * NS_PER_S


class Connecting:
    """The ports and the initiators of one daemon."""

    def __init__(
        self,
        config: Config,
        secured: Secured,
        runtime: Runtime,
        on_failure: Callable[[str], None] = lambda reason: None,
    ) -> None:
        """`on_failure` is told of a bug that leaves a port deaf or a session uncalled."""
        self._config = config
        self._runtime = runtime
        self._admission = Admission(bounds(config.fix))
        self._on_failure = on_failure
        self._listeners: list[Listener] = []
        self._tasks: dict[str, asyncio.Task[None]] = {}
        """Of each session that is called."""
        self._waiting: set[str] = set()
        """Sessions that are called in another way once the connection that they have is over."""
        self._take_up_tls(secured)
        self._dialers = {session.key: self._dialer(session) for session in config.sessions if session.initiator}
        runtime.hub.on_session_free = self._freed
        runtime.release.on_connect_wanted = self._hurry

    async def begin(self) -> None:
        """Listen, and call. Raises StartError if a port cannot be had."""
        fix = self._config.fix
        if fix.listen_plain:
            await self._listen("fix.listen_port", fix.listen_host, fix.listen_port)
        if fix.tls is not None:
            host, port = fix.tls_host, fix.tls.listen_port
            await self._listen("fix.tls.listen_port", host, port, lambda: self._secured.listener)
        for key in self._dialers:
            self._call(key)

    def close(self) -> None:
        """Listen no more, call no more; open connections stay."""
        for task in self._tasks.values():
            task.cancel()
        for listener in self._listeners:
            listener.close()

    async def _listen(
        self, key: str, host: str, port: int, context: Callable[[], ssl.SSLContext | None] | None = None
    ) -> None:
        runtime, fix = self._runtime, self._config.fix
        listener = Listener(
            lambda: self._connection("", first_message_bytes_max=fix.logon_bytes_max),
            self._admission,
            handshake_timeout_s=fix.logon_timeout_s,
            context=context,
            count=runtime.metrics.connection_refused,
            on_failure=self._failed,
        )
        try:
            address = await listener.listen(host, port)
        except OSError as error:
            raise StartError(
                f"{key}: cannot listen on {host}:{port}: {error.strerror or error}; "
                "is another rfqd running? Choose another port or stop it"
            ) from error
        self._listeners.append(listener)
        log.info("listening address=%s tls=%s", address, "no" if context is None else "yes")

    def _dialer(self, session: SessionConfig) -> Dialer:
        runtime, key = self._runtime, session.key
        return Dialer(
            Destination(
                key,
                session.addresses,
                pause_s_min=session.reconnect_min_s,
                pause_s_max=session.reconnect_max_s,
                timeout_s=self._config.fix.logon_timeout_s,
                server_name=session.tls_server_name,
            ),
            lambda: self._connection(key),
            runtime.clock,
            context=lambda: self._secured.sessions.get(key),
            wanted=lambda: runtime.machine.may_log_on(key),
            until_open=lambda: until_open(key, runtime.machine.settings[key].schedule, runtime.clock),
            behind=lambda: runtime.machine.behind(key),
            count=lambda outcome: runtime.metrics.called(key, outcome),
            failed=lambda reason: runtime.call_failed(key, reason),
        )

    def _connection(self, session: str, first_message_bytes_max: int | None = None) -> FixConnection:
        fix, hub = self._config.fix, self._runtime.hub
        return FixConnection(
            hub,
            hub.next_number(),
            session,
            max_message_bytes=fix.max_message_bytes,
            outgoing_bytes_max=fix.outgoing_bytes_max,
            first_message_bytes_max=first_message_bytes_max,
        )

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self._failed(error)

    def _failed(self, error: BaseException) -> None:
        log.critical("connecting failed: this is a bug of the engine", exc_info=error)
        self._on_failure(f"connecting failed: {error!r}")

    # --- another configuration -----------------------------------------------------------------------

    def take_up(self, config: Config, secured: Secured) -> None:
        """Call and let in by this from now on; connections that are up, and handshakes under way, go on as they are."""
        before = {each.key: each for each in self._config.sessions}
        after = {each.key: each for each in config.sessions}
        self._config = config
        self._take_up_tls(secured)
        for key in [key for key in self._dialers if key not in after or not after[key].initiator]:
            self._stop(key)
        for key, session in after.items():
            if not session.initiator or (key in self._dialers and _alike(session, before.get(key))):
                continue
            is_up = key in self._dialers and self._runtime.machine.state(key).connection is not None
            self._stop(key)
            self._dialers[key] = self._dialer(session)
            if is_up:
                self._waiting.add(key)  # The connection that is up goes on; whoever comes after it is called so.
            else:
                self._call(key)

    def _take_up_tls(self, secured: Secured) -> None:
        self._secured = secured
        self._runtime.metrics.tls_files(secured.files)

    def _call(self, key: str) -> None:
        task = asyncio.get_running_loop().create_task(self._dialers[key].run())
        task.add_done_callback(self._ended)
        self._tasks[key] = task

    def _stop(self, key: str) -> None:
        self._waiting.discard(key)
        self._dialers.pop(key, None)
        task = self._tasks.pop(key, None)
        if task is not None:
            task.cancel()

    def _hurry(self, key: str) -> None:
        """An operator wants it to be connected now, whatever pause it is in."""
        if key in self._dialers:
            self._dialers[key].hurry()

    def _freed(self, key: str) -> None:
        if key in self._waiting:
            self._waiting.discard(key)
            self._call(key)
        elif key in self._dialers:
            self._dialers[key].freed()


def _alike(session: SessionConfig, before: SessionConfig | None) -> bool:
    """Is it called as before?"""
    return before is not None and all(getattr(session, name) == getattr(before, name) for name in _OF_CALLS)


_OF_CALLS: Final = ("initiator", "host", "port", "backup", "reconnect_min_s", "reconnect_max_s", "tls_server_name")


async def until_open(key: str, schedule: Schedule | None, clock: Clock) -> bool:
    """Wait through the hours in which the session's schedule has it closed. Had it to be waited for?"""
    waited = False
    while schedule is not None and (closed := schedule.closed(now_ns := clock.now().utc_ns)):
        if not waited:
            log.info("session is %s session=%s", closed, key)
        waited = True
        # Now and then the wall clock is looked at again: it may be set meanwhile.
        left_ns = schedule.next_start(now_ns) - now_ns + clock.ahead_ns()
        await asyncio.sleep(clock.real_delay_s(min(left_ns, HOURS_LOOKED_AT_EVERY_NS)))
    return waited


def bounds(fix: FixConfig) -> Bounds:
    """Who is let in, and how many."""
    return Bounds(
        allow=networks(fix.allow),
        connections_max=fix.connections_max,
        connections_per_address_max=fix.connections_per_address_max,
        attempts_per_minute_max=fix.logon_attempts_per_minute_max,
        failures_max=fix.logon_failures_max,
        pause_s_max=fix.logon_pause_s_max,
    )
