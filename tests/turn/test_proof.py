"""What a peer is known to have: reports are proven by TestRequest(1), lest a reset repeats more than need be."""

from __future__ import annotations

import pytest
from session_world import SessionWorld
from world import OBEDIENT, QUIET, World

from engine.turn import ProofWanted

SMALL = {"t38": 100_000, "t40": "1", "t44": None, "t59": "0"}


@pytest.fixture
def world() -> SessionWorld:
    world = SessionWorld()
    world.log_on("oms")
    return world


def ask(world: SessionWorld) -> None:
    world.take(ProofWanted(world.now, "oms", bytes(16)))


def test_a_report_is_unproven_until_the_peer_answers_a_test_request_sent_after_it(world: SessionWorld) -> None:
    assert not world.machine.unproven("oms"), "session messages need no proof"
    world.order()
    assert world.machine.unproven("oms")
    ask(world)
    last = world.sent("oms")[-1]
    assert last[35] == "1"
    assert not world.machine.unproven("oms"), "it is being asked"
    world.say("oms", "0", (112, last[112]))
    assert world.machine.links["oms"].confirmed == (1, int(last[34]))
    assert not world.machine.unproven("oms")
    world.order()
    assert world.machine.unproven("oms")


def test_it_is_still_unproven_on_the_next_connection_and_in_no_new_epoch(world: SessionWorld) -> None:
    world.order()
    world.cut("oms")
    assert not world.machine.unproven("oms"), "nobody is there to ask"
    world.log_on("oms")
    assert world.machine.unproven("oms")
    world.say("oms", "A", (98, "0"), (108, "30"), (141, "Y"), seq=1)
    assert not world.machine.unproven("oms"), "its numbers are over: what was not proven is said again"


def test_the_daemon_asks_by_itself_and_a_reset_repeats_nothing_that_was_proven() -> None:
    with World(1, QUIET, OBEDIENT).ready() as w:
        w.oms.new_order(**SMALL)
        w.run(60)
        machine = w.engine.machine
        assert machine.links["oms"].confirmed >= (1, machine.links["oms"].last_report)


def last_reports(w: World) -> dict[str, int | None]:
    return {key: link.last_report for key, link in w.engine.machine.links.items()}


def test_a_restart_knows_which_report_is_still_to_be_proven() -> None:
    with World(1, QUIET, OBEDIENT).ready() as w:
        w.oms.new_order(**SMALL)
        w.run(3)
        before = last_reports(w)
        assert any(before.values())
        w.kill()
        w.run(0.5 + 1)
        assert last_reports(w) == before


def test_a_peer_that_asks_again_has_lost_what_it_had_and_a_reset_repeats_it(world: SessionWorld) -> None:
    """Restored from a backup, say: what was proven of its former life is not true of this one."""
    world.order()
    ask(world)
    test_request = world.sent("oms")[-1]
    world.say("oms", "0", (112, test_request[112]))
    proven = world.machine.links["oms"].confirmed[1]
    world.say("oms", "2", (7, "2"), (16, "0"))
    assert world.machine.links["oms"].confirmed == (1, 1)
    assert world.machine.unproven("oms")
    world.say("oms", "2", (7, str(proven)), (16, "0"))
    assert world.machine.links["oms"].confirmed == (1, proven - 1)


def test_a_test_request_that_is_answered_over_a_gap_proves_nothing(world: SessionWorld) -> None:
    """Engines are about that answer at once what came above their gap, and ask for the gap meanwhile."""
    world.order()
    ask(world)
    test_request = world.sent("oms")[-1]
    world.say("oms", "2", (7, "2"), (16, "0"))
    world.say("oms", "0", (112, test_request[112]))
    assert world.machine.links["oms"].confirmed == (1, 1)
    assert world.machine.unproven("oms"), "it is asked anew"
