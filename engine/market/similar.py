"""How far apart two bonds are: who quotes the one is likely to quote the other if that is not far.

A distance, not equality of buckets: A- and BBB+ are one notch apart, 6.9 and 7.1 years as good as the same, though a
bucket's border lies between them. The parts, each in the unit of "as far as a neighbour may be":

    rating        notches / 3; both NR: 0; NR and a rating: far
    maturity      |ln(years + 1) - ln(years' + 1)| / ln 1.6: 2 and 4 years are further apart than 22 and 24
    coupon        percent points / 4; left out where one of them is unknown
    sector        the same: 0; another: far (a municipal bond without one goes by its purpose)
    issuer        the same halves the whole

The distance is the root of the sum of squares. Another asset class is never similar, whatever the rest. What is unknown
of either is no likeness: rating, sector and maturity must be known of both.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Final

from engine.domain.instrument import NOT_RATED, BondTraits, rating_notch

RADIUS: Final = 1.0
"""Up to this distance two bonds are neighbours, unless a desk says otherwise."""

_NOTCHES: Final = 3.0
_YEARS_LN: Final = math.log(1.6)
_COUPON_PCT: Final = 4.0
_FAR: Final = 2.0
_DAYS_PER_YEAR: Final = 365.25


class Neighbours:
    """Which of the bonds that somebody has quoted are near one: looked up once a day for each bond asked about.

    Some 1 us for each that is held against it.
    """

    __slots__ = ("_known", "_known_max")

    def __init__(self, known_max: int = 4_096) -> None:
        self._known: dict[BondTraits, tuple[tuple[int, int, float], tuple[BondTraits, ...]]] = {}
        self._known_max = known_max

    def of(
        self, bond: BondTraits, others: Iterable[BondTraits], version: int, today: int, radius: float
    ) -> tuple[BondTraits, ...]:
        """Those of `others` that are no further away than `radius`; they are the same while `version` is."""
        state = version, today, radius
        known = self._known.get(bond)
        if known is None or known[0] != state:
            near = tuple(other for other in others if _is_near(distance(bond, other, today), radius))
            self._known.pop(bond, None)
            if len(self._known) >= self._known_max:
                del self._known[next(iter(self._known))]
            known = self._known[bond] = state, near
        return known[1]


def _is_near(found: float | None, radius: float) -> bool:
    return found is not None and found <= radius


def distance(one: BondTraits, other: BondTraits, today: int) -> float | None:
    """How far apart they are on `today` (a UTC day); None where that cannot be said, or they are of two classes."""
    if one.asset_class != other.asset_class or not one.sector or not other.sector:
        return None
    credit = _credit(one.rating, other.rating)
    if credit is None or one.maturity_day is None or other.maturity_day is None:
        return None
    term = abs(_ln_years(one.maturity_day - today) - _ln_years(other.maturity_day - today)) / _YEARS_LN
    coupon = 0.0
    if one.coupon_pct is not None and other.coupon_pct is not None:
        coupon = abs(one.coupon_pct - other.coupon_pct) / _COUPON_PCT
    sector = 0.0 if one.sector == other.sector else _FAR
    found = math.sqrt(credit * credit + term * term + coupon * coupon + sector * sector)
    return found / 2 if one.issuer == other.issuer else found


def _credit(one: str | None, other: str | None) -> float | None:
    if one is None or other is None:
        return None
    if NOT_RATED in (one, other):
        return 0.0 if one == other else _FAR
    first, second = rating_notch(one), rating_notch(other)
    return None if first is None or second is None else abs(first - second) / _NOTCHES


def _ln_years(days: int) -> float:
    return math.log(max(0, days) / _DAYS_PER_YEAR + 1)
