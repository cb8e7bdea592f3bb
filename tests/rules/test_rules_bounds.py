"""The bounds of the rule language: each reached, and each passed by one."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from rules_catalogue import CATALOGUE, DEFAULT

from engine.rules import RuleBookError, Source, compile_book
from engine.rules.source import nearest


def messages(*texts: str) -> list[str]:
    """What is wrong with a book of these texts, each a file, with a rule for everything else behind them."""
    sources = [Source(f"{index}.rules", text) for index, text in enumerate((*texts, DEFAULT))]
    try:
        compile_book(sources, CATALOGUE)
    except RuleBookError as error:
        return [found.message for found in error.diagnostics]
    return []


def when(condition: str, clauses: str = "ask top 1") -> str:
    return f'rule "r" when {condition}\n {clauses}\n'


def chain(length: int) -> str:
    """As many definitions, each of the one before."""
    lines = ["define d1 as side == sell", *(f"define d{n} as d{n - 1}" for n in range(2, length + 1))]
    return "\n".join(reversed(lines)) + "\n" + when(f"d{length}")


def parts(count: int) -> str:
    """A condition of as many parts: each use of `a` stands for 200 and itself, and `and` is one as well."""
    flags = " and ".join(["callable"] * 199)
    return f"define a as {flags}\n" + when(" and ".join(["a"] * 4 + ["callable"] * (count - 4 * 201 - 1)))


def nested(levels: int) -> str:
    """A condition of as many levels, ten of them in each of five definitions."""
    lines = [f"define d{n} as {'not ' * 9}{f'd{n - 1}' if n else 'callable'}\n" for n in range(5)]
    return "".join(lines) + when(f"{'not ' * (levels - 51)}d4")


def judged(count: int) -> str:
    """A candidate's condition of as many flags, and the `and` that joins them."""
    return when("side == buy", f"consider dealers where {' and '.join(['has_axe'] * (count - 1))}\n ask top 1")


Text = Callable[[int], str]


@pytest.mark.parametrize(
    ("text", "most", "message"),
    [
        pytest.param(lambda n: when("side == buy", f"ask top {n}"), 1_000, "from 1 to 1000", id="a count"),
        pytest.param(lambda n: when("side == buy", f"ask top 1 wait {n}d"), 3_650, "at most 3650 days", id="a wait"),
        pytest.param(lambda n: when(f"adv({n}d) > 1"), 3_650, "from 1 to 3650", id="a window"),
        pytest.param(
            lambda n: f'rule "{"x" * n}" when side == buy\n ask top 1', 100, "at most 100 characters", id="a name"
        ),
        pytest.param(lambda n: when(f"notional > {'9' * n}"), 18, "at most 18 digits", id="digits"),
        pytest.param(lambda n: when(" and ".join(["callable"] * n)), 200, "more than 200 conditions", id="and"),
        pytest.param(lambda n: when(" or ".join(["callable"] * n)), 200, "more than 200 conditions", id="or"),
        pytest.param(
            lambda n: when(f"issuer in {{{', '.join(f'i{k}' for k in range(n))}}}"),
            200,
            "more than 200 items",
            id="set",
        ),
        pytest.param(lambda n: when(f"notional > 1{' + 1' * n}"), 200, "more than 200 operands", id="sum"),
        pytest.param(lambda n: when(f"notional > 1{' * 1' * n}"), 200, "more than 200 operands", id="product"),
        pytest.param(chain, 13, "more than 12 deep", id="definitions of definitions"),
        pytest.param(parts, 1_000, "stands for 1001 parts, at most 1000", id="parts of a condition"),
        pytest.param(nested, 60, "is nested 61 levels deep, at most 60", id="levels of a condition"),
        pytest.param(judged, 200, "at most 200 are allowed", id="parts judged for every dealer"),
        pytest.param(
            lambda n: "".join(f"define d{k} as notional > {k}\n" for k in range(n)),
            2_000,
            "at most 2000 blocks",
            id="blocks of a file",
        ),
        pytest.param(
            lambda n: "".join(f'rule "{k}" when quantity == {k}\n ask top 1\n' for k in range(n - 1)),
            500,
            "at most 500 are allowed",
            id="rules of a book",
        ),
    ],
)
def test_a_bound_of_the_language_is_reached_and_not_passed(text: Text, most: int, message: str) -> None:
    assert messages(text(most)) == []
    found = messages(text(most + 1))
    assert [message in each for each in found] == [True], found


@pytest.mark.parametrize(
    ("text", "most", "message"),
    [
        pytest.param(
            lambda n: when("side == buy", f"never ask {{{', '.join(['ALDER'] * n)}}}\n ask top 1"),
            200, "more than 200 names", id="names",
        ),
        pytest.param(
            lambda n: when("side == buy", f"rank by {' + '.join(['1% hit_rate'] * n)}\n ask top 1"),
            200, "more than 200 weights", id="weights",
        ),
        pytest.param(
            lambda n: when("side == buy", f"ask {' and '.join(['top 1 of tier 1'] * n)}"),
            200, "more than 200 tiers", id="shares of tiers",
        ),
        pytest.param(
            lambda n: "".join(f"tiers for quantity == {k} by classic\n tier 1 when true\n" for k in range(n)),
            100, "at most 100 are allowed", id="tiers of a book",
        ),
    ],
)  # fmt: skip
def test_a_bound_is_not_passed_whatever_else_is_wrong(text: Text, most: int, message: str) -> None:
    assert not any(message in each for each in messages(text(most)))
    assert any(message in each for each in messages(text(most + 1)))


def test_a_book_has_from_one_to_a_hundred_files() -> None:
    assert messages(*["# nothing"] * 99) == []
    assert messages(*["# nothing"] * 100) == ["a rule book has from 1 to 100 files, found 101"]
    with pytest.raises(RuleBookError, match="from 1 to 100 files, found 0"):
        compile_book([], CATALOGUE)


def test_a_word_of_more_than_64_characters_is_compared_with_nothing() -> None:
    """To compare takes the square of its length."""
    for length, is_compared in ((64, True), (65, False)):
        name = "a" * length
        assert nearest(name, (name,)) == (name if is_compared else None)
