"""One command about sessions or their TLS being carried out: who asked for what, on which turn, of which session."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engine.commands.parameters import did_you_mean
from engine.desk.draft import Draft
from engine.domain import events as e
from engine.errors import CommandError
from engine.fix.session.sequence import SessionState
from engine.fix.session.settings import SessionSettings
from engine.turn.draft import TurnDraft
from engine.turn.inputs import Traffic
from engine.turn.standing import Standing


@dataclass(frozen=True, slots=True)
class SessionCall:
    """One command being carried out; `given` holds every parameter, read, defaults filled in."""

    draft: TurnDraft
    given: Mapping[str, Any]
    actor: str
    role: str
    traffic: Mapping[int, Traffic]
    ref: int
    """By which the answer is given, should a later turn have it."""

    @property
    def standing(self) -> Standing:
        return self.draft.standing

    @property
    def key(self) -> str:
        """The session that parameter `session` names. Raises CommandError (code `unknown`) naming the nearest."""
        key: str = self.given["session"]
        known = self.standing.known()
        if key not in known:
            near = did_you_mean(key, known) or f": known are {', '.join(known)}"
            raise CommandError(f"no session '{key}'{near}", code="unknown")
        return key

    @property
    def state(self) -> SessionState:
        return self.draft.state(self.key)

    @property
    def settings(self) -> SessionSettings:
        return self.standing.settings[self.key]

    @property
    def reason(self) -> str:
        reason: str = self.given["reason"]
        return reason

    @property
    def by(self) -> str:
        """Who, as events name a person."""
        return f"person:{self.actor}"

    @property
    def desk(self) -> Draft:
        return self.draft.desk

    def record(self, event: e.Event, what: str, told: str) -> None:
        """Keep what was done, and tell whoever looks at the session later."""
        self.desk.record(event)
        self.draft.note(self.key, what, told)

    def record_command(self, command: str) -> None:
        event = e.SessionCommanded(self.desk.now_ns, self.key, command, self.by, self.reason)
        self.record(event, "command", f"{command} by {self.by}: {self.reason}")

    def need_phase(self, wanted: bool, advice: str) -> None:
        if not wanted:
            raise CommandError(f"session {self.key} is {self.state.phase}: {advice}", code="state")
