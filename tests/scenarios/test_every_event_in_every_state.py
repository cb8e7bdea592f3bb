"""Every event of the table in every state of the table, whether a row spells it out or not, live and after a restart.

Nothing fails, no more is out than was ordered, OMS and drop copy are told the same; and a process that has taken the
state over says and records what the one before it would have.
"""

from __future__ import annotations

import re
from typing import Final

import pytest
from scenario_invariants import answered, hold
from scenario_table import STAGES, Stage
from scenario_world import NotNow, ScenarioWorld

SINGLE: Final = tuple(dict.fromkeys(row.steps for stage in STAGES for row in stage.rows if len(row.steps) == 1))
IN_A_ROW: Final = tuple(dict.fromkeys(row.steps for stage in STAGES for row in stage.rows if len(row.steps) > 1))
ABOUT_THE_PROCESS: Final = ("restart", "wait", "ash", "beech", "cedar")
"""What a restart makes another thing of: H is out, clocks have begun anew, sessions have just come up."""
IN_EVERY_RUN: Final = 3
"""One event in so many is met by a state in every run, another one by the next state; all of them with `--full`."""
EVENTS_MIN: Final = 120


def played(stage: Stage, *steps: str) -> ScenarioWorld | None:
    """The state and what comes then; None where it cannot be."""
    world = ScenarioWorld()
    world.play(*stage.steps)
    world.mark()
    try:
        for step in steps:
            world.do(step)
            hold(world)
            answered(world, step)
    except NotNow:
        return None
    except AssertionError as error:
        raise AssertionError(f"{stage.name}: {', then '.join(steps)}: {error}") from error
    return world


def test_there_are_events_enough() -> None:
    assert len(SINGLE) >= EVENTS_MIN


@pytest.mark.parametrize("number", range(len(STAGES)), ids=lambda number: STAGES[number].name)
def test_what_must_hold_does_after_an_event(number: int) -> None:
    assert any(played(STAGES[number], *steps) for steps in SINGLE[number % IN_EVERY_RUN :: IN_EVERY_RUN])


@pytest.mark.parametrize("number", range(len(STAGES)), ids=lambda number: STAGES[number].name)
def test_a_restart_changes_nothing_that_comes_of_an_event(number: int) -> None:
    compare(STAGES[number], SINGLE[number % IN_EVERY_RUN :: IN_EVERY_RUN * 3])


@pytest.mark.full
@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.name)
def test_what_must_hold_does_after_every_event(stage: Stage) -> None:
    for steps in (*SINGLE, *IN_A_ROW):
        played(stage, *steps)


@pytest.mark.full
@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.name)
def test_a_restart_changes_nothing_that_comes_of_any_event(stage: Stage) -> None:
    compare(stage, SINGLE)


def compare(stage: Stage, events: tuple[tuple[str, ...], ...]) -> None:
    for steps in events:
        if steps[0].split()[0] in ABOUT_THE_PROCESS or "45=H" in steps[0]:
            continue
        live = played(stage, *steps)
        world = ScenarioWorld()
        world.play(*stage.steps, "restart")
        world.mark()
        if live is None:
            continue
        world.play(*steps)
        hold(world)
        assert uncounted(world) == uncounted(live), f"{stage.name}: restart, then {steps[0]}"


def uncounted(world: ScenarioWorld) -> list[str]:
    """What came of it, whatever was said before it: after a restart F and H have gone out once more."""
    return [re.sub(r"\b([RPF])\d\b", r"\1", line) for line in world.outcome()]
