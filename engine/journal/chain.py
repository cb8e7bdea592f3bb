"""The chain that makes the record tamper-evident: one SHA-256 per turn, over the turn's rows and the hash before it.

Every row has one canonical spelling: a letter for its table, its integers as 64 bits big-endian, the byte lengths of
its texts and bytes, then these in order, in UTF-8. Lengths come before contents, so no two different rows are spelt
alike. Message bytes and event bodies are covered byte for byte; mutable tables (sessions, marks) are
not. Nulls: a byte of flags says which optional integers are there; a length of -1 says that there are no bytes.

Beside the hash a turn keeps `row_sums`, a CRC-32 per row: worthless as proof, but when a hash does not match they
tell which row it was. The hash does not cover them; an audit recomputes them.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from hashlib import sha256
from typing import Any, Final, NamedTuple
from zlib import crc32

from engine.errors import JournalError
from engine.journal.batch import EventRow, Head, MessageRow, OutboxRow, StagedTurn, TextRow

KINDS: Final = ("events", "outbox", "messages", "texts")


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
    """The hash of `turn` after `prior`, and the check sums of its rows."""
    return _seal(prior, turn, row_spellings(turn))


def _seal(prior: bytes, turn: StagedTurn, rows: Sequence[bytes]) -> Seal:
    # About 2 us + 1 us a row: a pack and a CRC per row, one join, one SHA-256 over the lot.
    _, _, _, _, _, events, outbox, messages, _, _, texts = turn
    sums = _packer(len(rows)).pack(len(events), len(outbox), len(messages), len(texts), *map(crc32, rows))
    sealed: Seal = _made(Seal, (sums, _hash(prior, turn, rows)))
    return sealed


def turn_hash(prior: bytes, turn: StagedTurn) -> bytes:
    """The hash alone, for who only checks."""
    return _hash(prior, turn, row_spellings(turn))


def row_spellings(turn: StagedTurn) -> list[bytes]:
    """The canonical spelling of every row of a turn, in the order of `KINDS`."""
    rows = [_event(row) for row in turn.events]
    rows += map(_outbox, turn.outbox)
    rows += map(_message, turn.messages)
    rows += map(_text, turn.texts)
    return rows


def follow(head: Head, turn: StagedTurn) -> tuple[Head, Seal]:
    """The head after `turn`.

    Raises ChainError if a number was skipped, repeated or belongs to another turn, or if another message than the
    first was taken in.
    """
    turn_seq, event_seq, outbox_id, prior = head
    claimed, utc_ns, _, _, _, events, outbox, messages, _, _, texts = turn
    if claimed != turn_seq + 1:
        raise ChainError(f"turn {turn.turn_seq} does not follow turn {turn_seq}")
    turn_seq += 1
    rows: list[bytes] = []  # Spelt in the same pass, in the order of `KINDS`.
    for event in events:
        event_seq += 1
        if event[0] != event_seq or event[1] != turn_seq:
            raise ChainError(f"event {event.seq} of turn {event.turn_seq}: expected {event_seq} of turn {turn_seq}")
        rows.append(_event(event))
    decided: list[int] = []
    for entry in outbox:
        if entry[1] != turn_seq:
            raise ChainError(f"outbox {entry.id} claims turn {entry.turn_seq} inside turn {turn_seq}")
        decided.append(entry[0])
        rows.append(_outbox(entry))
    first = len(rows)
    for message in messages:
        if message[4] != turn_seq:
            raise ChainError(f"{message_name(message)} claims turn {message.turn_seq} inside turn {turn_seq}")
        if message[2] != "out" and (len(rows) > first or not _is_plain(message, utc_ns)):
            raise ChainError(f"{message_name(message)} cannot stand in the row of turn {turn_seq}")
        if message[13] is not None:
            decided.append(message[5])  # type: ignore[arg-type]  # One without a number fits nowhere.
        rows.append(_message(message))
    for text in texts:
        if text.turn_seq != turn_seq:
            raise ChainError(f"text {text.kind} {text.hash} claims turn {text.turn_seq} inside turn {turn_seq}")
        rows.append(_text(text))
    if decided:
        last = outbox_id + len(decided)
        if (len(decided) > 1 or decided[0] != last) and sorted(decided) != list(range(outbox_id + 1, last + 1)):
            raise ChainError(f"outbox {sorted(decided)} of turn {turn_seq}: expected {outbox_id + 1} to {last}")
        outbox_id = last
    sealed = _seal(prior, turn, rows)
    return _made(Head, (turn_seq, event_seq, outbox_id, sealed[1])), sealed


_made: Any = tuple.__new__  # In half the time that a constructor takes.


def _is_plain(message: MessageRow, utc_ns: int) -> bool:
    """Is a message taken in all that the row of its turn has room for?"""
    return message[5:] == (None, utc_ns, message.data, 0, 0, *_NOT_DECIDED) and message.data is not None


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


def message_name(row: MessageRow) -> str:
    """`oms epoch 1 out 17`: how people find a row of `fix_messages`."""
    return f"{row.session} epoch {row.epoch} {row.direction} {row.seq}"


UNSPELLABLE: Final = (struct.error, AttributeError, TypeError, ValueError)
"""What the functions here raise for a row whose values are not of the kinds its table holds."""

_PACKERS: Final = tuple(struct.Struct(f"<{4 + count}I") for count in range(64))


def _packer(rows: int) -> struct.Struct:
    return _PACKERS[rows] if rows < len(_PACKERS) else struct.Struct(f"<{4 + rows}I")


_TURN: Final = struct.Struct(">cqqIIIIIII").pack
_EVENT: Final = struct.Struct(">cqqqqII").pack
_OUTBOX: Final = struct.Struct(">cqqBqqIIII").pack
_MESSAGE: Final = struct.Struct(">cqqqBqqqqIIq").pack
_ENTRY: Final = struct.Struct(">BqqqII").pack
_TEXT: Final = struct.Struct(">cqIII").pack


def _hash(prior: bytes, turn: StagedTurn, rows: Sequence[bytes]) -> bytes:
    turn_seq, utc_ns, input_kind, input_ref, person, events, outbox, messages, _, _, texts = turn
    kind, ref, actor = input_kind.encode(), input_ref.encode(), person.encode()
    counts = len(events), len(outbox), len(messages), len(texts)
    head = _TURN(b"T", turn_seq, utc_ns, *counts, len(kind), len(ref), len(actor))
    return sha256(b"".join((prior, head, kind, ref, actor, *rows))).digest()


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


def _message(row: MessageRow) -> bytes:
    session, epoch, way, seq, turn_seq, outbox_id, utc_ns, data, admin, poss_resend, word, event, until, kind, at = row
    key, direction = session.encode(), way.encode()
    size = -1 if data is None else len(data)
    present, number = (0, 0) if outbox_id is None else (1, outbox_id)
    head = _MESSAGE(
        b"M", epoch, seq, turn_seq, present, number, utc_ns, admin, poss_resend, len(key), len(direction), size
    )
    if word is None and event is None and until is None and kind is None and at is None:
        return head + key + direction + (data or b"")
    return b"".join((head, key, direction, data or b"", _entry(word, event, until, kind, at)))


_NOT_DECIDED: Final = (None,) * 5


def _entry(
    message_class: str | None,
    event_seq: int | None,
    not_after_ns: int | None,
    msg_type: str | None,
    body_at: int | None,
) -> bytes:
    """What a message is as an outbox entry; its first byte is the letter of no table."""
    word, kind = (message_class or "").encode(), (msg_type or "").encode()
    present = 1 if message_class is not None else 0
    if event_seq is not None:
        present += 2
    if not_after_ns is not None:
        present += 4
    if msg_type is not None:
        present += 8
    if body_at is not None:
        present += 16
    return _ENTRY(present, event_seq or 0, not_after_ns or 0, body_at or 0, len(word), len(kind)) + word + kind


def _text(row: TextRow) -> bytes:
    kind, digest, turn_seq, text = (row.kind.encode(), row.hash.encode(), row.turn_seq, row.text.encode())
    return _TEXT(b"X", turn_seq, len(kind), len(digest), len(text)) + kind + digest + text
