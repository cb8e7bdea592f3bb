"""What an echo acceptor heeds of [fix] and [[session]]: the session layer's own keys.

It has no TLS, no door and no clock of its own. A key that would do nothing is a mistake, not a comfort: whoever wrote
`allow` believes that strangers are kept out.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any, Final

from engine.config.sessions import SessionConfig
from engine.config.tables import FixConfig

_OF_FIX: Final = frozenset(
    [
        "listen_host",
        "listen_port",
        "connections_max",
        "max_message_bytes",
        "outgoing_bytes_max",
        "held_messages_max",
        "logon_timeout_s",
        "logout_timeout_s",
        "gap_timeout_s",
        "sending_time_tolerance_s",
        "heart_bt_int_s_min",
        "heart_bt_int_s_max",
    ]
)
_NOT_OF_A_SESSION: Final = frozenset({"backup", "reconnect_min_s", "reconnect_max_s", "schedule", "allow", "tls"})
"""With `tls` go all keys that are of no use without it."""
_TEXT: Final = "an echo acceptor does not heed it: leave it out"


def unheeded(fix: FixConfig, sessions: tuple[SessionConfig, ...]) -> list[tuple[str, str]]:
    """Keys that were set and would do nothing, as (key, text) pairs."""
    found = [(f"fix.{name}", _TEXT) for name in _set(fix) if name not in _OF_FIX]
    for session in sessions:
        found += [(f"session[{session.key}].{name}", _TEXT) for name in _set(session) if name in _NOT_OF_A_SESSION]
    return found


def _set(table: Any) -> Iterator[str]:
    """The keys of a table that differ from their default."""
    for field in dataclasses.fields(table):
        if getattr(table, field.name) != field.default:
            yield field.name
