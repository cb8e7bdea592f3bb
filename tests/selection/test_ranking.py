"""The house formulas to the digit, from raw observations; kept orders against the definition: score all, sort."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from dealer_support import DAY, NOW, SEGMENT, S, feed
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.dealers.segments import Segment
from engine.dealers.stats import CLASSIC_WEIGHTS, DealerStats, Source, StatsParameters, Unit
from engine.errors import ConfigError
from engine.selection.ranking import Rankings, classic, combine, parts_at, rank, total_of, transform, weighted

DEALERS = [f"d{number:02}" for number in range(12)]
SELL = Segment("corporate", "HY", "3-7y", "5mm-10mm", "sell")
HIT = weighted((("hit_rate", 60), ("price_improvement", 40)), 90)
LEAK = weighted((("leakage", 100),), 33)  # a window that is not kept


def test_golden_scores_from_raw_observations() -> None:
    stats = DealerStats()
    feed(stats, "a", asks=50, trades=44, improvement_bps=3.2, reversion_bps=-0.5, latency_s=12)
    feed(stats, "c", asks=40, trades=38, improvement_bps=2.8, reversion_bps=-0.2, latency_s=18)
    a, c = (classic().score(stats, dealer, SEGMENT, NOW) for dealer in ("a", "c"))
    assert a.total == 1.062
    assert c.total == 1.063
    assert [part.transformed for part in a.parts] == pytest.approx([0.88, 1.32, 0.95, 0.80])
    assert [part.contribution for part in c.parts] == pytest.approx([0.285, 0.512, 0.196, 0.070])
    assert {part.source for part in a.parts + c.parts} == {Source.OWN}
    assert a.total == a.own


@pytest.mark.parametrize(
    ("own", "rest", "total"),
    [
        pytest.param(0.1, 0.2, 0.3, id="without the last bits of a float"),
        pytest.param(0.5, 1e-12, 0.500000000001, id="the twelfth decimal counts"),
        pytest.param(0.5, 4e-13, 0.5, id="the thirteenth does not"),
        pytest.param(-0.5, -6e-13, -0.500000000001, id="the thirteenth is rounded, below zero too"),
    ],
)
def test_a_total_has_twelve_decimals(own: float, rest: float, total: float) -> None:
    """Enough that no two dealers tie who differ, and too few for the order of adding up to show."""
    assert total_of(own, rest) == total


def test_a_slow_and_leaky_dealer() -> None:
    stats = DealerStats()
    feed(stats, "d", asks=50, trades=35, improvement_bps=1.0, reversion_bps=-2.0, latency_s=45)
    by_hand = 0.3 * 0.70 + 0.4 * 1.1 + 0.2 * 0.8 + 0.1 * 0.25
    assert classic().score(stats, "d", SEGMENT, NOW).total == pytest.approx(by_hand)


@pytest.mark.parametrize(
    ("unit", "value", "expected"),
    [
        pytest.param(Unit.RATE, 0.88, 0.88, id="a rate is its fraction"),
        pytest.param(Unit.BPS, 3.2, 1.32, id="3.2 bps better"),
        pytest.param(Unit.BPS, -2.0, 0.8, id="adverse is worse"),
        pytest.param(Unit.SECONDS, 12, 0.8, id="12 s"),
        pytest.param(Unit.SECONDS, 60, 0.0, id="a minute is zero"),
        pytest.param(Unit.SECONDS, 90, -0.5, id="and it is not clamped"),
    ],
)
def test_transform(unit: Unit, value: float, expected: float) -> None:
    assert transform(unit, value) == pytest.approx(expected)


@given(
    st.integers(0, 60),
    st.integers(1, 60),
    st.integers(-200_000, 200_000),
    st.integers(-200_000, 200_000),
    st.integers(0, 300_000),
    st.tuples(st.integers(1, 97), st.integers(1, 97), st.integers(1, 97)).filter(lambda cuts: len(set(cuts)) == 3),
)
def test_scores_are_the_formulas_in_exact_arithmetic(
    trades: int, asks: int, improvement: int, reversion: int, latency: int, cuts: tuple[int, int, int]
) -> None:
    """Values in thousandths; weights any that add to 100."""
    trades = min(trades, asks)
    first, second, third = sorted(cuts)
    weights = [first, second - first, third - second, 100 - third]
    stats = DealerStats()
    feed(
        stats,
        "x",
        asks=asks,
        trades=trades,
        improvement_bps=improvement / 1000,
        reversion_bps=reversion / 1000,
        latency_s=latency / 1000,
    )
    scores = [
        Fraction(trades, asks),
        1 + Fraction(improvement, 10_000) if trades else Fraction(1),  # nobody has any: 0 bps
        1 + Fraction(reversion, 10_000) if trades else Fraction(1),
        1 - Fraction(latency, 60_000),
    ]
    exact = sum(Fraction(weight, 100) * score for weight, score in zip(weights, scores, strict=True))
    names = [name for name, _ in CLASSIC_WEIGHTS]
    scorer = classic(list(zip(names, weights, strict=True)))
    assert scorer.score(stats, "x", SEGMENT, NOW).total == pytest.approx(float(exact), abs=1e-11)


def test_rank_by_two_metrics_uses_the_same_scales() -> None:
    stats = DealerStats()
    feed(stats, "x", asks=50, quotes=40, trades=30, improvement_bps=-4.0)
    scorer = weighted((("hit_rate", 60), ("price_improvement", 40)), 90)
    score = scorer.score(stats, "x", SEGMENT, NOW)
    assert score.total == pytest.approx(0.6 * 0.75 + 0.4 * 0.6)
    assert scorer.key == "60% hit_rate + 40% price_improvement over 90d"


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        pytest.param((("leakage", 50), ("fill_rate", 30)), "add to 80 %", id="too little"),
        pytest.param((("leakage", 50), ("fill_rate", 51)), "add to 101 %", id="too much"),
        pytest.param((("fillrate", 100),), "unknown metric 'fillrate'", id="no such metric"),
        pytest.param((("leakage", 50), ("reversion", 50)), "leakage is weighted twice", id="two words for one metric"),
        pytest.param((("leakage", 100), ("speed", 0)), "leave it out", id="a weight of nothing"),
        pytest.param((("leakage", 110), ("speed", -10)), "leave it out", id="a negative weight"),
        pytest.param((), "add to 0 %", id="no weights"),
    ],
)
def test_weights_that_make_no_score_are_refused(weights: tuple[tuple[str, int], ...], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        weighted(weights)


def test_fractions_of_a_percent_add_exactly() -> None:
    thirds = (("fill_rate", Decimal("33.3")), ("speed", 33.3), ("leakage", Decimal("33.4")))
    assert weighted(thirds).window_days == 90


def test_a_lacking_metric_gets_the_segments_mean_and_says_so() -> None:
    stats = DealerStats()
    feed(stats, "a", asks=20, trades=10, improvement_bps=2.0, reversion_bps=-1.0, latency_s=12)
    feed(stats, "b", asks=20, trades=0, latency_s=24)
    score = classic().score(stats, "b", SEGMENT, NOW)
    assert [part.source for part in score.parts] == [Source.OWN, Source.SEGMENT_MEAN, Source.SEGMENT_MEAN, Source.OWN]
    assert [part.value for part in score.parts] == [0.0, 2.0, -1.0, 24.0]
    assert score.total == pytest.approx(0.4 * 1.2 + 0.2 * 0.9 + 0.1 * 0.6)


@pytest.mark.parametrize(
    ("improvement", "latency", "expected"),
    [
        pytest.param(5.0, 10.0, 0.4 + 0.2, id="a good segment: nothing of it rubs off"),
        pytest.param(-5.0, 90.0, 0.4 * 0.5 + 0.2 - 0.1 * 0.5, id="a bad one: no better than it"),
    ],
)
def test_an_unknown_dealer_gets_the_neutral_prior_or_the_worse_mean(
    improvement: float, latency: float, expected: float
) -> None:
    stats = DealerStats()
    feed(stats, "a", asks=20, trades=10, improvement_bps=improvement, reversion_bps=3.0, latency_s=latency)
    score = classic().score(stats, "nobody", SEGMENT, NOW)
    assert score.total == pytest.approx(expected)
    assert {part.source for part in score.parts} == {Source.NO_DATA}
    assert {part.value for part in score.parts} == {None}
    assert not score.has_data


rates = st.floats(0, 1)


@given(
    st.tuples(rates, st.floats(0, 100), st.floats(0, 100), st.floats(0, 60)),
    st.tuples(rates, st.floats(-100, 100), st.floats(-100, 100), st.floats(0, 600)),
    st.tuples(*[st.booleans()] * 4),
)
def test_nobody_unknown_gets_ahead_of_proven_results(
    good: tuple[float, ...], mean: tuple[float, ...], has: tuple[bool, ...]
) -> None:
    """A dealer whose every known result is at least neutral scores at least what an unknown one does."""
    terms = classic().terms
    own = [(value, 10, "*") if known else None for value, known in zip(good, has, strict=True)]
    means = [(value, 100, "*") for value in mean]
    proven = combine(terms, own, means, is_known=True)
    unknown = combine(terms, [None] * 4, means, is_known=False)
    assert proven.total >= unknown.total


def test_silence_alone_is_known_and_bad() -> None:
    stats = DealerStats(StatsParameters(scope_observations_min=1))
    for number in range(12):
        stats.asked("cedar", SEGMENT, NOW + number * S)
        stats.silent("cedar", SEGMENT, NOW + number * S, 120.0)
    feed(stats, "birch", asks=12, trades=6, improvement_bps=0.0, reversion_bps=0.0)
    cedar, birch = (classic().score(stats, dealer, SEGMENT, NOW) for dealer in ("cedar", "birch"))
    assert cedar.parts[0].value == 0.0
    assert cedar.parts[3].transformed == -1.0
    assert cedar.total < birch.total


# --- the order ------------------------------------------------------------------------------------


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
