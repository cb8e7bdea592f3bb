"""What a value means: names to fields, literals to numbers, kinds and units made to agree.

The part of `meaning` below conditions. A value's kind comes from the fields in it; its literals are then read
as that kind, so `10` is ten days beside a number of days and ten dollars beside an amount.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Final, TypeVar

from engine.rules.definitions import Definition, Definitions
from engine.rules.resolved import (
    Arithmetic,
    Const,
    Converted,
    FieldValue,
    Layout,
    Scaled,
    Value,
)
from engine.rules.signature import CHOICES_LISTED_MAX, OF_RANKING, Catalogue, Field, Kind, named, words_of
from engine.rules.source import Diagnostic, Source, Span, did_you_mean
from engine.rules.syntax import (
    Chain,
    DateValue,
    Expr,
    Negative,
    PercentOf,
    Quantity,
    Text,
    TimeValue,
    Truth,
    Unit,
    Word,
)

WINDOW_DAYS_MAX: Final = 3_650

_T = TypeVar("_T")

_PLAIN: Final = frozenset({Kind.NUMBER, Kind.RATE, Kind.RATIO, None})
_SECONDS_PER_DAY: Final = 86_400

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


class Wrong(Exception):
    """A part of a condition that makes no sense."""

    def __init__(self, span: Span, message: str, suggestion: str | None = None) -> None:
        super().__init__(message)
        self.span, self.message, self.suggestion = span, message, suggestion
        self.source: Source | None = None


class Reported(Exception):
    """A part that rests on a definition whose error has been reported already."""


class Vocabulary:
    """Reads words and values about one subject into one layout.

    `dealers` says whether the subject is a dealer. `intrinsic` are fields that exist here besides the
    catalogue's, `refused` fields that cannot be known here: why not, and what to write. `window_days`, where given, is
    what a field means that names no window.
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
        refused: Mapping[str, tuple[str, str]] | None = None,
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
        self._refused = refused or {}
        self._window_days = window_days
        self._source = Source("", "")
        self._failed = False

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
                    raise Wrong(operand.span, "an amount can be multiplied by a plain number only")
                kind = other if kind in _PLAIN and other is not None else kind
            elif kind == other and kind is not None:
                kind = Kind.RATIO
            elif other not in _PLAIN:
                raise Wrong(operand.span, "only things of one kind, or plain numbers, divide")
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
                raise Wrong(span, f"expected {kind.phrase}, found '{name}'", did_you_mean(name, words_of(self._fields)))
            case PercentOf(span=span, percent=percent, operand=operand_expr):
                if kind in (Kind.DATE, Kind.TIME, Kind.BOOL):
                    raise Wrong(span, f"there is no percentage of {kind.phrase}")
                share = Fraction(percent.value) / 100
                return Scaled(share.numerator, share.denominator, self._value(operand_expr, kind), span)
            case Negative(span=span, operand=operand_expr):
                return Scaled(-1, 1, self._value(operand_expr, kind), span)
            case Chain():
                return self._chain_value(expr, kind)
        raise Wrong(expr.span, f"expected {kind.phrase}, found {self._shown(expr)}")

    def _chain_value(self, expr: Chain, kind: Kind) -> Value:
        if kind in (Kind.DATE, Kind.TIME):
            raise Wrong(expr.span, f"cannot reckon with {kind.phrase}")
        if expr.rest[0][0] in "+-":
            rest = tuple((mark, self._value(operand, kind)) for mark, operand in expr.rest)
            return Arithmetic(self._value(expr.first, kind), rest, expr.span)
        own = self._kind(expr) or kind
        if own is not kind:
            raise Wrong(expr.span, f"expected {kind.phrase}, found {own.phrase}")
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
            raise Wrong(span, f"expected {wanted.phrase}, found {own.phrase}")
        return value

    def _literal(self, quantity: Quantity, kind: Kind) -> Value:
        shown = self._source.words_at(quantity.span)
        worth = _UNIT_WORTH.get(kind, {}).get(quantity.unit)
        if worth is None or (quantity.currency is not None and kind is not Kind.MONEY):
            raise Wrong(quantity.span, f"expected {kind.phrase}, found '{shown}'")
        if kind is Kind.RATE and quantity.unit is Unit.NONE and quantity.value > 1:
            raise Wrong(quantity.span, f"a rate is between 0% and 100%, found '{shown}'", f"write {shown}%")
        number = _number(Fraction(quantity.value) * worth)
        currency = quantity.currency
        if currency is None or currency == self._catalogue.base_currency:
            return Const(number, quantity.span)
        wrong = self._catalogue.currency_problem(currency) if self._catalogue.currency_problem is not None else ""
        if wrong:
            raise Wrong(quantity.span, f"expected {wrong}, found '{currency}'")
        if self._catalogue.rate is None:
            base = self._catalogue.base_currency
            raise Wrong(quantity.span, f"no exchange rates are known, so '{currency}' has no worth", f"use {base}")
        return Converted(
            number, self._layout.rate_slot(self._catalogue, currency), f"rate of {currency}", quantity.span
        )

    # Names

    def _definition(self, word: Word) -> Definition:
        definition = self._definitions.get(word.text)
        if definition is None:
            raise Reported
        if word.window is not None or word.flat:
            raise Wrong(word.span, f"'{word.text}' is a definition and takes nothing behind it")
        return definition

    def _is_field(self, word: Word) -> bool:
        return named(self._fields, word.text) is not None

    def _entry(self, expr: Expr) -> Field:
        """The field a word names."""
        if not isinstance(expr, Word):
            raise Wrong(expr.span, f"expected a field, found {self._shown(expr)}")
        entry = named(self._fields, expr.text)
        if entry is None:
            raise self._unknown(expr)
        if entry.name in self._refused:
            raise Wrong(expr.span, *self._refused[entry.name])
        return entry

    def _field_value(self, expr: Expr) -> FieldValue:
        """The slot of the field a word names, its window checked."""
        entry = self._entry(expr)
        assert isinstance(expr, Word)
        if expr.flat:
            raise Wrong(expr.span, f"'flat' goes with a rating, '{expr.text}' is a field")
        days: int | None = None
        if entry.windowed:
            days = self._window_days if expr.window is None else window_days(expr.window)
            if days is None and expr.window is None and entry.bare is None:
                raise Wrong(expr.span, f"'{expr.text}' needs a window", f"write {expr.text}(30d)")
            if days is None and expr.window is not None:
                raise self._bad_window(expr.window)
            if days is not None and entry.windows_days is not None and days not in entry.windows_days:
                known = " and ".join(f"{each}d" for each in entry.windows_days)
                span = expr.span if expr.window is None else expr.window.span
                raise Wrong(
                    span, f"'{expr.text}' is known over {known} only", f"write {expr.text}({entry.windows_days[0]}d)"
                )
        elif expr.window is not None:
            raise Wrong(expr.span, f"'{expr.text}' has no window", f"write {expr.text}")
        shown = entry.name if days is None else f"{entry.name}({days}d)"
        slot = self._layout.slot(entry, days)
        self._layout.used(slot, self._source, expr.span)
        return FieldValue(slot, entry.kind, shown, expr.span)

    def _bad_window(self, window: Quantity) -> Wrong:
        return Wrong(window.span, *window_problem(window))

    def _choice(self, expr: Expr, entry: Field) -> str:
        """The word a text field is compared with, in the spelling the field uses."""
        if (isinstance(expr, Word) and (expr.window is not None or expr.flat)) or not isinstance(expr, Word | Text):
            raise Wrong(expr.span, f"expected {Kind.TEXT.phrase}, found {self._shown(expr)}")
        if entry.choices is None:
            return expr.text
        for choice in entry.choices:
            if choice.casefold() == expr.text.casefold():
                return choice
        suggestion = did_you_mean(expr.text, entry.choices)
        if suggestion is None and len(entry.choices) <= CHOICES_LISTED_MAX:
            suggestion = f"one of: {', '.join(entry.choices)}"
        raise Wrong(expr.span, f"'{entry.name}' is never '{expr.text}'", suggestion)

    def _unknown(self, word: Word) -> Wrong:
        subject, other = ("a dealer", "the order") if self._dealers else ("the order", "a dealer")
        of_ranking = not self._dealers and word.text in OF_RANKING
        if of_ranking or named(self._elsewhere, word.text) is not None:
            place = "'tiers for ...'" if of_ranking else "'when'" if self._dealers else "'consider dealers where'"
            return Wrong(word.span, f"'{word.text}' is a field of {other}, not of {subject}", f"use it in {place}")
        names = [*words_of(self._fields), *self._definitions]
        last = word.text.rpartition(".")[2]
        if last in names:
            return Wrong(word.span, f"unknown field '{word.text}'", f"write '{last}'")
        return Wrong(word.span, f"unknown field '{last}'", did_you_mean(last, names))

    def _in(self, source: Source, work: Callable[[], _T]) -> _T:
        """Do something with the text of a definition, which may stand in another file."""
        outer, self._source = self._source, source
        try:
            return work()
        except Wrong as wrong:
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
