"""Money in a currency without a known rate is unknown, field by field: never a number of another unit.

The fields are those of the catalogue, and the limits those of the gate: whoever adds one is asked here.
"""

from __future__ import annotations

from dataclasses import fields, replace
from decimal import Decimal
from typing import Any, Final

import pytest
from desk_builder import make_desk
from desk_past import DEALERS, EURO, LIQUID, bond, dealer
from desk_scene import MM, RULES, book, scene

from engine.dealers.book import Dealer
from engine.desk.fields import OrderSubject, catalogue
from engine.desk.setting import RiskLimits
from engine.domain import events as e
from engine.domain import messages as m
from engine.domain.instrument import Security
from engine.domain.order import Handling, MarkUsed, OrderState, OrderTerms, Side, TimeInForce
from engine.rules.signature import Field, Kind

pytestmark = pytest.mark.starts("noon")
"""Nothing here is about the time."""

MONEY: Final = [each for each in catalogue().order_fields.values() if each.kind is Kind.MONEY]
SAME_BUT_FOREIGN: Final = bond(6, "Osprey Freight", rating="AA", liquidity_score=9, currency="EUR")
"""`LIQUID` in euros: whatever is known of the one is known of the other."""


def subject(security: Security, base_currency: str = "USD") -> OrderSubject:
    desk = make_desk(securities=(security,))
    desk.base_currency = base_currency
    terms = OrderTerms(
        cl_ord_id="C1",
        session="oms",
        account="FUND-A",
        trader="",
        security_id=security.security_id,
        side=Side.buy,
        quantity=Decimal(MM),
        limit_price=None,
        tif=TimeInForce.day,
        handling=Handling.automatic,
        currency=security.currency,
        transact_ns=0,
    )
    return OrderSubject(
        desk, terms, security, Decimal(MM), 0, MarkUsed(Decimal(100), "marks", 0, "composite"), lambda _: None
    )


def value(field: Field, of: OrderSubject) -> Any:
    return field.getter(of, 30) if field.windowed else field.getter(of)


def test_there_is_money_to_look_at() -> None:
    assert {"notional", "market_value", "adv", "amount_outstanding"} <= {each.name for each in MONEY}
    assert all(each.kind is not Kind.MONEY for each in catalogue().dealer_fields.values())


@pytest.mark.parametrize("field", MONEY, ids=lambda field: field.name)
def test_money_is_known_in_base_currency_alone(field: Field) -> None:
    assert value(field, subject(LIQUID)) is not None
    assert value(field, subject(SAME_BUT_FOREIGN, base_currency="EUR")) is not None
    assert value(field, subject(SAME_BUT_FOREIGN)) is None
    assert value(field, subject(LIQUID, base_currency="EUR")) is None


@pytest.mark.parametrize("field", catalogue().order_fields.values(), ids=lambda field: field.name)
def test_what_is_no_money_does_not_depend_on_the_currency(field: Field) -> None:
    if field.kind is Kind.MONEY or field.name == "currency":
        return
    assert value(field, subject(SAME_BUT_FOREIGN)) == value(field, subject(LIQUID))


@pytest.mark.parametrize("field", MONEY, ids=lambda field: field.name)
@pytest.mark.parametrize("comparison", ["> 0", ">= 1", "< 900bn", "<= 900bn", "!= 1"])
def test_no_rule_is_true_of_money_that_is_unknown(field: Field, comparison: str) -> None:
    """Neither what is above nor what is below a bound; the same order in base currency is."""
    word = f"{field.name}(30d)" if field.windowed else field.name
    text = f'rule "by size" when {word} {comparison}\n  ask top 1  wait 60s\n' + RULES
    decided = book(text, [each.id for each in DEALERS])
    for security, is_known in ((LIQUID, True), (SAME_BUT_FOREIGN, False)):
        of = subject(security)
        found = decided.decide(of, of, frozenset()).rule.title
        assert ("by size" in found) is is_known, (security.currency, found)


def test_an_order_in_a_foreign_currency_passes_no_limit_in_base_currency() -> None:
    """Whatever the limit is: the smallest order of unknown size is not sent."""
    money = [each.name for each in fields(RiskLimits) if "notional" in each.name]
    assert money == ["notional_max"]
    for most in (Decimal(1), Decimal(10) ** 15):
        world = scene(notional_max=most)
        order_id = world.order(EURO, "buy", 1, account="PARALLEL")
        assert not world.said(m.AskDealer)
        order = world.the(order_id)
        assert (order.state, order.note[:13]) == (OrderState.with_trader, "risk notional")


def test_a_dealers_own_limit_is_in_base_currency_too() -> None:
    assert [each.name for each in fields(Dealer) if "notional" in each.name] == ["notional_max"]
    dealers = tuple(dealer(name, notional_max=Decimal(MM)) for name in ("ash", "beech"))
    world = scene(dealers=dealers)
    world.order(LIQUID, "buy", MM, account="PARALLEL")
    assert world.asked() == ["ash", "beech"]
    world = scene(dealers=dealers)
    world.order(EURO, "buy", 1, account="PARALLEL")
    assert world.asked() == []


def test_two_orders_in_two_currencies_are_each_judged_by_their_own() -> None:
    """One after the other, in both orders: what is known of the one is not lent to the other."""
    for first, second in ((LIQUID, EURO), (EURO, LIQUID)):
        world = scene()
        for security in (first, second):
            world.order(security, "buy", MM, account="PARALLEL")
        opened = world.recorded(e.RfqOpened)
        (known,) = [each.order_id for each in opened]
        assert world.the(known).terms.security_id == LIQUID.security_id


def test_a_foreign_bond_by_any_other_field_is_the_same() -> None:
    assert replace(SAME_BUT_FOREIGN, currency="USD") == LIQUID
