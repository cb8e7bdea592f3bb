"""What a compiled book runs: the fields of a layout and resolved conditions as Python closures.

`readers` gives one function a slot, from a subject to its value.

Three-valued logic is decided here, once, instead of at every judgement. A condition is compiled into plain
predicates for the two questions that are ever asked: `certainly` ("is it true?": unknown counts as false, as
in a rule) and `certainly_not` ("is it false?": its opposite counts unknown as true, as in a protection). Each
pushes `not` down to the leaves, so a predicate never meets an unknown above them and costs what the same
condition costs when written in Python by hand, give or take a call.

Most rules name an asset class or a side, so most rules of a long book are out before they are judged: a
`Dispatch` knows which are worth asking about an order.
"""

from __future__ import annotations

import operator
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final, Generic, TypeVar

from engine.rules.rating import NR, Rating
from engine.rules.resolved import (
    AllOf,
    AnyOf,
    Arithmetic,
    Compare,
    CompareRatings,
    Condition,
    Const,
    Converted,
    Defined,
    Fact,
    FieldValue,
    Flag,
    HasWord,
    InNotches,
    InTopShare,
    InWords,
    IsKnown,
    IsNR,
    Layout,
    Opposite,
    SameText,
    Scaled,
    Slot,
    Value,
    Values,
)
from engine.rules.signature import Kind

Predicate = Callable[[Values], object]
"""True or false as Python takes it: the answer is used as a condition only."""

Reader = Callable[[Values], Any]

RULES_PARTED_MIN: Final = 4
_HEADS_MAX: Final = 4

_T = TypeVar("_T")

INVERSE: Final[Mapping[str, str]] = {"==": "!=", "!=": "==", "<": ">=", "<=": ">", ">": "<=", ">=": "<"}

_COMPARE: Final[Mapping[str, Callable[[Any, Any], Any]]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def certainly(condition: Condition) -> Predicate:
    """A predicate that is true where the condition is true; false where it is false or unknown."""
    return _predicate(condition, True)


def certainly_not(condition: Condition) -> Predicate:
    """A predicate that is true where the condition is false; false where it is true or unknown."""
    return _predicate(condition, False)


def value_of(value: Value) -> Reader:
    """A function that works a value out, None if a part of it is unknown."""
    match value:
        case Const(value=constant):
            return lambda values: constant
        case FieldValue(slot=slot):
            return operator.itemgetter(slot)
        case Converted(amount=amount, slot=slot):
            return lambda values: _reckon("*", amount, values[slot])
        case Scaled(numerator=numerator, denominator=denominator, operand=operand):
            inner = value_of(operand)
            if denominator == 1:
                return lambda values: _reckon("*", inner(values), numerator)
            return lambda values: _reckon("/", _reckon("*", inner(values), numerator), denominator)
        case Arithmetic(first=first, rest=rest):
            start = value_of(first)
            steps = tuple((mark, value_of(operand)) for mark, operand in rest)

            def work_out(values: Values) -> Any:
                result = start(values)
                for mark, read in steps:
                    result = _reckon(mark, result, read(values))
                return result

            return work_out


def _reckon(mark: str, left: Any, right: Any) -> Any:
    """One arithmetic step; unknown if a side is, if the result is no number, and for 0 / 0."""
    if left is None or right is None:
        return None
    if isinstance(left, Decimal) and isinstance(right, float):
        right = Decimal(str(right))
    elif isinstance(left, float) and isinstance(right, Decimal):
        left = Decimal(str(left))
    if mark == "/" and right == 0:
        # Any amount is infinitely many times nothing.
        return None if left == 0 else float("inf") if left > 0 else float("-inf")
    try:
        result = _ARITHMETIC[mark](left, right)
    except ArithmeticError:
        return None
    return result if result == result else None


_ARITHMETIC: Final[Mapping[str, Callable[[Any, Any], Any]]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
}


def _predicate(condition: Condition, wanted: bool) -> Predicate:
    match condition:
        case AllOf(operands=operands):
            return _every(operands, True) if wanted else _some(operands, False)
        case AnyOf(operands=operands):
            return _some(operands, True) if wanted else _every(operands, False)
        case Opposite(operand=inner):
            return _predicate(inner, not wanted)
        case Defined(body=body):
            return _predicate(body, wanted)
        case Fact(value=value):
            answer = value is wanted
            return lambda values: answer
        case Flag(operand=FieldValue(slot=slot)):
            if wanted:
                return lambda values: values[slot]
            return lambda values: (x := values[slot]) is not None and not x
        case Compare():
            return _compare(condition, wanted)
        case CompareRatings(operator=mark, left=left, right=right):
            return _compare_ratings(mark if wanted else INVERSE[mark], left.slot, right.slot)
        case InNotches(operand=FieldValue(slot=slot), notches=notches):
            return _in_notches(slot, notches if wanted else frozenset(Rating) - notches)
        case InWords(operand=FieldValue(slot=slot), words=words, negated=negated):
            return _in_words(slot, words, negated != wanted)
        case SameText(left=left, right=right, negated=negated):
            return _same_text(left.slot, right.slot, negated != wanted)
        case HasWord(operand=FieldValue(slot=slot), word=word):
            if wanted:
                return lambda values: (x := values[slot]) is not None and word in x
            return lambda values: (x := values[slot]) is not None and word not in x
        case IsKnown(operand=operand, negated=negated):
            read = value_of(operand)
            if negated != wanted:
                return lambda values: read(values) is not None
            return lambda values: read(values) is None
        case IsNR(operand=FieldValue(slot=slot), negated=negated):
            return _is_nr(slot, negated != wanted)
        case InTopShare():
            return _in_top_share(condition, wanted)


def _every(operands: tuple[Condition, ...], wanted: bool) -> Predicate:
    """All of them, from left to right; most rules fail on their first part, so that costs no extra call."""
    tail = tuple(_predicate(operand, wanted) for operand in operands[_HEADS_MAX:])
    heads = operands[:_HEADS_MAX]

    def every(values: Values) -> bool:
        for part in tail:  # noqa: SIM110 - a generator would cost as much as the parts
            if not part(values):
                return False
        return True

    result = every if tail else _predicate(heads[-1], wanted)
    for operand in reversed(heads if tail else heads[:-1]):
        result = _headed(operand, wanted, result)
    return result


def _headed(head: Condition, wanted: bool, rest: Predicate) -> Predicate:
    """`head and rest`, the head written out where it is one of the parts that rules are mostly made of."""
    match head:
        case InWords(operand=FieldValue(slot=slot), words=words, negated=negated) if negated is not wanted:
            if len(words) > 1:
                return lambda values: values[slot] in words and rest(values)
            (word,) = words
            return lambda values: values[slot] == word and rest(values)
        case InNotches(operand=FieldValue(slot=slot), notches=notches) if wanted:
            return lambda values: values[slot] in notches and rest(values)
        case Compare(operator=mark, left=FieldValue(slot=slot), right=Const(value=int(constant))):
            match mark if wanted else INVERSE[mark]:
                case ">":
                    return lambda values: (x := values[slot]) is not None and x > constant and rest(values)
                case ">=":
                    return lambda values: (x := values[slot]) is not None and x >= constant and rest(values)
                case "<":
                    return lambda values: (x := values[slot]) is not None and x < constant and rest(values)
                case "<=":
                    return lambda values: (x := values[slot]) is not None and x <= constant and rest(values)
    first = _predicate(head, wanted)
    return lambda values: first(values) and rest(values)


def _some(operands: tuple[Condition, ...], wanted: bool) -> Predicate:
    parts = tuple(_predicate(operand, wanted) for operand in operands)
    if len(parts) == 2:
        first, second = parts
        return lambda values: first(values) or second(values)

    def some(values: Values) -> bool:
        for part in parts:  # noqa: SIM110 - as above
            if part(values):
                return True
        return False

    return some


def _compare(condition: Compare, wanted: bool) -> Predicate:
    mark = condition.operator if wanted else INVERSE[condition.operator]
    left, right = condition.left, condition.right
    if isinstance(left, FieldValue) and isinstance(right, Const):
        return _compare_with_constant(mark, left.slot, right.value)
    if isinstance(left, FieldValue) and isinstance(right, Scaled) and isinstance(right.operand, FieldValue):
        return _compare_with_share(mark, left.slot, right.operand.slot, right.numerator, right.denominator)
    compare, read_left, read_right = _COMPARE[mark], value_of(left), value_of(right)
    return lambda values: (
        (a := read_left(values)) is not None and (b := read_right(values)) is not None and compare(*_alike(a, b))
    )


def _alike(left: Any, right: Any) -> tuple[Any, Any]:
    """Two numbers for comparing: 0.6 the float and 0.6 the Decimal are meant to be equal."""
    if isinstance(left, float) and isinstance(right, Decimal):
        return left, float(right)
    if isinstance(left, Decimal) and isinstance(right, float):
        return float(left), right
    return left, right


def _compare_with_constant(mark: str, slot: int, constant: Any) -> Predicate:
    if isinstance(constant, Decimal):
        # A fraction: equal to what a getter means by it, be that a Decimal or a float.
        compare, exact, near = _COMPARE[mark], constant, float(constant)
        return lambda values: (x := values[slot]) is not None and compare(x, exact if isinstance(x, Decimal) else near)
    match mark:
        case ">":
            return lambda values: (x := values[slot]) is not None and x > constant
        case ">=":
            return lambda values: (x := values[slot]) is not None and x >= constant
        case "<":
            return lambda values: (x := values[slot]) is not None and x < constant
        case "<=":
            return lambda values: (x := values[slot]) is not None and x <= constant
        case "==":
            return lambda values: (x := values[slot]) is not None and x == constant
        case _:
            return lambda values: (x := values[slot]) is not None and x != constant


def _compare_with_share(mark: str, slot: int, other: int, numerator: int, denominator: int) -> Predicate:
    """`notional > 10% of adv(30d)`, cross-multiplied so that nothing is divided."""
    compare = _COMPARE[mark]

    def test(values: Values) -> object:
        x, y = values[slot], values[other]
        try:
            return x is not None and y is not None and compare(x * denominator, y * numerator)
        except ArithmeticError:  # Too large to reckon with: unknown.
            return False

    return test


def _in_notches(slot: int, notches: frozenset[int]) -> Predicate:
    # NR and None are in no set of notches: comparing them is unknown, so both answers are "no".
    return lambda values: values[slot] in notches


def _compare_ratings(mark: str, slot: int, other: int) -> Predicate:
    compare = _COMPARE[mark]
    return lambda values: (
        isinstance(x := values[slot], Rating) and isinstance(y := values[other], Rating) and compare(x, y)
    )


def _in_words(slot: int, words: frozenset[str], among: bool) -> Predicate:
    if len(words) == 1:
        (word,) = words
        if among:
            return lambda values: values[slot] == word
        return lambda values: (x := values[slot]) is not None and x != word
    if among:
        return lambda values: values[slot] in words
    return lambda values: (x := values[slot]) is not None and x not in words


def _same_text(slot: int, other: int, same: bool) -> Predicate:
    return lambda values: (x := values[slot]) is not None and (y := values[other]) is not None and (x == y) is same


def _is_nr(slot: int, wanted: bool) -> Predicate:
    if wanted:
        return lambda values: values[slot] is NR
    return lambda values: values[slot] is not NR


def _in_top_share(condition: InTopShare, wanted: bool) -> Predicate:
    rank, ranked = condition.rank.slot, condition.ranked.slot
    numerator, denominator = condition.numerator, condition.denominator

    def inside(values: Values) -> bool:
        position, count = values[rank], values[ranked]
        if position is None or count is None:
            return False
        # Rounded up, so that a share of few dealers is still one dealer.
        return (position <= -(-count * numerator // denominator)) is wanted

    return inside


# --- the fields of a subject ---------------------------------------------------------------------


def readers(layout: Layout) -> tuple[Callable[[Any], Any], ...]:
    """One function a slot, from the subject to its value; not-a-number becomes unknown."""
    return tuple(_reader(slot) for slot in layout.slots)


_NUMERIC: Final = frozenset(
    {
        Kind.NUMBER,
        Kind.MONEY,
        Kind.DAYS,
        Kind.YEARS,
        Kind.PERCENT,
        Kind.RATE,
        Kind.BPS,
        Kind.SECONDS,
        Kind.PRICE,
        Kind.TIME,
    }
)


def _reader(slot: Slot) -> Callable[[Any], Any]:
    days = slot.window_days
    getter: Callable[..., Any] = slot.field.getter
    if days is None and slot.field.bare is not None:
        getter = slot.field.bare
    if slot.field.kind not in _NUMERIC:
        return getter if days is None else lambda subject: getter(subject, days)
    read: Callable[[Any], Any] = getter if days is None else lambda subject: getter(subject, days)

    def read_number(subject: Any) -> Any:
        value = read(subject)
        try:
            return value if value == value else None
        except ArithmeticError:  # A signalling not-a-number.
            return None

    return read_number


# --- which rules are worth asking ----------------------------------------------------------------


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
