"""No timer fires without end: whoever is looked at in its time is over, or has a later time.

After days on which everything happens, every open key is woken: at its time, a little late, hours and days late, with
sessions up and down, with prices fresh, old or gone. Nothing but the clock moves, not even a price.
"""

from __future__ import annotations

import random
from collections import Counter
from decimal import Decimal
from typing import Final

import pytest
from desk_scene import BOND, MM
from desk_start import start
from test_desk_properties import ACTS, Day, a_day, command

from engine.clock import NS_PER_DAY, NS_PER_S, Instant
from engine.desk import decide
from engine.desk.draft import AskedOneByOne, Draft
from engine.desk.state import DeskState
from engine.domain.keys import Timer, TimerKind
from engine.domain.order import OrderState, TimeInForce

pytestmark = pytest.mark.starts("noon", others_in_full=True)

LATE_NS: Final = (0, 1, NS_PER_S, 3_600 * NS_PER_S, 3 * NS_PER_DAY)
TURNS_MAX: Final = 12
"""Of one key, from its first time on: an acceptance that is asked about, a staggered round."""


def some_day(seed: int) -> Day:
    rng = random.Random(seed)
    day = a_day()
    day.order(BOND, "buy", MM, account="PARALLEL", tif=TimeInForce.gtd, expire_ns=day.now.utc_ns + 40 * NS_PER_S)
    names = [*ACTS, *["order", "order", "quote", "quote", "quote", "report", "report", "trade", "trade"]]
    names.remove("kill")
    for _ in range(rng.randrange(4, 40)):
        ACTS[rng.choice(names)](day, rng.randrange(41), rng.randrange(41), rng.randrange(41))
        if rng.random() < 0.2:
            command(day, "execute", order=list(day.state.orders.keys())[-1])
    # What is open at the end whatever came before: an acceptance, the rest of a round, a fill.
    for account in ("PARALLEL", "SPACED", "SINGLE")[: 1 + seed % 3]:
        order_id = day.order(BOND, "buy", MM + seed, account=account, **start().lives)
        if day.the(order_id).rfq_id and day.rfq(order_id).ask_of("ash") and day.ask(order_id, "ash").quote_req_id:
            day.says("ash", "100", order_id)
            command(day, "execute", order=order_id)
            if day.the(order_id).placement_id and seed % 2:
                day.fills(order_id, MM // 2)
    return day


def due_at(day: Day, state: DeskState, key: Timer, down: set[str], now_ns: int) -> int | None:
    return decide.deadline_of(state, key, day.desk.clocks, lambda session: session not in down, now_ns)


def wake(day: Day, state: DeskState, key: Timer, down: set[str], now_ns: int) -> DeskState:
    """The state after one look at the key."""
    draft = Draft(
        day.desk,
        Instant(now_ns, now_ns),
        bytes(16),
        900_000,
        AskedOneByOne(lambda key: key not in down),
        DeskState(below=state),
    )
    decide.due(draft, key)
    return draft.state


@pytest.mark.parametrize("first", range(0, 48, 12))
def test_whoever_is_woken_is_over_or_has_a_later_time(first: int) -> None:
    kinds: Counter[str] = Counter()
    for seed in range(first, first + 12):
        day = some_day(seed)
        if seed % 3 == 2:
            day.no_price()
        everybody = {placement.session for placement in day.state.placements.values()}
        for key in decide.open_keys(day.state):
            for down in (day.down, set(), everybody):
                state, late_ns = day.state, LATE_NS[seed % len(LATE_NS)]
                now_ns = day.now.utc_ns
                for turn in range(TURNS_MAX):
                    due_ns = due_at(day, state, key, down, now_ns)
                    if due_ns is None:
                        break
                    kinds[key.kind.value] += 1
                    now_ns = max(now_ns, due_ns) + (late_ns if turn == 0 else 0)
                    state = wake(day, state, key, down, now_ns)
                    again_ns = due_at(day, state, key, down, now_ns)
                    assert again_ns is None or again_ns > now_ns, f"{key} is due at once again"
                else:
                    assert key.kind in (TimerKind.reversion, TimerKind.marks), f"{key} was woken {TURNS_MAX} times"
    assert set(kinds) == {"rfq", "placement", "order", "reversion", "marks"}


@pytest.mark.parametrize("is_up", [True, False])
def test_a_reversion_waits_for_a_mark_so_many_times_and_no_more(is_up: bool) -> None:
    """Every 5 s for the 300 s of its grace, whatever sessions do."""
    day = a_day()
    order_id = day.order(BOND, "buy", MM, account="PARALLEL")
    for name in ("ash", "beech", "cedar"):
        day.says(name, "100", order_id)
    command(day, "execute", order=order_id)
    day.fills(order_id)
    (key,) = [each for each in decide.open_keys(day.state) if each.kind is TimerKind.reversion]
    day.no_price()
    down = set() if is_up else {"ash"}
    state, now_ns, turns = day.state, day.now.utc_ns, 0
    while (due_ns := due_at(day, state, key, down, now_ns)) is not None:
        now_ns, turns = due_ns, turns + 1
        state = wake(day, state, key, down, now_ns)
        assert turns < 100
    assert turns == 61


def test_marks_after_a_round_are_waited_for_so_many_times_and_no_more() -> None:
    """Seven times for the horizon of a minute, thirteen for each of the others; then the row is gone."""
    day = a_day()
    order_id = day.order(BOND, "buy", MM, account="PARALLEL")
    day.advance(60)
    day.no_price()
    key = Timer(TimerKind.marks, day.rfq(order_id).rfq_id)
    assert key in [*decide.open_keys(day.state)]
    state, now_ns, turns = day.state, day.now.utc_ns, 0
    while (due_ns := due_at(day, state, key, set(), now_ns)) is not None:
        now_ns, turns = due_ns, turns + 1
        state = wake(day, state, key, set(), now_ns)
        assert turns < 100
    assert turns == 7 + 5 * 13
    assert state.marks_due.get(key.ident) is None


def waits_for_a_price(day: Day, key: Timer) -> bool:
    """Its time has come and it had none: whenever it is looked at, it takes the one that is there by then."""
    kept, pending = day.state.marks_due.get(key.ident), day.state.reversions.get(key.ident)
    if key.kind is TimerKind.marks and kept is not None and kept.waiting:
        return kept.waiting[0][1] <= day.now.utc_ns
    return key.kind is TimerKind.reversion and pending is not None and pending.due_ns <= day.now.utc_ns


@pytest.mark.parametrize("first", range(0, 24, 12))
def test_a_timer_that_fires_early_changes_nothing(first: int) -> None:
    """uvloop's timers may: whoever is woken compares with its own deadline."""
    for seed in range(first, first + 12):
        day = some_day(seed)
        for key in decide.open_keys(day.state):
            due_ns = due_at(day, day.state, key, day.down, day.now.utc_ns)
            if due_ns is None or due_ns <= day.now.utc_ns or waits_for_a_price(day, key):
                continue
            for now_ns in {day.now.utc_ns, due_ns - 1}:
                after = wake(day, day.state, key, day.down, now_ns)
                kind, ident = key
                # A round is looked at as a whole: a quote whose life is over by then may move it, nothing else may.
                if kind is not TimerKind.rfq:
                    assert not any(table.written() for _, table in after.tables()), (key, now_ns)
                assert ident in dict(after.rfqs.items()) or kind is not TimerKind.rfq


def test_an_order_that_ends_with_its_round_keeps_no_timer() -> None:
    """The wall clock was set past its end, and a quote came before its own timer: a `Day` looks at every alarm."""
    day = a_day()
    order_id = day.order(BOND, "buy", MM, account="PARALLEL", tif=TimeInForce.gtd, expire_ns=day.now.utc_ns + NS_PER_S)
    day.step_clock(2)
    day.says("ash", "100", order_id)
    assert day.the(order_id).state is OrderState.expired


def test_an_acceptance_that_a_person_must_see_to_keeps_no_timer() -> None:
    """The dealer counts more than is booked: from here on it is for a person, live as after a restart."""
    day = a_day()
    order_id = day.order(BOND, "buy", MM, account="PARALLEL")
    day.says("ash", "100", order_id)
    command(day, "execute", order=order_id)
    day.answers_status(order_id, "2", cum_quantity=Decimal(MM))
    assert day.placement(order_id).person_needed
    key = Timer(TimerKind.placement, day.placement(order_id).placement_id)
    assert due_at(day, day.state, key, set(), day.now.utc_ns) is None
