"""Executing: the trader's one action, the rule's own, last look, doubt, and what is booked of what a dealer says."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from desk_past import DEALERS, SECURITIES
from desk_scene import BOND, MM, Scene, placed, scene
from desk_start import start

from engine.clock import NS_PER_S
from engine.desk import decide
from engine.domain import events as e
from engine.domain import messages as m
from engine.domain.order import CancelProblem, OrderState, TimeInForce
from engine.domain.placement import Fill, PlacementState
from engine.domain.rfq import QuoteKind, RfqState
from engine.errors import CommandError

S = OrderState
P = PlacementState


def answered(account: str, ash: str | None, beech: str | None, cedar: str | None, **order: Any) -> tuple[Scene, str]:
    """A round in which all have answered; None declines."""
    world = scene()
    order_id = world.order(BOND, "buy", MM, account=account, **order)
    for dealer, price in (("ash", ash), ("beech", beech), ("cedar", cedar)):
        if price is None:
            world.declines(dealer, order_id)
        else:
            world.says(dealer, price, order_id)
    return world, order_id


def alert(world: Scene) -> tuple[str, str]:
    """The dealer and reason of the latest alert."""
    event = world.recorded(e.TraderAlerted)[-1]
    return event.dealer, event.reason


# --- the trader's one action ---------------------------------------------------------------------


def test_the_trader_takes_the_best_quote_with_one_action() -> None:
    world, order_id = answered("PARALLEL", "100.2", "100.1", "100.3")
    assert alert(world) == ("beech", "best of 3")
    reply = world.command("execute", order=order_id)
    assert (reply["dealer"], reply["price"], reply["state"]) == ("beech", "100.1", "in_doubt")
    [event] = world.recorded(e.QuoteAccepted)
    assert (event.dealer, event.actor, event.price, event.quantity) == ("beech", "person:kim", Decimal("100.1"), MM)
    assert (world.the(order_id).state, world.rfq(order_id).state) == (S.placed, RfqState.placed)


def test_the_trader_may_name_another_dealer() -> None:
    world, order_id = answered("PARALLEL", "100.2", "100.1", "100.3")
    world.command("execute", order=order_id, dealer="cedar")
    assert world.accepted() == ["cedar"]


def test_the_trader_may_decide_before_all_have_answered() -> None:
    world = scene()
    order_id = world.order(BOND, "buy", MM, account="PARALLEL")
    world.says("cedar", "100.1", order_id)
    world.command("execute", order=order_id)
    assert world.accepted() == ["cedar"]
    # Whoever answers later is heard; nobody else is hit.
    world.says("ash", "99.9", order_id)
    world.advance(600)
    assert world.accepted() == ["cedar"]


@pytest.mark.parametrize(
    ("prepare", "text"),
    [
        pytest.param(
            lambda world, order_id: None, "no executable quote of any dealer on {rfq}: ash: asked", id="none yet"
        ),
        pytest.param(
            lambda world, order_id: world.says("ash", "100", order_id, kind=QuoteKind.indicative),
            "ash: indicative",
            id="indicative",
        ),
        pytest.param(
            lambda world, order_id: (world.says("ash", "100", order_id), world.withdraws("ash", order_id)),
            "ash: withdrawn",
            id="withdrawn",
        ),
        pytest.param(
            lambda world, order_id: (world.says("ash", "100", order_id), world.advance(30)), "ash: 100 over", id="over"
        ),
        pytest.param(
            lambda world, order_id: world.advance(60), "no executable quote of any dealer on", id="round over"
        ),
    ],
)
def test_there_may_be_nothing_to_execute(prepare: Any, text: str) -> None:
    world = scene()
    order_id = world.order(BOND, "buy", MM, account="PARALLEL")
    prepare(world, order_id)
    before = len(world.events)
    with pytest.raises(CommandError, match=text.format(rfq=world.the(order_id).rfq_id)):
        world.command("execute", order=order_id)
    assert (world.accepted(), len(world.events)) == ([], before)


def test_the_acceptance_says_the_dealers_own_quote_and_nothing_of_the_order() -> None:
    world, order_id = placed(limit_price=Decimal("100.5"))
    order, placement = world.the(order_id), world.placement(order_id)
    [d] = world.said(m.AcceptQuote)
    quote = world.ask(order_id, "ash").quotes[0]
    assert (d.price, d.quote_id, d.quantity, d.side) == (quote.price, quote.quote_id, MM, order.terms.side)
    assert d.settl_date == start().settl_date
    assert d.placement_id == placement.placement_id
    secrets = (order.order_id, order.terms.cl_ord_id, order.terms.account, placement.rfq_id, "100.5")
    for said in (d, *world.said(m.AskDealer)):
        words = [str(getattr(said, name)) for name in type(said).__slots__]
        assert not [word for word in words for secret in secrets if secret in word]


# --- the rule's own ------------------------------------------------------------------------------


def test_the_rule_executes_within_its_tolerance() -> None:
    world, order_id = answered("AUTO", "100.15", "100.20", None)
    [event] = world.recorded(e.QuoteAccepted)
    assert (event.dealer, event.actor) == ("ash", "rule")
    assert world.the(order_id).state is S.placed


def test_the_rule_waits_for_everybody() -> None:
    world = scene()
    order_id = world.order(BOND, "buy", MM, account="AUTO")
    world.says("ash", "100", order_id)
    world.says("beech", "100.1", order_id)
    assert world.accepted() == []
    world.advance(29)
    assert world.accepted() == []
    world.says("cedar", "99.9", order_id)
    assert world.accepted() == ["cedar"]


@pytest.mark.parametrize(
    ("quotes", "reason"),
    [
        pytest.param(("100.16", "100.20", None), "100.16 is not within 15 bp price of fair", id="too far from fair"),
        pytest.param(("100", None, None), "1 executable quote(s), the rule wants 2", id="too few quotes"),
    ],
)
def test_where_the_rule_may_not_the_trader_is_asked(quotes: tuple[str | None, ...], reason: str) -> None:
    world, order_id = answered("AUTO", *quotes)
    assert (world.accepted(), alert(world)) == ([], ("ash", reason))
    world.command("execute", order=order_id)
    assert world.accepted() == ["ash"]


def test_without_else_ask_trader_the_round_ends_unexecuted() -> None:
    world, order_id = answered("STRICT", "100.16", "100.20", None)
    assert world.recorded(e.TraderAlerted) == []
    assert world.the(order_id).state is S.with_trader
    assert world.the(order_id).note == "not executed by the rule: 100.16 is not within 15 bp price of fair"


@pytest.mark.parametrize(
    ("account", "price", "executed"),
    [
        pytest.param("YIELD", "100.22", True, id="4 bp of yield at 0.055 are 0.22"),
        pytest.param("YIELD", "100.23", False, id="0.23 are more"),
        pytest.param("CENTS", "100.10", True, id="ten cents"),
        pytest.param("CENTS", "100.11", False, id="eleven cents"),
    ],
)
def test_tolerances_in_yield_and_cents(account: str, price: str, executed: bool) -> None:
    world = scene()
    order_id = world.order(BOND, "buy", MM, account=account)
    world.says("ash", price, order_id)
    assert world.accepted() == (["ash"] if executed else [])


def test_a_tolerance_in_yield_needs_a_dv01() -> None:
    world = scene(securities=[replace(BOND, dv01=None)])
    order_id = world.order(BOND, "buy", MM, account="YIELD")
    world.says("ash", "100", order_id)
    assert (world.accepted(), alert(world)) == ([], ("ash", "its DV01 is unknown"))


def test_a_withdrawn_quote_is_no_competition() -> None:
    """The rule wants two executable quotes; one of the two is gone when it decides."""
    world = scene()
    order_id = world.order(BOND, "buy", MM, account="AUTO")
    world.says("ash", "100", order_id)
    world.says("beech", "100.1", order_id)
    world.withdraws("beech", order_id)
    world.declines("cedar", order_id)
    assert (world.accepted(), alert(world)[1]) == ([], "1 executable quote(s), the rule wants 2")


def test_a_quote_that_is_over_is_no_competition() -> None:
    world = scene()
    order_id = world.order(BOND, "buy", MM, account="AUTO")
    world.says("beech", "100.1", order_id, valid_until_ns=start().utc_ns + 5 * NS_PER_S)
    world.says("ash", "100", order_id)
    world.advance(10)
    world.declines("cedar", order_id)
    assert (world.accepted(), alert(world)[1]) == ([], "1 executable quote(s), the rule wants 2")


def test_no_rule_executes_a_quote_whose_end_nobody_knows() -> None:
    """No ValidUntilTime(62) and no firm time of the dialect: it is shown, and a person may take it."""
    world = scene(dealers=[replace(each, firm_time_s=None) for each in DEALERS])
    order_id = world.order(BOND, "buy", MM, account="AUTO")
    for dealer, price in (("ash", "100"), ("beech", "100.1"), ("cedar", "100.1")):
        world.says(dealer, price, order_id, valid_until_ns=None)
    assert (world.accepted(), alert(world)) == ([], ("ash", "the quote does not say how long it stands"))
    world.command("execute", order=order_id)
    assert world.accepted() == ["ash"]


def test_without_62_the_dialects_firm_time_makes_a_quote_firm() -> None:
    world = scene()
    order_id = world.order(BOND, "buy", MM, account="SINGLE")
    for dealer in ("ash", "beech", "cedar"):
        world.says(dealer, "100", order_id, valid_until_ns=None)
    assert world.accepted() == ["ash"]
    [accept] = [send for send in world.sends if isinstance(send.said, m.AcceptQuote)]
    assert accept.not_after_ns == start().utc_ns + 30 * NS_PER_S - world.desk.clocks.guard_ns


def test_once_the_trader_was_asked_the_rule_leaves_it_to_the_trader() -> None:
    """One quote is too few for the rule. A second one that comes late is told, and taken by nobody else."""
    world = scene()
    order_id = world.order(BOND, "buy", MM, account="AUTO")
    world.says("ash", "100", order_id, valid_until_ns=start().utc_ns + 120 * NS_PER_S)
    world.advance(60)
    assert alert(world) == ("ash", "1 executable quote(s), the rule wants 2")
    world.says("beech", "99.95", order_id)
    assert (world.accepted(), alert(world)) == ([], ("beech", "best of 2"))
    world.command("execute", order=order_id)
    world.rejects(order_id)
    assert (world.accepted(), alert(world)) == (["beech"], ("ash", "best of 1"))


@pytest.mark.parametrize("account", ["AUTO", "PARALLEL"])
def test_quotes_beyond_the_orders_limit_return_it(account: str) -> None:
    world, order_id = answered(account, "100.06", "100.08", None, limit_price=Decimal("100.05"))
    assert world.recorded(e.TraderAlerted) == []
    assert (world.the(order_id).state, world.kinds()[-1]) == (S.with_trader, "0/0")
    assert world.the(order_id).note == (
        "no executable quote: ash: 100.06 beyond the limit of 100.05, beech: 100.08 beyond the limit of 100.05, "
        "cedar: declined (pass)"
    )


def test_a_better_quote_while_the_trader_looks_is_told() -> None:
    world, order_id = answered("PARALLEL", "100.2", "100.1", "100.3")
    world.says("cedar", "100.0", order_id)
    assert [event.dealer for event in world.recorded(e.TraderAlerted)] == ["beech", "cedar"]
    world.says("ash", "100.15", order_id)
    assert [event.dealer for event in world.recorded(e.TraderAlerted)] == ["beech", "cedar"]


def test_the_rule_passes_over_a_dealer_whose_session_is_down() -> None:
    """At once where the session is closed, near the end of the quotes where it may still return."""
    for closed in (True, False):
        world = scene()
        order_id = world.order(BOND, "buy", MM, account="AUTO")
        world.says("ash", "99.9", order_id)
        world.says("beech", "100", order_id)
        world.drop("ash")
        if closed:
            world.close("ash", "08:00 UTC")
        world.says("cedar", "100.1", order_id)
        assert world.accepted() == (["beech"] if closed else [])
        world.advance(29.5)
        assert world.accepted() == ["beech"]


# --- last look -----------------------------------------------------------------------------------


def test_a_rejection_leads_to_the_next_best_live_quote() -> None:
    world, order_id = placed("AUTO")
    first = world.placement(order_id)
    world.rejects(order_id)
    assert world.state.placements[first.placement_id].state is P.rejected
    assert world.accepted() == ["ash", "beech"]
    assert world.placement(order_id).placement_id != first.placement_id
    world.rejects(order_id)
    assert world.accepted() == ["ash", "beech", "cedar"]
    world.rejects(order_id)
    assert world.the(order_id).state is S.with_trader
    assert world.the(order_id).note.count("taken and refused") == 3
    assert world.kinds() == ["A/A", "0/0"]


def test_a_rejection_alerts_the_trader_of_the_next_best() -> None:
    world, order_id = placed()
    world.rejects(order_id)
    assert (world.accepted(), alert(world)) == (["ash"], ("beech", "best of 2"))


def test_the_next_best_must_still_live() -> None:
    world = scene()
    order_id = world.order(BOND, "buy", MM, account="AUTO")
    world.says("ash", "99.95", order_id)
    world.says("beech", "99.97", order_id, valid_until_ns=start().utc_ns + 10 * NS_PER_S)
    world.says("cedar", "100.05", order_id)
    world.advance(11)
    world.rejects(order_id)
    assert world.accepted() == ["ash", "cedar"]


def test_an_order_that_is_immediate_or_cancel_ends_with_the_last_refusal() -> None:
    world = scene()
    order_id = world.order(BOND, "buy", MM, account="SINGLE", tif=TimeInForce.ioc)
    world.says("ash", "100", order_id)
    world.declines("beech", order_id)
    world.declines("cedar", order_id)
    world.rejects(order_id)
    assert (world.the(order_id).state, world.kinds()[-1]) == (S.expired, "C/C")


# --- in doubt ------------------------------------------------------------------------------------


def test_silence_asks_the_dealer_twice_and_then_a_person() -> None:
    world, order_id = placed("AUTO")
    world.advance(4.9)
    assert world.said(m.AskPlacementStatus) == []
    world.advance(0.1)
    [h] = world.said(m.AskPlacementStatus)
    assert (h.dealer, h.placement_id) == ("ash", world.placement(order_id).placement_id)
    world.advance(5)
    assert len(world.said(m.AskPlacementStatus)) == 2
    assert world.pages() == []
    world.advance(5)
    [page] = world.pages()
    assert (page.body["what"], page.body["order_id"], page.body["dealer"]) == ("order in doubt", order_id, "ash")
    world.advance(3600)
    assert len(world.said(m.AskPlacementStatus)) == 2
    assert len(world.pages()) == 1
    assert world.accepted() == ["ash"], "nobody else while it may have been filled"
    assert (world.the(order_id).state, world.placement(order_id).reserved) == (S.placed, MM)


def test_an_acknowledgement_is_no_answer_yet() -> None:
    world, order_id = placed("AUTO")
    world.reports_of(order_id, m.DealerWord.acknowledged, status="0")
    assert world.placement(order_id).state is P.acknowledged
    world.advance(20)
    assert len(world.said(m.AskPlacementStatus)) == 2
    assert world.placement(order_id).person_needed
    assert world.accepted() == ["ash"]


@pytest.mark.parametrize("undelivered", ["person", "retry"])
def test_some_dealers_are_not_asked_but_a_person_is(undelivered: str) -> None:
    world = scene(dealers=[replace(each, undelivered=undelivered) for each in DEALERS])
    order_id = world.order(BOND, "buy", MM, account="PARALLEL")
    world.says("ash", "100", order_id)
    world.command("execute", order=order_id)
    world.advance(6)
    assert world.said(m.AskPlacementStatus) == []
    assert len(world.pages()) == 1


def test_a_session_that_is_down_cannot_be_asked_and_is_when_it_is_back() -> None:
    world, order_id = placed("AUTO")
    world.drop("ash")
    world.advance(600)
    assert world.said(m.AskPlacementStatus) == []
    assert (world.accepted(), world.placement(order_id).reserved) == (["ash"], MM)
    world.restore("ash")
    assert [h.dealer for h in world.said(m.AskPlacementStatus)] == ["ash"]


def test_a_session_that_is_back_is_asked_even_after_a_person_was() -> None:
    world, _ = placed("AUTO")
    world.advance(60)
    assert len(world.said(m.AskPlacementStatus)) == 2
    world.drop("ash")
    world.restore("ash")
    assert len(world.said(m.AskPlacementStatus)) == 3


def test_a_gap_fill_over_it_is_evidence_and_no_release() -> None:
    world, order_id = placed("AUTO")
    world.fill_over(world.placement(order_id).outbox_id)
    placement = world.placement(order_id)
    assert (placement.state, placement.evidence) == (P.in_doubt, "filled over in a resend: it never arrived")
    assert len(world.said(m.AskPlacementStatus)) == 1
    assert world.accepted() == ["ash"]


@pytest.mark.parametrize(
    ("status", "state", "accepted"),
    [
        pytest.param({"status": "8", "unknown_order": True}, P.undelivered, ["ash", "beech"], id="knows no such order"),
        pytest.param({"status": "8"}, P.rejected, ["ash", "beech"], id="rejected it"),
        pytest.param({"status": "4"}, P.canceled, ["ash", "beech"], id="canceled it"),
        pytest.param({"status": "C"}, P.canceled, ["ash", "beech"], id="let it expire"),
        pytest.param({"status": "0"}, P.acknowledged, ["ash"], id="is working it"),
        pytest.param(
            {"status": "2", "cum_quantity": Decimal(MM)}, P.in_doubt, ["ash"], id="filled it, but where is the fill"
        ),
        pytest.param(
            {"status": "4", "cum_quantity": Decimal(5)}, P.in_doubt, ["ash"], id="canceled it after a fill we lack"
        ),
    ],
)
def test_what_the_dealer_answers_to_h(status: dict[str, Any], state: PlacementState, accepted: list[str]) -> None:
    world, order_id = placed("AUTO")
    first = world.placement(order_id).placement_id
    world.advance(5)
    world.answers_status(order_id, **status)
    assert world.state.placements[first].state is state
    assert world.accepted() == accepted
    lacking = "cum_quantity" in status
    assert world.state.placements[first].person_needed is lacking
    assert len(world.pages()) == lacking


def test_a_fill_that_the_dealer_spoke_of_is_booked_when_it_comes() -> None:
    world, order_id = placed("AUTO")
    world.advance(5)
    world.answers_status(order_id, "2", cum_quantity=Decimal(MM))
    world.fills(order_id)
    assert (world.the(order_id).state, world.kinds()[-1]) == (S.filled, "F/2")


def test_a_refusal_by_the_dealers_engine_releases_it_and_says_nothing_of_the_dealer() -> None:
    world, order_id = placed("AUTO")
    placement = world.placement(order_id)
    draft = world.draft()
    refused = m.RefusedByPeer(7, "D", "", "required tag missing")
    decide.refused(draft, "ash", refused, placement.outbox_id)
    world.keep(draft)
    assert world.state.placements[placement.placement_id].state is P.undelivered
    assert world.accepted() == ["ash", "beech"]


def test_a_person_releases_what_nobody_answers_for_and_nothing_follows_by_itself() -> None:
    world, order_id = placed("AUTO")
    placement = world.placement(order_id)
    world.advance(60)
    with pytest.raises(CommandError, match="needs role operator"):
        world.command("order__force_state", order=order_id, reason="called them")
    world.command("order__force_state", role="operator", order=order_id, reason="called them")
    assert world.state.placements[placement.placement_id].state is P.forced
    assert (world.the(order_id).state, world.the(order_id).note) == (
        S.with_trader,
        "the acceptance at ash was released by a person",
    )
    assert world.accepted() == ["ash"]
    [event] = world.recorded(e.PlacementEnded)
    assert (event.actor, event.reason) == ("person:kim", "called them")


def test_a_cancel_that_was_lost_is_asked_again() -> None:
    """F is issued afresh while it is still wanted: when the session is back, and with each question."""
    world, order_id = placed("AUTO")
    world.drop("ash")
    world.cancel(order_id)
    world.restore("ash")
    first, again = world.said(m.CancelPlacement)
    assert first.placement_id == again.placement_id == world.placement(order_id).placement_id
    assert first.cancel_id != again.cancel_id
    world.reports_of(order_id, m.DealerWord.canceled, cl_ord_id=again.cancel_id, orig_cl_ord_id=again.placement_id)
    assert (world.the(order_id).state, world.kinds()[-1]) == (S.canceled, "4/4")


def test_a_refused_cancel_leaves_it_in_doubt() -> None:
    world, order_id = placed("AUTO")
    world.cancel(order_id)
    [f] = world.said(m.CancelPlacement)
    world.hear("ash", m.DealerCancelRefused(f.cancel_id, f.placement_id, "too late", unknown_order=False))
    assert (world.placement(order_id).state, world.the(order_id).open) == (P.in_doubt, True)
    assert world.placement(order_id).evidence == "cancel refused: too late"
    world.fills(order_id)
    assert world.said(m.CancelRefusal)[0].code is CancelProblem.too_late


def test_a_cancel_refused_because_the_order_is_unknown_releases_it() -> None:
    world, order_id = placed("AUTO")
    world.cancel(order_id)
    [f] = world.said(m.CancelPlacement)
    world.hear("ash", m.DealerCancelRefused(f.cancel_id, f.placement_id, "no such order", unknown_order=True))
    assert world.placement(order_id).state is P.undelivered
    assert (world.the(order_id).state, world.kinds()[-1]) == (S.canceled, "4/4")


# --- fills ---------------------------------------------------------------------------------------


def test_a_fill_is_booked_and_told_under_one_exec_id() -> None:
    world, order_id = placed()
    world.fills(order_id, exec_id="X9")
    [fill] = [booked.fill for booked in world.today("fills").values()]
    report, copy = world.reports()[-1], world.reports(copy=True)[-1]
    assert report == copy
    assert (report.kind, report.ord_status, report.exec_id) == ("F", "2", fill.exec_id)
    assert (report.last_quantity, report.last_price, report.average_price) == (MM, Decimal("99.95"), Decimal("99.95"))
    assert (report.cum_quantity, report.leaves_quantity) == (MM, 0)
    assert (report.dealer, report.dealer_exec_id) == (world.desk.dealers["ash"].lei, "X9")
    assert (report.trade_date, report.settl_date) == (start().trade_date, start().settl_date)
    assert (world.the(order_id).state, world.rfq(order_id).state) == (S.filled, RfqState.done)
    assert world.rfq(order_id).outcome == "executed"


def test_parts_add_up() -> None:
    world, order_id = placed()
    world.fills(order_id, 400_000, "99.90")
    assert world.kinds()[-1] == "F/1"
    assert (world.the(order_id).state, world.placement(order_id).reserved) == (S.placed, 600_000)
    world.fills(order_id, 600_000, "99.95")
    last = world.reports()[-1]
    assert (last.ord_status, last.cum_quantity, last.average_price) == ("2", MM, Decimal("99.93"))
    ids = [each.exec_id for each in world.reports()]
    assert len(set(ids)) == len(ids)
    assert world.placement(order_id).state is P.filled


def test_the_rest_after_a_part_goes_to_the_next_best() -> None:
    world, order_id = placed("AUTO")
    world.fills(order_id, 400_000)
    world.reports_of(order_id, m.DealerWord.canceled, status="4")
    assert [(d.dealer, d.quantity) for d in world.said(m.AcceptQuote)] == [("ash", MM), ("beech", 600_000)]
    world.fills(order_id)
    assert (world.the(order_id).state, world.the(order_id).filled) == (S.filled, MM)


def quarantined(world: Scene) -> list[str]:
    return [event.reason for event in world.recorded(e.FillQuarantined)]


@pytest.mark.parametrize(
    ("spelling", "price"),
    [
        pytest.param("1000000", "99.95", id="as it was"),
        pytest.param("1000000.00", "99.950", id="with more zeros"),
        pytest.param("1E+6", "99.95", id="with an exponent"),
    ],
)
def test_the_same_fill_again_is_a_duplicate(spelling: str, price: str) -> None:
    world, order_id = placed()
    world.fills(order_id, exec_id="X9")
    reports = len(world.reports())
    world.fills(order_id, exec_id="X9", last_quantity=Decimal(spelling), last_price=Decimal(price))
    assert len(world.recorded(e.FillRepeated)) == 1
    assert (len(world.reports()), quarantined(world)) == (reports, [])


@pytest.mark.parametrize("trade_date", ["", "20990101"], ids=["without TradeDate", "with another TradeDate"])
def test_the_same_exec_id_is_the_same_fill_whatever_its_trade_date(trade_date: str) -> None:
    world, order_id = placed()
    world.fills(order_id, 400_000, exec_id="X9")
    world.fills(order_id, 400_000, exec_id="X9", trade_date=trade_date, cum_quantity=Decimal(400_000))
    assert (len(world.recorded(e.FillRepeated)), world.the(order_id).filled) == (1, 400_000)
    world.fills(order_id, 600_000, exec_id="X9", trade_date=trade_date)
    assert quarantined(world) == ["same ExecID, other economics than 400000@99.95"]
    assert world.the(order_id).filled == 400_000


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        pytest.param(
            {"last_quantity": Decimal(MM + 1)}, "1000001 is more than the 1000000 that was left", id="beyond quantity"
        ),
        pytest.param({"last_price": Decimal("99.96")}, "99.96 is worse than the quoted 99.95", id="a worse price"),
        pytest.param({"last_quantity": None}, "no LastQty(32) or LastPx(31)", id="no quantity"),
        pytest.param({"last_price": None}, "no LastQty(32) or LastPx(31)", id="no price"),
        pytest.param({"last_quantity": Decimal(0)}, "LastQty(32) 0 at LastPx(31) 99.95", id="a quantity of 0"),
        pytest.param({"last_price": Decimal(-1)}, "LastQty(32) 1000000 at LastPx(31) -1", id="a negative price"),
        pytest.param({"security_id": "US0"}, f"SecurityID(48)=US0: expected {BOND.security_id}", id="another bond"),
        pytest.param({"side": "sell"}, "Side(54) is sell: expected buy", id="the other side"),
    ],
)
def test_a_fill_that_cannot_be_booked_is_kept_and_pages(changes: dict[str, Any], reason: str) -> None:
    world, order_id = placed("AUTO")
    world.fills(order_id, **changes)
    assert quarantined(world) == [reason]
    [page] = world.pages()
    assert (page.body["what"], page.body["reason"]) == ("fill quarantined", reason)
    assert world.the(order_id).filled == 0
    assert world.kinds() == ["A/A", "0/0"]
    assert (world.accepted(), world.placement(order_id).reserved) == (["ash"], MM), "still reserved"
    [kept] = world.command("quarantine.list", role="viewer", state="open")["fills"][world.left("quarantine") :]
    assert (kept["dealer"], kept["reason"]) == ("ash", reason)
    world.fills(order_id)
    assert world.the(order_id).state is S.filled, "the right one is booked"


def test_a_sale_is_worse_below_the_quote() -> None:
    world = scene()
    order_id = world.order(BOND, "sell", MM, account="SINGLE")
    for dealer in ("ash", "beech", "cedar"):
        world.says(dealer, "100.00", order_id)
    world.fills(order_id, 400_000, "99.99")
    assert quarantined(world) == ["99.99 is worse than the quoted 100.00"]
    world.fills(order_id, 400_000, "100.01")
    assert world.the(order_id).filled == 400_000, "better is booked"


def test_the_same_exec_id_with_other_economics_is_kept_each_time() -> None:
    world, order_id = placed()
    world.fills(order_id, 400_000, exec_id="X9")
    for quantity in (300_000, 200_000, 200_000):
        world.fills(order_id, quantity, exec_id="X9")
    assert [event.quantity for event in world.recorded(e.FillQuarantined)] == [300_000, 200_000]
    assert len(world.pages()) == 2, "the third says nothing new"
    assert world.the(order_id).filled == 400_000


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"cl_ord_id": "never"}, id="an order we never sent"),
        pytest.param({"cl_ord_id": "oms0"}, id="the OMS's own order"),
        pytest.param({"session": "beech"}, id="ours, from a session it was not sent to"),
    ],
)
def test_a_fill_for_nothing_we_ordered_is_kept_and_pages(changes: dict[str, Any]) -> None:
    world, order_id = placed()
    world.fills(order_id, **changes)
    assert quarantined(world) == ["a fill for nothing we ordered"]
    assert len(world.pages()) == 1
    assert world.kinds() == ["A/A", "0/0"]
    assert world.the(order_id).filled == 0


def test_a_fill_may_cite_our_cancel() -> None:
    world, order_id = placed()
    world.cancel(order_id)
    [f] = world.said(m.CancelPlacement)
    world.fills(order_id, cl_ord_id=f.cancel_id, orig_cl_ord_id=f.placement_id)
    assert world.the(order_id).state is S.filled


@pytest.mark.parametrize(
    "word",
    [
        pytest.param(m.DealerWord.rejected, id="rejected"),
        pytest.param(m.DealerWord.canceled, id="canceled"),
    ],
)
def test_a_fill_after_the_dealers_no_is_booked_and_pages(word: m.DealerWord) -> None:
    """A dealer's word of a trade is booked; that it said no before is a person's matter."""
    world, order_id = placed()
    world.reports_of(order_id, word)
    world.fills(order_id)
    assert (world.the(order_id).state, world.kinds()[-1]) == (S.filled, "F/2")
    [page] = world.pages()
    assert (page.body["what"], page.body["order_id"]) == ("fill after the end", order_id)
    assert world.state.open_rfqs() == 0


def test_a_fill_after_the_end_is_booked_although_the_bond_is_gone() -> None:
    """Securities that are read again keep what something is open in, and this order is over: its money is not known."""
    world, order_id = placed()
    world.rejects(order_id)
    world.cancel(order_id)
    assert world.the(order_id).state is S.canceled
    world.desk.securities = {key: bond for key, bond in world.desk.securities.items() if key != BOND.security_id}
    world.fills(order_id)
    assert (world.the(order_id).state, world.kinds()[-1]) == (S.filled, "F/2")
    [booked] = world.recorded(e.FillBooked)
    assert (booked.fill.gross, booked.fill.accrued, booked.fill.net, booked.fill.computed) == (None, None, None, ())
    assert [page.body["what"] for page in world.pages()] == ["fill after the end"]
    assert world.command("order.show", role="viewer", order=order_id)["filled"] == str(MM)


def test_a_fill_after_a_forced_release_calls_the_other_acceptance_back() -> None:
    world, order_id = placed()
    first = world.placement(order_id)
    world.command("order__force_state", role="operator", order=order_id, reason="they say no")
    world.command("send", order=order_id)
    world.says("beech", "99.97", order_id)
    world.command("execute", order=order_id)
    second = world.placement(order_id)
    world.hear("ash", replace(_fill_of(world, first), exec_id="late"))
    assert world.the(order_id).state is S.filled
    assert [f.placement_id for f in world.said(m.CancelPlacement)] == [second.placement_id]
    assert [page.body["what"] for page in world.pages()] == ["fill after the end"]
    # If beech filled it too, that is beyond the order, and a person's.
    world.fills(order_id)
    assert quarantined(world) == ["1000000 is more than the 0 that was left of the order"]
    assert world.the(order_id).filled == MM


def test_a_part_that_comes_after_the_end_leaves_the_other_acceptance_as_it_is() -> None:
    world, order_id = placed()
    first = world.placement(order_id)
    world.rejects(order_id)
    world.command("execute", order=order_id)
    world.hear("ash", replace(_fill_of(world, first), last_quantity=Decimal(400_000)))
    assert (world.the(order_id).state, world.the(order_id).filled) == (S.placed, 400_000)
    assert world.placement(order_id).dealer == "beech"
    assert world.placement(order_id).unanswered


def _fill_of(world: Scene, placement: Any) -> m.DealerReport:
    return m.DealerReport(
        word=m.DealerWord.filled,
        cl_ord_id=placement.placement_id,
        orig_cl_ord_id="",
        order_id="D1",
        exec_id="X",
        security_id=placement.security_id,
        side=placement.side,
        last_quantity=placement.quantity,
        last_price=placement.price,
        cum_quantity=placement.quantity,
        leaves_quantity=Decimal(0),
        average_price=placement.price,
        trade_date=start().trade_date,
        settl_date=start().settl_date,
        transact_ns=world.now.utc_ns,
        status="2",
    )


def test_a_dealer_that_says_filled_after_a_forced_release_pages() -> None:
    world, order_id = placed()
    world.command("order__force_state", role="operator", order=order_id, reason="they say no")
    world.answers_status(order_id, "2", cum_quantity=Decimal(MM))
    [page] = world.pages()
    assert page.body["reason"] == "the dealer says 1000000 is filled; the fill itself has not come"


def test_a_no_after_the_fill_is_kept_and_told() -> None:
    world, order_id = placed()
    world.fills(order_id)
    world.rejects(order_id, "changed our mind")
    assert (world.the(order_id).state, world.placement(order_id).state) == (S.filled, P.filled)
    [stray] = world.recorded(e.StrayMessage)
    assert stray.text == "rejected after it was filled: changed our mind"


NO = {m.DealerWord.rejected: P.rejected, m.DealerWord.canceled: P.canceled}


@pytest.mark.parametrize("again", list(NO), ids=lambda word: f"and then {word}")
@pytest.mark.parametrize("word", list(NO))
def test_a_no_is_no_stray_and_said_twice_it_is_one_only_if_it_is_another(
    word: m.DealerWord, again: m.DealerWord
) -> None:
    world, order_id = placed()
    placement = world.placement(order_id)
    world.reports_of(order_id, word, text="last look")
    assert world.state.placements[placement.placement_id].state is NO[word]
    assert world.recorded(e.StrayMessage) == []
    world.reports_of(order_id, again, text="as I said")
    assert world.state.placements[placement.placement_id].state is NO[word]
    strays = [f"{again} after it was {word}: as I said"] if again is not word else []
    assert [stray.text for stray in world.recorded(e.StrayMessage)] == strays


def test_a_trade_cancel_or_correction_waits_for_a_person() -> None:
    world, order_id = placed()
    world.fills(order_id)
    world.reports_of(order_id, m.DealerWord.corrected, last_quantity=Decimal(5), last_price=Decimal(99))
    assert quarantined(world) == ["trade correction without ExecRefID(19)"]
    assert len(world.pages()) == 1


def test_a_report_for_nothing_we_ordered_is_kept() -> None:
    world, order_id = placed()
    world.reports_of(order_id, m.DealerWord.rejected, cl_ord_id="never", text="who?")
    [stray] = world.recorded(e.StrayMessage)
    assert (stray.kind, stray.reference, stray.text) == (
        "ExecutionReport",
        "never",
        "rejected for nothing we ordered: who?",
    )
    assert world.placement(order_id).unanswered


# --- money ---------------------------------------------------------------------------------------


IN_ITS_DAY = pytest.mark.starts("noon")
"""Accrued interest is another on every day; the figures here are those of one."""


def booked(world: Scene) -> Fill:
    [fill] = [each.fill for each in world.today("fills").values()]
    return fill


@IN_ITS_DAY
def test_what_the_dealer_left_out_is_computed_and_marked() -> None:
    """A million at 99.95; 5 % since 15 June, 159 days of 360 to settlement on 24 November."""
    world, order_id = placed()
    world.fills(order_id)
    fill, report = booked(world), world.reports()[-1]
    assert (fill.gross, fill.accrued, fill.net) == (
        Decimal("999500.00"),
        Decimal("22083.33"),
        Decimal("1021583.33"),
    )
    assert fill.computed == ("gross", "accrued", "net")
    assert (report.gross, report.accrued, report.net) == (fill.gross, fill.accrued, fill.net)
    assert report.text == "computed by us: gross, accrued, net"


@IN_ITS_DAY
def test_what_the_dealer_sent_is_taken() -> None:
    world, order_id = placed()
    sent = {"gross": Decimal("999500.00"), "accrued": Decimal("22083.34"), "net": Decimal("1021583.34")}
    world.fills(order_id, **sent)
    fill = booked(world)
    assert {name: getattr(fill, name) for name in sent} == sent
    assert (fill.computed, world.reports()[-1].text) == ((), "")
    assert [each for each in world.notices if each.topic == "money"] == [], "a cent is rounding"


@IN_ITS_DAY
@pytest.mark.parametrize(
    ("name", "sent", "ours"),
    [
        pytest.param("gross", "999500.03", "999500.00", id="gross"),
        pytest.param("accrued", "22000", "22083.33", id="accrued"),
        pytest.param("net", "1021500", "1021583.33", id="net"),
    ],
)
def test_differences_are_told(name: str, sent: str, ours: str) -> None:
    world, order_id = placed()
    world.fills(order_id, **{name: Decimal(sent)})
    assert getattr(booked(world), name) == Decimal(sent), "the dealer's word is booked"
    notices = {each.body["field"]: each.body for each in world.notices if each.topic == "money"}
    assert notices[name] == {"order_id": order_id, "field": name, "sent": sent, "ours": ours}


def test_accrued_runs_to_the_settlement_that_the_dealer_names() -> None:
    world, order_id = placed()
    world.fills(order_id, settl_date="20261202")
    assert booked(world).accrued == Decimal("23194.44")


@IN_ITS_DAY
def test_money_counts_the_factor() -> None:
    half = replace(BOND, factor=Decimal("0.5"))
    world = scene(securities=[half, *(each for each in SECURITIES if each is not BOND)])
    order_id = world.order(half, "buy", MM, account="PARALLEL")
    world.says("ash", "99.95", order_id)
    world.command("execute", order=order_id)
    world.fills(order_id)
    assert (booked(world).gross, booked(world).accrued) == (Decimal("499750.00"), Decimal("11041.67"))


@pytest.mark.parametrize(
    ("terms", "reason"),
    [
        pytest.param({"day_count": "BUS/252"}, "day_count 'BUS/252' is none that we count", id="day count"),
        pytest.param({"coupon_pct": None}, "coupon_pct is not known", id="coupon"),
        pytest.param({"maturity": None}, "neither maturity nor first_coupon is known", id="maturity"),
        pytest.param(
            {"issue_date": date(2027, 1, 15)},
            "settlement 2026-12-01 is before issue_date 2027-01-15",
            id="issued later",
        ),
    ],
)
def test_accrued_that_cannot_be_computed_stays_unknown_and_the_oms_is_told_why(
    terms: dict[str, Any], reason: str
) -> None:
    odd, world = replace(BOND, **terms), scene()
    world.desk.know(odd.security_id, odd)
    order_id = world.order(odd, "buy", MM, account="PARALLEL")
    if world.the(order_id).manual_reason:  # A bond that is not issued yet is sent by a person.
        world.command("send", order=order_id)
    world.says("ash", "99.95", order_id)
    world.command("execute", order=order_id)
    world.fills(order_id, settl_date="20261201")
    fill, report = booked(world), world.reports()[-1]
    assert (fill.gross, fill.accrued, fill.net, fill.computed) == (Decimal("999500.00"), None, None, ("gross",))
    assert (report.gross, report.accrued, report.net) == (fill.gross, None, None)
    assert report.text == f"computed by us: gross; not known: accrued, net: {reason}"


def test_nothing_accrues_to_a_settlement_before_the_trade() -> None:
    world, order_id = placed()
    world.fills(order_id, settl_date="20200101", trade_date="20261123")
    fill, report = booked(world), world.reports()[-1]
    assert (fill.accrued, fill.net) == (None, None)
    assert report.text == (
        "computed by us: gross; not known: accrued, net: SettlDate(64) 20200101 is before TradeDate(75) 20261123"
    )


def test_what_the_dealer_knows_better_is_taken() -> None:
    """It says what accrued where we cannot."""
    odd = replace(BOND, day_count="BUS/252")
    world = scene(securities=[odd])
    order_id = world.order(odd, "buy", MM, account="PARALLEL")
    world.says("ash", "99.95", order_id)
    world.command("execute", order=order_id)
    world.fills(order_id, accrued=Decimal("21950.00"))
    fill = booked(world)
    assert (fill.accrued, fill.net, fill.computed) == (Decimal("21950.00"), Decimal("1021450.00"), ("gross", "net"))
    assert world.reports()[-1].text == "computed by us: gross, net"


def test_of_a_bond_that_is_paid_back_no_money_is_told() -> None:
    """Its factor is 0: neither 0.00 of principal nor 0.00 of interest."""
    gone = replace(BOND, factor=Decimal(0))
    world, order_id = placed()
    world.desk.securities = {**world.desk.securities, BOND.security_id: gone}
    world.fills(order_id)
    fill = booked(world)
    assert (fill.gross, fill.accrued, fill.net, fill.computed) == (None, None, None, ())
    assert world.reports()[-1].text == "not known: gross, accrued, net: factor is 0: nothing of it is outstanding"
