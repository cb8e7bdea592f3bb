"""Several scorers, windows, segments and dealers at once: what is kept is what would be counted anew.

One kept order at a time cannot show a wrong key, a shared default or a list that was not brought up to date.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

import pytest
from dealer_support import DAY, NOW, SEGMENT, S, feed
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.dealers import window as w
from engine.dealers.segments import Segment
from engine.dealers.stats import METRICS, DealerStats, Source, StatsParameters
from engine.dealers.window import Cell, Recollection, Shape
from engine.domain.instrument import BondTraits
from engine.selection.ranking import Rankings, WeightedScorer, classic, rank, weighted
from engine.selection.scorers import standings

NAMES: Final = ("alder", "birch", "cedar", "dogwood", "elm")
SEGMENTS: Final = (
    SEGMENT,
    Segment("corporate", "HY", "3-7y", "5mm-10mm", "sell"),
    Segment("corporate", "HY", "3-7y"),
    Segment("corporate"),
    Segment("municipal", "NR", "3-7y", "2mm-5mm", "buy"),
    Segment(),
)
OBSERVED: Final = tuple(segment for segment in SEGMENTS if segment.side != "*")
SCORERS: Final = (
    classic(),
    classic(window_days=2),
    classic((("fill_rate", 10), ("price_improvement", 20), ("leakage", 30), ("speed", 40))),
    weighted((("hit_rate", 60), ("price_improvement", 40)), 90),
    weighted((("hit_rate", 40), ("price_improvement", 60)), 90),
    weighted((("hit_rate", 60), ("price_improvement", 40)), 2),
    weighted((("leakage", 100),), 33),
    weighted((("speed", 50), ("firmness", 50)), 90),
    *(weighted(((name, 100),), days) for name in METRICS for days in (2, 90)),
)

Step = tuple[str, str, Segment, int]
steps: Final = st.lists(
    st.tuples(
        st.sampled_from(["ask", "quote", "silent", "trade", "last look", "reversion", "take back", "day"]),
        st.sampled_from(NAMES),
        st.sampled_from(OBSERVED),
        st.integers(-4, 4),
    ),
    max_size=30,
)


@dataclass(slots=True)
class Told:
    """Stats, the time, and what was observed so far: to take it back, or to tell it to other stats."""

    stats: DealerStats
    now: int = NOW
    calls: list[tuple[str, tuple[Any, ...]]] = field(default_factory=list)

    def call(self, name: str, *given: Any) -> None:
        getattr(self.stats, name)(*given)
        self.calls.append((name, given))

    def step(self, what: str, dealer: str, segment: Segment, number: int) -> None:
        at = (dealer, segment, self.now)
        if what == "day":
            self.now += DAY * (1 + abs(number) * 9)
        elif what == "ask":
            self.call("asked", *at)
        elif what == "quote":
            self.call("answered", *at, 10.0 + number, True, float(number))
        elif what == "silent":
            self.call("silent", *at, 60.0)
        elif what == "trade":
            self.call("traded", *at, float(number))
        elif what == "last look":
            self.call("rejected_after_accept", *at)
        elif what == "reversion":
            self.call("reversion", dealer, segment, self.now - abs(number) * DAY, float(number))
        elif self.calls:
            name, given = self.calls[number % len(self.calls)]
            if name in TAKEN_BACK:
                self.calls.remove((name, given))
                getattr(self.stats, TAKEN_BACK[name])(*given)


TAKEN_BACK: Final = {"asked": "unask", "silent": "unsilent", "traded": "untraded", "reversion": "unreversion"}


def parameters(enough: int = 2, windows_days: tuple[int, ...] = (2, 90)) -> StatsParameters:
    return StatsParameters(scope_observations_min=enough, windows_days=windows_days)


# --- kept orders ---------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(
    steps,
    st.lists(st.tuples(st.sampled_from(SCORERS), st.sampled_from(SEGMENTS)), min_size=2, max_size=6),
    st.integers(2, 8),
)
def test_kept_orders_are_the_definition_whoever_else_is_ranked_between(
    script: list[Step], asked: list[tuple[WeightedScorer, Segment]], kept_max: int
) -> None:
    """Each step ranks by another scorer or segment, in turn, from the same `Rankings`; some orders miss many steps."""
    told = Told(DealerStats(parameters()))
    rankings = Rankings(told.stats, NAMES, kept_max)
    for number, step in enumerate(script):
        told.step(*step)
        scorer, segment = asked[number % len(asked)]
        assert rankings.top(9, scorer, segment, told.now) == rank(NAMES, scorer, told.stats, segment, told.now)
    for scorer, segment in asked:
        assert rankings.top(9, scorer, segment, told.now) == rank(NAMES, scorer, told.stats, segment, told.now)
        assert list(rankings.order(scorer, segment, told.now)) == [
            line.dealer for line in rank(NAMES, scorer, told.stats, segment, told.now)
        ]


@settings(max_examples=25, deadline=None)
@given(steps)
def test_no_two_scorers_or_segments_share_what_is_kept(script: list[Step]) -> None:
    """All of them at once after each third of the script: every pair of scorer and segment has an answer of its own."""
    told = Told(DealerStats(parameters()))
    rankings = Rankings(told.stats, NAMES, kept_max=len(SCORERS) * len(SEGMENTS))
    third = len(script) // 3 + 1
    for start in range(0, len(script), third):
        for step in script[start : start + third]:
            told.step(*step)
        for scorer in SCORERS[:8]:
            for segment in SEGMENTS:
                found = rankings.top(9, scorer, segment, told.now)
                assert found == rank(NAMES, scorer, told.stats, segment, told.now), (scorer.key, segment.key)


def test_scorers_that_differ_in_one_thing_have_different_keys() -> None:
    keys = [scorer.key for scorer in SCORERS]
    assert len(set(keys)) == len(keys)
    assert classic(name="a").key == classic(name="b").key
    assert weighted((("response_time", 100),)).key == weighted((("speed", 100),)).key
    assert weighted((("speed", Decimal("33.4")), ("leakage", Decimal("66.6")))).key != (
        weighted((("speed", Decimal("33.6")), ("leakage", Decimal("66.4")))).key
    )


def test_segments_that_differ_in_one_part_have_different_keys() -> None:
    parts = ("corporate", "HY", "3-7y", "5mm-10mm", "buy")
    others = ("municipal", "BBB", "1-3y", "10mm+", "sell")
    variants = [parts, *((*parts[:at], others[at], *parts[at + 1 :]) for at in range(5))]
    assert len({Segment(*each).key for each in variants}) == 6
    # What is coarser is shared by those that differ in the finer parts alone.
    assert Segment(*variants[4]).scopes[1:] == Segment(*variants[5]).scopes[1:] == Segment(*parts).scopes[1:]
    assert Segment(*variants[2]).scopes[1] != Segment(*parts).scopes[1]


def test_two_rankings_over_the_same_stats_do_not_mix_their_dealers() -> None:
    stats = DealerStats(parameters())
    some, others = Rankings(stats, NAMES[:3]), Rankings(stats, NAMES[2:])
    for place, dealer in enumerate(NAMES):
        feed(stats, dealer, asks=20, trades=20 - place)
        for rankings, names in ((some, NAMES[:3]), (others, NAMES[2:])):
            assert rankings.top(9, classic(), SEGMENT, NOW) == rank(names, classic(), stats, SEGMENT, NOW)


@settings(max_examples=20, deadline=None)
@given(steps, steps)
def test_two_desks_do_not_share_what_they_know(one: list[Step], other: list[Step]) -> None:
    """The same calls on two stats in turn: each is as if the other were not there."""
    together = Told(DealerStats(parameters())), Told(DealerStats(parameters(enough=1, windows_days=(7, 33))))
    apart = Told(DealerStats(parameters())), Told(DealerStats(parameters(enough=1, windows_days=(7, 33))))
    for at in range(max(len(one), len(other))):
        for told, script in zip(together, (one, other), strict=True):
            if at < len(script):
                told.step(*script[at])
                told.stats.metrics(NAMES[0], SEGMENT, 90, told.now)
    for told, script in zip(apart, (one, other), strict=True):
        for step in script:
            told.step(*step)
    for left, right in zip(together, apart, strict=True):
        assert left.stats.fold_digest() == right.stats.fold_digest()
        for scorer in SCORERS[:8]:
            assert rank(NAMES, scorer, left.stats, SEGMENT, left.now) == rank(
                NAMES, scorer, right.stats, SEGMENT, right.now
            )


# --- windows and metrics -------------------------------------------------------------------------


@settings(max_examples=25, deadline=None)
@given(steps)
def test_a_kept_window_is_the_walked_one_and_metrics_do_not_mix(script: list[Step]) -> None:
    """2 and 90 days are kept in one object and walked in another; every metric, dealer, segment and window in turn."""
    kept, walked = Told(DealerStats(parameters())), Told(DealerStats(parameters(windows_days=(180,))))
    for step in script:
        kept.step(*step)
        walked.step(*step)
        for days in (2, 90):
            # In between, so that what is kept of today is of another window by the time it is used.
            kept.stats.estimate(step[1], "fill_rate", step[2], days, kept.now)
    for days in (90, 2, 33):
        for dealer in NAMES:
            for segment in SEGMENTS:
                found = kept.stats.metrics(dealer, segment, days, kept.now)
                assert found == walked.stats.metrics(dealer, segment, days, walked.now)
                for name in METRICS:
                    one = kept.stats.estimate(dealer, name, segment, days, kept.now)
                    assert one == walked.stats.estimate(dealer, name, segment, days, walked.now)
                    own = dict(found.estimates)[name]
                    assert own == one if one.source is Source.OWN else own.source is Source.NO_DATA


def shape() -> Shape:
    return Shape((2, 7, 90), 5, 11, 400)


def sums(cell: Cell, of: Shape, day: int) -> list[tuple[list[int], list[int]]]:
    """What the kept windows of a cell come to on a day, plain and weighted."""
    cell.roll(day)
    found = []
    for place, (fast, slow) in enumerate(of.today_weights(day)):
        weights = [slow if w.is_slow(each) else fast for each in range(w.FIELDS)]
        plain = [a + b for a, b in zip(cell.raw[place], cell.today, strict=True)]
        heavy = [a + b * c for a, b, c in zip(cell.weighted[place], cell.today, weights, strict=True)]
        found.append((plain, heavy))
    return found


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 9), st.integers(0, w.FIELDS - 1), st.integers(-9, 9))))
def test_two_cells_of_one_shape_on_different_days_are_as_each_alone(
    script: list[tuple[bool, int, int, int]],
) -> None:
    """A shape keeps the weights of one day; cells ask for theirs in turn, on days of their own."""
    shared = shape()
    together, apart = [Cell(shared, 20_000), Cell(shared, 20_000)], [Cell(shape(), 20_000), Cell(shape(), 20_000)]
    days = [20_000, 20_000]
    for which, step, counted, amount in script:
        days[which] += step
        for cell in (together[which], apart[which]):
            cell.add(days[which] - step // 3, ((counted, amount),))
        sums(together[which], shared, days[which])
    for cell, alone, day in zip(together, apart, days, strict=True):
        assert sums(cell, shared, day) == sums(alone, shape(), day)
        for days_back, (plain, heavy) in zip((2, 7, 90), sums(cell, shared, day), strict=True):
            walked = cell.walk(day - days_back + 1, day)
            assert (list(walked[0]), walked[1]) == (plain, heavy)


def test_an_observation_of_one_kind_moves_its_own_metrics_alone() -> None:
    """Which metrics each observation may move, over a dealer that has all of them; the others stay to the bit."""
    moves: Sequence[tuple[str, tuple[Any, ...], set[str]]] = (
        ("asked", (), {"fill_rate", "quote_rate"}),
        ("answered", (3.0, False, None), set()),
        ("answered", (3.0, True, 7.0), {"hit_rate", "quote_rate", "edge", "speed"}),
        ("answered", (3.0, True, None), {"hit_rate", "quote_rate", "speed"}),
        ("firmed", (3.0, 7.0), {"hit_rate", "quote_rate", "edge", "speed"}),
        ("declined", (), set()),
        ("silent", (99.0,), {"speed"}),
        ("traded", (7.0,), {"fill_rate", "hit_rate", "firmness", "price_improvement"}),
        ("traded", (None,), {"fill_rate", "hit_rate", "firmness"}),
        ("traded", (7.0, True), set()),
        ("reversion", (7.0,), {"leakage"}),
        ("rejected_after_accept", (), {"firmness"}),
    )
    for name, said, expected in moves:
        stats = DealerStats(parameters(enough=1))
        for dealer in NAMES[:2]:
            feed(stats, dealer, asks=9, quotes=6, trades=4, improvement_bps=1.0, reversion_bps=-1.0)
            stats.rejected_after_accept(dealer, SEGMENT, NOW)
            stats.answered(dealer, SEGMENT, NOW, 5.0, True, 2.0)
        before = {dealer: stats.metrics(dealer, SEGMENT, 90, NOW) for dealer in NAMES[:2]}
        getattr(stats, name)(NAMES[0], SEGMENT, NOW, *said)
        after = {dealer: stats.metrics(dealer, SEGMENT, 90, NOW) for dealer in NAMES[:2]}
        assert after[NAMES[1]] == before[NAMES[1]], name
        old, new = dict(before[NAMES[0]].estimates), dict(after[NAMES[0]].estimates)
        assert {each for each in METRICS if old[each].value != new[each].value} == expected, (name, said)


# --- tiers and recollections ---------------------------------------------------------------------


def test_places_in_two_segments_are_each_of_its_own() -> None:
    """Good in one class, bad in the other: a tier of the one says nothing of the other."""
    stats = DealerStats(parameters())
    muni = SEGMENTS[4]
    for place, dealer in enumerate(NAMES):
        feed(stats, dealer, asks=20, trades=20 - place)
        if place:
            feed(stats, dealer, asks=20, trades=5 + place, segment=muni)
    for _ in range(2):
        rankings = Rankings(stats, NAMES)
        corporate = standings(rankings.table(SCORERS[0], Segment("corporate"), NOW))
        municipal = standings(rankings.table(SCORERS[0], Segment("municipal"), NOW, NAMES[1:]))
        assert [each.dealer for each in corporate] == list(NAMES)
        assert [each.dealer for each in municipal] == list(NAMES[:0:-1])
        assert [(each.rank, each.ranked) for each in corporate] == [(place, 5) for place in range(1, 6)]
        assert [(each.rank, each.ranked) for each in municipal] == [(place, 4) for place in range(1, 5)]


@settings(max_examples=80)
@given(
    st.lists(st.tuples(st.booleans(), st.sampled_from("abcd"), st.integers(0, 6)), max_size=30),
    st.integers(1, 4),
    st.integers(1, 3),
)
def test_a_recollection_is_its_model(script: list[tuple[bool, str, int]], keys_max: int, times_max: int) -> None:
    """Keys one after the other, forgotten in the order in which they were last noted; each keeps its latest times."""
    kept = Recollection(keys_max, times_max)
    model: dict[str, list[int]] = {}
    for is_note, key, at in script:
        if is_note:
            kept.note(key, at)
            times = model.pop(key, [])
            if not times and len(model) == keys_max:
                del model[next(iter(model))]
            model[key] = sorted([*times, at])[-times_max:]
        else:
            kept.forget(key, at)
            if at in model.get(key, []):
                model[key].remove(at)
                if not model[key]:
                    del model[key]
        assert {each: kept.last(each) for each in "abcd"} == {
            each: model[each][-1] if each in model else None for each in "abcd"
        }
        assert kept.dump() == sorted(model.items())


def like(issuer: str) -> BondTraits:
    return BondTraits("corporate", issuer, "utilities", "BBB", 23_000, 4.5)


@pytest.mark.parametrize("taken_back", NAMES[:2])
def test_whom_somebody_asked_last_is_kept_by_dealer_and_bond(taken_back: str) -> None:
    """Two dealers asked for two bonds at the same instants: taking one back leaves the other three."""
    stats = DealerStats(parameters())
    for dealer in NAMES[:2]:
        for bond in ("XS1", "XS2"):
            stats.asked(dealer, SEGMENT, NOW, bond)
            stats.asked(dealer, SEGMENT, NOW + S, bond)
            stats.answered(
                dealer, SEGMENT, NOW, 1.0, True, None, f"issuer of {dealer} {bond}", like(f"{dealer} {bond}")
            )
    stats.unask(taken_back, SEGMENT, NOW + S, "XS1")
    for dealer in NAMES[:2]:
        for bond in ("XS1", "XS2"):
            gone = dealer == taken_back and bond == "XS1"
            assert stats.last_asked(dealer, bond) == (NOW if gone else NOW + S)
        for other in NAMES[:2]:
            for bond in ("XS1", "XS2"):
                assert stats.quoted_issuer(dealer, f"issuer of {other} {bond}", 90, NOW) is (dealer == other)
                assert stats.quoted_any(dealer, [like(f"{other} {bond}")], 90, NOW) is (dealer == other)
