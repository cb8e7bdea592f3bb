"""Whatever the engine derives is the same in the engine that runs and in one that starts from its journal.

Each script brings the engine to where something waits, is in doubt, is over, is empty or was set by hand; `sim_restart`
compares everything there, and after a real restart once more.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sim_engine import Life
from sim_parties import Dealer
from sim_restart import EXEMPT, OF_A_CONNECTION, SHAPES, Engine, Watched, fields_of
from sim_wire import Msg
from world import OBEDIENT, QUIET, World, scenario_of

from engine.domain.order import OrderState
from engine.domain.placement import PlacementState
from engine.domain.rfq import RfqState
from engine.fix.session.schedule import Schedule
from engine.fix.session.sequence import SessionState
from engine.turn import Ledger, Position

SMALL: dict[str, Any] = {"t38": 100_000, "t40": "1", "t44": None, "t59": "0", "t1": "ACC1", "t54": "1"}
"""An order that goes to all dealers and is executed by the rule."""
BY_HAND: dict[str, Any] = {**SMALL, "t38": 3_000_000}
"""An order that waits for a person."""


def watched(**changes: Any) -> Watched:
    return Watched(replace(QUIET, **changes)).ready()  # type: ignore[return-value]


def command(w: World, name: str, **params: Any) -> None:
    """A person's command, which has to succeed."""
    answer = w.engine.command(name, params)
    w.until(lambda: answer.result is not None or answer.error is not None)
    assert answer.error is None, answer.error


def restart_alone(w: Watched) -> None:
    """A real one: kill -9, and nobody is back yet."""
    w.kill(0.1)
    w.run(0.2)
    w.same_after_restart()


def restart(w: Watched) -> None:
    """The same, and everybody is back."""
    restart_alone(w)
    w.ready()
    w.same_after_restart()


def silence(w: World, *dealers: str) -> None:
    for dealer in dealers:
        w.dealers[dealer].temper = replace(OBEDIENT, silent=1.0)


def stalling(w: World) -> Dealer:
    """One dealer quotes and then keeps the order for itself until it is asked; the others say nothing."""
    silence(w, "birch", "cedar", "dogwood")
    w.dealers["alder"].temper = replace(OBEDIENT, stall=1.0, acknowledge=0.0)
    return w.dealers["alder"]


def cut(w: World, key: str, down_s: float = 0.0) -> None:
    """The connection goes; the peer stays away for a while."""
    w.peers[key].die(int(down_s * 1e9))
    w.until(lambda: not w.engine.machine.session_up(key))


# --- what is compared ----------------------------------------------------------------------------------------


def test_every_field_is_compared_or_exempt_for_a_reason() -> None:
    """A reason for a field that is gone is one that nobody needs any more."""
    with Watched() as w:
        w.run(0.1)
        engine = w._running(w.engine)
        known = {f"{name}.{each}" for name, part in engine.parts().items() for each in fields_of(part)}
    assert set(EXEMPT) | set(SHAPES) <= known
    assert not set(EXEMPT) & set(SHAPES)
    assert all(EXEMPT.values())
    assert set(OF_A_CONNECTION) < set(SessionState._fields)


def spoil_link(engine: Engine, **fields: Any) -> None:
    links = engine.machine.links
    links["oms"] = links["oms"]._replace(**fields)


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda engine: spoil_link(engine, confirmed=Position(1, 2)), id="a number of the machine"),
        pytest.param(lambda engine: spoil_link(engine, ledger=Ledger([(2, 7)])), id="a number of a request"),
        pytest.param(lambda engine: engine.trading.state.counters.put("orders", 9), id="a row of the state"),
        pytest.param(lambda engine: engine.metrics._kills.put(1, ("all",)), id="a level of the metrics"),
        pytest.param(lambda engine: engine.alarms._deadlines._at.clear(), id="an alarm"),
        pytest.param(lambda engine: setattr(engine.recorder, "event_seq", 1), id="a number of the record"),
    ],
)
def test_a_difference_is_noticed(spoil: Callable[[Engine], Any]) -> None:
    """The comparison itself: one value that the other start does not come to fails the run."""
    with watched() as w:
        w.oms.new_order(**SMALL)
        w.run(0.1)
        w.same_after_restart()
        running = w._running

        def spoilt(life: Life) -> Engine:
            engine = running(life)
            spoil(engine)
            return engine

        w._running = spoilt  # type: ignore[method-assign]
        with pytest.raises(AssertionError, match="after a restart it is another one"):
            w.same_after_restart()


# --- empty, waiting, finished --------------------------------------------------------------------------------


def test_an_engine_that_nobody_has_spoken_to() -> None:
    with Watched() as w:
        for peer in w.peers.values():
            peer.die(int(60e9))
        w.run(0.1)
        w.same_after_restart()
        restart_alone(w)


def test_an_order_at_every_step_of_its_way_until_it_was_measured() -> None:
    with watched() as w:
        w.same_after_restart()
        w.oms.new_order(**SMALL)
        for _ in range(12):
            w.run(0.25)
            w.same_after_restart()
        assert next(w.state.orders.values()).state is OrderState.filled
        assert not next(w.state.reversions.values()).done
        restart(w)
        w.run(100)
        assert next(w.state.reversions.values()).done
        w.same_after_restart()
        restart(w)


def test_an_order_that_waits_for_a_person_and_one_that_ends_with_its_day() -> None:
    with watched() as w:
        w.oms.new_order(**BY_HAND)
        w.oms.new_order(**{**BY_HAND, "t59": "6", "t126": "20261123-14:30:30"})
        w.run(1)
        w.same_after_restart()
        restart(w)
        w.run(30)
        assert [order.state for order in w.state.orders.values()] == [OrderState.with_trader, OrderState.expired]
        w.same_after_restart()


def test_a_round_that_asks_one_dealer_after_the_other_with_silence_on_the_way() -> None:
    with watched() as w:
        silence(w, "alder", "birch", "cedar", "dogwood")
        w.oms.new_order(**{**SMALL, "t38": 1_000_000})
        for _ in range(8):
            w.run(2.1)
            w.same_after_restart()
        assert not w.state.open_rfqs()
        restart(w)


def test_a_staggered_round_and_a_trader_who_is_to_decide() -> None:
    with watched() as w:
        w.oms.new_order(**{**SMALL, "t38": 2_000_000})
        for _ in range(6):
            w.run(1.1)
            w.same_after_restart()
        assert next(w.state.rfqs.values()).state is RfqState.deciding
        restart(w)
        w.run(20)
        assert not w.state.open_rfqs()
        w.same_after_restart()


# --- in doubt ------------------------------------------------------------------------------------------------


def test_an_acceptance_that_nobody_answers_until_a_person_is_needed() -> None:
    with watched() as w:
        alder = stalling(w)
        alder._on_status = lambda msg: None  # type: ignore[method-assign]
        w.oms.new_order(**SMALL)
        w.until(lambda: bool(alder.orders))
        for _ in range(5):
            w.same_after_restart()
            w.run(4.9)
        [placement] = w.state.placements.values()
        assert placement.person_needed
        restart(w)
        command(w, "order.force_state", order=placement.order_id, reason="nobody answers")
        assert w.state.placements[placement.placement_id].state is PlacementState.forced
        w.same_after_restart()
        restart(w)


def test_an_acceptance_at_a_dealer_whose_session_is_down() -> None:
    with watched() as w:
        alder = stalling(w)
        w.oms.new_order(**SMALL)
        w.until(lambda: bool(alder.orders))
        cut(w, "alder", 20)
        w.same_after_restart()
        w.run(10)
        restart_alone(w)
        w.ready()
        w.run(10)
        w.same_after_restart()


def test_an_acceptance_that_is_called_back_while_it_is_unanswered() -> None:
    with watched() as w:
        alder = stalling(w)
        alder._on_cancel = lambda msg: None  # type: ignore[method-assign]
        order = w.oms.new_order(**SMALL)
        w.until(lambda: bool(alder.orders))
        w.oms.cancel(order)
        w.run(0.1)
        w.same_after_restart()
        restart(w)


def test_a_part_that_was_filled_and_a_fill_in_quarantine() -> None:
    with watched() as w:
        alder = stalling(w)
        w.oms.new_order(**SMALL)
        w.until(lambda: bool(alder.orders))
        [order] = alder.orders.values()
        alder.fill(order, order.quantity / 4)
        w.run(0.1)
        w.same_after_restart()
        body = tuple((tag, order.price - 1 if tag == 31 else value) for tag, value in order.reports[-1])
        alder.lies.add(order.executions[0])
        alder._repeat(body)
        w.run(0.1)
        assert list(w.state.quarantine.values())
        w.same_after_restart()
        restart(w)


@pytest.mark.parametrize("down_s", [0, 20])
def test_a_rejected_fill_is_told_to_its_dealer_once(down_s: int) -> None:
    """Over the wire, and where its session was down over a restart."""
    with watched() as w:
        alder = stalling(w)
        w.oms.new_order(**SMALL)
        w.until(lambda: bool(alder.orders))
        [order] = alder.orders.values()
        alder.fill(order, order.quantity / 4)
        w.run(0.1)
        lie = {31: order.price - 1, 17: "never"}
        body = tuple((tag, lie.get(tag, value)) for tag, value in order.reports[-1])
        alder.lies.add("never")
        alder._repeat(body)
        w.run(0.1)
        told: list[Msg] = []
        heard = alder.on_message
        alder.on_message = lambda msg: told.append(msg) if msg.kind == "Q" else heard(msg)  # type: ignore[method-assign]
        if down_s:
            cut(w, "alder", down_s)
        command(w, "quarantine.reject", fill="1", reason="not ours", untold=False, dk="other")
        w.run(0.1)
        w.same_after_restart()
        assert len(told) == (not down_s)
        restart_alone(w)
        w.ready()
        w.run(10)
        [no] = told
        assert (no.get(17), no.get(127), no.get(58)) == ("never", "Z", "not ours")
        w.same_after_restart()
        restart(w)
        assert len(told) == 1


# --- numbers, proof and what waits -----------------------------------------------------------------------------


@pytest.mark.parametrize("reader", ["oms", "dropcopy"])
def test_reports_that_wait_for_a_reader_until_they_have_left(reader: str) -> None:
    with watched() as w:
        w.oms.new_order(**BY_HAND)
        w.run(0.1)
        cut(w, reader, 30)
        command(w, "order.cancel", order="O-000001")
        w.run(0.1)
        assert w.engine.machine.links[reader].waiting
        w.same_after_restart()
        restart_alone(w)
        w.ready()
        assert not any(link.waiting for link in w.engine.machine.links.values())
        w.same_after_restart()
        restart(w)


def test_what_is_proven_and_what_the_peer_denies_afterwards() -> None:
    with watched() as w:
        w.oms.new_order(**SMALL)
        w.run(30)
        machine = w.engine.machine
        proven = machine.links["oms"].confirmed[1]
        assert proven >= machine.links["oms"].last_report > 2
        w.same_after_restart()
        for begin in (proven + 1, proven, proven - 1, 2, 1):
            w.oms.peer._admin("2", [(7, begin), (16, 0)])
            w.run(1)
            assert machine.links["oms"].confirmed == (1, begin - 1)
            w.same_after_restart()
        restart(w)
        w.run(60)
        w.same_after_restart()


def test_what_is_proven_in_one_epoch_and_in_the_next() -> None:
    with watched() as w:
        w.oms.new_order(**SMALL)
        w.run(30)
        machine = w.engine.machine
        assert machine.links["oms"].confirmed >= (1, 4)
        w.oms.peer.reset()
        w.run(1)
        w.same_after_restart()
        w.oms.new_order(**BY_HAND)
        w.run(30)
        assert machine.links["oms"].confirmed >= (2, machine.links["oms"].last_report)
        w.same_after_restart()
        restart(w)


def test_a_dealer_that_denies_its_requests() -> None:
    with watched() as w:
        silence(w, "alder", "birch", "cedar", "dogwood")
        w.oms.new_order(**SMALL)
        w.until(lambda: bool(w.dealers["alder"].requests))
        w.same_after_restart()
        w.dealers["alder"].peer._admin("2", [(7, 2), (16, 0)])
        w.run(1)
        w.same_after_restart()
        restart(w)


@pytest.mark.parametrize("key", ["oms", "dropcopy", "alder", "marks"])
def test_a_reset_by_the_peer(key: str) -> None:
    """What was not proven is bound again under new numbers; what carried requests is forgotten with the old ones."""
    with watched() as w:
        w.oms.new_order(**SMALL)
        w.run(5)
        w.peers[key].reset()
        w.run(5)
        assert w.engine.machine.state(key).epoch == 2
        w.same_after_restart()
        restart(w)
        w.run(30)
        w.same_after_restart()


@pytest.mark.parametrize("key", ["oms", "dropcopy", "alder"])
@pytest.mark.parametrize(
    "by_hand",
    [
        pytest.param([("session.reset", {})], id="reset"),
        pytest.param([("session.reset", {}), ("session.reset", {})], id="reset twice"),
        pytest.param([("session.set_seq", {"next_in": 50})], id="next in raised"),
        pytest.param([("session.set_seq", {"next_in": 2})], id="next in lowered"),
        pytest.param([("session.set_seq", {"next_out": 90})], id="next out raised"),
        pytest.param([("session.set_seq", {"next_out": 3})], id="next out lowered"),
        pytest.param([("session.set_seq", {"next_in": 7, "next_out": 9}), ("session.reset", {})], id="set, then reset"),
    ],
)
@pytest.mark.parametrize("proven", [True, False], ids=["proven", "unproven"])
def test_numbers_that_were_set_by_hand(key: str, by_hand: list[tuple[str, dict[str, Any]]], proven: bool) -> None:
    """Logged out in good order the peer is known to have everything; cut off, what it was told is to be said again."""
    with watched() as w:
        w.oms.new_order(**SMALL)
        w.run(5)
        if not proven:
            cut(w, key, 60)
        command(w, "session.disable", session=key, reason="a test")
        w.until(lambda: w.engine.machine.state(key).connection is None)
        w.same_after_restart()
        for name, params in by_hand:
            command(w, name, session=key, reason="as agreed", **params)
            w.same_after_restart()
        if key != "oms":
            w.oms.new_order(**BY_HAND)
            w.run(0.1)
            w.same_after_restart()
        restart_alone(w)
        command(w, "session.enable", session=key, reason="done")
        w.same_after_restart()


def test_numbers_of_a_session_that_was_never_there() -> None:
    with Watched() as w:
        for peer in w.peers.values():
            peer.die(int(600e9))
        w.run(0.1)
        command(w, "session.set_seq", session="oms", next_in=5, reason="as agreed")
        w.same_after_restart()
        command(w, "session.set_seq", session="dropcopy", next_out=5, reason="as agreed")
        command(w, "session.reset", session="alder", reason="as agreed")
        w.same_after_restart()
        restart_alone(w)


# --- switches ----------------------------------------------------------------------------------------------------


def test_switches_that_are_on_and_off_again() -> None:
    with watched() as w:
        silence(w, "alder", "birch", "cedar", "dogwood")
        w.oms.new_order(**SMALL)
        w.run(0.5)
        for scope in ("dealer:alder", "account:ACC1", "all"):
            command(w, "kill", scope=scope, on=True, reason="a test")
            w.same_after_restart()
        restart(w)
        for scope in ("all", "dealer:alder", "account:ACC1"):
            command(w, "kill", scope=scope, on=False, reason="a test")
            w.same_after_restart()
        restart(w)


def test_an_order_that_may_be_a_duplicate_and_one_that_was_entered_by_hand() -> None:
    with watched() as w:
        same = {**BY_HAND, "t48": w.isins[0]}
        w.oms.new_order(**same)
        w.run(1)
        w.oms.new_order(**same)
        w.run(1)
        assert w.state.orders["O-000002"].duplicate_of
        w.same_after_restart()
        command(w, "order.allow_duplicate", order="O-000002", reason="meant")
        command(w, "order.new", security=w.isins[1], side="sell", quantity="3mm")
        w.run(1)
        w.same_after_restart()
        restart(w)


def test_a_session_that_keeps_hours_with_a_reset() -> None:
    zone, base = ZoneInfo("UTC"), datetime.time(14, 31)
    hours = Schedule.daily(zone, base, datetime.time(14, 30, 30), reset=True)
    with Watched(replace(QUIET, schedules=(("dropcopy", hours),))) as w:
        for at_s in (10, 35, 58):
            w.run(at_s - w.timeline.now_ns / 1e9)
            w.same_after_restart()
        w.timeline.put(int(60.1e9), "dropcopy: its new period", w.peers["dropcopy"].begin_period, (), None)
        w.run(5)
        w.same_after_restart()
        restart(w)
        assert w.engine.machine.state("dropcopy").epoch == 2


# --- whatever comes ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(1, 7))
def test_at_every_moment_of_a_rough_minute(seed: int) -> None:
    """Noise, cuts, resets, crashes, kills and commands of a seed; compared every few seconds, whatever is under way."""
    with Watched(scenario_of(seed), None, seed) as w:
        w._schedule_noise()
        for _ in range(9):
            w.run(5)
            w.same_after_restart()
        w.calm()
        w.same_after_restart()
