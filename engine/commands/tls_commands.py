"""What an operator may ask of TLS over the admin socket: look at certificates, and have renewed files taken up.

What a reload comes to is in `turn.tls_files`.
"""

from __future__ import annotations

from typing import Any

from engine.commands.session_call import SessionCall
from engine.fix.session.entrance import Origin
from engine.turn.outcome import ReadFiles
from engine.turn.reloading import TLS
from engine.turn.standing import Standing
from engine.turn.tls_files import described, ending


def show(call: SessionCall) -> dict[str, Any]:
    """Every file in use, and what the peers that are connected have shown."""
    standing, now_ns = call.standing, call.draft.now.utc_ns
    return {
        "files": [described(file, now_ns) for file in standing.tls_files],
        "peers": [
            {"session": key, "sha256": origin.certificate, **ending(origin.certificate_ends_s, now_ns)}
            for key, origin in _shown(standing)
        ],
    }


def _shown(standing: Standing) -> list[tuple[str, Origin]]:
    found = []
    for key, link in standing.links.items():
        connection = None if link.state.connection is None else standing.connections.get(link.state.connection)
        if connection is not None and connection.origin.certificate:
            found.append((key, connection.origin))
    return found


def of_session(standing: Standing, key: str, now_ns: int, *, tls: bool) -> list[dict[str, Any]]:
    """The files that handshakes of one session are made with; `tls`: it is over TLS just now."""
    settings = standing.settings[key]
    wanted = [f"session[{key}]."]
    if not settings.initiator and (tls or settings.tls):
        wanted.append("fix.tls.")
    return [described(file, now_ns) for file in standing.tls_files if file.key.startswith(tuple(wanted))]


def reload(call: SessionCall) -> None:
    """Ask for the files; the answer is given once they were looked at."""
    call.draft.turn.effects.append(ReadFiles(call.ref, (TLS,), call.actor, call.reason))
