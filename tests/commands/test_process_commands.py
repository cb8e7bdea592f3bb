"""engine/commands/process_commands.py: which files somebody may have read again, under which name of the command."""

from __future__ import annotations

from typing import Any

import pytest
from session_world import ENTROPY, SessionWorld

from engine.errors import CommandError
from engine.turn import CommandGiven, ReadFiles

REF = 1_000
WHY = "a third dealer for size"


def wanted(command: str, role: str, **params: Any) -> ReadFiles:
    world = SessionWorld()
    turn = world.take(CommandGiven(world.now, command, {"reason": WHY, **params}, "kim", role, REF, ENTROPY))
    [effect] = turn.effects
    assert isinstance(effect, ReadFiles), effect
    return effect


def test_a_rule_book_is_read_again_under_either_name() -> None:
    assert wanted("rules.reload", "trader") == wanted("reload", "trader", kinds=["rules"])
    assert wanted("rules.reload", "trader") == ReadFiles(REF, ("rules",), "kim", WHY)


def test_all_kinds_are_read_when_none_is_named() -> None:
    assert wanted("reload", "operator").kinds == ()
    assert wanted("reload", "operator", kinds=["rules", "dealers"]).kinds == ("rules", "dealers")


@pytest.mark.parametrize(
    ("command", "role", "params"),
    [
        pytest.param("rules.reload", "viewer", {}, id="a viewer reads no rules"),
        pytest.param("reload", "viewer", {"kinds": ["rules"]}, id="under no name"),
        pytest.param("reload", "trader", {"kinds": ["rules", "dealers"]}, id="a trader reads rules alone"),
        pytest.param("reload", "trader", {}, id="so not everything"),
    ],
)
def test_who_may_not_is_told(command: str, role: str, params: dict[str, Any]) -> None:
    world = SessionWorld()
    with pytest.raises(CommandError, match=f"kim is {role}"):
        world.command(command, role=role, reason=WHY, **params)
