"""One command about sessions or their TLS being carried out: who asked for what, on which turn, of which session."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engine.commands.parameters import did_you_mean
from engine.desk.draft import Draft
from engine.domain import events as e
from engine.errors import CommandError
from engine.fix.session.sequence import SessionState
from engine.fix.session.settings import SessionSettings

if TYPE_CHECKING:
    from engine.turn.deciding import Deciding
    from engine.turn.machine import Machine


@dataclass(frozen=True, slots=True)
class SessionCall:
    """One command being carried out; `given` holds every parameter, read, defaults filled in."""

    turn: Deciding
    given: Mapping[str, Any]
    actor: str
    unsent_bytes: Mapping[int, int]
    ref: int
    """By which the answer is given, should a later turn have it."""

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
