"""The chain that makes the record tamper-evident: one SHA-256 per turn, over the turn's rows and the hash before it.

Every row has one canonical spelling: a letter for its table, its integers as 64 bits big-endian, the lengths of its
texts (in characters) and bytes, then these in order, texts in UTF-8. Lengths come before contents, so no two different
rows are spelt alike. Message bytes and event bodies are covered byte for byte; mutable tables (sessions, marks) are
not. Nulls: a byte of flags says what is there; a length of -1 says that there are no bytes.

Beside the hash a turn keeps `row_sums`, a CRC-32 for each row of another table: worthless as proof, but when a hash
does not match they tell which row it was. The hash does not cover them; an audit recomputes them.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from hashlib import sha256
from typing import Any, Final, NamedTuple
from zlib import crc32

from engine.errors import JournalError
from engine.journal.batch import EventRow, Head, NumberRow, OutboxRow, StagedTurn, TextRow

KINDS: Final = ("events", "outbox", "sent", "texts")
"""Rows of a turn in other tables than its own."""


class Seal(NamedTuple):
    """What a turn's row carries beside its own columns."""

    row_sums: bytes
    hash: bytes


class ChainError(JournalError):
    """A turn does not follow the head: numbers skipped or repeated. A mistake of ours, never a peer's."""


def genesis(journal_id: str, schema_version: int, previous_head: str) -> bytes:
    """Hash before the first turn: binds the chain to this file and to the file it continues, if any."""
    text = f"journal|{schema_version}|{len(journal_id)}|{len(previous_head)}:{journal_id}{previous_head}"
    return sha256(text.encode()).digest()


def seal(prior: bytes, turn: StagedTurn) -> Seal:
    """The hash of `turn` after `prior`, and the check sums of its rows in other tables."""
    return _seal(prior, turn, row_spellings(turn))


def _seal(prior: bytes, turn: StagedTurn, rows: Sequence[bytes]) -> Seal:
    counts = len(turn.events), len(turn.outbox), len(turn.sent), len(turn.texts)
    return Seal(_packer(len(rows)).pack(*counts, *map(crc32, rows)), _hash(prior, turn, rows))


def turn_hash(prior: bytes, turn: StagedTurn) -> bytes:
    """The hash alone, for who only checks."""
    return _hash(prior, turn, row_spellings(turn))


def row_spellings(turn: StagedTurn) -> list[bytes]:
    """The canonical spelling of every row of a turn in another table than its own, in the order of `KINDS`."""
    rows = [_event(row) for row in turn.events]
    rows += map(_outbox, turn.outbox)
    rows += map(_number, turn.sent)
    rows += map(_text, turn.texts)
    return rows


def follow(head: Head, turn: StagedTurn) -> tuple[Head, Seal]:
    """The head after `turn`. Raises ChainError if a number was skipped, repeated or belongs to another turn."""
    turn_seq, event_seq, outbox_id, prior = head
    claimed, _, _, _, _, events, outbox, _, answer, sent, _, _, texts = turn
    if claimed != turn_seq + 1:
        raise ChainError(f"turn {turn.turn_seq} does not follow turn {turn_seq}")
    turn_seq += 1
    if not (events or outbox or sent or texts):
        # An answered order is a row by itself: 3 us, the SHA-256 of 500 bytes included.
        if answer is not None:
            outbox_id += 1
            if answer[3] != outbox_id:
                raise ChainError(f"outbox {answer.outbox_id} of turn {turn_seq}: expected {outbox_id}")
        digest = _hash(prior, turn, ())
        return _made(Head, (turn_seq, event_seq, outbox_id, digest)), _made(Seal, (_NO_SUMS, digest))
    rows: list[bytes] = []  # Spelt in the same pass, in the order of `KINDS`; each takes 1 us.
    decided: list[int | None] = [] if answer is None else [answer[3]]
    for event in events:
        event_seq += 1
        if event[0] != event_seq or event[1] != turn_seq:
            raise ChainError(f"event {event.seq} of turn {event.turn_seq}: expected {event_seq} of turn {turn_seq}")
        rows.append(_event(event))
    for entry in outbox:
        if entry[1] != turn_seq:
            raise ChainError(f"outbox {entry.id} claims turn {entry.turn_seq} inside turn {turn_seq}")
        decided.append(entry[0])
        rows.append(_outbox(entry))
    for number in sent:
        if number[7] is not None:
            decided.append(number[3])
        rows.append(_number(number))
    for text in texts:
        if text.turn_seq != turn_seq:
            raise ChainError(f"text {text.kind} {text.hash} claims turn {text.turn_seq} inside turn {turn_seq}")
        rows.append(_text(text))
    if decided:
        last = outbox_id + len(decided)
        if (len(decided) > 1 or decided[0] != last) and not _run_on(decided, outbox_id):
            raise ChainError(f"outbox {decided} of turn {turn_seq}: expected {outbox_id + 1} to {last}")
        outbox_id = last
    sealed = _seal(prior, turn, rows)
    return _made(Head, (turn_seq, event_seq, outbox_id, sealed[1])), sealed


_made: Any = tuple.__new__  # In half the time that a constructor takes.


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
_NO_SUMS: Final = _PACKERS[0].pack(0, 0, 0, 0)


def _packer(rows: int) -> struct.Struct:
    return _PACKERS[rows] if rows < len(_PACKERS) else struct.Struct(f"<{4 + rows}I")


_TURN: Final = struct.Struct(">cqqIIIIB7q9I").pack
_EVENT: Final = struct.Struct(">cqqqqII").pack
_OUTBOX: Final = struct.Struct(">cqqBqqIIII").pack
_NUMBER: Final = struct.Struct(">cqqqBqqqqIIIq").pack
_TEXT: Final = struct.Struct(">cqIII").pack

_NOTHING_IN: Final = ("", 0, 0, b"")
_NO_ANSWER: Final = ("", 0, 0, 0, b"", "", None, "", 0)


def _hash(prior: bytes, turn: StagedTurn, rows: Sequence[bytes]) -> bytes:
    """Of all that the turn's own row holds, and of its rows elsewhere, which it counts."""
    turn_seq, utc_ns, kind, ref, actor, events, outbox, taken_in, answer, sent, _, _, texts = turn
    session, epoch, seq, message = _NOTHING_IN if taken_in is None else taken_in
    to, to_epoch, number, outbox_id, data, word, event_seq, msg_type, body_at = _NO_ANSWER if answer is None else answer
    present = (taken_in is not None) + 2 * (answer is not None) + 4 * (event_seq is not None)
    head = _TURN(
        b"T",
        turn_seq,
        utc_ns,
        len(events),
        len(outbox),
        len(sent),
        len(texts),
        present,
        epoch,
        seq,
        to_epoch,
        number,
        outbox_id,
        event_seq or 0,
        body_at,
        len(kind),
        len(ref),
        len(actor),
        len(session),
        len(message),
        len(to),
        len(data),
        len(word),
        len(msg_type),
    )
    words = f"{kind}{ref}{actor}{session}{to}{word}{msg_type}".encode()
    return sha256(b"".join((prior, head, words, message, data, *rows))).digest()


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
