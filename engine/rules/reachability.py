"""Rules that can never decide: contradictions, and rules an earlier one has already taken every order from.

Works over single fields: a condition becomes alternatives, each a conjunction of what it asks of every field.
What cannot be said of one field alone (two fields compared, arithmetic) is kept as an opaque part that only
implies itself. So every report is right, and not every hopeless rule is found. The work is bounded; past the
bound nothing more is reported.
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from engine.rules.closures import INVERSE
from engine.rules.rating import NR, Rating
from engine.rules.resolved import (
    AllOf,
    AnyOf,
    Compare,
    Condition,
    Const,
    Defined,
    Fact,
    FieldValue,
    Flag,
    InNotches,
    InWords,
    IsKnown,
    IsNR,
    Opposite,
)

ALTERNATIVES_MAX: Final = 32
COMPARISONS_MAX: Final = 200_000


@dataclass(frozen=True, slots=True)
class Among:
    """A value among `items`, or among all others; `unknown` if it may also be unknown."""

    items: frozenset[Any]
    others: bool
    unknown: bool

    def within(self, other: Among) -> bool:
        if self.unknown and not other.unknown:
            return False
        if not self.others:
            return not (self.items & other.items) if other.others else self.items <= other.items
        return other.others and other.items <= self.items

    def both(self, other: Among) -> Among:
        unknown = self.unknown and other.unknown
        if self.others and other.others:
            return Among(self.items | other.items, True, unknown)
        if self.others or other.others:
            few, many = (other, self) if self.others else (self, other)
            return Among(few.items - many.items, False, unknown)
        return Among(self.items & other.items, False, unknown)

    @property
    def impossible(self) -> bool:
        return not (self.others or self.unknown or self.items)


@dataclass(frozen=True, slots=True)
class Range:
    """A number or day between two bounds (None: no bound), or, with `empty`, nowhere."""

    low: Any = None
    low_open: bool = False
    high: Any = None
    high_open: bool = False
    empty: bool = False
    unknown: bool = False

    def within(self, other: Range) -> bool:
        if self.unknown and not other.unknown:
            return False
        return self.empty or (not other.empty and self._starts_in(other) and self._ends_in(other))

    def both(self, other: Range) -> Range:
        unknown = self.unknown and other.unknown
        low, low_open = (self.low, self.low_open) if self._starts_in(other) else (other.low, other.low_open)
        high, high_open = (self.high, self.high_open) if self._ends_in(other) else (other.high, other.high_open)
        empty = self.empty or other.empty
        if not empty and low is not None and high is not None:
            empty = bool(low > high or (low == high and (low_open or high_open)))
        return Range(low, low_open, high, high_open, empty, unknown)

    @property
    def impossible(self) -> bool:
        return self.empty and not self.unknown

    def _starts_in(self, other: Range) -> bool:
        if other.low is None:
            return True
        if self.low is None:
            return False
        return bool(self.low > other.low or (self.low == other.low and (self.low_open or not other.low_open)))

    def _ends_in(self, other: Range) -> bool:
        if other.high is None:
            return True
        if self.high is None:
            return False
        return bool(self.high < other.high or (self.high == other.high and (self.high_open or not other.high_open)))


Wanted = Among | Range
_KNOWN_WORD: Final = Among(frozenset(), True, False)
_UNKNOWN_WORD: Final = Among(frozenset(), False, True)
_KNOWN_NUMBER: Final = Range()
_UNKNOWN_NUMBER: Final = Range(empty=True, unknown=True)


class Conjunction:
    """What one alternative asks: per slot, and the parts that cannot be said of one slot."""

    __slots__ = ("impossible", "opaque", "wanted")

    def __init__(self) -> None:
        self.wanted: dict[int, Wanted] = {}
        self.opaque: list[tuple[Condition, bool]] = []
        self.impossible = False

    def copy(self) -> Conjunction:
        twin = Conjunction()
        twin.wanted, twin.opaque, twin.impossible = dict(self.wanted), list(self.opaque), self.impossible
        return twin

    def ask(self, slot: int, wanted: Wanted) -> None:
        held = self.wanted.get(slot)
        if held is not None:
            wanted = _both(held, wanted)
        self.wanted[slot] = wanted
        self.impossible = self.impossible or wanted.impossible

    def implies(self, other: Conjunction) -> bool:
        """Whether every order that meets this one meets the other."""
        for slot, wanted in other.wanted.items():
            held = self.wanted.get(slot)
            if held is None or not _within(held, wanted):
                return False
        return all(part in self.opaque for part in other.opaque)


def alternatives(condition: Condition) -> list[Conjunction] | None:
    """The ways a condition can be true, or None if there are too many of them to look at."""
    found = _spread(condition, True, [Conjunction()])
    return None if found is None else [conjunction for conjunction in found if not conjunction.impossible]


class Reachability:
    """The rules of a book seen so far, in order."""

    def __init__(self) -> None:
        self._earlier: list[tuple[str, list[Conjunction]]] = []
        self._comparisons = 0

    def admit(self, name: str, condition: Condition) -> str | None:
        """Why the next rule can never decide, or None if it may."""
        ways = alternatives(condition)
        if ways is None:
            return None
        if not ways:
            return "the condition can never be true"
        for earlier, taken in self._earlier:
            self._comparisons += len(ways) * len(taken)
            if self._comparisons > COMPARISONS_MAX:
                return None
            if all(any(way.implies(other) for other in taken) for way in ways):
                return f'never reached: rule "{earlier}" takes every such order'
        self._earlier.append((name, ways))
        return None


def _spread(condition: Condition, positive: bool, ways: list[Conjunction]) -> list[Conjunction] | None:
    """`ways`, each also asking for the condition (or for its being false)."""
    match condition:
        case Defined(body=body):
            return _spread(body, positive, ways)
        case Opposite(operand=operand):
            return _spread(operand, not positive, ways)
        case AllOf(operands=operands) | AnyOf(operands=operands):
            if isinstance(condition, AllOf) is positive:
                current: list[Conjunction] | None = ways
                for operand in operands:
                    current = None if current is None else _spread(operand, positive, current)
                return current
            found: list[Conjunction] = []
            for operand in operands:
                part = _spread(operand, positive, ways)
                if part is None or len(found) + len(part) > ALTERNATIVES_MAX:
                    return None
                found.extend(part)
            return found
        case Fact(value=value):
            return ways if value is positive else []
    asked = _asked(condition, positive)
    result: list[Conjunction] = []
    for way in ways:
        twin = way.copy()
        if asked is None:
            twin.opaque.append((condition, positive))
        else:
            twin.ask(*asked)
        if not twin.impossible:
            result.append(twin)
    return result


def _asked(condition: Condition, positive: bool) -> tuple[int, Wanted] | None:
    """What a leaf asks of one slot, or None if it cannot be said so."""
    match condition:
        case Flag(operand=FieldValue(slot=slot)):
            return slot, Among(frozenset({positive}), False, False)
        case InWords(operand=FieldValue(slot=slot), words=words, negated=negated):
            return slot, Among(words, negated is positive, False)
        case InNotches(operand=FieldValue(slot=slot), notches=notches):
            chosen = notches if positive else frozenset(int(notch) for notch in Rating) - notches
            return slot, Among(chosen, False, False)
        case IsNR(operand=FieldValue(slot=slot), negated=negated):
            is_nr = negated is not positive
            return slot, Among(frozenset({NR}), False, False) if is_nr else Among(frozenset({NR}), True, True)
        case IsKnown(operand=FieldValue(slot=slot, kind=kind), negated=negated):
            known = negated is not positive
            if kind.value in ("text", "rating", "bool", "set_of_text"):
                return slot, _KNOWN_WORD if known else _UNKNOWN_WORD
            return slot, _KNOWN_NUMBER if known else _UNKNOWN_NUMBER
        case Compare(operator=mark, left=FieldValue(slot=slot), right=Const(value=value)):
            wanted = _range(mark if positive else INVERSE[mark], value)
            return None if wanted is None else (slot, wanted)
    return None


def _range(mark: str, value: int | float | datetime.date) -> Range | None:
    match mark:
        case "<":
            return Range(high=value, high_open=True)
        case "<=":
            return Range(high=value)
        case ">":
            return Range(low=value, low_open=True)
        case ">=":
            return Range(low=value)
        case "==":
            return Range(low=value, high=value)
    return None


def _within(held: Wanted, wanted: Wanted) -> bool:
    if isinstance(held, Among) and isinstance(wanted, Among):
        return held.within(wanted)
    return isinstance(held, Range) and isinstance(wanted, Range) and held.within(wanted)


def _both(held: Wanted, wanted: Wanted) -> Wanted:
    if isinstance(held, Among) and isinstance(wanted, Among):
        return held.both(wanted)
    if isinstance(held, Range) and isinstance(wanted, Range):
        return held.both(wanted)
    return held


def text_overlap(first: Sequence[Conjunction], second: Sequence[Conjunction]) -> str | None:
    """A word for which two conditions over one text field both hold, or None."""
    for one in first:
        for other in second:
            for slot, wanted in one.wanted.items():
                held = other.wanted.get(slot)
                if isinstance(wanted, Among) and isinstance(held, Among) and set(one.wanted) == set(other.wanted):
                    shared = wanted.both(held)
                    if shared.items and not shared.others:
                        return str(sorted(map(str, shared.items))[0])
    return None
