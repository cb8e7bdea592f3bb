"""Settlement days. Weekends are known; holidays are not, so a date that matters is the dealer's to confirm."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

_NS_PER_S = 1_000_000_000


def trade_date(utc_ns: int) -> date:
    """The UTC day of an instant."""
    return datetime.fromtimestamp(utc_ns // _NS_PER_S, UTC).date()


def settlement_date(utc_ns: int, days: int = 1) -> date:
    """So many weekdays after the trade date: T+1 for US corporates and municipals."""
    day = trade_date(utc_ns)
    while days:
        day += timedelta(days=1)
        if day.weekday() < 5:
            days -= 1
    return day
