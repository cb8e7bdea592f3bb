"""What exploration could have made of a choice: every panel that might have been asked, and how likely each was.

A choice is drawn upon in one way (`selection.explore`): one free place is given to a dealer left out, a place that was
left empty is filled, or one dealer is left out. The record keeps every candidate's chance to be asked and the chance of
the panel that was asked; from these the whole draw follows, exactly, where all places are given away to the same
dealers. Where they are not (a rule that asks by tiers; a limit on how many may know that is reached), or where a row
tells of the panel alone, only that panel's own chance is known: `of_sent`.
"""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from typing import Final

from engine.domain.recommendation import Selection

_TINY: Final = 1e-12
"""Chances are sums of floats: what is smaller is none."""
_ALIKE: Final = 1e-9


@dataclass(frozen=True, slots=True)
class Draws:
    """The panels that could have been sent in place of `chosen`.

    `p_given` is the chance that one certain dealer of `free` loses its place, `p_added` that somebody is asked besides,
    `p_dropped` that one certain dealer of `free` is left out for nobody. `shares` says in what proportion dealers left
    out are drawn for a place. `sent` was asked, with the chance `p_sent`.
    """

    chosen: frozenset[str]
    free: frozenset[str]
    shares: Mapping[str, float]
    p_given: float
    p_added: float
    p_dropped: float
    sent: frozenset[str]
    p_sent: float
    is_whole: bool = True
    """Are the chances of other panels than `sent` known?"""

    @property
    def p_chosen(self) -> float:
        """The chance that nothing is changed."""
        return 1.0 - self.p_given * len(self.free) - self.p_added - self.p_dropped * len(self.free)

    @property
    def is_fixed(self) -> bool:
        """Could nothing but the choice have been asked?"""
        return self.is_whole and not (self.p_given or self.p_added or self.p_dropped)

    def p_of(self, panel: AbstractSet[str]) -> float:
        """The chance that this very panel is asked, in whatever order."""
        if not self.is_whole:
            return self.p_sent if panel == self.sent else 0.0
        new, gone = panel - self.chosen, self.chosen - panel
        if not new and not gone:
            return self.p_chosen
        if len(new) > 1 or len(gone) > 1 or not gone <= self.free:
            return 0.0
        if not new:
            return self.p_dropped
        share = self.shares.get(next(iter(new)), 0.0)
        return share * (self.p_given if gone else self.p_added)

    def p_holding(self, panel: AbstractSet[str]) -> float:
        """The chance that all of these are asked, whoever is asked besides."""
        if not self.is_whole:
            return self.p_sent if panel == self.sent else 0.0
        new, spare = panel - self.chosen, len(self.free - panel)
        given = self.p_given * spare + self.p_added
        if not new:
            return self.p_chosen + given + self.p_dropped * spare
        return self.shares.get(next(iter(new)), 0.0) * given if len(new) == 1 else 0.0

    def among(self, informed: int, at_most: int | None) -> Draws:
        """The same where so many others knew before, and no more than `at_most` may: of a place that one of them had,
        somebody else has to have known, too."""
        if at_most is None or not informed or len(self.chosen) + informed < at_most:
            return self
        return replace(self, is_whole=False)

    def supports(self, panel: AbstractSet[str]) -> bool:
        """Could all of these have been asked together? Where nobody knows of others, the choice alone is known to."""
        return self.p_holding(panel) > 0.0 if self.is_whole else panel == self.chosen


def of_sent(panel: AbstractSet[str], p: float) -> Draws:
    """Of a row that tells how likely its own panel was, and nothing of others. A certain one leaves no other."""
    sent = frozenset(panel)
    is_certain = p >= 1.0 - _TINY
    return Draws(sent, frozenset(), {}, 0.0, 0.0, 0.0, sent, min(p, 1.0), is_certain)


def draws_of(made: Selection) -> Draws:
    """The draw behind a choice that the journal keeps; see `among` where others knew of the exposure."""
    chosen, sent = frozenset(made.chosen), frozenset(made.asked)
    p = dict(zip(made.candidates, made.inclusion_p, strict=True))
    pool = {name: each for name, each in p.items() if name not in chosen and each > 0.0}
    losing = {name: 1.0 - p.get(name, 1.0) for name in chosen if p.get(name, 1.0) < 1.0 - _TINY}
    if not pool and not losing:
        return Draws(chosen, frozenset(), {}, 0.0, 0.0, 0.0, sent, made.panel_p)
    p_swap, free = sum(pool.values()), frozenset(losing)
    loses = sum(losing.values()) / len(losing) if losing else 0.0
    shares = {name: each / p_swap for name, each in pool.items()}
    if made.explored and made.replaced:
        p_given = made.panel_p / shares[made.explored] if made.explored in shares else 0.0
    elif made.explored:
        added = made.panel_p / shares[made.explored] if made.explored in shares else 0.0
        p_given = (p_swap - added) / len(free) if free else 0.0
    elif made.dropped:
        p_given = loses - made.panel_p
    else:
        p_given = loses - (1.0 - made.panel_p - p_swap) / len(free) if free else 0.0
    p_given = _clean(p_given)
    return Draws(
        chosen,
        free,
        shares,
        p_given,
        _clean(p_swap - p_given * len(free)),
        _clean(loses - p_given),
        sent,
        made.panel_p,
        _has_one_pool(made, losing),
    )


def _clean(p: float) -> float:
    return p if p > _TINY else 0.0


def _has_one_pool(made: Selection, losing: Mapping[str, float]) -> bool:
    """Is every place given away to the same dealers, whoever knew before?"""
    alike = not losing or max(losing.values()) - min(losing.values()) < _ALIKE
    return alike and " tier " not in f" {made.ask} "
