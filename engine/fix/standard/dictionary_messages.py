"""What the engine's FIX messages are made of: the text the built-in dictionaries are read from.

Notation, read by `engine.fix.standard.dictionary`: member names in the standard's order, `!` required,
`Name(...)` a repeating group whose first member is its delimiter, `@Name` a component. A required
component (`@Name!`) passes its own required members on; an optional one does not. Legs and
underlyings are left out: lists and multileg orders are not this engine's trade.

Reference: FIX 4.2 and 4.4 with errata, FIX 5.0 SP2, FIXT 1.1 (fixtrading.org), own wording.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

# Every MsgType(35) a version has, described here or not: an undescribed one is unsupported, not invalid.
MSG_TYPES_42: Final = "0..9 A..H J..N P..T V..Z a..m"
MSG_TYPES_44: Final = MSG_TYPES_42 + " n..z AA..AZ BA..BH"
MSG_TYPES_50SP2: Final = MSG_TYPES_44 + " BI..BZ CA..CZ DA..DZ EA EB"

# What the standard calls the types that are not described here, for people who read them in a log.
_OTHER_TYPES: Final = """
    7:Advertisement J:AllocationInstruction K:ListCancelRequest L:ListExecute M:ListStatusRequest N:ListStatus
    P:AllocationInstructionAck T:SettlementInstructions e:SecurityStatusRequest f:SecurityStatus
    g:TradingSessionStatusRequest i:MassQuote k:BidRequest l:BidResponse m:ListStrikePrice n:XMLnonFIX
    o:RegistrationInstructions p:RegistrationInstructionsResponse q:OrderMassCancelRequest
    r:OrderMassCancelReport s:NewOrderCross t:CrossOrderCancelReplaceRequest u:CrossOrderCancelRequest
    v:SecurityTypeRequest w:SecurityTypes z:DerivativeSecurityListRequest AA:DerivativeSecurityList
    AC:MultilegOrderCancelReplace AD:TradeCaptureReportRequest AF:OrderMassStatusRequest AH:RFQRequest
    AK:Confirmation AL:PositionMaintenanceRequest AM:PositionMaintenanceReport AN:RequestForPositions
    AO:RequestForPositionsAck AP:PositionReport AQ:TradeCaptureReportRequestAck AS:AllocationReport
    AT:AllocationReportAck AU:ConfirmationAck AV:SettlementInstructionRequest AW:AssignmentReport
    AX:CollateralRequest AY:CollateralAssignment AZ:CollateralResponse BA:CollateralReport BB:CollateralInquiry
    BC:NetworkCounterpartySystemStatusRequest BD:NetworkCounterpartySystemStatusResponse BE:UserRequest
    BF:UserResponse BG:CollateralInquiryAck BH:ConfirmationRequest BI:TradingSessionListRequest
    BJ:TradingSessionList BK:SecurityListUpdateReport BL:AdjustedPositionReport BM:AllocationInstructionAlert
    BN:ExecutionAck BO:ContraryIntentionReport BP:SecurityDefinitionUpdateReport BQ:SettlementObligationReport
    BR:DerivativeSecurityListUpdateReport BS:TradingSessionListUpdateReport BT:MarketDefinitionRequest
    BU:MarketDefinition BV:MarketDefinitionUpdateReport BW:ApplicationMessageRequest
    BX:ApplicationMessageRequestAck BY:ApplicationMessageReport BZ:OrderMassActionReport
    CA:OrderMassActionRequest CB:UserNotification CC:StreamAssignmentRequest CD:StreamAssignmentReport
    CE:StreamAssignmentReportACK CF:PartyDetailsListRequest CG:PartyDetailsListReport"""
MSG_TYPE_NAMES: Final[Mapping[str, str]] = dict(pair.split(":") for pair in _OTHER_TYPES.split())

# The highest tag a version defines.
TAG_MAX_42: Final = 446
TAG_MAX_44: Final = 956
TAG_MAX_50SP2: Final = 4_999

COMPONENTS_44: Final[Mapping[str, str]] = {
    "Instrument": """
        Symbol SymbolSfx SecurityID SecurityIDSource NoSecurityAltID(SecurityAltID SecurityAltIDSource) Product
        CFICode SecurityType SecuritySubType MaturityMonthYear MaturityDate PutOrCall CouponPaymentDate IssueDate
        RepoCollateralSecurityType RepurchaseTerm RepurchaseRate Factor CreditRating InstrRegistry CountryOfIssue
        StateOrProvinceOfIssue LocaleOfIssue RedemptionDate StrikePrice StrikeCurrency OptAttribute
        ContractMultiplier CouponRate SecurityExchange Issuer EncodedIssuerLen EncodedIssuer SecurityDesc
        EncodedSecurityDescLen EncodedSecurityDesc Pool ContractSettlMonth CPProgram CPRegType NoEvents(EventType
        EventDate EventPx EventText) DatedDate InterestAccrualDate""",
    "InstrumentExtension": "DeliveryForm PctAtRisk NoInstrAttrib(InstrAttribType InstrAttribValue)",
    "FinancingDetails": """
        AgreementDesc AgreementID AgreementDate AgreementCurrency TerminationType StartDate EndDate DeliveryType
        MarginRatio""",
    "Parties": "NoPartyIDs(PartyID PartyIDSource PartyRole NoPartySubIDs(PartySubID PartySubIDType))",
    "Stipulations": "NoStipulations(StipulationType StipulationValue)",
    "OrderQtyData": "OrderQty CashOrderQty OrderPercent RoundingDirection RoundingModulus",
    "CommissionData": "Commission CommType CommCurrency FundRenewWaiv",
    "Benchmark": """
        Spread BenchmarkCurveCurrency BenchmarkCurveName BenchmarkCurvePoint BenchmarkPrice BenchmarkPriceType
        BenchmarkSecurityID BenchmarkSecurityIDSource""",
    "YieldData": """
        YieldType Yield YieldCalcDate YieldRedemptionDate YieldRedemptionPrice YieldRedemptionPriceType""",
    "PegInstructions": "PegOffsetValue PegMoveType PegOffsetType PegLimitType PegRoundDirection PegScope",
    "DiscretionInstructions": """
        DiscretionInst DiscretionOffsetValue DiscretionMoveType DiscretionOffsetType DiscretionLimitType
        DiscretionRoundDirection DiscretionScope""",
    "EncodedText": "Text EncodedTextLen EncodedText",
    "MiscFees": "NoMiscFees(MiscFeeAmt MiscFeeCurr MiscFeeType MiscFeeBasis)",
    "TradingSessions": "NoTradingSessions(TradingSessionID TradingSessionSubID)",
    "PreAllocs": """
        NoAllocs(AllocAccount AllocAcctIDSource AllocSettlCurrency IndividualAllocID
        NoNestedPartyIDs(NestedPartyID NestedPartyIDSource NestedPartyRole
        NoNestedPartySubIDs(NestedPartySubID NestedPartySubIDType)) AllocQty)""",
}

HEADER_44: Final = """
    BeginString! BodyLength! MsgType! SenderCompID! TargetCompID! OnBehalfOfCompID DeliverToCompID SecureDataLen
    SecureData MsgSeqNum! SenderSubID SenderLocationID TargetSubID TargetLocationID OnBehalfOfSubID
    OnBehalfOfLocationID DeliverToSubID DeliverToLocationID PossDupFlag PossResend SendingTime! OrigSendingTime
    XmlDataLen XmlData MessageEncoding LastMsgSeqNumProcessed NoHops(HopCompID HopSendingTime HopRefID)"""

# The transport's header names the application version of the message and, since 2011, its extension.
HEADER_FIXT: Final = """
    BeginString! BodyLength! MsgType! ApplVerID ApplExtID CstmApplVerID SenderCompID! TargetCompID! OnBehalfOfCompID
    DeliverToCompID SecureDataLen SecureData MsgSeqNum! SenderSubID SenderLocationID TargetSubID TargetLocationID
    OnBehalfOfSubID OnBehalfOfLocationID DeliverToSubID DeliverToLocationID PossDupFlag PossResend SendingTime!
    OrigSendingTime XmlDataLen XmlData MessageEncoding LastMsgSeqNumProcessed
    NoHops(HopCompID HopSendingTime HopRefID)"""

TRAILER: Final = "SignatureLength Signature CheckSum!"

# What a new order and a replacement share: one text before the instrument, one after its side.
_ORDER_HANDLING_44: Final = """
    SettlType SettlDate CashMargin ClearingFeeIndicator HandlInst ExecInst MinQty MaxFloor ExDestination
    @TradingSessions """
_ORDER_TERMS_44: Final = """
    LocateReqd TransactTime! QtyType @OrderQtyData OrdType! PriceType Price StopPx @Benchmark @YieldData Currency
    ComplianceID SolicitedFlag TimeInForce EffectiveTime ExpireDate ExpireTime GTBookingInst @CommissionData
    OrderCapacity OrderRestrictions CustOrderCapacity ForexReq SettlCurrency BookingType @EncodedText SettlDate2
    OrderQty2 Price2 PositionEffect CoveredOrUncovered MaxShow @PegInstructions @DiscretionInstructions
    TargetStrategy TargetStrategyParameters ParticipationRate CancellationRights MoneyLaunderingStatus RegistID
    Designation"""

# MsgType: (name, "admin" or "app", members). 4.4; the other versions name their differences from it below.
MESSAGES_44: Final[Mapping[str, tuple[str, str, str]]] = {
    "0": ("Heartbeat", "admin", "TestReqID"),
    "1": ("TestRequest", "admin", "TestReqID!"),
    "2": ("ResendRequest", "admin", "BeginSeqNo! EndSeqNo!"),
    "3": ("Reject", "admin", "RefSeqNum! RefTagID RefMsgType SessionRejectReason @EncodedText"),
    "4": ("SequenceReset", "admin", "GapFillFlag NewSeqNo!"),
    "5": ("Logout", "admin", "@EncodedText"),
    "A": (
        "Logon",
        "admin",
        """EncryptMethod! HeartBtInt! RawDataLength RawData ResetSeqNumFlag NextExpectedMsgSeqNum MaxMessageSize
        NoMsgTypes(RefMsgType MsgDirection) TestMessageIndicator Username Password""",
    ),
    "6": (
        "IOI",
        "app",
        """IOIID! IOITransType! IOIRefID @Instrument! @FinancingDetails Side! QtyType @OrderQtyData IOIQty! Currency
        @Stipulations PriceType Price ValidUntilTime IOIQltyInd IOINaturalFlag NoIOIQualifiers(IOIQualifier)
        @EncodedText TransactTime URLLink NoRoutingIDs(RoutingType RoutingID) @Benchmark @YieldData""",
    ),
    "8": (
        "ExecutionReport",
        "app",
        """OrderID! SecondaryOrderID SecondaryClOrdID SecondaryExecID ClOrdID OrigClOrdID ClOrdLinkID QuoteRespID
        OrdStatusReqID MassStatusReqID TotNumReports LastRptRequested @Parties TradeOriginationDate
        NoContraBrokers(ContraBroker ContraTrader ContraTradeQty ContraTradeTime ContraLegRefID) ListID CrossID
        OrigCrossID CrossType ExecID! ExecRefID ExecType! OrdStatus! WorkingIndicator OrdRejReason
        ExecRestatementReason Account AcctIDSource AccountType DayBookingInst BookingUnit PreallocMethod SettlType
        SettlDate CashMargin ClearingFeeIndicator @Instrument! @FinancingDetails Side! @Stipulations QtyType
        @OrderQtyData OrdType PriceType Price StopPx @PegInstructions @DiscretionInstructions PeggedPrice
        DiscretionPrice TargetStrategy TargetStrategyParameters ParticipationRate TargetStrategyPerformance Currency
        ComplianceID SolicitedFlag TimeInForce EffectiveTime ExpireDate ExpireTime ExecInst OrderCapacity
        OrderRestrictions CustOrderCapacity LastQty UnderlyingLastQty LastPx UnderlyingLastPx LastParPx LastSpotRate
        LastForwardPoints LastMkt TradingSessionID TradingSessionSubID TimeBracket LastCapacity LeavesQty! CumQty!
        AvgPx! DayOrderQty DayCumQty DayAvgPx GTBookingInst TradeDate TransactTime ReportToExch @CommissionData
        @Benchmark @YieldData GrossTradeAmt NumDaysInterest ExDate AccruedInterestRate AccruedInterestAmt
        InterestAtMaturity EndAccruedInterestAmt StartCash EndCash TradedFlatSwitch BasisFeatureDate
        BasisFeaturePrice Concession TotalTakedown NetMoney SettlCurrAmt SettlCurrency SettlCurrFxRate
        SettlCurrFxRateCalc HandlInst MinQty MaxFloor PositionEffect MaxShow BookingType @EncodedText SettlDate2
        OrderQty2 LastForwardPoints2 MultiLegReportingType CancellationRights MoneyLaunderingStatus RegistID
        Designation TransBkdTime ExecValuationPoint ExecPriceType ExecPriceAdjustment PriorityIndicator
        PriceImprovement LastLiquidityInd NoContAmts(ContAmtType ContAmtValue ContAmtCurr) CopyMsgIndicator
        @MiscFees""",
    ),
    "9": (
        "OrderCancelReject",
        "app",
        """OrderID! SecondaryOrderID SecondaryClOrdID ClOrdID! ClOrdLinkID OrigClOrdID! OrdStatus! WorkingIndicator
        OrigOrdModTime ListID Account AcctIDSource AccountType TradeOriginationDate TradeDate TransactTime
        CxlRejResponseTo! CxlRejReason @EncodedText""",
    ),
    "B": (
        "News",
        "app",
        """OrigTime Urgency Headline! EncodedHeadlineLen EncodedHeadline NoRoutingIDs(RoutingType RoutingID)
        NoRelatedSym(@Instrument) NoLinesOfText!(Text! EncodedTextLen EncodedText) URLLink RawDataLength RawData""",
    ),
    "C": (
        "Email",
        "app",
        """EmailThreadID! EmailType! OrigTime Subject! EncodedSubjectLen EncodedSubject
        NoRoutingIDs(RoutingType RoutingID) NoRelatedSym(@Instrument) OrderID ClOrdID
        NoLinesOfText!(Text! EncodedTextLen EncodedText) RawDataLength RawData""",
    ),
    "D": (
        "NewOrderSingle",
        "app",
        "ClOrdID! SecondaryClOrdID ClOrdLinkID @Parties TradeOriginationDate TradeDate Account AcctIDSource "
        "AccountType DayBookingInst BookingUnit PreallocMethod AllocID @PreAllocs"
        + _ORDER_HANDLING_44
        + "ProcessCode @Instrument! @FinancingDetails PrevClosePx Side! @Stipulations IOIID QuoteID"
        + _ORDER_TERMS_44,
    ),
    "F": (
        "OrderCancelRequest",
        "app",
        """OrigClOrdID! OrderID ClOrdID! SecondaryClOrdID ClOrdLinkID ListID OrigOrdModTime Account AcctIDSource
        AccountType @Parties @Instrument! @FinancingDetails Side! TransactTime! @OrderQtyData ComplianceID
        @EncodedText""",
    ),
    "G": (
        "OrderCancelReplaceRequest",
        "app",
        "OrderID @Parties TradeOriginationDate TradeDate OrigClOrdID! ClOrdID! SecondaryClOrdID ClOrdLinkID ListID "
        "OrigOrdModTime Account AcctIDSource AccountType DayBookingInst BookingUnit PreallocMethod AllocID @PreAllocs"
        + _ORDER_HANDLING_44
        + "@Instrument! @FinancingDetails Side!"
        + _ORDER_TERMS_44,
    ),
    "H": (
        "OrderStatusRequest",
        "app",
        """OrderID ClOrdID! SecondaryClOrdID ClOrdLinkID @Parties OrdStatusReqID Account AcctIDSource @Instrument!
        @FinancingDetails Side!""",
    ),
    "Q": (
        "DontKnowTrade",
        "app",
        """OrderID! SecondaryOrderID ExecID! DKReason! @Instrument! Side! @OrderQtyData! LastQty LastPx @EncodedText""",
    ),
    "R": (
        "QuoteRequest",
        "app",
        """QuoteReqID! RFQReqID ClOrdID OrderCapacity
        NoRelatedSym!(@Instrument! @FinancingDetails PrevClosePx QuoteRequestType QuoteType TradingSessionID
        TradingSessionSubID TradeOriginationDate Side QtyType @OrderQtyData SettlType SettlDate SettlDate2 OrderQty2
        Currency @Stipulations Account AcctIDSource AccountType NoQuoteQualifiers(QuoteQualifier) QuotePriceType
        OrdType ValidUntilTime ExpireTime TransactTime @Benchmark PriceType Price Price2 @YieldData @Parties)
        @EncodedText""",
    ),
    "AG": (
        "QuoteRequestReject",
        "app",
        """QuoteReqID! RFQReqID QuoteRequestRejectReason!
        NoRelatedSym!(@Instrument! @FinancingDetails PrevClosePx QuoteRequestType QuoteType TradingSessionID
        TradingSessionSubID TradeOriginationDate Side QtyType @OrderQtyData SettlType SettlDate SettlDate2 OrderQty2
        Currency @Stipulations Account AcctIDSource AccountType NoQuoteQualifiers(QuoteQualifier) QuotePriceType
        OrdType ExpireTime TransactTime @Benchmark PriceType Price Price2 @YieldData @Parties)
        @EncodedText""",
    ),
    "S": (
        "Quote",
        "app",
        """QuoteReqID QuoteID! QuoteRespID QuoteType NoQuoteQualifiers(QuoteQualifier) QuoteResponseLevel @Parties
        TradingSessionID TradingSessionSubID @Instrument! @FinancingDetails Side @OrderQtyData SettlType SettlDate
        SettlDate2 OrderQty2 Currency @Stipulations Account AcctIDSource AccountType BidPx OfferPx MktBidPx
        MktOfferPx MinBidSize BidSize MinOfferSize OfferSize ValidUntilTime BidSpotRate OfferSpotRate
        BidForwardPoints OfferForwardPoints MidPx BidYield MidYield OfferYield TransactTime OrdType
        BidForwardPoints2 OfferForwardPoints2 SettlCurrBidFxRate SettlCurrOfferFxRate SettlCurrFxRateCalc CommType
        Commission CustOrderCapacity ExDestination OrderCapacity PriceType @Benchmark @YieldData @EncodedText""",
    ),
    "AJ": (
        "QuoteResponse",
        "app",
        """QuoteRespID! QuoteID QuoteRespType! ClOrdID OrderCapacity IOIID QuoteType NoQuoteQualifiers(QuoteQualifier)
        @Parties TradingSessionID TradingSessionSubID @Instrument! @FinancingDetails Side @OrderQtyData SettlType
        SettlDate SettlDate2 OrderQty2 Currency @Stipulations Account AcctIDSource AccountType BidPx OfferPx
        MktBidPx MktOfferPx MinBidSize BidSize MinOfferSize OfferSize ValidUntilTime BidSpotRate OfferSpotRate
        BidForwardPoints OfferForwardPoints MidPx BidYield MidYield OfferYield TransactTime OrdType
        BidForwardPoints2 OfferForwardPoints2 SettlCurrBidFxRate SettlCurrOfferFxRate SettlCurrFxRateCalc Commission
        CommType CustOrderCapacity ExDestination @EncodedText Price PriceType @Benchmark @YieldData""",
    ),
    "Z": (
        "QuoteCancel",
        "app",
        """QuoteReqID QuoteID! QuoteCancelType! QuoteResponseLevel @Parties Account AcctIDSource AccountType
        TradingSessionID TradingSessionSubID NoQuoteEntries(@Instrument @FinancingDetails)""",
    ),
    "a": (
        "QuoteStatusRequest",
        "app",
        """QuoteStatusReqID QuoteID @Instrument! @FinancingDetails @Parties Account AcctIDSource AccountType
        TradingSessionID TradingSessionSubID SubscriptionRequestType""",
    ),
    "AI": (
        "QuoteStatusReport",
        "app",
        """QuoteStatusReqID QuoteReqID QuoteID! QuoteRespID QuoteType @Parties TradingSessionID TradingSessionSubID
        @Instrument! @FinancingDetails Side @OrderQtyData SettlType SettlDate SettlDate2 OrderQty2 Currency
        @Stipulations Account AcctIDSource AccountType ExpireTime Price PriceType @Benchmark @YieldData
        NoQuoteQualifiers(QuoteQualifier) BidPx OfferPx MktBidPx MktOfferPx MinBidSize BidSize MinOfferSize
        OfferSize ValidUntilTime BidSpotRate OfferSpotRate BidForwardPoints OfferForwardPoints MidPx BidYield
        MidYield OfferYield TransactTime OrdType BidForwardPoints2 OfferForwardPoints2 SettlCurrBidFxRate
        SettlCurrOfferFxRate SettlCurrFxRateCalc CommType Commission CustOrderCapacity ExDestination QuoteStatus
        @EncodedText""",
    ),
    "b": (
        "MassQuoteAcknowledgement",
        "app",
        """QuoteReqID QuoteID QuoteStatus! QuoteRejectReason QuoteResponseLevel QuoteType @Parties Account AcctIDSource
        AccountType @EncodedText NoQuoteSets(QuoteSetID TotNoQuoteEntries LastFragment NoQuoteEntries(QuoteEntryID
        @Instrument BidPx OfferPx BidSize OfferSize ValidUntilTime BidSpotRate OfferSpotRate BidForwardPoints
        OfferForwardPoints MidPx BidYield MidYield OfferYield TransactTime TradingSessionID TradingSessionSubID
        SettlDate OrdType SettlDate2 OrderQty2 BidForwardPoints2 OfferForwardPoints2 Currency
        QuoteEntryRejectReason))""",
    ),
    "V": (
        "MarketDataRequest",
        "app",
        """MDReqID! SubscriptionRequestType! MarketDepth! MDUpdateType AggregatedBook OpenCloseSettlFlag Scope
        MDImplicitDelete NoMDEntryTypes!(MDEntryType!) NoRelatedSym!(@Instrument!) @TradingSessions ApplQueueAction
        ApplQueueMax""",
    ),
    "W": (
        "MarketDataSnapshotFullRefresh",
        "app",
        """MDReqID @Instrument! FinancialStatus CorporateAction NetChgPrevDay NoMDEntries!(MDEntryType! MDEntryPx
        Currency MDEntrySize MDEntryDate MDEntryTime TickDirection MDMkt TradingSessionID TradingSessionSubID
        QuoteCondition TradeCondition MDEntryOriginator LocationID DeskID OpenCloseSettlFlag TimeInForce ExpireDate
        ExpireTime MinQty ExecInst SellerDays OrderID QuoteEntryID MDEntryBuyer MDEntrySeller NumberOfOrders
        MDEntryPositionNo Scope PriceDelta @EncodedText) ApplQueueDepth ApplQueueResolution""",
    ),
    "X": (
        "MarketDataIncrementalRefresh",
        "app",
        """MDReqID
        NoMDEntries!(MDUpdateAction! DeleteReason MDEntryType MDEntryID MDEntryRefID @Instrument FinancialStatus
        CorporateAction MDEntryPx Currency MDEntrySize MDEntryDate MDEntryTime TickDirection MDMkt TradingSessionID
        TradingSessionSubID QuoteCondition TradeCondition MDEntryOriginator LocationID DeskID OpenCloseSettlFlag
        TimeInForce ExpireDate ExpireTime MinQty ExecInst SellerDays OrderID QuoteEntryID MDEntryBuyer MDEntrySeller
        NumberOfOrders MDEntryPositionNo Scope PriceDelta NetChgPrevDay @EncodedText) ApplQueueDepth
        ApplQueueResolution""",
    ),
    "Y": (
        "MarketDataRequestReject",
        "app",
        "MDReqID! MDReqRejReason NoAltMDSource(AltMDSourceID) @EncodedText",
    ),
    "c": (
        "SecurityDefinitionRequest",
        "app",
        """SecurityReqID! SecurityRequestType! @Instrument Currency @EncodedText TradingSessionID TradingSessionSubID
        ExpirationCycle SubscriptionRequestType""",
    ),
    "d": (
        "SecurityDefinition",
        "app",
        """SecurityReqID! SecurityResponseID! SecurityResponseType! @Instrument @InstrumentExtension Currency
        TradingSessionID TradingSessionSubID @EncodedText ExpirationCycle RoundLot MinTradeVol""",
    ),
    "x": (
        "SecurityListRequest",
        "app",
        """SecurityReqID! SecurityListRequestType! @Instrument @FinancingDetails Currency @EncodedText TradingSessionID
        TradingSessionSubID SubscriptionRequestType""",
    ),
    "y": (
        "SecurityList",
        "app",
        """SecurityReqID! SecurityResponseID! SecurityRequestResult! TotNoRelatedSym LastFragment
        NoRelatedSym(@Instrument @InstrumentExtension @FinancingDetails Currency @Stipulations @Benchmark @YieldData
        RoundLot MinTradeVol TradingSessionID TradingSessionSubID ExpirationCycle @EncodedText)""",
    ),
    "h": (
        "TradingSessionStatus",
        "app",
        """TradSesReqID TradingSessionID! TradingSessionSubID TradSesMethod TradSesMode UnsolicitedIndicator
        TradSesStatus! TradSesStatusRejReason TradSesStartTime TradSesOpenTime TradSesPreCloseTime TradSesCloseTime
        TradSesEndTime TotalVolumeTraded @EncodedText""",
    ),
    "j": (
        "BusinessMessageReject",
        "app",
        "RefSeqNum RefMsgType! BusinessRejectRefID BusinessRejectReason! @EncodedText",
    ),
    "AE": (
        "TradeCaptureReport",
        "app",
        """TradeReportID! TradeReportTransType TradeReportType TradeRequestID TrdType TrdSubType SecondaryTrdType
        TransferReason ExecType TotNumTradeReports LastRptRequested UnsolicitedIndicator SubscriptionRequestType
        TradeReportRefID SecondaryTradeReportRefID SecondaryTradeReportID TradeLinkID TrdMatchID ExecID OrdStatus
        SecondaryExecID ExecRestatementReason PreviouslyReported! PriceType @Instrument! @FinancingDetails
        @OrderQtyData QtyType @YieldData UnderlyingTradingSessionID UnderlyingTradingSessionSubID LastQty! LastPx!
        LastParPx LastSpotRate LastForwardPoints LastMkt TradeDate! ClearingBusinessDate AvgPx @Benchmark
        AvgPxIndicator MultiLegReportingType TradeLegRefID TransactTime! SettlType SettlDate MatchStatus MatchType
        NoSides!(Side! OrderID! SecondaryOrderID ClOrdID SecondaryClOrdID ListID @Parties Account AcctIDSource
        AccountType ProcessCode OddLot NoClearingInstructions(ClearingInstruction) TradeInputSource TradeInputDevice
        OrderInputDevice Currency ComplianceID SolicitedFlag OrderCapacity OrderRestrictions CustOrderCapacity
        OrdType ExecInst TransBkdTime TradingSessionID TradingSessionSubID TimeBracket @CommissionData GrossTradeAmt
        NumDaysInterest ExDate AccruedInterestRate AccruedInterestAmt InterestAtMaturity EndAccruedInterestAmt
        StartCash EndCash Concession TotalTakedown NetMoney SettlCurrAmt SettlCurrency SettlCurrFxRate
        SettlCurrFxRateCalc PositionEffect @EncodedText SideMultiLegReportingType NoContAmts(ContAmtType
        ContAmtValue ContAmtCurr) @Stipulations @MiscFees ExchangeRule TradeAllocIndicator PreallocMethod AllocID)
        CopyMsgIndicator PublishTrdIndicator ShortSaleReason""",
    ),
    "AR": (
        "TradeCaptureReportAck",
        "app",
        """TradeReportID! TradeReportTransType TradeReportType TrdType TrdSubType SecondaryTrdType TransferReason
        ExecType! TradeReportRefID SecondaryTradeReportRefID TrdRptStatus TradeReportRejectReason
        SecondaryTradeReportID SubscriptionRequestType TradeLinkID TrdMatchID ExecID SecondaryExecID @Instrument!
        TransactTime ResponseTransportType ResponseDestination @EncodedText""",
    ),
}

# 5.0 SP2: what it adds at the end of a message, what it no longer requires, and what it orders anew.
COMPONENTS_50SP2: Final[Mapping[str, str]] = {
    **COMPONENTS_44,
    "Instrument": """
        Symbol SymbolSfx SecurityID SecurityIDSource NoSecurityAltID(SecurityAltID SecurityAltIDSource) Product
        ProductComplex SecurityGroup CFICode SecurityType SecuritySubType MaturityMonthYear MaturityDate
        MaturityTime SecurityStatus CouponPaymentDate IssueDate RepoCollateralSecurityType RepurchaseTerm
        RepurchaseRate Factor CreditRating InstrRegistry CountryOfIssue StateOrProvinceOfIssue LocaleOfIssue
        RedemptionDate StrikePrice StrikeCurrency OptAttribute ContractMultiplier MinPriceIncrement UnitOfMeasure
        PriceUnitOfMeasure PutOrCall CouponRate SecurityExchange Issuer EncodedIssuerLen EncodedIssuer SecurityDesc
        EncodedSecurityDescLen EncodedSecurityDesc Pool ContractSettlMonth CPProgram CPRegType NoEvents(EventType
        EventDate EventTime EventPx EventText) DatedDate InterestAccrualDate""",
    "RootParties": """
        NoRootPartyIDs(RootPartyID RootPartyIDSource RootPartyRole
        NoRootPartySubIDs(RootPartySubID RootPartySubIDType))""",
    "TargetParties": "NoTargetPartyIDs(TargetPartyID TargetPartyIDSource TargetPartyRole)",
}

ADDED_50SP2: Final[Mapping[str, str]] = {
    "3": "RefApplVerID RefApplExtID RefCstmApplVerID",
    "5": "SessionStatus",
    "8": """MatchType OrderCategory QuoteMsgID PreTradeAnonymity TrdMatchID AggressorIndicator MDEntryID""",
    "9": "@Parties",
    "D": "MatchIncrement MaxPriceLevels PreTradeAnonymity RefOrderID RefOrderIDSource",
    "G": "MatchIncrement MaxPriceLevels PreTradeAnonymity",
    "R": "PrivateQuote RespondentType PreTradeAnonymity @RootParties @TargetParties",
    "AG": "PrivateQuote RespondentType PreTradeAnonymity @RootParties",
    "S": "QuoteMsgID PrivateQuote BidSpread OfferSpread",
    "Z": "QuoteMsgID",
    "AI": "QuoteMsgID QuoteRejectReason",
    "AJ": "QuoteMsgID QuoteReqID PreTradeAnonymity",
    "V": "@Parties MDQuoteType",
    "W": "ApplSeqNum MDBookType LastUpdateTime",
    "X": "MDBookType ApplSeqNum",
    "j": "RefApplVerID RefApplExtID RefCstmApplVerID",
    "AR": "LastQty LastPx TradeDate",
}

RELAXED_50SP2: Final[Mapping[str, str]] = {
    "8": "AvgPx",
    "9": "OrigClOrdID",
    "B": "NoLinesOfText",
    "C": "NoLinesOfText",
    "F": "OrigClOrdID",
    "G": "OrigClOrdID",
    "H": "ClOrdID",
    "Z": "QuoteID",
    "AI": "QuoteID",
    "y": "SecurityReqID SecurityResponseID SecurityRequestResult",
    "AR": "TradeReportID ExecType",
}

MESSAGES_50SP2: Final[Mapping[str, tuple[str, str, str]]] = {
    "A": (
        "Logon",
        "admin",
        """EncryptMethod! HeartBtInt! RawDataLength RawData ResetSeqNumFlag NextExpectedMsgSeqNum MaxMessageSize
        NoMsgTypes(RefMsgType MsgDirection RefApplVerID RefApplExtID RefCstmApplVerID DefaultVerIndicator)
        TestMessageIndicator Username Password NewPassword EncryptedPasswordMethod EncryptedPasswordLen
        EncryptedPassword EncryptedNewPasswordLen EncryptedNewPassword SessionStatus DefaultApplVerID!
        DefaultApplExtID DefaultCstmApplVerID @EncodedText""",
    ),
    "AE": (
        "TradeCaptureReport",
        "app",
        """TradeReportID TradeReportTransType TradeReportType TradeRequestID TrdType TrdSubType SecondaryTrdType
        TransferReason ExecType TotNumTradeReports LastRptRequested UnsolicitedIndicator SubscriptionRequestType
        TradeReportRefID SecondaryTradeReportRefID SecondaryTradeReportID TradeLinkID TrdMatchID ExecID
        SecondaryExecID ExecRestatementReason PreviouslyReported PriceType @RootParties @Instrument!
        @FinancingDetails QtyType @YieldData UnderlyingTradingSessionID UnderlyingTradingSessionSubID LastQty LastPx
        Currency SettlCurrency LastParPx LastSpotRate LastForwardPoints LastMkt TradeDate ClearingBusinessDate AvgPx
        @Benchmark AvgPxIndicator MultiLegReportingType TradeLegRefID TransactTime SettlType SettlDate MatchStatus
        MatchType NoSides(Side! @Parties Account AcctIDSource AccountType ProcessCode OddLot
        NoClearingInstructions(ClearingInstruction) TradeInputSource TradeInputDevice ComplianceID SolicitedFlag
        CustOrderCapacity TradingSessionID TradingSessionSubID TimeBracket @CommissionData NumDaysInterest ExDate
        AccruedInterestRate AccruedInterestAmt InterestAtMaturity EndAccruedInterestAmt StartCash EndCash Concession
        TotalTakedown NetMoney SettlCurrAmt SettlCurrFxRate SettlCurrFxRateCalc PositionEffect @EncodedText
        SideMultiLegReportingType NoContAmts(ContAmtType ContAmtValue ContAmtCurr) @Stipulations @MiscFees
        ExchangeRule TradeAllocIndicator PreallocMethod AllocID OrderID SecondaryOrderID ClOrdID SecondaryClOrdID
        ListID OrdType ExecInst OrdStatus OrderCapacity OrderRestrictions TransBkdTime) CopyMsgIndicator
        PublishTrdIndicator ShortSaleReason GrossTradeAmt""",
    ),
    "CW": (
        "QuoteAck",
        "app",
        "QuoteID QuoteReqID QuoteMsgID QuoteType QuoteCancelType QuoteAckStatus! QuoteRejectReason @EncodedText",
    ),
    "d": (
        "SecurityDefinition",
        "app",
        """SecurityReportID SecurityReqID SecurityResponseID SecurityResponseType CorporateAction @Instrument
        @InstrumentExtension Currency @Stipulations @Benchmark @YieldData TransactTime @EncodedText""",
    ),
    "y": (
        "SecurityList",
        "app",
        """SecurityReqID SecurityResponseID SecurityRequestResult TotNoRelatedSym LastFragment
        NoRelatedSym(@Instrument @InstrumentExtension @FinancingDetails Currency @Stipulations @Benchmark @YieldData
        @EncodedText)""",
    ),
}

# 4.2: session messages and what a session-level acceptance test sends. No Parties, no components.
HEADER_42: Final = """
    BeginString! BodyLength! MsgType! SenderCompID! TargetCompID! OnBehalfOfCompID DeliverToCompID SecureDataLen
    SecureData MsgSeqNum! SenderSubID SenderLocationID TargetSubID TargetLocationID OnBehalfOfSubID
    OnBehalfOfLocationID DeliverToSubID DeliverToLocationID PossDupFlag PossResend SendingTime! OrigSendingTime
    XmlDataLen XmlData MessageEncoding LastMsgSeqNumProcessed OnBehalfOfSendingTime"""

COMPONENTS_42: Final[Mapping[str, str]] = {
    "Instrument": """
        Symbol! SymbolSfx SecurityID SecurityIDSource SecurityType MaturityMonthYear MaturityDay PutOrCall
        StrikePrice OptAttribute ContractMultiplier CouponRate SecurityExchange Issuer EncodedIssuerLen
        EncodedIssuer SecurityDesc EncodedSecurityDescLen EncodedSecurityDesc""",
    "EncodedText": "Text EncodedTextLen EncodedText",
    "TradingSessions": "NoTradingSessions(TradingSessionID)",
    "Underlying": """
        UnderlyingSymbol UnderlyingSymbolSfx UnderlyingSecurityID UnderlyingSecurityIDSource UnderlyingSecurityType
        UnderlyingMaturityMonthYear UnderlyingMaturityDay UnderlyingPutOrCall UnderlyingStrikePrice
        UnderlyingOptAttribute UnderlyingContractMultiplier UnderlyingCouponRate UnderlyingSecurityExchange
        UnderlyingIssuer EncodedUnderlyingIssuerLen EncodedUnderlyingIssuer UnderlyingSecurityDesc
        EncodedUnderlyingSecurityDescLen EncodedUnderlyingSecurityDesc""",
}

_ORDER_TERMS_42: Final = """
    SettlType SettlDate HandlInst! ExecInst MinQty MaxFloor ExDestination @TradingSessions"""

MESSAGES_42: Final[Mapping[str, tuple[str, str, str]]] = {
    "0": ("Heartbeat", "admin", "TestReqID"),
    "1": ("TestRequest", "admin", "TestReqID!"),
    "2": ("ResendRequest", "admin", "BeginSeqNo! EndSeqNo!"),
    "3": ("Reject", "admin", "RefSeqNum! RefTagID RefMsgType SessionRejectReason @EncodedText"),
    "4": ("SequenceReset", "admin", "GapFillFlag NewSeqNo!"),
    "5": ("Logout", "admin", "@EncodedText"),
    "A": (
        "Logon",
        "admin",
        """EncryptMethod! HeartBtInt! RawDataLength RawData ResetSeqNumFlag MaxMessageSize
        NoMsgTypes(RefMsgType MsgDirection)""",
    ),
    "8": (
        "ExecutionReport",
        "app",
        """OrderID! SecondaryOrderID ClOrdID OrigClOrdID ClientID ExecBroker NoContraBrokers(ContraBroker ContraTrader
        ContraTradeQty ContraTradeTime) ListID ExecID! ExecTransType! ExecRefID ExecType! OrdStatus! OrdRejReason
        ExecRestatementReason Account SettlType SettlDate @Instrument! Side! OrderQty CashOrderQty OrdType Price
        StopPx PegOffsetValue DiscretionInst DiscretionOffsetValue Currency ComplianceID SolicitedFlag TimeInForce
        EffectiveTime ExpireDate ExpireTime ExecInst Rule80A LastQty LastPx LastSpotRate LastForwardPoints LastMkt
        TradingSessionID LastCapacity LeavesQty! CumQty! AvgPx! DayOrderQty DayCumQty DayAvgPx GTBookingInst
        TradeDate TransactTime ReportToExch Commission CommType GrossTradeAmt SettlCurrAmt SettlCurrency
        SettlCurrFxRate SettlCurrFxRateCalc HandlInst MinQty MaxFloor PositionEffect MaxShow @EncodedText SettlDate2
        OrderQty2 ClearingFirm ClearingAccount MultiLegReportingType""",
    ),
    "9": (
        "OrderCancelReject",
        "app",
        """OrderID! SecondaryOrderID ClOrdID! OrigClOrdID! OrdStatus! ClientID ExecBroker ListID Account TransactTime
        CxlRejResponseTo! CxlRejReason @EncodedText""",
    ),
    "C": (
        "Email",
        "app",
        """EmailThreadID! EmailType! OrigTime Subject! EncodedSubjectLen EncodedSubject
        NoRoutingIDs(RoutingType RoutingID)
        NoRelatedSym(RelatdSym SymbolSfx SecurityID SecurityIDSource SecurityType MaturityMonthYear MaturityDay
        PutOrCall StrikePrice OptAttribute ContractMultiplier CouponRate SecurityExchange Issuer EncodedIssuerLen
        EncodedIssuer SecurityDesc EncodedSecurityDescLen EncodedSecurityDesc) OrderID ClOrdID
        NoLinesOfText!(Text! EncodedTextLen EncodedText) RawDataLength RawData""",
    ),
    "D": (
        "NewOrderSingle",
        "app",
        "ClOrdID! ClientID ExecBroker Account NoAllocs(AllocAccount AllocQty)"
        + _ORDER_TERMS_42
        + """ ProcessCode @Instrument! PrevClosePx Side! LocateReqd TransactTime! OrderQty CashOrderQty OrdType! Price
        StopPx Currency ComplianceID SolicitedFlag IOIID QuoteID TimeInForce EffectiveTime ExpireDate ExpireTime
        GTBookingInst Commission CommType Rule80A ForexReq SettlCurrency @EncodedText SettlDate2 OrderQty2
        PositionEffect CoveredOrUncovered CustomerOrFirm MaxShow PegOffsetValue DiscretionInst DiscretionOffsetValue
        ClearingFirm ClearingAccount""",
    ),
    "F": (
        "OrderCancelRequest",
        "app",
        """OrigClOrdID! OrderID ClOrdID! ListID Account ClientID ExecBroker @Instrument! Side! TransactTime! OrderQty
        CashOrderQty ComplianceID SolicitedFlag @EncodedText""",
    ),
    "G": (
        "OrderCancelReplaceRequest",
        "app",
        "OrderID ClientID ExecBroker OrigClOrdID! ClOrdID! ListID Account NoAllocs(AllocAccount AllocQty)"
        + _ORDER_TERMS_42
        + """@Instrument! Side! TransactTime! OrderQty CashOrderQty OrdType! Price StopPx PegOffsetValue DiscretionInst
        DiscretionOffsetValue ComplianceID SolicitedFlag Currency TimeInForce EffectiveTime ExpireDate ExpireTime
        GTBookingInst Commission CommType Rule80A ForexReq SettlCurrency @EncodedText SettlDate2 OrderQty2
        PositionEffect CoveredOrUncovered CustomerOrFirm MaxShow LocateReqd ClearingFirm ClearingAccount""",
    ),
    "H": (
        "OrderStatusRequest",
        "app",
        "OrderID ClOrdID! ClientID Account ExecBroker @Instrument! Side!",
    ),
    "d": (
        "SecurityDefinition",
        "app",
        """SecurityReqID! SecurityResponseID! SecurityResponseType TotNoRelatedSym! @Instrument Currency
        TradingSessionID @EncodedText NoRelatedSym(@Underlying RatioQty Side UnderlyingCurrency)""",
    ),
    "j": (
        "BusinessMessageReject",
        "app",
        "RefSeqNum RefMsgType! BusinessRejectRefID BusinessRejectReason! @EncodedText",
    ),
}
