"""What is kept of a session is a value: nothing done to the next one shows in this one, however much is shared."""

from __future__ import annotations

import random
import sys

import pytest
from session_world import SessionWorld

from engine.desk.draft import Delivery
from engine.domain import messages as m
from engine.domain.keys import Timer, TimerKind
from engine.fix.session.sequence import SessionState
from engine.turn import Ledger, Link, TimerDue
from engine.turn.appended import Appended
from engine.turn.link import NO_LEDGER, NOTHING_WAITS


def test_every_value_keeps_what_it_had_whatever_becomes_of_the_others() -> None:
    """Appended to, cut, and begun anew from any of them, in any order."""
    draw = random.Random(7)
    kept: list[tuple[Appended[int], list[int]]] = [(Appended(), [])]
    for item in range(2_000):
        value, plain = kept[draw.randrange(max(0, len(kept) - 5), len(kept))]
        if draw.random() < 0.2:
            count = draw.randrange(0, 12)
            value, plain = value.last(count), plain[len(plain) - min(count, len(plain)) :]
        else:
            value, plain = value.append(item), [*plain, item]
        kept.append((value, plain))
    for value, plain in kept:
        assert list(value) == plain
        assert len(value) == len(plain)
        assert [value[at] for at in range(-len(plain), len(plain))] == plain * 2
        assert value[1:3] == plain[1:3]
        assert bool(value) is bool(plain)


def test_two_that_come_from_one_do_not_see_each_other() -> None:
    one = Appended([1, 2])
    left, right = one.append(3), one.append(4)
    assert (list(one), list(left), list(right)) == ([1, 2], [1, 2, 3], [1, 2, 4])
    assert left != right
    assert left == Appended([1, 2, 3])
    assert left != [1, 2, 3]


@pytest.mark.parametrize("empty", [Appended(), NOTHING_WAITS, NO_LEDGER._entries], ids=["new", "waiting", "ledger"])
def test_an_empty_one_stays_empty_for_everybody(empty: Appended[object]) -> None:
    before = len(empty._items)
    assert list(empty.append("mine")) == ["mine"]
    assert (list(empty), len(empty._items)) == ([], before)


def test_what_grows_is_not_copied_and_what_was_let_go_leaves_memory() -> None:
    value: Appended[int] = Appended()
    lists = set()
    for item in range(10_000):
        value = value.append(item).last(100)
        lists.add(id(value._items))
        assert len(value._items) <= 202
    assert list(value) == list(range(9_900, 10_000))
    grown = Appended(range(50_000))
    items = grown._items
    for item in range(100):
        grown = grown.append(item)
    assert grown._items is items
    assert sys.getrefcount(items) < 10


def test_a_number_is_found_and_those_between_two() -> None:
    ledger = Ledger([(3, 30), (7, 70), (8, 80)]).add(12, 120)
    assert [ledger.get(number) for number in (2, 3, 4, 7, 8, 12, 13)] == [None, 30, None, 70, 80, 120, None]
    assert ledger.between(3, 8) == [30, 70, 80]
    assert ledger.between(4, 7) == [70]
    assert ledger.between(9, 11) == ledger.between(13, 99) == ledger.between(8, 3) == []
    assert Ledger().get(1) is None


def test_a_session_that_is_new_knows_of_nothing() -> None:
    link = Link(SessionState.fresh())
    assert not link.proven(1, 0)
    assert not link.behind
    assert not link.leaves_in_parts
    assert not link.can_send
    assert link.at(link.state) == link


def test_a_turn_that_is_decided_and_dropped_leaves_no_trace() -> None:
    """Decided twice, as after a failure of ours: what the dropped one had appended is nowhere."""
    world = SessionWorld()
    world.note(lambda draft: draft.send("oms", m.BusinessReject("S", 2, 3, "kept"), Delivery.at_least_once))
    before = dict(world.machine.links)
    world.trading.saying.append(
        lambda draft: draft.send("oms", m.BusinessReject("S", 3, 3, "dropped"), Delivery.at_least_once)
    )
    dropped = world.machine.decide(TimerDue(world.now, Timer(TimerKind.order, "says"), bytes(16)))
    assert len(dropped.links["oms"].waiting) == 2
    assert world.machine.links == before
    world.note(lambda draft: draft.send("oms", m.BusinessReject("S", 4, 3, "next"), Delivery.at_least_once))
    queue = world.machine.links["oms"].waiting
    assert [waiting.body for waiting in queue if b"dropped" in waiting.body] == []
    assert [waiting.outbox_id for waiting in queue] == [1, 2]
