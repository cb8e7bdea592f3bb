"""From configuration to connections: ports listened on, sessions called."""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Callable
from typing import Final

from engine.boot.securing import Secured, secure_again
from engine.clock import NS_PER_S, Clock
from engine.config import Config, ConfigProblems, FixConfig, SessionConfig
from engine.config.tls import networks
from engine.errors import StartError
from engine.fix.link.admission import Admission, Bounds
from engine.fix.link.dialer import Destination, Dialer
from engine.fix.link.listener import Listener
from engine.fix.link.transport import FixConnection
from engine.fix.session.schedule import Schedule
from engine.runtime.loop import Runtime
from engine.turn import ReadTlsFiles, TlsFilesRead

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
        self._tasks: list[asyncio.Task[None]] = []
        self._reading: set[asyncio.Task[None]] = set()
        self._take_up(secured)
        self._dialers = {session.key: self._dialer(session) for session in config.sessions if session.initiator}
        runtime.hub.on_session_free = self._freed
        runtime.release.on_connect_wanted = self._hurry
        runtime.release.on_tls_files_wanted = self._read_again
        runtime.release.on_tls_taken_up = self._take_up

    async def begin(self) -> None:
        """Listen, and call. Raises StartError if a port cannot be had."""
        fix = self._config.fix
        if fix.listen_plain:
            await self._listen("fix.listen_port", fix.listen_host, fix.listen_port)
        if fix.tls is not None:
            host, port = fix.tls_host, fix.tls.listen_port
            await self._listen("fix.tls.listen_port", host, port, lambda: self._secured.listener)
        loop = asyncio.get_running_loop()
        for dialer in self._dialers.values():
            task = loop.create_task(dialer.run())
            task.add_done_callback(self._ended)
            self._tasks.append(task)

    def close(self) -> None:
        """Listen no more, call no more; open connections stay."""
        for task in (*self._tasks, *self._reading):
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

    # --- renewed certificates ------------------------------------------------------------------------

    def _read_again(self, wanted: ReadTlsFiles) -> None:
        task = asyncio.get_running_loop().create_task(self._read_files(wanted))
        self._reading.add(task)
        task.add_done_callback(self._reading.discard)

    async def _read_files(self, wanted: ReadTlsFiles) -> None:
        """Off the loop: the authorities of a machine take 30 ms to load, and each initiator loads its own."""
        try:
            secured = await asyncio.to_thread(secure_again, self._config)
        except ConfigProblems as error:
            log.warning("certificates not taken up: %s", "; ".join(error.problems))
            self._read(wanted, error.problems, None)
        except Exception as error:
            # Whatever it is, sessions go on with what they have, and whoever asked is told.
            log.exception("certificates not taken up: this is a bug of the engine")
            self._read(wanted, (f"{type(error).__name__}: {error}",), None)
        else:
            self._read(wanted, (), secured)

    def _read(self, wanted: ReadTlsFiles, problems: tuple[str, ...], secured: Secured | None) -> None:
        files, pins = ((), {}) if secured is None else (secured.files, secured.pins)
        now, entropy = self._runtime.clock.now(), self._runtime.entropy()
        asked = (wanted.ref, wanted.actor, wanted.reason)
        self._runtime.submit(TlsFilesRead(now, *asked, problems, files, pins, secured, entropy))

    def _take_up(self, secured: Secured) -> None:
        """What handshakes are made with from now on; those under way and connections that are up keep what they had."""
        self._secured = secured
        self._runtime.metrics.tls_files(secured.files)

    def _hurry(self, key: str) -> None:
        """An operator wants it to be connected now, whatever pause it is in."""
        if key in self._dialers:
            self._dialers[key].hurry()

    def _freed(self, key: str) -> None:
        if key in self._dialers:
            self._dialers[key].freed()


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
