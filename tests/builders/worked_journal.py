"""Days of orders worked by a desk whose dealers' truth is known, as a journal: the desk decides everything itself.

Its rule asks the first two of the house score, or of a `ranking`, and trades the best quote. `exploring` says what is
left to chance.
"""

from __future__ import annotations

import datetime
import random
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Final

from desk_builder import DeskWorld, compiled, make_desk, make_world
from desk_past import LIQUID, dealer
from drawn_rounds import SHARED_SD_BPS, Habits

from engine.clock import utc_day
from engine.domain import events as e
from engine.domain import messages as m
from engine.domain.order import TimeInForce
from engine.journal.batch import EventRow, StagedTurn
from engine.journal.events import events_codec
from engine.journal.writer import Journal
from engine.rules.source import Source
from engine.selection.request import Exploring, Parameters

RULES: Final = """
rule "two" when true
  rank by {ranking}
  ask top 2  wait 60s  send automatically
  execute automatically when within 100bp price of fair
"""
ORDERS_A_DAY: Final = 20
QUANTITY: Final = 1_000_000
_BETWEEN_S: Final = 900
_ROUND_S: Final = 130
_TURNS_A_BATCH: Final = 500


def worked(habits: Habits, orders: int, exploring: Exploring, seed: int = 1, ranking: str = "classic") -> DeskWorld:
    """The desk after all its orders; what it recorded is in `events`."""
    names = tuple(sorted(habits))
    desk = make_desk(
        securities=(LIQUID,),
        dealers=tuple(dealer(name) for name in names),
        book=compiled((Source("worked.rules", RULES.format(ranking=ranking)),), names),
    )
    desk.parameters = Parameters(exploring=exploring)
    world, chance = make_world(desk), random.Random(f"worked {seed}")
    for number in range(orders):
        world.mark(LIQUID)
        _work(world, habits, chance, number)
        left_s = _BETWEEN_S - _ROUND_S
        if (number + 1) % ORDERS_A_DAY == 0:
            weekend = 2 if (utc_day(world.now.utc_ns) + 3) % 7 == 4 else 0
            left_s += (1 + weekend) * 86_400 - ORDERS_A_DAY * _BETWEEN_S
        world.advance(left_s)
    return world


def _work(world: DeskWorld, habits: Habits, chance: random.Random, number: int) -> None:
    shared = chance.gauss(0.0, SHARED_SD_BPS)
    prices = {}
    for name, habit in sorted(habits.items()):
        answers, noise = chance.random() < habit.answers, chance.gauss(0.0, habit.noise_bps)
        if answers:
            prices[name] = f"{100 * (1 - (habit.edge_bps + shared + noise) / 1e4):.4f}"
    order_id = world.order(
        LIQUID, "buy", QUANTITY, cl_ord_id=f"oms-{number}", tif=TimeInForce.day, transact_ns=world.now.utc_ns
    )
    rfq_id = world.state.orders[order_id].rfq_id
    world.advance(10)
    for ask in world.state.rfqs[rfq_id].asks:
        if ask.dealer in prices:
            world.quote(ask.dealer, prices[ask.dealer], order_id=order_id, firm_s=100)
    world.advance(60)
    if world.state.orders[order_id].placement_id:
        _fill(world, order_id, f"X{number}")
    elif world.state.orders[order_id].open:
        world.command("order.cancel", order=order_id)
    world.advance(_ROUND_S - 70)


def _fill(world: DeskWorld, order_id: str, exec_id: str) -> None:
    placement = world.state.placements[world.state.orders[order_id].placement_id]
    today = datetime.datetime.fromtimestamp(world.now.utc_ns // 10**9, datetime.UTC).date()
    settles = today + datetime.timedelta(days=3 if today.weekday() == 4 else 1)
    report = m.DealerReport(
        word=m.DealerWord.filled,
        cl_ord_id=placement.placement_id,
        orig_cl_ord_id="",
        order_id=f"D-{exec_id}",
        exec_id=exec_id,
        security_id=placement.security_id,
        side=placement.side,
        last_quantity=placement.quantity,
        last_price=placement.price,
        cum_quantity=placement.quantity,
        leaves_quantity=Decimal(0),
        average_price=placement.price,
        trade_date=f"{today:%Y%m%d}",
        settl_date=f"{settles:%Y%m%d}",
        transact_ns=world.now.utc_ns,
        status="2",
        as_came="",
    )
    world.hear(placement.session, report)


def write_journal(path: Path, events: Sequence[e.Event]) -> None:
    """A closed journal of these events, one a turn."""
    codec = events_codec()
    with Journal(path) as journal:
        batch: list[StagedTurn] = []
        for seq, event in enumerate(events, 1):
            name, version, body = codec.encode(event)
            row = EventRow(seq, seq, name, version, event.at_ns, body)
            batch.append(StagedTurn(seq, event.at_ns, "Worked", "", "", (row,)))
            if len(batch) == _TURNS_A_BATCH or seq == len(events):
                journal.commit(batch)
                batch = []
