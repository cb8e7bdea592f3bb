"""Settlement that is asked for reaches the dealer and the report; what cannot settle is refused, or a person's."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from desk_scene import BOND, MM, Scene, scene

from engine.clock import NS_PER_S
from engine.desk.settlement import settlement_of
from engine.domain import messages as m
from engine.domain.instrument import Security
from engine.domain.order import OrderState
from engine.errors import CommandError
from engine.market.calendars import EVERY_WEEKDAY, utc_date


def wire(day: date) -> str:
    return day.strftime("%Y%m%d")


def next_day(day: date, *, is_weekday: bool) -> date:
    day += timedelta(days=1)
    while (day.weekday() < 5) is not is_weekday:
        day += timedelta(days=1)
    return day


def today(world: Scene) -> date:
    return utc_date(world.now.utc_ns)


def settles(world: Scene, days: int | None = None) -> date:
    """So many days after a trade of now, of a bond that goes by no calendar."""
    return EVERY_WEEKDAY.settlement(EVERY_WEEKDAY.trade_date(world.now.utc_ns), days)


def filled(world: Scene, **asked: Any) -> tuple[list[str], str]:
    """The days of settlement that dealers were asked for, R before D, and that of the fill's report."""
    order_id = world.order(BOND, "buy", MM, account="SINGLE", **asked)
    for dealer in ("ash", "beech", "cedar"):
        world.quote(dealer, "100", order_id=order_id)
    said = [each.said for each in world.sends if isinstance(each.said, m.AskDealer | m.AcceptQuote)]
    world.fill(order_id, settl_date="")
    assert world.state.orders[order_id].state is OrderState.filled
    return [each.settl_date for each in said], world.reports()[-1].settl_date


@pytest.mark.parametrize("days", [None, 1, 2, 3, 4, 5])
def test_days_after_the_trade_are_asked_of_the_dealers_and_said_on_the_report(days: int | None) -> None:
    world = scene()
    expected = wire(settles(world, days))
    asked, reported = filled(world, settl_days=days)
    assert asked == [expected] * 4
    assert reported == expected


def test_a_day_is_asked_of_the_dealers_and_said_on_every_report() -> None:
    world = scene()
    day = wire(next_day(today(world) + timedelta(days=30), is_weekday=True))
    asked, reported = filled(world, settl_date=day, settl_days=2)
    assert asked == [day] * 4
    assert reported == day
    assert {report.settl_date for report in world.reports()} == {day}
    shown = world.command("order.show", order=world.reports()[0].order_id)
    assert shown["settlement"].replace("-", "") == day


@pytest.mark.parametrize("asked", [{"settl_days": 3}, {"settl_days": None}])
def test_a_dealers_other_day_is_booked_and_a_person_hears_of_it_where_one_was_asked_for(asked: dict[str, Any]) -> None:
    world = scene()
    order_id = world.order(BOND, "buy", MM, account="SINGLE", **asked)
    for dealer in ("ash", "beech", "cedar"):
        world.quote(dealer, "100", order_id=order_id)
    theirs = wire(next_day(today(world) + timedelta(days=20), is_weekday=True))
    world.fill(order_id, settl_date=theirs)
    report = world.reports()[-1]
    assert report.settl_date == theirs
    was_asked = asked["settl_days"] is not None
    assert ("asked for was" in report.text) is was_asked
    assert [page.body["what"] for page in world.pages()] == ["settlement differs"] * was_asked


def test_a_trade_of_today_settles_today_where_that_is_asked_for() -> None:
    world = scene()
    terms = replace(world_terms(world), settl_days=0)
    assert settlement_of(world.desk, terms, world.now.utc_ns) == today(world)


def world_terms(world: Scene) -> Any:
    return world.state.orders[world.order(BOND, "buy", MM, account="HAND")].terms


def refused(world: Scene, security: Security = BOND, **asked: Any) -> m.OrderReport:
    world.order(security, "buy", MM, account="SINGLE", **asked)
    [report] = world.reports()
    assert report.kind is m.ReportKind.rejected
    assert not [each for each in world.sends if isinstance(each.said, m.AskDealer)]
    return report


def test_a_day_that_is_over_is_refused() -> None:
    world = scene()
    report = refused(world, settl_date=wire(today(world) - timedelta(days=1)))
    assert report.code == 11
    assert "SettlDate(64)=" in report.text
    assert "before the trade date" in report.text


def test_a_day_that_is_no_business_day_is_refused() -> None:
    world = scene()
    report = refused(world, settl_date=wire(next_day(today(world), is_weekday=False)))
    assert report.code == 11
    assert "no business day" in report.text


def aged(world: Scene, **changes: Any) -> Security:
    bond = replace(BOND, **changes)
    world.desk.know(bond.security_id, bond)
    return bond


def test_a_bond_that_matured_is_refused() -> None:
    world = scene()
    report = refused(world, aged(world, maturity=date(2026, 6, 15)))
    assert report.code == 99
    assert "matured on 2026-06-15" in report.text


def test_a_bond_that_matures_today_is_refused() -> None:
    world = scene()
    assert "matured" in refused(world, aged(world, maturity=today(world))).text


def test_a_trade_that_would_settle_when_the_bond_matures_is_refused() -> None:
    world = scene()
    report = refused(world, aged(world, maturity=settles(world)))
    assert report.code == 99
    assert "settlement on" in report.text
    assert "matures" in report.text


def test_a_bond_that_matures_a_day_later_is_taken() -> None:
    world = scene()
    bond = aged(world, maturity=settles(world) + timedelta(days=1))
    assert world.state.orders[world.order(bond, "buy", MM, account="HAND")].open


def test_a_day_behind_the_maturity_is_refused_by_its_tag() -> None:
    world = scene()
    bond = aged(world, maturity=today(world) + timedelta(days=40))
    report = refused(world, bond, settl_date=wire(next_day(today(world) + timedelta(days=40), is_weekday=True)))
    assert report.code == 11
    assert "SettlDate(64)=" in report.text


def test_a_bond_that_was_called_is_refused() -> None:
    world = scene()
    report = refused(world, aged(world, called=date(2026, 9, 1)))
    assert report.code == 99
    assert "was called on 2026-09-01" in report.text


def test_a_trade_that_would_settle_when_the_bond_is_called_is_refused() -> None:
    world = scene()
    report = refused(world, aged(world, called=settles(world)))
    assert report.code == 99
    assert "is called" in report.text


def test_a_bond_that_is_called_later_is_taken() -> None:
    world = scene()
    bond = aged(world, called=today(world) + timedelta(days=60))
    assert world.state.orders[world.order(bond, "buy", MM, account="HAND")].open


@pytest.mark.parametrize(("day", "is_held"), [(date(2026, 9, 1), True), (date(2030, 1, 1), False), (None, False)])
def test_a_bond_in_default_is_the_traders(day: date | None, is_held: bool) -> None:
    world = scene()
    order = world.state.orders[world.order(aged(world, defaulted=day), "buy", MM, account="SINGLE")]
    assert ("in default since" in order.manual_reason) is is_held
    assert (order.state is OrderState.with_trader) is is_held


def test_a_traders_own_order_is_held_against_the_same() -> None:
    world = scene()
    given = {"side": "buy", "quantity": str(MM), "security": BOND.security_id, "account": "SINGLE"}
    aged(world, defaulted=date(2026, 9, 1))
    order_id = world.command("order.new", **given)["order"]
    assert "in default since" in world.state.orders[order_id].manual_reason
    aged(world, called=date(2026, 9, 1))
    with pytest.raises(CommandError, match="was called on 2026-09-01"):
        world.command("order.new", **given)


def test_a_bond_of_which_nothing_is_left_is_refused() -> None:
    world = scene()
    assert "factor is 0" in refused(world, aged(world, factor=Decimal(0))).text


def test_a_bond_that_is_not_issued_yet_is_the_traders() -> None:
    world = scene()
    bond = aged(world, issue_date=today(world) + timedelta(days=60))
    order = world.state.orders[world.order(bond, "buy", MM, account="SINGLE")]
    assert order.state is OrderState.with_trader
    assert "before the bond is issued" in order.manual_reason


def test_an_order_that_waited_until_its_bond_matured_asks_nobody() -> None:
    world = scene()
    order_id = world.order(BOND, "buy", MM, account="PARALLEL", settl_days=None)
    asked = len([each for each in world.sends if isinstance(each.said, m.AskDealer)])
    assert asked == 3
    for dealer in ("ash", "beech", "cedar"):
        world.quote(dealer, "100", order_id=order_id)
    aged(world, maturity=today(world))
    with pytest.raises(CommandError, match=r"settlement: .* matured on"):
        world.command("execute", order=order_id, dealer="ash")


@pytest.mark.parametrize(
    ("changes", "code", "words"),
    [
        pytest.param({"settl_currency": "EUR"}, 11, "SettlCurrency(120)=EUR", id="another currency"),
        pytest.param({"effective_ns": 3 * 3600 * NS_PER_S}, 11, "EffectiveTime(168)=", id="in three hours"),
        pytest.param({"effective_ns": 6 * NS_PER_S}, 11, "EffectiveTime(168)=", id="further ahead than clocks differ"),
    ],
)
def test_terms_of_another_time_or_currency_are_refused(changes: dict[str, Any], code: int, words: str) -> None:
    world = scene()
    changes = {name: value + world.now.utc_ns if name.endswith("_ns") else value for name, value in changes.items()}
    report = refused(world, **changes)
    assert report.code == code
    assert words in report.text


@pytest.mark.parametrize("ahead_s", [-3600, 0, 5])
def test_an_order_whose_time_has_come_is_taken(ahead_s: int) -> None:
    world = scene()
    order_id = world.order(BOND, "buy", MM, effective_ns=world.now.utc_ns + ahead_s * NS_PER_S, settl_currency="USD")
    assert world.state.orders[order_id].open


def test_what_was_noted_is_in_the_orders_story() -> None:
    world = scene()
    order_id = world.order(BOND, "buy", MM, noted=("ExecInst(18)=1",))
    assert world.command("order.show", order=order_id)["noted"] == ["ExecInst(18)=1"]
