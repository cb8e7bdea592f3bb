"""engine/fix/session/certificates.py: what a file of certificates or revocation lists says of itself."""

from __future__ import annotations

import base64
import datetime
import ssl
from pathlib import Path

import pytest
from builders.certificates import DAY, PAST, Authority
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from engine.fix.session.certificates import (
    BUNDLE,
    Certificate,
    Kind,
    RevocationList,
    first_to_end,
    read_certificates,
    read_revocation_lists,
    tls_file,
)

NOON = datetime.datetime(2031, 5, 6, 12, tzinfo=datetime.UTC)
FOR_EVER = datetime.datetime(9999, 12, 31, 23, 59, 59, tzinfo=datetime.UTC)
FAR = datetime.datetime(2187, 1, 2, 3, 4, 5, tzinfo=datetime.UTC)
KEY = ec.generate_private_key(ec.SECP256R1())


def name(**parts: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(getattr(NameOID, kind), value) for kind, value in parts.items()])


def certificate(subject: x509.Name, not_after: datetime.datetime = NOON, serial: int = 1) -> x509.Certificate:
    made = x509.CertificateBuilder(issuer_name=subject, subject_name=subject, public_key=KEY.public_key())
    made = made.serial_number(serial).not_valid_before(PAST).not_valid_after(not_after)
    return made.sign(KEY, hashes.SHA256())


def pem(*certificates: x509.Certificate) -> str:
    return "".join(each.public_bytes(Encoding.PEM).decode() for each in certificates)


@pytest.mark.parametrize(
    ("subject", "said"),
    [
        pytest.param(name(ORGANIZATION_NAME="Alder", COMMON_NAME="fix.alder.example"), "fix.alder.example", id="name"),
        pytest.param(name(ORGANIZATION_NAME="Alder", ORGANIZATIONAL_UNIT_NAME="FIX"), "Alder, FIX", id="no name"),
        pytest.param(name(COMMON_NAME="Bökerö"), "Bökerö", id="beyond ASCII"),
        pytest.param(name(COUNTRY_NAME="CH"), "", id="none of these"),
        pytest.param(x509.Name([]), "", id="empty"),
    ],
)
def test_a_certificate_says_whose_it_is(subject: x509.Name, said: str) -> None:
    (read,) = read_certificates(pem(certificate(subject)))
    assert read.subject == said


@pytest.mark.parametrize(
    "end", [NOON, PAST, FAR, FOR_EVER], ids=["soon", "over", "beyond 2049, in another form", "for ever"]
)
def test_a_certificate_says_when_it_ends_and_what_it_is(end: datetime.datetime) -> None:
    made = certificate(name(COMMON_NAME="x"), max(end, PAST + DAY))
    (read,) = read_certificates("some words before it\n" + pem(made))
    assert read.not_after_s == int(max(end, PAST + DAY).timestamp())
    assert read.sha256 == made.fingerprint(hashes.SHA256()).hex()


def test_every_certificate_of_a_file_is_read_in_order(tmp_path: Path) -> None:
    authority, other = Authority(tmp_path), Authority(tmp_path, "other")
    text = authority.ca.read_text() + authority.issue("a.example").key.read_text() + other.ca.read_text()
    read = read_certificates(text)
    assert [each.subject.partition(" of")[0] for each in read] == ["ca", "other"]
    context = ssl.create_default_context(cadata=authority.ca.read_text() + other.ca.read_text())
    ends = {ssl.cert_time_to_seconds(str(each["notAfter"])) for each in context.get_ca_certs()}
    assert {each.not_after_s for each in read} == ends


def test_a_revocation_list_says_when_the_next_one_is_due(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    path = authority.revoke(authority.issue("late.example"), until=NOON)
    (read,) = read_revocation_lists(path.read_text())
    assert read.issuer.startswith("ca of the test")
    assert read.next_update_s == int(NOON.timestamp())
    assert read_certificates(path.read_text()) == ()


def test_what_is_cut_off_or_broken_is_an_error_and_never_anything_else(tmp_path: Path) -> None:
    """Wherever it ends and whichever byte is another one."""
    authority = Authority(tmp_path)
    certificate_der = certificate(name(COMMON_NAME="fix.alder.example")).public_bytes(Encoding.DER)
    list_der = base64.b64decode("".join(authority.revoke(until=NOON).read_text().splitlines()[1:-1]))
    for label, der, read in (
        ("CERTIFICATE", certificate_der, read_certificates),
        ("X509 CRL", list_der, read_revocation_lists),
    ):
        spoilt = [der[:at] for at in range(len(der))]
        spoilt += [der[:at] + bytes([der[at] ^ flip]) + der[at + 1 :] for at in range(len(der)) for flip in (1, 0x80)]
        for each in spoilt:
            text = f"-----BEGIN {label}-----\n{base64.b64encode(each).decode()}\n-----END {label}-----\n"
            try:
                read(text)
            except ValueError:
                continue
        with pytest.raises(ValueError, match="cut off"):
            read(f"-----BEGIN {label}-----\n{base64.b64encode(der[:-1]).decode()}\n-----END {label}-----\n")


def made(subject: str, end_s: int) -> Certificate:
    return Certificate(subject, end_s, subject * 4)


def test_of_several_the_first_end_to_come_counts_and_of_none_the_last() -> None:
    old, near, far = made("old", 5), made("near", 20), made("far", 30)
    assert first_to_end([far, old, near], 10.0) is near
    assert first_to_end([old, made("older", 2)], 10.0) is old


def test_our_own_file_is_told_by_what_we_show_and_ends_with_the_first_of_its_chain() -> None:
    file = tls_file("fix.tls.certificate", "x.pem", Kind.CERTIFICATE, [made("we", 30), made("issuer", 20)], 10.0)
    assert (file.subject, file.sha256, file.ends_s, file.count) == ("we", "we" * 4, 20, 2)


def test_a_bundle_of_public_authorities_ends_with_its_last() -> None:
    bundle = [made(f"authority {number}", 20 + number) for number in range(BUNDLE)]
    assert tls_file("k", "p", Kind.AUTHORITIES, bundle, 10.0).ends_s == 20 + BUNDLE - 1
    assert tls_file("k", "p", Kind.AUTHORITIES, bundle[:-1], 10.0).ends_s == 20


def test_a_file_of_lists_is_due_with_its_first_and_its_digest_tells_any_change() -> None:
    lists = [RevocationList("a", 30, "1"), RevocationList("b", 20, "2"), RevocationList("c", None, "3")]
    file = tls_file("k", "p", Kind.REVOCATIONS, lists, 10.0)
    assert (file.ends_s, file.count) == (20, 3)
    assert tls_file("k", "p", Kind.REVOCATIONS, lists[:2], 10.0).digest != file.digest
    assert tls_file("k", "p", Kind.REVOCATIONS, lists[2:], 10.0).ends_s is None
