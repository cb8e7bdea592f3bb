"""`rfqctl session messages`: what a session received and sent, from the journal file, names for tags, secrets masked.

Rows are what the journal has: every application message in and out under its number, and of our own session messages
the numbers they took. A message that was sent again has one row, that of the first time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

from engine.admin import fix_messages
from engine.admin.tables import Paper
from engine.clock import iso_timestamp
from engine.errors import CommandError
from engine.fix.capture.decoding import Decoded, type_name
from engine.fix.capture.dissection import dissect
from engine.fix.capture.finding import Captured
from engine.fix.capture.log_prefix import LogPrefix
from engine.fix.standard.shelf import FIXT, Shelf
from engine.journal.archive import ReadOnly

LAST: Final = 20
"""Messages that are shown if nobody says how many."""
LAST_OF_RANGE: Final = 10_000
"""The same where numbers are named: of more than so many the last ones."""
SESSION_MESSAGE: Final = "session message: its bytes are not kept"
_STANDARD: Final = frozenset({8, 9, 10, 34, 35, 49, 52, 56})
"""Tags that say nothing which the head of a line does not say."""
_SIGNS: Final = {"in": "<", "out": ">"}

# The last rows of a session are near the end of their table: read backwards, without sorting.
_RECEIVED: Final = """
SELECT turn_seq, 'in', 0, utc_ns, epoch, seq, message, 0 FROM turns
WHERE message IS NOT NULL AND session = :session AND (:epoch IS NULL OR epoch = :epoch)
AND (:first IS NULL OR seq >= :first) AND (:last IS NULL OR seq <= :last) ORDER BY turn_seq DESC LIMIT :count
"""
_ANSWERED: Final = """
SELECT turn_seq, 'out', 0, utc_ns, sent_epoch, sent_seq, sent, 0 FROM turns
WHERE sent_seq IS NOT NULL AND sent_session = :session AND (:epoch IS NULL OR sent_epoch = :epoch)
AND (:first IS NULL OR sent_seq >= :first) AND (:last IS NULL OR sent_seq <= :last)
ORDER BY turn_seq DESC LIMIT :count
"""
_SENT: Final = """
SELECT m.turn_seq, 'out', m.position, t.utc_ns, m.epoch, m.seq, m.bytes, m.poss_resend
FROM fix_sent AS m JOIN turns AS t ON t.turn_seq = m.turn_seq
WHERE +m.session = :session AND (:epoch IS NULL OR m.epoch = :epoch)
AND (:first IS NULL OR m.seq >= :first) AND (:last IS NULL OR m.seq <= :last)
ORDER BY m.position DESC LIMIT :count
"""
_ASKED: Final = {"in": (_RECEIVED,), "out": (_ANSWERED, _SENT)}


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which messages: numbers mean those of one epoch, the latest if none is named. `count` is how many of the last."""

    session: str
    count: int | None = None
    first: int | None = None
    last: int | None = None
    direction: str | None = None
    epoch: int | None = None

    @property
    def by_number(self) -> bool:
        return self.first is not None or self.last is not None


class Kept(NamedTuple):
    """One row; `decoded` is None where only the number is kept, and `remark` says why."""

    utc_ns: int
    epoch: int
    direction: str
    seq: int
    poss_resend: bool
    decoded: Decoded | None
    remark: str = ""


def read(journal: Path, wanted: Wanted, shelf: Shelf) -> Iterator[Kept]:
    """The messages, oldest first. Raises CommandError where the journal knows no such session."""
    with ReadOnly(journal) as file:
        epoch = wanted.epoch
        if wanted.by_number and epoch is None:
            epoch = _latest_epoch(file, wanted.session)
        count = wanted.count or (LAST_OF_RANGE if wanted.by_number else LAST)
        parameters: Any = {
            "session": wanted.session,
            "epoch": epoch,
            "first": wanted.first,
            "last": wanted.last,
            "count": count,
        }
        ways = (wanted.direction,) if wanted.direction else tuple(_ASKED)
        rows = sorted(row for way in ways for query in _ASKED[way] for row in file.query(query, parameters))
        if not rows:
            _latest_epoch(file, wanted.session)
    for number, (_, direction, _, utc_ns, found_epoch, seq, data, poss_resend) in enumerate(rows[-count:], 1):
        if data is not None:
            kept, remark = decoded(number, bytes(data), direction, shelf), ""
        else:
            kept, remark = None, SESSION_MESSAGE
        yield Kept(utc_ns, found_epoch, direction, seq, bool(poss_resend), kept, remark)


def _latest_epoch(file: ReadOnly, session: str) -> int:
    epochs = {row.session: row.epoch for row in file.sessions()}
    if session not in epochs:
        known = ", ".join(epochs) or "none yet"
        raise CommandError(f"{file.path} has no session '{session}': it has {known}", code="unknown")
    return epochs[session]


def fields(paper: Paper, kept: str) -> Sequence[str]:
    """A message that came, kept as latin-1 text beside what it did: a field a line."""
    return fix_messages.body(paper, decoded(1, kept.encode("latin-1"), "in", Shelf()))


def decoded(number: int, frame: bytes, direction: str, shelf: Shelf) -> Decoded:
    """A message as it was kept."""
    begin_string = frame[2 : frame.find(b"\x01")].decode("latin-1")
    # DefaultApplVerID(1137) stood in the Logon, which is not kept: the newest stands in.
    choice = shelf.choose(begin_string, None) if begin_string == FIXT else shelf.choose(begin_string)
    parts = dissect(frame, choice.dictionary)
    captured = Captured(0, number, b"", frame, b"\x01", True, 0, 0)
    return Decoded(number, captured, LogPrefix(direction=direction), parts, choice, (), ())


# --- for people, and for programs ----------------------------------------------------------------


def line(paper: Paper, kept: Kept, *, with_raw: bool = False) -> str:
    """One message in one line: when, which way, its number, its type, and its fields by name or as they are."""
    found = kept.decoded
    if found is None:
        return f"{_head(paper, kept)} {paper.styled(kept.remark, 'dim')}"
    if with_raw:
        return f"{_head(paper, kept)} {fix_messages.raw(found)}"
    words = " ".join(fix_messages.named(found, field) for field in found.parts.fields if field.tag not in _STANDARD)
    return f"{_head(paper, kept)} {words}"


def block(paper: Paper, kept: Kept) -> Sequence[str]:
    """One message, a field a line."""
    if kept.decoded is None:
        return [line(paper, kept), ""]
    return [_head(paper, kept), *fix_messages.body(paper, kept.decoded), ""]


def _head(paper: Paper, kept: Kept) -> str:
    number = f"{kept.epoch}:{kept.seq}"
    words = f"{iso_timestamp(kept.utc_ns)} {_SIGNS[kept.direction]} {number}"
    if kept.decoded is not None:
        kind = kept.decoded.parts.msg_type
        words += f" {type_name(kind, kept.decoded.choice) or '?'}({fix_messages.shown(kind)})"
    return paper.styled(words, "bold")


def plain(kept: Kept, *, with_raw: bool = False) -> dict[str, Any]:
    """One message as JSON has it."""
    row = {
        "time": iso_timestamp(kept.utc_ns),
        "direction": kept.direction,
        "epoch": kept.epoch,
        "seq_num": kept.seq,
        "poss_resend": kept.poss_resend,
    }
    if kept.decoded is None:
        return {**row, "msg_type": None, "name": None, "fields": [], "remark": kept.remark}
    said = fix_messages.plain(kept.decoded, with_raw=with_raw)
    return {**row, **{name: said[name] for name in ("msg_type", "name", "fields", "raw") if name in said}}
