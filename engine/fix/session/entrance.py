"""Where a connection comes from, what it has shown of itself, and whether that lets it speak for a session.

Looked at when a connection is matched with its session, before anything of a Logon(A) is obeyed and, for an
initiator, before our own leaves with its credentials. To whoever does not fit nothing is said.
"""

from __future__ import annotations

import hmac
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from engine.fix.session.settings import Network, SessionSettings


@dataclass(frozen=True, slots=True)
class Origin:
    """One connection's other end. `certificate` is the SHA-256 of the one it has shown, in hex; empty if none.

    `certificate_ends_s` is the second since 1970 when that ends, where it is known.
    """

    address: str = ""
    tls: bool = False
    certificate: str = ""
    port: int = 0
    certificate_ends_s: int | None = None


LOCAL = Origin()
"""Nothing is known: a connection that was made within the process."""


def flaw(settings: SessionSettings, origin: Origin) -> str | None:
    """Why this connection may not speak for the session, in words for our own log, or None."""
    if settings.allow and not is_within(origin.address, settings.allow):
        return f"address {origin.address} is not among those that session {settings.key} allows"
    if settings.tls and not origin.tls:
        return f"session {settings.key} is for TLS alone"
    if settings.pins and not _is_pinned(origin.certificate, settings.pins):
        shown = f"certificate {origin.certificate}" if origin.certificate else "no certificate"
        return f"{shown} was shown, session {settings.key} is pinned to another"
    return None


def is_within(address: str, networks: Sequence[Network]) -> bool:
    """Is it an address of one of these networks? An IPv4 address that came over an IPv6 socket counts as IPv4."""
    found = _parsed(address)
    return found is not None and any(found in network for network in networks)


@lru_cache(maxsize=1024)
def source(address: str) -> str:
    """What is counted as one source: an IPv4 address, or the /64 of IPv6 of which a host takes any address it likes."""
    found = _parsed(address)
    if isinstance(found, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((int(found) >> 64 << 64, 64)))
    return address if found is None else str(found)


@lru_cache(maxsize=1024)
def _parsed(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return None
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is not None:
        return found.ipv4_mapped
    return found


def _is_pinned(certificate: str, pins: Sequence[str]) -> bool:
    """All are compared, in time that does not tell how much of one was right."""
    fits = False
    for pin in pins:
        fits |= hmac.compare_digest(certificate.encode(), pin.encode())
    return fits
