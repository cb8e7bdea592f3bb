"""The gate before everything that goes to a dealer: five checks, the kill switches, and no way around."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from desk_past import DEALERS, EURO
from desk_scene import BOND, MM, Scene, placed, rows, scene
from desk_start import start

import engine
from engine.clock import NS_PER_S
from engine.desk.draft import Delivery
from engine.desk.gate.risk import Blocked, Cleared, clear_accept, clear_ask
from engine.desk.placement import placing
from engine.domain import events as e
from engine.domain import messages as m
from engine.domain.keys import Scope
from engine.domain.order import OrderState
from engine.domain.placement import PlacementState
from engine.domain.rfq import AskState
from engine.errors import CommandError
from engine.turn.trading import Trading

# --- no ask without the gate ---------------------------------------------------------------------


def test_guarantee_4_only_the_gate_makes_what_can_go_to_a_dealer() -> None:
    world = scene()
    world.order(BOND, "buy", MM, account="PARALLEL")
    said = world.said(m.AskDealer)[0]
    with pytest.raises(TypeError, match=r"only engine\.desk\.gate\.risk clears"):
        Cleared(object(), said, "ash", 0, ())
    with pytest.raises(TypeError):
        Cleared(said=said, session="ash", not_after_ns=0, kill_scopes=())  # type: ignore[call-arg]


def test_guarantee_4_what_was_cleared_cannot_be_changed_into_something_else() -> None:
    world = scene()
    order_id = world.order(BOND, "buy", MM)
    draft = world.draft()
    order, dealer = draft.state.orders[order_id], world.desk.dealers["ash"]
    said = m.AskDealer("ash", "r", BOND.security_id, "4", order.terms.side, Decimal(MM), "USD", "", 0, 0, 0)
    cleared = clear_ask(draft, order, dealer, said, start().utc_ns)
    assert isinstance(cleared, Cleared)
    with pytest.raises((TypeError, ValueError)):
        replace(cleared, said=replace(said, quantity=Decimal(10 * MM)))
    with pytest.raises(AttributeError):
        cleared.said = said  # type: ignore[misc]


def test_guarantee_4_a_request_or_an_acceptance_has_no_other_way_out() -> None:
    """A draft refuses them unless they were cleared, whatever delivery is asked for."""
    world, _ = placed()
    draft = world.draft()
    for said in (world.said(m.AskDealer)[0], world.said(m.AcceptQuote)[0]):
        for delivery in Delivery:
            with pytest.raises(AssertionError):
                draft.send("ash", said, delivery)
    assert draft.sends == []


def test_guarantee_4_nobody_else_names_the_gates_key() -> None:
    root = Path(engine.__file__).parent
    naming = [path for path in root.rglob("*.py") if "Cleared(" in path.read_text() or "GATE_KEY" in path.read_text()]
    assert sorted(path.relative_to(root).as_posix() for path in naming) == ["desk/draft.py", "desk/gate/risk.py"]


# --- each check ----------------------------------------------------------------------------------

Change = Callable[[Scene], Any]


def limits(**changes: Any) -> Change:
    def change(world: Scene) -> None:
        world.desk.risk = replace(world.desk.risk, **changes)

    return change


def kill(scope: str) -> Change:
    return lambda world: world.command("kill", scope=scope, on=True, reason="test")


ORDER_CHECKS = [
    pytest.param(
        limits(notional_max=Decimal(MM - 1)), "notional", "1,000,000 is above risk.notional_max 999,999", id="size"
    ),
    pytest.param(
        limits(restricted=frozenset({BOND.security_id})), "restricted", "is on the restricted list", id="bond"
    ),
    pytest.param(limits(restricted=frozenset({BOND.issuer})), "restricted", "Osprey Freight is on the", id="issuer"),
    pytest.param(limits(open_rfqs_max=0), "open_rfqs", "0 RFQs are open, risk.open_rfqs_max is 0", id="open rfqs"),
]


@pytest.mark.parametrize(("change", "check", "reason"), ORDER_CHECKS)
def test_an_order_that_fails_a_check_is_held_with_the_trader(change: Change, check: str, reason: str) -> None:
    world = scene()
    change(world)
    order_id = world.order(BOND, "buy", MM, account="PARALLEL")
    order = world.the(order_id)
    assert order.state is OrderState.with_trader
    assert order.note.startswith(f"risk {check}: ")
    assert reason in order.note
    assert world.asked() == []
    assert world.kinds() == ["A/A", "0/0"]
    with pytest.raises(CommandError, match=f"risk {check}: ") as error:
        world.command("send", order=order_id)
    assert error.value.code == "risk"
    with pytest.raises(CommandError, match=f"risk {check}: "):
        world.command("override", order=order_id, dealers=["ash"], reason="I want to")
    assert world.asked() == []


@pytest.mark.parametrize(
    ("change", "check"),
    [
        pytest.param(limits(notional_max=Decimal(MM - 1)), "notional", id="size"),
        pytest.param(limits(restricted=frozenset({BOND.security_id})), "restricted", id="bond"),
        pytest.param(limits(restricted=frozenset({BOND.issuer})), "restricted", id="issuer"),
        pytest.param(limits(price_collar_bps=4.0), "collar", id="collar"),
    ],
)
@pytest.mark.parametrize("account", ["PARALLEL", "AUTO"])
def test_a_limit_that_changed_while_dealers_were_asked_stops_the_acceptance(
    change: Change, check: str, account: str
) -> None:
    world = scene()
    order_id = world.order(BOND, "buy", MM, account=account)
    world.says("cedar", "100.05", order_id)
    world.says("ash", "99.95", order_id)
    change(world)
    world.says("beech", "99.97", order_id)
    assert world.accepted() == []
    with pytest.raises(CommandError, match=f"risk {check}: "):
        world.command("execute", order=order_id)
    assert world.accepted() == []
    if account == "AUTO":
        blocked = world.recorded(e.AcceptBlocked)
        assert {(event.dealer, event.check) for event in blocked} == {("ash", check)}
        assert world.recorded(e.TraderAlerted)[-1].reason.startswith(f"risk {check}: ")


def test_a_limit_that_changed_within_a_staggered_round_stops_the_rest_of_it() -> None:
    world = scene()
    order_id = world.order(BOND, "buy", MM, account="SPACED")
    limits(restricted=frozenset({BOND.issuer}))(world)
    world.advance(30)
    assert world.asked() == ["ash"]
    assert {ask.dealer: ask.state for ask in world.rfq(order_id).asks} == {
        "ash": AskState.asked,
        "beech": AskState.blocked,
        "cedar": AskState.blocked,
    }
    assert [event.check for event in world.recorded(e.AskBlocked)] == ["restricted", "restricted"]


def test_a_size_in_a_currency_without_a_rate_is_unknown_and_does_not_pass() -> None:
    world = scene()
    order_id = world.order(EURO, "buy", 1_000, account="PARALLEL")
    assert world.the(order_id).note == "risk notional: size in USD is unknown: no rate for EUR"
    assert world.asked() == []


def test_open_rfqs_are_counted_and_let_go() -> None:
    world = scene(open_rfqs_max=2)
    first, second, third = (world.order(BOND, "buy", MM + n, account="PARALLEL") for n in range(3))
    assert [world.the(each).state for each in (first, second, third)] == ["asking", "asking", "with_trader"]
    assert world.the(third).note == "risk open_rfqs: 2 RFQs are open, risk.open_rfqs_max is 2"
    world.cancel(first)
    world.command("send", order=third)
    assert world.the(third).state is OrderState.asking


# --- duplicates ----------------------------------------------------------------------------------


def test_an_order_like_one_of_the_last_minute_waits_for_a_person() -> None:
    world = scene()
    first = world.order(BOND, "buy", MM, account="PARALLEL")
    second = world.order(BOND, "buy", MM, account="PARALLEL")
    assert world.the(second).duplicate_of == first
    assert world.the(second).note == f"risk duplicate: same account, bond, side and size as {first}"
    assert len(world.asked()) == 3
    with pytest.raises(CommandError, match=r"if it is meant: order\.allow_duplicate"):
        world.command("send", order=second)


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"account": "SPACED"}, id="another account"),
        pytest.param({"side": "sell"}, id="the other side"),
        pytest.param({"quantity": MM + 1}, id="another size"),
        pytest.param({"wait_s": 60}, id="a minute later"),
    ],
)
def test_what_is_no_duplicate(changes: dict[str, Any]) -> None:
    world = scene()
    world.order(BOND, "buy", MM, account="PARALLEL")
    values: dict[str, Any] = {"side": "buy", "quantity": MM, "account": "PARALLEL", **changes}
    world.advance(values.pop("wait_s", 0))
    second = world.order(BOND, values.pop("side"), values.pop("quantity"), **values)
    assert world.the(second).duplicate_of == ""
    assert world.the(second).state is OrderState.asking


def test_a_size_spelt_otherwise_is_the_same_size() -> None:
    world = scene()
    for spelling in ("1000000", "1000000.00", "1E+6"):
        world.order(BOND, "buy", Decimal(spelling))
    assert [order.duplicate_of for order in world.today("orders").values()] == ["", world.id(), world.id(2)]


def test_a_person_allows_a_duplicate_with_a_reason() -> None:
    world = scene()
    world.order(BOND, "buy", MM, account="PARALLEL")
    second = world.order(BOND, "buy", MM, account="PARALLEL")
    with pytest.raises(CommandError, match="missing parameter 'reason'"):
        world.command("order__allow_duplicate", order=second)
    world.command("order__allow_duplicate", order=second, reason="two funds, one account")
    assert world.the(second).state is OrderState.asking
    [event] = world.recorded(e.DuplicateAllowed)
    assert (event.order_id, event.actor, event.reason) == (second, "person:kim", "two funds, one account")


# --- the price collar and the limit --------------------------------------------------------------


@pytest.mark.parametrize(
    ("price", "passes"),
    [
        pytest.param("102.00", True, id="200 bps above fair, the edge"),
        pytest.param("102.01", False, id="201 bps above"),
        pytest.param("98.00", True, id="200 bps below, the edge"),
        pytest.param("97.99", False, id="too good to be true is no better"),
    ],
)
def test_the_collar_holds_a_price_against_fair_in_both_directions(price: str, passes: bool) -> None:
    world = scene()
    order_id = world.order(BOND, "buy", MM, account="PARALLEL")
    world.says("ash", price, order_id)
    if passes:
        world.command("execute", order=order_id)
    else:
        with pytest.raises(CommandError, match=r"risk collar: .* risk\.price_collar_bps is 200"):
            world.command("execute", order=order_id)
    assert world.accepted() == (["ash"] if passes else [])


def test_better_than_fair_passes_the_tolerance_but_beyond_the_collar_goes_to_the_trader() -> None:
    world = scene()
    order_id = world.order(BOND, "buy", MM, account="SINGLE")
    for dealer, price in (("ash", "97.9"), ("beech", "100"), ("cedar", "100")):
        world.says(dealer, price, order_id)
    assert world.accepted() == []
    [alert] = world.recorded(e.TraderAlerted)
    assert alert.dealer == "ash"
    assert alert.reason.startswith("risk collar: 97.9 is 210.0 bps from fair 100")


def test_a_person_takes_what_is_too_good_with_a_reason_and_the_journal_keeps_it() -> None:
    world = scene()
    order_id = world.order(BOND, "buy", MM, account="PARALLEL")
    world.says("ash", "97.9", order_id)
    with pytest.raises(CommandError, match=r"better than fair by that much, it takes a person, and --reason TEXT"):
        world.command("execute", order=order_id)
    world.command("execute", order=order_id, reason="ash confirmed by phone")
    [event] = world.recorded(e.QuoteAccepted)
    assert (event.dealer, event.price, event.reason) == ("ash", Decimal("97.9"), "ash confirmed by phone")
    world.fills(order_id)
    assert world.the(order_id).state is OrderState.filled


def test_a_sale_that_is_too_good_lies_above_fair() -> None:
    world = scene()
    order_id = world.order(BOND, "sell", MM, account="PARALLEL")
    world.says("ash", "103", order_id)
    with pytest.raises(CommandError, match="--reason TEXT"):
        world.command("execute", order=order_id)
    world.command("execute", order=order_id, reason="they want it")
    assert world.accepted() == ["ash"]


def test_no_reason_takes_what_is_worse_than_fair_by_more_than_the_collar() -> None:
    world = scene()
    order_id = world.order(BOND, "buy", MM, account="PARALLEL")
    world.says("ash", "102.01", order_id)
    with pytest.raises(CommandError, match=r"risk\.price_collar_bps is 200$"):
        world.command("execute", order=order_id, reason="I want it")
    assert world.accepted() == []


def test_the_collar_follows_the_mark() -> None:
    world = scene()
    order_id = world.order(BOND, "buy", MM, account="PARALLEL")
    world.says("ash", "100", order_id)
    world.price(BOND, "95")
    with pytest.raises(CommandError, match=r"526\.3 bps from fair 95"):
        world.command("execute", order=order_id)


def test_without_a_mark_the_one_of_the_rounds_opening_holds_while_it_is_fresh() -> None:
    world = scene()
    order_id = world.order(BOND, "buy", MM, account="PARALLEL")
    world.no_price()
    world.says("ash", "103", order_id)
    with pytest.raises(CommandError, match=r"300\.0 bps from fair 100"):
        world.command("execute", order=order_id)


def test_a_person_is_one_whatever_the_person_is_called() -> None:
    """Without a fair value only a person may say yes: who that is hangs on no name."""
    world = scene(LONG)
    order_id = world.order(BOND, "buy", MM)
    world.no_price()
    world.advance(901)
    world.says("ash", "100", order_id)
    assert world.accepted() == []
    draft = world.draft()
    placing.execute(draft, world.the(order_id), None, actor="rule")
    assert [type(event) for event in draft.events] == [e.QuoteAccepted]


LONG = """
rule "long" when true
  ask top 1  wait 3600s  send automatically
  execute automatically when within 15bp price of fair, else ask trader
"""


def test_a_fair_value_that_is_too_old_is_unknown() -> None:
    """The mark of the opening is a quarter of an hour old: a rule does not lean on it any more."""
    world = scene(LONG)
    order_id = world.order(BOND, "buy", MM)
    world.no_price()
    world.advance(901)
    world.says("ash", "100", order_id)
    assert world.accepted() == []
    assert world.recorded(e.TraderAlerted)[0].reason == "fair is unknown"
    assert world.ask(order_id, "ash").quotes[0].edge_bps is None


def test_without_any_fair_a_person_may_execute_and_a_rule_may_not() -> None:
    world = scene("""
rule "any price" when true
  ask top 1  send automatically  execute automatically when within 15bp price of fair, else ask trader
""")
    world.no_price()
    order_id = world.order(BOND, "buy", MM)
    world.says("ash", "150", order_id)
    assert world.accepted() == []
    world.command("execute", order=order_id)
    assert world.accepted() == ["ash"]


@pytest.mark.parametrize(
    ("side", "limit", "price"),
    [
        pytest.param("buy", "99.9", "99.91", id="a purchase above its limit"),
        pytest.param("sell", "100.1", "100.09", id="a sale below its limit"),
    ],
)
def test_nothing_is_executed_beyond_the_orders_limit(side: str, limit: str, price: str) -> None:
    world = scene()
    order_id = world.order(BOND, side, MM, account="PARALLEL", limit_price=Decimal(limit))
    world.says("ash", price, order_id)
    with pytest.raises(CommandError, match="limit"):
        world.command("execute", order=order_id)
    world.says("ash", limit, order_id)
    world.command("execute", order=order_id)
    [d] = world.said(m.AcceptQuote)
    assert d.price == Decimal(limit)


# --- acceptances -----------------------------------------------------------------------------------


def hold(world: Scene) -> None:
    world.desk.hold = "the disk is full"


def take_back(world: Scene) -> None:
    world.cancel(world.id())


def no_fair_value(world: Scene) -> None:
    world.no_price()
    world.advance(901)


def taken(world: Scene) -> None:
    world.command("execute", order=world.id())


@pytest.mark.parametrize(
    ("change", "dealers", "said", "by_rule", "check"),
    [
        pytest.param(take_back, {}, {}, False, "order", id="the order is over"),
        pytest.param(limits(notional_max=Decimal(MM - 1)), {}, {}, False, "notional", id="size"),
        pytest.param(limits(restricted=frozenset({BOND.issuer})), {}, {}, False, "restricted", id="issuer"),
        pytest.param(kill("all"), {}, {}, False, "kill", id="kill all"),
        pytest.param(kill("dealer:ash"), {}, {}, False, "kill", id="kill the dealer"),
        pytest.param(kill("account:PARALLEL"), {}, {}, False, "kill", id="kill the account"),
        pytest.param(hold, {}, {}, False, "journal", id="nothing can be kept"),
        pytest.param(None, {"notional_max": Decimal(MM - 1)}, {}, False, "dealer_limit", id="the dealer's own limit"),
        pytest.param(lambda world: world.drop("ash"), {}, {}, False, "session", id="its session is down"),
        pytest.param(taken, {}, {}, False, "quantity", id="another acceptance is unanswered"),
        pytest.param(None, {}, {"quantity": Decimal(MM + 1)}, False, "quantity", id="more than is left"),
        pytest.param(None, {}, {"price": Decimal("100.11")}, False, "limit", id="beyond the order's limit"),
        pytest.param(None, {}, {"price": Decimal("97.99")}, False, "collar", id="far from fair"),
        pytest.param(no_fair_value, {}, {}, True, "collar", id="no fair value, and a rule"),
        pytest.param(no_fair_value, {}, {}, False, None, id="no fair value, and a person"),
        pytest.param(None, {"paused": True}, {}, False, None, id="a paused dealer"),
        pytest.param(None, {}, {}, False, None, id="nothing"),
    ],
)
def test_each_check_alone_stops_an_acceptance(
    change: Change | None, dealers: dict[str, Any], said: dict[str, Any], by_rule: bool, check: str | None
) -> None:
    """Whatever else would have kept it away: a round that closed, a quote that is gone."""
    world = scene()
    order_id = world.order(BOND, "buy", MM, account="PARALLEL", limit_price=Decimal("100.1"))
    world.says("ash", "99.95", order_id)
    rfq = world.rfq(order_id)
    if change is not None:
        change(world)
    draft, ash, now_ns = world.draft(), replace(world.desk.dealers["ash"], **dealers), world.now.utc_ns
    values = ("ash", "P", "q1", BOND.security_id, "4", rfq.side, Decimal(MM), Decimal("99.95"), "USD", "", now_ns)
    accept = replace(m.AcceptQuote(*values), **said)
    found = clear_accept(draft, world.the(order_id), rfq, ash, accept, now_ns, by_rule=by_rule)
    if check is None:
        assert isinstance(found, Cleared)
        assert (found.said, found.session, found.not_after_ns) == (accept, "ash", now_ns)
    else:
        assert isinstance(found, Blocked)
        assert found.check == check


# --- dealers -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "check"),
    [
        pytest.param(kill("all"), "kill", id="kill all"),
        pytest.param(kill("dealer:ash"), "kill", id="kill the dealer"),
        pytest.param(kill("account:SPACED"), "kill", id="kill the account"),
        pytest.param(lambda world: world.drop("ash"), "session", id="its session is down"),
    ],
)
def test_a_dealer_that_may_not_be_asked_is_left_out_with_the_reason(change: Change, check: str) -> None:
    world = scene()
    change(world)
    draft = world.draft()
    order_id = world.order(BOND, "buy", MM, account="SPACED")
    order, dealer = world.the(order_id), world.desk.dealers["ash"]
    said = m.AskDealer("ash", "r", BOND.security_id, "4", order.terms.side, Decimal(MM), "USD", "", 0, 0, 0)
    draft = world.draft()
    blocked = clear_ask(draft, order, dealer, said, start().utc_ns)
    assert isinstance(blocked, Blocked)
    assert blocked.check == check
    assert "ash" not in world.asked()


@pytest.mark.parametrize(
    ("change", "check"),
    [
        pytest.param({"paused": True}, "paused", id="paused"),
        pytest.param({"notional_max": Decimal(MM - 1)}, "dealer_limit", id="its own limit"),
    ],
)
def test_a_dealers_own_limits_are_asked_at_the_gate_too(change: dict[str, Any], check: str) -> None:
    """A trader's own list goes past the recommendation, not past the gate."""
    dealers = [replace(each, **change) if each.id == "ash" else each for each in DEALERS]
    world = scene(dealers=dealers)
    order_id = world.order(BOND, "buy", MM)
    reply = world.command("override", order=order_id, dealers=["ash", "beech"], reason="mine")
    assert reply["asked"] == ["beech"]
    assert [each["dealer"] for each in reply["blocked"]] == ["ash"]
    assert [event.check for event in world.recorded(e.AskBlocked)] == [check]


def test_what_is_open_with_a_paused_dealer_goes_on() -> None:
    """Pausing means that it is not asked again: a quote it has given may be taken."""
    world = scene()
    order_id = world.order(BOND, "buy", MM, account="PARALLEL")
    world.says("ash", "99.9", order_id)
    paused = scene(dealers=[replace(each, paused=each.id == "ash") for each in DEALERS])
    world.desk.dealers = paused.desk.dealers
    world.command("execute", order=order_id)
    assert world.accepted() == ["ash"]


# --- the kill switch -----------------------------------------------------------------------------


@pytest.mark.parametrize("scope", ["all", "dealer:ash", "account:AUTO"])
def test_kill_stops_acceptances_of_what_was_quoted_before(scope: str) -> None:
    world = scene()
    order_id = world.order(BOND, "buy", MM, account="AUTO")
    world.says("ash", "99.95", order_id)
    world.says("beech", "99.97", order_id)
    kill(scope)(world)
    if world.the(order_id).state is OrderState.asking:
        world.says("cedar", "100.05", order_id)
    assert "ash" not in world.accepted()
    assert world.accepted() == (["beech"] if scope == "dealer:ash" else [])


def test_kill_closes_rounds_and_calls_acceptances_back() -> None:
    world, order_id = placed()
    other = world.order(BOND, "sell", MM, account="PARALLEL")
    reply = world.command("kill", scope="all", on=True, reason="wrong prices")
    assert reply["requests_on_the_wire"] == 3
    assert [each["order"] for each in reply["acceptances_called_back"]] == [order_id]
    assert reply["orders_returned"] == [other]
    assert [f.placement_id for f in world.said(m.CancelPlacement)] == [world.placement(order_id).placement_id]
    assert world.the(other).note == "kill switch all: wrong prices"
    world.says("ash", "100", other)
    assert world.accepted() == ["ash"], "the one from before"
    # The dealer's answer still counts, and the next best is not taken.
    world.reports_of(order_id, m.DealerWord.canceled)
    assert world.the(order_id).note == "the acceptance at ash was called back"
    assert world.accepted() == ["ash"]


def test_a_fill_counts_although_the_kill_is_on() -> None:
    world, order_id = placed()
    world.command("kill", scope="all", on=True, reason="stop")
    world.fills(order_id)
    assert (world.the(order_id).state, world.kinds()[-1]) == (OrderState.filled, "F/2")


def test_kill_on_needs_a_trader_and_off_an_operator_both_a_reason() -> None:
    world = scene()
    with pytest.raises(CommandError, match="missing parameter 'reason'"):
        world.command("kill", scope="all", on=True)
    world.command("kill", scope="all", on=True, reason="stop")
    with pytest.raises(CommandError, match="kill off needs role operator"):
        world.command("kill", scope="all", on=False, reason="go")
    world.order(BOND, "buy", MM, account="PARALLEL")
    assert world.asked() == []
    world.command("kill", role="operator", scope="all", on=False, reason="go")
    assert world.asked() == ["ash", "beech", "cedar"]
    assert [(event.on, event.actor) for event in world.recorded(e.KillSwitched)] == [
        (True, "person:kim"),
        (False, "person:kim"),
    ]


def test_kill_of_one_dealer_lets_the_others_go_on() -> None:
    world = scene()
    order_id = world.order(BOND, "buy", MM, account="SPACED")
    world.command("kill", scope="dealer:beech", on=True, reason="leaks")
    world.advance(30)
    assert world.asked() == ["ash", "cedar"]
    assert world.ask(order_id, "beech").state is AskState.blocked


# --- at release ----------------------------------------------------------------------------------


def test_every_request_and_acceptance_carries_its_last_moment_and_its_switches() -> None:
    world, order_id = placed()
    asks = [send for send in world.sends if isinstance(send.said, m.AskDealer)]
    [accept] = [send for send in world.sends if isinstance(send.said, m.AcceptQuote)]
    for send in asks:
        assert send.delivery is Delivery.at_most_once
        assert send.not_after_ns == start().utc_ns + 30 * NS_PER_S, "half of its minute"
        assert tuple(map(str, send.kill_scopes)) == ("all", f"dealer:{send.said.dealer}", "account:PARALLEL")
    assert accept.delivery is Delivery.at_most_once
    assert accept.not_after_ns == start().utc_ns + 30 * NS_PER_S - world.desk.clocks.guard_ns, "the quote's end"
    assert tuple(map(str, accept.kill_scopes)) == ("all", "dealer:ash", "account:PARALLEL")
    others = [send for send in world.sends if send not in asks and send is not accept]
    assert all(send.delivery is not Delivery.at_most_once for send in others)
    assert world.state.sent[str(accept.outbox_id)].placement_id == world.placement(order_id).placement_id


@pytest.mark.parametrize("scope", ["all", "dealer:ash", "account:PARALLEL"])
def test_guarantee_4_a_switch_thrown_after_the_commit_is_seen_at_release(scope: str) -> None:
    world, _ = placed()
    [accept] = [send for send in world.sends if isinstance(send.said, m.AcceptQuote)]
    trading = Trading(world.desk, state=world.state)
    assert trading.withheld_by(accept.kill_scopes) == ""
    kill("dealer:beech")(world)
    assert trading.withheld_by(accept.kill_scopes) == ""
    kill(scope)(world)
    assert trading.withheld_by(accept.kill_scopes) == scope


def test_an_acceptance_withheld_at_release_frees_its_quantity() -> None:
    world, order_id = placed("AUTO")
    placement = world.placement(order_id)
    world.withhold(placement.outbox_id, "too late")
    assert world.state.placements[placement.placement_id].state is PlacementState.withheld
    assert world.accepted() == ["ash", "beech"], "it never left: the next best is free to be taken"
    assert world.placement(order_id).dealer == "beech"


def test_an_acceptance_that_was_called_back_and_never_left_is_not_replaced() -> None:
    """As when the dealer gives it back: the rest of the round is a person's, though the kill is over by then."""
    world, order_id = placed("AUTO")
    placement = world.placement(order_id)
    world.command("kill", scope="dealer:ash", on=True, reason="wrong prices")
    world.command("kill", scope="dealer:ash", on=False, reason="right again", actor="lou", role="operator")
    world.withhold(placement.outbox_id, "kill: switch dealer:ash is on")
    assert world.accepted() == ["ash"]
    assert world.the(order_id).note == "the acceptance at ash was called back"


def test_what_is_about_an_acceptance_says_which() -> None:
    world, order_id = placed()
    placement = world.placement(order_id)
    world.command("kill", scope="all", on=True, reason="wrong prices")
    world.drop("ash")
    world.restore("ash")
    about = [send for send in world.sends if isinstance(send.said, m.CancelPlacement | m.AskPlacementStatus)]
    assert len(about) == 3, "called back; asked after, and called back once more, when the session came back"
    assert {send.follows for send in about} == {placement.outbox_id}


def test_a_kill_at_release_leaves_nothing_to_take() -> None:
    world, order_id = placed("AUTO")
    outbox_id = world.placement(order_id).outbox_id
    draft = world.draft()
    draft.record(e.KillSwitched(draft.now_ns, Scope.parse("all"), True, "person:kim", "stop"))
    world.keep(draft)
    world.withhold(outbox_id)
    assert world.accepted() == ["ash"]
    assert (world.the(order_id).state, world.the(order_id).note) == ("with_trader", "kill switch all is on")


def test_withholding_twice_or_something_unknown_changes_nothing() -> None:
    world, order_id = placed()
    outbox_id = world.placement(order_id).outbox_id
    world.withhold(outbox_id)
    before = copy.deepcopy(rows(world.state))
    world.withhold(outbox_id)
    world.withhold(999_999)
    assert rows(world.state) == before


# --- quantity ------------------------------------------------------------------------------------


def test_nothing_is_taken_while_an_acceptance_is_unanswered() -> None:
    world, order_id = placed()
    with pytest.raises(CommandError, match="has no quotes to execute: it is placed"):
        world.command("execute", order=order_id, dealer="beech")
    with pytest.raises(CommandError, match="1,000,000 is still unanswered at ash"):
        world.command("send", order=order_id)
    assert world.accepted() == ["ash"]


def test_only_the_rest_is_taken_after_a_part() -> None:
    world, order_id = placed("AUTO")
    world.fills(order_id, 400_000)
    assert world.accepted() == ["ash"], "600,000 is unanswered still"
    world.reports_of(order_id, m.DealerWord.canceled)
    assert [d.quantity for d in world.said(m.AcceptQuote)] == [MM, 600_000]
