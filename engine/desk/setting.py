"""What the desk decides by, besides its state: limits, dealers, bonds, prices, scores, rules.

Built and swapped by the shell; a decision only reads it. What a decision took from here stands in its events.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, time
from decimal import Decimal
from typing import Final, Protocol

from engine.clock import utc_day
from engine.dealers.book import DealerBook
from engine.dealers.segments import peer_group
from engine.dealers.stats import DealerStats
from engine.desk.costs import Costs
from engine.desk.learning import Learning
from engine.domain.instrument import BondTraits, Security
from engine.market.appraisal import Appraisal
from engine.market.calendars import Calendar, Calendars, DayEnd
from engine.market.hearing import Refusals, Sides
from engine.market.marks import MarkBook
from engine.market.naming import Naming
from engine.market.rates import FiledRates, RateLimits
from engine.market.similar import Neighbours
from engine.rules.program import Book
from engine.selection.ranking import Rankings
from engine.selection.request import Parameters

_AT_NINE_UTC: Final = DayEnd(time(21), UTC)

EARLIER_BOOKS_MAX: Final = 32
"""Rule books that are kept after they were in force."""


@dataclass(frozen=True, slots=True)
class RiskLimits:
    """The gate's numbers. `restricted` holds ISINs and issuers; `notional_max` is face in base currency."""

    notional_max: Decimal
    open_rfqs_max: int
    price_collar_bps: float
    duplicate_window_ns: int
    restricted: frozenset[str] = frozenset()
    fill_better_bps_max: float = 100.0
    """How much better than the accepted price, in bps of it, a fill may be and still be booked."""


@dataclass(frozen=True, slots=True)
class RfqClocks:
    """Times of an RFQ in ns. `wait_ns` counts from each ask where the rule names none."""

    wait_ns: int
    decide_ns: int
    guard_ns: int
    stale_order_ns: int
    mark_age_ns_max: int
    undelivered_ask_ns: int
    reversion_ns: int
    quotes_per_rfq_max: int = 64
    unasked_ns: int = 60_000_000_000
    """How long an IOC or FOK order that nobody can be asked for waits for a person."""
    session_due_ns: int = 10_000_000_000
    """How long after a start, a loss or its opening hour a session may be up at any moment, and is waited for."""
    status_asks_max: int = 2
    """How often a silent dealer is asked for the state of our order before a person is."""
    day_end: DayEnd = _AT_NINE_UTC
    """When a trading day ends, on the days of a bond's calendar: marks follow a round and a fill until the next end."""
    cool_down_days: int = 1
    """For so many business days before today a dealer that was asked for a bond still knows of it."""


@dataclass(frozen=True, slots=True)
class AxeLimits:
    """What is taken of dealers' advertised interests: how long one lives, how many there may be."""

    life_ns: int = 8 * 3600 * 1_000_000_000
    """Of one that names no end."""
    life_ns_max: int = 5 * 86_400 * 1_000_000_000
    per_dealer_max: int = 2_000
    per_bond_max: int = 4
    """Of one dealer in one bond."""


@dataclass(frozen=True, slots=True)
class TellsOfBonds:
    """Whether anybody tells of bonds, besides the security file: of prices, of trades of the market."""

    prices: bool = True
    trades: bool = True


class Hours(Protocol):
    """When a session is open."""

    def closed(self, utc_ns: int) -> str:
        """`closed until 08:00 America/New_York`; empty while it is open."""
        ...

    def period_start(self, utc_ns: int) -> int:
        """When the period of this instant began."""
        ...


@dataclass(slots=True)
class Desk:
    base_currency: str
    risk: RiskLimits
    clocks: RfqClocks
    dealers: DealerBook
    securities: dict[str, Security]
    """Every bond by its identifier: the file's, and in their place those that feeds delivered."""
    marks: MarkBook
    stats: DealerStats
    rankings: Rankings
    learning: Learning
    parameters: Parameters
    book: Book
    scoring_hash: str
    appraisal: Appraisal = field(default_factory=lambda: Appraisal({}))
    """What is known of bonds besides their prices, and the desk's numbers for it."""
    refusals: Refusals = field(default_factory=Refusals)
    """Prices and trades that were delivered and not taken."""
    neighbours: Neighbours = field(default_factory=Neighbours)
    """Which of the bonds that dealers have quoted are like one: looked up once a day."""
    sides: dict[tuple[str, str], Sides] = field(default_factory=dict)
    """By bond and source, for sources that tell of changes alone."""
    drop_copies: tuple[str, ...] = ()
    """Sessions that see every report."""
    market_sessions: tuple[str, ...] = ()
    told_of_bonds: TellsOfBonds = TellsOfBonds()
    hours: Mapping[str, Hours] = field(default_factory=dict)
    """By session; one that is not here is always open."""
    costs: Costs = field(default_factory=Costs)
    """What trades cost: kept while the engine runs, made again from the journal at a start."""
    outside_tca: bool = False
    """Do an outside provider's figures count in place of ours, where there are any?"""
    earlier_books: Mapping[str, Book] = field(default_factory=dict)
    """By hash, rule books that decided before: what they decided is told in their words."""
    calendars: Calendars = field(default_factory=Calendars)
    filed: Mapping[str, Security] = field(default_factory=dict)
    """The bonds as their file has them."""
    axes: AxeLimits = AxeLimits()
    filed_rates: FiledRates = field(default_factory=FiledRates)
    """Rates of currencies as their file has them."""
    rate_limits: RateLimits = field(default_factory=RateLimits)
    rate_pairs: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Pairs of currencies that market sessions are asked for, by session."""
    naming: Naming = field(init=False)
    """By which identifiers the bonds are known."""
    hold: str = ""
    """Why nobody may be asked just now, whatever the order: the journal is slow. Empty when all is well."""

    def __post_init__(self) -> None:
        self.naming = Naming(self.securities)

    def take_up(self, after: Desk, *, with_stats: bool) -> None:
        """Decide by what `after` says from now on; prices, and statistics unless they are made anew, stay."""
        if after.book.hash != self.book.hash:
            # The earliest goes first where there are too many.
            earlier = {**self.earlier_books, self.book.hash: self.book}
            earlier.pop(after.book.hash, None)
            self.earlier_books = dict([*earlier.items()][-EARLIER_BOOKS_MAX:])
        for each in fields(self):
            if each.name not in _LIVING:
                setattr(self, each.name, getattr(after, each.name))
        self.appraisal.take_up(after.appraisal)
        if with_stats:
            self.stats, self.rankings, self.learning = after.stats, after.rankings, after.learning
            self.neighbours = Neighbours()
        else:
            self.rankings = Rankings(self.stats, self.dealers.ids)

    def half_spread_bps_of(self, security_id: str, now_ns: int) -> float | None:
        """Half the distance of bid and offer, by the best mark now that has both sides."""
        ages = self.appraisal.parameters.age_ns_max
        return self.marks.half_spread_bps(security_id, now_ns, self.clocks.mark_age_ns_max, ages)

    def neighbours_of(self, bond: BondTraits, now_ns: int) -> tuple[BondTraits, ...]:
        """The bonds like this one that any dealer has quoted."""
        quoted, radius = self.stats.quoted, self.appraisal.parameters.similar_radius
        return self.neighbours.of(bond, quoted.like(bond), quoted.version(bond), utc_day(now_ns), radius)

    def sides_of(self, security_id: str, source: str) -> Sides:
        """Bid and offer as the source last told of them."""
        known = self.sides.get((security_id, source))
        if known is not None:
            return known
        mark = self.marks.of(security_id, source)
        return Sides(security_id, source) if mark is None else Sides.of(mark)

    def know(self, security_id: str, delivered: Security | None) -> None:
        """A bond as a feed delivered it; None: as the file has it, if it does."""
        bond = delivered if delivered is not None else self.filed.get(security_id)
        self.naming.know(security_id, bond, self.securities.get(security_id))
        if bond is not None:
            self.securities[security_id] = bond
        else:
            self.securities.pop(security_id, None)
        self.appraisal.know(security_id, peer_group(bond) if bond is not None else None)

    def calendar_of(self, security_id: str, currency: str = "") -> Calendar:
        """The calendar that a bond goes by; where it is in the securities no more, that of its currency."""
        security = self.securities.get(security_id)
        return self.calendars.of(security) if security is not None else self.calendars.of_currency(currency)

    def day_ends_of(self, security_id: str, now_ns: int) -> tuple[int, int]:
        """The end of the trading day of a bond that this instant belongs to, and of the next one; UTC nanoseconds."""
        return self.clocks.day_end.after(now_ns, self.calendar_of(security_id, self.base_currency))

    def closed(self, session: str, now_ns: int) -> str:
        """`closed until ...` while the session's hours are over; empty while it is open."""
        hours = self.hours.get(session)
        return hours.closed(now_ns) if hours is not None else ""

    def book_of(self, book_hash: str) -> Book | None:
        """The rule book of that hash, if it is in force or still at hand."""
        return self.book if book_hash == self.book.hash else self.earlier_books.get(book_hash)


_LIVING: Final = frozenset(
    {
        "costs",
        "marks",
        "appraisal",
        "refusals",
        "neighbours",
        "sides",
        "stats",
        "rankings",
        "learning",
        "hold",
        "earlier_books",
    }
)
"""What is learned while the engine runs, and in no file."""
