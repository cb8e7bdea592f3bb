"""`python -m benchmarks.acceptors NAME FOLDER DURABILITY`: serve until terminated."""

from __future__ import annotations

import asyncio
import importlib
import sys
from pathlib import Path

import uvloop


def main() -> None:
    name, folder, durability = sys.argv[1:]
    acceptor = importlib.import_module(f"benchmarks.acceptors.{name}")
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(acceptor.serve(Path(folder), durability, _tell))


def _tell(port: int) -> None:
    print(f"port {port}", flush=True)


main()
