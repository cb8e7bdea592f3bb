"""Wire values of the enumerated fields the engine speaks of by name.

One `StrEnum` per tag, named after the field; the integers of reject reasons are `IntEnum`s because
they are compared and counted as numbers. The complete lists a dictionary accepts are in
`fix.standard.dictionary_fields`; what other values are called, for people, is in `fix.capture.value_names`.

Reference: FIX 4.4 field dictionary, with the 5.0 SP2 additions marked.
"""

from __future__ import annotations

from enum import IntEnum, StrEnum

__all__ = [
    "BusinessRejectReason",
    "CxlRejReason",
    "ExecType",
    "MsgType",
    "OrdRejReason",
    "OrdStatus",
    "SessionRejectReason",
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
