"""The calendars of markets: which day a trade is of, when it settles, when trading days end, which are business days.

A bond goes by the calendar that its line in the securities names, else by that of its currency. A name may join
several, as in `us-bond+target`: the bond trades by the first and settles on days on which all of them settle. Where no
calendar is configured at all, weekends alone are known. A date of settlement that matters is the dealer's to confirm.

Sources: SIFMA, "Holiday Recommendations FAQ": early closes are recommended and do not change when trades settle; ICMA,
"Secondary Market Rules & Recommendations", 202: settlement days are those on which the clearing system and payments
in the currency are open.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache
from typing import Final

from engine.clock import NS_PER_S, utc_day
from engine.domain.instrument import AssetClass, Security
from engine.market.business_days import BusinessDays

_EPOCH: Final = date(1970, 1, 1)
JOINS: Final = "+"
"""Between the names of calendars that a bond goes by together."""
SETTLEMENT_DAYS_MAX: Final = 10
DAYS_A_MONTH: Final = 30
"""Where it is said for how many months ahead days are to be known."""


@dataclass(frozen=True, slots=True)
class Cycle:
    """So many settlement days after the trade date is regular settlement, for trades of `first` and later."""

    first: date
    days: int


T_PLUS_1: Final = (Cycle(date.min, 1),)


@dataclass(frozen=True, slots=True, eq=False)
class Calendar:
    """The days of one market, as its file has them, from `first` to `last`; beyond them weekends alone are known.

    On the days of `closed` it does not trade and nothing settles; on those of `no_settlement` it trades and nothing
    settles. What is traded at `close` by the clock of `zone`, or later, or on a day without trading, is of the next
    trading day; without a `close` it is of its date.
    On the days of `early` prices are over earlier, and trades are of that day all the same.
    """

    name: str
    zone: tzinfo
    close: time | None
    currencies: tuple[str, ...]
    first: date
    last: date
    closed: frozenset[date]
    no_settlement: frozenset[date]
    early: Mapping[date, time]
    cycles: tuple[Cycle, ...] = T_PLUS_1
    """Earliest first."""
    unknown: str = ""
    """Why nothing is known by it, where it stands for a calendar that there is not; else empty."""
    trading: BusinessDays = field(init=False, repr=False)
    settling: BusinessDays = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "trading", BusinessDays(self.closed))
        object.__setattr__(self, "settling", BusinessDays(self.closed | self.no_settlement))

    @property
    def ends_ns(self) -> int:
        """When its last day is over; UTC nanoseconds."""
        end = datetime.combine(self.last + timedelta(days=1), time(), self.zone)
        return int(end.timestamp()) * NS_PER_S

    def trades_on(self, day: date) -> bool:
        return day.weekday() < 5 and day not in self.closed

    def settles_on(self, day: date) -> bool:
        return self.trades_on(day) and day not in self.no_settlement

    def why_unknown(self, day: date) -> str:
        """Why it cannot be told whether that day is a holiday; empty where it can."""
        if self.unknown or self.first <= day <= self.last:
            return self.unknown
        return f"calendar {self.name} is known from {self.first} to {self.last} only"

    def next_of(self, days: Iterable[date], today: date) -> date | None:
        """The first of these days from `today` on."""
        return min((day for day in days if day >= today), default=None)

    def is_known(self, day: date) -> bool:
        """Is it a calendar's word whether that day is a holiday, and not weekends alone?"""
        return bool(self.name) and not self.why_unknown(day)

    def date_of(self, utc_ns: int) -> date:
        """The date on the market's wall."""
        return datetime.fromtimestamp(utc_ns // NS_PER_S, UTC).astimezone(self.zone).date()

    def trade_date(self, utc_ns: int) -> date:
        """The trading day that a trade of this instant is of."""
        return day_of(_trading_day(self, utc_ns // NS_PER_S // _LOOKED_UP_S))

    def settlement(self, traded: date, days: int | None = None) -> date:
        """So many settlement days after a trade date; None: as many as is regular. 0 is the day itself."""
        return _settlement(self, traded, days)

    def regular_days(self, traded: date) -> int:
        """How many settlement days after this trade date trades settle where nothing else is agreed."""
        return [each.days for each in self.cycles if each.first <= traded][-1]


EVERY_WEEKDAY: Final = Calendar(
    name="",
    zone=UTC,
    close=None,
    currencies=(),
    first=date.min,
    last=date.max,
    closed=frozenset(),
    no_settlement=frozenset(),
    early={},
)
"""Where no calendars are configured: days are those of UTC, and nobody knows a holiday."""


class Calendars:
    """The calendars that are configured, and which one of them a bond goes by."""

    __slots__ = ("_by_currency", "_by_name", "_joined")

    def __init__(self, calendars: Sequence[Calendar] = ()) -> None:
        self._by_name = {each.name: each for each in calendars}
        self._by_currency = {currency: each for each in calendars for currency in each.currencies}
        self._joined: dict[str, Calendar] = {}
        """By what a bond's line names, or by currency where there is none for it."""

    def __iter__(self) -> Iterator[Calendar]:
        return iter(self._by_name.values())

    def of(self, security: Security) -> Calendar:
        """Where what it names is not configured, one by which nothing is known."""
        named = security.calendar
        return self.of_currency(security.currency) if named is None else self.named(named)

    def settlement(self, security: Security, utc_ns: int, days: int | None = None) -> date:
        """When a trade of that instant settles, so many settlement days after it; None: as many as is usual."""
        calendar = self.of(security)
        days = _own_days(security) if days is None else days
        return calendar.settlement(calendar.trade_date(utc_ns), days)

    def of_currency(self, currency: str) -> Calendar:
        found = self._by_currency.get(currency)
        if found is not None or not self._by_name:
            return found or EVERY_WEEKDAY
        return self._unknown(currency, f"no calendar of reference.calendars is for {currency}")

    def named(self, names: str) -> Calendar:
        """The calendar of this name, or of these names together."""
        known = self._joined.get(names)
        if known is None:
            wanted = [name.strip() for name in names.split(JOINS)]
            missing = [name for name in wanted if name not in self._by_name]
            if missing:
                return self._unknown(names, f"calendar {missing[0]} is not in reference.calendars")
            known = self._joined[names] = joint([self._by_name[name] for name in wanted])
        return known

    def _unknown(self, key: str, why: str) -> Calendar:
        known = self._joined.get(key)
        if known is None:
            known = self._joined[key] = replace(EVERY_WEEKDAY, name=key, unknown=why)
        return known


def _own_days(security: Security) -> int | None:
    """So many settlement days after the trade the bond settles, where that is its own matter and not its market's."""
    if security.settlement_days is None and security.asset_class is AssetClass.GOVERNMENT:
        return _GOVERNMENTS_DAYS.get(security.currency)
    return security.settlement_days


_GOVERNMENTS_DAYS: Final[Mapping[str, int]] = {"GBP": 1}
"""Gilts settle T+1 (DMO, "UK Government Securities: a Guide to 'Gilts'"); others settle as their market does."""


def joint(calendars: Sequence[Calendar]) -> Calendar:
    """A market that trades by the first of them and settles where all of them do, each as late as the latest."""
    first = calendars[0]
    if len(calendars) == 1:
        return first
    off = frozenset[date]().union(*(each.closed | each.no_settlement for each in calendars))
    changes = sorted({cycle.first for each in calendars for cycle in each.cycles})
    return Calendar(
        name=JOINS.join(each.name for each in calendars),
        zone=first.zone,
        close=first.close,
        currencies=(),
        first=max(each.first for each in calendars),
        last=min(each.last for each in calendars),
        closed=first.closed,
        no_settlement=off - first.closed,
        early=first.early,
        cycles=tuple(Cycle(day, max(each.regular_days(day) for each in calendars)) for day in changes),
    )


@dataclass(frozen=True, slots=True)
class DayEnd:
    """When trading days end, by the clock on the wall of a zone; Saturdays, Sundays and holidays are none.

    Where a market closes early, by its own clock, its day ends then.
    """

    at: time
    zone: tzinfo

    def on(self, day: date, calendar: Calendar) -> datetime | None:
        """The end of this day; None where it is no trading day."""
        if not calendar.trades_on(day):
            return None
        usual = datetime.combine(day, self.at, self.zone)
        early = calendar.early.get(day)
        return usual if early is None else min(usual, datetime.combine(day, early, calendar.zone))

    def after(self, utc_ns: int, calendar: Calendar = EVERY_WEEKDAY) -> tuple[int, int]:
        """The end of the trading day that this instant belongs to, and of the next one; UTC nanoseconds.

        What is later than the end of a day, or on no trading day, belongs to the next.
        """
        return _ends(self, calendar, utc_ns // NS_PER_S // _LOOKED_UP_S)


_LOOKED_UP_S: Final = 60
"""Days end on a whole minute: within one, everything belongs to the same day."""


@lru_cache(maxsize=64)
def _ends(day_end: DayEnd, calendar: Calendar, minute: int) -> tuple[int, int]:
    now = datetime.fromtimestamp(minute * _LOOKED_UP_S, UTC)
    ends: list[int] = []
    day = now.astimezone(day_end.zone).date()
    while len(ends) < 2:
        end = day_end.on(day, calendar)
        if end is not None and end > now:
            ends.append(int(end.timestamp()) * NS_PER_S)
        day += timedelta(days=1)
    return ends[0], ends[1]


def utc_date(utc_ns: int) -> date:
    """The UTC day of an instant."""
    return _date(utc_day(utc_ns))


def day_number(day: date) -> int:
    """The number of a date."""
    return (day - _EPOCH).days


def day_of(number: int) -> date:
    """The date of a day's number."""
    return _date(number)


# Kept: a desk asks for the same few days all day long, several times an order.
@lru_cache(maxsize=1024)
def wire_date(day: date) -> str:
    """LocalMktDate as FIX writes it: `YYYYMMDD`."""
    return day.strftime("%Y%m%d")


@lru_cache(maxsize=1024)
def _date(day: int) -> date:
    return _EPOCH + timedelta(days=day)


@lru_cache(maxsize=1024)
def _settlement(calendar: Calendar, traded: date, days: int | None) -> date:
    count = calendar.regular_days(traded) if days is None else days
    return day_of(calendar.settling.after(day_number(traded), count)) if count else traded


@lru_cache(maxsize=256)
def _trading_day(calendar: Calendar, minute: int) -> int:
    now = datetime.fromtimestamp(minute * _LOOKED_UP_S, UTC).astimezone(calendar.zone)
    today = day_number(now.date())
    if calendar.close is None:
        return today
    return calendar.trading.before(today + (now.time() >= calendar.close), 0)
