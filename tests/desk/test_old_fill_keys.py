"""Journals of engines that had TradeDate(75) in the key of a fill: they are read, and what they booked stays booked."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any, Final

import orjson
import pytest
from desk_scene import MM, Scene, placed

from engine.desk.apply import apply
from engine.desk.state import DeskState
from engine.domain import events as e
from engine.domain import messages as m
from engine.journal.event_codec import Codec, event_types

pytestmark = pytest.mark.starts("noon")
"""Nothing here is about the time."""

CODEC: Final = Codec(event_types(vars(e), e.Event), e.UPCASTERS)
KEYED: Final = {"FillBooked", "FillQuarantined", "FillRepeated"}


def as_it_was(event: e.Event, trade_date: str = "20261123") -> tuple[str, int, bytes]:
    """The row of an event as such an engine wrote it: its fields by their names, the key with the date behind it."""
    name, version, body = CODEC.encode(event)
    record: dict[str, Any] = orjson.loads(body)
    if name not in KEYED:
        return name, version, body
    fill = record.get("fill", record)
    fill["key"] += f"|{trade_date}"
    for later in ("counted", "dealer_order_id"):
        fill.pop(later, None)
    return name, 1, orjson.dumps(record)


def folded(rows: list[tuple[str, int, bytes]]) -> DeskState:
    state = DeskState()
    for row in rows:
        apply(state, CODEC.decode(*row))
    return state


def lived() -> tuple[Scene, str]:
    """A part is booked, told once more, and another one is in quarantine."""
    world, order_id = placed()
    for _ in range(2):
        world.fills(order_id, 400_000, exec_id="E1", cum_quantity=None)
    world.fills(order_id, 200_000, "99.96", exec_id="E2")
    return world, order_id


def test_keys_are_read_without_the_date() -> None:
    world, order_id = lived()
    state = folded([as_it_was(event) for event in world.events])
    assert list(state.fills.keys()) == list(world.state.fills.keys())
    assert list(state.quarantine.keys()) == list(world.state.quarantine.keys())
    assert state.orders[order_id] == world.the(order_id)


@pytest.mark.parametrize("trade_date", ["", "20261124"])
def test_a_fill_that_was_booked_before_is_known_again(trade_date: str) -> None:
    """By a copy without TradeDate(75), or with another one: it is booked already."""
    world, order_id = lived()
    world.state.adopt(_over(world.state, folded([as_it_was(event) for event in world.events])))
    world.fills(order_id, 400_000, exec_id="E1", trade_date=trade_date, cum_quantity=Decimal(400_000))
    assert world.the(order_id).filled == 400_000
    assert isinstance(world.events[-1], e.FillRepeated)


def test_what_was_booked_twice_under_two_dates_stays_booked_twice() -> None:
    """It was told to the OMS: the fold of the same events is the same order, and both fills are there."""
    world, order_id = placed()
    world.fills(order_id, 400_000, exec_id="E1")
    rows = [as_it_was(event) for event in world.events]
    [booked] = world.recorded(e.FillBooked)
    again = replace(booked, fill=replace(booked.fill, exec_id="OURS-2", trade_date="20261124"))
    state = folded([*rows, as_it_was(again, "20261124")])
    assert state.orders[order_id].filled == 800_000
    assert [fill.exec_id for fill in state.fills_of(order_id)] == [booked.fill.exec_id, "OURS-2"]


def test_a_rest_of_an_old_journal_is_counted_as_any_other() -> None:
    """Its fills do not say what the dealer counted then: what comes next is held against their sum."""
    world, order_id = lived()
    world.state.adopt(_over(world.state, folded([as_it_was(event) for event in world.events])))
    world.fills(order_id, 600_000, exec_id="E3")
    assert world.the(order_id).filled == MM
    assert [report.cum_quantity for report in world.said(m.OrderReport)][-1] == MM


def _over(below: DeskState, read: DeskState) -> DeskState:
    """The rows that were read from a journal, as a draft over those that were lived."""
    draft = DeskState(below=below)
    for name in ("fills", "quarantine"):
        mine = getattr(draft, name)
        for key, row in getattr(read, name).items():
            mine.put(key, row)
    return draft
