"""Which rules are worth asking about an order.

Most rules name an asset class or a side, so most rules of a long book are out before they are judged. A
`Dispatch` picks the text field that parts the rules best and keeps, per word, the rules that word leaves in,
in the order of the book. It leaves out only rules that cannot be true, so it changes no decision.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final, Generic, TypeVar

from engine.rules.closures import Predicate, certainly
from engine.rules.resolved import AllOf, Condition, Defined, FieldValue, InWords, Values

RULES_PARTED_MIN: Final = 4

_T = TypeVar("_T")


class Dispatch(Generic[_T]):
    """Finds the first of some conditions that is true."""

    __slots__ = ("_by_word", "_others", "_slot")

    def __init__(self, entries: Sequence[tuple[Condition, _T]]) -> None:
        needs = [_words_needed(condition) for condition, _ in entries]
        counts = Counter(slot for need in needs for slot in need)
        best = min(counts, key=lambda slot: (-counts[slot], slot), default=0)
        self._slot: int | None = best if counts[best] >= RULES_PARTED_MIN else None
        tests = [(certainly(condition), target) for condition, target in entries]
        words = sorted({word for need in needs for word in need.get(best, ())})
        self._by_word: dict[str, tuple[tuple[Predicate, _T], ...]] = {
            word: tuple(test for test, need in zip(tests, needs, strict=True) if best not in need or word in need[best])
            for word in words
            if self._slot is not None
        }
        self._others = tuple(
            test for test, need in zip(tests, needs, strict=True) if self._slot is None or best not in need
        )

    def first(self, values: Values) -> _T | None:
        """The target of the first condition that is true, None if none is."""
        tests = self._others if self._slot is None else self._by_word.get(values[self._slot], self._others)
        for applies, target in tests:
            if applies(values):
                return target
        return None


def _words_needed(condition: Condition) -> dict[int, frozenset[str]]:
    """Per text slot, the words without which the condition cannot be true."""
    match condition:
        case Defined(body=body):
            return _words_needed(body)
        case InWords(operand=FieldValue(slot=slot), words=words, negated=False):
            return {slot: words}
        case AllOf(operands=operands):
            found: dict[int, frozenset[str]] = {}
            for operand in operands:
                for slot, words in _words_needed(operand).items():
                    found[slot] = found[slot] & words if slot in found else words
            return found
    return {}
