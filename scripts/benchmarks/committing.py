"""The journal's appends in batches of 1, 10, 100 and 1,000 turns, beside the same rows by plain executemany.

A turn takes in an order, records one event, answers with one message and moves both session numbers. Ours is counted
from the event itself: encoding, hashing and the rows of the chain included. The plain rows are ready made, for the same
schema under the same pragmas.
"""

from __future__ import annotations

import itertools
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from benchmarks import house
from benchmarks.measuring import Effort, Line, medians
from benchmarks.messages import order_fields, report_wire, wire
from engine.domain import events as e
from engine.domain.order import Handling, OrderTerms, Side, TimeInForce
from engine.journal.batch import Answer, EventRow, SessionRow, StagedTurn, TakenIn
from engine.journal.events import events_codec
from engine.journal.opening import configure, create_missing
from engine.journal.schema import INSERTS
from engine.journal.writer import Journal

BATCHES: Final = (1, 10, 100, 1_000)
_COMMITS_MIN: Final = 3


def measure(effort: Effort) -> list[Line]:
    lines = []
    for durability in ("normal", "full"):
        for batch in BATCHES:
            found = _measured(batch, durability, effort)
            what = f"journal append, {batch:,} turn{'s' if batch > 1 else ''} a commit"
            lines.append(Line(what, "turns/s", found["ours"], "plain executemany", found["plain"], 0.4, durability))
    return lines


def _measured(batch: int, durability: str, effort: Effort) -> dict[str, float]:
    """Turns kept a second."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        ours = _ours(Path(folder) / "ours.db", durability)
        plain = _plain(Path(folder) / "plain.db", durability)
        rounds = []
        took = ours(batch) + plain(batch)
        commits = max(_COMMITS_MIN, int(effort.seconds / took))
        for _ in range(effort.rounds):
            times = {"ours": list[float](), "plain": list[float]()}
            for _ in range(commits):
                for name, commit in (("ours", ours), ("plain", plain)):
                    times[name].append(commit(batch))
            rounds.append({name: batch / statistics.median(seconds) for name, seconds in times.items()})
    return medians(rounds)


def _ours(path: Path, durability: str) -> Callable[[int], float]:
    journal = Journal(path, durability, reserve_bytes=0)  # type: ignore[arg-type]
    codec, rows = events_codec(), _Rows()

    def commit(batch: int) -> float:
        began = time.perf_counter()
        turns = []
        for number in rows.take(batch):
            name, version, body = codec.encode(rows.event)
            turns.append(
                StagedTurn(
                    number,
                    house.NOW_NS,
                    "Received",
                    f"oms:1:{number}",
                    "",
                    (EventRow(number, number, name, version, house.NOW_NS, body),),
                    taken_in=rows.taken_in(number),
                    answer=rows.answer(number),
                    sessions=rows.sessions(number),
                )
            )
        journal.commit(turns)
        return time.perf_counter() - began

    return commit


def _plain(path: Path, durability: str) -> Callable[[int], float]:
    connection = sqlite3.connect(path, isolation_level=None)
    configure(connection, path, durability)  # type: ignore[arg-type]
    create_missing(connection, path, "")
    rows, sums, digest = _Rows(), bytes(28), bytes(32)
    name, version, body = events_codec().encode(rows.event)

    def commit(batch: int) -> float:
        numbers = list(rows.take(batch))
        turns = [
            (n, house.NOW_NS, "Received", f"oms:1:{n}", "", *rows.taken_in(n), *rows.answer(n), sums, digest)
            for n in numbers
        ]
        events = [(n, n, name, version, house.NOW_NS, body) for n in numbers]
        sessions = [tuple(rows.sessions(numbers[-1])[0])]
        began = time.perf_counter()
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany(INSERTS["turns"], turns)
        connection.executemany(INSERTS["events"], events)
        connection.executemany(INSERTS["fix_sessions"], sessions)
        connection.execute("COMMIT")
        return time.perf_counter() - began

    return commit


class _Rows:
    """Turns of one session, numbered from 1."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)
        terms = OrderTerms(
            cl_ord_id="ord00000001",
            session="oms",
            account="FUND-A",
            trader="",
            security_id=house.isin(1),
            side=Side.buy,
            quantity=house.QUANTITY,
            limit_price=None,
            tif=TimeInForce.day,
            handling=Handling.automatic,
            currency="USD",
            transact_ns=house.NOW_NS,
        )
        order = house.order()
        self.event = e.OrderReceived(house.NOW_NS, order.order_id, terms, order.facts, None, "", "", "session:oms")
        self._order = wire("FIX.4.4", [(35, "D"), *order_fields(1)])
        self._answer = report_wire(1)

    def take(self, count: int) -> range:
        first = next(self._numbers)
        for _ in range(count - 1):
            next(self._numbers)
        return range(first, first + count)

    def taken_in(self, number: int) -> TakenIn:
        return TakenIn("oms", 1, number, self._order)

    def answer(self, number: int) -> Answer:
        return Answer("oms", 1, number, number, self._answer, "report", number, "8", 61)

    def sessions(self, number: int) -> tuple[SessionRow, ...]:
        return (SessionRow("oms", 1, number + 1, number + 1, 0, house.NOW_NS),)
