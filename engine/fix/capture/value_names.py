"""What the values of enumerated fields are called, for people who read messages.

A file in QuickFIX's XML format brings names of its own (`FieldDef.meanings`); these are for the built-in dictionaries.
Two fields number yields differently: one is 9 in PriceType(423) and 10 in QuotePriceType(692).

Reference: FIX 4.4 field dictionary, with additions of 5.0 SP2.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Final

from engine.fix.standard import values
from engine.fix.standard.definitions import FieldDef

# A field's name at the margin, then value=name; a longer list goes on behind a margin.
_TEXT: Final = """
Side 1=Buy 2=Sell
HandlInst 1=AutomatedPrivate 2=AutomatedPublic 3=Manual
SecurityIDSource 1=Cusip 2=Sedol 4=Isin 5=Ric 8=Exchange A=Bloomberg
OrdType 1=Market 2=Limit 3=Stop 4=StopLimit D=PreviouslyQuoted E=PreviouslyIndicated
TimeInForce 0=Day 1=GoodTillCancel 2=AtTheOpening 3=ImmediateOrCancel 4=FillOrKill 5=GoodTillCrossing 6=GoodTillDate
    7=AtTheClose
ExecTransType 0=New 1=Cancel 2=Correct 3=Status
CxlRejResponseTo 1=OrderCancelRequest 2=OrderCancelReplaceRequest
DKReason A=UnknownSymbol B=WrongSide C=QuantityExceedsOrder D=NoMatchingOrder E=PriceExceedsLimit
    F=CalculationDifference Z=Other
QuoteRequestType 1=Manual 2=Automatic
QuoteType 0=Indicative 1=Tradeable 2=RestrictedTradeable 3=Counter 4=InitiallyTradeable
QuoteRespType 1=HitLift 2=Counter 3=Expired 4=Cover 5=DoneAway 6=Pass 7=EndTrade 8=TimedOut 9=Tied 10=TiedCover
    11=Accept 12=Terminate
QuoteStatus 0=Accepted 1=CanceledForSymbol 2=CanceledForSecurityType 3=CanceledForUnderlying 4=CanceledAll
    5=Rejected 6=RemovedFromMarket 7=Expired 8=Query 9=QuoteNotFound 10=Pending 11=Pass 12=LockedMarketWarning
    13=CrossMarketWarning 14=CanceledLockMarket 15=CanceledCrossMarket 16=Active 17=Canceled
    18=UnsolicitedReplenishment 19=PendingEndTrade 20=TooLateToEnd 21=Traded 22=TradedAndRemoved 23=Terminated
QuoteCancelType 1=ForSymbol 2=ForSecurityType 3=ForUnderlying 4=All 5=ForQuote
QuoteRejectReason 1=UnknownSymbol 2=ExchangeClosed 3=ExceedsLimit 4=TooLate 5=UnknownQuote 6=Duplicate
    7=InvalidSpread 8=InvalidPrice 9=NotAuthorized 99=Other
QuoteRequestRejectReason 1=UnknownSymbol 2=ExchangeClosed 3=ExceedsLimit 4=TooLate 5=InvalidPrice 6=NotAuthorized
    7=NoMatch 8=NoMarket 9=NoInventory 10=Pass 99=Other
PriceType 1=Percentage 2=PerUnit 3=FixedAmount 4=Discount 5=Premium 6=Spread 7=TedPrice 8=TedYield 9=Yield
QuotePriceType 1=Percent 2=PerShare 3=FixedAmount 4=Discount 5=Premium 6=Spread 7=TedPrice 8=TedYield 9=YieldSpread
    10=Yield
QtyType 0=Units 1=Contracts
Product 1=Agency 3=Corporate 6=Government 8=Loan 10=Mortgage 11=Municipal 13=Financing
PartyIDSource B=Bic C=GeneralIdentifier D=Proprietary G=Mic N=Lei
PartyRole 1=ExecutingFirm 3=ClientID 4=ClearingFirm 5=InvestorID 11=OrderOriginationTrader 12=ExecutingTrader
    13=OrderOriginationFirm 17=ContraFirm 24=CustomerAccount 35=LiquidityProvider 36=EnteringTrader 37=ContraTrader
SubscriptionRequestType 0=Snapshot 1=SnapshotAndUpdates 2=Unsubscribe
MDEntryType 0=Bid 1=Offer 2=Trade
MDUpdateAction 0=New 1=Change 2=Delete
MDReqRejReason 0=UnknownSymbol 1=DuplicateMDReqID 3=InsufficientPermissions 4=UnsupportedSubscriptionRequestType
TradSesStatus 0=Unknown 1=Halted 2=Open 3=Closed 4=PreOpen 5=PreClose
"""


def meanings(definition: FieldDef) -> Mapping[str, str]:
    """Names by value; empty where nothing is known."""
    return definition.meanings or names().get(definition.name, {})


@cache
def names() -> Mapping[str, Mapping[str, str]]:
    """Names by field and value: those of the text above, and those that code has in `fix.standard.values`."""
    found: dict[str, dict[str, str]] = {}
    for name in values.__all__:
        found[name] = {str(member.value): member.name for member in getattr(values, name)}
    field: dict[str, str] = {}
    for line in _TEXT.strip().splitlines():
        words = line.split()
        if not line.startswith(" "):
            field = found.setdefault(words.pop(0), {})
        for word in words:
            value, _, name = word.partition("=")
            field[value] = name
    return found
