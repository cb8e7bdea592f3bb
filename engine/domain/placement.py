"""Our order at one dealer: a quote we accepted, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Final

from engine.domain.exchange import converted
from engine.domain.order import ZERO, MarkUsed, Side
from engine.domain.rows import row

TRADE_REPORTS_MAX: Final = 16
"""So many names of trade reports are kept of one fill."""


class PlacementState(StrEnum):
    """`in_doubt` from its commit until its answer: nobody else is asked to fill that quantity.

    `rejected` is the dealer's no; `undelivered` is its word that it never had the order: no fault of its desk. `busted`
    is over and was filled, but the dealer took every fill back.
    """

    in_doubt = "in_doubt"
    acknowledged = "acknowledged"
    filled = "filled"
    rejected = "rejected"
    canceled = "canceled"
    undelivered = "undelivered"
    withheld = "withheld"
    forced = "forced"
    busted = "busted"


@row
@dataclass(frozen=True, slots=True)
class Placement:
    """One NewOrderSingle(D) that accepts a quote. `placement_id` is its ClOrdID(11), fresh and unguessable."""

    placement_id: str
    order_id: str
    rfq_id: str
    dealer: str
    session: str
    side: Side
    quantity: Decimal
    price: Decimal
    quote_id: str
    security_id: str
    outbox_id: int
    sent_ns: int
    state: PlacementState = PlacementState.in_doubt
    filled: Decimal = ZERO
    status_asked_ns: int = 0
    """When OrderStatusRequest(H) was last sent, 0 before the first."""
    status_asks: int = 0
    person_needed: bool = False
    evidence: str = ""
    dealer_order_id: str = ""
    cancel_id: str = ""
    mark: MarkUsed | None = None
    """What the bond was worth when it was sent."""
    index: Decimal | None = None
    """The level of the segment's benchmark then."""
    ended_ns: int = 0
    """When the dealer's last word came, 0 before."""
    ended_mark: MarkUsed | None = None
    note: str = ""
    """The dealer's reason where the last word is no fill."""
    counted: Decimal | None = None
    """What the dealer last counted as filled where that is not what is booked."""
    status_outbox_id: int = 0
    """What carried the last OrderStatusRequest(H), 0 before the first."""
    cancel_outbox_id: int = 0
    """What carried the last OrderCancelRequest(F), 0 before the first."""
    ends_as: str = ""
    """The state that its last word will end it in, once what is booked is what it counts; empty without one."""
    settl_date: str = ""
    """SettlDate(64) that was asked for, `YYYYMMDD`; empty in older journals."""
    worth: Decimal | None = None
    """Of one unit of its currency in the base currency, when it was sent; None of the base currency itself."""
    called_off: Decimal = ZERO
    """Of an acceptance that lives again because a fill was taken back: what was not to be filled any more by then."""
    awaits_quarantine: bool = False
    """Its last word counts nothing: it takes effect once nothing of it is in quarantine any more."""
    person_counts: bool = False
    """A person is needed for nothing but that the dealer counts otherwise than is booked."""

    @property
    def unanswered(self) -> bool:
        return self.state in (PlacementState.in_doubt, PlacementState.acknowledged)

    @property
    def reserved(self) -> Decimal:
        """What may still be filled there, face amount."""
        return self.quantity - self.filled - self.called_off if self.unanswered else ZERO

    @property
    def reserved_in_base(self) -> Decimal:
        """The same in the base currency."""
        return converted(self.reserved, self.worth)


class Verdict(StrEnum):
    """What became of a fill in quarantine. The values are the journal's spelling."""

    booked = "booked"
    """By a person."""
    rejected = "rejected"
    """By a person: the dealer is told that we do not know the trade."""
    came_again = "came again"
    """Under its own ExecID, and as it could be booked."""
    taken_back = "taken back"
    """By the dealer."""


class DkReason(StrEnum):
    """DKReason(127): why an execution is not taken for ours. The values are the journal's spelling."""

    unknown_symbol = "A"
    wrong_side = "B"
    quantity_exceeds_order = "C"
    no_matching_order = "D"
    price_exceeds_limit = "E"
    other = "Z"


class Telling(StrEnum):
    """How far a dealer has been told that we do not know a trade."""

    nothing = "nothing"
    """There is nothing to tell."""
    waits = "waits"
    """Its session is down: it is told when that is back."""
    sent = "sent"
    lost = "lost"
    """It did not arrive, as far as anybody can tell: a person has to say it again."""


@row
@dataclass(frozen=True, slots=True)
class Fill:
    """One execution, booked once under our own ExecID(17).

    `key` is (session, dealer, our ClOrdID, dealer's ExecID). Money is in the bond's currency;
    what the dealer left out is computed and named in `computed`.
    """

    exec_id: str
    key: str
    order_id: str
    placement_id: str
    dealer: str
    dealer_exec_id: str
    quantity: Decimal
    price: Decimal
    trade_date: str
    settl_date: str
    transact_ns: int
    accrued: Decimal | None = None
    gross: Decimal | None = None
    net: Decimal | None = None
    computed: tuple[str, ...] = ()
    manual: bool = False
    counted: Decimal | None = None
    """The dealer's CumQty(14) with this fill, face amount; None where it does not say."""
    dealer_order_id: str = ""
    secondary_exec_id: str = ""
    match_id: str = ""
    trade_report_ids: tuple[str, ...] = ()
    """TradeReportID(571) of each TradeCaptureReport(AE) that tells of it, `TRADE_REPORTS_MAX` at most."""
    in_execution_report: bool = True
    """Has an ExecutionReport(8) told of it? Until then `dealer_exec_id` may be its trade report's name."""
    worth: Decimal | None = None
    """Of one unit of its currency in the base currency, when the quote was accepted; None of the base currency itself.

    Not when it was filled: what an acceptance reserved of a limit its fills use up, and what is taken back again gives
    back as much, whatever the rate is by then.
    """

    @property
    def quantity_in_base(self) -> Decimal:
        """Face amount in the base currency."""
        return converted(self.quantity, self.worth)

    told_as: str = ""
    """The ExecID(17) that its latest correction was told under; empty where it was never corrected."""

    @property
    def last_told_as(self) -> str:
        """The ExecID(17) under which OMS and drop copy know it now."""
        return self.told_as or self.exec_id


def economics(quantity: Decimal, price: Decimal) -> str:
    """What makes two reports of one ExecID(17) the same trade, however its numbers are spelt."""
    return f"{quantity.normalize():f}@{price.normalize():f}"
