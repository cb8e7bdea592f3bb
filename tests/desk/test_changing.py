"""An OMS replaces its order: at every stage, and in races with fills, cancels and refusals of dealers.

Reference: FIX 4.4 Volume 4, order state change matrices, "Cancel/Replace"; CxlRejReason(102), CxlRejResponseTo(434).
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from desk_scene import BOND, MM, Scene, placed, scene
from desk_start import start

from engine.clock import NS_PER_DAY, NS_PER_S
from engine.domain import events as e
from engine.domain import messages as m
from engine.domain.order import CancelProblem, Handling, OrderState, Side, TimeInForce


def told(report: m.OrderReport) -> tuple[str, str, int, int, int]:
    """ExecType(150), OrdStatus(39), OrderQty(38), CumQty(14), LeavesQty(151)."""
    numbers = (int(report.quantity), int(report.cum_quantity), int(report.leaves_quantity))
    return report.kind.value, report.ord_status.value, *numbers


def last(world: Scene) -> tuple[str, str, int, int, int]:
    return told(world.reports()[-1])


def refusals(world: Scene) -> list[tuple[CancelProblem, str]]:
    """CxlRejReason(102) and OrdStatus(39) of every answer to a replace."""
    said = world.said(m.CancelRefusal)
    assert all(each.to_replace for each in said)
    return [(each.code, each.ord_status.value) for each in said]


def nothing_too_much(world: Scene, order_id: str) -> None:
    """Filled and unanswered are never more than the order; no acceptance is left of an order that is over."""
    order, open_one = world.the(order_id), world.state.open_placement(order_id)
    reserved = open_one.reserved if open_one is not None else Decimal(0)
    assert order.filled + reserved <= order.terms.quantity
    assert order.open or open_one is None


def with_trader(**order: Any) -> tuple[Scene, str]:
    world = scene()
    return world, world.order(BOND, "buy", MM, account="HAND", **order)


def asking(**order: Any) -> tuple[Scene, str]:
    world = scene()
    return world, world.order(BOND, "buy", MM, account="PARALLEL", **order)


# --- nothing is with a dealer --------------------------------------------------------------------


def test_quantity_and_limit_of_an_order_that_nobody_was_asked_for() -> None:
    world, order_id = with_trader()
    ordered = world.the(order_id).terms.cl_ord_id
    world.replace(order_id, "g1", 2 * MM, limit_price=Decimal("99.5"))
    report, copy = world.reports()[-1], world.reports(copy=True)[-1]
    assert report == copy, "the drop copy sees it under the same ExecID(17)"
    assert told(report) == ("5", "0", 2 * MM, 0, 2 * MM)
    assert (report.cl_ord_id, report.orig_cl_ord_id, report.limit_price) == ("g1", ordered, Decimal("99.5"))
    order = world.the(order_id)
    assert (order.state, order.terms.quantity) == (OrderState.with_trader, 2 * MM)


def test_a_larger_order_is_shown_to_the_rules_again() -> None:
    world, order_id = with_trader()
    before = len([each for each in world.events if isinstance(each, e.OrderRecommended)])
    world.replace(order_id, "g1", 2 * MM)
    assert len([each for each in world.events if isinstance(each, e.OrderRecommended)]) == before + 1


def test_a_smaller_order_asks_nobody_anew() -> None:
    world, order_id = asking()
    for dealer in ("ash", "beech", "cedar"):
        world.declines(dealer, order_id)
    assert world.the(order_id).state is OrderState.with_trader
    world.replace(order_id, "g1", MM // 2)
    assert (len(world.asked()), last(world)) == (3, ("5", "0", MM // 2, 0, MM // 2))


def test_a_looser_limit_lets_the_rule_ask_again() -> None:
    world, order_id = asking(limit_price=Decimal("99"))
    for dealer in ("ash", "beech", "cedar"):
        world.declines(dealer, order_id)
    world.replace(order_id, "g1", limit_price=Decimal("101"))
    assert (len(world.asked()), world.the(order_id).state) == (6, OrderState.asking)


def test_names_follow_one_another() -> None:
    """Every ClOrdID(11) of the chain finds the order: by H, by the next G, by F."""
    world, order_id = with_trader()
    ordered = world.the(order_id).terms.cl_ord_id
    world.replace(order_id, "g1", 2 * MM)
    world.replace(order_id, "g2", 3 * MM)
    assert (world.reports()[-1].cl_ord_id, world.reports()[-1].orig_cl_ord_id) == ("g2", "g1")
    for name in (ordered, "g1", "g2"):
        answer = world.status(name)
        assert (answer.cl_ord_id, answer.quantity, answer.ord_status) == ("g2", 3 * MM, "0")
    world.replace(order_id, "g3", 4 * MM, orig_cl_ord_id=ordered)
    assert (world.reports()[-1].cl_ord_id, world.reports()[-1].orig_cl_ord_id) == ("g3", "g2")
    world.cancel(order_id, "f1", orig_cl_ord_id="g1")
    assert (world.reports()[-1].kind, world.reports()[-1].orig_cl_ord_id) == ("4", "g3")


@pytest.mark.parametrize(
    ("changes", "tif", "ends_ns"),
    [
        pytest.param({"tif": None}, TimeInForce.gtd, 5 * NS_PER_DAY, id="left out: as it is"),
        pytest.param(
            {"tif": TimeInForce.gtd, "expire_ns": 7 * NS_PER_DAY}, TimeInForce.gtd, 7 * NS_PER_DAY, id="later"
        ),
        pytest.param({"expire_ns": 2 * NS_PER_DAY}, TimeInForce.gtd, 2 * NS_PER_DAY, id="earlier, 59 left out"),
    ],
)
def test_time_in_force(changes: dict[str, Any], tif: TimeInForce, ends_ns: int) -> None:
    now_ns = start().utc_ns
    world, order_id = with_trader(tif=TimeInForce.gtd, expire_ns=now_ns + 5 * NS_PER_DAY)
    given = {name: now_ns + value if name == "expire_ns" else value for name, value in changes.items()}
    world.replace(order_id, "g1", **given)
    terms = world.the(order_id).terms
    assert (terms.tif, terms.expire_ns) == (tif, now_ns + ends_ns)
    world.advance(ends_ns / NS_PER_S + 1)
    assert world.kinds()[-1] == "C/C"


def test_an_order_that_becomes_manual_is_sent_by_no_rule() -> None:
    world, order_id = with_trader()
    world.replace(order_id, "g1", handling=Handling.manual)
    assert "HandlInst 3" in world.the(order_id).manual_reason
    world.replace(order_id, "g2", handling=Handling.automatic)
    assert world.the(order_id).manual_reason == ""


def test_a_stale_request_is_carried_out_but_asks_nobody() -> None:
    world, order_id = asking(limit_price=Decimal("99"))
    for dealer in ("ash", "beech", "cedar"):
        world.declines(dealer, order_id)
    world.advance(120)
    world.replace(order_id, "g1", 2 * MM, transact_ns=world.now.utc_ns - 100 * NS_PER_S)
    assert (len(world.asked()), last(world)) == (3, ("5", "0", 2 * MM, 0, 2 * MM))
    assert world.the(order_id).manual_reason.startswith("stale")


# --- refused -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "code", "text"),
    [
        pytest.param({"orig_cl_ord_id": "never"}, CancelProblem.unknown_order, "no order never", id="unknown 41"),
        pytest.param({"side": Side.sell}, CancelProblem.other, "Side(54) cannot be replaced", id="other side"),
        pytest.param({"security_id": "US9"}, CancelProblem.other, "SecurityID(48) cannot be", id="other bond"),
        pytest.param({"account": "B"}, CancelProblem.other, "Account(1) cannot be replaced", id="other account"),
        pytest.param({"currency": "EUR"}, CancelProblem.other, "Currency(15) cannot be replaced", id="other currency"),
        pytest.param({"settl_date": "20300101"}, CancelProblem.other, "SettlDate(64) cannot be", id="other day"),
        pytest.param({"settl_days": 3}, CancelProblem.other, "SettlType(63) cannot be", id="other settlement"),
        pytest.param({"settl_currency": "EUR"}, CancelProblem.other, "SettlCurrency(120)=EUR", id="paid otherwise"),
        pytest.param({"effective_ns": 2**62}, CancelProblem.other, "EffectiveTime(168)", id="later"),
        pytest.param({"quantity": -5}, CancelProblem.other, "must be positive, found -5", id="negative"),
        pytest.param({"limit_price": Decimal(1001)}, CancelProblem.other, "percent of par", id="a limit of 1001"),
        pytest.param({"problem": "CashOrderQty(152)"}, CancelProblem.other, "(152)", id="what the wire cannot say"),
    ],
)
def test_a_replace_that_cannot_be_is_refused_by_name(changes: dict[str, Any], code: CancelProblem, text: str) -> None:
    world, order_id = with_trader()
    before = world.the(order_id)
    world.replace(order_id, "g1", **changes)
    [nine] = world.said(m.CancelRefusal)
    assert (nine.to_replace, nine.code, nine.cl_ord_id) == (True, code, "g1")
    assert text in nine.text
    assert nine.ord_status == ("8" if code is CancelProblem.unknown_order else "0")
    assert world.the(order_id) == before


@pytest.mark.parametrize(("days", "texts"), [(1, []), (3, ["the order has T+3, found 0 (regular)"])])
def test_regular_settlement_is_refused_where_the_order_has_another_one(days: int, texts: list[str]) -> None:
    world, order_id = with_trader(settl_days=days)
    world.replace(order_id, "g1", 2 * MM, settl_is_regular=True)
    assert [nine.text.partition("cannot be replaced: ")[2] for nine in world.said(m.CancelRefusal)] == texts


def test_a_cl_ord_id_that_is_taken() -> None:
    world, order_id = with_trader()
    other = world.order(BOND, "sell", MM, account="HAND")
    for name in (world.the(order_id).terms.cl_ord_id, world.the(other).terms.cl_ord_id):
        world.replace(order_id, name, 2 * MM)
    assert refusals(world) == [(CancelProblem.duplicate, "0")] * 2


def test_the_same_request_again() -> None:
    """With PossResend(97)=Y it is answered by where the order stands; without, its ClOrdID(11) is taken."""
    world, order_id = with_trader()
    ordered = world.the(order_id).terms.cl_ord_id
    world.replace(order_id, "g1", 2 * MM)
    for changes in ({"possible_resend": True}, {}):
        world.replace(order_id, "g1", 2 * MM, orig_cl_ord_id=ordered, **changes)
    status = next(send.said for send in world.sends if getattr(send.said, "kind", None) is m.ReportKind.status)
    assert isinstance(status, m.OrderReport)
    assert (status.cl_ord_id, status.quantity) == ("g1", 2 * MM)
    assert refusals(world) == [(CancelProblem.duplicate, "0")]
    assert world.kinds().count("5/0") == 1


def test_an_order_that_has_ended() -> None:
    world, order_id = placed()
    world.fills(order_id)
    world.replace(order_id, "g1", 2 * MM)
    other = world.order(BOND, "sell", MM, account="HAND")
    world.cancel(other)
    world.replace(other, "g2", 2 * MM)
    assert refusals(world) == [(CancelProblem.too_late, "2"), (CancelProblem.too_late, "4")]


# --- while it is asked for -----------------------------------------------------------------------


def test_a_larger_order_is_asked_for_in_two_rounds() -> None:
    """The open round goes on with its own quantity; once it is executed the rule asks for what is left."""
    world, order_id = asking()
    world.replace(order_id, "g1", 3 * MM)
    assert (last(world), world.rfq(order_id).quantity) == (("5", "0", 3 * MM, 0, 3 * MM), MM)
    world.says("ash", "99.95", order_id)
    world.command("execute", order=order_id)
    assert world.placement(order_id).quantity == MM
    world.fills(order_id)
    world.advance(1)
    order = world.the(order_id)
    assert (order.state, order.rounds, order.filled, world.rfq(order_id).quantity) == (
        OrderState.asking,
        2,
        MM,
        2 * MM,
    )


def test_a_smaller_order_takes_less_of_a_quote() -> None:
    world, order_id = asking()
    world.says("ash", "99.95", order_id)
    world.replace(order_id, "g1", MM // 4)
    world.command("execute", order=order_id)
    assert world.placement(order_id).quantity == MM // 4
    world.fills(order_id)
    assert last(world) == ("F", "2", MM // 4, MM // 4, 0)


def test_a_tighter_limit_puts_quotes_out_of_reach() -> None:
    world = scene()
    order_id = world.order(BOND, "buy", MM, account="PARALLEL")
    for dealer in ("ash", "beech", "cedar"):
        world.says(dealer, "99.95", order_id)
    world.replace(order_id, "g1", limit_price=Decimal("99.9"))
    assert world.accepted() == []
    assert world.the(order_id).state is OrderState.with_trader


# --- an acceptance is unanswered -----------------------------------------------------------------


def less(world: Scene, order_id: str) -> None:
    world.replace(order_id, "g1", MM // 2)


def tighter(world: Scene, order_id: str) -> None:
    world.replace(order_id, "g1", limit_price=Decimal("99.9"))


@pytest.mark.parametrize("act", [less, tighter])
@pytest.mark.parametrize("known", [False, True], ids=["in doubt", "acknowledged"])
def test_it_waits_for_the_dealer_and_is_carried_out_at_its_no(act: Callable[[Scene, str], None], known: bool) -> None:
    world, order_id = placed()
    ordered = world.the(order_id).terms.cl_ord_id
    if known:
        world.reports_of(order_id, m.DealerWord.acknowledged, status="0")
    act(world, order_id)
    pending = world.reports()[-1]
    assert told(pending) == ("E", "E", MM, 0, MM), "the old terms stand until then"
    assert (pending.cl_ord_id, pending.orig_cl_ord_id) == ("g1", ordered)
    assert [each.placement_id for each in world.said(m.CancelPlacement)] == [world.placement(order_id).placement_id]
    assert world.status("g1").ord_status == "E"
    world.reports_of(order_id, m.DealerWord.canceled, status="4")
    assert (world.kinds()[-1], world.the(order_id).terms.cl_ord_id, world.the(order_id).wanted) == ("5/0", "g1", None)
    world.advance(0)
    order = world.the(order_id)
    assert (order.state, order.rounds) == (OrderState.asking, 2), "the rule book goes on, by the new terms"
    assert world.rfq(order_id).quantity == order.terms.quantity
    nothing_too_much(world, order_id)


def test_called_back_by_a_cancel_that_was_not_to_be_it_is_a_persons() -> None:
    """Only the order system's own wish for other terms lets the rule book look again."""
    world, order_id = placed()
    less(world, order_id)
    world.cancel(order_id, "f1")
    world.reports_of(order_id, m.DealerWord.canceled, status="4")
    assert (world.the(order_id).state, world.the(order_id).rounds) == (OrderState.canceled, 1)


@pytest.mark.parametrize("act", [less, tighter])
def test_the_dealer_was_faster(act: Callable[[Scene, str], None]) -> None:
    world, order_id = placed()
    act(world, order_id)
    world.fills(order_id)
    assert last(world) == ("F", "2", MM, MM, 0)
    assert refusals(world) == [(CancelProblem.too_late, "2")]


def test_a_part_was_faster_and_is_more_than_is_wanted() -> None:
    """FIX 4.4 Vol 4: OrderQty(38) below CumQty(14) is amended to it, and the order is filled."""
    world, order_id = placed()
    world.replace(order_id, "g1", 300_000)
    world.fills(order_id, 400_000)
    assert last(world) == ("F", "E", MM, 400_000, 600_000), "still pending"
    world.reports_of(order_id, m.DealerWord.canceled, status="4")
    report = world.reports()[-1]
    assert told(report) == ("5", "2", 400_000, 400_000, 0)
    assert "amended to 400000" in report.text
    assert (world.the(order_id).state, world.rfq(order_id).open) == (OrderState.filled, False)


@pytest.mark.parametrize("wanted", [400_000, 300_000, 1])
def test_down_to_what_is_filled_ends_an_order(wanted: int) -> None:
    world, order_id = placed()
    world.fills(order_id, 400_000)
    world.reports_of(order_id, m.DealerWord.canceled, status="4")
    world.replace(order_id, "g1", wanted)
    assert last(world) == ("5", "2", 400_000, 400_000, 0)
    assert world.the(order_id).state is OrderState.filled
    assert not world.rfq(order_id).open


def test_more_is_taken_at_once() -> None:
    """What the dealer may fill is within the new terms, too: there is nothing to wait for."""
    world, order_id = placed()
    world.replace(order_id, "g1", 2 * MM, limit_price=Decimal(100))
    assert (last(world), world.said(m.CancelPlacement)) == (("5", "0", 2 * MM, 0, 2 * MM), [])
    world.fills(order_id)
    assert last(world) == ("F", "1", 2 * MM, MM, MM)
    world.advance(1)
    assert (world.the(order_id).rounds, world.rfq(order_id).quantity) == (2, MM)


def test_a_cancel_overtakes_a_replace_that_is_pending() -> None:
    world, order_id = placed()
    world.replace(order_id, "g1", MM // 2)
    world.cancel(order_id, "f1", orig_cl_ord_id="g1")
    assert refusals(world) == [(CancelProblem.too_late, "0")]
    assert world.kinds()[-1] == "6/6"
    world.reports_of(order_id, m.DealerWord.canceled, status="4")
    assert world.kinds()[-1] == "4/4"
    assert len(world.said(m.CancelPlacement)) == 1


def test_a_second_request_while_one_is_pending() -> None:
    world, order_id = placed()
    world.replace(order_id, "g1", MM // 2)
    world.replace(order_id, "g2", MM // 4, orig_cl_ord_id="g1")
    assert refusals(world) == [(CancelProblem.already_pending, "E")]
    other, canceled = placed()
    other.cancel(canceled)
    other.replace(canceled, "g1", MM // 2)
    assert refusals(other) == [(CancelProblem.already_pending, "6")]


def test_our_acceptance_never_left() -> None:
    world, order_id = placed()
    world.replace(order_id, "g1", MM // 2)
    world.withhold(world.placement(order_id).outbox_id)
    assert last(world) == ("5", "0", MM // 2, 0, MM // 2)


def test_a_person_releases_what_a_replace_waits_for() -> None:
    world, order_id = placed()
    world.replace(order_id, "g1", MM // 2)
    world.command("order.force_state", order=order_id, state="released", reason="phoned", role="operator")
    assert last(world) == ("5", "0", MM // 2, 0, MM // 2)


def test_a_late_fill_after_it_was_replaced_down_is_a_persons() -> None:
    """We were told that it was canceled there; the order has no room for it any more."""
    world, order_id = placed()
    world.replace(order_id, "g1", MM // 2)
    world.reports_of(order_id, m.DealerWord.canceled, status="4")
    world.fills(order_id)
    assert world.the(order_id).filled == 0
    assert [each.body["what"] for each in world.pages()] == ["fill quarantined"]


def test_an_order_like_it_was_is_no_duplicate() -> None:
    world, order_id = with_trader()
    world.replace(order_id, "g1", 2 * MM)
    again = world.order(BOND, "buy", MM, account="HAND")
    twice = world.order(BOND, "buy", 2 * MM, account="HAND")
    assert (world.the(again).duplicate_of, world.the(twice).duplicate_of) == ("", order_id)
