"""A dealer: answers requests for quotes by its style, trades on its live quotes, once.

    R   -> S (537=1, some 537=0), AG, or nothing      D, AJ 694=1, H, F -> 8, 9: see `execution`
    a   -> AI                                         AJ 694=4|5|6: noted
    once a day, after its logon: 6, what it wants to buy and sell; later one replaced, one cancelled

What it promised and what it traded are facts in its store, so a dealer that is killed goes on where it was.
An order is traded only if it came in time, on the terms of a live firm quote, under a ClOrdID(11) never seen.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from .clock import NS_PER_S, format_timestamp, parse_timestamp
from .execution import Execution, instrument
from .habits import Habits
from .party import Party
from .prices import BPS, FairPrices, to_tick
from .session import FixSession
from .styles import Answer, Interest, QuotePlan, Style, plan_interests, plan_quote
from .wire import Message, MissingField, Value

Body = list[tuple[int, Value]]

BUY, SELL = "1", "2"
INTEREST_LIFE_S = 8 * 3600.0
MINDED_AFTER_S = 600.0


@dataclass(frozen=True, slots=True)
class Refusal:
    """OrdRejReason(103) and why."""

    reason: int
    text: str


class Dealer:
    """The application of a dealer's session."""

    def __init__(
        self,
        party: Party,
        prices: FairPrices,
        style: Style,
        seed: int,
        *,
        habits: Habits | None = None,
        speciality: str = "",
        stale_order_s: float = 60.0,
    ) -> None:
        self._party = party
        self._store = party.store
        self._clock = party.clock
        self._prices = prices
        self._style = style
        self._seed = seed
        self._speciality = speciality
        self._stale_order_s = stale_order_s
        self._session: FixSession | None = None
        self._execution = Execution(party, prices, style, habits or Habits(), seed)

    def serve(self, session: FixSession) -> None:
        """Take up the session, and what was left undone when the dealer last stopped."""
        self._session = session
        self._execution.serve(session)

    def on_logon(self, session: FixSession) -> None:
        self._party.tell("logon", session=session.name)
        self._advertise()

    def on_logout(self, session: FixSession, reason: str) -> None:
        self._party.tell("logout", session=session.name, reason=reason)

    def on_message(self, session: FixSession, message: Message) -> bool:
        match message.msg_type:
            case "R":
                self._on_quote_request(message)
            case "D":
                self._on_order(message, message.need(11), message.get(117), None)
            case "AJ":
                self._on_quote_response(message)
            case "H":
                self._execution.on_status_request(message)
            case "F":
                self._execution.on_cancel_request(message)
            case "a":
                self._on_quote_status_request(message)
            case "Q" | "j" | "AR":
                self._party.tell("noted", msg_type=message.msg_type, text=message.get(58))
            case _:
                return False
        return True

    # --- quotes --------------------------------------------------------------------------------------

    def _on_quote_request(self, message: Message) -> None:
        request_id = message.need(131)
        if message.need(146) != "1":
            raise MissingField(146, 5, "one instrument per request")
        security_id, side = message.need(48), message.get(54)
        quantity = message.decimal(38) or message.decimal(152)
        if quantity is None or quantity <= 0:
            raise MissingField(38, 5, "a request needs a positive quantity")
        request = {
            "security_id": security_id,
            "id_source": message.get(22) or "4",
            "symbol": message.get(55) or "[N/A]",
            "side": side,
            "quantity": str(quantity),
            "currency": message.get(15) or "USD",
            "settlement": message.get(64),
            "expires_ns": _time(message, 126),
            "valid_until_ns": _time(message, 62),
        }
        security = self._prices.securities.get(security_id)
        if security is None:
            self._decline(request_id, request, 1, "unknown security")
            return
        if message.poss_dup or self._is_stale(message):
            # A request that was delayed is of no use to anyone; nobody waits for the answer.
            self._party.tell("request", quote_req_id=request_id, answer="stale")
            return
        nth = self._store.count(f"requests {security_id}")
        speciality = bool(self._speciality) and security.asset_class == self._speciality
        keen = speciality or self._wants(security_id, side)
        plan = plan_quote(self._style, self._seed, self._party.name, security_id, nth, speciality=keen)
        self._party.tell("request", quote_req_id=request_id, security_id=security_id, answer=str(plan.answer))
        if plan.answer is not Answer.SILENCE:
            self._party.later(plan.latency_s, lambda: self._answer(request_id, request, plan))

    def _answer(self, request_id: str, request: dict[str, Any], plan: QuotePlan) -> None:
        now = self._clock.now_ns()
        session = self._session
        late = request["expires_ns"] is not None and now >= request["expires_ns"]
        if session is None or not session.active or (late and not self._style.answers_late):
            self._party.tell("no answer", quote_req_id=request_id)
            return
        if plan.answer is Answer.DECLINE:
            self._decline(request_id, request, plan.decline_reason, "pass" if plan.decline_reason == 10 else "")
            return
        fair = self._prices.fair(request["security_id"], now)
        if fair is None:
            return
        mid = fair * (1 + Decimal(round(plan.skew_bps, 6)) * BPS)
        half = mid * Decimal(round(plan.half_spread_bps, 6)) * BPS
        valid_until_ns = now + int(plan.quote_life_s * NS_PER_S)
        if self._style.honours_valid_until and request["valid_until_ns"] is not None:
            valid_until_ns = max(request["valid_until_ns"], now)
        quote_id = f"{self._party.name}-Q{self._store.count('quotes')}"
        bid = to_tick(mid - half) if request["side"] != BUY else None
        offer = to_tick(mid + half) if request["side"] != SELL else None
        firm = plan.answer is Answer.FIRM
        quote = request | {
            "request_id": request_id,
            "bid": None if bid is None else str(bid),
            "offer": None if offer is None else str(offer),
            "firm": firm,
            "valid_until_ns": valid_until_ns,
            "taken_by": None,
        }
        self._store.remember("quote", quote_id, quote)
        body: Body = [(131, request_id), (117, quote_id), (537, 1 if firm else 0), *instrument(request)]
        if request["side"]:
            body.append((54, request["side"]))
        body += [(15, request["currency"])]
        prices: Body = []
        sizes: Body = []
        if bid is not None:
            prices.append((132, bid))
            sizes.append((134, Decimal(request["quantity"])))
        if offer is not None:
            prices.append((133, offer))
            sizes.append((135, Decimal(request["quantity"])))
        body += [*prices, *sizes, (62, format_timestamp(valid_until_ns)), (60, format_timestamp(now))]
        if request["settlement"]:
            body.append((64, request["settlement"]))
        body.append((423, 1))
        session.send("S", body)
        self._party.tell("quote", quote_id=quote_id, quote_req_id=request_id, bid=bid, offer=offer, firm=firm)

    def _decline(self, request_id: str, request: dict[str, Any], reason: int, text: str) -> None:
        body: Body = [(131, request_id), (658, reason), (146, 1), *instrument(request)]
        if text:
            body.append((58, text))
        self._send("AG", body)
        self._party.tell("decline", quote_req_id=request_id, reason=reason)

    def _on_quote_status_request(self, message: Message) -> None:
        quote_id = message.get(117) or ""
        quote = self._store.recall("quote", quote_id)
        if quote is None:
            status, shown = 9, {"symbol": message.get(55) or "[N/A]", "security_id": message.get(48) or ""}
        else:
            live = quote["taken_by"] is None and self._clock.now_ns() < quote["valid_until_ns"]
            status, shown = (0 if live else 7), quote
        body: Body = [(117, quote_id or "NONE")]
        if message.get(649):
            body.append((649, message.need(649)))
        body += [*instrument(shown), (297, status)]
        self._send("AI", body)

    # --- interests -----------------------------------------------------------------------------------

    def _advertise(self) -> None:
        """Say what it wants today, once; what it has said stands over its own restart."""
        day = f"{_utc_date(self._clock.now_ns()):%Y%m%d}"
        if self._store.recall("interests", day) is not None:
            return
        wanted = self._wanted(day)
        self._store.remember("interests", day, {"bonds": [each.security_id for each in wanted]})
        for number, each in enumerate(wanted, 1):
            self._say_interest(day, number, each, [(28, "N")])
        if len(wanted) > 1:
            self._party.later(MINDED_AFTER_S, lambda: self._mind(day))

    def _mind(self, day: str) -> None:
        """It wants less of the first now, and nothing of the last any more."""
        wanted = self._wanted(day)
        first, last = wanted[0], len(wanted)
        smaller = Interest(first.security_id, first.side, "500000")
        self._say_interest(day, 1, smaller, [(28, "R"), (26, self._interest_id(day, 1))], renewed="R")
        cancel: Body = [(28, "C"), (26, self._interest_id(day, last))]
        self._say_interest(day, last, wanted[-1], cancel, renewed="C")

    def _wanted(self, day: str) -> list[Interest]:
        kind = self._speciality or "corporate"
        bonds = sorted(each.security_id for each in self._prices.securities.values() if each.asset_class == kind)
        return plan_interests(self._style, self._seed, self._party.name, bonds, day)

    def _wants(self, security_id: str, side: str | None) -> bool:
        """Is it the other side of what was asked for?"""
        day = f"{_utc_date(self._clock.now_ns()):%Y%m%d}"
        return any(each.security_id == security_id and each.side != side for each in self._wanted(day))

    def _interest_id(self, day: str, number: int) -> str:
        return f"{self._party.name}-I{day}-{number}"

    def _say_interest(self, day: str, number: int, each: Interest, kind: Body, renewed: str = "") -> None:
        body: Body = [(23, self._interest_id(day, number) + renewed), *kind, (55, "[N/A]"), (48, each.security_id)]
        body += [(22, "4"), (54, each.side), (27, each.size)]
        ends_ns = self._clock.now_ns() + int(INTEREST_LIFE_S * NS_PER_S)
        self._send("6", [*body, (62, format_timestamp(ends_ns)), (25, "H"), (60, self._clock.timestamp())])
        self._party.tell("interest", security_id=each.security_id, side=each.side, kind=kind[0][1])

    # --- orders --------------------------------------------------------------------------------------

    def _on_quote_response(self, message: Message) -> None:
        if message.need(694) == "1":
            response_id = message.need(693)
            self._on_order(message, message.get(11) or response_id, message.get(117), response_id)
        else:
            self._party.tell("noted", msg_type="AJ", quote_resp_type=message.get(694), quote_id=message.get(117))

    def _on_order(self, message: Message, cl_ord_id: str, quote_id: str | None, response_id: str | None) -> None:
        known = self._store.recall("order", cl_ord_id)
        if known is not None:
            # Never a second trade: say again where the first one stands.
            self._party.tell("order seen before", cl_ord_id=cl_ord_id, state=known["state"])
            self._execution.report(known, "I")
            return
        quote = self._store.recall("quote", quote_id) if quote_id else None
        price = message.decimal(44)
        security_id = message.need(48)
        order: dict[str, Any] = {
            "cl_ord_id": cl_ord_id,
            "response_id": response_id,
            "order_id": f"{self._party.name}-O{self._store.count('orders')}",
            "quote_id": quote_id,
            "symbol": message.get(55) or "[N/A]",
            "security_id": security_id,
            "id_source": message.get(22) or "4",
            "side": message.need(54),
            "quantity": message.need(38),
            "price": None if price is None else str(price),
            "currency": message.get(15) or "USD",
            "settlement": message.get(64) or (quote["settlement"] if quote else None),
            "state": "pending",
            "nth": self._store.count(f"orders {security_id}"),
            "rejected_by": None,
            "trades": [],
        }
        self._party.tell("order", cl_ord_id=cl_ord_id, quote_id=quote_id, security_id=security_id)
        refusal = self._refusal(message, order, quote)
        if refusal is not None or quote is None or quote_id is None:
            refusal = refusal or Refusal(99, "unknown quote")
            self._execution.reject(order, refusal.reason, refusal.text)
            return
        self._store.remember("quote", quote_id, quote | {"taken_by": cl_ord_id})
        self._execution.begin(order)

    def _refusal(self, message: Message, order: dict[str, Any], quote: dict[str, Any] | None) -> Refusal | None:
        """Why an order is not taken at all; None: it may be traded."""
        quantity = message.decimal(38)
        if message.poss_dup or message.poss_resend or self._is_stale(message):
            return Refusal(8, "stale order")
        if quote is None:
            return Refusal(99, "unknown quote")
        if not quote["firm"]:
            return Refusal(99, "the quote was indicative")
        if quote["taken_by"] is not None:
            return Refusal(99, "the quote has been used")
        if self._clock.now_ns() >= quote["valid_until_ns"]:
            return Refusal(4, "the quote has expired")
        if order["security_id"] != quote["security_id"]:
            return Refusal(1, "another security than quoted")
        quoted = quote["offer"] if order["side"] == BUY else quote["bid"] if order["side"] == SELL else None
        if quoted is None:
            return Refusal(99, "no quote on that side")
        if order["price"] is None or Decimal(order["price"]) != Decimal(quoted):
            return Refusal(99, f"quoted at {quoted}")
        if quantity is None or not 0 < quantity <= Decimal(quote["quantity"]):
            return Refusal(13, "quantity beyond the quote")
        return None

    # --- small things --------------------------------------------------------------------------------

    def _is_stale(self, message: Message) -> bool:
        """Whether a message was made too long ago to act on: TransactTime(60) or OrigSendingTime(122)."""
        limit_ns = self._clock.now_ns() - int(self._stale_order_s * NS_PER_S)
        return any(made is not None and made < limit_ns for made in (_time(message, 60), _time(message, 122)))

    def _send(self, msg_type: str, body: Body) -> None:
        if self._session is not None:
            self._session.send(msg_type, body)


def _time(message: Message, tag: int) -> int | None:
    text = message.get(tag)
    try:
        return None if text is None else parse_timestamp(text)
    except ValueError:
        raise MissingField(tag, 6, f"tag {tag} is no UTCTimestamp") from None


def _utc_date(utc_ns: int) -> date:
    return date(1970, 1, 1) + timedelta(days=utc_ns // (86_400 * NS_PER_S))
