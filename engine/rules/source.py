"""Rule texts, places in them, and messages that point at a place.

Owns `Source`, `Span`, `Diagnostic` and how a message is printed: file, line, column, what is wrong, what to
write instead, then the line with carets under the words that are meant.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from engine.errors import RuleError

DIAGNOSTICS_SHOWN_MAX: Final = 100
LINE_SHOWN_MAX: Final = 120
MESSAGE_SHOWN_MAX: Final = 240
NAME_COMPARED_MAX: Final = 64


class Span(NamedTuple):
    """A half-open range of character offsets in one source."""

    start: int
    end: int

    def to(self, other: Span) -> Span:
        """From the start of this span to the end of `other`."""
        return Span(self.start, other.end)


@dataclass(frozen=True, slots=True)
class Source:
    """One rule file: `name` is what messages call it."""

    name: str
    text: str

    def position(self, offset: int) -> tuple[int, int]:
        """Line and column of an offset, both counted from 1."""
        line = self.text.count("\n", 0, offset) + 1
        return line, offset - (self.text.rfind("\n", 0, offset) + 1) + 1

    def line_at(self, offset: int) -> str:
        """The line that holds an offset, without its end."""
        start = self.text.rfind("\n", 0, offset) + 1
        end = self.text.find("\n", offset)
        return self.text[start : len(self.text) if end < 0 else end].rstrip("\r")

    def words_at(self, span: Span) -> str:
        """The text of a span on one line: runs of white space become one space."""
        return " ".join(self.text[span.start : span.end].split())


def joined(sources: Collection[Source]) -> str:
    """The texts of a book as one, as a journal keeps it."""
    return "\n".join(f"### {source.name}\n{source.text}" for source in sources)


def apart(whole: str) -> list[Source]:
    """The texts that were joined."""
    _, *pieces = re.split(r"(?:^|\n)### (\S[^\n]*\.rules)\n", whole)
    return [Source(name, text) for name, text in zip(pieces[::2], pieces[1::2], strict=True)]


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One thing that is wrong with a book, where it is, and what to write instead."""

    source: Source
    span: Span
    message: str
    suggestion: str | None = None

    @property
    def line(self) -> int:
        return self.source.position(self.span.start)[0]

    @property
    def column(self) -> int:
        return self.source.position(self.span.start)[1]

    @property
    def text(self) -> str:
        """The message with its suggestion, without the place; long words in it are cut."""
        text = self.message if self.suggestion is None else f"{self.message} ({self.suggestion})"
        return text if len(text) <= MESSAGE_SHOWN_MAX else f"{text[: MESSAGE_SHOWN_MAX - 3]}..."

    def __str__(self) -> str:
        return format_diagnostic(self)


class RuleBookError(RuleError):
    """A book has errors; it carries all of them and prints all of them."""

    def __init__(self, diagnostics: Sequence[Diagnostic]) -> None:
        self.diagnostics: tuple[Diagnostic, ...] = tuple(diagnostics)
        super().__init__(format_diagnostics(self.diagnostics))


def format_diagnostics(diagnostics: Sequence[Diagnostic]) -> str:
    """All messages, in the order given, each with its line and carets."""
    shown = [format_diagnostic(diagnostic) for diagnostic in diagnostics[:DIAGNOSTICS_SHOWN_MAX]]
    if len(diagnostics) > DIAGNOSTICS_SHOWN_MAX:
        shown.append(f"... and {len(diagnostics) - DIAGNOSTICS_SHOWN_MAX} more")
    return "\n".join(shown)


def format_diagnostic(diagnostic: Diagnostic) -> str:
    """One message in three lines: place and text, the source line, the carets."""
    source, span = diagnostic.source, diagnostic.span
    line_number, column = source.position(span.start)
    head = f"{source.name}:{line_number}:{column}: {diagnostic.text}"
    line = "".join(character if character.isprintable() else " " for character in source.line_at(span.start))
    indent = len(line) - len(line.lstrip())
    if not line.strip():
        return head
    start = column - 1
    end = min(max(start + span.end - span.start, start + 1), max(len(line), start + 1))
    first = min(indent, start)
    if end - first > LINE_SHOWN_MAX:
        # A line too long to show whole: keep what surrounds the carets.
        first = max(first, start - LINE_SHOWN_MAX // 2)
        end = min(end, first + LINE_SHOWN_MAX)
    shown = line[first : first + LINE_SHOWN_MAX].rstrip()
    return f"{head}\n    {shown}\n    {' ' * (start - first)}{'^' * (end - start)}"


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known name that `word` was probably meant to be, or None."""
    if len(word) > NAME_COMPARED_MAX:
        return None
    names = sorted(known)
    folded: dict[str, str] = {}
    for name in names:
        folded.setdefault(name.casefold(), name)
    close = difflib.get_close_matches(word.casefold(), folded, n=1, cutoff=0.65)
    return folded[close[0]] if close else None


def did_you_mean(word: str, known: Iterable[str]) -> str | None:
    """A suggestion in words, or None if nothing known is near."""
    name = nearest(word, known)
    return None if name is None else f"did you mean '{name}'?"
