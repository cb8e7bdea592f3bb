"""Ports to listen on: given to nobody else of this run meanwhile, and to no other run on this machine.

A port is often opened long after it was given, by a daemon that is still to start or a party that comes back. That
nobody listens there just now would keep nobody off it: not the next caller, not another run of the tests, not an
outgoing connection of anybody's. So every run has a block of its own outside of the ports that the system gives to
outgoing connections, holds the first port of the block as a sign for as long as it lives, and goes round in the rest.
"""

from __future__ import annotations

import contextlib
import functools
import random
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Final

BLOCK: Final = 1_000
"""Ports of a run: a port comes again only when the test it was given to is long over."""
USUAL: Final = range(20_000, 32_000)
OUTGOING: Final = Path("/proc/sys/net/ipv4/ip_local_port_range")


def free_port() -> int:
    """A port for one test to listen on, now or later."""
    return _block().take((0,))


def free_base(offsets: Sequence[int]) -> int:
    """A base whose ports at these offsets are for one test."""
    return _block().take(offsets)


class Block:
    """The ports from `sign` on; itself, bound and never listening, keeps others off."""

    def __init__(self, sign: socket.socket) -> None:
        self.sign = sign
        self.ports = range(sign.getsockname()[1] + 1, sign.getsockname()[1] + BLOCK)
        self._next = self.ports.start

    def take(self, offsets: Sequence[int]) -> int:
        size = max(offsets) + 1
        for _ in self.ports:
            if self._next + size > self.ports.stop:
                self._next = self.ports.start
            base = self._next
            if all(_is_free(base + offset) for offset in offsets):
                self._next += size
                return base
            self._next += 1
        raise AssertionError(f"no port from {self.ports.start} to {self.ports.stop - 1} is free")


@functools.cache
def _block() -> Block:
    among = _safe()
    signs = list(range(among.start, among.stop - BLOCK + 1, BLOCK))
    random.SystemRandom().shuffle(signs)
    for port in signs:
        sign = socket.socket()
        with contextlib.suppress(OSError):
            sign.bind(("127.0.0.1", port))
            return Block(sign)
        sign.close()
    raise AssertionError(f"other runs of the tests have all ports from {among.start} to {among.stop - 1}")


def _safe() -> range:
    """Ports that no outgoing connection is given, where the system leaves enough of them."""
    try:
        low, high = map(int, OUTGOING.read_text().split())
    except OSError:
        return USUAL
    below, above = range(USUAL.start, min(low, USUAL.stop)), range(high + 1, 65_536)
    widest = max(below, above, key=len)
    return widest if len(widest) >= BLOCK else USUAL


def _is_free(port: int) -> bool:
    """Whatever address it would be taken at."""
    with socket.socket() as probe, contextlib.suppress(OSError):
        probe.bind(("", port))
        return True
    return False
