"""A desk to measure: invented bonds, as many dealers as wanted with a past, and a rule book of fifty rules.

The fifty rules are what desks write: an asset class, a rating, a size, a liquidity, some years. The order that is
measured fits none but the last, so each rule is looked at or known to be out.
"""

from __future__ import annotations

import datetime
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from engine.clock import NS_PER_DAY, NS_PER_S, Instant, utc_day
from engine.dealers.book import Dealer, DealerBook
from engine.dealers.estimates import EstimateParameters
from engine.dealers.segments import Segment, segment_of
from engine.dealers.stats import DealerStats
from engine.desk.draft import Draft
from engine.desk.fields import catalogue
from engine.desk.learning import Learning
from engine.desk.setting import Desk, RfqClocks, RiskLimits
from engine.desk.state import DeskState
from engine.domain.instrument import AssetClass, Security, isin_check_digit
from engine.domain.order import Handling, Order, OrderFacts, OrderState, OrderTerms, Side, TimeInForce
from engine.market.calendars import utc_date
from engine.market.marks import Mark, MarkBook, Quality
from engine.rules import rating
from engine.rules.program import Book, compile_book
from engine.rules.source import Source
from engine.selection.ranking import Rankings
from engine.selection.request import Parameters
from engine.turn.draft import SessionsOfTurn

RULES: Final = 50
NOW_NS: Final = int(datetime.datetime(2026, 11, 23, 15, 0, tzinfo=datetime.UTC).timestamp()) * NS_PER_S
QUANTITY: Final = Decimal(1_000_000)
BONDS: Final = 50
"""Orders take turns among them: what a desk knows of one bond's day grows with its orders."""


def dealer_names(count: int) -> list[str]:
    return [f"dealer{number:04d}" for number in range(count)]


def isin(number: int) -> str:
    """An ISIN of the range kept free for private use."""
    body = f"US99Z{number:03d}ZZ1"
    return body + isin_check_digit(body)


def bond(number: int = 1) -> Security:
    return Security(
        security_id=isin(number),
        name=f"Varnholt Energy {number} 5 06/15/2033",
        issuer="Varnholt Energy",
        asset_class=AssetClass.CORPORATE,
        sector="energy",
        coupon_pct=Decimal(5),
        issue_date=datetime.date(2023, 6, 15),
        maturity=datetime.date(2033, 6, 15),
        rating="BBB",
        amount_outstanding=Decimal(500_000_000),
        adv_30d=Decimal(900_000_000),
        last_trade_date=datetime.date(2026, 11, 20),
        liquidity_score=5,
        price=Decimal(100),
        dv01=Decimal("0.055"),
    )


def bonds() -> list[Security]:
    return [bond(number) for number in range(1, BONDS + 1)]


# --- rules ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Known:
    """What the conditions below speak of, read once from an order by the catalogue's own getters."""

    asset_class: str
    sector: str | None
    side: str
    notional: Decimal | None
    rating: rating.Rating | rating.NotRated | None
    liquidity_score: int | None
    days_since_trade: float | None
    years_to_maturity: float | None


_GETTERS: Final = {name: field.getter for name, field in catalogue().order_fields.items()}
_READERS: Final = tuple(_GETTERS[name] for name in Known.__slots__)


def known(order: Any) -> Known:
    return Known(*[read(order) for read in _READERS])


@dataclass(frozen=True, slots=True)
class Written:
    """One condition twice: in the rule language, and as a person would write it in Python."""

    text: str
    plain: Callable[[Known], bool]


def conditions(count: int = RULES - 1) -> list[Written]:
    """Conditions that the measured order does not meet. Within a family the narrower stands before the wider:
    a rule that an earlier one leaves nothing is a mistake that the book refuses.
    """
    families = (_high_yield, _municipal, _small, _whisper, _long_dated)
    return [families[number % 5](number // 5) for number in range(count)]


def _high_yield(step: int) -> Written:
    least = Decimal(500_000 * (14 - step))

    def plain(order: Known) -> bool:
        return (
            order.asset_class == "corporate"
            and isinstance(order.rating, rating.Rating)
            and order.rating < rating.Rating.BBB_MINUS
            and order.notional is not None
            and order.notional > least
        )

    return Written(f"asset_class == corporate and rating < BBB and notional > {500 * (14 - step)}k", plain)


def _municipal(step: int) -> Written:
    least = Decimal(1_000_000 * (11 - step))

    def plain(order: Known) -> bool:
        return (
            order.asset_class == "municipal"
            and order.rating is rating.NR
            and order.notional is not None
            and order.notional > least
        )

    return Written(f"asset_class == municipal and rating is NR and notional > {11 - step}mm", plain)


def _small(step: int) -> Written:
    most = Decimal(50_000 * (step + 1))

    def plain(order: Known) -> bool:
        return (
            order.notional is not None
            and order.notional <= most
            and order.liquidity_score is not None
            and order.liquidity_score >= 7
        )

    return Written(f"notional <= {50 * (step + 1)}k and liquidity_score >= 7", plain)


def _whisper(step: int) -> Written:
    least = Decimal(1_000_000 * (15 - step))

    def plain(order: Known) -> bool:
        return (
            order.asset_class == "corporate"
            and order.side == "sell"
            and (
                (order.days_since_trade is not None and order.days_since_trade > 7)
                or (order.liquidity_score is not None and order.liquidity_score <= 3)
            )
            and order.notional is not None
            and order.notional >= least
        )

    illiquid = "(days_since_trade > 7 or liquidity_score <= 3)"
    return Written(f"asset_class == corporate and side == sell and {illiquid} and notional >= {15 - step}mm", plain)


def _long_dated(step: int) -> Written:
    least = 20 - step

    def plain(order: Known) -> bool:
        return (
            order.sector == "energy"
            and order.years_to_maturity is not None
            and order.years_to_maturity > least
            and isinstance(order.rating, rating.Rating)
            and order.rating >= rating.Rating.A_MINUS
        )

    return Written(f"sector == energy and years_to_maturity > {least}y and rating >= A", plain)


def rule_text() -> str:
    """Fifty rules; the last takes everything, sends by itself and asks three."""
    rules = [
        f'rule "house rule {number}"\n  when {written.text}\n  ask top 3\n'
        for number, written in enumerate(conditions(), 1)
    ]
    last = 'rule "everything else"\n  when true\n  ask top 3\n  wait 120s\n  send automatically\n'
    return "\n".join([*rules, last])


def book(dealers: Sequence[str]) -> Book:
    return compile_book([Source("house.rules", rule_text())], catalogue(dealers))


# --- desk ----------------------------------------------------------------------------------------


def desk(dealers: int, *, other_class: float = 0.0) -> Desk:
    """A desk whose dealers have dealt before; that part of them does not trade corporates."""
    names = dealer_names(dealers)
    others = int(dealers * other_class)
    profiles = [
        Dealer(
            id=name,
            name=name,
            lei=f"0000{name.upper():X<14}00",
            session=name,
            asset_classes=(AssetClass.MUNICIPAL if number < others else AssetClass.CORPORATE,),
            firm_time_s=30.0,
        )
        for number, name in enumerate(names)
    ]
    stats, dealer_book = DealerStats(), DealerBook(profiles)
    marks = MarkBook()
    for security in bonds():
        marks.update(Mark(security.security_id, Decimal(100), NOW_NS, "marks", Quality.COMPOSITE))
    made = Desk(
        base_currency="USD",
        risk=RiskLimits(Decimal(50_000_000), 1_000_000, 200.0, 0),
        clocks=RfqClocks(
            wait_ns=120 * NS_PER_S,
            decide_ns=30 * NS_PER_S,
            guard_ns=NS_PER_S // 4,
            stale_order_ns=60 * NS_PER_S,
            mark_age_ns_max=NS_PER_DAY,
            undelivered_ask_ns=5 * NS_PER_S,
            reversion_ns=1800 * NS_PER_S,
        ),
        dealers=dealer_book,
        securities={each.security_id: each for each in bonds()},
        marks=marks,
        stats=stats,
        rankings=Rankings(stats, dealer_book.ids),
        learning=Learning(EstimateParameters()),
        parameters=Parameters(),
        book=book(names),
        scoring_hash="benchmark",
    )
    _past(made, names)
    return made


def segment() -> Segment:
    """That of the measured order."""
    return segment_of(bond(), QUANTITY, "buy", utc_date(NOW_NS))


def observe(stats: DealerStats, dealer: str, draw: random.Random, at_ns: int) -> None:
    """One more answered request of a dealer."""
    where = segment()
    stats.asked(dealer, where, at_ns)
    stats.answered(dealer, where, at_ns, draw.uniform(2, 40), True, draw.gauss(0, 3))


def _past(desk: Desk, dealers: Sequence[str]) -> None:
    """Thirty requests of every dealer, each with another skill, over the last sixty days."""
    draw, where, stats = random.Random(7), segment(), desk.stats
    for dealer in dealers:
        hit, skill, speed = draw.uniform(0.1, 0.9), draw.gauss(0, 3), draw.uniform(2, 40)
        for _ in range(30):
            at_ns = NOW_NS - draw.randrange(1, 60) * NS_PER_DAY
            stats.asked(dealer, where, at_ns)
            stats.answered(dealer, where, at_ns, speed * draw.uniform(0.5, 2), True, draw.gauss(skill, 2))
            if draw.random() < hit:
                stats.traded(dealer, where, at_ns, draw.gauss(skill, 2))
                stats.reversion(dealer, where, at_ns, draw.gauss(0, 2))


def order(number: int = 1) -> Order:
    security = bond()
    terms = OrderTerms(
        cl_ord_id=f"ord{number}",
        session="oms",
        account="FUND-A",
        trader="",
        security_id=security.security_id,
        side=Side.buy,
        quantity=QUANTITY,
        limit_price=None,
        tif=TimeInForce.day,
        handling=Handling.automatic,
        currency="USD",
        transact_ns=NOW_NS,
    )
    facts = OrderFacts(
        issuer=security.issuer,
        asset_class=security.asset_class.value,
        segment=segment().key,
        similar="",
        rating=security.rating,
        adv_30d=security.adv_30d,
        liquidity_score=security.liquidity_score,
        day=utc_day(NOW_NS),
        traits=security.traits,
    )
    return Order(f"O-{number:06d}", terms, facts, OrderState.with_trader, NOW_NS, None)


def draft(desk: Desk, up: frozenset[str] = frozenset()) -> Draft:
    """A decision about to be made on an empty state."""
    sessions = SessionsOfTurn(up, {})
    return Draft(desk, Instant(NOW_NS, NOW_NS), bytes(16), 0, sessions, DeskState(below=DeskState()))
