"""What FIX support may ask of a session over the admin socket: look, log on and off, numbers, proof, sending again.

The desk sees no session and the session layer no person: this is where both meet, so it stands beside the desk's own
table of commands. What looks needs role viewer and records nothing; what acts needs role operator, a reason, and is
recorded with both. Numbers are touched only while the session is logged off.
"""

from __future__ import annotations

from typing import Any

from engine.commands.session_call import SessionCall
from engine.commands.session_enquiries import closed
from engine.domain import events as e
from engine.errors import CommandError
from engine.fix.session import protocol
from engine.fix.session.phases import LOGGED_ON, Phase
from engine.fix.session.reasons import DisconnectReason, Ending
from engine.turn import steps
from engine.turn.history import numbers_set
from engine.turn.outcome import Connect

# --- on and off ----------------------------------------------------------------------------------


def logon(call: SessionCall) -> dict[str, Any]:
    """Connect now rather than after the pause."""
    if not call.settings.initiator:
        peer = call.settings.target_comp_id
        raise CommandError(f"session {call.key} is logged on by its peer {peer}: it connects to us", code="state")
    if not call.standing.may_log_on(call.key):
        advice = f"rfqctl session enable {call.key} --reason ..."
        raise CommandError(f"session {call.key} is disabled: {advice}", code="state")
    call.need_phase(call.state.phase is Phase.DISCONNECTED, "it has a connection already")
    shut = closed(call.settings, call.draft.now.utc_ns)
    if shut:
        raise CommandError(f"session {call.key} is {shut}: its schedule lets nobody log on before", code="state")
    call.record_command("logon")
    call.draft.turn.effects.append(Connect(call.key))
    return _done(call)


def logout(call: SessionCall) -> dict[str, Any]:
    """Logout(5) with the reason as Text(58), and close once it is answered; wanted again, it waits for no proof."""
    logged_on = call.state.phase in LOGGED_ON
    call.need_phase(logged_on, f"it is not logged on; 'rfqctl session disconnect {call.key}' closes any connection")
    call.record_command("logout")
    _log_out(call, DisconnectReason.OPERATOR_LOGOUT)
    return _done(call)


def disconnect(call: SessionCall) -> dict[str, Any]:
    """Close at once and without Logout(5)."""
    call.need_phase(call.state.phase is not Phase.DISCONNECTED, "there is no connection to close")
    call.record_command("disconnect")
    ending = Ending(DisconnectReason.OPERATOR_DISCONNECT, call.reason, call.by)
    steps.take(call.draft, call.key, protocol.disconnect(call.settings, call.state, ending, call.draft.now))
    return _done(call)


def enable(call: SessionCall) -> dict[str, Any]:
    """Let the session log on again, whoever said that it may not."""
    if call.standing.may_log_on(call.key):
        raise CommandError(f"session {call.key} is enabled already", code="state")
    _switch_to(call, True)
    call.draft.keep(call.key, call.draft.link(call.key)._replace(refusals=0))
    if call.settings.initiator:
        call.draft.turn.effects.append(Connect(call.key))
    return _done(call)


def disable(call: SessionCall) -> dict[str, Any]:
    """Log the session out, and keep it off until it is enabled, over restarts too."""
    if not call.standing.may_log_on(call.key):
        raise CommandError(f"session {call.key} is disabled already", code="state")
    _switch_to(call, False)
    _log_out(call, DisconnectReason.DISABLED)
    return _done(call)


def _switch_to(call: SessionCall, enabled: bool) -> None:
    event = e.SessionSwitched(call.desk.now_ns, call.key, enabled, call.by, call.reason)
    call.record(event, "enabled" if enabled else "disabled", f"by {call.by}: {call.reason}")


def _log_out(call: SessionCall, code: DisconnectReason) -> None:
    ending = Ending(code, call.reason, call.by)
    steps.take(call.draft, call.key, protocol.logout(call.settings, call.state, ending, call.draft.now))


# --- numbers -------------------------------------------------------------------------------------


def set_seq(call: SessionCall) -> dict[str, Any]:
    """Say what is expected next from the peer, what is sent next, or both."""
    next_in, next_out = call.given["next_in"], call.given["next_out"]
    if next_in is None and next_out is None:
        raise CommandError("session.set_seq: expected 'next_in', 'next_out' or both", code="params")
    _need_logged_off(call)
    step = protocol.set_numbers(call.settings, call.state, call.draft.now, next_in=next_in, next_out=next_out)
    return _new_numbers(call, step)


def reset(call: SessionCall) -> dict[str, Any]:
    """Restart both numbers at 1, without a word to the peer: it has to do the same."""
    _need_logged_off(call)
    return _new_numbers(call, protocol.reset(call.settings, call.state, call.draft.now))


def _need_logged_off(call: SessionCall) -> None:
    advice = f"log it off first, and keep it off: rfqctl session disable {call.key} --reason ..."
    call.need_phase(call.state.phase is Phase.DISCONNECTED, advice)


def _new_numbers(call: SessionCall, step: protocol.Step) -> dict[str, Any]:
    before, after = call.state, step.state
    event = e.SessionNumbersSet(
        call.desk.now_ns,
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
    steps.take(call.draft, call.key, step)
    return {
        **_done(call),
        "was": {"epoch": before.epoch, "next_in": before.next_in, "next_out": before.next_out},
        "waiting": len(call.standing.links[call.key].waiting),
        "again": after.epoch != before.epoch,
    }


# --- proof, and sending again --------------------------------------------------------------------


def test_request(call: SessionCall) -> dict[str, Any]:
    """TestRequest(1): its answer proves that the peer lives and has everything sent before."""
    call.need_phase(call.state.phase is Phase.ACTIVE, "it has to be active")
    call.record_command("test-request")
    steps.take(call.draft, call.key, protocol.send_test_request(call.settings, call.state, call.draft.now))
    return _done(call)


def resend(call: SessionCall) -> dict[str, Any]:
    """Send reports again under their numbers, with PossDupFlag(43)=Y, as if the peer had asked for them."""
    if call.settings.role not in ("oms", "dropcopy"):
        text_ = f"session {call.key} has role {call.settings.role}: requests and acceptances never leave twice"
        raise CommandError(f"{text_}; if the peer lacks something, it has to ask by ResendRequest(2)", code="state")
    begin = call.given["begin"]
    end = call.state.next_out - 1 if call.given["end"] is None else call.given["end"]
    step = protocol.send_again(call.settings, call.state, begin, end, call.draft.now)
    call.record_command(f"resend {begin} to {end}")
    steps.take(call.draft, call.key, step)
    return {**_done(call), "begin": begin, "end": end}


def _done(call: SessionCall) -> dict[str, Any]:
    """Where the session stands now, after what was done."""
    state = call.draft.state(call.key)
    return {
        "session": call.key,
        "state": str(state.phase),
        "epoch": state.epoch,
        "next_in": state.next_in,
        "next_out": state.next_out,
        "initiator": call.settings.initiator,
    }
