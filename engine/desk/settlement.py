"""When an order's trades settle, and what keeps them from settling: the day asked for, or the bond's own end.

Source: FIX 4.4 Volume 6, SettlType(63) and SettlDate(64): 64 goes before 63.
"""

from __future__ import annotations

from datetime import date
from typing import Final

from engine.domain.instrument import Security
from engine.domain.order import OrderRefusal, OrderTerms
from engine.market.calendars import business_days, day_number, settlement_date, trade_date

USUAL_DAYS: Final = 1
"""T+1: US corporates and municipals."""


def settlement_of(terms: OrderTerms, now_ns: int) -> date:
    """The day on which a trade of now settles: the one asked for, else so many days after it, else the usual one."""
    if terms.settl_date:
        return date.fromisoformat(terms.settl_date)
    return settlement_date(now_ns, USUAL_DAYS if terms.settl_days is None else terms.settl_days)


def unsettleable(security: Security, terms: OrderTerms, now_ns: int) -> tuple[OrderRefusal, str] | None:
    """Why a trade of now could not settle, with the tag where a day was asked for; None where it can."""
    settles, today = settlement_of(terms, now_ns), trade_date(now_ns)
    asked = f"SettlDate(64)={terms.settl_date}" if terms.settl_date else f"settlement on {settles}"
    if terms.settl_days == 0 and not terms.settl_date:
        asked = f"SettlType(63)=1, settlement on {settles},"
    ends = _paid_back(security)
    if ends is not None and ends[0] <= today:
        return OrderRefusal.other, f"{security.security_id} {ends[1]} on {ends[0]}"
    if security.factor == 0:
        return OrderRefusal.other, f"nothing of {security.security_id} is left: its factor is 0"
    if settles < today:
        return OrderRefusal.unsupported, f"{asked} is before the trade date {today}"
    number = day_number(settles)
    if business_days(number, number + 1) == 0:
        return OrderRefusal.unsupported, f"{asked} is no business day"
    if ends is not None and ends[0] <= settles:
        code = OrderRefusal.unsupported if terms.settl_date else OrderRefusal.other
        return code, f"{asked} is not before {ends[0]}, when {security.security_id} {ends[2]}"
    return None


def _paid_back(security: Security) -> tuple[date, str, str] | None:
    """The day on which the bond is no more, and how that is said afterwards and before; None for one without an end."""
    called, maturity = security.called, security.maturity
    if called is not None and (maturity is None or called < maturity):
        return called, "was called", "is called"
    return None if maturity is None else (maturity, "matured", "matures")


def a_persons(security: Security, terms: OrderTerms, now_ns: int) -> str:
    """Why no rule may act on it: the bond is in default, or not there yet when the trade would settle; else empty."""
    settles = settlement_of(terms, now_ns)
    if security.defaulted is not None and security.defaulted <= settles:
        return f"{security.security_id} has been in default since {security.defaulted}"
    if security.issue_date is None or security.issue_date <= settles:
        return ""
    return f"settlement on {settles} is before the bond is issued on {security.issue_date}"
