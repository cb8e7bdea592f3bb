"""Random bytes for inputs: nothing behind them draws its own, so that a turn can be decided again."""

from __future__ import annotations

import os
from typing import Final

BYTES: Final = 16
"""What one input brings along."""
_BLOCK_BYTES: Final = 4096
"""Drawn ahead at once: a system call for every input would be one too many."""


class Entropy:
    """Fresh random bytes, from a block drawn ahead."""

    __slots__ = ("_at", "_block")

    def __init__(self) -> None:
        self._block = b""
        self._at = 0

    def draw(self) -> bytes:
        if self._at >= len(self._block):
            self._block, self._at = os.urandom(_BLOCK_BYTES), 0
        at = self._at
        self._at = at + BYTES
        return self._block[at : at + BYTES]
