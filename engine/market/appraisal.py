"""What is known of a bond now: how much of it trades, when it last did, how liquid it is, how much its price moves.

One question, one answer: from the tape where that covers the days asked for; for the days before, and where there is no
tape, from the security file while that is believed (`file_days`, ten, from its date: what a file said of trading a
fortnight ago is unknown now). Unknown is None. A bond that is known not to have traded has an average of zero.

Kept current: trades and marks move the answers as they are heard; nothing here walks over history.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from statistics import stdev
from typing import Final

from engine.clock import NS_PER_S, utc_day
from engine.domain.instrument import Security, is_investment_grade
from engine.domain.observation import Answer, RoundSeen
from engine.domain.order import Side
from engine.market import impact
from engine.market.business_days import BusinessDays
from engine.market.calendars import Calendars, day_number
from engine.market.impact import Circumstances, Expected, ExpectedCost, ImpactParameters
from engine.market.liquidity import Groups, GroupScores, Parts
from engine.market.marks import NO_AGES, MarkErrors
from engine.market.similar import RADIUS
from engine.market.tape import Tape
from engine.market.volatility import Closes, Volatility

FILE_WINDOW_DAYS: Final = 30
"""The window, in business days, that a security file's average daily volume is over."""

_EPOCH: Final = date(1970, 1, 1)
_UNIT: Final = Decimal(1)
_YEAR_DAYS: Final = 365.25
_NO_GROUPS: Final = Groups({})


@dataclass(frozen=True, slots=True)
class MarketParameters:
    """A desk's numbers about prices and trades, and who delivers them.

    `age_ns_max` is how old a mark of a source may be, where that is not what holds for all. `trades_from` are the
    market sessions that are asked for trades, `past_trades` the sources that tell of all trades of the past as well.
    `benchmarks` is, by asset class, the identifier whose marks are the level of the market.
    """

    age_ns_max: Mapping[str, int] = field(default_factory=lambda: NO_AGES)
    trades_from: frozenset[str] = frozenset()
    past_trades: frozenset[str] = frozenset()
    benchmarks: Mapping[str, str] = field(default_factory=dict)
    file_days: int = 10
    jump_max: float = 0.25
    """A price further than this share from what the bond is known to be worth is a mistake."""
    ahead_ns_max: int = 60 * NS_PER_S
    """How far a source's clock may be ahead of ours."""
    errors: MarkErrors = field(default_factory=MarkErrors)
    impact: ImpactParameters = field(default_factory=ImpactParameters)
    similar_radius: float = RADIUS


_ROUNDS: Final = 5


class Quoting:
    """How many dealers quote a bond when the desk asks, and how far apart they are: means over the latest rounds."""

    __slots__ = ("_bonds", "_bonds_max")

    def __init__(self, bonds_max: int = 50_000) -> None:
        self._bonds: dict[str, tuple[float, float | None]] = {}
        self._bonds_max = bonds_max

    def take_round(self, seen: RoundSeen) -> None:
        """A round that is over: how many quoted, and the standard deviation of what they quoted."""
        edges = [ask.edge_bps for ask in seen.asks if ask.answer is Answer.quote and ask.edge_bps is not None]
        quoting = sum(ask.answer is Answer.quote for ask in seen.asks)
        self.take(seen.bond.security_id, quoting, stdev(edges) if len(edges) > 1 else None)

    def take(self, security_id: str, quoting: int, apart_bps: float | None) -> None:
        """One round of asking: each counts a fifth of all before it, so that a bond's standing can change."""
        before = self._bonds.pop(security_id, None)
        if before is None:
            if len(self._bonds) >= self._bonds_max:
                del self._bonds[next(iter(self._bonds))]
            self._bonds[security_id] = float(quoting), apart_bps
            return
        mean, apart = before
        if apart_bps is not None:
            apart = apart_bps if apart is None else apart + (apart_bps - apart) / _ROUNDS
        self._bonds[security_id] = mean + (quoting - mean) / _ROUNDS, apart

    def dump(self) -> dict[str, object]:
        """All that is kept, as plain values."""
        return dict(self._bonds)

    def of(self, security_id: str) -> tuple[float | None, float | None]:
        return self._bonds.get(security_id, (None, None))


class Appraisal:
    """The answers. `tape`, `closes` and `quoting` live on; `bonds`, `groups` and `parameters` are what files say."""

    __slots__ = (
        "_averages",
        "_day",
        "_made_of",
        "_scores",
        "bonds",
        "calendars",
        "closes",
        "groups",
        "parameters",
        "quoting",
        "tape",
    )

    def __init__(
        self,
        bonds: Mapping[str, Security],
        parameters: MarketParameters | None = None,
        groups: Groups = _NO_GROUPS,
        tape: Tape | None = None,
        closes: Closes | None = None,
        quoting: Quoting | None = None,
        calendars: Calendars | None = None,
    ) -> None:
        self.bonds = bonds
        self.calendars = Calendars() if calendars is None else calendars
        self.parameters = MarketParameters() if parameters is None else parameters
        self.groups = groups
        self.tape = Tape() if tape is None else tape
        self.closes = Closes() if closes is None else closes
        self.quoting = Quoting() if quoting is None else quoting
        self._day = -1
        self._scores: dict[str, GroupScores] = {}
        self._averages: dict[tuple[str, int], tuple[Security, Decimal | None]] = {}
        self._made_of = (-1, -1)
        """Of which day, and of how much of the tape, the averages are that were made so far."""

    def take_up(self, after: Appraisal) -> None:
        """Files were read again: what was heard stays."""
        self.bonds, self.parameters, self.groups = after.bonds, after.parameters, after.groups
        self.calendars, self.tape.business_days = after.calendars, after.tape.business_days
        self._day, self._made_of = -1, (-1, -1)

    def know(self, security_id: str, group: str | None) -> None:
        """A bond was delivered, `bonds` has it: it is held against this group from now on, of None it is gone."""
        self.groups.put(security_id, group)
        self._day = -1

    # --- trading -----------------------------------------------------------------------------------

    def is_believed(self, security: Security, now_ns: int) -> bool:
        """May what the file says of its trading still be used?"""
        as_of = security.liquidity_as_of
        return as_of is None or utc_day(now_ns) - day_number(as_of) <= self.parameters.file_days

    def adv(self, security: Security, window_days: int, now_ns: int) -> Decimal | None:
        """Face amount a business day, over the last so many whole business days, those without a trade included.

        Days before the tape began count as the file says, if the window is the file's own and it is believed.
        """
        today = utc_day(now_ns)
        made_of = today, self.tape.changes
        if made_of != self._made_of:
            self._made_of, self._averages = made_of, {}
        # An order asks for the same one several times, by its rule, its protections and its facts.
        known = self._averages.get((security.security_id, window_days))
        if known is None or known[0] is not security:
            known = security, self._adv(security, window_days, today, now_ns)
            self._averages[security.security_id, window_days] = known
        return known[1]

    def _adv(self, security: Security, window_days: int, today: int, now_ns: int) -> Decimal | None:
        business_days = self._business_days(security)
        first = business_days.before(today, window_days)
        covered = self.tape.covered_from(security.asset_class, today)
        if covered is not None and covered <= first:
            face = self.tape.traded(security.security_id, window_days, today, business_days)[1]
            return (face / window_days).quantize(_UNIT)
        told = security.adv_30d
        if told is None or window_days != FILE_WINDOW_DAYS or not self.is_believed(security, now_ns):
            return None
        if covered is None or covered >= today:
            return told
        seen = self.tape.traded_between(security.security_id, covered, today)
        return ((seen + told * business_days.between(first, covered)) / window_days).quantize(_UNIT)

    def days_since_trade(self, security: Security, now_ns: int) -> int | None:
        """Calendar days since it last traded, 0 for today."""
        today = utc_day(now_ns)
        covered = self.tape.covered_from(security.asset_class, today)
        last = self.tape.last_day(security.security_id)
        if covered is not None and last is not None and last >= covered - 1:
            # On the day before the first that is covered, part of the day was heard: from this trade on, all of it.
            return max(0, today - last)
        as_of, told = security.liquidity_as_of, security.last_trade_date
        if told is None:
            return None
        told_day = (told - _EPOCH).days
        joins = covered is not None and as_of is not None and covered - 1 <= (as_of - _EPOCH).days
        if not joins and not self.is_believed(security, now_ns):
            return None
        return max(0, today - max(told_day, last if last is not None else told_day))

    # --- price -------------------------------------------------------------------------------------

    def volatility(self, security_id: str, now_ns: int) -> Volatility | None:
        bond = self.bonds.get(security_id)
        if bond is None:
            return self.closes.volatility(security_id, utc_day(now_ns))
        return self.closes.volatility(security_id, utc_day(now_ns), self._business_days(bond))

    def expected_impact(
        self, security: Security, quantity: Decimal, now_ns: int, side: Side | None = None
    ) -> Expected | None:
        """Of an order of so much face, in bps; None where the ADV over 30 days or the volatility is unknown."""
        moves = self.volatility(security.security_id, now_ns)
        if moves is None:
            return None
        adv = self.adv(security, FILE_WINDOW_DAYS, now_ns)
        investment, issued = is_investment_grade(security.rating), security.issue_date
        known = Circumstances(
            is_sale=None if side is None else side is Side.sell,
            is_high_yield=None if investment is None else not investment,
            age_years=None if issued is None else (utc_day(now_ns) - day_number(issued)) / _YEAR_DAYS,
        )
        return impact.expected_impact(quantity, adv, moves.bps, self.parameters.impact, moves.ln_sd, known)

    def expected_cost(
        self,
        security: Security,
        quantity: Decimal,
        half_spread_bps: float | None,
        now_ns: int,
        side: Side | None = None,
    ) -> ExpectedCost | None:
        return impact.expected_cost(half_spread_bps, self.expected_impact(security, quantity, now_ns, side))

    # --- liquidity ---------------------------------------------------------------------------------

    def liquidity_score(self, security: Security, now_ns: int) -> int | None:
        """1 to 10 among the bonds of its group; the file's own while the tape says too little and it is believed."""
        today = utc_day(now_ns)
        covered = self.tape.covered_from(security.asset_class, today)
        group = self.groups.of(security.security_id)
        first = self._business_days(security).before(today, FILE_WINDOW_DAYS)
        if group is None or covered is None or covered > first:
            return security.liquidity_score if self.is_believed(security, now_ns) else None
        if today != self._day:
            self._day, self._scores = today, {}
        scores = self._scores.get(group)
        if scores is None:
            members = (self.bonds[each] for each in self.groups.members(group) if each in self.bonds)
            scores = self._scores[group] = GroupScores([self._parts(each, now_ns) for each in members])
        return scores.score(self._parts(security, now_ns))

    def _parts(self, security: Security, now_ns: int) -> Parts:
        security_id, today = security.security_id, utc_day(now_ns)
        trades, face = self.tape.traded(security_id, FILE_WINDOW_DAYS, today, self._business_days(security))
        exists = security.amount_outstanding
        since = self.days_since_trade(security, now_ns)
        quoting, apart_bps = self.quoting.of(security_id)
        return (
            float(trades),
            float(face / exists) if exists else None,
            None if since is None else -float(since),
            quoting,
            None if apart_bps is None else -apart_bps,
        )

    def _business_days(self, security: Security) -> BusinessDays:
        return self.calendars.of(security).trading
