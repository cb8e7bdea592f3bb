"""The panel: which dealers to ask together, and how many, so that the whole is worth most.

A panel S of k dealers is worth, in bps beside not trading,

    U(S) = E[the highest net edge + C_fail among the dealers that quote and would fill, 0 if there is none]
           - the sum of what asking each of them leaks

Why that is E[max over quoting d of f (e + C_fail) + (1 - f) (second best - move at the reject)]: the quotes are tried
in falling net edge until one fills, so what is got is the highest net edge among those that would fill. A dealer whose
quote would fill with chance a = q f and has a net edge above n with chance S(n) leaves the maximum below n with chance
1 - a S(n); dealers are independent given the mark, so

    E[max] = integral over n > -C_fail of (1 - product over d of (1 - a_d S_d(n))) dn

One quadrature on a grid that all dealers share: a product of as many numbers as it has points. q falls with k.

Where the order has a limit, S(n) is S(floor) below the dealer's floor, which hangs on what all quotes share: E[max] is
the mean over its cases (`prospect.SHARED`). They differ below the highest floor alone. Each case has one point for all
that lies between the cut and its floors, three for where dealers' floors differ, and what is above those it has in
common with the others: a point there counts with the weight of the cases whose floors it is above.

The maximum grows by less with each dealer (it is submodular), so the greedy choice is sound, and what a dealer added
last time bounds what it adds now: most are never looked at again. The greedy path goes past the point where one more is
worth less than it leaks: that is the curve people see. The panel is the path up to its highest point, then every dealer
in it is once tried against everybody outside. `tests/selection/test_panel.py` holds it against every subset.

Limits are part of the choice: `may_join` says who fits beside those already in.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass
from itertools import pairwise
from operator import mul
from typing import Final

from engine.selection.prospect import Margin, Prospect, Stakes, cases_of, sigmoid
from engine.selection.student import REACH, STEPS

CURVE_MAX: Final = 8
"""How far the curve of what one more dealer is worth goes."""

_CELLS: Final = 24
"""The grid has so many cells of three points, about: 72 numbers a dealer."""

_SHAPE: Final = (-4.0, -2.5, -1.5, -0.75, 0.0, 0.75, 1.5, 2.5, 4.0, 8.0)
"""Where a dealer's quotes lie, in standard deviations: cells end there, so that the grid is fine where quotes are."""

_GAUSS: Final = tuple(
    (0.5 * (1 + at), weight / 18) for at, weight in ((-math.sqrt(0.6), 5), (0.0, 8), (math.sqrt(0.6), 5))
)
_TINY_BPS: Final = 1e-9

_PATIENCE: Final = 2
"""So many dealers in a row that add less than they leak end the path: what they crowd out they may give back."""

_SHAPED_BY_MAX: Final = 40
"""So many of the most promising dealers shape the grid."""

MayJoin = Callable[[int, Sequence[int]], bool]
"""May this dealer (by number) be asked beside these?"""


@dataclass(frozen=True, slots=True)
class Step:
    """One dealer of the path: what it adds beside those before it and what asking it costs, both with their errors.

    `worth_bps` is U of the panel up to it; `allowed` is False where a limit keeps it from being asked.
    """

    at: int
    gain_bps: float
    gain_sd_bps: float
    asking_bps: float
    leak_sd_bps: float
    worth_bps: float
    allowed: bool


@dataclass(frozen=True, slots=True)
class Panel:
    """The dealers chosen, by number, in the order in which each adds most; what they are worth; the path and beyond."""

    chosen: tuple[int, ...]
    worth_bps: float
    path: tuple[Step, ...]


class Panels:
    """All panels of one order: the dealers' chances on one grid, and sums over it.

    Estimate: 50 dealers x 72 points x 0.2 us for those that come into question; 8 steps x some 10 sums x 3 us.
    """

    __slots__ = (
        "_cut",
        "_excess",
        "_fills",
        "_grid",
        "_products",
        "_prospects",
        "_rows",
        "_stakes",
        "_weights",
        "_whole",
    )

    def __init__(self, prospects: Sequence[Prospect], stakes: Stakes) -> None:
        self._prospects = prospects
        self._stakes = stakes
        self._grid = _grid(prospects, stakes.c_fail_bps)
        self._rows: dict[int, list[float]] = {}
        self._fills: dict[int, list[float]] = {}
        self._products: dict[tuple[int, ...], list[float]] = {}
        """`_below` by how many are asked and who: panels that are looked at have most of it in common."""
        self._cut_at(-stakes.c_fail_bps)

    def at_cost(self, c_fail_bps: float) -> Panels:
        """The same dealers where not trading costs half, or twice, as much: the grid has edges there."""
        other = Panels.__new__(Panels)
        other._prospects, other._stakes = self._prospects, self._stakes
        other._grid, other._rows, other._fills = self._grid, self._rows, self._fills
        other._products = self._products
        other._cut_at(-c_fail_bps)
        return other

    def _cut_at(self, cut: float) -> None:
        """What is worse than not trading counts for nothing."""
        self._cut = cut
        self._weights = self._grid.weights(cut)
        self._whole = sum(self._weights)
        self._excess = [each.excess(cut) for each in self._prospects]

    # --- the choice ---

    def best(
        self,
        most: int,
        *,
        forced: Sequence[int] = (),
        never: Container[int] = (),
        may_join: MayJoin = lambda at, beside: True,
        beyond: int = CURVE_MAX,
    ) -> Panel:
        """The panel of at most so many that is worth most; `forced` are in it whatever they are worth.

        `never` holds for the curve, too; `may_join` does not: it tells what a limit costs. The path has `beyond` steps
        if there are as many dealers.
        """
        length = max(most, beyond)
        path = self._path(most, forced, (), never, may_join, beyond, length)
        count = _highest(path, most, len(forced))
        chosen = [step.at for step in path[:count]]
        if self._swapped(chosen, forced, never, may_join):
            path = self._path(most, forced, chosen, never, may_join, beyond, length)
            count = _highest(path[: len(chosen)], most, len(forced))
        worth = path[count - 1].worth_bps if count else 0.0
        return Panel(tuple([step.at for step in path[:count]]), worth, path)

    def curve(self, chosen: Sequence[int], most: int, never: Container[int], may_join: MayJoin) -> tuple[Step, ...]:
        """What each of these adds to those before it, whoever adds most first; then what one more would."""
        return self._path(max(most, len(chosen)), (), chosen, never, may_join, CURVE_MAX, CURVE_MAX)

    def worth(self, chosen: Sequence[int]) -> float:
        """U of these dealers."""
        return self._gross(chosen) - sum(self._prospects[at].asking_bps for at in chosen)

    def fill(self, chosen: Sequence[int]) -> float:
        """The chance that one of them trades at a price that beats not trading."""
        if not chosen:
            return 0.0
        fills, found = self._filling(len(chosen)), 0.0
        for case, (_, weight) in enumerate(cases_of(self._prospects[at] for at in chosen)):
            none = 1.0
            for at in chosen:
                none *= 1 - fills[at] * self._prospects[at].above_in(case, self._cut)
            found += weight * (1 - none)
        return found

    def margins(self, chosen: Sequence[int]) -> list[Margin]:
        """Of every dealer: what it adds to these, or as one of these."""
        if not self._prospects:
            return []  # Nobody can be asked: there is no grid to sum over.
        members = {at: place for place, at in enumerate(chosen)}
        gross = self._gross(chosen)
        asked = len(chosen) + 1
        beside = self._below(chosen, asked)
        joined = _Beside(beside, self._weights, self._grid, self._cut)
        without_it = self._whole - joined.rest
        found: list[Margin] = []
        for at in range(len(self._prospects)):
            if at not in members:
                found.append(self._margin(at, asked, joined, without_it - gross))
                continue
            others = [other for other in chosen if other != at]
            alone = _Beside(self._below(others, len(chosen)), self._weights, self._grid, self._cut)
            found.append(self._margin(at, len(chosen), alone, self._whole - alone.rest - self._gross(others)))
        return found

    def _margin(self, at: int, asked: int, beside: _Beside, crowding: float) -> Margin:
        """`crowding` is what the others lose, mostly, by being asked together with one more."""
        each, row = self._prospects[at], self._row(at)
        fills = self._filling(asked)[at]
        gross = fills * sum(map(mul, beside.weighted, row))
        density = beside.wins(each, row)
        error = self._error(each, asked, gross, density)
        return Margin(crowding + gross - each.asking_bps, math.hypot(error, each.leak_sd_bps), fills * density)

    @staticmethod
    def _error(each: Prospect, asked: int, gross: float, density: float) -> float:
        """The error of what a dealer adds, by the errors of its edge, of its answers and of its firmness."""
        q = sigmoid(each.logit_q)
        now = sigmoid(each.logit_q + each.q_slope * math.log(asked))
        by_q = gross * (1 - now) / (q * (1 - q))
        by_firm = gross / each.firm + each.answers(asked) * density * each.move_bps / each.firm
        return math.hypot(each.fills(asked) * density * each.edge_sd_bps, by_q * each.q_sd, by_firm * each.firm_sd)

    # --- the greedy path ---

    def _path(
        self,
        most: int,
        forced: Sequence[int],
        first: Sequence[int],
        never: Container[int],
        may_join: MayJoin,
        beyond: int,
        longest: int,
    ) -> tuple[Step, ...]:
        """The forced ones, then of `first`, then of everybody, each time whoever adds most; then past the limits.

        It ends after `longest` steps, or sooner, but after `beyond`, once dealers add less than they leak.
        """
        prospects = self._prospects
        left = [at for at in range(len(prospects)) if at not in never]
        steps: list[Step] = []
        chosen: list[int] = []
        bounds = list(self._excess)
        leaks, worth, allowed = 0.0, 0.0, True
        held = {*forced, *first}
        while left and len(chosen) < longest:
            if len(chosen) >= max(beyond, len(held)) and (not allowed or _falls(steps[-_PATIENCE:])):
                break
            asked = len(chosen) + 1
            beside = _Beside(self._below(chosen, asked), self._weights, self._grid, self._cut)
            crowded = self._whole - beside.rest - leaks - worth
            self._loosen(bounds, chosen, asked)
            group = [at for at in forced if at not in chosen] or [at for at in first if at not in chosen]
            if not group:
                if asked > most:
                    allowed = False
                group = [at for at in left if may_join(at, chosen)] if allowed else left
                if not group:
                    allowed, group = False, left
            at, gross = self._most(group, asked, beside, bounds)
            each = prospects[at]
            row = self._row(at)
            error = self._error(each, asked, gross, beside.wins(each, row))
            gain = crowded + gross
            leaks, worth = leaks + each.asking_bps, worth + gain - each.asking_bps
            steps.append(Step(at, gain, error, each.asking_bps, each.leak_sd_bps, worth, allowed))
            chosen.append(at)
            left.remove(at)
        return tuple(steps)

    def _most(self, group: Sequence[int], asked: int, beside: _Beside, bounds: list[float]) -> tuple[int, float]:
        """Whoever of the group adds most beside those asked, and how much before its leak; keeps `bounds` current."""
        prospects, weighted = self._prospects, beside.weighted
        fills = self._filling(asked)
        hopes = sorted([(fills[at] * bounds[at] - prospects[at].asking_bps, -at) for at in group], reverse=True)
        best, found, gross = -math.inf, -1, 0.0
        for hope, minus_at in hopes:
            if hope <= best:
                break
            at = -minus_at
            bounds[at] = sum(map(mul, weighted, self._row(at)))
            net = fills[at] * bounds[at] - prospects[at].asking_bps
            if net > best:
                best, found, gross = net, at, fills[at] * bounds[at]
        return found, gross

    def _loosen(self, bounds: list[float], chosen: Sequence[int], asked: int) -> None:
        """Those asked answer less often now that there are more of them: that leaves more for the next one."""
        factor = 1.0
        for at in chosen[:-1]:
            each = self._prospects[at]
            if each.q_slope:
                factor *= (1 - self._filling(asked)[at]) / max(1e-12, 1 - self._filling(asked - 1)[at])
        if factor > 1:
            bounds[:] = map(min, self._excess, [bound * factor for bound in bounds])

    def _swapped(self, chosen: list[int], forced: Container[int], never: Container[int], may_join: MayJoin) -> bool:
        """Try everybody outside in place of each dealer, once; is the panel another one now?"""
        count, any_swapped = len(chosen), False
        for place, at in enumerate(chosen):
            if at in forced:
                continue
            others = chosen[:place] + chosen[place + 1 :]
            beside = _Beside(self._below(others, count), self._weights, self._grid, self._cut)
            group = [
                other
                for other in range(len(self._prospects))
                if other == at or (other not in chosen and other not in never and may_join(other, others))
            ]
            own = self._filling(count)[at] * sum(map(mul, beside.weighted, self._row(at)))
            best, gross = self._most(group, count, beside, list(self._excess))
            if gross - self._prospects[best].asking_bps > own - self._prospects[at].asking_bps + _TINY_BPS:
                chosen[place], any_swapped = best, True
        return any_swapped

    # --- sums over the grid ---

    def _filling(self, asked: int) -> list[float]:
        """Of each dealer, the chance that it quotes and would fill, so many being asked."""
        found = self._fills.get(asked)
        if found is None:
            found = self._fills[asked] = [each.fills(asked) for each in self._prospects]
        return found

    def _gross(self, chosen: Sequence[int]) -> float:
        """E[max], before leaks."""
        kept: float = sum(map(mul, self._weights, self._below(chosen, len(chosen))))
        return self._whole - kept

    def _below(self, chosen: Sequence[int], asked: int) -> list[float]:
        """At each point of the grid, the chance that none of these has a better quote, so many being asked."""
        products, key = self._products, (asked, *chosen)
        known = len(key)
        while known > 1 and key[:known] not in products:
            known -= 1
        product = products[key[:known]] if known > 1 else [1.0] * len(self._weights)
        for end in range(known, len(key)):
            fills = self._filling(asked)[key[end]]
            product = [below - below * fills * above for below, above in zip(product, self._row(key[end]), strict=True)]
            products[key[: end + 1]] = product
        return product

    def _row(self, at: int) -> list[float]:
        """The dealer's chance to be above each point of the grid."""
        row = self._rows.get(at)
        if row is None:
            row = self._rows[at] = self._grid.row(self._prospects[at])
        return row


class _Beside:
    """What a dealer meets that joins a panel: how much is left for it, at each point of the grid.

    `weighted` is for the integral of its chance to be above, `wins` its chance to win.
    """

    __slots__ = ("_below", "_cut", "_falling", "_grid", "rest", "weighted")

    def __init__(self, below: list[float], weights: list[float], grid: _Grid, cut: float) -> None:
        self._below = below
        self._cut = cut
        self._falling: tuple[list[float], float, int] | None = None
        self._grid = grid
        self.weighted = list(map(mul, weights, below))
        self.rest = sum(self.weighted)

    def wins(self, each: Prospect, row: list[float]) -> float:
        """P(above the cut and its floor, and nobody better), if it quotes: a Stieltjes sum by parts."""
        if self._falling is None:
            self._falling = self._steps()
        falling, first, start = self._falling
        found: float = sum(map(mul, falling, row))
        return found + first * (each.quotes_above(self._cut) - row[start]) if first else found

    def _steps(self) -> tuple[list[float], float, int]:
        """What a dealer's chances are summed with; what its chance at the cut is, and the first point above that."""
        grid, below, cut = self._grid, self._below, self._cut
        lead, start = grid.lead, grid.lead + bisect_right(grid.nodes, cut)
        falling = [0.0] * len(below)
        bound = [case for case, floor in enumerate(grid.lowest) if floor > cut]
        free = 1.0 - sum([grid.shares[case] for case in bound])
        for case in bound:
            falling[case] = grid.shares[case] * below[case]
        if start >= len(below):
            return falling, 0.0, lead
        between = [(one + other) / 2 for one, other in pairwise(below[start:])] + [1.0]
        steps = [between[0], *[other - one for one, other in pairwise(between)]]
        if not bound:
            falling[start:] = steps
            return falling, below[start], start
        # A case begins above its floors, from what is below there.
        begins: dict[int, list[int]] = {}
        for case in bound:
            begins.setdefault(max(start, lead + bisect_right(grid.nodes, grid.highest[case])), []).append(case)
        live = free if free > _TINY_BPS else 0.0
        for at, step in enumerate(steps, start):
            falling[at] = live * step
            for case in begins.get(at, ()):
                falling[at] += grid.shares[case] * (between[at - start] - below[case])
                live += grid.shares[case]
        return falling, free * below[start] if free > _TINY_BPS else 0.0, start


def _falls(last: Sequence[Step]) -> bool:
    """Did the last dealers all add less than asking them costs?"""
    return len(last) == _PATIENCE and all(step.gain_bps <= step.asking_bps for step in last)


def _highest(path: Sequence[Step], most: int, at_least: int) -> int:
    """How many dealers of the path to ask: where it is highest, the fewest where it is as high twice."""
    best, count = (path[at_least - 1].worth_bps if at_least else 0.0), at_least
    for asked, step in enumerate(path, 1):
        if asked > at_least and asked <= most and step.allowed and step.worth_bps > best + _TINY_BPS:
            best, count = step.worth_bps, asked
    return count


# --- the grid ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Grid:
    """The points: one for each case of a limit, those of its bands, then those that all cases have in common.

    `lowest` and `highest` are the floors of each case: where dealers' begin to differ and where they end to; a band is
    a case, a point between them and its part of it. `cells` are of the points in common, `nodes`.
    """

    shares: tuple[float, ...]
    lowest: tuple[float, ...]
    highest: tuple[float, ...]
    bands: tuple[tuple[int, float, float], ...]
    nodes: list[float]
    cells: list[float]

    @property
    def lead(self) -> int:
        """Points before those in common."""
        return len(self.shares) + len(self.bands)

    def weights(self, cut: float) -> list[float]:
        """Of each point, where what is below the cut counts for nothing."""
        found = [share * max(0.0, low - cut) for share, low in zip(self.shares, self.lowest, strict=True)]
        found += [part if node > cut else 0.0 for _, node, part in self.bands]
        found += [cell if node > cut else 0.0 for node, cell in zip(self.nodes, self.cells, strict=True)]
        return found

    def row(self, each: Prospect) -> list[float]:
        """P(net edge above) at each point."""
        found = [each.above_in(case, -math.inf) for case in range(len(self.shares))]
        found += [each.above_in(case, node) for case, node, _ in self.bands]
        return found + _row(each, self.nodes)


def _grid(prospects: Sequence[Prospect], c_fail_bps: float) -> _Grid:
    """Points and weights from twice the cost of not trading up to the best quote that can be.

    Cells end where quotes of the more promising dealers lie. A dealer that can only be worth less than it leaks
    has no part in it: whoever adds such a one changes no number.
    """
    low = -2 * c_fail_bps
    hopes = sorted(
        [(each.fills(1) * each.excess(low) - each.asking_bps, each.dealer, each) for each in prospects],
        key=lambda hope: (-hope[0], hope[1]),
    )
    shaping = [each for hope, _, each in hopes if hope > 0][:_SHAPED_BY_MAX] or [each for _, _, each in hopes[:1]]
    if not shaping:
        return _Grid((), (), (), (), [], [])
    shares, lowest, highest = _floors(shaping)
    edges = {low, -c_fail_bps, -c_fail_bps / 2, *highest}
    marks = sorted([each.net_bps + at * each.sd_bps for each in shaping for at in _SHAPE])
    high = max(max(each.net_bps + REACH / 2 * each.sd_bps for each in shaping), low + 1.0)
    taken = max(1, len(marks) // _CELLS)
    edges.update(marks[taken // 2 :: taken])
    edges.add(high)
    inside = sorted([edge for edge in edges if low <= edge <= high])
    nodes, cells = [], []
    for start, end in pairwise(inside):
        share = sum([each for each, floor in zip(shares, highest, strict=True) if floor <= start]) if shares else 1.0
        for at, weight in _GAUSS if share else ():
            nodes.append(start + at * (end - start))
            cells.append(weight * (end - start) * share)
    bands = [
        (case, floor + at * (top - floor), share * weight * (top - floor))
        for case, (share, floor, top) in enumerate(zip(shares, lowest, highest, strict=True))
        if top - floor > _TINY_BPS and top > low
        for at, weight in _GAUSS
    ]
    return _Grid(shares, lowest, highest, tuple(bands), nodes, cells)


def _floors(shaping: Sequence[Prospect]) -> tuple[tuple[float, ...], tuple[float, ...], tuple[float, ...]]:
    """(weight, lowest, highest floor) of each case; nothing without a limit."""
    limited = [each for each in shaping if each.floors]
    if not limited:
        return (), (), ()
    cases = cases_of(limited)
    floors = [[each.floor_in(case) for each in limited] for case in range(len(cases))]
    return tuple([weight for _, weight in cases]), tuple(map(min, floors)), tuple(map(max, floors))


def _row(each: Prospect, nodes: Sequence[float]) -> list[float]:
    """P(net edge above) at each node: `Prospect.quotes_above`, written out for a list."""
    table, scale = each.law.survival, STEPS / each.sd_bps
    shift = (REACH - each.net_bps / each.sd_bps) * STEPS
    last = len(table) - 1
    row: list[float] = []
    for node in nodes:
        place = node * scale + shift
        if place <= 0:
            row.append(1.0)
        elif place >= last:
            row.append(0.0)
        else:
            whole = int(place)
            low = table[whole]
            row.append(low + (place - whole) * (table[whole + 1] - low))
    return row
