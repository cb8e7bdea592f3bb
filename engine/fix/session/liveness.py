"""Heartbeats, TestRequests and every deadline of a session.

Timers only wake: `tick` compares the time with the deadlines itself, so a timer may fire early or late. Liveness
counts bytes received, and while the engine is not reading no peer is judged silent. Nor is one that was not asked: a
machine that stood still has its timers before the bytes that came meanwhile.
"""

from __future__ import annotations

from typing import Final

from engine.fix.session import logon, logout
from engine.fix.session.phases import LOGGED_ON, Phase
from engine.fix.session.reasons import DisconnectReason
from engine.fix.session.sequence import SessionState
from engine.fix.session.settings import SessionSettings
from engine.fix.session.step import Confirmed, ProbeAnswered, StepDraft, ns
from engine.fix.standard.tags import MsgType, Tag
from engine.fix.wire.message import Message

# Silence, in tenths of HeartBtInt(108), after which we ask, and after which the connection is closed.
TEST_AFTER_TENTHS: Final = 12
CLOSE_AFTER_TENTHS: Final = 24
# Heartbeats leave a little early, so that a commit on the way does not make them late at the peer.
MARGIN_NS_MAX: Final = 500_000_000

_LOGON_PENDING: Final = (Phase.AWAITING_LOGON, Phase.LOGON_SENT)


def on_tick(draft: StepDraft, reading: bool) -> None:
    """Do whatever is due."""
    settings, state, now_ns = draft.settings, draft.state, draft.now.monotonic_ns
    if state.phase in _LOGON_PENDING:
        if now_ns >= logon.logon_deadline_ns(settings, state.phase_since_ns):
            draft.close(DisconnectReason.LOGON_TIMEOUT, f"no valid Logon(A) within {settings.logon_timeout_s} s")
    elif state.phase is Phase.LOGOUT_SENT:
        if now_ns >= _logout_due_ns(settings, state):
            draft.close(DisconnectReason.LOGOUT_TIMEOUT, f"Logout(5) unanswered for {settings.logout_timeout_s} s")
    elif state.phase in LOGGED_ON:
        if state.phase is Phase.LEAVING and now_ns >= _logout_due_ns(settings, state):
            logout.finish(draft)
            return
        if state.phase is Phase.LOGOUT_RECEIVED and now_ns >= _logout_due_ns(settings, state):
            logout.answer(draft)
            return
        if reading and _doubts(state) and now_ns >= _close_due_ns(state):
            silence_s = (now_ns - state.last_received_ns) / 1e9
            draft.close(
                DisconnectReason.SILENT,
                f"nothing received for {silence_s:.1f} s, HeartBtInt(108)={state.heart_bt_int_s}",
            )
            return
        if reading and state.gap is not None and now_ns >= state.gap.progress_ns + ns(settings.gap_timeout_s):
            text = f"ResendRequest(2) from {state.gap.begin} not answered: still expecting {state.next_in}"
            draft.warn("gap_timeout", text)
            # Without Logout(5), see `StepDraft.logout_and_close`: the peer may wait for a lost resend of ours, too.
            draft.close(DisconnectReason.GAP_TIMEOUT, text)
            return
        if reading and now_ns >= _test_due_ns(state) and not _doubts(state):
            draft.probe()
        if not (reading and _doubts(draft.state)) and now_ns >= _heartbeat_due_ns(draft.state):
            draft.send(MsgType.Heartbeat, [])


def next_deadline_ns(settings: SessionSettings, state: SessionState, *, reading: bool = True) -> int | None:
    """When `tick` is due, in monotonic nanoseconds; None if nothing is awaited."""
    if state.phase in _LOGON_PENDING:
        return logon.logon_deadline_ns(settings, state.phase_since_ns)
    if state.phase is Phase.LOGOUT_SENT:
        return _logout_due_ns(settings, state)
    if state.phase not in LOGGED_ON:
        return None
    due: list[int] = [] if reading and _doubts(state) else [_heartbeat_due_ns(state)]
    if reading:
        due.append(_close_due_ns(state) if _doubts(state) else _test_due_ns(state))
        if state.gap is not None:
            due.append(state.gap.progress_ns + ns(settings.gap_timeout_s))
    if state.phase in (Phase.LEAVING, Phase.LOGOUT_RECEIVED):
        due.append(_logout_due_ns(settings, state))
    return min(due, default=None)


def on_heartbeat(draft: StepDraft, message: Message) -> None:
    """A Heartbeat(0); the answer to our TestRequest(1) is evidence that everything before it was received."""
    probe = draft.state.probe
    if probe is None or message.get(Tag.TestReqID) != probe.test_req_id:
        return
    draft.state = draft.state._replace(probe=None, repeat=None)
    draft.do(Confirmed(probe.seq_num))
    draft.do(ProbeAnswered(draft.now.monotonic_ns - probe.sent_ns))
    logout.proven(draft)


def on_test_request(draft: StepDraft, message: Message) -> None:
    """Answered by a Heartbeat(0) with the same TestReqID(112). Raises ProtocolError if there is none."""
    message.require(Tag.TestReqID)
    draft.send(MsgType.Heartbeat, [(Tag.TestReqID, message.bytes_of(Tag.TestReqID) or b"")])


def _logout_due_ns(settings: SessionSettings, state: SessionState) -> int:
    """When the proof before our Logout(5), what is missing before it, or the answer to it, is waited for no longer."""
    return state.phase_since_ns + ns(settings.logout_timeout_s)


def _tenths_ns(state: SessionState, tenths: int) -> int:
    return state.heart_bt_int_s * tenths * 100_000_000


def _test_due_ns(state: SessionState) -> int:
    return state.last_received_ns + _tenths_ns(state, TEST_AFTER_TENTHS)


def _close_due_ns(state: SessionState) -> int:
    """With a TestRequest(1) that left late, the peer has as long to answer as with one that left in time."""
    assert state.probe is not None  # Asked in doubt alone.
    return state.probe.sent_ns + _tenths_ns(state, CLOSE_AFTER_TENTHS - TEST_AFTER_TENTHS)


def _doubts(state: SessionState) -> bool:
    """The peer was silent for so long that it was asked, and has not been heard since: no Heartbeat(0) meanwhile.

    Our TestRequest(1) was one itself, and 1.2 x HeartBtInt(108) after it the connection is closed: 2.4 x after the last
    bytes. One that was sent before, for a proof of what has arrived, does not count.
    """
    return state.probe is not None and state.probe.sent_ns >= _test_due_ns(state)


def _heartbeat_due_ns(state: SessionState) -> int:
    interval_ns = _tenths_ns(state, 10)
    return state.last_sent_ns + interval_ns - min(MARGIN_NS_MAX, interval_ns // 20)
