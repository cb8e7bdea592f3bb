"""The tape of trades: averages against a naive recount, corrections, and since when a class is covered."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.clock import NS_PER_DAY, NS_PER_S
from engine.market.business_days import WEEKDAYS
from engine.market.tape import CompleteFrom, Tape, Trade

EPOCH = date(1970, 1, 1)
TODAY = (date(2026, 11, 24) - EPOCH).days
"""A Tuesday."""


def at(day: int, hour: float = 12) -> int:
    return day * NS_PER_DAY + int(hour * 3600 * NS_PER_S)


def trade(day: int, size: int, bond: str = "A", name: str = "", **other: object) -> Trade:
    fields = {"asset_class": "corporate", "source": "feed", "trade_id": name or f"{bond} {day} {size}", **other}
    return Trade(bond, price=Decimal(99), quantity=Decimal(size), utc_ns=at(day), **fields)  # type: ignore[arg-type]


def weekdays(first: int, end: int) -> int:
    return sum((EPOCH + timedelta(days=day)).weekday() < 5 for day in range(first, end))


@given(st.integers(0, 40_000), st.integers(0, 400))
def test_business_days_are_those_of_the_calendar(day: int, more: int) -> None:
    assert WEEKDAYS.between(day, day + more) == weekdays(day, day + more)


@given(st.integers(400, 40_000), st.integers(1, 250))
def test_a_window_begins_on_a_weekday_and_has_so_many(day: int, count: int) -> None:
    first = WEEKDAYS.before(day, count)
    assert (EPOCH + timedelta(days=first)).weekday() < 5
    assert weekdays(first, day) == count


@given(
    st.lists(st.tuples(st.integers(0, 120), st.integers(1, 10**7), st.sampled_from("AB"), st.booleans()), max_size=60),
    st.lists(st.integers(1, 80), min_size=1, max_size=4),
    st.integers(0, 9),
)
def test_any_window_is_what_a_recount_gives(
    told: list[tuple[int, int, str, bool]], windows: list[int], later: int
) -> None:
    """Whatever the order, asked for in between, with cancels, and on a later day than the trades came in."""
    tape = Tape()
    kept: list[Trade] = []
    for number, (ago, size, bond, is_canceled) in enumerate(told):
        each = trade(TODAY - ago, size, bond, f"{number}")
        tape.take(each, at(TODAY, 13))
        if is_canceled:
            tape.take(trade(TODAY - ago, size, bond, f"{number}", canceled=True), at(TODAY, 14))
        else:
            kept.append(each)
        tape.traded(bond, windows[0], TODAY)
    today = TODAY + later
    for window in windows:
        first = WEEKDAYS.before(today, window)
        for bond in "AB":
            inside = [each for each in kept if each.security_id == bond and at(first, 0) <= each.utc_ns < at(today, 0)]
            assert tape.traded(bond, window, today) == (len(inside), sum(each.quantity for each in inside))


def test_the_same_trade_again_changes_nothing_and_another_size_corrects_it() -> None:
    tape = Tape()
    tape.take(trade(TODAY - 1, 5, name="7"), at(TODAY))
    tape.take(trade(TODAY - 1, 5, name="7"), at(TODAY))
    assert tape.traded("A", 1, TODAY) == (1, 5)
    tape.take(trade(TODAY - 1, 8, name="7"), at(TODAY))
    assert tape.traded("A", 1, TODAY) == (1, 8)
    tape.take(trade(TODAY - 1, 8, name="7", canceled=True), at(TODAY))
    assert tape.traded("A", 1, TODAY) == (0, 0)
    assert tape.last_day("A") is None


def test_two_sources_may_call_two_trades_alike() -> None:
    tape = Tape()
    tape.take(trade(TODAY - 1, 5, name="7"), at(TODAY))
    tape.take(trade(TODAY - 1, 6, name="7", source="other"), at(TODAY))
    assert tape.traded("A", 1, TODAY) == (2, 11)


def test_a_class_is_covered_from_the_day_after_it_was_first_heard() -> None:
    tape = Tape()
    assert tape.covered_from("corporate", TODAY) is None
    tape.take(trade(TODAY - 20, 5), at(TODAY))
    assert tape.covered_from("corporate", TODAY) == TODAY + 1
    assert tape.covered_from("municipal", TODAY) is None


def test_a_source_that_tells_of_the_past_covers_it() -> None:
    tape = Tape()
    for ago in (20, 60, 40):
        tape.take(trade(TODAY - ago, 5), at(TODAY), {"feed"})
    assert tape.covered_from("corporate", TODAY) == TODAY - 60


def test_a_source_may_say_since_when_it_is_complete() -> None:
    tape = Tape()
    tape.complete_from(CompleteFrom("corporate", "feed", TODAY - 90), at(TODAY))
    assert tape.covered_from("corporate", TODAY) == TODAY - 90


def test_nothing_is_covered_longer_than_it_is_kept() -> None:
    tape = Tape(days=30)
    tape.complete_from(CompleteFrom("corporate", "feed", TODAY - 90), at(TODAY))
    assert tape.covered_from("corporate", TODAY) == TODAY - 30


def test_a_class_that_fell_silent_is_unknown_and_begins_anew() -> None:
    tape = Tape(quiet_days_max=5)
    tape.take(trade(TODAY, 5), at(TODAY), {"feed"})
    a_week_later = TODAY + 7
    assert tape.covered_from("corporate", a_week_later) == TODAY
    assert tape.covered_from("corporate", a_week_later + 1) is None
    tape.take(trade(a_week_later + 1, 5), at(a_week_later + 1))
    assert tape.covered_from("corporate", a_week_later + 1) == a_week_later + 2


def test_what_is_too_old_is_forgotten() -> None:
    tape = Tape(days=30)
    tape.take(trade(TODAY - 29, 5, "A"), at(TODAY))
    tape.take(trade(TODAY, 5, "B"), at(TODAY))
    tape.take(trade(TODAY + 2, 5, "B"), at(TODAY + 2))
    assert (tape.last_day("A"), tape.last_day("B"), len(tape)) == (None, TODAY + 2, 2)


def test_names_are_bounded() -> None:
    tape = Tape(trades_max=3)
    for number in range(5):
        tape.take(trade(TODAY - 1, 1, name=str(number)), at(TODAY))
    assert len(tape) == 3
    assert (tape.known("feed", "0"), tape.known("feed", "4") is not None) == (None, True)
    assert tape.traded("A", 1, TODAY) == (5, 5)


@pytest.mark.parametrize("window", [1, 5, 30, 60])
def test_days_without_a_trade_count(window: int) -> None:
    """One trade of 6mm yesterday is 6mm over the window, whatever the window."""
    tape = Tape()
    tape.take(trade(TODAY - 1, 6_000_000), at(TODAY))
    assert tape.traded("A", window, TODAY) == (1, 6_000_000)
