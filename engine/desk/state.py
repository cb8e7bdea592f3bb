"""The state of the desk: tables of immutable rows, and what they hash to.

A `Table` over another is a draft: it reads through and keeps its own writes, so that a decision can see its
own events before anybody else does and be dropped without a trace. Only `engine.desk.apply` writes rows.

The digest is a sum of one hash per row, so it does not depend on the order of writes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, Generic, TypeVar

import orjson

from engine.domain.events import OrderOverridden
from engine.domain.order import ZERO, Order, OrderTerms, Side
from engine.domain.placement import Fill, Placement
from engine.domain.recommendation import Recommendation
from engine.domain.rfq import Rfq

V = TypeVar("V")

_DIGEST_MODULUS: Final = 1 << 256


class Table(Generic[V]):
    """Rows by key. With `below` it is a draft over that table."""

    __slots__ = ("_below", "_rows", "touched")

    def __init__(self, below: Table[V] | None = None) -> None:
        self._rows: dict[str, V] = {}
        self._below = below
        self.touched: set[str] = set()
        """Keys written since the last digest; empty in a draft."""

    def get(self, key: str) -> V | None:
        row = self._rows.get(key)
        if row is None and self._below is not None:
            return self._below.get(key)
        return row

    def __getitem__(self, key: str) -> V:
        row = self.get(key)
        if row is None:
            raise KeyError(key)
        return row

    def __contains__(self, key: str) -> bool:
        return self.get(key) is not None

    def put(self, key: str, row: V) -> None:
        self._rows[key] = row
        if self._below is None:
            self.touched.add(key)

    def keys(self) -> Iterator[str]:
        """Keys in the order they were first written."""
        if self._below is not None:
            yield from self._below.keys()
            below = self._below
            yield from (key for key in self._rows if below.get(key) is None)
        else:
            yield from self._rows

    def values(self) -> Iterator[V]:
        for key in self.keys():
            yield self[key]

    def items(self) -> Iterator[tuple[str, V]]:
        for key in self.keys():
            yield key, self[key]

    def latest(self) -> Iterator[V]:
        """Rows from the newest key to the oldest, for whoever needs only the end."""
        return (row for _, row in self._latest_items())

    def _latest_items(self) -> Iterator[tuple[str, V]]:
        below = self._below
        if below is None:
            yield from reversed(self._rows.items())
            return
        yield from ((key, row) for key, row in reversed(self._rows.items()) if below.get(key) is None)
        yield from ((key, self._rows.get(key, row)) for key, row in below._latest_items())

    def written(self) -> list[str]:
        """Keys this draft wrote."""
        return list(self._rows)


@dataclass(frozen=True, slots=True)
class Exposure:
    """One bond, one side, one UTC day: what information protection looks at.

    `protections` stay on once on; `dealers` are all that were asked, over all rounds and orders.
    """

    quantity: Decimal = ZERO
    protections: tuple[str, ...] = ()
    dealers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Kill:
    """A kill switch of one scope."""

    on: bool
    actor: str
    reason: str
    since_ns: int


@dataclass(frozen=True, slots=True)
class AskRef:
    """Which RFQ and dealer a QuoteReqID(131) belongs to."""

    rfq_id: str
    dealer: str


@dataclass(frozen=True, slots=True)
class Sent:
    """What an at-most-once outbox message was: a request (`placement_id` empty) or an acceptance."""

    rfq_id: str
    dealer: str
    placement_id: str = ""


@dataclass(frozen=True, slots=True)
class PendingReversion:
    """A fill whose cost is measured at `due_ns`; `mark` is the price at execution, None when there was none."""

    exec_id: str
    order_id: str
    dealer: str
    segment: str
    security_id: str
    side: Side
    traded_ns: int
    due_ns: int
    mark: Decimal | None
    done: bool = False
    reversion_bps: float | None = None
    reason: str = ""
    """What it was measured from, or why it could not be."""


@dataclass(frozen=True, slots=True)
class BookedFill:
    fill: Fill
    economics: str


@dataclass(frozen=True, slots=True)
class Quarantined:
    """A fill that waits for a person: `key` as of `Fill`, face amount, clean percent of par."""

    key: str
    reason: str
    session: str
    dealer: str
    quantity: Decimal
    price: Decimal
    since_ns: int


@dataclass(frozen=True, slots=True)
class Switch:
    """May a session log on? Who said so, and why."""

    enabled: bool
    actor: str
    reason: str
    since_ns: int


class DeskState:
    """All tables. `DeskState(below=live)` is a draft over the live state."""

    __slots__ = (
        "_row_hashes",
        "_sum",
        "alike",
        "asks",
        "counters",
        "exposures",
        "fills",
        "kills",
        "oms_ids",
        "orders",
        "overrides",
        "placements",
        "quarantine",
        "recommendations",
        "reversions",
        "rfqs",
        "sent",
        "standing",
        "switches",
    )

    def __init__(self, below: DeskState | None = None) -> None:
        self.orders: Table[Order] = Table(below.orders if below else None)
        self.oms_ids: Table[str] = Table(below.oms_ids if below else None)
        self.alike: Table[str] = Table(below.alike if below else None)
        self.recommendations: Table[Recommendation] = Table(below.recommendations if below else None)
        self.overrides: Table[OrderOverridden] = Table(below.overrides if below else None)
        self.rfqs: Table[Rfq] = Table(below.rfqs if below else None)
        self.asks: Table[AskRef] = Table(below.asks if below else None)
        self.sent: Table[Sent] = Table(below.sent if below else None)
        self.placements: Table[Placement] = Table(below.placements if below else None)
        self.fills: Table[BookedFill] = Table(below.fills if below else None)
        self.quarantine: Table[Quarantined] = Table(below.quarantine if below else None)
        self.reversions: Table[PendingReversion] = Table(below.reversions if below else None)
        self.exposures: Table[Exposure] = Table(below.exposures if below else None)
        self.standing: Table[tuple[str, ...]] = Table(below.standing if below else None)
        """Orders per bond and side that may live for longer than their day and may still be open."""
        self.kills: Table[Kill] = Table(below.kills if below else None)
        self.switches: Table[Switch] = Table(below.switches if below else None)
        self.counters: Table[int] = Table(below.counters if below else None)
        self._row_hashes: dict[tuple[str, str], int] = {}
        self._sum = 0

    def tables(self) -> tuple[tuple[str, Table[Any]], ...]:
        return (
            ("orders", self.orders),
            ("oms_ids", self.oms_ids),
            ("alike", self.alike),
            ("recommendations", self.recommendations),
            ("overrides", self.overrides),
            ("rfqs", self.rfqs),
            ("asks", self.asks),
            ("sent", self.sent),
            ("placements", self.placements),
            ("fills", self.fills),
            ("quarantine", self.quarantine),
            ("reversions", self.reversions),
            ("exposures", self.exposures),
            ("standing", self.standing),
            ("kills", self.kills),
            ("switches", self.switches),
            ("counters", self.counters),
        )

    def digest(self) -> str:
        """SHA-256 sum over all rows, hex. Costs one hash per row written since the last call."""
        for name, table in self.tables():
            for key in table.touched:  # addition commutes: the order of a set does not matter
                where = (name, key)
                fresh = _row_hash(name, key, table[key])
                self._sum = (self._sum - self._row_hashes.get(where, 0) + fresh) % _DIGEST_MODULUS
                self._row_hashes[where] = fresh
            table.touched.clear()
        return f"{self._sum:064x}"

    def next_id(self, kind: str, prefix: str) -> str:
        """The identifier that the next event of this kind will carry; `apply` counts it."""
        return f"{prefix}-{(self.counters.get(kind) or 0) + 1:06d}"

    def open_rfqs(self) -> int:
        return self.counters.get("open_rfqs") or 0

    def kill_in_force(self, dealer: str, account: str) -> tuple[str, Kill] | None:
        """The first switch that stops this dealer or account, with its scope."""
        for scope in ("all", f"dealer:{dealer}", f"account:{account}"):
            kill = self.kills.get(scope)
            if kill is not None and kill.on:
                return scope, kill
        return None

    def open_placement(self, order_id: str) -> Placement | None:
        """The placement of this order that waits for its answer: there is at most one."""
        placement = self.placements.get(self.orders[order_id].placement_id)
        return placement if placement is not None and placement.unanswered else None


def _row_hash(table: str, key: str, row: object) -> int:
    text = orjson.dumps(row, default=_plain, option=orjson.OPT_NON_STR_KEYS)
    return int.from_bytes(hashlib.sha256(f"{table}|{key}|".encode() + text).digest(), "big")


def _plain(value: object) -> object:
    if isinstance(value, Decimal):
        return str(value)
    raise TypeError(f"a row holds {type(value).__name__}, which has no canonical form")


def exposure_key(security_id: str, side: Side, day: int) -> str:
    return f"{security_id}|{side.value}|{day}"


def standing_key(security_id: str, side: Side) -> str:
    return f"{security_id}|{side.value}"


def override_key(order_id: str, round_number: int) -> str:
    """An override is of one round: the one it opened."""
    return f"{order_id}|{round_number}"


def alike_key(terms: OrderTerms) -> str:
    """What the duplicate check calls the same order: account, bond, side and size, however the size is spelt."""
    return f"{terms.account}|{terms.security_id}|{terms.side.value}|{terms.quantity.normalize():f}"


def oms_key(session: str, day: int, cl_ord_id: str) -> str:
    """An OMS's ClOrdID(11) is keyed per session and trading day (FIX.4.4 Vol 1, ClOrdID)."""
    return f"{session}|{day}|{cl_ord_id}"


def oms_latest_key(session: str, cl_ord_id: str) -> str:
    """The latest order under a ClOrdID(11), whatever its day: an order may live for many."""
    return f"{session}||{cl_ord_id}"
