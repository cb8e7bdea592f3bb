"""What every dealer did, as sums by day and asset class: what scorecards and their places among peers are made of.

A measure is a ratio of sums (a mean is one, over a count), so a day is two numbers whatever was asked on it, and years
of rounds take little memory. Its interval comes of drawing the days again (`bootstrap`).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from engine.clock import utc_day
from engine.domain.observation import Answer, AskSeen, RoundSeen, RoundTold, Taken
from engine.research.bootstrap import Days, Interval
from engine.research.figures import as_share

EDGE_MAX_BPS: Final = 500.0
"""A price further from the mark is a mistake of somebody's, and no edge."""
ALL: Final = ""
"""In place of an asset class: all of them."""

_PRICED: Final = (Answer.quote, Answer.indicative)


@dataclass(frozen=True, slots=True)
class Kind:
    """One measure: what it is called, its unit, whether more of it is better for us, and what counts under it."""

    title: str
    unit: str
    more_is_better: bool
    of: str


MEASURES: Final[Mapping[str, Kind]] = {
    "response": Kind("Response", "%", True, "requests that brought a price that could be executed"),
    "time": Kind("Time to answer", "s", False, "from our request to your first price, typically (geometric mean)"),
    "edge": Kind("Price against our mark", "bp", True, "of every price that could be executed; more is better for us"),
    "size": Kind("Size quoted", "%", True, "of the size that we asked for"),
    "firmness": Kind("Firmness", "%", True, "prices that we accepted and that were filled in full"),
    "hit": Kind("Hit rate", "%", True, "prices of yours that we traded on"),
    "fill": Kind("Size of a trade", "face", True, "face amount in our base currency, mm is a million"),
}


class DealerDays:
    """Sums by dealer, asset class, measure and day. `asks` counts requests by dealer."""

    def __init__(self) -> None:
        self._sums: dict[tuple[str, str, str], dict[int, list[float]]] = {}
        self.asks: dict[str, int] = {}
        self.told: dict[str, int] = {}
        """Of these, requests that were made elsewhere and imported."""
        self.classes: dict[str, dict[str, int]] = {}
        """Requests by dealer and asset class."""
        self.left_out: dict[str, int] = {}
        """Edges that are none, by dealer."""

    def take(self, rounds: Iterable[RoundTold], desk: str = "") -> None:
        """Count rounds in; those of other sources than `desk` are imported."""
        for told in rounds:
            seen = told.seen
            for ask in seen.asks:
                self._ask(seen, ask, seen.source not in ("", desk))

    def _ask(self, seen: RoundSeen, ask: AskSeen, is_imported: bool) -> None:
        dealer, asset_class, day = ask.dealer, seen.bond.asset_class, utc_day(ask.sent_ns)
        self.asks[dealer] = self.asks.get(dealer, 0) + 1
        self.told[dealer] = self.told.get(dealer, 0) + is_imported
        classes = self.classes.setdefault(dealer, {})
        classes[asset_class] = classes.get(asset_class, 0) + 1
        if ask.edge_bps is not None and abs(ask.edge_bps) > EDGE_MAX_BPS:
            self.left_out[dealer] = self.left_out.get(dealer, 0) + 1
        for measure, value in _observed(seen, ask):
            for group in (ALL, asset_class):
                sums = self._sums.setdefault((dealer, group, measure), {}).setdefault(day, [0.0, 0.0])
                sums[0] += value
                sums[1] += 1.0

    def interval(
        self, dealer: str, measure: str, group: str = ALL, first: int | None = None, last: int | None = None
    ) -> Interval:
        """Of the days from `first` to `last`, both included; `Interval.n` counts observations. Times are in seconds."""
        by_day = self._sums.get((dealer, group, measure), {})
        days = sorted(day for day in by_day if (first is None or day >= first) and (last is None or day <= last))
        found = Days(days).ratio([by_day[day][0] for day in days], [by_day[day][1] for day in days])
        count = round(sum(by_day[day][1] for day in days))
        turned = math.exp if measure == "time" else _as_it_is
        if not count:
            return found
        low, high = (None if each is None else turned(each) for each in (found.low, found.high))
        told = Interval(turned(found.value), low, high, count, found.days, found.se)
        return as_share(told) if MEASURES[measure].unit == "%" else told


def _as_it_is(value: float) -> float:
    return value


def _observed(seen: RoundSeen, ask: AskSeen) -> Iterator[tuple[str, float]]:
    """Each measure that one request says something of, with its value."""
    quoted = ask.answer is Answer.quote
    yield "response", float(quoted)
    if ask.answer in _PRICED and ask.answered_ns is not None and ask.answered_ns > ask.sent_ns:
        yield "time", math.log((ask.answered_ns - ask.sent_ns) / 1e9)
    if quoted:
        if ask.edge_bps is not None and abs(ask.edge_bps) <= EDGE_MAX_BPS:
            yield "edge", ask.edge_bps
        if ask.quantity is not None and seen.quantity:
            yield "size", float(min(Decimal(1), ask.quantity / seen.quantity))
        yield "hit", float(ask.filled > 0)
    if ask.taken is not Taken.no:
        yield "firmness", float(ask.taken is Taken.filled)
    if ask.filled > 0:
        yield "fill", float(ask.filled * (seen.worth or 1))
