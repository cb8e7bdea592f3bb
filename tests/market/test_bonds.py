"""Bond arithmetic against textbook values and what has been published."""

from __future__ import annotations

import datetime
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.domain.instrument import AssetClass, Security
from engine.market.bonds import (
    Unknown,
    accrued_interest,
    coupon_dates_problem,
    ex_dividend_of,
    price_of_yield,
    principal,
)
from engine.market.day_count import DayCount

MILLION = Decimal(1_000_000)


def day(text: str) -> datetime.date:
    return datetime.date.fromisoformat(text)


def bond(coupon: str | None, maturity: datetime.date | str | None, frequency: int | None = 2, **terms: Any) -> Security:
    dates = ("issue_date", "dated_date", "first_coupon", "last_coupon")
    return Security(
        security_id="US99O014AG12", name="Acme", issuer="Acme", coupon_frequency=frequency,
        coupon_pct=None if coupon is None else Decimal(coupon),
        maturity=day(maturity) if isinstance(maturity, str) else maturity,
        **{"asset_class": AssetClass.CORPORATE,
           **{name: day(value) if name in dates else value for name, value in terms.items()}},
    )  # fmt: skip


def accrued(of: Security, settlement: str, quantity: Decimal = MILLION) -> Decimal:
    found = accrued_interest(of, quantity, day(settlement))
    assert isinstance(found, Decimal), found
    return found


def why(of: Security, settlement: str) -> str:
    found = accrued_interest(of, MILLION, day(settlement))
    assert isinstance(found, Unknown), found
    return found.reason


def price(of: Security, yield_pct: str, settlement: str) -> Decimal:
    found = price_of_yield(of, Decimal(yield_pct), day(settlement))
    assert isinstance(found, Decimal), found
    return found


# --- accrued interest -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("coupon", "maturity", "settlement", "wanted"),
    [
        pytest.param("4.8", "2034-05-31", "2028-05-30", "24000.00", id="31 May pays on 30 November"),
        pytest.param("4.8", "2034-05-31", "2028-05-31", "0.00", id="and on 31 May"),
        pytest.param("4.8", "2034-05-31", "2028-11-30", "0.00", id="and on 30 November"),
        pytest.param("5", "2031-08-31", "2027-08-30", "25000.00", id="31 August pays on 28 February"),
        pytest.param("5", "2031-08-31", "2027-02-28", "0.00", id="on it"),
        pytest.param("5", "2031-08-31", "2028-02-28", "24722.22", id="of a leap year on the 29th: 178 days"),
        pytest.param("5", "2031-08-31", "2028-02-29", "0.00", id="on that"),
        pytest.param("5", "2031-08-31", "2028-08-30", "25000.00", id="from the 29th on"),
        pytest.param("5", "2031-02-28", "2027-08-30", "25000.00", id="28 February pays on 31 August"),
        pytest.param("5", "2031-02-28", "2027-08-31", "0.00", id="then"),
        pytest.param("5", "2032-02-28", "2027-08-28", "0.00", id="28 February of a leap year pays on the 28th"),
        pytest.param("5", "2031-06-30", "2027-12-30", "25000.00", id="30 June pays on 31 December"),
        pytest.param("5", "2031-08-30", "2027-02-28", "0.00", id="30 August pays on the end of February"),
        pytest.param("5", "2031-08-30", "2027-08-29", "25138.89", id="which is then no thirtieth"),
    ],
)
def test_coupon_dates_at_month_ends(coupon: str, maturity: str, settlement: str, wanted: str) -> None:
    assert accrued(bond(coupon, maturity), settlement) == Decimal(wanted)


def test_a_first_coupon_tells_that_a_bond_of_30_june_pays_on_30_december() -> None:
    of = bond("5", "2031-06-30", issue_date="2023-06-30", first_coupon="2023-12-30")
    assert accrued(of, "2027-12-30") == 0
    assert accrued(of, "2028-02-28") == Decimal("8055.56"), "58 days"


@pytest.mark.parametrize(
    ("day_count", "wanted"),
    [
        # From 15 March to 31 August 2027, 5 % twice a year, in the half-year of 184 days to 15 September.
        pytest.param("30/360", "23055.56", id="166 days: a 31st that follows no 30th"),
        pytest.param("30E/360", "22916.67", id="165 days"),
        pytest.param("30E/360 ISDA", "22916.67", id="165 days too"),
        pytest.param("ACT/ACT ICMA", "22961.96", id="169 of 184 days of half a year"),
        pytest.param("ACT/ACT", "22961.96", id="the same by its short name"),
        pytest.param("ACT/ACT ISDA", "23150.68", id="169 of 365"),
        pytest.param("ACT/365F", "23150.68", id="169 of 365 too"),
        pytest.param("ACT/360", "23472.22", id="169 of 360"),
    ],
)
def test_by_each_day_count(day_count: str, wanted: str) -> None:
    assert accrued(bond("5", "2031-03-15", day_count=day_count), "2027-08-31") == Decimal(wanted)


@pytest.mark.parametrize(
    ("of", "settlement", "per_hundred"),
    [
        # The example that spreadsheets' ACCRINT is documented with; its source is the SIA's book.
        pytest.param(
            bond("10", "2018-02-28", day_count="30/360", issue_date="2008-03-01", first_coupon="2008-08-31"),
            "2008-05-01", "1.666667", id="issued on 1 March, settled on 1 May: sixty days of 360",
        ),
        # UK Treasury 8 % 2021 before and in its ex-dividend period: Bloomberg's figures in QuantLib's test of gilts.
        pytest.param(
            bond("8", "2021-06-07", day_count="ACT/ACT ICMA", currency="GBP", asset_class=AssetClass.GOVERNMENT,
                 issue_date="1996-02-29", first_coupon="1996-06-07"), "2013-05-29",
            "3.8021978", id="the gilt on its ex-dividend date still has the coupon",
        ),
        pytest.param(
            bond("8", "2021-06-07", currency="GBP", frequency=None, asset_class=AssetClass.GOVERNMENT), "2013-05-30",
            "-0.1758242", id="the day after it has it no more",
        ),
        pytest.param(
            bond("8", "2021-06-07", currency="GBP", frequency=None, asset_class=AssetClass.GOVERNMENT), "2013-05-31",
            "-0.1538462", id="and what it gives back shrinks",
        ),
        pytest.param(
            bond("8", "2021-06-07", currency="GBP", frequency=None, asset_class=AssetClass.GOVERNMENT), "2013-06-07",
            "0", id="to nothing on the coupon date",
        ),
        # Commonwealth of Australia 6 % 2017, the same source.
        pytest.param(
            bond("6", "2017-02-15", day_count="ACT/ACT ICMA", currency="AUD", asset_class=AssetClass.GOVERNMENT),
            "2014-08-07", "2.867", id="an Australian bond eight days before its coupon",
        ),
        pytest.param(
            bond("6", "2017-02-15", day_count="ACT/ACT ICMA", currency="AUD", asset_class=AssetClass.GOVERNMENT),
            "2014-08-08", "-0.116", id="and seven days before it",
        ),
        pytest.param(
            bond("6", "2017-02-15", day_count="ACT/ACT ICMA", currency="AUD", asset_class=AssetClass.GOVERNMENT,
                 ex_dividend="0"), "2014-08-08", "2.884", id="as the file says that it trades",
        ),
    ],
)  # fmt: skip
def test_published_figures(of: Security, settlement: str, per_hundred: str) -> None:
    found = accrued(of, settlement, Decimal(1_000_000_000)) / 10_000_000
    assert float(found) == pytest.approx(float(per_hundred), abs=6e-4 if of.currency == "AUD" else 6e-7)


def test_odd_first_periods() -> None:
    """6 % twice a year to 15 March; interest begins within a step, or in the one before."""
    short = bond("6", "2031-03-15", issue_date="2026-12-01")
    assert accrued(short, "2027-02-01") == Decimal("10000.00"), "60 days of 360 since it was issued"
    assert accrued(short, "2027-03-15") == 0
    long = bond("6", "2031-03-15", issue_date="2026-12-01", first_coupon="2027-09-15")
    assert accrued(long, "2027-08-01") == Decimal("40000.00"), "240 days, over the date that paid nothing"
    assert accrued(long, "2027-10-15") == Decimal("5000.00")
    assert accrued(replace(long, dated_date=day("2026-11-01")), "2027-08-01") == Decimal("45000.00"), "earlier interest"
    steps = replace(long, day_count="ACT/ACT ICMA")
    # 104 of 181 days of the step before, and 139 of 184 of the one after.
    assert accrued(steps, "2027-08-01") == Decimal("39900.61")


def test_an_odd_last_period() -> None:
    """To 15 June, the last coupon before it on 15 March, so counted by quarters of a half-year's steps."""
    of = bond("6", "2031-06-15", last_coupon="2031-03-15", day_count="ACT/ACT ICMA")
    assert accrued(of, "2031-06-14") == Decimal("14836.96"), "91 of 184 days of half a year"
    assert accrued(of, "2030-10-15") == Decimal("4972.38"), "30 of 181 from 15 September"


def test_what_is_redeemed_earns_no_more() -> None:
    of = bond("6", "2031-03-15", factor=Decimal("0.25"))
    assert accrued(of, "2027-05-15") == Decimal("2500.00")
    assert principal(of, MILLION, Decimal("99.5")) == Decimal("248750.00")
    gone = replace(of, factor=Decimal(0))
    assert why(gone, "2027-05-15") == "factor is 0: nothing of it is outstanding"
    assert isinstance(principal(gone, MILLION, Decimal("99.5")), Unknown)


@pytest.mark.parametrize("frequency", [1, 2, 3, 4, 6, 12])
@pytest.mark.parametrize("day_count", ["30/360", "ACT/ACT ICMA"])
def test_frequencies(frequency: int, day_count: str) -> None:
    """On the eve of a coupon all but a day of it is earned."""
    of = bond("6", "2031-01-15", frequency, day_count=day_count)
    assert accrued(of, "2028-01-15") == 0
    assert 0 < MILLION * 6 / 100 / frequency - accrued(of, "2028-01-14") < 340


def test_interest_paid_at_maturity() -> None:
    of = bond("6", "2031-03-15", 0, issue_date="2026-03-15", day_count="ACT/360")
    assert accrued(of, "2028-03-15") == Decimal("121833.33"), "731 days of 360"
    assert why(replace(of, issue_date=None), "2028-03-15") == (
        "interest is paid at maturity, and dated_date and issue_date are not known"
    )
    assert "counts coupon periods" in why(replace(of, day_count="ACT/ACT ICMA"), "2028-03-15")


@pytest.mark.parametrize("frequency", [0, 2, None])
def test_no_coupon_is_no_interest(frequency: int | None) -> None:
    assert accrued(bond("0", "2031-03-15", frequency), "2028-03-01") == 0


def test_a_perpetual_bond_goes_by_its_first_coupon() -> None:
    of = bond("6", None, first_coupon="2020-03-15")
    assert accrued(of, "2028-05-15") == Decimal("10000.00")
    assert accrued(replace(of, maturity=day("9999-12-31")), "2028-05-15") == Decimal("10000.00"), (
        "a file's word for never"
    )


@pytest.mark.parametrize(
    ("of", "settlement", "reason"),
    [
        pytest.param(
            bond("5.5", "2037-01-15", issue_date="2027-01-15"), "2026-12-01",
            "settlement 2026-12-01 is before issue_date 2027-01-15", id="before it is issued",
        ),
        pytest.param(
            bond("5.5", "2037-01-15", issue_date="2021-01-15"), "2020-01-01",
            "settlement 2020-01-01 is before issue_date 2021-01-15", id="years before it",
        ),
        pytest.param(
            bond("5.5", "2037-01-15", dated_date="2027-01-15"), "2026-12-01",
            "settlement 2026-12-01 is before dated_date 2027-01-15", id="before interest begins",
        ),
        pytest.param(
            bond("5.5", "2037-01-15", issue_date="2027-01-15", dated_date="2026-11-15"), "2026-12-01",
            "settlement 2026-12-01 is before issue_date 2027-01-15", id="interest began, and it is not issued",
        ),
        pytest.param(
            bond("0", "2037-01-15", issue_date="2027-01-15"), "2026-12-01",
            "settlement 2026-12-01 is before issue_date 2027-01-15", id="without coupons",
        ),
        pytest.param(
            bond("5.5", "2027-01-15"), "2027-01-15",
            "settlement 2027-01-15 is not before maturity 2027-01-15", id="at maturity",
        ),
        pytest.param(
            bond("5.5", "2027-01-15"), "2027-06-15",
            "settlement 2027-06-15 is not before maturity 2027-01-15", id="after it",
        ),
        pytest.param(
            bond("5.5", "2037-01-15"), "0001-01-01", "settlement 0001-01-01 is no day to settle on", id="no day",
        ),
        pytest.param(bond("5.5", None), "2027-06-15", "neither maturity nor first_coupon is known", id="no dates"),
        pytest.param(bond(None, "2037-01-15"), "2027-06-15", "coupon_pct is not known", id="no coupon known"),
        pytest.param(
            bond("5", "2037-01-15", day_count="BUS/252"), "2027-06-15",
            "day_count 'BUS/252' is none that we count", id="another day count",
        ),
        pytest.param(
            bond("5", "2037-01-15", 5), "2027-06-15", "coupon_frequency 5 is none that bonds have", id="five a year",
        ),
        pytest.param(
            bond("5", "2037-01-15", None, currency="CHF"), "2027-06-15", "coupon_frequency is not known",
            id="a market without a custom we know",
        ),
        pytest.param(
            bond("5", "2037-01-15", 1, currency="CHF"), "2027-06-15", "day_count is not known", id="nor its day count",
        ),
        pytest.param(
            bond("5", "2037-01-15", first_coupon="2028-01-15"), "2027-06-15",
            "settlement is before first_coupon, and dated_date and issue_date are not known", id="no beginning",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_computed_says_why(of: Security, settlement: str, reason: str) -> None:
    assert why(of, settlement) == reason


@pytest.mark.parametrize(
    ("currency", "asset_class", "wanted"),
    [
        pytest.param("USD", AssetClass.CORPORATE, "23055.56", id="US corporates: 30/360 twice a year"),
        pytest.param("USD", AssetClass.MUNICIPAL, "23055.56", id="US municipals"),
        pytest.param("USD", AssetClass.GOVERNMENT, "22961.96", id="US Treasuries: actual days of the half-year"),
        pytest.param("EUR", AssetClass.CORPORATE, "23087.43", id="euro corporates: actual days of the year"),
        pytest.param("GBP", AssetClass.GOVERNMENT, "22961.96", id="gilts"),
    ],
)
def test_customs_of_a_market_where_the_file_is_silent(currency: str, asset_class: AssetClass, wanted: str) -> None:
    of = bond("5", "2031-03-15", None, currency=currency, asset_class=asset_class)
    assert accrued(of, "2027-08-31") == Decimal(wanted)


def test_half_a_cent_goes_up() -> None:
    of = bond("3.6", "2031-03-15")
    assert accrued(of, "2027-03-16", Decimal(50)) == Decimal("0.01"), "half a cent exactly"
    gilt = bond("3.65", "2031-03-15", 1, day_count="ACT/365F", ex_dividend="7d")
    assert accrued(gilt, "2027-03-14", Decimal(50)) == Decimal("-0.01"), "away from zero on both sides"


FREQUENCY = st.sampled_from([1, 2, 3, 4, 6, 12])
COUNTED = st.sampled_from(list(DayCount))


@given(
    FREQUENCY,
    COUNTED,
    st.dates(datetime.date(2026, 1, 1), datetime.date(2060, 12, 31)),
    st.dates(datetime.date(2000, 1, 1), datetime.date(2059, 12, 31)),
    st.one_of(st.none(), st.dates(datetime.date(1995, 1, 1), datetime.date(2050, 1, 1))),
    st.sampled_from([None, "0", "6bd", "7d"]),
)
def test_interest_is_negative_in_an_ex_dividend_period_alone(
    frequency: int,
    counted: DayCount,
    maturity: datetime.date,
    settlement: datetime.date,
    issued: datetime.date | None,
    ex_dividend: str | None,
) -> None:
    of = replace(bond("6", maturity, frequency, day_count=counted.value, ex_dividend=ex_dividend), issue_date=issued)
    found = accrued_interest(of, MILLION, settlement)
    if isinstance(found, Unknown):
        assert settlement >= maturity or (issued is not None and settlement < issued)
        return
    # A step of thirty-day months may count three days more than it pays where it begins on a last of February.
    assert found <= MILLION * 6 / 100 / frequency * Decimal("1.04") + 600
    if ex_dividend in (None, "0"):
        assert found >= 0
    elif found < 0:
        assert found > -MILLION * 6 / 100 * 12 / 360, "what is given back is of the last days"


# --- what a file may say of coupon dates ----------------------------------------------------------


@pytest.mark.parametrize(
    ("terms", "problem"),
    [
        ({"first_coupon": "2024-03-15"}, ""),
        ({"first_coupon": "2024-09-15", "issue_date": "2023-12-01"}, ""),
        (
            {"first_coupon": "2024-06-15"},
            "first_coupon 2024-06-15 is not reached from maturity 2031-03-15 in steps of 6",
        ),
        ({"first_coupon": "2024-03-16"}, "first_coupon 2024-03-16 is not reached from maturity"),
        ({"first_coupon": "2024-06-15", "last_coupon": "2030-12-15"}, ""),
        ({"first_coupon": "2024-03-15", "last_coupon": "2030-12-15"}, "is not reached from last_coupon 2030-12-15"),
        ({"first_coupon": "2031-09-15"}, "first_coupon 2031-09-15 is after maturity 2031-03-15"),
        ({"last_coupon": "2031-03-15"}, "last_coupon 2031-03-15 is maturity"),
        ({"first_coupon": "2030-09-15", "last_coupon": "2029-09-15"}, "first_coupon 2030-09-15 is after last_coupon"),
        ({"first_coupon": "2024-03-15", "issue_date": "2024-03-15"}, "is not after the day on which interest begins"),
        ({"first_coupon": "2024-03-15", "dated_date": "2024-05-15"}, "is not after the day on which interest begins"),
        ({"first_coupon": "2024-03-15", "frequency": 0}, "a bond with coupon_frequency 0 has no coupon dates"),
    ],
)
def test_coupon_dates_that_cannot_be(terms: dict[str, Any], problem: str) -> None:
    found = coupon_dates_problem(bond("5", "2031-03-15", **terms))
    assert problem in found
    assert bool(problem) is bool(found)


@pytest.mark.parametrize("text", ["", "6", "bd", "-6bd", "6 bd", "600d", "6w"])
def test_what_says_nothing_of_ex_dividend(text: str) -> None:
    assert ex_dividend_of(text) is None


@pytest.mark.parametrize("text", ["6bd", "7d", "10bd"])
def test_what_says_when_the_coupon_stays(text: str) -> None:
    assert str(ex_dividend_of(text)) == text


# --- the price of a yield -------------------------------------------------------------------------


def annuity_price(coupon: float, periods: int, rate: float) -> float:
    """On a coupon date: the closed form of the annuity and the repayment."""
    return coupon * (1 - (1 + rate) ** -periods) / rate + 100 * (1 + rate) ** -periods


@pytest.mark.parametrize(
    ("coupon", "years", "yield_pct", "frequency"),
    [("5", 10, 5.0, 2), ("5", 10, 6.0, 2), ("7.25", 3, 4.5, 2), ("0", 7, 3.0, 2), ("4", 5, 6.5, 1), ("3", 2, 8.0, 4)],
)
@pytest.mark.parametrize("day_count", ["30/360", "30E/360", "ACT/ACT ICMA"])
def test_on_a_coupon_date_it_is_the_annuity(
    coupon: str, years: int, yield_pct: float, frequency: int, day_count: str
) -> None:
    of = bond(coupon, datetime.date(2026 + years, 5, 15), frequency, day_count=day_count)
    wanted = annuity_price(float(coupon) / frequency, years * frequency, yield_pct / 100 / frequency)
    assert float(price(of, str(yield_pct), "2026-05-15")) == pytest.approx(wanted, abs=1e-5)


@pytest.mark.parametrize(
    ("of", "settlement", "yield_pct", "wanted"),
    [
        # The examples that spreadsheets' PRICE, ODDFPRICE, ODDLPRICE and PRICEMAT are documented with; their formulas
        # are those of SIA Standard Securities Calculation Methods.
        pytest.param(bond("5.75", "2017-11-15"), "2008-02-15", "6.5", "94.63436", id="PRICE"),
        pytest.param(
            bond("7.85", "2021-03-01", day_count="ACT/ACT ICMA", issue_date="2008-10-15", first_coupon="2009-03-01"),
            "2008-11-11", "6.25", "113.59772", id="ODDFPRICE, a short first period",
        ),
        pytest.param(
            bond("3.75", "2008-06-15", last_coupon="2007-10-15"), "2008-02-07", "4.05", "99.87829",
            id="ODDLPRICE, a long last period",
        ),
        pytest.param(
            bond("6.1", "2008-04-13", 0, issue_date="2007-11-11"), "2008-02-15", "6.1", "99.98450", id="PRICEMAT",
        ),
        # UK Treasury 8 % 2021: Bloomberg's figures in QuantLib's test of gilts.
        pytest.param(
            bond("8", "2021-06-07", currency="GBP", frequency=None, asset_class=AssetClass.GOVERNMENT),
            "2013-05-29", "7.495180593", "103", id="a gilt with its coupon",
        ),
        pytest.param(
            bond("8", "2021-06-07", currency="GBP", frequency=None, asset_class=AssetClass.GOVERNMENT),
            "2013-05-30", "7.496183543", "103", id="and without it",
        ),
    ],
)  # fmt: skip
def test_published_prices(of: Security, settlement: str, yield_pct: str, wanted: str) -> None:
    assert float(price(of, yield_pct, settlement)) == pytest.approx(float(wanted), abs=6e-6)


def test_between_coupons_the_clean_price_leaves_the_accrued_interest_out() -> None:
    """Halfway: the dirty price has grown by half a period's yield, and half a coupon is the seller's."""
    found = price(bond("6", "2031-05-15"), "6", "2026-08-15")
    assert float(found) == pytest.approx(100 * 1.03**0.5 - 1.5, abs=1e-5)


def test_in_the_last_period_interest_is_simple() -> None:
    found = price(bond("6", "2026-11-15"), "4", "2026-08-15")
    assert float(found) == pytest.approx(103 / (1 + 0.5 * 0.02) - 1.5, abs=1e-5)


@pytest.mark.parametrize(
    ("of", "reason"),
    [
        (bond("6", None), "maturity is not known"),
        (bond("6", "2026-08-15"), "settlement 2026-08-15 is not before maturity 2026-08-15"),
        (bond(None, "2031-08-15"), "coupon_pct is not known"),
        (bond("6", "2031-08-15", day_count="BUS/252"), "day_count 'BUS/252' is none that we count"),
        (bond("6", "2031-08-15", issue_date="2026-09-15"), "settlement 2026-08-15 is before issue_date 2026-09-15"),
    ],
)
def test_a_yield_that_is_no_price_says_why(of: Security, reason: str) -> None:
    assert price_of_yield(of, Decimal(4), day("2026-08-15")) == Unknown(reason)


def test_a_yield_that_leaves_nothing() -> None:
    assert price_of_yield(bond("6", "2031-08-15"), Decimal(-200), day("2026-08-15")) == Unknown(
        "a yield of -200 % leaves nothing"
    )


@given(
    st.integers(0, 1200), st.integers(1, 12_000), st.integers(-100, 1_500), st.sampled_from([0, 1, 2, 4, 12]), COUNTED
)
def test_a_higher_yield_is_a_lower_price(
    coupon: int, days: int, yield_bp: int, frequency: int, counted: DayCount
) -> None:
    maturity = datetime.date(2026, 8, 15) + datetime.timedelta(days=days)
    of = bond(f"{coupon / 100}", maturity, frequency, day_count=counted.value, issue_date="2020-01-15")
    at = [price_of_yield(of, Decimal(yield_bp + more) / 100, datetime.date(2026, 8, 15)) for more in (0, 25)]
    if coupon and not frequency and counted is DayCount.ACT_ACT_ICMA:
        assert all(isinstance(each, Unknown) for each in at)
        return
    assert isinstance(at[0], Decimal)
    assert isinstance(at[1], Decimal)
    assert at[1] < at[0]


def test_coupons_of_the_end_of_a_month_are_paid_on_the_last_of_february() -> None:
    """On the coupon date nothing is accrued: the price is that of the annuity, at a yield of the coupon the face."""
    at_end = bond("5", datetime.date(2031, 8, 31))
    assert price_of_yield(at_end, Decimal(5), datetime.date(2027, 2, 28)) == Decimal(100)
