"""Life tables of answers: plain shares under one deadline, and fair to answers that a short deadline would have cut."""

from __future__ import annotations

import math
import random

import pytest
from seen_rounds import DAY_NS, FIRST_DAY, asked, asking, seen

from engine.dealers import evidence as ev
from engine.dealers import latency
from engine.dealers.estimates import Estimates


def cell_of(answers: list[tuple[float, float]]) -> list[float]:
    """A cell with answers of (seconds, deadline)."""
    cell = [0.0] * ev.FIELDS
    for seconds, deadline in answers:
        cell[ev.QUICK + latency.bin_of(seconds)] += 1
        cell[ev.ENDS + latency.bin_of(deadline)] += 1
    return cell


@pytest.mark.parametrize(
    ("seconds", "place"),
    [(0.2, 0), (1.0, 0), (1.01, 1), (2.0, 1), (30.0, 5), (32.0, 5), (33.0, 6), (256.0, 8), (300.0, 9), (9e9, 9)],
)
def test_bins_double(seconds: float, place: int) -> None:
    assert latency.bin_of(seconds) == place


def test_under_one_deadline_the_table_is_the_plain_share() -> None:
    table = latency.table([cell_of([(3.0, 60.0)] * 30 + [(12.0, 60.0)] * 70)], 1.0, latency.PRIOR, 1e-9)
    assert table.within(4.0) == pytest.approx(0.3)
    assert table.within(60.0) == pytest.approx(1.0)
    assert table.quantile(0.2999) == pytest.approx(4.0, rel=1e-3)
    assert 8.0 < table.quantile(0.5) < 16.0


def test_answers_that_a_short_deadline_cuts_are_not_forgotten() -> None:
    # Half of the answers come within 16 s; half of the requests wait for 16 s alone and see no later one.
    rng, answers = random.Random(1), []
    for number in range(4_000):
        seconds, deadline = rng.choice([5.0, 50.0]), (16.0, 120.0)[number % 2]
        if seconds <= deadline:
            answers.append((seconds, deadline))
    table = latency.table([cell_of(answers)], 1.0, latency.PRIOR, 1.0)
    # 3,000 answers, of which 2,000 were quick: the plain share would say .67. Four standard errors.
    assert table.by_bin[latency.bin_of(16.0)] == pytest.approx(0.5, abs=4 * 0.5 / 2_000**0.5)
    # Of 4,000 requests 3,000 were answered in their time, so q is .75; within 16 s it were half of all.
    assert 0.75 * table.within(16.0) == pytest.approx(0.5, abs=0.04)


def test_within_and_quantile_are_each_other_turned_round() -> None:
    for share in (0.1, 0.35, 0.5, 0.77, 0.9):
        assert latency.PRIOR.within(latency.PRIOR.quantile(share)) == pytest.approx(share, abs=1e-9)
    assert latency.PRIOR.within(0.0) == 0.0
    assert latency.PRIOR.within(1e6) == 1.0


def test_silence_counts_once() -> None:
    # Three of four answer within the minute that they get: the chance of an answer in that minute is three of four.
    estimates = Estimates()
    for number in range(400):
        estimates.learn(seen(f"r{number}", [asked("alder", 0.0, -5.0 if number % 4 else None)], n_asked=3))
    outlook = estimates.outlook("alder", asking(wait_s=60.0))
    assert outlook.in_time == pytest.approx(1.0, abs=1e-3)


def test_a_quick_dealer_is_known_for_it_and_in_time_rises_with_the_wait() -> None:
    estimates = Estimates()
    for number in range(80):
        sent_ns = FIRST_DAY * DAY_NS
        asks = [
            asked("quick", 0.0, -5.0, answered_ns=sent_ns + 3 * 10**9),
            asked("slow", 0.0, -5.0, answered_ns=sent_ns + 45 * 10**9),
        ]
        estimates.learn(seen(f"r{number}", asks))
    waits = [2.0, 5.0, 20.0, 60.0]
    quick, slow = ([estimates.outlook(name, asking(wait_s=w)).in_time for w in waits] for name in ("quick", "slow"))
    assert quick == sorted(quick)
    assert all(a > b for a, b in zip(quick[1:3], slow[1:3], strict=True))
    outlook = estimates.outlook("quick", asking())
    assert outlook.latency_p50_s is not None
    assert 2.0 < outlook.latency_p50_s < 4.0


@pytest.mark.parametrize("answers", [20, 60, 200])
def test_the_medians_interval_holds_what_it_says(answers: int) -> None:
    """200 worlds: give or take three standard errors of a share of 90 %, and what bins and the prior are off by."""
    held, worlds = 0, 200
    for seed in range(worlds):
        rng = random.Random(seed)
        truth = math.exp(rng.uniform(math.log(4.0), math.log(40.0)))
        waits = [truth * math.exp(rng.gauss(0.0, 0.6)) for _ in range(answers)]
        found = latency.table([cell_of([(each, 600.0) for each in waits])], 1.0, latency.PRIOR, 1.0)
        told = latency.median(found, float(answers), 1.0)
        assert told.low < told.value < told.high
        held += told.low <= truth <= told.high
    assert held / worlds == pytest.approx(0.9, abs=0.07)


def test_a_median_that_rests_on_nothing_says_so() -> None:
    found = latency.median(latency.PRIOR, 0.0, 10.0)
    assert found.n_eff == 0.0
    assert found.high > 2.5 * found.low
