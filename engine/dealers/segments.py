"""Segments: which requests are alike enough to learn one from another.

A segment is asset class x rating bucket x maturity bucket x size tier x side. Its `scopes` go from the
segment itself to coarser ones, and what is known too little of in one is looked up in the next:

    corporate|HY|3-7y|5mm-10mm|buy  >  corporate|HY|3-7y  >  corporate  >  *

A segment with only its asset class (what tiers are made for) has the last two. Scopes are plain text: they
are keys of the stats, words of an explanation and labels of a view.

Source: the back-off of the dealer model (dealer x segment x side x size, dealer x segment, dealer).
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache
from typing import Final

from engine.domain.instrument import NOT_RATED, BondTraits, Security, rating_notch

ANY: Final = "*"
"""Stands for "whatever it is" in a segment, and is the scope of everything."""

_EPOCH: Final = datetime.date(1970, 1, 1)
_A_MINUS_NOTCH: Final = rating_notch("A-") or 0
_BBB_MINUS_NOTCH: Final = rating_notch("BBB-") or 0

_SIDES: Final = {"1": "buy", "2": "sell", "buy": "buy", "sell": "sell"}


class RatingBucket(StrEnum):
    """Credit as dealers' desks divide it; NR is a known value, UNKNOWN is none."""

    HIGH = "AAA-A"
    BBB = "BBB"
    HIGH_YIELD = "HY"
    NOT_RATED = "NR"
    UNKNOWN = "unknown"


class MaturityBucket(StrEnum):
    """Years left, the lower bound included."""

    MONEY_MARKET = "0-1y"
    SHORT = "1-3y"
    MEDIUM = "3-7y"
    LONG = "7-12y"
    VERY_LONG = "12y+"
    UNDATED = "undated"


class SizeTier(StrEnum):
    """Face amount, the lower bound included."""

    ODD = "0-500k"
    SMALL = "500k-2mm"
    ROUND = "2mm-5mm"
    LARGE = "5mm-10mm"
    BLOCK = "10mm+"


_MATURITY_BOUNDS_YEARS: Final = (
    (1.0, MaturityBucket.MONEY_MARKET),
    (3.0, MaturityBucket.SHORT),
    (7.0, MaturityBucket.MEDIUM),
    (12.0, MaturityBucket.LONG),
)
_MIDDLE_YEARS: Final = {"0-1y": 0.5, "1-3y": 2.0, "3-7y": 5.0, "7-12y": 9.5, "12y+": 20.0}
_SIZE_BOUNDS: Final = (
    (Decimal(500_000), SizeTier.ODD),
    (Decimal(2_000_000), SizeTier.SMALL),
    (Decimal(5_000_000), SizeTier.ROUND),
    (Decimal(10_000_000), SizeTier.LARGE),
)


@dataclass(frozen=True, slots=True)
class Segment:
    """Where an observation belongs, or what a ranking is for; `ANY` leaves a part open.

    `scopes` are its keys, finest first; the last is always `ANY`.
    """

    asset_class: str = ANY
    rating: str = ANY
    maturity: str = ANY
    size: str = ANY
    side: str = ANY
    scopes: tuple[str, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        credit = f"{self.asset_class}|{self.rating}|{self.maturity}"
        levels = [ANY]
        if self.asset_class != ANY:
            levels.insert(0, self.asset_class)
        if (self.rating, self.maturity) != (ANY, ANY):
            levels.insert(0, credit)
        if (self.size, self.side) != (ANY, ANY):
            levels.insert(0, f"{credit}|{self.size}|{self.side}")
        object.__setattr__(self, "scopes", tuple(levels))

    @property
    def key(self) -> str:
        """The finest scope: the segment's own name."""
        return self.scopes[0]


def segment_of(security: Security, quantity: Decimal, side: str, today: datetime.date) -> Segment:
    """The segment of a request for `quantity` face of `security`.

    `side` is Side(54), `1` or `2`, or the words buy and sell. Raises ValueError for any other side.
    """
    if side not in _SIDES:
        raise ValueError(f"a segment's side is buy (1) or sell (2), found {side!r}")
    rating, maturity = rating_bucket(security.rating), maturity_bucket(security.years_to_maturity(today))
    size = size_tier(quantity * security.factor)
    return segment_of_key(f"{security.asset_class}|{rating}|{maturity}|{size}|{_SIDES[side]}")


@lru_cache(maxsize=4096)
def segment_of_key(key: str) -> Segment:
    """The segment whose key this is: events carry it. There are few, each is made once."""
    return Segment(*key.split("|"))


def traits_of_key(key: str, issuer: str, rating: str | None, day: int) -> BondTraits | None:
    """What an older engine knew of a bond on a UTC day, from the key it told bonds like it by.

    `asset class|sector|rating bucket|maturity bucket`: its years to maturity are the middle of their bucket, its coupon
    is unknown. None for an empty key.
    """
    parts = key.split("|")
    if len(parts) != 4 or parts[3] not in _MIDDLE_YEARS:
        return None
    maturity_day = day + round(_MIDDLE_YEARS[parts[3]] * 365.25)
    return BondTraits(parts[0], issuer, parts[1], rating, maturity_day, None)


def peer_group(bond: Security) -> str:
    """Which bonds one is as liquid as or not: its asset class, its credit, its term as of its own file's day."""
    today = bond.liquidity_as_of or _EPOCH
    rating, maturity = rating_bucket(bond.rating), maturity_bucket(bond.years_to_maturity(today))
    return f"{bond.asset_class}|{rating}|{maturity}"


@lru_cache(maxsize=256)
def rating_bucket(rating: str | None) -> RatingBucket:
    """The bucket of a rating in this engine's spelling."""
    if rating == NOT_RATED:
        return RatingBucket.NOT_RATED
    notch = rating_notch(rating)
    if notch is None:
        return RatingBucket.UNKNOWN
    if notch <= _A_MINUS_NOTCH:
        return RatingBucket.HIGH
    return RatingBucket.BBB if notch <= _BBB_MINUS_NOTCH else RatingBucket.HIGH_YIELD


def maturity_bucket(years: float | None) -> MaturityBucket:
    """The bucket of so many years left; a perpetual or an unknown maturity is UNDATED."""
    if years is None:
        return MaturityBucket.UNDATED
    for bound, bucket in _MATURITY_BOUNDS_YEARS:
        if years < bound:
            return bucket
    return MaturityBucket.VERY_LONG


def size_tier(face: Decimal) -> SizeTier:
    """The tier of a face amount."""
    for bound, tier in _SIZE_BOUNDS:
        if face < bound:
            return tier
    return SizeTier.BLOCK
