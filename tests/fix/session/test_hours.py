"""A session under a schedule, whatever happens in whatever order; single stories are in session_schedule.txt."""

from __future__ import annotations

from datetime import time
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.clock import NS_PER_S, Instant, fix_timestamp
from engine.fix.session import protocol as session
from engine.fix.session.protocol import (
    EpochBegan,
    LoggedOn,
    LoggedOut,
    Phase,
    SessionSettings,
    SessionState,
    Step,
    Transmit,
)
from engine.fix.session.reasons import DisconnectReason, Ending
from engine.fix.session.schedule import Schedule
from engine.fix.standard.dictionaries import built_in
from engine.fix.standard.tags import MsgType
from engine.fix.wire import codec

LOST = Ending(DisconnectReason.CONNECTION_LOST, "")
NEW_YORK = ZoneInfo("America/New_York")
# A week over each clock change of 2026.
BEGINNINGS = (1_772_600_000 * NS_PER_S, 1_793_200_000 * NS_PER_S)
DICTIONARY = built_in("FIX.4.4")


class Life:
    """One session through connections and restarts; its timer fires at every boundary unless the process is down."""

    def __init__(self, schedule: Schedule, *, initiator: bool, utc_ns: int) -> None:
        self.settings = SessionSettings(
            "peer", "FIX.4.4", "US", "PEER", "dealer", initiator, schedule=schedule, heart_bt_int_s=30
        )
        self.schedule = schedule
        self.state = SessionState.fresh()
        self.utc_ns = utc_ns
        self.down = False
        self.resets: list[int] = []
        """The period of each reset by the schedule."""
        self.numbers: set[tuple[int, int]] = set()

    @property
    def now(self) -> Instant:
        return Instant(self.utc_ns, self.utc_ns)

    def take(self, step: Step) -> None:
        was_up = self.state.phase is Phase.ACTIVE
        for action in step.actions:
            if isinstance(action, EpochBegan):
                assert action.cause == "schedule"
                assert not was_up, "the numbers of a live session began anew by the clock alone"
                self.resets.append(self.schedule.period_start(self.utc_ns))
            elif isinstance(action, LoggedOn):
                assert self.schedule.is_open(self.utc_ns)
            elif isinstance(action, LoggedOut):
                was_up = False
            elif isinstance(action, Transmit):
                number = (step.state.epoch, action.numbered.seq_num)
                assert number not in self.numbers, "a number was used twice"
                self.numbers.add(number)
        self.state = step.state

    # What may happen

    def wait(self, seconds: int) -> None:
        end_ns = self.utc_ns + seconds * NS_PER_S
        while not self.down and (boundary_ns := self.schedule.next_boundary(self.utc_ns)) <= end_ns:
            self.utc_ns = boundary_ns
            self.look()
        self.utc_ns = end_ns

    def look(self) -> None:
        """The timer of the schedule, which may fire at any time."""
        if not self.down:
            self.take(session.keep_schedule(self.settings, self.state, self.now))

    def connect(self) -> None:
        if not self.down and self.state.phase is Phase.DISCONNECTED:
            self.take(session.connected(self.settings, self.state, 1, self.now))

    def log_on(self) -> None:
        self.hear("A", [(98, 0), (108, 30)])

    def log_out(self) -> None:
        self.hear("5", [])

    def hear(self, kind: str, fields: list[tuple[int, str | int | bytes]]) -> None:
        if self.down or self.state.connection is None:
            return
        frame = codec.frame(
            begin_string="FIX.4.4",
            msg_type=MsgType(kind),
            seq_num=self.state.next_in,
            sender="PEER",
            target="US",
            sending_time=fix_timestamp(self.utc_ns),
            body=codec.encode_body(fields),
        )
        message = codec.decode(frame, DICTIONARY)
        self.take(session.received(self.settings, self.state, message, self.now, dictionary=DICTIONARY))

    def lose(self) -> None:
        if not self.down and self.state.connection is not None:
            self.take(session.disconnected(self.settings, self.state, LOST, self.now))

    def kill(self) -> None:
        self.down = True

    def start(self) -> None:
        """What the journal kept, and the look that every start takes."""
        if self.down:
            kept = self.state
            self.state = SessionState.fresh(kept.epoch, kept.next_in, kept.next_out, kept.first_out, kept.began_utc_ns)
            self.down = False
            self.look()


ACTS = ("look", "connect", "log_on", "log_out", "lose", "kill", "start")
STEPS = st.lists(st.one_of(st.sampled_from(ACTS), st.integers(1, 90_000)), max_size=60)
SCHEDULES = st.sampled_from(
    (
        Schedule.daily(NEW_YORK, time(8), time(17, 30), days=frozenset(range(5)), reset=True),
        Schedule.daily(NEW_YORK, time(18), time(2, 30), reset=True),
        Schedule.daily(NEW_YORK, time(17), time(17), reset=True),
        Schedule.weekly(NEW_YORK, 6, time(17), 4, time(17), reset=True),
        Schedule.weekly(NEW_YORK, 6, time(17), 6, time(17), reset=True),
    )
)


@given(SCHEDULES, st.booleans(), st.sampled_from(BEGINNINGS), STEPS)
def test_whatever_happens_a_session_keeps_its_hours_and_begins_anew_once_a_period(
    schedule: Schedule, initiator: bool, utc_ns: int, steps: list[str | int]
) -> None:
    life = Life(schedule, initiator=initiator, utc_ns=utc_ns)
    for step in steps:
        if isinstance(step, int):
            life.wait(step)
        else:
            getattr(life, step)()
        if life.down:
            continue
        if life.state.phase is Phase.ACTIVE:
            assert schedule.is_open(life.utc_ns), "logged on outside the window"
            assert life.state.began_utc_ns >= schedule.period_start(life.utc_ns), (
                "logged on with an old period's numbers"
            )
        assert len(set(life.resets)) == len(life.resets), "the numbers began anew twice in one period"
        if life.state.began_utc_ns and life.state.phase is Phase.DISCONNECTED:
            life.look()
            assert life.state.began_utc_ns >= schedule.period_start(life.utc_ns)


@pytest.mark.parametrize("initiator", [True, False])
def test_a_week_of_days_at_work_and_nights_off_resets_once_a_day(initiator: bool) -> None:
    schedule = Schedule.daily(NEW_YORK, time(8), time(17, 30), days=frozenset(range(5)), reset=True)
    life = Life(schedule, initiator=initiator, utc_ns=BEGINNINGS[0])
    for _ in range(7 * 24 * 6):
        life.connect()
        if life.state.phase in (Phase.AWAITING_LOGON, Phase.LOGON_SENT):
            life.log_on()
        life.wait(600)
        if life.state.phase in (Phase.LEAVING, Phase.LOGOUT_SENT, Phase.CLOSED):
            life.lose()
    assert len(life.resets) == 4, "on each working day but the first, which found nothing to begin anew"
    assert life.state.epoch == 5
