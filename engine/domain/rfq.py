"""One round of asking dealers for a price on one order, and what they answered.

Times are UTC nanoseconds, prices clean percent of par, quantities face amount.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from engine.domain.observation import ChosenBy
from engine.domain.order import MarkUsed, Side
from engine.domain.rows import row
from engine.rules.plan import Mode, Tolerance


@row
@dataclass(frozen=True, slots=True)
class ExecutePlan:
    """Who accepts a quote. `automatic` needs fair to be known and at least `quotes_min` executable quotes.

    Where that fails, the quotes go to the trader if `else_ask_trader`; else the round ends unexecuted.
    """

    automatic: bool
    tolerance: Tolerance | None = None
    quotes_min: int = 1
    else_ask_trader: bool = True


@row
@dataclass(frozen=True, slots=True)
class AskPlan:
    """Whom to ask and how, after every protection: nothing later widens it.

    `wait_ns` counts from each dealer's ask. `accept` is what stops a one-at-a-time search; so is `stops_bps`, where it
    is set: for each dealer the edge that a quote must have, once it is the last one asked, to end the search.
    """

    mode: Mode
    dealers: tuple[str, ...]
    wait_ns: int
    stagger_ns: int
    accept: Tolerance | None
    execute: ExecutePlan
    stops_bps: tuple[float, ...] = ()


class QuoteKind(StrEnum):
    """QuoteType(537); an absent one is indicative (FIX 4.4 Vol 3, Quote)."""

    indicative = "indicative"
    tradeable = "tradeable"
    restricted = "restricted"
    counter = "counter"


@row
@dataclass(frozen=True, slots=True)
class Quote:
    """One answer of one dealer, judged when it came.

    `price` and `quantity` are those of the side the desk would trade on. `problem` says why it cannot be
    executed, empty when it can. `edge_bps` is positive when better than fair; None without a fair value.
    `firm_until_ns` is its end on our clock, None when nobody said (shown, never executed by a rule).
    """

    quote_id: str
    bid: Decimal | None
    offer: Decimal | None
    price: Decimal | None
    quantity: Decimal | None
    kind: QuoteKind
    firm_until_ns: int | None
    received_ns: int
    latency_ns: int
    edge_bps: float | None
    problem: str = ""
    withdrawn: bool = False
    spent: bool = False
    """We tried to execute it."""
    mark: MarkUsed | None = None
    """What it was judged by."""

    def live(self, now_ns: int, guard_ns: int) -> bool:
        """Can it still be executed now, `guard_ns` before its end at the latest?"""
        return (
            not self.problem
            and not self.withdrawn
            and not self.spent
            and (self.firm_until_ns is None or now_ns < self.firm_until_ns - guard_ns)
        )


class AskState(StrEnum):
    """What is true of one dealer in one RFQ."""

    asked = "asked"
    quoted = "quoted"
    declined = "declined"
    silent = "silent"
    withheld = "withheld"
    not_delivered = "not_delivered"
    blocked = "blocked"


@row
@dataclass(frozen=True, slots=True)
class Ask:
    """One QuoteRequest(R) to one dealer. `quote_req_id` is fresh and unguessable, `outbox_id` what carried it."""

    dealer: str
    state: AskState
    quote_req_id: str
    outbox_id: int
    asked_ns: int
    wait_until_ns: int
    quotes: tuple[Quote, ...] = ()
    note: str = ""
    priced: bool = False
    """It has given a price, firm or not."""
    firm: bool = False
    """It has given a price that could be executed."""
    mark: MarkUsed | None = None
    """What the bond was worth when the request was made."""
    index: Decimal | None = None
    """The level of its segment's benchmark then."""
    priced_ns: int = 0
    """When its first price came, 0 before."""
    firm_ns: int = 0
    """When its first price came that could be executed, 0 before."""
    declined_ns: int = 0
    knew: bool = False
    """It had been asked about the same bond and side before, that day."""
    chosen_by: ChosenBy | None = None
    """Once the round is over: who put it on the list. The order may get another recommendation then."""
    p: float | None = None
    """Once the round is over: the probability with which it was to be asked."""
    settl_date: str = ""
    """SettlDate(64) that its prices were asked for, `YYYYMMDD`; empty in older journals."""

    @property
    def answered(self) -> bool:
        return self.state is not AskState.asked

    @property
    def last_quote(self) -> Quote | None:
        return self.quotes[-1] if self.quotes else None


class RfqState(StrEnum):
    """What is true of the round: still collecting, waiting for the one action, a D is out, or over."""

    asking = "asking"
    deciding = "deciding"
    placed = "placed"
    done = "done"
    closed = "closed"


OPEN_STATES = (RfqState.asking, RfqState.deciding, RfqState.placed)


@row
@dataclass(frozen=True, slots=True)
class Rfq:
    rfq_id: str
    order_id: str
    round: int
    state: RfqState
    plan: AskPlan
    side: Side
    quantity: Decimal
    fair: MarkUsed | None
    opened_ns: int
    asks: tuple[Ask, ...] = ()
    alerted: str = ""
    """The quote that the trader was last told to be executable, as `dealer|QuoteID`."""
    decide_until_ns: int = 0
    outcome: str = ""
    opened_by: str = ""
    """`rule:NAME` or `person:ACTOR`."""
    index: Decimal | None = None
    """The level of the segment's benchmark at the opening."""
    awaited: tuple[tuple[str, int], ...] = ()
    """Dealers that the round waits for, or has waited for, to ask or to hear them, each with the time that ends it."""

    @property
    def open(self) -> bool:
        return self.state in OPEN_STATES

    @property
    def unasked(self) -> tuple[str, ...]:
        """Planned dealers that have not been tried yet, in order."""
        tried = {ask.dealer for ask in self.asks}
        return tuple([dealer for dealer in self.plan.dealers if dealer not in tried])

    def awaited_until_ns(self, dealer: str) -> int | None:
        """Until when the round waits for a dealer's session; None if it never has."""
        return next((until_ns for name, until_ns in self.awaited if name == dealer), None)

    def ask_of(self, dealer: str) -> Ask | None:
        for ask in self.asks:
            if ask.dealer == dealer:
                return ask
        return None
