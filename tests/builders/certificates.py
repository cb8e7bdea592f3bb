"""Certificates for tests: an authority that lives as long as its folder, and whatever it is asked to issue."""

from __future__ import annotations

import datetime
import hashlib
import ssl
from dataclasses import dataclass
from pathlib import Path

import trustme

PAST = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)


@dataclass(frozen=True)
class Issued:
    """One certificate, its chain behind it, and its key."""

    certificate: Path
    key: Path

    @property
    def sha256(self) -> str:
        """The fingerprint of the certificate itself."""
        pem = self.certificate.read_text().partition("-----END CERTIFICATE-----")
        return hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem[0] + pem[1])).hexdigest()


class Authority:
    """One authority; its own certificate is `ca`."""

    def __init__(self, folder: Path, name: str = "ca") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._name = name
        self._authority = trustme.CA(organization_name=f"{name} of the test")
        self.ca = folder / f"{name}.pem"
        self._authority.cert_pem.write_to_path(str(self.ca))

    def issue(self, *names: str, file: str = "", expired: bool = False) -> Issued:
        """A certificate for these names or addresses; it serves a server and a client."""
        times = {"not_before": PAST - datetime.timedelta(days=365), "not_after": PAST} if expired else {}
        made = self._authority.issue_cert(*names, **times)
        stem = f"{self._name}-{file or names[0]}"
        issued = Issued(self._folder / f"{stem}.pem", self._folder / f"{stem}.key")
        issued.certificate.write_bytes(b"".join(blob.bytes() for blob in made.cert_chain_pems))
        issued.key.touch(mode=0o600)
        issued.key.write_bytes(made.private_key_pem.bytes())
        return issued
