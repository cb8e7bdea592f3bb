"""What the desk decides by, replaced: what stays, and that what it decided before is still told in its words."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from desk_scene import BOND, MM, placed, scene

from engine.boot import assembly
from engine.config import load
from engine.desk.replacing import objections
from engine.desk.setting import EARLIER_BOOKS_MAX, Desk
from engine.fix.flows.dialect import DEFAULT
from engine.rules.source import Source
from engine.turn import Change
from engine.turn.trading import DeskChange, Trading

ROOT = Path(__file__).parents[2]
CONFIG = load(ROOT / "engine.toml")
BONDS, _ = assembly.securities(CONFIG.reference.securities)


def desk(number: int) -> Desk:
    rules = f'rule "number {number}" when true\n  ask top {number % 9 + 1}\n'
    return assembly.desk(CONFIG, assembly.compiled(CONFIG, [Source("all.rules", rules)]), BONDS)


def test_prices_and_statistics_stay_and_rules_are_others() -> None:
    live, after = desk(1), desk(2)
    stats, marks = live.stats, live.marks
    live.hold = "the journal is slow"

    live.take_up(replace(after, hold=""), with_stats=False)

    assert (live.stats, live.marks, live.hold) == (stats, marks, "the journal is slow")
    assert live.book is after.book


def test_statistics_made_anew_come_with_their_rankings() -> None:
    live, after = desk(1), desk(2)

    live.take_up(after, with_stats=True)

    assert live.stats is after.stats
    assert live.rankings is after.rankings


def test_a_book_that_was_replaced_is_at_hand_for_what_it_decided() -> None:
    live = desk(0)
    first, hashes = live.book, []
    for number in range(1, EARLIER_BOOKS_MAX + 2):
        hashes.append(live.book.hash)
        live.take_up(desk(number), with_stats=False)

    assert live.book_of(first.hash) is None, "the oldest goes at the bound"
    assert [live.book_of(each) is not None for each in hashes[1:]] == [True] * EARLIER_BOOKS_MAX
    again = desk(EARLIER_BOOKS_MAX)
    live.take_up(again, with_stats=False)
    assert live.book_of(again.book.hash) is again.book
    assert again.book.hash not in live.earlier_books


def test_a_bond_that_something_is_open_in_may_not_go_and_one_that_never_was_there_is_in_nobodys_way() -> None:
    """After a start without it, certificates and rules can be read again all the same."""
    world = scene()
    world.order(BOND, "buy", MM)
    others = {key: bond for key, bond in world.desk.securities.items() if key != BOND.security_id}
    without = replace(world.desk, securities=others)

    [said] = objections(world.state, world.desk, without, ())

    assert said.startswith(f"securities: {BOND.security_id} is missing, and {world.id()} is open in it")
    assert objections(world.state, without, without, ()) == []


def test_a_dealer_does_not_begin_to_count_otherwise_while_something_is_open_with_it() -> None:
    """A fill of 1,000 bonds would be booked as 1,000 of face."""
    bonds = replace(DEFAULT, quantity_unit="bonds_1000")
    world, order_id = placed()
    trading = Trading(world.desk, {"ash": bonds, "fir": bonds}, {"ash": bonds}, world.state)
    in_face = Change(application=DeskChange(world.desk, {"ash": DEFAULT, "fir": DEFAULT}, {"ash": DEFAULT}))

    [said] = trading.objections(in_face, ())

    assert said.startswith("dealers: ash is counting in another unit, and ")
    firmer = Change(application=DeskChange(world.desk, {"ash": replace(bonds, firm_time_s=5.0)}, {}))
    assert trading.objections(firmer, ()) == []
    world.fills(order_id)
    assert trading.objections(in_face, ()) == []
