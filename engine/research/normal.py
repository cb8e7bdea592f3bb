"""Intervals by the normal law: so many standard errors to both sides, and Wilson's for a share."""

from __future__ import annotations

import math
from typing import Final

Z90: Final = 1.6448536269514722
Z95: Final = 1.96
"""So many standard errors to both sides hold 90 and 95 %."""


def wilson(share: float, count: int, z: float) -> tuple[float, float]:
    """The interval of a share of independent cases. Reference: E. B. Wilson, "Probable Inference", 1927."""
    z2 = z * z
    middle = (share + z2 / (2 * count)) / (1 + z2 / count)
    half = z * math.sqrt(max(0.0, share * (1 - share)) / count + z2 / (4 * count * count)) / (1 + z2 / count)
    return middle - half, middle + half
