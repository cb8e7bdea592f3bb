"""What is seen of a round once it is over, what is learnt of it later, and the marks that follow it and its fills."""

from __future__ import annotations

from decimal import Decimal

import pytest
from desk_scene import BOND, MM, Scene, placed, scene
from desk_start import start

from engine.clock import NS_PER_S
from engine.desk import decide
from engine.desk.setting import RfqClocks
from engine.domain import events as e
from engine.domain import messages as m
from engine.domain.keys import Timer, TimerKind
from engine.domain.observation import Answer, AskSeen, ChosenBy, Horizon, Protocol, RoundSeen, Taken
from engine.domain.order import MarkUsed
from engine.domain.rfq import QuoteKind

pytestmark = pytest.mark.starts("noon", "second noon")
"""Days that begin and end meanwhile are a matter of calendars."""


def rounds(world: Scene) -> list[RoundSeen]:
    return [event.round for event in world.recorded(e.RoundObserved)]


def the_round(world: Scene) -> RoundSeen:
    [seen] = rounds(world)
    return seen


def of(seen: RoundSeen, dealer: str) -> AskSeen:
    [ask] = [ask for ask in seen.asks if ask.dealer == dealer]
    return ask


def plain(mark: MarkUsed | None) -> tuple[Decimal, int] | None:
    """Its price and its age in seconds."""
    return (mark.price, mark.age_ns // NS_PER_S) if mark is not None else None


def s(seconds: float) -> int:
    return start().utc_ns + int(seconds * NS_PER_S)


# --- a round with a trade -------------------------------------------------------------------------


def test_a_round_with_a_trade_tells_of_everybody_who_was_asked() -> None:
    world = scene()
    order_id = world.order(BOND, "buy", MM, account="PARALLEL", limit_price=Decimal("100.20"))
    world.advance(4)
    world.price(BOND, "100.01")
    world.says("ash", "99.95", order_id)
    world.advance(2)
    world.says("beech", "100.05", order_id, offer_quantity=Decimal(400_000))
    world.declines("cedar", order_id, "no inventory")
    world.advance(1)
    world.price(BOND, "100.02")
    world.command("execute", order=order_id)
    world.advance(3)
    world.fills(order_id)
    seen = the_round(world)
    assert (seen.source, seen.rfq_id, seen.round, seen.parent_id) == ("", world.rfq(order_id).rfq_id, 1, order_id)
    assert (seen.sent_ns, seen.decided_ns, seen.closed_ns) == (s(0), s(7), s(10))
    assert (seen.side, seen.quantity, seen.residual, seen.limit_price) == ("buy", MM, 0, Decimal("100.20"))
    assert (seen.bond.security_id, seen.bond.issuer) == (BOND.security_id, BOND.issuer)
    assert (seen.bond.maturity, seen.bond.coupon_pct) == (BOND.maturity, BOND.coupon_pct)
    assert seen.segment == world.the(order_id).facts.segment
    assert (seen.protocol, seen.n_asked, seen.informed) == (Protocol.parallel, 3, 0)
    assert plain(seen.mark_decision) == (Decimal("100.02"), 0)
    assert seen.cover is None, "a price for a part is no second-best for the whole"
    assert (seen.p_panel, seen.is_drawn) == (1.0, True)
    ash = of(seen, "ash")
    assert (ash.position, ash.sent_ns, ash.deadline_ns, ash.answered_ns) == (1, s(0), s(60), s(4))
    assert (ash.answer, ash.price, ash.quantity) == (Answer.quote, Decimal("99.95"), MM)
    assert ash.edge_bps == pytest.approx(6 / 100.01 * 100)
    assert plain(ash.mark_sent) == (Decimal(100), 0)
    assert plain(ash.mark_answered) == (Decimal("100.01"), 0)
    assert (ash.taken, ash.accepted_ns, ash.decided_ns) == (Taken.filled, s(7), s(10))
    assert plain(ash.mark_accepted) == (Decimal("100.02"), 0)
    assert plain(ash.mark_decided) == (Decimal("100.02"), 3)
    assert (ash.filled, ash.fill_price) == (MM, Decimal("99.95"))
    assert (ash.chosen_by, ash.p) == (ChosenBy.rule, 1.0)
    beech = of(seen, "beech")
    assert (beech.answer, beech.quantity, beech.taken) == (Answer.quote, 400_000, Taken.no)
    assert beech.edge_bps == pytest.approx(-4 / 100.01 * 100)
    cedar = of(seen, "cedar")
    assert (cedar.answer, cedar.pass_reason, cedar.answered_ns) == (Answer.passed, "no inventory", s(6))
    assert (cedar.position, cedar.price, cedar.edge_bps, cedar.mark_answered) == (3, None, None, None)


def test_a_round_without_a_trade_is_seen_as_well_silence_included() -> None:
    world = scene()
    order_id = world.order(BOND, "sell", MM, account="PARALLEL")
    world.says("ash", "99.9", order_id, kind=QuoteKind.indicative)
    world.advance(61)
    seen = the_round(world)
    assert (seen.decided_ns, seen.closed_ns, seen.residual) == (s(60), s(60), MM)
    assert seen.mark_decision is not None
    assert [(ask.dealer, ask.answer) for ask in seen.asks] == [
        ("ash", Answer.indicative),
        ("beech", Answer.none),
        ("cedar", Answer.none),
    ]
    assert of(seen, "ash").edge_bps == pytest.approx(-10.0)
    assert [(ask.answered_ns, ask.pending, ask.late) for ask in seen.asks[1:]] == [(None, False, False)] * 2
    assert seen.cover is None


def test_nothing_is_seen_of_whom_nobody_asked() -> None:
    """Not yet asked in a search, blocked by the gate, withheld, in doubt."""
    world = scene()
    order_id = world.order(BOND, "buy", MM, account="WHISPER")
    world.says("ash", "99.95", order_id)
    world.command("execute", order=order_id)
    world.fills(order_id)
    assert [ask.dealer for ask in the_round(world).asks] == ["ash"]
    assert the_round(world).is_drawn

    world = scene()
    world.down.add("beech")
    order_id = world.order(BOND, "buy", MM, account="PARALLEL")
    world.withhold(world.ask(order_id, "ash").outbox_id)
    world.advance(30)
    world.down.add("cedar")
    world.advance(40)
    seen = the_round(world)
    assert "ash" not in [ask.dealer for ask in seen.asks]
    assert "cedar" not in [ask.dealer for ask in seen.asks]
    assert seen.n_asked == len(seen.asks)
    assert not seen.is_drawn


def test_each_mark_at_its_own_sending() -> None:
    world = scene()
    order_id = world.order(BOND, "buy", MM, account="SPACED")
    world.advance(4)
    world.price(BOND, "100.04")
    world.advance(70)
    assert world.the(order_id).rounds == 1
    marks = [(ask.sent_ns, ask.mark_sent.price) for ask in the_round(world).asks if ask.mark_sent is not None]
    assert marks == [(s(0), 100), (s(5), Decimal("100.04")), (s(10), Decimal("100.04"))]
    assert the_round(world).protocol is Protocol.stagger
    assert next(event.mark for event in world.recorded(e.DealerAsked)) is None, "the opening has it"


def test_a_list_of_the_traders_own_was_not_drawn() -> None:
    world = scene()
    order_id = world.order(BOND, "buy", MM, account="HAND")
    world.command("override", order=order_id, dealers=["cedar"], reason="they called")
    world.advance(70)
    seen = the_round(world)
    assert [(ask.dealer, ask.chosen_by, ask.p) for ask in seen.asks] == [("cedar", ChosenBy.trader, None)]
    assert (seen.p_panel, seen.is_drawn) == (None, False)


def test_who_knew_before() -> None:
    world = scene()
    order_id = world.order(BOND, "buy", MM, account="HAND")
    world.command("override", order=order_id, dealers=["cedar"], reason="they called")
    world.advance(70)
    world.command("override", order=order_id, dealers=["ash"], reason="next")
    world.advance(70)
    assert [seen.informed for seen in rounds(world)] == [0, 1]
    assert [seen.round for seen in rounds(world)] == [1, 2]


def test_no_mark_is_none_and_an_edge_of_nothing_is_none() -> None:
    world = scene()
    world.no_price()
    order_id = world.order(BOND, "buy", MM, account="PARALLEL")
    world.says("ash", "99.95", order_id)
    world.advance(70)
    ash = of(the_round(world), "ash")
    assert (ash.mark_sent, ash.mark_answered, ash.edge_bps) == (None, None, None)
    assert (ash.price, the_round(world).mark_decision) == (Decimal("99.95"), None)


# --- last look ------------------------------------------------------------------------------------


def test_a_reject_at_last_look_with_the_marks_before_and_after() -> None:
    world, order_id = placed()
    world.advance(2)
    world.price(BOND, "100.03")
    world.rejects(order_id, "the market moved")
    world.command("execute", order=order_id)
    world.advance(1)
    world.fills(order_id)
    seen = the_round(world)
    ash, beech = of(seen, "ash"), of(seen, "beech")
    assert (ash.taken, ash.reject_reason, ash.filled) == (Taken.rejected, "the market moved", 0)
    assert ash.mark_accepted is not None
    assert ash.mark_decided is not None
    assert (ash.mark_accepted.price, ash.mark_decided.price) == (100, Decimal("100.03"))
    assert (beech.taken, beech.price) == (Taken.filled, Decimal("99.97"))
    assert seen.cover == Decimal("99.97")
    assert seen.decided_ns == ash.accepted_ns
    assert seen.mark_decision == ash.mark_accepted


def test_a_part_that_is_filled() -> None:
    world, order_id = placed()
    world.fills(order_id, 400_000)
    world.rejects(order_id, "no more")
    world.advance(70)
    seen = the_round(world)
    assert (of(seen, "ash").taken, of(seen, "ash").filled, seen.residual) == (Taken.partial, 400_000, 600_000)


# --- what is learnt later -------------------------------------------------------------------------


def amended(world: Scene) -> list[e.RoundAmended]:
    return world.recorded(e.RoundAmended)


def test_whoever_was_not_waited_for_has_until_its_time_is_over() -> None:
    world = scene()
    order_id = world.order(BOND, "buy", MM, account="PARALLEL")
    world.says("ash", "99.95", order_id)
    world.command("execute", order=order_id)
    world.fills(order_id)
    seen = the_round(world)
    assert [ask.pending for ask in seen.asks] == [False, True, True]
    world.advance(20)
    world.says("beech", "100.1", order_id)
    [event] = amended(world)
    assert (event.rfq_id, event.was, event.settles) == (seen.rfq_id, (of(seen, "beech"),), False)
    [beech] = event.now
    assert (beech.answer, beech.pending, beech.answered_ns) == (Answer.quote, False, s(20))
    assert beech.edge_bps == pytest.approx(-10.0)
    world.advance(41)
    event = amended(world)[1]
    assert (event.at_ns, event.was, event.settles) == (s(60), (of(seen, "cedar"),), True)
    [cedar] = event.now
    assert (cedar.answer, cedar.pending, cedar.late) == (Answer.none, False, False)
    world.says("cedar", "100.2", order_id)
    event = amended(world)[2]
    assert (event.was, event.now[0].late, event.now[0].answer) == ((cedar,), True, Answer.none)
    world.advance(600)
    assert len(amended(world)) == 3


def test_a_request_that_turns_out_not_to_have_arrived_was_no_request() -> None:
    world = scene()
    order_id = world.order(BOND, "buy", MM, account="PARALLEL")
    world.says("ash", "99.95", order_id)
    world.command("execute", order=order_id)
    world.fills(order_id)
    beech = of(the_round(world), "beech")
    world.fill_over(world.ask(order_id, "beech").outbox_id)
    [event] = amended(world)
    assert (event.was, event.now) == ((beech,), ())
    # The other one's session is down when its time is over: nobody knows.
    world.down.add("cedar")
    world.advance(60)
    event = amended(world)[1]
    assert ([ask.dealer for ask in event.was], event.now, event.settles) == (["cedar"], (), True)
    world.down.discard("cedar")
    world.says("cedar", "100.2", order_id)
    assert len(amended(world)) == 2, "what came of it nobody can tell"


def test_what_an_amendment_takes_back_is_what_was_told() -> None:
    """Though the order has another recommendation by then, and another round."""
    world = scene()
    order_id = world.order(BOND, "buy", MM, account="PARALLEL")
    world.says("ash", "99.95", order_id)
    world.command("execute", order=order_id)
    world.fills(order_id, 400_000)
    world.rejects(order_id)
    world.declines("beech", order_id)
    world.withdraws("ash", order_id)
    first = world.rfq(order_id)
    world.advance(70)
    [told] = rounds(world)
    world.command("override", order=order_id, dealers=["cedar"], reason="they called")
    ref = first.ask_of("cedar")
    assert ref is not None
    prices = (None, Decimal(100), None, None)
    late = m.QuoteAnswer(ref.quote_req_id, "late", BOND.security_id, QuoteKind.tradeable, *prices, None)
    world.hear("cedar", late)
    [event] = [event for event in amended(world) if event.rfq_id == told.rfq_id]
    assert event.was == (of(told, "cedar"),)
    [cedar] = event.now
    assert (cedar.late, cedar.chosen_by, cedar.p) == (True, ChosenBy.rule, 1.0)


def test_a_withdrawal_after_the_round_is_amended() -> None:
    world, order_id = placed()
    world.fills(order_id)
    world.withdraws("beech", order_id)
    [event] = amended(world)
    assert (event.was[0].withdrawn, event.now[0].withdrawn) == (False, True)


def test_no_mark_follows_a_round_in_which_nobody_was_asked() -> None:
    world = scene()
    world.command("kill", scope="all", on=True, reason="stop")
    world.order(BOND, "buy", MM, account="PARALLEL")
    for event in world.recorded(e.RoundObserved):
        assert event.round.asks == ()
    assert [*world.today("marks_due")] == []


def test_a_fill_after_the_end_amends_what_was_seen() -> None:
    world, order_id = placed()
    world.rejects(order_id)
    world.advance(120)
    ash = of(the_round(world), "ash")
    assert ash.taken is Taken.rejected
    first = next(each for each in world.today("placements").values() if each.dealer == "ash")
    world.fills(order_id, cl_ord_id=first.placement_id)
    event = amended(world)[-1]
    assert (event.was, event.now[0].taken, event.residual) == ((ash,), Taken.filled, 0)


# --- marks ----------------------------------------------------------------------------------------


def marked(world: Scene, kind: type = e.RoundMarked) -> list[tuple[str, float, Decimal | None, str]]:
    """Horizon, seconds since the start, price, reason."""
    since = start().utc_ns
    return [
        (x.horizon.value, (x.due_ns - since) / NS_PER_S, x.mark.price if x.mark else None, x.reason)
        for x in world.recorded(kind)
    ]


def untraded() -> Scene:
    """A round that ends after a minute without a trade, at noon of a Monday."""
    world = scene()
    world.order(BOND, "buy", MM, account="PARALLEL")
    world.advance(60)
    assert the_round(world).decided_ns == s(60)
    return world


def go_on(world: Scene, until_s: float, price: str) -> None:
    """Until then, the price said just before."""
    world.advance((s(until_s) - world.now.utc_ns) / NS_PER_S - 1)
    world.price(BOND, price)
    world.advance(1)


DAY_S = 86_400
SPANS = (("1m", 60), ("5m", 300), ("30m", 1_800), ("1h", 3_600))


def test_marks_follow_a_round_without_a_trade() -> None:
    world = untraded()
    eod = RfqClocks.__dataclass_fields__["day_end"].default.after(s(60))
    ends = [(end - start().utc_ns) / NS_PER_S for end in eod]
    expected = []
    for number, (horizon, span) in enumerate((*SPANS, ("eod", ends[0] - 60), ("1d", ends[1] - 60)), 1):
        go_on(world, 60 + span, f"100.0{number}")
        expected.append((horizon, 60 + span, Decimal(f"100.0{number}"), ""))
    assert marked(world) == expected
    assert the_round(world).rfq_id not in world.state.marks_due
    assert [*world.today("marks_due")] == []


def test_marks_follow_the_decision_and_the_fill_each_from_its_own_time() -> None:
    world, order_id = placed()
    world.advance(10)
    world.fills(order_id)
    go_on(world, 60, "100.06")
    go_on(world, 70, "100.07")
    assert marked(world) == [("1m", 60, Decimal("100.06"), "")]
    assert marked(world, e.FillMarked) == [("1m", 70, Decimal("100.07"), "")]
    [fill] = world.state.fills_of(order_id)
    assert [each.exec_id for each in world.recorded(e.FillMarked)] == [fill.exec_id]


def test_a_mark_from_before_the_round_is_none_and_one_is_waited_for_a_while() -> None:
    world = untraded()
    world.advance(60 + 29)
    assert marked(world) == [], "waiting for one from after the decision"
    world.advance(2)
    assert marked(world) == [("1m", 120, None, "no mark when it was due")]
    world.advance(240)
    world.price(BOND, "100.05")
    world.advance(5)
    assert marked(world)[1] == ("5m", 360, Decimal("100.05"), "")


def test_a_stale_mark_is_none() -> None:
    world = untraded()
    go_on(world, 120, "100.01")
    world.advance(3_600 - 60 + 301)
    found = marked(world)
    assert [each[0] for each in found] == ["1m", "5m", "30m", "1h"]
    assert [each[2] for each in found] == [Decimal("100.01"), Decimal("100.01"), None, None]


def test_what_nobody_looked_at_in_time_is_no_observation() -> None:
    """The engine was down: what the market says now is no word about then."""
    world = untraded()
    go_on(world, 120, "100.01")
    world.step_clock(1_000)
    world.price(BOND, "100.09")
    world.advance(1)
    assert marked(world)[1:] == [("5m", 360, None, "nobody looked when it was due")]


def test_an_acceptance_that_hangs_is_marked_from_its_decision() -> None:
    world, _ = placed()
    go_on(world, 60, "100.03")
    assert rounds(world) == []
    assert marked(world) == [("1m", 60, Decimal("100.03"), "")]


@pytest.mark.parametrize("horizon", list(Horizon))
def test_every_horizon_is_waited_for(horizon: Horizon) -> None:
    world = untraded()
    due = world.state.marks_due[the_round(world).rfq_id]
    assert horizon in dict(due.waiting)
    assert [due_ns for _, due_ns in due.waiting] == sorted(due_ns for _, due_ns in due.waiting)


@pytest.mark.parametrize(
    ("after_due_s", "wanted_s"),
    [
        pytest.param(-10, 0, id="before: when it is due"),
        pytest.param(0, 5, id="when it was due: a little later"),
        pytest.param(7, 10, id="at the same times whoever asks, and when"),
        pytest.param(29, 30, id="at the latest when the grace ends"),
        pytest.param(500, 500, id="after a long stop: at once"),
    ],
)
def test_its_timer_is_derived_from_the_state(after_due_s: float, wanted_s: float) -> None:
    """No restart loses a mark, and none moves the times at which one is looked for."""
    world = untraded()
    key = Timer(TimerKind.marks, the_round(world).rfq_id)
    assert key in [*decide.open_keys(world.state)]
    clocks, due_ns = world.desk.clocks, s(120)
    found = decide.deadline_of(world.state, key, clocks, lambda _: True, due_ns + int(after_due_s * NS_PER_S))
    assert found == due_ns + int(wanted_s * NS_PER_S)
