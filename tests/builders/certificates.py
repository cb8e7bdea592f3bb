"""Certificates for tests: an authority that lives as long as its folder, and whatever it is asked to issue."""

from __future__ import annotations

import datetime
import hashlib
import ssl
from dataclasses import dataclass
from pathlib import Path

import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key

PAST = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
DAY = datetime.timedelta(days=1)


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

    def revoke(self, *issued: Issued, until: datetime.datetime | None = None) -> Path:
        """A list on which these certificates stand; the next one is due at `until`, tomorrow if it does not say."""
        now = datetime.datetime.now(datetime.UTC)
        until = until or now + DAY
        authority = x509.load_pem_x509_certificate(self._authority.cert_pem.bytes())
        key = load_pem_private_key(self._authority.private_key_pem.bytes(), None)
        listed = x509.CertificateRevocationListBuilder().issuer_name(authority.subject)
        listed = listed.last_update(min(now, until) - DAY).next_update(until)
        for each in issued:
            serial = x509.load_pem_x509_certificate(each.certificate.read_bytes()).serial_number
            entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(now - DAY).build()
            listed = listed.add_revoked_certificate(entry)
        path = self._folder / f"{self._name}.crl"
        path.write_bytes(listed.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM))  # type: ignore[arg-type]
        return path

    def issue(
        self, *names: str, file: str = "", expired: bool = False, not_after: datetime.datetime | None = None
    ) -> Issued:
        """A certificate for these names or addresses; it serves a server and a client."""
        times = {"not_before": PAST - 365 * DAY, "not_after": PAST} if expired else {}
        if not_after is not None:
            times = {"not_after": not_after}
        made = self._authority.issue_cert(*names, **times)
        stem = f"{self._name}-{file or names[0]}"
        issued = Issued(self._folder / f"{stem}.pem", self._folder / f"{stem}.key")
        issued.certificate.write_bytes(b"".join(blob.bytes() for blob in made.cert_chain_pems))
        issued.key.touch(mode=0o600)
        issued.key.write_bytes(made.private_key_pem.bytes())
        return issued
