"""Sessions that keep hours, in the whole engine: closed, opened, begun anew, and killed over each of it.

The clock begins on a Monday at 14:30 UTC. Peers that begin anew do so at the hour agreed, by their own clock.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, time
from zoneinfo import ZoneInfo

import pytest
from sim_engine import PHASES
from sim_time import NS
from world import OBEDIENT, QUIET, World

from engine.desk.explaining import tell
from engine.domain import events as e
from engine.domain.keys import Timer, TimerKind
from engine.fix.session.phases import Phase
from engine.fix.session.schedule import Schedule

SMALL = {"t38": 100_000, "t40": "1", "t44": None, "t59": "0"}
"""An order that goes to all dealers and is executed by the rule."""

UTC = ZoneInfo("UTC")
PAUSE = Schedule.daily(UTC, time(14, 33), time(14, 31))
"""Closed for two minutes a day."""
PAUSE_AND_RESET = replace(PAUSE, reset=True)
SEAM = Schedule.daily(UTC, time(14, 31), time(14, 31), reset=True)
"""Around the clock, in periods of a day."""
CLOSES_S, OPENS_S = 60, 180
"""From the beginning of the world."""


def world(**schedules: Schedule) -> World:
    return World(1, replace(QUIET, schedules=tuple(schedules.items())), OBEDIENT)


def at(w: World, seconds: float) -> None:
    """Let time pass up to so many seconds from the beginning of the world."""
    w.run(max(0.0, seconds - w.timeline.now_ns / NS))


def begins_anew(w: World, key: str, at_s: float) -> None:
    """The peer resets its numbers then, a little late by its own clock."""
    w.timeline.put(int(at_s * NS) + NS // 10, f"{key}: its new period", w.peers[key].begin_period, (), None)


def resets(w: World) -> list[tuple[str, int, str]]:
    return [(event.session, event.epoch, event.cause) for event in w.events(e.SessionReset)]


def finish(w: World) -> None:
    at(w, OPENS_S)
    w.calm()
    w.reckon()


# --- outside the window ----------------------------------------------------------------------------------


def test_a_session_is_logged_out_at_the_end_of_its_window_and_back_at_the_next() -> None:
    with world(oms=PAUSE, alder=PAUSE).ready() as w:
        at(w, CLOSES_S - 0.1)
        assert w.engine.machine.session_up("oms")
        at(w, CLOSES_S + 1)
        for key in ("oms", "alder"):
            state = w.engine.machine.state(key)
            assert (state.phase, str(state.ending)) == (
                Phase.DISCONNECTED,
                "outside_schedule: closed until 14:33 UTC",
            )
        assert sorted(w.refusals) == ["ALDER: closed until 14:33 UTC", "OMS: closed until 14:33 UTC"]
        at(w, OPENS_S - 0.1)
        assert not w.engine.machine.session_up("oms"), "whoever knocks meanwhile is not let in"
        assert not w.engine.machine.session_up("alder")
        w.ready()
        assert not resets(w)
        finish(w)


@pytest.mark.parametrize("killed", [False, True], ids=["alive", "killed meanwhile"])
@pytest.mark.parametrize("schedule", [PAUSE, PAUSE_AND_RESET], ids=["numbers go on", "numbers begin anew"])
def test_what_a_drop_copy_misses_outside_its_window_waits_for_it(schedule: Schedule, killed: bool) -> None:
    with world(dropcopy=schedule).ready() as w:
        if schedule.reset:
            begins_anew(w, "dropcopy", OPENS_S)
        at(w, CLOSES_S + 5)
        w.oms.new_order(**SMALL)
        w.run(20)
        assert len(w.oms.reports) == 3
        assert not w.drop_copy.reports
        assert len(w.engine.machine.links["dropcopy"].waiting) == 3
        if killed:
            w.kill()
            w.run(5)
            assert len(w.engine.machine.links["dropcopy"].waiting) == 3
        at(w, OPENS_S)
        assert not w.drop_copy.reports
        w.ready()
        # Once each, and none as a possible repeat: they never left before.
        assert {key: (each.copies, each.again) for key, each in w.drop_copy.reports.items()} == dict.fromkeys(
            w.oms.reports, (1, 0)
        )
        assert resets(w) == ([("dropcopy", 2, "schedule")] if schedule.reset else [])
        finish(w)


def test_a_dealer_outside_its_hours_is_not_asked_and_the_trader_is_told_why() -> None:
    with world(alder=PAUSE).ready() as w:
        at(w, CLOSES_S + 5)
        w.oms.new_order(**SMALL)
        w.run(1)
        [rfq] = w.state.rfqs.values()
        assert [ask.dealer for ask in rfq.asks] == ["birch", "cedar", "dogwood"]
        [advice] = w.state.recommendations.values()
        reasons = {line.dealer: line.reason for line in tell(w.engine.trading.desk.book_of, advice).lines}
        assert reasons["alder"] == "session alder is closed until 14:33 UTC"
        w.run(20)
        at(w, OPENS_S + 10)
        w.oms.new_order(**{**SMALL, "t38": 110_000})
        w.run(1)
        assert w.dealers["alder"].requests
        finish(w)


def test_when_every_dealer_is_closed_the_order_is_with_the_trader() -> None:
    with world(**dict.fromkeys(("alder", "birch", "cedar", "dogwood"), PAUSE)).ready() as w:
        at(w, CLOSES_S + 5)
        w.oms.new_order(**SMALL)
        w.run(1)
        [order] = w.state.orders.values()
        assert "alder session alder is closed until 14:33 UTC" in order.note
        answer = w.engine.command("send", {"order": order.order_id})
        w.run(0.1)
        assert "session birch is closed until 14:33 UTC" in str(answer.error)
        assert not w.events(e.DealerAsked)
        finish(w)


def test_a_wall_clock_that_is_set_is_noticed_before_the_old_end_of_the_window() -> None:
    with world(oms=PAUSE).ready() as w:
        at(w, 15)
        w.timeline.set_clock(30 * NS)
        at(w, CLOSES_S - 30 - 1)
        assert w.engine.machine.session_up("oms")
        w.run(2)
        assert not w.engine.machine.session_up("oms")
        finish(w)


# --- once a period ---------------------------------------------------------------------------------------


def test_numbers_begin_anew_once_though_the_process_was_down_at_the_boundary() -> None:
    with world(oms=PAUSE_AND_RESET, birch=PAUSE_AND_RESET).ready() as w:
        w.oms.new_order(**SMALL)
        at(w, CLOSES_S + 5)
        begins_anew(w, "oms", OPENS_S)
        begins_anew(w, "birch", OPENS_S)
        w.kill(OPENS_S - CLOSES_S + 30)
        at(w, OPENS_S + 30)
        w.run(10)
        assert sorted(resets(w)) == [("birch", 2, "schedule"), ("oms", 2, "schedule")]
        for _ in range(3):
            w.ready()
            w.kill()
            w.run(2)
        w.ready()
        assert len(resets(w)) == 2
        assert w.engine.machine.state("oms").epoch == 2
        finish(w)


# Nothing leaves at a reset without a connection: there is no being killed half way through it.
@pytest.mark.parametrize("phase", [phase for phase in PHASES if phase != "partly_released"])
def test_numbers_begin_anew_once_wherever_the_process_dies_over_it(phase: str) -> None:
    with world(oms=PAUSE_AND_RESET).ready() as w:
        begins_anew(w, "oms", OPENS_S)
        at(w, OPENS_S - 0.01)
        w.crash(phase)
        w.run(0.02)
        assert w.crashes[phase] == 1
        w.run(5)
        w.ready()
        assert resets(w) == [("oms", 2, "schedule")]
        finish(w)


def test_at_a_seam_the_session_logs_out_and_on_again_with_new_numbers() -> None:
    with world(oms=SEAM, alder=SEAM).ready() as w:
        w.oms.new_order(**SMALL)
        at(w, CLOSES_S)
        before = w.engine.machine.state("oms")
        assert before.next_out > 4
        begins_anew(w, "oms", CLOSES_S)
        begins_anew(w, "alder", CLOSES_S)
        w.run(0.05)
        assert sorted(w.refusals) == [f"{name}: numbers begin anew: log on again" for name in ("ALDER", "OMS")]
        w.run(0.3)
        assert sorted(resets(w)) == [("alder", 2, "schedule"), ("oms", 2, "schedule")]
        w.ready()
        assert w.engine.machine.state("oms").next_out < before.next_out
        # The TestRequest before the Logout proved that all of it had arrived: nothing is said twice.
        assert [each.copies for each in w.oms.reports.values()] == [1, 1, 1]
        w.oms.new_order(**{**SMALL, "t38": 110_000})
        w.run(20)
        assert len(w.oms.reports) == 6
        finish(w)
        assert len(resets(w)) == 2


def test_what_was_not_confirmed_before_a_reset_by_the_clock_is_said_again() -> None:
    with world(oms=PAUSE_AND_RESET).ready() as w:
        at(w, CLOSES_S - 2)
        w.oms.new_order(**SMALL)
        w.until(lambda: len(w.oms.reports) == 2)
        w.oms.peer.die(int(30 * NS))  # Gone before it could prove that it has them.
        begins_anew(w, "oms", OPENS_S)
        at(w, OPENS_S + 10)
        assert {(each.copies, each.again) for each in w.oms.reports.values()} == {(2, 1), (1, 1)}
        finish(w)


# --- days on which clocks change, and weekends -------------------------------------------------------------

NEW_YORK = ZoneInfo("America/New_York")
MINUTE_S = 60


def utc_ns(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * NS


@pytest.mark.parametrize("killed", [False, True], ids=["alive", "killed meanwhile"])
@pytest.mark.parametrize(
    ("schedule", "opens"),
    [
        pytest.param(
            Schedule.daily(NEW_YORK, time(3, 0), time(1, 30)), "2026-11-01 08:00", id="an hour comes twice meanwhile"
        ),
        pytest.param(
            Schedule.daily(NEW_YORK, time(3, 30), time(1, 30)), "2026-03-08 07:30", id="an hour is left out meanwhile"
        ),
        pytest.param(
            Schedule.weekly(NEW_YORK, 6, time(17, 0), 4, time(17, 0)), "2026-11-29 22:00", id="the week begins"
        ),
        pytest.param(
            Schedule.weekly(NEW_YORK, 6, time(17, 0), 4, time(17, 0)),
            "2026-11-01 22:00",
            id="the week begins on the day of the change",
        ),
        pytest.param(Schedule.daily(UTC, time(0, 0), time(23, 30)), "2026-11-28 00:00", id="midnight"),
    ],
)
def test_a_session_opens_when_its_own_clock_says(schedule: Schedule, opens: str, killed: bool) -> None:
    """A minute before it is closed, whichever process looks; a quarter of a minute after it is there."""
    scenario = replace(QUIET, schedules=(("oms", schedule),), begins_ns=utc_ns(opens) - MINUTE_S * NS)
    with World(1, scenario, OBEDIENT) as w:
        at(w, MINUTE_S / 2)
        if killed:
            w.kill()
        at(w, MINUTE_S - 0.1)
        assert not w.engine.machine.session_up("oms")
        assert w.engine.machine.session_up("dropcopy")
        at(w, MINUTE_S + 15)
        assert w.engine.machine.session_up("oms")
        w.oms.new_order(**SMALL)
        w.run(15)
        assert w.oms.reports
        finish(w)


@pytest.mark.parametrize(
    ("schedule", "closes"),
    [
        pytest.param(
            Schedule.daily(NEW_YORK, time(8, 0), time(3, 0)), "2026-11-01 08:00", id="an hour came twice before"
        ),
        pytest.param(
            Schedule.daily(NEW_YORK, time(8, 0), time(3, 30)), "2026-03-08 07:30", id="an hour was left out before"
        ),
        pytest.param(Schedule.weekly(NEW_YORK, 6, time(17, 0), 4, time(17, 0)), "2026-11-27 22:00", id="the week ends"),
        pytest.param(
            Schedule.weekly(UTC, 0, time(0, 0), 5, time(0, 0)), "2026-11-28 00:00", id="the week ends at midnight"
        ),
    ],
)
def test_a_session_closes_when_its_own_clock_says(schedule: Schedule, closes: str) -> None:
    scenario = replace(QUIET, schedules=(("oms", schedule),), begins_ns=utc_ns(closes) - MINUTE_S * NS)
    with World(1, scenario, OBEDIENT).ready() as w:
        at(w, MINUTE_S - 0.1)
        assert w.engine.machine.session_up("oms")
        at(w, MINUTE_S + 1)
        assert not w.engine.machine.session_up("oms")
        assert w.engine.machine.session_up("dropcopy")


def test_a_boundary_that_could_not_be_handled_is_not_the_last_one_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    """The session is paused by it; its hours go on."""

    def broken(*_: object) -> None:
        raise ZeroDivisionError("a bug, once")

    key = Timer(TimerKind.schedule, "oms")
    with world(oms=PAUSE).ready() as w:
        w.poisoned = True
        monkeypatch.setattr("engine.fix.session.protocol.keep_schedule", broken)
        at(w, CLOSES_S + 2)
        monkeypatch.undo()
        assert w.events(e.InputRefused)
        assert not w.engine.machine.may_log_on("oms")
        assert key in w.engine.runtime.alarms._deadlines._at
