"""What an RFQ does next: ask somebody, wait until a time, or stop collecting.

Pure questions about one `Rfq` and a time. `engine.desk.round.asking` acts on the answers.
"""

from __future__ import annotations

from collections.abc import Callable

from engine.desk.round.quotes import live_quotes
from engine.domain.rfq import Ask, AskState, Quote, Rfq, RfqState
from engine.rules.plan import Mode

Stops = Callable[[Quote], bool]
"""Does this executable quote end a one-at-a-time search?"""


def due_dealers(rfq: Rfq, now_ns: int, stops: Stops, guard_ns: int) -> tuple[str, ...]:
    """Whom to ask now; only while the round is collecting."""
    if rfq.state is not RfqState.asking:
        return ()
    left = rfq.unasked
    if not left or rfq.plan.mode is Mode.PARALLEL:
        return left
    due = _stagger_due_ns(rfq)
    if due is not None and now_ns < due:
        return ()
    if rfq.plan.mode is Mode.ONE_AT_A_TIME and (
        any(not ask.answered for ask in rfq.asks) or stopped(rfq, now_ns, stops, guard_ns)
    ):
        return ()
    return left[:1]


def stopped(rfq: Rfq, now_ns: int, stops: Stops, guard_ns: int) -> bool:
    """Has a one-at-a-time search found what it looked for?"""
    if rfq.plan.mode is not Mode.ONE_AT_A_TIME:
        return False
    return any(stops(quote) for _, quote in live_quotes(rfq, now_ns, guard_ns))


def collected(rfq: Rfq, now_ns: int, stops: Stops, guard_ns: int) -> bool:
    """Nobody is left to ask or to wait for, or the search has found what it looked for."""
    if stopped(rfq, now_ns, stops, guard_ns):
        return True
    return not rfq.unasked and all(ask.answered for ask in rfq.asks)


def overdue(rfq: Rfq, now_ns: int) -> tuple[Ask, ...]:
    """Asked dealers whose wait is over without a word."""
    return tuple(ask for ask in rfq.asks if not ask.answered and now_ns >= ask.wait_until_ns)


def next_deadline_ns(rfq: Rfq) -> int | None:
    """UTC time at which the round must be looked at again; None while only an answer can move it."""
    if rfq.state is RfqState.deciding:
        return rfq.decide_until_ns
    if rfq.state is not RfqState.asking:
        return None
    times = [ask.wait_until_ns for ask in rfq.asks if not ask.answered]
    due = _stagger_due_ns(rfq)
    if due is not None and rfq.unasked and not (rfq.plan.mode is Mode.ONE_AT_A_TIME and times):
        times.append(due)
    return min(times, default=None)


def _stagger_due_ns(rfq: Rfq) -> int | None:
    """When the next request may leave: so long after the last one that was made."""
    if not rfq.plan.stagger_ns:
        return None
    made = [ask.asked_ns for ask in rfq.asks if ask.state is not AskState.blocked]
    return max(made) + rfq.plan.stagger_ns if made else None
