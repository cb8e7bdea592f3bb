"""Wire values of the enumerated fields the engine speaks of by name.

One `StrEnum` per tag, named after the field; the integers of reject reasons are `IntEnum`s because
they are compared and counted as numbers. The complete lists a dictionary accepts are in
`engine.fix.standard.dictionary_fields`; here are the values code mentions.

Reference: FIX 4.4 field dictionary, with the 5.0 SP2 additions marked.
"""

from __future__ import annotations

from enum import IntEnum, StrEnum

__all__ = [
    "BusinessRejectReason",
    "CxlRejReason",
    "CxlRejResponseTo",
    "DKReason",
    "ExecTransType",
    "ExecType",
    "HandlInst",
    "MDEntryType",
    "MDReqRejReason",
    "MDUpdateAction",
    "MsgType",
    "OrdRejReason",
    "OrdStatus",
    "OrdType",
    "PartyIDSource",
    "PartyRole",
    "PriceType",
    "Product",
    "QtyType",
    "QuoteCancelType",
    "QuotePriceType",
    "QuoteRejectReason",
    "QuoteRequestRejectReason",
    "QuoteRequestType",
    "QuoteRespType",
    "QuoteStatus",
    "QuoteType",
    "SecurityIDSource",
    "SessionRejectReason",
    "Side",
    "SubscriptionRequestType",
    "TimeInForce",
    "TradSesStatus",
]


class MsgType(StrEnum):
    """MsgType(35)."""

    Heartbeat = "0"
    TestRequest = "1"
    ResendRequest = "2"
    Reject = "3"
    SequenceReset = "4"
    Logout = "5"
    IOI = "6"
    ExecutionReport = "8"
    OrderCancelReject = "9"
    Logon = "A"
    News = "B"
    Email = "C"
    NewOrderSingle = "D"
    NewOrderList = "E"
    OrderCancelRequest = "F"
    OrderCancelReplaceRequest = "G"
    OrderStatusRequest = "H"
    DontKnowTrade = "Q"
    QuoteRequest = "R"
    Quote = "S"
    MarketDataRequest = "V"
    MarketDataSnapshotFullRefresh = "W"
    MarketDataIncrementalRefresh = "X"
    MarketDataRequestReject = "Y"
    QuoteCancel = "Z"
    QuoteStatusRequest = "a"
    MassQuoteAcknowledgement = "b"
    SecurityDefinitionRequest = "c"
    SecurityDefinition = "d"
    TradingSessionStatus = "h"
    BusinessMessageReject = "j"
    SecurityListRequest = "x"
    SecurityList = "y"
    NewOrderMultileg = "AB"
    TradeCaptureReport = "AE"
    QuoteRequestReject = "AG"
    QuoteStatusReport = "AI"
    QuoteResponse = "AJ"
    TradeCaptureReportAck = "AR"
    QuoteAck = "CW"  # 5.0 SP2


class Side(StrEnum):
    """Side(54)."""

    Buy = "1"
    Sell = "2"


class HandlInst(StrEnum):
    """HandlInst(21)."""

    AutomatedPrivate = "1"
    AutomatedPublic = "2"
    Manual = "3"


class SecurityIDSource(StrEnum):
    """SecurityIDSource(22)."""

    Cusip = "1"
    Sedol = "2"
    Isin = "4"
    Ric = "5"
    Exchange = "8"
    Bloomberg = "A"


class OrdStatus(StrEnum):
    """OrdStatus(39)."""

    New = "0"
    PartiallyFilled = "1"
    Filled = "2"
    DoneForDay = "3"
    Canceled = "4"
    Replaced = "5"  # 4.2 and 5.0 SP2
    PendingCancel = "6"
    Stopped = "7"
    Rejected = "8"
    Suspended = "9"
    PendingNew = "A"
    Calculated = "B"
    Expired = "C"
    AcceptedForBidding = "D"
    PendingReplace = "E"


class OrdType(StrEnum):
    """OrdType(40)."""

    Market = "1"
    Limit = "2"
    Stop = "3"
    StopLimit = "4"
    PreviouslyQuoted = "D"
    PreviouslyIndicated = "E"


class TimeInForce(StrEnum):
    """TimeInForce(59)."""

    Day = "0"
    GoodTillCancel = "1"
    AtTheOpening = "2"
    ImmediateOrCancel = "3"
    FillOrKill = "4"
    GoodTillCrossing = "5"
    GoodTillDate = "6"
    AtTheClose = "7"


class ExecTransType(StrEnum):
    """ExecTransType(20), 4.2 only."""

    New = "0"
    Cancel = "1"
    Correct = "2"
    Status = "3"


class ExecType(StrEnum):
    """ExecType(150)."""

    New = "0"
    PartialFill = "1"  # 4.2 only
    Fill = "2"  # 4.2 only
    DoneForDay = "3"
    Canceled = "4"
    Replaced = "5"
    PendingCancel = "6"
    Stopped = "7"
    Rejected = "8"
    Suspended = "9"
    PendingNew = "A"
    Calculated = "B"
    Expired = "C"
    Restated = "D"
    PendingReplace = "E"
    Trade = "F"
    TradeCorrect = "G"
    TradeCancel = "H"
    OrderStatus = "I"


class OrdRejReason(StrEnum):
    """OrdRejReason(103)."""

    Broker = "0"
    UnknownSymbol = "1"
    ExchangeClosed = "2"
    ExceedsLimit = "3"
    TooLate = "4"
    UnknownOrder = "5"
    Duplicate = "6"
    StaleOrder = "8"
    UnsupportedCharacteristic = "11"
    InvalidQuantity = "13"
    UnknownAccount = "15"
    Other = "99"


class CxlRejReason(StrEnum):
    """CxlRejReason(102)."""

    TooLate = "0"
    UnknownOrder = "1"
    Broker = "2"
    AlreadyPending = "3"
    UnableToMassCancel = "4"
    OrigOrdModTimeMismatch = "5"
    DuplicateClOrdID = "6"
    Other = "99"


class CxlRejResponseTo(StrEnum):
    """CxlRejResponseTo(434)."""

    OrderCancelRequest = "1"
    OrderCancelReplaceRequest = "2"


class DKReason(StrEnum):
    """DKReason(127)."""

    UnknownSymbol = "A"
    WrongSide = "B"
    QuantityExceedsOrder = "C"
    NoMatchingOrder = "D"
    PriceExceedsLimit = "E"
    CalculationDifference = "F"
    Other = "Z"


class QuoteRequestType(StrEnum):
    """QuoteRequestType(303)."""

    Manual = "1"
    Automatic = "2"


class QuoteType(StrEnum):
    """QuoteType(537); absent means indicative."""

    Indicative = "0"
    Tradeable = "1"
    RestrictedTradeable = "2"
    Counter = "3"
    InitiallyTradeable = "4"  # 5.0 SP2


class QuoteRespType(StrEnum):
    """QuoteRespType(694)."""

    HitLift = "1"
    Counter = "2"
    Expired = "3"
    Cover = "4"
    DoneAway = "5"
    Pass = "6"
    EndTrade = "7"  # from here on 5.0 SP2
    TimedOut = "8"
    Tied = "9"
    TiedCover = "10"
    Accept = "11"
    Terminate = "12"


class QuoteStatus(StrEnum):
    """QuoteStatus(297)."""

    Accepted = "0"
    CanceledForSymbol = "1"
    CanceledForSecurityType = "2"
    CanceledForUnderlying = "3"
    CanceledAll = "4"
    Rejected = "5"
    RemovedFromMarket = "6"
    Expired = "7"
    Query = "8"
    QuoteNotFound = "9"
    Pending = "10"
    Pass = "11"
    LockedMarketWarning = "12"
    CrossMarketWarning = "13"
    CanceledLockMarket = "14"
    CanceledCrossMarket = "15"
    Active = "16"  # from here on 5.0 SP2
    Canceled = "17"
    UnsolicitedReplenishment = "18"
    PendingEndTrade = "19"
    TooLateToEnd = "20"
    Traded = "21"
    TradedAndRemoved = "22"
    Terminated = "23"


class QuoteCancelType(StrEnum):
    """QuoteCancelType(298)."""

    ForSymbol = "1"
    ForSecurityType = "2"
    ForUnderlying = "3"
    All = "4"
    ForQuote = "5"  # 5.0 SP2


class QuoteRejectReason(StrEnum):
    """QuoteRejectReason(300)."""

    UnknownSymbol = "1"
    ExchangeClosed = "2"
    ExceedsLimit = "3"
    TooLate = "4"
    UnknownQuote = "5"
    Duplicate = "6"
    InvalidSpread = "7"
    InvalidPrice = "8"
    NotAuthorized = "9"
    Other = "99"


class QuoteRequestRejectReason(StrEnum):
    """QuoteRequestRejectReason(658)."""

    UnknownSymbol = "1"
    ExchangeClosed = "2"
    ExceedsLimit = "3"
    TooLate = "4"
    InvalidPrice = "5"
    NotAuthorized = "6"
    NoMatch = "7"
    NoMarket = "8"
    NoInventory = "9"
    Pass = "10"
    Other = "99"


class PriceType(StrEnum):
    """PriceType(423). A yield is 9 here and 10 in QuotePriceType(692)."""

    Percentage = "1"
    PerUnit = "2"
    FixedAmount = "3"
    Discount = "4"
    Premium = "5"
    Spread = "6"
    TedPrice = "7"
    TedYield = "8"
    Yield = "9"


class QuotePriceType(StrEnum):
    """QuotePriceType(692). A yield is 10 here and 9 in PriceType(423)."""

    Percent = "1"
    PerShare = "2"
    FixedAmount = "3"
    Discount = "4"
    Premium = "5"
    Spread = "6"
    TedPrice = "7"
    TedYield = "8"
    YieldSpread = "9"
    Yield = "10"


class QtyType(StrEnum):
    """QtyType(854)."""

    Units = "0"
    Contracts = "1"


class Product(StrEnum):
    """Product(460)."""

    Agency = "1"
    Corporate = "3"
    Government = "6"
    Loan = "8"
    Mortgage = "10"
    Municipal = "11"
    Financing = "13"


class PartyIDSource(StrEnum):
    """PartyIDSource(447)."""

    Bic = "B"
    GeneralIdentifier = "C"
    Proprietary = "D"
    Mic = "G"
    Lei = "N"


class PartyRole(StrEnum):
    """PartyRole(452)."""

    ExecutingFirm = "1"
    ClientID = "3"
    ClearingFirm = "4"
    InvestorID = "5"
    OrderOriginationTrader = "11"
    ExecutingTrader = "12"
    OrderOriginationFirm = "13"
    ContraFirm = "17"
    CustomerAccount = "24"
    LiquidityProvider = "35"
    EnteringTrader = "36"
    ContraTrader = "37"


class SubscriptionRequestType(StrEnum):
    """SubscriptionRequestType(263)."""

    Snapshot = "0"
    SnapshotAndUpdates = "1"
    Unsubscribe = "2"


class MDEntryType(StrEnum):
    """MDEntryType(269)."""

    Bid = "0"
    Offer = "1"
    Trade = "2"


class MDUpdateAction(StrEnum):
    """MDUpdateAction(279)."""

    New = "0"
    Change = "1"
    Delete = "2"


class MDReqRejReason(StrEnum):
    """MDReqRejReason(281)."""

    UnknownSymbol = "0"
    DuplicateMDReqID = "1"
    InsufficientPermissions = "3"
    UnsupportedSubscriptionRequestType = "4"


class TradSesStatus(StrEnum):
    """TradSesStatus(340)."""

    Unknown = "0"
    Halted = "1"
    Open = "2"
    Closed = "3"
    PreOpen = "4"
    PreClose = "5"


class SessionRejectReason(IntEnum):
    """SessionRejectReason(373)."""

    InvalidTagNumber = 0
    RequiredTagMissing = 1
    TagNotDefinedForMessageType = 2
    UndefinedTag = 3
    TagWithoutValue = 4
    ValueIncorrect = 5
    IncorrectDataFormat = 6
    DecryptionProblem = 7
    SignatureProblem = 8
    CompIDProblem = 9
    SendingTimeAccuracyProblem = 10
    InvalidMsgType = 11
    XmlValidationError = 12
    TagAppearsMoreThanOnce = 13
    TagOutOfRequiredOrder = 14
    GroupFieldsOutOfOrder = 15
    IncorrectNumInGroupCount = 16
    NonDataValueIncludesDelimiter = 17
    InvalidApplicationVersion = 18  # 5.0 SP2
    Other = 99


class BusinessRejectReason(IntEnum):
    """BusinessRejectReason(380)."""

    Other = 0
    UnknownID = 1
    UnknownSecurity = 2
    UnsupportedMessageType = 3
    ApplicationNotAvailable = 4
    ConditionallyRequiredFieldMissing = 5
    NotAuthorized = 6
    DeliverToFirmNotAvailable = 7
