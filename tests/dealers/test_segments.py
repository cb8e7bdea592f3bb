"""Buckets at their borders, scopes from fine to coarse."""

from __future__ import annotations

import datetime
from decimal import Decimal as D
from typing import Any

import pytest

from engine.dealers.segments import (
    MaturityBucket,
    RatingBucket,
    Segment,
    SizeTier,
    maturity_bucket,
    rating_bucket,
    segment_of,
    size_tier,
    traits_of_key,
)
from engine.domain.instrument import AssetClass, BondTraits, Security
from engine.domain.order import Side

TODAY = datetime.date(2026, 11, 20)


def bond(**changes: Any) -> Security:
    given: dict[str, Any] = {
        "security_id": "US0000000001",
        "name": "A bond",
        "issuer": "Issuer",
        "asset_class": AssetClass.CORPORATE,
        "sector": "energy",
        "rating": "BB+",
        "maturity": datetime.date(2031, 11, 20),
        **changes,
    }
    return Security(**given)


@pytest.mark.parametrize(
    ("rating", "bucket"),
    [
        ("AAA", RatingBucket.HIGH),
        ("A-", RatingBucket.HIGH),
        ("BBB+", RatingBucket.BBB),
        ("BBB-", RatingBucket.BBB),
        ("BB+", RatingBucket.HIGH_YIELD),
        ("D", RatingBucket.HIGH_YIELD),
        ("NR", RatingBucket.NOT_RATED),
        (None, RatingBucket.UNKNOWN),
    ],
)
def test_rating_bucket(rating: str | None, bucket: RatingBucket) -> None:
    assert rating_bucket(rating) is bucket


@pytest.mark.parametrize(
    ("years", "bucket"),
    [
        (0.9, MaturityBucket.MONEY_MARKET),
        (1.0, MaturityBucket.SHORT),
        (3.0, MaturityBucket.MEDIUM),
        (6.99, MaturityBucket.MEDIUM),
        (7.0, MaturityBucket.LONG),
        (12.0, MaturityBucket.VERY_LONG),
        (None, MaturityBucket.UNDATED),
    ],
)
def test_maturity_bucket(years: float | None, bucket: MaturityBucket) -> None:
    assert maturity_bucket(years) is bucket


@pytest.mark.parametrize(
    ("face", "tier"),
    [
        ("499999", SizeTier.ODD),
        ("500000", SizeTier.SMALL),
        ("2000000", SizeTier.ROUND),
        ("5000000", SizeTier.LARGE),
        ("9999999", SizeTier.LARGE),
        ("10000000", SizeTier.BLOCK),
    ],
)
def test_size_tier(face: str, tier: SizeTier) -> None:
    assert size_tier(D(face)) is tier


def test_scopes_go_from_the_segment_to_everything() -> None:
    segment = segment_of(bond(), D(6_000_000), Side.buy, TODAY)
    assert segment == segment_of(bond(), D(6_000_000), "1", TODAY)
    assert segment.scopes == ("corporate|HY|3-7y|5mm-10mm|buy", "corporate|HY|3-7y", "corporate", "*")
    assert Segment(*segment.key.split("|")) == segment


def test_a_segment_of_an_asset_class_starts_there() -> None:
    assert Segment("municipal").scopes == ("municipal", "*")
    assert Segment().scopes == ("*",)


def test_size_is_counted_after_the_factor() -> None:
    assert segment_of(bond(factor=D("0.5")), D(6_000_000), "2", TODAY).size == SizeTier.ROUND


def test_a_side_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="buy"):
        segment_of(bond(), D(1), "8", TODAY)


@pytest.mark.parametrize(
    ("key", "years"),
    [("0-1y", 0.5), ("1-3y", 2.0), ("3-7y", 5.0), ("7-12y", 9.5), ("12y+", 20.0)],
)
def test_what_an_older_engine_kept_of_a_bond_is_still_understood(key: str, years: float) -> None:
    found = traits_of_key(f"corporate|utilities|BBB|{key}", "Tamarack", "BBB+", 20_000)
    assert found == BondTraits("corporate", "Tamarack", "utilities", "BBB+", 20_000 + round(years * 365.25), None)


@pytest.mark.parametrize("key", ["", "corporate|utilities|BBB", "corporate|utilities|BBB|undated", "similar"])
def test_where_it_kept_nothing_nothing_is_known(key: str) -> None:
    assert traits_of_key(key, "Tamarack", "BBB+", 20_000) is None


def test_a_municipal_bond_goes_by_its_purpose() -> None:
    muni = bond(asset_class=AssetClass.MUNICIPAL, sector=None, purpose="water", rating="NR")
    assert muni.traits.sector == "water"
