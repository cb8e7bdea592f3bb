"""From rows back to turns, to state, and to a verdict on the whole file. Pure: `reader` supplies the rows.

An audit recomputes the chain from the genesis hash. The first turn whose rows do not give its hash is where the
record was changed; its row check sums then say which row. A record cut off at its end is found by the anchors alone:
past the last anchor nobody can tell, and the verdict says since when.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple
from zlib import crc32

from engine.errors import JournalError
from engine.journal.anchor import Anchor
from engine.journal.batch import Answer, EventRow, NumberRow, OutboxRow, StagedTurn, TakenIn, TextRow
from engine.journal.chain import KINDS, UNSPELLABLE, number_name, read_sums, row_spellings, seal, turn_hash
from engine.journal.event_codec import Codec


class TurnRow(NamedTuple):
    """A row of table `turns`."""

    turn_seq: int
    utc_ns: int
    input_kind: str
    input_ref: str
    actor: str
    session: str | None
    epoch: int | None
    seq: int | None
    message: bytes | None
    sent_session: str | None
    sent_epoch: int | None
    sent_seq: int | None
    outbox_id: int | None
    sent: bytes | None
    message_class: str | None
    event_seq: int | None
    msg_type: str | None
    body_at: int | None
    row_sums: bytes
    hash: bytes

    # Whether the values in these columns make sense the chain says.

    def taken_in(self) -> TakenIn | None:
        place: Any = self[5:9]
        return None if place == _NOTHING_IN else TakenIn(*place)

    def answer(self) -> Answer | None:
        said: Any = self[9:18]
        return None if said == _NO_ANSWER else Answer(*said)


_NOTHING_IN: Final = (None,) * len(TakenIn._fields)
_NO_ANSWER: Final = (None,) * len(Answer._fields)


class Sent(NamedTuple):
    """A row of table `fix_sent`, with the turn that it belongs to."""

    turn_seq: int
    row: NumberRow


class Rows(NamedTuple):
    """The append-only tables in the order they were written; rows of texts from both text tables together."""

    turns: Iterable[TurnRow]
    events: Iterable[EventRow]
    outbox: Iterable[OutboxRow]
    sent: Iterable[Sent]
    texts: Iterable[TextRow]


class KeptTurn(NamedTuple):
    """One turn as the file shows it. `row_sums` and `hash` are what was written beside it."""

    turn: StagedTurn
    row_sums: bytes
    hash: bytes


class BadRow(NamedTuple):
    """Where the record does not hold: a table, a row of it in words, and what is wrong."""

    turn_seq: int
    table: str
    row: str
    problem: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an audit found. The record holds as far as can be known if `bad` is None.

    `turns` counts those that were checked and hold. `unanchored_since_ns` is the time of the last anchor that was
    confirmed (0 if there is none): turns cut off after that moment could not be told. `notes` are oddities.
    """

    turns: int
    bad: BadRow | None
    unanchored_since_ns: int
    notes: tuple[str, ...] = ()

    @property
    def holds(self) -> bool:
        return self.bad is None


TABLES: Final = dict(zip(KINDS, ("events", "outbox", "fix_messages", "rule_books, configs"), strict=True))


class _Misplaced(JournalError):
    """A row that belongs to no turn that could hold it."""

    def __init__(self, bad: BadRow) -> None:
        super().__init__(f"{bad.table}: {bad.row}: {bad.problem}")
        self.bad = bad


def group(rows: Rows) -> Iterator[KeptTurn]:
    """Turns with their rows, in one sweep over tables that are in turn order.

    Raises JournalError naming a row that is out of order or belongs to no turn.
    """
    events = _Sweep("events", rows.events)
    outbox = _Sweep("outbox", rows.outbox)
    sent = _Sweep("sent", rows.sent)
    texts = _Sweep("texts", rows.texts)
    for row in rows.turns:
        turn_seq = row.turn_seq
        turn = StagedTurn(
            *row[:5],
            events.take(turn_seq),
            outbox.take(turn_seq),
            row.taken_in(),
            row.answer(),
            tuple(each.row for each in sent.take(turn_seq)),
            texts=texts.take(turn_seq),
        )
        yield KeptTurn(turn, row.row_sums, row.hash)
    for sweep in (events, outbox, sent, texts):
        sweep.finish()


def fold(turns: Iterable[KeptTurn], codec: Codec, apply: Callable[[Any], object], prior: bytes) -> bytes:
    """Verified replay: check every turn's hash against the one before (`prior` at first), then apply its events.

    Returns the last hash. Raises JournalError naming the row that does not hold, or the event that cannot be read.
    """
    decode = codec.decode
    for kept in turns:
        try:
            found = turn_hash(prior, kept.turn)
        except UNSPELLABLE:
            found = b""
        if found != kept.hash:
            bad = _find(kept, prior)
            raise JournalError(f"turn {bad.turn_seq}: {bad.table}: {bad.row}: {bad.problem}; run an audit")
        prior = found
        for row in kept.turn.events:
            apply(decode(row.type, row.version, row.body))
    return prior


def verify(genesis: bytes, turns: Iterable[KeptTurn], anchors: Sequence[Anchor], notes: Sequence[str] = ()) -> Verdict:
    """Check every turn from the first one on. `anchors` are those of this journal, in any order."""
    waiting = sorted(anchors, key=lambda anchor: anchor.turn_seq)
    confirmed_ns = checked = at = 0
    prior = genesis
    bad: BadRow | None = None
    try:
        for kept in turns:
            bad = _check(kept, prior, checked)
            while bad is None and at < len(waiting) and waiting[at].turn_seq <= kept.turn.turn_seq:
                bad = _against(waiting[at], kept)
                confirmed_ns = confirmed_ns if bad else max(confirmed_ns, waiting[at].utc_ns)
                at += 1
            if bad is not None:
                break
            prior = kept.hash
            checked += 1
    except _Misplaced as error:
        bad = error.bad
    except JournalError as error:
        bad = BadRow(checked + 1, "file", f"turn {checked + 1}, or a row of it", f"cannot be read: {error}")
    if bad is None and at < len(waiting):
        last = waiting[-1]
        bad = BadRow(
            checked + 1, "turns", f"turn {checked + 1}", f"cut off: an anchor of {last.utc_ns} saw turn {last.turn_seq}"
        )
    return Verdict(checked, bad, confirmed_ns, tuple(notes))


def _check(kept: KeptTurn, prior: bytes, checked: int) -> BadRow | None:
    turn_seq = kept.turn.turn_seq
    if turn_seq != checked + 1:
        return BadRow(checked + 1, "turns", f"turn {checked + 1}", f"missing: the next one is turn {turn_seq}")
    try:
        sealed = seal(prior, kept.turn)
    except UNSPELLABLE:  # A value of another kind than the table holds.
        return _find(kept, prior)
    if sealed.hash != kept.hash:
        return _find(kept, prior)
    if sealed.row_sums != kept.row_sums:
        return BadRow(turn_seq, "turns", f"turn {turn_seq}", "row_sums changed: its rows and its hash hold")
    return None


def _against(anchor: Anchor, kept: KeptTurn) -> BadRow | None:
    if anchor.turn_seq == kept.turn.turn_seq and anchor.hash == kept.hash:
        return None
    what = f"anchored as {anchor.hash.hex()} at {anchor.utc_ns}, found {kept.hash.hex()}: rewritten since"
    return BadRow(kept.turn.turn_seq, "turns", f"turn {kept.turn.turn_seq}", what)


def _find(kept: KeptTurn, prior: bytes) -> BadRow:
    """Which row of a turn that does not hold it is, by the check sums kept beside the turn."""
    turn = kept.turn
    itself = f"turn {turn.turn_seq}"
    try:
        written = read_sums(kept.row_sums)
    except (TypeError, ValueError) as error:
        return BadRow(turn.turn_seq, "turns", itself, f"row_sums cannot be read: {error}")
    found: dict[str, Sequence[Any]] = {
        "events": turn.events,
        "outbox": turn.outbox,
        "sent": turn.sent,
        "texts": turn.texts,
    }
    for kind in KINDS:
        rows, sums = found[kind], written[kind]
        if len(rows) == len(sums) and all(_sum_of(kind, row) == one for row, one in zip(rows, sums, strict=True)):
            continue
        at = next((at for at, row in enumerate(rows) if at >= len(sums) or _sum_of(kind, row) != sums[at]), len(rows))
        if len(rows) < len(sums):  # What stands in its place, if anything, is a later row.
            row, problem = _absent(kind, rows, at, turn.turn_seq), "missing"
        else:
            row, problem = _name(kind, rows[at]), "changed" if len(rows) == len(sums) else "added"
        if len(rows) != len(sums):
            problem += f": {len(sums)} rows recorded in {itself}, {len(rows)} found"
        return BadRow(turn.turn_seq, TABLES[kind], row, problem)
    return BadRow(
        turn.turn_seq, "turns", _own(turn), f"changed: all else of it holds, not its hash after {prior.hex()[:16]}"
    )


def _own(turn: StagedTurn) -> str:
    """The turn's own row in words, with the messages that stand in it."""
    taken_in, answer = turn.taken_in, turn.answer
    words = [f"turn {turn.turn_seq}"]
    if taken_in is not None:
        words.append(f"{taken_in.session} epoch {taken_in.epoch} in {taken_in.seq}")
    if answer is not None:
        words.append(f"{answer.session} epoch {answer.epoch} out {answer.seq}")
    return ", ".join(words)


def _sum_of(kind: str, row: Any) -> int | None:
    rows: dict[str, Any] = {kind: (row,)}
    try:
        return crc32(row_spellings(StagedTurn(0, 0, "", "", "", **rows))[0])
    except UNSPELLABLE:
        return None


def _name(kind: str, row: Any) -> str:
    if kind == "events":
        return f"seq {row.seq}"
    if kind == "outbox":
        return f"id {row.id}"
    if kind == "sent":
        return number_name(row.row if isinstance(row, Sent) else row)
    return f"{row.kind} {row.hash}"


def _absent(kind: str, rows: Sequence[Any], at: int, turn_seq: int) -> str:
    """The name of the row that should stand at `at`: its number where rows are numbered, else its place."""
    if kind != "events" or not rows:
        return f"row {at + 1} of turn {turn_seq}"
    # Numbers run on by one; the first column is the number.
    return f"seq {rows[at - 1][0] + 1 if at else rows[0][0] - 1}"


class _Sweep:
    """Takes rows from one table, turn by turn."""

    __slots__ = ("_done", "_kind", "_next", "_rows")

    def __init__(self, kind: str, rows: Iterable[Any]) -> None:
        self._kind = kind
        self._rows = iter(rows)
        self._next = next(self._rows, None)
        self._done = 0

    def take(self, turn_seq: int) -> tuple[Any, ...]:
        row = self._next
        taken: list[Any] = []
        try:
            while row is not None and row.turn_seq <= turn_seq:
                if row.turn_seq < turn_seq:
                    raise self._misplaced(row, taken[-1].turn_seq if taken else self._done)
                taken.append(row)
                row = next(self._rows, None)
        except TypeError:  # A turn_seq that is no number.
            raise _Misplaced(BadRow(turn_seq, TABLES[self._kind], _name(self._kind, row), "changed")) from None
        self._next = row
        self._done = turn_seq
        return tuple(taken)

    def finish(self) -> None:
        if self._next is not None:
            raise self._misplaced(self._next, self._done)

    def _misplaced(self, row: Any, behind: int) -> _Misplaced:
        name = _name(self._kind, row)
        if row.turn_seq > self._done:
            problem = f"missing: {TABLES[self._kind]} {name} belongs to it"
            return _Misplaced(BadRow(row.turn_seq, "turns", f"turn {row.turn_seq}", problem))
        problem = f"out of place: claims turn {row.turn_seq}, stands behind rows of turn {behind}"
        return _Misplaced(BadRow(self._done + 1, TABLES[self._kind], name, problem))
