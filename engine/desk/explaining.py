"""A recommendation in words: what became of each rule, a line for every dealer, why nobody is asked if so.

What `selection.wording` and the rule language make of numbers and codes is put together here. The rules are those of
the book that decided: the desk's own, or an earlier one that it still has. Without it the values are shown alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from engine.desk.setting import Desk
from engine.domain.recommendation import Recommendation, Scalar, Told
from engine.rules.program import CompiledRule, explain
from engine.selection import wording

_HASH_SHOWN: Final = 12


def tell(desk: Desk, advice: Recommendation) -> Told:
    """The words for a recommendation, as they were when it was made."""
    if advice.told is not None:
        return advice.told
    assert advice.selection is not None
    why_not = _WhyNot(desk, advice)
    return Told(
        wording.lines(advice.selection, why_not, advice.told_by),
        _trace(desk, advice),
        wording.problem(advice.selection, why_not),
        wording.notes(advice.selection, advice.told_by),
    )


def problem(desk: Desk, advice: Recommendation) -> str:
    """Why nobody can be asked; empty where somebody can."""
    if advice.told is not None:
        return advice.told.problem
    assert advice.selection is not None
    return wording.problem(advice.selection, _WhyNot(desk, advice))


def _trace(desk: Desk, advice: Recommendation) -> tuple[str, ...]:
    """Each rule with its reason down to the one that decided, then the protections."""
    book = desk.book_of(advice.book_hash)
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

    def __init__(self, desk: Desk, advice: Recommendation) -> None:
        self._desk = desk
        self._advice = advice
        self._rule: CompiledRule | None = None

    def __call__(self, read: Mapping[str, Scalar]) -> str | None:
        if self._rule is None:
            book = self._desk.book_of(self._advice.book_hash)
            self._rule = book.rule_named(self._advice.rule) if book is not None else None
        found = self._rule.why_of(read) if self._rule is not None else None
        return found.reason_text if found is not None else None
