"""Compiled books: selection, protections, tiers, plans, explanations."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rules_catalogue import CATALOGUE, book

from engine.rules import (
    AskAll,
    AskNamed,
    AskPanel,
    AskSequence,
    AskTiers,
    AskTop,
    ExecuteAutomatic,
    ExecuteByTrader,
    Mode,
    Ranking,
    RuleBookError,
    Send,
    Source,
    Tolerance,
    ToleranceUnit,
    explain,
    fields_listing,
    strictest,
)
from engine.rules.closures import certainly


def rule(clauses: str):  # type: ignore[no-untyped-def]
    return book(f'rule "tested" when side == buy\n {clauses}').rules[0]


def test_the_first_true_rule_decides() -> None:
    compiled = book('rule "a" when notional > 10mm ask top 1\nrule "b" when notional > 5mm ask top 2')
    assert compiled.decide({"notional": 11_000_000}).rule.name == "a"
    assert compiled.decide({"notional": 6_000_000}).rule.name == "b"
    assert compiled.decide({"notional": 1}).rule.name == "everything else"
    assert compiled.decide({}).rule.name == "everything else"


def test_what_a_rule_leaves_out_has_its_default() -> None:
    compiled = rule("ask top 3")
    assert compiled.consider({}) is True
    assert compiled.ranking == Ranking("classic", (), 90)
    assert (compiled.mode, compiled.stagger_s, compiled.wait_s, compiled.at_most) == (Mode.PARALLEL, None, None, None)
    assert (compiled.accept, compiled.send, compiled.execute) == (None, Send.APPROVAL, ExecuteByTrader())
    assert (compiled.everyone, compiled.never) == (frozenset(), frozenset())


@pytest.mark.parametrize(
    ("clauses", "ask", "everyone"),
    [
        pytest.param("ask top 4", AskTop(4), (), id="top"),
        pytest.param("ask top four", AskTop(4), (), id="a number in words"),
        pytest.param("ask all", AskAll(), (), id="all"),
        pytest.param("ask all dealers", AskAll(), (), id="all dealers"),
        pytest.param("ask everyone in {ALDER, birch}", AskNamed(("ALDER", "BIRCH")), ("ALDER", "BIRCH"), id="named"),
        pytest.param("ask top 2, ask everyone in {ELM}", AskTop(2), ("ELM",), id="named on top of others"),
        pytest.param("ask best panel of at most 5", AskPanel(5), (), id="best panel"),
        pytest.param("ask best panel of at most five dealers", AskPanel(5), (), id="best panel, in words"),
        pytest.param(
            "rank by model ask best panel of at most 5", AskPanel(5), (), id="best panel, ranked by the model"
        ),
        pytest.param("ask best panel of at most 5 stagger 5s", AskPanel(5), (), id="best panel, staggered"),
        pytest.param("ask best sequence of at most 4", AskSequence(4), (), id="best sequence"),
        pytest.param("ask best sequence of at most 4 one at a time", AskSequence(4), (), id="best sequence, as it is"),
        pytest.param(
            "ask best panel of at most 5, ask everyone in {ELM}", AskPanel(5), ("ELM",), id="named beside a panel"
        ),
    ],
)
def test_ask(clauses: str, ask: object, everyone: tuple[str, ...]) -> None:
    compiled = rule(clauses)
    assert compiled.ask == ask
    assert compiled.everyone == frozenset(everyone)


def test_ask_by_tiers() -> None:
    tiers = (
        "tiers for asset_class == corporate by classic\n tier 1 when rank in top 20%\n tier 2 when rank in top 50%\n"
    )
    compiled = book(tiers + 'rule "t" when side == buy ask all of tier 1 and top 2 of tier 2 where connected')
    assert compiled.rules[0].ask == AskTiers(((1, None), (2, 2)))
    assert compiled.rules[0].consider({"connected": False}) is False


@pytest.mark.parametrize(
    ("clauses", "mode", "stagger_s", "wait_s"),
    [
        pytest.param("ask top 3 one at a time, wait 20s", Mode.ONE_AT_A_TIME, None, 20.0, id="one at a time"),
        pytest.param("ask top 3 stagger 5s wait 2 minutes", Mode.STAGGER, 5.0, 120.0, id="stagger"),
        pytest.param("ask top 3 in parallel wait 1d", Mode.PARALLEL, None, 86_400.0, id="parallel"),
        pytest.param("ask best panel of at most 5 wait 60s", Mode.PARALLEL, None, 60.0, id="a panel together"),
        pytest.param(
            "ask best panel of at most 5 stagger 5s wait 60s", Mode.STAGGER, 5.0, 60.0, id="a panel, staggered"
        ),
        pytest.param("ask best sequence of at most 4 wait 20s", Mode.ONE_AT_A_TIME, None, 20.0, id="a sequence"),
    ],
)
def test_mode_and_wait(clauses: str, mode: Mode, stagger_s: float | None, wait_s: float) -> None:
    compiled = rule(clauses)
    assert (compiled.mode, compiled.stagger_s, compiled.wait_s) == (mode, stagger_s, wait_s)


@pytest.mark.parametrize(
    ("text", "value", "unit"),
    [
        pytest.param("25bp price", "25", ToleranceUnit.BP_PRICE, id="price"),
        pytest.param("10 bp yield", "10", ToleranceUnit.BP_YIELD, id="yield"),
        pytest.param("12.5 cents", "12.5", ToleranceUnit.CENTS, id="cents"),
    ],
)
def test_tolerances(text: str, value: str, unit: ToleranceUnit) -> None:
    tolerance = Tolerance(Decimal(value), unit)
    assert rule(f"ask top 3, accept within {text} of fair").accept == tolerance
    compiled = rule(f"ask top 3 execute automatically when within {text} of fair")
    assert compiled.execute == ExecuteAutomatic(tolerance, 1, False)
    compiled = rule(
        f"ask top 3 execute automatically when within {text} of fair and at least two quotes, else ask trader\n"
        "send automatically"
    )
    assert compiled.execute == ExecuteAutomatic(tolerance, 2, True)
    assert compiled.send is Send.AUTOMATIC


def test_rankings() -> None:
    ranked = rule("rank by 60% hit_rate + 40% price_improvement over the past 60d ask top 3").rank
    assert ranked == Ranking(None, (("hit_rate", 60), ("price_improvement", 40)), 60)
    assert rule("rank by leakage ask top 3").rank == Ranking(None, (("leakage", 100),), 90)
    assert rule("rank by 100% reversion over 2w ask top 3").rank == Ranking(None, (("leakage", 100),), 14)


@pytest.mark.parametrize("clauses", ["ask best panel of at most 5", "ask best sequence of at most 3"])
def test_a_best_panel_or_sequence_is_the_models_whether_the_rule_says_so_or_not(clauses: str) -> None:
    assert rule(clauses).rank == rule(f"rank by model {clauses}").rank == Ranking("model")


@pytest.mark.parametrize(
    ("clauses", "message"),
    [
        pytest.param("rank by model ask top 3", "'rank by model' is not available yet", id="rank by"),
        pytest.param("ask best panel of at most 5", "'ask best panel' is not available yet", id="panel"),
        pytest.param(
            "ask best sequence of at most 4",
            "'ask best sequence' is not available yet",
            id="sequence",
        ),
    ],
)
def test_without_a_model_nothing_is_left_to_it(clauses: str, message: str) -> None:
    """A scorer that the engine does not have is never silently another one."""
    with pytest.raises(RuleBookError) as caught:
        book(f'rule "t" when side == buy {clauses}', catalogue=replace(CATALOGUE, scorers=frozenset({"classic"})))
    assert [each.message for each in caught.value.diagnostics] == [message]


def test_exploring_is_left_out_by_two_words() -> None:
    assert rule("ask top 3").explore
    assert not rule("ask top 3, explore never").explore


@pytest.mark.parametrize("text", ["60% hit_rate + 40% price_improvement over 90d", "classic over 30d", "model"])
def test_a_ranking_reads_as_it_is_written(text: str) -> None:
    assert str(rule(f"rank by {text} ask top 3").rank) == text


def test_keywords_know_no_case_and_lines_mean_nothing() -> None:
    compiled = book('RULE "x" When side == buy Ask Top 3 Wait 20s').rules[0]
    assert (compiled.ask, compiled.wait_s) == (AskTop(3), 20.0)


# Protections


PROTECTIONS = """
protect "volume" when notional > 10% of adv(30d)
  stagger 5s
  at most 3 dealers
protect "impact" when expected_impact > 50bp
  one at a time
protect "bans" when side == sell
  never ask {ELM}
  never ask {CEDAR}
  at most 5 dealers
"""


def test_every_true_protection_applies_and_the_strictest_wins() -> None:
    decision = book(PROTECTIONS + 'rule "r" when side == sell ask top 9 stagger 10s wait 30s at most 4 dealers').decide(
        {"side": "sell", "notional": 5, "adv(30d)": 1}
    )
    assert [entry.name for entry in decision.protections] == ["volume", "impact", "bans"]
    plan = strictest(decision.rule, decision.protections)
    assert (plan.mode, plan.stagger_s, plan.at_most, plan.wait_s) == (Mode.ONE_AT_A_TIME, 10.0, 3, 30.0)
    assert plan.never == {"ELM", "CEDAR"}
    assert [str(source) for source in plan.sources] == [
        'one at a time (protect "impact")',
        '10s apart (rule "r")',
        'at most 3 dealers (protect "volume")',
        'never ask CEDAR (protect "bans")',
        'never ask ELM (protect "bans")',
    ]


def test_a_plan_without_protections_is_the_rule() -> None:
    compiled = rule("ask top 3")
    plan = strictest(compiled, ())
    assert (plan.mode, plan.stagger_s, plan.at_most, plan.never, plan.sources) == (
        Mode.PARALLEL,
        None,
        None,
        frozenset(),
        (),
    )


@given(st.permutations([0, 1, 2]))
def test_the_order_of_protections_does_not_matter(order: list[int]) -> None:
    compiled = book(PROTECTIONS)
    decision = compiled.decide({"side": "sell"})
    shuffled = [decision.protections[index] for index in order]
    first, second = strictest(decision.rule, decision.protections), strictest(decision.rule, shuffled)
    assert (first.mode, first.at_most, first.stagger_s, first.never) == (
        second.mode,
        second.at_most,
        second.stagger_s,
        second.never,
    )


def test_protections_look_at_the_exposure_and_rules_at_the_order() -> None:
    compiled = book(PROTECTIONS + 'rule "big" when notional > 50 ask top 1')
    order = {"side": "buy", "notional": 40, "adv(30d)": 500, "expected_impact": 1}
    assert compiled.decide(order).protections == ()
    decision = compiled.decide(order, exposure={**order, "notional": 80})
    assert decision.rule.name == "everything else"
    assert [entry.name for entry in decision.protections] == ["volume"]
    assert decision.read()["notional"] == 40
    assert decision.exposure()["notional"] == 80


def test_a_held_protection_stays_on() -> None:
    compiled = book(PROTECTIONS)
    order = {"side": "buy", "notional": 1, "adv(30d)": 500, "expected_impact": 1}
    decision = compiled.decide(order, held={"volume", "no longer in the book"})
    assert [entry.name for entry in decision.protections] == ["volume"]
    assert decision.held == ("volume",)
    assert decision.reason_of(decision.protections[0]).startswith("stays on for this exposure")


# Tiers


def test_tiers_are_assigned_by_rank_and_the_first_true_line() -> None:
    compiled = book(
        "tiers for asset_class in {corporate, municipal} by classic over 60d\n"
        " tier 1 when rank in top 20% and asks >= 20\n tier 2 when rank in top 50%\n"
    )
    assert compiled.tier_of({"asset_class": "government"}) is None
    assert compiled.tier_of({}) is None
    tiers = compiled.tier_of({"asset_class": "municipal"})
    assert tiers is not None
    assert tiers.ranking == Ranking("classic", (), 60)
    dealers = [{"asks(60d)": 30}, {"asks(60d)": 5}, {}, {"asks(60d)": 99}, {"asks(60d)": 99}, {"asks(60d)": 99}]
    # Five are ranked: the top 20 % is one dealer, the top 50 % (2.5) is three.
    assert tiers.assign(dealers, [1, 2, 3, 4, 5, None], [None] * 6) == (1, 2, 2, None, None, None)
    assert tiers.assign(dealers[1:2], [1], [None]) == (2,)


def test_each_asset_class_can_have_its_own_tiers() -> None:
    compiled = book(
        "tiers for asset_class == corporate by classic\n tier 1 when rank <= 2\n"
        "tiers for asset_class == municipal by 100% hit_rate\n tier 1 when true\n"
    )
    corporate, municipal = (compiled.tier_of({"asset_class": name}) for name in ("corporate", "municipal"))
    assert corporate is not None
    assert municipal is not None
    assert corporate.assign([{}] * 3, [3, 1, 2], [None] * 3) == (None, 1, 1)
    assert municipal.assign([{}] * 2, [1, None], [None] * 2) == (1, 1)


def test_tiers_know_what_a_dealer_scores() -> None:
    """A score that is not known is in no tier."""
    text = "tiers for true by classic\n tier 1 when score >= 0.8\n tier 2 when rank in top 2 or score > 0.5"
    tiers = book(text).tiers[0]
    assert tiers.assign([{}] * 4, [1, 2, 3, None], [0.9, 0.3, 0.6, None]) == (1, 2, 2, None)


def test_a_where_behind_an_ask_may_look_at_the_ranking() -> None:
    """It is told rank, how many are ranked, score and tier, and reads the dealer's own fields."""
    compiled = rule("ask top 3 where score >= 0.5 and connected")
    assert (compiled.consider_text, compiled.where_text) == (None, "score >= 0.5 and connected")
    assert compiled.where_names == ("rank", "ranked", "score", "tier", "connected")
    assert compiled.consider({"connected": False}) is True
    assert compiled.not_where({"connected": True}, (1, 3, 0.6, None)) is None
    read = compiled.not_where({"connected": True}, (2, 3, 0.4, None))
    assert read == (2, 3, 0.4, None, True)
    why = compiled.why_of(dict(zip(compiled.where_names, read, strict=True)))
    assert why is not None
    assert why.reason_text == "score >= 0.5: score is 0.4"
    assert compiled.not_where({"connected": True}, (None, 3, None, None)) is not None, "unknown is not true"
    assert not compiled.reads_tiers


def test_a_where_that_looks_at_nothing_of_the_ranking_says_who_is_ranked() -> None:
    compiled = rule("ask top 3 where connected")
    assert (compiled.consider_text, compiled.where_text) == ("connected", None)
    assert compiled.not_where({"connected": False}, (1, 1, 1.0, 1)) is None
    both = rule("consider dealers where connected ask top 3 where rank in top 50%")
    assert (both.consider_text, both.where_text) == ("connected", "rank in top 50%")
    assert both.not_where({}, (2, 4, 1.0, None)) is None
    assert both.not_where({}, (3, 4, 1.0, None)) is not None


def test_a_where_that_reads_tiers_wants_them_made() -> None:
    tiers = "tiers for true by classic\n tier 1 when rank in top 20%\ndefine preferred as tier == 1\n"
    compiled = book(f'{tiers}rule "t" when side == buy ask top 3 where preferred').rules[0]
    assert compiled.reads_tiers
    assert compiled.not_where({}, (1, 3, 0.6, 1)) is None
    assert compiled.not_where({}, (1, 3, 0.6, None)) is not None


# The book


def test_windows_are_what_the_statistics_must_keep() -> None:
    compiled = book(
        'rule "w" when notional > 10% of adv(20d)\n consider dealers where quoted_similar(180d)\n'
        ' rank by 100% leakage over 45d ask top 3\nprotect "p" when notional > 10% of adv(30d) at most 1 dealers'
    )
    assert compiled.windows() == (45, 90, 180)
    assert compiled.field_windows() == (("adv", 20), ("adv", 30))


def test_the_hash_is_of_names_and_texts() -> None:
    one, same = book('rule "a" when side == buy ask top 1'), book('rule "a" when side == buy ask top 1')
    other = book('rule "a" when side == buy ask top 2')
    assert one.hash == same.hash
    assert one.hash != other.hash
    assert len(one.hash) == 64
    assert one.texts[0] == Source("0.rules", 'rule "a" when side == buy ask top 1')


def test_definitions_are_shared_by_all_files_whatever_their_order() -> None:
    compiled = book('rule "uses" when block ask top 1', "define block as notional > 5mm")
    assert compiled.decide({"notional": 6_000_000}).rule.name == "uses"


# Explanations


def test_explain_says_what_settled_each_rule() -> None:
    compiled = book(
        "define illiquid as days_since_trade > 7 or liquidity_score <= 3\n"
        'rule "whisper" when side == sell and illiquid ask top 1\n'
        'rule "credit" when rating < BBB ask top 2\n'
        'rule "taken" when notional between 1mm and 5mm ask top 3\n'
        'rule "not reached" when side == buy ask top 3\n'
        'protect "volume" when notional > 10% of adv(30d) at most 3 dealers\n'
        'protect "quiet" when expected_impact > 50bp at most 2 dealers'
    )
    order = {
        "side": "sell",
        "days_since_trade": 2,
        "liquidity_score": 5,
        "notional": Decimal(2_000_000),
        "expected_impact": 3.5,
    }
    assert explain(compiled.decide(order)) == (
        '0.rules:2: rule "whisper" does not apply: '
        "days_since_trade > 7: days_since_trade is 2; liquidity_score <= 3: liquidity_score is 5",
        '0.rules:3: rule "credit" does not apply: rating < BBB: rating is unknown (unknown counts as false)',
        '0.rules:4: rule "taken" decides: notional between 1mm and 5mm: notional is 2,000,000',
        '0.rules:6: protect "volume" applies: '
        "notional > 10% of adv(30d): notional is 2,000,000, adv(30d) is unknown (unknown counts as true)",
        '0.rules:7: protect "quiet" does not apply: expected_impact > 50bp: expected_impact is 3.5',
    )


def test_the_trace_holds_spans_and_values() -> None:
    text = 'rule "a" when side == sell and notional > 5mm ask top 1'
    decision = book(text).decide({"side": "buy", "notional": 7})
    trace = decision.trace
    assert [(entry.name, entry.matched) for entry in trace] == [("a", False), ("everything else", True)]
    assert trace[0].values == (("side", "buy"),)
    assert text[slice(*trace[0].span)] == 'rule "a"'


def test_a_rule_says_why_a_dealer_is_no_candidate() -> None:
    compiled = rule("consider dealers where hit_rate(90d) > 60% and connected ask top 3")
    why = compiled.why({"hit_rate(90d)": 0.25, "connected": True})
    assert why is not None
    assert why.reason_text == "hit_rate(90d) > 60%: hit_rate(90d) is 25%"
    assert rule("ask top 3").why({}) is None


def test_the_listing_names_every_field_and_metric() -> None:
    listing = "\n".join(fields_listing(CATALOGUE))
    for name in (*CATALOGUE.order_fields, *CATALOGUE.dealer_fields, *CATALOGUE.metrics, "classic"):
        assert name in listing


# Selection finds the same rule as judging one after another does.

PARTS = st.sampled_from(
    [
        "asset_class == corporate",
        "asset_class == municipal",
        "asset_class in {corporate, agency}",
        "asset_class != corporate",
        "side == sell",
        "not side == sell",
        "callable",
        "notional > 5",
        "rating < BBB",
        "(side == buy or notional > 3)",
    ]
)
ORDERS = st.fixed_dictionaries(
    {},
    optional={
        "asset_class": st.sampled_from(["corporate", "municipal", "agency", "other"]),
        "side": st.sampled_from(["buy", "sell"]),
        "callable": st.booleans(),
        "notional": st.integers(0, 10),
    },
)


@given(st.lists(st.lists(PARTS, min_size=1, max_size=3, unique=True), min_size=1, max_size=10), ORDERS)
def test_dispatch_changes_no_decision(conditions: list[list[str]], order: dict[str, object]) -> None:
    from engine.rules import RuleBookError

    text = "\n".join(f'rule "r{index}" when {" and ".join(parts)} ask top 1' for index, parts in enumerate(conditions))
    try:
        compiled = book(text)
    except RuleBookError:
        return  # A rule that can never decide is refused; that is tested elsewhere.
    decision = compiled.decide(order)
    expected = next(entry for entry in compiled.rules if certainly(entry.condition)(decision.values))
    assert decision.rule is expected
