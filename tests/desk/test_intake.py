"""Orders of an OMS: taken or refused, ended by their time, canceled and asked about at every stage.

Reference: FIX 4.4 Volume 4, order state change matrices; OrdRejReason(103), CxlRejReason(102).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from desk_past import EURO
from desk_scene import BOND, MM, Scene, placed, scene
from desk_start import start

from engine.clock import NS_PER_DAY, NS_PER_S, utc_day
from engine.domain import events as e
from engine.domain import messages as m
from engine.domain.order import CancelProblem, Handling, OrderRefusal, OrderState, Side, TimeInForce

DAY: dict[str, Any] = {"tif": TimeInForce.day, "expire_ns": None}


def over_s() -> float:
    """Seconds from the start to the end of its UTC day."""
    return ((utc_day(start().utc_ns) + 1) * NS_PER_DAY - start().utc_ns) / NS_PER_S


def since_start(changes: dict[str, Any]) -> dict[str, Any]:
    """Times of a table, which are nanoseconds after the start, as times."""
    return {
        name: start().utc_ns + value if name.endswith("_ns") and value is not None else value
        for name, value in changes.items()
    }


def refusal(world: Scene) -> m.OrderReport:
    """The one report there is: a refusal, to the OMS and to the drop copy under one ExecID(17)."""
    [report], [copy] = world.reports(), world.reports(copy=True)
    assert report == copy
    assert (report.kind, report.ord_status, report.order_id) == (m.ReportKind.rejected, "8", "NONE")
    assert (report.cum_quantity, report.leaves_quantity) == (0, 0)
    return report


def d(**changes: Any) -> m.NewOrder:
    values: dict[str, Any] = {
        "cl_ord_id": "c1",
        "account": "HAND",
        "security_id": BOND.security_id,
        "side": Side.buy,
        "quantity": Decimal(MM),
        "limit_price": None,
        **start().lives,
        "handling": Handling.automatic,
        "currency": "USD",
        "transact_ns": start().utc_ns,
    }
    return m.NewOrder(**{**values, **changes})


def send(world: Scene, **changes: Any) -> None:
    world.hear("oms", d(**changes), role="oms")


# --- taken or refused ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "code", "text"),
    [
        pytest.param({"security_id": "US0000000000"}, 1, "not in the security master", id="an unknown bond"),
        pytest.param({"security_id": ""}, 1, "not in the security master", id="no bond"),
        pytest.param({"quantity": Decimal(-5)}, 13, "must be positive, found -5", id="a negative size"),
        pytest.param({"quantity": Decimal(0)}, 13, "must be positive, found 0", id="a size of 0"),
        pytest.param({"quantity": Decimal("Infinity")}, 13, "must be positive", id="an endless size"),
        pytest.param({"limit_price": Decimal(0)}, 99, "percent of par, found 0", id="a limit of 0"),
        pytest.param({"limit_price": Decimal(-1)}, 99, "percent of par, found -1", id="a negative limit"),
        pytest.param({"limit_price": Decimal(1000)}, 99, "percent of par, found 1000", id="a limit in money"),
        pytest.param({"limit_price": Decimal("NaN")}, 99, "percent of par, found NaN", id="a limit that is no number"),
        pytest.param({"currency": "EUR"}, 99, "the bond is in USD", id="another currency than the bond's"),
        pytest.param(
            {"tif": TimeInForce.gtd, "expire_ns": 0}, 4, "the order's time is over", id="good till a date gone by"
        ),
        pytest.param({**DAY, "transact_ns": -NS_PER_DAY}, 4, "the order's time is over", id="yesterday's day order"),
    ],
)
def test_what_cannot_be_an_order_is_refused_with_a_code_and_a_text(
    changes: dict[str, Any], code: int, text: str
) -> None:
    world = scene()
    send(world, **since_start(changes))
    report = refusal(world)
    assert report.code == code
    assert text in report.text
    assert not world.today("orders")
    assert [event.code for event in world.recorded(e.OrderRefused)] == [code]


def test_what_the_session_could_not_read_as_an_order_is_refused_with_its_reason() -> None:
    world = scene()
    heard = m.UnacceptableOrder(
        "c1", "A", BOND.security_id, Side.sell, Decimal(5), OrderRefusal.unsupported, "OrdType(40)=P: expected 1 or 2"
    )
    world.hear("oms", heard, role="oms")
    report = refusal(world)
    assert (report.code, report.text, report.cl_ord_id) == (11, "OrdType(40)=P: expected 1 or 2", "c1")
    assert (report.side, report.quantity, report.currency) == (Side.sell, 5, "USD")


def test_an_order_is_acknowledged_as_pending_and_then_new() -> None:
    world = scene()
    send(world)
    assert world.kinds() == ["A/A", "0/0"]
    first = sum(isinstance(each, e.OrderReported) for each in world.before) + 1
    assert [each.exec_id for each in world.reports()] == [f"E-{first:06d}", f"E-{first + 1:06d}"]
    assert world.reports() == world.reports(copy=True)
    order = world.the(world.id())
    assert (order.state, order.note) == (OrderState.with_trader, "rule “by hand” sends after approval")


def test_currency_left_out_is_the_bonds() -> None:
    world = scene()
    send(world, currency="")
    assert world.the(world.id()).terms.currency == "USD"
    send(world, cl_ord_id="c2", security_id=EURO.security_id, currency="")
    assert world.the(world.id(2)).terms.currency == "EUR"


def test_a_cl_ord_id_is_used_once_a_day_and_session() -> None:
    world = scene()
    send(world)
    send(world, quantity=Decimal(5))
    assert world.kinds() == ["A/A", "0/0", "8/8"]
    assert (world.reports()[-1].code, world.reports()[-1].order_id) == (6, "NONE")
    assert len(world.today("orders")) == 1
    world.hear("oms2", d(), role="oms")
    assert len(world.today("orders")) == 2, "another session has its own"


def test_a_cl_ord_id_of_a_cancel_is_taken_too() -> None:
    world = scene()
    send(world)
    world.cancel(world.id(), "c2")
    send(world, cl_ord_id="c2")
    assert world.reports()[-1].code == 6


def test_a_cl_ord_id_is_free_again_the_next_day_unless_its_order_lives() -> None:
    world = scene()
    send(world, **DAY)
    send(world, cl_ord_id="g1", tif=TimeInForce.gtd, expire_ns=start().utc_ns + 10 * NS_PER_DAY)
    world.advance(5 * 86_400)
    send(world, transact_ns=world.now.utc_ns)
    assert world.kinds()[-2:] == ["A/A", "0/0"]
    send(world, cl_ord_id="g1", transact_ns=world.now.utc_ns)
    assert (world.kinds()[-1], world.reports()[-1].code) == ("8/8", 6)


def test_a_possible_resend_of_an_order_we_have_is_answered_with_where_it_stands() -> None:
    world = scene()
    send(world, account="PARALLEL")
    asked = world.asked()
    send(world, account="PARALLEL", possible_resend=True)
    said = world.sends[-1].said
    assert isinstance(said, m.OrderReport)
    assert (said.kind, said.ord_status, said.order_id, said.exec_id) == (m.ReportKind.status, "0", world.id(), "0")
    assert world.asked() == asked, "nobody is asked twice"
    assert len(world.today("orders")) == 1


def test_a_possible_resend_with_other_terms_is_a_duplicate() -> None:
    world = scene()
    send(world)
    send(world, quantity=Decimal(5), possible_resend=True)
    assert world.reports()[-1].code == 6


def test_a_possible_resend_of_an_order_we_never_saw_is_an_order() -> None:
    world = scene()
    send(world, possible_resend=True)
    assert world.kinds() == ["A/A", "0/0"]


# --- what a rule may not do by itself ------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        pytest.param(
            {"transact_ns": -61 * NS_PER_S}, "stale: entered more than 60 s ago", id="an old TransactTime(60)"
        ),
        pytest.param({"transact_ns": -60 * NS_PER_S}, "", id="just in time"),
        pytest.param(
            {"sent_ns": -61 * NS_PER_S}, "stale: entered more than 60 s ago", id="an old OrigSendingTime(122)"
        ),
        pytest.param({"handling": Handling.manual}, "HandlInst 3: manual execution only", id="HandlInst(21) 3"),
        pytest.param({"handling": Handling.intervention}, "", id="HandlInst(21) 2: automatic, a person may step in"),
    ],
)
def test_manual_orders_wait_for_a_person(changes: dict[str, Any], reason: str) -> None:
    world = scene()
    send(world, account="AUTO", **since_start(changes))
    order = world.the(world.id())
    assert (order.manual_reason, order.note) == (reason, reason)
    assert world.asked() == ([] if reason else ["ash", "beech", "cedar"])


def test_a_rule_does_not_execute_for_a_manual_order_either() -> None:
    world = scene()
    send(world, account="AUTO", handling=Handling.manual)
    world.command("send", order=world.short())
    for dealer in ("ash", "beech", "cedar"):
        world.says(dealer, "100", world.id())
    assert world.accepted() == []
    assert [event.dealer for event in world.recorded(e.TraderAlerted)] == ["ash"]
    world.command("execute", order=world.short())
    assert world.accepted() == ["ash"]


# --- time in force -------------------------------------------------------------------------------


def test_a_day_order_ends_with_its_utc_day() -> None:
    world = scene()
    send(world, **DAY)
    world.advance(over_s() - 1)
    assert world.the(world.id()).open
    world.advance(1)
    assert (world.the(world.id()).state, world.kinds()[-1]) == (OrderState.expired, "C/C")
    assert world.reports()[-1].leaves_quantity == 0


def test_a_gtd_order_ends_at_its_time_and_takes_its_round_with_it() -> None:
    world = scene()
    send(world, account="PARALLEL", tif=TimeInForce.gtd, expire_ns=start().utc_ns + 30 * NS_PER_S)
    world.says("ash", "99", world.id())
    world.advance(30)
    assert world.the(world.id()).state is OrderState.expired
    assert (world.rfq(world.id()).state, world.rfq(world.id()).outcome) == ("closed", "expired")
    world.advance(600)
    assert world.accepted() == []


@pytest.mark.parametrize("tif", [TimeInForce.ioc, TimeInForce.fok])
def test_ioc_and_fok_end_with_their_first_round(tif: TimeInForce) -> None:
    world = scene()
    send(world, account="PARALLEL", tif=tif, expire_ns=world.lives["expire_ns"])
    world.advance(60)
    assert (world.the(world.id()).state, world.kinds()[-1]) == (OrderState.expired, "C/C")


@pytest.mark.parametrize("tif", [TimeInForce.ioc, TimeInForce.fok])
def test_ioc_and_fok_that_wait_for_a_person_wait_for_a_minute(tif: TimeInForce) -> None:
    """Held for approval, or by the trader who entered it: immediate is not until the day ends."""
    world, waits_s = scene(), min(60, over_s())
    send(world, tif=tif, expire_ns=None)
    world.command("order__new", security=BOND.security_id, side="sell", quantity=MM, tif=tif.value)
    world.advance(waits_s - 1)
    assert [order.open for order in world.today("orders").values()] == [True, True]
    world.advance(1)
    assert [order.state for order in world.today("orders").values()] == [OrderState.expired] * 2
    assert waits_s < 60 or world.reports()[-1].text.startswith("nobody decided: ")


def test_an_immediate_order_that_the_gate_stops_waits_for_a_person_for_a_minute() -> None:
    """Somebody may say that a duplicate is meant, or raise a limit; a minute later it is not immediate any more."""
    world = scene()
    first = world.order(BOND, "buy", MM, account="PARALLEL")
    order_id = world.order(BOND, "buy", MM, account="PARALLEL", tif=TimeInForce.ioc)
    assert (world.the(first).state, world.the(order_id).state) == (OrderState.asking, OrderState.with_trader)
    world.advance(60)
    assert world.the(order_id).state is OrderState.expired
    assert "risk duplicate" in world.the(order_id).note


def test_an_immediate_order_that_is_approved_in_time_has_its_round() -> None:
    world = scene()
    order_id = world.order(BOND, "buy", MM, account="HAND", tif=TimeInForce.ioc)
    world.advance(min(59, over_s() - 10))
    world.command("send", order=order_id)
    world.says("ash", "99.95", order_id)
    world.advance(5)
    assert (world.the(order_id).state, world.kinds()) == (OrderState.asking, ["A/A", "0/0"])


def kill(world: Scene, on: bool) -> None:
    world.command("kill", role="operator", scope="all", on=on, reason="test")


IMMEDIATE: dict[str, Any] = {"tif": TimeInForce.ioc}


def test_an_immediate_order_that_nobody_can_be_asked_for_ends_at_once_where_no_person_decides() -> None:
    world = scene()
    kill(world, on=True)
    order_id = world.order(BOND, "buy", MM, account="PARALLEL", **IMMEDIATE)
    assert (world.kinds(), world.the(order_id).rounds) == (["A/A", "0/0", "C/C"], 0)
    assert "nobody can be asked" in world.reports()[-1].text


def test_where_a_person_decides_it_waits_for_a_minute() -> None:
    world = scene()
    kill(world, on=True)
    order_id = world.order(BOND, "buy", MM, account="HAND", **IMMEDIATE)
    world.advance(59)
    assert world.the(order_id).open
    world.advance(2)
    assert world.kinds() == ["A/A", "0/0", "C/C"]


def test_it_waits_for_dealers_that_are_still_logging_on() -> None:
    """As after a restart: asked as soon as all are up, ended when they are due no more."""
    world = scene()
    for dealer in world.desk.dealers:
        world.drop(dealer.session)
    one = world.order(BOND, "buy", MM, account="PARALLEL", **IMMEDIATE)
    world.advance(1)
    assert world.the(one).state is OrderState.with_trader
    for dealer in world.desk.dealers:
        world.restore(dealer.session)
    assert (world.the(one).state, world.asked()) == (OrderState.asking, ["ash", "beech", "cedar"])
    for dealer in world.desk.dealers:
        world.drop(dealer.session)
    other = world.order(BOND, "sell", MM, account="PARALLEL", **IMMEDIATE)
    world.advance(9)
    assert world.the(other).open
    world.advance(2)
    assert world.the(other).state is OrderState.expired


def test_an_order_of_the_day_is_looked_at_again_when_somebody_comes_up() -> None:
    world = scene()
    kill(world, on=True)
    order_id = world.order(BOND, "buy", MM, account="PARALLEL")
    assert world.the(order_id).state is OrderState.with_trader
    kill(world, on=False)
    assert world.the(order_id).state is OrderState.asking
    down = scene()
    for dealer in down.desk.dealers:
        down.drop(dealer.session)
    down.advance(11)  # Nobody is due any more.
    waits, by_hand = (down.order(BOND, side, MM, account=who) for side, who in (("buy", "PARALLEL"), ("sell", "HAND")))
    down.restore("ash")
    assert [down.the(each).state for each in (waits, by_hand)] == [OrderState.asking, OrderState.with_trader]
    assert down.the(by_hand).note.endswith("sends after approval")


def test_what_was_filled_stays_filled_when_the_rest_expires() -> None:
    world, order_id = placed(tif=TimeInForce.ioc)
    world.fills(order_id, 400_000)
    world.reports_of(order_id, m.DealerWord.canceled, status="4", text="rest")
    world.advance(60)
    last = world.reports()[-1]
    assert (last.kind, last.ord_status, last.cum_quantity, last.leaves_quantity) == ("C", "C", 400_000, 0)


def test_an_order_does_not_expire_while_a_dealer_may_have_filled_it() -> None:
    world, order_id = placed(tif=TimeInForce.gtd, expire_ns=start().utc_ns + 3 * NS_PER_S)
    world.advance(4)
    assert world.the(order_id).open
    world.fills(order_id)
    assert world.kinds()[-1] == "F/2"


def test_an_order_whose_time_ran_out_meanwhile_expires_at_the_dealers_no() -> None:
    """The next best quote is not taken for an order that is over."""
    world, order_id = placed("AUTO", tif=TimeInForce.gtd, expire_ns=start().utc_ns + 3 * NS_PER_S)
    world.advance(4)
    world.rejects(order_id)
    assert world.accepted() == ["ash"]
    assert (world.the(order_id).state, world.kinds()[-1]) == (OrderState.expired, "C/C")


def test_nothing_is_sent_or_executed_for_an_order_whose_time_is_over() -> None:
    """Also in the instant before its own timer was heard."""
    world = scene()
    send(world, account="WHISPER", tif=TimeInForce.gtd, expire_ns=start().utc_ns + 20 * NS_PER_S)
    world._at(start().utc_ns + 20 * NS_PER_S)
    world.says("ash", "99.9", world.id())
    assert world.asked() == ["ash"]
    assert world.the(world.id()).state is OrderState.expired


# --- cancel at every stage -----------------------------------------------------------------------


def canceled_reports(world: Scene) -> list[tuple[str, str, str, str]]:
    return [(each.kind.value, each.ord_status, each.cl_ord_id, each.orig_cl_ord_id) for each in world.reports()[2:]]


def with_trader() -> tuple[Scene, str]:
    world = scene()
    return world, world.order(BOND, "buy", MM)


def asking() -> tuple[Scene, str]:
    world = scene()
    return world, world.order(BOND, "buy", MM, account="PARALLEL")


def deciding() -> tuple[Scene, str]:
    world, order_id = asking()
    for dealer in ("ash", "beech", "cedar"):
        world.says(dealer, "100", order_id)
    return world, order_id


def staggering() -> tuple[Scene, str]:
    world = scene()
    return world, world.order(BOND, "buy", MM, account="SPACED")


@pytest.mark.parametrize("stage", [with_trader, asking, deciding, staggering])
def test_f_before_anything_was_accepted_cancels_at_once(stage: Callable[[], tuple[Scene, str]]) -> None:
    world, order_id = stage()
    said = len(world.asked())
    ordered = world.the(order_id).terms.cl_ord_id
    world.cancel(order_id, "f1")
    assert canceled_reports(world) == [("4", "4", "f1", ordered)]
    assert world.reports()[-1].leaves_quantity == 0
    assert world.the(order_id).state is OrderState.canceled
    assert world.state.open_rfqs() == 0
    # Whatever dealers still say, and however much time passes, nobody is asked or hit any more.
    if world.the(order_id).rfq_id:
        world.says("ash", "99", order_id)
    world.advance(600)
    assert (len(world.asked()), world.accepted()) == (said, [])
    assert len(world.reports()) == 3


def test_f_while_an_acceptance_is_out_waits_for_the_dealer() -> None:
    world, order_id = placed()
    ordered = world.the(order_id).terms.cl_ord_id
    world.cancel(order_id, "f1")
    assert canceled_reports(world) == [("6", "6", "f1", ordered)]
    [f] = world.said(m.CancelPlacement)
    assert (f.dealer, f.placement_id, f.quantity) == ("ash", world.placement(order_id).placement_id, MM)
    assert f.cancel_id not in ("f1", f.placement_id)
    assert world.the(order_id).open


@pytest.mark.parametrize("word", [m.DealerWord.rejected, m.DealerWord.canceled])
@pytest.mark.parametrize("account", ["PARALLEL", "AUTO"])
def test_the_dealers_no_lets_the_cancel_through(word: m.DealerWord, account: str) -> None:
    world, order_id = placed(account)
    ordered = world.the(order_id).terms.cl_ord_id
    world.cancel(order_id, "f1")
    world.reports_of(order_id, word)
    assert canceled_reports(world)[-1] == ("4", "4", "f1", ordered)
    assert world.the(order_id).state is OrderState.canceled
    assert world.accepted() == ["ash"], "no next best for an order that is being canceled"


def test_the_dealers_cancel_may_cite_our_cancel() -> None:
    world, order_id = placed()
    world.cancel(order_id, "f1")
    [f] = world.said(m.CancelPlacement)
    world.reports_of(order_id, m.DealerWord.canceled, cl_ord_id=f.cancel_id, orig_cl_ord_id=f.placement_id)
    assert world.the(order_id).state is OrderState.canceled


def test_a_fill_that_was_faster_refuses_the_cancel_as_too_late() -> None:
    world, order_id = placed()
    ordered = world.the(order_id).terms.cl_ord_id
    world.cancel(order_id, "f1")
    world.fills(order_id)
    assert world.kinds()[-2:] == ["6/6", "F/2"]
    [nine] = world.said(m.CancelRefusal)
    assert (nine.cl_ord_id, nine.orig_cl_ord_id, nine.code, nine.ord_status) == (
        "f1",
        ordered,
        CancelProblem.too_late,
        "2",
    )
    assert world.the(order_id).state is OrderState.filled


def test_a_part_filled_meanwhile_stays_and_the_rest_is_canceled() -> None:
    world, order_id = placed()
    world.cancel(order_id, "f1")
    world.fills(order_id, 400_000)
    assert world.kinds()[-1] == "F/6", "the cancel still waits for the rest"
    world.reports_of(order_id, m.DealerWord.canceled)
    last = world.reports()[-1]
    assert (last.kind, last.ord_status, last.cum_quantity, last.leaves_quantity) == ("4", "4", 400_000, 0)


def test_nobody_new_is_asked_for_an_order_that_is_being_canceled() -> None:
    """A search with dealers left to ask, whose acceptance is refused after the OMS wanted it canceled."""
    world = scene()
    order_id = world.order(BOND, "buy", MM, account="WHISPERAUTO")
    world.says("ash", "100", order_id)
    assert world.accepted() == ["ash"]
    world.cancel(order_id)
    world.rejects(order_id)
    assert world.asked() == ["ash"]
    assert (world.the(order_id).state, world.kinds()[-1]) == (OrderState.canceled, "4/4")


def test_a_cancel_does_not_wait_for_dealers_that_were_only_asked() -> None:
    """The trader took a quote before all had answered; at the refusal the cancel is through, others silent or not."""
    world, order_id = asking()
    world.says("ash", "100", order_id)
    world.command("execute", order=order_id)
    world.cancel(order_id)
    world.rejects(order_id)
    assert world.the(order_id).state is OrderState.canceled


@pytest.mark.parametrize(
    ("prepare", "code", "status"),
    [
        pytest.param(lambda world, order_id: world.fills(order_id), CancelProblem.too_late, "2", id="filled: too late"),
        pytest.param(
            lambda world, order_id: (world.rejects(order_id), world.cancel(order_id, "f0")),
            CancelProblem.too_late,
            "4",
            id="canceled: too late",
        ),
        pytest.param(
            lambda world, order_id: world.cancel(order_id, "f0"),
            CancelProblem.already_pending,
            "6",
            id="pending already",
        ),
    ],
)
def test_f_that_cannot_be_is_refused(prepare: Callable[[Scene, str], Any], code: CancelProblem, status: str) -> None:
    world, order_id = placed()
    prepare(world, order_id)
    before = world.the(order_id)
    world.cancel(order_id, "f1")
    nine = world.said(m.CancelRefusal)[-1]
    assert (nine.code, nine.ord_status, nine.order_id, nine.cl_ord_id) == (code, status, order_id, "f1")
    assert world.the(order_id) == before
    assert len(world.said(m.CancelPlacement)) <= 1


def test_f_for_an_order_we_do_not_know() -> None:
    world, order_id = with_trader()
    world.cancel(order_id, "f1", orig_cl_ord_id="never")
    [nine] = world.said(m.CancelRefusal)
    assert (nine.order_id, nine.ord_status, nine.code, nine.to_replace) == (
        "NONE",
        "8",
        CancelProblem.unknown_order,
        False,
    )


def test_f_under_a_cl_ord_id_that_is_taken() -> None:
    world, order_id = with_trader()
    world.cancel(order_id, world.the(order_id).terms.cl_ord_id)
    assert world.said(m.CancelRefusal)[0].code is CancelProblem.duplicate
    assert world.the(order_id).open


def test_an_old_gtd_order_can_be_canceled_and_asked_about() -> None:
    world = scene()
    send(world, cl_ord_id="g1", tif=TimeInForce.gtd, expire_ns=start().utc_ns + 30 * NS_PER_DAY)
    world.advance(10 * 86_400)
    assert world.status("g1").ord_status == "0"
    world.cancel(world.id(), "f1")
    assert world.kinds()[-1] == "4/4"


def test_the_trader_cancels_an_order_of_the_oms_without_being_asked() -> None:
    world, order_id = asking()
    world.command("order__cancel", order=order_id)
    ordered = world.the(order_id).terms.cl_ord_id
    assert canceled_reports(world) == [("4", "4", ordered, "")]


def test_a_traders_own_order_is_told_to_the_drop_copy_alone() -> None:
    world = scene()
    world.command("order__new", security=BOND.security_id, side="buy", quantity=MM, account="PARALLEL")
    world.command("order__cancel", order=world.short())
    assert world.reports() == []
    copies = world.reports(copy=True)
    assert [(each.kind.value, each.trader, each.account) for each in copies] == [
        ("0", "kim", "PARALLEL"),
        ("4", "kim", "PARALLEL"),
    ]
    assert all(each.session == "" and each.cl_ord_id == f"T-{world.id()}" for each in copies)


# --- status at every stage -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("act", "status", "leaves"),
    [
        pytest.param(lambda world, order_id: None, "0", MM, id="an acceptance is out: new"),
        pytest.param(lambda world, order_id: world.fills(order_id, 400_000), "1", 600_000, id="partially filled"),
        pytest.param(lambda world, order_id: world.fills(order_id), "2", 0, id="filled"),
        pytest.param(lambda world, order_id: world.cancel(order_id), "6", MM, id="pending cancel"),
        pytest.param(lambda world, order_id: (world.cancel(order_id), world.rejects(order_id)), "4", 0, id="canceled"),
    ],
)
def test_h_is_answered_with_where_the_order_stands(act: Callable[[Scene, str], Any], status: str, leaves: int) -> None:
    world, order_id = placed()
    act(world, order_id)
    events, reports = len(world.events), len(world.reports())
    for session in ("oms", "dropcopy"):
        answer = world.status(world.the(order_id).terms.cl_ord_id, session)
        assert (answer.ord_status, answer.leaves_quantity, answer.exec_id) == (status, leaves, "0")
        assert answer.order_id == order_id
    assert (len(world.events), len(world.reports())) == (events, reports), "a status is no event and no report"


def test_h_for_an_order_we_do_not_know() -> None:
    world = scene()
    answer = world.status("never")
    assert (answer.order_id, answer.ord_status, answer.code) == ("NONE", "8", 5)


def test_h_of_the_drop_copy_finds_a_traders_own_order() -> None:
    world = scene()
    world.command("order__new", security=BOND.security_id, side="buy", quantity=MM)
    assert world.status(f"T-{world.id()}", "dropcopy").order_id == world.id()
    assert world.status(f"T-{world.id()}", "oms").order_id == "NONE"


def test_the_drop_copy_is_told_that_it_is_a_copy() -> None:
    world, order_id = placed()
    world.fills(order_id)
    copies = [send for send in world.sends if send.session == "dropcopy"]
    assert all(send.copy for send in copies)
    originals = [send.said for send in world.sends if send.session == "oms"]
    assert [replace(each.said) for each in copies] == originals
