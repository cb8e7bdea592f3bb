"""Text to tokens."""

from __future__ import annotations

import pytest

from engine.rules.scanner import SOURCE_CHARACTERS_MAX, TokenKind, scan
from engine.rules.source import Diagnostic, Source


def tokens_of(text: str) -> list[str]:
    diagnostics: list[Diagnostic] = []
    tokens = scan(Source("t.rules", text), diagnostics)
    assert not diagnostics
    assert tokens[-1].kind is TokenKind.END
    return [f"{token.kind.value}:{token.text}{'|' + token.unit if token.unit else ''}" for token in tokens[:-1]]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("", [], id="nothing"),
        pytest.param("# a comment\n", [], id="comment"),
        pytest.param("\ufeff\t \r\n", [], id="byte order mark and white space"),
        pytest.param("notional>5mm", ["word:notional", "mark:>", "number:5|mm"], id="no spaces needed"),
        pytest.param("10% of", ["number:10|%", "word:of"], id="percent"),
        pytest.param("25_000_000", ["number:25000000"], id="grouped digits"),
        pytest.param("5.25", ["number:5.25"], id="fraction"),
        pytest.param("$5mm", ["word:USD", "number:5|mm"], id="dollar sign is a currency"),
        pytest.param("BBB+ or A-", ["word:BBB+", "word:or", "word:A-"], id="signed ratings"),
        pytest.param("A -1", ["word:A", "mark:-", "number:1"], id="a sign apart is a minus"),
        pytest.param("2030-06-15 15:30", ["date:2030-06-15", "time:15:30"], id="day and time"),
        pytest.param('"a # b" # c', ["text:a # b"], id="no comment inside text"),
        pytest.param("{a, b}", ["mark:{", "word:a", "mark:,", "word:b", "mark:}"], id="set"),
        pytest.param("x<=3!=4", ["word:x", "mark:<=", "number:3", "mark:!=", "number:4"], id="long marks first"),
    ],
)
def test_tokens(text: str, expected: list[str]) -> None:
    assert tokens_of(text) == expected


def test_a_token_knows_whether_it_opens_its_line() -> None:
    tokens = scan(Source("t", 'rule "x"\n  when a # and\n  b'), [])
    assert [(token.text, token.first) for token in tokens] == [
        ("rule", True),
        ("x", False),
        ("when", True),
        ("a", False),
        ("b", True),
        ("", True),
    ]


@pytest.mark.parametrize("text", ["a²b", "٣ > 2", "a\x00b", "a ; b", "“x”", '"open', "x = 1", "1,000"])
def test_what_cannot_be_read_is_reported_and_scanning_goes_on(text: str) -> None:
    diagnostics: list[Diagnostic] = []
    tokens = scan(Source("t.rules", text + "\nafter"), diagnostics)
    assert len(diagnostics) == 1
    assert tokens[-2].text == "after"


@pytest.mark.parametrize(
    ("text", "held"),
    [
        pytest.param("“x y”", "x y", id="text"),
        pytest.param("“x ”", "x", id="a space before its end"),
        pytest.param("“”", "", id="nothing"),
        pytest.param('“x"', "x", id="a straight one ends it"),
        pytest.param('“"', "", id="a straight one at once"),
        pytest.param("„x“", "x", id="low and high"),
    ],
)
@pytest.mark.parametrize("behind", ["", " ", "\n"])
def test_the_text_in_curly_quotes_is_read_and_what_stands_behind_it_too(text: str, held: str, behind: str) -> None:
    diagnostics: list[Diagnostic] = []
    tokens = scan(Source("t.rules", f"{text}{behind}, after"), diagnostics)
    assert [token.text for token in tokens] == [held, ",", "after", ""]
    assert [(found.span.start, found.span.end) for found in diagnostics] == [(0, len(text))]


@pytest.mark.parametrize(("text", "held"), [("“", ""), ("“x", "x"), ("“x\n", "x")])
def test_a_curly_quote_that_stays_open_ends_with_its_line(text: str, held: str) -> None:
    diagnostics: list[Diagnostic] = []
    tokens = scan(Source("t.rules", text), diagnostics)
    assert [token.text for token in tokens] == [held, ""]
    assert len(diagnostics) == 1


def test_length_is_bounded() -> None:
    diagnostics: list[Diagnostic] = []
    assert len(scan(Source("t", "a " * SOURCE_CHARACTERS_MAX), diagnostics)) == 1
    assert "at most 200000" in diagnostics[0].message


def test_digits_are_bounded() -> None:
    diagnostics: list[Diagnostic] = []
    scan(Source("t", "9" * 10_000), diagnostics)
    assert [found.message for found in diagnostics] == ["a number has at most 18 digits"]
