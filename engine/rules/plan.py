"""What a rule orders to be done, as values, and how protections tighten it.

Owns the vocabulary of a decision (whom to ask, how fast, what to accept, who executes) and `strictest`, the
one place where protections are laid over a rule: fewest dealers, longest delay, one at a time over staggered
over parallel.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache
from typing import Final, Protocol

RANKING_WINDOW_DAYS_DEFAULT: Final = 90
MODEL: Final = "model"
"""The scorer that weighs what a dealer is expected to give against what asking it leaks; it alone makes panels."""


class Mode(StrEnum):
    """How requests follow each other."""

    PARALLEL = "parallel"
    STAGGER = "stagger"
    ONE_AT_A_TIME = "one_at_a_time"


class Send(StrEnum):
    """Who lets the requests go."""

    APPROVAL = "approval"
    AUTOMATIC = "automatic"


class ToleranceUnit(StrEnum):
    """What a distance from fair is measured in; `CENTS` are hundredths of a point of price."""

    BP_PRICE = "bp price"
    BP_YIELD = "bp yield"
    CENTS = "cents"


@dataclass(frozen=True, slots=True)
class Tolerance:
    """The most a quote may cost against fair; a quote better than fair is always within it."""

    value: Decimal
    unit: ToleranceUnit

    def __str__(self) -> str:
        if self.unit is ToleranceUnit.CENTS:
            return f"{self.value:f} cents"
        return f"{self.value:f}{self.unit.value}"


@dataclass(frozen=True, slots=True)
class Ranking:
    """How dealers are put in order: by one scorer, or by weighted metrics.

    `weights` are percent as written and add to 100; empty if `scorer` is given. `window_days` are calendar days; the
    model has windows of its own.
    """

    scorer: str | None = "classic"
    weights: tuple[tuple[str, Decimal], ...] = ()
    window_days: int = RANKING_WINDOW_DAYS_DEFAULT

    def __str__(self) -> str:
        if self.scorer == MODEL:
            return MODEL
        what = self.scorer or " + ".join(f"{weight.normalize():f}% {metric}" for metric, weight in self.weights)
        return f"{what} over {self.window_days}d"


@dataclass(frozen=True, slots=True)
class AskTop:
    """The first `n` of the ranked candidates."""

    n: int

    def __str__(self) -> str:
        return f"top {self.n}"


@dataclass(frozen=True, slots=True)
class AskAll:
    """Every candidate."""

    def __str__(self) -> str:
        return "all"


@dataclass(frozen=True, slots=True)
class AskTiers:
    """Per tier, in the order written: all of it (None) or its first so many."""

    tiers: tuple[tuple[int, int | None], ...]

    def __str__(self) -> str:
        return " and ".join(f"all of tier {tier}" if n is None else f"top {n} of tier {tier}" for tier, n in self.tiers)


@dataclass(frozen=True, slots=True)
class AskNamed:
    """These dealers and no others."""

    names: tuple[str, ...]

    def __str__(self) -> str:
        return "everyone in {" + ", ".join(self.names) + "}"


@dataclass(frozen=True, slots=True)
class AskPanel:
    """The set of candidates, at most `n` of them, that is worth most together: fewer where one more costs more."""

    n: int

    def __str__(self) -> str:
        return f"best panel of at most {self.n}"


@dataclass(frozen=True, slots=True)
class AskSequence:
    """At most `n` candidates one after another, in the order in which the search is worth most, until it is not."""

    n: int

    def __str__(self) -> str:
        return f"best sequence of at most {self.n}"


Ask = AskTop | AskAll | AskTiers | AskNamed | AskPanel | AskSequence


@dataclass(frozen=True, slots=True)
class ExecuteByTrader:
    """A person picks the quote."""

    def __str__(self) -> str:
        return "by trader"


@dataclass(frozen=True, slots=True)
class ExecuteAutomatic:
    """The best quote trades by itself if it is within tolerance and enough quotes stand beside it.

    `quotes_min` counts executable quotes, 1 if the rule names no number. Where that fails and
    `else_ask_trader` is set, the quotes go to the trader at once; without it the round ends unexecuted.
    """

    tolerance: Tolerance
    quotes_min: int = 1
    else_ask_trader: bool = False

    def __str__(self) -> str:
        quotes = f" and at least {self.quotes_min} quotes" if self.quotes_min > 1 else ""
        trader = ", else ask trader" if self.else_ask_trader else ""
        return f"automatically when within {self.tolerance} of fair{quotes}{trader}"


Execute = ExecuteByTrader | ExecuteAutomatic


class Restricting(Hashable, Protocol):
    """What `strictest` reads of a rule and of a protection."""

    @property
    def title(self) -> str: ...
    @property
    def mode(self) -> Mode: ...
    @property
    def stagger_s(self) -> float | None: ...
    @property
    def at_most(self) -> int | None: ...
    @property
    def never(self) -> frozenset[str]: ...


class RestrictingRule(Restricting, Protocol):
    """A rule also says how long to wait for an answer."""

    @property
    def wait_s(self) -> float | None: ...


@dataclass(frozen=True, slots=True)
class Restriction:
    """One limit that is in force and the titles of the blocks that ask for just this much."""

    what: str
    sources: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.what} ({', '.join(self.sources)})"


@dataclass(frozen=True, slots=True)
class Plan:
    """A rule with all protections laid over it.

    `stagger_s` is the least time between two requests; under ONE_AT_A_TIME it holds besides the wait for
    the answer. `at_most` counts distinct dealers over all rounds. None means no limit of that kind.
    """

    mode: Mode
    at_most: int | None
    stagger_s: float | None
    wait_s: float | None
    never: frozenset[str]
    sources: tuple[Restriction, ...]


_STRICTNESS: Final = {Mode.PARALLEL: 0, Mode.STAGGER: 1, Mode.ONE_AT_A_TIME: 2}
_MODE_WORDS: Final = {Mode.PARALLEL: "in parallel", Mode.STAGGER: "staggered", Mode.ONE_AT_A_TIME: "one at a time"}


def strictest(rule: RestrictingRule, protections: Sequence[Restricting]) -> Plan:
    """The rule's plan under every protection: fewest dealers, longest delay, strictest mode.

    Protections never loosen what the rule says, and their order does not matter.
    """
    return _strictest(rule, *protections)


@lru_cache(maxsize=1_024)  # Blocks of a book that many orders meet alike: most of them one rule and no protection.
def _strictest(rule: RestrictingRule, *protections: Restricting) -> Plan:
    blocks: tuple[Restricting, ...] = (rule, *protections)
    mode = max((block.mode for block in blocks), key=_STRICTNESS.__getitem__)
    limits = [block.at_most for block in blocks if block.at_most is not None]
    delays = [block.stagger_s for block in blocks if block.stagger_s is not None]
    at_most = min(limits, default=None)
    stagger_s = max(delays, default=None)
    never = frozenset().union(*(block.never for block in blocks))
    sources: list[Restriction] = []
    if mode is not Mode.PARALLEL:
        sources.append(_restriction(_MODE_WORDS[mode], [block for block in blocks if block.mode is mode]))
    if stagger_s is not None:
        asked = [block for block in blocks if block.stagger_s == stagger_s]
        sources.append(_restriction(f"{stagger_s:g}s apart", asked))
    if at_most is not None:
        sources.append(_restriction(f"at most {at_most} dealers", [b for b in blocks if b.at_most == at_most]))
    for name in sorted(never):
        sources.append(_restriction(f"never ask {name}", [block for block in blocks if name in block.never]))
    return Plan(mode, at_most, stagger_s, rule.wait_s, never, tuple(sources))


def _restriction(what: str, blocks: Sequence[Restricting]) -> Restriction:
    return Restriction(what, tuple(block.title for block in blocks))
