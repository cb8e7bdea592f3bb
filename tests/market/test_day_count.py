"""Day counts against the examples that those who define them have published."""

from __future__ import annotations

from datetime import date
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.market.coupons import coupons_of
from engine.market.day_count import DayCount, day_count_of, year_fraction


def day(text: str) -> date:
    return date.fromisoformat(text)


# ISDA, "30/360 day count conventions", the worksheet 30-360-2006ISDADefs.xls beside section 4.16 of the 2006
# Definitions: start, end, days of (f) 30/360 (bond basis), (g) 30E/360 (Eurobond basis), (h) 30E/360 (ISDA); the last
# for a bond that ends on 29 February 2008. None where the worksheet has no such line.
ISDA_30_360: list[tuple[str, str, int | None, int | None, int | None]] = [
    ("2006-08-20", "2007-02-20", 180, 180, 180),
    ("2007-02-20", "2007-08-20", 180, 180, 180),
    ("2007-08-20", "2008-02-20", 180, 180, 180),
    ("2008-02-20", "2008-08-20", 180, 180, 180),
    ("2008-08-20", "2009-02-20", 180, 180, 180),
    ("2009-02-20", "2009-08-20", 180, 180, 180),
    ("2006-08-31", "2007-02-28", 178, 178, 180),
    ("2007-02-28", "2007-08-31", 183, 182, 180),
    ("2007-08-31", "2008-02-29", 179, 179, None),
    ("2008-02-29", "2008-08-31", 182, 181, 180),
    ("2008-08-31", "2009-02-28", 178, 178, 180),
    ("2009-02-28", "2009-08-31", 183, 182, 180),
    ("2006-01-31", "2006-02-28", 28, 28, 30),
    ("2006-01-30", "2006-02-28", 28, 28, 30),
    ("2006-02-28", "2006-03-03", 5, 5, 3),
    ("2006-02-14", "2006-02-28", 14, 14, 16),
    ("2006-09-30", "2006-10-31", 30, 30, 30),
    ("2006-10-31", "2006-11-28", 28, 28, 28),
    ("2007-08-31", "2008-02-28", 178, 178, 178),
    ("2008-02-28", "2008-08-28", 180, 180, 180),
    ("2008-02-28", "2008-08-30", 182, 182, 182),
    ("2008-02-28", "2008-08-31", 183, 182, 182),
    ("2007-02-26", "2008-02-28", 362, 362, None),
    ("2007-02-26", "2008-02-29", 363, 363, None),
    ("2007-02-28", "2008-02-28", None, None, 358),
    ("2007-02-28", "2008-02-29", None, None, 359),
    ("2008-02-29", "2009-02-28", 359, 359, 360),
    ("2008-02-28", "2008-03-30", 32, 32, None),
    ("2008-02-28", "2008-03-31", 33, 32, None),
    ("2008-02-29", "2008-03-30", None, None, 30),
    ("2008-02-29", "2008-03-31", None, None, 30),
]


@pytest.mark.parametrize(("start", "end", "us", "euro", "isda"), ISDA_30_360)
def test_days_of_thirty_day_months(start: str, end: str, us: int | None, euro: int | None, isda: int | None) -> None:
    maturity = date(2008, 2, 29)
    for counted, wanted in (
        (DayCount.THIRTY_360, us),
        (DayCount.THIRTY_E_360, euro),
        (DayCount.THIRTY_E_360_ISDA, isda),
    ):
        if wanted is not None:
            found = year_fraction(counted, day(start), day(end), maturity=maturity)
            assert found == Fraction(wanted, 360), counted


# SIA Standard Securities Calculation Methods, vol. I: the end-of-month rule of 30/360, for what pays at month ends.
@pytest.mark.parametrize(
    ("start", "end", "at_month_ends", "otherwise"),
    [
        pytest.param("2027-02-28", "2027-08-31", 180, 183, id="a half-year from the end of February"),
        pytest.param("2027-02-28", "2027-08-30", 180, 182, id="and its thirtieth"),
        pytest.param("2028-02-29", "2028-08-31", 180, 182, id="in a leap year"),
        pytest.param("2027-02-28", "2028-02-29", 360, 361, id="from one end of February to the next"),
        pytest.param("2028-02-29", "2029-02-28", 360, 359, id="out of a leap year"),
        pytest.param("2026-08-31", "2027-02-28", 178, 178, id="February alone at the end stays as it is"),
        pytest.param("2028-02-28", "2028-08-31", 183, 183, id="28 February of a leap year is no end"),
    ],
)
def test_the_end_of_february_counts_as_the_thirtieth(start: str, end: str, at_month_ends: int, otherwise: int) -> None:
    for month_end, wanted in ((True, at_month_ends), (False, otherwise)):
        found = year_fraction(DayCount.THIRTY_360, day(start), day(end), month_end=month_end)
        assert found * 360 == wanted


# ISDA, "EMU and Market Conventions: Recent Developments" (1998), the examples of ACT/ACT: ISDA's own and ISMA's, which
# is ICMA rule 251. Coupons a year, a date on their regular steps, a period, what it is in years.
ACT_ACT = [
    pytest.param(2, "2004-05-01", "2003-11-01", "2004-05-01", 0.497724380567, 0.5, id="regular"),
    pytest.param(1, "1999-07-01", "1999-02-01", "1999-07-01", 0.410958904110, 0.410958904110, id="short first"),
    pytest.param(1, "1999-07-01", "1999-07-01", "2000-07-01", 1.001377348600, 1.0, id="after a short first"),
    pytest.param(2, "2003-07-15", "2002-08-15", "2003-07-15", 0.915068493151, 0.915760869565, id="long first"),
    pytest.param(2, "2003-07-15", "2003-07-15", "2004-01-15", 0.504004790778, 0.5, id="after a long first"),
    pytest.param(2, "2000-01-30", "1999-07-30", "2000-01-30", 0.503892506924, 0.5, id="before a short last"),
    pytest.param(2, "2000-01-30", "2000-01-30", "2000-06-30", 0.415300546448, 0.417582417582, id="short last"),
    pytest.param(4, "1999-11-30", "1999-11-30", "2000-04-30", 0.415540085335, 0.415760869565, id="long last"),
]


@pytest.mark.parametrize(("frequency", "step", "start", "end", "isda", "icma"), ACT_ACT)
def test_actual_days(frequency: int, step: str, start: str, end: str, isda: float, icma: float) -> None:
    assert float(year_fraction(DayCount.ACT_ACT_ISDA, day(start), day(end))) == pytest.approx(isda, abs=1e-10)
    coupons = coupons_of(frequency, day(step))
    assert coupons is not None
    assert float(coupons.share(day(start), day(end))) == pytest.approx(icma, abs=1e-10)


def test_days_over_a_year_of_one_length() -> None:
    """ISDA 2006, 4.16 (d) and (e): actual days over 365, and over 360."""
    start, end = date(2007, 10, 1), date(2008, 4, 1)
    assert year_fraction(DayCount.ACT_365F, start, end) == Fraction(183, 365)
    assert year_fraction(DayCount.ACT_360, start, end) == Fraction(183, 360)


def test_two_dates_do_not_tell_what_counts_coupon_periods() -> None:
    with pytest.raises(ValueError, match="counts coupon periods"):
        year_fraction(DayCount.ACT_ACT_ICMA, date(2026, 1, 1), date(2026, 7, 1))


@given(
    st.sampled_from([each for each in DayCount if each is not DayCount.ACT_ACT_ICMA]),
    st.dates(date(1990, 1, 1), date(2060, 1, 1)),
    st.integers(0, 20_000),
    st.booleans(),
)
def test_no_time_is_nothing_and_more_time_is_never_much_less(
    counted: DayCount, start: date, days: int, month_end: bool
) -> None:
    end = date.fromordinal(start.toordinal() + days)
    found = year_fraction(counted, start, end, month_end=month_end)
    assert abs(float(found) - days / 365.25) < 0.02 + days / 365.25 * 0.02
    assert year_fraction(counted, start, start, month_end=month_end) == 0


@pytest.mark.parametrize(
    ("text", "counted"),
    [
        *((each.value, each) for each in DayCount),
        ("act/act", DayCount.ACT_ACT_ICMA),
        ("Actual/Actual (ICMA)", DayCount.ACT_ACT_ICMA),
        ("ACT/ACT (ISMA)", DayCount.ACT_ACT_ICMA),
        ("Actual/Actual ISDA", DayCount.ACT_ACT_ISDA),
        ("A/360", DayCount.ACT_360),
        ("ACT/365", DayCount.ACT_365F),
        ("Actual/365 (Fixed)", DayCount.ACT_365F),
        ("30U/360", DayCount.THIRTY_360),
        ("30/360 US", DayCount.THIRTY_360),
        ("30E/360 (ISDA)", DayCount.THIRTY_E_360_ISDA),
        ("Eurobond basis", DayCount.THIRTY_E_360),
        ("BUS/252", None),
        ("30/365", None),
        ("ACT/366", None),
        ("NL/365", None),
        ("", None),
        ("/", None),
    ],
)
def test_names(text: str, counted: DayCount | None) -> None:
    assert day_count_of(text) is counted
