"""QuickFIX as a party: the C++ engine that most counterparties run, by its own Python binding."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import subprocess
import sys
import threading
from collections import deque
from pathlib import Path
from typing import Any

from interop_link import PATIENCE_S, Board, LoopThread
from interop_party import Answer, Identity
from interop_wire import Body, Said, read

DEATHS_MAX = 20
SESSION_TYPES = frozenset("012345A")
CHILD = Path(__file__).parent / "quickfix_child.py"


def specs() -> Path:
    """The folder of QuickFIX's own dictionaries: its wheels come without them, fixcore brings them word for word."""
    found = importlib.util.find_spec("fixcore")
    assert found is not None, "fixcore-engine is not installed: pip install -e '.[interop]'"
    assert found.origin is not None
    return Path(found.origin).parent / "specs"


class QuickfixParty:
    """One session in a process of its own."""

    def __init__(self, loop: LoopThread, board: Board, identity: Identity, answer: Answer | None = None) -> None:
        self._board = board
        self._identity = identity
        self._answer = answer
        self._process: subprocess.Popen[str] | None = None
        self._telling = threading.Lock()
        self._seen: dict[str, int] = {}
        self._refused = 0
        self._sent = 0
        self._waiting: deque[tuple[str, Body]] = deque()
        """Handed over, and its process has not said yet that it is in its store."""
        self._stored_before = 0
        self._settling = 0
        self.logged_on = False
        self.heard: list[Said] = []
        self.is_started_again = False
        """Whether somebody starts it again when its process ends by itself: some flipped bytes are the end of it."""
        self.deaths = 0

    def start(self) -> None:
        self._stored_before = self._stored()
        path = self._identity.folder / "session.cfg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(_ini(self._identity))
        self._process = self._launched(path)
        self._board.until("QuickFIX to be started", lambda: self._seen.get("started"))

    def _launched(self, path: Path) -> subprocess.Popen[str]:
        log = (self._identity.folder / "stderr.log").open("ab")
        process = subprocess.Popen(
            [sys.executable, str(CHILD), str(path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
        log.close()
        threading.Thread(target=self._listen, args=(process,), daemon=True).start()
        return process

    def stop(self) -> None:
        if self._process is None:
            return
        self.is_started_again = False
        self._tell(self._process, {"do": "stop"})
        try:
            self._process.wait(PATIENCE_S)
        finally:
            self.end()

    def end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()

    def send(self, kind: str, body: Body) -> None:
        number = self._say(kind, body)
        self._until("sent", number)
        assert not self._refused, f"QuickFIX did not send {kind}"

    def post(self, kind: str, body: Body) -> None:
        """Hand over an application message whether or not anybody is connected: its store has it from then on."""
        self._say(kind, body)

    def settle(self, number: int) -> None:
        """Wait until its engine expects this number of ours: it counts after its application was told."""
        assert self._process is not None
        self._settling += 1
        self._tell(self._process, {"do": "settle", "number": number})
        self._until("settled", self._settling)

    def forget(self) -> None:
        """Make its engine expect our first number: with our next message it asks for everything again."""
        assert self._process is not None
        self._tell(self._process, {"do": "forget"})

    def _say(self, kind: str, body: Body) -> int:
        """Hand over a message: which one it was that its process is told to send. The test does, and who answers."""
        with self._telling:
            assert self._process is not None
            self._sent += 1
            self._waiting.append((kind, body))
            # To one that has just died it is said again when it is back.
            with contextlib.suppress(BrokenPipeError) if self.is_started_again else contextlib.nullcontext():
                _write(self._process, {"do": "send", "kind": kind, "body": body})
            return self._sent

    def _tell(self, process: subprocess.Popen[str], what: dict[str, Any]) -> None:
        with self._telling:
            _write(process, what)

    def _until(self, event: str, times: int) -> None:
        self._board.until(f"QuickFIX to say {event!r} ({times})", lambda: self._seen.get(event, 0) >= times)

    def _listen(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            given = json.loads(line)
            event = given["event"]
            if event in ("logon", "logout"):
                self.logged_on = event == "logon"
            elif event == "app":
                said = read(given["raw"])
                self.heard.append(said)
                if self._answer is not None:
                    for kind, body in self._answer(said):
                        self._say(kind, body)
            elif event == "sent":
                self._waiting.popleft()
                self._refused += not given["ok"]
            self._seen[event] = self._seen.get(event, 0) + 1
            self._board.tell()
        self.logged_on = False
        if self.is_started_again and self._process is process and self.deaths < DEATHS_MAX:
            # "terminate called after throwing ... FIX::InvalidMessage: Field tag is invalid": its store has it all.
            self.deaths += 1
            process.wait()
            self._start_again()
        self._board.tell()

    def _stored(self) -> int:
        """How much of what it was told to send is in its store; a BusinessMessageReject(j) is its own."""
        return sum(said.kind != "j" for said in stored(self._identity.folder))

    def _start_again(self) -> None:
        """What it was told to send and had not stored when it died, it is told again; what it had stored, it has."""
        with self._telling:
            said_so = self._seen.get("sent", 0)
            has = self._stored() - self._stored_before
            for _ in range(has - said_so):
                self._waiting.popleft()
            self._seen["sent"] = has
            self._process = self._launched(self._identity.folder / "session.cfg")
            with contextlib.suppress(BrokenPipeError):
                for kind, body in self._waiting:
                    _write(self._process, {"do": "send", "kind": kind, "body": body})


def _write(process: subprocess.Popen[str], what: dict[str, Any]) -> None:
    assert process.stdin is not None
    process.stdin.write(json.dumps(what) + "\n")
    process.stdin.flush()


def stored(folder: Path) -> list[Said]:
    """The application messages in a QuickFIX FileStore, by number: `number,offset,size` each, and the bytes.

    One that has not been counted yet has not left: a QuickFIX that dies just then gives the number to its next message.
    """
    header, body, numbers = (next(folder.glob(f"*.{kind}"), None) for kind in ("header", "body", "seqnums"))
    if header is None or body is None or numbers is None:
        return []
    next_out = int(numbers.read_text().partition(":")[0] or 0)
    data = body.read_bytes()
    kept = {}
    for entry in header.read_text().split():
        number, offset, size = map(int, entry.split(","))
        if number < next_out:
            kept[number] = read(data[offset : offset + size])
    return [said for said in kept.values() if said.kind not in SESSION_TYPES]


def _ini(identity: Identity) -> str:
    """Its dictionary checks every message of ours, and refuses what it finds wrong."""
    address = (
        f"ConnectionType=acceptor\nSocketAcceptPort={identity.port}\n"
        if identity.listens
        else f"ConnectionType=initiator\nSocketConnectHost=127.0.0.1\nSocketConnectPort={identity.port}\n"
        "ReconnectInterval=1\n"
    )
    dictionary = f"DataDictionary={specs() / identity.begin_string.replace('.', '')}.xml\n"
    if identity.appl_ver_id:
        dictionary = (
            f"DefaultApplVerID={identity.appl_ver_id}\nTransportDataDictionary={specs() / 'FIXT11.xml'}\n"
            f"AppDataDictionary={specs() / 'FIX50SP2.xml'}\n"
        )
    # Below [DEFAULT], where its sockets look for their certificates; its session inherits it.
    more = "".join(f"{key}={value}\n" for key, value in identity.more.items())
    return (
        f"[DEFAULT]\nFileStorePath={identity.folder}\nFileLogPath={identity.folder / 'log'}\nStartTime=00:00:00\n"
        f"EndTime=00:00:00\n{address}{more}\n[SESSION]\nBeginString={identity.begin_string}\n"
        f"SenderCompID={identity.comp_id}\nTargetCompID={identity.target_comp_id}\nHeartBtInt={identity.heart_bt_int_s}\n"
        f"ResetOnLogon={'Y' if identity.reset_on_logon else 'N'}\nUseDataDictionary=Y\n{dictionary}"
    )
