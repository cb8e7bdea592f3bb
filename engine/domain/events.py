"""Everything that can have happened, as the journal keeps it.

An event says what was decided together with what was drawn or looked up to decide it, so that the state
is the fold of the events on any machine. Events are never changed: a new meaning is a new `VERSION` with
an upcaster in `UPCASTERS`.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any, ClassVar, Final

from engine.domain.axe import Axe
from engine.domain.credit import CreditLimit
from engine.domain.exchange import Rate, RateUsed
from engine.domain.instrument import Security
from engine.domain.keys import Scope
from engine.domain.leak import LeakTable
from engine.domain.messages import DealerReport, OrderReport
from engine.domain.observation import AskSeen, Horizon, RoundSeen, RoundTold
from engine.domain.order import ZERO, MarkUsed, OrderFacts, OrderRefusal, OrderTerms
from engine.domain.placement import DkReason, Fill, Verdict
from engine.domain.recommendation import Recommendation, from_version_1
from engine.domain.rfq import AskPlan, Quote
from engine.domain.rows import row


@row
@dataclass(frozen=True, slots=True)
class Event:
    """Base of all events: `at_ns` is the turn's UTC time."""

    VERSION: ClassVar[int] = 1

    at_ns: int


# --- the process and its inputs ------------------------------------------------------------------


@row
@dataclass(frozen=True, slots=True)
class TextInForce:
    """A text that decisions are made by: `kind` says of what, `hash` names it where texts are kept once.

    `engine` is engine.toml as it was at the start; `limits`, `people` and `sessions` are those of its tables that can
    be read again, as they were when they were last read.
    """

    kind: str
    hash: str


@row
@dataclass(frozen=True, slots=True)
class EngineStarted(Event):
    """A process took the journal over; `config_hash` and `book_hash` name texts kept once."""

    logic_version: int
    config_hash: str
    dealers_hash: str
    scoring_hash: str
    book_hash: str
    previous_ended_cleanly: bool
    in_force: tuple[TextInForce, ...] = ()
    """Every text there is; without any an older build wrote this."""


@row
@dataclass(frozen=True, slots=True)
class Reloaded(Event):
    """Files were read anew, all of these kinds together; `in_force` has every text there is, read anew or not."""

    kinds: tuple[str, ...]
    in_force: tuple[TextInForce, ...]
    actor: str
    reason: str
    changed: tuple[str, ...] = ()
    """The kinds whose texts were other ones than before."""


@row
@dataclass(frozen=True, slots=True)
class ReloadRefused(Event):
    """Files that were read anew are wrong, or what is open speaks against them: everything goes on as it was."""

    kinds: tuple[str, ...]
    problems: tuple[str, ...]
    actor: str


@row
@dataclass(frozen=True, slots=True)
class LogLevelSet(Event):
    """What the log tells from now on, until the process ends."""

    level: str
    actor: str
    reason: str


@row
@dataclass(frozen=True, slots=True)
class EngineStopped(Event):
    reason: str


@row
@dataclass(frozen=True, slots=True)
class StateDigested(Event):
    """What the state hashed to just before this event, under one logic version."""

    logic_version: int
    digest: str


@row
@dataclass(frozen=True, slots=True)
class InputRefused(Event):
    """Deciding on an input failed: nothing of it was applied, the peer was told, a person must look."""

    source: str
    input: str
    error: str
    order_id: str = ""


@row
@dataclass(frozen=True, slots=True)
class ClockStepped(Event):
    """The wall clock moved by `step_ns` against the monotonic one."""

    step_ns: int


@row
@dataclass(frozen=True, slots=True)
class SessionUp(Event):
    session: str
    epoch: int


@row
@dataclass(frozen=True, slots=True)
class SessionDown(Event):
    """It is no longer logged on: `code` says why (fix.session.reasons), `reason` the particulars, `by` whose doing."""

    session: str
    reason: str
    code: str = ""
    by: str = ""


@row
@dataclass(frozen=True, slots=True)
class SessionReset(Event):
    """A new epoch began: both numbers start anew, at 1 unless an operator set others (SessionNumbersSet)."""

    session: str
    epoch: int
    cause: str


@row
@dataclass(frozen=True, slots=True)
class SessionSwitched(Event):
    """A session may log on, or may not any more: by an operator, or by the engine (`actor`) that gave it up."""

    session: str
    enabled: bool
    actor: str
    reason: str


@row
@dataclass(frozen=True, slots=True)
class SessionNumbersSet(Event):
    """An operator set the numbers of a session that was logged off: what is expected next, what is sent next."""

    session: str
    epoch: int
    next_in: int
    next_out: int
    was_in: int
    was_out: int
    actor: str
    reason: str


@row
@dataclass(frozen=True, slots=True)
class SessionCommanded(Event):
    """An operator had a session do something that leaves no other trace, such as log out."""

    session: str
    command: str
    actor: str
    reason: str


@row
@dataclass(frozen=True, slots=True)
class TlsFileUsed:
    """A file of certificates or revocation lists that `key` of the configuration names.

    `sha256` is of the certificate that we show, or that ends first; `digest` covers all there are; `ends_s` is in
    seconds since 1970.
    """

    key: str
    subject: str
    sha256: str
    digest: str
    ends_s: int | None


@row
@dataclass(frozen=True, slots=True)
class TlsReloaded(Event):
    """An operator had certificates, keys and lists read anew: handshakes are made with these from then on."""

    files: tuple[TlsFileUsed, ...]
    actor: str
    reason: str
    changed: tuple[str, ...] = ()
    """Keys of the files that were other ones than before."""


# --- the OMS's order -----------------------------------------------------------------------------


@row
@dataclass(frozen=True, slots=True)
class OrderReceived(Event):
    order_id: str
    terms: OrderTerms
    facts: OrderFacts
    arrival: MarkUsed | None
    manual_reason: str
    duplicate_of: str
    actor: str


@row
@dataclass(frozen=True, slots=True)
class DuplicateAllowed(Event):
    """A person says that an order like an earlier one is meant."""

    order_id: str
    actor: str
    reason: str


@row
@dataclass(frozen=True, slots=True)
class OrderRefused(Event):
    """An order that never became one; the OMS was told why."""

    session: str
    cl_ord_id: str
    security_id: str
    code: OrderRefusal
    reason: str


@row
@dataclass(frozen=True, slots=True)
class OrderRated(Event):
    """An order in another currency than the base, whose size nobody could tell when it came, has one by now."""

    order_id: str
    rate: RateUsed
    segment: str


@row
@dataclass(frozen=True, slots=True)
class OrderRecommended(Event):
    """Version 1 kept the words for it, 2 keeps what they are made of."""

    VERSION: ClassVar[int] = 2

    order_id: str
    recommendation: Recommendation


@row
@dataclass(frozen=True, slots=True)
class OrderReturned(Event):
    """The order is back with the trader: still New or Partially filled at the OMS.

    `again_ns` is when the rule book is to look at it once more, 0 for never.
    """

    order_id: str
    reason: str
    again_ns: int = 0


@row
@dataclass(frozen=True, slots=True)
class SessionsAwaited(Event):
    """An order is asked for once the sessions of these dealers are up, or at `until_ns` without those that are not."""

    order_id: str
    dealers: tuple[str, ...]
    until_ns: int


@row
@dataclass(frozen=True, slots=True)
class OrdersLookedAt(Event):
    """Orders that nobody could be asked for were looked at again: those before the `next`-th, or all, if that is 0."""

    next: int


@row
@dataclass(frozen=True, slots=True)
class CancelAsked(Event):
    order_id: str
    cl_ord_id: str
    actor: str


@row
@dataclass(frozen=True, slots=True)
class CancelSettled(Event):
    """A cancel that had waited for a dealer's word came too late: the order goes on as it stands."""

    order_id: str
    reason: str


@row
@dataclass(frozen=True, slots=True)
class ReplaceAsked(Event):
    """Other terms are wanted, and a dealer's answer must come first. No rule acts against `manual_reason`."""

    order_id: str
    terms: OrderTerms
    manual_reason: str


@row
@dataclass(frozen=True, slots=True)
class ReplaceSettled(Event):
    """A replace that had waited for a dealer's word is not carried out: the order has ended, or a cancel came."""

    order_id: str
    reason: str


@row
@dataclass(frozen=True, slots=True)
class OrderReplaced(Event):
    """The order's terms are others now. With no more quantity than is filled already it is done.

    `facts` are what was looked up for the new terms, None where what was looked up for the order stays.
    """

    order_id: str
    terms: OrderTerms
    facts: OrderFacts | None
    manual_reason: str


@row
@dataclass(frozen=True, slots=True)
class OrderCanceled(Event):
    order_id: str
    reason: str
    mark: MarkUsed | None = None
    """What the bond was worth: what was not filled is held against it."""


@row
@dataclass(frozen=True, slots=True)
class OrderExpired(Event):
    order_id: str
    reason: str
    mark: MarkUsed | None = None


@row
@dataclass(frozen=True, slots=True)
class OrderReported(Event):
    """One ExecutionReport(8) of ours; status answers (150=I) are not journaled as events."""

    report: OrderReport


@row
@dataclass(frozen=True, slots=True)
class OrderOverridden(Event):
    """A trader's list replaced the recommended one; `past_protections` names those gone past."""

    order_id: str
    actor: str
    reason: str
    before: tuple[str, ...]
    after: tuple[str, ...]
    past_protections: tuple[str, ...] = ()


# --- asking --------------------------------------------------------------------------------------


@row
@dataclass(frozen=True, slots=True)
class RfqOpened(Event):
    rfq_id: str
    order_id: str
    round: int
    plan: AskPlan
    quantity: Decimal
    fair: MarkUsed | None
    opened_by: str
    index: Decimal | None = None
    """The level of the segment's benchmark."""
    rate: RateUsed | None = None
    """What limits in the base currency were held against; None of an order in that currency."""


@row
@dataclass(frozen=True, slots=True)
class DealerAsked(Event):
    """A QuoteRequest(R) was cleared and given to the outbox.

    `mark`, `index` and `rate` are those of then; where it was made as the round was opened, `RfqOpened` has them.
    """

    rfq_id: str
    dealer: str
    segment: str
    quote_req_id: str
    outbox_id: int
    wait_until_ns: int
    mark: MarkUsed | None = None
    index: Decimal | None = None
    settl_date: str = ""
    """SettlDate(64) that prices are asked for, `YYYYMMDD`."""
    rate: RateUsed | None = None


@row
@dataclass(frozen=True, slots=True)
class AskAwaited(Event):
    """A dealer's session is due: the round waits until `until_ns` to ask it, or to hear what it has said meanwhile."""

    rfq_id: str
    dealer: str
    until_ns: int


@row
@dataclass(frozen=True, slots=True)
class AskBlocked(Event):
    """The risk gate, or a session that is down, kept a planned request from being made."""

    rfq_id: str
    dealer: str
    check: str
    reason: str


@row
@dataclass(frozen=True, slots=True)
class AskWithheld(Event):
    """A committed QuoteRequest(R) did not leave, left as a gap fill, or is in doubt: no observation of the dealer."""

    rfq_id: str
    dealer: str
    reason: str
    never_left: bool
    silent: bool = False
    """A `DealerSilent` of it is taken back."""


@row
@dataclass(frozen=True, slots=True)
class QuoteReceived(Event):
    rfq_id: str
    dealer: str
    segment: str
    quote: Quote
    late: bool
    first: bool = True
    """The dealer's first price, in its time: its answer."""
    firmed: bool = False
    """Its first price that can be executed, in its time, after one that could not."""


@row
@dataclass(frozen=True, slots=True)
class QuoteWithdrawn(Event):
    rfq_id: str
    dealer: str
    quote_id: str


@row
@dataclass(frozen=True, slots=True)
class DealerDeclined(Event):
    rfq_id: str
    dealer: str
    segment: str
    reason: str
    latency_ns: int


@row
@dataclass(frozen=True, slots=True)
class DealerSilent(Event):
    """Asked, and no word until the wait of `waited_ns` was over: one failure and one censored latency."""

    rfq_id: str
    dealer: str
    segment: str
    waited_ns: int


@row
@dataclass(frozen=True, slots=True)
class StrayMessage(Event):
    """A message of a dealer that answers nothing we sent; kept, told, never dropped."""

    session: str
    kind: str
    reference: str
    text: str


@row
@dataclass(frozen=True, slots=True)
class MessageIgnored(Event):
    """A dealer's message that is tolerated and changes nothing; `kind` is its MsgType(35)."""

    session: str
    kind: str
    text: str


@row
@dataclass(frozen=True, slots=True)
class RfqDeciding(Event):
    """Collection is over; what is live may be executed until `decide_until_ns`."""

    rfq_id: str
    decide_until_ns: int
    reason: str


@row
@dataclass(frozen=True, slots=True)
class TraderAlerted(Event):
    """There is something for the one action: `dealer`'s quote is the best that can be executed now."""

    rfq_id: str
    dealer: str
    quote_id: str
    reason: str


@row
@dataclass(frozen=True, slots=True)
class RfqClosed(Event):
    rfq_id: str
    outcome: str


# --- what dealers advertise -----------------------------------------------------------------------


@row
@dataclass(frozen=True, slots=True)
class AxeAdvertised(Event):
    """A dealer's interest, new or in the place of one of its own under the same identifier."""

    axe: Axe
    actor: str = ""
    """Whose feed delivered it; empty for the dealer itself."""


@row
@dataclass(frozen=True, slots=True)
class AxeWithdrawn(Event):
    """An interest ended before its time."""

    dealer: str
    security_id: str
    axe_id: str
    reason: str
    actor: str = ""


@row
@dataclass(frozen=True, slots=True)
class AxesExpired(Event):
    """Room is made for a dealer's next interest: those of its own that are over leave the state."""

    dealer: str


# --- what feeds deliver ---------------------------------------------------------------------------


@row
@dataclass(frozen=True, slots=True)
class SecuritiesPut(Event):
    """Bonds that stand in the place of the file's, or beside them; `removed` are as the file has them again."""

    bonds: tuple[Security, ...]
    removed: tuple[str, ...]
    actor: str


@row
@dataclass(frozen=True, slots=True)
class CreditLimitsPut(Event):
    """Limits, each in the place of the one of its scope."""

    limits: tuple[CreditLimit, ...]
    actor: str


@row
@dataclass(frozen=True, slots=True)
class RatesPut(Event):
    """Rates of currencies, each in the place of its source's last one of that pair; `removed` are not told any more."""

    rates: tuple[Rate, ...]
    removed: tuple[Rate, ...]
    actor: str
    reason: str = ""


# --- executing -----------------------------------------------------------------------------------


@row
@dataclass(frozen=True, slots=True)
class QuoteAccepted(Event):
    """A NewOrderSingle(D) on a quote was cleared and given to the outbox."""

    placement_id: str
    rfq_id: str
    order_id: str
    dealer: str
    session: str
    quote_id: str
    security_id: str
    quantity: Decimal
    price: Decimal
    outbox_id: int
    actor: str
    mark: MarkUsed | None = None
    index: Decimal | None = None
    """The level of the segment's benchmark."""
    day_ends: tuple[int, ...] = ()
    """The end of this trading day and of the next one, where marks follow the decision; UTC nanoseconds."""
    reason: str = ""
    """Why a person took it although it is better than fair by more than the collar."""
    settl_date: str = ""
    """SettlDate(64) that was asked for, `YYYYMMDD`."""
    rate: RateUsed | None = None
    """What limits in the base currency were held against, and what its fills count at there; None of an order in it."""


@row
@dataclass(frozen=True, slots=True)
class AcceptBlocked(Event):
    rfq_id: str
    dealer: str
    check: str
    reason: str


@row
@dataclass(frozen=True, slots=True)
class AcceptWithheld(Event):
    """A committed D did not leave: the quantity is free again."""

    placement_id: str
    reason: str


@row
@dataclass(frozen=True, slots=True)
class PlacementAcknowledged(Event):
    placement_id: str
    dealer_order_id: str


@row
@dataclass(frozen=True, slots=True)
class PlacementDoubted(Event):
    """No answer: `evidence` is what is known; a status request went out, or a person is needed."""

    placement_id: str
    evidence: str
    status_asked: bool
    person_needed: bool
    counted: Decimal | None = None
    """What the dealer counts as filled where that is not what is booked."""
    ends_as: str = ""
    """The state that its last word ends it in once the counts agree."""
    outbox_id: int = 0
    """What carried the status request, 0 if none went out."""
    awaits_quarantine: bool = False
    """Its last word counts nothing: it ends the acceptance once nothing of it is in quarantine any more."""


@row
@dataclass(frozen=True, slots=True)
class PlacementCountAgreed(Event):
    """What is booked has become what the dealer counted: for that, no person is needed any more."""

    placement_id: str


@row
@dataclass(frozen=True, slots=True)
class PlacementEnded(Event):
    """The dealer's last word other than a fill: `rejected`, `canceled`, or forced by a person."""

    placement_id: str
    state: str
    reason: str
    segment: str
    actor: str = ""
    mark: MarkUsed | None = None


@row
@dataclass(frozen=True, slots=True)
class PlacementCancelAsked(Event):
    placement_id: str
    cancel_id: str
    outbox_id: int = 0
    """What carried it."""


@row
@dataclass(frozen=True, slots=True)
class FillBooked(Event):
    VERSION: ClassVar[int] = 2

    fill: Fill
    segment: str
    improvement_bps: float | None
    """Against the arrival mark, positive is good; None when there was no mark."""
    mark: MarkUsed | None
    """The mark at execution: where the 30-minute reversion is measured from."""
    reversion_due_ns: int
    day_ends: tuple[int, ...] = ()
    """The end of this trading day and of the next one, where marks follow the fill; UTC nanoseconds."""
    half_spread_bps: float | None = None
    """Half the distance of bid and offer then, of the middle; None where no source gave both."""


@row
@dataclass(frozen=True, slots=True)
class FillCanceled(Event):
    """A dealer took a fill back: all that it moved is as if it had not been. What was told of it stays told.

    `fill` is as it was, `key` the key that it was booked under, `change` that of the dealer's word. `becomes` is what
    the acceptance is now: in doubt again where the dealer may fill it once more.
    """

    fill: Fill
    key: str
    change: str
    becomes: str
    reason: str


@row
@dataclass(frozen=True, slots=True)
class FillCorrected(Event):
    """A dealer gave a fill other terms: `was` holds no longer, `fill` does. The rest is as of `FillCanceled`."""

    was: Fill
    fill: Fill
    key: str
    change: str
    becomes: str
    reason: str
    mark: MarkUsed | None = None
    """What the bond is worth, where the acceptance ends by it."""


@row
@dataclass(frozen=True, slots=True)
class MoneyDiffered(Event):
    """A fill was reported with an amount of money that is not what we make of it; what was sent is what counts."""

    exec_id: str
    order_id: str
    field: str
    sent: Decimal
    ours: Decimal


@row
@dataclass(frozen=True, slots=True)
class FillQuarantined(Event):
    """A fill we cannot book as it stands; it pages someone and stays until a person decides.

    `report` is all that the dealer said, `dk` what it would be told if the execution is not taken for ours.
    """

    VERSION: ClassVar[int] = 3

    session: str
    dealer: str
    key: str
    placement_id: str
    dealer_exec_id: str
    quantity: Decimal
    price: Decimal
    reason: str
    dk: DkReason
    report: DealerReport


@row
@dataclass(frozen=True, slots=True)
class QuarantineSettled(Event):
    """What became of a fill in quarantine, and by whom: a person, the engine or the dealer.

    `exec_id` is our own name of it once it is booked, `beyond` what of it is more than the order. `told_until_ns` is
    until when the dealer may be told that we do not know it, 0 where there is nothing to tell.
    """

    fill_id: str
    verdict: Verdict
    actor: str
    reason: str
    exec_id: str = ""
    beyond: Decimal = ZERO
    dk: DkReason = DkReason.other
    told_until_ns: int = 0


@row
@dataclass(frozen=True, slots=True)
class DontKnowTradeSent(Event):
    """DontKnowTrade(Q) of a fill that a person rejected was given to the outbox."""

    fill_id: str
    outbox_id: int


@row
@dataclass(frozen=True, slots=True)
class DontKnowTradeUnsent(Event):
    """DontKnowTrade(Q) did not reach the dealer: it waits for the session, or is `lost` and a person is called."""

    fill_id: str
    reason: str
    lost: bool


@row
@dataclass(frozen=True, slots=True)
class QuarantineRepeated(Event):
    """The dealer reports a fill again that a person has rejected."""

    fill_id: str


@row
@dataclass(frozen=True, slots=True)
class FillRepeated(Event):
    """Same key and same economics as a fill already booked: nothing changes."""

    VERSION: ClassVar[int] = 2

    key: str


@row
@dataclass(frozen=True, slots=True)
class FillConfirmed(Event):
    """A fill that is booked was told of by the other kind of report, or under another name: what it is known by now.

    `exec_id` and `key` are the fill's own; the rest is as of `Fill`, and counts where it is not empty.
    """

    exec_id: str
    key: str
    dealer_exec_id: str
    secondary_exec_id: str
    match_id: str
    trade_report_id: str
    in_execution_report: bool
    counted: Decimal | None


@row
@dataclass(frozen=True, slots=True)
class TradeChangeConfirmed(Event):
    """What took a fill back, or corrected it, was told of by the other kind of report too: known by this name as well.

    `key` is the fill's, `change` that of the dealer's word; `economics` are those of a correction. `becomes` is what
    the acceptance is now, where only this report says that the dealer may fill it once more.
    """

    key: str
    change: str
    economics: str
    becomes: str = ""


# --- afterwards ----------------------------------------------------------------------------------


@row
@dataclass(frozen=True, slots=True)
class ReversionMeasured(Event):
    """The mark some time after the fill against the mark at execution, house sign: negative is adverse.

    `reversion_bps` is None when either mark is missing: no observation, never zero.
    """

    exec_id: str
    order_id: str
    dealer: str
    segment: str
    traded_ns: int
    reversion_bps: float | None
    mark: MarkUsed | None
    reason: str


@row
@dataclass(frozen=True, slots=True)
class RoundObserved(Event):
    """A round is over, with or without a trade: what was seen of everybody who was asked."""

    round: RoundSeen
    day_ends: tuple[int, ...] = ()
    """The end of the trading day of the decision and of the next one: marks are taken then, too; UTC nanoseconds."""


@row
@dataclass(frozen=True, slots=True)
class RoundAmended(Event):
    """What was learnt of a round after `RoundObserved`: `was` holds no longer, `now` does.

    Both have the dealers that something has changed of. One that stands in `was` alone turned out not to have been
    asked: its request did not arrive, or nobody knows. `residual` is what is left of the parent order now.
    """

    rfq_id: str
    round: int
    was: tuple[AskSeen, ...]
    now: tuple[AskSeen, ...]
    residual: Decimal
    reason: str
    settles: bool = False
    """The time of everybody who was asked until then is over: who has said nothing was silent."""


@row
@dataclass(frozen=True, slots=True)
class RoundMarked(Event):
    """What the bond was worth at one horizon after a round's decision, traded or not.

    `mark` is None, with the reason, where nobody knows; no observation, never zero. `index` is the level of the
    segment's benchmark. A round whose acceptance waits for long for its last word is marked before it is over.
    """

    rfq_id: str
    horizon: Horizon
    due_ns: int
    mark: MarkUsed | None
    index: Decimal | None
    reason: str


@row
@dataclass(frozen=True, slots=True)
class FillMarked(Event):
    """What the bond was worth at one horizon after a fill, as `RoundMarked` has it."""

    exec_id: str
    horizon: Horizon
    due_ns: int
    mark: MarkUsed | None
    index: Decimal | None
    reason: str


@row
@dataclass(frozen=True, slots=True)
class TcaResult:
    """What an outside provider says one execution cost, figure by figure; None for one that it does not give."""

    exec_id: str
    bps: tuple[float | None, ...]


@row
@dataclass(frozen=True, slots=True)
class TcaReceived(Event):
    """Results of an outside provider, matched on our ExecID(17). `figures` names them as `desk.costs` does."""

    source: str
    figures: tuple[str, ...]
    results: tuple[TcaResult, ...]
    actor: str


@row
@dataclass(frozen=True, slots=True)
class DealerDrifted(Event):
    """A dealer is not what it was in one `measure`: response and firmness are rates, edge is bps against its rounds.

    `before` is its record, `since` what came of the last `observations`.
    """

    dealer: str
    measure: str
    before: float
    since: float
    observations: int


# --- what other systems saw ----------------------------------------------------------------------


@row
@dataclass(frozen=True, slots=True)
class HistoryAdded(Event):
    """Rounds that were asked elsewhere, without what was known before. `origin` is a file or a feed."""

    rounds: tuple[RoundTold, ...]
    origin: str
    actor: str


@row
@dataclass(frozen=True, slots=True)
class EstimatesRebuilt(Event):
    """The first `observations` of the record were put in the order of their own times and learnt anew.

    An observation is an event that estimates learn from. What came after these is learnt as it comes.
    """

    observations: int
    rounds: int
    reason: str


@row
@dataclass(frozen=True, slots=True)
class EstimatesFitted(Event):
    """What the fit of estimates that `day` (UTC, counted from 1970) began with came to next is in force from here on.

    One event for the scales, one for every so many rounds that are divided by other widths, one for what is known above
    segments.
    """

    day: int


@row
@dataclass(frozen=True, slots=True)
class LeakSolved(Event):
    """A batch has found what asking whom costs: `table` holds until the next one.

    It rests on the first `up_to` events of the record, `observations` of them such as estimates learn from, which had
    `rounds` rounds of the window to tell of. `took_s` is how long it took. `actor` is the engine or a person.
    """

    table: LeakTable
    rounds: int
    up_to: int
    observations: int
    took_s: float
    actor: str
    reason: str


# --- control -------------------------------------------------------------------------------------


@row
@dataclass(frozen=True, slots=True)
class KillSwitched(Event):
    scope: Scope
    on: bool
    actor: str
    reason: str


@row
@dataclass(frozen=True, slots=True)
class DealerPaused(Event):
    """A person has a dealer not asked any more, or with `on` false lets it be asked again as far as they are concerned.

    What the dealers' file says of it stands beside this: it is asked where neither pauses it.
    """

    dealer: str
    on: bool
    actor: str
    reason: str


@row
@dataclass(frozen=True, slots=True)
class RuleBookLoaded(Event):
    book_hash: str
    actor: str


def _with_key(record: dict[str, Any]) -> dict[str, Any]:
    """The key of a fill, once with TradeDate(75) at its end, without it."""
    return {**record, "key": record["key"].rpartition("|")[0]}


def _with_key_of_fill(record: dict[str, Any]) -> dict[str, Any]:
    return {**record, "fill": _with_key(record["fill"])}


def _with_report(record: dict[str, Any]) -> dict[str, Any]:
    """A fill in quarantine with as much of the dealer's report as was kept."""
    is_fill = not record["reason"].startswith("trade cancel or correction")
    said: dict[str, Any] = dict.fromkeys(
        ("side", "cum_quantity", "leaves_quantity", "average_price", "transact_ns"), None
    )
    said |= dict.fromkeys(("orig_cl_ord_id", "order_id", "security_id", "trade_date", "settl_date"), "")
    said |= {
        "word": "filled" if is_fill else "corrected",
        "cl_ord_id": record["placement_id"],
        "exec_id": record["dealer_exec_id"],
        "last_quantity": record["quantity"] if Decimal(record["quantity"]) else None,
        "last_price": record["price"] if Decimal(record["price"]) else None,
    }
    return {**record, "dk": "Z", "report": said}


UPCASTERS: Final = {
    ("OrderRecommended", 1): from_version_1,
    ("FillBooked", 1): _with_key_of_fill,
    ("FillQuarantined", 1): _with_key,
    ("FillQuarantined", 2): _with_report,
    ("FillRepeated", 1): _with_key,
}
"""What makes an event of an earlier version one of the next."""
