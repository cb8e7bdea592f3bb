"""What a dealer answers in a bond: by bond, by side and by size, laid on its rate of answering.

`rates` knows a dealer by asset class, segment, side and size of the segment. What it does beyond that:

    logit P(answers) = logit of what was expected of it when it was asked + side + size + bond

Each term on the right is an effect of that dealer, drawn from a normal law around 0 with an sd of `SDS`. What was
expected is what its own record said at the time (`tally.response`): what the rate has learnt is not learnt again. Each
dealer is fitted by itself. Effects are believed to be independent and normal (mean field); yes and no are met by
Jaakkola and Jordan's quadratic bound of the logistic function. A sweep makes each effect the best one, given the
others; a fit starts from the effects of the fit before.

How far all this is believed is one number, the strength, from a grid that has 0. Each ask is foretold by the fit
before it was known, under every strength, and the strength that foretold best is in force. It begins at 0, where
nothing is moved and no interval widens: where dealers have no tastes, it stays there. Effects are fitted under the
whole sds; under a strength below 1 each is drawn in further, by what its variance says of the asks behind it.

A fit looks at the latest `ASKS_MAX` asks and keeps three effects of each at most. Two sweeps of 30,000 asks take 0.15 s
of a processor in all, in steps of about 1 ms; what to expect of one dealer takes 2 us.

Source: T. S. Jaakkola and M. I. Jordan, "Bayesian parameter estimation via variational methods", Statistics and
Computing 10 (2000), 25-37.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, NamedTuple, TypeAlias

from engine.dealers.backoff import Steps
from engine.dealers.evidence import Answered, KeptRound
from engine.dealers.rates import NO_EFFECT, Effect, laid
from engine.dealers.segments import ANY

ASKS_MAX: Final = 30_000
"""Asks that a fit looks at: some months of a desk that asks 300 times a day."""
HALF_LIVES: Final = 2.0
"""An ask counts so many times as long as for a rate: a bond comes back seldom. Three and six foretell as well."""
STRENGTHS: Final = (0.0, 0.25, 0.5, 1.0)
SDS: Final = (0.5, 0.4, 0.8)
"""Of effects on the logit: side, size, bond. Twice as much foretells worse. One of the dealer itself adds nothing."""
_GAIN_LEAST: Final = 3.0
"""Nats by which a strength must have foretold better than none: twenty to one."""
_SWEEPS: Final = 2
"""From the effects of the day before: as good as eight."""
_SWEEPS_FIRST: Final = 10
_AT_ONCE: Final = 800
"""Asks of a step, a fifth of them where asks are foretold."""
_ROUNDS_AT_ONCE: Final = 200
_VARIANCES: Final = tuple([sd * sd for sd in SDS])
_LEAST: Final = 1e-9

Tastes: TypeAlias = tuple[dict[str, Effect], ...]
"""A dealer's effects: by side, by size, by bond."""
_NOBODY: Final[Tastes] = ({}, {}, {})


class Asked(NamedTuple):
    """What dealers were asked for. Side, size and bond are empty where nobody said."""

    side: str
    size: str
    bond: str


class Round(NamedTuple):
    """A round as a fit looks at it."""

    day: int
    scope: str
    bond: str
    answers: tuple[Answered, ...]
    is_new: bool
    """No fit has looked at it."""


def still_rounds(rounds: Iterable[KeptRound]) -> list[Round]:
    """The rounds as they are now. 6,000 take 3 ms."""
    return [Round(kept.day, kept.scopes[0], kept.bond, kept.answers, not kept.is_fitted) for kept in rounds]


def asked_for(scope: str, bond: str) -> Asked:
    """What is asked for, by the finest scope of its segment."""
    return Asked(*_side_and_size(scope), bond)


@lru_cache(maxsize=4_096)
def _side_and_size(scope: str) -> tuple[str, str]:
    parts = scope.split("|")
    if len(parts) < 5:
        return "", ""
    size, side = ["" if part == ANY else part for part in parts[3:5]]
    return side, size


@dataclass(frozen=True, slots=True)
class ByBond:
    """What dealers do by side, size and bond.

    `gains` are the nats by which each strength foretold better than none, as of `day`; they age as asks do.
    """

    tastes: dict[str, Tastes]
    gains: tuple[float, ...]
    day: int

    @property
    def strength(self) -> float:
        """How far effects are believed: the share of `SDS` that foretold best, 0 unless clearly better than nothing."""
        best = max(range(len(STRENGTHS)), key=self.gains.__getitem__)
        return STRENGTHS[best] if self.gains[best] > _GAIN_LEAST else 0.0

    def of(self, dealer: str, asked: Asked, strength: float) -> Effect:
        """What a dealer's logit is moved by, as far as `strength`, and the variance of that.

        A side, size or bond that nobody said moves nothing; of one that the dealer was never asked for the variance is
        that of its taste.
        """
        if strength == 0.0:
            return NO_EFFECT
        mean = variance = 0.0
        more = 1.0 / (strength * strength) - 1.0
        for effects, name, prior in zip(self.tastes.get(dealer, _NOBODY), asked, _VARIANCES, strict=True):
            if name:
                own, error = effects.get(name) or (0.0, prior)
                # The asks behind it are worth 1 / error - 1 / prior, under any prior.
                drawn = 1.0 / (1.0 + more * error / prior)
                mean += drawn * own
                variance += drawn * error
        return mean, variance


NO_TASTES: Final = ByBond({}, (0.0,) * len(STRENGTHS), 0)


def fitting(before: ByBond, rounds: Sequence[Round], day: int, half_life_days: float) -> Steps[ByBond]:
    """What is known on `day`, from what was known before and the latest rounds, oldest first."""
    if not rounds:
        return NO_TASTES
    gains = yield from _judging(before, rounds, day, half_life_days)
    tastes: dict[str, Tastes] = {}
    asks = yield from _by_dealer(rounds, day, half_life_days)
    for dealer in sorted(asks):
        tastes[dealer] = yield from asks.pop(dealer).fitting(before.tastes.get(dealer))
    return ByBond(tastes, gains, day)


def _judging(before: ByBond, rounds: Iterable[Round], day: int, half_life_days: float) -> Steps[tuple[float, ...]]:
    """The gains of `before`, and of what it foretold of asks that it had not seen."""
    aged = 2.0 ** ((before.day - day) / half_life_days)
    gains = [gain * aged for gain in before.gains]
    if not before.tastes:
        return tuple(gains)
    done = 0
    for each in rounds:
        if not each.is_new:
            continue
        asked = asked_for(each.scope, each.bond)
        for dealer, logit, answered in each.answers:
            scores = [_score(logit, before.of(dealer, asked, strength), answered) for strength in STRENGTHS]
            for at, score in enumerate(scores):
                gains[at] += score - scores[0]
            done += 1
            if done % (_AT_ONCE // 10) == 0:
                yield
    return tuple(gains)


def _score(logit: float, effect: Effect, answered: bool) -> float:
    """The logarithm of the chance that was given to what happened."""
    found = laid(logit, effect)
    return -math.log1p(math.exp(-found if answered else found))


def _by_dealer(rounds: Iterable[Round], day: int, half_life_days: float) -> Steps[dict[str, _Asks]]:
    found: dict[str, _Asks] = {}
    for at, each in enumerate(rounds, 1):
        weight, asked = 2.0 ** ((each.day - day) / half_life_days), asked_for(each.scope, each.bond)
        for dealer, logit, answered in each.answers:
            asks = found.get(dealer)
            if asks is None:
                asks = found[dealer] = _Asks()
            asks.add(asked, logit, answered, weight)
        if at % _ROUNDS_AT_ONCE == 0:
            yield
    return found


class _Asks:
    """All asks of one dealer, in columns, and the effects that they are explained by."""

    __slots__ = ("halves", "kinds", "logits", "scores", "weighted", "weights")

    def __init__(self) -> None:
        self.logits: list[float] = []
        self.weights: list[float] = []
        self.halves: list[float] = []
        """Yes or no, less a half, weighted."""
        self.kinds = tuple([_Kind(prior) for prior in _VARIANCES])
        # Of the sweep under way: how much each ask is worth, and what is left of it to be explained.
        self.weighted: list[float] = []
        self.scores: list[float] = []

    def add(self, asked: Asked, logit: float, answered: bool, weight: float) -> None:
        self.logits.append(logit)
        self.weights.append(weight)
        self.halves.append(weight * (0.5 if answered else -0.5))
        for kind, name in zip(self.kinds, asked, strict=True):
            kind.add(name)

    def fitting(self, before: Tastes | None) -> Steps[Tastes]:
        """Its effects, from what they were thought to be."""
        for kind, known in zip(self.kinds, before or _NOBODY, strict=True):
            kind.begin(known)
        yield
        for _ in range(_SWEEPS_FIRST if before is None else _SWEEPS):
            yield from self._sweep()
        return tuple([kind.effects() for kind in self.kinds])

    def _sweep(self) -> Steps[None]:
        count = len(self.logits)
        yield from self._bound()
        steps: list[float] | None = None
        places: list[int] = []
        for kind in self.kinds:
            kind.clear()
            for start in range(0, count, _AT_ONCE):
                self._take_in(kind, places, steps, start, start + _AT_ONCE)
                yield
            places, steps = kind.places, kind.better()

    def _bound(self) -> Steps[None]:
        """How much each ask is worth at the best point of its bound, and its score there."""
        side, size, bond = self.kinds
        self.weighted, self.scores = [], []
        weighted, scores = self.weighted.append, self.scores.append
        sqrt, tanh = math.sqrt, math.tanh
        m1, m2, m3 = side.means, size.means, bond.means
        v1, v2, v3 = side.variances, size.variances, bond.variances
        for start in range(0, len(self.logits), _AT_ONCE):
            some = slice(start, start + _AT_ONCE)
            for logit, weight, half, b, c, d in zip(
                self.logits[some], self.weights[some], self.halves[some],
                side.places[some], size.places[some], bond.places[some], strict=True,
            ):  # fmt: skip
                eta = logit + m1[b] + m2[c] + m3[d]
                root = sqrt(eta * eta + v1[b] + v2[c] + v3[d]) + _LEAST
                worth = weight * tanh(0.5 * root) / (2.0 * root)
                weighted(worth)
                scores(half - worth * eta)
            yield

    def _take_in(self, kind: _Kind, places: list[int], steps: list[float] | None, start: int, end: int) -> None:
        """What some asks say of the effects of a kind, once those of the kind before it have moved by `steps`."""
        worth, score, own = kind.worth, kind.score, kind.places
        weighted, scores = self.weighted[start:end], self.scores[start:end]
        if steps is not None:
            scores = [
                left - each * steps[place]
                for left, each, place in zip(scores, weighted, places[start:end], strict=True)
            ]
            self.scores[start:end] = scores
        for each, left, place in zip(weighted, scores, own[start:end], strict=True):
            worth[place] += each
            score[place] += left


class _Kind:
    """The effects of one kind of a dealer."""

    __slots__ = ("index", "means", "places", "prior", "score", "variances", "worth")

    def __init__(self, prior: float) -> None:
        self.prior = prior
        self.index: dict[str, int] = {}
        self.places: list[int] = []
        """Of each ask's effect."""
        self.means: list[float] = []
        self.variances: list[float] = []
        # Of the sweep under way: what asks are worth to each effect, and what they leave to be explained.
        self.worth: list[float] = []
        self.score: list[float] = []

    def add(self, name: str) -> None:
        self.places.append(self.index.setdefault(name, len(self.index)))

    def begin(self, known: dict[str, Effect]) -> None:
        unknown = 0.0, self.prior
        effects = [known.get(name, unknown) for name in self.index]
        self.means = [mean for mean, _ in effects]
        self.variances = [variance for _, variance in effects]

    def clear(self) -> None:
        self.worth, self.score = [0.0] * len(self.index), [0.0] * len(self.index)

    def better(self) -> list[float]:
        """Move each effect to its best value; by how much."""
        steps: list[float] = []
        inverse = 1.0 / self.prior
        for at, (worth, score, mean) in enumerate(zip(self.worth, self.score, self.means, strict=True)):
            variance = 1.0 / (worth + inverse)
            best = variance * (score + worth * mean)
            steps.append(best - mean)
            self.means[at], self.variances[at] = best, variance
        return steps

    def effects(self) -> dict[str, Effect]:
        return dict(zip(self.index, zip(self.means, self.variances, strict=True), strict=True))
