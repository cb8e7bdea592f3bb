"""Rules that can never decide, and rules that only look like it."""

from __future__ import annotations

import pytest
from rules_catalogue import book

from engine.rules import RuleBookError


def problem(first: str, second: str) -> str | None:
    """What is said about the second of two rules, None if nothing is."""
    text = f'rule "first" when {first} ask top 1\nrule "second" when {second} ask top 1'
    try:
        book(text)
    except RuleBookError as error:
        (found,) = error.diagnostics
        assert found.line == 2
        return found.message
    return None


NEVER = 'never reached: rule "first" takes every such order'


@pytest.mark.parametrize(
    ("first", "second"),
    [
        pytest.param("side == buy", "side == buy", id="identical"),
        pytest.param("(side == buy)", "buy == side", id="identical in other words"),
        pytest.param("notional > 5mm", "notional > 5mm and side == buy", id="one more condition"),
        pytest.param("notional > 5mm", "notional >= 10mm", id="a narrower range"),
        pytest.param("notional >= 5mm", "notional == 5mm", id="a point of a range"),
        pytest.param("notional between 1mm and 9mm", "notional between 2mm and 9mm", id="inside a range"),
        pytest.param("rating < BBB", "rating is B", id="a band below"),
        pytest.param("rating is known", "rating is NR", id="NR is known"),
        pytest.param("notional is known", "notional > 1mm", id="what is compared is known"),
        pytest.param("not notional > 5mm", "notional <= 1mm", id="the opposite of a range"),
        pytest.param("asset_class in {corporate, agency}", "asset_class == agency", id="a word of a set"),
        pytest.param("asset_class != corporate", "asset_class in {agency, other}", id="words other than one"),
        pytest.param("side == buy or notional > 5mm", "notional > 6mm", id="one of two ways"),
        pytest.param("side == buy", "(side == buy and callable) or (side == buy and rating < A)", id="in both ways"),
        pytest.param("callable", "callable == true and side == buy", id="a field that is a condition"),
        pytest.param("notional > 10% of adv(30d)", "notional > 10% of adv(30d) and side == buy", id="opaque"),
    ],
)
def test_never_reached(first: str, second: str) -> None:
    assert problem(first, second) == NEVER


@pytest.mark.parametrize(
    ("first", "second"),
    [
        pytest.param("notional > 5mm and side == buy", "notional > 5mm", id="a wider one"),
        pytest.param("notional > 5mm", "notional >= 5mm", id="one point more"),
        pytest.param("notional > 5mm", "market_value > 10mm", id="another field"),
        pytest.param("adv(30d) > 5mm", "adv(20d) > 10mm", id="another window"),
        pytest.param("notional > 5mm or notional <= 5mm", "notional is unknown", id="unknown is neither"),
        pytest.param("not rating < BBB", "rating is NR", id="NR is not above"),
        pytest.param("rating is known", "rating is unknown", id="the missing ones"),
        pytest.param("side != buy", "side is unknown", id="an unknown word"),
        pytest.param("notional > 10% of adv(30d)", "notional > 20% of adv(30d)", id="two opaque ones"),
    ],
)
def test_reached(first: str, second: str) -> None:
    assert problem(first, second) is None


@pytest.mark.parametrize(
    "condition",
    [
        "notional > 5mm and notional <= 5mm",
        "notional == 1mm and notional == 2mm",
        "side == buy and side == sell",
        "side == buy and side != buy",
        "rating < BBB and rating > A",
        "rating is NR and rating is unknown",
        "callable and not callable",
        "notional is unknown and notional > 5",
        "false",
        "false or (side == buy and false)",
    ],
)
def test_never_true(condition: str) -> None:
    assert problem("currency == USD", condition) == "the condition can never be true"


def test_a_condition_with_too_many_ways_is_left_alone() -> None:
    many = " and ".join(f"(notional > {n} or market_value > {n})" for n in range(1, 9))
    assert problem(many, many) is None
