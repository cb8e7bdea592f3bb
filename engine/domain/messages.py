"""What the desk hears and says, in trading's words: `engine.fix.flows.translation` puts it on the wire and back.

Prices are clean percent of par, quantities face amount, times UTC nanoseconds.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from enum import IntEnum, StrEnum

from engine.domain.axe import AxeQuality, AxeSize
from engine.domain.order import CancelProblem, Handling, OrderRefusal, OrderStatus, Side, TimeInForce
from engine.domain.placement import DkReason
from engine.domain.rfq import QuoteKind
from engine.domain.rows import row

# --- heard from an OMS ---------------------------------------------------------------------------


@row
@dataclass(frozen=True, slots=True)
class NewOrder:
    """NewOrderSingle(D). `possible_resend` is PossResend(97)=Y."""

    cl_ord_id: str
    account: str
    security_id: str
    side: Side
    quantity: Decimal
    limit_price: Decimal | None
    tif: TimeInForce
    expire_ns: int | None
    handling: Handling
    currency: str
    transact_ns: int
    possible_resend: bool = False
    sent_ns: int | None = None
    """OrigSendingTime(122) when the message was resent."""
    settl_date: str = ""
    settl_days: int | None = None
    """SettlType(63) as days after the trade; None where it says nothing, or regular."""
    settl_currency: str = ""
    effective_ns: int | None = None
    noted: tuple[str, ...] = ()
    """Terms that have no effect here, as `Tag(number)=value`."""
    cusip: str = ""
    """The CUSIP that names the bond in SecurityID(48); empty where its ISIN does."""


@row
@dataclass(frozen=True, slots=True)
class UnacceptableOrder:
    """NewOrderSingle(D) whose values no order of this desk can have: answered by an 8 with 150=8, never by silence.

    `side` is its direction (a short sale is a sell), `quantity` as sent, 0 when absent; `code` says why.
    """

    cl_ord_id: str
    account: str
    security_id: str
    side: Side
    quantity: Decimal
    code: OrderRefusal
    text: str
    currency: str = ""
    possible_resend: bool = False
    id_source: str = "4"
    """SecurityIDSource(22) that `security_id` stands under."""


@row
@dataclass(frozen=True, slots=True)
class CancelOrder:
    """OrderCancelRequest(F)."""

    cl_ord_id: str
    orig_cl_ord_id: str
    security_id: str
    side: Side


@row
@dataclass(frozen=True, slots=True)
class ReplaceOrder:
    """OrderCancelReplaceRequest(G). What it leaves out (empty, or None) stays as it is; the limit is always said.

    `problem` is what keeps its values from being an order of this desk, in words; empty when nothing does.
    """

    cl_ord_id: str
    orig_cl_ord_id: str
    account: str
    security_id: str
    side: Side
    quantity: Decimal
    limit_price: Decimal | None
    tif: TimeInForce | None
    expire_ns: int | None
    handling: Handling | None
    currency: str
    transact_ns: int
    problem: str = ""
    possible_resend: bool = False
    sent_ns: int | None = None
    """OrigSendingTime(122) when the message was resent."""
    settl_date: str = ""
    settl_days: int | None = None
    settl_is_regular: bool = False
    """SettlType(63)=0 without a day."""
    settl_currency: str = ""
    effective_ns: int | None = None
    noted: tuple[str, ...] = ()
    """Terms that have no effect here, as `Tag(number)=value`."""


@row
@dataclass(frozen=True, slots=True)
class AskOrderStatus:
    """OrderStatusRequest(H)."""

    cl_ord_id: str
    security_id: str
    side: Side | None


# --- heard from a dealer -------------------------------------------------------------------------


@row
@dataclass(frozen=True, slots=True)
class QuoteAnswer:
    """Quote(S)."""

    quote_req_id: str
    quote_id: str
    security_id: str
    kind: QuoteKind
    bid: Decimal | None
    offer: Decimal | None
    bid_quantity: Decimal | None
    offer_quantity: Decimal | None
    valid_until_ns: int | None
    percent_of_par: bool = True
    """PriceType(423) is 1 or absent; anything else is shown as not comparable."""
    settl_date: str = ""
    """SettlDate(64): the day of settlement that the prices are for; empty: as asked."""
    currency: str = ""
    """Currency(15); empty: as asked."""


@row
@dataclass(frozen=True, slots=True)
class QuoteDecline:
    """QuoteRequestReject(AG), or a dealer's Reject(3) or BusinessMessageReject(j) of our R."""

    quote_req_id: str
    reason: str


@row
@dataclass(frozen=True, slots=True)
class QuoteWithdrawal:
    """QuoteCancel(Z), or a QuoteStatusReport(AI) that ends a quote.

    An empty `quote_id` withdraws everything under the request; with `quote_req_id` empty too, everything
    the dealer has quoted in the bonds of `bonds`, in all of them where there is none. `widely` is that said beside a
    QuoteID(117): it holds where that is no quote's.
    """

    quote_req_id: str
    quote_id: str
    bonds: tuple[tuple[str, str], ...] = ()
    """SecurityIDSource(22) and SecurityID(48) of each."""
    widely: bool = False


class DealerWord(StrEnum):
    """What an ExecutionReport(8) or a refusal of a dealer says of our order."""

    acknowledged = "acknowledged"
    filled = "filled"
    rejected = "rejected"
    canceled = "canceled"
    status = "status"
    trade_canceled = "trade canceled"
    """A fill is taken back."""
    corrected = "corrected"
    """A fill has other terms."""


@row
@dataclass(frozen=True, slots=True)
class DealerReport:
    """ExecutionReport(8) of a dealer, or the trade that its TradeCaptureReport(AE) tells of.

    `exec_id` of a trade report without ExecID(17) is its own name.
    """

    word: DealerWord
    cl_ord_id: str
    orig_cl_ord_id: str
    order_id: str
    exec_id: str
    security_id: str
    side: Side | None
    last_quantity: Decimal | None
    last_price: Decimal | None
    cum_quantity: Decimal | None
    leaves_quantity: Decimal | None
    average_price: Decimal | None
    trade_date: str
    settl_date: str
    transact_ns: int | None
    accrued: Decimal | None = None
    gross: Decimal | None = None
    net: Decimal | None = None
    text: str = ""
    status: OrderStatus | None = None
    """Where the order stands there; None where the dealer does not say, or says something else."""
    unknown_order: bool = False
    possible_resend: bool = False
    refers_to: str = ""
    """ExecRefID(19): the execution that is taken back or corrected."""
    currency: str = ""
    """Currency(15); empty where it does not say."""
    unread: tuple[str, ...] = ()
    """What of the execution cannot be read, each as `Tag(number)=value: what was expected`."""
    order_quantity: Decimal | None = None
    """OrderQty(38), face amount."""
    bond_named: tuple[str, str] = ("", "")
    """SecurityIDSource(22) and SecurityID(48) as they stand."""
    as_came: str = field(default="", compare=False)
    """The whole message, latin-1, credentials covered; what it says is the same in another envelope."""
    secondary_exec_id: str = ""
    """SecondaryExecID(527): the execution's name somewhere else."""
    match_id: str = ""
    """TrdMatchID(880), or TradeID(1003): the trade's name at who matched it."""
    trade_report_id: str = ""
    """TradeReportID(571) of the TradeCaptureReport(AE) that tells it; empty in an ExecutionReport(8)."""
    trade_report_ref: str = ""
    """TradeReportRefID(572): the report that this one is about."""
    reported_before: bool = False
    """PreviouslyReported(570)=Y."""
    report_words: ReportWords | None = None
    """Of a trade report, what its acknowledgement repeats."""
    settl_currency: str = ""
    """SettlCurrency(120); empty where it does not say."""


class TradeAct(StrEnum):
    """What a TradeCaptureReport(AE) does with the trade it tells of."""

    new = "new"
    addendum = "addendum"
    """More of a trade that was reported before."""
    cancel = "cancel"
    correct = "correct"
    unheard_of = "unheard of"


@row
@dataclass(frozen=True, slots=True)
class TradeSide:
    """One entry of NoSides(552)."""

    cl_ord_id: str
    order_id: str
    side: Side | None
    cum_quantity: Decimal | None
    leaves_quantity: Decimal | None
    accrued: Decimal | None
    gross: Decimal | None
    net: Decimal | None
    currency: str
    text: str
    status: OrderStatus | None
    settl_currency: str = ""


@row
@dataclass(frozen=True, slots=True)
class ReportWords:
    """What a TradeCaptureReportAck(AR) repeats of the report, as it came; empty where it was not there.

    `exec_type` it cannot do without: where the report has none, it is what the report does.
    """

    report_id: str
    trans_type: str
    report_type: str
    exec_type: str
    refers_to: str
    exec_id: str
    secondary_exec_id: str
    match_id: str
    id_source: str
    security_id: str


@row
@dataclass(frozen=True, slots=True)
class TradeReport:
    """TradeCaptureReport(AE) of a dealer.

    `trade` is the trade in an ExecutionReport(8)'s words, without what `sides` say: the desk knows which of them is
    ours. `odd` is what keeps it from being told what it does, in words; empty for most.
    """

    act: TradeAct
    trade: DealerReport
    sides: tuple[TradeSide, ...]
    quote_id: str
    odd: str = ""


@row
@dataclass(frozen=True, slots=True)
class DealerCancelRefused:
    """OrderCancelReject(9) of a dealer."""

    cl_ord_id: str
    orig_cl_ord_id: str
    text: str
    unknown_order: bool
    status: OrderStatus | None = None
    """Where the order stands there; None where the dealer does not say, or says something else."""


class AxeAction(StrEnum):
    """IOITransType(28)."""

    new = "new"
    replacement = "replace"
    cancel = "cancel"


@row
@dataclass(frozen=True, slots=True)
class AxeSaid:
    """IOI(6). `side` is the dealer's own; a cancel says no more than what it `refers_to`, IOIRefID(26).

    `quantity` is face amount, None where the dealer says a `size` or nothing.
    """

    action: AxeAction
    axe_id: str
    refers_to: str
    security_id: str
    seq_num: int
    side: Side | None = None
    quantity: Decimal | None = None
    size: AxeSize | None = None
    price: Decimal | None = None
    quality: AxeQuality | None = None
    valid_until_ns: int | None = None


# --- heard from anybody --------------------------------------------------------------------------


@row
@dataclass(frozen=True, slots=True)
class RefusedByPeer:
    """Reject(3) or BusinessMessageReject(j) of a message of ours; it is never answered in kind.

    `ref_seq_num` is RefSeqNum(45), 0 when the peer left it out; `ref_msg_type` RefMsgType(372) and `ref_id`
    BusinessRejectRefID(379), empty when left out.
    """

    ref_seq_num: int
    ref_msg_type: str
    ref_id: str
    text: str


@row
@dataclass(frozen=True, slots=True)
class Ignored:
    """A message that is tolerated and changes nothing: counted and logged. `kind` is its MsgType(35)."""

    kind: str
    text: str


# --- heard from a market data provider -----------------------------------------------------------


@row
@dataclass(frozen=True, slots=True)
class TradePrint:
    """A trade that a provider tells of, MDEntryType(269) 2: whose it was it does not say. What is missing is None.

    `trade_id` is MDEntryID(278), empty without one; `canceled` is MDUpdateAction(279) 2, which may name that alone.
    """

    security_id: str
    price: Decimal | None
    quantity: Decimal | None
    traded_ns: int | None
    trade_id: str = ""
    canceled: bool = False


@row
@dataclass(frozen=True, slots=True)
class MarketPrice:
    """MarketDataSnapshotFullRefresh(W): `bid` and `offer` clean percent of par, either may be missing.

    Of a pair of currencies `security_id` is the pair, `EUR/USD`, and `mid` its middle where that is told.
    """

    security_id: str
    bid: Decimal | None
    offer: Decimal | None
    quoted_ns: int | None
    trades: tuple[TradePrint, ...] = ()
    mid: Decimal | None = None


@row
@dataclass(frozen=True, slots=True)
class SideChange:
    """One side of a bond's price as it is from now on; `price` None: there is none any more."""

    security_id: str
    is_bid: bool
    price: Decimal | None
    quoted_ns: int | None


@row
@dataclass(frozen=True, slots=True)
class MidChange:
    """The middle of a pair of currencies as it is from now on; `price` None: there is none any more."""

    security_id: str
    price: Decimal | None
    quoted_ns: int | None


@row
@dataclass(frozen=True, slots=True)
class MarketChanges:
    """MarketDataIncrementalRefresh(X): what changed, in its order."""

    sides: tuple[SideChange, ...]
    trades: tuple[TradePrint, ...] = ()
    mids: tuple[MidChange, ...] = ()


# --- said to a dealer ----------------------------------------------------------------------------


@row
@dataclass(frozen=True, slots=True)
class AskDealer:
    """QuoteRequest(R). `collect_until_ns` is ExpireTime(126), `firm_until_ns` ValidUntilTime(62)."""

    dealer: str
    quote_req_id: str
    security_id: str
    id_source: str
    side: Side
    quantity: Decimal
    currency: str
    settl_date: str
    collect_until_ns: int
    firm_until_ns: int
    transact_ns: int


@row
@dataclass(frozen=True, slots=True)
class AcceptQuote:
    """NewOrderSingle(D) with OrdType(40)=D on a QuoteID(117), fill or kill."""

    dealer: str
    placement_id: str
    quote_id: str
    security_id: str
    id_source: str
    side: Side
    quantity: Decimal
    price: Decimal
    currency: str
    settl_date: str
    transact_ns: int


@row
@dataclass(frozen=True, slots=True)
class CancelPlacement:
    """OrderCancelRequest(F)."""

    dealer: str
    cancel_id: str
    placement_id: str
    security_id: str
    id_source: str
    side: Side
    quantity: Decimal
    transact_ns: int


@row
@dataclass(frozen=True, slots=True)
class AskPlacementStatus:
    """OrderStatusRequest(H)."""

    dealer: str
    placement_id: str
    security_id: str
    id_source: str
    side: Side


@row
@dataclass(frozen=True, slots=True)
class DontKnowTrade:
    """DontKnowTrade(Q): an execution is not taken for ours. Identifiers are spelled as the dealer spells them.

    `quantity` is OrderQty(38); what the dealer did not say, or nobody can read, is None.
    """

    dealer: str
    order_id: str
    exec_id: str
    reason: DkReason
    security_id: str
    id_source: str
    side: Side | None
    quantity: Decimal
    last_quantity: Decimal | None
    last_price: Decimal | None
    text: str


class ReportProblem(IntEnum):
    """TradeReportRejectReason(751)."""

    unknown_instrument = 2
    trade_type = 4
    other = 99


@row
@dataclass(frozen=True, slots=True)
class TradeReportAck:
    """TradeCaptureReportAck(AR). `problem` None: accepted."""

    words: ReportWords
    transact_ns: int
    problem: ReportProblem | None = None
    text: str = ""


# --- said to a market data provider --------------------------------------------------------------


@row
@dataclass(frozen=True, slots=True)
class SubscribeMarketData:
    """MarketDataRequest(V), snapshot and updates, top of book. `securities` are ISINs, at most 100.

    With `are_benchmarks` they are the provider's own names of what it calculates.
    """

    request_id: str
    securities: tuple[str, ...]
    with_trades: bool = False
    are_benchmarks: bool = False


@row
@dataclass(frozen=True, slots=True)
class SubscribeRates:
    """MarketDataRequest(V) for pairs of currencies, `EUR/USD`: snapshot and updates, at most 100."""

    request_id: str
    pairs: tuple[str, ...]


# --- said to an OMS and to the drop copy ---------------------------------------------------------


class ReportKind(StrEnum):
    """What a report is about. The values are the journal's spelling."""

    pending_new = "A"
    new = "0"
    trade = "F"
    canceled = "4"
    replaced = "5"
    pending_cancel = "6"
    rejected = "8"
    expired = "C"
    pending_replace = "E"
    status = "I"
    trade_canceled = "H"
    trade_corrected = "G"


@row
@dataclass(frozen=True, slots=True)
class OrderReport:
    """ExecutionReport(8): the same value goes to the order session and, with 797=Y, to the drop copy.

    `code` says why an order was refused.
    """

    exec_id: str
    order_id: str
    session: str
    cl_ord_id: str
    orig_cl_ord_id: str
    kind: ReportKind
    ord_status: OrderStatus
    account: str
    trader: str
    security_id: str
    id_source: str
    side: Side
    quantity: Decimal
    limit_price: Decimal | None
    tif: TimeInForce
    currency: str
    cum_quantity: Decimal
    leaves_quantity: Decimal
    average_price: Decimal
    transact_ns: int
    last_quantity: Decimal | None = None
    last_price: Decimal | None = None
    dealer: str = ""
    """Executing dealer as LEI or agreed code."""
    dealer_exec_id: str = ""
    trade_date: str = ""
    settl_date: str = ""
    accrued: Decimal | None = None
    gross: Decimal | None = None
    net: Decimal | None = None
    code: OrderRefusal | None = None
    text: str = ""
    cusip: str = ""
    """The CUSIP that the order named its bond by: SecurityID(48) of what is told, with the ISIN beside it."""
    exec_ref_id: str = ""
    """The report of a trade, by its ExecID(17), that this one takes back or corrects."""


@row
@dataclass(frozen=True, slots=True)
class CancelRefusal:
    """OrderCancelReject(9); `to_replace`: of a request to change the order."""

    order_id: str
    cl_ord_id: str
    orig_cl_ord_id: str
    ord_status: OrderStatus
    code: CancelProblem
    text: str
    to_replace: bool = False


@row
@dataclass(frozen=True, slots=True)
class BusinessReject:
    """BusinessMessageReject(j) of a message: `reason` is BusinessRejectReason(380)."""

    ref_msg_type: str
    ref_seq_num: int
    reason: int
    text: str
    ref_id: str = ""


Heard = (
    NewOrder
    | UnacceptableOrder
    | CancelOrder
    | ReplaceOrder
    | AskOrderStatus
    | QuoteAnswer
    | QuoteDecline
    | QuoteWithdrawal
    | DealerReport
    | TradeReport
    | DealerCancelRefused
    | AxeSaid
    | RefusedByPeer
    | Ignored
    | MarketPrice
    | MarketChanges
)
Said = (
    AskDealer
    | AcceptQuote
    | CancelPlacement
    | AskPlacementStatus
    | TradeReportAck
    | DontKnowTrade
    | SubscribeMarketData
    | SubscribeRates
    | OrderReport
    | CancelRefusal
    | BusinessReject
)
