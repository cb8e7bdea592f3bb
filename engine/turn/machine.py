"""Everything decisions read, and the one way to change it: `take` an input."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from engine.desk.draft import Delivery
from engine.fix.session.certificates import TlsFile
from engine.fix.session.directory import Directory
from engine.fix.session.entrance import Origin
from engine.fix.session.phases import Phase
from engine.fix.session.sequence import SessionState
from engine.fix.session.settings import SessionSettings
from engine.fix.standard.dictionary import Dictionary
from engine.fix.wire.message import Message
from engine.turn import refusing
from engine.turn.application import Application
from engine.turn.deciding import Deciding
from engine.turn.history import History
from engine.turn.inputs import Input
from engine.turn.outcome import Turn, Waiting

LEDGER_MAX: Final = 20_000
"""Numbers per session whose outbox message is remembered, for refusals and gap fills."""
UNBOUND_MAX: Final = 50_000
"""Reports of one session that may wait for a number; at the bound new orders are refused with j 380=4."""


class Machine:
    """Everything decisions read. `outbox_id` is the last outbox number given out."""

    def __init__(
        self,
        application: Application,
        settings: Mapping[str, SessionSettings],
        dictionaries: Mapping[str, Dictionary],
        *,
        sessions: Mapping[str, SessionState] | None = None,
        outbox_id: int = 0,
        history: History | None = None,
        tls_files: Sequence[TlsFile] = (),
    ) -> None:
        self.application = application
        self.settings = dict(settings)
        self.dictionaries = dict(dictionaries)
        self.sessions: dict[str, SessionState] = {
            key: (sessions or {}).get(key, SessionState.fresh()) for key in self.settings
        }
        self.confirmed: dict[str, tuple[int, int]] = {}
        """Per session the last (epoch, number) that the peer is known to have."""
        self.waiting: dict[str, deque[Waiting]] = {}
        """Per session what waits for a number, oldest first; at UNBOUND_MAX orders are refused."""
        self.rebinding: dict[str, int] = {}
        """Sessions whose undelivered messages, up to this outbox number, are to be bound again from the store."""
        self.in_parts: dict[str, int] = {}
        """Per session the connection over which a long queue leaves in parts."""
        self.connections: dict[int, str] = {}
        self.origins: dict[int, Origin] = {}
        self.ledger: dict[str, dict[int, int]] = {}
        """Per session this epoch's numbers of at-most-once and afresh messages, and their outbox numbers."""
        self.last_report: dict[str, int] = {}
        """Per session the last number of this epoch that carried a report."""
        self.peer_expects: dict[str, int] = {}
        """The number each peer said it expects; 0 once it has taken ours."""
        self.refusals: dict[str, int] = {}
        self.round_trips: dict[str, int] = {}
        """Per session the ns from our last answered TestRequest(1) to its answer."""
        self.history = history if history is not None else History()
        self.tls_files = tuple(tls_files)
        """Certificates and lists in use, to be shown; `settings` has the pins."""
        self.outbox_id = outbox_id
        self._directory = Directory(self.settings.values())

    # --- decide ----------------------------------------------------------------------------------

    def take(self, given: Input) -> Turn:
        """Decide and adopt. A second failure, or one while adopting, is ours and stops the process."""
        try:
            turn = self.decide(given)
        except Exception as error:
            try:
                turn = self.decide(given, refused=error)
            except Exception as again:
                turn = refusing.give_up(Deciding(self, given, again))
        self.adopt(turn)
        return turn

    def decide(self, given: Input, refused: Exception | None = None) -> Turn:
        return Deciding(self, given, refused).turn()

    def may_log_on(self, key: str) -> bool:
        switch = self.application.switch(key)
        return switch is None or switch.enabled

    def session_up(self, key: str) -> bool:
        state = self.sessions.get(key)
        return state is not None and state.phase is Phase.ACTIVE

    def full(self) -> str:
        """A session for which as much waits as may; empty if there is none."""
        return next((key for key, queue in self.waiting.items() if len(queue) >= UNBOUND_MAX), "")

    def unproven(self, key: str) -> bool:
        """Has the peer got reports of ours of which there is no evidence yet, and is it not being asked already?"""
        state = self.sessions[key]
        if state.phase is not Phase.ACTIVE or state.probe is not None or state.resending:
            return False
        return self.last_report.get(key, 0) > 0 and (state.epoch, self.last_report[key]) > self.confirmed.get(
            key, (0, 0)
        )

    def behind(self, key: str) -> bool:
        """Has the peer said that it expects a higher number than our next one?"""
        return self.peer_expects.get(key, 0) > self.sessions[key].next_out

    def find(self, message: Message) -> str | None:
        """The session that the first message of a connection speaks for."""
        return self._directory.find(message)

    # --- adopt -----------------------------------------------------------------------------------

    def adopt(self, turn: Turn) -> None:
        """The turn becomes the state. An exception in here is our bug: the caller stops the process."""
        sessions = self.sessions
        for key, state in turn.sessions.items():
            if state.epoch != sessions[key].epoch:
                self.ledger.pop(key, None)
                self.last_report.pop(key, None)
            sessions[key] = state
        if turn.confirmed:
            self.confirmed.update(turn.confirmed)
        for key, queue in turn.requeued.items():
            if queue:
                self.waiting[key] = deque(queue)
            else:
                self.waiting.pop(key, None)
        for key, more in turn.queued.items():
            self.waiting.setdefault(key, deque()).extend(more)
        if turn.peer_expects:
            self.peer_expects.update(turn.peer_expects)
        if turn.refusals:
            self.refusals.update(turn.refusals)
        if turn.in_parts:
            self.in_parts.update(turn.in_parts)
        if turn.round_trips:
            self.round_trips.update(turn.round_trips)
        if turn.origins:
            self.origins.update(turn.origins)
        if turn.tls_files is not None:
            self.tls_files = turn.tls_files
            for key, pins in turn.pins.items():
                self.settings[key] = replace(self.settings[key], pins=pins)
        for session_key, up_to in turn.rebinding.items():
            if up_to:
                self.rebinding[session_key] = up_to
                self.ledger.pop(session_key, None)  # A new epoch: its numbers carry other messages.
            else:
                self.rebinding.pop(session_key, None)
        for connection, owner in turn.connections.items():
            if owner is None:
                self.connections.pop(connection, None)
                self.origins.pop(connection, None)
            else:
                self.connections[connection] = owner
        if turn.bound:
            self._remember(turn)
        if turn.sends:
            self.outbox_id = turn.sends[-1][0].outbox_id
        if turn.notes or turn.warnings or turn.endings:
            self.history.follow(turn)
        if turn.events or turn.marks:
            self.application.apply(turn.events, turn.marks)

    def _remember(self, turn: Turn) -> None:
        for bound in turn.bound:
            if bound.outbox_id is None:
                continue
            if bound.delivery is Delivery.at_least_once:
                self.last_report[bound.session] = bound.seq_num
                continue
            ledger = self.ledger.setdefault(bound.session, {})
            ledger[bound.seq_num] = bound.outbox_id
            if len(ledger) > LEDGER_MAX:
                del ledger[next(iter(ledger))]
