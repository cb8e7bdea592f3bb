"""What a bond is worth right now, according to whom.

A `Mark` is one source's clean price of one bond, with the time we had it and how good it is. The `MarkBook`
keeps the latest of each source and picks the best one that is not too old. It invents nothing: with no mark
in time `best` is None, and whoever asked has no observation.

Order of quality: a firm composite, an evaluated price (for 15 minutes), the mid of our own RFQ, the last print.
Reference: the mark order of the desk's TCA; two-sided marks are given by their mid.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Final

from engine.clock import NS_PER_S


class Quality(StrEnum):
    """What kind of price a mark is, best first."""

    COMPOSITE = "composite"
    EVALUATED = "evaluated"
    OWN_RFQ = "own_rfq"
    LAST_PRINT = "last_print"


_PLACE: Final[Mapping[Quality, int]] = {quality: place for place, quality in enumerate(Quality)}

AGE_NS_MAX: Final[Mapping[Quality, int]] = {Quality.EVALUATED: 15 * 60 * NS_PER_S}
"""Beyond this a mark of that quality is not used, however old a one the caller would take."""


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


class MarkBook:
    """The latest mark of each source for each bond; at `marks_max` marks a new one is refused, old ones go on."""

    __slots__ = ("_by_security", "_count", "_marks_max")

    def __init__(self, marks_max: int = 200_000) -> None:
        self._by_security: dict[str, dict[str, Mark]] = {}
        self._count = 0
        self._marks_max = marks_max

    def __len__(self) -> int:
        return self._count

    def update(self, mark: Mark) -> bool:
        """Take a mark. False if it is not used: no positive price, older than its source's, or the book is full."""
        if not mark.price.is_finite() or mark.price <= 0:
            return False
        sources = self._by_security.get(mark.security_id)
        known = None if sources is None else sources.get(mark.source)
        if known is None:
            if self._count >= self._marks_max:
                return False
            self._count += 1
        elif mark.utc_ns < known.utc_ns:
            return False
        if sources is None:
            sources = self._by_security[mark.security_id] = {}
        sources[mark.source] = mark
        return True

    def withdraw(self, security_id: str, source: str) -> None:
        """The source no longer has a price for the bond."""
        sources = self._by_security.get(security_id, {})
        if sources.pop(source, None) is not None:
            self._count -= 1

    def best(self, security_id: str, now_ns: int, age_ns_max: int) -> Mark | None:
        """The best mark that is not from later than `now_ns` nor older than `age_ns_max`; None if there is none.

        By quality, then the newest, then the source's name.
        """
        best: Mark | None = None
        for mark in self._by_security.get(security_id, {}).values():
            age_ns = now_ns - mark.utc_ns
            if 0 <= age_ns <= min(age_ns_max, AGE_NS_MAX.get(mark.quality, age_ns_max)) and (
                best is None or _order(mark) < _order(best)
            ):
                best = mark
        return best

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
