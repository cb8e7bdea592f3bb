"""Reading tokens one after another, and saying what was expected where something else stands.

Owns the position in the token stream and the small things every production needs: words, marks, counts,
quantities with their units. Raises `Unexpected`, which the parser turns into a diagnostic.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from engine.rules.scanner import Token, TokenKind
from engine.rules.source import Span, did_you_mean
from engine.rules.syntax import Name, Quantity, Unit

COUNT_MAX: Final = 1_000
DURATION_DAYS_MAX: Final = 3_650
NAME_CHARACTERS_MAX: Final = 100

_UNITS: Final[Mapping[str, tuple[Unit, int]]] = {
    **dict.fromkeys(("k", "thousand"), (Unit.AMOUNT, 1_000)),
    **dict.fromkeys(("mm", "mn", "mln", "million"), (Unit.AMOUNT, 1_000_000)),
    **dict.fromkeys(("bn", "bln", "billion"), (Unit.AMOUNT, 1_000_000_000)),
    **dict.fromkeys(("%", "pct", "percent"), (Unit.PERCENT, 1)),
    **dict.fromkeys(("bp", "bps"), (Unit.BP, 1)),
    **dict.fromkeys(("cent", "cents"), (Unit.CENTS, 1)),
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), (Unit.SECONDS, 1)),
    **dict.fromkeys(("min", "mins", "minute", "minutes"), (Unit.SECONDS, 60)),
    **dict.fromkeys(("h", "hour", "hours"), (Unit.SECONDS, 3_600)),
    **dict.fromkeys(("d", "day", "days"), (Unit.DAYS, 1)),
    **dict.fromkeys(("w", "week", "weeks"), (Unit.DAYS, 7)),
    **dict.fromkeys(("y", "yr", "year", "years"), (Unit.YEARS, 1)),
}

# Units that mean different things to different people: say which.
_UNCLEAR_UNITS: Final[Mapping[str, str]] = {
    "m": "write {0}k, {0}mm or {0}min",
    "b": "write {0}bn or {0}bp",
    "mo": "write days: {1}d",
    "month": "write days: {1}d",
    "months": "write days: {1}d",
    "ms": "write seconds: 1s",
}

_COUNT_WORDS: Final[Mapping[str, int]] = {
    word: count
    for count, word in enumerate("one two three four five six seven eight nine ten".split(), start=1)  # noqa: SIM905
}

_SECONDS_PER_DAY: Final = 86_400


class Unexpected(Exception):
    """The text does not go on as the grammar wants; becomes a diagnostic."""

    def __init__(self, span: Span, message: str, suggestion: str | None = None) -> None:
        super().__init__(message)
        self.span = span
        self.message = message
        self.suggestion = suggestion


class Cursor:
    """A position in the tokens of one source."""

    __slots__ = ("_position", "_tokens")

    def __init__(self, tokens: tuple[Token, ...]) -> None:
        self._tokens = tokens
        self._position = 0

    @property
    def position(self) -> int:
        """How many tokens have been taken."""
        return self._position

    @property
    def token(self) -> Token:
        """The next token; the END token for ever at the end."""
        return self._tokens[self._position]

    @property
    def at_end(self) -> bool:
        return self.token.kind is TokenKind.END

    def ahead(self, distance: int = 1) -> Token:
        """A token further on, or END."""
        return self._tokens[min(self._position + distance, len(self._tokens) - 1)]

    def previous_span(self) -> Span:
        """The span of the token taken last."""
        return self._tokens[max(self._position - 1, 0)].span

    def advance(self) -> Token:
        """Take a token."""
        token = self.token
        if not self.at_end:
            self._position += 1
        return token

    def is_mark(self, mark: str) -> bool:
        return self.token.kind is TokenKind.MARK and self.token.text == mark

    def is_words(self, *words: str) -> bool:
        """True if these words come next."""
        return all(self.ahead(distance).word == word for distance, word in enumerate(words))

    def take_mark(self, mark: str) -> bool:
        """Take the mark if it is next."""
        if self.is_mark(mark):
            self.advance()
            return True
        return False

    def take_words(self, *words: str) -> bool:
        """Take these words if they are next."""
        if self.is_words(*words):
            self._position += len(words)
            return True
        return False

    def unexpected(self, wanted: str, suggestion: str | None = None) -> Unexpected:
        """The error for the next token, where `wanted` should be."""
        return Unexpected(self.token.span, f"expected {wanted}, found {self.token.shown}", suggestion)

    def expect_mark(self, mark: str) -> Token:
        if not self.is_mark(mark):
            raise self.unexpected(f"'{mark}'")
        return self.advance()

    def expect_words(self, *words: str) -> None:
        """Take these words; each that is missing is named with all that should follow."""
        for index, word in enumerate(words):
            if self.token.word != word:
                rest = " ".join(words[index:])
                raise self.unexpected(f"'{rest}'", did_you_mean(self.token.word, (word,)) if self.token.word else None)
            self.advance()

    def expect_one_of(self, *words: str) -> str:
        """Take one of several words and say which."""
        if self.token.word in words:
            return self.advance().word
        listed = ", ".join(f"'{word}'" for word in words[:-1]) + f" or '{words[-1]}'"
        raise self.unexpected(listed, did_you_mean(self.token.word, words) if self.token.word else None)

    def count(self, what: str) -> int:
        """A whole number from 1, in digits or as a word up to ten."""
        token = self.token
        if token.word in _COUNT_WORDS:
            self.advance()
            return _COUNT_WORDS[token.word]
        if token.kind is not TokenKind.NUMBER:
            raise self.unexpected(f"{what}, a number")
        self.advance()
        if token.unit or not token.text.isdigit() or not 1 <= int(token.text) <= COUNT_MAX:
            raise Unexpected(
                token.span, f"{what} is a whole number from 1 to {COUNT_MAX}, found '{token.text}{token.unit}'"
            )
        return int(token.text)

    def name(self, what: str) -> Name:
        """A word or a text in quotes."""
        token = self.token
        if token.kind not in (TokenKind.WORD, TokenKind.TEXT) or not token.text.strip():
            raise self.unexpected(what)
        if len(token.text) > NAME_CHARACTERS_MAX:
            raise Unexpected(token.span, f"a name has at most {NAME_CHARACTERS_MAX} characters")
        self.advance()
        return Name(token.span, token.text)

    def quantity(self, what: str) -> Quantity:
        """quantity = [ CURRENCY ] NUMBER [ UNIT ] [ CURRENCY ]"""
        start = self.token.span
        currency = self.advance().text if self._is_currency(self.token) else None
        token = self.token
        if token.kind is not TokenKind.NUMBER:
            raise self.unexpected(what)
        self.advance()
        span, unit_text = token.span, token.unit.lower()
        spaced = self.token
        unit_is_next = not unit_text and not spaced.first and self._is_unit(spaced)
        if unit_is_next:
            self.advance()
            span, unit_text = span.to(spaced.span), spaced.word or spaced.text
        unit, factor = self._unit(Span(token.span.start, span.end), token.text, unit_text)
        value = Decimal(token.text) * factor
        if currency is None and unit in (Unit.NONE, Unit.AMOUNT) and self._is_currency(self.token, trailing=True):
            span = span.to(self.token.span)
            currency = self.advance().text
        if currency is not None:
            if unit is Unit.NONE:
                unit = Unit.AMOUNT
            if unit is not Unit.AMOUNT:
                raise Unexpected(Span(start.start, span.end), "a currency goes with an amount", "such as 5mm EUR")
        return Quantity(Span(start.start, span.end), value, unit, currency)

    def seconds(self, what: str) -> float:
        """A time span; a bare number is refused, because 20 may be seconds or minutes."""
        quantity = self.quantity(f"{what}, a time span such as 20s")
        if quantity.unit not in (Unit.SECONDS, Unit.DAYS):
            shown = f"{quantity.value.normalize():f}" if quantity.unit is Unit.NONE else "20"
            raise Unexpected(quantity.span, f"{what} is a time span with its unit", f"write {shown}s or {shown}min")
        seconds = quantity.value * (_SECONDS_PER_DAY if quantity.unit is Unit.DAYS else 1)
        if not 0 < seconds <= DURATION_DAYS_MAX * _SECONDS_PER_DAY:
            raise Unexpected(quantity.span, f"{what} is longer than nothing and at most {DURATION_DAYS_MAX} days")
        return float(seconds)

    def _is_unit(self, token: Token) -> bool:
        if token.kind is TokenKind.MARK:
            return token.text == "%"
        return token.word in _UNITS or token.word in _UNCLEAR_UNITS

    def _is_currency(self, token: Token, *, trailing: bool = False) -> bool:
        letters = token.kind is TokenKind.WORD and len(token.text) == 3 and token.text.isalpha()
        if not letters or (token.first and trailing):
            return False
        return token.text.isupper() and (trailing or self.ahead().kind is TokenKind.NUMBER)

    def _unit(self, span: Span, digits: str, text: str) -> tuple[Unit, int]:
        if not text:
            return Unit.NONE, 1
        known = _UNITS.get(text)
        if known is not None:
            return known
        unclear = _UNCLEAR_UNITS.get(text)
        if unclear is not None:
            days = f"{(Decimal(digits) * 30).normalize():f}"
            raise Unexpected(span, f"'{digits}{text}' is not clear", unclear.format(digits, days))
        raise Unexpected(span, f"unknown unit '{text}'", did_you_mean(text, _UNITS))
