"""The one place that reads a clock: what it gives out when the wall clock is set, and when it runs faster."""

from __future__ import annotations

import pytest

from engine import clock
from engine.clock import NS_PER_DAY, NS_PER_S, Clock, Instant, utc_day


class Machine:
    """The clocks of a computer."""

    def __init__(self) -> None:
        self.monotonic = 3 * NS_PER_S
        self.utc = 1_795_910_399 * NS_PER_S

    def monotonic_ns(self) -> int:
        return self.monotonic

    def time_ns(self) -> int:
        return self.utc

    def passes(self, seconds: int) -> None:
        self.monotonic += seconds * NS_PER_S
        self.utc += seconds * NS_PER_S


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    found = Machine()
    monkeypatch.setattr(clock, "time", found)
    return found


def test_both_clocks_are_given_as_they_are(machine: Machine) -> None:
    assert Clock().now() == Instant(machine.monotonic, machine.utc)


def test_utc_stands_still_until_a_wall_clock_that_was_set_back_has_caught_up(machine: Machine) -> None:
    ours = Clock()
    before = ours.now()
    machine.utc -= 100 * NS_PER_S
    machine.passes(40)
    assert ours.now() == Instant(before.monotonic_ns + 40 * NS_PER_S, before.utc_ns)
    assert ours.ahead_ns() == 60 * NS_PER_S
    machine.passes(60)
    assert (ours.now().utc_ns, ours.ahead_ns()) == (before.utc_ns, 0)
    machine.passes(1)
    assert (ours.now().utc_ns, ours.ahead_ns()) == (before.utc_ns + NS_PER_S, 0)


def test_a_wall_clock_that_is_set_forward_is_followed_and_the_other_is_not_moved(machine: Machine) -> None:
    ours = Clock()
    before = ours.now()
    machine.utc += 3_600 * NS_PER_S
    assert ours.now() == Instant(before.monotonic_ns, before.utc_ns + 3_600 * NS_PER_S)


def test_a_new_process_begins_no_earlier_than_the_last_thing_on_record(machine: Machine) -> None:
    """Its monotonic clock starts anew; UTC does not go back behind the journal."""
    last_ns = machine.utc + 5 * NS_PER_S
    machine.monotonic = 0
    ours = Clock()
    ours.not_before(last_ns)
    assert ours.now() == Instant(0, last_ns)
    ours.not_before(last_ns - NS_PER_S)
    assert ours.now().utc_ns == last_ns
    machine.passes(6)
    assert ours.now() == Instant(6 * NS_PER_S, last_ns + NS_PER_S)


def test_a_faster_clock_scales_both_from_their_own_beginnings(machine: Machine) -> None:
    origin = machine.utc - 10 * NS_PER_S
    ours = Clock(60.0, origin)
    assert ours.now() == Instant(machine.monotonic, origin + 600 * NS_PER_S)
    machine.passes(2)
    assert ours.now() == Instant(3 * NS_PER_S + 120 * NS_PER_S, origin + 720 * NS_PER_S)
    assert ours.real_delay_s(120 * NS_PER_S) == 2.0
    assert ours.real_delay_s(-1) == 0.0


def test_a_day_begins_at_midnight_utc() -> None:
    assert [utc_day(ns) for ns in (0, NS_PER_DAY - 1, NS_PER_DAY)] == [0, 0, 1]
