"""Edges of dealers: what a dealer's quotes are worth against the mark, told apart from what a round did to all of them.

A quote's edge is the round's effect (the mark's error and whatever made this bond dear or cheap that day, shared by all
who quoted), the dealer's effect and the quote's own noise. A dealer has a noise of its own: one whose prices are old is
off by more, now this way, now that, and a quote of its says less. With the round's effect integrated out, a round adds
to the normal equations of the dealers in it: contrasts within the round count in full, their common level only as far
as the mark is believed. Whoever was asked together with better dealers is not thought better for it, and a panel that
was always the same is anchored to the mark.

The sums of a scope do not depend on the order of rounds. They are solved for one segment at a time from the desk down
to the finest scope: a dealer's prior in a scope is its estimate one level up, moved by what this scope does to all of
them; what was seen in the finer scope is left out of the coarser one.

Reference: the mixed model of Henderson (1975), rounds as random effects.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from operator import mul
from typing import Final, NamedTuple

from engine.dealers.noise import Noise, Off

_LEAST: Final = 1e-9
"""Quotes of today: less than that is the dust of rounding."""
_EXACT_MAX: Final = 32
"""Dealers of a scope whose errors are worked out in full: after each round that is done anew."""


class EdgeSums:
    """The normal equations of one scope: rows of the matrix by dealer, in the order dealers first quoted."""

    __slots__ = ("index", "names", "quotes", "rows", "sides", "squares", "squares_weight")

    def __init__(self) -> None:
        self.names: list[str] = []
        self.index: dict[str, int] = {}
        self.rows: list[list[float]] = []
        self.sides: list[float] = []
        """Right-hand sides."""
        self.quotes = 0.0
        self.squares: list[float] = []
        """By dealer what quotes were off by (`noise.Off`): squares, ..."""
        self.squares_weight: list[float] = []
        """... and their weights."""

    def add(
        self,
        edges: Sequence[tuple[str, float]],
        pull: float,
        weight: float,
        beliefs: Sequence[float],
        offs: Sequence[Off] = (),
    ) -> None:
        """One round; a negative weight takes it back.

        `beliefs` are b = sigma^2 / (the dealer's own noise)^2 of each quote, `pull` is tau^2 / (sigma^2 + tau^2 sum b).
        """
        places = [self._place(dealer) for dealer, _ in edges]
        total = sum([belief * edge for belief, (_, edge) in zip(beliefs, edges, strict=True)])
        pairs = list(zip(places, beliefs, strict=True))
        for (place, belief), (_, edge) in zip(pairs, edges, strict=True):
            row, own = self.rows[place], weight * belief
            row[place] += own
            shared = own * pull
            for other, beside in pairs:
                row[other] -= shared * beside
            self.sides[place] += own * edge - shared * total
        self.quotes += weight * len(edges)
        for place, off in zip(places, offs, strict=False):
            self.squares[place] += weight * off.square
            self.squares_weight[place] += weight * off.weight

    def still(self) -> EdgeSums:
        """The sums as they are now."""
        copy = EdgeSums()
        copy.names, copy.index = self.names.copy(), self.index.copy()
        copy.rows, copy.sides = [row.copy() for row in self.rows], self.sides.copy()
        copy.quotes = self.quotes
        copy.squares, copy.squares_weight = self.squares.copy(), self.squares_weight.copy()
        return copy

    def clear_dust(self, quoting: Collection[str]) -> None:
        """Set to 0 what rounding left of dealers that are gone."""
        for place, name in enumerate(self.names):
            if name not in quoting and self.rows[place][place]:
                for row in self.rows:
                    row[place] = 0.0
                self.rows[place] = [0.0] * len(self.names)
                self.sides[place] = self.squares[place] = self.squares_weight[place] = 0.0

    def scale(self, factor: float) -> None:
        """Multiply every sum."""
        for row in self.rows:
            row[:] = [x * factor for x in row]
        self.sides[:] = [x * factor for x in self.sides]
        self.quotes *= factor
        self.squares[:] = [x * factor for x in self.squares]
        self.squares_weight[:] = [x * factor for x in self.squares_weight]

    def _place(self, dealer: str) -> int:
        place = self.index.get(dealer)
        if place is None:
            place = self.index[dealer] = len(self.names)
            self.names.append(dealer)
            for row in self.rows:
                row.append(0.0)
            self.rows.append([0.0] * (place + 1))
            self.sides.append(0.0)
            self.squares.append(0.0)
            self.squares_weight.append(0.0)
        return place


@dataclass(frozen=True, slots=True)
class Spreads:
    """The scales of the model, in bps; they change only by a daily event.

    `noises` is what quotes scatter by; one that scatters by `noise`, a usual dealer's in a usual bond, counts 1.
    `rounds` is what all quotes of a round have in common beside the mark's error; `dealers` how far dealers lie apart,
    by level; `scopes` how far a whole scope lies from the one above it, by level (at the desk: from `level`).
    """

    noise: float
    rounds: float
    dealers: tuple[float, ...]
    scopes: tuple[float, ...]
    level: float
    noises: Noise

    def belief(self, dealer: str, moves: float) -> float:
        """How much a quote of the dealer's in a bond of such `moves` is believed, over the usual one."""
        return (self.noise / self.noises.of(dealer, moves)) ** 2


@dataclass(frozen=True, slots=True)
class Solved:
    """The estimates of one scope: a dealer's own mean and variance, and the variance of the level of all.

    `apart` is what the dealers' deviations from their prior add up to, squared, with their uncertainty, and how many
    they are, each as far as it was seen.
    """

    index: dict[str, int]
    means: list[float]
    variances: list[float]
    newcomer_mean: float
    newcomer_variance: float
    common_variance: float
    apart: tuple[float, float] = (0.0, 0.0)

    def expected(self, dealer: str) -> tuple[float, float]:
        """(mean, variance) of a dealer's effect, of one that never quoted as well."""
        mean, variance = self.own(dealer)
        return mean, variance + self.common_variance

    def own(self, dealer: str) -> tuple[float, float]:
        """The same without what is not known of the level of all."""
        place = self.index.get(dealer)
        if place is None:
            return self.newcomer_mean, self.newcomer_variance
        return self.means[place], self.variances[place]


def begin(spreads: Spreads) -> Solved:
    """What is believed above the desk."""
    return Solved({}, [], [], spreads.level, 0.0, 0.0)


class Finer(NamedTuple):
    """What the scopes of one level below a scope add up to: their weights squared, of each dealer and of all."""

    level: int
    of: dict[str, float]
    quotes: float


def finer_in(level: int, scopes: Iterable[EdgeSums]) -> Finer:
    """Of the scopes of that level."""
    of: dict[str, float] = {}
    quotes = 0.0
    for sums in scopes:
        quotes += sums.quotes * sums.quotes
        for i, name in enumerate(sums.names):
            seen = sums.rows[i][i]
            of[name] = of.get(name, 0.0) + seen * seen
    return Finer(level, of, quotes)


def descend(
    above: Solved,
    level: int,
    sums: EdgeSums | None,
    finer: EdgeSums | None,
    spreads: Spreads,
    unit: float,
    below: Sequence[Finer] = (),
) -> Solved:
    """The estimates of a scope from those one level up and from what was seen in it, but not in `finer`.

    `unit` scales sums to a day. `below` are the finer scopes that what was seen is from, level by level, `finer`
    left out. In each of them a dealer, and all of them, are off by something that its quotes there have in common:
    however many there are, of a few finer scopes they say no more than those few do.
    """
    apart = spreads.dealers[min(level, len(spreads.dealers) - 1)] ** 2
    common = above.common_variance + spreads.scopes[min(level, len(spreads.scopes) - 1)] ** 2
    variances = [variance + apart for variance in above.variances]
    newcomer = above.newcomer_variance + apart
    rest = None if sums is None else _rest(sums, finer, unit)
    if sums is None or rest is None:
        return Solved(above.index, above.means, variances, above.newcomer_mean, newcomer, common)
    index, means = dict(above.index), list(above.means)
    rows, sides, names = rest
    for name in names:
        if name not in index:
            index[name] = len(means)
            means.append(above.newcomer_mean)
            variances.append(newcomer)
    # Sums grow with the day: one quote of today has a precision of unit / noise^2 of them.
    noise2 = spreads.noise * spreads.noise / unit
    places = [index[name] for name in names]
    # What the finer scopes are off by, as far as it does not cancel out.
    left = [0.0] * len(names)
    move_left = 0.0
    quotes = sums.quotes - (0.0 if finer is None else finer.quotes)
    for at, of, quotes_squared in below:
        each = spreads.dealers[min(at, len(spreads.dealers) - 1)] ** 2
        for i, name in enumerate(names):
            left[i] += each * min(of.get(name, 0.0) / rows[i][i] ** 2, 1.0)
        move_left += spreads.scopes[min(at, len(spreads.scopes) - 1)] ** 2 * min(quotes_squared / quotes**2, 1.0)
    priors = [variances[place] for place in places]
    ties = [noise2 / (prior + off) for prior, off in zip(priors, left, strict=True)]
    solution = _solution(rows, sides, [means[place] for place in places], ties, noise2 / (common + move_left))
    move_variance = noise2 * solution.move_variance
    move_share = common / (common + move_left)
    shares = [prior / (prior + off) for prior, off in zip(priors, left, strict=True)]
    # How far each goes with the move, and how far whoever was seen does.
    goes = [move_share + share * (pull - 1.0) for share, pull in zip(shares, solution.pulls, strict=True)]
    shared = sum(row[i] * each for i, (row, each) in enumerate(zip(rows, goes, strict=True)))
    shared /= sum(row[i] for i, row in enumerate(rows))
    common = move_variance * shared * shared
    deviations, seen = 0.0, 0.0
    # Whoever was not seen here goes with the move of the others.
    move = solution.move * move_share
    unseen = max(move_variance * move_share**2 - common, 0.0)
    found = [mean + move for mean in means]
    own = [variance + unseen for variance in variances]
    for i, place in enumerate(places):
        prior, share, off = priors[i], shares[i], left[i]
        own[place] = max(
            share * share * noise2 * solution.variances[i] + share * off + goes[i] ** 2 * move_variance - common, 1e-12
        )
        # The part of the deviation from the prior that belongs to this level, and how much of it was seen.
        deviation = share * solution.apart[i]
        found[place] += deviation
        part = apart / prior
        believed = apart / (apart + off + noise2 / rows[i][i])
        deviations += believed * ((deviation * part) ** 2 + part * part * own[place] + apart * (1.0 - part))
        seen += believed
    return Solved(
        index,
        found,
        own,
        above.newcomer_mean + move,
        newcomer + unseen,
        common + move_share * move_left,
        (deviations, seen),
    )


def _rest(
    sums: EdgeSums, finer: EdgeSums | None, unit: float
) -> tuple[list[list[float]], list[float], list[str]] | None:
    """(matrix, right-hand sides, dealers) of a scope without its finer one; None if nothing is."""
    rows, sides, names = sums.rows, sums.sides, sums.names
    if (sums.quotes - (0.0 if finer is None else finer.quotes)) * unit <= _LEAST:
        return None
    if finer is not None:
        rows, sides = [row.copy() for row in rows], sides.copy()
        places = [sums.index[name] for name in finer.names]
        for place, taken, side in zip(places, finer.rows, finer.sides, strict=True):
            row = rows[place]
            for other, x in zip(places, taken, strict=True):
                row[other] -= x
            sides[place] -= side
    kept = [i for i, row in enumerate(rows) if row[i] * unit > _LEAST]
    if not kept:
        return None
    if len(kept) < len(rows):
        rows = [[rows[i][j] for j in kept] for i in kept]
        sides, names = [sides[i] for i in kept], [names[i] for i in kept]
    return rows, sides, names


class _Solution(NamedTuple):
    """Effects of dealers and their move together; variances in units of the noise."""

    apart: list[float]
    """How far each is from its mean and the move."""
    variances: list[float]
    """Of each, were the move known."""
    move: float
    move_variance: float
    pulls: list[float]
    """How far each goes with the move."""


def _solution(
    rows: list[list[float]], sides: list[float], means: list[float], ties: list[float], tie: float
) -> _Solution:
    """The most likely effects: each is tied to its mean plus the move, the move to 0.

    By Cholesky: sweeps would leave an error that depends on the order in which dealers came. 50 dealers: 1 ms.
    """
    low, inverse = _cholesky(rows, ties)
    first = _substituted(low, inverse, [s - sum(map(mul, row, means)) for s, row in zip(sides, rows, strict=True)])
    pulls = _substituted(low, inverse, ties)
    stiffness = max(sum(ties) + tie - sum(map(mul, ties, pulls)), tie)
    move = sum(map(mul, ties, first)) / stiffness
    apart = [x + move * (y - 1.0) for x, y in zip(first, pulls, strict=True)]
    own = _diagonal(low, inverse) if len(rows) <= _EXACT_MAX else _near_diagonal(rows, ties)
    return _Solution(apart, own, move, 1.0 / stiffness, pulls)


def _cholesky(rows: list[list[float]], ties: list[float]) -> tuple[list[list[float]], list[float]]:
    """(the triangle below the diagonal, one over the diagonal)"""
    low: list[list[float]] = []
    inverse: list[float] = []
    for i, row in enumerate(rows):
        entries: list[float] = []
        for j in range(i):
            # `entries` is the shorter: the products end with it.
            entries.append((row[j] - sum(map(mul, entries, low[j]))) * inverse[j])
        inverse.append(1.0 / math.sqrt(max(row[i] + ties[i] - sum(map(mul, entries, entries)), ties[i] * 1e-9)))
        low.append(entries)
    return low, inverse


def _diagonal(low: list[list[float]], inverse: list[float]) -> list[float]:
    """The diagonal of the inverse of the matrix: column by column of its triangle's inverse. 32 dealers: 0.3 ms."""
    found: list[float] = []
    for at, over in enumerate(inverse):
        column = [over]
        for i in range(at + 1, len(low)):
            # `column` is as long as what is left of the row.
            column.append(-sum(map(mul, low[i][at:], column)) * inverse[i])
        found.append(sum(map(mul, column, column)))
    return found


def _near_diagonal(rows: list[list[float]], ties: list[float]) -> list[float]:
    """The same of many dealers, in half the time: a dealer's own part, and what is known of the level of all.

    Right for panels drawn by chance. Where panels hardly mix and marks are poor, each group's level is known by its own
    rounds alone, and this says half the error.
    """
    known = [row[i] for i, row in enumerate(rows)]
    level = 1.0 / (sum(map(sum, rows)) + sum(ties))
    # Of so many dealers the part in common is one in so many.
    apart = 1.0 - sum(map(mul, known, known)) / sum(known) ** 2
    return [apart / (own + tie) + level for own, tie in zip(known, ties, strict=True)]


def _substituted(low: list[list[float]], inverse: list[float], sides: list[float]) -> list[float]:
    """The solution for one right-hand side."""
    n = len(low)
    forward: list[float] = []
    for entries, over, side in zip(low, inverse, sides, strict=True):
        forward.append((side - sum(map(mul, entries, forward))) * over)
    found: list[float] = []
    for i in range(n - 1, -1, -1):
        x = forward.pop() * inverse[i]
        found.append(x)
        forward = [y - entry * x for y, entry in zip(forward, low[i], strict=True)]
    found.reverse()
    return found


def t_quantile(df: float) -> float:
    """Quantile 95 % of Student's t, to 1 % from three degrees of freedom on (Cornish-Fisher)."""
    z = 1.6448536269514722
    z2 = z * z
    return z * (
        1.0
        + (z2 + 1.0) / (4.0 * df)
        + (5.0 * z2 * z2 + 16.0 * z2 + 3.0) / (96.0 * df * df)
        + (3.0 * z2**3 + 19.0 * z2 * z2 + 17.0 * z2 - 15.0) / (384.0 * df**3)
    )
