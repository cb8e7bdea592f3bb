"""What dealers truly leak in a street, beside what was estimated of them when its last round was over.

The truth of one dealer is what it was asked and did not trade has moved the true mid by, against the order, within the
window that estimates are made from: until the decision, and from there to half an hour later or to the next round in
the issuer; the mean over those rounds. What a winner moves the mid by, its hedge, is not that: estimates have another
coefficient for it. Where leaks grow with how many know (`many`), a dealer's is what would not have leaked without it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from worlds.street import Round
from worlds.world import Kind

from engine.domain.leak import LeakOf
from engine.domain.measure import Identified
from proving.listening import Listening
from proving.measured import short

WINDOW_S: Final = 1_800.0
ROUNDS_MIN: Final = 30
"""A dealer that was asked in fewer rounds is not held against its truth: that would be the truth of a handful."""


@dataclass(slots=True)
class _Truth:
    rounds: int = 0
    before_bps: float = 0.0
    after_bps: float = 0.0


@dataclass(slots=True)
class Held:
    """Estimates of one outcome held against the truth, summed over the dealers of a world."""

    dealers: int = 0
    beyond_two: int = 0
    """Further from the truth than two of the standard deviations that are stated."""
    held: int = 0
    """Truths within the interval of 90 %."""
    estimate_bps: float = 0.0
    truth_bps: float = 0.0
    squared_error: float = 0.0
    levels: int = 0
    """Dealers of which it is said that their level is known, not only how they differ."""
    leakers: int = 0
    leakers_bps: float = 0.0
    leakers_found_bps: float = 0.0
    """Of those who do leak: how many, the truth, and what was estimated."""
    silent: int = 0
    silent_found_bps: float = 0.0

    def add(self, found: LeakOf, truth_bps: float) -> None:
        off = found.leak.value - truth_bps
        self.dealers += 1
        self.beyond_two += abs(off) > 2 * found.leak.sd
        self.held += found.leak.low <= truth_bps <= found.leak.high
        self.estimate_bps += found.leak.value
        self.truth_bps += truth_bps
        self.squared_error += off * off
        self.levels += found.identified is Identified.level
        if truth_bps > 0:
            self.leakers += 1
            self.leakers_bps += truth_bps
            self.leakers_found_bps += found.leak.value
        else:
            self.silent += 1
            self.silent_found_bps += found.leak.value

    def plain(self) -> dict[str, Any]:
        return {name: short(getattr(self, name)) for name in self.__dataclass_fields__}


@dataclass(slots=True)
class LeakTruth:
    """Gathers the truth of a street's rounds, each when it is over."""

    street: Listening
    _truth: dict[str, _Truth] = field(default_factory=dict)
    _waiting: list[tuple[Round, float]] = field(default_factory=list)
    """Rounds that are over, and when they were decided: their windows end with what comes later."""
    _asks_s: dict[int, list[float]] = field(default_factory=dict)
    """By issuer when rounds began."""

    def saw(self, closed: Round, decided_s: float) -> None:
        """`decided_s` is in seconds of the world."""
        self._asks_s.setdefault(closed.piece.bond.issuer, []).append(closed.piece.at_s)
        self._waiting.append((closed, decided_s))

    def held(self, found_in: Iterable[LeakOf], found_post: Iterable[LeakOf]) -> tuple[Held, Held]:
        """All rounds over: estimates (until the decision, after it) beside the truth."""
        for times in self._asks_s.values():
            times.sort()
        for closed, decided_s in self._waiting:
            self._count(closed, decided_s)
        self._waiting.clear()
        before, after = Held(), Held()
        for held, found, name in ((before, found_in, "before_bps"), (after, found_post, "after_bps")):
            for each in found:
                truth = self._truth.get(each.dealer)
                if truth is not None and truth.rounds >= ROUNDS_MIN:
                    held.add(each, getattr(truth, name) / truth.rounds)
        return before, after

    def _count(self, closed: Round, decided_s: float) -> None:
        street, piece = self.street, closed.piece
        times = self._asks_s[piece.bond.issuer]
        later = bisect_right(times, decided_s)
        ends_s = min(decided_s + WINDOW_S, times[later]) if later < len(times) else decided_s + WINDOW_S
        told = street.told.pop((piece.order, piece.number), {})
        winners = {name for name, fill in closed.fills if fill.size}
        everybody = told.get("everybody")
        for name in closed.asked:
            if name in winners:
                continue
            truth = self._truth.setdefault(name, _Truth())
            truth.rounds += 1
            one, share = (told.get(name), 1.0) if everybody is None else (everybody, self._share(closed, name, winners))
            if one is not None:
                decided_bps = street.arrived_bps(one, decided_s)
                truth.before_bps += share * decided_bps
                truth.after_bps += share * (street.arrived_bps(one, ends_s) - decided_bps)

    def _share(self, closed: Round, name: str, winners: set[str]) -> float:
        """Of what all have leaked together: what would not have, had this one not been asked."""
        world = self.street.world
        assert world.kind is Kind.MANY
        losers = [other for other in closed.asked if other not in winners]
        with_it = self._together(closed, losers, len(closed.asked))
        without = self._together(closed, [other for other in losers if other != name], len(closed.asked) - 1)
        return 1 - without / with_it if with_it else 0.0

    def _together(self, closed: Round, losers: list[str], asked: int) -> float:
        world = self.street.world
        talkers = [world.dealers[name] for name in losers]
        worst = max((each.leak_bps for each in talkers if closed._talks(each)), default=0.0)
        known = min((max(0, asked - 2) / world.values["many_from"]) ** 2, world.values["many_at_most"])
        return worst * known
