"""A recommendation in words: what became of each rule, a line for every dealer, why nobody is asked if so.

What `selection.wording` and the rule language make of numbers and codes is put together here. The rules are those of
the book that decided, which whoever asks finds by its hash. Without it the values are shown alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

from engine.domain.recommendation import Recommendation, Scalar, Told
from engine.rules.program import Book, CompiledRule, explain
from engine.selection import wording

BookOf: TypeAlias = Callable[[str], Book | None]
"""The rule book of a hash, None where it is not at hand."""

_HASH_SHOWN: Final = 12


def tell(book_of: BookOf, advice: Recommendation) -> Told:
    """The words for a recommendation, as they were when it was made."""
    if advice.told is not None:
        return advice.told
    assert advice.selection is not None
    why_not = _WhyNot(book_of, advice)
    return Told(
        wording.lines(advice.selection, why_not, advice.told_by),
        _trace(book_of, advice),
        wording.problem(advice.selection, why_not),
        wording.notes(advice.selection, advice.told_by),
    )


def problem(book_of: BookOf, advice: Recommendation) -> str:
    """Why nobody can be asked; empty where somebody can."""
    if advice.told is not None:
        return advice.told.problem
    assert advice.selection is not None
    return wording.problem(advice.selection, _WhyNot(book_of, advice))


def _trace(book_of: BookOf, advice: Recommendation) -> tuple[str, ...]:
    """Each rule with its reason down to the one that decided, then the protections."""
    book = book_of(advice.book_hash)
    read, exposure = advice.read or {}, advice.exposure or {}
    decision = book.retold(advice.rule, advice.protections, advice.held, read, exposure) if book is not None else None
    if decision is not None:
        return explain(decision)
    found = ", ".join(f"{name} is {'unknown' if value is None else value}" for name, value in read.items())
    return (
        f"the text of rule book {advice.book_hash[:_HASH_SHOWN]} is not at hand; it read: {found}",
        f'rule "{advice.rule}" decides',
        *(f'protect "{name}" applies' for name in advice.protections),
    )


class _WhyNot:
    """Why the deciding rule's condition about dealers is not met, by what it read."""

    def __init__(self, book_of: BookOf, advice: Recommendation) -> None:
        self._book_of = book_of
        self._advice = advice
        self._rule: CompiledRule | None = None

    def __call__(self, read: Mapping[str, Scalar]) -> str | None:
        if self._rule is None:
            book = self._book_of(self._advice.book_hash)
            self._rule = book.rule_named(self._advice.rule) if book is not None else None
        found = self._rule.why_of(read) if self._rule is not None else None
        return found.reason_text if found is not None else None
