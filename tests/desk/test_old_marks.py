"""What a mark is good for as it grows old: arrival, fair, collar, tolerance, edge, improvement, reversion.

A mark may be a quarter of an hour old at this desk. One moment older, from yesterday or missing, it is none, and
what is unknown is never good.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

import pytest
from desk_scene import BOND, MM, Scene, scene

from engine.clock import NS_PER_DAY, NS_PER_S
from engine.desk import decide
from engine.domain import events as e
from engine.domain import messages as m
from engine.domain.order import MarkUsed
from engine.errors import CommandError
from engine.market.marks import Mark, Quality

AGE_S = 900
LONG = """
rule "by itself" when account == AUTO
  ask top 1  wait 3600s  send automatically
  execute automatically when within 15bp price of fair, else ask trader
rule "searching" when account == WHISPER
  ask top 3 one at a time, wait 3600s, accept within 5bp price of fair
  send automatically
rule "by hand" when true
  ask top 1  wait 3600s  send automatically
"""


def marked(world: Scene, age_ns: int, price: str = "100") -> None:
    """The one mark of the bond is so old now; younger ones there were are gone."""
    world.no_price()
    at_ns = world.now.utc_ns - age_ns
    assert world.desk.marks.update(Mark(BOND.security_id, Decimal(price), at_ns, "marks", Quality.COMPOSITE))


def aged(age_ns: int) -> Callable[[Scene], None]:
    return lambda world: marked(world, age_ns)


GOOD = [
    pytest.param(aged(0), 0, id="of this moment"),
    pytest.param(aged(AGE_S * NS_PER_S), AGE_S * NS_PER_S, id="as old as a mark may be"),
]
NONE = [
    pytest.param(aged(AGE_S * NS_PER_S + 1), id="a nanosecond older than it may be"),
    pytest.param(aged(NS_PER_DAY), id="from yesterday, the same time"),
    pytest.param(aged(-NS_PER_S), id="from later"),
    pytest.param(Scene.no_price, id="missing"),
]


def used(price: str, age_ns: int) -> MarkUsed:
    """A composite's price, off by what one is when it is new and by what a bond moves in that time."""
    sd_bps = math.hypot(5, 35 * math.sqrt(age_ns / NS_PER_DAY))
    return MarkUsed(Decimal(price), "marks", age_ns, "composite", sd_bps)


# --- at arrival ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("known", "age_ns"), GOOD)
def test_the_arrival_is_the_mark_of_the_moment_with_its_age(known: Callable[[Scene], None], age_ns: int) -> None:
    world = scene(LONG)
    known(world)
    order = world.the(world.order(BOND, "buy", MM))
    assert order.arrival == used("100", age_ns)
    assert world.rfq(order.order_id).fair == order.arrival


@pytest.mark.parametrize("known", NONE)
def test_without_a_mark_in_time_there_is_no_arrival_and_no_improvement(known: Callable[[Scene], None]) -> None:
    world = scene(LONG)
    known(world)
    order_id = world.order(BOND, "buy", MM)
    assert (world.the(order_id).arrival, world.rfq(order_id).fair) == (None, None)
    world.says("ash", "99", order_id)
    assert world.ask(order_id, "ash").quotes[0].edge_bps is None
    world.command("execute", order=order_id)
    world.no_price()
    world.price(BOND, "100")
    world.fills(order_id)
    [booked] = world.recorded(e.FillBooked)
    assert booked.improvement_bps is None, "the mark at execution is none of the arrival"
    assert booked.mark == used("100", 0)


def test_the_improvement_is_against_the_arrival_however_old_that_is_by_now() -> None:
    world = scene(LONG)
    order_id = world.order(BOND, "buy", MM)
    world.advance(3_000)
    world.price(BOND, "105")
    world.says("ash", "104", order_id)
    world.command("execute", order=order_id)
    world.fills(order_id)
    [booked] = world.recorded(e.FillBooked)
    assert booked.improvement_bps == pytest.approx(-400.0)


# --- while the round is open ---------------------------------------------------------------------


def opened_with(age_s: int) -> tuple[Scene, str]:
    """A round whose opening mark was that old then; nothing came since."""
    world = scene(LONG)
    marked(world, age_s * NS_PER_S)
    return world, world.order(BOND, "buy", MM, account="AUTO")


@pytest.mark.parametrize(
    ("opening_age_s", "later_s", "is_known"),
    [
        pytest.param(0, 900, True, id="as old as it may be"),
        pytest.param(0, 901, False, id="a second older"),
        pytest.param(600, 300, True, id="its age at the opening counts: just young enough"),
        pytest.param(600, 301, False, id="its age at the opening counts: too old"),
        pytest.param(900, 1, False, id="it was as old as it may be at the opening"),
    ],
)
@pytest.mark.parametrize("is_gone", [False, True], ids=["source silent", "source withdrew"])
def test_fair_ages_from_when_the_mark_was_had(opening_age_s: int, later_s: int, is_known: bool, is_gone: bool) -> None:
    """Not from the opening of the round: whether the book still has the mark or only the round does."""
    world, order_id = opened_with(opening_age_s)
    if is_gone:
        world.no_price()
    world.advance(later_s)
    world.says("ash", "100.10", order_id)
    quote = world.ask(order_id, "ash").quotes[0]
    assert quote.edge_bps == (pytest.approx(-10.0) if is_known else None)
    assert world.accepted() == (["ash"] if is_known else [])
    assert [alert.reason for alert in world.recorded(e.TraderAlerted)] == ([] if is_known else ["fair is unknown"])


def test_an_older_mark_of_another_source_does_not_displace_a_younger_one() -> None:
    world = scene(LONG)
    world.price(BOND, "101")
    old_ns = world.now.utc_ns - 800 * NS_PER_S
    assert world.desk.marks.update(Mark(BOND.security_id, Decimal(90), old_ns, "another", Quality.COMPOSITE))
    assert not world.desk.marks.update(Mark(BOND.security_id, Decimal(90), old_ns, "marks", Quality.COMPOSITE))
    arrival = world.the(world.order(BOND, "buy", MM)).arrival
    assert arrival is not None
    assert (arrival.price, arrival.source) == (101, "marks")


@pytest.mark.parametrize(("price", "blocked"), [("103", True), ("101", False)])
@pytest.mark.parametrize("later_s", [0, 900])
def test_the_collar_holds_against_a_mark_while_it_is_young(price: str, blocked: bool, later_s: int) -> None:
    world = scene(LONG)
    order_id = world.order(BOND, "buy", MM)
    world.advance(later_s)
    world.says("ash", price, order_id)
    if blocked:
        with pytest.raises(CommandError, match=r"risk collar: .* 300\.0 bps from fair 100"):
            world.command("execute", order=order_id)
    else:
        world.command("execute", order=order_id)
    assert world.accepted() == ([] if blocked else ["ash"])


def test_the_collar_does_not_hold_against_a_mark_that_is_too_old() -> None:
    """A person may say yes to what nobody can judge; the mark of long ago is no reason to stop it."""
    world = scene(LONG)
    order_id = world.order(BOND, "buy", MM)
    world.advance(901)
    world.says("ash", "103", order_id)
    world.command("execute", order=order_id)
    assert world.accepted() == ["ash"]


def test_a_search_stops_at_any_executable_quote_once_fair_is_too_old() -> None:
    world = scene(LONG)
    order_id = world.order(BOND, "buy", MM, account="WHISPER")
    world.advance(900)
    world.says("ash", "100.30", order_id)
    assert world.asked() == ["ash", "beech"], "30 bps from a mark that is just young enough: go on"
    world.advance(1)
    world.says("beech", "100.40", order_id)
    assert world.asked() == ["ash", "beech"], "nothing to hold it against any more: the trader decides"


def test_a_price_of_the_market_is_as_old_as_the_market_says() -> None:
    """MDEntryTime(273) and not the time of its receipt; one from our future counts from its receipt."""
    world = scene(LONG)
    world.no_price()
    now_ns = world.now.utc_ns
    for quoted_ns, at_ns in ((now_ns - 700 * NS_PER_S, now_ns - 700 * NS_PER_S), (now_ns + NS_PER_S, now_ns)):
        draft = world.draft()
        decide.hear(draft, "market", "market", m.MarketPrice(BOND.security_id, Decimal(99), Decimal(101), quoted_ns))
        [mark] = draft.heard
        assert mark.utc_ns == at_ns


# --- afterwards ----------------------------------------------------------------------------------


def traded(arrange: Callable[[Scene], None]) -> Scene:
    """Filled in the situation that `arrange` makes."""
    world = scene(LONG)
    order_id = world.order(BOND, "buy", MM)
    world.says("ash", "100", order_id)
    world.command("execute", order=order_id)
    arrange(world)
    world.fills(order_id)
    return world


@pytest.mark.parametrize("known", NONE)
def test_a_trade_without_a_mark_in_time_has_no_reversion(known: Callable[[Scene], None]) -> None:
    world = traded(known)
    [booked] = world.recorded(e.FillBooked)
    assert booked.mark is None
    world.no_price()
    world.advance(1_799)
    world.price(BOND, "101")
    world.advance(1)
    [event] = world.recorded(e.ReversionMeasured)
    assert (event.reversion_bps, event.reason) == (None, "no mark at execution")


@pytest.mark.parametrize(
    ("age_s", "bps"),
    [
        pytest.param(0, -100.0, id="of this moment"),
        pytest.param(900, -100.0, id="as old as it may be"),
        pytest.param(901, None, id="too old"),
        pytest.param(86_400, None, id="from yesterday"),
    ],
)
def test_a_reversion_is_measured_from_a_mark_in_time(age_s: int, bps: float | None) -> None:
    world = traded(lambda world: None)
    world.advance(1_799)
    world.no_price()
    due_ns = world.now.utc_ns + NS_PER_S
    at_ns = due_ns - age_s * NS_PER_S
    assert world.desk.marks.update(Mark(BOND.security_id, Decimal(101), at_ns, "marks", Quality.COMPOSITE))
    world.advance(1)
    world.no_price()
    world.advance(300)
    [event] = world.recorded(e.ReversionMeasured)
    assert event.reversion_bps == (None if bps is None else pytest.approx(bps))
    assert event.at_ns == due_ns + (0 if bps is not None else 300 * NS_PER_S)
    assert event.mark == (None if bps is None else used("101", age_s * NS_PER_S))


@pytest.mark.parametrize(
    ("after_trade_s", "bps"),
    [
        pytest.param(-1, None, id="had before the trade"),
        pytest.param(0, None, id="had at the trade"),
        pytest.param(1, -100.0, id="had after the trade"),
    ],
)
def test_a_mark_from_before_the_trade_measures_nothing(after_trade_s: int, bps: float | None) -> None:
    """However old a mark this desk takes."""
    world = traded(lambda world: None)
    world.desk.clocks = replace(world.desk.clocks, mark_age_ns_max=NS_PER_DAY)
    world.no_price()
    at_ns = world.now.utc_ns + after_trade_s * NS_PER_S
    world.desk.marks.update(Mark(BOND.security_id, Decimal(101), at_ns, "marks", Quality.COMPOSITE))
    world.advance(1_800 + 300)
    [event] = world.recorded(e.ReversionMeasured)
    assert event.reversion_bps == (None if bps is None else pytest.approx(bps))
