"""What conditions mean: one sentence of the language per case."""

from __future__ import annotations

import datetime
import math
import operator
from decimal import Decimal
from typing import Any

import pytest
from rules_catalogue import RATES, considers, decides, protects

from engine.rules import NR, Rating, RuleBookError
from engine.rules.conditions import DEPTH_MAX
from engine.rules.cursor import _UNITS as UNITS

UNKNOWN: dict[str, Any] = {}


def case(condition: str, order: dict[str, Any], expected: bool | None, sentence: str) -> Any:
    return pytest.param(condition, order, expected, id=sentence)


CASES = [
    # Ratings
    case("rating < BBB", {"rating": Rating.BB_PLUS}, True, "BB+ is below the BBB band"),
    case("rating < BBB", {"rating": Rating.BBB_MINUS}, False, "BBB- is inside the BBB band"),
    case("rating <= BBB", {"rating": Rating.BBB_PLUS}, True, "BBB+ is at most BBB"),
    case("rating <= BBB", {"rating": Rating.A_MINUS}, False, "A- is better than BBB"),
    case("rating > BBB", {"rating": Rating.BBB_PLUS}, False, "BBB+ is not above its band"),
    case("rating >= BBB", {"rating": Rating.BBB_MINUS}, True, "BBB- is at least BBB"),
    case("rating == BBB", {"rating": Rating.BBB_MINUS}, True, "BBB- is a BBB"),
    case("rating != BBB", {"rating": Rating.BBB_MINUS}, False, "and not other than BBB"),
    case("rating is BBB", {"rating": Rating.BBB_PLUS}, True, "'is' compares too"),
    case("rating == BBB flat", {"rating": Rating.BBB_MINUS}, False, "BBB flat is one notch"),
    case("rating < BBB flat", {"rating": Rating.BBB_MINUS}, True, "BBB- is below BBB flat"),
    case("rating < Baa", {"rating": Rating.BB_PLUS}, True, "the other agency's band"),
    case("rating <= Ba1", {"rating": Rating.BB_PLUS}, True, "the other agency's notch"),
    case("rating in {A, BBB+}", {"rating": Rating.BBB}, False, "a set of a band and a notch"),
    case("rating in {A, BBB+}", {"rating": Rating.A_MINUS}, True, "a band in a set"),
    case("rating not in {A}", {"rating": Rating.BB}, True, "not in a set"),
    case("BBB > rating", {"rating": Rating.BB_PLUS}, True, "the other way round"),
    case("rating between BB- and BBB", {"rating": Rating.BBB_PLUS}, True, "between includes the band"),
    case("rating < other_rating", {"rating": Rating.BB, "other_rating": Rating.BBB}, True, "two ratings"),
    case("rating < BBB", {"rating": NR}, None, "comparing NR is unknown"),
    case("rating != BBB", {"rating": NR}, None, "also for unequal"),
    case("rating in {BB}", {"rating": NR}, None, "NR in a set of ratings is unknown"),
    case("rating < BBB", UNKNOWN, None, "a missing rating is unknown"),
    case("rating is NR", {"rating": NR}, True, "NR is NR"),
    case("rating is NR", UNKNOWN, False, "a missing rating is not NR"),
    case("rating is not NR", {"rating": Rating.D}, True, "D is a rating"),
    case("rating is unknown", UNKNOWN, True, "a missing rating is unknown by test"),
    case("rating is unknown", {"rating": NR}, False, "NR is known"),
    case("rating is known", {"rating": NR}, True, "NR is known, said the other way"),
    # Amounts
    case("notional > 5mm", {"notional": 5_000_000}, False, "five million is not more than 5mm"),
    case("notional >= 5 MM", {"notional": Decimal(5_000_000)}, True, "a unit may stand apart, in any case"),
    case("notional == 500k", {"notional": 500_000.0}, True, "thousands"),
    case("notional < 1bn", {"notional": 999_999_999}, True, "billions"),
    case("notional > $5mm", {"notional": 5_000_001}, True, "dollars"),
    case("notional > 4mm EUR", {"notional": 5_000_001}, True, "euros at the known rate"),
    case("notional > EUR 4mm", {"notional": 5_000_000}, False, "the currency may stand in front"),
    case("notional > 4mm CHF", {"notional": 5_000_001}, None, "a currency without a rate is unknown"),
    case("notional between 1mm and 5mm", {"notional": 5_000_000}, True, "between includes its ends"),
    case("5mm <= notional", {"notional": 5_000_000}, True, "amount first"),
    case("notional > 5mm", UNKNOWN, None, "an unknown amount"),
    case("notional > 5mm", {"notional": math.nan}, None, "not-a-number is unknown"),
    case("notional > 5mm", {"notional": Decimal("NaN")}, None, "so is a Decimal one"),
    case("market_value == 0.1", {"market_value": Decimal("0.1")}, True, "a fraction equals its Decimal"),
    case("market_value == 0.1", {"market_value": 0.1}, True, "and its float"),
    # Volume
    case("notional > 10% of adv(30d)", {"notional": 101, "adv(30d)": 1_000}, True, "over a tenth"),
    case("notional > 10% of adv(30d)", {"notional": 100, "adv(30d)": 1_000}, False, "exactly a tenth"),
    case("notional > 10% of adv(30d)", {"notional": Decimal(101), "adv(30d)": 1_000.0}, True, "Decimal and float"),
    case("notional > 10% of adv(30d)", {"notional": 1, "adv(30d)": 0}, True, "any size exceeds a tenth of nothing"),
    case("notional > 10% of adv(30d)", {"notional": 1}, None, "a volume nobody knows"),
    case("notional > 10% of adv(30d)", {"notional": 101, "adv(20d)": 1_000}, None, "another window is another value"),
    case("notional / adv(30d) > 2", {"notional": 201, "adv(30d)": 100}, True, "a ratio"),
    case("notional / adv(30d) > 20%", {"notional": 20, "adv(30d)": 100}, False, "a ratio in percent"),
    case("notional / adv(30d) > 2", {"notional": 1, "adv(30d)": 0}, True, "anything over nothing is infinite"),
    case("notional / adv(30d) > 2", {"notional": 0, "adv(30d)": 0}, None, "nothing over nothing is unknown"),
    case("notional > 2 * adv(30d) + 5", {"notional": 206, "adv(30d)": 100}, True, "arithmetic"),
    case("notional - 2 * adv(30d) > -5", {"notional": 194, "adv(30d)": 100}, False, "minus, and a negative amount"),
    case("notional * 1.5 > market_value", {"notional": Decimal(2), "market_value": 2.9}, True, "mixed numbers"),
    case("-notional > -5", {"notional": 4}, True, "the negative of a field"),
    case("-notional > -5", {"notional": 5}, False, "the negative of a field, at its bound"),
    case("market_value == -notional", {"notional": 5, "market_value": -5}, True, "the negative of a field behind"),
    case("-notional > -5", UNKNOWN, None, "the negative of an unknown field"),
    # Other kinds
    case("days_since_trade > 7", {"days_since_trade": 8}, True, "days without a unit"),
    case("days_since_trade > 1w", {"days_since_trade": 7}, False, "a week"),
    case("days_since_trade > 7 days", {"days_since_trade": math.inf}, True, "never is long ago"),
    case("coupon >= 5.25%", {"coupon": Decimal("5.25")}, True, "percent points"),
    case("years_to_maturity > 10y", {"years_to_maturity": 10.5}, True, "years"),
    case("expected_impact > 50bp", {"expected_impact": 50.5}, True, "basis points"),
    case("maturity > 2030-06-15", {"maturity": datetime.date(2030, 6, 16)}, True, "a day"),
    case("time >= 15:30", {"time": 15 * 3600 + 30 * 60}, True, "a time of day"),
    case("callable", {"callable": True}, True, "a field that is a condition"),
    case("not callable", {"callable": False}, True, "and its opposite"),
    case("callable == false", {"callable": False}, True, "compared with false"),
    case("callable", UNKNOWN, None, "an unknown condition"),
    case("liquidity_score in {1, 2, 3}", {"liquidity_score": 2}, True, "numbers in a set"),
    case("liquidity_score not in {1, 2}", {"liquidity_score": 3}, True, "numbers not in a set"),
    # Words
    case("side == sell", {"side": "sell"}, True, "a word"),
    case("sell == side", {"side": "sell"}, True, "word first"),
    case("side == SELL", {"side": "sell"}, True, "in any case where the words are known"),
    case("side != sell", {"side": "buy"}, True, "another word"),
    case("side != sell", UNKNOWN, None, "an unknown word is not another word"),
    case('issuer == "Ford Motor"', {"issuer": "Ford Motor"}, True, "words with spaces in quotes"),
    case("issuer in {Ford, Tesla}", {"issuer": "Tesla"}, True, "among words"),
    case("issuer not in {Ford}", UNKNOWN, None, "not among words, unknown"),
    case("account == trader", {"account": "x", "trader": "x"}, True, "two fields"),
    case("account != trader", {"account": "x"}, None, "two fields, one unknown"),
    # Logic
    case("side == buy and notional > 5mm", {"side": "sell"}, False, "false and unknown is false"),
    case("side == sell and notional > 5mm", {"side": "sell"}, None, "true and unknown is unknown"),
    case("side == sell or notional > 5mm", {"side": "sell"}, True, "true or unknown is true"),
    case("side == buy or notional > 5mm", {"side": "sell"}, None, "false or unknown is unknown"),
    case("not notional > 5mm", UNKNOWN, None, "not unknown is unknown"),
    case("not (side == buy or notional > 5mm)", {"side": "buy"}, False, "not of a true or"),
    case("not (side == buy and notional > 5mm)", {"side": "sell"}, True, "not of a false and"),
    case("not not side == buy", {"side": "buy"}, True, "twice not"),
    case("side == buy or side == sell and notional > 5mm", {"side": "buy"}, True, "and binds tighter than or"),
    case("(side == buy or side == sell) and notional > 5mm", {"side": "buy", "notional": 1}, False, "brackets"),
    case("notional is known", UNKNOWN, False, "is known"),
    case("notional is not unknown", {"notional": 0}, True, "zero is known"),
    case("notional / adv(30d) is unknown", {"notional": 1}, True, "a value worked out from an unknown one"),
    case("side in {buy, sell} and true", {"side": "buy"}, True, "true is true"),
]


@pytest.mark.parametrize(("condition", "order", "expected"), CASES)
def test_a_rule_counts_unknown_as_false(condition: str, order: dict[str, Any], expected: bool | None) -> None:
    assert decides(condition, order) is (expected is True)


@pytest.mark.parametrize(("condition", "order", "expected"), CASES)
def test_a_protection_counts_unknown_as_true(condition: str, order: dict[str, Any], expected: bool | None) -> None:
    assert protects(condition, order) is (expected is not False)


@pytest.mark.parametrize(("condition", "order", "expected"), CASES)
def test_not_swaps_true_and_false_and_keeps_unknown(
    condition: str, order: dict[str, Any], expected: bool | None
) -> None:
    assert protects(f"not ({condition})", order) is (expected is not True)


@pytest.mark.parametrize(
    ("condition", "dealer", "expected"),
    [
        case("specialty has municipal", {"specialty": frozenset({"municipal"})}, True, "in the set"),
        case("specialty has municipal", {"specialty": ()}, False, "not in an empty set"),
        case("not specialty has municipal", UNKNOWN, None, "an unknown set"),
        case("hit_rate(90d) >= 60%", {"hit_rate(90d)": 0.6}, True, "a rate in percent equals its fraction"),
        case("hit_rate(90d) >= 0.6", {"hit_rate(90d)": 0.6}, True, "a rate as a fraction"),
        case("response_time(30d) < 20s", {"response_time(30d)": 19.5}, True, "seconds"),
        case("response_time(30d) < 2min", {"response_time(30d)": 119}, True, "minutes"),
        case("last_asked > 12h", {"last_asked": 0.6}, True, "hours against days"),
        case("last_asked > 30d", {"last_asked": math.inf}, True, "never asked is infinitely long ago"),
        case("reversion(90d) > 0bp", {"leakage(90d)": 1.0}, True, "another word for leakage"),
        case("edge(90d) > 2bp", {"edge(90d)": 3.0, "edge": 1.0}, True, "over a window, what was seen in it"),
        case("edge > 2bp", {"edge(90d)": 3.0, "edge": 1.0}, False, "without one, what is expected now"),
        case("edge is unknown", {"edge(90d)": 3.0}, True, "nothing is expected yet"),
        case("edge < edge(90d)", {"edge(90d)": 3.0, "edge": 1.0}, True, "both in one condition"),
        case("quoted_similar(180d) and connected", {"quoted_similar(180d)": True}, None, "unknown half"),
        case("name in {ALDER, BIRCH}", {"name": "BIRCH"}, True, "by name"),
        case("specialty is known", {"specialty": ()}, True, "an empty set is known"),
    ],
)
def test_dealers(condition: str, dealer: dict[str, Any], expected: bool | None) -> None:
    assert considers(condition, dealer) is expected


# Per field what two of a unit are there, and the words of that unit.
UNIT_WORDS: dict[str, dict[int | Decimal, tuple[str, ...]]] = {
    "notional": {
        2_000: ("k", "thousand"),
        2_000_000: ("mm", "mn", "mln", "million"),
        2_000_000_000: ("bn", "bln", "billion"),
    },
    "coupon": {2: ("%", "pct", "percent")},
    "expected_impact": {2: ("bp", "bps")},
    "response_time(30d)": {
        2: ("s", "sec", "secs", "second", "seconds"),
        120: ("min", "mins", "minute", "minutes"),
        7_200: ("h", "hour", "hours"),
        172_800: ("d", "day", "days"),
        1_209_600: ("w", "week", "weeks"),
    },
    "last_asked": {2: ("d", "day", "days"), 14: ("w", "week", "weeks")},
    "years_to_maturity": {2: ("y", "yr", "year", "years")},
}


@pytest.mark.parametrize(
    ("field", "worth", "word"),
    [
        pytest.param(field, worth, word, id=f"{field} in {word}")
        for field, units in UNIT_WORDS.items()
        for worth, words in units.items()
        for word in words
    ],
)
@pytest.mark.parametrize("space", ["", " "], ids=["joined", "apart"])
def test_every_word_of_a_unit_has_its_worth(field: str, worth: int, word: str, space: str) -> None:
    asks = considers if field in ("response_time(30d)", "last_asked") else decides
    for value in (worth - 1, worth, worth + 1):
        assert asks(f"{field} == 2{space}{word}", {field: value}) is (value == worth)


def test_every_word_of_a_unit_is_tried() -> None:
    tried = {word for units in UNIT_WORDS.values() for words in units.values() for word in words}
    assert tried | {"cent", "cents"} == set(UNITS), "cents are of tolerances alone"


# Per field what one of each unit is there; with a unit that is missing here a number cannot be compared with it.
WORTH: dict[str, dict[str, int | Decimal]] = {
    "liquidity_score": {"": 1, "k": 1_000},
    "notional": {"": 1, "k": 1_000, "k USD": 1_000, " USD": 1},
    "days_since_trade": {"": 1, "d": 1, "h": Decimal(1) / 24, "w": 7},
    "years_to_maturity": {"": 1, "y": 1},
    "coupon": {"": 1, "%": 1},
    "expected_impact": {"": 1, "bp": 1},
    "fair": {"": 1},
    "notional / adv(30d)": {"": 1, "%": Decimal("0.01")},
    "hit_rate(90d)": {"": 1, "%": Decimal("0.01")},
    "response_time(30d)": {"": 1, "h": 3_600, "d": 86_400, "w": 604_800},
}


@pytest.mark.parametrize("unit", ["", "k", "%", "bp", " cents", "h", "d", "w", "y", "k USD", " USD"])
@pytest.mark.parametrize("field", WORTH)
def test_a_field_is_compared_with_numbers_of_its_own_units_alone(field: str, unit: str) -> None:
    asks = considers if field in ("hit_rate(90d)", "response_time(30d)") else decides
    worth = WORTH[field].get(unit)
    if worth is None:
        with pytest.raises(RuleBookError, match=r"expected .*, found '1"):
            asks(f"{field} > 1{unit}", {})
    else:
        for value, is_more in ((worth * Decimal("0.99"), False), (worth * Decimal("1.01"), True)):
            values = {"notional": value, "adv(30d)": 1} if "adv" in field else {field: value}
            assert asks(f"{field} > 1{unit}", values) is is_more


MARKS = {">": operator.gt, ">=": operator.ge, "<": operator.lt, "<=": operator.le, "==": operator.eq, "!=": operator.ne}


@pytest.mark.parametrize("mark", MARKS)
@pytest.mark.parametrize("constant", ["5", "0.5"], ids=["whole", "fraction"])
@pytest.mark.parametrize("rest", [True, False, None])
def test_a_comparison_at_the_head_of_a_condition_is_what_it_is_alone(
    mark: str, constant: str, rest: bool | None
) -> None:
    """The first part of `and`, and of the `or` behind a `not`, is compiled apart."""
    for value in (None, 0, Decimal(constant), 9):
        order = {"liquidity_score": value, "callable": rest}
        alone = None if value is None else MARKS[mark](value, Decimal(constant))
        compared = f"liquidity_score {mark} {constant}"
        assert decides(f"{compared} and callable", order) is (alone is True and rest is True)
        assert decides(f"not ({compared} or callable)", order) is (alone is False and rest is False)
        assert protects(f"{compared} and callable", order) is (alone is not False and rest is not False)
        assert protects(f"not ({compared} or callable)", order) is (alone is not True and rest is not True)


def test_a_condition_is_as_deep_as_the_bound_and_no_deeper() -> None:
    deepest = "not " * (DEPTH_MAX - 1)
    assert decides(f"{deepest}side == sell", {"side": "buy"})
    with pytest.raises(RuleBookError, match="nested deeper than 30 levels"):
        decides(f"not {deepest}side == sell", {"side": "buy"})


def test_a_definition_is_what_it_stands_for() -> None:
    defines = "define big as 5mm\ndefine block as notional > big\ndefine sale as side == sell and block"
    assert decides("sale", {"side": "sell", "notional": 5_000_001}, defines=defines)
    assert not decides("sale", {"side": "sell", "notional": 5_000_000}, defines=defines)
    assert not decides("not sale", {"side": "sell"}, defines=defines)


def test_a_currency_without_a_rate_becomes_known_when_the_rate_does() -> None:
    order = {"notional": 5_000_001}
    assert not decides("notional > 4mm CHF", order)
    RATES["CHF"] = 1.25
    try:
        assert decides("notional > 4mm CHF", order)
    finally:
        del RATES["CHF"]
