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
    similar_key,
    size_tier,
)
from engine.domain.instrument import AssetClass, Security
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


def test_similar_bonds_share_sector_maturity_and_rating() -> None:
    key = similar_key(bond(), TODAY)
    assert key == similar_key(bond(issuer="Other", rating="B", maturity=datetime.date(2030, 1, 1)), TODAY)
    assert key != similar_key(bond(sector="utilities"), TODAY)
    assert key != similar_key(bond(rating="BBB"), TODAY)
    assert key != similar_key(bond(asset_class=AssetClass.AGENCY), TODAY)


@pytest.mark.parametrize("unknown", ["sector", "rating", "maturity"])
def test_bonds_of_which_something_is_unknown_are_not_similar(unknown: str) -> None:
    assert similar_key(bond(**{unknown: None}), TODAY) is None


def test_a_municipal_bond_goes_by_its_purpose() -> None:
    muni = bond(asset_class=AssetClass.MUNICIPAL, sector=None, purpose="water", rating="NR")
    assert similar_key(muni, TODAY) == "municipal|water|NR|3-7y"
