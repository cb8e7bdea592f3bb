"""A child process for what takes long: a module of this very engine, asked on its input, heard once."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

TOLD_MAX: Final = 400
"""Characters of what a child that failed said last."""


class ChildFailed(Exception):
    """It ended with an error, or by a signal."""


class Child:
    """One process at a time of a module of the engine. `close` ends it, also from another thread."""

    def __init__(self, module: str) -> None:
        self._module = module
        self._process: subprocess.Popen[bytes] | None = None
        self._closed = False

    def close(self) -> None:
        self._closed = True
        process = self._process
        if process is not None:
            process.kill()

    def run(self, given: bytes, limit_s: float | None = None) -> bytes:
        """What it wrote, in a thread that waits for it. Raises TimeoutExpired, OSError or ChildFailed."""
        # The child is to find this very engine, wherever it was started from.
        path = os.pathsep.join([str(Path(__file__).parents[2]), *filter(None, [os.environ.get("PYTHONPATH")])])
        pipe = subprocess.PIPE
        with subprocess.Popen(
            [sys.executable, "-m", self._module],
            stdin=pipe,
            stdout=pipe,
            stderr=pipe,
            env={**os.environ, "PYTHONPATH": path},
        ) as process:
            self._process = process
            if self._closed:
                process.kill()
            try:
                body, said = process.communicate(given, limit_s)
            finally:
                # Late, or the thread is to end: nobody waits for it.
                self._process = None
                process.kill()
        if process.returncode:
            lines = said.decode(errors="replace").strip().splitlines()
            last = lines[-1][-TOLD_MAX:] if lines else "it said nothing"
            raise ChildFailed(f"the child ended with {process.returncode}: {last}")
        return body
