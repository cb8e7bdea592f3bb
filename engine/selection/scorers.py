"""The scorers there are, by the names that rules give them: one interface, so that one can stand for another.

A new scorer is a module that gives a `Scorer`, and a line in `NAMED`; the rule checker knows it from there.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Final

from engine.dealers.segments import Segment
from engine.dealers.stats import CLASSIC_WEIGHTS
from engine.errors import ConfigError
from engine.rules.plan import Ranking
from engine.selection.classic import WeightedScorer, classic, weighted
from engine.selection.ranking import Rankings, Table

OWN_WEIGHTS: Final = "weights"
"""What a ranking by a rule's own weights is called where a scorer's name is wanted."""


@dataclass(frozen=True, slots=True)
class Parameters:
    """The desk's own settings of its scorers. `classic_weights` are in percent."""

    classic_weights: tuple[tuple[str, Decimal], ...] = CLASSIC_WEIGHTS


Scorer = Callable[[Rankings, Segment, int, Container[str] | None], Table]
"""All eligible dealers (None: everybody) for a segment at a time, best first, with the numbers behind the order."""

_Maker = Callable[[Ranking, Parameters], Scorer]


@lru_cache(maxsize=256)
def _by_weights(weights: tuple[tuple[str, Decimal], ...], window_days: int) -> WeightedScorer:
    return weighted(weights, window_days)


@lru_cache(maxsize=64)
def _classic(weights: tuple[tuple[str, Decimal], ...], window_days: int) -> WeightedScorer:
    return classic(weights, window_days)


def _kept_order(scorer: WeightedScorer) -> Scorer:
    return lambda records, segment, now_ns, eligible: records.table(scorer, segment, now_ns, eligible)


NAMED: Final[Mapping[str, _Maker]] = {
    "classic": lambda ranking, desk: _kept_order(_classic(desk.classic_weights, ranking.window_days)),
}
"""Every scorer that a rule may name after `rank by`."""


def scorer_of(ranking: Ranking, desk: Parameters) -> Scorer:
    """The scorer that a `rank by` means. Raises ConfigError for a name that no scorer has: never another scorer."""
    if ranking.scorer is None:
        return _kept_order(_by_weights(ranking.weights, ranking.window_days))
    make = NAMED.get(ranking.scorer)
    if make is None:
        raise ConfigError(f"rank by {ranking.scorer}: there is no such scorer; known are {', '.join(NAMED)}")
    return make(ranking, desk)


def name_of(ranking: Ranking) -> str:
    """The scorer's name, for the record."""
    return ranking.scorer if ranking.scorer is not None else OWN_WEIGHTS
