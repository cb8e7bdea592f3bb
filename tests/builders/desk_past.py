"""Invented bonds and dealers, and a past in which every dealer did otherwise: events, as a journal of it would hold.

Everything happened on one day, so every rate and mean is a plain ratio: decay cancels.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from engine.clock import NS_PER_DAY, NS_PER_S, utc_day
from engine.dealers.book import Dealer
from engine.dealers.segments import segment_of
from engine.domain import events as e
from engine.domain.instrument import AssetClass, Security, isin_check_digit
from engine.domain.order import Handling, MarkUsed, OrderFacts, OrderTerms, Side, TimeInForce
from engine.domain.placement import Fill
from engine.domain.rfq import AskPlan, ExecutePlan, Quote, QuoteKind
from engine.market.calendars import utc_date
from engine.rules.plan import Mode

NOW_NS = int(datetime.datetime(2026, 11, 23, 15, 0, tzinfo=datetime.UTC).timestamp()) * NS_PER_S
PAST_NS = NOW_NS - 3 * NS_PER_DAY
"""The last business day before: everything the dealers ever did happened then."""


def isin(number: int) -> str:
    """An ISIN of the range kept free for private use."""
    body = f"US99Z{number:03d}ZZ1"
    return body + isin_check_digit(body)


def bond(number: int, issuer: str, asset_class: AssetClass = AssetClass.CORPORATE, **changes: Any) -> Security:
    values: dict[str, Any] = {
        "security_id": isin(number),
        "cusip": isin(number)[2:11],
        "name": f"{issuer} 5 06/15/2033",
        "issuer": issuer,
        "asset_class": asset_class,
        "sector": "energy" if asset_class is AssetClass.CORPORATE else "education",
        "coupon_pct": Decimal(5),
        "issue_date": datetime.date(2023, 6, 15),
        "maturity": datetime.date(2033, 6, 15),
        "rating": "A",
        "amount_outstanding": Decimal(500_000_000),
        "adv_30d": Decimal(900_000_000),
        "last_trade_date": datetime.date(2026, 11, 20),
        "liquidity_score": 6,
        "price": Decimal(100),
        "dv01": Decimal("0.055"),
    }
    return Security(**{**values, **changes})


HIGH_YIELD = bond(1, "Varnholt Energy", rating="BB-")
"""BRIEF C2: a corporate bond rated below BBB."""
MUNICIPAL = bond(2, "Port of Ellmere", AssetClass.MUNICIPAL, rating="NR")
"""BRIEF C2: a non-rated municipal."""
THIN = bond(3, "Osprey Freight", rating="A", adv_30d=Decimal(3_000_000), liquidity_score=7)
"""BRIEF C3: 400k is more than a tenth of what trades on an average day."""
ILLIQUID = bond(
    4,
    "Tarn Minerals",
    sector="mining",
    rating="A-",
    last_trade_date=datetime.date(2026, 10, 20),
    liquidity_score=2,
)
"""BRIEF C4: a corporate bond that has not traded for a month; with plenty of volume before, so no protection."""
LIKE_ILLIQUID = bond(5, "Cobalt Ridge", sector="mining", rating="A", liquidity_score=2)
"""Another issuer's bond of the same sector, maturity and rating."""
LIQUID = bond(6, "Osprey Freight", rating="AA", liquidity_score=9)
UNKNOWN_VOLUME = bond(7, "Merlin Rail", adv_30d=None)
EURO = bond(8, "Gannet Air", currency="EUR")
SECURITIES = (HIGH_YIELD, MUNICIPAL, THIN, ILLIQUID, LIKE_ILLIQUID, LIQUID, UNKNOWN_VOLUME, EURO)


@dataclass(frozen=True, slots=True)
class Past:
    """What one dealer did when it was asked for one bond, `asks` times: its first quotes, its first trades."""

    dealer: str
    security: Security
    side: Side
    quantity: int
    asks: int
    quotes: int
    trades: int
    improvement_bps: float
    reversion_bps: float
    latency_s: int


CORPORATE_DEALERS = ("ash", "beech", "cedar", "fir", "hazel", "larch", "maple", "oak")
# Nobody has ever tried oak.
MUNICIPAL_DEALERS = ("larch", "maple", "pine", "poplar", "rowan", "spruce", "teak", "walnut", "willow", "yew")
SPECIALISTS = frozenset({"larch", "pine", "poplar", "rowan", "spruce", "walnut", "yew"})
"""Municipal specialists; maple, teak and willow trade municipals without being known for it."""


def _past(security: Security, side: Side, quantity: int, rows: Mapping[str, tuple[Any, ...]]) -> tuple[Past, ...]:
    return tuple(Past(dealer, security, side, quantity, *row) for dealer, row in rows.items())


# asks, quotes, trades, improvement bps, reversion bps, latency s
PAST: tuple[Past, ...] = (
    *_past(
        HIGH_YIELD,
        Side.buy,
        6_000_000,
        {
            "ash": (50, 50, 30, 2.0, -0.5, 12),  # hit 0.60
            "beech": (50, 40, 20, 5.0, -1.0, 20),  # hit 0.50
            "cedar": (50, 25, 20, 1.0, 0.5, 8),  # hit 0.80
            "fir": (50, 50, 10, 3.0, -0.2, 15),  # hit 0.20
            "hazel": (50, 20, 12, -4.0, -2.0, 40),  # hit 0.60
            "larch": (50, 50, 15, 0.0, 0.0, 30),  # hit 0.30
            "maple": (50, 40, 10, 1.0, 1.0, 25),  # hit 0.25
        },
    ),
    *_past(
        MUNICIPAL,
        Side.buy,
        3_000_000,
        {
            "larch": (40, 40, 36, 4.0, 0.0, 6),  # best
            "maple": (40, 40, 34, 3.5, 0.0, 6),
            "poplar": (40, 40, 30, 3.0, 0.0, 12),
            "pine": (40, 36, 26, 2.5, 0.0, 12),
            "rowan": (40, 36, 22, 2.0, 0.0, 18),
            "spruce": (40, 30, 18, 1.5, 0.0, 18),
            "teak": (40, 30, 14, 1.0, 0.0, 24),
            "walnut": (40, 20, 12, 0.5, 0.0, 24),
            "willow": (40, 20, 11, 0.0, 0.0, 30),
            "yew": (40, 20, 10, -1.0, 0.0, 30),
        },
    ),
    *_past(
        ILLIQUID,
        Side.sell,
        12_000_000,
        {
            "ash": (20, 20, 10, 1.0, -6.0, 10),
            "beech": (20, 16, 10, 0.0, 1.0, 15),
            "cedar": (20, 20, 12, 2.0, -1.0, 12),
        },
    ),
    *_past(
        LIKE_ILLIQUID,
        Side.sell,
        12_000_000,
        {
            "fir": (20, 20, 10, 1.0, 2.0, 20),
            "hazel": (20, 20, 14, 0.5, -3.0, 10),
            "maple": (20, 20, 15, 0.0, 0.0, 10),
        },
    ),
)


def dealer(name: str, **changes: Any) -> Dealer:
    classes = []
    if name in CORPORATE_DEALERS:
        classes.append(AssetClass.CORPORATE)
    if name in MUNICIPAL_DEALERS:
        classes.append(AssetClass.MUNICIPAL)
    values: dict[str, Any] = {
        "id": name,
        "name": f"{name.capitalize()} & Co",
        "lei": f"0000{name.upper():X<14}00"[:20],
        "session": name,
        "asset_classes": tuple(classes),
        "specialties": ("municipal",) if name in SPECIALISTS else (),
        "firm_time_s": 30.0,
    }
    return Dealer(**{**values, **changes})


DEALERS: tuple[Dealer, ...] = tuple(dealer(name) for name in sorted({*CORPORATE_DEALERS, *MUNICIPAL_DEALERS}))


# --- the past ------------------------------------------------------------------------------------


def past_events(pasts: Sequence[Past] = PAST, at_ns: int = PAST_NS, *, after: int = 0) -> list[e.Event]:
    """Every order, request, quote, fill and reversion of the past, in order: what a journal of it would hold.

    `after` is how many orders the journal has already.
    """
    events: list[e.Event] = []
    number = after
    for past in pasts:
        for turn in range(past.asks):
            number += 1
            events.extend(
                _past_order(past, number, at_ns + (number - after) * NS_PER_S, turn < past.quotes, turn < past.trades)
            )
    return events


def _past_order(past: Past, number: int, at_ns: int, quoted: bool, traded: bool) -> Iterator[e.Event]:
    security, quantity, price = past.security, Decimal(past.quantity), Decimal(100)
    order_id, rfq_id, request, placement_id = f"O-{number:06d}", f"Q-{number:06d}", f"req{number}", f"placed{number}"
    mark = MarkUsed(price, "marks", 0, "composite")
    day = utc_date(at_ns)
    segment = segment_of(security, quantity, past.side.value, day).key
    terms = OrderTerms(
        cl_ord_id=f"past{number}",
        session="oms",
        account="PAST",
        trader="",
        security_id=security.security_id,
        side=past.side,
        quantity=quantity,
        limit_price=None,
        tif=TimeInForce.day,
        handling=Handling.automatic,
        currency=security.currency,
        transact_ns=at_ns,
    )
    facts = OrderFacts(
        issuer=security.issuer,
        asset_class=security.asset_class.value,
        segment=segment,
        similar="",
        rating=security.rating,
        adv_30d=security.adv_30d,
        liquidity_score=security.liquidity_score,
        day=utc_day(at_ns),
        traits=security.traits,
    )
    plan = AskPlan(Mode.PARALLEL, (past.dealer,), 60 * NS_PER_S, 0, None, ExecutePlan(False))
    answered_ns = at_ns + past.latency_s * NS_PER_S
    yield e.OrderReceived(at_ns, order_id, terms, facts, mark, "", "", "session:oms")
    yield e.RfqOpened(at_ns, rfq_id, order_id, 1, plan, quantity, mark, "person:past")
    yield e.DealerAsked(at_ns, rfq_id, past.dealer, segment, request, number, at_ns + 60 * NS_PER_S)
    if quoted:
        quote = Quote(
            quote_id=f"quote{number}",
            bid=price,
            offer=price,
            price=price,
            quantity=quantity,
            kind=QuoteKind.tradeable,
            firm_until_ns=answered_ns + 30 * NS_PER_S,
            received_ns=answered_ns,
            latency_ns=past.latency_s * NS_PER_S,
            edge_bps=0.0,
        )
        yield e.QuoteReceived(answered_ns, rfq_id, past.dealer, segment, quote, False)
    else:
        yield e.DealerDeclined(answered_ns, rfq_id, past.dealer, segment, "no axe", past.latency_s * NS_PER_S)
    yield e.RfqDeciding(answered_ns, rfq_id, answered_ns + 30 * NS_PER_S, "all have answered")
    if not traded:
        yield e.RfqClosed(answered_ns, rfq_id, "no execution")
        yield e.OrderReturned(answered_ns, order_id, "not wanted")
        yield e.OrderCanceled(answered_ns, order_id, "canceled on request")
        return
    exec_id = f"P-{number:06d}"
    yield e.QuoteAccepted(
        answered_ns,
        placement_id,
        rfq_id,
        order_id,
        past.dealer,
        past.dealer,
        f"quote{number}",
        security.security_id,
        quantity,
        price,
        10_000 + number,
        "person:past",
    )
    fill = Fill(
        exec_id=exec_id,
        key=f"{past.dealer}|{past.dealer}|{placement_id}|{exec_id}|{day:%Y%m%d}",
        order_id=order_id,
        placement_id=placement_id,
        dealer=past.dealer,
        dealer_exec_id=exec_id,
        quantity=quantity,
        price=price,
        trade_date=f"{day:%Y%m%d}",
        settl_date=f"{day:%Y%m%d}",
        transact_ns=answered_ns,
    )
    due_ns = answered_ns + 1800 * NS_PER_S
    yield e.FillBooked(answered_ns, fill, segment, past.improvement_bps, mark, due_ns)
    yield e.RfqClosed(answered_ns, rfq_id, "executed")
    yield e.ReversionMeasured(
        due_ns, exec_id, order_id, past.dealer, segment, answered_ns, past.reversion_bps, mark, "from the past"
    )
