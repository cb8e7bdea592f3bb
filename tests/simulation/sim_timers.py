"""What must hold of every timer while the simulation runs, looked at after each turn when time is about to pass.

Whatever has a deadline has a timer, and nothing that is over has one. A timer that stands rings at its deadline or
before it, and whoever has been woken is over or has a later deadline: nothing rings without end.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from engine.desk.state import DeskState
from engine.domain.keys import Timer, TimerKind
from engine.domain.order import OrderState
from engine.domain.placement import Placement
from engine.domain.rfq import RfqState
from engine.fix.session.protocol import next_deadline_ns
from engine.turn import TimerDue

if TYPE_CHECKING:
    from sim_engine import Life
    from world import World

LATE_NS = 2_000_000
"""Alarms ring a millisecond behind their time, with the loop's slack: none stands that was due earlier than this."""


class TimerChecks:
    """Held against one life of the engine after another."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._looked_at: tuple[int, int] = (-1, -1)

    def hold(self, life: Life) -> None:
        """Time is about to pass: look at every timer, if there was a turn since it was last done."""
        if life.runtime._held or not life.started or self._looked_at == (life.number, life.turns):
            return
        self._looked_at = (life.number, life.turns)
        self._missing(life)
        self._rounds(life)
        self._standing(life)

    def woke(self, life: Life, given: TimerDue) -> None:
        """Somebody was woken and has had its turn: is it due at once again?"""
        due_ns, now_ns = self._due(life, given.key, given.now.utc_ns), given.now.utc_ns
        if given.key.kind is TimerKind.session:
            due_ns, now_ns = life.runtime.alarms._session_due_ns(given.key.ident), given.now.monotonic_ns
        if due_ns is not None and due_ns <= now_ns:
            self._world.fail(f"{given.key} was woken and is due at once again")

    def _due(self, life: Life, key: Timer, now_ns: int) -> int | None:
        if key.kind in (TimerKind.session, TimerKind.schedule):
            return None
        return life.trading.deadline_of(key, life.machine.session_up, now_ns)

    # --- whatever has a deadline has a timer -------------------------------------------------------

    def _missing(self, life: Life) -> None:
        armed = life.runtime.alarms._deadlines._at
        for key in (*self._awaited(life.trading.state), *life.runtime.alarms.scheduled()):
            if key not in armed:
                self._world.fail(f"{key} has no timer")
        for session in life.machine.settings:
            is_due = life.runtime.alarms._session_due_ns(session) is not None
            if is_due and Timer(TimerKind.session, session) not in armed:
                self._world.fail(f"session {session} is {life.machine.state(session).phase} and has no timer")

    def _awaited(self, state: DeskState) -> Iterator[Timer]:
        """What waits for a time, whoever else may move it."""
        for pending in state.reversions.values():
            if not pending.done:
                yield Timer(TimerKind.reversion, pending.exec_id)
        for key in state.rounds_and_fills_to_mark():
            yield Timer(TimerKind.marks, key)
        for order in state.orders.values():
            if order.open and order.state is not OrderState.placed and order.terms.expire_ns is not None:
                yield Timer(TimerKind.order, order.order_id)

    def _rounds(self, life: Life) -> None:
        """A live round may wait for an answer that has a timer, or for a person."""
        state, alarms = life.trading.state, life.runtime.alarms
        if not state.open_rfqs():
            return
        for rfq in state.rfqs.values():
            if not rfq.open:
                continue
            key = Timer(TimerKind.rfq, rfq.rfq_id)
            if rfq.state is RfqState.placed:
                placement = state.open_placement(rfq.order_id)
                if placement is None:
                    self._world.fail(f"{rfq.rfq_id} waits for no acceptance")
                else:
                    self._placement(life, placement)
                continue
            watched = alarms._rfq_tasks.get(key)
            if watched is None or watched[0].done():
                self._world.fail(f"{rfq.rfq_id} is {rfq.state} and has no task")
            elif key not in alarms._deadlines._at and not watched[1].is_set():
                self._world.fail(f"{rfq.rfq_id} is {rfq.state} and has no timer")

    def _placement(self, life: Life, placement: Placement) -> None:
        key = Timer(TimerKind.placement, placement.placement_id)
        waits = placement.person_needed or not life.machine.session_up(placement.session)
        if key not in life.runtime.alarms._deadlines._at and not waits:
            self._world.fail(f"the acceptance {placement.placement_id} at {placement.dealer} has no timer")

    # --- whatever has a timer needs it, and in time ------------------------------------------------

    def _standing(self, life: Life) -> None:
        alarms, now = life.runtime.alarms, life.clock.now()
        for key, at_ns in alarms._deadlines._at.items():
            if at_ns < now.monotonic_ns - LATE_NS:
                self._world.fail(f"the timer of {key} was to ring {(now.monotonic_ns - at_ns) / 1e9:g} s ago")
            if self._is_over(life, key):
                self._world.fail(f"{key} is over and has a timer")
            due_ns: int | None
            if key.kind is TimerKind.session:
                due_ns = self._session_due_ns(life, key.ident)
            else:
                utc_ns = self._due(life, key, now.utc_ns)
                due_ns = None if utc_ns is None else now.monotonic_ns + max(0, utc_ns - now.utc_ns)
            if due_ns is not None and at_ns > due_ns and not self._world.timeline.clock_was_set:
                self._world.fail(f"{key} is due and its timer rings {(at_ns - due_ns) / 1e9:g} s later")

    def _session_due_ns(self, life: Life, session: str) -> int | None:
        """Bytes that make no message are heard at once, or by the next turn: whichever is later."""
        machine, alarms = life.machine, life.runtime.alarms
        by_turns = next_deadline_ns(machine.settings[session], machine.state(session), reading=alarms.reading)
        by_bytes = alarms._session_due_ns(session)
        return max((due for due in (by_turns, by_bytes) if due is not None), default=None)

    def _is_over(self, life: Life, key: Timer) -> bool:
        state, (kind, ident) = life.trading.state, key
        if kind is TimerKind.session:
            return life.runtime.alarms._session_due_ns(ident) is None
        if kind is TimerKind.rfq:
            return not state.rfqs[ident].open
        if kind is TimerKind.placement:
            return not state.placements[ident].unanswered
        if kind is TimerKind.order:
            return not state.orders[ident].open
        if kind is TimerKind.marks:
            return ident not in state.marks_due
        return kind is TimerKind.reversion and state.reversions[ident].done
