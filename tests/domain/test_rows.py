"""Changing a frozen row gives what `dataclasses.replace` gives."""

from __future__ import annotations

from dataclasses import fields, replace
from decimal import Decimal
from typing import Any

import pytest

from engine.domain.order import MarkUsed, Side
from engine.domain.placement import Placement, PlacementState
from engine.domain.rows import changed

PLACEMENT = Placement("P", "O", "Q", "ash", "s", Side.buy, Decimal(1), Decimal(100), "q", "bond", 7, 8)
MARK = MarkUsed(Decimal(100), "marks", 1, "composite")


@pytest.mark.parametrize(
    ("row", "changes"),
    [
        pytest.param(PLACEMENT, {}, id="nothing"),
        pytest.param(PLACEMENT, {"state": PlacementState.filled}, id="one field"),
        pytest.param(PLACEMENT, {"filled": Decimal(1), "evidence": "x", "placement_id": "P2"}, id="first and last"),
        pytest.param(MARK, {"age_ns": 0}, id="another class"),
        pytest.param(MARK, {each.name: None for each in fields(MARK)}, id="all of them"),
    ],
)
def test_it_is_what_replace_gives(row: Any, changes: dict[str, Any]) -> None:
    before = replace(row)
    made = changed(row, **changes)
    assert made == replace(row, **changes)
    assert made is not row
    assert row == before
    assert hash(made) == hash(replace(row, **changes))


def test_a_field_that_there_is_not_is_a_mistake() -> None:
    with pytest.raises(KeyError, match="colour"):
        changed(MARK, colour="red")
