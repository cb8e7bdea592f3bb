"""Bond arithmetic against textbook values."""

from __future__ import annotations

import datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.domain.instrument import AssetClass, Security
from engine.market.bonds import price_of_yield


def bond(coupon: str, maturity: datetime.date | None, frequency: int = 2) -> Security:
    return Security(
        security_id="US99O014AG12", name="Acme", issuer="Acme", asset_class=AssetClass.CORPORATE,
        coupon_pct=Decimal(coupon), coupon_frequency=frequency, maturity=maturity,
    )  # fmt: skip


def annuity_price(coupon: float, periods: int, rate: float) -> float:
    """On a coupon date: the closed form of the annuity and the repayment."""
    return coupon * (1 - (1 + rate) ** -periods) / rate + 100 * (1 + rate) ** -periods


@pytest.mark.parametrize(
    ("coupon", "years", "yield_pct", "frequency"),
    [("5", 10, 5.0, 2), ("5", 10, 6.0, 2), ("7.25", 3, 4.5, 2), ("0", 7, 3.0, 2), ("4", 5, 6.5, 1), ("3", 2, 8.0, 4)],
)
def test_on_a_coupon_date_it_is_the_annuity(coupon: str, years: int, yield_pct: float, frequency: int) -> None:
    settlement = datetime.date(2026, 5, 15)
    found = price_of_yield(
        bond(coupon, datetime.date(2026 + years, 5, 15), frequency), Decimal(str(yield_pct)), settlement
    )
    wanted = annuity_price(float(coupon) / frequency, years * frequency, yield_pct / 100 / frequency)
    assert float(found or 0) == pytest.approx(wanted, abs=1e-5)


def test_between_coupons_the_clean_price_leaves_the_accrued_interest_out() -> None:
    """Halfway: the dirty price has grown by half a period's yield, and half a coupon is the seller's."""
    found = price_of_yield(bond("6", datetime.date(2031, 5, 15)), Decimal(6), datetime.date(2026, 8, 15))
    assert float(found or 0) == pytest.approx(100 * 1.03**0.5 - 1.5, abs=1e-5)


def test_in_the_last_period_interest_is_simple() -> None:
    found = price_of_yield(bond("6", datetime.date(2026, 11, 15)), Decimal(4), datetime.date(2026, 8, 15))
    assert float(found or 0) == pytest.approx(103 / (1 + 0.5 * 0.02) - 1.5, abs=1e-5)


def test_without_a_maturity_or_after_it_there_is_no_price() -> None:
    assert price_of_yield(bond("6", None), Decimal(4), datetime.date(2026, 8, 15)) is None
    assert price_of_yield(bond("6", datetime.date(2026, 8, 15)), Decimal(4), datetime.date(2026, 8, 15)) is None


@given(st.integers(0, 1200), st.integers(1, 12_000), st.integers(-100, 1_500))
def test_a_higher_yield_is_a_lower_price(coupon: int, days: int, yield_bp: int) -> None:
    of = bond(f"{coupon / 100}", datetime.date(2026, 8, 15) + datetime.timedelta(days=days))
    at = [price_of_yield(of, Decimal(yield_bp + more) / 100, datetime.date(2026, 8, 15)) for more in (0, 25)]
    assert at[0] is not None
    assert at[1] is not None
    assert at[1] < at[0]


def test_coupons_of_the_end_of_a_month_are_paid_on_the_last_of_february() -> None:
    """On the coupon date nothing is accrued: the price is that of the annuity, at a yield of the coupon the face."""
    at_end = bond("5", datetime.date(2031, 8, 31))
    assert price_of_yield(at_end, Decimal(5), datetime.date(2027, 2, 28)) == Decimal(100)
