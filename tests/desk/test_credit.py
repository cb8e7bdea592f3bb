"""Credit limits that a feed delivers: in the gate, among candidates, beside the file's, over restarts."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from desk_builder import make_desk
from desk_past import DEALERS
from desk_scene import BOND, MM, RULES, Scene, book, rows, scene

from engine.desk.apply import apply
from engine.desk.state import DeskState
from engine.domain import events as e
from engine.domain import messages as m
from engine.errors import CommandError


def put(world: Scene, *rows: dict[str, Any]) -> dict[str, Any]:
    return world.command("credit_limits.put", actor="credit", role="feed", rows=list(rows))


def asked(world: Scene, order_id: str) -> list[str]:
    return [each.dealer for each in world.recorded(e.DealerAsked) if world.state.rfqs[each.rfq_id].order_id == order_id]


def reasons(world: Scene, quantity: int = MM) -> dict[str, str]:
    advice = world.command("recommend", security=BOND.security_id, side="buy", quantity=quantity)
    return {line["dealer"]: line["reason"] for line in advice["lines"]}


def filled(world: Scene, account: str = "PARALLEL", quantity: int = MM) -> None:
    """An order that ash fills."""
    order = world.order(BOND, "buy", quantity, account=account)
    for dealer, price in (("ash", "99.95"), ("beech", "99.97"), ("cedar", "100.05")):
        if dealer in asked(world, order):
            world.quote(dealer, price, order_id=order)
    world.command("execute", order=order, dealer="ash")
    world.fill(order, exec_id=f"X{len(world.events)}")


def test_a_dealer_is_not_asked_for_more_than_its_limit() -> None:
    world = scene()
    put(world, {"scope": "dealer:ash", "request_max": MM - 1})
    assert reasons(world)["ash"] == "its credit limit leaves 999,999"
    assert "ash" not in asked(world, world.order(BOND, "buy", MM, account="PARALLEL"))
    world = scene()
    put(world, {"scope": "dealer:ash", "request_max": MM - 1})
    assert "ash" in asked(world, world.order(BOND, "buy", MM - 1, account="PARALLEL"))


def test_what_was_dealt_today_and_what_is_unanswered_use_up_a_days_limit() -> None:
    world = scene()
    put(world, {"scope": "dealer:ash", "day_max": 3 * MM})
    filled(world)
    assert reasons(world, 2 * MM)["ash"].startswith("asked as no. ")
    assert reasons(world, 2 * MM + 1)["ash"] == "its credit limit leaves 2,000,000"
    order = world.order(BOND, "buy", 2 * MM, account="PARALLEL")
    for dealer in ("ash", "beech", "cedar"):
        world.quote(dealer, "99.95" if dealer == "ash" else "99.97", order_id=order)
    world.command("execute", order=order, dealer="ash")
    (limit,) = world.command("credit", role="viewer")["limits"]
    assert limit == {
        "scope": "dealer:ash", "request_max": None, "day_max": "3000000", "dealt": "3000000", "room": "0",
    }  # fmt: skip
    assert reasons(world)["ash"] == "its credit limit leaves 0"


def test_an_acceptance_is_held_against_it_too() -> None:
    world = scene()
    order = world.order(BOND, "buy", MM, account="PARALLEL")
    world.quote("ash", "99.95", order_id=order)
    put(world, {"scope": "dealer:ash", "request_max": 5})
    with pytest.raises(CommandError, match="1,000,000 is above the credit limit of 5 a request for dealer:ash"):
        world.command("execute", order=order, dealer="ash")
    assert not world.said(m.AcceptQuote)


@pytest.mark.parametrize(
    ("scope", "words"),
    [
        pytest.param("account:FUND-A", "for account:FUND-A", id="the account"),
        pytest.param(f"issuer:{BOND.issuer}", f"for issuer:{BOND.issuer}", id="the issuer"),
    ],
)
def test_limits_of_account_and_issuer_stop_the_order(scope: str, words: str) -> None:
    world = scene()
    put(world, {"scope": scope, "request_max": MM - 1}, {"scope": "account:ANOTHER", "request_max": 0})
    advice = world.command("recommend", security=BOND.security_id, side="buy", quantity=MM, account="FUND-A")
    assert advice["blocked"] == f"risk credit: 1,000,000 is above the credit limit of 999,999 a request {words}"
    order = world.order(BOND, "buy", MM, account="FUND-A")
    with pytest.raises(CommandError, match="above the credit limit of 999,999"):
        world.command("send", order=order)
    assert not world.said(m.AskDealer)
    put(world, {"scope": scope, "lift": True})
    world.command("send", order=order)
    assert asked(world, order)


def test_a_days_limit_of_an_issuer_counts_every_dealer_and_account() -> None:
    world = scene()
    put(world, {"scope": f"issuer:{BOND.issuer}", "day_max": 2 * MM})
    filled(world)
    advice = world.command("recommend", security=BOND.security_id, side="sell", quantity=MM + 1)
    assert "1,000,001 on top of 1,000,000 dealt today is above the credit limit of 2,000,000 a day" in advice["blocked"]


def test_what_was_dealt_yesterday_counts_no_more() -> None:
    world = scene()
    put(world, {"scope": "dealer:ash", "day_max": MM})
    filled(world)
    assert reasons(world)["ash"] == "its credit limit leaves 0"
    world.advance(86_400)
    world.mark()
    assert reasons(world)["ash"].startswith("asked as no. ")


def test_the_stricter_of_file_and_feed_holds() -> None:
    dealers = [replace(each, notional_max=Decimal(MM)) if each.id == "ash" else each for each in DEALERS]
    world = scene()
    world.desk.dealers = make_desk(dealers=dealers, book=book(RULES, [each.id for each in dealers])).dealers
    put(world, {"scope": "dealer:ash", "request_max": 2 * MM})
    assert reasons(world, 2 * MM)["ash"] == "its limit is 1,000,000"
    put(world, {"scope": "dealer:ash", "request_max": MM // 2})
    assert reasons(world, MM)["ash"] == "its credit limit leaves 500,000"


def test_a_row_that_is_wrong_is_named_and_stops_no_other() -> None:
    world = scene()
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"scope": "dealr:ash", "day_max": 1}, "scope: expected one of dealer:NAME, account:NAME, issuer:NAME"),
        ({"scope": "dealer:", "day_max": 1}, "scope: expected one of"),
        ({"scope": "dealer:asch", "day_max": 1}, "no dealer 'asch' (did you mean 'ash'?)"),
        ({"scope": "dealer:ash"}, "expected request_max, day_max or both, or lift"),
        ({"scope": "dealer:ash", "day_max": 1, "lift": True}, "expected request_max, day_max or both, or lift"),
        ({"scope": "dealer:ash", "day_max": -1}, "parameter 'day_max': expected an amount above 0"),
        ({"scope": "dealer:ash", "day_max": False}, "parameter 'day_max': expected an amount above 0"),
        ({"scope": "dealer:ash", "day_max": 1.5}, "parameter 'day_max': expected an amount above 0"),
        ({"scope": "dealer:ash", "daymax": 1}, "unknown parameter 'daymax' (did you mean 'day_max'?)"),
        ({"day_max": 1}, "missing parameter 'scope'"),
    ]
    told = put(world, *(row for row, _ in wrong), {"scope": "dealer:ash", "day_max": "0"})
    assert told["taken"] == 1
    for place, (each, (_, words)) in enumerate(zip(told["refused"], wrong, strict=True), 1):
        assert each["line"] == place
        assert words in each["reason"]
    (event,) = world.recorded(e.CreditLimitsPut)
    assert (event.actor, event.limits[0].day_max) == ("person:credit", 0)
    assert told["unmatched"] == []
    issuers = put(
        world, {"scope": "issuer:Varnholt Energie", "day_max": 1}, {"scope": f"issuer:{BOND.issuer}", "lift": True}
    )
    assert issuers["unmatched"] == ["issuer:Varnholt Energie"]
    for role in ("viewer", "trader"):
        with pytest.raises(CommandError, match="needs role feed"):
            world.command("credit_limits.put", role=role, rows=[{}])


def test_limits_and_what_was_dealt_come_out_of_their_events_again() -> None:
    world = scene()
    put(world, {"scope": "dealer:ash", "day_max": 3 * MM}, {"scope": "account:X", "request_max": 0})
    filled(world)
    folded = DeskState()
    for event in (*world.before, *world.events):
        apply(folded, event)
    assert folded.digest() == world.state.digest()
    for table in ("credit", "dealt"):
        assert rows(folded)[table] == rows(world.state)[table]
