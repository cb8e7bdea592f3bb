"""engine/fix/tls.py: what a certificate, a key and a CA file must be, and what is said of one that is not."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from builders.certificates import Authority
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from engine.fix import tls
from engine.fix.tls import ClientTerms, Identity, ServerTerms, TlsProblem


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


def test_a_sealed_key_opens_with_its_passphrase_and_nobody_sees_it(shelf: Shelf) -> None:
    identity = shelf.encrypted("sesame")
    assert tls.server(ServerTerms(identity)).not_after_s is not None
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
