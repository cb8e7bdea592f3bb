"""A turn as the rows that the journal keeps: events numbered, bytes named, session numbers where they changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from engine.clock import NS_PER_DAY
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
    TradeRow,
)
from engine.journal.event_codec import Codec
from engine.journal.tape import last_of_each
from engine.market.hearing import Heard, Withdrawal
from engine.market.marks import Mark, Quality
from engine.market.tape import CompleteFrom, Trade
from engine.turn import Bound, Link, Turn


class Latest:
    """What the turns of one batch leave beside their rows: numbers of sessions, of which the last counts; the tape."""

    __slots__ = ("links", "marks", "trades")

    def __init__(self) -> None:
        self.links: dict[str, Link] = {}
        self.marks: list[MarkRow] = []
        self.trades: list[TradeRow] = []

    def hear(self, heard: Sequence[Heard], utc_ns: int) -> None:
        """Put it on the tape, but for what was refused."""
        for each in heard:
            match each:
                case Mark():
                    self.marks.append(_mark_row(each, utc_ns))
                case Trade():
                    self.trades.append(_trade_row(each, utc_ns))
                case Withdrawal(security_id, source, at_ns):
                    self.marks.append(MarkRow(utc_ns, security_id, source, at_ns, None, None, Quality.COMPOSITE.value))
                case CompleteFrom(asset_class, source, day):
                    since_ns = day * NS_PER_DAY
                    self.trades.append(TradeRow(utc_ns, "complete", "", asset_class, source, "", since_ns, "", ""))


class Recorder:
    """Numbers turns and events after the journal's head; remembers which session numbers it has written."""

    def __init__(self, head: Head, codec: Codec, sessions: Sequence[SessionRow] = ()) -> None:
        self.turn_seq = head.turn_seq
        self.event_seq = head.event_seq
        self._codec = codec
        self._kept: dict[str, tuple[int, int, int, int]] = {
            row.session: (row.epoch, row.next_in, row.next_out, row.confirmed_out) for row in sessions
        }

    def stage(self, turn: Turn, latest: Latest, texts: Sequence[TextRow] = ()) -> StagedTurn | None:
        """The turn's rows; None if there is nothing to keep, or nothing worth a row of its own.

        Session numbers and the tape go into `latest`, and with the batch that it belongs to by `settle`. A turn that
        changes nothing else and lets nothing leave (a price, a heartbeat received) has no row.
        """
        # An answered order: 1.5 us, and 2 us more for each event as JSON.
        events, bound = turn.events, turn.bound
        sessions: tuple[SessionRow, ...] = ()
        if turn.links:
            if events:
                sessions = self._ended(turn, latest)
            latest.links.update(turn.links)
        if turn.heard:
            latest.hear(turn.heard, turn.now.utc_ns)
        if not (bound or events or turn.inbound or turn.sends or texts):
            if not turn.effects or not (turn.links or turn.heard):
                return None
            sessions = self._session_rows(turn.links)  # Set by a person, who is told: a turn with their name.
            if not (sessions or turn.heard):
                return None
        turn_seq = self.turn_seq + 1
        utc_ns = turn.now.utc_ns
        answer, sent = _numbers(bound, self.event_seq + 1) if bound else (None, ())
        taken_in: TakenIn | None = None
        if turn.inbound:
            (inbound,) = turn.inbound  # There is room for one.
            taken_in = _row(TakenIn, inbound[:4])
        staged: StagedTurn = _row(
            StagedTurn,
            (
                turn_seq,
                utc_ns,
                turn.kind,
                turn.ref,
                turn.actor,
                self._event_rows(turn, turn_seq, utc_ns) if events else (),
                _waiting(turn, turn_seq, self.event_seq + 1) if len(turn.sends) != (answer is not None) else (),
                taken_in,
                answer,
                sent,
                sessions,
                (),
                (),
                tuple([text._replace(turn_seq=turn_seq) for text in texts]) if texts else (),
            ),
        )
        self.turn_seq = turn_seq
        self.event_seq += len(events)
        return staged

    def _event_rows(self, turn: Turn, turn_seq: int, utc_ns: int) -> tuple[EventRow, ...]:
        encode, seq = self._codec.encode, self.event_seq
        rows = []
        for event in turn.events:
            seq += 1
            name, version, body = encode(event)
            rows.append(EventRow(seq, turn_seq, name, version, utc_ns, body))
        return tuple(rows)

    def settle(self, staged: list[StagedTurn], latest: Latest, utc_ns: int) -> None:
        """Close a batch: its last turn takes `latest` along. Where no turn has a row that is a turn by itself.

        Nothing may have been staged for a later batch yet.
        """
        sessions, marks, trades = self._session_rows(latest.links), tuple(last_of_each(latest.marks)), latest.trades
        if not (sessions or marks or trades):
            return
        if not staged:
            self.turn_seq += 1
            staged.append(StagedTurn(self.turn_seq, utc_ns, "Quiet", "", ""))
        last = staged[-1]
        staged[-1] = last._replace(sessions=last.sessions + sessions, marks=marks, trades=tuple(trades))

    def alone(self, turn: Turn, texts: Sequence[TextRow] = ()) -> list[StagedTurn]:
        """The turn as a batch of its own: its rows, if there are any."""
        latest = Latest()
        rows = self.stage(turn, latest, texts)
        staged = [rows] if rows is not None else []
        self.settle(staged, latest, turn.now.utc_ns)
        return staged

    def _ended(self, turn: Turn, latest: Latest) -> tuple[SessionRow, ...]:
        """The last numbers of epochs that end with this turn, as far as the batch has moved them."""
        ended = {}
        for key, link in turn.links.items():
            before = latest.links.get(key)
            if before is not None and before.state.epoch != link.state.epoch:
                ended[key] = before
        return self._session_rows(ended) if ended else ()

    def _session_rows(self, links: Mapping[str, Link]) -> tuple[SessionRow, ...]:
        rows = []
        for key, link in links.items():
            state, confirmed = link.state, link.confirmed
            epoch = state.epoch
            confirmed_out = confirmed.seq_num if confirmed is not None and confirmed.epoch == epoch else 0
            numbers = (epoch, state.next_in, state.next_out, confirmed_out)
            if self._kept.get(key) != numbers and state.began_utc_ns:
                self._kept[key] = numbers
                rows.append(SessionRow(key, *numbers, state.began_utc_ns))
        return tuple(rows)


_row: Any = tuple.__new__
"""A row from all its columns, in half the time that its constructor takes."""


def _numbers(bounds: Sequence[Bound], first_event: int) -> tuple[Answer | None, tuple[NumberRow, ...]]:
    """Every number given out: the first in the turn's own row if that has room for it, the others by themselves.

    What got its number at once is no outbox entry of its own: that would be a fifth of what an order's rows cost.
    """
    answer: Answer | None = None
    rows: list[NumberRow] = []
    for session, epoch, seq_num, outbox_id, data, poss_resend, delivery, said in bounds:
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
            if len(bounds) == 1:
                return answer, ()
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


def _mark_row(mark: Mark, heard_ns: int) -> MarkRow:
    half = mark.half_spread
    return MarkRow(
        heard_ns,
        mark.security_id,
        mark.source,
        mark.utc_ns,
        str(mark.price),
        None if half is None else str(half),
        mark.quality.value,
    )


def _trade_row(trade: Trade, heard_ns: int) -> TradeRow:
    kind = "canceled" if trade.canceled else "trade"
    return TradeRow(
        heard_ns,
        kind,
        trade.security_id,
        trade.asset_class,
        trade.source,
        trade.trade_id,
        trade.utc_ns,
        str(trade.price),
        str(trade.quantity),
    )
