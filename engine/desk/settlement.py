"""When an order's trades settle, and what keeps them from settling: the day asked for, or the bond's own end.

Days are those of the bond's calendar. What was decided stands in the events: a calendar that is read again moves no day
of the past.

Source: FIX 4.4 Volume 6, SettlType(63) and SettlDate(64): 64 goes before 63.
"""

from __future__ import annotations

from datetime import date

from engine.desk.setting import Desk
from engine.domain.instrument import Security
from engine.domain.order import OrderRefusal, OrderTerms
from engine.domain.rfq import Ask


def trade_date_of(desk: Desk, terms: OrderTerms, now_ns: int) -> date:
    """The trading day of the bond's market that a trade of now is of."""
    return desk.calendar_of(terms.security_id, terms.currency).trade_date(now_ns)


def settlement_of(desk: Desk, terms: OrderTerms, now_ns: int) -> date:
    """The day on which a trade of now settles: the one asked for, else so many days after it, else as is usual."""
    if terms.settl_date:
        return date.fromisoformat(terms.settl_date)
    security = desk.securities.get(terms.security_id)
    if security is not None:
        return desk.calendars.settlement(security, now_ns, terms.settl_days)
    calendar = desk.calendars.of_currency(terms.currency)
    return calendar.settlement(calendar.trade_date(now_ns), terms.settl_days)


def settlement_of_quote(desk: Desk, terms: OrderTerms, ask: Ask, now_ns: int) -> date:
    """The day on which a quote that is taken now settles.

    On the day on which it was asked for that is what it was asked for, even where the market has closed meanwhile: a
    price is for its settlement. Later it is that of a trade of now: the order's terms go on from the trade.
    """
    calendar = desk.calendar_of(terms.security_id, terms.currency)
    if ask.settl_date and calendar.date_of(ask.asked_ns) == calendar.date_of(now_ns):
        asked = date.fromisoformat(ask.settl_date)
        if asked >= calendar.trade_date(now_ns):
            return asked
    return settlement_of(desk, terms, now_ns)


def is_told(desk: Desk, terms: OrderTerms, day: date) -> bool:
    """Is the day of settlement the word of the order or of a calendar, and not a count of weekdays alone?

    Where it is not, whatever day the dealer says is as good.
    """
    asked = bool(terms.settl_date) or terms.settl_days is not None
    return asked or desk.calendar_of(terms.security_id, terms.currency).is_known(day)


def unsettleable(desk: Desk, security: Security, terms: OrderTerms, now_ns: int) -> tuple[OrderRefusal, str] | None:
    """Why a trade of now could not settle, with the tag where a day was asked for; None where it can."""
    calendar = desk.calendars.of(security)
    settles, today = settlement_of(desk, terms, now_ns), calendar.trade_date(now_ns)
    ends = _paid_back(security)
    if ends is not None and ends[0] <= today:
        return OrderRefusal.other, f"{security.security_id} {ends[1]} on {ends[0]}"
    if security.factor == 0:
        return OrderRefusal.other, f"nothing of {security.security_id} is left: its factor is 0"
    if settles < today:
        return OrderRefusal.unsupported, f"{_asked(terms, settles)} is before the trade date {today}"
    if not calendar.settles_on(settles):
        of = f" of calendar {calendar.name}" if calendar.name and not calendar.unknown else ""
        return OrderRefusal.unsupported, f"{_asked(terms, settles)} is no business day{of}"
    if ends is not None and ends[0] <= settles:
        code = OrderRefusal.unsupported if terms.settl_date else OrderRefusal.other
        return code, f"{_asked(terms, settles)} is not before {ends[0]}, when {security.security_id} {ends[2]}"
    return None


def _asked(terms: OrderTerms, settles: date) -> str:
    if terms.settl_date:
        return f"SettlDate(64)={terms.settl_date}"
    return f"SettlType(63)=1, settlement on {settles}," if terms.settl_days == 0 else f"settlement on {settles}"


def _paid_back(security: Security) -> tuple[date, str, str] | None:
    """The day on which the bond is no more, and how that is said afterwards and before; None for one without an end."""
    called, maturity = security.called, security.maturity
    if called is not None and (maturity is None or called < maturity):
        return called, "was called", "is called"
    return None if maturity is None else (maturity, "matured", "matures")


def a_persons(desk: Desk, security: Security, terms: OrderTerms, now_ns: int) -> str:
    """Why no rule may act on it; else empty.

    The bond is in default, or not there yet when the trade would settle, or nobody knows whether that is a holiday.
    """
    settles = settlement_of(desk, terms, now_ns)
    if security.defaulted is not None and security.defaulted <= settles:
        return f"{security.security_id} has been in default since {security.defaulted}"
    if security.issue_date is not None and security.issue_date > settles:
        return f"settlement on {settles} is before the bond is issued on {security.issue_date}"
    why = desk.calendars.of(security).why_unknown(settles)
    return f"settlement on {settles}: {why}, nobody knows whether that day is a holiday" if why else ""
