"""Whatever people do to sessions in whatever order, and their peers meanwhile: numbers keep their meaning."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress

from hypothesis import given, settings
from hypothesis import strategies as st
from session_world import SessionWorld

from engine.domain import events as e
from engine.errors import CommandError
from engine.fix.session.phases import Phase
from engine.turn.history import NOTES_MAX

KEYS = st.sampled_from(["oms", "ash"])
COMMANDS = st.sampled_from(
    ["logon", "logout", "disconnect", "enable", "disable", "reset", "test_request", "resend", "set_seq"]
)
NUMBERS = st.one_of(st.none(), st.integers(1, 12))
STEPS = st.one_of(
    st.tuples(st.just("command"), KEYS, COMMANDS, NUMBERS, NUMBERS),
    st.tuples(st.sampled_from(["log on", "cut", "order", "heartbeat", "logout", "wait"]), KEYS),
)


@settings(max_examples=50)
@given(st.lists(STEPS, max_size=30))
def test_no_number_means_two_messages_and_the_record_says_where_sessions_stand(steps: list[tuple[object, ...]]) -> None:
    world = SessionWorld()
    for step in steps:
        _do(world, *step)
        _hold(world)
    again = SessionWorld()
    for event in world.events:
        again.trading.fold(event)
        again.machine.history.recall(event)
    assert again.trading.state.digest() == world.trading.state.digest()
    for key in world.machine.settings:
        assert again.machine.may_log_on(key) == world.machine.may_log_on(key)
    assert not world.recorded(e.InputRefused), "nothing of it was too much for the engine"


def _do(world: SessionWorld, what: object, key: object, *given: object) -> None:
    key = str(key)
    connection = world.state(key).connection
    if what == "command":
        name, first, second = given
        params = {"set_seq": {"next_in": first, "next_out": second}, "resend": {"begin": first, "end": second}}
        with suppress(CommandError):
            world.command(f"session.{name}", session=key, reason="x", **params.get(str(name), {}))
    elif what == "log on" and connection is None:
        # As the peer would, which was told of the numbers by telephone.
        world.connect(key)
        _say(world, key, "A", (98, "0"), (108, "30"))
    elif what == "wait":
        world.advance(3)
    elif connection is not None:
        if what == "cut":
            world.cut(key)
        elif what == "order" and key == "oms" and world.phase(key) is Phase.ACTIVE:
            world.order()
        elif what in ("heartbeat", "logout") and world.phase(key) is not Phase.AWAITING_LOGON:
            _say(world, key, "0" if what == "heartbeat" else "5")


def _say(world: SessionWorld, key: str, msg_type: str, *fields: tuple[int, str]) -> None:
    connection = world.state(key).connection or world.last_connection
    world.say(key, msg_type, *fields, seq=world.state(key).next_in, connection=connection)


def _hold(world: SessionWorld) -> None:
    bound = Counter((each.session, each.epoch, each.seq_num) for turn in world.turns for each in turn.bound)
    taken = Counter((each.session, each.epoch, each.seq_num) for turn in world.turns for each in turn.inbound)
    assert all(count == 1 for count in (*bound.values(), *taken.values()))
    for key, link in world.machine.links.items():
        state = link.state
        assert state.next_in >= 1
        assert state.next_out >= state.first_out
        assert (state.connection is None) == (state.phase is Phase.DISCONNECTED)
        assert len(world.machine.history.last(key, 1_000)) <= NOTES_MAX
        if not world.machine.may_log_on(key):
            assert state.phase not in (Phase.ACTIVE, Phase.LOGON_SENT, Phase.AWAITING_LOGON)
