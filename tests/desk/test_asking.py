"""Whom a round asks when, how long it waits, and when it has heard enough: parallel, staggered, one at a time."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from desk_scene import BOND, MM, Scene, scene
from desk_start import start

from engine.clock import NS_PER_S
from engine.desk import decide
from engine.desk.round import asking
from engine.domain import events as e
from engine.domain import messages as m
from engine.domain.keys import Timer, TimerKind
from engine.domain.order import OrderState, Side
from engine.domain.rfq import Ask, AskPlan, AskState, ExecutePlan, Quote, QuoteKind, Rfq, RfqState
from engine.rules.plan import Mode

T0 = 1_000 * NS_PER_S
GUARD = NS_PER_S // 4
WAIT_S = 20


def at(seconds: float) -> int:
    return T0 + int(seconds * NS_PER_S)


def quote(price: int, firm_s: float = 600) -> Quote:
    value = Decimal(price)
    return Quote("q", None, value, value, None, QuoteKind.tradeable, at(firm_s), T0, 0, None)


def ask(dealer: str, state: AskState, asked_s: float = 0, *quotes: Quote) -> Ask:
    return Ask(dealer, state, f"r-{dealer}", 1, at(asked_s), at(asked_s + WAIT_S), quotes)


def a_round(mode: Mode, *asks: Ask, stagger_s: int = 0, state: RfqState = RfqState.asking) -> Rfq:
    """Ash, beech and cedar are planned."""
    plan = AskPlan(mode, ("ash", "beech", "cedar"), WAIT_S * NS_PER_S, stagger_s * NS_PER_S, None, ExecutePlan(False))
    return Rfq("Q-1", "O-1", 1, state, plan, Side.buy, Decimal(1), None, T0, asks, decide_until_ns=at(90))


def at_most_100(quote: Quote) -> bool:
    return quote.price is not None and quote.price <= 100


PARALLEL, STAGGER, ONE = Mode.PARALLEL, Mode.STAGGER, Mode.ONE_AT_A_TIME
ASKED, QUOTED, SILENT, DECLINED = AskState.asked, AskState.quoted, AskState.silent, AskState.declined
WITHHELD, BLOCKED = AskState.withheld, AskState.blocked


@pytest.mark.parametrize(
    ("rfq", "now_s", "due"),
    [
        pytest.param(a_round(PARALLEL), 0, ["ash", "beech", "cedar"], id="parallel: all at once"),
        pytest.param(a_round(PARALLEL, ask("ash", BLOCKED)), 0, ["beech", "cedar"], id="parallel: nobody twice"),
        pytest.param(a_round(STAGGER, stagger_s=5), 0, ["ash"], id="stagger: the first at once"),
        pytest.param(a_round(STAGGER, ask("ash", ASKED), stagger_s=5), 4.9, [], id="stagger: not before its time"),
        pytest.param(
            a_round(STAGGER, ask("ash", ASKED), stagger_s=5), 5, ["beech"], id="stagger: does not wait for an answer"
        ),
        pytest.param(
            a_round(STAGGER, ask("ash", QUOTED, 0, quote(90)), stagger_s=5),
            5,
            ["beech"],
            id="stagger: a good answer does not end it",
        ),
        pytest.param(
            a_round(STAGGER, ask("ash", QUOTED, 0, quote(90)), stagger_s=5), 1, [], id="stagger: nor make it faster"
        ),
        pytest.param(
            a_round(STAGGER, ask("ash", BLOCKED), stagger_s=5),
            0,
            ["beech"],
            id="stagger: a blocked request took no time",
        ),
        pytest.param(a_round(ONE), 0, ["ash"], id="one at a time: the first"),
        pytest.param(a_round(ONE, ask("ash", ASKED)), 19, [], id="one at a time: waits for the first"),
        pytest.param(a_round(ONE, ask("ash", SILENT)), 20, ["beech"], id="one at a time: the next after silence"),
        pytest.param(a_round(ONE, ask("ash", DECLINED)), 1, ["beech"], id="one at a time: the next after a pass"),
        pytest.param(
            a_round(ONE, ask("ash", QUOTED, 0, quote(101))),
            1,
            ["beech"],
            id="one at a time: the next after a bad quote",
        ),
        pytest.param(a_round(ONE, ask("ash", QUOTED, 0, quote(99))), 1, [], id="one at a time: stops at a good quote"),
        pytest.param(
            a_round(ONE, ask("ash", QUOTED, 0, quote(99, firm_s=10)), ask("beech", DECLINED)),
            11,
            ["cedar"],
            id="one at a time: a good quote that is over stops nothing",
        ),
        pytest.param(
            a_round(ONE, ask("ash", WITHHELD)), 0, ["beech"], id="one at a time: the next after a withheld one"
        ),
        pytest.param(a_round(ONE, ask("ash", BLOCKED)), 0, ["beech"], id="one at a time: the next after a blocked one"),
        pytest.param(
            a_round(ONE, ask("ash", DECLINED), stagger_s=5),
            4,
            [],
            id="one at a time under a delay: the delay holds too",
        ),
        pytest.param(
            a_round(ONE, ask("ash", DECLINED), stagger_s=5),
            5,
            ["beech"],
            id="one at a time under a delay: then the next",
        ),
        pytest.param(a_round(PARALLEL, state=RfqState.deciding), 0, [], id="nobody is asked once it is decided on"),
        pytest.param(a_round(PARALLEL, state=RfqState.placed), 0, [], id="nor while an acceptance is out"),
        pytest.param(a_round(PARALLEL, state=RfqState.closed), 0, [], id="nor afterwards"),
    ],
)
def test_who_is_due(rfq: Rfq, now_s: float, due: list[str]) -> None:
    assert list(asking.due_dealers(rfq, at(now_s), at_most_100, GUARD)) == due


@pytest.mark.parametrize(
    ("rfq", "deadline_s"),
    [
        pytest.param(a_round(PARALLEL, ask("ash", ASKED), ask("beech", ASKED, 3)), 20, id="the first wait that ends"),
        pytest.param(a_round(PARALLEL, ask("ash", SILENT), ask("beech", ASKED, 3)), 23, id="then the next one"),
        pytest.param(a_round(STAGGER, ask("ash", ASKED), stagger_s=5), 5, id="stagger: the next request"),
        pytest.param(
            a_round(STAGGER, ask("ash", ASKED), ask("beech", ASKED, 5), ask("cedar", ASKED, 10), stagger_s=5),
            20,
            id="stagger: nobody is left to ask",
        ),
        pytest.param(a_round(ONE, ask("ash", ASKED)), 20, id="one at a time: the wait"),
        pytest.param(
            a_round(ONE, ask("ash", ASKED), stagger_s=5), 20, id="one at a time: a delay changes nothing in it"
        ),
        pytest.param(
            a_round(ONE, ask("ash", DECLINED), stagger_s=5), 5, id="one at a time: answered, and the delay still runs"
        ),
        pytest.param(a_round(PARALLEL, ask("ash", ASKED), state=RfqState.deciding), 90, id="deciding: the decision"),
        pytest.param(
            a_round(PARALLEL, ask("ash", ASKED), state=RfqState.placed), None, id="placed: only the dealer's word"
        ),
        pytest.param(a_round(PARALLEL, ask("ash", ASKED), state=RfqState.closed), None, id="over"),
    ],
)
def test_when_it_must_be_looked_at_again(rfq: Rfq, deadline_s: float | None) -> None:
    assert asking.next_deadline_ns(rfq) == (None if deadline_s is None else at(deadline_s))


@pytest.mark.parametrize(
    ("rfq", "collected"),
    [
        pytest.param(
            a_round(PARALLEL, ask("ash", QUOTED), ask("beech", SILENT), ask("cedar", ASKED)), False, id="one is out"
        ),
        pytest.param(
            a_round(PARALLEL, ask("ash", QUOTED), ask("beech", SILENT), ask("cedar", DECLINED)), True, id="all said"
        ),
        pytest.param(
            a_round(PARALLEL, ask("ash", BLOCKED), ask("beech", BLOCKED), ask("cedar", WITHHELD)), True, id="nobody"
        ),
        pytest.param(
            a_round(STAGGER, ask("ash", QUOTED), ask("beech", QUOTED), stagger_s=5), False, id="one is unasked"
        ),
        pytest.param(a_round(ONE, ask("ash", QUOTED, 0, quote(99))), True, id="found"),
        pytest.param(
            a_round(PARALLEL, ask("ash", QUOTED, 0, quote(99))), False, id="a good quote does not end the others"
        ),
        pytest.param(a_round(ONE, ask("ash", QUOTED, 0, quote(101))), False, id="not found"),
        pytest.param(
            a_round(ONE, ask("ash", QUOTED, 0, quote(99)), ask("beech", ASKED)),
            True,
            id="an update of the first is good",
        ),
    ],
)
def test_when_it_has_heard_enough(rfq: Rfq, collected: bool) -> None:
    assert asking.collected(rfq, T0, at_most_100, GUARD) is collected


def test_overdue_is_whoever_has_not_said_a_word_by_the_end_of_its_own_wait() -> None:
    rfq = a_round(STAGGER, ask("ash", ASKED, 0), ask("beech", QUOTED, 0), ask("cedar", ASKED, 5))
    assert [each.dealer for each in asking.overdue(rfq, at(19.999))] == []
    assert [each.dealer for each in asking.overdue(rfq, at(20))] == ["ash"]
    assert [each.dealer for each in asking.overdue(rfq, at(25))] == ["ash", "cedar"]


# --- through the desk ----------------------------------------------------------------------------


def opened(account: str, quantity: int = MM, **order: Any) -> tuple[Scene, str]:
    world = scene()
    return world, world.order(BOND, "buy", quantity, account=account, **order)


def seconds(world: Scene) -> list[float]:
    """When each request was made, from the order's arrival."""
    return [(event.at_ns - start().utc_ns) / NS_PER_S for event in world.recorded(e.DealerAsked)]


def test_parallel_asks_all_and_decides_when_all_have_answered() -> None:
    world, order_id = opened("PARALLEL")
    assert (world.asked(), seconds(world)) == (["ash", "beech", "cedar"], [0, 0, 0])
    world.says("ash", "100.1", order_id)
    world.declines("beech", order_id)
    assert world.rfq(order_id).state is RfqState.asking
    world.says("cedar", "100.0", order_id)
    assert world.rfq(order_id).state is RfqState.deciding
    [alert] = world.recorded(e.TraderAlerted)
    assert (alert.dealer, alert.reason) == ("cedar", "best of 2")


def test_the_wait_ends_a_parallel_round_without_the_silent() -> None:
    world, order_id = opened("PARALLEL")
    world.advance(40)
    world.says("ash", "100.1", order_id)
    world.advance(19.9)
    assert world.rfq(order_id).state is RfqState.asking
    world.advance(0.1)
    assert world.rfq(order_id).state is RfqState.deciding
    assert [event.dealer for event in world.recorded(e.DealerSilent)] == ["beech", "cedar"]


def test_stagger_asks_five_seconds_apart_whatever_is_answered() -> None:
    world, order_id = opened("SPACED")
    world.advance(1)
    world.says("ash", "99.5", order_id)
    world.advance(60)
    assert (world.asked(), seconds(world)) == (["ash", "beech", "cedar"], [0, 5, 10])


def test_each_dealers_wait_counts_from_its_own_request() -> None:
    world, _ = opened("SPACED")
    world.advance(200)
    waits = {event.dealer: event.at_ns - start().utc_ns for event in world.recorded(e.DealerSilent)}
    assert waits == {"ash": 60 * NS_PER_S, "beech": 65 * NS_PER_S, "cedar": 70 * NS_PER_S}
    for said, asked in zip(world.said(m.AskDealer), world.recorded(e.DealerAsked), strict=True):
        assert said.collect_until_ns == asked.wait_until_ns == asked.at_ns + 60 * NS_PER_S
        # ValidUntilTime(62) leaves time to decide after the end of collection.
        assert said.firm_until_ns == said.collect_until_ns + 30 * NS_PER_S


def test_every_request_has_its_own_unguessable_identifier() -> None:
    world, _ = opened("PARALLEL")
    ids = [said.quote_req_id for said in world.said(m.AskDealer)]
    assert len(set(ids)) == 3
    assert all(len(each) == 16 and int(each, 16) >= 0 for each in ids)


def test_whisper_asks_the_next_after_twenty_seconds_of_silence() -> None:
    world, _ = opened("WHISPER")
    assert world.asked() == ["ash"]
    world.advance(19.9)
    assert world.asked() == ["ash"]
    world.advance(0.1)
    assert world.asked() == ["ash", "beech"]
    world.advance(20)
    assert (world.asked(), seconds(world)) == (["ash", "beech", "cedar"], [0, 20, 40])


def test_whisper_asks_the_next_at_once_after_an_uncompetitive_quote() -> None:
    """25 bp of 100 is 0.25: 100.26 is too far, 100.25 is not."""
    world, order_id = opened("WHISPER")
    world.advance(3)
    world.says("ash", "100.26", order_id)
    assert (world.asked(), seconds(world)) == (["ash", "beech"], [0, 3])
    world.advance(2)
    world.says("beech", "100.25", order_id)
    assert world.asked() == ["ash", "beech"]
    assert world.rfq(order_id).state is RfqState.deciding
    assert world.recorded(e.TraderAlerted)[0].dealer == "beech"
    world.advance(25)
    assert world.asked() == ["ash", "beech"], "the search had found what it looked for"


def test_whisper_recalls_an_earlier_quote_that_still_lives() -> None:
    """Nobody was near fair: the best of what still stands is shown, the first dealer's in spite of two later ones."""
    world, order_id = opened("WHISPER")
    world.says("ash", "100.30", order_id, valid_until_ns=start().utc_ns + 120 * NS_PER_S)
    world.says("beech", "100.50", order_id)
    world.advance(20)
    rfq = world.rfq(order_id)
    assert (rfq.state, world.ask(order_id, "cedar").state) == (RfqState.deciding, AskState.silent)
    assert world.recorded(e.TraderAlerted)[0].dealer == "ash"
    world.command("execute", order=order_id)
    assert world.accepted() == ["ash"]


def test_whisper_does_not_recall_what_is_over() -> None:
    world, order_id = opened("WHISPER")
    world.says("ash", "100.30", order_id, valid_until_ns=start().utc_ns + 15 * NS_PER_S)
    world.says("beech", "100.50", order_id, valid_until_ns=start().utc_ns + 60 * NS_PER_S)
    world.advance(20)
    assert world.recorded(e.TraderAlerted)[0].dealer == "beech"


def test_whisper_stops_when_an_earlier_dealer_comes_closer() -> None:
    world, order_id = opened("WHISPER")
    world.says("ash", "100.30", order_id, quote_id="a1")
    assert world.asked() == ["ash", "beech"]
    world.says("ash", "100.10", order_id, quote_id="a2")
    assert world.rfq(order_id).state is RfqState.deciding
    world.advance(25)
    assert world.asked() == ["ash", "beech"]


def test_whisper_goes_on_when_what_it_found_is_withdrawn() -> None:
    world, order_id = opened("WHISPER")
    world.says("ash", "100.10", order_id)
    assert world.rfq(order_id).state is RfqState.deciding
    world.withdraws("ash", order_id)
    assert world.asked() == ["ash", "beech"]
    assert world.rfq(order_id).state is RfqState.asking


def test_a_withdrawal_of_another_quote_leaves_the_decision_as_it_is() -> None:
    world, order_id = opened("WHISPER")
    world.says("ash", "100.40", order_id, valid_until_ns=start().utc_ns + 120 * NS_PER_S)
    world.says("beech", "100.10", order_id)
    before = world.rfq(order_id)
    assert before.state is RfqState.deciding
    world.advance(1)
    world.withdraws("ash", order_id)
    after = world.rfq(order_id)
    assert (after.state, after.decide_until_ns) == (RfqState.deciding, before.decide_until_ns)
    assert world.asked() == ["ash", "beech"]


def test_without_fair_the_first_quote_inside_the_limit_pauses_the_search_for_the_trader() -> None:
    world = scene()
    world.no_price()
    order_id = world.order(BOND, "buy", MM, account="WHISPERAUTO", limit_price=Decimal("101"))
    world.says("ash", "101.5", order_id)
    assert world.asked() == ["ash", "beech"], "beyond the limit stops nothing"
    world.says("beech", "100.9", order_id)
    assert world.rfq(order_id).state is RfqState.deciding
    [alert] = world.recorded(e.TraderAlerted)
    assert (alert.dealer, alert.reason) == ("beech", "fair is unknown")
    assert world.accepted() == []


def test_a_withheld_request_is_passed_over() -> None:
    world, order_id = opened("WHISPER")
    world.withhold(world.ask(order_id, "ash").outbox_id)
    assert world.asked() == ["ash", "beech"]
    assert world.ask(order_id, "ash").state is AskState.withheld


def test_a_round_that_nobody_answers_returns_the_order() -> None:
    world, order_id = opened("PARALLEL")
    world.advance(60)
    order = world.the(order_id)
    assert (order.state, order.note) == (
        "with_trader",
        "no executable quote: ash: silent, beech: silent, cedar: silent",
    )
    assert world.kinds() == ["A/A", "0/0"], "to the OMS the order is still new"


def test_quotes_that_nobody_takes_run_out() -> None:
    """The decision ends with the last quote's life, a guard before it, after half a minute at the latest."""
    world, order_id = opened("PARALLEL")
    world.declines("beech", order_id)
    world.declines("cedar", order_id)
    world.says("ash", "100.1", order_id, valid_until_ns=start().utc_ns + 10 * NS_PER_S)
    assert world.rfq(order_id).decide_until_ns == start().utc_ns + 10 * NS_PER_S - GUARD
    world.advance(10)
    assert world.the(order_id).state == "with_trader"
    answers = "ash: 100.1 over, beech: declined (pass), cedar: declined (pass)"
    assert world.the(order_id).note == f"no executable quote: {answers}"


def test_the_trader_has_half_a_minute_at_most() -> None:
    world, order_id = opened("PARALLEL")
    for dealer in ("ash", "beech", "cedar"):
        world.says(dealer, "100.1", order_id, valid_until_ns=start().utc_ns + 3600 * NS_PER_S)
    world.advance(30)
    assert world.the(order_id).note == "nobody executed: 3 quote(s) left to be taken by a person"


def test_every_open_round_has_a_deadline() -> None:
    for account in ("PARALLEL", "SPACED", "WHISPER"):
        world, order_id = opened(account)
        key = Timer(TimerKind.rfq, world.rfq(order_id).rfq_id)
        deadline = decide.deadline_of(world.state, key, world.desk.clocks, lambda session: True, world.now.utc_ns)
        assert deadline is not None
        assert deadline > world.now.utc_ns


@pytest.mark.parametrize(
    "word",
    [
        pytest.param(lambda world, order_id: world.declines("ash", order_id), id="a second pass"),
        pytest.param(
            lambda world, order_id: world.withdraws("ash", order_id, "never"), id="an unknown quote withdrawn"
        ),
        pytest.param(lambda world, order_id: world.says("ash", "100", order_id), id="a quote beyond the bound"),
    ],
)
def test_a_word_that_changes_nothing_ends_a_round_whose_time_is_over(word: Any) -> None:
    """It notes the silence of the others before the timer does: nothing else may ever look at the round again."""
    world = scene()
    world.desk.clocks = replace(world.desk.clocks, quotes_per_rfq_max=0)
    order_id = world.order(BOND, "buy", MM, account="PARALLEL")
    world.declines("ash", order_id)
    world._at(world.ask(order_id, "beech").wait_until_ns)
    word(world, order_id)
    assert [event.dealer for event in world.recorded(e.DealerSilent)] == ["beech", "cedar"]
    assert world.the(order_id).state is OrderState.with_trader
