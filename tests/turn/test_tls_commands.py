"""What an operator may ask of TLS: who may, what becomes of renewed files, and that wrong ones change nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from session_world import ENTROPY, SessionWorld

from engine.clock import NS_PER_DAY, NS_PER_S
from engine.domain import events as e
from engine.errors import CommandError
from engine.fix.session.certificates import Kind, TlsFile
from engine.fix.session.entrance import Origin
from engine.turn import Change, CommandGiven, FilesRead, ReadFiles, Reply, Settled, reloading

WHY = "the yearly renewal"
OLD, NEW = "0" * 64, "1" * 64
REF = 1_000
FOR_EVER_S = 253_402_300_799
"""The last second of the year 9999: how RFC 5280 writes that a certificate has no end."""


def file(key: str, digest: str, *, days: int = 90, kind: Kind = Kind.CERTIFICATE) -> TlsFile:
    ends_s = SessionWorld().now.utc_ns // NS_PER_S + days * NS_PER_DAY // NS_PER_S + 60
    return TlsFile(key, f"/etc/rfq/{key}.pem", kind, "fix.buyside.example", digest, ends_s, 1, digest)


BEFORE = (file("fix.tls.certificate", OLD, days=3), file("session[ash].tls_pin_file", OLD, kind=Kind.PEER))
AFTER = (file("fix.tls.certificate", NEW, days=396), BEFORE[1])


@pytest.fixture
def world() -> SessionWorld:
    world = SessionWorld()
    world.machine.tls_files = BEFORE
    settings = world.machine.settings
    settings["ash"] = replace(settings["ash"], tls=True, pins=(OLD,))
    return world


def ask(world: SessionWorld, role: str = "operator", **params: Any) -> ReadFiles:
    """The command, and the one thing that comes of it at first."""
    turn = world.take(CommandGiven(world.now, "tls.reload", params, "kim", role, REF, ENTROPY))
    (effect,) = turn.effects
    assert isinstance(effect, ReadFiles), effect
    assert not turn.records
    return effect


def read(world: SessionWorld, *problems: str, pins: dict[str, tuple[str, ...]] | None = None) -> FilesRead:
    wanted = ask(world, reason=WHY)
    settings = {
        key: replace(each, pins=(pins or {}).get(key, each.pins)) for key, each in world.machine.settings.items()
    }
    change = None if problems else Change(settings=settings, tls_files=AFTER, keep="the contexts")
    asked = (wanted.ref, wanted.kinds, wanted.actor, wanted.reason)
    return FilesRead(world.now, *asked, problems, change, ENTROPY)


@pytest.mark.parametrize("role", ["viewer", "trader", "feed"])
def test_files_are_not_even_looked_at_for_who_is_no_operator(world: SessionWorld, role: str) -> None:
    with pytest.raises(CommandError, match=f"tls.reload needs role operator; kim is {role}"):
        world.command("tls.reload", role=role, reason=WHY)
    with pytest.raises(CommandError, match="missing parameter 'reason'"):
        world.command("tls.reload")
    assert not any(isinstance(effect, ReadFiles) for turn in world.turns for effect in turn.effects)


def test_renewed_files_are_on_record_before_they_are_used_and_before_anybody_is_told(world: SessionWorld) -> None:
    turn = world.take(read(world))
    assert [type(effect) for effect in turn.effects][:2] == [Settled, Reply]
    (taken, reply) = turn.effects[:2]
    assert taken == Settled(("tls",), "the contexts")
    (event,) = world.recorded(e.TlsReloaded)
    assert (event.actor, event.reason) == ("person:kim", WHY)
    assert [(each.key, each.sha256) for each in event.files] == [(each.key, each.sha256) for each in AFTER]
    assert isinstance(reply, Reply)
    assert (reply.ref, reply.error) == (REF, "")
    assert [(each["key"], each["days"], each["changed"]) for each in reply.result["files"]] == [
        ("fix.tls.certificate", 396, True),
        ("session[ash].tls_pin_file", 90, False),
    ]
    assert world.machine.tls_files == AFTER


def test_files_that_cannot_be_used_leave_everything_as_it_was(world: SessionWorld) -> None:
    told = "engine.toml: fix.tls.key: /etc/rfq/key is not the key of /etc/rfq/certificate"
    events = len(world.events)
    turn = world.take(read(world, told, "engine.toml: session[ash].tls_ca: nothing"))
    settled, reply = turn.effects[:2]
    assert isinstance(settled, Settled)
    assert settled.taken is None
    assert isinstance(reply, Reply)
    assert (reply.code, told in reply.error, "tls_ca: nothing" in reply.error) == ("tls", True, True)
    assert reply.error.startswith("nothing was taken up, TLS goes on with what it has")
    assert [type(event) for event in world.events[events:]] == [e.ReloadRefused]
    assert world.machine.tls_files == BEFORE
    assert world.machine.settings["ash"].pins == (OLD,)


def test_a_failure_of_ours_over_them_stops_nobody(world: SessionWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("no such day")

    given = read(world)
    monkeypatch.setattr(reloading, "described", fail)
    turn = world.take(given)
    (refused,) = world.recorded(e.InputRefused)
    assert (refused.source, "no such day" in refused.error) == ("command", True)
    (reply,) = [effect for effect in turn.effects if isinstance(effect, Reply)]
    assert (reply.ref, reply.code) == (REF, "bug")
    assert [effect.taken for effect in turn.effects if isinstance(effect, Settled)] == [None]
    assert world.machine.tls_files == BEFORE


def test_a_certificate_for_ever_can_be_shown(world: SessionWorld) -> None:
    world.machine.tls_files = (replace(BEFORE[0], ends_s=FOR_EVER_S),)
    (shown,) = world.command("tls.show", role="viewer")["files"]
    assert shown["ends"] == "9999-12-31T23:59:59.000Z"
    assert shown["days"] > 2_000_000


def test_renewed_pins_are_for_the_next_connection_and_end_none(world: SessionWorld) -> None:
    shown = {OLD: Origin("192.0.2.7", tls=True, certificate=OLD), NEW: Origin("192.0.2.7", tls=True, certificate=NEW)}
    world.connect("ash", shown[OLD])
    assert world.machine.state("ash").connection is not None
    world.take(read(world, pins={"ash": (NEW,)}))
    assert world.machine.state("ash").connection is not None
    world.cut("ash")
    world.connect("ash", shown[OLD])
    assert world.machine.state("ash").connection is None, "not its certificate any more"
    world.connect("ash", shown[NEW])
    assert world.machine.state("ash").connection is not None


def test_what_ends_when_is_shown_of_files_and_of_peers(world: SessionWorld) -> None:
    ends_s = world.now.utc_ns // NS_PER_S - 60
    world.connect("ash", Origin("192.0.2.7", tls=True, certificate=OLD, certificate_ends_s=ends_s))
    events = len(world.events)
    said = world.command("tls.show", role="viewer")
    assert [(each["key"], each["days"]) for each in said["files"]] == [(BEFORE[0].key, 3), (BEFORE[1].key, 90)]
    assert [(each["session"], each["sha256"], each["days"]) for each in said["peers"]] == [("ash", OLD, -1)]
    of_ash, of_oms = (world.command("session.show", role="viewer", session=key) for key in ("ash", "oms"))
    assert of_ash["certificate_ends"]["days"] == -1
    assert [each["key"] for each in of_ash["tls_files"]] == ["session[ash].tls_pin_file"]
    assert of_oms["tls_files"] == [], "it takes the plain port"
    assert len(world.events) == events


def test_an_acceptor_over_tls_is_shown_with_the_files_of_the_port(world: SessionWorld) -> None:
    world.machine.settings["oms"] = replace(world.machine.settings["oms"], tls=True)
    shown = world.command("session.show", role="viewer", session="oms")["tls_files"]
    assert [each["key"] for each in shown] == ["fix.tls.certificate"]


def test_help_lists_them(world: SessionWorld) -> None:
    listed = {each["name"] for each in world.command("help", role="viewer")["commands"]}
    assert {"tls.show", "tls.reload"} <= listed
