"""The echo acceptor as its users have it: a process, a port, and sessions of three versions on it."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PATIENCE_S = 60.0
VERSIONS = [
    pytest.param("FIX.4.2", "TW42", "", id="4.2"),
    pytest.param("FIX.4.4", "TW44", "", id="4.4"),
    pytest.param("FIXT.1.1", "TW50SP2", "1137=9|", id="5.0 SP2"),
]


class Peer:
    """One connection to it, spoken by hand."""

    def __init__(self, port: int, begin_string: str = "FIX.4.4", name: str = "TW44") -> None:
        self.begin_string, self.name = begin_string, name
        self.seq_num = 0
        self.socket = socket.create_connection(("127.0.0.1", port), PATIENCE_S)
        self.heard = b""

    def say(self, kind: str, body: str = "", seq_num: int | None = None) -> None:
        self.seq_num = self.seq_num + 1 if seq_num is None else seq_num
        now = datetime.now(UTC).strftime("%Y%m%d-%H:%M:%S")
        content = f"35={kind}|34={self.seq_num}|49={self.name}|52={now}|56=ISLD|{body}".replace("|", "\x01").encode()
        head = f"8={self.begin_string}\x019={len(content)}\x01".encode() + content
        self.socket.sendall(head + f"10={sum(head) % 256:03d}\x01".encode())

    def hear(self) -> str:
        """The next message without its framing, CompIDs and times; empty when the connection is closed."""
        while b"\x0110=" not in self.heard[:-4]:
            data = self.socket.recv(65_536)
            if not data:
                return ""
            self.heard += data
        end = self.heard.index(b"\x01", self.heard.index(b"\x0110=") + 1) + 1
        frame, self.heard = self.heard[:end].decode(), self.heard[end:]
        fields = [field for field in frame.split("\x01") if field]
        return "|".join(field for field in fields if field.partition("=")[0] not in ("8", "9", "49", "52", "56", "10"))

    def log_on(self, more: str = "") -> str:
        self.say("A", f"98=0|108=30|{more}")
        return self.hear()


@pytest.fixture(scope="module")
def echo() -> Iterator[int]:
    with running() as (process, port):
        yield port
        assert process.poll() is None, "it serves on, whatever came"


@contextlib.contextmanager
def running(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """The program on a free port."""
    process = subprocess.Popen(
        [sys.executable, "-m", "echo", "--port", "0", "--log-level", "ERROR", *arguments],
        env={**os.environ, "PYTHONPATH": f"{ROOT / 'scripts'}{os.pathsep}{ROOT}"},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("listening on 127.0.0.1:"), line
        yield process, int(line.rpartition(":")[2])
    finally:
        process.terminate()
        assert process.wait(PATIENCE_S) == 0


@pytest.mark.parametrize(("begin_string", "name", "more"), VERSIONS)
def test_each_version_echoes(echo: int, begin_string: str, name: str, more: str) -> None:
    peer = Peer(echo, begin_string, name)
    assert peer.log_on(more) == f"35=A|34=1|98=0|108=30|{more}".rstrip("|")
    peer.say("D", "11=a|21=1|40=1|54=1|55=MSFT|38=100|60=20260102-10:11:12|")
    assert peer.hear() == "35=D|34=2|11=a|21=1|38=100|40=1|54=1|55=MSFT|60=20260102-10:11:12"
    own = "20=0|38=1|" if begin_string == "FIX.4.2" else ""
    peer.say("8", f"37=o|17=e|150=0|39=0|55=MSFT|54=1|151=1|14=0|6=0|{own}")
    assert peer.hear().startswith("35=j|34=3|45=3|58=Unsupported Message Type|372=8|380=3")
    peer.say("2", "7=1|16=0|")
    assert peer.hear().startswith("35=4|34=1|43=Y|")
    assert peer.hear().startswith("35=D|34=2|43=Y|")
    assert peer.hear().startswith("35=j|34=3|43=Y|")
    peer.say("5")
    assert peer.hear() == "35=5|34=4"
    assert peer.hear() == ""


def test_all_versions_at_once_on_one_port(echo: int) -> None:
    peers = [Peer(echo, str(version.values[0]), str(version.values[1])) for version in VERSIONS]
    for peer, version in zip(peers, VERSIONS, strict=True):
        assert peer.log_on(str(version.values[2])).startswith("35=A|34=1|")
    for peer in peers:
        peer.say("1", "112=who|")
    assert [peer.hear() for peer in peers] == ["35=0|34=2|112=who"] * 3


@pytest.mark.parametrize(
    ("begin_string", "name", "body"),
    [
        pytest.param("FIX.4.4", "TW42", "98=0|108=30|", id="a name of another version"),
        pytest.param("FIX.4.3", "TW44", "98=0|108=30|", id="a version nobody speaks"),
        pytest.param("FIX.4.4", "NOBODY", "98=0|108=30|", id="a stranger"),
        pytest.param("FIXT.1.1", "TW50SP2", "98=0|108=30|", id="no DefaultApplVerID"),
    ],
)
def test_a_stranger_is_told_nothing(echo: int, begin_string: str, name: str, body: str) -> None:
    peer = Peer(echo, begin_string, name)
    peer.say("A", body)
    assert peer.hear() == ""


def test_a_logout_is_read_whatever_else_was_on_its_way(echo: int) -> None:
    """A socket closed over unread bytes is reset, and its reason lost: so it is closed in good order."""
    peer = Peer(echo)
    peer.log_on()
    peer.say("0", seq_num=1)
    for _ in range(200):
        with contextlib.suppress(OSError):
            peer.say("0")
    assert peer.hear() == "35=5|34=2|58=MsgSeqNum too low, expecting 2 but received 1"
    assert peer.hear() == ""


def test_a_session_that_ended_logs_on_again_at_once_with_new_numbers(echo: int) -> None:
    for _ in range(2):
        peer = Peer(echo)
        assert peer.log_on() == "35=A|34=1|98=0|108=30"
        peer.say("0", seq_num=1)
        assert peer.hear().startswith("35=5|")


def test_it_logs_out_when_it_is_stopped() -> None:
    with running() as (process, port):
        peer = Peer(port)
        peer.log_on()
        process.send_signal(signal.SIGTERM)
        assert peer.hear() == "35=1|34=2|112=TEST"
        peer.say("0", "112=TEST|")
        assert peer.hear() == "35=5|34=3|58=stopping"
        peer.say("5")
        assert peer.hear() == ""
        assert process.wait(PATIENCE_S) == 0


@pytest.mark.parametrize(
    ("arguments", "status", "text"),
    [
        pytest.param(["--config", "absent.toml"], 2, "absent.toml: cannot be read", id="no such file"),
        pytest.param(
            ["--dictionaries", "nowhere"], 2, "dictionary: nowhere/FIX42.xml cannot be read: No such", id="no folder"
        ),
        pytest.param(["--port", "70000"], 2, "--port: expected 0 to 65535, found 70000", id="no port"),
    ],
)
def test_newcomers_mistakes_get_one_message(arguments: list[str], status: int, text: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "echo", *arguments],
        env={**os.environ, "PYTHONPATH": f"{ROOT / 'scripts'}{os.pathsep}{ROOT}"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )
    assert (done.returncode, "Traceback" in done.stderr) == (status, False), done.stderr
    assert text in done.stderr
