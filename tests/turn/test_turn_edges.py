"""Bounds of what a turn leaves behind at the very number: what waits, and which numbers are remembered."""

from __future__ import annotations

from copy import copy
from dataclasses import replace
from typing import Any

import pytest
from session_world import SessionWorld

from engine.clock import fix_timestamp
from engine.desk.draft import Delivery, Draft
from engine.domain import events as e
from engine.domain import messages as m
from engine.domain.order import Side
from engine.fix.session.sequence import SessionState
from engine.fix.standard.dictionaries import built_in
from engine.fix.wire import codec
from engine.turn import Change, ConnectionUp, FilesRead, Link, ReadUndelivered, UndeliveredPage, Waiting
from engine.turn.appended import Appended

EDGE = pytest.mark.parametrize("by", [-1, 0, 1], ids=["just before", "exactly", "just after"])


class World(SessionWorld):
    """Sessions that say what they are told to; `reads` is what was asked of the store and has not come."""

    def __init__(self) -> None:
        self.reads: list[ReadUndelivered] = []
        super().__init__()

    def _carry_out(self, effect: Any) -> None:
        if isinstance(effect, ReadUndelivered):
            self.reads.append(effect)
        else:
            super()._carry_out(effect)

    def report(self, key: str, count: int = 1) -> None:
        for _ in range(count):
            self.note(lambda draft: draft.send(key, m.BusinessReject("S", 2, 3, "no"), Delivery.at_least_once))

    def question(self, count: int = 1) -> None:
        """What takes a number that is remembered."""
        said = m.AskPlacementStatus("ash", "P-1", "US0000000000", "4", Side.buy)
        for _ in range(count):
            self.note(lambda draft: draft.send("ash", said, Delivery.afresh))

    def waits(self, key: str) -> list[int]:
        return [waiting.outbox_id for waiting in self.machine.links[key].waiting]


@EDGE
def test_orders_are_refused_when_as_much_waits_as_may(by: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.turn.standing.UNBOUND_MAX", 4)
    world = World()
    world.log_on("oms")
    world.report("dropcopy", 4 + by)
    assert len(world.waits("dropcopy")) == 4 + by
    assert world.machine.full() == ("dropcopy" if by >= 0 else None)
    world.order()
    assert (world.sent("oms")[-1].get(380) == "4") is (by >= 0)


def test_what_waits_for_a_session_that_a_reload_adds_counts_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.turn.standing.UNBOUND_MAX", 2)
    world = World()
    oms = world.machine.settings["oms"]
    link = Link(SessionState.fresh(), waiting=Appended([Waiting(1, "8", b""), Waiting(2, "8", b"")]))
    settings = {**world.machine.settings, "copy": replace(oms, key="copy", target_comp_id="COPY", role="dropcopy")}
    dictionaries = dict.fromkeys(settings, world.machine.dictionaries["oms"])
    change = Change(settings=settings, dictionaries=dictionaries, links={"copy": link})
    assert world.machine.full() is None
    world.take(FilesRead(world.now, 1, ("sessions",), "jane", "a new one", (), change, bytes(16)))
    assert world.machine.full() == "copy"


def test_a_session_that_a_reload_adds_is_read_with_its_own_dictionary_and_the_others_with_their_new_one() -> None:
    world = World()
    oms = world.machine.settings["oms"]
    settings = {**world.machine.settings, "copy": replace(oms, key="copy", target_comp_id="COPY", role="dropcopy")}
    before = dict(world.machine.dictionaries)
    dictionaries = {key: copy(built_in("FIX.4.4")) for key in settings}
    change = Change(settings=settings, dictionaries=dictionaries)
    world.take(FilesRead(world.now, 1, ("sessions",), "jane", "a new one", (), change, bytes(16)))
    assert world.machine.dictionaries == dictionaries
    assert world.machine.dictionaries["oms"] is not before["oms"], "read again, it may be another one"
    stranger = codec.frame(
        begin_string="FIX.4.4", msg_type="A", seq_num=1, sender="COPY", target="BUYSIDE",
        sending_time=fix_timestamp(world.now.utc_ns), body=codec.encode_body([(98, "0"), (108, "30")]),
    )  # fmt: skip
    world.out["copy"] = []
    world.take(ConnectionUp(world.now, 1, "", bytes(16)))
    world.receive("copy", stranger, 1)
    assert world.machine.session_up("copy")


def test_what_is_for_a_session_that_is_configured_no_more_costs_nothing_else_of_its_turn() -> None:
    """An OMS left the file, with an order open: what the dealer fills of it is booked, and the report is kept."""
    world = World()
    world.log_on("oms")

    def reports(draft: Draft) -> None:
        for key in ("gone", "oms"):
            draft.send(key, m.BusinessReject("S", 2, 3, "no"), Delivery.at_least_once)

    world.note(reports)

    turn = world.turns[-1]
    assert [send.session for send, _, _ in turn.sends] == ["gone", "oms"], "both are in the outbox"
    assert [(bound.session, bound.outbox_id) for bound in turn.bound] == [("oms", 2)]
    assert [(key, code) for key, code, _ in turn.warnings] == [("gone", "no_session")]
    assert not [event for event in turn.events if isinstance(event, e.InputRefused)]


@EDGE
def test_as_many_numbers_are_remembered_as_may_be(by: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.turn.link.LEDGER_MAX", 4)
    world = World()
    world.log_on("ash")
    world.question(4 + by)
    first = 2 if by <= 0 else 3
    assert [number for number, _ in world.machine.links["ash"].ledger] == list(range(first, 6 + by))


@EDGE
def test_what_was_said_before_a_reset_is_read_and_what_came_after_it_waits_in_memory(by: int) -> None:
    """A report of exactly the last outbox number before the reset comes from the store, and from there alone."""
    world = World()
    world.report("oms", 3)
    world.command("session.reset", session="oms", reason="as agreed")
    [read] = world.reads
    assert read.up_to == world.machine.outbox_id == 3
    world.report("oms", 2)
    assert world.waits("oms") == [1, 2, 3, 4, 5]
    stored = [(number, "j", b"58=again\x01", number < 2) for number in range(1, 4)]
    world.take(UndeliveredPage(world.now, "oms", read.epoch, read.up_to + by, stored, bytes(16)))
    assert (not world.rebinds("oms")) is (by == 0), "a page for another question is none"
    assert world.waits("oms") == [1, 2, 3, 4, 5]
    if by:
        return
    queue = world.machine.links["oms"].waiting
    assert [waiting.poss_resend for waiting in queue] == [True, False, False, False, False]
    assert queue[0] == Waiting(1, "j", b"58=again\x01", True)
    world.log_on("oms")
    said = [message for message in world.sent("oms") if message[35] == "j"]
    assert [message.get(97) for message in said] == ["Y", None, None, None, None]
    assert not any(link.waiting for link in world.machine.links.values())


def test_a_session_that_is_off_is_read_at_once_and_only_once_however_often_it_is_reset() -> None:
    """Each reset is a question of its own; what an earlier one found is not taken any more."""
    world = World()
    world.report("oms", 2)
    for _ in range(2):
        world.command("session.reset", session="oms", reason="as agreed")
    first, second = world.reads
    assert (first.epoch, second.epoch) == (2, 3)
    rows = [(1, "j", b"58=again\x01", True), (2, "j", b"58=again\x01", True)]
    world.take(UndeliveredPage(world.now, "oms", first.epoch, first.up_to, rows, bytes(16)))
    assert world.rebinds("oms")
    world.take(UndeliveredPage(world.now, "oms", second.epoch, second.up_to, rows, bytes(16)))
    assert not world.rebinds("oms")
    assert world.waits("oms") == [1, 2]
    world.take(UndeliveredPage(world.now, "oms", second.epoch, second.up_to, rows, bytes(16)))
    assert world.waits("oms") == [1, 2], "an answer that comes twice"
