"""The measurements of decision quality: small worlds in which the answer is known, each with its bar.

They go through the engine's choice and its statistics alone, with the seeds, noise and counts that the bars name.
"""

from __future__ import annotations

import math
import random
import statistics
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Final

from worlds import street as market
from worlds.world import DAY_S

from engine.dealers.drift import Drift, Drifting
from engine.dealers.estimates import Estimates
from engine.dealers.stats import DealerStats
from engine.domain.leak import LeakTable
from engine.domain.observation import MarkAfter, RoundSeen
from engine.rules.plan import AskTop, Ranking
from engine.selection.candidates import Candidates
from engine.selection.choose import choose
from engine.selection.ranking import Rankings
from engine.selection.request import Exploring, Parameters, Records, Request
from engine.selection.wanted import RulePlan
from judging.crowd import PRINTS, STALE, Crowd
from judging.leaks import LeakBook
from judging.little import ORDERS_A_DAY, Habit, Little
from judging.policies import Deaf, EnginesOwn, Manner, unlimited
from judging.sight import Asking, Panel, at_ns, plain
from judging.table import interval

Measurement = Callable[[int | None], Iterator["Line"]]
"""Given how many seeds (None: as many as the bar asks for)."""


@dataclass(frozen=True, slots=True)
class Line:
    """One number against its bar: met within `low` and `high`."""

    what: str
    measured: float
    low: float
    high: float
    counted: str
    """What it is a mean of."""

    @property
    def met(self) -> bool:
        return self.low <= self.measured <= self.high

    def __str__(self) -> str:
        low, high = self.low, self.high
        bar = f">= {low:g}" if high == INFINITE else f"<= {high:g}" if low == -INFINITE else f"{low:g} to {high:g}"
        return f"{self.what:<62}{self.measured:>9.3f}  {bar:<14}{'met' if self.met else 'NOT MET':<9}{self.counted}"


INFINITE: Final = float("inf")


# --- discovery -----------------------------------------------------------------------------------

GOOD: Final = (2.0, 3.0)


def discovery(seeds: int | None) -> Iterator[Line]:
    """Five dealers 40, 45, 50, 2 and 3 bps from fair; which of them would be asked, but for draws of exploration."""
    distances = (40.0, 45.0, 50.0, *GOOD)
    count = seeds or 200
    for scorer, first, low in (("classic", 21, 0.80), ("model", 26, 0.90)):
        found = [_found(seed, distances, scorer, first, 40) for seed in range(1, count + 1)]
        yield Line(
            f"discovery, 5 dealers, {scorer}: both good ones asked, orders {first}-40",
            statistics.fmean(found),
            low,
            INFINITE,
            f"{count} seeds",
        )


def discovery_among_many(seeds: int | None) -> Iterator[Line]:
    """Fifty dealers, two of them good."""
    count = seeds or 40
    found = []
    for seed in range(1, count + 1):
        chance = random.Random(f"distances {seed}")
        distances = [40.0 + 10.0 * chance.random() for _ in range(48)]
        for good in GOOD:
            distances.insert(chance.randrange(len(distances) + 1), good)
        found.append(_found(seed, distances, "model", 481, 500))
    yield Line(
        "discovery, 50 dealers, model: both good ones asked, orders 481-500",
        statistics.fmean(found),
        0.90,
        INFINITE,
        f"{count} seeds",
    )


def _found(seed: int, distances: Sequence[float], scorer: str, first: int, last: int) -> float:
    """The share of orders from `first` to `last` in whose panel, before any draw, both good dealers are."""
    little = Little(seed, distances, noise_bps=3.0)
    good = {name for name, distance in zip(little.dealers, distances, strict=True) if distance in GOOD}
    policy = EnginesOwn(little.dealers, Manner(scorer, exploring=Exploring()), str(seed))
    both = 0
    for order in range(1, last + 1):
        panel, _ = little.trade(policy, order)
        both += order >= first and good <= set(panel.base)
    return both / (last - first + 1)


# --- whose leak it is ----------------------------------------------------------------------------

LEAK_BPS: Final = 10.0
_VICTIMS_NOISE_BPS: Final = 8.0


def _victims_habits(order: int) -> list[Habit]:
    """The first is honest and mostly wins; the third never wins, and whenever it is asked the mid moves."""
    others = [Habit(8.0) for _ in range(2)]
    return [Habit(2.0), Habit(8.0), Habit(40.0, moves_bps=LEAK_BPS), *others]


def victim(seeds: int | None) -> Iterator[Line]:
    """Panels of three of five: who leaked must be on top, and the winner must not be blamed."""
    count = seeds or 200
    found = [_blamed(seed, _Drawn(seed), 150) for seed in range(1, count + 1)]
    yield from _victim_lines("random panels, 150 rounds", found, 0.95, 0.90)
    found = []
    bases = list(combinations(range(5), 3))
    for seed in range(1, max(1, count // len(bases)) + 1):
        found += [_blamed(seed, _Kept(seed, base), 300) for base in bases]
    yield from _victim_lines("exploration as shipped, 300 rounds, every base", found, 0.95, 0.85)


def _victim_lines(what: str, found: Sequence[tuple[bool, bool]], top: float, free: float) -> Iterator[Line]:
    counted = f"{len(found)} runs"
    yield Line(f"victim, {what}: the leaker on top", _share(on for on, _ in found), top, INFINITE, counted)
    yield Line(f"victim, {what}: the winner within 2 se of 0", _share(on for _, on in found), free, INFINITE, counted)


def _share(which: Iterable[bool]) -> float:
    return statistics.fmean(float(each) for each in which)


def _blamed(seed: int, policy: _Drawn | _Kept, rounds: int) -> tuple[bool, bool]:
    """(the leaker's estimate is the largest, the winner's is within two standard errors of nothing)"""
    little = Little(seed, noise_bps=3.0, drift_sd_bps=_VICTIMS_NOISE_BPS, habits=_victims_habits)
    for order in range(1, rounds + 1):
        little.trade(policy, order)
    table = policy.leaks.table(at_ns((rounds + 20) * DAY_S / ORDERS_A_DAY))
    post = {each.dealer: each.leak for each in table.leak_post.dealers}
    winner = post[little.dealers[0]]
    return max(post, key=lambda name: post[name].value) == little.dealers[2], abs(winner.value) <= 2 * winner.sd


class _Drawn(Deaf):
    """Three of five, each panel as likely as another."""

    def __init__(self, seed: int) -> None:
        self.leaks = LeakBook()
        self._chance = random.Random(f"panels {seed}")

    def choose(self, asking: Asking) -> Panel:
        return plain(sorted(self._chance.sample(asking.dealers, 3)))

    def saw(self, asking: Asking, seen: RoundSeen, closed: market.Round | None) -> None:
        self.leaks.saw(seen)

    def marked(self, seen: RoundSeen, after: MarkAfter) -> None:
        self.leaks.marked(seen, after)


class _Kept(_Drawn):
    """The same three by `classic` each time, since they have traded before and nobody else has; draws as shipped."""

    def __init__(self, seed: int, base: Sequence[int]) -> None:
        super().__init__(seed)
        self._luck = f"kept {seed} {base}"
        self._stats = DealerStats()
        self._base = [f"d{at:02d}" for at in base]
        self._records: Records | None = None

    def choose(self, asking: Asking) -> Panel:
        if self._records is None:
            for name in self._base:
                for _ in range(20):
                    self._stats.asked(name, asking.segment, asking.at_ns)
                    self._stats.answered(name, asking.segment, asking.at_ns, 5.0, True, -2.0)
                    self._stats.traded(name, asking.segment, asking.at_ns, -2.0)
            self._records = Records(Rankings(self._stats, asking.dealers))
        request = Request(asking.segment, asking.bond.asset_class, asking.at_ns, quantity=asking.quantity)
        plan = RulePlan(Ranking(), AskTop(3), frozenset(), unlimited(3))
        parameters = Parameters(exploring=Exploring())
        entropy = f"{self._luck} {asking.key}".encode()
        found = choose(request, plan, Candidates(asking.dealers, ()), self._records, parameters, entropy)
        assert set(found.chosen) == set(self._base)
        if found.explored:
            self._stats.asked(found.explored, asking.segment, asking.at_ns)  # Tried, and not traded with.
        return Panel(found.asked, {}, found.chosen)


# --- where nobody leaks --------------------------------------------------------------------------


def nobody_leaks(seeds: int | None) -> Iterator[Line]:
    """Fifty dealers, a stale quoter, an honest winner whose prints move the mid, rounds that overlap."""
    count, rounds = seeds or 60, 1_000
    tables = [_of_crowd(seed, rounds) for seed in range(1, count + 1)]
    for which, outcomes in (("l_in", [t.leak_in for t in tables]), ("l_post", [t.leak_post for t in tables])):
        found = [each for outcome in outcomes for each in outcome.dealers]
        counted = f"{len(found)} estimates, {count} seeds of {rounds} rounds"
        mean = statistics.fmean(each.leak.value for each in found)
        yield Line(f"nobody leaks: mean {which}, bps", mean, -0.1, 0.1, counted)
        far = _share(abs(each.leak.value) > 2 * each.se_bps for each in found)
        yield Line(f"nobody leaks: share of {which} with |z| > 2", far, 0.03, 0.08, counted)
        for what, name in (("the stale quoter's", STALE), ("the printed winner's", PRINTS)):
            own = [each for each in found if each.dealer == name]
            # Of one seed nobody can tell what it scatters by.
            error = (
                statistics.stdev(each.leak.value for each in own) / math.sqrt(len(own)) if len(own) > 1 else math.inf
            )
            mean = statistics.fmean(each.leak.value for each in own)
            yield Line(f"nobody leaks: {what} {which}, bps", mean, -2 * error - 0.1, 2 * error + 0.1, counted)


def _of_crowd(seed: int, rounds: int) -> LeakTable:
    crowd, book = Crowd(seed, rounds), LeakBook()
    for seen, after in crowd.events():
        if after is None:
            book.saw(seen)
        else:
            book.marked(seen, after)
    return book.table(at_ns(crowd.ends_s + DAY_S))


# --- what the chosen panels were expected to cost ------------------------------------------------


def expected_cost(seeds: int | None) -> Iterator[Line]:
    """Twenty dealers who differ in price and in how often they answer: whom the model chooses, it has reason to like.

    The cost of a round against the mark, at `c_fail` where nobody quotes, less what was expected of it, once the
    dealers are known; 95 % of intervals by seed hold 0 if expectations are right.
    """
    count = seeds or 40
    found = [_surprise(seed, 150, 350) for seed in range(1, count + 1)]
    mean, low, high = interval(found)
    half = max(mean - low, high - mean)
    counted = f"{count} seeds, orders 151-350; zero has to be within {half:.3f} of it"
    yield Line("realised less expected cost of the model's panels, bps", mean, -half, half, counted)


def _surprise(seed: int, after: int, last: int) -> float:
    chance = random.Random(f"twenty {seed}")
    habits = [Habit(chance.uniform(4.0, 16.0), answers=chance.uniform(0.3, 0.95)) for _ in range(20)]
    little = Little(seed, noise_bps=4.0, habits=lambda order: habits)
    policy = EnginesOwn(little.dealers, Manner("model", counts=True, exploring=Exploring()), str(seed))
    surprises = []
    for order in range(1, last + 1):
        panel, seen = little.trade(policy, order)
        if order <= after or panel.expects_bps is None:
            continue
        edges = [ask.edge_bps for ask in seen.asks if ask.filled and ask.edge_bps is not None]
        surprises.append((-edges[0] if edges else panel.c_fail_bps) - panel.expects_bps)
    return statistics.fmean(surprises)


# --- drift ---------------------------------------------------------------------------------------

_RECORD: Final = 200
"""Asks of a dealer before it changes."""


def drift(seeds: int | None) -> Iterator[Line]:
    """A dealer answers half as often as it did: it is to be said within so many asks, and seldom of anybody else."""
    count = seeds or 200
    for rate, within in ((0.75, 30), (0.5, 60), (0.3, 120)):
        found = [_is_said(seed, rate, within) for seed in range(1, count + 1)]
        what = f"drift from q = {rate:g}: said within {within} asks"
        yield Line(what, _share(found), 0.90, INFINITE, f"{count} seeds")
    quarters = max(1, count // 10)
    false = [_false_alarms(seed) for seed in range(1, quarters + 1)]
    what = "false alarms a quarter, 50 dealers, all measures"
    yield Line(what, statistics.fmean(false), 0.0, math.nextafter(1.0, 0.0), f"{4 * quarters} quarters")


class _Watcher(Deaf):
    """Asks the first dealer and three others, or any four, and hears what the estimates say of drift."""

    def __init__(self, seed: int, *, first: bool) -> None:
        self.said: list[Drift] = []
        self._estimates = Estimates()
        self._chance = random.Random(f"watched {seed}")
        self._first = first

    def choose(self, asking: Asking) -> Panel:
        one, *others = asking.dealers
        return plain([one, *self._chance.sample(others, 3)] if self._first else self._chance.sample(asking.dealers, 4))

    def saw(self, asking: Asking, seen: RoundSeen, closed: market.Round | None) -> None:
        self.said += self._estimates.drifts(seen)
        self._estimates.learn(seen)

    def day_ends(self, now_ns: int) -> None:
        self._estimates.daily(now_ns)


def _is_said(seed: int, rate: float, within: int) -> bool:
    others = _usual(seed, 10)

    def habits(order: int) -> list[Habit]:
        return [Habit(6.0, answers=rate if order <= _RECORD else rate / 2), *others]

    little, watcher = Little(seed, noise_bps=4.0, habits=habits), _Watcher(seed, first=True)
    for order in range(1, _RECORD + within + 1):
        little.trade(watcher, order)
        if order == _RECORD:
            watcher.said.clear()
        elif order > _RECORD and any(each.dealer == little.dealers[0] for each in watcher.said):
            return any(each.measure is Drifting.response for each in watcher.said)
    return False


def _false_alarms(seed: int) -> float:
    """A quarter, of a year in which nothing changes, after a quarter in which records begin."""
    usual = _usual(seed, 50)
    little, watcher = Little(seed, noise_bps=4.0, habits=lambda order: usual), _Watcher(seed, first=False)
    quarter = 63 * ORDERS_A_DAY
    for order in range(1, 5 * quarter + 1):
        little.trade(watcher, order)
        if order == quarter:
            watcher.said.clear()
    return len(watcher.said) / 4


def _usual(seed: int, count: int) -> list[Habit]:
    chance = random.Random(f"usual {seed}")
    return [Habit(chance.uniform(4.0, 10.0), answers=chance.betavariate(6.0, 3.0)) for _ in range(count)]


MEASUREMENTS: Final[Mapping[str, Measurement]] = {
    "discovery": discovery,
    "discovery-50": discovery_among_many,
    "victim": victim,
    "nobody-leaks": nobody_leaks,
    "expected-cost": expected_cost,
    "drift": drift,
}
