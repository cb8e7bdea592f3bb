"""What the street does: it answers, trades and leaks as its world says, with the same luck for every policy."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from worlds.street import Answer, Due, Late, Outcome, Piece, Round, Said, Street
from worlds.world import DAY_S, Dealer, Kind, World, draw

NOON_S = 30.5 * DAY_S
LONG_S = 15 * DAY_S


def piece_of(world: World, *, side: int = 1, order: int = 0, at_s: float = NOON_S) -> Piece:
    bond = world.bonds[0]
    adv = world.inside(bond).adv
    return Piece(order, 0, at_s, at_s, bond, side, adv / 2, adv / 2, 50.0)


def with_dealers(world: World, *changed: dict[str, Any]) -> World:
    """The first dealers made so, the others as they are; everybody answers at once, and nobody rejects."""
    plain: dict[str, Any] = {"reach": (9.0,) * 6, "careless": 0.0, "rejects": 0.0, "is_bothered": False, "talks": 1.0}
    plain |= {"reach_by_side": 0.0, "markup_by_side": 0.0, "joins_on": 0.0}
    names = world.present(0.0)
    made = {name: replace(world.dealers[name], **{**plain, **more}) for name, more in zip(names, changed, strict=False)}
    return replace(world, dealers={**world.dealers, **made})


def names_of(world: World, count: int) -> list[str]:
    return world.present(0.0)[:count]


def opened(street: Street, piece: Piece) -> Round:
    street.now_s = max(street.now_s, piece.at_s)
    return Round(street, piece)


def rounds(street: Street, count: int) -> Iterator[Round]:
    return (event for event in street.events(count) if isinstance(event, Round))


@pytest.mark.parametrize("kind", Kind)
def test_orders_come_in_time_and_are_the_same_ones_whoever_is_asked(kind: Kind) -> None:
    world = draw(kind, 5)
    idle = [event.piece for event in rounds(Street(world), 150)]
    busy = []
    for event in rounds(Street(world), 150):
        busy.append(event.piece)
        event.ask(event.panel(names_of(world, 3)))
        event.close(60.0)
    assert busy == idle
    assert [piece.at_s for piece in idle] == sorted(piece.at_s for piece in idle)
    assert len({(piece.order, piece.number) for piece in idle}) == 150
    assert any(piece.left > 0 for piece in idle)
    assert {piece.side for piece in idle} == {1, -1}


def test_a_desk_goes_on_buying_what_it_buys() -> None:
    """Else a leak would cost the orders behind it as much as it saved them."""
    agree = []
    for seed in range(8):
        pieces = [event.piece for event in rounds(Street(draw(Kind.QUIET, seed)), 300)]
        orders = list({piece.order: piece for piece in pieces}.values())
        for one, other in ((a, b) for at, a in enumerate(orders) for b in orders[at + 1 : at + 60]):
            if one.bond.issuer == other.bond.issuer and other.began_s - one.began_s < 3 * DAY_S:
                agree.append(one.side == other.side)
    assert statistics.fmean(agree) > 0.6


def test_everything_comes_in_the_order_of_its_time_and_nobody_is_told_of_later() -> None:
    world = draw(Kind.LOSERS, 3)
    street, seen, late = Street(world), [], 0
    for event in street.events(80, (60.0, DAY_S)):
        at_s = event.at_s if isinstance(event, Late) else event.piece.at_s
        at_s += event.after_s if isinstance(event, Due) else 0.0
        seen.append(at_s)
        late += isinstance(event, Late)
        if isinstance(event, Round):
            event.ask(names_of(world, 3))
            event.close(50.0)
        with pytest.raises(ValueError, match="asked for the price at"):
            street.mid(event.piece.bond, street.now_s + 1.0)
        assert street.mark(event.piece.bond, street.now_s).age_s >= 0.0
    assert seen == sorted(seen)
    assert late == 80, "nobody was accepted"


def test_a_dealer_is_in_the_same_mood_whoever_else_is_asked() -> None:
    world = draw(Kind.QUIET, 2)
    piece, (ash, birch, cedar) = piece_of(world), names_of(world, 3)
    one, other = opened(Street(world), piece), opened(Street(world), piece)
    assert one.ask([ash, birch])[0] == other.ask([cedar, ash])[1]


def quoted(world: World, company: int, count: int = 200) -> float:
    """How often the first dealer quotes, order by order, to somebody it has not been asked by before."""
    said = [
        opened(Street(world), piece_of(world, order=order)).ask(names_of(world, company))[0] for order in range(count)
    ]
    return sum(answer.said is Said.QUOTE for answer in said) / count


def test_dealers_answer_less_among_many_and_half_of_them_do_not_bother() -> None:
    error = 4 * math.sqrt(0.25 / 200)
    plain = draw(Kind.QUIET, 11)
    for bothered in (False, True):
        world = with_dealers(plain, {"reach": (0.9,) * 6, "size_in_adv": 3.0, "is_bothered": bothered})
        bothered_from = world.values["bothered_from"]
        for company in (1, 4, 10):
            expected = 0.9 - math.log2(company) * world.values["crowding"]
            expected /= 2 if bothered and company >= bothered_from else 1
            assert quoted(world, company) == pytest.approx(expected, abs=error)


def test_a_dealer_that_loses_again_and_again_answers_less_until_it_has_forgotten() -> None:
    world = with_dealers(draw(Kind.QUIET, 11), {"weariness": 0.4})
    street, (ash,) = Street(world), names_of(world, 1)
    for order in range(60):
        asked = opened(street, piece_of(world, order=order))
        asked.ask([ash])
        asked.close(30.0)
    assert street.weariness(ash, NOON_S) == 1.0
    later_s = NOON_S + world.values["forgets"] * DAY_S
    lost, _ = street._weary[ash]
    assert street.weariness(ash, later_s) == pytest.approx(min(1.0, lost / 2 / world.values["weary_after"]), rel=0.01)
    refuses = with_dealers(draw(Kind.QUIET, 11), {"reach": (-9.0,) * 6})
    street = Street(refuses)
    asked = opened(street, piece_of(refuses))
    assert asked.ask([ash])[0].said is not Said.QUOTE
    asked.close(30.0)
    assert street.weariness(ash, NOON_S) == 0.0, "it lost nothing: it did not quote"


def test_a_trade_fills_its_dealer_up_and_the_next_costs_more() -> None:
    world = with_dealers(draw(Kind.QUIET, 3), {"skew": 0.8, "noise": 1e-9})
    piece, again, (ash,) = piece_of(world), piece_of(world, order=1), names_of(world, 1)
    street = Street(world)
    first = opened(street, piece)
    [answer] = first.ask([ash])
    assert first.accept(answer, answer.came_s).outcome is Outcome.FILLED
    price, untouched = (opened(each, again).ask([ash])[0].price for each in (street, Street(world)))
    assert price > untouched


LEAK_BPS = 8.0


def moved(
    world: World, asked: int, winner: int | None, after_s: float, *, side: int = 1, one_by_one: bool = False
) -> float:
    """How far the mid was moved after a round, in bps of what such a leak is worth."""
    street, piece = Street(world), piece_of(world, side=side)
    one = opened(street, piece)
    names = names_of(world, asked)
    if one_by_one:
        answers = [answer for at, name in enumerate(names) for answer in one.ask([name], at * 1.0)]
    else:
        answers = one.ask(names)
    taken_s = 30.0
    if winner is not None:
        won = answers[winner]._replace(size=piece.size, came_s=taken_s, until_s=1e9)
        assert one.accept(won, taken_s).size == piece.size
    one.close(taken_s)
    street.now_s = piece.at_s + one.lasted_s + after_s
    return street.moved_bps(piece.bond, street.now_s) / world.worth(1.0, piece.bond, piece.size + piece.left)


LOUD: dict[str, Any] = {"leak_bps": LEAK_BPS}
SILENT: dict[str, Any] = {"leak_bps": 0.0}


@pytest.mark.parametrize("one_by_one", [False, True])
@pytest.mark.parametrize("side", [1, -1])
@pytest.mark.parametrize("kind", [Kind.LOSERS, Kind.TRADERS, Kind.REGIMES, Kind.LATE])
def test_losers_move_the_mid_against_us_and_a_winner_does_not(kind: Kind, side: int, one_by_one: bool) -> None:
    world = with_dealers(draw(kind, 1), LOUD, SILENT, SILENT)
    lasts = world.values["leak_lasting"]
    after_s = LONG_S + world.values["delay"] * DAY_S
    for winner, expected in ((1, LEAK_BPS * lasts), (None, LEAK_BPS * lasts), (0, 0.0)):
        found = moved(world, 3, winner, after_s, side=side, one_by_one=one_by_one)
        assert found == pytest.approx(side * expected, rel=0.01)


def test_a_leak_arrives_by_halves_and_what_does_not_last_goes_away() -> None:
    world = with_dealers(draw(Kind.LOSERS, 1), LOUD)
    world = replace(world, values={**world.values, "leak_lasting": 0.5, "leak_rise": 600.0})
    course = [moved(world, 1, None, after_s) for after_s in (0.0, 600.0, 1_200.0, LONG_S)]
    assert course == pytest.approx([0.0, LEAK_BPS / 2, LEAK_BPS * 3 / 4, LEAK_BPS / 2], rel=0.03, abs=1e-9)


def test_what_was_told_already_is_no_news_for_days() -> None:
    world = with_dealers(draw(Kind.LOSERS, 1), LOUD)
    world = replace(world, values={**world.values, "leak_lasting": 1.0, "news_lives": 1.0})
    lives_s, street, found = DAY_S, Street(world), []
    for order, after_s in enumerate((0.0, 60.0, lives_s + 60.0, lives_s + 120.0)):
        asked = opened(street, piece_of(world, order=order, at_s=NOON_S + after_s))
        asked.ask(names_of(world, 1))
        asked.close(0.0)
        [moves] = street._moves.values()
        found.append(moves.total[-1] / world.worth(1.0, asked.piece.bond, asked.piece.size + asked.piece.left))
    assert found == pytest.approx([LEAK_BPS, LEAK_BPS, LEAK_BPS * 1.5, LEAK_BPS * 1.5], rel=0.01)


def test_a_hedge_moves_the_mid_by_who_wins_and_by_how_much() -> None:
    world = with_dealers(draw(Kind.HEDGE, 1), {"hedge_bps": 10.0}, {"hedge_bps": 4.0})
    world = replace(world, values={**world.values, "leak_lasting": 1.0})
    piece = piece_of(world)
    small = world.worth(1.0, piece.bond, piece.size) / world.worth(1.0, piece.bond, piece.size + piece.left)
    found = [moved(world, 2, winner, LONG_S) for winner in (None, 0, 1)]
    assert found == pytest.approx([0.0, 10.0 * small, 4.0 * small], rel=0.01)


def test_an_early_leak_is_in_the_price_at_the_decision_and_a_late_one_not_for_hours() -> None:
    early = with_dealers(draw(Kind.EARLY, 1), LOUD)
    early = replace(early, values={**early.values, "early_rise": 30.0})
    assert moved(early, 1, None, 0.0) == pytest.approx(LEAK_BPS / 2, rel=0.01)
    late = with_dealers(draw(Kind.LATE, 1), LOUD)
    assert moved(late, 1, None, late.values["delay"] * DAY_S - 60.0) == 0.0


@pytest.mark.parametrize("one_by_one", [False, True])
def test_from_the_third_on_it_counts_how_many_know_up_to_a_bound(one_by_one: bool) -> None:
    world = with_dealers(draw(Kind.MANY, 1), *[LOUD] * 8)
    world = replace(world, values={**world.values, "leak_lasting": 1.0, "many_at_most": 2.0, "many_from": 2.0})
    found = [moved(world, count, None, LONG_S, one_by_one=one_by_one) for count in (1, 2, 3, 4, 8)]
    assert found == pytest.approx([0.0, 0.0, LEAK_BPS / 4, LEAK_BPS, 2 * LEAK_BPS], rel=0.01)


@pytest.mark.parametrize("one_by_one", [False, True])
def test_who_is_told_quotes_worse_and_the_mid_stays_where_it_was(one_by_one: bool) -> None:
    for side in (1, -1):
        prices = []
        for teller in (SILENT, LOUD):
            world = with_dealers(draw(Kind.TOLD, 1), teller, SILENT)
            asked = opened(Street(world), piece_of(world, side=side))
            first, second = names_of(world, 2)
            answers = [*asked.ask([first]), *asked.ask([second])] if one_by_one else asked.ask([first, second])
            prices.append(answers[1].price)
        piece = piece_of(world)
        worth = world.worth(LEAK_BPS, piece.bond, piece.size + piece.left)
        assert side * (prices[1] - prices[0]) * 100 == pytest.approx(worth)
    assert moved(world, 2, None, LONG_S) == 0.0


@pytest.mark.parametrize("kind", [Kind.QUIET, Kind.EQUAL])
def test_where_nobody_leaks_nothing_is_moved(kind: Kind) -> None:
    world = draw(kind, 6)
    street = Street(world)
    for event in rounds(street, 60):
        said = [each for each in event.ask(names_of(world, 4)) if each.said is Said.QUOTE]
        if said:
            event.accept(said[0], said[0].came_s + 1.0)
        event.close(90.0)
    assert not street._moves


def test_the_past_does_not_change() -> None:
    world = with_dealers(draw(Kind.LOSERS, 1), LOUD)
    street, bond, past = Street(world), world.bonds[0], []
    for order in range(8):
        at_s = NOON_S + order * 10 * DAY_S
        asked = opened(street, piece_of(world, order=order, at_s=at_s))
        asked.ask(names_of(world, 1))
        asked.close(0.0)
        street.now_s = at_s + 9 * DAY_S
        past.append((street.now_s, street.mid(bond, street.now_s), street.mark(bond, street.now_s)))
    for at_s, mid, mark in past:
        assert (street.mid(bond, at_s), street.mark(bond, at_s)) == (pytest.approx(mid, abs=1e-9), mark)


@pytest.mark.parametrize("kind", [Kind.QUIET, Kind.REGIMES])
def test_a_mark_is_never_of_later_than_now_and_never_goes_back(kind: Kind) -> None:
    world = draw(kind, 4)
    world = replace(world, values={**world.values, "mark_smoothing": 0.0, "mark_error": 1e-9})
    street = Street(world)
    made = dict.fromkeys(range(3), 0.0)
    for at in range(400):
        street.now_s = at_s = NOON_S + at * 977.0
        for bond in world.bonds[:3]:
            mark = street.mark(bond, at_s)
            assert mark.age_s >= 0
            assert at_s - mark.age_s >= made[bond.number] - 1e-6
            made[bond.number] = at_s - mark.age_s
            assert mark.price == pytest.approx(street.mid(bond, at_s - mark.age_s), abs=1e-6)


def test_days_of_stress_are_wide_and_volatile() -> None:
    world = draw(Kind.REGIMES, 4)
    street, bond = Street(world), world.bonds[0]
    days: dict[bool, list[float]] = {True: [], False: []}
    for day in range(600):
        change = street.untouched_bps(bond, (day + 1) * DAY_S) - street.untouched_bps(bond, day * DAY_S)
        days[world.stress(day) > 1].append(change)
    calm, bad = (statistics.pstdev(days[which]) for which in (False, True))
    assert bad / calm == pytest.approx(world.values["stress"], rel=0.25)
    widths = {world.stress(day) > 1: world.half_spread_bps(bond, 1e6, day * DAY_S) for day in range(600)}
    assert widths[True] / widths[False] == pytest.approx(world.values["stress"])


def test_marks_are_wrong_together_and_for_days() -> None:
    world = draw(Kind.QUIET, 4)
    world = replace(world, values={**world.values, "mark_smoothing": 0.0, "mark_every": 300.0, "mark_error": 10.0})
    world = replace(world, values={**world.values, "lasts": 5.0})
    street = Street(world)
    street.now_s = math.inf
    bonds = [bond for bond in world.bonds if bond.sector == world.bonds[0].sector][:2]

    def wrong(bond_at: int, at_s: float) -> float:
        mark = street.mark(bonds[bond_at], at_s)
        return 100 * (mark.price - street.mid(bonds[bond_at], at_s - mark.age_s))

    moments = [NOON_S + day * DAY_S for day in range(300)]
    first, second = ([wrong(at, moment) for moment in moments] for at in (0, 1))
    next_day = [wrong(0, moment + DAY_S) for moment in moments]
    assert statistics.pstdev(first) == pytest.approx(10, rel=0.35)
    assert statistics.correlation(first, second) > 0.95
    assert 0.6 < statistics.correlation(first, next_day) < 0.95


def test_a_second_look_comes_only_where_the_market_has_moved_and_says_so() -> None:
    look: dict[str, Any] = {
        "rejects": 1.0,
        "last_look_bps": 0.5,
        "seconds": 5.0,
        "holds_s": 20.0,
        "quote_lives_s": 120.0,
    }
    world = with_dealers(draw(Kind.QUIET, 9), look)
    against: dict[Outcome, list[float]] = {Outcome.FILLED: [], Outcome.LOOKED: []}
    for order in range(300):
        asked = opened(Street(world), piece_of(world, order=order, at_s=NOON_S + order * 3_000.0))
        [answer] = asked.ask(names_of(world, 1))
        fill = asked.accept(answer, answer.came_s + 50.0)
        against[fill.outcome].append(fill.moved_bps)
        assert (fill.size > 0) is (fill.outcome is Outcome.FILLED)
    assert max(against[Outcome.FILLED]) <= 0.5 < min(against[Outcome.LOOKED])
    assert len(against[Outcome.LOOKED]) > 10, "with thirty bps a day it happens"


def test_a_quote_has_an_end_and_a_part_leaves_the_rest_open() -> None:
    world = with_dealers(draw(Kind.QUIET, 9), {"size_in_adv": 0.1, "share_of_size": 0.4})
    asked = opened(Street(world), piece_of(world))
    [answer] = asked.ask(names_of(world, 1))
    assert asked.accept(answer, answer.until_s + 0.1).outcome is Outcome.EXPIRED
    assert asked.accept(answer, answer.came_s).size == pytest.approx(0.4 * asked.piece.size)
    assert asked.open_size == pytest.approx(0.6 * asked.piece.size)
    assert asked.accept(answer._replace(size=1e12), answer.came_s).size == pytest.approx(0.6 * asked.piece.size)


def test_what_was_not_traded_is_traded_days_later_and_pays_for_its_own_leak() -> None:
    """The price is that of the day it is traded on: whoever leaked meanwhile is in it."""
    waits, extra = [], []
    for seed in range(6):
        loud = draw(Kind.LOSERS, seed)
        found = {}
        for world in (loud, replace(loud, dealers={n: replace(d, leak_bps=0.0) for n, d in loud.dealers.items()})):
            street, costs = Street(world), []
            for event in street.events(60):
                if isinstance(event, Round):
                    event.ask(world.present(event.piece.at_s))
                    event.close(60.0)
                elif isinstance(event, Late):
                    waits.append((event.at_s - event.piece.at_s) / DAY_S)
                    costs.append(street.cost_bps(event.piece, event.price, event.at_s))
            found[world is loud] = statistics.fmean(costs)
        extra.append(found[True] - found[False])
    assert min(waits) >= 1.0
    assert 1.8 < statistics.fmean(waits) < 3.2
    assert min(extra) > 0.0


def test_traders_change_some_panels_by_what_they_hear_of_books() -> None:
    world, changed, count = draw(Kind.TRADERS, 2), 0, 400
    gained = []
    for event in rounds(Street(world), count):
        wanted = names_of(world, 3)
        panel = event.panel(wanted)
        assert (panel != wanted) is event.changed_by_trader
        if event.changed_by_trader:
            changed += 1
            books = [
                event.piece.side
                * event.street.inventory(world.dealers[name], event.piece.bond.sector, event.piece.at_s)
                for name in (panel[-1], wanted[-1])
            ]
            gained.append(books[0] - books[1])
        event.close(1.0)
    assert changed / count == pytest.approx(world.values["override"], abs=0.08)
    assert statistics.fmean(gained) > 0.5
    assert not any(
        event.panel(names_of(world, 3)) != names_of(world, 3) for event in rounds(Street(draw(Kind.QUIET, 2)), 50)
    )


def test_nothing_that_is_handed_out_tells_the_truth() -> None:
    """What a policy sees: a bond as files have it, a dealer's name, and what it said."""
    world = draw(Kind.LOSERS, 2)
    assert set(Answer._fields) == {"dealer", "said", "asked_s", "came_s", "price", "size", "until_s"}
    piece = piece_of(world)
    assert not {"style", "half_spread_bps", "daily_sd_bps"} & set(dir(piece.bond))
    told = [abs(math.log(bond.adv / world.inside(bond).adv)) for bond in world.bonds]
    assert statistics.fmean(told) > 0.0
    assert isinstance(world.dealers[names_of(world, 1)[0]], Dealer)


def test_nobody_is_asked_before_there_is_anybody_to_ask() -> None:
    world = with_dealers(draw(Kind.QUIET, 2), {"joins_on": 30.0})
    [ash] = names_of(draw(Kind.QUIET, 2), 1)
    with pytest.raises(ValueError, match="joins later"):
        opened(Street(world), piece_of(world, at_s=29.9 * DAY_S)).ask([ash])
    assert ash not in world.present(29.9 * DAY_S)
    assert ash in world.present(30.0 * DAY_S)
    assert opened(Street(world), piece_of(world, at_s=30.0 * DAY_S)).ask([ash])[0].said is Said.QUOTE


def test_an_index_tells_what_the_bonds_of_its_sector_share_and_nothing_of_later() -> None:
    world = draw(Kind.QUIET, 4)
    street, bond = Street(world), world.bonds[0]
    with pytest.raises(ValueError, match="asked for the price at"):
        street.index(bond.sector, 1.0)
    street.now_s = 700 * DAY_S
    days = [
        (
            street.untouched_bps(bond, (day + 1) * DAY_S) - street.untouched_bps(bond, day * DAY_S),
            100 * (street.index(bond.sector, (day + 1) * DAY_S) - street.index(bond.sector, day * DAY_S)),
        )
        for day in range(600)
    ]
    shared = world.values["market_share"] + world.values["sector_share"]
    assert statistics.correlation(*zip(*days, strict=True)) == pytest.approx(math.sqrt(shared), abs=0.1)
