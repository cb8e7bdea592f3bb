"""One line of progress for work that takes a while, where somebody looks."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final, TextIO, TypeAlias

Progress: TypeAlias = Callable[[int, int], None]
"""Is told how much is done, and of how much."""

_PAUSE_S: Final = 0.2


def progress_line(screen: TextIO, what: str) -> Progress:
    """What is done, its rate and the time left; the line ends when all is done. Nothing without a terminal."""
    began = shown = time.monotonic()

    def told(done: int, total: int) -> None:
        nonlocal shown
        now = time.monotonic()
        if not screen.isatty() or (now - shown < _PAUSE_S and done < total):
            return
        shown = now
        rate = done / max(now - began, 1e-9)
        end = "\n" if done >= total else ""
        left = (total - done) / rate if rate else 0.0
        screen.write(f"\r\x1b[K{done:,} of {total:,} {what}, {rate:,.0f}/s, {left:,.0f} s left{end}")
        screen.flush()

    return told


def silent(done: int, total: int) -> None:
    """Nobody looks."""
