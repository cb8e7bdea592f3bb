"""Settlement days. Weekends are known; holidays are not, so a date that matters is the dealer's to confirm."""

from __future__ import annotations

from datetime import date, timedelta
from functools import lru_cache
from typing import Final

from engine.clock import utc_day

_EPOCH: Final = date(1970, 1, 1)


def trade_date(utc_ns: int) -> date:
    """The UTC day of an instant."""
    return _date(utc_day(utc_ns))


def settlement_date(utc_ns: int, days: int = 1) -> date:
    """So many weekdays after the trade date: T+1 for US corporates and municipals."""
    return _settlement(utc_day(utc_ns), days)


# Kept: a desk asks for the same few days all day long, several times an order.
@lru_cache(maxsize=1024)
def wire_date(day: date) -> str:
    """LocalMktDate as FIX writes it: `YYYYMMDD`."""
    return day.strftime("%Y%m%d")


@lru_cache(maxsize=1024)
def _date(day: int) -> date:
    return _EPOCH + timedelta(days=day)


@lru_cache(maxsize=1024)
def _settlement(day: int, days: int) -> date:
    found = _date(day)
    while days:
        found += timedelta(days=1)
        if found.weekday() < 5:
            days -= 1
    return found
