"""The chain that makes the record tamper-evident: one SHA-256 per turn, over the turn's rows and the hash before it.

Every row has one canonical spelling: a letter for its table, its integers as 64 bits big-endian, the lengths of its
texts (in characters) and bytes, then these in order, texts in UTF-8. Lengths come before contents (in a turn's own
row those of its texts just before them), so no two different rows are spelt alike. Message bytes and event bodies are
covered byte for byte; mutable tables (sessions, the tape) are not, nor is `answered`, which an audit holds against the
turns. Nulls: a byte of flags says what is there; a length of -1 says that there are no bytes.

Beside the hash a turn keeps `row_sums`, a CRC-32 for each row of another table: worthless as proof, but when a hash
does not match they tell which row it was. The hash does not cover them; an audit recomputes them.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from functools import lru_cache
from hashlib import sha256
from typing import Any, Final, NamedTuple, TypeAlias
from zlib import crc32

from engine.errors import JournalError
from engine.journal.batch import Answer, AnsweredRow, EventRow, Head, NumberRow, OutboxRow, StagedTurn, TakenIn, TextRow

KINDS: Final = ("events", "outbox", "sent", "texts")
"""Rows of a turn in other tables than its own."""


class Seal(NamedTuple):
    """What a turn's row carries beside its own columns."""

    row_sums: bytes
    hash: bytes


OwnRow: TypeAlias = tuple[Any, ...]
"""The columns of a row of table `turns`, but for the last two."""
Counts: TypeAlias = tuple[int, int, int, int]
"""Of a turn's rows in other tables, by `KINDS`."""


class ChainError(JournalError):
    """A turn does not follow the head: numbers skipped or repeated. A mistake of ours, never a peer's."""


def genesis(journal_id: str, schema_version: int, previous_head: str) -> bytes:
    """Hash before the first turn: binds the chain to this file and to the file it continues, if any."""
    text = f"journal|{schema_version}|{len(journal_id)}|{len(previous_head)}:{journal_id}{previous_head}"
    return sha256(text.encode()).digest()


def seal(prior: bytes, turn: StagedTurn) -> Seal:
    """The hash of `turn` after `prior`, and the check sums of its rows in other tables."""
    rows = row_spellings(turn)
    counts = _counts(turn)
    return Seal(_sums(counts, rows), _hash(prior, own_row(turn), counts, rows))


def turn_hash(prior: bytes, turn: StagedTurn) -> bytes:
    """The hash alone, for who only checks."""
    return _hash(prior, own_row(turn), _counts(turn), row_spellings(turn))


def own_row(turn: StagedTurn) -> OwnRow:
    """The columns of the turn's own row, but for what seals it. Raises ValueError for an event that cannot be."""
    answer = turn.answer
    if answer is not None:
        if answer.event_seq == _NO_EVENT:
            raise ValueError(f"turn {turn.turn_seq}: its answer is of event {_NO_EVENT}, events count from 1")
        answer = answer._replace(event_seq=answer.event_seq or _NO_EVENT)
    return turn[:5] + (turn.taken_in or _NOTHING_IN) + (answer or _NO_ANSWER)


def _counts(turn: StagedTurn) -> Counts:
    return len(turn.events), len(turn.outbox), len(turn.sent), len(turn.texts)


def row_spellings(turn: StagedTurn) -> list[bytes]:
    """The canonical spelling of every row of a turn in another table than its own, in the order of `KINDS`."""
    rows = [_event(row) for row in turn.events]
    rows += map(_outbox, turn.outbox)
    rows += map(_number, turn.sent)
    rows += map(_text, turn.texts)
    return rows


class _Given:
    """The numbers that a batch gives out in one epoch of a session: the last one, and which of them are answers."""

    __slots__ = ("epoch", "first_seq", "first_turn", "last_answer", "last_seq", "last_turn", "session")

    def __init__(self, session: str, epoch: int) -> None:
        self.session = session
        self.epoch = epoch
        self.last_seq = self.first_seq = self.last_answer = self.first_turn = self.last_turn = 0

    def row(self) -> AnsweredRow:
        return AnsweredRow(self.session, self.epoch, self.last_answer, self.first_seq, self.first_turn, self.last_turn)


class Followed(NamedTuple):
    """A batch behind the head that it follows."""

    head: Head
    rows: list[tuple[object, ...]]
    """The turns' own rows, sealed."""
    others: list[StagedTurn]
    """Those turns that have rows in other tables, too."""
    answered: list[AnsweredRow]


def follow(head: Head, turns: Iterable[StagedTurn]) -> Followed:
    """Turns sealed one behind the other. Raises ChainError if a number was skipped, repeated or is another turn's."""
    # An answered order is a row by itself: 2.5 us, the SHA-256 of 650 bytes included.
    turn_seq, event_seq, outbox_id, prior = head
    rows: list[tuple[object, ...]] = []
    others: list[StagedTurn] = []
    numbers: dict[tuple[str, int], _Given] = {}
    given = _Given("", -1)
    for turn in turns:
        claimed, utc_ns, kind, ref, actor, events, outbox, taken_in, answer, sent, sessions, marks, trades, texts = turn
        if claimed != turn_seq + 1:
            raise ChainError(f"turn {claimed} does not follow turn {turn_seq}")
        turn_seq += 1
        session, epoch, seq, message = taken_in or _NOTHING_IN
        to, to_epoch, number, entry, data, word, event, msg_type, body_at = answer or _NO_ANSWER
        # sqlite3 looks for an adapter of all that is bytes or None, in 0.2 us each; a bytearray and 0 it just takes.
        if message is not None:
            message = bytearray(message)
        if data is not None:
            data = bytearray(data)
            event = event or _NO_EVENT
            if given.session != to or given.epoch != to_epoch:
                given = numbers.get((to, to_epoch)) or numbers.setdefault((to, to_epoch), _Given(to, to_epoch))
            if number <= given.last_seq:
                raise ChainError(f"{to} epoch {to_epoch} out {number} of turn {turn_seq} follows {given.last_seq}")
            if given.first_turn == 0:
                given.first_seq, given.first_turn = number, turn_seq
            given.last_seq = given.last_answer = number
            given.last_turn = turn_seq
        row = (
            turn_seq, utc_ns, kind, ref, actor, session, epoch, seq, message,
            to, to_epoch, number, entry, data, word, event, msg_type, body_at,
        )  # fmt: skip
        if not (events or outbox or sent or texts):
            if entry is not None:
                outbox_id += 1
                if entry != outbox_id:
                    raise ChainError(f"outbox {entry} of turn {turn_seq}: expected {outbox_id}")
            prior = _hash(prior, row, _NO_OTHERS, ())
            rows.append(row + (_NO_SUMS, bytearray(prior)))  # noqa: RUF005 (a sum takes a fifth less)
            if sessions or marks or trades:
                others.append(turn)
            continue
        others.append(turn)
        spelt = _spelt_in_order(turn, event_seq)
        event_seq += len(events)
        outbox_id = _last_entry(turn, outbox_id)
        for each in sent:
            _give(numbers, each, turn_seq)
        counts = len(events), len(outbox), len(sent), len(texts)
        prior = _hash(prior, row, counts, spelt)
        rows.append((*row, _sums(counts, spelt), prior))
    answered = [each.row() for each in numbers.values() if each.first_turn]
    return Followed(Head(turn_seq, event_seq, outbox_id, prior), rows, others, answered)


def _give(numbers: dict[tuple[str, int], _Given], row: NumberRow, turn_seq: int) -> None:
    """Count a number that stands in a row of its own: it follows those given out before in this batch."""
    given = numbers.setdefault((row.session, row.epoch), _Given(row.session, row.epoch))
    if row.seq <= given.last_seq:
        raise ChainError(f"{number_name(row)} of turn {turn_seq} follows {given.last_seq}")
    given.last_seq = row.seq


def _spelt_in_order(turn: StagedTurn, event_seq: int) -> list[bytes]:
    """Its rows in other tables, as `row_spellings`, once they are known to be its own and the next ones."""
    turn_seq = turn.turn_seq
    for event in turn.events:
        event_seq += 1
        if event[0] != event_seq or event[1] != turn_seq:
            raise ChainError(f"event {event.seq} of turn {event.turn_seq}: expected {event_seq} of turn {turn_seq}")
    for entry in turn.outbox:
        if entry[1] != turn_seq:
            raise ChainError(f"outbox {entry.id} claims turn {entry.turn_seq} inside turn {turn_seq}")
    for text in turn.texts:
        if text.turn_seq != turn_seq:
            raise ChainError(f"text {text.kind} {text.hash} claims turn {text.turn_seq} inside turn {turn_seq}")
    return row_spellings(turn)


def _last_entry(turn: StagedTurn, before: int) -> int:
    """The last outbox number once this turn's are given out."""
    decided: list[int | None] = [] if turn.answer is None else [turn.answer[3]]
    decided += [entry[0] for entry in turn.outbox]
    decided += [number[3] for number in turn.sent if number[7] is not None]
    last = before + len(decided)
    if decided and (len(decided) > 1 or decided[0] != last) and not _run_on(decided, before):
        raise ChainError(f"outbox {decided} of turn {turn.turn_seq}: expected {before + 1} to {last}")
    return last


def _run_on(decided: Sequence[int | None], before: int) -> bool:
    """Are these the numbers that follow `before`, in whatever order? One that is missing fits nowhere."""
    numbers = [number for number in decided if number is not None]
    return sorted(numbers) == list(range(before + 1, before + 1 + len(decided)))


def read_sums(row_sums: bytes) -> dict[str, tuple[int, ...]]:
    """`row_sums` by kind of row. Raises ValueError if it has not the right length."""
    width = struct.calcsize("<4I")
    if len(row_sums) < width:
        raise ValueError(f"row_sums has {len(row_sums)} bytes, expected at least {width}")
    counts = struct.unpack_from("<4I", row_sums)
    if len(row_sums) != width + 4 * sum(counts):
        raise ValueError(f"row_sums has {len(row_sums)} bytes, expected {width + 4 * sum(counts)}")
    sums = struct.unpack_from(f"<{sum(counts)}I", row_sums, width)
    found: dict[str, tuple[int, ...]] = {}
    start = 0
    for kind, count in zip(KINDS, counts, strict=True):
        found[kind] = sums[start : start + count]
        start += count
    return found


def number_name(row: NumberRow) -> str:
    """`oms epoch 1 out 17`: how people find a row of `fix_messages`."""
    return f"{row.session} epoch {row.epoch} out {row.seq}"


UNSPELLABLE: Final = (struct.error, AttributeError, TypeError, ValueError)
"""What the functions here raise for a row whose values are not of the kinds its table holds."""

_PACKERS: Final = tuple(struct.Struct(f"<{4 + count}I") for count in range(64))
_NO_EVENT: Final = 0  # Written as null: see `schema.INSERTS`.
_NO_OTHERS: Final = (0, 0, 0, 0)
_NO_SUMS: Final = bytearray(_PACKERS[0].pack(*_NO_OTHERS))
_NOTHING_IN: Final[tuple[Any, ...]] = (None,) * len(TakenIn._fields)
_NO_ANSWER: Final[tuple[Any, ...]] = (None,) * len(Answer._fields)


def _sums(counts: Counts, rows: Sequence[bytes]) -> bytes:
    packer = _PACKERS[len(rows)] if len(rows) < len(_PACKERS) else struct.Struct(f"<{4 + len(rows)}I")
    return packer.pack(*counts, *map(crc32, rows))


_TURN: Final = struct.Struct(">cqqIIIIB7q2I").pack
_LENGTHS: Final = struct.Struct(">7I").pack
_EVENT: Final = struct.Struct(">cqqqqII").pack
_OUTBOX: Final = struct.Struct(">cqqBqqIIII").pack
_NUMBER: Final = struct.Struct(">cqqqBqqqqIIIq").pack
_TEXT: Final = struct.Struct(">cqIII").pack


def _hash(prior: bytes, row: OwnRow, counts: Counts, rows: Sequence[bytes]) -> bytes:
    """Of all that the turn's own row holds, and of its rows elsewhere, which it counts."""
    (
        turn_seq, utc_ns, kind, ref, actor, session, epoch, seq, message,
        to, to_epoch, number, outbox_id, data, word, event_seq, msg_type, body_at,
    ) = row  # fmt: skip
    present = 7 if event_seq else 3
    if session is None and row[5:9] == _NOTHING_IN:
        present -= 1
        session, epoch, seq, message = "", 0, 0, b""
    if to is None and row[9:] == _NO_ANSWER:
        present -= 2
        to, to_epoch, number, outbox_id, data, word, msg_type, body_at = "", 0, 0, 0, b"", "", "", 0
    events, outbox, sent, texts = counts
    head = _TURN(
        b"T",
        turn_seq,
        utc_ns,
        events,
        outbox,
        sent,
        texts,
        present,
        epoch,
        seq,
        to_epoch,
        number,
        outbox_id,
        event_seq or _NO_EVENT,
        body_at,
        len(message),
        len(data),
    )
    words = _words(kind, ref, actor, session, to, word, msg_type)
    return sha256(b"".join((prior, head, words, message, data, *rows))).digest()


@lru_cache(maxsize=4_096)
def _words(*texts: str) -> bytes:
    """The texts of a turn's own row, all lengths first: for the messages of a session nearly always the same ones."""
    return _LENGTHS(*map(len, texts)) + "".join(texts).encode()


def _event(row: EventRow) -> bytes:
    seq, turn_seq, kind, version, utc_ns, body = row
    name = kind.encode()
    return _EVENT(b"E", seq, turn_seq, version, utc_ns, len(name), len(body)) + name + body


def _outbox(row: OutboxRow) -> bytes:
    entry, turn_seq, event_seq, destination, message_class, not_after_ns, msg_type, body = row
    to, word, kind = destination.encode(), message_class.encode(), msg_type.encode()
    present = (event_seq is not None) + 2 * (not_after_ns is not None)
    return b"".join(
        (
            _OUTBOX(
                b"O",
                entry,
                turn_seq,
                present,
                event_seq or 0,
                not_after_ns or 0,
                len(to),
                len(word),
                len(kind),
                len(body),
            ),
            to,
            word,
            kind,
            body,
        )
    )


def _number(row: NumberRow) -> bytes:
    session, epoch, seq, outbox_id, data, word, event_seq, msg_type, body_at, poss_resend, not_after_ns = row
    present = (
        (outbox_id is not None)
        + 2 * (word is not None)
        + 4 * (event_seq is not None)
        + 8 * (not_after_ns is not None)
        + 16 * (msg_type is not None)
        + 32 * (body_at is not None)
    )
    kept = data or b""
    head = _NUMBER(
        b"M",
        epoch,
        seq,
        poss_resend,
        present,
        outbox_id or 0,
        event_seq or 0,
        not_after_ns or 0,
        body_at or 0,
        len(session),
        len(word or ""),
        len(msg_type or ""),
        -1 if data is None else len(kept),
    )
    return b"".join((head, f"{session}{word or ''}{msg_type or ''}".encode(), kept))


def _text(row: TextRow) -> bytes:
    kind, digest, turn_seq, text = (row.kind.encode(), row.hash.encode(), row.turn_seq, row.text.encode())
    return _TEXT(b"X", turn_seq, len(kind), len(digest), len(text)) + kind + digest + text
