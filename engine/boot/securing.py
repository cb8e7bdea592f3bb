"""From configuration to TLS: contexts and pins, made of files that were all found good, or of none of them.

Read at the start, by `rfqd check`, and again whenever an operator says that files were renewed (`rfqctl tls reload`):
what comes of it replaces the old one as a whole, for handshakes from then on.
"""

from __future__ import annotations

import logging
import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

from engine.config import Config, ConfigProblems, ListenerTls, SessionConfig, with_passphrases
from engine.config.tls import ClientCertificate, TlsVersion, pin
from engine.fix.session.certificates import Certificate, Kind, RevocationList, TlsFile, tls_file
from engine.fix.sockets import tls
from engine.fix.sockets.tls import ClientTerms, Identity, Ready, ServerTerms, TlsProblem

log = logging.getLogger(__name__)

T = TypeVar("T")

EXPIRY_WARNING_DAYS: Final = 30
_DAY_S: Final = 86_400


@dataclass(frozen=True, slots=True)
class Secured:
    """The TLS contexts of a configuration: that of the listening port, and of each session that we call over TLS.

    `pins` has every fingerprint that the peer of a session may show, for the sessions that name a file of them.
    """

    listener: ssl.SSLContext | None
    sessions: Mapping[str, ssl.SSLContext]
    pins: Mapping[str, tuple[str, ...]]
    files: tuple[TlsFile, ...]


def secure(config: Config) -> Secured:
    """Every context there is to be. Raises ConfigProblems with whatever is wrong with any of the files."""
    reading = _Reading(time.time())
    listener, sessions, pins = None, {}, {}
    if config.fix.tls is not None:
        listener = reading.port(config.fix.tls)
    for session in config.sessions:
        if session.initiator and session.tls:
            context = reading.initiator(session)
            if context is not None:
                sessions[session.key] = context
        if session.tls_pin_file is not None:
            pins[session.key] = reading.pins(session, session.tls_pin_file)
    if reading.wrong:
        raise ConfigProblems([f"{config.path.name}: {line}" for line in reading.wrong])
    for file in reading.files:
        if file.ends_s is not None:
            days = (file.ends_s - reading.now_s) / _DAY_S
            warns = days < EXPIRY_WARNING_DAYS and file.kind is not Kind.REVOCATIONS
            log.log(logging.WARNING if warns else logging.INFO, "%s ends in %.0f days", file.key, days)
    return Secured(listener, sessions, pins, tuple(reading.files))


def secure_again(config: Config) -> Secured:
    """The same of the files as they are now, a key's passphrase included. Raises ConfigProblems."""
    return secure(with_passphrases(config))


def problems(config: Config) -> list[str]:
    """What is wrong with certificates, keys and lists, as lines."""
    try:
        secure(config)
    except ConfigProblems as error:
        return list(error.problems)
    return []


class _Reading:
    """One look at all files: what they are, and in `wrong` what is wrong with each, under the key that names it."""

    def __init__(self, now_s: float) -> None:
        self.now_s = now_s
        self.files: list[TlsFile] = []
        self.wrong: list[str] = []

    def port(self, listener: ListenerTls) -> ssl.SSLContext | None:
        paths = {
            "certificate": listener.certificate,
            "client_ca": listener.client_ca,
            "client_crl": listener.client_crl,
        }
        names = {"ca": "client_ca", "crl": "client_crl"}
        return self._context(partial(tls.server, server_terms(listener)), "fix.tls.", paths, names)

    def initiator(self, session: SessionConfig) -> ssl.SSLContext | None:
        paths = {"certificate": session.tls_certificate, "ca": session.tls_ca, "crl": session.tls_crl}
        return self._context(partial(tls.client, client_terms(session)), f"session[{session.key}].tls_", paths, {})

    def pins(self, session: SessionConfig, path: Path) -> tuple[str, ...]:
        where = f"session[{session.key}].tls_"
        found = self._attempt(partial(tls.pinned, path), where, {})
        if found is None:
            return ()
        self._keep(f"{where}pin_file", path, Kind.PEER, found)
        return tuple(dict.fromkeys((*map(pin, session.tls_pin_sha256), *(each.sha256 for each in found))))

    def _context(
        self, make: Callable[[], Ready], where: str, paths: Mapping[str, Path | None], names: Mapping[str, str]
    ) -> ssl.SSLContext | None:
        """`paths` by the keys that name them; `names` are those keys where a problem calls them otherwise."""
        ready = self._attempt(make, where, names)
        if ready is None:
            return None
        for name, kind, found in (
            ("certificate", Kind.CERTIFICATE, ready.identity),
            ("ca", Kind.AUTHORITIES, ready.authorities),
            ("crl", Kind.REVOCATIONS, ready.revocations),
        ):
            key = names.get(name, name)
            path = paths[key]
            if path is not None:
                self._keep(f"{where}{key}", path, kind, found)
        return ready.context

    def _keep(self, key: str, path: Path, kind: Kind, found: Sequence[Certificate | RevocationList]) -> None:
        self.files.append(tls_file(key, str(path), kind, found, self.now_s))

    def _attempt(self, make: Callable[[], T], where: str, names: Mapping[str, str]) -> T | None:
        try:
            return make()
        except TlsProblem as problem:
            self.wrong.append(f"{where}{names.get(problem.name, problem.name)}: {problem}")
            return None


def server_terms(listener: ListenerTls) -> ServerTerms:
    return ServerTerms(
        Identity(listener.certificate, listener.key, listener.key_password),
        listener.client_ca,
        listener.client_certificate is ClientCertificate.REQUIRED,
        oldest=listener.min_version.value,
        crl=listener.client_crl,
    )


def client_terms(session: SessionConfig) -> ClientTerms:
    identity = None
    if session.tls_certificate is not None and session.tls_key is not None:
        identity = Identity(session.tls_certificate, session.tls_key, session.tls_key_password)
    oldest = TlsVersion.V1_2 if session.tls_min_version is None else session.tls_min_version
    return ClientTerms(session.tls_ca, identity, oldest=oldest.value, crl=session.tls_crl)
