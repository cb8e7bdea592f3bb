"""The house formulas to the digit, from raw observations; kept orders against the definition: score all, sort."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from operator import mul
from random import Random

import pytest
from dealer_support import DAY, NOW, SEGMENT, S, feed
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.dealers.segments import Segment
from engine.dealers.stats import CLASSIC_WEIGHTS, DealerStats, Source, StatsParameters, Unit
from engine.errors import ConfigError
from engine.selection.ranking import (
    Rankings,
    Score,
    WeightedScorer,
    classic,
    combine,
    parts_at,
    rank,
    total_of,
    transform,
    weighted,
    worse_of_mean_and_median,
)

DEALERS = [f"d{number:02}" for number in range(12)]
SELL = Segment("corporate", "HY", "3-7y", "5mm-10mm", "sell")
HIT = weighted((("hit_rate", 60), ("price_improvement", 40)), 90)
LEAK = weighted((("leakage", 100),), 33)  # a window that is not kept


def scored(scorer: WeightedScorer, stats: DealerStats, *dealers: str) -> list[Score]:
    """Their scores among themselves, in this order."""
    found = {line.dealer: line.score for line in rank(dealers, scorer, stats, SEGMENT, NOW)}
    return [found[dealer] for dealer in dealers]


def test_golden_scores_from_raw_observations() -> None:
    stats = DealerStats()
    feed(stats, "a", asks=50, trades=44, improvement_bps=3.2, reversion_bps=-0.5, latency_s=12)
    feed(stats, "c", asks=40, trades=38, improvement_bps=2.8, reversion_bps=-0.2, latency_s=18)
    a, c = scored(classic(), stats, "a", "c")
    # Source: DOMAIN 7.1. Not 1.096 and 1.116, which were printed somewhere and follow from nothing.
    assert a.total == 1.062
    assert c.total == 1.063
    assert [part.transformed for part in a.parts] == pytest.approx([0.88, 1.32, 0.95, 0.80])
    assert [part.contribution for part in c.parts] == pytest.approx([0.285, 0.512, 0.196, 0.070])
    assert {part.source for part in a.parts + c.parts} == {Source.OWN}
    assert a.total == a.own


@pytest.mark.parametrize(
    ("parts", "adds_up_to", "printed"),
    [
        pytest.param((0.88, 1.32, 0.95, 0.88), 1.070, 1.096, id="a"),
        pytest.param((0.95, 1.28, 0.98, 0.82), 1.075, 1.116, id="c"),
    ],
)
def test_composites_that_were_once_printed_come_of_no_formula(
    parts: tuple[float, ...], adds_up_to: float, printed: float
) -> None:
    """Neither of the parts printed beside them (a speed of 1 - s / 100 among them), nor of the house's formulas."""
    weights = [float(weight) / 100 for _, weight in CLASSIC_WEIGHTS]
    assert sum(map(mul, weights, parts)) == pytest.approx(adds_up_to, abs=5e-4)
    stats = DealerStats()
    feed(stats, "a", asks=50, trades=44, improvement_bps=3.2, reversion_bps=-0.5, latency_s=12)
    feed(stats, "c", asks=40, trades=38, improvement_bps=2.8, reversion_bps=-0.2, latency_s=18)
    assert all(abs(score.total - printed) > 0.03 for score in scored(classic(), stats, "a", "c"))


def test_the_sign_of_leakage_decides_who_is_first() -> None:
    """Adverse moves are negative: c leaks less and is first. With the sign turned round a would be, 1.082 to 1.071."""
    stats = DealerStats()
    feed(stats, "a", asks=50, trades=44, improvement_bps=3.2, reversion_bps=0.5, latency_s=12)
    feed(stats, "c", asks=40, trades=38, improvement_bps=2.8, reversion_bps=0.2, latency_s=18)
    assert [round(score.total, 3) for score in scored(classic(), stats, "a", "c")] == [1.082, 1.071]


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
    assert scored(classic(), stats, "d")[0].total == pytest.approx(by_hand)


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
        1 + Fraction(improvement, 10_000) if trades else None,  # nobody has any: left out
        1 + Fraction(reversion, 10_000) if trades else None,
        1 - Fraction(latency, 60_000),
    ]
    known = [(weight, score) for weight, score in zip(weights, scores, strict=True) if score is not None]
    exact = sum(weight * score for weight, score in known) / sum(weight for weight, _ in known)
    names = [name for name, _ in CLASSIC_WEIGHTS]
    scorer = classic(list(zip(names, weights, strict=True)))
    assert scored(scorer, stats, "x")[0].total == pytest.approx(float(exact), abs=1e-11)


def test_rank_by_two_metrics_uses_the_same_scales() -> None:
    stats = DealerStats()
    feed(stats, "x", asks=50, quotes=40, trades=30, improvement_bps=-4.0)
    scorer = weighted((("hit_rate", 60), ("price_improvement", 40)), 90)
    [score] = scored(scorer, stats, "x")
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


# --- what is not known ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("unit", "values", "expected"),
    [
        pytest.param(Unit.BPS, [], None, id="nobody has it"),
        pytest.param(Unit.BPS, [2.0], 2.0, id="one has it"),
        pytest.param(Unit.BPS, [0.0, 1.0, 5.0], 1.0, id="the median where a good one pulls the mean up"),
        pytest.param(Unit.BPS, [-9.0, 1.0, 2.0], -2.0, id="the mean where a bad one pulls it down"),
        pytest.param(Unit.RATE, [0.2, 0.3, 0.9, 1.0], 0.6, id="the middle of an even number"),
        pytest.param(Unit.SECONDS, [10.0, 12.0, 50.0], 24.0, id="of seconds the longer"),
        pytest.param(Unit.SECONDS, [1.0, 40.0, 43.0], 40.0, id="of seconds the longer, the median"),
    ],
)
def test_what_stands_in_for_a_metric_is_the_worse_of_mean_and_median(
    unit: Unit, values: list[float], expected: float | None
) -> None:
    assert worse_of_mean_and_median(unit, values) == expected


@given(st.lists(st.floats(-10_000, 10_000), min_size=1, max_size=60), st.randoms(use_true_random=False))
def test_what_stands_in_is_exact_whatever_the_order(values: list[float], draw: Random) -> None:
    found = worse_of_mean_and_median(Unit.BPS, values)
    mean = sum(map(Fraction, values)) / len(values)
    ordered = sorted(values)
    median = (ordered[len(values) // 2] + ordered[(len(values) - 1) // 2]) / 2
    # A part of one is 2^-104: what is smaller in a value is not added up.
    assert found == pytest.approx(min(float(mean), median), rel=1e-15, abs=1e-30)
    draw.shuffle(values)
    assert worse_of_mean_and_median(Unit.BPS, values) == found


def test_a_lacking_metric_gets_the_worse_of_mean_and_median_and_says_so() -> None:
    """Of a, b, c and d the improvements are 6, 2, 1 and 0 bps: mean 2.25, median 1.5."""
    stats = DealerStats()
    for dealer, improvement in (("a", 6.0), ("b", 2.0), ("c", 1.0), ("d", 0.0)):
        feed(stats, dealer, asks=20, trades=10, improvement_bps=improvement, reversion_bps=-1.0, latency_s=12)
    feed(stats, "e", asks=20, trades=0, latency_s=24)
    *_, score = scored(classic(), stats, "a", "b", "c", "d", "e")
    assert [part.source for part in score.parts] == [Source.OWN, Source.TYPICAL, Source.TYPICAL, Source.OWN]
    assert [part.value for part in score.parts] == [0.0, 1.5, -1.0, 24.0]
    assert score.total == pytest.approx(0.4 * 1.15 + 0.2 * 0.9 + 0.1 * 0.6)


def test_each_dealer_counts_once_however_often_it_was_asked() -> None:
    stats = DealerStats()
    feed(stats, "often", asks=200, trades=100, improvement_bps=9.0)
    feed(stats, "seldom", asks=20, trades=10, improvement_bps=1.0)
    feed(stats, "never traded", asks=20, trades=0)
    assert scored(HIT, stats, "often", "seldom", "never traded")[2].parts[1].value == 5.0


def test_a_metric_that_nobody_has_is_left_out_for_all_and_the_others_count_for_more() -> None:
    """Unknown leakage is worth nothing: not the fifth of a point that 0 bps would be."""
    stats = DealerStats()
    feed(stats, "a", asks=20, trades=10, improvement_bps=2.0, latency_s=12)
    feed(stats, "b", asks=20, trades=20, improvement_bps=0.0, latency_s=30)
    a, b = scored(classic(), stats, "a", "b")
    assert [part.source for part in a.parts] == [Source.OWN, Source.OWN, Source.LEFT_OUT, Source.OWN]
    assert [part.weight for part in a.parts] == pytest.approx([0.375, 0.5, 0.0, 0.125])
    assert a.parts[2].value is None
    assert a.total == pytest.approx((0.3 * 0.5 + 0.4 * 1.2 + 0.1 * 0.8) / 0.8)
    assert b.total == pytest.approx((0.3 * 1.0 + 0.4 * 1.0 + 0.1 * 0.5) / 0.8)
    assert sum(part.contribution for part in a.parts) == pytest.approx(a.total)


def test_what_is_left_out_moves_nobody_past_another() -> None:
    """The order is that of the metrics somebody has, as if the rule named no other."""
    stats = DealerStats()
    for place, dealer in enumerate(DEALERS[:6]):
        feed(stats, dealer, asks=20, trades=(place * 7) % 11, improvement_bps=float(place % 3), latency_s=5.0 * place)
    without = weighted((("fill_rate", "37.5"), ("price_improvement", 50), ("speed", "12.5")))  # type: ignore[arg-type]
    mine, others = (rank(DEALERS, scorer, stats, SEGMENT, NOW) for scorer in (classic(), without))
    assert [line.dealer for line in mine] == [line.dealer for line in others]
    assert [line.score.total for line in mine] == pytest.approx([line.score.total for line in others])


@pytest.mark.parametrize("scorer", [classic(), HIT, LEAK])
def test_where_nobody_has_anything_every_score_is_nothing(scorer: WeightedScorer) -> None:
    for line in rank(DEALERS[:3], scorer, DealerStats(), SEGMENT, NOW):
        assert line.score.total == 0.0
        assert {part.source for part in line.score.parts} == {Source.LEFT_OUT}
        assert not line.score.has_data


@pytest.mark.parametrize(
    ("improvement", "latency", "expected"),
    [
        pytest.param(5.0, 10.0, 0.4 + 0.2, id="a good segment: nothing of it rubs off"),
        pytest.param(-5.0, 90.0, 0.4 * 0.5 + 0.2 - 0.1 * 0.5, id="a bad one: no better than it"),
    ],
)
def test_a_dealer_that_nobody_asked_gets_what_is_neutral_or_what_others_have_where_that_is_worse(
    improvement: float, latency: float, expected: float
) -> None:
    stats = DealerStats()
    feed(stats, "a", asks=20, trades=10, improvement_bps=improvement, reversion_bps=3.0, latency_s=latency)
    _, score = scored(classic(), stats, "a", "nobody")
    assert score.total == pytest.approx(expected)
    assert {part.source for part in score.parts} == {Source.NO_DATA}
    assert {part.value for part in score.parts} == {None}
    assert not score.has_data


@pytest.mark.parametrize("improvement", [-7.0, -3.0, 0.0, 4.0])
@pytest.mark.parametrize("reversion", [None, -5.0, 0.0])
def test_a_dealer_without_a_trade_stands_behind_one_that_fills_everything(
    improvement: float, reversion: float | None
) -> None:
    """Even at bad prices, among dealers that know no better: unknown results are not good results."""
    stats = DealerStats()
    feed(stats, "fills", asks=20, trades=20, improvement_bps=improvement, reversion_bps=reversion, latency_s=20.0)
    feed(stats, "middling", asks=20, trades=8, improvement_bps=improvement, reversion_bps=reversion, latency_s=20.0)
    feed(stats, "no trade", asks=20, trades=0, latency_s=20.0)
    names = ["fills", "middling", "no trade", "never asked"]
    lines = rank(names, classic(), stats, SEGMENT, NOW)
    assert [line.dealer for line in lines] == names


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
    proven = combine(terms, own, mean, is_known=True)
    unknown = combine(terms, [None] * 4, mean, is_known=False)
    assert proven.total >= unknown.total


def test_silence_alone_is_known_and_bad() -> None:
    stats = DealerStats(StatsParameters(scope_observations_min=1))
    for number in range(12):
        stats.asked("cedar", SEGMENT, NOW + number * S)
        stats.silent("cedar", SEGMENT, NOW + number * S, 120.0)
    feed(stats, "birch", asks=12, trades=6, improvement_bps=0.0, reversion_bps=0.0)
    cedar, birch = scored(classic(), stats, "cedar", "birch")
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


def test_without_any_data_dealers_stand_by_name() -> None:
    lines = rank(["b", "c", "a"], classic(), DealerStats(), SEGMENT, NOW)
    assert [line.dealer for line in lines] == ["a", "b", "c"]


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
            parts = parts_at(table.metrics, table.units, table.weights, table.typical, table.values[place])
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
