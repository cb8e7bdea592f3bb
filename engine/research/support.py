"""What a history can support: of whom enough is known, and what nobody could tell from it, however it was computed.

One pass over rounds in the order of their times; in memory are counts by dealer, by dealer and segment, and by pair of
dealers. Shares have 90 % intervals (Wilson 1927), of all asks alike: estimates let older ones fade, so that they know
somewhat less than is said here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from engine.clock import NS_PER_DAY, utc_day
from engine.domain.observation import Answer, Horizon, RoundTold, Taken
from engine.market.calendars import utc_date
from engine.research.normal import Z90, wilson
from engine.research.page import Column, Definitions, Notes, Page, Paragraph, Section, Table
from engine.research.words import HORIZONS, day, listed, percent

WITHIN: Final = 0.05
"""A share is known where its interval is this far to both sides, or less."""
SILENT_ASKS: Final = 20
"""So many of the latest asks in a row without an answer are a silence, ..."""
SILENT_CHANCE: Final = 0.001
"""... if that is as unlikely by what the dealer answered before."""
FORGOTTEN_DAYS: Final = 90
"""A dealer that was asked last so long before the end is asked no more."""
ANSWERS_ALONE: Final = 30
"""So many asks that were all answered look like a file in which only answers are."""
DRAWN_SHARE: Final = 0.95
"""Of the rounds, that have to be drawn with a known chance before another policy can be valued by all of them."""
_NAMED: Final = 8


@dataclass(frozen=True, slots=True)
class Share:
    """So many of so many, with the interval that holds 90 %."""

    yes: int
    of: int

    @property
    def value(self) -> float | None:
        return self.yes / self.of if self.of else None

    @property
    def interval(self) -> tuple[float, float]:
        if not self.of:
            return 0.0, 1.0
        low, high = wilson(self.yes / self.of, self.of, Z90)
        return max(0.0, low), min(1.0, high)

    @property
    def half(self) -> float:
        low, high = self.interval
        return (high - low) / 2

    def more(self, within: float) -> int:
        """How many more it takes, at this rate, until the interval is `within` of it to both sides."""
        if self.half <= within:
            return 0
        p = self.yes / self.of if self.of else 0.5
        low, high = self.of, max(self.of, 1)
        while Share(round(p * high), high).half > within:
            low, high = high, 2 * high
        while low + 1 < high:
            middle = (low + high) // 2
            low, high = (middle, high) if Share(round(p * middle), middle).half > within else (low, middle)
        return high - self.of

    @property
    def words(self) -> str:
        if not self.of:
            return "-"
        low, high = self.interval
        return f"{percent(self.yes / self.of)} ({percent(low)} to {percent(high)})"


@dataclass(slots=True)
class Known:
    """One dealer."""

    dealer: str
    asks: int = 0
    answers: int = 0
    edges: int = 0
    """Quotes that could be held against a mark."""
    accepted: int = 0
    filled: int = 0
    timed: int = 0
    """Answers of which it is known how long they took."""
    rounds: int = 0
    first_ns: int = 0
    asked_ns: int = 0
    answered_ns: int = 0
    unanswered: int = 0
    """The latest asks in a row."""
    answered_before: int = 0
    """Of the asks before them."""
    months: Counter[str] = field(default_factory=Counter)

    @property
    def q(self) -> Share:
        return Share(self.answers, self.asks)

    @property
    def f(self) -> Share:
        return Share(self.filled, self.accepted)

    @property
    def fell_silent(self) -> bool:
        """Are its latest asks without an answer, and would that hardly be so by what it did before?"""
        before = self.asks - self.unanswered
        if self.unanswered < SILENT_ASKS or before < 1:
            return False
        rate = (self.answers + 1) / (before + 2)
        return (1 - rate) ** self.unanswered < SILENT_CHANCE


class Gathering:
    """Takes round after round, in the order of their times."""

    def __init__(self) -> None:
        self.dealers: dict[str, Known] = {}
        self.segments: dict[str, Counter[str]] = {}
        """Asks by segment (of bonds), then dealer."""
        self.months: Counter[str] = Counter()
        self.asked: Counter[int] = Counter()
        """Rounds by how many were asked."""
        self.together: Counter[tuple[str, str]] = Counter()
        self.marks: dict[str, int] = dict.fromkeys(("sent", "decision", *Horizon), 0)
        """Rounds that have this mark."""
        self.quotes = self.marked_quotes = 0
        self.rounds = self.drawn = self.with_chance = self.trades = 0
        self.sources: Counter[str] = Counter()
        self.first_ns = self.last_ns = 0

    def take(self, told: RoundTold) -> None:
        seen = told.seen
        asks = [ask for ask in seen.asks if not ask.pending]
        if not asks:
            return
        self.first_ns = self.first_ns or seen.sent_ns
        self.last_ns = max(self.last_ns, seen.sent_ns)
        month = f"{utc_date(seen.sent_ns):%Y-%m}"
        self.rounds += 1
        self.months[month] += 1
        self.sources[seen.source] += 1
        self.asked[max(seen.n_asked, len(asks))] += 1
        self.drawn += seen.is_drawn
        self.with_chance += seen.is_drawn and (seen.p_panel is not None or all(ask.p is not None for ask in asks))
        self.marks["sent"] += any(ask.mark_sent is not None for ask in asks)
        self.marks["decision"] += seen.mark_decision is not None
        for after in told.after:
            self.marks[after.horizon] += after.mark is not None
        segment = seen.segment.rsplit("|", 2)[0] if seen.segment.count("|") > 3 else seen.segment
        names = sorted({ask.dealer for ask in asks})
        for at, one in enumerate(names):
            for other in names[at + 1 :]:
                self.together[one, other] += 1
        for ask in asks:
            known = self.dealers.get(ask.dealer)
            if known is None:
                known = self.dealers[ask.dealer] = Known(ask.dealer, first_ns=ask.sent_ns)
            known.asks += 1
            known.months[month] += 1
            known.asked_ns = max(known.asked_ns, ask.sent_ns)
            counts = self.segments.setdefault(segment, Counter())
            counts[ask.dealer] += 1
            if ask.answer is Answer.quote:
                known.answers += 1
                known.answered_before, known.unanswered = known.answered_before + known.unanswered + 1, 0
                known.answered_ns = max(known.answered_ns, ask.answered_ns or ask.sent_ns)
                known.timed += ask.answered_ns is not None
                known.edges += ask.edge_bps is not None
                self.quotes += 1
                self.marked_quotes += ask.edge_bps is not None
            else:
                known.unanswered += 1
            if ask.taken is not Taken.no:
                known.accepted += 1
                known.filled += ask.taken is Taken.filled
                self.trades += ask.taken is not Taken.rejected
        for name in names:
            self.dealers[name].rounds += 1

    # --- what can be told apart --------------------------------------------------------------------

    @property
    def never_varied(self) -> bool:
        """Was the same number asked in every round? Then no level of a leak can be known."""
        return len(self.asked) < 2

    def in_every_round(self) -> list[str]:
        return sorted(each.dealer for each in self.dealers.values() if each.rounds == self.rounds)

    def inseparable(self) -> list[list[str]]:
        """Dealers that were only ever asked together: what one leaks is what the other does."""
        groups: dict[str, list[str]] = {}
        for one in sorted(self.dealers):
            if self.dealers[one].rounds == self.rounds:
                continue
            home = next((name for name in groups if self._same(name, one)), None)
            groups.setdefault(home or one, []).append(one)
        return [group for group in groups.values() if len(group) > 1]

    def _same(self, one: str, other: str) -> bool:
        count = self.dealers[one].rounds
        return count == self.dealers[other].rounds == self.together[min(one, other), max(one, other)]


def gathered(rounds: Iterable[RoundTold]) -> Gathering:
    found = Gathering()
    for told in rounds:
        found.take(told)
    return found


# --- in words --------------------------------------------------------------------------------------


def verdict(found: Gathering, within: float = WITHIN) -> list[str]:
    """What the history is enough for, and what nobody could tell from it."""
    if not found.rounds:
        return ["There are no rounds in it: it supports nothing."]
    said = [_enough(found, within, "q", "the chance of an answer (q)", [each.q for each in found.dealers.values()])]
    said.append(_enough(found, within, "f", "firmness (f)", [each.f for each in found.dealers.values()]))
    said.append(_edges(found))
    said.append(_leak(found))
    said.append(_drawn(found))
    alone = _answers_alone(found)
    if alone:
        said.append(
            f"{_some(alone)} answered every one of {ANSWERS_ALONE} asks or more: if the file has answers alone, "
            "no chance of an answer can be learnt from it, and theirs looks like 100 %."
        )
    silent = [each for each in found.dealers.values() if each.fell_silent]
    if silent:
        words = [f"{each.dealer} (last answer {_day(each.answered_ns)})" for each in _by_name(silent)]
        said.append(f"Fell silent, though asked since: {_some(words)}.")
    gone = [each for each in found.dealers.values() if found.last_ns - each.asked_ns > FORGOTTEN_DAYS * NS_PER_DAY]
    if gone:
        words = [f"{each.dealer} (last asked {_day(each.asked_ns)})" for each in _by_name(gone)]
        said.append(f"Not asked any more for {FORGOTTEN_DAYS} days at its end: {_some(words)}.")
    return said


def _enough(found: Gathering, within: float, letter: str, what: str, shares: Sequence[Share]) -> str:
    known = sum(each.half <= within for each in shares)
    if known == len(shares):
        return f"Enough for {what} of all {known} dealers, to {100 * within:g} points either way."
    words = f"Enough for {what} of {known} of {len(shares)} dealers, to {100 * within:g} points either way"
    more = sorted(each.more(within) for each in shares if each.half > within)
    kind = "asks" if letter == "q" else "acceptances"
    return f"{words}; half of the others need {more[(len(more) - 1) // 2]:,} more {kind}, all of them {more[-1]:,}."


def _edges(found: Gathering) -> str:
    if not found.quotes:
        return "Nobody quoted: no edge can be known."
    missing = found.quotes - found.marked_quotes
    if not found.marked_quotes:
        return "No edge can be known: no quote has a mark beside it."
    if not missing:
        return f"All {found.quotes:,} quotes have a mark to be held against: edges can be learnt from all of them."
    return f"Edges can be learnt from {found.marked_quotes:,} of {found.quotes:,} quotes: the others have no fit mark."


def _leak(found: Gathering) -> str:
    followed = sum(found.marks[each] > 0 for each in Horizon)
    if not followed:
        return "No leak can be known: no mark follows any round."
    always, together = found.in_every_round(), found.inseparable()
    reasons = []
    if always:
        reasons.append(f"{_some(always)} {'was' if len(always) == 1 else 'were'} asked in every round")
    reasons += [f"{_some(each)} were only ever asked together" for each in together[:_NAMED]]
    if len(always) == len(found.dealers) or (together and len(together[0]) + len(always) == len(found.dealers)):
        return f"No leak can be known: the panel never varied ({'; '.join(reasons)})."
    level = (
        f"no leak level can be known: the number asked never varied (always {next(iter(found.asked))})"
        if found.never_varied
        else f"leaks can be told apart, and their level: from {min(found.asked)} to {max(found.asked)} were asked"
    )
    if reasons:
        return f"Of leaks: {level}; not identified: {'; '.join(reasons)}."
    return f"Of leaks: {level}."


def _drawn(found: Gathering) -> str:
    share = found.with_chance / found.rounds
    counted = f"{found.with_chance:,} of {found.rounds:,} rounds were drawn with a known chance"
    if share >= DRAWN_SHARE:
        return f"{counted}: another policy can be valued by them."
    if not found.with_chance:
        return f"{counted}: what another policy would have cost can be told by none of them."
    return f"{counted}: another policy can be valued by those alone."


def _answers_alone(found: Gathering) -> list[str]:
    return sorted(
        each.dealer for each in found.dealers.values() if each.asks >= ANSWERS_ALONE and each.answers == each.asks
    )


# --- as data and as a page ---------------------------------------------------------------------------


def plain(found: Gathering, within: float = WITHIN) -> dict[str, Any]:
    """For programs."""
    return {
        "rounds": found.rounds,
        "asks": sum(each.asks for each in found.dealers.values()),
        "from": _day(found.first_ns),
        "to": _day(found.last_ns),
        "verdict": verdict(found, within),
        "within": within,
        "rounds_by_month": dict(sorted(found.months.items())),
        "rounds_by_asked": {str(asked): count for asked, count in sorted(found.asked.items())},
        "marks_missing": {name: found.rounds - count for name, count in _marks(found)},
        "quotes": found.quotes,
        "quotes_with_mark": found.marked_quotes,
        "drawn": found.drawn,
        "drawn_with_chance": found.with_chance,
        "in_every_round": found.in_every_round(),
        "only_together": found.inseparable(),
        "dealers": [_plain_dealer(each, within) for each in _by_name(found.dealers.values())],
        "asks_by_segment": {name: dict(sorted(counts.items())) for name, counts in sorted(found.segments.items())},
    }


def _plain_dealer(known: Known, within: float) -> dict[str, Any]:
    return {
        "dealer": known.dealer,
        "asks": known.asks,
        "q": known.q.value,
        "q_interval": list(known.q.interval),
        "q_more_asks": known.q.more(within),
        "f": known.f.value,
        "f_interval": list(known.f.interval),
        "f_more_acceptances": known.f.more(within),
        "accepted": known.accepted,
        "edges": known.edges,
        "timed": known.timed,
        "last_asked": _day(known.asked_ns),
        "last_answered": _day(known.answered_ns),
        "fell_silent": known.fell_silent,
    }


DEALER_COLUMNS: Final = (
    Column("dealer"), Column("asks", True), Column("answers, 90 %", True), Column("more asks", True),
    Column("firm, 90 %", True), Column("more accepted", True), Column("edges", True), Column("last asked", True),
    Column("last answer", True),
)  # fmt: skip


def dealer_rows(found: Gathering, within: float = WITHIN) -> list[tuple[str, ...]]:
    """Those of whom most is known first."""
    known = sorted(found.dealers.values(), key=lambda each: (-each.asks, each.dealer))
    return [
        (
            each.dealer,
            f"{each.asks:,}",
            each.q.words,
            f"{each.q.more(within):,}" if each.q.half > within else "enough",
            each.f.words,
            f"{each.f.more(within):,}" if each.f.half > within else "enough",
            f"{each.edges:,}",
            _day(each.asked_ns),
            f"{_day(each.answered_ns)}, silent since" if each.fell_silent else _day(each.answered_ns),
        )
        for each in known
    ]


def page(found: Gathering, subject: str, within: float = WITHIN, about: Sequence[str] = ()) -> Page:
    """The report as one file that can be handed over."""
    rounds = max(found.rounds, 1)
    facts = [
        ("rounds", f"{found.rounds:,}, {sum(each.asks for each in found.dealers.values()):,} dealers asked in them"),
        ("from and to", f"{_day(found.first_ns)}, {_day(found.last_ns)}"),
        ("trades", f"{found.trades:,}"),
        ("drawn", f"{found.drawn:,} as they were drawn, {found.with_chance:,} with a known chance"),
    ]
    marks = [(_MARKS[name], f"{rounds - count:,}", percent((rounds - count) / rounds)) for name, count in _marks(found)]
    segments = sorted(found.segments.items(), key=lambda each: -each[1].total())
    return Page(
        "What this history can support",
        subject,
        verdict(found, within),
        (
            Section("The history", (Definitions(facts),)),
            Section(
                "Dealers",
                (
                    Paragraph(
                        f"Shares with the interval that holds 90 %; how many more asks or acceptances, at the same "
                        f"rate, until it reaches {100 * within:g} points to either side."
                    ),
                    Table(DEALER_COLUMNS, dealer_rows(found, within), nothing="nobody was asked"),
                ),
            ),
            Section(
                "Segments",
                (
                    Table(
                        (Column("segment"), Column("asks", True), Column("dealers", True), Column("most asked")),
                        [(name, f"{counts.total():,}", f"{len(counts)}", _most(counts)) for name, counts in segments],
                    ),
                ),
            ),
            Section(
                "How many were asked",
                (
                    Table(
                        (Column("asked"), Column("rounds", True)),
                        [(str(asked), f"{count:,}") for asked, count in sorted(found.asked.items())],
                    ),
                    Notes([_leak(found)]),
                ),
            ),
            Section(
                "Marks that are missing",
                (Table((Column("mark"), Column("rounds without", True), Column("share", True)), marks),),
            ),
            Section(
                "Rounds by month",
                (
                    Table(
                        (Column("month"), Column("rounds", True)),
                        [(month, f"{count:,}") for month, count in sorted(found.months.items())],
                    ),
                ),
            ),
        ),
        about,
    )


_MARKS: Final[Mapping[str, str]] = {
    "sent": "at the request",
    "decision": "at the decision",
    **{horizon.value: f"after: {HORIZONS[horizon.value]}" for horizon in Horizon},
}


def _marks(found: Gathering) -> list[tuple[str, int]]:
    return [(str(name), count) for name, count in found.marks.items()]


def _most(counts: Counter[str]) -> str:
    return ", ".join(f"{dealer} {count:,}" for dealer, count in counts.most_common(3))


def _some(names: Sequence[str]) -> str:
    """Some of them by name, of more how many there are."""
    if len(names) <= _NAMED:
        return listed(list(names))
    return f"{', '.join(names[:_NAMED])} and {len(names) - _NAMED} more"


def _by_name(known: Iterable[Known]) -> list[Known]:
    return sorted(known, key=lambda each: each.dealer)


def _day(at_ns: int) -> str:
    return day(at_ns) if at_ns and utc_day(at_ns) else "never"
