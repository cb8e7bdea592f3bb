"""An orderly end: proof that nothing is missing, then Logout(5), then its answer.

Engines are about (QuickFIX) that count a Logout(5) above a gap they do not know of yet in place of the first message
missing, and never ask for that one. So an end that nobody is at fault for begins with a TestRequest(1), as the standard
recommends: a peer that lacks something asks for it, is served, and is asked again. Only its Heartbeat(0), or the
logout timeout, leads to the Logout. From the beginning nothing new is said by the application: what is proven stays
proven. What arises meanwhile waits for the next Logon(A), as it would behind the Logout.

The peer's Logout(5) above a gap is the other way round: what is missing is asked for, and ours is the answer once it
has come. A peer that sends nothing again is not waited for longer than the logout timeout.

An error's Logout does not wait: `StepDraft.begin_logout` and `StepDraft.logout_and_close`.

Reference: FIX 4.4, Volume 2, "FIX Session Protocol", logout.
"""

from __future__ import annotations

from engine.fix.session.phases import Phase
from engine.fix.session.reasons import Ending
from engine.fix.session.sequence import SessionState
from engine.fix.session.step import StepDraft
from engine.fix.standard.tags import MsgType


def begin(draft: StepDraft, ending: Ending) -> None:
    """Of an active session: ask for the proof, at once or when what is known to be missing has come."""
    draft.leave(ending)
    if not draft.state.lacking:
        draft.probe()


def go_on(draft: StepDraft, before: SessionState) -> None:
    """Something came, or was sent again, which `before` was not: leaving, ask anew if the proof was spoilt by it.

    An answer that was given above a gap proves nothing, and one that was held may have been filled over.
    """
    state = draft.state
    if state.phase is Phase.LOGOUT_RECEIVED:
        if state.gap is None and not state.held:
            answer(draft)
    elif state.phase is Phase.LEAVING and not state.lacking and (before.lacking or state.probe is None):
        draft.probe(anew=True)


def proven(draft: StepDraft) -> None:
    """The TestRequest(1) is answered: the Logout(5), unless something is known to be missing by now."""
    if draft.state.phase is Phase.LEAVING and not draft.state.lacking:
        finish(draft)


def finish(draft: StepDraft) -> None:
    """No more waiting: the Logout(5)."""
    assert draft.state.ending is not None  # Why it is leaving.
    draft.begin_logout(draft.state.ending)


def answer(draft: StepDraft) -> None:
    """No more waiting: the answer to the peer's Logout(5), and the end."""
    assert draft.state.ending is not None  # What the peer said.
    draft.send(MsgType.Logout, [])
    draft.end(draft.state.ending)
