"""What a condition means: names to fields, words to values, kinds and units made to agree.

Turns the parser's expressions into `resolved` conditions for one subject (the order, or a dealer) and one
layout. A mistake in one part of a condition is reported and the other parts are still looked at; the
condition as a whole then comes out as None.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Final

from engine.rules.rating import NR, Rating, band, parse
from engine.rules.resolved import (
    AllOf,
    AnyOf,
    Compare,
    CompareRatings,
    Condition,
    Const,
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
    Opposite,
    SameText,
)
from engine.rules.signature import RANKED, Field, Kind
from engine.rules.source import Diagnostic, Source, Span, did_you_mean
from engine.rules.syntax import (
    Between,
    Comparison,
    Expr,
    Has,
    Logic,
    Member,
    Not,
    State,
    Text,
    TopRank,
    Truth,
    Unit,
    Word,
)
from engine.rules.vocabulary import Reported, Vocabulary, Wrong

_FLIPPED: Final = {"==": "==", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}


class Meaning(Vocabulary):
    """Resolves conditions about one subject into one layout; see `Vocabulary` for what it is made of."""

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
        except Wrong as wrong:
            self._failed = True
            source = wrong.source or self._source
            self._diagnostics.append(Diagnostic(source, wrong.span, wrong.message, wrong.suggestion))
        except Reported:
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
                    raise Wrong(span, f"'{text}' is {operand.kind.phrase}, not a condition", _how_to_test(operand))
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
        raise Wrong(expr.span, "expected a condition, found a value", "compare it with something")

    def _defined(self, word: Word) -> Condition:
        definition = self._definition(word)
        speaks = self._definitions.speaks_of_dealers(definition.body)
        if speaks is not None and speaks != self._dealers:
            subject, place = ("a dealer", "'consider dealers where'") if speaks else ("the order", "'when'")
            raise Wrong(word.span, f"'{word.text}' speaks of {subject}", f"use it in {place}")
        body = self._in(definition.source, lambda: self._condition(definition.body))
        return Defined(word.text, body, word.span)

    # Comparisons

    def _comparison(self, expr: Comparison, text: str) -> Condition:
        span, operator, left, right = expr.span, expr.operator, expr.left, expr.right
        if self._is_loose(left) and not self._is_loose(right):
            left, right, operator = right, left, _FLIPPED[operator]
        kind = self._kind(left)
        if kind is None:
            if isinstance(left, Word):
                raise self._unknown(left)
            raise Wrong(span, "neither side of this comparison names a field")
        match kind:
            case Kind.RATING:
                return self._compare_ratings(span, operator, left, right, text)
            case Kind.TEXT:
                return self._compare_texts(span, operator, left, right, text)
            case Kind.BOOL:
                return self._compare_truth(span, operator, left, right, text)
            case Kind.SET_OF_TEXT:
                name = self._source.words_at(left.span)
                raise Wrong(span, f"'{name}' is {kind.phrase}", f"write '{name} has ...'")
        return Compare(operator, self._value(left, kind), self._value(right, kind), text, span)

    def _compare_ratings(self, span: Span, operator: str, left: Expr, right: Expr, text: str) -> Condition:
        operand = self._field_value(left)
        if isinstance(right, Word) and self._is_field(right):
            other = self._field_value(right)
            if other.kind is not Kind.RATING:
                raise Wrong(right.span, f"expected {Kind.RATING.phrase}, found {other.kind.phrase}")
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
            raise Wrong(span, f"no rating is {edge}", "this is never true")
        return InNotches(operand, frozenset(notches), text, span)

    def _rating_band(self, expr: Expr, operand: FieldValue) -> tuple[Rating, Rating]:
        """The lowest and highest notch a rating in a rule stands for."""
        if not isinstance(expr, Word | Text):
            raise Wrong(expr.span, f"expected {Kind.RATING.phrase}, found {self._shown(expr)}")
        if parse(expr.text) is NR:
            raise Wrong(expr.span, "NR is not on the rating scale", f"write '{operand.shown} is NR'")
        ends = band(expr.text)
        if ends is None or (isinstance(expr, Word) and expr.window is not None):
            names = [rating.text for rating in Rating]
            raise Wrong(expr.span, f"'{expr.text}' is no rating", did_you_mean(expr.text, names))
        if isinstance(expr, Word) and expr.flat:
            notch = parse(expr.text)
            assert isinstance(notch, Rating)
            return notch, notch
        return ends

    def _compare_texts(self, span: Span, operator: str, left: Expr, right: Expr, text: str) -> Condition:
        operand = self._field_value(left)
        if operator not in ("==", "!="):
            raise Wrong(span, f"words have no order: '{operand.shown}' is {Kind.TEXT.phrase}", "use == or 'in {...}'")
        entry = self._entry(left)
        if isinstance(right, Word) and self._is_field(right) and not _is_choice(entry, right.text):
            other = self._field_value(right)
            if other.kind is not Kind.TEXT:
                raise Wrong(right.span, f"expected {Kind.TEXT.phrase}, found {other.kind.phrase}")
            return SameText(operand, other, operator == "!=", text, span)
        return InWords(operand, frozenset({self._choice(right, entry)}), operator == "!=", text, span)

    def _compare_truth(self, span: Span, operator: str, left: Expr, right: Expr, text: str) -> Condition:
        operand = self._leaf(left)
        if not isinstance(right, Truth) or operator not in ("==", "!="):
            name = self._source.words_at(left.span)
            raise Wrong(span, f"'{name}' is a condition by itself", f"write '{name}' or 'not {name}'")
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
            raise Wrong(expr.span, f"'{name}' is {kind.phrase}", f"write '{name} has ...', joined with 'or'")
        if kind is None and isinstance(expr.operand, Word):
            raise self._unknown(expr.operand)
        if kind is None or kind is Kind.BOOL:
            raise Wrong(expr.operand.span, f"expected a field before 'in', found {self._shown(expr.operand)}")
        value = self._value(expr.operand, kind)
        anyone = AnyOf(
            tuple(Compare("==", value, self._value(item, kind), text, expr.span) for item in expr.items), expr.span
        )
        return Opposite(anyone, expr.span) if expr.negated else anyone

    def _has(self, expr: Has, text: str) -> Condition:
        operand = self._field_value(expr.operand)
        if operand.kind is not Kind.SET_OF_TEXT:
            suggestion = f"write '{operand.shown} == ...'" if operand.kind is Kind.TEXT else None
            raise Wrong(expr.span, f"'has' looks into a set; '{operand.shown}' is {operand.kind.phrase}", suggestion)
        return HasWord(operand, self._choice(expr.item, self._entry(expr.operand)), text, expr.span)

    def _state(self, expr: State, text: str) -> Condition:
        if expr.state == "nr":
            operand = self._field_value(expr.operand)
            if operand.kind is not Kind.RATING:
                raise Wrong(expr.span, f"only a rating can be NR; '{operand.shown}' is {operand.kind.phrase}")
            return IsNR(operand, expr.negated, text, expr.span)
        kind = self._kind(expr.operand)
        if kind is None or (isinstance(expr.operand, Word) and expr.operand.text in self._definitions):
            raise Wrong(expr.operand.span, f"expected a field before 'is {expr.state}'")
        negated = expr.negated != (expr.state == "unknown")
        if isinstance(expr.operand, Word):
            return IsKnown(self._field_value(expr.operand), negated, text, expr.span)
        return IsKnown(self._value(expr.operand, kind), negated, text, expr.span)

    def _top_rank(self, expr: TopRank, text: str) -> Condition:
        operand = self._field_value(expr.operand)
        if operand.shown != "rank":
            raise Wrong(expr.operand.span, f"'in top' goes with 'rank', found '{operand.shown}'")
        value = expr.size.value
        if expr.size.unit is Unit.NONE:
            if value < 1 or value != value.to_integral_value():
                raise Wrong(expr.size.span, "the top is a whole number of dealers from 1, or a share")
            return Compare("<=", operand, Const(int(value), expr.size.span), text, expr.span)
        if not 0 < value <= 100:
            raise Wrong(expr.size.span, "a share is more than 0% and at most 100%")
        share = Fraction(value) / 100
        ranked = FieldValue(self._layout.slot(RANKED, None), Kind.NUMBER, "ranked", expr.span)
        return InTopShare(operand, ranked, share.numerator, share.denominator, text, expr.span)


def _is_choice(entry: Field, word: str) -> bool:
    return entry.choices is not None and any(choice.casefold() == word.casefold() for choice in entry.choices)


def _how_to_test(operand: FieldValue) -> str:
    if operand.kind is Kind.SET_OF_TEXT:
        return f"write '{operand.shown} has ...'"
    return f"compare it, such as '{operand.shown} == ...'" if operand.kind is Kind.TEXT else "compare it with something"
