"""The simplest things one might expect of a dealer: rates and means of what was seen so far, the desk's and its own.

What estimates expect is held against these.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal

from engine.dealers.tally import edge_of
from engine.domain.observation import Answer, RoundSeen, Taken


@dataclass(slots=True)
class Rate:
    """Yes and no, counted; before anything was seen one of each stands in."""

    count: float = 0.0
    total: float = 0.0

    def add(self, value: float) -> None:
        self.count += 1.0
        self.total += value

    @property
    def rate(self) -> float:
        return (self.total + 1.0) / (self.count + 2.0)

    def drawn_to(self, rate: float) -> float:
        """By one observation: never certain of what was never seen."""
        return (self.total + rate) / (self.count + 1.0)


@dataclass(slots=True)
class Moments:
    """Mean and standard deviation of what was seen so far."""

    count: int = 0
    mean: float = 0.0
    squares: float = 0.0

    def add(self, value: float) -> None:
        self.count += 1
        off = value - self.mean
        self.mean += off / self.count
        self.squares += off * (value - self.mean)

    @property
    def sd(self) -> float:
        """10 bps before two were seen."""
        return math.sqrt(self.squares / (self.count - 1)) if self.count > 1 and self.squares > 0 else 10.0

    def drawn_to(self, mean: float) -> float:
        return (self.count * self.mean + mean) / (self.count + 1)


class Simple:
    """Rates and means of the desk so far and of each dealer, whatever was asked for."""

    def __init__(self) -> None:
        self.answered, self.filled, self.size, self.edge = Rate(), Rate(), Rate(), Moments()
        self._answered: dict[str, Rate] = {}
        self._filled: dict[str, Rate] = {}
        self._edges: dict[str, Moments] = {}

    def answered_by(self, dealer: str) -> Rate:
        return self._answered.get(dealer) or Rate()

    def filled_by(self, dealer: str) -> Rate:
        return self._filled.get(dealer) or Rate()

    def edge_of(self, dealer: str) -> Moments:
        return self._edges.get(dealer) or Moments()

    def learn(self, seen: RoundSeen) -> None:
        for ask in seen.asks:
            quoted = ask.answer is Answer.quote
            for rate in (self.answered, self._answered.setdefault(ask.dealer, Rate())):
                rate.add(1.0 if quoted else 0.0)
            if ask.taken is not Taken.no:
                for rate in (self.filled, self._filled.setdefault(ask.dealer, Rate())):
                    rate.add(1.0 if ask.taken is Taken.filled else 0.0)
            share = size_share(ask.quantity, seen.quantity)
            if quoted and share is not None:
                self.size.add(share)
            edge = edge_of(ask)
            if edge is not None:
                for moments in (self.edge, self._edges.setdefault(ask.dealer, Moments())):
                    moments.add(edge)


def size_share(quantity: Decimal | None, wanted: Decimal) -> float | None:
    return None if quantity is None or wanted <= 0 else min(1.0, float(quantity / wanted))
