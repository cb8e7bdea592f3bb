"""What is decided in a turn, while it is decided: one value at the bottom that the handlers of an input fill.

It reads what stands (`Standing`) and changes none of it. Dropped, it leaves no trace; sealed, it is a `Turn`. Handlers
are functions that take it: `numbering` gives messages their numbers, `steps` takes a session's step into it, and
`machine` begins with an input.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from engine.desk.draft import Delivery, Draft
from engine.domain.keys import Timer, TimerKind
from engine.domain.messages import BusinessReject
from engine.fix.session.phases import Phase
from engine.fix.session.reasons import DisconnectReason
from engine.fix.session.sequence import SessionState
from engine.fix.session.settings import SessionSettings
from engine.turn.inputs import Input
from engine.turn.link import Link
from engine.turn.outcome import Behind, Close, Connection, Gate, Turn, Write
from engine.turn.standing import Standing


class TurnDraft:
    """One turn while it is being decided. `refused` is our own failure over this input, if this is the second try."""

    __slots__ = ("_touched", "desk_if_begun", "given", "now", "refused", "standing", "turn")

    def __init__(self, standing: Standing, given: Input, refused: Exception | None = None) -> None:
        self.standing = standing
        self.given = given
        self.now = given.now
        self.refused = refused
        self.turn = Turn(given.now, type(given).__name__)
        self.desk_if_begun: Draft | None = None
        self._touched: dict[Timer, None] = {}

    def begin_again(self) -> None:
        """Nothing is to stay of what was decided so far."""
        TurnDraft.__init__(self, self.standing, self.given, self.refused)

    # --- sessions ----------------------------------------------------------------------------------

    def link(self, key: str) -> Link:
        """What is kept of a session, as this turn leaves it so far."""
        return self.turn.links.get(key) or self.standing.links[key]

    def state(self, key: str) -> SessionState:
        return self.link(key).state

    def keep(self, key: str, link: Link) -> None:
        """From now on this is kept of the session."""
        self.turn.links[key] = link

    def settings(self, key: str) -> SessionSettings:
        return self.standing.settings[key]

    # --- the desk ----------------------------------------------------------------------------------

    @property
    def desk(self) -> Draft:
        """The desk's draft, begun when it is first needed: a heartbeat needs none."""
        desk = self.desk_if_begun
        if desk is None:
            standing = self.standing
            # A method of this object would make a ring of it, its draft and all that was decided, for the garbage
            # collector to find: a turn is to be gone when it is done.
            session_up = SessionsOfTurn(standing.up, self.turn.links)
            desk = standing.application.draft(self.now, self.given.entropy, standing.outbox_id, session_up)
            self.desk_if_begun = desk
        return desk

    def say(self, key: str, reject: BusinessReject) -> None:
        self.desk.send(key, reject, Delivery.at_least_once)

    # --- what leaves, and what is told -------------------------------------------------------------

    def emit(self, key: str, data: bytes, gate: Gate | Behind | None = None) -> None:
        """Have bytes leave once this turn is durable; without a connection there is nothing to leave by."""
        connection = self.state(key).connection
        if connection is not None:
            self.turn.effects.append(Write(key, connection, data, gate))

    def close(self, connection: int, code: DisconnectReason, text: str, key: str = "") -> None:
        """Close a connection that is no session's; `key` is the one it asked for, if it is known."""
        self.own(connection, None)
        self.warn(key, code, text)
        self.turn.effects.append(Close(connection, code, text))

    def own(self, connection: int, owned: Connection | None) -> None:
        """From now on the connection is this session's, or a stranger's; None: it is given up."""
        self.turn.connections += ((connection, owned),)

    def touch(self, timer: Timer) -> None:
        """Have this timer's deadline looked at again."""
        self._touched[timer] = None

    def stepped(self, key: str) -> None:
        """More of this session may be different than numbers and times: at the end its own timer is looked at."""
        self.turn.stepped = {**self.turn.stepped, key: self.standing.links[key].state}

    def warn(self, key: str, code: str, text: str) -> None:
        self.turn.warnings += ((key, code, text),)

    def note(self, key: str, what: str, text: str) -> None:
        self.turn.notes += ((key, what, text),)

    # --- its end -----------------------------------------------------------------------------------

    def sealed(self) -> Turn:
        """The turn, once every message of the desk's draft has been placed."""
        turn, desk, touched = self.turn, self.desk_if_begun, self._touched
        if desk is not None:
            turn.desk = desk
            turn.events = desk.events
            turn.heard = desk.heard
            if desk.touched:
                touched.update(desk.touched)
            if desk.pages:
                turn.effects.extend(desk.pages)
        if turn.stepped:
            for key, before in turn.stepped.items():
                # Where only numbers and times moved on the next deadline became later: whoever is woken looks again.
                # But a peer that is heard before it answers a TestRequest(1) is owed Heartbeats again, due sooner.
                if before.probe is not None or not turn.links[key].state.moved_on_from(before):
                    touched[Timer(TimerKind.session, key)] = None
        if touched:
            turn.touched = tuple(touched)
        return turn


class SessionsOfTurn:
    """The sessions that are up: those of before the turn, but for what it has made of some so far."""

    __slots__ = ("_changed", "_up")

    def __init__(self, up: frozenset[str], changed: dict[str, Link]) -> None:
        self._up = up
        self._changed = changed

    def __call__(self, key: str) -> bool:
        link = self._changed.get(key)
        return key in self._up if link is None else link.state.phase is _ACTIVE

    def among(self, keys: tuple[str, ...]) -> frozenset[str]:
        """Those of these that are up. As good as always the same as for the order before."""
        for key, link in self._changed.items():
            if (link.state.phase is _ACTIVE) is not (key in self._up):
                return frozenset(filter(self, keys))
        return _up_among(self._up, keys)


@lru_cache(maxsize=32)
def _up_among(up: frozenset[str], keys: tuple[str, ...]) -> frozenset[str]:
    return up.intersection(keys)


_ACTIVE: Final = Phase.ACTIVE  # A member is looked up in its class in three times what a name takes.
