"""What the desk shows a dealer of itself: its own numbers, its place among peers that are not named, and nothing else.

It is read by the dealer. So there is no other dealer's name, number or price in it, no client, account, trader or
order, and no bond. A place is given as a third, and only where at least `PEERS_MIN` others can be counted: then each
third has two dealers or more, and no place says something of a single one. What the market does after a request is
said where it can be told apart from everything else, and not alluded to where it cannot.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from engine.domain.leak import LeakTable
from engine.domain.measure import Identified
from engine.market.calendars import day_number
from engine.research.bootstrap import DAYS_MIN, Interval
from engine.research.dealer_days import ALL, MEASURES, DealerDays
from engine.research.figures import told
from engine.research.normal import Z95
from engine.research.page import Block, Column, Definitions, Notes, Page, Paragraph, Section, Table
from engine.research.pictures import Valued, over_time

PEERS_MIN: Final = 5
"""Others who did the same: with fewer, a place would give one of them away."""
COUNT_MIN: Final = 20
"""Observations on `bootstrap.DAYS_MIN` days that make a dealer one to be compared with."""
MONTHS: Final = 3
THIRDS: Final = ("best", "middle", "last")
_DRAWN: Final = ("response", "edge")
"""Measures whose months are drawn."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Whose card it is, as they are called, and of which days, both included."""

    dealer: str
    name: str
    first: date
    last: date


def scorecard_page(asked: Asked, days: DealerDays, leaks: LeakTable | None, about: Sequence[str]) -> Page:
    count = days.asks.get(asked.dealer, 0)
    own = {measure: days.interval(asked.dealer, measure) for measure in MEASURES}
    sections = [
        Section("Your numbers", _numbers(asked, days, own)),
        Section("Your place among peers", _places(asked, days)),
        Section("Your last months", _months(asked, days)),
        Section("By asset class", _by_class(asked, days)),
    ]
    leak = _leak(asked, leaks)
    if leak:
        sections.append(Section("The market after our requests", leak))
    return Page(
        title=f"Scorecard of {asked.name}",
        subject=f"What our desk saw of you from {asked.first} to {asked.last}: {count:,} requests",
        verdict=_verdict(own, count),
        sections=sections,
        about=about,
    )


def _verdict(own: dict[str, Interval], count: int) -> list[str]:
    if not count:
        return ["We did not ask you in this time."]
    first = (
        f"You answered {told(own['response'], '%')} of our requests with a price that could be executed, "
        f"and we traded on {told(own['hit'], '%')} of these prices."
    )
    lines = [first]
    if own["time"].n and own["edge"].n:
        edge = f"{told(own['edge'], 'bp')} from our mark, where minus is worse for us"
        lines.append(f"An answer typically took {told(own['time'], 's')}; your prices were {edge}.")
    if own["firmness"].n:
        lines.append(f"Of the prices that we accepted, {told(own['firmness'], '%')} were filled in full.")
    return lines


def _numbers(asked: Asked, days: DealerDays, own: dict[str, Interval]) -> list[Block]:
    rows = [
        (kind.title, told(own[measure], kind.unit), f"{own[measure].n:,}", f"{own[measure].days:,}", kind.of)
        for measure, kind in MEASURES.items()
    ]
    columns = (
        Column("Measure"),
        Column("Value (95 % interval)", True),
        Column("Of", True),
        Column("Days", True),
        Column("What it is"),
    )
    notes = [
        f"Intervals come of drawing the days again; fewer than {DAYS_MIN} days tell nothing of how days differ.",
        "A request that you did not get, or whose fate nobody knows, is not counted.",
    ]
    imported = days.told.get(asked.dealer, 0)
    if imported:
        notes.append(f"{imported:,} of the requests were made over other systems and taken in from there.")
    if days.left_out.get(asked.dealer):
        notes.append(f"{days.left_out[asked.dealer]:,} prices far from any market are left out of the price measure.")
    return [Table(columns, rows, "All requests"), Notes(notes)]


# --- peers ---------------------------------------------------------------------------------------


def _places(asked: Asked, days: DealerDays) -> list[Block]:
    """By asset class, for dealers are asked for different things: a place among all of them would compare apples."""
    classes = sorted(days.classes.get(asked.dealer, {}))
    rows = []
    for measure, kind in MEASURES.items():
        if measure == "fill":
            continue  # How much we trade is our doing.
        found = {group: place(asked.dealer, measure, group, days) for group in classes}
        if any(found.values()):
            rows.append((kind.title, *(found[group] or "cannot be said" for group in classes)))
    rule = (
        f"A place is a third, and is said where at least {PEERS_MIN} other dealers have {COUNT_MIN} observations or "
        f"more on {DAYS_MIN} days: with fewer, it would tell you of a single one. Peers are never named."
    )
    if not rows:
        return [
            Paragraph(
                "There are too few peers, or too few observations, to give you a place without giving one of them away."
            ),
            Paragraph(rule),
        ]
    columns = (Column("Measure"), *(Column(group) for group in classes))
    return [Table(columns, rows, "Your third, and in brackets what it may be"), Paragraph(rule)]


def place(dealer: str, measure: str, group: str, days: DealerDays) -> str:
    """The third that a dealer is in, with another that its interval reaches into; empty where none may be said."""
    own = days.interval(dealer, measure, group)
    peers = [days.interval(each, measure, group) for each in sorted(days.asks) if each != dealer]
    known = [each.value for each in peers if each.is_told and each.n >= COUNT_MIN]
    if not own.is_told or own.n < COUNT_MIN or len(known) < PEERS_MIN:
        return ""
    sign = 1 if MEASURES[measure].more_is_better else -1
    assert own.low is not None
    assert own.high is not None
    thirds = [_third(value, known, sign) for value in (own.value, own.low, own.high)]
    at, best, last = thirds[0], min(thirds), max(thirds)
    if last - best == len(THIRDS) - 1:
        return "cannot be told"
    reach = "" if best == last else f" ({THIRDS[best]} to {THIRDS[last]})"
    return f"{THIRDS[at]} third{reach}"


def _third(value: float, others: Sequence[float], sign: int) -> int:
    """0 for the best, by how many others are better; who is as good as another is no worse."""
    better = sum(sign * each > sign * value for each in others)
    return min(2, 3 * better // (len(others) + 1))


# --- months --------------------------------------------------------------------------------------


def months_of(first: date, last: date) -> list[tuple[date, date]]:
    """The last `MONTHS` calendar months of a time, first to last, cut at its ends."""
    found: list[tuple[date, date]] = []
    end = last
    while len(found) < MONTHS and end >= first:
        begin = max(first, end.replace(day=1))
        found.append((begin, end))
        end = end.replace(day=1) - timedelta(days=1)
    return found[::-1]


def _months(asked: Asked, days: DealerDays) -> list[Block]:
    months = months_of(asked.first, asked.last)
    rows = []
    found: dict[str, list[Interval]] = {}
    for measure, kind in MEASURES.items():
        found[measure] = [
            days.interval(asked.dealer, measure, ALL, day_number(begin), day_number(end)) for begin, end in months
        ]
        rows.append(
            (
                kind.title,
                *(f"{told(each, kind.unit)} of {each.n:,}" if each.n else "nothing" for each in found[measure]),
            )
        )
    columns = (Column("Measure"), *(Column(_span(begin, end), True) for begin, end in months))
    blocks: list[Block] = [Table(columns, rows, "Month by month, with interval and count")]
    for measure in _DRAWN:
        kind = MEASURES[measure]
        points = [
            Valued(f"{end:%Y-%m}", each.value if each.is_told else None, each.low, each.high, each.n)
            for (_, end), each in zip(months, found[measure], strict=True)
        ]
        if any(row.value is not None for row in points):
            blocks.append(over_time(f"{kind.title}, month by month", points, kind.unit, None))
    return blocks


def _span(begin: date, end: date) -> str:
    """`2026-10` for a whole month, `2026-10-05 to 31` for a part of one."""
    is_whole = begin.day == 1 and (end + timedelta(days=1)).day == 1
    return f"{begin:%Y-%m}" if is_whole else f"{begin} to {end:%d}"


def _by_class(asked: Asked, days: DealerDays) -> list[Block]:
    classes = sorted(days.classes.get(asked.dealer, {}))
    rows = [
        (kind.title, *(f"{told(each, kind.unit)} of {each.n:,}" if each.n else "nothing" for each in found))
        for measure, kind in MEASURES.items()
        for found in [[days.interval(asked.dealer, measure, group) for group in classes]]
    ]
    columns = (Column("Measure"), *(Column(group, True) for group in classes))
    return [Table(columns, rows if classes else [], "Your numbers by what we asked you for")]


# --- leak ----------------------------------------------------------------------------------------


def _leak(asked: Asked, leaks: LeakTable | None) -> list[Block]:
    """Only what can be told: nothing is said, nor hinted at, where it might be chance or somebody else."""
    if leaks is None:
        return []
    for each in leaks.leak_in.dealers:
        if each.dealer == asked.dealer and each.identified is Identified.level:
            low, high = each.leak.value - Z95 * each.leak.sd, each.leak.value + Z95 * each.leak.sd
            if low > 0:
                return [
                    Definitions(
                        (
                            ("Until our decision", f"{each.leak.value:+.1f} bp against us ({low:.1f} to {high:.1f})"),
                            ("Requests", f"{each.asks:,}"),
                        )
                    ),
                    Paragraph(
                        "By so much the market moved against us after we asked you, beyond what it did after the same "
                        "requests without you. It can be told because whom and how many we ask has varied."
                    ),
                ]
    return []
