"""`scripts/run`: the whole day."""

from __future__ import annotations

import argparse
import json
import random
import sqlite3
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from demo import story
from demo.closes import CLOSES_DAYS, closing_marks
from demo.orders import Day, drawn_day, sample_day
from demo.processes import (
    ROOT,
    Daemon,
    Failed,
    Market,
    Setting,
    import_history,
    now_ns,
    put_away,
    whole_milliseconds,
    write_history,
)
from demo.trader import ENDED, Trader
from engine.admin.client import AdminClient
from engine.commands.parameters import ROWS_MAX
from engine.config import load
from engine.config.text_file import NotText, read_text
from engine.errors import CommandError, ConfigError, EngineError, StartError
from engine.market.holdings import UnknownFormat, import_holdings
from engine.market.securities import format_securities, parse_securities

SPEED = 30.0
"""Scaled seconds a real second: the 30 minutes after a fill pass in one minute."""
INTERVAL_S = 12.0
PATIENCE_S = 240.0
REMEMBERING_S = 10.0
"""Real seconds before the first order, in which the engine takes a history in."""
QUIET_LINES_MAX = 25


def main(argv: Sequence[str] | None = None) -> int:
    options = _options(argv)
    try:
        return _day(options)
    except (Failed, EngineError, UnknownFormat) as error:
        print(f"run: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nrun: stopped")
        return 130


def _options(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/run", description="Work a day of orders on the paper market.")
    parser.add_argument("--exit", action="store_true", help="end after the story instead of staying up")
    parser.add_argument("--kill", type=int, default=0, metavar="N", help="kill -9 the daemon N times on the way")
    parser.add_argument("--seed", type=int, default=1, metavar="S", help="of the paper market and of the kills")
    parser.add_argument("--no-history", dest="history", action="store_false", help="begin knowing nothing of anybody")
    parser.add_argument("--securities", type=Path, default=None, metavar="FILE", help="a published holdings file")
    parser.add_argument("--speed", type=float, default=SPEED, help=f"scaled seconds a real second (default {SPEED:g})")
    return parser.parse_args(argv)


def _day(options: argparse.Namespace) -> int:
    config = load(ROOT / "engine.toml")
    run_dir = config.journal.path.parent
    run_dir.mkdir(parents=True, exist_ok=True)
    moved = put_away(
        [
            *sorted(run_dir.glob("journal.db*")),
            run_dir / "paper",
            *sorted(run_dir.glob("*.log")),
            run_dir / "history.csv",
        ],
        run_dir / "earlier",
    )
    if moved is not None:
        print(f"run: moved what the last run left to {moved.relative_to(ROOT)}")
    securities, day = _bonds_and_orders(options, config.reference.securities, run_dir)
    origin_ns = whole_milliseconds(now_ns())
    setting = Setting(config.path, securities, run_dir, options.speed, origin_ns, options.seed)
    script = run_dir / "orders.jsonl"
    steps = [*day.steps]
    if options.history and steps:
        steps[0] = {**steps[0], "after_s": steps[0].get("after_s", 0.0) + REMEMBERING_S * options.speed}
    script.write_text("".join(json.dumps(step) + "\n" for step in steps))
    market, daemon = Market(setting, script), Daemon(setting)
    print(f"run: daemon and paper market on 127.0.0.1, clock at {options.speed:g}x, everything under {run_dir.name}/")
    market.start()
    daemon.start()
    trader = Trader(lambda: AdminClient(config.admin.socket), day, print)
    try:
        if options.history:
            _remember(setting, daemon, trader)
        failures = _work(options, day, market, daemon, trader)
        stories = _stories(trader)
        dealers = trader.call("dealers")
        profiles = trader.profiles(dealers)
        for one in stories:
            for line in story.tell(one):
                print(line)
        for line in story.scores(trader.dealers_before, dealers):
            print(line)
        for line in story.learnt(trader.profiles_before, profiles):
            print(line)
        if not options.exit:
            _stay(trader, market, daemon)
            return 0
        trader.leave()
    finally:
        trader.leave()
        status = daemon.stop()
        market.stop()
    if status:
        failures.append(f"the daemon ended with status {status}")
    failures += story.wrong_ends(trader.orders, day, _refused(config.journal.path))
    failures += _reconciled(run_dir / "paper", len(day.own))
    return _verdict(config.journal.path, daemon, failures)


def _bonds_and_orders(options: argparse.Namespace, shipped: Path, run_dir: Path) -> tuple[Path, Day]:
    """The security master of this run, and what is traded in it."""
    if options.securities is None:
        return shipped, sample_day(INTERVAL_S)
    try:
        text = read_text(options.securities)
    except OSError as error:
        raise ConfigError(f"--securities: cannot read {options.securities}: {error.strerror}") from error
    except NotText as error:
        raise ConfigError(f"--securities: {options.securities}: {error}") from error
    imported = import_holdings(text)
    print(f"run: {options.securities.name}: {imported.source}, {len(imported.securities):,} bonds taken")
    for note in imported.notes:
        print(f"run: note: {note}")
    print(f"run: {len(imported.problems)} line(s) cannot be used:")
    for problem in imported.problems:
        print(f"     {problem}")
    if not imported.securities:
        raise ConfigError(f"--securities: {options.securities}: no line can be used")
    target = run_dir / "securities.csv"
    target.write_text(format_securities(imported.securities), encoding="utf-8")
    bonds = parse_securities(read_text(target)).securities
    return target, drawn_day(bonds, options.seed, INTERVAL_S)


def _remember(setting: Setting, daemon: Daemon, trader: Trader) -> None:
    """Give the engine ninety days that never were, by the command that takes a desk's own blotter."""
    history = setting.run_dir / "history.csv"
    write_history(setting, history)
    trader.wait(daemon.check, PATIENCE_S)
    print(f"run: an invented history of ninety days: rfqctl history import {history.name}", flush=True)
    import_history(setting, history)
    trader.wait(daemon.check, PATIENCE_S, lambda status: not status["estimates"]["rounds_waiting"])
    rows = closing_marks(setting.securities, setting.seed, setting.origin_ns)
    for start in range(0, len(rows), ROWS_MAX):
        trader.call("marks.put", rows=rows[start : start + ROWS_MAX], source="closes")
    print(f"run: {len(rows):,} closing prices of the last {CLOSES_DAYS} days: marks.put", flush=True)


def _work(options: argparse.Namespace, day: Day, market: Market, daemon: Daemon, trader: Trader) -> list[str]:
    """The day itself: until every order has ended and every cost has been measured."""
    rng = random.Random(options.seed)
    expected = sum(1 for step in day.steps if step["do"] == "new") - len(day.refused) + len(day.own)
    began = time.monotonic()
    entered = False
    next_kill = time.monotonic() + rng.uniform(2.0, 4.0) if options.kill else float("inf")
    while time.monotonic() - began < PATIENCE_S:
        market.check()
        if daemon.kills < options.kill and time.monotonic() >= next_kill:
            daemon.kill()
            print(f"           kill -9 no. {daemon.kills} of {options.kill}; starting again")
            daemon.start()
            next_kill = time.monotonic() + rng.uniform(1.2, 3.0)
        else:
            daemon.check()
        answered = trader.step()
        if answered and not entered and any(s["state"] == "active" for s in _sessions(trader)):
            entered = _enter(trader, day)
        if answered and daemon.kills >= options.kill and entered and _over(trader, expected):
            return []
        time.sleep(0.1)
    open_orders = [o["order"] for o in trader.orders.values() if o["state"] not in ENDED]
    return [f"after {PATIENCE_S:g} s still open: {', '.join(open_orders) or 'a measurement after a fill'}"]


def _sessions(trader: Trader) -> list[story.Answer]:
    try:
        rows: list[story.Answer] = trader.call("sessions")["sessions"]
    except (StartError, OSError, CommandError):
        return []
    return [row for row in rows if row["role"] == "dealer"]


def _enter(trader: Trader, day: Day) -> bool:
    """The trader's own orders, once dealers are there. True when all are in."""
    try:
        for wanted in day.own:
            trader.enter(wanted)
    except (StartError, OSError, CommandError):
        return False
    return True


def _over(trader: Trader, expected: int) -> bool:
    orders = trader.orders.values()
    if len(orders) < expected or any(order["state"] not in ENDED for order in orders):
        return False
    return not trader.status.get("reversions_pending")


def _stories(trader: Trader) -> list[story.Answer]:
    found = []
    for ident in sorted(trader.orders):
        found.append(trader.call("order.show", order=ident))
    return found


def _stay(trader: Trader, market: Market, daemon: Daemon) -> None:
    """The live view until Ctrl-C."""
    from engine.admin.cli import main as rfqctl

    trader.leave()
    print("\nrun: the market stays up. In another terminal: .venv/bin/rfqctl status | orders | recommend | watch")
    print("run: Ctrl-C ends it")
    try:
        rfqctl(["--config", str(ROOT / "engine.toml"), "watch"])
    except KeyboardInterrupt:
        print("\nrun: ending")


def _refused(journal: Path) -> set[str]:
    with sqlite3.connect(f"file:{journal}?mode=ro", uri=True) as file:
        rows = file.execute("SELECT json_extract(body, '$.cl_ord_id') FROM events WHERE type = 'OrderRefused'")
        return {row[0] for row in rows}


def _reconciled(state_dir: Path, own: int) -> list[str]:
    """What the counterparties' own records say: no engine code in this judgement."""
    from paper.reconcile import reconcile

    report = reconcile(state_dir)
    print(report.as_text())
    return [str(finding) for finding in report.findings]


def _verdict(journal: Path, daemon: Daemon, failures: list[str]) -> int:
    with sqlite3.connect(f"file:{journal}?mode=ro", uri=True) as file:
        counts = {view: file.execute(f"SELECT count(*) FROM {view}").fetchone()[0] for view in (
            "v_orders", "v_rfqs", "v_quotes", "v_executions")}  # fmt: skip
    print("\nrun: " + ", ".join(f"{count} {view[2:]}" for view, count in counts.items()), end="")
    print(f"; killed {daemon.kills} times" if daemon.kills else "")
    for failure in failures[:QUIET_LINES_MAX]:
        print(f"run: WRONG: {failure}", file=sys.stderr)
    if failures:
        return 1
    print("run: every order came to its right end; drop copy = order-session fills + trader-entered fills")
    return 0
