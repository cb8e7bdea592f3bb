"""Which quotes of a round count, how good they are, and which is best. It asks nobody and records nothing."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Final

from engine.desk.draft import Draft
from engine.domain.messages import QuoteAnswer
from engine.domain.order import MarkUsed, Side
from engine.domain.rfq import Ask, Quote, QuoteKind, Rfq
from engine.market.tca import quote_edge_bps
from engine.rules.plan import Tolerance, ToleranceUnit

NO_PERCENT: Final = "not a price in percent of par"

_PRICE_MAX = Decimal(1000)


def judge(
    answer: QuoteAnswer,
    *,
    side: Side,
    quantity: Decimal,
    security_id: str,
    settl_date: str,
    currency: str,
    fair: MarkUsed | None,
    asked_ns: int,
    now_ns: int,
    firm_time_ns: int | None,
    guard_ns: int,
) -> Quote:
    """The answer as a quote with its edge, its end on our clock and the reason it cannot be executed.

    `settl_date` is the day of settlement that prices have to be for, empty where any will do. Its end is
    ValidUntilTime(62); without it `firm_time_ns` from receipt (the dealer's dialect).
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
        edge_bps=edge_bps(side, price, fair.price if fair is not None else None) if comparable else None,
        problem=_other_day(answer, settl_date)
        or _other_currency(answer, currency)
        or _problem(answer, price, size, side, quantity, security_id, bid, offer, firm_until, now_ns + guard_ns),
        mark=fair,
    )


def _other_day(answer: QuoteAnswer, asked: str) -> str:
    if asked and answer.settl_date not in ("", asked):
        return f"for SettlDate(64)={answer.settl_date}, asked for was {asked}"
    return ""


def _other_currency(answer: QuoteAnswer, asked: str) -> str:
    if answer.currency not in ("", asked):
        return f"in Currency(15)={answer.currency}, the bond is in {asked}"
    return ""


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
        return NO_PERCENT
    if price is None:
        return f"no price on our side ({'offer' if side is Side.buy else 'bid'})"
    if bid is not None and offer is not None and bid > offer:
        return f"crossed: bid {bid} above offer {offer}"
    if answer.kind is not QuoteKind.tradeable:
        return answer.kind.value
    if size is not None and 0 < size < quantity:
        return too_small(size, quantity)
    if firm_until is not None and firm_until <= needed_until:
        return "over before it could be taken"
    return ""


def too_small(size: Decimal, quantity: Decimal) -> str:
    """What keeps a quote from being executed that is for less than was asked for."""
    return f"size {size} below {quantity}"


def _price(value: Decimal | None) -> Decimal | None:
    """A price of 0 is no price on that side; so is one that no bond has."""
    return value if value is not None and value.is_finite() and 0 < value < _PRICE_MAX else None


def edge_bps(side: Side, price: Decimal | None, fair: Decimal | None) -> float | None:
    """How much better than fair, in bps of fair; None when either is unknown."""
    if price is None or fair is None or fair <= 0:
        return None
    return quote_edge_bps(side.sign, price, fair)


def fair_enough(draft: Draft, rfq: Rfq, quote: Quote, tolerance: Tolerance) -> bool | None:
    """Is the quote within tolerance of fair? None when fair, or what the unit needs, is unknown."""
    order = draft.state.orders[rfq.order_id]
    fair = draft.fair_of(rfq)
    if fair is None or quote.price is None:
        return None
    return within(tolerance, rfq.side, quote.price, fair.price, draft.desk.securities[order.terms.security_id].dv01)


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
