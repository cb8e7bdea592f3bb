"""Exploration: now and then a dealer is asked that would not be, or one is left out, so that something is learnt.

With probability `p_swap` one of the places is drawn, each as likely as another, and given to a dealer left out, drawn
by its chance to belong there; a place that the rule allows and the choice left empty is one of them, so that asking
nobody is not for ever. With `p_drop` one dealer is left out instead. Whoever draws once knows the probability of every
panel that could have come of it, in closed form: no panel comes about in two ways, since it tells which place was given
to whom. So the probability of the panel sent, and every dealer's to be in it, are exact.

One number in [0, 1) decides: what is drawn next is made of it, so that it stands for the whole draw.
"""

from __future__ import annotations

import hashlib
import struct
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

from engine.domain.rows import row

POOL_MAX: Final = 64
"""So many dealers left out can be drawn for a place; of more, those nobody has tried and those nearest come first."""

_BITS: Final = 53


@row
@dataclass(frozen=True, slots=True)
class Pool:
    """Dealers (by number) that could be given a place, and in what proportion they are drawn."""

    dealers: tuple[int, ...]
    weights: tuple[float, ...]


@row
@dataclass(frozen=True, slots=True)
class Slot:
    """A place that can be given to one of a pool; an `empty` one stands for so many, and comes before `place`."""

    place: int
    pool: Pool
    empty: int = 0

    @property
    def times(self) -> int:
        """How many places it stands for."""
        return self.empty or 1

    def given(self, panel: tuple[int, ...], dealer: int) -> tuple[int, ...]:
        """The panel once the dealer has the place."""
        return (*panel[: self.place], dealer, *panel[self.place + (not self.empty) :])


@row
@dataclass(frozen=True, slots=True)
class Chances:
    """All that a draw can make of a panel: the places that can be given away, to whom, and who can be left out."""

    panel: tuple[int, ...]
    slots: tuple[Slot, ...]
    drops: tuple[int, ...]
    p_swap: float
    p_drop: float

    @property
    def p_base(self) -> float:
        """The probability that the panel is asked as it was chosen."""
        return 1.0 - self.p_swap - self.p_drop

    @property
    def places(self) -> int:
        """How many places can be given away."""
        return sum(slot.times for slot in self.slots)


@row
@dataclass(frozen=True, slots=True)
class Explored:
    """The panel after the draw, who came in, whose place it was, who was dropped (numbers; None for nobody)."""

    panel: tuple[int, ...]
    panel_p: float
    came: int | None = None
    went: int | None = None


def chances(panel: Sequence[int], slots: Iterable[Slot], drops: Iterable[int], p_swap: float, p_drop: float) -> Chances:
    """What can be drawn: nothing is where there is no place to give away, or nobody to leave out."""
    feasible = tuple([slot for slot in slots if slot.pool.dealers])
    droppable = tuple(drops)
    return Chances(tuple(panel), feasible, droppable, p_swap if feasible else 0.0, p_drop if droppable else 0.0)


def drawn(of: Chances, draw: float | None) -> Explored:
    """The panel that this draw makes; None draws nothing."""
    if draw is None or draw >= of.p_swap + of.p_drop:
        return Explored(of.panel, of.p_base)
    second, third = following(draw)
    if draw < of.p_swap:
        slot = of.slots[_drawn_of([slot.times for slot in of.slots], second)]
        at = _drawn_of(slot.pool.weights, third)
        dealer, share = slot.pool.dealers[at], slot.pool.weights[at] / sum(slot.pool.weights)
        went = None if slot.empty else of.panel[slot.place]
        p = of.p_swap * slot.times / of.places * share
        return Explored(slot.given(of.panel, dealer), p, dealer, went)
    place = of.drops[int(second * len(of.drops))]
    panel = (*of.panel[:place], *of.panel[place + 1 :])
    return Explored(panel, of.p_drop / len(of.drops), None, of.panel[place])


def inclusion(of: Chances) -> Mapping[int, float]:
    """Every dealer's probability to be asked; one that is not here has none."""
    found = dict.fromkeys(of.panel, 1.0)
    each = of.p_swap / max(1, of.places)
    times: dict[int, tuple[Pool, int]] = {}
    for slot in of.slots:
        if not slot.empty:
            found[of.panel[slot.place]] -= each
        # Most places have one pool in common.
        before = times.get(id(slot.pool), (slot.pool, 0))[1]
        times[id(slot.pool)] = slot.pool, before + slot.times
    for pool, count in times.values():
        share = each * count / sum(pool.weights)
        for dealer, weight in zip(pool.dealers, pool.weights, strict=True):
            found[dealer] = found.get(dealer, 0.0) + share * weight
    for place in of.drops:
        found[of.panel[place]] -= of.p_drop / len(of.drops)
    return found


def _drawn_of(weights: Sequence[float], draw: float) -> int:
    """The place that a number in [0, 1) falls on, each in proportion to its weight."""
    sums = list(accumulate(weights))
    return min(bisect_right(sums, draw * sums[-1]), len(sums) - 1)


def uniform(entropy: bytes) -> float:
    """A number in [0, 1) made of a turn's entropy."""
    return _fraction(hashlib.blake2b(entropy, digest_size=8, person=b"exploration").digest())


def following(draw: float) -> tuple[float, float]:
    """Two more numbers in [0, 1), made of the first one."""
    found = hashlib.blake2b(struct.pack("<d", draw), digest_size=16, person=b"exploration").digest()
    return _fraction(found[:8]), _fraction(found[8:])


def _fraction(octets: bytes) -> float:
    return (int.from_bytes(octets, "big") >> (64 - _BITS)) / (1 << _BITS)
