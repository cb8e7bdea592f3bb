"""Four books of the same trades: the dealers' own, the journal's, the order system's and the drop copy's.

They agree, or a person was told: a report about that very trade is in quarantine, or its acceptance is in doubt and
waits for somebody. Everything else is wrong. What the parties know is read by `paper.reconcile` from their own files.
"""

from __future__ import annotations

import json
import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from paper.reconcile import Fill, Report, Trade

MAY_BE_TOLD: Final = frozenset(
    {"fill_not_told", "fill_differs", "cancel_not_told", "totals_differ", "fill_without_trade"}
)
"""Between what is true and what is booked. A difference between two of our own books nobody explains."""

Economics = tuple[Decimal, Decimal]
"""Quantity and price."""


@dataclass(slots=True)
class Journal:
    """What the events say is booked, under the ExecIDs(17) that OMS and drop copy know, and what people were told."""

    fills: dict[str, Economics] = field(default_factory=dict)
    by_hand: int = 0
    ordered: dict[str, Decimal] = field(default_factory=dict)
    """The quantity of an order as it was last replaced, by OrderID(37)."""
    order_of: dict[str, str] = field(default_factory=dict)
    """OrderID(37) of an acceptance, by our ClOrdID(11) at the dealer."""
    _told: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    """By a dealer's ExecID(17), or our ClOrdID(11) at it."""
    _doubts: dict[str, str] = field(default_factory=dict)
    """By our ClOrdID(11), as long as they last."""
    _known_as: dict[str, str] = field(default_factory=dict)

    def take(self, kind: str, body: Mapping[str, Any]) -> None:
        match kind:
            case "OrderReceived" | "OrderReplaced":
                self.ordered[body["order_id"]] = Decimal(body["terms"]["quantity"])
            case "QuoteAccepted":
                self.order_of[body["placement_id"]] = body["order_id"]
            case "FillBooked":
                self._book(body["fill"])
                self.by_hand += bool(body["fill"].get("manual"))
            case "FillCanceled":
                del self.fills[self._known_as.pop(body["fill"]["exec_id"])]
            case "FillCorrected":
                del self.fills[self._known_as.pop(body["was"]["exec_id"])]
                self._book(body["fill"])
            case "FillQuarantined":
                self._tell(body["dealer_exec_id"], f"in quarantine: {body['reason']}")
            case "PlacementDoubted" if body["person_needed"]:
                self._doubts[body["placement_id"]] = f"in doubt: {body['evidence']}"
            case "PlacementEnded":
                self._doubts.pop(body["placement_id"], None)
            case "StrayMessage":
                self._tell(body["reference"], f"told: {body['text']}")

    def _book(self, fill: Mapping[str, Any]) -> None:
        known_as = fill.get("told_as") or fill["exec_id"]
        self._known_as[fill["exec_id"]] = known_as
        self.fills[known_as] = Decimal(fill["quantity"]).normalize(), Decimal(fill["price"]).normalize()

    def told_of(self, names: Iterable[str]) -> list[str]:
        """What people were told of a trade that has these names, and need not have been told otherwise since."""
        said = [text for name in sorted(names) for text in (*self._told.get(name, ()), self._doubts.get(name, ""))]
        return list(dict.fromkeys(filter(None, said)))

    def _tell(self, name: str, text: str) -> None:
        if name:
            self._told[name].append(text)


def read_journal(path: Path) -> Journal:
    journal = Journal()
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as file:
        for kind, body in file.execute("SELECT type, body FROM events ORDER BY seq"):
            journal.take(kind, json.loads(body))
    return journal


@dataclass(frozen=True, slots=True)
class Account:
    """The four books beside each other."""

    lines: tuple[str, ...]
    told: tuple[str, ...]
    """Differences that a person was told of, a line each."""
    wrong: tuple[str, ...]
    """Those that nobody was told of, and whatever else must not be."""


def account(report: Report, journal: Journal) -> Account:
    standing = [trade for trade in report.trades if trade.stands]
    books: dict[str, list[Decimal]] = {
        "dealers truly": [trade.quantity for trade in standing],
        "journal": [quantity for quantity, _ in journal.fills.values()],
        "drop copy": [fill.quantity for fill in report.copied.values()],
        "order system": [fill.quantity for fill in report.told.values()],
    }
    changed = sum(len(trade.said_as) > 1 for trade in report.trades)
    lines = [f"{'trades':>21} {'quantity':>15}"]
    lines += [f"{name:<14} {len(book):>6} {sum(book, Decimal(0)):>15,f}" for name, book in books.items()]
    lines.append(f"{changed} trades were canceled or corrected on the way, {journal.by_hand} booked by hand")
    told: list[str] = []
    wrong = list(_between(journal, report.copied))
    for line, names in _beyond(journal, standing):
        why = journal.told_of(names)
        (told if why else wrong).append(f"{line}: {'; '.join(why)}" if why else line)
    for finding in report.findings:
        why = journal.told_of(finding.about) if finding.kind in MAY_BE_TOLD else []
        line = str(finding)
        if why:
            told.append(f"{line}: {'; '.join(why)}")
        else:
            wrong.append(line)
    return Account(tuple(lines), tuple(told), tuple(wrong))


def _beyond(journal: Journal, standing: Iterable[Trade]) -> Iterator[tuple[str, set[str]]]:
    """Orders of which dealers together have truly traded more than there is, and what those trades are known by."""
    traded: dict[str, list[Trade]] = defaultdict(list)
    for trade in standing:
        order_id = journal.order_of.get(trade.cl_ord_id)
        if order_id is not None:
            traded[order_id].append(trade)
    for order_id, trades in sorted(traded.items()):
        quantity = sum((trade.quantity for trade in trades), Decimal(0))
        if quantity > journal.ordered[order_id]:
            text = f"{order_id}: dealers have traded {quantity:f} of {journal.ordered[order_id]:f}"
            yield text, {name for trade in trades for name in trade.names}


def _between(journal: Journal, copied: Mapping[str, Fill]) -> Iterator[str]:
    """The journal against the drop copy, where every fill has to be, by hand or not."""
    on_copy = {exec_id: (fill.quantity, fill.price) for exec_id, fill in copied.items()}
    for exec_id in sorted(journal.fills.keys() | on_copy.keys()):
        ours, theirs = journal.fills.get(exec_id), on_copy.get(exec_id)
        if ours != theirs:
            yield f"{exec_id}: the journal has {_shown(ours)}, the drop copy {_shown(theirs)}"


def _shown(fill: Iterable[Decimal] | None) -> str:
    return "nothing" if fill is None else " at ".join(f"{value:f}" for value in fill)
