"""What the model learns from: live, aside and after a restart the same estimates, to the bit."""

from __future__ import annotations

import datetime
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from leak_rounds import LEAKER, solved, victim_rounds
from seen_rounds import SIZE, asked, asking, seen

from engine.clock import utc_day
from engine.dealers.estimates import EstimateParameters
from engine.dealers.failing import PATIENCE_DAYS
from engine.dealers.leak import LeakPrior
from engine.desk.learning import BEHIND_MAX, Learning
from engine.desk.past.reading import Known, Row, read_rows
from engine.domain import events as e
from engine.domain.measure import Identified
from engine.domain.observation import Horizon, RoundTold
from engine.domain.order import MarkUsed
from engine.domain.rows import changed

pytestmark = pytest.mark.starts("noon")
"""Nothing here is about the time."""

DAY_NS = 86_400 * 1_000_000_000
START = datetime.datetime(2026, 6, 1, 12, tzinfo=datetime.UTC)
MARK = MarkUsed(Decimal(100), "made", 0, "firm", 5.0)
AFTER = changed(MARK, price=Decimal(101))
AFTER_NS = int(datetime.datetime(2026, 9, 1, tzinfo=datetime.UTC).timestamp()) * 1_000_000_000


def told(day: int, name: str, price: str = "99.9") -> RoundTold:
    """A round of two dealers, one of which quotes."""
    at = (START + datetime.timedelta(days=day)).isoformat()
    shared: dict[str, Any] = {
        "rfq_id": name, "sent_at": at, "security": "XS0000000009", "asset_class": "corporate", "side": "buy",
        "quantity": "1000000", "mark_sent": "100", "maturity": "2031-01-01", "rating_then": "BBB",
    }  # fmt: skip
    rows = [
        {**shared, "dealer": "ash", "answer": "quote", "price": price, "answered_at": at},
        {**shared, "dealer": "beech", "answer": "pass"},
    ]
    found, refused = read_rows([Row(1, row) for row in rows], Known({}, AFTER_NS, 900 * 10**9), "elsewhere")
    assert not refused
    return found[0]


def added(*rounds: RoundTold) -> e.HistoryAdded:
    return e.HistoryAdded(AFTER_NS, rounds, "elsewhere", "person:kim")


def replayed(*events: e.Event) -> Learning:
    learning = Learning(EstimateParameters(), is_replaying=True)
    for event in events:
        learning.fold(event)
    learning.settle()
    return learning


LATER = added(told(40, "T-3"), told(41, "T-4", "99.7"))
EARLIER = added(told(2, "T-1"), told(1, "T-2", "100.4"))


def rebuilt(learning: Learning) -> e.EstimatesRebuilt:
    """As the shell does it: aside, from all that the journal has, and swapped in by the event."""
    learning.begin_aside()
    aside = Learning(learning.parameters, is_replaying=True)
    for event in (LATER, EARLIER):
        aside.fold(event)
    aside.rebuilt()
    learning.end_aside(aside)
    return e.EstimatesRebuilt(AFTER_NS, aside.observations, learning.waiting, "test")


def test_what_is_told_waits_until_it_is_learnt_in_the_order_of_its_times() -> None:
    learning = Learning(EstimateParameters())
    untouched = learning.estimates.digest()
    learning.fold(LATER)
    learning.fold(EARLIER)
    assert (learning.waiting, learning.observations) == (4, 2)
    learning.fold(rebuilt(learning))
    assert learning.waiting == 0
    assert learning.estimates.digest() != untouched
    in_order = replayed(added(told(1, "T-2", "100.4"), told(2, "T-1")), LATER, e.EstimatesRebuilt(AFTER_NS, 2, 4, ""))
    assert learning.estimates.digest() == in_order.estimates.digest()


def test_a_restart_comes_out_at_the_same_bits() -> None:
    learning = Learning(EstimateParameters())
    for event in (LATER, EARLIER):
        learning.fold(event)
    event = rebuilt(learning)
    learning.fold(event)
    again = replayed(LATER, EARLIER, event)
    assert again.estimates.digest() == learning.estimates.digest()
    assert (again.observations, again.waiting) == (learning.observations, learning.waiting)


def test_what_is_told_while_a_rebuild_runs_waits_for_the_next() -> None:
    learning = Learning(EstimateParameters())
    learning.fold(LATER)
    learning.fold(EARLIER)
    event = rebuilt(learning)
    more = added(told(3, "T-9"))
    learning.fold(more)
    learning.fold(event)
    assert learning.waiting == 1
    again = replayed(LATER, EARLIER, more, event)
    assert (again.waiting, again.estimates.digest()) == (1, learning.estimates.digest())


@pytest.mark.parametrize("rounds", [3, BEHIND_MAX, 5 * BEHIND_MAX])
def test_of_what_was_seen_while_a_rebuild_ran_little_is_left_to_its_turn(rounds: int) -> None:
    learning = Learning(EstimateParameters())
    events: list[e.Event] = [LATER, EARLIER]
    for event in events:
        learning.fold(event)
    learning.begin_aside()
    aside = Learning(learning.parameters, is_replaying=True)
    for event in events:
        aside.fold(event)
    aside.rebuilt()
    for number in range(rounds):
        events.append(observed(42 + number // 40, f"Q-{number}"))
        learning.fold(events[-1])
    steps = sum(1 for _ in learning.catching_up(aside))
    assert steps == max(0, rounds - BEHIND_MAX)
    events.append(observed(45, "Q-late"))
    learning.fold(events[-1])
    learning.end_aside(aside)
    events.append(e.EstimatesRebuilt(AFTER_NS, 2, learning.waiting, "test"))
    learning.fold(events[-1])
    assert learning.estimates.digest() == replayed(*events).estimates.digest()


def test_a_rebuild_that_came_to_nothing_leaves_everything_as_it_was() -> None:
    learning = Learning(EstimateParameters())
    learning.fold(LATER)
    before = learning.estimates.digest()
    learning.begin_aside()
    learning.end_aside(None)
    assert (learning.waiting, learning.estimates.digest()) == (2, before)


def test_a_rebuild_that_was_made_for_another_learning_changes_nothing() -> None:
    """A reload may have put a new one in place while the event was on its way."""
    learning = replayed(LATER, EARLIER)
    before = learning.estimates.digest()
    learning.fold(e.EstimatesRebuilt(AFTER_NS, 2, 4, "for another"))
    assert (learning.waiting, learning.estimates.digest()) == (4, before)


def test_a_start_before_the_rebuild_has_it_wait_again() -> None:
    again = replayed(LATER, EARLIER)
    assert (again.waiting, again.observations) == (4, 2)


def test_other_parameters_are_another_learning() -> None:
    one, other = (Learning(EstimateParameters(half_life_days=days), is_replaying=True) for days in (30, 60))
    for learning in (one, other):
        for event in (LATER, EARLIER, e.EstimatesRebuilt(AFTER_NS, 2, 4, "")):
            learning.fold(event)
        learning.settle()
    assert one.estimates.digest() != other.estimates.digest()


# --- what asking costs ---------------------------------------------------------------------------

SOLVED = e.LeakSolved(AFTER_NS, solved(victim_rounds(1)), 150, 2, 2, 1.0, "engine", "test")


def test_leaks_hold_until_they_are_solved_again_whatever_else_is_learnt_anew() -> None:
    learning = Learning(EstimateParameters())
    events = [LATER, EARLIER, SOLVED]
    for event in events:
        learning.fold(event)
    events.append(rebuilt(learning))
    learning.fold(events[-1])
    for each in (learning, replayed(*events)):
        assert each.leaks is not None
        assert each.leaks.table == SOLVED.table
        assert each.estimates.leak_of(LEAKER)[0] == each.leaks.of(LEAKER)[0]
        assert not each.is_leak_due


def test_leaks_are_due_once_the_past_was_learnt_anew() -> None:
    learning = Learning(EstimateParameters())
    events = [LATER, replace(SOLVED, observations=1), EARLIER]
    for event in events:
        learning.fold(event)
    assert not learning.is_leak_due
    events.append(rebuilt(learning))
    learning.fold(events[-1])
    assert learning.is_leak_due
    assert replayed(*events).is_leak_due
    learning.fold(SOLVED)
    assert not learning.is_leak_due


def test_without_a_batch_a_leak_is_its_prior() -> None:
    parameters = EstimateParameters(leak_in=LeakPrior(0.1, 0.1, 0.5), leak_post=LeakPrior(0.3, 0.1, 0.5))
    expected = (parameters.leak_in.measure, parameters.leak_post.measure, Identified.none)
    assert (expected[0].value, expected[1].value) == (0.1, 0.3)
    assert Learning(parameters).estimates.leak_of("ash") == expected


def test_what_an_order_was_filled_at_after_a_round_without_a_trade_is_what_failing_costs() -> None:
    """Put off at a mark of 100, bought later at 100.5: 50 bps, three months ago, beside ten of the prior's 20."""
    shared: dict[str, Any] = {
        "security": "XS0000000009", "asset_class": "corporate", "side": "buy", "quantity": "1000000", "dealer": "ash",
        "parent_id": "P-1", "mark_sent": "100", "mark_decision": "100",
    }  # fmt: skip
    first = {**shared, "rfq_id": "T-1", "sent_at": "2026-06-01T12:00:00Z", "answer": "pass"}
    later = {
        **shared, "rfq_id": "T-2", "sent_at": "2026-06-03T12:00:00Z", "answer": "quote", "price": "100.5",
        "outcome": "filled", "accepted_at": "2026-06-03T12:01:00Z",
    }  # fmt: skip
    rounds, refused = read_rows([Row(1, first), Row(2, later)], Known({}, AFTER_NS, 900 * 10**9), "elsewhere")
    assert not refused
    learning = replayed(added(*rounds), e.EstimatesRebuilt(AFTER_NS, 1, 2, ""))
    found = learning.not_trading(replace(asking(), now_ns=AFTER_NS), 20.0)
    width = learning.estimates.widths.of(asking().bond, asking().quantity, None)
    aged = 0.5 ** ((utc_day(AFTER_NS) - utc_day(rounds[1].seen.sent_ns)) / 90)
    assert found.bps / width == pytest.approx((10 * 20 + 50 * aged) / (10 + aged))
    assert (found.n_eff, found.width_error) == (pytest.approx(1.0), learning.estimates.widths.error_of("bond"))


def test_of_an_order_that_never_traded_the_marks_that_followed_its_round_are_learnt() -> None:
    """And no rebuild of what was told takes them back."""
    put_off = seen("RFQ-1", [asked("ash", 0.0, -14.0)], mark_decision=MARK)
    later = e.RoundMarked(put_off.sent_ns + DAY_NS, "RFQ-1", Horizon.next_day, 0, AFTER, None, "")
    events = [e.RoundObserved(put_off.closed_ns, put_off), later, LATER, EARLIER]
    learning = Learning(EstimateParameters())
    for event in events:
        learning.fold(event)
    assert learning.observations == 3
    learning.begin_aside()
    aside = Learning(learning.parameters, is_replaying=True)
    for event in events:
        aside.fold(event)
    aside.rebuilt()
    learning.end_aside(aside)
    events.append(e.EstimatesRebuilt(AFTER_NS, aside.observations, learning.waiting, "test"))
    learning.fold(events[-1])
    request = asking(30.0)
    found = learning.not_trading(request, 20.0)
    assert found == replayed(*events).not_trading(request, 20.0)
    width = learning.estimates.widths.of("bond", SIZE, None)
    aged = 0.5 ** ((30 - PATIENCE_DAYS) / 90)
    assert found.bps / width == pytest.approx((10 * 20 + aged * (100 + 14)) / (10 + aged * width))


# --- the daily fit -------------------------------------------------------------------------------


def observed(day: int, name: str) -> e.RoundObserved:
    seen = replace(told(day, name, "99.9").seen, source="")
    return e.RoundObserved(seen.sent_ns, seen)


def fitted(learning: Learning, at: e.Event) -> e.EstimatesFitted:
    """As the shell does it, some time after the day's first observation."""
    day = learning.estimates.fits
    assert day is not None
    learning.estimates.go_on()
    return e.EstimatesFitted(at.at_ns + 1, day)


def test_the_first_observation_of_a_day_begins_a_fit_and_an_event_puts_it_in_force() -> None:
    learning, events = Learning(EstimateParameters()), list[e.Event]()
    for day in range(4):
        for at in range(3):
            events.append(observed(day, f"Q-{day}-{at}"))
            learning.fold(events[-1])
            if at == 1 and day != 2:  # The fit of one day is left to the next.
                while learning.estimates.fits is not None:
                    events.append(fitted(learning, events[-1]))
                    learning.fold(events[-1])
    again = replayed(*events)
    assert again.estimates.digest() == learning.estimates.digest()
    assert (again.observations, again.estimates.fits) == (12, None)


def test_a_fit_under_way_is_under_way_after_a_restart() -> None:
    learning, events = Learning(EstimateParameters()), [observed(0, "Q-1"), observed(1, "Q-2"), observed(1, "Q-3")]
    for event in events:
        learning.fold(event)
    again = replayed(*events)
    assert again.estimates.fits == learning.estimates.fits is not None
    for each in (again, learning):
        while each.estimates.fits is not None:
            each.fold(fitted(each, events[-1]))
    assert again.estimates.digest() == learning.estimates.digest()


def test_a_fit_of_another_day_changes_nothing() -> None:
    learning = Learning(EstimateParameters())
    learning.fold(observed(0, "Q-1"))
    before = learning.estimates.digest()
    learning.fold(e.EstimatesFitted(AFTER_NS, 1))
    assert (learning.estimates.digest(), learning.estimates.fits is None) == (before, False)


@pytest.mark.parametrize("in_force", range(1, 9))
def test_a_fit_is_in_force_before_or_behind_a_rebuild_as_the_record_has_it(in_force: int) -> None:
    """A rebuild of the first observations; the fit begun on the old estimates is in force here or there, or never."""
    learning, events = Learning(EstimateParameters()), list[e.Event]()

    def fold(event: e.Event) -> None:
        events.append(event)
        learning.fold(event)
        if len(events) == in_force and learning.estimates.fits is not None:
            fold(fitted(learning, event))

    fold(replace(LATER, at_ns=observed(79, "Q-0").at_ns))
    fold(observed(79, "Q-0"))
    fold(observed(80, "Q-1"))
    observations = [event for event in events if not isinstance(event, e.EstimatesFitted)]
    learning.begin_aside()
    aside = Learning(learning.parameters, is_replaying=True)
    for event in observations:
        aside.fold(event)
    aside.rebuilt()
    fold(observed(80, "Q-2"))
    fold(observed(81, "Q-3"))
    learning.end_aside(aside)
    fold(e.EstimatesRebuilt(AFTER_NS, aside.observations, 2, "test"))
    fold(observed(81, "Q-4"))
    assert replayed(*events).estimates.digest() == learning.estimates.digest()
    assert replayed(*events).estimates.fits == learning.estimates.fits
