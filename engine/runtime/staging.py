"""A turn as the rows that the journal keeps: events numbered, bytes named, session numbers where they changed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from engine.domain import events as domain_events
from engine.journal.batch import (
    TRAILER_BYTES,
    Answer,
    EventRow,
    Head,
    MarkRow,
    NumberRow,
    OutboxRow,
    SessionRow,
    StagedTurn,
    TakenIn,
    TextRow,
)
from engine.journal.event_codec import Codec, event_types
from engine.market.marks import Mark
from engine.turn import Turn


def events_codec() -> Codec:
    """The codec of every event there is."""
    return Codec(event_types(vars(domain_events), domain_events.Event), domain_events.UPCASTERS)


class Recorder:
    """Numbers turns and events after the journal's head; remembers which session numbers it has written."""

    def __init__(self, head: Head, codec: Codec, sessions: Sequence[SessionRow] = ()) -> None:
        self.turn_seq = head.turn_seq
        self.event_seq = head.event_seq
        self._codec = codec
        self._kept: dict[str, tuple[int, int, int, int]] = {
            row.session: (row.epoch, row.next_in, row.next_out, row.confirmed_out) for row in sessions
        }
        self._quiet_sessions: dict[tuple[str, int], SessionRow] = {}
        self._quiet_marks: dict[str, MarkRow] = {}

    def stage(self, turn: Turn, texts: Sequence[TextRow] = ()) -> StagedTurn | None:
        """The turn's rows; None if there is nothing to keep, or nothing worth a row of its own.

        A quiet turn (a price, a heartbeat received) changes numbers and marks only and lets nothing leave. What it
        changed goes with the next turn that is staged, or by `settle` with the batch that it belongs to.
        """
        # An answered order: 4 us, and 2 us more for each event as JSON.
        sessions = self._session_rows(turn) if turn.links else ()
        marks = [_mark_row(mark) for mark in turn.marks] if turn.marks else []
        if not (turn.events or turn.sends or turn.bound or turn.inbound or turn.effects or texts):
            self._quiet_sessions.update((row[:2], row) for row in sessions)
            self._quiet_marks.update((row.security_id, row) for row in marks)
            return None
        if not (turn.events or turn.sends or turn.bound or turn.inbound or marks or sessions or texts):
            return None
        turn_seq = self.turn_seq + 1
        utc_ns = turn.now.utc_ns
        answer, sent = _numbers(turn, self.event_seq + 1) if turn.bound else (None, ())
        taken_in: TakenIn | None = None
        if turn.inbound:
            (inbound,) = turn.inbound  # There is room for one.
            taken_in = _row(TakenIn, inbound)
        staged: StagedTurn = _row(
            StagedTurn,
            (
                turn_seq,
                utc_ns,
                turn.kind,
                turn.ref,
                turn.actor,
                self._event_rows(turn, turn_seq, utc_ns) if turn.events else (),
                _waiting(turn, turn_seq, self.event_seq + 1) if len(turn.sends) != (answer is not None) else (),
                taken_in,
                answer,
                sent,
                self._with_quiet(sessions) if self._quiet_sessions else sessions,
                self._with_quiet_marks(marks) if self._quiet_marks else tuple(marks),
                tuple([text._replace(turn_seq=turn_seq) for text in texts]) if texts else (),
            ),
        )
        self.turn_seq = turn_seq
        self.event_seq += len(turn.events)
        return staged

    def _event_rows(self, turn: Turn, turn_seq: int, utc_ns: int) -> tuple[EventRow, ...]:
        encode, seq = self._codec.encode, self.event_seq
        rows = []
        for event in turn.events:
            seq += 1
            name, version, body = encode(event)
            rows.append(EventRow(seq, turn_seq, name, version, utc_ns, body))
        return tuple(rows)

    @property
    def has_quiet(self) -> bool:
        """Have quiet turns left anything that is not staged yet?"""
        return bool(self._quiet_sessions or self._quiet_marks)

    def settle(self, utc_ns: int) -> StagedTurn | None:
        """What quiet turns have left, as one turn; call when everything staged so far goes into one batch."""
        if not self.has_quiet:
            return None
        self.turn_seq += 1
        sessions, marks = self._with_quiet(()), self._with_quiet_marks(())
        return StagedTurn(self.turn_seq, utc_ns, "Quiet", "", "", sessions=sessions, marks=marks)

    def _with_quiet(self, sessions: Sequence[SessionRow]) -> tuple[SessionRow, ...]:
        """These rows and what quiet turns before them left of other sessions."""
        rows = {**self._quiet_sessions, **{row[:2]: row for row in sessions}}  # By session and epoch.
        self._quiet_sessions.clear()
        return tuple(rows.values())

    def _with_quiet_marks(self, marks: Sequence[MarkRow]) -> tuple[MarkRow, ...]:
        rows = {**self._quiet_marks, **{row.security_id: row for row in marks}}
        self._quiet_marks.clear()
        return tuple(rows.values())

    def _session_rows(self, turn: Turn) -> tuple[SessionRow, ...]:
        rows: tuple[SessionRow, ...] = ()
        for key, link in turn.links.items():
            state, confirmed = link.state, link.confirmed
            # By their places: a name takes three times as long.
            next_in, next_out, epoch, began_utc_ns = state[0], state[2], state[5], state[7]
            confirmed_out = confirmed.seq_num if confirmed is not None and confirmed.epoch == epoch else 0
            numbers = (epoch, next_in, next_out, confirmed_out)
            if self._kept.get(key) != numbers and began_utc_ns:
                self._kept[key] = numbers
                rows += (_row(SessionRow, (key, epoch, next_in, next_out, confirmed_out, began_utc_ns)),)
        return rows


_row: Any = tuple.__new__
"""A row from all its columns, in half the time that its constructor takes."""


def _numbers(turn: Turn, first_event: int) -> tuple[Answer | None, tuple[NumberRow, ...]]:
    """Every number given out: the first in the turn's own row if that has room for it, the others by themselves.

    What got its number at once is no outbox entry of its own: that would be a fifth of what an order's rows cost.
    """
    answer: Answer | None = None
    rows: list[NumberRow] = []
    for session, epoch, seq_num, outbox_id, data, poss_resend, delivery, said in turn.bound:
        word = delivery._value_ if delivery is not None else None  # A plain string, in a fifth of `.value`'s time.
        if said is None or data is None:
            rows.append(NumberRow(session, epoch, seq_num, outbox_id, data, word, poss_resend=int(poss_resend)))
            continue
        send, msg_type, body = said
        event, not_after_ns = send[4], send[5]
        event_seq = first_event + event if event >= 0 else None
        body_at = len(data) - TRAILER_BYTES - len(body) + 1
        columns = (session, epoch, seq_num, outbox_id, data, word, event_seq, msg_type, body_at)
        if answer is None and not rows and not poss_resend and not_after_ns is None:
            answer = _row(Answer, columns)
        else:
            rows.append(_row(NumberRow, (*columns, int(poss_resend), not_after_ns)))
    return answer, tuple(rows)


def _waiting(turn: Turn, turn_seq: int, first_event: int) -> tuple[OutboxRow, ...]:
    """What was decided without getting a number at once."""
    at_once = {bound.outbox_id for bound in turn.bound if bound.said is not None}
    return tuple(
        OutboxRow(
            send.outbox_id,
            turn_seq,
            first_event + send.event if send.event >= 0 else None,
            send.session,
            send.delivery.value,
            send.not_after_ns,
            msg_type,
            body,
        )
        for send, msg_type, body in turn.sends
        if send.outbox_id not in at_once
    )


def _mark_row(mark: Mark) -> MarkRow:
    return MarkRow(mark.security_id, mark.source, mark.utc_ns, None, None, str(mark.price), mark.quality.value)
