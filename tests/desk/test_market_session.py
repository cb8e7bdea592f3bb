"""The market session: prices, changes of one side, trades; what is bad in them is counted and used by nobody."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from desk_builder import DeskWorld, seeded_desk
from desk_past import HIGH_YIELD, LIKE_ILLIQUID, LIQUID

from engine.clock import NS_PER_DAY, NS_PER_S
from engine.desk import decide
from engine.desk.fields import OrderSubject, catalogue
from engine.domain import messages as m
from engine.market.appraisal import MarketParameters
from engine.market.hearing import Wrong

pytestmark = pytest.mark.starts("noon")

BOND = LIQUID.security_id
D = Decimal


@pytest.fixture
def world() -> DeskWorld:
    world = seeded_desk()
    world.desk.marks.withdraw(BOND, "marks")
    return world


def price(world: DeskWorld, bid: str | None, offer: str | None, bond: str = BOND, **more: Any) -> None:
    sides = (None if each is None else D(each) for each in (bid, offer))
    world.hear("marks", m.MarketPrice(bond, *sides, more.get("quoted_ns"), more.get("trades", ())), role="market")


def change(world: DeskWorld, *sides: tuple[bool, str | None], trades: tuple[m.TradePrint, ...] = ()) -> None:
    changes = (
        m.SideChange(BOND, is_bid, None if each is None else D(each), world.now.utc_ns) for is_bid, each in sides
    )
    world.hear("marks", m.MarketChanges(tuple(changes), trades), role="market")


def printed(world: DeskWorld, quantity: str | None = "2000000", ago_s: int = 60, **more: Any) -> m.TradePrint:
    size = None if quantity is None else D(quantity)
    values = {"price": D("99.5"), "quantity": size, "traded_ns": world.now.utc_ns - ago_s * NS_PER_S, **more}
    return m.TradePrint(BOND, **values)


def known(world: DeskWorld) -> str | None:
    mark = world.draft().mark_of(BOND)
    return None if mark is None else f"{mark.price}"


def refused(world: DeskWorld) -> dict[str, int]:
    return {wrong.value: count for (_, wrong), count in world.desk.refusals.counts.items()}


@pytest.mark.parametrize(
    ("bid", "offer", "wrong"),
    [
        pytest.param("99", None, Wrong.one_sided, id="bid alone"),
        pytest.param(None, "99", Wrong.one_sided, id="offer alone"),
        pytest.param(None, None, Wrong.one_sided, id="neither"),
        pytest.param("100", "99", Wrong.crossed, id="crossed"),
        pytest.param("-1", "99", Wrong.not_positive, id="negative"),
        pytest.param("1200", "1201", Wrong.absurd, id="no percent of par"),
    ],
)
def test_a_bad_price_is_no_mark_and_is_counted(
    world: DeskWorld, bid: str | None, offer: str | None, wrong: Wrong
) -> None:
    price(world, bid, offer)
    assert known(world) is None
    assert refused(world) == {wrong.value: 1}


def test_a_price_from_the_future_is_refused_and_a_clock_a_little_ahead_is_not(world: DeskWorld) -> None:
    price(world, "99", "100", quoted_ns=world.now.utc_ns + 3_600 * NS_PER_S)
    assert (known(world), refused(world)) == (None, {"future": 1})
    price(world, "99", "100", quoted_ns=world.now.utc_ns + NS_PER_S)
    assert known(world) == "99.5"


def test_a_jump_is_refused_while_the_price_before_is_good(world: DeskWorld) -> None:
    price(world, "99", "100")
    price(world, "9.9", "10.0")
    assert (known(world), refused(world)) == ("99.5", {"absurd": 1})
    world.advance(901)
    price(world, "9.9", "10.0")
    assert known(world) == "9.95", "nothing is known that speaks against it any more"


def test_of_a_bond_that_nobody_has_nothing_is_kept(world: DeskWorld) -> None:
    price(world, "99", "100", bond="XS0000000000")
    assert refused(world) == {"unknown_security": 1}


# --- changes -------------------------------------------------------------------------------------


def test_a_side_that_changes_keeps_the_other(world: DeskWorld) -> None:
    change(world, (True, "99"))
    assert known(world) is None
    change(world, (False, "100"))
    assert known(world) == "99.5"
    change(world, (True, "99.4"))
    assert known(world) == "99.7"
    price(world, "98", "99")
    change(world, (False, "98.6"))
    assert known(world) == "98.3", "beside the bid of the snapshot"


def test_a_side_that_is_gone_takes_the_mark_with_it(world: DeskWorld) -> None:
    change(world, (True, "99"), (False, "100"))
    assert known(world) == "99.5"
    change(world, (True, None))
    assert known(world) is None
    world.advance(1)
    change(world, (True, "99.2"))
    assert known(world) == "99.6"


def test_sides_that_cross_for_a_moment_leave_the_mark_as_it_was(world: DeskWorld) -> None:
    change(world, (True, "99"), (False, "100"))
    change(world, (True, "100.5"))
    assert (known(world), refused(world)) == ("99.5", {"crossed": 1})
    change(world, (False, "101"))
    assert known(world) == "100.75"


# --- trades --------------------------------------------------------------------------------------


def test_trades_of_snapshots_count_once_and_alone_are_no_price(world: DeskWorld) -> None:
    trades = (printed(world), printed(world, ago_s=3_600))
    price(world, None, None, trades=trades)
    price(world, "99", "100", trades=trades)
    assert len(world.desk.appraisal.tape) == 2
    assert refused(world) == {}


def test_trades_of_changes_are_taken_corrected_and_canceled(world: DeskWorld) -> None:
    change(world, trades=(printed(world, trade_id="T1"), printed(world, trade_id="T2")))
    change(world, trades=(printed(world, "5000000", trade_id="T1"), m.TradePrint(BOND, None, None, None, "T2", True)))
    tape = world.desk.appraisal.tape
    first, second = tape.known("marks", "T1"), tape.known("marks", "T2")
    assert first is not None
    assert second is not None
    assert (first.quantity, first.canceled, second.canceled) == (5_000_000, False, True)


@pytest.mark.parametrize(
    ("changes", "wrong"),
    [
        pytest.param({"quantity": None}, Wrong.no_size, id="no size"),
        pytest.param({"traded_ns": None}, Wrong.no_time, id="no time"),
        pytest.param({"price": None}, Wrong.malformed, id="no price"),
        pytest.param({"price": D(-1)}, Wrong.not_positive, id="negative"),
        pytest.param({"quantity": D(0)}, Wrong.not_positive, id="nothing"),
    ],
)
def test_a_bad_trade_is_counted_and_is_no_volume(world: DeskWorld, changes: dict[str, Any], wrong: Wrong) -> None:
    change(world, trades=(m.TradePrint(BOND, **{**_GOOD, "traded_ns": world.now.utc_ns, **changes}),))
    assert (len(world.desk.appraisal.tape), refused(world)) == (0, {wrong.value: 1})


_GOOD: dict[str, Any] = {"price": D(99), "quantity": D(1_000_000)}


# --- what is asked for ---------------------------------------------------------------------------


@pytest.mark.parametrize("with_trades", [False, True])
def test_trades_are_asked_of_a_session_that_is_said_to_tell_them(world: DeskWorld, with_trades: bool) -> None:
    sources = frozenset({"marks"} if with_trades else ())
    world.desk.appraisal.parameters = MarketParameters(trades_from=sources, benchmarks={"corporate": "HOUSE-IG"})
    draft = world.draft()
    decide.session_up(draft, "marks", "market", 1)
    said = [each.said for each in draft.sends if isinstance(each.said, m.SubscribeMarketData)]
    assert [each.with_trades for each in said] == [with_trades, False]
    assert (said[-1].securities, said[-1].are_benchmarks) == (("HOUSE-IG",), True)


# --- what rules see ------------------------------------------------------------------------------


def test_rules_see_what_the_tape_and_the_marks_say(world: DeskWorld) -> None:
    """Each value for itself: a field that reads another's would show it."""
    appraisal, now_ns = world.desk.appraisal, world.now.utc_ns
    world.hear("marks", m.MarketPrice(BOND, D("99"), D("101"), now_ns), role="market")
    for number in range(31):
        appraisal.closes.take(BOND, "marks", now_ns - (45 - number) * NS_PER_DAY, 100 + (number % 2) * 0.3)
    trades = [printed(world, f"{size}", ago_s=days * 86_400) for days, size in ((2, 3_000_000), (50, 9_000_000))]
    appraisal.parameters = MarketParameters(past_trades=frozenset({"marks"}))
    price(world, "99", "101", trades=(*trades, printed(world, "1", ago_s=150 * 86_400)))
    order_id = world.order(LIQUID, "buy", 6_000_000)
    order = world.the(order_id) if hasattr(world, "the") else world.state.orders[order_id]
    subject = OrderSubject(
        world.desk, order.terms, LIQUID, order.terms.quantity, now_ns, world.draft().mark_of(BOND), lambda _: None
    )
    fields = catalogue().order_fields
    found = {
        name: fields[name].getter(subject)
        for name in ("days_since_trade", "volatility", "expected_impact", "expected_cost", "liquidity_score")
    }
    volatility = appraisal.volatility(BOND, now_ns)
    assert volatility is not None
    assert fields["adv"].getter(subject, 30) == 100_000
    assert fields["adv"].getter(subject, 60) == 200_000
    assert found["days_since_trade"] == 2
    assert found["volatility"] == volatility.bps
    expected = min(150.0, 0.5 * volatility.bps * (6_000_000 / 100_000) ** 0.5)
    assert found["expected_impact"] == pytest.approx(expected)
    assert found["expected_cost"] == pytest.approx(expected + 100.0)
    facts = order.facts
    assert (facts.adv_30d, facts.days_since_trade, facts.volatility_n) == (100_000, 2, volatility.n)
    assert facts.impact_bps == pytest.approx(expected, abs=1e-3)
    assert facts.cost_bps == pytest.approx(expected + 100.0, abs=1e-3)
    assert facts.traits == LIQUID.traits


def test_a_dealer_that_quoted_a_neighbour_has_quoted_something_similar(world: DeskWorld) -> None:
    """One notch and some months away: another bucket would have hidden it."""
    stats, now_ns = world.desk.stats, world.now.utc_ns
    stats.quoted.note("ash", LIKE_ILLIQUID.traits, now_ns)
    near = world.desk.neighbours_of(LIKE_ILLIQUID.traits, now_ns)
    assert stats.quoted_any("ash", near, 180, now_ns)
    assert HIGH_YIELD.traits not in near
