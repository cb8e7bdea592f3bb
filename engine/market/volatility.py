"""How much a bond's price moves in a day: robust, from the last mark of each day, with how many moves that is made of.

A move is the change from one business day's last mark to the next one's, of one source, in bps; over a gap of n
business days it is divided by the square root of n. A price that is the same as the day before was not looked at: its
day belongs to the gap of the next move, which holds what happened meanwhile. Counted as moves of 0, such days would
halve the estimate where there are three in ten of them. The estimate is 1.4826 times the median distance of the moves
from their median, which is the standard deviation of a normal distribution and hardly feels one absurd mark. Where more
than half of the moves are the same that is zero, and the root mean square of the moves with the outer tenth pulled in
stands in its place; with too few moves for a median it is the root of their squares over the days. A price that never
moved says nothing: unknown, not zero.

Reference: P. J. Rousseeuw and C. Croux, "Alternatives to the Median Absolute Deviation", 1993: its relative standard
error is 1.17 / sqrt(n).
"""

from __future__ import annotations

import math
from array import array
from bisect import bisect_left
from dataclasses import dataclass, field
from statistics import median
from typing import Final

from engine.clock import utc_day
from engine.market.business_days import WEEKDAYS, BusinessDays
from engine.market.marks import Mark

_MAD_TO_SD: Final = 1.4826
_RELATIVE_SE: Final = 1.17
_FEW_CLIP: Final = 5.0
"""Of a few moves none counts as more than so many times the middle one."""
_GAP_DAYS_MAX: Final = 5
"""Over a longer gap a change says too little of a single day."""


@dataclass(frozen=True, slots=True)
class Volatility:
    """Standard deviation of a day's change of price, in bps of the price, and the number of moves it is made of."""

    bps: float
    n: int
    source: str

    @property
    def ln_sd(self) -> float:
        """Standard error of its logarithm."""
        return _RELATIVE_SE / math.sqrt(self.n)


class _Closes:
    """The last price of each day, of one source for one bond."""

    __slots__ = ("days", "prices", "times")

    def __init__(self) -> None:
        self.days = array("i")
        self.times = array("q")
        self.prices = array("d")


class Closes:
    """Daily closing marks by bond and source, of the last `days` days on which there was one."""

    __slots__ = ("_bonds", "_days", "_known", "_moves_min")

    def __init__(self, days: int = 60, moves_min: int = 10) -> None:
        self._days = days
        self._moves_min = moves_min
        self._bonds: dict[str, dict[str, _Closes]] = {}
        self._known: dict[str, tuple[int, BusinessDays, Volatility | None]] = {}
        """What was made of a bond's closes, on which day, and by which business days."""

    def take(self, security_id: str, source: str, utc_ns: int, price: float) -> None:
        """A mark: the last one of its day counts, whenever it is heard."""
        sources = self._bonds.get(security_id)
        if sources is None:
            sources = self._bonds[security_id] = {}
        closes = sources.get(source)
        if closes is None:
            closes = sources[source] = _Closes()
        day = utc_day(utc_ns)
        days = closes.days
        # Nearly always the last day again, or the next one.
        place = len(days) - 1 if days and days[-1] == day else bisect_left(days, day)
        if place < len(days) and days[place] == day:
            if utc_ns >= closes.times[place]:
                closes.times[place], closes.prices[place] = utc_ns, price
                self._forget(security_id, day)
            return
        if place == 0 and len(days) >= self._days:
            return
        days.insert(place, day)
        closes.times.insert(place, utc_ns)
        closes.prices.insert(place, price)
        self._forget(security_id, day)
        if len(days) > self._days:
            del days[0], closes.times[0], closes.prices[0]

    def take_mark(self, mark: Mark) -> None:
        self.take(mark.security_id, mark.source, mark.utc_ns, float(mark.price))

    def volatility(self, security_id: str, today: int, business_days: BusinessDays = WEEKDAYS) -> Volatility | None:
        """By the source with the most moves, then by its name; None with fewer than `moves_min` or none at all.

        The open day does not count: its last mark is not its close yet.
        """
        known = self._known.get(security_id)
        if known is None or known[0] != today or known[1] is not business_days:
            known = today, business_days, self._made(security_id, today, business_days)
            self._known[security_id] = known
        return known[2]

    def _forget(self, security_id: str, changed_day: int) -> None:
        known = self._known.get(security_id)
        if known is not None and changed_day < known[0]:
            del self._known[security_id]

    def _made(self, security_id: str, today: int, business_days: BusinessDays) -> Volatility | None:
        # 60 moves: 40 us, once a day for each bond that somebody asks about.
        best: Volatility | None = None
        for source, closes in sorted(self._bonds.get(security_id, {}).items()):
            seen = _moves(closes, today, business_days)
            n = len(seen.by_day)
            if seen.looks < self._moves_min or (best is not None and n <= best.n):
                continue
            bps = robust_sd(seen.by_day) if n >= self._moves_min else _sd_of_few(seen)
            if bps is not None:
                best = Volatility(bps, n, source)
        return best

    def dump(self) -> dict[str, object]:
        """All that is kept, as plain values."""
        return {security_id: self.kept(security_id) for security_id in sorted(self._bonds)}

    def kept(self, security_id: str) -> dict[str, list[tuple[int, float]]]:
        """By source, what is kept: (UTC ns, price), oldest first."""
        return {
            source: list(zip(closes.times, closes.prices, strict=True))
            for source, closes in sorted(self._bonds.get(security_id, {}).items())
        }


def robust_sd(moves: list[float]) -> float | None:
    """Their standard deviation, as the module's head says; None where nothing moved."""
    if not any(moves):
        return None
    middle = median(moves)
    spread = _MAD_TO_SD * median(abs(move - middle) for move in moves)
    if spread > 0:
        return spread
    ordered = sorted(moves)
    cut = len(ordered) // 20
    low, high = ordered[cut], ordered[-1 - cut]
    squares = [min(max(move, low), high) ** 2 for move in ordered]
    root = math.sqrt(sum(squares) / len(squares))
    return root if root > 0 else None


@dataclass(slots=True)
class _Moves:
    """Moves over the root of the days that each took, those days, and what stood still since the last."""

    by_day: list[float] = field(default_factory=list)
    days: list[int] = field(default_factory=list)
    still: int = 0
    looks: int = 0
    """Pairs of closes, moved or not."""


def _sd_of_few(seen: _Moves) -> float | None:
    """The root of the squares over the days; None where nothing moved."""
    if not seen.by_day:
        return None
    most = _FEW_CLIP * median(map(abs, seen.by_day))
    squares = sum(min(abs(move), most) ** 2 * days for move, days in zip(seen.by_day, seen.days, strict=True))
    return math.sqrt(squares / (sum(seen.days) + seen.still))


def _moves(closes: _Closes, today: int, business_days: BusinessDays) -> _Moves:
    seen = _Moves()
    days, prices = closes.days, closes.prices
    for at in range(1, len(days)):
        if days[at] >= today:
            break
        gap = business_days.between(days[at - 1], days[at])
        if not 1 <= gap <= _GAP_DAYS_MAX:
            seen.still = 0
            continue
        seen.looks += 1
        seen.still += gap
        if prices[at] != prices[at - 1]:
            seen.by_day.append((prices[at] / prices[at - 1] - 1) * 10_000 / math.sqrt(seen.still))
            seen.days.append(seen.still)
            seen.still = 0
    return seen
