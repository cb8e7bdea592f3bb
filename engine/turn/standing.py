"""What stands between turns: everything that decisions read, and how a turn is adopted.

Changed by `adopt` and by nothing else, so that whatever is decided can be dropped without a trace.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from engine.fix.session.certificates import TlsFile
from engine.fix.session.directory import Directory
from engine.fix.session.phases import Phase
from engine.fix.session.sequence import SessionState
from engine.fix.session.settings import SessionSettings
from engine.fix.standard.dictionary import Dictionary
from engine.fix.wire.message import Message
from engine.turn.application import Application
from engine.turn.history import History
from engine.turn.link import NOTHING_WAITS, Link
from engine.turn.outcome import Change, Connection, Turn

UNBOUND_MAX: Final = 50_000
"""Reports of one session that may wait for a number; at the bound new orders are refused with j 380=4."""


class Standing:
    """Everything decisions read. `outbox_id` is the last outbox number given out."""

    def __init__(
        self,
        application: Application,
        settings: Mapping[str, SessionSettings],
        dictionaries: Mapping[str, Dictionary],
        *,
        links: Mapping[str, Link] | None = None,
        outbox_id: int = 0,
        history: History | None = None,
        tls_files: Sequence[TlsFile] = (),
    ) -> None:
        self.application = application
        self.settings = dict(settings)
        self.dictionaries = dict(dictionaries)
        self.retired: frozenset[str] = frozenset()
        """Sessions that were taken away while this process runs: logged out, let on no more, shown to nobody."""
        taken_over = links or {}
        self.links: dict[str, Link] = {key: taken_over.get(key) or Link(SessionState.fresh()) for key in self.settings}
        self.up = frozenset(key for key, link in self.links.items() if link.state.phase is Phase.ACTIVE)
        """The sessions that are logged on: the same object as long as they are the same."""
        self.connections: dict[int, Connection] = {}
        self.history = history if history is not None else History()
        self.tls_files = tuple(tls_files)
        """Certificates and lists in use, to be shown; `settings` has the pins."""
        self.outbox_id = outbox_id
        self._directory = Directory(self.settings.values())
        self.waits = {key: None for key, link in self.links.items() if link.waiting}
        """Sessions for which anything waits: hardly ever one, and every order asks for them."""

    # --- what is asked of it -----------------------------------------------------------------------

    def state(self, key: str) -> SessionState:
        """The session's own state."""
        return self.links[key].state

    def may_log_on(self, key: str) -> bool:
        if key in self.retired:
            return False
        switch = self.application.switch(key)
        return switch is None or switch.enabled

    def known(self) -> dict[str, SessionSettings]:
        """The sessions there are."""
        if not self.retired:
            return self.settings
        return {key: each for key, each in self.settings.items() if key not in self.retired}

    def session_up(self, key: str) -> bool:
        return key in self.up

    def full(self) -> str | None:
        """A session for which as much waits as may."""
        if not self.waits:
            return None
        return next((key for key in self.waits if len(self.links[key].waiting) >= UNBOUND_MAX), None)

    def unproven(self, key: str) -> bool:
        """Has the peer got reports of ours of which there is no evidence yet, and is it not being asked already?"""
        link = self.links[key]
        state, last = link.state, link.last_report
        if state.phase is not Phase.ACTIVE or state.probe is not None or state.resending:
            return False
        return last is not None and not link.proven(state.epoch, last)

    def behind(self, key: str) -> bool:
        """Has the peer said that it expects a higher number than our next one?"""
        return self.links[key].behind

    def find(self, message: Message) -> str | None:
        """The session that the first message of a connection speaks for."""
        return self._directory.find(message)

    # --- adopt -------------------------------------------------------------------------------------

    def adopt(self, turn: Turn) -> None:
        """The turn becomes the state. An exception in here is our bug: the caller stops the process."""
        self.links.update(turn.links)
        for key, link in turn.links.items():
            if link.waiting is not NOTHING_WAITS and link.waiting:
                self.waits[key] = None
            elif self.waits:
                self.waits.pop(key, None)
        for key in turn.stepped:  # Nothing else than a step moves a session on.
            if (turn.links[key].state.phase is Phase.ACTIVE) is not (key in self.up):
                self.up = self.up ^ {key}
        if turn.connections:
            for number, connection in turn.connections:
                if connection is None:
                    self.connections.pop(number, None)
                else:
                    self.connections[number] = connection
        if turn.sends:
            self.outbox_id = turn.sends[-1][0].outbox_id
        if turn.change is not None:
            self._take_up(turn.change)
        if turn.hold is not None:
            self.application.hold(turn.hold)
        if turn.notes or turn.warnings or turn.endings:
            self.history.follow(turn)
        if turn.desk is not None and (turn.events or turn.heard):
            self.application.adopt(turn.desk)

    def _take_up(self, change: Change) -> None:
        """Everything else is in force from here on."""
        self.tls_files = change.tls_files
        if change.settings is not None:
            for key in change.settings:
                if key not in self.links:
                    self.links[key] = link = change.links.get(key) or Link(SessionState.fresh())
                    if link.waiting:
                        self.waits[key] = None
            self.settings.update(change.settings)
            self.dictionaries.update(change.dictionaries)
            self.retired = frozenset(key for key in self.settings if key not in change.settings)
            self._directory = Directory(self.known().values())
        if change.application is not None:
            self.application.take_up(change)
