"""Whom to ask for one order: the one entry of this room. Pure: the same values in, the same selection out.

Who may not be asked at all is left out first (`candidates`); a scorer, which the rule names, puts the others in
order. Then they are taken one after another, as many as the rule wants, each if it fits: protections, the most dealers
that may know of it and the dealers that the rule names are constraints of the choice. A dealer that does not fit makes
room for the next. Where the rule asks the best panel or the best sequence, `model` says whom and how many, under the
same constraints. Last, now and then, a draw changes one place of the list (`explore`), whatever the scorer.

The most dealers (`at_most`) counts everybody who knows of the exposure, over all its rounds. Who knows already may be
asked again. Dealers that the rule names are asked whatever their rank: the limit leaves their places free.

What comes out is numbers and codes (`domain.recommendation.Selection`); `wording` makes words of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import islice
from typing import Final

from engine.dealers.segments import Segment
from engine.domain.recommendation import Ended, LeftOut, RunnerUp, Scalar, Selection, Why
from engine.rules.plan import AskNamed, AskPanel, AskSequence, AskTiers, AskTop
from engine.selection.by_worth import Numbers, leave_by_worth, numbers_of, take_best
from engine.selection.candidates import Candidates
from engine.selection.drawing import explored_of
from engine.selection.explore import Chances, Explored, inclusion
from engine.selection.model import Counted, Model, modelled
from engine.selection.ranking import Table
from engine.selection.request import Parameters, Records, Request
from engine.selection.scorers import MODEL, name_of, scorer_of, standings
from engine.selection.taking import Taking
from engine.selection.wanted import Listed, RulePlan, TierPlan, Where, wanted_by

RUNNERS_UP_MAX: Final = 3

_NUMBERS_MAX: Final = 200
"""Of more candidates than this nobody is told what is expected of them who has not ranked them by it: 10 ms."""


def choose(
    request: Request,
    plan: RulePlan,
    candidates: Candidates,
    records: Records,
    parameters: Parameters,
    entropy: bytes,
) -> Selection:
    """Whom to ask, and the numbers and the reason of everybody else.

    Without `entropy` nothing is drawn: the probabilities are those that a draw would have. Raises ConfigError for a
    ranking that names no scorer, and for a model without estimates.
    """
    if plan.where is not None:
        candidates = _narrowed(plan.where, request, plan, candidates, records, parameters)
    listed = plan.ask.dealers if isinstance(plan.ask, Listed) else None
    model = None if listed is not None else _model(request, plan, candidates, records, parameters)
    if listed is not None:
        table = _of_list(listed)
    elif model is not None and plan.ranking.scorer == MODEL:
        table = model.table(plan.ranking.window_days)
    else:
        table = _ranked(request, plan, candidates, records, parameters)
        model = model.numbered_as(table.dealers) if model is not None else None
    everybody = table.dealers
    named = [name for name in everybody if name in plan.everyone] if plan.everyone else []
    chosen = Taking(plan.limits, plan.informed, named)
    tier_of: Mapping[str, int | None] = {}
    counted = Counted.not_at_all
    match plan.ask:
        case AskTop(n):
            decided = chosen.take(everybody, n)
            chosen.take(chosen.named, None)
            chosen.leave(Why.beyond, (str(n),), chosen.undecided(everybody[decided:]))
        case AskNamed():
            chosen.take(chosen.named, None)
            chosen.leave(Why.not_named, (), chosen.undecided(everybody))
        case AskTiers(wanted):
            defined = plan.tiers.numbers if plan.tiers is not None else frozenset()
            undefined = tuple(tier for tier, _ in wanted if tier not in defined)
            if plan.tiers is None or undefined:
                chosen.undefined_tiers = undefined if plan.tiers is not None else ()
                chosen.ended = Ended.no_tiers
                chosen.leave(Why.not_named, (), everybody)
            else:
                tier_of = _tiers(request, plan.tiers, records, parameters)
                _take_tiers(chosen, everybody, wanted, tier_of)
        case AskPanel(n) | AskSequence(n):
            assert model is not None
            counted = take_best(chosen, model, plan, everybody, n)
        case _:
            chosen.take(everybody, None)
    numbers = numbers_of(model, plan, everybody, chosen, counted)
    if numbers is not None and counted is not Counted.not_at_all:
        leave_by_worth(chosen, everybody, numbers)
    # Numbers that are only shown move no draw: what is shown is what is sent.
    judged = numbers if plan.ranking.scorer == MODEL or counted is not Counted.not_at_all else None
    explored = explored_of(request, plan, parameters, entropy, table, chosen, judged, tier_of)
    return _selection(request, plan, table, candidates, chosen, explored, numbers)


def _narrowed(
    where: Where,
    request: Request,
    plan: RulePlan,
    candidates: Candidates,
    records: Records,
    parameters: Parameters,
) -> Candidates:
    """The candidates that the rule still wants once it knows how they rank: they alone are ranked and chosen from."""
    table = _ranked(request, plan, candidates, records, parameters)
    tier_of = _tiers(request, plan.tiers, records, parameters) if plan.tiers is not None else {}
    left: dict[str, tuple[Scalar, ...]] = {}
    for rank, (name, score) in enumerate(zip(table.dealers, table.scores, strict=True), 1):
        read = where.leaves_out(name, (rank, len(table.dealers), score, tier_of.get(name)))
        if read is not None:
            left[name] = read
    if not left:
        return candidates
    others = LeftOut(Why.not_considered, tuple(left), (where.condition,), (), where.names, tuple(left.values()))
    kept = tuple([name for name in candidates.dealers if name not in left])
    return Candidates(kept, (*candidates.left_out, others))


def _ranked(
    request: Request, plan: RulePlan, candidates: Candidates, records: Records, parameters: Parameters
) -> Table:
    return scorer_of(plan.ranking, parameters)(records, request, _set_of(candidates.dealers))


@lru_cache(maxsize=16)
def _set_of(dealers: tuple[str, ...]) -> frozenset[str]:
    return frozenset(dealers)


def _model(
    request: Request, plan: RulePlan, candidates: Candidates, records: Records, parameters: Parameters
) -> Model | None:
    """The model, where the rule ranks or chooses by it, or its numbers are wanted of so few that they cost little."""
    shown = request.numbers and len(candidates.dealers) <= _NUMBERS_MAX
    if plan.ranking.scorer != MODEL and not isinstance(plan.ask, AskPanel | AskSequence) and not shown:
        return None
    model = modelled(request, candidates.dealers, records, parameters)
    return model.ranked() if plan.ranking.scorer == MODEL else model


def _of_list(dealers: tuple[str, ...]) -> Table:
    """A list that nobody ranks: it has no numbers."""
    return Table((), (), (), 0, (), dealers, (), ())


@dataclass(frozen=True, slots=True)
class Tiered:
    """A dealer's tier, and the place and score that it has it by; None for none. `rank` is of `ranked`."""

    dealer: str
    tier: int | None
    rank: int | None
    ranked: int
    score: float | None


def _tiers(request: Request, tiers: TierPlan, records: Records, parameters: Parameters) -> dict[str, int | None]:
    return {each.dealer: each.tier for each in in_tiers(request, tiers, records, parameters)}


def in_tiers(request: Request, tiers: TierPlan, records: Records, parameters: Parameters) -> tuple[Tiered, ...]:
    """Tiers are made over all dealers of the asset class; the rule picks among its candidates."""
    scorer = scorer_of(tiers.ranking, parameters)
    whole_class = replace(request, segment=Segment(request.asset_class))
    table = scorer(records, whole_class, tiers.dealers)
    score_of = dict(zip(table.dealers, table.scores, strict=True))
    found = standings(table)
    dealers, ranks = [each.dealer for each in found], [each.rank for each in found]
    scores = [score_of[each.dealer] if each.rank is not None else None for each in found]
    assigned = tiers.assign(dealers, ranks, scores)
    return tuple(
        Tiered(each.dealer, tier, each.rank, each.ranked, score)
        for each, tier, score in zip(found, assigned, scores, strict=True)
    )


def _take_tiers(
    chosen: Taking,
    everybody: tuple[str, ...],
    wanted: tuple[tuple[int, int | None], ...],
    tier_of: Mapping[str, int | None],
) -> None:
    """By tier, then by rank."""
    for tier, count in wanted:
        chosen.take([name for name in everybody if tier_of.get(name) == tier], count)
    chosen.take(chosen.named, None)
    words = tuple(str(tier) for tier, _ in wanted)
    for name in chosen.undecided(everybody):
        its = tier_of.get(name)
        chosen.leave(*((Why.tier_full, (str(its),)) if its is not None else (Why.no_tier, words)), (name,))


def _selection(
    request: Request,
    plan: RulePlan,
    table: Table,
    candidates: Candidates,
    chosen: Taking,
    exploration: tuple[Chances, Explored, float | None],
    numbers: Numbers | None,
) -> Selection:
    of, explored, draw = exploration
    base, names = tuple(chosen.asked), table.dealers
    came = names[explored.came] if explored.came is not None else None
    went = names[explored.went] if explored.went is not None else None
    is_changed = came is not None or went is not None
    if is_changed:
        chosen.exchange([names[at] for at in explored.panel], came, went)
    asked = tuple(chosen.asked)
    if not asked and chosen.ended is Ended.enough:
        chosen.ended = Ended.nobody_left
    inclusion_p = [0.0] * len(names)
    for place, p in inclusion(of).items():
        inclusion_p[place] = p
    expected = None
    if numbers is not None:
        expected = numbers.model.expected(
            numbers.chosen, explored.panel, numbers.margins, numbers.limits, numbers.choice, plan.informed
        )
    return Selection(  # Nearly all by place: a call with more than fifteen names takes three times as long.
        "" if isinstance(plan.ask, Listed) else name_of(plan.ranking),
        table.window_days,
        table.metrics,
        table.units,
        table.weights,
        table.typical,
        str(plan.ask),
        asked,
        wanted_by(plan.ask),
        plan.limits.at_most,
        chosen.ended,
        names,
        table.scores,
        table.values,
        tuple(inclusion_p),
        (*chosen.left_out(), *candidates.left_out),
        _runners_up(table, of.panel, numbers),
        chosen.undefined_tiers,
        explored.panel_p,
        came or "",
        draw,
        request.round,
        base if is_changed else (),
        replaced=went or "" if came is not None else "",
        dropped=went or "" if came is None else "",
        expected=expected,
    )


def _runners_up(table: Table, places: Sequence[int], numbers: Numbers | None) -> tuple[RunnerUp, ...]:
    """The best of those that are not asked, beside the worst that is: by what they add, or by their score."""
    if not places or not table.scores:
        return ()
    members = set(places)
    others: Iterable[int] = (place for place in range(len(table.dealers)) if place not in members)
    if numbers is None or numbers.choice.counted is Counted.not_at_all:
        worth: Sequence[float] = table.scores
    else:
        worth = [margin.gain_bps for margin in numbers.margins]
        left = (place for place in others if place not in numbers.limits.never)
        others = sorted(left, key=lambda place: (-worth[place], place))
    worst = min([worth[place] for place in places])
    first = islice(others, RUNNERS_UP_MAX)
    return tuple([RunnerUp(table.dealers[place], worst - worth[place]) for place in first])
