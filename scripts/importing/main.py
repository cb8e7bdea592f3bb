"""`scripts/history_test`: half a million rows into a running daemon, what the others notice of it, and what kills undo.

    scripts/history_test [--rows N] [--days N] [--kills N]

A daemon with 50 dealers, an OMS and a drop copy logged on gets an order every twentieth of a second, before, during and
after an import; each request out and each heartbeat is timed. Then the daemon is started again, and the file imported
once more. With `--kills` the import is killed so many times, client and daemon in turns, in a folder of its own, and
what comes of it is held against the one that nobody disturbed. Last, what was learnt is held against the truth that the
file was drawn from.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import tomllib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Final

from benchmarks.client import SCRIPTS, Daemon, Unanswered, free_port
from benchmarks.installation import install
from benchmarks.trading_desk import Street

from engine.admin.client import AdminClient
from engine.errors import CommandError, StartError
from importing.checking import check, estimates_digest, learning_of, told_digest
from importing.planted import Planted, Truth, write

DEALERS: Final = 50
HEART_BT_INT_S: Final = 2
ORDER_EVERY_S: Final = 0.05
BEFORE_S: Final = 20.0
START_S_MAX: Final = 600.0
SEED: Final = 1
PLANTED_DEALERS: Final = 30
KILL_AFTER_S_MAX: Final = 20.0


def main() -> int:
    parser = argparse.ArgumentParser(prog="scripts/history_test")
    parser.add_argument("--rows", type=int, default=500_000, metavar="N")
    parser.add_argument("--days", type=int, default=500, metavar="N", help="business days that they are spread over")
    parser.add_argument("--kills", type=int, default=0, metavar="N")
    parser.add_argument("--kill-after", type=float, default=KILL_AFTER_S_MAX, metavar="S", help="at most, each")
    parser.add_argument("--kills-alone", action="store_true", help="measure nothing else")
    parser.add_argument("--durability", choices=("normal", "full"), default="full")
    parser.add_argument("--file", type=Path, help="one that an earlier run has kept, in place of drawing it again")
    parser.add_argument("--keep", action="store_true", help="keep the folder of the run")
    given = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="rfq-history-"))
    status = 1
    try:
        with socket.create_server(("127.0.0.1", 0), backlog=128) as listener:
            status = _Run(given, folder, listener).go()
    except (Unanswered, CommandError, StartError) as error:
        print(f"history_test: {error}", file=sys.stderr)
    finally:
        if given.keep or status:
            print(f"history_test: everything of this run is in {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)
    return status


@dataclass(slots=True)
class Noticed:
    """What orders and sessions noticed in one phase."""

    what: str
    delays_ms: list[float] = field(default_factory=list)
    silence_s: float = 0.0
    """The longest that any session heard nothing."""
    took_s: float = 0.0
    mb_max: float = 0.0

    @property
    def line(self) -> str:
        ms = sorted(self.delays_ms)
        p50, p99 = statistics.median(ms), ms[min(len(ms) - 1, int(len(ms) * 0.99))]
        return (
            f"{self.what:28} {self.took_s:7.1f} s {len(ms):6} orders  p50 {p50:6.2f} ms  p99 {p99:7.2f} ms  "
            f"max {ms[-1]:7.1f} ms  silence {self.silence_s:4.2f} s  {self.mb_max:6.0f} MB"
        )


class _Watched(Street):
    """The street, and since when each of its lines has heard nothing."""

    def __init__(self, listener: socket.socket) -> None:
        super().__init__(listener, HEART_BT_INT_S)
        self._heard: dict[int, float] = {}
        self.silence_s = 0.0

    def _arrived(self) -> Any:
        found = super()._arrived()
        self.note({id(line) for line, _ in found})
        return found

    def note(self, heard: set[int]) -> None:
        now = time.monotonic()
        for line in self._lines:
            name = id(line)
            self.silence_s = max(self.silence_s, now - self._heard.get(name, now))
            if name in heard or name not in self._heard:
                self._heard[name] = now

    def look(self) -> None:
        """Take what has come, without waiting."""
        if self._selector.select(0):
            self._arrived()
        else:
            self.note(set())

    def answer_heartbeats(self) -> None:
        """Say that we are there."""
        for line in self._lines:
            line.send("0", [])


class _Run:
    def __init__(self, given: argparse.Namespace, folder: Path, listener: socket.socket) -> None:
        self._given, self._folder, self._listener = given, folder, listener
        self._file: Path = given.file or folder / "planted.csv"
        self._dice = random.Random(SEED)
        self._spoke = 0.0
        self._wrong: list[str] = []

    def go(self) -> int:
        given = self._given
        if given.file is None:
            began = time.monotonic()
            with self._file.open("w", encoding="utf-8", newline="") as out:
                write(Planted(Truth(SEED, PLANTED_DEALERS), given.rows, date.today(), given.days).rows(), out)
            print(f"{given.rows:,} rows drawn in {time.monotonic() - began:.0f} s")
        if not given.kills_alone:
            self._measured()
        if given.kills:
            self._killed()
        for each in self._wrong:
            print(f"history_test: WRONG: {each}", file=sys.stderr)
        return 1 if self._wrong else 0

    # --- among sessions ----------------------------------------------------------------------------

    def _measured(self) -> None:
        """Print what an import is to the others."""
        folder = self._folder / "among sessions"
        began = time.monotonic()
        with self._daemon(folder) as (daemon, desk), self._street(folder) as street:

            def phase(what: str, goes_on: Callable[[], bool]) -> None:
                self._trading(daemon, street, what, goes_on)

            until = time.monotonic() + BEFORE_S
            phase("before", lambda: time.monotonic() < until)
            importer = self._import(folder)
            phase("while it is imported", lambda: importer.poll() is None)
            self._said(importer, 0)
            phase("while it is learnt", lambda: bool(_estimates(desk)["rounds_waiting"]))
            until = time.monotonic() + BEFORE_S
            phase("afterwards", lambda: time.monotonic() < until)
            known, began = _estimates(desk), time.monotonic()
            self._said(self._import(folder), 0)
            print(f"the same file again: {time.monotonic() - began:.1f} s")
            if _estimates(desk) != known:
                self._wrong.append("a second import changed something")
        size = (folder / "var" / "journal.db").stat().st_size
        print(f"the journal has {size / 1e6:,.0f} MB")
        began = time.monotonic()
        with self._daemon(folder, is_new=False) as (daemon, desk):
            print(f"a start with this journal: {time.monotonic() - began:.1f} s, {daemon.private_bytes / 1e6:.0f} MB")
        began = time.monotonic()
        learnt = learning_of(folder / "var" / "journal.db", folder / "engine.toml")
        print(f"learnt from the journal alone: {time.monotonic() - began:.1f} s")
        found = check(learnt, Truth(SEED, PLANTED_DEALERS))
        print(*found.lines, sep="\n")

    def _trading(self, daemon: Daemon, street: _Watched, what: str, goes_on: Callable[[], bool]) -> None:
        noticed, began = Noticed(what), time.monotonic()
        street.silence_s = 0.0
        next_at = began
        while not noticed.delays_ms or goes_on():
            noticed.delays_ms.append(street.trade() * 1_000)
            next_at = max(next_at + ORDER_EVERY_S, time.monotonic())
            while (left := next_at - time.monotonic()) > 0:
                time.sleep(min(left, 0.01))
                street.look()
            if time.monotonic() - self._spoke > HEART_BT_INT_S / 2:
                self._spoke = time.monotonic()
                street.answer_heartbeats()
                noticed.mb_max = max(noticed.mb_max, daemon.private_bytes / 1e6)
        noticed.took_s = time.monotonic() - began
        noticed.silence_s = street.silence_s
        print(noticed.line, flush=True)
        if noticed.silence_s > 1.2 * HEART_BT_INT_S:
            self._wrong.append(f"{what}: a session heard nothing for {noticed.silence_s:.2f} s")

    # --- killed ------------------------------------------------------------------------------------

    def _killed(self) -> None:
        """The client and the daemon are killed in turns, and what comes of it is what comes of an import in peace."""
        found = []
        for name, kills in (("in peace", 0), ("killed", self._given.kills)):
            folder = self._folder / name
            self._import_among_kills(folder, kills)
            journal = folder / "var" / "journal.db"
            learnt = learning_of(journal, folder / "engine.toml")
            found.append((told_digest(journal), estimates_digest(learnt)))
            print(f"{name}: what was told {found[-1][0][:16]}, what was learnt {found[-1][1][:16]}")
        if found[0][0] != found[1][0]:
            self._wrong.append("after kills something else was told than in peace")
        if found[0][1] != found[1][1]:
            self._wrong.append("after kills something else was learnt than in peace")

    def _import_among_kills(self, folder: Path, kills: int) -> None:
        began, killed = time.monotonic(), Counter[str]()
        is_new = True
        while True:
            with self._daemon(folder, is_new=is_new) as (daemon, desk):
                is_new = False
                while True:
                    importer = self._import(folder)
                    if not kills:
                        self._said(importer, 0)
                        while _estimates(desk)["rounds_waiting"]:
                            time.sleep(0.5)
                        print(f"imported among {dict(killed)} kills in {time.monotonic() - began:.0f} s")
                        return
                    self._goes_on(importer, desk)
                    with contextlib.suppress(subprocess.TimeoutExpired):
                        importer.wait(self._dice.uniform(0.0, self._given.kill_after))
                    kills -= 1
                    if kills % 2:
                        importer.kill()
                        importer.wait()
                        killed["client"] += 1
                        continue
                    os.kill(daemon.pid, signal.SIGKILL)
                    importer.communicate()
                    killed["daemon"] += 1
                    break

    def _goes_on(self, importer: subprocess.Popen[bytes], desk: AdminClient) -> None:
        """Wait until it hands over what the daemon did not know."""
        before = _estimates(desk)["observations"]
        while importer.poll() is None and _estimates(desk)["observations"] == before:
            time.sleep(0.02)

    def _said(self, importer: subprocess.Popen[bytes], status: int) -> None:
        said = importer.communicate()[0].decode().strip().splitlines()
        print(f"  {said[0] if said else 'the import said nothing'}")
        if importer.returncode != status:
            self._wrong.append(f"an import ended with status {importer.returncode}, not {status}")

    # --- the daemon --------------------------------------------------------------------------------

    @contextlib.contextmanager
    def _daemon(self, folder: Path, *, is_new: bool = True) -> Iterator[tuple[Daemon, AdminClient]]:
        config = folder / "engine.toml"
        if is_new:
            ports = {"port": free_port(), "dealers_port": self._listener.getsockname()[1]}
            install(folder, DEALERS, durability=self._given.durability, **ports)
            text = config.read_text().replace('"initiator"\n', f'"initiator"\nheart_bt_int_s = {HEART_BT_INT_S}\n')
            config.write_text(text)
        with Daemon(["engine", "--config", str(config), "run"], folder) as daemon:
            desk = _answers(daemon, folder / "var" / "rfqd.sock")
            try:
                yield daemon, desk
            finally:
                desk.close()

    @contextlib.contextmanager
    def _street(self, folder: Path) -> Iterator[_Watched]:
        with (folder / "engine.toml").open("rb") as file:
            port = tomllib.load(file)["fix"]["listen_port"]
        with _Watched(self._listener) as street:
            street.meet(DEALERS)
            street.log_on(port)
            yield street

    def _import(self, folder: Path) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [
                *(sys.executable, "-m", "engine.admin.cli", "history", "import", str(self._file)),
                *("--socket", str(folder / "var" / "rfqd.sock"), "--timeout", "60"),
            ],
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join([str(SCRIPTS.parent), str(SCRIPTS)])},
        )


def _answers(daemon: Daemon, path: Path) -> AdminClient:
    """A connection to the daemon, once it answers."""
    until = time.monotonic() + START_S_MAX
    while daemon.running and time.monotonic() < until:
        with contextlib.suppress(StartError):
            return AdminClient(path, 60.0)
        time.sleep(0.02)
    raise Unanswered(f"the daemon did not start: {daemon.said()}")


def _estimates(desk: AdminClient) -> Mapping[str, int]:
    found: Mapping[str, int] = desk.call("status")["estimates"]
    return found
