"""Volatility against planted truths: its value, its robustness, and what it does not know."""

from __future__ import annotations

import math
import random
import statistics
from datetime import date

import pytest

from engine.clock import NS_PER_DAY
from engine.market.business_days import WEEKDAYS, BusinessDays
from engine.market.volatility import Closes, robust_sd

MONDAY = (date(2026, 9, 7) - date(1970, 1, 1)).days


def fed(moves_bps: list[float], *, source: str = "marks", start: int = MONDAY, closes: Closes | None = None) -> Closes:
    """One close a weekday, each so many bps from the one before."""
    kept = Closes(days=len(moves_bps) + 1) if closes is None else closes
    price, day = 100.0, start
    kept.take("A", source, day * NS_PER_DAY, price)
    for move in moves_bps:
        day += 3 if (day + 3) % 7 == 4 else 1
        price *= 1 + move / 10_000
        kept.take("A", source, day * NS_PER_DAY, price)
    return kept


def test_the_planted_volatility_comes_out() -> None:
    """35 bps a day, 60 moves: over 200 seeds the mean is within 3 standard errors, the spread as the head says."""
    logs = []
    for seed in range(200):
        rng = random.Random(seed)
        found = fed([rng.gauss(0, 35) for _ in range(60)]).volatility("A", 10**6)
        assert found is not None
        assert found.n == 60
        logs.append(math.log(found.bps / 35))
    assert abs(statistics.fmean(logs)) < 3 * 1.17 / math.sqrt(60) / math.sqrt(200) + 0.02  # The small-sample bias.
    assert statistics.stdev(logs) == pytest.approx(found.ln_sd, rel=0.2)


def test_one_absurd_mark_hardly_moves_it() -> None:
    rng = random.Random(1)
    moves = [rng.gauss(0, 20) for _ in range(40)]
    clean = fed(moves).volatility("A", 10**6)
    dirty = fed([*moves[:20], 5_000, -3_300, *moves[20:]]).volatility("A", 10**6)
    assert clean is not None
    assert dirty is not None
    assert dirty.bps == pytest.approx(clean.bps, rel=0.15)


def test_over_a_holiday_of_its_market_a_move_is_of_one_day() -> None:
    """7 September 2026 is Labor Day: of Friday and Tuesday; without a calendar these are two days."""
    closes, holiday = Closes(moves_min=1), BusinessDays([date(2026, 9, 7)])
    for day, price in ((MONDAY - 4, 100.0), (MONDAY - 3, 100.2), (MONDAY + 1, 100.0)):
        closes.take("A", "marks", day * NS_PER_DAY, price)
    moves = [20.0, -(1 - 100 / 100.2) * 10_000]
    for known, last in ((holiday, moves[1]), (WEEKDAYS, moves[1] / math.sqrt(2)), (holiday, moves[1])):
        found = closes.volatility("A", 10**6, known)
        assert found is not None
        assert found.bps == pytest.approx(1.4826 * abs(moves[0] - last) / 2)


def test_a_weekend_is_one_day_and_a_holiday_two() -> None:
    closes = Closes(moves_min=1)
    for day, price in ((MONDAY + 4, 100.0), (MONDAY + 7, 100.1), (MONDAY + 9, 100.0)):
        closes.take("A", "marks", day * NS_PER_DAY, price)
    found = closes.volatility("A", 10**6)
    assert found is not None
    moves = [10.0, -(1 - 100 / 100.1) * 10_000 / math.sqrt(2)]
    assert found.bps == pytest.approx(1.4826 * abs(moves[0] - moves[1]) / 2)


def test_it_is_unknown_with_too_few_moves_and_where_nothing_moved() -> None:
    assert Closes().volatility("A", MONDAY) is None
    assert fed([10.0] * 9).volatility("A", 10**6) is None
    assert fed([0.0] * 30).volatility("A", 10**6) is None


def test_a_price_that_is_seldom_looked_at_is_not_still() -> None:
    found = fed([0, 0, 30, 0, 0, -30, 0, 0, 30, 0, 0, -30]).volatility("A", 10**6)
    assert found is not None
    assert found.bps == pytest.approx(30 * math.sqrt(4 / 12))


@pytest.mark.parametrize("share", [0.1, 0.3, 0.45, 0.6, 0.8])
def test_days_on_which_nobody_looked_hide_no_volatility(share: float) -> None:
    """35 bps a day, the price not looked at on so many days: over 100 seeds the mean is within a tenth."""
    found, spread = [], []
    for seed in range(100):
        rng, moves, hidden = random.Random(seed), [], 0.0
        for _ in range(60):
            hidden += rng.gauss(0, 35)
            looked = rng.random() >= share
            moves.append(hidden if looked else 0.0)
            hidden = 0.0 if looked else hidden
        one = fed(moves).volatility("A", 10**6)
        assert one is not None
        found.append(one.bps)
        spread.append(one.ln_sd)
    assert statistics.fmean(found) == pytest.approx(35, rel=0.1)
    # What is known of it falls with the looks.
    assert statistics.fmean(spread) == pytest.approx(1.17 / math.sqrt(60 * (1 - share)), rel=0.15)


def test_one_absurd_mark_among_a_few_moves_is_held_in() -> None:
    found = fed([0, 0, 30, 0, 0, -30, 0, 0, 30, 0, 0, -30, 3_000, 0, 0]).volatility("A", 10**6)
    assert found is not None
    assert found.bps < 60


def test_the_open_day_does_not_count() -> None:
    moves = [10.0, -10.0] * 6
    closes = fed(moves)
    last_day = MONDAY + 16
    before = closes.volatility("A", last_day)
    closes.take("A", "marks", last_day * NS_PER_DAY + 1, 200.0)
    assert closes.volatility("A", last_day) == before
    assert before is not None
    assert before.n == 11


def test_the_last_mark_of_a_day_counts_in_whatever_order_they_come() -> None:
    closes = Closes(moves_min=1)
    for day, hour, price in ((1, 9, 101.0), (0, 9, 100.0), (1, 8, 150.0), (2, 9, 100.0), (0, 10, 100.5), (1, 9, 101.0)):
        closes.take("A", "marks", (MONDAY + day) * NS_PER_DAY + hour, price)
    assert [price for _, price in closes.kept("A")["marks"]] == [100.5, 101.0, 100.0]


def test_so_many_days_are_kept_and_the_source_with_the_most_moves_is_used() -> None:
    closes = Closes(days=20)
    fed([12.0, -12.0] * 6, source="few", closes=closes)
    fed([30.0, -30.0] * 15, source="many", closes=closes)
    assert len(closes.kept("A")["many"]) == 20
    found = closes.volatility("A", 10**6)
    assert found is not None
    assert (found.source, found.n) == ("many", 19)
    closes.take("A", "many", (MONDAY - 100) * NS_PER_DAY, 50.0)
    assert closes.volatility("A", 10**6) == found


def test_the_deviation_of_nothing_is_unknown() -> None:
    assert robust_sd([]) is None
    assert robust_sd([0.0, 0.0]) is None
