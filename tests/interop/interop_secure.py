"""Peers over TLS by Python's own: what a test needs to call the daemon, or to be called by it, with certificates."""

from __future__ import annotations

import contextlib
import select
import socket
import ssl
import threading
from pathlib import Path
from typing import cast

from builders.certificates import Authority, Issued
from interop_link import PATIENCE_S
from interop_raw import RawListener, RawPeer

HOST = "127.0.0.1"


class House:
    """Two authorities and everybody's certificates."""

    def __init__(self, folder: Path) -> None:
        self.authority, self.stranger = Authority(folder), Authority(folder, "other")
        self.engine = self.authority.issue(HOST, "localhost", file="engine")
        self.oms = self.authority.issue("oms.example")
        self.colleague = self.authority.issue("colleague.example")
        self.foreign = self.stranger.issue("oms.example")
        self.expired = self.authority.issue("late.example", expired=True)


def client(house: House, shown: Issued | None = None, *, ca: Path | None = None) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(ca or house.authority.ca)
    if shown is not None:
        context.load_cert_chain(shown.certificate, shown.key)
    return context


class Secure:
    """A TLS connection that one thread reads and another writes: OpenSSL must not be used by both at once."""

    def __init__(self, connection: ssl.SSLSocket) -> None:
        connection.setblocking(False)
        self._connection = connection
        self._turn = threading.Lock()

    @property
    def port(self) -> int:
        return int(self._connection.getsockname()[1])

    @property
    def version(self) -> str | None:
        return self._connection.version()

    def recv(self, size: int) -> bytes:
        while True:
            with self._turn, contextlib.suppress(ssl.SSLWantReadError):
                return self._connection.recv(size)
            select.select([self._connection], [], [], PATIENCE_S)

    def sendall(self, data: bytes) -> None:
        while data:
            with self._turn, contextlib.suppress(ssl.SSLWantWriteError):
                data = data[self._connection.send(data) :]

    def shutdown(self, how: int) -> None:
        self._connection.shutdown(how)

    def close(self) -> None:
        self._connection.close()


def peer_of(connection: ssl.SSLSocket, comp_id: str, next_out: int = 1) -> RawPeer:
    return RawPeer(cast(socket.socket, Secure(connection)), comp_id, next_out)


def secure_of(peer: RawPeer) -> Secure:
    found = peer._connection
    assert isinstance(found, Secure)
    return found


def dial(port: int, context: ssl.SSLContext, comp_id: str) -> RawPeer:
    """Raises OSError where the handshake fails at our side."""
    plain = socket.create_connection((HOST, port), PATIENCE_S)
    return peer_of(context.wrap_socket(plain, server_hostname=HOST), comp_id)


def is_shut_out(port: int, context: ssl.SSLContext) -> bool:
    """Does the daemon end this connection without a byte of FIX? With TLS 1.3 a client learns it when it reads."""
    with (
        contextlib.suppress(OSError),
        socket.create_connection((HOST, port), PATIENCE_S) as plain,
        context.wrap_socket(plain, server_hostname=HOST) as secure,
    ):
        secure.sendall(b"8=FIX.4.4\x019=5\x0135=A\x0110=000\x01")
        return secure.recv(1) == b""
    return True


class SecureListener(RawListener):
    """A counterparty's TLS port."""

    def __init__(self, comp_id: str, context: ssl.SSLContext) -> None:
        super().__init__(comp_id)
        self.context = context

    def take(self) -> ssl.SSLSocket:
        connection, _ = self._server.accept()
        return self.context.wrap_socket(connection, server_side=True)

    def accept(self, next_out: int = 1) -> RawPeer:
        peer = peer_of(self.take(), self._comp_id, next_out)
        said = peer.expect(t35="A")
        peer.say("A", [(98, "0"), (108, said[108])])
        return peer


def server(shown: Issued, *, client_ca: Path | None = None) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(shown.certificate, shown.key)
    if client_ca is not None:
        context.load_verify_locations(client_ca)
        context.verify_mode = ssl.CERT_REQUIRED
    return context
