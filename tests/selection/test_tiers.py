"""Places for tier rules: who has one, and what the top fifth of a few is."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from dealer_support import NOW, feed

from engine.dealers.segments import Segment
from engine.dealers.stats import DealerStats
from engine.rules import Catalogue, Source, compile_book
from engine.selection.ranking import Rankings, classic
from engine.selection.scorers import Standing, standings

CORPORATE = Segment("corporate")


def market(known: int) -> DealerStats:
    stats = DealerStats()
    for number in range(known):
        feed(stats, f"d{number}", asks=20, trades=20 - number, improvement_bps=1.0)
    return stats


def places(dealers: Sequence[str], stats: DealerStats) -> tuple[Standing, ...]:
    return standings(Rankings(stats, dealers).table(classic(), CORPORATE, NOW))


def members(percent: str, found: Sequence[Standing]) -> list[str]:
    """Who is in `rank in top ...`, as a rule book sees it."""
    text = f'tiers for true by classic over 90d\n tier 1 when rank in top {percent}\nrule "x" when true ask top 1'
    known = Catalogue({}, {}, {}, scorers=frozenset({"classic"}))
    tiers = compile_book([Source("x.rules", text)], known).tiers[0]
    assigned = tiers.assign([each.dealer for each in found], [each.rank for each in found], [None] * len(found))
    return [each.dealer for each, tier in zip(found, assigned, strict=True) if tier == 1]


def test_places() -> None:
    found = places([f"d{number}" for number in range(10)], market(10))
    assert [(each.dealer, each.rank, each.ranked) for each in found[:3]] == [
        ("d0", 1, 10),
        ("d1", 2, 10),
        ("d2", 3, 10),
    ]


@pytest.mark.parametrize(
    ("ranked", "percent", "count"),
    [(10, "20%", 2), (3, "20%", 1), (4, "50%", 2), (5, "50%", 3), (6, "33.3%", 2), (5, "100%", 5)],
)
def test_top_percent_rounds_up(ranked: int, percent: str, count: int) -> None:
    found = places([f"d{number}" for number in range(ranked)], market(ranked))
    assert members(percent, found) == [f"d{number}" for number in range(count)]


def test_dealers_without_data_have_no_rank_and_are_not_counted() -> None:
    found = places(["a", "b", "d0", "d1"], market(2))
    assert [(each.dealer, each.rank, each.ranked) for each in found] == [
        ("d0", 1, 2),
        ("d1", 2, 2),
        ("a", None, 2),
        ("b", None, 2),
    ]
    assert members("100%", found) == ["d0", "d1"]


def test_the_last_of_two_known_among_four_is_in_the_top_100_percent() -> None:
    """The unknown stand before it in the order, for it is worse than neutral; that costs it no place."""
    stats = market(1)
    feed(stats, "worst", asks=20, trades=0, latency_s=600.0)
    names = ["a", "b", "d0", "worst"]
    assert Rankings(stats, names).table(classic(), CORPORATE, NOW).dealers == ("d0", "a", "b", "worst")
    found = places(names, stats)
    assert [(each.dealer, each.rank) for each in found] == [("d0", 1), ("worst", 2), ("a", None), ("b", None)]
    assert members("100%", found) == ["d0", "worst"]


def test_nobody_has_a_rank_where_nobody_is_known() -> None:
    assert all(each.rank is None for each in places(["a", "b"], DealerStats()))
