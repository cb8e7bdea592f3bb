"""What the shell knows and a turn needs comes with its input: bytes that made no message, and a disk that is slow."""

from __future__ import annotations

import pytest
from session_world import ENTROPY, SessionWorld

from engine.clock import NS_PER_S, Instant
from engine.domain.keys import Timer, TimerKind
from engine.fix.session.phases import Phase
from engine.turn import HoldChanged, TimerDue, Traffic


def look(world: SessionWorld, after_s: float, heard_s: float | None = None, *, reading: bool = True) -> list[str]:
    """The session's timer, so long after the last whole message; what it has the peer be sent."""
    begun = world.state("oms").last_received_ns
    world.out["oms"].clear()
    at = Instant(begun + int(after_s * NS_PER_S), world.now.utc_ns + int(after_s * NS_PER_S))
    heard_ns = None if heard_s is None else begun + int(heard_s * NS_PER_S)
    world.take(TimerDue(at, Timer(TimerKind.session, "oms"), ENTROPY, reading, heard_ns))
    return [message[35] for message in world.sent("oms")]


@pytest.mark.parametrize(
    ("heard_s", "asked"),
    [
        pytest.param(None, True, id="nothing since"),
        pytest.param(0, True, id="nothing later than the last message"),
        pytest.param(4.1, False, id="so lately that it is not silent yet"),
        pytest.param(4, True, id="exactly as long ago as it may be"),
    ],
)
def test_bytes_that_make_no_message_show_that_the_peer_lives(heard_s: float | None, asked: bool) -> None:
    """HeartBtInt(108) is 30: after 36 s of silence it is asked."""
    world = SessionWorld()
    world.log_on("oms")
    assert ("1" in look(world, 40, heard_s)) is asked


def test_a_peer_that_was_asked_and_sent_bytes_is_not_closed() -> None:
    world = SessionWorld()
    world.log_on("oms")
    assert "1" in look(world, 36)
    look(world, 72, heard_s=60)
    assert world.phase("oms") is Phase.ACTIVE
    assert world.state("oms").last_received_ns == 1_060 * NS_PER_S
    assert "1" in look(world, 36 + 1), "and is asked again, 36 s after these bytes"


def test_what_was_heard_before_the_last_message_says_nothing() -> None:
    world = SessionWorld()
    world.log_on("oms")
    before = world.state("oms")
    look(world, 1, heard_s=-5)
    assert world.state("oms").last_received_ns == before.last_received_ns


def test_bytes_are_shown_among_what_was_received() -> None:
    world = SessionWorld()
    world.log_on("oms")
    world.advance(3)
    connection = world.state("oms").connection
    assert connection is not None
    world.traffic = {connection: Traffic(0, world.now.monotonic_ns - NS_PER_S)}
    shown = world.command("session.show", session="oms")
    assert (shown["last_received"], shown["unsent_bytes"]) == ("2026-11-23T15:00:02.000Z", 0)


def test_nobody_new_is_asked_while_the_disk_is_slow_and_nothing_of_that_is_recorded() -> None:
    world = SessionWorld()
    turn = world.take(HoldChanged(world.now, "a commit is slow", ENTROPY))
    assert world.trading.desk.hold == "a commit is slow"
    assert not turn.records
    assert not turn.effects
    turn = world.take(HoldChanged(world.now, "", ENTROPY))
    assert world.trading.desk.hold == ""
    assert not turn.records
