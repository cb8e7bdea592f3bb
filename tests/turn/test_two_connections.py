"""Two connections at once: each session's peer is told what it would be told if it were alone."""

from __future__ import annotations

from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from session_world import SessionWorld

from engine.fix.session.phases import Phase
from engine.fix.session.reasons import DisconnectReason
from engine.turn import Close

KEYS = ("oms", "dropcopy")
steps = st.lists(st.tuples(st.sampled_from(KEYS), st.sampled_from("12GH0")), max_size=20)


def says(world: SessionWorld, key: str, what: str, number: int) -> None:
    if what == "1":
        world.say(key, "1", (112, f"{key}-{number}"))
    elif what == "2":
        world.say(key, "2", (7, "1"), (16, "0"))
    elif what == "G":
        world.say(key, "4", (123, "Y"), (36, str(world.state(key).next_in + 3)))
        world._peer_seq[key] = world.state(key).next_in - 1
    elif what == "H":
        world.say(key, "H", (11, f"none-{number}"), (54, "1"), (55, "[N/A]"))
    else:
        world.say(key, "0")


def told(script: list[tuple[int, str, str]]) -> dict[str, tuple[list[bytes], object]]:
    world = SessionWorld()
    for key in KEYS:
        world.log_on(key)
    for number, key, what in script:
        if world.phase(key) is Phase.ACTIVE:
            says(world, key, what, number)
    return {key: (world.out[key], world.state(key)._replace(connection=None)) for key in KEYS}


@settings(max_examples=60, deadline=None)
@given(steps)
def test_two_sessions_by_turns_are_told_what_each_is_told_alone(script: list[tuple[str, str]]) -> None:
    mixed = [(number, key, what) for number, (key, what) in enumerate(script)]
    assert told(mixed) == told(sorted(mixed, key=lambda step: step[1]))


@settings(max_examples=40, deadline=None)
@given(steps, st.integers(0, 20))
@example([("oms", "2")] * 7, 5)
def test_a_second_logon_while_the_first_is_live_changes_nothing_of_it(script: list[tuple[str, str]], at: int) -> None:
    one, other = SessionWorld(), SessionWorld()
    for world in (one, other):
        for key in KEYS:
            world.log_on(key)
        for number, (key, what) in enumerate(script):
            if world is other and number == at:
                # One that asks for the same again and again is sent away: then no first one is live.
                assume(world.phase("oms") is Phase.ACTIVE)
                before, out = world.state("oms"), list(world.out["oms"])
                world.log_on("oms", seq=1)
                closed = [each for turn in world.turns for each in turn.effects if isinstance(each, Close)]
                assert closed[-1].code is DisconnectReason.ALREADY_CONNECTED
                assert (world.state("oms"), world.out["oms"]) == (before, [])
                world.out["oms"], world._peer_seq["oms"] = out, before.next_in - 1
            if world.phase(key) is Phase.ACTIVE:
                says(world, key, what, number)
    for key in KEYS:
        assert (one.out[key], one.state(key)) == (other.out[key], other.state(key))
