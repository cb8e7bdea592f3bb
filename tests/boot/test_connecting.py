"""engine/boot/connecting.py: when an initiator may connect, by a clock that jumps instead of waiting; who is let in."""

from __future__ import annotations

import asyncio
import ipaddress
from datetime import time
from typing import cast
from zoneinfo import ZoneInfo

import pytest

from engine.boot.connecting import HOURS_LOOKED_AT_EVERY_NS, bounds, until_open
from engine.clock import NS_PER_S, Clock, Instant
from engine.config import FixConfig
from engine.fix.session.schedule import Schedule
from engine.fix.sockets.admission import Bounds

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


def test_who_is_let_in_is_what_the_configuration_says() -> None:
    fix = FixConfig(
        allow=("10.1.0.0/16", "2001:db8::1"),
        connections_max=1,
        connections_per_address_max=2,
        logon_attempts_per_minute_max=3,
        logon_failures_max=4,
        logon_pause_s_max=5.0,
    )
    allow = (ipaddress.ip_network("10.1.0.0/16"), ipaddress.ip_network("2001:db8::1/128"))
    assert bounds(fix) == Bounds(allow, 1, 2, 3, 4, 5.0)
