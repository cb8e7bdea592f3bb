"""How wide a bond is quoted at a size: what an edge in bps is measured in.

A dealer's edge is a share of the bond's own spread: whoever is 4 bps from the mark in a liquid bond is 40 from it in
one that nobody wants, and further for a large order. Estimates of dealers are therefore of edges over the width of the
request, and an outlook is multiplied by it again:

    width = bond's own x (size / ADV / reference) ^ slope

The slope is estimated for the desk, the bond's own part for every bond: what its quotes cost over what they would have
cost by their dealers alone, beside the same of the bonds of its kind, drawn to 1. Both are as of the last daily event.
A width is 1 for a bond of which nothing is known at the reference size, so that the parameters of edges are in bps.

What the bonds of a kind (rating and maturity) have in common is what dealers charge for the kind, and part of their
edges: taken for the width of each, it would be missing in the edge of the next new bond. Of one bond alone nobody can
say whether it or its kind is wide; its kind is drawn to all bonds by as many as `_KIND_BONDS`.

A round that is kept is divided by what its bond is known to be now, by all its other rounds: its own quotes would make
it look the usual one.

How far bonds lie apart is estimated from what they came to; what is left of it, once a bond's own quotes are seen, is
the error of its width. All dealers of a request share it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
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
_KIND_BONDS: Final = 2.0
"""Bonds of a kind that all bonds together are worth: bonds of a kind lie apart by .4, kinds by .3."""
_COST_BPS_MIN: Final = 1.0
"""Dealers that are expected to quote nearer to the mark than that say nothing of a width."""


NO_KINDS: Final[Mapping[str, str]] = {}


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
    kinds: Mapping[str, str] = field(default_factory=dict)
    """The kind of each bond."""
    of_kinds: Mapping[str, tuple[float, float, float]] = field(default_factory=dict)
    """By kind what quotes cost, and would have cost, of its bonds together; how far these are the measure of a bond."""

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
        cost, expected = found[0] - without[0], found[1] - without[1]
        level = self._level(bond, without)
        return _bounded((self.strength + max(cost, 0.0) / level) / (self.strength + max(expected, 0.0)))

    def _level(self, bond: str, without: tuple[float, float] = (0.0, 0.0)) -> float:
        """What the bonds of its kind have in common: the level of edges, not the width of any."""
        costs, usual = self.total
        level = _ratio(costs - without[0], usual - without[1])
        of_kind = self.of_kinds.get(self.kinds.get(bond, ""))
        if of_kind is None:
            return level
        costs, usual, share = of_kind
        of_its_kind = _ratio(costs - without[0], usual - without[1])
        return math.exp((1.0 - share) * math.log(level) + share * math.log(of_its_kind))

    def _share(self, bond: str, expected: float) -> float:
        """How much of that is the bond itself."""
        usual = self.total[1]
        of_all = expected / usual if usual > 0.0 else 0.0
        of_kind = self.of_kinds.get(self.kinds.get(bond, ""))
        if of_kind is None or of_kind[1] <= 0.0:
            return of_all
        return (1.0 - of_kind[2]) * of_all + of_kind[2] * expected / of_kind[1]

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
    kinds: Mapping[str, str] = NO_KINDS,
) -> Widths:
    """The widths of the next day: the slope, drawn to `slope`, and those of bonds."""
    n, x, xx, y, xy = (total * unit for total in line)
    spread, lean = (xx - x * x / n, xy - x * y / n) if n > _LEAST else (0.0, 0.0)
    prior = _SLOPE_STRENGTH * math.log(10.0) ** 2
    fitted_slope = (prior * slope + lean) / (prior + max(spread, 0.0))
    sloped = replace(before, slope=min(max(fitted_slope, 0.0), 1.0), total=(0.0, 0.0), of_kinds={})
    return of_bonds(sloped, bonds, unit, strength, kinds)


def of_bonds(
    before: Widths,
    bonds: Mapping[str, Sequence[float]],
    unit: float,
    strength: float,
    kinds: Mapping[str, str] = NO_KINDS,
) -> Widths:
    """The same slope and levels with the bonds as they are seen now; levels of today where there were none."""
    seen = {bond: (max(cost, 0.0) * unit, max(expected, 0.0) * unit) for bond, (cost, expected) in bonds.items()}
    costs, usual = sum(cost for cost, _ in seen.values()), sum(expected for _, expected in seen.values())
    if before.total[1] > 0.0:
        # Who estimates dealers anew can follow a level that moves, nobody else.
        costs = usual * _ratio(*before.total)
    of_kinds = _of_kinds(before, seen, kinds, strength)
    widths = replace(
        before, bonds=seen, errors={}, strength=strength, total=(costs, usual), kinds=kinds, of_kinds=of_kinds
    )
    apart, count = _APART_BONDS * _APART * _APART, _APART_BONDS
    for bond, (cost, expected) in seen.items():
        if expected > _LEAST:
            # `strength` says how much of this is chance.
            off = min(max(cost / widths._level(bond) / expected - 1.0, -_OFF_MAX), _OFF_MAX)
            apart, count = apart + off * off * expected / (strength + expected), count + 1.0
    sd = math.sqrt(apart / count)
    # Where one bond is nearly all there is, its width is the level.
    errors = {
        bond: sd
        * math.sqrt(strength / (strength + expected))
        * (1.0 - widths._share(bond, expected))
        / widths.own(bond)
        for bond, (_, expected) in seen.items()
    }
    return replace(widths, errors=errors, apart=sd)


def _of_kinds(
    before: Widths, seen: Mapping[str, tuple[float, float]], kinds: Mapping[str, str], strength: float
) -> dict[str, tuple[float, float, float]]:
    """By kind its bonds together. Of one that was known before the level stays, as that of all does."""
    sums: dict[str, list[float]] = {}
    for bond, (cost, expected) in seen.items():
        known = expected / (strength + expected)
        kind = sums.setdefault(kinds.get(bond, ""), [0.0] * 4)
        for at, more in enumerate((cost, expected, known, known * known)):
            kind[at] += more
    found: dict[str, tuple[float, float, float]] = {}
    for name, (cost, expected, known, squares) in sums.items():
        if not name or squares <= 0.0:
            continue
        count = known * known / squares
        was = before.of_kinds.get(name)
        if was is not None and was[1] > 0.0:
            cost = expected * _ratio(was[0], was[1])
        found[name] = cost, expected, count / (count + _KIND_BONDS)
    return found


def _ratio(costs: float, usual: float) -> float:
    return costs / usual if costs > 0.0 and usual > 0.0 else 1.0


def _bounded(width: float) -> float:
    return min(max(width, _NARROWEST), _WIDEST)
