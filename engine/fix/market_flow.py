"""The flow of a market data provider: W in, V out. Incremental refreshes and rejects change nothing here.

Source: FIX 4.4 Volume 3, "Market Data Request", "Market Data - Snapshot / Full Refresh".
"""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

from engine.clock import NS_PER_S
from engine.domain.messages import BusinessReject, MarketPrice, SubscribeMarketData
from engine.fix.dialect import Dialect
from engine.fix.message import Group, Message
from engine.fix.refusal import BusinessReason, NotTaken
from engine.fix.spelling import ISIN, NO_SYMBOL, Field, spoken

SECURITIES_PER_REQUEST_MAX: Final = 100

_BID: Final = "0"
_OFFER: Final = "1"


def hear_snapshot(message: Message, dialect: Dialect) -> MarketPrice:
    """MarketDataSnapshotFullRefresh(W): the best bid and offer; prices that are not positive are none."""
    security_id = message.get(48)
    if not security_id:
        text = "SecurityID(48) missing: bonds are told apart by it alone"
        reason = BusinessReason.CONDITIONAL_FIELD_MISSING
        raise NotTaken(BusinessReject("W", message.seq_num, reason, text, message.get(262) or ""))
    bid: Decimal | None = None
    offer: Decimal | None = None
    quoted_ns: int | None = None
    for entry in message.groups(268):
        kind, price = entry.get(269), entry.decimal(270)
        if price is None or price <= 0 or kind not in (_BID, _OFFER):
            continue
        if kind == _BID:
            bid = price if bid is None else max(bid, price)
        else:
            offer = price if offer is None else min(offer, price)
        entered_ns = _entered_ns(entry)
        if entered_ns is not None:
            # A mark is as old as the older of its sides.
            quoted_ns = entered_ns if quoted_ns is None else min(quoted_ns, entered_ns)
    return MarketPrice(security_id, bid, offer, quoted_ns)


def speak_subscription(subscription: SubscribeMarketData, dialect: Dialect) -> bytes:
    """MarketDataRequest(V): snapshot and updates, top of book, both sides, full refreshes.

    Raises ValueError for none or more than `SECURITIES_PER_REQUEST_MAX` securities.
    """
    count = len(subscription.securities)
    if not 0 < count <= SECURITIES_PER_REQUEST_MAX:
        raise ValueError(f"expected 1 to {SECURITIES_PER_REQUEST_MAX} securities in one request, found {count}")
    fields: list[Field] = [
        (146, str(count)),
        (262, subscription.request_id),
        (263, "1"),
        (264, "1"),
        (265, "0"),
        (267, "2"),
    ]
    instruments = [field for isin in subscription.securities for field in ((55, NO_SYMBOL), (48, isin), (22, ISIN))]
    return spoken("V", fields, dialect, {146: instruments, 267: ((269, _BID), (269, _OFFER))})


def _entered_ns(entry: Group) -> int | None:
    """MDEntryDate(272) and MDEntryTime(273) as UTC nanoseconds; None where either is missing or unreadable.

    A price without a time is still a price: whoever uses it counts its age from its receipt.
    """
    date, time = entry.get(272), entry.get(273)
    if date is None or time is None or len(date) != 8 or len(time) < 8 or time[2] != ":" or time[5] != ":":
        return None
    try:
        moment = datetime(
            int(date[:4]), int(date[4:6]), int(date[6:]), int(time[:2]), int(time[3:5]), int(time[6:8]), tzinfo=UTC
        )
        fraction = int(time[9:18].ljust(9, "0")) if time[8:9] == "." else 0
    except ValueError:
        return None
    return int(moment.timestamp()) * NS_PER_S + fraction
