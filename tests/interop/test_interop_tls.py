"""TLS of the real daemon, as acceptor and as initiator, against Python's own: who gets in, who hears nothing."""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
from interop_daemon import Desk, Peer, Rfqd, run
from interop_link import PATIENCE_S, free_port
from interop_raw import RawListener, RawPeer
from interop_secure import HOST, House, SecureListener, client, dial, is_shut_out, secure_of, server


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> House:
    return House(tmp_path_factory.mktemp("certificates"))


# --- the daemon listens ----------------------------------------------------------------------------


class Listening:
    def __init__(self, house: House, desk: Desk, daemon: Rfqd, port: int) -> None:
        self.house, self.desk, self.daemon, self.port = house, desk, daemon, port

    def leave(self, peer: RawPeer) -> None:
        """Log out, and wait until the session is free for its next connection."""
        own_port = secure_of(peer).port
        peer.say("5")
        peer.expect_end()
        peer.close()
        self.daemon.until_said(f"peer={HOST}:{own_port} reason=logged_out")


@pytest.fixture(scope="module")
def listening(house: House, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Listening]:
    """A TLS port beside the plain one: `oms` is pinned and has a password, `dropcopy` takes either port."""
    folder, port = tmp_path_factory.mktemp("listening"), free_port()
    run_dir = tmp_path_factory.mktemp("l")
    secret = folder / "oms.password"
    secret.touch(mode=0o600)
    secret.write_text("sesame\n")
    pinned = f'tls = true\ntls_pin_sha256 = ["{house.oms.sha256}"]\npassword_file = "{secret}"\nusername_env = "HOME"'
    desk = Desk(
        folder / "rfqd",
        run_dir,
        free_port(),
        [Peer("oms", "oms", more=pinned), Peer("dropcopy", "dropcopy"), Peer("alder", "dealer", free_port())],
        more={
            "fix.tls": f'listen_port = {port}\ncertificate = "{house.engine.certificate}"\nkey = "{house.engine.key}"\n'
            f'client_ca = "{house.authority.ca}"\nclient_certificate = "optional"\nmin_version = "1.3"',
            "fix": "logon_timeout_s = 3.0",
        },
    )
    daemon = Rfqd(desk.write())
    daemon.start()
    try:
        yield Listening(house, desk, daemon, port)
        assert daemon.stop() == 0
        assert not daemon.complaints, "a failed handshake is a line, never an error or a traceback"
    finally:
        daemon.end()


def oms_logon(peer: RawPeer, password: str = "sesame", reset: str | None = "Y") -> None:
    """The user name is that of a variable every process has."""
    body = [(98, "0"), (108, "30"), (141, reset), (553, os.environ["HOME"]), (554, password)]
    peer.say("A", [(tag, value) for tag, value in body if value is not None])


def test_a_session_over_tls_lives(listening: Listening) -> None:
    peer = dial(listening.port, client(listening.house), "DROPCOPY")
    peer.logon().still_answered()
    peer.say("5")
    peer.expect_end()


def test_a_session_without_terms_may_take_the_plain_port(listening: Listening) -> None:
    peer = RawPeer.dial(listening.desk.fix_port, "DROPCOPY").logon()
    peer.say("5")
    peer.expect_end()


def test_a_pinned_session_is_let_in_with_its_certificate_and_its_password(listening: Listening) -> None:
    peer = dial(listening.port, client(listening.house, listening.house.oms), "OMS")
    oms_logon(peer)
    peer.expect(t35="A", t141="Y")
    peer.still_answered()
    peer.say("5")
    peer.expect_end()


def test_a_pin_does_not_replace_a_password_that_was_agreed(listening: Listening) -> None:
    peer = dial(listening.port, client(listening.house, listening.house.oms), "OMS")
    oms_logon(peer, password="guess")
    assert peer.expect_end() == []


@pytest.mark.parametrize(
    ("shown", "said"),
    [
        pytest.param("colleague", "was shown, session oms is pinned to another", id="of the same authority"),
        pytest.param(None, "no certificate was shown, session oms is pinned to another", id="none"),
    ],
)
def test_a_pinned_session_hears_nothing_with_another_certificate(
    listening: Listening, shown: str | None, said: str
) -> None:
    """CompIDs and password fit, and 141=Y is not obeyed either: the numbers of the next good logon go on."""
    house = listening.house
    good = dial(listening.port, client(house, house.oms), "OMS")
    oms_logon(good)
    good.expect(t35="A")
    listening.leave(good)
    peer = dial(listening.port, client(house, getattr(house, shown) if shown else None), "OMS")
    oms_logon(peer)
    assert peer.expect_end() == []
    listening.daemon.until_said(said)
    again = dial(listening.port, client(house, house.oms), "OMS")
    again.next_out = good.next_out
    oms_logon(again, reset=None)
    assert again.expect(t35="A")[34] == "3", "Logon and Logout before it are counted: nothing was reset"
    listening.leave(again)


def test_a_session_for_tls_alone_hears_nothing_on_the_plain_port(listening: Listening) -> None:
    peer = RawPeer.dial(listening.desk.fix_port, "OMS")
    oms_logon(peer)
    assert peer.expect_end() == []
    listening.daemon.until_said("session oms is for TLS alone")


@pytest.mark.parametrize(
    ("shown", "said"),
    [
        pytest.param("foreign", "its certificate is not accepted: unable to get local issuer", id="another authority"),
        pytest.param("expired", "its certificate is not accepted: certificate has expired", id="expired"),
    ],
)
def test_a_clients_certificate_is_verified(listening: Listening, shown: str, said: str) -> None:
    assert is_shut_out(listening.port, client(listening.house, getattr(listening.house, shown)))
    listening.daemon.until_said(said)


def test_a_client_of_an_older_version_than_agreed_is_shut_out(listening: Listening) -> None:
    old = client(listening.house)
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    assert is_shut_out(listening.port, old)
    listening.daemon.until_said("code=handshake: unsupported protocol")


def test_what_is_no_tls_is_shut_out(listening: Listening) -> None:
    peer = RawPeer.dial(listening.port, "DROPCOPY")
    peer.say("A", [(98, "0"), (108, "30")])
    assert not [said for said in peer.expect_end() if said.fields], "at most an alert of TLS"
    listening.daemon.until_said("code=handshake: wrong version number")


def test_a_handshake_that_drips_is_over_in_the_time_for_a_logon(listening: Listening) -> None:
    with socket.create_connection((HOST, listening.port), PATIENCE_S) as plain:
        plain.sendall(b"\x16\x03\x01\x02\x00")
        with contextlib.suppress(ConnectionResetError):
            assert plain.recv(1) == b""
    listening.daemon.until_said("code=handshake: SSL handshake is taking longer than 3.0 seconds")


def test_a_client_that_trusts_another_authority_leaves(listening: Listening) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        dial(listening.port, client(listening.house, ca=listening.house.stranger.ca), "DROPCOPY")
    listening.daemon.until_said("code=handshake: tlsv1 alert unknown ca")


# --- the daemon calls ------------------------------------------------------------------------------


@pytest.fixture
def calling(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Calling]:
    run_dir = tmp_path_factory.mktemp("c")
    made = Calling(tmp_path / "rfqd", run_dir)
    yield made
    made.end()


class Calling:
    """A daemon that calls one dealer over TLS."""

    def __init__(self, folder: Path, run_dir: Path) -> None:
        self._folder, self._run_dir = folder, run_dir
        self._daemon: Rfqd | None = None
        self._listener: RawListener | None = None

    def start(self, context: ssl.SSLContext, terms: str) -> tuple[Rfqd, SecureListener]:
        self._listener = listener = SecureListener("ALDER", context)
        peers = [Peer("alder", "dealer", listener.port, more=f"tls = true\n{terms}")]
        self._daemon = daemon = Rfqd(Desk(self._folder, self._run_dir, free_port(), peers).write())
        daemon.start()
        return daemon, listener

    def end(self) -> None:
        if self._daemon is not None:
            self._daemon.end()
        if self._listener is not None:
            self._listener.close()


def test_a_dealer_over_tls_with_certificates_at_both_ends(house: House, calling: Calling) -> None:
    dealer = house.authority.issue("dealer.example")
    _, listener = calling.start(
        server(dealer, client_ca=house.authority.ca),
        f'tls_ca = "{house.authority.ca}"\ntls_server_name = "dealer.example"\ntls_min_version = "1.3"\n'
        f'tls_certificate = "{house.engine.certificate}"\ntls_key = "{house.engine.key}"\n'
        f'tls_pin_sha256 = ["{":".join(dealer.sha256[n : n + 2].upper() for n in range(0, 64, 2))}"]',
    )
    peer = listener.accept()
    peer.still_answered()
    assert secure_of(peer).version == "TLSv1.3"


@pytest.mark.parametrize(
    ("shown", "terms", "said"),
    [
        pytest.param(("foreign", HOST), "", "unable to get local issuer certificate", id="another authority"),
        pytest.param(("authority", "mallory.example"), "", "IP address mismatch", id="another name"),
        pytest.param(("expired", HOST), "", "certificate has expired", id="expired"),
        pytest.param(
            ("authority", "mallory.example"),
            '\ntls_server_name = "dealer.example"',
            "Hostname mismatch",
            id="another name than agreed",
        ),
    ],
)
def test_a_dealer_is_not_told_who_calls_unless_its_certificate_is_good(
    house: House, calling: Calling, shown: tuple[str, str], terms: str, said: str
) -> None:
    kind, name = shown
    authority = house.stranger if kind == "foreign" else house.authority
    dealer = authority.issue(name, file=f"dealer-{kind}", expired=kind == "expired")
    daemon, listener = calling.start(server(dealer), f'tls_ca = "{house.authority.ca}"{terms}')
    for _ in range(2):
        with pytest.raises(ssl.SSLError):
            listener.take()
    line = daemon.until_said("cannot connect session=alder")
    assert said in line
    assert not daemon.complaints


def test_a_dealer_with_another_certificate_than_pinned_hears_no_logon(house: House, calling: Calling) -> None:
    dealer = house.authority.issue(HOST, file="dealer-unpinned")
    daemon, listener = calling.start(
        server(dealer), f'tls_ca = "{house.authority.ca}"\ntls_pin_sha256 = ["{house.engine.sha256}"]'
    )
    with listener.take() as secure:
        assert secure.recv(1) == b"", "closed without a Logon(A)"
    daemon.until_said(f"certificate {dealer.sha256} was shown, session alder is pinned to another")


def test_an_old_version_is_not_spoken(house: House, calling: Calling) -> None:
    context = server(house.authority.issue(HOST, file="dealer-old"))
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    daemon, listener = calling.start(context, f'tls_ca = "{house.authority.ca}"\ntls_min_version = "1.3"')
    with pytest.raises(ssl.SSLError, match=r"(?i)unsupported.protocol|protocol.version"):
        listener.take()
    daemon.until_said("cannot connect session=alder")


# --- before it starts ------------------------------------------------------------------------------


def test_a_certificate_that_cannot_be_used_stops_the_start_and_the_check(house: House, tmp_path: Path) -> None:
    """Everything that is wrong at once, under the key that names the file; nothing was begun."""
    key = house.engine.key.read_bytes()
    readable = tmp_path / "readable.key"
    readable.write_bytes(key)
    readable.chmod(0o644)
    calls = f'tls = true\ntls_ca = "{house.authority.ca}"\ntls_certificate = "{house.expired.certificate}"\n'
    desk = Desk(
        tmp_path / "rfqd",
        tmp_path,
        free_port(),
        [Peer("alder", "dealer", free_port(), more=f'{calls}tls_key = "{house.expired.key}"')],
        more={"fix.tls": f'certificate = "{house.engine.certificate}"\nkey = "{readable}"'},
    )
    config = desk.write()
    for arguments in ([], ["check"]):
        ended = run(["--config", str(config), *arguments], desk.folder)
        assert ended.returncode == 2
        assert ended.stderr.splitlines()[:2] == [
            f"engine.toml: fix.tls.key: others can read {readable} (mode 644): chmod 600 it",
            f"engine.toml: session[alder].tls_certificate: {house.expired.certificate}"
            " cannot be a client's certificate: certificate has expired",
        ]
        assert not desk.journal.exists()
