"""The scorers there are, by the names that rules give them, and the places that they give to dealers.

One interface, so that one can stand for another. A new scorer is a module that gives a `Scorer`, and a line in `NAMED`;
the rule checker knows it from there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Final

from engine.errors import ConfigError
from engine.rules.plan import Ranking
from engine.selection.model import modelled
from engine.selection.ranking import Table, WeightedScorer, classic, weighted
from engine.selection.request import Parameters, Records, Request

OWN_WEIGHTS: Final = "weights"
"""What a ranking by a rule's own weights is called where a scorer's name is wanted."""


MODEL: Final = "model"

Scorer = Callable[[Records, Request, AbstractSet[str]], Table]
"""All eligible dealers for a request, best first, with the numbers behind the order."""

_Maker = Callable[[Ranking, Parameters], Scorer]


@lru_cache(maxsize=256)
def _by_weights(weights: tuple[tuple[str, Decimal], ...], window_days: int) -> WeightedScorer:
    return weighted(weights, window_days)


@lru_cache(maxsize=64)
def _classic(weights: tuple[tuple[str, Decimal], ...], window_days: int) -> WeightedScorer:
    return classic(weights, window_days)


def _kept_order(scorer: WeightedScorer) -> Scorer:
    def ranked(records: Records, request: Request, eligible: AbstractSet[str]) -> Table:
        return records.rankings.table(scorer, request.segment, request.now_ns, eligible)

    return ranked


def _by_worth(ranking: Ranking, desk: Parameters) -> Scorer:
    def ranked(records: Records, request: Request, eligible: AbstractSet[str]) -> Table:
        return modelled(request, sorted(eligible), records, desk).ranked().table(ranking.window_days)

    return ranked


NAMED: Final[Mapping[str, _Maker]] = {
    "classic": lambda ranking, desk: _kept_order(_classic(desk.classic_weights, ranking.window_days)),
    MODEL: _by_worth,
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


# --- tiers ---------------------------------------------------------------------------------------
#
# What a tier rule is told about a dealer: its place among the dealers that have one. `tier 1 when rank in top 20% and
# asks >= 20` is evaluated by the rule book. Tiers are made per asset class: the segment is `Segment("corporate")`.
#
# A dealer without data has no rank (None, so every comparison with it is unknown and no tier takes it), and is not
# counted among those ranked: half of ten dealers that nobody knows is not a tier.


@dataclass(frozen=True, slots=True)
class Standing:
    """A dealer's place in one ranking, `rank` of `ranked`; the rank is None without data."""

    dealer: str
    rank: int | None
    ranked: int


def standings(table: Table) -> tuple[Standing, ...]:
    """Every dealer's place in a ranking, best first, those without data last."""
    known = [dealer for dealer, own in zip(table.dealers, table.values, strict=True) if _tried(own)]
    unknown = [dealer for dealer, own in zip(table.dealers, table.values, strict=True) if not _tried(own)]
    return (
        *(Standing(dealer, place, len(known)) for place, dealer in enumerate(known, 1)),
        *(Standing(dealer, None, len(known)) for dealer in unknown),
    )


def _tried(own: tuple[float | None, ...]) -> bool:
    """Does any part of the score rest on the dealer's own results?"""
    return any(value is not None for value in own)
