"""The state of one session as a value: numbers, the gap, held messages, what is outstanding.

Owns what "expected", "held" and "gap" mean. Numbers count within an epoch; a reset begins the next epoch.
Everything here is replaced, never changed. Times ending in `_ns` are monotonic nanoseconds.

Reference: FIX 4.4, Volume 2, "FIX Session Protocol", message recovery.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, NamedTuple

from engine.fix.session.phases import Phase
from engine.fix.session.reasons import Ending

if TYPE_CHECKING:
    from engine.fix.wire.message import Message

HELD_BYTES_MAX: Final = 4 * 1024 * 1024
"""Bytes of the messages one session holds, as they came; taken apart they need up to fourteen times as much."""


@dataclass(frozen=True, slots=True)
class Gap:
    """Numbers the peer was asked to send again: `begin` to `end`, both included."""

    begin: int
    end: int
    progress_ns: int


@dataclass(frozen=True, slots=True)
class Probe:
    """Our TestRequest(1) that is unanswered; its Heartbeat(0) confirms every number up to `seq_num`."""

    test_req_id: str
    seq_num: int
    sent_ns: int


@dataclass(frozen=True, slots=True)
class Serving:
    """A ResendRequest(2) being answered: `next` is the row to come, `run_begin` opens a run to be filled over."""

    begin: int
    end: int
    next: int
    run_begin: int | None = None


@dataclass(frozen=True, slots=True)
class Repeat:
    """How often in a row the very same ResendRequest(2) has come."""

    begin: int
    end: int
    count: int


class SessionState(NamedTuple):
    """One session at one instant.

    A tuple, because every message makes a new one: a frozen dataclass of this size takes five times as long. What a
    message moves comes first, so that the rest is taken over in one piece.

    `next_in` is the number expected from the peer, `next_out` the number our next message takes, `first_out` the
    number this epoch began with (1 unless an operator set another). `began_utc_ns` is when the epoch began, 0 while
    nothing of it is on record. `ending` is why this connection is to end, or
    without a connection why the last one ended; None if nothing has ended yet.
    """

    next_in: int
    last_received_ns: int
    next_out: int
    last_sent_ns: int
    phase: Phase
    epoch: int
    first_out: int
    began_utc_ns: int
    connection: int | None
    phase_since_ns: int
    heart_bt_int_s: int
    gap: Gap | None
    held: tuple[Message, ...]
    probe: Probe | None
    serving: Serving | None
    to_serve: tuple[tuple[int, int], ...]
    repeat: Repeat | None
    ending: Ending | None

    @classmethod
    def fresh(
        cls, epoch: int = 1, next_in: int = 1, next_out: int = 1, first_out: int = 1, began_utc_ns: int = 0
    ) -> SessionState:
        """A disconnected session with these numbers: the first ever, or what the journal kept."""
        return cls(
            phase=Phase.DISCONNECTED,
            epoch=epoch,
            next_in=next_in,
            next_out=next_out,
            first_out=first_out,
            began_utc_ns=began_utc_ns,
            connection=None,
            phase_since_ns=0,
            last_received_ns=0,
            last_sent_ns=0,
            heart_bt_int_s=0,
            gap=None,
            held=(),
            probe=None,
            serving=None,
            to_serve=(),
            repeat=None,
            ending=None,
        )

    @property
    def resending(self) -> bool:
        """A resend is being served: new application messages wait, session messages do not."""
        return self.serving is not None

    def moved_on_from(self, before: SessionState) -> bool:
        """Nothing is different but numbers and when something was last received or sent."""
        return self[_STANDING] == before[_STANDING]

    @property
    def lacking(self) -> bool:
        """One side is known to lack messages of the other, or has not handled yet what it held meanwhile."""
        return self.serving is not None or self.gap is not None or bool(self.held)

    @property
    def can_send(self) -> bool:
        """A new application message may be bound now."""
        return self.phase is Phase.ACTIVE and self.serving is None


_STANDING: Final = slice(4, None)


def took_in(state: SessionState, now_ns: int) -> SessionState:
    """The next number was received in order, while nothing is held and no gap is open."""
    return _moved(SessionState, (state[0] + 1, now_ns) + state[2:])  # noqa: RUF005 (a sum takes a fifth less)


def gave_out(state: SessionState, now_ns: int) -> SessionState:
    """Our next number was given to a message."""
    return _moved(SessionState, (state[0], state[1], state[2] + 1, now_ns) + state[4:])  # noqa: RUF005


def heard(state: SessionState, now_ns: int) -> SessionState:
    """Bytes came: no whole message is needed for the peer to be alive."""
    return _moved(SessionState, (state[0], now_ns, *state[2:]))


_moved: Final = tuple.__new__  # A third of what `_replace` takes.


def advanced(state: SessionState, next_in: int, now_ns: int) -> SessionState:
    """`next_in` is expected now: what is held below it is done with, and so is a gap that ended below it."""
    gap = state.gap
    if gap is not None:
        gap = None if gap.end < next_in else replace(gap, progress_ns=now_ns)
    held = state.held
    if held and held[0].seq_num < next_in:
        held = held[bisect_left(held, next_in, key=_seq_num) :]
    return state._replace(next_in=next_in, gap=gap, held=held)


def with_held(state: SessionState, message: Message, held_messages_max: int) -> SessionState | None:
    """The state with a too high message kept in its place, or None if there is no room for another one.

    There is for any one message, whatever its size. A number that is held already is not held twice: the first copy
    stands.
    """
    held = state.held
    place = bisect_left(held, message.seq_num, key=_seq_num)
    if place < len(held) and held[place].seq_num == message.seq_num:
        return state
    if len(held) >= held_messages_max:
        return None
    if held and sum(len(each.raw) for each in held) + len(message.raw) > HELD_BYTES_MAX:
        return None
    return state._replace(held=(*held[:place], message, *held[place:]))


def new_epoch(state: SessionState, utc_ns: int, *, next_in: int = 1, next_out: int = 1) -> SessionState:
    """The numbers start anew; everything that hung on the old ones is dropped."""
    return state._replace(
        epoch=state.epoch + 1,
        next_in=next_in,
        next_out=next_out,
        first_out=next_out,
        began_utc_ns=utc_ns,
        gap=None,
        held=(),
        probe=None,
        serving=None,
        to_serve=(),
        repeat=None,
    )


def disconnected(state: SessionState, ending: Ending) -> SessionState:
    """No connection: only epoch and numbers survive. What was held is asked for again after the next Logon(A).

    If it was to end already, that is why it ended, however the connection went.
    """
    fresh = SessionState.fresh(state.epoch, state.next_in, state.next_out, state.first_out, state.began_utc_ns)
    return fresh._replace(ending=state.ending or ending)


def _seq_num(message: Message) -> int:
    return message.seq_num
