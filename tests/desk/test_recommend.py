"""Whom the desk would ask: every dealer a reason, ties by name, an empty list to the trader, tiers over all dealers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

import pytest
from desk_past import CORPORATE_DEALERS, DEALERS, HIGH_YIELD, MUNICIPAL, dealer, past_events
from desk_scene import BOND, MM, Scene, scene

from engine.desk.apply import apply
from engine.desk.classic_lessons import observe
from engine.desk.explaining import tell
from engine.domain.instrument import AssetClass
from engine.domain.order import OrderState, Side
from engine.domain.recommendation import DealerLine, Recommendation, Told
from engine.domain.rfq import AskPlan

TOP = """
rule "top" when true
  ask top 2
"""


@dataclass(frozen=True)
class Advice:
    """A recommendation, and what is said of it."""

    made: Recommendation
    told: Told

    @property
    def plan(self) -> AskPlan | None:
        return self.made.plan

    @property
    def lines(self) -> tuple[DealerLine, ...]:
        return self.told.lines

    @property
    def problem(self) -> str:
        return self.told.problem


def advised(rules: str, security: Any = BOND, side: str = "buy", quantity: int = MM, **desk: Any) -> Advice:
    world = scene(rules, **desk)
    return recommendation(world, world.order(security, side, quantity))


def recommendation(world: Scene, order_id: str) -> Advice:
    found = world.state.recommendations[order_id]
    assert isinstance(found, Recommendation)
    return Advice(found, tell(world.desk.book_of, found))


def with_past(rules: str, **desk: Any) -> Scene:
    """A desk whose dealers have the past of the builder."""
    world = scene(rules, **desk)
    for event in past_events(after=world.state.counters.get("orders") or 0):
        apply(world.state, event)
        observe(world.desk.stats, world.state, event)
    return world


def asked(advice: Advice) -> list[str]:
    return list(advice.plan.dealers) if advice.plan is not None else []


def reason(advice: Advice, name: str) -> str:
    return next(line.reason for line in advice.lines if line.dealer == name)


# --- a reason for every dealer -------------------------------------------------------------------


def test_every_dealer_has_one_line_and_a_reason() -> None:
    advice = advised(TOP)
    assert sorted(line.dealer for line in advice.lines) == [each.id for each in DEALERS]
    assert all(line.reason for line in advice.lines)
    assert [line.dealer for line in advice.lines if line.chosen] == asked(advice) == ["ash", "beech"]
    assert reason(advice, "ash") == "asked as no. 1: top 2, no data yet"
    assert reason(advice, "cedar") == "not in the top 2"
    assert reason(advice, "yew") == "does not trade corporate bonds"


Change = Callable[[Scene], Any]


def profile(**changes: Any) -> Change:
    def change(world: Scene) -> None:
        world.desk.dealers = scene(
            dealers=[replace(each, **changes) if each.id == "ash" else each for each in DEALERS]
        ).desk.dealers

    return change


@pytest.mark.parametrize(
    ("rules", "change", "words"),
    [
        pytest.param(TOP, profile(paused=True), "paused", id="paused"),
        pytest.param(TOP, profile(asset_classes=(AssetClass.MUNICIPAL,)), "does not trade corporate bonds", id="class"),
        pytest.param(TOP, profile(notional_max=Decimal(MM - 1)), "its limit is 999,999", id="its limit"),
        pytest.param(TOP, lambda world: world.drop("ash"), "session ash is not logged on", id="session"),
        pytest.param(
            TOP,
            lambda world: world.command("kill", scope="dealer:ash", on=True, reason="test"),
            "kill switch dealer:ash is on",
            id="kill",
        ),
        pytest.param(
            'rule "r" when true\n  ask top 2\n  never ask {ash}',
            lambda world: None,
            'rule "r" never asks it',
            id="never",
        ),
        pytest.param(
            'rule "r" when true\n  consider dealers where name != ash\n  ask top 2',
            lambda world: None,
            "not considered: name != ash",
            id="not considered",
        ),
    ],
)
def test_who_is_no_candidate_and_why(rules: str, change: Change, words: str) -> None:
    world = scene(rules)
    change(world)
    advice = recommendation(world, world.order(BOND, "buy", MM))
    assert asked(advice) == ["beech", "cedar"], "the next in rank takes the place"
    line = next(line for line in advice.lines if line.dealer == "ash")
    assert line.reason.startswith(words)
    assert (line.chosen, line.rank, line.score, line.parts) == (False, None, None, ())


def test_a_dealers_limit_is_held_against_what_is_left() -> None:
    """700,000 are left of a million: a dealer for 800,000 may have the rest."""
    dealers = [replace(each, notional_max=Decimal(800_000)) if each.id == "fir" else each for each in DEALERS]
    world = scene(TOP, dealers=dealers)
    order_id = world.order(BOND, "buy", MM)
    assert reason(recommendation(world, order_id), "fir") == "its limit is 800,000"
    world.command("send", order=order_id)
    world.says("ash", "100", order_id)
    world.command("execute", order=order_id)
    world.fills(order_id, 300_000)
    world.command("order__force_state", role="operator", order=order_id, reason="done")
    advice = world.command("recommend", role="viewer", order=order_id)
    assert next(each["reason"] for each in advice["lines"] if each["dealer"] == "fir") == "not in the top 2"


# --- order ---------------------------------------------------------------------------------------


def test_ties_go_by_name_whatever_the_order_of_the_profiles() -> None:
    for dealers in (DEALERS, DEALERS[::-1], sorted(DEALERS, key=lambda each: each.lei[::-1])):
        advice = advised(TOP, dealers=dealers)
        ranked = [line.dealer for line in advice.lines if line.rank is not None]
        assert ranked == list(CORPORATE_DEALERS)
        assert [line.rank for line in advice.lines if line.rank is not None] == list(range(1, 9))


def test_equal_scores_of_known_dealers_go_by_name_too() -> None:
    """Ash wins 60 % of what it quotes, and so does hazel: by hit rate alone they tie, behind cedar and beech."""
    rules = 'rule "r" when true\n  rank by 100% hit_rate\n  ask top 4'
    world = with_past(rules)
    advice = recommendation(world, world.order(HIGH_YIELD, "buy", 6 * MM))
    scores = {line.dealer: line.score for line in advice.lines if line.chosen}
    assert scores["ash"] == scores["hazel"] == 0.6
    assert asked(advice) == ["cedar", "ash", "hazel", "beech"]


def test_the_same_order_and_state_get_the_same_answer() -> None:
    world = with_past(TOP)
    order_id = world.order(HIGH_YIELD, "buy", 6 * MM)
    again = with_past(TOP, dealers=DEALERS[::-1])
    assert recommendation(world, order_id) == recommendation(again, again.order(HIGH_YIELD, "buy", 6 * MM))


def test_whom_a_rule_names_is_asked_in_the_order_of_rank() -> None:
    advice = advised('rule "r" when true\n  ask everyone in {maple, ash, larch}')
    assert asked(advice) == ["ash", "larch", "maple"]
    assert reason(advice, "beech") == "not among everyone in {maple, ash, larch}"


# --- nobody to ask -------------------------------------------------------------------------------


def test_an_empty_list_goes_to_the_trader_and_not_to_the_next_rule() -> None:
    rules = (
        'rule "nobody" when quantity > 0\n  consider dealers where trades(90d) > 5\n  ask top 3\n  send automatically\n'
        + TOP
    )
    world = scene(rules)
    order_id = world.order(BOND, "buy", MM)
    advice = recommendation(world, order_id)
    assert (advice.made.rule, advice.plan) == ("nobody", None)
    assert advice.problem.startswith("nobody to ask: ")
    assert "ash not considered: trades(90d) > 5" in advice.problem
    assert (world.the(order_id).state, world.the(order_id).note) == (OrderState.with_trader, advice.problem)
    assert world.asked() == []


def test_without_dealers_nobody_is_asked() -> None:
    advice = advised(TOP, dealers=())
    assert (advice.plan, advice.problem) == (None, "nobody to ask: no dealer is known")


def test_when_all_are_down_the_trader_is_told() -> None:
    world = scene(TOP)
    world.down |= {each.session for each in DEALERS}
    order_id = world.order(BOND, "buy", MM)
    assert "ash session ash is not logged on" in world.the(order_id).note


# --- tiers ---------------------------------------------------------------------------------------

TIERS = """
tiers for asset_class == municipal by classic over 90d
  tier 1 when rank in top 20%
  tier 2 when rank in top 50%
rule "r" when true
  consider dealers where specialty has municipal
  ask all of tier 1 and top 1 of tier 2
"""


def test_tiers_are_made_over_all_dealers_of_the_class_and_chosen_among_candidates() -> None:
    """Of ten, larch and maple are tier 1, poplar, pine and rowan tier 2; maple is no candidate of this rule."""
    world = with_past(TIERS)
    advice = recommendation(world, world.order(MUNICIPAL, "buy", 3 * MM))
    assert asked(advice) == ["larch", "poplar"]
    assert reason(advice, "pine") == "tier 2, beyond what the rule asks"
    assert reason(advice, "spruce") == "in none of tier 1, tier 2"
    assert reason(advice, "maple").startswith("not considered")


def test_a_tier_1_dealer_that_cannot_be_asked_is_not_replaced_by_tier_2() -> None:
    world = with_past(TIERS)
    world.drop("larch")
    assert asked(recommendation(world, world.order(MUNICIPAL, "buy", 3 * MM))) == ["poplar"]


def test_tiers_that_are_not_defined_for_the_order_go_to_the_trader() -> None:
    world = scene(TIERS)
    order_id = world.order(BOND, "buy", MM)
    advice = recommendation(world, order_id)
    assert (advice.plan, advice.problem) == (None, "no tiers are defined for this order")
    assert world.the(order_id).note == advice.problem


def test_a_dealer_that_nobody_has_tried_is_in_no_tier() -> None:
    dealers = [*DEALERS, dealer("aspen", asset_classes=(AssetClass.MUNICIPAL,), specialties=("municipal",))]
    world = with_past(TIERS, dealers=dealers)
    advice = recommendation(world, world.order(MUNICIPAL, "buy", 3 * MM))
    assert reason(advice, "aspen") == "in none of tier 1, tier 2"
    nobody = advised(TIERS, MUNICIPAL, "buy", 3 * MM)
    assert nobody.plan is None


# --- what is kept --------------------------------------------------------------------------------


def test_a_recommendation_names_what_it_was_made_from() -> None:
    world = with_past(TOP)
    order_id = world.order(HIGH_YIELD, "buy", 6 * MM)
    advice = recommendation(world, order_id)
    assert (advice.made.book_hash, advice.made.scoring_hash) == (world.desk.book.hash, "scoring-of-the-tests")
    assert advice.made.rule == "top"
    assert advice.told.trace
    for line in advice.lines:
        if line.score is not None:
            assert line.score == pytest.approx(sum(part.contribution for part in line.parts), abs=1e-9)
            assert sum(part.weight for part in line.parts) == pytest.approx(1)


def test_a_metric_a_dealer_lacks_is_marked_so() -> None:
    world = with_past(TOP)
    advice = recommendation(world, world.order(HIGH_YIELD, "buy", 6 * MM))
    oak = next(line for line in advice.lines if line.dealer == "oak")
    assert {part.source for part in oak.parts} <= {"typical", "no data"}
    ash = next(line for line in advice.lines if line.dealer == "ash")
    assert {part.source for part in ash.parts} == {"own"}


def test_looking_changes_nothing() -> None:
    world = with_past(TOP)
    before = (world.state.digest(), world.desk.stats.fold_digest(), len(world.events))
    for side in Side:
        world.command("recommend", role="viewer", security=HIGH_YIELD.security_id, side=side.value, quantity="6mm")
    assert (world.state.digest(), world.desk.stats.fold_digest(), len(world.events)) == before
