"""No timer of a session fires without end: woken in its time, it is over or has a later time.

Whatever people and peers did before; each phase of a session is come by.
"""

from __future__ import annotations

import random
from typing import Final

from session_world import ENTROPY, SessionWorld
from test_session_commands_random import _do

from engine.clock import NS_PER_S, Instant
from engine.domain.keys import Timer, TimerKind
from engine.fix.session.liveness import next_deadline_ns
from engine.fix.session.phases import Phase
from engine.turn import TimerDue

TURNS_MAX: Final = 6
"""Of a session whose peer says nothing: a Heartbeat, a TestRequest, its end, and what comes before them."""


def some_world(seed: int) -> SessionWorld:
    rng = random.Random(seed)
    world = SessionWorld()
    for _ in range(rng.randrange(1, 14)):
        key = rng.choice(("oms", "ash", "dropcopy"))
        what = rng.choice(("log on", "log on", "connect", "order", "heartbeat", "logout", "wait", "cut", "command"))
        if what == "connect" and world.state(key).connection is None:
            world.connect(key)
        elif what == "command":
            _do(world, what, key, rng.choice(("logon", "logout", "test_request", "disable", "enable")), None, None)
        else:
            _do(world, what, key)
    return world


def test_a_session_whose_peer_is_silent_is_woken_a_few_times_and_ends() -> None:
    seen: set[Phase] = set()
    for seed in range(80):
        world = some_world(seed)
        for key in world.machine.settings:
            seen.add(world.phase(key))
            for turn in range(40):
                due_ns = next_deadline_ns(world.machine.settings[key], world.state(key))
                if due_ns is None:
                    break
                # Now if it was due before, at its time otherwise; the seconds of a late one on top.
                step_ns = max(0, due_ns - world.now.monotonic_ns) + (seed % 3) * NS_PER_S * (turn == 0)
                world.now = Instant(world.now.monotonic_ns + step_ns, world.now.utc_ns + step_ns)
                world.take(TimerDue(world.now, Timer(TimerKind.session, key), ENTROPY))
                again_ns = next_deadline_ns(world.machine.settings[key], world.state(key))
                assert again_ns is None or again_ns > world.now.monotonic_ns, (seed, key, world.phase(key))
            assert turn <= TURNS_MAX, (seed, key, turn)
            assert world.phase(key) is Phase.DISCONNECTED
    assert seen >= {Phase.DISCONNECTED, Phase.ACTIVE, Phase.LOGON_SENT}
