"""All that is kept of one session between turns: one value, made anew by every turn that changes any of it.

Numbers, gaps and deadlines are the session layer's own (`SessionState`). What stands beside them here is what the
engine knows of the peer and what it has for it: what waits for a number, what the peer is known to have, which
numbers carried requests. A new fact about a session is one more field.

Every message makes a new `Link`, so it is a tuple (see `SessionState`), and what a message moves comes first. What
grows with the day is shared between one value and the next: see `appended`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final, NamedTuple

from engine.desk.draft import Delivery
from engine.domain.keys import Scope
from engine.fix.session.phases import Phase
from engine.fix.session.sequence import SessionState
from engine.turn.appended import Appended

LEDGER_MAX: Final = 20_000
"""Numbers per session whose outbox message is remembered, for refusals and gap fills."""


class Waiting(NamedTuple):
    """An outbox message without a number: its session is not able to take it.

    A report waits for however long it takes, on disk too. Anything else waits only while its session is up, for a
    resend to end, and release looks at `not_after_ns` and `kill_scopes`. `follows` is the acceptance it is about, 0
    for none.
    """

    outbox_id: int
    msg_type: str
    body: bytes
    poss_resend: bool = False
    delivery: Delivery = Delivery.at_least_once
    not_after_ns: int | None = None
    kill_scopes: tuple[Scope, ...] = ()
    follows: int = 0


class Position(NamedTuple):
    """One of our numbers in one epoch."""

    epoch: int
    seq_num: int


class Ledger:
    """Numbers of this epoch that carried what leaves at most once or afresh, with their outbox numbers.

    The last LEDGER_MAX. Numbers are given out in ascending order, so one is found by bisection.
    """

    __slots__ = ("_entries",)

    def __init__(self, entries: Iterable[tuple[int, int]] = ()) -> None:
        self._entries = entries if isinstance(entries, Appended) else Appended(entries)

    def add(self, seq_num: int, outbox_id: int) -> Ledger:
        return Ledger(self._entries.append((seq_num, outbox_id)).last(LEDGER_MAX))

    def get(self, seq_num: int) -> int | None:
        at = self._entries.place((seq_num, 0))
        if at < len(self._entries) and self._entries[at][0] == seq_num:
            return self._entries[at][1]
        return None

    def between(self, begin: int, end: int) -> list[int]:
        """Outbox numbers of what was sent under `begin` to `end`, both included."""
        entries = self._entries
        return [entries[at][1] for at in range(entries.place((begin, 0)), entries.place((end + 1, 0)))]

    def __iter__(self) -> Iterator[tuple[int, int]]:
        return iter(self._entries)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Ledger) and self._entries == other._entries

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Ledger({dict(self)!r})"


NO_LEDGER: Final = Ledger()
NOTHING_WAITS: Final[Appended[Waiting]] = Appended()


class Link(NamedTuple):
    """All that is kept of one session between turns."""

    state: SessionState
    last_report: int | None = None
    """The last number of this epoch that carried a report."""
    ledger: Ledger = NO_LEDGER
    waiting: Appended[Waiting] = NOTHING_WAITS
    """What waits for a number, oldest first; at UNBOUND_MAX orders are refused."""
    confirmed: Position | None = None
    """The last of our numbers that the peer is known to have, of this epoch or one before."""
    refusals: int = 0
    """Messages in a row that we could not handle."""
    peer_expects: int | None = None
    """The number that the peer said it expects, until it has taken ours."""
    rebinding: int | None = None
    """Up to this outbox number, what nobody is known to have is still to be read from the store and bound again."""
    in_parts: int | None = None
    """The connection over which a long queue leaves in parts: the next one once the peer has read this one."""
    subscribed_from: int = 0
    """The first of our numbers since a market session logged on, or was subscribed again: what was asked for before
    is over."""
    round_trip_ns: int | None = None
    """From our last answered TestRequest(1) to its answer."""

    def at(self, state: SessionState) -> Link:
        """The same with the session's own state moved on."""
        moved: Link = _made(Link, (state,) + self[1:])  # noqa: RUF005 (a sum takes a fifth less)
        return moved

    def sent_report(self, state: SessionState, seq_num: int) -> Link:
        """The same with this number given to a report."""
        moved: Link = _made(Link, (state, seq_num) + self[2:])  # noqa: RUF005
        return moved

    def sent_once(self, state: SessionState, seq_num: int, outbox_id: int) -> Link:
        """The same with this number given to what leaves at most once or afresh."""
        ledger = self.ledger.add(seq_num, outbox_id)
        moved: Link = _made(Link, (state, self.last_report, ledger) + self[3:])  # noqa: RUF005
        return moved

    @property
    def can_send(self) -> bool:
        """May a new message be bound now, as far as the session and the store are concerned?"""
        state = self.state
        return state.phase is _ACTIVE and state.serving is None and self.rebinding is None

    @property
    def leaves_in_parts(self) -> bool:
        """Is the next part of what waits to be taken up by itself?"""
        return self.in_parts is not None and self.in_parts == self.state.connection

    @property
    def behind(self) -> bool:
        """Has the peer said that it expects a higher number than our next one?"""
        return self.peer_expects is not None and self.peer_expects > self.state.next_out

    def proven(self, epoch: int, seq_num: int) -> bool:
        """Is the peer known to have this number?"""
        return self.confirmed is not None and self.confirmed >= (epoch, seq_num)

    def in_new_epoch(self, outbox_id: int) -> Link:
        """Numbers begin anew: those of before carry other messages, and what was decided so far is bound again."""
        return self._replace(
            last_report=None, ledger=NO_LEDGER, peer_expects=None, rebinding=outbox_id if outbox_id else None
        )


_made: Any = tuple.__new__  # A third of what `_replace` takes.
_ACTIVE: Final = Phase.ACTIVE  # A member is looked up in its class in three times what a name takes.
