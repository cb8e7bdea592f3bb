"""What is told of dealers: the house score by its parts, and every estimate with its error and what it rests on."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from desk_builder import DeskWorld, seeded_desk

from engine.dealers.estimates import Asking
from engine.dealers.segments import Segment
from engine.desk.scoreboard import MEASURES, SIZE
from engine.domain.instrument import AssetClass
from engine.metrics.collector import Metrics

pytestmark = pytest.mark.starts("noon")


def samples(metrics: Metrics, family: str) -> dict[tuple[str, str, str], float]:
    [found] = [each for each in metrics.registry.collect() if each.name == family]
    return {
        (one.labels["asset_class"], one.labels["dealer"], one.labels.get("measure") or one.labels["metric"]): one.value
        for one in found.samples
    }


def told(world: DeskWorld) -> Metrics:
    metrics = Metrics("9.9")
    trading: Any = SimpleNamespace(desk=world.desk)
    for _ in AssetClass:
        metrics.scores(trading, world.now.utc_ns)
    return metrics


def test_every_estimate_of_a_dealer_is_told_with_its_error_and_what_it_rests_on() -> None:
    world = seeded_desk()
    metrics = told(world)
    wait_s = world.desk.clocks.wait_ns / 1e9
    [expected] = world.desk.learning.estimates.outlooks(
        ["ash"], Asking(Segment("corporate"), SIZE, wait_s, world.now.utc_ns)
    )
    for family, of in (("dealer_estimate", "value"), ("dealer_estimate_error", "sd"), ("dealer_n_eff", "n_eff")):
        found = samples(metrics, family)
        for measure in MEASURES:
            assert found["corporate", "ash", measure] == getattr(getattr(expected, measure), of)
        traded = {(asset_class, dealer) for asset_class, dealer, _ in found}
        assert traded == {
            (each.value, dealer.id) for each in AssetClass for dealer in world.desk.dealers if dealer.trades(each)
        }


def test_the_parts_of_the_house_score_are_told_beside_them() -> None:
    found = samples(told(seeded_desk()), "dealer_score_part")
    parts = {metric for asset_class, dealer, metric in found if (asset_class, dealer) == ("corporate", "ash")}
    assert parts == {"fill_rate", "price_improvement", "leakage", "speed"}


def test_who_is_listed_no_more_is_told_no_more() -> None:
    world = seeded_desk()
    metrics = Metrics("9.9")
    trading: Any = SimpleNamespace(desk=world.desk)
    for _ in AssetClass:
        metrics.scores(trading, world.now.utc_ns)
    trading.desk = SimpleNamespace(**{**{name: getattr(world.desk, name) for name in _READ}, "dealers": ()})
    for _ in AssetClass:
        metrics.scores(trading, world.now.utc_ns)
    assert samples(metrics, "dealer_estimate") == {}


_READ = ("parameters", "clocks", "learning", "rankings")
