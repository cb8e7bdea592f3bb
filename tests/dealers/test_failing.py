"""What not trading costs: against a planted truth, with its error; orders that never trade beside those that do."""

from __future__ import annotations

import math
import statistics
from dataclasses import replace
from decimal import Decimal
from random import Random

import pytest
from seen_rounds import DAY_NS, FIRST_DAY, SIZE, asked, seen

from engine.dealers.failing import ORDERS_MAX, PATIENCE_DAYS, Failing, FailingParameters, NotTrading
from engine.dealers.widths import Widths
from engine.domain.measure import Measure
from engine.domain.observation import BondSeen, Horizon, MarkAfter, RoundSeen, Taken
from engine.domain.order import MarkUsed, Side

USUAL_EDGE = -10.0
ONE = FailingParameters(strength=1.0, half_life_days=10**9)
"""One order counts as much as the prior, and none grows old."""


def mark(price: float) -> MarkUsed:
    return MarkUsed(Decimal(repr(price)), "made", 0, "firm", 5.0)


def failed(order: str, day: float = 0.0, edge_bps: float | None = None, at: float = 100.0, name: str = "") -> RoundSeen:
    """A round without a trade; with an edge, of a quote that was let go."""
    name = name or f"{order}-{day}"
    return seen(name, [asked("ash", day, edge_bps)], day, parent_id=order, mark_decision=mark(at))


def traded(order: str, price: float, day: float) -> RoundSeen:
    fill = {"taken": Taken.filled, "filled": SIZE, "fill_price": Decimal(repr(price))}
    return seen(f"{order}-{day}", [asked("ash", day, 0.0, **fill)], day, parent_id=order, mark_decision=mark(100.0))


def widths(bonds: dict[str, float] | None = None) -> Widths:
    """So much was seen of these bonds that they are as wide as they were; sizes make no difference."""
    seen_bps = 1e12
    known = {bond: (width * seen_bps, seen_bps) for bond, width in (bonds or {}).items()}
    return Widths(0.0, 0.3, 1e6, known, {}, total=(seen_bps, seen_bps))


def cost(failing: Failing, day: int = 30, of: Widths | None = None, prior_bps: float | None = None) -> Measure:
    return failing.cost(FIRST_DAY + day, of or widths(), lambda segment: USUAL_EDGE, prior_bps)


def learnt(*rounds: RoundSeen, parameters: FailingParameters = ONE) -> Failing:
    failing = Failing(parameters)
    for each in rounds:
        failing.saw(each)
    return failing


def told(one: RoundSeen) -> RoundSeen:
    return replace(one, source="elsewhere")


def test_before_anything_was_seen_it_is_the_prior() -> None:
    found = cost(Failing())
    assert (found.value, found.n_eff) == (20.0, 0.0)
    assert found.sd == pytest.approx(25.0 / math.sqrt(10.0))
    assert found.low < 20.0 < found.high
    assert cost(Failing(), prior_bps=35.0).value == 35.0


@pytest.mark.parametrize(("side", "price", "bps"), [("buy", 100.5, 50.0), ("sell", 99.5, 50.0), ("buy", 99.9, -10.0)])
def test_a_later_fill_says_what_waiting_has_cost(side: str, price: float, bps: float) -> None:
    first = replace(failed("O-1"), side=Side[side])
    assert cost(learnt(first, traded("O-1", price, 2.0))).value == pytest.approx((20.0 + bps) / 2)


def test_what_became_known_today_counts_from_tomorrow_on() -> None:
    failing = learnt(failed("O-1"), traded("O-1", 100.5, 2.0))
    assert [round(cost(failing, day).value, 6) for day in (2, 3)] == [20.0, 35.0]


def test_only_the_first_failure_of_an_order_counts_and_only_until_it_trades() -> None:
    once = learnt(failed("O-1"), failed("O-1", 1.0, at=101.0), traded("O-1", 101.0, 2.0))
    more = learnt(
        failed("O-1"), failed("O-1", 1.0, at=101.0), traded("O-1", 101.0, 2.0), traded("O-1", 105.0, 3.0),
        traded("O-2", 150.0, 3.0),
    )  # fmt: skip
    assert cost(once) == cost(more)
    assert cost(once).value == pytest.approx((20.0 + 100.0) / 2)


# --- orders that never trade ---------------------------------------------------------------------


def test_an_order_that_never_trades_is_carried_at_the_last_mark_and_the_last_quote_let_go() -> None:
    """The mark has moved 30 bps against us, and the best that could be had last was 14 bps from it."""
    failing = learnt(failed("O-1", edge_bps=-50.0, name="R-1"), failed("O-1", 0.1, edge_bps=-14.0, name="R-2"))
    failing.marked("R-1", round((FIRST_DAY + 0.2) * DAY_NS), 100.1)
    failing.marked("R-2", round((FIRST_DAY + 1.1) * DAY_NS), 100.3)
    failing.marked("R-1", round((FIRST_DAY + 1.0) * DAY_NS), 100.2)
    assert cost(failing).value == pytest.approx((20.0 + 30.0 + 14.0) / 2)


def test_where_nobody_quoted_it_costs_no_less_than_the_usual_quote_and_what_quotes_that_were_let_go_did() -> None:
    """A quote of 60 bps was let go, another order had none: beside the prior's two of 20, 33.3; both moved by 30."""
    alone = learnt(failed("O-1", name="R-1"))
    alone.marked("R-1", round((FIRST_DAY + 1) * DAY_NS), 100.3)
    assert cost(alone).value == pytest.approx((20.0 + 30.0 + 20.0) / 2)
    assert cost(alone, prior_bps=4.0).value == pytest.approx((4.0 + 30.0 + 10.0) / 2)
    wide = cost(alone, of=widths({"bond": 3.0}))
    assert wide.value == pytest.approx((20.0 + 30.0 + 3.0 * 20.0) / (1 + 3))
    alone.saw(failed("O-2", edge_bps=-60.0, name="R-2"))
    assert cost(alone).value == pytest.approx((20.0 + 30.0 + (2 * 20.0 + 60.0) / 3 + 60.0) / 3)


def test_where_nobody_quoted_the_error_counts_that_nobody_knows_what_it_would_have_cost() -> None:
    """However many: half of the orders had no quote, and may have cost as little as the usual one."""
    p = FailingParameters(half_life_days=10**9)
    failing = Failing(p)
    for number in range(1_000):
        failing.saw(failed(f"O-{number}", edge_bps=-50.0 if number % 2 else None, name=f"R-{number}"))
    found = cost(failing)
    assert found.value == pytest.approx(50.0, abs=0.5)
    assert found.sd == pytest.approx(0.5 * (50.0 - 10.0) / math.sqrt(3.0), rel=0.03)


def test_without_a_later_mark_the_move_is_taken_for_nothing() -> None:
    assert cost(learnt(failed("O-1", edge_bps=-14.0))).value == pytest.approx((20.0 + 14.0) / 2)


def test_an_order_is_waited_for_before_it_counts_as_one_that_never_trades() -> None:
    failing = learnt(failed("O-1", edge_bps=-40.0))
    days = range(PATIENCE_DAYS - 1, PATIENCE_DAYS + 2)
    assert [cost(failing, day).n_eff for day in days] == [0.0, 0.0, 1.0]
    failing.saw(traded("O-1", 100.0, 20.0))
    assert [round(cost(failing, day).value, 6) for day in (20, 21)] == [30.0, 10.0]


def test_a_quote_that_was_refused_at_last_look_could_not_be_had() -> None:
    refused = replace(failed("O-1"), asks=(asked("ash", 0.0, -2.0, taken=Taken.rejected), asked("elm", 0.0, -30.0)))
    assert cost(learnt(refused)).value == pytest.approx((20.0 + 30.0) / 2)


def test_a_quote_that_died_while_another_was_tried_could_not_be_had() -> None:
    said_ns = FIRST_DAY * DAY_NS + 40 * 10**9
    tried = asked("ash", 0.0, -2.0, taken=Taken.rejected, decided_ns=said_ns)
    quotes = [
        tried,
        asked("elm", 0.0, -8.0, valid_until_ns=said_ns - 1),
        asked("yew", 0.0, -30.0, valid_until_ns=said_ns),
    ]
    assert cost(learnt(replace(failed("O-1"), asks=tuple(quotes)))).value == pytest.approx((20.0 + 30.0) / 2)
    assert cost(learnt(replace(failed("O-1"), asks=tuple(quotes[1:])))).value == pytest.approx((20.0 + 8.0) / 2)


def test_without_a_mark_nothing_is_known() -> None:
    assert cost(learnt(replace(failed("O-1"), mark_decision=None))).n_eff == 0.0


def test_a_round_of_others_without_a_parent_may_have_traded_as_another_order() -> None:
    alone = told(failed("O-1", name="O-1"))
    assert cost(learnt(alone)).n_eff == 0.0
    assert cost(learnt(told(failed("O-1", name="R-1")))).n_eff == 1.0


def test_marks_that_are_told_with_a_round_are_those_that_followed_it() -> None:
    failing = Failing(ONE)
    after = [(Horizon.next_day, 100.3), (Horizon.minute, 100.7), (Horizon.end_of_day, 100.5)]
    failing.saw(told(failed("O-1", edge_bps=-5.0, name="R-1")), tuple(MarkAfter(h, mark(p)) for h, p in after))
    assert cost(failing).value == pytest.approx((20.0 + 30.0 + 5.0) / 2)


# --- orders in pieces ----------------------------------------------------------------------------


def piece(one: RoundSeen, residual: float, size: float = 1.0) -> RoundSeen:
    """A part of an order, in parts: how large it was, and what was left of the order when the round was over."""
    return replace(one, quantity=SIZE * Decimal(repr(size)), residual=SIZE * Decimal(repr(residual)))


def test_a_fill_of_another_piece_is_not_one_of_what_was_put_off() -> None:
    """Two more pieces were to come. They trade at 2 bps; what was put off never does, at 40."""
    first = piece(failed("O-1", edge_bps=-40.0), 3.0)
    others = [piece(traded("O-1", 100.02, 1.0), 2.0), piece(traded("O-1", 100.02, 2.0), 1.0)]
    assert cost(learnt(first, *others)).value == pytest.approx((20.0 + 40.0) / 2)


def test_what_is_filled_beyond_the_other_pieces_is_what_was_put_off() -> None:
    rounds = [piece(failed("O-1", edge_bps=-40.0), 2.0), piece(traded("O-1", 100.02, 1.0), 1.0)]
    last = piece(traded("O-1", 100.3, 2.0), 0.0)
    assert cost(learnt(*rounds, last)).value == pytest.approx((20.0 + 30.0) / 2)
    # One fill of all that was left is of both.
    whole = piece(traded("O-1", 100.3, 1.0), 0.0)
    fill = replace(whole.asks[0], filled=2 * SIZE)
    assert cost(learnt(rounds[0], replace(whole, asks=(fill,)))).value == pytest.approx((20.0 + 30.0) / 2)


def test_what_later_fills_do_not_cover_never_trades() -> None:
    """A half was filled at 10 bps, the rest would have cost 40."""
    half = {"taken": Taken.partial, "filled": SIZE / 2, "fill_price": Decimal("100.1")}
    later = replace(traded("O-1", 100.0, 1.0), asks=(asked("ash", 1.0, 0.0, **half),))
    failing = learnt(piece(failed("O-1", edge_bps=-40.0), 1.0), later)
    found = cost(failing)
    assert found.value == pytest.approx((20.0 + 5.0 + 20.0) / 2)
    assert found.n_eff == pytest.approx(1.0)
    # Until it is given up only the half is known.
    assert cost(failing, 3).value == pytest.approx((20.0 + 0.5 * 10.0) / 1.5)


def test_of_a_round_that_was_filled_in_part_the_rest_was_put_off() -> None:
    part = {"taken": Taken.partial, "filled": SIZE * 3 / 4, "fill_price": Decimal(100)}
    first = piece(replace(failed("O-1"), asks=(asked("ash", 0.0, 0.0, **part), asked("elm", 0.0, -40.0))), 0.25)
    assert cost(learnt(first)).value == pytest.approx((20.0 + 0.25 * 40.0) / 1.25)
    assert cost(learnt(first, traded("O-1", 100.6, 1.0))).value == pytest.approx((20.0 + 0.25 * 60.0) / 1.25)


def test_a_request_that_was_under_way_then_is_one_of_the_other_pieces() -> None:
    """Both went out together; the other one's fill came when this round was over."""
    first = piece(replace(failed("O-1", edge_bps=-40.0, name="R-2"), closed_ns=FIRST_DAY * DAY_NS + 20 * 10**9), 2.0)
    other = piece(replace(traded("O-1", 100.02, 0.0), rfq_id="R-1"), 1.0)
    assert cost(learnt(told(first), told(other))).value == pytest.approx((20.0 + 40.0) / 2)
    assert cost(learnt(first, other)).value == pytest.approx((20.0 + 40.0) / 2)


def test_a_fill_that_is_taken_back_is_none() -> None:
    failing = learnt(piece(failed("O-1", edge_bps=-40.0, name="R-1"), 1.0))
    later = piece(replace(traded("O-1", 100.3, 1.0), rfq_id="R-2"), 0.0)
    failing.saw(later)
    assert cost(failing).value == pytest.approx((20.0 + 30.0) / 2)
    failing.amended("R-2", 1, (asked("ash", 1.0),), later.asks)
    assert cost(failing).value == pytest.approx((20.0 + 40.0) / 2)


# --- what becomes known later --------------------------------------------------------------------


def test_a_round_that_was_filled_after_all_did_not_fail() -> None:
    failing = learnt(failed("O-1", name="R-1"))
    failing.amended("R-1", 1, traded("O-1", 101.0, 0.0).asks)
    assert cost(failing).n_eff == 0.0
    failing.marked("R-1", FIRST_DAY * DAY_NS, 105.0)
    assert cost(failing).n_eff == 0.0


def test_a_later_round_that_was_filled_after_all_traded() -> None:
    failing = learnt(failed("O-1", name="R-1"), failed("O-1", 0.5, name="R-2"))
    failing.amended("R-2", 1, traded("O-1", 100.1, 0.5).asks)
    assert cost(failing).value == pytest.approx((20.0 + 10.0) / 2)


def test_a_quote_that_came_when_the_round_was_over_could_have_been_had() -> None:
    failing = learnt(failed("O-1", edge_bps=-30.0, name="R-1"))
    failing.amended("R-1", 1, (asked("elm", 0.0, -12.0),))
    failing.amended("R-1", 1, (asked("yew", 0.0, -18.0),))
    assert cost(failing).value == pytest.approx((20.0 + 12.0) / 2)


def test_whatever_the_order_rounds_are_told_in_the_cost_is_the_same() -> None:
    dice, rounds = Random(5), []
    for number in range(40):
        order, day = f"O-{number}", dice.uniform(0, 15)
        rounds += [told(failed(order, day + each, dice.gauss(-20, 5), 100 + dice.gauss(0, 0.2))) for each in (0, 0.3)]
        if number % 2:
            rounds.append(told(traded(order, 100 + dice.gauss(0, 0.3), day + 0.5)))
    in_order = cost(learnt(*rounds))
    dice.shuffle(rounds)
    mixed = cost(learnt(*rounds, *rounds))
    assert (mixed.value, mixed.sd, mixed.n_eff) == pytest.approx((in_order.value, in_order.sd, in_order.n_eff))


# --- bounds --------------------------------------------------------------------------------------


def test_a_wild_price_moves_it_by_its_clip_at_most_in_a_wide_bond_by_more() -> None:
    failing = learnt(failed("O-1"), traded("O-1", 900.0, 1.0))
    assert cost(failing).value == pytest.approx((20.0 + 150.0) / 2)
    assert cost(failing, of=widths({"bond": 4.0})).value == pytest.approx((20.0 + 600.0) / 5)


def test_an_old_order_counts_half_after_a_half_life_and_not_at_all_at_the_end_of_the_window() -> None:
    p = FailingParameters(prior_bps=0.0, strength=1.0, half_life_days=30, window_days=50)
    failing = learnt(
        failed("O-1"), traded("O-1", 101.0, 1.0), failed("O-2", 30.0), traded("O-2", 100.0, 31.0), parameters=p
    )
    found = cost(failing, 32)
    older = 0.5 ** (31 / 30)
    newer = 0.5 ** (1 / 30)
    assert found.value == pytest.approx(older * 100 / (1 + older + newer))
    assert found.n_eff == pytest.approx((older + newer) ** 2 / (older**2 + newer**2))
    assert cost(failing, 51).n_eff == pytest.approx(1.0)


def test_the_oldest_orders_are_forgotten_at_the_bound() -> None:
    failing = Failing(ONE)
    for number in range(ORDERS_MAX + 1):
        failing.saw(failed(f"O-{number}", name=f"R-{number}"))
    failing.marked("R-0", FIRST_DAY * DAY_NS, 200.0)
    failing.saw(traded("O-0", 200.0, 1.0))
    assert cost(failing, 2).n_eff == 0.0
    assert cost(failing).n_eff == pytest.approx(ORDERS_MAX)


# --- against a planted truth ---------------------------------------------------------------------


def _desk(dice: Random, truth: float, orders: int, *, quotes: bool = True, limits: bool = True) -> Failing:
    """Orders in bonds of widths from 0.3 to 3.

    What is paid against the mark is the truth x the width in the mean; an order trades if that is within its limit,
    else never. Marks move by 25 bps a day whatever the width.
    """
    failing = Failing(FailingParameters(half_life_days=10**9, clip_bps=1_000.0))
    for number in range(orders):
        bond, order = f"B-{dice.randrange(len(BONDS))}", f"O-{number}"
        width = BONDS[bond]
        pays, moved = width * dice.gauss(truth, 15.0), dice.gauss(0.0, 25.0)
        day = dice.uniform(0.0, 10.0)
        first = replace(
            failed(order, day, -pays if quotes else None, name=order), bond=BondSeen(bond, "one", "corporate")
        )
        failing.saw(first)
        if not limits or pays < width * truth:
            failing.saw(traded(order, 100 * (1 + (moved + pays) / 1e4), day + 1.0))
        else:
            failing.marked(order, round((FIRST_DAY + day + 1.0) * DAY_NS), 100 * (1 + moved / 1e4))
    return failing


BONDS = {f"B-{at}": 0.3 * 10 ** (at / 9) for at in range(10)}


def test_what_orders_that_never_trade_would_have_cost_is_in_it() -> None:
    """Half of the orders trade, the cheap half: alone they would say 13 where it is 25."""
    found, survivors = [], []
    for seed in range(20):
        failing = _desk(Random(seed), 25.0, 400)
        found.append(cost(failing, of=widths(BONDS)).value)
        kept = [order for order in failing._orders.values() if any(each.fills for each in order.rounds.values())]
        failing._orders, failing._made = {str(at): order for at, order in enumerate(kept)}, None
        survivors.append(cost(failing, of=widths(BONDS)).value)
    # The prior of 20 is worth 10 of 400 orders.
    error = statistics.stdev(found) / math.sqrt(len(found))
    assert abs(statistics.fmean(found) - (25.0 - 5.0 * 10 / (10 + 400 * statistics.fmean(BONDS.values())))) < 3 * error
    assert error < 0.5
    assert statistics.fmean(survivors) < 16.0


def test_where_nobody_quotes_what_is_usual_stands_in_for_what_would_have_been_paid() -> None:
    """The usual cost is right if who trades is a matter of chance, as where nobody answers."""
    truth = -USUAL_EDGE
    found = []
    for seed in range(20):
        dice, failing = Random(seed), Failing(FailingParameters(half_life_days=10**9, prior_bps=truth))
        for number in range(300):
            order, moved, pays = f"O-{number}", dice.gauss(0.0, 25.0), dice.gauss(truth, 8.0)
            failing.saw(failed(order, name=order))
            if dice.random() < 0.5:
                failing.saw(traded(order, 100 * (1 + (moved + pays) / 1e4), 1.0))
            else:
                failing.marked(order, (FIRST_DAY + 1) * DAY_NS, 100 * (1 + moved / 1e4))
        found.append(cost(failing).value)
    error = statistics.stdev(found) / math.sqrt(len(found))
    assert abs(statistics.fmean(found) - truth) < 3 * error


@pytest.mark.parametrize(
    ("later", "quoted", "siblings"),
    [
        pytest.param(1.0, 0.5, 0, id="all trade later"),
        pytest.param(0.0, 1.0, 0, id="none does, all are quoted"),
        pytest.param(0.0, 0.3, 0, id="most are quoted by nobody"),
        pytest.param(0.0, 0.5, 3, id="only others of its pieces trade, at the best price of a day"),
        pytest.param(0.5, 0.5, 2, id="other pieces trade, then half of what was put off"),
    ],
)
def test_the_cost_is_found_whatever_became_of_orders_and_is_held_by_its_interval(
    later: float, quoted: float, siblings: int
) -> None:
    """What trades late, or would, costs 30 bps times the width; other pieces trade at 5."""
    truth, found = 30.0, []
    for seed in range(20):
        dice, failing = Random(seed), Failing(FailingParameters(half_life_days=10**9, clip_bps=1_000.0))
        for number in range(300):
            bond, order, day = f"B-{dice.randrange(len(BONDS))}", f"O-{number}", dice.uniform(0.0, 10.0)
            width, moved = BONDS[bond], dice.gauss(0.0, 25.0)
            late = width * dice.gauss(truth, 10.0)
            first = failed(order, day, -late if dice.random() < quoted else None, name=order)
            failing.saw(piece(replace(first, bond=BondSeen(bond, "one", "corporate")), 1.0 + siblings))
            for at in range(siblings):
                failing.saw(piece(traded(order, 100 * (1 + 5 * width / 1e4), day + 0.2 * (at + 1)), siblings - at))
            if dice.random() < later:
                failing.saw(piece(traded(order, 100 * (1 + (moved + late) / 1e4), day + 2.0), 0.0))
            else:
                failing.marked(order, round((FIRST_DAY + day + 1.0) * DAY_NS), 100 * (1 + moved / 1e4))
        found.append(cost(failing, of=widths(BONDS)))
    mean, error = statistics.fmean([each.value for each in found]), statistics.stdev([each.value for each in found])
    # The prior of 20 is worth 10 of 300 orders, and 2 of those whose quotes tell what others would have cost.
    assert truth - 1.5 < mean < truth + 3 * error / math.sqrt(len(found))
    assert sum(each.low <= truth <= each.high for each in found) >= 0.8 * len(found)


@pytest.mark.parametrize("orders", [5, 40])
def test_the_interval_holds_the_truth_nine_times_in_ten(orders: int) -> None:
    """300 desks whose truth is drawn from the prior: 90 % within 3 binomial standard errors."""
    dice, held, desks = Random(11), 0, 300
    p = FailingParameters()
    for _ in range(desks):
        truth = dice.gauss(p.prior_bps, p.sd_bps / math.sqrt(p.strength))
        found = cost(_desk(dice, truth, orders), of=widths(BONDS))
        held += found.low <= truth <= found.high
    assert abs(held / desks - 0.9) < 3 * math.sqrt(0.9 * 0.1 / desks)


def test_the_error_of_the_width_is_part_of_what_not_trading_costs_in_a_bond() -> None:
    found = NotTrading(60.0, 8.0, 0.25, 12.0).measure
    assert found.sd == pytest.approx(17.0)
    assert found.high - found.value == pytest.approx(1.645 * 17.0, rel=1e-3)
    assert found.n_eff == 12.0
