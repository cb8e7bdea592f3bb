"""The value of other policies, from a desk's own record.

    valued(past.rounds(), choices, contenders, settings) -> Valuation

A policy's panels are held against the desk's own choice (before any draw), or against another policy's. Its leak is
told apart: what asking it is expected to move, by the estimates of then.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from engine.dealers.outlook import Identified
from engine.domain.observation import RoundTold
from engine.research.choices import Choices
from engine.research.contenders import Contender
from engine.research.gathering import Gathered, Leak, Left, Rows, Settings, Unsupported, gathered
from engine.research.normal import Z95
from engine.research.off_policy import Compared, compare

LOGGED: Final = "logged"
"""The desk's own choice, as the record has it."""
LEAST_FIRST: Final = (Identified.none, Identified.relative, Identified.level)


@dataclass(frozen=True, slots=True)
class Leaking:
    """By how much one policy's panels leak more than another's, a round: by the estimates, with their errors.

    `identified` counts the rounds in which only one of the two asks somebody, by what was identified then of the least
    known of these dealers.
    """

    bps: float
    low: float
    high: float
    identified: dict[Identified, int]


@dataclass(frozen=True, slots=True)
class Beside:
    """One policy beside another."""

    policy: str
    against: str
    compared: Compared
    leak: Leaking
    asked: float
    asked_against: float
    unsupported: dict[Unsupported, int]
    ess_a_round: float
    """What one round adds to the effective sample, on average, by the chances that the draws gave."""


@dataclass(frozen=True, slots=True)
class Valuation:
    """What a record says of policies. `told` rounds were of the period, `judged` of them could be used."""

    policies: tuple[Beside, ...]
    told: int
    judged: int
    imported: int
    """Judged rounds of which the record keeps no choice."""
    drawn: int
    """Judged rounds in which chance had a part."""
    left: dict[Left, int]
    nobody_took: int
    refused: tuple[str, ...]
    c_fail_bps: float
    first_day: int | None
    last_day: int | None


@dataclass(slots=True)
class _LeakDifference:
    """By dealer, how often it is asked more, and with which leak."""

    rounds: int = 0
    by_dealer: dict[str, list[float]] = field(default_factory=dict)
    identified: Counter[Identified] = field(default_factory=Counter)

    def add(self, more: Sequence[str], fewer: Sequence[str], leaks: dict[str, Leak]) -> None:
        self.rounds += 1
        if more or fewer:
            self.identified[min((leaks[name][2] for name in (*more, *fewer)), key=LEAST_FIRST.index)] += 1
        for sign, names in ((1.0, more), (-1.0, fewer)):
            for name in names:
                value, sd, _ = leaks[name]
                sums = self.by_dealer.setdefault(name, [0.0, 0.0])
                sums[0] += sign * value
                sums[1] += sign * sd

    def told(self) -> Leaking:
        rounds = max(1, self.rounds)
        # A dealer's estimate is off by the same in all its rounds: its errors add up, those of dealers do not.
        bps = sum(value for value, _ in self.by_dealer.values()) / rounds
        se = math.sqrt(sum((sd / rounds) ** 2 for _, sd in self.by_dealer.values()))
        return Leaking(bps, bps - Z95 * se, bps + Z95 * se, dict(self.identified))


def valued(
    rounds: Iterable[RoundTold],
    choices: Choices,
    contenders: Sequence[Contender],
    settings: Settings,
    against: Contender | None = None,
    progress: Callable[[int], None] = lambda done: None,
) -> Valuation:
    """What each of these would have cost beside `against` (None: beside the desk's own choice).

    `progress` is told of the rounds that were read.
    """
    everybody = [*contenders, *([against] if against is not None else [])]
    found = gathered(rounds, choices, everybody, settings, progress)
    names = [each.name for each in contenders]
    return valuation_of(found, names, LOGGED if against is None else against.name, settings.seed)


def valuation_of(found: Gathered, policies: Sequence[str], against: str, seed: int) -> Valuation:
    """What was gathered comes to this; `against` is one of its policies, or `LOGGED`."""
    return Valuation(
        policies=tuple(_beside(found, each, against, seed) for each in policies),
        told=found.told,
        judged=len(found.days),
        imported=found.imported,
        drawn=sum(found.drawn),
        left=dict(found.left),
        nobody_took=found.nobody_took,
        refused=tuple(found.refused),
        c_fail_bps=float(np.mean(found.c_fails)) if found.c_fails else math.nan,
        first_day=min(found.days, default=None),
        last_day=max(found.days, default=None),
    )


def _beside(found: Gathered, name: str, against: str, seed: int) -> Beside:
    rows, is_logged = found.policies[name], against == LOGGED
    other = found.logged if is_logged else found.policies[against]
    same = [
        mine == its and (not is_logged or known)
        for mine, its, known in zip(rows.panels, other.panels, found.choice_known, strict=True)
    ]
    compared = compare(
        rows.scored(),
        other.scored(),
        np.array(same, dtype=np.bool_),
        np.array(found.drawn, dtype=np.bool_),
        np.array(found.days, dtype=np.int64),
        np.array(found.c_fails, dtype=np.float64),
        seed,
    )
    leaking = _LeakDifference()
    for mine, its, leaks in zip(rows.panels, other.panels, found.leaks, strict=True):
        leaking.add(sorted(mine - its), sorted(its - mine), leaks)
    whys: Counter[Unsupported] = Counter()
    for at, is_same in enumerate(same):
        why = rows.why[at] or other.why[at]
        if not is_same and why is not None:
            whys[why] += 1
    return Beside(
        policy=name,
        against=against,
        compared=compared,
        leak=leaking.told(),
        asked=_mean_size(rows.panels),
        asked_against=_mean_size(other.panels),
        unsupported=dict(whys),
        ess_a_round=min(_ess_expected(rows, same), _ess_expected(other, same)) / max(1, len(same)),
    )


def _ess_expected(rows: Rows, same: Sequence[bool]) -> float:
    """The effective sample of the rounds in which policies differ, before anything was drawn: each weight is 1 / p."""
    inverse = [
        1 / p for p, could, is_same in zip(rows.p, rows.possible, same, strict=True) if could and p and not is_same
    ]
    return len(inverse) ** 2 / sum(inverse) if inverse else 0.0


def _mean_size(panels: Sequence[frozenset[str]]) -> float:
    return sum(map(len, panels)) / len(panels) if panels else 0.0
