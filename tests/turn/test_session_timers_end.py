"""No timer of a session fires without end: woken in its time, it is over or has a later time.

Whatever people and peers did before; each phase of a session is come by.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Final

import pytest
from session_world import ENTROPY, SessionWorld
from test_session_commands_random import _do

from engine.clock import NS_PER_S, Instant
from engine.domain.keys import Timer, TimerKind
from engine.fix.session.liveness import next_deadline_ns
from engine.fix.session.phases import Phase
from engine.turn import Input, TimerDue, Turn

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


def test_a_deadline_that_becomes_earlier_is_looked_at_in_that_turn() -> None:
    """A message mostly moves it on, and whoever is woken looks again; what brings it forward has its alarm set anew.

    As a peer does that is heard again, and not yet by its answer to our TestRequest(1): it is owed Heartbeats(0).
    """
    brought_forward: set[str] = set()
    for seed in range(60):
        rng = random.Random(seed)
        world = SessionWorld()
        take = world.machine.take

        def watched(given: Input, world: SessionWorld = world, take: Callable[[Input], Turn] = take) -> Turn:
            before = {key: next_deadline_ns(world.machine.settings[key], world.state(key)) for key in world.out}
            turn = take(given)
            for key, was_ns in before.items():
                now_ns = next_deadline_ns(world.machine.settings[key], world.state(key))
                if now_ns is not None and (was_ns is None or now_ns < was_ns):
                    assert Timer(TimerKind.session, key) in turn.touched, (type(given).__name__, key)
                    brought_forward.add(type(given).__name__)
            return turn

        world.machine.take = watched  # type: ignore[method-assign]
        for _ in range(rng.randrange(10, 40)):
            key = rng.choice(("oms", "ash", "dropcopy"))
            what = rng.choice(("log on", "log on", "order", "heartbeat", "logout", "wait", "silence", "cut", "command"))
            if what == "silence":
                # As long as it may be without being cut off.
                for _ in range(rng.randrange(5, 25)):
                    _do(world, "wait", key)
            elif what == "command":
                _do(world, what, key, rng.choice(("logon", "logout", "test_request", "disable", "enable")), None, None)
            else:
                _do(world, what, key)
    assert brought_forward >= {"Received", "ConnectionUp", "CommandGiven"}


@pytest.mark.parametrize("what", ["D", "H", "0"])
def test_a_peer_in_doubt_that_says_anything_has_its_alarm_set_anew(what: str) -> None:
    """A plain message as well, of which nothing but a number is new: our Heartbeat(0) is due before its time is up."""
    world = SessionWorld()
    world.log_on("oms")
    world.advance(37)
    settings, state = world.machine.settings["oms"], world.state("oms")
    assert state.probe is not None
    was_ns = next_deadline_ns(settings, state)
    if what == "D":
        world.order()
    elif what == "H":
        world.say("oms", "H", (11, "none"), (54, "1"), (55, "[N/A]"))
    else:
        world.say("oms", "0")
    is_ns = next_deadline_ns(settings, world.state("oms"))
    assert was_ns is not None
    assert is_ns is not None
    assert is_ns < was_ns
    assert Timer(TimerKind.session, "oms") in world.turns[-1].touched


def test_a_connection_that_is_being_closed_has_no_deadline() -> None:
    """Nobody is waited for: its end comes from the socket."""
    for seed in range(20):
        world = some_world(seed)
        for key, settings in world.machine.settings.items():
            closed = world.state(key)._replace(phase=Phase.CLOSED)
            assert next_deadline_ns(settings, closed) is None
            assert next_deadline_ns(settings, closed, reading=False) is None
