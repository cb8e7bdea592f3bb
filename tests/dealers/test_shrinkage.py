"""Most things are nothing and some are not: what is said of each is near the truth, and costs nobody who has none."""

from __future__ import annotations

import math
import random
import statistics

import pytest

from engine.dealers.shrinkage import Spreads, chances_of, half_cauchy

SDS = tuple(0.01 * 2.0**at for at in range(12))
PRIOR = half_cauchy(SDS, 0.2)


def planted(seed: int, count: int, share: float, error: float) -> list[tuple[float, float]]:
    """(truth, estimate) of so many, of whom a share is spread by 5 and the rest nothing."""
    rng = random.Random(seed)
    truths = [rng.gauss(0.0, 5.0) if rng.random() < share else 0.0 for _ in range(count)]
    return [(truth, rng.gauss(truth, error)) for truth in truths]


@pytest.mark.parametrize("error", [0.3, 1.0, 3.0])
def test_where_nothing_is_next_to_nothing_is_said(error: float) -> None:
    """The mean of what is above 0 would be .4 errors of raw estimates: what is charged of noise."""
    raw, said = list[float](), list[float]()
    for seed in range(40):
        pairs = [(estimate, error**2) for _, estimate in planted(seed, 25, 0.0, error)]
        spreads = PRIOR.fitted(pairs, 3.0)
        raw += [max(0.0, estimate) for estimate, _ in pairs]
        said += [max(0.0, estimate * spreads.believed(estimate, v).share) for estimate, v in pairs]
    assert statistics.fmean(raw) == pytest.approx(0.4 * error, rel=0.1)
    assert statistics.fmean(said) < min(0.1, 0.25 * statistics.fmean(raw))


def test_the_few_that_are_something_are_kept_and_the_rest_is_not() -> None:
    error, off, linear_off, kept = 1.0, 0.0, 0.0, list[float]()
    for seed in range(40):
        told = planted(seed, 30, 0.15, error)
        pairs = [(estimate, error**2) for _, estimate in told]
        spreads = PRIOR.fitted(pairs, 3.0)
        usual = max(0.0, statistics.fmean(estimate**2 for estimate, _ in pairs) - error**2)
        for truth, estimate in told:
            share = spreads.believed(estimate, error**2).share
            off += (estimate * share - truth) ** 2
            linear_off += (estimate * usual / (usual + error**2) - truth) ** 2
            if abs(truth) > 6.0:
                kept.append(share)
    assert off < 0.7 * linear_off, "one share for all shrinks the few too much and the many too little"
    assert len(kept) > 30
    assert min(kept) > 0.8


def test_the_less_sure_an_estimate_is_the_less_of_it_is_believed() -> None:
    shares = [PRIOR.believed(4.0, error**2).share for error in (0.5, 1.0, 2.0, 4.0, 8.0)]
    assert shares == sorted(shares, reverse=True)
    assert shares[0] > 0.95
    assert shares[-1] < 0.1
    further = [PRIOR.believed(estimate, 1.0).share for estimate in (0.0, 1.0, 2.0, 3.0, 5.0)]
    assert further == sorted(further)


def test_its_interval_holds_what_it_says() -> None:
    """Truths drawn from the prior: mean and spread of each are those of a normal law that holds about 90 %."""
    rng, held, count = random.Random(7), 0, 4_000
    for _ in range(count):
        truth = rng.gauss(0.0, rng.choices(SDS, PRIOR.chances)[0])
        variance = rng.uniform(0.3, 3.0) ** 2
        estimate = rng.gauss(truth, math.sqrt(variance))
        share, unsure = PRIOR.believed(estimate, variance)
        sd = math.sqrt(share * variance + (unsure * estimate) ** 2)
        held += abs(truth - share * estimate) <= 1.645 * sd
    assert held / count == pytest.approx(0.93, abs=0.04)


def test_what_is_seen_of_many_is_believed_of_each() -> None:
    rng = random.Random(3)
    wide = PRIOR.fitted([(rng.gauss(0.0, math.hypot(4.0, 1.0)), 1.0) for _ in range(60)], 3.0)
    assert sum(wide.chances) == pytest.approx(1.0)
    assert wide.sd == pytest.approx(4.0, rel=0.35)
    assert wide.believed(2.0, 1.0).share > 0.75 > 0.5 > PRIOR.believed(2.0, 1.0).share
    assert PRIOR.fitted([], 3.0).chances == pytest.approx(PRIOR.chances)


def test_half_of_all_sds_are_below_the_scale() -> None:
    fine = half_cauchy([0.001 * 1.1**at for at in range(160)], 0.2)
    below = sum(chance for sd, chance in zip(fine.sds, fine.chances, strict=True) if sd < 0.2)
    assert below == pytest.approx(0.5, abs=0.05)


def test_an_sd_is_that_of_the_same_interval() -> None:
    assert Spreads((2.0,), (1.0,)).sd == pytest.approx(2.0)
    mixed = Spreads((1.0, 10.0), (0.95, 0.05))
    assert 1.0 < mixed.sd < 2.0, "one in twenty that is far off is outside of what 90 % hold"


def test_chances_add_to_one_however_small_they_are() -> None:
    assert chances_of([-2_000.0, -2_000.0 + math.log(3.0)]) == pytest.approx([0.25, 0.75])
