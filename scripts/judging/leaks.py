"""Leaks as the engine estimates them: rounds and marks as events, rows of them, and a batch once a week."""

from __future__ import annotations

from typing import Final

from engine.dealers.leak import LeakParameters
from engine.dealers.leak_regression import solve
from engine.desk.leak_rows import LeakRounds
from engine.domain import events as e
from engine.domain.leak import LeakTable
from engine.domain.observation import MarkAfter, RoundSeen
from judging.sight import horizon_ns

_EVERY_DAYS: Final = 5
"""Once a week: a batch is as dear as some hundred rounds."""


class LeakBook:
    """What one desk has seen of leaks, and the tables of its batches."""

    def __init__(self, parameters: LeakParameters | None = None, every_days: int = _EVERY_DAYS) -> None:
        self._parameters = LeakParameters() if parameters is None else parameters
        self._every_days = every_days
        self._days = 0
        self._rounds = LeakRounds()

    def saw(self, seen: RoundSeen) -> None:
        self._rounds.fold(e.RoundObserved(seen.closed_ns, seen))

    def marked(self, seen: RoundSeen, after: MarkAfter) -> None:
        due_ns = horizon_ns(after.horizon, seen.decided_ns or seen.closed_ns)
        reason = "" if after.mark is not None else "stale"
        self._rounds.fold(e.RoundMarked(due_ns, seen.rfq_id, after.horizon, due_ns, after.mark, after.index, reason))

    def solved(self, now_ns: int) -> LeakTable | None:
        """The table of today's batch; None on a day without one, or before there is anything to solve."""
        self._days += 1
        if self._days % self._every_days or not self._rounds.rounds:
            return None
        return self.table(now_ns)

    def table(self, now_ns: int) -> LeakTable:
        """Solved now."""
        leak_in, leak_post = self._rounds.rows(self._parameters)
        return solve(leak_in, leak_post, self._parameters, now_ns)
