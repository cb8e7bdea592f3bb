"""How days of interest are counted: the conventions that bonds use, their names, and their year fractions.

Owns what depends on two dates alone. ACT/ACT ICMA counts coupon periods, so `engine.market.coupons` counts it.

Sources: 2006 ISDA Definitions, section 4.16 (b) ACT/ACT ISDA, (d) ACT/365F, (e) ACT/360, (f) 30/360, (g) 30E/360,
(h) 30E/360 ISDA; ICMA rule 251 (ACT/ACT ICMA, 30E/360); MSRB rule G-33 (e) and SIA Standard Securities Calculation
Methods, vol. I (30/360 with its end-of-month rule).
"""

from __future__ import annotations

import calendar
from collections.abc import Mapping
from datetime import date
from enum import StrEnum
from fractions import Fraction
from typing import Final


class DayCount(StrEnum):
    """A convention, by the name that the securities file gives it."""

    THIRTY_360 = "30/360"
    THIRTY_E_360 = "30E/360"
    THIRTY_E_360_ISDA = "30E/360 ISDA"
    ACT_ACT_ICMA = "ACT/ACT ICMA"
    ACT_ACT_ISDA = "ACT/ACT ISDA"
    ACT_360 = "ACT/360"
    ACT_365F = "ACT/365F"

    @property
    def has_thirty_day_months(self) -> bool:
        """Does every month count thirty days?"""
        return self in (DayCount.THIRTY_360, DayCount.THIRTY_E_360, DayCount.THIRTY_E_360_ISDA)


_OTHER_NAMES: Final[Mapping[str, DayCount]] = {
    "30U/360": DayCount.THIRTY_360,
    "30/360US": DayCount.THIRTY_360,
    "US30/360": DayCount.THIRTY_360,
    "BONDBASIS": DayCount.THIRTY_360,
    "30E/360ICMA": DayCount.THIRTY_E_360,
    "30/360ICMA": DayCount.THIRTY_E_360,
    "30/360E": DayCount.THIRTY_E_360,
    "EUROBONDBASIS": DayCount.THIRTY_E_360,
    "30/360GERMAN": DayCount.THIRTY_E_360_ISDA,
    # Of a bond, and without more words, it is the one that counts coupon periods: governments' and Eurobonds' own.
    "ACT/ACT": DayCount.ACT_ACT_ICMA,
    "ACT/ACTISMA": DayCount.ACT_ACT_ICMA,
    "ACT/ACTBOND": DayCount.ACT_ACT_ICMA,
    "ACT/365": DayCount.ACT_365F,
    "ACT/365FIXED": DayCount.ACT_365F,
}
_NAMES: Final[Mapping[str, DayCount]] = {
    **{each.value.replace(" ", ""): each for each in DayCount},
    **_OTHER_NAMES,
}


def day_count_of(text: str) -> DayCount | None:
    """The convention of a name as files spell it: `Actual/Actual (ICMA)`, `A/360`, `act/365 fixed`; None if none."""
    word = "".join(each for each in text.upper() if each not in " ()-.,_").replace("ACTUAL", "ACT")
    word = "/".join("ACT" if part == "A" else part for part in word.split("/"))
    return _NAMES.get(word)


def is_month_end(day: date) -> bool:
    return day.day == calendar.monthrange(day.year, day.month)[1]


def year_fraction(
    counted: DayCount, start: date, end: date, *, month_end: bool = False, maturity: date | None = None
) -> Fraction:
    """The share of a year from `start` to `end`, `end` itself left out.

    `month_end` says that the bond pays at the ends of months; `maturity` is when it is repaid. Raises ValueError for
    ACT/ACT ICMA, which two dates do not tell.
    """
    if counted is DayCount.ACT_360:
        return Fraction((end - start).days, 360)
    if counted is DayCount.ACT_365F:
        return Fraction((end - start).days, 365)
    if counted is DayCount.ACT_ACT_ISDA:
        return _act_act_isda(start, end)
    if counted is DayCount.THIRTY_360:
        return Fraction(_days_30_360(start, end, month_end), 360)
    if counted is DayCount.THIRTY_E_360:
        return Fraction(_days_of_months(start, end, min(start.day, 30), min(end.day, 30)), 360)
    if counted is DayCount.THIRTY_E_360_ISDA:
        first = 30 if is_month_end(start) else start.day
        # A last day of February counts as the thirtieth, but where the bond ends on it.
        second = 30 if is_month_end(end) and (end.day == 31 or end.month != 2 or end != maturity) else end.day
        return Fraction(_days_of_months(start, end, first, second), 360)
    raise ValueError(f"{counted} counts coupon periods, not days between two dates")


def _days_30_360(start: date, end: date, month_end: bool) -> int:
    """30/360 as the US counts it.

    The last day of February counts as the thirtieth where the bond pays at the ends of months, and only there: else a
    bond of 31 August would accrue more than its coupon from 28 February on. A 31st counts as the thirtieth at the
    start, and at the end of what starts on one.
    """
    first, second = start.day, end.day
    if month_end and _is_end_of_february(start):
        if _is_end_of_february(end):
            second = 30
        first = 30
    if second == 31 and first >= 30:
        second = 30
    return _days_of_months(start, end, min(first, 30), second)


def _days_of_months(start: date, end: date, first: int, second: int) -> int:
    return (end.year - start.year) * 360 + (end.month - start.month) * 30 + second - first


def _is_end_of_february(day: date) -> bool:
    return day.month == 2 and is_month_end(day)


def _act_act_isda(start: date, end: date) -> Fraction:
    """Days that fall in a leap year over 366, the others over 365."""
    if start.year == end.year:
        return Fraction((end - start).days, _days_of_year(start.year))
    return (
        Fraction((date(start.year + 1, 1, 1) - start).days, _days_of_year(start.year))
        + (end.year - start.year - 1)
        + Fraction((end - date(end.year, 1, 1)).days, _days_of_year(end.year))
    )


def _days_of_year(year: int) -> int:
    return 366 if calendar.isleap(year) else 365
