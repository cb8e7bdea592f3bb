"""The flow of a market data provider: W in, V out. Incremental refreshes and rejects change nothing here.

Source: FIX 4.4 Volume 3, "Market Data Request", "Market Data - Snapshot / Full Refresh".
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from engine.domain.messages import BusinessReject, MarketPrice, SubscribeMarketData
from engine.fix.flows.dialect import ISIN, NO_SYMBOL, Dialect, refuse_soh, spoken
from engine.fix.flows.refusal import NotTaken
from engine.fix.standard.tags import BusinessRejectReason
from engine.fix.wire.message import Group, Message, timestamp_ns

SECURITIES_PER_REQUEST_MAX: Final = 100

_BID: Final = "0"
_OFFER: Final = "1"


def hear_snapshot(message: Message, dialect: Dialect) -> MarketPrice:
    """MarketDataSnapshotFullRefresh(W): the best bid and offer; prices that are not positive are none."""
    security_id = message.get(48)
    if not security_id:
        text = "SecurityID(48) missing: bonds are told apart by it alone"
        reason = BusinessRejectReason.ConditionallyRequiredFieldMissing
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
    refuse_soh(subscription.request_id, *subscription.securities)
    instruments = "".join(
        [f"55={NO_SYMBOL}\x0148={isin}\x0122={ISIN}\x01" for isin in subscription.securities],
    )
    chunks = [
        f"146={count}\x01{instruments}",
        f"262={subscription.request_id}\x01",
        "263=1\x01",
        "264=1\x01",
        "265=0\x01",
        f"267=2\x01269={_BID}\x01269={_OFFER}\x01",
    ]
    return spoken("V", chunks, dialect)


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
