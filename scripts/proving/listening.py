"""A street that notes who moved its mid: part of the market, it knows no more of the engine than that does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from worlds.paths import Paths
from worlds.street import Piece, Street
from worlds.world import World

_NOTHING_BPS: Final = 1e-9
"""Sums are not to the last digit."""


@dataclass(frozen=True, slots=True)
class Told:
    begins_s: float
    bps: float
    """Against the order."""


class Listening(Street):
    """A street that notes who moved its mid for which round, and by how much."""

    def __init__(self, world: World, paths: Paths) -> None:
        super().__init__(world, paths)
        self.told: dict[tuple[int, int], dict[str, Told]] = {}

    def tell(self, piece: Piece, who: str, bps: float, begins_s: float) -> None:
        before = self._sum(piece)
        super().tell(piece, who, bps, begins_s)
        moved = piece.side * (self._sum(piece) - before)
        if abs(moved) > _NOTHING_BPS:
            self.told.setdefault((piece.order, piece.number), {})[who] = Told(begins_s, moved)

    def _sum(self, piece: Piece) -> float:
        moves = self._moves.get(piece.bond.issuer)
        return moves.total[-1] if moves is not None else 0.0

    def arrived_bps(self, told: Told, at_s: float) -> float:
        """What of it is in the price by then."""
        return told.bps * self._arrived(at_s - told.begins_s) if at_s > told.begins_s else 0.0
