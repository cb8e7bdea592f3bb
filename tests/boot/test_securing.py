"""engine/boot/securing.py: every file of TLS that a configuration names, looked at as a whole."""

from __future__ import annotations

from pathlib import Path

import pytest
from builders.certificates import Authority, Issued
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from engine.boot.securing import secure, secure_again
from engine.config import Config, ConfigProblems, load
from engine.fix.session.certificates import Kind

ENGINE = Path(__file__).parents[2] / "engine.toml"


class Folder:
    """A configuration with a TLS port, a pinned OMS and a dealer over TLS, beside its certificates."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.authority = Authority(path)
        self.us = self.authority.issue("us.example")
        self.oms = self.authority.issue("oms.example")
        self.passphrase = path / "us.pass"
        self.seal(self.us, "sesame")
        self.listed = self.authority.revoke()

    def seal(self, issued: Issued, words: str) -> None:
        """Encrypt the key, and write the passphrase down."""
        text = issued.key.read_bytes()
        key = load_pem_private_key(text, None if b"BEGIN ENCRYPTED" not in text else self.passphrase.read_bytes())
        sealed = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(words.encode()))
        issued.key.write_bytes(sealed)
        self.passphrase.touch(mode=0o600)
        self.passphrase.write_text(words)

    def config(self) -> Config:
        text = ENGINE.read_text().replace('"config/', f'"{ENGINE.parent}/config/')
        head, _, rest = text.partition("# [fix.tls]\n")
        table = (
            f'[fix.tls]\ncertificate = "{self.us.certificate}"\nkey = "{self.us.key}"\n'
            f'key_password_file = "{self.passphrase}"\n'
            f'client_ca = "{self.authority.ca}"\nclient_crl = "{self.listed}"\n'
        )
        rest = rest.replace('key = "oms"', f'key = "oms"\ntls = true\ntls_pin_file = "{self.oms.certificate}"', 1)
        calls = f'key = "alder"\ntls = true\ntls_ca = "{self.authority.ca}"\ntls_crl = "{self.listed}"'
        (self.path / "engine.toml").write_text(head + table + rest.replace('key = "alder"', calls, 1))
        return load(self.path / "engine.toml")


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def test_every_file_is_found_under_the_key_that_names_it(folder: Folder) -> None:
    secured = secure(folder.config())
    assert secured.listener is not None
    assert set(secured.sessions) == {"alder"}
    assert folder.oms.sha256 in secured.pins["oms"]
    assert {file.key: file.kind for file in secured.files} == {
        "fix.tls.certificate": Kind.CERTIFICATE,
        "fix.tls.client_ca": Kind.AUTHORITIES,
        "fix.tls.client_crl": Kind.REVOCATIONS,
        "session[oms].tls_pin_file": Kind.PEER,
        "session[alder].tls_ca": Kind.AUTHORITIES,
        "session[alder].tls_crl": Kind.REVOCATIONS,
    }
    assert secured.files[0].sha256 == folder.us.sha256


def test_all_that_is_wrong_is_told_at_once(folder: Folder) -> None:
    config = folder.config()
    folder.us.key.chmod(0o644)
    folder.oms.certificate.unlink()
    folder.listed.write_text("nothing of the kind")
    with pytest.raises(ConfigProblems) as caught:
        secure(config)
    assert [problem.split(": ")[1] for problem in caught.value.problems] == [
        "fix.tls.key",
        "session[oms].tls_pin_file",
        "session[alder].tls_crl",
    ]


def test_a_key_may_be_sealed_anew_when_it_is_renewed(folder: Folder) -> None:
    config = folder.config()
    folder.seal(folder.us, "barley")
    with pytest.raises(ConfigProblems, match="does not open with the passphrase given"):
        secure(config)
    assert secure_again(config).listener is not None
