"""Fills that cannot be booked as they stand: the reason that is shown, as bytes of the dealer's session."""

from __future__ import annotations

import pytest
from desk_scene import BOND, MM, placed
from test_counts import quarantined, report

from engine.domain import events as e
from engine.domain.messages import DkReason

pytestmark = pytest.mark.starts("noon")
"""Nothing here is about the time."""

A_QUANTITY = "expected a quantity such as 1000000"
A_PRICE = "expected a price such as 99.25"
NO_SOURCE = "SecurityIDSource(22)=5: expected 4 (ISIN) or 1 (CUSIP)"
PART = "17=E1 150=F 39=1 32=400000 14=400000"


# --- why ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fill", "reason"),
    [
        ("31=99,0", "LastPx(31)=99,0: expected a price such as 99.25"),
        ("31=9.9e1", "LastPx(31)=9.9e1: expected a price such as 99.25"),
        ("31=99.0.0", "LastPx(31)=99.0.0: expected a price such as 99.25"),
        ("31=NaN", "LastPx(31)=NaN: expected a price such as 99.25"),
        ("31=0", "LastPx(31)=0: expected more than 0"),
        ("31=-1", "LastPx(31)=-1: expected more than 0"),
        ("31=-", "LastPx(31) is missing: expected a price such as 99.25"),
        ("32=1E6", "LastQty(32)=1E6: expected a quantity such as 1000000"),
        ("32=400,000", "LastQty(32)=400,000: expected a quantity such as 1000000"),
        ("32=0", "LastQty(32)=0: expected more than 0"),
        ("32=-400000", "LastQty(32)=-400000: expected more than 0"),
        ("32=-", "LastQty(32) is missing: expected a quantity such as 1000000"),
        ("32=" + "9" * 60, f"LastQty(32)={'9' * 37}...: expected a quantity such as 1000000"),
        ("32=x 31=y", f"LastQty(32)=x: {A_QUANTITY}; LastPx(31)=y: {A_PRICE}"),
        ("423=2", "PriceType(423)=2: expected 1, percent of par, or LastParPx(669) beside it"),
        ("423=2 669=z", "LastParPx(669)=z: expected a price such as 99.25"),
        ("423=2 669=0", "LastParPx(669)=0: expected more than 0"),
        ("15=ZZZ", "Currency(15)=ZZZ: expected USD"),
        ("15=EUR", "Currency(15)=EUR: expected USD"),
        ("48=US0", f"SecurityID(48)=US0: expected {BOND.security_id}"),
        ("22=5", f"SecurityID(48)={BOND.security_id} ({NO_SOURCE}): expected {BOND.security_id}"),
        ("54=2", "Side(54) is sell: expected buy"),
    ],
)  # fmt: skip
def test_the_reason_says_tag_value_and_what_was_expected(fill: str, reason: str) -> None:
    world, order_id = placed()
    report(world, order_id, f"{PART} {fill}")
    assert quarantined(world) == [reason]
    [page] = world.pages()
    assert (page.body["what"], page.body["reason"]) == ("fill quarantined", reason)
    assert world.the(order_id).filled == 0


@pytest.mark.parametrize("fill", ["", "423=1", "423=2 669=99.95 31=4.71", "15=USD", "54=-", "48=-"])
def test_what_is_odd_and_can_be_told_is_booked(fill: str) -> None:
    world, order_id = placed()
    report(world, order_id, f"{PART} {fill}")
    assert (quarantined(world), world.the(order_id).filled) == ([], 400_000)


@pytest.mark.parametrize(
    ("fill", "dk"),
    [
        ("11=never 37=-", DkReason.no_matching_order),
        ("48=US0", DkReason.unknown_symbol),
        ("54=2", DkReason.wrong_side),
        ("32=1000001", DkReason.quantity_exceeds_order),
        ("31=99.96", DkReason.price_exceeds_limit),
        ("31=9.9", DkReason.other),
        ("31=99,0", DkReason.other),
        ("15=EUR", DkReason.other),
    ],
)
def test_what_the_dealer_would_be_told_stands_beside_the_reason(fill: str, dk: DkReason) -> None:
    world, order_id = placed()
    report(world, order_id, f"{PART} {fill}")
    assert [event.dk for event in world.recorded(e.FillQuarantined)] == [dk]


def test_the_whole_report_is_kept_as_it_came() -> None:
    world, order_id = placed()
    report(world, order_id, f"{PART} 31=99,0 38={MM} 20001=own 554=secret")
    [event] = world.recorded(e.FillQuarantined)
    kept = event.report
    assert (kept.exec_id, kept.last_price, kept.last_quantity, kept.cum_quantity) == ("E1", None, 400_000, 400_000)
    assert (kept.bond_named, kept.order_quantity) == (("4", BOND.security_id), MM)
    assert kept.as_came.startswith("8=FIX.4.4\x01")
    assert "\x0131=99,0\x01" in kept.as_came
    assert "\x0120001=own\x01" in kept.as_came
    assert "secret" not in kept.as_came
    assert "\x01554=***\x01" in kept.as_came
