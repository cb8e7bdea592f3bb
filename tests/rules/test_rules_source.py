"""Texts of a book: kept as one, and taken apart again."""

from __future__ import annotations

from engine.rules.source import Source, apart, joined


def test_the_texts_of_a_book_come_apart_as_they_were_joined() -> None:
    sources = [Source("10-a.rules", "# ### no header\nrule\n"), Source("20-b.rules", "\n\nx")]
    assert apart(joined(sources)) == sources
