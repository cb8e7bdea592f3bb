"""What is learnt from rounds and what is not; the reference numbers; that only the rounds matter, not their order."""

from __future__ import annotations

import random
from dataclasses import astuple, replace
from decimal import Decimal
from math import hypot, log

import pytest
from seen_rounds import BUY, DAY_NS, FIRST_DAY, SELL, SIZE, asked, asking, drawn_dealers, drawn_round, seen

from engine.dealers.estimate_parameters import EstimateParameters, usual_noise
from engine.dealers.estimates import Estimates
from engine.dealers.outlook import Identified, Outlook
from engine.dealers.rates import expit, logit
from engine.domain.observation import Answer, Taken
from engine.domain.order import MarkUsed

QUARTER = EstimateParameters(q_mean=0.25, panel_reference=1.0)


def told(parameters: EstimateParameters, quotes: int, silences: int) -> Estimates:
    """One dealer, asked alone."""
    estimates = Estimates(parameters)
    for number in range(quotes + silences):
        estimates.learn(seen(f"r{number}", [asked("alder", 0.0, 1.0 if number < quotes else None)]))
    return estimates


@pytest.mark.parametrize(
    ("quotes", "asks", "expected"),
    [
        pytest.param(2, 2, 0.375, id="two of two are .375"),
        pytest.param(40, 100, 0.386, id="forty of a hundred are .386"),
        pytest.param(0, 3, 0.192, id="none of three is .192"),
    ],
)
def test_reference_numbers_of_a_rate(quotes: int, asks: int, expected: float) -> None:
    # Prior mean .25 of strength 10: DOMAIN 7.3, empirical Bayes.
    outlook = told(QUARTER, quotes, asks - quotes).outlook("alder", asking())
    assert outlook.q.value == pytest.approx((2.5 + quotes) / (10 + asks), abs=1e-12)
    assert outlook.q.value == pytest.approx(expected, abs=5e-4)
    assert outlook.asks == asks


@pytest.mark.parametrize(("asks", "z"), [pytest.param(50, 1.27, id="50 each"), pytest.param(200, 2.5, id="200 each")])
def test_reference_numbers_of_two_rates_told_apart(asks: int, z: float) -> None:
    # Source: DOMAIN 3.2, 5: .88 against .95. Next to no prior, so that the errors are those of the rounds alone;
    # half a quote there is none, so the second rate is the mean of the one above and the one below it.
    unbelieved = replace(QUARTER, strengths=(1e-3,) * 4)

    def rate(share: float) -> tuple[float, float]:
        twice = round(2 * share * asks)
        found = [
            told(unbelieved, each, asks - each).outlook("alder", asking()).q for each in (twice // 2, (twice + 1) // 2)
        ]
        return sum(each.value for each in found) / 2, sum(each.sd for each in found) / 2

    (low, low_sd), (high, high_sd) = rate(0.88), rate(0.95)
    assert (high - low) / hypot(low_sd, high_sd) == pytest.approx(z, abs=0.04)


def test_two_of_two_do_not_outrank_forty_of_a_hundred() -> None:
    assert (
        told(QUARTER, 2, 0).outlook("alder", asking()).q.value
        < told(QUARTER, 40, 60).outlook("alder", asking()).q.value
    )


def test_an_observation_of_one_half_life_ago_weighs_half() -> None:
    estimates = told(QUARTER, 2, 0)
    now = estimates.outlook("alder", asking()).q
    later = estimates.outlook("alder", asking(30)).q
    assert now.value == pytest.approx((2.5 + 2) / 12)
    assert later.value == pytest.approx((2.5 + 1) / 11)
    # All are as old as each other: there are as many of them.
    assert later.n_eff == pytest.approx(now.n_eff)


@pytest.mark.parametrize(
    ("half_life", "weights", "n_eff"),
    [pytest.param(30, 43, 87, id="30 days"), pytest.param(90, 130, 260, id="90 days")],
)
def test_reference_numbers_of_one_request_a_day(half_life: int, weights: float, n_eff: float) -> None:
    # Source: DOMAIN 3.3.
    parameters = EstimateParameters(half_life_days=half_life, window_days=3_000, q_mean=0.5, panel_reference=1.0)
    estimates = Estimates(parameters)
    for day in range(2_000):
        estimates.learn(seen(f"r{day}", [asked("alder", day, 1.0)], day))
    q = estimates.outlook("alder", asking(1_999)).q
    assert q.n_eff == pytest.approx(n_eff, abs=1.0)
    # (prior 10 x .5 + weights) / (10 + weights), solved for the weights.
    assert (10 * q.value - 5) / (1 - q.value) == pytest.approx(weights, abs=1.0)


def test_a_dealer_that_nobody_asked_sits_on_the_prior() -> None:
    estimates = Estimates(EstimateParameters(panel_reference=1.0))
    outlook = estimates.outlook("nobody", asking())
    p = estimates.parameters
    assert (outlook.q.value, outlook.f.value, outlook.e.value) == pytest.approx((p.q_mean, p.f_mean, p.edge_level_bps))
    assert [m.n_eff for m in (outlook.q, outlook.e, outlook.f, outlook.z, outlook.r, outlook.leak_in)] == [0.0] * 6
    assert outlook.e.high - outlook.e.low > 50
    assert (outlook.asks, outlook.leak_identified) == (0, Identified.none)


def test_silence_is_one_failure_and_no_latency() -> None:
    estimates = Estimates()
    before = estimates.outlook("alder", asking())
    estimates.learn(seen("r", [asked("alder")]))
    after = estimates.outlook("alder", asking())
    assert after.q.value < before.q.value
    assert after.in_time == before.in_time


@pytest.mark.parametrize(
    "ask",
    [
        pytest.param(asked("alder", 0.0, None, late=True, answer=Answer.none), id="an answer too late is silence"),
        pytest.param(asked("alder", 0.0, 90.0, answer=Answer.indicative), id="an indicative price is no quote"),
        pytest.param(asked("alder", 0.0, 90.0, answer=Answer.passed), id="a pass is no quote"),
    ],
)
def test_what_is_no_quote(ask: object) -> None:
    estimates, silent = Estimates(), Estimates()
    estimates.learn(seen("r", [ask]))  # type: ignore[list-item]
    silent.learn(seen("r", [asked("alder")]))
    assert estimates.outlook("alder", asking()) == silent.outlook("alder", asking())


@pytest.mark.parametrize("edge", [None, float("nan"), float("inf"), 20_000.0])
def test_a_quote_without_a_fit_mark_says_nothing_of_edges(edge: float | None) -> None:
    estimates = Estimates()
    before = estimates.outlook("alder", asking())
    estimates.learn(seen("r", [replace(asked("alder", 0.0, 1.0), edge_bps=edge)]))
    after = estimates.outlook("alder", asking())
    assert after.e == before.e
    assert after.q.value > before.q.value


def test_the_same_round_twice_is_learnt_once() -> None:
    estimates = Estimates()
    first = seen("r", [asked("alder", 0.0, 3.0), asked("birch", 0.0, -2.0)])
    estimates.learn(first)
    digest = estimates.digest()
    estimates.learn(first)
    estimates.learn(replace(first, asks=first.asks[:1]))
    assert estimates.digest() == digest


def test_a_round_told_in_pieces_is_the_round() -> None:
    whole, pieces = Estimates(), Estimates()
    first = seen("r", [asked("alder", 0.0, 3.0), asked("birch", 0.0, -2.0), asked("cedar")])
    whole.learn(first)
    for ask in first.asks:
        pieces.learn(replace(first, asks=(ask,)))
    assert _numbers(pieces) == pytest.approx(_numbers(whole), abs=1e-9)


@pytest.mark.parametrize("edge", [None, -7.0])
def test_to_forget_an_ask_is_never_to_have_learnt_it(edge: float | None) -> None:
    with_it, without = Estimates(), Estimates()
    others = [asked("alder", 0.0, 3.0), asked("birch", 0.0, -2.0)]
    with_it.learn(seen("r", [*others, asked("cedar", 0.0, edge)], n_asked=3))
    without.learn(seen("r", others, n_asked=3))
    with_it.forget("", "r", 1, "cedar")
    with_it.forget("", "r", 1, "cedar")
    with_it.forget("", "unknown", 1, "cedar")
    assert _numbers(with_it) == pytest.approx(_numbers(without), abs=1e-9)
    assert with_it.outlook("cedar", asking()).q.n_eff == 0


def test_silence_of_the_desk_drifts_to_the_prior() -> None:
    estimates = Estimates()
    for number in range(50):
        estimates.learn(seen(f"r{number}", [asked("alder", 0.0, -60.0, taken=Taken.rejected)]))
    fresh, old = Estimates().outlook("alder", asking(360)), estimates.outlook("alder", asking(360))
    assert old.q.value == pytest.approx(fresh.q.value, abs=0.01)
    assert old.f.value == pytest.approx(fresh.f.value, abs=0.01)
    estimates.daily((FIRST_DAY + 365) * DAY_NS)
    # Beyond the window nothing is left, not even the dust of rounding.
    assert replace(estimates.outlook("alder", asking(365)), dealer="") == replace(fresh, dealer="")


def test_one_absurd_edge_moves_nobody_beyond_its_clip() -> None:
    def edges_with(wild_bps: float) -> list[float]:
        estimates, rng = Estimates(), random.Random(7)
        dealers = drawn_dealers(rng, 6)
        for number in range(60):
            estimates.learn(drawn_round(rng, f"r{number}", rng.sample(sorted(dealers), 3), dealers, number // 10))
        estimates.daily((FIRST_DAY + 6) * DAY_NS)
        estimates.learn(seen("wild", [asked("D00", 6.0, wild_bps), asked("D01", 6.0, -12.0)], 6.0))
        return [outlook.e.value for outlook in estimates.outlooks(sorted(dealers), asking(6))]

    # Further out than the clip it does not matter how far.
    assert edges_with(5_000.0) == edges_with(500.0)
    sane, wild = edges_with(-12.0), edges_with(5_000.0)
    assert max(abs(a - b) for a, b in zip(sane, wild, strict=True)) < 4.0


def test_the_same_rounds_give_the_same_bits_and_any_order_the_same_numbers() -> None:
    rng = random.Random(3)
    dealers = drawn_dealers(rng, 8)
    names = sorted(dealers)
    # Four dealers here and four there: rounds of the one half may come before those of the other.
    halves = [
        [
            drawn_round(rng, f"{half}-{n}", rng.sample(names[half::2], 3), dealers, n // 5, (BUY, SELL)[n % 2])
            for n in range(60)
        ]
        for half in (0, 1)
    ]
    together = [row for pair in zip(*halves, strict=True) for row in pair]
    first, second, third = Estimates(), Estimates(), Estimates()
    for row in together:
        first.learn(row)
        second.learn(row)
    for row in halves[1] + halves[0]:
        third.learn(row)
    assert first.digest() == second.digest()
    assert _numbers(third) == pytest.approx(_numbers(first), abs=1e-9)
    for estimates in (first, third):
        estimates.daily((FIRST_DAY + 13) * DAY_NS)
    assert _numbers(third) == pytest.approx(_numbers(first), abs=1e-9)


def test_what_is_let_go_is_empty() -> None:
    estimates = told(QUARTER, 3, 3)
    steps = sum(1 for _ in estimates.let_go())
    assert steps > 6
    assert estimates.outlook("alder", asking()).asks == 0


def _numbers(estimates: Estimates) -> list[float]:
    found: list[float] = []
    for segment in (BUY, SELL):
        for outlook in estimates.outlooks(
            [f"D{n:02}" for n in range(8)] + ["alder", "birch", "cedar"], asking(13, segment)
        ):
            found += _floats(outlook)
    return found


def _floats(outlook: Outlook) -> list[float]:
    flat: list[float] = []
    for value in astuple(outlook):
        flat += value if isinstance(value, tuple) else [value]
    return [x for x in flat if isinstance(x, int | float)]


def test_what_an_acceptance_came_to() -> None:
    estimates = Estimates()
    before = estimates.outlook("alder", asking())
    mark = MarkUsed(Decimal("100.00"), "firm", 0, "firm")
    worse = MarkUsed(Decimal("100.08"), "firm", 0, "firm")
    rejected = asked("alder", 0.0, 1.0, taken=Taken.rejected, mark_answered=mark, mark_decided=worse)
    for number in range(10):
        estimates.learn(seen(f"r{number}", [rejected]))
    after = estimates.outlook("alder", asking())
    assert after.f.value < before.f.value - 0.3
    # We buy and the mark went up by 8 bps until it said no; a sell of the same would have gained.
    assert before.reject_move_bps < after.reject_move_bps < 8.0
    sold = Estimates()
    for number in range(10):
        sold.learn(seen(f"r{number}", [rejected], segment=SELL))
    assert sold.outlook("alder", asking(0, SELL)).reject_move_bps < before.reject_move_bps


def test_a_part_fill_is_a_trade_and_not_a_whole_one() -> None:
    estimates = Estimates()
    for number in range(20):
        estimates.learn(seen(f"r{number}", [asked("alder", 0.0, 1.0, taken=Taken.partial, quantity=SIZE / 2)]))
    outlook, fresh = estimates.outlook("alder", asking()), Estimates().outlook("alder", asking())
    assert outlook.f.value < 0.5
    assert outlook.r.value > 0.5 > fresh.r.value
    assert outlook.z.value == pytest.approx(0.5, abs=0.1)


def test_fewer_answer_among_many_and_the_slope_is_learnt() -> None:
    rng, estimates = random.Random(4), Estimates()
    for day in range(40):
        for number in range(10):
            n = rng.choice((1, 2, 4, 8))
            asks = [asked(f"D{k}", day, -5.0 if rng.random() < expit(1.5 - 0.8 * log(n)) else None) for k in range(n)]
            estimates.learn(seen(f"r{day}-{number}", asks, day))
        estimates.daily((FIRST_DAY + day) * DAY_NS)
    outlook = estimates.outlook("D0", asking(40))
    # Some 1,500 answers: the slope's standard error is about .1, and the prior of -.3 has one of .3.
    assert outlook.q_slope == pytest.approx(-0.8, abs=0.25)
    for n in (1, 4, 8):
        among = expit(logit(outlook.q.value) + outlook.q_slope * log(n))
        assert among == pytest.approx(expit(1.5 - 0.8 * log(n)), abs=0.1)


def test_a_favourite_does_not_speak_for_everybody() -> None:
    # One dealer asked 500 times never answers; nine asked ten times always do: a newcomer is like the nine.
    estimates = Estimates()
    for number in range(500):
        estimates.learn(seen(f"f{number}", [asked("favourite")], n_asked=3))
    for number in range(10):
        estimates.learn(seen(f"r{number}", [asked(f"D{n}", 0.0, -5.0) for n in range(9)], n_asked=3))
    newcomer = estimates.outlook("nobody", replace(asking(), quantity=SIZE)).q
    assert newcomer.value > 0.6
    assert newcomer.n_eff == 0


def test_what_a_dealer_does_elsewhere_is_its_prior_here() -> None:
    estimates, other = Estimates(), "corporate|HY|3-7y|500k-2mm|buy"
    for number in range(60):
        asks = [asked("alder"), asked("birch", 0.0, -5.0)]
        estimates.learn(seen(f"r{number}", asks, segment=other))
    alder, birch, nobody = estimates.outlooks(["alder", "birch", "nobody"], asking())
    assert alder.q.value < nobody.q.value < birch.q.value
    assert (alder.asks, alder.q.n_eff) == (0, 0.0)
    estimates.daily((FIRST_DAY + 1) * DAY_NS)
    alder, birch, nobody = estimates.outlooks(["alder", "birch", "nobody"], asking(1))
    assert alder.q.value < nobody.q.value < birch.q.value


@pytest.mark.parametrize("half_life", [1, 30])
def test_years_of_rounds_stay_within_a_float(half_life: int) -> None:
    estimates = Estimates(EstimateParameters(half_life_days=half_life, window_days=60, panel_reference=1.0))
    for day in range(0, 1_500, 5):
        estimates.daily((FIRST_DAY + day) * DAY_NS)
        estimates.learn(seen(f"r{day}", [asked("alder", day, -5.0)], day))
    fresh = Estimates(estimates.parameters)
    for day in range(1_495 - 60 + 1, 1_500):
        if day % 5 == 0:
            fresh.learn(seen(f"r{day}", [asked("alder", day, -5.0)], day))
    found, expected = (one.outlook("alder", asking(1_495)).q for one in (estimates, fresh))
    assert found.n_eff == pytest.approx(expected.n_eff, rel=1e-9)
    assert found.value == pytest.approx(expected.value, abs=0.05)


def test_no_more_rounds_are_kept_than_allowed() -> None:
    estimates = Estimates(EstimateParameters(rounds_max=100))
    for day in range(30):
        for number in range(10):
            estimates.learn(seen(f"r{day}-{number}", [asked("alder", day, -5.0)], day))
        estimates.daily((FIRST_DAY + day) * DAY_NS)
    assert estimates.outlook("alder", asking(30)).asks == 100


def test_a_round_in_one_segment_leaves_the_others_as_they_are() -> None:
    rng = random.Random(9)
    dealers, other = drawn_dealers(rng, 6), "corporate|HY|3-7y|500k-2mm|buy"
    estimates = Estimates()
    for number in range(60):
        segment = (BUY, other)[number % 2]
        estimates.learn(drawn_round(rng, f"r{number}", rng.sample(sorted(dealers), 3), dealers, 0, segment))
    estimates.daily((FIRST_DAY + 1) * DAY_NS)
    before, there = (estimates.outlooks(sorted(dealers), asking(1, s)) for s in (BUY, other))
    estimates.learn(drawn_round(rng, "last", ["D00", "D01"], dealers, 1, other))
    assert estimates.outlooks(sorted(dealers), asking(1)) == before
    assert estimates.outlooks(sorted(dealers), asking(1, other)) != there
    # What was kept is what would be computed.
    estimates._pictures.clear()
    assert estimates.outlooks(sorted(dealers), asking(1)) == before


def test_an_answer_does_not_depend_on_what_was_asked_before() -> None:
    rng = random.Random(10)
    dealers = drawn_dealers(rng, 6)
    rows = [drawn_round(rng, f"r{n}", rng.sample(sorted(dealers), 3), dealers, n // 10) for n in range(60)]
    curious, quiet = Estimates(), Estimates()
    for row in rows:
        for one in (curious, quiet):
            one.learn(row)
        curious.outlooks(sorted(dealers), asking(6))
        curious.outlooks(sorted(dealers), asking(6, SELL))
    assert curious.outlooks(sorted(dealers), asking(6)) == quiet.outlooks(sorted(dealers), asking(6))
    assert curious.digest() == quiet.digest()


def test_scales_are_fitted_when_enough_is_new_or_a_week_is_over() -> None:
    rng, estimates = random.Random(12), Estimates()
    dealers = drawn_dealers(rng, 6)

    def learn(count: int, day: int) -> None:
        for number in range(count):
            row = drawn_round(rng, f"r{day}-{number}", rng.sample(sorted(dealers), 3), dealers, day)
            estimates.learn(row)

    def is_fitted() -> bool:
        spreads = estimates._scales.spreads
        estimates.daily((FIRST_DAY + day) * DAY_NS)
        return estimates._scales.spreads is not spreads

    fits: list[int] = []
    for day in range(1, 20):
        learn({1: 100, 2: 3, 3: 6}.get(day, 0), day - 1)
        if is_fitted():
            fits.append(day)
    # The widths of bonds alone follow every day.
    assert fits == [1, 3, 10, 17]


def test_of_a_dealer_that_never_quoted_the_noise_is_the_shipped_one() -> None:
    p = EstimateParameters()
    outlook = Estimates(p).outlook("alder", asking())
    width = outlook.e.value / p.edge_level_bps
    noise = usual_noise(p)
    assert noise.at(p.volatility_bps) == pytest.approx(p.edge_noise_bps)
    assert outlook.e_noise_sd == pytest.approx(hypot(noise.own * width, noise.old * p.volatility_bps))


def test_how_much_one_dealer_says_of_itself_is_learnt_from_how_others_differ() -> None:
    """Six of six answered: little where all dealers answer half of the time, much where they differ widely."""

    def believed(rates: list[float]) -> float:
        rng, estimates = random.Random(4), Estimates()
        for number in range(40 * len(rates)):
            name = f"d{number % len(rates):02}"
            edge = -5.0 if rng.random() < rates[number % len(rates)] else None
            estimates.learn(seen(f"r{number}", [asked(name, 0.0, edge)]))
        for number in range(6):
            estimates.learn(seen(f"l{number}", [asked("late", 0.0, -5.0)]))
        estimates.daily(asking(1.0).now_ns)
        return estimates.outlook("late", asking(1.0)).q.value

    alike, apart = believed([0.5] * 30), believed([0.02 + 0.96 * (at % 2) for at in range(30)])
    assert apart - alike > 0.2
