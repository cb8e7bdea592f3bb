"""Whether the numbers of captured messages follow each other, one direction of a session at a time.

A captured log may begin in the middle, so the first number of a direction is taken as it is. What a resend or a
restart explains is no gap: PossDupFlag(43)=Y, ResetSeqNumFlag(141)=Y, a Logon(A) with 1, SequenceReset(4).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Protocol

DIRECTIONS_MAX: Final = 1_000
"""Directions followed; a capture with more of them is no log of sessions."""

_PARTIES: Final = (8, 49, 50, 142, 56, 57, 143)
"""BeginString and the identifiers of both sides, SubIDs and LocationIDs included."""


class Fields(Protocol):
    """A message, or what could be read of one."""

    def get(self, tag: int) -> str | None: ...


@dataclass(slots=True)
class Continuity:
    """The next number of every direction seen."""

    _next: dict[tuple[str | None, ...], int] = field(default_factory=dict)

    def look(self, message: Fields) -> str | None:
        """What is odd about the MsgSeqNum(34) of the next message of its direction; None where nothing is."""
        number = _number(message.get(34))
        if number is None or message.get(43) == "Y":
            return None
        direction = tuple(message.get(tag) for tag in _PARTIES)
        expected = self._next.get(direction)
        if expected is None and len(self._next) >= DIRECTIONS_MAX:
            return None
        msg_type = message.get(35)
        self._next[direction] = (_number(message.get(36)) if msg_type == "4" else None) or number + 1
        is_restart = msg_type == "A" and (number == 1 or message.get(141) == "Y")
        is_reset = msg_type == "4" and message.get(123) != "Y"
        if expected is None or number == expected or is_restart or is_reset:
            return None
        text = f"MsgSeqNum(34) is {number}, expected {expected}"
        missing = number - expected
        return text if missing < 0 else f"{text}: {missing} message{'s' if missing > 1 else ''} missing"


def _number(text: str | None) -> int | None:
    """A MsgSeqNum(34) or NewSeqNo(36); None for what is none."""
    return int(text) if text and len(text) < 10 and text.isascii() and text.isdigit() else None
