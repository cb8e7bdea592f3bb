"""Does memory grow with the messages handled? Our acceptor's own resident bytes over many orders and answers."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Final

from benchmarks.client import Server, Trader
from benchmarks.measuring import Effort, Line

MESSAGES: Final = 1_000_000
"""Orders and answers together; `quick` makes do with a tenth, where one page more shows as a byte."""
WARM_UP: Final = 40_000
OUTSTANDING: Final = 100
_PORTION: Final = 10_000


def measure(effort: Effort) -> list[Line]:
    messages = MESSAGES // 10 if effort.quick else MESSAGES
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        with Server(["benchmarks.acceptors", "ours", str(folder / "ours"), "normal"], folder / "ours") as server:
            trader = Trader(server.port)
            _trade(trader, WARM_UP)
            before = server.private_bytes
            _trade(trader, messages)
            slope = (server.private_bytes - before) / messages
            trader.close()
    return [Line(f"memory a message, {messages:,} messages", "bytes", slope, "a byte", 1.0, 1.0, "normal")]


def _trade(trader: Trader, messages: int) -> None:
    for _ in range(messages // 2 // _PORTION):
        trader.rate(_PORTION, OUTSTANDING)
