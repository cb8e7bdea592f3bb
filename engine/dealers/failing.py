"""What it costs not to trade: how much worse an order ends than the mark at which its first round failed.

A round that leaves something untraded puts that quantity off. What this has cost is known in one of two ways, in bps,
positive is a cost:

    it trades later      the price against the mark at which it was put off
    it never trades      what the mark has moved until it was last known
                         + what trading would have cost there: the best quote that was let go last, against the mark
                           then

A later fill is not always of what was put off: of an order that is traded in pieces the others would have been filled
anyway. What fails goes to the end of the line: first come the other parts that were still open when the round was over
(its `residual`, less what the round left), and what is filled beyond them is what was put off. The rest of it never
trades. Without a residual nobody knows of other parts, and the next fills count.

Those that never trade are the dear ones: an average of the others is too low. What has not traded within
`PATIENCE_DAYS` is one of them, until it trades after all.

Where nobody quoted, nobody knows what trading would have cost, only that the usual quote could not be had. That is a
lower bound, no price. It is taken to have cost what the quotes that were let go did on the average of such orders, and
not less than the usual quote. The error counts that: it may be as much dearer as the usual quote is cheaper.

As edges are, costs are of the width of the request (`widths`): C is what failing costs in a bond of width 1, and

    C = (strength x prior + sum of w cost) / (strength + sum of w width)

with weights w, the share of the round that was put off, which halve per half-life. That is right however costs scatter
around C x width, and neither a narrow bond whose mark jumps about nor a wide one decides alone. The error is that of
the prior and of what was seen of each order, and of the price that those have in common that nobody quoted:

    variance = (strength x sd^2 + sum of w (cost - C width)^2 + that price's) / (strength + sum of w width)^2

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
_LEAST: Final = 1e-6
"""A smaller share of a quantity is a matter of rounding."""
ORDERS_MAX: Final = 4_096
"""Orders that are remembered; the oldest is forgotten first. So many are made anew in some 40 ms."""
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
    quotes_strength: float = 2.0
    """What quotes cost that were let go is taken to be the prior, too, worth so many orders of width 1."""


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


@dataclass(slots=True)
class _Round:
    """What is known of one round of an order. Quantities are of the bond's currency."""

    sent_ns: int
    closed_ns: int
    sign: int
    mark: float | None
    """When it was decided; without one its failing tells nothing."""
    bond: str
    segment: str
    size: Decimal
    adv: Decimal | None
    quantity: float
    residual: float | None
    filled_first: float
    """Of `filled`, what was known when `residual` was."""
    is_followed: bool
    """Would we know if it had traded later?"""
    fills: dict[str, tuple[int, float, float]] = field(default_factory=dict)
    """By dealer: when, how much, and the price."""
    quotes: dict[str, tuple[float, int | None]] = field(default_factory=dict)
    """Those that nobody accepted, by dealer: the edge in bps, and how long they lived."""
    words: dict[str, int] = field(default_factory=dict)
    """When a dealer that was accepted had its last word."""

    def hear(self, ask: AskSeen) -> None:
        """What is known of one dealer now."""
        self.drop(ask.dealer)
        if ask.filled and ask.fill_price is not None:
            at_ns = ask.decided_ns if ask.decided_ns is not None else self.closed_ns
            self.fills[ask.dealer] = at_ns, float(ask.filled), float(ask.fill_price)
        if ask.taken is not Taken.no:
            self.words[ask.dealer] = ask.decided_ns or ask.accepted_ns or self.closed_ns
        elif ask.answer is Answer.quote and ask.edge_bps is not None and not ask.withdrawn:
            self.quotes[ask.dealer] = ask.edge_bps, ask.valid_until_ns

    def drop(self, dealer: str) -> None:
        """What was known of it holds no longer."""
        for known in (self.fills, self.quotes, self.words):
            known.pop(dealer, None)

    @property
    def let_go(self) -> float | None:
        """The best edge of a quote that could have been taken and was not, in bps.

        Where others were accepted first, a quote that had died by their last word could not.
        """
        over_ns = max(self.words.values(), default=0)
        lived = (edge for edge, until_ns in self.quotes.values() if until_ns is None or until_ns >= over_ns)
        return max(lived, default=None)

    @property
    def open(self) -> float:
        """What it left untraded."""
        left = self.quantity - sum(size for _, size, _ in self.fills.values())
        return left if left > _LEAST * self.quantity else 0.0

    @property
    def elsewhere(self) -> float:
        """Of the order, what was open beside what this round was for, when it was over."""
        if self.residual is None:
            return 0.0
        return max(0.0, self.residual - (self.quantity - self.filled_first))


@dataclass(slots=True)
class _Order:
    rounds: dict[tuple[str, int], _Round] = field(default_factory=dict)
    """By request and round."""
    mark: tuple[int, float] | None = None
    """The last one known: when, and the price."""
    failed: _Failed | None = None
    """What is told of it by its rounds, once that was worked out."""
    is_told: bool = False


@dataclass(frozen=True, slots=True)
class _Failed:
    """The first round of an order that left something untraded, and what became of that. Shares are of the round."""

    first: _Round
    day: int
    share: float
    later: tuple[tuple[int, float, float], ...]
    """By day: the share that was filled later, and how much worse than the mark, in bps."""
    let_go: float | None
    """The best edge of the last quote that was let go."""


@dataclass(frozen=True, slots=True)
class _Known:
    """What is known of one order that was put off: its weight, and its cost in a bond of such a width.

    Of the share `unpriced` nobody knows what trading would have cost, but that `usual_bps`, what a quote usually costs,
    could not be had: `cost` is without it. `let_go` is the same of the share that had a price: how much, at what cost.
    """

    weight: float
    width: float
    cost: float
    unpriced: float = 0.0
    usual_bps: float = 0.0
    let_go: tuple[float, float] = (0.0, 0.0)


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
        one = _round_of(seen)
        failed = one.open > 0.0 and one.mark is not None
        # Of our own orders rounds come in the order of their times: one that never failed has nothing to tell.
        if not failed and (not one.fills or (not seen.source and key not in self._orders)):
            return
        order = self._order(key)
        order.rounds[at], order.is_told = one, False
        if not seen.source:
            self._requests[seen.rfq_id] = key
        if one.open > 0.0 and one.mark is not None:
            _look(order, seen.decided_ns if seen.decided_ns is not None else seen.closed_ns, one.mark)
        for each in after if failed else ():
            if each.mark is not None and each.mark.price > 0:
                _look(order, seen.closed_ns + _AFTER_NS[each.horizon], float(each.mark.price))
        self._made = None

    def amended(self, rfq_id: str, round_number: int, now: tuple[AskSeen, ...], was: tuple[AskSeen, ...] = ()) -> None:
        """Of a round of ours more became known: it was filled after all, or is not any more, or somebody had quoted."""
        key = self._requests.get(rfq_id)
        order = self._orders.get(key) if key is not None else None
        one = order.rounds.get((rfq_id, round_number)) if order is not None else None
        if order is None or one is None:
            return
        for ask in was:
            one.drop(ask.dealer)
        for ask in now:
            one.hear(ask)
        order.is_told = False
        self._made = None

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
            if self._requests.get(rfq_id) == key:
                del self._requests[rfq_id]

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
        found = list(self._known(day, widths, usual_edge))
        unquoted_bps, unquoted_variance, scatter = _unquoted(found, prior, p)
        costs = width_sum = weights = squares = shared = floor = own = 0.0
        taken: list[tuple[float, float, float]] = []
        for each in found:
            weight, width = each.weight, each.width
            cost = _clipped(each.cost + each.unpriced * max(unquoted_bps * width, each.usual_bps), width, p)
            costs += weight * cost
            width_sum += weight * width
            weights += weight
            squares += weight * weight
            taken.append((weight, width, cost))
            if each.unpriced:
                # What has no price of its own scatters as those do that have one.
                own += weight * each.unpriced**2 * scatter * width
                shared += weight * each.unpriced * width
                floor += weight * each.unpriced * max(0.0, unquoted_bps * width - each.usual_bps)
        total = p.strength + width_sum
        mean = (p.strength * prior + costs) / total
        around = sum(weight * (cost - mean * width) ** 2 for weight, width, cost in taken)
        # Anything between the bound and as much above the price is as likely: a third of the square of its half.
        unknown = shared * shared * unquoted_variance + floor * floor / 3.0
        sd = math.sqrt(p.strength * p.sd_bps**2 + around + own + unknown) / total
        n_eff = weights * weights / squares if squares > 0 else 0.0
        measure = Measure(mean, sd, mean - _Z90 * sd, mean + _Z90 * sd, n_eff)
        self._made = day, widths, prior, measure
        return measure

    def _known(self, day: int, widths: Widths, usual_edge: Callable[[str], float]) -> Iterator[_Known]:
        """What is known of every order that was put off."""
        p = self.parameters
        for order in self._orders.values():
            if not order.is_told:
                order.failed, order.is_told = _failed(order), True
            failed = order.failed
            if failed is None:
                continue
            first, share, known, filled, cost = failed.first, failed.share, 0, 0.0, 0.0
            for on, part, moved_bps in failed.later:
                if on < day:
                    known, filled, cost = max(known, on), filled + part, cost + part * moved_bps
            gave_up, never = failed.day + PATIENCE_DAYS, share - filled
            if never <= _LEAST * share or not first.is_followed or gave_up >= day:
                share, never = filled, 0.0
            else:
                known = max(known, gave_up)
                cost += never * (_moved_bps(first, order.mark[1]) if order.mark is not None else 0.0)
            if share <= 0.0 or known <= day - p.window_days:
                continue
            width = widths.of(first.bond, first.size, first.adv)
            weight, part = share * 0.5 ** ((day - known) / p.half_life_days), never / share
            if not never:
                yield _Known(weight, width, cost / share)
            elif failed.let_go is None:
                yield _Known(weight, width, cost / share, part, -width * usual_edge(first.segment))
            else:
                quote = weight * part, _clipped(-failed.let_go, width, p)
                yield _Known(weight, width, cost / share - part * failed.let_go, let_go=quote)


def _unquoted(found: list[_Known], prior_bps: float, p: FailingParameters) -> tuple[float, float, float]:
    """What quotes that were let go cost in a bond of width 1; the variance of that, and by what one scatters."""
    costs = sum(each.let_go[0] * each.let_go[1] for each in found)
    total = p.quotes_strength + sum(each.let_go[0] * each.width for each in found)
    mean = (p.quotes_strength * prior_bps + costs) / total
    around = sum(each.let_go[0] * (each.let_go[1] - mean * each.width) ** 2 for each in found)
    scatter = (p.quotes_strength * p.sd_bps**2 + around) / total
    return mean, scatter / total, scatter


def _clipped(cost: float, width: float, p: FailingParameters) -> float:
    bound = p.clip_bps * max(1.0, width)
    return min(max(cost, -bound), bound)


def _round_of(seen: RoundSeen) -> _Round:
    mark = seen.mark_decision
    one = _Round(
        seen.sent_ns,
        seen.closed_ns,
        seen.side.sign,
        float(mark.price) if mark is not None and mark.price > 0 else None,
        seen.bond.security_id,
        seen.segment,
        seen.size,
        seen.adv_size,
        float(seen.quantity),
        None if seen.residual is None else float(seen.residual),
        float(sum(ask.filled for ask in seen.asks)),
        # Without a parent, another system's next try is another order to us.
        not seen.source or seen.parent_id != seen.rfq_id,
    )
    for ask in seen.asks:
        one.hear(ask)
    return one


def _failed(order: _Order) -> _Failed | None:
    """What the rounds of an order tell; None where none left something untraded, or without a mark."""
    rounds = [(each.sent_ns, at, each) for at, each in order.rounds.items() if each.mark is not None and each.open]
    if not rounds:
        return None
    first = min(rounds, key=lambda each: each[:2])[2]
    fills = [fill for each in order.rounds.values() if each is not first for fill in each.fills.values()]
    others, left, later = first.elsewhere, first.open, list[tuple[int, float, float]]()
    for at_ns, size, price in sorted(fills):
        if at_ns > first.closed_ns:
            mine = min(left, size - min(size, others))
            others, left = others - min(size, others), left - mine
            if mine > 0.0:
                later.append((utc_day(at_ns), mine / first.quantity, _moved_bps(first, price)))
    return _Failed(first, utc_day(first.sent_ns), first.open / first.quantity, tuple(later), _last_let_go(order))


def _last_let_go(order: _Order) -> float | None:
    """Where the last round had no quote, one before it tells."""
    edges = [
        (each.sent_ns, each.let_go) for each in order.rounds.values() if each.let_go is not None and each.open > 0.0
    ]
    return max(edges)[1] if edges else None


def _look(order: _Order, at_ns: int, price: float) -> None:
    if order.mark is None or at_ns >= order.mark[0]:
        order.mark = at_ns, price


def _moved_bps(first: _Round, price: float) -> float:
    assert first.mark is not None
    return first.sign * (price - first.mark) / first.mark * 1e4
