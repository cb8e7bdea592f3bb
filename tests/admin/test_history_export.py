"""What this engine saw, as a file: every round with what was learnt of it later and the marks that followed."""

from __future__ import annotations

from pathlib import Path

import pytest
from desk_scene import BOND, MM, Scene, scene

from engine.admin.history_read import rounds_of
from engine.clock import NS_PER_S
from engine.desk.past.reading import Known, Row, read_rows
from engine.desk.past.writing import rows_of
from engine.domain import events as e
from engine.domain.observation import Answer, Horizon, RoundTold
from engine.journal.batch import EventRow, StagedTurn
from engine.journal.event_codec import Codec, event_types
from engine.journal.writer import Journal

OF_AN_ASK = [
    "dealer",
    "position",
    "sent_ns",
    "deadline_ns",
    "answer",
    "answered_ns",
    "late",
    "price",
    "quantity",
    "taken",
    "accepted_ns",
    "filled",
    "fill_price",
    "chosen_by",
    "p",
]
OF_A_ROUND = [
    "rfq_id",
    "round",
    "parent_id",
    "sent_ns",
    "side",
    "quantity",
    "residual",
    "protocol",
    "n_asked",
    "cover",
    "p_panel",
    "segment",
]
CODEC = Codec(event_types(vars(e), e.Event))


def kept(world: Scene, path: Path) -> list[RoundTold]:
    """The rounds of a journal with what happened."""
    with Journal(path, "normal", reserve_bytes=0) as journal:
        turns = []
        for number, event in enumerate(world.events, 1):
            name, version, body = CODEC.encode(event)
            turns.append(
                StagedTurn(
                    number, event.at_ns, "timer", "", "",
                    events=(EventRow(number, number, name, version, event.at_ns, body),),
                )
            )  # fmt: skip
        journal.commit(turns)
    return [*rounds_of(path, lambda done, total: None)]


def traded() -> Scene:
    """The best quote is taken, one dealer answers after that in its time, one never."""
    world = scene()
    order_id = world.order(BOND, "buy", MM, account="PARALLEL")
    world.advance(3)
    world.says("ash", "99.95", order_id)
    world.command("execute", order=order_id)
    world.advance(1)
    world.fills(order_id)
    world.advance(20)
    world.says("beech", "100.1", order_id)
    return world


def test_a_round_comes_with_what_was_learnt_later_and_its_marks(tmp_path: Path) -> None:
    world = traded()
    world.advance(38)
    world.price(BOND, "100.03")
    world.advance(300)
    [told] = kept(world, tmp_path / "journal.db")
    assert [(ask.dealer, ask.answer) for ask in told.seen.asks] == [
        ("ash", Answer.quote),
        ("beech", Answer.quote),
        ("cedar", Answer.none),
    ]
    assert [(each.horizon, each.mark is not None) for each in told.after] == [
        (Horizon.minute, True),
        (Horizon.five_minutes, True),
    ]


def test_who_had_time_left_is_not_said_to_have_been_silent(tmp_path: Path) -> None:
    [told] = kept(traded(), tmp_path / "journal.db")
    assert [ask.dealer for ask in told.seen.asks] == ["ash", "beech"]
    assert told.seen.n_asked == 3


def test_what_comes_out_goes_in(tmp_path: Path) -> None:
    """The rows say the same round, to the digit, but for what a row has no room for."""
    world = traded()
    world.advance(38)
    world.price(BOND, "100.03")
    world.advance(300)
    [told] = kept(world, tmp_path / "journal.db")
    rows = [Row(number, cells) for number, cells in enumerate(rows_of(told, "desk"), 2)]
    now_ns = world.now.utc_ns
    [back], refused = read_rows(rows, Known(world.desk.securities, now_ns, 900 * NS_PER_S), "desk")
    assert refused == []
    for ask, again in zip(told.seen.asks, back.seen.asks, strict=True):
        for name in OF_AN_ASK:
            assert getattr(again, name) == getattr(ask, name), name
        assert again.edge_bps == (pytest.approx(ask.edge_bps) if ask.edge_bps is not None else None)
    for name in OF_A_ROUND:
        assert getattr(back.seen, name) == getattr(told.seen, name), name
    assert [(each.horizon, each.mark and each.mark.price) for each in back.after] == [
        (each.horizon, each.mark and each.mark.price) for each in told.after
    ]
