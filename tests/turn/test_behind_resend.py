"""While a resend is served, what is new for that session waits for its number, and what became of it is known."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from session_world import SessionWorld, Speaking

from engine.desk.draft import Delivery, Draft
from engine.domain import messages as m
from engine.domain.keys import Scope, ScopeKind
from engine.domain.order import Side
from engine.fix.session.step import SentRow
from engine.turn import (
    Behind,
    BindDue,
    BindMore,
    Gate,
    ReadSentRows,
    ReadUndelivered,
    SentPage,
    Turn,
    UndeliveredPage,
    Withhold,
    Write,
)


class Asking(Speaking):
    """A desk that only speaks when told to; `over` are requests that nobody wants any more."""

    def __init__(self) -> None:
        super().__init__()
        self.over: set[int] = set()

    def wanted(self, outbox_id: int) -> bool:
        return outbox_id not in self.over


class World(SessionWorld):
    """A dealer `ash` that has had two requests. Pages of a resend come when they are asked for: `serve`."""

    def __init__(self) -> None:
        super().__init__()
        self.trading = self.machine.application = Asking()
        self.reads: list[ReadSentRows] = []
        self.withheld: list[Withhold] = []
        self.log_on("ash")
        self.ask("first", "second")
        self.out["ash"].clear()

    def _carry_out(self, effect: Any) -> None:
        if isinstance(effect, ReadSentRows):
            self.reads.append(effect)
        elif isinstance(effect, Withhold):
            self.withheld.append(effect)
        else:
            super()._carry_out(effect)

    def ask(self, *names: str) -> None:
        """Requests, each named by its QuoteReqID(131)."""

        def record(draft: Draft) -> None:
            for name in names:
                draft._send(
                    "ash", request(name), Delivery.at_most_once, self.now.utc_ns + 1, (Scope(ScopeKind.everything),)
                )

        self.note(record)

    def ask_for_all(self) -> None:
        self.say("ash", "2", (7, "1"), (16, "0"))
        assert self.state("ash").resending

    def serve(self) -> None:
        """The last page of the oldest resend."""
        wanted = self.reads.pop(0)
        numbers = range(wanted.begin, wanted.end + 1)
        rows = [SentRow(number, self.rows["ash", wanted.epoch][number].data, False) for number in numbers]
        self.take(
            SentPage(self.now, "ash", wanted.epoch, wanted.connection, rows, wanted.end, last=True, entropy=bytes(16))
        )

    @property
    def kinds(self) -> list[tuple[str, str | None]]:
        """What the dealer was sent, with the names of requests."""
        return [(message[35], message.get(131)) for message in self.sent("ash")]

    @property
    def waits(self) -> list[int]:
        return [waiting.outbox_id for waiting in self.machine.links["ash"].waiting]


def request(name: str) -> m.AskDealer:
    return m.AskDealer(
        dealer="ash", quote_req_id=name, security_id="US0000000000", id_source="4", side=Side.buy, quantity=1,
        currency="USD", settl_date="20261125", collect_until_ns=0, firm_until_ns=0, transact_ns=0,
    )  # fmt: skip


def status(draft: Draft) -> None:
    said = m.AskPlacementStatus("ash", "P-1", "US0000000000", "4", Side.buy)
    draft.send("ash", said, Delivery.afresh)


def about_the_third(draft: Draft) -> None:
    said = m.AskPlacementStatus("ash", "P-1", "US0000000000", "4", Side.buy)
    draft.send("ash", said, Delivery.afresh, follows=3)


def report(draft: Draft) -> None:
    draft.send("ash", m.BusinessReject("S", 2, 3, "not taken"), Delivery.at_least_once)


@pytest.fixture
def world() -> World:
    return World()


def test_a_request_waits_for_the_resend_to_end_and_a_heartbeat_does_not(world: World) -> None:
    world.ask_for_all()
    world.ask("third")
    world.advance(31)
    assert [kind for kind, _ in world.kinds if kind != "1"] == ["0"]
    assert not world.withheld
    world.serve()
    assert world.kinds[-2:] == [("4", None), ("R", "third")]
    said = world.sent("ash")
    assert int(said[-1][34]) == world.state("ash").next_out - 1
    assert not world.waits


def test_its_gate_is_looked_at_when_it_is_released(world: World) -> None:
    world.ask_for_all()
    world.ask("third")
    due_ns = world.now.utc_ns + 1
    world.advance(5)
    world.serve()
    write = [effect for effect in world.turns[-1].effects if isinstance(effect, Write)][-1]
    assert write.gate is not None
    assert (write.gate.outbox_id, write.gate.seq_num) == (3, 4)
    assert (write.gate.not_after_ns, write.gate.kill_scopes) == (due_ns, (Scope(ScopeKind.everything),))


def test_everything_goes_in_the_order_in_which_it_was_said(world: World) -> None:
    world.ask_for_all()
    world.ask("third")
    world.note(status)
    world.note(report)
    world.ask("fourth")
    world.serve()
    assert [kind for kind, _ in world.kinds] == ["4", "R", "H", "j", "R"]
    assert [int(message[34]) for message in world.sent("ash")] == [1, 4, 5, 6, 7]


def test_its_number_is_known_for_a_refusal_and_for_a_gap_fill(world: World) -> None:
    world.ask_for_all()
    world.ask("third")
    world.serve()
    assert dict(world.machine.links["ash"].ledger) == {2: 1, 3: 2, 4: 3}


def test_with_another_resend_behind_the_first_it_waits_for_both(world: World) -> None:
    world.ask_for_all()
    world.say("ash", "2", (7, "2"), (16, "0"))
    world.ask("third")
    world.serve()
    assert ("R", "third") not in world.kinds
    world.serve()
    assert world.kinds[-1] == ("R", "third")


def test_what_nobody_wants_any_more_is_withheld(world: World) -> None:
    world.ask_for_all()
    world.ask("third", "fourth")
    world.trading.over.add(3)  # type: ignore[attr-defined]
    world.serve()
    assert world.kinds[-1] == ("R", "fourth")
    assert world.withheld == [Withhold(3, "over: nobody wanted it any more")]


def test_what_is_about_an_acceptance_leaves_only_behind_it(world: World) -> None:
    """The acceptance that waits before it may be withheld: its dealer must not hear of an order it never saw."""
    world.ask_for_all()
    world.ask("third")
    world.note(about_the_third)
    world.serve()
    gates = [effect.gate for effect in world.turns[-1].effects if isinstance(effect, Write)][-2:]
    assert [type(gate) for gate in gates] == [Gate, Behind]
    assert gates[1] == Behind(3, 5)
    world.note(status)
    assert [effect.gate for effect in world.turns[-1].effects if isinstance(effect, Write)] == [None]


@pytest.mark.parametrize("how", ["cut", "logout"])
def test_a_session_that_goes_down_withholds_what_waited(world: World, how: str) -> None:
    world.ask_for_all()
    world.ask("third")
    world.note(status)
    if how == "cut":
        world.cut("ash")
    else:
        world.say("ash", "5")
    assert world.withheld == [Withhold(3, "session: it went down before a resend had ended")]
    assert not world.waits, "the question is asked anew when the session is back"
    world.reads.clear()
    world.log_on("ash")
    assert [kind for kind, _ in world.kinds] == ["A"]


def test_a_reset_of_the_live_session_loses_none_that_waits(world: World) -> None:
    """The store is asked for reports only; a request that has no number yet is in memory alone."""
    world.ask_for_all()
    world.ask("third")
    world.say("ash", "A", (98, "0"), (108, "30"), (141, "Y"), seq=1)
    (read,) = [effect for effect in world.turns[-1].effects if isinstance(effect, ReadUndelivered)]
    assert ("R", "third") not in world.kinds
    rows = [(1, "j", b"58=again\x01", True)]
    world.take(UndeliveredPage(world.now, "ash", read.epoch, read.up_to, rows, bytes(16)))
    assert [(kind, name) for kind, name in world.kinds if kind != "A"] == [("j", None), ("R", "third")]
    assert dict(world.machine.links["ash"].ledger) == {3: 3}


def test_what_has_to_be_said_again_is_read_once_whatever_the_peer_says_meanwhile(world: World) -> None:
    """Each reading is all that was not confirmed, in memory at once: a peer must not be able to multiply it."""

    def reads(turns: Sequence[Turn]) -> list[ReadUndelivered]:
        return [each for turn in turns for each in turn.effects if isinstance(each, ReadUndelivered)]

    before = len(world.turns)
    world.say("ash", "A", (98, "0"), (108, "30"), (141, "Y"), seq=1)
    for _ in range(3):
        world.say("ash", "0")
    world.say("ash", "2", (7, "1"), (16, "0"))
    world.serve()
    world.say("ash", "1", (112, "still there?"))
    (read,) = reads(world.turns[before:])
    world.take(UndeliveredPage(world.now, "ash", read.epoch, read.up_to, [(1, "j", b"58=again\x01", True)], bytes(16)))
    assert world.kinds[-1] == ("j", None)
    assert not world.rebinds("ash")


def test_what_has_to_be_said_again_is_read_anew_on_the_next_connection(world: World) -> None:
    world.say("ash", "A", (98, "0"), (108, "30"), (141, "Y"), seq=1)
    world.cut("ash")
    world.log_on("ash")
    (read,) = [effect for effect in world.turns[-1].effects if isinstance(effect, ReadUndelivered)]
    world.take(UndeliveredPage(world.now, "ash", read.epoch, read.up_to, [], bytes(16)))
    assert not world.rebinds("ash")


def test_more_than_may_wait_is_withheld(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.turn.numbering.BEHIND_RESEND_MAX", 3)
    world.ask_for_all()
    world.ask("third", "fourth", "fifth", "sixth")
    assert world.waits == [3, 4, 5]
    assert world.withheld == [Withhold(6, "full: 3 messages wait for a resend to end")]
    world.serve()
    assert [name for kind, name in world.kinds if kind == "R"] == ["third", "fourth", "fifth"]


class LongQueue(World):
    """Reports that wait for `ash`, far more than leave at once; its peer reads on when it is told to: `read_on`."""

    def __init__(self, count: int) -> None:
        self.unread: list[BindMore] = []
        super().__init__()
        self.cut("ash")
        for _ in range(count):
            self.note(report)
        self.log_on("ash")

    def _carry_out(self, effect: Any) -> None:
        if isinstance(effect, BindMore):
            self.unread.append(effect)
        else:
            super()._carry_out(effect)

    def read_on(self) -> None:
        wanted = self.unread.pop(0)
        self.take(BindDue(self.now, wanted.session, wanted.connection, bytes(16)))

    @property
    def said(self) -> int:
        return sum(kind == "j" for kind, _ in self.kinds)


def test_a_long_queue_leaves_in_parts_as_the_peer_reads_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """All at once would be more than may wait for a peer to read it, which ends the connection, again and again."""
    monkeypatch.setattr("engine.turn.numbering.BIND_BYTES_MAX", 100)
    world = LongQueue(50)
    part = world.said
    assert 0 < part < 10
    world.note(report)
    assert world.said == part, "what is new goes behind what waits"
    world.say("ash", "0")
    world.ask_for_all()
    world.serve()
    assert (world.said, len(world.unread)) == (part, 1), "it is taken up once"
    world.read_on()
    assert world.said == 2 * part
    while world.unread:
        world.read_on()
    assert world.said == 51
    assert not world.waits
    numbers = [int(message[34]) for message in world.sent("ash") if message[35] == "j"]
    assert numbers == sorted(set(numbers))


def test_the_rest_of_a_long_queue_waits_for_a_resend_and_for_the_next_connection(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("engine.turn.numbering.BIND_BYTES_MAX", 100)
    world = LongQueue(50)
    part = world.said
    world.ask_for_all()
    world.read_on()
    assert (world.said, len(world.unread)) == (part, 0)
    world.serve()
    assert (world.said, len(world.unread)) == (2 * part, 1), "the end of the resend takes it up"
    world.cut("ash")
    world.reads.clear()
    world.log_on("ash")
    assert (world.said, len(world.unread)) == (part, 2)
    world.read_on()
    assert world.said == part, "that was for the connection before"
    while world.unread:
        world.read_on()
    assert world.said == 50 - 2 * part


def test_for_a_session_that_is_down_a_request_does_not_wait(world: World) -> None:
    world.cut("ash")
    world.ask("third")
    world.note(status)
    assert world.withheld == [Withhold(3, "session: it is down")]
    assert not world.waits


def test_to_the_desk_a_session_that_resends_is_up(world: World) -> None:
    world.ask_for_all()
    up: list[bool] = []
    world.note(lambda draft: up.append(draft.session_up("ash")))
    assert up == [True]
