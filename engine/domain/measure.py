"""An estimate with its error, and how much of one can be known at all: what estimates, events and screens share.

Intervals hold 90 %.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from engine.domain.rows import row


@row
@dataclass(frozen=True, slots=True)
class Measure:
    """One estimate: its value, its standard deviation, the 90 % interval, and how many observations it is worth.

    `n_eff` is (sum of weights)^2 / (sum of squared weights) of the dealer's own observations.
    """

    value: float
    sd: float
    low: float
    high: float
    n_eff: float


class Identified(StrEnum):
    """How much of a leak the panels that were asked can tell."""

    none = "none"
    """Whoever was asked was always asked: nothing."""
    relative = "relative"
    """Dealers against each other."""
    level = "level"
    """The number asked varied, too: in bps."""
