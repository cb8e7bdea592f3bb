"""A dealer that knows what it truly traded, and tells of it as dealers do: in its own words, and more than once.

It takes what our engine sends as values and answers with ExecutionReport(8) as fields. `Habits` are how it tells: none
of them is a lie, but for `misprints`, where the price on the wire is not that of the trade. What it has `traded` is
what our books are held against.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from decimal import Decimal

from engine.domain.messages import AcceptQuote, AskPlacementStatus, CancelPlacement
from engine.domain.order import Side

LOT = 200_000
"""Coarse, so that fills of one order are often of one size, and what may be taken for each other is."""


@dataclass(slots=True)
class Habits:
    """How one dealer tells of its trades, for a whole history."""

    omits_trade_date: bool
    """Copies of a report come without TradeDate(75)."""
    tells_twice: bool
    """Every fill comes under a second ExecID(17) too, with the same CumQty(14)."""
    ends_by_status: bool
    """ExecType(150)=0 with OrdStatus(39)=4."""
    cites_cancel_alone: bool
    """No OrigClOrdID(41) in the answer to a cancel."""
    acknowledges: bool
    misprints: bool
    """Now and then a price with its point in another place."""
    changes_its_mind: bool
    """Takes trades back, and corrects them; a dealer that tells twice does not."""
    lives_again: bool
    """An order that was filled is open again for what was taken back; else that is canceled."""
    leaves_status: bool
    """OrdStatus(39) stays 2 where a filled order is over with less."""
    cites_trade_alone: bool
    """No ClOrdID(11) where it takes a trade back."""

    @classmethod
    def drawn(cls, rng: random.Random) -> Habits:
        return cls(*(rng.random() < share for share in (0.5, 0.3, 0.3, 0.4, 0.7, 0.2, 0.6, 0.5, 0.3, 0.3)))


@dataclass(slots=True)
class TrueTrade:
    """`names` are the ExecIDs(17) that it may be called by: its own, and those of its corrections."""

    quantity: Decimal
    price: Decimal
    names: list[str]


@dataclass(slots=True)
class TrueOrder:
    """Our order as the dealer has it; it may know it before or after it has answered anything."""

    accept: AcceptQuote
    order_id: str
    traded: Decimal = Decimal(0)
    over: bool = False
    misprinted: bool = False
    trades: list[TrueTrade] = field(default_factory=list)
    """Those that stand."""

    @property
    def leaves(self) -> Decimal:
        return Decimal(0) if self.over else self.accept.quantity - self.traded


Report = dict[int, str]
"""Fields of one ExecutionReport(8)."""


@dataclass(slots=True)
class TrueDealer:
    name: str
    rng: random.Random
    habits: Habits
    orders: dict[str, TrueOrder] = field(default_factory=dict)
    inbox: list[AcceptQuote | CancelPlacement | AskPlacementStatus] = field(default_factory=list)
    outbox: list[Report] = field(default_factory=list)
    told: int = 0

    def take(self) -> None:
        """What came first from us; a session keeps its order."""
        said = self.inbox.pop(0)
        if isinstance(said, AcceptQuote):
            self.orders[said.placement_id] = TrueOrder(said, f"{self.name}-{len(self.orders)}")
            if self.habits.acknowledges:
                self._tell(self.orders[said.placement_id], "0", "0")
            return
        order = self.orders.get(said.placement_id)
        if isinstance(said, AskPlacementStatus):
            self._status(said, order)
        elif order is not None and not order.over:
            order.over = True
            ids = (
                {11: said.cancel_id} if self.habits.cites_cancel_alone else {11: said.cancel_id, 41: said.placement_id}
            )
            self._tell(order, "0" if self.habits.ends_by_status else "4", "4", ids)

    def trade(self, order: TrueOrder) -> None:
        """A part or the whole of what is left; a trade is a trade whatever becomes of the report."""
        lots = int(order.leaves) // LOT
        last = Decimal(LOT * self.rng.choice((lots, *(self.rng.randint(1, lots) for _ in range(3)))))
        order.traded += last
        status = "2" if order.traded == order.accept.quantity else "1"
        price = order.accept.price
        if self.habits.misprints and self.rng.random() < 0.3:
            order.misprinted = True
            price = price * self.rng.choice((Decimal("0.1"), Decimal(10), Decimal("1.001")))
        name = ""
        for _ in range(2 if self.habits.tells_twice else 1):
            told = self._tell(order, "F", status, {32: f"{last:f}", 31: f"{price:f}", 75: "20261123"})
            name = name or told
        order.trades.append(TrueTrade(last, order.accept.price, [name]))
        order.over = status == "2"

    def changeable(self) -> list[TrueOrder]:
        """Orders of which a trade may be taken back or corrected."""
        if not self.habits.changes_its_mind or self.habits.tells_twice:
            return []
        return [order for order in self.orders.values() if order.trades]

    def take_back(self, order: TrueOrder) -> None:
        """A trade never was."""
        trade = order.trades.pop(self.rng.randrange(len(order.trades)))
        status = self._less(order, trade.quantity)
        last: Report = self.rng.choice(({}, {32: "0", 31: "0"}, {32: f"{trade.quantity:f}", 31: f"{trade.price:f}"}))
        self._tell(order, "H", status, {19: self.rng.choice(trade.names), **last})
        if self.habits.cites_trade_alone:
            del self.outbox[-1][11], self.outbox[-1][37]

    def correct(self, order: TrueOrder) -> None:
        """A trade had another size, another price, or both."""
        trade = self.rng.choice(order.trades)
        sign = order.accept.side.sign
        most = int(trade.quantity + order.leaves) // LOT
        quantity = Decimal(LOT * self.rng.randint(1, most)) if self.rng.random() < 0.6 else trade.quantity
        trade.price = order.accept.price - sign * Decimal("0.01") * self.rng.randint(0, 3)
        more, trade.quantity = quantity - trade.quantity, quantity
        if more < 0:
            status = self._less(order, -more)
        else:
            order.traded += more
            whole = order.traded == order.accept.quantity
            status = "2" if whole else "4" if order.over else "1"
            order.over = order.over or whole
        told = {32: f"{quantity:f}", 31: f"{trade.price:f}", 75: "20261123"}
        trade.names.append(self._tell(order, "G", status, {19: self.rng.choice(trade.names), **told}))

    def _less(self, order: TrueOrder, quantity: Decimal) -> str:
        """So much less is traded; where the order stands then."""
        was_filled = order.traded == order.accept.quantity
        order.traded -= quantity
        if order.over and not (was_filled and self.habits.lives_again):
            return "2" if was_filled and self.habits.leaves_status else "4"
        order.over = False
        return "1" if order.traded else "0"

    def end(self, order: TrueOrder) -> None:
        """It does no more of it: a rejection if it did nothing, else the rest is canceled."""
        order.over = True
        if order.traded or self.rng.random() < 0.5:
            self._tell(order, "0" if self.habits.ends_by_status else "4", "4")
        else:
            self._tell(order, "8", "8")

    def copy_of(self, report: Report) -> Report:
        """The same again with PossResend(97)=Y."""
        return {tag: value for tag, value in report.items() if tag != 75 or not self.habits.omits_trade_date}

    def _status(self, said: AskPlacementStatus, order: TrueOrder | None) -> None:
        if order is None:
            unknown = {11: said.placement_id, 37: "NONE", 103: "5", 14: "0", 151: "0"}
            self.outbox.append({**self._plain("I", "8"), **unknown, **_instrument(said.security_id, said.side)})
            return
        whole, traded = order.accept.quantity, order.traded
        over = "4" if traded or self.rng.random() < 0.5 else "8"
        self._tell(order, "I", "2" if traded == whole else over if order.over else "1" if traded else "0")

    def _tell(self, order: TrueOrder, exec_type: str, status: str, more: Report | None = None) -> str:
        """Its ExecID(17)."""
        accept = order.accept
        counts = {14: f"{order.traded:f}", 151: f"{accept.quantity - order.traded:f}" if status in "01" else "0"}
        ids = {11: accept.placement_id, 37: order.order_id}
        instrument = _instrument(accept.security_id, accept.side)
        report = {**self._plain(exec_type, status), **ids, **instrument, **counts, **(more or {})}
        self.outbox.append(report)
        return report[17]

    def _plain(self, exec_type: str, status: str) -> Report:
        self.told += 1
        return {17: f"{self.name}{self.told}", 150: exec_type, 39: status}


def _instrument(security_id: str, side: Side) -> Report:
    return {55: "[N/A]", 48: security_id, 22: "4", 54: "1" if side is Side.buy else "2"}
