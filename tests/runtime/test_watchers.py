"""Who watches is told, in order and with the seq; where nobody watches no notice is made."""

from __future__ import annotations

from desk_scene import scene
from session_world import START_NS

from engine.clock import Instant
from engine.desk.draft import Page
from engine.desk.notices import Notice, Topic
from engine.domain import events as e
from engine.runtime.watchers import Watchers
from engine.turn import Turn
from engine.turn.trading import Trading


def a_turn() -> Turn:
    turn = Turn(Instant(1, START_NS), "Noted")
    turn.events = [e.SessionUp(START_NS, "ash", 1)]
    turn.effects = [Page(1, {"what": "look here"})]
    return turn


def watchers() -> Watchers:
    return Watchers(Trading(scene().desk), lambda: 7)


def test_nothing_is_made_for_nobody() -> None:
    watching = watchers()
    assert watching.notices(a_turn(), 7) == ()
    end = watching.watch(lambda utc_ns, notice: None)
    assert len(watching.notices(a_turn(), 7)) == 2
    end()
    assert watching.notices(a_turn(), 7) == ()


def test_every_watcher_is_told_all_of_it_in_order() -> None:
    watching = watchers()
    one: list[tuple[int, Notice]] = []
    other: list[tuple[int, Notice]] = []
    watching.watch(lambda utc_ns, notice: one.append((utc_ns, notice)))
    watching.watch(lambda utc_ns, notice: other.append((utc_ns, notice)))
    turn = a_turn()
    watching.tell(turn.now, watching.notices(turn, 7))
    assert one == other
    assert [(at, notice.seq, notice.topic) for at, notice in one] == [
        (START_NS, 7, Topic.session),
        (START_NS, 7, Topic.page),
    ]


def test_whoever_ends_its_watch_while_it_is_told_hears_no_more() -> None:
    watching = watchers()
    heard: list[Notice] = []

    def hear(utc_ns: int, notice: Notice) -> None:
        heard.append(notice)
        end()

    end = watching.watch(hear)
    turn = a_turn()
    watching.tell(turn.now, watching.notices(turn, 7))
    assert [notice.topic for notice in heard] == [Topic.session]


def test_a_stream_begins_behind_the_last_turn_that_was_decided() -> None:
    assert watchers().seq == 7
