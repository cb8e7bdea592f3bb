"""After the trade: what the market did, measured once when its time has come.

House sign (BRIEF formula `1 + bps/10`): the reversion is minus the adverse drift from the mark at execution, so
negative means that the price went on against us.
"""

from __future__ import annotations

from typing import Final

from engine.desk.draft import Draft
from engine.domain import events as e
from engine.domain.keys import Timer, TimerKind
from engine.market.tca import classic_reversion_bps

GRACE_NS: Final = 300 * 1_000_000_000
"""How long after its time a measurement waits for a mark, so that a restart at that moment does not lose it."""


def measure(draft: Draft, exec_id: str) -> None:
    """Record the reversion of one fill if it is due; without a mark it is no observation, never zero."""
    pending = draft.state.reversions.get(exec_id)
    if pending is None or pending.done or draft.now_ns < pending.due_ns:
        return
    draft.wake(Timer(TimerKind.reversion, exec_id))
    mark = draft.mark_of(pending.security_id)
    if mark is not None and mark.age_ns >= draft.now_ns - pending.traded_ns:
        mark = None  # From before the trade: it says nothing of what came after.
    bps: float | None = None
    if pending.mark is None:
        reason = "no mark at execution"
    elif mark is None:
        if draft.now_ns < pending.due_ns + GRACE_NS:
            return
        reason = "no mark when it was due"
    else:
        bps = classic_reversion_bps(pending.side.sign, pending.mark, mark.price) + 0.0  # no negative zero
        reason = f"{pending.mark} then {mark.price}"
    draft.record(
        e.ReversionMeasured(
            draft.now_ns,
            exec_id=exec_id,
            order_id=pending.order_id,
            dealer=pending.dealer,
            segment=pending.segment,
            traded_ns=pending.traded_ns,
            reversion_bps=bps,
            mark=mark,
            reason=reason,
        )
    )
