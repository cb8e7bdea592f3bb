"""What a desk saw, written as a history and taken in by an empty engine, comes to the same estimates."""

from __future__ import annotations

from decimal import Decimal

import pytest
from desk_builder import make_desk
from desk_scene import BOND, MM, Scene, scene

from engine.dealers.estimates import Asking, EstimateParameters
from engine.dealers.outlook import Outlook
from engine.dealers.segments import segment_of_key
from engine.desk.learning import LEARNT, Learning
from engine.desk.past.reading import Known, Row, read_rows
from engine.desk.past.telling import rounds_told
from engine.desk.past.writing import rows_of
from engine.domain import events as e

pytestmark = pytest.mark.starts("noon")
"""Nothing here is about the time."""


def lived() -> Scene:
    """Rounds with a trade, without one, with silence, a refusal, a last look, and a word after its time."""
    world = scene()
    for at, price in enumerate(("99.95", "99.97", "100.02", "100.10", "99.90", "100.04")):
        order_id = world.order(BOND, "buy", MM + at, account="PARALLEL")
        world.advance(3 + at)
        world.price(BOND, f"100.0{at}")
        world.says("ash", price, order_id)
        if at % 2:
            world.declines("beech", order_id, "no inventory")
        else:
            world.says("beech", "100.03", order_id)
        world.advance(2)
        if at % 3 == 0:
            world.says("cedar", "99.99", order_id)  # Or its time is over after the round.
        world.command("execute", order=order_id)
        world.advance(2)
        if at == 2:
            world.rejects(order_id)
            world.advance(70)
        else:
            world.fills(order_id)
        world.advance(100)
        if world.the(order_id).open:
            world.command("order.cancel", order=order_id)
    world.advance(4_000)
    return world


def outlooks(learning: Learning, world: Scene) -> tuple[Outlook, ...]:
    asking = Asking(segment_of_key("corporate|AAA-A|3-7y|500k-2mm|buy"), Decimal(MM), 60.0, world.now.utc_ns)
    return learning.estimates.outlooks(("ash", "beech", "cedar", "oak"), asking)


def test_what_is_exported_teaches_an_empty_engine_the_same() -> None:
    world = lived()
    live = Learning(EstimateParameters())
    for event in world.events:
        if type(event) in LEARNT:
            live.fold(event)
    told = list(rounds_told(world.events))
    assert len(told) >= 6
    rows = [Row(line, cells) for line, each in enumerate(told, 2) for cells in rows_of(each, "rfq")]
    known = Known(make_desk().securities, world.now.utc_ns, 900 * 10**9, lambda bond: (bond.adv_30d, None))
    rounds, refused = read_rows(rows, known, "rfq")
    assert refused == []
    empty = Learning(EstimateParameters(), is_replaying=True)
    empty.fold(e.HistoryAdded(world.now.utc_ns, tuple(rounds), "export", "person:kim"))
    empty.rebuilt()
    for mine, theirs in zip(outlooks(live, world), outlooks(empty, world), strict=True):
        for name in ("q", "e", "f", "z", "r"):
            assert getattr(theirs, name) == pytest.approx(getattr(mine, name), abs=1e-9), (mine.dealer, name)
        assert theirs.in_time == pytest.approx(mine.in_time, abs=1e-9)
        assert theirs.asks == mine.asks
    assert any(each.asks for each in outlooks(live, world))


def test_amendments_and_marks_are_in_what_is_told() -> None:
    world = lived()
    told = list(rounds_told(world.events))
    assert world.recorded(e.RoundAmended), "somebody's time was over after the round"
    assert all(not ask.pending for each in told for ask in each.seen.asks)
    assert any(each.after for each in told)
