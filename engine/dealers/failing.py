"""What it costs not to trade: how much worse an order ends than the mark at which its first round failed.

A round without a trade puts the order off. What that has cost is known in one of two ways, in bps, positive is a cost:

    it trades later      the price against the mark at which it was put off
    it never trades      what the mark has moved until it was last known
                         + what trading would have cost there: the best quote that was let go last, against the mark
                           then; where nobody quoted, what a dealer's quote usually costs in such a bond

Those that never trade are the dear ones: an average of the others is too low. An order that has not traded within
`PATIENCE_DAYS` is one of them, until it trades after all.

As edges are, costs are of the width of the request (`widths`): C is what failing costs in a bond of width 1, and

    C = (strength x prior + sum of w cost) / (strength + sum of w width)

with weights w that halve per half-life. That is right however costs scatter around C x width, and neither a narrow bond
whose mark jumps about nor a wide one decides alone. The error is that of the prior and of what was seen of each order:

    variance = (strength x sd^2 + sum of w (cost - C width)^2) / (strength + sum of w width)^2

A pure function of what was seen until yesterday, whatever the order it was told in; made anew once a day.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from engine.clock import NS_PER_DAY, utc_day
from engine.dealers.outlook import Measure
from engine.dealers.widths import Widths
from engine.domain.observation import SPANS_NS, Answer, AskSeen, Horizon, MarkAfter, RoundSeen, Taken

_Z90: Final = 1.6448536269514722
ORDERS_MAX: Final = 4_096
"""Orders that are remembered; the oldest is forgotten first. Made anew in some 10 ms."""
PATIENCE_DAYS: Final = 4
"""A business day, over a long weekend."""
_AFTER_NS: Final = {**SPANS_NS, Horizon.end_of_day: NS_PER_DAY // 2, Horizon.next_day: NS_PER_DAY}
"""Of marks that are told with their round: which of them is the last."""


@dataclass(frozen=True, slots=True)
class FailingParameters:
    """`prior_bps` is what failing is taken to cost before anything was seen, worth `strength` orders of width 1."""

    prior_bps: float = 20.0
    strength: float = 10.0
    sd_bps: float = 25.0
    """What one order's cost scatters by."""
    half_life_days: int = 90
    window_days: int = 365
    clip_bps: float = 150.0
    """So far is one order believed, in a bond of width 1 or less; in a wider one so many times that."""


@dataclass(frozen=True, slots=True)
class NotTrading:
    """What not trading costs for one request, in bps.

    `sd_bps` is the error of the estimate but for that of the bond's width, which is the share `width_error`: it is as
    wrong for what trading costs. `n_eff` is how many orders that were put off it stands on.
    """

    bps: float
    sd_bps: float
    width_error: float
    n_eff: float

    @property
    def measure(self) -> Measure:
        """With the whole error."""
        sd = math.hypot(self.sd_bps, self.bps * self.width_error)
        return Measure(self.bps, sd, self.bps - _Z90 * sd, self.bps + _Z90 * sd, self.n_eff)


@dataclass(frozen=True, slots=True)
class _Failed:
    """An order's first round that failed with a mark: what its cost is held against."""

    sent_ns: int
    sign: int
    mark: float
    bond: str
    segment: str
    quantity: Decimal
    adv: Decimal | None
    is_followed: bool
    """Would we know if it had traded later?"""


@dataclass(slots=True)
class _Order:
    rounds: dict[tuple[str, int], tuple[int, float | None]] = field(default_factory=dict)
    """By request and round, those that failed: when it was sent, and the best edge that was let go, in bps."""
    first: _Failed | None = None
    fills: dict[tuple[str, int], tuple[int, float]] = field(default_factory=dict)
    """By request and round: when, and the price."""
    mark: tuple[int, float] | None = None
    """The last one known: when, and the price."""


class Failing:
    """Orders that were put off, and what became of them."""

    __slots__ = ("_made", "_orders", "_requests", "parameters")

    def __init__(self, parameters: FailingParameters | None = None) -> None:
        self.parameters = FailingParameters() if parameters is None else parameters
        self._orders: dict[str, _Order] = {}
        self._requests: dict[str, str] = {}
        """The order of each request of ours that failed."""
        self._made: tuple[int, Widths, float, Measure] | None = None

    # --- what is seen ------------------------------------------------------------------------------

    def saw(self, seen: RoundSeen, after: tuple[MarkAfter, ...] = ()) -> None:
        """A round ended; `after` are the marks that followed it, of one that is told of long after."""
        key, at = f"{seen.source}|{seen.parent_id}", (seen.rfq_id, seen.round)
        order = self._orders.get(key)
        price = _filled_at(seen.asks)
        if price is not None:
            # Of our own orders rounds come in the order of their times: one that never failed has nothing to tell.
            if order is not None or seen.source:
                self._order(key).fills[at] = seen.sent_ns, price
                if not seen.source:
                    self._requests[seen.rfq_id] = key
                self._made = None
            return
        mark = seen.mark_decision
        if mark is None or mark.price <= 0:
            return
        order, price = self._order(key), float(mark.price)
        order.rounds[at] = seen.sent_ns, _let_go(seen.asks)
        if not seen.source:
            self._requests[seen.rfq_id] = key
        if order.first is None or seen.sent_ns < order.first.sent_ns:
            order.first = _Failed(
                seen.sent_ns,
                seen.side.sign,
                price,
                seen.bond.security_id,
                seen.segment,
                seen.size,
                seen.adv_size,
                # Without a parent, another system's next try is another order to us.
                not seen.source or seen.parent_id != seen.rfq_id,
            )
        _look(order, seen.decided_ns if seen.decided_ns is not None else seen.closed_ns, price)
        for each in after:
            if each.mark is not None and each.mark.price > 0:
                _look(order, seen.closed_ns + _AFTER_NS[each.horizon], float(each.mark.price))
        self._made = None

    def amended(self, rfq_id: str, round_number: int, now: tuple[AskSeen, ...], was: tuple[AskSeen, ...] = ()) -> None:
        """Of a round of ours more became known: it was filled after all, or is not any more, or somebody had quoted."""
        key = self._requests.get(rfq_id)
        order = self._orders.get(key) if key is not None else None
        at = rfq_id, round_number
        if key is None or order is None:
            return
        if at in order.fills and _filled_at(was) is not None and _filled_at(now) is None:
            del order.fills[at]
            self._made = None
        if at not in order.rounds:
            return
        self._made = None
        price, let_go = _filled_at(now), _let_go(now)
        sent_ns, known = order.rounds[at]
        if price is None:
            edges = [edge for edge in (known, let_go) if edge is not None]
            order.rounds[at] = sent_ns, max(edges, default=None)
        elif order.first is not None and sent_ns <= order.first.sent_ns:
            self._forget(key)
        else:
            order.fills[at] = sent_ns, price

    def marked(self, rfq_id: str, at_ns: int, price: float) -> None:
        """The mark some time after a round of ours."""
        key = self._requests.get(rfq_id)
        if key is not None and price > 0:
            _look(self._orders[key], at_ns, price)
            self._made = None

    def _order(self, key: str) -> _Order:
        order = self._orders.get(key)
        if order is None:
            while len(self._orders) >= ORDERS_MAX:
                self._forget(next(iter(self._orders)))
            order = self._orders[key] = _Order()
        return order

    def _forget(self, key: str) -> None:
        for rfq_id, _ in self._orders.pop(key).rounds:
            self._requests.pop(rfq_id, None)

    # --- what it comes to --------------------------------------------------------------------------

    def cost(
        self,
        day: int,
        widths: Widths,
        usual_edge: Callable[[str], float],
        prior_bps: float | None = None,
    ) -> Measure:
        """C, by what was seen before `day`; `prior_bps` in place of the parameters' own.

        `usual_edge` is what a dealer's quote is worth in a segment, over the width; it changes as `widths` do.
        """
        p = self.parameters
        prior = p.prior_bps if prior_bps is None else prior_bps
        made = self._made
        if made is not None and made[0] == day and made[1] is widths and made[2] == prior:
            return made[3]
        costs = width_sum = weights = squares = 0.0
        found: list[tuple[float, float, float]] = []
        for weight, width, cost in self._known(day, widths, usual_edge):
            costs += weight * cost
            width_sum += weight * width
            weights += weight
            squares += weight * weight
            found.append((weight, width, cost))
        total = p.strength + width_sum
        mean = (p.strength * prior + costs) / total
        around = sum(weight * (cost - mean * width) ** 2 for weight, width, cost in found)
        sd = math.sqrt(p.strength * p.sd_bps**2 + around) / total
        n_eff = weights * weights / squares if squares > 0 else 0.0
        measure = Measure(mean, sd, mean - _Z90 * sd, mean + _Z90 * sd, n_eff)
        self._made = day, widths, prior, measure
        return measure

    def _known(
        self, day: int, widths: Widths, usual_edge: Callable[[str], float]
    ) -> Iterator[tuple[float, float, float]]:
        """(weight, width, cost) of every order of which it is known what putting it off has cost."""
        p = self.parameters
        for order in self._orders.values():
            first = order.first
            if first is None:
                continue
            width = widths.of(first.bond, first.quantity, first.adv)
            fill = min((fill for fill in order.fills.values() if fill[0] > first.sent_ns), default=None)
            if fill is not None and utc_day(fill[0]) < day:
                known, cost = utc_day(fill[0]), _moved_bps(first, fill[1])
            elif first.is_followed and (known := utc_day(first.sent_ns) + PATIENCE_DAYS) < day:
                # Where the last round had no quote, one before it tells.
                let_go = max(((at, edge) for at, edge in order.rounds.values() if edge is not None), default=None)
                edge = width * usual_edge(first.segment) if let_go is None else let_go[1]
                cost = (_moved_bps(first, order.mark[1]) if order.mark is not None else 0.0) - edge
            else:
                continue
            if known > day - p.window_days:
                bound = p.clip_bps * max(1.0, width)
                yield 0.5 ** ((day - known) / p.half_life_days), width, min(max(cost, -bound), bound)


def _look(order: _Order, at_ns: int, price: float) -> None:
    if order.mark is None or at_ns >= order.mark[0]:
        order.mark = at_ns, price


def _moved_bps(first: _Failed, price: float) -> float:
    return first.sign * (price - first.mark) / first.mark * 1e4


def _filled_at(asks: tuple[AskSeen, ...]) -> float | None:
    """The mean price of what was filled; None where nothing was."""
    fills = [(float(ask.filled), float(ask.fill_price)) for ask in asks if ask.filled and ask.fill_price is not None]
    return sum(size * price for size, price in fills) / sum(size for size, _ in fills) if fills else None


def _let_go(asks: tuple[AskSeen, ...]) -> float | None:
    """The best edge of a quote that could have been taken and was not."""
    edges = [
        ask.edge_bps
        for ask in asks
        if ask.answer is Answer.quote and ask.taken is Taken.no and ask.edge_bps is not None and not ask.withdrawn
    ]
    return max(edges, default=None)
