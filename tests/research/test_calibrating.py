"""engine/research/calibrating.py: what was planted is found, and where nothing speaks for another number all stay."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from seen_rounds import DAY_NS, drawn_dealers
from test_spread import local_cluster
from told_past import day_ns, gathered, planted

from engine.config import ScoringConfig
from engine.domain.observation import RoundTold
from engine.research import calibrating
from engine.research.calibrating import (
    ASKS_MIN,
    DAYS_IN_ALL_MIN,
    WRONG_MAX,
    Calibration,
    Knob,
    TooLittleError,
    calibrate,
    knobs,
    losses_of,
    parameters,
)
from engine.research.past import Past, Source
from engine.research.spread import Item, Where, spread

pytestmark = pytest.mark.starts("noon")
"""Nothing here is about the time."""

SHIPPED = ScoringConfig()


@pytest.fixture(autouse=True)
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    """In this process: what `spread` does is its own tests' matter."""

    def one_by_one(work: Any, items: Sequence[Item], **_: object) -> Iterator[tuple[str, Any]]:
        return ((each.key, work(each.what)) for each in items)

    monkeypatch.setattr(calibrating, "spread", one_by_one)


def found(
    told: Sequence[RoundTold], tmp_path: Path, scoring: ScoringConfig = SHIPPED, tried: Sequence[Knob] | None = None
) -> Calibration:
    with Past() as past:
        past.read([gathered(told, tmp_path / "a.db")])
        return calibrate(past, scoring, tried=tried)


def half_life(now: float) -> list[Knob]:
    return [Knob("estimates.half_life_days", "", now, tuple(x for x in (8.0, 30.0, 160.0) if x != now), "all")]


def test_dealers_that_change_fast_want_a_shorter_half_life(tmp_path: Path) -> None:
    rng = random.Random(1)
    told = planted(rng, drawn_dealers(rng, 8), 48, 12, wander=0.5)
    [one] = found(told, tmp_path, SHIPPED, half_life(30.0)).findings
    assert (one.is_proposed, one.found) == (True, 8.0)
    assert one.judged.is_below(0.0)
    assert one.after.value < one.before.value


def test_dealers_that_stay_as_they_are_want_a_longer_one(tmp_path: Path) -> None:
    rng = random.Random(2)
    told = planted(rng, drawn_dealers(rng, 12), 64, 12)
    scoring = replace(SHIPPED, half_life_days=8.0)
    [one] = found(told, tmp_path, scoring, half_life(8.0)).findings
    assert one.is_proposed
    assert one.found in (30.0, 160.0)


def test_a_slope_by_size_is_found(tmp_path: Path) -> None:
    rng = random.Random(3)
    told = planted(rng, drawn_dealers(rng, 8), 64, 14, size_slope=-0.7)
    knob = Knob("estimates.size_slope", "", -0.1, (-0.7, -0.4, 0.2), "answers")
    calibration = found(told, tmp_path, SHIPPED, [knob])
    [one] = calibration.findings
    assert one.is_proposed
    assert one.found in (-0.7, -0.4)
    assert calibration.proposed == {"estimates.size_slope": one.found}
    assert calibration.together is not None
    assert calibration.together.is_below(0.0)


def test_what_is_right_is_kept(tmp_path: Path) -> None:
    """Of the model's own kind, with the numbers in force: nothing else is better but by chance, which is held back."""
    rng = random.Random(4)
    told = planted(rng, drawn_dealers(rng, 10), 64, 10)
    tried = [*half_life(160.0), Knob("estimates.panel_slope", "", -0.3, (-0.6, 0.0), "answers")]
    calibration = found(told, tmp_path, replace(SHIPPED, half_life_days=160.0), tried)
    assert calibration.proposed == {}
    assert calibration.together is None
    assert all(each.why for each in calibration.findings)
    assert calibration.level == 1.0 - WRONG_MAX / 2


@pytest.mark.full
def test_where_there_is_no_signal_all_numbers_are_kept(tmp_path: Path) -> None:
    """Dealers that are all the same, four times: of all numbers together one in twenty may err."""
    proposals = 0
    for seed in range(4):
        rng = random.Random(100 + seed)
        [(_, one)] = drawn_dealers(rng, 1).items()
        told = planted(rng, {f"D{at:02}": one for at in range(8)}, 64, 10)
        (folder := tmp_path / f"{seed}").mkdir()
        proposals += bool(found(told, folder, replace(SHIPPED, half_life_days=110.0)).proposed)
    assert proposals <= 1


def test_too_little_is_refused_in_words(tmp_path: Path) -> None:
    rng = random.Random(5)
    with pytest.raises(TooLittleError, match=rf"needs {ASKS_MIN:,} asks on {DAYS_IN_ALL_MIN} days at least, found \d+"):
        found(planted(rng, drawn_dealers(rng, 6), 20, 5), tmp_path)


def test_the_days_that_judge_are_the_last_ones(tmp_path: Path) -> None:
    rng = random.Random(6)
    told = planted(rng, drawn_dealers(rng, 6), 50, 12)
    calibration = found(told, tmp_path, SHIPPED, half_life(30.0))
    assert (calibration.days, calibration.judged_days) == (50, 15)
    assert calibration.report.first_day == (day_ns(0) // DAY_NS) + 35
    last = sum(len(each.seen.asks) for each in told if each.seen.sent_ns >= day_ns(35))
    assert calibration.judged_asks == calibration.report.rows == last
    assert calibration.findings[0].before.n == last


def test_one_piece_of_work_is_plain_and_only_of_its_own_days(tmp_path: Path) -> None:
    rng = random.Random(7)
    told = planted(rng, drawn_dealers(rng, 6), 10, 5)
    with Past() as past:
        past.read([gathered(told, tmp_path / "a.db")])
        what = {
            "path": str(past.path), "begin_ns": day_ns(4), "end_ns": day_ns(8),
            "estimates": dataclasses.asdict(parameters(SHIPPED, {"estimates.strength": 2.0})),
        }  # fmt: skip
        losses = losses_of(what)
    assert losses["day"] == [day_ns(0) // DAY_NS + at for at in (4, 5, 6, 7)]
    asks = sum(len(each.seen.asks) for each in told if day_ns(4) <= each.seen.sent_ns < day_ns(8))
    assert sum(losses["answers"][1]) == asks
    assert sum(losses["edges"][1]) < asks


def test_every_number_is_one_that_the_configuration_takes() -> None:
    scoring = SHIPPED
    before = parameters(scoring, {})
    assert before == scoring.estimate_parameters
    for knob in knobs(scoring):
        assert knob.now not in knob.tries
        for value in knob.tries:
            assert parameters(scoring, {knob.key: value}) != before


def test_a_run_that_was_stopped_goes_on_and_another_past_is_other_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = random.Random(9)
    told = planted(rng, drawn_dealers(rng, 6), 40, 13)
    handed: list[set[str]] = []

    def keys(work: Any, items: Sequence[Item], kept: Path | None = None, **_: object) -> Iterator[tuple[str, Any]]:
        handed.append({each.key for each in items})
        assert kept == tmp_path / "walks"
        raise KeyboardInterrupt

    monkeypatch.setattr(calibrating, "spread", keys)

    def begun(told: Sequence[RoundTold], name: str, scoring: ScoringConfig = SHIPPED) -> set[str]:
        with Past() as past:
            past.read([gathered(told, tmp_path / name)])
            with pytest.raises(KeyboardInterrupt):
                calibrate(past, scoring, tried=half_life(30.0), kept=tmp_path / "walks")
        return handed[-1]

    first = begun(told, "a.db")
    assert begun(told, "b.db") == first
    assert not begun(told[:-1], "c.db") & first
    other = replace(SHIPPED, estimates=replace(SHIPPED.estimates, answers=0.5))
    assert not begun(told, "d.db", other) & first


@pytest.mark.full
def test_processes_and_a_cluster_find_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = random.Random(8)
    told = planted(rng, drawn_dealers(rng, 6), 44, 13)
    here = found(told, tmp_path, SHIPPED, half_life(30.0))
    monkeypatch.setattr(calibrating, "spread", spread)
    with Past() as past, local_cluster() as address:
        past.read([Source(tmp_path / "a.db")])
        for where in (Where(processes=2), Where(scheduler=address)):
            assert calibrate(past, SHIPPED, where=where, tried=half_life(30.0)) == here
