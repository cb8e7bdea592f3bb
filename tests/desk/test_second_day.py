"""What goes from one day to the next, and what does not: names, exposures, ends, dates, windows.

A day is a UTC day. What is keyed by it is keyed by the moment the engine took something, what ends with it ends with
the day that the order was entered on.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from desk_past import DEALERS
from desk_scene import BOND, MM, PROTECT, RULES, Scene, live_yesterday, rows, scene
from desk_start import start

from engine.clock import NS_PER_DAY, NS_PER_S, utc_day
from engine.dealers import window as w
from engine.desk.costs import Costs
from engine.domain import events as e
from engine.domain import messages as m
from engine.domain.order import OrderState, TimeInForce
from engine.market.business_days import WEEKDAYS

DAY: dict[str, Any] = {"tif": TimeInForce.day, "expire_ns": None}


def next_midnight() -> int:
    return (utc_day(start().utc_ns) + 1) * NS_PER_DAY


def at(world: Scene, seconds_after_midnight: float) -> None:
    """Let time pass until then, counted from the end of the start's day."""
    target = next_midnight() + int(seconds_after_midnight * NS_PER_S)
    world.advance((target - world.now.utc_ns) / NS_PER_S)
    world.mark()


def lasting() -> dict[str, Any]:
    return {"tif": TimeInForce.gtd, "expire_ns": next_midnight() + 20 * NS_PER_DAY}


# --- orders --------------------------------------------------------------------------------------


def test_a_day_order_ends_with_the_day_it_was_entered_on_not_the_one_it_came_on() -> None:
    """Entered a second before midnight, here a second after it: its day is over."""
    world = scene()
    at(world, 1)
    world.order(BOND, "buy", MM, **DAY, transact_ns=next_midnight() - NS_PER_S)
    assert world.today("orders") == {}
    assert [each.reason for each in world.recorded(e.OrderRefused)] == ["the order's time is over already"]
    order_id = world.order(BOND, "buy", MM, **DAY, transact_ns=next_midnight())
    assert world.the(order_id).terms.expire_ns == next_midnight() + NS_PER_DAY


def test_a_day_order_of_just_before_midnight_ends_with_it_and_takes_its_round_along() -> None:
    world = scene()
    at(world, -2)
    order_id = world.order(BOND, "buy", MM, account="PARALLEL", **DAY)
    world.says("ash", "99", order_id)
    at(world, -0.001)
    assert world.the(order_id).open
    at(world, 0)
    assert world.the(order_id).state is OrderState.expired
    assert world.rfq(order_id).outcome == "expired"
    assert (world.the(order_id).ended_ns, world.the(order_id).facts.day) == (next_midnight(), utc_day(start().utc_ns))


def test_the_day_of_an_order_is_that_of_its_arrival() -> None:
    """Whatever its TransactTime(60) says, protection and names go by when we had it."""
    world = scene()
    at(world, 1)
    order_id = world.order(BOND, "buy", MM, account="HAND", **lasting(), transact_ns=next_midnight() - NS_PER_S)
    assert world.the(order_id).facts.day == utc_day(next_midnight())


def test_a_cl_ord_id_is_free_at_midnight_for_what_has_ended_and_taken_for_what_lives() -> None:
    world = scene()
    at(world, -2)
    ended = world.order(BOND, "buy", MM, cl_ord_id="c1", account="HAND", **DAY)
    lives = world.order(BOND, "sell", MM, cl_ord_id="c2", account="HAND", **lasting())
    world.order(BOND, "buy", 2 * MM, cl_ord_id="c1", account="HAND", **DAY)
    assert [each.code for each in world.recorded(e.OrderRefused)] == [6]
    at(world, 1)
    again = world.order(BOND, "buy", 3 * MM, cl_ord_id="c1", account="HAND", **DAY)
    assert again != ended
    assert world.the(again).terms.quantity == 3 * MM
    world.order(BOND, "sell", 3 * MM, cl_ord_id="c2", account="HAND", **DAY)
    assert [each.code for each in world.recorded(e.OrderRefused)] == [6, 6]
    assert world.status("c1").order_id == again
    assert world.status("c2").order_id == lives


def test_yesterdays_order_that_has_ended_is_unknown_under_its_name() -> None:
    """For a cancel and for a status alike; one that lives is known under it."""
    world = scene()
    ended = world.order(BOND, "buy", MM, cl_ord_id="c1", account="HAND", **DAY)
    lives = world.order(BOND, "sell", MM, cl_ord_id="c2", account="HAND", **lasting())
    at(world, 5)
    world.cancel(ended, "f1")
    world.cancel(lives, "f2")
    [refused] = world.said(m.CancelRefusal)
    assert refused.text == "unknown order: no order c1 today on this session"
    assert world.the(lives).state is OrderState.canceled
    assert world.status("c1").order_id == "NONE"


def test_a_repeated_order_of_yesterday_is_not_answered_from_yesterday() -> None:
    """PossResend(97) of a name whose order ended with its day is a new order, if its time is not over."""
    world = scene()
    terms = {"cl_ord_id": "c1", "account": "HAND"}
    world.order(BOND, "buy", MM, **terms, **DAY)
    at(world, 1)
    world.order(BOND, "buy", MM, **terms, **lasting(), possible_resend=True)
    assert len(world.today("orders")) == 2


@pytest.mark.parametrize(("after_s", "is_duplicate"), [(58, True), (60, False)])
def test_the_window_of_a_duplicate_does_not_end_at_midnight(after_s: float, is_duplicate: bool) -> None:
    """Sixty seconds between arrivals, whatever the orders say of when they were entered."""
    world = scene()
    at(world, -1)
    entered_ns = world.now.utc_ns
    first = world.order(BOND, "buy", 7 * MM, account="HAND", **lasting(), transact_ns=entered_ns - 50 * NS_PER_S)
    at(world, after_s - 1)
    second = world.order(BOND, "buy", 7 * MM, account="HAND", **lasting(), transact_ns=entered_ns)
    assert world.the(second).duplicate_of == (first if is_duplicate else "")


# --- protection ----------------------------------------------------------------------------------


def exposed(world: Scene, order_id: str) -> bool:
    """Is the order protected as large?"""
    return bool(world.state.recommendations[order_id].protections)


@pytest.mark.parametrize(
    ("ends_s", "comes_s", "counts"),
    [
        pytest.param(-1, 1, False, id="ended yesterday"),
        pytest.param(1, 2, True, id="ended today"),
        pytest.param(3, 2, True, id="still open"),
        pytest.param(1, 86_399, True, id="ended today, late on the same day"),
        pytest.param(1, 86_401, False, id="ended the day before"),
    ],
)
def test_an_earlier_order_counts_while_it_is_open_and_on_the_day_it_ended(
    ends_s: float, comes_s: float, counts: bool
) -> None:
    world = scene(PROTECT + RULES)
    at(world, -3)
    early = world.order(BOND, "sell", MM, account="HAND", **lasting())
    if ends_s < comes_s:
        at(world, ends_s)
        world.cancel(early, "f1")
    at(world, comes_s)
    late = world.order(BOND, "sell", MM + 1, account="HAND", **lasting())
    assert exposed(world, late) is counts


@pytest.mark.parametrize(("sent_s", "counts"), [(86_399, True), (86_401, False)], ids=["that day", "the day after"])
def test_an_order_of_days_ago_is_held_by_what_ended_on_the_day_it_is_sent(sent_s: float, counts: bool) -> None:
    """Nobody sent an order since: what stands is still what stood then."""
    world = scene(PROTECT + RULES)
    at(world, -3)
    old = world.order(BOND, "sell", MM, account="HAND", **lasting())
    at(world, 2)
    other = world.order(BOND, "sell", MM + 1, account="HAND", **lasting())
    at(world, 3)
    world.cancel(other, "f1")
    at(world, sent_s)
    world.command("send", order=old, fresh=True)
    assert exposed(world, old) is counts


def test_who_was_asked_yesterday_is_counted_today_only_through_an_order_that_still_counts() -> None:
    """The protection's limit of two dealers: those of a finished day know nothing of today's order."""
    world = scene(PROTECT + RULES)
    done = world.order(BOND, "sell", 3 * MM, account="PARALLEL", **lasting())
    world.cancel(done, "f1")
    at(world, 61)
    world.command("kill", scope="dealer:ash", on=True, reason="test")
    world.order(BOND, "sell", 4 * MM, account="PARALLEL", **lasting())
    world.advance(6)
    assert world.asked()[-2:] == ["beech", "cedar"]


# --- rounds, acceptances and fills ---------------------------------------------------------------


def test_a_round_goes_on_over_midnight() -> None:
    world = scene()
    at(world, -7)
    order_id = world.order(BOND, "buy", MM, account="SPACED", **lasting())
    at(world, 4)
    asked = [(event.dealer, event.at_ns - next_midnight()) for event in world.recorded(e.DealerAsked)]
    assert asked == [("ash", -7 * NS_PER_S), ("beech", -2 * NS_PER_S), ("cedar", 3 * NS_PER_S)]
    world.says("ash", "100.02", order_id, valid_until_ns=None)
    latency_ns = world.ask(order_id, "ash").quotes[0].latency_ns
    assert latency_ns == 11 * NS_PER_S
    dealer = next(each for each in DEALERS if each.id == "ash")
    assert dealer.firm_time_s is not None
    assert world.ask(order_id, "ash").quotes[0].firm_until_ns == world.now.utc_ns + int(dealer.firm_time_s * NS_PER_S)


FRIDAY = pytest.mark.starts("before midnight")


@FRIDAY
@pytest.mark.parametrize(
    ("seconds", "trade", "settles"),
    [
        pytest.param(-1, "20261127", "20261130", id="Friday: Monday"),
        pytest.param(1, "20261128", "20261130", id="Saturday: Monday"),
        pytest.param(86_401, "20261129", "20261130", id="Sunday: Monday"),
        pytest.param(172_801, "20261130", "20261201", id="Monday: Tuesday"),
    ],
)
def test_dates_are_those_of_the_moment_and_weekends_settle_nothing(seconds: float, trade: str, settles: str) -> None:
    world = scene()
    at(world, seconds)
    order_id = world.order(BOND, "buy", MM, account="PARALLEL", **lasting())
    world.says("ash", "100", order_id)
    world.command("execute", order=order_id)
    world.fills(order_id, trade_date="", settl_date="")
    assert {said.settl_date for said in world.said(m.AskDealer)} == {settles}
    assert [said.settl_date for said in world.said(m.AcceptQuote)] == [settles]
    assert (world.reports()[-1].trade_date, world.reports()[-1].settl_date) == (trade, settles)


@FRIDAY
def test_each_message_names_the_settlement_of_its_own_day() -> None:
    """An order of Friday is sent on Monday and executed on Tuesday."""
    world = scene(RULES.replace("wait 60s", "wait 172800s"))
    order_id = world.order(BOND, "buy", MM, account="HAND", **lasting())
    at(world, 2 * 86_400 + 5)
    world.command("send", order=order_id)
    assert {said.settl_date for said in world.said(m.AskDealer)} == {"20261201"}
    at(world, 3 * 86_400 + 5)
    world.says("ash", "100", order_id)
    world.command("execute", order=order_id)
    assert [said.settl_date for said in world.said(m.AcceptQuote)] == ["20261202"]
    at(world, 4 * 86_400 + 5)
    world.fills(order_id, trade_date="", settl_date="", transact_ns=None)
    report = world.reports()[-1]
    # A fill that comes a day late and names no day is of the day of our D, and settles as that asked.
    assert (report.trade_date, report.settl_date, report.transact_ns) == ("20261201", "20261202", world.now.utc_ns)


def test_a_fill_after_midnight_of_an_acceptance_before_it() -> None:
    """The dealer trades on its day and we hear of it on the next: booked once, under the dealer's date."""
    world = scene()
    at(world, -3)
    order_id = world.order(BOND, "buy", MM, account="PARALLEL", **lasting())
    world.says("ash", "100", order_id)
    world.command("execute", order=order_id)
    at(world, -1)
    world.fills(order_id, 400_000, exec_id="X7")
    at(world, 1)
    for _ in range(2):
        world.fills(order_id, 400_000, exec_id="X7", cum_quantity=None)
    [fill] = world.today("fills").values()
    assert fill.fill.trade_date == start().trade_date
    assert len(world.recorded(e.FillRepeated)) == 2
    world.fills(order_id, 600_000, exec_id="X8", trade_date="20300101")
    assert world.the(order_id).state is OrderState.filled


def test_the_reversion_runs_from_when_the_fill_was_booked_over_midnight() -> None:
    """Not from the TransactTime(60) of a dealer whose clock is its own."""
    world = scene()
    at(world, -10)
    order_id = world.order(BOND, "buy", MM, account="PARALLEL", **lasting())
    world.says("ash", "100", order_id)
    world.command("execute", order=order_id)
    at(world, -5)
    world.fills(order_id, transact_ns=next_midnight() - 3_600 * NS_PER_S)
    at(world, 1_794.9)
    assert world.recorded(e.ReversionMeasured) == []
    at(world, 1_795)
    [event] = world.recorded(e.ReversionMeasured)
    assert (event.traded_ns, event.at_ns) == (next_midnight() - 5 * NS_PER_S, next_midnight() + 1_795 * NS_PER_S)


# --- what is learned of a dealer -----------------------------------------------------------------


def days_of(world: Scene, dealer: str) -> dict[int, dict[str, int]]:
    """Counts per day, in days from the start's."""
    names = {
        "asks": w.ASKS,
        "answers": w.ANSWERS,
        "silences": w.SILENCES,
        "trades": w.TRADES,
        "reversions": w.REVERSIONS,
    }
    for name, scopes in world.desk.stats.dump()["dealers"]:
        if name == dealer:
            days = next(days for scope, days in scopes if scope == "*")
            return {
                day - utc_day(start().utc_ns): {what: counts[field] for what, field in names.items() if counts[field]}
                for day, counts in days
            }
    return {}


def test_each_observation_is_filed_under_the_day_it_happened_on() -> None:
    """Asked before midnight, answered, traded and measured after it; a silence under the end of its wait."""
    world = scene()
    at(world, -5)
    order_id = world.order(BOND, "buy", MM, account="PARALLEL", **lasting())
    at(world, 2)
    world.says("ash", "100", order_id)
    world.command("execute", order=order_id)
    world.fills(order_id)
    at(world, 1_801)
    world.mark()
    at(world, 1_805)
    assert days_of(world, "ash") == {0: {"asks": 1}, 1: {"answers": 1, "trades": 1, "reversions": 1}}


def test_the_reversion_of_a_trade_before_midnight_is_filed_under_the_trades_day() -> None:
    world = scene()
    at(world, -5)
    order_id = world.order(BOND, "buy", MM, account="PARALLEL", **lasting())
    world.says("ash", "100", order_id)
    world.command("execute", order=order_id)
    world.fills(order_id)
    at(world, 1_790)
    world.mark()
    at(world, 1_800)
    assert len(world.recorded(e.ReversionMeasured)) == 1
    assert days_of(world, "ash") == {0: {"asks": 1, "answers": 1, "trades": 1, "reversions": 1}}


@pytest.mark.starts("noon")  # It begins a minute before midnight.
def test_a_silence_is_filed_under_the_end_of_its_wait_however_late_somebody_looks() -> None:
    world = scene()
    at(world, -61)
    order_id = world.order(BOND, "buy", MM, account="PARALLEL", **lasting())
    world._at(next_midnight() + 3_600 * NS_PER_S)
    world.says("beech", "100", order_id)
    assert days_of(world, "ash") == {0: {"asks": 1, "silences": 1}}


def test_a_request_that_is_taken_back_after_midnight_is_taken_back_from_its_day() -> None:
    world = scene()
    at(world, -5)
    order_id = world.order(BOND, "buy", MM, account="PARALLEL", **lasting())
    before = world.desk.stats.dump()
    at(world, 5)
    world.withhold(world.ask(order_id, "ash").outbox_id)
    world.order(BOND, "sell", MM, account="PARALLEL", **lasting())
    assert before != world.desk.stats.dump()
    assert days_of(world, "ash") == {1: {"asks": 1}}
    assert days_of(world, "beech") == {0: {"asks": 1}, 1: {"asks": 1}}


@pytest.mark.parametrize(("days", "known"), [(179, True), (180, False)])
def test_a_window_is_whole_utc_days(days: int, known: bool) -> None:
    """A quote of one second before midnight is of that day, a question one second after midnight of the next."""
    world = scene()
    at(world, -1)
    order_id = world.order(BOND, "buy", MM, account="PARALLEL", **lasting())
    world.says("ash", "100", order_id)
    later_ns = next_midnight() + (days - 1) * NS_PER_DAY + NS_PER_S
    assert world.desk.stats.quoted_issuer("ash", BOND.issuer, 180, later_ns) is known
    assert world.desk.stats.quoted_issuer("ash", BOND.issuer, 1, next_midnight() - 1)
    assert not world.desk.stats.quoted_issuer("ash", BOND.issuer, 1, next_midnight())


def test_a_question_of_the_day_before_is_about_the_day_of_the_latest_observation() -> None:
    """What was learned after midnight is not out of the window for whoever still has the time of before."""
    world = scene()
    at(world, 1)
    world.order(BOND, "buy", MM, account="PARALLEL", **lasting())
    before = next_midnight() - 1
    assert world.desk.stats.today(before) == utc_day(next_midnight())
    assert world.desk.stats.metrics("ash", "*", 90, before).asks == 1


def test_an_order_ended_when_it_first_ended_although_it_is_filled_after_it() -> None:
    world = scene()
    at(world, -5)
    order_id = world.order(BOND, "buy", MM, account="PARALLEL", **lasting())
    world.says("ash", "100", order_id)
    world.command("execute", order=order_id)
    world.command("order__force_state", role="operator", order=order_id, reason="no answer")
    world.cancel(order_id)
    ended_ns = world.the(order_id).ended_ns
    assert ended_ns == world.now.utc_ns
    at(world, 5)
    world.fills(order_id)
    assert (world.the(order_id).state, world.the(order_id).ended_ns) == (OrderState.filled, ended_ns)


def test_who_was_asked_for_the_bond_is_told_until_the_cool_down_is_over() -> None:
    """Both sides, each dealer's latest day; the day before a Monday is a Friday."""
    world = scene()
    known = utc_day(start().utc_ns)

    def told() -> list[tuple[str, str, int]]:
        given: dict[str, Any] = {"security": BOND.security_id, "side": "buy", "quantity": "1mm"}
        answer = world.command("recommend", **given, rank=None, assume_connected=False)
        days = {str(date.fromordinal(date(1970, 1, 1).toordinal() + day)): day for day in range(known - 9, known + 30)}
        return [(each["dealer"], each["side"], days[each["day"]] - known) for each in answer["asked_lately"]]

    before = told()
    sold = world.order(BOND, "sell", MM, account="PARALLEL")
    asked = [ask.dealer for ask in world.rfq(sold).asks]
    assert [each for each in told() if each not in before] == [(name, "sell", 0) for name in asked]
    world.desk.clocks = replace(world.desk.clocks, cool_down_days=0)
    assert {day for _, _, day in told()} == {0}
    world.desk.clocks = replace(world.desk.clocks, cool_down_days=1)
    last = max(day for day in range(known, known + 6) if WEEKDAYS.before(day, 1) <= known)
    world.advance((last - known) * NS_PER_DAY / NS_PER_S)
    assert [each for each in told() if each[1] == "sell"] == [(name, "sell", 0) for name in asked]
    world.advance(NS_PER_DAY / NS_PER_S)
    assert told() == []


@pytest.mark.starts("before midnight")
def test_a_day_before_that_is_remembered_is_the_one_that_was_lived() -> None:
    """Scenes fold the events of a day that was lived once: rows, costs, names and numbers come out the same."""
    remembered = [scene(), scene()][-1]
    lived = Scene(replace(remembered.desk, costs=Costs()), remembered.machine)
    live_yesterday(lived)
    assert rows(remembered.state) == rows(lived.state)
    assert remembered.state.digest() == lived.state.digest()
    assert (remembered.before, remembered.outbox_id, remembered.drawn) == (lived.before, lived.outbox_id, lived.drawn)
    assert (remembered.now, remembered.lives, remembered._old) == (lived.now, lived.lives, lived._old)
    assert remembered.desk.costs.dump() == lived.desk.costs.dump()
