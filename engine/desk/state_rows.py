"""Rows of the desk's state beside orders, rounds, acceptances and fills, and the keys that tables know rows by."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from engine.domain.credit import CreditScope
from engine.domain.exchange import Rate
from engine.domain.messages import DealerReport, DealerWord
from engine.domain.observation import Horizon
from engine.domain.order import ZERO, OrderTerms, Side
from engine.domain.placement import DkReason, Fill, Telling, Verdict
from engine.domain.rows import changed, row


@row
@dataclass(frozen=True, slots=True)
class Exposure:
    """One bond, one side, one UTC day: what information protection looks at.

    `protections` stay on once on; `dealers` are all that were asked, over all rounds and orders.
    """

    quantity: Decimal = ZERO
    protections: tuple[str, ...] = ()
    dealers: tuple[str, ...] = ()


@row
@dataclass(frozen=True, slots=True)
class Kill:
    """A kill switch of one scope."""

    on: bool
    actor: str
    reason: str
    since_ns: int


@row
@dataclass(frozen=True, slots=True)
class Pause:
    """What a person last said about whether a dealer may be asked; its file may say more."""

    on: bool
    actor: str
    reason: str
    since_ns: int

    @property
    def words(self) -> str:
        """Who, and why."""
        return f"{self.actor.removeprefix('person:')}: {self.reason}"


@row
@dataclass(frozen=True, slots=True)
class AskRef:
    """Which RFQ and dealer a QuoteReqID(131) belongs to."""

    rfq_id: str
    dealer: str


@row
@dataclass(frozen=True, slots=True)
class Sent:
    """What an at-most-once outbox message was: a request, an acceptance, or our no to a fill."""

    rfq_id: str
    dealer: str
    placement_id: str = ""
    fill_id: str = ""


@row
@dataclass(frozen=True, slots=True)
class PendingReversion:
    """A fill whose cost is measured at `due_ns`; `mark` is the price at execution, None when there was none."""

    exec_id: str
    order_id: str
    dealer: str
    segment: str
    security_id: str
    side: Side
    traded_ns: int
    due_ns: int
    mark: Decimal | None
    done: bool = False
    reversion_bps: float | None = None
    reason: str = ""
    """What it was measured from, or why it could not be."""


@row
@dataclass(frozen=True, slots=True)
class MarksDue:
    """The marks that are still to follow a round or a fill; the row goes away with the last one.

    `since_ns` is the decision of a round, or the fill; an earlier mark says nothing. `waiting` has each horizon with
    its time, first to last. `settle_ns` is when the next dealer's time is over of a round that ended before it, 0 for
    none.
    """

    security_id: str
    segment: str
    since_ns: int
    waiting: tuple[tuple[Horizon, int], ...]
    settle_ns: int = 0

    @property
    def over(self) -> bool:
        return not self.waiting and not self.settle_ns


@row
@dataclass(frozen=True, slots=True)
class BookedFill:
    """`economics` are those that it was first told with, `canceled`: the dealer took it back."""

    fill: Fill
    economics: str
    canceled: bool = False

    @property
    def at_first(self) -> Fill:
        """As it was first told."""
        quantity, _, price = self.economics.partition("@")
        return (
            self.fill if not self.fill.told_as else changed(self.fill, quantity=Decimal(quantity), price=Decimal(price))
        )


@row
@dataclass(frozen=True, slots=True)
class TradeChange:
    """A dealer's word that took a fill back or corrected it: of which fill, by its key, and to what economics."""

    fill_key: str
    session: str
    exec_id: str
    economics: str = ""
    by_report: bool = False
    """It came by a TradeCaptureReport(AE)."""


BY_REPORT: Final = "|AE"
"""Ends the key of a change that a TradeCaptureReport(AE) told of."""


@row
@dataclass(frozen=True, slots=True)
class Quarantined:
    """A fill that could not be booked as it stood, and what became of it: face amount, clean percent of par.

    `fill_id` is how people name it. `key` is that of `Fill`: of those with the same one, all but the last are settled.
    """

    fill_id: str
    key: str
    reason: str
    dk: DkReason
    session: str
    dealer: str
    quantity: Decimal
    price: Decimal
    since_ns: int
    placement_id: str
    """What it says it is of: our ClOrdID there, or whatever stood in its place."""
    report: DealerReport
    verdict: Verdict | None = None
    """None while it waits for a person."""
    settled_ns: int = 0
    settled_by: str = ""
    settled_reason: str = ""
    exec_id: str = ""
    """Ours, once it is booked."""
    beyond: Decimal = ZERO
    """What was booked beyond the order."""
    telling: Telling = Telling.nothing
    told_until_ns: int = 0
    told_outbox_id: int = 0
    untold: str = ""
    """Why the dealer has not been told."""
    untold_ns: int = 0
    repeats: int = 0
    """How often the dealer has reported it again since it was rejected."""

    @property
    def open(self) -> bool:
        return self.verdict is None

    @property
    def is_fill(self) -> bool:
        """Else it takes a fill back, or corrects one."""
        return self.report.word is DealerWord.filled


@row
@dataclass(frozen=True, slots=True)
class Switch:
    """May a session log on? Who said so, and why."""

    enabled: bool
    actor: str
    reason: str
    since_ns: int


def axe_key(dealer: str, security_id: str) -> str:
    return f"{dealer}|{security_id}"


def rate_key(rate: Rate) -> str:
    """A source has one rate of two currencies."""
    return f"{'/'.join(rate.currencies)}|{rate.source}"


def dealt_key(scope: CreditScope, day: int) -> str:
    return f"{scope}|{day}"


def exposure_key(security_id: str, side: Side, day: int) -> str:
    return f"{security_id}|{side}|{day}"


def override_key(order_id: str, round_number: int) -> str:
    """An override is of one round: the one it opened."""
    return f"{order_id}|{round_number}"


def alike_key(terms: OrderTerms) -> str:
    """What the duplicate check calls the same order: account, bond, side and size, however the size is spelt."""
    return f"{terms.account}|{terms.security_id}|{terms.side}|{terms.quantity.normalize():f}"


def oms_key(session: str, day: int, cl_ord_id: str) -> str:
    """An OMS's ClOrdID(11) is keyed per session and trading day (FIX.4.4 Vol 1, ClOrdID)."""
    return f"{session}|{day}|{cl_ord_id}"


TOLD_APART: Final = "\x1f"
"""Between the names of dealers beside a `told_key`."""


def told_key(source: str, rfq_id: str, round_number: int) -> str:
    """A round that another system told of; beside it stand the dealers of whom it did."""
    return f"{source}|{rfq_id}|{round_number}"


def oms_latest_key(session: str, cl_ord_id: str) -> str:
    """The latest order under a ClOrdID(11), whatever its day: an order may live for many."""
    return f"{session}||{cl_ord_id}"
