"""Places for tier rules: who has one, and what the top fifth of a few is."""

from __future__ import annotations

from fractions import Fraction

import pytest
from dealer_support import NOW, feed

from engine.dealers.segments import Segment
from engine.dealers.stats import DealerStats
from engine.selection.classic import classic
from engine.selection.tiers import standings

CORPORATE = Segment("corporate")
MUNI = Segment("municipal", "NR", "3-7y", "2mm-5mm", "buy")


def market(known: int) -> DealerStats:
    stats = DealerStats()
    for number in range(known):
        feed(stats, f"d{number}", asks=20, trades=20 - number, improvement_bps=1.0)
    return stats


def test_places_and_percentiles() -> None:
    found = standings([f"d{number}" for number in range(10)], classic(), market(10), CORPORATE, NOW)
    assert [(each.dealer, each.rank) for each in found[:3]] == [("d0", 1), ("d1", 2), ("d2", 3)]
    assert [each.percentile for each in found[:3]] == [10.0, 20.0, 30.0]
    assert found[0].metrics.asks == 20


@pytest.mark.parametrize(
    ("ranked", "percent", "members"),
    [(10, 20, 2), (3, 20, 1), (4, 50, 2), (5, 50, 3), (6, Fraction(100, 3), 2), (5, 100, 5)],
)
def test_top_percent_rounds_up(ranked: int, percent: Fraction | int, members: int) -> None:
    found = standings([f"d{number}" for number in range(ranked)], classic(), market(ranked), CORPORATE, NOW)
    assert sum(each.in_top(percent) is True for each in found) == members


def test_dealers_without_data_have_no_rank_and_are_not_counted() -> None:
    found = standings(["a", "b", "d0", "d1"], classic(), market(2), CORPORATE, NOW)
    assert [(each.dealer, each.rank, each.ranked) for each in found] == [
        ("d0", 1, 2),
        ("d1", 2, 2),
        ("a", None, 2),
        ("b", None, 2),
    ]
    assert found[2].percentile is None
    assert found[2].in_top(100) is None


def test_nobody_has_a_rank_where_nobody_is_known() -> None:
    assert all(each.rank is None for each in standings(["a", "b"], classic(), DealerStats(), CORPORATE, NOW))
