"""What a rule leaves to the model and what it forbids, from its words to the plan: panels, sequences, exploring."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import pytest
from desk_past import LIQUID, past_events
from desk_scene import MM, Scene, scene

from engine.desk.apply import apply
from engine.desk.classic_lessons import observe
from engine.desk.explaining import tell
from engine.domain import events as e
from engine.domain.recommendation import Recommendation, Selection
from engine.journal.events import events_codec
from engine.rules.plan import Mode
from engine.selection.request import Exploring

pytestmark = pytest.mark.starts("noon")

ALWAYS: Final = Exploring(1.0, 1.0, 0.0)
"""A place is given away in every list in which that may be."""


def past(clauses: str, before: str = "") -> Scene:
    world = scene(f'{before}\nrule "r" when true\n  {clauses}\n')
    for event in past_events():
        apply(world.state, event)
        observe(world.desk.stats, world.state, event)
    return world


def advised(world: Scene) -> tuple[Recommendation, Selection]:
    advice = world.state.recommendations[world.order(LIQUID, "buy", MM)]
    assert advice.selection is not None
    return advice, advice.selection


def test_a_rule_ranks_by_the_model() -> None:
    _, made = advised(past("rank by model ask top 3"))
    assert (made.scorer, len(made.asked)) == ("model", 3)
    assert list(made.asked) == list(made.candidates[:3])


def test_the_model_chooses_a_panel_of_at_most_so_many_at_once() -> None:
    advice, made = advised(past("ask best panel of at most 4"))
    assert (made.scorer, made.ask) == ("model", "best panel of at most 4")
    assert advice.plan is not None
    assert advice.plan.mode is Mode.PARALLEL
    assert 1 <= len(advice.plan.dealers) <= 4


def test_the_model_chooses_whom_to_ask_one_at_a_time() -> None:
    advice, made = advised(past("ask best sequence of at most 4 wait 20s"))
    assert (made.scorer, made.ask) == ("model", "best sequence of at most 4")
    assert advice.plan is not None
    assert advice.plan.mode is Mode.ONE_AT_A_TIME
    assert 1 <= len(advice.plan.dealers) <= 4


def test_under_a_protection_a_panel_is_no_larger_than_that_allows() -> None:
    advice, _ = advised(past("ask best panel of at most 4", 'protect "p" when true at most 1 dealers'))
    assert advice.plan is not None
    assert len(advice.plan.dealers) == 1


@pytest.mark.parametrize("ask", ["ask top 3", "ask best panel of at most 4", "rank by model ask top 3"])
def test_nobody_is_drawn_where_the_rule_never_explores(ask: str) -> None:
    explores, never = past(ask), past(f"{ask}, explore never")
    for world in (explores, never):
        world.desk.parameters = replace(world.desk.parameters, exploring=ALWAYS)
    assert advised(explores)[1].explored
    made = advised(never)[1]
    assert (made.explored, made.draw, made.panel_p) == ("", None, 1.0)
    assert set(made.inclusion_p) <= {0.0, 1.0}


# --- what a rule asks of dealers once they are ranked ----------------------------------------------


def reasons(world: Scene, advice: Recommendation) -> dict[str, str]:
    return {line.dealer: line.reason for line in tell(world.desk.book_of, advice).lines}


@pytest.mark.parametrize("ranking", ["", "rank by model ", "rank by 60% hit_rate + 40% price_improvement "])
def test_a_rule_may_ask_how_a_dealer_ranks(ranking: str) -> None:
    _, everybody = advised(past(f"{ranking}ask all"))
    world = past(f"{ranking}ask all where rank in {{2, 4}}")
    advice, made = advised(world)
    assert made.asked == tuple(everybody.candidates[at] for at in (1, 3))
    first = everybody.candidates[0]
    assert reasons(world, advice)[first] == "not considered: rank in {2, 4}: rank is 1"


def test_a_panel_is_chosen_from_those_that_rank_high_enough() -> None:
    _, everybody = advised(past("rank by model ask all"))
    _, made = advised(past("ask best panel of at most 5 where rank <= 3"))
    assert made.asked
    assert set(made.asked) <= set(made.candidates) == set(everybody.candidates[:3])


def test_a_rule_may_ask_for_a_tier_and_rank_by_something_else() -> None:
    tiers = "tiers for true by classic over 90d\n  tier 1 when rank in top 2\n  tier 2 when score > 0.8\n"
    world = past("rank by speed ask all where tier == 1", tiers)
    advice, made = advised(world)
    assert len(made.asked) == 2
    assert any(reason == "not considered: tier == 1: tier is 2" for reason in reasons(world, advice).values())


def test_what_was_read_of_the_ranking_is_told_after_a_restart_too() -> None:
    world = past("ask top 3 where rank >= 2 and connected")
    advice, made = advised(world)
    codec = events_codec()
    [event] = world.recorded(e.OrderRecommended)
    again = codec.decode(*codec.encode(event))
    assert isinstance(again, e.OrderRecommended)
    assert reasons(world, again.recommendation) == reasons(world, advice)
    assert len(made.asked) == 3
