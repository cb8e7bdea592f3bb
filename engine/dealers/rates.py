"""Rates of dealers by back-off: a discounted Beta whose prior is what is known one level up.

A chain goes from the desk to the finest scope. At each level a dealer's prior is its own posterior of the level above,
moved by how much this scope differs from there for all others: a precision-weighted mean across dealers, the dealer
itself left out, so that a favourite who was asked often does not speak for everybody. What is counted in a scope is
left out of the level above it: nothing is counted twice. Strengths of levels join like resistors: a prior that has
passed two levels of strength 20 is worth 10.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from engine.dealers.evidence import Cell
from engine.dealers.outlook import Measure

Z90: Final = 1.6448536269514722
"""Quantile 95 % of the normal: an interval of 90 %."""

_LEAST: Final = 1e-9
_MOST: Final = 1.0 - _LEAST
_SKEW: Final = (Z90 * Z90 - 1.0) / 6.0
"""Of Cornish and Fisher's expansion, at both ends of the interval."""

Rate = tuple[float, float]
"""(mean, strength): a Beta with these."""
Effect = tuple[float, float]
"""(mean, variance) of what a logit moves by."""
NO_EFFECT: Final[Effect] = (0.0, 0.0)
_KAPPA: Final = math.pi / 8.0
_NOT_YET: Final[Rate] = (0.0, 0.0)
"""Keeps a dealer's place."""


@dataclass(frozen=True, slots=True)
class Counting:
    """Which fields of a cell a rate is made of; `spread` is the variance within over that of yes and no.

    `plain` and `squared` hold the weights of what was counted, and their squares: how many they are worth.
    """

    weight: int
    total: int
    plain: int
    squared: int
    mean: float
    """Prior of the desk."""
    strengths: tuple[float, ...]
    """By level: the desk, the asset class, the segment, side and size."""
    spread: float = 1.0


@dataclass(frozen=True, slots=True)
class Known:
    """A rate of all dealers in one scope."""

    rates: dict[str, Rate]
    newcomer: Rate
    """What is expected of one that was never asked."""

    def of(self, dealer: str) -> Rate:
        """The dealer's own, or a newcomer's."""
        return self.rates.get(dealer, self.newcomer)


def begin(counting: Counting) -> Known:
    """What is believed above the desk."""
    return Known({}, (counting.mean, math.inf))


def strength_at(strengths: Sequence[float], level: int) -> float:
    """The strength of one level; the last one's for any finer."""
    return strengths[min(level, len(strengths) - 1)]


def descend(
    above: Known, level: int, cells: Mapping[str, Cell], finer: Mapping[str, Cell], counting: Counting, unit: float
) -> Known:
    """A rate in a scope from what it is one level up and from what was seen in it, but not in `finer`.

    `unit` scales sums to a day.
    """
    strength = strength_at(counting.strengths, level)
    unit /= counting.spread
    weight_at, total_at, known, newcomer = counting.weight, counting.total, above.rates, above.newcomer
    seen: dict[str, tuple[float, float, float, float, float, float, float]] = {}
    sum_of_weights = seen_sum = expected_sum = 0.0
    for dealer, cell in cells.items():
        weight = cell[weight_at] * unit
        if weight <= _LEAST:
            continue
        mean, prior = known.get(dealer, newcomer)
        prior = strength if prior == math.inf else prior * strength / (prior + strength)
        # 1 / (variance between dealers + variance within / asks), in units of one ask.
        precision = prior * weight / (prior + weight)
        total = cell[total_at] * unit
        own_seen, own_expected = precision * total / weight, precision * mean
        seen[dealer] = (mean, prior, weight, total, precision, own_seen, own_expected)
        sum_of_weights += precision
        seen_sum += own_seen
        expected_sum += own_expected
    ratio = _odds_ratio(sum_of_weights, seen_sum, expected_sum, strength)
    found = {
        dealer: _NOT_YET if dealer in seen else (_moved(mean, ratio), _joined(prior, strength))
        for dealer, (mean, prior) in known.items()
    }
    for dealer, (mean, prior, weight, total, precision, own_seen, own_expected) in seen.items():
        # `_moved` by the `_odds_ratio` of the others, written out: a segment of 50 dealers asks for it 400 times.
        weights = sum_of_weights - precision
        odds = mean
        if weights > _LEAST:
            usual = (expected_sum - own_expected) / weights
            usual = _LEAST if usual < _LEAST else _MOST if usual > _MOST else usual
            here = (seen_sum - own_seen + strength * usual) / (weights + strength)
            here = _LEAST if here < _LEAST else _MOST if here > _MOST else here
            odds = mean * (here * (1.0 - usual) / ((1.0 - here) * usual))
        inner = finer.get(dealer)
        if inner is not None:
            weight = max(weight - inner[weight_at] * unit, 0.0)
            total = total - inner[total_at] * unit if weight > _LEAST else 0.0
        found[dealer] = ((prior * (odds / (1.0 - mean + odds)) + total) / (prior + weight), prior + weight)
    return Known(found, (_moved(newcomer[0], ratio), _joined(newcomer[1], strength)))


def apart(above: Known, level: int, cells: Mapping[str, Cell], counting: Counting, unit: float) -> tuple[float, float]:
    """How far dealers of a scope are from what was expected of them, beyond chance: (weighted sum, weights).

    In units of the variance of yes and no: the mean of it is 1 / (strength + 1) of the level.
    """
    strength = strength_at(counting.strengths, level)
    means = [(cell, above.of(dealer)) for dealer, cell in cells.items() if cell[counting.weight] * unit > _LEAST]
    weights = [cell[counting.weight] * unit for cell, _ in means]
    precisions = [strength * weight / (strength + weight) for weight in weights]
    seen = [p * cell[counting.total] / cell[counting.weight] for p, (cell, _) in zip(precisions, means, strict=True)]
    expected = [p * rate[0] for p, (_, rate) in zip(precisions, means, strict=True)]
    sums = sum(precisions), sum(seen), sum(expected)
    total = count = 0.0
    for (cell, (mean, prior)), weight, *own in zip(means, weights, precisions, seen, expected, strict=True):
        others = _odds_ratio(sums[0] - own[0], sums[1] - own[1], sums[2] - own[2], strength)
        start = min(max(_moved(mean, others), 0.01), 0.99)
        n_eff = cell[counting.plain] ** 2 / cell[counting.squared] * cell[counting.weight] / cell[counting.plain]
        whole = start * (1.0 - start)
        off = cell[counting.total] * unit / weight - start
        by_chance = counting.spread / n_eff + (0.0 if prior == math.inf else 1.0 / (prior + 1.0))
        # How well one dealer tells it: the variance of a squared deviation, which rare failures make wide.
        believed = 1.0 / ((2.0 + 1.0 / (n_eff * whole)) * (by_chance + 1.0 / (strength + 1.0)) ** 2)
        total += believed * (off * off / whole - by_chance)
        count += believed
    return total, count


def strength_of(total: float, count: float, start: float, dealers: float) -> float:
    """The strength of a level by what `apart` found, drawn to `start` as if by so many dealers; 2 to 500."""
    usual = 1.0 / (start + 1.0)
    drawn = dealers / (2.0 * usual * usual)
    share = (drawn * usual + total) / (drawn + count)
    return 1.0 / min(max(share, 1.0 / 501.0), 1.0 / 3.0) - 1.0


def _joined(above: float, strength: float) -> float:
    return strength if above == math.inf else above * strength / (above + strength)


def _odds_ratio(weights: float, seen: float, expected: float, strength: float) -> float:
    """How far dealers of this scope are from what was expected of them, as odds; drawn to 1 while they are few."""
    if weights <= _LEAST:
        return 1.0
    mean = min(max(expected / weights, _LEAST), _MOST)
    found = min(max((seen + strength * mean) / (weights + strength), _LEAST), _MOST)
    return found * (1.0 - mean) / ((1.0 - found) * mean)


def _moved(mean: float, ratio: float) -> float:
    odds = mean * ratio
    return odds / (1.0 - mean + odds)


def logit(p: float) -> float:
    """ln(p / (1 - p)); p is kept a little away from 0 and 1."""
    bounded = min(max(p, 1e-6), 1.0 - 1e-6)
    return math.log(bounded / (1.0 - bounded))


def expit(x: float) -> float:
    """The other way round."""
    return 1.0 / (1.0 + math.exp(-x)) if x > -700.0 else 0.0


def laid(logit: float, effect: Effect) -> float:
    """A logit with an effect laid on it: that of the mean chance, over what is not known of the effect.

    Source: D. J. C. MacKay, "The evidence framework applied to classification networks", Neural Computation 4 (1992).
    """
    mean, variance = effect
    return (logit + mean) / math.sqrt(1.0 + _KAPPA * variance)


def measure_of_rate(
    rate: Rate, n_eff: float, move: float = 0.0, effect: Effect = NO_EFFECT, after: float = 0.0
) -> Measure:
    """A Beta as a measure: its interval is that of the logit, by its first three cumulants (Cornish-Fisher).

    `move` is added to the logit, `effect` is laid on that, and `after` is added in the end.
    """
    mean, strength = rate
    mean = min(max(mean, 1e-6), 1.0 - 1e-6)
    yes, no = polygammas(mean * strength), polygammas((1.0 - mean) * strength)
    sd = math.sqrt(yes[1] + no[1] + effect[1])
    skew = (yes[2] - no[2]) / (sd * sd * sd) * _SKEW
    whole = move + after
    centre = yes[0] - no[0] + whole + effect[0]
    if effect is NO_EFFECT:
        value = _moved(mean, math.exp(whole)) if whole else mean
    else:
        value = expit(laid(logit(mean) + move, effect) + after)
    chance = value * (1.0 - value)
    return Measure(
        value=value,
        sd=math.sqrt(chance / (strength + 1.0) + chance * chance * effect[1]),
        low=min(value, expit(centre + sd * (skew - Z90))),
        high=max(value, expit(centre + sd * (skew + Z90))),
        n_eff=n_eff,
    )


def polygammas(x: float) -> tuple[float, float, float]:
    """Digamma and its first two derivatives, to 1e-4, for x above 0."""
    first = second = third = 0.0
    while x < 3.0:
        inverse = 1.0 / x
        square = inverse * inverse
        first -= inverse
        second += square
        third -= 2.0 * square * inverse
        x += 1.0
    inverse = 1.0 / x
    square = inverse * inverse
    return (
        first + math.log(x) - 0.5 * inverse - square * (1 / 12 - square * (1 / 120 - square / 252)),
        second + inverse + 0.5 * square + square * inverse * (1 / 6 - square * (1 / 30 - square / 42)),
        third - square * (1.0 + inverse + 0.5 * square - square * square * (1 / 6 - square / 6)),
    )
