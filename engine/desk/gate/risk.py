"""The pre-trade risk gate: nothing goes to a dealer as R or D without a `Cleared`, and only this module makes one.

Six checks and the kill switch. A check that cannot be made, because something is unknown, does not pass. Amounts are
held against limits in the base currency, at the rate of now (`gate.size`).
Every `Cleared` carries the last time at which it may leave, and is looked at once more at release.

`exposure_of` is what information protection looks at: one bond, one side, everything of it that is open or was done on
a day.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal

from engine.clock import utc_day
from engine.dealers.book import Dealer
from engine.desk.draft import GATE_KEY, Cleared, Draft
from engine.desk.gate import credit
from engine.desk.gate.size import Size, size_of
from engine.desk.settlement import unsettleable
from engine.desk.state_rows import Exposure, exposure_key
from engine.domain.keys import scopes_of
from engine.domain.messages import AcceptQuote, AskDealer
from engine.domain.order import Order, Side
from engine.domain.rfq import Rfq
from engine.market.rates import NoRate


@dataclass(frozen=True, slots=True)
class Blocked:
    """Which check said no, and why in words."""

    check: str
    reason: str


def clear_ask(draft: Draft, order: Order, dealer: Dealer, said: AskDealer, not_after_ns: int) -> Cleared | Blocked:
    """Gate for one QuoteRequest(R)."""
    blocked = (
        order_blocked(draft, order) or _paused(draft, dealer) or _dealer_blocked(draft, order, dealer, said.quantity)
    )
    if blocked is not None:
        return blocked
    return Cleared(GATE_KEY, said, dealer.session, not_after_ns, scopes_of(dealer.id, order.terms.account))


def clear_accept(
    draft: Draft,
    order: Order,
    rfq: Rfq,
    dealer: Dealer,
    said: AcceptQuote,
    not_after_ns: int,
    *,
    by_rule: bool,
    reason: str = "",
) -> Cleared | Blocked:
    """Gate for one NewOrderSingle(D) on a quote; `reason` is why a person takes one that is better than it can be."""
    blocked = (
        _over(draft, order)
        or _content_blocked(draft, order)
        or _credit_blocked(draft, order, said.quantity)
        or _dealer_blocked(draft, order, dealer, said.quantity)
        or _quantity_blocked(draft, order, said.quantity)
        or _price_blocked(draft, order, rfq, said.price, by_rule=by_rule, reason=reason)
    )
    if blocked is not None:
        return blocked
    return Cleared(GATE_KEY, said, dealer.session, not_after_ns, scopes_of(dealer.id, order.terms.account))


def order_blocked(draft: Draft, order: Order) -> Blocked | None:
    """What keeps any dealer from being asked on this order: content, duplicates and how much is open."""
    return (
        _over(draft, order)
        or _content_blocked(draft, order)
        or _credit_blocked(draft, order, order.leaves)
        or _duplicate(order)
        or _too_many_open(draft, order)
    )


def _over(draft: Draft, order: Order) -> Blocked | None:
    if not order.open:
        return Blocked("order", f"order {order.order_id} is {order.state}")
    if order.out_of_time(draft.now_ns):
        return Blocked("order", f"the time of order {order.order_id} is over")
    return None


def _content_blocked(draft: Draft, order: Order) -> Blocked | None:
    risk, terms = draft.desk.risk, order.terms
    size = _size(draft, order, terms.quantity)
    if isinstance(size, Blocked):
        return size
    if size.base > risk.notional_max:
        return Blocked("notional", f"{size.words} is above risk.notional_max {risk.notional_max:,}")
    restricted = risk.restricted
    if terms.security_id in restricted:
        return Blocked("restricted", f"{terms.security_id} is on the restricted list")
    if order.facts.issuer in restricted:
        return Blocked("restricted", f"issuer {order.facts.issuer} is on the restricted list")
    security = draft.desk.securities.get(terms.security_id)
    problem = None if security is None else unsettleable(draft.desk, security, terms, draft.now_ns)
    return None if problem is None else Blocked("settlement", problem[1])


def _size(draft: Draft, order: Order, quantity: Decimal) -> Size | Blocked:
    size = size_of(draft, order, quantity)
    if isinstance(size, NoRate):
        return Blocked("notional", f"size in {draft.desk.base_currency} is unknown: {size.reason}")
    return size


def _credit_blocked(draft: Draft, order: Order, quantity: Decimal) -> Blocked | None:
    size = _size(draft, order, quantity)
    if isinstance(size, Blocked):
        return size
    words = credit.of_order(draft, order, size)
    return Blocked("credit", words) if words else None


def _duplicate(order: Order) -> Blocked | None:
    """Same account, bond, side and size as another order within the window, and nobody said it is meant."""
    if not order.duplicate_of:
        return None
    return Blocked("duplicate", f"same account, bond, side and size as {order.duplicate_of}")


def _too_many_open(draft: Draft, order: Order) -> Blocked | None:
    open_rfqs, most = draft.state.open_rfqs(), draft.desk.risk.open_rfqs_max
    current = draft.state.rfqs.get(order.rfq_id) if order.rfq_id else None
    besides = open_rfqs - (1 if current is not None and current.open else 0)
    if besides >= most:
        return Blocked("open_rfqs", f"{besides} RFQs are open, risk.open_rfqs_max is {most}")
    return None


def _paused(draft: Draft, dealer: Dealer) -> Blocked | None:
    """A dealer that its file or a person has paused is not asked; what is open with it goes on."""
    if dealer.paused:
        return Blocked("paused", f"{dealer.id} is paused")
    pause = draft.state.paused(dealer.id)
    return Blocked("paused", f"{dealer.id} is paused by {pause.words}") if pause is not None else None


def _dealer_blocked(draft: Draft, order: Order, dealer: Dealer, quantity: Decimal) -> Blocked | None:
    killed = draft.state.kill_in_force(dealer.id, order.terms.account)
    if killed is not None:
        scope, kill = killed
        return Blocked("kill", f"kill switch {scope} is on: {kill.reason}")
    if draft.desk.hold:
        return Blocked("journal", draft.desk.hold)
    size = _size(draft, order, quantity)
    if isinstance(size, Blocked):
        return size
    if dealer.notional_max is not None and size.base > dealer.notional_max:
        return Blocked("dealer_limit", f"{size.words} is above the limit of {dealer.notional_max:,} with {dealer.id}")
    words = credit.of_dealer(draft, dealer.id, size)
    if words:
        return Blocked("credit", words)
    trouble = draft.session_trouble(dealer.session)
    if trouble:
        return Blocked("session", trouble)
    return None


def _quantity_blocked(draft: Draft, order: Order, quantity: Decimal) -> Blocked | None:
    """Accepted + filled + in doubt never exceeds the order."""
    placement = draft.state.open_placement(order.order_id)
    if placement is not None:
        return Blocked("quantity", f"{placement.reserved:,} is still unanswered at {placement.dealer}")
    if quantity > order.leaves:
        return Blocked("quantity", f"{quantity:,} is more than the {order.leaves:,} that is left")
    return None


def _price_blocked(
    draft: Draft, order: Order, rfq: Rfq, price: Decimal, *, by_rule: bool, reason: str
) -> Blocked | None:
    terms = order.terms
    if terms.limit_price is not None and (price - terms.limit_price) * terms.side.sign > 0:
        return Blocked("limit", f"{price} is beyond the order's limit of {terms.limit_price}")
    mark = draft.fair_of(rfq)
    collar_bps = draft.desk.risk.price_collar_bps
    if mark is None:
        # Unknown is never good: without a fair value only a person may say yes.
        return Blocked("collar", "no fair value to hold the price against") if by_rule else None
    away_bps = abs(float((price - mark.price) / mark.price)) * 10_000
    if away_bps <= collar_bps:
        return None
    words = f"{price} is {away_bps:.1f} bps from fair {mark.price}, risk.price_collar_bps is {collar_bps:g}"
    if (price - mark.price) * terms.side.sign > 0:
        return Blocked("collar", words)
    # In our favour: a mistake of the dealer's or of our price, or a bargain. A rule cannot tell; a person may.
    if by_rule or not reason:
        return Blocked("collar", f"{words}: better than fair by that much, it takes a person, and --reason TEXT")
    return None


# --- what protections look at ---------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class AskedLately:
    """A dealer that was asked for a bond on a UTC day, as the desk wanted to buy or to sell it."""

    dealer: str
    side: Side
    day: int


def asked_lately(draft: Draft, security_id: str) -> list[AskedLately]:
    """Who was asked for a bond today or within the cool-down before, the latest first, each side by itself."""
    today = utc_day(draft.now_ns)
    first = draft.desk.calendar_of(security_id).trading.before(today, draft.desk.clocks.cool_down_days)
    found: dict[tuple[str, Side], AskedLately] = {}
    for day in range(today, min(first, today) - 1, -1):
        for side in Side:
            known = draft.state.exposures.get(exposure_key(security_id, side, day))
            for dealer in known.dealers if known is not None else ():
                found.setdefault((dealer, side), AskedLately(dealer, side, day))
    return list(found.values())


def exposure_of(draft: Draft, order: Order) -> Exposure:
    """Sizes, protections that are on and dealers asked: of today's orders, and of earlier ones open or ended today.

    An order counts with its original size, the given one included. Costs one look per order that stands there.
    """
    state, terms, today = draft.state, order.terms, utc_day(draft.now_ns)
    whole = state.exposures.get(exposure_key(terms.security_id, terms.side, today)) or Exposure()
    days: dict[int, None] = {}
    for other in state.standing_orders(terms.security_id, terms.side, today):
        if other.facts.day != today:
            whole = replace(whole, quantity=whole.quantity + other.terms.quantity)
            days[other.facts.day] = None
    for day in days:
        earlier = state.exposures[exposure_key(terms.security_id, terms.side, day)]
        whole = replace(
            whole,
            protections=tuple(dict.fromkeys((*whole.protections, *earlier.protections))),
            dealers=tuple(dict.fromkeys((*whole.dealers, *earlier.dealers))),
        )
    return whole
