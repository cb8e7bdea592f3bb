"""A daemon with a configuration of its own in a folder of its own, and the street it is to meet: both as processes."""

from __future__ import annotations

import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from engine.admin.client import AdminClient
from engine.clock import NS_PER_MS, NS_PER_S, iso_timestamp
from engine.errors import StartError
from judging.wire import street
from judging.wire.street import Planted

ROOT: Final = Path(__file__).resolve().parents[3]
MONDAY_NS: Final = int(datetime(2026, 1, 5, 8, tzinfo=UTC).timestamp()) * NS_PER_S
"""What the scaled clock says at the beginning, so that no run meets a midnight or a weekend."""
PATIENCE_S: Final = 60.0
"""Real seconds until everybody has logged on."""
LEIS: Final = (
    "0000DEMOALDER0000026", "0000DEMOBIRCH0000008", "0000DEMOCEDAR0000080", "0000DEMODOGWOOD00098",
    "0000DEMOELM000000098",
)  # fmt: skip
UPDATE_S: Final = 10.0
"""How often the mid steps, and is told."""
_PRICE: Final = 100


class Failed(Exception):
    """The run did not come to a measurement; the text is for people."""


@dataclass(frozen=True, slots=True)
class Scene:
    """What one run is: the street's truth, the desk's rules, and the orders. Times in seconds of the scaled clock."""

    dealers: tuple[Planted, ...]
    rules: str
    orders: int
    interval_s: float
    """Between two orders; each is in the bond whose last one is longest ago."""
    bonds: int
    scoring: str = ""
    """Tables of scoring.toml; what they leave out is as shipped."""
    accounts: Sequence[str] = ("MAIN",)
    """That of each order, in turn over and over again."""
    noise_bps: float = 3.0
    walk_sd_bps: float = 8.0
    moves_after_s: float = 40.0
    speed: float = 60.0
    seed: int = 1


class Desk:
    """The running pair. `open` starts it, `begin` lets the orders come, `close` ends it."""

    client: AdminClient

    def __init__(self, scene: Scene, folder: Path) -> None:
        self.scene = scene
        self.folder = folder
        real_ns = time.time_ns()
        # Both clocks agree at the origin, wherever that lies: such that it is Monday morning now.
        ahead_ns = int((real_ns - MONDAY_NS) / (scene.speed - 1))
        self._origin_ns = (real_ns + ahead_ns) // NS_PER_MS * NS_PER_MS
        self._children: dict[str, subprocess.Popen[bytes]] = {}

    def open(self) -> None:
        """Start both, and connect. Raises Failed."""
        scene = self.scene
        self._write_orders()
        (self.folder / "bonds.csv").write_text(_bonds(scene.bonds))
        setting = street.Setting(
            scene.dealers, scene.noise_bps, scene.walk_sd_bps, scene.moves_after_s, UPDATE_S, scene.seed,
            scene.speed, self._origin_ns, str(self.folder),
        )  # fmt: skip
        self._start("street", "-m", "judging.wire.street", str(setting.write()))
        config = self._write(json.loads(self._first_line("street")))
        self._start("daemon", "-m", "engine", "--config", str(config), "--log-file", str(self.log), "run")
        self.client = self._connect()

    @property
    def log(self) -> Path:
        """The daemon's."""
        return self.folder / "rfqd.log"

    def begin(self) -> None:
        """Once everybody is logged on and every bond has a price, the orders come."""
        until = time.monotonic() + PATIENCE_S
        last = _isin(self.scene.bonds - 1)
        while time.monotonic() < until:
            self.check()
            sessions = self.client.call("sessions")["sessions"]
            up = [each["state"] == "active" for each in sessions if each["role"] != "oms"]
            if all(up) and self.client.call("bond", security=last)["fair"] is not None:
                told = self._children["street"].stdin
                assert told is not None
                told.write(f"{self._fix_port()}\n".encode())
                told.flush()
                return
            time.sleep(0.1)
        raise Failed(f"not everybody logged on within {PATIENCE_S:g} s")

    def check(self) -> None:
        """Raises Failed if a process ended by itself."""
        for name, child in self._children.items():
            if child.poll() is not None:
                raise Failed(f"the {name} ended with status {child.returncode}: {self._said()}")

    def requests(self) -> dict[str, int]:
        """How many QuoteRequests(R) each dealer has received, by its own record."""
        found = {}
        for planted in self.scene.dealers:
            path = self.folder / "street" / f"{planted.name}.db"
            with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as file:
                counted = "SELECT count(*) FROM messages WHERE direction = 'in' AND msg_type = 'R' AND fate = 'handled'"
                found[planted.name] = int(file.execute(counted).fetchone()[0])
        return found

    def close(self) -> None:
        """End what was started here, and nothing else."""
        if hasattr(self, "client"):
            self.client.close()
        for name in ("daemon", "street"):  # Who sends the orders goes last: nothing is left half said.
            child = self._children.get(name)
            if child is None:
                continue
            if name == "daemon":
                child.terminate()
            else:
                for pipe in (child.stdin, child.stdout):
                    if pipe is not None:
                        with suppress(BrokenPipeError):
                            pipe.close()
            try:
                child.wait(15.0)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()

    # --- processes ---------------------------------------------------------------------------------

    def _start(self, name: str, *arguments: str) -> None:
        paths = [str(ROOT / "scripts"), str(ROOT), os.environ.get("PYTHONPATH", "")]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))}
        with (self.folder / "said.log").open("ab") as log:
            self._children[name] = subprocess.Popen(
                [sys.executable, *arguments],
                cwd=self.folder,
                env=environment,
                stdin=subprocess.PIPE if name == "street" else subprocess.DEVNULL,
                stdout=subprocess.PIPE if name == "street" else log,
                stderr=log,
            )

    def _first_line(self, name: str) -> bytes:
        said = self._children[name].stdout
        assert said is not None
        line = said.readline()
        if not line:
            raise Failed(f"the {name} did not open: {self._said()}")
        return line

    def _connect(self) -> AdminClient:
        until = time.monotonic() + PATIENCE_S
        while time.monotonic() < until:
            self.check()
            try:
                return AdminClient(self.folder / "rfqd.sock")
            except StartError:
                time.sleep(0.1)
        raise Failed(f"no daemon answered within {PATIENCE_S:g} s")

    def _fix_port(self) -> int:
        """The one that the system gave it."""
        said = re.search(r"listening address=.*?(\d+)\) tls=no", self.log.read_text())
        if said is None:
            raise Failed("the daemon does not say where it listens")
        return int(said[1])

    def _said(self) -> str:
        log = self.folder / "said.log"
        lines = log.read_text(errors="replace").strip().splitlines() if log.exists() else []
        return " / ".join(lines[-3:])

    # --- files -------------------------------------------------------------------------------------

    def _write_orders(self) -> None:
        scene = self.scene
        with (self.folder / "orders.jsonl").open("w") as script:
            for at in range(scene.orders):
                step = {
                    "do": "new", "security_id": _isin(at % scene.bonds), "side": "buy", "quantity": 1_000_000,
                    "account": scene.accounts[at % len(scene.accounts)], "after_s": scene.interval_s,
                }  # fmt: skip
                script.write(json.dumps(step) + "\n")

    def _write(self, ports: dict[str, int]) -> Path:
        """Everything that the daemon reads; the path of its engine.toml."""
        (self.folder / "rules").mkdir()
        (self.folder / "rules/10-desk.rules").write_text(self.scene.rules)
        (self.folder / "scoring.toml").write_text(self.scene.scoring)
        dealers = "".join(
            f'[[dealer]]\nid = "{planted.name}"\nname = "{planted.name}"\nlei = "{lei}"\nsession = "{planted.name}"\n'
            'asset_classes = ["corporate"]\n\n'
            for planted, lei in zip(self.scene.dealers, LEIS, strict=True)
        )
        (self.folder / "dealers.toml").write_text(dealers)
        sessions = [_session("oms", "oms", None)]
        sessions += [
            _session(name, "market" if name == "marks" else "dealer", port) for name, port in sorted(ports.items())
        ]
        config = self.folder / "engine.toml"
        patient = {"logon_timeout_s": street.STALE_S, "sending_time_tolerance_s": street.STALE_S}
        tables = [
            _table("engine", name="judged", dealers="dealers.toml", scoring="scoring.toml"),
            f"[clock]\nspeed = {self.scene.speed}\norigin = {iso_timestamp(self._origin_ns)}\n",
            _table("journal", path="journal.db", commit_slow_s=20.0),
            _table("admin", socket="rfqd.sock"),
            _table("metrics", port=0),
            _table("fix", listen_port=0, **patient),
            _as_shipped("risk"),
            _as_shipped("rfq", stale_order_s=street.STALE_S),
            _as_shipped("tca"),
            _table("rules", directory="rules"),
            _table("reference", securities="bonds.csv"),
        ]
        config.write_text("\n".join([*tables, *sessions]))
        return config


@contextmanager
def desk_of(scene: Scene) -> Iterator[Desk]:
    """Both processes over a folder that is gone afterwards; kept, and named, where something failed."""
    folder = Path(tempfile.mkdtemp(prefix="rfq-judged-"))
    desk = Desk(scene, folder)
    try:
        desk.open()
        yield desk
    except Failed:
        desk.close()
        print(f"judge: its journal and logs are left in {folder}", file=sys.stderr)
        raise
    except BaseException:
        desk.close()
        shutil.rmtree(folder)
        raise
    desk.close()
    shutil.rmtree(folder)


def _as_shipped(table: str, **other: float) -> str:
    """A table of the shipped engine.toml whose values are plain, but for these."""
    shipped = tomllib.loads((ROOT / "engine.toml").read_text())[table]
    return _table(table, **shipped | other)


def _table(_name: str, **values: Any) -> str:
    return "\n".join([f"[{_name}]", *(f"{key} = {json.dumps(value)}" for key, value in values.items())]) + "\n"


def _session(key: str, role: str, port: int | None) -> str:
    found: dict[str, Any] = {
        "key": key,
        "role": role,
        "sender_comp_id": street.ENGINE,
        "target_comp_id": key.upper(),
        "heart_bt_int_s": street.HEART_BT_INT_S,
        "connection_type": "acceptor" if port is None else "initiator",
    }
    if port is not None:
        found |= {"host": street.HOST, "port": port}
    return _table("[session]", **found)


def _bonds(count: int) -> str:
    """An issuer each: what the market does after a round is no other round's."""
    header = (
        "isin,name,issuer,asset_class,sector,currency,coupon_pct,coupon_frequency,day_count,issue_date,maturity,factor,"
        "rating,amount_outstanding,adv_30d,liquidity_as_of,price"
    )
    lines = [
        f"{_isin(at)},Bond {at},Issuer {at},corporate,industrials,USD,5,2,30/360,2025-01-05,2032-01-05,1,BBB,"
        f"750000000,8000000,2026-01-05,{_PRICE}"
        for at in range(count)
    ]
    return "\n".join([header, *lines]) + "\n"


def _isin(number: int) -> str:
    """Of XS99..., which are not assigned; the last digit checks the others (ISO 6166)."""
    stem = f"XS99{number:07d}"
    digits = "".join(str(int(each, 36)) for each in stem)
    total = 0
    for at, each in enumerate(reversed(digits)):
        doubled = int(each) * (2 if at % 2 == 0 else 1)
        total += doubled // 10 + doubled % 10
    return f"{stem}{-total % 10}"
