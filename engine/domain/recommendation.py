"""Whom the engine would ask for one order, and why: one line for every dealer it knows."""

from __future__ import annotations

from dataclasses import dataclass

from engine.domain.rfq import AskPlan


@dataclass(frozen=True, slots=True)
class ScorePart:
    """One metric of a score: what was measured, what the house transform made of it, what it added.

    `value` is in the metric's own unit (fraction, bps, seconds), None when unknown. `source` is `own`,
    `segment mean` or `no data`.
    """

    metric: str
    value: float | None
    transformed: float
    weight: float
    contribution: float
    source: str


@dataclass(frozen=True, slots=True)
class DealerLine:
    """One dealer: asked or not, where in the list, the score by parts, and the reason in words."""

    dealer: str
    chosen: bool
    rank: int | None
    score: float | None
    parts: tuple[ScorePart, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class Recommendation:
    """The answer of the rule book to one order.

    `plan` is None when nobody can be asked; `problem` then says why. `sends_itself` is the rule's `send
    automatically`. `protections` are the names of those in force, each with its reason.
    """

    book_hash: str
    scoring_hash: str
    rule: str
    sends_itself: bool
    plan: AskPlan | None
    protections: tuple[str, ...]
    lines: tuple[DealerLine, ...]
    trace: tuple[str, ...]
    problem: str = ""
