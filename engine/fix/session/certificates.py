"""What certificates and revocation lists say of themselves: whose they are, and when they end.

Python's ssl loads them and judges a handshake by them, but tells of a file only what it has loaded as an authority.
So the few fields that people are shown are read here, from PEM text, by the rules of DER. Nothing is verified: that a
certificate may be used, and by whom, is OpenSSL's to say (`fix.tls`).

Reference: RFC 5280, sections 4.1 and 5.1.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final, NamedTuple, TypeVar

T = TypeVar("T")

_PEM: Final = re.compile(r"-----BEGIN (CERTIFICATE|X509 CRL)-----\s+([A-Za-z0-9+/=\s]*?)-----END \1-----")
_SEQUENCE, _INTEGER, _VERSION, _BMP_STRING = 0x30, 0x02, 0xA0, 0x1E
_UTC_TIME, _GENERALIZED_TIME = 0x17, 0x18
_COMMON_NAME: Final = b"\x55\x04\x03"
_UNITS: Final = (b"\x55\x04\x0a", b"\x55\x04\x0b")
"""OrganizationName, OrganizationalUnitName."""
_NAME_LENGTH_MAX: Final = 120

BUNDLE: Final = 20
"""So many authorities in one file are a bundle of public ones: that one of them ends concerns nobody in particular."""


class Kind(StrEnum):
    """What a file is to us; each has its way to be renewed."""

    CERTIFICATE = "certificate"
    AUTHORITIES = "authorities"
    PEER = "peer"
    REVOCATIONS = "revocations"


@dataclass(frozen=True, slots=True)
class Certificate:
    """One certificate: the name of its subject, the second since 1970 when it ends, the SHA-256 of its DER in hex."""

    subject: str
    not_after_s: int
    sha256: str


@dataclass(frozen=True, slots=True)
class RevocationList:
    """One list: the name of its issuer, the second since 1970 when the next one is due; None if it does not say."""

    issuer: str
    next_update_s: int | None
    sha256: str


@dataclass(frozen=True, slots=True)
class TlsFile:
    """A file of certificates or revocation lists as it was last read.

    `key` is the key of the configuration that names it, `count` how many are in it. `ends_s` is the first end that was
    to come when it was read, `subject` and `sha256` are of the certificate that ends then; of a file of our own they
    are of the one that we show. `digest` is another one whenever anything in it is.
    """

    key: str
    path: str
    kind: Kind
    subject: str
    sha256: str
    ends_s: int | None
    count: int
    digest: str


def tls_file(key: str, path: str, kind: Kind, found: Sequence[Certificate | RevocationList], now_s: float) -> TlsFile:
    """What is shown of a file in which `found` was found; there is at least one."""
    digest = hashlib.sha256(" ".join(each.sha256 for each in found).encode()).hexdigest()
    if kind is Kind.REVOCATIONS:
        lists = [each for each in found if isinstance(each, RevocationList)]
        due = [each.next_update_s for each in lists if each.next_update_s is not None]
        return TlsFile(key, path, kind, lists[0].issuer, lists[0].sha256, min(due, default=None), len(lists), digest)
    certificates = [each for each in found if isinstance(each, Certificate)]
    if kind is Kind.AUTHORITIES and len(certificates) >= BUNDLE:
        first = max(certificates, key=lambda each: each.not_after_s)
    else:
        first = first_to_end(certificates, now_s)
    shown = certificates[0] if kind is Kind.CERTIFICATE else first
    return TlsFile(key, path, kind, shown.subject, shown.sha256, first.not_after_s, len(certificates), digest)


def first_to_end(certificates: Sequence[Certificate], now_s: float) -> Certificate:
    """Of those that are not over, or of all if they are."""
    live = [each for each in certificates if each.not_after_s > now_s]
    if live:
        return min(live, key=lambda each: each.not_after_s)
    return max(certificates, key=lambda each: each.not_after_s)


def read_certificates(pem: str) -> tuple[Certificate, ...]:
    """Every certificate of a PEM text, in order. Raises ValueError for one that cannot be read."""
    return _each(pem, "CERTIFICATE", _certificate)


def read_revocation_lists(pem: str) -> tuple[RevocationList, ...]:
    """Every revocation list of a PEM text, in order. Raises ValueError for one that cannot be read."""
    return _each(pem, "X509 CRL", _revocation_list)


def _each(pem: str, label: str, read: Callable[[bytes], T]) -> tuple[T, ...]:
    return tuple(read(base64.b64decode(found[2])) for found in _PEM.finditer(pem) if found[1] == label)


# --- DER -----------------------------------------------------------------------------------------


class _Element(NamedTuple):
    tag: int
    content: bytes

    def parts(self) -> Iterator[_Element]:
        """The elements within this one. Raises ValueError where they do not fill it."""
        data, at = self.content, 0
        while at < len(data):
            element, at = _element(data, at)
            yield element


def _element(data: bytes, at: int) -> tuple[_Element, int]:
    """The element at `at`, and where the next one begins."""
    if at + 2 > len(data):
        raise ValueError("cut off")
    tag, length, start = data[at], data[at + 1], at + 2
    if length & 0x80:
        size = length & 0x7F
        length, start = int.from_bytes(data[start : start + size], "big"), start + size
    if start + length > len(data):
        raise ValueError("cut off")
    return _Element(tag, data[start : start + length]), start + length


def _signed_part(der: bytes) -> list[_Element]:
    """What the issuer has signed: the elements of TBSCertificate or TBSCertList."""
    whole, _ = _element(der, 0)
    signed = next(whole.parts(), None)
    if whole.tag != _SEQUENCE or signed is None or signed.tag != _SEQUENCE:
        raise ValueError("expected a sequence that begins with one")
    return list(signed.parts())


def _certificate(der: bytes) -> Certificate:
    # [version], serialNumber, signature, issuer, validity, subject, ...
    fields = _signed_part(der)
    if fields and fields[0].tag == _VERSION:
        del fields[0]
    if len(fields) < 5:
        raise ValueError("expected serial number, signature, issuer, validity and subject")
    _, not_after = fields[3].parts()
    return Certificate(_name(fields[4]), _time_s(not_after), hashlib.sha256(der).hexdigest())


def _revocation_list(der: bytes) -> RevocationList:
    # version OPTIONAL, signature, issuer, thisUpdate, nextUpdate OPTIONAL, ...
    fields = _signed_part(der)
    if fields and fields[0].tag == _INTEGER:
        del fields[0]
    if len(fields) < 3:
        raise ValueError("expected signature, issuer and time")
    dated = len(fields) > 3 and fields[3].tag in (_UTC_TIME, _GENERALIZED_TIME)
    return RevocationList(_name(fields[1]), _time_s(fields[3]) if dated else None, hashlib.sha256(der).hexdigest())


def _name(name: _Element) -> str:
    """The common name, or else organization and unit; empty if there is none of these."""
    found: dict[bytes, str] = {}
    for group in name.parts():
        for attribute in group.parts():
            kind, value = attribute.parts()
            encoding = "utf-16-be" if value.tag == _BMP_STRING else "utf-8"
            found.setdefault(kind.content, value.content.decode(encoding, "replace"))
    words = [found[_COMMON_NAME]] if _COMMON_NAME in found else [found[kind] for kind in _UNITS if kind in found]
    return ", ".join(words)[:_NAME_LENGTH_MAX]


def _time_s(time: _Element) -> int:
    text = time.content.decode("ascii")
    if time.tag == _UTC_TIME:
        text = ("19" if text[:2] >= "50" else "20") + text
    elif time.tag != _GENERALIZED_TIME:
        raise ValueError("expected a time")
    return int(datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC).timestamp())
