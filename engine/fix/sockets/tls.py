"""TLS by the standard library: contexts from files, each file looked at closely before the first connection needs it.

Owns what a certificate, a key, a CA file and a revocation list must be for us to use them, and how a failed handshake
is told. A private key is readable by its owner alone; a certificate belongs to its key, is in its time and is meant for
its use, which two ends in memory find out by shaking hands. Whom a session accepts beyond that, `fix.session.entrance`
says.

Versions of TLS below `oldest` ("1.2" or "1.3"), compression and renegotiation are off; ciphers are OpenSSL's defaults.
"""

from __future__ import annotations

import hashlib
import ssl
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from engine.errors import ConfigError
from engine.fix.session.certificates import Certificate, RevocationList, read_certificates, read_revocation_lists

_VERSIONS: Final[Mapping[str, ssl.TLSVersion]] = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}
_CERTIFICATE: Final = "-----BEGIN CERTIFICATE-----"
_REVOCATIONS: Final = "-----BEGIN X509 CRL-----"
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
    """A listening port. With a `client_ca` clients may show a certificate of it, and must if it is `required`.

    With a `crl` as well, none that stands on it, or of an authority of which there is no list.
    """

    identity: Identity
    client_ca: Path | None = None
    required: bool = False
    oldest: str = "1.2"
    crl: Path | None = None


@dataclass(frozen=True, slots=True)
class ClientTerms:
    """Connections of ours. Without a `ca` the authorities of this machine are trusted; `crl` as of a port."""

    ca: Path | None = None
    identity: Identity | None = None
    oldest: str = "1.2"
    crl: Path | None = None


class TlsProblem(ConfigError):
    """What is wrong with a file, and which: `name` is `certificate`, `key`, `ca`, `crl` or `pin_file`."""

    def __init__(self, name: str, text: str) -> None:
        super().__init__(text)
        self.name = name


@dataclass(frozen=True, slots=True)
class Ready:
    """A context to connect with, and what was read for it: our certificate with its chain, authorities, revocations."""

    context: ssl.SSLContext
    identity: tuple[Certificate, ...] = ()
    authorities: tuple[Certificate, ...] = ()
    revocations: tuple[RevocationList, ...] = ()


def server(terms: ServerTerms) -> Ready:
    """The context of a listening port. Raises TlsProblem."""
    context = _hardened(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), terms.oldest)
    context.options |= ssl.OP_NO_RENEGOTIATION
    identity = _load_identity(context, terms.identity, server_side=True)
    authorities: tuple[Certificate, ...] = ()
    if terms.client_ca is not None:
        authorities = _load_authorities(context, terms.client_ca)
        context.verify_mode = ssl.CERT_REQUIRED if terms.required else ssl.CERT_OPTIONAL
    return Ready(context, identity, authorities, _load_revocations(context, terms.crl))


def client(terms: ClientTerms) -> Ready:
    """The context of connections of ours; name and chain of the other end are always verified. Raises TlsProblem."""
    context = _hardened(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), terms.oldest)
    authorities: tuple[Certificate, ...] = ()
    if terms.ca is None:
        context.load_default_certs(ssl.Purpose.SERVER_AUTH)
    else:
        authorities = _load_authorities(context, terms.ca)
    identity: tuple[Certificate, ...] = ()
    if terms.identity is not None:
        identity = _load_identity(context, terms.identity, server_side=False)
    return Ready(context, identity, authorities, _load_revocations(context, terms.crl))


def pinned(path: Path) -> tuple[Certificate, ...]:
    """The certificates of a file of them, any of which a peer has to show. Raises TlsProblem."""
    found = _certificates("pin_file", path)
    if not _is_any_in_time(found):
        raise TlsProblem("pin_file", f"{path} has no certificate whose time is not over")
    return found


def shown(connection: ssl.SSLObject) -> tuple[str, int | None]:
    """What the other end has shown of itself: SHA-256 of its certificate (DER) in hex, and when that ends.

    Empty and None if it has shown none; the end is None as well where it was not verified.
    """
    der, told = connection.getpeercert(binary_form=True), connection.getpeercert()
    ends_s = ssl.cert_time_to_seconds(str(told["notAfter"])) if told else None
    return (hashlib.sha256(der).hexdigest() if der else ""), ends_s


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


def _load_identity(context: ssl.SSLContext, identity: Identity, *, server_side: bool) -> tuple[Certificate, ...]:
    certificate, key = identity.certificate, identity.key
    found = _certificates("certificate", certificate)
    try:
        mode = key.stat().st_mode & 0o777
    except OSError as error:
        raise TlsProblem("key", f"{key} cannot be read: {error.strerror}") from error
    if mode & 0o077:
        raise TlsProblem("key", f"others can read {key} (mode {mode:03o}): chmod 600 it")
    texts = _text("certificate", certificate), _text("key", key)
    if _KEY not in texts[1]:
        raise TlsProblem("key", f"{key} has no private key in PEM form")
    asked = False

    def password() -> str:
        # Without this OpenSSL would ask on the terminal, and a daemon would hang.
        nonlocal asked
        asked = True
        return identity.key_password or ""

    try:
        context.load_cert_chain(certificate, key, password)
    except (OSError, ValueError) as error:  # Those of ssl are OSErrors too.
        if asked and identity.key_password is None:
            raise TlsProblem("key", f"{key} is encrypted and no passphrase is named") from error
        if asked:
            raise TlsProblem("key", f"{key} does not open with the passphrase given") from error
        if getattr(error, "reason", "") == "KEY_VALUES_MISMATCH":
            raise TlsProblem("key", f"{key} is not the key of {certificate}") from error
        raise TlsProblem("certificate", f"{certificate} and {key} cannot be used: {why(error)}") from error
    try:
        _try_out(identity, server_side=server_side)
        is_same = texts == (_characters(certificate), _characters(key))
    except (OSError, ValueError):
        is_same = False
    if not is_same:
        # What was looked at is not what was loaded.
        raise TlsProblem("certificate", f"{certificate} or {key} changed while it was read: try again")
    return found


def _load_authorities(context: ssl.SSLContext, path: Path) -> tuple[Certificate, ...]:
    found = _certificates("ca", path)
    try:
        context.load_verify_locations(path)
    except OSError as error:
        raise TlsProblem("ca", f"{path} cannot be used: {why(error)}") from error
    if not _is_any_in_time(found):
        raise TlsProblem("ca", f"{path} has no authority whose time is not over")
    return found


def _load_revocations(context: ssl.SSLContext, path: Path | None) -> tuple[RevocationList, ...]:
    """Have the other end's own certificate looked up in the list of its authority; without one it is refused."""
    if path is None:
        return ()
    text = _text("crl", path)
    if _REVOCATIONS not in text:
        raise TlsProblem("crl", f"{path} has no revocation list in PEM form")
    try:
        found = read_revocation_lists(text)
        context.load_verify_locations(path)
    except (OSError, ValueError) as error:
        raise TlsProblem("crl", f"{path} cannot be used: {why(error)}") from error
    now_s = time.time()
    for each in found:
        if each.next_update_s is not None and each.next_update_s < now_s:
            # OpenSSL would take no certificate of its authority any more.
            raise TlsProblem("crl", f"{path}: the next list of {each.issuer} was due already: fetch it")
    context.verify_flags |= ssl.VERIFY_CRL_CHECK_LEAF
    return found


def _certificates(name: str, path: Path) -> tuple[Certificate, ...]:
    text = _text(name, path)
    if _CERTIFICATE not in text:
        raise TlsProblem(name, f"{path} has no certificate in PEM form")
    try:
        found = read_certificates(text)
    except ValueError as error:
        raise TlsProblem(name, f"{path} cannot be used: {error}") from error
    if not found:
        raise TlsProblem(name, f"{path} cannot be used: its certificate is cut off")
    return found


def _is_any_in_time(found: Sequence[Certificate]) -> bool:
    now_s = time.time()
    return any(each.not_after_s >= now_s for each in found)


def _try_out(identity: Identity, *, server_side: bool) -> None:
    """Have an end that trusts our certificate and nothing else take it for its use."""
    ours = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER if server_side else ssl.PROTOCOL_TLS_CLIENT)
    theirs = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT if server_side else ssl.PROTOCOL_TLS_SERVER)
    ours.check_hostname = theirs.check_hostname = False
    ours.verify_mode, theirs.verify_mode = ssl.CERT_NONE, ssl.CERT_REQUIRED
    leaf = _characters(identity.certificate)
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
        return _characters(path)
    except OSError as error:
        raise TlsProblem(name, f"{path} cannot be read: {error.strerror}") from error


def _characters(path: Path) -> str:
    with path.open("rb") as file:
        return file.read(_FILE_BYTES_MAX).decode("latin-1")
