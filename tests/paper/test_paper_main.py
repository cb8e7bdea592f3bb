"""The whole market as it ships: every party in its own process, an engine of thirty lines in the middle."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from paper.clock import PaperClock
from paper.main import SHIPPED_DEALERS, build_parser, main, shipped_commands
from paper.network import dial, listen
from paper.party import Party
from paper.reconcile import reconcile
from paper.session import FixSession
from paper.store import Store
from paper.wire import Message
from paper_support import CSV, PATIENCE_REAL_S, SCRIPTS, End, acceptor, ends, initiator, order_on, quote_request
from ports import free_base

OFFSETS = (0, 10, *(dealer.offset for dealer in SHIPPED_DEALERS))
ORDERS = 6
ASK_AGAIN_REAL_S = 5.0


class TinyEngine:
    """Asks every dealer, takes the first firm quote, tells the desk; asks again after a refusal, and after silence."""

    def __init__(self, path: Path, base: int, clock: PaperClock) -> None:
        self.party = Party("BUYSIDE", "engine", Store(path), clock)
        self.clock = clock
        self.base = base
        self.fills = 0
        self.changed = asyncio.Event()
        self.server: asyncio.Server | None = None
        self.tasks: list[asyncio.Task[None]] = []
        self.oms = FixSession(self.party, acceptor("BUYSIDE", "OMS"), self)
        self.copy = FixSession(self.party, acceptor("BUYSIDE", "DROPCOPY"), self)
        self.marks = FixSession(self.party, initiator(target="MARKS"), self)
        self.dealers = {
            dealer.name: FixSession(self.party, initiator(target=dealer.name), self) for dealer in SHIPPED_DEALERS
        }
        self.orders: dict[str, Message] = {}
        self.asked: dict[str, str] = {}
        self.winner: dict[str, str] = {}
        self.asking: dict[str, asyncio.TimerHandle] = {}

    async def start(self) -> None:
        ports = {dealer.name: self.base + dealer.offset for dealer in SHIPPED_DEALERS} | {"MARKS": self.base + 10}
        sessions = [*self.dealers.values(), self.marks]
        self.tasks = [
            asyncio.create_task(dial(self.party, session, "127.0.0.1", ports[session.settings.target]))
            for session in sessions
        ]
        # No orders before there is somebody to ask: a request that waits for its dealer is of no use.
        await self.until(lambda: all(session.active for session in sessions))
        self.server = await listen(self.party, [self.oms, self.copy], "127.0.0.1", self.base)

    async def until(self, done: Any) -> None:
        async with asyncio.timeout(3 * PATIENCE_REAL_S):
            while not done():
                self.changed.clear()
                await self.changed.wait()

    async def stop(self) -> None:
        if self.server is not None:
            self.server.close()
        for timer in self.asking.values():
            timer.cancel()
        await self.party.stop()
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)

    def on_logon(self, session: FixSession) -> None:
        if session is self.marks:
            session.send("V", [(262, "M1"), (263, 1), (264, 1), (265, 0), (267, 1), (269, 0), (146, 1), (48, "XX")])
        self.changed.set()

    def on_logout(self, session: FixSession, reason: str) -> None:
        self.changed.set()

    def on_message(self, session: FixSession, message: Message) -> bool:
        match message.msg_type:
            case "D":
                self.orders[message.need(11)] = message
                self.report(message, "A", "A")
                self.report(message, "0", "0")
                self.ask(message.need(11))
            case "S" if message.get(537) == "1":
                self.take(session, message)
            case "8" if session in self.dealers.values():
                order = self.orders[self.winner[message.need(11)]]
                if message.get(150) == "F":
                    self.fills += 1
                    money = [(32, message.need(32)), (31, message.need(31)), (527, message.need(17))]
                    self.report(order, "F", "2", *money)
                elif message.get(150) == "8":
                    del self.asked[order.need(11)]
                    self.ask(order.need(11))
        self.changed.set()
        return True

    def ask(self, cl_ord_id: str) -> None:
        order = self.orders[cl_ord_id]
        more = {"security_id": order.need(48), "side": order.need(54), "quantity": int(order.need(38))}
        for session in self.dealers.values():
            request_id = f"R{self.party.store.count('R')}"
            self.party.store.remember("R", request_id, cl_ord_id)
            session.send("R", quote_request(self.clock, request_id, **more))
        # On a fast clock a request that this machine has kept waiting for a moment is an old one to every dealer.
        self.asking[cl_ord_id] = asyncio.get_running_loop().call_later(ASK_AGAIN_REAL_S, self.ask, cl_ord_id)

    def take(self, session: FixSession, quote: Message) -> None:
        cl_ord_id = self.party.store.recall("R", quote.need(131))
        if cl_ord_id not in self.asked:
            self.asking.pop(cl_ord_id).cancel()
            child = f"C{self.party.store.count('D')}"
            self.asked[cl_ord_id] = child
            self.winner[child] = cl_ord_id
            session.send("D", order_on(quote, child, self.clock))

    def report(self, order: Message, exec_type: str, status: str, *more: tuple[int, Any]) -> None:
        filled = order.need(38) if status == "2" else 0
        body = [(37, "E"), (11, order.need(11)), (17, f"X{self.party.store.count('X')}"), (150, exec_type)]
        body += [(39, status), (48, order.need(48)), (54, order.need(54)), (14, filled), (151, 0), (6, 0), *more]
        self.oms.send("8", body)
        self.copy.send("8", [*body, (797, "Y")])


@pytest.mark.parametrize("how", [pytest.param([], id="processes"), pytest.param(["--in-process"], id="one process")])
async def test_a_day_at_the_shipped_market_reconciles(tmp_path: Path, how: list[str]) -> None:
    (tmp_path / "bonds.csv").write_text(CSV)
    base, clock = free_base(OFFSETS), PaperClock(20.0, PaperClock().now_ns())
    command = ["all", *how, "--json", "--state-dir", str(tmp_path / "state"), "--base-port", str(base)]
    command += ["--securities", str(tmp_path / "bonds.csv"), "--speed", "20", "--origin-ns", str(clock.origin_ns)]
    command += ["--count", str(ORDERS), "--interval-s", "2"]
    command += ["--watch-stdin"]  # a test run that is killed takes its market with it
    market = await asyncio.create_subprocess_exec(
        SCRIPTS / "paper" / "market",
        *command,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=os.environ | {"PYTHON": sys.executable},
    )
    engine = TinyEngine(tmp_path / "engine.db", base, clock)
    try:
        await engine.start()
        await engine.until(lambda: engine.fills == ORDERS)
        # The reports have left; the Logout of the market comes after them on each session.
        market.terminate()
        await engine.until(lambda: not any(s.linked for s in (engine.oms, engine.copy, *engine.dealers.values())))
    finally:
        if market.returncode is None:
            market.terminate()
        out, err = await asyncio.wait_for(market.communicate(), PATIENCE_REAL_S)
        await engine.stop()
    assert (market.returncode, err.decode()) == (0, "")
    events = [json.loads(line) for line in out.splitlines()]
    assert len([e for e in events if e["event"] == "listening"]) == 6
    assert len([e for e in events if e["event"] == "order" and e["party"] == "OMS"]) == ORDERS
    report = reconcile(tmp_path / "state")
    assert report.findings == ()
    assert report.counts["trades"] == report.counts["fills told"] == report.counts["fills copied"] == ORDERS


async def test_a_market_nobody_listens_to_stops_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "bonds.csv").write_text(CSV)
    command = ["dealer", "--name", "ALDER", "--json", "--state-dir", str(tmp_path), "--port", "0"]
    dealer = await asyncio.create_subprocess_exec(
        SCRIPTS / "paper" / "market",
        *command,
        "--securities",
        str(tmp_path / "bonds.csv"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env=os.environ | {"PYTHON": sys.executable},
    )
    assert dealer.stdout is not None
    told = json.loads(await asyncio.wait_for(dealer.stdout.readline(), PATIENCE_REAL_S))
    dealer._transport.get_pipe_transport(1).close()  # type: ignore[attr-defined]
    engine = End(tmp_path / "engine.db", initiator())
    async with ends(engine):
        engine.dial(told["port"])
        await engine.peer.until(lambda: engine.session.active)
        dealer.terminate()
        assert await asyncio.wait_for(dealer.wait(), PATIENCE_REAL_S) == 0


async def test_a_market_that_cannot_start_says_why(tmp_path: Path) -> None:
    missing = ["dealer", "--name", "ALDER", "--port", "0", "--state-dir", str(tmp_path), "--securities", "nowhere.csv"]
    found = await asyncio.to_thread(_run, missing)
    assert found[0] == 2
    assert "nowhere.csv" in found[1]


def _run(command: list[str]) -> tuple[int, str]:

    done = subprocess.run(
        [SCRIPTS / "paper" / "market", *command],
        capture_output=True,
        text=True,
        timeout=PATIENCE_REAL_S,
        env=os.environ | {"PYTHON": sys.executable},
        check=False,
    )
    return done.returncode, done.stderr


def test_the_shipped_setup_is_the_one_the_engine_is_configured_for() -> None:
    options = build_parser().parse_args(["all"])
    found = {}
    for command in shipped_commands(options):
        one = build_parser().parse_args(command)
        found[one.name] = (one.command, one.port, getattr(one, "style", ""))
    assert found == {
        "MARKS": ("market-data", 9890, ""),
        "ALDER": ("dealer", 9901, "fast-wide"),
        "BIRCH": ("dealer", 9902, "slow-tight"),
        "CEDAR": ("dealer", 9903, "silent-half"),
        "DOGWOOD": ("dealer", 9904, "last-look"),
        "ELM": ("dealer", 9905, "average"),
        "OMS": ("oms", 9880, ""),
    }


def test_an_unknown_option_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["dealer", "--name", "ALDER", "--port", "1", "--style", "friendly"])
    assert "friendly" in capsys.readouterr().err
