"""What may be drawn of a choice: which places can be given away and to whom, and what was drawn."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from typing import Final

from engine.domain.exchange import converted
from engine.rules.plan import AskNamed
from engine.selection.by_worth import Numbers
from engine.selection.explore import POOL_MAX, Chances, Explored, Pool, Slot, chances, drawn, uniform
from engine.selection.model import Counted
from engine.selection.prospect import Margin
from engine.selection.ranking import Table
from engine.selection.request import Exploring, Parameters, Request
from engine.selection.taking import Taking, places_of
from engine.selection.wanted import Listed, RulePlan

_CHANCE_MIN: Final = 0.01
_UNTRIED_CHANCE: Final = 0.5
"""Nobody knows whether a dealer that was never tried belongs in the panel."""

_SPREADS: Final = 4.0
"""So many standard deviations lie, about, between the first and the last score of a ranking."""

_SD_MIN_BPS: Final = 0.1


def explored_of(
    request: Request,
    plan: RulePlan,
    parameters: Parameters,
    entropy: bytes,
    table: Table,
    chosen: Taking,
    numbers: Numbers | None,
    tier_of: Mapping[str, int | None],
) -> tuple[Chances, Explored, float | None]:
    """What may be drawn, what was, and the number that decided it (None: nothing was drawn).

    A place can be given away unless the rule names its dealer; to whom the rule might have asked there: a candidate
    left out, of the same tier where tiers are asked, that no limit keeps out. So can one that the model leaves empty;
    in a search it is the first one, since the others may never be reached.
    """
    base = places_of(table.dealers, tuple(chosen.asked))
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
    return most is None or (request.quantity is not None and converted(request.quantity, request.worth) <= most)


def _slots(
    plan: RulePlan,
    table: Table,
    chosen: Taking,
    base: Sequence[int],
    free: Sequence[int],
    numbers: Numbers | None,
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


def _pool(table: Table, base: Sequence[int], fitting: Sequence[int], numbers: Numbers | None) -> Pool:
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
