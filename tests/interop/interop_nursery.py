"""Starts daemons in a tenth of the time: a process that has imported the program once forks a child for each life.

The child is the program with its own process id, files, working folder and exit status; only the imports are spared.
As a module this is the tests' side; run as a script it is the process that forks:

    < {"arguments": [...], "cwd": "..."} with two descriptors, its stdout and stderr       > {"pid": 4711}
    < {"wait": 4711}, once it has ended                                                    > {"status": 0}
"""

from __future__ import annotations

import atexit
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO, Final

ROOT: Final = Path(__file__).resolve().parents[2]
_MESSAGE_MAX: Final = 65_536


class Nursery:
    """The tests' end of the line to the process that forks."""

    def __init__(self) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        # A session of its own: Ctrl-C is for the tests, which then hang up, and that ends everything here.
        self._process = subprocess.Popen(
            [sys.executable, __file__, str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            start_new_session=True,
            env=environment,
        )
        theirs.close()
        self._line = ours
        self._asking = threading.Lock()
        atexit.register(self.close)

    def start(self, arguments: Sequence[str], cwd: Path) -> tuple[int, BinaryIO, BinaryIO]:
        """Fork a life of the program: its process id, and what to read its stdout and stderr from."""
        out, err = os.pipe(), os.pipe()
        try:
            told = self._ask({"arguments": list(arguments), "cwd": str(cwd)}, [out[1], err[1]])
        finally:
            os.close(out[1])
            os.close(err[1])
        return told["pid"], os.fdopen(out[0], "rb"), os.fdopen(err[0], "rb")

    def wait(self, pid: int) -> int:
        """The exit status of a life that has ended or is about to; minus the signal that ended it."""
        status: int = self._ask({"wait": pid})["status"]
        return status

    def close(self) -> None:
        self._line.close()
        self._process.wait()

    def _ask(self, what: dict[str, Any], descriptors: Sequence[int] = ()) -> dict[str, Any]:
        with self._asking:
            socket.send_fds(self._line, [json.dumps(what).encode()], descriptors)
            answer: dict[str, Any] = json.loads(self._line.recv(_MESSAGE_MAX))
            return answer


def _serve(line: socket.socket) -> None:
    from engine.app import main

    living: set[int] = set()
    while True:
        data, descriptors, _, _ = socket.recv_fds(line, _MESSAGE_MAX, 2)
        if not data:
            break
        asked = json.loads(data)
        if "wait" in asked:
            _, status = os.waitpid(asked["wait"], 0)
            living.discard(asked["wait"])
            line.send(json.dumps({"status": os.waitstatus_to_exitcode(status)}).encode())
            continue
        pid = os.fork()
        if pid == 0:
            line.close()
            _live(main, asked["arguments"], asked["cwd"], descriptors)
        for descriptor in descriptors:
            os.close(descriptor)
        living.add(pid)
        line.send(json.dumps({"pid": pid}).encode())
    for pid in living:
        os.kill(pid, signal.SIGKILL)


def _live(main: Any, arguments: list[str], cwd: str, descriptors: list[int]) -> None:
    """What `python -m engine` does with these arguments; does not return."""
    status = 1
    try:
        os.chdir(cwd)
        nothing = os.open(os.devnull, os.O_RDONLY)
        for number, descriptor in enumerate([nothing, *descriptors]):
            os.dup2(descriptor, number)
            os.close(descriptor)
        # As a new process has them: the nursery's own remember what they were opened on, and whether that can seek.
        sys.stdout, sys.stderr = (os.fdopen(number, "w", 1, closefd=False) for number in (1, 2))
        sys.argv = ["rfqd", *arguments]
        status = main(arguments)
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else 1
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


if __name__ == "__main__":
    _serve(socket.socket(fileno=int(sys.argv[1])))
