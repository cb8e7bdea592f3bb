"""What one dealer promises for one order, as the plain numbers that panel and sequence compute with.

Everything is in bps of the mark. A quote's *edge* is how much better than the mark it is. What a quote is worth beside
not trading is its edge plus what not trading costs (`c_fail_bps`). An accepted quote may be refused at last look; the
market has moved by then, and the next quote is tried. A quote's *net edge* is its edge less what its refusals cost a
fill: edge - move x (1 - f) / f. Quotes are worth trying in falling net edge: swapping two neighbours shows that any
other order is worth less.

The mark's own error, what a round does to all quotes in it, and the error of the level of all edges are the same for
all dealers of a round: that moves no dealer ahead of another, and a quote is worth no more for it. What scatters is the
dealer's effect, as far as it is not known, and its own noise. But a limit is a price: whether quotes keep within it
hangs on what they share as well. So where a limit is near, what is computed is the mean over a few cases of that
(`SHARED`): in each, every quote has to be so much better to keep within it, or may be so much worse.
 The size quoted counts as the whole
order and an earlier quote as gone, as long as a desk can use neither part of a size nor an earlier quote.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from engine.dealers.outlook import Outlook
from engine.selection.student import Student, student

_FIRM_MIN: Final = 1e-3
"""A dealer that never fills is worth nothing; this keeps its net edge a number."""


def _normal(count: int, apart: float) -> tuple[tuple[float, float], ...]:
    """A normal law as so many cases of the same distance, of mean 0 and variance 1: the trapezoidal rule."""
    found = [(at - count // 2) * apart for at in range(count)]
    weights = [math.exp(-at * at / 2) for at in found]
    whole = sum(weights)
    sd = math.sqrt(sum(weight * at * at for at, weight in zip(found, weights, strict=True)) / whole)
    return tuple([(at / sd, weight / whole) for at, weight in zip(found, weights, strict=True)])


SHARED: Final = _normal(7, 0.9)
"""What quotes of a round share: cases in standard deviations, and their weights. A chance is right to 0.2 % where
what is shared scatters twice as much as the best of the quotes, to 1 % at three times, to 5 % at six times."""

_ALONE: Final = ((0.0, 1.0),)
"""Nothing that is shared matters."""

_NEAR_SDS: Final = 4.0
"""A limit so far below a dealer's quotes, and below what is shared, is none."""

_SD_MIN_BPS: Final = 0.05
_P_EDGE: Final = 1e-6
"""A chance is kept this far from 0 and 1 where its logit is taken."""


@dataclass(frozen=True, slots=True)
class Stakes:
    """What is at stake besides the dealers: the same for all of them.

    `c_fail_bps` is what not trading costs. A leak costs `aversion` x (what it moves until the decision, on the whole
    size, + `rho` x what it moves later, on what is then left). `limit_edge_bps` is the edge of a quote just at the
    order's limit: a worse one counts as none; None where the order has no limit or the bond no mark, which is off by
    `mark_sd_bps`. A second of waiting costs `wait_bps_per_s`; a dealer is given `wait_s`. `recall` is the chance that a
    quote still lives after another dealer was waited for. A dealer with whom we trade less than the share
    `trade_share_min` of what we ask it for minds being asked: that counts up to `trade_share_bps`, if we never trade
    with it.
    """

    c_fail_bps: float
    aversion: float = 1.0
    rho: float = 0.5
    limit_edge_bps: float | None = None
    wait_bps_per_s: float = 0.0
    wait_s: float = 60.0
    recall: float = 0.0
    trade_share_min: float = 0.0
    trade_share_bps: float = 0.0
    mark_sd_bps: float = 0.0


@dataclass(frozen=True, slots=True)
class Prospect:
    """One dealer's numbers. `net_bps` and `sd_bps` are mean and standard deviation of its net edge; a quote below
    a floor (a net edge, too) is none: there is one of `floors`, falling, for each case of `SHARED`, a single one where
    what is shared does not matter, none without a limit. `leak_bps` is what asking it leaks, never less than nothing:
    no dealer is paid for what an estimate errs by; `strain_bps` is what it counts that we hardly ever trade with it,
    which no order pays for; `asking_bps` is both. The `*_sd` are errors of estimates.
    """

    dealer: str
    logit_q: float
    q_slope: float
    in_time: float
    firm: float
    move_bps: float
    net_bps: float
    sd_bps: float
    law: Student
    floors: tuple[float, ...]
    leak_bps: float
    strain_bps: float
    asking_bps: float
    wait_bps: float
    leak_sd_bps: float
    edge_sd_bps: float
    q_sd: float
    firm_sd: float
    _at_floors: tuple[tuple[float, float], ...] = field(init=False, repr=False, compare=False)
    """What is taken at each floor: E[net edge, if it is above], the chance that it is."""
    _floored: tuple[tuple[float, float, float], ...] = field(init=False, repr=False, compare=False)
    """The same summed over the first so many cases, by their weights, and the weight of the others."""
    _rising: tuple[float, ...] = field(init=False, repr=False, compare=False)
    """The floors with their signs turned: to be looked up."""

    def answers(self, asked: int) -> float:
        """The chance of an executable quote in time, where so many are asked."""
        return self.in_time * sigmoid(self.logit_q + self.q_slope * math.log(asked))

    def fills(self, asked: int) -> float:
        """The chance that it quotes, and that its quote would fill."""
        return self.answers(asked) * self.firm

    def __post_init__(self) -> None:
        at_floors, found = list[tuple[float, float]](), [(0.0, 0.0, 1.0)]
        for floor, (_, weight) in zip(self.floors, cases_of((self,)) if self.floors else (), strict=True):
            got, above = self._taken(floor)
            at_floors.append((got, above))
            before = found[-1]
            found.append((before[0] + weight * got, before[1] + weight * above, before[2] - weight))
        object.__setattr__(self, "_at_floors", tuple(at_floors))
        object.__setattr__(self, "_floored", tuple(found))
        object.__setattr__(self, "_rising", tuple([-floor for floor in self.floors]))

    def _taken(self, net_bps: float) -> tuple[float, float]:
        """(E[net edge, if it is above], the chance that it is)"""
        t = (net_bps - self.net_bps) / self.sd_bps
        above = self.law.above(t)
        return self.sd_bps * self.law.excess_above(t) + net_bps * above, above

    def above(self, net_bps: float) -> float:
        """The chance that a quote of its has a better net edge, whatever is shared."""
        _, above, left = self._floored[bisect_left(self._rising, -net_bps)]
        return above + left * self.quotes_above(net_bps) if left > _P_EDGE else above

    def excess(self, net_bps: float) -> float:
        """E[(net edge - `net_bps`)+], a quote below its floor being none, whatever is shared."""
        excess, above, left = self._floored[bisect_left(self._rising, -net_bps)]
        found = excess - above * net_bps if above else 0.0
        if left <= _P_EDGE:
            return found
        return found + left * self.sd_bps * self.law.excess_above((net_bps - self.net_bps) / self.sd_bps)

    def above_in(self, case: int, net_bps: float) -> float:
        """`above` in one case of what is shared."""
        return self.quotes_above(max(net_bps, self.floor_in(case)))

    def taken_in(self, net_bps: float, cases: int) -> list[tuple[float, float]]:
        """(E[net edge, if it is above and within its floor], the chance that it is) in each of so many cases."""
        below = bisect_left(self._rising, -net_bps)
        if len(self.floors) < cases:
            return [self._at_floors[0] if below else self._taken(net_bps)] * cases
        left = cases - below
        return [*self._at_floors[:below], *([self._taken(net_bps)] * left if left else ())]

    def floor_in(self, case: int) -> float:
        """The floor in one case of what is shared."""
        floors = self.floors
        return floors[case if len(floors) > 1 else 0] if floors else -math.inf

    def quotes_above(self, net_bps: float) -> float:
        """The chance that its quote has a better net edge, within its floor or not."""
        return self.law.above((net_bps - self.net_bps) / self.sd_bps)


def cases_of(prospects: Iterable[Prospect]) -> tuple[tuple[float, float], ...]:
    """The cases of what is shared that make a difference to any of these, and their weights."""
    return SHARED if any(len(each.floors) > 1 for each in prospects) else _ALONE


@dataclass(frozen=True, slots=True)
class Margin:
    """What one dealer adds to those asked, as one of them or as one more, with its error; how likely it is to trade."""

    gain_bps: float
    gain_sd_bps: float
    p_win: float


def prospect(outlook: Outlook, stakes: Stakes) -> Prospect:
    """A dealer's outlook in the numbers of the choice."""
    firm = min(1.0, max(_FIRM_MIN, outlook.f.value))
    refusals = outlook.reject_move_bps * (1 - firm) / firm
    q = min(1 - _P_EDGE, max(_P_EDGE, outlook.q.value))
    typical_s = outlook.latency_p50_s if outlook.latency_p50_s is not None else stakes.wait_s
    answered = q * outlook.in_time
    waited_s = answered * min(typical_s, stakes.wait_s) + (1 - answered) * stakes.wait_s
    # What all dealers share makes no difference between them.
    own_sd = math.sqrt(max(0.0, outlook.e.sd**2 - outlook.e_common_sd**2))
    net, sd = outlook.e.value - refusals, max(_SD_MIN_BPS, math.hypot(own_sd, outlook.e_noise_sd))
    leak = stakes.aversion * max(0.0, outlook.leak_in.value + stakes.rho * outlook.leak_post.value)
    strain = _strain_bps(outlook.r.value, stakes)
    return Prospect(
        dealer=outlook.dealer,
        logit_q=math.log(q / (1 - q)),
        q_slope=outlook.q_slope,
        in_time=outlook.in_time,
        firm=firm,
        move_bps=outlook.reject_move_bps,
        net_bps=net,
        sd_bps=sd,
        law=student(outlook.e_df),
        floors=_floors(outlook, stakes, refusals, net, sd),
        leak_bps=leak,
        strain_bps=strain,
        asking_bps=leak + strain,
        wait_bps=stakes.wait_bps_per_s * waited_s,
        leak_sd_bps=stakes.aversion * math.hypot(outlook.leak_in.sd, stakes.rho * outlook.leak_post.sd),
        edge_sd_bps=own_sd,
        q_sd=outlook.q.sd,
        firm_sd=outlook.f.sd,
    )


def _floors(outlook: Outlook, stakes: Stakes, refusals: float, net: float, sd: float) -> tuple[float, ...]:
    """Where a quote's net edge has to be for it to keep within the limit, by what quotes of the round share."""
    if stakes.limit_edge_bps is None:
        return ()
    floor = stakes.limit_edge_bps - refusals
    shared = math.sqrt(stakes.mark_sd_bps**2 + outlook.e_round_sd**2 + outlook.e_common_sd**2)
    # What is worse than not trading is not taken, even if that cost twice as much.
    beyond = max(net - _NEAR_SDS * sd, -2 * stakes.c_fail_bps)
    if not shared or floor + SHARED[-1][0] * shared <= beyond:
        return (floor,)
    return tuple([floor - case * shared for case, _ in SHARED])


def alone_bps(found: Prospect, stakes: Stakes) -> float:
    """What asking this dealer alone is worth, beside not trading."""
    return found.fills(1) * found.excess(-stakes.c_fail_bps) - found.asking_bps


def _strain_bps(trade_share: float, stakes: Stakes) -> float:
    least = stakes.trade_share_min
    return stakes.trade_share_bps * max(0.0, 1 - trade_share / least) if least else 0.0


def sigmoid(x: float) -> float:
    """1 / (1 + e^-x)."""
    return 1.0 / (1.0 + math.exp(-x)) if x > -700 else 0.0
