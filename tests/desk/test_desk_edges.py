"""Limits and ends of life at the very number: just before it, on it, just behind it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any, cast

import pytest
from desk_scene import BOND, MM, Scene, placed, scene

from engine.clock import NS_PER_S, Instant
from engine.dealers.book import Dealer
from engine.desk import decide
from engine.desk.aftermath import GRACE_NS
from engine.desk.state_rows import PendingReversion
from engine.domain import events as e
from engine.domain import messages as m
from engine.domain.keys import Timer, TimerKind
from engine.domain.order import OrderState, TimeInForce
from engine.domain.placement import PlacementState
from engine.domain.rfq import AskState, RfqState
from engine.errors import CommandError
from engine.market.marks import Mark, MarkBook, Quality
from engine.runtime.release import Release
from engine.turn import Gate

pytestmark = pytest.mark.starts("noon", others_in_full=True)
"""About single moments and sizes: which day it is matters elsewhere."""
EDGE = pytest.mark.parametrize("by", [-1, 0, 1], ids=["just before", "exactly", "just after"])
GUARD_NS = NS_PER_S // 4


def at(world: Scene, utc_ns: int) -> None:
    """Time passes and nothing rings."""
    world.now = Instant(utc_ns, utc_ns)


def ring(world: Scene, key: str) -> None:
    draft = world.draft()
    decide.due(draft, key)
    world.keep(draft)


def deadline(world: Scene, key: str) -> int | None:
    return decide.deadline_of(world.state, key, world.desk.clocks, lambda _: True, world.now.utc_ns)


def kept_for_a_person(world: Scene, order_id: str) -> list[str]:
    """Fills of the order's acceptance that could not be booked."""
    return [
        kept.reason for kept in world.state.quarantine.values() if world.placement(order_id).placement_id in kept.key
    ]


def last_reversion(world: Scene) -> PendingReversion:
    """That of the fill which was booked last."""
    return next(world.state.reversions.latest())


def asked(account: str = "PARALLEL", **order: Any) -> tuple[Scene, str]:
    world = scene()
    return world, world.order(BOND, "buy", MM, account=account, **order)


# --- lives that end ----------------------------------------------------------------------------------------


@EDGE
def test_a_quote_is_taken_until_the_guard_before_its_end_and_not_on_it(by: int) -> None:
    world, order_id = asked()
    end_ns = world.now.utc_ns + 30 * NS_PER_S
    world.says("ash", "100", order_id, valid_until_ns=end_ns)
    at(world, end_ns - GUARD_NS + by)
    if by < 0:
        world.command("execute", order=order_id)
        send = next(send for send in world.sends if isinstance(send.said, m.AcceptQuote))
        assert send.not_after_ns == end_ns - GUARD_NS
    else:
        with pytest.raises(CommandError, match="no executable quote"):
            world.command("execute", order=order_id)


@EDGE
def test_a_quote_that_ends_with_the_guard_is_over_when_it_comes(by: int) -> None:
    world, order_id = asked()
    world.says("ash", "100", order_id, valid_until_ns=world.now.utc_ns + GUARD_NS + by)
    [quote] = world.ask(order_id, "ash").quotes
    assert quote.problem == ("" if by > 0 else "over before it could be taken")
    assert quote.live(world.now.utc_ns, GUARD_NS) is (by > 0)


@EDGE
def test_an_order_whose_time_ends_as_it_comes_is_refused(by: int) -> None:
    world, order_id = asked(tif=TimeInForce.gtd, expire_ns=scene().now.utc_ns + by)
    assert (world.state.orders.get(order_id) is not None) is (by > 0)


@EDGE
def test_an_order_lives_until_its_end_and_ends_on_it(by: int) -> None:
    expire_ns = scene().now.utc_ns + 10 * NS_PER_S
    world, order_id = asked(account="BY HAND", tif=TimeInForce.gtd, expire_ns=expire_ns)
    assert deadline(world, Timer(TimerKind.order, order_id)) == expire_ns
    at(world, expire_ns + by)
    if by >= 0:
        with pytest.raises(CommandError, match="risk order: the time of order"):
            world.command("send", order=order_id)
    ring(world, Timer(TimerKind.order, order_id))
    assert world.the(order_id).state is (OrderState.with_trader if by < 0 else OrderState.expired)


@EDGE
def test_a_dealer_has_until_the_end_of_its_wait_and_not_on_it(by: int) -> None:
    world, order_id = asked()
    end_ns = world.ask(order_id, "ash").wait_until_ns
    assert deadline(world, Timer(TimerKind.rfq, world.the(order_id).rfq_id)) == end_ns
    at(world, end_ns + by)
    world.says("ash", "100", order_id, valid_until_ns=end_ns + 30 * NS_PER_S)
    assert world.ask(order_id, "ash").state is (AskState.quoted if by < 0 else AskState.silent)
    [received] = world.recorded(e.QuoteReceived)
    assert (received.late, received.first) == (by >= 0, by < 0)
    assert len(world.recorded(e.DealerSilent)) == (0 if by < 0 else 3)


@EDGE
def test_a_price_after_a_decline_counts_until_the_end_of_the_wait_and_not_on_it(by: int) -> None:
    world, order_id = asked()
    end_ns = world.ask(order_id, "ash").wait_until_ns
    world.declines("ash", order_id)
    at(world, end_ns + by)
    world.says("ash", "100", order_id, valid_until_ns=end_ns + 30 * NS_PER_S)
    [received] = world.recorded(e.QuoteReceived)
    assert received.first is (by < 0)


@EDGE
def test_silence_is_noted_on_the_end_of_the_wait(by: int) -> None:
    world, order_id = asked()
    at(world, world.ask(order_id, "ash").wait_until_ns + by)
    ring(world, Timer(TimerKind.rfq, world.the(order_id).rfq_id))
    assert bool(world.recorded(e.DealerSilent)) is (by >= 0)


@EDGE
def test_a_round_is_decided_until_its_time_is_over(by: int) -> None:
    world, order_id = asked()
    for name in ("ash", "beech", "cedar"):
        world.says(name, "100", order_id, valid_until_ns=world.now.utc_ns + 300 * NS_PER_S)
    rfq = world.rfq(order_id)
    assert (rfq.state, rfq.decide_until_ns) == (RfqState.deciding, world.now.utc_ns + 30 * NS_PER_S)
    at(world, rfq.decide_until_ns + by)
    ring(world, Timer(TimerKind.rfq, rfq.rfq_id))
    assert world.rfq(order_id).state is (RfqState.deciding if by < 0 else RfqState.closed)


@EDGE
def test_the_next_dealer_is_asked_when_the_stagger_is_over(by: int) -> None:
    world, order_id = asked("SPACED")
    at(world, world.now.utc_ns + 5 * NS_PER_S + by)
    ring(world, Timer(TimerKind.rfq, world.the(order_id).rfq_id))
    assert world.asked() == ["ash", "beech"][: 1 + (by >= 0)]


@EDGE
def test_a_silent_dealer_is_asked_for_the_state_of_our_order_when_it_is_time(by: int) -> None:
    world, order_id = placed()
    placement = world.placement(order_id)
    at(world, placement.sent_ns + 5 * NS_PER_S + by)
    ring(world, Timer(TimerKind.placement, placement.placement_id))
    assert world.placement(order_id).status_asks == (by >= 0)


@pytest.mark.parametrize("most", [0, 1, 2, 3])
def test_a_dealer_is_asked_as_often_as_it_may_be_and_then_a_person_is(most: int) -> None:
    world, order_id = placed()
    world.desk.clocks = replace(world.desk.clocks, status_asks_max=most)
    for _ in range(most):
        assert not world.placement(order_id).person_needed
        world.advance(5)
    assert len(world.said(m.AskPlacementStatus)) == most
    assert not world.placement(order_id).person_needed
    world.advance(5)
    assert len(world.said(m.AskPlacementStatus)) == most
    assert world.placement(order_id).person_needed
    assert deadline(world, Timer(TimerKind.placement, world.placement(order_id).placement_id)) is None


@EDGE
def test_the_market_is_looked_at_when_the_reversion_is_due(by: int) -> None:
    world, order_id = placed()
    world.fills(order_id)
    pending = last_reversion(world)
    at(world, pending.due_ns + by)
    world.price(BOND, "101")
    ring(world, Timer(TimerKind.reversion, pending.exec_id))
    assert bool(world.recorded(e.ReversionMeasured)) is (by >= 0)


@EDGE
def test_without_a_mark_a_reversion_is_given_up_when_the_grace_is_over(by: int) -> None:
    world, order_id = placed()
    world.fills(order_id)
    world.no_price()
    pending = last_reversion(world)
    at(world, pending.due_ns + GRACE_NS + by)
    due_ns = deadline(world, Timer(TimerKind.reversion, pending.exec_id))
    assert due_ns is not None
    assert due_ns == max(world.now.utc_ns, pending.due_ns + GRACE_NS)
    ring(world, Timer(TimerKind.reversion, pending.exec_id))
    assert bool(world.recorded(e.ReversionMeasured)) is (by >= 0)


@EDGE
def test_a_mark_from_the_moment_of_the_trade_says_nothing_of_what_came_after(by: int) -> None:
    world, order_id = placed()
    world.fills(order_id)
    pending = last_reversion(world)
    world.no_price()
    world.desk.marks.update(Mark(BOND.security_id, Decimal(101), pending.traded_ns + by, "marks", Quality.COMPOSITE))
    world.desk.clocks = replace(world.desk.clocks, mark_age_ns_max=1 << 62)
    at(world, pending.due_ns)
    ring(world, Timer(TimerKind.reversion, pending.exec_id))
    measured = world.recorded(e.ReversionMeasured)
    assert bool(measured) is (by > 0)


@EDGE
def test_an_order_like_another_is_one_within_the_window(by: int) -> None:
    world, first = asked("BY HAND")
    at(world, world.now.utc_ns + 60 * NS_PER_S + by)
    second = world.order(BOND, "buy", MM, account="BY HAND")
    assert world.the(second).duplicate_of == (first if by < 0 else "")


@EDGE
@pytest.mark.parametrize("which", ["transact_ns", "sent_ns"])
def test_an_order_is_stale_behind_its_age_and_not_on_it(which: str, by: int) -> None:
    world = scene()
    now = world.now.utc_ns
    order_id = world.order(BOND, "buy", MM, account="PARALLEL", **{which: now - 60 * NS_PER_S - by})
    assert world.the(order_id).manual_reason.startswith("stale") is (by > 0)


@EDGE
def test_a_mark_is_known_until_its_age_is_reached_and_on_it(by: int) -> None:
    world = scene()
    at(world, world.now.utc_ns + world.desk.clocks.mark_age_ns_max + by)
    assert (world.draft().mark_of(BOND.security_id) is not None) is (by <= 0)


@EDGE
def test_the_fair_value_of_the_opening_holds_until_its_age_is_reached_and_on_it(by: int) -> None:
    world = scene('rule "long" when true\n  ask top 1  wait 3600s  send automatically')
    order_id = world.order(BOND, "buy", MM)
    world.no_price()
    at(world, world.now.utc_ns + world.desk.clocks.mark_age_ns_max + by)
    world.says("ash", "100.01", order_id)
    [quote] = world.ask(order_id, "ash").quotes
    assert (quote.edge_bps is not None) is (by <= 0)


@EDGE
def test_a_message_leaves_until_its_last_moment_and_on_it(by: int) -> None:
    world = scene()
    release = cast(Any, object.__new__(Release))
    release._trading, release._clock = _NobodyKilled(), _Clock(Instant(0, world.now.utc_ns + by))
    release._connections = {7: _Alive()}
    reason = release._reason_against(Gate(1, 2, world.now.utc_ns, ("all",)), 7)
    assert reason == ("late: its time was over before it was durable" if by > 0 else "")


class _Alive:
    alive = True


class _NobodyKilled:
    def withheld_by(self, scopes: object) -> str:
        return ""


class _Clock:
    def __init__(self, at: Instant) -> None:
        self._at = at

    def now(self) -> Instant:
        return self._at


# --- limits ------------------------------------------------------------------------------------------------

Change = Callable[[Scene, int], Any]


@EDGE
def test_the_size_of_an_order_at_its_limit(by: int) -> None:
    world = scene()
    world.desk.risk = replace(world.desk.risk, notional_max=Decimal(MM))
    world.order(BOND, "buy", MM + by, account="PARALLEL")
    assert bool(world.asked()) is (by <= 0)


@EDGE
def test_the_size_at_a_dealers_own_limit(by: int) -> None:
    dealers = (_dealer("ash", notional_max=Decimal(MM)), _dealer("beech"))
    world = scene(dealers=dealers)
    world.order(BOND, "buy", MM + by, account="PARALLEL")
    assert ("ash" in world.asked()) is (by <= 0)


def _dealer(name: str, **changes: Any) -> Dealer:
    known = next(each for each in scene().desk.dealers if each.id == name)
    return replace(known, **changes)


@pytest.mark.parametrize(("most", "opens"), [(1, False), (2, True), (3, True)])
def test_open_rounds_at_their_limit(most: int, opens: bool) -> None:
    """One is open: a second one may be opened below the limit, not on it."""
    world = scene(open_rfqs_max=most)
    world.order(BOND, "buy", MM, account="PARALLEL")
    second = world.order(BOND, "sell", MM, account="PARALLEL")
    assert bool(world.the(second).rfq_id) is opens
    assert world.state.open_rfqs() == 1 + opens


@pytest.mark.parametrize(
    ("side", "price", "taken"),
    [("buy", "100.00", True), ("buy", "100.01", False), ("sell", "100.00", True), ("sell", "99.99", False)],
)
def test_a_price_on_the_orders_limit_is_within_it(side: str, price: str, taken: bool) -> None:
    world = scene()
    order_id = world.order(BOND, side, MM, account="PARALLEL", limit_price=Decimal(100))
    world.says("ash", price, order_id)
    if taken:
        world.command("execute", order=order_id)
    else:
        with pytest.raises(CommandError, match="beyond the limit"):
            world.command("execute", order=order_id)


@pytest.mark.parametrize(
    ("account", "price", "taken"),
    [
        ("SINGLE", "100.15", True),
        ("SINGLE", "100.1500001", False),
        ("YIELD", "100.220", True),
        ("YIELD", "100.2200001", False),
        ("CENTS", "100.10", True),
        ("CENTS", "100.1000001", False),
    ],
)
def test_a_price_on_the_rules_tolerance_is_within_it(account: str, price: str, taken: bool) -> None:
    world, order_id = asked(account)
    for name in world.asked():
        world.says(name, price, order_id)
    assert bool(world.accepted()) is taken


@pytest.mark.parametrize(("quotes", "taken"), [(1, False), (2, True), (3, True)])
def test_as_many_quotes_as_the_rule_wants(quotes: int, taken: bool) -> None:
    world, order_id = asked("AUTO")
    for place, name in enumerate(("ash", "beech", "cedar")):
        if place < quotes:
            world.says(name, "100", order_id)
        else:
            world.declines(name, order_id)
    assert bool(world.accepted()) is taken


@pytest.mark.parametrize(
    ("size", "problem"), [(MM + 1, False), (MM, False), (MM - 1, True), (1, True), (0, False), (None, False)]
)
def test_the_size_of_a_quote_against_that_of_the_order(size: int | None, problem: bool) -> None:
    world, order_id = asked()
    world.says("ash", "100", order_id, offer_quantity=None if size is None else Decimal(size))
    [quote] = world.ask(order_id, "ash").quotes
    assert quote.problem.startswith("size") is problem


@pytest.mark.parametrize(("bid", "crossed"), [("99.99", False), ("100", False), ("100.01", True)])
def test_a_quote_whose_sides_meet_is_not_crossed(bid: str, crossed: bool) -> None:
    world, order_id = asked()
    world.says("ash", "100", order_id, bid=Decimal(bid))
    [quote] = world.ask(order_id, "ash").quotes
    assert quote.problem.startswith("crossed") is crossed


def test_as_many_quotes_as_a_round_may_have() -> None:
    world, order_id = asked()
    world.desk.clocks = replace(world.desk.clocks, quotes_per_rfq_max=3)
    for name, quote_id in (("ash", "1"), ("beech", "2"), ("ash", "3")):
        world.says(name, "100", order_id, quote_id=quote_id)
    assert not world.recorded(e.StrayMessage)
    world.says("cedar", "100", order_id, quote_id="4")
    [stray] = world.recorded(e.StrayMessage)
    assert "quotes_per_rfq_max" in stray.text
    world.says("ash", "99.9", order_id, quote_id="3")
    assert str(world.ask(order_id, "ash").quotes[-1].price) == "99.9", "an update is no further one"


# --- fills --------------------------------------------------------------------------------------------------


@EDGE
@pytest.mark.parametrize("part", [0, 400_000])
def test_a_fill_of_exactly_what_is_left(part: int, by: int) -> None:
    """The last one ends the acceptance and the order; one unit less leaves both open, one more is kept for a person."""
    world, order_id = placed()
    if part:
        world.fills(order_id, part)
    world.fills(order_id, MM - part + by)
    order, placement = world.the(order_id), world.placement(order_id)
    assert bool(kept_for_a_person(world, order_id)) is (by > 0)
    assert (placement.state is PlacementState.filled, order.state is OrderState.filled) == (by == 0, by == 0)
    assert order.filled == {-1: MM - 1, 0: MM, 1: part}[by]
    assert placement.reserved == MM - order.filled
    assert world.kinds()[-1] == ("F/2" if by == 0 else "F/1" if part or by < 0 else world.kinds()[-1])


@pytest.mark.parametrize(("price", "booked"), [("99.95", True), ("99.94", True), ("99.96", False)])
def test_a_fill_at_exactly_the_quoted_price(price: str, booked: bool) -> None:
    world, order_id = placed()
    world.fills(order_id, price=price)
    assert bool(world.the(order_id).filled) is booked
    assert bool(kept_for_a_person(world, order_id)) is not booked


@EDGE
@pytest.mark.parametrize("part", [0, 400_000])
@pytest.mark.parametrize("status", ["0", "1"])
def test_a_state_of_exactly_what_is_booked(part: int, status: str, by: int) -> None:
    """The dealer's count says nothing new when it is ours; above it a fill is on its way, below it one is too many."""
    world, order_id = placed()
    if part:
        world.fills(order_id, part)
    count = max(0, part + by)
    world.answers_status(order_id, status, cum_quantity=Decimal(count))
    placement = world.placement(order_id)
    assert placement.unanswered
    agrees = count == part and (status, count) != ("1", 0)
    assert placement.person_needed is not agrees
    assert bool(world.pages()) is not agrees
    assert (placement.state is PlacementState.acknowledged) is agrees
    assert placement.reserved == MM - part


@pytest.mark.parametrize("word", ["4", "8", "C"])
@pytest.mark.parametrize("by", [0, 1])
def test_a_final_state_with_exactly_what_is_booked_ends_it(word: str, by: int) -> None:
    """The dealer's last word is believed when its count is ours; with more than that a fill is still to come."""
    world, order_id = placed()
    world.fills(order_id, 400_000)
    placement_id = world.placement(order_id).placement_id
    world.answers_status(order_id, word, cum_quantity=Decimal(400_000 + by))
    placement = world.state.placements[placement_id]
    assert placement.unanswered is (by == 1)
    assert placement.person_needed is (by == 1)
    assert placement.reserved == (600_000 if by else 0)


# --- prices -------------------------------------------------------------------------------------------------


@EDGE
def test_a_mark_of_the_same_moment_replaces_the_one_before(by: int) -> None:
    book = MarkBook()
    book.update(Mark("x", Decimal(100), 1_000, "marks", Quality.COMPOSITE))
    assert book.update(Mark("x", Decimal(101), 1_000 + by, "marks", Quality.COMPOSITE)) is (by >= 0)


@EDGE
def test_a_mark_from_later_is_none_yet(by: int) -> None:
    book = MarkBook()
    book.update(Mark("x", Decimal(100), 1_000 + by, "marks", Quality.COMPOSITE))
    assert (book.best("x", 1_000, 10) is not None) is (by <= 0)


def test_a_book_of_marks_takes_as_many_as_it_may() -> None:
    book = MarkBook(marks_max=2)
    assert [book.update(Mark(name, Decimal(1), 1, "m", Quality.COMPOSITE)) for name in "abca"] == [
        True, True, False, True,
    ]  # fmt: skip
    book.withdraw("a", "m")
    assert book.update(Mark("c", Decimal(1), 1, "m", Quality.COMPOSITE))
