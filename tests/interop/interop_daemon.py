"""The real daemon as a child process, with a configuration of the test's own."""

from __future__ import annotations

import functools
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from interop_link import PATIENCE_S, Board
from interop_nursery import ROOT, Nursery

ISIN = "XS0000000AA7"
OTHER_ISIN = "XS0000000BB3"

SECURITIES = (ROOT / "config/securities/sample.csv").read_text().splitlines()
"""For its header only: the bonds below are these tests' own."""

RULES = """rule "by itself"
  when true
  ask top 4
  wait 60s
  send automatically
  execute automatically when within 200bp price of fair, else ask trader
"""

LEIS = {"alder": "0000DEMOALDER0000026", "birch": "0000DEMOBIRCH0000008"}


NOTHING_DRAWN = "[explore]\nepsilon = 0\nepsilon_untried = 0\nepsilon_drop = 0\n"
"""Whom the engine asks is as the rule says, each time."""


@dataclass(slots=True)
class Peer:
    """One configured session; `more` is further TOML of its table."""

    key: str
    role: str
    port: int | None = None
    more: str = ""

    @property
    def comp_id(self) -> str:
        return self.key.upper()


@dataclass(slots=True)
class Desk:
    """A folder with everything a daemon needs, and what a test may change before writing it."""

    folder: Path
    run_dir: Path
    fix_port: int
    peers: Sequence[Peer]
    rules: str = RULES
    heart_bt_int_s: int = 30
    more: dict[str, str] = field(default_factory=dict)
    """Further lines of a table, by its name."""

    def write(self) -> Path:
        """Write configuration, dealers, rules and bonds; the path of engine.toml."""
        (self.folder / "rules").mkdir(parents=True, exist_ok=True)
        (self.folder / "rules/90-all.rules").write_text(self.rules)
        (self.folder / "bonds.csv").write_text(_bonds())
        (self.folder / "scoring.toml").write_text(NOTHING_DRAWN)
        (self.folder / "dealers.toml").write_text("\n".join(self._dealer(each) for each in self._of("dealer")))
        config = self.folder / "engine.toml"
        config.write_text(self._toml())
        return config

    @property
    def journal(self) -> Path:
        return self.folder / "var/journal.db"

    @property
    def socket(self) -> Path:
        return self.run_dir / "rfqd.sock"

    def _of(self, role: str) -> list[Peer]:
        return [peer for peer in self.peers if peer.role == role]

    def _dealer(self, peer: Peer) -> str:
        return (
            f'[[dealer]]\nid = "{peer.key}"\nname = "{peer.comp_id} of the test"\nlei = "{LEIS[peer.key]}"\n'
            f'session = "{peer.key}"\nasset_classes = ["corporate"]\nfirm_time_s = 60\n'
        )

    def _toml(self) -> str:
        tables = {
            "engine": 'name = "interop"\ndealers = "dealers.toml"\nscoring = "scoring.toml"',
            # A disk that is busy with other things would have orders left to the trader.
            "journal": f'path = "{self.journal}"\ncommit_slow_s = 20.0',
            "admin": f'socket = "{self.socket}"',
            "metrics": "port = 0",
            "fix": f"listen_port = {self.fix_port}",
            "risk": "notional_max = 50_000_000\nopen_rfqs_max = 200\nprice_collar_bps = 200.0\nduplicate_window_s = 0",
            "rfq": "undelivered_ask_s = 2.0\ndecide_s = 60.0",
            "rules": 'directory = "rules"',
            "reference": 'securities = "bonds.csv"',
        }
        for name, lines in self.more.items():
            tables[name] = f"{tables.get(name, '')}\n{lines}"
        text = "".join(f"[{name}]\n{lines}\n\n" for name, lines in tables.items())
        return text + "\n".join(self._session(peer) for peer in self.peers)

    def _session(self, peer: Peer) -> str:
        lines = [
            "[[session]]",
            f'key = "{peer.key}"',
            f'role = "{peer.role}"',
            'sender_comp_id = "BUYSIDE"',
            f'target_comp_id = "{peer.comp_id}"',
        ]
        if peer.port is None:
            lines.append('connection_type = "acceptor"')
        else:
            lines += ['connection_type = "initiator"', 'host = "127.0.0.1"', f"port = {peer.port}"]
            lines.append(f"heart_bt_int_s = {self.heart_bt_int_s}")
            if "reconnect_min_s" not in peer.more:
                lines += ["reconnect_min_s = 0.1", "reconnect_max_s = 0.5"]
        return "\n".join([*lines, peer.more]) + "\n"


def _bonds() -> str:
    header = next(line for line in SECURITIES if line.startswith("isin,"))
    rows = [
        {
            "isin": ISIN,
            "name": "Anvil Works 5 35",
            "issuer": "Anvil Works",
            "coupon_pct": "5",
            "maturity": "2035-03-15",
            "price": "99.50",
        },
        {
            "isin": OTHER_ISIN,
            "name": "Bellows 4 40",
            "issuer": "Bellows Co",
            "coupon_pct": "4",
            "maturity": "2040-06-01",
            "price": "101.25",
        },
    ]
    alike = {
        "asset_class": "corporate", "sector": "industrials", "currency": "USD", "coupon_frequency": "2",
        "day_count": "30/360", "issue_date": "2020-03-15", "factor": "1", "rating": "A-",
        "amount_outstanding": "750000000", "adv_30d": "50000000", "liquidity_score": "8", "dv01": "0.07",
    }  # fmt: skip
    lines = [",".join((alike | row).get(name, "") for name in header.split(",")) for row in rows]
    return "\n".join([header, *lines]) + "\n"


class Rfqd:
    """The daemon, life after life on the same files. What it says on stderr is kept, line by line."""

    def __init__(self, config: Path, board: Board | None = None, arguments: Sequence[str] = ()) -> None:
        self._config = config
        self._board = board or Board()
        self._arguments = ["--config", str(config), *arguments]
        self._pid = 0
        self._status: int | None = None
        self._ended = True
        self.lines: list[str] = []
        self.lives = 0

    def start(self, *, until_ready: bool = True) -> None:
        # Far from the project's folder, as an installed daemon is.
        self._pid, out, err = nursery().start(self._arguments, self._config.parent)
        self._status, self._ended = None, False
        self.lives += 1
        for stream in (out, err):
            threading.Thread(target=self._listen, args=(stream, stream is err), daemon=True).start()
        if until_ready:
            lives = self.lives
            self.until_said("ready name=", times=lives)

    @property
    def pid(self) -> int:
        return self._pid

    @property
    def running(self) -> bool:
        return not self._ended

    def until_said(self, phrase: str, times: int = 1) -> str:
        """The line with this phrase that came as the `times`-th such. Fails at once if the process ends before."""

        def found() -> str | None:
            lines = [line for line in self.lines if phrase in line]
            if len(lines) >= times:
                return lines[times - 1]
            if self._ended:
                said = "\n".join(self.lines[-20:])
                raise AssertionError(f"the daemon ended before it said {phrase!r}:\n{said}")
            return None

        return self._board.until(f"the daemon to say {phrase!r}", found)

    def kill(self) -> None:
        """kill -9, whatever it is doing."""
        os.kill(self._pid, signal.SIGKILL)
        self._wait()

    def stop(self) -> int:
        """SIGTERM; the exit status."""
        if self.running:
            os.kill(self._pid, signal.SIGTERM)
        return self._wait()

    def end(self) -> None:
        """Whatever became of the test: nothing is left running."""
        if self.running:
            self.kill()

    @property
    def complaints(self) -> list[str]:
        """Lines that say somebody must act, or that the program failed."""
        marks = (" ERROR ", " CRITICAL ", "Traceback", "Error:")
        return [line for line in self.lines if any(mark in line for mark in marks)]

    def _wait(self) -> int:
        if self._status is None:
            self._board.until("the daemon to end", lambda: self._ended)
            self._status = nursery().wait(self._pid)
        return self._status

    def _listen(self, stream: BinaryIO, keep: bool) -> None:
        with stream:
            for line in stream:
                if keep:
                    self.lines.append(line.decode(errors="replace").rstrip("\n"))
                    self._board.tell()
        if keep:
            self._ended = True
            self._board.tell()


@functools.cache
def nursery() -> Nursery:
    return Nursery()


def run(arguments: Sequence[str], cwd: Path) -> subprocess.CompletedProcess[str]:
    """A command of the daemon that ends by itself."""
    pid, out, err = nursery().start(arguments, cwd)
    ending = threading.Timer(PATIENCE_S, os.kill, (pid, signal.SIGKILL))
    ending.start()
    try:
        with ThreadPoolExecutor(1) as pool, out, err:
            said = pool.submit(out.read)
            complained = err.read().decode()
            status = nursery().wait(pid)
            return subprocess.CompletedProcess(list(arguments), status, said.result().decode(), complained)
    finally:
        ending.cancel()


def run_program(arguments: Sequence[str], cwd: Path) -> subprocess.CompletedProcess[str]:
    """The same as the operator types it: a new interpreter and `-m engine`."""
    return subprocess.run(
        [sys.executable, "-m", "engine", *arguments], cwd=cwd, stdin=subprocess.DEVNULL, capture_output=True,
        text=True, timeout=PATIENCE_S, check=False, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
