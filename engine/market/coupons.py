"""When a bond pays: its coupon periods, and the share of a coupon that a part of one earns.

Coupon dates stand in equal steps of months. They are counted back from the maturity, or from the last coupon before it
where that is known, on the same day of the month. Where that day is the last of its month the bond pays on last days of
months (31 May and 30 November, 31 August and 28 or 29 February), unless its first coupon date says otherwise. The first
period begins when interest does, the last ends at maturity: both may be shorter or longer than a step.

Dates are those that interest is counted to; a payment that a holiday delays earns nothing.
"""

from __future__ import annotations

import calendar
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

from engine.market.day_count import DayCount, is_month_end, year_fraction


@dataclass(frozen=True, slots=True)
class Period:
    """From one coupon date, or the day on which interest begins, to the next; `whole` where it is one step."""

    start: date
    end: date
    whole: bool


@dataclass(frozen=True, slots=True)
class Coupons:
    """The coupon dates of a bond that pays `frequency` times a year: 1, 2, 3, 4, 6 or 12.

    `anchor` is a date on the steps; `roll_day` the day of the month, 31 for its last; `begins` when interest begins,
    if that is known; `first` and `last` the first coupon date and the last before maturity, where they are known.
    """

    frequency: int
    anchor: date
    roll_day: int
    month_end: bool
    begins: date | None = None
    first: date | None = None
    last: date | None = None
    maturity: date | None = None

    def period_of(self, day: date) -> Period | None:
        """The period that `day` falls in, its first day included; None where its beginning is not known."""
        if self.last is not None and self.maturity is not None and day >= self.last:
            return self._period(self.last, self.maturity)
        if self.first is not None and day < self.first:
            return None if self.begins is None else self._period(self.begins, self.first)
        step = self._step_of(day)
        start, end = self.step(step), self.step(step + 1)
        if self.begins is not None and start < self.begins:
            # Nobody said when the first coupon is: it is the next on the steps.
            return Period(self.begins, end, False)
        return Period(start, end, True)

    def after(self, period: Period) -> Period | None:
        """The period that follows; None after the last."""
        if self.maturity is None or period.end >= self.maturity:
            return None
        return self.period_of(period.end)

    def step(self, number: int) -> date:
        """So many steps after the anchor, or before it."""
        year, month = divmod(self.anchor.year * 12 + self.anchor.month - 1 + number * 12 // self.frequency, 12)
        return date(year, month + 1, min(self.roll_day, calendar.monthrange(year, month + 1)[1]))

    def stands_on_steps(self, day: date) -> bool:
        """Can `day` be a coupon date?"""
        return self.step(self._step_of(day)) == day

    def share(self, start: date, end: date) -> Fraction:
        """The years between two days as ACT/ACT ICMA counts them: by their days' share of each step they fall in.

        Source: ICMA rule 251.3; for odd periods the notional steps of ISDA's memorandum on ACT/ACT, 1999.
        """
        total = Fraction(0)
        number = self._step_of(start)
        while start < end:
            first, following = self.step(number), self.step(number + 1)
            upto = min(end, following)
            total += Fraction((upto - start).days, (following - first).days)
            start, number = upto, number + 1
        return total / self.frequency

    def _period(self, start: date, end: date) -> Period:
        step = self._step_of(start)
        return Period(start, end, self.step(step) == start and self.step(step + 1) == end)

    def _step_of(self, day: date) -> int:
        """The number of the last step on `day` or before it."""
        months = (day.year - self.anchor.year) * 12 + day.month - self.anchor.month
        number = months * self.frequency // 12
        return number if self.step(number) <= day else number - 1


@dataclass(frozen=True, slots=True)
class Earned:
    """How a bond's coupon accrues within its periods, in years of its coupon."""

    coupons: Coupons
    counted: DayCount

    def accrued(self, period: Period, day: date) -> Fraction:
        """Earned from the beginning of the period to `day`."""
        if self.counted is DayCount.ACT_ACT_ICMA:
            return self.coupons.share(period.start, day)
        return self._counted(period.start, day)

    def whole(self, period: Period) -> Fraction:
        """What the period's coupon pays: a whole step of thirty-day months always an equal part of the year."""
        if period.whole and (self.counted.has_thirty_day_months or self.counted is DayCount.ACT_ACT_ICMA):
            return Fraction(1, self.coupons.frequency)
        return self.accrued(period, period.end)

    def steps_left(self, period: Period, day: date) -> Fraction:
        """From `day` to the end of the period, in steps: what a yield is compounded over.

        By days of thirty-day months where interest is counted so, else by actual days of actual steps.
        """
        if self.counted.has_thirty_day_months:
            return (self.whole(period) - self.accrued(period, day)) * self.coupons.frequency
        return self.coupons.share(day, period.end) * self.coupons.frequency

    def _counted(self, start: date, end: date) -> Fraction:
        maturity = self.coupons.maturity
        return year_fraction(self.counted, start, end, month_end=self.coupons.month_end, maturity=maturity)


def coupons_of(
    frequency: int,
    maturity: date | None,
    *,
    begins: date | None = None,
    first: date | None = None,
    last: date | None = None,
) -> Coupons | None:
    """The coupon dates of a bond by what is known of them; None where nothing says on which days it pays."""
    if last is not None and maturity is not None:
        regular = coupons_of(frequency, maturity, begins=begins, first=first)
        if regular is not None and regular.step(-1) == last:
            # The last period is as long as the others: maturity tells their days, as it does of a bond of 30 August
            # whose last coupon before it is on 28 February.
            return regular
    anchor = last or maturity or first
    if anchor is None:
        return None
    month_end = is_month_end(anchor) and (first is None or is_month_end(first))
    roll_day = 31 if month_end else anchor.day
    if not month_end and is_month_end(anchor) and first is not None:
        # Of a bond that pays on 28 February and 30 August it is August that tells the day.
        roll_day = max(anchor.day, first.day)
    return Coupons(frequency, anchor, roll_day, month_end, begins, first, last, maturity)
