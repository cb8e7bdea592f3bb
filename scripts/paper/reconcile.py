"""What really happened, from the parties' own records alone; no engine code, no engine file.

Every store in a directory is read and the engine is judged by what its counterparties hold:

    numbers     no number of an epoch carried two different new messages; a resend says what the original said
    orders      every order, replace, cancel and status request of the OMS was answered
    fills       each ExecID once, under one set of economics, until 150=H or G takes it back; never beyond ordered
    dealers     an order traded never beyond its quantity, a quote taken once; R, D and AJ never sent again, H and F not
                without end
    drop copy   carries exactly the order session's fills, plus those of orders the OMS never sent
    totals      what dealers truly traded is what the desk was told, per bond and side, and per trade where 527 says so
    session     nobody had to reject, drop or refuse what the engine sent

Run it when the market is quiet: what is still on its way looks lost.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from . import wire
from .store import Fate, Stored, StoreReader
from .wire import Garbled, Message

ASKED_MAX = 10
"""An order is asked about (H) or called back (F) a few times, and once more after each logon."""
ONCE_ONLY = frozenset({"R", "D", "AJ"})
BAD_NOTES = ("garbled", "rejected", "rejected by peer", "problem")
ANSWERED_BY = {"D": ("8",), "G": ("8", "9"), "F": ("8", "9"), "H": ("8",)}


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that must not be."""

    kind: str
    party: str
    key: str
    text: str = ""
    about: frozenset[str] = frozenset()
    """What a dealer's trade is known by, where it is about one: ExecIDs(17) of the dealer, our ClOrdID(11) at it."""

    def __str__(self) -> str:
        return f"{self.kind} {self.party} {self.key} {self.text}".rstrip()


@dataclass(frozen=True, slots=True)
class Report:
    """All findings, and how much was compared."""

    findings: tuple[Finding, ...]
    counts: dict[str, int]
    trades: tuple[Trade, ...] = ()
    """What dealers truly traded."""
    told: Mapping[str, Fill] = field(default_factory=dict)
    """Fills that stand by what the order session was told, by their ExecID(17)."""
    copied: Mapping[str, Fill] = field(default_factory=dict)
    """The same of the drop copy."""

    def as_json(self) -> dict[str, Any]:
        findings = [{"kind": f.kind, "party": f.party, "key": f.key, "text": f.text} for f in self.findings]
        return {"findings": findings, "counts": self.counts}

    def as_text(self) -> str:
        lines = [f"{f.kind:28} {f.party:10} {f.key} {f.text}".rstrip() for f in self.findings]
        lines += [f"{name:28} {number}" for name, number in sorted(self.counts.items())]
        lines.append("nothing lost, nothing doubled" if not self.findings else f"{len(self.findings)} findings")
        return "\n".join(lines)


@dataclass(frozen=True, slots=True)
class Row:
    """A stored message, read."""

    stored: Stored
    message: Message

    @property
    def new(self) -> bool:
        """Handled as something not seen before (a message held and then asked for again counts once)."""
        return self.stored.fate == Fate.HANDLED

    def get(self, tag: int) -> str:
        return self.message.get(tag) or ""


@dataclass(frozen=True, slots=True)
class Trade:
    """A trade as it truly is by now, whatever its dealer has said of it; `said_as` are the ExecIDs it did so under,
    `reported_as` the names of its trade reports."""

    dealer: str
    said_as: tuple[str, ...]
    cl_ord_id: str
    security_id: str
    side: str
    quantity: Decimal
    price: Decimal
    stands: bool
    told: bool = True
    """False: its dealer means to say nothing of it."""
    reported_as: tuple[str, ...] = ()
    reported_alone: bool = False
    """By trade reports and no ExecutionReport(8)."""

    def is_of(self, fill: Fill) -> bool:
        """Does a fill have its economics?"""
        mine = (self.security_id, self.side, self.quantity, self.price)
        return mine == (fill.security_id, fill.side, fill.quantity, fill.price)

    @property
    def names(self) -> frozenset[str]:
        return frozenset((*self.said_as, *self.reported_as, self.cl_ord_id))

    @property
    def promised(self) -> frozenset[str]:
        """What its dealer says it by, once everything is said."""
        said_as = self.said_as if self.told and not self.reported_alone else ()
        return frozenset((*said_as, *self.reported_as))


@dataclass(frozen=True, slots=True)
class Record:
    """One party's store."""

    name: str
    role: str
    rows: tuple[Row, ...]
    notes: tuple[tuple[str, str, str], ...]
    trades: tuple[Trade, ...] = ()
    """What it truly traded, if it is a dealer."""

    def inbound(self, *types: str, session: str = "") -> Iterator[Row]:
        return self._select("in", types, session)

    def outbound(self, *types: str, session: str = "") -> Iterator[Row]:
        return self._select("out", types, session)

    def _select(self, direction: str, types: tuple[str, ...], session: str) -> Iterator[Row]:
        for row in self.rows:
            stored = row.stored
            if stored.direction == direction and (not types or stored.msg_type in types):
                if session and not stored.session.startswith(f"{session}>"):
                    continue
                if direction == "out" or row.new:
                    yield row


@dataclass(slots=True)
class _Books:
    """What is collected while comparing."""

    findings: list[Finding] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    told: dict[str, Fill] = field(default_factory=dict)
    copied: dict[str, Fill] = field(default_factory=dict)

    def find(self, kind: str, party: str, key: str, text: str = "", about: Iterable[str] = ()) -> None:
        self.findings.append(Finding(kind, party, key, text, frozenset(about)))


@dataclass(frozen=True, slots=True)
class Fill:
    """A trade as one 8 states it."""

    exec_id: str
    cl_ord_id: str
    security_id: str
    side: str
    quantity: Decimal
    price: Decimal
    dealer_exec_id: str


def reconcile(state_dir: Path) -> Report:
    """Read every `*.db` of a directory and compare."""
    return compare([read_record(path) for path in sorted(state_dir.glob("*.db"))])


def read_record(path: Path) -> Record:
    reader = StoreReader(path)
    try:
        own = reader.fact("party", "self") or {"name": path.stem.upper(), "role": ""}
        rows = []
        for stored in reader.messages():
            message = wire.parse(stored.raw)
            if isinstance(message, Garbled):
                raise ValueError(f"{path}: row {stored.row} cannot be read: {message.reason}")
            rows.append(Row(stored, message))
        trades = tuple(_trade(own["name"], fact) for fact in reader.facts("trade").values())
        return Record(own["name"], own["role"], tuple(rows), tuple(reader.notes()), trades)
    finally:
        reader.close()


def compare(records: Iterable[Record]) -> Report:
    """All the checks; pure."""
    books = _Books()
    records = list(records)
    for record in records:
        _check_numbers(books, record)
        _check_notes(books, record)
        if record.role == "dealer":
            _check_dealer(books, record)
    trades = [trade for record in records for trade in record.trades]
    for record in records:
        if record.role == "oms":
            _check_oms(books, record, trades)
    return Report(tuple(books.findings), dict(books.counts), tuple(trades), books.told, books.copied)


# --- any party -------------------------------------------------------------------------------------------


def _check_numbers(books: _Books, record: Record) -> None:
    """Within an epoch a number belongs to one message; what comes again under it says the same."""
    first: dict[tuple[str, int, int], Row] = {}
    for row in record.rows:
        stored = row.stored
        if stored.direction != "in":
            continue
        books.counts["messages received"] += 1
        key = (stored.session, stored.epoch, stored.seq)
        shown = f"{stored.session} epoch {stored.epoch} number {stored.seq}"
        if stored.fate == Fate.TOO_LOW:
            books.find("number_reused", record.name, shown, f"35={stored.msg_type} without 43")
        original = first.setdefault(key, row)
        if original is row or wire.essence(original.message.fields) == wire.essence(row.message.fields):
            continue
        if row.message.poss_dup:
            # A gap fill may stand for what must not be said twice; anything else must be the same again.
            if stored.msg_type != "4":
                books.find("resend_differs", record.name, shown, f"35={stored.msg_type}")
        elif stored.fate != Fate.TOO_LOW:
            books.find("number_reused", record.name, shown, f"35={original.stored.msg_type} and {stored.msg_type}")


def _check_notes(books: _Books, record: Record) -> None:
    for session, kind, text in record.notes:
        if kind in BAD_NOTES:
            books.find(kind.replace(" ", "_"), record.name, session or record.name, text)
        elif kind in ("logout received", "logon refused") and "too low" in text:
            books.find("peer_lost_count", record.name, session, text)
        elif kind in ("logged on", "epoch began", "gap found", "resend asked"):
            books.counts[kind] += 1


# --- a dealer --------------------------------------------------------------------------------------------


def _check_dealer(books: _Books, record: Record) -> None:
    """The engine's conduct towards a dealer, and whether the dealer told it what it traded."""
    for row in record.rows:
        again = row.message.poss_dup or row.message.poss_resend
        if row.stored.direction == "in" and again and row.stored.msg_type in ONCE_ONLY:
            key = row.get(131) or row.get(11) or row.get(693)
            books.find("asked_again", record.name, key, f"35={row.stored.msg_type} with 43 or 97")
    asked = Counter(row.get(131) for row in record.inbound("R"))
    for request, times in asked.items():
        books.counts["requests"] += times
        if times > 1:
            books.find("request_repeated", record.name, request, f"{times} times")
    accepting = [
        (row.get(11) or row.get(693), row.get(117)) for row in record.inbound("D", "AJ") if row.get(694) in ("", "1")
    ]
    for cl_ord_id, times in Counter(cl_ord_id for cl_ord_id, _ in accepting).items():
        books.counts["dealer orders"] += 1
        if times > 1:
            books.find("order_repeated", record.name, cl_ord_id, f"{times} times")
    for quote_id, times in Counter(quote_id for _, quote_id in accepting if quote_id).items():
        if times > 1:
            books.find("quote_taken_twice", record.name, quote_id, f"{times} orders")
    ordered = {row.get(11) or row.get(693): row.message.decimal(38) for row in record.inbound("D", "AJ") if row.get(38)}
    traded: dict[str, Decimal] = defaultdict(Decimal)
    told = {row.get(tag) for row in record.outbound("8", "AE") for tag in (17, 571)}
    for trade in record.trades:
        books.counts["trades"] += 1
        if not trade.stands:
            books.counts["trades canceled"] += 1
        elif len(trade.said_as) > 1:
            books.counts["trades corrected"] += 1
        traded[trade.cl_ord_id] += trade.quantity if trade.stands else 0
        for exec_id in trade.promised - told:
            books.find("not_reported_by_dealer", record.name, exec_id)
    for cl_ord_id, quantity in traded.items():
        if quantity > (ordered.get(cl_ord_id) or 0):
            books.find("traded_beyond_order", record.name, cl_ord_id, f"{quantity:f} of {ordered.get(cl_ord_id)}")
    logons = sum(kind == "logged on" for _, kind, _ in record.notes)
    for kind, tag in (("H", 11), ("F", 41)):
        for cl_ord_id, times in Counter(row.get(tag) for row in record.inbound(kind)).items():
            if times > ASKED_MAX + logons:
                books.find("asked_without_end", record.name, cl_ord_id, f"35={kind} {times} times")
    over = {row.get(11) for row in record.outbound("8") if row.get(39) not in ("A", "0")}
    over |= {entry_id for row in record.outbound("AE") for tag, entry_id in row.message.fields if tag == 11}
    over |= {trade.cl_ord_id for trade in record.trades if not trade.told}
    for cl_ord_id, _ in accepting:
        if cl_ord_id not in over:
            books.find("unanswered_at_dealer", record.name, cl_ord_id)


def _trade(dealer: str, fact: dict[str, Any]) -> Trade:
    return Trade(
        dealer,
        tuple(fact["said_as"]),
        fact["cl_ord_id"],
        fact["security_id"],
        fact["side"],
        Decimal(fact["quantity"]).normalize(),
        Decimal(fact["price"]).normalize(),
        fact["stands"],
        fact["told"],
        tuple(fact.get("reported_as", ())),
        fact.get("reported_alone", False),
    )


# --- the order system ------------------------------------------------------------------------------------


def _check_oms(books: _Books, record: Record, trades: list[Trade]) -> None:
    sessions = {row.stored.session for row in record.rows}
    order_sessions = {s for s in sessions if s.startswith(f"{record.name}>")}
    has_copy = bool(sessions - order_sessions)
    # As they were handled: what came before its turn was kept when it came.
    heard = sorted(record.inbound("8"), key=lambda row: (row.stored.session, row.stored.epoch, row.stored.seq))
    reports = [row for row in heard if row.stored.session in order_sessions]
    copies = [row for row in heard if row.stored.session not in order_sessions]
    _check_answers(books, record, order_sessions)
    told = _fills_once(books, record.name, "order session", reports)
    copied = _fills_once(books, record.name, "drop copy", copies)
    ordered = _check_quantities(books, record, order_sessions, reports, told)
    books.told |= told
    books.copied |= copied
    books.counts["fills told"] += len(told)
    books.counts["fills copied"] += len(copied)
    if has_copy:
        _check_copy(books, record.name, reports, copies, told, copied, ordered)
    # With a drop copy the desk was told everything there, orders entered by its traders included.
    _check_totals(books, record.name, list((copied if has_copy else told).values()), trades)


def _check_answers(books: _Books, record: Record, order_sessions: set[str]) -> None:
    answers: dict[str, Counter[str]] = defaultdict(Counter)
    refused: set[tuple[str, str]] = set()
    for row in record.inbound():
        if row.stored.session not in order_sessions:
            continue
        kind = "8I" if row.stored.msg_type == "8" and row.get(150) == "I" else row.stored.msg_type
        answers[kind][row.get(11)] += 1
        if row.stored.msg_type in ("3", "j"):
            refused.add((row.stored.session, row.get(45)))
    for row in record.outbound(*ANSWERED_BY):
        books.counts["oms requests"] += 1
        kinds = ("8I",) if row.stored.msg_type == "H" else ANSWERED_BY[row.stored.msg_type]
        if (row.stored.session, str(row.stored.seq)) in refused:
            books.find("refused", record.name, row.get(11), f"35={row.stored.msg_type} met with 3 or j")
        elif not any(answers[kind][row.get(11)] for kind in kinds):
            books.find("unanswered", record.name, row.get(11), f"35={row.stored.msg_type}")


def _fills_once(books: _Books, party: str, where: str, rows: Iterable[Row]) -> dict[str, Fill]:
    """Fills by ExecID, as they stand after cancels (150=H) and corrections (150=G)."""
    first: dict[str, Fill] = {}
    standing: dict[str, Fill] = {}
    for row in rows:
        exec_type = row.get(150)
        if exec_type not in ("F", "G", "H"):
            continue
        fill = fill_of(row)
        if fill.exec_id in first:
            if first[fill.exec_id] != fill:
                books.find("exec_id_conflict", party, fill.exec_id, f"{where}: other economics")
            elif not row.message.poss_resend:
                # A resend (43=Y) keeps its number, and a number is handled once: only 97=Y excuses a repeat.
                books.find("fill_doubled", party, fill.exec_id, where)
            continue
        first[fill.exec_id] = fill
        if exec_type in ("G", "H") and standing.pop(row.get(19), None) is None:
            books.find("cancel_of_unknown_fill", party, fill.exec_id, f"{where}: 19={row.get(19)}")
        if exec_type != "H":
            standing[fill.exec_id] = fill
    return standing


def _check_quantities(
    books: _Books, record: Record, order_sessions: set[str], reports: list[Row], told: dict[str, Fill]
) -> set[str]:
    """Filled never beyond ordered, CumQty(14) as filled; returns every ClOrdID the OMS used."""
    root: dict[str, str] = {}
    quantity: dict[str, Decimal] = {}
    used: set[str] = set()
    for row in record.outbound("D", "G", "F"):
        if row.stored.session not in order_sessions:
            continue
        cl_ord_id = row.get(11)
        used.add(cl_ord_id)
        root[cl_ord_id] = root.get(row.get(41), row.get(41)) if row.get(41) else cl_ord_id
        if row.stored.msg_type != "F":
            # The largest quantity ever asked for bounds what may be filled.
            key = root[cl_ord_id]
            quantity[key] = max(quantity.get(key, Decimal(0)), Decimal(row.get(38) or 0))
    books.counts["orders"] += len(quantity)
    filled: dict[str, Decimal] = defaultdict(Decimal)
    for fill in told.values():
        filled[root.get(fill.cl_ord_id, fill.cl_ord_id)] += fill.quantity
    for key, amount in sorted(filled.items()):
        if key not in quantity:
            books.find("fill_of_unknown_order", record.name, key)
        elif amount > quantity[key]:
            books.find("overfilled", record.name, key, f"{amount} of {quantity[key]}")
    stated: dict[str, Decimal] = {}
    for row in reports:
        if row.get(14) and row.get(150) != "I" and not row.message.poss_resend:
            stated[root.get(row.get(11), row.get(11))] = Decimal(row.get(14))
    for key, amount in sorted(stated.items()):
        if key in quantity and amount != filled[key]:
            books.find("cum_qty_differs", record.name, key, f"14={amount}, fills {filled[key]}")
    return used


def _check_copy(
    books: _Books,
    party: str,
    reports: list[Row],
    copies: list[Row],
    told: dict[str, Fill],
    copied: dict[str, Fill],
    ordered: set[str],
) -> None:
    for row in copies:
        if row.get(797) != "Y":
            books.find("copy_unmarked", party, row.get(17), "797 is not Y")
    for exec_id, fill in sorted(told.items()):
        if exec_id not in copied:
            books.find("copy_missing", party, exec_id)
        elif copied[exec_id] != fill:
            books.find("copy_differs", party, exec_id)
    for exec_id, fill in sorted(copied.items()):
        if exec_id in told:
            continue
        if fill.cl_ord_id in ordered:
            books.find("fill_lost", party, exec_id, "on the drop copy, not on the order session")
        else:
            books.counts["fills of trader-entered orders"] += 1
    heard = {row.get(17) for row in copies}
    for row in reports:
        if row.get(150) not in ("F", "G", "H", "I") and row.get(17) not in heard:
            books.find("copy_missing", party, row.get(17), f"150={row.get(150)} of {row.get(11)}")


def _check_totals(books: _Books, party: str, desk: list[Fill], trades: list[Trade]) -> None:
    """What the desk was told is what dealers did: by their ExecID(527) where given, and in total."""
    named = {name: trade for trade in trades for name in (*trade.said_as, *trade.reported_as)}
    booked: dict[str, list[Fill]] = defaultdict(list)
    about: dict[tuple[str, str], set[str]] = defaultdict(set)
    """By bond and side: what the differences of single trades are about."""

    def differs(kind: str, key: str, text: str, where: Fill | Trade, names: Iterable[str]) -> None:
        books.find(kind, party, key, text, names)
        about[where.security_id, where.side].update(names)

    by_report = {name for trade in trades for name in trade.reported_as}
    # A trade report may be without ExecID(17): then of equal trades of one order each is as good as the other.
    for fill in sorted(desk, key=lambda fill: fill.dealer_exec_id in by_report):
        source = named.get(fill.dealer_exec_id)
        if not fill.dealer_exec_id:
            continue  # a trade made by phone has no dealer's ExecID
        if source is None:
            text = f"no dealer knows {fill.dealer_exec_id}"
            differs("fill_without_trade", fill.exec_id, text, fill, (fill.dealer_exec_id,))
            continue
        if fill.dealer_exec_id in by_report:
            alike = (each for each in (source, *trades) if each.cl_ord_id == source.cl_ord_id and each.stands)
            free = (each for each in alike if each.is_of(fill) and each.said_as[0] not in booked)
            source = next(free, source)
        booked[source.said_as[0]].append(fill)
        if not source.stands:
            differs("cancel_not_told", fill.exec_id, f"the dealer took {source.said_as[0]} back", fill, source.names)
        elif not source.is_of(fill):
            text = f"at the dealer {source.said_as[0]} is {source.quantity:f} at {source.price:f}"
            differs("fill_differs", fill.exec_id, f"{fill.quantity:f} at {fill.price:f}; {text}", fill, source.names)
    for exec_id, fills in sorted(booked.items()):
        if len(fills) > 1:
            books.find("fill_booked_twice", party, exec_id, f"{len(fills)} ExecIDs for one trade")
    by_exec_id = any(fill.dealer_exec_id for fill in desk)
    for trade in trades:
        if by_exec_id and trade.stands and trade.said_as[0] not in booked:
            text = f"the dealer traded {trade.quantity:f} at {trade.price:f}, the desk was not told"
            differs("fill_not_told", trade.said_as[0], text, trade, trade.names)
    balance: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for trade in trades:
        balance[trade.security_id, trade.side] += trade.quantity if trade.stands else 0
    for fill in desk:
        balance[fill.security_id, fill.side] -= fill.quantity
    for (security_id, side), amount in sorted(balance.items()):
        if amount:
            text = f"dealers minus desk: {amount:f}"
            books.find("totals_differ", party, f"{security_id} side {side}", text, about[security_id, side])


def fill_of(row: Row) -> Fill:
    """The economics of an ExecutionReport(8)."""
    return Fill(
        row.get(17),
        row.get(11),
        row.get(48),
        row.get(54),
        (row.message.decimal(32) or Decimal(0)).normalize(),
        (row.message.decimal(31) or Decimal(0)).normalize(),
        row.get(527),
    )
