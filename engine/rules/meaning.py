"""What a condition means: names to fields, words to values, kinds and units made to agree.

Turns the parser's expressions into `resolved` conditions for one subject (the order, or a dealer) and one
layout. A mistake in one part of a condition is reported and the other parts are still looked at; the
condition as a whole then comes out as None.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Final, TypeVar

from engine.rules.definitions import Definition, Definitions
from engine.rules.rating import NR, Rating, band, parse
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
    Value,
)
from engine.rules.signature import Catalogue, Field, Kind
from engine.rules.source import Diagnostic, Source, Span, did_you_mean
from engine.rules.syntax import (
    Between,
    Chain,
    Comparison,
    DateValue,
    Expr,
    Has,
    Logic,
    Member,
    Negative,
    Not,
    PercentOf,
    Quantity,
    State,
    Text,
    TimeValue,
    TopRank,
    Truth,
    Unit,
    Word,
)

WINDOW_DAYS_MAX: Final = 3_650

SYNONYMS: Final[Mapping[str, str]] = {"reversion": "leakage"}
"""Words traders use for a metric or field of another name."""

_T = TypeVar("_T")

_FLIPPED: Final = {"==": "==", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
_PLAIN: Final = frozenset({Kind.NUMBER, Kind.RATE, Kind.RATIO, None})
_SECONDS_PER_DAY: Final = 86_400
_CHOICES_LISTED_MAX: Final = 8

# Which units a literal of a kind may have, and what one of them counts in the kind's own unit.
_UNIT_WORTH: Final[Mapping[Kind, Mapping[Unit, Fraction]]] = {
    Kind.NUMBER: {Unit.NONE: Fraction(1), Unit.AMOUNT: Fraction(1)},
    Kind.MONEY: {Unit.NONE: Fraction(1), Unit.AMOUNT: Fraction(1)},
    Kind.DAYS: {Unit.NONE: Fraction(1), Unit.DAYS: Fraction(1), Unit.SECONDS: Fraction(1, _SECONDS_PER_DAY)},
    Kind.YEARS: {Unit.NONE: Fraction(1), Unit.YEARS: Fraction(1)},
    Kind.PERCENT: {Unit.NONE: Fraction(1), Unit.PERCENT: Fraction(1)},
    Kind.RATE: {Unit.NONE: Fraction(1), Unit.PERCENT: Fraction(1, 100)},
    Kind.RATIO: {Unit.NONE: Fraction(1), Unit.PERCENT: Fraction(1, 100)},
    Kind.BPS: {Unit.NONE: Fraction(1), Unit.BP: Fraction(1)},
    Kind.SECONDS: {Unit.NONE: Fraction(1), Unit.SECONDS: Fraction(1), Unit.DAYS: Fraction(_SECONDS_PER_DAY)},
    Kind.PRICE: {Unit.NONE: Fraction(1)},
}


class _Wrong(Exception):
    """A part of a condition that makes no sense."""

    def __init__(self, span: Span, message: str, suggestion: str | None = None) -> None:
        super().__init__(message)
        self.span, self.message, self.suggestion = span, message, suggestion
        self.source: Source | None = None


class _Reported(Exception):
    """A part that rests on a definition whose error has been reported already."""


class Meaning:
    """Resolves conditions about one subject into one layout.

    `dealers` says whether the subject is a dealer. `intrinsic` are fields that exist here besides the
    catalogue's; `window_days`, where given, is what a field means that names no window.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        definitions: Definitions,
        diagnostics: list[Diagnostic],
        layout: Layout,
        *,
        dealers: bool,
        intrinsic: Mapping[str, Field] | None = None,
        window_days: int | None = None,
    ) -> None:
        self._catalogue = catalogue
        self._definitions = definitions
        self._diagnostics = diagnostics
        self._layout = layout
        self._dealers = dealers
        fields = catalogue.dealer_fields if dealers else catalogue.order_fields
        self._fields: Mapping[str, Field] = {**fields, **(intrinsic or {})}
        self._elsewhere = catalogue.order_fields if dealers else catalogue.dealer_fields
        self._ranked = (intrinsic or {}).get("ranked")
        self._window_days = window_days
        self._source = Source("", "")
        self._failed = False

    def resolve(self, source: Source, expr: Expr) -> Condition | None:
        """The meaning of a condition, or None if it has an error, which is then reported."""
        if not self._definitions.fits(source, expr):
            return None
        self._source, self._failed = source, False
        condition = self._condition(expr)
        return None if self._failed else condition

    def _condition(self, expr: Expr) -> Condition:
        match expr:
            case Logic(span=span, word=word, operands=operands):
                parts = tuple([self._condition(operand) for operand in operands])
                return AllOf(parts, span) if word == "and" else AnyOf(parts, span)
            case Not(span=span, operand=operand):
                return Opposite(self._condition(operand), span)
        try:
            return self._leaf(expr)
        except _Wrong as wrong:
            self._failed = True
            source = wrong.source or self._source
            self._diagnostics.append(Diagnostic(source, wrong.span, wrong.message, wrong.suggestion))
        except _Reported:
            self._failed = True
        return Fact(True, "", expr.span)

    def _leaf(self, expr: Expr) -> Condition:
        text = self._source.words_at(expr.span)
        match expr:
            case Truth(span=span, value=value):
                return Fact(value, text, span)
            case Word(text=name) if name in self._definitions and name not in self._fields:
                return self._defined(expr)
            case Word(span=span):
                operand = self._field_value(expr)
                if operand.kind is not Kind.BOOL:
                    raise _Wrong(span, f"'{text}' is {operand.kind.phrase}, not a condition", _how_to_test(operand))
                return Flag(operand, text, span)
            case Comparison():
                return self._comparison(expr, text)
            case Between(span=span, operand=operand, low=low, high=high):
                least = self._comparison(Comparison(span, ">=", operand, low), text)
                return AllOf((least, self._comparison(Comparison(span, "<=", operand, high), text)), span)
            case Member():
                return self._member(expr, text)
            case Has():
                return self._has(expr, text)
            case State():
                return self._state(expr, text)
            case TopRank():
                return self._top_rank(expr, text)
        raise _Wrong(expr.span, "expected a condition, found a value", "compare it with something")

    def _defined(self, word: Word) -> Condition:
        definition = self._definition(word)
        speaks = self._definitions.speaks_of_dealers(definition.body)
        if speaks is not None and speaks != self._dealers:
            subject, place = ("a dealer", "'consider dealers where'") if speaks else ("the order", "'when'")
            raise _Wrong(word.span, f"'{word.text}' speaks of {subject}", f"use it in {place}")
        body = self._in(definition.source, lambda: self._condition(definition.body))
        return Defined(word.text, body, word.span)

    def _definition(self, word: Word) -> Definition:
        definition = self._definitions.get(word.text)
        if definition is None:
            raise _Reported
        if word.window is not None or word.flat:
            raise _Wrong(word.span, f"'{word.text}' is a definition and takes nothing behind it")
        return definition

    # Comparisons

    def _comparison(self, expr: Comparison, text: str) -> Condition:
        span, operator, left, right = expr.span, expr.operator, expr.left, expr.right
        if self._is_loose(left) and not self._is_loose(right):
            left, right, operator = right, left, _FLIPPED[operator]
        kind = self._kind(left)
        if kind is None:
            if isinstance(left, Word):
                raise self._unknown(left)
            raise _Wrong(span, "neither side of this comparison names a field")
        match kind:
            case Kind.RATING:
                return self._compare_ratings(span, operator, left, right, text)
            case Kind.TEXT:
                return self._compare_texts(span, operator, left, right, text)
            case Kind.BOOL:
                return self._compare_truth(span, operator, left, right, text)
            case Kind.SET_OF_TEXT:
                name = self._source.words_at(left.span)
                raise _Wrong(span, f"'{name}' is {kind.phrase}", f"write '{name} has ...'")
        return Compare(operator, self._value(left, kind), self._value(right, kind), text, span)

    def _compare_ratings(self, span: Span, operator: str, left: Expr, right: Expr, text: str) -> Condition:
        operand = self._field_value(left)
        if isinstance(right, Word) and self._is_field(right):
            other = self._field_value(right)
            if other.kind is not Kind.RATING:
                raise _Wrong(right.span, f"expected {Kind.RATING.phrase}, found {other.kind.phrase}")
            return CompareRatings(operator, operand, other, text, span)
        low, high = self._rating_band(right, operand)
        match operator:
            case "<":
                notches = range(Rating.D, low)
            case "<=":
                notches = range(Rating.D, high + 1)
            case ">":
                notches = range(high + 1, Rating.AAA + 1)
            case ">=":
                notches = range(low, Rating.AAA + 1)
            case _:
                notches = range(low, high + 1)
        if operator == "!=":
            return Opposite(InNotches(operand, frozenset(notches), text, span), span)
        if not notches:
            edge = "better than AAA" if operator == ">" else "worse than D"
            raise _Wrong(span, f"no rating is {edge}", "this is never true")
        return InNotches(operand, frozenset(notches), text, span)

    def _rating_band(self, expr: Expr, operand: FieldValue) -> tuple[Rating, Rating]:
        """The lowest and highest notch a rating in a rule stands for."""
        if not isinstance(expr, Word | Text):
            raise _Wrong(expr.span, f"expected {Kind.RATING.phrase}, found {self._shown(expr)}")
        if parse(expr.text) is NR:
            raise _Wrong(expr.span, "NR is not on the rating scale", f"write '{operand.shown} is NR'")
        ends = band(expr.text)
        if ends is None or (isinstance(expr, Word) and expr.window is not None):
            names = [rating.text for rating in Rating]
            raise _Wrong(expr.span, f"'{expr.text}' is no rating", did_you_mean(expr.text, names))
        if isinstance(expr, Word) and expr.flat:
            notch = parse(expr.text)
            assert isinstance(notch, Rating)
            return notch, notch
        return ends

    def _compare_texts(self, span: Span, operator: str, left: Expr, right: Expr, text: str) -> Condition:
        operand = self._field_value(left)
        if operator not in ("==", "!="):
            raise _Wrong(span, f"words have no order: '{operand.shown}' is {Kind.TEXT.phrase}", "use == or 'in {...}'")
        entry = self._entry(left)
        if isinstance(right, Word) and self._is_field(right) and not _is_choice(entry, right.text):
            other = self._field_value(right)
            if other.kind is not Kind.TEXT:
                raise _Wrong(right.span, f"expected {Kind.TEXT.phrase}, found {other.kind.phrase}")
            return SameText(operand, other, operator == "!=", text, span)
        return InWords(operand, frozenset({self._choice(right, entry)}), operator == "!=", text, span)

    def _compare_truth(self, span: Span, operator: str, left: Expr, right: Expr, text: str) -> Condition:
        operand = self._leaf(left)
        if not isinstance(right, Truth) or operator not in ("==", "!="):
            name = self._source.words_at(left.span)
            raise _Wrong(span, f"'{name}' is a condition by itself", f"write '{name}' or 'not {name}'")
        same = right.value == (operator == "==")
        if isinstance(operand, Flag):
            operand = Flag(operand.operand, text, span)
        return operand if same else Opposite(operand, span)

    def _member(self, expr: Member, text: str) -> Condition:
        kind = self._kind(expr.operand)
        if kind is Kind.RATING:
            operand = self._field_value(expr.operand)
            bands = [self._rating_band(item, operand) for item in expr.items]
            notches = frozenset(notch for low, high in bands for notch in range(low, high + 1))
            condition: Condition = InNotches(operand, notches, text, expr.span)
            return Opposite(condition, expr.span) if expr.negated else condition
        if kind is Kind.TEXT:
            operand = self._field_value(expr.operand)
            entry = self._entry(expr.operand)
            words = frozenset(self._choice(item, entry) for item in expr.items)
            return InWords(operand, words, expr.negated, text, expr.span)
        if kind is Kind.SET_OF_TEXT:
            name = self._source.words_at(expr.operand.span)
            raise _Wrong(expr.span, f"'{name}' is {kind.phrase}", f"write '{name} has ...', joined with 'or'")
        if kind is None and isinstance(expr.operand, Word):
            raise self._unknown(expr.operand)
        if kind is None or kind is Kind.BOOL:
            raise _Wrong(expr.operand.span, f"expected a field before 'in', found {self._shown(expr.operand)}")
        value = self._value(expr.operand, kind)
        anyone = AnyOf(
            tuple(Compare("==", value, self._value(item, kind), text, expr.span) for item in expr.items), expr.span
        )
        return Opposite(anyone, expr.span) if expr.negated else anyone

    def _has(self, expr: Has, text: str) -> Condition:
        operand = self._field_value(expr.operand)
        if operand.kind is not Kind.SET_OF_TEXT:
            suggestion = f"write '{operand.shown} == ...'" if operand.kind is Kind.TEXT else None
            raise _Wrong(expr.span, f"'has' looks into a set; '{operand.shown}' is {operand.kind.phrase}", suggestion)
        return HasWord(operand, self._choice(expr.item, self._entry(expr.operand)), text, expr.span)

    def _state(self, expr: State, text: str) -> Condition:
        if expr.state == "nr":
            operand = self._field_value(expr.operand)
            if operand.kind is not Kind.RATING:
                raise _Wrong(expr.span, f"only a rating can be NR; '{operand.shown}' is {operand.kind.phrase}")
            return IsNR(operand, expr.negated, text, expr.span)
        kind = self._kind(expr.operand)
        if kind is None or (isinstance(expr.operand, Word) and expr.operand.text in self._definitions):
            raise _Wrong(expr.operand.span, f"expected a field before 'is {expr.state}'")
        negated = expr.negated != (expr.state == "unknown")
        if isinstance(expr.operand, Word):
            return IsKnown(self._field_value(expr.operand), negated, text, expr.span)
        return IsKnown(self._value(expr.operand, kind), negated, text, expr.span)

    def _top_rank(self, expr: TopRank, text: str) -> Condition:
        operand = self._field_value(expr.operand)
        if operand.shown != "rank":
            raise _Wrong(expr.operand.span, f"'in top' goes with 'rank', found '{operand.shown}'")
        value = expr.size.value
        if expr.size.unit is Unit.NONE:
            if value < 1 or value != value.to_integral_value():
                raise _Wrong(expr.size.span, "the top is a whole number of dealers from 1, or a share")
            return Compare("<=", operand, Const(int(value), expr.size.span), text, expr.span)
        if self._ranked is None:
            raise _Wrong(expr.span, "a share of the ranks is known in 'tiers' only", "write 'rank in top 10'")
        if not 0 < value <= 100:
            raise _Wrong(expr.size.span, "a share is more than 0% and at most 100%")
        share = Fraction(value) / 100
        ranked = FieldValue(self._layout.slot(self._ranked, None), Kind.NUMBER, "ranked", expr.span)
        return InTopShare(operand, ranked, share.numerator, share.denominator, text, expr.span)

    # Kinds: what a value is, before its literals are read

    def _kind(self, expr: Expr) -> Kind | None:
        """The kind a value has by the fields in it; None if it is all literals."""
        match expr:
            case Word(text=name) if name in self._definitions and name not in self._fields:
                definition = self._definition(expr)
                return self._in(definition.source, lambda: self._kind(definition.body))
            case Word():
                return self._entry(expr).kind if self._is_field(expr) else None
            case DateValue():
                return Kind.DATE
            case TimeValue():
                return Kind.TIME
            case Quantity() | Text():
                return None
            case PercentOf(operand=operand) | Negative(operand=operand):
                return self._kind(operand)
            case Chain(first=first, rest=rest):
                return self._chain_kind(first, rest)
        return Kind.BOOL

    def _chain_kind(self, first: Expr, rest: tuple[tuple[str, Expr], ...]) -> Kind | None:
        kind = self._kind(first)
        for mark, operand in rest:
            other = self._kind(operand)
            if mark in "+-":
                kind = kind or other
            elif mark == "*":
                if kind not in _PLAIN and other not in _PLAIN:
                    raise _Wrong(operand.span, "an amount can be multiplied by a plain number only")
                kind = other if kind in _PLAIN and other is not None else kind
            elif kind == other and kind is not None:
                kind = Kind.RATIO
            elif other not in _PLAIN:
                raise _Wrong(operand.span, "only things of one kind, or plain numbers, divide")
        return kind

    def _is_loose(self, expr: Expr) -> bool:
        """Whether a side of a comparison gets its kind from the other side."""
        if isinstance(expr, Word):
            return not self._is_field(expr) and expr.text not in self._definitions
        return isinstance(expr, Quantity | Text | DateValue | TimeValue | Truth | Negative) or (
            isinstance(expr, Chain) and self._kind(expr) is None
        )

    # Values

    def _value(self, expr: Expr, kind: Kind) -> Value:
        """A value that must be of this kind."""
        match expr:
            case Quantity():
                return self._literal(expr, kind)
            case DateValue(span=span, value=date):
                return self._fitting(Const(date, span), Kind.DATE, kind, span)
            case TimeValue(span=span, value=time):
                return self._fitting(Const(time, span), Kind.TIME, kind, span)
            case Word(text=name) if name in self._definitions and name not in self._fields:
                definition = self._definition(expr)
                return self._in(definition.source, lambda: self._value(definition.body, kind))
            case Word(span=span) if self._is_field(expr):
                operand = self._field_value(expr)
                return self._fitting(operand, operand.kind, kind, span)
            case Word(span=span, text=name):
                raise _Wrong(span, f"expected {kind.phrase}, found '{name}'", did_you_mean(name, self._fields))
            case PercentOf(span=span, percent=percent, operand=operand_expr):
                if kind in (Kind.DATE, Kind.TIME, Kind.BOOL):
                    raise _Wrong(span, f"there is no percentage of {kind.phrase}")
                share = Fraction(percent.value) / 100
                return Scaled(share.numerator, share.denominator, self._value(operand_expr, kind), span)
            case Negative(span=span, operand=operand_expr):
                return Scaled(-1, 1, self._value(operand_expr, kind), span)
            case Chain():
                return self._chain_value(expr, kind)
        raise _Wrong(expr.span, f"expected {kind.phrase}, found {self._shown(expr)}")

    def _chain_value(self, expr: Chain, kind: Kind) -> Value:
        if kind in (Kind.DATE, Kind.TIME):
            raise _Wrong(expr.span, f"cannot reckon with {kind.phrase}")
        if expr.rest[0][0] in "+-":
            rest = tuple((mark, self._value(operand, kind)) for mark, operand in expr.rest)
            return Arithmetic(self._value(expr.first, kind), rest, expr.span)
        own = self._kind(expr) or kind
        if own is not kind:
            raise _Wrong(expr.span, f"expected {kind.phrase}, found {own.phrase}")
        operands = [self._factor(expr.first, kind)]
        operands.extend(self._factor(operand, kind) for _, operand in expr.rest)
        rest = tuple((mark, operand) for (mark, _), operand in zip(expr.rest, operands[1:], strict=True))
        return Arithmetic(operands[0], rest, expr.span)

    def _factor(self, expr: Expr, kind: Kind) -> Value:
        """An operand of `*` or `/`: a plain number, or something of its own kind."""
        own = self._kind(expr)
        if own is None and isinstance(expr, Quantity) and expr.unit in (Unit.NONE, Unit.PERCENT):
            return self._literal(expr, Kind.RATIO)
        return self._value(expr, own or kind)

    def _fitting(self, value: Value, own: Kind, wanted: Kind, span: Span) -> Value:
        if own is not wanted and not {own, wanted} <= {Kind.RATE, Kind.RATIO}:
            raise _Wrong(span, f"expected {wanted.phrase}, found {own.phrase}")
        return value

    def _literal(self, quantity: Quantity, kind: Kind) -> Value:
        shown = self._source.words_at(quantity.span)
        worth = _UNIT_WORTH.get(kind, {}).get(quantity.unit)
        if worth is None or (quantity.currency is not None and kind is not Kind.MONEY):
            raise _Wrong(quantity.span, f"expected {kind.phrase}, found '{shown}'")
        if kind is Kind.RATE and quantity.unit is Unit.NONE and quantity.value > 1:
            raise _Wrong(quantity.span, f"a rate is between 0% and 100%, found '{shown}'", f"write {shown}%")
        number = _number(Fraction(quantity.value) * worth)
        currency = quantity.currency
        if currency is None or currency == self._catalogue.base_currency:
            return Const(number, quantity.span)
        if self._catalogue.rate is None:
            base = self._catalogue.base_currency
            raise _Wrong(quantity.span, f"no exchange rates are known, so '{currency}' has no worth", f"use {base}")
        return Converted(
            number, self._layout.rate_slot(self._catalogue, currency), f"rate of {currency}", quantity.span
        )

    # Names

    def _is_field(self, word: Word) -> bool:
        return word.text in self._fields or SYNONYMS.get(word.text, "") in self._fields

    def _entry(self, expr: Expr) -> Field:
        """The field a word names."""
        if not isinstance(expr, Word):
            raise _Wrong(expr.span, f"expected a field, found {self._shown(expr)}")
        entry = self._fields.get(expr.text) or self._fields.get(SYNONYMS.get(expr.text, ""))
        if entry is None:
            raise self._unknown(expr)
        return entry

    def _field_value(self, expr: Expr) -> FieldValue:
        """The slot of the field a word names, its window checked."""
        entry = self._entry(expr)
        assert isinstance(expr, Word)
        if expr.flat:
            raise _Wrong(expr.span, f"'flat' goes with a rating, '{expr.text}' is a field")
        days: int | None = None
        if entry.windowed:
            days = self._window_days if expr.window is None else window_days(expr.window)
            if days is None and expr.window is None:
                raise _Wrong(expr.span, f"'{expr.text}' needs a window", f"write {expr.text}(30d)")
            if days is None:
                raise self._bad_window(expr.window)
        elif expr.window is not None:
            raise _Wrong(expr.span, f"'{expr.text}' has no window", f"write {expr.text}")
        shown = entry.name if days is None else f"{entry.name}({days}d)"
        return FieldValue(self._layout.slot(entry, days), entry.kind, shown, expr.span)

    def _bad_window(self, window: Quantity | None) -> _Wrong:
        assert window is not None
        return _Wrong(window.span, *window_problem(window))

    def _choice(self, expr: Expr, entry: Field) -> str:
        """The word a text field is compared with, in the spelling the field uses."""
        if (isinstance(expr, Word) and (expr.window is not None or expr.flat)) or not isinstance(expr, Word | Text):
            raise _Wrong(expr.span, f"expected {Kind.TEXT.phrase}, found {self._shown(expr)}")
        if entry.choices is None:
            return expr.text
        for choice in entry.choices:
            if choice.casefold() == expr.text.casefold():
                return choice
        suggestion = did_you_mean(expr.text, entry.choices)
        if suggestion is None and len(entry.choices) <= _CHOICES_LISTED_MAX:
            suggestion = f"one of: {', '.join(entry.choices)}"
        raise _Wrong(expr.span, f"'{entry.name}' is never '{expr.text}'", suggestion)

    def _unknown(self, word: Word) -> _Wrong:
        subject, other = ("a dealer", "the order") if self._dealers else ("the order", "a dealer")
        if word.text in self._elsewhere:
            place = "'when'" if self._dealers else "'consider dealers where'"
            return _Wrong(word.span, f"'{word.text}' is a field of {other}, not of {subject}", f"use it in {place}")
        names = [*self._fields, *self._definitions]
        last = word.text.rpartition(".")[2]
        if last in names:
            return _Wrong(word.span, f"unknown field '{word.text}'", f"write '{last}'")
        return _Wrong(word.span, f"unknown field '{last}'", did_you_mean(last, names))

    def _in(self, source: Source, work: Callable[[], _T]) -> _T:
        """Do something with the text of a definition, which may stand in another file."""
        outer, self._source = self._source, source
        try:
            return work()
        except _Wrong as wrong:
            wrong.source = wrong.source or source
            raise
        finally:
            self._source = outer

    def _shown(self, expr: Expr) -> str:
        return f"'{self._source.words_at(expr.span)}'"


def window_days(window: Quantity) -> int | None:
    """The days of a window, or None if `window_problem` has something to say about it."""
    if window.unit is not Unit.DAYS or not 1 <= window.value <= WINDOW_DAYS_MAX:
        return None
    return int(window.value) if window.value == window.value.to_integral_value() else None


def window_problem(window: Quantity) -> tuple[str, str]:
    """What is wrong with a window, and what to write."""
    if window.unit is Unit.NONE:
        return "a window has a unit", f"write {window.value.normalize():f}d"
    return f"a window is a whole number of days from 1 to {WINDOW_DAYS_MAX}", "such as 90d"


def _number(value: Fraction) -> int | Decimal:
    """A literal's number: whole ones as int, which compares and reckons with anything."""
    if value.denominator == 1:
        return value.numerator
    return Decimal(value.numerator) / Decimal(value.denominator)


def _is_choice(entry: Field, word: str) -> bool:
    return entry.choices is not None and any(choice.casefold() == word.casefold() for choice in entry.choices)


def _how_to_test(operand: FieldValue) -> str:
    if operand.kind is Kind.SET_OF_TEXT:
        return f"write '{operand.shown} has ...'"
    return f"compare it, such as '{operand.shown} == ...'" if operand.kind is Kind.TEXT else "compare it with something"
