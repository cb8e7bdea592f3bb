"""Who may speak for a session, as the turn decides it: before anything of a Logon(A) is obeyed, or ours leaves."""

from __future__ import annotations

import ipaddress
from typing import Any

import pytest
from session_world import ENTROPY, SessionWorld

from engine.fix.session.entrance import Origin
from engine.fix.session.phases import Phase
from engine.fix.session.reasons import DisconnectReason, Ending
from engine.turn import Close, Connection, ConnectionUp, Turn, Welcome, Write

PIN, OTHER = "a" * 64, "b" * 64
TERMS: dict[str, Any] = {"tls": True, "pins": (PIN,), "allow": (ipaddress.ip_network("192.0.2.0/24"),)}
GOOD = Origin("192.0.2.7", tls=True, certificate=PIN)

STRANGERS = [
    pytest.param(Origin("192.0.2.7", tls=True, certificate=OTHER), "is pinned to another", id="another certificate"),
    pytest.param(Origin("192.0.2.7", tls=True), "no certificate was shown", id="no certificate"),
    pytest.param(Origin("192.0.2.7"), "is for TLS alone", id="plain"),
    pytest.param(Origin("198.51.100.1", tls=True, certificate=PIN), "is not among those", id="another address"),
]


def connect(world: SessionWorld, key: str, origin: Origin) -> Turn:
    ours = key if world.machine.settings[key].initiator else ""
    return world.take(ConnectionUp(world.now, 1, ours, ENTROPY, origin))


def closed(turn: Turn) -> list[tuple[DisconnectReason, str]]:
    return [(effect.code, effect.text) for effect in turn.effects if isinstance(effect, Close)]


@pytest.mark.parametrize(("origin", "text"), STRANGERS)
def test_a_good_logon_of_somebody_else_is_not_obeyed_and_not_answered(origin: Origin, text: str) -> None:
    """141=Y least of all: numbers and epoch are what they were."""
    world = SessionWorld(**TERMS)
    before = world.state("oms")
    connect(world, "oms", origin)
    world.say("oms", "A", (98, "0"), (108, "30"), (141, "Y"), connection=1)
    refused = next(turn for turn in world.turns if closed(turn))
    ((code, why),) = closed(refused)
    assert code is DisconnectReason.NOT_ALLOWED
    assert text in why
    assert (world.state("oms"), world.out["oms"]) == (before, [])
    assert not any(isinstance(effect, Write | Welcome) for effect in refused.effects)


@pytest.mark.parametrize(("origin", "text"), STRANGERS)
def test_our_logon_does_not_go_to_somebody_else(origin: Origin, text: str) -> None:
    world = SessionWorld(**TERMS)
    ((code, why),) = closed(connect(world, "ash", origin))
    assert code is DisconnectReason.NOT_ALLOWED
    assert text in why
    assert (world.state("ash").phase, world.out["ash"]) == (Phase.DISCONNECTED, [])


@pytest.mark.parametrize("why", ["disabled", "connected already"])
def test_a_connection_of_ours_that_is_not_wanted_any_more_is_closed(why: str) -> None:
    """It was on its way when the session was disabled, or when another one came up."""
    world = SessionWorld()
    if why == "disabled":
        world.command("session.disable", session="ash", reason="maintenance")
    else:
        world.take(ConnectionUp(world.now, 1, "ash", ENTROPY))
    before, said = world.state("ash"), list(world.out["ash"])
    turn = world.machine.take(ConnectionUp(world.now, 2, "ash", ENTROPY))
    [close] = turn.effects
    assert isinstance(close, Close)
    assert (close.connection, close.code, close.text) == (
        2, DisconnectReason.NOT_WANTED, "session ash takes no connection now",
    )  # fmt: skip
    assert 2 not in world.machine.connections
    assert (world.state("ash"), world.out["ash"]) == (before, said)


def test_the_one_agreed_is_welcome() -> None:
    world = SessionWorld(**TERMS)
    connect(world, "oms", GOOD)
    world.say("oms", "A", (98, "0"), (108, "30"), connection=1)
    assert world.state("oms").phase is Phase.ACTIVE
    assert [effect for turn in world.turns for effect in turn.effects if isinstance(effect, Welcome)] == [Welcome(1)]
    assert world.machine.connections == {1: Connection("oms", GOOD)}
    world.down(1, Ending(DisconnectReason.CLOSED_BY_PEER, ""))
    assert world.machine.connections == {}


def expects(world: SessionWorld, text: str) -> None:
    world.connect("ash")
    world.say("ash", "5", (58, text))


def test_a_peer_that_expects_a_higher_number_than_ours_is_a_matter_for_people() -> None:
    """It is shown, paged and logged with what to do; nothing is reset."""
    world = SessionWorld()
    expects(world, "MsgSeqNum too low, expecting 50 but received 1")
    assert world.machine.behind("ash")
    (page,) = [notice.body for notice in world.notices if notice.topic == "page"]
    assert page == {"what": "numbers differ", "session": "ash", "peer_expects": 50, "next_out": 2}
    ((_, _, text),) = [warning for turn in world.turns for warning in turn.warnings if warning[1] == "numbers_differ"]
    assert "the peer expects MsgSeqNum(34) 50, our next is 2" in text
    assert "rfqctl session set-seq ash --out 50" in text
    assert (world.state("ash").epoch, world.state("ash").next_out) == (1, 2)


def test_a_peer_that_expects_what_comes_next_is_none() -> None:
    world = SessionWorld()
    expects(world, "MsgSeqNum too low, expecting 2 but received 1")
    assert not world.machine.behind("ash")
    assert not [notice for notice in world.notices if notice.topic == "page"]


def test_a_peer_that_has_taken_our_number_after_all_is_none() -> None:
    world = SessionWorld()
    expects(world, "MsgSeqNum too low, expecting 50 but received 1")
    world.log_on("ash")
    assert not world.machine.behind("ash")
