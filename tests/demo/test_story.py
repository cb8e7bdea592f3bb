"""The tale that the demonstration tells at its end, from what the engine itself answers."""

from __future__ import annotations

import copy

import pytest
from demo import story
from desk_builder import seeded_desk

pytestmark = pytest.mark.starts("noon")


def test_what_was_learnt_is_told_with_its_intervals_and_what_was_thought_before() -> None:
    world = seeded_desk()
    before = world.command("dealer.show", dealer="ash")
    after = copy.deepcopy(before)
    model = after["model"]
    model["asks"] += 7
    model["leak_identified"] = "level"
    before["model"]["measures"]["edge_bps"] |= {"value": -9.04}
    model["measures"]["edge_bps"] |= {"value": -0.04, "low": -1.26, "high": 0.14}
    model["measures"]["leak_in_bps"] |= {"value": 0.3, "low": -0.2, "high": 0.8}
    model["drifted"] = [{"measure": "response", "before": 0.9, "since": 0.4, "at": "2026-11-30T12:00:00.000Z"}]
    head, *lines = [line for line in story.learnt([before], [after]) if line]
    assert "this morning → now, 90 % interval" in head
    assert lines[0].startswith(f"   ash       asked 7 more, {model['asks']} in all; answers ")
    assert "edge -9.0 → +0.0 (-1.3..+0.1)" in lines[0]
    assert "→ +0.3 (-0.2..+0.8)" in lines[1]
    assert lines[1].endswith(": known by itself")
    assert lines[2].strip() == "is not what it was: response 0.9 → 0.4"
    first = [line for line in story.learnt([], [after]) if line]
    assert "edge +0.0 (-1.3..+0.1)" in first[1]
