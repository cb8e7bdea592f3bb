"""The other end of the admin socket: what rfqctl and scripts are made of. Blocking, one call at a time.

with AdminClient(path) as desk:
    desk.call("orders", state="open")
"""

from __future__ import annotations

import socket
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final

import orjson

from engine.admin.protocol import Request, request_line
from engine.errors import CommandError, StartError

TIMEOUT_S: Final = 30.0
LINE_BYTES_MAX: Final = 64 * 1_048_576


@dataclass(frozen=True, slots=True)
class Heard:
    """One notice; `time` is UTC text, `seq` the journal seq of its event (of a page: of the last one before it)."""

    topic: str
    time: str
    seq: int
    body: Mapping[str, Any]


class AdminClient:
    """One connection. Raises StartError if no daemon answers, CommandError for everything that goes wrong later."""

    def __init__(self, path: Path | str, timeout_s: float = TIMEOUT_S) -> None:
        self.path = Path(path)
        self.timeout_s = timeout_s
        self._buffer = bytearray()
        self._heard: deque[Heard] = deque()
        self._shown_seq = -1
        """What a snapshot shows already."""
        self._last_id = 0
        self._socket = _connect(self.path, timeout_s)

    def call(self, method: str, /, **params: Any) -> Any:
        """The result of one command. Raises CommandError with the desk's own words and code."""
        self._last_id += 1
        try:
            self._socket.settimeout(self.timeout_s)
            self._socket.sendall(request_line(Request(self._last_id, method, params)))
        except OSError:
            pass  # Refused at the door: the reason may stand in what can still be read.
        deadline = time.monotonic() + self.timeout_s
        while True:
            answer = self._read(deadline - time.monotonic())
            if answer is None:
                raise CommandError(
                    f"{method}: no answer within {self.timeout_s:g} s; it may still be carried out", code="timeout"
                )
            if answer.get("method") == "notice":
                self._heard.append(_notice(answer))
            elif "error" in answer and answer.get("id") in (None, self._last_id):
                error = answer["error"]
                raise CommandError(error["message"], code=error.get("data", {}).get("code", "refused"))
            elif answer.get("id") == self._last_id:
                return answer["result"]

    def subscribe(self, *topics: str) -> int:
        """Hear notices of these topics, or of all, from now on: everything behind the journal seq that is returned."""
        seq: int = self.call("subscribe", topics=list(topics))["seq"]
        return seq

    def snapshot(self, method: str, /, **params: Any) -> Any:
        """The answer to a command that looks, once subscribed; from then on `hear` gives what happened after it.

        An answer carries the journal seq that it reflects. What is behind that follows without a gap, and nothing
        that it shows already is heard once more.
        """
        answer = self.call(method, **params)
        self._shown_seq = answer["seq"]
        return answer

    def hear(self, timeout_s: float) -> Heard | None:
        """The next notice, None if none came in time."""
        deadline = time.monotonic() + timeout_s
        while True:
            if self._heard:
                notice = self._heard.popleft()
                # No snapshot shows pages.
                if notice.seq > self._shown_seq or notice.topic == "page":
                    return notice
                continue
            line = self._read(deadline - time.monotonic())
            if line is None:
                return None
            if line.get("method") == "notice":
                self._heard.append(_notice(line))

    def close(self) -> None:
        self._socket.close()

    def __enter__(self) -> AdminClient:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _read(self, timeout_s: float) -> dict[str, Any] | None:
        """The next line as an object; None when the time is over."""
        deadline = time.monotonic() + timeout_s
        while (end := self._buffer.find(b"\n")) < 0:
            left = deadline - time.monotonic()
            if left <= 0:
                return None
            if len(self._buffer) > LINE_BYTES_MAX:
                raise CommandError("the daemon's answer has no end", code="lost")
            self._socket.settimeout(left)
            try:
                data = self._socket.recv(262_144)
            except TimeoutError:
                return None
            except ConnectionResetError:
                data = b""  # It went with something of ours unread.
            except OSError as error:
                raise CommandError(f"the connection to the daemon broke: {error.strerror}", code="lost") from error
            if not data:
                raise CommandError("the daemon ended the connection; what was asked may have been done", code="lost")
            self._buffer += data
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        found = orjson.loads(line)
        assert isinstance(found, dict)
        return found


def _connect(path: Path, timeout_s: float) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.settimeout(timeout_s)
    try:
        connection.connect(str(path))
    except (FileNotFoundError, ConnectionRefusedError, NotADirectoryError):
        connection.close()
        raise StartError(f"no daemon answers on {path}: start it with rfqd, or name its socket with --socket") from None
    except PermissionError:
        connection.close()
        raise StartError(f"no right to open {path}: its group is set by admin.group in engine.toml") from None
    except OSError as error:
        connection.close()
        raise StartError(f"cannot reach a daemon on {path}: {error.strerror or error}") from error
    return connection


def _notice(line: Mapping[str, Any]) -> Heard:
    params = line["params"]
    return Heard(params["topic"], params["time"], params["seq"], params["body"])
