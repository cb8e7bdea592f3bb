"""What counts as an observation, what the metrics are, and that only the observations matter."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from collections.abc import Callable

import pytest
from dealer_support import DAY, NOW, SEGMENT, S, feed
from hypothesis import given
from hypothesis import strategies as st

from engine.dealers.quoted import QuotedBonds
from engine.dealers.segments import Segment
from engine.dealers.stats import METRICS, DealerStats, Source, StatsParameters
from engine.domain.instrument import BondTraits

SELL = Segment("corporate", "HY", "3-7y", "5mm-10mm", "sell")
LONG = Segment("corporate", "BBB", "12y+", "0-500k", "buy")
MUNI = Segment("municipal", "NR", "3-7y", "2mm-5mm", "buy")


LIKE = BondTraits("corporate", "Issuer", "utilities", "BBB", 23_000, 4.5)
OTHER = BondTraits("corporate", "Another", "utilities", "A-", 23_500, None)
ELSEWHERE = BondTraits("corporate", "Another", "banking", "A-", 23_500, None)


def test_metrics_of_a_month_of_dealing() -> None:
    stats = DealerStats()
    feed(stats, "alder", asks=50, quotes=48, trades=44, improvement_bps=3.2, reversion_bps=-0.5, latency_s=12.0)
    found = stats.metrics("alder", SEGMENT, 90, NOW)
    assert (found.asks, found.quotes, found.declines, found.trades) == (50, 48, 2, 44)
    assert found.fill_rate == 0.88
    assert found.hit_rate == 44 / 48
    assert found.quote_rate == 0.96
    assert found.price_improvement_bps == 3.2
    assert found.leakage_bps == -0.5
    assert found.response_s == 12.0
    assert found.edge_bps is None
    assert found.n_eff == pytest.approx(50)


def test_nothing_observed_is_unknown_and_not_zero() -> None:
    found = DealerStats().metrics("alder", SEGMENT, 90, NOW)
    assert found.asks == 0
    assert found.n_eff == 0
    for value in (found.fill_rate, found.hit_rate, found.price_improvement_bps, found.leakage_bps, found.response_s):
        assert value is None


def test_silence_is_one_failure_and_one_censored_latency() -> None:
    stats = DealerStats()
    stats.asked("cedar", SEGMENT, NOW)
    stats.answered("cedar", SEGMENT, NOW, 10.0, True, None)
    stats.asked("cedar", SEGMENT, NOW)
    stats.silent("cedar", SEGMENT, NOW, 60.0)
    found = stats.metrics("cedar", SEGMENT, 90, NOW)
    assert (found.asks, found.quotes, found.silences) == (2, 1, 1)
    assert found.quote_rate == 0.5
    assert found.response_s == 35.0


def test_an_indicative_answer_is_no_quote_but_shows_interest() -> None:
    stats = DealerStats()
    stats.asked("elm", SEGMENT, NOW)
    stats.answered("elm", SEGMENT, NOW, 5.0, False, 9.0, "Issuer", LIKE)
    found = stats.metrics("elm", SEGMENT, 90, NOW)
    assert (found.answers, found.quotes) == (1, 0)
    assert found.hit_rate is None
    assert found.response_s is None
    assert found.edge_bps is None
    assert stats.quoted_issuer("elm", "Issuer", 180, NOW)


def test_last_look_lowers_firmness() -> None:
    stats = DealerStats()
    feed(stats, "dogwood", asks=4, trades=3)
    stats.rejected_after_accept("dogwood", SEGMENT, NOW)
    found = stats.metrics("dogwood", SEGMENT, 90, NOW)
    assert found.firmness == 0.75
    assert found.rejects == 1
    assert found.fill_rate == 0.75


def test_a_manual_trade_is_counted_apart() -> None:
    stats = DealerStats()
    stats.traded("alder", SEGMENT, NOW, 40.0, manual=True)
    found = stats.metrics("alder", SEGMENT, 90, NOW)
    assert (found.trades, found.manual_trades) == (0, 1)
    assert found.price_improvement_bps is None


Undo = Callable[[DealerStats], None]


@pytest.mark.parametrize(
    ("do", "undo"),
    [
        pytest.param(
            lambda s: s.asked("birch", SEGMENT, NOW + 5, "XS1"),
            lambda s: s.unask("birch", SEGMENT, NOW + 5, "XS1"),
            id="a withheld request",
        ),
        pytest.param(
            lambda s: s.traded("birch", SEGMENT, NOW + 5, 7.7),
            lambda s: s.untraded("birch", SEGMENT, NOW + 5, 7.7),
            id="a cancelled trade",
        ),
        pytest.param(
            lambda s: s.reversion("birch", SEGMENT, NOW + 5, -3.3),
            lambda s: s.unreversion("birch", SEGMENT, NOW + 5, -3.3),
            id="its reversion",
        ),
    ],
)
@pytest.mark.parametrize("fed", [0, 3])
def test_what_is_taken_back_leaves_no_trace(do: Undo, undo: Undo, fed: int) -> None:
    stats, untouched = DealerStats(), DealerStats()
    for each in (stats, untouched):
        feed(each, "birch", asks=fed, trades=fed, improvement_bps=1.0)
        feed(each, "elm", asks=1, at_ns=NOW + 60 * S)
    before = stats.fold_digest()
    do(stats)
    assert stats.fold_digest() != before
    undo(stats)
    assert stats.fold_digest() == untouched.fold_digest()
    assert stats.last_asked("birch") == untouched.last_asked("birch")
    assert stats.metrics("birch", SEGMENT, 90, NOW) == untouched.metrics("birch", SEGMENT, 90, NOW)


@pytest.mark.parametrize("bps", [math.nan, math.inf, -1e9])
def test_garbage_is_no_observation(bps: float) -> None:
    stats = DealerStats()
    stats.traded("alder", SEGMENT, NOW, bps)
    stats.reversion("alder", SEGMENT, NOW, bps)
    stats.answered("alder", SEGMENT, NOW, math.inf, True, bps)
    found = stats.metrics("alder", SEGMENT, 90, NOW)
    assert (found.price_improvement_bps, found.leakage_bps, found.edge_bps) == (None, None, None)
    assert found.trades == 1


@pytest.mark.parametrize("window", [1, 90, 91, 180])
def test_windows_are_whole_utc_days(window: int) -> None:
    """The window of N days is today and the N - 1 days before; 1 and 91 are not kept but walked."""
    stats = DealerStats()
    midnight = NOW // DAY * DAY
    stats.asked("alder", SEGMENT, midnight - (window - 1) * DAY)
    stats.asked("alder", SEGMENT, midnight - (window - 1) * DAY - 1)
    assert stats.metrics("alder", SEGMENT, window, NOW).asks == 1
    assert stats.metrics("alder", SEGMENT, window, midnight).asks == 1
    assert stats.metrics("alder", SEGMENT, window, midnight + DAY).asks == 0


def test_an_observation_of_30_days_ago_weighs_half() -> None:
    stats = DealerStats()
    stats.traded("alder", SEGMENT, NOW - 30 * DAY, 6.0)
    stats.traded("alder", SEGMENT, NOW, 0.0)
    stats.reversion("alder", SEGMENT, NOW - 90 * DAY, 6.0)
    stats.reversion("alder", SEGMENT, NOW, 0.0)
    found = stats.metrics("alder", SEGMENT, 180, NOW)
    assert found.price_improvement_bps == 2.0
    assert found.leakage_bps == 2.0


def test_decay_never_moves_a_mean_by_itself() -> None:
    stats = DealerStats()
    for day in range(40):
        stats.traded("alder", SEGMENT, NOW - day * DAY, float(day % 7))
    today = stats.metrics("alder", SEGMENT, 180, NOW).price_improvement_bps
    for later in (1, 29, 30, 31, 100):
        assert stats.metrics("alder", SEGMENT, 180, NOW + later * DAY).price_improvement_bps == today


def test_a_thin_scope_backs_off_to_a_coarser_one_and_says_so() -> None:
    stats = DealerStats(StatsParameters(scope_observations_min=10))
    feed(stats, "alder", asks=9, trades=9, segment=SEGMENT)
    feed(stats, "alder", asks=11, trades=0, segment=SELL)
    estimate = stats.estimate("alder", "fill_rate", SEGMENT, 90, NOW)
    assert (estimate.value, estimate.n, estimate.scope) == (9 / 20, 20, "corporate|HY|3-7y")
    assert estimate.source is Source.OWN
    stats.asked("alder", SEGMENT, NOW)
    estimate = stats.estimate("alder", "fill_rate", SEGMENT, 90, NOW)
    assert (estimate.value, estimate.scope) == (9 / 10, SEGMENT.key)


@pytest.mark.parametrize(
    ("asks", "scope"),
    [
        pytest.param(9, "corporate|HY|3-7y", id="one too few"),
        pytest.param(10, SEGMENT.key, id="just enough"),
        pytest.param(11, SEGMENT.key, id="more than enough"),
    ],
)
def test_a_scope_with_just_as_many_observations_as_it_needs_is_preferred(asks: int, scope: str) -> None:
    stats = DealerStats(StatsParameters(scope_observations_min=10))
    feed(stats, "alder", asks=asks, trades=asks, segment=SEGMENT)
    feed(stats, "alder", asks=30, trades=0, segment=SELL)
    found = stats.metrics("alder", SEGMENT, 90, NOW)
    assert (found.scope, found.asks) == (scope, asks if scope == SEGMENT.key else asks + 30)
    for window_days in (90, 91):  # one that is kept, and one that is walked
        estimate = stats.estimate("alder", "fill_rate", SEGMENT, window_days, NOW)
        assert (estimate.scope, estimate.n) == (found.scope, found.asks)


@pytest.mark.parametrize("window_days", [90, 91], ids=["kept", "walked"])
def test_observations_without_any_weight_are_unknown(window_days: int) -> None:
    """Taken back on another day than it was counted: one is left, and nothing of what two of them weighed."""
    stats = DealerStats(StatsParameters(half_life_days=30))
    for _ in range(2):
        stats.asked("alder", SEGMENT, NOW - 30 * DAY)
    stats.unask("alder", SEGMENT, NOW)
    found = stats.metrics("alder", SEGMENT, window_days, NOW)
    assert (found.asks, found.fill_rate, found.quote_rate) == (1, None, None)


def test_what_the_dealer_model_says_unless_it_is_told_otherwise() -> None:
    assert StatsParameters() == StatsParameters(
        windows_days=(90, 180),
        half_life_days=30,
        leakage_half_life_days=90,
        retained_days=400,
        scope_observations_min=10,
        recollections_max=50_000,
    )


def test_too_little_everywhere_uses_all_there_is() -> None:
    stats = DealerStats()
    feed(stats, "alder", asks=2, trades=1, segment=MUNI)
    estimate = stats.estimate("alder", "fill_rate", SEGMENT, 90, NOW)
    assert (estimate.value, estimate.scope, estimate.source) == (0.5, "*", Source.OWN)


def test_a_scope_given_by_name_does_not_back_off() -> None:
    stats = DealerStats()
    feed(stats, "alder", asks=20, trades=10, segment=MUNI)
    assert stats.metrics("alder", "corporate", 90, NOW).fill_rate is None
    assert stats.metrics("alder", "municipal", 90, NOW).fill_rate == 0.5


def test_what_a_dealer_lacks_is_unknown_whatever_others_have() -> None:
    stats = DealerStats()
    feed(stats, "alder", asks=30, trades=20, improvement_bps=3.0)
    feed(stats, "birch", asks=10, trades=10, improvement_bps=0.0)
    feed(stats, "cedar", asks=10, trades=0)
    for metric in ("price_improvement", "leakage"):
        estimate = stats.estimate("cedar", metric, SEGMENT, 90, NOW)
        assert (estimate.value, estimate.n, estimate.source) == (None, 0, Source.NO_DATA)


def test_who_quoted_what_within_a_window() -> None:
    stats = DealerStats()
    stats.answered("elm", SEGMENT, NOW - 179 * DAY, 5.0, True, None, "Issuer", LIKE)
    assert stats.quoted_issuer("elm", "Issuer", 180, NOW)
    assert not stats.quoted_issuer("elm", "Issuer", 179, NOW)
    assert not stats.quoted_issuer("elm", "Other", 180, NOW)
    assert not stats.quoted_issuer("birch", "Issuer", 180, NOW)
    assert stats.quoted_any("elm", [OTHER, LIKE], 180, NOW)
    assert not stats.quoted_any("elm", [LIKE], 179, NOW)
    assert not stats.quoted_any("elm", [OTHER], 180, NOW)
    assert not stats.quoted_any("elm", [], 180, NOW)
    assert not stats.quoted_any("birch", [LIKE], 180, NOW)


def test_bonds_that_were_quoted_are_found_by_their_kind() -> None:
    quoted = QuotedBonds(bonds_max=2)
    quoted.note("elm", LIKE, NOW)
    version = quoted.version(LIKE)
    quoted.note("birch", LIKE, NOW - DAY)
    quoted.note("birch", ELSEWHERE, NOW)
    assert (list(quoted.like(OTHER)), quoted.version(LIKE)) == ([LIKE], version)
    assert (quoted.last("birch", [LIKE]), quoted.last("birch", [LIKE, ELSEWHERE])) == (NOW - DAY, NOW)
    quoted.note("elm", LIKE, NOW + DAY)
    quoted.note("elm", OTHER, NOW)
    assert (list(quoted.like(OTHER)), list(quoted.like(ELSEWHERE))) == ([LIKE, OTHER], [])
    assert quoted.version(LIKE) > version


def test_bonds_that_were_quoted_are_read_back() -> None:
    quoted, again = QuotedBonds(9), QuotedBonds(9)
    for dealer, kept, at_ns in (("elm", LIKE, NOW), ("birch", LIKE, NOW + 1), ("elm", OTHER, NOW - 1)):
        quoted.note(dealer, kept, at_ns)
    again.load(quoted.dump())
    assert again.dump() == quoted.dump()
    assert again.last("birch", [LIKE]) == NOW + 1
    for _ in again.let_go():
        pass
    assert again.dump() == []


def test_last_asked_is_the_latest_even_if_told_late() -> None:
    stats = DealerStats()
    assert stats.last_asked("elm") is None
    stats.asked("elm", SEGMENT, NOW, "XS1")
    stats.asked("elm", SEGMENT, NOW - 5, "XS2")
    assert stats.last_asked("elm") == NOW
    assert stats.last_asked("elm", "XS2") == NOW - 5
    assert stats.last_asked("elm", "XS3") is None


def test_memory_of_quotes_is_bounded_and_forgets_the_oldest() -> None:
    stats = DealerStats(StatsParameters(recollections_max=2))
    for number in range(3):
        stats.answered("elm", SEGMENT, NOW + number, 5.0, True, None, f"Issuer {number}", None)
    assert [stats.quoted_issuer("elm", f"Issuer {number}", 90, NOW) for number in range(3)] == [False, True, True]


def test_what_is_older_than_retained_is_gone_from_digest_and_dump() -> None:
    stats, fresh = DealerStats(StatsParameters(retained_days=200)), DealerStats(StatsParameters(retained_days=200))
    stats.traded("alder", SEGMENT, NOW - 300 * DAY, 1.0)
    for each in (stats, fresh):
        each.traded("birch", SEGMENT, NOW, 1.0)
    assert stats.fold_digest() == fresh.fold_digest()
    stats.traded("alder", SEGMENT, NOW - 300 * DAY, 1.0)
    assert stats.fold_digest() == fresh.fold_digest()


def test_touched_dealers_are_told_latest_first_and_once() -> None:
    stats = DealerStats()
    for dealer in ("a", "b", "a", "c"):
        stats.declined(dealer, SEGMENT, NOW)
    assert stats.touched_since(0) == ["c", "a", "b"]
    assert stats.touched_since(3) == ["c"]
    assert stats.touched_since(stats.version) == []


observations = st.lists(
    st.tuples(
        st.sampled_from(["a", "b", "c"]),
        st.sampled_from([SEGMENT, SELL, LONG, MUNI]),
        st.integers(0, 120 * DAY),
        st.sampled_from(["ask", "quote", "silent", "trade", "reversion", "reject"]),
        st.floats(-30, 30),
    ),
    max_size=40,
)
Observation = tuple[str, Segment, int, str, float]


def apply(stats: DealerStats, observation: Observation) -> None:
    dealer, segment, at, what, number = observation
    at += NOW
    if what == "ask":
        stats.asked(dealer, segment, at, "XS1")
    elif what == "quote":
        stats.answered(dealer, segment, at, abs(number), True, number, "Issuer", LIKE)
    elif what == "silent":
        stats.silent(dealer, segment, at, 30.0)
    elif what == "trade":
        stats.traded(dealer, segment, at, number)
    elif what == "reversion":
        stats.reversion(dealer, segment, at, number)
    else:
        stats.rejected_after_accept(dealer, segment, at)


@given(observations, st.randoms(use_true_random=False))
def test_order_restart_and_questions_change_nothing(seen: list[Observation], random: object) -> None:
    """Same observations in another order, asked in between, and once through a dump: same bits."""
    straight, shuffled = DealerStats(), DealerStats()
    for observation in seen:
        apply(straight, observation)
        straight.metrics("a", SEGMENT, 90, NOW + 60 * DAY)
        straight.estimate("b", "leakage", SELL, 180, NOW)
    mixed = list(seen)
    random.shuffle(mixed)  # type: ignore[attr-defined]
    for observation in mixed:
        apply(shuffled, observation)
    restored = DealerStats.restored(json.loads(json.dumps(straight.dump())))
    assert straight.fold_digest() == shuffled.fold_digest() == restored.fold_digest()
    for now in (NOW + 120 * DAY, NOW + 250 * DAY):
        for dealer in ("a", "b", "c"):
            for segment in (SEGMENT, MUNI):
                for window in (90, 33):
                    expected = straight.metrics(dealer, segment, window, now)
                    assert shuffled.metrics(dealer, segment, window, now) == expected
                    assert restored.metrics(dealer, segment, window, now) == expected


@given(observations)
def test_metrics_are_those_of_the_formula(seen: list[Observation]) -> None:
    """Decayed means over the window, computed here the slow way in floats."""
    stats = DealerStats(StatsParameters(scope_observations_min=1))
    for observation in seen:
        apply(stats, observation)
    today = max([NOW // DAY] + [(NOW + at) // DAY for _, _, at, _, _ in seen])
    above = below = 0.0
    for dealer, segment, at, what, number in seen:
        day = (NOW + at) // DAY
        if dealer == "a" and segment is SEGMENT and what == "trade" and day > today - 90:
            weight = 2.0 ** ((day - today) / 30)
            above += weight * number
            below += weight
    found = stats.metrics("a", SEGMENT.key, 90, NOW).price_improvement_bps
    assert (found is None) == (below == 0)
    if found is not None:
        assert found == pytest.approx(above / below, abs=1e-7)


def test_another_window_can_be_had_from_a_dump() -> None:
    stats = DealerStats()
    for day in range(300):
        stats.traded("alder", SEGMENT, NOW - day * DAY, float(day % 11))
    other = DealerStats.restored(stats.dump(), StatsParameters(windows_days=(30, 250), half_life_days=7))
    assert other.metrics("alder", SEGMENT, 250, NOW).trades == 250
    assert stats.metrics("alder", SEGMENT, 250, NOW).trades == 250


def test_a_dump_of_another_version_is_refused() -> None:
    with pytest.raises(ValueError, match="version"):
        DealerStats.restored({"version": 99})


PROGRAM = """
from dealer_support import NOW, S, SEGMENT, feed
from engine.dealers.stats import DealerStats
stats = DealerStats()
for name in ("elm", "alder", "birch"):
    feed(stats, name, trades=7, improvement_bps=0.1, reversion_bps=-0.7, at_ns=NOW - 40 * 86_400 * S)
print(stats.fold_digest())
"""


def test_digest_does_not_depend_on_the_hash_seed() -> None:
    path = os.pathsep.join(sys.path)
    digests = {
        subprocess.run(
            [sys.executable, "-c", PROGRAM],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": path},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("0", "1")
    }
    assert len(digests) == 1


def test_every_metric_says_what_it_is() -> None:
    assert all(metric.doc for metric in METRICS.values())
