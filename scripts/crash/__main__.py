"""`scripts/crash_test`: a stream of orders, a daemon that dies again and again, and the reckoning.

Dealers fill in parts, repeat themselves, take trades back and correct them, some of it long after a kill; the OMS
replaces and cancels. Each kind has its share on the command line, 0 to leave it out.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from demo.orders import Day
from demo.processes import ROOT, Failed, Setting, now_ns, whole_milliseconds
from demo.trader import ENDED, Trader
from paper.habits import Habits
from paper.prices import load_securities
from paper.reconcile import reconcile
from paper.store import StoreReader

from crash import orders
from crash.accounting import account, read_journal
from crash.daemon import PHASES
from crash.person import Person
from crash.returned import count as count_returned
from engine.admin import streams
from engine.admin.client import AdminClient
from engine.app import main as rfqd
from engine.journal.archive import audit

SPEED = 30.0
ORDERS_PER_KILL = 2
LIFE_S_MAX = 6.0
"""A daemon whose fuse has not blown by then is killed from outside; that counts as `any instant`."""
CALM_S_MAX = 120.0
INTERVAL_S = 9.0
HABITS = (
    "parts=0.4,stops=0.15,by_status=0.3,shuffles=0.2,repeats=0.3,busts=0.1,corrects=0.12,early=0.1,reopens=0.3,"
    "reports=0.15,reports_alone=0.15,nameless=0.3"
)
REPLACES, CANCELS = 0.25, 0.1


def main() -> int:
    parser = argparse.ArgumentParser(prog="scripts/crash_test")
    parser.add_argument("--kills", type=int, default=30, metavar="N")
    parser.add_argument("--seed", type=int, default=1, metavar="S")
    parser.add_argument("--orders", type=int, metavar="N", help=f"of the OMS; default {ORDERS_PER_KILL} a kill")
    parser.add_argument("--interval-s", type=float, default=INTERVAL_S, metavar="S", help="between them, market time")
    parser.add_argument(
        "--habits", type=Habits.parse, default=Habits.parse(HABITS), metavar="NAME=CHANCE,...",
        help=f"how dealers fill and what they take back: {', '.join(Habits.__dataclass_fields__)}; default {HABITS}",
    )  # fmt: skip
    parser.add_argument("--replaces", type=float, default=REPLACES, metavar="SHARE", help="of orders, by the OMS (G)")
    parser.add_argument("--cancels", type=float, default=CANCELS, metavar="SHARE", help="of orders, by the OMS (F)")
    parser.add_argument("--keep", action="store_true", help="keep the folder of the run")
    options = parser.parse_args()
    run_dir = Path(tempfile.mkdtemp(prefix="rfq-crash-"))
    try:
        status = _Run(options, run_dir).go()
    except Failed as error:
        print(f"crash_test: {error}", file=sys.stderr)
        status = 1
    if status or options.keep:
        print(f"crash_test: everything of this run is in {run_dir}")
    else:
        shutil.rmtree(run_dir, ignore_errors=True)
    return status


class _Run:
    def __init__(self, options: argparse.Namespace, run_dir: Path) -> None:
        seed, kills = options.seed, options.kills
        self._options, self._kills, self._rng, self._dir = options, kills, random.Random(seed), run_dir
        self._base_port = _free_base_port()
        origin = whole_milliseconds(now_ns())
        self._setting = Setting(
            ROOT / "engine.toml", ROOT / "config" / "securities" / "sample.csv", run_dir, SPEED, origin, seed
        )
        self._orders = options.orders or max(10, kills * ORDERS_PER_KILL)
        self._struck: Counter[str] = Counter()
        self._daemon: subprocess.Popen[bytes] | None = None
        self._trader = Trader(lambda: AdminClient(run_dir / "rfqd.sock"), Day((), (), (), ()), lambda line: None)
        self._person = Person(self._trader.call, run_dir / "paper")
        self._waiting: list[str] = []

    def go(self) -> int:
        market = self._start_market()
        try:
            for number in range(1, self._kills + 1):
                self._live_and_die(number, PHASES[(number - 1) % len(PHASES)])
            print(f"crash_test: {self._kills} kills done, letting {self._orders} orders come to their ends")
            self._start(None, 0)
            self._calm(CALM_S_MAX + self._orders * self._options.interval_s / SPEED)
            clean = self._stop()
        finally:
            if self._daemon is not None and self._daemon.poll() is None:
                self._daemon.kill()
            market.terminate()
            market.wait(20)
        return self._reckon(clean)

    def _start_market(self) -> subprocess.Popen[bytes]:
        setting, options = self._setting, self._options
        script = self._dir / "orders.jsonl"
        orders.write(script, orders.steps(
            load_securities(setting.securities), setting.seed, self._orders, options.interval_s,
            replaces=options.replaces, cancels=options.cancels,
        ))  # fmt: skip
        command = [
            sys.executable, "-m", "paper", "all", "--state-dir", str(self._dir / "paper"),
            "--securities", str(setting.securities), "--seed", str(setting.seed), "--speed", repr(SPEED),
            "--origin-ns", str(setting.origin_ns), "--base-port", str(self._base_port),
            "--orders", str(script), "--habits", str(options.habits),
        ]  # fmt: skip
        log = (self._dir / "paper.log").open("ab")
        return subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def _start(self, phase: str | None, at: int) -> None:
        setting = self._setting
        command = [
            sys.executable, "-m", "crash.daemon", "--config", str(setting.config), "--run-dir", str(self._dir),
            "--base-port", str(self._base_port), "--clock-speed", repr(SPEED), "--clock-origin", setting.origin,
        ]  # fmt: skip
        command += ["--phase", phase, "--at", str(at)] if phase else []
        self._daemon = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL)

    def _live_and_die(self, number: int, phase: str) -> None:
        self._start(phase, self._rng.randint(1, 60))
        assert self._daemon is not None
        began = time.monotonic()
        while self._daemon.poll() is None and time.monotonic() - began < LIFE_S_MAX:
            self._trader.step()
            time.sleep(0.05)
        if self._daemon.poll() is None:
            phase = "any instant"
            self._daemon.kill()
            self._daemon.wait()
        elif self._daemon.returncode != -signal.SIGKILL:
            raise Failed(f"life {number}: the daemon ended with status {self._daemon.returncode}, see rfqd.log")
        self._struck[phase] += 1
        self._trader.leave()
        if sys.stderr.isatty():
            print(f"\rcrash_test: {number} of {self._kills} kills ", end="", file=sys.stderr)

    def _calm(self, patience_s: float) -> None:
        """No more kills: everything comes to its end, or waits for a person who cannot end it."""
        began = time.monotonic()
        while time.monotonic() - began < patience_s:
            assert self._daemon is not None
            if self._daemon.poll() is not None:
                raise Failed(f"the daemon ended by itself with status {self._daemon.returncode}")
            if self._trader.step() and self._person.step() and len(self._trader.orders) >= self._orders:
                left = [order for order in self._trader.orders.values() if order["state"] not in ENDED]
                waiting = self._person.cannot_end
                if all(order["order"] in waiting for order in left) and not self._tasks_left():
                    self._waiting = [f"{order['order']} {waiting[order['order']]}" for order in left]
                    return
            time.sleep(0.1)
        left = [order for order in self._trader.orders.values() if order["state"] not in ENDED]
        words = "; ".join(f"{order['order']} {order['state']} {order['note']}" for order in left[:5])
        raise Failed(
            f"{len(self._trader.orders)} of {self._orders} orders came, {len(left)} still open: {words}; "
            f"dealers have {self._tasks_left()} things left to say or do"
        )

    def _tasks_left(self) -> int:
        """What dealers have still to do or to say."""
        left = 0
        for path in (self._dir / "paper").glob("*.db"):
            reader = StoreReader(path)
            left += len(reader.facts("task"))
            reader.close()
        return left

    def _stop(self) -> bool:
        assert self._daemon is not None
        self._trader.leave()
        self._daemon.terminate()
        return self._daemon.wait(30) == 0

    def _reckon(self, clean: bool) -> int:
        journal = self._dir / "journal.db"
        failures = [] if clean else ["the last daemon did not end cleanly"]
        report = reconcile(self._dir / "paper")
        for name, number in sorted(report.counts.items()):
            print(f"{name:28} {number}")
        books = account(report, read_journal(journal))
        print("", *books.lines, sep="\n")
        failures += books.wrong
        print(f"{len(books.told)} differences that a person was told of:")
        for line in books.told:
            print(f"  {line}")
        for line in self._waiting:
            print(f"  still with a person: {line}")
        verdict = audit(journal)
        if not verdict.holds:
            failures.append(f"the chain does not hold: {verdict}")
        if rfqd(["--config", str(ROOT / "engine.toml"), "replay", str(journal)]) != 0:
            failures.append("the replay came to another state")
        returned = count_returned(journal)
        print(returned.as_text())
        failures += [f"a live firm quote was thrown away: {line}" for line in returned.thrown_away]
        with sqlite3.connect(f"file:{journal}?mode=ro", uri=True) as file:
            withheld = file.execute(
                "SELECT count(*) FROM events WHERE type IN ('AskWithheld', 'AcceptWithheld', 'PlacementDoubted')"
            ).fetchone()[0]
        print("\nphase           kills")
        for phase in (*PHASES, "any instant"):
            print(f"{phase:<15} {self._struck[phase]:>5}")
        missed = [phase for phase in PHASES if not self._struck[phase]]
        if missed and self._kills >= len(PHASES):
            failures.append(f"phases never struck: {', '.join(missed)}")
        print(f"{returned.lives} lives, {withheld} requests or acceptances withheld or in doubt on the way")
        for failure in failures:
            print(f"crash_test: WRONG: {failure}", file=sys.stderr)
        if not failures:
            print("crash_test: nothing lost, nothing doubled, nothing unsaid, every replay the same")
        return 1 if failures else 0


def _free_base_port() -> int:
    """A run of 30 ports that nobody listens on. Hardly those of another run, whose daemon may be dead just now."""
    bases = list(range(21_000, 40_000, 40))
    random.Random(os.getpid()).shuffle(bases)
    for base in bases:
        try:
            for offset in (0, 10, 21, 22, 23, 24, 25):
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", base + offset))
        except OSError:
            continue
        return base
    raise Failed("no free ports on the loopback")


if __name__ == "__main__":
    sys.exit(streams.run("crash_test", main))
