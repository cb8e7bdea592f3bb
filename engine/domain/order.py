"""The OMS's (or a trader's) order as the desk knows it.

Quantities are face amount, prices clean percent of par, times UTC nanoseconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import IntEnum, StrEnum

from engine.domain.exchange import RateUsed
from engine.domain.instrument import BondTraits
from engine.domain.rows import row

ZERO = Decimal(0)


class Side(StrEnum):
    """Which way the desk trades."""

    buy = "buy"
    sell = "sell"

    @property
    def sign(self) -> int:
        """+1 for a buy, -1 for a sell: the `s` of every cost formula."""
        return 1 if self is Side.buy else -1


class TimeInForce(StrEnum):
    """How long the order may live: the four that the OMS side accepts."""

    day = "day"
    gtd = "gtd"
    ioc = "ioc"
    fok = "fok"


class Handling(StrEnum):
    """HandlInst(21): may the rule book act alone, or must a person?"""

    automatic = "automatic"
    intervention = "intervention"
    manual = "manual"


class OrderState(StrEnum):
    """What is true of the order now; the table of moves is in `engine.domain.moves`."""

    with_trader = "with_trader"
    asking = "asking"
    placed = "placed"
    filled = "filled"
    canceled = "canceled"
    expired = "expired"


class OrderStatus(StrEnum):
    """How whoever gave an order sees it; of ours at a dealer, we. The values are the journal's spelling."""

    pending_new = "A"
    new = "0"
    partially_filled = "1"
    filled = "2"
    canceled = "4"
    pending_cancel = "6"
    rejected = "8"
    expired = "C"
    pending_replace = "E"


class OrderRefusal(IntEnum):
    """Why an order is not taken, or not known. The values are the journal's spelling."""

    unknown_security = 1
    too_late = 4
    unknown_order = 5
    duplicate = 6
    unsupported = 11
    incorrect_quantity = 13
    other = 99


class CancelProblem(StrEnum):
    """Why a cancel, or a change, of an order is refused."""

    too_late = "too late"
    unknown_order = "unknown order"
    already_pending = "already pending"
    duplicate = "duplicate"
    other = "other"


@row
@dataclass(frozen=True, slots=True)
class OrderTerms:
    """What was asked of the desk; other terms take their place only when whoever gave the order replaces it.

    `session` is the OMS session's key, empty for an order that a trader entered. `limit_price` is None
    for a market order. `expire_ns` is set for `gtd`; every other order ends with its UTC day at the latest.
    """

    cl_ord_id: str
    session: str
    account: str
    trader: str
    security_id: str
    side: Side
    quantity: Decimal
    limit_price: Decimal | None
    tif: TimeInForce
    handling: Handling
    currency: str
    transact_ns: int
    expire_ns: int | None = None
    settl_date: str = ""
    """The day of settlement that was asked for, `YYYYMMDD`; empty where none was."""
    settl_days: int | None = None
    """Days after the trade that settlement was asked for; None: the usual ones."""
    noted: tuple[str, ...] = ()
    """Terms that came with it and have no effect here, as `Tag(number)=value`."""
    cusip: str = ""
    """The CUSIP that it named its bond by, and by which it is told of; empty where that is the ISIN."""


@row
@dataclass(frozen=True, slots=True)
class OrderFacts:
    """What the desk looked up when the order came, kept because reference data changes.

    `segment` is the dealer-stats segment, `adv_30d` face amount a business day; None is unknown. `similar` is what an
    older engine told bonds like this one by; `traits` is what they are told by now. `volatility_bps` is the standard
    deviation of a day's change of price, made of `volatility_n` of them. `impact_bps` is what the order's own size is
    expected to move, `impact_low_bps` and `impact_high_bps` its 90 % interval; with half of bid and offer,
    `half_spread_bps`, it is the expected cost.
    """

    issuer: str
    asset_class: str
    segment: str
    similar: str
    rating: str | None
    adv_30d: Decimal | None
    liquidity_score: int | None
    day: int
    traits: BondTraits | None = None
    days_since_trade: int | None = None
    volatility_bps: float | None = None
    volatility_n: int = 0
    half_spread_bps: float | None = None
    impact_bps: float | None = None
    impact_low_bps: float | None = None
    impact_high_bps: float | None = None
    rate: RateUsed | None = None
    """What its currency was worth: of an order in the base currency none, nor where nobody knew."""

    @property
    def worth(self) -> Decimal | None:
        """Of one unit of its currency, in the base currency; None of the base currency itself."""
        return None if self.rate is None else self.rate.worth

    @property
    def cost_bps(self) -> float | None:
        """What it is expected to cost: half a spread and its own impact; None where either is unknown."""
        if self.half_spread_bps is None or self.impact_bps is None:
            return None
        return self.half_spread_bps + self.impact_bps


@row
@dataclass(frozen=True, slots=True)
class MarkUsed:
    """The price a decision leaned on: where from, how old, how good.

    `sd_bps` is what the source's price is off by, one standard deviation; None where an older engine kept none.
    """

    price: Decimal
    source: str
    age_ns: int
    quality: str
    sd_bps: float | None = None


@row
@dataclass(frozen=True, slots=True)
class Order:
    """One order through its life."""

    order_id: str
    terms: OrderTerms
    facts: OrderFacts
    state: OrderState
    received_ns: int
    arrival: MarkUsed | None
    manual_reason: str = ""
    """Why no rule may send it by itself (stale, HandlInst 3, in doubt); empty when a rule may."""
    duplicate_of: str = ""
    """An order like it within the duplicate window: nobody is asked until a person says it is meant."""
    filled: Decimal = ZERO
    filled_value: Decimal = ZERO
    """Sum of price x quantity of the fills: percent of par x face amount."""
    rfq_id: str = ""
    placement_id: str = ""
    """The latest acceptance of a quote for it; at most one waits for its answer."""
    rounds: int = 0
    cancel_cl_ord_id: str = ""
    """ClOrdID(11) of an OrderCancelRequest(F) that has been accepted but not yet decided."""
    wanted: OrderTerms | None = None
    """The terms of an OrderCancelReplaceRequest(G) that waits for a dealer's answer."""
    again_ns: int = 0
    """When the rule book is to look at an order that is with the trader once more, 0 for never."""
    note: str = ""
    """Why it is with the trader, in words."""
    ended_ns: int = 0
    """When it was filled, canceled or expired; 0 while it is open."""
    ended_as: OrderState | None = None
    """Of one that was filled after its end: how it had ended."""

    @property
    def open(self) -> bool:
        return self.state in OPEN_STATES

    @property
    def leaves(self) -> Decimal:
        return self.terms.quantity - self.filled if self.open else ZERO

    @property
    def immediate(self) -> bool:
        """Does it end with its first round, or before it?"""
        return self.terms.tif in (TimeInForce.ioc, TimeInForce.fok)

    def out_of_time(self, now_ns: int) -> bool:
        """Has its TimeInForce(59) run out? It ends as soon as no dealer may have filled it."""
        return self.terms.expire_ns is not None and now_ns >= self.terms.expire_ns

    @property
    def average_price(self) -> Decimal:
        return self.filled_value / self.filled if self.filled else ZERO


OPEN_STATES = (OrderState.with_trader, OrderState.asking, OrderState.placed)
