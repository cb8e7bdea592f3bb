"""After the round and the trade: what the market did, looked at when its time has come.

Two things follow: marks at every horizon of a round, traded or not, and of a fill; and for the `classic` scorer the
reversion of a fill. Both take a mark the same way: it has to be one from after what it is to tell about, and where
there is none, one is waited for a while; then it is no observation, never zero.

House sign (BRIEF formula `1 + bps/10`): the reversion is minus the adverse drift from the mark at execution, so
negative means that the price went on against us.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from engine.clock import NS_PER_S
from engine.desk.draft import Draft
from engine.desk.round import seen
from engine.desk.state import DeskState
from engine.desk.state_rows import MarksDue
from engine.domain import events as e
from engine.domain.keys import Timer, TimerKind
from engine.domain.observation import Horizon
from engine.domain.order import MarkUsed
from engine.market.tca import classic_reversion_bps

GRACE_NS: Final = 300 * NS_PER_S
"""How long after its time a measurement waits for a mark, so that a restart at that moment does not lose it."""

GRACES_NS: Final[Mapping[Horizon, int]] = {Horizon.minute: 30 * NS_PER_S, Horizon.five_minutes: 60 * NS_PER_S}
"""Of horizons that would mean something else with a longer one."""

RECHECK_NS: Final = 5 * NS_PER_S
"""How often a mark is looked for while it is waited for; with a long grace twelve times in it."""


def measure(draft: Draft, exec_id: str) -> None:
    """Record the reversion of one fill if it is due; without a mark it is no observation, never zero."""
    pending = draft.state.reversions.get(exec_id)
    if pending is None or pending.done or draft.now_ns < pending.due_ns:
        return
    draft.wake(Timer(TimerKind.reversion, exec_id))
    mark = _mark_since(draft, pending.security_id, pending.traded_ns)
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


def take_marks(draft: Draft, key: str) -> None:
    """Record every mark of a round or a fill that is due, and settle a round whose dealers' time is over."""
    if key not in draft.state.marks_due:
        return
    draft.wake(Timer(TimerKind.marks, key))
    seen.settle(draft, key)
    known = draft.state.marks_due.get(key)
    for horizon, due_ns in known.waiting if known is not None else ():
        assert known is not None
        if draft.now_ns < due_ns or not _take_mark(draft, key, known, horizon, due_ns):
            break


def _take_mark(draft: Draft, key: str, known: MarksDue, horizon: Horizon, due_ns: int) -> bool:
    """Record the mark at one horizon; False while one is waited for."""
    mark, index, reason = None, None, ""
    latest_ns = due_ns + GRACES_NS.get(horizon, GRACE_NS)
    if draft.now_ns > latest_ns:
        # What the market says now is no word about then.
        reason = "nobody looked when it was due"
    else:
        mark = _mark_since(draft, known.security_id, known.since_ns)
        if mark is not None:
            index = draft.index_of(known.segment)
        elif draft.now_ns < latest_ns:
            return False
        else:
            reason = "no mark when it was due"
    if key in draft.state.rfqs:
        draft.record(e.RoundMarked(draft.now_ns, key, horizon, due_ns, mark, index, reason))
    else:
        draft.record(e.FillMarked(draft.now_ns, key, horizon, due_ns, mark, index, reason))
    return True


def _mark_since(draft: Draft, security_id: str, since_ns: int) -> MarkUsed | None:
    """The mark now; one from before says nothing of what came after."""
    mark = draft.mark_of(security_id)
    return None if mark is not None and mark.age_ns >= draft.now_ns - since_ns else mark


def reversion_due_ns(state: DeskState, exec_id: str, now_ns: int) -> int | None:
    """When the reversion of a fill is to be looked at next."""
    pending = state.reversions.get(exec_id)
    if pending is None or pending.done:
        return None
    if now_ns < pending.due_ns:
        return pending.due_ns
    return min(now_ns + RECHECK_NS, max(now_ns, pending.due_ns + GRACE_NS))


def marks_due_ns(state: DeskState, key: str, now_ns: int) -> int | None:
    """When the marks that follow a round or a fill are to be looked at next."""
    known = state.marks_due.get(key)
    if known is None:
        return None
    looks = [known.settle_ns] if known.settle_ns else []
    if known.waiting:
        horizon, due_ns = known.waiting[0]
        grace_ns = GRACES_NS.get(horizon, GRACE_NS)
        looks.append(_look_ns(due_ns, grace_ns, max(RECHECK_NS, grace_ns // 12), now_ns))
    return min(looks)


def _look_ns(due_ns: int, grace_ns: int, recheck_ns: int, now_ns: int) -> int:
    """At its time, then every so often until its grace is over: the same times whoever asks, and when."""
    if now_ns < due_ns:
        return due_ns
    looked = (now_ns - due_ns) // recheck_ns
    return min(due_ns + (looked + 1) * recheck_ns, max(now_ns, due_ns + grace_ns))
