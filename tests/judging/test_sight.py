"""What a desk sees of a round: what happened, when, by the engine's clock, and nothing that only the world knows."""

from __future__ import annotations

import datetime
from dataclasses import replace
from typing import Any

import pytest
from judging.sight import STALE_S, WAIT_S, Sight, at_ns, horizon_s, plain
from worlds.street import Outcome, Piece, Round, Said, Street
from worlds.world import DAY_S, Kind, World, draw

from engine.domain.observation import Answer, ChosenBy, Horizon, Taken

NOON_S = 30.5 * DAY_S


def opened(world: World, at_s: float = NOON_S, **changed: Any) -> tuple[Street, Round]:
    street, bond = Street(world), world.bonds[0]
    adv = world.inside(bond).adv
    piece = Piece(7, 1, at_s, at_s, bond, 1, adv / 4, adv / 4, 80.0)._replace(**changed)
    street.now_s = at_s
    return street, Round(street, piece)


def eager(world: World, **more: Any) -> World:
    """Everybody quotes, within seconds, and keeps its word."""
    plain_: dict[str, Any] = {"reach": (9.0,) * 6, "rejects": 0.0, "careless": 0.0, "seconds": 5.0, "seconds_sd": 0.1}
    plain_ |= {"quote_lives_s": 100.0, "size_in_adv": 9.0, **more}
    return replace(world, dealers={name: replace(each, **plain_) for name, each in world.dealers.items()})


def test_trading_days_are_weekdays_from_eight_to_sixteen() -> None:
    for day in range(12):
        opens, closes = (
            datetime.datetime.fromtimestamp(at_ns(day * DAY_S + rest) / 1e9, datetime.UTC) for rest in (0.0, DAY_S - 1)
        )
        assert opens.weekday() < 5
        assert (opens.hour, closes.hour) == (8, 15)
        assert opens.date() == closes.date()
    assert at_ns(5 * DAY_S) - at_ns(4 * DAY_S) == 3 * 86_400 * 10**9, "a weekend"


def test_marks_are_due_at_the_horizons_of_the_decision() -> None:
    at_s = 3 * DAY_S + 1_000.0
    assert horizon_s(Horizon.minute, at_s) == at_s + 60
    assert horizon_s(Horizon.end_of_day, at_s) == 4 * DAY_S - 1
    assert horizon_s(Horizon.next_day, at_s) == 5 * DAY_S - 1


def test_a_round_is_told_as_it_was() -> None:
    world = eager(draw(Kind.QUIET, 3))
    street, asked = opened(world)
    sight = Sight(street)
    asking = sight.asking(asked.piece, 3)
    names = list(asking.dealers[:3])
    answers = asked.ask(names)
    best = min(answers, key=lambda each: each.price)
    decided_s = max(each.came_s for each in answers) + 1.0
    fill = asked.accept(best, decided_s)
    assert fill.outcome is Outcome.FILLED
    asked.close(decided_s)
    seen = sight.round_seen(asking, plain(names), asked, answers, decided_s)
    assert [ask.dealer for ask in seen.asks] == names
    assert {ask.answer for ask in seen.asks} == {Answer.quote}
    [winner] = [ask for ask in seen.asks if ask.taken is Taken.filled]
    assert (winner.dealer, winner.fill_price) == (best.dealer, winner.price)
    assert float(winner.price or 0) == pytest.approx(best.price, abs=1e-5)
    assert winner.accepted_ns == at_ns(NOON_S + decided_s)
    for ask in seen.asks:
        assert ask.price is not None
        assert ask.mark_answered is not None
        assert ask.edge_bps == pytest.approx(1e4 * (1 - float(ask.price) / float(ask.mark_answered.price)), abs=1e-6)
    assert float(seen.residual or 0) == pytest.approx(asked.piece.left, abs=0.01)
    assert seen.cover == sorted(ask.price for ask in seen.asks if ask.price is not None)[1]
    sight.informed(asked)
    again = sight.asking(asked.piece, 3)
    assert again.informed == frozenset(names), "the next part knows who was told of this one"


def test_who_answers_after_the_desk_has_decided_was_only_not_fast_enough() -> None:
    world = eager(draw(Kind.QUIET, 3))
    world = replace(world, dealers={name: replace(each, seconds_sd=1.5) for name, each in world.dealers.items()})
    for at in range(40):
        street, asked = opened(world, NOON_S + at * 1_000.0)
        sight = Sight(street)
        asking = sight.asking(asked.piece, 3)
        answers = asked.ask(asking.dealers[:3])
        came = sorted(answers, key=lambda each: each.came_s)
        asked.close(came[0].came_s + 1.0)
        street.now_s += WAIT_S
        seen = sight.round_seen(asking, plain(asking.dealers[:3]), asked, answers, came[0].came_s + 1.0)
        for ask, answer in zip(seen.asks, answers, strict=True):
            in_time = answer.came_s <= WAIT_S
            assert (ask.answer, ask.late) == ((Answer.quote, False) if in_time else (Answer.none, True))
            assert (ask.price is None) is (ask.edge_bps is None) is not in_time


def test_a_refusal_and_silence_are_not_the_same() -> None:
    for politeness, expected in ((1.0, Answer.passed), (0.0, Answer.none)):
        world = eager(draw(Kind.QUIET, 3), reach=(-9.0,) * 6, politeness=politeness)
        street, asked = opened(world)
        sight = Sight(street)
        asking = sight.asking(asked.piece, 2)
        answers = asked.ask(asking.dealers[:2])
        assert not [each for each in answers if each.said is Said.QUOTE]
        asked.close(60.0)
        seen = sight.round_seen(asking, plain(asking.dealers[:2]), asked, answers, 60.0)
        assert {ask.answer for ask in seen.asks} == {expected}


def test_a_stale_mark_is_none_and_teaches_nothing() -> None:
    world = draw(Kind.QUIET, 3)
    world = eager(replace(world, values={**world.values, "mark_every": 50 * STALE_S}))
    street, asked = opened(world)
    sight = Sight(street)
    asking = sight.asking(asked.piece, 2)
    answers = asked.ask(asking.dealers[:2])
    asked.close(30.0)
    seen = sight.round_seen(asking, plain(asking.dealers[:2]), asked, answers, 30.0)
    assert asking.mark is None
    assert seen.mark_decision is None
    assert {(ask.answer, ask.edge_bps) for ask in seen.asks} == {(Answer.quote, None)}


def test_who_fills_what_was_left_for_it_has_filled_in_full() -> None:
    """Two dealers each quote for six tenths: the second is taken for the four that are open, and keeps its word."""
    world = eager(draw(Kind.QUIET, 3), size_in_adv=0.01, share_of_size=0.6)
    street, asked = opened(world)
    sight = Sight(street)
    asking = sight.asking(asked.piece, 2)
    names = list(asking.dealers[:2])
    answers = asked.ask(names)
    decided_s = max(each.came_s for each in answers) + 1.0
    for each in answers:
        asked.accept(each, decided_s)
    seen = sight.round_seen(asking, plain(names), asked, answers, decided_s)
    assert asked.open_size == pytest.approx(0.0)
    assert [ask.taken for ask in seen.asks] == [Taken.filled, Taken.filled]
    assert [float(ask.filled / seen.quantity) for ask in seen.asks] == pytest.approx([0.6, 0.4])


def test_who_put_a_dealer_on_the_list_is_told() -> None:
    world = eager(draw(Kind.QUIET, 3))
    street, asked = opened(world)
    sight = Sight(street)
    asking = sight.asking(asked.piece, 2)
    one, other, third = asking.dealers[:3]
    answers = asked.ask([one, other, third])
    asked.close(30.0)
    panel = replace(plain([one, other]), explored=frozenset({other}), p={one: 0.95, other: 0.01})
    seen = sight.round_seen(asking, panel, asked, answers, 30.0)
    assert [ask.chosen_by for ask in seen.asks] == [ChosenBy.rule, ChosenBy.explored, ChosenBy.trader]
    assert [ask.p for ask in seen.asks] == [0.95, 0.01, None]
