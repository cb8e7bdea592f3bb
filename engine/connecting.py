"""From configuration to connections: ports listened on, sessions called, and what each needs of TLS.

Every certificate and key is looked at before the first connection needs it, here at the start and by `rfqd check`.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final

from engine.clock import NS_PER_S, Clock
from engine.config import Config, ConfigProblems, FixConfig, ListenerTls, SessionConfig
from engine.config.tls import ClientCertificate, TlsVersion, networks
from engine.errors import StartError
from engine.fix import tls
from engine.fix.admission import Admission, Bounds
from engine.fix.dialer import Destination, Dialer
from engine.fix.listener import Listener
from engine.fix.schedule import Schedule
from engine.fix.tls import ClientTerms, Identity, Ready, ServerTerms, TlsProblem
from engine.fix.transport import FixConnection
from engine.runtime import Runtime

log = logging.getLogger(__name__)

EXPIRY_WARNING_DAYS: Final = 30
HOURS_LOOKED_AT_EVERY_NS: Final = 60 * NS_PER_S
_DAY_S: Final = 86_400


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
        for key, not_after_s in secured.ends.items():
            runtime.metrics.certificate(key, not_after_s)
        self._config = config
        self._runtime = runtime
        self._admission = Admission(bounds(config.fix))
        self._on_failure = on_failure
        self._listeners: list[Listener] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._secured = secured
        self._dialers = {session.key: self._dialer(session) for session in config.sessions if session.initiator}
        runtime.hub.on_session_free = self._freed
        runtime.release.on_connect_wanted = self._hurry

    async def begin(self) -> None:
        """Listen, and call. Raises StartError if a port cannot be had."""
        fix = self._config.fix
        if fix.listen_plain:
            await self._listen("fix.listen_port", fix.listen_host, fix.listen_port, None)
        if fix.tls is not None:
            await self._listen("fix.tls.listen_port", fix.tls_host, fix.tls.listen_port, self._secured.listener)
        loop = asyncio.get_running_loop()
        for dialer in self._dialers.values():
            task = loop.create_task(dialer.run())
            task.add_done_callback(self._ended)
            self._tasks.append(task)

    def stop_calling(self) -> None:
        for task in self._tasks:
            task.cancel()

    def close(self) -> None:
        """Listen no more, call no more; open connections stay."""
        self.stop_calling()
        for listener in self._listeners:
            listener.close()

    async def _listen(self, key: str, host: str, port: int, ready: Ready | None) -> None:
        runtime, fix = self._runtime, self._config.fix
        listener = Listener(
            lambda: self._connection("", first_message_bytes_max=fix.logon_bytes_max),
            self._admission,
            handshake_timeout_s=fix.logon_timeout_s,
            context=ready.context if ready is not None else None,
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
        log.info("listening address=%s tls=%s", address, "no" if ready is None else "yes")

    def _dialer(self, session: SessionConfig) -> Dialer:
        runtime, key = self._runtime, session.key
        ready = self._secured.sessions.get(key)
        return Dialer(
            Destination(
                key,
                session.addresses,
                pause_s_min=session.reconnect_min_s,
                pause_s_max=session.reconnect_max_s,
                timeout_s=self._config.fix.logon_timeout_s,
                context=ready.context if ready is not None else None,
                server_name=session.tls_server_name,
            ),
            lambda: self._connection(key),
            runtime.clock,
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


@dataclass(frozen=True, slots=True)
class Secured:
    """The TLS contexts of a configuration: that of the listening port, and of each session that we call over TLS."""

    listener: Ready | None
    sessions: Mapping[str, Ready]

    @property
    def ends(self) -> dict[str, int]:
        """When each certificate of ours ends, in seconds since 1970, by the key that names it."""
        ready = {"fix.tls.certificate": self.listener}
        ready |= {f"session[{key}].tls_certificate": each for key, each in self.sessions.items()}
        return {
            key: each.not_after_s for key, each in ready.items() if each is not None and each.not_after_s is not None
        }


def secure(config: Config) -> Secured:
    """Every context there is to be. Raises ConfigProblems with whatever is wrong with certificates and keys."""
    wrong: list[str] = []
    listener, sessions = None, {}
    if config.fix.tls is not None:
        listener = _context(partial(tls.server, server_terms(config.fix.tls)), "fix.tls.", wrong, ca="client_ca")
    for session in config.sessions:
        if session.initiator and session.tls:
            make = partial(tls.client, client_terms(session))
            ready = _context(make, f"session[{session.key}].tls_", wrong)
            if ready is not None:
                sessions[session.key] = ready
    if wrong:
        raise ConfigProblems([f"{config.path.name}: {line}" for line in wrong])
    secured = Secured(listener, sessions)
    for key, not_after_s in secured.ends.items():
        days = (not_after_s - time.time()) / _DAY_S
        log.log(logging.WARNING if days < EXPIRY_WARNING_DAYS else logging.INFO, "%s ends in %.0f days", key, days)
    return secured


def problems(config: Config) -> list[str]:
    """What is wrong with certificates and keys, as lines."""
    try:
        secure(config)
    except ConfigProblems as error:
        return list(error.problems)
    return []


def server_terms(listener: ListenerTls) -> ServerTerms:
    return ServerTerms(
        Identity(listener.certificate, listener.key, listener.key_password),
        listener.client_ca,
        listener.client_certificate is ClientCertificate.REQUIRED,
        oldest=listener.min_version.value,
    )


def client_terms(session: SessionConfig) -> ClientTerms:
    identity = None
    if session.tls_certificate is not None and session.tls_key is not None:
        identity = Identity(session.tls_certificate, session.tls_key, session.tls_key_password)
    oldest = TlsVersion.V1_2 if session.tls_min_version is None else session.tls_min_version
    return ClientTerms(session.tls_ca, identity, oldest=oldest.value)


def _context(make: Callable[[], Ready], where: str, wrong: list[str], ca: str = "ca") -> Ready | None:
    """What `make` makes; a problem goes to `wrong` under the key that names the file."""
    try:
        ready = make()
    except TlsProblem as problem:
        wrong.append(f"{where}{ca if problem.name == 'ca' else problem.name}: {problem}")
        return None
    return ready
