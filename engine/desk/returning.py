"""Sessions that are down and may be back: after a start nobody is logged on, and who was cut off connects again.

What is decided meanwhile is decided without dealers that are there a moment later. A session *may return* while nothing
but its connection keeps it away; for how long that is worth a wait is a matter of what is waited for, as a quote while
it lives. It is *due* for `rfq.session_due_s` after the start, its loss, its opening hour or the word of an operator:
any moment now. A dealer that is down for longer holds nobody up.
"""

from __future__ import annotations

from engine.desk.draft import Draft


def may_return(draft: Draft, session: str) -> bool:
    """It is not logged on, and nothing but its connection keeps it from that: its hours and its switch allow it."""
    switch = draft.state.switches.get(session)
    may_log_on = switch is None or switch.enabled
    return may_log_on and not draft.session_up(session) and not draft.desk.closed(session, draft.now_ns)


def due_until_ns(draft: Draft, session: str) -> int:
    """Until when a session that is down may be up at any moment; 0 for one that is not due."""
    if draft.session_up(session) or not may_return(draft, session):
        return 0
    switch, hours = draft.state.switches.get(session), draft.desk.hours.get(session)
    since_ns = max(
        draft.state.lost_ns(session),
        switch.since_ns if switch is not None else 0,
        hours.period_start(draft.now_ns) if hours is not None else 0,
    )
    until_ns = since_ns + draft.desk.clocks.session_due_ns
    return until_ns if draft.now_ns < until_ns else 0


def sessions_due(draft: Draft) -> dict[str, int]:
    """The sessions of dealers that are due, each with the time until which it is."""
    sessions = tuple(dict.fromkeys([dealer.session for dealer in draft.desk.dealers]))
    up = draft.session_up.among(sessions)
    if len(up) == len(sessions):
        return {}  # As good as always, and every order asks.
    return {each: until_ns for each in sessions if each not in up and (until_ns := due_until_ns(draft, each))}
