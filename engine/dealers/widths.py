"""How wide a bond is quoted at a size: what an edge in bps is measured in.

A dealer's edge is a share of the bond's own spread: whoever is 4 bps from the mark in a liquid bond is 40 from it in
one that nobody wants, and further for a large order. Estimates of dealers are therefore of edges over the width of the
request, and an outlook is multiplied by it again:

    width = bond's own x (size / ADV / reference) ^ slope

The slope is estimated for the desk, the bond's own part for every bond: what its quotes cost over what they would have
cost by their dealers alone, beside the same of all bonds, drawn to 1. Both are as of the last daily event. A width is 1
for a bond of which nothing is known at the reference size, so that the parameters of edges are in bps.

A round that is kept is divided by what its bond is known to be now, by all its other rounds: its own quotes would make
it look the usual one.

How far bonds lie apart is estimated from what they came to; what is left of it, once a bond's own quotes are seen, is
the error of its width. All dealers of a request share it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final

_NARROWEST: Final = 0.1
_WIDEST: Final = 10.0
_LOGS_MAX: Final = 5.0
_SLOPE_STRENGTH: Final = 20.0
"""Quotes at a tenth or ten times the reference size that the parameter of the slope is worth."""
_OFF_MAX: Final = 3.0
_LEAST: Final = 1e-6
_APART: Final = 0.4
"""The sd of widths over the usual one before bonds were seen, ..."""
_APART_BONDS: Final = 10.0
"""... worth so many bonds."""
_COST_BPS_MIN: Final = 1.0
"""Dealers that are expected to quote nearer to the mark than that say nothing of a width."""


@dataclass(frozen=True, slots=True)
class Widths:
    """The widths of a day."""

    slope: float
    reference: float
    """Size over ADV."""
    size_reference: float
    """Of bonds whose ADV nobody knows: face amount."""
    bonds: Mapping[str, tuple[float, float]]
    """What a bond's quotes cost, and what they would have cost at a width of 1."""
    errors: Mapping[str, float]
    """Standard errors of the bonds' widths, as shares of them."""
    strength: float = 1.0
    """What quotes have to cost together, in bps, to be worth as much as a bond's 1."""
    total: tuple[float, float] = (0.0, 0.0)
    """What quotes cost, and would have cost at a width of 1, of all bonds together."""
    apart: float = _APART
    """The standard error of a bond that nobody asked for."""

    def error_of(self, bond: str) -> float:
        """The standard error of a width, as a share of it; a bond that is not told has the usual one."""
        return self.errors.get(bond, self.apart) if bond else 0.0

    def of(self, bond: str, quantity: Decimal, adv: Decimal | None) -> float:
        """The width of a request."""
        return self.of_log(bond, self.size_log(quantity, adv))

    def of_log(self, bond: str, size_log: float, without: tuple[float, float] = (0.0, 0.0)) -> float:
        """The width of a request by the logarithm of its size, without what one round said of the bond."""
        return _bounded(self.own(bond, without) * math.exp(self.slope * size_log))

    def own(self, bond: str, without: tuple[float, float] = (0.0, 0.0)) -> float:
        """The part of it that is the bond's."""
        found = self.bonds.get(bond)
        if found is None:
            return 1.0
        cost, expected, (costs, usual) = found[0] - without[0], found[1] - without[1], self.total
        # What all bonds have in common is the level of edges, not the width of any.
        level = _ratio(costs - without[0], usual - without[1])
        return _bounded((self.strength + max(cost, 0.0) / level) / (self.strength + max(expected, 0.0)))

    def size_log(self, quantity: Decimal, adv: Decimal | None) -> float:
        """ln of the size over the reference."""
        size = max(float(quantity), 1.0)
        ratio = size / float(adv) / self.reference if adv else size / self.size_reference
        return min(max(math.log(ratio), -_LOGS_MAX), _LOGS_MAX)


@dataclass(frozen=True, slots=True)
class Seen:
    """What a round says of widths, before its weight: of its bond, and of the slope (sums of a straight line)."""

    bond: str
    cost: float
    expected: float
    line: tuple[float, float, float, float, float]


def seen_in(
    bond: str,
    size_log: float,
    width: float,
    slope: float,
    taken: Sequence[tuple[str, float]],
    expected: Mapping[str, tuple[float, float]],
) -> Seen | None:
    """What the edges of a round, over its width, say of it."""
    n = len(taken)
    usual = -sum(expected[dealer][0] for dealer, _ in taken)
    if usual < _COST_BPS_MIN * n:
        return None
    cost = -sum(edge for _, edge in taken)
    # Over what was expected, so that a wide bond does not speak for all; a wild round speaks as a bad one.
    off = min(max(cost / usual - 1.0, -_OFF_MAX), _OFF_MAX)
    cost = usual * (1.0 + off)
    value = off + slope * size_log
    line = (float(n), n * size_log, n * size_log * size_log, n * value, n * value * size_log)
    return Seen(bond, cost * width, usual * math.exp(slope * size_log), line)


def fitted(
    before: Widths,
    bonds: Mapping[str, Sequence[float]],
    line: Sequence[float],
    unit: float,
    slope: float,
    strength: float,
) -> Widths:
    """The widths of the next day: the slope, drawn to `slope`, and those of bonds."""
    n, x, xx, y, xy = (total * unit for total in line)
    spread, lean = (xx - x * x / n, xy - x * y / n) if n > _LEAST else (0.0, 0.0)
    prior = _SLOPE_STRENGTH * math.log(10.0) ** 2
    fitted_slope = (prior * slope + lean) / (prior + max(spread, 0.0))
    sloped = replace(before, slope=min(max(fitted_slope, 0.0), 1.0), total=(0.0, 0.0))
    return of_bonds(sloped, bonds, unit, strength)


def of_bonds(before: Widths, bonds: Mapping[str, Sequence[float]], unit: float, strength: float) -> Widths:
    """The same slope and level with the bonds as they are seen now; the level of all of them where there was none."""
    seen = {bond: (max(cost, 0.0) * unit, max(expected, 0.0) * unit) for bond, (cost, expected) in bonds.items()}
    costs, usual = sum(cost for cost, _ in seen.values()), sum(expected for _, expected in seen.values())
    if before.total[1] > 0.0:
        # Who estimates dealers anew can follow a level that moves, nobody else.
        costs = usual * _ratio(*before.total)
    level, apart, count = _ratio(costs, usual), _APART_BONDS * _APART * _APART, _APART_BONDS
    for cost, expected in seen.values():
        if expected > _LEAST:
            # `strength` says how much of this is chance.
            off = min(max(cost / level / expected - 1.0, -_OFF_MAX), _OFF_MAX)
            apart, count = apart + off * off * expected / (strength + expected), count + 1.0
    sd = math.sqrt(apart / count)
    widths = replace(before, bonds=seen, errors={}, strength=strength, total=(costs, usual), apart=sd)
    # Where one bond is nearly all there is, its width is the level.
    errors = {
        bond: sd
        * math.sqrt(strength / (strength + expected))
        * (1.0 - (expected / usual if usual > 0.0 else 0.0))
        / widths.own(bond)
        for bond, (_, expected) in seen.items()
    }
    return replace(widths, errors=errors)


def _ratio(costs: float, usual: float) -> float:
    return costs / usual if costs > 0.0 and usual > 0.0 else 1.0


def _bounded(width: float) -> float:
    return min(max(width, _NARROWEST), _WIDEST)
