"""Whom the engine would ask for one order, and why: numbers and codes, and the words that were made of them.

A `Recommendation` is what an event keeps. It holds no sentence: what was read, measured and chosen, with a code for
every dealer's reason. The words are made when somebody reads them, by the version of the words that `told_by` names,
so an old decision is told as it was made.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Final

from engine.domain.axe import Axe
from engine.domain.exchange import RateUsed
from engine.domain.order import MarkUsed
from engine.domain.rfq import AskPlan
from engine.domain.rows import row

Scalar = str | int | float | bool | None
"""A value that a rule read, as the journal keeps it."""


class Why(StrEnum):
    """Why a dealer is not asked. What the words need beside the code stands in `LeftOut`, as said here."""

    # Candidates
    beyond = "beyond"
    """Not among the first so many; facts: how many."""
    not_named = "not_named"
    """Not among those that the rule's `ask` speaks of."""
    tier_full = "tier_full"
    """In a tier of which the rule wants fewer; facts: the tier."""
    no_tier = "no_tier"
    """In none of the tiers that the rule wants; facts: these tiers."""
    limit = "limit"
    """The most dealers that may know of it are reached; facts: how many, then who says so."""
    never = "never"
    """A protection forbids it; facts: who says so."""
    no_gain = "no_gain"
    """It adds less than asking it costs."""
    panel_full = "panel_full"
    """It would add something, but so many are asked already; facts: how many."""
    gave_way = "gave_way"
    """It would be asked, but its place went to another for once, to learn of that one; facts: to whom."""
    dropped = "dropped"
    """It would be asked, but is left out for once, to learn what asking costs."""
    # Others
    other_class = "other_class"
    """It does not trade such bonds; facts: the asset class."""
    paused = "paused"
    """By its file; each, where a person has paused it: who and why."""
    killed = "killed"
    """A kill switch is on; facts: its scope."""
    down = "down"
    """Its session is not logged on; each: the session."""
    closed = "closed"
    """Its session is outside its hours; facts: the session, until when."""
    too_large = "too_large"
    """The order is beyond its own limit; each: the limit."""
    credit = "credit"
    """The order is beyond what its credit limit leaves; each: what that is."""
    rule_never = "rule_never"
    """The rule never asks it; facts: the rule."""
    not_considered = "not_considered"
    """The rule's condition about dealers is not met; facts: the condition; read: the values it looked at."""


@row
@dataclass(frozen=True, slots=True)
class LeftOut:
    """Dealers that are not asked for one reason: the code, and what the words need.

    `facts` hold for all of them, `each` and `read` have one entry a dealer. `read_names` are what `read` was read from.
    """

    why: Why
    dealers: tuple[str, ...]
    facts: tuple[str, ...] = ()
    each: tuple[str, ...] = ()
    read_names: tuple[str, ...] = ()
    read: tuple[tuple[Scalar, ...], ...] = ()


class Ended(StrEnum):
    """Why so many dealers are asked and not more."""

    enough = "enough"
    """As many as the rule wants."""
    limit = "limit"
    """No more may know of it."""
    no_gain = "no_gain"
    """Nobody else adds more than asking it costs."""
    nobody_left = "nobody_left"
    """No other dealer fits."""
    no_tiers = "no_tiers"
    """Nobody: the rule wants tiers that are not defined for the order."""


@row
@dataclass(frozen=True, slots=True)
class RunnerUp:
    """A dealer that nearly was among those asked, and by how much its score falls short of the last one's."""

    dealer: str
    behind: float


@row
@dataclass(frozen=True, slots=True)
class CountWorth:
    """What one more dealer is worth: the `count`th is `dealer`, adds `gain_bps` and leaks `leak_bps`.

    `cost_bps` is what the whole is expected to cost with so many asked, not trading included. `se` are standard errors.
    `allowed` is False where a limit keeps so many from being asked: that is what the limit costs.
    """

    count: int
    dealer: str
    gain_bps: float
    gain_se_bps: float
    leak_bps: float
    leak_se_bps: float
    cost_bps: float
    allowed: bool = True


@row
@dataclass(frozen=True, slots=True)
class Expected:
    """What is expected of each candidate, a column a number, in the order of `Selection.candidates`; and of the whole.

    `p_quote` is the chance of an executable quote, asked alone, of which `p_in_time` come in time; `edge_bps` is the
    mean of its quotes and `edge_sd_bps` what one of them scatters, the error of the mean included; `p_win` is the
    chance to trade with it; `se` are standard errors of the estimates. `marginal_bps` is what it adds to those asked,
    as one of them or as one more; `reservation_bps` the edge that a quote in hand must have for asking this dealer to
    be pointless, None where nothing is too good. `n_eff` has a column for each of `N_EFF`: what the estimates rest on,
    of the dealer's own.

    Of the whole, as it is sent: `cost_bps` is what trading is expected to cost, not trading counted as `c_fail_bps`,
    which stands on `c_fail_n_eff` orders that were put off (its error of 0: an older engine knew none);
    `fill` the chance to trade, `leak_bps` what asking moves. `stops_bps` is set for dealers asked one after another:
    the edge at which each one's quote ends the search. `at_half` and `at_twice` are who would be asked if not trading
    cost half, or twice, as much.
    """

    p_quote: tuple[float, ...]
    p_in_time: tuple[float, ...]
    p_quote_se: tuple[float, ...]
    edge_bps: tuple[float, ...]
    edge_se_bps: tuple[float, ...]
    edge_sd_bps: tuple[float, ...]
    firmness: tuple[float, ...]
    firmness_se: tuple[float, ...]
    size_share: tuple[float, ...]
    p_win: tuple[float, ...]
    leak_in_bps: tuple[float, ...]
    leak_post_bps: tuple[float, ...]
    leak_se_bps: tuple[float, ...]
    leak_identified: tuple[str, ...]
    marginal_bps: tuple[float, ...]
    marginal_se_bps: tuple[float, ...]
    reservation_bps: tuple[float | None, ...]
    latency_p50_s: tuple[float | None, ...]
    latency_p90_s: tuple[float | None, ...]
    asks: tuple[int, ...]
    n_eff: tuple[tuple[float, ...], ...]
    cost_bps: float
    cost_se_bps: float
    fill: float
    leak_bps: float
    worth_by_count: tuple[CountWorth, ...]
    c_fail_bps: float
    aversion: float
    rho: float
    at_half: tuple[str, ...]
    at_twice: tuple[str, ...]
    stops_bps: tuple[float, ...] = ()
    mark: MarkUsed | None = None
    limit_edge_bps: float | None = None
    exposure: Decimal | None = None
    informed: tuple[str, ...] = ()
    parameters: str = ""
    """The digest of the settings it was computed by."""
    trade_share: tuple[float, ...] = ()
    """Our trades over our asks with each; empty where an older engine decided."""
    trade_share_se: tuple[float, ...] = ()
    c_fail_se_bps: float = 0.0
    c_fail_n_eff: float = 0.0


N_EFF: Final = ("p_quote", "edge", "firmness", "size_share", "leak_in", "leak_post", "reciprocity")
"""What the columns of `Expected.n_eff` belong to."""


@row
@dataclass(frozen=True, slots=True)
class Selection:
    """Whom to ask, with the numbers of every candidate and the reason of every other dealer.

    `asked` is in the order of asking; `candidates` are best first, beside them `scores`, `values` and `inclusion_p`. A
    candidate's values are its own, per metric: None where it lacks one, empty where nobody has tried it. `means` is
    what a dealer gets that lacks a metric: the worse of mean and median of those who have it, None where nobody has
    (told by version 1: the mean over all their observations). `units` are the metrics', weights are fractions, as they
    were set.

    `wanted` is how many the rule wants (None: all that fit), `at_most` how many may know of it; `undefined_tiers` are
    tiers that the rule wants and the order has not, empty where it has none at all.

    `inclusion_p` is each candidate's probability to be asked, `panel_p` that of the dealers asked; a draw may have
    changed the choice, which is `base` then. `explored` is the dealer that it put in, in place of `replaced` (empty: in
    a place that the choice left empty); `dropped` the dealer that it left out. `draw` is what was drawn for this
    `round` of the order, None where nothing was: so is it while a recommendation is only shown. `expected` is set where
    dealers were chosen by what is expected of them.
    """

    scorer: str
    window_days: int
    metrics: tuple[str, ...]
    units: tuple[str, ...]
    weights: tuple[float, ...]
    means: tuple[float | None, ...]
    ask: str
    asked: tuple[str, ...]
    wanted: int | None
    at_most: int | None
    ended: Ended
    candidates: tuple[str, ...]
    scores: tuple[float, ...]
    values: tuple[tuple[float | None, ...], ...]
    inclusion_p: tuple[float, ...]
    left_out: tuple[LeftOut, ...]
    runners_up: tuple[RunnerUp, ...] = ()
    undefined_tiers: tuple[int, ...] = ()
    panel_p: float = 1.0
    explored: str = ""
    draw: float | None = None
    round: int = 1
    base: tuple[str, ...] = ()
    replaced: str = ""
    dropped: str = ""
    expected: Expected | None = None

    @property
    def chosen(self) -> tuple[str, ...]:
        """Whom to ask before any draw."""
        return self.base if self.explored or self.dropped else self.asked


# --- words ---------------------------------------------------------------------------------------


@row
@dataclass(frozen=True, slots=True)
class ScorePart:
    """One metric of a score: what was measured, what the house transform made of it, what it added.

    `value` is in the metric's own unit (fraction, bps, seconds), None when unknown. `source` is `own`, `typical`,
    `no data` or `left out`; `segment mean` where an earlier engine decided.
    """

    metric: str
    value: float | None
    transformed: float
    weight: float
    contribution: float
    source: str


@row
@dataclass(frozen=True, slots=True)
class DealerLine:
    """One dealer: asked or not, where in the list, the score by parts, and the reason in words."""

    dealer: str
    chosen: bool
    rank: int | None
    score: float | None
    parts: tuple[ScorePart, ...]
    reason: str


@row
@dataclass(frozen=True, slots=True)
class Told:
    """A recommendation in words: a line a dealer, what became of each rule, and why nobody is asked if so.

    `notes` are what must be known of the scores as a whole.
    """

    lines: tuple[DealerLine, ...]
    trace: tuple[str, ...]
    problem: str = ""
    notes: tuple[str, ...] = ()


# --- what is kept --------------------------------------------------------------------------------


@row
@dataclass(frozen=True, slots=True)
class Recommendation:
    """The answer of the rule book to one order.

    `plan` is None when nobody can be asked. `sends_itself` is the rule's `send automatically`. `protections` are the
    names of those in force, `held` those among them that are on because they were before. `read` are the values that
    the rules read of the order, `exposure` those that the protections read of the whole exposure. `told` is set in
    place of a selection where an older engine kept the words alone (`told_by` 0). `axes` are the interests of dealers
    in this bond that lived then and are of use to the order's side, one a dealer.
    """

    book_hash: str
    scoring_hash: str
    rule: str
    sends_itself: bool
    plan: AskPlan | None
    protections: tuple[str, ...]
    held: tuple[str, ...] = ()
    read: Mapping[str, Scalar] | None = None
    exposure: Mapping[str, Scalar] | None = None
    selection: Selection | None = None
    told: Told | None = None
    told_by: int = 0
    axes: tuple[Axe, ...] = ()
    rate: RateUsed | None = None
    """What the order's currency was worth; None of the base currency, or where nobody knew."""


def from_version_1(record: dict[str, object]) -> dict[str, object]:
    """`OrderRecommended` as it was before: its words are kept as they stand."""
    recommendation = record["recommendation"]
    assert isinstance(recommendation, dict)
    words = {name: recommendation[name] for name in ("lines", "trace", "problem") if name in recommendation}
    rest = {name: value for name, value in recommendation.items() if name not in words}
    return {**record, "recommendation": {**rest, "told": words}}
