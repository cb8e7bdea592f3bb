"""Kept orders against the definition: score everybody and sort."""

from __future__ import annotations

import pytest
from dealer_support import DAY, NOW, SEGMENT, feed
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.dealers.segments import Segment
from engine.dealers.stats import DealerStats, Source, StatsParameters
from engine.selection.classic import classic, weighted
from engine.selection.ranking import Rankings, parts_at, rank

DEALERS = [f"d{number:02}" for number in range(12)]
SELL = Segment("corporate", "HY", "3-7y", "5mm-10mm", "sell")
HIT = weighted((("hit_rate", 60), ("price_improvement", 40)), 90)
LEAK = weighted((("leakage", 100),), 33)  # a window that is not kept


def test_best_first_and_ties_by_name() -> None:
    stats = DealerStats()
    feed(stats, "good", trades=40, improvement_bps=2.0)
    for dealer in ("z", "m"):
        feed(stats, dealer, trades=20, improvement_bps=1.0)
    lines = rank(["m", "new", "z", "good"], classic(), stats, SEGMENT, NOW)
    assert [(line.rank, line.dealer) for line in lines] == [(1, "good"), (2, "m"), (3, "z"), (4, "new")]


def test_without_any_data_dealers_stand_by_name_and_are_marked() -> None:
    lines = rank(["b", "c", "a"], classic(), DealerStats(), SEGMENT, NOW)
    assert [line.dealer for line in lines] == ["a", "b", "c"]
    assert {part.source for line in lines for part in line.score.parts} == {Source.NO_DATA}


def test_a_dealer_never_tried_stands_behind_one_with_neutral_results_whatever_its_name() -> None:
    stats = DealerStats()
    feed(stats, "zz", asks=20, trades=10, improvement_bps=0.0, reversion_bps=0.0, latency_s=60.0)
    feed(stats, "yy", asks=20, trades=20, improvement_bps=9.0, reversion_bps=9.0, latency_s=1.0)
    lines = Rankings(stats, ["aa", "yy", "zz"]).top(3, classic(), SEGMENT, NOW)
    assert [line.dealer for line in lines] == ["yy", "zz", "aa"]


def test_an_exact_tie_of_known_and_unknown_goes_to_the_known() -> None:
    stats = DealerStats()
    feed(stats, "zz", asks=20, quotes=20, trades=0)
    by_rate = weighted((("fill_rate", 100),))
    for lines in (
        rank(["aa", "zz"], by_rate, stats, SEGMENT, NOW),
        Rankings(stats, ["aa", "zz"]).top(2, by_rate, SEGMENT, NOW),
    ):
        assert [(line.dealer, line.score.total) for line in lines] == [("zz", 0.0), ("aa", 0.0)]


def test_only_eligible_dealers_and_only_as_many_as_asked_for() -> None:
    stats = DealerStats()
    for place, dealer in enumerate(DEALERS):
        feed(stats, dealer, asks=20, trades=20 - place)
    rankings = Rankings(stats, DEALERS)
    lines = rankings.top(2, classic(), SEGMENT, NOW, eligible={"d03", "d07", "d09"})
    assert [(line.rank, line.dealer) for line in lines] == [(1, "d03"), (2, "d07")]
    assert rankings.top(0, classic(), SEGMENT, NOW) == ()
    assert [line.dealer for line in rankings.top(99, classic(), SEGMENT, NOW, {"d01", "stranger"})] == ["d01"]
    assert list(rankings.order(classic(), SEGMENT, NOW)) == DEALERS


steps = st.lists(
    st.tuples(
        st.sampled_from(DEALERS[:8]),
        st.sampled_from([SEGMENT, SELL]),
        st.sampled_from(["ask", "unask", "quote", "silent", "trade", "reversion", "day"]),
        st.integers(-4, 4),
    ),
    max_size=50,
)


@settings(max_examples=150, deadline=None)
@given(steps, st.sampled_from([classic(), HIT, LEAK]), st.integers(1, 3))
def test_kept_order_is_the_definition_after_every_step(
    script: list[tuple[str, Segment, str, int]], scorer: object, enough: int
) -> None:
    """Few distinct values, so that ties, missing metrics and changes between groups are common."""
    assert isinstance(scorer, type(HIT))
    stats = DealerStats(StatsParameters(scope_observations_min=enough, windows_days=(2, 90)))
    rankings, now = Rankings(stats, DEALERS, kept_max=2), NOW
    for dealer, segment, what, number in script:
        if what == "day":
            now += DAY * (1 + abs(number) * 20)
        elif what == "ask":
            stats.asked(dealer, segment, now)
        elif what == "unask":
            stats.asked(dealer, segment, now)
            stats.unask(dealer, segment, now)
        elif what == "quote":
            stats.answered(dealer, segment, now, 10.0 + number, True, float(number))
        elif what == "silent":
            stats.silent(dealer, segment, now, 60.0)
        elif what == "trade":
            stats.traded(dealer, segment, now, float(number))
        else:
            stats.reversion(dealer, segment, now - abs(number) * DAY, float(number))
        for asked in (SEGMENT, SELL, Segment("corporate"), Segment("municipal")):
            assert rankings.top(99, scorer, asked, now) == rank(DEALERS, scorer, stats, asked, now)


def test_two_reads_without_an_observation_agree_and_so_does_a_read_of_the_past() -> None:
    stats = DealerStats()
    for place, dealer in enumerate(DEALERS):
        feed(stats, dealer, trades=50 - 3 * place, at_ns=NOW - place * 9 * DAY)
    rankings = Rankings(stats, DEALERS)
    first = rankings.top(12, classic(), SEGMENT, NOW)
    later = rankings.top(12, classic(), SEGMENT, NOW + 40 * DAY)
    assert later != first
    assert rankings.top(12, classic(), SEGMENT, NOW) == first == rank(DEALERS, classic(), stats, SEGMENT, NOW)


@settings(max_examples=60, deadline=None)
@given(steps, st.sampled_from([classic(), HIT, LEAK]))
def test_a_table_says_in_numbers_what_the_lines_say_in_parts(
    script: list[tuple[str, Segment, str, int]], scorer: object
) -> None:
    assert isinstance(scorer, type(HIT))
    stats = DealerStats(StatsParameters(scope_observations_min=2, windows_days=(2, 90)))
    rankings = Rankings(stats, DEALERS)
    for dealer, segment, what, number in script:
        if what in ("ask", "silent"):
            stats.asked(dealer, segment, NOW)
        elif what == "quote":
            stats.answered(dealer, segment, NOW, 10.0 + number, True, float(number))
        elif what == "trade":
            stats.traded(dealer, segment, NOW, float(number))
        eligible = set(DEALERS[number % 3 :])
        table = rankings.table(scorer, SEGMENT, NOW, eligible)
        lines = rankings.top(99, scorer, SEGMENT, NOW, eligible)
        assert table.dealers == tuple(line.dealer for line in lines)
        assert table.scores == tuple(line.score.total for line in lines)
        for place, line in enumerate(lines):
            parts = parts_at(table.metrics, table.units, table.weights, table.means, table.values[place])
            assert parts == line.score.parts
            assert table.has_data(place) is line.score.has_data


@pytest.mark.parametrize("lacking", [1, 5, 60])
def test_a_few_dealers_that_lack_a_metric_find_their_places_among_the_many(lacking: int) -> None:
    """Few are merged one by one, many all at once: the order is the definition's either way."""
    stats = DealerStats()
    names = [f"d{number:03}" for number in range(100)]
    for number, dealer in enumerate(names):
        trades = 0 if number % 100 < lacking else 5 + number * 7 % 11
        feed(stats, dealer, asks=20, trades=trades, improvement_bps=float(number * 13 % 9), latency_s=5.0 + number % 4)
    rankings = Rankings(stats, names)
    for step in range(4):
        assert rankings.top(100, classic(), SEGMENT, NOW) == rank(names, classic(), stats, SEGMENT, NOW)
        feed(stats, names[step * 17], asks=1, trades=1, improvement_bps=3.0)
