"""Deadlines and limits of a session at the very number: just before it, on it, just behind it."""

from __future__ import annotations

from datetime import time
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from engine.clock import NS_PER_DAY, NS_PER_MS, NS_PER_S, Instant, fix_timestamp
from engine.fix.session import protocol as session
from engine.fix.session import sequence
from engine.fix.session.phases import Phase
from engine.fix.session.protocol import SessionSettings, SessionState, Step
from engine.fix.session.reasons import DisconnectReason, Ending
from engine.fix.session.schedule import Schedule
from engine.fix.session.sequence import Gap
from engine.fix.standard.dictionaries import built_in
from engine.fix.wire import codec
from engine.fix.wire.message import SEQ_NUM_MAX, Message

EDGE = pytest.mark.parametrize("by", [-1, 0, 1], ids=["just before", "exactly", "just after"])
DICTIONARY = built_in("FIX.4.4")
START = Instant(1_000 * NS_PER_S, 1_790_000_000 * NS_PER_S)
HEART_BT_S = 30
MARGIN_NS = 500_000_000
"""A Heartbeat(0) leaves half a second early."""


def settings(**changes: Any) -> SessionSettings:
    values: dict[str, Any] = {"validation": "off", "initiator": False, **changes}
    return SessionSettings("peer", "FIX.4.4", "US", "PEER", "oms", **values)


class Line:
    """One session and its clock; `kinds` are the MsgTypes that it was made to send, `closed` why it was to end."""

    def __init__(self, **changes: Any) -> None:
        self.settings = settings(**changes)
        self.state = SessionState.fresh()
        self.now = START
        self.kinds: list[str] = []
        self.warnings: list[str] = []
        self.delivered: list[int] = []
        self.closed: DisconnectReason | None = None
        self.take(session.connected(self.settings, self.state, 1, self.now))

    def active(self) -> Line:
        self.says(1, "A", (98, "0"), (108, str(HEART_BT_S)))
        assert self.state.phase is Phase.ACTIVE
        self.kinds.clear()
        return self

    def take(self, step: Step) -> None:
        self.state = step.state
        for action in step.actions:
            if isinstance(action, session.Transmit):
                self.kinds.append(action.numbered.msg_type)
            elif isinstance(action, session.Warn):
                self.warnings.append(action.code)
            elif isinstance(action, session.Deliver):
                self.delivered.append(action.message.seq_num)
            elif isinstance(action, session.CloseConnection):
                self.closed = action.code
            elif isinstance(action, session.DrainHeld):
                self.take(session.drain(self.settings, self.state, self.now, dictionary=DICTIONARY))

    def at(self, monotonic_ns: int) -> None:
        self.now = Instant(monotonic_ns, START.utc_ns + monotonic_ns - START.monotonic_ns)

    def tick(self, monotonic_ns: int) -> None:
        self.at(monotonic_ns)
        self.take(session.tick(self.settings, self.state, self.now))

    def says(self, seq: int, kind: str, *fields: tuple[int, str], sent_ns: int | None = None) -> None:
        self.take(session.received(self.settings, self.state, self.message(seq, kind, *fields, sent_ns=sent_ns),
                                   self.now, dictionary=DICTIONARY))  # fmt: skip

    def message(self, seq: int, kind: str, *fields: tuple[int, str], sent_ns: int | None = None) -> Message:
        frame = codec.frame(
            begin_string="FIX.4.4", msg_type=kind, seq_num=seq, sender="PEER", target="US",
            sending_time=fix_timestamp(self.now.utc_ns if sent_ns is None else sent_ns),
            body=codec.encode_body(fields),
        )  # fmt: skip
        return codec.decode(frame, DICTIONARY)

    @property
    def due_ns(self) -> int | None:
        return session.next_deadline_ns(self.settings, self.state)


# --- deadlines ---------------------------------------------------------------------------------------------


@EDGE
def test_a_heartbeat_is_due_a_margin_before_its_interval_is_over(by: int) -> None:
    line = Line().active()
    due_ns = START.monotonic_ns + HEART_BT_S * NS_PER_S - MARGIN_NS
    assert line.due_ns == due_ns
    line.tick(due_ns + by)
    assert line.kinds == (["0"] if by >= 0 else [])
    assert line.due_ns is not None
    assert (line.due_ns > line.now.monotonic_ns) or by < 0


@EDGE
def test_a_silent_peer_is_asked_and_then_given_up(by: int) -> None:
    """After 1.2 intervals of silence, and after as long again; bytes of it just before change everything."""
    line = Line().active()
    ask_ns = START.monotonic_ns + HEART_BT_S * NS_PER_S * 12 // 10
    line.tick(ask_ns - 3 * NS_PER_S)
    line.kinds.clear()
    assert line.due_ns == ask_ns
    line.tick(ask_ns + by)
    assert line.kinds == (["1"] if by >= 0 else [])
    if by < 0:
        return
    close_ns = line.now.monotonic_ns + HEART_BT_S * NS_PER_S * 12 // 10
    assert line.due_ns == close_ns, "no Heartbeat(0) meanwhile: the question was one"
    line.tick(close_ns - 1)
    assert line.closed is None
    line.tick(close_ns)
    assert line.closed is DisconnectReason.SILENT


@EDGE
def test_a_test_request_for_a_proof_is_a_doubt_only_if_it_was_silent_for_as_long_then(by: int) -> None:
    line = Line().active()
    silent_ns = START.monotonic_ns + HEART_BT_S * NS_PER_S * 12 // 10
    line.tick(silent_ns - 3 * NS_PER_S)
    line.at(silent_ns + by)
    line.take(session.send_test_request(line.settings, line.state, line.now))
    given_up_ns = silent_ns + by + HEART_BT_S * NS_PER_S * 12 // 10
    assert (line.due_ns == given_up_ns) is (by >= 0)


@EDGE
@pytest.mark.parametrize("initiator", [True, False])
def test_a_logon_is_waited_for_until_its_time_is_over(initiator: bool, by: int) -> None:
    line = Line(initiator=initiator, logon_timeout_s=10)
    assert line.due_ns == START.monotonic_ns + 10 * NS_PER_S
    line.tick(line.due_ns + by)
    assert line.closed is (DisconnectReason.LOGON_TIMEOUT if by >= 0 else None)


@EDGE
def test_the_proof_before_a_logout_and_its_answer_are_waited_for(by: int) -> None:
    line = Line(logout_timeout_s=2).active()
    line.take(session.logout(line.settings, line.state, Ending(DisconnectReason.OPERATOR_LOGOUT, ""), line.now))
    assert (line.state.phase, line.kinds) == (Phase.LEAVING, ["1"])
    due_ns = START.monotonic_ns + 2 * NS_PER_S
    assert line.due_ns == due_ns
    line.tick(due_ns + by)
    assert line.kinds == (["1", "5"] if by >= 0 else ["1"])
    if by < 0:
        return
    assert line.due_ns == due_ns + by + 2 * NS_PER_S
    line.tick(line.due_ns - 1)
    assert line.closed is None
    line.tick(line.now.monotonic_ns + 1)
    assert line.closed is DisconnectReason.LOGOUT_TIMEOUT


@EDGE
def test_a_gap_is_waited_for_since_its_last_progress(by: int) -> None:
    line = Line(gap_timeout_s=20).active()
    line.says(5, "0")
    assert line.kinds == ["2"]
    line.at(line.now.monotonic_ns + 7 * NS_PER_S)
    line.says(2, "0")
    assert line.state.gap is not None
    due_ns = line.now.monotonic_ns + 20 * NS_PER_S
    assert line.due_ns == due_ns
    line.tick(due_ns + by)
    assert line.closed is (DisconnectReason.GAP_TIMEOUT if by >= 0 else None)


# --- times and numbers ---------------------------------------------------------------------------------------


@EDGE
@pytest.mark.parametrize("sign", [-1, 1], ids=["slow", "fast"])
def test_a_sending_time_on_the_tolerance_is_within_it(sign: int, by: int) -> None:
    line = Line(sending_time_tolerance_s=120).active()
    line.says(2, "B", sent_ns=line.now.utc_ns + sign * (120 * NS_PER_S + by * NS_PER_MS))
    assert bool(line.delivered) is (by <= 0)
    assert ("3" in line.kinds) is (by > 0)


@EDGE
def test_a_number_against_the_expected_one(by: int) -> None:
    line = Line().active()
    line.says(2, "B")
    line.says(3 + by, "B")
    assert line.delivered == ([2, 3] if by == 0 else [2])
    assert line.kinds == {-1: ["5"], 0: [], 1: ["2"]}[by]
    assert line.state.next_in == {-1: 3, 0: 4, 1: 3}[by]


@EDGE
def test_a_gap_is_over_when_its_last_number_has_come(by: int) -> None:
    state = SessionState.fresh(next_in=2)._replace(gap=Gap(2, 9, 0))
    after = sequence.advanced(state, 10 + by, 7)
    assert after.gap == (Gap(2, 9, 7) if by < 0 else None)


@EDGE
def test_what_is_held_below_the_expected_number_is_done_with(by: int) -> None:
    line = Line().active()
    line.says(5, "B")
    after = sequence.advanced(line.state, 5 + by, 0)
    assert [message.seq_num for message in after.held] == ([] if by > 0 else [5])


@EDGE
def test_as_many_messages_are_held_as_may_be(by: int) -> None:
    line = Line(held_messages_max=3).active()
    for number in range(3 + by):
        line.says(10 + number, "B")
    assert len(line.state.held) == min(3, 3 + by)
    assert ("held_full" in line.warnings) is (by > 0)


@EDGE
def test_as_many_bytes_are_held_as_may_be(by: int, monkeypatch: pytest.MonkeyPatch) -> None:
    line = Line().active()
    first, second = line.message(5, "B"), line.message(6, "B")
    monkeypatch.setattr(sequence, "HELD_BYTES_MAX", len(first.raw) + len(second.raw) + by)
    state = sequence.with_held(line.state, first, 10)
    assert state is not None
    assert (sequence.with_held(state, second, 10) is None) is (by < 0)


@EDGE
def test_the_same_resend_request_as_often_as_it_may_come(by: int) -> None:
    line = Line(resend_repeat_max=3).active()
    for place in range(3 + by):
        line.says(2 + place, "2", (7, "1"), (16, "1"))
        line.state = line.state._replace(serving=None)  # It was served to the end.
    assert line.closed is (DisconnectReason.RESEND_LOOP if by > 0 else None)


@EDGE
def test_as_many_resend_requests_wait_as_may(by: int) -> None:
    line = Line(resend_queue_max=3).active()
    for number in range(2, 12):
        line.says(number, "1", (112, "x"))
    line.says(12, "2", (7, "1"), (16, "0"))
    for place in range(3 + by):
        line.says(13 + place, "2", (7, str(2 + place)), (16, "0"))
    assert line.closed is (DisconnectReason.RESEND_LOOP if by > 0 else None)
    assert len(line.state.to_serve) == min(3, 3 + by)


@pytest.mark.parametrize(("begin", "end", "served"), [(1, 0, (1, 5)), (5, 0, (5, 5)), (6, 0, None), (2, 5, (2, 5)),
                                                      (2, 4, (2, 4)), (2, 6, (2, 5)), (5, 5, (5, 5))])  # fmt: skip
def test_a_resend_reaches_to_the_last_number_at_most(begin: int, end: int, served: tuple[int, int] | None) -> None:
    line = Line().active()
    for number in range(2, 6):
        line.says(number, "1", (112, "x"))
    assert line.state.next_out == 6
    line.says(6, "2", (7, str(begin)), (16, str(end)))
    serving = line.state.serving
    assert (None if serving is None else (serving.begin, serving.end)) == served
    assert ("resend_beyond" in line.warnings) is (served is None)


@pytest.mark.parametrize(
    ("first_out", "begin", "end", "serving"),
    [(5, 1, 4, None), (5, 1, 5, (5, 1)), (5, 4, 0, (5, 4)), (5, 5, 0, (5, None)), (5, 6, 0, (6, None))],
)
def test_what_lies_below_the_first_number_of_an_epoch_is_filled_over(
    first_out: int, begin: int, end: int, serving: tuple[int, int | None] | None
) -> None:
    line = Line().active()
    line.state = line.state._replace(first_out=first_out, next_out=9)
    line.says(2, "2", (7, str(begin)), (16, str(end)))
    found = line.state.serving
    assert (None if found is None else (found.next, found.run_begin)) == serving


@EDGE
def test_a_sequence_reset_to_the_last_number_there_is(by: int) -> None:
    line = Line().active()
    line.says(2, "4", (36, str(SEQ_NUM_MAX + by)))
    assert line.state.next_in == (2 if by > 0 else SEQ_NUM_MAX + by)


@EDGE
def test_a_sequence_reset_to_the_expected_number_itself(by: int) -> None:
    line = Line().active()
    line.says(2, "B")
    line.says(9, "4", (36, str(3 + by)))
    assert line.state.next_in == (3 if by < 0 else 3 + by)
    assert line.kinds == (["3"] if by < 0 else [])


@pytest.mark.parametrize(("offered", "taken"), [(9, 10), (10, 10), (11, 11), (59, 59), (60, 60), (61, 60)])
def test_a_heartbeat_interval_within_its_bounds(offered: int, taken: int) -> None:
    line = Line(heart_bt_int_s_min=10, heart_bt_int_s_max=60)
    line.says(1, "A", (98, "0"), (108, str(offered)))
    assert line.state.heart_bt_int_s == taken
    assert ("heart_bt_int" in line.warnings) is (offered != taken)


@pytest.mark.parametrize(("next_in", "next_out", "epoch"), [
    (5, None, 1), (6, None, 1), (4, None, 2), (5, 7, 1), (6, 7, 1), (4, 7, 2), (5, 8, 2), (5, 6, 2), (None, 7, 1),
])  # fmt: skip
def test_numbers_set_to_what_they_are_begin_no_epoch(next_in: int | None, next_out: int | None, epoch: int) -> None:
    """Nothing but a higher expected number can be set without one: no number of ours may mean two messages."""
    state = SessionState.fresh(next_in=5, next_out=7, began_utc_ns=1)
    step = session.set_numbers(settings(), state, START, next_in=next_in, next_out=next_out)
    assert step.state.epoch == epoch
    assert (step.state.next_in, step.state.next_out) == (next_in or 5, next_out or 7)
    assert step.state.began_utc_ns == (1 if epoch == 1 else START.utc_ns)


# --- hours -------------------------------------------------------------------------------------------------

_DAY_NS = START.utc_ns // NS_PER_DAY * NS_PER_DAY
HOURS = Schedule.daily(ZoneInfo("UTC"), time(8), time(17), reset=True)


@EDGE
def test_a_window_begins_on_its_start_and_is_over_on_its_end(by: int) -> None:
    opens_ns, closes_ns = _DAY_NS + 8 * 3600 * NS_PER_S, _DAY_NS + 17 * 3600 * NS_PER_S
    assert HOURS.is_open(opens_ns + by * NS_PER_S) is (by >= 0)
    assert HOURS.is_open(closes_ns + by * NS_PER_S) is (by < 0)
    assert (HOURS.next_boundary(opens_ns + by) == opens_ns) is (by < 0)
    assert (HOURS.next_boundary(closes_ns + by) == closes_ns) is (by < 0)
    assert HOURS.next_start(opens_ns + by) == opens_ns + (0 if by < 0 else NS_PER_DAY)
    assert HOURS.period_start(opens_ns + by) == opens_ns - (NS_PER_DAY if by < 0 else 0)


@EDGE
def test_numbers_that_began_with_the_period_are_its_own(by: int) -> None:
    """On the first moment of a period they belong to it, one moment earlier to the one before."""
    opens_ns = _DAY_NS + 8 * 3600 * NS_PER_S
    state = SessionState.fresh(next_in=5, next_out=7, began_utc_ns=opens_ns + by)
    step = session.keep_schedule(settings(schedule=HOURS), state, Instant(1, opens_ns + 3600 * NS_PER_S))
    assert step.state.epoch == (2 if by < 0 else 1)


@EDGE
def test_a_session_is_logged_out_on_the_end_of_its_window(by: int) -> None:
    line = Line(schedule=Schedule.daily(ZoneInfo("UTC"), time(0), time(23, 59))).active()
    now = Instant(line.now.monotonic_ns, _DAY_NS + (23 * 60 + 59) * 60 * NS_PER_S + by)
    line.take(session.keep_schedule(line.settings, line.state, now))
    assert line.state.phase is (Phase.ACTIVE if by < 0 else Phase.LEAVING)
