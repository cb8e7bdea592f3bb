"""Heartbeats, TestRequests and every deadline of a session.

Timers only wake: `tick` compares the time with the deadlines itself, so a timer may fire early or late. Liveness
counts bytes received, and while the engine is not reading no peer is judged silent.
"""

from __future__ import annotations

from typing import Final

from engine.fix import logon
from engine.fix.actions import Confirmed, ProbeAnswered
from engine.fix.message import Message
from engine.fix.phases import Phase
from engine.fix.reasons import DisconnectReason
from engine.fix.sequence import Probe, SessionState
from engine.fix.settings import SessionSettings
from engine.fix.step import Draft, ns
from engine.fix.tags import MsgType, Tag

# Silence, in tenths of HeartBtInt(108), after which we ask, and after which the connection is closed.
TEST_AFTER_TENTHS: Final = 12
CLOSE_AFTER_TENTHS: Final = 24
# Heartbeats leave a little early, so that a commit on the way does not make them late at the peer.
MARGIN_NS_MAX: Final = 500_000_000
TEST_REQ_ID: Final = "TEST"

_LOGON_PENDING: Final = (Phase.AWAITING_LOGON, Phase.LOGON_SENT)


def on_tick(draft: Draft, reading: bool) -> None:
    """Do whatever is due."""
    settings, state, now_ns = draft.settings, draft.state, draft.now.monotonic_ns
    if state.phase in _LOGON_PENDING:
        if now_ns >= logon.logon_deadline_ns(settings, state.phase_since_ns):
            draft.close(DisconnectReason.LOGON_TIMEOUT, f"no valid Logon(A) within {settings.logon_timeout_s} s")
    elif state.phase is Phase.LOGOUT_SENT:
        if now_ns >= state.phase_since_ns + ns(settings.logout_timeout_s):
            draft.close(DisconnectReason.LOGOUT_TIMEOUT, f"Logout(5) unanswered for {settings.logout_timeout_s} s")
    elif state.phase is Phase.ACTIVE:
        if reading and now_ns >= _close_due_ns(state):
            silence_s = (now_ns - state.last_received_ns) / 1e9
            draft.close(
                DisconnectReason.SILENT,
                f"nothing received for {silence_s:.1f} s, HeartBtInt(108)={state.heart_bt_int_s}",
            )
            return
        if reading and state.gap is not None and now_ns >= state.gap.progress_ns + ns(settings.gap_timeout_s):
            text = f"ResendRequest(2) from {state.gap.begin} not answered: still expecting {state.next_in}"
            draft.warn("gap_timeout", text)
            # Without Logout(5), see Draft.logout_and_close: the peer may wait for a resend of ours that was lost, too.
            draft.close(DisconnectReason.GAP_TIMEOUT, text)
            return
        if reading and now_ns >= _test_due_ns(state) and not _doubts(state):
            send_probe(draft)
        if not (reading and _doubts(draft.state)) and now_ns >= _heartbeat_due_ns(draft.state):
            draft.send(MsgType.Heartbeat, [])


def next_deadline_ns(settings: SessionSettings, state: SessionState, *, reading: bool = True) -> int | None:
    """When `tick` is due, in monotonic nanoseconds; None if nothing is awaited."""
    if state.phase in _LOGON_PENDING:
        return logon.logon_deadline_ns(settings, state.phase_since_ns)
    if state.phase is Phase.LOGOUT_SENT:
        return state.phase_since_ns + ns(settings.logout_timeout_s)
    if state.phase is not Phase.ACTIVE:
        return None
    due: list[int] = [] if reading and _doubts(state) else [_heartbeat_due_ns(state)]
    if reading:
        due.append(_close_due_ns(state) if _doubts(state) else _test_due_ns(state))
        if state.gap is not None:
            due.append(state.gap.progress_ns + ns(settings.gap_timeout_s))
    return min(due, default=None)


def send_probe(draft: Draft) -> None:
    """Send a TestRequest(1); its answer will prove that everything sent before it has arrived."""
    pending = draft.state.probe
    # Plain "TEST" is what people and tools look for. A second one before the first is answered gets a name of its
    # own, or a late answer to the first would confirm too much.
    test_req_id = TEST_REQ_ID if pending is None else f"{TEST_REQ_ID}-{draft.state.next_out}"
    seq_num = draft.send(MsgType.TestRequest, [(Tag.TestReqID, test_req_id)])
    draft.state = draft.state._replace(probe=Probe(test_req_id, seq_num, draft.now.monotonic_ns))


def on_heartbeat(draft: Draft, message: Message) -> None:
    """A Heartbeat(0); the answer to our TestRequest(1) is evidence that everything before it was received."""
    probe = draft.state.probe
    if probe is None or message.get(Tag.TestReqID) != probe.test_req_id:
        return
    draft.state = draft.state._replace(probe=None, repeat=None)
    draft.do(Confirmed(probe.seq_num))
    draft.do(ProbeAnswered(draft.now.monotonic_ns - probe.sent_ns))


def on_test_request(draft: Draft, message: Message) -> None:
    """Answered by a Heartbeat(0) with the same TestReqID(112). Raises ProtocolError if there is none."""
    message.require(Tag.TestReqID)
    draft.send(MsgType.Heartbeat, [(Tag.TestReqID, message.bytes_of(Tag.TestReqID) or b"")])


def _tenths_ns(state: SessionState, tenths: int) -> int:
    return state.heart_bt_int_s * tenths * 100_000_000


def _test_due_ns(state: SessionState) -> int:
    return state.last_received_ns + _tenths_ns(state, TEST_AFTER_TENTHS)


def _close_due_ns(state: SessionState) -> int:
    return state.last_received_ns + _tenths_ns(state, CLOSE_AFTER_TENTHS)


def _doubts(state: SessionState) -> bool:
    """The peer was silent for so long that it was asked, and has not been heard since: no Heartbeat(0) meanwhile.

    Our TestRequest(1) was one itself, and 1.2 x HeartBtInt(108) after it the connection is closed. One that was sent
    before, for a proof of what has arrived, does not count.
    """
    return state.probe is not None and state.probe.sent_ns >= _test_due_ns(state)


def _heartbeat_due_ns(state: SessionState) -> int:
    interval_ns = _tenths_ns(state, 10)
    return state.last_sent_ns + interval_ns - min(MARGIN_NS_MAX, interval_ns // 20)
