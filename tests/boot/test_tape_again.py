"""The tape over a start: what was heard live is what is read back, marks, closes, trades and what is known of them."""

from __future__ import annotations

import random
from decimal import Decimal
from pathlib import Path

import pytest
from desk_builder import make_desk
from desk_past import HIGH_YIELD, LIQUID, MUNICIPAL

from engine.boot.take_over import recall_tape
from engine.clock import NS_PER_DAY, NS_PER_S, Instant
from engine.desk.deliveries import adopt
from engine.desk.setting import Desk
from engine.journal.archive import ReadOnly
from engine.journal.events import events_codec
from engine.journal.writer import Journal
from engine.market.appraisal import MarketParameters
from engine.market.hearing import Heard, Refusal, Sides, Withdrawal, Wrong
from engine.market.marks import Mark, Quality
from engine.market.tape import CompleteFrom, Trade
from engine.runtime.staging import Latest, Recorder
from engine.turn import Turn

START = 20_700 * NS_PER_DAY
BONDS = (LIQUID, HIGH_YIELD, MUNICIPAL)


def desk() -> Desk:
    fresh = make_desk()
    fresh.appraisal.parameters = MarketParameters(past_trades=frozenset({"tape"}))
    return fresh


def heard(rng: random.Random, now_ns: int, told: list[Trade]) -> Heard:
    bond = rng.choice(BONDS)
    source = rng.choice(("marks", "feed:vendor", "tape"))
    price = Decimal(rng.randint(9_500, 10_500)) / 100
    of_ns = now_ns - rng.choice((0, 5 * NS_PER_S, NS_PER_DAY, 3 * NS_PER_DAY))
    what = rng.random()
    if what < 0.5:
        half = rng.choice((None, Decimal("0.125")))
        return Mark(bond.security_id, price, of_ns, source, rng.choice(list(Quality)), half)
    if what < 0.55:
        return Withdrawal(bond.security_id, source, now_ns)
    if what < 0.6:
        return CompleteFrom(bond.asset_class.value, source, of_ns // NS_PER_DAY - rng.randint(0, 90))
    if what < 0.65:
        return Refusal(source, bond.security_id, Wrong.crossed, "crossed")
    if what < 0.7:
        return Sides(bond.security_id, source, price, now_ns, None, None)
    if told and what < 0.8:
        before = rng.choice(told)
        return Trade(
            before.security_id,
            before.asset_class,
            before.price,
            before.quantity + 1,
            before.utc_ns,
            before.source,
            before.trade_id,
            canceled=rng.random() < 0.5,
        )
    size = Decimal(rng.randint(1, 50) * 100_000)
    trade = Trade(bond.security_id, bond.asset_class.value, price, size, of_ns, source, f"{len(told)}")
    told.append(trade)
    return trade


@pytest.mark.parametrize("seed", range(6))
def test_the_tape_is_read_back_as_it_was_heard(tmp_path: Path, seed: int) -> None:
    """Over some weeks, several turns a commit; what a restart finds is what the process had."""
    rng = random.Random(seed)
    live, path, now_ns = desk(), tmp_path / "journal.db", START
    told: list[Trade] = []
    with Journal(path, "normal", reserve_bytes=0) as journal:
        recorder = Recorder(journal.head, events_codec())
        for _ in range(40):
            latest, staged = Latest(), []
            for _ in range(rng.randint(1, 4)):
                now_ns += rng.choice((NS_PER_S, 3_600 * NS_PER_S, NS_PER_DAY // 2))
                turn = Turn(Instant(now_ns, now_ns), "Received")
                turn.heard = [heard(rng, now_ns, told) for _ in range(rng.randint(1, 5))]
                rows = recorder.stage(turn, latest)
                staged += [rows] if rows is not None else []
                adopt(live, turn.heard, now_ns)
            recorder.settle(staged, latest, now_ns)
            if staged:
                journal.commit(staged)
    again = desk()
    with ReadOnly(path) as file:
        recall_tape(file, again)
    for bond in BONDS:
        assert again.marks.marks(bond.security_id) == live.marks.marks(bond.security_id)
        for window in (5, 30, 60):
            for later in (0, 1, 9):
                at_ns = now_ns + later * NS_PER_DAY
                assert again.appraisal.adv(bond, window, at_ns) == live.appraisal.adv(bond, window, at_ns)
        assert again.appraisal.volatility(bond.security_id, now_ns) == live.appraisal.volatility(
            bond.security_id, now_ns
        )
    assert again.appraisal.tape.dump() == live.appraisal.tape.dump()
    assert again.appraisal.closes.dump() == live.appraisal.closes.dump()
    assert told
