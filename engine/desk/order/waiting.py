"""An order that waits for dealers: their sessions are due, and the rule would ask them.

After a restart the first dealer to log on would be the whole panel, and the others be there a moment later. The wait
is over once nobody is left to wait for, or with `rfq.session_due_s`, whoever is still down; people who send the order
themselves wait for nobody.
"""

from __future__ import annotations

from engine.desk.draft import Draft
from engine.desk.gate import risk
from engine.desk.recommend import recommend
from engine.desk.returning import sessions_due
from engine.domain import events as e
from engine.domain.keys import Timer, TimerKind
from engine.domain.order import Order


def await_sessions(draft: Draft, order: Order) -> bool:
    """Does the order wait? Until when is recorded once: what is lost meanwhile makes it no longer."""
    dealers, until_ns = _awaited(draft, order)
    if not dealers:
        return False
    if order.again_ns <= draft.now_ns:
        draft.record(e.SessionsAwaited(draft.now_ns, order.order_id, dealers, until_ns))
        draft.wake(Timer(TimerKind.order, order.order_id))
    return True


def _awaited(draft: Draft, order: Order) -> tuple[tuple[str, ...], int]:
    """The dealers that the rule would ask by itself once they are logged on, and until when that may be soon."""
    due = sessions_due(draft)
    if not due or order.manual_reason or draft.state.rules_stopped() or risk.order_blocked(draft, order) is not None:
        return (), 0
    advice = recommend(draft, order, as_if_up=frozenset(due))
    if advice.plan is None or not advice.sends_itself:
        return (), 0
    sessions = {name: draft.desk.dealers[name].session for name in advice.plan.dealers}
    dealers = tuple(name for name, session in sessions.items() if session in due)
    until_ns = max((due[sessions[name]] for name in dealers), default=0)
    expire_ns = order.terms.expire_ns
    if expire_ns is not None and expire_ns <= until_ns:
        return (), 0  # Its time would be over.
    return dealers, until_ns
