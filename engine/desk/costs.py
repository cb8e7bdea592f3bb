"""What trades cost, kept as marks come due: by order, dealer, rule, trader and segment, over any span of days.

A projection of the events, as `dealers.stats` is one: `fold` takes them live and on a restart and comes out at the same
numbers. The formulas are `market.tca`. Beside its event it reads of the state what was settled before it, such as an
order's side or the mark of its first request.

    shortfall       against the mark when the desk had the order (the decision), of what was filled and what was not
    improvement     of a fill against the mark when the first dealer was asked (the arrival)
    drift           of the mark from the round's first request to the fill
    adverse_h       drift of the mark from the round's first request to h after its decision, beyond the benchmark
    edge            of every quote that could be executed, against the mark at its receipt

Each is an observation of its day, its dealer (of a fill the one that traded, of a quote the one that gave it), its
rule, trader and segment. Results of an outside provider, by our ExecID(17), are kept beside ours.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from math import sqrt
from typing import Any, Final

from engine.clock import utc_day
from engine.desk.state import DeskState
from engine.domain import events as e
from engine.domain.observation import Answer, AskSeen, Horizon
from engine.domain.order import MarkUsed, Order
from engine.domain.placement import Fill, Placement
from engine.domain.rfq import Rfq
from engine.market import tca

ORDERS_MAX: Final = 20_000
"""Orders of which the figures are kept one by one, some 3 kB each; the earliest go first."""
DAYS_MAX: Final = 400
"""Days of which the sums are kept, some 150 bytes a name and figure of a day."""

OF_AN_ORDER: Final = ("shortfall",)
OF_A_FILL: Final = (
    "improvement",
    "cover",
    "capture",
    "regret",
    "drift",
    *(f"markout_{horizon}" for horizon in Horizon),
    *(f"reversion_{horizon}" for horizon in Horizon),
    "classic_reversion",
)
OF_A_ROUND: Final = tuple(f"adverse_{horizon}" for horizon in Horizon)
OF_A_QUOTE: Final = ("edge",)
FIGURES: Final = (*OF_AN_ORDER, *OF_A_FILL, *OF_A_ROUND, *OF_A_QUOTE)
"""All in bps but `capture`, which is a share of half the spread."""


class By(StrEnum):
    dealer = "dealer"
    rule = "rule"
    trader = "trader"
    segment = "segment"


@dataclass(slots=True)
class Tally:
    """Observations of one figure: how many, their sum, and the sum of their squares."""

    n: int = 0
    total: float = 0.0
    squares: float = 0.0

    def add(self, value: float, sign: int = 1) -> None:
        self.n += sign
        self.total += sign * value
        self.squares += sign * value * value

    def merge(self, other: Tally, sign: int = 1) -> None:
        self.n += sign * other.n
        self.total += sign * other.total
        self.squares += sign * other.squares

    @property
    def mean(self) -> float | None:
        return self.total / self.n if self.n > 0 else None

    @property
    def se(self) -> float | None:
        """Standard error of the mean; None for fewer than two."""
        if self.n < 2:
            return None
        spread = max(0.0, self.squares - self.total * self.total / self.n)
        return sqrt(spread / (self.n - 1) / self.n)


@dataclass(slots=True)
class Outside:
    """An outside provider's results of one figure, with ours of the same executions."""

    theirs: Tally = field(default_factory=Tally)
    replaced: Tally = field(default_factory=Tally)
    difference: Tally = field(default_factory=Tally)
    """Theirs less ours, where both are known."""


@dataclass(slots=True)
class Both:
    """One figure: ours, and an outside provider's where there are any."""

    ours: Tally = field(default_factory=Tally)
    outside: Outside | None = None

    def merge(self, other: Both) -> None:
        self.ours.merge(other.ours)
        if other.outside is not None:
            mine = self.beside()
            mine.theirs.merge(other.outside.theirs)
            mine.replaced.merge(other.outside.replaced)
            mine.difference.merge(other.outside.difference)

    def beside(self) -> Outside:
        """Where an outside provider's results are counted: hardly a figure has any."""
        if self.outside is None:
            self.outside = Outside()
        return self.outside

    def told(self, outside_first: bool) -> Tally:
        """What counts: ours, or theirs wherever there are any."""
        if not outside_first or self.outside is None:
            return self.ours
        found = Tally()
        found.merge(self.ours)
        found.merge(self.outside.replaced, -1)
        found.merge(self.outside.theirs)
        return found


@dataclass(slots=True)
class Costed:
    """What one order, fill or round is counted under, and its figures."""

    order_id: str
    day: int
    names: tuple[tuple[By, str], ...]
    figures: dict[str, float] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    """Figures that nobody knows, with the reason."""


@dataclass(slots=True)
class FillCosted(Costed):
    exec_id: str = ""
    dealer: str = ""
    sign: int = 1
    price: Decimal = Decimal(0)
    mark: Decimal | None = None
    half_bps: float | None = None
    """Half of bid and offer at the fill."""
    after: dict[str, Decimal] = field(default_factory=dict)
    """The marks that followed it, by horizon."""
    outside: dict[str, tuple[str, float]] = field(default_factory=dict)
    """Of another provider, with its name."""


@dataclass(slots=True)
class OrderCosted:
    """An order's own figures, its fills' and its rounds'."""

    order: Costed
    end: MarkUsed | None = None
    """The mark when it was canceled or expired."""
    fills: dict[str, FillCosted] = field(default_factory=dict)
    rounds: dict[str, Costed] = field(default_factory=dict)


class Costs:
    """All costs. `fold` changes them; whoever shows them only reads."""

    __slots__ = ("_days", "_first_told_as", "_order_of_fill", "_orders")

    def __init__(self) -> None:
        self._orders: dict[str, OrderCosted] = {}
        self._order_of_fill: dict[str, str] = {}
        self._first_told_as: dict[str, str] = {}
        """Of a correction's ExecID(17) the fill's own."""
        self._days: dict[int, dict[tuple[By, str], dict[str, Both]]] = {}

    def fold(self, state: DeskState, event: e.Event) -> None:
        """Take in an event, if it says something of a cost. `state` has it applied already, or all of its turn."""
        handler = _HANDLERS.get(type(event))
        if handler is not None:
            handler(self, state, event)

    # --- looking -----------------------------------------------------------------------------------

    def of_order(self, order_id: str) -> OrderCosted | None:
        return self._orders.get(order_id)

    def of_fill(self, exec_id: str) -> FillCosted | None:
        return self._fill_of(exec_id)

    def by(self, by: By, first_day: int, last_day: int) -> dict[str, dict[str, Both]]:
        """Per name and figure, over these UTC days, both included; names in alphabetical order."""
        found: dict[str, dict[str, Both]] = {}
        for day, cells in self._days.items():
            if first_day <= day <= last_day:
                for (kind, name), figures in cells.items():
                    if kind is by:
                        mine = found.setdefault(name, {})
                        for figure, both in figures.items():
                            mine.setdefault(figure, Both()).merge(both)
        return dict(sorted(found.items()))

    def dump(self) -> tuple[dict[str, str], dict[int, dict[str, str]]]:
        """Everything, as values that can be compared."""
        days = {
            day: {f"{by}|{name}": repr(sorted(figures.items())) for (by, name), figures in cells.items()}
            for day, cells in self._days.items()
        }
        return {order_id: repr(found) for order_id, found in self._orders.items()}, days

    # --- orders ------------------------------------------------------------------------------------

    def _begin(self, state: DeskState, event: e.OrderReceived) -> None:
        if len(self._orders) >= ORDERS_MAX:
            earliest = next(iter(self._orders))
            for exec_id in self._orders.pop(earliest).fills:
                self._forget(exec_id)
        self._orders[event.order_id] = OrderCosted(Costed(event.order_id, utc_day(event.at_ns), ()))

    def _sent(self, state: DeskState, event: e.RfqOpened) -> None:
        """By which rule and by whom it is sent is known from then on."""
        known = self._orders.get(event.order_id)
        if known is not None and not known.order.names:
            known.order.names = _names(state, state.orders[event.order_id])

    def _end(self, state: DeskState, event: e.OrderCanceled | e.OrderExpired) -> None:
        known = self._orders.get(event.order_id)
        if known is not None:
            known.end = event.mark
        self._shortfall(state, event.order_id, event.mark)

    def _replaced(self, state: DeskState, event: e.OrderReplaced) -> None:
        order = state.orders[event.order_id]
        if order.filled >= order.terms.quantity:
            self._shortfall(state, event.order_id, None)

    def _shortfall(self, state: DeskState, order_id: str, end: MarkUsed | None) -> None:
        known, order = self._orders.get(order_id), state.orders[order_id]
        if known is None:
            return
        left = order.terms.quantity - order.filled
        reason = ""
        if order.arrival is None:
            reason = "no mark when the order came"
        elif left and end is None:
            reason = "no mark at the order's end"
        if reason:
            self._drop(known.order, "shortfall")
            known.order.missing["shortfall"] = reason
            return
        assert order.arrival is not None
        known.order.names = known.order.names or _names(state, order)
        average = order.average_price if order.filled else None
        at_end = end.price if end is not None else None
        terms = order.terms
        bps = tca.shortfall_bps(terms.side.sign, terms.quantity, order.arrival.price, order.filled, average, at_end)
        self._put(known.order, "shortfall", bps)

    # --- fills -------------------------------------------------------------------------------------

    def _fill(self, state: DeskState, event: e.FillBooked) -> None:
        fill = event.fill
        order = state.orders[fill.order_id]
        known = self._orders.get(fill.order_id)
        if known is None:
            return
        sign = order.terms.side.sign
        costed = FillCosted(
            fill.order_id,
            utc_day(event.at_ns),
            ((By.dealer, fill.dealer), *_names(state, order)),
            exec_id=fill.exec_id,
            dealer=fill.dealer,
            sign=sign,
            price=fill.price,
            mark=event.mark.price if event.mark is not None else None,
            half_bps=event.half_spread_bps or None,
        )
        known.fills[fill.exec_id] = costed
        self._order_of_fill[fill.exec_id] = fill.order_id
        self._by_price(state, costed, fill)
        sent = _sent_mark(_round_of(state, fill))
        self._figure(costed, "drift", "no mark at the request or the fill", _drift, sign, sent, costed.mark)
        if order.filled >= order.terms.quantity:
            self._shortfall(state, fill.order_id, None)

    def _by_price(self, state: DeskState, costed: FillCosted, fill: Fill) -> None:
        """The figures that its price makes, but for those that wait for marks."""
        sign, order, placement = costed.sign, state.orders[fill.order_id], state.placements.get(fill.placement_id)
        arrival = _first_mark(state, order)
        self._figure(costed, "improvement", "no mark when first asked", _improvement, sign, fill.price, arrival)
        reason = "no two-sided mark at the fill"
        self._figure(costed, "capture", reason, _capture, sign, fill.price, costed.mark, costed.half_bps)
        best, cover = _others(_round_of(state, fill), placement)
        self._figure(costed, "cover", "no second quote", _cover, sign, fill.price, cover)
        self._figure(costed, "regret", "no quote was known", _regret, sign, fill.price, best)

    def _canceled(self, state: DeskState, event: e.FillCanceled) -> None:
        """Nothing of it counts any more, another provider's results included."""
        known = self._fill_of(event.fill.exec_id)
        if known is None:
            return
        for figure in {**known.figures, **known.outside}:
            self._take_back(known, figure)
        del self._orders[known.order_id].fills[known.exec_id]
        self._forget(known.exec_id)
        self._shortfall_anew(state, known.order_id)

    def _corrected(self, state: DeskState, event: e.FillCorrected) -> None:
        known = self._fill_of(event.fill.exec_id)
        if known is None:
            return
        self._first_told_as[event.fill.told_as] = known.exec_id
        known.price = event.fill.price
        self._by_price(state, known, event.fill)
        for horizon, after in known.after.items():
            self._put(known, f"markout_{horizon}", _markout(known.sign, known.price, after) + 0.0)
        self._shortfall_anew(state, known.order_id)

    def _shortfall_anew(self, state: DeskState, order_id: str) -> None:
        """Of an order whose fills have changed: none while it is open again."""
        known = self._orders[order_id]
        if state.orders[order_id].open:
            self._drop(known.order, "shortfall")
            known.order.missing.pop("shortfall", None)
        else:
            self._shortfall(state, order_id, known.end)

    def _forget(self, exec_id: str) -> None:
        self._order_of_fill.pop(exec_id, None)
        for told_as in [told_as for told_as, first in self._first_told_as.items() if first == exec_id]:
            del self._first_told_as[told_as]

    def _fill_marked(self, state: DeskState, event: e.FillMarked) -> None:
        known = self._fill_of(event.exec_id)
        if known is None:
            return
        after = event.mark.price if event.mark is not None else None
        if after is not None:
            known.after[event.horizon] = after
        reason = event.reason or "no mark at the fill"
        self._figure(known, f"markout_{event.horizon}", reason, _markout, known.sign, known.price, after)
        self._figure(known, f"reversion_{event.horizon}", reason, _reversion, known.sign, known.mark, after)

    def _classic(self, state: DeskState, event: e.ReversionMeasured) -> None:
        known = self._fill_of(event.exec_id)
        if known is not None and event.reversion_bps is not None:
            self._put(known, "classic_reversion", event.reversion_bps)
        elif known is not None:
            known.missing["classic_reversion"] = event.reason

    def _fill_of(self, exec_id: str) -> FillCosted | None:
        exec_id = self._first_told_as.get(exec_id, exec_id)
        order_id = self._order_of_fill.get(exec_id)
        return self._orders[order_id].fills[exec_id] if order_id is not None else None

    # --- rounds and quotes -------------------------------------------------------------------------

    def _round_of(self, state: DeskState, rfq: Rfq, at_ns: int) -> Costed | None:
        known = self._orders.get(rfq.order_id)
        if known is None:
            return None
        costed = known.rounds.get(rfq.rfq_id)
        if costed is None:
            names = _names(state, state.orders[rfq.order_id])
            costed = known.rounds[rfq.rfq_id] = Costed(rfq.order_id, utc_day(at_ns), names)
        return costed

    def _round_marked(self, state: DeskState, event: e.RoundMarked) -> None:
        rfq = state.rfqs[event.rfq_id]
        known = self._round_of(state, rfq, event.at_ns)
        if known is None:
            return
        figure, sent = f"adverse_{event.horizon}", _sent_mark(rfq)
        after = event.mark.price if event.mark is not None else None
        reason = event.reason or "no mark at the request"
        move: float | None = 0.0
        if (rfq.index is None) is not (event.index is None) and after is not None:
            move, reason = None, "no level of the benchmark"
        elif rfq.index is not None and event.index is not None:
            move = tca.index_move_bps(rfq.index, event.index)
        self._figure(known, figure, reason, _adverse, rfq.side.sign, sent, after, move)

    def _round_observed(self, state: DeskState, event: e.RoundObserved) -> None:
        self._quotes(state, event.round.rfq_id, event.at_ns, event.round.asks, 1)

    def _round_amended(self, state: DeskState, event: e.RoundAmended) -> None:
        self._quotes(state, event.rfq_id, event.at_ns, event.was, -1)
        self._quotes(state, event.rfq_id, event.at_ns, event.now, 1)

    def _quotes(self, state: DeskState, rfq_id: str, at_ns: int, asks: tuple[AskSeen, ...], sign: int) -> None:
        names = _names(state, state.orders[state.rfqs[rfq_id].order_id])
        for ask in asks:
            if ask.answer is Answer.quote and ask.edge_bps is not None and ask.priced_ns is not None:
                for name in ((By.dealer, ask.dealer), *names):
                    self._cell(utc_day(ask.priced_ns), name, "edge").ours.add(ask.edge_bps, sign)

    # --- another provider's ------------------------------------------------------------------------

    def _outside(self, state: DeskState, event: e.TcaReceived) -> None:
        for result in event.results:
            known = self._fill_of(result.exec_id)
            if known is None:
                continue
            for figure, bps in zip(event.figures, result.bps, strict=True):
                if bps is not None:
                    self._take_back(known, figure)
                    known.outside[figure] = (event.source, bps)
                    self._count(known, figure)

    # --- counting ----------------------------------------------------------------------------------

    def _figure(self, known: Costed, figure: str, reason: str, formula: Callable[..., float], *facts: Any) -> None:
        """Count a figure, unless something that it is made of is not known."""
        if any(fact is None for fact in facts):
            known.missing[figure] = reason
        else:
            self._put(known, figure, formula(*facts) + 0.0)  # No negative zero.

    def _put(self, known: Costed, figure: str, value: float) -> None:
        self._take_back(known, figure)
        known.missing.pop(figure, None)
        known.figures[figure] = value
        self._count(known, figure)

    def _drop(self, known: Costed, figure: str) -> None:
        self._take_back(known, figure)
        known.figures.pop(figure, None)

    def _take_back(self, known: Costed, figure: str) -> None:
        self._count(known, figure, -1)

    def _count(self, known: Costed, figure: str, sign: int = 1) -> None:
        ours = known.figures.get(figure)
        theirs = known.outside.get(figure) if isinstance(known, FillCosted) else None
        if ours is None and theirs is None:
            return
        for name in known.names:
            cell = self._cell(known.day, name, figure)
            if ours is not None:
                cell.ours.add(ours, sign)
            if theirs is not None:
                beside = cell.beside()
                beside.theirs.add(theirs[1], sign)
                if ours is not None:
                    beside.replaced.add(ours, sign)
                    beside.difference.add(theirs[1] - ours, sign)

    def _cell(self, day: int, name: tuple[By, str], figure: str) -> Both:
        cells = self._days.get(day)
        if cells is None:
            if len(self._days) >= DAYS_MAX:
                del self._days[min(self._days)]
            cells = self._days[day] = {}
        return cells.setdefault(name, {}).setdefault(figure, Both())

    def let_go(self) -> Iterator[None]:
        """Empty what nobody needs any more, a part a step."""
        while self._orders:
            self._orders.popitem()
            yield
        while self._days:
            self._days.popitem()
            yield
        self._order_of_fill.clear()
        self._first_told_as.clear()


# --- what the figures are made of -----------------------------------------------------------------


def _names(state: DeskState, order: Order) -> tuple[tuple[By, str], ...]:
    """The rule, the trader and the segment of an order."""
    advice = state.recommendations.get(order.order_id)
    rfq = state.rfqs.get(order.rfq_id)
    sender = rfq.opened_by.removeprefix("person:") if rfq is not None and rfq.opened_by.startswith("person:") else ""
    trader = order.terms.trader or sender
    rule = advice.rule if advice is not None else ""
    return (By.rule, rule or "none"), (By.trader, trader or "none"), (By.segment, order.facts.segment)


def _round_of(state: DeskState, fill: Fill) -> Rfq | None:
    placement = state.placements.get(fill.placement_id)
    return state.rfqs.get(placement.rfq_id) if placement is not None else None


def _first_mark(state: DeskState, order: Order) -> Decimal | None:
    """When the first dealer was asked of it."""
    rounds = state.rounds_of(order.order_id)
    return _sent_mark(rounds[0]) if rounds else None


def _sent_mark(rfq: Rfq | None) -> Decimal | None:
    """When the first dealer was asked in a round."""
    if rfq is None or not rfq.asks or rfq.asks[0].mark is None:
        return None
    return rfq.asks[0].mark.price


def _others(rfq: Rfq | None, placement: Placement | None) -> tuple[Decimal | None, Decimal | None]:
    """The best quote that lived when one was accepted, and the best of another dealer: the cover."""
    if rfq is None or placement is None:
        return None, None
    live = living(rfq, placement.sent_ns)
    others = [price for dealer, price in live if dealer != placement.dealer]
    return live[0][1] if live else None, others[0] if others else None


def living(rfq: Rfq, at_ns: int) -> list[tuple[str, Decimal]]:
    """Dealer and price of every quote of a round that could be executed at a time, the best first."""
    live = [
        (quote.price * rfq.side.sign, quote.price, ask.dealer)
        for ask in rfq.asks
        for quote in ask.quotes
        if quote.price is not None
        and not quote.problem
        and not quote.withdrawn
        and quote.received_ns <= at_ns
        and (quote.firm_until_ns is None or quote.firm_until_ns > at_ns)
    ]
    return [(dealer, price) for _, price, dealer in sorted(live)]


def _improvement(s: int, price: Decimal, arrival: Decimal) -> float:
    return tca.price_improvement_bps(s, price, arrival)


def _drift(s: int, sent: Decimal, executed: Decimal) -> float:
    return tca.rfq_drift_bps(s, sent, executed)


def _capture(s: int, price: Decimal, mid: Decimal, half_spread_bps: float) -> float:
    return tca.spread_capture(s, price, mid, mid * Decimal(repr(half_spread_bps)) / 10_000)


def _cover(s: int, price: Decimal, cover: Decimal) -> float:
    return tca.cover_distance_bps(s, price, cover)


def _regret(s: int, price: Decimal, best: Decimal) -> float:
    return tca.best_quote_regret_bps(s, price, best)


def _markout(s: int, price: Decimal, after: Decimal) -> float:
    return tca.markout_bps(s, price, after)


def _reversion(s: int, executed: Decimal, after: Decimal) -> float:
    return tca.reversion_bps(s, executed, after)


def _adverse(s: int, sent: Decimal, after: Decimal, index_move_bps: float) -> float:
    return tca.adverse_drift_bps(s, sent, after, index_move_bps)


_HANDLERS: Final[Mapping[type[e.Event], Callable[[Costs, DeskState, Any], None]]] = {
    e.OrderReceived: Costs._begin,
    e.RfqOpened: Costs._sent,
    e.OrderReplaced: Costs._replaced,
    e.OrderCanceled: Costs._end,
    e.OrderExpired: Costs._end,
    e.FillBooked: Costs._fill,
    e.FillCanceled: Costs._canceled,
    e.FillCorrected: Costs._corrected,
    e.FillMarked: Costs._fill_marked,
    e.ReversionMeasured: Costs._classic,
    e.RoundMarked: Costs._round_marked,
    e.RoundObserved: Costs._round_observed,
    e.RoundAmended: Costs._round_amended,
    e.TcaReceived: Costs._outside,
}

COSTED: Final = frozenset(_HANDLERS)
"""The events that say something of a cost."""
