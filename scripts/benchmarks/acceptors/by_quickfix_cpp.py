"""QuickFIX itself, in C++: this process becomes the program that `peers.quickfix_cpp` has compiled."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from benchmarks import peers
from benchmarks.acceptors.quickfix_settings import write_settings


async def serve(folder: Path, durability: str, tell: Callable[[int], None]) -> None:
    program = peers.quickfix_cpp()
    assert program is not None
    config, port = write_settings(folder)
    os.execv(program, [str(program), str(config), str(port)])
