"""Sessions that are down and may be back: after a start nobody is logged on, and who was cut off connects again.

What is decided meanwhile is decided without dealers that are there a moment later. For how long one that may return is
worth a wait is a matter of what is waited for: a quote is, while it lives.
"""

from __future__ import annotations

from engine.desk.draft import Draft


def may_return(draft: Draft, session: str) -> bool:
    """It is not logged on, and nothing but its connection keeps it from that: its hours and its switch allow it."""
    switch = draft.state.switches.get(session)
    may_log_on = switch is None or switch.enabled
    return may_log_on and not draft.session_up(session) and not draft.desk.closed(session, draft.now_ns)
