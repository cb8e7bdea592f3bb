"""A market's calendar file: which days it is closed on, which end early, and how far it is known.

Owns the file's keys and what they have to agree on; what is done by them is `engine.market.calendars`.
"""

# ruff: noqa: RUF009 (setting() gives a dataclass field, not a shared default)

from __future__ import annotations

import datetime
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from engine.config.reading import Reading, setting
from engine.config.schedules import minute_of_day, zone_problem
from engine.domain.currencies import currency_problem
from engine.market.calendars import DAYS_A_MONTH, JOINS, SETTLEMENT_DAYS_MAX, Calendar, Cycle


def _currency(text: str) -> str | None:
    return currency_problem(text) or None


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlyClose:
    """A day on which the market ends before its usual time."""

    day: datetime.date = setting()
    close: str = setting(check=minute_of_day)


@dataclass(frozen=True, slots=True, kw_only=True)
class SettlementChange:
    """From trades of a day on, regular settlement is another number of days after the trade."""

    trade_date: datetime.date = setting()
    days: int = setting(at_least=0, at_most=SETTLEMENT_DAYS_MAX)


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarFile:
    """A file of `reference.calendars`. `no_settlement` are days on which is traded and nothing settles."""

    zone: str = setting(check=zone_problem)
    close: str = setting(check=minute_of_day)
    currencies: tuple[str, ...] = setting(check=_currency)
    first: datetime.date = setting()
    last: datetime.date = setting()
    closed: tuple[datetime.date, ...] = setting()
    no_settlement: tuple[datetime.date, ...] = setting(())
    early: tuple[EarlyClose, ...] = setting(())
    settlement_days: int = setting(1, at_least=0, at_most=SETTLEMENT_DAYS_MAX)
    settlement_change: tuple[SettlementChange, ...] = setting(())

    def calendar(self, name: str) -> Calendar:
        return Calendar(
            name=name,
            zone=ZoneInfo(self.zone),
            close=datetime.time.fromisoformat(self.close),
            currencies=self.currencies,
            first=self.first,
            last=self.last,
            closed=frozenset(self.closed),
            no_settlement=frozenset(self.no_settlement),
            early={each.day: datetime.time.fromisoformat(each.close) for each in self.early},
            cycles=(
                Cycle(datetime.date.min, self.settlement_days),
                *(Cycle(each.trade_date, each.days) for each in self.settlement_change),
            ),
        )


def name_calendar_problems(reading: Reading, file: CalendarFile) -> None:
    """What its days do not agree on."""
    if file.last < file.first:
        reading.problem("last", f"expected a date from first, {file.first}, on, found {file.last}")
        return
    for where, day in _days(file):
        if not file.first <= day <= file.last:
            reading.problem(where, f"expected a date from {file.first} to {file.last}, found {day}")
        elif day.weekday() >= 5:
            reading.problem(where, f"expected a weekday, found {day}, a {day:%A}")
    closed = set(file.closed)
    seen: set[datetime.date] = set()
    for where, day in _days(file):
        if where != "closed" and day in closed:
            reading.problem(where, f"{day} is in closed too")
        elif day in seen and where == "closed":
            reading.problem(where, f"{day} is there twice")
        seen.add(day)
    if not file.currencies:
        reading.problem("currencies", "expected one at least: bonds go by a calendar through their currency")
    changes = [each.trade_date for each in file.settlement_change]
    if changes != sorted(set(changes)):
        reading.problem("settlement_change", "expected each trade_date after the one before")


def problems_between(calendars: Sequence[Calendar]) -> list[str]:
    """Names and currencies that two calendars claim, and names that cannot be joined, as lines."""
    owner: dict[str, str] = {}
    names = [each.name for each in calendars]
    lines = [
        f"reference.calendars: two files are called {name}.toml: bonds name their calendar by it"
        for name in dict.fromkeys(names)
        if names.count(name) > 1
    ]
    lines += [f"reference.calendars: {name}.toml: {JOINS} joins names" for name in names if JOINS in name]
    for each in calendars:
        for currency in each.currencies:
            if currency in owner:
                lines.append(f"reference.calendars: {currency} is in {owner[currency]} and in {each.name}")
            owner[currency] = each.name
    return lines


def running_out(calendars: Sequence[Calendar], months_min: int, today: datetime.date) -> list[str]:
    """Of which calendars fewer months are left than there should be, as lines."""
    lines = []
    for each in calendars:
        left = (each.last - today).days // DAYS_A_MONTH
        if left < months_min:
            lines.append(
                f"calendar {each.name}: known until {each.last}, expected {months_min} months ahead of {today}: add the"
                " days that its market has published since, and put `last` on"
            )
    return lines


def _days(file: CalendarFile) -> Iterator[tuple[str, datetime.date]]:
    yield from (("closed", day) for day in file.closed)
    yield from (("no_settlement", day) for day in file.no_settlement)
    yield from ((f"early[{place}].day", each.day) for place, each in enumerate(file.early, 1))
