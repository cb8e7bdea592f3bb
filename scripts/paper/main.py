"""The command line of the paper market.

    market [all] --securities FILE --state-dir DIR     every party of the shipped setup, a process each
    market dealer --name ALDER --style fast-wide ...   one dealer
    market market-data --name MARKS ...                the price provider
    market oms --orders FILE ...                       the order system and its drop copy reader
    market history --until DATE --out FILE             an invented history of these dealers, as a file of rounds
    market reconcile --state-dir DIR                   what the parties' records say; exit status 1 on findings

A party runs until SIGTERM or SIGINT, logs out, and exits with status 0. With --json it prints one JSON object per
event and line; otherwise nothing. Times are seconds of the scaled clock.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import logging
import os
import signal
import sys
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from . import past
from .clock import PaperClock
from .dealer import Dealer
from .habits import Habits
from .market_data import MarketData
from .network import dial, listen
from .oms import CopyReader, OrderSystem
from .orders import ScriptError, read_script, seeded_orders
from .party import Party, json_lines, silent
from .prices import FairPrices, NoText, load_securities
from .prints import Prints
from .reconcile import reconcile
from .session import FixSession, Settings
from .store import Store, StoreInUse
from .styles import STYLES

log = logging.getLogger(__name__)

ROOT = Path(__file__).resolve().parents[2]
BASE_PORT = 9880
MARKET_DATA_OFFSET = 10


@dataclass(frozen=True, slots=True)
class ShippedDealer:
    """A dealer of the shipped setup; its port is the base port plus `offset`."""

    name: str
    style: str
    offset: int
    speciality: str = ""


SHIPPED_DEALERS = (
    ShippedDealer("ALDER", "fast-wide", 21),
    ShippedDealer("BIRCH", "slow-tight", 22),
    ShippedDealer("CEDAR", "silent-half", 23),
    ShippedDealer("DOGWOOD", "last-look", 24),
    ShippedDealer("ELM", "average", 25, "municipal"),
)

Runner = Callable[[argparse.Namespace, asyncio.Event], Coroutine[Any, Any, None]]


def main(argv: Sequence[str] | None = None) -> int:
    args = sys.argv[1:] if argv is None else list(argv)
    if not args or (args[0].startswith("-") and args[0] not in ("-h", "--help")):
        args = ["all", *args]
    options = build_parser().parse_args(args)
    level = logging.DEBUG if options.verbose > 1 else logging.INFO if options.verbose else logging.WARNING
    logging.basicConfig(level=level, stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    if options.command == "reconcile":
        return _reconcile(options)
    if options.command == "history":
        return _history(options)
    if not options.origin_ns:
        options.origin_ns = time.time_ns()
    try:
        return asyncio.run(_run(options))
    except (OSError, NoText, ScriptError, StoreInUse) as error:
        print(f"market {options.command}: {error}", file=sys.stderr)
        return 2


def build_parser() -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--state-dir", type=Path, default=ROOT / "var" / "paper", help="where the records are kept")
    common.add_argument("--json", action="store_true", help="one JSON object per event on standard output")
    common.add_argument("-v", "--verbose", action="count", default=0)

    party = argparse.ArgumentParser(add_help=False, parents=[common])
    party.add_argument(
        "--securities",
        type=Path,
        default=ROOT / "config" / "securities" / "sample.csv",
        help="CSV with columns security_id or isin, and price (clean, percent of par)",
    )
    party.add_argument("--seed", type=int, default=1)
    party.add_argument("--speed", type=float, default=1.0, help="scaled seconds per real second")
    party.add_argument("--origin-ns", type=int, default=0, help="UTC ns at which scaled and real time agree; 0: now")
    party.add_argument("--host", default="127.0.0.1")
    party.add_argument("--peer", default="BUYSIDE", help="CompID of the engine")
    party.add_argument("--watch-stdin", action="store_true", help="stop when standard input ends")

    dealing = argparse.ArgumentParser(add_help=False)
    dealing.add_argument(
        "--habits",
        type=Habits.parse,
        default=Habits(),
        metavar="NAME=CHANCE,...",
        help=f"how it fills and what it takes back, for every order or fill: {', '.join(Habits.__dataclass_fields__)}",
    )

    orders = argparse.ArgumentParser(add_help=False)
    orders.add_argument("--orders", type=Path, help="script of JSON lines; without it orders are drawn from the seed")
    orders.add_argument("--count", type=int, default=20, help="how many orders are drawn")
    orders.add_argument("--interval-s", type=float, default=30.0, help="between two orders")
    orders.add_argument("--heart-bt-int-s", type=int, default=30)

    parser = argparse.ArgumentParser(prog="market", description=__doc__, formatter_class=_Plain)
    commands = parser.add_subparsers(dest="command", required=True)

    everyone = commands.add_parser("all", parents=[party, dealing, orders], help="every party of the shipped setup")
    everyone.add_argument("--base-port", type=int, default=BASE_PORT, help="the engine's; others follow from it")
    everyone.add_argument("--in-process", action="store_true", help="all parties in this one process")
    everyone.add_argument("--no-oms", action="store_true", help="only the parties the engine connects to")

    dealer = commands.add_parser("dealer", parents=[party, dealing], help="one dealer")
    dealer.add_argument("--name", required=True, help="its CompID")
    dealer.add_argument("--style", choices=sorted(STYLES), default="average")
    dealer.add_argument("--port", type=int, required=True)
    dealer.add_argument("--speciality", default="", help="an asset_class it quotes tighter")
    dealer.add_argument("--stale-order-s", type=float, default=60.0)

    market_data = commands.add_parser("market-data", parents=[party], help="the price provider")
    market_data.add_argument("--name", default="MARKS")
    market_data.add_argument("--port", type=int, default=BASE_PORT + MARKET_DATA_OFFSET)
    market_data.add_argument("--update-s", type=float, default=5.0)

    oms = commands.add_parser("oms", parents=[party, orders], help="the order system and its drop copy reader")
    oms.add_argument("--name", default="OMS")
    oms.add_argument("--copy-name", default="DROPCOPY", help="CompID of the drop copy reader; empty: none")
    oms.add_argument("--port", type=int, default=BASE_PORT, help="the engine's port")
    oms.add_argument("--copy-port", type=int, default=0, help="the engine's drop copy port, if another")
    oms.add_argument("--cl-ord-prefix", default="", help="beginning of ClOrdIDs; default: name and date")
    oms.add_argument("--reset-on-logon", action="store_true")

    history = commands.add_parser("history", help="write an invented history of these dealers, as a file of rounds")
    history.add_argument(
        "--securities", type=Path, default=ROOT / "config" / "securities" / "sample.csv", help="as for the market"
    )
    history.add_argument("--seed", type=int, default=1)
    history.add_argument(
        "--until", type=date.fromisoformat, required=True, metavar="DATE", help="the day after its last"
    )
    history.add_argument("--days", type=int, default=90, help="calendar days before that")
    history.add_argument("--out", type=Path, required=True, metavar="FILE", help="the CSV file to write")
    history.add_argument("-v", "--verbose", action="count", default=0)

    commands.add_parser("reconcile", parents=[common], help="compare the parties' records")
    return parser


class _Plain(argparse.RawDescriptionHelpFormatter):
    pass


def _history(options: argparse.Namespace) -> int:
    try:
        securities = load_securities(options.securities)
        with options.out.open("w", encoding="utf-8", newline="") as out:
            count = past.write(past.Past(securities, options.seed, options.until, options.days).rows(), out)
    except (OSError, NoText) as error:
        print(f"market history: {error}", file=sys.stderr)
        return 2
    print(f"{count:,} rows of an invented history written to {options.out}")
    return 0


# --- one party -------------------------------------------------------------------------------------------


def _open_party(options: argparse.Namespace, name: str, role: str) -> Party:
    store = Store(options.state_dir / f"{name.lower()}.db")
    clock = PaperClock(options.speed, options.origin_ns)
    return Party(name, role, store, clock, json_lines if options.json else silent)


async def run_dealer(options: argparse.Namespace, stop: asyncio.Event) -> None:
    prices = FairPrices(load_securities(options.securities), options.seed)
    party = _open_party(options, options.name, "dealer")
    dealer = Dealer(
        party,
        prices,
        STYLES[options.style],
        options.seed,
        habits=options.habits,
        speciality=options.speciality,
        stale_order_s=options.stale_order_s,
    )
    session = FixSession(party, Settings(options.name, options.peer, initiator=False), dealer)
    dealer.serve(session)
    await _accept(party, session, options, stop)


async def run_market_data(options: argparse.Namespace, stop: asyncio.Event) -> None:
    prices = FairPrices(load_securities(options.securities), options.seed)
    party = _open_party(options, options.name, "market")
    application = MarketData(party, prices, update_s=options.update_s, prints=Prints(prices, options.seed))
    settings = Settings(options.name, options.peer, initiator=False, ephemeral=frozenset({"W"}))
    await _accept(party, FixSession(party, settings, application), options, stop)


async def run_oms(options: argparse.Namespace, stop: asyncio.Event) -> None:
    if options.orders is not None:
        steps = read_script(options.orders, options.interval_s)
    else:
        securities = load_securities(options.securities)
        steps = seeded_orders(securities, options.seed, options.count, options.interval_s)
    party = _open_party(options, options.name, "oms")

    def settings(name: str) -> Settings:
        return Settings(
            name,
            options.peer,
            initiator=True,
            heart_bt_int_s=options.heart_bt_int_s,
            reset_on_logon=options.reset_on_logon,
        )

    orders = FixSession(party, settings(options.name), OrderSystem(party, steps, prefix=options.cl_ord_prefix))
    dials = [dial(party, orders, options.host, options.port)]
    if options.copy_name:
        copy = FixSession(party, settings(options.copy_name), CopyReader(party))
        dials.append(dial(party, copy, options.host, options.copy_port or options.port))
    tasks = [asyncio.create_task(one) for one in dials]
    try:
        await _until(stop, tasks)
    finally:
        await party.stop()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _accept(party: Party, session: FixSession, options: argparse.Namespace, stop: asyncio.Event) -> None:
    try:
        server = await listen(party, [session], options.host, options.port)
        try:
            await stop.wait()
        finally:
            server.close()
    finally:
        await party.stop()


async def _until(stop: asyncio.Event, tasks: Sequence[asyncio.Task[None]]) -> None:
    """Wait for the stop; a task that ends before it takes the party down with its error."""
    stopped = asyncio.create_task(stop.wait())
    done, _ = await asyncio.wait([stopped, *tasks], return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    for task in done:
        if task is not stopped:
            task.result()


# --- everyone --------------------------------------------------------------------------------------------


def shipped_commands(options: argparse.Namespace) -> list[list[str]]:
    """The command line of each party of the shipped setup."""
    base = options.base_port
    shared = ["--state-dir", str(options.state_dir), "--securities", str(options.securities)]
    shared += ["--seed", str(options.seed), "--speed", repr(options.speed), "--origin-ns", str(options.origin_ns)]
    shared += ["--host", options.host, "--peer", options.peer]
    shared += ["--json"] if options.json else []
    shared += ["-v"] * options.verbose
    commands = [["market-data", "--port", str(base + MARKET_DATA_OFFSET), *shared]]
    for dealer in SHIPPED_DEALERS:
        one = ["dealer", "--name", dealer.name, "--style", dealer.style, "--port", str(base + dealer.offset)]
        one += ["--habits", str(options.habits)]
        commands.append([*one, "--speciality", dealer.speciality, *shared])
    if not options.no_oms:
        oms = ["oms", "--port", str(base), "--count", str(options.count), "--interval-s", str(options.interval_s)]
        oms += ["--heart-bt-int-s", str(options.heart_bt_int_s)]
        oms += ["--orders", str(options.orders)] if options.orders is not None else []
        commands.append([*oms, *shared])
    return commands


async def run_all(options: argparse.Namespace, stop: asyncio.Event) -> None:
    commands = shipped_commands(options)
    if options.in_process:
        parser = build_parser()
        async with asyncio.TaskGroup() as group:
            for command in commands:
                one = parser.parse_args(command)
                group.create_task(RUNNERS[one.command](one, stop))
        return
    environment = dict(os.environ)
    paths = [str(ROOT / "scripts"), environment.get("PYTHONPATH", "")]
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, paths))
    children = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-m", "paper", *command, "--watch-stdin",
            stdin=asyncio.subprocess.PIPE,  # its end tells the child that this process is gone
            env=environment,
        )
        for command in commands
    ]  # fmt: skip
    ends = [asyncio.create_task(child.wait()) for child in children]
    stopped = asyncio.create_task(stop.wait())
    await asyncio.wait([stopped, *ends], return_when=asyncio.FIRST_COMPLETED)
    fell = [command[0] for command, end in zip(commands, ends, strict=True) if end.done()]
    stopped.cancel()
    for child in children:
        if child.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                child.terminate()
    await asyncio.gather(*ends)
    if fell:
        raise OSError(f"{', '.join(fell)} ended by itself; the others were stopped")


RUNNERS: dict[str, Runner] = {
    "all": run_all,
    "dealer": run_dealer,
    "market-data": run_market_data,
    "oms": run_oms,
}


async def _run(options: argparse.Namespace) -> int:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    if options.watch_stdin:

        def watch() -> None:
            if not os.read(sys.stdin.fileno(), 4096):
                loop.remove_reader(sys.stdin.fileno())
                stop.set()

        loop.add_reader(sys.stdin.fileno(), watch)
    try:
        await RUNNERS[options.command](options, stop)
    except BaseExceptionGroup as group:
        error: BaseException = group
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        raise error from None
    return 0


def _reconcile(options: argparse.Namespace) -> int:
    report = reconcile(options.state_dir)
    if options.json:
        print(json.dumps(report.as_json()))
    else:
        print(report.as_text())
    return 1 if report.findings else 0
