"""Commands over a seeded desk: what they answer, record and send, and what they refuse in which words."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import orjson
import pytest
from desk_builder import DeskWorld, FakePhase, compiled, make_desk, seeded_desk
from desk_past import EURO, HIGH_YIELD, ILLIQUID, LIQUID, MUNICIPAL, THIN

from engine.commands.table import COMMANDS, By
from engine.domain import events as e
from engine.domain import messages as m
from engine.domain.order import Handling, OrderState
from engine.errors import CommandError
from engine.rules.source import Source

pytestmark = pytest.mark.starts("noon", others_in_full=True)


@pytest.fixture
def world() -> DeskWorld:
    return seeded_desk()


def refused(world: DeskWorld, name: str, *words: str, code: str, **params: Any) -> str:
    """The command is refused with this code and these words, and nothing of it stays."""
    before = (world.state.digest(), len(world.events), len(world.sends))
    with pytest.raises(CommandError) as caught:
        world.command(name, **params)
    assert caught.value.code == code, caught.value
    for word in words:
        assert word in str(caught.value)
    assert (world.state.digest(), len(world.events), len(world.sends)) == before
    return str(caught.value)


def asked(world: DeskWorld, order_id: str) -> list[str]:
    """Everybody who was asked for an order, in order."""
    of_order = {rfq.rfq_id for rfq in world.state.rfqs.values() if rfq.order_id == order_id}
    return [event.dealer for event in world.recorded(e.DealerAsked) if event.rfq_id in of_order]


def placed(world: DeskWorld) -> str:
    """An order whose best quote was taken and not answered yet."""
    order_id = world.order(HIGH_YIELD, "buy", 6_000_000)
    world.command("send", order=order_id)
    world.quote("cedar", "99.90", order_id=order_id)
    world.quote("beech", "100.10", order_id=order_id)
    world.command("execute", order=order_id)
    return order_id


# --- the door ------------------------------------------------------------------------------------


def test_an_unknown_command_names_the_nearest(world: DeskWorld) -> None:
    refused(world, "recomend", "no command 'recomend'", "did you mean 'recommend'?", code="unknown_command")
    refused(world, "xyzzy", "known are status, dealers", code="unknown_command")


@pytest.mark.parametrize(
    ("name", "params", "words"),
    [
        pytest.param("send", {}, ["missing parameter 'order'"], id="missing"),
        pytest.param(
            "orders", {"stat": "open"}, ["unknown parameter 'stat' (did you mean 'state'?)"], id="unknown, the nearest"
        ),
        pytest.param("orders", {"state": "opne"}, ["expected one of open, all", "did you mean 'open'?"], id="choice"),
        pytest.param("orders", {"limit": 0}, ["a whole number from 1 to 1000, found 0"], id="bounds"),
        pytest.param("orders", {"limit": True}, ["a whole number"], id="a flag is no number"),
        pytest.param(
            "order.new",
            {"side": "hold", "quantity": -5, "security": " ", "limt": "9"},
            ["unknown parameter 'limt'", "'side'", "'quantity'", "'security'"],
            id="everything at once",
        ),
        pytest.param(
            "override", {"order": "1", "dealers": ["a", "a"], "reason": "x"}, ["'a' is there twice"], id="twice"
        ),
        pytest.param(
            "override", {"order": "1", "dealers": ["ash"]}, ["missing parameter 'reason'"], id="override: why"
        ),
        pytest.param("kill", {"scope": "all", "on": True}, ["missing parameter 'reason'"], id="kill: why"),
        pytest.param("kill", {"scope": "all", "on": "yes", "reason": "x"}, ["expected true or false"], id="flag"),
        pytest.param("kill", {"scope": "desk:1", "on": True, "reason": "x"}, ["all, dealer:NAME or"], id="scope"),
        pytest.param("recommend", {"order": "1", "side": "buy"}, ["either an order or side"], id="recommend: both"),
        pytest.param("recommend", {"side": "buy"}, ["missing security, quantity"], id="recommend: half"),
        pytest.param(
            "order.new",
            {"side": "buy", "quantity": "1mm", "security": LIQUID.security_id, "tif": "gtd"},
            ["'gtd' and a date belong together"],
            id="gtd without a date",
        ),
    ],
)
def test_parameters_are_held_to_their_words(
    world: DeskWorld, name: str, params: dict[str, Any], words: list[str]
) -> None:
    refused(world, name, *words, code="params", **params)


@pytest.mark.parametrize(
    ("name", "role", "needed", "params"),
    [
        pytest.param("order.cancel", "viewer", "trader", {"order": "1"}, id="a viewer changes nothing"),
        pytest.param("status", "feed", "viewer", {}, id="a feed does not even look"),
        pytest.param("kill", "viewer", "trader", {"scope": "all", "on": True, "reason": "x"}, id="nor stops anything"),
        pytest.param(
            "order.force_state", "trader", "operator", {"order": "1", "reason": "x"}, id="force-state is the operator's"
        ),
        pytest.param("kill", "trader", "operator", {"scope": "all", "on": False, "reason": "x"}, id="so is kill off"),
    ],
)
def test_roles(world: DeskWorld, name: str, role: str, needed: str, params: dict[str, Any]) -> None:
    refused(world, name, f"needs role {needed}; kim is {role}", code="role", role=role, **params)


def test_every_reading_command_records_nothing_and_is_json(world: DeskWorld) -> None:
    order_id = placed(world)
    world.fill(order_id)
    world.fill(order_id, exec_id="twice")
    before = (world.state.digest(), len(world.events), len(world.sends))
    params: dict[str, dict[str, Any]] = {
        "order.show": {"order": order_id},
        "rules.explain": {"order": order_id},
        "dealer.show": {"dealer": "ash"},
        "bond": {"security": LIQUID.security_id},
        "tca.order": {"order": order_id},
        "quarantine.show": {"fill": next(each.fill_id for each in world.state.open_quarantine())},
        "tiers": {"of": "municipal"},
        "recommend": {"security": LIQUID.security_id, "side": "buy", "quantity": 100_000},
    }
    reading = [name for name, each in COMMANDS.items() if each.role == "viewer" and each.by is By.desk]
    assert len(reading) >= 9
    for name in reading:
        answer = world.command(name, role="viewer", **params.get(name, {}))
        assert isinstance(answer, dict), name
        orjson.dumps(answer)
    assert (world.state.digest(), len(world.events), len(world.sends)) == before


def test_help_says_all_of_it(world: DeskWorld) -> None:
    listed = world.command("help", role="viewer")["commands"]
    assert [each["name"] for each in listed] == list(COMMANDS)
    kill = next(each for each in listed if each["name"] == "kill")
    assert [each["name"] for each in kill["params"] if each["required"]] == ["scope", "on", "reason"]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("5mm", "5000000"),
        ("500k", "500000"),
        ("1.5bn", "1500000000"),
        ("2,500,000", "2500000"),
        (2_500_000, "2500000"),
    ],
)
def test_amounts_as_traders_say_them(world: DeskWorld, written: Any, meant: str) -> None:
    answer = world.command("recommend", security=LIQUID.cusip, side="buy", quantity=written)
    assert answer["quantity"] == meant


@pytest.mark.parametrize("written", ["5m", "0", "-1", "1e6", "NaN", "5 mm mm", 2.5, True, None, [], "9" * 20])
def test_amounts_that_nobody_means(world: DeskWorld, written: Any) -> None:
    with pytest.raises(CommandError):
        world.command("recommend", security=LIQUID.security_id, side="buy", quantity=written)


# --- orders --------------------------------------------------------------------------------------


def test_a_traders_order_is_reported_to_the_drop_copy_alone_and_waits_for_its_trader(world: DeskWorld) -> None:
    story = world.command("order.new", side="buy", quantity="6mm", security=HIGH_YIELD.security_id, account="FUND-A")
    assert story["state"] == "with_trader"
    assert story["source"] == "trader kim"
    assert story["recommendation"]["plan"]["dealers"] == ["cedar", "beech", "ash"]
    assert story["note"] == "rule “large high yield” sends after approval"
    assert {send.session for send in world.sends} == {"dropcopy"}
    received = world.recorded(e.OrderReceived)[0]
    assert received.actor == "person:kim"
    assert world.notices


def test_a_rule_that_sends_by_itself_sends_a_traders_order_unless_it_is_held(world: DeskWorld) -> None:
    bond = {"side": "buy", "quantity": "400k", "security": LIQUID.security_id}
    assert world.command("order.new", **bond)["state"] == "asking"
    held = world.command("order.new", **{**bond, "quantity": "300k"}, hold=True)
    assert (held["state"], held["manual_reason"]) == ("with_trader", "held by its trader")


def test_a_gtd_order_lives_to_the_end_of_its_day(world: DeskWorld) -> None:
    bond = {"side": "buy", "quantity": "6mm", "security": HIGH_YIELD.security_id}
    story = world.command("order.new", **bond, until="2026-11-30")
    assert (story["tif"], story["expires"]) == ("gtd", "2026-12-01T00:00:00.000Z")
    refused(world, "order.new", "time is over", code="refused", **bond, until="2026-11-20")


def test_what_is_unknown_is_named(world: DeskWorld) -> None:
    near = HIGH_YIELD.security_id[:-1] + "X"
    bond = {"side": "buy", "quantity": "1mm"}
    text = refused(world, "order.new", "not in the security master", code="unknown", security=near, **bond)
    assert "did you mean 'US99Z" in text
    refused(world, "order.show", "no order 7777777", code="unknown", order="7777777")
    refused(world, "dealers", "did you mean 'cedar'?", code="unknown", dealer="ceder")


def test_orders_lists_the_latest_first(world: DeskWorld) -> None:
    first = world.order(HIGH_YIELD, "buy", 6_000_000)
    second = world.order(LIQUID, "buy", 400_000)
    listed = world.command("orders", role="viewer")["orders"]
    assert [each["order"] for each in listed] == [second, first]
    assert [each["order"] for each in world.command("orders", limit=1)["orders"]] == [second]
    assert [each["order"] for each in world.command("orders", state="asking")["orders"]] == [second]
    world.quote("cedar", "99.99", order_id=second)
    best = world.command("orders")["orders"][0]["best"]
    assert (best["dealer"], best["price"], best["quotes"]) == ("cedar", "99.99", 1)
    assert best["edge_bps"] == pytest.approx(1.0)


def test_a_short_number_finds_the_order(world: DeskWorld) -> None:
    order_id = world.order(HIGH_YIELD, "buy", 6_000_000)
    assert world.command("order.show", order=order_id.lower())["order"] == order_id
    assert world.command("order.show", order=order_id.removeprefix("O-").lstrip("0"))["order"] == order_id


def test_cancel_ends_an_order_and_tells_the_oms(world: DeskWorld) -> None:
    order_id = world.order(HIGH_YIELD, "buy", 6_000_000)
    answer = world.command("order.cancel", order=order_id)
    assert (answer["state"], answer["pending"]) == ("canceled", False)
    assert world.said(m.OrderReport)[-1].kind is m.ReportKind.canceled
    refused(world, "order.cancel", "too late", "canceled", code="state", order=order_id)


def test_a_canceled_order_is_not_being_canceled_any_more(world: DeskWorld) -> None:
    order_id = world.order(HIGH_YIELD, "buy", 6_000_000)
    world.command("order.cancel", order=order_id)
    [line] = [each for each in world.command("orders", state="all")["orders"] if each["order"] == order_id]
    assert (line["state"], line["cancel_pending"]) == ("canceled", False)


def test_cancel_waits_for_a_dealer_that_may_have_filled_it(world: DeskWorld) -> None:
    order_id = placed(world)
    answer = world.command("order.cancel", order=order_id)
    assert answer["pending"]
    assert answer["waits_for"] == "cedar to answer for 6,000,000"
    refused(world, "order.cancel", "pending already", code="state", order=order_id)
    world.fill(order_id)
    assert world.state.orders[order_id].state is OrderState.filled


def test_the_whole_story_of_an_order(world: DeskWorld) -> None:
    order_id = placed(world)
    world.fill(order_id)
    world.advance(1799)
    world.price(HIGH_YIELD, "99.50")
    world.advance(1)
    story = world.command("order.show", role="viewer", order=order_id)
    assert (story["state"], story["filled"], story["average_price"]) == ("filled", "6000000", "99.9")
    assert story["arrival"]["price"] == "100"
    assert len(story["recommendation"]["lines"]) == len(world.desk.dealers)
    (rfq,) = story["rfqs"]
    assert (rfq["opened_by"], rfq["outcome"], rfq["plan"]["mode"]) == ("person:kim", "executed", "parallel")
    answers = {ask["dealer"]: ask for ask in rfq["asks"]}
    assert answers["cedar"]["quotes"][0]["taken"]
    assert answers["cedar"]["quotes"][0]["edge_bps"] == pytest.approx(10.0)
    assert answers["beech"]["quotes"][0]["price"] == "100.10"
    assert answers["ash"]["quotes"] == []
    (placement,) = story["placements"]
    assert (placement["dealer"], placement["state"]) == ("cedar", "filled")
    (fill,) = story["fills"]
    assert fill["improvement_bps"] == pytest.approx(10.0)
    # Bought, and the price came back: it did not run away from us, which would be negative.
    assert fill["reversion"]["done"]
    assert fill["reversion"]["bps"] == pytest.approx(50.0)


def test_a_story_keeps_to_its_own_order(world: DeskWorld) -> None:
    first = placed(world)
    world.fill(first, exec_id="X1")
    world.advance(61)
    second = placed(world)
    world.fill(second, quantity=1_000_000, exec_id="X2")
    for order_id, filled in ((first, "6000000"), (second, "1000000")):
        story = world.command("order.show", order=order_id)
        assert len(story["rfqs"]) == len(story["placements"]) == len(story["fills"]) == 1
        assert story["fills"][0]["quantity"] == filled


# --- duplicates ----------------------------------------------------------------------------------


def test_a_duplicate_waits_until_a_person_says_it_is_meant(world: DeskWorld) -> None:
    first = world.order(LIQUID, "buy", 400_000)
    second = world.order(LIQUID, "buy", 400_000)
    assert asked(world, first)
    assert asked(world, second) == []
    refused(world, "send", "risk duplicate", "order.allow_duplicate", code="risk", order=second)
    refused(world, "order.allow_duplicate", "not held as a duplicate", code="state", order=first, reason="x")
    story = world.command("order.allow_duplicate", order=second, reason="two funds")
    assert story["state"] == "asking"
    assert asked(world, second)
    allowed = world.recorded(e.DuplicateAllowed)[0]
    assert (allowed.actor, allowed.reason) == ("person:kim", "two funds")


# --- sending -------------------------------------------------------------------------------------


def test_send_asks_exactly_who_was_shown(world: DeskWorld) -> None:
    order_id = world.order(HIGH_YIELD, "buy", 6_000_000)
    assert asked(world, order_id) == []
    answer = world.command("send", order=order_id)
    assert answer["asked"] == asked(world, order_id) == ["cedar", "beech", "ash"]
    assert world.recorded(e.RfqOpened)[-1].opened_by == "person:kim"
    refused(world, "send", "being asked already", code="state", order=order_id)


def test_a_dealer_that_cannot_be_asked_is_named(world: DeskWorld) -> None:
    order_id = world.order(HIGH_YIELD, "buy", 6_000_000)
    world.down.add("beech")
    answer = world.command("send", order=order_id)
    assert answer["asked"] == ["cedar", "ash"]
    assert answer["blocked"] == [{"dealer": "beech", "reason": "session beech is not logged on"}]


def test_a_list_that_a_protection_no_longer_allows_is_not_sent(world: DeskWorld) -> None:
    """Shown while the volume allowed three at once; by now the day's exposure is a tenth of it."""
    order_id = world.order(THIN, "buy", 200_000, handling=Handling.manual)
    assert world.state.recommendations[order_id].protections == ()
    world.order(THIN, "buy", 150_000, handling=Handling.manual)
    refused(world, "send", "no longer holds", "at most 3 dealers", "'fresh'", code="state", order=order_id)
    answer = world.command("send", order=order_id, fresh=True)
    assert answer["plan"]["mode"] == "stagger"
    assert (len(answer["asked"]), len(answer["plan"]["dealers"])) == (1, 3)
    assert len(world.recorded(e.OrderRecommended)) == 3


def test_a_dealer_whose_session_is_closed_is_named_with_the_hour_of_its_return(world: DeskWorld) -> None:
    order_id = world.order(HIGH_YIELD, "buy", 6_000_000)
    why = "session beech is closed until 08:00 America/New_York"
    world.close("beech", "08:00 America/New_York")
    advice = world.command("recommend", role="viewer", order=order_id)
    assert next(each["reason"] for each in advice["lines"] if each["dealer"] == "beech") == why
    assert world.command("send", order=order_id)["blocked"] == [{"dealer": "beech", "reason": why}]
    [blocked] = world.recorded(e.AskBlocked)
    assert (blocked.dealer, blocked.check, blocked.reason) == ("beech", "session", why)


@pytest.mark.parametrize("rank", ["classic", "model"])
def test_a_recommendation_is_shown_though_nobody_can_be_asked(world: DeskWorld, rank: str) -> None:
    world.down.update(world.desk.dealers.ids)
    shown = world.command("recommend", security=LIQUID.security_id, side="buy", quantity=100_000, rank=rank)
    assert shown["problem"].startswith("nobody to ask: ")
    assert not any(line["chosen"] for line in shown["lines"])


def test_nobody_to_ask_says_why(world: DeskWorld) -> None:
    world.down.update(world.desk.dealers.ids)
    order_id = world.order(HIGH_YIELD, "buy", 6_000_000)
    refused(world, "send", "nobody to ask", "session ash is not logged on", code="state", order=order_id)


@pytest.mark.parametrize(
    ("security", "quantity", "check"),
    [
        pytest.param(HIGH_YIELD, 50_000_001, "risk notional", id="above the limit"),
        pytest.param(EURO, 1_000_000, "risk notional", id="a currency without a rate"),
    ],
)
def test_the_gate_speaks_before_anything_is_recorded(
    world: DeskWorld, security: Any, quantity: int, check: str
) -> None:
    order_id = world.order(security, "buy", quantity)
    refused(world, "send", check, code="risk", order=order_id)
    dry = world.command("recommend", security=security.security_id, side="buy", quantity=quantity)
    assert dry["blocked"].startswith(check)


# --- overriding ----------------------------------------------------------------------------------


def test_override_asks_the_traders_list_and_keeps_both_with_the_reason(world: DeskWorld) -> None:
    order_id = world.order(HIGH_YIELD, "buy", 6_000_000)
    answer = world.command("override", order=order_id, dealers=["fir", "oak"], reason="oak showed an axe")
    assert answer["asked"] == asked(world, order_id) == ["fir", "oak"]
    recorded = world.recorded(e.OrderOverridden)[0]
    assert recorded.before == ("cedar", "beech", "ash")
    assert recorded.after == ("fir", "oak")
    assert (recorded.actor, recorded.reason, recorded.past_protections) == ("person:kim", "oak showed an axe", ())
    (rfq,) = world.command("order.show", order=order_id)["rfqs"]
    assert rfq["override"]["reason"] == "oak showed an axe"


@pytest.mark.parametrize(
    ("dealers", "code", "word"),
    [
        pytest.param(["cedr"], "unknown", "did you mean 'cedar'?", id="unknown dealer"),
        pytest.param(["pine"], "refused", "pine does not trade corporate bonds", id="not its business"),
    ],
)
def test_an_override_names_dealers_that_can_be_asked(
    world: DeskWorld, dealers: list[str], code: str, word: str
) -> None:
    order_id = world.order(HIGH_YIELD, "buy", 6_000_000)
    refused(world, "override", word, code=code, order=order_id, dealers=dealers, reason="x")


def test_a_protection_holds_over_an_override(world: DeskWorld) -> None:
    order_id = world.order(THIN, "buy", 400_000, handling=Handling.manual)
    four = {"order": order_id, "dealers": ["ash", "beech", "cedar", "fir"], "reason": "they all asked for it"}
    refused(world, "override", "fir: at most 3 dealers", code="protection", **four)
    refused(world, "override", "needs role operator", code="role", **four, past_protection=True)
    answer = world.command("override", role="operator", **four, past_protection=True)
    # Past the limit on how many; the pace of the protection still holds.
    assert answer["plan"]["dealers"] == four["dealers"]
    assert (answer["plan"]["mode"], answer["plan"]["stagger_s"]) == ("stagger", 5.0)
    assert world.recorded(e.OrderOverridden)[0].past_protections == (
        'fir: at most 3 dealers: protect "large against volume"',
    )
    world.advance(20)
    assert asked(world, order_id) == four["dealers"]


def test_a_limit_counts_dealers_over_all_rounds(world: DeskWorld) -> None:
    """Three were asked in the first round: a fourth in the second is past the protection, the same three are not."""
    order_id = world.order(THIN, "buy", 400_000, handling=Handling.manual)
    world.command("override", order=order_id, dealers=["ash", "beech", "cedar"], reason="x")
    world.advance(200)
    assert world.state.orders[order_id].state is OrderState.with_trader
    refused(world, "override", "fir: at most 3", code="protection", order=order_id, dealers=["fir"], reason="x")
    assert world.command("override", order=order_id, dealers=["cedar"], reason="again")["asked"] == ["cedar"]


# --- executing -----------------------------------------------------------------------------------


def test_execute_takes_the_best_or_the_named_quote(world: DeskWorld) -> None:
    order_id = placed(world)
    (said,) = world.said(m.AcceptQuote)
    assert (said.dealer, said.price, said.quantity) == ("cedar", Decimal("99.90"), Decimal(6_000_000))
    assert world.recorded(e.QuoteAccepted)[0].actor == "person:kim"
    refused(world, "execute", "no quotes to execute", code="refused", order=order_id)
    world.advance(61)
    other = world.order(HIGH_YIELD, "buy", 6_000_000)
    world.command("send", order=other)
    world.quote("cedar", "99.90", order_id=other)
    world.quote("beech", "100.10", order_id=other)
    assert world.command("execute", order=other, dealer="beech")["dealer"] == "beech"


def test_execute_without_a_quote_says_what_everybody_answered(world: DeskWorld) -> None:
    order_id = world.order(HIGH_YIELD, "buy", 6_000_000)
    world.command("send", order=order_id)
    ask = world.state.rfqs[world.state.orders[order_id].rfq_id].asks[0]
    world.hear("cedar", m.QuoteDecline(ask.quote_req_id, "no axe"))
    refused(world, "execute", "cedar: declined (no axe)", "ash: asked", code="refused", order=order_id)
    world.quote("beech", "100.10", order_id=order_id)
    refused(world, "execute", "of ash", "beech: 100.10 live", code="refused", order=order_id, dealer="ash")


def test_the_collar_holds_for_a_person_too(world: DeskWorld) -> None:
    order_id = world.order(HIGH_YIELD, "buy", 6_000_000)
    world.command("send", order=order_id)
    world.quote("cedar", "103", order_id=order_id)
    refused(world, "execute", "risk collar", code="risk", order=order_id)


# --- in doubt ------------------------------------------------------------------------------------


def test_force_state_frees_the_quantity_and_hands_the_order_to_the_trader(world: DeskWorld) -> None:
    order_id = placed(world)
    world.advance(120)
    placement = world.state.placements[world.state.orders[order_id].placement_id]
    assert placement.person_needed
    assert world.command("status")["unanswered"][0]["person_needed"]
    answer = world.command("order.force_state", role="operator", order=order_id, reason="cedar says: no trade")
    assert (answer["released"], answer["dealer"]) == ("6000000", "cedar")
    assert answer["state"] == "with_trader"
    assert world.state.placements[placement.placement_id].reserved == 0
    ended = world.recorded(e.PlacementEnded)[-1]
    assert (ended.state, ended.reason, ended.actor) == ("forced", "cedar says: no trade", "person:kim")
    again = {"order": order_id, "reason": "x", "role": "operator"}
    refused(world, "order.force_state", "nothing unanswered", code="state", **again)


def test_after_a_person_released_an_acceptance_no_rule_takes_the_next_quote(world: DeskWorld) -> None:
    """The quotes still live: the rule would take beech's. Whoever released cedar's decides what happens next."""
    order_id = world.order(LIQUID, "buy", 400_000)
    for name in asked(world, order_id):
        world.quote(name, "99.99" if name == "cedar" else "100.01", order_id=order_id, firm_s=600)
    assert world.said(m.AcceptQuote)[-1].dealer == "cedar"
    world.command("order.force_state", role="operator", order=order_id, reason="line is dead")
    assert len(world.said(m.AcceptQuote)) == 1
    order = world.state.orders[order_id]
    assert (order.state, order.note) == (OrderState.with_trader, "the acceptance at cedar was released by a person")


# --- kill ----------------------------------------------------------------------------------------


def test_kill_is_recorded_before_anything_else_and_calls_back_what_is_out(world: DeskWorld) -> None:
    working = placed(world)
    world.advance(1)
    asking = world.order(LIQUID, "buy", 400_000)
    several = len(asked(world, asking))
    assert several > 1
    idle = world.order(MUNICIPAL, "buy", 3_000_000)
    start = len(world.events)
    answer = world.command("kill", scope="all", on=True, reason="bad marks")
    assert isinstance(world.events[start], e.KillSwitched)
    assert answer["acceptances_called_back"] == [{"order": working, "dealer": "cedar", "quantity": "6000000"}]
    assert answer["orders_returned"] == [asking]
    # ash was asked for the working order and has not answered, nor has anybody for the other one.
    assert answer["requests_on_the_wire"] == 1 + several
    assert [kill["scope"] for kill in answer["in_force"]] == ["all"]
    (cancel,) = world.said(m.CancelPlacement)
    assert cancel.placement_id == world.state.orders[working].placement_id
    assert world.state.orders[asking].note == "kill switch all: bad marks"
    # Still working at the dealer: its quantity stays reserved until the dealer answers.
    assert world.state.orders[working].state is OrderState.placed
    assert world.state.orders[idle].state is OrderState.with_trader


def test_under_kill_all_nothing_more_is_asked_or_taken(world: DeskWorld) -> None:
    asking = world.order(HIGH_YIELD, "buy", 6_000_000)
    world.command("send", order=asking)
    idle = world.order(LIQUID, "buy", 6_000_000)
    world.command("kill", scope="all", on=True, reason="stop")
    requests = len(world.said(m.AskDealer))
    refused(world, "execute", code="refused", order=asking)
    answer = world.command("send", order=idle)
    assert answer["asked"] == []
    assert {each["reason"] for each in answer["blocked"]} == {"kill switch all is on: stop"}
    automatic = world.order(LIQUID, "sell", 400_000)
    assert world.state.orders[automatic].state is OrderState.with_trader
    world.advance(300)
    assert len(world.said(m.AskDealer)) == requests
    assert world.said(m.AcceptQuote) == []


def test_a_called_back_acceptance_goes_to_the_trader_not_to_the_next_quote(world: DeskWorld) -> None:
    order_id = world.order(LIQUID, "buy", 400_000)
    for name in asked(world, order_id):
        world.quote(name, "99.99" if name == "cedar" else "100.01", order_id=order_id, firm_s=600)
    world.command("kill", scope="dealer:cedar", on=True, reason="x")
    cancel = world.said(m.CancelPlacement)[-1]
    canceled = m.DealerReport(
        word=m.DealerWord.canceled,
        cl_ord_id=cancel.cancel_id,
        orig_cl_ord_id=cancel.placement_id,
        order_id="D1",
        exec_id="C1",
        security_id=LIQUID.security_id,
        side=None,
        last_quantity=None,
        last_price=None,
        cum_quantity=Decimal(0),
        leaves_quantity=Decimal(0),
        average_price=None,
        trade_date="",
        settl_date="",
        transact_ns=None,
        status="4",
    )
    world.hear("cedar", canceled)
    assert len(world.said(m.AcceptQuote)) == 1
    order = world.state.orders[order_id]
    assert (order.state, order.note) == (OrderState.with_trader, "the acceptance at cedar was called back")


def test_a_killed_dealer_leaves_the_others_of_its_round_alone(world: DeskWorld) -> None:
    order_id = world.order(HIGH_YIELD, "buy", 6_000_000)
    world.command("send", order=order_id)
    world.quote("cedar", "99.90", order_id=order_id)
    answer = world.command("kill", scope="dealer:cedar", on=True, reason="wrong prices")
    assert answer["orders_returned"] == []
    world.quote("beech", "100.10", order_id=order_id)
    refused(world, "execute", "kill switch dealer:cedar is on", code="refused", order=order_id, dealer="cedar")
    assert world.command("execute", order=order_id)["dealer"] == "beech"


def test_a_kill_of_one_account_spares_the_others(world: DeskWorld) -> None:
    stopped = world.order(LIQUID, "buy", 400_000, account="FUND-A")
    spared = world.order(LIQUID, "buy", 400_000, account="FUND-B")
    answer = world.command("kill", scope="account:FUND-A", on=True, reason="breach")
    assert answer["orders_returned"] == [stopped]
    assert world.state.orders[spared].state is OrderState.asking


def test_a_round_whose_only_dealer_is_killed_is_over(world: DeskWorld) -> None:
    order_id = world.order(HIGH_YIELD, "buy", 6_000_000)
    world.command("override", order=order_id, dealers=["fir"], reason="x")
    answer = world.command("kill", scope="dealer:fir", on=True, reason="y")
    assert answer["orders_returned"] == [order_id]


def test_kill_off_lets_go_again(world: DeskWorld) -> None:
    off = {"scope": "all", "on": False, "reason": "checked"}
    refused(world, "kill", "not on", code="state", role="operator", **off)
    world.command("kill", scope="all", on=True, reason="stop")
    world.command("kill", role="operator", **off)
    order_id = world.order(LIQUID, "buy", 400_000)
    assert world.state.orders[order_id].state is OrderState.asking
    switched = world.recorded(e.KillSwitched)
    assert [(each.on, each.reason) for each in switched] == [(True, "stop"), (False, "checked")]


def test_a_kill_scope_names_a_dealer_that_there_is(world: DeskWorld) -> None:
    kill = {"on": True, "reason": "x"}
    refused(world, "kill", "did you mean 'cedar'?", code="unknown", scope="dealer:ceder", **kill)


# --- looking around ------------------------------------------------------------------------------


def test_status_counts_what_is_open(world: DeskWorld) -> None:
    world.order(HIGH_YIELD, "buy", 6_000_000)
    world.order(LIQUID, "buy", 400_000)
    world.machine.sessions["ash"].phase = FakePhase.disconnected
    world.down.add("ash")
    status = world.command("status", role="viewer")
    assert status["orders"]["open"] == 2
    assert (status["orders"]["with_trader"], status["orders"]["asking"]) == (1, 1)
    assert status["rfqs"]["open"] == 1
    assert status["sessions"]["down"] == ["ash"]
    assert status["dealers"] == {"connected": 15, "configured": 16}


def test_a_session_outside_its_hours_is_closed_and_says_until_when(world: DeskWorld) -> None:
    world.close("ash", "08:00 America/New_York")
    sessions = world.command("status", role="viewer")["sessions"]
    assert sessions["closed"] == {"ash": "closed until 08:00 America/New_York"}
    closed = {each["dealer"]: each["closed"] for each in world.command("dealers")["dealers"]}
    assert (closed["ash"], closed["beech"]) == ("closed until 08:00 America/New_York", None)


def test_dealers_best_first_with_what_they_did(world: DeskWorld) -> None:
    answer = world.command("dealers", role="viewer", asset_class="municipal")
    assert answer["scorer"] == "30% fill_rate + 40% price_improvement + 20% leakage + 10% speed"
    assert [each["dealer"] for each in answer["dealers"]][:3] == ["larch", "maple", "poplar"]
    assert len(answer["dealers"]) == 10  # who does not trade municipals is not ranked in them
    best = answer["dealers"][0]
    assert best["score"] == pytest.approx(0.3 * 0.9 + 0.4 * 1.4 + 0.2 + 0.1 * 0.9)
    assert (best["counts"]["asks"], best["counts"]["trades"]) == (40, 36)
    assert best["metrics"]["price_improvement"]["value"] == pytest.approx(4.0)
    world.command("kill", scope="dealer:oak", on=True, reason="x")
    (oak,) = world.command("dealers", dealer="oak")["dealers"]
    assert (oak["kill"], oak["score"], oak["counts"]["asks"]) == ("dealer:oak", None, 0)


def test_explain_tells_what_was_decided_and_on_request_what_would_be(world: DeskWorld) -> None:
    order_id = world.order(HIGH_YIELD, "buy", 6_000_000)
    world.down.add("cedar")
    decided = world.command("rules.explain", role="viewer", order=order_id)
    assert decided["plan"]["dealers"] == ["cedar", "beech", "ash"]
    assert decided["book_is_current"]
    assert any('rule "large high yield" decides' in line for line in decided["trace"])
    now = world.command("rules.explain", order=order_id, now=True)
    assert now["plan"]["dealers"] == ["beech", "ash", "fir"]
    cedar = next(line for line in now["lines"] if line["dealer"] == "cedar")
    assert cedar["reason"] == "session cedar is not logged on"


def test_a_fill_in_quarantine_is_listed_until_a_person_decides(world: DeskWorld) -> None:
    order_id = placed(world)
    world.fill(order_id, price="101")  # worse than quoted
    (kept,) = world.command("quarantine.list", role="viewer")["fills"]
    assert (kept["dealer"], kept["quantity"], kept["price"]) == ("cedar", "6000000", "101")
    assert "worse than the quoted 99.90" in kept["reason"]
    assert world.command("status")["quarantined"] == 1
    world.command("quarantine.reject", role="operator", fill=kept["fill"], reason="agreed by phone")
    assert world.command("status")["quarantined"] == 0


def test_rules_fields_is_the_catalogue(world: DeskWorld) -> None:
    answer = world.command("rules.fields", role="viewer")
    adv = next(each for each in answer["order"] if each["name"] == "adv")
    assert (adv["kind"], adv["windowed"]) == ("money", True)
    assert {"classic", "hit_rate", "leakage"} <= set(answer["rank_by"])


def test_a_whisper_goes_on_to_the_next_when_nobody_answers(world: DeskWorld) -> None:
    """BRIEF C4 as it runs: one dealer after the other, 20 s each, until one is close enough to fair."""
    order_id = world.order(ILLIQUID, "sell", 12_000_000)
    world.command("send", order=order_id)
    assert asked(world, order_id) == ["fir"]
    world.advance(21)
    assert asked(world, order_id) == ["fir", "maple"]
    world.quote("maple", "99.00", order_id=order_id)  # 100 bps away: not good enough
    assert asked(world, order_id) == ["fir", "maple", "beech"]
    world.quote("beech", "99.80", order_id=order_id)  # 20 bps: the search is over
    world.advance(1)
    assert asked(world, order_id) == ["fir", "maple", "beech"]
    assert world.command("execute", order=order_id)["dealer"] == "beech"


# --- tiers ---------------------------------------------------------------------------------------


def test_tiers_say_who_is_in_which_and_by_which_lines() -> None:
    text = """
tiers for asset_class in {corporate} by classic over 90d
  tier 1 when rank in top 20% and asks >= 20
  tier 2 when rank in top 50%
rule "all" when true
  ask all of tier 1
"""
    world = seeded_desk(book=compiled((Source("tiers.rules", text),), tuple(make_desk().dealers.ids)))
    order_id = world.order(HIGH_YIELD, "buy", 6_000_000)
    for of in (order_id, "corporate"):
        told = world.command("tiers", of=of)
        assert told["asset_class"] == "corporate"
        assert told["lines"][1:] == ["tier 1 when rank in top 20% and asks >= 20", "tier 2 when rank in top 50%"]
        by_tier = {each["dealer"]: each["tier"] for each in told["dealers"]}
        ranked = [each for each in told["dealers"] if each["rank"] is not None]
        assert [each["rank"] for each in ranked] == list(range(1, len(ranked) + 1))
        first = [each for each in ranked if each["tier"] == 1]
        assert first
        assert all(each["rank"] <= -(-len(ranked) // 5) and each["asks"] >= 20 for each in first)
        assert None in by_tier.values()
    advice = world.command("recommend", order=order_id)
    assert advice["plan"]["dealers"] == [name for name, tier in by_tier.items() if tier == 1]


def test_tiers_that_are_not_defined_are_said(world: DeskWorld) -> None:
    order_id = world.order(HIGH_YIELD, "buy", 6_000_000)
    world.desk.book = compiled((Source("none.rules", 'rule "all" when true\n  ask top 1'),), world.desk.dealers.ids)
    refused(world, "tiers", "defines no tiers for corporate", of="corporate", code="state")
    refused(world, "tiers", f"defines no tiers for {order_id}", of=order_id, code="state")
    refused(world, "tiers", "no bond of the securities file is agency", of="agency", code="unknown")
    refused(world, "tiers", "no order 99999", of="99999", code="unknown")
