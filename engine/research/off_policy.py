"""What another policy would have cost, by a record in which chance had a part: three estimates, and when none holds.

Of each round there is what a policy's panel was expected to cost, what it would have cost by the quotes seen where all
of it was asked, and the chance with which all of it was asked.

    doubly robust   the cost expected, corrected by what was seen over its chance: right if either is
    replay          what was seen, where they differ and all of both policies' dealers were asked: of those rounds alone
    SNIPS           what was seen, weighted by one over its chance, over the sum of weights: where policies nearly agree

Two policies are told apart in the rounds in which they differ; in the others they cost the same, whatever that was. So
the effective sample size (the sum of weights squared, over the sum of their squares) and the support (the share of
rounds in which both could have been asked) are those of these rounds. Below `ESS_MIN`, `SUPPORT_MIN` or `DAYS_MIN`
nothing is claimed: an interval made of few lucky rounds is too narrow, and the rest is the word of the model that is
to be judged. A record without a draw tells nothing of how much answers depend on how many are asked, and on whom.

Intervals hold 95 %: days are drawn again, since rounds of a day share its market.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from engine.research.bootstrap import Days, Floats, Interval

Bools: TypeAlias = npt.NDArray[np.bool_]

ESS_MIN: Final = 50.0
SUPPORT_MIN: Final = 0.95
DAYS_MIN: Final = 20
AGREE_MIN: Final = 0.9
"""SNIPS is shown where so many of the rounds have the same panel: elsewhere few weights decide it."""


@dataclass(frozen=True, slots=True)
class Scored:
    """One policy in all rounds, an entry a round. A cost has two parts: of what trades, and the share that does not.

    `seen_*` are NaN where not all of the panel was asked. `p` is the chance that it is, `is_possible` whether there is
    one. `leak_bps` is what asking the panel is expected to move.
    """

    expected_bps: Floats
    expected_unfilled: Floats
    seen_bps: Floats
    seen_unfilled: Floats
    p: Floats
    is_possible: Bools

    @property
    def was_asked(self) -> Bools:
        """Was all of the panel asked?"""
        return ~np.isnan(self.seen_bps)

    @property
    def is_seen(self) -> Bools:
        """Is the chance of that known, too?"""
        return self.was_asked & (self.p > 0)

    @property
    def weights(self) -> Floats:
        """One over the chance, where it came."""
        found = np.zeros(len(self.p))
        at = self.is_seen
        found[at] = 1.0 / self.p[at]
        return found

    def expected(self, c_fail_bps: Floats) -> Floats:
        return self.expected_bps + self.expected_unfilled * c_fail_bps

    def seen(self, c_fail_bps: Floats) -> Floats:
        return self.seen_bps + self.seen_unfilled * c_fail_bps

    def robust(self, c_fail_bps: Floats) -> Floats:
        """The doubly robust cost of each round."""
        expected = self.expected(c_fail_bps)
        off = np.where(self.is_seen, self.seen(c_fail_bps) - expected, 0.0)
        return expected + self.weights * off


class Verdict(StrEnum):
    """What may be said of a policy beside another."""

    same = "same"
    """They ask the same everywhere."""
    refused = "refused"
    cheaper = "cheaper"
    dearer = "dearer"
    cannot_tell = "cannot tell"


class Lacking(StrEnum):
    """What a claim lacks."""

    rounds = "rounds"
    """There is none that could be used."""
    draw = "draw"
    """In too few of the rounds in which they differ could anything else have been asked than what was."""
    support = "support"
    ess = "ess"
    days = "days"


@dataclass(frozen=True, slots=True)
class Compared:
    """One policy against another. Differences are the first less the second: negative is cheaper.

    `ess`, `support` and `weight` (the sum of weights over the rounds: 1 where all is as it should be) are of the
    `differing` rounds. `at_half` and `at_twice` are the difference, were not trading half or twice as dear.
    `where_possible` is the difference in the rounds alone in which both could have been asked.
    """

    rounds: int
    differing: int
    days: int
    verdict: Verdict
    lacking: tuple[Lacking, ...]
    cost: Interval | None
    against: Interval | None
    difference: Interval | None
    replay: Interval | None
    snips: Interval | None
    where_possible: Interval | None
    at_half: Interval | None
    at_twice: Interval | None
    ess: float
    support: float
    drawn: int
    """Of the differing rounds, those in which chance had a part."""
    matched: int
    """Of the differing rounds, those in which all of the panel was asked."""


def compare(
    one: Scored,
    other: Scored,
    same: Bools,
    is_drawn: Bools,
    day: npt.NDArray[np.int64],
    c_fail_bps: Floats,
    seed: int,
) -> Compared:
    """What one policy costs beside another. `same`: both ask the same dealers; `is_drawn`: chance had a part."""
    rounds, differ = len(day), ~same
    differing, drawn, days = int(differ.sum()), int((is_drawn & differ).sum()), len(np.unique(day))
    ess = min(ess_of(one.weights[differ]), ess_of(other.weights[differ]))
    possible = one.is_possible & other.is_possible
    support = float(possible[differ].mean()) if differing else 1.0
    costs = one.robust(c_fail_bps), other.robust(c_fail_bps)
    apart = np.where(same, 0.0, costs[0] - costs[1])
    again = Days(day, seed)
    lacking = _lacking(rounds, differing, days, ess, support, drawn)
    difference = again.mean(apart) if rounds else None
    if rounds and not differing:
        verdict = Verdict.same
    elif lacking or difference is None:
        verdict = Verdict.refused
    elif difference.is_below(0.0):
        verdict = Verdict.cheaper
    else:
        verdict = Verdict.dearer if difference.is_above(0.0) else Verdict.cannot_tell
    both = one.was_asked & other.was_asked & differ
    seen = np.where(both, one.seen(c_fail_bps) - other.seen(c_fail_bps), 0.0)
    scaled = [
        again.mean(np.where(same, 0.0, one.robust(c_fail_bps * by) - other.robust(c_fail_bps * by))) if rounds else None
        for by in (0.5, 2.0)
    ]
    agree = float(same.mean()) if rounds else 0.0
    return Compared(
        rounds=rounds,
        differing=differing,
        days=days,
        verdict=verdict,
        lacking=lacking,
        cost=again.mean(costs[0]) if rounds else None,
        against=again.mean(costs[1]) if rounds else None,
        difference=difference,
        replay=again.mean(seen, both) if both.any() else None,
        snips=_snips(one, other, c_fail_bps, again) if agree >= AGREE_MIN else None,
        where_possible=again.mean(apart, possible) if possible.any() else None,
        at_half=scaled[0],
        at_twice=scaled[1],
        ess=ess,
        support=support,
        drawn=drawn,
        matched=int((one.is_seen & differ).sum()),
    )


def ess_of(weights: Floats) -> float:
    """So many rounds of equal weight tell as much."""
    squares = float((weights**2).sum())
    return float(weights.sum()) ** 2 / squares if squares > 0 else 0.0


def _lacking(rounds: int, differing: int, days: int, ess: float, support: float, drawn: int) -> tuple[Lacking, ...]:
    if not rounds:
        return (Lacking.rounds,)
    if not differing:
        return ()
    found: list[Lacking] = []
    if not drawn or drawn < ESS_MIN <= ess:  # The others tell what they do of one way of asking alone.
        found.append(Lacking.draw)
    if support < SUPPORT_MIN:
        found.append(Lacking.support)
    if ess < ESS_MIN:
        found.append(Lacking.ess)
    if days < DAYS_MIN:
        found.append(Lacking.days)
    return tuple(found)


def _snips(one: Scored, other: Scored, c_fail_bps: Floats, again: Days) -> Interval | None:
    """The difference of two means, each weighted so that its weights add to the number of rounds."""
    parts = []
    for each in (one, other):
        weights = each.weights
        if not weights.any():
            return None
        weights = weights / weights.mean()
        mean = float(np.mean(np.where(each.is_seen, weights * each.seen(c_fail_bps), 0.0)))
        # What it is off by, linearly: a mean of these has the variance of the ratio.
        parts.append(mean + np.where(each.is_seen, weights * (each.seen(c_fail_bps) - mean), 0.0))
    return again.mean(parts[0] - parts[1])
