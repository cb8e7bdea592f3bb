"""A peer in doubt: what is due to it from when it is not read any more, or is heard again by half a message."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from runtime_world import RuntimeWorld, runtime_world
from session_world import START_NS

from engine.clock import NS_PER_S, fix_timestamp
from engine.domain.keys import Timer, TimerKind
from engine.fix.session.protocol import next_deadline_ns
from engine.fix.wire import codec
from engine.turn import TimerDue

KEY = "oms"
SESSION = Timer(TimerKind.session, KEY)


def due_ns(world: RuntimeWorld, *, reading: bool) -> int | None:
    machine = world.sessions.machine
    return next_deadline_ns(machine.settings[KEY], machine.state(KEY), reading=reading)


LOGON = codec.frame(
    begin_string="FIX.4.4",
    msg_type="A",
    seq_num=1,
    sender=KEY.upper(),
    target="BUYSIDE",
    sending_time=fix_timestamp(START_NS),
    body=codec.encode_body([(98, "0"), (108, "30")]),
)


async def bring_in_doubt(world: RuntimeWorld) -> None:
    """It logs on, and 40 s later it was asked whether it is there: only the end of our patience is awaited."""
    world.connect(KEY)
    await world.hear(KEY, LOGON)
    world.clock.advance(40)
    world.runtime.submit(TimerDue(world.clock.now(), SESSION, bytes(16)))
    await world.runtime.idle()
    patience_ns, heartbeat_ns = due_ns(world, reading=True), due_ns(world, reading=False)
    assert patience_ns is not None
    assert heartbeat_ns is not None
    assert heartbeat_ns < patience_ns - 3 * NS_PER_S
    assert world.runtime.alarms._deadlines._at[SESSION] == patience_ns


def test_a_peer_in_doubt_is_sent_heartbeats_from_when_it_is_not_read_any_more(tmp_path: Path) -> None:
    """While it was read it was owed none: our TestRequest(1) was one, and the next deadline was the end of patience."""

    async def pause() -> None:
        async with runtime_world(tmp_path / "journal.db") as world:
            await bring_in_doubt(world)
            armed = world.runtime.alarms._deadlines._at
            world.runtime._pause()
            assert armed[SESSION] == due_ns(world, reading=False)
            world.runtime._resume()  # Who was not heard was not silent.
            assert armed[SESSION] == world.runtime.alarms._session_due_ns(KEY)

    asyncio.run(pause())


@pytest.mark.parametrize("part", [b"8", b"8=FIX.4.4\x019=70\x0135=0\x01"])
def test_a_peer_in_doubt_is_sent_heartbeats_from_when_it_is_heard_by_part_of_a_message(
    tmp_path: Path, part: bytes
) -> None:
    async def hear_part() -> None:
        async with runtime_world(tmp_path / "journal.db") as world:
            await bring_in_doubt(world)
            world.clock.advance(1)
            await world.hear(KEY, part)
            assert world.runtime.alarms._deadlines._at[SESSION] == due_ns(world, reading=False)

    asyncio.run(hear_part())
