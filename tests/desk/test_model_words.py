"""What a rule leaves to the model and what it forbids, from its words to the plan: panels, sequences, exploring."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import pytest
from desk_past import LIQUID, past_events
from desk_scene import MM, Scene, scene

from engine.desk.apply import apply, observe
from engine.domain.recommendation import Recommendation, Selection
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
