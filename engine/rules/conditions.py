"""Conditions and values: the part of the grammar below `when` and `where`.

The grammar stands at the head of `parser`; each method here opens with its production. Depth is bounded by
`DEPTH_MAX`; chains of one operator are one node, so only brackets, `not` and `of` can nest.
"""

from __future__ import annotations

import datetime
from dataclasses import replace
from typing import Final

from engine.rules.cursor import Cursor, Unexpected
from engine.rules.scanner import TokenKind
from engine.rules.source import Span
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

DEPTH_MAX: Final = 30
OPERANDS_MAX: Final = 200

_COMPARISONS: Final = frozenset({"==", "!=", "<", "<=", ">", ">="})

# Words that cannot be a value: a condition that runs into one of them is unfinished.
_RESERVED: Final = frozenset(
    {
        "and",
        "or",
        "in",
        "is",
        "has",
        "between",
        "of",
        "as",
        "when",
        "where",
        "by",
        "then",
        "else",
        "if",
        "rule",
        "protect",
        "define",
        "tiers",
        "consider",
        "ask",
        "never",
        "stagger",
        "wait",
        "accept",
        "send",
        "execute",
        "within",
    }
)


class Conditions(Cursor):
    """Reads expressions; `condition` is the entrance."""

    __slots__ = ("_depth",)

    def __init__(self, *arguments: object) -> None:
        super().__init__(*arguments)  # type: ignore[arg-type]
        self._depth = 0

    def condition(self) -> Expr:
        """condition = conjunction { "or" conjunction }"""
        self._deeper()
        result = self._logic("or")
        self._depth -= 1
        return result

    def restart_depth(self) -> None:
        """Forget the depth of an expression that was given up."""
        self._depth = 0

    def _deeper(self) -> None:
        self._depth += 1
        if self._depth > DEPTH_MAX:
            raise Unexpected(
                self.token.span, f"nested deeper than {DEPTH_MAX} levels", "give a part its own name with 'define'"
            )

    def _logic(self, word: str) -> Expr:
        """conjunction = negation { "and" negation }"""
        operands = [self._logic("and") if word == "or" else self._negation()]
        while self.token.word == word:
            self.advance()
            operands.append(self._logic("and") if word == "or" else self._negation())
            if len(operands) > OPERANDS_MAX:
                raise Unexpected(operands[-1].span, f"more than {OPERANDS_MAX} conditions joined by '{word}'")
        if len(operands) == 1:
            return operands[0]
        return Logic(operands[0].span.to(operands[-1].span), word, tuple(operands))

    def _negation(self) -> Expr:
        """negation = "not" negation | comparison"""
        if self.token.word != "not":
            return self._comparison()
        start = self.advance().span
        self._deeper()
        operand = self._negation()
        self._depth -= 1
        return Not(start.to(operand.span), operand)

    def _comparison(self) -> Expr:
        """comparison = sum [ COMPARISON sum | "is" state | ["not"] "in" set | "has" sum | "between" sum "and" sum ]"""
        left = self._sum()
        token = self.token
        if token.kind is TokenKind.MARK and token.text in _COMPARISONS:
            self.advance()
            right = self._sum()
            if self.token.kind is TokenKind.MARK and self.token.text in _COMPARISONS:
                raise Unexpected(
                    self.token.span, "a comparison has two sides", "join two comparisons with 'and', or write 'between'"
                )
            return Comparison(left.span.to(right.span), token.text, left, right)
        match token.word:
            case "is":
                return self._state(left)
            case "in":
                self.advance()
                return self._member(left, negated=False)
            case "not" if self.ahead().word == "in":
                self.advance()
                self.advance()
                return self._member(left, negated=True)
            case "has":
                self.advance()
                item = self._sum()
                return Has(left.span.to(item.span), left, item)
            case "between":
                self.advance()
                low = self._sum()
                self.expect_words("and")
                high = self._sum()
                return Between(left.span.to(high.span), left, low, high)
        return left

    def _state(self, operand: Expr) -> Expr:
        """state = ["not"] ( "known" | "unknown" | "NR" | sum )"""
        self.advance()
        negated = self.take_words("not")
        word = self.token.word
        if word in ("known", "unknown", "nr"):
            end = self.advance().span
            return State(operand.span.to(end), operand, word, negated)
        right = self._sum()
        return Comparison(operand.span.to(right.span), "!=" if negated else "==", operand, right)

    def _member(self, operand: Expr, *, negated: bool) -> Expr:
        """set = "{" sum { "," sum } "}" | "top" quantity"""
        if self.token.word == "top":
            start = self.advance().span
            size = self.quantity("how many, such as 20% or 10")
            if size.unit not in (Unit.NONE, Unit.PERCENT):
                raise Unexpected(start.to(size.span), "the top is a share or a count", "write top 20% or top 10")
            if negated:
                raise Unexpected(start.to(size.span), "'not in top' is not used", "write 'not rank in top ...'")
            return TopRank(operand.span.to(size.span), operand, size)
        self.expect_mark("{")
        items = [self._sum()]
        while not self.is_mark("}"):
            if not self.take_mark(","):
                raise self.unexpected("',' or '}'")
            if self.is_mark("}"):
                break
            items.append(self._sum())
            if len(items) > OPERANDS_MAX:
                raise Unexpected(items[-1].span, f"more than {OPERANDS_MAX} items in a set")
        end = self.expect_mark("}").span
        return Member(operand.span.to(end), operand, tuple(items), negated)

    def _sum(self) -> Expr:
        """sum = product { ( "+" | "-" ) product }"""
        return self._chain("+-")

    def _chain(self, marks: str) -> Expr:
        """product = operand { ( "*" | "/" ) operand }"""
        first = self._chain("*/") if marks == "+-" else self._operand()
        rest: list[tuple[str, Expr]] = []
        while self.token.kind is TokenKind.MARK and self.token.text in marks:
            mark = self.advance().text
            rest.append((mark, self._chain("*/") if marks == "+-" else self._operand()))
            if len(rest) > OPERANDS_MAX:
                raise Unexpected(rest[-1][1].span, f"more than {OPERANDS_MAX} operands")
        if not rest:
            return first
        return Chain(first.span.to(rest[-1][1].span), first, tuple(rest))

    def _operand(self) -> Expr:
        """operand = "-" operand | "(" condition ")" | quantity [ "of" operand ] | TEXT | DATE | TIME | word"""
        token = self.token
        if token.kind is TokenKind.MARK and token.text in ("-", "("):
            return self._nested(token.text)
        if token.kind is TokenKind.NUMBER or self._is_currency(token):
            quantity = self.quantity("a value")
            return self._percent_of(quantity) if self.token.word == "of" else quantity
        if token.kind is TokenKind.TEXT:
            self.advance()
            return Text(token.span, token.text)
        if token.kind is TokenKind.DATE:
            return self._date()
        if token.kind is TokenKind.TIME:
            return self._time()
        return self._word()

    def _nested(self, mark: str) -> Expr:
        start = self.advance().span
        self._deeper()
        result: Expr
        if mark == "-":
            operand = self._operand()
            result = Negative(start.to(operand.span), operand)
        else:
            inner = self.condition()
            if not self.is_mark(")"):
                raise self.unexpected("')'")
            result = replace(inner, span=start.to(self.advance().span))
        self._depth -= 1
        return result

    def _percent_of(self, percent: Quantity) -> Expr:
        if percent.unit is not Unit.PERCENT:
            raise Unexpected(percent.span, "only a percentage can be 'of' something", "such as 10% of adv(30d)")
        self.advance()
        self._deeper()
        operand = self._operand()
        self._depth -= 1
        return PercentOf(percent.span.to(operand.span), percent, operand)

    def _date(self) -> Expr:
        token = self.advance()
        try:
            return DateValue(token.span, datetime.date.fromisoformat(token.text))
        except ValueError:
            raise Unexpected(token.span, f"there is no day {token.text}", "dates are year-month-day") from None

    def _time(self) -> Expr:
        token = self.advance()
        hours, minutes = (int(part) for part in token.text.split(":"))
        if hours > 23 or minutes > 59:
            raise Unexpected(token.span, f"there is no time of day {token.text}")
        return TimeValue(token.span, hours * 3_600 + minutes * 60)

    def _word(self) -> Expr:
        """word = "true" | "false" | NAME [ "(" quantity ")" ] [ "flat" ]"""
        token = self.token
        if token.kind is not TokenKind.WORD or token.word in _RESERVED:
            raise self.unexpected("a field or a value")
        self.advance()
        if token.word in ("true", "false"):
            return Truth(token.span, token.word == "true")
        window: Quantity | None = None
        span = token.span
        if self.is_mark("("):
            self.advance()
            window = self.quantity("a window such as 30d")
            span = Span(span.start, self.expect_mark(")").span.end)
        flat = not self.token.first and self.take_words("flat")
        if flat:
            span = span.to(self.previous_span())
        return Word(span, token.text, window, flat)
