"""How long an initiator waits before it connects again.

Pauses double while nothing comes of connecting: nobody there, a peer that closes at once, a Logon(A) that is refused.
They start over once a session has lived for a while. A peer that says our numbers are too low waits for people, not
for us: the pause is a long one at once, and nothing is ever reset because of it.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final, NamedTuple

STEADY_PAUSES: Final = 4
"""A session that was logged on for longer than so many of its pauses has lived: the next pause is the first one."""
NUMBERS_PAUSES: Final = 5
"""While the peer expects other numbers, so many of the longest pauses are waited."""
JITTER: Final = 0.2
"""Each pause is made up to so much shorter or longer, lest everybody comes back at the same instant."""


class Outcome(StrEnum):
    """What became of connecting."""

    NO_CONNECTION = "no_connection"  # nobody there, or the TLS handshake failed
    NO_LOGON = "no_logon"  # connected, and over before the session was logged on
    LOGGED_ON = "logged_on"
    WRONG_NUMBERS = "wrong_numbers"  # the peer expects a higher MsgSeqNum(34) than ours


class Pause(NamedTuple):
    """`wait_s` is to be waited now, `next_s` is the pause that the next failure takes, before jitter."""

    wait_s: float
    next_s: float


def after(outcome: Outcome, lived_s: float, pause_s: float, *, min_s: float, max_s: float, draw: float) -> Pause:
    """The pause after `outcome`, `pause_s` being what is due by now (`min_s` at first), `draw` from 0 up to 1.

    `lived_s` is how long the session was logged on.
    """
    if outcome is Outcome.LOGGED_ON and lived_s > pause_s * STEADY_PAUSES:
        pause_s = min_s
    due_s = max_s * NUMBERS_PAUSES if outcome is Outcome.WRONG_NUMBERS else pause_s
    return Pause(due_s * (1 - JITTER + 2 * JITTER * draw), min(max_s, pause_s * 2))
