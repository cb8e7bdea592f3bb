"""No text crashes or hangs the language: it compiles, or it gets its messages."""

from __future__ import annotations

import string
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rules_catalogue import CATALOGUE, DEFAULT, shipped_sources

from engine.rules import NR, Book, Rating, RuleBookError, Source, compile_book, explain, strictest
from engine.rules.source import DIAGNOSTICS_SHOWN_MAX

WORDS = """
define rule protect tiers when consider dealers where rank by ask top all of tier everyone in never one at a time
parallel stagger wait most accept within price yield fair send after approval automatically execute trader else
least quotes best panel sequence two-way explore model retry cool down show limit for over and or not is has between
known unknown NR
true false flat as classic hit_rate leakage reversion notional side buy sell rating BBB BBB- adv asset_class
corporate specialty municipal connected rank asks x y
""".split()  # noqa: SIM905
MARKS = ["(", ")", "{", "}", ",", "+", "-", "*", "/", "%", "<", "<=", "==", "!=", ">", "=", '"', '"x"', "#", "\n"]
NUMBERS = [
    "0",
    "1",
    "3",
    "20",
    "5mm",
    "10%",
    "25bp",
    "20s",
    "30d",
    "(30d)",
    "9" * 30,
    "1.5",
    "5m",
    "2030-01-01",
    "15:30",
]

SOUP = st.lists(st.sampled_from(WORDS + MARKS + NUMBERS), max_size=60).map(" ".join)
SHIPPED_BOOK = compile_book(shipped_sources(), CATALOGUE)
SHIPPED = "\n".join(source.text for source in shipped_sources())


def outcome(text: str) -> Book | None:
    """The book, or None if it is refused with at least one message that can be printed."""
    try:
        return compile_book([Source("f.rules", text)], CATALOGUE)
    except RuleBookError as caught:
        error = caught
    assert error.diagnostics
    assert str(error)
    for found in error.diagnostics[:DIAGNOSTICS_SHOWN_MAX]:
        assert 0 <= found.span.start <= found.span.end <= len(text)
    return None


def use(book: Book, order: dict[str, Any]) -> None:
    decision = book.decide(order)
    strictest(decision.rule, decision.protections)
    assert explain(decision)
    decision.rule.consider(order)
    tiers = book.tier_of(order)
    if tiers is not None:
        tiers.assign([order, order], [2, None], [0.5, None])


ORDERS = st.fixed_dictionaries(
    {},
    optional={
        "side": st.sampled_from(["buy", "sell"]),
        "asset_class": st.sampled_from(["corporate", "municipal"]),
        "notional": st.one_of(st.floats(), st.decimals(), st.integers()),
        "adv(30d)": st.one_of(st.floats(), st.decimals(), st.just(0)),
        "rating": st.sampled_from([NR, *Rating]),
        "liquidity_score": st.integers(0, 10),
        "days_since_trade": st.floats(),
        "expected_impact": st.floats(),
    },
)


@settings(deadline=None)
@given(st.text(max_size=300))
def test_any_text(text: str) -> None:
    outcome(text)


@settings(deadline=None)
@given(st.text(alphabet=string.printable, max_size=200))
def test_any_printable_text_in_a_rule(text: str) -> None:
    outcome(f'rule "x" when {text}\nask top 3\n{DEFAULT}')


@settings(deadline=None, max_examples=300)
@given(SOUP, ORDERS)
def test_words_of_the_language_in_any_order(text: str, order: dict[str, Any]) -> None:
    book = outcome(text + "\n" + DEFAULT)
    if book is not None:
        use(book, order)


@settings(deadline=None, max_examples=300)
@given(st.data(), ORDERS)
def test_a_real_book_with_a_piece_cut_out_or_put_in(data: st.DataObject, order: dict[str, Any]) -> None:
    start = data.draw(st.integers(0, len(SHIPPED)))
    end = data.draw(st.integers(start, min(len(SHIPPED), start + 40)))
    piece = data.draw(st.one_of(st.just(""), st.sampled_from(WORDS + MARKS + NUMBERS), st.text(max_size=5)))
    book = outcome(SHIPPED[:start] + piece + SHIPPED[end:])
    if book is not None:
        use(book, order)


@settings(deadline=None)
@given(ORDERS, ORDERS)
def test_any_values(order: dict[str, Any], exposure: dict[str, Any]) -> None:
    use(SHIPPED_BOOK, order)
    assert explain(SHIPPED_BOOK.decide(order, exposure))


WAYS = "(side == buy or callable) and "


@pytest.mark.parametrize(
    "text",
    [
        pytest.param('rule "x" when ' + "(" * 50_000, id="brackets"),
        pytest.param('rule "x" when ' + "not " * 50_000, id="not"),
        pytest.param('rule "x" when notional > ' + "-" * 50_000 + "1", id="minus"),
        pytest.param('rule "x" when notional > ' + "10% of " * 20_000 + "adv(30d)", id="of"),
        pytest.param('rule "x" when ' + "side == buy and " * 10_000 + "true", id="long and"),
        pytest.param('rule "x" when notional > 1' + " + 1" * 40_000, id="long sum"),
        pytest.param('rule "x" when side in {' + "buy, " * 30_000 + "}", id="long set"),
        pytest.param('rule "x" when notional > ' + "9" * 150_000, id="long number"),
        pytest.param("a" * 150_000, id="long word"),
        pytest.param('"' * 150_000, id="quotes"),
        pytest.param("rule " * 30_000, id="rules without names"),
        pytest.param('rule "x"\n' * 15_000, id="empty rules"),
        pytest.param("define a as a\n" * 10_000, id="definitions of one name"),
        pytest.param("".join(f"define d{n} as d{n + 1}\n" for n in range(5_000)), id="a chain of definitions"),
        pytest.param("".join(f"define d{n + 1} as d{n}\n" for n in range(5_000)), id="the chain from its end"),
        pytest.param(
            "define d0 as notional > 1\n" + "".join(f"define d{n + 1} as d{n} and d{n}\n" for n in range(60)),
            id="definitions that double",
        ),
        pytest.param(
            "".join(
                f'rule "{n}" when {"(side == buy or callable) and " * 4}notional > {n}\nask all\n' for n in range(600)
            ),
            id="many rules of many ways",
        ),
        pytest.param("tiers for true by classic\n" + "tier 1 when true\n" * 5_000, id="many tiers"),
        pytest.param("x\n" * 90_000, id="nothing but mistakes"),
        pytest.param("½" * 100_000, id="nothing but strange characters"),
    ],
)
def test_hostile_texts_end_soon(text: str) -> None:
    assert outcome(text) is None


def test_messages_are_bounded_in_number_and_length() -> None:
    with pytest.raises(RuleBookError) as caught:
        compile_book([Source("f", ("rule " + "x" * 500 + "\n") * 300)], CATALOGUE)
    printed = str(caught.value).splitlines()
    assert printed[-1].endswith("more")
    assert len(printed) <= 3 * DIAGNOSTICS_SHOWN_MAX + 1
    assert max(map(len, printed)) <= 300
