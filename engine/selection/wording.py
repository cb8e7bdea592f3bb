"""The words for a selection: made of its numbers and codes when somebody reads them.

`VERSION` stands in every recommendation. Whoever changes a word, a scale or what a code means gives the words a new
version and keeps these for the decisions that were told by them: `golden/decisions.txt` of the tests holds them, and
`golden/decisions_told_by_1.txt` those of version 1, which counted what a dealer lacks in another way
(`earlier_scores`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Final

from engine.domain.recommendation import DealerLine, Ended, LeftOut, Scalar, Selection, Why
from engine.selection import earlier_scores
from engine.selection.ranking import has_data, parts_at

VERSION: Final = 2

_OF_THE_CHOICE: Final = frozenset({Why.limit, Why.never})
"""Reasons for which a dealer is left out that would have been asked."""

WhyNot = Callable[[Mapping[str, Scalar]], str | None]
"""Why the rule's condition about dealers is not met by what it read; None if nobody knows the rule any more."""


def lines(selection: Selection, why_not: WhyNot, told_by: int) -> tuple[DealerLine, ...]:
    """One line for every dealer: those asked in their order, other candidates by rank, the rest by name.

    `told_by` is the version of the words.
    """
    reasons = {name: words for _, name, words in _reasons(selection, why_not)}
    place_of = {name: place for place, name in enumerate(selection.asked, 1)}
    ranked = [_candidate(selection, at, place_of, reasons, told_by) for at in range(len(selection.candidates))]
    ranked.sort(key=lambda line: (not line.chosen, place_of.get(line.dealer, 0), line.rank or 0))
    candidates = set(selection.candidates)
    others = sorted(name for name in reasons if name not in candidates)
    return (*ranked, *(DealerLine(name, False, None, None, (), reasons[name]) for name in others))


def notes(selection: Selection, told_by: int) -> tuple[str, ...]:
    """What must be known of the scores as a whole: metrics that count for nobody, since nobody has them."""
    unknown = [
        name
        for at, name in enumerate(selection.metrics)
        if selection.means[at] is None and not any(values and values[at] is not None for values in selection.values)
    ]
    if told_by == 1 or not unknown or not selection.candidates:
        return ()
    if len(unknown) == len(selection.metrics):
        return (f"nobody has {_or(unknown)} yet: every score is 0, and dealers stand by name",)
    others = "the other weights count" if len(selection.metrics) - len(unknown) > 1 else "the other weight counts"
    return (f"nobody has {_or(unknown)} yet: left out, {others} for more",)


def problem(selection: Selection, why_not: WhyNot) -> str:
    """Why nobody can be asked; empty where somebody can."""
    if selection.asked:
        return ""
    if selection.ended is Ended.no_tiers:
        tiers = selection.undefined_tiers
        if not tiers:
            return "no tiers are defined for this order"
        return f"{_tiers(tiers)} {'is' if len(tiers) == 1 else 'are'} not defined for this order"
    rank = {name: at for at, name in enumerate(selection.candidates)}
    found = [
        (rank.get(name, len(rank)), name, words)
        for why, name, words in _reasons(selection, why_not)
        if why in _OF_THE_CHOICE or name not in rank
    ]
    words = "; ".join(f"{name} {words}" for _, name, words in sorted(found))
    return f"nobody to ask: {words or 'no dealer is known'}"


def left_out_words(selection: Selection) -> tuple[str, ...]:
    """Of a person's own list: who may not be asked, and why, in the order of the list."""
    found = {name: words for _, name, words in _reasons(selection, lambda read: None)}
    return tuple(f"{name}: {found[name]}" for name in selection.candidates if name in found)


def _candidate(
    selection: Selection, at: int, place_of: Mapping[str, int], reasons: Mapping[str, str], told_by: int
) -> DealerLine:
    name, values = selection.candidates[at], selection.values[at]
    place = place_of.get(name)
    if place is None:
        reason = reasons.get(name, f"not among {selection.ask}")
    else:
        reason = f"asked as no. {place}: {selection.ask}"
        reason += "" if has_data(values, selection.means) else ", no data yet"
    make = earlier_scores.parts_at if told_by == 1 else parts_at
    parts = make(selection.metrics, selection.units, selection.weights, selection.means, values)
    return DealerLine(name, place is not None, at + 1, selection.scores[at], parts, reason)


def _reasons(selection: Selection, why_not: WhyNot) -> Iterator[tuple[Why, str, str]]:
    """Code, dealer and words of everybody that is left out."""
    for left in selection.left_out:
        for at, name in enumerate(left.dealers):
            yield left.why, name, _words(selection, left, at, why_not)


def _words(selection: Selection, left: LeftOut, at: int, why_not: WhyNot) -> str:
    facts = left.facts
    match left.why:
        case Why.beyond:
            return f"not in the top {facts[0]}"
        case Why.not_named:
            return f"not among {selection.ask}"
        case Why.tier_full:
            return f"tier {facts[0]}, beyond what the rule asks"
        case Why.no_tier:
            return f"in none of {', '.join(f'tier {tier}' for tier in facts)}"
        case Why.limit:
            return f"at most {facts[0]} dealers: {', '.join(facts[1:]) or 'by rule'}"
        case Why.no_gain:
            return "adds less than asking it costs"
        case Why.panel_full:
            return f"{facts[0]} are asked already"
        case Why.gave_way:
            return f"its place goes to {facts[0]} this time, to learn of that one"
        case Why.dropped:
            return "left out this time, to learn what asking costs"
        case Why.never:
            return f"never asked: {', '.join(facts) or 'by rule'}"
        case Why.other_class:
            return f"does not trade {facts[0]} bonds"
        case Why.paused:
            return f"paused by {left.each[at]}" if left.each else "paused"
        case Why.killed:
            return f"kill switch {facts[0]} is on"
        case Why.down:
            return f"session {left.each[at]} is not logged on"
        case Why.closed:
            return f"session {facts[0]} is {facts[1]}"
        case Why.too_large:
            return f"its limit is {Decimal(left.each[at]):,}"
        case Why.credit:
            return f"its credit limit leaves {Decimal(left.each[at]):,}"
        case Why.rule_never:
            return f"{facts[0]} never asks it"
        case Why.not_considered:
            read = dict(zip(left.read_names, left.read[at], strict=True))
            return f"not considered: {why_not(read) or facts[0]}"


def _or(metrics: Sequence[str]) -> str:
    words = [name.replace("_", " ") for name in metrics]
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"


def _tiers(tiers: tuple[int, ...]) -> str:
    return ", ".join(f"tier {tier}" for tier in tiers)
