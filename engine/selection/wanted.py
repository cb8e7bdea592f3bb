"""What a rule wants of a choice, and what the protections leave of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from engine.domain.recommendation import Scalar
from engine.domain.rows import row
from engine.rules.plan import MODEL, Ask, AskNamed, AskPanel, AskSequence, AskTiers, AskTop, Plan, Ranking


@dataclass(frozen=True, slots=True)
class Listed:
    """A person's own list, in its order, in place of what a rule asks for."""

    dealers: tuple[str, ...]

    def __str__(self) -> str:
        return "a list of a person's own"


Assign = Callable[[Sequence[str], Sequence[int | None], Sequence[float | None]], Sequence[int | None]]
"""The tier of each dealer, given its place in the ranking and its score; None for none."""


@dataclass(frozen=True, slots=True)
class TierPlan:
    """The tiers that are defined for the order: their numbers, who is ranked by what, and who is in which."""

    numbers: frozenset[int]
    ranking: Ranking
    dealers: AbstractSet[str]
    assign: Assign


@row
@dataclass(frozen=True, slots=True)
class Where:
    """What the rule asks of dealers once they are ranked.

    `leaves_out` is told of a dealer and of its rank and score, as the list shows them, how many are ranked, and its
    tier; it gives None for one that may be asked, else the values it was judged by, by `names`.
    """

    condition: str
    names: tuple[str, ...]
    leaves_out: Callable[[str, tuple[Scalar, ...]], tuple[Scalar, ...] | None]


@row
@dataclass(frozen=True, slots=True)
class RulePlan:
    """What the rule wants and what the protections allow. `informed` are the dealers that know of the exposure.

    `explores` is False where the rule says so, `protected` is True where a protection is in force: nothing is drawn
    then.
    """

    ranking: Ranking
    ask: Ask | Listed
    everyone: frozenset[str]
    limits: Plan
    informed: tuple[str, ...] = ()
    tiers: TierPlan | None = None
    explores: bool = True
    protected: bool = False
    where: Where | None = None


def asks_the_model(plan: RulePlan) -> bool:
    """Is anything of the choice up to what is expected of dealers?"""
    rankings = (plan.ranking,) if plan.tiers is None else (plan.ranking, plan.tiers.ranking)
    return isinstance(plan.ask, AskPanel | AskSequence) or any(each.scorer == MODEL for each in rankings)


def wanted_by(ask: Ask | Listed) -> int | None:
    match ask:
        case AskTop(n) | AskPanel(n) | AskSequence(n):
            return n
        case AskNamed(names):
            return len(names)
        case AskTiers(tiers):
            counts = [count for _, count in tiers if count is not None]
            return sum(counts) if len(counts) == len(tiers) else None
        case Listed(dealers):
            return len(dealers)
    return None
