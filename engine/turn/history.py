"""What happened to each session lately, for people who look at it: bounded, and no part of any decision.

Filled by every turn that has something to tell; after a restart from the events on record, which know of logons,
logouts, resets and what operators did, but not of warnings.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from engine.domain import events as e
from engine.fix.session.reasons import BY_CODE, Ending

if TYPE_CHECKING:
    from engine.turn.outcome import Turn

NOTES_MAX: Final = 50
"""Notes of one session that are kept."""


CANNOT_CONNECT: Final = "cannot_connect"


class Note(NamedTuple):
    """`what` is from a small set; `times` is how often in a row, `text` and time those of the last."""

    at_ns: int
    what: str
    text: str
    times: int = 1


class Ended(NamedTuple):
    at_ns: int
    ending: Ending


class History:
    """Notes and the last ending of each session."""

    def __init__(self) -> None:
        self.endings: dict[str, Ended] = {}
        self._notes: dict[str, deque[Note]] = {}

    def last(self, session: str, count: int) -> list[Note]:
        """The last notes, oldest first."""
        notes = self._notes.get(session, ())
        return list(notes)[-count:] if count else []

    def add(self, session: str, at_ns: int, what: str, text: str) -> None:
        """One note. The same thing again and again is one note with a count: it must not wash the others away."""
        notes = self._notes.setdefault(session, deque(maxlen=NOTES_MAX))
        if notes and notes[-1].what == what:
            notes[-1] = Note(at_ns, what, text, notes[-1].times + 1)
        else:
            notes.append(Note(at_ns, what, text))

    def follow(self, turn: Turn) -> None:
        """Take over what a turn tells of sessions."""
        at_ns = turn.now.utc_ns
        for session, code, text in turn.warnings:
            if session:
                self.add(session, at_ns, code, text)
        for session, what, text in turn.notes:
            self.add(session, at_ns, what, text)
        for session, ending in turn.endings:
            if session:
                self.endings[session] = Ended(at_ns, ending)
                self.add(session, at_ns, "disconnect", f"{ending} (by {ending.by})")

    def recall(self, event: e.Event) -> None:
        """One event of an earlier process."""
        told = _RECALLED.get(type(event))
        if told is not None:
            what, text = told(event)
            session: str = event.session  # type: ignore[attr-defined]
            self.add(session, event.at_ns, what, text)
            if isinstance(event, e.SessionDown) and event.code in BY_CODE:
                self.endings[session] = Ended(event.at_ns, _ending(event))


def _ending(event: e.SessionDown) -> Ending:
    code = BY_CODE[event.code]
    return Ending(code, event.reason, "" if event.by == code.side else event.by)


def _down(event: e.SessionDown) -> tuple[str, str]:
    words = f"{event.code}: {event.reason}" if event.code and event.reason else event.code or event.reason
    return "disconnect", f"{words} (by {event.by})" if event.by else words


def _switched(event: e.SessionSwitched) -> tuple[str, str]:
    return "enabled" if event.enabled else "disabled", f"by {event.actor}: {event.reason}"


def _numbers_set(event: e.SessionNumbersSet) -> tuple[str, str]:
    return "numbers_set", numbers_set(event)


def numbers_set(event: e.SessionNumbersSet) -> str:
    return (
        f"next in {event.was_in} to {event.next_in}, next out {event.was_out} to {event.next_out} "
        f"by {event.actor}: {event.reason}"
    )


_RECALLED: Final[Mapping[type[e.Event], Callable[[Any], tuple[str, str]]]] = {
    e.SessionUp: lambda event: ("logon", f"epoch {event.epoch}"),
    e.SessionDown: _down,
    e.SessionReset: lambda event: ("reset", f"{event.cause}: epoch {event.epoch}"),
    e.SessionSwitched: _switched,
    e.SessionNumbersSet: _numbers_set,
    e.SessionCommanded: lambda event: ("command", f"{event.command} by {event.actor}: {event.reason}"),
}
