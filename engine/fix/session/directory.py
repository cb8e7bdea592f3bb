"""Which session a first message speaks for: by BeginString(8) and CompIDs, and by SubIDs and LocationIDs where agreed.

Several sessions may share one listening port, and one pair of CompIDs: then the SubIDs and LocationIDs that a session
was given tell them apart, and the session that names more of them is the better match.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from engine.fix.session.logon import identity_fits
from engine.fix.session.settings import SessionSettings
from engine.fix.standard.tags import Tag
from engine.fix.wire.message import Message

_SHOWN: Final = (
    (Tag.SenderSubID, "SenderSubID(50)"),
    (Tag.SenderLocationID, "SenderLocationID(142)"),
    (Tag.TargetSubID, "TargetSubID(57)"),
    (Tag.TargetLocationID, "TargetLocationID(143)"),
)
_SHOWN_MAX: Final = 64


class Directory:
    """The sessions there are, by what a peer calls itself and us."""

    def __init__(self, sessions: Iterable[SessionSettings]) -> None:
        self._sessions: dict[tuple[str, str, str], list[SessionSettings]] = {}
        for settings in sorted(sessions, key=lambda each: -len(each.route)):
            names = (settings.begin_string, settings.sender_comp_id, settings.target_comp_id)
            self._sessions.setdefault(names, []).append(settings)

    def find(self, message: Message) -> str | None:
        """The key of the session that `message`, the first of a connection, is for; None if there is none."""
        names = (message.begin_string, message.target_comp_id, message.sender_comp_id)
        for settings in self._sessions.get(names, ()):
            if identity_fits(settings, message):
                return settings.key
        return None


def described(message: Message) -> str:
    """Who a first message says it is from and for, in words for our log."""
    words = [message.begin_string, f"from {_shown(message.sender_comp_id)}", f"to {_shown(message.target_comp_id)}"]
    for tag, name in _SHOWN:
        value = message.get(tag)
        if value is not None:
            words.append(f"{name} {_shown(value)}")
    return ", ".join(words)


def _shown(value: str) -> str:
    return repr(value[:_SHOWN_MAX])
