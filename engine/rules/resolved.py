"""The tree the checker makes: every name looked up, every literal a value, every kind agreed.

This is what `program` compiles and `explanation` walks. Fields are slots of a `Layout`: a group of conditions
that are judged together reads each field once, into one list. Spans and texts are for people and play no part
in equality, so two conditions are equal when they say the same.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

from engine.rules.signature import Catalogue, Field, Kind
from engine.rules.source import Source, Span

NOWHERE: Final = Span(0, 0)

Values = Sequence[Any]
"""What a layout read from a subject, one value a slot."""


@dataclass(frozen=True, slots=True)
class Slot:
    """One value a layout reads: a field, with its window if it has one, or a currency's rate."""

    field: Field
    window_days: int | None = None

    @property
    def shown(self) -> str:
        """As a rule names it: `adv(30d)`."""
        return self.field.name if self.window_days is None else f"{self.field.name}({self.window_days}d)"


class Layout:
    """Which values a group of conditions needs, each read once."""

    __slots__ = ("_index", "slots", "uses")

    def __init__(self, slots: Sequence[Slot] = ()) -> None:
        self.slots: list[Slot] = list(slots)
        self.uses: list[tuple[int, Source, Span]] = []
        """Every place in the text that reads a slot."""
        self._index: dict[tuple[str, int | None], int] = {
            (slot.field.name, slot.window_days): index for index, slot in enumerate(self.slots)
        }

    def slot(self, entry: Field, window_days: int | None) -> int:
        """The place of a field's value, made if need be."""
        key = (entry.name, window_days)
        index = self._index.get(key)
        if index is None:
            index = self._index[key] = len(self.slots)
            self.slots.append(Slot(entry, window_days))
        return index

    def used(self, slot: int, source: Source, span: Span) -> None:
        """The text reads a slot here."""
        self.uses.append((slot, source, span))

    def rate_slot(self, catalogue: Catalogue, currency: str) -> int:
        """The place of what one unit of a currency is worth in base currency."""
        rate = catalogue.rate
        assert rate is not None
        getter: Callable[[Any], Any] = lambda subject: rate(subject, currency)  # noqa: E731
        return self.slot(Field(f"rate of {currency}", Kind.NUMBER, getter, "worth in base currency"), None)


@dataclass(frozen=True, slots=True)
class Const:
    """A number, day or time of day; a number is an int when it is whole, else a Decimal."""

    value: Any
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class FieldValue:
    """The value of a slot."""

    slot: int
    kind: Kind
    shown: str
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Converted:
    """An amount in another currency, at the rate of a slot."""

    amount: int | Decimal
    slot: int
    shown: str
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Scaled:
    """`10% of adv(30d)`: operand x numerator / denominator, whole numbers, so nothing is rounded."""

    numerator: int
    denominator: int
    operand: Value
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """Operands joined by `+`, `-`, `*`, `/`, from left to right."""

    first: Value
    rest: tuple[tuple[str, Value], ...]
    span: Span = field(default=NOWHERE, compare=False, repr=False)


Value = Const | FieldValue | Converted | Scaled | Arithmetic


@dataclass(frozen=True, slots=True)
class Fact:
    """`true` or `false`."""

    value: bool
    text: str = field(compare=False)
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Flag:
    """A field that is itself true or false."""

    operand: FieldValue
    text: str = field(compare=False)
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Compare:
    """Two numbers, days or times; unknown if either is."""

    operator: str
    left: Value
    right: Value
    text: str = field(compare=False)
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class CompareRatings:
    """Two rating fields; unknown if either is unknown or NR."""

    operator: str
    left: FieldValue
    right: FieldValue
    text: str = field(compare=False)
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class InNotches:
    """A rating among these notches; unknown if it is unknown or NR."""

    operand: FieldValue
    notches: frozenset[int]
    text: str = field(compare=False)
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class InWords:
    """A text among these (or, negated, not among them)."""

    operand: FieldValue
    words: frozenset[str]
    negated: bool
    text: str = field(compare=False)
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class SameText:
    """Two text fields that are equal (or, negated, differ)."""

    left: FieldValue
    right: FieldValue
    negated: bool
    text: str = field(compare=False)
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class HasWord:
    """A set that holds a word."""

    operand: FieldValue
    word: str
    text: str = field(compare=False)
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class IsKnown:
    """Whether a value is known; never itself unknown."""

    operand: Value
    negated: bool
    text: str = field(compare=False)
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class IsNR:
    """Whether a rating is NR; a missing rating is not, so this is never unknown."""

    operand: FieldValue
    negated: bool
    text: str = field(compare=False)
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class InTopShare:
    """A rank among the best `numerator / denominator` of all that are ranked, at least one dealer."""

    rank: FieldValue
    ranked: FieldValue
    numerator: int
    denominator: int
    text: str = field(compare=False)
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class AllOf:
    operands: tuple[Condition, ...]
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class AnyOf:
    operands: tuple[Condition, ...]
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Opposite:
    operand: Condition
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Defined:
    """A condition with a name of its own."""

    name: str = field(compare=False)
    body: Condition
    span: Span = field(default=NOWHERE, compare=False, repr=False)


Leaf = Fact | Flag | Compare | CompareRatings | InNotches | InWords | SameText | HasWord | IsKnown | IsNR | InTopShare
Condition = Leaf | AllOf | AnyOf | Opposite | Defined


def slots_of(node: Condition | Value) -> tuple[int, ...]:
    """The slots a node reads, in the order it names them."""
    match node:
        case FieldValue(slot=slot) | Converted(slot=slot):
            found: tuple[int, ...] = (slot,)
        case Const() | Fact():
            found = ()
        case Scaled(operand=inner) | Flag(operand=inner) | InNotches(operand=inner) | InWords(operand=inner):
            found = slots_of(inner)
        case HasWord(operand=inner) | IsKnown(operand=inner) | IsNR(operand=inner):
            found = slots_of(inner)
        case Opposite(operand=inner) | Defined(body=inner):
            found = slots_of(inner)
        case Arithmetic(first=first, rest=rest):
            found = slots_of(first) + tuple(slot for _, operand in rest for slot in slots_of(operand))
        case Compare(left=left, right=right) | CompareRatings(left=left, right=right):
            found = slots_of(left) + slots_of(right)
        case SameText(left=left, right=right):
            found = slots_of(left) + slots_of(right)
        case InTopShare(rank=rank, ranked=ranked):
            found = slots_of(rank) + slots_of(ranked)
        case AllOf(operands=operands) | AnyOf(operands=operands):
            found = tuple(slot for operand in operands for slot in slots_of(operand))
    return tuple(dict.fromkeys(found))
