"""What a tier rule is told about a dealer: its place among the dealers that have one.

`tier 1 when rank in top 20% and asks >= 20` is evaluated by the rule book; this module supplies rank and how
many were ranked. Tiers are made per asset class: the segment is `Segment("corporate")`.

A dealer without data has no rank (None, so every comparison with it is unknown and no tier takes it), and is
not counted among those ranked: half of ten dealers that nobody knows is not a tier.
"""

from __future__ import annotations

from dataclasses import dataclass

from engine.selection.ranking import Table


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
