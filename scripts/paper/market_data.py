"""The price provider: answers MarketDataRequest(V) with snapshots (W), then with a new one on every change.

Who asks for trades (MDEntryType 2) gets those of the last three months with the first snapshot, and later ones as they
happen. `PAPER-CORPORATE` and the like are the levels of the markets of their asset classes.

Subscriptions end with the connection. Snapshots are not sent again on a ResendRequest: an old price is no
price, so they are gap filled.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from decimal import Decimal

from .clock import format_timestamp
from .party import Party
from .prices import BPS, FairPrices, to_tick
from .prints import NS_PER_DAY, Print, Prints
from .session import FixSession
from .wire import Message, Value

Body = list[tuple[int, Value]]

MD_REQUESTS_MAX = 1_000
INSTRUMENT_TAGS = frozenset({55, 65, 48, 22, 460, 461, 167, 200, 541, 15, 107})
ENTRY_TAGS = frozenset({269})
LEVELS = {f"PAPER-{name.upper()}": name for name in ("corporate", "municipal", "government", "agency", "other")}
"""What the level of each asset class's market is called."""
PAST_NS = 92 * NS_PER_DAY


@dataclass(slots=True)
class Told:
    """What a subscriber was last told of one bond: the price, and up to when the trades; None: it wants none."""

    price: Decimal | None = None
    trades_ns: int | None = None


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
        prints: Prints | None = None,
    ) -> None:
        self._party = party
        self._prices = prices
        self._update_s = update_s
        self._half_spread_bps = half_spread_bps
        self._size = size
        self._prints = prints
        self._timer: asyncio.TimerHandle | None = None
        self._subscribed: dict[str, dict[str, Told]] = {}  # request id: security id: what was last told

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
        known = {each for each in wanted if each in self._prices.securities or each in LEVELS}
        unknown = [security_id for security_id in wanted if security_id not in known]
        if unknown or not wanted:
            # One Y for all of them: what is known of the same request is served nevertheless.
            self._reject(session, request_id, 0, "unknown: " + " ".join(unknown[:20]))
        kinds = {entry.get(269) for entry in message.group(267, ENTRY_TAGS)}
        since_ns = self._party.clock.now_ns() - PAST_NS if "2" in kinds and self._prints is not None else None
        told: dict[str, Told] = {}
        for security_id in dict.fromkeys(wanted):
            if security_id in known:
                told[security_id] = Told(None, None if security_id in LEVELS else since_ns)
                self._snapshot(session, request_id, security_id, told[security_id])
        if kind == "1" and told:
            self._subscribed[request_id] = told
        self._party.tell("subscribed", md_req_id=request_id, known=len(told), unknown=len(unknown))

    def _update(self, session: FixSession) -> None:
        for request_id, told in self._subscribed.items():
            for security_id, last in told.items():
                self._snapshot(session, request_id, security_id, last)
        self._timer = self._party.later(self._update_s, lambda: self._update(session))

    def _snapshot(self, session: FixSession, request_id: str, security_id: str, last: Told) -> None:
        """Tell the price and the trades since, if there is anything that `last` has not got."""
        now = self._party.clock.now_ns()
        if security_id in LEVELS:
            fair, half, source = self._prices.level(LEVELS[security_id], now), Decimal(0), "8"
        else:
            known = self._prices.fair(security_id, now)
            assert known is not None, "only known securities are subscribed"
            fair, half, source = known, known * self._half_spread_bps * BPS, "4"
        trades: list[Print] = []
        if last.trades_ns is not None and self._prints is not None:
            trades = self._prints.between(security_id, last.trades_ns, now)
            last.trades_ns = now
        if fair == last.price and not trades:
            return
        last.price = fair
        body: Body = [(262, request_id), (55, "[N/A]"), (48, security_id), (22, source), (268, 2 + len(trades))]
        for entry_type, price in ((0, to_tick(fair - half)), (1, to_tick(fair + half))):
            body += [(269, entry_type), (270, price), (15, "USD"), (271, self._size), *_when(now)]
        for trade in trades:
            body += [(269, 2), (270, trade.price), (15, "USD"), (271, trade.size), *_when(trade.utc_ns)]
        session.send("W", body)

    def _reject(self, session: FixSession, request_id: str, reason: int, text: str) -> None:
        session.send("Y", [(262, request_id), (281, reason), (58, text)])
        self._party.tell("request rejected", md_req_id=request_id, reason=reason, text=text)


def _when(utc_ns: int) -> Body:
    date, time = format_timestamp(utc_ns).split("-")
    return [(272, date), (273, time)]
