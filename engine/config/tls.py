"""What TLS and addresses are configured by: the [fix.tls] table, and what such keys must look like anywhere."""

# ruff: noqa: RUF009 (setting() gives a dataclass field, not a shared default)

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import ClassVar, Final

from engine.config.reading import derived, matches, setting

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

ENV_NAME: Final = matches(r"[A-Za-z_][A-Za-z0-9_]*", "the name of an environment variable")

_NO_PASSPHRASE: Final = (
    "secrets do not live in this file, which is read, copied and journaled: put the passphrase into an environment"
    " variable and name it in {0}_env, or into a file and name that in {0}_file"
)


class TlsVersion(StrEnum):
    """The oldest version of TLS that is spoken."""

    V1_2 = "1.2"
    V1_3 = "1.3"


class ClientCertificate(StrEnum):
    """What a TLS client has to show: `optional` leaves it to the session's own pin."""

    REQUIRED = "required"
    OPTIONAL = "optional"


def no_passphrase(name: str) -> str:
    """Why the key `name` is refused."""
    return _NO_PASSPHRASE.format(name)


def network_problem(text: str) -> str | None:
    """Says what was expected if `text` is no network."""
    try:
        ipaddress.ip_network(text)
    except ValueError:
        return "an address or a network without host bits, such as 10.1.0.0/16, 192.0.2.7 or 2001:db8::/32"
    return None


def networks(texts: tuple[str, ...]) -> tuple[Network, ...]:
    """The networks of texts that were checked."""
    return tuple(ipaddress.ip_network(text) for text in texts)


def pin_problem(text: str) -> str | None:
    """Says what was expected if `text` is no fingerprint."""
    if re.fullmatch(r"[0-9a-f]{64}", pin(text)):
        return None
    return "a certificate's SHA-256 fingerprint, 64 hex digits with or without colons"


def pin(text: str) -> str:
    """A fingerprint as it is compared: lower-case hex without colons."""
    return text.replace(":", "").lower()


@dataclass(frozen=True, slots=True, kw_only=True)
class ListenerTls:
    """[fix.tls]: the port on which acceptor sessions are reached over TLS."""

    REFUSED: ClassVar[Mapping[str, str]] = {"key_password": no_passphrase("key_password")}

    listen_host: str | None = setting(None)
    listen_port: int = setting(9881, at_least=0, at_most=65_535)
    certificate: Path = setting()
    key: Path = setting()
    key_password_env: str | None = setting(None, check=ENV_NAME)
    key_password_file: Path | None = setting(None)
    client_ca: Path | None = setting(None)
    client_crl: Path | None = setting(None)
    client_certificate: ClientCertificate = setting(ClientCertificate.REQUIRED)
    min_version: TlsVersion = setting(TlsVersion.V1_2)

    key_password: str | None = derived(None, secret=True)
