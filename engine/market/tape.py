"""The tape of trades: how much of a bond traded on which day, when it last did, and since when that is all of it.

`Tape` keeps what the journal's tape holds, summed by bond and UTC day; it is made again from there at a start. A trade
is known by its source's own identifier: the same again changes nothing, another price or size under it corrects it, and
one that is canceled is taken out. Nothing is lost by conflation: two trades are two trades.

An average over days is only known where nothing was missed. Each asset class has a day since which its trades are on
the tape: the day after one was first heard, or an earlier one where the source says that its past is complete. A class
of which nobody has heard a trade for `quiet_days_max` business days is taken for a feed that is down: until it speaks
again its volumes are unknown, which is not the same as none.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from engine.clock import utc_day
from engine.market.business_days import WEEKDAYS, BusinessDays

_NOTHING: Final = Decimal(0)


@dataclass(frozen=True, slots=True)
class Trade:
    """One trade between whomever: clean price in percent of par, face amount, when it was made.

    `trade_id` is the source's name for it, or what stands for one where it has none.
    """

    security_id: str
    asset_class: str
    price: Decimal
    quantity: Decimal
    utc_ns: int
    source: str
    trade_id: str
    canceled: bool = False


@dataclass(frozen=True, slots=True)
class CompleteFrom:
    """A source says: of this asset class every trade since this day is told, or is in what follows."""

    asset_class: str
    source: str
    day: int


class _Bond:
    """What is kept of one bond: (trades, face) by day, and sums over windows that somebody asked for."""

    __slots__ = ("days", "last", "sums")

    def __init__(self) -> None:
        self.days: dict[int, tuple[int, Decimal]] = {}
        self.last: int | None = None
        """The latest of the days."""
        self.sums: dict[int, tuple[int, int, int, Decimal]] = {}
        """By window: first day, the day after the last, trades, face."""

    def add(self, day: int, count: int, face: Decimal) -> None:
        had_count, had_face = self.days.get(day, (0, _NOTHING))
        if had_count + count:
            self.days[day] = (had_count + count, had_face + face)
            if self.last is None or day > self.last:
                self.last = day
        else:
            self.days.pop(day, None)
            self.last = max(self.days, default=None)
        for window, (first, end, trades, total) in self.sums.items():
            if first <= day < end:
                self.sums[window] = (first, end, trades + count, total + face)

    def sum(self, window: int, first: int, end: int) -> tuple[int, Decimal]:
        """(trades, face) of first <= day < end. Kept until the days of this window are others."""
        known = self.sums.get(window)
        if known is None or known[0] != first or known[1] != end:
            inside = [each for day, each in self.days.items() if first <= day < end]
            known = first, end, sum(count for count, _ in inside), sum((face for _, face in inside), _NOTHING)
            self.sums[window] = known
        return known[2], known[3]


@dataclass(slots=True)
class _Class:
    """Since when an asset class is covered, and the day on which a trade of it was last heard."""

    begin: int
    latest: int


class Tape:
    """Trades by bond, of the last `days` days; of the last `trades_max` it is known which they were."""

    __slots__ = (
        "_bonds",
        "_classes",
        "_pruned",
        "_trades",
        "_trades_max",
        "business_days",
        "changes",
        "days",
        "quiet_days_max",
    )

    def __init__(self, days: int = 200, trades_max: int = 500_000, quiet_days_max: int = 5) -> None:
        self.days = days
        self.business_days = WEEKDAYS
        """Those of the market as a whole: silence is measured in them."""
        self.quiet_days_max = quiet_days_max
        self._trades_max = trades_max
        self._bonds: dict[str, _Bond] = {}
        self._classes: dict[str, _Class] = {}
        self._trades: dict[tuple[str, str], Trade] = {}
        self._pruned = 0
        self.changes = 0
        """How often anything was heard: what was made of it before holds while this stands still."""

    def __len__(self) -> int:
        return len(self._trades)

    # --- what is heard -----------------------------------------------------------------------------

    def known(self, source: str, trade_id: str) -> Trade | None:
        """The trade that this source told under this name."""
        return self._trades.get((source, trade_id))

    def take(self, trade: Trade, heard_ns: int, complete_sources: Collection[str] = ()) -> None:
        """Count a trade, or correct or cancel the one of its name.

        `complete_sources` are those that tell of their past too: what they tell of covers the days since.
        """
        self.changes += 1
        heard_day, day = utc_day(heard_ns), utc_day(trade.utc_ns)
        self._prune(heard_day)
        key = trade.source, trade.trade_id
        before = self._trades.pop(key, None)
        if before is not None and not before.canceled:
            self._bond(before.security_id).add(utc_day(before.utc_ns), -1, -before.quantity)
        if not trade.canceled:
            self._bond(trade.security_id).add(day, 1, trade.quantity)
            self._cover(trade.asset_class, heard_day, day if trade.source in complete_sources else heard_day + 1)
        self._trades[key] = trade
        if len(self._trades) > self._trades_max:
            del self._trades[next(iter(self._trades))]

    def complete_from(self, said: CompleteFrom, heard_ns: int) -> None:
        """From this day on the class is covered."""
        self.changes += 1
        self._cover(said.asset_class, utc_day(heard_ns), said.day)

    # --- what it says ------------------------------------------------------------------------------

    def covered_from(self, asset_class: str, today: int) -> int | None:
        """The first day since which all trades of the class are known; None where that cannot be said."""
        covered = self._classes.get(asset_class)
        if covered is None or self.business_days.between(covered.latest, today) > self.quiet_days_max:
            return None
        return max(covered.begin, today - self.days)

    def traded(
        self, security_id: str, window_days: int, today: int, business_days: BusinessDays = WEEKDAYS
    ) -> tuple[int, Decimal]:
        """(trades, face amount) of the last so many whole business days before `today`."""
        bond = self._bonds.get(security_id)
        if bond is None:
            return 0, _NOTHING
        return bond.sum(window_days, business_days.before(today, window_days), today)

    def traded_between(self, security_id: str, first: int, end: int) -> Decimal:
        """Face amount of first <= day < end."""
        bond = self._bonds.get(security_id)
        days = bond.days.items() if bond is not None else ()
        return sum((face for day, (_, face) in days if first <= day < end), _NOTHING)

    def last_day(self, security_id: str) -> int | None:
        """The day of the bond's latest trade; None if there is none on the tape."""
        bond = self._bonds.get(security_id)
        return bond.last if bond is not None else None

    def dump(self) -> dict[str, object]:
        """All that is kept, as plain values."""
        return {
            "bonds": {name: dict(sorted(bond.days.items())) for name, bond in sorted(self._bonds.items()) if bond.days},
            "classes": {name: (each.begin, each.latest) for name, each in sorted(self._classes.items())},
            "trades": list(self._trades.values()),
        }

    # --- inside ------------------------------------------------------------------------------------

    def _bond(self, security_id: str) -> _Bond:
        bond = self._bonds.get(security_id)
        if bond is None:
            bond = self._bonds[security_id] = _Bond()
        return bond

    def _cover(self, asset_class: str, heard_day: int, begin: int) -> None:
        covered = self._classes.get(asset_class)
        if covered is None or self.business_days.between(covered.latest, heard_day) > self.quiet_days_max:
            # The first one, or the first after a silence in which nobody knows what was missed.
            self._classes[asset_class] = _Class(begin, heard_day)
            return
        covered.begin = min(covered.begin, begin)
        covered.latest = max(covered.latest, heard_day)

    def _prune(self, today: int) -> None:
        """Once a day, forget what is too old."""
        if today <= self._pruned:
            return
        self._pruned, oldest = today, today - self.days
        for security_id in list(self._bonds):
            bond = self._bonds[security_id]
            bond.days = {day: each for day, each in bond.days.items() if day >= oldest}
            bond.sums.clear()
            bond.last = max(bond.days, default=None)
            if not bond.days:
                del self._bonds[security_id]
        gone = [key for key, trade in self._trades.items() if utc_day(trade.utc_ns) < oldest]
        for key in gone:
            del self._trades[key]
