"""Rule books that decided before, from the journal: what they decided is told in their words.

The journal keeps every book's text once, by its hash. A text that no longer makes a book (the language or the catalogue
has grown stricter) is left out, and its decisions are told by the values that were read.
"""

from __future__ import annotations

import logging
from typing import Final

from engine.desk.fields import catalogue
from engine.desk.setting import EARLIER_BOOKS_MAX
from engine.errors import RuleError
from engine.journal.archive import ReadOnly
from engine.rules.program import Book, compile_book
from engine.rules.source import apart
from engine.turn.trading import Trading

log = logging.getLogger(__name__)

_TEXT: Final = "SELECT text FROM rule_books WHERE hash = ?"


def earlier_books(file: ReadOnly, trading: Trading) -> dict[str, Book]:
    """The books other than the one in force by which the latest decisions of the state were made."""
    wanted: dict[str, None] = {}
    for advice in trading.state.recommendations.latest():
        if advice.told is None and advice.book_hash != trading.desk.book.hash:
            wanted[advice.book_hash] = None
            if len(wanted) == EARLIER_BOOKS_MAX:
                break
    # Dealers that a book names may have left since.
    known = catalogue(None, trading.desk.base_currency)
    found: dict[str, Book] = {}
    for book_hash in wanted:
        for (text,) in file.query(_TEXT, (book_hash,)):
            try:
                book = compile_book(apart(text), known)
            except RuleError as error:
                log.warning("rule book %s of earlier decisions makes no book any more: %s", book_hash[:12], error)
                continue
            if book.hash == book_hash:
                found[book_hash] = book
    return found
