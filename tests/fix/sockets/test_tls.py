"""engine/fix/sockets/tls.py: what a certificate, a key and a CA file must be, and what is said of one that is not."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from builders.certificates import PAST, Authority
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from engine.fix.sockets import tls
from engine.fix.sockets.tls import ClientTerms, Identity, ServerTerms, TlsProblem


class Shelf:
    """Certificates, and what was done to them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.authority = Authority(folder)
        good, old = self.authority.issue("localhost"), self.authority.issue("old.example", expired=True)
        self.good, self.old = Identity(good.certificate, good.key), Identity(old.certificate, old.key)

    def readable(self) -> Identity:
        self.good.key.chmod(0o640)
        return self.good

    def encrypted(self, password: str | None) -> Identity:
        key = load_pem_private_key(self.good.key.read_bytes(), None)
        sealed = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"sesame"))
        self.good.key.write_bytes(sealed)
        return replace(self.good, key_password=password)

    def other(self, name: str, text: str = "nothing of the kind\n") -> Path:
        path = self.folder / name
        path.touch(mode=0o600)
        path.write_text(text)
        return path

    def broken(self) -> Path:
        head, body, end = self.good.certificate.read_text().partition("\n")
        return self.other("broken.pem", head + body + "AAAA" + end)


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path)


WRONG: list[object] = [
    pytest.param(lambda s: replace(s.good, certificate=s.folder / "no.pem"), "certificate", "No such file", id="none"),
    pytest.param(
        lambda s: replace(s.good, certificate=s.other("x.pem")), "certificate", "no certificate in PEM form", id="text"
    ),
    pytest.param(lambda s: replace(s.good, certificate=s.broken()), "certificate", "cannot be used", id="broken"),
    pytest.param(lambda s: replace(s.good, key=s.folder / "no.key"), "key", "No such file", id="no key"),
    pytest.param(lambda s: replace(s.good, key=s.other("x.key")), "key", "no private key in PEM", id="text as key"),
    pytest.param(lambda s: s.readable(), "key", "(mode 640): chmod 600 it", id="a key that others can read"),
    pytest.param(lambda s: replace(s.good, key=s.old.key), "key", "is not the key of", id="the key of another"),
    pytest.param(lambda s: s.encrypted(None), "key", "is encrypted and no passphrase is named", id="sealed"),
    pytest.param(lambda s: s.encrypted("guess"), "key", "does not open with the passphrase", id="sealed otherwise"),
    pytest.param(lambda s: s.old, "certificate", "certificate has expired", id="expired"),
]  # fmt: skip


@pytest.mark.parametrize("server_side", [pytest.param(True, id="server"), pytest.param(False, id="client")])
@pytest.mark.parametrize(("make", "name", "text"), WRONG)
def test_an_identity_that_cannot_be_used_is_told_by_its_file(
    shelf: Shelf, make: Callable[[Shelf], Identity], name: str, text: str, server_side: bool
) -> None:
    identity = make(shelf)
    look = (
        partial(tls.server, ServerTerms(identity)) if server_side else partial(tls.client, ClientTerms(None, identity))
    )
    with pytest.raises(TlsProblem) as caught:
        look()
    assert caught.value.name == name
    assert text in str(caught.value)


@pytest.mark.parametrize("gone", [False, True], ids=["another one", "none"])
def test_files_that_change_while_they_are_read_are_not_used(
    shelf: Shelf, gone: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever renews them is not done yet: what is served must be what was looked at."""
    looked, other = tls._try_out, shelf.authority.issue("localhost", file="other")

    def change(identity: Identity, *, server_side: bool) -> None:
        if gone:
            identity.certificate.unlink()
        else:
            identity.certificate.write_bytes(other.certificate.read_bytes())
            identity.key.write_bytes(other.key.read_bytes())
        looked(identity, server_side=server_side)

    monkeypatch.setattr(tls, "_try_out", change)
    with pytest.raises(TlsProblem, match="changed while it was read: try again"):
        tls.server(ServerTerms(shelf.good))


def test_a_sealed_key_opens_with_its_passphrase_and_nobody_sees_it(shelf: Shelf) -> None:
    identity = shelf.encrypted("sesame")
    assert len(tls.server(ServerTerms(identity)).identity) == 1
    assert "sesame" not in repr(ServerTerms(identity))


@pytest.mark.parametrize(
    ("make", "text"),
    [
        pytest.param(lambda s: s.folder / "no.pem", "No such file", id="none"),
        pytest.param(lambda s: s.other("x.pem"), "no certificate in PEM form", id="text"),
        pytest.param(lambda s: s.broken(), "cannot be used", id="broken"),
    ],
)
def test_authorities_that_cannot_be_used(shelf: Shelf, make: Callable[[Shelf], Path], text: str) -> None:
    path = make(shelf)
    for attempt in (lambda: tls.client(ClientTerms(path)), lambda: tls.server(ServerTerms(shelf.good, path))):
        with pytest.raises(TlsProblem, match=text) as caught:
            attempt()
        assert caught.value.name == "ca"


@pytest.mark.parametrize(
    ("make", "text"),
    [
        pytest.param(lambda s: s.folder / "no.crl", "No such file", id="none"),
        pytest.param(lambda s: s.authority.ca, "no revocation list in PEM form", id="a certificate"),
        pytest.param(lambda s: s.authority.revoke(until=PAST), "was due already: fetch it", id="outdated"),
        pytest.param(
            lambda s: s.other("broken.crl", s.authority.revoke().read_text().replace("\n", "\nAAAA", 1)),
            "cannot be used",
            id="broken",
        ),
    ],
)
def test_revocation_lists_that_cannot_be_used(shelf: Shelf, make: Callable[[Shelf], Path], text: str) -> None:
    path, ca = make(shelf), shelf.authority.ca
    for attempt in (
        lambda: tls.client(ClientTerms(ca, crl=path)),
        lambda: tls.server(ServerTerms(shelf.good, ca, crl=path)),
    ):
        with pytest.raises(TlsProblem, match=text) as caught:
            attempt()
        assert caught.value.name == "crl"


def test_a_certificate_that_was_revoked_is_taken_by_neither_end(shelf: Shelf) -> None:
    authority = shelf.authority
    bad, fine = authority.issue("bad.example"), authority.issue("fine.example")
    listed = authority.revoke(bad)
    for issued, taken in ((bad, False), (fine, True)):
        identity = Identity(issued.certificate, issued.key)
        plain = tls.server(ServerTerms(identity)).context, tls.client(ClientTerms(authority.ca, identity)).context
        listening = tls.server(ServerTerms(shelf.good, authority.ca, required=True, crl=listed)).context
        calling = tls.client(ClientTerms(authority.ca, crl=listed)).context
        assert shakes_hands(listening, plain[1], "localhost") is taken
        assert shakes_hands(plain[0], calling, issued.certificate.stem.removeprefix("ca-")) is taken


def test_an_authority_of_which_there_is_no_list_lets_nobody_in(shelf: Shelf) -> None:
    other = Authority(shelf.folder, "other")
    issued = other.issue("fine.example")
    both = shelf.other("both.pem", shelf.authority.ca.read_text() + other.ca.read_text())
    listening = tls.server(ServerTerms(shelf.good, both, required=True, crl=shelf.authority.revoke())).context
    identity = Identity(issued.certificate, issued.key)
    assert not shakes_hands(listening, tls.client(ClientTerms(shelf.authority.ca, identity)).context, "localhost")


def shakes_hands(listening: ssl.SSLContext, calling: ssl.SSLContext, name: str) -> bool:
    """Do both ends take each other?"""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [
        calling.wrap_bio(to_client, to_server, server_hostname=name),
        listening.wrap_bio(to_server, to_client, server_side=True),
    ]
    try:
        tls._shake_hands(ends)
    except ssl.SSLCertVerificationError:
        return False
    return True


def test_pinned_certificates_are_those_of_a_file(shelf: Shelf) -> None:
    issued = [shelf.authority.issue(name) for name in ("now.example", "next.example")]
    text = "".join(each.certificate.read_text() for each in issued)
    found = tls.pinned(shelf.other("peer.pem", text))
    assert {each.sha256 for each in found} >= {each.sha256 for each in issued}
    for path, said in (
        (shelf.other("x.pem"), "no certificate in PEM form"),
        (shelf.old.certificate, "no certificate whose time is not over"),
    ):
        with pytest.raises(TlsProblem, match=said) as caught:
            tls.pinned(path)
        assert caught.value.name == "pin_file"


def test_what_is_asked_of_the_other_end(shelf: Shelf) -> None:
    calling = tls.client(ClientTerms(shelf.authority.ca, oldest="1.3")).context
    assert calling.check_hostname
    assert (calling.verify_mode, calling.minimum_version) == (ssl.CERT_REQUIRED, ssl.TLSVersion.TLSv1_3)
    for ca, required, mode in (
        (None, False, ssl.CERT_NONE),
        (shelf.authority.ca, False, ssl.CERT_OPTIONAL),
        (shelf.authority.ca, True, ssl.CERT_REQUIRED),
    ):
        listening = tls.server(ServerTerms(shelf.good, ca, required)).context
        assert (listening.verify_mode, listening.minimum_version) == (mode, ssl.TLSVersion.TLSv1_2)
