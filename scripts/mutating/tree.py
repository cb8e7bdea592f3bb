"""A copy of the checkout, where bugs are planted and tests are run: the checkout itself is never touched."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from mutating.inside_pytest import TASK

OURS: Final = "scripts/mutating/"


def files(root: Path) -> list[str]:
    """What git knows of or would take, relative to `root`."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=root,
        check=True,
        capture_output=True,
    )
    return sorted(name for name in set(listed.stdout.decode().split("\0")) if name and (root / name).is_file())


def fingerprint(root: Path) -> str:
    """Of all that a test's verdict depends on: another content is another map and other verdicts."""
    whole = hashlib.sha256()
    for name in files(root):
        if not name.endswith(".md") and not name.startswith((OURS, "tests/mutating/")):
            whole.update(f"{name}\0".encode() + hashlib.sha256((root / name).read_bytes()).digest())
    return whole.hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Ran:
    status: int | None
    """Exit status of pytest; none if it had to be ended."""
    done: dict[str, Any]
    output: str


class Stopped(Exception):
    """The run is over: nothing more is to be started."""


class Tree:
    """One copy, for one worker."""

    def __init__(self, root: Path, place: Path) -> None:
        self.path = place
        self._root = root
        self._running: subprocess.Popen[bytes] | None = None
        self._stopped = False
        for name in files(root):
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(root / name, place / name)

    @contextlib.contextmanager
    def holding(self, path: str, source: str) -> Iterator[None]:
        """With another text in one of its files.

        Compiled files go with it: Python tells them apart by size and second, and a bug may have both in common.
        """
        file = self.path / path
        before = file.read_bytes()
        try:
            _forget(file)
            file.write_text(source)
            yield
        finally:
            file.write_bytes(before)
            _forget(file)

    def pytest(self, task: dict[str, Any], arguments: Sequence[str], timeout_s: float | None) -> Ran:
        """pytest with our plugin and a task for it; ended with all it started when the time is over."""
        if self._stopped:
            raise Stopped
        file = self.path.with_name(f"{self.path.name}-task.json")
        done = file.with_name(f"{file.name}.done")
        done.unlink(missing_ok=True)
        file.write_text(json.dumps(task))
        environment = os.environ | {
            TASK: str(file),
            "PYTHONPATH": f"{self.path}{os.pathsep}{self.path / 'scripts'}",
            "PYTHONHASHSEED": "0",
            "HYPOTHESIS_PROFILE": "steady",
        }
        data = self._root.parent / "shared" / "data"  # where tests of the checkout itself look
        if data.is_dir():
            environment.setdefault("RFQ_TEST_DATA", str(data))
        command = [sys.executable, "-m", "pytest", "-p", "mutating.inside_pytest", "-p", "no:cacheprovider", *arguments]
        printed = file.with_name(f"{self.path.name}-output.txt")
        with printed.open("wb") as output:
            self._running = subprocess.Popen(
                command, cwd=self.path, env=environment, start_new_session=True,
                stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
            )  # fmt: skip
            status: int | None = None
            try:
                status = self._running.wait(timeout_s)
            except subprocess.TimeoutExpired:
                pass
            finally:
                self._end()
        if self._stopped:
            raise Stopped
        ended = json.loads(done.read_text()) if status is not None and done.exists() else {}
        return Ran(status, ended, printed.read_text(errors="replace"))

    def stop(self) -> None:
        """From another thread: end what runs, start nothing more."""
        self._stopped = True
        self._end()

    def _end(self) -> None:
        if self._running is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._running.pid, signal.SIGKILL)
            self._running.wait()


def _forget(file: Path) -> None:
    Path(importlib.util.cache_from_source(str(file))).unlink(missing_ok=True)
