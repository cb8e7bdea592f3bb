"""How a dealer fills orders and tells of it, and what it takes back: chances, and what is drawn from them.

Pure, from (seed, dealer, order or trade) alone, and the same whenever it is asked. None of it is a lie but `misprints`:
what a dealer truly traded is in its store, whatever it says and when.
"""

from __future__ import annotations

import dataclasses
import itertools
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from .prices import draw

LOT = Decimal(1_000)
CORRECTED_BY = (Decimal("-0.05"), Decimal("-0.01"), Decimal("0.01"))
"""What a corrected price costs whom it traded with, in points: the first two are to their favour."""


@dataclass(frozen=True, slots=True)
class Habits:
    """Chances, 0 to 1, of an order or of a fill; all 0: whole fills, told once, and never a second thought."""

    parts: float = 0.0  # an order is filled in two or three parts
    stops: float = 0.0  # ... and the last of them never comes: the rest is canceled
    by_status: float = 0.0  # ... by ExecType(150)=0 with OrdStatus(39)=4
    shuffles: float = 0.0  # the reports of an order leave in another order than they were made in
    repeats: float = 0.0  # a report comes once more with PossResend(97)=Y
    bare_repeats: float = 0.5  # ... and such a copy lacks TradeDate(75)
    twice: float = 0.0  # a trade is told under a second ExecID(17) too, with the same CumQty(14)
    silent: float = 0.0  # a trade is never told of
    by_cancel: float = 0.0  # the answer to our cancel is without OrigClOrdID(41)
    drops: float = 0.0  # the connection breaks with a report on its way
    misprints: float = 0.0  # a price with its point in another place, put right by nobody
    busts: float = 0.0  # a trade is canceled afterwards (150=H)
    corrects: float = 0.0  # a trade is corrected afterwards (150=G), in price or in quantity
    early: float = 0.0  # such an afterthought leaves before the report that it is about
    reopens: float = 0.0  # after a cancel of a trade the order is worked on, and filled again
    reports: float = 0.0  # the trades of an order are told by TradeCaptureReport(AE) too, before the 8 or behind it
    reports_alone: float = 0.0  # ... by AE alone
    nameless: float = 0.0  # ... without ExecID(17)
    afterwards_s: float = 120.0  # most seconds until an afterthought

    @classmethod
    def parse(cls, text: str) -> Habits:
        """`busts=0.2,parts=0.5`. Raises ValueError for what is no such chance."""
        found: dict[str, float] = {}
        for each in filter(None, text.split(",")):
            name, _, value = each.partition("=")
            if name not in cls.__dataclass_fields__:
                raise ValueError(f"{name!r} is none of {', '.join(cls.__dataclass_fields__)}")
            found[name] = float(value)
            if not 0 <= found[name] <= (1 if name != "afterwards_s" else 86_400):
                raise ValueError(f"{name} is a chance from 0 to 1, found {value}")
        return cls(**found)

    def __str__(self) -> str:
        return ",".join(f"{name}={value:g}" for name, value in dataclasses.asdict(self).items())


class Channel(StrEnum):
    """By what the trades of an order are told."""

    EXECUTIONS = "8"
    REPORTS = "AE"
    BOTH = "8 and AE"


class Afterwards(StrEnum):
    """What a dealer thinks of a trade later."""

    NOTHING = "nothing"
    BUST = "bust"
    PRICE = "price"
    QUANTITY = "quantity"


@dataclass(frozen=True, slots=True)
class OrderPlan:
    """How an order is filled once it is."""

    parts: tuple[Decimal, ...]
    stops: bool
    """The last part never comes."""
    by_status: bool
    shuffled: bool
    by_cancel: bool
    channel: Channel
    nameless: bool


@dataclass(frozen=True, slots=True)
class TradePlan:
    """What is said of one trade, and thought of it later. Delays in seconds of the scaled clock."""

    told_after_s: float
    repeated_after_s: float | None
    bare: bool
    twice: bool
    silent: bool
    drops: bool
    misprint: Decimal | None
    """What the price on the wire is multiplied by."""
    afterwards: Afterwards
    afterwards_s: float
    early: bool
    moves_by: Decimal
    reopens: bool
    then_busted: bool
    """What was corrected is canceled after all, once more so much later."""
    names_latest: bool
    """... by the ExecID(17) that the correction left behind, not by the trade's own."""
    report_lag_s: float
    """How much later than the 8 its AE comes; earlier, where it is below 0."""
    two_sided: bool
    """The AE has the dealer's own side too."""


def plan_order(habits: Habits, seed: int, dealer: str, order_id: str, quantity: Decimal) -> OrderPlan:
    dice = draw(seed, dealer, "parts", order_id)
    parts: tuple[Decimal, ...] = (quantity,)
    if dice.random() < habits.parts and quantity >= 10 * LOT:
        cuts = sorted(dice.sample(range(1, 10), dice.choice((1, 1, 2))))
        edges = [Decimal(0), *((quantity * cut / 10 // LOT) * LOT for cut in cuts), quantity]
        parts = tuple(after - before for before, after in itertools.pairwise(edges))
    stops = len(parts) > 1 and dice.random() < habits.stops
    chances = (habits.by_status, habits.shuffles, habits.by_cancel)
    by_status, shuffled, by_cancel = [dice.random() < chance for chance in chances]
    dice = draw(seed, dealer, "reports", order_id)
    alone, both, nameless = dice.random(), dice.random(), dice.random() < habits.nameless
    channel = Channel.BOTH if both < habits.reports else Channel.EXECUTIONS
    channel = Channel.REPORTS if alone < habits.reports_alone else channel
    return OrderPlan(parts, stops, by_status, shuffled, by_cancel, channel, nameless)


def plan_trade(habits: Habits, seed: int, dealer: str, trade_id: str, *, shuffled: bool) -> TradePlan:
    dice = draw(seed, dealer, "trade", trade_id)
    chance = dice.random()
    corrected = dice.choice((Afterwards.PRICE, Afterwards.QUANTITY))
    afterwards = Afterwards.NOTHING
    if chance < habits.busts:
        afterwards = Afterwards.BUST
    elif chance < habits.busts + habits.corrects:
        afterwards = corrected
    misprint = dice.choice((Decimal("0.1"), Decimal(10)))
    lag = draw(seed, dealer, "report", trade_id)
    late_s, again_s = dice.uniform(0.0, 20.0), dice.uniform(0.2, habits.afterwards_s)
    return TradePlan(
        told_after_s=late_s if shuffled else 0.0,
        repeated_after_s=again_s if dice.random() < habits.repeats else None,
        bare=dice.random() < habits.bare_repeats,
        twice=dice.random() < habits.twice,
        silent=dice.random() < habits.silent,
        drops=dice.random() < habits.drops,
        misprint=misprint if dice.random() < habits.misprints else None,
        afterwards=afterwards,
        afterwards_s=dice.uniform(1.0, habits.afterwards_s),
        early=dice.random() < habits.early,
        moves_by=dice.choice(CORRECTED_BY),
        reopens=dice.random() < habits.reopens,
        then_busted=dice.random() < habits.busts,
        names_latest=dice.random() < 0.5,
        report_lag_s=lag.choice((-1, 1)) * lag.uniform(0.05, 4.0),
        two_sided=lag.random() < 0.5,
    )
