"""What a bond is worth right now, according to whom.

A `Mark` is one source's clean price of one bond, with the time we had it and how good it is. The `MarkBook`
keeps the latest of each source and picks the best one that is not too old. It invents nothing: with no mark
in time `best` is None, and whoever asked has no observation.

Order of quality: a firm composite, an evaluated price (for 15 minutes), the mid of our own RFQ, the last print.
Reference: the mark order of the desk's TCA; two-sided marks are given by their mid.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Final

from engine.clock import NS_PER_DAY, NS_PER_S


class Quality(StrEnum):
    """What kind of price a mark is, best first."""

    COMPOSITE = "composite"
    EVALUATED = "evaluated"
    OWN_RFQ = "own_rfq"
    LAST_PRINT = "last_print"


_PLACE: Final[Mapping[Quality, int]] = {quality: place for place, quality in enumerate(Quality)}

AGE_NS_MAX: Final[Mapping[Quality, int]] = {Quality.EVALUATED: 15 * 60 * NS_PER_S}
"""Beyond this a mark of that quality is not used, however old a one the caller would take."""


NO_AGES: Final[Mapping[str, int]] = {}


@dataclass(frozen=True, slots=True)
class Mark:
    """One price: clean, percent of par; `utc_ns` is when the engine had it.

    `half_spread` is half the distance of the source's bid and offer, where it gave both.
    """

    security_id: str
    price: Decimal
    utc_ns: int
    source: str
    quality: Quality
    half_spread: Decimal | None = None

    def age_ns(self, now_ns: int) -> int:
        """How old it is at `now_ns`; negative for a mark from later."""
        return now_ns - self.utc_ns

    @property
    def half_spread_bps(self) -> float | None:
        """Half the distance of bid and offer, in bps of the price."""
        return None if self.half_spread is None else float(self.half_spread / self.price * 10_000)


@dataclass(frozen=True, slots=True)
class MarkErrors:
    """How far marks are off, one standard deviation in bps: when they are new by their quality, then by their age.

    `volatility_bps` stands in for a bond's own where that is unknown.
    """

    new_bps: Mapping[Quality, float] = field(
        default_factory=lambda: {
            Quality.COMPOSITE: 5.0,
            Quality.EVALUATED: 12.0,
            Quality.OWN_RFQ: 8.0,
            Quality.LAST_PRINT: 20.0,
        }
    )
    volatility_bps: float = 35.0


def sd_bps(mark: Mark, age_ns: int, volatility_bps: float | None, errors: MarkErrors) -> float:
    """What a mark is off by at an age, one standard deviation.

    A price between bid and offer may be anywhere there: a wide market makes a poor mark, whatever its quality. With
    age it is off by what the bond has moved since: the square root of the days times a day's move.
    """
    new = errors.new_bps[mark.quality]
    half_spread = mark.half_spread_bps
    if half_spread is not None:
        new = max(new, half_spread / math.sqrt(3))
    return grown_bps(new, age_ns, volatility_bps, errors)


def grown_bps(sd: float, further_ns: int, volatility_bps: float | None, errors: MarkErrors) -> float:
    """A standard deviation of a mark, so much later."""
    moved = errors.volatility_bps if volatility_bps is None else volatility_bps
    return math.hypot(sd, moved * math.sqrt(max(0, further_ns) / NS_PER_DAY))


class MarkBook:
    """The latest mark of each source for each bond; at `marks_max` marks a new one is refused, old ones go on."""

    __slots__ = ("_by_security", "_count", "_marks_max", "_withdrawn")

    def __init__(self, marks_max: int = 200_000) -> None:
        self._by_security: dict[str, dict[str, Mark]] = {}
        self._count = 0
        self._marks_max = marks_max
        self._withdrawn: dict[tuple[str, str], int] = {}
        """When a source took its price back: what it told before that is no price any more, whenever it comes."""

    def __len__(self) -> int:
        return self._count

    def update(self, mark: Mark) -> bool:
        """Take a mark. False if it is not used: no positive price, older than its source's, or the book is full."""
        if not mark.price.is_finite() or mark.price <= 0:
            return False
        sources = self._by_security.get(mark.security_id)
        known = None if sources is None else sources.get(mark.source)
        if known is None:
            if self._withdrawn:
                withdrawn_ns = self._withdrawn.get((mark.security_id, mark.source))
                if withdrawn_ns is not None and mark.utc_ns <= withdrawn_ns:
                    return False
                self._withdrawn.pop((mark.security_id, mark.source), None)
            if self._count >= self._marks_max:
                return False
            self._count += 1
        elif mark.utc_ns < known.utc_ns:
            return False
        if sources is None:
            sources = self._by_security[mark.security_id] = {}
        sources[mark.source] = mark
        return True

    def withdraw(self, security_id: str, source: str, utc_ns: int | None = None) -> None:
        """The source no longer has a price for the bond, since `utc_ns` where that is said."""
        sources = self._by_security.get(security_id, {})
        if sources.pop(source, None) is not None:
            self._count -= 1
        if utc_ns is not None and len(self._withdrawn) < self._marks_max:
            self._withdrawn[security_id, source] = utc_ns

    def best(
        self, security_id: str, now_ns: int, age_ns_max: int, by_source: Mapping[str, int] = NO_AGES
    ) -> Mark | None:
        """The best mark that is not from later than `now_ns` nor older than `age_ns_max`; None if there is none.

        By quality, then the newest, then the source's name. `by_source` has the ages of sources that have their own.
        """
        best: Mark | None = None
        for mark in self._by_security.get(security_id, {}).values():
            age_ns = now_ns - mark.utc_ns
            if not 0 <= age_ns <= (by_source.get(mark.source, age_ns_max) if by_source else age_ns_max):
                continue
            if age_ns <= AGE_NS_MAX.get(mark.quality, age_ns) and (best is None or _order(mark) < _order(best)):
                best = mark
        return best

    def half_spread_bps(
        self, security_id: str, now_ns: int, age_ns_max: int, by_source: Mapping[str, int] = NO_AGES
    ) -> float | None:
        """Half the distance of bid and offer in bps, by the best mark in time that has both; None if none has."""
        for mark in self.marks(security_id):
            age_ns = now_ns - mark.utc_ns
            if mark.half_spread is not None and 0 <= age_ns <= by_source.get(mark.source, age_ns_max):
                return mark.half_spread_bps
        return None

    def of(self, security_id: str, source: str) -> Mark | None:
        """The latest of one source, whatever its age."""
        return self._by_security.get(security_id, {}).get(source)

    def marks(self, security_id: str) -> tuple[Mark, ...]:
        """Every source's latest, whatever its age, best first."""
        return tuple(sorted(self._by_security.get(security_id, {}).values(), key=_order))


def own_rfq_mid(prices: Sequence[Decimal], *, buying: bool, half_spread: Decimal) -> Decimal | None:
    """The mid that our own request shows: the mean of the two best quotes, less (buying) or plus half a spread.

    One quote is one dealer's opinion and no mid: None with fewer than two.
    """
    best = sorted(prices, reverse=not buying)[:2]
    if len(best) < 2:
        return None
    mean = (best[0] + best[1]) / 2
    return mean - half_spread if buying else mean + half_spread


def _order(mark: Mark) -> tuple[int, int, str]:
    return _PLACE[mark.quality], -mark.utc_ns, mark.source
