"""What was found as one page: the verdict, pictures that can be judged at a glance, and every table."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from engine.research.bootstrap import Interval
from engine.research.page import Block, Column, Notes, Page, Paragraph, Picture, Section, Table
from engine.research.pictures import Share, Valued, intervals, reliability
from engine.selection.model import MODEL_VERSION
from proving import real, words
from proving.banks import MODEL
from proving.figures import Figure
from proving.found import COVERED, EVERY, WAY_MIN, Found
from proving.playing import WATCHED
from proving.real import Real
from proving.words import Sentence


def page(about: Mapping[str, Any], found: Found) -> Page:
    """The report of a run, or of a try."""
    said = words.sentences(found)
    return Page(
        title=f"Evidence: the model, version {about['model_version']}",
        subject=about["worlds"],
        verdict=[_sentence(each) for each in said[:5]],
        sections=[
            Section("What is asked of the run", [_bars(found)]),
            *_claims(said),
            Section("What a round costs", list(_costs(found))),
            Section("By kind of world", list(_kinds(found))),
            Section("Chances that the model stated, and what came", list(_chances(found))),
            Section("Edges of quotes", list(_edges(found))),
            Section("Leaks beside the truth", list(_leaks(found))),
            Section(
                "How to read it", [Notes(words.READING), Notes([f"{name}: {of}" for name, of in words.NAMES.items()])]
            ),
        ],
        about=words.about_lines(about),
    )


def page_of_real(found: Real) -> Page:
    """The report of real data."""
    said = list(real.sentences(found))
    banks, tape = found.banks, found.tape
    return Page(
        title="Real data: two banks, a tape, lists of bonds",
        subject=f"model version {MODEL_VERSION}",
        verdict=[_sentence(each) for each in said[:4]],
        sections=[
            *_claims(said),
            Section("What this data cannot show", [Notes(real.CANNOT)]),
            Section(
                "Two banks",
                [
                    Paragraph(real.about_banks(banks)),
                    _days("Edge against the mid of the day before, bps", banks.edges, "bps", None, MODEL),
                    _days("What choosing by the model gains beside each, bps, by weeks", banks.saves_weeks, "bps"),
                    _days("Log-loss of who is better, nats", banks.losses, "nats", None, MODEL),
                    _table(real.WAY_HEAD, real.way_rows(banks)),
                ],
            ),
            Section(
                "A tape of trades", [Paragraph(real.about_tape(tape)), _table(real.TAPE_HEAD, real.tape_rows(tape))]
            ),
            Section("Lists of bonds", [_table(real.BOND_HEAD, real.bond_rows(found))]),
        ],
        about=["Made by scripts/evidence --real. Figures alone: no row of the data is here."],
    )


def _days(
    title: str, figures: Mapping[str, Interval], unit: str, reference: float | None = 0.0, marked: str = ""
) -> Picture:
    rows = [
        Valued(name, each.value if each.is_told else None, each.low, each.high, float(each.days), name == marked)
        for name, each in figures.items()
    ]
    return replace(intervals(title, rows, unit, reference), caption="On the right: days, or weeks.")


def _sentence(each: Sentence) -> str:
    return f"{each.text[0].upper()}{each.text[1:].replace('`', '')}."


def _claims(said: Sequence[Sentence]) -> Iterator[Section]:
    for title, holds in (("What holds", True), ("What does not hold", False), ("What cannot be told", None)):
        chosen = [_sentence(each) for each in said if each.holds is holds]
        yield Section(title, [Notes(chosen) if chosen else Paragraph("Nothing.")])


def _bars(found: Found) -> Table:
    rows = [(bar.what, bar.wanted, words.bar_told(bar), words.MET[bar.met]) for bar in found.bars]
    return Table([Column("what"), Column("wanted"), Column("found", True), Column("")], rows)


def _costs(found: Found) -> Iterator[Block]:
    yield _drawn(
        "Cost of a round by policy, bps",
        [_valued(each.policy, each.cost_bps, each.policy == WATCHED) for each in found.policies],
        "bps", None,
    )  # fmt: skip
    yield _drawn(
        "What the model saves beside each, bps a round",
        [_valued(name, figure) for name, figure in found.saves.items()],
        "bps",
    )
    yield _drawn(
        "Of the way from the static list to the oracle",
        [_valued(each.policy, each.way, each.policy == WATCHED) for each in found.policies if each.policy != "static"],
        "%", WAY_MIN,
    )  # fmt: skip
    yield _drawn(
        "What the model saves beside classic, by third of the rounds",
        [_valued(name, each) for name, each in zip(("first", "second", "last"), found.thirds, strict=True)],
        "bps",
    )
    yield _table(words.POLICY_HEAD, words.policy_rows(found))
    yield _table(words.HABIT_HEAD, words.habit_rows(found))


def _kinds(found: Found) -> Iterator[Block]:
    for than in ("classic", "static", "model-blind"):
        yield _drawn(
            f"What the model saves beside {than}, by kind of world",
            [_valued(each.kind, each.saves[than]) for each in found.kinds],
            "bps",
        )
    yield _table(words.KIND_HEAD, words.kind_rows(found))
    yield Paragraph(words.dearer_in(found).replace("`", ""))
    for policies in words.COSTS:
        yield _table(("what a round costs, bps", *policies), words.cost_rows(found, policies))


def _chances(found: Found) -> Iterator[Block]:
    for each in found.chances:
        shares = [
            Share(one.predicted.value, one.happened.value, *_ends(one.happened, 0.0, 1.0), one.count)
            for one in each.tenths
        ]
        yield reliability(f"Chances of {each.of}: predicted beside what happened, by tenths", shares, each.of)
        yield _table(words.TENTH_HEAD, words.tenth_rows(each.tenths))


def _edges(found: Found) -> Iterator[Block]:
    yield _drawn(
        "Within the interval of 90 %",
        [_valued("quotes", found.edges_held), _valued("true means", found.truth_held)],
        "%", 0.9, COVERED,
    )  # fmt: skip
    yield _drawn(
        "Where quotes fell in the law that was stated for them, by tenths from the worst to the best",
        [_valued(f"{at + 1}", each) for at, each in enumerate(found.places)],
        "%", 0.1,
    )  # fmt: skip
    yield _table(words.EDGE_HEAD, words.edge_rows(found))


def _leaks(found: Found) -> Iterator[Block]:
    told = [each for each in found.leaks if each.dealers]
    for outcome, when in (("in", "until the decision"), ("post", "half an hour after it")):
        own = [each for each in told if each.outcome == outcome]
        yield _drawn(
            f"Leaks {when}: estimates further from the truth than two of their errors",
            [_valued(each.kind, each.beyond_two) for each in own],
            "%", 0.05, (0.0, words.BEYOND_TWO_MAX),
        )  # fmt: skip
        leaking = [each for each in own if each.leakers_bps.is_above and each.kind != EVERY]
        if leaking:
            yield _drawn(
                f"Leaks {when}: of what those leak who do, how much is found",
                [_valued(each.kind, each.share_found) for each in leaking],
                "%", 1.0,
            )  # fmt: skip
    yield _table(words.LEAK_HEAD, words.leak_rows(found))


def _drawn(
    title: str,
    rows: Sequence[Valued],
    unit: str,
    reference: float | None = 0.0,
    band: tuple[float, float] | None = None,
) -> Picture:
    return replace(intervals(title, rows, unit, reference, band), caption="On the right: worlds.")


def _valued(label: str, figure: Figure, is_marked: bool = False) -> Valued:
    """A figure as a picture takes it. One world has no interval: nothing is drawn of it."""
    if not figure.is_told or not math.isfinite(figure.low):
        return Valued(label, None, None, None, 0.0)
    return Valued(label, figure.value, figure.low, figure.high, figure.worlds, is_marked)


def _ends(figure: Figure, least: float, most: float) -> tuple[float, float]:
    return max(figure.low, least), min(figure.high, most)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    return Table([Column(head[0]), *[Column(each, True) for each in head[1:]]], rows)
