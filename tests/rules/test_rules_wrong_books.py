"""Wrong books and their messages.

`wrong_books.txt` holds books split by `---`. Behind `###` on a line stand the messages for that line, each
with its column; a line without `###` has none. A book that does not begin with `# whole` gets a rule for
everything else in a file of its own.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from rules_catalogue import CATALOGUE, DEFAULT

from engine.rules import RuleBookError, Source, compile_book

CHUNKS = (Path(__file__).parent / "wrong_books.txt").read_text().split("---\n")


def split(chunk: str) -> tuple[str, list[tuple[int, str]]]:
    """The book, and its expected messages with their lines."""
    lines, expected = [], []
    for number, line in enumerate(chunk.splitlines(), start=1):
        text, *messages = line.split(" ### ")
        lines.append(text)
        expected.extend((number, message) for message in messages)
    return "\n".join(lines) + "\n", expected


def found_in(text: str) -> list[tuple[int, str]]:
    sources = [Source("book.rules", text)]
    if not text.startswith("# whole"):
        sources.append(Source("default.rules", DEFAULT))
    with pytest.raises(RuleBookError) as caught:
        compile_book(sources, CATALOGUE)
    return [(found.line, f"{found.column}: {found.text}") for found in caught.value.diagnostics]


@pytest.mark.parametrize("chunk", [pytest.param(chunk, id=chunk.split("\n")[0][:40]) for chunk in CHUNKS])
def test_wrong_book_gets_its_messages(chunk: str) -> None:
    text, expected = split(chunk)
    assert expected, "a wrong book has at least one message"
    assert found_in(text) == expected


def test_there_are_dozens_of_wrong_books() -> None:
    assert len(CHUNKS) >= 40
