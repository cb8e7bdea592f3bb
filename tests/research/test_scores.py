"""engine/research/scores.py: proper scores are right, and calibration is found where it was planted."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from scipy import integrate, stats

from engine.research.bootstrap import Days
from engine.research.scores import (
    Rows,
    brier,
    covered,
    crps_normal,
    crps_t,
    log_loss,
    reliability,
    report,
)
from engine.research.walk import Prediction

pytestmark = pytest.mark.starts("noon")
"""Nothing here is about the time."""


def one(*values: float) -> tuple[Any, ...]:
    return tuple(np.array([each]) for each in values)


@pytest.mark.parametrize("df", [2.5, 4.0, 10.0, 200.0])
@pytest.mark.parametrize("value", [-30.0, -11.5, -10.0, 3.0, 60.0])
def test_the_crps_of_students_t_is_the_integral(df: float, value: float) -> None:
    law = stats.t(df, loc=-10.0, scale=4.0)
    below, _ = integrate.quad(lambda x: law.cdf(x) ** 2, -np.inf, value, epsabs=1e-9, limit=400)
    above, _ = integrate.quad(lambda x: law.sf(x) ** 2, value, np.inf, epsabs=1e-9, limit=400)
    assert crps_t(*one(value, -10.0, 4.0, df))[0] == pytest.approx(below + above, rel=1e-5)


def test_the_crps_of_the_normal_is_that_of_many_degrees_of_freedom() -> None:
    assert crps_normal(*one(3.0, 1.0, 2.0))[0] == pytest.approx(crps_t(*one(3.0, 1.0, 2.0, 1e7))[0], rel=1e-5)


@pytest.mark.parametrize("score", [log_loss, brier])
def test_who_says_the_truth_scores_least(score: Any) -> None:
    happened = (np.arange(1_000) % 10 < 3).astype(float)
    said = np.linspace(0.05, 0.95, 19)
    means = [score(np.full(1_000, each), happened).mean() for each in said]
    assert said[int(np.argmin(means))] == pytest.approx(0.3)
    assert log_loss(*one(0.3, 1.0))[0] == pytest.approx(-math.log(0.3))
    assert np.isfinite(log_loss(*one(0.0, 1.0))[0])


def test_an_interval_holds_what_it_says_and_a_narrow_one_less() -> None:
    rng = np.random.default_rng(5)
    mean = rng.normal(-10, 5, 40_000)
    edge = mean + 4.0 * rng.standard_t(6, 40_000)
    four, six = np.full(40_000, 4.0), np.full(40_000, 6.0)
    assert covered(edge, mean, four, six).mean() == pytest.approx(0.9, abs=0.006)
    assert covered(edge, mean, four / 2, six).mean() < 0.7
    assert math.isnan(covered(*one(math.nan, 0.0, 1.0, 5.0))[0])


def test_deciles_that_come_true_are_met_and_others_are_not() -> None:
    rng = np.random.default_rng(6)
    day = np.repeat(np.arange(100), 200)
    chance = rng.uniform(0.05, 0.95, len(day))
    happened = (rng.uniform(size=len(day)) < chance).astype(float)
    right = reliability(Days(day), chance, happened)
    assert len(right) == 10
    assert all(each.is_met for each in right)
    assert sum(each.happened.n for each in right) == len(day)
    wrong = reliability(Days(day), np.clip(chance + 0.12, 0, 1), happened)
    assert not any(each.is_met for each in wrong[1:9])
    # One word for all: one decile.
    assert len(reliability(Days(day), np.full(len(day), 0.5), happened)) == 1
    assert reliability(Days(day), chance, np.full(len(day), math.nan)) == ()


def prediction(day: int, rng: np.random.Generator, **changes: Any) -> Prediction:
    """Right in everything: what came is drawn from what was said."""
    q, f, e = rng.uniform(0.2, 0.9), rng.uniform(0.8, 0.99), rng.normal(-10, 6)
    answered = rng.uniform() < q
    row: dict[str, Any] = {
        "day": day, "dealer": "D01", "segment": "s", "n_asked": 3, "asks": 5, "q": q, "in_time": 1.0, "desk_q": 0.55,
        "own_q": 0.55, "answered": answered, "e_bps": e, "e_scale_bps": 4.0, "e_df": 8.0, "desk_e_bps": -10.0,
        "desk_e_sd_bps": 8.0, "own_e_bps": -10.0, "edge_bps": e + 4.0 * rng.standard_t(8) if answered else None,
        "f": f, "desk_f": 0.9, "own_f": 0.9, "filled": bool(rng.uniform() < f) if answered else None,
        "z": 0.9, "desk_z": 0.9, "size_share": 0.8 if answered else None,
    }  # fmt: skip
    return Prediction(**{**row, **changes})


def test_a_report_of_who_was_right() -> None:
    rng = np.random.default_rng(7)
    rows = Rows(prediction(day, rng) for day in range(60) for _ in range(100))
    found = report(rows)
    assert (found.rows, found.days, found.first_day, found.last_day) == (6_000, 60, 0, 59)
    assert not found.is_enough
    by_name = {(each.name, each.against): each for each in found.scores}
    for name in ("log loss of answering", "Brier of answering", "CRPS of an edge, bps"):
        assert {each.words for (found, _), each in by_name.items() if found == name} == {"better"}
    assert by_name["squared error of the size quoted", "desk"].words.startswith("no different")
    assert found.answers_met is True
    assert found.coverage_met is True
    assert len(found.coverage_by_width) == 1
    assert all(each.ours.is_told for each in found.scores)


def test_coverage_is_judged_by_its_interval() -> None:
    rng = np.random.default_rng(7)
    found = report(Rows(prediction(day, rng) for day in range(12) for _ in range(6)))
    assert found.coverage.holds(0.9)
    assert found.coverage_met is None
    sure = [prediction(day, rng, e_scale_bps=1.0) for day in range(12) for _ in range(100)]
    assert report(Rows(sure)).coverage_met is False


def test_a_report_of_few_days_tells_nothing() -> None:
    rng = np.random.default_rng(8)
    found = report(Rows(prediction(day, rng) for day in range(3) for _ in range(100)))
    assert found.answers_met is None
    assert found.coverage_met is None
    assert {each.words for each in found.scores} == {"cannot tell"}
    empty = report(Rows())
    assert (empty.rows, empty.answers, empty.answers_met) == (0, (), None)
