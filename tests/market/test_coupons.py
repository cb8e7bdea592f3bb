"""Coupon dates: steps of months, ends of months, odd first and last periods."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.market.coupons import Coupons, Period, coupons_of
from engine.market.day_count import is_month_end


def coupons(frequency: int, maturity: str, **dates: str) -> Coupons:
    found = coupons_of(
        frequency, date.fromisoformat(maturity), **{name: date.fromisoformat(text) for name, text in dates.items()}
    )
    assert found is not None
    return found


def period(of: Coupons, day: str) -> tuple[str, str, bool]:
    found = of.period_of(date.fromisoformat(day))
    assert found is not None
    return str(found.start), str(found.end), found.whole


# 31 CFR 356, appendix B, table 1: the days of half-years that begin in a month, in a regular year and where a leap
# year's February is within; on the 15th, and on the last day of months.
TREASURY_HALF_YEARS = {
    1: ((181, 182), (181, 182)),
    2: ((181, 182), (184, 184)),
    3: ((184, 184), (183, 183)),
    4: ((183, 183), (184, 184)),
    5: ((184, 184), (183, 183)),
    6: ((183, 183), (184, 184)),
    7: ((184, 184), (184, 184)),
    8: ((184, 184), (181, 182)),
    9: ((181, 182), (182, 183)),
    10: ((182, 183), (181, 182)),
    11: ((181, 182), (182, 183)),
    12: ((182, 183), (181, 182)),
}


@pytest.mark.parametrize("month", TREASURY_HALF_YEARS)
def test_half_years_of_treasuries(month: int) -> None:
    for at_end, (regular, leap) in zip((False, True), TREASURY_HALF_YEARS[month], strict=True):
        for year, wanted in ((2026, regular), (2028 if month < 7 else 2027, leap)):
            first = date(year, month, 15)
            start = (first.replace(day=1) + timedelta(days=31)).replace(day=1) - timedelta(days=1) if at_end else first
            # A bond that pays then: of a maturity in a month of 31 days where it pays at the ends of months.
            of = coupons(2, f"{year + 20}-{month:02}-{'15' if not at_end else of_last(year + 20, month)}")
            found = of.period_of(start)
            assert found is not None
            assert (found.start, (found.end - found.start).days) == (start, wanted)


def of_last(year: int, month: int) -> str:
    following = date(year + month // 12, month % 12 + 1, 1)
    return f"{(following - timedelta(days=1)).day:02}"


@pytest.mark.parametrize(
    ("of", "day", "wanted"),
    [
        pytest.param(coupons(2, "2034-05-31"), "2028-05-30", ("2027-11-30", "2028-05-31", True), id="31 May"),
        pytest.param(coupons(2, "2031-08-31"), "2027-03-01", ("2027-02-28", "2027-08-31", True), id="31 August"),
        pytest.param(coupons(2, "2031-08-31"), "2028-02-29", ("2028-02-29", "2028-08-31", True), id="leap year"),
        pytest.param(coupons(2, "2031-02-28"), "2027-08-30", ("2027-02-28", "2027-08-31", True), id="28 February"),
        pytest.param(coupons(2, "2032-02-28"), "2027-08-30", ("2027-08-28", "2028-02-28", True), id="not its end"),
        pytest.param(coupons(4, "2031-11-30"), "2027-03-15", ("2027-02-28", "2027-05-31", True), id="quarters"),
        pytest.param(coupons(12, "2031-01-31"), "2027-02-28", ("2027-02-28", "2027-03-31", True), id="months"),
        pytest.param(coupons(1, "2032-02-29"), "2027-03-01", ("2027-02-28", "2028-02-29", True), id="years"),
        pytest.param(coupons(2, "2031-08-30"), "2027-03-01", ("2027-02-28", "2027-08-30", True), id="30 August"),
        pytest.param(
            coupons(2, "2031-02-28", first="2020-08-30"), "2027-09-15", ("2027-08-30", "2028-02-29", True),
            id="28 February, with a first coupon on 30 August",
        ),
        pytest.param(
            coupons(2, "2031-06-30", first="2020-12-30"), "2027-12-30", ("2027-12-30", "2028-06-30", True),
            id="30 June, with a first coupon on 30 December",
        ),
        pytest.param(
            coupons(2, "2031-03-15", begins="2026-12-01"), "2027-01-01", ("2026-12-01", "2027-03-15", False),
            id="a short first period",
        ),
        pytest.param(
            coupons(2, "2031-03-15", begins="2026-12-01", first="2027-09-15"), "2027-03-20",
            ("2026-12-01", "2027-09-15", False), id="a long first period",
        ),
        pytest.param(
            coupons(2, "2031-03-15", begins="2026-09-15", first="2027-03-15"), "2027-03-14",
            ("2026-09-15", "2027-03-15", True), id="a first period that is whole",
        ),
        pytest.param(
            coupons(2, "2031-06-15", last="2031-03-15"), "2031-05-01", ("2031-03-15", "2031-06-15", False),
            id="a short last period",
        ),
        pytest.param(
            coupons(2, "2031-06-15", last="2031-03-15"), "2031-03-14", ("2030-09-15", "2031-03-15", True),
            id="before it",
        ),
        pytest.param(
            coupons(2, "2042-08-30", last="2042-02-28"), "2042-03-01", ("2042-02-28", "2042-08-30", True),
            id="a last period that is none but whole, from 28 February",
        ),
        pytest.param(
            coupons(2, "2042-08-30", last="2042-02-28"), "2041-09-01", ("2041-08-30", "2042-02-28", True),
            id="and the one before it",
        ),
        pytest.param(
            coupons(2, "2042-06-30", last="2041-12-30"), "2041-12-30", ("2041-12-30", "2042-06-30", True),
            id="from 30 December",
        ),
    ],
)  # fmt: skip
def test_the_period_of_a_day(of: Coupons, day: str, wanted: tuple[str, str, bool]) -> None:
    assert period(of, day) == wanted


def test_before_a_first_coupon_without_a_beginning_nothing_is_known() -> None:
    assert coupons(2, "2031-03-15", first="2027-09-15").period_of(date(2027, 1, 1)) is None


def test_nothing_tells_the_days() -> None:
    assert coupons_of(2, None) is None


@given(
    st.sampled_from([1, 2, 3, 4, 6, 12]),
    st.dates(date(2026, 1, 1), date(2060, 12, 31)),
    st.integers(1, 15_000),
)
def test_periods_follow_one_another_to_maturity(frequency: int, maturity: date, days: int) -> None:
    of = coupons_of(frequency, maturity)
    assert of is not None
    day = maturity - timedelta(days=days)
    found: Period | None = of.period_of(day)
    assert found is not None
    assert found.start <= day < found.end
    while found is not None:
        assert found.whole
        assert is_month_end(found.end) if is_month_end(maturity) else found.end.day <= maturity.day
        assert abs((found.end - found.start).days - 365.25 / frequency) < 4
        last, found = found, of.after(found)
        assert found is None or found.start == last.end
    assert last.end == maturity
