"""Why a rule did or did not apply, worked out when somebody asks.

A decision keeps the values it read and nothing else; a `Reasoning` walks the resolved condition again over
those values, in three-valued logic, finds the parts that settled the answer and puts them into words: some
2 us for a rule that failed on its first part.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from engine.rules.closures import certainly, certainly_not
from engine.rules.resolved import AllOf, AnyOf, Condition, Defined, Leaf, Opposite, Slot, Values, slots_of
from engine.rules.signature import Kind
from engine.rules.source import Span

PARTS_SHOWN_MAX: Final = 8
DIGITS_SHOWN_MAX: Final = 18
_CENT: Final = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class RuleTrace:
    """What became of one rule, protection or other condition.

    `matched` is the three-valued answer: None is unknown. `values` are the fields that settled it, by the
    name a rule gives them; None among them is unknown.
    """

    name: str
    span: Span
    matched: bool | None
    reason_text: str
    values: tuple[tuple[str, Any], ...]


class Reasoning:
    """One condition, ready to be explained: its leaves' predicates and words are made once, with the book.

    `protect` says what unknown counts as.
    """

    __slots__ = ("_name", "_protect", "_root", "_span")

    def __init__(
        self, name: str, span: Span, condition: Condition, slots: Sequence[Slot], *, protect: bool = False
    ) -> None:
        self._name = name
        self._span = span
        self._protect = protect
        self._root = _part(condition, slots)

    def trace(self, values: Values) -> RuleTrace:
        """What became of the condition over these values, with the fields that settled it."""
        answer, leaves = self._root.settle(values)
        read = {shown: values[slot] for leaf in leaves for slot, shown, _ in leaf.reads}
        return RuleTrace(self._name, self._span, answer, self._words(answer, leaves, values, {}), tuple(read.items()))

    def text(self, values: Values, said: dict[int, str]) -> str:
        """The reason alone, in words. `said` keeps the words for a field: share it among reasons from one `values`."""
        answer, leaves = self._root.settle(values)
        return self._words(answer, leaves, values, said)

    def _words(self, answer: bool | None, leaves: Sequence[_Leaf], values: Values, said: dict[int, str]) -> str:
        if len(leaves) == 1:
            reason = leaves[0].words(values, said)
        else:
            texts = tuple(dict.fromkeys(leaf.words(values, said) for leaf in leaves))
            reason = "; ".join(texts[:PARTS_SHOWN_MAX])
            if len(texts) > PARTS_SHOWN_MAX:
                reason += f"; and {len(texts) - PARTS_SHOWN_MAX} more"
        if answer is None:
            reason += " (unknown counts as true)" if self._protect else " (unknown counts as false)"
        return reason


_Settled = tuple[bool | None, tuple["_Leaf", ...]]
"""The three-valued answer, and the leaves that made it what it is."""


class _Leaf:
    """A condition without parts. `reads` are its fields: slot, the name a rule gives it, kind."""

    __slots__ = ("_alone", "_is_false", "_is_true", "_text", "reads")

    def __init__(self, condition: Leaf, slots: Sequence[Slot]) -> None:
        self._is_true, self._is_false = certainly(condition), certainly_not(condition)
        self._text = condition.text
        self._alone = (self,)
        self.reads = tuple((slot, slots[slot].shown, slots[slot].field.kind) for slot in slots_of(condition))

    def settle(self, values: Values) -> _Settled:
        if self._is_true(values):
            return True, self._alone
        return False if self._is_false(values) else None, self._alone

    def words(self, values: Values, said: dict[int, str]) -> str:
        """`notional > 5mm: notional is 2,000,000`."""
        if not self.reads:
            return self._text
        for slot, shown, kind in self.reads:
            if slot not in said:
                said[slot] = f"{shown} is {shown_value(values[slot], kind)}"
        if len(self.reads) == 1:
            return f"{self._text}: {said[self.reads[0][0]]}"
        return f"{self._text}: {', '.join([said[slot] for slot, _, _ in self.reads])}"


class _Not:
    __slots__ = ("_part",)

    def __init__(self, part: _Part) -> None:
        self._part = part

    def settle(self, values: Values) -> _Settled:
        answer, leaves = self._part.settle(values)
        return None if answer is None else not answer, leaves


class _All:
    """All leaves of a true `and`, those of the first false part of a false one, of the first unknown one otherwise."""

    __slots__ = ("_parts",)

    def __init__(self, parts: tuple[_Part, ...]) -> None:
        self._parts = parts

    def settle(self, values: Values) -> _Settled:
        unknown: tuple[_Leaf, ...] | None = None
        every: tuple[_Leaf, ...] = ()
        for part in self._parts:
            answer, leaves = part.settle(values)
            if answer is False:
                return False, leaves
            if answer is None and unknown is None:
                unknown = leaves
            every += leaves
        return (True, every) if unknown is None else (None, unknown)


class _Any:
    """The leaves of the first true part of a true `or`, all of a false one, all unknown ones otherwise."""

    __slots__ = ("_parts",)

    def __init__(self, parts: tuple[_Part, ...]) -> None:
        self._parts = parts

    def settle(self, values: Values) -> _Settled:
        unknown: tuple[_Leaf, ...] = ()
        every: tuple[_Leaf, ...] = ()
        is_unknown = False
        for part in self._parts:
            answer, leaves = part.settle(values)
            if answer:
                return True, leaves
            if answer is None:
                is_unknown = True
                unknown += leaves
            every += leaves
        return (None, unknown) if is_unknown else (False, every)


_Part = _Leaf | _Not | _All | _Any


def _part(condition: Condition, slots: Sequence[Slot]) -> _Part:
    match condition:
        case Defined(body=body):
            return _part(body, slots)
        case Opposite(operand=operand):
            return _Not(_part(operand, slots))
        case AllOf(operands=operands):
            return _All(tuple(_part(operand, slots) for operand in operands))
        case AnyOf(operands=operands):
            return _Any(tuple(_part(operand, slots) for operand in operands))
    return _Leaf(condition, slots)


def shown_value(value: Any, kind: Kind) -> str:
    """A value as a person reads it."""
    if value is None:
        return "unknown"
    match kind:
        case Kind.BOOL:
            return "true" if value else "false"
        case Kind.RATE:
            return f"{float(value) * 100:.4g}%"
        case Kind.PERCENT:
            return f"{value}%"
        case Kind.TIME:
            minutes = int(value) // 60
            return f"{minutes // 60:02d}:{minutes % 60:02d}"
        case Kind.SET_OF_TEXT:
            return "{" + ", ".join(sorted(str(item) for item in value)) + "}"
    if isinstance(value, Decimal):
        if kind is Kind.MONEY and value != value.to_integral_value() and value.adjusted() <= DIGITS_SHOWN_MAX:
            value = value.quantize(_CENT)  # At a rate told the other way round it has no end.
        return f"{value:,f}" if abs(value.adjusted()) <= DIGITS_SHOWN_MAX else str(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or kind is Kind.RATING:
        return str(value)
    return f"{value:,}" if isinstance(value, int) else f"{value:,.10g}"
