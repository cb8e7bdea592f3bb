"""What an RFQ does next (ask somebody, wait until a time, stop collecting), and which of its quotes count.

Pure questions about one `Rfq`, its quotes and a time. `engine.desk.round.asking` acts on the answers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import Decimal

from engine.domain.messages import QuoteAnswer
from engine.domain.order import Side
from engine.domain.rfq import Ask, AskState, Quote, QuoteKind, Rfq, RfqState
from engine.market.tca import quote_edge_bps
from engine.rules.plan import Mode, Tolerance, ToleranceUnit

Stops = Callable[[Quote], bool]
"""Does this executable quote end a one-at-a-time search?"""


def due_dealers(rfq: Rfq, now_ns: int, stops: Stops, guard_ns: int) -> tuple[str, ...]:
    """Whom to ask now; only while the round is collecting."""
    if rfq.state is not RfqState.asking:
        return ()
    left = rfq.unasked
    if not left or rfq.plan.mode is Mode.PARALLEL:
        return left
    due = _stagger_due_ns(rfq)
    if due is not None and now_ns < due:
        return ()
    if rfq.plan.mode is Mode.ONE_AT_A_TIME and (
        any(not ask.answered for ask in rfq.asks) or stopped(rfq, now_ns, stops, guard_ns)
    ):
        return ()
    return left[:1]


def stopped(rfq: Rfq, now_ns: int, stops: Stops, guard_ns: int) -> bool:
    """Has a one-at-a-time search found what it looked for?"""
    if rfq.plan.mode is not Mode.ONE_AT_A_TIME:
        return False
    return any(stops(quote) for _, quote in live_quotes(rfq, now_ns, guard_ns))


def collected(rfq: Rfq, now_ns: int, stops: Stops, guard_ns: int) -> bool:
    """Nobody is left to ask or to wait for, or the search has found what it looked for."""
    if stopped(rfq, now_ns, stops, guard_ns):
        return True
    return not rfq.unasked and all(ask.answered for ask in rfq.asks)


def overdue(rfq: Rfq, now_ns: int) -> tuple[Ask, ...]:
    """Asked dealers whose wait is over without a word."""
    return tuple(ask for ask in rfq.asks if not ask.answered and now_ns >= ask.wait_until_ns)


def next_deadline_ns(rfq: Rfq) -> int | None:
    """UTC time at which the round must be looked at again; None while only an answer can move it."""
    if rfq.state is RfqState.deciding:
        return rfq.decide_until_ns
    if rfq.state is not RfqState.asking:
        return None
    times = [ask.wait_until_ns for ask in rfq.asks if not ask.answered]
    due = _stagger_due_ns(rfq)
    if due is not None and rfq.unasked and not (rfq.plan.mode is Mode.ONE_AT_A_TIME and times):
        times.append(due)
    return min(times, default=None)


def _stagger_due_ns(rfq: Rfq) -> int | None:
    """When the next request may leave: so long after the last one that was made."""
    if not rfq.plan.stagger_ns:
        return None
    made = [ask.asked_ns for ask in rfq.asks if ask.state is not AskState.blocked]
    return max(made) + rfq.plan.stagger_ns if made else None


# --- quotes ---------------------------------------------------------------------------------------


_PRICE_MAX = Decimal(1000)


def judge(
    answer: QuoteAnswer,
    *,
    side: Side,
    quantity: Decimal,
    security_id: str,
    fair: Decimal | None,
    asked_ns: int,
    now_ns: int,
    firm_time_ns: int | None,
    guard_ns: int,
) -> Quote:
    """The answer as a quote with its edge, its end on our clock and the reason it cannot be executed.

    Its end is ValidUntilTime(62); without it `firm_time_ns` from receipt (the dealer's dialect).
    """
    bid, offer = _price(answer.bid), _price(answer.offer)
    price = offer if side is Side.buy else bid
    size = answer.offer_quantity if side is Side.buy else answer.bid_quantity
    firm_until = answer.valid_until_ns
    if firm_until is None and firm_time_ns is not None:
        firm_until = now_ns + firm_time_ns
    comparable = answer.percent_of_par
    return Quote(
        quote_id=answer.quote_id,
        bid=bid,
        offer=offer,
        price=price,
        quantity=size,
        kind=answer.kind,
        firm_until_ns=firm_until,
        received_ns=now_ns,
        latency_ns=now_ns - asked_ns,
        edge_bps=edge_bps(side, price, fair) if comparable else None,
        problem=_problem(answer, price, size, side, quantity, security_id, bid, offer, firm_until, now_ns + guard_ns),
    )


def _problem(
    answer: QuoteAnswer,
    price: Decimal | None,
    size: Decimal | None,
    side: Side,
    quantity: Decimal,
    security_id: str,
    bid: Decimal | None,
    offer: Decimal | None,
    firm_until: int | None,
    needed_until: int,
) -> str:
    if answer.security_id and answer.security_id != security_id:
        return f"for {answer.security_id}, not for {security_id}"
    if not answer.percent_of_par:
        return "not a price in percent of par"
    if price is None:
        return f"no price on our side ({'offer' if side is Side.buy else 'bid'})"
    if bid is not None and offer is not None and bid > offer:
        return f"crossed: bid {bid} above offer {offer}"
    if answer.kind is not QuoteKind.tradeable:
        return answer.kind.value
    if size is not None and 0 < size < quantity:
        return f"size {size} below {quantity}"
    if firm_until is not None and firm_until <= needed_until:
        return "over before it could be taken"
    return ""


def _price(value: Decimal | None) -> Decimal | None:
    """A price of 0 is no price on that side; so is one that no bond has."""
    return value if value is not None and value.is_finite() and 0 < value < _PRICE_MAX else None


def edge_bps(side: Side, price: Decimal | None, fair: Decimal | None) -> float | None:
    """How much better than fair, in bps of fair; None when either is unknown."""
    if price is None or fair is None or fair <= 0:
        return None
    return quote_edge_bps(side.sign, price, fair)


def within(tolerance: Tolerance, side: Side, price: Decimal, fair: Decimal, dv01: Decimal | None) -> bool | None:
    """Is the cost against fair at most the tolerance? None when it cannot be told (yield without DV01).

    `dv01` is the change of price in percent of par for one basis point of yield.
    """
    cost = (price - fair) * side.sign
    if tolerance.unit is ToleranceUnit.BP_PRICE:
        return cost * 10_000 <= tolerance.value * fair
    if tolerance.unit is ToleranceUnit.CENTS:
        return cost * 100 <= tolerance.value
    if dv01 is None or dv01 <= 0:
        return None
    return cost <= tolerance.value * dv01


def live_quotes(rfq: Rfq, now_ns: int, guard_ns: int) -> list[tuple[Ask, Quote]]:
    """Each dealer's latest quote if it can still be executed, best first; ties go to the earlier, then by name."""
    live = [(ask, quote) for ask, quote in _latest(rfq) if quote.live(now_ns, guard_ns)]
    sign = rfq.side.sign

    def key(entry: tuple[Ask, Quote]) -> tuple[Decimal, int, str]:
        ask, quote = entry
        assert quote.price is not None  # a quote without a price has a problem and is not live
        return quote.price * sign, quote.received_ns, ask.dealer

    return sorted(live, key=key)


def _latest(rfq: Rfq) -> Iterable[tuple[Ask, Quote]]:
    for ask in rfq.asks:
        if ask.quotes:
            yield ask, ask.quotes[-1]
