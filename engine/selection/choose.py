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

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import lru_cache
from itertools import islice
from typing import Final

from engine.dealers.book import DealerBook
from engine.dealers.segments import Segment
from engine.domain.instrument import AssetClass
from engine.domain.recommendation import Ended, LeftOut, RunnerUp, Scalar, Selection, Why
from engine.errors import ConfigError
from engine.rules.plan import Ask, AskNamed, AskPanel, AskSequence, AskTiers, AskTop, Mode, Plan, Ranking
from engine.selection.explore import POOL_MAX, Chances, Explored, Pool, Slot, chances, drawn, inclusion, uniform
from engine.selection.model import Choice, Counted, Limits, Model, modelled
from engine.selection.prospect import Margin
from engine.selection.ranking import Table, WeightedScorer, classic, weighted
from engine.selection.request import Exploring, Parameters, Records, Request

RUNNERS_UP_MAX: Final = 3

_NUMBERS_MAX: Final = 200
"""Of more candidates than this nobody is told what is expected of them who has not ranked them by it: 10 ms."""

_LOOKED_FOR_MAX: Final = 16
"""So many names are looked for one by one; a table of all places costs more."""


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


@dataclass(frozen=True, slots=True)
class Where:
    """What the rule asks of dealers once they are ranked.

    `leaves_out` is told of a dealer and of its rank and score, as the list shows them, how many are ranked, and its
    tier; it gives None for one that may be asked, else the values it was judged by, by `names`.
    """

    condition: str
    names: tuple[str, ...]
    leaves_out: Callable[[str, tuple[Scalar, ...]], tuple[Scalar, ...] | None]


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
    chosen = _Choice(plan.limits, plan.informed, named)
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
            counted = _take_best(chosen, model, plan, everybody, n)
        case _:
            chosen.take(everybody, None)
    numbers = _numbers(model, plan, everybody, chosen, counted)
    if numbers is not None and counted is not Counted.not_at_all:
        _leave_by_worth(chosen, everybody, numbers)
    explored = _explored(request, plan, parameters, entropy, table, chosen, numbers, tier_of)
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
    return scorer_of(plan.ranking, parameters)(records, request, frozenset(candidates.dealers))


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


def _tiers(request: Request, tiers: TierPlan, records: Records, parameters: Parameters) -> dict[str, int | None]:
    """Tiers are made over all dealers of the asset class; the rule picks among its candidates."""
    scorer = scorer_of(tiers.ranking, parameters)
    whole_class = replace(request, segment=Segment(request.asset_class))
    table = scorer(records, whole_class, tiers.dealers)
    score_of = dict(zip(table.dealers, table.scores, strict=True))
    found = standings(table)
    dealers, ranks = [each.dealer for each in found], [each.rank for each in found]
    scores = [score_of[each.dealer] if each.rank is not None else None for each in found]
    return dict(zip(dealers, tiers.assign(dealers, ranks, scores), strict=True))


def _take_tiers(
    chosen: _Choice,
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


# --- by the model ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Numbers:
    """What the model says of the dealers asked, and of every candidate beside them."""

    model: Model
    limits: Limits
    choice: Choice
    chosen: tuple[int, ...]
    margins: Sequence[Margin]


def _take_best(chosen: _Choice, model: Model, plan: RulePlan, everybody: Sequence[str], most: int) -> Counted:
    """The best panel; or, where dealers are asked one at a time, the best search, of no more than the panel has."""
    limits = _limits(chosen, plan, everybody, most)
    if isinstance(plan.ask, AskSequence):
        found, counted = model.search(limits), Counted.search
    elif plan.limits.mode is Mode.ONE_AT_A_TIME:
        found = model.search(replace(limits, most=len(model.panel(limits))))
        counted = Counted.search
    else:
        found, counted = model.panel(limits), Counted.panel
    chosen.take([everybody[at] for at in found], None)
    chosen.take(chosen.named, None)
    if len(found) >= limits.most and chosen.ended is Ended.nobody_left:
        chosen.ended = Ended.enough
    return counted


def _limits(chosen: _Choice, plan: RulePlan, everybody: Sequence[str], most: int) -> Limits:
    informed, at_most = frozenset(plan.informed), plan.limits.at_most
    forced = tuple([at for at, name in enumerate(everybody) if name in chosen.reserved])
    return Limits(
        most=max(most, len(forced)),
        forced=forced,
        never=frozenset([at for at, name in enumerate(everybody) if name in plan.limits.never]),
        informed=frozenset([at for at, name in enumerate(everybody) if name in informed]),
        at_most=at_most,
        room=None if at_most is None else max(0, at_most - len(informed)),
    )


def _numbers(
    model: Model | None, plan: RulePlan, everybody: Sequence[str], chosen: _Choice, counted: Counted
) -> _Numbers | None:
    """What the model says of the dealers chosen."""
    if model is None:
        return None
    place_of = {name: place for place, name in enumerate(everybody)}
    asked = tuple([place_of[name] for name in chosen.asked])
    one_by_one = counted is Counted.search or plan.limits.mode is Mode.ONE_AT_A_TIME
    wanted = _wanted(plan.ask)
    limits = _limits(chosen, plan, everybody, len(everybody) if wanted is None else wanted)
    margins = model.margins(asked, one_by_one=one_by_one)
    return _Numbers(model, limits, Choice(one_by_one, counted), asked, margins)


def _leave_by_worth(chosen: _Choice, everybody: tuple[str, ...], numbers: _Numbers) -> None:
    """Why the model leaves out each of the others, and why it stops where it does."""
    limits, asked = numbers.limits, numbers.chosen
    found: dict[Why, list[str]] = {}
    for at, name in enumerate(everybody):
        if chosen.is_decided(name):
            continue
        if at in limits.never:
            chosen.leave_never(name)
        elif numbers.margins[at].gain_bps <= 0:
            found.setdefault(Why.no_gain, []).append(name)
        elif not limits.may_join(at, asked):
            found.setdefault(Why.limit, []).append(name)
        else:
            found.setdefault(Why.panel_full, []).append(name)
    chosen.leave(Why.no_gain, (), found.get(Why.no_gain, ()))
    chosen.leave(Why.panel_full, (str(len(asked)),), found.get(Why.panel_full, ()))
    chosen.leave_for_limit(found.get(Why.limit, ()))
    if Why.limit not in found and chosen.ended is not Ended.limit:
        full, none = Why.panel_full in found, Why.no_gain not in found
        chosen.ended = Ended.enough if full else Ended.nobody_left if none else Ended.no_gain


# --- exploration ----------------------------------------------------------------------------------

_CHANCE_MIN: Final = 0.01
_UNTRIED_CHANCE: Final = 0.5
"""Nobody knows whether a dealer that was never tried belongs in the panel."""

_SPREADS: Final = 4.0
"""So many standard deviations lie, about, between the first and the last score of a ranking."""

_SD_MIN_BPS: Final = 0.1


def _explored(
    request: Request,
    plan: RulePlan,
    parameters: Parameters,
    entropy: bytes,
    table: Table,
    chosen: _Choice,
    numbers: _Numbers | None,
    tier_of: Mapping[str, int | None],
) -> tuple[Chances, Explored, float | None]:
    """What may be drawn, what was, and the number that decided it (None: nothing was drawn).

    A place can be given away unless the rule names its dealer; to whom the rule might have asked there: a candidate
    left out, of the same tier where tiers are asked, that no limit keeps out. So can one that the model leaves empty;
    in a search it is the first one, since the others may never be reached.
    """
    base = _places(table.dealers, tuple(chosen.asked))
    if not _may_explore(request, plan, parameters.exploring):
        none = chances(base, (), (), 0.0, 0.0)
        return none, drawn(none, None), None
    exploring = parameters.exploring
    free = [place for place, at in enumerate(base) if table.dealers[at] not in plan.everyone]
    slots, untried = _slots(plan, table, chosen, base, free, numbers, tier_of)
    p_swap = exploring.epsilon_untried if untried else exploring.epsilon
    p_drop = min(exploring.epsilon_drop, 1.0 - p_swap) if len(base) > 1 else 0.0
    found = chances(base, slots, free, p_swap, p_drop)
    draw = request.draw if request.draw is not None else uniform(entropy) if entropy else None
    return found, drawn(found, draw), draw


def _may_explore(request: Request, plan: RulePlan, exploring: Exploring) -> bool:
    """Never under a protection, over a size, against the rule, or in a list that somebody wrote down."""
    if plan.protected or not plan.explores or isinstance(plan.ask, Listed | AskNamed):
        return False
    if not (exploring.epsilon or exploring.epsilon_untried or exploring.epsilon_drop):
        return False
    most = exploring.quantity_max
    return most is None or (request.quantity is not None and request.quantity <= most)


def _slots(
    plan: RulePlan,
    table: Table,
    chosen: _Choice,
    base: Sequence[int],
    free: Sequence[int],
    numbers: _Numbers | None,
    tier_of: Mapping[str, int | None],
) -> tuple[list[Slot], bool]:
    """The places that can be given away, to whom; and whether nobody has tried one of those."""
    members, never, informed = set(base), plan.limits.never, frozenset(plan.informed)
    dealers = table.dealers
    untried = [at for at, own in enumerate(table.values) if not own and at not in members]
    at_most = plan.limits.at_most
    full = at_most is not None and len(informed.union(chosen.asked)) >= at_most
    pools: dict[tuple[int | None, bool], Pool] = {}

    def pool(tier: int | None, knowing: bool) -> Pool:
        def fits(at: int) -> bool:
            name = dealers[at]
            if at in members or name in never or (knowing and name not in informed):
                return False
            return not tier_of or tier_of.get(name) == tier

        found = pools.get((tier, knowing))
        if found is None:
            found = pools[tier, knowing] = _pool(table, base, _drawable(table, untried, fits), numbers)
        return found

    slots: list[Slot] = []
    for place in free:
        name = dealers[base[place]]
        # Who knows already makes no room when its place is given away.
        slots.append(Slot(place, pool(tier_of.get(name), full and name in informed)))
    if numbers is not None and numbers.choice.counted is not Counted.not_at_all and not full:
        empty = numbers.limits.most - len(base)
        if at_most is not None:
            empty = min(empty, at_most - len(base))
        if empty > 0:
            first = 0 if numbers.choice.counted is Counted.search else len(base)
            slots.append(Slot(first, pool(None, False), empty))
    new = set(untried)
    return slots, any(not new.isdisjoint(each.dealers) for each in pools.values())


def _drawable(table: Table, untried: Sequence[int], fits: Callable[[int], bool]) -> list[int]:
    """At most so many dealers that fit: half of them untried ones if there are as many, the others by rank."""
    new = [at for at in untried if fits(at)]
    tried = islice((at for at, own in enumerate(table.values) if own and fits(at)), POOL_MAX)
    first = new[: POOL_MAX // 2]
    known = list(islice(tried, POOL_MAX - len(first)))
    return sorted(known + new[: POOL_MAX - len(known)])


def _pool(table: Table, base: Sequence[int], fitting: Sequence[int], numbers: _Numbers | None) -> Pool:
    """Who may be drawn, by the chance to belong among those asked."""
    if numbers is not None:
        # One more must be worth its cost, and more than the least of those asked where no more fit.
        full = len(base) >= numbers.limits.most or numbers.choice.counted is Counted.not_at_all
        bar = min([numbers.margins[at].gain_bps for at in base], default=0.0) if full else 0.0
        return Pool(tuple(fitting), tuple([_belongs(numbers.margins[at], bar) for at in fitting]))
    worst = table.scores[max(base)]
    spread = (table.scores[0] - table.scores[-1]) / _SPREADS
    weights = [
        _UNTRIED_CHANCE
        if not spread or not table.values[at]
        else max(_CHANCE_MIN, _normal((table.scores[at] - worst) / spread))
        for at in fitting
    ]
    return Pool(tuple(fitting), tuple(weights))


def _belongs(margin: Margin, bar_bps: float) -> float:
    return max(_CHANCE_MIN, _normal((margin.gain_bps - bar_bps) / max(_SD_MIN_BPS, margin.gain_sd_bps)))


def _normal(t: float) -> float:
    return 0.5 * math.erfc(-t / math.sqrt(2.0))


# --- a panel as it grows --------------------------------------------------------------------------


class _Choice:
    """A panel as it grows: who is in, what still fits, and why others do not."""

    __slots__ = (
        "_informed",
        "_known",
        "_left",
        "_limits",
        "_places_named",
        "_sources",
        "asked",
        "ended",
        "named",
        "undefined_tiers",
    )

    def __init__(self, limits: Plan, informed: Sequence[str], named: Sequence[str]) -> None:
        self.asked: list[str] = []
        self.named = named
        self.ended = Ended.enough
        self.undefined_tiers: tuple[int, ...] = ()
        self._limits = limits
        self._informed = set(informed)
        self._places_named = self._reserved(named)
        self._known: set[str] = set()
        """Dealers that are decided: asked, or left out with a reason."""
        self._left: dict[tuple[Why, tuple[str, ...]], list[str]] = {}
        self._sources: dict[str, tuple[str, ...]] | None = None

    def take(self, order: Sequence[str], wanted: int | None) -> int:
        """Ask so many of them, in this order, as far as they fit; how many of the order were decided.

        One that may not know of it makes room for the next. Once the panel is full, the others that would have had a
        place are left out for that.
        """
        places = 0
        for place, name in enumerate(order):
            if wanted is not None and places >= wanted:
                return place
            if name in self._known:
                continue
            self._known.add(name)
            if name in self._limits.never:
                self.leave_never(name)
                continue
            full, over = self._full(name)
            if full or over:
                self.leave_for_limit((name,))
                places += full
                continue
            self._places_named.discard(name)
            self._informed.add(name)
            self.asked.append(name)
            places += 1
        if wanted is not None and places < wanted and self.ended is Ended.enough:
            self.ended = Ended.nobody_left
        return len(order)

    @property
    def reserved(self) -> frozenset[str]:
        """The dealers that the rule names and the limit has room for."""
        return frozenset(self._places_named)

    def is_decided(self, name: str) -> bool:
        """Asked, or left out with a reason?"""
        return name in self._known

    def leave_never(self, name: str) -> None:
        """Leave out a dealer that a protection forbids."""
        self.leave(Why.never, self._said_by(f"never ask {name}"), (name,))

    def leave_for_limit(self, dealers: Sequence[str]) -> None:
        """Leave out dealers that would be one too many that know."""
        if dealers:
            most = str(self._limits.at_most)
            self.leave(Why.limit, (most, *self._said_by(f"at most {most} dealers")), dealers)
            self.ended = Ended.limit

    def exchange(self, asked: list[str], came: str | None, went: str | None) -> None:
        """Ask these instead: a draw put one in, or left one out."""
        self.asked = asked
        if came is not None:
            for dealers in self._left.values():
                if came in dealers:
                    dealers.remove(came)
        if went is not None:
            why, facts = (Why.gave_way, (came,)) if came is not None else (Why.dropped, ())
            self.leave(why, facts, (went,))

    def leave(self, why: Why, facts: tuple[str, ...], dealers: Sequence[str]) -> None:
        """Leave dealers out for a reason."""
        if dealers:
            self._left.setdefault((why, facts), []).extend(dealers)

    def undecided(self, dealers: Sequence[str]) -> Sequence[str]:
        """Those of whom nothing was said yet."""
        known = self._known
        return dealers if known.isdisjoint(dealers) else [name for name in dealers if name not in known]

    def left_out(self) -> Iterator[LeftOut]:
        return (LeftOut(why, tuple(dealers), facts) for (why, facts), dealers in self._left.items() if dealers)

    def _reserved(self, named: Sequence[str]) -> set[str]:
        """The named dealers that the limit has room for: their places are left free."""
        most, found, fresh = self._limits.at_most, set[str](), 0
        for name in named:
            if name in self._limits.never or (most is not None and len(found) >= most):
                continue
            if name not in self._informed:
                if most is not None and len(self._informed) + fresh >= most:
                    continue
                fresh += 1
            found.add(name)
        return found

    def _full(self, name: str) -> tuple[bool, bool]:
        """(nobody at all fits any more, this dealer would be one too many that knows)"""
        most = self._limits.at_most
        if most is None:
            return False, False
        others = () if name in self._places_named else self._places_named
        if len(self.asked) + len(others) >= most:
            return True, False
        unknowing = sum(other not in self._informed for other in others)
        return False, name not in self._informed and len(self._informed) + unknowing >= most

    def _said_by(self, what: str) -> tuple[str, ...]:
        if self._sources is None:
            self._sources = {each.what: each.sources for each in self._limits.sources}
        return self._sources.get(what, ())


def _selection(
    request: Request,
    plan: RulePlan,
    table: Table,
    candidates: Candidates,
    chosen: _Choice,
    exploration: tuple[Chances, Explored, float | None],
    numbers: _Numbers | None,
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
    return Selection(
        scorer="" if isinstance(plan.ask, Listed) else name_of(plan.ranking),
        window_days=table.window_days,
        metrics=table.metrics,
        units=table.units,
        weights=table.weights,
        means=table.typical,
        ask=str(plan.ask),
        asked=asked,
        wanted=_wanted(plan.ask),
        at_most=plan.limits.at_most,
        ended=chosen.ended,
        candidates=names,
        scores=table.scores,
        values=table.values,
        inclusion_p=tuple(inclusion_p),
        left_out=(*chosen.left_out(), *candidates.left_out),
        runners_up=_runners_up(table, of.panel, numbers),
        undefined_tiers=chosen.undefined_tiers,
        panel_p=explored.panel_p,
        explored=came or "",
        draw=draw,
        round=request.round,
        base=base if is_changed else (),
        replaced=went or "" if came is not None else "",
        dropped=went or "" if came is None else "",
        expected=expected,
    )


def _wanted(ask: Ask | Listed) -> int | None:
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


def _places(dealers: tuple[str, ...], asked: tuple[str, ...]) -> list[int]:
    """Where in the ranking those stand that are asked."""
    if len(asked) <= _LOOKED_FOR_MAX:
        return [dealers.index(name) for name in asked]
    place_of = {name: place for place, name in enumerate(dealers)}
    return [place_of[name] for name in asked]


def _runners_up(table: Table, places: Sequence[int], numbers: _Numbers | None) -> tuple[RunnerUp, ...]:
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


# --- scorers --------------------------------------------------------------------------------------
#
# The scorers there are, by the names that rules give them: one interface, so that one can stand for another. A new
# scorer is a module that gives a `Scorer`, and a line in `NAMED`; the rule checker knows it from there.

OWN_WEIGHTS: Final = "weights"
"""What a ranking by a rule's own weights is called where a scorer's name is wanted."""


MODEL: Final = "model"

Scorer = Callable[[Records, Request, AbstractSet[str]], Table]
"""All eligible dealers for a request, best first, with the numbers behind the order."""

_Maker = Callable[[Ranking, Parameters], Scorer]


@lru_cache(maxsize=256)
def _by_weights(weights: tuple[tuple[str, Decimal], ...], window_days: int) -> WeightedScorer:
    return weighted(weights, window_days)


@lru_cache(maxsize=64)
def _classic(weights: tuple[tuple[str, Decimal], ...], window_days: int) -> WeightedScorer:
    return classic(weights, window_days)


def _kept_order(scorer: WeightedScorer) -> Scorer:
    def ranked(records: Records, request: Request, eligible: AbstractSet[str]) -> Table:
        return records.rankings.table(scorer, request.segment, request.now_ns, eligible)

    return ranked


def _by_worth(ranking: Ranking, desk: Parameters) -> Scorer:
    def ranked(records: Records, request: Request, eligible: AbstractSet[str]) -> Table:
        return modelled(request, sorted(eligible), records, desk).ranked().table(ranking.window_days)

    return ranked


NAMED: Final[Mapping[str, _Maker]] = {
    "classic": lambda ranking, desk: _kept_order(_classic(desk.classic_weights, ranking.window_days)),
    MODEL: _by_worth,
}
"""Every scorer that a rule may name after `rank by`."""


def scorer_of(ranking: Ranking, desk: Parameters) -> Scorer:
    """The scorer that a `rank by` means. Raises ConfigError for a name that no scorer has: never another scorer."""
    if ranking.scorer is None:
        return _kept_order(_by_weights(ranking.weights, ranking.window_days))
    make = NAMED.get(ranking.scorer)
    if make is None:
        raise ConfigError(f"rank by {ranking.scorer}: there is no such scorer; known are {', '.join(NAMED)}")
    return make(ranking, desk)


def name_of(ranking: Ranking) -> str:
    """The scorer's name, for the record."""
    return ranking.scorer if ranking.scorer is not None else OWN_WEIGHTS


# --- tiers ---------------------------------------------------------------------------------------
#
# What a tier rule is told about a dealer: its place among the dealers that have one. `tier 1 when rank in top 20% and
# asks >= 20` is evaluated by the rule book. Tiers are made per asset class: the segment is `Segment("corporate")`.
#
# A dealer without data has no rank (None, so every comparison with it is unknown and no tier takes it), and is not
# counted among those ranked: half of ten dealers that nobody knows is not a tier.


@dataclass(frozen=True, slots=True)
class Standing:
    """A dealer's place in one ranking, `rank` of `ranked`; the rank is None without data."""

    dealer: str
    rank: int | None
    ranked: int


def standings(table: Table) -> tuple[Standing, ...]:
    """Every dealer's place in a ranking, best first, those without data last."""
    known = [dealer for dealer, own in zip(table.dealers, table.values, strict=True) if _tried(own)]
    unknown = [dealer for dealer, own in zip(table.dealers, table.values, strict=True) if not _tried(own)]
    return (
        *(Standing(dealer, place, len(known)) for place, dealer in enumerate(known, 1)),
        *(Standing(dealer, None, len(known)) for dealer in unknown),
    )


def _tried(own: tuple[float | None, ...]) -> bool:
    """Does any part of the score rest on the dealer's own results?"""
    return any(value is not None for value in own)


# --- who may be asked at all ---------------------------------------------------------------------
#
# The checks come in the order in which a person would ask: does it trade such bonds, is it paused, stopped, connected;
# is the order too large for it; does the rule exclude it. The first that fails is the reason.


@dataclass(frozen=True, slots=True)
class Candidates:
    """The dealers that may be asked, in the order of the book, and the others by reason."""

    dealers: tuple[str, ...]
    left_out: tuple[LeftOut, ...]


@dataclass(frozen=True, slots=True)
class Situation:
    """What decides who may be asked, besides the dealers' own profiles.

    `leaves` is what is left of the order. `closed` says until when a session is closed, empty for one that is open;
    None where no session has hours. `stopped` gives the kill switch that is on for a dealer, empty for none; None while
    no switch is on. `paused` are the dealers that a person has paused, with who and why; None while there is none.
    `rooms` is the most that credit limits leave for one request, of dealers that have one. `consider` gives None for a
    dealer that meets the rule's condition, else the values it was judged by, read from `considered_by`; it is None
    where the rule has no condition.
    """

    asset_class: AssetClass
    leaves: Decimal
    session_up: Callable[[str], bool]
    closed: Callable[[str], str] | None
    stopped: Callable[[str], str] | None
    rule: str
    never: frozenset[str]
    consider: Callable[[str], tuple[Scalar, ...] | None] | None = None
    condition: str = ""
    considered_by: tuple[str, ...] = ()
    paused: Mapping[str, str] | None = None
    rooms: Mapping[str, Decimal] | None = None


def candidates(book: DealerBook, now: Situation) -> Candidates:
    """Everybody that may be asked. 1,000 dealers: some 60 us, most of it to look at their sessions."""
    willing = book.willing(now.asset_class)
    names = willing.names
    left: list[LeftOut] = []
    if willing.other_class:
        left.append(LeftOut(Why.other_class, willing.other_class, (now.asset_class.value,)))
    if willing.paused:
        left.append(LeftOut(Why.paused, willing.paused))
    if now.paused:
        by_people = tuple([name for name in names if name in now.paused])
        names = tuple([name for name in names if name not in now.paused])
        if by_people:
            left.append(LeftOut(Why.paused, by_people, each=tuple([now.paused[name] for name in by_people])))
    if now.stopped is not None:
        names = _not_stopped(names, now.stopped, left)
    up = set(filter(now.session_up, willing.sessions))
    if len(up) < len(willing.sessions):
        names = _reachable(names, willing.session_of, up, now.closed, left)
    too_large = {name: limit for name, limit in willing.limits if now.leaves > limit}
    if too_large:
        small = [name for name in names if name in too_large]
        names = tuple([name for name in names if name not in too_large])
        if small:
            left.append(LeftOut(Why.too_large, tuple(small), each=tuple([str(too_large[name]) for name in small])))
    if now.rooms:
        rooms, leaves = now.rooms, now.leaves
        beyond = [name for name in names if name in rooms and leaves > rooms[name]]
        if beyond:
            names = tuple([name for name in names if name not in rooms or leaves <= rooms[name]])
            left.append(LeftOut(Why.credit, tuple(beyond), each=tuple([str(rooms[name]) for name in beyond])))
    if now.never:
        excluded = tuple([name for name in names if name in now.never])
        names = tuple([name for name in names if name not in now.never])
        if excluded:
            left.append(LeftOut(Why.rule_never, excluded, (now.rule,)))
    if now.consider is not None:
        names = _considered(names, now, now.consider, left)
    return Candidates(names, tuple(left))


def _not_stopped(names: tuple[str, ...], stopped: Callable[[str], str], left: list[LeftOut]) -> tuple[str, ...]:
    by_scope: dict[str, list[str]] = {}
    kept: list[str] = []
    for name in names:
        scope = stopped(name)
        if scope:
            by_scope.setdefault(scope, []).append(name)
        else:
            kept.append(name)
    left += [LeftOut(Why.killed, tuple(dealers), (scope,)) for scope, dealers in by_scope.items()]
    return tuple(kept)


def _reachable(
    names: tuple[str, ...],
    session_of: Mapping[str, str],
    up: AbstractSet[str],
    closed: Callable[[str], str] | None,
    left: list[LeftOut],
) -> tuple[str, ...]:
    away = [name for name in names if session_of[name] not in up]
    by_hours: dict[tuple[str, str], list[str]] = {}
    down: list[str] = []
    for name in away:
        until = closed(session_of[name]) if closed is not None else ""
        if until:
            by_hours.setdefault((session_of[name], until), []).append(name)
        else:
            down.append(name)
    if down:
        left.append(LeftOut(Why.down, tuple(down), each=tuple([session_of[name] for name in down])))
    left += [LeftOut(Why.closed, tuple(dealers), facts) for facts, dealers in by_hours.items()]
    return tuple([name for name in names if session_of[name] in up])


def _considered(
    names: tuple[str, ...],
    now: Situation,
    consider: Callable[[str], tuple[Scalar, ...] | None],
    left: list[LeftOut],
) -> tuple[str, ...]:
    kept: list[str] = []
    others: list[str] = []
    read: list[tuple[Scalar, ...]] = []
    for name in names:
        judged_by = consider(name)
        if judged_by is None:
            kept.append(name)
        else:
            others.append(name)
            read.append(judged_by)
    if others:
        facts = (now.condition,)
        left.append(LeftOut(Why.not_considered, tuple(others), facts, (), now.considered_by, tuple(read)))
    return tuple(kept)
