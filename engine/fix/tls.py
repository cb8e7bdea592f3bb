"""TLS by the standard library: contexts from files, each file looked at closely before the first connection needs it.

Owns what a certificate, a key and a CA file must be for us to start, and how a failed handshake is told. A private key
is readable by its owner alone; a certificate belongs to its key, is in its time and is meant for its use, which two
ends in memory find out by shaking hands. Whom a session accepts beyond that is `fix.entrance`'s to say.

Versions of TLS below `oldest` ("1.2" or "1.3"), compression and renegotiation are off; ciphers are OpenSSL's defaults.
"""

from __future__ import annotations

import hashlib
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from engine.errors import ConfigError

_VERSIONS: Final[Mapping[str, ssl.TLSVersion]] = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}
_CERTIFICATE: Final = "-----BEGIN CERTIFICATE-----"
_KEY: Final = "PRIVATE KEY-----"
_FILE_BYTES_MAX: Final = 4_194_304
"""A system's whole bundle of authorities takes a quarter of a megabyte."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Our own certificate, with the chain to its authority behind it, and its private key; both PEM."""

    certificate: Path
    key: Path
    key_password: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class ServerTerms:
    """A listening port. With a `client_ca` clients may show a certificate of it, and must if it is `required`."""

    identity: Identity
    client_ca: Path | None = None
    required: bool = False
    oldest: str = "1.2"


@dataclass(frozen=True, slots=True)
class ClientTerms:
    """Connections of ours. Without a `ca` the authorities of this machine are trusted."""

    ca: Path | None = None
    identity: Identity | None = None
    oldest: str = "1.2"


class TlsProblem(ConfigError):
    """What is wrong with a file, and which: `name` is `certificate`, `key` or `ca`."""

    def __init__(self, name: str, text: str) -> None:
        super().__init__(text)
        self.name = name


@dataclass(frozen=True, slots=True)
class Ready:
    """A context to connect with, and the second since 1970 when our own certificate ends; None if there is none."""

    context: ssl.SSLContext
    not_after_s: int | None = None


def server(terms: ServerTerms) -> Ready:
    """The context of a listening port. Raises TlsProblem."""
    context = _hardened(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), terms.oldest)
    context.options |= ssl.OP_NO_RENEGOTIATION
    _load_identity(context, terms.identity)
    not_after_s = _end_of(terms.identity, server_side=True)
    if terms.client_ca is not None:
        _load_authorities(context, terms.client_ca)
        context.verify_mode = ssl.CERT_REQUIRED if terms.required else ssl.CERT_OPTIONAL
    return Ready(context, not_after_s)


def client(terms: ClientTerms) -> Ready:
    """The context of connections of ours; name and chain of the other end are always verified. Raises TlsProblem."""
    context = _hardened(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), terms.oldest)
    if terms.ca is None:
        context.load_default_certs(ssl.Purpose.SERVER_AUTH)
    else:
        _load_authorities(context, terms.ca)
    not_after_s = None
    if terms.identity is not None:
        _load_identity(context, terms.identity)
        not_after_s = _end_of(terms.identity, server_side=False)
    return Ready(context, not_after_s)


def fingerprint(der: bytes | None) -> str:
    """SHA-256 of a certificate as it is sent (DER), in lower-case hex; empty if none was."""
    return hashlib.sha256(der).hexdigest() if der else ""


def why(error: BaseException) -> str:
    """Why a handshake failed, in words for the log."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not accepted: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return (error.reason or str(error)).replace("_", " ").lower()
    if isinstance(error, ConnectionResetError):
        return "the other side hung up"
    return str(error) or type(error).__name__


def _hardened(context: ssl.SSLContext, oldest: str) -> ssl.SSLContext:
    context.minimum_version = _VERSIONS[oldest]
    context.options |= ssl.OP_NO_COMPRESSION
    return context


def _load_identity(context: ssl.SSLContext, identity: Identity) -> None:
    certificate, key = identity.certificate, identity.key
    if _CERTIFICATE not in _text("certificate", certificate):
        raise TlsProblem("certificate", f"{certificate} has no certificate in PEM form")
    try:
        mode = key.stat().st_mode & 0o777
    except OSError as error:
        raise TlsProblem("key", f"{key} cannot be read: {error.strerror}") from error
    if mode & 0o077:
        raise TlsProblem("key", f"others can read {key} (mode {mode:03o}): chmod 600 it")
    if _KEY not in _text("key", key):
        raise TlsProblem("key", f"{key} has no private key in PEM form")
    asked = False

    def password() -> str:
        # Without this OpenSSL would ask on the terminal, and a daemon would hang.
        nonlocal asked
        asked = True
        return identity.key_password or ""

    try:
        context.load_cert_chain(certificate, key, password)
    except (ssl.SSLError, ValueError) as error:
        if asked and identity.key_password is None:
            raise TlsProblem("key", f"{key} is encrypted and no passphrase is named") from error
        if asked:
            raise TlsProblem("key", f"{key} does not open with the passphrase given") from error
        if getattr(error, "reason", "") == "KEY_VALUES_MISMATCH":
            raise TlsProblem("key", f"{key} is not the key of {certificate}") from error
        raise TlsProblem("certificate", f"{certificate} and {key} cannot be used: {why(error)}") from error


def _load_authorities(context: ssl.SSLContext, path: Path) -> None:
    if _CERTIFICATE not in _text("ca", path):
        raise TlsProblem("ca", f"{path} has no certificate in PEM form")
    try:
        context.load_verify_locations(path)
    except ssl.SSLError as error:
        raise TlsProblem("ca", f"{path} cannot be used: {why(error)}") from error
    ends = [ssl.cert_time_to_seconds(str(each["notAfter"])) for each in context.get_ca_certs()]
    if ends and max(ends) < time.time():
        raise TlsProblem("ca", f"{path} has no authority whose time is not over")


def _end_of(identity: Identity, *, server_side: bool) -> int:
    """When our certificate ends, once an end that trusts it and nothing else has taken it for its use."""
    ours = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER if server_side else ssl.PROTOCOL_TLS_CLIENT)
    theirs = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT if server_side else ssl.PROTOCOL_TLS_SERVER)
    ours.check_hostname = theirs.check_hostname = False
    ours.verify_mode, theirs.verify_mode = ssl.CERT_NONE, ssl.CERT_REQUIRED
    leaf = identity.certificate.read_text()
    leaf = leaf[leaf.index(_CERTIFICATE) :]
    theirs.load_verify_locations(cadata=leaf[: leaf.index("-----END CERTIFICATE-----") + 26])
    theirs.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    # The server's end has to show something, whichever of the two is looked at.
    for context in {ours, ours if server_side else theirs}:
        context.load_cert_chain(identity.certificate, identity.key, lambda: identity.key_password or "")
    to_them, to_us = ssl.MemoryBIO(), ssl.MemoryBIO()
    us = ours.wrap_bio(to_us, to_them, server_side)
    them = theirs.wrap_bio(to_them, to_us, not server_side)
    try:
        _shake_hands([us, them])
    except ssl.SSLError as error:
        use = "a server's" if server_side else "a client's"
        text = error.verify_message if isinstance(error, ssl.SSLCertVerificationError) else why(error)
        raise TlsProblem("certificate", f"{identity.certificate} cannot be {use} certificate: {text}") from error
    shown = them.getpeercert() or {}
    return ssl.cert_time_to_seconds(str(shown["notAfter"]))


def _shake_hands(open_ends: list[ssl.SSLObject]) -> None:
    while open_ends:
        for end in list(open_ends):
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                continue
            open_ends.remove(end)


def _text(name: str, path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(_FILE_BYTES_MAX).decode("latin-1")
    except OSError as error:
        raise TlsProblem(name, f"{path} cannot be read: {error.strerror}") from error
