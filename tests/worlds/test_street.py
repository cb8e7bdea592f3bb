"""What the street does: answers, trades and leaks as its world says, and the same luck for every policy."""

from __future__ import annotations

import math
import statistics
from dataclasses import replace

import pytest
from worlds.street import Answer, Piece, Said, Street
from worlds.world import DAY_S, Dealer, Kind, World, draw

NOON_S = 30.5 * DAY_S
SOON_S, LONG_S = 600.0, 15 * DAY_S


def piece_of(world: World, *, side: int = 1, order: int = 0, at_s: float = NOON_S) -> Piece:
    bond = world.bonds[0]
    return Piece(order, 0, at_s, bond, side, bond.adv / 2, bond.adv, 50.0)


def talker(world: World, bps: float, at: int = 0) -> Dealer:
    return replace(world.dealers[at], leak_bps=bps)


@pytest.mark.parametrize("kind", Kind)
def test_orders_come_in_time_and_are_the_same_ones_whoever_is_asked(kind: Kind) -> None:
    world = draw(kind, 5)
    street, busy = Street(world), Street(world)
    found = list(street.pieces(200))
    for piece, expected in zip(busy.pieces(200), found, strict=True):
        assert piece == expected
        panel = busy.panel(piece, world.dealers[:3])
        busy.ask(piece, panel)
        busy.over(piece, panel, panel[0], 30.0)
    assert [piece.at_s for piece in found] == sorted(piece.at_s for piece in found)
    assert len({(piece.order, piece.number) for piece in found}) == 200
    assert any(piece.left > 0 for piece in found)
    assert {piece.side for piece in found} == {1, -1}


def test_a_dealer_is_in_the_same_mood_whoever_else_is_asked() -> None:
    world = draw(Kind.QUIET, 2)
    one, other = Street(world), Street(world)
    piece = piece_of(world)
    ash, birch, cedar = world.dealers[:3]
    assert one.ask(piece, [ash, birch])[0] == other.ask(piece, [cedar, ash])[1]


def answers(world: World, panel: list[Dealer], count: int = 400) -> list[Answer]:
    """What the first of a panel says, order by order, to somebody it has not been asked by before."""
    return [Street(world).ask(piece_of(world, order=order), panel)[0] for order in range(count)]


def share(said: list[Answer]) -> float:
    return sum(answer.said is Said.QUOTE for answer in said) / len(said)


def test_dealers_answer_less_among_many_and_once_they_are_weary() -> None:
    world = draw(Kind.QUIET, 11)
    eager = replace(world.dealers[0], reach=(0.9,) * 6, weariness=0.4, size_in_adv=3.0)
    alone, among = share(answers(world, [eager])), share(answers(world, [eager, *world.dealers[1:8]]))
    assert alone == pytest.approx(0.9, abs=4 * math.sqrt(0.09 / 400))
    assert among == pytest.approx(0.9 - 3 * world.crowding, abs=4 * math.sqrt(0.25 / 400))
    street, weary = Street(world), []
    for order in range(400):
        piece = piece_of(world, order=order)
        weary += street.ask(piece, [eager])
        street.over(piece, [eager], None, 30.0)
    assert share(weary[20:]) == pytest.approx(0.5, abs=4 * math.sqrt(0.25 / 380))


def test_a_trade_fills_its_dealer_up_and_it_comes_to_want_the_other_side() -> None:
    world = draw(Kind.QUIET, 3)
    dealer = replace(world.dealers[0], skew_bps=15.0, noise_bps=1e-9, reach=(2.0,) * 6, careless=0.0, rejects=0.0)
    street, piece = Street(world), piece_of(world)
    before = street.ask(piece, [dealer])[0]
    assert street.accept(piece, before, before.seconds).size == before.size
    again = piece_of(world, at_s=piece.at_s + 120.0, order=1)
    same, other = (
        stirred.ask(again, [dealer])[0].price - untouched.ask(again, [dealer])[0].price
        for stirred, untouched in ((street, Street(world)), (Street(world), Street(world)))
    )
    assert same > 0.0, "it sold to us, and sells the next for more"
    assert other == 0.0


LEAK_BPS = 8.0


def moved(kind: Kind, panel: list[Dealer], winner: int | None, after_s: float, *, world: World, side: int = 1) -> float:
    """How far the mid was moved after a round, in bps."""
    street, piece = Street(world), piece_of(world, side=side)
    assert world.kind is kind
    street.ask(piece, panel)
    street.over(piece, panel, None if winner is None else panel[winner], 30.0)
    return street.moved_bps(piece.bond, piece.at_s + 30.0 + after_s)


@pytest.mark.parametrize("side", [1, -1])
@pytest.mark.parametrize("kind", [Kind.LOSERS, Kind.TRADERS, Kind.REGIMES])
def test_losers_move_the_mid_against_us_and_a_winner_does_not(kind: Kind, side: int) -> None:
    world = draw(kind, 1)
    panel = [talker(world, LEAK_BPS), talker(world, 0.0, 1), talker(world, 0.0, 2)]
    lost = moved(kind, panel, 1, LONG_S, world=world, side=side)
    assert lost == pytest.approx(side * LEAK_BPS * world.leak_lasting, rel=0.01)
    assert moved(kind, panel, None, LONG_S, world=world, side=side) == lost
    assert moved(kind, panel, 0, LONG_S, world=world, side=side) == 0.0


def test_a_leak_arrives_by_halves_and_what_does_not_last_goes_away() -> None:
    world = replace(draw(Kind.LOSERS, 1), leak_lasting=0.5, leak_rise_s=600.0)
    panel = [talker(world, LEAK_BPS)]
    course = [moved(Kind.LOSERS, panel, None, after_s, world=world) for after_s in (0.0, 600.0, 1_200.0, LONG_S)]
    assert course == pytest.approx([0.0, LEAK_BPS / 2, LEAK_BPS * 3 / 4, LEAK_BPS / 2], rel=0.03, abs=1e-9)


def test_a_hedge_moves_the_mid_by_who_wins_and_by_how_much() -> None:
    world = replace(draw(Kind.HEDGE, 1), leak_lasting=1.0)
    panel = [talker(world, LEAK_BPS), talker(world, LEAK_BPS, 1)]
    assert moved(Kind.HEDGE, panel, None, LONG_S, world=world) == 0.0
    assert moved(Kind.HEDGE, panel, 0, LONG_S, world=world) == pytest.approx(world.hedge_bps * math.sqrt(0.5), rel=0.01)


def test_an_early_leak_is_there_before_anybody_decides_and_a_late_one_is_not_there_for_hours() -> None:
    early, late = draw(Kind.EARLY, 1), draw(Kind.LATE, 1)
    street, piece = Street(early), piece_of(early)
    street.ask(piece, [talker(early, LEAK_BPS)])
    assert street.moved_bps(piece.bond, piece.at_s + 60.0) > 0.0
    panel = [talker(late, LEAK_BPS)]
    assert moved(Kind.LATE, panel, None, late.delay_s - 60.0, world=late) == 0.0
    assert moved(Kind.LATE, panel, None, late.delay_s + LONG_S, world=late) > 0.0


def test_from_the_third_on_it_counts_how_many_know() -> None:
    world = replace(draw(Kind.MANY, 1), leak_lasting=1.0)
    panel = [talker(world, LEAK_BPS, at) for at in range(4)]
    found = [moved(Kind.MANY, panel[:count], None, LONG_S, world=world) for count in (1, 2, 3, 4)]
    assert found == pytest.approx([0.0, 0.0, LEAK_BPS / 4, LEAK_BPS], rel=0.01)


def test_who_is_told_quotes_worse_and_the_mid_stays_where_it_was() -> None:
    world = draw(Kind.TOLD, 1)
    teller, listener = talker(world, LEAK_BPS), replace(talker(world, 0.0, 1), reach=(5.0,) * 6)
    piece = piece_of(world)
    for side in (1, -1):
        asked = piece._replace(side=side)
        alone = Street(world).ask(asked, [talker(world, 0.0), listener])[1].price
        told = Street(world).ask(asked, [teller, listener])[1].price
        assert side * (told - alone) * 100 == pytest.approx(LEAK_BPS)
    assert moved(Kind.TOLD, [teller, listener], None, LONG_S, world=world) == 0.0


@pytest.mark.parametrize("kind", [Kind.QUIET, Kind.EQUAL])
def test_where_nobody_leaks_nothing_is_moved(kind: Kind) -> None:
    world = draw(kind, 6)
    street = Street(world)
    for piece in street.pieces(60):
        panel = list(world.dealers[:4])
        said = [each for each in street.ask(piece, panel) if each.said is Said.QUOTE]
        if said:
            street.accept(piece, said[0], said[0].seconds + 1.0)
        street.over(piece, panel, said[0].dealer if said else None, 30.0)
        assert street.moved_bps(piece.bond, piece.at_s + DAY_S) == 0.0


def test_a_leak_of_long_ago_is_in_the_price_for_good() -> None:
    world = replace(draw(Kind.LOSERS, 1), leak_lasting=0.5)
    street, panel = Street(world), [talker(world, LEAK_BPS)]
    for number in range(6):
        piece = piece_of(world, order=number, at_s=NOON_S + number * 10 * DAY_S)
        street.over(piece, panel, None, 0.0)
    at_s = NOON_S + 65 * DAY_S
    assert street.moved_bps(world.bonds[0], at_s) == pytest.approx(6 * LEAK_BPS / 2, rel=0.01)
    assert len(street._shifts[world.bonds[0].issuer]) <= 3


@pytest.mark.parametrize("kind", [Kind.QUIET, Kind.REGIMES])
def test_a_mark_is_never_of_later_than_now_and_has_its_age(kind: Kind) -> None:
    world = replace(draw(kind, 4), mark_smoothing=0.0, mark_error_bps=1e-9)
    street = Street(world)
    for at in range(200):
        at_s = NOON_S + at * 977.0
        for bond in world.bonds[:3]:
            mark = street.mark(bond, at_s)
            assert 0 <= mark.age_s <= 2 * world.mark_every_s * world.stress**2
            assert mark.price == pytest.approx(street.mid(bond, at_s - mark.age_s), abs=1e-6)


def test_marks_are_wrong_together_and_for_days() -> None:
    world = replace(draw(Kind.QUIET, 4), mark_smoothing=0.0, mark_every_s=300.0, mark_error_bps=10.0)
    street = Street(world)
    bonds = [bond for bond in world.bonds if bond.sector == world.bonds[0].sector][:2]

    def wrong(bond_at: int, at_s: float) -> float:
        bond = bonds[bond_at]
        mark = street.mark(bond, at_s)
        return 100 * (mark.price - street.mid(bond, at_s - mark.age_s))

    moments = [NOON_S + day * DAY_S for day in range(300)]
    first, second = ([wrong(at, moment) for moment in moments] for at in (0, 1))
    next_day = [wrong(0, moment + DAY_S) for moment in moments]
    assert statistics.pstdev(first) == pytest.approx(10, rel=0.35)
    assert statistics.correlation(first, second) > 0.95
    assert 0.6 < statistics.correlation(first, next_day) < 0.95


def test_a_second_look_comes_only_where_the_market_has_moved_and_the_move_is_told() -> None:
    world = draw(Kind.QUIET, 9)
    dealer = replace(world.dealers[0], careless=0.0, rejects=1.0, last_look_bps=3.0, reach=(5.0,) * 6, seconds=5.0)
    filled, rejected = [], []
    for order in range(200):
        street, piece = Street(world), piece_of(world, order=order, at_s=NOON_S + order * 3_000.0)
        [answer] = street.ask(piece, [dealer])
        taken_s = answer.seconds + 50.0
        against = (
            100
            * piece.side
            * (street.mid(piece.bond, piece.at_s + taken_s) - street.mid(piece.bond, piece.at_s + answer.seconds))
        )
        fill = street.accept(piece, answer, taken_s)
        (filled if fill.size else rejected).append(against)
        assert fill.size or fill.moved_bps == pytest.approx(against)
        assert not fill.size or (fill.size, fill.price) == (answer.size, answer.price)
    assert max(filled, default=0.0) <= 3.0 < min(rejected, default=9.0)
    late = Street(world).accept(piece, answer, answer.seconds + 61.0)
    assert late.size == 0.0, "its quote was over"


def test_what_was_not_traded_is_traded_days_later_at_what_it_costs_then() -> None:
    world = draw(Kind.QUIET, 9)
    street, waits, costs = Street(world), [], []
    for piece in street.pieces(300):
        at_s, price = street.later(piece)
        waits.append((at_s - piece.at_s) / DAY_S)
        costs.append(piece.side * 100 * (price - street.mid(piece.bond, at_s)))
        drift = piece.side * 100 * (street.mid(piece.bond, at_s) - street.mid(piece.bond, piece.at_s))
        assert street.cost_bps(piece, price, piece.at_s) == pytest.approx(costs[-1] + drift)
    assert min(waits) >= 1.0
    assert 2.5 < statistics.fmean(waits) < 4.5
    assert min(costs) > 0.0


def test_traders_change_some_panels_and_only_where_there_are_traders() -> None:
    world, quiet = draw(Kind.TRADERS, 2), draw(Kind.LOSERS, 2)
    wanted = list(world.dealers[:3])
    changed = [Street(world).panel(piece, wanted) != wanted for piece in Street(world).pieces(400)]
    assert sum(changed) / 400 == pytest.approx(world.override, abs=0.1)
    assert all(
        Street(quiet).panel(piece, quiet.dealers[:3]) == list(quiet.dealers[:3]) for piece in Street(quiet).pieces(50)
    )
