"""What a valuation says: a sentence a policy, why nothing can be said where it cannot, and what would cure that."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any, Final

from engine.dealers.outlook import Identified
from engine.market.calendars import day_of
from engine.research.bootstrap import Interval
from engine.research.gathering import KNOWN_DAYS, Left, Unsupported
from engine.research.off_policy import AGREE_MIN, DAYS_MIN, ESS_MIN, SUPPORT_MIN, Compared, Lacking, Verdict
from engine.research.valuing import LEAST_FIRST, LOGGED, Beside, Valuation
from engine.research.words import counted

COLUMNS: Final = ("policy", "asks", "cost bps", "difference bps", "ESS", "support", "verdict")
"""Of `rows`; all but the first and the last are numbers."""

LEFT_WORDS: Final[Mapping[Left, str]] = {
    Left.by_trader: "chosen by a trader, not drawn",
    Left.changed: "the panel was changed after it was drawn (a request was withheld)",
    Left.protected: "under a protection, where nothing is drawn and others may not be asked",
    Left.one_by_one: "asked one after another",
    Left.incomplete: "not everybody who was to be asked is told of",
    Left.no_mark: "no mark when it was sent",
    Left.unmarked_quote: "a quote came while there was no mark",
}
_UNSUPPORTED: Final[Mapping[Unsupported, str]] = {
    Unsupported.fixed: "nothing was drawn (over the size for exploration, `explore never`, or exploration off)",
    Unsupported.far: "two or more dealers differ from the desk's choice, and a draw changes one place",
    Unsupported.outside: "the one dealer that differs was not among those that could be drawn",
    Unsupported.unknown: "the record does not tell who else could have been asked",
}
_CURES: Final[Mapping[Unsupported, str]] = {
    Unsupported.fixed: "explore there too: `explore.epsilon` and `explore.quantity_max` in scoring.toml",
    Unsupported.far: "no number of days cures that: try a policy nearer to the desk's, "
    "or let a rule ask this one for a part of the orders",
    Unsupported.outside: "wider exploration, or the dealer connected and allowed",
    Unsupported.unknown: "the desk's own journal tells it, and a blotter with p_panel does not",
}
_IDENTIFIED: Final[Mapping[Identified, str]] = {
    Identified.none: "not identified, the figure is what is believed beforehand",
    Identified.relative: "identified of dealers against each other, not as a level: how many were asked never varied",
    Identified.level: "identified",
}


# --- a policy ------------------------------------------------------------------------------------


def verdict_of(beside: Beside) -> str:
    """One sentence."""
    one, other, found = beside.policy, named(beside.against), beside.compared
    difference = found.difference
    if found.verdict is Verdict.same:
        return f"{one} asks the same panels as {other} in all {found.rounds:,} rounds: nothing to tell apart."
    if found.verdict is Verdict.refused or difference is None:
        return f"No claim for {one} beside {other}: {', '.join(_lacks(beside))}."
    if found.verdict is Verdict.cannot_tell:
        return f"Cannot tell {one} from {other}: {_signed(difference)}, leaks apart."
    turned = difference if found.verdict is Verdict.dearer else _turned(difference)
    return f"{one} is {found.verdict.value} than {other} by {turned.words(2, 'bps')}, leaks apart."


def is_refused(beside: Beside) -> bool:
    return beside.compared.verdict is Verdict.refused


def reasons_of(beside: Beside) -> list[str]:
    """What stands behind the sentence, and what would cure a refusal."""
    found, told = beside.compared, list[str]()
    if not found.rounds or found.verdict is Verdict.same:
        return told
    told.append(
        f"they differ in {found.differing:,} of {found.rounds:,} rounds; in {found.support:.0%} of these a draw could "
        f"have asked both, in {found.matched:,} all of its panel was asked, which weighs as much as {found.ess:.0f}"
    )
    if not beside.asked:
        told.append(f"{beside.policy} asks nobody in any round: none of its dealers was a candidate")
    unasked = found.differing - round(found.support * found.differing)
    if unasked and not is_refused(beside):
        told.append(
            f"in {counted(unasked, 'round')} of these no draw could have asked both: there the difference is the "
            "estimates' word alone, and their error is in no interval"
        )
    if is_refused(beside):
        told += _cures(beside)
    if found.replay is not None:
        told.append(
            f"replay, in the {found.replay.n:,} rounds alone in which they differ and both were asked: "
            f"{_signed(found.replay)}"
        )
    if found.verdict is Verdict.refused:
        where = found.where_possible
        if where is not None and found.ess >= ESS_MIN and where.is_told:
            told.append(
                f"in the {where.n:,} rounds alone in which a draw could have asked both: {_signed(where)}, "
                "which says nothing of the others"
            )
    else:
        if found.snips is not None:
            told.append(f"by weights alone (they agree in {AGREE_MIN:.0%} and more): {_signed(found.snips)}")
        if found.at_half is not None and found.at_twice is not None:
            told.append(f"were not trading half as dear: {_signed(found.at_half)}; twice: {_signed(found.at_twice)}")
    told.append(_leak_words(beside))
    return told


def _lacks(beside: Beside) -> Iterator[str]:
    found = beside.compared
    for each in found.lacking:
        match each:
            case Lacking.rounds:
                yield "no round of the period could be used"
            case Lacking.draw:
                yield _undrawn(found)
            case Lacking.support:
                yield f"support {found.support:.0%} (needs {SUPPORT_MIN:.0%})"
            case Lacking.ess:
                yield f"ESS {found.ess:.0f} (needs {ESS_MIN:.0f})"
            case Lacking.days:
                yield f"{counted(found.days, 'day')} (needs {DAYS_MIN})"


def _undrawn(found: Compared) -> str:
    if not found.drawn:
        return "nothing was left to chance"
    return f"chance had a part in {found.drawn:,} of the rounds in which they differ (needs {ESS_MIN:.0f})"


def _cures(beside: Beside) -> Iterator[str]:
    found = beside.compared
    if Lacking.draw in found.lacking and found.drawn:
        yield _CURES[Unsupported.fixed]
    elif Lacking.draw in found.lacking:
        yield (
            "without a draw nobody can tell what a panel changes from the kind of orders it was chosen for, nor how "
            "answers and leaks depend on how many are asked: switch exploration on (`explore.epsilon` and "
            "`explore.epsilon_drop` in scoring.toml), and come back after some months"
        )
    elif Lacking.support in found.lacking:
        for why, count in sorted(beside.unsupported.items(), key=lambda entry: (-entry[1], entry[0])):
            yield f"in {count:,} rounds {_UNSUPPORTED[why]}; {_CURES[why]}"
    if Lacking.ess in found.lacking and beside.ess_a_round > 0:
        needed = math.ceil(ESS_MIN / beside.ess_a_round) - found.rounds
        if needed <= 0:  # Chance gave less of it than its due.
            needed = math.ceil(found.rounds * (ESS_MIN / max(1.0, found.ess) - 1))
        days = counted(math.ceil(needed * max(1, found.days) / found.rounds), "day")
        yield f"by this exploration some {needed:,} rounds more ({days} as busy as these) make an ESS of {ESS_MIN:.0f}"
    elif Lacking.ess in found.lacking and Lacking.draw not in found.lacking and not found.matched:
        yield "by this exploration its panel never comes where they differ: more days alone do not help"
    if Lacking.days in found.lacking:
        yield f"{DAYS_MIN - found.days} days of trading more: fewer say too little of how days differ"


def _leak_words(beside: Beside) -> str:
    leak = beside.leak
    known = [(_IDENTIFIED[each], leak.identified[each]) for each in reversed(LEAST_FIRST) if each in leak.identified]
    told = [words if len(known) == 1 else f"in {counted(count, 'round')} {words}" for words, count in known]
    return "; ".join(
        [f"leak, apart and by the estimates: {leak.bps:+.2f} bps ({leak.low:+.2f} to {leak.high:+.2f})", *told]
    )


# --- all of them ---------------------------------------------------------------------------------


def headline_of(found: Valuation) -> str:
    if found.first_day is None or found.last_day is None:
        return f"none of {found.told:,} rounds of the period could be used"
    span = f"{day_of(found.first_day).isoformat()} to {day_of(found.last_day).isoformat()}"
    return f"{span}: {found.judged:,} of {found.told:,} rounds, {found.drawn:,} of them with a draw"


def rows_of(found: Valuation) -> list[tuple[str, ...]]:
    """As `COLUMNS` has them, what they are held against first. Of a policy that is refused no cost is told."""
    rows: list[tuple[str, ...]] = []
    for beside in found.policies:
        compared = beside.compared
        if not rows:
            base = _cost(compared.against) if beside.against == LOGGED or not compared.lacking else ""
            rows.append((beside.against, f"{beside.asked_against:.1f}", base, "", "", "", ""))
        is_told = compared.verdict is not Verdict.refused
        differs = compared.differing > 0
        rows.append(
            (
                beside.policy,
                f"{beside.asked:.1f}",
                _cost(compared.cost) if is_told else "",
                _signed(compared.difference, "") if is_told and differs and compared.difference is not None else "",
                f"{compared.ess:,.0f}" if differs else "",
                f"{compared.support:.0%}" if differs else "",
                "no claim" if not is_told else compared.verdict.value,
            )
        )
    return rows


def notes_of(found: Valuation) -> list[str]:
    """What the figures are, and of what."""
    notes = [
        "cost in bps of the mark when each quote came, positive is dear: the best quote within the limit is taken, and "
        "the next where it is refused; what the mark moved is leak, and apart",
        "difference: the policy's cost less that of the first line; intervals hold 95 %, by drawing days again",
        "ESS and support are of the rounds in which the two differ: in the others they cost the same",
        "each round is decided by what was known when it was sent, by policies that draw nothing themselves",
    ]
    if found.judged:
        notes.insert(1, f"what does not trade costs {found.c_fail_bps:.1f} bps on average, as it was estimated then")
    if found.nobody_took:
        notes.append(
            f"in {counted(found.nobody_took, 'round')} a quote within the limit was left: it counts as taken, "
            "whatever made the desk leave it"
        )
    if found.imported:
        notes.append(
            f"{counted(found.imported, 'round')} without the desk's own record of the choice, which is weaker: "
            f"candidates are all dealers that were asked in the asset class within {KNOWN_DAYS} days"
        )
    notes += [
        f"left out: {counted(count, 'round')}, {LEFT_WORDS[why]}"
        for why, count in sorted(found.left.items(), key=lambda entry: (-entry[1], entry[0]))
    ]
    return [*notes, *found.refused]


def plain_of(found: Valuation) -> dict[str, Any]:
    """As JSON has it. What is refused has no figure."""
    return {
        "told": found.told,
        "judged": found.judged,
        "drawn": found.drawn,
        "imported": found.imported,
        "nobody_took": found.nobody_took,
        "refused": list(found.refused),
        "left": {why.value: count for why, count in sorted(found.left.items())},
        "from": None if found.first_day is None else day_of(found.first_day).isoformat(),
        "to": None if found.last_day is None else day_of(found.last_day).isoformat(),
        "c_fail_bps": _finite(found.c_fail_bps),
        "policies": [_plain(each) for each in found.policies],
        "notes": notes_of(found),
    }


def _plain(beside: Beside) -> dict[str, Any]:
    found = beside.compared
    is_told = found.verdict is not Verdict.refused
    return {
        "policy": beside.policy,
        "against": beside.against,
        "verdict": found.verdict.value,
        "words": verdict_of(beside),
        "reasons": reasons_of(beside),
        "lacking": [each.value for each in found.lacking],
        "cost_bps": _interval(found.cost) if is_told else None,
        "against_cost_bps": _interval(found.against) if is_told or beside.against == LOGGED else None,
        "difference_bps": _interval(found.difference) if is_told else None,
        "replay_bps": _interval(found.replay),
        "snips_bps": _interval(found.snips) if is_told else None,
        "at_half_c_fail_bps": _interval(found.at_half) if is_told else None,
        "at_twice_c_fail_bps": _interval(found.at_twice) if is_told else None,
        "rounds": found.rounds,
        "differing": found.differing,
        "matched": found.matched,
        "days": found.days,
        "ess": found.ess,
        "support": found.support,
        "unsupported": {why.value: count for why, count in sorted(beside.unsupported.items())},
        "asked": beside.asked,
        "asked_against": beside.asked_against,
        "leak_bps": {
            "value": beside.leak.bps,
            "low": beside.leak.low,
            "high": beside.leak.high,
            "identified": {each.value: count for each, count in sorted(beside.leak.identified.items())},
        },
    }


# --- words ---------------------------------------------------------------------------------------


def named(policy: str) -> str:
    return "what the desk chose" if policy == LOGGED else policy


def _turned(interval: Interval) -> Interval:
    low, high = interval.low, interval.high
    return Interval(
        -interval.value,
        None if high is None else -high,
        None if low is None else -low,
        interval.n,
        interval.days,
        interval.se,
    )


def _cost(interval: Interval | None) -> str:
    return "" if interval is None else interval.words(2)


def _signed(interval: Interval, unit: str = " bps") -> str:
    if interval.low is None or interval.high is None:
        return interval.words(2)
    return f"{interval.value:+.2f} ({interval.low:+.2f} to {interval.high:+.2f}){unit}"


def _interval(interval: Interval | None) -> dict[str, Any] | None:
    return None if interval is None else interval.plain()


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def capital(words: str) -> str:
    return words[:1].upper() + words[1:]
