"""The small worlds are what their bars say: planted truths, counts and lines; few seeds, so no bar is held here."""

from __future__ import annotations

import statistics
from typing import Any

import pytest
from judging import main, small
from judging.crowd import PRINTS, STALE, Crowd
from judging.little import ORDERS_A_DAY, Habit, Little
from judging.policies import Deaf
from judging.sight import Asking, Panel, plain

from engine.domain.observation import Answer, Horizon, MarkAfter, RoundSeen, Taken


class Everybody(Deaf):
    """Asks the first so many, and remembers what it is told."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.seen: list[RoundSeen] = []
        self.after: list[tuple[RoundSeen, MarkAfter]] = []

    def choose(self, asking: Asking) -> Panel:
        return plain(asking.dealers[: self.count])

    def saw(self, asking: Asking, seen: RoundSeen, closed: Any) -> None:
        self.seen.append(seen)

    def marked(self, seen: RoundSeen, after: MarkAfter) -> None:
        self.after.append((seen, after))


def test_dealers_quote_where_they_were_planted_and_the_best_trades() -> None:
    little, policy = Little(1, (40.0, 2.0, 10.0), noise_bps=3.0), Everybody(3)
    for order in range(1, 201):
        little.trade(policy, order)
    for at, distance in enumerate((40.0, 2.0, 10.0)):
        edges = [seen.asks[at].edge_bps or 0.0 for seen in policy.seen]
        assert statistics.fmean(edges) == pytest.approx(-distance, abs=4 * 3.0 / 200**0.5)
        assert statistics.stdev(edges) == pytest.approx(3.0, rel=0.2)
    for seen in policy.seen:
        [winner] = [ask for ask in seen.asks if ask.taken is Taken.filled]
        assert winner.price == min(ask.price for ask in seen.asks if ask.price is not None)


def test_who_moves_the_mid_moves_it_whenever_it_is_asked_and_after_the_decision() -> None:
    habits = [Habit(2.0), Habit(8.0, moves_bps=10.0)]
    moved: dict[int, float] = {}
    for count in (1, 2):
        little, policy = Little(1, noise_bps=3.0, drift_sd_bps=8.0, habits=lambda order: habits), Everybody(count)
        for order in range(1, 301):
            little.trade(policy, order)
        drifts = []
        for seen, after in policy.after:
            if after.horizon is Horizon.half_hour and after.mark is not None and seen.mark_decision is not None:
                drifts.append(1e4 * float(after.mark.price / seen.mark_decision.price - 1))
        moved[count] = statistics.fmean(drifts)
        assert statistics.stdev(drifts) == pytest.approx(8.0, rel=0.15)
    assert moved[2] - moved[1] == pytest.approx(10.0, abs=1e-3), "the same luck otherwise"


def test_who_answers_half_of_the_time_is_silent_in_the_other_half() -> None:
    little, policy = Little(1, noise_bps=3.0, habits=lambda order: [Habit(2.0, answers=0.5)]), Everybody(1)
    for order in range(1, 401):
        little.trade(policy, order)
    assert sum(seen.asks[0].answer is Answer.quote for seen in policy.seen) == pytest.approx(200, abs=40)


def test_in_a_crowd_nobody_leaks_and_one_is_printed() -> None:
    printed: list[float] = []
    other: list[float] = []
    stale = 0
    for seed in range(1, 5):
        events = list(Crowd(seed, 300).events())
        times = [after.horizon for _, after in events if after is not None]
        assert times.count(Horizon.half_hour) == 300
        for seen, after in events:
            if after is None or after.horizon is not Horizon.minute or after.mark is None or seen.mark_decision is None:
                stale += after is None and any(ask.dealer == STALE and ask.filled for ask in seen.asks)
                continue
            moved = seen.side.sign * 1e4 * float(after.mark.price / seen.mark_decision.price - 1)
            won = any(ask.dealer == PRINTS and ask.filled for ask in seen.asks)
            (printed if won else other).append(moved)
    assert statistics.fmean(other) == pytest.approx(0.0, abs=4 * statistics.stdev(other) / len(other) ** 0.5)
    error = statistics.stdev(printed) / len(printed) ** 0.5
    assert statistics.fmean(printed) == pytest.approx(3.0, abs=4 * error)
    assert stale > 5


@pytest.mark.parametrize("scorer", ["classic", "model"])
def test_who_is_found_is_counted_before_any_draw(scorer: str) -> None:
    share = small._found(1, (40.0, 45.0, 50.0, *small.GOOD), scorer, 21, 24)
    assert 0.0 <= share <= 1.0


@pytest.mark.full
@pytest.mark.parametrize("name", small.MEASUREMENTS)
def test_every_measurement_says_its_numbers_beside_their_bars(name: str) -> None:
    lines = list(small.MEASUREMENTS[name](1))
    assert lines
    for line in lines:
        assert line.met is (line.low <= line.measured <= line.high)
        assert ("NOT MET" in str(line)) is not line.met


def test_an_unknown_measurement_is_named(capsys: Any) -> None:
    assert main.main(["small", "nonsense"]) == 2
    assert "there is no nonsense" in capsys.readouterr().err


def test_orders_of_a_day_have_bonds_of_their_own() -> None:
    little = Little(1, (2.0,), noise_bps=1.0)
    askings = [little.asking(order) for order in range(1, 2 * ORDERS_A_DAY)]
    assert len({asking.bond.issuer for asking in askings}) == len(askings)
