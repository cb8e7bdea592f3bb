"""Orders in another currency than the base: rates come and go, limits and sizes go by them, fills count at them."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from desk_past import DEALERS, EURO, LIQUID, bond
from desk_scene import BOND, MM, PROTECT, RULES, Scene, book, scene

from engine.admin import order_views
from engine.admin.tables import Paper
from engine.clock import NS_PER_S, iso_timestamp
from engine.desk.apply import apply
from engine.desk.fields import catalogue
from engine.desk.state import DeskState
from engine.domain import events as e
from engine.domain import messages as m
from engine.domain.exchange import Rate, RateUsed
from engine.domain.order import OrderState, TimeInForce
from engine.errors import CommandError
from engine.market.rates import FiledRates, RateLimits
from engine.rules.program import check_book
from engine.rules.source import Source

HOUR = 3600
RATE = Decimal("1.0850")
PAPER = Paper()


def put(world: Scene, pair: str = "EUR/USD", price: str = "1.0850", **row: Any) -> dict[str, Any]:
    more = {name: row.pop(name) for name in ("source", "reason", "dry_run") if name in row}
    rows = [{"pair": pair, "price": price, **row}]
    return world.command("rates.put", actor="fx", role="feed", rows=rows, **more)


def ago(world: Scene, hours: float) -> str:
    return iso_timestamp(world.now.utc_ns - int(hours * HOUR * NS_PER_S))


def priced(**desk: Any) -> Scene:
    world = scene(**desk)
    put(world)
    return world


def filled(world: Scene, quantity: int = MM) -> str:
    order_id = world.order(EURO, "buy", quantity, account="PARALLEL")
    world.says("ash", "99.95", order_id)
    world.command("execute", order=order_id, dealer="ash")
    world.fills(order_id)
    return order_id


# --- an order from its receipt to its fill ------------------------------------------------------------


def test_an_order_in_euros_is_asked_for_taken_and_told_in_euros() -> None:
    world = priced()
    order_id = filled(world)
    assert world.the(order_id).state is OrderState.filled
    assert {said.currency for said in world.said(m.AskDealer)} == {"EUR"}
    assert [said.currency for said in world.said(m.AcceptQuote)] == ["EUR"]
    for copy in (False, True):
        assert {report.currency for report in world.reports(copy=copy)} == {"EUR"}
    (booked,) = world.recorded(e.FillBooked)
    assert booked.fill.gross == Decimal("999500.00")
    assert booked.fill.quantity_in_base == Decimal("1085000.00")


def test_every_decision_keeps_the_rate_it_was_made_by() -> None:
    world = priced()
    world.advance(60)
    world.mark()
    order_id = world.order(EURO, "buy", MM, account="SPACED")
    world.says("ash", "99.95", order_id)
    world.advance(6)
    used = RateUsed("EUR", RATE, "EUR/USD", RATE, "feed:fx", 60 * NS_PER_S)
    later = replace(used, age_ns=65 * NS_PER_S)
    assert world.the(order_id).facts.rate == used
    assert [each.recommendation.rate for each in world.recorded(e.OrderRecommended)] == [used]
    assert [each.rate for each in world.recorded(e.RfqOpened)] == [used]
    assert [each.rate for each in world.recorded(e.DealerAsked)] == [None, later], "the opening has the first one"
    world.command("execute", order=order_id, dealer="ash")
    (accepted,) = world.recorded(e.QuoteAccepted)
    assert accepted.rate == replace(used, age_ns=66 * NS_PER_S)
    assert world.placement(order_id).worth == RATE
    world.fills(order_id)
    (seen,) = [each.round for each in world.recorded(e.RoundObserved)]
    assert (seen.quantity, seen.worth, seen.size) == (MM, RATE, Decimal("1085000.00"))


def test_an_order_in_the_base_currency_needs_no_rate_and_keeps_none() -> None:
    world = scene()
    order_id = world.order(BOND, "buy", MM, account="PARALLEL")
    world.says("ash", "99.95", order_id)
    world.command("execute", order=order_id, dealer="ash")
    world.fills(order_id)
    assert world.the(order_id).facts.rate is None
    assert [each.rate for each in world.recorded(e.QuoteAccepted)] == [None]
    (booked,) = world.recorded(e.FillBooked)
    assert (booked.fill.worth, booked.fill.quantity_in_base) == (None, MM)


def test_a_fill_that_settles_in_another_currency_is_booked_and_a_person_hears_of_it() -> None:
    world = priced()
    order_id = world.order(EURO, "buy", MM, account="PARALLEL")
    world.says("ash", "99.95", order_id)
    world.command("execute", order=order_id, dealer="ash")
    world.fills(order_id, MM // 2, settl_currency="EUR")
    assert world.pages() == []
    world.fills(order_id, MM // 2, exec_id="X2", settl_currency="USD")
    assert world.the(order_id).state is OrderState.filled
    assert [page.body["what"] for page in world.pages()] == ["settlement differs"]
    assert "SettlCurrency(120) is USD, the bond settles in EUR" in world.reports()[-1].text


def test_an_order_in_euros_on_a_bond_in_dollars_is_refused_with_the_tag() -> None:
    world = priced()
    world.order(BOND, "buy", MM, currency="EUR")
    (refused,) = world.recorded(e.OrderRefused)
    assert refused.reason == "Currency(15) is EUR, the bond is in USD"


def test_the_state_is_the_fold_of_the_events_rates_and_all() -> None:
    world = priced()
    filled(world)
    put(world, "USD/JPY", "155")
    world.command("rates.remove", role="operator", pair="EURUSD", reason="not dealt any more")
    folded = DeskState()
    for event in [*world.before, *world.events]:
        apply(folded, event)
    assert folded.digest() == world.state.digest()
    assert [each.pair for each in folded.rates.values()] == ["USD/JPY"]


# --- without a rate -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("hours", "words"),
    [
        pytest.param(26, "rate EUR/USD is 26 h old, at most 24 h", id="stale"),
        pytest.param(24.5, "rate EUR/USD is over 24 h old", id="just stale"),
    ],
)
def test_by_a_stale_rate_nobody_is_asked_and_it_says_so(hours: float, words: str) -> None:
    world = scene()
    put(world, time=ago(world, hours))
    order_id = world.order(EURO, "buy", MM, account="PARALLEL")
    assert world.asked() == []
    assert world.the(order_id).note == f"risk notional: size in USD is unknown: {words}"


def test_a_desk_may_use_a_stale_rate() -> None:
    world = scene()
    world.desk.rate_limits = RateLimits(uses_stale=True)
    put(world, time=ago(world, 200))
    order_id = world.order(EURO, "buy", MM, account="PARALLEL")
    assert world.asked() == ["ash", "beech", "cedar"]
    assert world.the(order_id).facts.rate == RateUsed("EUR", RATE, "EUR/USD", RATE, "feed:fx", 200 * HOUR * NS_PER_S)


def test_an_order_that_waits_for_a_rate_is_asked_for_when_it_comes() -> None:
    world = scene()
    order_id = world.order(EURO, "buy", 2 * MM, account="PARALLEL")
    assert world.asked() == []
    assert world.the(order_id).facts.segment.endswith("|2mm-5mm|buy")
    put(world, "USD/JPY", "155")
    assert world.asked() == []
    put(world, price="0.9")
    assert world.asked() == ["ash", "beech", "cedar"]
    assert world.the(order_id).facts.segment.endswith("|500k-2mm|buy"), "its size is known by now"
    (rated,) = world.recorded(e.OrderRated)
    assert rated.rate.worth == Decimal("0.9")


def test_an_order_whose_rate_has_become_too_old_meanwhile_is_looked_at_again_too() -> None:
    world = priced()
    ends_ns = world.now.utc_ns + 9 * 24 * HOUR * NS_PER_S
    order_id = world.order(EURO, "buy", MM, account="HAND", tif=TimeInForce.gtd, expire_ns=ends_ns)
    world.advance(26 * HOUR)
    world.mark()
    world.replace(order_id, quantity=2 * MM)
    assert world.the(order_id).note.endswith("rate EUR/USD is 26 h old, at most 24 h")
    put(world)
    assert world.the(order_id).note == "rule “by hand” sends after approval"
    assert world.state.recommendations[order_id].rate is not None


def test_an_ioc_order_without_a_rate_ends_at_once_where_no_person_is_to_decide() -> None:
    world = scene()
    order_id = world.order(EURO, "buy", MM, account="PARALLEL", tif=TimeInForce.ioc)
    assert world.the(order_id).state is OrderState.expired
    assert "no rate for EUR" in world.reports()[-1].text


def test_a_rate_that_goes_while_a_round_is_open_stops_what_is_not_asked_yet_and_the_acceptance() -> None:
    world = priced()
    order_id = world.order(EURO, "buy", MM, account="SPACED")
    world.says("ash", "99.95", order_id)
    world.command("rates.remove", role="operator", pair="EURUSD", reason="wrong")
    world.advance(5)
    assert world.asked() == ["ash"]
    assert [each.reason for each in world.recorded(e.AskBlocked)] == ["size in USD is unknown: no rate for EUR"] * 2
    with pytest.raises(CommandError, match="size in USD is unknown: no rate for EUR"):
        world.command("execute", order=order_id, dealer="ash")
    put(world)
    world.command("execute", order=order_id, dealer="ash")
    assert world.accepted() == ["ash"]


def test_a_fill_is_booked_whatever_has_become_of_the_rate_and_counts_at_that_of_its_acceptance() -> None:
    world = priced()
    world.command("credit_limits.put", actor="c", role="feed", rows=[{"scope": "dealer:ash", "day_max": 9 * MM}])
    order_id = world.order(EURO, "buy", MM, account="PARALLEL")
    world.says("ash", "99.95", order_id)
    world.command("execute", order=order_id, dealer="ash")
    put(world, price="1.15")
    (limit,) = world.command("credit", role="viewer")["limits"]
    assert limit["dealt"] == "1085000.00"
    world.fills(order_id, quantity=400_000)
    world.command("rates.remove", role="operator", pair="EURUSD", reason="wrong")
    (limit,) = world.command("credit", role="viewer")["limits"]
    assert limit["dealt"] == "1085000.00", "what was reserved is what is used up, bit by bit"
    world.fills(order_id, quantity=600_000)
    (limit,) = world.command("credit", role="viewer")["limits"]
    assert (limit["dealt"], limit["room"]) == ("1085000.00", "7915000.00")
    assert {each.fill.worth for each in world.recorded(e.FillBooked)} == {RATE}


# --- limits, in the base currency ---------------------------------------------------------------------


def test_the_largest_order_is_held_against_its_worth() -> None:
    world = priced(notional_max=Decimal(2_170_000))
    assert world.the(world.order(EURO, "buy", 2 * MM, account="PARALLEL")).state is OrderState.asking
    order_id = world.order(EURO, "buy", 2 * MM + 1, account="PARALLEL")
    assert world.the(order_id).note == (
        "risk notional: 2,000,001 EUR (2,170,001.08 USD at EUR/USD 1.0850) is above risk.notional_max 2,170,000"
    )


def test_the_rate_of_the_moment_counts_and_not_that_of_the_receipt() -> None:
    world = priced(notional_max=Decimal(1_100_000))
    order_id = world.order(EURO, "buy", MM, account="PARALLEL")
    world.says("ash", "99.95", order_id)
    put(world, price="1.1100")
    with pytest.raises(CommandError, match=r"1,000,000 EUR \(1,110,000.00 USD at EUR/USD 1.1100\) is above"):
        world.command("execute", order=order_id, dealer="ash")


def test_a_dealers_limit_is_held_against_the_worth_and_said_in_the_base_currency() -> None:
    dealers = [replace(each, notional_max=Decimal(MM)) if each.id == "ash" else each for each in DEALERS]
    world = scene(dealers=dealers)
    put(world)
    advice = world.command("recommend", security=EURO.security_id, side="buy", quantity=MM)
    reasons = {line["dealer"]: line["reason"] for line in advice["lines"]}
    assert reasons["ash"] == "its limit is 1,000,000 USD"
    advice = world.command("recommend", security=EURO.security_id, side="buy", quantity=900_000)
    assert {line["dealer"]: line["reason"] for line in advice["lines"]}["ash"].startswith("asked as no. ")


def test_a_credit_limit_is_held_against_the_worth() -> None:
    world = priced()
    rows = [{"scope": "dealer:ash", "request_max": MM}, {"scope": f"issuer:{EURO.issuer}", "day_max": 2 * MM}]
    world.command("credit_limits.put", actor="c", role="feed", rows=rows)
    advice = world.command("recommend", security=EURO.security_id, side="buy", quantity=MM)
    assert {line["dealer"]: line["reason"] for line in advice["lines"]}[
        "ash"
    ] == "its credit limit leaves 1,000,000 USD"
    advice = world.command("recommend", security=EURO.security_id, side="buy", quantity=2 * MM)
    assert advice["blocked"] == (
        "risk credit: 2,000,000 EUR (2,170,000.00 USD at EUR/USD 1.0850) on top of 0 dealt today is above the credit"
        f" limit of 2,000,000 a day for issuer:{EURO.issuer}"
    )


def test_orders_in_two_currencies_use_up_one_limit() -> None:
    world = scene(securities=(LIQUID, replace(EURO, issuer=LIQUID.issuer)))
    put(world)
    rows = [{"scope": f"issuer:{LIQUID.issuer}", "day_max": 2 * MM}]
    world.command("credit_limits.put", actor="c", role="feed", rows=rows)
    filled(world)
    advice = world.command("recommend", security=BOND.security_id, side="buy", quantity=MM)
    assert "1,000,000 on top of 1,085,000.00 dealt today is above the credit limit of 2,000,000" in advice["blocked"]


# --- sizes of segments, rules, protections ------------------------------------------------------------

YEN = bond(21, "Kestrel Tramways", currency="JPY")
FRANC = bond(22, "Alder Rail", currency="CHF")


def test_a_yen_order_is_as_large_as_it_is_worth() -> None:
    """Without decimals, by a rate that is told the other way round."""
    world = scene(securities=(BOND, YEN))
    put(world, "USD/JPY", "160")
    order_id = world.order(YEN, "buy", 160_000_000, account="PARALLEL")
    assert world.the(order_id).facts.segment.endswith("|500k-2mm|buy")
    world.says("ash", "99.953", order_id)
    world.command("execute", order=order_id, dealer="ash")
    world.fills(order_id)
    (booked,) = world.recorded(e.FillBooked)
    assert booked.fill.quantity_in_base == Decimal("1000000.00")
    assert str(booked.fill.gross) == "159924800"


def test_a_franc_order_has_no_rate_while_the_euro_has_one() -> None:
    world = scene(securities=(BOND, EURO, FRANC))
    put(world)
    order_id = world.order(FRANC, "buy", MM, account="PARALLEL")
    assert world.the(order_id).note.endswith("no rate for CHF")
    assert world.command("rates", role="viewer")["without"] == ["CHF"]


AMOUNTS = """
rule "over five euro"  when notional > 5mm EUR  ask top 1  wait 60s  send automatically
rule "over a franc"  when currency == CHF and notional > 1mm CHF  ask top 1  wait 60s  send automatically
rule "under"  when true  ask top 2  wait 60s  send automatically
"""


@pytest.mark.parametrize(
    ("security", "quantity", "rule"),
    [
        pytest.param(EURO, 5 * MM, "under", id="just so many euros"),
        pytest.param(EURO, 5 * MM + 1, "over five euro", id="one more"),
        pytest.param(BOND, 5_425_000, "under", id="as many dollars"),
        pytest.param(BOND, 5_425_001, "over five euro", id="one dollar more"),
        pytest.param(YEN, 875_000_000, "over five euro", id="in yen, across the base"),
        pytest.param(YEN, 860_000_000, "under", id="in yen, just under"),
    ],
)
def test_a_rule_may_name_an_amount_in_any_currency(security: Any, quantity: int, rule: str) -> None:
    world = scene(AMOUNTS, securities=(BOND, EURO, YEN))
    put(world)
    put(world, "USD/JPY", "160.13")
    order_id = world.order(security, "buy", quantity, account="X")
    assert world.state.recommendations[order_id].rule == rule


@pytest.mark.parametrize(
    ("typed", "wrong"),
    [
        pytest.param("EURO", ["'currency' is never 'EURO' (did you mean 'EUR'?)"], id="no currency"),
        pytest.param("ZZZ", ["'currency' is never 'ZZZ'"], id="like none"),
        pytest.param("eur", [], id="in small letters"),
    ],
)
def test_a_rule_for_a_currency_that_there_is_not_is_refused(typed: str, wrong: list[str]) -> None:
    rules = f'rule "euros" when currency == {typed}  ask top 1\nrule "rest" when true  ask top 2\n'
    assert [each.text for each in check_book([Source("scene.rules", rules)], catalogue())] == wrong


def test_an_amount_in_a_currency_without_a_rate_is_unknown_and_no_rule_goes_by_it() -> None:
    world = scene(AMOUNTS, securities=(BOND,))
    order_id = world.order(BOND, "buy", 50 * MM, account="X")
    assert world.state.recommendations[order_id].rule == "under"


def test_a_rule_book_with_what_is_no_currency_is_refused() -> None:
    with pytest.raises(Exception, match="GBX is a hundredth of GBP: write GBP"):
        book('rule "x" when notional > 5mm GBX ask top 1\nrule "y" when true ask top 1', ["ash"])


def test_a_protection_looks_at_the_worth_of_the_whole_exposure() -> None:
    world = scene(PROTECT + RULES)
    put(world)
    order_id = world.order(EURO, "buy", 1_900_000, account="PARALLEL")
    assert world.state.recommendations[order_id].protections == ("large",)


def test_what_a_rule_read_is_told_to_the_cent() -> None:
    world = scene(AMOUNTS, securities=(BOND, YEN))
    put(world, "USD/JPY", "155")
    put(world)
    world.order(YEN, "buy", MM, account="X")
    text = str(world.command("rules.explain", order=world.id(), role="viewer"))
    assert "6,451.61" in text
    assert "6,451.612" not in text


# --- who delivers -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        pytest.param({"price": "0"}, "a rate from 0.000001", id="nothing"),
        pytest.param({"price": "-1.085"}, "a rate in plain digits such as 1.0850, found '-1.085'", id="negative"),
        pytest.param({"price": "1E3"}, "a rate in plain digits such as 1.0850, found '1E3'", id="an exponent"),
        pytest.param({"price": 1.085}, "parameter 'price': expected", id="a float"),
        pytest.param({"pair": "eurusd"}, "did you mean 'EUR'", id="lower case"),
        pytest.param({"pair": "EUR/GBP"}, "EUR/GBP: neither is the base currency USD", id="without the base"),
        pytest.param({"pair": "GBX/USD"}, "GBX is a hundredth of GBP", id="pence"),
        pytest.param({"price": "0.9217"}, "(did you mean USD/EUR 0.9217?)", id="turned round"),
        pytest.param({"price": "10.85"}, "EUR/USD 10.85 is more than 10% away from EUR/USD 1.0850", id="point"),
        pytest.param({"time": "2099-01-01T00:00:00Z"}, "2099-01-01T00:00:00.000Z is in the future", id="from later"),
        pytest.param({"time": "2026-11-30"}, "a time with its zone", id="without a time"),
        pytest.param({"has_moved": True, "price": "2"}, "expected a reason with it", id="no reason"),
    ],
)
def test_a_rate_that_cannot_be_right_is_refused_with_the_reason(row: dict[str, Any], reason: str) -> None:
    world = priced()
    answer = put(world, **{"pair": "EUR/USD", "price": "1.0851", **row})
    assert answer["taken"] == 0
    assert reason in answer["refused"][0]["reason"]
    assert [each.price for each in world.state.rates.values()] == [RATE]


def test_a_rate_that_has_truly_moved_is_taken_with_a_reason() -> None:
    world = priced()
    assert put(world, price="1.40", has_moved=True, reason="seen on two screens")["taken"] == 1
    assert world.recorded(e.RatesPut)[-1].reason == "seen on two screens"
    assert put(world, price="1.41")["taken"] == 1


def test_of_one_delivery_each_row_stands_by_itself_and_a_pair_only_once() -> None:
    world = scene()
    rows = [
        {"pair": "EURUSD", "price": "1.08"},
        {"pair": "USD/EUR", "price": "0.925"},
        {"pair": "GBPUSD", "price": "1.2650"},
        {"pair": "JPYUSD", "price": "155"},
    ]
    answer = world.command("rates.put", actor="fx", role="feed", rows=rows)
    assert answer["taken"] == 3
    assert answer["refused"] == [{"line": 2, "reason": "USD/EUR is in this delivery already"}]
    assert answer["doubtful"] == [
        {"line": 4, "reason": "JPY/USD 155: the market tells USD/JPY, is it the rate of that?"}
    ]


def test_two_rates_of_one_time_the_later_word_of_a_source_corrects_and_an_earlier_time_is_too_late() -> None:
    world = scene()
    at = ago(world, 1)
    assert put(world, price="1.08", time=at)["taken"] == 1
    assert put(world, price="1.09", time=at)["taken"] == 1
    (refused,) = put(world, price="1.07", time=ago(world, 2))["refused"]
    assert refused["reason"].startswith("EUR/USD: feed:fx has told EUR/USD 1.09 as of ")
    assert put(world, price="1.10", time=at, source="bank")["taken"] == 1
    assert world.draft().worth_of("EUR") == Decimal("1.10"), "bank comes before feed:fx"


def test_a_rate_that_is_too_old_already_is_taken_and_said() -> None:
    world = scene()
    answer = put(world, time=ago(world, 30))
    assert answer["taken"] == 1
    assert answer["doubtful"] == [{"line": 1, "reason": "rate EUR/USD is 30 h old, at most 24 h"}]


def test_a_dry_run_takes_nothing() -> None:
    world = scene()
    assert put(world, dry_run=True)["taken"] == 1
    assert world.recorded(e.RatesPut) == []


def test_who_may_put_and_take_back() -> None:
    world = priced()
    with pytest.raises(CommandError, match="needs role feed"):
        world.command("rates.put", role="trader", rows=[{"pair": "EURUSD", "price": "1.08"}])
    world.command("rates.put", role="operator", rows=[{"pair": "EURUSD", "price": "1.08"}])
    assert sorted(each.source for each in world.state.rates.values()) == ["feed:fx", "person:kim"]
    with pytest.raises(CommandError, match="no rate EUR/USD of bank is kept; told by: feed:fx, person:kim"):
        world.command("rates.remove", role="operator", pair="EURUSD", source="bank", reason="x")
    world.command("rates.remove", role="operator", pair="USDEUR", source="feed:fx", reason="x")
    assert [each.source for each in world.state.rates.values()] == ["person:kim"]


def test_the_screen_says_of_each_rate_whether_it_is_used() -> None:
    world = scene()
    filed = Rate("EUR/USD", Decimal("1.08"), world.now.utc_ns - 2 * HOUR * NS_PER_S, "rates.csv")
    old = Rate("GBP/USD", Decimal("1.26"), world.now.utc_ns - 30 * HOUR * NS_PER_S, "rates.csv")
    world.desk.filed_rates = FiledRates([filed, old])
    put(world)
    answer = world.command("rates", role="viewer")
    shown = [(each["pair"], each["source"], each["age_s"], each["used"], each["state"]) for each in answer["rates"]]
    assert shown == [
        ("EUR/USD", "feed:fx", 0, True, "used"),
        ("EUR/USD", "rates.csv", 2 * HOUR, False, "there is a newer one"),
        ("GBP/USD", "rates.csv", 30 * HOUR, False, "too old: at most 24 h"),
    ]


# --- a market session ---------------------------------------------------------------------------------


def tell(world: Scene, **price: Any) -> None:
    values = {"bid": None, "offer": None, "quoted_ns": None, **price}
    world.hear("md", m.MarketPrice("EUR/USD", **values), role="market")


def test_a_session_tells_a_rate_by_its_mid_or_by_both_sides() -> None:
    world = scene()
    tell(world, bid=Decimal("1.0848"), offer=Decimal("1.0852"))
    assert world.draft().worth_of("EUR") == RATE
    world.advance(11)
    tell(world, mid=Decimal("1.0861"))
    assert world.draft().worth_of("EUR") == Decimal("1.0861")
    assert [each.actor for each in world.recorded(e.RatesPut)] == ["session:md"] * 2


def test_of_a_session_that_tells_of_every_tick_one_is_kept_so_often() -> None:
    world = scene()
    for _ in range(100):
        tell(world, mid=RATE)
        world.advance(1)
    assert len(world.recorded(e.RatesPut)) == 10


@pytest.mark.parametrize(
    ("price", "why"),
    [
        pytest.param({"bid": Decimal("1.08")}, "one_sided", id="one side"),
        pytest.param({"bid": Decimal("1.09"), "offer": Decimal("1.08")}, "crossed", id="crossed"),
        pytest.param({"mid": Decimal("0.92")}, "absurd", id="turned round"),
        pytest.param({"mid": Decimal(0)}, "not_positive", id="nothing"),
        pytest.param({"mid": Decimal("1.08"), "quoted_ns": 2**62}, "future", id="from later"),
        pytest.param({}, "one_sided", id="no price"),
    ],
)
def test_a_wrong_tick_is_counted_and_not_taken(price: dict[str, Any], why: str) -> None:
    world = priced()
    tell(world, **price)
    assert [each.price for each in world.state.rates.values()] == [RATE]
    assert [wrong.value for _, wrong in world.desk.refusals.counts] == [why]


def test_changes_of_a_pair_are_taken_side_by_side_and_leave_bonds_alone() -> None:
    world = scene()
    sides = (
        m.SideChange("EUR/USD", True, Decimal("1.0848"), None),
        m.SideChange(BOND.security_id, True, Decimal("99.9"), None),
        m.SideChange("EUR/USD", False, Decimal("1.0852"), None),
    )
    world.hear("md", m.MarketChanges(sides), role="market")
    assert world.draft().worth_of("EUR") == RATE
    world.advance(11)
    world.hear("md", m.MarketChanges((), mids=(m.MidChange("GBP/USD", Decimal("1.26"), None),)), role="market")
    assert world.draft().worth_of("GBP") == Decimal("1.26")


def test_an_order_tells_what_it_comes_to_in_the_base_currency() -> None:
    world = scene()
    unknown = world.order(EURO, "buy", MM, account="HAND")
    shown = world.command("order.show", order=unknown, role="viewer")
    assert (shown["size"], shown["facts"]["rate"], shown["base_currency"]) == (None, None, "USD")
    assert "  in EUR: nobody knew what that is in USD" in order_views.order(PAPER, shown)
    put(world)
    shown = world.command("order.show", order=world.order(EURO, "sell", MM, account="HAND"), role="viewer")
    assert shown["size"] == "1085000.00"
    assert "  in EUR: 1,085,000.00 USD at EUR/USD 1.0850 of feed:fx" in order_views.order(PAPER, shown)
    shown = world.command("order.show", order=world.order(BOND, "sell", MM, account="HAND"), role="viewer")
    assert not [line for line in order_views.order(PAPER, shown) if line.startswith("  in ")]


def test_what_is_taken_back_gives_back_as_much_whatever_the_rate_is_by_then() -> None:
    world = priced()
    world.command("credit_limits.put", actor="c", role="feed", rows=[{"scope": "dealer:ash", "day_max": 9 * MM}])
    order_id = filled(world)
    put(world, price="1.15")
    (fill,) = [each.fill for each in world.recorded(e.FillBooked)]
    world.reports_of(
        order_id,
        m.DealerWord.trade_canceled,
        exec_id="busted",
        refers_to=fill.dealer_exec_id,
        last_quantity=fill.quantity,
        last_price=fill.price,
        cum_quantity=Decimal(0),
    )
    (limit,) = world.command("credit", role="viewer")["limits"]
    assert (limit["dealt"], limit["room"]) == ("0", "9000000")


@pytest.mark.parametrize(
    ("pair", "worth", "size", "segment"),
    [
        pytest.param("EUR/USD", RATE, Decimal("5425000.00"), "5mm-10mm", id="at the rate of the import"),
        pytest.param("GBP/USD", None, Decimal(5_000_000), "5mm-10mm", id="by its number where there is none"),
        pytest.param("USD/EUR", 1 / RATE, Decimal("4608294.93"), "2mm-5mm", id="told the other way round"),
    ],
)
def test_rounds_of_others_are_as_large_as_they_are_worth(pair: str, worth: Any, size: Decimal, segment: str) -> None:
    world = scene()
    put(world, pair)
    row = {
        "rfq_id": "T-1", "sent_at": "2025-11-02T14:05:00Z", "security": EURO.security_id, "side": "buy",
        "quantity": "5000000", "dealer": "ash", "answer": "quote", "answered_at": "2025-11-02T14:05:12Z",
        "price": "99.85", "mark_sent": "99.75",
    }  # fmt: skip
    world.command("history.add", actor="h", role="feed", rows=[row], origin="elsewhere")
    (told,) = world.recorded(e.HistoryAdded)[0].rounds
    assert (told.seen.quantity, told.seen.worth, told.seen.size) == (5_000_000, worth, size)
    assert told.seen.segment.split("|")[3] == segment


def test_at_a_desk_whose_base_is_the_euro_bonds_in_dollars_are_the_foreign_ones() -> None:
    world = scene(notional_max=Decimal(800_000))
    world.desk.base_currency = "EUR"
    put(world, "EUR/USD", "1.25")
    put(world, "USD/JPY", "155")
    order_id = world.order(BOND, "buy", MM, account="PARALLEL")
    assert world.asked() == ["ash", "beech", "cedar"]
    assert world.the(order_id).facts.worth == Decimal("0.8")
    order_id = world.order(BOND, "buy", MM + 1, account="PARALLEL")
    assert world.the(order_id).note.startswith("risk notional: 1,000,001 USD (800,000.80 EUR at EUR/USD 1.25) is above")
    world.order(EURO, "buy", 800_000, account="PARALLEL")
    assert len(world.recorded(e.RfqOpened)) == 2
    assert [each["pair"] for each in world.command("rates", role="viewer")["rates"]] == ["EUR/USD"]
