"""Certificates renewed under the running daemon: by one command, for new connections, and not if anything is wrong."""

from __future__ import annotations

import hashlib
import json
import shutil
import ssl
import tempfile
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from builders.certificates import DAY, Issued
from interop_daemon import Desk, Peer, Rfqd
from interop_link import PATIENCE_S, Board, free_port
from interop_raw import RawPeer
from interop_scene import journal_rows
from interop_secure import HOST, House, SecureListener, client, dial, is_shut_out, server

from engine.admin import cli


class Renewal:
    """A daemon with a TLS port and a dealer that it calls over TLS, its files where an operator would put new ones."""

    def __init__(self, folder: Path, run_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.house = House(folder / "house")
        self._files = folder / "tls"
        self._files.mkdir()
        self._capsys = capsys
        self.port = free_port()
        self.dealer = SecureListener("ALDER", server(self.house.authority.issue(HOST, file="dealer")))
        self.put("us", self.house.engine)
        self.put_text("clients.pem", self.house.authority.ca.read_text())
        self.put_text("dealers.pem", self.house.authority.ca.read_text())
        self.put_text("oms.pem", self.house.oms.certificate.read_text())
        self.put_text("clients.crl", self.house.authority.revoke().read_text())
        tls = "\n".join(
            [
                f'listen_port = {self.port}\ncertificate = "{self._files}/us.pem"\nkey = "{self._files}/us.key"',
                f'client_ca = "{self._files}/clients.pem"\nclient_certificate = "optional"',
                f'client_crl = "{self._files}/clients.crl"',
            ]
        )
        peers = [
            Peer("oms", "oms", more=f'tls = true\ntls_pin_file = "{self._files}/oms.pem"'),
            Peer("dropcopy", "dropcopy"),
            Peer("alder", "dealer", self.dealer.port, more=f'tls = true\ntls_ca = "{self._files}/dealers.pem"'),
        ]
        self.desk = Desk(
            folder / "rfqd", run_dir, free_port(), peers, more={"fix.tls": tls, "fix": "logout_timeout_s = 0.2"}
        )
        self.daemon = Rfqd(self.desk.write())
        self.daemon.start()

    def put(self, stem: str, issued: Issued) -> None:
        self.put_text(f"{stem}.pem", issued.certificate.read_text())
        self.put_text(f"{stem}.key", issued.key.read_text())

    def put_text(self, name: str, text: str) -> None:
        path = self._files / name
        path.touch(mode=0o600)
        path.write_text(text)

    def rfqctl(self, *words: str, status: int = 0) -> str:
        got = cli.main([*words, "--socket", str(self.desk.socket)])
        shown = self._capsys.readouterr()
        assert got == status, shown
        return shown.out + shown.err

    def reload(self, status: int = 0) -> str:
        return self.rfqctl("tls", "reload", "--reason", "the yearly renewal", status=status)

    def told(self, *words: str) -> Any:
        return json.loads(self.rfqctl(*words, "--json"))

    def call(self, comp_id: str, shown: Issued | None = None) -> RawPeer:
        return dial(self.port, client(self.house, shown), comp_id)

    def served(self) -> str:
        """The fingerprint of the certificate that a new connection is shown."""
        return hashlib.sha256(ssl.PEM_cert_to_DER_cert(ssl.get_server_certificate((HOST, self.port)))).hexdigest()

    def metric(self, name: str) -> dict[str, float]:
        """By its one label."""
        url = self.daemon.until_said("metrics endpoint listening url=").partition("url=")[2]
        with urllib.request.urlopen(url, timeout=PATIENCE_S) as answer:
            lines = answer.read().decode().splitlines()
        found = [line.rpartition(" ") for line in lines if line.startswith(f"{name}{{")]
        return {series.partition('"')[2].rstrip('"}'): float(value) for series, _, value in found}

    def end(self) -> None:
        self.daemon.end()
        self.dealer.close()


@pytest.fixture
def renewal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Renewal]:
    run_dir = Path(tempfile.mkdtemp(prefix="rfq-"))
    made = Renewal(tmp_path, run_dir, capsys)
    try:
        yield made
        assert made.daemon.stop() == 0
        assert not made.daemon.complaints
    finally:
        made.end()
        shutil.rmtree(run_dir)


def test_a_renewed_certificate_is_shown_to_new_connections_and_ends_none(renewal: Renewal) -> None:
    house = renewal.house
    dealer, live = renewal.dealer.accept(), renewal.call("DROPCOPY").logon()
    renewed = house.authority.issue(HOST, "localhost", file="renewed")
    renewal.put("us", renewed)
    assert renewal.served() == house.engine.sha256, "not before somebody says so"

    assert "taken up, 1 of 5 file(s) changed: new connections use them" in renewal.reload()

    assert renewal.served() == renewed.sha256
    live.still_answered()
    dealer.still_answered()
    ((key, used),) = journal_rows(
        renewal.desk.journal, "SELECT json_extract(f.value, '$.key'), json_extract(f.value, '$.sha256') FROM events, "
        "json_each(body, '$.files') AS f WHERE events.type = 'TlsReloaded' AND f.value LIKE '%fix.tls.certificate%'"
    )  # fmt: skip
    assert (key, used) == ("fix.tls.certificate", renewed.sha256)
    assert "read again: nothing in them has changed" in renewal.reload()


def test_wrong_files_keep_the_old_ones_and_are_named(renewal: Renewal) -> None:
    house = renewal.house
    before = renewal.told("tls", "show")["files"]
    renewal.put_text("us.pem", house.authority.issue(HOST, file="half").certificate.read_text())
    renewal.put_text("dealers.pem", "nothing of the kind\n")
    renewal.put_text("oms.pem", house.expired.certificate.read_text().partition("-----END")[0])

    said = renewal.reload(status=1)

    assert "nothing was taken up, TLS goes on with what it has" in said
    for wrong in (
        "engine.toml: fix.tls.key: ",
        "us.key is not the key of ",
        "engine.toml: session[alder].tls_ca: ",
        "dealers.pem has no certificate in PEM form",
        "engine.toml: session[oms].tls_pin_file: ",
    ):
        assert wrong in said
    assert renewal.served() == house.engine.sha256
    assert renewal.told("tls", "show")["files"] == before
    renewal.call("DROPCOPY").logon().still_answered()
    renewal.dealer.accept().still_answered()
    assert not journal_rows(renewal.desk.journal, "SELECT 1 FROM events WHERE type = 'TlsReloaded'")
    renewal.put("us", house.engine)  # A daemon that starts reads them too.
    renewal.put_text("dealers.pem", house.authority.ca.read_text())
    renewal.put_text("oms.pem", house.oms.certificate.read_text())
    renewal.reload()


def test_a_peer_that_has_renewed_its_certificate_is_let_in_once_its_pin_is_taken_up(renewal: Renewal) -> None:
    house = renewal.house
    renewed = house.authority.issue("oms.example", file="oms-renewed")
    assert renewal.call("OMS", renewed).logon_refused()
    renewal.put_text("oms.pem", renewed.certificate.read_text())
    renewal.reload()
    oms = renewal.call("OMS", renewed).logon()
    oms.still_answered()
    shown = renewal.told("session", "show", "oms")
    assert (shown["certificate"], shown["state"]) == (renewed.sha256, "active")
    assert shown["certificate_ends"]["days"] > 0
    assert {each["key"] for each in shown["tls_files"]} == {
        "fix.tls.certificate",
        "fix.tls.client_ca",
        "fix.tls.client_crl",
        "session[oms].tls_pin_file",
    }
    assert renewal.call("OMS", house.oms).logon_refused()


def test_authorities_are_taken_up_on_both_sides(renewal: Renewal) -> None:
    """A client of another authority, and a dealer that has gone over to it."""
    house, board = renewal.house, Board()
    dealer = renewal.dealer.accept()
    dealer.close()
    renewal.dealer.context = server(house.stranger.issue(HOST, file="moved"))
    assert is_shut_out(renewal.port, client(house, house.foreign))
    with pytest.raises(ssl.SSLError):
        renewal.dealer.take()
    both = house.authority.ca.read_text() + house.stranger.ca.read_text()
    renewal.put_text("clients.pem", both)
    renewal.put_text("dealers.pem", both)
    renewal.put_text("clients.crl", house.authority.revoke().read_text() + house.stranger.revoke().read_text())

    assert "taken up, 3 of 5 file(s) changed" in renewal.reload()

    renewal.call("DROPCOPY", house.foreign).logon().still_answered()

    def came() -> RawPeer | None:
        try:
            return renewal.dealer.accept(dealer.next_out)
        except ssl.SSLError:
            return None  # It was on its way already.

    board.until("the dealer to be called with the new authority", came).still_answered()


def test_a_revoked_client_is_shut_out_from_its_next_connection_on(renewal: Renewal) -> None:
    house = renewal.house
    live = renewal.call("OMS", house.oms).logon()
    renewal.put_text("clients.crl", house.authority.revoke(house.oms).read_text())
    renewal.reload()
    live.still_answered()
    assert is_shut_out(renewal.port, client(house, house.oms))
    renewal.daemon.until_said("its certificate is not accepted: certificate revoked")
    renewal.call("DROPCOPY", house.colleague).logon().still_answered()


def test_ends_are_metrics_and_move_with_a_reload(renewal: Renewal) -> None:
    house = renewal.house
    renewal.call("OMS", house.oms).logon().still_answered()
    before = renewal.metric("fix_certificate_not_after_seconds")
    assert set(before) == {
        "fix.tls.certificate",
        "fix.tls.client_ca",
        "session[oms].tls_pin_file",
        "session[alder].tls_ca",
    }
    assert set(renewal.metric("fix_revocation_list_next_update_seconds")) == {"fix.tls.client_crl"}
    said = Board().until("the peer's end", lambda: renewal.metric("fix_peer_certificate_not_after_seconds"))
    assert said["oms"] == before["session[oms].tls_pin_file"]
    end = datetime.now(UTC).replace(microsecond=0) + 3 * DAY
    soon = house.authority.issue(HOST, file="soon", not_after=end)
    renewal.put("us", soon)
    assert "in 2 days" in renewal.reload()
    after = renewal.metric("fix_certificate_not_after_seconds")
    assert after["fix.tls.certificate"] == end.timestamp()
