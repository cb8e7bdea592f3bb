"""The value of other policies, from a desk's own record: each round decided again by what was known when it was sent.

    valued(past.rounds(), choices, contenders, settings) -> Valuation

Every round is learnt from, those of the period are judged too. A policy's panel is held against the desk's own choice
(before any draw), or against another policy's. Its leak is told apart: what asking it is expected to move, by the
estimates of then.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

import numpy as np

from engine.clock import NS_PER_DAY, NS_PER_S, utc_day
from engine.dealers.estimates import EstimateParameters
from engine.dealers.leak import LeakParameters
from engine.dealers.outlook import Identified, Outlook
from engine.dealers.segments import segment_of_key
from engine.dealers.stats import StatsParameters
from engine.domain.observation import Protocol, RoundSeen, RoundTold
from engine.domain.order import MarkUsed
from engine.market.tca import quote_edge_bps
from engine.research.choices import Choice, Choices
from engine.research.contenders import Contender, Question, panel_of
from engine.research.draws import Draws
from engine.research.knowledge import Knowledge
from engine.research.off_policy import Compared, Scored, compare
from engine.research.outcomes import Outcome, expected, has_unmarked_quote, nobody_took, replayed
from engine.selection.model import Model, modelled
from engine.selection.request import Parameters, Request

LOGGED: Final = "logged"
"""The desk's own choice, as the record has it."""
KNOWN_DAYS: Final = 365
"""A dealer that was not asked for longer is no candidate of a round that others tell of."""
_WAIT_S: Final = 60.0
_Z95: Final = 1.959964


class Left(StrEnum):
    """Why a round is not judged."""

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


@dataclass(frozen=True, slots=True)
class Leaking:
    """By how much one policy's panels leak more than another's, a round: by the estimates, with their errors."""

    bps: float
    low: float
    high: float
    identified: Identified


@dataclass(frozen=True, slots=True)
class Beside:
    """One policy beside another."""

    policy: str
    against: str
    compared: Compared
    leak: Leaking
    asked: float
    asked_against: float
    unsupported: dict[Unsupported, int]
    ess_a_round: float
    """What one round adds to the effective sample, on average, by the chances that the draws gave."""


@dataclass(frozen=True, slots=True)
class Valuation:
    """What a record says of policies. `told` rounds were of the period, `judged` of them could be used."""

    policies: tuple[Beside, ...]
    told: int
    judged: int
    imported: int
    """Judged rounds of which the record keeps no choice."""
    drawn: int
    """Judged rounds in which chance had a part."""
    left: dict[Left, int]
    nobody_took: int
    c_fail_bps: float
    first_day: int | None
    last_day: int | None


@dataclass(slots=True)
class _Rows:
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


@dataclass(slots=True)
class _LeakDifference:
    """By dealer, how often it is asked more, and with which leak."""

    rounds: int = 0
    by_dealer: dict[str, list[float]] = field(default_factory=dict)
    identified: dict[str, Identified] = field(default_factory=dict)
    """By dealer, as it was last."""

    def add(self, more: Iterable[str], fewer: Iterable[str], leaks: dict[str, tuple[float, float, Identified]]) -> None:
        self.rounds += 1
        for sign, names in ((1.0, more), (-1.0, fewer)):
            for name in names:
                value, sd, identified = leaks[name]
                sums = self.by_dealer.setdefault(name, [0.0, 0.0])
                sums[0] += sign * value
                sums[1] += sign * sd
                self.identified[name] = identified

    def told(self) -> Leaking:
        rounds = max(1, self.rounds)
        # A dealer's estimate is off by the same in all its rounds: its errors add up, those of dealers do not.
        bps = sum(value for value, _ in self.by_dealer.values()) / rounds
        se = math.sqrt(sum((sd / rounds) ** 2 for _, sd in self.by_dealer.values()))
        least = min(self.identified.values(), key=_ORDER.index, default=Identified.level)
        return Leaking(bps, bps - _Z95 * se, bps + _Z95 * se, least)


_ORDER: Final = (Identified.none, Identified.relative, Identified.level)


def valued(
    rounds: Iterable[RoundTold],
    choices: Choices,
    contenders: Sequence[Contender],
    settings: Settings,
    against: Contender | None = None,
    progress: Callable[[int], None] = lambda done: None,
) -> Valuation:
    """What each of these would have cost beside `against` (None: beside the desk's own choice).

    `progress` is told of the rounds that were read.
    """
    walk = _Walk(choices, [*contenders, *([against] if against is not None else [])], settings)
    for done, told in enumerate(rounds, 1):
        walk.pass_by(told)
        progress(done)
    return walk.found(len(contenders))


class _Walk:
    """From round to round, with what was known before each."""

    def __init__(self, choices: Choices, contenders: Sequence[Contender], settings: Settings) -> None:
        p = settings.parameters
        self._choices, self._contenders, self._settings = choices, contenders, settings
        self._known = Knowledge(settings.estimates, settings.leak, settings.stats, p.c_fail_bps)
        self._logged = _Rows()
        self._rows = [_Rows() for _ in contenders]
        self._slope = _Slope()
        self._left: Counter[Left] = Counter()
        self._days: list[int] = []
        self._c_fails: list[float] = []
        self._drawn: list[bool] = []
        self._is_own_draw: list[bool] = []
        self._leaks: list[dict[str, tuple[float, float, Identified]]] = []
        self._told = self._imported = self._nobody_took = 0

    def pass_by(self, told: RoundTold) -> None:
        seen, settings = told.seen, self._settings
        self._known.until(seen.sent_ns)
        begins = settings.begin_ns is None or seen.sent_ns >= settings.begin_ns
        if begins and (settings.end_ns is None or seen.sent_ns < settings.end_ns):
            self._told += 1
            tried = self._known.tried(seen.bond.asset_class, seen.sent_ns - KNOWN_DAYS * NS_PER_DAY)
            choice = self._choices.of(seen, tried)
            why = _left_out(seen, choice)
            if why is not None:
                self._left[why] += 1
            else:
                self._judge(seen, choice)
        self._known.add(told)

    def _judge(self, seen: RoundSeen, choice: Choice) -> None:
        known, settings = self._known, self._settings
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
        for contender, rows in zip(self._contenders, self._rows, strict=True):
            panel = frozenset(panel_of(contender, question, records, settings.parameters))
            self._add(rows, seen, panel, choice.draws, model, outlooks)
        self._add(self._logged, seen, chosen, choice.draws, model, outlooks)
        if not whole:
            # Of a drawn panel of which the choice is not known: what was asked stands for the desk, as it came.
            self._logged.p[-1], self._logged.possible[-1], self._logged.why[-1] = 1.0, True, None
        self._days.append(utc_day(seen.sent_ns))
        self._c_fails.append(model.stakes.c_fail_bps)
        self._drawn.append(not choice.draws.is_fixed)
        self._is_own_draw.append(whole)
        self._imported += not choice.is_kept
        self._nobody_took += nobody_took(seen)
        members = chosen.union(*(rows.panels[-1] for rows in self._rows))
        rho = model.stakes.rho
        self._leaks.append({name: _leak(outlooks[name], rho) for name in members})
        self._hear(seen, outlooks)

    def _add(
        self,
        rows: _Rows,
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

    # --- what it comes to --------------------------------------------------------------------------

    def found(self, policies: int) -> Valuation:
        other = self._logged if len(self._rows) == policies else self._rows[policies]
        name = LOGGED if other is self._logged else self._contenders[policies].name
        pairs = zip(self._contenders, self._rows[:policies], strict=False)
        besides = tuple(self._beside(contender.name, rows, name, other) for contender, rows in pairs)
        return Valuation(
            policies=besides,
            told=self._told,
            judged=len(self._days),
            imported=self._imported,
            drawn=sum(self._drawn),
            left=dict(self._left),
            nobody_took=self._nobody_took,
            c_fail_bps=float(np.mean(self._c_fails)) if self._c_fails else math.nan,
            first_day=min(self._days, default=None),
            last_day=max(self._days, default=None),
        )

    def _beside(self, name: str, rows: _Rows, against: str, other: _Rows) -> Beside:
        is_logged = other is self._logged
        same = [
            mine == its and (not is_logged or own)
            for mine, its, own in zip(rows.panels, other.panels, self._is_own_draw, strict=True)
        ]
        compared = compare(
            rows.scored(),
            other.scored(),
            np.array(same, dtype=np.bool_),
            np.array(self._drawn, dtype=np.bool_),
            np.array(self._days, dtype=np.int64),
            np.array(self._c_fails, dtype=np.float64),
            self._settings.seed,
        )
        leaking = _LeakDifference()
        for mine, its, leaks in zip(rows.panels, other.panels, self._leaks, strict=True):
            leaking.add(sorted(mine - its), sorted(its - mine), leaks)
        whys: Counter[Unsupported] = Counter()
        for at, is_same in enumerate(same):
            why = rows.why[at] or other.why[at]
            if not is_same and why is not None:
                whys[why] += 1
        return Beside(
            policy=name,
            against=against,
            compared=compared,
            leak=leaking.told(),
            asked=_mean_size(rows.panels),
            asked_against=_mean_size(other.panels),
            unsupported=dict(whys),
            ess_a_round=min(_ess_expected(rows, same), _ess_expected(other, same)) / max(1, len(same)),
        )


def _ess_expected(rows: _Rows, same: Sequence[bool]) -> float:
    """The effective sample of the rounds in which policies differ, before anything was drawn: each weight is 1 / p."""
    inverse = [
        1 / p for p, could, is_same in zip(rows.p, rows.possible, same, strict=True) if could and p and not is_same
    ]
    return len(inverse) ** 2 / sum(inverse) if inverse else 0.0


def _mean_size(panels: Sequence[frozenset[str]]) -> float:
    return sum(map(len, panels)) / len(panels) if panels else 0.0


def _left_out(seen: RoundSeen, choice: Choice) -> Left | None:
    if choice.is_protected:
        return Left.protected
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
        wait_s=max(waits) / NS_PER_S if waits else _WAIT_S,
        limit_edge_bps=edge,
        mark=mark,
        worth=seen.worth,
    )


def _mark_sent(seen: RoundSeen) -> MarkUsed | None:
    """The mark when the first of them was asked."""
    first = min(seen.asks, key=lambda ask: ask.sent_ns, default=None)
    return first.mark_sent if first is not None else None


def _leak(outlook: Outlook, rho: float) -> tuple[float, float, Identified]:
    bps = max(0.0, outlook.leak_in.value + rho * outlook.leak_post.value)
    return bps, math.hypot(outlook.leak_in.sd, rho * outlook.leak_post.sd), outlook.leak_identified
