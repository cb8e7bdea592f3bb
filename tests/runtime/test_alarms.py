"""Alarms ring at the time of the state, which is UTC, by a clock that starts anew with every process and is no UTC."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import time
from types import SimpleNamespace
from typing import Any, cast
from zoneinfo import ZoneInfo

import pytest
from desk_builder import DeskWorld
from desk_scene import BOND, MM, Scene, scene
from desk_start import STARTS, Start, starting
from session_world import SessionWorld
from sim_time import NS, Entry, Timeline, VirtualClock, VirtualLoop

from engine.app import Daemon
from engine.domain.events import ClockStepped
from engine.domain.keys import Timer, TimerKind
from engine.domain.order import TimeInForce
from engine.fix.session.schedule import Schedule
from engine.runtime.alarms import CLOCK_MOVED_NS, Alarms
from engine.turn import TimerDue
from engine.turn.trading import Trading

SLACK_NS = 1_000_000
DAY_NS = 86_400 * NS
UPTIMES = [pytest.param(0, id="just started"), pytest.param(400 * DAY_NS, id="up for a year")]


class Rung:
    """Alarms over a state, on a loop that jumps from one timer to the next; what rang, and when by UTC."""

    def __init__(self, world: DeskWorld, sessions: SessionWorld, monotonic_ns: int) -> None:
        self.timeline = Timeline(world.now.utc_ns)
        self.clock = BehindClock(self.timeline, monotonic_ns)
        self.loop = VirtualLoop(self.timeline, lambda: (0, 0))
        self.rang: list[tuple[str, int]] = []
        self.machine = sessions.machine
        self.heard: dict[int | None, int] = {}
        """When bytes last came over a connection that made no message."""
        trading = Trading(world.desk, state=world.state)
        self.alarms = Alarms(
            self.machine,
            trading,
            self.clock,  # type: ignore[arg-type]
            lambda: bytes(16),
            self.loop,  # type: ignore[arg-type]
            self._submit,  # type: ignore[arg-type]
            self.heard.get,  # type: ignore[arg-type]
        )

    def _submit(self, given: TimerDue) -> None:
        assert given.now.utc_ns == self.timeline.utc_ns
        self.rang.append((given.key, given.now.utc_ns))

    def run(self, seconds: float) -> None:
        end_ns = self.timeline.now_ns + int(seconds * NS)
        while (at_ns := self.timeline.peek_ns()) is not None and at_ns <= end_ns:
            entry: Entry = self.timeline.step()
            assert entry is not None
        self.timeline.now_ns = end_ns

    def times(self, key: str) -> list[int]:
        return [at_ns for name, at_ns in self.rang if name == key]

    def rings_at(self, key: str, utc_ns: int) -> None:
        """It rang once, when that time had come: never before, and no more than the loop's step after it."""
        [at_ns] = self.times(key)
        assert 0 <= at_ns - utc_ns <= 2 * SLACK_NS, f"{key} rang {(at_ns - utc_ns) / NS:+.3f} s from its time"


class BehindClock(VirtualClock):
    """Its wall clock can be set back: the time that is given out waits until it has caught up."""

    behind_ns = 0

    def ahead_ns(self) -> int:
        return self.behind_ns


@pytest.fixture(params=STARTS, ids=lambda at: at.id, autouse=True)
def at(request: pytest.FixtureRequest) -> Iterator[Start]:
    with starting(request.param) as begun:
        yield begun


def asking(**order: object) -> tuple[Scene, str]:
    world = scene()
    return world, world.order(BOND, "buy", MM, account="PARALLEL", **order)


@pytest.mark.parametrize("monotonic_ns", UPTIMES)
def test_a_round_is_looked_at_when_its_wait_is_over(monotonic_ns: int) -> None:
    world, order_id = asking()
    rfq = world.rfq(order_id)
    found = Rung(world, SessionWorld(), monotonic_ns)
    found.alarms.set_all()
    found.run(60.1)
    found.rings_at(Timer(TimerKind.rfq, rfq.rfq_id), rfq.asks[0].wait_until_ns)


@pytest.mark.parametrize("monotonic_ns", UPTIMES)
def test_every_kind_of_deadline_is_found_again_by_the_next_process(monotonic_ns: int) -> None:
    """The process was down for twelve seconds; the clock of the new one knows nothing of the old one's."""
    world, order_id = asking(tif=TimeInForce.gtd, expire_ns=scene().now.utc_ns + 300 * NS)
    world.says("ash", "100", order_id)
    world.command("execute", order=order_id)
    world.fills(order_id, 400_000)
    placement, traded_ns = world.placement(order_id), world.now.utc_ns
    second = world.order(BOND, "sell", MM, account="HAND", tif=TimeInForce.gtd, expire_ns=traded_ns + 90 * NS)
    expiry_ns = world.the(second).terms.expire_ns
    assert expiry_ns is not None
    world._at(world.now.utc_ns + 12 * NS)
    sessions = SessionWorld()
    sessions.log_on("ash")
    found = Rung(world, sessions, monotonic_ns)
    found.alarms.set_all()
    found.run(2000)
    found.rings_at(Timer(TimerKind.order, second), expiry_ns)
    [pending] = world.today("reversions").values()
    found.rings_at(Timer(TimerKind.reversion, pending.exec_id), traded_ns + 1800 * NS)
    assert placement.unanswered
    assert found.times(Timer(TimerKind.placement, placement.placement_id))[0] - world.now.utc_ns <= 2 * SLACK_NS, (
        "overdue: at once"
    )


@pytest.mark.parametrize(
    ("moved_s", "left_s"),
    [
        pytest.param(30, 20, id="forward: its time is nearer"),
        pytest.param(0.05, 49.95, id="by little"),
        pytest.param(50, 0, id="to its time"),
        pytest.param(3600, 0, id="past its time: at once"),
    ],
)
def test_a_wall_clock_that_is_set_forward_moves_what_waits_for_its_time(moved_s: float, left_s: float) -> None:
    """Deadlines are UTC: a counterparty that says until when its quote is firm has another clock."""
    world, order_id = asking()
    rfq = world.rfq(order_id)
    key, wait_until_ns = Timer(TimerKind.rfq, rfq.rfq_id), rfq.asks[0].wait_until_ns
    found = Rung(world, SessionWorld(), 5 * NS)
    found.alarms.set_all()
    found.run(10)
    assert found.alarms.follow_clock() == 0
    found.timeline.set_clock(int(moved_s * NS))
    now_ns = found.timeline.utc_ns

    assert found.alarms.follow_clock() == int(moved_s * NS)

    found.run(left_s + 0.1)
    found.rings_at(key, max(wait_until_ns, now_ns))
    assert found.alarms.follow_clock() == 0, "once"


def test_a_clock_that_is_set_back_has_to_catch_up_before_a_deadline_is_there() -> None:
    """The time that is given out stands still until then: it would ring over and over, and nothing would be due."""
    world, order_id = asking()
    rfq = world.rfq(order_id)
    key, wait_until_ns = Timer(TimerKind.rfq, rfq.rfq_id), rfq.asks[0].wait_until_ns
    found = Rung(world, SessionWorld(), 5 * NS)
    found.alarms.set_all()
    found.run(10)
    found.clock.behind_ns = 40 * NS

    assert found.alarms.follow_clock() == -40 * NS

    found.run(89)
    assert found.times(key) == []
    found.run(1.1)
    found.rings_at(key, wait_until_ns + 40 * NS)


def test_a_clock_that_drifts_by_little_sets_no_alarm_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    found = Rung(scene(), SessionWorld(), 5 * NS)
    found.alarms.set_all()
    monkeypatch.setattr(found.alarms, "set_all", lambda: pytest.fail("nothing was set"))
    found.timeline.set_clock(CLOCK_MOVED_NS - 1)
    assert found.alarms.follow_clock() == 0


@pytest.mark.parametrize("behind_s", [0, 40], ids=["", "and the wall clock was set back"])
def test_hours_are_looked_at_when_they_change(behind_s: int, at: Start) -> None:
    """The time that is given out stands still until a clock that was set back has caught up."""
    schedule = Schedule.daily(ZoneInfo("UTC"), time(0, 1), time(22, 0))
    found = Rung(scene(), SessionWorld(schedule=schedule), 3 * NS)
    found.clock.behind_ns = behind_s * NS
    boundary_ns = schedule.next_boundary(at.utc_ns)
    found.alarms.set(Timer(TimerKind.schedule, "oms"), found.clock.now())
    found.run((boundary_ns - at.utc_ns) / NS + behind_s + 1)
    found.rings_at(Timer(TimerKind.schedule, "oms"), boundary_ns + behind_s * NS)


def test_a_session_is_looked_at_by_the_monotonic_clock_and_once() -> None:
    """A message moves its deadline without setting the alarm: it then waits on, and does not ring for nothing."""
    sessions = SessionWorld()
    sessions.log_on("oms")
    found = Rung(scene(), sessions, sessions.now.monotonic_ns)
    found.alarms.set(Timer(TimerKind.session, "oms"), found.clock.now())
    found.run(20)
    link, now_ns = sessions.machine.links["oms"], found.clock.now().monotonic_ns
    moved = link.state._replace(last_received_ns=now_ns, last_sent_ns=now_ns)
    found.machine.links["oms"] = link.at(moved)
    found.run(15)
    assert found.times(Timer(TimerKind.session, "oms")) == [], "its heartbeat is due 30 s after what was sent last"
    found.run(20)
    assert len(found.times(Timer(TimerKind.session, "oms"))) == 1


def test_bytes_that_make_no_message_move_a_deadline_too() -> None:
    """They change no session: what was heard is asked for when an alarm is set, and once more when it rings."""
    sessions = SessionWorld()
    sessions.log_on("oms")
    found = Rung(scene(), sessions, sessions.now.monotonic_ns)
    link, now_ns = sessions.machine.links["oms"], found.clock.now().monotonic_ns
    # Its own next heartbeat is far away, so that it waits for the peer's silence alone.
    found.machine.links["oms"] = link.at(link.state._replace(last_sent_ns=now_ns + 100 * NS))
    found.alarms.set(Timer(TimerKind.session, "oms"), found.clock.now())
    found.run(30)
    found.heard[link.state.connection] = found.clock.now().monotonic_ns
    found.run(35)
    assert found.times(Timer(TimerKind.session, "oms")) == [], "36 s after these bytes"
    found.run(2)
    assert len(found.times(Timer(TimerKind.session, "oms"))) == 1


@pytest.mark.parametrize(("moved_s", "noted"), [(0, False), (0.5, False), (7, True), (-7, False)])
def test_a_wall_clock_that_is_set_forward_by_much_is_on_record(moved_s: float, noted: bool) -> None:
    """One that is set back is noted by how far the time that is given out is ahead of it."""
    recorded: list[object] = []
    runtime = SimpleNamespace(
        alarms=SimpleNamespace(follow_clock=lambda: int(moved_s * NS)),
        note=lambda what, events: recorded.extend(events(1)),
    )
    Daemon._follow_clock(cast(Any, SimpleNamespace(runtime=runtime)))
    assert recorded == ([ClockStepped(1, int(moved_s * NS))] if noted else [])
