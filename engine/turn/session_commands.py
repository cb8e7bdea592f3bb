"""What FIX support may ask of a session over the admin socket: look, log on and off, numbers, proof, sending again.

The desk sees no session and the session layer no person: this is where both meet, so it stands beside the desk's own
table of commands. What looks needs role viewer and records nothing; what acts needs role operator, a reason, and is
recorded with both. Numbers are touched only while the session is logged off.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from engine.clock import NS_PER_S, iso_timestamp
from engine.desk.calls import Command, need
from engine.desk.draft import Draft
from engine.desk.parameters import Param, did_you_mean, read, text, whole
from engine.domain import events as e
from engine.errors import CommandError
from engine.fix import session
from engine.fix.phases import Phase
from engine.fix.reasons import DisconnectReason, Ending
from engine.fix.sequence import SessionState
from engine.fix.settings import SessionSettings
from engine.turn.effects import Connect
from engine.turn.history import CANNOT_CONNECT, NOTES_MAX, Ended, numbers_set

if TYPE_CHECKING:
    from engine.turn.deciding import Deciding
    from engine.turn.inputs import CommandGiven
    from engine.turn.machine import Machine

SEQ_NUM_MAX: Final = 999_999_999
NOTES_SHOWN: Final = 20


@dataclass(frozen=True, slots=True)
class SessionCall:
    """One command being carried out; `given` holds every parameter, read, defaults filled in."""

    turn: Deciding
    given: Mapping[str, Any]
    actor: str
    unsent_bytes: Mapping[int, int]

    @property
    def machine(self) -> Machine:
        return self.turn.machine

    @property
    def key(self) -> str:
        """The session that parameter `session` names. Raises CommandError (code `unknown`) naming the nearest."""
        key: str = self.given["session"]
        if key not in self.machine.settings:
            near = did_you_mean(key, self.machine.settings) or f": known are {', '.join(self.machine.settings)}"
            raise CommandError(f"no session '{key}'{near}", code="unknown")
        return key

    @property
    def state(self) -> SessionState:
        return self.turn.state(self.key)

    @property
    def settings(self) -> SessionSettings:
        return self.machine.settings[self.key]

    @property
    def reason(self) -> str:
        reason: str = self.given["reason"]
        return reason

    @property
    def by(self) -> str:
        """Who, as events name a person."""
        return f"person:{self.actor}"

    @property
    def draft(self) -> Draft:
        return self.turn.draft()

    def record(self, event: e.Event, what: str, told: str) -> None:
        """Keep what was done, and tell whoever watches or looks at the session later."""
        self.draft.record(event)
        self.draft.notify("session", session=self.key, state=what, actor=self.actor, reason=self.reason)
        self.turn.out.notes.append((self.key, what, told))

    def record_command(self, command: str) -> None:
        event = e.SessionCommanded(self.draft.now_ns, self.key, command, self.by, self.reason)
        self.record(event, "command", f"{command} by {self.by}: {self.reason}")

    def need_phase(self, wanted: bool, advice: str) -> None:
        if not wanted:
            raise CommandError(f"session {self.key} is {self.state.phase}: {advice}", code="state")


def run(turn: Deciding, given: CommandGiven) -> dict[str, Any]:
    """Carry one command out on the turn; the answer, ready for JSON. Raises CommandError: nothing of it stays."""
    command = COMMANDS[given.name]
    need(given.role, command.role, given.name, given.actor)
    values = read(given.name, command.params, given.params)
    return command.handler(SessionCall(turn, values, given.actor, given.unsent_bytes))


# --- looking -------------------------------------------------------------------------------------


def sessions(call: SessionCall) -> dict[str, Any]:
    """Every session with its numbers."""
    return {"sessions": [_row(call.machine, key, call.turn.now.utc_ns) for key in call.machine.settings]}


def _row(machine: Machine, key: str, now_ns: int) -> dict[str, Any]:
    settings, state = machine.settings[key], machine.sessions[key]
    epoch, confirmed = machine.confirmed.get(key, (state.epoch, 0))
    return {
        "session": key,
        "role": settings.role,
        "peer": settings.target_comp_id,
        "ours": settings.sender_comp_id,
        "connects": "we" if settings.initiator else "peer",
        "up": state.phase is Phase.ACTIVE,
        "enabled": machine.may_log_on(key),
        "closed": _closed(settings, now_ns) or None,
        "state": _standing(machine, key),
        "epoch": state.epoch,
        "next_in": state.next_in,
        "next_out": state.next_out,
        "confirmed_out": confirmed if epoch == state.epoch else 0,
        "waiting": len(machine.waiting.get(key, ())),
        "resending": state.resending,
        "peer_expects": machine.peer_expects.get(key) or None,
        "reason": _reason(machine, key),
    }


def _reason(machine: Machine, key: str) -> str | None:
    """Why it is not connected, or why it was not the last time."""
    for note in machine.history.last(key, 1):
        if note.what == CANNOT_CONNECT:
            return f"cannot connect to {note.text}"
    ended = machine.history.endings.get(key)
    return str(ended.ending) if ended is not None else None


def _standing(machine: Machine, key: str) -> str:
    phase = machine.sessions[key].phase
    return "disabled" if phase is Phase.DISCONNECTED and not machine.may_log_on(key) else str(phase)


def _closed(settings: SessionSettings, now_ns: int) -> str:
    """`closed until ...` while the session's hours are over; empty while it is open."""
    return settings.schedule.closed(now_ns) if settings.schedule is not None else ""


def _hours(settings: SessionSettings, now_ns: int) -> dict[str, Any] | None:
    schedule = settings.schedule
    if schedule is None:
        return None
    return {
        "text": schedule.describe(now_ns),
        "open": schedule.is_open(now_ns),
        "period_since": iso_timestamp(schedule.period_start(now_ns)),
        "next_boundary": iso_timestamp(schedule.next_boundary(now_ns)),
        "reset": schedule.reset,
    }


def show(call: SessionCall) -> dict[str, Any]:
    """One session: where it stands, what is outstanding, what happened lately."""
    machine, key, state, settings, now = call.machine, call.key, call.state, call.settings, call.turn.now
    connection = state.connection
    active = state.phase is Phase.ACTIVE

    def at(monotonic_ns: int) -> str | None:
        """A moment of this connection, as UTC."""
        if connection is None or not monotonic_ns:
            return None
        return iso_timestamp(now.utc_ns - (now.monotonic_ns - monotonic_ns))

    round_trip_ns = machine.round_trips.get(key)
    ended = machine.history.endings.get(key)
    return {
        **_row(machine, key, now.utc_ns),
        "hours": _hours(settings, now.utc_ns),
        "begin_string": settings.begin_string,
        "since": at(state.phase_since_ns) or (iso_timestamp(ended.at_ns) if ended is not None else None),
        "address": machine.addresses.get(connection) if connection is not None else None,
        "heart_bt_int_s": state.heart_bt_int_s if active else settings.heart_bt_int_s,
        "last_received": at(state.last_received_ns),
        "last_sent": at(state.last_sent_ns),
        "round_trip_s": round_trip_ns / NS_PER_S if round_trip_ns is not None else None,
        "test_request": state.probe.test_req_id if state.probe is not None else None,
        "unsent_bytes": call.unsent_bytes.get(connection, 0) if connection is not None else 0,
        "gap": {"begin": state.gap.begin, "end": state.gap.end} if state.gap is not None else None,
        "held": len(state.held),
        "serving": _serving(state),
        "rebinding": key in machine.rebinding,
        "switch": _switch(machine, key),
        "last_disconnect": _ended(ended),
        "events": [
            {"time": iso_timestamp(note.at_ns), "what": note.what, "text": note.text, "times": note.times}
            for note in machine.history.last(key, call.given["events"])
        ],
    }


def _serving(state: SessionState) -> dict[str, int] | None:
    serving = state.serving
    if serving is None:
        return None
    return {"begin": serving.begin, "end": serving.end, "next": serving.next, "more": len(state.to_serve)}


def _switch(machine: Machine, key: str) -> dict[str, Any] | None:
    switch = machine.application.switch(key)
    if switch is None:
        return None
    return {
        "enabled": switch.enabled,
        "actor": switch.actor,
        "reason": switch.reason,
        "since": iso_timestamp(switch.since_ns),
    }


def _ended(ended: Ended | None) -> dict[str, Any] | None:
    if ended is None:
        return None
    code = ended.ending.code
    return {
        "time": iso_timestamp(ended.at_ns),
        "code": str(code),
        "text": ended.ending.text,
        "by": ended.ending.by,
        "meaning": code.meaning,
        "advice": code.advice,
    }


# --- on and off ----------------------------------------------------------------------------------


def logon(call: SessionCall) -> dict[str, Any]:
    """Connect now rather than after the pause."""
    if not call.settings.initiator:
        peer = call.settings.target_comp_id
        raise CommandError(f"session {call.key} is logged on by its peer {peer}: it connects to us", code="state")
    if not call.machine.may_log_on(call.key):
        advice = f"rfqctl session enable {call.key} --reason ..."
        raise CommandError(f"session {call.key} is disabled: {advice}", code="state")
    call.need_phase(call.state.phase is Phase.DISCONNECTED, "it has a connection already")
    closed = _closed(call.settings, call.turn.now.utc_ns)
    if closed:
        raise CommandError(f"session {call.key} is {closed}: its schedule lets nobody log on before", code="state")
    call.record_command("logon")
    call.turn.out.effects.append(Connect(call.key))
    return _done(call)


def logout(call: SessionCall) -> dict[str, Any]:
    """Logout(5) with the reason as Text(58), and close once it is answered."""
    active = call.state.phase in (Phase.ACTIVE, Phase.RESET_SENT)
    call.need_phase(active, f"it is not logged on; 'rfqctl session disconnect {call.key}' closes any connection")
    call.record_command("logout")
    _log_out(call, DisconnectReason.OPERATOR_LOGOUT)
    return _done(call)


def disconnect(call: SessionCall) -> dict[str, Any]:
    """Close at once and without Logout(5)."""
    call.need_phase(call.state.phase is not Phase.DISCONNECTED, "there is no connection to close")
    call.record_command("disconnect")
    ending = Ending(DisconnectReason.OPERATOR_DISCONNECT, call.reason, call.by)
    call.turn.carry(call.key, session.disconnect(call.settings, call.state, ending, call.turn.now))
    return _done(call)


def enable(call: SessionCall) -> dict[str, Any]:
    """Let the session log on again, whoever said that it may not."""
    if call.machine.may_log_on(call.key):
        raise CommandError(f"session {call.key} is enabled already", code="state")
    _switch_to(call, True)
    call.turn.out.refusals[call.key] = 0
    if call.settings.initiator:
        call.turn.out.effects.append(Connect(call.key))
    return _done(call)


def disable(call: SessionCall) -> dict[str, Any]:
    """Log the session out, and keep it off until it is enabled, over restarts too."""
    if not call.machine.may_log_on(call.key):
        raise CommandError(f"session {call.key} is disabled already", code="state")
    _switch_to(call, False)
    _log_out(call, DisconnectReason.DISABLED)
    return _done(call)


def _switch_to(call: SessionCall, enabled: bool) -> None:
    event = e.SessionSwitched(call.draft.now_ns, call.key, enabled, call.by, call.reason)
    call.record(event, "enabled" if enabled else "disabled", f"by {call.by}: {call.reason}")


def _log_out(call: SessionCall, code: DisconnectReason) -> None:
    ending = Ending(code, call.reason, call.by)
    call.turn.carry(call.key, session.logout(call.settings, call.state, ending, call.turn.now))


# --- numbers -------------------------------------------------------------------------------------


def set_seq(call: SessionCall) -> dict[str, Any]:
    """Say what is expected next from the peer, what is sent next, or both."""
    next_in, next_out = call.given["next_in"], call.given["next_out"]
    if next_in is None and next_out is None:
        raise CommandError("session.set_seq: expected 'next_in', 'next_out' or both", code="params")
    _need_logged_off(call)
    step = session.set_numbers(call.settings, call.state, call.turn.now, next_in=next_in, next_out=next_out)
    return _new_numbers(call, step)


def reset(call: SessionCall) -> dict[str, Any]:
    """Restart both numbers at 1, without a word to the peer: it has to do the same."""
    _need_logged_off(call)
    return _new_numbers(call, session.reset(call.settings, call.state, call.turn.now))


def _need_logged_off(call: SessionCall) -> None:
    advice = f"log it off first, and keep it off: rfqctl session disable {call.key} --reason ..."
    call.need_phase(call.state.phase is Phase.DISCONNECTED, advice)


def _new_numbers(call: SessionCall, step: session.Step) -> dict[str, Any]:
    before, after = call.state, step.state
    event = e.SessionNumbersSet(
        call.draft.now_ns,
        call.key,
        after.epoch,
        after.next_in,
        after.next_out,
        before.next_in,
        before.next_out,
        call.by,
        call.reason,
    )
    call.record(event, "numbers_set", numbers_set(event))
    call.turn.carry(call.key, step)
    return {
        **_done(call),
        "was": {"epoch": before.epoch, "next_in": before.next_in, "next_out": before.next_out},
        "waiting": len(call.machine.waiting.get(call.key, ())),
        "again": after.epoch != before.epoch,
    }


# --- proof, and sending again --------------------------------------------------------------------


def test_request(call: SessionCall) -> dict[str, Any]:
    """TestRequest(1): its answer proves that the peer lives and has everything sent before."""
    call.need_phase(call.state.phase is Phase.ACTIVE, "it has to be active")
    call.record_command("test-request")
    call.turn.carry(call.key, session.send_test_request(call.settings, call.state, call.turn.now))
    return _done(call)


def resend(call: SessionCall) -> dict[str, Any]:
    """Send reports again under their numbers, with PossDupFlag(43)=Y, as if the peer had asked for them."""
    if call.settings.role not in ("oms", "dropcopy"):
        text_ = f"session {call.key} has role {call.settings.role}: requests and acceptances never leave twice"
        raise CommandError(f"{text_}; if the peer lacks something, it has to ask by ResendRequest(2)", code="state")
    begin = call.given["begin"]
    end = call.state.next_out - 1 if call.given["end"] is None else call.given["end"]
    step = session.send_again(call.settings, call.state, begin, end, call.turn.now)
    call.record_command(f"resend {begin} to {end}")
    call.turn.carry(call.key, step)
    return {**_done(call), "begin": begin, "end": end}


def _done(call: SessionCall) -> dict[str, Any]:
    """Where the session stands now, after what was done."""
    state = call.turn.state(call.key)
    return {
        "session": call.key,
        "state": str(state.phase),
        "epoch": state.epoch,
        "next_in": state.next_in,
        "next_out": state.next_out,
        "initiator": call.settings.initiator,
    }


# --- the table -----------------------------------------------------------------------------------

SESSION: Final = Param("session", text, "its key, as in engine.toml", required=True)
REASON: Final = Param("reason", text, "why, for the record", required=True)
REASON_TOLD: Final = Param("reason", text, "why, for the record; the peer is told too, in Text(58)", required=True)
_SEQ_NUM: Final = whole(1, SEQ_NUM_MAX)

COMMANDS: Final[Mapping[str, Command[SessionCall]]] = {
    command.name: command
    for command in (
        Command("sessions", "viewer", sessions, "FIX sessions: state, numbers, what waits"),
        Command(
            "session.show",
            "viewer",
            show,
            "one session: state, numbers, what is outstanding, last events, last disconnect",
            (SESSION, Param("events", whole(0, NOTES_MAX), "how many of the last events", default=NOTES_SHOWN)),
        ),
        Command("session.logon", "operator", logon, "connect now rather than after the pause", (SESSION, REASON)),
        Command(
            "session.logout",
            "operator",
            logout,
            "log out; a session that we initiate connects again after its pause",
            (SESSION, REASON_TOLD),
        ),
        Command(
            "session.disconnect",
            "operator",
            disconnect,
            "close the connection at once, without Logout(5)",
            (SESSION, REASON),
        ),
        Command("session.enable", "operator", enable, "let a session log on again", (SESSION, REASON)),
        Command(
            "session.disable",
            "operator",
            disable,
            "log out, and refuse every logon until it is enabled, over restarts too",
            (SESSION, REASON_TOLD),
        ),
        Command(
            "session.set_seq",
            "operator",
            set_seq,
            "set the numbers of a session that is logged off, as agreed with the peer",
            (
                SESSION,
                Param("next_in", _SEQ_NUM, "the number expected next from the peer"),
                Param("next_out", _SEQ_NUM, "the number our next message takes"),
                REASON,
            ),
        ),
        Command(
            "session.reset",
            "operator",
            reset,
            "restart both numbers of a session that is logged off at 1; the peer has to do the same",
            (SESSION, REASON),
        ),
        Command(
            "session.test_request",
            "operator",
            test_request,
            "ask the peer to prove that it lives and has everything sent so far",
            (SESSION, REASON),
        ),
        Command(
            "session.resend",
            "operator",
            resend,
            "send reports again under their numbers, marked as possible duplicates",
            (
                SESSION,
                Param("begin", _SEQ_NUM, "our first number", required=True),
                Param("end", _SEQ_NUM, "our last number; default: all that follow"),
                REASON,
            ),
        ),
    )
}
