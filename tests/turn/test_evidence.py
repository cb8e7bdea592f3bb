"""What is proven of a peer, held against what the peer said, after every turn and at the numbers where it changes.

`Told` keeps beside the machine what the peer's own words come to: "I lack your number n" denies n and all after it and
admits what is before it; the answer to our TestRequest(1) admits everything up to that, unless the peer has denied
something of it meanwhile. Whatever is said, the machine must believe exactly that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache
from itertools import product
from typing import Any

import pytest
import session_world
from desk_builder import make_desk
from desk_past import LIQUID, dealer
from desk_scene import RULES, book
from hypothesis import given
from hypothesis import strategies as st
from session_world import ENTROPY, SessionWorld

from engine.clock import NS_PER_S, fix_timestamp
from engine.desk.draft import Delivery
from engine.domain.placement import Placement, PlacementState
from engine.domain.rfq import Ask, AskState
from engine.fix.session.phases import Phase
from engine.fix.session.settings import SessionSettings
from engine.fix.session.step import SentRow
from engine.market.marks import Mark, Quality
from engine.rules.program import Book
from engine.turn import Input, ProofWanted, ReadSentRows, Received, SentPage, Turn
from engine.turn.trading import Trading

PLACES = ("one", "confirmed-1", "confirmed", "confirmed+1", "confirmed+2", "last-1", "last", "last+1", "last+2")
"""Where a peer may say that it lacks our numbers from on. `confirmed`: the last that it is known to have."""


@pytest.fixture(autouse=True, scope="module")
def _one_desk() -> Iterator[None]:
    """Nothing is asked of the desk behind the OMS here, and a new one takes longer to make than all that is said."""
    desk = make_desk()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(session_world, "make_desk", lambda: desk)
        yield


class Told:
    """What one peer has said of our numbers, in the present epoch: `known` is the last that it has."""

    def __init__(self) -> None:
        self.epoch = 1
        self.known = 0

    def lacks(self, begin: int, next_out: int) -> None:
        """ResendRequest(2) from `begin` on, or NextExpectedMsgSeqNum(789)."""
        if begin > next_out:
            return  # Nothing that we have sent: it says nothing of what we have.
        self.known = max(self.known, begin - 1)
        self.denies(begin, next_out)

    def denies(self, begin: int, next_out: int) -> None:
        """It is to have no number from `begin` on, and says nothing of those before."""
        if begin < next_out:
            self.known = min(self.known, begin - 1)

    def proves(self, number: int) -> None:
        """It has answered our TestRequest(1) of this number."""
        self.known = max(self.known, number)

    def resets(self) -> None:
        self.epoch += 1
        self.known = 0


class World(SessionWorld):
    """Sessions whose OMS is watched: after every turn the machine believes what `told` does, and nothing else."""

    key = "oms"

    def __init__(self, **settings: Any) -> None:
        self.told = Told()
        self.watching = False
        super().__init__(**settings)

    def take(self, given: Input) -> Turn:
        turn = super().take(given)
        if self.watching:
            self.hold()
        return turn

    def hold(self) -> None:
        machine, state, told = self.machine, self.state(self.key), self.told
        epoch, number = machine.links[self.key].confirmed or (0, 0)
        believed = number if epoch == state.epoch else 0
        assert (state.epoch, believed) == (told.epoch, told.known)
        assert epoch <= state.epoch
        assert believed < state.next_out, "a number that was not given out cannot have arrived"
        probe = state.probe
        if probe is not None:
            assert probe.seq_num < state.next_out
        last = machine.links[self.key].last_report or 0
        assert last < state.next_out
        idle = state.phase is Phase.ACTIVE and probe is None and not state.resending
        assert machine.unproven(self.key) is (idle and last > believed)

    # --- what happens ------------------------------------------------------------------------------

    def begin(self, *extra: tuple[int, str]) -> None:
        self.log_on(self.key, *extra)
        self.watching = True

    def ask(self) -> None:
        self.take(ProofWanted(self.now, self.key, ENTROPY))

    def number(self, place: str) -> int:
        """The number that a place stands for now; at least 1, as every number that can be asked for."""
        word, sign, by = place.partition("+") if "+" in place else place.partition("-")
        base = {"one": 1, "confirmed": self.told.known, "last": self.state(self.key).next_out - 1}[word]
        return max(1, base + int(f"{sign}{by or 0}" if sign else 0))

    def reconnects(self, wanted: int) -> None:
        """Logs on again, and expects `wanted` next."""
        connection = self.connect(self.key)
        self.told.lacks(wanted, self.state(self.key).next_out)
        self.say(self.key, "A", (98, "0"), (108, "30"), (789, str(wanted)), connection=connection)

    def asks_again(self, place: str) -> None:
        begin, next_out = self.number(place), self.state(self.key).next_out
        self.told.lacks(begin, next_out)
        self.say(self.key, "2", (7, str(begin)), (16, "0"))

    def answers(self, test_request: dict[int, str], *, counts: bool) -> None:
        """The Heartbeat(0) for a TestRequest(1) of ours; whether it still counts is for the test to say."""
        if counts:
            self.told.proves(int(test_request[34]))
        self.say(self.key, "0", (112, test_request[112]))


def _proven_world() -> World:
    """Reports 2 to 7 and a TestRequest(1), 8, that is answered; then reports 9 to 14."""
    world = World()
    world.begin()
    for _ in range(6):
        world.order()
    world.ask()
    world.answers(dict(world.sent("oms")[-1]), counts=True)
    for _ in range(6):
        world.order()
    assert (world.told.known, world.state("oms").next_out) == (8, 15)
    return world


# --- one word, at every place ------------------------------------------------------------------------------


@pytest.mark.parametrize("place", PLACES)
def test_a_resend_request(place: str) -> None:
    world = _proven_world()
    world.asks_again(place)
    if world.state("oms").phase is Phase.ACTIVE:
        world.ask()
        world.answers(dict(world.sent("oms")[-1]), counts=True)
        assert not world.machine.unproven("oms")


@pytest.mark.parametrize("begin", PLACES)
def test_what_a_resend_request_denies_is_its_beginning_whatever_its_end(begin: str) -> None:
    for end in PLACES:
        world = _proven_world()
        first, last, next_out = world.number(begin), world.number(end), world.state("oms").next_out
        if first <= last:
            world.told.lacks(first, next_out)
        world.say("oms", "2", (7, str(first)), (16, str(last)))
        assert (world.sent("oms")[-1][35] == "3") is (last < first), "no range is rejected, and denies nothing"


def test_a_range_that_is_none_denies_nothing() -> None:
    world = _proven_world()
    for begin, end in ((0, 0), (-1, 0), (9, 8), (2, 1)):
        world.say("oms", "2", (7, str(begin)), (16, str(end)))
        assert world.sent("oms")[-1][35] == "3"


@pytest.mark.parametrize("place", PLACES)
def test_the_number_that_a_peer_expects_at_its_next_logon(place: str) -> None:
    world = _proven_world()
    world.cut("oms")
    wanted, next_out = world.number(place), world.state("oms").next_out
    world.reconnects(wanted)
    if wanted > next_out:
        assert world.phase("oms") is Phase.DISCONNECTED
        assert world.machine.links["oms"].peer_expects == wanted
        assert world.machine.behind("oms") is (wanted > world.state("oms").next_out)
    else:
        assert world.phase("oms") is Phase.ACTIVE
        sent_again = {int(said[34]) for said in world.sent("oms") if said.get(43) == "Y"}
        missing = {number for number in sent_again if number < wanted}
        assert not missing, "what it has is not sent again"
        assert (wanted in sent_again) is (wanted < next_out), "what it lacks is, from the first"


@pytest.mark.parametrize("place", PLACES)
def test_the_number_that_a_peer_expects_when_it_logs_out(place: str) -> None:
    """It may have what it does not speak of, and has not what it expects."""
    world = _proven_world()
    wanted, next_out = world.number(place), world.state("oms").next_out
    text = f"MsgSeqNum too low, expecting {wanted} but received 2"
    world.told.denies(wanted, next_out)
    world.say("oms", "5", (58, text))
    assert world.machine.links["oms"].peer_expects == wanted
    code = world.machine.history.endings["oms"].ending.code
    assert (str(code) == "peer_seq_too_low") is (wanted >= next_out)
    # Our Logout(5) used a number up: what was our next one is the last now.
    assert world.state("oms").next_out == next_out + 1
    assert world.machine.behind("oms") is (wanted > next_out + 1)


@pytest.mark.parametrize("place", PLACES)
def test_an_answer_to_a_test_request_that_the_peer_has_denied(place: str) -> None:
    """At or below the TestRequest's own number the answer proves nothing any more; one above, everything."""
    world = _proven_world()
    world.ask()
    test_request = dict(world.sent("oms")[-1])
    asked = int(test_request[34])
    world.order()
    begin = world.number(place)
    denied = begin <= asked and begin < world.state("oms").next_out
    world.asks_again(place)
    assert (world.state("oms").probe is None) is denied
    world.answers(test_request, counts=not denied)


@pytest.mark.parametrize("above", [-1, 0, 1])
def test_an_answer_proves_what_was_sent_before_the_question_to_the_number(above: int) -> None:
    world = _proven_world()
    world.ask()
    test_request = dict(world.sent("oms")[-1])
    world.order()
    begin = int(test_request[34]) + above
    world.told.lacks(begin, world.state("oms").next_out)
    world.say("oms", "2", (7, str(begin)), (16, "0"))
    world.answers(test_request, counts=above == 1)


# --- the last report exactly -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("above", "unproven"), [(-1, True), (0, True), (1, False), (2, False)])
def test_reports_are_proven_when_the_last_of_them_is(above: int, unproven: bool) -> None:
    """The peer lacks nothing from `last report + above` on: with 1 above the last report is the last that it has."""
    world = _proven_world()
    world.say("oms", "1", (112, "are you there?"))  # A Heartbeat(0) of ours behind the last report.
    last = world.machine.links["oms"].last_report
    assert world.state("oms").next_out == last + 2
    begin = last + above
    world.told.lacks(begin, world.state("oms").next_out)
    world.say("oms", "2", (7, str(begin)), (16, "0"))
    assert world.machine.unproven("oms") is unproven


def test_a_new_epoch_knows_of_nothing_that_has_arrived() -> None:
    world = _proven_world()
    world.told.resets()
    world.say("oms", "A", (98, "0"), (108, "30"), (141, "Y"), seq=1)
    assert world.machine.links["oms"].confirmed == (1, 8), "what it had of the old one it had"
    world.told.lacks(1, world.state("oms").next_out)
    world.say("oms", "2", (7, "1"), (16, "0"))
    world.told.lacks(2, world.state("oms").next_out)
    world.say("oms", "2", (7, "2"), (16, "0"))
    assert world.machine.links["oms"].confirmed == (2, 1)


# --- two words, in every order ---------------------------------------------------------------------------------


def _reconnects(world: World, place: str) -> None:
    if world.phase("oms") is not Phase.DISCONNECTED:
        world.cut("oms")
    world.reconnects(world.number(place))


def _logs_out(world: World, place: str) -> None:
    if world.phase("oms") is not Phase.ACTIVE:
        return
    wanted, next_out = world.number(place), world.state("oms").next_out
    world.told.denies(wanted, next_out)
    world.say("oms", "5", (58, f"expecting {wanted}"))


def _asks_again(world: World, place: str) -> None:
    if world.phase("oms") is Phase.ACTIVE:
        world.asks_again(place)


SAYINGS: dict[str, Callable[[World, str], None]] = {
    "2": _asks_again,
    "789": _reconnects,
    "5": _logs_out,
}


@pytest.mark.parametrize(("one", "other"), list(product(SAYINGS, SAYINGS)))
def test_one_word_after_the_other(one: str, other: str) -> None:
    for first, then in product(PLACES, PLACES):
        world = _proven_world()
        SAYINGS[one](world, first)
        SAYINGS[other](world, then)
        world.hold()


_STEPS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(("2", "789", "5")), st.sampled_from(PLACES)),
        st.tuples(st.sampled_from(("order", "ask", "answer", "cut", "reset", "second")), st.just("")),
    ),
    max_size=25,
)


@given(_STEPS)
def test_whatever_is_said(steps: list[tuple[str, str]]) -> None:
    world = World(resend_repeat_max=1_000)
    world.begin()
    question: dict[int, str] | None = None
    for what, place in steps:
        up = world.phase("oms") is Phase.ACTIVE
        if what in SAYINGS:
            SAYINGS[what](world, place)
        elif what == "cut" and world.phase("oms") is not Phase.DISCONNECTED:
            world.cut("oms")
        elif what == "second":
            world.advance(1)
        elif not up:
            continue
        elif what == "order":
            world.order()
        elif what == "ask" and world.state("oms").probe is None:
            world.ask()
            question = dict(world.sent("oms")[-1])
        elif what == "answer" and question is not None:
            probe = world.state("oms").probe
            world.answers(question, counts=probe is not None and probe.test_req_id == question[112])
        elif what == "reset":
            world.told.resets()
            world.say("oms", "A", (98, "0"), (108, "30"), (141, "Y"), seq=1)
            question = None
        if world.phase("oms") is not Phase.ACTIVE:
            question = None
        world.hold()


# --- requests and acceptances ------------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def _book() -> Book:
    return book(RULES, ["ash"])


class Desk(SessionWorld):
    """A dealer that has been asked for a price four times, and has one acceptance of ours; its rows are as kept."""

    def __init__(self, **settings: Any) -> None:
        super().__init__()
        self.machine.settings["ash"] = SessionSettings(
            "ash", "FIX.4.4", "BUYSIDE", "ASH", "dealer", initiator=True, **settings
        )
        dealers = (dealer("ash"),)
        desk = make_desk(dealers=dealers, book=_book())
        self.trading = self.machine.application = Trading(desk)
        desk.marks.update(Mark(LIQUID.security_id, LIQUID.price, self.now.utc_ns, "marks", Quality.COMPOSITE))
        self.log_on("oms")
        self.log_on("ash")
        for size in (1, 2, 3, 4):
            self.new_order(size * 100_000)
        self.numbers = {ask.quote_req_id: self.number_of(ask.outbox_id) for ask in self.asks}
        self.quote(self.asks[0])
        self.command("execute", role="trader", order="O-000001")
        self.new_order(500_000)
        self.numbers = {ask.quote_req_id: self.number_of(ask.outbox_id) for ask in self.asks}
        assert list(self.numbers.values()) == [2, 3, 4, 5, 7]
        assert self.number_of(self.placement.outbox_id) == 6

    def new_order(self, quantity: int) -> None:
        self.say(
            "oms", "D", (1, "PARALLEL"), (11, f"C{quantity}"), (21, "1"), (55, "[N/A]"), (48, LIQUID.security_id),
            (22, "4"), (54, "1"), (38, str(quantity)), (40, "1"), (60, fix_timestamp(self.now.utc_ns)),
        )  # fmt: skip

    def quote(self, ask: Ask) -> None:
        until = fix_timestamp(self.now.utc_ns + 30 * NS_PER_S)
        self.say(
            "ash", "S", (117, "q1"), (131, ask.quote_req_id), (537, "1"), (55, "[N/A]"), (48, LIQUID.security_id),
            (22, "4"), (54, "1"), (133, "100.01"), (62, until), (60, fix_timestamp(self.now.utc_ns)),
        )  # fmt: skip

    def take(self, given: Input) -> Turn:
        """Every turn draws identifiers of its own."""
        entropy = len(self.turns).to_bytes(16, "big")
        return super().take(given._replace(entropy=entropy) if isinstance(given, Received) else given)

    @property
    def asks(self) -> list[Ask]:
        return [ask for rfq in self.trading.state.rfqs.values() for ask in rfq.asks]

    @property
    def placement(self) -> Placement:
        [placement] = self.trading.state.placements.values()
        return placement

    def number_of(self, outbox_id: int) -> int:
        [seq] = [
            b.seq_num for turn in self.turns for b in turn.bound if b.outbox_id == outbox_id and b.session == "ash"
        ]
        return seq

    def _carry_out(self, effect: Any) -> None:
        if not isinstance(effect, ReadSentRows):
            super()._carry_out(effect)
            return
        bound = {b.seq_num: b for turn in self.turns for b in turn.bound if b.session == effect.session}
        rows = [
            SentRow(n, bound[n].data, bound[n].delivery is Delivery.at_least_once)
            for n in range(effect.begin, effect.end + 1)
        ]
        page = SentPage(
            self.now, effect.session, effect.epoch, effect.connection, rows, effect.end, last=True, entropy=ENTROPY
        )
        self.take(page)

    def expect(self, denied: range) -> None:
        """Requests that the dealer denies were not delivered; an acceptance is in doubt, now with a reason."""
        for ask in self.asks[1:]:
            lost = self.numbers[ask.quote_req_id] in denied
            assert (ask.state is AskState.not_delivered) is lost, f"{self.numbers[ask.quote_req_id]} of {denied}"
            assert ask.state in (AskState.not_delivered, AskState.asked)
        assert self.asks[0].state is AskState.quoted, "it has answered: it has the request, whatever it says"
        placement = self.placement
        assert placement.state is PlacementState.in_doubt, "evidence is not proof"
        assert placement.reserved == placement.quantity
        assert placement.evidence.startswith("filled over") is (6 in denied)


@pytest.mark.parametrize("begin", range(1, 9))
def test_a_dealer_denies_what_it_was_asked_from_a_number_on(begin: int) -> None:
    world = Desk()
    world.say("ash", "2", (7, str(begin)), (16, "0"))
    world.expect(range(begin, 8))
    number = world.placement.outbox_id
    assert (world.machine.links["ash"].ledger.get(6)) == number, "its number stands for it until the epoch is over"


@pytest.mark.parametrize(("begin", "end"), [(a, b) for a in (2, 5, 6, 7) for b in range(a, 9)])
def test_a_dealer_denies_a_range(begin: int, end: int) -> None:
    world = Desk()
    world.say("ash", "2", (7, str(begin)), (16, str(end)))
    world.expect(range(begin, min(end, 7) + 1))


@pytest.mark.parametrize("wanted", range(1, 9))
def test_a_dealer_denies_it_when_it_logs_on_again(wanted: int) -> None:
    """NextExpectedMsgSeqNum(789) in its answer. Our own Logon(A) is 8: it may want that one again."""
    world = Desk(next_expected=True)
    world.cut("ash")
    world.log_on("ash", (789, str(wanted)))
    assert world.phase("ash") is Phase.ACTIVE
    for ask in world.asks[1:]:
        assert (ask.state is AskState.not_delivered) is (world.numbers[ask.quote_req_id] >= wanted)
    placement = world.placement
    assert placement.state is PlacementState.in_doubt
    assert placement.evidence.startswith("filled over") is (wanted <= 6)


@pytest.mark.parametrize("number", [1, 2, 5, 6, 7, 8])
@pytest.mark.parametrize("kind", ["3", "j"])
def test_a_dealers_engine_refuses_one_number(kind: str, number: int) -> None:
    """Exactly what had that number is refused: the request is declined, the acceptance never was an order."""
    world = Desk()
    word = (373, "99") if kind == "3" else (380, "3")
    world.say("ash", kind, (45, str(number)), (372, "R"), word, (58, "no"))
    for ask in world.asks[1:]:
        assert (ask.state is AskState.declined) is (world.numbers[ask.quote_req_id] == number)
    assert (world.placement.state is PlacementState.undelivered) is (number == 6)
