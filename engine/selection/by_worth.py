"""Taking the dealers that the model says are worth most, and telling the others why they are not among them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from engine.domain.recommendation import Ended, Why
from engine.rules.plan import AskSequence, Mode
from engine.selection.model import Choice, Counted, Limits, Model
from engine.selection.prospect import Margin
from engine.selection.taking import Taking
from engine.selection.wanted import RulePlan, wanted_by


@dataclass(frozen=True, slots=True)
class Numbers:
    """What the model says of the dealers asked, and of every candidate beside them."""

    model: Model
    limits: Limits
    choice: Choice
    chosen: tuple[int, ...]
    margins: Sequence[Margin]


def take_best(chosen: Taking, model: Model, plan: RulePlan, everybody: Sequence[str], most: int) -> Counted:
    """The best panel; or, where dealers are asked one at a time, the best search, of no more than the panel has."""
    limits = limits_of(chosen, plan, everybody, most)
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


def limits_of(chosen: Taking, plan: RulePlan, everybody: Sequence[str], most: int) -> Limits:
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


def numbers_of(
    model: Model | None, plan: RulePlan, everybody: Sequence[str], chosen: Taking, counted: Counted
) -> Numbers | None:
    """What the model says of the dealers chosen."""
    if model is None:
        return None
    place_of = {name: place for place, name in enumerate(everybody)}
    asked = tuple([place_of[name] for name in chosen.asked])
    one_by_one = counted is Counted.search or plan.limits.mode is Mode.ONE_AT_A_TIME
    wanted = wanted_by(plan.ask)
    limits = limits_of(chosen, plan, everybody, len(everybody) if wanted is None else wanted)
    margins = model.margins(asked, one_by_one=one_by_one)
    return Numbers(model, limits, Choice(one_by_one, counted), asked, margins)


def leave_by_worth(chosen: Taking, everybody: tuple[str, ...], numbers: Numbers) -> None:
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
