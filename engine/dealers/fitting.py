"""The daily fit in steps: scales by what was seen, which rounds to divide anew, what is known above each segment.

It reads sums and rounds that stand still and depends on nothing else, so it comes to the same numbers however long it
takes and whatever is learnt meanwhile. A step is what one scope says of all dealers, or the solution of its equations:
1 ms for 50 dealers.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from engine.dealers import scales
from engine.dealers.backoff import Coarse, Descent, Steps, chain_of, is_segment
from engine.dealers.edges import Solved
from engine.dealers.estimate_parameters import Scales
from engine.dealers.evidence import Aging, KeptRound, RoundKey
from engine.dealers.widths import Seen

_OFF: Final = 0.02
"""What a round is divided by may be off by so much, on the logarithm."""
_BELIEF_OFF: Final = 1.5
"""What a quote is believed by may be off by this factor."""
DIVIDED_MAX: Final = 200
"""Rounds that are divided anew in a day."""
_LOOKED_AT_ONCE: Final = 500


class StillRound(NamedTuple):
    """What a round with quotes was divided by, and what was known of its bond then."""

    key: RoundKey
    day: int
    bond: str
    size_log: float
    width: float
    volatility_bps: float
    seen: Seen | None
    beliefs: tuple[tuple[str, float], ...]
    """Its dealers, and how much their quotes were believed."""


def still_rounds(rounds: Iterable[tuple[RoundKey, KeptRound]]) -> list[StillRound]:
    return [
        StillRound(
            key,
            kept.day,
            kept.bond,
            kept.size_log,
            kept.width,
            kept.volatility_bps,
            kept.width_seen,
            tuple([(dealer, belief) for (dealer, _), belief in zip(kept.edges, kept.beliefs, strict=True)]),
        )
        for key, kept in rounds
        if kept.quotes
    ]


def fitting_scales(before: Descent, coarse: Mapping[str, Coarse]) -> Steps[Scales]:
    """The scales of the next day; `before` has those of this one, `coarse` is what the last fit found."""
    # What the scales are held against is what was known at the last fit.
    known: dict[str, Coarse] = {}
    for segment in _segments(before):
        known[segment] = coarse.get(segment) or (yield from before.computing_above(chain_of(segment)))
    return (yield from scales.fitting(before, known))


def looking_for_far_off(
    rounds: list[StillRound], known: Scales, aging: Aging, unit: float
) -> Steps[list[tuple[RoundKey, float]]]:
    """The rounds that are divided by something else than what their bonds are known to be, and by what they should be.

    Among them those whose dealers' quotes are believed by another noise than is known of them now.

    There is a bound: those that are off furthest come first, the others another day.
    """
    off: list[tuple[float, float, RoundKey]] = []
    widths, spreads = known.widths, known.spreads
    for at, (key, day, bond, size_log, before, volatility_bps, seen, beliefs) in enumerate(rounds, 1):
        without = (0.0, 0.0)
        if seen is not None:
            share = aging.weight(day) * unit
            without = seen.cost * share, seen.expected * share
        width = widths.of_log(bond, size_log, without)
        far = abs(math.log(width / before)) / _OFF
        for dealer, belief in beliefs:
            now = spreads.belief(dealer, volatility_bps / width)
            if now > _BELIEF_OFF * belief or belief > _BELIEF_OFF * now:
                far = max(far, abs(math.log(now / belief)) / math.log(_BELIEF_OFF))
        if far > 1.0:
            off.append((far, width, key))
        if at % _LOOKED_AT_ONCE == 0:
            yield
    if len(off) > DIVIDED_MAX:
        off.sort(key=_how_far, reverse=True)
    return [(key, width) for _, width, key in off[:DIVIDED_MAX]]


def _how_far(off: tuple[float, float, RoundKey]) -> float:
    return off[0]


def computing_segments(descent: Descent) -> Steps[tuple[dict[str, Coarse], dict[str, Solved]]]:
    """By segment what is known above it, and the edges of all quotes in it."""
    found: dict[str, Coarse] = {}
    edges: dict[str, Solved] = {}
    for segment in _segments(descent):
        chain = chain_of(segment)
        found[segment] = above = yield from descent.computing_above(chain)
        edges[segment] = descent.edges_of_all_in(chain, above)
        yield
    return found, edges


def _segments(descent: Descent) -> list[str]:
    return sorted(scope for scope in descent.evidence.cells if is_segment(scope))
