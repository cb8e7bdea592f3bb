"""Reading pauses where the disk is behind: what is due to whom meanwhile."""

from __future__ import annotations

import asyncio
from pathlib import Path

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


def test_a_peer_in_doubt_is_sent_heartbeats_from_when_it_is_not_read_any_more(tmp_path: Path) -> None:
    """While it was read it was owed none: our TestRequest(1) was one, and the next deadline was the end of patience."""

    async def pause() -> None:
        async with runtime_world(tmp_path / "journal.db") as world:
            world.connect(KEY)
            logon = codec.frame(
                begin_string="FIX.4.4",
                msg_type="A",
                seq_num=1,
                sender=KEY.upper(),
                target="BUYSIDE",
                sending_time=fix_timestamp(START_NS),
                body=codec.encode_body([(98, "0"), (108, "30")]),
            )
            await world.hear(KEY, logon)
            world.clock.advance(40)
            world.runtime.submit(TimerDue(world.clock.now(), SESSION, bytes(16)))
            await world.runtime.idle()
            armed = world.runtime.alarms._deadlines._at
            patience_ns, heartbeat_ns = due_ns(world, reading=True), due_ns(world, reading=False)
            assert patience_ns is not None
            assert heartbeat_ns is not None
            assert heartbeat_ns < patience_ns - 3 * NS_PER_S
            assert armed[SESSION] == patience_ns
            world.runtime._pause()
            assert armed[SESSION] == heartbeat_ns
            world.runtime._resume()  # Who was not heard was not silent.
            assert armed[SESSION] == world.runtime.alarms._session_due_ns(KEY)

    asyncio.run(pause())
