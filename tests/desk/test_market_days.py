"""Days of orders, trades and settlement by the calendar of the bond's market, kept in the events."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from desk_scene import BOND, MM, Scene, scene

from engine.admin.market_views import calendars
from engine.admin.tables import Paper
from engine.clock import NS_PER_DAY, NS_PER_S
from engine.config import load
from engine.desk.apply import apply
from engine.desk.gate.risk import asked_lately
from engine.desk.state import DeskState
from engine.domain import events as e
from engine.domain import messages as m
from engine.domain.instrument import AssetClass, Security
from engine.domain.order import OrderState, TimeInForce
from engine.market.bonds import Unknown, accrued_interest
from engine.market.calendars import Calendar, Calendars

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = {each.name: each for each in load(ROOT / "engine.toml", {}).calendars}
pytestmark = pytest.mark.starts("noon")  # Monday, 23 November 2026; what is about other days lets time pass.


def utc(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * NS_PER_S


def at(text: str, *calendars: Calendar) -> Scene:
    """A desk with these calendars, or the shipped ones, at a time of UTC."""
    world = scene()
    know(world, *calendars)
    world.advance((utc(text) - world.now.utc_ns) / NS_PER_S)
    return world


def know(world: Scene, *calendars: Calendar) -> None:
    world.desk.calendars = Calendars(calendars or [*SHIPPED.values()])
    world.desk.appraisal.calendars = world.desk.calendars


def lives(world: Scene) -> dict[str, Any]:
    return {"tif": TimeInForce.gtd, "expire_ns": world.now.utc_ns + 20 * NS_PER_DAY}


def dealt(world: Scene, security: Security = BOND, **asked: Any) -> str:
    """An order that is asked for, priced and taken; not filled yet."""
    order_id = world.order(security, "buy", MM, account="PARALLEL", **lives(world), **asked)
    world.says("ash", "100", order_id)
    world.command("execute", order=order_id)
    return order_id


def settlements(world: Scene) -> set[str]:
    return {each.settl_date for each in (*world.said(m.AskDealer), *world.said(m.AcceptQuote))}


@pytest.mark.parametrize(
    ("now", "asked", "trade", "settles"),
    [
        pytest.param("2026-11-25T15:00", {}, "20261125", "20261127", id="T+1 over Thanksgiving"),
        pytest.param("2026-11-27T20:00", {}, "20261127", "20261130", id="after Black Friday's early close"),
        pytest.param("2026-11-26T15:00", {}, "20261127", "20261130", id="on Thanksgiving itself"),
        pytest.param("2026-11-24T23:30", {}, "20261125", "20261127", id="after the close of New York"),
        pytest.param("2026-11-24T23:29", {}, "20261124", "20261125", id="before it"),
        pytest.param("2026-11-25T01:00", {}, "20261125", "20261127", id="over in the evening of New York"),
        pytest.param("2026-11-25T15:00", {"settl_days": 0}, "20261125", "20261125", id="63=1, cash"),
        pytest.param("2026-11-25T15:00", {"settl_days": 2}, "20261125", "20261130", id="63=3, T+2"),
        pytest.param("2026-11-25T15:00", {"settl_days": 5}, "20261125", "20261203", id="63=9, T+5"),
        pytest.param("2026-11-25T15:00", {"settl_date": "20261204"}, "20261125", "20261204", id="64"),
        pytest.param("2026-12-31T15:00", {}, "20261231", "20270104", id="the year's end"),
    ],
)
def test_settlement_is_asked_for_booked_and_told_by_the_calendar(
    now: str, asked: dict[str, Any], trade: str, settles: str
) -> None:
    world = at(now)
    order_id = dealt(world, **asked)
    world.fills(order_id, trade_date="", settl_date="")
    assert settlements(world) == {settles}
    report = world.reports()[-1]
    assert (report.trade_date, report.settl_date) == (trade, settles)
    assert world.pages() == []


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"settl_date": "20261126"}, "SettlDate(64)=20261126 is no business day of calendar us-bond"),
        ({"settl_date": "20261225"}, "SettlDate(64)=20261225 is no business day of calendar us-bond"),
        ({"settl_date": "20261128"}, "SettlDate(64)=20261128 is no business day of calendar us-bond"),
        ({"settl_date": "20261124"}, "SettlDate(64)=20261124 is before the trade date 2026-11-25"),
    ],
)
def test_a_day_on_which_nothing_settles_is_refused(asked: dict[str, Any], words: str) -> None:
    world = at("2026-11-25T15:00")
    world.order(BOND, "buy", MM, **asked)
    [report] = world.reports()
    assert (report.kind, report.code, report.text) == (m.ReportKind.rejected, 11, words)


def test_cash_settlement_on_a_day_that_is_traded_and_not_settled_is_refused() -> None:
    friday = replace(SHIPPED["us-bond"], no_settlement=frozenset({date(2026, 11, 27)}))
    world = at("2026-11-27T15:00", friday)
    world.order(BOND, "buy", MM, settl_days=0)
    assert "no business day of calendar us-bond" in world.reports()[-1].text
    order_id = dealt(world)
    assert settlements(world) == {"20261130"}
    assert world.the(order_id).open


# --- what no calendar knows --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("bond", "asked", "why"),
    [
        pytest.param(BOND, {"settl_date": "20300102"}, "us-bond is known from 2026-01-01 to 2029-12-31", id="its end"),
        pytest.param(replace(BOND, calendar="tokyo"), {}, "tokyo is not in reference.calendars", id="not configured"),
        pytest.param(
            replace(BOND, currency="CHF"), {}, "no calendar of reference.calendars is for CHF", id="no market"
        ),
    ],
)
def test_an_order_that_settles_where_no_calendar_reaches_is_the_traders(
    bond: Security, asked: dict[str, Any], why: str
) -> None:
    world = at("2026-11-25T15:00")
    world.desk.know(bond.security_id, bond)
    order = world.the(world.order(bond, "buy", MM, account="SINGLE", currency=bond.currency, **asked))
    assert order.state is OrderState.with_trader
    assert why in order.manual_reason
    assert world.command("order.show", order=order.order_id)["manual_reason"] == order.manual_reason


def test_where_no_calendars_are_configured_weekdays_settle_and_rules_go_on() -> None:
    world = scene()
    world.order(BOND, "buy", MM, account="SINGLE")
    assert settlements(world) == {"20261124"}


# --- a bond's own calendar ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "settles"),
    [
        pytest.param({}, "20261127", id="by its currency"),
        pytest.param({"calendar": "target"}, "20261127", id="T+2 of another market, which knows no Thanksgiving"),
        pytest.param({"calendar": "us-bond+target"}, "20261130", id="T+2 where both settle"),
        pytest.param({"settlement_days": 3}, "20261201", id="its own cycle"),
        pytest.param({"calendar": "london", "settlement_days": 1}, "20261126", id="T+1 of its own in London"),
    ],
)
def test_a_bond_settles_by_the_calendar_that_its_line_names(changes: dict[str, Any], settles: str) -> None:
    world = at("2026-11-25T15:00")
    bond = replace(BOND, **changes)
    world.desk.know(bond.security_id, bond)
    dealt(world, bond)
    assert settlements(world) == {settles}


def test_a_gilt_settles_the_day_after_and_other_bonds_of_london_two_days_after() -> None:
    world = at("2026-11-25T15:00")
    days = [
        world.desk.calendars.settlement(replace(BOND, currency="GBP", asset_class=each), world.now.utc_ns).day
        for each in (AssetClass.GOVERNMENT, AssetClass.CORPORATE)
    ]
    assert days == [26, 27]


# --- what was decided stands -------------------------------------------------------------------------


def test_a_calendar_that_is_read_again_changes_nothing_of_the_past() -> None:
    world = at("2026-11-25T15:00")
    order_id = dealt(world)
    assert world.placement(order_id).settl_date == "20261127"
    another = replace(SHIPPED["us-bond"], closed=frozenset({date(2026, 11, 27), date(2026, 11, 30)}))
    know(world, another)
    world.fills(order_id, trade_date="", settl_date="20261127")
    assert world.pages() == []
    [booked] = world.recorded(e.FillBooked)
    assert (booked.fill.trade_date, booked.fill.settl_date) == ("20261125", "20261127")
    folded = DeskState()
    for event in (*world.before, *world.events):
        apply(folded, event)
    assert folded.digest() == world.state.digest()
    assert folded.placements[world.the(order_id).placement_id].settl_date == "20261127"


def test_a_fill_that_comes_days_late_is_of_the_day_it_was_made() -> None:
    world = at("2026-11-25T15:00")
    order_id = dealt(world)
    made_ns = world.now.utc_ns
    world.advance(5 * 86_400)
    world.fills(order_id, trade_date="", settl_date="", transact_ns=made_ns)
    report = world.reports()[-1]
    assert (report.trade_date, report.settl_date) == ("20261125", "20261127")


def test_a_quote_is_taken_for_the_settlement_it_was_asked_for_where_the_market_closes_meanwhile() -> None:
    world = at("2026-11-24T23:29:50")
    order_id = world.order(BOND, "buy", MM, account="PARALLEL", **lives(world))
    world.says("ash", "100", order_id)
    world.advance(15)
    world.command("execute", order=order_id)
    assert settlements(world) == {"20261125"}
    world.fills(order_id, trade_date="", settl_date="")
    assert world.reports()[-1].settl_date == "20261125"


def test_cash_settlement_that_the_close_has_overtaken_is_of_the_next_day() -> None:
    world = at("2026-11-24T23:29:50")
    order_id = world.order(BOND, "buy", MM, account="PARALLEL", settl_days=0, **lives(world))
    world.says("ash", "100", order_id)
    world.advance(15)
    world.command("execute", order=order_id)
    assert [each.settl_date for each in world.said(m.AcceptQuote)] == ["20261125"]


@pytest.mark.parametrize("is_known", [True, False])
def test_a_price_for_another_settlement_cannot_be_taken_where_a_calendar_says_ours(is_known: bool) -> None:
    world = at("2026-11-25T15:00") if is_known else scene()
    order_id = world.order(BOND, "buy", MM, account="PARALLEL", **lives(world))
    world.says("ash", "99", order_id, settl_date="20261203")
    world.says("beech", "100", order_id)
    world.command("execute", order=order_id)
    assert world.accepted() == ["beech" if is_known else "ash"]
    problem = world.ask(order_id, "ash").quotes[0].problem
    assert problem == ("for SettlDate(64)=20261203, asked for was 20261127" if is_known else "")


def test_an_order_after_the_end_of_its_calendar_is_the_traders() -> None:
    world = at("2026-11-25T15:00", replace(SHIPPED["us-bond"], last=date(2026, 11, 25)))
    order = world.the(world.order(BOND, "buy", MM, account="SINGLE", **lives(world)))
    assert order.state is OrderState.with_trader
    assert order.manual_reason == (
        "settlement on 2026-11-27: calendar us-bond is known from 2026-01-01 to 2026-11-25 only, nobody knows whether"
        " that day is a holiday"
    )


@pytest.mark.parametrize("is_known", [True, False])
def test_a_dealers_other_day_is_booked_and_a_person_hears_of_it_where_a_calendar_says_ours(is_known: bool) -> None:
    world = at("2026-11-25T15:00") if is_known else scene()
    order_id = dealt(world)
    world.fills(order_id, trade_date="", settl_date="20261201")
    assert world.reports()[-1].settl_date == "20261201"
    assert [page.body["what"] for page in world.pages()] == ["settlement differs"] * is_known


def test_an_order_that_has_ended_shows_no_settlement_of_a_trade_of_now() -> None:
    world = at("2026-11-25T15:00")
    order_id = dealt(world, settl_days=2)
    assert world.command("order.show", order=order_id)["settlement"] == "2026-11-30"
    world.fills(order_id, trade_date="", settl_date="")
    world.advance(3 * 86_400)
    told = world.command("order.show", order=order_id)
    assert told["settlement"] is None
    assert [each["settl_date"] for each in told["fills"]] == ["20261130"]


# --- other days that are counted ---------------------------------------------------------------------


def test_marks_follow_a_trade_over_the_holidays_of_its_bonds_market() -> None:
    world = at("2026-11-25T15:00")
    world.desk.clocks = replace(world.desk.clocks, day_end=replace(world.desk.clocks.day_end, at=time(21)))
    dealt(world)
    [event] = world.recorded(e.QuoteAccepted)
    assert event.day_ends == (utc("2026-11-25T21:00"), utc("2026-11-27T19:00"))
    other = replace(BOND, calendar="target")
    world.desk.know(other.security_id, other)
    assert world.desk.day_ends_of(BOND.security_id, world.now.utc_ns) == (
        utc("2026-11-25T21:00"), utc("2026-11-26T21:00"),
    )  # fmt: skip


def test_whoever_was_asked_before_a_holiday_was_asked_a_business_day_ago() -> None:
    world = at("2026-11-25T15:00")
    dealt(world)
    world.advance(2 * 86_400)
    assert {each.dealer for each in asked_lately(world.draft(), BOND.security_id)} == {"ash", "beech", "cedar"}
    know(world, replace(SHIPPED["us-bond"], closed=frozenset()))
    assert asked_lately(world.draft(), BOND.security_id) == []


def test_an_ex_dividend_period_counts_the_business_days_of_the_bonds_market() -> None:
    """Six business days before a coupon of 4 January 2027 begin on 22 December in London, with Christmas between."""
    gilt = replace(
        BOND, calendar="london", ex_dividend="6bd", maturity=date(2034, 1, 4), coupon_frequency=2, day_count="ACT/ACT",
        issue_date=None, first_coupon=None, last_coupon=None, settlement_days=1,
    )  # fmt: skip
    world = at("2026-12-21T15:00")
    world.desk.know(gilt.security_id, gilt)
    order_id = dealt(world, gilt)
    world.fills(order_id, trade_date="", settl_date="")
    [booked] = world.recorded(e.FillBooked)
    assert booked.fill.settl_date == "20261222"
    assert booked.fill.accrued is not None
    assert booked.fill.accrued < 0
    by_weekdays = accrued_interest(gilt, booked.fill.quantity, date(2026, 12, 22))
    assert not isinstance(by_weekdays, Unknown)
    assert by_weekdays > 0
    told = world.command("bond", security=gilt.security_id, quantity=str(MM))
    assert told["settlement"] == "2026-12-22"
    assert told["accrued"] == f"{booked.fill.accrued:f}"


# --- looking at them ---------------------------------------------------------------------------------


def test_calendars_are_listed_with_their_next_days() -> None:
    world = at("2026-11-25T15:00")
    york, target, _ = world.command("calendars", role="viewer")["calendars"]
    assert york == {
        "calendar": "us-bond",
        "currencies": ["USD"],
        "zone": "America/New_York",
        "from": "2026-01-01",
        "to": "2029-12-31",
        "trade_date": "2026-11-25",
        "settlement_days": 1,
        "settlement": "2026-11-27",
        "next_closed": "2026-11-26",
        "next_without_settlement": None,
        "next_early": "2026-11-27",
        "next_early_close": "14:00",
    }
    assert (target["settlement_days"], target["settlement"], target["next_early"]) == (2, "2026-11-27", None)


def test_a_list_of_calendars_is_a_line_for_each() -> None:
    world = at("2026-11-25T15:00")
    lines = calendars(Paper(), world.command("calendars", role="viewer"))
    assert [line.split()[0] for line in lines] == ["calendar", "us-bond", "target", "london"]
    assert "T+1 2026-11-27" in lines[1]
    assert "2026-11-27 14:00 America/New_York" in lines[1]
    know(world, replace(SHIPPED["target"], closed=frozenset()))
    assert "none known" in "\n".join(calendars(Paper(), world.command("calendars", role="viewer")))
    world.desk.calendars = Calendars()
    [line] = calendars(Paper(), world.command("calendars", role="viewer"))
    assert line == "no calendars are configured: weekends alone are known, and trades settle T+1"


def test_a_trade_that_is_corrected_to_another_settlement_says_so() -> None:
    world = at("2026-11-25T15:00")
    order_id = dealt(world)
    world.fills(order_id, trade_date="", settl_date="20261127", exec_id="E1")
    done = {"last_quantity": Decimal(MM), "last_price": Decimal(100), "refers_to": "E1", "exec_id": "G1"}
    world.reports_of(order_id, m.DealerWord.corrected, **done, trade_date="", settl_date="20261201")
    report = world.reports()[-1]
    assert report.settl_date == "20261201"
    assert "to settle on 20261127" in report.text
    assert "SettlDate(64) is 20261201, asked for was 20261127" in report.text
    assert [page.body["what"] for page in world.pages()] == ["settlement differs", "trade corrected"]
