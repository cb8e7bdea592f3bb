"""Scores by parts as they were made for the words of version 1, so that those decisions stay told as they were made.

A dealer that lacked a metric got the mean over all observations of its segment; a metric that nobody had, and a dealer
that nobody had tried, counted as neutral (a rate of 0, 0 bps, 60 s), or as the mean where that was worse.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from engine.dealers.stats import Source, Unit
from engine.domain.recommendation import ScorePart
from engine.selection.ranking import own_part, transform

_NEUTRAL: Final = {Unit.RATE: 0.0, Unit.BPS: 0.0, Unit.SECONDS: 60.0}


def parts_at(
    metrics: Sequence[str],
    units: Sequence[str],
    weights: Sequence[float],
    means: Sequence[float | None],
    values: Sequence[float | None],
) -> tuple[ScorePart, ...]:
    """A score by parts, from the numbers that were kept of it."""
    return tuple(
        own_part(name, Unit(unit), weight, own)
        if own is not None
        else _lacking_part(name, Unit(unit), weight, mean, is_known=bool(values))
        for name, unit, weight, mean, own in zip(
            metrics, units, weights, means, values or (None,) * len(metrics), strict=True
        )
    )


def _lacking_part(metric: str, unit: Unit, weight: float, mean: float | None, *, is_known: bool) -> ScorePart:
    if mean is None or not is_known:
        neutral = transform(unit, _NEUTRAL[unit])
        transformed = neutral if mean is None else min(neutral, transform(unit, mean))
        return ScorePart(metric, None, transformed, weight, weight * transformed, Source.NO_DATA)
    transformed = transform(unit, mean)
    return ScorePart(metric, mean, transformed, weight, weight * transformed, Source.SEGMENT_MEAN)
