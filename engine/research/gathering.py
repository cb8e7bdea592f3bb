"""A desk's past, each round decided again: what policies would have asked, and what that costs as far as it is known.

Every round is learnt from, those of the period are judged too, each by what was known when it was sent.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, TypeAlias

import numpy as np

from engine.clock import NS_PER_DAY, NS_PER_S, utc_day
from engine.dealers.estimates import EstimateParameters
from engine.dealers.leak import LeakParameters
from engine.dealers.outlook import Identified, Outlook
from engine.dealers.segments import segment_of_key
from engine.dealers.stats import StatsParameters
from engine.domain.observation import ChosenBy, Protocol, RoundSeen, RoundTold
from engine.domain.order import MarkUsed
from engine.market.tca import quote_edge_bps
from engine.research.choices import Choice, Choices
from engine.research.contenders import Contender, Question, panel_of
from engine.research.draws import Draws
from engine.research.knowledge import Knowledge
from engine.research.off_policy import Scored
from engine.research.outcomes import Outcome, expected, has_unmarked_quote, nobody_took, replayed
from engine.research.walk import USUAL_WAIT_S
from engine.selection.model import Model, modelled
from engine.selection.request import Parameters, Request

KNOWN_DAYS: Final = 365
"""A dealer that was not asked for longer is no candidate of a round that others tell of."""

Leak: TypeAlias = tuple[float, float, Identified]
"""(bps that asking a dealer moves, the error of that, how much of it can be told)"""


class Left(StrEnum):
    """Why a round is not judged."""

    by_trader = "by_trader"
    changed = "changed"
    protected = "protected"
    one_by_one = "one_by_one"
    incomplete = "incomplete"
    no_mark = "no_mark"
    unmarked_quote = "unmarked_quote"


class Unsupported(StrEnum):
    """Why no draw could have asked a policy's panel."""

    fixed = "fixed"
    """Nothing was drawn in the round."""
    far = "far"
    """More than one of its dealers is outside the choice: a draw changes one place."""
    outside = "outside"
    """Its dealer is not among those that could be drawn."""
    unknown = "unknown"
    """The record does not tell what else could have been asked."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How a desk is set, and which rounds are judged. `most` is how many a policy may ask (None: as the desk did)."""

    parameters: Parameters = field(default_factory=Parameters)
    estimates: EstimateParameters = field(default_factory=EstimateParameters)
    leak: LeakParameters = field(default_factory=LeakParameters)
    stats: StatsParameters = field(default_factory=StatsParameters)
    begin_ns: int | None = None
    end_ns: int | None = None
    most: int | None = None
    seed: int = 1


@dataclass(slots=True)
class Rows:
    """One policy, a value a round."""

    panels: list[frozenset[str]] = field(default_factory=list)
    expected: list[Outcome] = field(default_factory=list)
    seen: list[Outcome | None] = field(default_factory=list)
    p: list[float] = field(default_factory=list)
    possible: list[bool] = field(default_factory=list)
    why: list[Unsupported | None] = field(default_factory=list)

    def scored(self) -> Scored:
        nothing = Outcome(math.nan, math.nan)
        seen = [each if each is not None else nothing for each in self.seen]
        return Scored(
            np.array([each.price_bps for each in self.expected], dtype=np.float64),
            np.array([each.unfilled for each in self.expected], dtype=np.float64),
            np.array([each.price_bps for each in seen], dtype=np.float64),
            np.array([each.unfilled for each in seen], dtype=np.float64),
            np.array(self.p, dtype=np.float64),
            np.array(self.possible, dtype=np.bool_),
        )

    def refuse(self, why: Unsupported) -> None:
        """Count the last round as one in which no draw is known to have been able to ask the panel."""
        self.possible[-1], self.why[-1] = False, why

    def extend(self, other: Rows) -> None:
        self.panels += other.panels
        self.expected += other.expected
        self.seen += other.seen
        self.p += other.p
        self.possible += other.possible
        self.why += other.why


@dataclass(slots=True)
class Gathered:
    """All that is made of a record: a value for each judged round, and of each policy its rows, by name."""

    policies: dict[str, Rows]
    logged: Rows = field(default_factory=Rows)
    days: list[int] = field(default_factory=list)
    c_fails: list[float] = field(default_factory=list)
    drawn: list[bool] = field(default_factory=list)
    """Had chance a part?"""
    choice_known: list[bool] = field(default_factory=list)
    """Is it known what the desk would have asked without a draw?"""
    leaks: list[dict[str, Leak]] = field(default_factory=list)
    """By dealer, of all whom any policy asks."""
    left: Counter[Left] = field(default_factory=Counter)
    told: int = 0
    imported: int = 0
    nobody_took: int = 0
    refused: list[str] = field(default_factory=list)
    """Of each file with rows that cannot be used, how many and why the first of them."""

    def beside(self, other: Gathered) -> None:
        """Take in other policies on the same rounds."""
        assert self.days == other.days
        self.policies |= other.policies
        for mine, its in zip(self.leaks, other.leaks, strict=True):
            mine.update(its)

    def behind(self, other: Gathered) -> None:
        """Take in the same policies on the record of another desk."""
        assert self.policies.keys() == other.policies.keys()
        for name, rows in self.policies.items():
            rows.extend(other.policies[name])
        self.logged.extend(other.logged)
        self.days += other.days
        self.c_fails += other.c_fails
        self.drawn += other.drawn
        self.choice_known += other.choice_known
        self.leaks += other.leaks
        self.left += other.left
        self.told += other.told
        self.imported += other.imported
        self.nobody_took += other.nobody_took
        self.refused += other.refused


class _Slope:
    """What edges change by per ln(how many are asked): a ridge regression of what quotes so far were off by."""

    _PRIOR_SD_BPS: Final = 2.0

    def __init__(self) -> None:
        self._count = self._x = self._y = self._xx = self._xy = self._yy = 0.0

    def saw(self, x: float, off_bps: float) -> None:
        self._count += 1
        self._x += x
        self._y += off_bps
        self._xx += x * x
        self._xy += x * off_bps
        self._yy += off_bps * off_bps

    @property
    def value(self) -> float:
        if self._count < 2:
            return 0.0
        sxx = self._xx - self._x * self._x / self._count
        sxy = self._xy - self._x * self._y / self._count
        variance = max(1e-9, self._yy / self._count - (self._y / self._count) ** 2)
        return sxy / (sxx + variance / self._PRIOR_SD_BPS**2)


def gathered(
    rounds: Iterable[RoundTold],
    choices: Choices,
    contenders: Sequence[Contender],
    settings: Settings,
    progress: Callable[[int], None] = lambda done: None,
) -> Gathered:
    """What these would have asked in each round. `progress` is told of the rounds that were read."""
    walk = _Walk(choices, contenders, settings)
    for done, told in enumerate(rounds, 1):
        walk.pass_by(told)
        progress(done)
    return walk.found


class _Walk:
    """From round to round, with what was known before each."""

    def __init__(self, choices: Choices, contenders: Sequence[Contender], settings: Settings) -> None:
        p = settings.parameters
        self._choices, self._settings = choices, settings
        self._contenders = {each.name: each for each in contenders}.values()  # Of one name they are one.
        self._known = Knowledge(settings.estimates, settings.leak, settings.stats, p.c_fail_bps)
        self._slope = _Slope()
        self.found = Gathered({each.name: Rows() for each in contenders})

    def pass_by(self, told: RoundTold) -> None:
        seen, settings = told.seen, self._settings
        self._known.until(seen.sent_ns)
        begins = settings.begin_ns is None or seen.sent_ns >= settings.begin_ns
        if begins and (settings.end_ns is None or seen.sent_ns < settings.end_ns):
            self.found.told += 1
            tried = self._known.tried(seen.bond.asset_class, seen.sent_ns - KNOWN_DAYS * NS_PER_DAY)
            choice = self._choices.of(seen, tried)
            why = _left_out(seen, choice)
            if why is not None:
                self.found.left[why] += 1
            else:
                self._judge(seen, choice)
        self._known.add(told)

    def _judge(self, seen: RoundSeen, choice: Choice) -> None:
        known, settings, found = self._known, self._settings, self.found
        request = _request(seen)
        sent = frozenset(ask.dealer for ask in seen.asks)
        names = sorted({*choice.candidates, *sent})
        known.meet(names)
        records = known.records(seen)
        model = modelled(request, names, records, settings.parameters)
        outlooks = {each.dealer: each for each in model.outlooks}
        most = choice.most if settings.most is None else settings.most
        key = f"{seen.source}|{seen.rfq_id}|{seen.round}"
        question = Question(key, request, choice.candidates, min(most, len(choice.candidates)))
        chosen = choice.draws.chosen
        whole = choice.is_kept or choice.draws.is_whole
        for contender in self._contenders:
            panel = frozenset(panel_of(contender, question, records, settings.parameters))
            self._add(found.policies[contender.name], seen, panel, choice.draws, model, outlooks)
            if not whole:
                # That it was asked tells by chance alone what could have been: counting those rounds would pick them.
                found.policies[contender.name].refuse(Unsupported.unknown)
        self._add(found.logged, seen, chosen, choice.draws, model, outlooks)
        if not whole:
            # Of a drawn panel of which the choice is not known: what was asked stands for the desk, as it came.
            found.logged.p[-1], found.logged.possible[-1], found.logged.why[-1] = 1.0, True, None
        found.days.append(utc_day(seen.sent_ns))
        found.c_fails.append(model.stakes.c_fail_bps)
        found.drawn.append(not choice.draws.is_fixed)
        found.choice_known.append(whole)
        found.imported += not choice.is_kept
        found.nobody_took += nobody_took(seen)
        members = chosen.union(*(rows.panels[-1] for rows in found.policies.values()))
        rho = model.stakes.rho
        found.leaks.append({name: _leak(outlooks[name], rho) for name in members})
        self._hear(seen, outlooks)

    def _add(
        self,
        rows: Rows,
        seen: RoundSeen,
        panel: frozenset[str],
        draws: Draws,
        model: Model,
        outlooks: dict[str, Outlook],
    ) -> None:
        c_fail = model.stakes.c_fail_bps
        rows.panels.append(panel)
        rows.expected.append(expected(model, [at for at, each in enumerate(model.outlooks) if each.dealer in panel]))
        held = panel <= draws.sent
        rows.seen.append(replayed(seen, panel, outlooks, c_fail, self._slope.value) if held else None)
        rows.p.append(draws.p_holding(panel))
        rows.possible.append(draws.supports(panel))
        rows.why.append(None if rows.possible[-1] else _unsupported(panel, draws))

    def _hear(self, seen: RoundSeen, outlooks: dict[str, Outlook]) -> None:
        """What edges were off by becomes known when the round is over."""
        asked = math.log(max(1, seen.n_asked))
        off = [
            ask.edge_bps - outlooks[ask.dealer].e.value
            for ask in seen.asks
            if ask.edge_bps is not None and ask.dealer in outlooks
        ]

        def learn() -> None:
            for each in off:
                self._slope.saw(asked, each)

        self._known.later(seen, learn)


def _left_out(seen: RoundSeen, choice: Choice) -> Left | None:
    if choice.is_protected:
        return Left.protected
    if any(ask.chosen_by is ChosenBy.trader for ask in seen.asks):
        return Left.by_trader
    if not seen.is_drawn:
        return Left.changed
    if seen.protocol is Protocol.sequence:
        return Left.one_by_one
    if seen.n_asked != len(seen.asks) or choice.draws.sent != {ask.dealer for ask in seen.asks}:
        return Left.incomplete
    if _mark_sent(seen) is None:
        return Left.no_mark
    return Left.unmarked_quote if has_unmarked_quote(seen) else None


def _unsupported(panel: frozenset[str], draws: Draws) -> Unsupported:
    if draws.is_fixed:
        return Unsupported.fixed
    if not draws.is_whole:
        return Unsupported.unknown
    return Unsupported.far if len(panel - draws.chosen) > 1 else Unsupported.outside


def _request(seen: RoundSeen) -> Request:
    """As the desk asked it. What is left of the parent is not said: the record knows it as it was afterwards."""
    mark = _mark_sent(seen)
    limit, edge = seen.limit_price, None
    if limit is not None and mark is not None:
        edge = quote_edge_bps(seen.side.sign, limit, mark.price)
    waits = [ask.deadline_ns - ask.sent_ns for ask in seen.asks if ask.deadline_ns is not None]
    return Request(
        segment_of_key(seen.segment),
        seen.bond.asset_class,
        seen.sent_ns,
        quantity=seen.quantity,
        wait_s=max(waits) / NS_PER_S if waits else USUAL_WAIT_S,
        limit_edge_bps=edge,
        mark=mark,
        worth=seen.worth,
    )


def _mark_sent(seen: RoundSeen) -> MarkUsed | None:
    """The mark when the first of them was asked."""
    first = min(seen.asks, key=lambda ask: ask.sent_ns, default=None)
    return first.mark_sent if first is not None else None


def _leak(outlook: Outlook, rho: float) -> Leak:
    bps = max(0.0, outlook.leak_in.value + rho * outlook.leak_post.value)
    return bps, math.hypot(outlook.leak_in.sd, rho * outlook.leak_post.sd), outlook.leak_identified
