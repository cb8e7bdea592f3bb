"""What a rule book may speak of: the catalogue of order and dealer fields, filled from the desk.

Unknown is None. Money is face in base currency, at the rate of now; an order in a currency without a known rate has an
unknown size. Nothing is rounded: an amount that a rule names in the order's own currency is met to the digit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final, Protocol

from engine.clock import NS_PER_DAY
from engine.dealers.book import Dealer
from engine.dealers.outlook import Outlook
from engine.dealers.segments import Segment
from engine.dealers.stats import METRICS, Metric, Source, Unit
from engine.desk.classic_lessons import traits_of
from engine.desk.setting import Desk
from engine.domain.currencies import CURRENCIES, currency_problem
from engine.domain.instrument import AssetClass, Security
from engine.domain.order import MarkUsed, OrderFacts, OrderTerms
from engine.domain.rows import row
from engine.market.calendars import utc_date
from engine.rules import rating
from engine.rules.signature import RANK, SCORE, TIER, Catalogue, Field, Kind
from engine.selection.scorers import NAMED


@row
@dataclass(frozen=True, slots=True)
class OrderSubject:
    """An order as conditions see it; `quantity` is the whole exposure where a protection looks.

    `worth_of` gives what one unit of a currency is worth in base currency, 1 of that itself, None where nobody knows.
    """

    desk: Desk
    terms: OrderTerms
    security: Security
    quantity: Decimal
    now_ns: int
    mark: MarkUsed | None
    worth_of: Callable[[str], Decimal | None]

    def in_base(self, amount: Decimal | None) -> Decimal | None:
        """An amount of the bond's currency."""
        if amount is None or self.terms.currency == self.desk.base_currency:
            return amount
        worth = self.worth_of(self.terms.currency)
        return None if worth is None else amount * worth


@row
@dataclass(frozen=True, slots=True)
class DealerSubject:
    """A dealer as conditions see it, for one order."""

    desk: Desk
    dealer: Dealer
    facts: OrderFacts
    segment: Segment
    now_ns: int
    connected: bool
    request: ForRequest


class ForRequest(Protocol):
    """What is known of dealers for one request alone: looked up when a rule first wants it."""

    def outlook(self, dealer: str) -> Outlook:
        """What the model expects of it."""
        ...

    def has_axe(self, dealer: str) -> bool:
        """Whether it advertises that it wants the other side of this order."""
        ...


def catalogue(
    dealers: Iterable[str] | None = None, base_currency: str = "USD", never_known: Mapping[str, str] | None = None
) -> Catalogue:
    """The catalogue that checker, evaluator and `rfqctl rules fields` share.

    `never_known` says of fields, by name, why they can only be unknown in this installation.
    """
    reasons = never_known or {}

    def named(fields: Iterable[Field]) -> dict[str, Field]:
        return {
            each.name: replace(each, unknown_because=reasons.get(each.name, each.unknown_because)) for each in fields
        }

    return Catalogue(
        order_fields=named(_ORDER_FIELDS),
        dealer_fields=named(_DEALER_FIELDS),
        metrics={each.name: each for each in _DEALER_FIELDS if each.name in METRICS},
        scorers=frozenset(NAMED),
        dealers=frozenset(dealers) if dealers is not None else None,
        base_currency=base_currency,
        rate=lambda subject, currency: subject.worth_of(currency),
        currency_problem=currency_problem,
    )


# --- the order -----------------------------------------------------------------------------------


def _notional(subject: OrderSubject) -> Decimal | None:
    return subject.in_base(subject.quantity * subject.security.factor)


def _market_value(subject: OrderSubject) -> Decimal | None:
    face = _notional(subject)
    return face * subject.mark.price / 100 if face is not None and subject.mark is not None else None


def _rating(subject: OrderSubject) -> Any:
    return rating.parse(subject.security.rating) if subject.security.rating else None


def _days_since_trade(subject: OrderSubject) -> float | None:
    return subject.desk.appraisal.days_since_trade(subject.security, subject.now_ns)


def _liquidity_score(subject: OrderSubject) -> int | None:
    return subject.desk.appraisal.liquidity_score(subject.security, subject.now_ns)


def _volatility(subject: OrderSubject) -> float | None:
    found = subject.desk.appraisal.volatility(subject.security.security_id, subject.now_ns)
    return None if found is None else found.bps


def _expected_impact(subject: OrderSubject) -> float | None:
    found = subject.desk.appraisal.expected_impact(
        subject.security, subject.quantity, subject.now_ns, subject.terms.side
    )
    return None if found is None else found.bps


def _expected_cost(subject: OrderSubject) -> float | None:
    desk = subject.desk
    half_spread_bps = desk.half_spread_bps_of(subject.security.security_id, subject.now_ns)
    found = desk.appraisal.expected_cost(
        subject.security, subject.quantity, half_spread_bps, subject.now_ns, subject.terms.side
    )
    return None if found is None else found.total.bps


def _years(subject: OrderSubject) -> float | None:
    return subject.security.years_to_maturity(utc_date(subject.now_ns))


def _adv(subject: OrderSubject, window_days: int) -> Decimal | None:
    """From the tape where it covers the window, or from the security file over the one window that it gives."""
    return subject.in_base(subject.desk.appraisal.adv(subject.security, window_days, subject.now_ns))


def _outstanding(subject: OrderSubject) -> Decimal | None:
    return subject.in_base(subject.security.amount_outstanding)


def _time_of_day(subject: OrderSubject) -> float:
    at = datetime.fromtimestamp(subject.now_ns // 1_000_000_000, UTC)
    return at.hour * 3600 + at.minute * 60 + at.second


def _of_security(name: str) -> Callable[[OrderSubject], Any]:
    return lambda subject: getattr(subject.security, name)


_ORDER_FIELDS: Final = (
    Field("side", Kind.TEXT, lambda s: s.terms.side.value, "what the desk does", choices=("buy", "sell")),
    Field("quantity", Kind.NUMBER, lambda s: s.quantity, "face amount in the bond's currency"),
    Field("notional", Kind.MONEY, _notional, "face amount times factor, in base currency"),
    Field("market_value", Kind.MONEY, _market_value, "what it is worth at fair, in base currency"),
    Field(
        "currency",
        Kind.TEXT,
        lambda s: s.terms.currency,
        "the bond's currency, a code of ISO 4217",
        choices=tuple(sorted(CURRENCIES)),
    ),
    Field(
        "asset_class",
        Kind.TEXT,
        lambda s: s.security.asset_class.value,
        "what kind of borrower",
        choices=tuple(each.value for each in AssetClass),
    ),
    Field("sector", Kind.TEXT, _of_security("sector"), "the borrower's industry"),
    Field("issuer", Kind.TEXT, _of_security("issuer"), "the borrower"),
    Field("security", Kind.TEXT, _of_security("security_id"), "the ISIN"),
    Field("rating", Kind.RATING, _rating, "the rating that counts; NR is known, a missing one is not"),
    Field("coupon", Kind.PERCENT, _of_security("coupon_pct"), "a year's interest in percent of par"),
    Field("maturity", Kind.DATE, _of_security("maturity"), "when it is repaid; unknown for a perpetual"),
    Field("years_to_maturity", Kind.YEARS, _years, "years left"),
    Field("amount_outstanding", Kind.MONEY, _outstanding, "face that exists, in base currency"),
    Field("days_since_trade", Kind.DAYS, _days_since_trade, "calendar days since it last traded"),
    Field(
        "adv",
        Kind.MONEY,
        _adv,
        "average face volume a business day, days without trade included, in base currency",
        windowed=True,
    ),
    Field("liquidity_score", Kind.NUMBER, _liquidity_score, "1 hardly trades, 10 always, among bonds like it"),
    Field("expected_impact", Kind.BPS, _expected_impact, "what the order's own size is expected to move"),
    Field("expected_cost", Kind.BPS, _expected_cost, "half of bid and offer, and the expected impact"),
    Field("volatility", Kind.BPS, _volatility, "standard deviation of a day's price change"),
    Field("fair", Kind.PRICE, lambda s: s.mark.price if s.mark else None, "the mark, in percent of par"),
    Field("time", Kind.TIME, _time_of_day, "time of day, UTC"),
    Field("account", Kind.TEXT, lambda s: s.terms.account, "the account it is for"),
    Field("trader", Kind.TEXT, lambda s: s.terms.trader, "who entered it"),
)

# --- a dealer ------------------------------------------------------------------------------------


def _agreements(subject: DealerSubject) -> tuple[str, ...]:
    return subject.dealer.agreements_on(utc_date(subject.now_ns))


def _last_asked(subject: DealerSubject) -> float:
    """Days since it was last asked; never is infinitely long ago."""
    at = subject.desk.stats.last_asked(subject.dealer.id)
    return float("inf") if at is None else max(0.0, (subject.now_ns - at) / NS_PER_DAY)


def _quoted_issuer(subject: DealerSubject, window_days: int) -> bool:
    stats, dealer = subject.desk.stats, subject.dealer.id
    return stats.quoted_issuer(dealer, subject.facts.issuer, window_days, subject.now_ns)


def _quoted_similar(subject: DealerSubject, window_days: int) -> bool:
    desk, dealer, facts, now_ns = subject.desk, subject.dealer.id, subject.facts, subject.now_ns
    # The same issuer counts as similar: whoever quotes the name quotes the bond.
    if desk.stats.quoted_issuer(dealer, facts.issuer, window_days, now_ns):
        return True
    bond = traits_of(facts)
    return bond is not None and desk.stats.quoted_any(dealer, desk.neighbours_of(bond, now_ns), window_days, now_ns)


def _count(name: str) -> Callable[[DealerSubject, int], int]:
    def count(subject: DealerSubject, window_days: int) -> int:
        scope = subject.facts.asset_class
        metrics = subject.desk.stats.metrics(subject.dealer.id, scope, window_days, subject.now_ns)
        found: int = getattr(metrics, name)
        return found

    return count


def _metric(name: str) -> Callable[[DealerSubject, int], float | None]:
    def value(subject: DealerSubject, window_days: int) -> float | None:
        found = subject.desk.stats.estimate(subject.dealer.id, name, subject.segment, window_days, subject.now_ns)
        return found.value if found.source is Source.OWN else None

    return value


def _expected(value: Callable[[Outlook], float]) -> Callable[[DealerSubject], float]:
    """A number of the model's: of a dealer that nobody has tried, what is expected of dealers like it."""
    return lambda subject: value(subject.request.outlook(subject.dealer.id))


def _leak_cost(expected: Outlook) -> float:
    return expected.leak_in.value + expected.leak_post.value


_BARE: Final = {
    "edge": (_expected(lambda expected: expected.e.value), "without a window what the model expects"),
    "firmness": (_expected(lambda expected: expected.f.value), "without a window what the model expects"),
}
"""Metrics that the model has an estimate of: the word without a window means that one, and how it is told."""


def _windowed(metric: Metric) -> Field:
    bare, told = _BARE.get(metric.name, (None, ""))
    doc = f"{metric.doc}; {told}" if told else metric.doc
    kind = _KINDS[metric.unit]
    return Field(metric.name, kind, _metric(metric.name), doc, windowed=True, synonyms=metric.synonyms, bare=bare)


_KINDS: Final = {Unit.RATE: Kind.RATE, Unit.BPS: Kind.BPS, Unit.SECONDS: Kind.SECONDS}

_DEALER_FIELDS: Final = (
    Field("name", Kind.TEXT, lambda s: s.dealer.id, "the dealer's id"),
    Field("specialty", Kind.SET_OF_TEXT, lambda s: s.dealer.specialties, "what it is known to be good at"),
    Field("agreement", Kind.SET_OF_TEXT, _agreements, "agreements with it that are in force today"),
    Field("connected", Kind.BOOL, lambda s: s.connected, "its session is up"),
    Field("last_asked", Kind.DAYS, _last_asked, "days since it was last asked; infinite for never"),
    Field("asks", Kind.NUMBER, _count("asks"), "RFQs sent, in the asset class", windowed=True),
    Field("quotes", Kind.NUMBER, _count("quotes"), "executable quotes, in the asset class", windowed=True),
    Field("trades", Kind.NUMBER, _count("trades"), "trades, in the asset class", windowed=True),
    Field("quoted_issuer", Kind.BOOL, _quoted_issuer, "quoted a bond of this issuer", windowed=True),
    Field("quoted_similar", Kind.BOOL, _quoted_similar, "quoted this issuer or a similar bond", windowed=True),
    Field("has_axe", Kind.BOOL, lambda s: s.request.has_axe(s.dealer.id), "it advertises the other side of this order"),
    Field(
        "p_quote", Kind.RATE, _expected(lambda found: found.q.value), "the model's chance that it quotes, asked alone"
    ),
    Field("leak_cost", Kind.BPS, _expected(_leak_cost), "what the model thinks asking it costs; positive is bad"),
    RANK,
    SCORE,
    TIER,
    *(_windowed(each) for each in METRICS.values()),
)
