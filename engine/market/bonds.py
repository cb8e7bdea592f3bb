"""Bond arithmetic from the terms we know: accrued interest, the price of a yield."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Final

from engine.domain.instrument import Security

_CENT: Final = Decimal("0.01")
_PRICE_STEP: Final = Decimal("0.000001")


def accrued_interest(security: Security, quantity: Decimal, settlement: date) -> Decimal | None:
    """Accrued interest on `quantity` face at `settlement`, in the bond's currency, 30/360 from the last coupon.

    Coupon dates are counted back from maturity. None when the terms do not say (no maturity, another day count).
    """
    if security.maturity is None or security.day_count != "30/360" or security.coupon_frequency < 1:
        return None
    if settlement > security.maturity:
        return None
    last = _last_coupon(security.maturity, 12 // security.coupon_frequency, settlement)
    if security.issue_date is not None and last < security.issue_date:
        last = security.issue_date
    days = _days_30_360(last, settlement)
    return (quantity * security.factor * security.coupon_pct / 100 * days / 360).quantize(_CENT)


def principal(quantity: Decimal, price: Decimal) -> Decimal:
    """Clean money of a trade: face x percent of par, to the cent."""
    return (quantity * price / 100).quantize(_CENT)


def price_of_yield(security: Security, yield_pct: Decimal, settlement: date) -> Decimal | None:
    """The clean price, percent of par, at which the bond yields `yield_pct` a year to its maturity.

    Street convention: coupons compounded as often as they are paid (twice a year where none is), a broken first period
    by its share of 30/360 days; in the last period simple interest. None without a maturity, or at or after it.
    Source: SIA Standard Securities Calculation Methods, vol. I, price of a bond with periodic coupons.
    """
    if security.maturity is None or settlement >= security.maturity:
        return None
    frequency = security.coupon_frequency if security.coupon_frequency in (1, 2, 4, 12) else 2
    months = 12 // frequency
    last = _last_coupon(security.maturity, months, settlement)
    left = (security.maturity.year - last.year) * 12 + security.maturity.month - last.month
    periods = max(1, round(left / months))
    passed = min(1.0, _days_30_360(last, settlement) / (360 / frequency))
    coupon, rate = float(security.coupon_pct) / frequency, float(yield_pct) / 100 / frequency
    if rate <= -1:
        return None
    first = 1 - passed
    if periods == 1:
        dirty = (100 + coupon) / (1 + first * rate)
    else:
        growth = 1 + rate
        dirty = sum(coupon / growth ** (first + k) for k in range(periods)) + 100 / growth ** (first + periods - 1)
    return Decimal(dirty - coupon * passed).quantize(_PRICE_STEP)


def _last_coupon(maturity: date, months: int, settlement: date) -> date:
    """The latest coupon date on or before settlement."""
    behind = (maturity.year - settlement.year) * 12 + maturity.month - settlement.month
    steps = max(0, behind // months)
    found = _months_before(maturity, steps * months)
    while found > settlement:
        steps += 1
        found = _months_before(maturity, steps * months)
    return found


def _months_before(day: date, months: int) -> date:
    total = day.year * 12 + day.month - 1 - months
    year, month = divmod(total, 12)
    return date(year, month + 1, min(day.day, 28 if month == 1 else 30))


def _days_30_360(start: date, end: date) -> int:
    """US 30/360 (NASD) without the end-of-February refinement."""
    first = min(start.day, 30)
    second = 30 if end.day == 31 and first == 30 else end.day
    return (end.year - start.year) * 360 + (end.month - start.month) * 30 + second - first
