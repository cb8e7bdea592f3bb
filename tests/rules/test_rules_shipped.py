"""The rule book the engine ships does what the desk asked for."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from rules_catalogue import CATALOGUE, shipped_sources

from engine.rules import (
    NR,
    AskTiers,
    AskTop,
    Book,
    ExecuteAutomatic,
    Mode,
    Ranking,
    Rating,
    Send,
    Tolerance,
    ToleranceUnit,
    compile_book,
    strictest,
)


@pytest.fixture(scope="module")
def shipped() -> Book:
    return compile_book(shipped_sources(), CATALOGUE)


QUIET: dict[str, Any] = {"adv(30d)": 10_000_000_000, "expected_impact": 1.0}
WHISPER = {"asset_class": "corporate", "side": "sell", "days_since_trade": 9, "notional": 10_000_000, "rating": NR}


@pytest.mark.parametrize(
    ("order", "name"),
    [
        pytest.param(WHISPER, "whisper block sale", id="large illiquid corporate sale"),
        pytest.param({**WHISPER, "side": "buy"}, "everything else", id="a purchase is no whisper"),
        pytest.param({**WHISPER, "days_since_trade": 7, "liquidity_score": 4}, "everything else", id="liquid enough"),
        pytest.param(
            {"asset_class": "corporate", "rating": Rating.BB_PLUS, "notional": 5_000_001},
            "large high yield",
            id="corporate below BBB and larger than 5 MM",
        ),
        pytest.param(
            {"asset_class": "corporate", "rating": Rating.BBB_MINUS, "notional": 6_000_000},
            "everything else",
            id="BBB- is not below BBB",
        ),
        pytest.param(
            {"asset_class": "municipal", "rating": NR, "notional": 2_000_001},
            "non-rated municipal",
            id="non-rated municipal over 2 MM",
        ),
        pytest.param(
            {"asset_class": "municipal", "notional": 3_000_000}, "everything else", id="a missing rating is not NR"
        ),
        pytest.param({"notional": 500_000, "liquidity_score": 7}, "small and liquid", id="small and liquid"),
        pytest.param(
            {"notional": 5_000_000, "liquidity_score": 7, "expected_impact": 60.0},
            "would move the market",
            id="the pre-trade estimate decides how many to ask",
        ),
        pytest.param({}, "everything else", id="nothing known"),
    ],
)
def test_which_rule_decides(shipped: Book, order: dict[str, Any], name: str) -> None:
    assert shipped.decide({**QUIET, **order}).rule.name == name


def test_the_whisper_asks_the_safest_one_after_another(shipped: Book) -> None:
    rule = shipped.decide({**QUIET, **WHISPER}).rule
    weights = (("leakage", 50), ("fill_rate", 30), ("price_improvement", 20))
    assert rule.ranking == Ranking(None, weights, 90)
    assert (rule.ask, rule.mode, rule.wait_s) == (AskTop(4), Mode.ONE_AT_A_TIME, 20.0)
    assert str(rule.accept) == "25bp price"
    assert rule.send is Send.APPROVAL
    assert rule.consider({"quoted_issuer(180d)": True}) is True
    assert rule.consider({"quoted_issuer(180d)": False, "quoted_similar(180d)": True}) is True
    assert rule.consider({"quoted_issuer(180d)": False, "quoted_similar(180d)": False}) is False


def test_high_yield_takes_the_top_three_by_hit_rate_and_price(shipped: Book) -> None:
    rule = next(rule for rule in shipped.rules if rule.name == "large high yield")
    assert rule.ranking == Ranking(None, (("hit_rate", 60), ("price_improvement", 40)), 90)
    assert rule.ask == AskTop(3)


def test_municipals_go_to_tier_one_and_two_specialists_of_tier_two(shipped: Book) -> None:
    rule = next(rule for rule in shipped.rules if rule.name == "non-rated municipal")
    assert rule.ask == AskTiers(((1, None), (2, 2)))
    assert rule.consider({"specialty": {"municipal"}}) is True
    assert rule.consider({"specialty": {"corporate"}}) is False
    assert shipped.tier_of({"asset_class": "municipal"}) is not None
    assert shipped.tier_of({"asset_class": "government"}) is None


def test_small_and_liquid_trades_by_itself(shipped: Book) -> None:
    rule = next(rule for rule in shipped.rules if rule.name == "small and liquid")
    tolerance = replace(Tolerance(rule.execute.tolerance.value, ToleranceUnit.BP_PRICE))  # type: ignore[union-attr]
    assert rule.execute == ExecuteAutomatic(tolerance, 2, True)
    assert tolerance.value == 15
    assert (rule.send, rule.wait_s) == (Send.AUTOMATIC, 60.0)


@pytest.mark.parametrize(
    ("order", "protected"),
    [
        pytest.param({"notional": 101, "adv(30d)": 1_000}, True, id="more than a tenth"),
        pytest.param({"notional": 100, "adv(30d)": 1_000}, False, id="a tenth"),
        pytest.param({"notional": 1, "adv(30d)": 0}, True, id="a bond that never trades"),
        pytest.param({"notional": 1}, True, id="a volume nobody knows"),
    ],
)
def test_size_against_volume_is_protected(shipped: Book, order: dict[str, Any], protected: bool) -> None:
    decision = shipped.decide(order)
    plan = strictest(decision.rule, decision.protections)
    if protected:
        assert (plan.mode, plan.stagger_s, plan.at_most) == (Mode.STAGGER, 5.0, 3)
    else:
        assert decision.protections == ()


def test_a_protected_whisper_stays_one_at_a_time(shipped: Book) -> None:
    decision = shipped.decide(WHISPER)
    plan = strictest(decision.rule, decision.protections)
    assert (plan.mode, plan.stagger_s, plan.at_most, plan.wait_s) == (Mode.ONE_AT_A_TIME, 5.0, 3, 20.0)
