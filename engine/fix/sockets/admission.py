"""Who may connect at all: from which addresses, how many at a time, how often.

Asked with an address and a time before anything is read from a connection; a refused one is closed without a word.
Whoever logs on is no stranger any more: what is counted against an address are attempts in a time, and failures, each
of which beyond the first few doubles the pause until the address is heard again.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from engine.clock import NS_PER_S
from engine.fix.session.entrance import is_within, source
from engine.fix.session.settings import Network

ADDRESSES_MAX: Final = 10_000
"""Addresses that are remembered; beyond, those with nothing open are forgotten, the longest unheard first."""
PAUSE_S_MIN: Final = 1.0
"""After the first failure too many; doubled by each further one."""
FORGIVEN_AFTER_S: Final = 600.0
"""An address without an attempt for this long starts anew."""


class Refusal(StrEnum):
    """Why a connection was closed before it had become one: the label of a metric."""

    ADDRESS = "address"
    CONNECTIONS = "connections"
    PER_ADDRESS = "per_address"
    RATE = "rate"
    FAILURES = "failures"
    HANDSHAKE = "handshake"


@dataclass(frozen=True, slots=True)
class Bounds:
    """See [fix] of engine.toml. An empty `allow` is everybody."""

    allow: tuple[Network, ...] = ()
    connections_max: int = 64
    connections_per_address_max: int = 32
    attempts_per_minute_max: int = 600
    failures_max: int = 20
    pause_s_max: float = 60.0


@dataclass(slots=True)
class _Known:
    """One address. `allowance` is how many attempts it may make at once, growing back with time."""

    allowance: float
    seen_ns: int
    open: int = 0
    failures: int = 0
    barred_until_ns: int = 0


class Admission:
    """The door of one or more listening ports. Every connection admitted is to be given back by `left`."""

    def __init__(self, bounds: Bounds) -> None:
        self.bounds = bounds
        self.open = 0
        self._known: dict[str, _Known] = {}

    def admit(self, address: str, now_ns: int) -> tuple[Refusal, str] | None:
        """None and it is counted as open, or why it is not let in, with particulars for the log."""
        bounds = self.bounds
        if bounds.allow and not is_within(address, bounds.allow):
            return Refusal.ADDRESS, "not among fix.allow"
        if self.open >= bounds.connections_max:
            return Refusal.CONNECTIONS, f"{self.open} are open, fix.connections_max"
        known = self._of(address, now_ns)
        if known.open >= bounds.connections_per_address_max:
            return Refusal.PER_ADDRESS, f"{known.open} are open from there, fix.connections_per_address_max"
        if now_ns < known.barred_until_ns:
            rest_s = (known.barred_until_ns - now_ns) / NS_PER_S
            return Refusal.FAILURES, f"{known.failures} without a logon from there, not heard for {rest_s:.1f} s"
        if known.allowance < 1:
            return Refusal.RATE, f"more than {bounds.attempts_per_minute_max} a minute, fix.attempts_per_minute_max"
        known.allowance -= 1
        known.open += 1
        self.open += 1
        return None

    def left(self, address: str, now_ns: int, *, logged_on: bool = False, failed: bool = False) -> None:
        """An admitted connection is over. A logon forgives what has failed before."""
        known = self._of(address, now_ns)
        known.open -= 1
        self.open -= 1
        if logged_on:
            known.failures = 0
        elif failed:
            known.failures += 1
            excess = known.failures - self.bounds.failures_max
            if excess > 0:
                pause_s = min(self.bounds.pause_s_max, PAUSE_S_MIN * 2.0 ** min(excess - 1, 32))
                known.barred_until_ns = now_ns + int(pause_s * NS_PER_S)

    @property
    def addresses(self) -> int:
        """How many addresses are remembered."""
        return len(self._known)

    def _of(self, address: str, now_ns: int) -> _Known:
        """What is known of an address now, moved to the end: the front is the longest unheard."""
        address = source(address)
        full = float(self.bounds.attempts_per_minute_max)
        known = self._known.pop(address, None)
        if known is None:
            self._make_room()
            known = _Known(full, now_ns)
        elif now_ns - known.seen_ns > FORGIVEN_AFTER_S * NS_PER_S:
            known.allowance, known.failures = full, 0
        else:
            known.allowance = min(full, known.allowance + full * (now_ns - known.seen_ns) / (60 * NS_PER_S))
        known.seen_ns = now_ns
        self._known[address] = known
        return known

    def _make_room(self) -> None:
        """Forget the longest unheard address that has nothing open; open ones are bounded by themselves."""
        if len(self._known) < ADDRESSES_MAX:
            return
        forgotten = next((address for address, known in self._known.items() if known.open == 0), None)
        if forgotten is not None:
            del self._known[forgotten]
