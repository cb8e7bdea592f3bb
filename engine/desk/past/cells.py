"""Cells of a blotter as values: what each may hold, and a message for whoever is to mend it.

An empty cell is unknown. Times are ISO 8601 with a zone, to the nanosecond; numbers are plain, without signs of
currency; prices are percent of par unless the row's `price_type` says otherwise.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterable, Mapping
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache
from typing import Final, TypeVar

from engine.clock import NS_PER_S
from engine.domain.instrument import Security
from engine.domain.order import MarkUsed
from engine.market.bonds import Unknown, price_of_yield
from engine.market.calendars import Calendars

CELL_LENGTH_MAX: Final = 200
IMPORTED: Final = "imported"
"""The quality of a mark that came with a row."""

_E = TypeVar("_E", bound=StrEnum)

_TIME: Final = re.compile(
    r"(\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2}(?::\d{2})?)(?:[.,](\d{1,9}))?\s?(Z|[+-]\d{2}:?\d{2})", re.IGNORECASE
)
_EPOCH: Final = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
_NUMBER: Final = re.compile(r"[+-]?\d{1,18}(?:\.\d{1,18})?")
_NO_TIME: Final = -(2**63)
_PRICE_MAX: Final = Decimal(1000)
_YIELD_MAX: Final = Decimal(100)


class RowError(ValueError):
    """One cell, or two that contradict each other: what was expected, what was found."""


class Cells:
    """One row's cells by column."""

    __slots__ = ("_cells", "_is_plain")

    def __init__(self, cells: Mapping[str, str]) -> None:
        self._cells = cells = {name: text.strip() for name, text in cells.items()}
        # Looked at once for the whole row: a row has some sixty looks at its cells.
        self._is_plain = "".join(cells.values()).isprintable() and max(map(len, cells.values()), default=0) <= (
            CELL_LENGTH_MAX
        )

    def text(self, name: str) -> str:
        """What stands there, without blanks at its ends; empty where nothing does."""
        found = self._cells.get(name, "")
        if self._is_plain:
            return found
        if len(found) > CELL_LENGTH_MAX:
            raise RowError(f"{name}: expected at most {CELL_LENGTH_MAX} characters, found {len(found)}")
        if not found.isprintable():
            raise RowError(f"{name}: expected one line of printable characters")
        return found

    def texts(self, names: Iterable[str]) -> tuple[str, ...]:
        """What stands there, looked at by nobody yet."""
        cells = self._cells
        return tuple([cells.get(name, "") for name in names])

    def needed(self, name: str) -> str:
        found = self.text(name)
        if not found:
            raise RowError(f"{name}: expected something, found nothing")
        return found

    def word(self, name: str, words: type[_E], default: _E | None = None) -> _E:
        """One of a few words. An empty cell is `default`; where there is none it has to be filled."""
        found = self.text(name).lower()
        if not found and default is not None:
            return default
        known = _members(words).get(found)
        if not isinstance(known, words):
            expected = ", ".join(each.value for each in words if each.value)
            raise RowError(f"{name}: expected one of {expected}, found '{self.text(name)}'")
        return known

    def whole(self, name: str, least: int, most: int) -> int | None:
        found = self.text(name)
        if not found:
            return None
        if not found.isascii() or not found.isdigit() or not least <= int(found) <= most:
            raise RowError(f"{name}: expected a whole number from {least} to {most}, found '{found}'")
        return int(found)

    def number(self, name: str, *, above: int | None = None, at_least: int | None = None) -> Decimal | None:
        found = self.text(name)
        if not found:
            return None
        value = _number(found)
        if value is None:
            raise RowError(f"{name}: expected a number such as 2500000 or 99.25, found '{found}'")
        if above is not None and not value > above:
            raise RowError(f"{name}: expected a number above {above}, found '{found}'")
        if at_least is not None and value < at_least:
            raise RowError(f"{name}: expected a number of at least {at_least}, found '{found}'")
        return value

    def probability(self, name: str) -> float | None:
        value = self.number(name)
        if value is None:
            return None
        if not 0 < value <= 1:
            raise RowError(f"{name}: expected a probability above 0 and at most 1, found '{self.text(name)}'")
        return float(value)

    def time_ns(self, name: str) -> int | None:
        """UTC nanoseconds."""
        found = self.text(name)
        if not found:
            return None
        at_ns = _time_ns(found)
        if at_ns is None:
            raise RowError(f"{name}: expected a time with its zone, such as 2026-11-30T14:05:00Z, found '{found}'")
        if at_ns == _NO_TIME:
            raise RowError(f"{name}: '{found}' is no time")
        return at_ns

    def day(self, name: str) -> datetime.date | None:
        found = self.text(name)
        if not found:
            return None
        try:
            return datetime.date.fromisoformat(found)
        except ValueError:
            raise RowError(f"{name}: expected a day such as 2026-11-30, found '{found}'") from None


@lru_cache(maxsize=64)
def _members(words: type[StrEnum]) -> dict[str, StrEnum]:
    return {each.value: each for each in words}


@lru_cache(maxsize=4_096)
def _number(text: str) -> Decimal | None:
    """None where it is no number. Rows of a round tell the same ones again."""
    return Decimal(text) if _NUMBER.fullmatch(text) is not None else None


@lru_cache(maxsize=4_096)
def _time_ns(text: str) -> int | None:
    """UTC nanoseconds; None where it is not spelt as a time is, `_NO_TIME` where there is no such time."""
    parts = _TIME.fullmatch(text)
    if parts is None:
        return None
    day, clock, fraction, zone = parts.groups()
    try:
        whole = datetime.datetime.fromisoformat(f"{day}T{clock}{'+00:00' if zone in 'Zz' else zone}")
    except ValueError:
        return _NO_TIME
    since = whole - _EPOCH
    return (since.days * 86_400 + since.seconds) * NS_PER_S + int((fraction or "0").ljust(9, "0"))


def day_of(utc_ns: int) -> datetime.date:
    """The UTC day of a time."""
    return (_EPOCH + datetime.timedelta(seconds=utc_ns // NS_PER_S)).date()


class Prices:
    """A row's prices: percent of par, converted where they are yields. A spread cannot be: its benchmark is unknown."""

    __slots__ = ("_before", "_bond", "_cells", "_is_yield", "_settles")

    def __init__(self, cells: Cells, bond: Security, calendars: Calendars, sent_ns: int) -> None:
        kind = cells.text("price_type").lower()
        if kind == "spread":
            raise RowError(
                "price_type: a spread cannot be made a price without its benchmark's yield: give price or yield"
            )
        if kind not in ("", "price", "percent", "yield"):
            raise RowError(f"price_type: expected price, yield or nothing, found '{kind}'")
        self._cells = cells
        self._bond = bond
        self._settles = calendars.settlement(bond, sent_ns)
        self._before = calendars.of(bond).settling.before
        self._is_yield = kind == "yield"

    def beside(self, cells: Cells) -> Prices:
        """Those of another row of the same round."""
        if cells is self._cells:
            return self
        other: Prices = object.__new__(Prices)
        other._bond, other._settles, other._before = self._bond, self._settles, self._before
        other._cells, other._is_yield = cells, self._is_yield
        return other

    def of(self, name: str) -> Decimal | None:
        value = self._cells.number(name)
        if value is None:
            return None
        found = self._cells.text(name)
        if not self._is_yield:
            if not 0 < value < _PRICE_MAX:
                raise RowError(f"{name}: expected a price in percent of par, such as 99.25, found '{found}'")
            return value
        if not -_YIELD_MAX < value < _YIELD_MAX:
            raise RowError(f"{name}: expected a yield in percent a year, such as 5.25, found '{found}'")
        price = price_of_yield(self._bond, value, self._settles, business_day_before=self._before)
        if isinstance(price, Unknown):
            raise RowError(f"{name}: the yield of {self._bond.security_id} cannot be made a price: {price.reason}")
        return price


class Marks:
    """A row's marks, all of one source; its age and error are those of the mark at the request."""

    __slots__ = ("_age_ns", "_age_ns_max", "_cells", "_sd_bps", "_sent_ns", "_source")

    def __init__(self, cells: Cells, age_ns_max: int, sent_ns: int) -> None:
        age_s, sd = cells.number("mark_age_s", at_least=0), cells.number("mark_sd_bps", at_least=0)
        self._cells = cells
        self._age_ns = int(age_s * NS_PER_S) if age_s is not None else 0
        self._sd_bps = float(sd) if sd is not None else None
        self._source = cells.text("mark_source") or IMPORTED
        self._age_ns_max = age_ns_max
        self._sent_ns = sent_ns

    def beside(self, cells: Cells) -> Marks:
        """Those of another row of the same round."""
        if cells is self._cells:
            return self
        other: Marks = object.__new__(Marks)
        other._age_ns, other._sd_bps, other._source = self._age_ns, self._sd_bps, self._source
        other._age_ns_max, other._sent_ns, other._cells = self._age_ns_max, self._sent_ns, cells
        return other

    def at_request(self) -> MarkUsed | None:
        return self._mark(self.price("mark_sent"), self._age_ns)

    def beside_quote(self, at_ns: int) -> MarkUsed | None:
        """What a quote is held against; where the row has no mark of then, the one at the request, if not too old yet.

        Nothing else stands in for a mark that is missing: from a mark to itself nothing has moved, and that is no news.
        """
        price = self.price("mark_answered")
        if price is not None:
            return self._mark(price, 0)
        return self._mark(self.price("mark_sent"), self._age_ns + max(0, at_ns - self._sent_ns))

    def at_its_time(self, name: str) -> MarkUsed | None:
        return self._mark(self.price(name), 0)

    def price(self, name: str) -> Decimal | None:
        value = self._cells.number(name)
        if value is not None and not 0 < value < _PRICE_MAX:
            raise RowError(f"{name}: expected a price in percent of par, found '{self._cells.text(name)}'")
        return value

    def _mark(self, price: Decimal | None, age_ns: int) -> MarkUsed | None:
        if price is None or age_ns > self._age_ns_max:
            return None
        return MarkUsed(price, self._source, age_ns, IMPORTED, self._sd_bps)
