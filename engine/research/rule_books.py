"""What rule books would have said, and would say: two of them over a past, or one that is being written for one order.

Reads one journal, read-only, and files of rules. Sends nothing, changes nothing, draws nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from engine.desk.draft import Draft
from engine.desk.fields import catalogue
from engine.desk.recommend import Supposing, recommend
from engine.desk.setting import Desk
from engine.domain.order import Order, OrderState
from engine.domain.recommendation import Recommendation
from engine.errors import CommandError
from engine.journal.archive import ReadOnly
from engine.research import book_files, two_books
from engine.research.book_files import Named
from engine.research.facts import FactsThen
from engine.research.in_force import TextsThen, dealers_ever
from engine.research.moments import FOREVER_NS, Moment, Moments
from engine.research.progress import Progress
from engine.research.two_books import Answered, Compared, Differs, differences
from engine.rules import Book, Catalogue

_NO_ORDER: Final = ""
"""No order is called so: a pass that stops nowhere."""
_STOPPED: Final = "SELECT type FROM events WHERE type IN ('EngineStarted', 'EngineStopped') ORDER BY seq DESC LIMIT 1"


@dataclass(frozen=True, slots=True)
class Backtest:
    """Two books, and what they say of the orders of a period."""

    old: Named
    new: Named
    compared: Compared
    stand_ins: tuple[str, ...] = ()
    """What stood in for texts of then that cannot be read any more."""


class _Opened:
    """A journal with the books that are in it, all of them reading the facts of one moment."""

    def __init__(self, file: ReadOnly, config: Path) -> None:
        self.file = file
        self.facts = FactsThen()
        self.texts = TextsThen(file, config.absolute(), self.facts)
        self._running: Book | None = None

    def known(self) -> Catalogue:
        """What a book may speak of: everybody who ever was a dealer may be named."""
        return self.facts.over(catalogue(sorted(dealers_ever(self.file)), self.texts.base_currency))

    def running(self) -> Book:
        if self._running is None:
            self._running = self.texts.running()
        return self._running

    def written(self, files: list[Path]) -> Named:
        """The running book with these files, or a folder as a whole book."""
        if len(files) == 1 and files[0].is_dir():
            [found] = book_files.books([str(files[0])], self.running, self.known())
            return found
        return book_files.laid_over(files, self.running, self.known())

    def is_stopped(self) -> bool:
        """Did the engine end as it should, and has none started since?"""
        return [kind for (kind,) in self.file.query(_STOPPED)] == ["EngineStopped"]

    def moments(self, *books: Named) -> Moments:
        self.texts.want({days for each in books for days in each.windows})
        return Moments(self.file, self.texts, self.facts)


def backtest(
    journal: Path, config: Path, old: str, new: str, begin_ns: int, end_ns: int, progress: Progress
) -> Backtest:
    """Both books over the orders decided in [begin_ns, end_ns). `config` is where engine.toml is, or was.

    Raises RuleBookError with the mistakes of both, ConfigError, JournalError.
    """
    with ReadOnly(journal) as file:
        opened = _Opened(file, config)
        first, second = book_files.books((old, new), opened.running, opened.known())
        moments = opened.moments(first, second)
        compared = two_books.compare(
            moments.between(begin_ns, end_ns, progress),
            _always(first.book),
            _always(second.book),
            opened.texts.book,
            begin_ns,
            moments.skipped,
            moments.traded,
            moments.overridden,
        )
    return Backtest(first, second, compared, tuple(opened.texts.stand_ins))


def _always(book: Book | None) -> Callable[[Moment], Book | None]:
    return lambda moment: book


@dataclass(frozen=True, slots=True)
class Said:
    """What one book says of an order."""

    book: Book
    made: Recommendation
    short: Answered


@dataclass(frozen=True, slots=True)
class Tried:
    """One order by a book that is being written, and by the present one.

    `is_now`: by what is known at the journal's end; else by what was known when it was decided. `everybody_up`: the
    engine is stopped, so it is as if every dealer were logged on.
    """

    words: str
    order: Order
    name: str
    round: int
    at_ns: int
    is_now: bool
    everybody_up: bool
    present: Said
    tried: Said
    differs: tuple[Differs, ...]
    desk: Desk


@dataclass(frozen=True, slots=True)
class TriedOpen:
    """Every order that is with the trader by a book that is being written, and by the present one, as things stand."""

    words: str
    at_ns: int
    everybody_up: bool
    orders: tuple[Tried, ...]


def try_open(journal: Path, config: Path, files: list[Path], progress: Progress) -> TriedOpen:
    """What the book would make of the orders that it would be asked about next. Raises as `try_order` does."""
    with ReadOnly(journal) as file:
        opened = _Opened(file, config)
        tried = opened.written(files)
        book = tried.book
        assert book is not None
        moments = opened.moments(tried)
        for _ in moments.between(0, FOREVER_NS, progress, _NO_ORDER):
            pass
        trading, draft_for = moments.end()
        stopped, found, at_ns = opened.is_stopped(), [], moments.last_ns
        for order in trading.state.open_orders():
            if order.state is OrderState.with_trader and order.terms.security_id in trading.desk.securities:
                draft = draft_for(order)
                at_ns = draft.now_ns
                found.append(_as_of_now(tried.words, draft, order, opened.running(), book, everybody_up=stopped))
    return TriedOpen(tried.words, at_ns, stopped, tuple(found))


def try_order(
    journal: Path,
    config: Path,
    files: list[Path],
    order: str,
    progress: Progress,
    *,
    decided: bool = False,
    round_number: int = 1,
) -> Tried:
    """What the running book with these files (or a folder as a whole book) would do with an order.

    With an order that is open as things stand at the end of the journal; with one that has ended, or with `decided`,
    as things stood when this round of it was decided. Raises RuleBookError, ConfigError, JournalError, CommandError.
    """
    order_id = _order_id(order)
    with ReadOnly(journal) as file:
        opened = _Opened(file, config)
        tried = opened.written(files)
        book = tried.book
        assert book is not None
        moments = opened.moments(tried)
        then: Tried | None = None
        for moment in moments.between(0, FOREVER_NS, progress, order_id):
            if moment.round == round_number and moment.order.terms.security_id in moment.desk.securities:
                present = opened.texts.book(moment.made.book_hash)
                then = _as_decided(tried.words, moment, moment.made, present or opened.running(), book)
        trading, draft_for = moments.end()
        known = trading.state.orders.get(order_id)
        if known is None:
            last = trading.state.counters.get("orders") or 0
            raise CommandError(f"no order {order} in {journal}: its last one is O-{last:06d}", code="unknown")
        if known.open and not decided:
            stopped = opened.is_stopped()
            return _as_of_now(tried.words, draft_for(known), known, opened.running(), book, everybody_up=stopped)
        if then is None:
            raise CommandError(
                f"{order_id}: the rule book was never asked about round {round_number} of it", code="state"
            )
        return then


def _as_decided(words: str, moment: Moment, made: Recommendation, present: Book, book: Book) -> Tried:
    """The present book is the one that decided; its answer is the one that is on record."""
    answer = moment.decide(book)
    one, other = Said(present, made, Answered.by(present, made)), Said(book, answer, Answered.by(book, answer))
    return _tried(words, moment.order, moment.round, moment.at_ns, one, other, moment.desk, is_now=False)


def _as_of_now(words: str, draft: Draft, order: Order, present: Book, book: Book, *, everybody_up: bool) -> Tried:
    """Only looked at: with all numbers, and what was drawn for the order's next round stands."""
    desk, before, said = draft.desk, draft.desk.book, []
    for each in (present, book):
        desk.book = each
        answer = recommend(draft, order, supposing=Supposing(assume_connected=everybody_up))
        said.append(Said(each, answer, Answered.by(each, answer)))
    desk.book = before
    one, other = said
    return _tried(
        words, order, order.rounds + 1, draft.now_ns, one, other, desk, is_now=True, everybody_up=everybody_up
    )


def _tried(
    words: str,
    order: Order,
    round_number: int,
    at_ns: int,
    present: Said,
    tried: Said,
    desk: Desk,
    *,
    is_now: bool,
    everybody_up: bool = False,
) -> Tried:
    differs = differences(present.short, tried.short, by_hand=bool(order.manual_reason))
    desk.earlier_books = {**desk.earlier_books, present.book.hash: present.book, tried.book.hash: tried.book}
    name = desk.securities[order.terms.security_id].name
    return Tried(words, order, name, round_number, at_ns, is_now, everybody_up, present, tried, differs, desk)


def _order_id(word: str) -> str:
    """O-000012, or 12 for short."""
    return f"O-{int(word):06d}" if word.isascii() and word.isdigit() else word.upper()
