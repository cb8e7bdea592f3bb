"""What the engine's FIX fields may hold: types and enumerations of the built-in dictionaries.

By field name; numbers are in `engine.fix.standard.tags`, membership in `engine.fix.standard.dictionary_messages`.

Reference: FIX 4.2 and 4.4 with errata, FIX 5.0 SP2, FIXT 1.1 (fixtrading.org).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

# Field types; whatever is not listed is STRING.
TYPES: Final[Mapping[str, str]] = {
    "AMT": """
        Commission NetMoney SettlCurrAmt MiscFeeAmt AccruedInterestAmt TotalTakedown Concession GrossTradeAmt
        InterestAtMaturity EndAccruedInterestAmt StartCash EndCash""",
    "BOOLEAN": """
        PossDupFlag PossResend ReportToExch LocateReqd ForexReq GapFillFlag IOINaturalFlag ResetSeqNumFlag
        TradedFlatSwitch AggregatedBook UnsolicitedIndicator SolicitedFlag TestMessageIndicator MDImplicitDelete
        PreviouslyReported OddLot WorkingIndicator CopyMsgIndicator PublishTrdIndicator LastFragment
        LastRptRequested AggressorIndicator PreTradeAnonymity PrivateQuote DefaultVerIndicator""",
    "CHAR": """
        CommType ExecTransType HandlInst IOIQltyInd IOITransType LastCapacity OrdStatus OrdType Rule80A Side
        TimeInForce Urgency SettlType PositionEffect ProcessCode EmailType IOIQualifier DKReason ExecType
        SettlCurrFxRateCalc OptAttribute SubscriptionRequestType MDEntryType TickDirection MDUpdateAction
        MDReqRejReason DeleteReason MsgDirection DiscretionInst CxlRejResponseTo MultiLegReportingType
        PartyIDSource RoundingDirection CancellationRights MoneyLaunderingStatus ExecPriceType FundRenewWaiv
        NestedPartyIDSource OrderCapacity CashMargin MatchStatus DayBookingInst BookingUnit PreallocMethod
        QuoteQualifier RefOrderIDSource OrderCategory RootPartyIDSource TargetPartyIDSource UnderlyingOptAttribute""",
    "COUNTRY": """
        CountryOfIssue""",
    "CURRENCY": """
        Currency SettlCurrency MiscFeeCurr BenchmarkCurveCurrency CommCurrency ContAmtCurr AllocSettlCurrency
        AgreementCurrency StrikeCurrency UnderlyingCurrency""",
    "DATA": """
        Signature SecureData RawData XmlData EncodedIssuer EncodedSecurityDesc EncodedText EncodedSubject
        EncodedHeadline EncryptedPassword EncryptedNewPassword EncodedUnderlyingIssuer
        EncodedUnderlyingSecurityDesc""",
    "DAYOFMONTH": """
        MaturityDay UnderlyingMaturityDay""",
    "EXCHANGE": """
        LastMkt ExDestination SecurityExchange MDMkt UnderlyingSecurityExchange""",
    "FLOAT": """
        SettlCurrFxRate PegOffsetValue Factor ContractMultiplier DiscretionOffsetValue RoundingModulus
        ExecPriceAdjustment ContAmtValue SettlCurrBidFxRate SettlCurrOfferFxRate PriceDelta
        TargetStrategyPerformance MinPriceIncrement BidSpread OfferSpread UnderlyingContractMultiplier""",
    "INT": """
        EncryptMethod CxlRejReason OrdRejReason HeartBtInt NumDaysInterest PutOrCall CoveredOrUncovered
        CustomerOrFirm RoutingType RepurchaseTerm MarketDepth MDUpdateType SellerDays MDEntryPositionNo
        QuoteStatus QuoteCancelType QuoteRejectReason QuoteResponseLevel QuoteRequestType TotNoQuoteEntries
        SecurityRequestType SecurityResponseType TradSesMethod TradSesMode TradSesStatus NumberOfOrders
        QuoteEntryRejectReason RefTagID SessionRejectReason ExecRestatementReason BusinessRejectReason
        TotNoRelatedSym PriceType GTBookingInst PartyRole Product TradeReportTransType ContAmtType QuoteType
        NestedPartyRole CrossType SecurityListRequestType SecurityRequestResult TradSesStatusRejReason
        ClearingInstruction AccountType CustOrderCapacity PriorityIndicator QuoteRequestRejectReason
        AcctIDSource AllocAcctIDSource BenchmarkPriceType DeliveryForm QuotePriceType QuoteRespType
        YieldRedemptionPriceType ResponseTransportType TotNumTradeReports TradeReportRejectReason
        SideMultiLegReportingType BookingType TerminationType PartySubIDType NestedPartySubIDType ApplQueueMax
        ApplQueueDepth ApplQueueResolution ApplQueueAction AvgPxIndicator TradeAllocIndicator ExpirationCycle
        TrdType TrdSubType PegMoveType PegOffsetType PegLimitType PegRoundDirection PegScope DiscretionMoveType
        DiscretionOffsetType DiscretionLimitType DiscretionRoundDirection DiscretionScope TargetStrategy
        LastLiquidityInd ShortSaleReason QtyType SecondaryTrdType TradeReportType EventType InstrAttribType
        CPProgram MiscFeeBasis TotNumReports DeliveryType TrdRptStatus SecurityReportID MDBookType MDQuoteType
        MaxPriceLevels RootPartyRole RootPartySubIDType ApplExtID RespondentType EncryptedPasswordMethod
        RefApplExtID DefaultApplExtID SessionStatus TargetPartyRole QuoteAckStatus UnderlyingPutOrCall""",
    "LENGTH": """
        BodyLength SecureDataLen SignatureLength RawDataLength XmlDataLen EncodedIssuerLen
        EncodedSecurityDescLen EncodedTextLen EncodedSubjectLen EncodedHeadlineLen MaxMessageSize
        EncryptedPasswordLen EncryptedNewPasswordLen EncodedUnderlyingIssuerLen
        EncodedUnderlyingSecurityDescLen""",
    "LOCALMKTDATE": """
        SettlDate TradeDate SettlDate2 CouponPaymentDate IssueDate TradeOriginationDate ExDate RedemptionDate
        BasisFeatureDate ExpireDate MaturityDate YieldRedemptionDate YieldCalcDate ClearingBusinessDate
        EventDate DatedDate InterestAccrualDate AgreementDate StartDate EndDate""",
    "MONTHYEAR": """
        MaturityMonthYear ContractSettlMonth UnderlyingMaturityMonthYear""",
    "MULTIPLEVALUESTRING": """
        ExecInst QuoteCondition TradeCondition OpenCloseSettlFlag FinancialStatus CorporateAction
        OrderRestrictions Scope""",
    "NUMINGROUP": """
        NoLinesOfText NoAllocs NoMiscFees NoRelatedSym NoIOIQualifiers NoRoutingIDs NoStipulations
        NoMDEntryTypes NoMDEntries NoQuoteEntries NoQuoteSets NoContraBrokers NoMsgTypes NoTradingSessions
        NoPartyIDs NoSecurityAltID NoContAmts NoNestedPartyIDs NoSides NoClearingInstructions NoHops
        NoQuoteQualifiers NoPartySubIDs NoNestedPartySubIDs NoAltMDSource NoEvents NoInstrAttrib NoRootPartyIDs
        NoRootPartySubIDs NoTargetPartyIDs""",
    "PERCENTAGE": """
        AccruedInterestRate CouponRate RepurchaseRate Yield OrderPercent BidYield MidYield OfferYield
        ParticipationRate PctAtRisk MarginRatio UnderlyingCouponRate""",
    "PRICE": """
        AvgPx LastPx Price StopPx BidPx OfferPx PrevClosePx BidSpotRate OfferSpotRate LastSpotRate StrikePrice
        BasisFeaturePrice MDEntryPx DayAvgPx MidPx Price2 MktBidPx MktOfferPx UnderlyingLastPx BenchmarkPrice
        LastParPx YieldRedemptionPrice PeggedPrice DiscretionPrice EventPx UnderlyingStrikePrice""",
    "PRICEOFFSET": """
        BidForwardPoints OfferForwardPoints LastForwardPoints Spread NetChgPrevDay PriceImprovement
        LastForwardPoints2 BidForwardPoints2 OfferForwardPoints2""",
    "QTY": """
        CumQty LastQty OrderQty AllocQty MinQty MaxFloor BidSize OfferSize LeavesQty CashOrderQty OrderQty2
        MaxShow MDEntrySize TotalVolumeTraded DayOrderQty DayCumQty ContraTradeQty RoundLot MinTradeVol
        MinBidSize MinOfferSize UnderlyingLastQty MatchIncrement RatioQty""",
    "SEQNUM": """
        BeginSeqNo EndSeqNo MsgSeqNum NewSeqNo RefSeqNum LastMsgSeqNumProcessed HopRefID NextExpectedMsgSeqNum
        ApplSeqNum""",
    "TZTIMEONLY": """
        MaturityTime""",
    "UTCDATEONLY": """
        MDEntryDate""",
    "UTCTIMEONLY": """
        MDEntryTime""",
    "UTCTIMESTAMP": """
        OrigTime SendingTime TransactTime ValidUntilTime OrigSendingTime ExpireTime EffectiveTime
        TradSesStartTime TradSesOpenTime TradSesPreCloseTime TradSesCloseTime TradSesEndTime
        OnBehalfOfSendingTime ContraTradeTime TransBkdTime ExecValuationPoint OrigOrdModTime HopSendingTime
        LastUpdateTime EventTime""",
}

# Values a field may have, `a..c` for a run. A field without an entry takes any value of its type: where
# venues add their own (StipulationType, TrdType, PartySubIDType ...) a list of ours would refuse good messages.
# PartyIDSource N is the LEI, in use on 4.4 sessions although it came with a later extension pack.
ENUMS_44: Final[Mapping[str, str]] = {
    "CommType": "1..6",
    "ExecInst": "0..9 A..S U..Z a..e",
    "HandlInst": "1..3",
    "SecurityIDSource": "1..9 A..J",
    "IOIQltyInd": "H L M",
    "IOITransType": "C N R",
    "LastCapacity": "1..4",
    "OrdStatus": "0..4 6..9 A..E",
    "OrdType": "1..4 6..9 D E G I..M P",
    "Side": "1..9 A..G",
    "TimeInForce": "0..7",
    "Urgency": "0..2",
    "SettlType": "0..9",
    "PositionEffect": "C F O R",
    "ProcessCode": "0..6",
    "EmailType": "0..2",
    "EncryptMethod": "0..6",
    "CxlRejReason": "0..6 99",
    "OrdRejReason": "0..11 13..15 99",
    "IOIQualifier": "A..D I L M O..T V..Z",
    "DKReason": "A..F Z",
    "MiscFeeType": "1..12",
    "ExecType": "0 3..9 A..I",
    "SettlCurrFxRateCalc": "D M",
    "SecurityType": """
        AN BA BN CB CD CL CP CS DN GO MF MT PN PS TD ABS BOX CMO CPP FAC FOR FUT IET LQN MBS MIO MPO MPP MPT MTN
        OPT PEF RAN REV STN TAN TBA UST WAR XCN YCD CMBS COFO COFP CORP DINP DUAL EUCD EUCP FADN LOFC MLEG NONE
        PZFJ REPO RVLV TAXA TCAL TECP TERM TINT TIPS TPRN TRAN USTB VRDN YANK BRADY EUSOV ONITE PFAND SPCLA
        SPCLO SPCLT SUPRA SWING TBILL TBOND TNOTE BRIDGE EUCORP STRUCT XLINKD AMENDED BUYSELL DEFLTED EUSUPRA
        FORWARD MATURED REPLACD RETIRED RVLVTRM SECLOAN WITHDRN SECPLEDGE""",
    "PutOrCall": "0 1",
    "CoveredOrUncovered": "0 1",
    "RoutingType": "1..4",
    "SubscriptionRequestType": "0..2",
    "MDUpdateType": "0 1",
    "MDEntryType": "0..9 A..C",
    "TickDirection": "0..3",
    "QuoteCondition": "A..I",
    "TradeCondition": "A..N P..R",
    "MDUpdateAction": "0..2",
    "MDReqRejReason": "0..9 A..C",
    "DeleteReason": "0 1",
    "OpenCloseSettlFlag": "0..5",
    "CorporateAction": "A..E",
    "QuoteStatus": "0..15",
    "QuoteCancelType": "1..4",
    "QuoteRejectReason": "1..9 99",
    "QuoteResponseLevel": "0..2",
    "QuoteRequestType": "1 2",
    "SecurityRequestType": "0..3",
    "SecurityResponseType": "1 2 5 6",
    "TradSesMethod": "1..3",
    "TradSesMode": "1..3",
    "TradSesStatus": "0..6",
    "SessionRejectReason": "0..17 99",
    "ExecRestatementReason": "0..10 99",
    "BusinessRejectReason": "0..7",
    "MsgDirection": "R S",
    "DiscretionInst": "0..6",
    "PriceType": "1..11",
    "GTBookingInst": "0..2",
    "CxlRejResponseTo": "1 2",
    "MultiLegReportingType": "1..3",
    "PartyIDSource": "1..9 A..I N",
    "PartyRole": "1..38",
    "Product": "1..13",
    "RoundingDirection": "0..2",
    "CancellationRights": "M..O Y",
    "MoneyLaunderingStatus": "1..3 N Y",
    "FundRenewWaiv": "N Y",
    "OrderCapacity": "A G I P R W",
    "OrderRestrictions": "1..9 A",
    "QuoteType": "0..3",
    "CashMargin": "1..3",
    "Scope": "1..3",
    "CrossType": "1..4",
    "SecurityListRequestType": "0..4",
    "SecurityRequestResult": "0..5",
    "TradSesStatusRejReason": "1 99",
    "MatchStatus": "0..2",
    "AccountType": "1..4 6..8",
    "CustOrderCapacity": "1..4",
    "DayBookingInst": "0..2",
    "BookingUnit": "0..2",
    "PreallocMethod": "0 1",
    "ClearingFeeIndicator": "1..5 9 B C E F H I L M",
    "PriorityIndicator": "0 1",
    "QuoteRequestRejectReason": "1..10 99",
    "AcctIDSource": "1..5 99",
    "DeliveryForm": "1 2",
    "QuotePriceType": "1..10",
    "QuoteRespType": "1..6",
    "ResponseTransportType": "0 1",
    "TradeReportRejectReason": "0..4 99",
    "SideMultiLegReportingType": "1..3",
    "BookingType": "0..2",
    "TerminationType": "1..4",
    "ApplQueueResolution": "0..3",
    "ApplQueueAction": "0..3",
    "AvgPxIndicator": "0..2",
    "TradeAllocIndicator": "0..2",
    "ExpirationCycle": "0 1",
    "PegMoveType": "0 1",
    "PegOffsetType": "0..3",
    "PegLimitType": "0..2",
    "PegRoundDirection": "1 2",
    "PegScope": "1..4",
    "DiscretionMoveType": "0 1",
    "DiscretionOffsetType": "0..3",
    "DiscretionLimitType": "0..2",
    "DiscretionRoundDirection": "1 2",
    "DiscretionScope": "1..4",
    "LastLiquidityInd": "1..3",
    "ShortSaleReason": "0..5",
    "QtyType": "0 1",
    "TradeReportType": "0..7",
    "MiscFeeBasis": "0..2",
    "DeliveryType": "0..3",
    "TrdRptStatus": "0 1",
}

# 5.0 SP2 where it differs from 4.4, and the fields whose lists grow with every extension pack.
ENUMS_50SP2: Final[Mapping[str, str]] = {
    "CommType": "1..8",
    "SecurityIDSource": "1..9 A..N P..Y",
    "LastCapacity": "1..5",
    "OrdStatus": "0..9 A..E",
    "OrdType": "1..9 A..M P..S",
    "Side": "1..9 A..H",
    "TimeInForce": "0..9 A..C",
    "SettlType": "0..9 B C",
    "PositionEffect": "C D F N O R",
    "CxlRejReason": "0..8 18 99",
    "OrdRejReason": "0..16 18..29 99",
    "IOIQualifier": "1..4 A..Z a..d n",
    "DKReason": "A..G Z",
    "MiscFeeType": "1..36",
    "ExecType": "0 3..9 A..N",
    "PutOrCall": "0..3",
    "RoutingType": "1..6",
    "MDEntryType": "0..9 A..H J..Z a..e g..i t",
    "QuoteCondition": "0..7 A..Z a..z",
    "MDUpdateAction": "0..5",
    "MDReqRejReason": "0..9 A..D",
    "CorporateAction": "A..W",
    "QuoteStatus": "0..23",
    "QuoteCancelType": "1..8",
    "QuoteRejectReason": "1..21 99",
    "QuoteResponseLevel": "0..3",
    "QuoteRequestType": "1..3",
    "SecurityRequestType": "0..9",
    "SecurityResponseType": "1..6",
    "TradSesMethod": "1..4",
    "SessionRejectReason": "0..18 99",
    "ExecRestatementReason": "0..20 99",
    "BusinessRejectReason": "0..10 18",
    "DiscretionInst": "0..7",
    "PriceType": "1..25",
    "PartyIDSource": "1..9 A..U",
    "PartyRole": "1..107 109..127",
    "OrderCapacity": "A G I M P R W",
    "OrderRestrictions": "1..9 A..I",
    "QuoteType": "0..4",
    "CrossType": "1..9",
    "SecurityListRequestType": "0..5",
    "MatchStatus": "0..3",
    "AccountType": "1..4 6..13",
    "CustOrderCapacity": "1..5",
    "QuoteRequestRejectReason": "1..15 99",
    "AcctIDSource": "1..6 99",
    "QuotePriceType": "1..10 12..25",
    "QuoteRespType": "1..12",
    "TradeReportRejectReason": "0..7 99",
    "AvgPxIndicator": "0..4",
    "TradeAllocIndicator": "0..6",
    "ExpirationCycle": "0..2",
    "PegOffsetType": "0..4",
    "LastLiquidityInd": "0..11",
    "QtyType": "0..2",
    "TradeReportType": "0..18",
    "DeliveryType": "0..4",
    "TrdRptStatus": "0..11",
    "SecurityStatus": "1..11",
    "MDBookType": "1..3",
    "MDQuoteType": "0..4",
    "RefOrderIDSource": "0..9 A",
    "OrderCategory": "1..9 A",
    "ApplVerID": "0..9",
    "RespondentType": "1..4",
    "SessionStatus": "0..8",
    "QuoteAckStatus": "0..2",
    "SecurityType": """
        ? AN BA BN CB CD CL CN CP CS DN DR GO MF MN MT PN PS TB TD ABS BAB BDN BOX CAN CAP CDS CFD CMB CMO CPP CTB ETC
        ETF ETN FAC FLR FOR FRA FRN FUT FWD IET IRS JCD LQN MBS MIO MMF MPO MPP MPT MTN NCD NCP OOC OOF OOP OPT PEF
        RAN RCD REV SFP SOV STN TAN TBA TDR TMB TRS UST WAR XCN YCD BNST CAMM CASH CLCP CLLR CMBS COFO COFP CORP CPIB
        DINP DUAL EUCD EUCP EUTD FADN FXBN FXDN LOFC MLEG NONE PROV PZFJ REPO RVLV SLQN TAXA TCAL TECP TERM TFRN TINT
        TIPS TLQN TMCP TPRN TRAN USTB VRDN VRDO YANK BRADY EQFWD EUFRN EUMTN EUNCP EUSOV FXFWD FXNDF FXNDS INDEX MCPIB
        ONITE Other PFAND SPCLA SPCLO SPCLT SUPRA SWING TBILL TBOND TNOTE BDBSKT BRIDGE DVPLDG EQBSKT EUCORP EXOTIC
        FXSPOT FXSWAP PRCORP STRUCT XLINKD AMENDED BUYSELL DEFLTED DIGITAL EUSTLQN EUSUPRA FORWARD FUTSWAP FWDSWAP
        MATURED REPLACD RETIRED RVLVTRM SECLOAN SPOTFWD VARSWAP WITHDRN COLLBSKT MRGNLOAN RTRNSWAP SECDERIV SWAPTION
        XMISSION CMDTYSWAP CRLTNSWAP DIMSUMSOV DVDNDSWAP LOANLEASE SECPLEDGE SPREADBET DIMSUMCORP FWDFRTAGMT
        PRTFLIOSWAP""",
}
OPEN_50SP2: Final = "ExecInst TradeCondition UnitOfMeasure"

# 4.2 where it differs from 4.4, and what it does not enumerate.
ENUMS_42: Final[Mapping[str, str]] = {
    "CommType": "1..3",
    "ExecInst": "0..9 A..G I L..P R..W",
    "ExecTransType": "0..3",
    "SecurityIDSource": "1..9",
    "OrdStatus": "0..9 A..E",
    "OrdType": "1..9 A..I P",
    "Rule80A": "A..F H..P R..U W..Z",
    "Side": "1..9",
    "TimeInForce": "0..6",
    "PositionEffect": "C O",
    "CxlRejReason": "0..3",
    "OrdRejReason": "0..8",
    "ExecType": "0..9 A..E",
    "SecurityType": """
        ? BA CB CD CP CS FN GN MF PS RP SL TD CMO CPP FHA FHL FOR FUT IET MIO MPO MPP MPT OPT WAR ZOO CORP GOVT
        MUNI NONE RVRP USTB""",
    "CustomerOrFirm": "0 1",
    "SecurityResponseType": "1..6",
    "SessionRejectReason": "0..11",
    "ExecRestatementReason": "0..5",
    "BusinessRejectReason": "0..5",
    "DiscretionInst": "0..5",
}
OPEN_42: Final = """
    SettlCurrFxRateCalc"""
