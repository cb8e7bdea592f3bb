"""The price provider: answers MarketDataRequest(V) with snapshots (W), then with a new one on every change.

Subscriptions end with the connection. Snapshots are not sent again on a ResendRequest: an old price is no
price, so they are gap filled.
"""

from __future__ import annotations

import asyncio
from decimal import Decimal

from .clock import format_timestamp
from .party import Party
from .prices import BPS, FairPrices, to_tick
from .session import FixSession
from .wire import Message, Value

Body = list[tuple[int, Value]]

MD_REQUESTS_MAX = 1_000
INSTRUMENT_TAGS = frozenset({55, 65, 48, 22, 460, 461, 167, 200, 541, 15, 107})
ENTRY_TAGS = frozenset({269})


class MarketData:
    """The application of the provider's session."""

    def __init__(
        self,
        party: Party,
        prices: FairPrices,
        *,
        update_s: float = 5.0,
        half_spread_bps: Decimal = Decimal(12),
        size: Decimal = Decimal(1_000_000),
    ) -> None:
        self._party = party
        self._prices = prices
        self._update_s = update_s
        self._half_spread_bps = half_spread_bps
        self._size = size
        self._timer: asyncio.TimerHandle | None = None
        self._subscribed: dict[str, dict[str, Decimal]] = {}  # request id: security id: the price last told

    def on_logon(self, session: FixSession) -> None:
        self._subscribed.clear()
        self._party.tell("logon", session=session.name)
        self._timer = self._party.later(self._update_s, lambda: self._update(session))

    def on_logout(self, session: FixSession, reason: str) -> None:
        self._party.cancel(self._timer)
        self._timer = None
        self._party.tell("logout", session=session.name, reason=reason)

    def on_message(self, session: FixSession, message: Message) -> bool:
        if message.msg_type == "j":
            self._party.tell("noted", msg_type="j", text=message.get(58))
            return True
        if message.msg_type != "V":
            return False
        self._on_request(session, message)
        return True

    def _on_request(self, session: FixSession, message: Message) -> None:
        request_id, kind = message.need(262), message.need(263)
        if message.poss_dup:
            return  # a request from before: its connection is gone
        if kind == "2":
            self._subscribed.pop(request_id, None)
            return
        if request_id in self._subscribed:
            self._reject(session, request_id, 1, "duplicate MDReqID(262)")
            return
        if kind not in ("0", "1"):
            self._reject(session, request_id, 4, f"SubscriptionRequestType(263) {kind} not supported")
            return
        if len(self._subscribed) >= MD_REQUESTS_MAX:
            self._reject(session, request_id, 2, "too many requests")
            return
        wanted = [entry.get(48) or entry.get(55) or "" for entry in message.group(146, INSTRUMENT_TAGS)]
        known = {security_id for security_id in wanted if security_id in self._prices.securities}
        unknown = [security_id for security_id in wanted if security_id not in known]
        if unknown or not wanted:
            # One Y for all of them: what is known of the same request is served nevertheless.
            self._reject(session, request_id, 0, "unknown: " + " ".join(unknown[:20]))
        told: dict[str, Decimal] = {}
        for security_id in dict.fromkeys(wanted):
            if security_id in known:
                told[security_id] = self._snapshot(session, request_id, security_id, None)
        if kind == "1" and told:
            self._subscribed[request_id] = told
        self._party.tell("subscribed", md_req_id=request_id, known=len(told), unknown=len(unknown))

    def _update(self, session: FixSession) -> None:
        for request_id, told in self._subscribed.items():
            for security_id, last in told.items():
                told[security_id] = self._snapshot(session, request_id, security_id, last)
        self._timer = self._party.later(self._update_s, lambda: self._update(session))

    def _snapshot(self, session: FixSession, request_id: str, security_id: str, last: Decimal | None) -> Decimal:
        """Tell the price if it is not `last`; returns the price now known."""
        now = self._party.clock.now_ns()
        fair = self._prices.fair(security_id, now)
        assert fair is not None, "only known securities are subscribed"
        if fair == last:
            return fair
        half = fair * self._half_spread_bps * BPS
        date, time = format_timestamp(now).split("-")
        body: Body = [(262, request_id), (55, "[N/A]"), (48, security_id), (22, "4"), (268, 2)]
        for entry_type, price in ((0, to_tick(fair - half)), (1, to_tick(fair + half))):
            body += [(269, entry_type), (270, price), (15, "USD"), (271, self._size), (272, date), (273, time)]
        session.send("W", body)
        return fair

    def _reject(self, session: FixSession, request_id: str, reason: int, text: str) -> None:
        session.send("Y", [(262, request_id), (281, reason), (58, text)])
        self._party.tell("request rejected", md_req_id=request_id, reason=reason, text=text)
