"""What FIX support may do to a session: who may, when, what the peer sees of it, what is on record."""

from __future__ import annotations

from datetime import time
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from session_world import SessionWorld

from engine.commands.table import COMMANDS
from engine.desk.state import DeskState
from engine.domain import events as e
from engine.errors import CommandError
from engine.fix.session.phases import Phase
from engine.fix.session.reasons import DisconnectReason, Ending
from engine.fix.session.schedule import Schedule
from engine.turn import REFUSALS_MAX, CallFailed, Close, Traffic
from engine.turn.history import NOTES_MAX, History

SESSION_COMMANDS = [name for name in COMMANDS if name.startswith("session")]
WHY = "agreed with their desk"


@pytest.fixture
def world() -> SessionWorld:
    world = SessionWorld()
    world.log_on("oms")
    return world


def refused(world: SessionWorld, name: str, text: str, *, code: str = "state", **params: Any) -> None:
    """The command is refused in these words, and nothing at all comes of it."""
    before = dict(world.machine.links)
    events, turns = len(world.events), len(world.turns)
    with pytest.raises(CommandError) as caught:
        world.command(name, **{"session": "oms", "reason": WHY, **params})
    assert text in str(caught.value)
    assert caught.value.code == code
    assert (len(world.events), dict(world.machine.links)) == (events, before)
    assert len(world.turns[turns].effects) == 1, "the refusal"


# --- who, and how it is said -----------------------------------------------------------------------


@pytest.mark.parametrize("name", [name for name in SESSION_COMMANDS if COMMANDS[name].role == "operator"])
def test_acting_needs_role_operator_and_a_reason(world: SessionWorld, name: str) -> None:
    with pytest.raises(CommandError, match="needs role operator; kim is trader"):
        world.command(name, role="trader", session="oms", reason=WHY)
    with pytest.raises(CommandError, match="missing parameter 'reason'"):
        world.command(name, session="oms")
    assert not world.recorded(e.SessionCommanded)


@pytest.mark.parametrize("name", ["sessions", "session.show"])
def test_looking_needs_role_viewer_and_records_nothing(world: SessionWorld, name: str) -> None:
    events = len(world.events)
    world.command(name, role="viewer", **({"session": "oms"} if name == "session.show" else {}))
    assert len(world.events) == events


def test_a_session_that_is_not_there_gets_the_nearest(world: SessionWorld) -> None:
    refused(world, "session.logout", "no session 'osm' (did you mean 'oms'?)", code="unknown", session="osm")


def test_help_lists_them_and_a_misspelt_one_is_found(world: SessionWorld) -> None:
    listed = {each["name"] for each in world.command("help", role="viewer")["commands"]}
    assert set(SESSION_COMMANDS) <= listed
    with pytest.raises(CommandError, match=r"did you mean 'session\.show'"):
        world.command("session.shwo")


# --- on and off ------------------------------------------------------------------------------------


def test_logout_waits_for_proof_says_why_and_waits_for_the_answer(world: SessionWorld) -> None:
    assert world.command("session.logout", session="oms", reason="end of test")["state"] == "leaving"
    assert world.sent("oms")[-1][35] == "1"
    world.prove("oms")
    last = world.sent("oms")[-1]
    assert (last[35], last[58]) == ("5", "end of test")
    world.say("oms", "5")
    assert world.phase("oms") is Phase.DISCONNECTED
    (down,) = world.recorded(e.SessionDown)
    assert (down.code, down.reason, down.by) == ("operator_logout", "end of test", "person:kim")
    (done,) = world.recorded(e.SessionCommanded)
    assert (done.session, done.command, done.actor, done.reason) == ("oms", "logout", "person:kim", "end of test")
    world.log_on("oms")
    assert world.phase("oms") is Phase.ACTIVE, "a logout keeps nobody off"


def test_a_logout_that_is_wanted_again_waits_for_no_proof(world: SessionWorld) -> None:
    world.command("session.logout", session="oms", reason="first")
    assert world.command("session.logout", session="oms", reason="now")["state"] == "logout_sent"
    last = world.sent("oms")[-1]
    assert (last[35], last[58]) == ("5", "first"), "what began the end stands"


def test_what_arises_during_a_logout_waits_for_the_next_logon(world: SessionWorld) -> None:
    """The proof stays one: nothing new leaves behind the TestRequest(1), and nothing is lost."""
    world.command("session.logout", session="oms", reason="end of test")
    said = len(world.out["oms"])
    world.order()
    assert len(world.out["oms"]) == said
    assert world.command("sessions")["sessions"][0]["waiting"] > 0
    world.prove("oms")
    world.say("oms", "5")
    world.log_on("oms")
    assert [(said[11], said[39]) for said in world.sent("oms") if said[35] == "8"] == [("order-2", "8")]


def test_a_session_shows_its_hours_and_is_not_logged_on_outside_them() -> None:
    world = SessionWorld(schedule=Schedule.daily(ZoneInfo("UTC"), time(8), time(15, 0, 10), reset=True))
    world.log_on("oms")
    hours = world.command("session.show", session="oms")["hours"]
    assert hours == {
        "text": "open until 15:00:10 UTC; numbers begin anew Tue 08:00 UTC",
        "open": True,
        "period_since": "2026-11-23T08:00:00.000Z",
        "next_boundary": "2026-11-23T15:00:10.000Z",
        "reset": True,
    }
    world.advance(10)
    world.prove("oms")
    last = world.sent("oms")[-1]
    assert (last[35], last[58]) == ("5", "closed until Tue 08:00 UTC")
    world.say("oms", "5")
    (down,) = world.recorded(e.SessionDown)
    assert (down.code, down.reason, down.by) == ("outside_schedule", "closed until Tue 08:00 UTC", "us")
    world.log_on("oms")
    assert world.out["oms"] == []
    shown = world.command("session.show", session="oms")
    assert (shown["closed"], shown["hours"]["open"]) == ("closed until Tue 08:00 UTC", False)
    assert shown["last_disconnect"]["code"] == "outside_schedule"
    refused(world, "session.logon", "session ash is closed until Tue 08:00 UTC", session="ash")
    assert not world.wanted


def test_a_number_that_the_peer_expected_in_an_earlier_period_says_nothing_of_this_one() -> None:
    world = SessionWorld(schedule=Schedule.daily(ZoneInfo("UTC"), time(15, 0, 20), time(15, 0, 10), reset=True))
    connection = world.connect("ash")
    world.say("ash", "5", (58, "MsgSeqNum too low, expecting 50 but received 1"), connection=connection)
    assert world.machine.behind("ash")
    world.advance(15)
    assert world.command("session.show", session="ash")["peer_expects"] == 50
    world.advance(5)
    (reset,) = world.recorded(e.SessionReset)
    assert (reset.session, reset.epoch, reset.cause) == ("ash", 2, "schedule")
    assert not world.machine.behind("ash")
    assert world.command("session.show", session="ash")["peer_expects"] is None


def test_disconnect_closes_at_once_and_says_nothing(world: SessionWorld) -> None:
    said = len(world.out["oms"])
    world.command("session.disconnect", session="oms", reason="it hangs")
    assert len(world.out["oms"]) == said
    close = next(effect for turn in world.turns for effect in turn.effects if isinstance(effect, Close))
    assert (close.code, close.at_once) == (DisconnectReason.OPERATOR_DISCONNECT, True)
    assert world.phase("oms") is Phase.DISCONNECTED


def test_disconnect_also_ends_a_connection_that_does_not_close(world: SessionWorld) -> None:
    world.command("session.logout", session="oms", reason="first")
    world.prove("oms")
    assert world.phase("oms") is Phase.LOGOUT_SENT
    world.command("session.disconnect", session="oms", reason="then hard")
    assert world.phase("oms") is Phase.DISCONNECTED
    assert world.recorded(e.SessionDown)[0].code == "operator_logout", "what began the end stands"


def test_a_disabled_session_is_logged_out_and_refuses_logons_in_silence(world: SessionWorld) -> None:
    world.command("session.disable", session="oms", reason="their release")
    world.prove("oms")
    assert world.sent("oms")[-1][58] == "their release"
    world.say("oms", "5")
    world.log_on("oms")
    assert world.out["oms"] == []
    assert world.phase("oms") is Phase.DISCONNECTED
    assert world.command("session.show", session="oms")["state"] == "disabled"
    refused(world, "session.disable", "is disabled already")
    world.command("session.enable", session="oms", reason="done")
    refused(world, "session.enable", "is enabled already")
    world.log_on("oms", seq=4)
    assert world.phase("oms") is Phase.ACTIVE
    assert [(each.enabled, each.actor, each.reason) for each in world.recorded(e.SessionSwitched)] == [
        (False, "person:kim", "their release"),
        (True, "person:kim", "done"),
    ]


def test_disabled_is_state_and_survives_a_restart(world: SessionWorld) -> None:
    world.command("session.disable", session="ash", reason="their release")
    again = SessionWorld()
    for event in world.events:
        again.trading.fold(event)
    assert not again.machine.may_log_on("ash")
    assert again.trading.state.digest() == world.trading.state.digest() != DeskState().digest()
    again.connect("ash")
    assert (again.phase("ash"), again.out["ash"]) == (Phase.DISCONNECTED, []), "not even our Logon leaves"


def test_enabling_an_initiator_connects_at_once(world: SessionWorld) -> None:
    world.command("session.disable", session="ash", reason=WHY)
    world.command("session.enable", session="ash", reason=WHY)
    assert world.wanted == ["ash"]


def test_logon_connects_now_where_we_are_the_ones_who_do(world: SessionWorld) -> None:
    world.command("session.logon", session="ash", reason="they are back")
    assert world.wanted == ["ash"]
    refused(world, "session.logon", "is logged on by its peer OMS: it connects to us")
    world.connect("ash")
    refused(world, "session.logon", "is logon_sent: it has a connection already", session="ash")
    world.cut("ash")
    world.command("session.disable", session="ash", reason=WHY)
    refused(world, "session.logon", "is disabled: rfqctl session enable ash --reason ...", session="ash")


def test_a_session_the_engine_gave_up_is_disabled_by_it_until_somebody_enables_it(world: SessionWorld) -> None:
    def fail(*_: Any) -> None:
        raise RuntimeError("a bug")

    world.trading.hear = fail  # type: ignore[method-assign]
    for _ in range(REFUSALS_MAX):
        world.order()
    assert world.sent("oms")[-1][58] == "paused: 5 messages in a row could not be handled"
    world.say("oms", "5")
    switch = world.command("session.show", session="oms")["switch"]
    assert (switch["enabled"], switch["actor"]) == (False, "engine")
    del world.trading.hear  # type: ignore[method-assign]
    world.command("session.enable", session="oms", reason="mended")
    assert world.machine.links["oms"].refusals == 0


# --- numbers ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "params"), [("session.set_seq", {"next_out": 9}), ("session.reset", {})], ids=["set_seq", "reset"]
)
def test_numbers_are_set_only_while_logged_off(world: SessionWorld, name: str, params: dict[str, Any]) -> None:
    refused(
        world, name, "session oms is active: log it off first, and keep it off: rfqctl session disable oms", **params
    )


def test_reset_begins_a_new_epoch_at_1_and_says_who_and_why(world: SessionWorld) -> None:
    world.cut("oms")
    answer = world.command("session.reset", session="oms", reason=WHY)
    assert (answer["epoch"], answer["next_in"], answer["next_out"]) == (2, 1, 1)
    assert answer["was"] == {"epoch": 1, "next_in": 2, "next_out": 2}
    (kept,) = world.recorded(e.SessionNumbersSet)
    assert (kept.epoch, kept.was_in, kept.was_out, kept.actor, kept.reason) == (2, 2, 2, "person:kim", WHY)
    (begun,) = world.recorded(e.SessionReset)
    assert (begun.epoch, begun.cause) == (2, "reset")
    world.log_on("oms", seq=1)
    assert world.sent("oms")[0][34] == "1"


def test_only_raising_what_is_expected_keeps_the_epoch(world: SessionWorld) -> None:
    world.cut("oms")
    raised = world.command("session.set_seq", session="oms", next_in=40, reason=WHY)
    assert (raised["epoch"], raised["next_in"], raised["next_out"], raised["again"]) == (1, 40, 2, False)
    lowered = world.command("session.set_seq", session="oms", next_in=5, reason=WHY)
    assert (lowered["epoch"], lowered["next_in"], lowered["again"]) == (2, 5, True)
    sent = world.command("session.set_seq", session="oms", next_out=100, reason=WHY)
    assert (sent["epoch"], sent["next_in"], sent["next_out"]) == (3, 5, 100)
    world.log_on("oms", seq=5)
    assert world.sent("oms")[0][34] == "100"


@pytest.mark.parametrize(
    ("params", "text"),
    [
        pytest.param({}, "expected 'next_in', 'next_out' or both", id="neither"),
        pytest.param({"next_in": 0}, "expected a whole number from 1", id="zero"),
        pytest.param({"next_out": "7"}, "expected a whole number from 1", id="text"),
    ],
)
def test_numbers_that_are_none(world: SessionWorld, params: dict[str, Any], text: str) -> None:
    world.cut("oms")
    refused(world, "session.set_seq", text, code="params", **params)


# --- proof, and sending again ----------------------------------------------------------------------


def test_a_test_request_is_sent_and_its_round_trip_shown(world: SessionWorld) -> None:
    world.command("session.test_request", session="oms", reason=WHY)
    request = world.sent("oms")[-1]
    assert request[35] == "1"
    assert world.command("session.show", session="oms")["test_request"] == request[112]
    world.advance(2)
    world.say("oms", "0", (112, request[112]))
    shown = world.command("session.show", session="oms")
    assert (shown["test_request"], shown["round_trip_s"], shown["confirmed_out"]) == (None, 2.0, 2)
    world.cut("oms")
    refused(world, "session.test_request", "is disconnected: it has to be active")


def test_resend_repeats_reports_as_possible_duplicates(world: SessionWorld) -> None:
    world.order()
    reports = [each for each in world.sent("oms") if each[35] == "8"]
    assert reports
    before = len(world.out["oms"])
    answer = world.command("session.resend", session="oms", begin=1, reason=WHY)
    assert (answer["begin"], answer["end"]) == (1, len(reports) + 1)
    again = world.sent("oms")[before:]
    assert [(each[35], each[34], each[43]) for each in again] == [
        ("4", "1", "Y"),
        *(("8", each[34], "Y") for each in reports),
    ]
    assert [each[17] for each in again[1:]] == [each[17] for each in reports]
    (done,) = world.recorded(e.SessionCommanded)
    assert done.command == f"resend 1 to {len(reports) + 1}"


def test_resend_knows_its_bounds(world: SessionWorld) -> None:
    refused(world, "session.resend", "has sent 1 to 1 in this epoch, not 1 to 9", code="params", begin=1, end=9)
    refused(world, "session.resend", "not 3 to 1", code="params", begin=3)
    refused(world, "session.resend", "requests and acceptances never leave twice", session="ash", begin=1)
    world.cut("oms")
    refused(world, "session.resend", "is disconnected: it has to be active", begin=1)


# --- looking ---------------------------------------------------------------------------------------


def test_show_says_where_a_session_stands(world: SessionWorld) -> None:
    world.advance(3)
    world.say("oms", "0", seq=7)
    connection = world.state("oms").connection
    assert connection is not None
    world.traffic = {connection: Traffic(4096)}
    shown = world.command("session.show", session="oms")
    assert shown["state"] == "active"
    assert shown["address"] == "192.0.2.7:40001"
    assert (shown["tls"], shown["certificate"]) == (False, None)
    assert (shown["since"], shown["last_received"]) == ("2026-11-23T15:00:00.000Z", "2026-11-23T15:00:03.000Z")
    assert (shown["gap"], shown["held"], shown["unsent_bytes"]) == ({"begin": 2, "end": 6}, 1, 4096)
    assert shown["heart_bt_int_s"] == 30
    assert [each["what"] for each in shown["events"]] == ["logon", "gap"]
    assert world.command("session.show", session="oms", events=1)["events"] == shown["events"][-1:]


def test_show_says_why_it_ended_and_what_to_do(world: SessionWorld) -> None:
    world.say("oms", "0", seq=1)
    last = world.command("session.show", session="oms")["last_disconnect"]
    assert (last["code"], last["by"]) == ("seq_too_low", "us")
    assert last["text"] == "MsgSeqNum too low, expecting 2 but received 1"
    assert last["advice"] == DisconnectReason.SEQ_TOO_LOW.advice
    row = next(each for each in world.command("sessions")["sessions"] if each["session"] == "oms")
    assert row["reason"] == "seq_too_low: MsgSeqNum too low, expecting 2 but received 1"


def test_the_last_disconnect_is_still_known_once_it_is_back(world: SessionWorld) -> None:
    world.cut("oms", Ending(DisconnectReason.CONNECTION_LOST, "[Errno 104] Connection reset by peer"))
    world.log_on("oms")
    shown = world.command("session.show", session="oms")
    assert (shown["state"], shown["last_disconnect"]["code"]) == ("active", "connection_lost")


def test_what_the_peer_expects_is_shown(world: SessionWorld) -> None:
    world.say("oms", "5", (58, "MsgSeqNum too low, expecting 12 but received 2"))
    shown = world.command("session.show", session="oms")
    assert (shown["peer_expects"], shown["last_disconnect"]["code"]) == (12, "peer_seq_too_low")
    world.log_on("oms")
    assert world.command("session.show", session="oms")["peer_expects"] is None, "it has taken our number after all"


def test_a_refused_logon_is_seen_at_the_session_it_was_for(world: SessionWorld) -> None:
    second = world.connect("oms")
    world.say("oms", "A", (98, "0"), (108, "30"), connection=second)
    events = world.command("session.show", session="oms")["events"]
    assert events[-1]["what"] == "already_connected"
    assert world.phase("oms") is Phase.ACTIVE


def test_a_session_that_cannot_be_connected_says_where_and_why(world: SessionWorld) -> None:
    for _ in range(3):
        turn = world.take(CallFailed(world.now, "ash", "192.0.2.9:9876: Connection refused", bytes(16)))
        assert not turn.records, "nothing for the journal"
    (note,) = world.command("session.show", session="ash")["events"]
    assert (note["what"], note["times"]) == ("cannot_connect", 3)
    row = next(each for each in world.command("sessions")["sessions"] if each["session"] == "ash")
    assert row["reason"] == "cannot connect to 192.0.2.9:9876: Connection refused"
    world.connect("ash")
    world.say("ash", "A", (98, "0"), (108, "30"))
    row = next(each for each in world.command("sessions")["sessions"] if each["session"] == "ash")
    assert row["reason"] is None


def test_notes_are_bounded_and_a_flood_of_one_kind_is_one_note() -> None:
    history = History()
    for number in range(3 * NOTES_MAX):
        history.add("oms", number, "garbled", f"no. {number}")
    assert [(note.times, note.text) for note in history.last("oms", 9)] == [(150, "no. 149")]
    for number in range(3 * NOTES_MAX):
        history.add("oms", number, f"kind {number % 2}", "")
    assert len(history.last("oms", 1000)) == NOTES_MAX
    assert history.last("oms", 0) == []


def test_history_is_recalled_from_the_record(world: SessionWorld) -> None:
    world.command("session.disable", session="oms", reason="their release")
    world.say("oms", "5")
    world.command("session.reset", session="oms", reason=WHY)
    world.command("session.logon", session="ash", reason="now")
    recalled = History()
    for event in world.events:
        recalled.recall(event)
    assert [note.what for note in recalled.last("oms", 9)] == [
        "logon",
        "disabled",
        "disconnect",
        "numbers_set",
        "reset",
    ]
    assert recalled.endings["oms"].ending == world.machine.history.endings["oms"].ending
    assert [note.text for note in recalled.last("ash", 9)] == ["logon by person:kim: now"]


def test_the_list_shows_numbers_and_what_waits(world: SessionWorld) -> None:
    world.order()
    world.cut("oms")
    world.say("oms", "A", (98, "0"), (108, "30"), connection=world.connect("oms"), seq=9)
    world.command("session.disable", session="ash", reason=WHY)
    listed = {each["session"]: each for each in world.command("sessions", role="viewer")["sessions"]}
    oms = listed["oms"]
    assert (oms["up"], oms["next_in"], oms["epoch"], oms["connects"]) == (True, 3, 1, "peer")
    assert (listed["ash"]["state"], listed["ash"]["enabled"], listed["ash"]["connects"]) == ("disabled", False, "we")
    assert listed["dropcopy"]["waiting"] == 1


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        pytest.param("no\x1b[31m\nfurther", "no\\x1b[31m\\nfurther", id="control characters are shown, not obeyed"),
        pytest.param("refused: 553=us|554=hunter2|", "refused: 553=us|554=***|", id="a password is not repeated"),
        pytest.param("a" * 60_000, "a" * 500, id="it is not as long as a message may be"),
    ],
)
def test_what_a_peer_says_when_it_ends_a_session_is_kept_as_people_may_see_it(
    world: SessionWorld, text: str, kept: str
) -> None:
    world.say("oms", "3", (45, "1"), (58, text))
    world.say("oms", "5", (58, text))
    (down,) = world.recorded(e.SessionDown)
    assert down.reason == kept
    shown = world.command("session.show", session="oms")
    assert shown["last_disconnect"]["text"] == kept
    assert f"peer rejected our 34=1: {kept}" in [note["text"] for note in shown["events"]]


def test_whatever_number_a_session_may_come_to_can_be_set(world: SessionWorld) -> None:
    world.say("oms", "4", (36, "5000000000"))
    world.cut("oms")
    assert world.state("oms").next_in == 5_000_000_000
    world.command("session.set_seq", session="oms", next_in=5_000_000_001, reason=WHY)
    assert world.state("oms").next_in == 5_000_000_001
