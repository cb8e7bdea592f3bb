"""The moments at which a journal's orders were decided, each with everything that was known then and nothing later.

One pass: events are folded as a start folds them, prices and trades of the market are heard when they were, sessions
are up while they were. Where the rule book was asked, it stops and hands the order out: any book can be asked again
there. What a turn has learnt is learnt once it is over, as it was then.

Nothing is written, and the file is read as it grows: what is committed after the pass began is left to the next.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import groupby
from operator import attrgetter
from typing import Any, Final, Protocol, TypeGuard

from engine.clock import NS_PER_DAY, Instant, utc_day
from engine.desk import deliveries
from engine.desk.draft import Draft
from engine.desk.learning import LEARNT, Learning
from engine.desk.recommend import recommend
from engine.desk.setting import Desk
from engine.desk.state import DeskState
from engine.desk.state_rows import Exposure, exposure_key
from engine.domain import events as e
from engine.domain.order import MarkUsed, Order
from engine.domain.recommendation import Recommendation
from engine.domain.rows import changed
from engine.errors import JournalError
from engine.journal.archive import ReadOnly
from engine.journal.batch import CloseRow, EventRow, MarkRow, TradeRow
from engine.journal.events import events_codec
from engine.market.hearing import Heard, Withdrawal
from engine.market.marks import Mark, Quality
from engine.market.tape import CompleteFrom, Trade
from engine.research.facts import FactsThen
from engine.research.progress import Progress, silent
from engine.research.tape_copy import TapeCopy
from engine.rules import Book
from engine.turn.trading import Trading

ROWS_AT_ONCE: Final = 2_000
"""Events between two looks at the progress."""
FOREVER_NS: Final = 1 << 62
"""Later than any event."""
_LEARNT: Final = frozenset(kind.__name__ for kind in LEARNT)


class Desks(Protocol):
    """What was decided by."""

    def desk_of(self, event: e.EngineStarted | e.Reloaded) -> Desk:
        """From this event on; nothing learnt and no price heard yet. Raises ConfigError."""
        ...

    def book(self, book_hash: str) -> Book | None:
        """A book that was in force; None where it cannot be had any more."""
        ...


class Held:
    """The protections that a book has put on exposures: once on, they stay on, so each book has its own.

    On exposures of days before `begin_ns` are those that the books of then had put on.
    """

    __slots__ = ("_begin_day", "_by_exposure")

    def __init__(self, begin_ns: int = 0) -> None:
        self._begin_day = utc_day(begin_ns)
        self._by_exposure: dict[str, tuple[str, ...]] = {}

    def of(self, key: str, day: int, then: tuple[str, ...]) -> tuple[str, ...]:
        found = self._by_exposure.get(key, ())
        return tuple(dict.fromkeys((*then, *found))) if day < self._begin_day else found

    def add(self, key: str, protections: tuple[str, ...]) -> None:
        if protections:
            self._by_exposure[key] = tuple(dict.fromkeys((*self._by_exposure.get(key, ()), *protections)))


@dataclass(frozen=True, slots=True)
class Moment:
    """One order as the rule book was asked about it; `made` is what it said then, as the journal has it.

    `round` is the round of the order that it was asked for, from 1. Use it before the next one: the desk goes on.
    """

    seq: int
    at_ns: int
    order: Order
    round: int
    made: Recommendation
    _draft: _DraftThen
    _exposures: tuple[tuple[str, int], ...]
    """The keys of its exposure, each with its day: what it adds to, then those of days before."""
    _decided: dict[tuple[str, tuple[tuple[str, ...], ...]], Recommendation] = field(default_factory=dict)

    @property
    def desk(self) -> Desk:
        return self._draft.desk

    def decide(self, book: Book, held: Held | None = None) -> Recommendation:
        """What this book would have said. Draws nothing: where something was drawn then, the same is drawn again.

        Protections that are on for the exposure are those of `held`, or those that the books of then had put on.
        """
        draft, desk, before = self._draft.scratch(), self.desk, self.desk.book
        # What was drawn for the round stands, as for whoever is shown a recommendation again.
        draft.state.recommendations.put(self.order.order_id, self.made)
        on: list[tuple[str, ...]] = []
        for key, day in self._exposures:
            known = draft.state.exposures.get(key) or Exposure()
            on.append(known.protections if held is None else held.of(key, day, known.protections))
            if on[-1] != known.protections:
                draft.state.exposures.put(key, changed(known, protections=on[-1]))
        answer = self._decided.get((book.hash, tuple(on)))
        if answer is None:
            try:
                desk.book = book
                answer = recommend(draft, self.order)
            finally:
                desk.book = before
            self._decided[book.hash, tuple(on)] = answer
        if held is not None:
            held.add(self._exposures[0][0], answer.protections)
        return answer


class _DraftThen(Draft):
    """A draft whose mark of the order's bond is the one that the record has, where it has one."""

    __slots__ = ("facts", "security_id")
    facts: FactsThen
    security_id: str

    def mark_of(self, security_id: str) -> MarkUsed | None:
        if self.facts.has_mark and security_id == self.security_id:
            return self.facts.mark
        return super().mark_of(security_id)

    def scratch(self) -> _DraftThen:
        draft = _DraftThen(
            self.desk, self.now, self.entropy, self.outbox_id, self.session_up, DeskState(below=self.state)
        )
        draft.facts, draft.security_id = self.facts, self.security_id
        return draft


class _Sessions:
    """Which sessions were up."""

    __slots__ = ("up",)

    def __init__(self) -> None:
        self.up: set[str] = set()

    def __call__(self, key: str) -> bool:
        return key in self.up

    def among(self, keys: tuple[str, ...]) -> frozenset[str]:
        return frozenset(self.up.intersection(keys))

    def follow(self, event: e.Event) -> None:
        if isinstance(event, e.SessionUp):
            self.up.add(event.session)
        elif isinstance(event, e.SessionDown):
            self.up.discard(event.session)
        elif isinstance(event, e.EngineStarted):
            self.up.clear()


class Moments:
    """One pass over a journal. `skipped` are moments that cannot be decided again, with the reason."""

    def __init__(self, file: ReadOnly, desks: Desks, facts: FactsThen) -> None:
        self._file = file
        self._desks = desks
        self._facts = facts
        self._codec = events_codec()
        self._sessions = _Sessions()
        self._tape = _Tape(file)
        self._trading: Trading | None = None
        self._seq = 0
        self._learns_anew = False
        self._sorted = 0
        """So many observations were put in the order of their own times, by the last `EstimatesRebuilt`."""
        self.last_ns = 0
        """Of the last event so far."""
        self.skipped: list[tuple[str, str]] = []
        self.traded: dict[tuple[str, int], tuple[str, ...]] = {}
        """With whom the rounds of orders so far have traded, by order and round. No decision knows it."""
        self.overridden: dict[tuple[str, int], tuple[str, ...]] = {}
        """Whom a trader has asked in place of those that the book wanted, in the same way."""

    def between(
        self, begin_ns: int, end_ns: int, progress: Progress = silent, order_id: str | None = None
    ) -> Iterator[Moment]:
        """Those in [begin_ns, end_ns), in order; of this order alone where one is named.

        Raises ConfigError for a desk that cannot be made, JournalError.
        """
        last = self._file.head().event_seq
        reported = 0
        for _, rows in groupby(self._file.events_until(last), attrgetter("turn_seq")):
            turn = list(rows)
            if turn[0].utc_ns >= end_ns:
                break
            yield from self._turn(turn, begin_ns, order_id)
            if self._seq - reported >= ROWS_AT_ONCE:
                reported = self._seq
                progress(reported, last)
        progress(last, last)

    def end(self) -> tuple[Trading, Callable[[Order], _DraftThen]]:
        """After the pass: the desk where it ended, and what makes a draft of it for an order. Raises JournalError."""
        trading = self._trading
        if trading is None:
            raise JournalError(f"{self._file.path}: no engine has ever started on it")
        at_ns = max(self.last_ns, self._tape.last_ns)
        self._hear(at_ns)
        self._ready()
        self._facts.forget()
        return trading, lambda order: self._draft(at_ns, order)

    # --- a turn ---------------------------------------------------------------------------------------

    def _turn(self, rows: list[EventRow], begin_ns: int, order_id: str | None) -> Iterator[Moment]:
        events = [self._codec.decode(row.type, row.version, row.body) for row in rows]

        def is_wanted(event: object) -> TypeGuard[e.OrderRecommended]:
            return isinstance(event, e.OrderRecommended) and order_id in (None, event.order_id)

        if rows[0].utc_ns < begin_ns or not any(map(is_wanted, events)):
            for row, event in zip(rows, events, strict=True):
                self._fold(row, event)
            return
        trading = self._standing()
        self._hear(rows[0].utc_ns)
        self._ready()
        draft = Draft(trading.desk, Instant(0, rows[0].utc_ns), b"", 0, self._sessions, DeskState(below=trading.state))
        for row, event in zip(rows, events, strict=True):
            self._sessions.follow(event)
            if isinstance(event, e.Reloaded):
                self._put_in_force(event)
            if is_wanted(event):
                moment = self._moment(draft, row.seq, event)
                if moment is not None:
                    yield moment
            draft.record(event)
            self._follow(event, draft.state)
        trading.adopt(draft)
        self._after(rows[-1])

    def _moment(self, draft: Draft, seq: int, event: e.OrderRecommended) -> Moment | None:
        desk, order, made = draft.desk, draft.state.orders[event.order_id], event.recommendation
        if order.terms.security_id not in desk.securities:
            self.skipped.append((event.order_id, f"bond {order.terms.security_id} is in no text of then"))
            return None
        then = _DraftThen(desk, Instant(0, event.at_ns), b"", 0, self._sessions, draft.state)
        then.facts, then.security_id = self._facts, order.terms.security_id
        self._facts.recall(order, event.at_ns, made, self._desks.book(made.book_hash), desk.base_currency)
        terms, today = order.terms, utc_day(event.at_ns)
        standing = draft.state.standing_orders(terms.security_id, terms.side, today)
        days = dict.fromkeys([order.facts.day, today, *[each.facts.day for each in standing]])
        keys = tuple((exposure_key(terms.security_id, terms.side, day), day) for day in days)
        return Moment(seq, event.at_ns, order, order.rounds + 1, made, then, keys)

    def _fold(self, row: EventRow, event: Any) -> None:
        if isinstance(event, e.EngineStarted | e.Reloaded):
            self._put_in_force(event)
        self._sessions.follow(event)
        trading = self._standing()
        try:
            trading.fold(event)
        except Exception as error:
            name = type(error).__name__
            raise JournalError(f"event {row.seq} ({row.type}) cannot be applied: {name}: {error}") from error
        self._follow(event, trading.state)
        self._after(row)

    def _follow(self, event: e.Event, state: DeskState) -> None:
        if isinstance(event, e.EstimatesRebuilt):
            self._sorted, self._learns_anew = event.observations, True
        elif isinstance(event, e.FillBooked):
            key = event.fill.order_id, state.orders[event.fill.order_id].rounds
            self.traded[key] = tuple(dict.fromkeys((*self.traded.get(key, ()), event.fill.dealer)))
        elif isinstance(event, e.OrderOverridden):
            self.overridden[event.order_id, state.orders[event.order_id].rounds + 1] = event.after

    def _after(self, row: EventRow) -> None:
        self._seq, self.last_ns = row.seq, max(self.last_ns, row.utc_ns)

    def _standing(self) -> Trading:
        """The desk so far; of a past that was written before the first start, the one of that start."""
        if self._trading is None:
            rows = self._file.query(_FIRST_START)
            if not rows:
                raise JournalError(f"{self._file.path}: no engine has ever started on it")
            self._put_in_force(self._codec.decode(*rows[0]))
        assert self._trading is not None
        return self._trading

    def _draft(self, at_ns: int, order: Order) -> _DraftThen:
        assert self._trading is not None
        trading = self._trading
        draft = _DraftThen(trading.desk, Instant(0, at_ns), b"", 0, self._sessions, DeskState(below=trading.state))
        draft.facts, draft.security_id = self._facts, order.terms.security_id
        return draft

    # --- what is decided by ---------------------------------------------------------------------------

    def _put_in_force(self, event: e.EngineStarted | e.Reloaded) -> None:
        after = self._desks.desk_of(event)
        if self._trading is None:
            self._trading = Trading(after)
            return
        desk, state = self._trading.desk, self._trading.state
        known = desk.securities
        is_same = (
            desk.stats.parameters == after.stats.parameters and desk.learning.parameters == after.learning.parameters
        )
        if not is_same:
            shadow = Trading(after)
            for row in self._file.events_until(self._seq):
                shadow.fold(self._codec.decode(row.type, row.version, row.body))
            self._learns_anew = True
        desk.take_up(after, with_stats=not is_same)
        for order in state.open_orders():
            # As a start does: what is open goes on by the bond as it was known.
            bond = known.get(order.terms.security_id)
            if bond is not None and order.terms.security_id not in desk.securities:
                desk.know(order.terms.security_id, bond)
        for security_id, bond in state.bonds.items():
            desk.know(security_id, bond)

    def _ready(self) -> None:
        """What others told of the past was learnt anew then: have that before anybody decides."""
        if not self._learns_anew or self._trading is None:
            return
        self._learns_anew = False
        desk = self._trading.desk
        anew = Learning(desk.learning.parameters, is_replaying=True)
        anew.expect(self._sorted, is_kept=False)
        for row in self._file.events_until(self._seq):
            if row.type in _LEARNT:
                anew.fold(self._codec.decode(row.type, row.version, row.body))
        anew.settle()
        desk.learning = anew

    def _hear(self, at_ns: int) -> None:
        assert self._trading is not None
        desk = self._trading.desk
        for close in self._tape.closes_until(at_ns):
            desk.appraisal.closes.take(close.security_id, close.source, close.utc_ns, float(close.price))
        for heard_ns, heard in self._tape.until(at_ns):
            deliveries.adopt(desk, [heard], heard_ns)


class _Tape:
    """What was heard of the market, in the order in which it was heard."""

    def __init__(self, file: ReadOnly) -> None:
        copy = TapeCopy(file)
        self._marks = ((row.heard_ns, _mark(row)) for row in copy.marks())
        self._trades = ((row.heard_ns, _trade(row)) for row in copy.trades())
        self._next: list[tuple[int, Heard] | None] = [next(self._marks, None), next(self._trades, None)]
        first = self._next[0]
        # Of days whose marks have left the tape the last ones are kept: known once the day is over.
        self._closes = [each for each in file.closes() if first is None or each.day < utc_day(first[0])]
        self._closes.reverse()
        self.last_ns = copy.last_ns

    def closes_until(self, at_ns: int) -> Iterator[CloseRow]:
        """The last marks of days of which the tape has no more, of days that are over then."""
        while self._closes and (self._closes[-1].day + 1) * NS_PER_DAY <= at_ns:
            yield self._closes.pop()

    def until(self, at_ns: int) -> Iterator[tuple[int, Heard]]:
        """What was heard since the last call and until then."""
        while True:
            due = [each for each in self._next if each is not None and each[0] <= at_ns]
            if not due:
                return
            first = min(due, key=lambda each: each[0])
            place = next(place for place, each in enumerate(self._next) if each is first)
            self._next[place] = next((self._marks, self._trades)[place], None)
            yield first


_FIRST_START: Final = "SELECT type, version, body FROM events WHERE type = 'EngineStarted' ORDER BY seq LIMIT 1"


def _mark(row: MarkRow) -> Heard:
    if row.price is None:
        return Withdrawal(row.security_id, row.source, row.utc_ns)
    half = None if row.half_spread is None else Decimal(row.half_spread)
    return Mark(row.security_id, Decimal(row.price), row.utc_ns, row.source, Quality(row.quality), half)


def _trade(row: TradeRow) -> Heard:
    if row.kind == "complete":
        return CompleteFrom(row.asset_class, row.source, utc_day(row.utc_ns))
    return Trade(
        row.security_id,
        row.asset_class,
        Decimal(row.price),
        Decimal(row.quantity),
        row.utc_ns,
        row.source,
        row.trade_id,
        canceled=row.kind == "canceled",
    )
