"""Fills that cannot be booked as they stand: the reason that is shown, and what a person makes of them.

What a dealer says is said in bytes of its session. After every verdict the journal makes the same state again.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import orjson
import pytest
from desk_scene import BOND, MM, Scene, placed, rows
from test_counts import pages, quarantined, report, told

from engine.clock import utc_day
from engine.desk import decide
from engine.desk.apply import apply
from engine.desk.draft import Delivery
from engine.desk.placement.answers import take_fill
from engine.desk.state import DeskState
from engine.domain import events as e
from engine.domain import messages as m
from engine.domain.credit import CreditKind, CreditScope
from engine.domain.order import OrderState, Side
from engine.domain.placement import DkReason, PlacementState, Verdict
from engine.errors import CommandError
from engine.journal.events import events_codec

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


# --- what a person does about it -------------------------------------------------------------------

FILL = "F-000001"


def replays(world: Scene) -> None:
    """What the journal has of it makes the same state again."""
    codec, state = events_codec(), DeskState()
    for event in world.events:
        apply(state, codec.decode(*codec.encode(event)))
    assert rows(state) == rows(world.state)


def book(world: Scene, fill: str = FILL, reason: str = "said so by phone", **given: Any) -> dict[str, Any]:
    answer = world.command("quarantine.book", role="operator", fill=fill, reason=reason, **given)
    replays(world)
    return answer


def reject(world: Scene, fill: str = FILL, reason: str = "not our trade", **given: Any) -> dict[str, Any]:
    answer = world.command("quarantine.reject", role="operator", fill=fill, reason=reason, **given)
    replays(world)
    return answer


def told_no(world: Scene) -> list[m.DontKnowTrade]:
    return world.said(m.DontKnowTrade)


def waiting(world: Scene) -> int:
    count = world.command("status", role="viewer")["quarantined"]
    assert isinstance(count, int)
    return count


def refusal(world: Scene, name: str, role: str = "operator", **given: Any) -> str:
    with pytest.raises(CommandError) as caught:
        world.command(name, role=role, **given)
    return str(caught.value)


def test_a_fill_that_cannot_be_read_is_booked_as_a_person_says() -> None:
    world, order_id = placed()
    report(world, order_id, f"{PART} 31=99,95")
    assert waiting(world) == 1
    story = book(world, price="99.95")
    assert (story["state"], story["filled"]["filled"], waiting(world)) == ("booked", "400000", 0)
    [fill] = world.recorded(e.FillBooked)
    assert (fill.fill.quantity, fill.fill.price, fill.fill.dealer_exec_id) == (400_000, Decimal("99.95"), "E1")
    last = world.reports()[-1]
    assert (last.kind, last.ord_status, last.cum_quantity, last.leaves_quantity) == ("F", "1", 400_000, 600_000)
    assert (last.last_quantity, last.last_price, last.dealer_exec_id) == (400_000, Decimal("99.95"), "E1")
    assert last.text.startswith("booked from quarantine by kim: said so by phone")
    assert world.reports(copy=True)[-1] == last
    [settled] = world.recorded(e.QuarantineSettled)
    assert (settled.fill_id, settled.verdict, settled.actor, settled.reason, settled.exec_id) == (
        FILL, Verdict.booked, "person:kim", "said so by phone", last.exec_id,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("fill", "given", "booked"),
    [
        ("31=99.96", {}, (400_000, "99.96")),
        ("31=9.9", {}, (400_000, "9.9")),
        ("15=EUR 159=1 381=2 118=3", {}, (400_000, "99.95")),
        ("14=300000", {}, (400_000, "99.95")),
        ("32=4E5", {"quantity": "400k"}, (400_000, "99.95")),
        ("32=0", {"quantity": 400_000}, (400_000, "99.95")),
        ("423=2 31=4.71", {"price": "99.9"}, (400_000, "99.9")),
        ("31=99.96", {"price": "99.95"}, (400_000, "99.95")),
        ("11=never 37=-", {"order": "1"}, (400_000, "99.95")),
    ],
)
def test_each_kind_is_booked_under_its_own_name(fill: str, given: dict[str, Any], booked: tuple[int, str]) -> None:
    world, order_id = placed()
    report(world, order_id, f"{PART} {fill}")
    book(world, **given)
    [event] = world.recorded(e.FillBooked)
    assert (event.fill.quantity, event.fill.price) == (booked[0], Decimal(booked[1]))
    assert event.fill.order_id == order_id
    assert (event.fill.gross, event.fill.accrued) not in ((2, 1), (None, None)), (
        "amounts in another currency are not ours"
    )
    assert (world.the(order_id).filled, world.placement(order_id).filled) == (400_000, 400_000)


def test_a_fill_that_is_booked_moves_all_that_another_one_moves() -> None:
    world, order_id = placed()
    report(world, order_id, "17=E1 150=F 39=2 32=1000000 14=1000000 151=0 31=99.96")
    book(world)
    assert (world.the(order_id).state, world.placement(order_id).state) == (OrderState.filled, PlacementState.filled)
    assert (world.kinds()[-1], world.rfq(order_id).outcome) == ("F/2", "executed")


def test_what_a_last_word_counted_ends_the_acceptance_once_it_is_booked() -> None:
    """The cancel's count of item 1: freed when, and only when, the fill that it counts is booked."""
    world, order_id = placed("AUTO")
    report(world, order_id, f"{PART} 31=99,0")
    report(world, order_id, "17=E2 150=4 39=4 14=400000 151=0")
    assert (world.placement(order_id).reserved, world.accepted()) == (MM, ["ash"])
    book(world, price="99.95")
    assert world.accepted() == ["ash", "beech"]
    assert world.said(m.AcceptQuote)[-1].quantity == 600_000


def test_a_rejected_fill_is_told_to_the_dealer_the_oms_and_the_drop_copy() -> None:
    world, order_id = placed()
    report(world, order_id, f"{PART} 31=99.96 37=K7")
    story = reject(world)
    assert (story["state"], story["settled"]["dealer_told"], waiting(world)) == ("rejected", "sent", 0)
    placement = world.placement(order_id)
    assert told_no(world) == [
        m.DontKnowTrade(
            dealer="ash",
            order_id="K7",
            exec_id="E1",
            reason=DkReason.price_exceeds_limit,
            security_id=BOND.security_id,
            id_source="4",
            side=Side.buy,
            quantity=Decimal(MM),
            last_quantity=Decimal(400_000),
            last_price=Decimal("99.96"),
            text="not our trade",
        )
    ]
    [send] = [each for each in world.sends if isinstance(each.said, m.DontKnowTrade)]
    assert (send.session, send.delivery) == (placement.session, Delivery.at_most_once)
    for session, copy in (("oms", False), ("dropcopy", True)):
        told = [each.said for each in world.sends if each.session == session and each.copy is copy][-1]
        assert isinstance(told, m.OrderReport)
        assert (told.kind, told.ord_status, told.cum_quantity, told.exec_id) == ("I", "0", 0, "0")
        assert told.text == "not booked: 400000 at 99.96 that ash reported as E1; rejected by kim: not our trade"
    assert (world.the(order_id).filled, placement.reserved) == (0, MM)


@pytest.mark.parametrize(
    ("fill", "given", "said"),
    [
        ("48=US0", {}, {"reason": DkReason.unknown_symbol, "security_id": "US0"}),
        ("48=- 22=- 31=99,0", {"dk": "wrong_side"}, {"reason": DkReason.wrong_side, "security_id": BOND.security_id}),
        ("54=2", {}, {"reason": DkReason.wrong_side, "side": Side.sell}),
        ("31=99,0", {}, {"reason": DkReason.other, "last_price": None}),
        ("31=99,0 37=-", {}, {"order_id": ""}),
        ("11=never 37=- 38=700000", {}, {"reason": DkReason.no_matching_order, "quantity": Decimal(700_000)}),
        ("11=never 37=-", {}, {"quantity": Decimal(400_000), "dealer": ""}),
        ("32=1000001", {}, {"reason": DkReason.quantity_exceeds_order, "quantity": Decimal(MM)}),
    ],
)
def test_what_the_dealer_is_told(fill: str, given: dict[str, Any], said: dict[str, Any]) -> None:
    world, order_id = placed()
    report(world, order_id, f"{PART} {fill}")
    reject(world, **given)
    [no] = told_no(world)
    assert {name: getattr(no, name) for name in said} == said


def test_the_doubt_of_a_last_word_without_a_count_goes_with_the_rejected_fill() -> None:
    world, order_id = placed("AUTO")
    report(world, order_id, f"{PART} 31=99,0")
    report(world, order_id, f"{PART} 31=98,0 17=E2")
    report(world, order_id, "17=E3 150=4 39=4")
    assert pages(world)[-1] == "canceled without CumQty(14), and 800000 waits in quarantine"
    reject(world)
    assert world.accepted() == ["ash"], "the other one may have traded"
    reject(world, "F-000002")
    assert world.accepted() == ["ash", "beech"]


def test_a_rejected_fill_that_the_dealer_counts_stays_in_doubt_until_it_takes_it_back() -> None:
    world, order_id = placed("AUTO")
    report(world, order_id, f"{PART} 31=99,0")
    report(world, order_id, "17=E3 150=4 39=4 14=400000 151=0")
    reject(world)
    assert (world.accepted(), world.placement(order_id).reserved) == (["ash"], MM)
    assert world.placement(order_id).evidence == (
        "the dealer says 400000 is filled, 0 is booked; 400000 was rejected by kim: the dealer has to take it back"
    )
    report(world, order_id, "17=E4 150=I 39=4 14=0 151=0")
    assert world.accepted() == ["ash", "beech"]


# --- what it must not do ---------------------------------------------------------------------------


def test_what_is_settled_is_settled() -> None:
    world, order_id = placed()
    report(world, order_id, f"{PART} 31=99.96")
    assert refusal(world, "quarantine.book", role="trader", fill=FILL, reason="x") == (
        "quarantine.book needs role operator; kim is trader"
    )
    assert refusal(world, "quarantine.reject", role="viewer", fill=FILL, reason="x") == (
        "quarantine.reject needs role operator; kim is viewer"
    )
    assert refusal(world, "quarantine.book", fill="7", reason="x") == (
        "no fill 7 in quarantine: 'quarantine list' shows them"
    )
    assert "missing parameter 'reason'" in refusal(world, "quarantine.reject", fill=FILL)
    assert waiting(world) == 1
    book(world)
    for name in ("quarantine.book", "quarantine.reject"):
        words = refusal(world, name, fill="1", reason="x")
        assert words.startswith(f"{FILL} waits no more: booked at ")
        assert words.endswith("by kim as E-000003: said so by phone")
    report(world, order_id, "17=E9 150=F 39=1 32=400000 14=800000 31=99.97")
    reject(world, "2")
    for name in ("quarantine.book", "quarantine.reject"):
        words = refusal(world, name, fill="F-000002", reason="x")
        assert words.startswith("F-000002 waits no more: rejected at ")
        assert words.endswith("by kim: not our trade")
    assert len(told_no(world)) == 1


def test_what_is_not_a_fill_of_that_order_is_not_booked() -> None:
    world, order_id = placed()
    other = world.order(BOND, "sell", MM, account="PARALLEL", cl_ord_id="other")
    for exec_id, fill in (("A", "48=US0"), ("B", "54=2"), ("C", "11=never 37=-"), ("D", "31=99,0 32=x")):
        report(world, order_id, f"{PART} 17={exec_id} {fill}")
    words = [refusal(world, "quarantine.book", fill=str(number), reason="x") for number in (1, 2, 3, 4)]
    anew = "have the dealer report it anew, or reject it"
    assert words == [
        f"F-000001 is of US0, order {order_id} is of {BOND.security_id}: {anew}",
        f"F-000002 is a sell, order {order_id} is to buy: {anew}",
        "F-000003 names nothing we ordered (never): say whose fill it is with --order, or reject it",
        f"F-000004 cannot be read (LastQty(32)=x: {A_QUANTITY}; LastPx(31)=99,0: {A_PRICE}): "
        "say what the dealer traded with --quantity and --price",
    ]
    assert refusal(world, "quarantine.book", fill="3", order=other, reason="x") == (
        f"nothing was accepted over session ash for order {other}: it cannot have filled it"
    )
    assert refusal(world, "quarantine.book", fill="4", order=other, reason="x") == (
        f"F-000004 is a fill of order {order_id}, not of {other}"
    )
    assert (waiting(world), world.recorded(e.FillBooked)) == (4, [])


def test_more_than_the_order_is_booked_only_if_a_person_says_so() -> None:
    world, order_id = placed()
    report(world, order_id, "17=E1 150=F 39=2 32=1000000 14=1000000 151=0")
    report(world, order_id, "17=E2 150=F 39=2 32=200000 14=1200000 151=0")
    assert refusal(world, "quarantine.book", fill=FILL, reason="x") == (
        f"{FILL}: 200,000 is 200,000 more than order {order_id} has left (1,000,000 of 1,000,000 is filled). "
        "If the dealer did trade it, book it with --over"
    )
    story = book(world, over=True)
    assert story["settled"]["beyond"] == "200000"
    last = world.reports()[-1]
    assert (last.kind, last.ord_status, last.quantity, last.cum_quantity, last.leaves_quantity) == (
        "F", "2", MM, 1_200_000, 0,
    )  # fmt: skip
    assert last.text.startswith("200000 beyond the order; booked from quarantine by kim: said so by phone")
    assert (world.the(order_id).filled, world.placement(order_id).reserved) == (1_200_000, 0)
    assert world.state.dealt_on(CreditScope(CreditKind.dealer, "ash"), utc_day(world.now.utc_ns)) == 1_200_000


def test_what_another_dealer_may_still_fill_counts_and_is_called_back() -> None:
    world, order_id = placed()
    first = world.placement(order_id)
    report(world, order_id, "17=E1 150=F 39=1 32=400000 14=400000 31=99.96")
    world.command("order.force_state", role="operator", order=order_id, reason="they say no")
    world.command("execute", order=order_id, dealer="beech")
    second = world.placement(order_id)
    assert second.reserved == MM
    assert refusal(world, "quarantine.book", fill=FILL, reason="x") == (
        f"{FILL}: 400,000 is 400,000 more than order {order_id} has left "
        "(0 of 1,000,000 is filled, 1,000,000 is unanswered at beech). If the dealer did trade it, book it with --over"
    )
    book(world, over=True)
    assert [f.placement_id for f in world.said(m.CancelPlacement)] == [second.placement_id]
    assert (world.the(order_id).filled, world.state.placements[first.placement_id].filled) == (400_000, 400_000)


def test_a_fill_of_an_order_that_has_ended_is_booked() -> None:
    world, order_id = placed()
    report(world, order_id, f"{PART} 31=99.96")
    world.command("order.force_state", role="operator", order=order_id, reason="they say no")
    world.cancel(order_id)
    assert world.the(order_id).state is OrderState.canceled
    book(world)
    last = world.reports()[-1]
    assert (last.kind, last.ord_status, last.cum_quantity, last.leaves_quantity) == ("F", "4", 400_000, 0)
    assert world.the(order_id).state is OrderState.canceled


def test_a_fill_of_a_bond_that_is_gone_is_booked_and_its_money_is_not_known() -> None:
    world, order_id = placed()
    report(world, order_id, f"{PART} 31=99.96")
    world.command("order.force_state", role="operator", order=order_id, reason="they say no")
    world.cancel(order_id)
    world.desk.securities = {key: bond for key, bond in world.desk.securities.items() if key != BOND.security_id}
    assert world.command("quarantine.list", role="viewer")["fills"][0]["security"] == BOND.security_id
    book(world)
    [event] = world.recorded(e.FillBooked)
    assert (event.fill.gross, event.fill.accrued, event.fill.net) == (None, None, None)
    assert "the bond is in the securities no more" in world.reports()[-1].text


# --- the dealer is told ----------------------------------------------------------------------------


def test_the_no_waits_for_a_session_that_is_down() -> None:
    world, order_id = placed()
    report(world, order_id, f"{PART} 31=99.96")
    world.drop("ash")
    story = reject(world)
    assert (story["settled"]["dealer_told"], told_no(world)) == ("waits", [])
    world.advance(3_600)
    assert told_no(world) == []
    world.restore("ash")
    assert [each.exec_id for each in told_no(world)] == ["E1"]
    world.drop("ash")
    world.restore("ash")
    assert len(told_no(world)) == 1
    replays(world)


def test_a_no_that_waits_too_long_is_told_to_a_person_instead() -> None:
    world, order_id = placed()
    report(world, order_id, f"{PART} 31=99.96")
    world.drop("ash")
    reject(world)
    world.advance(24 * 3_600 + 1)
    page = world.pages()[-1]
    assert (page.body["what"], page.body["fill"]) == ("rejection not delivered", FILL)
    world.restore("ash")
    assert told_no(world) == []
    story = reject(world, reason="once more")
    assert (story["settled"]["dealer_told"], [each.text for each in told_no(world)]) == ("sent", ["once more"])


def test_a_no_that_did_not_arrive_is_a_persons_to_repeat() -> None:
    world, order_id = placed()
    report(world, order_id, f"{PART} 31=99.96")
    reject(world)
    [send] = [each for each in world.sends if isinstance(each.said, m.DontKnowTrade)]
    world.fill_over(send.outbox_id)
    assert world.pages()[-1].body["what"] == "rejection not delivered"
    assert len(told_no(world)) == 1, "never by itself"
    world.restore("ash")
    assert len(told_no(world)) == 1
    reject(world, reason="once more")
    assert len(told_no(world)) == 2
    world.fill_over(send.outbox_id)
    story = world.command("quarantine.show", role="viewer", fill=FILL)
    assert story["settled"]["dealer_told"] == "sent", "that was the first one"


def test_a_no_that_never_left_is_said_again_soon() -> None:
    world, order_id = placed()
    report(world, order_id, f"{PART} 31=99.96")
    reject(world)
    [send] = [each for each in world.sends if isinstance(each.said, m.DontKnowTrade)]
    world.withhold(send.outbox_id, "full: 1000 messages wait for a resend to end")
    assert len(told_no(world)) == 1
    world.advance(60)
    assert len(told_no(world)) == 2
    replays(world)


def test_a_dealer_that_refuses_our_no_is_a_persons() -> None:
    world, order_id = placed()
    report(world, order_id, f"{PART} 31=99.96")
    reject(world)
    [send] = [each for each in world.sends if isinstance(each.said, m.DontKnowTrade)]
    draft = world.draft()
    decide.refused(draft, "ash", m.RefusedByPeer(9, "Q", "", "BusinessRejectReason(380)=3 no DK here"), send.outbox_id)
    world.keep(draft)
    assert world.pages()[-1].body["reason"] == "refused by the dealer's engine: BusinessRejectReason(380)=3 no DK here"


# --- said again ------------------------------------------------------------------------------------


def test_a_copy_of_a_fill_that_was_booked_is_a_copy() -> None:
    world, order_id = placed()
    report(world, order_id, f"{PART} 31=99,95")
    book(world, price="99.95")
    report(world, order_id, f"{PART} 31=99,95 97=Y")
    report(world, order_id, f"{PART} 31=99.95 97=Y")
    assert (len(world.recorded(e.FillRepeated)), waiting(world), told(world)) == (2, 0, 400_000)
    report(world, order_id, f"{PART} 31=99.90")
    assert (waiting(world), told(world)) == (1, 400_000), "that is another one"
    assert [each["state"] for each in world.command("quarantine.list", role="viewer")["fills"]] == ["waits", "booked"]


def test_a_copy_of_a_fill_that_was_rejected_is_not_booked() -> None:
    world, order_id = placed()
    report(world, order_id, f"{PART} 31=99.96")
    reject(world)
    known = len(world.pages())
    report(world, order_id, f"{PART} 31=99.96 97=Y")
    assert len(world.pages()) == known, "a possible resend says nothing new"
    report(world, order_id, f"{PART} 31=99.96")
    assert (world.the(order_id).filled, waiting(world), len(told_no(world))) == (0, 0, 1)
    assert world.command("quarantine.show", role="viewer", fill=FILL)["settled"]["repeats"] == 2
    replays(world)


def test_a_dealer_that_insists_is_a_persons_once() -> None:
    world, order_id = placed()
    report(world, order_id, f"{PART} 31=99.96")
    reject(world)
    known = len(world.pages())
    for _ in range(3):
        report(world, order_id, f"{PART} 31=99.96")
    assert [each.body["what"] for each in world.pages()[known:]] == ["rejected fill reported again"]


def test_a_rejected_fill_that_comes_as_it_should_is_booked() -> None:
    world, order_id = placed()
    report(world, order_id, f"{PART} 31=99.96")
    reject(world)
    report(world, order_id, f"{PART} 31=99.95")
    assert (world.the(order_id).filled, waiting(world)) == (400_000, 0)


def test_a_fill_that_comes_again_as_it_should_waits_no_more() -> None:
    world, order_id = placed()
    report(world, order_id, f"{PART} 31=99,95")
    report(world, order_id, f"{PART} 31=99.95")
    assert (world.the(order_id).filled, waiting(world)) == (400_000, 0)
    story = world.command("quarantine.show", role="viewer", fill=FILL)
    assert (story["state"], story["settled"]["by"]) == ("came again", "dealer:ash")
    replays(world)


def test_a_copy_of_nothing_we_ordered_knows_what_was_decided() -> None:
    world, order_id = placed()
    report(world, order_id, f"{PART} 11=never 37=-")
    book(world, order=order_id)
    report(world, order_id, f"{PART} 11=never 37=- 97=Y")
    assert (len(world.recorded(e.FillRepeated)), waiting(world), told(world)) == (1, 0, 400_000)


# --- looking ---------------------------------------------------------------------------------------


def test_those_that_wait_come_first() -> None:
    world, order_id = placed()
    for exec_id in ("A", "B", "C"):
        report(world, order_id, f"{PART} 31=99.96 17={exec_id}")
        world.advance(60)
    reject(world, "2")
    answer = world.command("quarantine.list", role="viewer")
    assert [(each["fill"], each["state"]) for each in answer["fills"]] == [
        ("F-000001", "waits"), ("F-000003", "waits"), ("F-000002", "rejected"),
    ]  # fmt: skip
    assert [each["age_s"] for each in answer["fills"]] == [180, 60, None]
    first = answer["fills"][0]
    assert (first["dealer"], first["order"], first["quantity"], first["price"], first["reason"]) == (
        "ash", order_id, "400000", "99.96", "99.96 is worse than the quoted 99.95",
    )  # fmt: skip
    for state, count in (("open", 2), ("settled", 1), ("all", 3)):
        assert len(world.command("quarantine.list", role="viewer", state=state)["fills"]) == count
    assert len(world.command("quarantine.list", role="viewer", limit=1)["fills"]) == 1


def test_the_whole_story_of_one() -> None:
    world, order_id = placed()
    report(world, order_id, "17=E0 150=F 39=1 32=200000 14=200000 151=800000")
    report(world, order_id, "17=E1 150=F 39=2 32=900000 14=1100000 151=0 31=99.96")
    before = rows(world.state)
    story = world.command("quarantine.show", role="viewer", fill="1")
    assert rows(world.state) == before
    assert "\x0117=E1\x01" in story["report"]
    assert [(each["dealer_exec_id"], each["quantity"]) for each in story["booked"]] == [("E0", "200000")]
    assert story["dealer_counts"] == {"status": "filled", "filled": "1100000", "left": "0", "last_counted": None}
    assert story["book"] == (
        f"{FILL}: 900,000 is 100,000 more than order {order_id} has left (200,000 of 1,000,000 is filled). "
        "If the dealer did trade it, book it with --over"
    )
    assert story["reject"] == (
        "DontKnowTrade(Q) with DKReason(127)=C (quantity exceeds order) to ash; 800,000 stays reserved until ash "
        "answers for it"
    )
    report(world, order_id, "17=E2 150=F 39=2 32=800000 14=1000000 151=0 31=99.96")
    assert world.command("quarantine.show", role="viewer", fill="2")["book"] == (
        f"a fill of 800,000 at 99.96 for {order_id}: 1,000,000 of 1,000,000 filled, order filled; "
        "told to OMS and drop copy"
    )


def test_what_an_earlier_version_put_there_can_be_settled() -> None:
    world, order_id = placed()
    report(world, order_id, f"{PART} 31=99.96")
    report(world, order_id, f"{PART} 31=99,96 17=E2")
    codec, old = events_codec(), DeskState()
    for event in world.events:
        name, version, body = codec.encode(event)
        if isinstance(event, e.FillQuarantined):
            record = orjson.loads(body)
            del record["report"], record["dk"]
            version, body = 2, orjson.dumps(record)
        apply(old, codec.decode(name, version, body))
    world.state = old
    story = world.command("quarantine.show", role="viewer", fill=FILL)
    assert (story["report"], story["quantity"], story["price"]) == (None, "400000", "99.96")
    world.command("quarantine.book", role="operator", fill=FILL, reason="x")
    assert world.the(order_id).filled == 400_000
    world.command("quarantine.reject", role="operator", fill="2", reason="x")
    [no] = told_no(world)
    assert (no.exec_id, no.security_id, no.quantity, no.last_price) == ("E2", BOND.security_id, MM, None)


# --- one execution, told twice ---------------------------------------------------------------------


def test_a_second_fill_under_a_booked_name_needs_a_persons_word() -> None:
    world, order_id = placed()
    report(world, order_id, PART)
    report(world, order_id, "17=E1 150=F 39=1 32=300000 14=700000")
    [booked] = world.recorded(e.FillBooked)
    assert refusal(world, "quarantine.book", fill=FILL, reason="x") == (
        f"{FILL}: {booked.fill.exec_id} is booked of it already, 400,000 at 99.95 under ExecID E1. "
        "If the dealer traded both, book it with --second"
    )
    assert refusal(world, "quarantine.reject", fill=FILL, reason="x") == (
        f"{FILL}: DontKnowTrade(Q) would name ExecID E1, under which {booked.fill.exec_id} is booked: "
        "agree on it with the dealer, and reject it with --untold"
    )
    story = world.command("quarantine.show", role="viewer", fill=FILL)
    assert story["book"].endswith("--second")
    assert story["reject"].endswith("--untold")
    reject(world, untold=True)
    assert (told_no(world), waiting(world), told(world)) == ([], 0, 400_000)
    report(world, order_id, "17=E1 150=F 39=1 32=200000 14=600000")
    book(world, "F-000002", second=True)
    assert (told(world), world.placement(order_id).filled) == (600_000, 600_000)
    report(world, order_id, f"{PART} 97=Y")
    report(world, order_id, "17=E1 150=F 39=1 32=200000 14=600000 97=Y")
    assert (told(world), waiting(world), len(world.recorded(e.FillRepeated))) == (600_000, 0, 2)
    with pytest.raises(CommandError, match="waits no more"):
        reject(world)


def test_a_trade_report_of_a_fill_that_waits_is_settled_with_it() -> None:
    """An 8 and an AE of one trade are two in quarantine, and one booking."""
    world, order_id = placed()
    report(world, order_id, f"{PART} 31=99.96")
    kept = world.state.quarantine[FILL]
    ae = replace(kept.report, exec_id="T1", trade_report_id="T1", secondary_exec_id="E1", cum_quantity=None)
    draft = world.draft()
    take_fill(draft, "ash", world.placement(order_id), ae)
    world.keep(draft)
    assert waiting(world) == 2
    book(world)
    assert (waiting(world), told(world)) == (0, 400_000)
    assert world.state.quarantine["F-000002"].verdict is Verdict.came_again


# --- the dealer takes it back ----------------------------------------------------------------------

BUST = "17=H1 150=H 19=E1 39=0 14=0 151=1000000 32=- 31=-"


def test_a_fill_in_quarantine_that_is_taken_back_waits_no_more() -> None:
    world, order_id = placed("AUTO")
    first = world.placement(order_id).placement_id
    report(world, order_id, f"{PART} 31=99.96")
    report(world, order_id, f"{BUST} 58=mistake 39=4 151=0")
    assert (waiting(world), world.recorded(e.FillBooked)) == (0, [])
    kept = world.state.quarantine[FILL]
    assert (kept.verdict, kept.settled_by) == (Verdict.taken_back, "dealer:ash")
    assert world.accepted() == ["ash", "beech"], "and what else it says is heard"
    report(world, order_id, f"{BUST} 11={first} 39=4 151=0 97=Y")
    assert waiting(world) == 0
    replays(world)


def test_a_bust_of_a_fill_that_was_booked_or_rejected_knows_it() -> None:
    world, order_id = placed()
    report(world, order_id, f"{PART} 31=99.96")
    report(world, order_id, "17=E2 150=F 39=1 32=100000 14=500000 31=99.97")
    book(world)
    reject(world, "F-000002")
    report(world, order_id, "17=H2 150=H 19=E2 39=1 14=400000 151=600000 32=- 31=-")
    assert [stray.text for stray in world.recorded(e.StrayMessage)] == ["takes E2 back, which was rejected"]
    assert (waiting(world), world.the(order_id).filled) == (0, 400_000)
    report(world, order_id, BUST)
    assert (world.reports()[-1].kind, world.reports()[-1].cum_quantity) == ("H", 0)
    assert (waiting(world), world.the(order_id).filled) == (0, 0)
    replays(world)


def test_a_bust_takes_back_what_waits_under_the_same_name_too() -> None:
    world, order_id = placed()
    report(world, order_id, PART)
    report(world, order_id, "17=E1 150=F 39=1 32=300000 14=700000")
    report(world, order_id, BUST)
    assert (world.the(order_id).filled, waiting(world)) == (0, 0)
    assert world.state.quarantine[FILL].verdict is Verdict.taken_back


def test_a_change_that_waits_is_rejected_and_never_booked() -> None:
    world, order_id = placed()
    report(world, order_id, PART)
    report(world, order_id, "17=G1 150=G 19=E1 39=1 32=400000 31=99.99 14=400000")
    assert refusal(world, "quarantine.book", fill=FILL, reason="x") == (
        f"{FILL} is a trade cancel or correction: it cannot be booked as a fill. Have the dealer say it anew, "
        "as it can be carried out, or reject it"
    )
    reject(world)
    assert ([each.exec_id for each in told_no(world)], told(world)) == (["G1"], 400_000)
