"""What was found, as sentences and tables of text. A sentence claims what its interval allows, and no more."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from proving.figures import Figure, share_told, told
from proving.found import BLIND, EVERY, Bar, Found, KindLine, shows_no_difference
from proving.playing import ALL_BY_MODEL, SEVEN, WATCHED

BEYOND_TWO_MAX: Final = 0.08
"""Of honest errors one in twenty is more than two of them off; more than this is too many."""

MET: Final = {True: "met", False: "NOT met", None: "cannot tell"}

NAMES: Final[Mapping[str, str]] = {
    "random": "anybody, as many as may be asked",
    "static": "a list made from memory before the first round",
    "classic": "rank by classic, ask top 5",
    "classic-explores": "the same with exploration as shipped",
    "model": "rank by model, ask best panel of at most 5, exploration as shipped",
    "model-blind": "the same, leaks not minded",
    "oracle": "knows every parameter of the world, but no inventory, no error of a mark and no draw to come",
}

READING: Final = (
    "A world is one observation: its policies met the same luck, so a difference is taken world by world. Every "
    "figure has its interval of 95 % in brackets, by the spread of worlds. Of twenty intervals that are looked at, "
    "one misses its truth by chance: a single kind of world is ten worlds, and a hint.",
    "A cost is what a round cost against the true mid when the parent order came, in bps of its size, net of where the "
    "market went by itself: spread, leaks, and what was traded days later at what it cost then. Nothing else is "
    "charged for a failure.",
    "The way is how far a policy gets from the static list to the oracle. The oracle is not the best that can be done: "
    "it looks no further than the order in hand.",
)


@dataclass(frozen=True, slots=True)
class Sentence:
    """`holds`: what is hoped for is beyond doubt, its contrary is, or neither (None)."""

    text: str
    holds: bool | None


def sentences(found: Found) -> list[Sentence]:
    """Everything that is said of the run, each by its interval."""
    return [*_of_costs(found), *_of_no_leak(found), *_of_expectations(found), *_of_leaks(found)]


def _of_costs(found: Found) -> Iterator[Sentence]:
    for name in ("classic", "static", "random", "classic-explores"):
        yield _compared(f"the model, all worlds together ({found.worlds})", name, found.saves[name])
    [line] = [each for each in found.policies if each.policy == WATCHED]
    way = line.way
    words = f"the model gets {share_told(way)} of the way from the static list to the oracle"
    if way.low >= 0.6:
        yield Sentence(f"{words}: 60 % or more", True)
    elif way.high < 0.6:
        yield Sentence(f"{words}: less than 60 %", False)
    else:
        yield Sentence(f"{words}: whether it is 60 % cannot be told", None)
    for name, figure in zip(("first", "second", "last"), found.thirds, strict=True):
        yield _compared(f"the model, in the {name} third of the rounds", "classic", figure)
    for kind in found.kinds:
        yield _of_kind(kind)


def _of_kind(kind: KindLine) -> Sentence:
    one = _compared(f"the model, in worlds of the kind `{kind.kind}`", "classic", kind.saves["classic"])
    of = kind.saves["classic"].worlds
    return Sentence(f"{one.text}; dearer in {kind.dearer} of {of} worlds", one.holds)


def dearer_in(found: Found) -> str:
    """Where the model did worse than `classic`, world by world."""
    where = ", ".join(f"{world} ({kind})" for world, kind in found.dearer)
    return (
        f"The model was dearer than `classic` in {len(found.dearer)} of {found.worlds} worlds{where and ': ' + where}."
    )


def _compared(who: str, than: str, saves: Figure) -> Sentence:
    if saves.is_above:
        return Sentence(f"{who}, is cheaper than `{than}` by {told(saves)} bps a round", True)
    if saves.is_below:
        return Sentence(f"{who}, is dearer than `{than}` by {told(saves.times(-1))} bps a round", False)
    return Sentence(f"{who}: whether it is cheaper than `{than}` cannot be told, it saves {told(saves)} bps", None)


def _of_no_leak(found: Found) -> Iterator[Sentence]:
    if found.leaking.is_told:
        yield _compared("the model, in all worlds where somebody leaks", BLIND, found.leaking)
    for kind, figure in found.quiet.items():
        yield _same(
            f"where nobody leaks (`{kind}`), minding leaks costs the model {told(figure.times(-1))} bps a round", figure
        )
    for name, figure in found.equal.items():
        who = "the model's ranking" if name == ALL_BY_MODEL else f"`{name}`"
        yield _same(f"among equal dealers, as many asked, {who} is dearer than `random` by {told(figure)} bps", figure)


def _same(words: str, figure: Figure) -> Sentence:
    if figure.worlds < 2:
        return Sentence(f"{words}: cannot be told", None)
    verdict = shows_no_difference(figure)
    if verdict is None:
        return Sentence(f"{words}: no difference is seen, but one as large as these ends cannot be excluded", None)
    if not verdict:
        return Sentence(f"{words}: a difference where there should be none", False)
    return Sentence(f"{words}: no difference is seen, and none beyond these ends can be", True)


def _of_expectations(found: Found) -> Iterator[Sentence]:
    gap = found.surprise_bps
    words = (
        f"a round of the model cost {told(found.realised_bps)} bps against the mark and was expected to cost "
        f"{told(found.expected_bps)}, leaks aside: {told(gap)} more; it traded in {share_told(found.fill)} of rounds, "
        f"{share_told(found.expected_fill)} were expected"
    )
    yield _same(words, gap)
    words = (
        f"not trading was counted as {told(found.c_fail_bps)} bps; what was traded days later cost "
        f"{told(found.late_bps)} against the mid when the order came, leaks and the way there included"
    )
    yield Sentence(words, None)
    for each in found.chances:
        more, saved = each.more, each.saved_loss
        words = f"chances of {each.of}: the share that came less the share predicted is {told(more, '+.3f')}"
        yield _same(f"{words} in {each.count:,} cases", more)
        better = "better" if saved.is_above else "worse" if saved.is_below else "not to be told from better or worse"
        words = f"the chances of {each.of} are {better} than one share for all: {told(saved, '.4f')} nats a case"
        yield Sentence(words, True if saved.is_above else False if saved.is_below else None)
    for bar in found.bars:
        if "worst tenth" in bar.what or "interval of 90 %" in bar.what:
            form = share_told(bar.found) if bar.form == ".1%" else told(bar.found, bar.form)
            yield Sentence(f"{bar.what}: {form}; wanted {bar.wanted}: {MET[bar.met]}", bar.met)
    words = (
        f"the true mean of a dealer's quotes is within the interval of 90 % of its estimate in "
        f"{share_told(found.truth_held)} of quotes; estimates are too good by {told(found.truth_error_bps)} bps"
    )
    yield Sentence(words, _within(found.truth_held))


def _within(held: Figure) -> bool | None:
    if held.worlds < 2:
        return None
    return held.low <= 0.93 and held.high >= 0.87


def _of_leaks(found: Found) -> Iterator[Sentence]:
    """Of all worlds together; of a kind where its errors are too small, and of those who leak there."""
    for each in found.leaks:
        if not each.dealers:
            continue
        when = "until the decision" if each.outcome == "in" else "in the half hour after it"
        where = "all worlds together" if each.kind == EVERY else f"worlds of the kind `{each.kind}`"
        words = (
            f"leaks {when}, {where}: {share_told(each.beyond_two)} of {each.dealers} estimates are further from the "
            f"truth than two of their errors, {share_told(each.held)} of truths are within 90 %"
        )
        if each.beyond_two.low > BEYOND_TWO_MAX:
            yield Sentence(f"{words}: errors are stated too small", False)
        elif each.kind == EVERY and each.beyond_two.high <= BEYOND_TWO_MAX:
            yield Sentence(f"{words}: errors are large enough", True)
        elif each.kind == EVERY:
            yield Sentence(f"{words}: whether errors are large enough cannot be told", None)
        if each.leakers_bps.is_above and each.kind != EVERY:
            words = f"dealers that leak {when}, {where}, leak {told(each.leakers_bps)} bps each"
            if each.share_found.is_above:
                yield Sentence(f"{words}: {share_told(each.share_found)} of that is found", True)
            else:
                yield Sentence(
                    f"{words}: whether any of that is found cannot be told, {share_told(each.share_found)}", None
                )


# --- the page of text ----------------------------------------------------------------------------


def markdown(about: Mapping[str, Any], found: Found) -> str:
    """The table and the plain words, from rows alone."""
    said = sentences(found)
    lines = [f"# Evidence: the model, version {about['model_version']}, in {about['worlds']}", ""]
    lines += [f"{each}" for each in _about(about)]
    lines += ["", "## What is asked of the run", ""]
    lines += table(
        ("what", "wanted", "found", ""),
        [(bar.what, bar.wanted, bar_told(bar), MET[bar.met]) for bar in found.bars],
    )
    for title, holds in (("What holds", True), ("What does not hold", False), ("What cannot be told", None)):
        lines += ["", f"## {title}", ""]
        chosen = [each.text for each in said if each.holds is holds]
        lines += [f"- {text[0].upper()}{text[1:]}." for text in chosen] or ["Nothing."]
    lines += ["", "## Policies", ""]
    lines += [*table(POLICY_HEAD, policy_rows(found)), ""]
    lines += table(HABIT_HEAD, habit_rows(found))
    lines += ["", *[f"- `{name}`: {words}" for name, words in NAMES.items()]]
    lines += ["", "## By kind of world", "", "What a round costs, bps:", ""]
    lines += table(("kind", *SEVEN), [(each.kind, *[told(each.costs[name]) for name in SEVEN]) for each in found.kinds])
    lines += ["What the model saves, and by what it differs from `classic`:", ""]
    lines += [*table(KIND_HEAD, kind_rows(found)), "", dearer_in(found)]
    for each in found.chances:
        lines += ["", f"## Chances of {each.of}", ""]
        lines += table(TENTH_HEAD, tenth_rows(each.tenths))
    lines += ["", "## Edges of quotes", ""]
    lines += table(EDGE_HEAD, edge_rows(found))
    lines += ["", "## Leaks beside the truth", ""]
    lines += table(LEAK_HEAD, leak_rows(found))
    lines += ["", "## How to read it", "", *[f"{words}\n" for words in READING]]
    return "\n".join(lines).rstrip() + "\n"


POLICY_HEAD: Final = ("policy", "cost, bps", "saves beside classic", "of the way to the oracle", "of it leaks")


def policy_rows(found: Found) -> list[tuple[str, ...]]:
    return [
        (
            each.policy,
            told(each.cost_bps),
            "-" if each.saves_bps is None else told(each.saves_bps),
            share_told(each.way),
            told(each.leak_bps),
        )
        for each in found.policies
    ]


HABIT_HEAD: Final = (
    "policy", "asked a round", "asked an order", "orders not done at once", "traded later", "at, bps", "rounds drawn",
)  # fmt: skip


def habit_rows(found: Found) -> list[tuple[str, ...]]:
    return [
        (
            each.policy,
            told(each.asked),
            told(each.asked_an_order),
            share_told(each.failed),
            share_told(each.late),
            told(each.late_bps),
            share_told(each.explored),
        )
        for each in found.policies
    ]


KIND_HEAD: Final = (
    "kind", "beside classic", "beside static", "beside the blind one", "left by the oracle", "dearer than classic in",
    "less traded later", "less of it leaks",
)  # fmt: skip


def kind_rows(found: Found) -> list[tuple[str, ...]]:
    return [
        (
            each.kind,
            told(each.saves["classic"]),
            told(each.saves["static"]),
            told(each.saves[BLIND]),
            told(each.saves["oracle"].times(-1)),
            f"{each.dearer} of {each.saves['classic'].worlds}",
            share_told(each.late_less),
            told(each.leak_less_bps),
        )
        for each in found.kinds
    ]


COSTS: Final = (SEVEN[:4], SEVEN[4:])
"""Policies of the two tables of costs by kind: a page of paper is not as wide as all of them."""


def cost_rows(found: Found, policies: Sequence[str]) -> list[tuple[str, ...]]:
    """What a round costs, bps."""
    return [(each.kind, *[told(each.costs[name]) for name in policies]) for each in found.kinds]


EDGE_HEAD: Final = ("edges", "found", "quotes")


def edge_rows(found: Found) -> list[tuple[str, ...]]:
    return [
        ("quotes within their interval of 90 %", share_told(found.edges_held), f"{found.edges:,}"),
        ("true means within theirs", share_told(found.truth_held), f"{found.edges:,}"),
        ("quoted less expected, bps", told(found.edges_error_bps), f"{found.edges:,}"),
        ("expected less true mean, bps", told(found.truth_error_bps), f"{found.edges:,}"),
    ]


TENTH_HEAD: Final = ("predicted", "happened", "more than predicted", "cases")


def tenth_rows(tenths: Sequence[Any]) -> list[tuple[str, ...]]:
    return [
        (told(each.predicted, ".3f"), told(each.happened, ".3f"), told(each.more, "+.3f"), f"{each.count:,}")
        for each in tenths
    ]


LEAK_HEAD: Final = (
    "kind", "until", "dealers", "beyond two errors", "truth within 90 %", "truth, bps", "estimate", "truth of leakers",
    "of it found", "level known",
)  # fmt: skip


def leak_rows(found: Found) -> list[tuple[str, ...]]:
    return [
        (
            each.kind,
            "decision" if each.outcome == "in" else "half an hour after",
            f"{each.dealers}",
            share_told(each.beyond_two),
            share_told(each.held),
            told(each.truth_bps),
            told(each.estimate_bps),
            told(each.leakers_bps),
            share_told(each.share_found),
            share_told(each.levels),
        )
        for each in found.leaks
    ]


def bar_told(bar: Bar) -> str:
    return share_told(bar.found) if bar.form == ".1%" else told(bar.found, bar.form)


def about_lines(about: Mapping[str, Any]) -> list[str]:
    return list(_about(about))


def _about(about: Mapping[str, Any]) -> Iterator[str]:
    yield (
        f"{about['rounds']:,} rounds by each of seven policies in each world, at most {about['at_most']} dealers "
        f"asked; code {about['code']}, commit {about['commit']}, {about['day']}."
    )
    if about["version"] is None:
        yield "A try in worlds that the model was tuned in: it is no evidence."
    elif about["again"]:
        yield (
            f"This is run {about['again'] + 1} of this block: it is no fresh one, and these figures prove less than "
            "those of its first run."
        )
    yield "Made by `scripts/evidence` from the rows beside it; nobody writes in it."


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    if not rows:
        return ["Nothing."]
    return [
        "| " + " | ".join(head) + " |",
        "|" + "---|" * len(head),
        *["| " + " | ".join(row) + " |" for row in rows],
    ]
