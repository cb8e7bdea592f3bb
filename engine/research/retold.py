"""Orders of a journal with all that became of them, as the desk had them: its own state, its own costs, its own words.

Only what belongs to the orders that are wanted is folded, so a report of one order costs a look at the file and little
memory. What each order's events were stands beside the state, which forgets what was said on the way.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator
from typing import Any, Final

import orjson

from engine.config import dealers_in
from engine.desk.apply import apply
from engine.desk.costs import Costs
from engine.desk.fields import catalogue
from engine.desk.state import DeskState
from engine.domain import events as e
from engine.errors import ConfigError, RuleError
from engine.journal.archive import ReadOnly
from engine.journal.batch import EventRow
from engine.journal.events import events_codec
from engine.research.progress import Progress, silent
from engine.rules.program import Book, compile_book
from engine.rules.source import apart

ORDERS_MAX: Final = 20_000
"""Orders of one report, some 25 kB each while it is made; their costs are kept of as many."""

Wanted = Callable[[e.OrderReceived], bool]

_OF_ORDERS: Final = (
    *(e.OrderReceived, e.DuplicateAllowed, e.OrderRated, e.OrderRecommended, e.OrderReturned, e.SessionsAwaited),
    *(e.CancelAsked, e.CancelSettled, e.ReplaceAsked, e.ReplaceSettled, e.OrderReplaced, e.OrderCanceled),
    *(e.OrderExpired, e.OrderOverridden, e.RfqOpened, e.DealerAsked, e.AskAwaited, e.AskBlocked, e.AskWithheld),
    *(e.QuoteReceived, e.QuoteWithdrawn, e.DealerDeclined, e.DealerSilent, e.RfqDeciding, e.TraderAlerted),
    *(e.RfqClosed, e.QuoteAccepted, e.AcceptBlocked, e.AcceptWithheld, e.PlacementAcknowledged, e.PlacementDoubted),
    *(e.PlacementCountAgreed, e.PlacementEnded, e.PlacementCancelAsked, e.FillBooked, e.FillCanceled),
    *(e.FillCorrected, e.MoneyDiffered, e.FillConfirmed, e.TradeChangeConfirmed, e.ReversionMeasured, e.RoundObserved),
    *(e.RoundAmended, e.RoundMarked, e.FillMarked, e.InputRefused),
)
_OF_QUARANTINE: Final = (
    *(e.FillQuarantined, e.QuarantineSettled, e.DontKnowTradeSent, e.DontKnowTradeUnsent, e.QuarantineRepeated),
)
"""Fills there are numbered as they come: all of them are folded."""
_OF_ALL: Final = (*_OF_QUARANTINE, e.TcaReceived, e.KillSwitched)
_NAMES: Final = frozenset(each.__name__ for each in (*_OF_ORDERS, *_OF_ALL))
_ALWAYS: Final = frozenset(each.__name__ for each in _OF_ALL)


class Retold:
    """`state` and `costs` hold the wanted orders and nothing else; `events` are each order's own, first to last."""

    __slots__ = ("_mine", "costs", "events", "last_ns", "state", "switches")

    def __init__(self) -> None:
        self.state = DeskState()
        self.costs = Costs()
        self.events: dict[str, list[e.Event]] = {}
        self.switches: list[e.KillSwitched] = []
        """Every kill switch that was thrown, first to last: events of the orders that it stops say nothing of it."""
        self.last_ns = 0
        """The time of the last event of the journal."""
        self._mine: dict[str, str] = {}
        """Of which order each round, acceptance, fill and key of a fill is; of orders their own."""

    def take(self, event: e.Event, wanted: Wanted) -> bool:
        """Fold an event of a wanted order. False where it is of none.

        Raises ConfigError beyond ORDERS_MAX.
        """
        if isinstance(event, e.OrderReceived) and wanted(event):
            if len(self.events) >= ORDERS_MAX:
                raise ConfigError(f"more than {ORDERS_MAX:,} orders: a report is of a shorter time")
            self._mine[event.order_id] = event.order_id
            self.events[event.order_id] = []
        order_id = self._order_of(event)
        if order_id:
            self.events[order_id].append(event)
        elif not isinstance(event, _OF_ALL):
            return False
        if isinstance(event, e.KillSwitched):
            self.switches.append(event)
        apply(self.state, event)
        self.costs.fold(self.state, event)
        return True

    def _order_of(self, event: e.Event) -> str:
        """Of which wanted order it is; empty if of none. What it names for the first time is known from then on."""
        for name in _names_in(event):
            order_id = self._mine.get(name, "")
            if order_id:
                for fresh in _named_by(event):
                    self._mine[fresh] = order_id
                return order_id
        return ""


def _names_in(event: Any) -> Iterator[str]:
    """What an event is of: an order, a round, an acceptance, a fill."""
    fill = getattr(event, "fill", None)
    if fill is not None:
        yield fill.order_id
        return
    if isinstance(event, e.RoundObserved):
        yield event.round.rfq_id
        return
    for name in ("order_id", "rfq_id", "placement_id", "exec_id", "key"):
        found = getattr(event, name, "")
        if found:
            yield found


def _named_by(event: e.Event) -> tuple[str, ...]:
    match event:
        case e.RfqOpened():
            return (event.rfq_id,)
        case e.QuoteAccepted():
            return (event.placement_id,)
        case e.FillBooked():
            return (event.fill.exec_id, event.fill.key)
    return ()


def retell(file: ReadOnly, wanted: Wanted, name: str = "", progress: Progress = silent) -> Retold:
    """Every wanted order. With the `name` of the one that is wanted, rows that do not speak of it are not decoded.

    Raises JournalError where the file cannot be read, ConfigError beyond ORDERS_MAX.
    """
    found, codec, head = Retold(), events_codec(), file.head()
    spoken_of = [name.encode()] if name else []
    for row in file.events_until(head.event_seq):
        found.last_ns = row.utc_ns
        progress(row.seq, head.event_seq)
        if row.type not in _NAMES or not _speaks(row, spoken_of):
            continue
        event = codec.decode(row.type, row.version, row.body)
        before = len(found._mine)
        assert isinstance(event, e.Event)
        found.take(event, wanted)
        if name and len(found._mine) > before:
            spoken_of = [each.encode() for each in found._mine]
    progress(head.event_seq, head.event_seq)
    return found


def _speaks(row: EventRow, names: list[bytes]) -> bool:
    return not names or row.type in _ALWAYS or any(name in row.body for name in names)


# --- texts of the journal ------------------------------------------------------------------------


class Texts:
    """What a journal keeps beside its events: rule books by their hashes, dealers' names, the base currency."""

    __slots__ = ("_books", "_file", "_known", "base_currency", "dealers")

    def __init__(self, file: ReadOnly) -> None:
        self._file = file
        in_force = _in_force(file)
        self.base_currency = _currency(self._text(in_force.get("engine", "")))
        self.dealers = {each.id: each.name for each in dealers_in(self._text(in_force.get("dealers", "")))}
        """By id, as they are called in the dealers' file that was read last."""
        self._known = catalogue(None, self.base_currency)
        self._books: dict[str, Book | None] = {}

    def book_of(self, book_hash: str) -> Book | None:
        """A book that decided; None where its text is not there or makes no book any more."""
        if book_hash not in self._books:
            book = None
            for (text,) in self._file.query("SELECT text FROM rule_books WHERE hash = ?", (book_hash,)):
                try:
                    book = compile_book(apart(text), self._known)
                except RuleError:
                    continue
            self._books[book_hash] = book
        return self._books[book_hash]

    def _text(self, text_hash: str) -> str:
        rows = self._file.query("SELECT text FROM configs WHERE hash = ? LIMIT 1", (text_hash,))
        return str(rows[0][0]) if rows else ""


def _in_force(file: ReadOnly) -> dict[str, str]:
    """By kind the hash of the text that was read last, as starts and reloads tell."""
    found: dict[str, str] = {}
    rows = file.query("SELECT body FROM events WHERE type IN ('EngineStarted', 'Reloaded') ORDER BY seq")
    for (body,) in rows:
        told = orjson.loads(body)
        found |= {each["kind"]: each["hash"] for each in told.get("in_force", ())}
        if "dealers_hash" in told and not told.get("in_force"):
            found["dealers"] = told["dealers_hash"]  # An older engine told no more.
    return found


def _currency(text: str) -> str:
    try:
        found: Any = tomllib.loads(text).get("engine", {}).get("base_currency")
    except tomllib.TOMLDecodeError:
        found = None
    return found if isinstance(found, str) else "USD"
