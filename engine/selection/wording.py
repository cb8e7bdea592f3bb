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

from engine.domain.recommendation import CountWorth, DealerLine, Ended, Expected, LeftOut, Scalar, Selection, Why
from engine.selection import earlier_scores
from engine.selection.ranking import has_data, parts_at

VERSION: Final = 2

_MODEL: Final = "model"

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
    """What must be known of the choice as a whole: of its scores, of its draw, of what it is expected to come to."""
    return (*_of_scores(selection, told_by), *_of_the_draw(selection), *_of_worth(selection))


def _of_the_draw(selection: Selection) -> Iterator[str]:
    chance = f"{100 * selection.panel_p:.2g} %"
    if selection.explored:
        beside = f"in place of {selection.replaced}" if selection.replaced else "beside the others"
        drawn = f"{selection.explored} {beside}"
        yield f"drawn to learn: {drawn}; this list had a chance of {chance}"
    elif selection.dropped:
        yield f"drawn to learn what asking costs: without {selection.dropped}; this list had a chance of {chance}"
    elif selection.panel_p < 1:
        yield f"once it is sent, a draw changes this list with a chance of {100 * (1 - selection.panel_p):.2g} %"


def _of_worth(selection: Selection) -> Iterator[str]:
    worth = selection.expected
    if worth is None or not selection.asked:
        return
    yield (
        f"expected cost {worth.cost_bps:.1f} ±{worth.cost_se_bps:.1f} bp, chance to trade {100 * worth.fill:.0f} %, "
        f"asking leaks {worth.leak_bps:.1f} bp of that"
    )
    counts = _told_counts(worth.worth_by_count, len(selection.asked))
    if counts:
        yield counts
    c_fail = worth.c_fail_bps
    if _by_worth(selection):
        half, twice = _others(selection, worth.at_half), _others(selection, worth.at_twice)
        yield f"{_told_c_fail(worth)}; at {c_fail / 2:g}: {half}; at {2 * c_fail:g}: {twice}"
    else:
        yield _told_c_fail(worth)
    yield from _unknown(selection, worth)


def _told_c_fail(worth: Expected) -> str:
    """`not trading is counted as 17.4 ±3.1 bp (14 orders put off)`; of an older engine without its error."""
    told = f"not trading is counted as {worth.c_fail_bps:g}"
    if not worth.c_fail_se_bps:
        return f"{told} bp"
    orders = f"{worth.c_fail_n_eff:.0f} orders put off" if worth.c_fail_n_eff >= 0.5 else "no order was put off yet"
    return f"{told} ±{worth.c_fail_se_bps:.1f} bp ({orders})"


def _told_counts(counts: Sequence[CountWorth], asked: int) -> str:
    """`asking 3 of these costs about 4 bp, 1 about 9`."""
    cost_of = {each.count: each.cost_bps for each in counts}
    if asked not in cost_of:
        return ""
    others = [count for count in (1, asked + 1) if count in cost_of and count != asked]
    told = [f"{count} about {cost_of[count]:.1f}" for count in others]
    return f"asking {', '.join([f'{asked} of these costs about {cost_of[asked]:.1f} bp', *told])}"


def _others(selection: Selection, names: tuple[str, ...]) -> str:
    """Who would be asked, beside who is."""
    chosen = selection.chosen
    if set(names) == set(chosen):
        return "the same"
    more = [f"also {name}" for name in names if name not in chosen]
    less = [f"not {name}" for name in chosen if name not in names]
    return ", ".join([*more, *less])


def _unknown(selection: Selection, worth: Expected) -> Iterator[str]:
    """What is not known of those asked, and of the bond."""
    asked = [selection.candidates.index(name) for name in selection.asked]
    new = [selection.candidates[at] for at in asked if not worth.asks[at]]
    if new:
        yield f"never asked in this segment, known from others alone: {', '.join(new)}"
    unknown = [selection.candidates[at] for at in asked if worth.leak_identified[at] == "none"]
    if len(unknown) == len(asked):
        yield "what asking leaks cannot be told yet: the same dealers were always asked, it stands on what is assumed"
    elif unknown:
        yield f"what asking leaks cannot be told yet of: {', '.join(unknown)}"
    if worth.mark is None:
        yield "the bond has no mark: edges are of dealers' past alone, and a limit could not be looked at"


def _of_scores(selection: Selection, told_by: int) -> tuple[str, ...]:
    """Metrics that count for nobody, since nobody has them."""
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
        reason = f"asked as no. {place}: {_asked_for(selection, at)}"
        reason += "" if has_data(values, selection.means) else ", no data yet"
    if selection.scorer == _MODEL:
        return DealerLine(name, place is not None, at + 1, selection.scores[at], (), reason)
    make = earlier_scores.parts_at if told_by == 1 else parts_at
    parts = make(selection.metrics, selection.units, selection.weights, selection.means, values)
    return DealerLine(name, place is not None, at + 1, selection.scores[at], parts, reason)


def _asked_for(selection: Selection, at: int) -> str:
    """What a dealer is asked for: by the rule, for what it adds, or to learn of it."""
    if selection.candidates[at] == selection.explored:
        return "to learn of it" + (f", in place of {selection.replaced}" if selection.replaced else "")
    worth = selection.expected
    return selection.ask if worth is None or not _by_worth(selection) else f"{selection.ask}, {_adds(worth, at)}"


def _by_worth(selection: Selection) -> bool:
    """Did the model say who and how many?"""
    return selection.ask.startswith("best ")


def _adds(worth: Expected, at: int) -> str:
    """`adds +3.2 ±0.8 bp`, its leak taken off."""
    return f"adds {_signed(worth.marginal_bps[at])} ±{worth.marginal_se_bps[at]:.1f} bp"


def _signed(bps: float) -> str:
    """`+3.2`, `-0.4`; never `-0.0`."""
    return f"{round(bps, 1) + 0.0:+.1f}"


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
            return f"costs more than it brings: one more that {_adds_of(selection, left, at)}"
        case Why.panel_full:
            return f"{facts[0]} are asked already; it {_adds_of(selection, left, at)}"
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
            return " ".join((f"its limit is {Decimal(left.each[at]):,}", *facts))
        case Why.credit:
            return " ".join((f"its credit limit leaves {Decimal(left.each[at]):,}", *facts))
        case Why.rule_never:
            return f"{facts[0]} never asks it"
        case Why.not_considered:
            read = dict(zip(left.read_names, left.read[at], strict=True))
            return f"not considered: {why_not(read) or facts[0]}"


def _or(metrics: Sequence[str]) -> str:
    words = [name.replace("_", " ") for name in metrics]
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"


def _adds_of(selection: Selection, left: LeftOut, at: int) -> str:
    assert selection.expected is not None
    return _adds(selection.expected, selection.candidates.index(left.dealers[at]))


def _tiers(tiers: tuple[int, ...]) -> str:
    return ", ".join(f"tier {tier}" for tier in tiers)
