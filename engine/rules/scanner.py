"""Text to tokens.

White space, line ends and `#` comments separate tokens and mean nothing else; a token remembers whether it
opens its line, so that the parser can find its feet after a mistake. A number keeps its unit (`5mm`, `25bp`,
`20%`); units and amounts are understood by the parser. Nothing here raises: what cannot be read becomes a
diagnostic, and scanning goes on with what was probably meant, so one slip gives one message.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import Enum
from typing import Final, NamedTuple

from engine.rules.source import Diagnostic, Source, Span

SOURCE_CHARACTERS_MAX: Final = 200_000
DIGITS_MAX: Final = 18


class TokenKind(Enum):
    """What a token is; a message never shows these names."""

    WORD = "word"
    NUMBER = "number"
    TEXT = "text"
    DATE = "date"
    TIME = "time"
    MARK = "mark"
    END = "end"


class Token(NamedTuple):
    """`text` is as written, without quotes; `unit` is what stood at a number without a space."""

    kind: TokenKind
    text: str
    span: Span
    first: bool
    unit: str = ""

    @property
    def word(self) -> str:
        """The text in small letters if the token is a word, else nothing: keywords know no case."""
        return self.text.lower() if self.kind is TokenKind.WORD else ""

    @property
    def shown(self) -> str:
        """How a message names this token."""
        if self.kind is TokenKind.END:
            return "the end of the file"
        if self.kind is TokenKind.TEXT:
            return f'"{self.text}"'
        return f"'{self.text}{self.unit}'"


_TOKEN: Final = re.compile(
    r"""
      (?P<space> [ \t\r\f\v\u00a0\ufeff]+ )
    | (?P<comment> \#[^\n]* )
    | (?P<newline> \n )
    | (?P<date> [0-9]{4}-[0-9]{2}-[0-9]{2} (?![0-9A-Za-z_]) )
    | (?P<time> [0-9]{1,2}:[0-9]{2} (?![0-9A-Za-z_:]) )
    | (?P<grouped> [0-9]{1,3} (?:,[0-9]{3})+ (?![0-9]) )
    | (?P<number> (?P<digits> [0-9][0-9_]* (?:\.[0-9]+)? ) (?P<unit> %|[A-Za-z]+ )? )
    | (?P<rating> (?:AAA|AA|A|BBB|BB|B|CCC)[+-] (?![0-9A-Za-z_.]) )
    | (?P<word> [A-Za-z_][0-9A-Za-z_]* (?:\.[A-Za-z_][0-9A-Za-z_]*)* )
    | (?P<text> "[^"\n]*" )
    | (?P<open> "[^"\n]* )
    | (?P<mark> ==|!=|<=|>=|<>|=<|=>|&&|\|\||[<>=!(){},+*/%$-] )
    """,
    re.VERBOSE,
)

# What people write out of habit, and what the language says.
_MEANT: Final[Mapping[str, tuple[TokenKind, str]]] = {
    "=": (TokenKind.MARK, "=="),
    "<>": (TokenKind.MARK, "!="),
    "=<": (TokenKind.MARK, "<="),
    "=>": (TokenKind.MARK, ">="),
    "≤": (TokenKind.MARK, "<="),
    "≥": (TokenKind.MARK, ">="),
    "≠": (TokenKind.MARK, "!="),
    "&&": (TokenKind.WORD, "and"),
    "||": (TokenKind.WORD, "or"),
    "!": (TokenKind.WORD, "not"),
}
_CURLY_QUOTES: Final = "“”„‟«»"


def scan(source: Source, diagnostics: list[Diagnostic]) -> tuple[Token, ...]:
    """The tokens of a source, the last one of kind END right behind the others; what is wrong goes to `diagnostics`."""
    text = source.text
    if len(text) > SOURCE_CHARACTERS_MAX:
        message = f"the file has {len(text)} characters, at most {SOURCE_CHARACTERS_MAX} are read"
        diagnostics.append(Diagnostic(source, Span(0, 0), message, "split it into several files"))
        return (Token(TokenKind.END, "", Span(0, 0), True),)
    tokens: list[Token] = []
    position, first = 0, True
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            position, token = _unreadable(source, position, first, diagnostics)
        else:
            position = match.end()
            group = match.lastgroup if match.lastgroup != "digits" else "number"
            if group in ("space", "comment"):
                continue
            if group == "newline":
                first = True
                continue
            token = _token(source, match, first, diagnostics)
        if token is not None:
            tokens.append(token)
            first = False
    end = tokens[-1].span.end if tokens else 0
    tokens.append(Token(TokenKind.END, "", Span(end, end), True))
    return tuple(tokens)


def _token(source: Source, match: re.Match[str], first: bool, diagnostics: list[Diagnostic]) -> Token:
    span = Span(match.start(), match.end())
    shown = match.group()
    if match["number"] is not None:
        digits = match["digits"].replace("_", "")
        if len(digits) > DIGITS_MAX:
            diagnostics.append(Diagnostic(source, span, f"a number has at most {DIGITS_MAX} digits"))
            digits = "1"
        return Token(TokenKind.NUMBER, digits, span, first, match["unit"] or "")
    if match["grouped"] is not None:
        digits = shown.replace(",", "")
        meant = f"write {shown.replace(',', '_')}, or put a space after the comma if you mean two numbers"
        diagnostics.append(Diagnostic(source, span, f"a number has no commas: '{shown}'", meant))
        return Token(TokenKind.NUMBER, digits[:DIGITS_MAX], span, first)
    if match["word"] is not None or match["rating"] is not None:
        return Token(TokenKind.WORD, shown, span, first)
    if match["text"] is not None:
        return Token(TokenKind.TEXT, shown[1:-1], span, first)
    if match["open"] is not None:
        diagnostics.append(Diagnostic(source, span, "this text has no end on its line", 'close it with "'))
        return Token(TokenKind.TEXT, shown[1:].rstrip(), span, first)
    if match["date"] is not None:
        return Token(TokenKind.DATE, shown, span, first)
    if match["time"] is not None:
        return Token(TokenKind.TIME, shown, span, first)
    if shown == "$":
        return Token(TokenKind.WORD, "USD", span, first)
    if shown in _MEANT:
        return _meant(source, span, shown, first, diagnostics)
    return Token(TokenKind.MARK, shown, span, first)


def _meant(source: Source, span: Span, shown: str, first: bool, diagnostics: list[Diagnostic]) -> Token:
    kind, text = _MEANT[shown]
    diagnostics.append(Diagnostic(source, span, f"'{shown}' is not used here", f"write '{text}'"))
    return Token(kind, text, span, first)


def _unreadable(source: Source, position: int, first: bool, diagnostics: list[Diagnostic]) -> tuple[int, Token | None]:
    """A character no token begins with: one message for a run of them."""
    text = source.text
    character = text[position]
    if character in _MEANT:
        return position + 1, _meant(source, Span(position, position + 1), character, first, diagnostics)
    if character in _CURLY_QUOTES:
        return _curly_text(source, position, first, diagnostics)
    end = position + 1
    while end < len(text) and text[end] == character:
        end += 1
    name = f"'{character}'" if character.isprintable() else f"the character U+{ord(character):04X}"
    diagnostics.append(Diagnostic(source, Span(position, end), f"{name} is not used in rules"))
    return end, None


def _curly_text(source: Source, position: int, first: bool, diagnostics: list[Diagnostic]) -> tuple[int, Token]:
    """Quotation marks from a word processor: read the text they hold."""
    text = source.text
    end = position + 1
    while end < len(text) and text[end] not in _CURLY_QUOTES and text[end] not in '"\n':
        end += 1
    held = text[position + 1 : end]
    if end < len(text) and text[end] != "\n":
        end += 1
    span = Span(position, end)
    diagnostics.append(Diagnostic(source, span, f"'{text[position]}' is not used in rules", 'write straight quotes: "'))
    return end, Token(TokenKind.TEXT, held.rstrip(), span, first)
