"""Every row of the table of scenarios, played; and the page has them all."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from typing import Final

import pytest
from scenario_invariants import hold
from scenario_table import BEGIN, PAGE, STAGES, Row, Stage, page
from scenario_world import ScenarioWorld

ROWS_MIN: Final = 300


def _rows() -> Iterator[object]:
    for stage in STAGES:
        for row in stage.rows:
            yield pytest.param(stage, row, id=f"{stage.name}: {', '.join(row.steps)}")


@pytest.mark.parametrize(("stage", "row"), [*_rows()])
def test_what_comes_of_an_event_is_what_the_table_says(stage: Stage, row: Row) -> None:
    world = ScenarioWorld()
    world.play(*stage.steps)
    world.mark()
    world.play(*row.steps)
    found = world.outcome()
    hold(world)
    if found != list(row.lines):
        diff = difflib.unified_diff(row.lines, found, "scenarios.txt", "found", lineterm="", n=10)
        pytest.fail("\n".join([f"{stage.name}: {', then '.join(row.steps)}", *diff]), pytrace=False)


def test_there_are_rows_enough() -> None:
    assert sum(len(stage.rows) for stage in STAGES) >= ROWS_MIN
    assert len({(stage.name, row.steps) for stage in STAGES for row in stage.rows}) == sum(
        len(stage.rows) for stage in STAGES
    )


def test_the_page_is_as_the_table_is() -> None:
    written = PAGE.read_text()
    assert BEGIN + written.partition(BEGIN)[2] == page(), "write it anew: see the head of scenario_table.py"
