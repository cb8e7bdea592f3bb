"""Draws by name: the same for the same purpose, whatever else was drawn before it.

Two policies that ask different dealers see the same bonds move, and a dealer who is asked by both at the same moment
is in the same mood. What differs between them is then what they did, and far fewer rounds tell them apart (common
random numbers; Glasserman and Yao, Management Science 38(6), 1992).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from hashlib import blake2b
from statistics import NormalDist
from typing import Final, TypeVar

T = TypeVar("T")

_STANDARD: Final = NormalDist()
_STEPS: Final = 1 << 53
"""As many as a float between 0 and 1 can tell apart."""


class Chance:
    """All the luck of one world."""

    __slots__ = ("_key",)

    def __init__(self, *seed: int | str) -> None:
        self._key = blake2b(_spelt(seed), digest_size=16).digest()

    def uniform(self, *purpose: int | str) -> float:
        """Between 0 and 1, neither of them."""
        drawn = blake2b(_spelt(purpose), key=self._key, digest_size=8).digest()
        return ((int.from_bytes(drawn, "big") >> 11) + 0.5) / _STEPS

    def between(self, low: float, high: float, *purpose: int | str) -> float:
        return low + (high - low) * self.uniform(*purpose)

    def normal(self, *purpose: int | str) -> float:
        """Mean 0, standard deviation 1."""
        return _STANDARD.inv_cdf(self.uniform(*purpose))

    def laplace(self, *purpose: int | str) -> float:
        """Mean 0, standard deviation 1, with heavier tails than the normal one."""
        centred = self.uniform(*purpose) - 0.5
        return -math.copysign(math.log(1 - 2 * abs(centred)), centred) / math.sqrt(2)

    def waiting(self, mean: float, *purpose: int | str) -> float:
        """Exponential with this mean."""
        return -mean * math.log(self.uniform(*purpose))

    def happens(self, probability: float, *purpose: int | str) -> bool:
        return self.uniform(*purpose) < probability

    def one_of(self, choices: Sequence[T], *purpose: int | str) -> T:
        return choices[int(self.uniform(*purpose) * len(choices))]


def _spelt(words: tuple[int | str, ...]) -> bytes:
    return "|".join(map(str, words)).encode()
