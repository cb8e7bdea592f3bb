"""What the runtime hands to the journal: the rows of one turn, in the column order of their tables.

Rows are NamedTuples rather than dataclasses: they are in the order of their columns, and a row costs a third of what
a frozen dataclass costs to build. A row's `turn_seq` is that of the turn that carries it; numbers of turns,
events and outbox entries are handed out by the caller and run on without a gap from `Journal.head`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple, TypeAlias

TRAILER_BYTES: Final = 7
"""CheckSum(10) with its SOH: what stands behind the body of a message."""
RULE_BOOK: Final = "rule_book"  # The TextRow kind that goes to table `rule_books`; every other kind goes to `configs`.


class EventRow(NamedTuple):
    """One event; `body` is the JSON that `event_codec.Codec.encode` made."""

    seq: int
    turn_seq: int
    type: str
    version: int
    utc_ns: int
    body: bytes


class OutboxRow(NamedTuple):
    """A decision to say something to `destination` (a session key) that got no number in its own turn.

    `body` is the message without header and trailer. `message_class` says whether it may be repeated
    (at least once) or not (at most once); the words are the runtime's. One that was numbered at once stands in its
    `Answer` or `NumberRow` alone.
    """

    id: int
    turn_seq: int
    event_seq: int | None
    destination: str
    message_class: str
    not_after_ns: int | None
    msg_type: str
    body: bytes


class TakenIn(NamedTuple):
    """The message that a turn takes in under its number; it stands in the turn's own row. A turn has one at most."""

    session: str
    epoch: int
    seq: int
    data: bytes


class Answer(NamedTuple):
    """The first message that a turn decides to say and numbers at once; it stands in the turn's own row.

    It is an outbox entry as well: its body are the bytes of `data` from `body_at` (counted from 1) to CheckSum(10).
    """

    session: str
    epoch: int
    seq: int
    outbox_id: int
    data: bytes
    message_class: str
    event_seq: int | None
    msg_type: str
    body_at: int


class AnsweredRow(NamedTuple):
    """Where the answers of one commit to one session are found: those numbers, in these turns. Made by the writer."""

    session: str
    epoch: int
    last_seq: int
    first_seq: int
    first_turn: int
    last_turn: int


class NumberRow(NamedTuple):
    """A number of ours that does not stand in the row of its turn. `data` is None for a session message.

    `message_class` is that of its outbox entry, None for a session message. One that its own turn decided to say is
    that entry as well, with `event_seq` and what follows as in `Answer` and `OutboxRow`.
    """

    session: str
    epoch: int
    seq: int
    outbox_id: int | None
    data: bytes | None
    message_class: str | None = None
    event_seq: int | None = None
    msg_type: str | None = None
    body_at: int | None = None
    poss_resend: int = 0
    not_after_ns: int | None = None


class SessionRow(NamedTuple):
    """The numbers of one epoch of one session; the last one of a batch wins.

    `confirmed_out` is the highest of our numbers the peer is known to have. Epochs keep their last row.
    """

    session: str
    epoch: int
    next_in: int
    next_out: int
    confirmed_out: int
    created_utc_ns: int


class MarkRow(NamedTuple):
    """One mark on the tape: of a bond, a source and a day, the last of its commit.

    `heard_ns` is when we had it, `utc_ns` of when it is. Prices are decimal strings (clean, percent of par); a `price`
    of None says that the source withdrew its price.
    """

    heard_ns: int
    security_id: str
    source: str
    utc_ns: int
    price: str | None
    half_spread: str | None
    quality: str


class TradeRow(NamedTuple):
    """One trade on the tape, or what a source says of its trades. Another row of a source's own name replaces it.

    `kind` is `trade`, `canceled`, or `complete`: every trade of `asset_class` since `utc_ns` is known.
    """

    heard_ns: int
    kind: str
    security_id: str
    asset_class: str
    source: str
    trade_id: str
    utc_ns: int
    price: str
    quantity: str


class CloseRow(NamedTuple):
    """The last mark of a bond, a source and a UTC day. Made by the writer."""

    day: int
    security_id: str
    source: str
    utc_ns: int
    price: str


class TextRow(NamedTuple):
    """A rule book or configuration text, stored once under its hash (hex); a text already stored is skipped."""

    kind: str
    hash: str
    turn_seq: int
    text: str


class StagedTurn(NamedTuple):
    """All that one turn records.

    `utc_ns` is event time; `input_ref` names the input: the session (and the number, unless the message is
    `taken_in`), or the command.
    """

    turn_seq: int
    utc_ns: int
    input_kind: str
    input_ref: str
    actor: str
    events: tuple[EventRow, ...] = ()
    outbox: tuple[OutboxRow, ...] = ()
    taken_in: TakenIn | None = None
    answer: Answer | None = None
    sent: tuple[NumberRow, ...] = ()
    sessions: tuple[SessionRow, ...] = ()
    marks: tuple[MarkRow, ...] = ()
    trades: tuple[TradeRow, ...] = ()
    texts: tuple[TextRow, ...] = ()

    @property
    def numbers(self) -> tuple[NumberRow, ...]:
        """Every number of ours that this turn gave out, in order."""
        return self.sent if self.answer is None else (NumberRow(*self.answer), *self.sent)

    @property
    def entries(self) -> list[OutboxRow]:
        """Everything this turn decided to say, by number, wherever it stands."""
        entries = [*self.outbox]
        for row in self.numbers:
            if row.msg_type is not None:
                body_at, data = row.body_at, row.data
                assert row.outbox_id is not None
                assert row.message_class is not None
                assert body_at is not None
                assert data is not None
                entries.append(
                    OutboxRow(
                        row.outbox_id,
                        self.turn_seq,
                        row.event_seq,
                        row.session,
                        row.message_class,
                        row.not_after_ns,
                        row.msg_type,
                        data[body_at - 1 : -TRAILER_BYTES],
                    )
                )
        return sorted(entries)

    @property
    def size(self) -> int:
        """Bytes of messages and event bodies: what waits in memory for the disk."""
        size = 0
        if self.taken_in is not None:
            size = len(self.taken_in.data)
        if self.answer is not None:
            size += len(self.answer.data)
        for row in self.sent:
            if row.data is not None:
                size += len(row.data)
        for event in self.events:
            size += len(event.body)
        return size


Batch: TypeAlias = Sequence[StagedTurn]


class Head(NamedTuple):
    """Where the record ends: the last numbers used and the chain hash of the last turn (the genesis hash if none)."""

    turn_seq: int
    event_seq: int
    outbox_id: int
    hash: bytes
