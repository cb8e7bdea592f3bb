"""The scales of estimates by what was seen: strengths of priors, spreads of edges, the slope of answering.

Empirical Bayes by moments, a day at a time: each scale is drawn to the parameter it starts from, moves as far as what
was seen says, and stays within bounds. Read from the scopes that say most.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from engine.dealers import evidence as ev
from engine.dealers import rates, widths
from engine.dealers.backoff import NO_CELLS, Coarse, Descent, Steps, chain_of
from engine.dealers.edges import Spreads
from engine.dealers.estimate_parameters import EstimateParameters, Scales, usual_noise
from engine.dealers.evidence import Evidence
from engine.dealers.noise import fitting as fitting_noise
from engine.dealers.rates import Counting
from engine.dealers.segments import ANY
from engine.dealers.widths import Widths

_LEVELS: Final = 4
"""Of scopes: the desk, the asset class, the segment, side and size."""
_READ_MAX: Final = 8
"""Scopes of a level that scales are read from."""
_ROUNDS: Final = 20.0
"""Rounds that the parameter of what rounds have in common is worth."""
_DEALERS: Final = 2.0
"""Dealers that the parameter of how far they lie apart is worth: to a factor of two it is known."""
_QUOTES: Final = 20.0
"""Quotes that the parameter of how their sizes vary is worth."""


def fitting(descent: Descent, coarse: Mapping[str, Coarse]) -> Steps[Scales]:
    """The scales of the next day. `coarse` is what is known above each segment, with the scales of this one."""
    scopes = _most_asked(descent)
    yield
    rated: dict[str, Counting] = {}
    for name in descent.scales.rates:
        rated[name] = yield from _strengths(name, scopes, descent, coarse)
    spreads = yield from _spreads(scopes, descent, coarse)
    return Scales(
        rated,
        spreads,
        _panel_slope(descent),
        _widths(descent),
    )


def _most_asked(descent: Descent) -> list[tuple[int, str]]:
    """(level, scope), those first that were asked most."""
    by_level: dict[int, list[tuple[float, str]]] = {}
    for scope, cells in descent.evidence.cells.items():
        asks = sum(cell[ev.ASKS] for cell in cells.values())
        by_level.setdefault(len(chain_of(scope)) - 1, []).append((-asks, scope))
    return [(level, scope) for level in sorted(by_level) for _, scope in sorted(by_level[level])[:_READ_MAX]]


def _strengths(
    name: str, scopes: list[tuple[int, str]], descent: Descent, coarse: Mapping[str, Coarse]
) -> Steps[Counting]:
    counting, p = descent.scales.rates[name], descent.parameters
    found = [(0.0, 0.0)] * _LEVELS
    for level, scope in scopes:
        chain = chain_of(scope)
        first, known = 0, None
        for place, each in enumerate(chain):
            if each in coarse:
                first, known = place, coarse[each].rates[name]
        above = descent.rates(name, chain, first, len(chain) - 1, known)
        total, count = rates.apart(above, level, descent.evidence.cells[scope], counting, descent.unit)
        found[level] = found[level][0] + total, found[level][1] + count
        yield
    strengths = tuple(
        rates.strength_of(total, count, rates.strength_at(p.strengths, level), p.strength_dealers)
        for level, (total, count) in enumerate(found)
    )
    return replace(counting, strengths=strengths, spread=_size_spread(descent) if name == "z" else counting.spread)


def _size_spread(descent: Descent) -> float:
    """How much the share that a dealer quotes of the size varies, over the variance of all or nothing."""
    within, of_all = _QUOTES * descent.parameters.z_spread, _QUOTES
    for cell in descent.evidence.cells.get(ANY, NO_CELLS).values():
        weight = cell[ev.Z_WEIGHT] * descent.unit
        if weight > 1.0:
            mean = cell[ev.Z_SUM] * descent.unit / weight
            whole = max(mean * (1.0 - mean), 0.01)
            within += (cell[ev.Z_SUM_OF_SQUARES] * descent.unit - weight * mean * mean) / whole
            of_all += weight - 1.0
    return min(max(within / of_all, 0.02), 1.0)


def _spreads(scopes: list[tuple[int, str]], descent: Descent, coarse: Mapping[str, Coarse]) -> Steps[Spreads]:
    p, unit = descent.parameters, descent.unit
    found = [(0.0, 0.0)] * _LEVELS
    for level, scope in scopes:
        if scope not in descent.evidence.edges:
            continue
        chain = chain_of(scope)
        first, known = 0, None
        for place, each in enumerate(chain):
            if each in coarse:
                first, known = place, coarse[each].solved
        solved = descent.edges(chain, first, len(chain), known)[-1]
        found[level] = found[level][0] + solved.apart[0], found[level][1] + solved.apart[1]
        yield
    dealers = tuple(
        _sd(apart, n, p.edge_dealers_bps[min(level, len(p.edge_dealers_bps) - 1)], _DEALERS, 5.0)
        for level, (apart, n) in enumerate(found)
    )
    common = descent.evidence.common
    noise = yield from fitting_noise(descent.scales.spreads.noises, descent.evidence.noise, unit, usual_noise(p))
    return Spreads(
        noise.usual.at(p.volatility_bps),
        _sd(common[0] * unit, common[1] * unit, p.edge_round_bps, _ROUNDS, 10.0),
        dealers,
        p.edge_scopes_bps,
        p.edge_level_bps,
        noise,
    )


def _panel_slope(descent: Descent) -> float:
    """One regression step for all dealers together; more competition never makes anybody answer more."""
    p, (information, score) = descent.parameters, descent.evidence.slopes
    prior = 1.0 / (p.panel_slope_sd * p.panel_slope_sd)
    slope = (prior * p.panel_slope + score * descent.unit) / (prior + information * descent.unit)
    return min(max(slope, -2.0), 0.0)


def _widths(descent: Descent) -> Widths:
    p, evidence, before = descent.parameters, descent.evidence, descent.scales.widths
    strength = _width_strength(p)
    kinds = evidence.kinds_of_bonds()
    return widths.fitted(before, evidence.widths, evidence.width_line, descent.unit, p.width_slope, strength, kinds)


def with_bonds_of_today(before: Scales, evidence: Evidence, p: EstimateParameters, unit: float) -> Scales:
    """The same scales, but for the widths of bonds: of a bond that is new a day says much."""
    kinds = evidence.kinds_of_bonds()
    return replace(before, widths=widths.of_bonds(before.widths, evidence.widths, unit, _width_strength(p), kinds))


def _width_strength(p: EstimateParameters) -> float:
    return p.width_strength * max(1.0, abs(p.edge_level_bps))


def _sd(squares: float, count: float, start: float, strength: float, bound: float) -> float:
    """The sd by a sum of squares, drawn to `start` by so many; within a factor of `bound` of it."""
    mean = (strength * start * start + squares) / max(strength + count, 1e-12)
    return min(max(math.sqrt(max(mean, 0.0)), start / bound), start * bound)
