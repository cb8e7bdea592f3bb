"""Judging quotes: what each can be, how good it is, whether it is within tolerance, which is best."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.clock import NS_PER_S
from engine.desk.round.quotes import edge_bps, judge, live_quotes, within
from engine.domain.messages import QuoteAnswer
from engine.domain.moves import with_quote
from engine.domain.order import MarkUsed, Side
from engine.domain.rfq import Ask, AskPlan, AskState, ExecutePlan, Quote, QuoteKind, Rfq, RfqState
from engine.rules.plan import Mode, Tolerance, ToleranceUnit

NOW = 1_000 * NS_PER_S
GUARD = NS_PER_S // 4
FAIR = Decimal(100)


def answer(**changes: Any) -> QuoteAnswer:
    """A two-way firm quote, 99.5 bid and 100.5 offered for a million, that stands for 30 s."""
    values: dict[str, Any] = {
        "quote_req_id": "r1",
        "quote_id": "q1",
        "security_id": "bond",
        "kind": QuoteKind.tradeable,
        "bid": Decimal("99.5"),
        "offer": Decimal("100.5"),
        "bid_quantity": Decimal(1_000_000),
        "offer_quantity": Decimal(1_000_000),
        "valid_until_ns": NOW + 30 * NS_PER_S,
    }
    return QuoteAnswer(**{**values, **changes})


def judged(side: Side = Side.buy, *, firm_s: float | None = 30, fair: Decimal | None = FAIR, **changes: Any) -> Quote:
    return judge(
        answer(**changes),
        side=side,
        quantity=Decimal(1_000_000),
        security_id="bond",
        settl_date="20261127",
        currency="EUR",
        fair=MarkUsed(fair, "marks", 0, "composite") if fair is not None else None,
        asked_ns=NOW - 7 * NS_PER_S,
        now_ns=NOW,
        firm_time_ns=None if firm_s is None else int(firm_s * NS_PER_S),
        guard_ns=GUARD,
    )


def test_we_buy_at_the_offer_and_sell_at_the_bid() -> None:
    bought, sold = judged(Side.buy), judged(Side.sell)
    assert (bought.price, bought.problem) == (Decimal("100.5"), "")
    assert (sold.price, sold.problem) == (Decimal("99.5"), "")
    assert bought.latency_ns == 7 * NS_PER_S


@pytest.mark.parametrize(
    ("side", "changes", "problem"),
    [
        pytest.param(Side.buy, {"settl_date": "20261127"}, "", id="for the settlement that was asked for"),
        pytest.param(
            Side.buy,
            {"settl_date": "20261130"},
            "for SettlDate(64)=20261130, asked for was 20261127",
            id="for another settlement",
        ),
        pytest.param(Side.buy, {"currency": "EUR"}, "", id="in the currency of the bond"),
        pytest.param(
            Side.buy, {"currency": "USD"}, "in Currency(15)=USD, the bond is in EUR", id="in another currency"
        ),
        pytest.param(Side.buy, {"kind": QuoteKind.indicative}, "indicative", id="indicative, or QuoteType(537) absent"),
        pytest.param(Side.buy, {"kind": QuoteKind.restricted}, "restricted", id="restricted tradeable"),
        pytest.param(Side.buy, {"kind": QuoteKind.counter}, "counter", id="a counter-offer"),
        pytest.param(Side.buy, {"offer": None}, "no price on our side (offer)", id="bid only, we buy"),
        pytest.param(Side.sell, {"bid": None}, "no price on our side (bid)", id="offer only, we sell"),
        pytest.param(Side.buy, {"offer": Decimal(0)}, "no price on our side (offer)", id="a price of 0 is none"),
        pytest.param(Side.buy, {"offer": Decimal(-1)}, "no price on our side (offer)", id="a negative price is none"),
        pytest.param(Side.buy, {"offer": Decimal(1000)}, "no price on our side (offer)", id="no bond costs 1000"),
        pytest.param(Side.buy, {"offer": Decimal("NaN")}, "no price on our side (offer)", id="not a number"),
        pytest.param(Side.buy, {"bid": Decimal(101)}, "crossed: bid 101 above offer 100.5", id="crossed"),
        pytest.param(Side.buy, {"bid": Decimal("100.5")}, "", id="locked is not crossed"),
        pytest.param(Side.sell, {"offer": None}, "", id="one side is enough if it is ours"),
        pytest.param(Side.buy, {"offer_quantity": Decimal(999_999)}, "size 999999 below 1000000", id="too small"),
        pytest.param(Side.buy, {"bid_quantity": Decimal(1)}, "", id="the other side's size is not ours"),
        pytest.param(Side.buy, {"offer_quantity": Decimal(5_000_000)}, "", id="more than we asked for"),
        pytest.param(Side.buy, {"offer_quantity": None}, "", id="no size: what we asked for"),
        pytest.param(Side.buy, {"security_id": "other"}, "for other, not for bond", id="another bond"),
        pytest.param(Side.buy, {"security_id": ""}, "", id="no SecurityID(48): the request says which"),
        pytest.param(Side.buy, {"percent_of_par": False}, "not a price in percent of par", id="a yield or spread"),
        pytest.param(Side.buy, {"valid_until_ns": NOW - 1}, "over before it could be taken", id="over already"),
        pytest.param(Side.buy, {"valid_until_ns": NOW}, "over before it could be taken", id="over just now"),
        pytest.param(Side.buy, {"valid_until_ns": NOW + GUARD}, "over before it could be taken", id="within the guard"),
        pytest.param(Side.buy, {"valid_until_ns": NOW + GUARD + 1}, "", id="a moment longer than the guard"),
    ],
)
def test_what_keeps_a_quote_from_being_executed(side: Side, changes: dict[str, Any], problem: str) -> None:
    quote = judged(side, **changes)
    assert quote.problem == problem
    assert quote.live(NOW, GUARD) is (problem == "")


@pytest.mark.parametrize(
    ("valid_until_s", "firm_s", "end_s"),
    [
        pytest.param(30, 10, 30, id="ValidUntilTime(62) counts"),
        pytest.param(5, 10, 5, id="also where it is shorter than the dialect's"),
        pytest.param(None, 10, 10, id="without it the dialect's, from receipt"),
        pytest.param(None, None, None, id="with neither nobody knows"),
    ],
)
def test_the_end_of_a_quote_is_on_our_clock(valid_until_s: int | None, firm_s: float | None, end_s: int | None) -> None:
    until = None if valid_until_s is None else NOW + valid_until_s * NS_PER_S
    quote = judged(firm_s=firm_s, valid_until_ns=until)
    assert quote.firm_until_ns == (None if end_s is None else NOW + end_s * NS_PER_S)
    if end_s is not None:
        end = NOW + end_s * NS_PER_S - GUARD
        assert quote.live(end - 1, GUARD)
        assert not quote.live(end, GUARD)


@pytest.mark.parametrize(
    ("side", "price", "fair", "edge"),
    [
        pytest.param(Side.buy, "99.9", "100", 10.0, id="buying below fair earns"),
        pytest.param(Side.buy, "100.1", "100", -10.0, id="buying above fair costs"),
        pytest.param(Side.sell, "100.1", "100", 10.0, id="selling above fair earns"),
        pytest.param(Side.sell, "99.9", "100", -10.0, id="selling below fair costs"),
        pytest.param(Side.buy, "50.1", "50", -20.0, id="in bps of fair, not of par"),
        pytest.param(Side.buy, "100", "100", 0.0, id="at fair"),
        pytest.param(Side.buy, "100", None, None, id="without fair nobody knows"),
        pytest.param(Side.buy, None, "100", None, id="without a price neither"),
        pytest.param(Side.buy, "100", "0", None, id="a fair value of 0 is none"),
    ],
)
def test_edge_is_positive_when_better_than_fair(
    side: Side, price: str | None, fair: str | None, edge: float | None
) -> None:
    found = edge_bps(side, Decimal(price) if price else None, Decimal(fair) if fair is not None else None)
    assert found == (None if edge is None else pytest.approx(edge))


def test_what_is_no_price_has_no_edge() -> None:
    assert judged(percent_of_par=False).edge_bps is None
    assert judged(fair=None).edge_bps is None
    assert judged().edge_bps == pytest.approx(-50)


PRICE, YIELD, CENTS = ToleranceUnit.BP_PRICE, ToleranceUnit.BP_YIELD, ToleranceUnit.CENTS
DV01 = Decimal("0.05")


@pytest.mark.parametrize(
    ("side", "price", "fair", "tolerance", "dv01", "verdict"),
    [
        pytest.param(Side.buy, "100.25", "100", (25, PRICE), None, True, id="25 bp of 100 is 0.25, the edge included"),
        pytest.param(Side.buy, "100.2501", "100", (25, PRICE), None, False, id="a hair more is not within"),
        pytest.param(Side.buy, "50.13", "50", (25, PRICE), None, False, id="25 bp of 50 is 0.125"),
        pytest.param(Side.sell, "99.75", "100", (25, PRICE), None, True, id="a sale, the edge included"),
        pytest.param(Side.sell, "99.74", "100", (25, PRICE), None, False, id="a sale too cheap"),
        pytest.param(Side.buy, "90", "100", (1, PRICE), None, True, id="better than fair always passes, buying"),
        pytest.param(Side.sell, "110", "100", (0, CENTS), None, True, id="better than fair always passes, selling"),
        pytest.param(Side.buy, "100.10", "100", (10, CENTS), None, True, id="ten cents are 0.10 of price"),
        pytest.param(Side.buy, "50.11", "50", (10, CENTS), None, False, id="cents do not grow with the price"),
        pytest.param(Side.buy, "100.50", "100", (10, YIELD), DV01, True, id="10 bp yield at 0.05 a bp is 0.50"),
        pytest.param(Side.buy, "100.51", "100", (10, YIELD), DV01, False, id="a cent more is not"),
        pytest.param(Side.sell, "99.50", "100", (10, YIELD), DV01, True, id="a sale in yield"),
        pytest.param(Side.buy, "100", "100", (10, YIELD), None, None, id="yield without DV01 cannot be told"),
        pytest.param(Side.buy, "100", "100", (10, YIELD), Decimal(0), None, id="nor with a DV01 of 0"),
    ],
)
def test_within_tolerance(
    side: Side,
    price: str,
    fair: str,
    tolerance: tuple[int, ToleranceUnit],
    dv01: Decimal | None,
    verdict: bool | None,
) -> None:
    value, unit = tolerance
    assert within(Tolerance(Decimal(value), unit), side, Decimal(price), Decimal(fair), dv01) is verdict


# --- which is best -------------------------------------------------------------------------------


def quote(price: str, quote_id: str = "q", received: int = NOW, **changes: Any) -> Quote:
    values: dict[str, Any] = {
        "quote_id": quote_id,
        "bid": None,
        "offer": Decimal(price),
        "price": Decimal(price),
        "quantity": None,
        "kind": QuoteKind.tradeable,
        "firm_until_ns": NOW + 30 * NS_PER_S,
        "received_ns": received,
        "latency_ns": 0,
        "edge_bps": None,
    }
    return Quote(**{**values, **changes})


def an_ask(dealer: str, *quotes: Quote, state: AskState = AskState.quoted) -> Ask:
    return Ask(dealer, state, f"r-{dealer}", 1, NOW, NOW + 60 * NS_PER_S, quotes)


def an_rfq(*asks: Ask, side: Side = Side.buy) -> Rfq:
    plan = AskPlan(Mode.PARALLEL, tuple(ask.dealer for ask in asks), 0, 0, None, ExecutePlan(False))
    return Rfq("Q-1", "O-1", 1, RfqState.asking, plan, side, Decimal(1), None, NOW, asks)


def best(*asks: Ask, side: Side = Side.buy, now: int = NOW) -> list[str]:
    return [ask.dealer for ask, _ in live_quotes(an_rfq(*asks, side=side), now, GUARD)]


def test_the_lowest_offer_and_the_highest_bid_are_best() -> None:
    asks = an_ask("ash", quote("100.2")), an_ask("beech", quote("100.1")), an_ask("cedar", quote("100.3"))
    assert best(*asks) == ["beech", "ash", "cedar"]
    assert best(*asks, side=Side.sell) == ["cedar", "ash", "beech"]


def test_of_equal_prices_the_earlier_is_best_then_the_name_decides() -> None:
    late, early = an_ask("ash", quote("100.1", received=NOW + 1)), an_ask("cedar", quote("100.10"))
    assert best(late, early) == ["cedar", "ash"]
    assert best(an_ask("cedar", quote("100.1")), an_ask("ash", quote("100.1"))) == ["ash", "cedar"]


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"problem": "indicative"}, id="one with a problem"),
        pytest.param({"withdrawn": True}, id="a withdrawn one"),
        pytest.param({"spent": True}, id="one that was tried"),
        pytest.param({"firm_until_ns": NOW + GUARD}, id="one that is over"),
    ],
)
def test_only_live_quotes_count(changes: dict[str, Any]) -> None:
    assert best(an_ask("ash", quote("99", **changes)), an_ask("beech", quote("100"))) == ["beech"]


def test_only_a_dealers_latest_quote_counts() -> None:
    """A dealer that went up and then withdrew does not stand at its first price."""
    raised = an_ask("ash", quote("99", "q1"), quote("101", "q2"))
    assert best(raised, an_ask("beech", quote("100"))) == ["beech", "ash"]
    gone = an_ask("ash", quote("99", "q1"), quote("101", "q2", withdrawn=True))
    assert best(gone, an_ask("beech", quote("100"))) == ["beech"]


def test_a_quote_without_an_end_is_shown_as_live() -> None:
    assert best(an_ask("ash", quote("100", firm_until_ns=None)), now=NOW + 10**15) == ["ash"]


def test_the_same_quote_id_is_an_update() -> None:
    ask = with_quote(an_ask("ash", quote("100", "q1"), quote("99", "q2")), quote("101", "q1"))
    assert [(each.quote_id, each.price) for each in ask.quotes] == [("q2", 99), ("q1", 101)]


def test_an_update_of_what_was_tried_is_not_tried_again() -> None:
    """A dealer that refused us and repeats its QuoteID(117) has not made a new offer."""
    ask = with_quote(an_ask("ash", quote("100", "q1", spent=True)), quote("100", "q1"))
    assert best(ask) == []


def test_an_update_of_what_was_withdrawn_stands_again() -> None:
    ask = with_quote(an_ask("ash", quote("100", "q1", withdrawn=True)), quote("100", "q1"))
    assert best(ask) == ["ash"]


def test_a_late_quote_does_not_undo_silence() -> None:
    ask = with_quote(an_ask("ash", state=AskState.silent), quote("100"))
    assert ask.state is AskState.silent
    assert with_quote(an_ask("ash", state=AskState.asked), quote("100")).state is AskState.quoted


prices = st.decimals("1", "200", places=3)


@given(st.lists(st.tuples(prices, st.integers(0, 3)), min_size=1, max_size=6), st.sampled_from(Side))
def test_no_live_quote_is_better_than_the_first(quotes: list[tuple[Decimal, int]], side: Side) -> None:
    asks = [
        an_ask(f"dealer{number}", quote(str(price), received=NOW + at)) for number, (price, at) in enumerate(quotes)
    ]
    ranked = live_quotes(an_rfq(*asks, side=side), NOW, GUARD)
    assert len(ranked) == len(quotes)
    found = [each.price for _, each in ranked]
    assert found == sorted((price for price, _ in quotes), reverse=side is Side.sell)
    # The order in which dealers were asked decides nothing.
    again = live_quotes(an_rfq(*reversed(asks), side=side), NOW, GUARD)
    assert [ask.dealer for ask, _ in again] == [ask.dealer for ask, _ in ranked]


@given(prices, prices, st.sampled_from(Side), st.integers(0, 500), st.sampled_from([PRICE, CENTS]))
def test_within_agrees_with_edge(price: Decimal, fair: Decimal, side: Side, bp: int, unit: ToleranceUnit) -> None:
    """A quote with an edge of zero or more is within every tolerance, and a wider tolerance takes no less."""
    edge = edge_bps(side, price, fair)
    assert edge is not None
    verdict = within(Tolerance(Decimal(bp), unit), side, price, fair, None)
    if edge >= 0:
        assert verdict is True
    if verdict:
        assert within(Tolerance(Decimal(bp + 1), unit), side, price, fair, None) is True
