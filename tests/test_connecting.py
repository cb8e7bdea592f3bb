"""engine/connecting.py: when an initiator may connect, by a clock that jumps instead of waiting."""

from __future__ import annotations

import asyncio
from datetime import time
from typing import cast
from zoneinfo import ZoneInfo

import pytest

from engine.clock import NS_PER_S, Clock, Instant
from engine.connecting import HOURS_LOOKED_AT_EVERY_NS, until_open
from engine.fix.schedule import Schedule

NINE_TO_FIVE = Schedule.daily(ZoneInfo("UTC"), time(9), time(17))
HOUR_NS = 3600 * NS_PER_S


class JumpingClock:
    """Whoever asks how long to wait for something finds it over; `set_by_ns` is how the wall clock is set meanwhile."""

    def __init__(self, utc_ns: int, set_by_ns: int = 0) -> None:
        self.utc_ns = utc_ns
        self.waits: list[int] = []
        self._set_by_ns = set_by_ns

    def now(self) -> Instant:
        return Instant(self.utc_ns, self.utc_ns)

    def ahead_ns(self) -> int:
        return 0

    def real_delay_s(self, delay_ns: int) -> float:
        self.waits.append(delay_ns)
        self.utc_ns += delay_ns + self._set_by_ns
        self._set_by_ns = 0
        return 0.0


def waited_for(clock: JumpingClock, schedule: Schedule | None) -> bool:
    return asyncio.run(until_open("alder", schedule, cast(Clock, clock)))


@pytest.mark.parametrize("schedule", [NINE_TO_FIVE, None], ids=["within its hours", "without a schedule"])
def test_an_initiator_connects_at_once(schedule: Schedule | None) -> None:
    clock = JumpingClock(12 * HOUR_NS)
    assert not waited_for(clock, schedule)
    assert not clock.waits


def test_an_initiator_outside_its_hours_waits_for_their_start() -> None:
    clock = JumpingClock(9 * HOUR_NS - 150 * NS_PER_S)
    assert waited_for(clock, NINE_TO_FIVE)
    assert clock.waits == [HOURS_LOOKED_AT_EVERY_NS, HOURS_LOOKED_AT_EVERY_NS, 30 * NS_PER_S]
    assert clock.utc_ns == 9 * HOUR_NS


def test_an_initiator_that_waits_notices_that_the_wall_clock_was_set() -> None:
    clock = JumpingClock(6 * HOUR_NS, set_by_ns=4 * HOUR_NS)
    assert waited_for(clock, NINE_TO_FIVE)
    assert len(clock.waits) == 1
