"""Looking at sessions, for FIX support: all of them in a row each, or one with everything there is to say."""

from __future__ import annotations

from typing import Any

from engine.clock import NS_PER_S, iso_timestamp
from engine.commands import tls_commands
from engine.commands.session_call import SessionCall
from engine.fix.session import protocol
from engine.fix.session.entrance import LOCAL
from engine.fix.session.phases import IN_SESSION, Phase
from engine.fix.session.sequence import SessionState
from engine.fix.session.settings import SessionSettings
from engine.turn import tls_files
from engine.turn.history import CANNOT_CONNECT, Ended
from engine.turn.inputs import Traffic
from engine.turn.standing import Standing


def sessions(call: SessionCall) -> dict[str, Any]:
    """Every session with its numbers."""
    return {"sessions": [_row(call.standing, key, call.draft.now.utc_ns) for key in call.standing.known()]}


def _row(standing: Standing, key: str, now_ns: int) -> dict[str, Any]:
    settings, link = standing.settings[key], standing.links[key]
    state, confirmed = link.state, link.confirmed
    return {
        "session": key,
        "role": settings.role,
        "peer": settings.target_comp_id,
        "ours": settings.sender_comp_id,
        "connects": "we" if settings.initiator else "peer",
        "up": state.phase is Phase.ACTIVE,
        "enabled": standing.may_log_on(key),
        "closed": closed(settings, now_ns) or None,
        "state": _standing(standing, key),
        "epoch": state.epoch,
        "next_in": state.next_in,
        "next_out": state.next_out,
        "confirmed_out": confirmed.seq_num if confirmed is not None and confirmed.epoch == state.epoch else 0,
        "waiting": len(link.waiting),
        "resending": state.resending,
        "peer_expects": link.peer_expects,
        "reason": _reason(standing, key),
    }


def _reason(standing: Standing, key: str) -> str | None:
    """Why it is not connected, or why it was not the last time."""
    for note in standing.history.last(key, 1):
        if note.what == CANNOT_CONNECT:
            return f"cannot connect to {note.text}"
    ended = standing.history.endings.get(key)
    return str(ended.ending) if ended is not None else None


def _standing(standing: Standing, key: str) -> str:
    phase = standing.state(key).phase
    return "disabled" if phase is Phase.DISCONNECTED and not standing.may_log_on(key) else str(phase)


def closed(settings: SessionSettings, now_ns: int) -> str:
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
    standing, key, settings, now = call.standing, call.key, call.settings, call.draft.now
    link = call.draft.link(key)
    connection = link.state.connection
    traffic = Traffic() if connection is None else call.traffic.get(connection, Traffic())
    state = protocol.heard(link.state, traffic.heard_ns)

    def at(monotonic_ns: int) -> str | None:
        """A moment of this connection, as UTC."""
        if connection is None or not monotonic_ns:
            return None
        return iso_timestamp(now.utc_ns - (now.monotonic_ns - monotonic_ns))

    known = None if connection is None else standing.connections.get(connection)
    origin = LOCAL if known is None else known.origin
    round_trip_ns = link.round_trip_ns
    ended = standing.history.endings.get(key)
    return {
        **_row(standing, key, now.utc_ns),
        "hours": _hours(settings, now.utc_ns),
        "begin_string": settings.begin_string,
        "since": at(state.phase_since_ns) or (iso_timestamp(ended.at_ns) if ended is not None else None),
        "address": f"{origin.address}:{origin.port}" if origin.address else None,
        "tls": origin.tls,
        "certificate": origin.certificate or None,
        "certificate_ends": tls_files.ending(origin.certificate_ends_s, now.utc_ns),
        "tls_files": tls_commands.of_session(standing, key, now.utc_ns, tls=origin.tls),
        "heart_bt_int_s": state.heart_bt_int_s if state.phase in IN_SESSION else settings.heart_bt_int_s,
        "last_received": at(state.last_received_ns),
        "last_sent": at(state.last_sent_ns),
        "round_trip_s": round_trip_ns / NS_PER_S if round_trip_ns is not None else None,
        "test_request": state.probe.test_req_id if state.probe is not None else None,
        "unsent_bytes": traffic.unsent_bytes,
        "gap": {"begin": state.gap.begin, "end": state.gap.end} if state.gap is not None else None,
        "held": len(state.held),
        "serving": _serving(state),
        "rebinding": link.rebinding is not None,
        "switch": _switch(standing, key),
        "last_disconnect": _ended(ended),
        "events": [
            {"time": iso_timestamp(note.at_ns), "what": note.what, "text": note.text, "times": note.times}
            for note in standing.history.last(key, call.given["events"])
        ],
    }


def _serving(state: SessionState) -> dict[str, int] | None:
    serving = state.serving
    if serving is None:
        return None
    return {"begin": serving.begin, "end": serving.end, "next": serving.next, "more": len(state.to_serve)}


def _switch(standing: Standing, key: str) -> dict[str, Any] | None:
    switch = standing.application.switch(key)
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
