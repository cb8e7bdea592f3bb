"""A session under its schedule: who is let in, when it is logged out, when its numbers begin anew.

Outside its windows a session takes no connection, and at the end of one it is logged out. With a reset once per period
the numbers begin anew at the first moment the session is seen in a period that its epoch does not belong to: at the
start of a window, at the start of the process, or at the latest when a connection comes up. A session that is logged on
then, at a seam where one window follows upon another, is logged out first. When an epoch began is on record, so neither
a restart nor a stop over the boundary makes this happen twice or not at all.
"""

from __future__ import annotations

from engine.fix.session import logout
from engine.fix.session.phases import Phase
from engine.fix.session.reasons import DisconnectReason, Ending
from engine.fix.session.step import StepDraft


def refuse(draft: StepDraft) -> bool:
    """Close a new connection outside the windows, as a stranger's: nothing is said. Was it refused?"""
    schedule = draft.settings.schedule
    closed = schedule.closed(draft.now.utc_ns) if schedule is not None else ""
    if closed:
        draft.close(DisconnectReason.OUTSIDE_SCHEDULE, closed)
    return bool(closed)


def begin_period(draft: StepDraft) -> None:
    """Without a session: let the numbers begin anew if they are those of an earlier period."""
    if _period_is_over(draft):
        draft.begin_epoch("schedule")


def keep(draft: StepDraft) -> None:
    """A boundary may have passed: do what the schedule asks for now; harmless at any time."""
    schedule, phase = draft.settings.schedule, draft.state.phase
    if schedule is None:
        return
    if phase is Phase.DISCONNECTED:
        begin_period(draft)
        return
    closed = schedule.closed(draft.now.utc_ns)
    if closed:
        ending = Ending(DisconnectReason.OUTSIDE_SCHEDULE, closed)
    elif _period_is_over(draft):
        ending = Ending(DisconnectReason.NEW_PERIOD, "numbers begin anew: log on again")
    else:
        return
    if phase is Phase.ACTIVE:
        logout.begin(draft, ending)
    elif phase in (Phase.AWAITING_LOGON, Phase.LOGON_SENT):
        draft.close(ending.code, ending.text)


def _period_is_over(draft: StepDraft) -> bool:
    """Is a reset due, the epoch having begun in an earlier period? An epoch of which nothing is on record is fresh."""
    schedule, began_ns = draft.settings.schedule, draft.state.began_utc_ns
    if schedule is None or not schedule.reset or not began_ns:
        return False
    return began_ns < schedule.period_start(draft.now.utc_ns)
