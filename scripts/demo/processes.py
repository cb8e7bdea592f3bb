"""The daemon and the paper market as child processes: started, watched, killed with -9, ended by pid."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.clock import NS_PER_S, iso_timestamp

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Setting:
    """What both sides have to agree on: the clock, the bonds, the ports."""

    config: Path
    securities: Path
    run_dir: Path
    speed: float
    origin_ns: int
    seed: int

    @property
    def origin(self) -> str:
        """The clock's origin as `rfqd --clock-origin` reads it."""
        return iso_timestamp(self.origin_ns)


class Failed(Exception):
    """A child process did not do what it had to; the text is for people."""


class Daemon:
    """The daemon, again and again: each life appends to one log."""

    def __init__(self, setting: Setting) -> None:
        self._setting = setting
        self._process: subprocess.Popen[bytes] | None = None
        self.log = setting.run_dir / "rfqd.log"
        self.kills = 0

    def start(self) -> None:
        setting = self._setting
        command = [
            sys.executable, "-m", "engine", "--config", str(setting.config), "--log-file", str(self.log),
            "--clock-speed", repr(setting.speed), "--clock-origin", setting.origin,
            "--securities", str(setting.securities), "run",
        ]  # fmt: skip
        self._process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL)

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def check(self) -> None:
        """Raises Failed if it ended by itself."""
        if self._process is not None and self._process.poll() is not None:
            raise Failed(f"the daemon ended with status {self._process.returncode}; its log is {self.log}")

    def kill(self) -> None:
        """kill -9, no matter what it is doing."""
        assert self._process is not None
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()
        self.kills += 1

    def stop(self, patience_s: float = 15.0) -> int:
        """SIGTERM and wait; its exit status."""
        if self._process is None or self._process.poll() is not None:
            return 0 if self._process is None else self._process.returncode
        self._process.terminate()
        try:
            return self._process.wait(patience_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            return -9


class Market:
    """Every party of the paper market, under one launcher of its own."""

    def __init__(self, setting: Setting, script: Path) -> None:
        self._command = [
            sys.executable, "-m", "paper", "all", "--state-dir", str(setting.run_dir / "paper"),
            "--securities", str(setting.securities), "--seed", str(setting.seed), "--speed", repr(setting.speed),
            "--origin-ns", str(setting.origin_ns), "--orders", str(script),
        ]  # fmt: skip
        self._log = setting.run_dir / "paper.log"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        environment = {**os.environ, "PYTHONPATH": str(ROOT / "scripts")}
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment
            )

    def check(self) -> None:
        """Raises Failed if it ended by itself."""
        if self._process is not None and self._process.poll() is not None:
            tail = self._log.read_text(errors="replace").strip().splitlines()[-3:]
            raise Failed("the paper market ended: " + (" / ".join(tail) or f"status {self._process.returncode}"))

    def stop(self, patience_s: float = 15.0) -> None:
        if self._process is None or self._process.poll() is not None:
            return
        self._process.terminate()
        try:
            self._process.wait(patience_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def write_history(setting: Setting, out: Path) -> None:
    """Ninety days up to yesterday, in which the dealers of the market did as they do in it."""
    today = iso_timestamp(setting.origin_ns)[:10]
    _done(
        [sys.executable, "-m", "paper", "history", "--securities", str(setting.securities), "--seed", str(setting.seed),
         "--until", today, "--out", str(out)],
        {**os.environ, "PYTHONPATH": str(ROOT / "scripts")},
    )  # fmt: skip


def import_history(setting: Setting, history: Path) -> None:
    """As a person would."""
    _done(
        [sys.executable, "-m", "engine.admin.cli", "--config", str(setting.config), "history", "import", str(history)]
    )


def _done(command: Sequence[str], environment: Mapping[str, str] | None = None) -> None:
    """Raises Failed if it does not come to a good end."""
    status = subprocess.run(command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, check=False).returncode
    if status:
        raise Failed(f"'{' '.join(command[2:])}' ended with status {status}")


def whole_milliseconds(utc_ns: int) -> int:
    """So that every process reads the very same origin out of a timestamp with milliseconds."""
    return utc_ns // 1_000_000 * 1_000_000


def now_ns() -> int:
    return time.time_ns()


def scaled_now_ns(setting: Setting) -> int:
    """The time on the shared scaled clock."""
    return setting.origin_ns + int((time.time_ns() - setting.origin_ns) * setting.speed)


def put_away(paths: Sequence[Path], under: Path) -> Path | None:
    """Move what an earlier run left into a folder of its own; nothing is deleted. None if there was nothing."""
    left = [path for path in paths if path.exists()]
    if not left:
        return None
    stamp = time.strftime("%Y%m%dT%H%M%S", time.gmtime(time.time_ns() // NS_PER_S))
    target = under / stamp
    number = 0
    while target.exists():
        number += 1
        target = under / f"{stamp}-{number}"
    target.mkdir(parents=True)
    for path in left:
        path.rename(target / path.name)
    return target
