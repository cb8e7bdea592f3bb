"""The flow of a market data provider: W and X in, V out. Rejects change nothing here.

A pair of currencies is named by Symbol(55) alone, `EUR/USD` or `EURUSD`: it has no SecurityID(48).

Source: FIX 4.4 Volume 3, "Market Data Request", "Market Data - Snapshot / Full Refresh" and "- Incremental Refresh".
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from engine.domain.exchange import is_pair, pair_of
from engine.domain.messages import (
    BusinessReject,
    MarketChanges,
    MarketPrice,
    MidChange,
    SideChange,
    SubscribeMarketData,
    SubscribeRates,
    TradePrint,
)
from engine.fix.flows.dialect import ISIN, NO_SYMBOL, Dialect, refuse_soh, spoken
from engine.fix.flows.naming import Names, bond_named
from engine.fix.flows.refusal import NotTaken
from engine.fix.standard.tags import BusinessRejectReason
from engine.fix.wire.message import FieldView, Group, Message, timestamp_ns

SECURITIES_PER_REQUEST_MAX: Final = 100

_BID: Final = "0"
_OFFER: Final = "1"
_TRADE: Final = "2"
_MID: Final = "H"
"""MDEntryType(269): of pairs of currencies; the middle of a bond is made of both its sides."""
_CURRENCY: Final = "4"
"""Product(460)."""
_DELETED: Final = "2"
"""MDUpdateAction(279)."""
_PROVIDERS_NAME: Final = "8"
"""SecurityIDSource(22): what the provider itself calls it."""


def hear_snapshot(message: Message, dialect: Dialect, names: Names) -> MarketPrice:
    """MarketDataSnapshotFullRefresh(W): the best bid and offer, and trades; prices that are not positive are none."""
    security_id = _named(message, names)
    if not security_id:
        symbol = message.get(55) or NO_SYMBOL
        named = (
            "" if symbol == NO_SYMBOL else f", and Symbol(55)={symbol[:20]} is no pair of currencies such as EUR/USD"
        )
        text = f"SecurityID(48) missing: bonds are told apart by it alone{named}"
        reason = BusinessRejectReason.ConditionallyRequiredFieldMissing
        raise NotTaken(BusinessReject("W", message.seq_num, reason, text, message.get(262) or ""))
    bid: Decimal | None = None
    offer: Decimal | None = None
    mid: Decimal | None = None
    quoted_ns: int | None = None
    trades: list[TradePrint] = []
    for entry in message.groups(268):
        kind, price = entry.get(269), entry.decimal(270)
        if kind == _TRADE:
            trades.append(_trade(entry, security_id, dialect))
            continue
        if price is None or price <= 0 or kind not in (_BID, _OFFER, _MID):
            continue
        if kind == _MID:
            mid = price
        elif kind == _BID:
            bid = price if bid is None else max(bid, price)
        else:
            offer = price if offer is None else min(offer, price)
        entered_ns = _entered_ns(entry)
        if entered_ns is not None:
            # A mark is as old as the older of its sides.
            quoted_ns = entered_ns if quoted_ns is None else min(quoted_ns, entered_ns)
    return MarketPrice(security_id, bid, offer, quoted_ns, tuple(trades), mid)


def hear_changes(message: Message, dialect: Dialect, names: Names) -> MarketChanges:
    """MarketDataIncrementalRefresh(X): sides that are new, changed or gone; trades that are new, corrected or canceled.

    An entry without SecurityID(48) is for the bond of the one before.
    """
    sides: list[SideChange] = []
    trades: list[TradePrint] = []
    mids: list[MidChange] = []
    security_id = ""
    for entry in message.groups(268):
        security_id = _named(entry, names) or security_id
        kind, is_gone = entry.get(269), entry.get(279) == _DELETED
        if kind == _TRADE:
            trades.append(_trade(entry, security_id, dialect, is_gone))
        elif kind == _MID and is_pair(security_id):
            mids.append(MidChange(security_id, _positive(entry, is_gone), _entered_ns(entry)))
        elif kind in (_BID, _OFFER):
            price = _positive(entry, is_gone)
            sides.append(SideChange(security_id, kind == _BID, price, _entered_ns(entry)))
    return MarketChanges(tuple(sides), tuple(trades), tuple(mids))


def speak_subscription(subscription: SubscribeMarketData, dialect: Dialect) -> bytes:
    """MarketDataRequest(V): snapshot and updates, top of book, both sides, with trades if wanted, full refreshes.

    Raises ValueError for none or more than `SECURITIES_PER_REQUEST_MAX` securities.
    """
    refuse_soh(subscription.request_id, *subscription.securities)
    source = _PROVIDERS_NAME if subscription.are_benchmarks else ISIN
    instruments = [f"55={NO_SYMBOL}\x0148={name}\x0122={source}\x01" for name in subscription.securities]
    kinds = (_BID, _OFFER, _TRADE) if subscription.with_trades else (_BID, _OFFER)
    return _request(subscription.request_id, instruments, kinds, dialect)


def speak_rates_subscription(subscription: SubscribeRates, dialect: Dialect) -> bytes:
    """The same for pairs of currencies. Raises ValueError as the other does."""
    refuse_soh(subscription.request_id, *subscription.pairs)
    instruments = [f"55={pair}\x01460={_CURRENCY}\x01" for pair in subscription.pairs]
    return _request(subscription.request_id, instruments, (_BID, _OFFER), dialect)


def _request(request_id: str, instruments: Sequence[str], kinds: Sequence[str], dialect: Dialect) -> bytes:
    count = len(instruments)
    if not 0 < count <= SECURITIES_PER_REQUEST_MAX:
        raise ValueError(f"expected 1 to {SECURITIES_PER_REQUEST_MAX} securities in one request, found {count}")
    chunks = [
        f"146={count}\x01" + "".join(instruments),
        f"262={request_id}\x01",
        "263=1\x01",
        "264=1\x01",
        "265=0\x01",
        f"267={len(kinds)}\x01" + "".join([f"269={kind}\x01" for kind in kinds]),
    ]
    return spoken("V", chunks, dialect)


def _named(fields: FieldView, names: Names) -> str:
    """The bond, or what the provider calls something that it calculates; empty where nothing is named."""
    if fields.get(22) == _PROVIDERS_NAME:
        return fields.get(48) or ""
    symbol = fields.get(55)
    if symbol is not None and fields.get(48) is None and is_pair(symbol):
        return pair_of(symbol)
    return bond_named(fields, names).told


def _positive(entry: Group, is_gone: bool) -> Decimal | None:
    """The price of an entry; what is not positive is none."""
    price = None if is_gone else entry.decimal(270)
    return None if price is not None and price <= 0 else price


def _trade(entry: Group, security_id: str, dialect: Dialect, is_canceled: bool = False) -> TradePrint:
    size = entry.decimal(271)
    if size is not None and dialect.bond_face is not None:
        size *= dialect.bond_face
    return TradePrint(
        security_id, entry.decimal(270), size, _entered_ns(entry), entry.get(278) or "", canceled=is_canceled
    )


def _entered_ns(entry: Group) -> int | None:
    """MDEntryDate(272) and MDEntryTime(273) as UTC nanoseconds; None where either is missing or unreadable.

    A price without a time is still a price: whoever uses it counts its age from its receipt.
    """
    date, time = entry.get(272), entry.get(273)
    if not date or not time:
        return None
    try:
        return timestamp_ns(f"{date}-{time}")
    except ValueError:
        return None
