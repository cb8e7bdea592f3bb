"""Sessions live by the monotonic clock and speak of UTC: a wall clock that is set moves no deadline of theirs.

Everything here holds in a process that has just started and in one that has been up for years.
"""

from __future__ import annotations

import pytest
from session_world import START_NS, SessionWorld

from engine.clock import NS_PER_DAY, NS_PER_S, iso_timestamp
from engine.fix.session.phases import Phase

WHY = "a test"
HOUR_S = 3_600
UPTIMES = [pytest.param(2 * NS_PER_S, id="just started"), pytest.param(1_000 * NS_PER_DAY, id="up for years")]
STEPS = [pytest.param(0, id=""), pytest.param(HOUR_S, id="an hour forward"), pytest.param(-HOUR_S, id="an hour back")]
both = pytest.mark.parametrize("monotonic_ns", UPTIMES)
stepped = pytest.mark.parametrize("step_s", STEPS)


def logged_on(monotonic_ns: int, **settings: object) -> SessionWorld:
    world = SessionWorld(monotonic_ns=monotonic_ns, **settings)
    world.log_on("oms")
    return world


def kinds(world: SessionWorld) -> list[str]:
    return [said[35] for said in world.sent("oms")]


@both
@stepped
def test_a_heartbeat_is_due_half_a_minute_after_what_was_sent_last(monotonic_ns: int, step_s: int) -> None:
    world = logged_on(monotonic_ns)
    world.advance(10)
    world.step_clock(step_s)
    world.advance(19)
    world.say("oms", "0")
    assert kinds(world) == ["A"]
    world.advance(1)
    assert kinds(world) == ["A", "0"]


@both
@stepped
def test_a_silent_peer_is_asked_and_then_left_after_its_time(monotonic_ns: int, step_s: int) -> None:
    world = logged_on(monotonic_ns)
    world.advance(10)
    world.step_clock(step_s)
    world.advance(25)
    assert "1" not in kinds(world)
    world.advance(5)
    assert "1" in kinds(world), "36 s without a word"
    began = world.now.monotonic_ns
    while world.phase("oms") is Phase.ACTIVE and world.now.monotonic_ns < began + 120 * NS_PER_S:
        world.advance(1)
    assert 25 <= (world.now.monotonic_ns - began) / NS_PER_S <= 45


@both
@stepped
def test_a_gap_that_is_not_filled_is_waited_for_its_time(monotonic_ns: int, step_s: int) -> None:
    world = logged_on(monotonic_ns)
    timeout_s = world.machine.settings["oms"].gap_timeout_s
    world.say("oms", "0", seq=7)
    world.step_clock(step_s)
    for _ in range(int(timeout_s) - 1):
        world.advance(1)
        world.say("oms", "0")
    assert world.phase("oms") is Phase.ACTIVE
    world.advance(1)
    assert world.phase("oms") is Phase.DISCONNECTED


@both
@stepped
def test_a_logon_is_waited_for_its_time(monotonic_ns: int, step_s: int) -> None:
    world = SessionWorld(monotonic_ns=monotonic_ns)
    world.connect("ash")
    timeout_s = world.machine.settings["ash"].logon_timeout_s
    world.step_clock(step_s)
    world.advance(timeout_s - 1)
    assert world.phase("ash") is Phase.LOGON_SENT
    world.advance(2)
    assert world.phase("ash") is Phase.DISCONNECTED


@both
@stepped
def test_a_round_trip_and_ages_are_of_the_time_that_passed(monotonic_ns: int, step_s: int) -> None:
    world = logged_on(monotonic_ns)
    world.command("session.test_request", session="oms", reason=WHY)
    world.advance(1)
    world.step_clock(step_s)
    world.advance(1)
    world.prove("oms")
    world.advance(3)
    shown = world.command("session.show", session="oms")
    assert shown["round_trip_s"] == 2.0
    now_ns = world.now.utc_ns
    assert now_ns == START_NS + (5 + step_s) * NS_PER_S
    # Where the wall clock was set, a moment is told as it would be by the clock as it is now.
    assert shown["last_received"] == iso_timestamp(now_ns - 3 * NS_PER_S)
    assert shown["last_sent"] == iso_timestamp(now_ns - 5 * NS_PER_S)
    assert shown["since"] == iso_timestamp(now_ns - 5 * NS_PER_S)
    world.metrics.sessions(world.machine, world.now, {})
    assert world.metric("fix_last_received_age_seconds", session="oms") == 3
    assert world.metric("fix_last_sent_age_seconds", session="oms") == 5
    assert world.metric("fix_heartbeat_rtt_seconds", session="oms") == 2


@both
def test_a_session_that_ended_is_told_by_the_wall_clock(monotonic_ns: int) -> None:
    world = logged_on(monotonic_ns)
    world.advance(4)
    world.cut("oms")
    world.advance(7)
    shown = world.command("session.show", session="oms")
    assert (shown["last_received"], shown["last_sent"]) == (None, None)
    assert shown["since"] == iso_timestamp(START_NS + 4 * NS_PER_S)
    assert shown["last_disconnect"]["time"] == shown["since"]
